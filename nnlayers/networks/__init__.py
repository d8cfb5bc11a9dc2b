"""Networks: layers joined into larger ones."""

from nnlayers.networks.bidirectional import Bidirectional
from nnlayers.networks.graph import Function, Variable, no_grad
from nnlayers.networks.language_model import GPT, Unembedding
from nnlayers.networks.residual import Parallel, Residual
from nnlayers.networks.sequential import Sequential
from nnlayers.networks.transformer import TransformerBlock

__all__ = [
    "Bidirectional",
    "Function",
    "GPT",
    "Parallel",
    "Residual",
    "Sequential",
    "TransformerBlock",
    "Unembedding",
    "Variable",
    "no_grad",
]
