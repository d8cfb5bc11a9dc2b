"""The source of a user's function, and the function that a changed source gives."""

import ast
import inspect
import textwrap
import types
from typing import NamedTuple


class Unit(NamedTuple):
    """One function with its syntax tree, to be changed and built again."""

    function: types.FunctionType
    tree: ast.FunctionDef
    bound: object  # the instance of a method, or None

    def line(self, node):
        """Return the line of a node in its file."""
        return self.function.__code__.co_firstlineno + node.lineno - 1

    def build(self, namespace):
        """Compile the tree as it is now; names in namespace come before the module's own."""
        function = self.function
        free = function.__code__.co_freevars
        outer = ast.FunctionDef(
            name="__outer__",
            args=ast.arguments([], [ast.arg(n) for n in free], None, [], [], None, []),
            body=[self.tree, ast.Return(ast.Name(self.tree.name, ast.Load()))],
            decorator_list=[],
            type_params=[],
        )
        module = ast.fix_missing_locations(ast.Module([outer], []))
        scope = {**function.__globals__, **namespace}
        exec(compile(module, f"<changed {function.__name__}>", "exec"), scope)
        cells = function.__closure__ or ()
        built = scope["__outer__"](*(cell.cell_contents for cell in cells))
        built.__defaults__ = function.__defaults__
        built.__kwdefaults__ = function.__kwdefaults__
        return built if self.bound is None else built.__get__(self.bound)


def units_of(function, others=3, helpers=False):
    """Return the units of a function and of the helpers of its module that it calls; [] if unknown.

    With ``helpers``, functions whose names end in ``forward`` count as helpers too.
    """
    first = unit_of(function)
    if first is None:
        return []
    units, module = [first], first.function.__module__
    for node in ast.walk(first.tree):
        if isinstance(node, ast.Name) and len(units) <= others:
            helper = first.function.__globals__.get(node.id)
            if (
                isinstance(helper, types.FunctionType)
                and helper.__module__ == module
                and all(helper is not unit.function for unit in units)
                and (helpers or not node.id.endswith("forward"))
            ):
                unit = unit_of(helper)
                if unit is not None:
                    units.append(unit)
    return units


def unit_of(function):
    """Return the unit of one function, or None if its source is not to be had."""
    bound = getattr(function, "__self__", None)
    plain = getattr(function, "__func__", function)
    if not isinstance(plain, types.FunctionType):
        return None
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(plain)))
    except (OSError, TypeError, SyntaxError, IndentationError):
        return None
    definitions = [n for n in tree.body if isinstance(n, ast.FunctionDef)]
    if not definitions or definitions[0].name != plain.__name__:
        return None
    definition = definitions[0]
    definition.decorator_list = []
    # defaults are set on the built function: their expressions belong to another scope
    definition.args.defaults = [ast.Constant(None) for _ in definition.args.defaults]
    definition.args.kw_defaults = [d and ast.Constant(None) for d in definition.args.kw_defaults]
    for node in ast.walk(definition):
        if isinstance(node, ast.arg):
            node.annotation = None
    definition.returns = None
    return Unit(plain, definition, bound)


def parents_of(tree):
    """Return ``{node: (parent, field, index or None)}`` for every node below the tree."""
    found = {}
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if isinstance(value, ast.AST):
                found[value] = (parent, field, None)
            elif isinstance(value, list):
                for i, item in enumerate(value):
                    if isinstance(item, ast.AST):
                        found[item] = (parent, field, i)
    return found


def put(place, node):
    """Put a node at a place ``(parent, field, index)``."""
    parent, field, index = place
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node
