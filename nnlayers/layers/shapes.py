"""Other shapes for the same entries: flatten, reshape and transpose.

Every entry of x stands in out exactly once, unchanged, so its gradient is that entry's dout: each
backward puts the entries of dout back.  out may be a view of x, and dx one of dout.
"""

import math
import operator

import numpy as np

from nnlayers.layers.checks import (
    ARRAY,
    bad_cache,
    complaint,
    describe,
    one_float,
    unpack,
    upstream,
)
from nnlayers.layers.layer import PairLayer


def flatten_forward(x):
    """Flatten each example of a batch into a row, last axis fastest.

    outₙᵢ = xₙ,ᵢ₁,...,ᵢₖ with i = (...(i₁ d₂ + i₂) d₃ + ...) + iₖ

    Parameters
    ----------
    x : ndarray, shape (N, d1, ..., dk)
        Examples, such as images (N, C, H, W).

    Returns
    -------
    out : ndarray, shape (N, d1 · ... · dk)
        Rows; a view of x where its memory allows it.
    cache : tuple
        What :func:`flatten_backward` needs.

    Raises
    ------
    ValueError
        If x is a scalar.
    TypeError
        If x is not floating-point.

    Source
    ------
    TUM I2DL, "Multidimensional derivatives", eq. (2).

    Examples
    --------
    >>> flatten_forward(np.zeros((2, 1, 8, 8)))[0].shape
    (2, 64)
    """
    x = one_float("flatten_forward", x)
    if x.ndim == 0:
        raise complaint(
            ValueError, "flatten_forward", "x has no batch axis", "x[None] adds it", x=x
        )
    return x.reshape(len(x), math.prod(x.shape[1:])), (x,)


def flatten_backward(dout, cache):
    """Gradient of flattening: dx = dout in the shape of x.

    Every entry of x stands in out exactly once, unchanged, so its gradient is that entry's dout.
    """
    (x,) = unpack("flatten_backward", cache, ("x",))
    rows = (len(x), math.prod(x.shape[1:])) if x.ndim else ()
    return upstream("flatten_backward", dout, rows, x.dtype).reshape(x.shape)


def reshape_forward(x, *, shape):
    """Reshape: the same entries in another shape, last axis fastest.

    out_j = x_i where i and j have the same place in the order (...(i₁ d₂ + i₂) d₃ + ...) + iₖ

    Parameters
    ----------
    x : ndarray
        Input of any shape.
    shape : tuple of int
        Shape of out; one entry may be -1 and is worked out, as N in ``(-1, 1, 8, 8)``.

    Returns
    -------
    out : ndarray
        Of that shape; a view of x where its memory allows it.
    cache : tuple
        What :func:`reshape_backward` needs.

    Raises
    ------
    ValueError
        If the shape has another number of entries.
    TypeError
        If x is not floating-point, or shape are no integers.

    Source
    ------
    NumPy, ``np.reshape``.

    Examples
    --------
    >>> reshape_forward(np.arange(6.0), shape=(-1, 2))[0]
    array([[0., 1.],
           [2., 3.],
           [4., 5.]])
    """
    op = "reshape_forward"
    x = one_float(op, x)
    shape = _integers(op, "shape", shape)
    known = math.prod(size for size in shape if size != -1)
    full = tuple(x.size // known if size == -1 and known else size for size in shape)
    if shape.count(-1) > 1 or min(full, default=0) < 0 or math.prod(full) != x.size:
        raise complaint(
            ValueError,
            op,
            f"x has {x.size} entries, which do not fill the shape {shape}",
            None if -1 in shape else "one size may be -1 and is worked out",
            x=x,
        )
    return x.reshape(full), (x, full)


def reshape_backward(dout, cache):
    """Gradient of reshaping: dx = dout in the shape of x.

    Neither changes the order of the entries, so entry k of dx is entry k of dout.
    """
    x, shape = unpack("reshape_backward", cache, ("x", "shape"), (ARRAY, tuple))
    dout = upstream("reshape_backward", dout, shape, x.dtype)
    if dout.size != x.size:
        raise bad_cache("reshape_backward", cache, ("x", "shape"))
    return dout.reshape(x.shape)


def transpose_forward(x, *, axes=None):
    """Transpose: the axes in another order.

    out_{i_axes[0], i_axes[1], ...} = x_{i₀, i₁, ...}

    Parameters
    ----------
    x : ndarray
        Input of any shape.
    axes : tuple of int, optional
        Axis k of out is axis axes[k] of x; None reverses them.

    Returns
    -------
    out : ndarray
        View of x.
    cache : tuple
        What :func:`transpose_backward` needs.

    Raises
    ------
    ValueError
        If axes are not the axes of x, each once.
    TypeError
        If x is not floating-point, or axes are no integers.

    Source
    ------
    NumPy, ``np.transpose``.

    Examples
    --------
    >>> transpose_forward(np.zeros((2, 3, 4, 5)), axes=(0, 2, 3, 1))[0].shape
    (2, 4, 5, 3)
    """
    op = "transpose_forward"
    x = one_float(op, x)
    axes = tuple(range(x.ndim))[::-1] if axes is None else _integers(op, "axes", axes)
    order = tuple(axis + x.ndim if axis < 0 else axis for axis in axes)
    if sorted(order) != list(range(x.ndim)):
        raise complaint(
            ValueError, op, f"axes {axes} must name each of the {x.ndim} axes of x once", x=x
        )
    return x.transpose(order), (x, order)


def transpose_backward(dout, cache):
    """Gradient of transposing: dx = dout with its axes put back.

    Axis k of dout is axis axes[k] of x, so axis axes[k] of dx is axis k of dout: the inverse
    permutation, which sorting gives.
    """
    x, axes = unpack("transpose_backward", cache, ("x", "axes"), (ARRAY, tuple))
    if len(axes) != x.ndim or not all(axis in range(x.ndim) for axis in axes):
        raise bad_cache("transpose_backward", cache, ("x", "axes"))
    shape = tuple(x.shape[axis] for axis in axes)
    return upstream("transpose_backward", dout, shape, x.dtype).transpose(np.argsort(axes))


class Flatten(PairLayer):
    """Layer of :func:`flatten_forward`.

    Examples
    --------
    >>> Flatten().forward(np.zeros((2, 3, 4)))[0].shape
    (2, 12)
    """

    pair = flatten_forward, flatten_backward


class Reshape(PairLayer):
    """Layer of :func:`reshape_forward`.

    Parameters
    ----------
    *shape : int
        Shape of out, with -1 in the place of N.

    Examples
    --------
    >>> Reshape(-1, 1, 8, 8).forward(np.zeros((2, 64)))[0].shape
    (2, 1, 8, 8)
    """

    pair = reshape_forward, reshape_backward

    def __init__(self, *shape):
        self.hold(shape=_integers("Reshape", "shape", shape))

    def __repr__(self):
        return self.form(*self.settings["shape"])


class Transpose(PairLayer):
    """Layer of :func:`transpose_forward`.

    Parameters
    ----------
    *axes : int
        Axis k of out is axis axes[k] of x.

    Examples
    --------
    >>> Transpose(0, 2, 1).forward(np.zeros((2, 3, 4)))[0].shape
    (2, 4, 3)
    """

    pair = transpose_forward, transpose_backward

    def __init__(self, *axes):
        self.hold(axes=_integers("Transpose", "axes", axes))

    def __repr__(self):
        return self.form(*self.settings["axes"])


def _integers(op, name, values):
    """Return the values as a tuple of Python integers."""
    try:
        return tuple(operator.index(value) for value in values)
    except TypeError:
        raise complaint(
            TypeError, op, f"{name} must be a tuple of integers, not {describe(values)}"
        ) from None
