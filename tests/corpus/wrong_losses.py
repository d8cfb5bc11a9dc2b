"""Cross-entropy and negative log-likelihood, each with one fault in its backward pass."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, labelled

# cross-entropy of softmax


def softmax_loss(x, y):
    shifted_logits = x - np.max(x, axis=1, keepdims=True)
    Z = np.sum(np.exp(shifted_logits), axis=1, keepdims=True)
    log_probs = shifted_logits - np.log(Z)
    probs = np.exp(log_probs)
    N = x.shape[0]
    loss = -np.sum(log_probs[np.arange(N), y]) / N
    return loss, (probs, y)


def softmax_loss_backward_not_averaged(dout, cache):
    probs, y = cache
    dx = probs.copy()
    dx[np.arange(len(y)), y] -= 1
    return dx * dout


def softmax_loss_backward_averaged_over_everything(dout, cache):
    probs, y = cache
    dx = probs.copy()
    dx[np.arange(len(y)), y] -= 1
    dx /= dx.size
    return dx * dout


def softmax_loss_backward_without_label(dout, cache):
    probs, y = cache
    N = probs.shape[0]
    dx = dout * probs / N
    return dx


def softmax_loss_backward_reversed(dout, cache):
    probs, y = cache
    N, C = probs.shape
    one_hot = np.zeros((N, C))
    one_hot[np.arange(N), y] = 1
    return dout * (one_hot - probs) / N


def softmax_loss_backward_all_rows(dout, cache):
    probs, y = cache
    N = probs.shape[0]
    dx = probs.copy()
    dx[:, y] -= 1
    return dout * dx / N


def softmax_loss_backward_no_dout(dout, cache):
    probs, y = cache
    N = probs.shape[0]
    dx = probs.copy()
    dx[np.arange(N), y] -= 1
    dx /= N
    return dx


def softmax_loss_backward_times_softmax_derivative(dout, cache):
    probs, y = cache
    N = probs.shape[0]
    dx = probs.copy()
    dx[np.arange(N), y] -= 1
    dx *= probs * (1 - probs)
    return dout * dx / N


def smoothed_loss(scores, y, smoothing=0.2):
    N, C = scores.shape
    z = scores - scores.max(1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(1, keepdims=True))
    target = np.full((N, C), smoothing / C)
    target[np.arange(N), y] += 1 - smoothing
    return -(target * logp).sum() / N, (logp, target, y)


def smoothed_loss_backward_hard_labels(dout, cache):
    logp, target, y = cache
    N, C = logp.shape
    hard = np.eye(C)[y]
    return dout * (np.exp(logp) - hard) / N


def weighted_loss(scores, y, class_weights=(0.5, 2.0, 1.5, 3.0)):
    cw = np.asarray(class_weights)[y]
    z = scores - scores.max(axis=1, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    loss = np.mean(-cw * np.log(p[np.arange(len(y)), y]))
    return loss, {"p": p, "y": y, "cw": cw}


def weighted_loss_backward_without_weights(dout, cache):
    p, y = cache["p"], cache["y"]
    N = len(y)
    g = p.copy()
    g[np.arange(N), y] -= 1
    return dout * g / N


def temporal_softmax_loss(x, y, mask):
    N, T, V = x.shape
    flat = x.reshape(N * T, V)
    y_flat = y.reshape(N * T)
    mask_flat = mask.reshape(N * T)
    probs = np.exp(flat - flat.max(axis=1, keepdims=True))
    probs /= probs.sum(axis=1, keepdims=True)
    loss = -np.sum(mask_flat * np.log(probs[np.arange(N * T), y_flat])) / N
    return loss, (probs, y_flat, mask_flat, x.shape)


def temporal_softmax_loss_backward_unmasked(dout, cache):
    probs, y_flat, mask_flat, shape = cache
    N, T, V = shape
    dx_flat = probs.copy()
    dx_flat[np.arange(N * T), y_flat] -= 1
    dx_flat *= dout / N
    return dx_flat.reshape(N, T, V)


# negative log-likelihood of given log-probabilities


def nll_forward(logp, y):
    N = logp.shape[0]
    loss = 0.0
    for i in range(N):
        loss -= logp[i, y[i]]
    return loss / N, (logp.shape, y)


def nll_backward_last_row_left(dout, cache):
    shape, y = cache
    N = shape[0]
    dlogp = np.zeros(shape)
    for i in range(N - 1):
        dlogp[i, y[i]] = -dout / N
    return dlogp


def nll_backward_label_from_one(dout, cache):
    shape, y = cache
    N = shape[0]
    dlogp = np.zeros(shape)
    dlogp[np.arange(N), y - 1] = -dout / N
    return dlogp


def sentences(rng):
    mask = np.array([[True, True, True, False], [True, True, False, False]])
    return rng.standard_normal((2, 4, 5)), rng.integers(0, 5, (2, 4)), mask


def wrong(name, forward, backward, make, gradient, cause, also=(), **options):
    return Specimen(name, forward, backward, make, options, (gradient,), cause, also)


SCORES = labelled(5, 4)


WRONG = [
    wrong(
        "cross-entropy: not divided by N",
        softmax_loss,
        softmax_loss_backward_not_averaged,
        SCORES,
        "dx",
        "batch_scale",
    ),
    wrong(
        "cross-entropy: divided by N * C",
        softmax_loss,
        softmax_loss_backward_averaged_over_everything,
        labelled(5, 3),
        "dx",
        "constant_scale",
    ),
    wrong(
        "cross-entropy: 1 not subtracted at the label",
        softmax_loss,
        softmax_loss_backward_without_label,
        SCORES,
        "dx",
        "missing_path",
        ("wrong_formula",),
    ),
    wrong(
        "cross-entropy: one-hot minus p",
        softmax_loss,
        softmax_loss_backward_reversed,
        SCORES,
        "dx",
        "sign_flip",
    ),
    wrong(
        "cross-entropy: 1 subtracted in every row",
        softmax_loss,
        softmax_loss_backward_all_rows,
        SCORES,
        "dx",
        "wrong_index",
    ),
    wrong(
        "cross-entropy: not multiplied by dout",
        softmax_loss,
        softmax_loss_backward_no_dout,
        SCORES,
        "dx",
        "dout_ignored",
    ),
    wrong(
        "cross-entropy: softmax derived once more",
        softmax_loss,
        softmax_loss_backward_times_softmax_derivative,
        SCORES,
        "dx",
        "chain_factor",
    ),
    wrong(
        "cross-entropy, smoothed labels: hard labels in backward",
        smoothed_loss,
        smoothed_loss_backward_hard_labels,
        SCORES,
        "dscores",
        "wrong_tensor",
        ("wrong_formula",),
        smoothing=0.2,
    ),
    wrong(
        "cross-entropy, class weights: left out",
        weighted_loss,
        weighted_loss_backward_without_weights,
        SCORES,
        "dscores",
        "chain_factor",
    ),
    wrong(
        "temporal cross-entropy: mask left out",
        temporal_softmax_loss,
        temporal_softmax_loss_backward_unmasked,
        sentences,
        "dx",
        "wrong_mask",
    ),
    wrong(
        "nll: last example left out",
        nll_forward,
        nll_backward_last_row_left,
        SCORES,
        "dlogp",
        "partial_fill",
    ),
    wrong(
        "nll: label off by one",
        nll_forward,
        nll_backward_label_from_one,
        SCORES,
        "dlogp",
        "wrong_index",
        ("rearranged",),
    ),
]
