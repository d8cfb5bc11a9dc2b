"""Pooling and resampling, each with one fault in its backward pass."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, normal


def max_pool_forward_naive(x, pool_param):
    ph, pw, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    N, C, H, W = x.shape
    Ho, Wo = 1 + (H - ph) // s, 1 + (W - pw) // s
    out = np.zeros((N, C, Ho, Wo))
    for i in range(Ho):
        for j in range(Wo):
            out[:, :, i, j] = x[:, :, i * s : i * s + ph, j * s : j * s + pw].max(axis=(2, 3))
    return out, (x, pool_param)


def max_pool_backward_whole_window(dout, cache):
    x, pool_param = cache
    ph, pw, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            dx[:, :, i * s : i * s + ph, j * s : j * s + pw] += dout[:, :, i, j][:, :, None, None]
    return dx


def max_pool_backward_assigned(dout, cache):
    x, pool_param = cache
    ph, pw, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    N, C, Ho, Wo = dout.shape
    dx = np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            for i in range(Ho):
                for j in range(Wo):
                    window = x[n, c, i * s : i * s + ph, j * s : j * s + pw]
                    a, b = np.unravel_index(np.argmax(window), window.shape)
                    dx[n, c, i * s + a, j * s + b] = dout[n, c, i, j]
    return dx


def max_pool_backward_unravelled_by_height(dout, cache):
    x, pool_param = cache
    ph, pw, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    N, C, Ho, Wo = dout.shape
    dx = np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            for i in range(Ho):
                for j in range(Wo):
                    window = x[n, c, i * s : i * s + ph, j * s : j * s + pw]
                    k = np.argmax(window)
                    a, b = k % ph, k // ph
                    dx[n, c, i * s + a, j * s + b] += dout[n, c, i, j]
    return dx


def max_pool_backward_smallest(dout, cache):
    x, pool_param = cache
    ph, pw, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            rows, cols = slice(i * s, i * s + ph), slice(j * s, j * s + pw)
            window = x[:, :, rows, cols]
            mask = window == window.min(axis=(2, 3), keepdims=True)
            dx[:, :, rows, cols] += mask * dout[:, :, i, j][:, :, None, None]
    return dx


def max_pool_backward_all_of_a_tie(dout, cache):
    x, pool_param = cache
    ph, pw, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            rows, cols = slice(i * s, i * s + ph), slice(j * s, j * s + pw)
            window = x[:, :, rows, cols]
            mask = window == np.max(window, axis=(2, 3), keepdims=True)
            dx[:, :, rows, cols] += mask * dout[:, :, i : i + 1, j : j + 1]
    return dx


def max_pool_backward_last_row_of_windows(dout, cache):
    x, pool_param = cache
    ph, pw, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    dx = np.zeros_like(x)
    for i in range(dout.shape[2] - 1):
        for j in range(dout.shape[3]):
            rows, cols = slice(i * s, i * s + ph), slice(j * s, j * s + pw)
            window = x[:, :, rows, cols]
            mask = window == window.max(axis=(2, 3), keepdims=True)
            dx[:, :, rows, cols] += mask * dout[:, :, i, j][:, :, None, None]
    return dx


def max_pool_backward_stride_left_out(dout, cache):
    x, pool_param = cache
    ph, pw = pool_param["pool_height"], pool_param["pool_width"]
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            window = x[:, :, i : i + ph, j : j + pw]
            mask = window == window.max(axis=(2, 3), keepdims=True)
            dx[:, :, i : i + ph, j : j + pw] += mask * dout[:, :, i, j][:, :, None, None]
    return dx


def max_pool_backward_mask_alone(dout, cache):
    x, pool_param = cache
    ph, pw, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            window = x[:, :, i * s : i * s + ph, j * s : j * s + pw]
            mask = window == window.max(axis=(2, 3), keepdims=True)
            dx[:, :, i * s : i * s + ph, j * s : j * s + pw] += mask
    return dx


def avg_pool_forward(x, k=2):
    N, C, H, W = x.shape
    out = x.reshape(N, C, H // k, k, W // k, k).mean(axis=(3, 5))
    return out, (x.shape, k)


def avg_pool_backward_as_sum(dout, cache):
    shape, k = cache
    dx = dout.repeat(k, axis=2).repeat(k, axis=3)
    return dx


def avg_pool_backward_divided_by_k(dout, cache):
    shape, k = cache
    return np.kron(dout, np.ones((k, k))) / k


def avg_pool1d_forward(x, size=3, stride=1):
    N, T = x.shape
    To = (T - size) // stride + 1
    out = np.stack([x[:, t * stride : t * stride + size].mean(axis=1) for t in range(To)], axis=1)
    return out, (x.shape, size, stride)


def avg_pool1d_backward_assigned(dout, cache):
    shape, size, stride = cache
    dx = np.zeros(shape)
    for t in range(dout.shape[1]):
        dx[:, t * stride : t * stride + size] = dout[:, t : t + 1] / size
    return dx


def global_avg_pool_forward(x):
    return x.mean(axis=(2, 3)), x.shape


def global_avg_pool_backward_height_only(dout, shape):
    N, C, H, W = shape
    dx = np.ones(shape) * dout[:, :, None, None] / H
    return dx


def global_avg_pool_backward_of_ones(dout, shape):
    N, C, H, W = shape
    return np.ones(shape) / (H * W)


def max_over_time_forward(x):
    # x (N, T, D)
    winner = x.argmax(axis=1)
    out = np.take_along_axis(x, winner[:, None, :], axis=1)[:, 0, :]
    return out, (x, winner)


def max_over_time_backward_one_winner(dout, cache):
    x, winner = cache
    dx = np.zeros_like(x)
    for n in range(x.shape[0]):
        dx[n, winner[n, 0]] = dout[n]
    return dx


def max_over_time_backward_other_axis(dout, cache):
    x, winner = cache
    mask = x == x.max(axis=2, keepdims=True)
    return mask * dout[:, None, :]


def upsample_forward(x, k=2):
    return x.repeat(k, axis=-2).repeat(k, axis=-1), k


def upsample_backward_corner(dout, k):
    dx = dout[..., ::k, ::k].copy()
    return dx


def pixel_shuffle_forward(x, r=2):
    N, C, H, W = x.shape
    y = x.reshape(N, C // r**2, r, r, H, W).transpose(0, 1, 4, 2, 5, 3)
    return y.reshape(N, C // r**2, H * r, W * r), (x.shape, r)


def pixel_shuffle_backward_by_plain_reshape(dout, cache):
    shape, r = cache
    return dout.reshape(shape).copy()


def images(shape, ph, pw, stride):
    def make(rng):
        param = {"pool_height": ph, "pool_width": pw, "stride": stride}
        return rng.standard_normal(shape), param

    return make


def rectified_images(rng):
    x = np.maximum(rng.standard_normal((2, 3, 4, 6)), 0)
    x[0, 0, :2, :2] = 0
    return x, {"pool_height": 2, "pool_width": 2, "stride": 2}


def wrong(name, forward, backward, make, cause, also=(), **options):
    return Specimen(name, forward, backward, make, options, ("dx",), cause, also)


APART = images((2, 3, 4, 6), 2, 2, 2)
OVERLAPPING = images((2, 3, 5, 6), 3, 2, 1)

WRONG = [
    wrong(
        "max pool: the whole window gets dout",
        max_pool_forward_naive,
        max_pool_backward_whole_window,
        APART,
        "wrong_mask",
        ("wrong_formula",),
    ),
    wrong(
        "max pool, overlapping: assigned",
        max_pool_forward_naive,
        max_pool_backward_assigned,
        OVERLAPPING,
        "overwrite_not_accumulate",
    ),
    wrong(
        "max pool: row and column of the maximum mixed up",
        max_pool_forward_naive,
        max_pool_backward_unravelled_by_height,
        images((2, 3, 6, 4), 2, 2, 2),
        "wrong_index",
        ("wrong_mask", "rearranged"),
    ),
    wrong(
        "max pool: gradient to the smallest",
        max_pool_forward_naive,
        max_pool_backward_smallest,
        APART,
        "wrong_mask",
    ),
    wrong(
        "max pool: all of dout to every tied entry",
        max_pool_forward_naive,
        max_pool_backward_all_of_a_tie,
        rectified_images,
        "kink_value",
    ),
    wrong(
        "max pool: last row of windows left out",
        max_pool_forward_naive,
        max_pool_backward_last_row_of_windows,
        APART,
        "partial_fill",
    ),
    wrong(
        "max pool: stride left out",
        max_pool_forward_naive,
        max_pool_backward_stride_left_out,
        APART,
        "wrong_index",
    ),
    wrong(
        "max pool: mask without dout",
        max_pool_forward_naive,
        max_pool_backward_mask_alone,
        APART,
        "dout_ignored",
    ),
    wrong(
        "average pool: 1 / k**2 left out",
        avg_pool_forward,
        avg_pool_backward_as_sum,
        normal((3, 2, 4, 6)),
        "constant_scale",
        k=2,
    ),
    wrong(
        "average pool: divided by k, not k**2",
        avg_pool_forward,
        avg_pool_backward_divided_by_k,
        normal((2, 2, 3, 6)),
        "constant_scale",
        k=3,
    ),
    wrong(
        "average pool 1d, overlapping: assigned",
        avg_pool1d_forward,
        avg_pool1d_backward_assigned,
        normal((4, 7)),
        "overwrite_not_accumulate",
        size=3,
        stride=2,
    ),
    wrong(
        "global average pool: divided by H only",
        global_avg_pool_forward,
        global_avg_pool_backward_height_only,
        normal((3, 4, 2, 5)),
        "constant_scale",
    ),
    wrong(
        "global average pool: not multiplied by dout",
        global_avg_pool_forward,
        global_avg_pool_backward_of_ones,
        normal((3, 4, 2, 5)),
        "dout_ignored",
    ),
    wrong(
        "max over time: winner of feature 0 for all features",
        max_over_time_forward,
        max_over_time_backward_one_winner,
        normal((4, 5, 3)),
        "wrong_index",
        ("wrong_mask",),
    ),
    wrong(
        "max over time: maximum over the features",
        max_over_time_forward,
        max_over_time_backward_other_axis,
        normal((4, 5, 3)),
        "wrong_axis",
        ("wrong_mask",),
    ),
    wrong(
        "upsampling: one pixel of each block",
        upsample_forward,
        upsample_backward_corner,
        normal((2, 3, 2, 5)),
        "missing_reduction",
        k=2,
    ),
    wrong(
        "pixel shuffle: plain reshape",
        pixel_shuffle_forward,
        pixel_shuffle_backward_by_plain_reshape,
        normal((2, 4, 3, 5)),
        "rearranged",
        r=2,
    ),
]
