"""Right backward passes at points where the derivative jumps: any slope in between is right."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen


def relu_forward(x):
    return np.maximum(x, 0), x


def relu_backward_zero(dout, x):
    return dout * (x > 0)


def relu_backward_one(dout, x):
    dx = dout.copy()
    dx[x < 0] = 0
    return dx


def relu_backward_half(dout, x):
    return dout * np.heaviside(x, 0.5)


def abs_forward(x):
    return np.abs(x), x


def abs_backward_zero(dout, x):
    return dout * np.sign(x)


def abs_backward_one(dout, x):
    return np.where(x >= 0, dout, -dout)


def leaky_relu_forward(x, slope=0.1):
    return np.where(x > 0, x, slope * x), {"x": x, "slope": slope}


def leaky_relu_backward_slope(dout, cache):
    dx = dout.copy()
    dx[cache["x"] <= 0] *= cache["slope"]
    return dx


def leaky_relu_backward_one(dout, cache):
    return np.where(cache["x"] < 0, cache["slope"], 1.0) * dout


def elu_forward(x, alpha=0.4):
    out = np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
    return out, (x, out, alpha)


def elu_backward(dout, cache):
    x, out, alpha = cache
    return dout * np.where(x > 0, 1, out + alpha)


def max_pool_forward(x):
    N, C, H, W = x.shape
    windows = x.reshape(N, C, H // 2, 2, W // 2, 2).transpose(0, 1, 2, 4, 3, 5)
    windows = windows.reshape(N, C, H // 2, W // 2, 4)
    return windows.max(axis=-1), (windows, x.shape)


def unwindowed(d, shape):
    N, C, H, W = shape
    d = d.reshape(N, C, H // 2, W // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5)
    return d.reshape(shape)


def max_pool_backward_first(dout, cache):
    windows, shape = cache
    d = np.zeros_like(windows)
    np.put_along_axis(d, windows.argmax(axis=-1)[..., None], dout[..., None], axis=-1)
    return unwindowed(d, shape)


def max_pool_backward_shared(dout, cache):
    windows, shape = cache
    mask = windows == windows.max(axis=-1, keepdims=True)
    d = mask * dout[..., None] / mask.sum(axis=-1, keepdims=True)
    return unwindowed(d, shape)


def overlapping_pool_forward(x, size=3):
    T = x.shape[1] - size + 1
    out = np.stack([x[:, t : t + size].max(axis=1) for t in range(T)], axis=1)
    return out, (x, size)


def overlapping_pool_backward(dout, cache):
    x, size = cache
    dx = np.zeros_like(x)
    for n in range(x.shape[0]):
        for t in range(dout.shape[1]):
            winner = t + size - 1 - np.argmax(x[n, t : t + size][::-1])
            dx[n, winner] += dout[n, t]
    return dx


def maximum_forward(a, b):
    return np.maximum(a, b), (a, b)


def maximum_backward_to_a(dout, cache):
    a, b = cache
    mask = a >= b
    return dout * mask, dout * ~mask


def maximum_backward_halves(dout, cache):
    a, b = cache
    share = np.heaviside(a - b, 0.5)
    return dout * share, dout * (1 - share)


def svm_loss(scores, y):
    N = len(y)
    margins = scores - scores[np.arange(N), y][:, None] + 1
    margins[np.arange(N), y] = 0
    return np.maximum(margins, 0).sum() / N, (margins, y)


def svm_backward_open(dout, cache):
    margins, y = cache
    N = len(y)
    d = (margins > 0).astype(float)
    d[np.arange(N), y] = -d.sum(axis=1)
    return d * (dout / N)


def svm_backward_closed(dout, cache):
    margins, y = cache
    N = len(y)
    d = (margins >= 0).astype(float)
    d[np.arange(N), y] = 0
    d[np.arange(N), y] = -d.sum(axis=1)
    return d * (dout / N)


def clip_forward(x, lo=-1.0, hi=1.0):
    return np.minimum(np.maximum(x, lo), hi), (x, lo, hi)


def clip_backward_open(dout, cache):
    x, lo, hi = cache
    return dout * ((x > lo) & (x < hi))


def clip_backward_closed(dout, cache):
    x, lo, hi = cache
    return dout * ((x >= lo) & (x <= hi))


def l1_forward(pred, target):
    return np.mean(np.abs(pred - target)), (pred, target)


def l1_backward(dout, cache):
    pred, target = cache
    return dout * np.sign(pred - target) / pred.size


def huber_forward(pred, target):
    r = pred - target
    a = np.abs(r)
    return np.sum(np.where(a < 1, 0.5 * r**2, a - 0.5)), r


def huber_backward(dout, r):
    return dout * np.clip(r, -1, 1)


def feature_max_forward(x):
    return x.max(axis=1), x


def feature_max_backward(dout, x):
    winners = x == x.max(axis=1, keepdims=True)
    return winners / winners.sum(axis=1, keepdims=True) * dout[:, None]


def two_layers_forward(x, w1, w2):
    z = x @ w1
    return np.maximum(z, 0) @ w2, (x, w1, w2, z)


def two_layers_backward(dout, cache):
    x, w1, w2, z = cache
    dz = (dout @ w2.T) * (z > 0)
    return dz @ w1.T, x.T @ dz, np.maximum(z, 0).T @ dout


def sort_forward(x):
    order = np.argsort(x, axis=1, kind="stable")
    return np.take_along_axis(x, order, axis=1), order


def sort_backward(dout, order):
    dx = np.empty_like(dout)
    np.put_along_axis(dx, order, dout, axis=1)
    return dx


def with_zeros(rng):
    x = rng.standard_normal((3, 5))
    x[0, :2] = 0
    x[2, 4] = -0.0
    return (x,)


def nothing_but_zeros(rng):
    return (np.zeros((3, 4)),)


def images_with_ties(rng):
    x = rng.integers(-3, 4, (2, 2, 4, 6)) / 2.0
    x[0, 0, :2, :2] = 0.5
    return (x,)


def black_images(rng):
    return (np.zeros((2, 2, 2, 4)),)


def steps_with_ties(rng):
    x = rng.standard_normal((3, 7))
    x[:, 3] = x[:, 2]
    x[1] = 0.25
    return (x,)


def pairs_with_ties(rng):
    a = rng.integers(-4, 5, (3, 5)) / 4.0
    b = rng.integers(-4, 5, (3, 5)) / 4.0
    b[0, 0], b[2, 1:3] = a[0, 0], a[2, 1:3]
    return a, b


def scores_at_the_margin(rng):
    scores = rng.integers(-8, 9, (4, 5)) / 4.0
    y = rng.integers(0, 5, 4)
    scores[1, (y[1] + 1) % 5] = scores[1, y[1]] - 1
    scores[2, (y[2] + 3) % 5] = scores[2, y[2]] - 1
    return scores, y


def at_both_ends(rng):
    x = rng.uniform(-2, 2, (3, 5))
    x[0, 0], x[1, 2], x[2, 3] = -1, 1, 1
    return (x,)


def some_hits(rng):
    target = rng.standard_normal((5, 3))
    pred = target + rng.standard_normal((5, 3))
    pred[0], pred[3, 1] = target[0], target[3, 1]
    return pred, target


def residuals_at_delta(rng):
    target = rng.integers(-4, 5, (4, 3)) / 2.0
    return target + rng.integers(-4, 5, (4, 3)) / 2.0, target


def rows_with_ties(rng):
    x = rng.integers(0, 3, (4, 5)) / 2.0
    x[1] = 1.0
    return (x,)


def rows_with_pairs(rng):
    x = rng.standard_normal((3, 6))
    x[0, 1], x[2, 4] = x[0, 5], x[2, 0]
    return (x,)


def an_empty_row(rng):
    x = rng.standard_normal((4, 3))
    x[1] = 0
    return x, rng.standard_normal((3, 5)), rng.uniform(0.2, 1, (5, 2))


def right(name, forward, backward, make, **options):
    return Specimen(name, forward, backward, make, options)


RIGHT = [
    right("relu at 0: slope 0", relu_forward, relu_backward_zero, with_zeros),
    right("relu at 0: slope 1", relu_forward, relu_backward_one, with_zeros),
    right("relu at 0: slope 1/2", relu_forward, relu_backward_half, with_zeros),
    right("relu of nothing but zeros", relu_forward, relu_backward_zero, nothing_but_zeros),
    right("abs at 0: slope 0", abs_forward, abs_backward_zero, with_zeros),
    right("abs at 0: slope 1", abs_forward, abs_backward_one, with_zeros),
    right(
        "leaky relu at 0: slope of the left",
        leaky_relu_forward,
        leaky_relu_backward_slope,
        with_zeros,
        slope=0.1,
    ),
    right(
        "leaky relu at 0: slope of the right",
        leaky_relu_forward,
        leaky_relu_backward_one,
        with_zeros,
        slope=0.1,
    ),
    right("elu at 0: alpha", elu_forward, elu_backward, with_zeros, alpha=0.4),
    right(
        "max pool: ties to the first", max_pool_forward, max_pool_backward_first, images_with_ties
    ),
    right("max pool: ties shared", max_pool_forward, max_pool_backward_shared, images_with_ties),
    right("max pool of zeros", max_pool_forward, max_pool_backward_first, black_images),
    right(
        "max pool, overlapping: ties to the last",
        overlapping_pool_forward,
        overlapping_pool_backward,
        steps_with_ties,
        size=3,
    ),
    right("maximum: ties to a", maximum_forward, maximum_backward_to_a, pairs_with_ties),
    right("maximum: ties halved", maximum_forward, maximum_backward_halves, pairs_with_ties),
    right("svm at the margin: 0", svm_loss, svm_backward_open, scores_at_the_margin),
    right("svm at the margin: 1", svm_loss, svm_backward_closed, scores_at_the_margin),
    right("clip at its ends: 0", clip_forward, clip_backward_open, at_both_ends),
    right("clip at its ends: 1", clip_forward, clip_backward_closed, at_both_ends),
    right("l1 with some exact hits", l1_forward, l1_backward, some_hits),
    right("huber exactly at delta", huber_forward, huber_backward, residuals_at_delta),
    right(
        "max over features: shared by all",
        feature_max_forward,
        feature_max_backward,
        rows_with_ties,
    ),
    right("two layers with a row of zeros", two_layers_forward, two_layers_backward, an_empty_row),
    right("sort with ties", sort_forward, sort_backward, rows_with_pairs),
]
