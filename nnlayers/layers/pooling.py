"""Pooling: each channel's windows of an image become one number each.

Legend: N batch, C channels, H and W size of the images, KH and KW that of the windows.
A window is a product of rows and columns, so everything here is done along the columns and then
along the rows, or back: KH + KW steps instead of KH · KW.
"""

import math

import numpy as np

from nnlayers.layers.checks import ARRAY, complaint, one_float, unpack, upstream
from nnlayers.layers.geometry import has_axes, two_ints, window_axis
from nnlayers.layers.layer import PairLayer
from nnlayers.layers.window_sums import by_blocks, laid_out_as, padded, spread, sum_windows, tap


def max_pool2d_forward(x, *, size, stride=None, pad=0):
    """Largest entry of each window.

    out[n,c,i,j] = max x[n, c, s·i + k - p, s·j + l - p]  over k < KH, l < KW,
    with s stride, p pad; entries beyond the border of x do not count

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W)
        Images.
    size : int or pair of int
        KH and KW.
    stride : int or pair of int, optional
        Step from window to window; None means size, so that windows lie side by side.
    pad : int or pair of int
        How far windows reach out at each side; less than size.

    Returns
    -------
    out : ndarray, shape (N, C, OH, OW)
        With OH = ⌊(H + 2 p - KH) / s⌋ + 1, and OW alike.  NaN where the window has a NaN.
    cache : tuple
        What :func:`max_pool2d_backward` needs.

    Raises
    ------
    ValueError
        If x is not (N, C, H, W), a setting is out of range, or not one window fits.
    TypeError
        If x is not floating-point, or a setting is no integer.

    Source
    ------
    Zhou, Chellappa, "Computation of optical flow using a neural network" (1988);
    Scherer, Müller, Behnke, "Evaluation of pooling operations" (2010).

    Examples
    --------
    >>> x = np.array([[[[1.0, 2.0, 5.0, 3.0], [4.0, 0.0, 1.0, 6.0]]]])
    >>> max_pool2d_forward(x, size=2)[0]
    array([[[[4., 6.]]]])
    """
    op = "max_pool2d_forward"
    x = one_float(op, x)
    rows, columns = _windows(op, x, size, stride, pad)

    def pool(x, has_nan=False):
        over_columns, column = _largest(x, 3, columns, has_nan)
        out, row = _largest(over_columns, 2, rows, has_nan)
        if not has_nan and np.isnan(out.max(initial=-math.inf)):
            return pool(x, has_nan=True)  # rare, and then places must be found with more care
        return out, column, row

    out, column, row = by_blocks(pool, x)
    return out, (column, row, (rows, columns, x.shape, x.dtype))


def max_pool2d_backward(dout, cache):
    """Gradient of max pooling: each dout goes to the entry that was the largest of its window.

    max(x₁, x₂, ...) is equal to its largest entry x* near every point where that is unique:
    ∂out/∂x* = 1, and 0 for all others.  On a tie each of the largest has a subgradient; the first
    one, row by row, gets it all.  The first NaN of a window counts as its largest entry.
    An entry of several windows gets the sum of their gradients.
    """
    op = "max_pool2d_backward"
    column, row, windows = unpack(op, cache, ("column", "row", "windows"), (ARRAY, ARRAY, tuple), 4)
    rows, columns, shape, dtype = windows
    dout = laid_out_as(row, upstream(op, dout, row.shape, dtype))

    def back(dout, row, column):
        over_columns = _to_largest(dout, 2, rows, shape[2], row)
        return (_to_largest(over_columns, 3, columns, shape[3], column),)

    return by_blocks(back, dout, row, column)[0]


def avg_pool2d_forward(x, *, size, stride=None, pad=0):
    """Mean of each window, in which zeros of the padding count as entries.

    out[n,c,i,j] = 1 / (KH KW) Σ x[n, c, s·i + k - p, s·j + l - p]  over k < KH, l < KW,
    with s stride, p pad; beyond its border x is 0

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W)
        Images.
    size : int or pair of int
        KH and KW.
    stride : int or pair of int, optional
        Step from window to window; None means size, so that windows lie side by side.
    pad : int or pair of int
        Zeros added at each side; less than size.

    Returns
    -------
    out : ndarray, shape (N, C, OH, OW)
        With OH = ⌊(H + 2 p - KH) / s⌋ + 1, and OW alike.
    cache : tuple
        What :func:`avg_pool2d_backward` needs.

    Raises
    ------
    ValueError
        If x is not (N, C, H, W), a setting is out of range, or not one window fits.
    TypeError
        If x is not floating-point, or a setting is no integer.

    Source
    ------
    LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition"
    (1998), section II (subsampling).

    Examples
    --------
    >>> x = np.array([[[[1.0, 2.0, 5.0, 3.0], [4.0, 1.0, 1.0, 7.0]]]])
    >>> avg_pool2d_forward(x, size=2)[0]
    array([[[[2., 4.]]]])
    """
    op = "avg_pool2d_forward"
    x = one_float(op, x)
    rows, columns = _windows(op, x, size, stride, pad)
    out = sum_windows(sum_windows(x, 2, rows), 3, columns)
    out *= 1.0 / (rows[2] * columns[2])
    return out, (out, rows, columns, x.shape)


def avg_pool2d_backward(dout, cache):
    """Gradient of average pooling: each entry of a window gets dout / (KH KW).

    out = Σ x / (KH KW) over the window, so ∂out/∂x = 1 / (KH KW) for each of its entries.
    An entry of several windows gets the sum of their gradients, one of no window gets 0.
    """
    op = "avg_pool2d_backward"
    out, rows, columns, shape = unpack(
        op, cache, ("out", "rows", "columns", "shape"), (ARRAY, tuple, tuple, tuple)
    )
    dout = laid_out_as(out, upstream(op, dout, out.shape, out.dtype))
    dout = dout * (1.0 / (rows[2] * columns[2]))
    over_columns = spread(lambda _: dout, dout, 3, columns, shape[3])
    return spread(lambda _: over_columns, over_columns, 2, rows, shape[2])


class MaxPool2d(PairLayer):
    """Layer of :func:`max_pool2d_forward`.

    Parameters
    ----------
    size : int or pair of int
        KH and KW.
    stride, pad
        As for :func:`max_pool2d_forward`.

    Examples
    --------
    >>> MaxPool2d(2)
    MaxPool2d(2)
    >>> MaxPool2d(2).forward(np.array([[[[1.0, 2.0], [4.0, 3.0]]]]))[0]
    array([[[[4.]]]])
    """

    pair = max_pool2d_forward, max_pool2d_backward

    def __init__(self, size, *, stride=None, pad=0):
        _settings(type(self).__name__, size, stride, pad)
        self.hold(size=size, stride=stride, pad=pad)

    def __repr__(self):
        changed = {k: v for k, v in self.settings.items() if k != "size" and v not in (None, 0)}
        return self.form(self.settings["size"], **changed)


class AvgPool2d(MaxPool2d):
    """Layer of :func:`avg_pool2d_forward`.

    Parameters
    ----------
    size : int or pair of int
        KH and KW.
    stride, pad
        As for :func:`avg_pool2d_forward`.

    Examples
    --------
    >>> AvgPool2d(3, stride=2, pad=1)
    AvgPool2d(3, stride=2, pad=1)
    >>> AvgPool2d(2).forward(np.array([[[[1.0, 2.0], [6.0, 3.0]]]]))[0]
    array([[[[3.]]]])
    """

    pair = avg_pool2d_forward, avg_pool2d_backward


def _settings(op, size, stride, pad):
    """Return size, stride and pad as pairs."""
    size, pad = two_ints(op, "size", size, 1), two_ints(op, "pad", pad, 0)
    stride = size if stride is None else two_ints(op, "stride", stride, 1)
    for s, p in zip(size, pad):
        if p >= s:
            problem = f"pad {p} is not smaller than size {s}"
            raise complaint(ValueError, op, problem, "a window must see an entry of x")
    return size, stride, pad


def _windows(op, x, size, stride, pad):
    """Return the axes of the windows, rows and columns."""
    has_axes(op, "N, C, H, W", x)
    settings = zip(*_settings(op, size, stride, pad))
    return [window_axis(op, "window", n, *s, x=x) for n, s in zip(x.shape[2:], settings)]


def _largest(x, axis, window, has_nan):
    """Return the largest entry of each window along this axis, and by which tap it is first seen.

    With two taps the latter is a bool: whether it is the second one.
    """
    start, step, taps, _, count = window
    x, window = padded(x, axis, window, -math.inf)
    largest = tap(x, axis, window, 0)
    if taps == 1:
        return largest.copy("K"), np.zeros_like(largest, bool)
    kind = np.dtype(bool if taps == 2 else np.uint8 if taps <= 256 else np.intp).type
    place = None
    if start < 0:  # the first windows have taps before the border, which are never meant
        place = np.zeros_like(largest, kind)
        for i in range(min(count, -(start // step))):
            tap(place, axis, (i, 1, 1, 1, 1), 0)[...] = -start - i * step
    for t in range(1, taps):
        new = tap(x, axis, window, t)
        larger = new > largest
        if has_nan:
            larger |= np.isnan(new) & ~np.isnan(largest)
        if taps > 2:
            larger = larger * kind(t)
        place = larger if place is None else np.maximum(place, larger, out=place)
        largest = np.maximum(largest, new, out=None if t == 1 else largest)
    return largest, place


def _to_largest(out, axis, window, size, place):
    """Return x, to which each out[i] is added where :func:`_largest` found the entry."""
    kind = place.dtype.type
    return spread(lambda t: out * (place == kind(t)), out, axis, window, size)
