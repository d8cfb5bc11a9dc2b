"""Hinge losses and binary cross-entropies, each with one fault in its backward pass."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, labelled

# multi-class support vector machine


def svm_loss(x, y, margin=1.0):
    N = x.shape[0]
    correct = x[np.arange(N), y]
    margins = np.maximum(0, x - correct[:, np.newaxis] + margin)
    margins[np.arange(N), y] = 0
    return np.sum(margins) / N, (x, y, margins)


def svm_loss_backward_correct_class_left(dout, cache):
    x, y, margins = cache
    N = x.shape[0]
    dx = np.zeros_like(x)
    dx[margins > 0] = 1
    return dout * dx / N


def svm_loss_backward_margin_above_one(dout, cache):
    x, y, margins = cache
    N = x.shape[0]
    violated = margins > 1
    num_pos = np.sum(violated, axis=1)
    dx = violated.astype(x.dtype)
    dx[np.arange(N), y] -= num_pos
    return dout * dx / N


def svm_loss_backward_correct_class_set(dout, cache):
    x, y, margins = cache
    N, C = x.shape
    dx = np.zeros(x.shape)
    for i in range(N):
        for j in range(C):
            if j != y[i] and margins[i, j] > 0:
                dx[i, j] += 1
                dx[i, y[i]] = -1
    return dout * dx / N


def svm_loss_backward_counts_disagree(dout, cache):
    x, y, margins = cache
    N = x.shape[0]
    reached = x - x[np.arange(N), y][:, None] + 1.0 >= 0
    reached[np.arange(N), y] = False
    dx = reached.astype(float)
    dx[np.arange(N), y] = -np.sum(margins > 0, axis=1)
    return dout * dx / N


def squared_hinge(scores, y):
    N = len(y)
    m = np.maximum(0, 1 + scores - scores[np.arange(N), y].reshape(-1, 1))
    m[np.arange(N), y] = 0
    return np.sum(m**2) / N, (m, y)


def squared_hinge_backward_no_two(dout, cache):
    m, y = cache
    N = len(y)
    d = m.copy()
    d[np.arange(N), y] = -m.sum(axis=1)
    return dout * d / N


# binary cross-entropy


def bce_forward(p, y):
    loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    return loss, (p, y)


def bce_backward_of_logits(dout, cache):
    p, y = cache
    return dout * (p - y) / p.size


def bce_backward_positives_only(dout, cache):
    p, y = cache
    return -dout * (y / p) / p.size


def bce_backward_reversed(dout, cache):
    p, y = cache
    dp = (y / p - (1 - y) / (1 - p)) / p.size
    return dout * dp


def bce_with_logits_forward(z, y):
    loss = np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z))))
    return loss, (z, y)


def bce_with_logits_backward_sigmoid_again(dout, cache):
    z, y = cache
    s = 1 / (1 + np.exp(-z))
    return dout * (s - y) * s * (1 - s) / z.size


def bce_with_logits_backward_not_averaged(dout, cache):
    z, y = cache
    s = 1 / (1 + np.exp(-z))
    return dout * (s - y)


def bce_with_logits_backward_logits_for_probs(dout, cache):
    z, y = cache
    return dout * (z - y) / len(z)


def probabilities(rng):
    y = np.array([1.0, 0.0, 1.0, 1.0, 0.0])
    return rng.uniform(0.1, 0.9, 5), y


def logits(rng):
    return rng.standard_normal(6), np.array([1.0, 0.0, 0.0, 1.0, 0.0, 1.0])


def at_the_margin(rng):
    x = rng.integers(-8, 8, (4, 5)) / 4
    y = rng.integers(0, 5, 4)
    x[0, y[0]] = 0.25
    x[0, (y[0] + 2) % 5] = x[0, y[0]] - 1
    x[3, (y[3] + 1) % 5] = x[3, y[3]] - 1
    return x, y


def wrong(name, forward, backward, make, gradient, cause, also=(), **options):
    return Specimen(name, forward, backward, make, options, (gradient,), cause, also)


SCORES = labelled(5, 4)


WRONG = [
    wrong(
        "svm: nothing for the correct class",
        svm_loss,
        svm_loss_backward_correct_class_left,
        SCORES,
        "dx",
        "missing_path",
        ("partial_fill",),
        margin=1.0,
    ),
    wrong(
        "svm: margins above 1",
        svm_loss,
        svm_loss_backward_margin_above_one,
        labelled(6, 5),
        "dx",
        "wrong_mask",
    ),
    wrong(
        "svm, loops: correct class set to -1",
        svm_loss,
        svm_loss_backward_correct_class_set,
        labelled(6, 5),
        "dx",
        "overwrite_not_accumulate",
    ),
    wrong(
        "svm: exactly at the margin one class counts, the other not",
        svm_loss,
        svm_loss_backward_counts_disagree,
        at_the_margin,
        "dx",
        "kink_value",
    ),
    wrong(
        "squared hinge: 2 left out",
        squared_hinge,
        squared_hinge_backward_no_two,
        labelled(5, 3),
        "dscores",
        "constant_scale",
    ),
    wrong(
        "bce: logits' formula for probabilities",
        bce_forward,
        bce_backward_of_logits,
        probabilities,
        "dp",
        "chain_factor",
        ("wrong_formula",),
    ),
    wrong(
        "bce: only the term with y",
        bce_forward,
        bce_backward_positives_only,
        probabilities,
        "dp",
        "missing_path",
    ),
    wrong(
        "bce: minus left out", bce_forward, bce_backward_reversed, probabilities, "dp", "sign_flip"
    ),
    wrong(
        "bce with logits: sigmoid's derivative again",
        bce_with_logits_forward,
        bce_with_logits_backward_sigmoid_again,
        logits,
        "dz",
        "chain_factor",
    ),
    wrong(
        "bce with logits: not averaged",
        bce_with_logits_forward,
        bce_with_logits_backward_not_averaged,
        logits,
        "dz",
        "batch_scale",
    ),
    wrong(
        "bce with logits: z - y",
        bce_with_logits_forward,
        bce_with_logits_backward_logits_for_probs,
        logits,
        "dz",
        "wrong_tensor",
    ),
]
