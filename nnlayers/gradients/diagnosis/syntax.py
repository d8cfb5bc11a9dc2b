"""Edits of a syntax tree: what they consist of, and where the edited expressions stand."""

import ast
from typing import NamedTuple

import numpy as np

from nnlayers.gradients.diagnosis.source import parents_of, put

REDUCTIONS = {"sum", "mean", "max", "min", "argmax", "argmin", "std", "var", "prod", "cumsum"}
LINEAR = {"dot", "matmul", "einsum", "reshape", "transpose", "outer", "array", "swapaxes", "add"}
LINEAR |= {"hstack", "vstack", "concatenate", "stack", "split", "pad", "multiply", "copy", "tile"}
LINEAR |= {"broadcast_to", "squeeze", "expand_dims", "where", "at", "repeat", "cumsum", "zeros"}


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
            if isinstance(parent, ast.Call) and name_of_call(parent) in {"range", "arange"}:
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
                called = name_of_call(parent)
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


def replaced(context, node, new, cause):
    """Return the edit that puts another expression in the place of a node."""
    place = context.parents[node]
    return Edit(
        cause,
        context.statement(node),
        lambda: put(place, new),
        lambda: put(place, node),
    )


def with_field(context, node, name, new, cause):
    """Return the edit that gives a field of a node another value."""
    old = getattr(node, name)
    return Edit(
        cause,
        context.statement(node),
        lambda: setattr(node, name, new),
        lambda: setattr(node, name, old),
    )


def together(edits, cause):
    """Return several edits as one."""

    def apply():
        for edit in edits:
            edit.apply()

    def revert():
        for edit in reversed(edits):
            edit.revert()

    return Edit(cause, edits[0].statement, apply, revert)


def is_mask(value):
    """Whether an array selects: booleans, or zeros and one other number."""
    if not isinstance(value, np.ndarray) or value.size < 3:
        return False
    return value.dtype.kind == "b" or (len(np.unique(value)) == 2 and not value.all())


def differ_by_one(new, old, values):
    """Whether one of the arrays among values, or its inverse, is the ratio of two arrays."""
    if new.shape != old.shape or new.dtype.kind != "f" or old.dtype.kind != "f":
        return False
    with np.errstate(all="ignore"):
        ratio = new / old
        factors = (ratio, 1 / ratio)
    for array in values.values():
        if isinstance(array, np.ndarray) and array.dtype.kind == "f" and array.size > 1:
            for factor in factors:
                try:
                    if np.allclose(factor, array, rtol=1e-9, atol=0.0):
                        return True
                except ValueError:  # shapes that do not broadcast
                    break
    return False


def lengthens(call, argument, step):
    """Whether a step of one argument makes a range longer."""
    backwards = len(call.args) > 2 and isinstance(call.args[2], ast.UnaryOp)
    starts = len(call.args) > 1 and argument is call.args[0]
    return (step > 0) != (starts != backwards)


def name_of_call(node):
    """Return the last name of what is called: sum for np.sum and for x.sum."""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def is_method(node, values):
    """Whether a call is one of an array's method, not of a function of NumPy."""
    return isinstance(node.func, ast.Attribute) and not is_module(node.func.value, values)


def is_module(node, values):
    """Whether a name stands for NumPy."""
    return isinstance(node, ast.Name) and node.id in ("np", "numpy") and node.id not in values


def reverses(node):
    """Whether a slice runs backwards: [::-1]."""
    slices = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(isinstance(s, ast.Slice) and isinstance(s.step, ast.UnaryOp) for s in slices)
