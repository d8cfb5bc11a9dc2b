"""Gradient clipping: a limit to the length of a step, or to each of its entries."""

import math

import numpy as np

from nnlayers.layers.checks import complaint, describe
from nnlayers.training.bounds import positive


def clip_by_norm(grads, limit):
    """Scale gradients, all by one factor, so that together they are no longer than the limit.

    norm = √(Σ dwᵢ²) over all entries of all gradients;  dw ← dw · limit / norm if norm > limit

    The direction of the step stays as it is.

    Parameters
    ----------
    grads : dict of str to ndarray
        Gradients.
    limit : float
        Greater than 0.

    Returns
    -------
    clipped : dict of str to ndarray
        The given arrays if they are short enough, new ones if not.
    norm : float
        Their length before.

    Raises
    ------
    ValueError
        If the limit is not greater than 0, or a gradient is not finite.
    TypeError
        If grads is no dict of floating-point arrays.

    Source
    ------
    Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks" (2013),
    algorithm 1.

    Examples
    --------
    >>> clip_by_norm({"w": np.array([3.0, 0.0]), "b": np.array([4.0])}, 1.0)
    ({'w': array([0.6, 0. ]), 'b': array([0.8])}, 5.0)
    """
    op = "clip_by_norm"
    grads, limit = _checked(op, grads), positive(op, "limit", limit)
    norm = norm_of(op, grads, [dw.reshape(dw.size) for dw in grads.values()])
    if norm > limit:
        grads = {key: dw * (limit / norm) for key, dw in grads.items()}
    return grads, norm


def clip_by_value(grads, limit):
    """Limit each entry of the gradients to the interval from -limit to limit.

    dwᵢ ← min(max(dwᵢ, -limit), limit)

    Parameters
    ----------
    grads : dict of str to ndarray
        Gradients.
    limit : float
        Greater than 0.

    Returns
    -------
    dict of str to ndarray
        New arrays.

    Raises
    ------
    ValueError
        If the limit is not greater than 0.
    TypeError
        If grads is no dict of floating-point arrays.

    Source
    ------
    Mikolov, "Statistical language models based on neural networks" (2012), section 3.3.

    Examples
    --------
    >>> clip_by_value({"w": np.array([3.0, 0.5, -4.0])}, 1.0)
    {'w': array([ 1. ,  0.5, -1. ])}
    """
    op = "clip_by_value"
    grads, limit = _checked(op, grads), positive(op, "limit", limit)
    return {key: np.clip(dw, -limit, limit) for key, dw in grads.items()}


def norm_of(op, keys, flats):
    """Return the length of all gradients together, given as vectors; it never overflows."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        square = math.fsum(float(np.dot(dw, dw)) for dw in flats)
    if 1e-30 < square < math.inf:
        return math.sqrt(square)
    # too large or too small to be squared, or not finite
    largest = max((float(np.abs(dw).max(initial=0.0)) for dw in flats), default=0.0)
    if largest == 0.0:
        return 0.0
    bad = [key for key, dw in zip(keys, flats) if not np.isfinite(dw).all()]
    if bad:
        raise complaint(
            ValueError,
            op,
            f"the gradient of {', '.join(bad)} has entries that are NaN or infinite",
            "it has no length to be limited: nothing was changed",
        )
    scaled = ((dw / largest).astype(np.float64, copy=False) for dw in flats)
    return largest * math.sqrt(math.fsum(float(np.dot(dw, dw)) for dw in scaled))


def factor_for(op, keys, flats, limit):
    """Return the factor that limits the length of all gradients together; None for 1."""
    norm = norm_of(op, keys, flats)
    return limit / norm if norm > limit else None


def _checked(op, grads):
    if not isinstance(grads, dict) or not all(
        isinstance(dw, np.ndarray | np.floating) and dw.dtype.kind == "f" for dw in grads.values()
    ):
        raise complaint(
            TypeError, op, f"grads must be a dict of floating-point arrays, not {describe(grads)}"
        )
    return grads
