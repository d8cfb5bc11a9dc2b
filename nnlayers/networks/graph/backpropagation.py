"""Backpropagation: gradients handed from a Variable to all Variables that it was computed from.

A node is made after the nodes of its inputs.  In the opposite order every result of a node has the
gradients of all its uses when the node's turn comes, and each node is visited once.
"""

import _thread

import numpy as np

from nnlayers.layers.checks import complaint
from nnlayers.networks.graph.recording import is_recording, recording
from nnlayers.networks.graph.variable import Variable, computed

_accumulating = _thread.allocate_lock()  # threads may add to the gradient of one Variable


def backpropagate(variable, dout, retain_graph, create_graph):
    """Add the gradients of a Variable; see :meth:`Variable.backward`."""
    op = "Variable.backward"
    if not variable.requires_grad:
        raise complaint(
            RuntimeError,
            op,
            "the Variable needs no gradient",
            "it was computed from constants alone, within no_grad(), or by a backward "
            "without create_graph=True; or made with requires_grad=False",
            variable=variable.data,
        )
    dout = _upstream(op, variable, dout)
    nodes, known = _nodes_behind(variable)
    known |= {id(variable.data), id(dout.data)}
    with recording(create_graph):
        found = _gradients(variable, dout, nodes)
        with _accumulating:
            sums = [(x, _added(x.grad, gradient, known)) for x, gradient in found]
            for x, gradient in sums:  # all at once, where nothing can fail any more
                x.grad = gradient
    if not (create_graph if retain_graph is None else retain_graph):
        for node in nodes:
            node._free()


def _nodes_behind(variable):
    """Return the nodes that led to a Variable, the last first, and the ids of their arrays."""
    waiting = [] if variable.creator is None else [variable.creator]
    seen, known = {id(node) for node in waiting}, set()
    nodes = []
    while waiting:  # no recursion: a graph may be deeper than Python's stack
        node = waiting.pop()
        node._check()
        nodes.append(node)
        for x in node.inputs:
            if isinstance(x, Variable):
                known.add(id(x._data))
                creator = x.creator
                if creator is not None and id(creator) not in seen:
                    seen.add(id(creator))
                    waiting.append(creator)
    nodes.sort(key=_generation, reverse=True)
    return nodes, known


def _generation(node):
    return node._generation


def _gradients(variable, dout, nodes):
    """Return ``[variable, gradient]`` for all that get one, once all are known."""
    found = {}  # by id, as Variables compare entry by entry
    pending = {}  # {id of a node: the gradient of each of its outputs}
    _hand(variable, dout, pending, found)
    for node in nodes:
        gys = pending.pop(id(node), None)
        if gys is None:
            continue  # no gradient came this far
        for place, gy in enumerate(gys):
            if gy is None:
                gys[place] = computed(np.zeros_like(node._outs[place]))
        for place, kept in node._kept.items():
            _add(found, kept, gys[place])
        for x, gradient in zip(node.inputs, node._pull(gys)):
            if gradient is not None:
                _hand(x, gradient, pending, found)
    return found.values()


def _hand(x, gradient, pending, found):
    """Add a gradient of x to those of the node that computed x; of a leaf, it is a result."""
    node = x.creator
    if node is None:
        _add(found, x, gradient)
        return
    gys = pending.get(id(node))
    if gys is None:
        gys = pending[id(node)] = [None] * len(node._outs)
    before = gys[x._place]
    gys[x._place] = gradient if before is None else _sum(before, gradient)


def _add(found, variable, gradient):
    """Add to the result for a Variable."""
    before = found.get(id(variable))
    total = gradient if before is None else _sum(before[1], gradient)
    found[id(variable)] = (variable, total)


def _sum(a, b):
    """Return a + b, which leaves a node only if gradients are to be differentiated."""
    return a + b if is_recording() else computed(np.asarray(a._data + b._data))


def _added(before, gradient, known):
    """Return what ``grad`` becomes: an array of its own, no value and no other gradient."""
    if before is not None:
        return before + gradient
    if gradient.data.base is not None or id(gradient.data) in known:
        gradient = gradient.astype(gradient.dtype)
    known.add(id(gradient.data))
    return gradient


def _upstream(op, variable, dout):
    """Return dout as a Variable of the shape and dtype of the one that is differentiated."""
    if dout is None:
        return computed(np.ones_like(variable._data))
    if not isinstance(dout, Variable):
        array = np.asarray(dout)
        if array.dtype.kind not in "fiu":
            problem = f"dout must be real numbers, not {array.dtype}"
            raise complaint(TypeError, op, problem, variable=variable._data)
        dout = computed(array.astype(variable.dtype, copy=False))
    elif dout.dtype != variable.dtype:
        dout = dout.astype(variable.dtype)
    if dout.shape != variable.shape:
        raise complaint(
            ValueError,
            op,
            f"dout must have the shape of the Variable, {variable.shape}",
            "dout is the gradient of the loss with respect to it; left out, it is all ones",
            dout=dout._data,
        )
    return dout
