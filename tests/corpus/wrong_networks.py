"""Small networks written as one layer, each with one fault in its backward pass."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, normal


def two_layer_forward(X, W1, b1, W2, b2):
    z1 = X.dot(W1) + b1
    h1 = np.maximum(z1, 0)
    scores = h1.dot(W2) + b2
    return scores, (X, W1, W2, z1, h1, scores)


def two_layer_backward_relu_left_out(dscores, cache):
    X, W1, W2, z1, h1, scores = cache
    dW2 = h1.T.dot(dscores)
    db2 = dscores.sum(axis=0)
    dh1 = dscores.dot(W2.T)
    dW1 = X.T.dot(dh1)
    db1 = dh1.sum(axis=0)
    dX = dh1.dot(W1.T)
    return dX, dW1, db1, dW2, db2


def two_layer_backward_second_from_z(dscores, cache):
    X, W1, W2, z1, h1, scores = cache
    dW2 = z1.T.dot(dscores)
    db2 = dscores.sum(axis=0)
    dz1 = dscores.dot(W2.T) * (z1 > 0)
    return dz1.dot(W1.T), X.T.dot(dz1), dz1.sum(axis=0), dW2, db2


def two_layer_backward_w2_as_is(dscores, cache):
    X, W1, W2, z1, h1, scores = cache
    dW2 = h1.T.dot(dscores)
    db2 = dscores.sum(axis=0)
    dz1 = dscores.dot(W2)
    dz1[z1 <= 0] = 0
    return dz1.dot(W1.T), X.T.dot(dz1), dz1.sum(axis=0), dW2, db2


def two_layer_backward_biases_exchanged(dscores, cache):
    X, W1, W2, z1, h1, scores = cache
    grads = {}
    grads["W2"] = h1.T @ dscores
    grads["b1"] = dscores.sum(axis=0)
    dz1 = (dscores @ W2.T) * (h1 > 0)
    grads["W1"] = X.T @ dz1
    grads["b2"] = dz1.sum(axis=0)
    return dz1 @ W1.T, grads["W1"], grads["b1"], grads["W2"], grads["b2"]


# a linear classifier with weight decay


def classifier_loss(W, X, y, reg=0.3):
    N = X.shape[0]
    scores = X.dot(W)
    scores = scores - scores.max(axis=1, keepdims=True)
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    loss = -np.log(p[range(N), y]).mean() + reg * np.sum(W * W)
    return loss, (W, X, y, p, reg)


def classifier_loss_backward_no_decay(dout, cache):
    W, X, y, p, reg = cache
    N = X.shape[0]
    ds = p.copy()
    ds[range(N), y] -= 1
    ds *= dout / N
    return X.T.dot(ds), ds.dot(W.T)


def classifier_loss_backward_decay_halved(dout, cache):
    W, X, y, p, reg = cache
    N = X.shape[0]
    ds = p.copy()
    ds[range(N), y] -= 1
    ds *= dout / N
    dW = X.T.dot(ds) + dout * reg * W
    return dW, ds.dot(W.T)


# residual blocks


def residual_forward(x, W1, W2):
    a = np.tanh(x @ W1)
    return x + a @ W2, (x, W1, W2, a)


def residual_backward_no_shortcut(dout, cache):
    x, W1, W2, a = cache
    dW2 = a.T @ dout
    dz = dout @ W2.T * (1 - a**2)
    dW1 = x.T @ dz
    dx = dz @ W1.T
    return dx, dW1, dW2


def residual_backward_shortcut_only(dout, cache):
    x, W1, W2, a = cache
    dW2 = a.T @ dout
    dz = dout @ W2.T * (1 - a**2)
    dW1 = x.T @ dz
    dx = np.array(dout)
    return dx, dW1, dW2


def residual_backward_tanh_at_input(dout, cache):
    x, W1, W2, a = cache
    dW2 = a.T @ dout
    dz = (dout @ W2.T) * (1 - np.tanh(x) ** 2)
    return dout + dz @ W1.T, x.T @ dz, dW2


# one matrix used twice


def tied_forward(x, w):
    code = x @ w
    return code @ w.T, (x, w, code)


def tied_backward_decoder_only(dout, cache):
    x, w, code = cache
    dcode = dout @ w
    dw = dout.T @ code
    dx = dcode @ w.T
    return dx, dw


def twice_forward(x, w):
    h = np.tanh(x @ w)
    return np.tanh(h @ w), (x, w, h, np.tanh(h @ w))


def twice_backward_overwritten(dout, cache):
    x, w, h, out = cache
    grads = {}
    dz = dout * (1 - out**2)
    grads["w"] = h.T @ dz
    dh = dz @ w.T
    dz = dh * (1 - h**2)
    grads["w"] = x.T @ dz
    grads["x"] = dz @ w.T
    return grads["x"], grads["w"]


# gates


def highway_forward(x, w, v):
    t = 1 / (1 + np.exp(-x @ v))
    h = np.tanh(x @ w)
    return t * h + (1 - t) * x, (x, w, v, t, h)


def highway_backward_carry_unchanged(dout, cache):
    x, w, v, t, h = cache
    dzh = dout * t * (1 - h**2)
    dzt = dout * (h - x) * t * (1 - t)
    dx = dzh @ w.T + dzt @ v.T + dout
    return dx, x.T @ dzh, x.T @ dzt


def highway_backward_gate_from_h(dout, cache):
    x, w, v, t, h = cache
    dzh = dout * t * (1 - h**2)
    dzt = dout * h * t * (1 - t)
    dx = dzh @ w.T + dzt @ v.T + dout * (1 - t)
    return dx, x.T @ dzh, x.T @ dzt


def squeeze_excite_forward(x, w):
    # x (N, C, H, W): each channel is multiplied by a gate made of the channels' means
    s = x.mean(axis=(2, 3))
    g = 1 / (1 + np.exp(-s @ w))
    return x * g[:, :, None, None], (x, w, s, g)


def squeeze_excite_backward_gate_constant(dout, cache):
    x, w, s, g = cache
    dg = np.sum(dout * x, axis=(2, 3))
    da = dg * g * (1 - g)
    dx = dout * g[:, :, None, None]
    return dx, s.T @ da


def squeeze_excite_backward_mean_as_sum(dout, cache):
    x, w, s, g = cache
    dg = np.sum(dout * x, axis=(2, 3))
    da = dg * g * (1 - g)
    ds = da @ w.T
    dx = dout * g[:, :, None, None] + ds[:, :, None, None]
    return dx, s.T @ da


TWO_LAYERS = normal((5, 4), (4, 6), (6,), (6, 3), (3,))
RESIDUAL = normal((5, 3), (3, 4), (4, 3))


def labelled_rows(rng):
    return rng.standard_normal((3, 4)), rng.standard_normal((5, 3)), np.array([0, 3, 1, 2, 1])


def wrong(name, forward, backward, make, gradients, cause, also=(), **options):
    return Specimen(name, forward, backward, make, options, tuple(gradients.split()), cause, also)


WRONG = [
    wrong(
        "two layers: relu's mask left out",
        two_layer_forward,
        two_layer_backward_relu_left_out,
        TWO_LAYERS,
        "dX dW1 db1",
        "chain_factor",
        ("wrong_mask",),
    ),
    wrong(
        "two layers: dW2 from before the relu",
        two_layer_forward,
        two_layer_backward_second_from_z,
        TWO_LAYERS,
        "dW2",
        "wrong_tensor",
    ),
    wrong(
        "two layers: W2 not transposed (square)",
        two_layer_forward,
        two_layer_backward_w2_as_is,
        normal((3, 5), (5, 4), (4,), (4, 4), (4,)),
        "dX dW1 db1",
        "transposed",
    ),
    wrong(
        "two layers: db1 and db2 exchanged (same width)",
        two_layer_forward,
        two_layer_backward_biases_exchanged,
        normal((3, 5), (5, 4), (4,), (4, 4), (4,)),
        "db1 db2",
        "swapped_outputs",
    ),
    wrong(
        "linear classifier: weight decay left out",
        classifier_loss,
        classifier_loss_backward_no_decay,
        labelled_rows,
        "dW",
        "missing_path",
        reg=0.3,
    ),
    wrong(
        "linear classifier: weight decay without 2",
        classifier_loss,
        classifier_loss_backward_decay_halved,
        labelled_rows,
        "dW",
        "wrong_formula",
        ("missing_path",),
        reg=0.3,
    ),
    wrong(
        "residual block: shortcut left out",
        residual_forward,
        residual_backward_no_shortcut,
        RESIDUAL,
        "dx",
        "missing_path",
    ),
    wrong(
        "residual block: shortcut only",
        residual_forward,
        residual_backward_shortcut_only,
        RESIDUAL,
        "dx",
        "missing_path",
    ),
    wrong(
        "residual block: derivative of tanh at x (square)",
        residual_forward,
        residual_backward_tanh_at_input,
        normal((5, 4), (4, 4), (4, 4)),
        "dx dW1",
        "wrong_tensor",
    ),
    wrong(
        "tied weights: decoder's share only",
        tied_forward,
        tied_backward_decoder_only,
        normal((5, 4), (4, 3)),
        "dw",
        "missing_path",
    ),
    wrong(
        "one matrix twice: second gradient replaces the first",
        twice_forward,
        twice_backward_overwritten,
        normal((3, 4), (4, 4)),
        "dw",
        "overwrite_not_accumulate",
        ("missing_path",),
    ),
    wrong(
        "highway: carry without 1 - t",
        highway_forward,
        highway_backward_carry_unchanged,
        normal((3, 4), (4, 4), (4, 4)),
        "dx",
        "chain_factor",
        ("wrong_formula",),
    ),
    wrong(
        "highway: gate's gradient through h only",
        highway_forward,
        highway_backward_gate_from_h,
        normal((3, 4), (4, 4), (4, 4)),
        "dx dv",
        "missing_path",
    ),
    wrong(
        "squeeze and excite: gate taken as constant",
        squeeze_excite_forward,
        squeeze_excite_backward_gate_constant,
        normal((3, 4, 2, 3), (4, 4)),
        "dx",
        "missing_path",
    ),
    wrong(
        "squeeze and excite: mean derived as a sum",
        squeeze_excite_forward,
        squeeze_excite_backward_mean_as_sum,
        normal((3, 4, 2, 3), (4, 4)),
        "dx",
        "chain_factor",
        ("wrong_formula", "constant_scale"),
    ),
]
