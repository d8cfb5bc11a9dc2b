"""What backward returned: one array for each gradient, and what is wrong with its form."""

import math

import numpy as np

from nnlayers.gradients.report import Diagnosis
from nnlayers.layers.checks import describe


def gradients_in(point, result, found):
    """Return what backward returned as one array per gradient; None stands for none.

    What is wrong with the form is added to found.
    """
    subject = point.subject
    names = subject.gradients
    if len(names) == 1 and not isinstance(result, tuple | list):
        result = (result,)
    if isinstance(result, list):
        found.append(
            _bad_output(None, f"backward returned a list of {len(result)}", "return a tuple")
        )
        if len(names) == 1 and np.shape(result) == next(iter(subject.arrays.values())).shape:
            result = (result,)
    if not isinstance(result, tuple | list):
        found.append(
            _bad_output(
                None,
                f"backward returned {describe(result)}, not a tuple of {len(names)} arrays",
                f"return {', '.join(names)}",
            )
        )
        return [None] * len(names)
    if len(result) != len(names):
        kinds = ", ".join(describe(r) for r in result)
        found.append(
            _bad_output(
                None,
                f"backward returned {len(result)} gradients ({kinds}), but there must be "
                f"{len(names)}: {', '.join(names)}",
                "return one for each differentiable argument, in forward's order",
            )
        )
        return [None] * len(names)
    return [
        _gradient(name, array, given, value, found)
        for name, array, given, value in zip(
            names, subject.arrays.values(), subject.given.values(), result
        )
    ]


def _gradient(name, array, given, value, found):
    """Return one gradient as a float64 copy, or None; add what is wrong with its form."""
    if type(value) is np.ndarray and value.dtype == np.float64 and value.shape == array.shape:
        return _finite(name, value.copy(), found)
    if not isinstance(value, np.ndarray | np.generic | float | int):
        kind = "a list" if isinstance(value, list) else describe(value)
        fix = "return an array of zeros if it is 0" if value is None else "return a NumPy array"
        found.append(_bad_output(name, f"{name} is {kind}, not an array", fix))
        if not isinstance(value, list):
            return None
    value = np.asarray(value)
    if value.dtype.kind not in "fiub":
        if not found or found[-1].gradient != name:
            found.append(_bad_output(name, f"{name} is {value.dtype}", "return real numbers"))
        return value.real.astype(np.float64) if value.dtype.kind == "c" else None
    if value.ndim and (
        value.dtype.kind != "f" or (value.dtype.itemsize < 8 and given.itemsize > value.itemsize)
    ):
        found.append(
            _bad_output(
                name,
                f"{name} is {value.dtype} although the arguments are float64",
                "make buffers with np.zeros_like(x), and leave astype out",
            )
        )
    if value.shape != array.shape:
        found.append(
            _bad_output(
                name,
                f"{name} has shape {value.shape} but its argument has {array.shape}",
                "a gradient has the shape of what it belongs to",
            )
        )
    return _finite(name, np.array(value, dtype=np.float64), found)


def _finite(name, value, found):
    """Return the gradient; add a diagnosis if it has entries that are not finite."""
    if not all_finite(value):
        finite = np.isfinite(value)
        found.append(
            Diagnosis(
                "nonfinite",
                name,
                f"{value.size - int(finite.sum())} of {value.size} entries of {name} are NaN or "
                "infinite",
                "look for a division by zero, 0 * inf, or a logarithm of 0",
                "proved",
            )
        )
    return value


def all_finite(array):
    """Whether there is no entry that is NaN or infinite."""
    # the sum of all is no number if one of them is none; but it may overflow
    return math.isfinite(np.add.reduce(array.ravel())) or bool(np.isfinite(array).all())


def _bad_output(name, message, fix):
    return Diagnosis("bad_output", name, message, fix, "proved")
