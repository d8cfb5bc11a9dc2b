"""Probes of behaviour, without any differentiation: is this a pair of pure functions at all.

Forward and backward are called twice, with other calls in between, and everything that they were
given is compared with a copy from before: a backward that changes its dout, or that uses the
values of the last forward instead of its cache, is right when called once and wrong in a net.
"""

import copy
import os
import traceback

import numpy as np

from nnlayers.gradients.report import Diagnosis
from nnlayers.layers.checks import describe

SAME = 1e-9  # calls that differ by less, relative to the largest entry, count as equal


class Crash(Exception):
    """The user's backward raised; the text says what and where."""


def probe(point):
    """Call forward and backward as a net would; return the diagnoses of what is wrong with that.

    Sets ``point.claims``.  An empty list means that the pair behaves.

    Raises
    ------
    Crash
        If backward raises.
    """
    found = []
    _guard(point, found)
    held = leaves_of(point.cache)
    arguments = [(n, a) for n, a in point.subject.arguments.items() if isinstance(a, np.ndarray)]
    watched = [*arguments, *((label or "its cache", leaf) for label, leaf in held)]
    before = [array.copy() for _, array in watched]
    point.claims = []
    for douts in point.douts:
        first = not point.claims
        given = [dout.copy() if dout.ndim else np.float64(dout) for dout in douts]
        cache = _containers(point.cache)
        result = _call(point, given, cache)
        if first:
            _aliases(point, result, watched, found)
        # copied before anything is put back: a result may lie in what backward has written into
        point.claims.append(_gradients(point, result, found if first else []))
        if any(not _equal(a, b) for a, b in zip(given, douts)):
            found.append(_mutation("backward", "dout", "dout = dout * mask makes a new array"))
        if _structure(cache) != _structure(point.cache):
            found.append(_mutation("backward", "its cache", "read the cache, but change nothing"))
        for (label, array), copy in zip(watched, before):
            if not _equal(array, copy):
                found.append(_mutation("backward", label, "work on a copy"))
                np.copyto(array, copy)
    found[:] = list(dict.fromkeys(found))
    return found


def probe_again(point, found):
    """Repeat forward and backward after other calls; add what differs to the diagnoses.

    The numerical derivatives have called forward with other inputs meanwhile, so a backward whose
    result has changed keeps something outside its cache.
    """
    first = point.claims[0]
    if not any(d.cause == "mutates_or_aliases" for d in found):
        # other values of the same kind: every array's own entries, moved on by one
        point.at([np.roll(base, 1) - base for base in point.base])
        again, third = (
            _gradients(point, _call(point, point.copied(), _containers(point.cache)), [])
            for _ in range(2)
        )
        if not _all_same(again, third):
            found.append(
                Diagnosis(
                    "nondeterministic",
                    None,
                    "two calls of backward with the same dout and cache differ",
                    "draw all random numbers in forward, from rng, and keep them in the cache",
                    "proved",
                )
            )
        elif not _all_same(first, again):
            found.append(
                Diagnosis(
                    "stale_cache",
                    None,
                    "backward gives other gradients for the same dout and cache once forward has "
                    "run on other inputs: it uses something that is kept outside the cache",
                    "put everything that backward needs into the cache, and read it from there",
                    "proved",
                )
            )


def _guard(point, found):
    """Call forward again: does it write into its arguments, and does it repeat itself."""
    subject = point.subject
    changed = [
        name
        for (name, array), base in zip(subject.arrays.items(), point.base)
        if array.shape != base.shape or not _equal(array, base)
    ]
    for array, base in zip(subject.arrays.values(), point.base):
        if array.shape != base.shape:
            array.shape = base.shape
    for name in changed:
        found.append(_mutation("forward", name, "out = np.maximum(x, 0) makes a new array"))
    subject.guarded = bool(changed)
    point.restore()
    outs, cache = point.forward()
    if changed:
        point.outs, point.cache = [np.array(out, dtype=np.float64) for out in outs], cache
        outs, _ = point.forward()
    if not _all_same(point.outs, outs):
        found.append(
            Diagnosis(
                "nondeterministic",
                None,
                "two calls of forward with the same arguments give different results",
                "take randomness as rng= (a seed or a Generator) and pass one to the check",
                "proved",
            )
        )


def _call(point, given, cache):
    """Return backward's result for these very upstream gradients and this cache."""
    try:
        with np.errstate(all="ignore"):
            return point.subject.backward(given, cache)
    except Exception as error:
        raise Crash(_where(error)) from error


def _where(error):
    """Return an exception in one line, with the line of the user's own code that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    package = os.path.dirname(os.path.dirname(__file__))
    foreign = [f for f in frames if not f.filename.startswith(package)]
    frame = (foreign or frames)[-1]
    text = " ".join(str(error).split())
    return (
        f"{type(error).__name__}: {text} (line {frame.lineno} of {frame.name}: "
        f"{(frame.line or '').strip()})"
    )


def _gradients(point, result, found):
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
                f"backward returned {describe(result)}, not {_expected(names)}",
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
        for name, (_, array), given, value in zip(
            names, subject.arrays.items(), subject.given.values(), result
        )
    ]


def _gradient(name, array, given, value, found):
    """Return one gradient as a float64 copy, or None; add what is wrong with its form."""
    if not isinstance(value, np.ndarray | np.generic | float | int):
        kind = "a list" if isinstance(value, list) else describe(value)
        found.append(_bad_output(name, f"{name} is {kind}, not an array", "return a NumPy array"))
        value = np.asarray(value) if isinstance(value, list) else np.asarray(None)
    value = np.asarray(value)
    if value.dtype.kind not in "fiub":
        if value.dtype.kind == "c":
            found.append(_bad_output(name, f"{name} is {value.dtype}", "return real numbers"))
            return value.real.astype(np.float64)
        if not found or found[-1].gradient != name:
            found.append(_bad_output(name, f"{name} is {value.dtype}", "return real numbers"))
        return None
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
    with np.errstate(all="ignore"):
        value = np.array(value, dtype=np.float64)
    bad = ~np.isfinite(value)
    if bad.any():
        found.append(
            Diagnosis(
                "nonfinite",
                name,
                f"{int(bad.sum())} of {bad.size} entries of {name} are NaN or infinite",
                "look for a division by zero, 0 * inf, or a logarithm of 0",
                "proved",
            )
        )
    return value


def _aliases(point, result, watched, found):
    """Add a diagnosis for each gradient that lies in the memory of an argument or of the cache."""
    grads = result if isinstance(result, tuple | list) else (result,)
    if len(grads) != len(point.subject.gradients):
        return
    for name, gradient in zip(point.subject.gradients, grads):
        if not isinstance(gradient, np.ndarray) or not gradient.size:
            continue
        for label, array in watched:
            if array.size and _overlap(gradient, array):
                found.append(
                    Diagnosis(
                        "mutates_or_aliases",
                        name,
                        f"{name} is no array of its own: it shares its memory with {label}, so "
                        "writing into one changes the other",
                        "return a copy",
                        "proved",
                    )
                )
                break


def _overlap(a, b):
    try:
        return np.shares_memory(a, b, max_work=1000)
    except Exception:  # too hard to say for these strides
        return np.may_share_memory(a, b)


def _containers(cache):
    """Return a cache whose tuples, lists and dicts are new, with the same arrays in them."""
    if isinstance(cache, list):
        return [_containers(item) for item in cache]
    if type(cache) is tuple:
        return tuple(_containers(item) for item in cache)
    if isinstance(cache, dict):
        new = copy.copy(cache)
        for key, item in cache.items():
            new[key] = _containers(item)
        return new
    return cache


def _structure(cache):
    """Return what a cache consists of, without its numbers."""
    if isinstance(cache, tuple | list):
        return [_structure(item) for item in cache]
    if isinstance(cache, dict):
        return {key: _structure(item) for key, item in cache.items()}
    return id(cache)


def leaves_of(cache):
    """Return the arrays in a cache as (label, array), each once."""
    found, seen = [], set()

    def walk(value, label, depth):
        if id(value) in seen or depth > 6:
            return
        seen.add(id(value))
        if isinstance(value, np.ndarray):
            found.append((label, value))
        elif isinstance(value, tuple | list):
            for i, item in enumerate(value):
                walk(item, f"{label}[{i}]", depth + 1)
        elif isinstance(value, dict):
            for key, item in value.items():
                walk(item, f"{label}[{key!r}]", depth + 1)
        elif hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value):
            for key, item in vars(value).items():
                walk(item, f"{label}.{key}", depth + 1)

    walk(cache, "cache", 0)
    return found


def _mutation(where, what, fix):
    return Diagnosis(
        "mutates_or_aliases",
        None,
        f"{where} writes into {what}, which is not its own",
        f"{fix}; writing in place destroys what other layers still need",
        "proved",
    )


def _bad_output(name, message, fix):
    return Diagnosis("bad_output", name, message, fix, "proved")


def _expected(names):
    return f"a tuple of {len(names)} arrays" if len(names) > 1 else "an array"


def _equal(a, b):
    return a is b or np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f")


def _all_same(a, b):
    """Whether two lists of arrays are equal but for rounding."""
    for left, right in zip(a, b):
        if left is None or right is None:
            if left is not right:
                return False
            continue
        left, right = np.asarray(left, np.float64), np.asarray(right, np.float64)
        if left.shape != right.shape:
            return False
        with np.errstate(invalid="ignore"):
            difference = np.abs(left - right)
            limit = SAME * np.abs(right).max(initial=0.0)
            different = (difference > limit) | (np.isnan(left) != np.isnan(right))
        if different.any():
            return False
    return True
