"""Losses of I2DL's ``networks/loss.py``: pairs of the library as objects without state."""

import numpy as np

import nnlayers.layers as pairs
from nnlayers.course.translation import as_floats, called
from nnlayers.layers.checks import choice, complaint, same_shape
from nnlayers.layers.loss import check_finite, each, reduce

__all__ = ["BCE", "CrossEntropyFromLogits", "L1", "Loss", "LossWithGradient", "MSE"]

REDUCTIONS = ("mean", "sum", "none")


class LossWithGradient(float):
    """A loss that is a number and also unpacks into the loss and its gradient.

    A called loss is the number in exercise 4 and the pair of both in exercises 5 and 6.

    Examples
    --------
    >>> result = MSE()(np.array([3.0, 0.0]), np.array([1.0, 0.0]))
    >>> loss, gradient = result
    >>> result + 1, float(loss), gradient
    (3.0, 2.0, array([2., 0.]))
    """

    def __new__(cls, loss, gradient):
        """Make a number of the loss."""
        number = super().__new__(cls, loss)
        number.loss, number.gradient = loss, gradient
        return number

    def __getnewargs__(self):
        return self.loss, self.gradient

    def __iter__(self):
        return iter((self.loss, self.gradient))

    def __getitem__(self, index):
        return (self.loss, self.gradient)[index]

    def __len__(self):
        return 2

    def mean(self, axis=None, dtype=None, out=None):
        """Return the loss: it is a mean already; np.mean calls this too."""
        return self.loss


class Loss:
    """What every loss is: a number from forward, and its gradient from backward.

    A loss of your own derives from this class and defines ``forward`` and ``backward``.
    """

    def forward(self, y_out, y_truth, reduction="mean", individual_losses=False):
        """Return the loss of predictions y_out, given the truth.

        Parameters
        ----------
        y_out : ndarray
            Predictions.
        y_truth : ndarray
            Truth.
        reduction : {"mean", "sum", "none"}
            What becomes of the single losses.
        individual_losses : bool
            As ``reduction="none"``; may stand in the place of reduction too.

        Returns
        -------
        scalar or ndarray
            The loss, or each of the losses.
        """
        raise NotImplementedError(f"{type(self).__name__} must define forward")

    def backward(self, y_out, y_truth, reduction="mean"):
        """Return the gradient with respect to y_out of what forward gives.

        Parameters
        ----------
        y_out : ndarray
            Predictions.
        y_truth : ndarray
            Truth.
        reduction : {"mean", "sum", "none"}
            That of forward: the gradient of a mean is divided by the number of losses, as in
            exercise 4; with "none" each loss is differentiated on its own.

        Returns
        -------
        ndarray, shape of y_out
            Gradient.
        """
        raise NotImplementedError(f"{type(self).__name__} must define backward")

    def __call__(self, y_out, y_truth, individual_losses=False):
        """Return the loss, which unpacks into ``(loss, gradient)``; or each of the losses.

        Parameters
        ----------
        y_out, y_truth : ndarray
            Predictions and truth.
        individual_losses : bool
            Whether each of the losses is returned, without a gradient.

        Returns
        -------
        LossWithGradient or ndarray
            The mean loss and its gradient, or the losses.
        """
        if individual_losses:
            return self.forward(y_out, y_truth, individual_losses=True)
        return LossWithGradient(self.forward(y_out, y_truth), self.backward(y_out, y_truth))


class _PairLoss(Loss):
    """A loss that is a pair of the library."""

    pair = None

    def forward(self, y_out, y_truth, reduction="mean", individual_losses=False):
        """Return the loss of y_out: see :meth:`Loss.forward`."""
        op = f"{type(self).__name__}.forward"
        reduction = _reduction(op, reduction, individual_losses)
        y_out, y_truth = self._checked(op, y_out, y_truth)
        with called(op, self.pair[0].__name__):
            return self.pair[0](y_out, y_truth, reduction=reduction)[0]

    def backward(self, y_out, y_truth, reduction="mean"):
        """Return its gradient with respect to y_out: see :meth:`Loss.backward`."""
        op = f"{type(self).__name__}.backward"
        reduction = _reduction(op, reduction)
        y_out, y_truth = self._checked(op, y_out, y_truth)
        with called(op, self.pair[0].__name__):
            losses, own = self.pair[0](y_out, y_truth, reduction=reduction)
        return self.pair[1](np.ones_like(losses), own)

    def _checked(self, op, y_out, y_truth):
        return _alike(op, y_out, y_truth)


class L1(_PairLoss):
    """Absolute error |y_out - y_truth|: :func:`nnlayers.l1_forward`.

    Examples
    --------
    >>> l1, y_out, y_truth = L1(), np.array([5.0, 2.0]), np.array([3.0, 4.0])
    >>> l1.forward(y_out, y_truth, reduction="none"), l1.backward(y_out, y_truth)
    (array([2., 2.]), array([ 0.5, -0.5]))
    """

    pair = pairs.l1_forward, pairs.l1_backward


class MSE(_PairLoss):
    """Squared error (y_out - y_truth)²: :func:`nnlayers.mse_forward`.

    Examples
    --------
    >>> mse, y_out, y_truth = MSE(), np.array([7.0, 2.0]), np.array([3.0, 4.0])
    >>> mse.forward(y_out, y_truth, reduction="none"), mse.backward(y_out, y_truth)
    (array([16.,  4.]), array([ 4., -2.]))
    """

    pair = pairs.mse_forward, pairs.mse_backward


class BCE(Loss):
    """Binary cross-entropy -(t log p + (1 - t) log(1 - p)): :func:`nnlayers.bce_forward`.

    The predictions p are probabilities; the targets t may be any numbers, as the course's own
    tests have targets outside of 0 to 1: a loss is linear in its target, so that it is
    t · loss(p, 1) + (1 - t) · loss(p, 0).

    Examples
    --------
    >>> float(BCE().forward(np.array([0.5, 0.5]), np.array([1, 0])).round(4))
    0.6931
    >>> BCE().backward(np.array([0.5]), np.array([2]))
    array([-6.])
    """

    def forward(self, y_out, y_truth, reduction="mean", individual_losses=False):
        """Return the loss of probabilities y_out: see :meth:`Loss.forward`."""
        op = "BCE.forward"
        reduction = _reduction(op, reduction, individual_losses)
        p, t, ((at_one, _), (at_zero, _)) = _extremes(op, y_out, y_truth)
        return reduce(op, t * at_one + (1.0 - t) * at_zero, reduction)

    def backward(self, y_out, y_truth, reduction="mean"):
        """Return its gradient with respect to y_out: see :meth:`Loss.backward`."""
        op = "BCE.backward"
        reduction = _reduction(op, reduction)
        p, t, ((_, own_one), (_, own_zero)) = _extremes(op, y_out, y_truth)
        dout = np.ones_like(p) if reduction == "none" else 1.0
        dlosses = each(op, dout, reduction, p.shape, p.dtype)
        at_one = pairs.bce_backward(t * dlosses, own_one)
        return at_one + pairs.bce_backward((1.0 - t) * dlosses, own_zero)


class CrossEntropyFromLogits(_PairLoss):
    """Cross-entropy of the softmax of scores: :func:`nnlayers.softmax_cross_entropy_forward`.

    y_out are scores (N, C), y_truth the N labels from 0 to C - 1.  Nothing is kept between the
    calls, so that backward may be called at any time, and again.

    Examples
    --------
    >>> loss, gradient = CrossEntropyFromLogits()(np.zeros((1, 2)), np.array([0]))
    >>> round(float(loss), 4), gradient
    (0.6931, array([[-0.5,  0.5]]))
    """

    pair = pairs.softmax_cross_entropy_forward, pairs.softmax_cross_entropy_backward

    def _checked(self, op, y_out, y_truth):
        (y_out,) = as_floats(y_out)
        y_truth = np.asarray(y_truth)
        if y_out.ndim != 2 or y_truth.shape != y_out.shape[:1]:
            fix = "y_truth.argmax(axis=1) if it is one-hot" if y_truth.shape == y_out.shape else ""
            problem = "y_out must be scores (N, C) and y_truth the N labels"
            raise complaint(ValueError, op, problem, fix, y_out=y_out, y_truth=y_truth)
        return y_out, y_truth


def _reduction(op, reduction, individual_losses=False):
    """Return the reduction, for which a bool says whether individual losses are wanted."""
    if isinstance(reduction, bool):
        individual_losses, reduction = reduction, "mean"
    choice(op, "reduction", reduction, REDUCTIONS)
    return "none" if individual_losses else reduction


def _alike(op, y_out, y_truth):
    """Return predictions and truth as floats of one shape.

    A truth of as many axes, or a number, is repeated; (N,) against (N, 1) is an error, because
    NumPy would make (N, N) of it.
    """
    y_out, y_truth = as_floats(y_out, y_truth)
    stretches = y_truth.ndim in (0, y_out.ndim) and all(
        n in (1, m) for n, m in zip(y_truth.shape, y_out.shape)
    )
    if stretches:
        y_truth = np.broadcast_to(y_truth, y_out.shape)
    same_shape(op, y_out=y_out, y_truth=y_truth)
    return y_out, y_truth


def _extremes(op, y_out, y_truth):
    """Return predictions, targets, and what the pair gives if all targets were 1, and 0."""
    p, t = _alike(op, y_out, y_truth)
    check_finite(op, y_truth=t)
    with called(op, "bce_forward"):
        return p, t, [pairs.bce_forward(p, u, reduction="none") for u in (np.ones_like(p), 0.0 * p)]
