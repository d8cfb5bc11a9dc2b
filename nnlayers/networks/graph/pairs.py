"""Pairs and layers as functions of Variables; the derivative is theirs, and is taken once."""

import functools
import inspect

from nnlayers.layers.checks import complaint, describe
from nnlayers.layers.layer import Layer
from nnlayers.networks.graph.function import Function
from nnlayers.networks.graph.recording import constant, record
from nnlayers.networks.graph.variable import Variable

NOT_DIFFERENTIATED = {"y", "target", "targets", "label", "labels", "mask"}


class PairFunction(Function):
    """The node of a pair: a subclass names its ``pair``, and :func:`function_of` the rest."""

    pair = None
    names = ()  # of forward's arguments that may be given by position
    skips_dx = False  # whether backward takes need_dx

    def __init__(self, settings):
        self.settings = settings

    def accept(self, inputs):
        """Return inputs with floating-point arrays among them as constant Variables."""
        return tuple([constant(x) for x in inputs])

    def forward(self, *arrays):
        """Call the pair's forward and keep its cache."""
        result = self.pair[0](*arrays, **self.settings)
        if result.__class__ is not tuple or len(result) != 2:
            problem = "must return the tuple (out, cache)"
            raise complaint(TypeError, name_of(self.pair[0]), problem, result=result)
        out, self.cache = result
        return out

    def backward(self, *gys):
        """Call the pair's backward with arrays, and put its gradients where the inputs stand."""
        dout, inputs, backward = _as_out(self, gys), self.inputs, self.pair[1]
        if self.skips_dx and not next(x for x in inputs if isinstance(x, Variable)).requires_grad:
            grads = backward(dout, self.cache, need_dx=False)
            grads = _at(inputs, grads, self.names, self.pair)
            # without dx, a pair leaves out the gradients of other inputs too, such as dh
            if not any(g is None and _needs(x) for g, x in zip(grads, inputs)):
                return grads
        return _at(inputs, backward(dout, self.cache), self.names, self.pair)


class LayerFunction:
    """What :meth:`Function.from_layer` makes of a layer: its forward, for Variables.

    Attributes
    ----------
    params : dict of str to Variable
        They hold the layer's own arrays.
    """

    def __init__(self, layer):
        if not isinstance(layer, Layer):
            problem = f"takes a layer, not {describe(layer)}"
            raise complaint(TypeError, "Function.from_layer", problem, "from_pair takes pairs")
        self.layer = layer
        self.params = {name: Variable(array) for name, array in layer.params.items()}

    def __call__(self, *inputs, **settings):
        """Return the layer's out; settings such as train and rng are passed on to its forward."""
        _refuse_variables(self.layer, settings)
        for name, array in self.layer.params.items():
            if self.params[name].data is not array:  # it was replaced in the layer
                self.params[name].data = array
        node = _LayerNode(self.layer, len(inputs), settings)
        return record(node, (*map(constant, inputs), *self.params.values()))

    def __repr__(self):
        return f"Function.from_layer({self.layer!r})"


class _LayerNode(Function):
    """The node of a layer; its inputs are those of the layer's forward, then its parameters."""

    layer = None  # after backward released the node

    def __init__(self, layer, count, settings):
        self.layer, self.count, self.settings = layer, count, settings

    @property
    def _name(self):
        return repr(self.layer) if self.layer else "a layer"

    def forward(self, *arrays):
        out, self.cache = self.layer.forward(*arrays[: self.count], **self.settings)
        return out

    def backward(self, *gys):
        inputs = self.inputs[: self.count]
        needed = any(map(_needs, inputs))
        dx, grads = self.layer.gradients(_as_out(self, gys), self.cache, need_dx=needed)
        if dx is None:
            return (*[None] * self.count, *grads.values())
        dxs = _at(inputs, dx, self.layer.inputs, (self.layer, self.layer))
        return (*dxs, *grads.values())


def function_of(node_class, settings):
    """Return the function of Variables that records nodes of a class of PairFunctions."""
    forward, backward = node_class.pair
    signature = inspect.signature(forward)
    parameters = signature.parameters
    node_class.skips_dx = "need_dx" in inspect.signature(backward).parameters
    names = node_class.names = [
        name for name, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    unknown = [name for name in settings if name not in parameters]
    if unknown and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        raise complaint(
            TypeError,
            "Function.from_pair",
            f"{name_of(forward)} takes no argument {unknown[0]!r}",
            f"it takes {', '.join(parameters)}",
        )

    @functools.wraps(forward)
    def function(*inputs, **arguments):
        arguments = settings | arguments
        if arguments:
            if not arguments.keys().isdisjoint(names):  # inputs that are given by name
                inputs, arguments = _bound(signature, forward, inputs, arguments)
            _refuse_variables(forward, arguments)
        node = node_class(arguments)
        return record(node, node.accept(inputs))

    function.__name__ = function.__qualname__ = node_class.__name__
    return function


def _bound(signature, forward, inputs, arguments):
    """Return all arguments that may be given by position, and the others."""
    try:
        bound = signature.bind(*inputs, **arguments)
    except TypeError as error:
        usage = f"it takes {', '.join(signature.parameters)}"
        raise complaint(TypeError, name_of(forward), str(error), usage) from None
    bound.apply_defaults()
    return bound.args, bound.kwargs


def name_of(function):
    """Return a function's name; a layer's is its form."""
    return getattr(function, "__name__", None) or repr(function)


def _as_out(node, gys):
    """Return the upstream gradients as arrays in the form of the node's out."""
    return tuple([gy.data for gy in gys]) if node._several else gys[0].data


def _needs(x):
    """Return whether an input is to get a gradient."""
    return isinstance(x, Variable) and x.requires_grad


def _at(inputs, grads, names, pair):
    """Return a gradient or None for each input, from those that a pair returned for its arrays."""
    if not isinstance(grads, tuple | list):
        grads = (grads,)
    places = [i for i, x in enumerate(inputs) if isinstance(x, Variable)]
    if len(grads) != len(places):
        places = _differentiated(inputs, places, len(grads), dict(enumerate(names)), pair)
    if len(grads) == len(inputs):
        return grads
    found = dict(zip(places, grads))
    return [found.get(i) for i in range(len(inputs))]


def _differentiated(inputs, arrays, count, names, pair):
    """Return which arrays the pair's so many gradients belong to: all but targets and masks."""
    forward, backward = map(name_of, pair)
    places = [i for i in arrays if names.get(i) not in NOT_DIFFERENTIATED]
    if len(places) != count:
        raise complaint(
            ValueError,
            backward,
            f"gradients returned for the {len(arrays)} arrays given to {forward}: {count}",
            "each is to get one, in forward's order",
            **{names.get(i, f"x{i}"): inputs[i].data for i in arrays},
        )
    for i in arrays:
        if i not in places and inputs[i].requires_grad:
            raise complaint(
                TypeError,
                forward,
                f"{names[i]} gets no gradient, but it is a Variable that requires one",
                f"{names[i]}.data is a constant",
                **{names[i]: inputs[i].data},
            )
    return places


def _refuse_variables(forward, settings):
    """Raise if a setting is a Variable, as no gradient would reach it."""
    for name, value in settings.items():
        if isinstance(value, Variable):
            raise complaint(
                TypeError,
                name_of(forward),
                f"{name} is a setting and gets no gradient, but it is a Variable",
                f"pass {name}.data",
                **{name: value.data},
            )
