"""Which path is missing: the gradient of forward with one intermediate value held fixed.

A backward that forgets a term of the total derivative computes the exact gradient of another
function: of the same forward in which some intermediate value (the mean of a batch, the softmax's
denominator, the state of a recurrent net, one factor of a product) does not move with x.  So every
expression of forward is frozen in turn, and the derivative of what is left is compared with the
gradient that backward claims.
"""

import ast
import time

import numpy as np

from nnlayers.gradients.diagnosis.source import put, units_of
from nnlayers.gradients.diagnosis.syntax import Context
from nnlayers.gradients.report import Diagnosis

SECONDS = 0.6
STEP = 3e-5  # relative to the size of x: truncation and rounding are then both near 1e-9
SAME = 1e-6
ELIGIBLE = ast.Name | ast.BinOp | ast.Call | ast.Attribute | ast.Subscript | ast.UnaryOp


def frozen(evidence):
    """Yield missing paths that are shown by freezing one expression of forward."""
    units = units_of(evidence.point.subject.functions[0], helpers=True)
    deadline = time.process_time() + SECONDS
    todo = set(evidence.wrong)
    for unit in units:
        context = Context(unit.tree)
        for node in _sites(unit.tree, context):
            if not todo or time.process_time() > deadline:
                return
            explained = [
                k for k in sorted(todo) if _explains(evidence, units, unit, context, [node], k)
            ]
            if explained:
                todo -= set(explained)
                names = [evidence.names[k] for k in explained]
                statement = context.statement(node)
                line = unit.line(statement)
                text = ast.unparse(node)
                yield Diagnosis(
                    "missing_path",
                    names[0],
                    f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} exactly the "
                    f"gradient with `{text}` in line {line} of forward held fixed: the path "
                    "through it is missing",
                    f"add the derivative through `{text}`: the total one is a sum over all paths",
                    "proved",
                    tuple(names),
                )


def one_way_only(evidence):
    """Yield missing paths where only one use of an argument is followed, and all others are not."""
    units = units_of(evidence.point.subject.functions[0])
    names = list(evidence.point.subject.arrays)
    for unit in units[:1]:
        context = Context(unit.tree)
        parameters = [a.arg for a in unit.tree.args.args]
        for k in evidence.wrong:
            if names[k] not in parameters:
                continue
            uses = [
                node
                for node in _sites(unit.tree, context)
                if isinstance(node, ast.Name) and node.id == names[k]
            ]
            for kept in range(8 if uses else 0):
                if _explains(evidence, units, unit, context, uses, k, kept):
                    lines = sorted({unit.line(context.statement(node)) for node in uses})
                    # the same expression, run again and again by a loop
                    again = len(uses) == 1 and context.in_loop(uses[0])
                    yield Diagnosis(
                        "overwrite_not_accumulate" if again else "missing_path",
                        evidence.names[k],
                        f"{evidence.names[k]} follows only use {kept + 1} of {names[k]} in forward "
                        f"(line {', '.join(map(str, lines))})",
                        "add up the gradients of all uses",
                        "proved",
                        (evidence.names[k],),
                    )
                    break


def _sites(tree, context):
    """Return the expressions of forward, the larger ones first."""
    nodes = []
    for node in ast.walk(tree):
        if not isinstance(node, ELIGIBLE) or node not in context.parents:
            continue
        if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            continue
        parent, field, _ = context.parents[node]
        if isinstance(parent, ast.arguments | ast.keyword) or context.in_index(node):
            continue
        if isinstance(parent, ast.Call) and field == "func":
            continue
        if isinstance(getattr(parent, "ctx", None), ast.Store):
            continue  # a copy would be written into
        if isinstance(context.statement(node), ast.Return):
            inside = isinstance(parent, ast.Tuple | ast.Return)
            if inside:
                continue  # freezing what is returned leaves nothing
        nodes.append(node)
    return nodes


def _explains(evidence, units, unit, context, nodes, k, kept=None):
    """Whether gradient k is that of forward with these expressions frozen, but for one use."""
    record = {"values": [], "next": None}

    def hook(value):
        if record["next"] is None:
            record["values"].append(np.copy(value) if isinstance(value, np.ndarray) else value)
            return value
        place = record["next"]
        record["next"] += 1
        return value if place == kept else record["values"][place]

    places = [context.parents[node] for node in nodes]
    for place, node in zip(places, nodes):
        put(place, ast.Call(ast.Name("__hook__", ast.Load()), [node], []))
    try:
        changed = unit.build({"__hook__": hook})
        function = changed
        if unit is not units[0]:
            function = units[0].build({unit.function.__name__: changed})
    except Exception:
        return False
    finally:
        for place, node in zip(places, nodes):
            put(place, node)
    point = evidence.point
    base = point.here(function)
    values = record["values"]
    if not np.isfinite(base).all() or not values:
        return False
    if kept is not None and not kept < len(values) > 1:
        return False
    if not all(isinstance(v, np.ndarray | np.floating | float) for v in values):
        return False

    def outs(move):
        record["next"] = 0
        offset = np.zeros(point.base.size)
        offset[point.subject.slices[k]] = move.ravel()
        return point.at(offset, function)

    claimed = evidence.claimed(k)
    if claimed.shape[1:] != evidence.shape(k):
        return False
    scale = point.scales[point.subject.slices[k]].reshape(evidence.shape(k))
    for _ in range(2):
        u = scale * point.spread(scale.shape)
        derivative = (outs(STEP * u) - outs(-STEP * u)) / (2 * STEP)
        numeric = evidence.weights @ derivative
        products = claimed * u
        expected = products.reshape(len(claimed), -1).sum(axis=1)
        size = np.sqrt((products**2).reshape(len(claimed), -1).sum(axis=1))
        with np.errstate(invalid="ignore"):
            good = np.abs(numeric - expected) <= SAME * np.maximum(size, np.abs(expected))
        if not good.all() or not size.all():
            return False
    return True
