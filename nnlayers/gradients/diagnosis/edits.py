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
LINEAR = {"dot", "matmul", "einsum", "reshape", "transpose", "outer", "array", "swapaxes", "add"}
LINEAR |= {"hstack", "vstack", "concatenate", "stack", "split", "pad", "multiply", "copy", "tile"}
LINEAR |= {"broadcast_to", "squeeze", "expand_dims", "where", "at", "repeat", "cumsum", "zeros"}
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


class Edit(NamedTuple):
    """A replacement of one node, or of one attribute of a node."""

    cause: str
    statement: ast.stmt  # the statement it stands in
    apply: object
    revert: object
    telling: bool = False  # whether it can hardly repair anything by accident


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
        for above, _ in self.chain(node):
            if isinstance(above, ast.stmt):
                return above
        return self.tree

    def in_index(self, node):
        """Whether a node is part of an index, a slice, or the bounds of a loop."""
        for _, (parent, field, _) in self.chain(node):
            if isinstance(parent, ast.Subscript) and field == "slice":
                # x.shape[0] is a number, not a place
                return not (
                    isinstance(parent.value, ast.Attribute) and parent.value.attr == "shape"
                )
            if isinstance(parent, ast.Call) and _called(parent) in {"range", "arange"}:
                return True
            if isinstance(parent, ast.stmt):
                return False
        return False

    def makes_index(self, node):
        """Whether a node is part of what is assigned to a name that is used as an index."""
        statement = self.statement(node)
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            return False
        name = statement.targets[0].id
        uses = [n for n in ast.walk(self.tree) if isinstance(n, ast.Name) and n.id == name]
        read = [n for n in uses if isinstance(n.ctx, ast.Load)]
        return bool(read) and all(self.in_index(n) for n in read)

    def guarded(self, node):
        """Return the body of the ``if`` whose condition a node is part of, or None."""
        for _, (parent, field, _) in self.chain(node):
            if isinstance(parent, ast.If) and field == "test":
                return parent.body
            if isinstance(parent, ast.stmt):
                return None
        return None

    def loop_names(self, node):
        """Return the names that loops around a node count with."""
        loops = [p for _, (p, field, _) in self.chain(node) if isinstance(p, ast.For)]
        return {n.id for loop in loops for n in ast.walk(loop.target) if isinstance(n, ast.Name)}

    def in_comparison(self, node):
        """Whether a node is part of a comparison."""
        for _, (parent, _, _) in self.chain(node):
            if isinstance(parent, ast.Compare):
                return True
            if isinstance(parent, ast.stmt):
                return False
        return False

    def in_sum(self, node):
        """Whether a node is part of one term of a sum, or of a function's argument."""
        for child, (parent, field, _) in self.chain(node):
            if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add | ast.Sub):
                return True
            if isinstance(parent, ast.Call) and field == "args":
                called = _called(parent)
                if called not in REDUCTIONS | LINEAR:
                    return True
            if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow):
                return True
            if isinstance(child, ast.stmt):
                return False
        return False

    def in_loop(self, node):
        """Whether a node stands in the body of a loop."""
        return any(
            isinstance(parent, ast.For | ast.While) and field == "body"
            for _, (parent, field, _) in self.chain(node)
        )


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
        _axes,
        _all_axes,
        _axes_everywhere,
        _all_means,
        _accumulations,
        _calls,
        _names,
        _indices,
        _operands,
        _statements,
        _constants,
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
        count = isinstance(node, ast.AugAssign) and isinstance(node.value, ast.Constant)
        cause = "wrong_formula" if isinstance(node, ast.BinOp) or count else "sign_flip"
        if context.in_index(node):
            cause = "wrong_index"
        other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield _set(context, node, "op", other, cause)._replace(telling=True)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        cause = "wrong_formula" if context.in_sum(node) else "sign_flip"
        if context.in_index(node):
            cause = "wrong_index"
        yield _replace(context, node, node.operand, cause)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert | ast.Not):
        yield _replace(context, node, node.operand, "wrong_mask")


def _comparisons(node, context, values):
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for op in (ast.Gt(), ast.Lt(), ast.GtE(), ast.LtE(), ast.Eq(), ast.NotEq()):
            if type(op) is not type(node.ops[0]):
                yield _set(context, node, "ops", [op], _cause_of_condition(context, node))


def _cause_of_condition(context, node):
    """Return the cause if a comparison is wrong: a mask's, or that of what an ``if`` guards."""
    body = context.guarded(node)
    if body is None:
        return "wrong_mask"
    value = getattr(body[0], "value", None)
    products = isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult | ast.Div)
    return "chain_factor" if products else "wrong_index"


def _axes(node, context, values):
    if not isinstance(node, ast.Call):
        return
    if _called(node) in REDUCTIONS:
        given = next((k for k in node.keywords if k.arg == "axis"), None)
        position = 0 if _is_method(node, values) else 1
        old = given.value if given else None
        if old is None and len(node.args) > position:
            old = node.args[position]
        for axes in (
            0,
            1,
            2,
            3,
            -1,
            (0, 1),
            (0, 2),
            (1, 2),
            (0, 2, 3),
            (1, 2, 3),
            (0, 1, 2),
            (2, 3),
            (3, 4),
            (2, 3, 4),
            None,
        ):
            new = ast.parse(repr(axes), mode="eval").body
            if old is not None:
                if ast.dump(new) != ast.dump(old):
                    yield _replace(context, old, new, "wrong_axis")
                    if axes is not None and not any(k.arg == "keepdims" for k in node.keywords):
                        yield _reduced(context, node, axes)
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
    return _replace(context, node, new, "wrong_axis")


def _all_axes(node, context, values):
    """All reductions of one statement along another axis."""
    if not isinstance(node, ast.Assign | ast.AugAssign | ast.Return):
        return
    calls = [
        n
        for n in ast.walk(node)
        if isinstance(n, ast.Call)
        and _called(n) in REDUCTIONS
        and any(k.arg == "axis" for k in n.keywords)
    ]
    if len(calls) < 2:
        return
    for axes in (0, 1, 2, -1, (0, 1), (0, 2), (1, 2), (0, 2, 3), (1, 2, 3)):
        edits = [_reduced(context, call, axes) for call in calls]
        yield _together(edits, "wrong_axis")


def _axes_everywhere(node, context, values):
    """All reductions of the function along one axis along another one."""
    if node is not context.tree.body[-1]:
        return
    calls = {}
    for n in ast.walk(context.tree):
        if isinstance(n, ast.Call) and _called(n) in REDUCTIONS:
            given = next((k.value for k in n.keywords if k.arg == "axis"), None)
            if given is not None:
                calls.setdefault(ast.unparse(given), []).append(n)
    for old, reductions in calls.items():
        if len(reductions) > 1:
            for axes in (0, 1, 2, -1, (0, 1), (0, 2), (1, 2), (0, 2, 3), (1, 2, 3)):
                if repr(axes) != old:
                    edits = [_reduced(context, call, axes) for call in reductions]
                    yield _together(edits, "wrong_axis")


def _all_means(node, context, values):
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
            edits = [_set(context, call, "attr", new, "wrong_formula") for call in calls]
            yield _together(edits, "wrong_formula")


def _together(edits, cause):
    def apply():
        for edit in edits:
            edit.apply()

    def revert():
        for edit in reversed(edits):
            edit.revert()

    return Edit(cause, edits[0].statement, apply, revert)


def _accumulations(node, context, values):
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
        if isinstance(node.value, ast.Constant):
            return
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
        elif isinstance(target, ast.Tuple) and context.in_loop(node):
            names = [t.id for t in target.elts if isinstance(t, ast.Name)]
            for name in names:
                yield _added_up(context, node, [name])
            for name in names:
                if len(names) > 2:
                    yield _added_up(context, node, [n for n in names if n != name])
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


def _constants(node, context, values):
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool | str | None):
        return
    if not isinstance(node.value, int | float):
        return
    parent, field, _ = context.parents[node]
    if isinstance(parent, ast.keyword) and parent.arg in ("axis", "keepdims", "dtype"):
        return
    c = node.value
    if isinstance(parent, ast.Call) and _called(parent) in ("roll", "flip", "rot90", "swapaxes"):
        tried, cause = {-c, c + 1, c - 1}, "rearranged"
    elif context.in_index(node) or context.makes_index(node):
        tried, cause = {c + 1, c - 1}, "wrong_index"
        for name, value in values.items():
            if isinstance(value, int | np.integer) and not isinstance(value, bool):
                yield _replace(context, node, ast.Name(name, ast.Load()), "wrong_index")
    elif context.in_comparison(node):
        tried, cause = {0, 1, -1, 0.5, 6, 3, -c, c / 2, c * 2}, _cause_of_condition(context, node)
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
    if isinstance(value, int | float | np.number) and context.in_comparison(node):
        for number in (0, 1):
            yield _replace(context, node, ast.Constant(number), "wrong_mask")
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
        if value.dtype.kind == "b":
            inverted = ast.UnaryOp(ast.Invert(), ast.Name(node.id, ast.Load()))
            yield _replace(context, node, inverted, "wrong_mask")
        for name, other in values.items():
            if name == node.id or not isinstance(other, np.ndarray) or other.shape != value.shape:
                continue
            if name.startswith("__") or np.array_equal(other, value):
                continue
            # dout itself in the place of what comes after it: a derivative lies between them
            upstream = context.tree.args.args[:1] and node.id == context.tree.args.args[0].arg
            cause = "chain_factor" if upstream else "wrong_tensor"
            if node.id in context.gradients:
                cause = _cause_of_exchange(value, other, values)
            if context.in_comparison(node):
                cause = "wrong_mask"
            yield _replace(context, node, ast.Name(name, ast.Load()), cause)


def _cause_of_exchange(value, other, values):
    """Return the cause if one array stands for another: a factor, if a third one is their ratio."""
    if value.dtype.kind != "f" or other.dtype.kind != "f":
        return "wrong_tensor"
    with np.errstate(all="ignore"):
        ratio = other / value
    for array in values.values():
        if isinstance(array, np.ndarray) and array.dtype.kind == "f" and array.size > 1:
            for factor in (ratio, 1 / ratio):
                try:
                    if np.allclose(factor, array, rtol=1e-9, atol=0.0):
                        return "chain_factor"
                except ValueError:  # shapes that do not broadcast
                    break
    return "wrong_tensor"


def _indices(node, context, values):
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
                yield _replace(context, node, new, "wrong_index")
    if isinstance(node, ast.Call) and _called(node) == "range":
        for argument in node.args:
            for op in (ast.Add(), ast.Sub()):
                new = ast.BinOp(argument, op, ast.Constant(1))
                yield _replace(context, argument, new, "wrong_index")
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
                    yield _together(
                        [
                            _replace(
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
                    yield _together(moved, "wrong_index")
    if isinstance(node, ast.Slice) and not _reverses(node):
        for name in sorted(whole):
            positive, negative = ast.Name(name, ast.Load()), ast.parse(f"-{name}", mode="eval").body
            if node.lower is None:
                yield _set(context, node, "lower", positive, "wrong_index")
            if node.upper is None:
                yield _set(context, node, "upper", negative, "wrong_index")
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
        elements = node.slice.elts
        if any(isinstance(e, ast.Constant) and e.value is None for e in elements):
            for order in itertools.permutations(range(len(elements))):
                if list(order) != sorted(order) and len(elements) < 4:
                    moved = [elements[i] for i in order]
                    yield _set(context, node.slice, "elts", moved, "wrong_axis")
        fancy = any(
            isinstance(values.get(n.id), np.ndarray) and values[n.id].dtype.kind in "iu"
            for e in node.slice.elts
            for n in ast.walk(e)
            if isinstance(n, ast.Name)
        )
        for i, element in enumerate(node.slice.elts):
            if isinstance(element, ast.Slice) and ast.unparse(element) == ":":
                for name in sorted(context.loop_names(node)):
                    yield _replace(context, element, ast.Name(name, ast.Load()), "wrong_index")
            if fancy and isinstance(element, ast.Slice) and ast.unparse(element) == ":":
                count = f"__np__.arange({ast.unparse(node.value)}.shape[{i}])"
                new = ast.parse(count, mode="eval").body
                yield _replace(context, element, new, "wrong_index")


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
        yield _set(context, part, field, new, "wrong_index")


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
        yield _set(
            context, node, "op", other, "wrong_formula" if cause == "chain_factor" else cause
        )
    elif isinstance(node.op, ast.Add | ast.Sub):
        index = index or context.makes_index(node)
        yield _replace(context, node, node.left, "wrong_index" if index else "wrong_formula")
        yield _replace(context, node, node.right, "wrong_index" if index else "wrong_formula")
    elif isinstance(node.op, ast.FloorDiv):
        yield _set(context, node, "op", ast.Div(), "precision_loss")
    elif isinstance(node.op, ast.Pow):
        yield _replace(context, node, node.left, "wrong_formula")
        if not isinstance(node.right, ast.Constant):
            for op in (ast.Sub(), ast.Add()):
                new = ast.BinOp(node.right, op, ast.Constant(1))
                edit = _set(context, node, "right", new, "wrong_formula")
                yield edit._replace(telling=True)
    elif isinstance(node.op, ast.MatMult):
        swapped = ast.BinOp(node.right, node.op, node.left)
        yield _replace(context, node, swapped, "transposed")


def _cause_of_factor(node, values):
    """Return the cause if this factor is too much: a number scales, an array is a factor."""
    names = [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
    if (
        any(isinstance(values.get(name), np.ndarray) for name in names)
        and not any(
            isinstance(n, ast.Attribute) and n.attr in ("shape", "size") for n in ast.walk(node)
        )
        and not (isinstance(node, ast.Call) and _called(node) == "len")
    ):
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
        cause = "constant_scale" if called in ("sum", "mean") else "wrong_mask"
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
    return any(isinstance(s, ast.Slice) and isinstance(s.step, ast.UnaryOp) for s in slices)
