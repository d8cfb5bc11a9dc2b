"""All workloads, in the order of the table."""

from benchmarks import convolutions, dense, gradients, normalization, overhead, sequences

WORKLOADS = (
    *dense.WORKLOADS,
    *convolutions.WORKLOADS,
    *normalization.WORKLOADS,
    *sequences.WORKLOADS,
    *gradients.WORKLOADS,
    *overhead.WORKLOADS,
)
