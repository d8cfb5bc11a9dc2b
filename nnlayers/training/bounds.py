"""Checks of the numbers that steer training, and of the keys to which it is limited.

Numbers are returned as Python floats: a NumPy float64 scalar would turn a float32 array into a
float64 one.
"""

import math
import numbers
import operator
from collections.abc import Iterable

import numpy as np

from nnlayers.layers.checks import complaint, describe


def non_negative(op, name, value):
    """Return value as a float if it is finite and at least 0."""
    number = _finite(op, name, value)
    if number < 0.0:
        raise complaint(ValueError, op, f"{name} must be at least 0, not {value}")
    return number


def positive(op, name, value):
    """Return value as a float if it is finite and greater than 0."""
    number = _finite(op, name, value)
    if number <= 0.0:
        raise complaint(ValueError, op, f"{name} must be greater than 0, not {value}")
    return number


def fraction(op, name, value):
    """Return value as a float if it is at least 0 and less than 1."""
    number = _finite(op, name, value)
    if not 0.0 <= number < 1.0:
        raise complaint(ValueError, op, f"{name} must be at least 0 and less than 1, not {value}")
    return number


def whole(op, name, value):
    """Return value as an int if it is an integer of at least 0."""
    try:
        number = operator.index(None if isinstance(value, bool) else value)
    except TypeError:
        raise complaint(
            TypeError, op, f"{name} must be an integer, not {describe(value)}"
        ) from None
    if number < 0:
        raise complaint(ValueError, op, f"{name} must be at least 0, not {number}")
    return number


def switch(op, name, value):
    """Return value if it is True or False."""
    if not isinstance(value, bool | np.bool):
        raise complaint(TypeError, op, f"{name} must be True or False, not {describe(value)}")
    return bool(value)


def keys(op, only):
    """Return only as a list of keys; None stays None."""
    if only is None:
        return None
    listed = list(only) if isinstance(only, Iterable) and not isinstance(only, str) else [None]
    if not all(isinstance(key, str) for key in listed):
        raise complaint(TypeError, op, f"only must be a list of keys, not {describe(only)}")
    return listed


def require_keys(op, listed, params):
    """Raise unless the parameters have all these keys."""
    unknown = [key for key in listed if key not in params]
    if unknown:
        raise complaint(
            ValueError,
            op,
            f"the net has no parameter {', '.join(map(repr, unknown))}",
            f"there are {', '.join(params)}",
        )


def _finite(op, name, value):
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise complaint(TypeError, op, f"{name} must be a number, not {describe(value)}")
    if not math.isfinite(value):
        raise complaint(ValueError, op, f"{name} must be finite, not {value}")
    return float(value)
