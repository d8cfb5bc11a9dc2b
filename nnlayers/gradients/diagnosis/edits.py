"""Single edits of a syntax tree, each with the cause that it stands for.

These are the slips of a pen: a sign, an axis, a comparison, an index, an ``=`` for a ``+=``.  They
are applied in place and taken back.
"""

import ast
import itertools

import numpy as np

from nnlayers.gradients.diagnosis import edits_of_axes, edits_of_places
from nnlayers.gradients.diagnosis.syntax import (
    Context,
    differ_by_one,
    is_mask,
    is_module,
    name_of_call,
    replaced,
    reverses,
    with_field,
)

OPPOSITES = {"sum": "mean", "mean": "sum", "maximum": "minimum", "minimum": "maximum"} | {
    "argmax": "argmin",
    "argmin": "argmax",
    "max": "min",
    "min": "max",
    "tril": "triu",
    "triu": "tril",
    "tril_indices": "triu_indices",
    "triu_indices": "tril_indices",
    "tril_indices_from": "triu_indices_from",
    "triu_indices_from": "tril_indices_from",
}


def edits_of(tree, values, gradients=()):
    """Yield all single edits of a function's tree.

    ``values`` are the function's local variables when it last returned; ``gradients`` names those
    that depend on dout.
    """
    context = Context(tree)
    context.gradients = gradients
    nodes = [n for n in ast.walk(tree) if n in context.parents]
    for kind in (
        _signs,
        _comparisons,
        edits_of_axes.axes,
        edits_of_axes.axes_of_statement,
        edits_of_axes.axes_of_function,
        edits_of_axes.all_means,
        edits_of_places.accumulations,
        _calls,
        _names,
        edits_of_places.indices,
        _operands,
        _statements,
        _constants,
    ):
        for node in nodes:
            yield from kind(node, context, values)


def _signs(node, context, values):
    if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Add | ast.Sub):
        count = isinstance(node, ast.AugAssign) and isinstance(node.value, ast.Constant)
        cause = "wrong_formula" if isinstance(node, ast.BinOp) or count else "sign_flip"
        if context.in_index(node):
            cause = "wrong_index"
        other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield with_field(context, node, "op", other, cause)._replace(telling=True)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        cause = "wrong_formula" if context.in_sum(node) else "sign_flip"
        if context.in_index(node):
            cause = "wrong_index"
        yield replaced(context, node, node.operand, cause)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert | ast.Not):
        yield replaced(context, node, node.operand, "wrong_mask")


def _comparisons(node, context, values):
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for op in (ast.Gt(), ast.Lt(), ast.GtE(), ast.LtE(), ast.Eq(), ast.NotEq()):
            if type(op) is not type(node.ops[0]):
                yield with_field(context, node, "ops", [op], _cause_of_condition(context, node))


def _cause_of_condition(context, node):
    """Return the cause if a comparison is wrong: a mask's, or that of what an ``if`` guards."""
    body = context.guarded(node)
    if body is None:
        return "wrong_mask"
    value = getattr(body[0], "value", None)
    products = isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult | ast.Div)
    return "chain_factor" if products else "wrong_index"


def _constants(node, context, values):
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool | str | None):
        return
    if not isinstance(node.value, int | float):
        return
    parent, field, _ = context.parents[node]
    if isinstance(parent, ast.Call) and name_of_call(parent) == "range":
        return  # see edits_of_places
    if isinstance(parent, ast.keyword) and parent.arg in ("axis", "keepdims", "dtype"):
        return
    c = node.value
    if isinstance(parent, ast.Call) and name_of_call(parent) in (
        "roll",
        "flip",
        "rot90",
        "swapaxes",
    ):
        tried, cause = {-c, c + 1, c - 1}, "rearranged"
    elif context.in_index(node) or context.makes_index(node):
        tried, cause = {c + 1, c - 1}, "wrong_index"
        for name, value in values.items():
            if isinstance(value, int | np.integer) and not isinstance(value, bool):
                yield replaced(context, node, ast.Name(name, ast.Load()), "wrong_index")
    elif context.in_comparison(node):
        tried, cause = {0, 1, -1, 0.5, 6, 3, -c, c / 2, c * 2}, _cause_of_condition(context, node)
    elif isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow) and field == "right":
        tried, cause = {c + 1, c - 1, c / 2, 2 * c, -c, c - 0.5, c + 0.5}, "wrong_formula"
    else:
        tried = {0, 1, 2, 3, 0.5, -c, 2 * c, c / 2, c + 1, c - 1, 1 - c}
        scales = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult | ast.Div)
        cause = "constant_scale" if scales else "wrong_formula"
    for new in sorted(tried - {c}):
        yield replaced(context, node, ast.Constant(new), cause)


def _names(node, context, values):
    if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
        return
    if node.id not in values:
        return
    value = values[node.id]
    index = context.in_index(node)
    if isinstance(value, int | float | np.number) and context.in_comparison(node):
        for number in (0, 1):
            yield replaced(context, node, ast.Constant(number), "wrong_mask")
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        if index:
            for step, op in ((1, ast.Add()), (1, ast.Sub())):
                new = ast.BinOp(ast.Name(node.id, ast.Load()), op, ast.Constant(step))
                yield replaced(context, node, new, "wrong_index")
        for name, other in values.items():
            if name != node.id and isinstance(other, int | np.integer) and other != value:
                cause = "wrong_index" if index else "batch_scale"
                yield replaced(context, node, ast.Name(name, ast.Load()), cause)
    elif isinstance(value, np.ndarray):
        if value.dtype.kind == "b":
            inverted = ast.UnaryOp(ast.Invert(), ast.Name(node.id, ast.Load()))
            yield replaced(context, node, inverted, "wrong_mask")
        for name, other in values.items():
            if name == node.id or not isinstance(other, np.ndarray) or other.shape != value.shape:
                continue
            if name.startswith("__") or np.array_equal(other, value):
                continue
            # dout itself in the place of what comes after it: a derivative lies between them
            upstream = context.tree.args.args[:1] and node.id == context.tree.args.args[0].arg
            cause = "chain_factor" if upstream else "wrong_tensor"
            if node.id in context.gradients:
                cause = "chain_factor" if differ_by_one(other, value, values) else "wrong_tensor"
            if context.in_comparison(node):
                cause = "wrong_mask"
            yield replaced(context, node, ast.Name(name, ast.Load()), cause)


def _operands(node, context, values):
    if not isinstance(node, ast.BinOp):
        return
    index = context.in_index(node)
    if isinstance(node.op, ast.Mult | ast.Div):
        for keep, drop in ((node.left, node.right), (node.right, node.left)):
            if keep is node.right and isinstance(node.op, ast.Div):
                continue
            cause = "wrong_index" if index else _cause_of_factor(drop, values)
            yield replaced(context, node, keep, cause)
        other = ast.Div() if isinstance(node.op, ast.Mult) else ast.Mult()
        cause = _cause_of_factor(node.right, values)
        yield with_field(
            context, node, "op", other, "wrong_formula" if cause == "chain_factor" else cause
        )
    elif isinstance(node.op, ast.Add | ast.Sub):
        index = index or context.makes_index(node)
        yield replaced(context, node, node.left, "wrong_index" if index else "wrong_formula")
        yield replaced(context, node, node.right, "wrong_index" if index else "wrong_formula")
    elif isinstance(node.op, ast.FloorDiv):
        yield with_field(context, node, "op", ast.Div(), "precision_loss")
    elif isinstance(node.op, ast.Pow):
        yield replaced(context, node, node.left, "wrong_formula")
        if not isinstance(node.right, ast.Constant):
            for op in (ast.Sub(), ast.Add()):
                new = ast.BinOp(node.right, op, ast.Constant(1))
                edit = with_field(context, node, "right", new, "wrong_formula")
                yield edit._replace(telling=True)
    elif isinstance(node.op, ast.MatMult):
        swapped = ast.BinOp(node.right, node.op, node.left)
        yield replaced(context, node, swapped, "transposed")


def _cause_of_factor(node, values):
    """Return the cause if this factor is too much: a number scales, an array is a factor."""
    names = [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
    if (
        any(isinstance(values.get(name), np.ndarray) for name in names)
        and not any(
            isinstance(n, ast.Attribute) and n.attr in ("shape", "size") for n in ast.walk(node)
        )
        and not (isinstance(node, ast.Call) and name_of_call(node) == "len")
    ):
        arrays = [values[n] for n in names if isinstance(values.get(n), np.ndarray)]
        counts = all(a.dtype.kind in "iuf" and (a == np.round(a)).all() for a in arrays)
        # a division by counts, which are no derivatives
        return "wrong_formula" if counts and not any(map(is_mask, arrays)) else "chain_factor"
    return "constant_scale" if isinstance(node, ast.Constant) else "batch_scale"


def _calls(node, context, values):
    if isinstance(node, ast.Attribute) and node.attr == "T":
        masks = isinstance(node.value, ast.Name) and is_mask(values.get(node.value.id))
        yield replaced(context, node, node.value, "wrong_mask" if masks else "transposed")
    if isinstance(node, ast.Subscript) and reverses(node.slice):
        yield replaced(context, node, node.value, "rearranged")
    if isinstance(node, ast.Slice) and not reverses(node):
        for field in ("lower", "upper"):
            if getattr(node, field) is not None:
                yield with_field(context, node, field, None, "wrong_index")
    if not isinstance(node, ast.Call):
        return
    called = name_of_call(node)
    if called in OPPOSITES:
        new = OPPOSITES[called]
        cause = "constant_scale" if called in ("sum", "mean") else "wrong_mask"
        if isinstance(node.func, ast.Attribute):
            yield with_field(context, node.func, "attr", new, cause)
    if called == "astype" and isinstance(node.func, ast.Attribute):
        yield replaced(context, node, node.func.value, "precision_loss")
    if called in ("float16", "float32", "int", "round", "rint", "floor", "trunc") and node.args:
        yield replaced(context, node, node.args[0], "precision_loss")
    if any(k.arg == "dtype" for k in node.keywords):
        keywords = [k for k in node.keywords if k.arg != "dtype"]
        yield with_field(context, node, "keywords", keywords, "precision_loss")
    if called in ("flip", "flipud", "fliplr", "rot90") and node.args:
        yield replaced(context, node, node.args[0], "rearranged")
    if called in ("exp", "log", "sqrt", "abs", "tanh", "square", "sign", "clip") and node.args:
        yield replaced(context, node, node.args[0], "wrong_formula")
    if called == "reversed" and node.args:
        yield replaced(context, node, node.args[0], "missing_path")
    if called in ("sum", "mean") and isinstance(node.func, ast.Attribute):
        inner = node.args[0] if is_module(node.func.value, values) and node.args else None
        yield replaced(context, node, inner or node.func.value, "wrong_axis")


def _statements(node, context, values):
    if isinstance(node, ast.AugAssign):
        product = isinstance(node.op, ast.Mult | ast.Div)
        cause = _cause_of_factor(node.value, values) if product else "wrong_formula"
        yield replaced(context, node, ast.Pass(), cause)
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
        targets = node.targets[0].elts
        for i, j in itertools.combinations(range(len(targets)), 2):
            order = list(targets)
            order[i], order[j] = order[j], order[i]
            yield with_field(context, node.targets[0], "elts", order, "wrong_tensor")
