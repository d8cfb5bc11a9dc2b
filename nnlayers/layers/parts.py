"""Parts of arrays: slice takes one, pad puts a border around it, concatenate joins several."""

import operator

import numpy as np

from nnlayers.layers.checks import (
    ARRAY,
    INT,
    bad_cache,
    complaint,
    describe,
    floats,
    one_float,
    unpack,
    upstream,
)
from nnlayers.layers.layer import PairLayer

INDEX = (int, slice, tuple, type(...), type(None))


def slice_forward(x, *, index):
    """Slice: the entries that an index selects.

    out = x[index]

    Parameters
    ----------
    x : ndarray
        Input of any shape.
    index : int, slice, Ellipsis, None, or tuple of these
        What stands in the brackets; ``np.s_[:, 1:3]`` writes it down.

    Returns
    -------
    out : ndarray
        View of x, or a number.
    cache : tuple
        What :func:`slice_backward` needs.

    Raises
    ------
    ValueError
        If the index does not fit x.
    TypeError
        If x is not floating-point, or the index has other parts, such as arrays.

    Source
    ------
    NumPy, "Indexing on ndarrays": basic indexing.

    Examples
    --------
    >>> slice_forward(np.arange(8.0).reshape(2, 4), index=np.s_[:, 1:3])[0]
    array([[1., 2.],
           [5., 6.]])
    """
    op = "slice_forward"
    x = one_float(op, x)
    index = _basic(op, index)
    try:
        out = x[index]
    except IndexError as error:
        raise complaint(
            ValueError, op, f"index {describe(index)} does not fit x ({error})", x=x
        ) from None
    return out, (x, index)


def slice_backward(dout, cache):
    """Gradient of slicing: dx[index] = dout, and 0 elsewhere.

    An entry that was selected stands in out once, unchanged; the others do not change out.
    """
    x, index = unpack("slice_backward", cache, ("x", "index"), (ARRAY, INDEX))
    dx = np.zeros(x.shape, x.dtype)
    try:
        shape = np.shape(dx[index])
    except IndexError:
        raise bad_cache("slice_backward", cache, ("x", "index")) from None
    dx[index] = upstream("slice_backward", dout, shape, x.dtype)
    return dx


def pad_forward(x, *, pad, value=0.0):
    """Pad: a border of constant entries before and after, along the last axes.

    out = x inside, value in the border

    Parameters
    ----------
    x : ndarray
        Input of any shape, such as images (N, C, H, W).
    pad : tuple of pairs of int
        (before, after) for each of as many last axes: ``((1, 1), (2, 2))`` pads H by 1 and W by 2.
    value : float
        What the border holds.

    Returns
    -------
    out : ndarray
        Of the larger shape.
    cache : tuple
        What :func:`pad_backward` needs.

    Raises
    ------
    ValueError
        If x has fewer axes, or a width is negative.
    TypeError
        If x is not floating-point, or pad are no pairs of integers.

    Source
    ------
    NumPy, ``np.pad``.

    Examples
    --------
    >>> pad_forward(np.ones((1, 2)), pad=((1, 0), (0, 2)))[0]
    array([[0., 0., 0., 0.],
           [1., 1., 0., 0.]])
    """
    op = "pad_forward"
    x = one_float(op, x)
    pad = _widths(op, pad)
    if len(pad) > x.ndim:
        raise complaint(ValueError, op, f"pad has {len(pad)} pairs but x {x.ndim} axes", x=x)
    widths = ((0, 0),) * (x.ndim - len(pad)) + pad
    larger = [before + size + after for size, (before, after) in zip(x.shape, widths)]
    out = np.full(larger, float(value), x.dtype)
    inside = tuple(slice(before, before + size) for size, (before, _) in zip(x.shape, widths))
    out[inside] = x
    return out, (x, inside, out.shape)


def pad_backward(dout, cache):
    """Gradient of padding: dx = dout inside the border.

    Every entry of x stands in out exactly once, unchanged; the border does not depend on x.
    """
    x, inside, shape = unpack(
        "pad_backward", cache, ("x", "inside", "shape"), (ARRAY, tuple, tuple)
    )
    return upstream("pad_backward", dout, shape, x.dtype)[inside]


def concatenate_forward(*arrays, axis=-1):
    """Concatenate: arrays one after the other along an axis.

    out = [x₀, x₁, ...]

    Parameters
    ----------
    *arrays : ndarray
        x₀, x₁, ..., which agree in all other axes.
    axis : int
        The axis along which they are joined.

    Returns
    -------
    out : ndarray
        All their entries.
    cache : tuple
        What :func:`concatenate_backward` needs.

    Raises
    ------
    ValueError
        If there is no array, or the shapes do not fit together.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    NumPy, ``np.concatenate``.

    Examples
    --------
    >>> out, cache = concatenate_forward(np.zeros((2, 1)), np.ones((2, 2)))
    >>> out
    array([[0., 1., 1.],
           [0., 1., 1.]])
    >>> [dx.shape for dx in concatenate_backward(out, cache)]
    [(2, 1), (2, 2)]
    """
    op = "concatenate_forward"
    if not arrays:
        raise complaint(ValueError, op, "there is no array to concatenate")
    named = {f"x{i}": array for i, array in enumerate(arrays)}
    arrays = floats(op, **named)
    named = dict(zip(named, arrays))
    ranks = {array.ndim for array in arrays}
    if len(ranks) > 1 or not -min(ranks) <= axis < min(ranks):
        raise complaint(
            ValueError, op, f"arrays of {_listed(ranks)} axes have no common axis {axis}", **named
        )
    axis %= min(ranks)
    if len({array.shape[:axis] + array.shape[axis + 1 :] for array in arrays}) > 1:
        raise complaint(
            ValueError, op, f"the shapes must agree in all axes but axis {axis}", **named
        )
    sizes = tuple(array.shape[axis] for array in arrays)
    return np.concatenate(arrays, axis), (arrays[0], sizes, axis)


def concatenate_backward(dout, cache):
    """Gradients of concatenation: each array gets its part of dout.

    Every entry of every array stands in out exactly once, unchanged.

    Returns
    -------
    dx₀, dx₁, ... : ndarray
        Views of dout, of the shapes of the arrays; of one array alone, its gradient bare.
    """
    op = "concatenate_backward"
    first, sizes, axis = unpack(op, cache, ("x₀", "sizes", "axis"), (ARRAY, tuple, INT))
    shape = list(first.shape)
    shape[axis] = sum(sizes)
    dout = upstream(op, dout, tuple(shape), first.dtype)
    gradients = np.split(dout, np.cumsum(sizes)[:-1], axis)
    return tuple(gradients) if len(gradients) > 1 else gradients[0]


class Slice(PairLayer):
    """Layer of :func:`slice_forward`.

    Parameters
    ----------
    index : int, slice, Ellipsis, None, or tuple of these
        What stands in the brackets; ``np.s_[:, 1:3]`` writes it down.

    Examples
    --------
    >>> Slice(np.s_[:, 1:3]).forward(np.arange(8.0).reshape(2, 4))[0]
    array([[1., 2.],
           [5., 6.]])
    >>> Slice((slice(None), slice(1, 3)))
    Slice(np.s_[:, 1:3])
    """

    pair = slice_forward, slice_backward

    def __init__(self, index):
        self.hold(index=_basic("Slice", index))

    def __repr__(self):
        return f"{type(self).__name__}({_in_brackets(self.settings['index'])})"


class Pad(PairLayer):
    """Layer of :func:`pad_forward`.

    Parameters
    ----------
    *pad : pair of int
        (before, after) for each of as many last axes.
    value : float
        What the border holds.

    Examples
    --------
    >>> Pad((1, 1), (2, 2)).forward(np.zeros((1, 1, 3, 4)))[0].shape
    (1, 1, 5, 8)
    """

    pair = pad_forward, pad_backward

    def __init__(self, *pad, value=0.0):
        self.hold(pad=_widths("Pad", pad), value=float(value))

    def __repr__(self):
        value = self.settings["value"]
        return self.form(*self.settings["pad"], **({"value": value} if value else {}))


class Concatenate(PairLayer):
    """Layer of :func:`concatenate_forward`: ``forward(x0, x1, ...)``.

    Examples
    --------
    >>> Concatenate(axis=0).forward(np.zeros((1, 2)), np.ones((2, 2)), np.zeros((3, 2)))[0].shape
    (6, 2)
    """

    pair = concatenate_forward, concatenate_backward
    inputs = ("x0", "x1")

    def __init__(self, *, axis=-1):
        self.hold(axis=operator.index(axis))

    def check_inputs(self, inputs):
        """Take any number of inputs; the pair itself refuses none."""


def _basic(op, index):
    """Return the index if it is basic: integers, slices, Ellipsis and None."""
    parts = index if isinstance(index, tuple) else (index,)
    checked = []
    for part in parts:
        if part is None or part is Ellipsis or isinstance(part, slice):
            checked.append(part)
        elif isinstance(part, int | np.integer) and not isinstance(part, bool):
            checked.append(int(part))
        else:
            raise complaint(
                TypeError,
                op,
                f"index has the part {describe(part)}, which is no integer, slice, ... or None",
                "embedding_forward selects rows by an array of indices",
            )
    return tuple(checked) if isinstance(index, tuple) else checked[0]


def _in_brackets(index):
    """Return the expression of a basic index: as it stands in brackets, unless it is one number."""
    if isinstance(index, int):
        return repr(index)
    if index == ():
        return "np.s_[()]"
    parts = index if isinstance(index, tuple) else (index,)
    words = ", ".join(map(_part, parts))
    return f"np.s_[{words}{',' * (index.__class__ is tuple and len(parts) == 1)}]"


def _part(part):
    if isinstance(part, slice):
        bounds = ["" if bound is None else str(bound) for bound in (part.start, part.stop)]
        return ":".join(bounds if part.step is None else [*bounds, str(part.step)])
    return "..." if part is Ellipsis else repr(part)


def _widths(op, pad):
    """Return pad as a tuple of pairs of integers, none negative."""
    try:
        pairs = tuple((operator.index(before), operator.index(after)) for before, after in pad)
    except (TypeError, ValueError):
        raise complaint(
            TypeError, op, f"pad must be pairs (before, after) of integers, not {describe(pad)}"
        ) from None
    if any(width < 0 for pair in pairs for width in pair):
        raise complaint(ValueError, op, f"pad {pairs} has a negative width", "slice_forward cuts")
    return pairs


def _listed(numbers):
    return " and ".join(map(str, sorted(numbers)))
