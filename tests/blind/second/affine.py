"""Fully connected layers and other products of matrices."""

import numpy as np

from blind.shelf import note
from corpus.specimen import normal

WRONG = []


# ---------------------------------------------------------------- the course's affine layer
def affine_forward(x, w, b):
    out = x.reshape(x.shape[0], -1).dot(w) + b
    cache = (x, w, b)
    return out, cache


def affine_backward_dw_other_way(dout, cache):
    x, w, b = cache
    N = x.shape[0]
    dx = dout.dot(w.T).reshape(x.shape)
    dw = dout.T.dot(x.reshape(N, -1))
    db = np.sum(dout, axis=0)
    return dx, dw, db


note(
    WRONG,
    "affine: dw is dout.T x, square weights",
    affine_forward,
    affine_backward_dw_other_way,
    normal((3, 5), (5, 5), (5,)),
    "dw",
    "transposed",
)


def affine_backward_dx_plain_w(dout, cache):
    x, w, b = cache
    dx = np.dot(dout, w)
    dx = np.reshape(dx, x.shape)
    dw = np.dot(x.reshape(x.shape[0], -1).T, dout)
    db = dout.sum(0)
    return dx, dw, db


note(
    WRONG,
    "affine: dx without w.T, flattened images",
    affine_forward,
    affine_backward_dx_plain_w,
    normal((4, 2, 3), (6, 6), (6,)),
    "dx",
    "transposed",
)


def affine_backward_mean_bias(dout, cache):
    x, w, b = cache
    dx = (dout @ w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T @ dout
    db = np.mean(dout, axis=0)
    return dx, dw, db


note(
    WRONG,
    "affine: bias gradient averaged",
    affine_forward,
    affine_backward_mean_bias,
    normal((5, 3), (3, 4), (4,)),
    "db",
    "batch_scale",
)


def affine_backward_order_f(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T)
    dx = dx.reshape(x.shape, order="F")
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dw, db


note(
    WRONG,
    "affine: dx reshaped in the other memory order",
    affine_forward,
    affine_backward_order_f,
    normal((3, 2, 4), (8, 5), (5,)),
    "dx",
    "rearranged",
)


def affine_backward_total_bias(dout, cache):
    x, w, b = cache
    N = x.shape[0]
    dx = dout.dot(w.T).reshape(*x.shape)
    dw = x.reshape(N, -1).T.dot(dout)
    db = np.zeros_like(b)
    db += dout.sum()
    return dx, dw, db


note(
    WRONG,
    "affine: bias gradient summed over everything",
    affine_forward,
    affine_backward_total_bias,
    normal((4, 3), (3, 5), (5,)),
    "db",
    "wrong_axis",
)


# ---------------------------------------------------------------- loops over the examples
def dense_loops_forward(X, W, b):
    N, D = X.shape
    M = W.shape[1]
    out = np.zeros((N, M))
    for n in range(N):
        for m in range(M):
            total = b[m]
            for d in range(D):
                total += X[n, d] * W[d, m]
            out[n, m] = total
    return out, {"X": X, "W": W, "b": b}


def dense_loops_backward_last_example(dout, cache):
    X, W = cache["X"], cache["W"]
    N, D = X.shape
    dX = np.zeros_like(X)
    dW = np.zeros_like(W)
    db = np.zeros_like(cache["b"])
    for n in range(N):
        dX[n] = W @ dout[n]
        dW = np.outer(X[n], dout[n])
        db += dout[n]
    return dX, dW, db


note(
    WRONG,
    "affine: dW of the last example only (loop)",
    dense_loops_forward,
    dense_loops_backward_last_example,
    normal((4, 3), (3, 5), (5,)),
    "dW",
    "overwrite_not_accumulate",
)


def dense_loops_backward_short_range(dout, cache):
    X, W = cache["X"], cache["W"]
    N, D = X.shape
    M = W.shape[1]
    dX = np.zeros_like(X)
    dW = np.zeros_like(W)
    db = np.zeros(M)
    for n in range(N):
        for m in range(M):
            db[m] += dout[n, m]
            for d in range(D - 1):
                dX[n, d] += W[d, m] * dout[n, m]
                dW[d, m] += X[n, d] * dout[n, m]
    return dX, dW, db


note(
    WRONG,
    "affine: loops stop one feature early",
    dense_loops_forward,
    dense_loops_backward_short_range,
    normal((3, 4), (4, 2), (2,)),
    "dX dW",
    "partial_fill",
    "wrong_index",
)


def dense_loops_backward_assigned_dx(dout, cache):
    X, W = cache["X"], cache["W"]
    dX = np.empty_like(X)
    for n in range(X.shape[0]):
        for d in range(X.shape[1]):
            for m in range(W.shape[1]):
                dX[n, d] = W[d, m] * dout[n, m]
    dW = np.einsum("nd,nm->dm", X, dout)
    return dX, dW, np.einsum("nm->m", dout)


note(
    WRONG,
    "affine: dX assigned inside the inner loop",
    dense_loops_forward,
    dense_loops_backward_assigned_dx,
    normal((3, 4), (4, 5), (5,)),
    "dX",
    "overwrite_not_accumulate",
)


# ---------------------------------------------------------------- a class in the lecture's style
class Linear:
    """y = x W + b, row vectors."""

    @staticmethod
    def forward(x, weight, bias):
        y = np.matmul(x, weight)
        y += bias
        return y, (x, weight)

    @staticmethod
    def backward_normalised(grad_y, saved):
        x, weight = saved
        m = x.shape[0]
        grad_x = np.matmul(grad_y, weight.T)
        grad_weight = 1.0 / m * np.matmul(x.T, grad_y)
        grad_bias = 1.0 / m * np.sum(grad_y, axis=0)
        return grad_x, grad_weight, grad_bias

    @staticmethod
    def backward_sum_along_features(grad_y, saved):
        x, weight = saved
        grad_x = grad_y @ weight.T
        grad_weight = x.T @ grad_y
        grad_bias = grad_y.sum(axis=1)
        return grad_x, grad_weight, grad_bias

    @staticmethod
    def backward_ones(grad_y, saved):
        x, weight = saved
        ones = np.ones_like(grad_y)
        grad_x = grad_y @ weight.T
        grad_weight = x.T @ ones
        grad_bias = grad_y.sum(axis=0)
        return grad_x, grad_weight, grad_bias


note(
    WRONG,
    "affine: 1/m of the cost left in dW and db",
    Linear.forward,
    Linear.backward_normalised,
    normal((6, 3), (3, 2), (2,)),
    "dweight dbias",
    "batch_scale",
)
note(
    WRONG,
    "affine: bias summed along the features, N = M",
    Linear.forward,
    Linear.backward_sum_along_features,
    normal((5, 3), (3, 5), (5,)),
    "dbias",
    "wrong_axis",
)
note(
    WRONG,
    "affine: dW made with ones",
    Linear.forward,
    Linear.backward_ones,
    normal((4, 3), (3, 2), (2,)),
    "dweight",
    "dout_ignored",
)


# ---------------------------------------------------------------- column convention (W x + b)
def linear_activation_forward(A_prev, W, b):
    Z = W.dot(A_prev) + b
    return Z, {"A_prev": A_prev, "W": W, "Z": Z}


def linear_backward_uses_z(dZ, cache):
    _A_prev, W, Z = cache["A_prev"], cache["W"], cache["Z"]
    dA_prev = W.T.dot(dZ)
    dW = dZ.dot(Z.T)
    db = np.sum(dZ, axis=1, keepdims=True)
    return dA_prev, dW, db


note(
    WRONG,
    "affine: dW made from Z instead of A_prev",
    linear_activation_forward,
    linear_backward_uses_z,
    normal((3, 5), (3, 3), (3, 1)),
    "dW",
    "wrong_tensor",
)


def linear_backward_forgets_db_sum(dZ, cache):
    A_prev, W = cache["A_prev"], cache["W"]
    dW = np.dot(dZ, A_prev.T)
    db = dZ
    dA_prev = np.dot(W.T, dZ)
    return dA_prev, dW, db.copy()


note(
    WRONG,
    "affine: db not summed over the columns",
    linear_activation_forward,
    linear_backward_forgets_db_sum,
    normal((4, 5), (3, 4), (3, 1)),
    "db",
    "missing_reduction",
    "bad_output",
)


# ---------------------------------------------------------------- over time
def temporal_affine_forward(x, w, b):
    N, T, D = x.shape
    M = b.shape[0]
    out = x.reshape(N * T, D).dot(w).reshape(N, T, M) + b
    cache = x, w, b, out
    return out, cache


def temporal_affine_backward_one_sum(dout, cache):
    x, w, b, out = cache
    N, T, D = x.shape
    M = b.shape[0]
    dx = dout.reshape(N * T, M).dot(w.T).reshape(N, T, D)
    dw = dout.reshape(N * T, M).T.dot(x.reshape(N * T, D)).T
    db = dout.sum(axis=0)
    return dx, dw, db


note(
    WRONG,
    "affine: temporal, db not summed over time",
    temporal_affine_forward,
    temporal_affine_backward_one_sum,
    normal((2, 3, 4), (4, 5), (5,)),
    "db",
    "missing_reduction",
    "bad_output",
)


def temporal_affine_backward_last_step(dout, cache):
    x, w, b, _ = cache
    dx = np.zeros_like(x)
    db = np.zeros_like(b)
    for t in range(x.shape[1]):
        dx[:, t] = dout[:, t].dot(w.T)
        dw = x[:, t].T.dot(dout[:, t])
        db = db + dout[:, t].sum(axis=0)
    return dx, dw, db


note(
    WRONG,
    "affine: temporal, dw of the last step only",
    temporal_affine_forward,
    temporal_affine_backward_last_step,
    normal((3, 4, 2), (2, 5), (5,)),
    "dw",
    "overwrite_not_accumulate",
)


def temporal_affine_backward_swapped_reshape(dout, cache):
    x, w, b, _ = cache
    N, T, D = x.shape
    flat_dout = dout.reshape(N * T, -1)
    dx = (flat_dout @ w.T).reshape(T, N, D).transpose(1, 0, 2)
    dw = x.reshape(N * T, D).T @ flat_dout
    db = flat_dout.sum(axis=0)
    return dx, dw, db


note(
    WRONG,
    "affine: temporal, batch and time mixed up in dx",
    temporal_affine_forward,
    temporal_affine_backward_swapped_reshape,
    normal((3, 4, 2), (2, 5), (5,)),
    "dx",
    "rearranged",
)


# ---------------------------------------------------------------- scaled weights, masks, ties
def equalized_linear_forward(x, w, b):
    """The weights are stored with unit variance and scaled at run time."""
    fan_in = w.shape[0]
    scale = np.sqrt(2.0 / fan_in)
    out = x @ (w * scale) + b
    return out, (x, w, scale)


def equalized_linear_backward(dout, cache):
    x, w, scale = cache
    dx = dout @ (w * scale).T
    dw = x.T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db


note(
    WRONG,
    "affine: run-time scale of the weights lacking in dw",
    equalized_linear_forward,
    equalized_linear_backward,
    normal((4, 5), (5, 3), (3,)),
    "dw",
    "constant_scale",
    "chain_factor",
)


def pruned_forward(x, w, mask):
    w_eff = np.where(mask, w, 0.0)
    return x @ w_eff, (x, w_eff, mask)


def pruned_backward(dout, cache):
    x, w_eff, mask = cache
    dx = dout @ w_eff.T
    dw = x.T @ dout
    return dx, dw


def make_pruned(rng):
    keep = np.ones((4, 5), dtype=bool)
    keep.ravel()[rng.permutation(20)[:8]] = False
    return rng.normal(size=(3, 4)), rng.normal(size=(4, 5)), keep


note(
    WRONG,
    "affine: pruned weights get a gradient",
    pruned_forward,
    pruned_backward,
    make_pruned,
    "dw",
    "wrong_mask",
    "chain_factor",
)


def tied_autoencoder_forward(x, w, b_enc, b_dec):
    code = x @ w + b_enc
    recon = code @ w.T + b_dec
    return recon, (x, w, code)


def tied_autoencoder_backward(drecon, cache):
    x, w, code = cache
    db_dec = drecon.sum(axis=0)
    dcode = drecon @ w
    db_enc = dcode.sum(axis=0)
    dw = x.T @ dcode  # encoder
    dx = dcode @ w.T
    return dx, dw, db_enc, db_dec


note(
    WRONG,
    "affine: tied autoencoder, decoder's share of dw lacking",
    tied_autoencoder_forward,
    tied_autoencoder_backward,
    normal((4, 6), (6, 3), (3,), (6,)),
    "dw",
    "missing_path",
)


def low_rank_forward(x, u, v):
    xu = x @ u
    return xu @ v, (x, u, v, xu)


def low_rank_backward(dout, cache):
    x, u, v, xu = cache
    dv = xu.T @ dout
    dxu = dout
    du = x.T @ dxu
    dx = dout @ v.T @ u.T
    return dx, du, dv


note(
    WRONG,
    "affine: low rank, v.T forgotten on the way to u",
    low_rank_forward,
    low_rank_backward,
    normal((5, 4), (4, 3), (3, 3)),
    "du",
    "chain_factor",
    "missing_path",
)


def bilinear_forward(x1, x2, w):
    out = np.einsum("ni,oij,nj->no", x1, w, x2)
    return out, {"x1": x1, "x2": x2, "w": w}


def bilinear_backward(dout, cache):
    x1, x2, w = cache["x1"], cache["x2"], cache["w"]
    dx1 = np.einsum("no,oij,nj->ni", dout, w, x2)
    dx2 = np.einsum("no,oij,ni->nj", dout, w, x1)
    dw = np.einsum("no,ni,nj->oij", dout, x1, x1)
    return dx1, dx2, dw


note(
    WRONG,
    "affine: bilinear, dw takes x1 twice",
    bilinear_forward,
    bilinear_backward,
    normal((4, 3), (4, 3), (2, 3, 3)),
    "dw",
    "wrong_tensor",
)


def bilinear_backward_returned_in_other_order(dout, cache):
    x1, x2, w = cache["x1"], cache["x2"], cache["w"]
    left = np.tensordot(x2, w, axes=([1], [2]))  # n o i
    right = np.tensordot(x1, w, axes=([1], [1]))  # n o j
    d1 = (dout[:, :, None] * left).sum(axis=1)
    d2 = (dout[:, :, None] * right).sum(axis=1)
    dw = np.einsum("no,ni,nj->oij", dout, x1, x2)
    return d2, d1, dw


note(
    WRONG,
    "affine: bilinear, gradients of the inputs exchanged",
    bilinear_forward,
    bilinear_backward_returned_in_other_order,
    normal((4, 3), (4, 3), (2, 3, 3)),
    "dx1 dx2",
    "swapped_outputs",
)


def quadratic_form_forward(x, A):
    out = np.einsum("ni,ij,nj->n", x, A, x)
    return out, (x, A)


def quadratic_form_backward(dout, cache):
    x, A = cache
    dx = 2 * dout[:, None] * (x @ A)
    dA = np.einsum("n,ni,nj->ij", dout, x, x)
    return dx, dA


note(
    WRONG,
    "affine: quadratic form taken as symmetric",
    quadratic_form_forward,
    quadratic_form_backward,
    normal((4, 3), (3, 3)),
    "dx",
    "wrong_formula",
    "missing_path transposed",
)


def scale_shift_forward(x, s, t):
    out = s * x + t
    return out, (x, s)


def scale_shift_backward(dout, cache):
    x, s = cache
    ds = np.mean(dout * x, axis=0)
    dt = np.sum(dout, axis=0)
    return dout * s, ds, dt


note(
    WRONG,
    "affine: scale layer, ds averaged",
    scale_shift_forward,
    scale_shift_backward,
    normal((5, 3), (3,), (3,)),
    "ds",
    "batch_scale",
)


def scale_shift_backward_int_buffers(dout, cache):
    x, s = cache
    N, D = x.shape
    ds = np.array([0] * D)
    dt = np.zeros(D)
    for d in range(D):
        ds[d] = dout[:, d].dot(x[:, d])
        dt[d] = dout[:, d].sum()
    return dout * s, ds.astype(float), dt


note(
    WRONG,
    "affine: scale layer, ds collected in an integer array",
    scale_shift_forward,
    scale_shift_backward_int_buffers,
    normal((6, 4), (4,), (4,)),
    "ds",
    "precision_loss",
)


def half_precision_backward(dout, cache):
    x, w, b = cache
    x2 = x.reshape(len(x), -1)
    half = np.float16
    dw = (x2.astype(half).T @ dout.astype(half)).astype(x.dtype)
    dx = (dout @ w.T).reshape(x.shape)
    return dx, dw, dout.sum(axis=0)


note(
    WRONG,
    "affine: dw computed in half precision",
    affine_forward,
    half_precision_backward,
    normal((5, 4), (4, 3), (3,)),
    "dw",
    "precision_loss",
)


def pairwise_forward(a, b):
    """Squared distances between all rows of a and all rows of b."""
    aa = (a**2).sum(axis=1)[:, None]
    bb = (b**2).sum(axis=1)[None, :]
    return aa + bb - 2 * a @ b.T, (a, b)


def pairwise_backward(dout, cache):
    a, b = cache
    diff = a[:, None, :] - b[None, :, :]
    da = 2 * (dout[..., None] * diff).sum(axis=1)
    db = 2 * (dout[..., None] * diff).sum(axis=0)
    return da, db


note(
    WRONG,
    "affine: pairwise distances, sign of db",
    pairwise_forward,
    pairwise_backward,
    normal((3, 4), (5, 4)),
    "db",
    "sign_flip",
)


def pairwise_backward_no_cross(dout, cache):
    a, b = cache
    da = 2 * a * dout.sum(axis=1, keepdims=True) - 2 * dout @ b
    db = 2 * b * dout.sum(axis=0)[:, None]
    return da, db


note(
    WRONG,
    "affine: pairwise distances, cross term lacking in db",
    pairwise_forward,
    pairwise_backward_no_cross,
    normal((3, 4), (5, 4)),
    "db",
    "missing_path",
)


def affine_backward_dw_turned(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = dout.T.dot(x.reshape(len(x), -1))
    return dx, dw, dout.sum(axis=0)


note(
    WRONG,
    "affine: dw has the shape of w.T",
    affine_forward,
    affine_backward_dw_turned,
    normal((3, 4), (4, 2), (2,)),
    "dw",
    "transposed",
    "bad_output",
)
