"""Backward passes whose behaviour is at fault."""

import numpy as np

from blind.shelf import note
from corpus.specimen import normal

DIRTY = []
STATE = {}


def affine(x, w, b):
    return x @ w + b, (x, w)


def affine_list(dout, cache):
    x, w = cache
    return (dout @ w.T).tolist(), x.T @ dout, dout.sum(0)


def affine_two(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout


def affine_none(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, None


def affine_dict(dout, cache):
    x, w = cache
    return {"dx": dout @ w.T, "dw": x.T @ dout, "db": dout.sum(0)}


def affine_keepdims(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0, keepdims=True)


def affine_complex(dout, cache):
    x, w = cache
    return dout @ w.T + 0j, x.T @ dout, dout.sum(0)


def affine_noise(dout, cache):
    x, w = cache
    dw = x.T @ dout
    return dout @ w.T, dw + np.random.default_rng().normal(size=dw.shape), dout.sum(0)


def affine_four(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(0), 0.0


shapes = normal((4, 3), (3, 5), (5,))
note(DIRTY, "affine: dx as lists", affine, affine_list, shapes, "", "bad_output")
note(DIRTY, "affine: db missing", affine, affine_two, shapes, "", "bad_output")
note(DIRTY, "affine: None for db", affine, affine_none, shapes, "db", "bad_output")
note(DIRTY, "affine: dictionary", affine, affine_dict, shapes, "", "bad_output")
note(DIRTY, "affine: db of shape (1, M)", affine, affine_keepdims, shapes, "", "bad_output")
note(DIRTY, "affine: complex dx", affine, affine_complex, shapes, "", "bad_output")
note(DIRTY, "affine: noise in dw", affine, affine_noise, shapes, "dw", "nondeterministic")
note(DIRTY, "affine: a number too many", affine, affine_four, shapes, "", "bad_output")


def relu(x):
    return np.maximum(x, 0), x


def relu_in_place(dout, x):
    dout[x <= 0] = 0
    return dout


def relu_cache_written(dout, x):
    x[x > 0] = 1
    x[x < 0] = 0
    return dout * x


def relu_half_precision(dout, x):
    return (dout * (x > 0)).astype(np.float16)


def relu_forward_in_place(x):
    x[x < 0] = 0
    return x.copy(), x > 0


def relu_mask(dout, mask):
    return dout * mask


note(DIRTY, "relu: dout overwritten", relu, relu_in_place, normal((3, 4)), "", "mutates_or_aliases")
note(
    DIRTY,
    "relu: x overwritten",
    relu,
    relu_cache_written,
    normal((3, 4)),
    "",
    "mutates_or_aliases",
)
note(
    DIRTY,
    "relu: result in float16",
    relu,
    relu_half_precision,
    normal((3, 4)),
    "dx",
    "bad_output",
    "precision_loss",
)
note(
    DIRTY,
    "relu: forward writes x",
    relu_forward_in_place,
    relu_mask,
    normal((3, 4)),
    "",
    "mutates_or_aliases",
)


def dropout(x):
    mask = np.random.rand(*x.shape) < 0.7
    return x * mask / 0.7, mask


def dropout_back(dout, mask):
    return dout * mask / 0.7


note(
    DIRTY,
    "dropout: global generator",
    dropout,
    dropout_back,
    normal((4, 5)),
    "",
    "nondeterministic",
)


def tanh_global(x):
    STATE["out"] = np.tanh(x)
    return np.tanh(x), None


def tanh_global_back(dout, cache):
    return dout * (1 - STATE["out"] ** 2)


note(
    DIRTY,
    "tanh: output in a global",
    tanh_global,
    tanh_global_back,
    normal((3, 4)),
    "",
    "stale_cache",
)


def sigmoid_attr(x):
    s = 1 / (1 + np.exp(-x))
    sigmoid_attr.last = s.copy()
    return s, "sigmoid"


def sigmoid_attr_back(dout, cache):
    s = sigmoid_attr.last
    return dout * s * (1 - s)


note(
    DIRTY,
    "sigmoid: output on the function",
    sigmoid_attr,
    sigmoid_attr_back,
    normal((3, 4)),
    "",
    "stale_cache",
)


class Square:
    x = None

    @classmethod
    def forward(cls, x):
        cls.x = x.copy()
        return x**2, ()

    @classmethod
    def backward(cls, dout, cache):
        return 2 * cls.x * dout


note(
    DIRTY,
    "square: input on the class",
    Square.forward,
    Square.backward,
    normal((4, 3)),
    "",
    "stale_cache",
)


def product(a, b):
    return a * b, (a.copy(), b.copy())


def product_in_place(dout, cache):
    a, b = cache
    a *= dout
    b *= dout
    return b, a


note(
    DIRTY,
    "product: cached factors reused",
    product,
    product_in_place,
    normal((3, 4), (3, 4)),
    "",
    "mutates_or_aliases",
)


def half_square(x):
    return 0.5 * (x * x).sum(), x


def half_square_back(dout, x):
    x *= dout
    return x


note(
    DIRTY,
    "half square: cache scaled and returned",
    half_square,
    half_square_back,
    normal((5,)),
    "",
    "mutates_or_aliases",
)


def add(a, b):
    return a + b, None


def add_back(dout, cache):
    d = dout * 1.0
    return d, d


note(
    DIRTY,
    "sum: one array for both",
    add,
    add_back,
    normal((3, 4), (3, 4)),
    "",
    "mutates_or_aliases",
)


def norm_ratio(x):
    return np.abs(x) ** 1.5, x


def norm_ratio_back(dout, x):
    return dout * 1.5 * np.sqrt(x) * np.sign(x)


def negative(rng):
    x = rng.normal(size=(3, 4))
    x[0, 0] = -1.0
    return (x,)


note(DIRTY, "power: root of negative x", norm_ratio, norm_ratio_back, negative, "dx", "nonfinite")


def cubic(x):
    return x**3, x


def cubic_back(dout, x):
    return dout * np.exp(3 * np.log(x)) * 3 / x


note(DIRTY, "cube: logarithm of negative x", cubic, cubic_back, negative, "dx", "nonfinite")


def unit(x):
    return x / (1 + np.abs(x)), x


def unit_back(dout, x):
    return dout / (1 + np.abs(x)) ** 2 + 0 * np.log(np.maximum(x, 0))


note(DIRTY, "softsign: log of zero", unit, unit_back, negative, "dx", "nonfinite")


def mean(x):
    return x.mean(axis=0), x.shape


def mean_flat(dout, shape):
    return np.broadcast_to(dout / shape[0], shape).ravel().copy()


def mean_int(dout, shape):
    return (np.ones(shape) * dout / shape[0]).astype(int)


note(DIRTY, "mean: flat result", mean, mean_flat, normal((4, 3)), "", "bad_output")
note(DIRTY, "mean: integers", mean, mean_int, normal((4, 3)), "dx", "bad_output", "precision_loss")

calls = []


def counted(x):
    return 2 * x, None


def counted_back(dout, cache):
    calls.append(1)
    return dout * 2 * (1 + 1e-3 * len(calls))


note(
    DIRTY,
    "double: drifts from call to call",
    counted,
    counted_back,
    normal((3, 4)),
    "dx",
    "nondeterministic",
    "stale_cache",
)
