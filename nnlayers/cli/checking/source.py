"""A student's file: what there is to check in it, and the module that it makes.

Only a process that was started for it runs this code: see :mod:`nnlayers.cli.checking.worker`.
"""

import ast
import importlib
import importlib.machinery
import importlib.util
import inspect
import os
import re
import sys
import types
from typing import NamedTuple

FORWARD = re.compile(r"([^\W_]\w*)_forward(?:_(\w+))?")
BACKWARD = re.compile(r"([^\W_]\w*)_backward(?:_(\w+))?")
LOSS = re.compile(r"[^\W_]\w*_loss(?:_(naive|vectorized|fast|loop|loops))?")


class Definition(NamedTuple):
    """A name that the file itself defines, not one that it imports."""

    kind: str  # "function", "class", or "loss" if it returns two values
    line: int


class Operation(NamedTuple):
    """One thing to check."""

    name: str
    kind: str  # "pair", "loss" or "class"
    line: int
    forward: str | None  # the names of two functions, the same one twice, or of a class
    backward: str | None


def definitions_of(path):
    """Return ``{name: Definition}`` of a file in the order of its source, without running it.

    Raises
    ------
    OSError, SyntaxError, ValueError
        If there is no source to be had.
    """
    with open(path, "rb") as file:
        source = file.read()
    found = {}
    _collect(ast.parse(source, path).body, found)
    return found


def operations_of(definitions, find):
    """Return what there is to check, in the order of the source.

    Parameters
    ----------
    definitions : dict of str to Definition
        From :func:`definitions_of`.
    find : callable
        From a name to the object in the module, or None.

    Returns
    -------
    list of Operation
        Those with forward or backward only have None for the other.
    """
    operations = {}
    for name, definition in definitions.items():
        value, line = find(name), definition.line
        pair = FORWARD.fullmatch(name) or BACKWARD.fullmatch(name)
        if definition.kind == "class":
            if is_layer(value):
                operations[name] = Operation(name, "class", line, name, name)
        elif not callable(value):
            continue
        elif pair:
            base, variant = pair.groups()
            operation = f"{base}_{variant}" if variant else base
            if operation not in operations:
                partners = (_partner(base, d, variant, find) for d in ("forward", "backward"))
                operations[operation] = Operation(operation, "pair", line, *partners)
        elif definition.kind == "loss" and LOSS.fullmatch(name):
            operations[name] = Operation(name, "loss", line, name, name)
    used = {op.forward for op in operations.values() if op.backward}
    # a forward whose only backward is another variant's, as batchnorm_backward_alt, is no half
    return [op for op in operations.values() if op.backward or op.forward not in used]


def is_layer(value):
    """Whether a class has a forward and a backward to check."""
    from nnlayers.layers.layer import Layer, PairLayer

    if not isinstance(value, type):
        return False
    if issubclass(value, PairLayer):
        return value.pair is not None
    if issubclass(value, Layer):
        return value.forward is not Layer.forward
    methods = (inspect.getattr_static(value, name, None) for name in ("forward", "backward"))
    return all(isinstance(method, types.FunctionType) for method in methods)


def load(path):
    """Run a file as Python would import it, and return the module."""
    path = os.path.abspath(path)
    folder, stem = os.path.split(os.path.splitext(path)[0])
    sys.argv = [path]
    sys.path.insert(0, folder)
    sys.path.append(os.getcwd())  # last: what lies about there must not hide a library
    top, parts = folder, [stem]
    while os.path.isfile(os.path.join(top, "__init__.py")) and os.path.dirname(top) != top:
        top, package = os.path.split(top)
        parts.insert(0, package)
    if len(parts) > 1 and all(map(str.isidentifier, parts)):  # it may import from its package
        sys.path.insert(1, top)
        return importlib.import_module(".".join(parts))
    # a file called random.py must not stand in the way of the module of that name
    name = f"{stem}_of_student" if stem in sys.modules or stem in sys.builtin_module_names else stem
    loader = importlib.machinery.SourceFileLoader(name, path)
    spec = importlib.util.spec_from_loader(name, loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _partner(base, direction, variant, find):
    """Return the name of the one that belongs to it: batchnorm_backward_alt has _forward."""
    names = [f"{base}_{direction}_{variant}"] if variant else []
    return next((n for n in (*names, f"{base}_{direction}") if callable(find(n))), None)


def _collect(body, found):
    """Add what the statements of a module define, also under if and try."""
    for node in body:
        if isinstance(node, ast.FunctionDef):
            kind = "loss" if _returns_two(node) else "function"
            _add(found, node.name, Definition(kind, node.lineno))
        elif isinstance(node, ast.ClassDef):
            _add(found, node.name, Definition("class", node.lineno))
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    _add(found, target.id, Definition("function", node.lineno))
        elif isinstance(node, ast.If | ast.Try | ast.With):
            for part in ("body", "orelse", "finalbody"):
                _collect(getattr(node, part, []), found)
            for handler in getattr(node, "handlers", []):
                _collect(handler.body, found)


def _add(found, name, definition):
    found.pop(name, None)  # the last definition counts, and stands in its place
    found[name] = definition


def _returns_two(function):
    """Whether every return of a function is of two values, as ``return loss, dx``."""
    returns = [node for node in ast.walk(function) if isinstance(node, ast.Return)]
    return bool(returns) and all(
        isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2 for node in returns
    )
