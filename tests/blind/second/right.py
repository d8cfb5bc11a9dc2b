"""Right backward passes that look suspicious."""

import numpy as np

from blind.shelf import note
from corpus.specimen import normal

RIGHT = []


def ok(name, forward, backward, make, **options):
    note(RIGHT, name, forward, backward, make, **options)


# ---------------------------------------------------------------- kinks
def with_zeros(rng):
    x = rng.normal(size=(3, 4))
    x[0] = 0.0, -0.0, 0.7, -0.6
    return (x,)


def relu_forward(x):
    return np.maximum(x, 0), x


def relu_backward_zero(dout, x):
    return dout * (x > 0)


def relu_backward_one(dout, x):
    dx = dout.copy()
    dx[x < 0] = 0
    return dx


def relu_backward_half(dout, x):
    return dout * 0.5 * (np.sign(x) + 1)


ok("relu: derivative 0 at 0", relu_forward, relu_backward_zero, with_zeros)
ok("relu: derivative 1 at 0", relu_forward, relu_backward_one, with_zeros)
ok("relu: derivative 1/2 at 0", relu_forward, relu_backward_half, with_zeros)


def make_all_zero(rng):
    return (np.zeros((2, 3)),)


ok("relu: nothing but zeros", relu_forward, relu_backward_zero, make_all_zero)


def abs_forward(x):
    return np.abs(x), np.sign(x)


def abs_backward(dout, sign):
    return dout * sign


def abs_backward_minus_one(dout, sign):
    return np.where(sign > 0, dout, -dout)


ok("abs: 0 at 0", abs_forward, abs_backward, with_zeros)
ok("abs: -1 at 0", abs_forward, abs_backward_minus_one, with_zeros)


def clip_forward(x):
    return np.clip(x, -1, 1), x


def clip_backward_closed(dout, x):
    return dout * ((x >= -1) & (x <= 1))


def at_the_borders(rng):
    x = rng.normal(size=(3, 3))
    x[0] = -1.0, 1.0, 0.5
    return (x,)


ok("clip: entries at the borders", clip_forward, clip_backward_closed, at_the_borders)


def pool_forward(x):
    """Pairs of neighbours, the larger one."""
    N, L = x.shape
    pairs = x.reshape(N, L // 2, 2)
    return pairs.max(axis=2), pairs


def pool_backward_first(dout, pairs):
    winner = pairs.argmax(axis=2)
    d = np.zeros_like(pairs)
    np.put_along_axis(d, winner[..., None], dout[..., None], axis=2)
    return d.reshape(dout.shape[0], -1)


def pool_backward_split(dout, pairs):
    mask = pairs == pairs.max(axis=2, keepdims=True)
    d = mask * dout[..., None] / mask.sum(axis=2, keepdims=True)
    return d.reshape(len(dout), -1)


def make_tied(rng):
    x = rng.normal(size=(2, 6))
    x[0, :4] = 0.5, 0.5, -1.0, -1.0
    return (x,)


ok("max pool: tie to the first", pool_forward, pool_backward_first, make_tied)
ok("max pool: tie shared", pool_forward, pool_backward_split, make_tied)


def hinge_forward(s, y):
    return np.maximum(0, 1 - y * s).sum(), (s, y)


def hinge_backward(dout, cache):
    s, y = cache
    return -dout * y * (y * s < 1)


def make_at_margin(rng):
    s = rng.normal(size=5)
    y = np.array([1.0, -1.0, 1.0, -1.0, 1.0])
    s[0], s[1] = 1.0, -1.0
    return s, y


ok("hinge: at the margin", hinge_forward, hinge_backward, make_at_margin)


def l1_forward(pred, target):
    return np.mean(np.abs(pred - target)), pred - target


def l1_backward(dout, diff):
    return dout * np.sign(diff) / diff.size


def make_equal(rng):
    t = rng.normal(size=(2, 3))
    p = t + rng.normal(size=(2, 3))
    p[0] = t[0]
    return p, t


ok("l1: predictions that are exact", l1_forward, l1_backward, make_equal)


def row_max_forward(x):
    return x.max(axis=1), (x, x.argmax(axis=1))


def row_max_backward(dout, cache):
    x, k = cache
    dx = np.zeros_like(x)
    dx[np.arange(len(x)), k] = dout
    return dx


def make_row_ties(rng):
    x = rng.integers(-2, 3, size=(4, 5)).astype(float)
    x[0] = 1.0
    return (x,)


ok("max: rows of equal entries", row_max_forward, row_max_backward, make_row_ties)


def hardshrink_like_forward(x, lam=0.5):
    """Soft threshold."""
    return np.sign(x) * np.maximum(np.abs(x) - lam, 0), (x, lam)


def hardshrink_like_backward(dout, cache):
    x, lam = cache
    return np.where(np.abs(x) > lam, dout, 0.0)


def at_threshold(rng):
    x = rng.normal(size=(2, 5))
    x[0, :3] = 0.5, -0.5, 0.0
    return (x,)


ok("soft threshold: entries at it", hardshrink_like_forward, hardshrink_like_backward, at_threshold)


# ---------------------------------------------------------------- magnitudes and precision
def affine_forward(x, w, b):
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def make_float32(rng):
    return tuple(rng.normal(size=s).astype(np.float32) for s in ((3, 4), (4, 2), (2,)))


def make_large(rng):
    return 1e8 * rng.normal(size=(3, 4)), 1e8 * rng.normal(size=(4, 2)), 1e16 * rng.normal(size=2)


def make_tiny(rng):
    return (
        1e-8 * rng.normal(size=(3, 4)),
        1e-8 * rng.normal(size=(4, 2)),
        1e-12 * rng.normal(size=2),
    )


def make_zero_weights(rng):
    return rng.normal(size=(3, 4)), np.zeros((4, 2)), np.zeros(2)


def make_one_example(rng):
    return rng.normal(size=(1, 4)), rng.normal(size=(4, 1)), rng.normal(size=1)


def make_no_example(rng):
    return np.zeros((0, 4)), rng.normal(size=(4, 2)), rng.normal(size=2)


def make_strided(rng):
    return (
        rng.normal(size=(4, 6))[::2, ::-1][:, :4],
        rng.normal(size=(2, 4)).T,
        rng.normal(size=4)[::2],
    )


def make_read_only(rng):
    arrays = rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), rng.normal(size=2)
    for a in arrays:
        a.flags.writeable = False
    return arrays


def make_fortran(rng):
    return tuple(np.asfortranarray(rng.normal(size=s)) for s in ((3, 4), (4, 2), (2,)))


ok("affine: float32", affine_forward, affine_backward, make_float32)
ok("affine: entries of 1e8", affine_forward, affine_backward, make_large)
ok("affine: entries of 1e-8", affine_forward, affine_backward, make_tiny)
ok("affine: weights of zero", affine_forward, affine_backward, make_zero_weights)
ok("affine: one example, one feature", affine_forward, affine_backward, make_one_example)
ok("affine: no example", affine_forward, affine_backward, make_no_example)
ok("affine: slices of other arrays", affine_forward, affine_backward, make_strided)
ok("affine: read-only arrays", affine_forward, affine_backward, make_read_only)
ok("affine: Fortran order", affine_forward, affine_backward, make_fortran)


def sigmoid_forward(x):
    out = np.where(
        x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x)))
    )
    return out, out


def sigmoid_backward(dout, out):
    return dout * out * (1 - out)


def make_saturated(rng):
    x = rng.normal(size=(2, 4))
    x[0] = 40.0, -40.0, 30.0, -35.0
    return (x,)


ok("sigmoid: saturated", sigmoid_forward, sigmoid_backward, make_saturated)


def tanh_forward(x):
    return np.tanh(x), np.tanh(x)


def tanh_backward(dout, t):
    return dout * (1 - t) * (1 + t)


def make_far(rng):
    x = 3 * rng.normal(size=(3, 4))
    x[1] = 25.0, -25.0, 500.0, 1e-12
    return (x,)


ok("tanh: flat far out", tanh_forward, tanh_backward, make_far)


def softmax_forward(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    return p, p


def softmax_backward(dout, p):
    return p * (dout - (dout * p).sum(axis=-1, keepdims=True))


def make_peaked(rng):
    x = rng.normal(size=(3, 4))
    x[0, 2] = 45.0
    return (x + 1000.0,)


ok("softmax: peaked and far from zero", softmax_forward, softmax_backward, make_peaked)


def make_one_class(rng):
    return (rng.normal(size=(3, 1)),)


ok("softmax: one class, gradient zero", softmax_forward, softmax_backward, make_one_class)


def cube_forward(x):
    return x**3, x


def cube_backward(dout, x):
    return 3 * x**2 * dout


def make_minute(rng):
    return (1e-4 * rng.normal(size=(3, 3)),)


ok("cube: small inputs", cube_forward, cube_backward, make_minute)


def log_forward(x):
    return np.log(x), x


def log_backward(dout, x):
    return dout / x


def make_near_zero(rng):
    return (rng.uniform(0.5e-3, 2e-3, size=(2, 4)),)


ok("log: near zero", log_forward, log_backward, make_near_zero)


def scale_forward(x):
    return x * 1e-12, None


def scale_backward(dout, cache):
    return dout * 1e-12


ok("scale: outputs of 1e-12", scale_forward, scale_backward, normal((3, 4)))


def offset_forward(x, w):
    return 1e4 + x @ w, (x, w)


def offset_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout


ok("affine: large constant added", offset_forward, offset_backward, normal((3, 4), (4, 2)))


def float32_relu_forward(x):
    return np.maximum(x, np.float32(0)), x > 0


def float32_relu_backward(dout, positive):
    return np.where(positive, dout, np.zeros_like(dout))


def make_float32_x(rng):
    return (rng.normal(size=(3, 5)).astype(np.float32),)


ok("relu: float32", float32_relu_forward, float32_relu_backward, make_float32_x)


# ---------------------------------------------------------------- gradients that vanish
def bias_bn_forward(x, w, b):
    a = x @ w + b
    mean = a.mean(axis=0)
    std = np.sqrt(((a - mean) ** 2).mean(axis=0) + 1e-5)
    h = (a - mean) / std
    return h, (x, w, h, std)


def bias_bn_backward(dout, cache):
    x, w, h, std = cache
    da = (dout - dout.mean(0) - h * (dout * h).mean(0)) / std
    return da @ w.T, x.T @ da, da.sum(axis=0)


def bias_bn_backward_says_zero(dout, cache):
    x, w, h, std = cache
    da = (dout - dout.mean(0) - h * (dout * h).mean(0)) / std
    return da @ w.T, x.T @ da, np.zeros(w.shape[1])  # the mean takes the bias away


ok("batch norm: bias in front", bias_bn_forward, bias_bn_backward, normal((5, 3), (3, 4), (4,)))
ok(
    "batch norm: bias in front, exact zero returned",
    bias_bn_forward,
    bias_bn_backward_says_zero,
    normal((5, 3), (3, 4), (4,)),
)


def constant_forward(x):
    return np.ones(4) * 3.0, x.shape


def constant_backward(dout, shape):
    return np.zeros(shape)


ok("constant: x does not matter", constant_forward, constant_backward, normal((2, 3)))


def step_forward(x):
    return np.floor(x), None


def step_backward(dout, cache):
    return 0.0 * dout


ok("floor: flat almost everywhere", step_forward, step_backward, normal((3, 4)))


def zero_times_forward(x, w):
    return np.einsum("nd,d->n", x, w) * 0.0, (x, w)


def zero_times_backward(dout, cache):
    x, w = cache
    return np.zeros_like(x), np.zeros_like(w)


ok("constant: multiplied by zero", zero_times_forward, zero_times_backward, normal((2, 3), (3,)))


def eval_dropout_forward(x, train=False):
    return x.copy(), train


def eval_dropout_backward(dout, train):
    return dout


ok(
    "dropout: evaluation, dout returned",
    eval_dropout_forward,
    eval_dropout_backward,
    normal((3, 4)),
)


# ---------------------------------------------------------------- forms and caches
def flatten_forward(x):
    return x.reshape(len(x), -1), x.shape


def flatten_backward(dout, shape):
    return dout.reshape(shape)


ok("flatten: view of dout", flatten_forward, flatten_backward, normal((2, 3, 4)))


def scalar_forward(a, x):
    return a * x**2, {"a": a, "x": x}


def scalar_backward(dout, cache):
    return dout * cache["x"] ** 2, dout * 2 * cache["a"] * cache["x"]


def make_scalars(rng):
    return np.array(rng.normal()), np.array(rng.normal())


ok("scalars: arrays without axes", scalar_forward, scalar_backward, make_scalars)


def sum_forward(x):
    return x.sum(), np.shape(x)


def sum_backward(dout, shape):
    return np.broadcast_to(dout, shape)


ok("sum: read-only broadcast returned", sum_forward, sum_backward, normal((3, 2)))


class Box:
    """A cache with things that are no arrays."""

    __slots__ = ("x", "note", "again", "function", "nothing")

    def __init__(self, x):
        self.x = x
        self.note = "sine"
        self.function = np.cos
        self.nothing = None
        self.again = [x, {"deeper": (x, "text", 3)}]


def sine_forward(x):
    return np.sin(x), Box(x)


def sine_backward(dout, box):
    deeper = box.again[1]["deeper"][0]
    return dout * box.function(deeper)


ok("sine: object with slots as cache", sine_forward, sine_backward, normal((3, 2)))


def closure_forward(x, w):
    def pullback(dout):
        return dout * w, (dout * x).sum(axis=0)

    return x * w, pullback


def closure_backward(dout, pullback):
    return pullback(dout)


ok("scale: cache is a function", closure_forward, closure_backward, normal((4, 3), (3,)))


def fft_filter_forward(x):
    """A complex spectrum in the cache: circular convolution with a fixed kernel."""
    spectrum = np.fft.rfft([0.5, 0.3, 0.0, -0.2, 0.0, 0.1])
    return np.fft.irfft(np.fft.rfft(x, axis=1) * spectrum, n=6, axis=1), spectrum


def fft_filter_backward(dout, spectrum):
    return np.fft.irfft(np.fft.rfft(dout, axis=1) * spectrum.conj(), n=6, axis=1)


ok("fourier filter: complex cache", fft_filter_forward, fft_filter_backward, normal((2, 6)))


def norm_and_direction_forward(x):
    n = np.sqrt((x**2).sum(axis=1))
    return (n, x / n[:, None]), (x, n)


def norm_and_direction_backward(dout, cache):
    dn, du = dout
    x, n = cache
    u = x / n[:, None]
    along = (du * u).sum(axis=1, keepdims=True)
    return dn[:, None] * u + (du - along * u) / n[:, None]


ok(
    "norm and direction: two outputs",
    norm_and_direction_forward,
    norm_and_direction_backward,
    normal((3, 4)),
)


def split_forward(x):
    left, right = np.split(x, 2, axis=1)
    return (left, right), "halves"


def split_backward(dout, cache):
    assert cache == "halves"
    return np.concatenate(dout, axis=1)


ok("split: text as cache", split_forward, split_backward, normal((2, 6)))


def embed_forward(idx, W):
    return W[idx], (idx, W.shape)


def embed_backward(dout, cache):
    idx, shape = cache
    dW = np.zeros(shape)
    np.add.at(dW, idx, dout)
    return dW


def make_repeats(rng):
    return np.array([[1, 1, 1], [4, 0, 1]]), rng.normal(size=(6, 2))


def make_uint(rng):
    return np.array([3, 3, 0], dtype=np.uint8), rng.normal(size=(4, 3))


ok("embedding: words that repeat and words never seen", embed_forward, embed_backward, make_repeats)
ok("embedding: unsigned indices", embed_forward, embed_backward, make_uint)


def seeded_dropout_forward(x, drop=0.5, seed=11):
    mask = np.random.default_rng(seed).random(x.shape) >= drop
    return np.where(mask, x / (1 - drop), 0), {"mask": mask, "mode": "train", "drop": drop}


def seeded_dropout_backward(dout, cache):
    return dout * cache["mask"] / (1 - cache["drop"])


ok("dropout: own seeded generator", seeded_dropout_forward, seeded_dropout_backward, normal((4, 5)))


def generator_dropout_forward(x, drop=0.3):
    rng = np.random.RandomState(5)
    keep = rng.binomial(1, 1 - drop, size=x.shape)
    return x * keep / (1 - drop), (keep, drop)


def generator_dropout_backward(dout, cache):
    keep, drop = cache
    dx = np.array(dout)
    dx *= keep
    dx /= 1 - drop
    return dx


ok("dropout: integer mask", generator_dropout_forward, generator_dropout_backward, normal((2, 6)))


class Counter:
    """Counts its calls; the count does not enter the result."""

    calls = 0

    def forward(self, x):
        Counter.calls += 1
        return np.exp(x), np.exp(x)

    def backward(self, dout, y):
        Counter.calls += 1
        return dout * y


ok("exp: calls are counted", Counter().forward, Counter().backward, normal((2, 3)))


class Scratch:
    """Keeps a buffer for intermediate results; its content never matters."""

    def __init__(self):
        self.buffer = None

    def forward(self, x):
        if self.buffer is None or self.buffer.shape != x.shape:
            self.buffer = np.empty(x.shape)
        np.multiply(x, x, out=self.buffer)
        return self.buffer + x, x

    def backward(self, dout, x):
        if self.buffer is None or self.buffer.shape != x.shape:
            self.buffer = np.empty(x.shape)
        np.multiply(x, 2.0, out=self.buffer)
        self.buffer += 1
        return dout * self.buffer


ok(
    "polynomial: scratch shared between calls",
    Scratch().forward,
    Scratch().backward,
    normal((3, 4)),
)


def masked_mean_forward(x, mask):
    return (x * mask).sum() / mask.sum(), (mask, x.dtype)


def masked_mean_backward(dout, cache):
    mask, dtype = cache
    return (dout * mask / mask.sum()).astype(dtype)


def make_masked(rng):
    mask = np.array([[1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 0, 0]], dtype=float)
    return rng.normal(size=(3, 4)), mask


ok("masked mean: a row masked altogether", masked_mean_forward, masked_mean_backward, make_masked)


def causal_forward(q, k, v):
    T = len(q)
    s = np.where(np.tri(T, dtype=bool), q @ k.T / np.sqrt(q.shape[1]), -np.inf)
    e = np.exp(s - s.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return p @ v, (q, k, v, p)


def causal_backward_without_mask(dout, cache):
    q, k, v, p = cache
    dp = dout @ v.T
    ds = p * (dp - (dp * p).sum(axis=1, keepdims=True)) / np.sqrt(q.shape[1])
    return ds @ k, ds.T @ q, p.T @ dout


ok(
    "attention: causal, no mask needed on the way back",
    causal_forward,
    causal_backward_without_mask,
    normal((4, 3), (4, 3), (4, 2)),
)


# ---------------------------------------------------------------- long and rough
def deep_forward(x, w):
    """Thirty tanh layers with the same weights."""
    hs = [x]
    for _ in range(30):
        hs.append(np.tanh(hs[-1] @ w))
    return hs[-1], (hs, w)


def deep_backward(dout, cache):
    hs, w = cache
    dw = np.zeros_like(w)
    d = dout
    for below, h in zip(hs[-2::-1], hs[:0:-1]):
        dz = d * (1 - h * h)
        dw += below.T @ dz
        d = dz @ w.T
    return d, dw


def make_deep(rng):
    return rng.normal(size=(2, 4)), 0.6 * rng.normal(size=(4, 4))


ok("deep net: thirty shared layers", deep_forward, deep_backward, make_deep)


def lstm_like_forward(x, h0, w, u):
    """Leaky integrator: h = 0.9 h + 0.1 tanh(x w + h u)."""
    h, saved = h0, []
    for t in range(x.shape[1]):
        n = np.tanh(x[:, t] @ w + h @ u)
        saved.append((h, n))
        h = 0.9 * h + 0.1 * n
    return h, (x, w, u, saved)


def lstm_like_backward(dh, cache):
    x, w, u, saved = cache
    dx, dw, du = np.zeros_like(x), np.zeros_like(w), np.zeros_like(u)
    for t in range(len(saved) - 1, -1, -1):
        h, n = saved[t]
        dz = 0.1 * dh * (1 - n**2)
        dx[:, t] = dz @ w.T
        dw += x[:, t].T @ dz
        du += h.T @ dz
        dh = 0.9 * dh + dz @ u.T
    return dx, dh, dw, du


ok(
    "leaky integrator: eight steps",
    lstm_like_forward,
    lstm_like_backward,
    normal((2, 8, 3), (2, 4), (3, 4), (4, 4)),
)


def bn_offset_forward(x, gamma, beta):
    mu = x.mean(0)
    sd = np.sqrt(((x - mu) ** 2).mean(0) + 1e-5)
    h = (x - mu) / sd
    return gamma * h + beta, (h, sd, gamma)


def bn_offset_backward(dout, cache):
    h, sd, gamma = cache
    d = dout * gamma
    dx = (d - d.mean(0) - h * (d * h).mean(0)) / sd
    return dx, (dout * h).sum(0), dout.sum(0)


def make_bn_offset(rng):
    return 1e3 + rng.normal(size=(6, 3)), rng.normal(size=3), rng.normal(size=3)


def make_bn_equal(rng):
    x = rng.normal(size=(4, 3))
    return x, np.zeros(3), rng.normal(size=3)


ok("batch norm: data near 1000", bn_offset_forward, bn_offset_backward, make_bn_offset)
ok("batch norm: gamma of zero", bn_offset_forward, bn_offset_backward, make_bn_equal)


def inverse_forward(a):
    inv = np.linalg.inv(a)
    return inv, inv


def inverse_backward(dout, inv):
    return -inv.T @ dout @ inv.T


def make_regular(rng):
    return (np.eye(3) * 3 + 0.4 * rng.normal(size=(3, 3)),)


ok("matrix inverse: two transposes", inverse_forward, inverse_backward, make_regular)


def transpose_forward(x):
    return x.T, None


def transpose_backward(dout, cache):
    return dout.T


ok("transpose: square", transpose_forward, transpose_backward, normal((3, 3)))


def ce_forward(scores, y):
    s = scores - scores.max(axis=1, keepdims=True)
    logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    return -logp[range(len(y)), y].mean(), (logp, y)


def ce_backward(dout, cache):
    logp, y = cache
    d = np.exp(logp)
    d[range(len(y)), y] -= 1
    return dout * d / len(y)


def make_certain(rng):
    s = rng.normal(size=(4, 3))
    s[0, 1] = s[1, 2] = 60.0
    return s, np.array([1, 0, 2, 2])


ok("cross-entropy: certain and certainly wrong", ce_forward, ce_backward, make_certain)


def conv_forward(x, w):
    N, L = x.shape
    K, S = w.size, 3
    starts = range(0, L - K + 1, S)
    return np.stack([x[:, s : s + K] @ w for s in starts], axis=1), (x, w, starts)


def conv_backward(dout, cache):
    x, w, starts = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for j, s in enumerate(starts):
        dx[:, s : s + w.size] += np.outer(dout[:, j], w)
        dw += dout[:, j] @ x[:, s : s + w.size]
    return dx, dw


ok("conv: stride leaves inputs unused", conv_forward, conv_backward, normal((2, 9), (2,)))
