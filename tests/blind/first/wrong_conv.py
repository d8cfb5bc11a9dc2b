"""Convolution, pooling and resampling, with faults."""

import numpy as np

from blind.shelf import Shelf

WRONG = Shelf()


# ---------------------------------------------------------------- naive loops, cs231n style
def conv_forward_naive(x, w, b, *, stride=1, pad=1):
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    H_out = 1 + (H + 2 * pad - HH) // stride
    W_out = 1 + (W + 2 * pad - WW) // stride
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="constant")
    out = np.zeros((N, F, H_out, W_out))
    for n in range(N):
        for f in range(F):
            for i in range(H_out):
                for j in range(W_out):
                    window = x_pad[n, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    cache = (x, w, b, stride, pad)
    return out, cache


def conv_backward_crop(dout, cache):
    x, w, b, stride, pad = cache
    F, _, HH, WW = w.shape
    N, _, H_out, W_out = dout.shape
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dx_pad = np.zeros_like(x_pad)
    dw = np.zeros_like(w)
    db = dout.sum(axis=(0, 2, 3))
    for n in range(N):
        for f in range(F):
            for i in range(H_out):
                for j in range(W_out):
                    hs, ws = i * stride, j * stride
                    dw[f] += x_pad[n, :, hs : hs + HH, ws : ws + WW] * dout[n, f, i, j]
                    dx_pad[n, :, hs : hs + HH, ws : ws + WW] += w[f] * dout[n, f, i, j]
    dx = dx_pad[:, :, : -2 * pad, : -2 * pad]
    return dx, dw, db


def conv_backward_last_window(dout, cache):
    x, w, b, stride, pad = cache
    F, _, HH, WW = w.shape
    N, _, H_out, W_out = dout.shape
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dx_pad = np.zeros_like(x_pad)
    dw = np.zeros_like(w)
    db = np.zeros_like(b)
    for n in range(N):
        for f in range(F):
            db[f] += dout[n, f].sum()
            for i in range(H_out):
                for j in range(W_out):
                    hs, ws = i * stride, j * stride
                    window = x_pad[n, :, hs : hs + HH, ws : ws + WW]
                    dw[f] = window * dout[n, f, i, j]
                    dx_pad[n, :, hs : hs + HH, ws : ws + WW] += w[f] * dout[n, f, i, j]
    return dx_pad[:, :, pad:-pad, pad:-pad], dw, db


def conv_backward_stride(dout, cache):
    x, w, b, stride, pad = cache
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    _, _, H_out, W_out = dout.shape
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dx_pad = np.zeros_like(x_pad)
    dw = np.zeros_like(w)
    for i in range(H_out):
        for j in range(W_out):
            for n in range(N):
                for f in range(F):
                    dw[f] += dout[n, f, i, j] * x_pad[n, :, i : i + HH, j : j + WW]
                    dx_pad[n, :, i : i + HH, j : j + WW] += dout[n, f, i, j] * w[f]
    return dx_pad[:, :, pad : pad + H, pad : pad + W], dw, dout.sum(axis=(0, 2, 3))


def conv_backward_flip(dout, cache):
    x, w, b, stride, pad = cache
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    _, _, H_out, W_out = dout.shape
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dx_pad = np.zeros_like(x_pad)
    dw = np.zeros_like(w)
    w_rot = w[:, :, ::-1, ::-1]
    for i in range(H_out):
        for j in range(W_out):
            rows = slice(i * stride, i * stride + HH)
            cols = slice(j * stride, j * stride + WW)
            g = dout[:, :, i, j]
            dw += np.einsum("nf,nchw->fchw", g, x_pad[:, :, rows, cols])
            dx_pad[:, :, rows, cols] += np.einsum("nf,fchw->nchw", g, w_rot)
    return dx_pad[:, :, pad : pad + H, pad : pad + W], dw, dout.sum(axis=(0, 2, 3))


def conv_backward_one_channel(dout, cache):
    x, w, b, stride, pad = cache
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    _, _, OH, OW = dout.shape
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dx_pad = np.zeros_like(x_pad)
    dw = np.zeros_like(w)
    for n in range(N):
        for f in range(F):
            for c in range(C):
                for i in range(OH):
                    for j in range(OW):
                        r, s = i * stride, j * stride
                        g = dout[n, f, i, j]
                        dw[f, c] += g * x_pad[n, c, r : r + HH, s : s + WW]
                        dx_pad[n, c, r : r + HH, s : s + WW] += g * w[f, 0]
    return dx_pad[:, :, pad : pad + H, pad : pad + W], dw, dout.sum(axis=(0, 2, 3))


def conv_backward_image_mean(dout, cache):
    dx, dw, _ = conv_backward_right(dout, cache)
    db = dout.sum(axis=(2, 3)).mean(axis=0)
    return dx, dw, db


def conv_backward_map_mean(dout, cache):
    dx, dw, _ = conv_backward_right(dout, cache)
    db = np.array([dout[:, f].sum(axis=0).mean() for f in range(dout.shape[1])])
    return dx, dw, db


def conv_backward_first_image(dout, cache):
    dx, dw, _ = conv_backward_right(dout, cache)
    return dx, dw, dout.sum(axis=(2, 3))


def conv_backward_right(dout, cache):
    x, w, b, stride, pad = cache
    N, C, H, W = x.shape
    HH, WW = w.shape[2:]
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dx_pad = np.zeros_like(x_pad)
    dw = np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            rows = slice(i * stride, i * stride + HH)
            cols = slice(j * stride, j * stride + WW)
            g = dout[:, :, i, j]
            dw += np.einsum("nf,nchw->fchw", g, x_pad[:, :, rows, cols])
            dx_pad[:, :, rows, cols] += np.einsum("nf,fchw->nchw", g, w)
    return dx_pad[:, :, pad : pad + H, pad : pad + W], dw, dout.sum(axis=(0, 2, 3))


def make_conv(rng):
    return rng.normal(size=(2, 3, 5, 4)), rng.normal(size=(2, 3, 3, 3)), rng.normal(size=2)


def make_conv_stride(rng):
    return rng.normal(size=(2, 2, 6, 5)), rng.normal(size=(3, 2, 3, 2)), rng.normal(size=3)


WRONG.add(
    "conv: padding cropped on one side",
    (conv_forward_naive, conv_backward_crop),
    make_conv,
    "dx",
    "wrong_index",
    stride=1,
    pad=1,
)
WRONG.add(
    "conv: filter gradient of the last window",
    (conv_forward_naive, conv_backward_last_window),
    make_conv,
    "dw",
    "overwrite_not_accumulate",
    stride=1,
    pad=1,
)
WRONG.add(
    "conv: stride forgotten",
    (conv_forward_naive, conv_backward_stride),
    make_conv_stride,
    "dx dw",
    "wrong_index",
    stride=2,
    pad=1,
)
WRONG.add(
    "conv: kernel rotated where it is scattered",
    (conv_forward_naive, conv_backward_flip),
    make_conv,
    "dx",
    "rearranged",
    stride=1,
    pad=1,
)
WRONG.add(
    "conv: first channel's kernel for all",
    (conv_forward_naive, conv_backward_one_channel),
    make_conv,
    "dx",
    "wrong_index",
    stride=1,
    pad=1,
)
WRONG.add(
    "conv: bias averaged over images",
    (conv_forward_naive, conv_backward_image_mean),
    make_conv_stride,
    "db",
    "batch_scale",
    stride=1,
    pad=1,
)
WRONG.add(
    "conv: bias averaged over the map",
    (conv_forward_naive, conv_backward_map_mean),
    make_conv_stride,
    "db",
    "constant_scale",
    stride=1,
    pad=0,
)
WRONG.add(
    "conv: bias left per image",
    (conv_forward_naive, conv_backward_first_image),
    make_conv_stride,
    "db",
    "missing_reduction",
    "bad_output",
    stride=2,
    pad=1,
)


# ---------------------------------------------------------------- im2col
def im2col(image, fh, fw, stride, pad):
    N, C, H, W = image.shape
    oh = (H + 2 * pad - fh) // stride + 1
    ow = (W + 2 * pad - fw) // stride + 1
    img = np.pad(image, [(0, 0), (0, 0), (pad, pad), (pad, pad)], "constant")
    col = np.zeros((N, C, fh, fw, oh, ow))
    for y in range(fh):
        for x in range(fw):
            col[:, :, y, x] = img[:, :, y : y + stride * oh : stride, x : x + stride * ow : stride]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(N * oh * ow, -1)


def col2im(col, shape, fh, fw, stride, pad):
    N, C, H, W = shape
    oh = (H + 2 * pad - fh) // stride + 1
    ow = (W + 2 * pad - fw) // stride + 1
    col = col.reshape(N, oh, ow, C, fh, fw).transpose(0, 3, 4, 5, 1, 2)
    img = np.zeros((N, C, H + 2 * pad + stride - 1, W + 2 * pad + stride - 1))
    for y in range(fh):
        for x in range(fw):
            img[:, :, y : y + stride * oh : stride, x : x + stride * ow : stride] += col[:, :, y, x]
    return img[:, :, pad : H + pad, pad : W + pad]


def col2im_assign(col, shape, fh, fw, stride, pad):
    N, C, H, W = shape
    oh = (H + 2 * pad - fh) // stride + 1
    ow = (W + 2 * pad - fw) // stride + 1
    col = col.reshape(N, oh, ow, C, fh, fw).transpose(0, 3, 4, 5, 1, 2)
    img = np.zeros((N, C, H + 2 * pad, W + 2 * pad))
    for y in range(fh):
        for x in range(fw):
            img[:, :, y : y + stride * oh : stride, x : x + stride * ow : stride] = col[:, :, y, x]
    return img[:, :, pad : H + pad, pad : W + pad]


def conv_col_forward(x, W, b, *, stride=1, pad=0):
    FN, C, FH, FW = W.shape
    N, _, H, Wd = x.shape
    oh = (H + 2 * pad - FH) // stride + 1
    ow = (Wd + 2 * pad - FW) // stride + 1
    col = im2col(x, FH, FW, stride, pad)
    col_W = W.reshape(FN, -1).T
    out = (col @ col_W + b).reshape(N, oh, ow, FN).transpose(0, 3, 1, 2)
    return out, {"shape": x.shape, "W": W, "col": col, "col_W": col_W, "how": (stride, pad)}


def conv_col_backward_order(dout, cache):
    W, col = cache["W"], cache["col"]
    FN, C, FH, FW = W.shape
    db = dout.sum(axis=(0, 2, 3))
    dflat = dout.transpose(0, 2, 3, 1).reshape(-1, FN)
    dW = (dout.reshape(FN, -1) @ col).reshape(W.shape)
    dx = col2im(dflat @ cache["col_W"].T, cache["shape"], FH, FW, *cache["how"])
    return dx, dW, db


def conv_col_backward_assign(dout, cache):
    W, col = cache["W"], cache["col"]
    FN, C, FH, FW = W.shape
    dflat = dout.transpose(0, 2, 3, 1).reshape(-1, FN)
    dW = (col.T @ dflat).T.reshape(W.shape)
    dcol = dflat @ cache["col_W"].T
    dx = col2im_assign(dcol, cache["shape"], FH, FW, *cache["how"])
    return dx, dW, dflat.sum(axis=0)


def conv_col_backward_weight_reshape(dout, cache):
    W, col = cache["W"], cache["col"]
    FN, C, FH, FW = W.shape
    dflat = dout.transpose(0, 2, 3, 1).reshape(-1, FN)
    dW = (col.T @ dflat).reshape(W.shape)
    dx = col2im(dflat @ cache["col_W"].T, cache["shape"], FH, FW, *cache["how"])
    return dx, dW, dflat.sum(axis=0)


WRONG.add(
    "conv: dout flattened without moving filters",
    (conv_col_forward, conv_col_backward_order),
    make_conv,
    "dW",
    "rearranged",
    stride=1,
    pad=1,
)
WRONG.add(
    "conv: col2im assigns overlapping windows",
    (conv_col_forward, conv_col_backward_assign),
    make_conv,
    "dx",
    "overwrite_not_accumulate",
    stride=1,
    pad=1,
)
WRONG.add(
    "conv: column matrix reshaped without its transpose",
    (conv_col_forward, conv_col_backward_weight_reshape),
    make_conv_stride,
    "dW",
    "rearranged",
    "transposed",
    stride=2,
    pad=0,
)


# ---------------------------------------------------------------- one-dimensional and others
def conv1d_forward(x, w, *, dilation=2):
    N, C, L = x.shape
    F, _, K = w.shape
    out_len = L - dilation * (K - 1)
    y = np.zeros((N, F, out_len))
    for k in range(K):
        start = k * dilation
        y += np.einsum("ncl,fc->nfl", x[:, :, start : start + out_len], w[:, :, k])
    return y, (x, w, dilation)


def conv1d_backward_dilation(dy, cache):
    x, w, dilation = cache
    out_len = dy.shape[2]
    dx = np.zeros_like(x)
    dw = np.zeros_like(w)
    for k in range(w.shape[2]):
        at = k * dilation
        dx[:, :, k : k + out_len] += np.einsum("nfl,fc->ncl", dy, w[:, :, k])
        dw[:, :, k] = np.einsum("nfl,ncl->fc", dy, x[:, :, at : at + out_len])
    return dx, dw


def conv1d_backward_short(dy, cache):
    x, w, dilation = cache
    out_len = dy.shape[2]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for k in range(w.shape[2] - 1):
        piece = slice(k * dilation, k * dilation + out_len)
        dx[:, :, piece] += np.einsum("nfl,fc->ncl", dy, w[:, :, k])
        dw[:, :, k] += np.einsum("nfl,ncl->fc", dy, x[:, :, piece])
    return dx, dw


def make_conv1d(rng):
    return rng.normal(size=(2, 3, 9)), rng.normal(size=(4, 3, 3))


WRONG.add(
    "conv1d: dilation forgotten in dx",
    (conv1d_forward, conv1d_backward_dilation),
    make_conv1d,
    "dx",
    "wrong_index",
    dilation=2,
)
WRONG.add(
    "conv1d: last tap skipped",
    (conv1d_forward, conv1d_backward_short),
    make_conv1d,
    "dx dw",
    "partial_fill",
    dilation=1,
)


def full_corr(a, k):
    p = k.shape[-1] - 1
    return np.array([np.dot(np.pad(a, p)[i : i + k.size], k) for i in range(a.size + p)])


def signal_filter_forward(x, k):
    out = np.array([np.correlate(row, k, mode="valid") for row in x])
    return out, (x, k)


def signal_filter_backward(dout, cache):
    x, k = cache
    dx = np.stack([full_corr(row, k) for row in dout])
    dk = np.zeros_like(k)
    for row, g in zip(x, dout):
        dk += np.correlate(row, g, mode="valid")
    return dx, dk


def make_signal(rng):
    return rng.normal(size=(3, 8)), rng.normal(size=4)


WRONG.add(
    "filter: full correlation without the flip",
    (signal_filter_forward, signal_filter_backward),
    make_signal,
    "dx",
    "rearranged",
)


def depthwise_forward(x, w):
    N, C, H, W = x.shape
    _, K, _ = w.shape
    out = np.zeros((N, C, H - K + 1, W - K + 1))
    for a in range(K):
        for b in range(K):
            out += x[:, :, a : a + H - K + 1, b : b + W - K + 1] * w[:, a, b][:, None, None]
    return out, (x, w)


def depthwise_backward(dout, cache):
    x, w = cache
    C, K, _ = w.shape
    oh, ow = dout.shape[2:]
    dx = np.zeros_like(x)
    dw = np.zeros_like(w)
    for a in range(K):
        for b in range(K):
            dx[:, :, a : a + oh, b : b + ow] += dout * w[:, a, b][:, None, None]
            dw[:, b, a] = (dout * x[:, :, a : a + oh, b : b + ow]).sum(axis=(0, 2, 3))
    return dx, dw


def make_depthwise(rng):
    return rng.normal(size=(2, 2, 5, 4)), rng.normal(size=(2, 3, 3))


WRONG.add(
    "depthwise conv: row and column of the kernel exchanged",
    (depthwise_forward, depthwise_backward),
    make_depthwise,
    "dw",
    "transposed",
    "wrong_index rearranged",
)


def transposed_conv_forward(x, w, *, stride=2):
    N, C, H, W = x.shape
    _, F, KH, KW = w.shape
    out = np.zeros((N, F, (H - 1) * stride + KH, (W - 1) * stride + KW))
    for i in range(H):
        for j in range(W):
            patch = np.einsum("nc,cfhw->nfhw", x[:, :, i, j], w)
            out[:, :, i * stride : i * stride + KH, j * stride : j * stride + KW] += patch
    return out, (x, w, stride)


def transposed_conv_backward(dout, cache):
    x, w, stride = cache
    N, C, H, W = x.shape
    _, F, KH, KW = w.shape
    dx = np.zeros_like(x)
    dw = np.zeros_like(w)
    for i in range(H):
        for j in range(W):
            g = dout[:, :, i * stride : i * stride + KH, j * stride : j * stride + KW]
            dw += np.einsum("nc,nfhw->cfhw", x[:, :, i, j], g)
            for f in range(F):
                dx[:, :, i, j] = np.einsum("nhw,chw->nc", g[:, f], w[:, f])
    return dx, dw


def make_transposed_conv(rng):
    return rng.normal(size=(2, 3, 3, 2)), rng.normal(size=(3, 4, 3, 2))


WRONG.add(
    "transposed conv: filters overwrite each other",
    (transposed_conv_forward, transposed_conv_backward),
    make_transposed_conv,
    "dx",
    "overwrite_not_accumulate",
    stride=2,
)


def pointwise_forward(x, w):
    y = np.tensordot(x, w, axes=([1], [1]))
    return y.transpose(0, 3, 1, 2), (x, w)


def pointwise_backward(dy, cache):
    x, w = cache
    dx = np.tensordot(dy, w, axes=([1], [0])).transpose(0, 3, 2, 1)
    dw = np.tensordot(dy, x, axes=([0, 2, 3], [0, 2, 3]))
    return dx, dw


def make_pointwise(rng):
    return rng.normal(size=(2, 3, 4, 4)), rng.normal(size=(5, 3))


WRONG.add(
    "pointwise conv: height and width exchanged",
    (pointwise_forward, pointwise_backward),
    make_pointwise,
    "dx",
    "rearranged",
    "transposed",
)


def grouped_forward(x, w, *, groups=2):
    N, C, L = x.shape
    F, CG, K = w.shape
    FG = F // groups
    out = np.zeros((N, F, L - K + 1))
    for g in range(groups):
        for k in range(K):
            xs = x[:, g * CG : (g + 1) * CG, k : k + L - K + 1]
            out[:, g * FG : (g + 1) * FG] += np.einsum(
                "ncl,fc->nfl", xs, w[g * FG : (g + 1) * FG, :, k]
            )
    return out, (x, w, groups)


def grouped_backward(dout, cache):
    x, w, groups = cache
    F, CG, K = w.shape
    FG = F // groups
    n_out = dout.shape[2]
    dx = np.zeros_like(x)
    dw = np.zeros_like(w)
    for g in range(groups):
        dg = dout[:, g * FG : (g + 1) * FG]
        for k in range(K):
            xs = x[:, g * CG : (g + 1) * CG, k : k + n_out]
            dw[g * FG : (g + 1) * FG, :, k] += np.einsum("nfl,ncl->fc", dg, xs)
            dx[:, g * CG : (g + 1) * CG, k : k + n_out] += np.einsum(
                "nfl,fc->ncl", dg, w[:FG, :, k]
            )
    return dx, dw


def make_grouped(rng):
    return rng.normal(size=(2, 4, 6)), rng.normal(size=(6, 2, 3))


WRONG.add(
    "grouped conv: filters of the first group",
    (grouped_forward, grouped_backward),
    make_grouped,
    "dx",
    "wrong_index",
    "wrong_tensor",
    groups=2,
)


# ---------------------------------------------------------------- max pooling
def max_pool_forward(x, *, size=2, stride=2):
    N, C, H, W = x.shape
    kh, kw = (size, size) if np.isscalar(size) else size
    oh, ow = (H - kh) // stride + 1, (W - kw) // stride + 1
    out = np.zeros((N, C, oh, ow))
    arg = np.zeros((N, C, oh, ow), dtype=int)
    for i in range(oh):
        for j in range(ow):
            win = x[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
            win = win.reshape(N, C, -1)
            arg[:, :, i, j] = win.argmax(axis=2)
            out[:, :, i, j] = win.max(axis=2)
    return out, (x.shape, arg, kh, kw, stride)


def max_pool_backward_assign(dout, cache):
    shape, arg, kh, kw, stride = cache
    dx = np.zeros(shape)
    for n, c, i, j in np.ndindex(dout.shape):
        r, s = divmod(arg[n, c, i, j], kw)
        dx[n, c, i * stride + r, j * stride + s] = dout[n, c, i, j]
    return dx


def max_pool_backward_divmod(dout, cache):
    shape, arg, kh, kw, stride = cache
    dx = np.zeros(shape)
    for n, c, i, j in np.ndindex(dout.shape):
        s, r = divmod(arg[n, c, i, j], kh)
        dx[n, c, i * stride + r, j * stride + s] += dout[n, c, i, j]
    return dx


def max_pool_backward_spread(dout, cache):
    shape, arg, kh, kw, stride = cache
    dx = np.zeros(shape)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            dx[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw] += dout[
                :, :, i, j
            ][:, :, None, None] / (kh * kw)
    return dx


def max_pool_mask_forward(x, *, size=2):
    N, C, H, W = x.shape
    xr = x.reshape(N, C, H // size, size, W // size, size)
    out = xr.max(axis=3).max(axis=4)
    return out, (x, xr, out)


def max_pool_mask_backward(dout, cache):
    x, xr, out = cache
    peak = out.max(axis=(2, 3), keepdims=True)
    mask = xr == peak[:, :, :, None, :, None]
    dxr = np.where(mask, dout[:, :, :, None, :, None], 0.0)
    return dxr.reshape(x.shape)


def max_pool_tie_backward(dout, cache):
    x, xr, out = cache
    dxr = np.zeros_like(xr)
    winners = xr == out[:, :, :, None, :, None]
    d = np.broadcast_to(dout[:, :, :, None, :, None], xr.shape)
    dxr[winners] = d[winners]
    return dxr.reshape(x.shape)


def make_pool(rng):
    return (rng.permutation(120).reshape(2, 3, 4, 5) / 10.0,)


def make_pool_even(rng):
    return (rng.permutation(96).reshape(2, 3, 4, 4) / 10.0,)


def make_pool_ties(rng):
    x = rng.integers(0, 4, size=(2, 2, 4, 4)).astype(float)
    x[0, 0, :2, :2] = 5.0
    x[1, 1, 2, 2] = x[1, 1, 3, 3] = 6.0
    return (x,)


WRONG.add(
    "max pool: overlapping windows overwrite",
    (max_pool_forward, max_pool_backward_assign),
    make_pool,
    "dx",
    "overwrite_not_accumulate",
    size=3,
    stride=1,
)
WRONG.add(
    "max pool: position decoded with the wrong side",
    (max_pool_forward, max_pool_backward_divmod),
    make_pool,
    "dx",
    "wrong_index",
    size=(2, 3),
    stride=2,
)
WRONG.add(
    "max pool: backward of average pooling",
    (max_pool_forward, max_pool_backward_spread),
    make_pool,
    "dx",
    "wrong_mask",
    "wrong_formula",
    size=2,
    stride=2,
)
WRONG.add(
    "max pool: compared with the largest of the map",
    (max_pool_mask_forward, max_pool_mask_backward),
    make_pool_even,
    "dx",
    "wrong_mask",
    "wrong_tensor",
    size=2,
)
WRONG.add(
    "max pool: full gradient to every tie",
    (max_pool_mask_forward, max_pool_tie_backward),
    make_pool_ties,
    "dx",
    "kink_value",
    size=2,
)


def max_over_time_forward(x):
    idx = x.argmax(axis=1)
    N, T, F = x.shape
    return x[np.arange(N)[:, None], idx, np.arange(F)], (x.shape, idx)


def max_over_time_backward(dout, cache):
    (N, T, F), idx = cache
    dx = np.zeros((N, T, F))
    for f in range(F):
        dx[np.arange(N), idx[:, 0], f] = dout[:, f]
    return dx


def make_time(rng):
    return (rng.permutation(60).reshape(3, 5, 4) * 0.1,)


WRONG.add(
    "max over time: first filter's position for all",
    (max_over_time_forward, max_over_time_backward),
    make_time,
    "dx",
    "wrong_index",
)


# ---------------------------------------------------------------- average pooling, resampling
def avg_pool_forward(x, *, size=2, stride=2):
    N, C, H, W = x.shape
    oh, ow = (H - size) // stride + 1, (W - size) // stride + 1
    out = np.empty((N, C, oh, ow))
    for i in range(oh):
        for j in range(ow):
            r, s = i * stride, j * stride
            out[:, :, i, j] = x[:, :, r : r + size, s : s + size].mean(axis=(2, 3))
    return out, (x.shape, size, stride)


def avg_pool_backward_no_area(dout, cache):
    shape, size, stride = cache
    dx = np.zeros(shape)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            r, s = i * stride, j * stride
            dx[:, :, r : r + size, s : s + size] += dout[:, :, i : i + 1, j : j + 1]
    return dx


def avg_pool_backward_rows(dout, cache):
    shape, size, stride = cache
    dx = np.zeros(shape)
    rows = dout.shape[2]
    for i in range(rows - 1):
        for j in range(dout.shape[3]):
            r, s = i * stride, j * stride
            g = dout[:, :, i, j][:, :, np.newaxis, np.newaxis] / size**2
            dx[:, :, r : r + size, s : s + size] += g
    return dx


WRONG.add(
    "average pool: area forgotten",
    (avg_pool_forward, avg_pool_backward_no_area),
    make_pool,
    "dx",
    "constant_scale",
    size=3,
    stride=1,
)
WRONG.add(
    "average pool: last row of windows skipped",
    (avg_pool_forward, avg_pool_backward_rows),
    make_pool,
    "dx",
    "partial_fill",
    size=2,
    stride=2,
)


def avg_pool_border_forward(x, *, size=3, pad=1):
    N, L = x.shape
    xp = np.pad(x, ((0, 0), (pad, pad)))
    ones = np.pad(np.ones(L), pad)
    total = np.stack([xp[:, i : i + size].sum(axis=1) for i in range(L)], axis=1)
    count = np.array([ones[i : i + size].sum() for i in range(L)])
    return total / count, (x.shape, size, pad)


def avg_pool_border_backward(dout, cache):
    (N, L), size, pad = cache
    dxp = np.zeros((N, L + 2 * pad))
    for i in range(L):
        dxp[:, i : i + size] += dout[:, i : i + 1] / size
    return dxp[:, pad : pad + L]


def make_line(rng):
    return (rng.normal(size=(3, 6)),)


WRONG.add(
    "average pool: padding counted in backward only",
    (avg_pool_border_forward, avg_pool_border_backward),
    make_line,
    "dx",
    "wrong_formula",
    "constant_scale",
)


def upsample_forward(x, *, scale=2):
    return x.repeat(scale, axis=2).repeat(scale, axis=3), scale


def upsample_backward(dout, scale):
    return dout[:, :, ::scale, ::scale]


def make_upsample(rng):
    return (rng.normal(size=(2, 2, 3, 2)),)


WRONG.add(
    "upsampling: one of the copies",
    (upsample_forward, upsample_backward),
    make_upsample,
    "dx",
    "missing_reduction",
    scale=2,
)


def global_pool_forward(x):
    N, C = x.shape[:2]
    return x.reshape(N, C, -1).mean(axis=2), x.shape


def global_pool_backward(dout, shape):
    N, C, H, W = shape
    return (dout[:, :, None, None] / (H * H)) * np.ones(shape)


def make_global(rng):
    return (rng.normal(size=(2, 4, 3, 5)),)


WRONG.add(
    "global average pool: area of a square map",
    (global_pool_forward, global_pool_backward),
    make_global,
    "dx",
    "constant_scale",
)


def pixel_shuffle_forward(x, *, r=2):
    N, C, H, W = x.shape
    y = x.reshape(N, C // r**2, r, r, H, W).transpose(0, 1, 4, 2, 5, 3)
    return y.reshape(N, C // r**2, H * r, W * r), r


def pixel_shuffle_backward(dy, r):
    N, C, H, W = dy.shape
    d = dy.reshape(N, C, H // r, r, W // r, r).transpose(0, 1, 5, 3, 2, 4)
    return d.reshape(N, C * r**2, H // r, W // r)


def make_shuffle(rng):
    return (rng.normal(size=(2, 4, 2, 3)),)


WRONG.add(
    "pixel shuffle: sub-pixel axes exchanged",
    (pixel_shuffle_forward, pixel_shuffle_backward),
    make_shuffle,
    "dx",
    "rearranged",
    r=2,
)


# ---------------------------------------------------------------- convolution and relu
def conv_relu_forward(x, w, b):
    a, conv_cache = conv_forward_naive(x, w, b, stride=1, pad=1)
    return np.maximum(a, 0), (conv_cache, x)


def conv_relu_backward(dout, cache):
    conv_cache, x = cache
    da = dout * (x > 0)
    return conv_backward_right(da, conv_cache)


def make_conv_relu(rng):
    return rng.normal(size=(2, 3, 3, 4)), rng.normal(size=(3, 3, 3, 3)), rng.normal(size=3)


WRONG.add(
    "conv-relu: mask of the layer's input",
    (conv_relu_forward, conv_relu_backward),
    make_conv_relu,
    "dx dw db",
    "wrong_mask",
    "wrong_tensor",
)
