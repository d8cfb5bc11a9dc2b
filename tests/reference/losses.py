"""Losses, example by example."""

import math

import numpy as np


def reduce(losses, reduction):
    """Apply a reduction to an array of losses."""
    if reduction == "none":
        return losses
    total = math.fsum(losses.flat)
    return total / losses.size if reduction == "mean" else total


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


def softmax_cross_entropy(scores, y, reduction="mean"):
    losses = np.zeros(len(scores))
    for n, row in enumerate(scores):
        log_total = math.log(sum(math.exp(score) for score in row))
        for c, score in enumerate(row):
            weight = float(y[n] == c) if y.ndim == 1 else y[n, c]
            losses[n] -= weight * (score - log_total)
    return reduce(losses, reduction)


def mse(pred, target, reduction="mean"):
    losses = np.zeros(pred.shape)
    for index in np.ndindex(*pred.shape):
        losses[index] = (pred[index] - target[index]) ** 2
    return reduce(losses, reduction)
