"""One function for each way to come to no result; the others must be checked nevertheless."""

import ctypes
import os
import sys

import numpy as np

print('{"files": []}')  # which must not be taken for an answer


def exits_forward(x):
    return x, x


def exits_backward(dout, cache):
    os._exit(3)


def quits_forward(x):
    sys.exit("bye")


def quits_backward(dout, cache):
    return dout


def crashes_forward(x):
    ctypes.string_at(0)


def crashes_backward(dout, cache):
    return dout


def greedy_forward(x):
    return x * len(np.empty(1 << 30)), x


def greedy_backward(dout, cache):
    return dout


def relu_forward(x):
    print("x is", x.shape)
    return np.maximum(x, 0), x


def relu_backward(dout, cache):
    return dout * (mask > 0)  # noqa: F821


def tanh_forward(x):
    return np.tanh(x), x


def tanh_backward(dout, cache):
    pass


def sigmoid_forward(x):
    return 1 / (1 + np.exp(-x)), x


def sigmoid_backward(dout, cache):
    return "dx"


def elu_forward(x):
    return x


def elu_backward(dout, cache):
    return dout


def layernorm_forward(x, gamma, beta, ln_param):
    out, cache = None, None
    return out, cache


def layernorm_backward(dout, cache):
    return None, None, None


def todo_forward(x):
    raise NotImplementedError


def todo_backward(dout, cache):
    raise NotImplementedError


def asks_forward(x):
    return x * float(input()), x


def asks_backward(dout, cache):
    return dout


def half_forward(x):
    return x, x


def other_backward(dout, cache):
    return dout


def hypot_forward(near, far, power):
    assert near.shape == (3, 5)
    assert power == 2
    return (near**power + far**power) ** (1 / power), (near, far)


def hypot_backward(dout, cache):
    near, far = cache
    out = np.sqrt(near**2 + far**2)
    return dout * near / out, dout * far / out


def elsewhere_forward(x):
    return np.sqrt(x), x


def elsewhere_backward(dout, cache):
    return dout * 0.5 / np.sqrt(cache)


def cube_forward(x):
    return x**3, x


def cube_backward(dout, cache):
    return 3 * dout * cache**2


def example_inputs(op, rng):
    if op == "elsewhere":
        return -np.ones((2, 3))
    return None
