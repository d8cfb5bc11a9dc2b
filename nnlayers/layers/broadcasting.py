"""Broadcasting, and its backward: what was used several times gets the sum of its gradients."""

import numpy as np

from nnlayers.layers.checks import bad_cache, complaint


def broadcast_shape(op, **arrays):
    """Return the shape to which the arrays broadcast."""
    try:
        return np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        raise complaint(
            ValueError,
            op,
            f"{' and '.join(arrays)} do not broadcast",
            "axes, counted from the last, must be equal or 1",
            **arrays,
        ) from None


def cached_shape(op, cache, expected, *arrays):
    """Return the shape to which the arrays of a cache broadcast, if the cache is forward's."""
    try:
        return np.broadcast_shapes(*(array.shape for array in arrays))
    except ValueError:
        raise bad_cache(op, cache, expected) from None


def sum_to(gradient, shape):
    """Return the gradient, summed over the axes along which an operand of this shape was broadcast.

    Along such an axis the operand's one entry stands in every entry of the result, so its gradients
    add up.  Where nothing was broadcast the gradient itself is returned.
    """
    extra = gradient.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        extra + i for i, size in enumerate(shape) if size == 1 and gradient.shape[extra + i] != 1
    )
    return gradient.sum(axis=axes).reshape(shape) if axes else gradient
