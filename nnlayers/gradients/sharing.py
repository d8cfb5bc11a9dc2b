"""The arrays that backward is given, and which of its results lie in the memory of one of them."""

import copy

import numpy as np

from nnlayers.gradients.report import Diagnosis


def watched_arrays(point):
    """Return all arrays that backward must leave alone, as (label, array), each once."""
    arguments = [(n, a) for n, a in point.subject.arguments.items() if isinstance(a, np.ndarray)]
    known = {id(array) for _, array in arguments}
    cached = [(label, leaf) for label, leaf in leaves_of(point.cache) if id(leaf) not in known]
    return arguments + cached


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


def aliases(point, result, watched, douts, found):
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


def containers(cache):
    """Return a cache whose lists and dicts are new, with the same arrays in them."""
    if isinstance(cache, np.ndarray):
        return cache
    if type(cache) is tuple:
        items = [containers(item) for item in cache]
        return cache if all(map(_is, items, cache)) else tuple(items)
    if isinstance(cache, list):
        return [containers(item) for item in cache]
    if isinstance(cache, dict):
        new = copy.copy(cache)
        for key, item in cache.items():
            new[key] = containers(item)
        return new
    return cache


def _is(a, b):
    return a is b


def structure(cache):
    """Return what a cache consists of, without its numbers."""
    if isinstance(cache, tuple | list):
        return [structure(item) for item in cache]
    if isinstance(cache, dict):
        return {key: structure(item) for key, item in cache.items()}
    return id(cache)
