"""Convolutions as matrix products and in one dimension, each with one fault."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, normal

# with the window matrix of every image


def im2col(x, HH, WW):
    N, C, H, W = x.shape
    Ho, Wo = H - HH + 1, W - WW + 1
    cols = np.empty((N, Ho, Wo, C, HH, WW))
    for i in range(HH):
        for j in range(WW):
            cols[:, :, :, :, i, j] = x[:, :, i : i + Ho, j : j + Wo].transpose(0, 2, 3, 1)
    return cols.reshape(N * Ho * Wo, C * HH * WW)


def col2im(dcols, shape, HH, WW):
    N, C, H, W = shape
    Ho, Wo = H - HH + 1, W - WW + 1
    dcols = dcols.reshape(N, Ho, Wo, C, HH, WW).transpose(0, 3, 1, 2, 4, 5)
    dx = np.zeros(shape)
    for i in range(HH):
        for j in range(WW):
            dx[:, :, i : i + Ho, j : j + Wo] += dcols[..., i, j]
    return dx


def conv_forward_im2col(x, w, b):
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    cols = im2col(x, HH, WW)
    out = cols @ w.reshape(F, -1).T + b
    out = out.reshape(N, H - HH + 1, W - WW + 1, F).transpose(0, 3, 1, 2)
    return out, {"cols": cols, "w": w, "shape": x.shape}


def conv_backward_im2col_kernel_order(dout, cache):
    cols, w, shape = cache["cols"], cache["w"], cache["shape"]
    F, C, HH, WW = w.shape
    d = dout.transpose(0, 2, 3, 1).reshape(-1, F)
    dw = (d.T @ cols).reshape(F, HH, WW, C).transpose(0, 3, 1, 2)
    dx = col2im(d @ w.reshape(F, -1), shape, HH, WW)
    return dx, dw, d.sum(axis=0)


def conv_backward_im2col_dout_order(dout, cache):
    cols, w, shape = cache["cols"], cache["w"], cache["shape"]
    F, C, HH, WW = w.shape
    d = dout.reshape(-1, F)
    dw = (d.T @ cols).reshape(w.shape)
    dx = col2im(d @ w.reshape(F, -1), shape, HH, WW)
    return dx, dw, dout.sum(axis=(0, 2, 3))


def conv_backward_im2col_bias_averaged(dout, cache):
    cols, w, shape = cache["cols"], cache["w"], cache["shape"]
    F, C, HH, WW = w.shape
    d = dout.transpose(0, 2, 3, 1).reshape(-1, F)
    dw = (d.T @ cols).reshape(w.shape)
    dx = col2im(d @ w.reshape(F, -1), shape, HH, WW)
    db = dout.sum(axis=0).mean(axis=(1, 2))
    return dx, dw, db


def conv_backward_im2col_bias_per_image(dout, cache):
    cols, w, shape = cache["cols"], cache["w"], cache["shape"]
    F, C, HH, WW = w.shape
    d = dout.transpose(0, 2, 3, 1).reshape(-1, F)
    dw = (d.T @ cols).reshape(w.shape)
    dx = col2im(d @ w.reshape(F, -1), shape, HH, WW)
    db = dout.sum(axis=(2, 3))
    return dx, dw, db


def conv_backward_im2col_bias_by_column(dout, cache):
    cols, w, shape = cache["cols"], cache["w"], cache["shape"]
    F, C, HH, WW = w.shape
    d = dout.transpose(0, 2, 3, 1).reshape(-1, F)
    dw = (d.T @ cols).reshape(w.shape)
    dx = col2im(d @ w.reshape(F, -1), shape, HH, WW)
    db = np.sum(dout, axis=(0, 1, 2))
    return dx, dw, db


def conv_backward_im2col_float16(dout, cache):
    cols, w, shape = cache["cols"], cache["w"], cache["shape"]
    F, C, HH, WW = w.shape
    d = dout.transpose(0, 2, 3, 1).reshape(-1, F)
    dw = (d.T @ cols).reshape(w.shape).astype(np.float16)
    dx = col2im(d @ w.reshape(F, -1), shape, HH, WW)
    return dx, dw.astype(float), d.sum(axis=0)


# backward as a full correlation


def correlate_forward(x, w):
    H, W = x.shape
    k = w.shape[0]
    out = np.zeros((H - k + 1, W - k + 1))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = np.sum(x[i : i + k, j : j + k] * w)
    return out, (x, w)


def correlate_backward_kernel_not_turned(dout, cache):
    x, w = cache
    k = w.shape[0]
    padded = np.pad(dout, k - 1)
    dx, _ = correlate_forward(padded, w)
    dw = np.zeros_like(w)
    for i in range(k):
        for j in range(k):
            dw[i, j] = np.sum(dout * x[i : i + dout.shape[0], j : j + dout.shape[1]])
    return dx, dw


# one dimension, dilated, causal, depthwise


def conv1d_forward(x, w, dilation=2):
    # x (N, T), w (K,): out[t] = sum over k of w[k] x[t - k dilation]
    N, T = x.shape
    K = len(w)
    out = np.zeros((N, T))
    for k in range(K):
        shift = k * dilation
        out[:, shift:] += w[k] * x[:, : T - shift]
    return out, (x, w, dilation)


def conv1d_backward_not_dilated(dout, cache):
    x, w, dilation = cache
    T = x.shape[1]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for k in range(len(w)):
        dw[k] = np.sum(dout[:, k * dilation :] * x[:, : T - k * dilation])
        dx[:, : T - k] += w[k] * dout[:, k:]
    return dx, dw


def conv1d_backward_taps_reversed(dout, cache):
    x, w, dilation = cache
    T = x.shape[1]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for k in range(len(w)):
        shift = k * dilation
        dw[len(w) - 1 - k] = np.sum(dout[:, shift:] * x[:, : T - shift])
        dx[:, : T - shift] += w[k] * dout[:, shift:]
    return dx, dw


def depthwise_forward(x, w):
    # x (N, C, T), w (C, K)
    N, C, T = x.shape
    K = w.shape[1]
    out = np.zeros((N, C, T - K + 1))
    for k in range(K):
        out += x[:, :, k : k + T - K + 1] * w[:, k][None, :, None]
    return out, (x, w)


def depthwise_backward_last_tap_left(dout, cache):
    x, w = cache
    K = w.shape[1]
    To = dout.shape[2]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for k in range(K):
        dx[:, :, k : k + To] += dout * w[:, k][:, None]
    for k in range(K - 1):
        dw[:, k] = np.sum(dout * x[:, :, k : k + To], axis=(0, 2))
    return dx, dw


def pointwise_forward(x, w):
    # 1 x 1 convolution, w (F, C)
    return np.einsum("nchw,fc->nfhw", x, w), (x, w)


def pointwise_backward_w_not_transposed(dout, cache):
    x, w = cache
    dx = np.einsum("nfhw,cf->nchw", dout, w)
    dw = np.einsum("nfhw,nchw->fc", dout, x)
    return dx, dw


PLAIN = normal((2, 3, 4, 5), (4, 3, 2, 3), (4,))


def wrong(name, forward, backward, make, gradients, cause, also=()):
    return Specimen(name, forward, backward, make, {}, tuple(gradients.split()), cause, also)


WRONG = [
    wrong(
        "conv, im2col: dw reshaped with channels last",
        conv_forward_im2col,
        conv_backward_im2col_kernel_order,
        PLAIN,
        "dw",
        "rearranged",
    ),
    wrong(
        "conv, im2col: dout reshaped without moving its channels",
        conv_forward_im2col,
        conv_backward_im2col_dout_order,
        PLAIN,
        "dx dw",
        "rearranged",
    ),
    wrong(
        "conv, im2col: db averaged over the pixels",
        conv_forward_im2col,
        conv_backward_im2col_bias_averaged,
        PLAIN,
        "db",
        "constant_scale",
    ),
    wrong(
        "conv, im2col: db not summed over the batch",
        conv_forward_im2col,
        conv_backward_im2col_bias_per_image,
        PLAIN,
        "db",
        "missing_reduction",
    ),
    wrong(
        "conv, im2col: db for each column (F = width)",
        conv_forward_im2col,
        conv_backward_im2col_bias_by_column,
        normal((2, 2, 4, 5), (3, 2, 2, 3), (3,)),
        "db",
        "wrong_axis",
    ),
    wrong(
        "conv, im2col: dw through float16",
        conv_forward_im2col,
        conv_backward_im2col_float16,
        PLAIN,
        "dw",
        "precision_loss",
    ),
    wrong(
        "correlation: kernel not turned in the full correlation",
        correlate_forward,
        correlate_backward_kernel_not_turned,
        normal((5, 6), (3, 3)),
        "dx",
        "rearranged",
        ("wrong_tensor",),
    ),
    wrong(
        "conv1d: dilation left out of dx",
        conv1d_forward,
        conv1d_backward_not_dilated,
        normal((3, 7), (3,)),
        "dx",
        "wrong_index",
    ),
    wrong(
        "conv1d: taps of dw reversed",
        conv1d_forward,
        conv1d_backward_taps_reversed,
        normal((3, 7), (3,)),
        "dw",
        "rearranged",
        ("wrong_index",),
    ),
    wrong(
        "depthwise conv: last tap of dw left out",
        depthwise_forward,
        depthwise_backward_last_tap_left,
        normal((2, 3, 6), (3, 4)),
        "dw",
        "partial_fill",
    ),
    wrong(
        "1 x 1 conv: w not transposed (F = C)",
        pointwise_forward,
        pointwise_backward_w_not_transposed,
        normal((2, 3, 2, 4), (3, 3)),
        "dx",
        "transposed",
    ),
]
