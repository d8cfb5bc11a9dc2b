"""Layers of cs231n's ``layers.py``: each is a pair of the library under the course's names.

Legend: N batch, D features in, M features out, C classes or channels, F filters.
"""

import numpy as np

import nnlayers.layers as pairs
from nnlayers.course.cs231n.conv_layers import (
    conv_backward_naive,
    conv_forward_naive,
    max_pool_backward_naive,
    max_pool_forward_naive,
)
from nnlayers.course.cs231n.normalization import (
    batchnorm_backward,
    batchnorm_backward_alt,
    batchnorm_forward,
    layernorm_backward,
    layernorm_forward,
    spatial_batchnorm_backward,
    spatial_batchnorm_forward,
    spatial_groupnorm_backward,
    spatial_groupnorm_forward,
)
from nnlayers.course.masks import dropout_backward, dropout_forward_with
from nnlayers.course.translation import as_floats, called
from nnlayers.layers.checks import complaint

__all__ = [
    "affine_backward",
    "affine_forward",
    "batchnorm_backward",
    "batchnorm_backward_alt",
    "batchnorm_forward",
    "conv_backward_naive",
    "conv_forward_naive",
    "dropout_backward",
    "dropout_forward",
    "layernorm_backward",
    "layernorm_forward",
    "max_pool_backward_naive",
    "max_pool_forward_naive",
    "relu_backward",
    "relu_forward",
    "softmax_loss",
    "spatial_batchnorm_backward",
    "spatial_batchnorm_forward",
    "spatial_groupnorm_backward",
    "spatial_groupnorm_forward",
    "svm_loss",
]


def affine_forward(x, w, b):
    """Affine map of each example: :func:`nnlayers.affine_forward`.

    Parameters
    ----------
    x : ndarray, shape (N, d1, ..., dk)
        Examples.
    w : ndarray, shape (D, M)
        Weights, D = d1 · ... · dk.
    b : ndarray, shape (M,)
        Bias.

    Returns
    -------
    out : ndarray, shape (N, M)
        Scores.
    cache : tuple
        ``(x, w, b)``.

    Examples
    --------
    >>> affine_forward(np.ones((1, 2)), np.eye(2), np.array([0, 1]))[0]
    array([[1., 2.]])
    """
    return pairs.affine_forward(*as_floats(x, w, b))


def affine_backward(dout, cache):
    """Gradients of the affine map: :func:`nnlayers.affine_backward`.

    Returns
    -------
    dx, dw, db : ndarray
        Gradients, of the shapes of x, w and b.
    """
    return pairs.affine_backward(dout, cache)


def relu_forward(x):
    """Rectified linear unit of every entry: :func:`nnlayers.relu_forward`.

    Returns
    -------
    out : ndarray
        max(x, 0).
    cache : ndarray
        x.
    """
    (x,) = as_floats(x)
    return pairs.relu_forward(x)[0], x


def relu_backward(dout, cache):
    """Gradient of ReLU: dout where x > 0, else 0 (at 0 too); dout is not written.

    Returns
    -------
    dx : ndarray
        Gradient, of the shape of x.
    """
    # the pair keeps out, of which it asks out > 0 alone: that is where x > 0
    return pairs.relu_backward(dout, (cache,))


def softmax_loss(x, y):
    """Mean cross-entropy of the softmax of scores, and its gradient.

    Parameters
    ----------
    x : ndarray, shape (N, C)
        Scores.
    y : ndarray of int, shape (N,)
        Labels from 0 to C - 1.

    Returns
    -------
    loss : scalar
        Loss, in nats.
    dx : ndarray, shape (N, C)
        Gradient of the loss.

    Raises
    ------
    ValueError
        If y are not N labels, or a label is out of range.

    Examples
    --------
    >>> loss, dx = softmax_loss(np.zeros((1, 2)), np.array([0]))
    >>> round(float(loss), 4), dx
    (0.6931, array([[-0.5,  0.5]]))
    """
    return _loss(
        "softmax_loss",
        x,
        y,
        pairs.softmax_cross_entropy_forward,
        pairs.softmax_cross_entropy_backward,
    )


def svm_loss(x, y):
    """Mean multiclass hinge loss of scores with margin 1, and its gradient.

    Parameters
    ----------
    x : ndarray, shape (N, C)
        Scores.
    y : ndarray of int, shape (N,)
        Labels from 0 to C - 1.

    Returns
    -------
    loss : scalar
        Loss, in the unit of the scores.
    dx : ndarray, shape (N, C)
        Gradient of the loss.

    Raises
    ------
    ValueError
        If y are not N labels, or a label is out of range.
    """
    return _loss("svm_loss", x, y, pairs.hinge_forward, pairs.hinge_backward)


def dropout_forward(x, dropout_param):
    """Inverted dropout, in which p is the probability of KEEPING an entry.

    Parameters
    ----------
    x : ndarray
        Input of any shape.
    dropout_param : dict
        ``p``, 0 < p <= 1; ``mode``, "train" or "test"; and perhaps ``seed``, which makes the
        mask that ``np.random.seed(seed)`` and ``np.random.rand`` would, but leaves NumPy's
        global generator as it is.  Without a seed the mask is drawn from the global one.

    Returns
    -------
    out : ndarray
        Of the shape and dtype of x.
    cache : tuple
        ``(dropout_param, mask)``: the factors by which x was multiplied, 0 or 1 / p; None in
        testing.

    Raises
    ------
    ValueError
        If p is out of range, the mode is no mode, or a key is missing or unknown.

    Examples
    --------
    >>> dropout_forward(np.ones(4), {"mode": "train", "p": 0.5, "seed": 1})[0]
    array([2., 0., 2., 2.])
    """
    return dropout_forward_with("keep", x, dropout_param)


def _loss(op, x, y, forward, backward):
    (x,) = as_floats(x)
    y = np.asarray(y)
    if x.ndim != 2 or y.shape != x.shape[:1]:
        fix = "y.argmax(axis=1) if it is one-hot" if y.shape == x.shape else None
        raise complaint(ValueError, op, "x must be (N, C) and y the N labels", fix, x=x, y=y)
    with called(op, forward.__name__):
        loss, cache = forward(x, y)
    return loss, backward(1.0, cache)
