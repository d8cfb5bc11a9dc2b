"""What every layer made of layers shares: parameters and state under dotted names."""

from collections.abc import Mapping

from nnlayers.layers.checks import complaint
from nnlayers.layers.layer import Layer


class Arrays(Mapping):
    """Read-only view of the arrays of several layers under dotted names such as ``"0.w"``.

    The arrays stay where they are, in their layers: the view only finds them, so it is never out
    of date.  Write into one (``net.params["0.w"][...] = v``) or replace it in its layer.
    """

    def __init__(self, places, kind):
        self._places = places  # {key: (layer, name)}
        self._kind = kind  # "params" or "state"

    def __getitem__(self, key):
        try:
            layer, name = self._places[key]
        except KeyError:
            raise KeyError(
                f"no {self._kind} {key!r}; there are {', '.join(self) or 'none'}"
            ) from None
        return getattr(layer, self._kind)[name]

    def __setitem__(self, key, value):
        raise complaint(
            TypeError,
            f"net.{self._kind}",
            "a net's arrays belong to its layers and are not assigned here",
            f"net.{self._kind}[{key!r}][...] = v writes into one, "
            f'layer.{self._kind}["{key.rpartition(".")[2]}"] = v replaces it',
        )

    def __iter__(self):
        return iter(self._places)

    def __len__(self):
        return len(self._places)

    def __repr__(self):
        shapes = ", ".join(f"{key!r}: {array.shape}" for key, array in self.items())
        return f"<{self._kind} {{{shapes}}}>"


class Composite(Layer):
    """A layer made of child layers; subclasses define how the signal passes through them.

    A child that stands in two places is one layer: it appears under its first name, and its
    gradients from all places add up.
    """

    def __init__(self, layers, op):
        for i, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                raise complaint(
                    TypeError,
                    op,
                    f"argument {i} is {type(layer).__name__}, not a layer",
                    "call its class (ReLU(), not ReLU), or make one with Layer.from_pair",
                )
        self.layers = tuple(layers)
        self._owners = list(self._walk())
        # where each child's gradient goes: {name inside the child: name in this net}
        self._keys = [self._names_of(layer) for layer in self.layers]
        self.params = Arrays(self._find("params"), "params")
        self.state = Arrays(self._find("state"), "state")
        self._nothing = dict.fromkeys(self.params)  # what the gradients of all parts are added to
        self._has_params = [bool(names) for names in self._keys]
        self._stateful = [layer for _, layer in self._owners if layer.state]

    def child_name(self, i):
        """Return what child i is called in the names of its arrays: its number, or a word."""
        return str(i)

    def leaves(self):
        """Yield ``(path, layer)`` for each layer that holds arrays, each once, in order."""
        yield from self._owners

    def _walk(self):
        seen = set()
        for i, child in enumerate(self.layers):
            for path, layer in child.leaves():
                if id(layer) not in seen:
                    seen.add(id(layer))
                    name = self.child_name(i)
                    yield (f"{name}.{path}" if path else name), layer

    def _find(self, kind):
        return {
            f"{path}.{name}": (layer, name)
            for path, layer in self._owners
            for name in getattr(layer, kind)
        }

    def _names_of(self, child):
        first = {id(layer): path for path, layer in self._owners}
        return {
            (f"{path}.{name}" if path else name): f"{first[id(layer)]}.{name}"
            for path, layer in child.leaves()
            for name in layer.params
        }

    def _collect(self, gradients_of_children):
        """Join the children's gradients by this net's names; a name met twice is a sum."""
        joined = self._nothing.copy()
        for names, grads in zip(self._keys, gradients_of_children):
            for name, key in names.items():
                before = joined[key]
                joined[key] = grads[name] if before is None else before + grads[name]
        return joined

    def _restore(self, states):
        """Put back the state of before a forward that failed half-way."""
        for layer, state in zip(self._stateful, states):
            layer.state = state

    def backward(self, dout, cache):
        """Return dx if there are no params, else ``(dx, *gradients in the order of params)``."""
        dx, grads = self.gradients(dout, cache)
        return (dx, *grads.values()) if grads else dx
