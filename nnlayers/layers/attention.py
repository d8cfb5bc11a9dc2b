"""Attention: every query takes a weighted mean of values, weighted by how well their keys fit it.

Legend: T queries, S keys and values, d features.
A mask is True where a query may attend to a key.
"""

import math
from typing import NamedTuple

import numpy as np

from nnlayers.layers._products import ones
from nnlayers.layers.checks import bad_cache, complaint, floats, upstream
from nnlayers.layers.layer import PairLayer

BLOCK = 64  # queries that are answered at a time


class AttentionCache(NamedTuple):
    """What attention keeps for its backward; ``p`` are the weights, (..., T, S)."""

    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    p: np.ndarray
    causal: bool


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
    cache : AttentionCache
        What :func:`attention_backward` needs.

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
    bias = score_bias(op, mask, (*q.shape[:-1], k.shape[-2]), q.dtype)
    out, p = attend(q, k, v, bias, causal)
    return out, AttentionCache(q, k, v, p, causal)


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
    if cache.__class__ is not AttentionCache:
        raise bad_cache(op, cache, "the AttentionCache")
    q, k, v, p, causal = cache
    dout = upstream(op, dout, (*q.shape[:-1], v.shape[-1]), q.dtype)
    return attend_backward(dout, q, k, v, p, causal)


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


def attend(q, k, v, bias, causal, out=None):
    """Return the means of the values, written to out if that is given, and the weights."""
    T, S = q.shape[-2], k.shape[-2]
    # q kᵀ is twice as fast where kᵀ is no view but lies row by row itself.  Dividing that copy by
    # √d divides the scores, with d numbers for each key instead of T.
    k_columns = np.multiply(k.swapaxes(-1, -2), 1.0 / math.sqrt(k.shape[-1]), order="C")
    p = np.empty((*q.shape[:-1], S), q.dtype)
    out = np.empty((*q.shape[:-1], v.shape[-1]), q.dtype) if out is None else out
    for part, seen in _blocks(T, S, causal):
        scores = np.matmul(q[..., part, :], k_columns[..., seen], out=p[..., part, seen])
        is_small = _is_small(scores)
        if bias is not None:
            scores += bias[..., part, seen]
        if causal:
            own = scores[..., part.start :]  # the last keys are those of these very positions
            own += _bias(np.tri(own.shape[-1], dtype=bool), q.dtype)
        _softmax(scores, is_small)
        p[..., part, seen.stop :] = 0.0
        np.matmul(scores, v[..., seen, :], out=out[..., part, :])
    return out, p


def attend_backward(dout, q, k, v, p, causal, out=None):
    """Return dq, dk and dv, written to out if that is given."""
    dq, dk, dv = (np.empty(a.shape, a.dtype) for a in (q, k, v)) if out is None else out
    # dp = dout @ vᵀ, and with it dz, is divided by √d here, where there are fewest numbers
    v_columns = np.multiply(v.swapaxes(-1, -2), 1.0 / math.sqrt(q.shape[-1]), order="C")
    is_first = True
    for part, seen in reversed(_blocks(q.shape[-2], k.shape[-2], causal)):
        weights, d = p[..., part, seen], dout[..., part, :]
        # out = p @ v  ->  dp = dout @ vᵀ
        dz = d @ v_columns[..., seen]
        # p = softmax(z) by rows  ->  dzₜₛ = pₜₛ (dpₜₛ - Σᵣ dpₜᵣ pₜᵣ)
        dz -= np.einsum("...ts,...ts->...t", dz, weights)[..., None]
        dz *= weights
        # z = q @ kᵀ / √d  ->  dq = dz @ k / √d, dk = dzᵀ @ q / √d; dz has the 1 / √d already
        np.matmul(dz, k[..., seen, :], out=dq[..., part, :])
        # a key and its value get a gradient from each query: the last block sees them all
        if is_first:
            np.matmul(weights.swapaxes(-1, -2), d, out=dv)
            np.matmul(dz.swapaxes(-1, -2), q[..., part, :], out=dk)
            is_first = False
        else:
            dv[..., seen, :] += weights.swapaxes(-1, -2) @ d
            dk[..., seen, :] += dz.swapaxes(-1, -2) @ q[..., part, :]
    return dq, dk, dv


def _blocks(T, S, causal):
    """Return blocks of queries, as slices, with the keys that they may see, which are no others.

    Scores of a block stay in the cache, and causal ones leave out the keys that follow it.
    """
    starts = range(0, max(T, 1), BLOCK)
    return [(slice(t, t + BLOCK), slice(min(t + BLOCK, S) if causal else S)) for t in starts]


def _is_small(scores):
    """Whether no exponential of these scores overflows or vanishes, as is usual."""
    limit = math.log(np.finfo(scores.dtype).max) / 4
    return scores.size > 0 and scores.max() < limit and scores.min() > -limit


def _softmax(scores, is_small):
    """Replace scores by their softmax over the keys, the last axis; forbidden ones are -inf."""
    if not is_small:
        # to subtract the largest score of a query from all its scores changes no weight
        largest = scores.max(axis=-1, keepdims=True, initial=-np.inf)
        largest[largest == -np.inf] = 0.0  # of a query that may attend to nothing
        scores -= largest
    np.exp(scores, out=scores)
    total = scores @ ones(scores.shape[-1], scores.dtype)  # sums over the keys, by BLAS
    total[total == 0.0] = 1.0
    scores /= total[..., None]


def _bias(allowed, dtype):
    """Return 0 where a query may attend to a key, else -inf."""
    return np.where(allowed, dtype.type(0.0), dtype.type(-np.inf))


def score_bias(op, mask, shape, dtype):
    """Return what to add to scores of a shape: 0 where a mask allows, else -inf; None: nothing."""
    if mask is None:
        return None
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
    bias = _bias(np.atleast_2d(mask), dtype)
    return np.broadcast_to(bias, (*bias.shape[:-2], *shape[-2:]))


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
