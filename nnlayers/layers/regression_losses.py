"""Losses of regression: how far predicted numbers are from true ones."""

import numpy as np

from nnlayers.layers.checks import ARRAY, complaint, floats, same_shape, unpack
from nnlayers.layers.loss import Loss, check_finite, each, reduce


def mse_forward(pred, target, *, reduction="mean"):
    """Mean squared error, over all entries.

    lossᵢ = (predᵢ - targetᵢ)²

    Parameters
    ----------
    pred, target : ndarray
        Prediction and truth, of one shape.
    reduction : {"mean", "batchmean", "sum", "none"}
        What becomes of the entries' losses; "mean" is over all entries, "batchmean" over N alone.

    Returns
    -------
    out : scalar or ndarray
        Loss, in the square of the unit of pred.
    cache : tuple
        What :func:`mse_backward` needs.

    Raises
    ------
    TypeError
        If an argument is not floating-point, or the dtypes differ.
    ValueError
        If the shapes differ, target is not finite, or the mean of no losses is asked for.

    Source
    ------
    TUM I2DL, exercise 5.

    Examples
    --------
    >>> loss, cache = mse_forward(np.array([[1.0], [3.0]]), np.array([[0.0], [0.0]]))
    >>> float(loss)
    5.0
    """
    op = "mse_forward"
    pred, target = floats(op, pred=pred, target=target)
    same_shape(op, pred=pred, target=target)
    check_finite(op, target=target)
    diff = pred - target
    return reduce(op, diff * diff, reduction), (diff, reduction)


def mse_backward(dout, cache):
    """Gradient of the squared error: dpred = 2 (pred - target) · dout, over n for a mean of n.

    d(pred - target)²/dpred = 2 (pred - target); the target is a constant.
    """
    diff, reduction = unpack("mse_backward", cache, ("pred - target", "reduction"), (ARRAY, str))
    return 2.0 * diff * each("mse_backward", dout, reduction, diff.shape, diff.dtype)


def l1_forward(pred, target, *, reduction="mean"):
    """Absolute error, over all entries.

    lossᵢ = |predᵢ - targetᵢ|

    Parameters
    ----------
    pred, target : ndarray
        Prediction and truth, of one shape.
    reduction : {"mean", "batchmean", "sum", "none"}
        What becomes of the entries' losses; "mean" is over all entries, "batchmean" over N alone.

    Returns
    -------
    out : scalar or ndarray
        Loss, in the unit of pred.
    cache : tuple
        What :func:`l1_backward` needs.

    Raises
    ------
    TypeError
        If an argument is not floating-point, or the dtypes differ.
    ValueError
        If the shapes differ, target is not finite, or the mean of no losses is asked for.

    Source
    ------
    TUM I2DL, exercise 5.

    Examples
    --------
    >>> loss, cache = l1_forward(np.array([[1.0], [3.0]]), np.array([[0.0], [0.0]]))
    >>> float(loss)
    2.0
    """
    op = "l1_forward"
    pred, target = floats(op, pred=pred, target=target)
    same_shape(op, pred=pred, target=target)
    check_finite(op, target=target)
    diff = pred - target
    return reduce(op, np.abs(diff), reduction), (diff, reduction)


def l1_backward(dout, cache):
    """Gradient of the absolute error: dpred = sign(pred - target) · dout, over n for a mean of n.

    d|pred - target|/dpred = sign(pred - target), and at 0, where every value of [-1, 1] is a
    subgradient, sign(0) = 0: see :func:`abs_backward`.
    """
    diff, reduction = unpack("l1_backward", cache, ("pred - target", "reduction"), (ARRAY, str))
    return np.sign(diff) * each("l1_backward", dout, reduction, diff.shape, diff.dtype)


def huber_forward(pred, target, *, delta=1.0, reduction="mean"):
    """Huber loss, over all entries: squared for small errors, absolute for large ones.

    lossᵢ = eᵢ²/2 if |eᵢ| <= delta else delta (|eᵢ| - delta/2), with eᵢ = predᵢ - targetᵢ

    Divided by delta it is what is called smooth L1 with beta = delta; for 1 both are the same.

    Parameters
    ----------
    pred, target : ndarray
        Prediction and truth, of one shape.
    delta : float
        Error, in the unit of pred, from which on the loss grows linearly.
    reduction : {"mean", "batchmean", "sum", "none"}
        What becomes of the entries' losses; "mean" is over all entries, "batchmean" over N alone.

    Returns
    -------
    out : scalar or ndarray
        Loss, in the square of the unit of pred.
    cache : tuple
        What :func:`huber_backward` needs.

    Raises
    ------
    TypeError
        If an argument is not floating-point, or the dtypes differ.
    ValueError
        If the shapes differ, target is not finite, delta is not positive, or the mean of no losses
        is asked for.

    Source
    ------
    Huber, "Robust estimation of a location parameter" (1964).

    Examples
    --------
    >>> pred, target = np.array([[0.5], [3.0]]), np.array([[0.0], [0.0]])
    >>> huber_forward(pred, target, reduction="none")[0]
    array([[0.125],
           [2.5  ]])
    """
    op = "huber_forward"
    pred, target = floats(op, pred=pred, target=target)
    same_shape(op, pred=pred, target=target)
    check_finite(op, target=target)
    delta = _positive(op, delta)
    diff = pred - target
    # with c the error limited to delta, both cases are c (|e| - |c|/2)
    limited = np.abs(diff).clip(0.0, delta)
    losses = limited * (np.abs(diff) - 0.5 * limited)
    return reduce(op, losses, reduction), (diff, delta, reduction)


def huber_backward(dout, cache):
    """Gradient of the Huber loss: dpred = min(max(e, -delta), delta) · dout, over n for a mean.

    d(e²/2)/de = e for |e| <= delta, and delta · d|e|/de = ±delta beyond: e, limited to
    [-delta, delta].  The two agree where they meet, so there is no kink.
    """
    op = "huber_backward"
    diff, delta, reduction = unpack(
        op, cache, ("pred - target", "delta", "reduction"), (ARRAY, float, str)
    )
    return diff.clip(-delta, delta) * each(op, dout, reduction, diff.shape, diff.dtype)


class MSE(Loss):
    """Layer of :func:`mse_forward`: ``forward(pred, target)``.

    Examples
    --------
    >>> float(MSE().forward(np.array([[3.0]]), np.array([[1.0]]))[0])
    4.0
    """

    pair = mse_forward, mse_backward
    inputs = ("pred", "target")


class L1(Loss):
    """Layer of :func:`l1_forward`: ``forward(pred, target)``.

    Examples
    --------
    >>> float(L1().forward(np.array([[3.0]]), np.array([[1.0]]))[0])
    2.0
    """

    pair = l1_forward, l1_backward
    inputs = ("pred", "target")


class Huber(Loss):
    """Layer of :func:`huber_forward`: ``forward(pred, target)``.

    Examples
    --------
    >>> float(Huber(delta=0.5).forward(np.array([[3.0]]), np.array([[1.0]]))[0])
    0.875
    """

    pair = huber_forward, huber_backward
    inputs = ("pred", "target")

    def __init__(self, *, delta=1.0, reduction="mean"):
        super().__init__(reduction=reduction)
        self.settings["delta"] = _positive("Huber", delta)


def _positive(op, delta):
    """Return delta as a Python float, which leaves float32 as it is."""
    delta = float(delta)
    if not delta > 0.0:
        raise complaint(ValueError, op, f"delta must be positive, not {delta}")
    return delta
