"""Forward and backward called once, before anything is compared: do they accept the arguments.

Courses have conventions other than ``(out, cache)``: functions that return a loss with its
gradient, steps that return two states and a cache, losses whose backward takes forward's
arguments.  They are given the guise of a pair here.
"""

import inspect
import random
import types
from typing import NamedTuple

import numpy as np

from nnlayers.cli.checking.arguments import Call, parameters_of
from nnlayers.cli.checking.blame import blame
from nnlayers.layers.checks import describe
from nnlayers.layers.layer import Layer

# how far a trial came
RAISED, RUBBISH, NOT_FINITE, BACKWARD_RAISED, UNFIT, FITS = range(6)


class Trial(NamedTuple):
    """What came of calling forward and backward once."""

    reached: int
    target: object  # what the checker is to be given
    call: Call
    problem: str = ""  # a line, if something raised or makes no sense
    error: BaseException | None = None


class Rubbish(Exception):
    """Forward returned something that no convention allows; the text says what."""


def attempt(target, call, path, seed):
    """Call forward and backward once, with copies of the arguments, and return the Trial.

    Parameters
    ----------
    target : Layer or (forward, backward)
        In any calling convention that is known.
    call : Call
        The arguments.
    path : str
        The student's file, whose line is named if something raises.
    seed : int
        Of upstream gradients.
    """
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    is_layer = isinstance(target, Layer)
    forward, backward = (target.forward, target.backward) if is_layer else target
    try:
        result = _called(forward, call)
        forward, backward = _as_pair(forward, backward, result)
        if not is_layer:
            if "drop" in forward.__name__.lower() and not _repeats(forward, call, result):
                forward = _seeded(forward, seed)
            target = forward, backward
        out, cache = _called(forward, call)
    except Rubbish as rubbish:
        return Trial(RUBBISH, target, call, str(rubbish))
    except BaseException as error:
        problem = f"{_name(forward)} raised {blame(error, path)}"
        return Trial(RAISED, target, call, problem, error)
    outs = [np.asarray(o) for o in (out if isinstance(out, tuple) else (out,))]
    if any(o.dtype.kind not in "fiub" for o in outs):
        problem = f"{_name(forward)} returned {_described(out)} as out, which is no array"
        return Trial(RUBBISH, target, call, problem)
    rng = np.random.default_rng(seed)
    douts = tuple(rng.standard_normal(o.shape) if o.ndim else rng.standard_normal() for o in outs)
    try:
        result = backward(douts if isinstance(out, tuple) else douts[0], cache)
    except BaseException as error:
        problem = f"{_name(backward)} raised {blame(error, path)}"
        return Trial(BACKWARD_RAISED, target, call, problem, error)
    if result is None:
        problem = f"{_name(backward)} returned None: is it finished?"
        return Trial(BACKWARD_RAISED, target, call, problem)
    if not all(np.isfinite(o).all() for o in outs):
        return Trial(NOT_FINITE, target, call)
    wanted = [a.shape for name, a in zip(call.names, call.args) if name in call.wrt]
    if is_layer:
        wanted += [array.shape for array in target.params.values()]
    return Trial(FITS if _shapes(result) == wanted else UNFIT, target, call)


def loss_pair(loss):
    """Return the pair of a function that returns ``(loss, gradient)``."""

    def backward(dout, gradient):
        gradients = gradient if isinstance(gradient, tuple) else (gradient,)
        scaled = tuple(np.asarray(g) * dout for g in gradients)
        return scaled if isinstance(gradient, tuple) else scaled[0]

    backward.__name__ = "the gradient that it returns"
    backward.__module__ = loss.__module__
    return loss, backward


def _as_pair(forward, backward, result):
    """Return a pair in the library's convention, judging by what forward has just returned."""
    name = _name(forward)
    if isinstance(result, tuple) and len(result) == 2:
        if result[0] is None:
            raise Rubbish(f"{name} returned None in place of out: is it finished?")
        return forward, backward
    takes = [p.name for p in parameters_of(backward) if p.default is p.empty]
    if isinstance(result, tuple) and len(result) > 2 and len(takes) == len(result):
        return _several(forward, backward)
    given = [p.name for p in parameters_of(forward)]
    if not isinstance(result, tuple | types.NoneType) and takes and takes == given[: len(takes)]:
        return _from_arguments(forward, backward, len(takes))
    if result is None:
        raise Rubbish(f"{name} returned None, not (out, cache): is it finished?")
    if isinstance(result, tuple):
        parts = ", ".join(map(_described, result))
        raise Rubbish(f"{name} returned {len(result)} values ({parts}), not (out, cache)")
    raise Rubbish(f"{name} returned {_described(result)}, not (out, cache)")


class Guise:
    """A function that takes the arguments of another one and shows its name."""

    def __init__(self, like, call, signature=None):
        self.__name__ = _name(like)
        self.__module__ = like.__module__
        self.__signature__ = signature or inspect.signature(like)
        self.call = call

    def __call__(self, *args, **options):
        """Do the same in another way."""
        return self.call(*args, **options)


def _several(forward, backward):
    """Return the pair of ``step(...) -> (h, c, cache)`` and ``backward(dh, dc, cache)``."""

    def ahead(*args, **options):
        *outs, cache = forward(*args, **options)
        return tuple(outs), cache

    return Guise(forward, ahead), Guise(backward, lambda douts, cache: backward(*douts, cache))


def _from_arguments(forward, backward, count):
    """Return the pair of ``loss(pred, target)`` and ``backward(pred, target)``."""

    def ahead(*args, **options):
        return forward(*args, **options), args[:count]

    def back(dout, cache):
        return np.asarray(backward(*cache)) * dout

    return Guise(forward, ahead), Guise(backward, back)


def _seeded(forward, seed):
    """Return a forward before which NumPy's global generator is seeded, at each call."""

    def call(*args, **options):
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        return forward(*args, **options)

    return Guise(forward, call)


def _called(forward, call):
    args, options = call.fresh()
    return forward(*args, **options)


def _repeats(forward, call, result):
    """Whether a second call gives the same: dropout may draw from the global generator."""
    return np.array_equal(result[0], _called(forward, call)[0])


def _shapes(gradients):
    """Return the shapes of what backward returned; None if some of it is no array."""
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    if not all(isinstance(g, np.ndarray | np.generic | float | int) for g in gradients):
        return None
    return [np.shape(g) for g in gradients]


def _described(result):
    if isinstance(result, np.ndarray):
        return f"an array of shape {result.shape}"
    return describe(result)


def _name(function):
    """Return how a function is called in a message: ``relu_forward``, ``Scale.forward``."""
    owner = getattr(function, "__self__", None)
    return function.__name__ if owner is None else f"{type(owner).__name__}.{function.__name__}"
