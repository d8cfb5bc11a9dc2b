"""Helpers of I2DL's ``networks/utils.py``: two classes of house prices, and accuracy."""

import numpy as np

from nnlayers.layers.checks import complaint

__all__ = ["binarize", "test_accuracy"]


def binarize(X, y, a_percentile, b_percentile):
    """Keep the examples with small and large targets, and label these 0 and 1.

    Parameters
    ----------
    X : ndarray, shape (N, D)
        Examples.
    y : ndarray, shape (N, 1)
        Targets.
    a_percentile, b_percentile : float
        Targets up to the first get the label 0, from the second on 1; those between are left out.

    Returns
    -------
    X : ndarray, shape (K, D)
        The K examples that are kept.
    y : ndarray, shape (K, 1)
        Their labels.

    Raises
    ------
    ValueError
        If y is not (N, 1), or the first bound is not less than the second.

    Examples
    --------
    >>> x = np.array([[1.0], [2.0], [3.0]])
    >>> binarize(x, 10 * x, 10, 30)[1]
    array([[0.],
           [1.]])
    """
    X, y = np.asarray(X), np.asarray(y)
    if y.shape != (len(X), 1):
        raise complaint(ValueError, "binarize", "y must be (N, 1) for N examples", X=X, y=y)
    if not a_percentile < b_percentile:
        problem = f"a_percentile = {a_percentile} must be less than b_percentile = {b_percentile}"
        raise complaint(ValueError, "binarize", problem)
    kept = ((y <= a_percentile) | (y >= b_percentile))[:, 0]
    return X[kept], (y[kept] >= b_percentile).astype(float)


def test_accuracy(y_pred, y_true):
    """Fraction of predicted probabilities that are on the right side of 0.5.

    Parameters
    ----------
    y_pred : ndarray, shape (N, 1) or (N,)
        Probabilities of class 1; 0.5 counts as 1.
    y_true : ndarray, as many
        True labels, 0 and 1.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If there are not as many of both, or none.

    Examples
    --------
    >>> test_accuracy(np.array([[0.2], [0.9]]), np.array([[0], [0]]))
    0.5
    """
    y_pred, y_true = np.asarray(y_pred), np.asarray(y_true)
    if y_pred.size != y_true.size or y_pred.size == 0:
        problem = "there must be as many predictions as labels, and at least one"
        raise complaint(ValueError, "test_accuracy", problem, y_pred=y_pred, y_true=y_true)
    predicted = y_pred.reshape(y_pred.size) >= 0.5
    return float((predicted == y_true.reshape(y_true.size).astype(int)).mean())


test_accuracy.__test__ = False  # for pytest, which would take it for a test
