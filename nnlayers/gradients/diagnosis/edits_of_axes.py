"""Reductions along another axis, and means that are sums."""

import ast
import itertools

from nnlayers.gradients.diagnosis.syntax import (
    REDUCTIONS,
    is_mask,
    is_method,
    name_of_call,
    replaced,
    together,
    with_field,
)

# what a reduction of several statements, and of one, may run along
AXES = (0, 1, 2, -1, (0, 1), (0, 2), (1, 2), (0, 2, 3), (1, 2, 3))
MORE_AXES = (0, 1, 2, 3, -1, *AXES[4:], (0, 1, 2), (2, 3), (3, 4), (2, 3, 4))


def axes(node, context, values):
    """One reduction along another axis, or one transpose in another order."""
    if not isinstance(node, ast.Call):
        return
    if name_of_call(node) in REDUCTIONS:
        given = next((k for k in node.keywords if k.arg == "axis"), None)
        position = 0 if is_method(node, values) else 1
        old = given.value if given else None
        if old is None and len(node.args) > position:
            old = node.args[position]
        for axis in (*MORE_AXES, None):
            new = ast.parse(repr(axis), mode="eval").body
            if old is not None:
                if ast.dump(new) != ast.dump(old):
                    yield replaced(context, old, new, "wrong_axis")
                    if axis is not None and not any(k.arg == "keepdims" for k in node.keywords):
                        yield _reduced(context, node, axis)
            elif axis is not None:
                yield with_field(
                    context, node, "keywords", [*node.keywords, ast.keyword("axis", new)],
                    "wrong_axis",
                )  # fmt: skip
                if not any(k.arg == "keepdims" for k in node.keywords):
                    keep = ast.keyword("keepdims", ast.Constant(True))
                    keywords = [*node.keywords, ast.keyword("axis", new), keep]
                    yield with_field(context, node, "keywords", keywords, "wrong_axis")
    if name_of_call(node) == "transpose":
        numbers = [a for a in node.args if isinstance(a, ast.Constant)]
        if 3 <= len(numbers) <= 4 and len(numbers) == len(node.args):
            for order in itertools.permutations(node.args):
                if list(order) != node.args:
                    moved = getattr(node.func, "value", None)
                    masks = isinstance(moved, ast.Name) and is_mask(values.get(moved.id))
                    cause = "wrong_mask" if masks else "rearranged"
                    yield with_field(context, node, "args", list(order), cause)


def _reduced(context, node, axes):
    """Return the edit that reduces along other axes and keeps them."""
    args = node.args if not isinstance(node.func, ast.Attribute) else list(node.args)
    module = isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
    kept = args[:1] if module and node.func.value.id in ("np", "numpy") else []
    new = ast.Call(node.func, kept, [])
    new.keywords = [
        ast.keyword("axis", ast.parse(repr(axes), mode="eval").body),
        ast.keyword("keepdims", ast.Constant(True)),
    ]
    return replaced(context, node, new, "wrong_axis")


def axes_of_statement(node, context, values):
    """All reductions of one statement along another axis."""
    if not isinstance(node, ast.Assign | ast.AugAssign | ast.Return):
        return
    calls = [
        n
        for n in ast.walk(node)
        if isinstance(n, ast.Call)
        and name_of_call(n) in REDUCTIONS
        and any(k.arg == "axis" for k in n.keywords)
    ]
    if len(calls) < 2:
        return
    for axes in AXES:
        edits = [_reduced(context, call, axes) for call in calls]
        yield together(edits, "wrong_axis")


def axes_of_function(node, context, values):
    """All reductions of the function along one axis along another one."""
    if node is not context.tree.body[-1]:
        return
    calls = {}
    for n in ast.walk(context.tree):
        if isinstance(n, ast.Call) and name_of_call(n) in REDUCTIONS:
            given = next((k.value for k in n.keywords if k.arg == "axis"), None)
            if given is not None:
                calls.setdefault(ast.unparse(given), []).append(n)
    for old, reductions in calls.items():
        if len(reductions) > 1:
            for axes in AXES:
                if repr(axes) != old:
                    edits = [_reduced(context, call, axes) for call in reductions]
                    yield together(edits, "wrong_axis")


def all_means(node, context, values):
    """All sums of one statement as means, and the reverse."""
    if not isinstance(node, ast.Assign | ast.AugAssign | ast.Return):
        return
    for old, new in (("sum", "mean"), ("mean", "sum")):
        calls = [
            n.func
            for n in ast.walk(node)
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr == old
        ]
        if len(calls) > 1:
            edits = [with_field(context, call, "attr", new, "wrong_formula") for call in calls]
            yield together(edits, "wrong_formula")
