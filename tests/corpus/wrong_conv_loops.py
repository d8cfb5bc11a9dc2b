"""Convolutions written as loops over windows, each with one fault."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen


def conv_forward_naive(x, w, b, conv_param):
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    Ho = 1 + (H + 2 * pad - HH) // stride
    Wo = 1 + (W + 2 * pad - WW) // stride
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out = np.zeros((N, F, Ho, Wo))
    for i in range(Ho):
        for j in range(Wo):
            window = xp[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
            out[:, :, i, j] = np.tensordot(window, w, axes=([1, 2, 3], [1, 2, 3])) + b
    return out, (x, w, b, conv_param)


def conv_backward_padding_kept_in_front(dout, cache):
    x, w, b, conv_param = cache
    s, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            for n in range(N):
                for f in range(F):
                    d = dout[n, f, i, j]
                    dw[f] += d * xp[n, :, i * s : i * s + HH, j * s : j * s + WW]
                    dxp[n, :, i * s : i * s + HH, j * s : j * s + WW] += d * w[f]
    dx = dxp[:, :, :H, :W]
    return dx.copy(), dw, dout.sum(axis=(0, 2, 3))


def conv_backward_windows_assigned(dout, cache):
    x, w, b, conv_param = cache
    s, pad = conv_param["stride"], conv_param["pad"]
    H, W = x.shape[2:]
    HH, WW = w.shape[2:]
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            rows, cols = slice(i * s, i * s + HH), slice(j * s, j * s + WW)
            d = dout[:, :, i, j]
            dw += np.tensordot(d, xp[:, :, rows, cols], axes=([0], [0]))
            dxp[:, :, rows, cols] = np.tensordot(d, w, axes=([1], [0]))
    dx = dxp[:, :, pad : pad + H, pad : pad + W]
    return dx.copy(), dw, dout.sum(axis=(0, 2, 3))


def conv_backward_stride_forgotten(dout, cache):
    x, w, b, conv_param = cache
    s, pad = conv_param["stride"], conv_param["pad"]
    H, W = x.shape[2:]
    HH, WW = w.shape[2:]
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            d = dout[:, :, i, j]
            window = xp[:, :, i * s : i * s + HH, j * s : j * s + WW]
            dw += np.einsum("nf,nchw->fchw", d, window)
            dxp[:, :, i : i + HH, j : j + WW] += np.einsum("nf,fchw->nchw", d, w)
    return dxp[:, :, pad : pad + H, pad : pad + W].copy(), dw, dout.sum(axis=(0, 2, 3))


def conv_backward_last_image(dout, cache):
    x, w, b, conv_param = cache
    s, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    HH, WW = w.shape[2:]
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dxp = np.zeros_like(xp)
    for n in range(N):
        dw = np.zeros_like(w)
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                rows, cols = slice(i * s, i * s + HH), slice(j * s, j * s + WW)
                d = dout[n, :, i, j]
                dw += d[:, None, None, None] * xp[n, :, rows, cols]
                dxp[n, :, rows, cols] += np.tensordot(d, w, axes=1)
    return dxp[:, :, pad : pad + H, pad : pad + W].copy(), dw, dout.sum(axis=(0, 2, 3))


def conv_backward_channel_zero(dout, cache):
    x, w, b, conv_param = cache
    s, pad = conv_param["stride"], conv_param["pad"]
    H, W = x.shape[2:]
    HH, WW = w.shape[2:]
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            rows, cols = slice(i * s, i * s + HH), slice(j * s, j * s + WW)
            d = dout[:, :, i, j]
            for c in range(x.shape[1]):
                dw[:, c] += np.tensordot(d, xp[:, 0, rows, cols], axes=([0], [0]))
                dxp[:, c, rows, cols] += np.tensordot(d, w[:, c], axes=([1], [0]))
    return dxp[:, :, pad : pad + H, pad : pad + W].copy(), dw, dout.sum(axis=(0, 2, 3))


def images_and_param(shape, kernel, stride, pad):
    def make(rng):
        w = rng.standard_normal(kernel)
        b = rng.standard_normal(kernel[0])
        return rng.standard_normal(shape), w, b, {"stride": stride, "pad": pad}

    return make


PADDED = images_and_param((2, 2, 4, 5), (3, 2, 3, 3), 1, 1)


STRIDED = images_and_param((2, 2, 5, 6), (3, 2, 2, 3), 2, 1)


def wrong(name, forward, backward, make, gradients, cause, also=()):
    return Specimen(name, forward, backward, make, {}, tuple(gradients.split()), cause, also)


WRONG = [
    wrong(
        "conv, loops: padding cut off at one end only",
        conv_forward_naive,
        conv_backward_padding_kept_in_front,
        PADDED,
        "dx",
        "wrong_index",
    ),
    wrong(
        "conv, loops: overlapping windows assigned",
        conv_forward_naive,
        conv_backward_windows_assigned,
        PADDED,
        "dx",
        "overwrite_not_accumulate",
    ),
    wrong(
        "conv, loops: stride left out of dx",
        conv_forward_naive,
        conv_backward_stride_forgotten,
        STRIDED,
        "dx",
        "wrong_index",
    ),
    wrong(
        "conv, loops: dw of the last image",
        conv_forward_naive,
        conv_backward_last_image,
        STRIDED,
        "dw",
        "overwrite_not_accumulate",
        ("missing_reduction",),
    ),
    wrong(
        "conv, loops: dw from channel 0 of x",
        conv_forward_naive,
        conv_backward_channel_zero,
        STRIDED,
        "dw",
        "wrong_index",
    ),
]
