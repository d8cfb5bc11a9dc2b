"""Flatten: every example of a batch becomes one row."""

import math

from nnlayers.layers.checks import complaint, one_float, unpack, upstream
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


class Flatten(PairLayer):
    """Layer of :func:`flatten_forward`.

    Examples
    --------
    >>> Flatten().forward(np.zeros((2, 3, 4)))[0].shape
    (2, 12)
    """

    pair = flatten_forward, flatten_backward
