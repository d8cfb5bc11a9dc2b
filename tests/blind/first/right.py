"""Right backward passes that look suspicious."""

from collections import namedtuple

import numpy as np

from blind.shelf import Shelf

RIGHT = Shelf()


# ---------------------------------------------------------------- kinks
def relu_forward(x):
    return np.maximum(x, 0), x


def relu_backward_zero(dout, x):
    return dout * (x > 0)


def relu_backward_one(dout, x):
    dx = np.array(dout, copy=True)
    dx[x < 0] = 0
    return dx


def relu_backward_half(dout, x):
    return dout * np.heaviside(x, 0.5)


def make_zeros_inside(rng):
    x = np.round(2 * rng.normal(size=(4, 5))) / 2
    x[1, 2] = x[3, 0] = 0.0
    return (x,)


def make_all_zero(rng):
    return (np.zeros((3, 4)),)


RIGHT.add("relu: zero at zero", (relu_forward, relu_backward_zero), make_zeros_inside)
RIGHT.add("relu: one at zero", (relu_forward, relu_backward_one), make_zeros_inside)
RIGHT.add("relu: a half at zero", (relu_forward, relu_backward_half), make_zeros_inside)
RIGHT.add("relu: every input at the kink", (relu_forward, relu_backward_zero), make_all_zero)


def abs_forward(x):
    return abs(x), (x,)


def abs_backward(dout, cache):
    return np.sign(cache[0]) * dout


def abs_backward_right(dout, cache):
    return np.where(cache[0] >= 0, dout, -dout)


RIGHT.add("abs: zero at zero", (abs_forward, abs_backward), make_zeros_inside)
RIGHT.add("abs: one at zero", (abs_forward, abs_backward_right), make_zeros_inside)


def leaky_forward(x, *, slope=0.1):
    return np.maximum(x, slope * x), (x, slope)


def leaky_backward(dout, cache):
    x, slope = cache
    return np.where(x >= 0, 1.0, slope) * dout


def clip_forward(x, *, low=-1.0, high=1.0):
    return np.clip(x, low, high), (x >= low) & (x < high)


def clip_backward(dout, inside):
    return np.where(inside, dout, 0.0)


RIGHT.add(
    "leaky relu: right-hand slope at zero",
    (leaky_forward, leaky_backward),
    make_zeros_inside,
    slope=0.2,
)
RIGHT.add("clip: inputs on both bounds", (clip_forward, clip_backward), make_zeros_inside)


def pool_forward(x, *, k=2):
    N, C, H, W = x.shape
    t = x.reshape(N, C, H // k, k, W // k, k).transpose(0, 1, 2, 4, 3, 5)
    t = t.reshape(N, C, H // k, W // k, k * k)
    return t.max(axis=-1), (t, k, x.shape)


def pool_unfold(dt, k, shape):
    N, C, H, W = shape
    dt = dt.reshape(N, C, H // k, W // k, k, k).transpose(0, 1, 2, 4, 3, 5)
    return dt.reshape(shape)


def pool_backward_first(dout, cache):
    t, k, shape = cache
    dt = np.zeros_like(t)
    np.put_along_axis(dt, t.argmax(axis=-1)[..., None], dout[..., None], axis=-1)
    return pool_unfold(dt, k, shape)


def pool_backward_last(dout, cache):
    t, k, shape = cache
    last = t.shape[-1] - 1 - t[..., ::-1].argmax(axis=-1)
    dt = np.zeros_like(t)
    np.put_along_axis(dt, last[..., None], dout[..., None], axis=-1)
    return pool_unfold(dt, k, shape)


def pool_backward_equal(dout, cache):
    t, k, shape = cache
    winners = t == t.max(axis=-1, keepdims=True)
    dt = winners * (dout / winners.sum(axis=-1))[..., None]
    return pool_unfold(dt, k, shape)


def make_pool_ties(rng):
    x = rng.integers(0, 3, size=(2, 2, 4, 4)).astype(float)
    x[0, 0, :2, :2] = 2.0
    return (x,)


RIGHT.add("max pool: ties to the first", (pool_forward, pool_backward_first), make_pool_ties)
RIGHT.add("max pool: ties to the last", (pool_forward, pool_backward_last), make_pool_ties)
RIGHT.add("max pool: ties shared", (pool_forward, pool_backward_equal), make_pool_ties)


def elementwise_max_forward(a, b):
    return np.maximum(a, b), a >= b


def elementwise_max_backward(dout, first):
    return dout * first, dout * ~first


def make_equal_pair(rng):
    a = rng.integers(-1, 2, size=(3, 4)).astype(float)
    b = rng.integers(-1, 2, size=(3, 4)).astype(float)
    b[0] = a[0]
    return a, b


RIGHT.add(
    "maximum: ties to the first argument",
    (elementwise_max_forward, elementwise_max_backward),
    make_equal_pair,
)


def svm_forward(scores, y):
    n = np.arange(len(y))
    margins = scores - scores[n, y][:, None] + 1.0
    margins[n, y] = 0.0
    return np.maximum(margins, 0).sum() / len(y), (margins, y)


def svm_backward(dout, cache):
    margins, y = cache
    hit = (margins > 0) * 1.0
    hit[np.arange(len(y)), y] = -hit.sum(axis=1)
    return dout * hit / len(y)


def make_on_margin(rng):
    scores = rng.integers(-2, 3, size=(4, 3)).astype(float)
    y = rng.integers(0, 3, size=4)
    scores[0] = 1.0
    scores[0, y[0]] = 2.0
    return scores, y


RIGHT.add("svm: scores exactly on the margin", (svm_forward, svm_backward), make_on_margin)


def l1_forward(pred, target):
    return np.abs(pred - target).mean(), np.sign(pred - target)


def l1_backward(dout, s):
    return dout * s / s.size


def make_partly_equal(rng):
    target = rng.normal(size=(3, 4))
    pred = rng.normal(size=(3, 4))
    pred[:, 1] = target[:, 1]
    return pred, target


def huber_forward(pred, target, *, delta=1.0):
    r = pred - target
    small = np.abs(r) < delta
    loss = np.where(small, r**2 / 2, delta * np.abs(r) - delta**2 / 2)
    return loss.mean(), (np.clip(r, -delta, delta), r.size)


def huber_backward(dout, cache):
    r, n = cache
    return dout * r / n


def make_at_delta(rng):
    target = rng.integers(-2, 3, size=(4, 3)).astype(float)
    return target + rng.integers(-2, 3, size=(4, 3)), target


RIGHT.add("l1: some residuals zero", (l1_forward, l1_backward), make_partly_equal)
RIGHT.add("huber: residuals exactly delta", (huber_forward, huber_backward), make_at_delta)


def norm_forward(x):
    n = np.sqrt((x * x).sum(axis=1))
    return n, (x, n)


def norm_backward(dout, cache):
    x, n = cache
    safe = np.where(n > 0, n, 1.0)
    return x * (dout / safe)[:, None]


def make_zero_row(rng):
    x = rng.normal(size=(4, 3))
    x[2] = 0
    return (x,)


RIGHT.add("norm: a row of zeros", (norm_forward, norm_backward), make_zero_row)


def sort_forward(x):
    order = np.argsort(x, axis=1)
    return np.take_along_axis(x, order, axis=1), order


def sort_backward(dout, order):
    dx = np.empty_like(dout)
    for i, row in enumerate(order):
        dx[i, row] = dout[i]
    return dx


def make_sort(rng):
    return (rng.permutation(20).reshape(4, 5) * 0.37,)


RIGHT.add("sort: gradient put back in place", (sort_forward, sort_backward), make_sort)


def sinc_forward(x):
    small = np.abs(x) < 1e-4
    safe = np.where(small, 1.0, x)
    return np.where(small, 1 - x**2 / 6, np.sin(safe) / safe), x


def sinc_backward(dout, x):
    small = np.abs(x) < 1e-4
    s = np.where(small, 1.0, x)
    return dout * np.where(small, -x / 3, (s * np.cos(s) - np.sin(s)) / s**2)


RIGHT.add("sinc: removable singularity", (sinc_forward, sinc_backward), make_zeros_inside)


# ---------------------------------------------------------------- magnitudes and precision
class Linear:
    def forward(self, x, w, b):
        return x.dot(w) + b, (x, w)

    def backward(self, dout, cache):
        x, w = cache
        return dout.dot(w.T), x.T.dot(dout), dout.sum(axis=0)


LINEAR = Linear()


def make_float32_affine(rng):
    return (
        rng.normal(size=(4, 3)).astype(np.float32),
        rng.normal(size=(3, 5)).astype(np.float32),
        rng.normal(size=5).astype(np.float32),
    )


def make_huge_affine(rng):
    return 1e8 * rng.normal(size=(4, 3)), rng.normal(size=(3, 5)), 1e8 * rng.normal(size=5)


def make_mixed_affine(rng):
    scale = np.array([1e-8, 1.0, 1e6])
    return rng.normal(size=(4, 3)) * scale, rng.normal(size=(3, 5)) / scale[:, None], np.zeros(5)


RIGHT.add("affine: float32", (LINEAR.forward, LINEAR.backward), make_float32_affine)
RIGHT.add("affine: huge inputs", (LINEAR.forward, LINEAR.backward), make_huge_affine)
RIGHT.add(
    "affine: columns of very different sizes", (LINEAR.forward, LINEAR.backward), make_mixed_affine
)


def tanh_forward(x):
    t = np.tanh(x)
    return t, t


def tanh_backward(dout, t):
    return dout * (1 - t * t)


def square_forward(x):
    return x**2, x


def square_backward(dout, x):
    return 2 * x * dout


def make_tiny(rng):
    return (1e-8 * rng.normal(size=(3, 4)),)


def make_tinier(rng):
    return (1e-12 * rng.normal(size=(3, 4)),)


def make_float32(rng):
    return (rng.normal(size=(3, 4)).astype(np.float32),)


RIGHT.add("tanh: tiny inputs", (tanh_forward, tanh_backward), make_tiny)
RIGHT.add("tanh: float32", (tanh_forward, tanh_backward), make_float32)
RIGHT.add("square: inputs of 1e-12", (square_forward, square_backward), make_tinier)


def tiny_loss_forward(pred, target):
    return 1e-12 * np.mean((pred - target) ** 2), pred - target


def tiny_loss_backward(dout, r):
    return 2e-12 * dout * r / r.size


def make_regression(rng):
    return rng.normal(size=(3, 4)), rng.normal(size=(3, 4))


RIGHT.add("mse: loss of 1e-12", (tiny_loss_forward, tiny_loss_backward), make_regression)


def sigmoid_forward(x):
    z = np.exp(-np.abs(x))
    out = np.where(x >= 0, 1 / (1 + z), z / (1 + z))
    return out, (z, out)


def sigmoid_backward(dout, cache):
    z, _ = cache
    return dout * z / (1 + z) ** 2


def make_saturated(rng):
    x = rng.normal(size=(3, 4))
    x[0] = 40.0
    x[1] = -40.0
    return (x,)


def softmax_forward(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return p, {"p": p, "kind": "softmax", "notes": None}


def softmax_backward(dout, cache):
    p = cache["p"]
    return p * (dout - (p * dout).sum(axis=1, keepdims=True))


def make_saturated_logits(rng):
    x = rng.normal(size=(3, 4))
    x[0, 1] += 500
    x[2, 3] -= 700
    return (x,)


RIGHT.add("sigmoid: saturated at forty", (sigmoid_forward, sigmoid_backward), make_saturated)
RIGHT.add("softmax: saturated logits", (softmax_forward, softmax_backward), make_saturated_logits)


def softplus_forward(x):
    return np.logaddexp(0.0, x), x


def softplus_backward(dout, x):
    return dout * np.exp(-np.logaddexp(0.0, -x))


def make_wide(rng):
    return (rng.normal(size=(3, 4)) * np.array([1, 10, 100, 300]),)


RIGHT.add("softplus: inputs of several hundred", (softplus_forward, softplus_backward), make_wide)


def sine_forward(x):
    return np.sin(x), x


def sine_backward(dout, x):
    return dout * np.cos(x)


def make_large_angle(rng):
    return (1e4 + rng.normal(size=(3, 4)),)


def power_forward(x):
    return x**9 + np.exp(6 * x), x


def power_backward(dout, x):
    return dout * (9 * x**8 + 6 * np.exp(6 * x))


def make_unit(rng):
    return (rng.uniform(-2, 2, size=(3, 4)),)


def log_forward(x):
    return np.log(x), x


def log_backward(dout, x):
    return dout / x


def make_near_border(rng):
    return (np.exp(rng.uniform(-12, 1, size=(3, 4))),)


RIGHT.add("sine: large offset", (sine_forward, sine_backward), make_large_angle)
RIGHT.add("power: steep and curved", (power_forward, power_backward), make_unit)
RIGHT.add("log: close to the border of its domain", (log_forward, log_backward), make_near_border)


def moments_forward(x, gamma):
    mean = x.sum(axis=1, keepdims=True) / x.shape[1]
    var = (x * x).sum(axis=1, keepdims=True) / x.shape[1] - mean * mean
    std = np.sqrt(var + 1e-3)
    return gamma * ((x - mean) / std), (x, mean, std, gamma)


def moments_backward(dout, cache):
    x, mean, std, gamma = cache
    z = (x - mean) / std
    d = dout * gamma
    dx = (d - d.mean(axis=1, keepdims=True) - z * (d * z).mean(axis=1, keepdims=True)) / std
    return dx, (dout * z).sum(axis=0)


def make_offset(rng):
    return 50 + rng.normal(size=(3, 5)), rng.uniform(0.5, 2, size=5)


def layernorm_forward(x, gamma, beta):
    centred = x - x.mean(axis=-1, keepdims=True)
    inv = 1 / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)
    z = centred * inv
    return gamma * z + beta, dict(z=z, inv=inv, gamma=gamma, lead=tuple(range(x.ndim - 1)))


def layernorm_backward(dout, c):
    z, inv = c["z"], c["inv"]
    d = dout * c["gamma"]
    dx = inv * (d - d.mean(-1, keepdims=True) - z * np.mean(d * z, -1, keepdims=True))
    return dx, (dout * z).sum(axis=c["lead"]), dout.sum(axis=c["lead"])


def make_large_offset(rng):
    return 1e5 + rng.normal(size=(3, 5)), rng.uniform(0.5, 2, size=5), rng.normal(size=5)


def make_one(rng):
    return rng.normal(size=(1, 5)), rng.uniform(0.5, 2, size=5), rng.normal(size=5)


RIGHT.add(
    "layer norm: variance as a difference of moments",
    (moments_forward, moments_backward),
    make_offset,
)
RIGHT.add("layer norm: offset of 1e5", (layernorm_forward, layernorm_backward), make_large_offset)
RIGHT.add("layer norm: one example", (layernorm_forward, layernorm_backward), make_one)


def deep_forward(x, *, depth=20):
    weights = np.random.default_rng(5).normal(size=(depth, x.shape[1], x.shape[1])) * 0.4
    hs = [x]
    for w in weights:
        hs.append(np.tanh(hs[-1] @ w))
    return hs[-1], (weights, hs)


def deep_backward(dout, cache):
    weights, hs = cache
    d = dout
    for w, h in zip(weights[::-1], hs[:0:-1]):
        d = (d * (1 - h**2)) @ w.T
    return d


def make_deep(rng):
    return (rng.normal(size=(3, 4)),)


RIGHT.add("deep net: twenty tanh layers", (deep_forward, deep_backward), make_deep)


# ---------------------------------------------------------------- exact-zero gradients
def constant_forward(x):
    return np.ones((x.shape[0], 2)), x.shape


def constant_backward(dout, shape):
    return np.zeros(shape)


def rounding_forward(x):
    return np.round(x), None


def rounding_backward(dout, cache):
    return np.zeros(dout.shape)


def make_off_steps(rng):
    return (rng.integers(-3, 4, size=(3, 4)) + rng.uniform(-0.4, 0.4, size=(3, 4)),)


def softmax_total_forward(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return (e / e.sum(axis=1, keepdims=True)).sum(axis=1), x


def softmax_total_backward(dout, x):
    return 0.0 * x


def dead_forward(x, w):
    a = x @ w - 100.0
    return np.where(a > 0, a, 0.0), (x, w, a > 0)


def dead_backward(dout, cache):
    x, w, on = cache
    d = dout * on
    return d @ w.T, x.T @ d


def make_dead(rng):
    return rng.normal(size=(4, 3)), rng.normal(size=(3, 2))


RIGHT.add("constant: output does not depend on x", (constant_forward, constant_backward), make_deep)
RIGHT.add(
    "rounding: gradient zero away from the steps",
    (rounding_forward, rounding_backward),
    make_off_steps,
)
RIGHT.add("softmax: total is one", (softmax_total_forward, softmax_total_backward), make_deep)
RIGHT.add("affine-relu: every unit dead", (dead_forward, dead_backward), make_dead)


def affine_bn_forward(x, w, b):
    a = x @ w + b
    mu = a.mean(axis=0)
    inv = 1 / np.sqrt(a.var(axis=0) + 1e-5)
    z = (a - mu) * inv
    return z, (x, w, z, inv)


def affine_bn_backward(dout, cache):
    x, w, z, inv = cache
    N = len(x)
    da = inv / N * (N * dout - dout.sum(axis=0) - z * (dout * z).sum(axis=0))
    return da @ w.T, x.T @ da, da.sum(axis=0)


def make_affine_bn(rng):
    return rng.normal(size=(5, 3)), rng.normal(size=(3, 4)), rng.normal(size=4)


RIGHT.add(
    "batch norm: bias in front of it", (affine_bn_forward, affine_bn_backward), make_affine_bn
)


def batchnorm_forward(x, gamma, beta):
    mu = x.mean(axis=0)
    centred = x - mu
    inv = 1 / np.sqrt((centred**2).mean(axis=0) + 1e-2)
    return gamma * centred * inv + beta, (centred * inv, inv, gamma)


def batchnorm_backward(dout, cache):
    z, inv, gamma = cache
    d = dout * gamma
    dx = inv * (d - d.mean(axis=0) - z * (d * z).mean(axis=0))
    return dx, (dout * z).sum(axis=0), dout.sum(axis=0)


RIGHT.add("batch norm: one example", (batchnorm_forward, batchnorm_backward), make_one)


# ---------------------------------------------------------------- memory layouts, empty, scalars
def make_strided(rng):
    x = rng.normal(size=(4, 6))[:, ::2]
    w = np.asfortranarray(rng.normal(size=(3, 5)))
    b = rng.normal(size=5)[::-1]
    return x, w, b


def make_read_only(rng):
    arrays = rng.normal(size=(4, 3)), rng.normal(size=(3, 5)), rng.normal(size=5)
    for array in arrays:
        array.setflags(write=False)
    return arrays


def make_empty_batch(rng):
    return np.zeros((0, 3)), rng.normal(size=(3, 5)), rng.normal(size=5)


RIGHT.add(
    "affine: strided, column-ordered and reversed", (LINEAR.forward, LINEAR.backward), make_strided
)
RIGHT.add("affine: read-only", (LINEAR.forward, LINEAR.backward), make_read_only)
RIGHT.add("affine: no examples", (LINEAR.forward, LINEAR.backward), make_empty_batch)


def make_empty(rng):
    return (np.zeros((0, 4)),)


def sum_forward(x):
    return x.sum(), x.shape


def sum_backward(dout, shape):
    return np.broadcast_to(np.asarray(dout, dtype=float), shape)


RIGHT.add("tanh: no examples", (tanh_forward, tanh_backward), make_empty)
RIGHT.add("sum: no examples", (sum_forward, sum_backward), make_empty)
RIGHT.add("sum: read-only broadcast of dout", (sum_forward, sum_backward), make_deep)


def line_forward(x, slope, intercept):
    return slope * x + intercept, (x, slope)


def line_backward(dout, cache):
    x, slope = cache
    return slope * dout, x * dout, dout * 1.0


def make_scalars(rng):
    return tuple(np.array(v) for v in rng.normal(size=3))


def gain_forward(x, gain):
    return gain * x, (x, gain)


def gain_backward(dout, cache):
    x, gain = cache
    return gain * dout, np.vdot(x, dout)


def make_gain(rng):
    return rng.normal(size=(3, 4)), np.array(rng.normal())


RIGHT.add("line: three scalars", (line_forward, line_backward), make_scalars)
RIGHT.add("gain: a scalar parameter", (gain_forward, gain_backward), make_gain)


# ---------------------------------------------------------------- views of dout, several outputs
def flatten_forward(x):
    return x.reshape(x.shape[0], -1), x.shape


def flatten_backward(dout, shape):
    return dout.reshape(shape)


def identity_forward(x):
    return x, None


def identity_backward(dout, _):
    return dout


def turn_forward(x):
    return x.transpose(0, 2, 1), ("transpose", 0, 2, 1)


def turn_backward(dout, _):
    return dout.transpose(0, 2, 1)


def make_cube(rng):
    return (rng.normal(size=(2, 3, 4)),)


RIGHT.add("flatten: view of dout", (flatten_forward, flatten_backward), make_cube)
RIGHT.add("identity: dout itself", (identity_forward, identity_backward), make_deep)
RIGHT.add("transpose: view of dout", (turn_forward, turn_backward), make_cube)


def split_forward(x):
    half = x.shape[1] // 2
    return (x[:, :half] * 2, np.tanh(x[:, half:])), (half, np.tanh(x[:, half:]))


def split_backward(dout, cache):
    left, right = dout
    half, t = cache
    dx = np.empty((len(t), half + t.shape[1]))
    dx[:, :half] = 2 * left
    dx[:, half:] = right * (1 - t**2)
    return dx


Gates = namedtuple("Gates", "x h c W i f o g tanh_c")


def sigmoid(a):
    return 0.5 * (1 + np.tanh(0.5 * a))


def lstm_forward(x, h, c, W):
    a = np.hstack([x, h]) @ W
    ai, af, ao, ag = np.split(a, 4, axis=1)
    i, f, o, g = sigmoid(ai), sigmoid(af), sigmoid(ao), np.tanh(ag)
    c_new = f * c + i * g
    t = np.tanh(c_new)
    return (o * t, c_new), Gates(x, h, c, W, i, f, o, g, t)


def lstm_backward(dout, s):
    dh, dc = dout
    dc = dc + dh * s.o * (1 - s.tanh_c**2)
    da = np.hstack(
        [
            dc * s.g * s.i * (1 - s.i),
            dc * s.c * s.f * (1 - s.f),
            dh * s.tanh_c * s.o * (1 - s.o),
            dc * s.i * (1 - s.g**2),
        ]
    )
    dxh = da @ s.W.T
    D = s.x.shape[1]
    return dxh[:, :D], dxh[:, D:], dc * s.f, np.hstack([s.x, s.h]).T @ da


def make_lstm(rng):
    return (
        rng.normal(size=(3, 4)),
        rng.normal(size=(3, 2)),
        rng.normal(size=(3, 2)),
        rng.normal(size=(6, 8)),
    )


def make_even(rng):
    return (rng.normal(size=(3, 6)),)


RIGHT.add("split: two outputs", (split_forward, split_backward), make_even)
RIGHT.add("lstm step: two outputs and a named tuple", (lstm_forward, lstm_backward), make_lstm)


# ---------------------------------------------------------------- unusual caches
class Tape:
    def __init__(self):
        self.saved = {}

    def save(self, **entries):
        self.saved.update(entries)


def taped_forward(x, w):
    tape = Tape()
    h = np.tanh(x @ w)
    tape.save(x=x, w=w, h=h)
    return (h**2).sum(axis=1), tape


def taped_backward(dout, tape):
    h = tape.saved["h"]
    da = 2 * dout[:, None] * h * (1 - h**2)
    return da @ tape.saved["w"].T, tape.saved["x"].T @ da


def make_pair(rng):
    return rng.normal(size=(4, 3)), rng.normal(size=(3, 2))


def closure_forward(x, w):
    out = np.exp(-((x @ w) ** 2))

    def vjp(g):
        da = -2 * g * out * (x @ w)
        return da @ w.T, x.T @ da

    return out, vjp


def closure_backward(dout, vjp):
    return vjp(dout)


def nested_forward(x, w):
    z = x @ w
    cache = {
        "op": "affine+sin",
        "args": [x, {"w": w, "b": None}],
        "act": (np.sin, np.cos),
        "z": z,
        "flags": {"train": True, "axes": {0, 1}},
    }
    return np.sin(z), cache


def nested_backward(dout, cache):
    x, params = cache["args"]
    _, slope = cache["act"]
    dz = dout * slope(cache["z"])
    return dz @ params["w"].T, x.T @ dz


def spectrum_forward(x):
    spectrum = np.fft.rfft(x, axis=1)
    return np.abs(spectrum) ** 2, (spectrum, x.shape[1])


def spectrum_backward(dout, cache):
    spectrum, n = cache
    k = np.arange(n)
    waves = np.exp(2j * np.pi * np.outer(np.arange(spectrum.shape[1]), k) / n)
    return 2 * ((dout * spectrum) @ waves).real


def cumulative_forward(x):
    return np.cumsum(x, axis=1), ()


def cumulative_backward(dout, cache):
    return np.flip(np.cumsum(np.flip(dout, axis=1), axis=1), axis=1)


RIGHT.add("small net: object cache", (taped_forward, taped_backward), make_pair)
RIGHT.add("small net: cache is a function", (closure_forward, closure_backward), make_pair)
RIGHT.add(
    "small net: nested cache with strings and functions",
    (nested_forward, nested_backward),
    make_pair,
)
RIGHT.add("spectrum: complex cache", (spectrum_forward, spectrum_backward), make_even)
RIGHT.add("cumulative sum: empty cache", (cumulative_forward, cumulative_backward), make_even)


class Remembering:
    """Keeps the last cache for printing, but backward reads what it is given."""

    def __init__(self):
        self.last = None

    def forward(self, x, w):
        h = 1 / (1 + np.exp(-(x @ w)))
        self.last = {"x": x, "w": w, "h": h}
        return h, (x, w, h)

    def backward(self, dout, cache):
        x, w, h = cache
        da = dout * h * (1 - h)
        return da @ w.T, x.T @ da


REMEMBERING = Remembering()
RIGHT.add(
    "small net: object that also remembers", (REMEMBERING.forward, REMEMBERING.backward), make_pair
)

SCRATCH = np.empty((8, 8))


def buffered_forward(x):
    view = SCRATCH[: x.shape[0], : x.shape[1]]
    np.multiply(x, x, out=view)
    return 1 / (1 + view), x


def buffered_backward(dout, x):
    view = SCRATCH[: x.shape[0], : x.shape[1]]
    np.multiply(x, x, out=view)
    np.add(view, 1.0, out=view)
    np.multiply(view, view, out=view)
    return -2 * x * dout / view


INDEX_TABLE = {}


def windows(length, size):
    if (length, size) not in INDEX_TABLE:
        INDEX_TABLE[length, size] = np.arange(length - size + 1)[:, None] + np.arange(size)
    return INDEX_TABLE[length, size]


def filter_forward(x, k):
    at = windows(x.shape[1], k.size)
    return x[:, at] @ k, (x, k)


def filter_backward(dout, cache):
    x, k = cache
    at = windows(x.shape[1], k.size)
    dx = np.zeros_like(x)
    np.add.at(dx, (slice(None), at), dout[:, :, None] * k)
    return dx, np.einsum("no,nok->k", dout, x[:, at])


def make_filter(rng):
    return rng.normal(size=(3, 7)), rng.normal(size=3)


RIGHT.add("lorentzian: shared scratch memory", (buffered_forward, buffered_backward), make_deep)
RIGHT.add("filter: memoised indices", (filter_forward, filter_backward), make_filter)


# ---------------------------------------------------------------- indices, masks, options
def embedding_forward(idx, W):
    return W[idx], (idx, W)


def embedding_backward(dout, cache):
    idx, W = cache
    dW = np.zeros_like(W)
    np.add.at(dW, idx, dout)
    return dW


def make_tokens(rng):
    return rng.integers(0, 4, size=(2, 5)), rng.normal(size=(9, 3))


def causal_forward(q, k, v):
    T = q.shape[0]
    s = q @ k.T / np.sqrt(q.shape[1])
    s = np.where(np.tri(T, dtype=bool), s, -1e30)
    p = np.exp(s - s.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return p @ v, (q, k, v, p)


def causal_backward(dout, cache):
    q, k, v, p = cache
    dp = dout @ v.T
    ds = p * (dp - (dp * p).sum(axis=1, keepdims=True)) / np.sqrt(q.shape[1])
    return ds @ k, ds.T @ q, p.T @ dout


def make_causal(rng):
    return rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.normal(size=(4, 2))


def masked_mean_forward(x, mask):
    return (x * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1)[:, None], mask


def masked_mean_backward(dout, mask):
    share = mask / mask.sum(axis=1, keepdims=True)
    return share[:, :, None] * dout[:, None, :]


def make_masked(rng):
    mask = np.array([[True, True, False, False], [True, True, True, True]])
    return rng.normal(size=(2, 4, 3)), mask


def optional_bias_forward(x, w, b=None):
    out = x @ w
    if b is not None:
        out = out + b
    return out, (x, w, b is not None)


def optional_bias_backward(dout, cache):
    x, w, has_bias = cache
    grads = dout @ w.T, x.T @ dout
    return (*grads, dout.sum(axis=0)) if has_bias else grads


def row_bias_forward(x, b):
    return np.tanh(x + b), (np.tanh(x + b), b.shape)


def row_bias_backward(dout, cache):
    t, shape = cache
    d = dout * (1 - t**2)
    return d, d.sum(axis=0, keepdims=True).reshape(shape)


def make_row_bias(rng):
    return rng.normal(size=(5, 3)), rng.normal(size=(1, 3))


def dropout_forward(x, *, keep=0.5, rng=None):
    rng = np.random.default_rng(rng)
    mask = (rng.random(x.shape) < keep) / keep
    return x * mask, mask


def dropout_backward(dout, mask):
    return dout * mask


RIGHT.add("embedding: most rows unused", (embedding_forward, embedding_backward), make_tokens)
RIGHT.add(
    "attention: causal mask seen in the weights only",
    (causal_forward, causal_backward),
    make_causal,
)
RIGHT.add("masked mean: boolean mask", (masked_mean_forward, masked_mean_backward), make_masked)
RIGHT.add(
    "affine: optional bias left out", (optional_bias_forward, optional_bias_backward), make_pair
)
RIGHT.add("shift: row vector", (row_bias_forward, row_bias_backward), make_row_bias)
RIGHT.add("dropout: seed given", (dropout_forward, dropout_backward), make_even, keep=0.4, rng=3)


def conv_forward(x, w, *, stride=2):
    N, H, W = x.shape
    K = w.shape[0]
    oh, ow = (H - K) // stride + 1, (W - K) // stride + 1
    view = np.lib.stride_tricks.sliding_window_view(x, (K, K), axis=(1, 2))
    view = view[:, ::stride, ::stride][:, :oh, :ow]
    return np.einsum("nijab,ab->nij", view, w), (x, view, w, stride)


def conv_backward(dout, cache):
    x, view, w, stride = cache
    K = w.shape[0]
    dx = np.zeros_like(x)
    for i, j in np.ndindex(*dout.shape[1:]):
        r, s = i * stride, j * stride
        dx[:, r : r + K, s : s + K] += dout[:, i, j][:, None, None] * w
    return dx, np.einsum("nij,nijab->ab", dout, view)


def make_conv(rng):
    return rng.normal(size=(2, 6, 5)), rng.normal(size=(3, 3))


RIGHT.add(
    "conv: last row and column never read", (conv_forward, conv_backward), make_conv, stride=2
)


def cross_entropy_forward(scores, y):
    m = scores.max(axis=1, keepdims=True)
    logp = scores - m - np.log(np.exp(scores - m).sum(axis=1, keepdims=True))
    return float(-logp[np.arange(len(y)), y].mean()), (logp, y)


def cross_entropy_backward(dout, cache):
    logp, y = cache
    d = np.exp(logp)
    d[np.arange(len(y)), y] -= 1
    return d * (dout / len(y))


def make_confident(rng):
    y = rng.integers(0, 3, size=4)
    scores = rng.normal(size=(4, 3))
    scores[np.arange(4), y] += 7
    return scores, y


RIGHT.add(
    "cross-entropy: confident and a Python float",
    (cross_entropy_forward, cross_entropy_backward),
    make_confident,
)
