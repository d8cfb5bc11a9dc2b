"""Small networks and blocks made of several layers."""

import numpy as np

from blind.shelf import note
from corpus.specimen import normal

WRONG = []


def two_layer_forward(X, W1, b1, W2, b2):
    z1 = X @ W1 + b1
    a1 = np.maximum(z1, 0)
    scores = a1 @ W2 + b2
    return scores, {"X": X, "W1": W1, "W2": W2, "z1": z1, "a1": a1}


def two_layer_backward_no_relu(dscores, cache):
    dW2 = cache["a1"].T @ dscores
    db2 = np.sum(dscores, axis=0)
    dhidden = dscores @ cache["W2"].T
    dW1 = cache["X"].T @ dhidden
    db1 = np.sum(dhidden, axis=0)
    dX = dhidden @ cache["W1"].T
    return dX, dW1, db1, dW2, db2


def two_layer_backward_dw2_before_relu(dscores, cache):
    X, W1, W2, z1, a1 = (cache[k] for k in ("X", "W1", "W2", "z1", "a1"))
    dW2 = z1.T @ dscores
    db2 = dscores.sum(axis=0)
    da1 = dscores @ W2.T
    dz1 = da1 * (z1 > 0)
    return dz1 @ W1.T, X.T @ dz1, dz1.sum(axis=0), dW2, db2


def two_layer_backward_mask_of_gradient(dscores, cache):
    X, W1, W2, z1, a1 = (cache[k] for k in ("X", "W1", "W2", "z1", "a1"))
    grads = {}
    grads["W2"] = a1.T.dot(dscores)
    grads["b2"] = dscores.sum(axis=0)
    dh = dscores.dot(W2.T)
    dh[dh < 0] = 0
    grads["W1"] = X.T.dot(dh)
    grads["b1"] = dh.sum(axis=0)
    return dh.dot(W1.T), grads["W1"], grads["b1"], grads["W2"], grads["b2"]


two_layers = normal((5, 3), (3, 6), (6,), (6, 2), (2,))
note(
    WRONG,
    "two-layer net: relu forgotten on the way back",
    two_layer_forward,
    two_layer_backward_no_relu,
    two_layers,
    "dX dW1 db1",
    "chain_factor",
    "wrong_mask",
)
note(
    WRONG,
    "two-layer net: dW2 from z1 instead of a1",
    two_layer_forward,
    two_layer_backward_dw2_before_relu,
    two_layers,
    "dW2",
    "wrong_tensor",
)
note(
    WRONG,
    "two-layer net: relu applied to the gradient",
    two_layer_forward,
    two_layer_backward_mask_of_gradient,
    two_layers,
    "dX dW1 db1",
    "dout_nonlinear",
    "wrong_mask",
)


def residual_forward(x, w1, w2):
    u = np.tanh(x @ w1)
    return x + u @ w2, (x, w1, w2, u)


def residual_backward_no_skip(dout, cache):
    x, w1, w2, u = cache
    dw2 = u.T @ dout
    du = dout @ w2.T
    dz = du * (1 - u**2)
    return dz @ w1.T, x.T @ dz, dw2


def residual_backward_skip_only(dout, cache):
    x, w1, w2, u = cache
    dz = (dout @ w2.T) * (1 - u**2)
    dx = dout.copy()
    return dx, x.T @ dz, u.T @ dout


note(
    WRONG,
    "residual: skip connection lacking in dx",
    residual_forward,
    residual_backward_no_skip,
    normal((3, 4), (4, 5), (5, 4)),
    "dx",
    "missing_path",
)
note(
    WRONG,
    "residual: only the skip connection in dx",
    residual_forward,
    residual_backward_skip_only,
    normal((3, 4), (4, 5), (5, 4)),
    "dx",
    "missing_path",
)


def highway_forward(x, wt, wh):
    t = 1 / (1 + np.exp(-x @ wt))
    h = np.tanh(x @ wh)
    return t * h + (1 - t) * x, (x, wt, wh, t, h)


def highway_backward(dout, cache):
    x, wt, wh, t, h = cache
    dt = dout * h
    dh = dout * t
    dat = dt * t * (1 - t)
    dah = dh * (1 - h**2)
    dx = dout * (1 - t) + dat @ wt.T + dah @ wh.T
    return dx, x.T @ dat, x.T @ dah


note(
    WRONG,
    "highway: gate without its carry path",
    highway_forward,
    highway_backward,
    normal((4, 3), (3, 3), (3, 3)),
    "dx dwt",
    "missing_path",
    "wrong_tensor",
)


def squeeze_excite_forward(x, w):
    """x (N, C, L): channels weighted by a gate made of their means."""
    s = x.mean(axis=2)
    g = 1 / (1 + np.exp(-(s @ w)))
    return x * g[:, :, None], (x, w, s, g)


def squeeze_excite_backward(dout, cache):
    x, w, s, g = cache
    dg = (dout * x).sum(axis=2)
    dz = dg * g * (1 - g)
    dw = s.T @ dz
    ds = dz @ w.T
    dx = dout * g[:, :, None] + ds[:, :, None]
    return dx, dw


note(
    WRONG,
    "squeeze and excite: 1/L of the mean lacking on one path",
    squeeze_excite_forward,
    squeeze_excite_backward,
    normal((2, 3, 5), (3, 3)),
    "dx",
    "constant_scale",
    "chain_factor wrong_formula missing_path",
)


def factorization_forward(x, V):
    """Second-order terms of a factorization machine."""
    xv = x @ V
    out = 0.5 * (xv**2 - (x**2) @ (V**2)).sum(axis=1)
    return out, (x, V, xv)


def factorization_backward(dout, cache):
    x, V, xv = cache
    d = dout[:, None]
    dx = d * (xv @ V.T)
    dV = x.T @ (d * xv) - (x**2).T @ d * V
    return dx, dV


note(
    WRONG,
    "factorization machine: squares lacking in dx",
    factorization_forward,
    factorization_backward,
    normal((3, 4), (4, 2)),
    "dx",
    "missing_path",
)


def sandwich_forward(x, w, gamma, beta):
    """Affine, batch norm, relu."""
    a = x @ w
    mean, std = a.mean(0), np.sqrt(a.var(0) + 1e-5)
    h = (a - mean) / std
    z = gamma * h + beta
    return np.maximum(z, 0), (x, w, gamma, std, h, z)


def sandwich_backward(dout, cache):
    x, w, gamma, std, h, z = cache
    dz = dout * (z > 0)
    dgamma = (dout * h).sum(axis=0)
    dbeta = dout.sum(axis=0)
    dh = dz * gamma
    da = (dh - dh.mean(0) - h * (dh * h).mean(0)) / std
    return da @ w.T, x.T @ da, dgamma, dbeta


note(
    WRONG,
    "sandwich: gamma and beta learn from before the relu",
    sandwich_forward,
    sandwich_backward,
    normal((6, 3), (3, 4), (4,), (4,)),
    "dgamma dbeta",
    "chain_factor",
    "wrong_mask wrong_tensor",
)


class MLP:
    """Any number of tanh layers, weights in one list."""

    def forward(self, x, w0, w1, w2):
        hs = [x]
        for w in (w0, w1, w2):
            hs.append(np.tanh(hs[-1] @ w))
        return hs[-1], (hs, (w0, w1, w2))

    def backward(self, dout, cache):
        hs, ws = cache
        grads = []
        delta = dout * (1 - hs[3] ** 2)
        for i in (2, 1, 0):
            grads.append(hs[i].T @ delta)
            delta = delta @ ws[i].T
            if i > 1:
                delta = delta * (1 - hs[i] ** 2)
        grads.append(delta)
        return tuple(grads[::-1])


note(
    WRONG,
    "deep net: last tanh on the way back left out",
    MLP().forward,
    MLP().backward,
    normal((3, 4), (4, 5), (5, 3), (3, 2)),
    "dx dw0",
    "chain_factor",
)


def squared_norm_loss_forward(x, w):
    """0.5 |x w|^2 / N."""
    s = x @ w
    return 0.5 * np.sum(s * s) / len(x), (x, w, s)


def squared_norm_loss_backward(dloss, cache):
    x, w, s = cache
    ds = s / len(x)
    dw = dloss * x.T @ ds
    dx = ds @ w.T
    return dx, dw


note(
    WRONG,
    "two-layer net: dloss reaches dw but not dx",
    squared_norm_loss_forward,
    squared_norm_loss_backward,
    normal((4, 3), (3, 2)),
    "dx",
    "dout_ignored",
)


def mean_rows_forward(x):
    return x.mean(axis=1), x.shape


def mean_rows_backward(dout, shape):
    N, D = shape
    return np.tile(dout[:, None], (1, D))


note(
    WRONG,
    "mean: 1/D forgotten",
    mean_rows_forward,
    mean_rows_backward,
    normal((3, 5)),
    "dx",
    "constant_scale",
)


def standard_score_forward(x):
    sd = x.std(axis=0)
    return x / sd, (x, sd)


def standard_score_backward(dout, cache):
    x, sd = cache
    N = x.shape[0]
    dsd = -(dout * x).sum(axis=0) / sd**2
    return dout / sd + dsd * x / (N * sd)


note(
    WRONG,
    "deviation: mean not subtracted in its derivative",
    standard_score_forward,
    standard_score_backward,
    normal((5, 3)),
    "dx",
    "wrong_tensor",
    "wrong_formula missing_path",
)


def logsumexp_forward(x):
    m = x.max(axis=1)
    return m + np.log(np.exp(x - m[:, None]).sum(axis=1)), (x, m)


def logsumexp_backward(dout, cache):
    x, m = cache
    e = np.exp(x - m[:, None])
    return dout[:, None] * e / e.sum(axis=0)


note(
    WRONG,
    "logsumexp: normalised down the columns",
    logsumexp_forward,
    logsumexp_backward,
    normal((4, 3)),
    "dx",
    "wrong_axis",
)


def quantised_backward(dscores, cache):
    X, W1, W2, z1, a1 = (cache[k] for k in ("X", "W1", "W2", "z1", "a1"))
    dz1 = np.round(dscores @ W2.T * (z1 > 0), 2)
    dW1 = np.round(X.T @ dz1, 2)
    return dz1 @ W1.T, dW1, dz1.sum(axis=0), a1.T @ dscores, dscores.sum(axis=0)


note(
    WRONG,
    "two-layer net: gradients rounded to two places",
    two_layer_forward,
    quantised_backward,
    two_layers,
    "dX dW1 db1",
    "precision_loss",
    "dout_nonlinear",
)


def integer_embedding_forward(ids, table):
    return table[ids], (ids, table.shape)


def integer_embedding_backward(dout, cache):
    ids, shape = cache
    buffer = np.zeros(shape, dtype=ids.dtype)
    for i, row in zip(ids, dout):
        buffer[i] += row.astype(buffer.dtype)
    return buffer.astype(dout.dtype)


def make_ids(rng):
    return np.array([2, 0, 2, 3]), rng.normal(size=(5, 3))


note(
    WRONG,
    "embedding: buffer has the type of the indices",
    integer_embedding_forward,
    integer_embedding_backward,
    make_ids,
    "dtable",
    "precision_loss",
    "dout_nonlinear",
)


def half_softmax_forward(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    return p, p.astype(np.float16)  # saves memory


def half_softmax_backward(dout, saved):
    p = saved.astype(dout.dtype)
    return p * (dout - np.sum(dout * p, axis=-1, keepdims=True))


note(
    WRONG,
    "softmax: probabilities kept in half precision",
    half_softmax_forward,
    half_softmax_backward,
    normal((3, 5)),
    "dx",
    "precision_loss",
)
