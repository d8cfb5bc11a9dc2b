"""Single changes of a value, each with the cause that it stands for.

The same list serves wherever a value can be exchanged: in the cache, at dout, and at any
expression of the user's own code.  If a backward becomes right when exactly one value is changed
in one of these ways, that change says what was wrong.
"""

import itertools
from typing import NamedTuple

import numpy as np


class Change(NamedTuple):
    """A function of a value, how it is written, and what it means if it repairs a gradient."""

    cause: str
    text: str  # with {v} for the value
    apply: object
    kind: str  # what is done: "exchange", "factor", "place", "sign", "number", "term"


# local derivatives and their relatives, as functions of one array
FORMS = (
    ("{a}", lambda a: a),
    ("(1 - {a})", lambda a: 1 - a),
    ("{a} * (1 - {a})", lambda a: a * (1 - a)),
    ("(1 - {a}**2)", lambda a: 1 - a * a),
    ("(1 - np.tanh({a})**2)", lambda a: 1 - np.tanh(a) ** 2),
    ("({a} > 0)", lambda a: (a > 0).astype(float)),
    ("{a}**2", lambda a: a * a),
    ("np.exp({a})", np.exp),
    ("np.sqrt({a})", np.sqrt),
    ("np.sign({a})", np.sign),
    ("1 / (1 + np.exp(-{a}))", lambda a: 1 / (1 + np.exp(-a))),
)


# what a raw value may stand for
ACTIVATIONS = (
    ("1 / (1 + np.exp(-{v}))", lambda v: 1 / (1 + np.exp(-v))),
    ("np.tanh({v})", np.tanh),
    ("np.exp({v})", np.exp),
    ("np.log({v})", np.log),
    ("softmax({v})", lambda v: _softmax(v)),
    ("np.sign({v})", np.sign),
)


def places(value):
    """Yield changes that move the entries of a value: transposes, flips, reshapes, shifts."""
    if value.ndim < 1 or value.size < 2:
        return
    if value.ndim == 2:
        yield Change("transposed", "{v}.T", lambda v: v.T, "place")
    if 2 < value.ndim < 5:
        own = tuple(range(value.ndim))
        for order in itertools.permutations(own):
            if order != own:
                last = order == (*own[:-2], own[-1], own[-2])
                yield Change(
                    "transposed" if last else "rearranged",
                    f"{{v}}.transpose{order}",
                    lambda v, order=order: v.transpose(order),
                    "place",
                )
            if order != own:
                back = tuple(int(axis) for axis in np.argsort(order))
                shape = tuple(value.shape[axis] for axis in order)
                if shape != value.shape:
                    yield Change(
                        "rearranged",
                        f"{{v}}.reshape{shape}.transpose{back}",
                        lambda v, shape=shape, back=back: v.reshape(shape).transpose(back),
                        "place",
                    )
    flips = [(axis,) for axis in range(value.ndim)]
    if value.ndim > 1:
        flips.append((value.ndim - 2, value.ndim - 1))
    for axes in flips:
        yield Change(
            "rearranged",
            f"np.flip({{v}}, {axes if len(axes) > 1 else axes[0]})",
            lambda v, axes=axes: np.flip(v, axes),
            "place",
        )
    for axis in range(value.ndim):
        for shift in (1, -1):
            yield Change(
                "wrong_index",
                f"np.roll({{v}}, {shift}, {axis})",
                lambda v, s=shift, a=axis: np.roll(v, s, a),
                "place",
            )
            yield Change(
                "wrong_index",
                f"{{v}} shifted by {shift} along axis {axis}",
                lambda v, s=shift, a=axis: _shift(v, s, a),
                "place",
            )
    if value.ndim > 1 and value.shape != value.shape[::-1]:
        yield Change(
            "rearranged",
            "{v}.ravel('F').reshape({v}.shape)",
            lambda v: v.ravel("F").reshape(v.shape),
            "place",
        )
    for axis in range(value.ndim):
        for blocks in (2, 3, 4):
            if value.shape[axis] % blocks == 0 and value.shape[axis] > blocks:
                for i, j in itertools.combinations(range(blocks), 2):
                    yield Change(
                        "rearranged",
                        f"{{v}} with blocks {i} and {j} of {blocks} along axis {axis} exchanged",
                        lambda v, n=blocks, i=i, j=j, a=axis: _exchange(v, n, i, j, a),
                        "place",
                    )


def exchanges(value, context, activated=True):
    """Yield changes that put another array of the same shape in a value's place.

    With ``activated``, an activation of the value itself is tried too.
    """
    for name, array in context.items():
        if array.shape == value.shape and array.size and not _same(array, value):
            masks = value.dtype.kind == "b" or (_is_mask(value) and _is_mask(array))
            cause = "wrong_mask" if masks else "wrong_tensor"
            yield Change(cause, name, lambda v, a=array: a, "exchange")
            if value.dtype.kind == "b" and array.dtype.kind == "f":
                yield Change("wrong_mask", f"({name} > 0)", lambda v, a=array: a > 0, "exchange")
        elif array.shape == value.shape[::-1] and array.ndim == 2 and value.ndim == 2:
            cause = "transposed" if _same(array, value) else "wrong_tensor"
            yield Change(cause, f"{name}.T", lambda v, a=array: a.T, "exchange")
    if value.dtype.kind == "b" or _is_mask(value):
        yield Change("wrong_mask", "~{v}", lambda v: (v == 0).astype(v.dtype), "exchange")
    elif value.dtype.kind == "f":
        yield Change("wrong_tensor", "(1 - {v})", lambda v: 1 - v, "exchange")
        for text, function in ACTIVATIONS if activated else ():
            cause = "wrong_formula" if "sign" in text else "wrong_tensor"
            yield Change(cause, text, function, "exchange")


def signs():
    """Yield the change of a sign."""
    yield Change("sign_flip", "-{v}", lambda v: -v, "sign")


def numbers(sizes):
    """Yield products with plain numbers: 2, sizes, their square roots, and all inverses."""
    for text, number in {"2": 2.0, "3": 3.0, "4": 4.0}.items() | sizes.items():
        for form, factor in (
            (f"{{v}} * {text}", number),
            (f"{{v}} / {text}", 1 / number),
            (f"{{v}} * np.sqrt({text})", abs(number) ** 0.5),
            (f"{{v}} / np.sqrt({text})", abs(number) ** -0.5),
        ):
            if abs(factor) != 1:
                cause = "batch_scale" if text == "N" and "sqrt" not in form else "constant_scale"
                yield Change(cause, form, lambda v, f=factor: v * f, "number")


def factors(shape, context, forms=FORMS):
    """Yield products and quotients with local derivatives made of the arrays at hand."""
    seen = []
    for name, array in context.items():
        if array.dtype.kind not in "fb" or array.size < 2 or not _broadcasts(array.shape, shape):
            continue
        for text, form in forms:
            with np.errstate(all="ignore"):
                factor = np.asarray(form(array.astype(float)))
            if not np.isfinite(factor).all() or any(_same(factor, old) for old in seen):
                continue
            if np.ptp(factor) == 0.0:
                continue
            seen.append(factor)
            written = text.format(a=name)
            cause = "wrong_formula" if text == "{a}**2" else "chain_factor"
            if text in ("{a}", "(1 - {a})") and np.isin(array, (0, 1)).all():
                cause = "wrong_mask"
            yield Change(cause, f"{{v}} * {written}", lambda v, f=factor: v * f, "factor")
            if (factor != 0).all():
                divisor = f"({written})" if " " in written and written[0] != "(" else written
                cause = "wrong_formula" if text == "{a}**2" else "chain_factor"
                yield Change(cause, f"{{v}} / {divisor}", lambda v, f=factor: v / f, "factor")


def products(value, context):
    """Yield matrix products with the matrices at hand: a linear map that was left out."""
    if value.ndim < 2:
        return
    for name, array in context.items():
        if array.ndim != 2 or array.dtype.kind != "f":
            continue
        for text, matrix in ((f"{name}.T", array.T), (name, array)):
            if len(matrix) == value.shape[-1]:
                yield Change("chain_factor", f"{{v}} @ {text}", lambda v, m=matrix: v @ m, "factor")


def terms(value, context):
    """Yield sums with arrays of the same shape: a term that was left out."""
    for name, array in context.items():
        if array.shape == value.shape and array.dtype.kind == "f" and array.size:
            yield Change("missing_path", f"{{v}} + {name}", lambda v, a=array: v + a, "term")
            yield Change("missing_path", f"{{v}} - {name}", lambda v, a=array: v - a, "term")


def projections(value, context):
    """Yield the off-diagonal part of softmax's derivative, where only the diagonal is there."""
    for name, p in context.items():
        if p.shape != value.shape or p.dtype.kind != "f" or p.ndim < 1 or (p < 0).any():
            continue
        for axis in {p.ndim - 1, 0}:
            if not np.allclose(p.sum(axis=axis), 1.0):
                continue
            written = f"{name} * np.sum(u, axis={axis}, keepdims=True)"
            yield Change(
                "missing_path",
                f"u - {written} with u = {{v}}",
                lambda v, p=p, a=axis: v - p * v.sum(axis=a, keepdims=True),
                "term",
            )
            yield Change(
                "chain_factor",
                f"{name} * ({{v}} - np.sum({name} * {{v}}, axis={axis}, keepdims=True))",
                lambda v, p=p, a=axis: p * (v - (p * v).sum(axis=a, keepdims=True)),
                "factor",
            )
            if (p < 1).all():
                yield Change(
                    "missing_path",
                    f"u - {written} with u = {{v}} / (1 - {name})",
                    lambda v, p=p, a=axis: v / (1 - p) - p * (v / (1 - p)).sum(a, keepdims=True),
                    "term",
                )


def sums(value):
    """Yield sums of a value along an axis that is kept."""
    for axis in range(value.ndim):
        if value.shape[axis] > 1:
            yield Change(
                "missing_reduction",
                f"{{v}}.sum(axis={axis})",
                lambda v, a=axis: v.sum(axis=a),
                "number",
            )
            yield Change(
                "missing_reduction",
                f"{{v}}.sum(axis={axis}, keepdims=True)",
                lambda v, a=axis: v.sum(axis=a, keepdims=True),
                "number",
            )


def _softmax(value):
    exps = np.exp(value - value.max(axis=-1, keepdims=True))
    return exps / exps.sum(axis=-1, keepdims=True)


def _broadcasts(shape, to):
    try:
        return np.broadcast_shapes(shape, to) == tuple(to)
    except ValueError:
        return False


def _same(a, b):
    return a.shape == b.shape and np.array_equal(a, b)


def _is_mask(value):
    return value.dtype.kind in "fiub" and value.size > 2 and np.isin(value, (0, 1)).all()


def _shift(value, shift, axis):
    """Return a value moved along an axis, with zeros coming in."""
    moved = np.roll(value, shift, axis)
    gap = [slice(None)] * value.ndim
    gap[axis] = slice(0, shift) if shift > 0 else slice(shift, None)
    moved = moved.copy()
    moved[tuple(gap)] = 0
    return moved


def _exchange(value, blocks, i, j, axis):
    parts = np.split(value, blocks, axis)
    parts[i], parts[j] = parts[j], parts[i]
    return np.concatenate(parts, axis)
