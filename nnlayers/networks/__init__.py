"""Networks: layers joined into larger ones."""

from nnlayers.networks.bidirectional import Bidirectional
from nnlayers.networks.language_model import GPT, Unembedding
from nnlayers.networks.residual import Parallel, Residual
from nnlayers.networks.sequential import Sequential
from nnlayers.networks.transformer import TransformerBlock

__all__ = [
    "Bidirectional",
    "GPT",
    "Parallel",
    "Residual",
    "Sequential",
    "TransformerBlock",
    "Unembedding",
]
