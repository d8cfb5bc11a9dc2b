"""Data: digits and a text that come with the library, and mini-batches of any arrays."""

from nnlayers.data.batching import batches
from nnlayers.data.loading import alice, digits

__all__ = ["alice", "batches", "digits"]
