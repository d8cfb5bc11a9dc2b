"""Metrics: how good scores are, beyond the loss."""

import numpy as np

from nnlayers.data.batching import batches, examples
from nnlayers.layers.checks import complaint, describe, positive_int
from nnlayers.layers.labels import which_count
from nnlayers.networks.sequential import Sequential


def accuracy(scores, y, *, mask=None, ignore_index=None):
    """Fraction of the labels that have the largest score.

    (1/N) Σₙ [argmax꜀ scoresₙ꜀ = yₙ], over the N labels that count

    Parameters
    ----------
    scores : ndarray, shape (N, C) or (..., C)
        Scores of C classes; the first of equal ones counts as the largest.
    y : ndarray of int, shape (N,) or (...,)
        Labels from 0 to C - 1.
    mask : ndarray, shape (N,) or (...,), optional
        True where a label counts, as for :func:`softmax_cross_entropy_forward`.
    ignore_index : int, optional
        A label that marks positions that do not count.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If the shapes do not fit, no label counts, or one that does is no class.
    TypeError
        If the labels are no integers.

    Source
    ------
    scikit-learn, ``accuracy_score``.

    Examples
    --------
    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, -1]), ignore_index=-1)
    1.0
    """
    scores, y = _that_count("accuracy", scores, y, mask, ignore_index)
    return float((scores.argmax(axis=-1) == y).mean())


def top_k_accuracy(scores, y, k=5, *, mask=None, ignore_index=None):
    """Fraction of the labels that have one of the k largest scores.

    (1/N) Σₙ [#{c : scoresₙ꜀ > scoresₙ,yₙ} < k], so that equal scores count in favour of the label.

    Parameters
    ----------
    scores : ndarray, shape (N, C) or (..., C)
        Scores of C classes.
    y : ndarray of int, shape (N,) or (...,)
        Labels from 0 to C - 1.
    k : int
        From 1 to C.
    mask, ignore_index : optional
        Which labels count, as for :func:`accuracy`.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If the shapes do not fit, no label counts, one that does is no class, or k is out of range.
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
    rows, labels = _that_count(op, scores, y, mask, ignore_index)
    positive_int(op, k=k)
    C = rows.shape[-1]
    if k > C:
        problem = f"k = {k}, but there are {C} classes"
        raise complaint(ValueError, op, problem, scores=np.asarray(scores))
    own = np.take_along_axis(rows, labels[..., None], axis=-1)
    return float(((rows > own).sum(axis=-1) < k).mean())


def confusion_matrix(scores, y, *, mask=None, ignore_index=None):
    """Count which classes are taken for which: row c, column d holds the examples of c read as d.

    out꜀ₔ = #{n : yₙ = c and argmax scoresₙ = d}

    Parameters
    ----------
    scores : ndarray, shape (N, C) or (..., C)
        Scores of C classes; the first of equal ones counts as the largest.
    y : ndarray of int, shape (N,) or (...,)
        Labels from 0 to C - 1.
    mask, ignore_index : optional
        Which labels count, as for :func:`accuracy`; where none does, all entries are 0.

    Returns
    -------
    ndarray of int, shape (C, C)
        Numbers of examples; the diagonal holds those that are right.

    Raises
    ------
    ValueError
        If the shapes do not fit, or a label that counts is no class.
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
    scores, y = _that_count(op, scores, y, mask, ignore_index, may_be_none=True)
    C = scores.shape[-1]
    cells = y.astype(np.intp) * C + scores.argmax(axis=-1)
    return np.bincount(cells.reshape(cells.size), minlength=C * C).reshape(C, C)


def evaluate(net, x, y=None, *, batch_size=256):
    """Loss and accuracy of a net on data, in evaluation mode, batch by batch.

    Labels that the loss leaves out by its ``ignore_index`` count in neither of them.

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
        Mean of the batches' losses, weighted by their sizes; if the loss is a mean over labels, by
        how many of these count, and how much by its ``class_weights``.
    accuracy : float or None
        See :func:`accuracy`; None unless y are integers, one for each row of scores.

    Raises
    ------
    ValueError
        If there are no examples, none of their labels counts, x and y disagree in their number, or
        batch_size is less than 1.
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
    settings = getattr(final, "settings", {})
    ignored = None if y is None else settings.get("ignore_index")
    if ignored is not None and (y == ignored).all():
        problem = f"no label counts: all are ignore_index={ignored}"
        raise complaint(ValueError, "evaluate", problem, x=x, y=y)
    total, weights, right, labels = 0.0, 0, 0, 0
    # scores that overflow show in the loss
    with np.errstate(over="ignore", invalid="ignore"):
        for x_batch, y_batch in batches(x, y, batch_size):
            kept = None if ignored is None else y_batch != ignored
            weight = _weight(settings, x_batch, y_batch, kept)
            if weight == 0:  # a batch in which no label counts has no mean
                continue
            scores = net.scores(x_batch)
            targets = () if y is None else (y_batch,)
            total += weight * float(final.forward(scores, *targets, train=False)[0])
            weights += weight
            if y is not None and y.dtype.kind in "iu" and scores.shape[:-1] == y_batch.shape:
                hits = scores.argmax(axis=-1) == y_batch
                hits = hits if kept is None else hits[kept]
                right += int(np.count_nonzero(hits))
                labels += hits.size
    if weights == 0:
        problem = "no label counts: all are of classes whose weight is 0"
        raise complaint(ValueError, "evaluate", problem, x=x, y=y)
    return total / weights, (right / labels if labels else None)


def _weight(settings, x, y, kept):
    """Return by what to multiply a batch's loss so that losses of batches can be added up."""
    class_weights = settings.get("class_weights")
    by_labels = settings.get("reduction") == "mean" and not (kept is None and class_weights is None)
    if not by_labels or y is None or y.dtype.kind not in "iu":  # probabilities: a mean of the rows
        return len(x)
    counted = y if kept is None else y[kept]
    if class_weights is None:
        return counted.size
    # the loss itself says which label is of no class
    return float(np.take(class_weights, counted, mode="clip").sum())


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


def _that_count(op, scores, y, mask, ignore_index, may_be_none=False):
    """Return the rows of scores and the labels that count, after checking them."""
    scores, y = np.asarray(scores), np.asarray(y)
    arrays = {"scores": scores, "y": y}
    if y.dtype.kind not in "iu":
        raise complaint(TypeError, op, f"labels y must be integers, not {y.dtype}", **arrays)
    if scores.ndim == 0 or scores.shape[:-1] != y.shape:
        raise complaint(
            ValueError,
            op,
            "every label needs a row of scores",
            f"y must have the shape {scores.shape[:-1]}" if scores.ndim else None,
            **arrays,
        )
    kept = which_count(op, "scores", scores, y, mask, ignore_index)
    if kept is not None:
        scores, y = scores[kept], y[kept]  # (n, C) and (n,)
    if not (scores.size or may_be_none):
        what = "examples" if kept is None else "labels that count"
        raise complaint(ValueError, op, f"the accuracy of no {what} is undefined", **arrays)
    C = scores.shape[-1]
    bad = y[(y < 0) | (y >= C)]
    if bad.size:
        problem = f"label {bad[0]} is none of the classes 0 to {C - 1}"
        fix = f"ignore_index={bad[0]} leaves it out" if bad[0] < 0 else None
        raise complaint(ValueError, op, problem, fix, **arrays)
    return scores, y
