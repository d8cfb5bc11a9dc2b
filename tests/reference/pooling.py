"""Pooling and upsampling, window by window."""

import math

import numpy as np

from reference.conv import pair


def windows(x, size, stride, pad):
    """Yield (place in out, entries of the window that are in x) for every window."""
    (N, C, H, W), (KH, KW), (p, q) = x.shape, pair(size), pair(pad)
    s, t = (KH, KW) if stride is None else pair(stride)
    for n, c, i, j in np.ndindex(N, C, (H + 2 * p - KH) // s + 1, (W + 2 * q - KW) // t + 1):
        yield (
            (n, c, i, j),
            [
                x[n, c, s * i + k - p, t * j + m - q]
                for k, m in np.ndindex(KH, KW)
                if 0 <= s * i + k - p < H and 0 <= t * j + m - q < W
            ],
        )


def pooled(function):
    """Make a pooling of a function of a window's entries and its size."""

    def pool(x, size, stride=None, pad=0):
        results = {place: function(seen, size) for place, seen in windows(x, size, stride, pad)}
        one = x if len(x) else np.zeros((1, *x.shape[1:]))
        *_, (last, _) = windows(one, size, stride, pad)
        out = np.empty((len(x), *(k + 1 for k in last[1:])))
        for place, result in results.items():
            out[place] = result
        return out

    return pool


max_pool2d = pooled(lambda seen, size: max(seen))
avg_pool2d = pooled(lambda seen, size: math.fsum(seen) / math.prod(pair(size)))


def global_avg_pool2d(x):
    out = np.empty(x.shape[:2])
    for n, c in np.ndindex(*out.shape):
        out[n, c] = math.fsum(x[n, c].flat) / x[n, c].size
    return out


def adaptive_avg_pool2d(x, size):
    (N, C, H, W), (OH, OW) = x.shape, pair(size)
    out = np.empty((N, C, OH, OW))
    for n, c, i, j in np.ndindex(*out.shape):
        seen = [
            x[n, c, k, m]
            for k in range(math.floor(i * H / OH), math.ceil((i + 1) * H / OH))
            for m in range(math.floor(j * W / OW), math.ceil((j + 1) * W / OW))
        ]
        out[n, c, i, j] = math.fsum(seen) / len(seen)
    return out


def upsample_nearest2d(x, scale):
    (N, C, H, W), (s, t) = x.shape, pair(scale)
    out = np.empty((N, C, s * H, t * W))
    for n, c, i, j in np.ndindex(*out.shape):
        out[n, c, i, j] = x[n, c, i // s, j // t]
    return out
