"""Objects of a student's classes: made with sizes that fit the inputs, and given a pair's form.

A subclass of nnlayers.Layer is checked as it is, and so are the methods of an object that holds no
arrays and returns its cache.  Any other one keeps something in itself: inputs from forward to
backward, parameters ``self.w``, gradients ``self.dw``.  A fresh copy for each call makes functions
of its methods, in which the parameters are arguments and the object is the cache.
"""

import copy
import inspect

import numpy as np

from nnlayers.cli.checking.arguments import Call, Unusable, call_with, parameters_of
from nnlayers.cli.checking.calling import Guise
from nnlayers.cli.checking.inputs import parse_all
from nnlayers.cli.checking.recipes import CONSTRUCTOR
from nnlayers.layers.layer import Layer

# how a gradient is called, in lower case and without underscores; {} is the parameter
GRADIENTS = ("d{}", "grad{}", "{}grad", "gradient{}", "dld{}", "dldl{}")


def instance_of(cls, turn, seed):
    """Return an object of a class, made with sizes of a round.

    Raises
    ------
    Missing
        If a constructor's argument has no value.
    """
    np.random.seed(seed)  # noqa: NPY002
    args, options = call_with(cls, parse_all(CONSTRUCTOR), turn, seed).fresh()
    return prepared(cls(*args, **options), seed)


def prepared(layer, seed):
    """Return an object whose parameters are neither 0 nor 1."""
    if isinstance(layer, Layer):
        if not hasattr(layer, "params"):
            raise AttributeError(f"{type(layer).__name__}.__init__ must call super().__init__()")
        arrays = layer.params
    else:
        arrays = parameters(layer)
    rng = np.random.default_rng([seed, 1])
    for array in arrays.values():
        if isinstance(array, np.ndarray) and array.dtype.kind == "f":
            array[...] = 0.7 * rng.standard_normal(array.shape)
    return layer


def parameters(layer):
    """Return the arrays that an object holds, apart from running statistics and gradients."""
    held = {n: v for n, v in vars(layer).items() if isinstance(v, np.ndarray)}
    gradients = {form.format(plain(name)) for name in held for form in GRADIENTS}
    return {
        name: array
        for name, array in held.items()
        if array.dtype.kind == "f"
        and plain(name) not in gradients
        and not plain(name).startswith(("running", "moving"))
    }


def form_of(layer, call):
    """Return ``(what the checker takes, what it is called with)`` for an object."""
    takes = sum(p.default is p.empty for p in parameters_of(layer.backward))
    held = {} if isinstance(layer, Layer) else parameters(layer)
    if isinstance(layer, Layer):
        return layer, call
    if not held and takes >= 2:
        return (layer.forward, layer.backward), call
    if held:
        names = _differentiated(layer, call, held, takes)
        held = {name: held[name] for name in names}

    def forward(*args, **options):
        fresh = copy.deepcopy(layer)
        for name, array in zip(held, args[len(call.args) :]):
            setattr(fresh, name, array)
        return _forward(fresh, args[: len(call.args)], options, takes)

    def backward(dout, cache):
        fresh, grads = _backward(dout, cache, takes)
        if len(grads) == len(call.wrt):
            grads += tuple(_gradient(fresh, name) for name in held)
        return grads if len(grads) != 1 else grads[0]

    names = (*call.names, *held)
    shown = [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in names]
    shown.append(inspect.Parameter("options", inspect.Parameter.VAR_KEYWORD))
    pair = (
        Guise(layer.forward, forward, inspect.Signature(shown)),
        Guise(layer.backward, backward),
    )
    args, wrt = (*call.args, *held.values()), (*call.wrt, *held)
    return pair, Call(names, args, call.options, wrt)


def _forward(layer, args, options, takes):
    """Call an object's forward; return out, and the object with what it returned as a cache."""
    result = layer.forward(*args, **options)
    if takes < 2:  # backward takes no cache: all of the result is out
        return result, (layer, None)
    out, cache = result
    return out, (layer, cache)


def _backward(dout, cache, takes):
    """Call backward of a copy of the object; return the copy, and gradients as a tuple."""
    layer, kept = copy.deepcopy(cache)
    if takes == 0:  # of a loss, whose own dout is 1
        grads = np.asarray(layer.backward()) * dout
    else:
        grads = layer.backward(dout) if takes == 1 else layer.backward(dout, kept)
    return layer, (grads if isinstance(grads, tuple) else (grads,))


def _differentiated(layer, call, held, takes):
    """Return which of an object's arrays backward gives a gradient of; others are no parameters.

    Raises
    ------
    Unusable
        If there are none.
    """
    args, options = call.fresh()
    try:
        out, cache = _forward(copy.deepcopy(layer), args, options, takes)
        after, grads = _backward(np.ones_like(out), cache, takes)
    except Exception:  # whoever calls them next says what is wrong
        return list(held)
    if len(grads) > len(call.wrt):
        return list(held)
    found = [name for name in held if _gradient(after, name) is not None]
    if not found:
        first = next(iter(held))
        raise Unusable(
            f"{type(layer).__name__} keeps {', '.join(held)}, but backward neither returns a "
            f"gradient of it nor keeps one as self.d{first}, self.grad_{first} or self.{first}_grad"
        )
    return found


def plain(name):
    """Return a name in lower case, without underscores."""
    return name.lower().replace("_", "")


def _gradient(layer, name):
    """Return the gradient of a parameter that an object holds after backward, or None."""
    wanted = {form.format(plain(name)) for form in GRADIENTS}
    return next((v for n, v in vars(layer).items() if plain(n) in wanted), None)
