"""Losses: pairs whose out is a scalar, so that backward usually starts with dout = 1.

``sum`` and ``mean`` reduce whatever they get; the others compare it with a target, which gets no
gradient.  ``reduction`` says what becomes of the single losses: their mean, their sum, or "none"
(each of them is returned, and dout has their shape).
"""

import numpy as np

from nnlayers.layers.checks import (
    choice,
    complaint,
    floats,
    one_float,
    same_shape,
    unpack,
    upstream,
)
from nnlayers.layers.layer import PairLayer

REDUCTIONS = ("mean", "sum", "none")


def sum_forward(x, *, axis=None, keepdims=False):
    """Sum of all entries, or along an axis.

    out = Σᵢ xᵢ

    Parameters
    ----------
    x : ndarray
        Input of any shape.
    axis : int or tuple of int, optional
        Axes to sum over; None sums everything, and is a loss.
    keepdims : bool
        Whether summed axes stay, with one entry.

    Returns
    -------
    out : ndarray or scalar
        The sum; 0 over nothing.
    cache : tuple
        What :func:`sum_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.
    ValueError
        If x has no such axis.

    Source
    ------
    TUM I2DL, "Multidimensional derivatives", section 4.

    Examples
    --------
    >>> out, cache = sum_forward(np.array([[1.0, 1.0], [25.0, 25.0]]))
    >>> float(out)
    52.0
    """
    x = one_float("sum_forward", x)
    axes = _axes("sum_forward", x, axis)
    return x.sum(axis=axes, keepdims=keepdims), (x, axes, keepdims)


def sum_backward(dout, cache):
    """Gradient of the sum: every entry gets the dout of the sum in which it stands.

    ∂/∂xᵢ Σⱼ xⱼ = 1, so dxᵢ = dout · 1.
    """
    x, axes, keepdims = unpack("sum_backward", cache, ("x", "axes", "keepdims"))
    dout = _spread("sum_backward", dout, x, axes, keepdims)
    return np.array(np.broadcast_to(dout, x.shape))


def mean_forward(x, *, axis=None, keepdims=False):
    """Mean of all entries, or along an axis.

    out = (1/n) Σᵢ xᵢ over n entries

    Parameters
    ----------
    x : ndarray
        Input of any shape.
    axis : int or tuple of int, optional
        Axes to average over; None averages everything, and is a loss.
    keepdims : bool
        Whether averaged axes stay, with one entry.

    Returns
    -------
    out : ndarray or scalar
        The mean.
    cache : tuple
        What :func:`mean_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.
    ValueError
        If x has no such axis, or there is nothing to average.

    Source
    ------
    NumPy, ``np.mean``.

    Examples
    --------
    >>> out, cache = mean_forward(np.array([[1.0, 1.0], [25.0, 25.0]]))
    >>> float(out)
    13.0
    """
    x = one_float("mean_forward", x)
    axes = _axes("mean_forward", x, axis)
    if _count(x, axes) == 0:
        raise complaint(
            ValueError, "mean_forward", "the mean of no entries is undefined", "sum gives 0", x=x
        )
    return x.mean(axis=axes, keepdims=keepdims), (x, axes, keepdims)


def mean_backward(dout, cache):
    """Gradient of the mean: every entry gets dout / n.

    ∂/∂xᵢ (1/n) Σⱼ xⱼ = 1/n, so dxᵢ = dout / n.
    """
    x, axes, keepdims = unpack("mean_backward", cache, ("x", "axes", "keepdims"))
    dout = _spread("mean_backward", dout, x, axes, keepdims) / max(_count(x, axes), 1)
    return np.array(np.broadcast_to(dout, x.shape))


def softmax_cross_entropy_forward(scores, y, *, reduction="mean"):
    """Cross-entropy between the softmax of the scores and the labels.

    lossₙ = -Σ꜀ tₙ꜀ log pₙ꜀, with pₙ꜀ = e^scoresₙ꜀ / Σⱼ e^scoresₙⱼ and t the one-hot form of y

    Parameters
    ----------
    scores : ndarray, shape (N, C)
        Scores (logits) of C classes.
    y : ndarray, shape (N,) of int or (N, C)
        Labels from 0 to C - 1, or for each example a row of probabilities (one-hot or soft).
    reduction : {"mean", "sum", "none"}
        What becomes of the N losses.

    Returns
    -------
    out : scalar or ndarray, shape (N,)
        Loss, in nats.
    cache : tuple
        What :func:`softmax_cross_entropy_backward` needs.

    Raises
    ------
    TypeError
        If scores are not floating-point, or labels (N,) are no integers.
    ValueError
        If a label is out of range, a row of probabilities does not sum to 1, shapes disagree, or
        the mean of no losses is asked for.

    Source
    ------
    cs231n notes, "Linear classification: softmax classifier".

    Examples
    --------
    >>> loss, cache = softmax_cross_entropy_forward(np.zeros((2, 10)), np.array([3, 7]))
    >>> bool(np.isclose(loss, np.log(10)))
    True
    """
    op = "softmax_cross_entropy_forward"
    scores = one_float(op, scores, "scores")
    y = np.asarray(y)
    if scores.ndim != 2 or scores.shape[1] == 0:
        raise complaint(
            ValueError, op, "scores must be (N, C) with at least one class", scores=scores, y=y
        )
    _check_reduction(op, reduction, len(scores))
    is_index = y.ndim == 1
    y = _class_labels(op, scores, y) if is_index else _class_probabilities(op, scores, y)
    # subtracting the largest score changes no probability and lets no exponential overflow
    shifted = scores - scores.max(axis=1, keepdims=True)
    exps = np.exp(shifted)
    total = exps.sum(axis=1, keepdims=True)
    # -log p = log Σⱼ e^shiftedⱼ - shifted, weighted by t
    if is_index:
        losses = np.log(total[:, 0]) - shifted[np.arange(len(y)), y]
    else:
        losses = (y * (np.log(total) - shifted)).sum(axis=1)
    exps /= total  # now the probabilities p
    return _reduce(losses, reduction), (exps, y, reduction)


def softmax_cross_entropy_backward(dout, cache):
    """Gradient of the cross-entropy of a softmax: dscores = (p Σ꜀t꜀ - t) · dout, over N for a mean.

    lossₙ = Σ꜀ tₙ꜀ (log Σⱼ e^sₙⱼ - sₙ꜀) with s the scores.  ∂/∂sₙᵢ of the logarithm is
    e^sₙᵢ / Σⱼ e^sₙⱼ = pₙᵢ, so ∂lossₙ/∂sₙᵢ = pₙᵢ Σ꜀ tₙ꜀ - tₙᵢ, where Σ꜀ tₙ꜀ = 1.
    """
    op = "softmax_cross_entropy_backward"
    p, y, reduction = unpack(op, cache, ("p", "y", "reduction"))
    dout = _each(op, dout, reduction, p.shape[:1], p.dtype)
    if y.ndim == 1:
        dscores = p.copy()
        dscores[np.arange(len(y)), y] -= 1.0
    else:
        dscores = p * y.sum(axis=1, keepdims=True) - y
    dscores *= dout[..., None]
    return dscores


def mse_forward(pred, target, *, reduction="mean"):
    """Mean squared error, over all entries.

    lossᵢ = (predᵢ - targetᵢ)²

    Parameters
    ----------
    pred, target : ndarray
        Prediction and truth, of one shape.
    reduction : {"mean", "sum", "none"}
        What becomes of the entries' losses; the mean is over all entries, not only over N.

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
    _check_reduction(op, reduction, pred.size)
    _check_finite(op, "target", target)
    diff = pred - target
    return _reduce(diff * diff, reduction), (np.asarray(diff), reduction)


def mse_backward(dout, cache):
    """Gradient of the squared error: dpred = 2 (pred - target) · dout, over the entries for a mean.

    d(pred - target)²/dpred = 2 (pred - target); the target is a constant.
    """
    diff, reduction = unpack("mse_backward", cache, ("pred - target", "reduction"))
    return 2.0 * diff * _each("mse_backward", dout, reduction, diff.shape, diff.dtype)


class Sum(PairLayer):
    """Layer of :func:`sum_forward`: a loss with axis=None, an ordinary layer otherwise.

    Examples
    --------
    >>> float(Sum().forward(np.ones((2, 3)))[0])
    6.0
    """

    pair = sum_forward, sum_backward

    def __init__(self, *, axis=None, keepdims=False):
        self.hold(axis=axis, keepdims=keepdims)

    @property
    def is_loss(self):
        """Whether everything is summed up."""
        return self.settings["axis"] is None


class Mean(PairLayer):
    """Layer of :func:`mean_forward`: a loss with axis=None, an ordinary layer otherwise.

    Examples
    --------
    >>> float(Mean().forward(np.ones((2, 3)))[0])
    1.0
    """

    pair = mean_forward, mean_backward

    def __init__(self, *, axis=None, keepdims=False):
        self.hold(axis=axis, keepdims=keepdims)

    @property
    def is_loss(self):
        """Whether everything is averaged."""
        return self.settings["axis"] is None


class SoftmaxCrossEntropy(PairLayer):
    """Layer of :func:`softmax_cross_entropy_forward`: ``forward(scores, y)``.

    Examples
    --------
    >>> loss, cache = SoftmaxCrossEntropy().forward(np.zeros((1, 2)), np.array([0]))
    >>> SoftmaxCrossEntropy().backward(1.0, cache)
    array([[-0.5,  0.5]])
    """

    pair = softmax_cross_entropy_forward, softmax_cross_entropy_backward
    inputs = ("scores", "y")
    is_loss = True

    def __init__(self, *, reduction="mean"):
        choice("SoftmaxCrossEntropy", "reduction", reduction, REDUCTIONS)
        self.hold(reduction=reduction)


class MSE(PairLayer):
    """Layer of :func:`mse_forward`: ``forward(pred, target)``.

    Examples
    --------
    >>> float(MSE().forward(np.array([[3.0]]), np.array([[1.0]]))[0])
    4.0
    """

    pair = mse_forward, mse_backward
    inputs = ("pred", "target")
    is_loss = True

    def __init__(self, *, reduction="mean"):
        choice("MSE", "reduction", reduction, REDUCTIONS)
        self.hold(reduction=reduction)


def _reduce(losses, reduction):
    if reduction == "none":
        return losses
    return losses.mean() if reduction == "mean" else losses.sum()


def _check_reduction(op, reduction, count):
    choice(op, "reduction", reduction, REDUCTIONS)
    if reduction == "mean" and count == 0:
        raise complaint(
            ValueError, op, "the mean of no losses is undefined", 'reduction="sum" gives 0'
        )


def _each(op, dout, reduction, shape, dtype):
    """Return the upstream gradient of every single loss: the reduction's backward."""
    dout = upstream(op, dout, shape if reduction == "none" else (), dtype)
    # the mean of n losses hands each of them 1/n of its dout
    return dout / max(int(np.prod(shape)), 1) if reduction == "mean" else dout


def _check_finite(op, name, array):
    if not np.isfinite(array).all():
        bad = int(np.count_nonzero(~np.isfinite(array)))
        raise complaint(
            ValueError,
            op,
            f"{bad} of {array.size} entries of {name} are NaN or infinite",
            "a loss would be NaN too: clean the data",
            **{name: array},
        )


def _class_labels(op, scores, y):
    """Check labels (N,): integers of 0 to C - 1."""
    N, C = scores.shape
    if len(y) != N:
        raise complaint(
            ValueError, op, f"{N} rows of scores need {N} labels, not {len(y)}", scores=scores, y=y
        )
    if y.dtype.kind not in "iu":
        raise complaint(
            TypeError,
            op,
            f"labels y must be integers, not {y.dtype}",
            "y.astype(int) if they count classes from 0",
            scores=scores,
            y=y,
        )
    outside = (y < 0) | (y >= C)
    if outside.any():
        n = int(outside.argmax())
        raise complaint(
            ValueError,
            op,
            f"y[{n}] = {y[n]} is no label of {C} classes",
            f"labels count from 0 to {C - 1}",
            scores=scores,
            y=y,
        )
    return y


def _class_probabilities(op, scores, y):
    """Check targets (N, C): rows of probabilities; return them in the dtype of scores."""
    if y.shape != scores.shape:
        raise complaint(
            ValueError,
            op,
            "y must be labels (N,) or one row of probabilities per row of scores",
            "y.ravel() if it is a column of labels" if y.ndim == 2 and y.shape[1] == 1 else None,
            scores=scores,
            y=y,
        )
    if y.dtype.kind not in "biuf":
        raise complaint(TypeError, op, f"y must be real numbers, not {y.dtype}", scores=scores, y=y)
    y = y.astype(scores.dtype, copy=False)
    _check_finite(op, "y", y)
    sums = y.sum(axis=1)
    off = np.abs(sums - 1.0) > 1e-3
    if off.any() or (y < 0).any():
        n = int(off.argmax()) if off.any() else int((y < 0).any(axis=1).argmax())
        raise complaint(
            ValueError,
            op,
            f"y[{n}] is no row of probabilities: it sums to {sums[n]:.6g}, "
            f"its least entry is {y[n].min():.6g}",
            "divide each row by its sum",
            scores=scores,
            y=y,
        )
    return y


def _axes(op, x, axis):
    """Return the axes as a sorted tuple of numbers that are not negative; None means all."""
    if axis is None:
        return tuple(range(x.ndim))
    try:
        return tuple(sorted(np.lib.array_utils.normalize_axis_tuple(axis, x.ndim)))
    except ValueError:
        raise complaint(
            ValueError, op, f"axis {axis} does not fit x with {x.ndim} axes", x=x
        ) from None


def _count(x, axes):
    """Return how many entries each sum has."""
    return int(np.prod([x.shape[axis] for axis in axes]))


def _spread(op, dout, x, axes, keepdims):
    """Return dout with the reduced axes back, so that it broadcasts to x."""
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
    dropped = tuple(size for axis, size in enumerate(x.shape) if axis not in axes)
    return upstream(op, dout, kept if keepdims else dropped, x.dtype).reshape(kept)
