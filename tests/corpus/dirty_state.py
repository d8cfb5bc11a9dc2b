"""Right values, but chance or state outside of the cache takes part."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, normal


def affine_forward(x, w, b):
    return x.dot(w) + b, (x, w, b)


# -------------------------------------------------------------------------- not the same twice


def dropout_forward_global(x, p=0.5):
    mask = (np.random.rand(*x.shape) < p) / p  # noqa: NPY002
    return x * mask, mask


def dropout_backward(dout, mask):
    return dout * mask


def dropout_forward_unseeded(x, drop=0.4):
    keep = np.random.default_rng().random(x.shape) >= drop
    return x * keep / (1 - drop), {"keep": keep, "drop": drop}


def dropout_backward_unseeded(dout, cache):
    return dout * cache["keep"] / (1 - cache["drop"])


def seeded_dropout_forward(x, p=0.4, seed=1):
    mask = np.random.default_rng(seed).random(x.shape) > p
    return x * mask, (mask, p)


def seeded_dropout_backward_draws_again(dout, cache):
    mask, p = cache
    return dout * (np.random.default_rng().random(dout.shape) > p)


def noisy_forward(x):
    noise = 0.1 * np.random.default_rng().standard_normal(x.shape)
    return np.tanh(x + noise), x + noise


def noisy_backward(dout, z):
    return dout * (1 - np.tanh(z) ** 2)


def affine_backward_with_noise(dout, cache):
    x, w, b = cache
    dw = x.T.dot(dout)
    dw += 0.01 * np.random.randn(*dw.shape)  # noqa: NPY002
    return dout.dot(w.T), dw, dout.sum(axis=0)


def projected_forward(x):
    # a random projection, drawn when needed
    R = np.random.normal(size=(x.shape[1], 2))  # noqa: NPY002
    return x @ R, R


def projected_backward(dout, R):
    return dout @ R.T


# ------------------------------------------------------------------- state outside of the cache

LAST_X = None


def global_square_forward(x):
    global LAST_X
    LAST_X = x.copy()
    return x**2, None


def global_square_backward(dout, cache):
    return 2 * LAST_X * dout


def attribute_sigmoid_forward(x):
    out = 1 / (1 + np.exp(-x))
    attribute_sigmoid_forward.out = out.copy()
    return out, ()


def attribute_sigmoid_backward(dout, cache):
    out = attribute_sigmoid_forward.out
    return dout * out * (1 - out)


class ReLULayer:
    mask = None

    @classmethod
    def forward(cls, x):
        cls.mask = x > 0
        return np.where(cls.mask, x, 0), {}

    @classmethod
    def backward(cls, dout, cache):
        return dout * cls.mask


class AffineLayer:
    """The layer of many courses: forward leaves on self what backward wants."""

    def forward(self, x, w, b):
        self.x, self.w = x.copy(), w.copy()
        return x @ w + b, None

    def backward(self, dout, cache):
        return dout @ self.w.T, self.x.T @ dout, dout.sum(axis=0)


AFFINE = AffineLayer()


def tanh_pair():
    state = {}

    def forward(x):
        state["out"] = np.tanh(x)
        return state["out"].copy(), x

    def backward(dout, cache):
        return dout * (1 - state["out"] ** 2)

    return forward, backward


closure_tanh_forward, closure_tanh_backward = tanh_pair()


def remembered_softplus_forward(x, memory=[]):  # noqa: B006
    memory[:] = [x.copy()]
    return np.logaddexp(0, x), memory


def remembered_softplus_backward(dout, cache):
    (x,) = cache
    return dout / (1 + np.exp(-x))


WORK = {"probs": np.zeros((3, 5))}


def workspace_softmax_forward(x):
    # one result array for all calls
    p = WORK["probs"]
    np.exp(x - x.max(axis=1, keepdims=True), out=p)
    p /= p.sum(axis=1, keepdims=True)
    return p.copy(), "see workspace"


def workspace_softmax_backward(dout, cache):
    p = WORK["probs"]
    return p * (dout - (dout * p).sum(axis=1, keepdims=True))


X = normal((3, 5))


LARGE = normal((6, 9))


AFFINE_INPUTS = normal((5, 4), (4, 3), (3,))


def dirty(name, forward, backward, make, cause, wrong="", also=(), **options):
    return Specimen(name, forward, backward, make, options, tuple(wrong.split()), cause, also)


CHANGES = "mutates_or_aliases"


RANDOM = "nondeterministic"


STALE = "stale_cache"


DIRTY = [
    dirty(
        "dropout: global random numbers", dropout_forward_global, dropout_backward, LARGE, RANDOM
    ),
    dirty(
        "dropout: generator without a seed",
        dropout_forward_unseeded,
        dropout_backward_unseeded,
        LARGE,
        RANDOM,
    ),
    dirty(
        "dropout: backward draws a mask of its own",
        seeded_dropout_forward,
        seeded_dropout_backward_draws_again,
        LARGE,
        RANDOM,
        wrong="dx",
    ),
    dirty("noisy tanh", noisy_forward, noisy_backward, X, RANDOM),
    dirty(
        "affine: noise on dw",
        affine_forward,
        affine_backward_with_noise,
        AFFINE_INPUTS,
        RANDOM,
        wrong="dw",
    ),
    dirty("random projection", projected_forward, projected_backward, X, RANDOM),
    dirty("square: x in a global", global_square_forward, global_square_backward, X, STALE),
    dirty(
        "sigmoid: out as an attribute of the function",
        attribute_sigmoid_forward,
        attribute_sigmoid_backward,
        X,
        STALE,
    ),
    dirty("relu: mask on the class", ReLULayer.forward, ReLULayer.backward, X, STALE),
    dirty("affine: x and w on self", AFFINE.forward, AFFINE.backward, AFFINE_INPUTS, STALE),
    dirty("tanh: out in a closure", closure_tanh_forward, closure_tanh_backward, X, STALE),
    dirty(
        "softplus: one list for all calls",
        remembered_softplus_forward,
        remembered_softplus_backward,
        X,
        STALE,
        also=(CHANGES,),
    ),
    dirty(
        "softmax: one workspace for all calls",
        workspace_softmax_forward,
        workspace_softmax_backward,
        X,
        STALE,
    ),
]
