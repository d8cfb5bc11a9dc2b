"""A tape over pairs: Variables that remember how they were computed, for graphs of any form."""

from nnlayers.networks.graph import operators  # noqa: F401 gives Variables their operators
from nnlayers.networks.graph.function import Function
from nnlayers.networks.graph.recording import no_grad
from nnlayers.networks.graph.variable import Variable

__all__ = ["Function", "Variable", "no_grad"]
