"""Wrong small networks and compound layers."""

import numpy as np

from blind.shelf import note
from corpus.specimen import normal

WRONG = []


def residual_forward(x, W1, W2):
    h = np.maximum(x @ W1, 0)
    return x + h @ W2, (x, W1, W2, h)


def residual_backward_no_skip(dout, cache):
    x, W1, W2, h = cache
    dW2 = h.T @ dout
    dh = (dout @ W2.T) * (h > 0)
    return dh @ W1.T, x.T @ dh, dW2


def residual_backward_no_relu(dout, cache):
    x, W1, W2, h = cache
    dh = dout @ W2.T
    return dout + dh @ W1.T, x.T @ dh, h.T @ dout


note(
    WRONG,
    "residual block: skip connection forgotten",
    residual_forward,
    residual_backward_no_skip,
    normal((4, 3), (3, 5), (5, 3)),
    "dx",
    "missing_path",
)
note(
    WRONG,
    "residual block: relu forgotten",
    residual_forward,
    residual_backward_no_relu,
    normal((4, 3), (3, 5), (5, 3)),
    "dx dW1",
    "chain_factor",
    "wrong_mask",
)


class TwoLayerNet:
    @staticmethod
    def loss(x, y, W1, b1, W2, b2, reg=0.3):
        a = x @ W1 + b1
        h = np.tanh(a)
        s = h @ W2 + b2
        s = s - s.max(1, keepdims=True)
        p = np.exp(s) / np.exp(s).sum(1, keepdims=True)
        n = np.arange(len(y))
        value = -np.log(p[n, y]).mean() + 0.5 * reg * (np.sum(W1**2) + np.sum(W2**2))
        return value, {"x": x, "h": h, "p": p, "y": y, "W1": W1, "W2": W2, "reg": reg}

    @staticmethod
    def grads(c):
        d = c["p"].copy()
        N = len(d)
        d[np.arange(N), c["y"]] -= 1
        d /= N
        dW2 = c["h"].T @ d
        da = d @ c["W2"].T * (1 - c["h"] ** 2)
        return da @ c["W1"].T, c["x"].T @ da, da.sum(0), dW2, d.sum(0)

    @staticmethod
    def backward_no_reg(dout, c):
        return tuple(dout * g for g in TwoLayerNet.grads(c))

    @staticmethod
    def backward_double_reg(dout, c):
        dx, dW1, db1, dW2, db2 = TwoLayerNet.grads(c)
        dW1 += 2 * c["reg"] * c["W1"]
        dW2 += 2 * c["reg"] * c["W2"]
        return dout * dx, dout * dW1, dout * db1, dout * dW2, dout * db2

    @staticmethod
    def backward_ignoring(dout, c):
        dx, dW1, db1, dW2, db2 = TwoLayerNet.grads(c)
        dW1 = dW1 + c["reg"] * c["W1"]
        dW2 = dW2 + c["reg"] * c["W2"]
        return dx, dW1, db1, dW2, db2


def net_inputs(rng):
    return (
        rng.normal(size=(5, 4)),
        rng.integers(0, 2, size=5),
        rng.normal(size=(4, 3)),
        rng.normal(size=3),
        rng.normal(size=(3, 2)),
        rng.normal(size=2),
    )


note(
    WRONG,
    "two-layer net: penalty left out",
    TwoLayerNet.loss,
    TwoLayerNet.backward_no_reg,
    net_inputs,
    "dW1 dW2",
    "missing_path",
)
note(
    WRONG,
    "two-layer net: penalty counted twice",
    TwoLayerNet.loss,
    TwoLayerNet.backward_double_reg,
    net_inputs,
    "dW1 dW2",
    "wrong_formula",
    "constant_scale",
)
note(
    WRONG,
    "two-layer net: dout unused",
    TwoLayerNet.loss,
    TwoLayerNet.backward_ignoring,
    net_inputs,
    "dx dW1 db1 dW2 db2",
    "dout_ignored",
)


def affine_relu_forward(x, w, b):
    z = x @ w + b
    return np.maximum(z, 0), (x, w, z)


def affine_relu_backward_x(dout, cache):
    x, w, z = cache
    dz = dout * (z > 0)
    dx = dout @ w.T
    return dx, x.T @ dz, dz.sum(axis=0)


def affine_relu_backward_int(dout, cache):
    x, w, z = cache
    dz = dout * (z > 0)
    dw = np.zeros(w.shape, dtype=int)
    for n in range(len(x)):
        dw += np.outer(10 * x[n], dz[n]).astype(int)
    return dz @ w.T, dw / 10, dz.sum(axis=0)


def affine_relu_backward_plus(dout, cache):
    x, w, z = cache
    out = np.maximum(z, 0)
    dz = dout * (x @ w > 0)
    return dz @ w.T, x.T @ dz, dz.sum(axis=0)


note(
    WRONG,
    "affine relu: dx taken before the relu",
    affine_relu_forward,
    affine_relu_backward_x,
    normal((4, 3), (3, 5), (5,)),
    "dx",
    "chain_factor",
    "wrong_tensor wrong_mask",
)
note(
    WRONG,
    "affine relu: dw collected in integers",
    affine_relu_forward,
    affine_relu_backward_int,
    normal((4, 3), (3, 5), (5,)),
    "dw",
    "precision_loss",
)


def large_bias(rng):
    return rng.normal(size=(4, 3)), rng.normal(size=(3, 5)), np.array([2.0, -2.0, 1.5, -1.5, 3.0])


note(
    WRONG,
    "affine relu: bias left out of the mask",
    affine_relu_forward,
    affine_relu_backward_plus,
    large_bias,
    "dx dw db",
    "wrong_mask",
)


def tied_autoencoder(x, W):
    h = np.tanh(x @ W)
    return h @ W.T, (x, W, h)


def tied_autoencoder_backward(dout, cache):
    x, W, h = cache
    dW = dout.T @ h
    dh = (dout @ W) * (1 - h**2)
    dW = x.T @ dh
    return dh @ W.T, dW


note(
    WRONG,
    "autoencoder: second use of W overwrites the first",
    tied_autoencoder,
    tied_autoencoder_backward,
    normal((4, 5), (5, 3)),
    "dW",
    "overwrite_not_accumulate",
    "missing_path",
)


def highway(x, Wt, Wh):
    t = 1 / (1 + np.exp(-x @ Wt))
    h = np.tanh(x @ Wh)
    return t * h + (1 - t) * x, (x, Wt, Wh, t, h)


def highway_backward(dout, cache):
    x, Wt, Wh, t, h = cache
    dt = dout * (h - x) * t * (1 - t)
    dh = dout * t * (1 - h**2)
    dx = dt @ Wt.T + dh @ Wh.T + dout * t
    return dx, x.T @ dt, x.T @ dh


note(
    WRONG,
    "highway: t for 1 - t on the carry",
    highway,
    highway_backward,
    normal((3, 4), (4, 4), (4, 4)),
    "dx",
    "wrong_tensor",
    "wrong_formula",
)


def film(x, gamma, beta):
    """Scale and shift an image by channel: x (N, C, H, W), gamma (N, C)."""
    return x * gamma[:, :, None, None] + beta[:, :, None, None], (x, gamma)


def film_backward(dout, cache):
    x, gamma = cache
    dgamma = np.sum(dout * x, axis=(2, 3))
    dbeta = np.mean(dout, axis=(2, 3))
    return dout * gamma[:, :, None, None], dgamma, dbeta


note(
    WRONG,
    "channel scale: mean over pixels for beta",
    film,
    film_backward,
    normal((3, 2, 2, 5), (3, 2), (3, 2)),
    "dbeta",
    "constant_scale",
)


def mixture(x, a, b):
    """Two experts weighted by a softmax gate."""
    e = np.exp(x - x.max(1, keepdims=True))
    p = e / e.sum(1, keepdims=True)
    return p[:, :1] * a + p[:, 1:] * b, (p, a, b)


def mixture_backward(dout, cache):
    p, a, b = cache
    da = dout * p[:, 1:]
    db = dout * p[:, :1]
    d0, d1 = (dout * a).sum(1), (dout * b).sum(1)
    dp = np.stack([d0, d1], axis=1)
    dx = p * (dp - (dp * p).sum(1, keepdims=True))
    return dx, da, db


note(
    WRONG,
    "two experts: gates exchanged",
    mixture,
    mixture_backward,
    normal((4, 2), (4, 3), (4, 3)),
    "da db",
    "swapped_outputs",
    "wrong_index wrong_tensor",
)


def concat_forward(a, b):
    return np.concatenate([a, b], axis=1), a.shape[1]


def concat_backward(dout, n):
    da = dout[:, :n].copy()
    db = dout[:, :-n].copy()
    return da, db


note(
    WRONG,
    "concatenation: second slice from the front",
    concat_forward,
    concat_backward,
    normal((3, 2), (3, 2)),
    "db",
    "wrong_index",
)
