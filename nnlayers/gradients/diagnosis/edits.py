"""Single edits of a syntax tree, each with the cause that it stands for.

These are the slips of a pen: a sign, an axis, a comparison, an index, an ``=`` for a ``+=``.  They
are applied in place and taken back.
"""

import ast
import itertools
from typing import NamedTuple

import numpy as np

from nnlayers.gradients.diagnosis.source import parents_of, put

REDUCTIONS = {"sum", "mean", "max", "min", "argmax", "argmin", "std", "var", "prod", "cumsum"}
OPPOSITES = {"sum": "mean", "mean": "sum", "maximum": "minimum", "minimum": "maximum"} | {
    "argmax": "argmin",
    "argmin": "argmax",
    "max": "min",
    "min": "max",
}


class Edit(NamedTuple):
    """A replacement of one node, or of one attribute of a node."""

    cause: str
    statement: ast.stmt  # the statement it stands in
    apply: object
    revert: object


class Context:
    """Where nodes stand: in an index, a range, a comparison, a loop."""

    def __init__(self, tree):
        self.tree = tree
        self.parents = parents_of(tree)

    def chain(self, node):
        """Yield ``(node, place)`` from a node up to the function."""
        while node in self.parents:
            place = self.parents[node]
            yield node, place
            node = place[0]

    def statement(self, node):
        """Return the statement that a node stands in."""
        for node, _ in self.chain(node):
            if isinstance(node, ast.stmt):
                return node
        return self.tree

    def in_index(self, node):
        """Whether a node is part of an index, a slice, or the bounds of a loop."""
        for _, (parent, field, _) in self.chain(node):
            if isinstance(parent, ast.Subscript) and field == "slice":
                return True
            if isinstance(parent, ast.Call) and _called(parent) in {"range", "arange"}:
                return True
            if isinstance(parent, ast.stmt):
                return False
        return False

    def in_comparison(self, node):
        """Whether a node is part of a comparison."""
        for _, (parent, _, _) in self.chain(node):
            if isinstance(parent, ast.Compare):
                return True
            if isinstance(parent, ast.stmt):
                return False
        return False

    def in_loop(self, node):
        """Whether a node stands in the body of a loop."""
        return any(
            isinstance(parent, ast.For | ast.While) and field == "body"
            for _, (parent, field, _) in self.chain(node)
        )


def edits_of(tree, values):
    """Yield all single edits of a function's tree.

    ``values`` are the function's local variables when it last returned.
    """
    context = Context(tree)
    nodes = [n for n in ast.walk(tree) if n in context.parents]
    for kind in (
        _signs,
        _comparisons,
        _axes,
        _accumulations,
        _constants,
        _names,
        _operands,
        _calls,
        _statements,
    ):
        for node in nodes:
            yield from kind(node, context, values)


def _replace(context, node, new, cause):
    place = context.parents[node]
    return Edit(
        cause,
        context.statement(node),
        lambda: put(place, new),
        lambda: put(place, node),
    )


def _set(context, node, name, new, cause):
    old = getattr(node, name)
    return Edit(
        cause,
        context.statement(node),
        lambda: setattr(node, name, new),
        lambda: setattr(node, name, old),
    )


def _signs(node, context, values):
    if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Add | ast.Sub):
        cause = "wrong_index" if context.in_index(node) else "sign_flip"
        other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield _set(context, node, "op", other, cause)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        cause = "wrong_index" if context.in_index(node) else "sign_flip"
        yield _replace(context, node, node.operand, cause)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert | ast.Not):
        yield _replace(context, node, node.operand, "wrong_mask")


def _comparisons(node, context, values):
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for op in (ast.Gt(), ast.Lt(), ast.GtE(), ast.LtE(), ast.Eq(), ast.NotEq()):
            if type(op) is not type(node.ops[0]):
                yield _set(context, node, "ops", [op], "wrong_mask")


def _axes(node, context, values):
    if not isinstance(node, ast.Call):
        return
    if _called(node) in REDUCTIONS:
        given = next((k for k in node.keywords if k.arg == "axis"), None)
        position = 0 if _is_method(node, values) else 1
        old = given.value if given else None
        if old is None and len(node.args) > position:
            old = node.args[position]
        for axes in (0, 1, 2, 3, -1, (0, 1), (0, 2), (1, 2), (0, 2, 3), (1, 2, 3), (0, 1, 2), None):
            new = ast.parse(repr(axes), mode="eval").body
            if old is not None:
                if ast.dump(new) != ast.dump(old):
                    yield _replace(context, old, new, "wrong_axis")
            elif axes is not None:
                yield _set(
                    context, node, "keywords", [*node.keywords, ast.keyword("axis", new)],
                    "wrong_axis",
                )  # fmt: skip
                if not any(k.arg == "keepdims" for k in node.keywords):
                    keep = ast.keyword("keepdims", ast.Constant(True))
                    keywords = [*node.keywords, ast.keyword("axis", new), keep]
                    yield _set(context, node, "keywords", keywords, "wrong_axis")
    if _called(node) == "transpose":
        numbers = [a for a in node.args if isinstance(a, ast.Constant)]
        if 3 <= len(numbers) <= 4 and len(numbers) == len(node.args):
            for order in itertools.permutations(node.args):
                if list(order) != node.args:
                    yield _set(context, node, "args", list(order), "rearranged")


def _accumulations(node, context, values):
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
        if isinstance(target, ast.Subscript):
            added = ast.AugAssign(target, ast.Add(), node.value)
            yield _replace(context, node, added, "overwrite_not_accumulate")
            yield _replace(context, node, _add_at(target, node.value), "overwrite_not_accumulate")
        elif isinstance(target, ast.Name) and context.in_loop(node):
            yield _replace(
                context,
                node,
                ast.AugAssign(target, ast.Add(), node.value),
                "overwrite_not_accumulate",
            )
            yield _started_at_zero(context, node, target)
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        if isinstance(node.target, ast.Subscript):
            yield _replace(
                context, node, _add_at(node.target, node.value), "overwrite_not_accumulate"
            )
        yield _replace(context, node, ast.Assign([node.target], node.value), "wrong_formula")


def _add_at(target, value):
    """Return ``np.add.at(array, index, value)``, which counts repeated indices."""
    array = ast.parse("__np__.add.at", mode="eval").body
    loaded = ast.fix_missing_locations(ast.parse(ast.unparse(target.value), mode="eval").body)
    index = ast.Call(
        ast.parse("__index__", mode="eval").body,
        [],
        [],
    )
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


def _constants(node, context, values):
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool | str | None):
        return
    if not isinstance(node.value, int | float):
        return
    parent, field, _ = context.parents[node]
    if isinstance(parent, ast.keyword) and parent.arg in ("axis", "keepdims", "dtype"):
        return
    c = node.value
    if context.in_index(node):
        tried, cause = {c + 1, c - 1}, "wrong_index"
    elif context.in_comparison(node):
        tried, cause = {0, 1, -1, 0.5, 6, 3, -c, c / 2, c * 2}, "wrong_mask"
    elif isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow) and field == "right":
        tried, cause = {c + 1, c - 1, c / 2, 2 * c, -c, c - 0.5, c + 0.5}, "wrong_formula"
    else:
        tried = {0, 1, 2, 3, 0.5, -c, 2 * c, c / 2, c + 1, c - 1, 1 - c}
        scales = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult | ast.Div)
        cause = "constant_scale" if scales else "wrong_formula"
    for new in sorted(tried - {c}):
        yield _replace(context, node, ast.Constant(new), cause)


def _names(node, context, values):
    if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
        return
    if node.id not in values:
        return
    value = values[node.id]
    index = context.in_index(node)
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        if index:
            for step, op in ((1, ast.Add()), (1, ast.Sub())):
                new = ast.BinOp(ast.Name(node.id, ast.Load()), op, ast.Constant(step))
                yield _replace(context, node, new, "wrong_index")
        for name, other in values.items():
            if name != node.id and isinstance(other, int | np.integer) and other != value:
                cause = "wrong_index" if index else "batch_scale"
                yield _replace(context, node, ast.Name(name, ast.Load()), cause)
    elif isinstance(value, np.ndarray):
        for name, other in values.items():
            if name == node.id or not isinstance(other, np.ndarray) or other.shape != value.shape:
                continue
            if name.startswith("__") or np.array_equal(other, value):
                continue
            yield _replace(context, node, ast.Name(name, ast.Load()), "wrong_tensor")


def _operands(node, context, values):
    if not isinstance(node, ast.BinOp):
        return
    index = context.in_index(node)
    if isinstance(node.op, ast.Mult | ast.Div):
        for keep, drop in ((node.left, node.right), (node.right, node.left)):
            if keep is node.right and isinstance(node.op, ast.Div):
                continue
            cause = "wrong_index" if index else _cause_of_factor(drop, values)
            yield _replace(context, node, keep, cause)
        other = ast.Div() if isinstance(node.op, ast.Mult) else ast.Mult()
        cause = _cause_of_factor(node.right, values)
        yield _set(context, node, "op", other, "wrong_formula" if cause == "chain_factor" else cause)
    elif isinstance(node.op, ast.Add | ast.Sub):
        yield _replace(context, node, node.left, "wrong_index" if index else "wrong_formula")
        yield _replace(context, node, node.right, "wrong_index" if index else "wrong_formula")
    elif isinstance(node.op, ast.FloorDiv):
        yield _set(context, node, "op", ast.Div(), "precision_loss")
    elif isinstance(node.op, ast.Pow):
        yield _replace(context, node, node.left, "wrong_formula")
    elif isinstance(node.op, ast.MatMult):
        swapped = ast.BinOp(node.right, node.op, node.left)
        yield _replace(context, node, swapped, "transposed")


def _cause_of_factor(node, values):
    """Return the cause if this factor should not be there: a number scales, an array is a factor."""
    names = [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
    if any(isinstance(values.get(name), np.ndarray) for name in names) and not any(
        isinstance(n, ast.Attribute) and n.attr in ("shape", "size") for n in ast.walk(node)
    ) and not (isinstance(node, ast.Call) and _called(node) == "len"):
        return "chain_factor"
    return "constant_scale" if isinstance(node, ast.Constant) else "batch_scale"


def _calls(node, context, values):
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield _replace(context, node, node.value, "transposed")
    if isinstance(node, ast.Subscript) and _reverses(node.slice):
        yield _replace(context, node, node.value, "rearranged")
    if isinstance(node, ast.Slice) and not _reverses(node):
        for field in ("lower", "upper"):
            if getattr(node, field) is not None:
                yield _set(context, node, field, None, "wrong_index")
    if not isinstance(node, ast.Call):
        return
    called = _called(node)
    if called in OPPOSITES:
        new = OPPOSITES[called]
        cause = "constant_scale" if called in ("sum", "mean") else "wrong_formula"
        if isinstance(node.func, ast.Attribute):
            yield _set(context, node.func, "attr", new, cause)
    if called == "astype" and isinstance(node.func, ast.Attribute):
        yield _replace(context, node, node.func.value, "precision_loss")
    if called in ("float16", "float32", "int", "round", "rint", "floor", "trunc") and node.args:
        yield _replace(context, node, node.args[0], "precision_loss")
    if any(k.arg == "dtype" for k in node.keywords):
        keywords = [k for k in node.keywords if k.arg != "dtype"]
        yield _set(context, node, "keywords", keywords, "precision_loss")
    if called in ("flip", "flipud", "fliplr", "rot90") and node.args:
        yield _replace(context, node, node.args[0], "rearranged")
    if called in ("exp", "log", "sqrt", "abs", "tanh", "square", "sign", "clip") and node.args:
        yield _replace(context, node, node.args[0], "wrong_formula")
    if called == "reversed" and node.args:
        yield _replace(context, node, node.args[0], "missing_path")
    if called in ("sum", "mean") and isinstance(node.func, ast.Attribute):
        inner = node.args[0] if _is_module(node.func.value, values) and node.args else None
        yield _replace(context, node, inner or node.func.value, "wrong_axis")


def _statements(node, context, values):
    if isinstance(node, ast.AugAssign):
        cause = "chain_factor" if isinstance(node.op, ast.Mult | ast.Div) else "wrong_formula"
        if isinstance(node.op, ast.Mult | ast.Div):
            found = _cause_of_factor(node.value, values)
            cause = found
        yield _replace(context, node, ast.Pass(), cause)
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
        targets = node.targets[0].elts
        for i, j in itertools.combinations(range(len(targets)), 2):
            order = list(targets)
            order[i], order[j] = order[j], order[i]
            yield _set(context, node.targets[0], "elts", order, "wrong_tensor")


def _called(node):
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def _is_method(node, values):
    return isinstance(node.func, ast.Attribute) and not _is_module(node.func.value, values)


def _is_module(node, values):
    return isinstance(node, ast.Name) and node.id in ("np", "numpy") and node.id not in values


def _reverses(node):
    slices = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(
        isinstance(s, ast.Slice) and isinstance(s.step, ast.UnaryOp) for s in slices
    )
