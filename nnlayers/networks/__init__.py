"""Networks: layers joined into larger ones."""

from nnlayers.networks.residual import Parallel, Residual
from nnlayers.networks.sequential import Sequential

__all__ = ["Parallel", "Residual", "Sequential"]
