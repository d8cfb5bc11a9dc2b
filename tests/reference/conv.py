"""Convolutions, term by term."""

import numpy as np


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


def conv2d(x, w, b=None, stride=1, pad=0, dilation=1, groups=1, workers=1):
    (N, C, H, W), (F, _, KH, KW) = x.shape, w.shape
    (s, t), (p, q), (d, e) = pair(stride), pair(pad), pair(dilation)
    OH = (H + 2 * p - d * (KH - 1) - 1) // s + 1
    OW = (W + 2 * q - e * (KW - 1) - 1) // t + 1
    out = np.zeros((N, F, OH, OW))
    for n, f, i, j in np.ndindex(*out.shape):
        group = f // (F // groups)
        out[n, f, i, j] = 0.0 if b is None else b[f]
        for c, k, m in np.ndindex(C // groups, KH, KW):
            row, column = s * i + d * k - p, t * j + e * m - q
            if 0 <= row < H and 0 <= column < W:
                out[n, f, i, j] += x[n, group * (C // groups) + c, row, column] * w[f, c, k, m]
    return out


def conv1d(x, w, b=None, stride=1, pad=0, dilation=1, groups=1, workers=1):
    (N, C, L), (F, _, K) = x.shape, w.shape
    out = np.zeros((N, F, (L + 2 * pad - dilation * (K - 1) - 1) // stride + 1))
    for n, f, i in np.ndindex(*out.shape):
        group = f // (F // groups)
        out[n, f, i] = 0.0 if b is None else b[f]
        for c, k in np.ndindex(C // groups, K):
            place = stride * i + dilation * k - pad
            if 0 <= place < L:
                out[n, f, i] += x[n, group * (C // groups) + c, place] * w[f, c, k]
    return out


def conv_transpose2d(x, w, b=None, stride=1, pad=0, output_pad=0, dilation=1, groups=1, workers=1):
    (N, C, H, W), (_, F, KH, KW) = x.shape, w.shape
    (s, t), (p, q), (d, e), (o, r) = pair(stride), pair(pad), pair(dilation), pair(output_pad)
    OH = (H - 1) * s - 2 * p + d * (KH - 1) + 1 + o
    OW = (W - 1) * t - 2 * q + e * (KW - 1) + 1 + r
    out = np.zeros((N, F * groups, OH, OW))
    if b is not None:
        out += b[:, None, None]
    for n, c, i, j in np.ndindex(*x.shape):
        group = c // (C // groups)
        for f, k, m in np.ndindex(F, KH, KW):
            row, column = s * i + d * k - p, t * j + e * m - q
            if 0 <= row < OH and 0 <= column < OW:
                out[n, group * F + f, row, column] += x[n, c, i, j] * w[c, f, k, m]
    return out
