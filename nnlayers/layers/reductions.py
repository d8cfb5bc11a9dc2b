"""Reductions over axes: sum, mean and max; over all axes they are losses, as out is a scalar."""

import numpy as np

from nnlayers.layers.checks import ARRAY, complaint, one_float, unpack, upstream
from nnlayers.layers.layer import PairLayer

KINDS = (ARRAY, tuple, (bool, int, np.bool))  # of a cache


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
    x, axes, keepdims = unpack("sum_backward", cache, ("x", "axes", "keepdims"), KINDS)
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
    x, axes, keepdims = unpack("mean_backward", cache, ("x", "axes", "keepdims"), KINDS)
    dout = _spread("mean_backward", dout, x, axes, keepdims) / max(_count(x, axes), 1)
    return np.array(np.broadcast_to(dout, x.shape))


def max_forward(x, *, axis=None, keepdims=False):
    """Largest of all entries, or along an axis.

    out = maxᵢ xᵢ

    Parameters
    ----------
    x : ndarray
        Input of any shape.
    axis : int or tuple of int, optional
        Axes to compare over; None compares everything, and is a loss.
    keepdims : bool
        Whether reduced axes stay, with one entry.

    Returns
    -------
    out : ndarray or scalar
        The largest entry.
    cache : tuple
        What :func:`max_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.
    ValueError
        If x has no such axis, or there is nothing to compare.

    Source
    ------
    NumPy, ``np.max``.

    Examples
    --------
    >>> out, cache = max_forward(np.array([[1.0, 4.0], [3.0, 2.0]]), axis=1)
    >>> out
    array([4., 3.])
    >>> max_backward(np.array([10.0, 20.0]), cache)
    array([[ 0., 10.],
           [20.,  0.]])
    """
    op = "max_forward"
    x = one_float(op, x)
    axes = _axes(op, x, axis)
    if _count(x, axes) == 0:
        raise complaint(ValueError, op, "there is no entry to be the largest", x=x)
    return x.max(axis=axes, keepdims=keepdims), (x, axes, keepdims)


def max_backward(dout, cache):
    """Gradient of the maximum: the first largest entry gets dout, the others 0.

    out = x_k for the k that is largest, so ∂out/∂xᵢ = δᵢₖ.  Where several entries are largest there
    is a kink, and each of them alone getting dout is a subgradient: the first one does.
    """
    x, axes, keepdims = unpack("max_backward", cache, ("x", "axes", "keepdims"), KINDS)
    dout = _spread("max_backward", dout, x, axes, keepdims)
    others = x.ndim - len(axes)
    last = range(others, x.ndim)
    moved = np.moveaxis(x, axes, last)  # the compared axes last, then as one
    rows = moved.reshape(*moved.shape[:others], _count(x, axes))
    k = rows.argmax(axis=-1, keepdims=True)
    # out = rows[..., k]
    drows = np.zeros(rows.shape, x.dtype)
    np.put_along_axis(drows, k, dout.reshape(k.shape), axis=-1)
    return np.moveaxis(drows.reshape(moved.shape), last, axes)


class _Reduction(PairLayer):
    """A pair that reduces x over axes, and is a loss if it reduces all of them."""

    def __init__(self, *, axis=None, keepdims=False):
        self.hold(axis=axis, keepdims=keepdims)

    @property
    def is_loss(self):
        """Whether nothing but a scalar is left."""
        return self.settings["axis"] is None


class Sum(_Reduction):
    """Layer of :func:`sum_forward`: a loss with axis=None, an ordinary layer otherwise.

    Examples
    --------
    >>> float(Sum().forward(np.ones((2, 3)))[0])
    6.0
    """

    pair = sum_forward, sum_backward


class Mean(_Reduction):
    """Layer of :func:`mean_forward`: a loss with axis=None, an ordinary layer otherwise.

    Examples
    --------
    >>> float(Mean().forward(np.ones((2, 3)))[0])
    1.0
    """

    pair = mean_forward, mean_backward


class Max(_Reduction):
    """Layer of :func:`max_forward`: a loss with axis=None, an ordinary layer otherwise.

    Examples
    --------
    >>> Max(axis=1).forward(np.array([[1.0, 4.0], [3.0, 2.0]]))[0]
    array([4., 3.])
    """

    pair = max_forward, max_backward


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
