"""Probes of behaviour, without any differentiation: is this a pair of pure functions at all.

Forward and backward are called twice, with other calls in between, and everything that they were
given is compared with a copy from before: a backward that changes its dout, or that uses the
values of the last forward instead of its cache, is right when called once and wrong in a net.
"""

import os
import traceback

import numpy as np

from nnlayers.gradients.report import Diagnosis
from nnlayers.gradients.results import gradients_in
from nnlayers.gradients.sharing import aliases, containers, structure, watched_arrays

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
    watched = watched_arrays(point)
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
        cache = containers(point.cache)
        result = call(point, given, cache)
        if first:
            aliases(point, result, watched, given, found)
        # copied before anything is put back: a result may lie in what backward has written into
        point.claims.append(gradients_in(point, result, found if first else []))
        if not all(map(equal, given, douts)):
            untouched = False
            found.append(_mutation("backward", "dout", "dout = dout * mask makes a new array"))
        if cache is not point.cache and structure(cache) != structure(point.cache):
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
        return gradients_in(point, point.backward(point.douts[0], containers(point.cache)), [])

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
    own = [frame for frame in frames if not frame.filename.startswith(PACKAGE)]
    text = " ".join(str(error).split())
    if not own:  # the library's layers say what is wrong, but not by which line of theirs
        return f"{type(error).__name__}: {text}"
    place = f"line {own[-1].lineno} of {own[-1].name}, `{(own[-1].line or '').strip()}`"
    return f"{type(error).__name__} in {place}: {text}"


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


def _mutation(function, what, fix):
    return Diagnosis(
        "mutates_or_aliases",
        None,
        f"{function} writes into {what}, which is not its own",
        f"{fix}; writing in place destroys what other layers still need",
        "proved",
    )


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
