"""Indices and slices that are read or written at another place, and sums that are overwritten."""

import ast
import itertools

import numpy as np

from nnlayers.gradients.diagnosis.source import put
from nnlayers.gradients.diagnosis.syntax import (
    Edit,
    lengthens,
    name_of_call,
    replaced,
    reverses,
    together,
    with_field,
)


def indices(node, context, values):
    """Indices and slices: another offset, stride or bound made of the numbers at hand."""
    whole = {
        name
        for name, value in values.items()
        if isinstance(value, int | np.integer) and not isinstance(value, bool) and value
    }
    if isinstance(node, ast.Name) and node.id in values and context.in_index(node):
        if not isinstance(values[node.id], int | np.integer):
            return
        parent = context.parents[node][0]
        if isinstance(parent, ast.BinOp | ast.Call):
            tried = (ast.Mult(),)
        else:
            tried = (ast.Mult(), ast.Add(), ast.Sub())
        for other in sorted(whole - {node.id}):
            for op in tried:
                new = ast.BinOp(ast.Name(node.id, ast.Load()), op, ast.Name(other, ast.Load()))
                yield replaced(context, node, new, "wrong_index")
    if isinstance(node, ast.Call) and name_of_call(node) == "range":
        for argument in node.args:
            for op, step in ((ast.Add(), 1), (ast.Sub(), -1)):
                longer = argument in node.args[:2] and lengthens(node, argument, step)
                new = ast.BinOp(argument, op, ast.Constant(1))
                if isinstance(argument, ast.Constant) and isinstance(argument.value, int):
                    new = ast.Constant(argument.value + step)
                cause = "partial_fill" if longer else "wrong_index"
                yield replaced(context, argument, new, cause)
    if isinstance(node, ast.Assign | ast.AugAssign | ast.Return | ast.Expr):
        uses = {}
        for n in ast.walk(node):
            if isinstance(n, ast.Name) and n.id in whole and context.in_index(n):
                uses.setdefault(n.id, []).append(n)
        for name, nodes in uses.items():
            if len(nodes) < 2:
                continue
            for other in sorted(whole - {name}):
                for op in (ast.Mult(), ast.Add(), ast.Sub()):
                    yield together(
                        [
                            replaced(
                                context,
                                n,
                                ast.BinOp(
                                    ast.Name(name, ast.Load()), op, ast.Name(other, ast.Load())
                                ),
                                "wrong_index",
                            )
                            for n in nodes
                        ],
                        "wrong_index",
                    )
    if isinstance(node, ast.Subscript):
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        bounded = [p for p in parts if isinstance(p, ast.Slice) and (p.lower or p.upper)]
        for text in [*sorted(whole), "1"]:
            for op in ("+", "-"):
                moved = [edit for p in bounded for edit in _moved(context, p, op, text)]
                if moved:
                    yield together(moved, "wrong_index")
    if isinstance(node, ast.Slice) and not reverses(node):
        for name in sorted(whole):
            positive, negative = ast.Name(name, ast.Load()), ast.parse(f"-{name}", mode="eval").body
            if node.lower is None:
                yield with_field(context, node, "lower", positive, "wrong_index")
            if node.upper is None:
                yield with_field(context, node, "upper", negative, "wrong_index")
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
        elements = node.slice.elts
        if any(isinstance(e, ast.Constant) and e.value is None for e in elements):
            for order in itertools.permutations(range(len(elements))):
                if list(order) != sorted(order) and len(elements) < 4:
                    moved = [elements[i] for i in order]
                    yield with_field(context, node.slice, "elts", moved, "wrong_axis")
        fancy = any(
            isinstance(values.get(n.id), np.ndarray) and values[n.id].dtype.kind in "iu"
            for e in node.slice.elts
            for n in ast.walk(e)
            if isinstance(n, ast.Name)
        )
        for i, element in enumerate(node.slice.elts):
            if isinstance(element, ast.Slice) and ast.unparse(element) == ":":
                for name in sorted(context.loop_names(node)):
                    yield replaced(context, element, ast.Name(name, ast.Load()), "wrong_index")
            if fancy and isinstance(element, ast.Slice) and ast.unparse(element) == ":":
                count = f"__np__.arange({ast.unparse(node.value)}.shape[{i}])"
                new = ast.parse(count, mode="eval").body
                yield replaced(context, element, new, "wrong_index")


def _moved(context, part, op, text):
    """Yield the edits that move both bounds of a slice."""
    for field in ("lower", "upper"):
        bound = getattr(part, field)
        if bound is None and field == "lower" and op == "+":
            new = ast.parse(text, mode="eval").body
        elif bound is None:
            continue
        else:
            new = ast.parse(f"{ast.unparse(bound)} {op} {text}", mode="eval").body
        yield with_field(context, part, field, new, "wrong_index")


def accumulations(node, context, values):
    """``+=`` or np.add.at for ``=``, and the reverse."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
        if isinstance(node.value, ast.Constant):
            return
        if isinstance(target, ast.Subscript):
            added = ast.AugAssign(target, ast.Add(), node.value)
            yield replaced(context, node, added, "overwrite_not_accumulate")
            yield replaced(context, node, _add_at(target, node.value), "overwrite_not_accumulate")
        elif isinstance(target, ast.Name) and context.in_loop(node):
            yield replaced(
                context,
                node,
                ast.AugAssign(target, ast.Add(), node.value),
                "overwrite_not_accumulate",
            )
            yield _started_at_zero(context, node, target)
        elif isinstance(target, ast.Tuple) and context.in_loop(node):
            names = [t.id for t in target.elts if isinstance(t, ast.Name)]
            for name in names:
                yield _added_up(context, node, [name])
            for name in names:
                if len(names) > 2:
                    yield _added_up(context, node, [n for n in names if n != name])
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        if isinstance(node.target, ast.Subscript):
            yield replaced(
                context, node, _add_at(node.target, node.value), "overwrite_not_accumulate"
            )
        yield replaced(context, node, ast.Assign([node.target], node.value), "wrong_formula")


def _add_at(target, value):
    """Return ``np.add.at(array, index, value)``, which counts repeated indices."""
    array = ast.parse("__np__.add.at", mode="eval").body
    loaded = ast.fix_missing_locations(ast.parse(ast.unparse(target.value), mode="eval").body)
    index = ast.Subscript(ast.Name("__index__", ast.Load()), target.slice, ast.Load())
    return ast.Expr(ast.Call(array, [loaded, index, value], []))


def _started_at_zero(context, node, target):
    """Return the edit that makes a loop's assignment accumulate, starting from zero."""
    place = context.parents[node]
    body = context.tree.body
    start = ast.Assign([ast.Name(target.id, ast.Store())], ast.Constant(0.0))

    def apply():
        put(place, ast.AugAssign(target, ast.Add(), node.value))
        body.insert(0, start)

    def revert():
        put(place, node)
        body.remove(start)

    return Edit("overwrite_not_accumulate", node, apply, revert)


def _added_up(context, node, names):
    """Return the edit that makes some targets of ``a, b = ...`` in a loop accumulate."""
    place, body = context.parents[node], context.tree.body
    target = node.targets[0]
    new = [
        ast.Name(f"{t.id}__now", ast.Store()) if getattr(t, "id", None) in names else t
        for t in target.elts
    ]
    added = [
        ast.AugAssign(ast.Name(n, ast.Store()), ast.Add(), ast.Name(f"{n}__now", ast.Load()))
        for n in names
    ]
    changed = ast.Assign([ast.Tuple(new, ast.Store())], node.value)
    block = ast.If(ast.Constant(True), [changed, *added], [])
    start = ast.Assign([ast.Name(n, ast.Store()) for n in names], ast.Constant(0.0))

    def apply():
        put(place, block)
        body.insert(0, start)

    def revert():
        put(place, node)
        body.remove(start)

    return Edit("overwrite_not_accumulate", node, apply, revert)
