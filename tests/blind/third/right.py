"""Right backward passes that look suspicious."""

import numpy as np

from blind.shelf import note
from corpus.specimen import normal

RIGHT = []


def fixed(*values):
    def make(rng):
        return tuple(np.array(v, dtype=float) for v in values)

    return make


def affine(x, w, b):
    return x.reshape(len(x), -1) @ w + b, (x, w, b.shape)


def affine_back(dout, cache):
    x, w, shape = cache
    dx = (dout @ w.T).reshape(x.shape)
    return dx, x.reshape(len(x), w.shape[0]).T @ dout, dout.sum(axis=0).reshape(shape)


def affine0(x, w, b):
    return x @ w + b, (x, w, b.shape)


def as_float32(rng):
    return tuple(rng.normal(size=s).astype(np.float32) for s in ((4, 3), (3, 5), (5,)))


def strided(rng):
    return rng.normal(size=(3, 4)).T, rng.normal(size=(6, 5))[::2], rng.normal(size=10)[::-2]


def locked(rng):
    arrays = rng.normal(size=(4, 3)), rng.normal(size=(3, 5)), rng.normal(size=5)
    for a in arrays:
        a.flags.writeable = False
    return arrays


def huge(rng):
    return rng.normal(size=(4, 3)) * 1e8, rng.normal(size=(3, 5)), rng.normal(size=5) * 1e8


def tiny(rng):
    return rng.normal(size=(4, 3)) * 1e-8, rng.normal(size=(3, 5)), rng.normal(size=5) * 1e-8


note(RIGHT, "affine: flattened images", affine, affine_back, normal((3, 2, 4), (8, 5), (5,)))
note(RIGHT, "affine: bias as one row", affine, affine_back, normal((3, 4), (4, 5), (1, 5)))
note(RIGHT, "affine: no examples", affine0, affine_back, normal((0, 4), (4, 5), (5,)))
note(RIGHT, "affine: one example", affine, affine_back, normal((1, 4), (4, 5), (5,)))
note(RIGHT, "affine: one of everything", affine, affine_back, normal((1, 1), (1, 1), (1,)))
note(RIGHT, "affine: single precision", affine, affine_back, as_float32)
note(RIGHT, "affine: strided arrays", affine, affine_back, strided)
note(RIGHT, "affine: read-only arrays", affine, affine_back, locked)
note(RIGHT, "affine: entries of 1e8", affine, affine_back, huge)
note(RIGHT, "affine: entries of 1e-8", affine, affine_back, tiny)


def relu(x):
    return np.maximum(x, 0), x


def relu_zero(dout, x):
    return dout * (x > 0)


def relu_one(dout, x):
    return np.where(x >= 0, dout, 0)


def relu_half(dout, x):
    return dout * np.heaviside(x, 0.5)


def zeros_in(rng):
    x = rng.normal(size=(3, 5))
    x[0, :2] = x[2, 4] = 0
    return (x,)


note(RIGHT, "relu: nothing at zero", relu, relu_zero, zeros_in)
note(RIGHT, "relu: one at zero", relu, relu_one, zeros_in)
note(RIGHT, "relu: half at zero", relu, relu_half, zeros_in)
note(RIGHT, "relu: all inputs negative", relu, relu_zero, fixed([[-1, -2], [-0.5, -3]]))
note(RIGHT, "relu: scalar", relu, relu_zero, fixed(0.7))
note(RIGHT, "relu: all inputs zero", relu, relu_one, fixed(np.zeros((2, 3))))


def absolute(x):
    return np.abs(x), np.sign(x)


def absolute_back(dout, s):
    return dout * s


def absolute_plus(x):
    return np.abs(x), np.where(x < 0, -1.0, 1.0)


note(RIGHT, "abs: nothing at zero", absolute, absolute_back, zeros_in)
note(RIGHT, "abs: plus one at zero", absolute_plus, absolute_back, zeros_in)


def clip(x):
    return np.clip(x, -1, 1), {"inside": (x >= -1) & (x <= 1)}


def clip_back(dout, c):
    return dout * c["inside"]


note(RIGHT, "clip: exactly at the bounds", clip, clip_back, fixed([-1, 1, 0.3, 2, -1.5]))


def sigmoid(x):
    e = np.exp(-np.abs(x))
    s = np.where(x >= 0, 1, e) / (1 + e)
    return s, (s.copy(), e / (1 + e) ** 2)


def sigmoid_back(dout, cache):
    return dout * cache[1]


note(RIGHT, "sigmoid: moderate saturation", sigmoid, sigmoid_back, fixed([-9, -3, 0, 4, 8]))
note(RIGHT, "sigmoid: saturated at 40", sigmoid, sigmoid_back, fixed([40, 1, -0.5, 2]))


def tanh_closure(x):
    y = np.tanh(x)

    def pull(g):
        return g * (1 - y) * (1 + y)

    return y.copy(), pull


def tanh_closure_back(dout, pull):
    return pull(dout)


note(RIGHT, "tanh: cache is a function", tanh_closure, tanh_closure_back, normal((3, 4)))


class Record:
    pass


def silu(x):
    r = Record()
    r.x, r.name, r.extra, r.z = x, "silu", None, x + 1j
    return x / (1 + np.exp(-x)), r


def silu_back(dout, r):
    s = 1 / (1 + np.exp(-r.z.real))
    return dout * s * (1 + r.x * (1 - s))


note(RIGHT, "silu: object with complex contents", silu, silu_back, normal((4, 3)))


def maxpool(x):
    n, length = x.shape
    return x.reshape(n, length // 2, 2).max(axis=2), x


def maxpool_first(dout, x):
    n, length = x.shape
    w = x.reshape(n, length // 2, 2)
    dx = np.zeros_like(w)
    np.put_along_axis(dx, w.argmax(axis=2)[..., None], dout[..., None], axis=2)
    return dx.reshape(x.shape)


def maxpool_shared(dout, x):
    w = x.reshape(len(x), -1, 2)
    hit = (w == w.max(axis=2, keepdims=True)).astype(float)
    hit /= hit.sum(axis=2, keepdims=True)
    return (hit * dout[..., None]).reshape(x.shape)


ties = fixed([[1, 1, 2, 0], [3, 3, -1, -1]])
note(RIGHT, "max pool: tie to the first", maxpool, maxpool_first, ties)
note(RIGHT, "max pool: tie divided equally", maxpool, maxpool_shared, ties)
note(RIGHT, "max pool: constant image", maxpool, maxpool_shared, fixed(np.ones((2, 4))))


def hinge(x, y):
    m = 1 - x * y
    return np.maximum(m, 0).sum(), (m, y)


def hinge_open(dout, c):
    return -dout * c[1] * (c[0] > 0)


def hinge_closed(dout, c):
    return -dout * c[1] * (c[0] >= 0)


margin = fixed([1, -1, 0.5, 2], [1, -1, 1, -1])
note(RIGHT, "hinge: at the margin, open", hinge, hinge_open, margin)
note(RIGHT, "hinge: at the margin, closed", hinge, hinge_closed, margin)


def l1(x, target):
    return np.abs(x - target).mean(), np.sign(x - target) / x.size


note(RIGHT, "l1: prediction equals target", l1, absolute_back, fixed([1, 2, 3], [1, 0, 4]))


def constant(x):
    return np.full(3, 2.5), x.shape


def constant_back(dout, shape):
    return np.zeros(shape)


note(RIGHT, "constant: x unused", constant, constant_back, normal((3, 4)))


def rounded(x):
    return np.floor(x), x.shape


note(RIGHT, "floor: zero gradient", rounded, constant_back, fixed([0.3, 1.7, -2.4]))


def reshape(x):
    return x.reshape(-1).copy(), x.shape


def reshape_back(dout, shape):
    return dout.reshape(shape)


note(RIGHT, "reshape: view of dout returned", reshape, reshape_back, normal((2, 3, 4)))


def transpose(x):
    return x.T.copy(), None


def transpose_back(dout, cache):
    return dout.T


note(RIGHT, "transpose: empty cache", transpose, transpose_back, normal((3, 4)))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    return p, p.copy()


def softmax_back(dout, p):
    return p * (dout - (p * dout).sum(axis=-1, keepdims=True))


def far(rng):
    return (rng.normal(size=(3, 4)) + 1000,)


note(RIGHT, "softmax: usual", softmax, softmax_back, normal((3, 4)))
note(RIGHT, "softmax: large offset", softmax, softmax_back, far)
note(RIGHT, "softmax: single class", softmax, softmax_back, normal((3, 1)))


def softmax_loss(x, y):
    p = softmax(x)[0]
    n = np.arange(len(y))
    return -np.log(p[n, y]).mean(), (p, y, "mean", [1, (2, None)])


def softmax_loss_back(dout, cache):
    p, y, *_ = cache
    d = p.copy()
    d[np.arange(len(y)), y] -= 1
    d *= dout / len(y)
    return d


def labelled(rng):
    return rng.normal(size=(4, 3)), rng.integers(0, 3, size=4)


note(RIGHT, "cross-entropy: odd cache", softmax_loss, softmax_loss_back, labelled)


def batchnorm(x, w, b, gamma):
    z = x @ w + b
    c = z - z.mean(0)
    s = np.sqrt((c * c).mean(0) + 1e-5)
    return gamma * c / s, (x, w, c / s, s, gamma)


def batchnorm_back(dout, cache):
    x, w, h, s, gamma = cache
    g = dout * gamma
    dz = (g - g.mean(0) - h * (g * h).mean(0)) / s
    return dz @ w.T, x.T @ dz, np.zeros(len(s)), (dout * h).sum(0)


note(
    RIGHT,
    "batch norm: bias before it",
    batchnorm,
    batchnorm_back,
    normal((5, 3), (3, 4), (4,), (4,)),
)


def minmax(x):
    """Two outputs."""
    return (x.min(axis=1), x.max(axis=1)), (x.shape, x.argmin(1), x.argmax(1))


def minmax_back(dout, cache):
    shape, lo, hi = cache
    dx = np.zeros(shape)
    rows = np.arange(shape[0])
    dx[rows, lo] += dout[0]
    dx[rows, hi] += dout[1]
    return dx


note(RIGHT, "min and max: two outputs", minmax, minmax_back, normal((3, 4)))


def gather(idx, w):
    return w[idx], (idx, w.shape)


def gather_back(dout, cache):
    dw = np.zeros(cache[1])
    np.add.at(dw, cache[0], dout)
    return dw


def repeated(rng):
    return np.array([[3, 3], [0, -1]]), rng.normal(size=(5, 3))


note(RIGHT, "embedding: repeated and negative words", gather, gather_back, repeated)


def double_use(x):
    return x * x + x[::-1], x


def double_use_back(dout, x):
    return 2 * x * dout + dout[::-1]


note(RIGHT, "sum: reversed second branch", double_use, double_use_back, normal((5,)))


def deep(x, w):
    hs = [x]
    for _ in range(8):
        hs.append(np.tanh(hs[-1] @ w))
    return hs[-1].copy(), (hs, w)


def deep_back(dout, cache):
    hs, w = cache
    dw = 0
    for a, h in zip(hs[-2::-1], hs[:0:-1]):
        d = dout * (1 - h * h)
        dw = dw + a.T @ d
        dout = d @ w.T
    return dout, dw


note(RIGHT, "deep net: eight shared layers", deep, deep_back, normal((3, 4), (4, 4)))


def dropout(x, mask):
    return x * mask / 0.5, mask


def dropout_back(dout, mask):
    return dout * mask * 2


note(
    RIGHT,
    "dropout: whole row dropped",
    dropout,
    dropout_back,
    fixed([[1, 2, 3], [4, 5, 6]], [[0, 0, 0], [1, 0, 1]]),
)
note(RIGHT, "dropout: everything dropped", dropout, dropout_back, fixed([1, 2.0], [0, 0]))


def seeded(x, seed=3):
    keep = np.random.default_rng(seed).random(x.shape) > 0.4
    return x * keep, keep


def seeded_back(dout, keep):
    return np.multiply(dout, keep)


note(RIGHT, "dropout: own seeded generator", seeded, seeded_back, normal((4, 5)))


def multiply(a, b):
    return a * b, (a, b)


def multiply_back(dout, cache):
    a, b = cache
    da = dout * b
    db = dout * a
    return da.sum(axis=0) if a.ndim < dout.ndim else da, db


note(RIGHT, "product: broadcast first factor", multiply, multiply_back, normal((4,), (3, 4)))
note(RIGHT, "product: scalars", multiply, multiply_back, fixed(2.0, -3.0))
