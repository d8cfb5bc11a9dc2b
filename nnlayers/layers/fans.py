"""The numbers of terms in the sums of a layer, by which the variance of its weights is chosen."""

import math

from nnlayers.layers.checks import INT, complaint, describe


def fans(shape, op="fans"):
    """Return (fan_in, fan_out) of weights: (D, M), or of a filter bank (F, C, ...).

    fan_in is the number of terms in one output's sum, fan_out that in one input's gradient:

    - a matrix (D, M), x @ w: D and M;
    - filters (F, C, KH, KW) and the like: C · KH · KW and F · KH · KW, for stride 1; with groups,
      C is the number of channels that a filter sees, w.shape[1];
    - a transposed convolution: as for the filters, in their layout; its layer draws them so and
      swaps the axes after (a stride s leaves about 1 / s² of the terms, as an ordinary one does of
      fan_out, which is not counted);
    - a recurrent layer: its G gates are maps of their own, so each of wx (D, G H) is drawn as
      (D, H) and each of wh (H, G H) as (H, H): fan_out is H, not G H.

    Parameters
    ----------
    shape : tuple of int
        At least two axes.
    op : str
        What errors call the function.

    Returns
    -------
    fan_in, fan_out : int
        Numbers of terms.

    Raises
    ------
    ValueError
        If there are fewer axes.
    TypeError
        If the shape is no tuple of sizes.

    Examples
    --------
    >>> fans((64, 10)), fans((16, 3, 5, 5))
    ((64, 10), (75, 400))
    """
    shape = sizes(op, shape)
    if len(shape) < 2:
        raise complaint(
            ValueError,
            op,
            f"weights of shape {shape} have no fan-in and fan-out",
            "they need at least two axes; constants suit biases",
        )
    if len(shape) == 2:
        return shape
    field = math.prod(shape[2:])  # a filter bank (F, C, KH, KW) sees C · KH · KW inputs
    return shape[1] * field, shape[0] * field


def sizes(op, shape):
    """Return a shape as a tuple, if it is one or a list of sizes."""
    if not isinstance(shape, tuple | list) or not all(isinstance(n, INT) for n in shape):
        problem = f"shape must be a tuple of integers, not {describe(shape)}"
        raise complaint(TypeError, op, problem, "such as (64, 10)")
    if min(shape, default=0) < 0:
        raise complaint(ValueError, op, f"shape {tuple(shape)} has a negative size")
    return tuple(shape)
