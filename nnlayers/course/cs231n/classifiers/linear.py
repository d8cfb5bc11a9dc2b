"""What the linear losses share: the scores X W, a loss of them, and the penalty reg · Σ W²."""

from types import SimpleNamespace

import numpy as np

import nnlayers.layers as pairs
from nnlayers.course.translation import as_floats, called
from nnlayers.layers.checks import complaint
from nnlayers.training.penalties import L2


def linear_loss(op, loss_of, W, X, y, reg):
    """Return loss and gradient dW under the name op; ``loss_of(scores, y)`` is a loss of cs231n."""
    W, X = as_floats(W, X)
    if W.ndim != 2 or X.ndim != 2 or X.shape[1] != W.shape[0]:
        # I2DL and other courses write W X with the examples in columns
        fix = "W.T and X.T" if W.ndim == X.ndim == 2 and W.shape[1] == X.shape[0] else None
        raise complaint(ValueError, op, "X must be (N, D) and W (D, C)", fix, W=W, X=X)
    scores, cache = pairs.matmul_forward(X, W)
    with called(op, loss_of.__name__):
        loss, dscores = loss_of(scores, np.asarray(y))
    _, dW = pairs.matmul_backward(dscores, cache, need_dx=False)
    penalty, weights = L2(reg, half=False), SimpleNamespace(params={"W": W})
    return loss + penalty.loss(weights), dW + penalty.gradients(weights)["W"]
