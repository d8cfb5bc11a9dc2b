"""Wrong convolutions and pooling layers."""

import numpy as np

from blind.shelf import note
from corpus.specimen import normal

WRONG = []


def conv_forward_naive(x, w, b, stride=1, pad=0):
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    Ho = 1 + (H + 2 * pad - HH) // stride
    Wo = 1 + (W + 2 * pad - WW) // stride
    out = np.zeros((N, F, Ho, Wo))
    for n in range(N):
        for f in range(F):
            for i in range(Ho):
                for j in range(Wo):
                    r, c = i * stride, j * stride
                    out[n, f, i, j] = np.sum(xp[n, :, r : r + HH, c : c + WW] * w[f]) + b[f]
    return out, (x, w, b, stride, pad)


def conv_backward_assign(dout, cache):
    x, w, b, stride, pad = cache
    N, F, Ho, Wo = dout.shape
    HH, WW = w.shape[2:]
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dxp, dw, db = np.zeros_like(xp), np.zeros_like(w), np.zeros_like(b)
    for n in range(N):
        for f in range(F):
            db[f] += dout[n, f].sum()
            for i in range(Ho):
                for j in range(Wo):
                    r, c = i * stride, j * stride
                    dw[f] += xp[n, :, r : r + HH, c : c + WW] * dout[n, f, i, j]
                    dxp[n, :, r : r + HH, c : c + WW] = w[f] * dout[n, f, i, j]
    return dxp[:, :, pad : pad + x.shape[2], pad : pad + x.shape[3]].copy(), dw, db


def conv_backward_no_stride(dout, cache):
    x, w, b, stride, pad = cache
    N, F, Ho, Wo = dout.shape
    HH, WW = w.shape[2:]
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i in range(Ho):
        for j in range(Wo):
            patch = xp[:, :, i : i + HH, j : j + WW]
            g = dout[:, :, i, j]
            dw += np.einsum("nf,nchw->fchw", g, patch)
            r, c = i * stride, j * stride
            dxp[:, :, r : r + HH, c : c + WW] += np.einsum("nf,fchw->nchw", g, w)
    dx = dxp[:, :, pad : pad + x.shape[2], pad : pad + x.shape[3]].copy()
    return dx, dw, dout.sum(axis=(0, 2, 3))


def conv_backward_uncropped(dout, cache):
    x, w, b, stride, pad = cache
    N, F, Ho, Wo = dout.shape
    HH, WW = w.shape[2:]
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i in range(Ho):
        for j in range(Wo):
            r, c = i * stride, j * stride
            dw += np.tensordot(dout[:, :, i, j], xp[:, :, r : r + HH, c : c + WW], (0, 0))
            dxp[:, :, r : r + HH, c : c + WW] += np.tensordot(dout[:, :, i, j], w, (1, 0))
    H, W = x.shape[2:]
    return dxp[:, :, :H, :W].copy(), dw, dout.sum(axis=(0, 2, 3))


def conv_backward_bias_spatial(dout, cache):
    x, w, b, stride, pad = cache
    HH, WW = w.shape[2:]
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    win = np.lib.stride_tricks.sliding_window_view(xp, (HH, WW), (2, 3))[:, :, ::stride, ::stride]
    dw = np.einsum("nfij,ncijhw->fchw", dout, win)
    dxp = np.zeros_like(xp)
    Ho, Wo = dout.shape[2:]
    for h in range(HH):
        for v in range(WW):
            dxp[:, :, h : h + Ho * stride : stride, v : v + Wo * stride : stride] += np.einsum(
                "nfij,fc->ncij", dout, w[:, :, h, v]
            )
    dx = dxp[:, :, pad : pad + x.shape[2], pad : pad + x.shape[3]].copy()
    db = dout.mean(axis=(0, 2, 3))
    return dx, dw, db


def conv_backward_bias_first(dout, cache):
    dx, dw, db = conv_backward_bias_spatial(dout, cache)
    return dx, dw / len(dout), db * dout[:, 0].size


note(
    WRONG,
    "conv: overlapping windows assigned",
    conv_forward_naive,
    conv_backward_assign,
    normal((2, 2, 4, 5), (3, 2, 3, 3), (3,)),
    "dx",
    "overwrite_not_accumulate",
    pad=1,
)
note(
    WRONG,
    "conv: stride forgotten in dw",
    conv_forward_naive,
    conv_backward_no_stride,
    normal((2, 2, 5, 6), (3, 2, 3, 2), (3,)),
    "dw",
    "wrong_index",
    stride=2,
)
note(
    WRONG,
    "conv: padding cropped at one end",
    conv_forward_naive,
    conv_backward_uncropped,
    normal((2, 2, 4, 3), (3, 2, 3, 3), (3,)),
    "dx",
    "wrong_index",
    pad=1,
)
note(
    WRONG,
    "conv: bias averaged",
    conv_forward_naive,
    conv_backward_bias_spatial,
    normal((3, 2, 4, 4), (2, 2, 2, 3), (2,)),
    "db",
    "constant_scale",
    "batch_scale",
)
note(
    WRONG,
    "conv: dw averaged over the batch",
    conv_forward_naive,
    conv_backward_bias_first,
    normal((3, 2, 4, 4), (2, 2, 2, 3), (2,)),
    "dw",
    "batch_scale",
)


def im2col(x, k):
    N, C, H, W = x.shape
    Ho, Wo = H - k + 1, W - k + 1
    cols = np.empty((N, Ho, Wo, C, k, k))
    for i in range(Ho):
        for j in range(Wo):
            cols[:, i, j] = x[:, :, i : i + k, j : j + k]
    return cols.reshape(N * Ho * Wo, -1), Ho, Wo


def col2im(cols, shape, k, Ho, Wo):
    N, C, H, W = shape
    cols = cols.reshape(N, Ho, Wo, C, k, k)
    x = np.zeros(shape)
    for i in range(Ho):
        for j in range(Wo):
            x[:, :, i : i + k, j : j + k] += cols[:, i, j]
    return x


def conv_cols_forward(x, w):
    F, k = w.shape[0], w.shape[2]
    cols, Ho, Wo = im2col(x, k)
    out = cols @ w.reshape(F, -1).T
    out = out.reshape(x.shape[0], Ho, Wo, F).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(out), (x.shape, w, cols, Ho, Wo)


def conv_cols_backward_order(dout, cache):
    shape, w, cols, Ho, Wo = cache
    F, k = w.shape[0], w.shape[2]
    d = dout.reshape(-1, F)
    dw = (d.T @ cols).reshape(w.shape)
    dx = col2im(d @ w.reshape(F, -1), shape, k, Ho, Wo)
    return dx, dw


def conv_cols_backward_filter(dout, cache):
    shape, w, cols, Ho, Wo = cache
    F, C, k, _ = w.shape
    d = dout.transpose(0, 2, 3, 1).reshape(-1, F)
    dw = (d.T @ cols).reshape(F, C, k, k).transpose(0, 1, 3, 2)
    dx = col2im(d @ w.reshape(F, -1), shape, k, Ho, Wo)
    return dx, np.ascontiguousarray(dw)


def conv_cols_backward_flip(dout, cache):
    shape, w, cols, Ho, Wo = cache
    F, C, k, _ = w.shape
    d = dout.transpose(0, 2, 3, 1).reshape(-1, F)
    dw = (d.T @ cols).reshape(w.shape)
    pad = np.pad(dout, ((0, 0), (0, 0), (k - 1, k - 1), (k - 1, k - 1)))
    H, W = shape[2:]
    dx = np.zeros(shape)
    for i in range(H):
        for j in range(W):
            dx[:, :, i, j] = np.einsum("nfhw,fchw->nc", pad[:, :, i : i + k, j : j + k], w)
    return dx, dw


note(
    WRONG,
    "conv im2col: dout reshaped without the transpose",
    conv_cols_forward,
    conv_cols_backward_order,
    normal((2, 2, 4, 5), (3, 2, 2, 2)),
    "dx dw",
    "rearranged",
)
note(
    WRONG,
    "conv im2col: kernel axes turned",
    conv_cols_forward,
    conv_cols_backward_filter,
    normal((2, 2, 4, 5), (3, 2, 3, 3)),
    "dw",
    "transposed",
    "rearranged",
)
note(
    WRONG,
    "conv: full correlation without turning the kernel",
    conv_cols_forward,
    conv_cols_backward_flip,
    normal((2, 2, 4, 4), (3, 2, 3, 3)),
    "dx",
    "rearranged",
    "wrong_tensor wrong_formula wrong_index",
)


def conv1d(x, k):
    """One signal per row, valid correlation."""
    L = x.shape[1] - k.size + 1
    out = np.stack([x[:, t : t + k.size] @ k for t in range(L)], axis=1)
    return out, (x, k)


def conv1d_backward_short(dout, cache):
    x, k = cache
    dx, dk = np.zeros_like(x), np.zeros_like(k)
    for t in range(dout.shape[1] - 1):
        dx[:, t : t + k.size] += dout[:, t : t + 1] * k
        dk += dout[:, t] @ x[:, t : t + k.size]
    return dx, dk


def conv1d_backward_shift(dout, cache):
    x, k = cache
    dx, dk = np.zeros_like(x), np.zeros_like(k)
    for t in range(dout.shape[1]):
        dx[:, t : t + k.size] += dout[:, t : t + 1] * k
    for m in range(k.size):
        dk[m] = np.sum(dout * x[:, k.size - 1 - m : k.size - 1 - m + dout.shape[1]])
    return dx, dk


note(
    WRONG,
    "conv1d: last position never visited",
    conv1d,
    conv1d_backward_short,
    normal((3, 7), (3,)),
    "dx dk",
    "partial_fill",
    "wrong_index",
)
note(
    WRONG,
    "conv1d: kernel gradient reversed",
    conv1d,
    conv1d_backward_shift,
    normal((3, 7), (3,)),
    "dk",
    "rearranged",
    "wrong_index",
)


def depthwise(x, w):
    N, C, H, W = x.shape
    k = w.shape[1]
    out = np.zeros((N, C, H - k + 1, W - k + 1))
    for a in range(k):
        for b in range(k):
            out += w[None, :, a, b, None, None] * x[:, :, a : a + H - k + 1, b : b + W - k + 1]
    return out, (x, w)


def depthwise_backward(dout, cache):
    x, w = cache
    k = w.shape[1]
    h, v = dout.shape[2:]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for a in range(k):
        for b in range(k):
            dx[:, :, a : a + h, b : b + v] += w[None, :, a, b, None, None] * dout
            dw[:, a, b] = (dout[:, 0:1] * x[:, :, a : a + h, b : b + v]).sum(axis=(0, 2, 3))
    return dx, dw


note(
    WRONG,
    "depthwise conv: first channel of dout for all",
    depthwise,
    depthwise_backward,
    normal((2, 3, 4, 5), (3, 2, 2)),
    "dw",
    "wrong_index",
)


def maxpool_forward(x, size=2, stride=2):
    N, C, H, W = x.shape
    Ho, Wo = (H - size) // stride + 1, (W - size) // stride + 1
    out = np.zeros((N, C, Ho, Wo))
    for i in range(Ho):
        for j in range(Wo):
            win = x[:, :, i * stride : i * stride + size, j * stride : j * stride + size]
            out[:, :, i, j] = win.max(axis=(2, 3))
    return out, (x, out, size, stride)


def maxpool_backward_assign(dout, cache):
    x, out, size, stride = cache
    dx = np.zeros_like(x)
    N, C, Ho, Wo = dout.shape
    for n in range(N):
        for c in range(C):
            for i in range(Ho):
                for j in range(Wo):
                    win = x[n, c, i * stride : i * stride + size, j * stride : j * stride + size]
                    a, b = np.unravel_index(np.argmax(win), win.shape)
                    dx[n, c, i * stride + a, j * stride + b] = dout[n, c, i, j]
    return dx


def maxpool_backward_all_ties(dout, cache):
    x, out, size, stride = cache
    dx = np.zeros_like(x)
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            sl = np.s_[:, :, i * stride : i * stride + size, j * stride : j * stride + size]
            hit = x[sl] == out[:, :, i, j][:, :, None, None]
            dx[sl] += hit * dout[:, :, i, j][:, :, None, None]
    return dx


def maxpool_backward_spread(dout, cache):
    x, out, size, stride = cache
    dx = np.zeros_like(x)
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            dx[:, :, i * stride : i * stride + size, j * stride : j * stride + size] += (
                dout[:, :, i : i + 1, j : j + 1] / size**2
            )
    return dx


def maxpool_backward_global(dout, cache):
    x, out, size, stride = cache
    dx = np.zeros_like(x)
    N, C, Ho, Wo = dout.shape
    for n in range(N):
        for c in range(C):
            for i in range(Ho):
                for j in range(Wo):
                    r, s = i * stride, j * stride
                    win = x[n, c, r : r + size, s : s + size]
                    b, a = np.unravel_index(np.argmax(win), win.shape)
                    dx[n, c, r + a, s + b] += dout[n, c, i, j]
    return dx


def peaks(rng):
    x = rng.normal(size=(2, 2, 4, 4))
    x[:, :, 1, 1] = 6 + rng.random((2, 2))
    x[:, :, 2, 2] = 8 + rng.random((2, 2))
    return (x,)


def tied_image(rng):
    x = rng.integers(0, 3, size=(2, 1, 4, 4)).astype(float)
    x[0, 0, :2, :2] = 2.0
    return (x,)


def two_peaks(rng):
    x = rng.normal(size=(2, 2, 4, 4))
    x[0, 0, 0, 1] = 9.0
    return (x,)


note(
    WRONG,
    "max pool: overlapping windows assigned",
    maxpool_forward,
    maxpool_backward_assign,
    peaks,
    "dx",
    "overwrite_not_accumulate",
    stride=1,
)
note(
    WRONG,
    "max pool: every tied entry gets all",
    maxpool_forward,
    maxpool_backward_all_ties,
    tied_image,
    "dx",
    "kink_value",
)
note(
    WRONG,
    "max pool: spread as in average pooling",
    maxpool_forward,
    maxpool_backward_spread,
    two_peaks,
    "dx",
    "wrong_formula",
    "wrong_mask",
)
note(
    WRONG,
    "max pool: row and column of the peak exchanged",
    maxpool_forward,
    maxpool_backward_global,
    two_peaks,
    "dx",
    "wrong_index",
    "transposed",
)


def avgpool_forward(x, k=2):
    N, C, H, W = x.shape
    out = x.reshape(N, C, H // k, k, W // k, k).mean(axis=(3, 5))
    return out, (x.shape, k)


def avgpool_backward_sum(dout, cache):
    shape, k = cache
    return dout.repeat(k, axis=2).repeat(k, axis=3)


def avgpool_backward_tile(dout, cache):
    shape, k = cache
    return np.tile(dout, (1, 1, k, k)) / (k * k)


def avgpool_backward_corner(dout, cache):
    shape, k = cache
    dx = np.zeros(shape)
    dx[:, :, ::k, ::k] = dout / k**2
    return dx


def avgpool_backward_k(dout, cache):
    shape, k = cache
    return np.kron(dout, np.ones((k, k))) / k


note(
    WRONG,
    "average pool: not divided",
    avgpool_forward,
    avgpool_backward_sum,
    normal((2, 3, 4, 6)),
    "dx",
    "constant_scale",
)
note(
    WRONG,
    "average pool: tile for repeat",
    avgpool_forward,
    avgpool_backward_tile,
    normal((2, 3, 4, 6)),
    "dx",
    "rearranged",
    "wrong_index",
)
note(
    WRONG,
    "average pool: only the corner is filled",
    avgpool_forward,
    avgpool_backward_corner,
    normal((2, 3, 4, 6)),
    "dx",
    "partial_fill",
)
note(
    WRONG,
    "average pool: divided by k",
    avgpool_forward,
    avgpool_backward_k,
    normal((2, 3, 6, 6)),
    "dx",
    "constant_scale",
    k=3,
)


def global_avg(x):
    return x.mean(axis=(2, 3)), x.shape


def global_avg_backward(dout, shape):
    N, C, H, W = shape
    return np.broadcast_to(dout[:, :, None, None] / (N * H * W), shape).copy()


note(
    WRONG,
    "global average pool: batch counted too",
    global_avg,
    global_avg_backward,
    normal((3, 2, 2, 4)),
    "dx",
    "batch_scale",
)


def upsample(x):
    return x.repeat(2, axis=2).repeat(2, axis=3), x.shape


def upsample_backward(dout, shape):
    return dout[:, :, ::2, ::2].copy()


note(
    WRONG,
    "upsampling: copies not summed",
    upsample,
    upsample_backward,
    normal((2, 2, 2, 3)),
    "dx",
    "missing_reduction",
    "partial_fill",
)


def flatten(x):
    return x.reshape(x.shape[0], -1), x.shape


def flatten_backward(dout, shape):
    N, C, H, W = shape
    return dout.reshape(N, H, W, C).transpose(0, 3, 1, 2)


note(
    WRONG,
    "flatten: channels last on the way back",
    flatten,
    flatten_backward,
    normal((2, 3, 2, 4)),
    "dx",
    "rearranged",
)
