"""Surgery: the user's own backward, run again with one value changed.

It takes no source: the change is made to dout, or to one array in the cache.
"""

import copy
import itertools

import numpy as np

from nnlayers.gradients.diagnosis import changes
from nnlayers.gradients.report import Diagnosis


def surroundings(evidence):
    """Return the arrays that a backward could have meant, by name: arguments, outputs, cache."""
    point = evidence.point
    context = {}
    for name, value in point.subject.arguments.items():
        if isinstance(value, np.ndarray) and value.size:
            context[name] = value
    for i, out in enumerate(evidence.outs):
        context["out" if len(evidence.outs) == 1 else f"out[{i}]"] = out
    for label, leaf, _ in leaves(point.cache, context):
        if leaf.size and not any(leaf is known for known in context.values()):
            context.setdefault(label, leaf)
    return context


def sizes(evidence):
    """Return the numbers that a scale could be made of, by how they are written."""
    point = evidence.point
    found = {}
    for name, value in {**point.subject.arguments, **point.subject.options}.items():
        if isinstance(value, np.ndarray):
            for axis, size in enumerate(value.shape):
                found.setdefault(float(size), "N" if not found else f"{name}.shape[{axis}]")
            if len(value.shape) > 2:
                for axes in itertools.combinations(range(value.ndim), 2):
                    size = float(np.prod([value.shape[a] for a in axes]))
                    found.setdefault(size, " * ".join(f"{name}.shape[{a}]" for a in axes))
                size = value.size / max(value.shape[1], 1)
                found.setdefault(size, f"({name}.size / {name}.shape[1])")
            elif value.ndim:
                last = value.shape[-1]
                found.setdefault(float(last - 1), f"({name}.shape[-1] - 1)")
                found.setdefault(last / max(last - 1, 1), f"(1 + 1 / ({name}.shape[-1] - 1))")
        elif isinstance(value, int | float) and not isinstance(value, bool) and value:
            found.setdefault(float(value), name)
            if 0 < value < 1:
                found.setdefault(1.0 - value, f"(1 - {name})")
    for out in evidence.outs:
        found.setdefault(float(out.size), "out.size")
    return {text: size for size, text in found.items() if size not in (0.0, 1.0)}


def on_dout(evidence):
    """Yield diagnoses that are proved by changing dout before backward sees it."""
    context = surroundings(evidence)
    for which, out in enumerate(evidence.outs):
        if out.ndim == 0:
            continue
        written = "dout" if len(evidence.outs) == 1 else f"dout[{which}]"
        for change in changes.factors(out.shape, context):

            def changed(douts, which=which, change=change):
                return [change.apply(d) if i == which else d for i, d in enumerate(douts)]

            results = evidence.run(change_douts=changed)
            fixed = evidence.repaired(results, strict=False) if results else []
            if fixed:
                new = change.text.format(v=written)
                twice = "/" in change.text.split("}")[1][:3]
                yield proved(
                    evidence,
                    change.cause,
                    fixed,
                    f"when {written} is first replaced by {new}: "
                    + ("that factor stands there twice" if twice else "that factor is missing"),
                    "leave one such factor out" if twice else f"use {new} for {written}",
                )


def on_cache(evidence):
    """Yield diagnoses that are proved by changing one array in the cache."""
    context = surroundings(evidence)
    for label, leaf, replaced in leaves(evidence.point.cache, context):
        if leaf.size < 2 and leaf.ndim:
            continue
        tried = (
            *changes.places(leaf),
            *changes.exchanges(leaf, context),
            *(changes.signs() if leaf.dtype.kind == "f" else ()),
        )
        for change in tried:
            with np.errstate(all="ignore"):
                new = change.apply(leaf)
            results = evidence.run(cache=replaced(new))
            fixed = evidence.repaired(results) if results else []
            if fixed:
                written = change.text.format(v=label)
                yield proved(
                    evidence,
                    change.cause,
                    fixed,
                    f"when `{label}` from the cache is replaced by `{written}`",
                    f"use {written} where {label} stands now",
                )


def proved(evidence, cause, fixed, how, fix):
    """Return a diagnosis that a rerun has shown to be true."""
    subject = " and ".join(fixed) if len(fixed) < 4 else f"all of {', '.join(fixed)}"
    verb = "becomes" if len(fixed) == 1 else "become"
    message = f"{subject} {verb} right {how}"
    return Diagnosis(cause, fixed[0], message, fix, "proved", tuple(fixed))


def leaves(cache, context):
    """Yield ``(label, array, replaced)`` for each array in a cache.

    ``replaced(new)`` returns a cache with that one array exchanged; the cache itself stays as it
    is.  The label is the name of the argument that the array is, or its place in the cache.
    """

    def walk(value, label, rebuild, depth):
        if isinstance(value, np.ndarray):
            yield _named(value, label, context), value, rebuild
        elif depth > 5:
            return
        elif isinstance(value, tuple | list):
            for i, item in enumerate(value):

                def with_item(new, value=value, i=i):
                    items = [new if j == i else old for j, old in enumerate(value)]
                    kind = type(value)
                    return rebuild(kind(*items) if hasattr(value, "_fields") else kind(items))

                yield from walk(item, f"{label}[{i}]", with_item, depth + 1)
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from walk(
                    item,
                    f"{label}[{key!r}]" if label != "cache" else str(key),
                    lambda new, value=value, key=key: rebuild({**value, key: new}),
                    depth + 1,
                )
        elif hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value):
            for key, item in vars(value).items():

                def with_attribute(new, value=value, key=key):
                    changed = copy.copy(value)
                    setattr(changed, key, new)
                    return rebuild(changed)

                yield from walk(item, f"{label}.{key}", with_attribute, depth + 1)

    yield from walk(cache, "cache", lambda new: new, 0)


def _named(array, label, context):
    for name, known in context.items():
        if known is array or (known.shape == array.shape and np.array_equal(known, array)):
            return name
    return label
