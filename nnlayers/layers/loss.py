"""What every loss shares: a reduction of the single losses to a number, and checks of targets.

A loss compares its first inputs with a target, which gets no gradient.  ``reduction`` says what
becomes of the single losses:

=============  =======================================================
"mean"         their mean, over all of them
"batchmean"    their sum, divided by the number N of examples alone
"sum"          their sum
"none"         each of them is returned, and dout has their shape
=============  =======================================================
"""

import math

import numpy as np

from nnlayers.layers.checks import choice, complaint, upstream
from nnlayers.layers.layer import PairLayer

REDUCTIONS = ("mean", "batchmean", "sum", "none")


class Loss(PairLayer):
    """A pair whose out is a loss; it takes a reduction and perhaps further settings."""

    is_loss = True

    def __init__(self, *, reduction="mean"):
        choice(type(self).__name__, "reduction", reduction, REDUCTIONS)
        self.hold(reduction=reduction)


def divisor(op, reduction, shape):
    """Return the number by which the sum of losses of this shape is divided."""
    if reduction == "mean":
        count = math.prod(shape)
    elif reduction == "batchmean":
        count = shape[0] if shape else 1
    else:
        choice(op, "reduction", reduction, REDUCTIONS)
        return 1
    if count == 0:
        raise no_losses(op, reduction)
    return count


def no_losses(op, reduction):
    """Return the error of a mean over nothing."""
    return complaint(
        ValueError,
        op,
        f'the mean of no losses is undefined (reduction="{reduction}")',
        'reduction="sum" gives 0',
    )


def reduce(op, losses, reduction):
    """Return what the reduction makes of the single losses."""
    count = divisor(op, reduction, losses.shape)
    return losses if reduction == "none" else losses.sum() / count


def each(op, dout, reduction, shape, dtype):
    """Return the upstream gradient of each of the losses: the reduction's backward."""
    dout = upstream(op, dout, shape if reduction == "none" else (), dtype)
    # a sum hands its dout to every term, and one divided by n hands on dout / n
    return dout / divisor(op, reduction, shape)


def check_finite(op, **arrays):
    """Raise if an entry is NaN or infinite: the loss would be NaN, and all gradients with it."""
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            bad = int(np.count_nonzero(~np.isfinite(array)))
            raise complaint(
                ValueError,
                op,
                f"{bad} of {array.size} entries of {name} are NaN or infinite",
                "a loss would be NaN too: clean the data",
                **{name: array},
            )


def check_unit(op, fix, **arrays):
    """Raise unless every entry lies between 0 and 1; NaN does not."""
    for name, array in arrays.items():
        low, high = array.min(initial=0.0), array.max(initial=0.0)
        if not (low >= 0.0 and high <= 1.0):
            if math.isnan(low):
                check_finite(op, **{name: array})
            raise complaint(
                ValueError,
                op,
                f"{name} must lie between 0 and 1 but reaches from {low:.6g} to {high:.6g}",
                fix,
                **{name: array},
            )
