"""Probes of behaviour, without any differentiation: is this a pair of pure functions at all.

Forward and backward are called twice, with other calls in between, and everything that they were
given is compared with a copy from before: a backward that changes its dout, or that uses the
values of the last forward instead of its cache, is right when called once and wrong in a net.
"""

import copy
import math
import os
import traceback

import numpy as np

from nnlayers.gradients.report import Diagnosis
from nnlayers.layers.checks import describe

SAME = 1e-9  # calls that differ by less, relative to the largest entry, count as equal
PACKAGE = os.path.dirname(os.path.dirname(__file__))


class Crash(Exception):
    """The user's forward or backward raised; the text says what and where."""


def probe(point):
    """Call forward and backward as a net would; return the diagnoses of what is wrong with that.

    Sets ``point.claims``.  An empty list means that the pair behaves.

    Raises
    ------
    Crash
        If one of them raises.
    """
    found = []
    _guard(point, found)
    watched = _watched(point)
    before = [array.copy() for _, array in watched]
    if not _probe_backward(point, watched, before, found, careful=False):
        found.clear()
        _guard(point, found)
        _probe_backward(point, watched, before, found, careful=True)
        found[:] = list(dict.fromkeys(found))
    return found


def _probe_backward(point, watched, before, found, careful):
    """Call backward for every dout; return whether it left everything alone.

    With ``careful``, everything is compared and put back after each call, and named.
    """
    point.claims, untouched = [], True
    for douts in point.douts:
        first = not point.claims
        given = [dout.copy() if dout.ndim else np.float64(dout) for dout in douts]
        cache = _containers(point.cache)
        result = call(point, given, cache)
        if first:
            _aliases(point, result, watched, given, found)
        # copied before anything is put back: a result may lie in what backward has written into
        point.claims.append(gradients_in(point, result, found if first else []))
        if not all(map(equal, given, douts)):
            untouched = False
            found.append(_mutation("backward", "dout", "dout = dout * mask makes a new array"))
        if cache is not point.cache and _structure(cache) != _structure(point.cache):
            untouched = False
            found.append(_mutation("backward", "its cache", "read the cache, but change nothing"))
        if careful or len(point.claims) == len(point.douts):
            for (label, array), kept in zip(watched, before):
                if not equal(array, kept):
                    untouched = False
                    found.append(_mutation("backward", label, "work on a copy"))
                    np.copyto(array, kept)
    return untouched


def probe_again(point, found):
    """Repeat backward after forward has run on other inputs; add what differs to the diagnoses.

    A backward whose result has changed keeps something outside its cache.
    """
    if any(d.cause == "mutates_or_aliases" for d in found):
        return
    # as far away as x is large, with other signs
    point.at(-1.5 * point.base)

    def backward():
        return gradients_in(point, point.backward(point.douts[0], _containers(point.cache)), [])

    again, third = backward(), backward()
    if _all_same(point.claims[0], again) and _all_same(again, third):
        return
    fourth = backward()
    if _grows(again, third, fourth):
        found.append(
            Diagnosis(
                "stale_cache",
                None,
                "each call of backward adds its gradients to those of the calls before",
                "start from zeros in every call: the optimizer or the loop adds gradients up",
                "proved",
            )
        )
    elif _all_same(again, third):
        found.append(
            Diagnosis(
                "stale_cache",
                None,
                "backward gives other gradients for the same dout and cache once forward has run "
                "on other inputs: it uses something that is kept outside the cache",
                "put everything that backward needs into the cache, and read it from there",
                "proved",
            )
        )
    else:
        found.append(
            Diagnosis(
                "nondeterministic",
                None,
                "two calls of backward with the same dout and cache differ",
                "draw all random numbers in forward, from rng, and keep them in the cache",
                "proved",
            )
        )


def _grows(*calls):
    """Whether every call adds the same again, up to rounding."""
    flat = [np.concatenate([g.ravel() for g in call if g is not None]) for call in calls]
    if len({a.size for a in flat}) > 1:
        return False
    step, next_step = flat[1] - flat[0], flat[2] - flat[1]
    size = np.abs(flat[2]).max(initial=0.0)
    return step.any() and bool((np.abs(next_step - step) <= 1e-12 * size).all())


def lower_precision(point):
    """Return how far the gradients of the arguments as they were given are from those in float64.

    Relative to the largest entry of each; None if everything was float64, or if backward fails.
    """
    subject = point.subject
    if all(dtype.itemsize >= 8 for dtype in subject.given.values()):
        return None
    try:
        found = subject.as_given(point.douts[0])
        difference = 0.0
        for gradient, exact in zip(found, point.claims[0], strict=True):
            largest = np.abs(exact).max(initial=0.0)
            if largest:
                off = np.abs(np.asarray(gradient, np.float64) - exact).max()
                difference = max(difference, float(off / largest))
        return difference
    except Exception:
        return None


def call(point, given, cache):
    """Return backward's result for these very upstream gradients and this cache."""
    try:
        return point.subject.backward(given, cache)
    except Exception as error:
        raise Crash(f"backward raised {where(error)}") from error


def where(error):
    """Return an exception in one line, with the line of the user's own code that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    frame = ([f for f in frames if not f.filename.startswith(PACKAGE)] or frames)[-1]
    text = " ".join(str(error).split())
    place = f"line {frame.lineno} of {frame.name}, `{(frame.line or '').strip()}`"
    return f"{type(error).__name__} in {place}: {text}"


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
        found.append(_bad_output(name, f"{name} is {kind}, not an array", "return a NumPy array"))
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


def _guard(point, found):
    """Call forward again: does it write into its arguments, and does it repeat itself."""
    subject = point.subject
    for name, array in subject.arrays.items():
        if array.size and not np.shares_memory(array, subject.flat):
            raise Crash(f"forward replaces its argument {name}")
    changed = []
    if not equal(subject.flat, point.base):
        changed = [
            name
            for name, place in zip(subject.arrays, subject.slices)
            if not equal(subject.flat[place], point.base[place])
        ]
        subject.flat[...] = point.base
    for name, array, shape in _reshaped(subject):
        changed.append(name)
        array.shape = shape
    for name in dict.fromkeys(changed):
        found.append(_mutation("forward", name, "out = np.maximum(x, 0) makes a new array"))
    subject.guarded = bool(changed)
    outs, cache = point.forward()
    if changed:
        point.settle(outs)
        point.cache = cache
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


def _reshaped(subject):
    """Yield the arrays whose shape was written to, with the shape that they had."""
    for name, array in subject.arrays.items():
        if array.shape != subject.shapes[name]:
            yield name, array, subject.shapes[name]


def _watched(point):
    """Return all arrays that backward must leave alone, as (label, array), each once."""
    arguments = [(n, a) for n, a in point.subject.arguments.items() if isinstance(a, np.ndarray)]
    known = {id(array) for _, array in arguments}
    cached = [(label, leaf) for label, leaf in leaves_of(point.cache) if id(leaf) not in known]
    return arguments + cached


def _aliases(point, result, watched, douts, found):
    """Add a diagnosis for each gradient that lies in the memory of something else.

    That is an argument, an array of the cache, or another gradient, unless both are dout itself.
    """
    grads = result if isinstance(result, tuple | list) else (result,)
    if len(grads) != len(point.subject.gradients):
        return
    earlier = []
    for name, gradient in zip(point.subject.gradients, grads):
        if not isinstance(gradient, np.ndarray) or not gradient.size:
            continue
        passed_on = any(
            isinstance(d, np.ndarray) and np.may_share_memory(gradient, d) for d in douts
        )
        others = [] if passed_on else earlier
        earlier = [*earlier, (name, gradient)]
        for label, array in (*watched, *others):
            if np.may_share_memory(gradient, array) and _overlap(gradient, array):
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
        return True


def _containers(cache):
    """Return a cache whose lists and dicts are new, with the same arrays in them."""
    if isinstance(cache, np.ndarray):
        return cache
    if type(cache) is tuple:
        items = [_containers(item) for item in cache]
        return cache if all(map(_is, items, cache)) else tuple(items)
    if isinstance(cache, list):
        return [_containers(item) for item in cache]
    if isinstance(cache, dict):
        new = copy.copy(cache)
        for key, item in cache.items():
            new[key] = _containers(item)
        return new
    return cache


def _is(a, b):
    return a is b


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
        if isinstance(value, np.ndarray):
            seen.add(id(value))
            found.append((label, value))
        elif isinstance(value, tuple | list):
            for i, item in enumerate(value):
                walk(item, f"{label}[{i}]", depth + 1)
        elif isinstance(value, dict):
            for key, item in value.items():
                walk(item, f"{label}[{key!r}]", depth + 1)
        elif hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value):
            seen.add(id(value))
            for key, item in vars(value).items():
                walk(item, f"{label}.{key}", depth + 1)

    walk(cache, "cache", 0)
    return found


def _mutation(function, what, fix):
    return Diagnosis(
        "mutates_or_aliases",
        None,
        f"{function} writes into {what}, which is not its own",
        f"{fix}; writing in place destroys what other layers still need",
        "proved",
    )


def _bad_output(name, message, fix):
    return Diagnosis("bad_output", name, message, fix, "proved")


def equal(a, b):
    """Whether two arrays or NumPy numbers are equal, NaN included."""
    if a is b:
        return True
    if a.shape != b.shape:
        return False
    same = a == b
    if np.count_nonzero(same) == same.size:  # takes half the time of same.all()
        return True
    return bool(np.all(same | ((a != a) & (b != b))))


def _all_same(a, b):
    """Whether two lists of arrays are equal but for rounding."""
    for left, right in zip(a, b):
        if left is None or right is None:
            if left is not right:
                return False
        elif not equal(left, right):
            left, right = np.asarray(left, np.float64), np.asarray(right, np.float64)
            if left.shape != right.shape:
                return False
            limit = SAME * np.abs(right).max(initial=0.0)
            different = np.abs(left - right) > limit
            if (different | (np.isnan(left) != np.isnan(right))).any():
                return False
    return True
