"""Backward passes with faults of behaviour."""

import numpy as np

from blind.shelf import note
from corpus.specimen import normal

DIRTY = []


def bad(name, pair, make, cause, also="", wrong="", **options):
    note(DIRTY, name, *pair, make, wrong, cause, also, **options)


def affine_forward(x, w, b):
    return x @ w + b, (x, w, b)


three = normal((3, 4), (4, 2), (2,))


# ---------------------------------------------------------------- mutation
def relu_forward(x):
    return np.maximum(x, 0), x


def relu_backward_in_place(dout, x):
    dx = dout
    dx[x <= 0] = 0
    return dx


bad(
    "relu: dout zeroed in place",
    (relu_forward, relu_backward_in_place),
    normal((3, 4)),
    "mutates_or_aliases",
)


def ce_forward(x, y):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    probs = e / e.sum(axis=1, keepdims=True)
    return -np.log(probs[np.arange(len(y)), y]).mean(), (probs, y)


def ce_backward_on_cache(dout, cache):
    dx, y = cache
    dx[np.arange(len(y)), y] -= 1
    dx *= dout / len(y)
    return dx


def make_ce(rng):
    return rng.normal(size=(4, 3)), rng.integers(0, 3, size=4)


bad(
    "cross-entropy: probs of the cache changed",
    (ce_forward, ce_backward_on_cache),
    make_ce,
    "mutates_or_aliases",
)


def centred_forward(x):
    x -= x.mean(axis=0)
    return x * 1.0, None


def centred_backward(dout, cache):
    return dout - dout.mean(axis=0)


bad(
    "centring: forward writes to x",
    (centred_forward, centred_backward),
    normal((4, 3)),
    "mutates_or_aliases",
)


def sgd_backward(dout, cache):
    x, w, b = cache
    dx, dw, db = dout @ w.T, x.T @ dout, dout.sum(axis=0)
    w -= 0.1 * dw
    b -= 0.1 * db
    return dx, dw, db


bad(
    "affine: weights updated in backward",
    (affine_forward, sgd_backward),
    three,
    "mutates_or_aliases",
)


def bilinear_forward(x, y_in):
    return x * y_in, [x, y_in]


def bilinear_backward_pops(dout, cache):
    b = cache.pop()
    a = cache.pop()
    return dout * b, dout * a


bad(
    "product: cache is emptied",
    (bilinear_forward, bilinear_backward_pops),
    normal((2, 3), (2, 3)),
    "mutates_or_aliases",
    "unknown bad_output stale_cache",
)


def dot_forward(x, w):
    return (x * w).sum(), (x, w)


def dot_backward_aliases(dout, cache):
    x, w = cache
    w_grad = x
    x_grad = w
    return x_grad, w_grad


bad(
    "dot product: gradients are the inputs themselves",
    (dot_forward, dot_backward_aliases),
    normal((5,), (5,)),
    "mutates_or_aliases",
    "dout_ignored",
    wrong="dx dw",
)


class BufferedTanh:
    def forward(self, x):
        t = np.tanh(x)
        return t, {"t": t, "dx": np.empty_like(x)}

    def backward(self, dout, cache):
        np.multiply(dout, 1 - cache["t"] ** 2, out=cache["dx"])
        return cache["dx"]


bad(
    "tanh: result lives in the cache",
    (BufferedTanh().forward, BufferedTanh().backward),
    normal((2, 3)),
    "mutates_or_aliases",
)


def shared_forward(a, b):
    return a + b, None


def shared_backward(dout, cache):
    d = dout * 1.0
    return d, d


bad(
    "sum of two: one array returned twice",
    (shared_forward, shared_backward),
    normal((2, 3), (2, 3)),
    "mutates_or_aliases",
)


# ---------------------------------------------------------------- chance
def noisy_forward(x):
    mask = np.random.rand(*x.shape) > 0.5  # noqa: NPY002
    return x * mask * 2, mask


def noisy_backward(dout, mask):
    return dout * mask * 2


bad(
    "dropout: mask from the global generator",
    (noisy_forward, noisy_backward),
    normal((4, 5)),
    "nondeterministic",
)


def dropout_forward(x, p=0.5, seed=4):
    rng = np.random.default_rng(seed)
    return x * (rng.random(x.shape) > p) / (1 - p), (x.shape, p)


def dropout_backward_new_mask(dout, cache):
    shape, p = cache
    mask = np.random.default_rng().random(shape) > p
    return dout * mask / (1 - p)


bad(
    "dropout: a new mask in backward",
    (dropout_forward, dropout_backward_new_mask),
    normal((6, 6)),
    "nondeterministic",
    "wrong_mask",
    wrong="dx",
)


def noise_backward(dout, cache):
    x, w, b = cache
    dw = x.T @ dout
    dw += 0.01 * np.random.randn(*dw.shape)  # noqa: NPY002
    return dout @ w.T, dw, dout.sum(axis=0)


bad(
    "affine: noise added to dw",
    (affine_forward, noise_backward),
    three,
    "nondeterministic",
    wrong="dw",
)


# ---------------------------------------------------------------- state outside the cache
class StatefulSigmoid:
    def forward(self, x):
        self.out = 1 / (1 + np.exp(-x))
        return self.out.copy(), None

    def backward(self, dout, cache):
        return dout * self.out * (1 - self.out)


layer = StatefulSigmoid()
bad(
    "sigmoid: out kept in the object",
    (layer.forward, layer.backward),
    normal((3, 2)),
    "stale_cache",
)

MEMORY = {}


def square_forward(x):
    MEMORY["x"] = x.copy()
    return x**2, ()


def square_backward(dout, cache):
    return 2 * MEMORY["x"] * dout


bad("square: x kept in a global", (square_forward, square_backward), normal((4,)), "stale_cache")


def exp_forward(x):
    y = np.exp(x)
    exp_forward.last = y.copy()
    return y, x.shape


def exp_backward(dout, shape):
    return dout * exp_forward.last.reshape(shape)


bad("exp: attribute of the function", (exp_forward, exp_backward), normal((2, 3)), "stale_cache")


class Accumulating:
    """Adds to its gradient until the next forward zeroes it."""

    def forward(self, x, w):
        self.grad_w = np.zeros_like(w)
        return x @ w, (x, w)

    def backward(self, dout, cache):
        x, w = cache
        self.grad_w += x.T @ dout
        return dout @ w.T, self.grad_w.copy()


accumulating = Accumulating()
bad(
    "affine: gradient adds up until the next forward",
    (accumulating.forward, accumulating.backward),
    normal((3, 4), (4, 2)),
    "stale_cache",
    "nondeterministic",
)


def make_scaler():
    latest = {}

    def forward(x, s):
        latest["x"] = np.array(x)
        return x * s, s

    def backward(dout, s):
        return dout * s, (dout * latest["x"]).sum(axis=0)

    return forward, backward


bad("scale: x kept in a closure", make_scaler(), normal((4, 3), (3,)), "stale_cache")


# ---------------------------------------------------------------- rubbish out
def backward_without_bias(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout


def backward_with_none(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout, None


def backward_dict(dout, cache):
    x, w, b = cache
    return {"dx": dout @ w.T, "dw": x.T @ dout, "db": dout.sum(axis=0)}


def backward_lists(dout, cache):
    x, w, b = cache
    dw = [[float(x[:, i] @ dout[:, j]) for j in range(w.shape[1])] for i in range(w.shape[0])]
    return dout @ w.T, dw, dout.sum(axis=0)


def backward_keepdims(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0, keepdims=True)


def backward_half(dout, cache):
    x, w, b = cache
    dx = (dout @ w.T).astype(np.float16)
    return dx, x.T @ dout, dout.sum(axis=0)


def backward_truncated(dout, cache):
    x, w, b = cache
    return dout @ w.T, (x.T @ dout).astype(int), dout.sum(axis=0)


def backward_extra(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0), cache


def backward_complex(dout, cache):
    x, w, b = cache
    return dout @ w.T, (x.T @ dout).astype(complex), dout.sum(axis=0)


bad("affine: db not returned", (affine_forward, backward_without_bias), three, "bad_output")
bad("affine: None for db", (affine_forward, backward_with_none), three, "bad_output", wrong="db")
bad("affine: a dictionary", (affine_forward, backward_dict), three, "bad_output")
bad("affine: dw as a list of lists", (affine_forward, backward_lists), three, "bad_output")
bad("affine: db with an axis too many", (affine_forward, backward_keepdims), three, "bad_output")
bad(
    "affine: dx in half precision",
    (affine_forward, backward_half),
    three,
    "bad_output",
    "precision_loss",
    wrong="dx",
)
bad(
    "affine: dw truncated to integers",
    (affine_forward, backward_truncated),
    three,
    "precision_loss",
    "bad_output",
    wrong="dw",
)
bad("affine: cache returned as well", (affine_forward, backward_extra), three, "bad_output")
bad("affine: complex dw", (affine_forward, backward_complex), three, "bad_output")


def flat_forward(x):
    return np.sin(x).reshape(len(x), -1), x


def flat_backward(dout, x):
    return dout * np.cos(x).reshape(len(x), -1)


bad("flatten: dx left flat", (flat_forward, flat_backward), normal((2, 3, 2)), "bad_output")


def forgotten_return_backward(dout, cache):
    x = cache
    dx = dout * (x > 0)
    dx.sum()


bad(
    "relu: nothing returned",
    (relu_forward, forgotten_return_backward),
    normal((3, 4)),
    "bad_output",
    wrong="dx",
)


# ---------------------------------------------------------------- not finite
def distances_forward(x):
    """Euclidean distances between all rows."""
    diff = x[:, None, :] - x[None, :, :]
    return np.sqrt((diff**2).sum(axis=2)), diff


def distances_backward(dout, diff):
    lengths = np.sqrt((diff**2).sum(axis=2))
    with np.errstate(invalid="ignore"):
        unit = diff / lengths[:, :, None]
    both = dout + dout.T
    return (both[:, :, None] * unit).sum(axis=1)


bad(
    "distances: zero by zero on the diagonal",
    (distances_forward, distances_backward),
    normal((3, 4)),
    "nonfinite",
    wrong="dx",
)


def one_hot_bce_forward(p, y):
    picked = np.where(y == 1, p, 1 - p)
    return -np.log(picked).sum(), (p, y)


def one_hot_bce_backward(dout, cache):
    p, y = cache
    with np.errstate(divide="ignore", invalid="ignore"):
        return -dout / (y * p) * (y == 1) + dout / ((1 - y) * (1 - p)) * (y == 0)


def make_bce(rng):
    return rng.uniform(0.2, 0.8, size=6), np.array([1.0, 0.0, 0.0, 1.0, 1.0, 0.0])


bad(
    "bce: masks after dividing",
    (one_hot_bce_forward, one_hot_bce_backward),
    make_bce,
    "nonfinite",
    wrong="dp",
)


def power_forward(x):
    return np.abs(x) ** 3, x


def power_backward(dout, x):
    with np.errstate(invalid="ignore"):
        return dout * 3 * x**2.5 / np.sqrt(x)


bad(
    "power: root of negative inputs",
    (power_forward, power_backward),
    normal((3, 4)),
    "nonfinite",
    wrong="dx",
)
