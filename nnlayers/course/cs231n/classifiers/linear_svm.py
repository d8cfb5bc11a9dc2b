"""The loss of a linear SVM under the names of cs231n's ``linear_svm.py``."""

from nnlayers.course.cs231n.classifiers.linear import linear_loss
from nnlayers.course.cs231n.layers import svm_loss

__all__ = ["svm_loss_naive", "svm_loss_vectorized"]


def svm_loss_naive(W, X, y, reg):
    """Mean hinge loss of the scores X W, and reg · Σ W²; the same as the vectorized one.

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
    return linear_loss("svm_loss_naive", svm_loss, W, X, y, reg)


def svm_loss_vectorized(W, X, y, reg):
    """Mean hinge loss of the scores X W, and reg · Σ W²: see :func:`svm_loss_naive`."""
    return linear_loss("svm_loss_vectorized", svm_loss, W, X, y, reg)
