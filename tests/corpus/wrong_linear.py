"""Affine layers in other layouts and their relations, each with one fault."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, normal


def fc_forward(X, W, b):
    Y = np.zeros((X.shape[0], W.shape[1]))
    for n in range(X.shape[0]):
        Y[n] = X[n] @ W + b
    return Y, {"X": X, "W": W}


def fc_backward_last_example(dout, cache):
    X, W = cache["X"], cache["W"]
    dX = np.zeros_like(X)
    dW = np.zeros_like(W)
    db = np.zeros(W.shape[1])
    for n in range(X.shape[0]):
        dX[n] = W @ dout[n]
        dW = np.outer(X[n], dout[n])
        db += dout[n]
    return dX, dW, db


def fc_backward_stops_early(dout, cache):
    X, W = cache["X"], cache["W"]
    num_outputs = W.shape[1]
    dX = dout @ W.T
    dW = np.zeros_like(W)
    db = np.zeros(num_outputs)
    for j in range(num_outputs - 1):
        dW[:, j] = X.T @ dout[:, j]
        db[j] = dout[:, j].sum()
    return dX, dW, db


# weights stored as (outputs, inputs)


def linear_forward(x, weight, bias):
    out = x @ weight.T + bias
    return out, (x, weight, out)


def linear_backward_grad_of_weight_t(dout, cache):
    x, weight, out = cache
    return dout @ weight, x.T @ dout, dout.sum(0)


def linear_backward_from_output(dout, cache):
    x, weight, out = cache
    grad_input = dout @ weight
    grad_weight = dout.T @ out
    grad_bias = dout.sum(0)
    return grad_input, grad_weight, grad_bias


# one example is a column


def linear_columns_forward(A_prev, W, b):
    Z = np.dot(W, A_prev) + b
    return Z, (A_prev, W, b)


def linear_columns_backward_one_over_m(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    dW = 1 / m * np.dot(dZ, A_prev.T)
    db = 1 / m * np.sum(dZ, axis=1, keepdims=True)
    dA_prev = np.dot(W.T, dZ)
    return dA_prev, dW, db


# thresholds are subtracted


def perceptron_forward(x, w, theta):
    return x @ w - theta, (x, w)


def perceptron_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


# each output has a gain


def gain_forward(x, w, g):
    z = x @ w
    return g * z, (x, w, g, z)


def gain_backward_dw_before_gain(dout, cache):
    x, w, g, z = cache
    dg = np.sum(dout * z, axis=0)
    dz = dout * g
    dx = dz @ w.T
    dw = x.T @ dout
    return dx, dw, dg


# low-rank adapter


def lora_forward(x, A, B, alpha=8.0):
    r = A.shape[1]
    low = x @ A
    return low @ B * (alpha / r), (x, A, B, low, alpha / r)


def lora_backward_without_alpha(dout, cache):
    x, A, B, low, scaling = cache
    dB = low.T @ dout
    dlow = dout @ B.T
    dA = x.T @ dlow
    dx = scaling * (dlow @ A.T)
    return dx, dA, dB


def factored_forward(x, u, v):
    return x @ u @ v, (x, u, v)


def factored_backward_v_as_is(dout, cache):
    x, u, v = cache
    dv = (x @ u).T @ dout
    du = x.T @ (dout @ v)
    dx = dout @ v.T @ u.T
    return dx, du, dv


# bilinear form


def bilinear_forward(x1, W, x2):
    out = np.einsum("ni,kij,nj->nk", x1, W, x2)
    return out, (x1, W, x2)


def bilinear_backward_x1_twice(dout, cache):
    x1, W, x2 = cache
    dx1 = np.einsum("nk,kij,nj->ni", dout, W, x1)
    dW = np.einsum("nk,ni,nj->kij", dout, x1, x2)
    dx2 = np.einsum("nk,kij,ni->nj", dout, W, x1)
    return dx1, dW, dx2


# the same layer at every time step


def temporal_affine_forward(x, w, b):
    N, T, D = x.shape
    M = b.shape[0]
    out = x.reshape(N * T, D).dot(w).reshape(N, T, M) + b
    return out, (x, w, b, out)


def temporal_affine_backward_time_left(dout, cache):
    x, w, b, out = cache
    N, T, D = x.shape
    M = b.shape[0]
    dx = dout.reshape(N * T, M).dot(w.T).reshape(N, T, D)
    dw = dout.reshape(N * T, M).T.dot(x.reshape(N * T, D)).T
    db = dout.sum(axis=0)
    return dx, dw, db


# the bias is the last row of w


def homogeneous_forward(x, w):
    x1 = np.hstack([x, np.ones((x.shape[0], 1))])
    return x1 @ w, (x1, w)


def homogeneous_backward_first_column_cut(dout, cache):
    x1, w = cache
    dx1 = dout @ w.T
    dw = x1.T @ dout
    return dx1[:, 1:], dw


SQUARE = normal((3, 4), (4, 4), (4,))


OBLONG = normal((5, 4), (4, 3), (3,))


def wrong(name, forward, backward, make, gradients, cause, also=(), **options):
    return Specimen(name, forward, backward, make, options, tuple(gradients.split()), cause, also)


WRONG = [
    wrong(
        "linear, weight (out, in): weight's gradient transposed (square)",
        linear_forward,
        linear_backward_grad_of_weight_t,
        SQUARE,
        "dweight",
        "transposed",
    ),
    wrong(
        "linear, examples as columns: dW and db averaged",
        linear_columns_forward,
        linear_columns_backward_one_over_m,
        normal((4, 5), (3, 4), (3, 1)),
        "dW db",
        "batch_scale",
    ),
    wrong(
        "affine, loop over examples: dW of the last example",
        fc_forward,
        fc_backward_last_example,
        OBLONG,
        "dW",
        "overwrite_not_accumulate",
        ("missing_reduction",),
    ),
    wrong(
        "linear: weight's gradient from the output (square)",
        linear_forward,
        linear_backward_from_output,
        SQUARE,
        "dweight",
        "wrong_tensor",
    ),
    wrong(
        "affine, loop over outputs: the last is left out",
        fc_forward,
        fc_backward_stops_early,
        OBLONG,
        "dW db",
        "partial_fill",
    ),
    wrong(
        "perceptron: threshold's gradient as if it were added",
        perceptron_forward,
        perceptron_backward,
        OBLONG,
        "dtheta",
        "sign_flip",
    ),
    wrong(
        "affine with gain: dw takes dout before the gain",
        gain_forward,
        gain_backward_dw_before_gain,
        OBLONG,
        "dw",
        "chain_factor",
        ("wrong_tensor",),
    ),
    wrong(
        "low-rank adapter: alpha / r left out of dA and dB",
        lora_forward,
        lora_backward_without_alpha,
        normal((5, 4), (4, 3), (3, 6)),
        "dA dB",
        "constant_scale",
        alpha=8.0,
    ),
    wrong(
        "two factors: du with v not transposed (square)",
        factored_forward,
        factored_backward_v_as_is,
        normal((5, 4), (4, 3), (3, 3)),
        "du",
        "transposed",
    ),
    wrong(
        "bilinear: dx1 uses x1 where x2 belongs",
        bilinear_forward,
        bilinear_backward_x1_twice,
        normal((5, 4), (3, 4, 4), (5, 4)),
        "dx1",
        "wrong_tensor",
    ),
    wrong(
        "temporal affine: db not summed over time",
        temporal_affine_forward,
        temporal_affine_backward_time_left,
        normal((3, 2, 4), (4, 5), (5,)),
        "db",
        "missing_reduction",
    ),
    wrong(
        "affine, bias as last row: dx loses the first column",
        homogeneous_forward,
        homogeneous_backward_first_column_cut,
        normal((5, 4), (5, 3)),
        "dx",
        "wrong_index",
    ),
]
