"""Wrong affine, elementwise-product and broadcasting layers."""

import numpy as np

from blind.shelf import note
from corpus.specimen import normal

WRONG = []


def fc_forward(x, w, b):
    N = x.shape[0]
    flat = x.reshape(N, -1)
    out = flat.dot(w) + b
    cache = (x, w, b)
    return out, cache


def fc_backward_row_sum(dout, cache):
    x, w, b = cache
    N = x.shape[0]
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(N, -1).T.dot(dout)
    db = np.sum(dout, axis=1)
    return dx, dw, db


def fc_backward_fortran(dout, cache):
    x, w, b = cache
    rows = x.reshape(len(x), -1)
    dx = np.reshape(dout @ w.T, x.shape, order="F")
    return dx, rows.T @ dout, dout.sum(0)


def fc_backward_averaged(dout, cache):
    x, w, b = cache
    m = x.shape[0]
    X = x.reshape(m, -1)
    dw = 1 / m * np.dot(X.T, dout)
    db = 1 / m * np.sum(dout, axis=0)
    dx = np.dot(dout, w.T).reshape(*x.shape)
    return dx, dw, db


def fc_backward_loop_last(dout, cache):
    x, w, b = cache
    n = x.shape[0]
    dx = np.zeros_like(x)
    dw = np.zeros_like(w)
    db = np.zeros_like(b)
    for i in range(n):
        dx[i] = (w @ dout[i]).reshape(x.shape[1:])
        dw = np.outer(x[i].ravel(), dout[i])
        db = db + dout[i]
    return dx, dw, db


def fc_backward_loop_short(dout, cache):
    x, w, b = cache
    n = x.shape[0]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(n - 1):
        dx[i] = (w @ dout[i]).reshape(x.shape[1:])
        dw += np.outer(x[i].ravel(), dout[i])
    return dx, dw, dout.sum(axis=0)


note(
    WRONG,
    "affine: db summed over features",
    fc_forward,
    fc_backward_row_sum,
    normal((4, 2, 3), (6, 4), (4,)),
    "db",
    "wrong_axis",
)
note(
    WRONG,
    "affine: dx reshaped column-major",
    fc_forward,
    fc_backward_fortran,
    normal((3, 2, 4), (8, 5), (5,)),
    "dx",
    "rearranged",
)
note(
    WRONG,
    "affine: dw and db divided by m",
    fc_forward,
    fc_backward_averaged,
    normal((5, 3, 2), (6, 4), (4,)),
    "dw db",
    "batch_scale",
)
note(
    WRONG,
    "affine: dw assigned in the loop",
    fc_forward,
    fc_backward_loop_last,
    normal((4, 3), (3, 5), (5,)),
    "dw",
    "overwrite_not_accumulate",
)
note(
    WRONG,
    "affine: loop stops one example early",
    fc_forward,
    fc_backward_loop_short,
    normal((4, 2, 3), (6, 5), (5,)),
    "dx dw",
    "partial_fill",
)


class Linear:
    """y = x W^T, weights stored output first."""

    @staticmethod
    def forward(x, W, b):
        saved = {"input": x, "weight": W}
        return np.einsum("ni,oi->no", x, W) + b[None, :], saved

    @staticmethod
    def backward_weight_turned(dout, saved):
        grad_in = np.einsum("no,oi->ni", dout, saved["weight"])
        grad_w = np.einsum("no,ni->io", dout, saved["input"])
        return grad_in, grad_w, np.einsum("no->o", dout)

    @staticmethod
    def backward_operand_turned(dout, saved):
        x, W = saved["input"], saved["weight"]
        return dout @ W.T, dout.T @ x, dout.sum(axis=0)

    @staticmethod
    def backward_bias_unsummed(dout, saved):
        x, W = saved["input"], saved["weight"]
        return dout @ W, dout.T @ x, dout * 1.0

    @staticmethod
    def backward_through_output(dout, saved):
        x, W = saved["input"], saved["weight"]
        y = x @ W.T
        return dout @ W, y.T @ x, dout.sum(axis=0)

    @staticmethod
    def backward_half(dout, saved):
        x, W = saved["input"], saved["weight"]
        dx = np.tensordot(dout, W, axes=(1, 0)).astype(np.float16)
        dW = np.tensordot(dout, x, axes=(0, 0))
        return dx.astype(x.dtype), dW, dout.sum(axis=0)


note(
    WRONG,
    "affine: einsum output letters turned (square)",
    Linear.forward,
    Linear.backward_weight_turned,
    normal((3, 4), (4, 4), (4,)),
    "dW",
    "transposed",
)
note(
    WRONG,
    "affine: W.T in dx (square)",
    Linear.forward,
    Linear.backward_operand_turned,
    normal((3, 5), (5, 5), (5,)),
    "dx",
    "transposed",
)
note(
    WRONG,
    "affine: bias gradient not summed",
    Linear.forward,
    Linear.backward_bias_unsummed,
    normal((3, 4), (5, 4), (5,)),
    "db",
    "missing_reduction",
    "bad_output",
)
note(
    WRONG,
    "affine: output in place of its gradient",
    Linear.forward,
    Linear.backward_through_output,
    normal((4, 3), (5, 3), (5,)),
    "dW",
    "dout_ignored",
    "wrong_tensor",
)
note(
    WRONG,
    "affine: dx passed through float16",
    Linear.forward,
    Linear.backward_half,
    normal((4, 3), (5, 3), (5,)),
    "dx",
    "precision_loss",
)


def residual_fit_forward(x, w, y0):
    r = y0 - x.dot(w)
    return r, (x, w)


def residual_fit_backward(dout, cache):
    x, w = cache
    dx = dout.dot(w.T)
    dw = x.T.dot(dout)
    return dx, dw, dout.copy()


note(
    WRONG,
    "affine: minus of y0 - xw forgotten",
    residual_fit_forward,
    residual_fit_backward,
    normal((4, 3), (3, 2), (4, 2)),
    "dx dw",
    "sign_flip",
)


def hadamard(u, v):
    return u * v, (u, v)


def hadamard_grad(dout, ctx):
    u, v = ctx
    grad_v = dout * v
    grad_u = dout * u
    return grad_u, grad_v


note(
    WRONG,
    "product: each factor times itself",
    hadamard,
    hadamard_grad,
    normal((3, 4), (3, 4)),
    "du dv",
    "swapped_outputs",
    "wrong_tensor",
)


def gate_features(x, s):
    """Scale every feature column by its own factor."""
    return x * s, dict(x=x, s=s)


def gate_features_backward_first(dout, cache):
    dx = dout * cache["s"]
    ds = (dout * cache["x"])[0]
    return dx, ds.copy()


def gate_features_backward_keep(dout, cache):
    ds = np.mean(dout * cache["x"], axis=0)
    return cache["s"] * dout, ds


note(
    WRONG,
    "scale: only the first row reaches s",
    gate_features,
    gate_features_backward_first,
    normal((5, 3), (3,)),
    "ds",
    "missing_reduction",
    "partial_fill",
)
note(
    WRONG,
    "scale: mean over rows for ds",
    gate_features,
    gate_features_backward_keep,
    normal((5, 3), (3,)),
    "ds",
    "batch_scale",
)


def lowrank_fwd(x, U, V, scale=0.25):
    h = x @ U
    return scale * (h @ V), (x, h, U, V, scale)


def lowrank_bwd_noscale(dout, cache):
    x, h, U, V, scale = cache
    dh = scale * dout @ V.T
    dV = h.T @ dout
    return dh @ U.T, x.T @ dh, dV


def lowrank_bwd_operand(dout, cache):
    x, h, U, V, scale = cache
    d = scale * dout
    dV = h.T @ d
    dh = d @ V.T
    dU = h.T @ dh
    return dh @ U.T, dU, dV


note(
    WRONG,
    "low rank: scale missing in dV",
    lowrank_fwd,
    lowrank_bwd_noscale,
    normal((4, 5), (5, 2), (2, 3)),
    "dV",
    "constant_scale",
    "chain_factor",
)
note(
    WRONG,
    "low rank: h in place of x in dU (square)",
    lowrank_fwd,
    lowrank_bwd_operand,
    normal((5, 3), (3, 3), (3, 4)),
    "dU",
    "wrong_tensor",
)


def weightnorm_forward(x, v, g):
    n = np.sqrt((v**2).sum(axis=0))
    w = v / n * g
    return x @ w, (x, v, g, n, w)


def weightnorm_backward(dout, cache):
    x, v, g, n, w = cache
    dw = x.T @ dout
    dx = dout @ w.T
    dg = (dw * v / n).sum(axis=0)
    dv = dw * g / n
    return dx, dv, dg


note(
    WRONG,
    "weight norm: norm held constant",
    weightnorm_forward,
    weightnorm_backward,
    normal((4, 3), (3, 2), (2,)),
    "dv",
    "missing_path",
)


def bilinear_form(a, M, b):
    """One score for each pair of rows: a_i' M b_i."""
    Mb = b @ M.T
    return (a * Mb).sum(axis=1), (a, M, b, Mb)


def bilinear_form_backward(dout, cache):
    a, M, b, Mb = cache
    g = dout[:, None]
    da = g * Mb
    dM = np.einsum("n,ni,nj->ij", dout, a, b)
    db = g * (a @ M.T)
    return da, dM, db


note(
    WRONG,
    "bilinear: M.T in db (square)",
    bilinear_form,
    bilinear_form_backward,
    normal((5, 3), (3, 3), (5, 3)),
    "db",
    "transposed",
)


def outer_sum(rows, cols):
    return rows[:, None] + cols[None, :], (rows.shape, cols.shape)


def outer_sum_backward(dout, shapes):
    drows = dout.sum(axis=0)
    dcols = dout.sum(axis=1)
    return drows, dcols


note(
    WRONG,
    "outer sum: axes of the sums exchanged (square)",
    outer_sum,
    outer_sum_backward,
    normal((4,), (4,)),
    "drows dcols",
    "swapped_outputs",
    "wrong_axis",
)
