"""Cross-entropy with labels: of the softmax of scores, and of log-probabilities (nll).

Legend: N batch, T time, C classes; a position is one entry of (N,) or (N, T), and labels count from
0 along the last axis of the scores.
"""

import math

import numpy as np

from nnlayers.layers._products import ones
from nnlayers.layers.checks import ARRAY, bad_cache, complaint, unpack, upstream
from nnlayers.layers.labels import (
    class_weights_of,
    places_of,
    probabilities_of,
    scores_and_y,
    unlike,
    which_count,
)
from nnlayers.layers.loss import Loss, divisor, no_losses

KINDS = (ARRAY, ARRAY, (*ARRAY, float), str)  # of a cache: weights may be one number for all


def softmax_cross_entropy_forward(
    scores,
    y,
    mask=None,
    *,
    reduction="mean",
    class_weights=None,
    label_smoothing=0.0,
    ignore_index=None,
):
    """Cross-entropy between the softmax of the scores and the labels.

    lossₙ = -Σ꜀ tₙ꜀ log pₙ꜀, with pₙ꜀ = e^scoresₙ꜀ / Σⱼ e^scoresₙⱼ and t the one-hot form of y

    With class weights v and label smoothing ε, v꜀ ((1 - ε) tₙ꜀ + ε/C) takes the place of tₙ꜀.

    Parameters
    ----------
    scores : ndarray, shape (N, C) or (N, T, C)
        Scores (logits) of C classes.
    y : ndarray, shape (N,) or (N, T) of int, or the shape of scores
        Labels from 0 to C - 1, or at each position a row of probabilities (one-hot or soft).
    mask : ndarray, shape (N,) or (N, T), optional
        True where a position counts; elsewhere its loss is 0, and its label may be anything.
    reduction : {"mean", "batchmean", "sum", "none"}
        "mean" is over all positions that count (a position of class c counts v꜀ times), "batchmean"
        divides their sum by N, so that a sequence's losses are summed over time.
    class_weights : array_like, shape (C,), optional
        v, not negative; ones if left out.
    label_smoothing : float
        ε, from 0 to 1.
    ignore_index : int, optional
        A label that marks positions that do not count, as a mask does.

    Returns
    -------
    out : scalar or ndarray, shape (N,) or (N, T)
        Loss, in nats.
    cache : tuple
        What :func:`softmax_cross_entropy_backward` needs.

    Raises
    ------
    TypeError
        If scores are not floating-point, or labels are no integers.
    ValueError
        If a label is out of range, a row of probabilities does not sum to 1, shapes disagree, a
        setting is out of range, or the mean of no losses is asked for.

    Source
    ------
    cs231n notes, "Linear classification: softmax classifier"; label smoothing: Szegedy et al.,
    "Rethinking the Inception architecture for computer vision" (2016), section 7.

    Examples
    --------
    >>> loss, cache = softmax_cross_entropy_forward(np.zeros((2, 10)), np.array([3, 7]))
    >>> bool(np.isclose(loss, np.log(10)))
    True
    """
    op = "softmax_cross_entropy_forward"
    scores, y, labelled = scores_and_y(op, "scores", scores, y)
    positions, C = scores.shape[:-1], scores.shape[-1]
    kept = which_count(op, "scores", scores, y, mask, ignore_index)
    if labelled:
        target = places_of(op, "scores", scores, y, kept)
    else:
        target = probabilities_of(op, scores, y, kept)
    counts = each = None if kept is None else kept.astype(scores.dtype)
    if class_weights is not None or label_smoothing:
        v = class_weights_of(op, "scores", scores, class_weights)
        smoothing = _smoothing(op, label_smoothing)
        if labelled:
            counts = _times(v[target % C].reshape(positions), each)
            target = _one_hot(target, scores)
        target = ((1.0 - smoothing) * target + smoothing / C) * v
    rows = scores if scores.ndim == 2 else scores.reshape(math.prod(positions), C)
    # subtracting the largest score changes no probability and lets no exponential overflow
    shifted = np.subtract(rows, _largest(rows)[:, None], order="C")
    p = np.exp(shifted)
    total = p.dot(ones(C, p.dtype))  # BLAS sums short rows several times faster than p.sum(axis=1)
    # -log p = log Σⱼ e^shiftedⱼ - shifted, weighted by t
    losses = np.log(total)
    if target.ndim == 1:
        losses -= shifted.reshape(rows.size)[target]
    else:
        losses = (target.reshape(rows.shape) * (losses[:, None] - shifted)).sum(axis=1)
    p /= total[:, None]
    weights = _weights(op, reduction, positions, each, counts)
    if scores.ndim != 2:
        losses, p = losses.reshape(positions), p.reshape(scores.shape)
    return _total(losses, weights, reduction), (p, target, weights, reduction)


def softmax_cross_entropy_backward(dout, cache):
    """Gradient of the cross-entropy of a softmax: dscores = (p Σ꜀t꜀ - t) · dout, over N for a mean.

    lossₙ = Σ꜀ tₙ꜀ (log Σⱼ e^sₙⱼ - sₙ꜀) with s the scores.  ∂/∂sₙᵢ of the logarithm is
    e^sₙᵢ / Σⱼ e^sₙⱼ = pₙᵢ, so ∂lossₙ/∂sₙᵢ = pₙᵢ Σ꜀ tₙ꜀ - tₙᵢ; for a label y it is p, less 1 at y.
    """
    op = "softmax_cross_entropy_backward"
    p, target, weights, reduction = unpack(op, cache, ("p", "t", "weights", "reduction"), KINDS)
    dlosses = _dlosses(op, dout, p, weights, reduction)
    if target.ndim == 1:
        dscores = p * dlosses
        # t is 1 at the places of the labels and 0 elsewhere
        dscores.reshape(p.size)[target] -= dlosses.ravel() if dlosses.ndim else dlosses
        return dscores
    return (p * target.sum(axis=-1, keepdims=True) - target) * dlosses


def nll_forward(
    log_probs, y, mask=None, *, reduction="mean", class_weights=None, ignore_index=None
):
    """Negative log-likelihood of the labels, given log-probabilities.

    lossₙ = -v_yₙ log_probsₙ,yₙ, with v the class weights

    After :func:`log_softmax_forward` it is :func:`softmax_cross_entropy_forward`, in two steps.

    Parameters
    ----------
    log_probs : ndarray, shape (N, C) or (N, T, C)
        Logarithms of probabilities of C classes.
    y : ndarray of int, shape (N,) or (N, T)
        Labels from 0 to C - 1.
    mask : ndarray, shape (N,) or (N, T), optional
        True where a position counts; elsewhere its loss is 0, and its label may be anything.
    reduction : {"mean", "batchmean", "sum", "none"}
        As for :func:`softmax_cross_entropy_forward`.
    class_weights : array_like, shape (C,), optional
        v, not negative; ones if left out.
    ignore_index : int, optional
        A label that marks positions that do not count, as a mask does.

    Returns
    -------
    out : scalar or ndarray, shape (N,) or (N, T)
        Loss, in nats.
    cache : tuple
        What :func:`nll_backward` needs.

    Raises
    ------
    TypeError
        If log_probs are not floating-point, or labels are no integers.
    ValueError
        If a label is out of range, shapes disagree, a setting is out of range, or the mean of no
        losses is asked for.

    Source
    ------
    Bishop, "Pattern recognition and machine learning" (2006), eq. (4.108).

    Examples
    --------
    >>> log_probs = np.log(np.array([[0.25, 0.75], [0.5, 0.5]]))
    >>> nll_forward(log_probs, np.array([1, 0]), reduction="none")[0].round(4)
    array([0.2877, 0.6931])
    """
    op = "nll_forward"
    log_probs, y, labelled = scores_and_y(op, "log_probs", log_probs, y)
    if not labelled:
        raise unlike(op, "log_probs", log_probs, y, f"labels {log_probs.shape[:-1]}")
    kept = which_count(op, "log_probs", log_probs, y, mask, ignore_index)
    places = places_of(op, "log_probs", log_probs, y, kept)
    each = None if kept is None else kept.astype(log_probs.dtype)
    if class_weights is not None:
        v = class_weights_of(op, "log_probs", log_probs, class_weights)
        each = _times(v[places % log_probs.shape[-1]].reshape(y.shape), each)
    weights = _weights(op, reduction, y.shape, each, each)
    losses = -log_probs.reshape(log_probs.size)[places].reshape(y.shape)
    return _total(losses, weights, reduction), (log_probs, places, weights, reduction)


def nll_backward(dout, cache):
    """Gradient of the negative log-likelihood: -v_y · dout at the labels, over N for a mean.

    lossₙ contains the log-probability of its label alone, with the factor -v_y; all other
    derivatives are 0.
    """
    op = "nll_backward"
    entries = "log_probs", "places", "weights", "reduction"
    log_probs, places, weights, reduction = unpack(op, cache, entries, KINDS)
    if places.dtype.kind != "i":
        raise bad_cache(op, cache, entries)
    dlosses = _dlosses(op, dout, log_probs, weights, reduction)
    dlog_probs = np.zeros(log_probs.shape, log_probs.dtype)
    dlog_probs.reshape(log_probs.size)[places] = -dlosses.reshape(dlosses.size)
    return dlog_probs


class SoftmaxCrossEntropy(Loss):
    """Layer of :func:`softmax_cross_entropy_forward`: ``forward(scores, y)``, perhaps with a mask.

    Examples
    --------
    >>> loss, cache = SoftmaxCrossEntropy().forward(np.zeros((1, 2)), np.array([0]))
    >>> SoftmaxCrossEntropy().backward(1.0, cache)
    array([[-0.5,  0.5]])
    """

    pair = softmax_cross_entropy_forward, softmax_cross_entropy_backward
    inputs = ("scores", "y", "mask")
    optional = 1

    def __init__(
        self, *, reduction="mean", class_weights=None, label_smoothing=0.0, ignore_index=None
    ):
        super().__init__(reduction=reduction)
        self.settings |= {
            "class_weights": _plain(class_weights),
            "label_smoothing": _smoothing("SoftmaxCrossEntropy", label_smoothing),
            "ignore_index": ignore_index,
        }


class NLL(Loss):
    """Layer of :func:`nll_forward`: ``forward(log_probs, y)``, perhaps with a mask.

    Examples
    --------
    >>> loss, cache = NLL().forward(np.log(np.array([[0.25, 0.75]])), np.array([1]))
    >>> NLL().backward(1.0, cache)
    array([[ 0., -1.]])
    """

    pair = nll_forward, nll_backward
    inputs = ("log_probs", "y", "mask")
    optional = 1

    def __init__(self, *, reduction="mean", class_weights=None, ignore_index=None):
        super().__init__(reduction=reduction)
        self.settings |= {"class_weights": _plain(class_weights), "ignore_index": ignore_index}


def _largest(rows):
    """Return the largest entry of each row."""
    # over short rows NumPy reduces several times faster along the first axis than along the last
    return np.maximum.reduce(rows.T.copy()) if rows.shape[1] <= 64 else rows.max(axis=1)


def _one_hot(places, scores):
    """Return an array like scores that is 1 at these places and 0 elsewhere."""
    one_hot = np.zeros(scores.shape, scores.dtype)
    one_hot.reshape(scores.size)[places] = 1.0
    return one_hot


def _times(a, b):
    return a if b is None else a * b


def _weights(op, reduction, positions, each, counts):
    """Return what the loss of each position is multiplied by in out: a number, or (*positions).

    ``each`` are the positions' own weights, and ``counts`` what they count in the mean; None is 1.
    """
    if reduction == "mean" and counts is not None:
        count = float(counts.sum())
        if count == 0.0:
            raise no_losses(op, reduction)
    else:
        count = divisor(op, reduction, positions)
    return 1.0 / count if each is None else each / count


def _total(losses, weights, reduction):
    """Return what the reduction makes of the weighted losses."""
    losses = losses * weights  # before they are summed, which could overflow
    return losses if reduction == "none" else np.add.reduce(losses, axis=None)


def _dlosses(op, dout, scores, weights, reduction):
    """Return the gradient of each position's loss, with an axis for the classes."""
    shape = scores.shape[:-1] if reduction == "none" else ()
    dlosses = upstream(op, dout, shape, scores.dtype) * weights
    return dlosses[..., None] if dlosses.ndim else dlosses


def _smoothing(op, label_smoothing):
    """Return the label smoothing as a Python float, which leaves float32 as it is."""
    smoothing = float(label_smoothing)
    if not 0.0 <= smoothing <= 1.0:
        raise complaint(ValueError, op, f"label_smoothing must lie from 0 to 1, not {smoothing}")
    return smoothing


def _plain(class_weights):
    """Return class weights as a tuple of floats, which repr shows in a form to paste."""
    return None if class_weights is None else tuple(float(weight) for weight in class_weights)
