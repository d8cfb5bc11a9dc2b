"""Losses and reductions, example by example."""

import math

import numpy as np


def reduce(losses, reduction, count=None):
    """Apply a reduction to an array of losses; count is what a mean divides by."""
    if reduction == "none":
        return losses
    total = math.fsum(losses.flat)
    if reduction == "mean":
        return total / (losses.size if count is None else count)
    return total / len(losses) if reduction == "batchmean" else total


def total(x, axis=None, keepdims=False):
    if axis is None:
        return math.fsum(x.flat)
    axes = sorted({a % x.ndim for a in np.atleast_1d(axis)})
    out = np.zeros([1 if a in axes else n for a, n in enumerate(x.shape)])
    for index in np.ndindex(*x.shape):
        out[tuple(0 if a in axes else i for a, i in enumerate(index))] += x[index]
    return out if keepdims else out.reshape([n for a, n in enumerate(x.shape) if a not in axes])


def mean(x, axis=None, keepdims=False):
    sums = total(x, axis, keepdims)
    return sums / (x.size / np.size(sums)) if x.size else sums


def largest(x, axis=None, keepdims=False):
    axes = range(x.ndim) if axis is None else {a % x.ndim for a in np.atleast_1d(axis)}
    out = np.full([1 if a in axes else n for a, n in enumerate(x.shape)], -math.inf)
    for index in np.ndindex(*x.shape):
        place = tuple(0 if a in axes else i for a, i in enumerate(index))
        if x[index] > out[place]:
            out[place] = x[index]
    return out if keepdims else out.reshape([n for a, n in enumerate(x.shape) if a not in axes])


def softmax_cross_entropy(
    scores,
    y,
    mask=None,
    reduction="mean",
    class_weights=None,
    label_smoothing=0.0,
    ignore_index=None,
):
    C = scores.shape[-1]
    v = [1.0] * C if class_weights is None else class_weights
    losses, count = np.zeros(scores.shape[:-1]), 0.0
    for position in np.ndindex(*losses.shape):
        labelled = y.ndim < scores.ndim
        if (mask is not None and not mask[position]) or (labelled and y[position] == ignore_index):
            continue
        count += v[y[position]] if labelled else 1.0
        row = scores[position]
        log_total = math.log(sum(math.exp(score) for score in row))
        for c, score in enumerate(row):
            t = float(y[position] == c) if labelled else y[(*position, c)]
            t = (1 - label_smoothing) * t + label_smoothing / C
            losses[position] -= v[c] * t * (score - log_total)
    return reduce(losses, reduction, count)


def nll(log_probs, y, mask=None, reduction="mean", class_weights=None, ignore_index=None):
    v = [1.0] * log_probs.shape[-1] if class_weights is None else class_weights
    losses, count = np.zeros(y.shape), 0.0
    for position in np.ndindex(*y.shape):
        label = y[position]
        if (mask is None or mask[position]) and label != ignore_index:
            losses[position] = -v[label] * log_probs[(*position, label)]
            count += v[label]
    return reduce(losses, reduction, count)


def hinge(scores, y, margin=1.0, reduction="mean"):
    losses = np.zeros(y.shape)
    for n, label in enumerate(y):
        for j, score in enumerate(scores[n]):
            if j != label:
                losses[n] += max(0.0, score - scores[n, label] + margin)
    return reduce(losses, reduction)


def entrywise(loss):
    """Make a loss of arrays of a loss of two numbers."""

    def apply(pred, target, reduction="mean", **settings):
        losses = np.zeros(pred.shape)
        for index in np.ndindex(*pred.shape):
            losses[index] = loss(float(pred[index]), float(target[index]), **settings)
        return reduce(losses, reduction)

    return apply


mse = entrywise(lambda pred, target: (pred - target) ** 2)
l1 = entrywise(lambda pred, target: math.fabs(pred - target))
kl_divergence = entrywise(
    lambda log_pred, target: target * (math.log(target) - log_pred) if target > 0 else 0.0
)


@entrywise
def huber(pred, target, delta=1.0):
    error = math.fabs(pred - target)
    return error**2 / 2 if error <= delta else delta * (error - delta / 2)


@entrywise
def bce(p, t):
    return -(t * math.log(p) + (1 - t) * math.log(1 - p))


@entrywise
def bce_with_logits(s, t):
    p = 1 / (1 + math.exp(-s))
    return -(t * math.log(p) + (1 - t) * math.log(1 - p))


def cosine_embedding(a, b, y, margin=0.0, reduction="mean"):
    losses = np.zeros(len(a))
    for n in range(len(a)):
        product = sum(p * q for p, q in zip(a[n], b[n]))
        cosine = product / math.sqrt(sum(p * p for p in a[n])) / math.sqrt(sum(q * q for q in b[n]))
        losses[n] = 1 - cosine if y[n] else max(0.0, cosine - margin)
    return reduce(losses, reduction)


def contrastive(a, b, y, margin=1.0, reduction="mean"):
    losses = np.zeros(len(a))
    for n in range(len(a)):
        distance = math.dist(a[n], b[n])
        losses[n] = distance**2 / 2 if y[n] else max(0.0, margin - distance) ** 2 / 2
    return reduce(losses, reduction)


def triplet(anchor, positive, negative, margin=1.0, reduction="mean"):
    losses = np.zeros(len(anchor))
    for n, a in enumerate(anchor):
        losses[n] = max(0.0, math.dist(a, positive[n]) - math.dist(a, negative[n]) + margin)
    return reduce(losses, reduction)
