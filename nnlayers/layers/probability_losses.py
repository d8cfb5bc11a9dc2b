"""Losses between probabilities: binary cross-entropy (of probabilities, of scores), divergence."""

import numpy as np

from nnlayers.layers.checks import ARRAY, bad_cache, floats, same_shape, unpack
from nnlayers.layers.loss import Loss, check_unit, each, reduce
from nnlayers.layers.sigmoids import logistic

LEAST_LOG = -100.0  # what the logarithm of 0 counts as
LEAST_VARIANCE = 1e-12  # by what bce's gradient divides at least


def bce_forward(pred, target, *, reduction="mean"):
    """Binary cross-entropy of probabilities, over all entries.

    lossᵢ = -(tᵢ log pᵢ + (1 - tᵢ) log(1 - pᵢ)), with p = pred and t = target

    Logarithms are taken as at least -100, so that a loss at p = 0 or 1 is at most 100, never
    infinite.  Scores that a sigmoid would turn into probabilities belong into
    :func:`bce_with_logits_forward`, which is exact.

    Parameters
    ----------
    pred : ndarray
        Probabilities, from 0 to 1.
    target : ndarray
        True probabilities from 0 to 1, mostly 0 and 1, of the shape of pred.
    reduction : {"mean", "batchmean", "sum", "none"}
        What becomes of the entries' losses; "mean" is over all entries, "batchmean" over N alone.

    Returns
    -------
    out : scalar or ndarray
        Loss, in nats.
    cache : tuple
        What :func:`bce_backward` needs.

    Raises
    ------
    TypeError
        If an argument is not floating-point, or the dtypes differ.
    ValueError
        If the shapes differ, an entry is not from 0 to 1, or the mean of no losses is asked for.

    Source
    ------
    TUM I2DL, exercise 4.

    Examples
    --------
    >>> loss, cache = bce_forward(np.array([0.5, 0.0]), np.array([1.0, 1.0]), reduction="none")
    >>> loss.round(4)
    array([  0.6931, 100.    ])
    """
    op = "bce_forward"
    pred, target = floats(op, pred=pred, target=target)
    same_shape(op, pred=pred, target=target)
    check_unit(op, "bce_with_logits_forward takes scores of any size", pred=pred)
    check_unit(op, "targets are probabilities, mostly 0 and 1", target=target)
    with np.errstate(divide="ignore"):  # log 0 is replaced
        log_p = np.maximum(np.log(pred), LEAST_LOG)
        log_not_p = np.maximum(np.log1p(-pred), LEAST_LOG)
    losses = -(target * log_p + (1.0 - target) * log_not_p)
    return reduce(op, losses, reduction), (pred, target, reduction)


def bce_backward(dout, cache):
    """Gradient of binary cross-entropy: dpred = (p - t) / (p (1 - p)) · dout, over n for a mean.

    ∂/∂p of -(t log p + (1 - t) log(1 - p)) is -t/p + (1 - t)/(1 - p) = (p - t) / (p (1 - p)).
    The denominator is taken as at least 1e-12: at p = 0 and 1 the gradient is large, not infinite.
    """
    op = "bce_backward"
    pred, target, reduction = _unpacked(op, cache, "pred")
    slope = (pred - target) / np.maximum(pred * (1.0 - pred), LEAST_VARIANCE)
    return slope * each(op, dout, reduction, pred.shape, pred.dtype)


def bce_with_logits_forward(scores, target, *, reduction="mean"):
    """Binary cross-entropy of scores, over all entries: sigmoid and :func:`bce_forward` in one.

    lossᵢ = log(1 + e^sᵢ) - tᵢ sᵢ = -(tᵢ log σ(sᵢ) + (1 - tᵢ) log(1 - σ(sᵢ))), with s = scores

    Parameters
    ----------
    scores : ndarray
        Scores (logits) of any size.
    target : ndarray
        True probabilities from 0 to 1, mostly 0 and 1, of the shape of scores.
    reduction : {"mean", "batchmean", "sum", "none"}
        What becomes of the entries' losses; "mean" is over all entries, "batchmean" over N alone.

    Returns
    -------
    out : scalar or ndarray
        Loss, in nats.
    cache : tuple
        What :func:`bce_with_logits_backward` needs.

    Raises
    ------
    TypeError
        If an argument is not floating-point, or the dtypes differ.
    ValueError
        If the shapes differ, a target is not from 0 to 1, or the mean of no losses is asked for.

    Source
    ------
    Bishop, "Pattern recognition and machine learning" (2006), eq. (4.90).

    Examples
    --------
    >>> scores, target = np.array([0.0, -1000.0]), np.array([1.0, 1.0])
    >>> bce_with_logits_forward(scores, target, reduction="none")[0].round(4).tolist()
    [0.6931, 1000.0]
    """
    op = "bce_with_logits_forward"
    scores, target = floats(op, scores=scores, target=target)
    same_shape(op, scores=scores, target=target)
    check_unit(op, "targets are probabilities, mostly 0 and 1", target=target)
    # log(1 + eˢ) = max(s, 0) + log(1 + e^-|s|), so that no exponential overflows
    losses = np.maximum(scores, 0.0) - target * scores + np.log1p(np.exp(-np.abs(scores)))
    return reduce(op, losses, reduction), (scores, target, reduction)


def bce_with_logits_backward(dout, cache):
    """Gradient of binary cross-entropy of scores: dscores = (σ(s) - t) · dout, over n for a mean.

    d log(1 + eˢ)/ds = eˢ / (1 + eˢ) = σ(s), and d(t s)/ds = t.
    """
    op = "bce_with_logits_backward"
    scores, target, reduction = _unpacked(op, cache, "scores")
    return (logistic(scores) - target) * each(op, dout, reduction, scores.shape, scores.dtype)


def kl_divergence_forward(log_pred, target, *, reduction="mean"):
    """Kullback-Leibler divergence from predicted log-probabilities to a target, entry by entry.

    lossᵢ = tᵢ (log tᵢ - log_predᵢ), which is 0 where tᵢ = 0

    Summed over the classes it is the divergence of one example; "batchmean" gives the mean of those
    over the N examples, while "mean" divides by the number of entries.

    Parameters
    ----------
    log_pred : ndarray
        Predicted log-probabilities, as from :func:`log_softmax_forward`.
    target : ndarray
        True probabilities from 0 to 1, of the shape of log_pred.
    reduction : {"mean", "batchmean", "sum", "none"}
        What becomes of the entries' losses.

    Returns
    -------
    out : scalar or ndarray
        Divergence, in nats.
    cache : tuple
        What :func:`kl_divergence_backward` needs.

    Raises
    ------
    TypeError
        If an argument is not floating-point, or the dtypes differ.
    ValueError
        If the shapes differ, a target is not from 0 to 1, or the mean of no losses is asked for.

    Source
    ------
    Kullback, Leibler, "On information and sufficiency" (1951), eq. (2.4).

    Examples
    --------
    >>> pred, target = np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]])
    >>> float(kl_divergence_forward(np.log(pred), target, reduction="batchmean")[0].round(4))
    0.6931
    """
    op = "kl_divergence_forward"
    log_pred, target = floats(op, log_pred=log_pred, target=target)
    same_shape(op, log_pred=log_pred, target=target)
    check_unit(op, "a target is probabilities, not their logarithms", target=target)
    # where t = 0, the 1 keeps the logarithm finite, and t makes the product 0
    losses = target * (np.log(np.where(target > 0, target, 1.0)) - log_pred)
    return reduce(op, losses, reduction), (target, reduction)


def kl_divergence_backward(dout, cache):
    """Gradient of the divergence: dlog_pred = -t · dout, over n or N for a mean.

    tᵢ log tᵢ is a constant, and -tᵢ log_predᵢ is linear.
    """
    op = "kl_divergence_backward"
    target, reduction = unpack(op, cache, ("target", "reduction"), (ARRAY, str))
    return -target * each(op, dout, reduction, target.shape, target.dtype)


class BCE(Loss):
    """Layer of :func:`bce_forward`: ``forward(pred, target)``.

    Examples
    --------
    >>> float(BCE().forward(np.array([[0.5]]), np.array([[1.0]]))[0].round(4))
    0.6931
    """

    pair = bce_forward, bce_backward
    inputs = ("pred", "target")


class BCEWithLogits(Loss):
    """Layer of :func:`bce_with_logits_forward`: ``forward(scores, target)``.

    Examples
    --------
    >>> float(BCEWithLogits().forward(np.array([[0.0]]), np.array([[1.0]]))[0].round(4))
    0.6931
    """

    pair = bce_with_logits_forward, bce_with_logits_backward
    inputs = ("scores", "target")


class KLDivergence(Loss):
    """Layer of :func:`kl_divergence_forward`: ``forward(log_pred, target)``.

    Examples
    --------
    >>> log_pred, target = np.log(np.array([[0.5, 0.5]])), np.array([[1.0, 0.0]])
    >>> float(KLDivergence(reduction="batchmean").forward(log_pred, target)[0].round(4))
    0.6931
    """

    pair = kl_divergence_forward, kl_divergence_backward
    inputs = ("log_pred", "target")


def _unpacked(op, cache, name):
    """Return the entries of a cache: what was predicted, its target, and the reduction."""
    entries = name, "target", "reduction"
    pred, target, _ = unpack(op, cache, entries, (ARRAY, ARRAY, str))
    if pred.shape != target.shape:
        raise bad_cache(op, cache, entries)
    return cache
