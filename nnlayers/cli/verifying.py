"""Every public layer and loss against numerical gradients."""

from typing import NamedTuple

import numpy as np

from nnlayers.cli.examples import examples
from nnlayers.gradients import check_gradients, numerical_gradient
from nnlayers.layers.initializers import generator


class Row(NamedTuple):
    """What the verification of one layer found."""

    name: str
    entries: int  # of all its gradients together
    error: float  # see :func:`compare`
    verdict: str  # "right", "wrong" or "undecided"


def verify(seed=0):
    """Yield a Row for each public layer and loss."""
    for name, example in examples(seed):
        layer, inputs, options = example
        report = check_gradients(layer, *inputs, seed=seed, **options)
        yield Row(name, *compare(example, seed), report.verdict)


def compare(example, seed=0):
    """Compare every entry of every gradient of a layer with its numerical value.

    Parameters
    ----------
    example : Example
        The layer, and what its forward is called with.
    seed : int
        Of the random upstream gradient.

    Returns
    -------
    entries : int
        How many were compared.
    error : float
        maxᵢ |gᵢ - nᵢ| / maxᵢ |nᵢ| of the gradient where it is largest; g is from backward, n
        numerical.
    """
    layer, inputs, options = example
    rng = generator(seed)

    def forward():
        out, cache = layer.forward(*inputs, **options)
        return out if isinstance(out, tuple) else (out,), cache

    outs, cache = forward()
    douts = tuple(rng.standard_normal(np.shape(out)) for out in outs)
    dx, grads = layer.gradients(douts if len(douts) > 1 else douts[0], cache)
    dxs = dx if isinstance(dx, tuple) else () if dx is None else (dx,)
    # inputs without a gradient are indices, conditions, and the targets, which come last
    floats = [x for x in inputs if x.dtype.kind == "f"]
    arrays = (*floats[: len(dxs)], *layer.params.values())

    def weighted(_):  # <dout, out>: its gradient is what backward returns for this dout
        return sum(np.vdot(dout, out) for dout, out in zip(douts, forward()[0]))

    entries, error = 0, 0.0
    for array, gradient in zip(arrays, (*dxs, *grads.values())):
        numeric = numerical_gradient(weighted, array)
        entries += array.size
        error = max(error, float(np.abs(gradient - numeric).max() / np.abs(numeric).max()))
    return entries, error
