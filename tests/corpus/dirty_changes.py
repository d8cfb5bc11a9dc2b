"""Right values, but arguments, dout or the cache are changed or handed out."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, labelled, normal


def relu_forward(x):
    return np.maximum(0, x), x


def relu_backward_zeroes_dout(dout, cache):
    x = cache
    dout[x <= 0] = 0
    return dout


def relu_forward_in_place(x):
    x[x < 0] = 0
    return x.copy(), x > 0


def relu_backward_of_mask(dout, mask):
    return dout * mask


def tanh_affine_forward(x, w, b):
    out = np.tanh(x @ w + b)
    return out, (x, w, out)


def tanh_affine_backward_scales_dout(dout, cache):
    x, w, out = cache
    dout *= 1 - out**2
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def softmax_forward_in_place(x):
    x -= x.max(axis=1, keepdims=True)
    e = np.exp(x)
    p = e / e.sum(axis=1, keepdims=True)
    return p, p.copy()


def softmax_backward(dout, p):
    return p * (dout - (dout * p).sum(axis=1, keepdims=True))


def softmax_loss_forward(x, y):
    shifted = x - x.max(axis=1, keepdims=True)
    probs = np.exp(shifted)
    probs /= probs.sum(axis=1, keepdims=True)
    N = x.shape[0]
    return -np.log(probs[np.arange(N), y]).sum() / N, (probs, y)


def softmax_loss_backward_in_cache(dout, cache):
    dx, y = cache
    N = dx.shape[0]
    dx[np.arange(N), y] -= 1
    dx /= N
    return dout * dx


def batchnorm_forward(x, gamma, beta):
    mu = x.mean(axis=0)
    std = np.sqrt(x.var(axis=0) + 1e-5)
    xhat = (x - mu) / std
    return gamma * xhat + beta, {"xhat": xhat, "gamma": gamma, "std": std}


def batchnorm_backward_reuses_xhat(dout, cache):
    xhat, gamma, std = cache["xhat"], cache["gamma"], cache["std"]
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xhat).sum(axis=0)
    N = dout.shape[0]
    xhat *= dgamma
    dx = gamma / std / N * (N * dout - dbeta - xhat)
    return dx, dgamma, dbeta


def sum_squares_forward(x):
    return 0.5 * np.sum(x * x, axis=1), x


def sum_squares_backward_into_x(dout, x):
    x *= dout[:, None]
    return x


def sine_forward(x):
    # the gradient is prepared while x is at hand
    grad = np.cos(x)
    return np.sin(x), {"grad": grad}


def sine_backward_in_place(dout, cache):
    grad = cache["grad"]
    grad *= dout
    return grad


def buffered_forward(x):
    out = np.exp(x)
    return out, (out.copy(), np.empty_like(x))


def buffered_backward(dout, cache):
    # the buffer of the cache is handed out
    e, buffer = cache
    np.multiply(dout, e, out=buffer)
    return buffer


def floor_forward(x):
    return np.floor(x), {"zero": np.zeros_like(x)}


def floor_backward(dout, cache):
    return cache["zero"]


def flattening_forward(x, w):
    shape = x.shape
    x.shape = (shape[0], -1)
    return x @ w, (x.copy(), w, shape)


def flattening_backward(dout, cache):
    x, w, shape = cache
    return (dout @ w.T).reshape(shape), x.T @ dout


def stack_forward(x, w):
    stack = [x]
    stack.append(x @ w)
    return np.tanh(stack[-1]), {"stack": stack, "w": w}


def stack_backward_pops(dout, cache):
    z = cache["stack"].pop()
    x = cache["stack"].pop()
    dz = dout * (1 - np.tanh(z) ** 2)
    return dz @ cache["w"].T, x.T @ dz


def normalise_forward(x):
    norm = np.sqrt((x**2).sum(axis=1, keepdims=True))
    return x / norm, (x, norm)


def normalise_backward_divides_cache(dout, cache):
    x, norm = cache
    x /= norm
    return (dout - x * (dout * x).sum(axis=1, keepdims=True)) / norm


X = normal((3, 5))


AFFINE_INPUTS = normal((5, 4), (4, 3), (3,))


def between_integers(rng):
    return (rng.integers(-5, 5, (3, 5)) + rng.uniform(0.2, 0.8, (3, 5)),)


def dirty(name, forward, backward, make, cause, wrong="", also=(), **options):
    return Specimen(name, forward, backward, make, options, tuple(wrong.split()), cause, also)


CHANGES = "mutates_or_aliases"


DIRTY = [
    dirty("relu: zeroes dout itself", relu_forward, relu_backward_zeroes_dout, X, CHANGES),
    dirty("relu: zeroes x itself", relu_forward_in_place, relu_backward_of_mask, X, CHANGES),
    dirty(
        "tanh layer: dout *= 1 - out**2",
        tanh_affine_forward,
        tanh_affine_backward_scales_dout,
        AFFINE_INPUTS,
        CHANGES,
    ),
    dirty("softmax: x -= max", softmax_forward_in_place, softmax_backward, X, CHANGES),
    dirty(
        "cross-entropy: subtracts 1 from the cached probabilities",
        softmax_loss_forward,
        softmax_loss_backward_in_cache,
        labelled(5, 4),
        CHANGES,
    ),
    dirty(
        "batch norm: xhat of the cache multiplied",
        batchnorm_forward,
        batchnorm_backward_reuses_xhat,
        normal((6, 4), (4,), (4,)),
        CHANGES,
    ),
    dirty(
        "half square: gradient written into x",
        sum_squares_forward,
        sum_squares_backward_into_x,
        normal((5, 3)),
        CHANGES,
    ),
    dirty(
        "sine: cached derivative multiplied by dout",
        sine_forward,
        sine_backward_in_place,
        X,
        CHANGES,
    ),
    dirty("exp: hands out a buffer of the cache", buffered_forward, buffered_backward, X, CHANGES),
    dirty(
        "floor: hands out the zeros of the cache",
        floor_forward,
        floor_backward,
        between_integers,
        CHANGES,
    ),
    dirty(
        "flattening: sets x.shape",
        flattening_forward,
        flattening_backward,
        normal((5, 2, 3), (6, 4)),
        CHANGES,
    ),
    dirty(
        "tanh of x w: pops what it needs from the cache",
        stack_forward,
        stack_backward_pops,
        normal((5, 4), (4, 3)),
        CHANGES,
    ),
    dirty(
        "unit rows: divides the cached x",
        normalise_forward,
        normalise_backward_divides_cache,
        X,
        CHANGES,
    ),
]
