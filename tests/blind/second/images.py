"""Convolution, pooling and other operations on images and signals."""

import numpy as np

from blind.shelf import note
from corpus.specimen import normal

WRONG = []


# ---------------------------------------------------------------- naive convolution
def conv_forward_naive(x, w, b, stride=1, pad=0):
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="constant")
    H_out = 1 + (H + 2 * pad - HH) // stride
    W_out = 1 + (W + 2 * pad - WW) // stride
    out = np.zeros((N, F, H_out, W_out))
    for n in range(N):
        for f in range(F):
            for i in range(H_out):
                for j in range(W_out):
                    hs, ws = i * stride, j * stride
                    window = x_pad[n, :, hs : hs + HH, ws : ws + WW]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    return out, (x, w, b, stride, pad)


def conv_backward_dw_assigned(dout, cache):
    x, w, b, stride, pad = cache
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    x_pad = np.pad(x, ((0,), (0,), (pad,), (pad,)), mode="constant")
    dx_pad = np.zeros_like(x_pad)
    dw = np.zeros_like(w)
    db = np.sum(dout, axis=(0, 2, 3))
    for n in range(N):
        for f in range(F):
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    hs, ws = i * stride, j * stride
                    dw[f] = x_pad[n, :, hs : hs + HH, ws : ws + WW] * dout[n, f, i, j]
                    dx_pad[n, :, hs : hs + HH, ws : ws + WW] += w[f] * dout[n, f, i, j]
    dx = dx_pad[:, :, pad : pad + H, pad : pad + W]
    return dx, dw, db


def conv_backward_dx_assigned(dout, cache):
    x, w, b, stride, pad = cache
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    p2 = ((0, 0), (0, 0), (pad, pad), (pad, pad))
    x_pad = np.pad(x, p2)
    dx_pad = np.zeros_like(x_pad)
    dw = np.zeros_like(w)
    db = np.zeros_like(b)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            win = (slice(None), slice(None), slice(i * stride, i * stride + HH))
            win += (slice(j * stride, j * stride + WW),)
            d = dout[:, :, i, j]
            dw += np.einsum("nf,nchw->fchw", d, x_pad[win])
            dx_pad[win] = np.einsum("nf,fchw->nchw", d, w)
            db += d.sum(axis=0)
    return dx_pad[:, :, pad : H + pad, pad : W + pad], dw, db


def conv_backward_crop_at_corner(dout, cache):
    x, w, b, stride, pad = cache
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    xp = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    dxp = np.zeros(xp.shape)
    dw = np.zeros(w.shape)
    for n in range(N):
        for f in range(F):
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    r, c = i * stride, j * stride
                    dxp[n, :, r : r + HH, c : c + WW] += dout[n, f, i, j] * w[f]
                    dw[f] += dout[n, f, i, j] * xp[n, :, r : r + HH, c : c + WW]
    dx = dxp[:, :, :H, :W].copy()
    return dx, dw, dout.sum(axis=(0, 2, 3))


def conv_backward_no_stride(dout, cache):
    x, w, b, stride, pad = cache
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    xp = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    dxp = np.zeros_like(xp)
    dw = np.zeros_like(w)
    db = np.zeros(F)
    for n in range(N):
        for f in range(F):
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    g = dout[n, f, i, j]
                    db[f] += g
                    dw[f] += g * xp[n, :, i : i + HH, j : j + WW]
                    dxp[n, :, i : i + HH, j : j + WW] += g * w[f]
    if pad > 0:
        dxp = dxp[:, :, pad:-pad, pad:-pad]
    return dxp, dw, db


def conv_backward_bias_of_one_image(dout, cache):
    x, w, b, stride, pad = cache
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    xp = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    dxp, dw, db = np.zeros_like(xp), np.zeros_like(w), np.zeros_like(b)
    for n in range(N):
        for f in range(F):
            db[f] = dout[n, f].sum()
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    rows = slice(i * stride, i * stride + HH)
                    cols = slice(j * stride, j * stride + WW)
                    dw[f] += xp[n, :, rows, cols] * dout[n, f, i, j]
                    dxp[n, :, rows, cols] += w[f] * dout[n, f, i, j]
    return dxp[:, :, pad : pad + H, pad : pad + W], dw, db


def conv_backward_first_channel(dout, cache):
    x, w, b, stride, pad = cache
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    xp = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for n in range(N):
        for f in range(F):
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    rows = slice(i * stride, i * stride + HH)
                    cols = slice(j * stride, j * stride + WW)
                    dxp[n, :, rows, cols] += w[f] * dout[n, f, i, j]
                    dw[f, 0] += xp[n, 0, rows, cols] * dout[n, f, i, j]
    dx = dxp[:, :, pad : pad + H, pad : pad + W]
    db = np.einsum("nfhw->f", dout)
    return dx, dw, db


def conv_backward_square_filters(dout, cache):
    x, w, b, stride, pad = cache
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    xp = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    flipped = w[:, :, ::-1, ::-1]
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            r, c = i * stride, j * stride
            d = dout[:, :, i, j]
            dw += np.tensordot(d, xp[:, :, r : r + HH, c : c + WW], axes=(0, 0))
            dxp[:, :, r : r + HH, c : c + WW] += np.tensordot(d, flipped, axes=(1, 0))
    dx = dxp[:, :, pad : pad + H, pad : pad + W]
    return dx, dw, dout.sum(axis=(0, 2, 3))


def conv_backward_average(dout, cache):
    x, w, b, stride, pad = cache
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    xp = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    Ho, Wo = dout.shape[2:]
    for i in range(Ho):
        for j in range(Wo):
            r, c = i * stride, j * stride
            patch = xp[:, :, r : r + HH, c : c + WW]
            dw += np.einsum("nf,nchw->fchw", dout[:, :, i, j], patch)
            dxp[:, :, r : r + HH, c : c + WW] += np.einsum("nf,fchw->nchw", dout[:, :, i, j], w)
    dx = dxp[:, :, pad : pad + H, pad : pad + W]
    db = dout.mean(axis=(0, 2, 3))
    return dx, dw, db


small = normal((2, 3, 4, 4), (2, 3, 3, 3), (2,))
strided = normal((2, 2, 5, 5), (3, 2, 3, 3), (3,))
note(
    WRONG,
    "conv: dw assigned in the loops",
    conv_forward_naive,
    conv_backward_dw_assigned,
    small,
    "dw",
    "overwrite_not_accumulate",
    pad=1,
)
note(
    WRONG,
    "conv: dx of overlapping windows assigned",
    conv_forward_naive,
    conv_backward_dx_assigned,
    small,
    "dx",
    "overwrite_not_accumulate",
    pad=1,
)
note(
    WRONG,
    "conv: padding cut off at one end only",
    conv_forward_naive,
    conv_backward_crop_at_corner,
    small,
    "dx",
    "wrong_index",
    pad=1,
)
note(
    WRONG,
    "conv: stride forgotten on the way back",
    conv_forward_naive,
    conv_backward_no_stride,
    strided,
    "dx dw",
    "wrong_index",
    stride=2,
)
note(
    WRONG,
    "conv: db of the last image",
    conv_forward_naive,
    conv_backward_bias_of_one_image,
    strided,
    "db",
    "overwrite_not_accumulate",
    stride=2,
)
note(
    WRONG,
    "conv: only the first channel of dw",
    conv_forward_naive,
    conv_backward_first_channel,
    small,
    "dw",
    "partial_fill",
    pad=1,
)
note(
    WRONG,
    "conv: filters turned although scattered",
    conv_forward_naive,
    conv_backward_square_filters,
    strided,
    "dx",
    "rearranged",
    "wrong_tensor",
    stride=2,
)
note(
    WRONG,
    "conv: db averaged over images and places",
    conv_forward_naive,
    conv_backward_average,
    normal((3, 2, 4, 3), (2, 2, 2, 2), (2,)),
    "db",
    "constant_scale",
    "batch_scale",
)


# ---------------------------------------------------------------- im2col
def im2col(x, HH, WW, stride):
    N, C, H, W = x.shape
    Ho, Wo = (H - HH) // stride + 1, (W - WW) // stride + 1
    cols = np.zeros((N, C, HH, WW, Ho, Wo))
    for i in range(HH):
        for j in range(WW):
            i_end, j_end = i + stride * Ho, j + stride * Wo
            cols[:, :, i, j] = x[:, :, i:i_end:stride, j:j_end:stride]
    return cols.transpose(0, 4, 5, 1, 2, 3).reshape(N * Ho * Wo, -1), Ho, Wo


def col2im(cols, shape, HH, WW, stride, accumulate=True):
    N, C, H, W = shape
    Ho, Wo = (H - HH) // stride + 1, (W - WW) // stride + 1
    cols = cols.reshape(N, Ho, Wo, C, HH, WW).transpose(0, 3, 4, 5, 1, 2)
    img = np.zeros(shape)
    for i in range(HH):
        for j in range(WW):
            target = img[:, :, i : i + stride * Ho : stride, j : j + stride * Wo : stride]
            if accumulate:
                target += cols[:, :, i, j]
            else:
                target[...] = cols[:, :, i, j]
    return img


def conv_im2col_forward(x, w, b, stride=1):
    F, C, HH, WW = w.shape
    col, Ho, Wo = im2col(x, HH, WW, stride)
    out = col @ w.reshape(F, -1).T + b
    out = out.reshape(x.shape[0], Ho, Wo, F).transpose(0, 3, 1, 2)
    return out, (x.shape, col, w, stride)


def conv_im2col_backward_no_transpose(dout, cache):
    shape, col, w, stride = cache
    F, C, HH, WW = w.shape
    db = dout.sum(axis=(0, 2, 3))
    d = dout.reshape(-1, F)
    dw = (d.T @ col).reshape(w.shape)
    d2 = dout.transpose(0, 2, 3, 1).reshape(-1, F)
    dx = col2im(d2 @ w.reshape(F, -1), shape, HH, WW, stride)
    return dx, dw, db


def conv_im2col_backward_overwrites(dout, cache):
    shape, col, w, stride = cache
    F, C, HH, WW = w.shape
    d = dout.transpose(0, 2, 3, 1).reshape(-1, F)
    dw = (d.T @ col).reshape(w.shape)
    dx = col2im(d @ w.reshape(F, -1), shape, HH, WW, stride, accumulate=False)
    return dx, dw, d.sum(axis=0)


def conv_im2col_backward_reshaped_dw(dout, cache):
    shape, col, w, stride = cache
    F, C, HH, WW = w.shape
    d = dout.transpose(0, 2, 3, 1).reshape(-1, F)
    dw = col.T @ d
    dw = dw.reshape(w.shape)
    dx = col2im(d @ w.reshape(F, -1), shape, HH, WW, stride)
    return dx, dw, d.sum(axis=0)


note(
    WRONG,
    "conv: im2col, dout not transposed for dw",
    conv_im2col_forward,
    conv_im2col_backward_no_transpose,
    normal((2, 2, 4, 4), (3, 2, 2, 2), (3,)),
    "dw",
    "rearranged",
    "wrong_axis wrong_tensor",
)
note(
    WRONG,
    "conv: col2im overwrites",
    conv_im2col_forward,
    conv_im2col_backward_overwrites,
    normal((2, 3, 4, 4), (2, 3, 3, 3), (2,)),
    "dx",
    "overwrite_not_accumulate",
)
note(
    WRONG,
    "conv: im2col, dw reshaped without the transpose",
    conv_im2col_forward,
    conv_im2col_backward_reshaped_dw,
    normal((2, 2, 5, 3), (3, 2, 2, 2), (3,)),
    "dw",
    "rearranged",
    "transposed",
)


# ---------------------------------------------------------------- one dimension
def conv1d_forward(x, k):
    """Valid correlation of each row of x with one kernel."""
    n, L = x.shape
    K = len(k)
    out = np.stack([x[:, i : i + K] @ k for i in range(L - K + 1)], axis=1)
    return out, (x, k)


def conv1d_backward_off_by_one(dout, cache):
    x, k = cache
    K = len(k)
    dx = np.zeros_like(x)
    dk = np.zeros_like(k)
    for i in range(dout.shape[1] - 1):
        dx[:, i + 1 : i + 1 + K] += dout[:, i : i + 1] * k
    dx[:, :K] += dout[:, -1:] * k
    for i in range(dout.shape[1]):
        dk += dout[:, i] @ x[:, i : i + K]
    return dx, dk


def conv1d_backward_correlates(dout, cache):
    x, k = cache
    K = len(k)
    padded = np.pad(dout, ((0, 0), (K - 1, K - 1)))
    dx = np.stack([padded[:, i : i + K] @ k for i in range(x.shape[1])], axis=1)
    T = dout.shape[1]
    dk = np.array([np.sum(x[:, j : j + T] * dout) for j in range(K)])
    return dx, dk


def conv1d_backward_reversed_dk(dout, cache):
    x, k = cache
    len(k)
    dx = np.array([np.convolve(row, k) for row in dout])
    dk = sum(np.convolve(xr, dr[::-1], mode="valid") for xr, dr in zip(x, dout))
    return dx, dk[::-1].copy()


note(
    WRONG,
    "conv: 1-d, gradient shifted by one place",
    conv1d_forward,
    conv1d_backward_off_by_one,
    normal((3, 7), (3,)),
    "dx",
    "wrong_index",
)
note(
    WRONG,
    "conv: 1-d, kernel not turned in the full convolution",
    conv1d_forward,
    conv1d_backward_correlates,
    normal((2, 6), (3,)),
    "dx",
    "rearranged",
    "wrong_tensor",
)
note(
    WRONG,
    "conv: 1-d, kernel gradient reversed",
    conv1d_forward,
    conv1d_backward_reversed_dk,
    normal((2, 7), (4,)),
    "dk",
    "rearranged",
)


def dilated_forward(x, w, dilation=2):
    """Causal: y[t] = sum_k w[k] x[t - k * dilation]; x (N, T)."""
    N, T = x.shape
    y = np.zeros((N, T))
    for k in range(w.size):
        s = k * dilation
        y[:, s:] += w[k] * x[:, : T - s]
    return y, (x, w, dilation)


def dilated_backward(dy, cache):
    x, w, dilation = cache
    T = x.shape[1]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for k in range(w.size):
        dx[:, : T - k] += w[k] * dy[:, k:]
        s = k * dilation
        dw[k] = (dy[:, s:] * x[:, : T - s]).sum()
    return dx, dw


note(
    WRONG,
    "conv: causal, dilation forgotten in dx",
    dilated_forward,
    dilated_backward,
    normal((2, 8), (3,)),
    "dx",
    "wrong_index",
)


def depthwise_forward(x, w):
    """x (N, C, H, W), w (C, 2, 2): every channel has its own filter."""
    a, b = x[:, :, :-1, :-1], x[:, :, :-1, 1:]
    c, d = x[:, :, 1:, :-1], x[:, :, 1:, 1:]
    k = w[None, :, :, :, None, None]
    out = a * k[:, :, 0, 0] + b * k[:, :, 0, 1] + c * k[:, :, 1, 0] + d * k[:, :, 1, 1]
    return out, (x, w)


def depthwise_backward(dout, cache):
    x, w = cache
    C = w.shape[0]
    dx = np.zeros_like(x)
    dw = np.zeros_like(w)
    H, W = dout.shape[2:]
    for ch in range(C):
        for i in range(2):
            for j in range(2):
                dx[:, ch, i : i + H, j : j + W] += w[ch, i, j] * dout[:, ch]
                dw[ch, i, j] = np.sum(x[:, ch, j : j + H, i : i + W] * dout[:, ch])
    return dx, dw


note(
    WRONG,
    "conv: depthwise, i and j exchanged in dw",
    depthwise_forward,
    depthwise_backward,
    normal((2, 3, 4, 4), (3, 2, 2)),
    "dw",
    "wrong_index",
    "transposed rearranged",
)


def conv1x1_forward(x, w):
    return np.einsum("nchw,fc->nfhw", x, w), {"x": x, "w": w}


def conv1x1_backward(dout, cache):
    x, w = cache["x"], cache["w"]
    dx = np.einsum("nfhw,cf->nchw", dout, w)
    dw = np.einsum("nfhw,nchw->fc", dout, x)
    return dx, dw


note(
    WRONG,
    "conv: 1x1, indices of w exchanged",
    conv1x1_forward,
    conv1x1_backward,
    normal((2, 3, 2, 4), (3, 3)),
    "dx",
    "transposed",
)


# ---------------------------------------------------------------- pooling
def max_pool_forward(x, size=2, stride=2):
    N, C, H, W = x.shape
    Ho, Wo = (H - size) // stride + 1, (W - size) // stride + 1
    out = np.empty((N, C, Ho, Wo))
    for i in range(Ho):
        for j in range(Wo):
            win = x[:, :, i * stride : i * stride + size, j * stride : j * stride + size]
            out[:, :, i, j] = win.max(axis=(2, 3))
    return out, (x, out, size, stride)


def max_pool_backward_assigns(dout, cache):
    x, out, size, stride = cache
    N, C, Ho, Wo = dout.shape
    dx = np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            for i in range(Ho):
                for j in range(Wo):
                    r, s = i * stride, j * stride
                    win = x[n, c, r : r + size, s : s + size]
                    p, q = np.unravel_index(np.argmax(win), win.shape)
                    dx[n, c, r + p, s + q] = dout[n, c, i, j]
    return dx


def max_pool_backward_all_entries(dout, cache):
    x, out, size, stride = cache
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            r, s = i * stride, j * stride
            dx[:, :, r : r + size, s : s + size] += dout[:, :, i, j, None, None]
    return dx


def max_pool_backward_ties(dout, cache):
    x, out, size, stride = cache
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            r, s = i * stride, j * stride
            win = x[:, :, r : r + size, s : s + size]
            mask = win == win.max(axis=(2, 3), keepdims=True)
            dx[:, :, r : r + size, s : s + size] += mask * dout[:, :, i : i + 1, j : j + 1]
    return dx


def max_pool_backward_mask(dout, cache):
    x, out, size, stride = cache
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            r, s = i * stride, j * stride
            win = x[:, :, r : r + size, s : s + size]
            dx[:, :, r : r + size, s : s + size] = win == out[:, :, i : i + 1, j : j + 1]
    return dx


def max_pool_backward_divmod(dout, cache):
    x, out, size, stride = cache
    N, C, Ho, Wo = dout.shape
    dx = np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            for i in range(Ho):
                for j in range(Wo):
                    top, left = i * stride, j * stride
                    k = x[n, c, top : top + size, left : left + size].argmax()
                    dx[n, c, top + k % size, left + k // size] += dout[n, c, i, j]
    return dx


def max_pool_backward_global_place(dout, cache):
    x, out, size, stride = cache
    N, C, Ho, Wo = dout.shape
    dx = np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            for i in range(Ho):
                for j in range(Wo):
                    win = x[n, c, i * stride : i * stride + size, j * stride : j * stride + size]
                    a, b = np.where(win == out[n, c, i, j])
                    dx[n, c, i + a[0], j + b[0]] += dout[n, c, i, j]
    return dx


def make_ties(rng):
    x = rng.normal(size=(2, 2, 4, 4))
    x[0, 0, :2, :2] = 1.25
    x[1, 1, 2, 2] = x[1, 1, 3, 3] = 5.0
    return (x,)


def make_overlap(rng):
    x = rng.normal(size=(2, 2, 5, 5))
    x[0, 0, 2, 2] = 4.0
    return (x,)


note(
    WRONG,
    "max pool: overlapping windows overwrite",
    max_pool_forward,
    max_pool_backward_assigns,
    make_overlap,
    "dx",
    "overwrite_not_accumulate",
    size=3,
    stride=1,
)
note(
    WRONG,
    "max pool: every entry gets the gradient",
    max_pool_forward,
    max_pool_backward_all_entries,
    normal((2, 2, 4, 6)),
    "dx",
    "wrong_mask",
)
note(
    WRONG,
    "max pool: every tied entry gets all of it",
    max_pool_forward,
    max_pool_backward_ties,
    make_ties,
    "dx",
    "kink_value",
)
note(
    WRONG,
    "max pool: mask without dout",
    max_pool_forward,
    max_pool_backward_mask,
    normal((2, 3, 4, 4)),
    "dx",
    "dout_ignored",
)
note(
    WRONG,
    "max pool: row and column of the winner exchanged",
    max_pool_forward,
    max_pool_backward_divmod,
    normal((2, 3, 4, 4)),
    "dx",
    "wrong_index",
    "rearranged transposed",
)
note(
    WRONG,
    "max pool: windows start at i, not i * stride",
    max_pool_forward,
    max_pool_backward_global_place,
    normal((2, 2, 6, 4)),
    "dx",
    "wrong_index",
)


def avg_pool_forward(x, k=2):
    N, C, H, W = x.shape
    y = x.reshape(N, C, H // k, k, W // k, k).mean(axis=(3, 5))
    return y, (x.shape, k)


def avg_pool_backward_no_area(dout, cache):
    shape, k = cache
    return np.repeat(np.repeat(dout, k, axis=2), k, axis=3)


def avg_pool_backward_corner(dout, cache):
    shape, k = cache
    dx = np.zeros(shape)
    dx[:, :, ::k, ::k] = dout / (k * k)
    return dx


def avg_pool_backward_tiled(dout, cache):
    shape, k = cache
    return np.tile(dout, (1, 1, k, k)) / k**2


def avg_pool_backward_one_side(dout, cache):
    shape, k = cache
    return np.kron(dout, np.ones((1, 1, k, k))) / k


note(
    WRONG,
    "average pool: area forgotten",
    avg_pool_forward,
    avg_pool_backward_no_area,
    normal((2, 3, 6, 3)),
    "dx",
    "constant_scale",
    k=3,
)
note(
    WRONG,
    "average pool: first entry of each window only",
    avg_pool_forward,
    avg_pool_backward_corner,
    normal((2, 2, 4, 6)),
    "dx",
    "partial_fill",
)
note(
    WRONG,
    "average pool: tiled instead of repeated",
    avg_pool_forward,
    avg_pool_backward_tiled,
    normal((2, 2, 4, 6)),
    "dx",
    "rearranged",
    "wrong_index",
)
note(
    WRONG,
    "average pool: divided by the side, not by the area",
    avg_pool_forward,
    avg_pool_backward_one_side,
    normal((2, 2, 6, 3)),
    "dx",
    "constant_scale",
    k=3,
)


def global_pool_forward(x):
    return x.mean(axis=(2, 3)), x.shape


def global_pool_backward(dout, shape):
    N, C, H, W = shape
    return np.ones(shape) * dout[:, :, None, None] / H


note(
    WRONG,
    "average pool: global, divided by H only",
    global_pool_forward,
    global_pool_backward,
    normal((2, 3, 4, 5)),
    "dx",
    "constant_scale",
)


def upsample_forward(x):
    return x.repeat(2, axis=2).repeat(2, axis=3), None


def upsample_backward(dout, cache):
    return dout[:, :, ::2, ::2].copy()


note(
    WRONG,
    "upsampling: one of four copies comes back",
    upsample_forward,
    upsample_backward,
    normal((2, 2, 3, 2)),
    "dx",
    "missing_reduction",
    "partial_fill wrong_index missing_path",
)


# ---------------------------------------------------------------- moving entries about
def pad_forward(x, before=2, after=1):
    return np.pad(x, ((0, 0), (before, after))), (before, after, x.shape[1])


def pad_backward(dout, cache):
    before, after, L = cache
    return dout[:, after : after + L]


note(
    WRONG,
    "padding: cut at the wrong end",
    pad_forward,
    pad_backward,
    normal((3, 5)),
    "dx",
    "wrong_index",
)


def permute_forward(x, order=(1, 2, 0)):
    return x.transpose(order), order


def permute_backward(dout, order):
    return dout.transpose(order)


note(
    WRONG,
    "permute: same permutation back, cube",
    permute_forward,
    permute_backward,
    normal((3, 3, 3)),
    "dx",
    "rearranged",
    "transposed",
)


def shift_forward(x, by=1):
    return np.roll(x, by, axis=1), by


def shift_backward(dout, by):
    return np.roll(dout, by, axis=1)


note(
    WRONG,
    "roll: rolled on instead of back",
    shift_forward,
    shift_backward,
    normal((2, 6)),
    "dx",
    "rearranged",
    "wrong_index",
)


def cumsum_forward(x):
    return np.cumsum(x, axis=1), None


def cumsum_backward(dout, cache):
    return np.cumsum(dout, axis=1)


note(
    WRONG,
    "cumsum: summed from the front again",
    cumsum_forward,
    cumsum_backward,
    normal((3, 5)),
    "dx",
    "wrong_formula",
    "transposed rearranged wrong_axis wrong_index",
)


def join_forward(a, b):
    return np.concatenate([a, b], axis=1), (a.shape[1], b.shape[1])


def join_backward(dout, cache):
    la, lb = cache
    return dout[:, :la].copy(), dout[:, -la:].copy()


note(
    WRONG,
    "concatenation: boundary of the second part",
    join_forward,
    join_backward,
    normal((3, 2), (3, 4)),
    "db",
    "wrong_index",
    "bad_output",
)


def sort_forward(x):
    order = np.argsort(x, axis=1)
    return np.take_along_axis(x, order, axis=1), order


def sort_backward(dout, order):
    return np.take_along_axis(dout, order, axis=1)


def make_unsorted(rng):
    x = rng.normal(size=(3, 5))
    x[0] = 0.3, 2.0, -1.0, 0.9, -0.4
    return (x,)


note(
    WRONG,
    "sort: order instead of its inverse",
    sort_forward,
    sort_backward,
    make_unsorted,
    "dx",
    "rearranged",
    "wrong_index",
)
