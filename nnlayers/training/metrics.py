"""Metrics: how good scores are, beyond the loss."""

import numpy as np

from nnlayers.data.batching import batches, examples
from nnlayers.layers.checks import complaint, describe, positive_int
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
    scores, y = _with_labels("accuracy", scores, y)
    _require_examples("accuracy", scores, y)
    return float((scores.argmax(axis=-1) == y).mean())


def top_k_accuracy(scores, y, k=5):
    """Fraction of the examples whose label has one of the k largest scores.

    (1/N) Σₙ [#{c : scoresₙ꜀ > scoresₙ,yₙ} < k], so that equal scores count in favour of the label.

    Parameters
    ----------
    scores : ndarray, shape (N, C) or (..., C)
        Scores of C classes.
    y : ndarray of int, shape (N,) or (...,)
        Labels from 0 to C - 1.
    k : int
        From 1 to C.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no examples, a label is no class or k is out of range.
    TypeError
        If the labels are no integers.

    Source
    ------
    scikit-learn, ``top_k_accuracy_score``.

    Examples
    --------
    >>> scores = np.array([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]])
    >>> top_k_accuracy(scores, np.array([1, 2]), k=2)
    0.5
    """
    op = "top_k_accuracy"
    scores, y = _with_labels(op, scores, y)
    _require_examples(op, scores, y)
    _require_classes(op, scores, y)
    positive_int(op, k=k)
    if k > scores.shape[-1]:
        raise complaint(
            ValueError, op, f"k = {k}, but there are {scores.shape[-1]} classes", scores=scores
        )
    own = np.take_along_axis(scores, y[..., None], axis=-1)
    return float(((scores > own).sum(axis=-1) < k).mean())


def confusion_matrix(scores, y):
    """Count which classes are taken for which: row c, column d holds the examples of c read as d.

    out꜀ₔ = #{n : yₙ = c and argmax scoresₙ = d}

    Parameters
    ----------
    scores : ndarray, shape (N, C) or (..., C)
        Scores of C classes; the first of equal ones counts as the largest.
    y : ndarray of int, shape (N,) or (...,)
        Labels from 0 to C - 1.

    Returns
    -------
    ndarray of int, shape (C, C)
        Numbers of examples; the diagonal holds those that are right.

    Raises
    ------
    ValueError
        If the shapes do not fit, or a label is no class.
    TypeError
        If the labels are no integers.

    Source
    ------
    scikit-learn, ``confusion_matrix``.

    Examples
    --------
    >>> scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    >>> confusion_matrix(scores, np.array([0, 1, 1]))
    array([[1, 0],
           [1, 1]])
    """
    op = "confusion_matrix"
    scores, y = _with_labels(op, scores, y)
    _require_classes(op, scores, y)
    C = scores.shape[-1]
    cells = y.astype(np.intp) * C + scores.argmax(axis=-1)
    return np.bincount(cells.reshape(cells.size), minlength=C * C).reshape(C, C)


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
    final = final_layer(net)
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


def final_layer(net):
    """Return the last layer of a chain, which may be a chain itself: the loss."""
    while isinstance(net, Sequential):
        net = net.layers[-1]
    return net


def check_net(op, net):
    """Raise unless net is a chain that ends in a loss."""
    if not isinstance(net, Sequential) or not net.is_loss:
        raise complaint(
            TypeError,
            op,
            f"net must be a Sequential that ends in a loss, not {describe(net)}",
            "its last layer may be SoftmaxCrossEntropy() or MSE()",
        )


def _with_labels(op, scores, y):
    """Return scores (..., C) and integer labels (...) as arrays."""
    scores, y = np.asarray(scores), np.asarray(y)
    if y.dtype.kind not in "iu":
        raise complaint(
            TypeError, op, f"labels y must be integers, not {y.dtype}", scores=scores, y=y
        )
    if scores.ndim == 0 or scores.shape[:-1] != y.shape:
        raise complaint(
            ValueError,
            op,
            "every label needs a row of scores",
            f"y must have the shape {scores.shape[:-1]}" if scores.ndim else None,
            scores=scores,
            y=y,
        )
    return scores, y


def _require_examples(op, scores, y):
    """Raise if there is nothing of which to take a fraction."""
    if scores.size == 0:
        raise complaint(
            ValueError, op, "the accuracy of no examples is undefined", scores=scores, y=y
        )


def _require_classes(op, scores, y):
    """Raise unless every label is a class that has a score."""
    C = scores.shape[-1]
    bad = y[(y < 0) | (y >= C)]
    if bad.size:
        problem = f"label {bad[0]} is none of the classes 0 to {C - 1}"
        raise complaint(ValueError, op, problem, scores=scores, y=y)
