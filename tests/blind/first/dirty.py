"""Backward passes that misbehave."""

import numpy as np

from blind.shelf import Shelf

DIRTY = Shelf()


def make_x(rng):
    return (rng.normal(size=(4, 3)),)


def make_affine(rng):
    return rng.normal(size=(4, 3)), rng.normal(size=(3, 5)), rng.normal(size=5)


def make_scores(rng):
    return rng.normal(size=(5, 3)), rng.integers(0, 3, size=5)


# ---------------------------------------------------------------- mutation and aliasing
def relu_forward(x):
    return np.maximum(0, x), x


def relu_backward_in_place(dout, x):
    dout[x <= 0] = 0
    return dout


def relu_in_place_forward(x):
    mask = x > 0
    x *= mask
    return x.copy(), mask


def relu_in_place_backward(dout, mask):
    return dout * mask


def softmax_loss_forward(scores, y):
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(y)), y]).mean(), (p, y)


def softmax_loss_backward(dout, cache):
    dscores, y = cache
    dscores[np.arange(len(y)), y] -= 1
    dscores /= len(y)
    return dscores * dout


def centre_forward(x, gamma):
    x -= x.mean(axis=0)
    return gamma * x, (x, gamma)


def centre_backward(dout, cache):
    x, gamma = cache
    d = dout * gamma
    return d - d.mean(axis=0), (dout * x).sum(axis=0)


def make_centre(rng):
    return rng.normal(size=(4, 3)) + 2, rng.normal(size=3)


def rnn_forward(x, h0, U, V):
    hs = [h0]
    for t in range(x.shape[1]):
        hs.append(np.tanh(x[:, t] @ U + hs[-1] @ V))
    return np.stack(hs[1:], axis=1), (x, U, V, hs)


def rnn_backward_pop(dh, cache):
    x, U, V, hs = cache
    dx, dU, dV = np.zeros_like(x), np.zeros_like(U), np.zeros_like(V)
    carry = 0
    for t in reversed(range(x.shape[1])):
        h = hs.pop()
        da = (dh[:, t] + carry) * (1 - h**2)
        dx[:, t] = da @ U.T
        dU += x[:, t].T @ da
        dV += hs[-1].T @ da
        carry = da @ V.T
    return dx, carry, dU, dV


def make_rnn(rng):
    return (
        rng.normal(size=(2, 3, 4)),
        rng.normal(size=(2, 5)),
        rng.normal(size=(4, 5)),
        0.4 * rng.normal(size=(5, 5)),
    )


def preallocated_forward(x, w):
    return x * w, {"x": x, "w": w, "dx": np.zeros_like(x), "dw": np.zeros_like(w)}


def preallocated_backward(dout, cache):
    cache["dx"][...] = dout * cache["w"]
    cache["dw"][...] = (dout * cache["x"]).sum(axis=0)
    return cache["dx"], cache["dw"]


def make_scale(rng):
    return rng.normal(size=(4, 3)), rng.normal(size=3)


def dot_forward(x, w):
    slope = np.broadcast_to(w, x.shape).copy()
    return (x * slope).sum(), (x, slope)


def dot_backward(dout, cache):
    x, slope = cache
    dw = dout * x.sum(axis=0)
    slope *= dout
    return slope, dw


def residual_forward(x, w):
    h = x @ w
    h += x
    return h, (x, w)


def residual_backward(dout, cache):
    x, w = cache
    dw = x.T @ dout
    dx = dout
    dx += dout @ w.T
    return dx, dw


def make_residual(rng):
    return rng.normal(size=(4, 3)), rng.normal(size=(3, 3))


def exp_forward(x):
    out = np.exp(x)
    return out, {"out": out}


def exp_backward(dout, cache):
    out = cache.pop("out")
    cache["dx"] = dout * out
    cache["out"] = out
    return cache["dx"]


def weight_clip_forward(x, w, b):
    np.clip(w, -0.5, 0.5, out=w)
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


MUTATES = "mutates_or_aliases"
DIRTY.add("relu: dout zeroed in place", (relu_forward, relu_backward_in_place), make_x, "", MUTATES)
DIRTY.add(
    "relu: x rectified in place",
    (relu_in_place_forward, relu_in_place_backward),
    make_x,
    "",
    MUTATES,
)
DIRTY.add(
    "cross-entropy: probabilities overwritten",
    (softmax_loss_forward, softmax_loss_backward),
    make_scores,
    "",
    MUTATES,
)
DIRTY.add(
    "centring: x centred in place", (centre_forward, centre_backward), make_centre, "", MUTATES
)
DIRTY.add(
    "rnn: states popped from the cache", (rnn_forward, rnn_backward_pop), make_rnn, "", MUTATES
)
DIRTY.add(
    "scale: gradients live in the cache",
    (preallocated_forward, preallocated_backward),
    make_scale,
    "",
    MUTATES,
)
DIRTY.add(
    "dot: slope in the cache scaled and returned",
    (dot_forward, dot_backward),
    make_scale,
    "",
    MUTATES,
)
DIRTY.add(
    "residual: added into dout", (residual_forward, residual_backward), make_residual, "", MUTATES
)
DIRTY.add("exp: gradient filed in the cache", (exp_forward, exp_backward), make_x, "", MUTATES)
DIRTY.add(
    "affine: weights clipped by forward",
    (weight_clip_forward, affine_backward),
    make_affine,
    "",
    MUTATES,
)


# ---------------------------------------------------------------- randomness
def dropout_forward(x, *, keep=0.5):
    mask = (np.random.rand(*x.shape) < keep) / keep
    return x * mask, mask


def dropout_backward(dout, mask):
    return dout * mask


def dropout_seeded_forward(x, *, keep=0.5):
    mask = (np.random.default_rng(1).random(x.shape) < keep) / keep
    return x * mask, keep


def dropout_redraw_backward(dout, keep):
    mask = (np.random.rand(*dout.shape) < keep) / keep
    return dout * mask


GENERATOR = np.random.default_rng(0)


def noisy_forward(x, w, b):
    return x @ w + b + 0.1 * GENERATOR.normal(size=(x.shape[0], w.shape[1])), (x, w)


def noisy_gradient_forward(x, w):
    return np.tanh(x @ w), (x, w, np.tanh(x @ w))


def noisy_gradient_backward(dout, cache):
    x, w, h = cache
    da = dout * (1 - h**2)
    dw = x.T @ da
    dw += 0.01 * np.random.standard_normal(dw.shape)
    return da @ w.T, dw


def make_pair(rng):
    return rng.normal(size=(4, 3)), rng.normal(size=(3, 2))


def sampled_softmax_forward(x, w):
    e = np.exp(x @ w)
    return np.log(e.sum(axis=1)), (x, w, e)


def sampled_softmax_backward(dout, cache):
    x, w, e = cache
    C = w.shape[1]
    keep = np.random.choice(C, size=C - 1, replace=False)
    p = np.zeros_like(e)
    p[:, keep] = e[:, keep] / e[:, keep].sum(axis=1, keepdims=True)
    d = dout[:, None] * p
    return d @ w.T, x.T @ d


def make_sampled(rng):
    return rng.normal(size=(3, 4)), rng.normal(size=(4, 5))


RANDOM = "nondeterministic"
DIRTY.add("dropout: global random numbers", (dropout_forward, dropout_backward), make_x, "", RANDOM)
DIRTY.add(
    "dropout: mask drawn again in backward",
    (dropout_seeded_forward, dropout_redraw_backward),
    make_x,
    "dx",
    RANDOM,
)
DIRTY.add(
    "affine: noise from a module generator",
    (noisy_forward, affine_backward),
    make_affine,
    "",
    RANDOM,
    "stale_cache",
)
DIRTY.add(
    "small net: noise added to a gradient",
    (noisy_gradient_forward, noisy_gradient_backward),
    make_pair,
    "dw",
    RANDOM,
)
DIRTY.add(
    "log-sum-exp: classes sampled in backward",
    (sampled_softmax_forward, sampled_softmax_backward),
    make_sampled,
    "dx dw",
    RANDOM,
)


# ---------------------------------------------------------------- state outside the cache
LAST = {}


def sigmoid_global_forward(x):
    LAST["out"] = 1 / (1 + np.exp(-x))
    return LAST["out"].copy(), None


def sigmoid_global_backward(dout, cache):
    s = LAST["out"]
    return dout * s * (1 - s)


def square_attribute_forward(x):
    square_attribute_forward.x = x.copy()
    return x**2, x.shape


def square_attribute_backward(dout, shape):
    return 2 * square_attribute_forward.x * dout


class AffineLayer:
    """A layer in the style of the book: forward leaves its input on the object."""

    def forward(self, x, w, b):
        self.x = x.copy()
        self.w = w.copy()
        return x @ w + b, None

    def backward(self, dout, cache):
        return dout @ self.w.T, self.x.T @ dout, dout.sum(axis=0)


class Tanh:
    out = None

    @classmethod
    def forward(cls, x):
        cls.out = np.tanh(x)
        return cls.out + 0, ()

    @classmethod
    def backward(cls, dout, cache):
        return dout * (1 - cls.out**2)


def build_softmax():
    p = None

    def forward(z):
        nonlocal p
        e = np.exp(z - z.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        return p.copy(), "softmax"

    def backward(dout, cache):
        return p * (dout - (dout * p).sum(axis=1, keepdims=True))

    return forward, backward


class Accumulating:
    """Adds to its weight gradient as an optimiser expects, and returns the running total."""

    def __init__(self):
        self.grads = {}

    def forward(self, x, w):
        return np.sin(x @ w), (x, w)

    def backward(self, dout, cache):
        x, w = cache
        da = dout * np.cos(x @ w)
        total = self.grads.get(w.shape, 0) + x.T @ da
        self.grads[w.shape] = total
        return da @ w.T, total.copy()


STACK = []


def abs_stack_forward(x):
    STACK.append(np.sign(x))
    return np.abs(x), len(STACK)


def abs_stack_backward(dout, cache):
    return dout * STACK[-1]


class RunningNorm:
    """Normalises with a mean that every call of forward moves."""

    def __init__(self):
        self.mean = 0.0

    def forward(self, x, gamma):
        self.mean = 0.9 * self.mean + 0.1 * float(x.mean())
        return gamma * (x - self.mean), (x, gamma, self.mean)

    def backward(self, dout, cache):
        x, gamma, mean = cache
        dx = dout * gamma - 0.1 * np.sum(dout * gamma) / x.size
        return dx, np.sum(dout * (x - mean), axis=0)


AFFINE, ACCUMULATING, RUNNING = AffineLayer(), Accumulating(), RunningNorm()
STALE = "stale_cache"
DIRTY.add(
    "sigmoid: output in a module dictionary",
    (sigmoid_global_forward, sigmoid_global_backward),
    make_x,
    "",
    STALE,
)
DIRTY.add(
    "square: input on the function",
    (square_attribute_forward, square_attribute_backward),
    make_x,
    "",
    STALE,
)
DIRTY.add("affine: input on the object", (AFFINE.forward, AFFINE.backward), make_affine, "", STALE)
DIRTY.add("tanh: output on the class", (Tanh.forward, Tanh.backward), make_x, "", STALE)
DIRTY.add("softmax: output in a closure", build_softmax(), make_x, "", STALE)
DIRTY.add(
    "small net: gradients added up over calls",
    (ACCUMULATING.forward, ACCUMULATING.backward),
    make_pair,
    "",
    STALE,
    RANDOM,
)
DIRTY.add("abs: signs on a stack", (abs_stack_forward, abs_stack_backward), make_x, "", STALE)
DIRTY.add(
    "running norm: every forward moves the mean",
    (RUNNING.forward, RUNNING.backward),
    make_scale,
    "",
    RANDOM,
    STALE,
)


# ---------------------------------------------------------------- form of the result
def affine_forward(x, w, b):
    return x @ w + b, (x, w)


def affine_backward_two(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout


def affine_backward_column(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0, keepdims=True)


def affine_backward_dict(dout, cache):
    x, w = cache
    return {"dx": dout @ w.T, "dw": x.T @ dout, "db": dout.sum(axis=0)}


def affine_backward_lists(dout, cache):
    x, w = cache
    return (dout @ w.T).tolist(), (x.T @ dout).tolist(), dout.sum(axis=0).tolist()


def affine_backward_frozen(dout, cache):
    x, w = cache
    return dout @ w.T, None, dout.sum(axis=0)


def affine_backward_forgot(dout, cache):
    x, w = cache
    dx = dout @ w.T
    dw = x.T @ dout
    db = dout.sum(axis=0)
    _ = dx, dw, db


def affine_backward_float16(dout, cache):
    x, w = cache
    return (dout @ w.T).astype(np.float16), x.T @ dout, dout.sum(axis=0)


def image_affine_forward(x, w):
    flat = x.reshape(len(x), -1)
    return flat @ w, (flat, w)


def image_affine_backward(dout, cache):
    flat, w = cache
    return dout @ w.T, flat.T @ dout


def make_image(rng):
    return rng.normal(size=(3, 2, 2)), rng.normal(size=(4, 5))


def loss_backward_labels(dout, cache):
    p, y = cache
    d = p.copy()
    d[np.arange(len(y)), y] -= 1
    return d * dout / len(y), None


def ramp_forward(x):
    return 3 * np.maximum(x, 0), x > 0


def ramp_backward(dout, on):
    dx = np.zeros(on.shape, dtype=int)
    for i, j in np.argwhere(on):
        dx[i, j] = 3 * dout[i, j]
    return dx


def smooth_forward(x):
    k = np.fft.fft(np.array([0.5, 0.25, 0.0, 0.0, 0.0, 0.1]))
    return np.fft.ifft(np.fft.fft(x, axis=1) * k, axis=1).real, k


def smooth_backward(dout, k):
    return np.fft.ifft(np.fft.fft(dout, axis=1) * np.conj(k), axis=1)


def make_six(rng):
    return (rng.normal(size=(3, 6)),)


BAD = "bad_output"
DIRTY.add("affine: db not returned", (affine_forward, affine_backward_two), make_affine, "", BAD)
DIRTY.add(
    "affine: db with an axis too many",
    (affine_forward, affine_backward_column),
    make_affine,
    "",
    BAD,
)
DIRTY.add(
    "affine: dictionary of gradients", (affine_forward, affine_backward_dict), make_affine, "", BAD
)
DIRTY.add("affine: nested lists", (affine_forward, affine_backward_lists), make_affine, "", BAD)
DIRTY.add(
    "affine: None for the weights", (affine_forward, affine_backward_frozen), make_affine, "dw", BAD
)
DIRTY.add(
    "affine: nothing returned",
    (affine_forward, affine_backward_forgot),
    make_affine,
    "dx dw db",
    BAD,
)
DIRTY.add(
    "affine: half precision result",
    (affine_forward, affine_backward_float16),
    make_affine,
    "dx",
    "precision_loss",
    BAD,
)
DIRTY.add(
    "affine: dx left flat", (image_affine_forward, image_affine_backward), make_image, "", BAD
)
DIRTY.add(
    "cross-entropy: a gradient for the labels",
    (softmax_loss_forward, loss_backward_labels),
    make_scores,
    "",
    BAD,
)
DIRTY.add(
    "ramp: integer result", (ramp_forward, ramp_backward), make_x, "dx", "precision_loss", BAD
)
DIRTY.add("smoothing: complex result", (smooth_forward, smooth_backward), make_six, "", BAD)


# ---------------------------------------------------------------- NaN and infinity
def abs_forward(x):
    return np.abs(x), x


def abs_backward(dout, x):
    return dout * x / np.abs(x)


def make_counts(rng):
    x = rng.integers(-2, 3, size=(4, 3)).astype(float)
    x[1, 1] = 0.0
    return (x,)


def stable_softmax_forward(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True), x


def unstable_softmax_backward(dout, x):
    e = np.exp(x)
    p = e / e.sum(axis=1, keepdims=True)
    return p * (dout - (p * dout).sum(axis=1, keepdims=True))


def make_large_logits(rng):
    return (800 + rng.normal(size=(4, 3)),)


def std_forward(x):
    s = x.std(axis=1)
    return s, (x, s)


def std_backward(dout, cache):
    x, s = cache
    centred = x - x.mean(axis=1, keepdims=True)
    return dout[:, None] * centred / (x.shape[1] * s[:, None])


def make_flat_row(rng):
    x = rng.normal(size=(4, 3))
    x[2] = 1.5
    return (x,)


def bce_forward(logits, y):
    p = 1 / (1 + np.exp(-logits))
    loss = np.maximum(logits, 0) - logits * y + np.log1p(np.exp(-np.abs(logits)))
    return loss.sum(), (p, y)


def bce_backward(dout, cache):
    p, y = cache
    with np.errstate(all="ignore"):
        dp = -(y / p) + (1 - y) / (1 - p)
        return dout * dp * p * (1 - p)


def make_confident(rng):
    logits = rng.normal(size=5)
    logits[0] = 45.0
    logits[3] = 60.0
    return logits, np.array([1.0, 0.0, 1.0, 0.0, 0.0])


def product_forward(x):
    p = x.prod(axis=1)
    return p, (x, p)


def product_backward(dout, cache):
    x, p = cache
    with np.errstate(divide="ignore", invalid="ignore"):
        return dout[:, None] * p[:, None] / x


def make_with_zero(rng):
    x = rng.normal(size=(4, 3))
    x[0, 1] = 0.0
    return (x,)


NONFINITE = "nonfinite"
DIRTY.add("abs: x over its size at zero", (abs_forward, abs_backward), make_counts, "dx", NONFINITE)
DIRTY.add(
    "softmax: exponentials not shifted in backward",
    (stable_softmax_forward, unstable_softmax_backward),
    make_large_logits,
    "dx",
    NONFINITE,
)
DIRTY.add(
    "standard deviation: a constant row",
    (std_forward, std_backward),
    make_flat_row,
    "dx",
    NONFINITE,
)
DIRTY.add(
    "bce: sigmoid rounds to one", (bce_forward, bce_backward), make_confident, "dlogits", NONFINITE
)
DIRTY.add(
    "product: divided by a zero",
    (product_forward, product_backward),
    make_with_zero,
    "dx",
    NONFINITE,
)
