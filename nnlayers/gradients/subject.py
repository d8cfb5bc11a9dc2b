"""What is checked, in one form: a pair, a layer, a net, or a function with a claimed gradient.

A :class:`Subject` owns float64 copies of every array that it differentiates, so that the caller's
arrays, layers and generators stay as they are.  The copies lie one after the other in one vector:
moving all of them along a direction is then one addition.
"""

import copy
import inspect
import types

import numpy as np

from nnlayers.layers.checks import complaint, describe, name_of
from nnlayers.layers.layer import Layer, PairLayer

NOT_DIFFERENTIATED = {"y", "target", "targets", "label", "labels", "mask"}
IMMUTABLE = (int, float, complex, str, bytes, bool, type(None), types.FunctionType)


class Subject:
    """A forward and a backward over named arrays.

    Attributes
    ----------
    arguments : dict of str to object
        Everything that forward is given, by name.
    arrays : dict of str to ndarray
        Those to differentiate, in float64: views of ``flat``.
    flat : ndarray
        All of them as one vector; write into it, then call :meth:`forward`.
    slices : list of slice
        Where in ``flat`` each of them lies.
    shapes : dict of str to tuple
        Their shapes.
    gradients : tuple of str
        The name of each array's gradient, ``"dw"`` or ``"0.dw"``.
    given : dict of str to dtype
        The dtype that each array had when it was handed over to the checker.
    shown : str
        How the subject is called in a report.
    functions : tuple
        The forward and the backward that a user wrote, as far as they are known.
    inputs : list of str
        The arguments that may have a batch axis: all but a layer's parameters.
    options : dict
        The keywords that forward is called with.
    """

    def __init__(self, arguments, names, run, pull, shown, functions, inputs, options, rebuild):
        self.given = {name: np.asarray(arguments[name]).dtype for name in names}
        self.flat = np.empty(sum(np.size(arguments[name]) for name in names))
        self.slices, self.arrays, start = [], {}, 0
        for name in names:
            array = np.asarray(arguments[name])
            place = slice(start, start + array.size)
            start += array.size
            view = self.flat[place]
            if array.flags.f_contiguous and not array.flags.c_contiguous:
                view = view.reshape(array.shape[::-1]).T
            else:
                view = view.reshape(array.shape)
            view[...] = array
            self.slices.append(place)
            self.arrays[name] = view
        self.arguments = {
            name: self.arrays[name] if name in self.arrays else _own(value)
            for name, value in arguments.items()
        }
        self.shapes = {name: array.shape for name, array in self.arrays.items()}
        self.gradients = tuple(gradient_name(name) for name in names)
        self.shown = shown
        self.functions = functions
        self.inputs = inputs
        self.options = options
        self.trusted = all(getattr(f, "__module__", "").startswith("nnlayers.") for f in functions)
        self.guarded = False  # whether forward gets copies, because it writes into its arguments
        self._run = run
        self._pull = pull
        self._rebuild = rebuild  # arguments -> the same subject with these

    def forward(self, function=None):
        """Return ``(outs, cache)`` for the arrays as they are now; outs is a tuple of arrays.

        ``function`` stands in for the user's own forward.
        """
        arguments = self.arguments
        if self.guarded:
            arguments = {name: copy.deepcopy(value) for name, value in arguments.items()}
        result = self._run(arguments, function)
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(f"forward must return (out, cache), not {describe(result)}")
        out, cache = result
        if isinstance(out, tuple):
            return tuple(map(np.asarray, out)), cache
        return (np.asarray(out),), cache

    def backward(self, douts, cache, function=None):
        """Return whatever backward returns for one dout per out.

        ``function`` stands in for the user's own backward.
        """
        dout = douts[0] if len(douts) == 1 else tuple(douts)
        return self._pull(dout, cache) if function is None else function(dout, cache)

    def as_given(self, douts):
        """Return the gradients for the arguments in the dtypes in which they were handed over."""
        arguments = {
            name: array.astype(self.given[name]) if name in self.given else array
            for name, array in self.arguments.items()
        }
        out, cache = self._run(arguments, None)
        outs = out if isinstance(out, tuple) else (out,)
        cast = [np.asarray(d).astype(np.asarray(o).dtype) for d, o in zip(douts, outs)]
        gradients = self.backward(cast, cache)
        return gradients if isinstance(gradients, tuple) else (gradients,)

    def resized(self, count):
        """Return the subject for the first examples of the batch; None if there are no more."""
        batches = {
            name: len(self.arguments[name])
            for name in self.inputs
            if isinstance(self.arguments[name], np.ndarray) and self.arguments[name].ndim
        }
        N = next(iter(batches.values()), 0)
        if count >= N:
            return None
        first = {n: self.arguments[n][:count] for n in batches if batches[n] == N}
        return self._rebuild(self.arguments | first)

    def moved(self, offset):
        """Return the subject with all arrays moved by an offset, a vector like ``flat``."""
        moved = {
            name: array + offset[place].reshape(array.shape)
            for (name, array), place in zip(self.arrays.items(), self.slices)
        }
        return self._rebuild(self.arguments | moved)


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
    arguments = dict(zip(argument_names(forward, len(args)), args))
    everything = _differentiable(arguments)
    chosen = everything if wrt is None else _chosen(op, arguments, wrt)

    def run(arguments, function):
        function = function or forward
        given = arguments.values()
        if options or not set(map(type, given)) <= {np.ndarray}:
            return function(*map(_fresh, given), **_fresh(options))
        return function(*given)

    def pull(dout, cache):
        grads = backward(dout, cache)
        if chosen != everything and isinstance(grads, tuple) and len(grads) == len(everything):
            return tuple(g for name, g in zip(everything, grads) if name in chosen)
        return grads

    def rebuild(arguments):
        return _of_pair(op, forward, backward, arguments.values(), wrt, options)

    shown = f"{name_of(forward)} / {name_of(backward)}"
    functions = forward, backward
    return Subject(
        arguments, chosen, run, pull, shown, functions, list(arguments), options, rebuild
    )


def _of_layer(op, layer, args, wrt, options):
    layer = layer.astype(np.float64)
    names = [*layer.inputs[: len(args)], *(f"arg{i}" for i in range(len(layer.inputs), len(args)))]
    inputs = dict(zip(names, args))
    differentiable = _differentiable(inputs)
    arguments = inputs | dict(layer.params)
    chosen = differentiable + list(layer.params) if wrt is None else _chosen(op, arguments, wrt)
    states = [(leaf, leaf.state) for _, leaf in layer.leaves()]

    def run(arguments, function):  # the parameters among them are the layer's own arrays
        given = [arguments[name] for name in names]
        if arguments is not subject.arguments and function is None:  # other dtypes or copies
            return _with_params(layer, arguments, given, options)
        try:
            if function is None:
                return layer.forward(*given, **_fresh(options))
            if isinstance(layer, PairLayer):
                given += layer.params.values()
                return function(*given, **layer.settings, **_fresh(options))
            return function(*given, **_fresh(options))
        finally:
            for leaf, state in states:
                leaf.state = state

    def pull(dout, cache):
        dx, grads = layer.gradients(dout, cache)
        dxs = dx if isinstance(dx, tuple) else (dx,)
        found = dict(zip(differentiable, dxs)) | dict(grads)
        chosen_grads = tuple(found[name] for name in chosen)
        return chosen_grads if len(chosen) != 1 else chosen_grads[0]

    def rebuild(arguments):
        new = copy.deepcopy(layer)
        for name, array in new.params.items():
            array[...] = arguments[name]
        return _of_layer(op, new, [arguments[name] for name in names], wrt, options)

    functions = layer.pair if isinstance(layer, PairLayer) else (layer.forward, layer.backward)
    subject = Subject(arguments, chosen, run, pull, repr(layer), functions, names, options, rebuild)
    for path, leaf in layer.leaves():  # the layer computes with the subject's arrays from now on
        for name in leaf.params:
            leaf.params[name] = subject.arguments[f"{path}.{name}" if path else name]
    return subject


def _with_params(layer, arguments, given, options):
    """Run a copy of a layer whose parameters are those among the arguments."""
    new = copy.deepcopy(layer)
    for path, leaf in new.leaves():
        for name in leaf.params:
            leaf.params[name] = arguments[f"{path}.{name}" if path else name]
    return new.forward(*given, **_fresh(options))


def _of_function(op, f, args, gradient):
    claimed = gradient if isinstance(gradient, tuple | list) else (gradient,)
    arguments = dict(zip(argument_names(f, len(args)), args))
    names = _differentiable(arguments)
    if len(claimed) != len(names):
        raise complaint(
            ValueError,
            op,
            f"{len(claimed)} gradients are claimed for {len(names)} differentiable arguments",
            "pass one for each",
        )

    def run(arguments, function):
        value = np.asarray((function or f)(*map(_fresh, arguments.values())))
        if value.size != 1:
            raise complaint(
                ValueError,
                op,
                f"{name_of(f)} returns shape {value.shape}, but a gradient is of a number",
                "check a pair (forward, backward) instead",
            )
        return value.reshape(()), ()

    def pull(dout, cache):
        scaled = tuple(np.asarray(g) * float(dout) for g in claimed)
        return scaled if len(scaled) != 1 else scaled[0]

    shown = f"{name_of(f)} with a claimed gradient"
    return Subject(
        arguments, names, run, pull, shown, (f, None), list(arguments), {}, lambda _: None
    )


def argument_names(function, count):
    """Return the names of a function's first arguments; ``arg0``, ``arg1`` where it has none."""
    named = _parameters(function)[0]
    return [named[i] if i < len(named) else f"arg{i}" for i in range(count)]


def takes(target, keyword):
    """Whether the forward of whatever is checked has an argument of this name."""
    forward = target[0] if isinstance(target, tuple | list) else target
    positional, keywords = _parameters(getattr(forward, "forward", forward))
    return keyword in positional or keyword in keywords


def _parameters(function):
    """Return the names of a function's positional and keyword-only parameters."""
    code = getattr(function, "__code__", None)
    if code is not None and not hasattr(function, "__wrapped__"):  # quicker than inspect
        split = code.co_argcount
        return (
            code.co_varnames[hasattr(function, "__self__") : split],
            code.co_varnames[split : split + code.co_kwonlyargcount],
        )
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return (), ()
    return (
        [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)],
        [p.name for p in parameters if p.kind is p.KEYWORD_ONLY],
    )


def _differentiable(arguments):
    """Return the names of the floating-point arguments that are no targets."""
    return [
        name
        for name, value in arguments.items()
        if isinstance(value, np.ndarray | np.floating)
        and value.dtype.kind == "f"
        and name not in NOT_DIFFERENTIATED
    ]


def _chosen(op, arguments, wrt):
    names = list(arguments)
    chosen = set()
    for which in [wrt] if isinstance(wrt, str | int) else wrt:
        name = names[which] if isinstance(which, int) and which < len(names) else which
        value = arguments.get(name)
        if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
            raise complaint(
                ValueError,
                op,
                f"wrt names {which!r}, which is no floating-point array among the arguments",
                f"there are {', '.join(_differentiable(arguments)) or 'none'}",
            )
        chosen.add(name)
    return [name for name in names if name in chosen]


def _own(argument):
    """Copy an argument that is not differentiated; floating-point arrays become float64."""
    if isinstance(argument, IMMUTABLE):
        return argument
    if isinstance(argument, np.ndarray | np.floating) and argument.dtype.kind == "f":
        return np.array(argument, dtype=np.float64, order="K")
    return copy.deepcopy(argument)


def _fresh(argument):
    """Return an argument for one call: what a call could change is copied, arrays excepted."""
    if isinstance(argument, (np.ndarray, *IMMUTABLE)) or argument == {}:
        return argument
    return copy.deepcopy(argument)
