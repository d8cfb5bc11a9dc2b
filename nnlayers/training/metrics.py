"""Metrics: how good scores are, beyond the loss."""

import numpy as np

from nnlayers.data.batching import batches, examples
from nnlayers.layers.checks import complaint, describe
from nnlayers.networks.sequential import Sequential


def accuracy(scores, y):
    """Fraction of the examples whose largest score is that of their label.

    (1/N) Σₙ [argmax꜀ scoresₙ꜀ = yₙ]

    Parameters
    ----------
    scores : ndarray, shape (N, C) or (..., C)
        Scores of C classes; the first of equal ones counts as the largest.
    y : ndarray of int, shape (N,) or (...,)
        Labels from 0 to C - 1.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If the shapes do not fit, or there are no examples.
    TypeError
        If the labels are no integers.

    Source
    ------
    scikit-learn, ``accuracy_score``.

    Examples
    --------
    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    """
    scores, y = np.asarray(scores), np.asarray(y)
    if y.dtype.kind not in "iu":
        raise complaint(
            TypeError, "accuracy", f"labels y must be integers, not {y.dtype}", scores=scores, y=y
        )
    if scores.ndim == 0 or scores.shape[:-1] != y.shape:
        raise complaint(
            ValueError,
            "accuracy",
            "every label needs a row of scores",
            f"y must have the shape {scores.shape[:-1]}" if scores.ndim else None,
            scores=scores,
            y=y,
        )
    if scores.size == 0:
        raise complaint(
            ValueError, "accuracy", "the accuracy of no examples is undefined", scores=scores, y=y
        )
    return float((scores.argmax(axis=-1) == y).mean())


def evaluate(net, x, y=None, *, batch_size=256):
    """Loss and accuracy of a net on data, in evaluation mode, batch by batch.

    Parameters
    ----------
    net : Sequential
        A chain that ends in a loss.
    x : ndarray, shape (N, ...)
        Examples.
    y : ndarray, shape (N, ...), optional
        Targets; left out for losses that take none.
    batch_size : int
        Examples per batch; larger batches take more memory.

    Returns
    -------
    loss : float
        Mean of the batches' losses, weighted by their sizes.
    accuracy : float or None
        See :func:`accuracy`; None unless y are integers, one for each row of scores.

    Raises
    ------
    ValueError
        If there are no examples, x and y disagree in their number, or batch_size is less than 1.
    TypeError
        If net is no Sequential that ends in a loss.

    Examples
    --------
    >>> from nnlayers import Affine, Sequential, SoftmaxCrossEntropy
    >>> net = Sequential(Affine.of(np.eye(2)), SoftmaxCrossEntropy())
    >>> loss, right = evaluate(net, np.array([[9.0, 0.0], [0.0, 9.0]]), np.array([0, 0]))
    >>> round(loss, 3), right
    (4.5, 0.5)
    """
    check_net("evaluate", net)
    x, y = examples("evaluate", x, y)
    if len(x) == 0:
        raise complaint(ValueError, "evaluate", "the loss of no examples is undefined", x=x)
    final = net
    while isinstance(final, Sequential):
        final = final.layers[-1]
    total, right, labels = 0.0, 0, 0
    # scores that overflow show in the loss
    with np.errstate(over="ignore", invalid="ignore"):
        for x_batch, y_batch in batches(x, y, batch_size):
            scores = net.scores(x_batch)
            targets = () if y is None else (y_batch,)
            total += len(x_batch) * float(final.forward(scores, *targets, train=False)[0])
            if y is not None and y.dtype.kind in "iu" and scores.shape[:-1] == y_batch.shape:
                right += int(np.count_nonzero(scores.argmax(axis=-1) == y_batch))
                labels += y_batch.size
    return total / len(x), (right / labels if labels else None)


def check_net(op, net):
    """Raise unless net is a chain that ends in a loss."""
    if not isinstance(net, Sequential) or not net.is_loss:
        raise complaint(
            TypeError,
            op,
            f"net must be a Sequential that ends in a loss, not {describe(net)}",
            "its last layer may be SoftmaxCrossEntropy() or MSE()",
        )
