"""Embedding: a table of vectors, one row for each word of a vocabulary.

Legend: V words in the vocabulary, D features of a word; idx has any shape, usually (N, T).
"""

import numpy as np

from nnlayers.layers.checks import (
    ARRAY,
    INT,
    bad_cache,
    complaint,
    describe,
    one_float,
    positive_int,
    unpack,
    upstream,
)
from nnlayers.layers.initializers import generator, initial
from nnlayers.layers.layer import PairLayer


def embedding_forward(idx, w, *, padding=None):
    """Look up the rows of a table: every index becomes its row.

    outₐ = w[idxₐ], where a stands for all axes of idx; 0 where idxₐ is padding

    Parameters
    ----------
    idx : ndarray of int
        Row numbers from 0 to V - 1, of any shape; they get no gradient.
    w : ndarray, shape (V, D)
        The table.
    padding : int, optional
        Index that only fills up short sequences: it gives zeros, and its row of w, which therefore
        does not matter, gets the gradient 0.

    Returns
    -------
    out : ndarray, shape idx.shape + (D,)
        The rows.
    cache : tuple
        What :func:`embedding_backward` needs.

    Raises
    ------
    TypeError
        If idx are no integers, or w is not floating-point.
    ValueError
        If an index or padding is not from 0 to V - 1, or w is no matrix.

    Source
    ------
    Bengio, Ducharme, Vincent, Jauvin, "A neural probabilistic language model" (2003), section 2;
    padding: PyTorch, ``nn.Embedding(padding_idx=...)``, whose row is 0 unless one writes into it.

    Examples
    --------
    >>> w = np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 4.0]])
    >>> embedding_forward(np.array([2, 1, 2]), w)[0]
    array([[3., 4.],
           [1., 2.],
           [3., 4.]])
    """
    op = "embedding_forward"
    idx, w = np.asarray(idx), one_float(op, w, "w")
    if w.ndim != 2:
        raise complaint(ValueError, op, f"w must be a matrix (V, D), not {w.ndim}-d", idx=idx, w=w)
    if idx.dtype.kind not in "iu":
        raise complaint(
            TypeError,
            op,
            f"idx must be integers, not {idx.dtype}",
            "idx.astype(int) if they count rows from 0",
            idx=idx,
            w=w,
        )
    if idx.size and (idx.min() < 0 or idx.max() >= len(w)):
        raise _out_of_range(op, idx, w)
    _check_padding(op, padding, len(w))
    out = w.take(idx, axis=0)
    if padding is not None:
        out[idx == padding] = 0.0
    return out, (idx, w, padding)


def embedding_backward(dout, cache, need_dx=True):
    """Gradient of the look-up: dw[v] is the sum of dout over all places where v was looked up.

    outₐ = Σᵥ [idxₐ = v] wᵥ, a product with a matrix of zeros and a single 1 in each row, so
    ∂L/∂wᵥ = Σₐ [idxₐ = v] doutₐ: a word that occurs k times is a sum of k terms, not the last one.
    The row of padding is nowhere in out: its gradient is 0.  idx has none: need_dx changes nothing.

    Returns
    -------
    dw : ndarray, shape (V, D)
        Gradient of the table.
    """
    op = "embedding_backward"
    idx, w, padding = unpack(op, cache, ("idx", "w", "padding"), (ARRAY, ARRAY, (*INT, type(None))))
    if idx.dtype.kind not in "iu" or w.__class__ is not np.ndarray or w.ndim != 2:
        raise bad_cache(op, cache, "the tuple (idx, w, padding)")
    D = w.shape[1]
    dout = upstream(op, dout, (*idx.shape, D), w.dtype)
    words, rows = idx.ravel(), dout.reshape(idx.size, D)
    if padding is not None:
        counts = words != padding
        words, rows = words[counts], rows[counts]
    dw = np.zeros_like(w, order="C")
    words, sums = _sum_equal(words, rows)
    dw[words] = sums
    return dw


class Embedding(PairLayer):
    """Layer of :func:`embedding_forward`: ``forward(idx)``; its dx is None.

    Parameters
    ----------
    words, features : int
        V and D.
    padding : int, optional
        Index that only fills up: it gives zeros, its row starts at 0 and stays so.
    init : callable
        Initializer of w, called as ``init(shape, rng=rng, dtype=dtype)``; left out, w is drawn from
        N(0, 1): a row is copied, not summed, so its variance is that of the signal.
    rng : int or numpy.random.Generator, optional
        Seed or generator of the table; None draws fresh entropy.
    dtype : dtype
        Of the table.

    Examples
    --------
    >>> layer = Embedding(5, 2, padding=0, rng=0)
    >>> out, cache = layer.forward(np.array([[3, 3, 1, 0]]))
    >>> dx, grads = layer.gradients(np.ones((1, 4, 2)), cache)
    >>> dx is None, grads["w"][:, 0]
    (True, array([0., 1., 0., 2., 0.]))
    """

    pair = embedding_forward, embedding_backward
    inputs = ("idx",)

    def __init__(self, words, features, *, padding=None, init=None, rng=None, dtype=np.float64):
        positive_int("Embedding", words=words, features=features)
        _check_padding("Embedding", padding, words)
        init = _unit_normal if init is None else init
        w = initial("Embedding", init, (words, features), rng, dtype)
        if padding is not None:
            w[padding] = 0.0
        self.hold({"w": w}, padding=padding)

    @classmethod
    def of(cls, w, *, padding=None):
        """Make the layer of a copy of the table w, shape (V, D)."""
        w = one_float("Embedding.of", w, "w")
        if w.ndim != 2:
            raise complaint(ValueError, "Embedding.of", "w must be a matrix (V, D)", w=w)
        _check_padding("Embedding.of", padding, len(w))
        return cls.__new__(cls).hold({"w": w.copy()}, padding=padding)

    def __repr__(self):
        padding = self.settings["padding"]
        return self.form(
            *self.params["w"].shape, **({} if padding is None else {"padding": padding})
        )


def _sum_equal(words, rows):
    """Return each distinct word once, and the sum of its rows.

    With equal words side by side, every second row of a word is added to the one before it, until
    no word is left twice.  That is a few passes over whole arrays, where ``np.add.at`` takes a
    microsecond for each row, and it rounds as little as pairwise summation does.
    """
    places = words.argsort(kind="stable")  # where the rows of equal words are
    words, rows = words[places], rows.copy()
    while True:
        repeated = words[1:] == words[:-1]
        if not repeated.any():
            return words, rows[places]
        numbers = np.arange(len(words))
        first = numbers.copy()  # the number at which a word begins
        first[1:][repeated] = 0
        odd = ((numbers - np.maximum.accumulate(first)) & 1).astype(bool)
        second = np.flatnonzero(odd)
        rows[places[second - 1]] += rows[places[second]]
        words, places = words[~odd], places[~odd]


def _check_padding(op, padding, words):
    if padding is None:
        return
    if isinstance(padding, bool) or not isinstance(padding, int | np.integer):
        raise complaint(TypeError, op, f"padding must be an index or None, not {describe(padding)}")
    if not 0 <= padding < words:
        raise complaint(
            ValueError,
            op,
            f"padding {padding} is no index of {words} rows",
            f"indices count from 0 to {words - 1}",
        )


def _out_of_range(op, idx, w):
    outside = (idx < 0) | (idx >= len(w))
    where = tuple(int(i) for i in np.unravel_index(int(outside.argmax()), idx.shape))
    place = f"[{', '.join(map(str, where))}]" if where else ""
    return complaint(
        ValueError,
        op,
        f"idx{place} = {idx[where]} is no index of {len(w)} rows",
        f"indices count from 0 to {len(w) - 1}",
        idx=idx,
        w=w,
    )


def _unit_normal(shape, *, rng, dtype):
    return generator(rng, "Embedding").standard_normal(shape).astype(dtype, copy=False)
