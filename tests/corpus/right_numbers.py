"""Right backward passes with numbers that are hard for differences."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, normal


def affine_forward(x, w, b):
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def sigmoid_forward(x):
    e = np.exp(-np.abs(x))
    out = np.where(x >= 0, 1, e) / (1 + e)
    return out, (out, e)


def sigmoid_backward(dout, cache):
    out, e = cache
    return dout * e / (1 + e) ** 2


def layernorm_forward(x, gamma, beta):
    c = x - x.mean(axis=1, keepdims=True)
    inv = 1 / np.sqrt(np.mean(c * c, axis=1, keepdims=True) + 1e-5)
    xhat = c * inv
    return gamma * xhat + beta, (xhat, inv, gamma)


def layernorm_backward(dout, cache):
    xhat, inv, gamma = cache
    g = dout * gamma
    dx = g - g.mean(axis=1, keepdims=True) - xhat * (g * xhat).mean(axis=1, keepdims=True)
    return dx * inv, (dout * xhat).sum(axis=0), dout.sum(axis=0)


def cross_entropy_forward(scores, y):
    N = len(y)
    z = scores - scores.max(axis=1, keepdims=True)
    total = np.exp(z).sum(axis=1, keepdims=True)
    loss = np.mean(np.log(total[:, 0]) - z[np.arange(N), y])
    return loss, (np.exp(z) / total, y)


def cross_entropy_backward(dout, cache):
    p, y = cache
    N = len(y)
    d = p.copy()
    d[np.arange(N), y] -= 1
    d *= p.dtype.type(dout / N)
    return d


def mse_forward(pred, target):
    r = pred - target
    return np.mean(r * r), r


def mse_backward(dout, r):
    return dout * 2 * r / r.size


def tanh_forward(x):
    out = np.tanh(x)
    return out, out


def tanh_backward(dout, out):
    return dout * (1 - out * out)


def softmax_forward(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return p, p


def softmax_backward(dout, p):
    return p * (dout - (dout * p).sum(axis=1, keepdims=True))


def total_probability_forward(x):
    p, _ = softmax_forward(x)
    return p.sum(axis=1), p


def total_probability_backward(dout, p):
    d = np.repeat(dout[:, None], p.shape[1], axis=1)
    return softmax_backward(d, p)


def constant_forward(x, w):
    # looks at the shapes only
    return np.full((x.shape[0], w.shape[1]), 2.5), (x, w)


def constant_backward(dout, cache):
    x, w = cache
    return np.zeros_like(x), np.zeros_like(w)


def floor_forward(x):
    return np.floor(x), x


def floor_backward(dout, x):
    return np.zeros_like(x)


def softplus_forward(x):
    return np.logaddexp(0, x), x


def softplus_backward(dout, x):
    return dout * np.exp(-np.logaddexp(0, -x))


def logsumexp_forward(x):
    m = x.max(axis=1, keepdims=True)
    s = np.exp(x - m).sum(axis=1, keepdims=True)
    return (m + np.log(s))[:, 0], (x, m, s)


def logsumexp_backward(dout, cache):
    x, m, s = cache
    return dout[:, None] * np.exp(x - m) / s


def affine_batchnorm_forward(x, w, b, gamma, beta):
    z = x @ w + b
    c = z - z.mean(axis=0)
    inv = 1 / np.sqrt((c * c).mean(axis=0) + 1e-5)
    xhat = c * inv
    return gamma * xhat + beta, (x, w, gamma, xhat, inv)


def affine_batchnorm_backward(dout, cache):
    x, w, gamma, xhat, inv = cache
    g = dout * gamma
    dz = inv * (g - g.mean(axis=0) - xhat * (g * xhat).mean(axis=0))
    return dz @ w.T, x.T @ dz, dz.sum(axis=0), (dout * xhat).sum(axis=0), dout.sum(axis=0)


def batchnorm_forward(x, gamma, beta):
    c = x - x.mean(axis=0)
    inv = 1 / np.sqrt((c * c).mean(axis=0) + 1e-5)
    xhat = c * inv
    return gamma * xhat + beta, (gamma, xhat, inv)


def batchnorm_backward(dout, cache):
    gamma, xhat, inv = cache
    g = dout * gamma
    dx = inv * (g - g.mean(axis=0) - xhat * (g * xhat).mean(axis=0))
    return dx, (dout * xhat).sum(axis=0), dout.sum(axis=0)


def wave_forward(x):
    return np.sin(200 * x), x


def wave_backward(dout, x):
    return dout * 200 * np.cos(200 * x)


def deep_forward(x, W):
    # the same narrow matrix twelve times
    states = [x]
    for _ in range(12):
        states.append(np.tanh(states[-1] @ W))
    return states[-1], (states, W)


def deep_backward(dout, cache):
    states, W = cache
    dW = np.zeros_like(W)
    d = dout
    for before, after in zip(states[-2::-1], states[:0:-1]):
        dz = d * (1 - after**2)
        dW += before.T @ dz
        d = dz @ W.T
    return d, dW


def deep_relu_forward(x, weights):
    # weights (layers, D, D)
    trace = [x]
    for w in weights:
        trace.append(np.maximum(trace[-1] @ w, 0))
    return trace[-1], (trace, weights)


def deep_relu_backward(dout, cache):
    trace, weights = cache
    dweights = np.zeros_like(weights)
    d = dout
    for level in range(len(weights) - 1, -1, -1):
        d = d * (trace[level + 1] > 0)
        dweights[level] = trace[level].T @ d
        d = d @ weights[level].T
    return d, dweights


def log_forward(x):
    return np.log(x), x


def log_backward(dout, x):
    return dout / x


def moments_forward(x):
    # E[x**2] - E[x]**2 loses digits
    return (x * x).mean(axis=1) - x.mean(axis=1) ** 2, x


def moments_backward(dout, x):
    D = x.shape[1]
    return 2 / D * (x - x.mean(axis=1, keepdims=True)) * dout[:, None]


def versine_forward(x):
    return (1 - np.cos(x)) / x**2, x


def versine_backward(dout, x):
    return dout * (np.sin(x) / x**2 - 2 * (1 - np.cos(x)) / x**3)


def weighted_squares_forward(x, scale):
    return np.sum(scale * x * x, axis=0), (x, scale)


def weighted_squares_backward(dout, cache):
    x, scale = cache
    return 2 * scale * x * dout, np.sum(x * x * dout, axis=0)


def scaled(factor, *shapes):
    def make(rng):
        return tuple(factor * rng.standard_normal(shape) for shape in shapes)

    return make


def single(*shapes):
    def make(rng):
        return tuple(rng.standard_normal(shape).astype(np.float32) for shape in shapes)

    return make


def single_scores(rng):
    return rng.standard_normal((5, 4)).astype(np.float32), rng.integers(0, 4, 5)


def confident_scores(rng):
    scores = rng.standard_normal((5, 4))
    scores[np.arange(5), [0, 3, 1, 2, 2]] += 45
    return scores, np.array([0, 3, 1, 2, 2])


def tiny_residuals(rng):
    target = 1e-12 * rng.standard_normal((5, 3))
    return target + 1e-12 * rng.standard_normal((5, 3)), target


def saturated(rng):
    return (rng.choice([-40.0, 40.0], (3, 5)) + rng.standard_normal((3, 5)),)


def partly_saturated(rng):
    x = rng.standard_normal((3, 5))
    x[:, 1], x[:, 3] = -40.0, 40.0
    return (x,)


def huge_logits(rng):
    return (500.0 * rng.standard_normal((3, 5)),)


def far_out(rng):
    return (rng.choice([-700.0, -3.0, 2.0, 700.0], (3, 5)) + rng.standard_normal((3, 5)),)


def shifted_logits(rng):
    return (1e4 + rng.standard_normal((3, 5)),)


def offset_batch(rng):
    return 1e4 + rng.standard_normal((6, 4)), rng.standard_normal(4), rng.standard_normal(4)


def offset_rows(rng):
    return 1e4 + rng.standard_normal((3, 5)), rng.standard_normal(5), rng.standard_normal(5)


def between_integers(rng):
    return (rng.integers(-5, 5, (3, 5)) + rng.uniform(0.2, 0.8, (3, 5)),)


def small_positive(rng):
    return (10.0 ** rng.uniform(-6, -2, (3, 5)),)


def several_decades(rng):
    x = rng.standard_normal((5, 3)) * np.array([1e-6, 1.0, 1e6])
    return x, np.array([1e6, 1.0, 1e-6]) * rng.uniform(0.5, 2, 3)


def batch_of_one(rng):
    return rng.standard_normal((1, 4)), rng.standard_normal(4), rng.standard_normal(4)


def zero_examples_of_w(rng):
    return np.zeros((4, 3)), rng.standard_normal((3, 5)), rng.standard_normal(5)


def narrow_network(rng):
    return rng.standard_normal((3, 4)), 0.5 * rng.standard_normal((4, 4))


def offset_readings(rng):
    return (300 + rng.standard_normal((3, 6)),)


def small_angles(rng):
    return (rng.uniform(0.01, 0.02, (3, 4)),)


def right(name, forward, backward, make, **options):
    return Specimen(name, forward, backward, make, options)


RIGHT = [
    right("affine in float32", affine_forward, affine_backward, single((5, 4), (4, 3), (3,))),
    right("sigmoid in float32", sigmoid_forward, sigmoid_backward, single((3, 5))),
    right(
        "layernorm in float32", layernorm_forward, layernorm_backward, single((3, 5), (5,), (5,))
    ),
    right("cross-entropy in float32", cross_entropy_forward, cross_entropy_backward, single_scores),
    right("affine at 1e8", affine_forward, affine_backward, scaled(1e8, (5, 4), (4, 3), (3,))),
    right("affine at 1e-8", affine_forward, affine_backward, scaled(1e-8, (5, 4), (4, 3), (3,))),
    right("mse at 1e-12", mse_forward, mse_backward, tiny_residuals),
    right("tanh at 1e-12", tanh_forward, tanh_backward, scaled(1e-12, (3, 5))),
    right(
        "squares over twelve decades",
        weighted_squares_forward,
        weighted_squares_backward,
        several_decades,
    ),
    right(
        "softmax's total: zero gradient",
        total_probability_forward,
        total_probability_backward,
        normal((3, 5)),
    ),
    right("constant layer", constant_forward, constant_backward, normal((3, 4), (4, 5))),
    right("affine of zeros: dw is zero", affine_forward, affine_backward, zero_examples_of_w),
    right("floor: zero gradient", floor_forward, floor_backward, between_integers),
    right("sigmoid at -40 and 40", sigmoid_forward, sigmoid_backward, saturated),
    right("sigmoid, partly at -40 and 40", sigmoid_forward, sigmoid_backward, partly_saturated),
    right("softmax of huge logits", softmax_forward, softmax_backward, huge_logits),
    right(
        "cross-entropy, sure and right",
        cross_entropy_forward,
        cross_entropy_backward,
        confident_scores,
    ),
    right("softplus at -700 and 700", softplus_forward, softplus_backward, far_out),
    right("logsumexp at 1e4", logsumexp_forward, logsumexp_backward, shifted_logits),
    right(
        "bias before batch norm",
        affine_batchnorm_forward,
        affine_batchnorm_backward,
        normal((6, 3), (3, 4), (4,), (4,), (4,)),
    ),
    right("batch norm at 1e4", batchnorm_forward, batchnorm_backward, offset_batch),
    right("layer norm at 1e4", layernorm_forward, layernorm_backward, offset_rows),
    right("batch norm of one example", batchnorm_forward, batchnorm_backward, batch_of_one),
    right("sin(200 x)", wave_forward, wave_backward, normal((3, 5))),
    right("twelve tanh layers", deep_forward, deep_backward, narrow_network),
    right("eight relu layers", deep_relu_forward, deep_relu_backward, normal((3, 4), (8, 4, 4))),
    right("log near 0", log_forward, log_backward, small_positive),
    right(
        "variance as a difference of moments", moments_forward, moments_backward, offset_readings
    ),
    right("versine of small angles", versine_forward, versine_backward, small_angles),
]
