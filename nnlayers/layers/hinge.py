"""Hinge loss over classes: scores should differ by a margin, and what does costs nothing."""

import numpy as np

from nnlayers.layers.checks import ARRAY, unpack
from nnlayers.layers.labels import places_of, scores_and_y, unlike
from nnlayers.layers.loss import Loss, each, reduce


def hinge_forward(scores, y, *, margin=1.0, reduction="mean"):
    """Multiclass hinge loss (SVM): every class should score lower than the label by the margin.

    lossₙ = Σⱼ≠yₙ max(0, scoresₙⱼ - scoresₙ,yₙ + margin)

    Parameters
    ----------
    scores : ndarray, shape (N, C)
        Scores of C classes.
    y : ndarray of int, shape (N,)
        Labels from 0 to C - 1.
    margin : float
        Margin, in the unit of the scores.
    reduction : {"mean", "batchmean", "sum", "none"}
        What becomes of the N losses.

    Returns
    -------
    out : scalar or ndarray, shape (N,)
        Loss, in the unit of the scores.
    cache : tuple
        What :func:`hinge_backward` needs.

    Raises
    ------
    TypeError
        If scores are not floating-point, or labels are no integers.
    ValueError
        If a label is out of range, shapes disagree, or the mean of no losses is asked for.

    Source
    ------
    Weston, Watkins, "Support vector machines for multi-class pattern recognition" (1999); cs231n
    notes, "Linear classification: multiclass SVM".

    Examples
    --------
    >>> loss, cache = hinge_forward(np.array([[13.0, -7.0, 11.0]]), np.array([0]), margin=10.0)
    >>> float(loss)
    8.0
    """
    op = "hinge_forward"
    scores, y, labelled = scores_and_y(op, "scores", scores, y)
    if not labelled:
        raise unlike(op, "scores", scores, y, f"labels {scores.shape[:-1]}")
    places, margin = places_of(op, "scores", scores, y, None), float(margin)
    own = scores.reshape(scores.size)[places].reshape(*y.shape, 1)
    excess = np.maximum(np.subtract(scores, own, order="C") + margin, 0.0)
    excess.reshape(scores.size)[places] = 0.0  # the label itself is left out
    return reduce(op, excess.sum(axis=-1), reduction), (excess > 0, places, scores.dtype, reduction)


def hinge_backward(dout, cache):
    """Gradient of the hinge loss: 1 for each class within the margin, minus their number at y.

    Where scoresₙⱼ - scoresₙ,yₙ + margin > 0 the term has the derivative 1 by scoresₙⱼ and -1 by
    scoresₙ,yₙ, which stands in every term; elsewhere both are 0.  Times dout, over N for a mean.
    """
    op = "hinge_backward"
    within, places, dtype, reduction = unpack(
        op,
        cache,
        ("within the margin", "places", "dtype", "reduction"),
        (ARRAY, ARRAY, np.dtype, str),
    )
    dlosses = np.asarray(each(op, dout, reduction, within.shape[:-1], dtype))[..., None]
    dscores = within.astype(dtype)
    dscores.reshape(within.size)[places] = -dscores.sum(axis=-1).reshape(len(places))
    return dscores * dlosses


class Hinge(Loss):
    """Layer of :func:`hinge_forward`: ``forward(scores, y)``.

    Examples
    --------
    >>> float(Hinge().forward(np.array([[1.0, 2.0]]), np.array([0]))[0])
    2.0
    """

    pair = hinge_forward, hinge_backward
    inputs = ("scores", "y")

    def __init__(self, *, margin=1.0, reduction="mean"):
        super().__init__(reduction=reduction)
        self.settings["margin"] = float(margin)
