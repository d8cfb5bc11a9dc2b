"""Layers of I2DL's ``layers.py``: batch normalization as in cs231n, and dropout with another p."""

from nnlayers.course.cs231n.normalization import (
    batchnorm_backward,
    batchnorm_backward_alt,
    batchnorm_forward,
    spatial_batchnorm_backward,
    spatial_batchnorm_forward,
)
from nnlayers.course.masks import dropout_backward, dropout_forward_with

__all__ = [
    "batchnorm_backward",
    "batchnorm_backward_alt",
    "batchnorm_forward",
    "dropout_backward",
    "dropout_forward",
    "spatial_batchnorm_backward",
    "spatial_batchnorm_forward",
]


def dropout_forward(x, dropout_param):
    """Inverted dropout, in which p is the probability of DROPPING an entry.

    Parameters
    ----------
    x : ndarray
        Input of any shape.
    dropout_param : dict
        ``p``, 0 <= p < 1; ``mode``, "train" or "test"; and perhaps ``seed``, which makes the
        mask that ``np.random.seed(seed)`` and ``np.random.rand`` would, but leaves NumPy's
        global generator as it is.  Without a seed the mask is drawn from the global one.

    Returns
    -------
    out : ndarray
        Of the shape and dtype of x.
    cache : tuple
        ``(dropout_param, mask)``: the factors by which x was multiplied, 0 or 1 / (1 - p); None
        in testing.

    Raises
    ------
    ValueError
        If p is out of range, the mode is no mode, or a key is missing or unknown.

    Examples
    --------
    >>> import numpy as np
    >>> dropout_forward(np.ones(4), {"mode": "train", "p": 0.5, "seed": 1})[0]
    array([0., 2., 0., 0.])
    """
    return dropout_forward_with("drop", x, dropout_param)
