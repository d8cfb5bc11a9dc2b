"""Checks of arguments, and the one place where their messages are formed.

Every pair begins with one of these calls, so a mistake is reported before anything is computed:
one line with the function, what disagrees in numbers, all shapes, and the likely fix.
"""

import numpy as np


def complaint(error, op, problem, fix=None, /, **got):
    """Return (not raise) an exception whose one-line text every message of the library shares.

    Parameters
    ----------
    error : type
        The exception's class: ValueError for shapes and values, TypeError for dtypes and kinds.
    op : str
        The function that the user called.
    problem : str
        What disagrees, in numbers.
    fix : str, optional
        What most likely helps.
    **got
        The arguments, by name; arrays are shown by shape, and by dtype in a TypeError.

    Examples
    --------
    >>> complaint(ValueError, "flatten_forward", "x is a scalar", "x[None] helps", x=np.zeros(()))
    ValueError('flatten_forward: x is a scalar: got x (); x[None] helps')
    """
    text = f"{op}: {problem}"
    if got:
        with_dtype = issubclass(error, TypeError)
        text += ": got " + ", ".join(f"{k} {describe(v, with_dtype)}" for k, v in got.items())
    return error(text + (f"; {fix}" if fix else ""))


def describe(value, with_dtype=False):
    """Describe an argument in a few characters: an array by its shape, anything else by itself."""
    if isinstance(value, np.ndarray):
        return f"{value.shape} {value.dtype}" if with_dtype else f"{value.shape}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{type(value).__name__} {text[:50]}..."


def name_of(function):
    """Return a function's name, or that of its type."""
    return getattr(function, "__name__", type(function).__name__)


def floats(op, optional=(), /, **arrays):
    """Return the arguments as floating-point arrays of one dtype; optional ones may be None.

    Raises
    ------
    TypeError
        If one is not real floating-point, or its dtype is not the first one's: silently mixed
        dtypes turn a float32 net into a float64 one.
    """
    checked, first = [], None
    for name, array in arrays.items():
        if array is not None or name not in optional:
            if array.__class__ is not np.ndarray:
                array = np.asarray(array)
            own = array.dtype
            if own.kind != "f":
                raise _not_floating(op, name, array, arrays)
            if first is None:
                first, dtype = name, own
            elif own is not dtype and own != dtype:  # equal ones mostly are one object
                raise complaint(
                    TypeError,
                    op,
                    f"{name} is {own} but {first} is {dtype}",
                    f"{name}.astype(np.{dtype}) or {first}.astype(np.{own})",
                    **_given(arrays),
                )
        checked.append(array)
    return checked


def x_w_b(op, x, w, b):
    """Return what :func:`floats` makes of x, w and an optional b, sooner if that is nothing."""
    if (
        x.__class__ is w.__class__ is b.__class__ is np.ndarray
        and x.dtype is w.dtype is b.dtype
        and x.dtype.kind == "f"
    ):
        return x, w, b
    return floats(op, ("b",), x=x, w=w, b=b)


def one_float(op, x, name="x"):
    """Return x as a floating-point array: :func:`floats` for the pairs that take one array."""
    if x.__class__ is not np.ndarray:
        x = np.asarray(x)
    if x.dtype.kind != "f":
        raise _not_floating(op, name, x, {name: x})
    return x


def upstream(op, dout, shape, dtype):
    """Return the upstream gradient dout as an array of the forward output's shape and dtype.

    A float becomes a NumPy number, where the output is one.
    """
    if dout.__class__ is float and not shape:
        return dtype.type(dout)  # the 1.0 with which a loss begins
    if dout.__class__ is not np.ndarray or (dout.dtype is not dtype and dout.dtype != dtype):
        given, dout = dout, np.asarray(dout)
        if dout.dtype.kind not in "fiu":
            raise complaint(
                TypeError,
                op,
                "dout must be an array of real numbers",
                "dout is the gradient of the loss with respect to forward's out",
                dout=given if dout.dtype.kind == "O" else dout,
            )
        dout = dout.astype(dtype)
    if dout.shape != shape:
        raise complaint(
            ValueError,
            op,
            f"dout must have the shape of forward's out, {shape}",
            "pass the dout and the cache of the same forward call",
            dout=dout,
        )
    return dout


ARRAY = (np.ndarray, np.generic)  # what NumPy computes without axes is a np.generic
OPTIONAL = (*ARRAY, type(None))
INT = (int, np.integer)


def unpack(op, cache, names, kinds=(ARRAY, ARRAY, ARRAY), nested=None):
    """Return the cache if it is the tuple that the forward function made.

    ``names`` are its entries and ``kinds`` their types, in the form of isinstance; ``nested`` is
    how many entries the last one has, if it is a tuple itself.
    """
    if (
        cache.__class__ is tuple
        and len(cache) == len(names)
        and all(map(isinstance, cache, kinds))
        and (nested is None or len(cache[-1]) == nested)
    ):
        return cache
    raise bad_cache(op, cache, names)


def bad_cache(op, cache, expected, forward=None):
    """Return the error of a backward whose cache is not what its forward made.

    What was expected is said in words, or as the names of the entries of a tuple.
    """
    if isinstance(expected, tuple):
        expected = f"the tuple ({', '.join(expected)}{',' * (len(expected) == 1)})"
    if isinstance(cache, tuple):
        kind = f"a tuple ({', '.join(describe(entry) for entry in cache)})"
    else:
        kind = f"{type(cache).__name__} {describe(cache)}"
    forward = forward or op.replace("_backward", "_forward")
    return complaint(
        ValueError,
        op,
        f"cache must be {expected} that {forward} returned, not {kind}",
        "pass the cache of the matching forward call",
    )


def same_shape(op, **arrays):
    """Raise unless both arrays have one shape: broadcasting would compute something else."""
    (name, a), (other, b) = arrays.items()
    if a.shape != b.shape:
        fix = f"every entry of {name} needs one of {other}"
        if a.size == b.size:
            fix = f"{other}.reshape({name}.shape) if the entries correspond"
        problem = f"{name} and {other} must have the same shape"
        raise complaint(ValueError, op, problem, fix, **arrays)


def choice(op, name, value, allowed):
    """Raise unless value is one of the allowed words."""
    if value not in allowed:
        words = ", ".join(repr(word) for word in allowed)
        raise complaint(ValueError, op, f"{name} must be one of {words}, not {value!r}")


def positive_int(op, **sizes):
    """Raise unless every size is an integer of at least 1."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int | np.integer):
            raise complaint(
                TypeError, op, f"{name} must be a positive integer, not {describe(size)}"
            )
        if size < 1:
            raise complaint(ValueError, op, f"{name} must be a positive integer, not {size}")


def said(op, train, why):
    """Raise unless train is True or False; ``why`` says what differs, so there is no default."""
    if train is None:
        raise complaint(TypeError, op, "train is left out, but it matters here", why)
    if not isinstance(train, bool | np.bool):
        raise complaint(TypeError, op, f"train must be True or False, not {describe(train)}", why)


def _not_floating(op, name, array, arrays):
    if arrays[name] is None:
        return complaint(TypeError, op, f"{name} is None", "pass an array", **_given(arrays))
    if array.dtype.kind in "biu":
        fix = f"{name}.astype(float) makes it floating-point"
    elif array.dtype.kind == "c":
        fix = "gradients here are of real functions"
    else:
        fix = "pass an array of floats"
    return complaint(
        TypeError, op, f"{name} must be floating-point, not {array.dtype}", fix, **_given(arrays)
    )


def _given(arrays):
    return {name: np.asarray(array) for name, array in arrays.items() if array is not None}
