"""Checks of the numbers that steer training; each returns a Python float.

A NumPy float64 scalar would turn a float32 array into a float64 one; a Python float does not.
"""

import math
import numbers

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


def _finite(op, name, value):
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise complaint(TypeError, op, f"{name} must be a number, not {describe(value)}")
    if not math.isfinite(value):
        raise complaint(ValueError, op, f"{name} must be finite, not {value}")
    return float(value)
