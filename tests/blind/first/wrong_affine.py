"""Affine layers and their relatives, with faults."""

import numpy as np

from blind.shelf import Shelf

WRONG = Shelf()


# ---------------------------------------------------------------- flattened images, cs231n style
def fc_forward(x, w, b):
    num_train = x.shape[0]
    out = x.reshape(num_train, -1).dot(w) + b
    cache = (x, w, b)
    return out, cache


def fc_backward_order(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T).reshape(x.shape, order="F")
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dw, db


def fc_backward_mean_bias(dout, cache):
    x, w, b = cache
    dx = np.dot(dout, w.T).reshape(x.shape)
    dw = np.dot(x.reshape(x.shape[0], -1).T, dout)
    db = np.mean(dout, axis=0)
    return dx, dw, db


def fc_backward_batch_average(dout, cache):
    x, w, b = cache
    m = x.shape[0]
    x_flat = x.reshape(m, -1)
    dw = (1.0 / m) * x_flat.T.dot(dout)
    db = (1.0 / m) * dout.sum(axis=0)
    dx = dout.dot(w.T).reshape(*x.shape)
    return dx, dw, db


def fc_backward_total_bias(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(len(x), -1).T.dot(dout)
    db = np.zeros_like(b)
    db += np.sum(dout)
    return dx, dw, db


def make_images(rng):
    return rng.normal(size=(5, 2, 3)), rng.normal(size=(6, 4)), rng.normal(size=4)


WRONG.add(
    "affine: dx filled in column order",
    (fc_forward, fc_backward_order),
    make_images,
    "dx",
    "rearranged",
)
WRONG.add(
    "affine: db averaged", (fc_forward, fc_backward_mean_bias), make_images, "db", "batch_scale"
)
WRONG.add(
    "affine: parameters divided by the batch size",
    (fc_forward, fc_backward_batch_average),
    make_images,
    "dw db",
    "batch_scale",
)
WRONG.add(
    "affine: db is the sum of everything",
    (fc_forward, fc_backward_total_bias),
    make_images,
    "db",
    "wrong_axis",
)


# ---------------------------------------------------------------- weight stored as (out, in)
def linear_forward(input, weight, bias):
    output = input @ weight.T + bias
    return output, {"input": input, "weight": weight}


def linear_backward_dw(grad_output, saved):
    grad_input = grad_output @ saved["weight"]
    grad_weight = saved["input"].T @ grad_output
    grad_bias = grad_output.sum(0)
    return grad_input, grad_weight, grad_bias


def linear_backward_dx(grad_output, saved):
    grad_input = grad_output @ saved["weight"].T
    grad_weight = grad_output.T @ saved["input"]
    return grad_input, grad_weight, grad_output.sum(0)


def linear_backward_axis(grad_output, saved):
    grad_input = grad_output @ saved["weight"]
    grad_weight = grad_output.T @ saved["input"]
    grad_bias = grad_output.sum(1)
    return grad_input, grad_weight, grad_bias


def linear_backward_two_faults(grad_output, saved):
    n = grad_output.shape[0]
    grad_weight = np.matmul(saved["input"].T, grad_output)
    grad_bias = np.sum(grad_output, axis=0) / n
    return np.matmul(grad_output, saved["weight"]), grad_weight, grad_bias


def make_square_linear(rng):
    return rng.normal(size=(3, 5)), rng.normal(size=(5, 5)), rng.normal(size=(5,))


def make_batch_equals_units(rng):
    return rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.normal(size=(4,))


WRONG.add(
    "affine: weight gradient in the other layout",
    (linear_forward, linear_backward_dw),
    make_square_linear,
    "dweight",
    "transposed",
)
WRONG.add(
    "affine: input gradient with weight.T",
    (linear_forward, linear_backward_dx),
    make_square_linear,
    "dinput",
    "transposed",
)
WRONG.add(
    "affine: bias summed over units",
    (linear_forward, linear_backward_axis),
    make_batch_equals_units,
    "dbias",
    "wrong_axis",
)
WRONG.add(
    "affine: two faults at once",
    (linear_forward, linear_backward_two_faults),
    make_square_linear,
    "dweight dbias",
    "transposed",
    "batch_scale",
)


# ---------------------------------------------------------------- loops over examples
def affine_loop_forward(x, w, b):
    N, D = x.shape
    M = w.shape[1]
    out = np.zeros((N, M))
    for n in range(N):
        for m in range(M):
            s = b[m]
            for d in range(D):
                s += x[n, d] * w[d, m]
            out[n, m] = s
    return out, (x, w)


def affine_loop_backward_assign(dout, cache):
    x, w = cache
    N, D = x.shape
    M = w.shape[1]
    dx, dw, db = np.zeros((N, D)), np.zeros((D, M)), np.zeros(M)
    for n in range(N):
        for m in range(M):
            db[m] += dout[n, m]
            for d in range(D):
                dx[n, d] += dout[n, m] * w[d, m]
                dw[d, m] = dout[n, m] * x[n, d]
    return dx, dw, db


def affine_loop_backward_db(dout, cache):
    x, w = cache
    dw = np.zeros_like(w)
    dx = np.zeros_like(x)
    for i, (row, g) in enumerate(zip(x, dout)):
        dw += np.outer(row, g)
        dx[i] = w @ g
        db = 1.0 * g
    return dx, dw, db


def affine_loop_backward_short(dout, cache):
    x, w = cache
    N = x.shape[0]
    dx = np.zeros_like(x)
    for n in range(N - 1):
        dx[n, :] = dout[n, :].dot(w.T)
    return dx, x.T.dot(dout), dout.sum(axis=0)


def affine_chunk_backward(dout, cache):
    x, w = cache
    chunk = 2
    dx = np.zeros_like(x)
    dw = np.zeros_like(w)
    db = np.zeros(w.shape[1])
    for k in range(x.shape[0] // chunk):
        rows = slice(k * chunk, (k + 1) * chunk)
        dx[rows] = dout[rows] @ w.T
        dw += x[rows].T @ dout[rows]
        db += dout[rows].sum(axis=0)
    return dx, dw, db


def make_small(rng):
    return rng.normal(size=(5, 3)), rng.normal(size=(3, 4)), rng.normal(size=4)


WRONG.add(
    "affine: dw assigned inside the loops",
    (affine_loop_forward, affine_loop_backward_assign),
    make_small,
    "dw",
    "overwrite_not_accumulate",
)
WRONG.add(
    "affine: db keeps the last example",
    (affine_loop_forward, affine_loop_backward_db),
    make_small,
    "db",
    "overwrite_not_accumulate",
    "missing_reduction",
)
WRONG.add(
    "affine: last row of dx never computed",
    (affine_loop_forward, affine_loop_backward_short),
    make_small,
    "dx",
    "partial_fill",
)
WRONG.add(
    "affine: remainder of the chunks dropped",
    (affine_loop_forward, affine_chunk_backward),
    make_small,
    "dx dw db",
    "partial_fill",
    "missing_reduction",
)


# ---------------------------------------------------------------- wrong operand, dout misused
def dense_forward(x, w, b):
    z = x @ w + b
    cache = [z, x, w, b]
    return z, cache


def dense_backward_output(dz, cache):
    z, x, w, b = cache
    dw = z.T @ dz
    db = dz.sum(axis=0)
    dx = dz @ w.T
    return dx, dw, db


def dense_backward_dx_typo(dz, cache):
    _, x, w, b = cache
    dx = dz @ w.T
    dw = dx.T @ dz
    db = dz.sum(axis=0)
    return dx, dw, db


def dense_backward_ones(dz, cache):
    _, x, w, b = cache
    dx = dz @ w.T
    dw = x.T @ np.ones_like(dz)
    db = dz.sum(axis=0)
    return dx, dw, db


def dense_backward_half(dz, cache):
    _, x, w, b = cache
    g16 = dz.astype(np.float16)
    dw = np.dot(x.astype(np.float16).T, g16).astype(x.dtype)
    return dz @ w.T, dw, dz.sum(axis=0)


def dense_backward_no_sum(dz, cache):
    _, x, w, b = cache
    return dz.dot(w.T), x.T.dot(dz), dz * np.ones_like(b)


def make_same_width(rng):
    return rng.normal(size=(6, 4)), rng.normal(size=(4, 4)), rng.normal(size=4)


def make_dense(rng):
    return rng.normal(size=(3, 6)), 0.7 * rng.normal(size=(6, 5)), rng.normal(size=5)


WRONG.add(
    "affine: dw from the output",
    (dense_forward, dense_backward_output),
    make_same_width,
    "dw",
    "wrong_tensor",
)
WRONG.add(
    "affine: dx written for x",
    (dense_forward, dense_backward_dx_typo),
    make_dense,
    "dw",
    "dout_nonlinear",
    "wrong_tensor",
)
WRONG.add(
    "affine: dw with ones for the upstream gradient",
    (dense_forward, dense_backward_ones),
    make_dense,
    "dw",
    "dout_ignored",
)
WRONG.add(
    "affine: half precision product",
    (dense_forward, dense_backward_half),
    make_dense,
    "dw",
    "precision_loss",
)
WRONG.add(
    "affine: db left per example",
    (dense_forward, dense_backward_no_sum),
    make_dense,
    "db",
    "missing_reduction",
    "bad_output",
)


# ---------------------------------------------------------------- sequences
def time_distributed_forward(x, W, b):
    y = np.einsum("ntd,dm->ntm", x, W) + b
    return y, (x, W)


def time_distributed_backward_last(dy, cache):
    x, W = cache
    dx = np.einsum("ntm,dm->ntd", dy, W)
    dW = x[:, -1].T @ dy[:, -1]
    db = dy[:, -1].sum(axis=0)
    return dx, dW, db


def time_distributed_backward_batched(dy, cache):
    x, W = cache
    dx = dy @ W.T
    dW = x.transpose(0, 2, 1) @ dy
    db = dy.sum(axis=(0, 1))
    return dx, dW, db


def make_sequence(rng):
    return rng.normal(size=(3, 4, 5)), rng.normal(size=(5, 2)), rng.normal(size=2)


WRONG.add(
    "temporal affine: only the last step",
    (time_distributed_forward, time_distributed_backward_last),
    make_sequence,
    "dW db",
    "missing_reduction",
)
WRONG.add(
    "temporal affine: one matrix per sequence",
    (time_distributed_forward, time_distributed_backward_batched),
    make_sequence,
    "dW",
    "missing_reduction",
    "bad_output",
)


# ---------------------------------------------------------------- threshold unit, z = x w - theta
def threshold_forward(x, w, theta):
    return x.dot(w) - theta, (x, w)


def threshold_backward(dout, cache):
    x, w = cache
    return dout.dot(w.T), x.T.dot(dout), dout.sum(axis=0)


def make_threshold(rng):
    return rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)


WRONG.add(
    "affine: subtracted bias gets a plus",
    (threshold_forward, threshold_backward),
    make_threshold,
    "dtheta",
    "sign_flip",
)


# ---------------------------------------------------------------- elementwise scale and shift
def scale_shift_forward(x, gamma, beta):
    return gamma * x + beta, (x, gamma)


def scale_shift_backward(dout, cache):
    x, gamma = cache
    dx = dout * gamma
    dgamma = np.sum(dout, axis=0) * np.sum(x, axis=0)
    dbeta = np.sum(dout, axis=0)
    return dx, dgamma, dbeta


def make_scale_shift(rng):
    return rng.normal(size=(5, 4)), rng.normal(size=4) + 2, rng.normal(size=4)


WRONG.add(
    "scale: product of sums",
    (scale_shift_forward, scale_shift_backward),
    make_scale_shift,
    "dgamma",
    "wrong_formula",
)


def divide_temperature_forward(logits, tau):
    return logits / tau, (logits, tau)


def divide_temperature_backward(dout, cache):
    logits, tau = cache
    dlogits = dout / tau
    dtau = np.sum(dout * logits) / tau**2
    return dlogits, dtau


def make_temperature(rng):
    return rng.normal(size=(3, 5)), np.array(rng.uniform(1.5, 3.0))


WRONG.add(
    "scale: quotient without its minus",
    (divide_temperature_forward, divide_temperature_backward),
    make_temperature,
    "dtau",
    "sign_flip",
)


# ---------------------------------------------------------------- matrix of products
class TiedAutoencoder:
    """x W W^T."""

    @staticmethod
    def forward(x, W):
        code = x @ W
        return code @ W.T, (x, W, code)

    @staticmethod
    def backward(dout, cache):
        x, W, code = cache
        dcode = dout @ W
        dW = x.T @ dcode
        dx = dcode @ W.T
        return dx, dW


def make_tied(rng):
    return rng.normal(size=(4, 5)), rng.normal(size=(5, 3))


WRONG.add(
    "affine: tied weights counted once",
    (TiedAutoencoder.forward, TiedAutoencoder.backward),
    make_tied,
    "dW",
    "missing_path",
)


def quadratic_form_forward(x, A):
    Ax = x @ A.T
    return np.sum(x * Ax, axis=1), (x, A, Ax)


def quadratic_form_backward(dout, cache):
    x, A, Ax = cache
    dx = dout[:, None] * Ax
    dA = np.einsum("n,ni,nj->ij", dout, x, x)
    return dx, dA


def make_quadratic(rng):
    return rng.normal(size=(5, 3)), rng.normal(size=(3, 3))


WRONG.add(
    "quadratic form: one of two terms",
    (quadratic_form_forward, quadratic_form_backward),
    make_quadratic,
    "dx",
    "missing_path",
)


def bilinear_forward(x1, x2, W):
    left = x1 @ W
    return (left * x2).sum(axis=1), (x1, x2, W)


def bilinear_backward(dout, cache):
    x1, x2, W = cache
    g = dout.reshape(-1, 1)
    d_left = g * (x2 @ W.T)
    d_right = g * (x1 @ W)
    dW = (g * x1).T @ x2
    return d_right, d_left, dW


def make_bilinear(rng):
    return rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), rng.normal(size=(3, 3))


WRONG.add(
    "bilinear: inputs returned in the wrong order",
    (bilinear_forward, bilinear_backward),
    make_bilinear,
    "dx1 dx2",
    "swapped_outputs",
)


def weight_norm_forward(x, v, g):
    norm = np.sqrt((v**2).sum(axis=0))
    w = g * v / norm
    return x @ w, (x, v, g, norm, w)


def weight_norm_backward(dout, cache):
    x, v, g, norm, w = cache
    dw = x.T @ dout
    dg = (dw * v).sum(axis=0) / norm
    dv = dw * g / norm
    return dout @ w.T, dv, dg


def make_weight_norm(rng):
    return rng.normal(size=(4, 5)), rng.normal(size=(5, 3)), rng.uniform(0.5, 2.0, size=3)


WRONG.add(
    "weight norm: norm held constant",
    (weight_norm_forward, weight_norm_backward),
    make_weight_norm,
    "dv",
    "missing_path",
)


def low_rank_forward(x, U, V):
    h = x @ U
    return h @ V, (x, U, V, h)


def low_rank_backward(dout, cache):
    x, U, V, h = cache
    dV = x.T @ dout
    dh = dout @ V.T
    dU = x.T @ dh
    dx = dh @ U.T
    return dx, dU, dV


def make_low_rank(rng):
    return rng.normal(size=(5, 3)), rng.normal(size=(3, 3)), rng.normal(size=(3, 6))


WRONG.add(
    "affine: second factor from x",
    (low_rank_forward, low_rank_backward),
    make_low_rank,
    "dV",
    "wrong_tensor",
)


def outer_forward(a, b):
    return a[:, :, None] * b[:, None, :], (a, b)


def outer_backward(dout, cache):
    a, b = cache
    da = (dout * b[:, None, :]).sum(axis=1)
    db = (dout * a[:, :, None]).sum(axis=1)
    return da, db


def make_outer(rng):
    return rng.normal(size=(4, 3)), rng.normal(size=(4, 3))


WRONG.add(
    "outer product: both reduced over one axis",
    (outer_forward, outer_backward),
    make_outer,
    "da",
    "wrong_axis",
)


def bmm_forward(a, b):
    return np.einsum("nij,njk->nik", a, b), (a, b)


def bmm_backward(dout, cache):
    a, b = cache
    da = np.einsum("nik,nkj->nij", dout, b)
    db = np.einsum("nij,nik->njk", a, dout)
    return da, db


def make_bmm(rng):
    return rng.normal(size=(3, 2, 4)), rng.normal(size=(3, 4, 4))


WRONG.add(
    "batched matmul: second operand not transposed",
    (bmm_forward, bmm_backward),
    make_bmm,
    "da",
    "transposed",
)


def inverse_forward(A):
    B = np.linalg.inv(A)
    return B, B


def inverse_backward(dB, B):
    return -B @ dB @ B


def logdet_forward(A):
    _, value = np.linalg.slogdet(A)
    return value, A


def logdet_backward(dout, A):
    return dout * np.linalg.inv(A)


def make_matrix(rng):
    return (rng.normal(size=(4, 4)) + 4 * np.eye(4),)


WRONG.add(
    "matrix inverse: factors not transposed",
    (inverse_forward, inverse_backward),
    make_matrix,
    "dA",
    "transposed",
)
WRONG.add(
    "log determinant: inverse not transposed",
    (logdet_forward, logdet_backward),
    make_matrix,
    "dA",
    "transposed",
)


def gram_forward(features):
    C = features.shape[0]
    F = features.reshape(C, -1)
    return F @ F.T / F.size, F


def gram_backward(dG, F):
    dF = dG @ F / F.size
    return dF.reshape(F.shape[0], 2, -1)


def make_gram(rng):
    return (rng.normal(size=(3, 2, 4)),)


WRONG.add(
    "gram matrix: one of two factors",
    (gram_forward, gram_backward),
    make_gram,
    "dfeatures",
    "missing_path",
)


# ---------------------------------------------------------------- distances and scalings
def pairwise_distance_forward(x, centers):
    diff = x[:, None, :] - centers[None, :, :]
    return np.sum(diff**2, axis=2), diff


def pairwise_distance_backward(dout, diff):
    d = dout[:, :, None] * diff
    return d.sum(axis=1), -d.sum(axis=0)


def rbf_forward(x, centers, log_width):
    diff = x[:, None, :] - centers[None, :, :]
    sq = np.sum(diff * diff, axis=-1)
    phi = np.exp(-np.exp(log_width) * sq)
    return phi, dict(diff=diff, sq=sq, phi=phi, width=np.exp(log_width))


def rbf_backward(dphi, cache):
    diff, sq, phi, width = cache["diff"], cache["sq"], cache["phi"], cache["width"]
    darg = dphi * phi
    dlog_width = -(darg * sq).sum(axis=0) * width
    ddiff = -2.0 * (darg * width)[:, :, None] * diff
    return ddiff.sum(axis=1), ddiff.sum(axis=0), dlog_width


def make_distance(rng):
    return rng.normal(size=(5, 2)), rng.normal(size=(3, 2))


def make_rbf(rng):
    return rng.normal(size=(5, 2)), rng.normal(size=(3, 2)), -1 + 0.3 * rng.normal(size=3)


WRONG.add(
    "distance: two of the square missing",
    (pairwise_distance_forward, pairwise_distance_backward),
    make_distance,
    "dx dcenters",
    "constant_scale",
    "chain_factor",
)
WRONG.add(
    "rbf: centres move the wrong way",
    (rbf_forward, rbf_backward),
    make_rbf,
    "dcenters",
    "sign_flip",
)


def ntk_linear_forward(x, w):
    fan_in = w.shape[0]
    return x @ w / np.sqrt(fan_in), (x, w)


def ntk_linear_backward(dout, cache):
    x, w = cache
    fan_in = w.shape[0]
    dw = x.T @ dout
    dx = dout @ w.T / np.sqrt(fan_in)
    return dx, dw


def make_ntk(rng):
    return rng.normal(size=(3, 7)), rng.normal(size=(7, 5))


WRONG.add(
    "affine: width scaling left out of dw",
    (ntk_linear_forward, ntk_linear_backward),
    make_ntk,
    "dw",
    "constant_scale",
)


def centred_linear_forward(x, w):
    centred = x - x.mean(axis=0)
    return centred @ w, (centred, w)


def centred_linear_backward(dout, cache):
    centred, w = cache
    return dout @ w.T, centred.T @ dout


def make_centred(rng):
    return rng.normal(size=(4, 3)) + 1, rng.normal(size=(3, 5))


WRONG.add(
    "affine: centring forgotten",
    (centred_linear_forward, centred_linear_backward),
    make_centred,
    "dx",
    "missing_path",
)


def pruned_forward(x, w, mask):
    w_eff = w * mask
    return x @ w_eff, (x, w, mask)


def pruned_backward(dout, cache):
    x, w, mask = cache
    dx = dout @ w.T
    dw = (x.T @ dout) * mask
    return dx, dw


def make_pruned(rng):
    mask = np.ones((5, 4))
    mask.flat[rng.permutation(20)[:8]] = 0
    return rng.normal(size=(3, 5)), rng.normal(size=(5, 4)), mask


WRONG.add(
    "affine: unpruned weights in dx",
    (pruned_forward, pruned_backward),
    make_pruned,
    "dx",
    "wrong_tensor",
    "wrong_mask",
)


# ---------------------------------------------------------------- feature maps
def poly_features_forward(x, w):
    phi = np.concatenate([x, x**2], axis=1)
    return phi @ w, (x, phi, w)


def poly_features_backward(dout, cache):
    x, phi, w = cache
    d = x.shape[1]
    dphi = dout @ w.T
    dx = dphi[:, :d]
    return dx, phi.T @ dout


def make_poly(rng):
    return rng.normal(size=(5, 3)), rng.normal(size=(6, 2))


WRONG.add(
    "affine: squared features ignored",
    (poly_features_forward, poly_features_backward),
    make_poly,
    "dx",
    "missing_path",
)


def fm_forward(x, V):
    s = x @ V
    return 0.5 * (s**2 - (x**2) @ (V**2)).sum(axis=1), (x, V, s)


def fm_backward(dout, cache):
    x, V, s = cache
    g = dout[:, None]
    dx = (g * s) @ V.T - g * x * (V**2).sum(axis=1)
    dV = x.T @ (g * s)
    return dx, dV


def make_fm(rng):
    return rng.normal(size=(5, 4)), rng.normal(size=(4, 3))


WRONG.add(
    "factorisation machine: self term missing",
    (fm_forward, fm_backward),
    make_fm,
    "dV",
    "missing_path",
)
