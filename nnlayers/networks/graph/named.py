"""Every pair of the library as a function of Variables, under the name of its operation."""

import inspect
import re

from nnlayers import layers
from nnlayers.networks.graph import elementary
from nnlayers.networks.graph.function import Function
from nnlayers.networks.graph.pairs import function_of
from nnlayers.networks.graph.primitives import broadcast_to, sum_to


def named():
    """Return ``{name: function}``, with the pairs' documentation."""
    again = {
        node.pair[0]: node
        for node in vars(elementary).values()
        if isinstance(node, type) and getattr(node, "pair", None)
    }
    functions = {"broadcast_to": broadcast_to, "sum_to": sum_to}
    for forward, backward in pairs():
        node = again.get(forward)
        function = function_of(node, {}) if node else Function.from_pair(forward, backward)
        function.__name__ = function.__qualname__ = forward.__name__.removesuffix("_forward")
        function.__module__ = "nnlayers.functions"
        function.__doc__ = _documentation(forward, node)
        functions[function.__name__] = function
    return functions


def pairs():
    """Yield every pair ``(forward, backward)`` that the layers export."""
    for name in layers.__all__:
        partner = name.removesuffix("_forward") + "_backward"
        if name.endswith("_forward") and partner in layers.__all__:
            yield getattr(layers, name), getattr(layers, partner)


def _documentation(forward, again):
    """Return forward's documentation without what is about arrays: the cache and examples."""
    if forward.__doc__ is None:  # Python was told to drop docstrings
        return None
    text, *sections = re.split(r"\n\n(?=[A-Z]\w+\n---)", inspect.cleandoc(forward.__doc__))
    op = forward.__name__.removesuffix("_forward")
    how = "can be differentiated again" if again else "is differentiated once"
    text += f"\n\nThe pair :func:`nnlayers.{op}_forward` on Variables; it {how}."
    kept = [
        re.sub(r"\ncache : .*", "", section, flags=re.DOTALL)
        for section in sections
        if not section.startswith("Examples")
    ]
    return "\n\n".join([text, *kept])
