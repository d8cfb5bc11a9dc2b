"""What is checked, in one form: a pair, a layer, a net, or a function with a claimed gradient.

A :class:`Subject` owns float64 copies of every array that it differentiates, so the caller's
arrays, layers and generators stay as they are.
"""

import copy
import inspect

import numpy as np

from nnlayers.layers.checks import complaint, describe
from nnlayers.layers.layer import Layer

NOT_DIFFERENTIATED = {"y", "target", "targets", "label", "labels", "mask"}


class Subject:
    """A forward and a backward over named arrays.

    Attributes
    ----------
    arrays : dict of str to ndarray
        The arrays to differentiate, float64 copies; perturb them in place, then :meth:`forward`.
    gradients : tuple of str
        The name of each array's gradient, ``"dw"`` or ``"0.dw"``.
    shown : str
        How the subject is called in a report.
    """

    def __init__(self, arrays, forward, backward, shown):
        self.arrays = arrays
        self.gradients = tuple(gradient_name(name) for name in arrays)
        self.shown = shown
        self._forward = forward
        self._backward = backward

    def forward(self):
        """Return ``(outs, cache)`` for the arrays as they are now; outs is a tuple of arrays."""
        out, cache = self._forward()
        outs = out if isinstance(out, tuple) else (out,)
        return tuple(np.asarray(o) for o in outs), cache

    def backward(self, douts, cache):
        """Return the gradients of the arrays, in their order; douts has one dout for each out."""
        return self._backward(douts[0] if len(douts) == 1 else tuple(douts), cache)


def gradient_name(name):
    """Return the name of the gradient of an array: ``w`` -> ``dw``, ``0.w`` -> ``0.dw``."""
    path, dot, last = name.rpartition(".")
    return f"{path}{dot}d{last}"


def subject_of(op, target, args, gradient=None, wrt=None, options=None):
    """Make the subject of whatever a user hands to the checker."""
    options = dict(options or {})
    if gradient is not None:
        return _of_function(op, target, args, gradient)
    if isinstance(target, Layer):
        return _of_layer(op, target, args, wrt, options)
    if isinstance(target, tuple | list) and len(target) == 2 and all(map(callable, target)):
        return _of_pair(op, *target, args, wrt, options)
    raise complaint(
        TypeError,
        op,
        f"cannot check {describe(target)}",
        "pass a layer, a pair (forward, backward), or a function with gradient=",
    )


def _of_pair(op, forward, backward, args, wrt, options):
    names = argument_names(forward, len(args))
    own = [_own(arg) for arg in args]
    chosen = _chosen(op, dict(zip(names, own)), wrt)
    arrays = {name: own[names.index(name)] for name in chosen}

    def run():
        return forward(*map(_fresh, own), **{k: _fresh(v) for k, v in options.items()})

    def pull(dout, cache):
        grads = backward(dout, cache)
        grads = tuple(grads) if isinstance(grads, tuple | list) else (grads,)
        everything = _default(dict(zip(names, own)))
        if len(grads) == len(arrays):
            return grads
        if len(grads) == len(everything):
            return tuple(g for n, g in zip(everything, grads) if n in arrays)
        raise complaint(
            ValueError,
            op,
            f"{_name(backward)} returned {len(grads)} gradients for {len(everything)} "
            f"differentiable arguments ({', '.join(everything)})",
            "return one for each, in forward's order",
        )

    return Subject(arrays, run, pull, f"{_name(forward)} / {_name(backward)}")


def _of_layer(op, layer, args, wrt, options):
    layer = layer.astype(np.float64)
    own = [_own(arg) for arg in args]
    names = list(layer.inputs[: len(own)])
    names += [f"arg{i}" for i in range(len(names), len(own))]
    inputs = dict(zip(names, own))
    everything = _default(inputs) + list(layer.params)
    if wrt is not None:
        everything = _chosen(op, {n: inputs.get(n, layer.params.get(n)) for n in everything}, wrt)
    arrays = {n: inputs[n] if n in inputs else layer.params[n] for n in everything}
    states = [(leaf, leaf.state) for _, leaf in layer.leaves()]

    def run():
        try:
            return layer.forward(*own, **{k: _fresh(v) for k, v in options.items()})
        finally:
            for leaf, state in states:
                leaf.state = state

    def pull(dout, cache):
        dx, grads = layer.gradients(dout, cache)
        dxs = dx if isinstance(dx, tuple) else (dx,)
        found = dict(zip(_default(inputs), dxs)) | dict(grads)
        return tuple(found[name] for name in arrays)

    return Subject(arrays, run, pull, repr(layer))


def _of_function(op, f, args, gradient):
    claimed = gradient if isinstance(gradient, tuple | list) else (gradient,)
    names = argument_names(f, len(args))
    own = [_own(arg) for arg in args]
    arrays = {name: own[names.index(name)] for name in _default(dict(zip(names, own)))}
    if len(claimed) != len(arrays):
        raise complaint(
            ValueError,
            op,
            f"{len(claimed)} gradients are claimed for {len(arrays)} differentiable arguments",
            "pass one for each",
        )

    def run():
        value = np.asarray(f(*own))
        if value.size != 1:
            raise complaint(
                ValueError,
                op,
                f"{_name(f)} returns shape {value.shape}, but a gradient is of a number",
                "check a pair (forward, backward) instead",
            )
        return value, None

    def pull(dout, cache):
        return tuple(np.asarray(g, np.float64) * np.asarray(dout).reshape(()) for g in claimed)

    return Subject(arrays, run, pull, _name(f))


def argument_names(function, count):
    """Return the names of a function's first arguments; ``arg0``, ``arg1`` where it has none."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        parameters = ()
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [named[i] if i < len(named) else f"arg{i}" for i in range(count)]


def _default(arguments):
    """Return the names of the differentiable arguments: floating arrays that are no targets."""
    return [
        name
        for name, value in arguments.items()
        if isinstance(value, np.ndarray)
        and value.dtype.kind == "f"
        and name not in NOT_DIFFERENTIATED
    ]


def _chosen(op, arguments, wrt):
    if wrt is None:
        return _default(arguments)
    names = list(arguments)
    chosen = []
    for which in [wrt] if isinstance(wrt, str | int) else wrt:
        if isinstance(which, int) and -len(names) <= which < len(names):
            which = names[which]
        value = arguments.get(which)
        if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
            raise complaint(
                ValueError,
                op,
                f"wrt names {which!r}, which is no floating-point array among the arguments",
                f"there are {', '.join(_default(arguments)) or 'none'}",
            )
        chosen.append(which)
    return [name for name in names if name in chosen]


def _own(argument):
    """Copy an argument; floating arrays (and lists of floats) become float64."""
    if isinstance(argument, np.ndarray) and argument.dtype.kind == "f":
        return np.array(argument, dtype=np.float64, order="K")
    if isinstance(argument, np.floating):
        return np.float64(argument)
    return copy.deepcopy(argument)


def _fresh(argument):
    """Return an argument for one call: whatever a call could change is copied first."""
    return argument if isinstance(argument, np.ndarray) else copy.deepcopy(argument)


def _name(function):
    return getattr(function, "__name__", type(function).__name__)
