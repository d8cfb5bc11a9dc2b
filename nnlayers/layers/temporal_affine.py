"""The affine map of every step of a sequence: the same w and b for all of them.

Legend: N batch, T steps, D features in, M features out.
"""

import numpy as np

from nnlayers.layers._products import sum_of_rows
from nnlayers.layers.checks import (
    ARRAY,
    OPTIONAL,
    bad_cache,
    complaint,
    floats,
    positive_int,
    unpack,
    upstream,
)
from nnlayers.layers.initializers import he_normal, initial
from nnlayers.layers.layer import PairLayer


def temporal_affine_forward(x, w, b=None):
    """Affine map of every step of every sequence.

    outₙₜⱼ = Σᵢ xₙₜᵢ wᵢⱼ + bⱼ

    Parameters
    ----------
    x : ndarray, shape (N, T, D)
        Sequences.
    w : ndarray, shape (D, M)
        Weights: column j belongs to output j.
    b : ndarray, shape (M,), optional
        Bias.

    Returns
    -------
    out : ndarray, shape (N, T, M)
        Scores of the steps; in memory its steps come first if those of x do.
    cache : tuple
        What :func:`temporal_affine_backward` needs.

    Raises
    ------
    ValueError
        If the numbers of features or outputs disagree, or x has not three axes.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    cs231n, assignment "Image captioning with RNNs".

    Examples
    --------
    >>> x = np.arange(6.0).reshape(1, 3, 2)
    >>> temporal_affine_forward(x, np.ones((2, 1)), np.array([0.5]))[0]
    array([[[1.5],
            [5.5],
            [9.5]]])
    """
    x, w, b = floats("temporal_affine_forward", ("b",), x=x, w=w, b=b)
    if not (
        x.ndim == 3
        and w.ndim == 2
        and x.shape[2] == w.shape[0]
        and (b is None or b.shape == w.shape[1:])
    ):
        raise _mismatch("temporal_affine_forward", x, w, b)
    steps_first = _steps_first(x)
    out = _as_rows(x, steps_first) @ w
    if b is not None:
        out += b
    return _as_sequences(out, x, steps_first), (x, w, b)


def temporal_affine_backward(dout, cache, need_dx=True):
    """Gradients of the affine map of every step: dx = dout wᵀ; dw and db are sums over all steps.

    With all N T steps as the rows of one matrix this is :func:`affine_forward`, whose gradients
    are dx = dout wᵀ, dw = xᵀ dout and db = (1ᴺᵀ)ᵀ dout: sums over the steps as over the batch.

    Returns
    -------
    dx, dw, db : ndarray
        Gradients, of the shapes of x, w and b; without a bias only dx, dw.
    """
    op = "temporal_affine_backward"
    x, w, b = unpack(op, cache, ("x", "w", "b"), (ARRAY, ARRAY, OPTIONAL))
    if w.__class__ is not np.ndarray or w.ndim != 2 or x.ndim != 3:
        raise bad_cache(op, cache, "the tuple (x, w, b)")
    dout = upstream(op, dout, (*x.shape[:2], w.shape[1]), x.dtype)
    steps_first = _steps_first(x)
    rows = _as_rows(dout, steps_first)
    dx = _as_sequences(rows @ w.T, x, steps_first) if need_dx else None
    dw = _as_rows(x, steps_first).T @ rows
    if b is None:
        return dx, dw
    return dx, dw, sum_of_rows(rows)


class TemporalAffine(PairLayer):
    """Layer out = x w + b for every step of sequences x (N, T, in_features).

    Parameters
    ----------
    in_features, out_features : int
        D and M.
    bias : bool
        Whether there is a b (zeros at first).
    init : callable
        Initializer of w, called as ``init(shape, rng=rng, dtype=dtype)``.
    rng : int or numpy.random.Generator, optional
        Seed or generator of the weights; None draws fresh entropy.
    dtype : dtype
        Of the parameters.

    Examples
    --------
    >>> layer = TemporalAffine(3, 2, rng=0)
    >>> out, cache = layer.forward(np.ones((4, 5, 3)))
    >>> dx, dw, db = layer.backward(np.ones((4, 5, 2)), cache)
    >>> db
    array([20., 20.])
    """

    pair = temporal_affine_forward, temporal_affine_backward

    def __init__(
        self,
        in_features,
        out_features,
        *,
        bias=True,
        init=he_normal,
        rng=None,
        dtype=np.float64,
    ):
        positive_int("TemporalAffine", in_features=in_features, out_features=out_features)
        params = {"w": initial("TemporalAffine", init, (in_features, out_features), rng, dtype)}
        if bias:
            params["b"] = np.zeros(out_features, dtype)
        self.hold(params)

    @classmethod
    def of(cls, w, b=None):
        """Make the layer of copies of its arrays: w (D, M) and b (M,) or None."""
        w, b = floats("TemporalAffine.of", ("b",), w=w, b=b)
        if w.ndim != 2 or (b is not None and b.shape != w.shape[1:]):
            raise _mismatch("TemporalAffine.of", None, w, b)
        params = {"w": w.copy()} | ({} if b is None else {"b": b.copy()})
        return cls.__new__(cls).hold(params)

    def __repr__(self):
        return self.form(*self.params["w"].shape, **({} if "b" in self.params else {"bias": False}))


def _steps_first(x):
    """Whether the steps of x come first in memory, as recurrent layers leave them."""
    return x.strides[0] < x.strides[1]


def _as_rows(x, steps_first):
    """Return x (N, T, D) as rows (N T, D), or (T N, D), where that is the order in memory."""
    x = x.swapaxes(0, 1) if steps_first else x
    return x.reshape(x.shape[0] * x.shape[1], x.shape[2])


def _as_sequences(rows, x, steps_first):
    """Return rows in either order as sequences (N, T, M), for the N and T of x."""
    N, T, _ = x.shape
    if steps_first:
        return rows.reshape(T, N, rows.shape[1]).swapaxes(0, 1)
    return rows.reshape(N, T, rows.shape[1])


def _mismatch(op, x, w, b):
    """Return the error of arrays that disagree, with the likeliest fix."""
    arrays = {name: a for name, a in (("x", x), ("w", w), ("b", b)) if a is not None}
    if w.ndim != 2:
        return complaint(ValueError, op, f"w must be a matrix (D, M), not {w.ndim}-d", **arrays)
    D, M = w.shape
    if x is not None and x.ndim != 3:
        fix = "affine_forward takes (N, D)" if x.ndim == 2 else None
        if x.ndim > 3:
            fix = "matmul_forward(x, w) applies w to the last axis"
        return complaint(
            ValueError, op, f"x has {x.ndim} axes but sequences (N, T, D) have 3", fix, **arrays
        )
    if x is not None and x.shape[2] != D:
        fix = "w.T would fit" if x.shape[2] == M else f"w must be ({x.shape[2]}, M)"
        problem = f"x has {x.shape[2]} features per step but w takes {D}"
        return complaint(ValueError, op, problem, fix, **arrays)
    problem = f"w has {M} outputs but b has shape {b.shape}"
    return complaint(ValueError, op, problem, f"b must be ({M},)", **arrays)
