"""What a student's function or class is called with: its signature against a way to call it."""

import copy
import inspect
import zlib
from typing import NamedTuple

import numpy as np

from nnlayers.cli.checking.inputs import parse
from nnlayers.cli.checking.recipes import (
    NEEDED,
    PARAMETERS,
    ROLES,
    SETTINGS,
    TARGETS,
)
from nnlayers.layers.checks import describe


class Missing(Exception):
    """No value is known for an argument; the text is its name."""


class Unusable(Exception):
    """An object of this class cannot be checked; the text says why."""


class Call(NamedTuple):
    """What forward is called with, and what is expected of backward.

    ``args`` are in the order of the signature; ``options`` are keyword-only.  ``wrt`` names the
    arguments that have a gradient.
    """

    names: tuple
    args: tuple
    options: dict
    wrt: tuple

    def fresh(self):
        """Return copies of args and options."""
        return copy.deepcopy(self.args), copy.deepcopy(self.options)

    def shown(self):
        """Return arrays with their shapes and settings as they are: ``x (5, 7), stride 2``."""
        values = [*zip(self.names, self.args), *self.options.items()]
        words = [f"{n} {describe(v)}" for n, v in values if not isinstance(v, np.random.Generator)]
        return ", ".join(words) or "nothing"

    def settings(self):
        """Return the part of :meth:`shown` that is no array."""
        values = [*zip(self.names, self.args), *self.options.items()]
        plain = [(n, v) for n, v in values if not isinstance(v, np.ndarray | np.random.Generator)]
        return ", ".join(f"{name} {describe(value)}" for name, value in plain)


def parameters_of(function):
    """Return the named parameters of a function; none for one whose signature cannot be read."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def call_with(function, way, turn, seed):
    """Return the Call of a function in one way and one round.

    Parameters
    ----------
    function : callable
        Whose signature counts.
    way : dict of str to Value
        What each role gets; the role ``*`` stands for every argument that has none.
    turn : {0, 1}
        The round: see :mod:`nnlayers.cli.checking.inputs`.
    seed : int
        Of the numbers.

    Raises
    ------
    Missing
        If an argument without a default has no value.
    """
    parameters = parameters_of(function)
    roles = _roles(parameters, way)
    names, args, options, wrt, pending = [], [], {}, [], []
    for parameter in parameters:
        value = _value(parameter, way, roles)
        if value is None:  # left at its default; given only if a later one is given by position
            if parameter.kind is not parameter.KEYWORD_ONLY:
                pending.append((parameter.name, parameter.default))
            continue
        made = _make(value, parameter.name, turn, seed)
        if parameter.kind is parameter.KEYWORD_ONLY:
            options[parameter.name] = made
            continue
        for name, default in pending:
            names.append(name)
            args.append(default)
        pending = []
        names.append(parameter.name)
        args.append(made)
        if isinstance(made, np.ndarray) and made.dtype.kind == "f" and not value.fixed:
            wrt.append(parameter.name)
    return Call(tuple(names), tuple(args), options, tuple(wrt))


def call_of(function, arguments, options=None):
    """Return the Call with given arguments, in which targets and masks have no gradient."""
    parameters = [p.name for p in parameters_of(function)]
    names = [parameters[i] if i < len(parameters) else f"arg{i}" for i in range(len(arguments))]
    arrays = [
        name
        for name, value in zip(names, arguments)
        if isinstance(value, np.ndarray | np.floating) and value.dtype.kind == "f"
    ]
    wrt = [name for name in arrays if name.lower() not in TARGETS] or arrays[:1]
    return Call(tuple(names), tuple(arguments), dict(options or {}), tuple(wrt))


def _roles(parameters, way):
    """Return the role of each parameter that has one in this way, by name and then by position."""
    roles = {p.name: p.name.lower() for p in parameters if p.name.lower() in way}
    taken = set(roles.values())
    claims = {}
    for parameter in parameters:
        if parameter.name not in roles:
            name = parameter.name.lower()
            for role in way:
                if role not in taken and name in ROLES.get(role, ()):
                    claims.setdefault(role, []).append(parameter.name)
                    break
    # of two names for one role, neither counts: in f(y, t), y are predictions
    roles |= {names[0]: role for role, names in claims.items() if len(names) == 1}
    if "*" in way:
        return roles
    left = [role for role in way if role not in roles.values()]
    arrays = [role for role in left if not way[role].literals]
    free = iter(arrays + [role for role in left if way[role].literals])
    for parameter in parameters:
        if parameter.name not in roles and _is_needed(parameter):
            role = next(free, None)
            if role is None:
                break
            roles[parameter.name] = role
    return roles


def _value(parameter, way, roles):
    """Return the Value of a parameter, "rng" for a generator, or None for its default."""
    name = parameter.name
    role = roles.get(name)
    if role is not None:
        value = way[role]
        optional = parameter.default is not parameter.empty
        if not (optional and (value.fixed or value.kind == "mask")):
            return value
        return None
    text = SETTINGS.get(name.lower())
    if text is not None:
        return "rng" if text == "rng" else parse(text)
    if parameter.default is not parameter.empty:
        return None
    if name.lower() in NEEDED:
        return parse(NEEDED[name.lower()])
    wild = way.get("*")
    if wild is not None and not ((wild.fixed or wild.literals) and name.lower() in PARAMETERS):
        return wild
    raise Missing(name)


def _make(value, name, turn, seed):
    # each argument has numbers of its own, whatever else is drawn
    rng = np.random.default_rng([seed, turn, zlib.crc32(name.encode())])
    return rng if value == "rng" else copy.deepcopy(value.make(turn, rng))


def _is_needed(parameter):
    return (
        parameter.default is parameter.empty
        and parameter.name.lower() not in SETTINGS
        and parameter.name.lower() not in NEEDED
    )
