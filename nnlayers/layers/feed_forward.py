"""The feed-forward net of a transformer: two affine maps with GELU between, alike at each position.

Legend: D features in, H hidden features, M features out; rows are positions, whatever their axes.
"""

import math
from typing import NamedTuple

import numpy as np

from nnlayers.layers._products import sum_of_rows
from nnlayers.layers.checks import bad_cache, complaint, floats, positive_int, upstream
from nnlayers.layers.gates import BLOCK, gelu_tanh_steps
from nnlayers.layers.initializers import generator, glorot_uniform, he_normal
from nnlayers.layers.layer import PairLayer


class FeedForwardCache(NamedTuple):
    """What the feed-forward net keeps for its backward.

    ``hidden`` are the features between the maps and ``slope`` the derivative of gelu at them, a row
    for each position.
    """

    x: np.ndarray
    w1: np.ndarray
    w2: np.ndarray
    hidden: np.ndarray
    slope: np.ndarray


def feed_forward_forward(x, w1, b1, w2, b2):
    """Position-wise feed-forward net: affine, GELU in its tanh form, affine.

    out = h w2 + b2, with h = gelu(x w1 + b1)

    Parameters
    ----------
    x : ndarray, shape (..., D)
        Features of positions; the leading axes are any, at least one, such as (N, T).
    w1, b1 : ndarray, shapes (D, H) and (H,)
        The map to the hidden features.
    w2, b2 : ndarray, shapes (H, M) and (M,)
        The map of the hidden features.

    Returns
    -------
    out : ndarray, shape (..., M)
        New features of the positions.
    cache : FeedForwardCache
        What :func:`feed_forward_backward` needs.

    Raises
    ------
    ValueError
        If shapes disagree.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    Vaswani et al., "Attention is all you need" (2017), section 3.3, with GELU for ReLU as in
    Radford et al., "Improving language understanding by generative pre-training" (2018).

    Examples
    --------
    >>> w1, w2 = np.array([[1.0, -1.0]]), np.array([[1.0], [-1.0]])
    >>> x = np.array([[-2.0], [3.0]])  # gelu(x) - gelu(-x) is x
    >>> feed_forward_forward(x, w1, np.zeros(2), w2, np.zeros(1))[0]
    array([[-2.],
           [ 3.]])
    """
    op = "feed_forward_forward"
    x, w1, b1, w2, b2 = floats(op, x=x, w1=w1, b1=b1, w2=w2, b2=b2)
    _check(op, w1, b1, w2, b2, x)
    R, (D, H), M = math.prod(x.shape[:-1]), w1.shape, w2.shape[1]
    z = x.reshape(R, D) @ w1
    hidden, step = np.empty((R, H), x.dtype), max(1, BLOCK // max(H, 1))
    scratch = np.empty((3, min(step, R), H), x.dtype)
    for start in range(0, R, step):
        # block by block, in the cache, the bias is added, gelu taken, and z replaced by its slope:
        # backward needs no z, and to write another array of this size to memory takes a while
        block = z[start : start + step]
        block += b1
        gelu_tanh_steps(block, hidden[start : start + step], block, *scratch[:, : len(block)])
    out = hidden @ w2
    out += b2
    return out.reshape(*x.shape[:-1], M), FeedForwardCache(x, w1, w2, hidden, z)


def feed_forward_backward(dout, cache, need_dx=True):
    """Gradients of the feed-forward net: two affine maps, and the slope of gelu between them.

    out = h w2 + b2 is affine: dh = dout w2ᵀ, dw2 = hᵀ dout, db2 = Σ dout over all positions (see
    :func:`affine_backward`).  h = gelu(z) entry by entry: dz = dh · gelu'(z) (see
    :func:`gelu_backward`).  z = x w1 + b1 is affine: dx = dz w1ᵀ, dw1 = xᵀ dz, db1 = Σ dz.

    Returns
    -------
    dx, dw1, db1, dw2, db2 : ndarray
        Gradients, of the shapes of forward's arguments.
    """
    op = "feed_forward_backward"
    if cache.__class__ is not FeedForwardCache:
        raise bad_cache(op, cache, "the FeedForwardCache")
    x, w1, w2, hidden, slope = cache
    R, M = len(hidden), w2.shape[1]
    dout = upstream(op, dout, (*x.shape[:-1], M), x.dtype).reshape(R, M)
    # out = h @ w2 + b2
    dz = dout @ w2.T  # this is dh
    dw2, db2 = hidden.T @ dout, sum_of_rows(dout)
    # h = gelu(z)
    dz *= slope
    # z = x @ w1 + b1
    dx = (dz @ w1.T).reshape(x.shape) if need_dx else None
    dw1, db1 = x.reshape(R, len(w1)).T @ dz, sum_of_rows(dz)
    return dx, dw1, db1, dw2, db2


class FeedForward(PairLayer):
    """Layer of :func:`feed_forward_forward`: the same small net at each position.

    Parameters
    ----------
    width : int
        D and M: features in and out.
    hidden : int
        H, the features between.
    rng : int or numpy.random.Generator, optional
        Seed or generator of the weights, He's for w1 and Glorot's for w2; None draws fresh entropy.
    dtype : dtype
        Of the parameters.

    Examples
    --------
    >>> layer = FeedForward(2, 8, rng=0)
    >>> out, cache = layer.forward(np.ones((4, 3, 2)))
    >>> dx, dw1, db1, dw2, db2 = layer.backward(np.ones((4, 3, 2)), cache)
    >>> db2
    array([12., 12.])
    """

    pair = feed_forward_forward, feed_forward_backward

    def __init__(self, width, hidden, *, rng=None, dtype=np.float64):
        positive_int("FeedForward", width=width, hidden=hidden)
        rng = generator(rng, "FeedForward")
        self.hold(
            {
                "w1": he_normal((width, hidden), rng=rng, dtype=dtype),
                "b1": np.zeros(hidden, dtype),
                "w2": glorot_uniform((hidden, width), rng=rng, dtype=dtype),
                "b2": np.zeros(width, dtype),
            }
        )

    @classmethod
    def of(cls, w1, b1, w2, b2):
        """Make the layer of copies of its arrays: (D, H), (H,), (H, M) and (M,)."""
        op = "FeedForward.of"
        w1, b1, w2, b2 = floats(op, w1=w1, b1=b1, w2=w2, b2=b2)
        _check(op, w1, b1, w2, b2)
        params = {"w1": w1, "b1": b1, "w2": w2, "b2": b2}
        return cls.__new__(cls).hold({name: array.copy() for name, array in params.items()})

    def __repr__(self):
        return self.form(*self.params["w1"].shape)


def _check(op, w1, b1, w2, b2, x=None):
    """Raise unless the maps fit together, and to the features of x."""
    arrays = ({} if x is None else {"x": x}) | {"w1": w1, "b1": b1, "w2": w2, "b2": b2}
    fix = None
    if w1.ndim != 2 or w2.ndim != 2:
        problem = "w1 and w2 must be matrices, (D, H) and (H, M)"
    elif b1.shape != w1.shape[1:] or b2.shape != w2.shape[1:]:
        problem = f"w1 and w2 need b1 and b2 of shapes {w1.shape[1:]} and {w2.shape[1:]}"
    elif w1.shape[1] != w2.shape[0]:
        problem = f"w1 gives {w1.shape[1]} hidden features but w2 takes {w2.shape[0]}"
        fix = "w2.T would fit" if w2.shape[1] == w1.shape[1] else None
    elif x is not None and x.ndim < 2:
        problem = f"x must be (..., positions, features), not {x.ndim}-d"
        fix = "x[None] makes a batch of one position" if x.ndim else None
    elif x is not None and x.shape[-1] != w1.shape[0]:
        problem = f"x has {x.shape[-1]} features but w1 takes {w1.shape[0]}"
        fix = "w1.T would fit" if w1.shape[1] == x.shape[-1] else None
    else:
        return
    raise complaint(ValueError, op, problem, fix, **arrays)
