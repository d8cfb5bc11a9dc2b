"""Right backward passes with unusual caches, outputs and ways to be written."""
# ruff: noqa: RET504

import functools
from collections import namedtuple

import numpy as np

from corpus.specimen import Specimen, normal

# caches


class Saved:
    """What a forward pass keeps."""

    __slots__ = ("x", "out")

    def __init__(self, x, out):
        self.x = x
        self.out = out


def tanh_forward_slots(x):
    out = np.tanh(x)
    return out, Saved(x, out)


def tanh_backward_slots(dout, saved):
    return dout * (1 - saved.out**2)


class Context:
    """A place for anything that backward needs."""

    def save(self, **things):
        self.__dict__.update(things)
        return self


def bilinear_forward(a, b):
    ctx = Context().save(a=a, b=b, note=None, kind="product")
    return a * b, ctx


def bilinear_backward(dout, ctx):
    return dout * ctx.b, dout * ctx.a


NormCache = namedtuple("NormCache", ["xhat", "inv", "axis", "name"])


def standardise_forward(x, axis=1):
    c = x - x.mean(axis=axis, keepdims=True)
    inv = 1 / np.sqrt((c * c).mean(axis=axis, keepdims=True) + 1e-6)
    return c * inv, NormCache(c * inv, inv, axis, "standardise")


def standardise_backward(dout, cache):
    inner = (dout * cache.xhat).mean(axis=cache.axis, keepdims=True)
    return cache.inv * (dout - dout.mean(axis=cache.axis, keepdims=True) - cache.xhat * inner)


def derivative_of_tanh(out):
    return 1 - out**2


def derivative_of_sigmoid(out):
    return out * (1 - out)


DERIVATIVES = {"tanh": derivative_of_tanh, "sigmoid": derivative_of_sigmoid}


def dense_forward(x, w, b=None, activation="tanh"):
    z = x @ w if b is None else x @ w + b
    out = np.tanh(z) if activation == "tanh" else 1 / (1 + np.exp(-z))
    cache = {
        "arrays": [x, w, {"out": out}],
        "activation": (activation, DERIVATIVES[activation]),
        "bias": None if b is None else b.shape,
        "shape": x.shape,
        7: "seven",
    }
    return out, cache


def dense_backward(dout, cache):
    x, w, rest = cache["arrays"]
    name, derivative = cache["activation"]
    dz = dout * derivative(rest["out"])
    if cache["bias"] is None:
        return dz @ w.T, x.T @ dz
    return dz @ w.T, x.T @ dz, dz.sum(axis=0)


def without_bias(rng):
    return rng.standard_normal((5, 4)), rng.standard_normal((4, 3)), None


def fft_filter_forward(x, kernel):
    # circular convolution of each row; the cache is complex
    fx, fk = np.fft.rfft(x, axis=1), np.fft.rfft(kernel)
    return np.fft.irfft(fx * fk, n=x.shape[1], axis=1), (fx, fk, x.shape[1])


def fft_filter_backward(dout, cache):
    fx, fk, n = cache
    fd = np.fft.rfft(dout, axis=1)
    dx = np.fft.irfft(fd * np.conj(fk), n=n, axis=1)
    dkernel = np.fft.irfft((fd * np.conj(fx)).sum(axis=0), n=n)
    return dx, dkernel


def taped_forward(x, w):
    tape = []
    z = x @ w

    def through_product(d):
        return d @ w.T, x.T @ d

    tape.append(through_product)
    out = np.sin(z)

    def through_sine(d):
        return d * np.cos(z)

    tape.append(through_sine)
    return out, tape


def taped_backward(dout, tape):
    for step in reversed(tape):
        dout = step(dout)
    return dout


def closure_forward(x):
    s = 1 / (1 + np.exp(-x))

    def pull(dout):
        return dout * (s + x * s * (1 - s))

    return x * s, pull


def closure_backward(dout, pull):
    return pull(dout)


def negate_forward(x):
    return -x, None


def negate_backward(dout, cache):
    return -dout


# several outputs


def statistics_forward(x):
    mean = x.mean(axis=1)
    var = ((x - mean[:, None]) ** 2).mean(axis=1)
    return (mean, var), (x, mean)


def statistics_backward(dout, cache):
    dmean, dvar = dout
    x, mean = cache
    D = x.shape[1]
    return dmean[:, None] / D + dvar[:, None] * 2 / D * (x - mean[:, None])


def recurrent_cell_forward(x, h, c):
    f = 1 / (1 + np.exp(-x))
    new_c = f * c + (1 - f) * h
    new_h = np.tanh(new_c)
    return (new_h, new_c), (f, h, c, new_h)


def recurrent_cell_backward(dout, cache):
    dh, dc = dout
    f, h, c, new_h = cache
    dc = dc + dh * (1 - new_h**2)
    return dc * (c - h) * f * (1 - f), dc * (1 - f), dc * f


# gradients that are views of dout


def flatten_forward(x):
    return x.reshape(x.shape[0], -1), x.shape


def flatten_backward(dout, shape):
    return dout.reshape(shape)


def transpose_forward(x):
    return x.swapaxes(1, 2), None


def transpose_backward(dout, cache):
    return dout.swapaxes(1, 2)


def identity_forward(x):
    return x.copy(), ()


def identity_backward(dout, cache):
    return dout


def pad_forward(x, by=2):
    return np.pad(x, ((0, 0), (by, by))), by


def pad_backward(dout, by):
    return dout[:, by:-by]


def concatenate_forward(a, b):
    return np.hstack([a, b]), a.shape[1]


def concatenate_backward(dout, n):
    return dout[:, :n], dout[:, n:]


def row_sum_forward(x):
    return x.sum(axis=1, keepdims=True), x.shape


def row_sum_backward(dout, shape):
    return np.broadcast_to(dout, shape)


# state that does no harm


@functools.cache
def window_indices(T, size):
    idx = np.arange(T - size + 1)[:, None] + np.arange(size)
    idx.flags.writeable = False
    return idx


def conv1d_forward(x, w):
    idx = window_indices(x.shape[1], len(w))
    return x[:, idx] @ w, (x, w)


def conv1d_backward(dout, cache):
    x, w = cache
    idx = window_indices(x.shape[1], len(w))
    dx = np.zeros_like(x)
    np.add.at(dx, (slice(None), idx), dout[:, :, None] * w)
    return dx, np.einsum("nt,ntk->k", dout, x[:, idx])


SCRATCH = np.empty(64)


def sum_of_squares_forward(x):
    work = SCRATCH[: x.size].reshape(x.shape)
    np.multiply(x, x, out=work)
    return work.sum(axis=1), x


def sum_of_squares_backward(dout, x):
    work = SCRATCH[: x.size].reshape(x.shape)
    np.multiply(2 * x, dout[:, None], out=work)
    return work.copy()


CALLS = {"forward": 0, "backward": 0}


def counted_forward(x):
    CALLS["forward"] += 1
    return x**3, x


def counted_backward(dout, x):
    CALLS["backward"] += 1
    return 3 * x**2 * dout


def bce_forward(p, y):
    return float(-np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))), (p, y)


def bce_backward(dout, cache):
    p, y = cache
    return dout * (p - y) / (p * (1 - p))


def probabilities_and_floats(rng):
    return rng.uniform(0.1, 0.9, 6), rng.integers(0, 2, 6).astype(float)


class Affine:
    """A pair as methods of an object that holds settings only."""

    def __init__(self, gain):
        self.gain = gain

    def forward(self, x, w):
        return self.gain * (x @ w), (x, w)

    def backward(self, dout, cache):
        x, w = cache
        return self.gain * (dout @ w.T), self.gain * (x.T @ dout)


TRIPLE = Affine(3.0)


def right(name, forward, backward, make, **options):
    return Specimen(name, forward, backward, make, options)


RIGHT = [
    right("cache: object with slots", tanh_forward_slots, tanh_backward_slots, normal((3, 5))),
    right(
        "cache: object with anything", bilinear_forward, bilinear_backward, normal((3, 5), (3, 5))
    ),
    right("cache: named tuple", standardise_forward, standardise_backward, normal((3, 5)), axis=1),
    right(
        "cache: nested, with text and functions",
        dense_forward,
        dense_backward,
        normal((5, 4), (4, 3), (3,)),
        activation="sigmoid",
    ),
    right("bias None", dense_forward, dense_backward, without_bias, activation="tanh"),
    right("cache: complex", fft_filter_forward, fft_filter_backward, normal((3, 6), (6,))),
    right("cache: tape of closures", taped_forward, taped_backward, normal((3, 4), (4, 5))),
    right("cache: one closure", closure_forward, closure_backward, normal((3, 5))),
    right("cache: None", negate_forward, negate_backward, normal((3, 5))),
    right("two outputs", statistics_forward, statistics_backward, normal((3, 5))),
    right(
        "two outputs, three inputs",
        recurrent_cell_forward,
        recurrent_cell_backward,
        normal((3, 4), (3, 4), (3, 4)),
    ),
    right("view of dout: reshaped", flatten_forward, flatten_backward, normal((3, 2, 4))),
    right("view of dout: transposed", transpose_forward, transpose_backward, normal((3, 2, 4))),
    right("view of dout: itself", identity_forward, identity_backward, normal((3, 5))),
    right("view of dout: a slice", pad_forward, pad_backward, normal((3, 5)), by=2),
    right(
        "view of dout: two slices",
        concatenate_forward,
        concatenate_backward,
        normal((3, 4), (3, 2)),
    ),
    right("view of dout: broadcast", row_sum_forward, row_sum_backward, normal((3, 5))),
    right("memory of index tables", conv1d_forward, conv1d_backward, normal((3, 7), (3,))),
    right(
        "scratch array shared by all calls",
        sum_of_squares_forward,
        sum_of_squares_backward,
        normal((3, 5)),
    ),
    right("counts its calls", counted_forward, counted_backward, normal((3, 5))),
    right("loss as a Python float", bce_forward, bce_backward, probabilities_and_floats),
    right("methods of an object", TRIPLE.forward, TRIPLE.backward, normal((3, 4), (4, 5))),
]
