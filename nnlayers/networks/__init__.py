"""Networks: layers joined into larger ones."""

from nnlayers.networks.bidirectional import Bidirectional
from nnlayers.networks.residual import Parallel, Residual
from nnlayers.networks.sequential import Sequential

__all__ = ["Bidirectional", "Parallel", "Residual", "Sequential"]
