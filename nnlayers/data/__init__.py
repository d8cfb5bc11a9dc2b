"""Data: the digits that come with the library, and mini-batches of any arrays."""

from nnlayers.data.batching import batches
from nnlayers.data.loading import digits

__all__ = ["batches", "digits"]
