"""What translations share: arguments as floats, dictionaries of settings, names in errors."""

import numpy as np

from nnlayers.layers.checks import complaint, describe


class Cache(tuple):
    """A cache with the entries that the course documents, and the library's own in ``own``."""


def cache_of(entries, own):
    """Return the course's cache of these entries for a pair whose own cache this is."""
    cache = Cache(entries)
    cache.own = own
    return cache


class called:
    """Context in which an error of the library's function names the course's function instead."""

    def __init__(self, course, own):
        self.course, self.own = course, own

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, ValueError | TypeError) and error.args:
            text = error.args[0]
            if isinstance(text, str) and text.startswith(f"{self.own}:"):
                error.args = (self.course + text[len(self.own) :],)
        return False


def as_floats(*arrays):
    """Return the arrays in the one floating dtype to which NumPy would promote them in a product.

    The library asks for equal dtypes; notebooks write ``np.array([0, 128])`` for a bias, and
    course code multiplies images of float64 by weights of float32.
    """
    arrays = [np.asarray(array) for array in arrays]
    floating = [array.dtype for array in arrays if array.dtype.kind == "f"] or [np.float64]
    dtype = np.result_type(*floating)
    # what is no number is left to the pair to complain about
    return [a.astype(dtype, copy=False) if a.dtype.kind in "fbiu" else a for a in arrays]


def check_settings(op, name, param, required=(), optional=(), fix=None):
    """Raise unless param is a dict with the required keys and no other than the optional ones."""
    allowed = (*required, *optional)
    if not isinstance(param, dict):
        raise complaint(
            TypeError,
            op,
            f"{name} must be a dict with the keys {', '.join(allowed)}",
            **{name: param},
        )
    unknown = [str(key) for key in param if key not in allowed]
    if unknown:
        raise complaint(
            ValueError,
            op,
            f"{name} has the unknown key{'s' * (len(unknown) > 1)} {', '.join(unknown)}",
            fix or f"the keys are {', '.join(allowed)}",
        )
    missing = [key for key in required if key not in param]
    if missing:
        raise complaint(
            ValueError,
            op,
            f"{name} lacks {', '.join(missing)}",
            fix or f"the keys are {', '.join(allowed)}",
        )


def check_keywords(op, unknown, known, hints=()):
    """Raise if there are unknown keywords; ``hints`` pairs names with what to do about them."""
    if not unknown:
        return
    words = ", ".join(unknown)
    fix = next((hint for names, hint in hints if set(unknown) & set(names)), None)
    raise complaint(
        TypeError,
        op,
        f"unknown keyword{'s' * (len(unknown) > 1)} {words}",
        fix or f"there are {', '.join(known)}",
    )


def mode_of(op, name, param):
    """Return whether the mode in a dict of settings is that of training."""
    mode = param["mode"]
    if mode not in ("train", "test"):
        raise complaint(ValueError, op, f'{name}["mode"] must be "train" or "test", not {mode!r}')
    return mode == "train"


def source(rng, op, name="rng"):
    """Return what random numbers are drawn from: NumPy's global generator for None.

    A seed stands for a legacy generator of its own, whose numbers are those of the global one
    after ``np.random.seed``.
    """
    if rng is None or rng is np.random:
        return np.random
    if isinstance(rng, int | np.integer) and not isinstance(rng, bool):
        return np.random.RandomState(rng)
    if isinstance(rng, np.random.RandomState | np.random.Generator):
        return rng
    raise complaint(
        TypeError,
        op,
        f"{name} must be a seed or a generator of NumPy, not {describe(rng)}",
        "None draws from the global generator, which np.random.seed seeds",
    )
