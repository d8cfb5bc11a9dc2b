"""Networks: layers joined into larger ones."""

from nnlayers.networks.sequential import Sequential

__all__ = ["Sequential"]
