"""The loss of a linear softmax classifier under the names of cs231n's ``softmax.py``."""

from nnlayers.course.cs231n.classifiers.linear import linear_loss
from nnlayers.course.cs231n.layers import softmax_loss

__all__ = ["softmax_loss_naive", "softmax_loss_vectorized"]


def softmax_loss_naive(W, X, y, reg):
    """Mean cross-entropy of the scores X W, and reg · Σ W²; the same as the vectorized one.

    Parameters
    ----------
    W : ndarray, shape (D, C)
        Weights.
    X : ndarray, shape (N, D)
        Examples.
    y : ndarray of int, shape (N,)
        Labels.
    reg : float
        Strength of the penalty, without the factor 0.5 that nets have.

    Returns
    -------
    loss : scalar
        Loss.
    dW : ndarray, shape (D, C)
        Gradient.
    """
    return linear_loss("softmax_loss_naive", softmax_loss, W, X, y, reg)


def softmax_loss_vectorized(W, X, y, reg):
    """Mean cross-entropy of the scores X W, and reg · Σ W²: see :func:`softmax_loss_naive`."""
    return linear_loss("softmax_loss_vectorized", softmax_loss, W, X, y, reg)
