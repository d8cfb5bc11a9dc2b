"""Surgery on the source: the user's backward with one expression changed, compiled and run.

Every expression is wrapped into a call once, ``__hook__(expression)``, and the hook then tries
the changes of :mod:`changes` on its value, so a change costs one call of backward and no
compilation.  What no value can express (an axis, an index, ``=`` for ``+=``) is edited in the
syntax tree.
"""

import ast
import time

import numpy as np

from nnlayers.gradients.diagnosis import changes
from nnlayers.gradients.diagnosis.edits import edits_of
from nnlayers.gradients.diagnosis.slicing import statements_at_fault
from nnlayers.gradients.diagnosis.source import put, units_of
from nnlayers.gradients.diagnosis.surgery import proved, sizes, surroundings
from nnlayers.gradients.diagnosis.syntax import Context, differ_by_one, is_mask
from nnlayers.gradients.diagnosis.wording import difference, tidy

SECONDS = 0.8  # processor time that all attempts of one kind may take


class _Index:
    """Makes ``__index__[a, b:c]`` the index itself."""

    def __getitem__(self, index):
        return index


def edited(evidence):
    """Yield ``(telling, diagnosis)`` for what a single edit of the source repairs."""
    for workshop in _workshops(evidence):
        yield from workshop.edits()


def revalued(evidence):
    """Yield diagnoses that are proved by a change of one expression's value."""
    for workshop in _workshops(evidence):
        yield from workshop.values()


def _workshops(evidence):
    function = evidence.point.subject.functions[1]
    units = units_of(function) if function is not None else []
    evidence = evidence.quick
    deadline = time.process_time() + SECONDS
    for unit in units:
        workshop = Workshop(evidence, units, unit, deadline)
        if workshop.works:
            yield workshop


def _repeated(again, claimed):
    """Whether a gradient came out as before; None is one that backward does not return."""
    if claimed is None:
        return True
    return again.shape == claimed.shape and np.allclose(again, claimed, equal_nan=True)


class Workshop:
    """Rebuilds a backward with one of its functions changed, and tries it."""

    def __init__(self, evidence, units, unit, deadline):
        self.evidence, self.units, self.unit, self.deadline = evidence, units, unit, deadline
        self.context = Context(unit.tree)
        self.locals = {}
        self.gradients = set()
        self.works = self._look()
        self.at_fault = None  # all statements of a helper can be
        if unit is units[0]:
            self.at_fault = statements_at_fault(unit.tree, evidence.wrong, len(evidence.names))

    def build(self, **extra):
        """Return the backward with the unit's tree as it is now."""
        namespace = {"__np__": np, "__index__": _Index(), **extra}
        if self.unit is self.units[0]:
            return self.unit.build(namespace)
        changed = self.unit.build(namespace)
        return self.units[0].build({**namespace, self.unit.function.__name__: changed})

    def _look(self):
        """Run the unchanged source once; learn its local variables, and whether it can be rerun."""
        returns = [n for n in ast.walk(self.unit.tree) if isinstance(n, ast.Return) and n.value]
        old = [node.value for node in returns]
        try:
            for node in returns:
                keep = ast.Call(ast.Name("__keep__", ast.Load()), [], [])
                keep.args = [ast.Call(ast.Name("locals", ast.Load()), [], []), node.value]
                node.value = keep

            def kept(values, result):
                self.locals = dict(values)
                return result

            function = self.build(__keep__=kept)
        except Exception:
            return False
        finally:
            for node, value in zip(returns, old):
                node.value = value
        try:
            self.evidence.point.gradients(self.evidence.douts[1], function=function)
            other = self.locals
            results = self.evidence.point.gradients(self.evidence.douts[0], function=function)
        except Exception:
            return False
        self.gradients = {
            name
            for name, value in self.locals.items()
            if isinstance(value, np.ndarray)
            and value.dtype.kind == "f"
            and not np.array_equal(value, other.get(name))
        }
        return all(map(_repeated, results, self.evidence.claims[0]))

    @property
    def tired(self):
        """Whether the time is used up."""
        return time.process_time() > self.deadline

    def edits(self):
        """Yield what single edits of the tree repair."""
        seen = set()
        for edit in edits_of(self.unit.tree, self.locals, self.gradients):
            if self.tired:
                return
            if self.at_fault is not None and edit.statement not in self.at_fault:
                continue
            before = ast.unparse(edit.statement).splitlines()[0]
            edit.apply()
            try:
                after = _first_line(edit, self.context)
                key = (id(edit.statement), after, len(self.unit.tree.body))
                function = None if key in seen else self.build()
                seen.add(key)
            except Exception:
                continue
            finally:
                edit.revert()
            fixed = self._try(function) if function is not None else []
            if fixed:
                yield (
                    edit.telling,
                    self._diagnosis(edit.cause, fixed, edit.statement, before, after),
                )

    def values(self):
        """Yield what a change of one expression's value repairs."""
        context = {
            name: value
            for name, value in self.locals.items()
            if isinstance(value, np.ndarray) and value.dtype.kind in "fb" and value.size
        }
        for name, value in surroundings(self.evidence).items():
            if not any(
                value.shape == a.shape and np.array_equal(a, value) for a in context.values()
            ):
                context.setdefault(name, value)
        known = sizes(self.evidence) | {
            name: float(value)
            for name, value in self.locals.items()
            if isinstance(value, int | float | np.number)
            and not isinstance(value, bool)
            and value not in (0, 1)
        }
        for node in self._sites():
            if self.tired:
                return
            place = self.context.parents[node]
            state = {"change": None, "value": None}

            def hook(value, state=state):
                if state["change"] is None:
                    state["value"] = value
                    return value
                return state["change"](np.asarray(value))

            put(place, ast.Call(ast.Name("__hook__", ast.Load()), [node], []))
            try:
                function = self.build(__hook__=hook)
            except Exception:
                continue
            finally:
                put(place, node)
            values = []
            for douts in self.evidence.douts[:2]:
                try:
                    self.evidence.point.gradients(douts, function=function)
                except Exception:
                    break
                values.append(state["value"])
            value = values[0] if values else None
            if isinstance(value, int) and not isinstance(value, bool) and self._is_outer(node):
                value = np.float64(value)
            if not isinstance(value, np.ndarray | np.floating) or value.dtype.kind not in "fb":
                continue
            # whatever changes with dout is a gradient on its way, the rest comes from forward
            upstream = not np.array_equal(value, values[-1])
            for change in self._changes(np.asarray(value), node, context, known, upstream):
                if self.tired:
                    return
                state["change"] = change.apply
                with np.errstate(all="ignore"):
                    fixed = self._try(function)
                if fixed:
                    ratio = change.apply(np.asarray(value)) if change.kind == "exchange" else None
                    if change.kind == "place" and is_mask(np.asarray(value)):
                        change = change._replace(cause="wrong_mask")
                    if ratio is not None and self._is_factor(ratio, value, node):
                        change = change._replace(cause="chain_factor")
                    yield self._written(change, upstream, fixed, node)
        yield from self._everywhere(context)

    def _is_factor(self, new, old, node):
        """Whether an exchange multiplies or divides by what stands in the statement already."""
        statement = self.context.statement(node)
        names = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
        known = {name: self.locals[name] for name in names if name in self.locals}
        return differ_by_one(new, old, known)

    def _everywhere(self, context):
        """Yield what factors on all uses of a name in one statement repair."""
        for statement in ast.walk(self.unit.tree):
            if not isinstance(statement, ast.Assign | ast.AugAssign | ast.Return):
                continue
            if self.at_fault is not None and statement not in self.at_fault:
                continue
            uses = {}
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                    uses.setdefault(node.id, []).append(node)
            for name, nodes in uses.items():
                value = self.locals.get(name)
                if len(nodes) < 2 or not isinstance(value, np.ndarray) or value.dtype.kind != "f":
                    continue
                state = {"change": lambda v: v}
                places = [self.context.parents[node] for node in nodes]

                def hook(value, state=state):
                    return state["change"](np.asarray(value))

                for place, node in zip(places, nodes):
                    put(place, ast.Call(ast.Name("__hook__", ast.Load()), [node], []))
                try:
                    function = self.build(__hook__=hook)
                except Exception:
                    continue
                finally:
                    for place, node in zip(places, nodes):
                        put(place, node)
                for change in (
                    *changes.factors(value.shape, context),
                    *changes.exchanges(value, context),
                    *changes.places(value),
                ):
                    if self.tired:
                        return
                    state["change"] = change.apply
                    with np.errstate(all="ignore"):
                        fixed = self._try(function)
                    if fixed:
                        yield self._written(change, True, fixed, *nodes)

    def _changes(self, value, node, context, known, upstream):
        """Yield the changes that are worth trying at a site.

        A factor belongs to a gradient on its way; another tensor may stand for one from forward.
        """
        outer, parent = self._is_outer(node), self.context.parents[node][0]
        yield from changes.signs()
        if value.ndim:
            if getattr(parent, "attr", "") in ("shape", "size", "ndim"):
                return  # not its entries count there
            yield from changes.places(value)
            if not upstream and not isinstance(node, ast.BinOp):
                yield from changes.exchanges(value, context, isinstance(node, ast.Name))
            yield from changes.sums(value)
        term = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add | ast.Sub)
        if outer or term or isinstance(node, ast.Name):
            forms = changes.FORMS if outer or term else changes.FORMS[:6]
            yield from changes.factors(value.shape, context, forms)
        if outer:
            yield from changes.numbers(known)
            yield from changes.terms(value, context)
            yield from changes.projections(value, context)
        if upstream and (outer or isinstance(node, ast.Name)):
            yield from changes.products(value, context)

    def _sites(self):
        """Return the expressions whose value may be changed: outermost first."""
        eligible = ast.Name | ast.BinOp | ast.Call | ast.Attribute | ast.Subscript | ast.UnaryOp
        nodes = []
        for node in ast.walk(self.unit.tree):
            if not isinstance(node, eligible) or node not in self.context.parents:
                continue
            if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                continue
            parent, field, _ = self.context.parents[node]
            if isinstance(parent, ast.Call) and field == "func":
                continue
            if isinstance(parent, ast.arguments | ast.keyword) or self.context.in_index(node):
                continue
            if isinstance(getattr(parent, "ctx", None), ast.Store):
                continue
            if self.at_fault is not None and self.context.statement(node) not in self.at_fault:
                continue
            nodes.append(node)
        return sorted(nodes, key=lambda node: not self._is_outer(node))

    def _is_outer(self, node):
        """Whether a node is all of what is assigned, added or returned."""
        parent, field, _ = self.context.parents[node]
        if isinstance(parent, ast.Tuple):
            parent, field, _ = self.context.parents[parent]
        return isinstance(parent, ast.Assign | ast.AugAssign | ast.Return) and field == "value"

    def _try(self, function):
        try:
            results = self.evidence.run(function=function)
        except RecursionError:
            return []
        return self.evidence.repaired(results) if results else []

    def _written(self, change, upstream, fixed, *nodes):
        statement = self.context.statement(nodes[0])
        before = ast.unparse(statement).splitlines()[0]
        places = [self.context.parents[node] for node in nodes]
        for place, node in zip(places, nodes):
            text = change.text.format(v=_bracketed(node))
            inside = isinstance(place[0], ast.Attribute | ast.BinOp | ast.UnaryOp)
            put(place, ast.Name(f"({text})" if inside and " " in text else text, ast.Load()))
        try:
            after = ast.unparse(statement).splitlines()[0]
        finally:
            for place, node in zip(places, nodes):
                put(place, node)
        cause = change.cause
        parent = places[0][0]
        if cause == "transposed" and getattr(parent, "attr", "") == "reshape":
            cause = "rearranged"  # the axes of a tensor that is laid out anew, not a matrix
        if change.kind == "place" and isinstance(parent, ast.Subscript):
            cause = "wrong_index"  # another part of it is meant
        if self.context.in_comparison(nodes[0]):
            cause = "wrong_mask"
        inner = len(nodes) == 1 and self.context.in_sum(nodes[0])
        if inner and (change.kind == "sign" or (change.kind == "factor" and not upstream)):
            cause = "wrong_formula"  # one term of a formula, not a factor of the whole
        return self._diagnosis(cause, fixed, statement, before, after)

    def _diagnosis(self, cause, fixed, statement, before, after):
        line = self.unit.line(statement)
        old, new = difference(before.strip(), after.strip())
        how = f"when `{old}` in line {line} reads `{new}`"
        return proved(self.evidence, cause, fixed, how, f"line {line}: `{new}` in place of `{old}`")


def _bracketed(node):
    text = ast.unparse(node)
    return f"({text})" if isinstance(node, ast.BinOp | ast.UnaryOp) else text


def _first_line(edit, context):
    """Return the edited statement in one line."""
    statement = edit.statement
    for candidate in ast.walk(context.tree):
        if candidate is statement:
            return tidy(ast.unparse(statement).splitlines()[0])
    # the statement itself was replaced: its successor stands at its place
    parent, field, index = context.parents[statement]
    new = getattr(parent, field)[index] if index is not None else getattr(parent, field)
    text = ast.unparse(ast.fix_missing_locations(new)).splitlines()[0]
    return tidy(text)
