"""Attention: every query takes a weighted mean of values, weighted by how well their keys fit it.

Legend: T queries, S keys and values, d features.
A mask is True where a query may attend to a key.  The weights lie in memory keys first, so that
maxima and sums over the keys run over whole rows of queries: NumPy does that three times faster.
"""

import math

import numpy as np

from nnlayers.layers.checks import bad_cache, complaint, floats, unpack, upstream
from nnlayers.layers.layer import PairLayer


def attention_forward(q, k, v, *, mask=None, causal=False):
    """Scaled dot-product attention: a mean of the values for each query, weighted by its keys' fit.

    out = p v, with p = softmax(q kᵀ / √d) over the keys of each query

    Parameters
    ----------
    q : ndarray, shape (..., T, d)
        Queries; the leading axes are any, such as batch and heads.
    k : ndarray, shape (..., S, d)
        Keys.
    v : ndarray, shape (..., S, e)
        Values, one for each key.
    mask : ndarray of bool, optional
        True where a query may attend to a key; broadcasts to (..., T, S).  A query that may attend
        to nothing gets zeros.
    causal : bool
        Whether query t may attend to the keys 0 to t alone; S is T then.

    Returns
    -------
    out : ndarray, shape (..., T, e)
        Weighted means of the values.
    cache : tuple
        What :func:`attention_backward` needs; its last entry is p, shape (..., T, S).

    Raises
    ------
    ValueError
        If shapes disagree, the mask does not broadcast, or causal is asked of T ≠ S.
    TypeError
        If an array is not floating-point, the dtypes differ, or the mask is not boolean.

    Source
    ------
    Vaswani et al., "Attention is all you need" (2017), eq. (1).

    Examples
    --------
    >>> q = np.zeros((2, 1))  # all keys fit equally well
    >>> v = np.array([[1.0], [3.0]])
    >>> attention_forward(q, q, v)[0].ravel()
    array([2., 2.])
    >>> attention_forward(q, q, v, causal=True)[0].ravel()
    array([1., 2.])
    """
    op = "attention_forward"
    q, k, v = floats(op, q=q, k=k, v=v)
    if not (
        q.ndim == k.ndim == v.ndim >= 2
        and q.shape[:-2] == k.shape[:-2] == v.shape[:-2]
        and q.shape[-1] == k.shape[-1] > 0
        and k.shape[-2] == v.shape[-2]
        and (not causal or q.shape[-2] == k.shape[-2])
    ):
        raise _attention_mismatch(op, q, k, v)
    scores_shape = (*q.shape[:-1], k.shape[-2])
    out, p = attend(q, k, v, score_bias(op, mask, causal, scores_shape, q.dtype))
    return out, (q, k, v, p)


def attention_backward(dout, cache):
    """Gradients of attention: dv = pᵀ dout, and with the scores z, dq = dz k / √d, dk = dzᵀ q / √d.

    out = p v is a product: dv = pᵀ dout and dp = dout vᵀ (see :func:`matmul_backward`).
    Row t of p is the softmax of row t of z = q kᵀ / √d (see :func:`softmax_backward`):
    dzₜₛ = pₜₛ (dpₜₛ - Σᵣ dpₜᵣ pₜᵣ), which is 0 where a mask forbids, as pₜₛ is.
    z is a product too: dq = dz k / √d and dk = dzᵀ q / √d.

    Returns
    -------
    dq, dk, dv : ndarray
        Gradients, of the shapes of q, k and v.
    """
    op = "attention_backward"
    q, k, v, p = unpack(op, cache, ("q", "k", "v", "p"))
    if np.shape(p) != (*q.shape[:-1], *np.shape(k)[-2:-1]):
        raise bad_cache(op, cache, "the tuple (q, k, v, p)")
    dout = upstream(op, dout, (*q.shape[:-1], v.shape[-1]), q.dtype)
    return attend_backward(dout, q, k, v, p)


class Attention(PairLayer):
    """Layer of :func:`attention_forward`: ``forward(q, k, v, mask=None)``.

    Examples
    --------
    >>> q, v = np.zeros((2, 1)), np.array([[1.0], [3.0]])
    >>> Attention(causal=True).forward(q, q, v)[0].ravel()
    array([1., 2.])
    """

    pair = attention_forward, attention_backward
    inputs = ("q", "k", "v")

    def __init__(self, *, causal=False):
        self.hold(causal=causal)

    def forward(self, q, k, v, *, mask=None, train=None, rng=None):
        """Call the pair's forward: see there; return ``(out, cache)``."""
        return attention_forward(q, k, v, mask=mask, **self.settings)


def attend(q, k, v, bias, out=None):
    """Return the means of the values and the weights (..., T, S), which lie keys first."""
    # Both factors row by row are twice as fast as k times the transpose of q.  Scaling the copy of
    # q is scaling the scores, with d numbers for each query instead of S.
    q_columns = np.multiply(q.swapaxes(-1, -2), 1.0 / math.sqrt(q.shape[-1]), order="C")
    scores = (k @ q_columns).swapaxes(-1, -2)  # (..., T, S)
    # where all scores are small, as they usually are, no exponential overflows or vanishes; else
    # the largest score of each query is subtracted from its scores, which changes no weight
    limit = math.log(np.finfo(scores.dtype).max) / 4
    is_small = scores.size > 0 and scores.max() < limit and scores.min() > -limit
    if bias is not None:
        scores += bias
    if not is_small:
        largest = scores.max(axis=-1, keepdims=True, initial=-np.inf)
        largest[largest == -np.inf] = 0.0  # of a query that may attend to nothing
        scores -= largest
    p = np.exp(scores, out=scores)
    total = p @ np.ones(p.shape[-1], p.dtype)  # sums over the keys, by BLAS
    total[total == 0.0] = 1.0
    p /= total[..., None]
    return np.matmul(p, v, out=out), p


def attend_backward(dout, q, k, v, p, out=(None, None, None)):
    """Return dq, dk and dv, written to out where it is given."""
    dq, dk, dv = out
    # out = p @ v  ->  dv = pᵀ @ dout
    dv = np.matmul(p.swapaxes(-1, -2), dout, out=dv)
    # out = p @ v  ->  dp = dout @ vᵀ, divided by √d here, where there are fewest numbers
    dout_columns = np.multiply(dout.swapaxes(-1, -2), 1.0 / math.sqrt(q.shape[-1]), order="C")
    dz = (v @ dout_columns).swapaxes(-1, -2)  # (..., T, S), keys first as p is
    # p = softmax(z) by rows
    dz -= np.einsum("...ts,...ts->...t", dz, p)[..., None]
    dz *= p
    # z = q @ kᵀ / √d, where dz has the factor already
    dq = np.matmul(dz, k, out=dq)
    dk = np.matmul(dz.swapaxes(-1, -2), q, out=dk)
    return dq, dk, dv


def score_bias(op, mask, causal, shape, dtype):
    """Return what to add to scores of a shape: 0 where a mask allows, else -inf; None: nothing."""
    allowed = None  # by key and query: keys first in memory, as the scores are
    if causal:
        positions = np.arange(shape[-1])
        allowed = positions[:, None] <= positions
    if mask is not None:
        mask = np.asarray(mask)
        if mask.dtype != bool:
            raise complaint(
                TypeError,
                op,
                f"mask must be boolean, True where a query may attend to a key, not {mask.dtype}",
                "mask.astype(bool) if 1 means that it may",
                mask=mask,
            )
        if not broadcasts_to(mask.shape, shape):
            raise complaint(
                ValueError,
                op,
                f"mask does not broadcast to the scores {shape}",
                "its last axes are queries and keys",
                mask=mask,
            )
        mask = np.atleast_2d(mask).swapaxes(-1, -2)
        allowed = np.ascontiguousarray(mask if allowed is None else mask & allowed)
    if allowed is None:
        return None
    return np.where(allowed, dtype.type(0.0), dtype.type(-np.inf)).swapaxes(-1, -2)


def broadcasts_to(shape, to):
    """Whether an array of a shape can be repeated to fill another shape."""
    return len(shape) <= len(to) and all(
        size in (1, full) for size, full in zip(shape[::-1], to[::-1])
    )


def _attention_mismatch(op, q, k, v):
    """Return the error of queries, keys and values that do not fit together."""
    fix = None
    if min(q.ndim, k.ndim, v.ndim) < 2:
        problem = "queries, keys and values have at least two axes, (..., positions, features)"
        fix = "q[:, None] makes rows of numbers"
    elif not q.shape[:-2] == k.shape[:-2] == v.shape[:-2]:
        problem = f"leading axes {q.shape[:-2]}, {k.shape[:-2]} and {v.shape[:-2]} differ"
        fix = "np.broadcast_to makes them equal"
    elif q.shape[-1] != k.shape[-1]:
        problem = f"queries have {q.shape[-1]} features but keys {k.shape[-1]}"
        fix = "their product needs equally many"
    elif q.shape[-1] == 0:
        problem, fix = "queries and keys have no features", "they need at least one"
    elif k.shape[-2] != v.shape[-2]:
        problem = f"there are {k.shape[-2]} keys but {v.shape[-2]} values"
        fix = "each key needs its value"
    else:
        problem = f"causal=True is for one sequence, not {q.shape[-2]} queries, {k.shape[-2]} keys"
        fix = "mask= says which query may attend to which key"
    return complaint(ValueError, op, problem, fix, q=q, k=k, v=v)
