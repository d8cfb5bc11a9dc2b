"""Recording of operations on Variables, so that gradients can flow back through them."""

from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from nnlayers.layers.checks import complaint, describe
from nnlayers.networks.graph.variable import Variable, computed

_recording = ContextVar("recording", default=True)  # each thread and task has its own


def is_recording():
    """Return whether operations leave nodes, so that their results can be differentiated."""
    return _recording.get()


@contextmanager
def recording(on):
    """Set whether operations of this thread are recorded, until the block is left."""
    before = _recording.set(on)
    try:
        yield
    finally:
        _recording.reset(before)


def no_grad():
    """Keep operations in a ``with`` block from being recorded: their results need no gradient.

    It holds for the running thread alone, may be nested, and ends with the block, by an exception
    too.

    Examples
    --------
    >>> from nnlayers import Variable
    >>> x = Variable([1.0, 2.0])
    >>> with no_grad():
    ...     y = x * 2.0
    >>> y.requires_grad, (x * 2.0).requires_grad
    (False, True)
    """
    return recording(False)


def record(node, inputs):
    """Return what a node's forward makes of its inputs, as Variables that remember the node."""
    arrays, version, generation, needed = [], 0, 0, False
    for x in inputs:
        if isinstance(x, Variable):
            arrays.append(x._data)
            version += x._version
            if x.requires_grad:
                needed = True
                before = x.creator
                if before is not None and before._generation >= generation:
                    generation = before._generation + 1
        else:
            arrays.append(x)
    out = node.forward(*arrays)
    several = out.__class__ is tuple
    outs = tuple([_array(node, each) for each in out]) if several else (_array(node, out),)
    if needed and is_recording():
        node.inputs, node._outs, node._several = inputs, outs, several
        node._version, node._generation = version, generation
    else:
        node = None  # what its forward kept goes with it
    if several:
        return tuple([computed(out, node, place) for place, out in enumerate(outs)])
    return computed(outs[0], node)


def _array(node, out):
    """Return an output of forward as a floating-point array."""
    array = out if out.__class__ is np.ndarray else np.asarray(out)
    if array.dtype.kind != "f":
        raise complaint(
            TypeError,
            f"{type(node).__name__}.forward",
            f"must return floating-point arrays, not {describe(out, with_dtype=True)}",
            "what has no gradient, such as labels, is computed from x.data",
        )
    return array


def constant(x):
    """Return floating-point arrays as Variables without gradient, and anything else as it is."""
    if isinstance(x, list | tuple) and any(isinstance(each, Variable) for each in x):
        raise complaint(
            TypeError,
            "Variable",
            f"a {type(x).__name__} of Variables is no operand, as no gradient would reach them",
            "pass them one after the other, as in F.concatenate(*variables)",
        )
    if isinstance(x, np.ndarray | list):
        array = np.asarray(x)
        if array.dtype.kind == "f":
            return computed(array)
    return x
