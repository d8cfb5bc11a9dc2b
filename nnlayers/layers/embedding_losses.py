"""Losses of embeddings: which vectors should be near each other, and which a margin apart.

What already is better than the margin costs nothing and gets no gradient; exactly at the margin
there is a kink, where the gradient is 0 too.  Legend: N pairs or triplets, D features.
"""

import numpy as np

from nnlayers.layers.checks import ARRAY, bad_cache, complaint, floats, same_shape, unpack
from nnlayers.layers.loss import Loss, each, reduce

LEAST_SQUARE = 1e-12  # added to squared lengths, so that a zero vector has a direction


def cosine_embedding_forward(a, b, y, *, margin=0.0, reduction="mean"):
    """Cosine loss of pairs: pairs that belong together should point the same way, others not.

    lossₙ = 1 - cₙ if yₙ = 1 else max(0, cₙ - margin), with cₙ = aₙ·bₙ / (|aₙ| |bₙ|)

    Lengths are √(Σ² + 1e-12), so that c is 0 for a zero vector.

    Parameters
    ----------
    a, b : ndarray, shape (N, D)
        Vectors to compare.
    y : ndarray of int or bool, shape (N,)
        1 for a pair that belongs together, 0 for one that does not.
    margin : float
        Cosine up to which pairs with y = 0 cost nothing.
    reduction : {"mean", "batchmean", "sum", "none"}
        What becomes of the N losses.

    Returns
    -------
    out : scalar or ndarray, shape (N,)
        Loss, without a unit.
    cache : tuple
        What :func:`cosine_embedding_backward` needs.

    Raises
    ------
    TypeError
        If a or b is not floating-point, the dtypes differ, or y are no integers.
    ValueError
        If shapes disagree, y is not 0 or 1, or the mean of no losses is asked for.

    Source
    ------
    PyTorch, ``torch.nn.CosineEmbeddingLoss``, where 0 is written -1.

    Examples
    --------
    >>> a, b = np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[2.0, 0.0], [3.0, 4.0]])
    >>> cosine_embedding_forward(a, b, np.array([1, 0]), reduction="none")[0].round(4)
    array([0. , 0.6])
    """
    op = "cosine_embedding_forward"
    a, b = floats(op, a=a, b=b)
    together = _pairs(op, a, b, y)
    margin = float(margin)
    c = _cosine(a, b)[0]
    losses = np.where(together, 1.0 - c, np.maximum(c - margin, 0.0))
    # d loss / d c
    slopes = np.where(together, -1.0, c > margin).astype(a.dtype)
    return reduce(op, losses, reduction), (a, b, slopes, reduction)


def cosine_embedding_backward(dout, cache):
    """Gradients of the cosine loss: da = ∓(b/(|a| |b|) - c a/|a|²) · dout, db alike; 0 if it is 0.

    loss is 1 - c or c - margin.  c = a·b / (|a| |b|): by the product rule, with d|a|/da = a/|a|,
    ∂c/∂a = b/(|a| |b|) - (a·b)/(|a|² |b|) · a/|a| = b/(|a| |b|) - c a/|a|²; the same for b.

    Returns
    -------
    da, db : ndarray
        Gradients, of the shapes of a and b.
    """
    op = "cosine_embedding_backward"
    a, b, slopes, reduction = unpack(
        op, cache, ("a", "b", "slopes", "reduction"), (ARRAY, ARRAY, ARRAY, str)
    )
    if a.shape != b.shape or slopes.shape != a.shape[:1]:
        raise bad_cache(op, cache, ("a", "b", "slopes", "reduction"))
    dc = (slopes * each(op, dout, reduction, slopes.shape, a.dtype))[:, None]
    c, length_a, length_b = (part[:, None] for part in _cosine(a, b))
    product = length_a * length_b
    return dc * (b / product - c * a / length_a**2), dc * (a / product - c * b / length_b**2)


def contrastive_forward(a, b, y, *, margin=1.0, reduction="mean"):
    """Contrastive loss of pairs: pairs that belong together should be near, others a margin apart.

    lossₙ = dₙ²/2 if yₙ = 1 else max(0, margin - dₙ)²/2, with the distance dₙ = |aₙ - bₙ|

    Parameters
    ----------
    a, b : ndarray, shape (N, D)
        Vectors to compare.
    y : ndarray of int or bool, shape (N,)
        1 for a pair that belongs together, 0 for one that does not.
    margin : float
        Distance from which on pairs with y = 0 cost nothing, in the unit of a.
    reduction : {"mean", "batchmean", "sum", "none"}
        What becomes of the N losses.

    Returns
    -------
    out : scalar or ndarray, shape (N,)
        Loss, in the square of the unit of a.
    cache : tuple
        What :func:`contrastive_backward` needs.

    Raises
    ------
    TypeError
        If a or b is not floating-point, the dtypes differ, or y are no integers.
    ValueError
        If shapes disagree, y is not 0 or 1, or the mean of no losses is asked for.

    Source
    ------
    Hadsell, Chopra, LeCun, "Dimensionality reduction by learning an invariant mapping" (2006),
    eq. (4), whose Y is 1 - y.

    Examples
    --------
    >>> a, b = np.zeros((2, 2)), np.array([[3.0, 4.0], [0.3, 0.4]])
    >>> contrastive_forward(a, b, np.array([1, 0]), reduction="none")[0]
    array([12.5  ,  0.125])
    """
    op = "contrastive_forward"
    a, b = floats(op, a=a, b=b)
    together = _pairs(op, a, b, y)
    apart = a - b
    distance = _length(apart)
    missing = np.maximum(float(margin) - distance, 0.0)
    losses = 0.5 * np.where(together, distance, missing) ** 2
    # d loss / d apart = slopes · apart: see backward
    slopes = np.where(together, 1.0, -missing / _nonzero(distance))
    return reduce(op, losses, reduction), (apart, slopes, reduction)


def contrastive_backward(dout, cache):
    """Gradients of the contrastive loss: da = e · dout or -(m - d) e/d · dout, and db = -da.

    With e = a - b and d = |e|, d(d²/2)/de = e.  d|e|/de = e/d, so for d < m the other case has
    d((m - d)²/2)/de = -(m - d) e/d; for d ≥ m it is 0.  At d = 0 e/d has no direction: 0 is taken.
    e contains a with the factor 1 and b with -1.

    Returns
    -------
    da, db : ndarray
        Gradients, of the shapes of a and b.
    """
    op = "contrastive_backward"
    apart, slopes, reduction = unpack(
        op, cache, ("a - b", "slopes", "reduction"), (ARRAY, ARRAY, str)
    )
    if slopes.shape != apart.shape[:1]:
        raise bad_cache(op, cache, ("a - b", "slopes", "reduction"))
    dlosses = slopes * each(op, dout, reduction, slopes.shape, apart.dtype)
    da = dlosses[:, None] * apart
    return da, -da


def triplet_forward(anchor, positive, negative, *, margin=1.0, reduction="mean"):
    """Triplet loss: an anchor should be nearer to its positive than to its negative, by the margin.

    lossₙ = max(0, |anchorₙ - positiveₙ| - |anchorₙ - negativeₙ| + margin)

    Parameters
    ----------
    anchor, positive, negative : ndarray, shape (N, D)
        Vectors, the positive of the anchor's kind and the negative of another.
    margin : float
        Margin, in their unit.
    reduction : {"mean", "batchmean", "sum", "none"}
        What becomes of the N losses.

    Returns
    -------
    out : scalar or ndarray, shape (N,)
        Loss, in the unit of the vectors.
    cache : tuple
        What :func:`triplet_backward` needs.

    Raises
    ------
    TypeError
        If an argument is not floating-point, or the dtypes differ.
    ValueError
        If shapes disagree, or the mean of no losses is asked for.

    Source
    ------
    Balntas, Riba, Ponsa, Mikolajczyk, "Learning local feature descriptors with triplets and shallow
    convolutional neural networks" (2016).

    Examples
    --------
    >>> anchor, near, far = np.zeros((1, 2)), np.array([[0.0, 1.0]]), np.array([[3.0, 4.0]])
    >>> triplet_forward(anchor, near, far, margin=4.5, reduction="none")[0]
    array([0.5])
    """
    op = "triplet_forward"
    anchor, positive, negative = floats(op, anchor=anchor, positive=positive, negative=negative)
    _vectors(op, anchor=anchor, positive=positive)
    same_shape(op, anchor=anchor, negative=negative)
    near, far = anchor - positive, anchor - negative
    losses = np.maximum(_length(near) - _length(far) + float(margin), 0.0)
    return reduce(op, losses, reduction), (near, far, losses > 0, reduction)


def triplet_backward(dout, cache):
    """Gradients of the triplet loss: da = (u - v) · dout, dp = -u · dout, dn = v · dout.

    Here u and v are the unit vectors along e = anchor - positive and anchor - negative; where the
    loss is 0, all are 0.  d|e|/de = e/|e|, and e contains anchor with the factor 1 and positive
    with -1.  At e = 0 there is no direction: 0 is taken.

    Returns
    -------
    danchor, dpositive, dnegative : ndarray
        Gradients, of the shapes of the three.
    """
    op = "triplet_backward"
    near, far, within, reduction = unpack(
        op, cache, ("a - p", "a - n", "within", "reduction"), (ARRAY, ARRAY, ARRAY, str)
    )
    if near.shape != far.shape or within.shape != near.shape[:1]:
        raise bad_cache(op, cache, ("a - p", "a - n", "within", "reduction"))
    dlosses = (within * each(op, dout, reduction, within.shape, near.dtype))[:, None]
    du = dlosses * (near / _nonzero(_length(near))[:, None])
    dv = dlosses * (far / _nonzero(_length(far))[:, None])
    return du - dv, -du, dv


class CosineEmbedding(Loss):
    """Layer of :func:`cosine_embedding_forward`: ``forward(a, b, y)``.

    Examples
    --------
    >>> a, b = np.array([[1.0, 0.0]]), np.array([[3.0, 4.0]])
    >>> float(CosineEmbedding().forward(a, b, np.array([0]))[0].round(4))
    0.6
    """

    pair = cosine_embedding_forward, cosine_embedding_backward
    inputs = ("a", "b", "y")

    def __init__(self, *, margin=0.0, reduction="mean"):
        super().__init__(reduction=reduction)
        self.settings["margin"] = float(margin)


class Contrastive(Loss):
    """Layer of :func:`contrastive_forward`: ``forward(a, b, y)``.

    Examples
    --------
    >>> a, b = np.zeros((1, 2)), np.array([[3.0, 4.0]])
    >>> float(Contrastive().forward(a, b, np.array([1]))[0])
    12.5
    """

    pair = contrastive_forward, contrastive_backward
    inputs = ("a", "b", "y")

    def __init__(self, *, margin=1.0, reduction="mean"):
        super().__init__(reduction=reduction)
        self.settings["margin"] = float(margin)


class Triplet(Loss):
    """Layer of :func:`triplet_forward`: ``forward(anchor, positive, negative)``.

    Examples
    --------
    >>> anchor, near, far = np.zeros((1, 2)), np.array([[0.0, 1.0]]), np.array([[3.0, 4.0]])
    >>> float(Triplet(margin=5.0).forward(anchor, near, far)[0])
    1.0
    """

    pair = triplet_forward, triplet_backward
    inputs = ("anchor", "positive", "negative")

    def __init__(self, *, margin=1.0, reduction="mean"):
        super().__init__(reduction=reduction)
        self.settings["margin"] = float(margin)


def _vectors(op, **arrays):
    """Check two arrays of vectors, (N, D) both."""
    same_shape(op, **arrays)
    name, array = next(iter(arrays.items()))
    if array.ndim != 2:
        raise complaint(ValueError, op, f"{name} must be vectors (N, D)", **arrays)


def _pairs(op, a, b, y):
    """Check a, b and y; return which pairs belong together."""
    _vectors(op, a=a, b=b)
    y = np.asarray(y)
    if y.dtype.kind not in "biu":
        raise complaint(
            TypeError, op, f"y must be integers, not {y.dtype}", "y.astype(int)", a=a, y=y
        )
    if y.shape != a.shape[:1]:
        raise complaint(
            ValueError, op, f"y must have one entry for each pair, {a.shape[:1]}", a=a, y=y
        )
    other = (y != 0) & (y != 1)
    if other.any():
        n = int(other.argmax())
        raise complaint(
            ValueError,
            op,
            f"y[{n}] = {y[n]} is neither 1 (the pair belongs together) nor 0",
            "(y == 1).astype(int) if other values stand for 0",
            y=y,
        )
    return y == 1


def _length(vectors):
    """Return the Euclidean length of each vector."""
    return np.sqrt((vectors * vectors).sum(axis=1))


def _nonzero(lengths):
    """Return lengths to divide zero vectors by: 1 in place of 0."""
    return np.where(lengths > 0, lengths, 1.0)


def _cosine(a, b):
    """Return the cosine between the vectors, and the lengths by which it was divided."""
    length_a, length_b = (np.sqrt((x * x).sum(axis=1) + LEAST_SQUARE) for x in (a, b))
    return (a * b).sum(axis=1) / (length_a * length_b), length_a, length_b
