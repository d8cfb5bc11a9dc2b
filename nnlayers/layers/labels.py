"""Checks of what the losses over classes share: labels, rows of probabilities, masks and weights.

Legend: N batch, T time, C classes; a position is one entry of (N,) or (N, T), and labels count from
0 along the last axis of the scores.
"""

import math

import numpy as np

from nnlayers.layers.checks import complaint, one_float
from nnlayers.layers.loss import check_finite


def scores_and_y(op, name, scores, y):
    """Return scores and y as arrays, and whether y are labels; else they are probabilities."""
    scores = one_float(op, scores, name)
    if y.__class__ is not np.ndarray:
        y = np.asarray(y)
    if scores.ndim < 2 or scores.shape[-1] == 0:
        raise complaint(
            ValueError,
            op,
            f"{name} must be (N, C) or (N, T, C) with at least one class",
            **{name: scores},
            y=y,
        )
    labelled = y.shape == scores.shape[:-1]
    if not labelled and y.shape != scores.shape:
        forms = f"labels {scores.shape[:-1]} or probabilities {scores.shape}"
        raise unlike(op, name, scores, y, forms)
    return scores, y, labelled


def unlike(op, name, scores, y, forms):
    """Return the error of a y whose shape does not fit."""
    positions = scores.shape[:-1]
    fix = f"y.reshape{positions} if it has the labels" if y.size == math.prod(positions) else None
    return complaint(ValueError, op, f"y must be {forms}", fix, **{name: scores}, y=y)


def which_count(op, name, scores, y, mask, ignore_index):
    """Return which positions count; None for all."""
    if mask is None and ignore_index is None:
        return None
    positions = scores.shape[:-1]
    if mask is not None:
        mask = np.asarray(mask)
        if mask.shape != positions:
            raise complaint(
                ValueError,
                op,
                f"mask must have one entry for each position, {positions}",
                **{name: scores},
                mask=mask,
            )
        if mask.dtype.kind != "b" and not ((mask == 0) | (mask == 1)).all():
            raise complaint(
                ValueError, op, "mask must be True or False, or 1 or 0, everywhere", mask=mask
            )
        mask = mask.astype(bool)
    if ignore_index is None:
        return mask
    if y.shape != positions:
        raise complaint(
            ValueError,
            op,
            f"ignore_index={ignore_index} needs labels, but y are probabilities",
            "mask says which positions count",
            **{name: scores},
            y=y,
        )
    counted = y != ignore_index
    return counted if mask is None else counted & mask


def places_of(op, name, scores, y, kept):
    """Return where the labels stand in the flattened scores, after checking them."""
    if y.dtype.kind not in "iu":
        raise complaint(
            TypeError,
            op,
            f"labels y must be integers, not {y.dtype}",
            "y.astype(int) if they count classes from 0",
            **{name: scores},
            y=y,
        )
    labels = y.astype(np.intp, copy=False)
    if kept is not None:
        labels = np.where(kept, labels, 0)
    C = scores.shape[-1]
    # seen as unsigned, a negative label is a huge one: one comparison finds both mistakes
    if labels.size and np.maximum.reduce(labels.view(np.uintp), axis=None) >= C:
        at = tuple(int(i) for i in np.argwhere((labels < 0) | (labels >= C))[0])
        raise complaint(
            ValueError,
            op,
            f"y[{', '.join(map(str, at))}] = {y[at]} is no label of {C} classes",
            f"labels count from 0 to {C - 1}",
            **{name: scores},
            y=y,
        )
    flat = labels if labels.ndim == 1 else labels.reshape(labels.size)
    return np.arange(0, labels.size * C, C) + flat  # row n begins at n C


def probabilities_of(op, scores, y, kept):
    """Return rows of probabilities in the dtype of scores, after checking those that count."""
    if y.dtype.kind not in "biuf":
        raise complaint(TypeError, op, f"y must be real numbers, not {y.dtype}", scores=scores, y=y)
    y = y.astype(scores.dtype, copy=False)
    if kept is not None:
        y = np.where(kept[..., None], y, 1.0 / scores.shape[-1])
    check_finite(op, y=y)
    sums, least = y.sum(axis=-1), y.min(axis=-1)
    wrong = (np.abs(sums - 1.0) > 1e-3) | (least < 0)
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise complaint(
            ValueError,
            op,
            f"y[{', '.join(map(str, at))}] is no row of probabilities: it sums to "
            f"{sums[at]:.6g}, its least entry is {least[at]:.6g}",
            "divide each row by its sum",
            scores=scores,
            y=y,
        )
    return y


def class_weights_of(op, name, scores, class_weights):
    """Return the class weights in the dtype of scores; ones for None."""
    C = scores.shape[-1]
    if class_weights is None:
        return np.ones(C, scores.dtype)
    weights = np.asarray(class_weights, scores.dtype)
    if weights.shape != (C,) or not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise complaint(
            ValueError,
            op,
            f"class_weights must be {C} numbers that are not negative, one for each class",
            **{name: scores},
            class_weights=class_weights,
        )
    return weights
