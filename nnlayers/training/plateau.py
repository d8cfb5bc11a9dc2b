"""A learning rate that falls when the loss does not."""

import math

from nnlayers.layers.checks import complaint, describe
from nnlayers.training.bounds import fraction, non_negative, whole


class Plateau:
    """A learning rate that is lowered whenever the loss has not fallen for a while.

    Among the losses of all epochs so far, one that is lower than (1 - threshold) times the best
    before it is a new best; after more than ``patience`` others in a row, the rate is multiplied by
    factor.  The next ``cooldown`` epochs do not count then.

    ``opt.lr = plateau(losses)`` after each epoch: the rate is a function of the losses, and nothing
    is kept.  A :class:`Solver` takes the validation losses, the training losses without these.

    Parameters
    ----------
    lr : float
        The first rate.
    factor : float
        At least 0 and less than 1.
    patience : int
        How many epochs in a row may pass without a new best.
    threshold : float
        By which part a loss must be lower to be a new best; at least 0 and less than 1.
    cooldown : int
        How many epochs after a lower rate do not count.
    floor : float
        The rate never falls below this.

    Raises
    ------
    ValueError, TypeError
        If a setting is out of range, or the losses are no numbers.

    Source
    ------
    PyTorch, ``ReduceLROnPlateau`` with its relative threshold.

    Examples
    --------
    >>> plateau = Plateau(1.0, factor=0.5, patience=1)
    >>> losses, rates = [], []
    >>> for loss in (3.0, 2.0, 2.0, 2.0, 1.0, 1.5, 1.5):
    ...     losses.append(loss)
    ...     rates.append(plateau(losses))
    >>> rates
    [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25]
    """

    settings = ("lr", "factor", "patience", "threshold", "cooldown", "floor")

    def __init__(self, lr, factor=0.1, patience=10, threshold=1e-4, cooldown=0, floor=0.0):
        op = "Plateau"
        self.lr, self.factor = non_negative(op, "lr", lr), fraction(op, "factor", factor)
        self.patience = whole(op, "patience", patience)
        self.cooldown = whole(op, "cooldown", cooldown)
        self.threshold = fraction(op, "threshold", threshold)
        self.floor = non_negative(op, "floor", floor)
        if self.floor > self.lr:
            raise complaint(ValueError, op, f"the floor {floor} lies above lr {lr}")

    def __call__(self, losses):
        """Return the learning rate after these losses.

        Parameters
        ----------
        losses : sequence of float
            The loss of each epoch so far, which is to fall; for an accuracy, its negative.

        Returns
        -------
        float
            At least 0 and finite.
        """
        try:
            losses = [float(loss) for loss in losses]
        except (TypeError, ValueError):
            raise complaint(
                TypeError, "Plateau", f"losses must be a list of numbers, not {describe(losses)}"
            ) from None
        lr, bar, waited, rest = self.lr, math.inf, 0, 0
        for loss in losses:
            if loss < bar:
                bar, waited = loss - abs(loss) * self.threshold, 0
            else:
                waited += 1
            if rest:
                rest, waited = rest - 1, 0
            if waited > self.patience:
                lr, waited, rest = max(lr * self.factor, self.floor), 0, self.cooldown
        return lr

    def __repr__(self):
        words = [f"{name}={getattr(self, name)!r}" for name in self.settings]
        return f"Plateau({', '.join(words)})"
