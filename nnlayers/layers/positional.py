"""Positional encodings: what tells attention, which is blind to order, where a position stands.

Legend: N batch, T positions, D features; i counts pairs of features.  The sinusoidal encoding and
the rotary embedding share their frequencies ωᵢ = base^(-2i/D): one turn takes from 2π positions for
the first pair of features to nearly 2π · base positions for the last.
"""

import numpy as np

from nnlayers.layers.checks import complaint, floats, one_float, positive_int, unpack, upstream
from nnlayers.layers.initializers import generator, initial
from nnlayers.layers.layer import PairLayer


def sinusoidal_encoding_forward(x, *, base=10000.0):
    """Add to each position a fixed pattern of sines and cosines of its number.

    outₜ,₂ᵢ = xₜ,₂ᵢ + sin(t ωᵢ) and outₜ,₂ᵢ₊₁ = xₜ,₂ᵢ₊₁ + cos(t ωᵢ), with ωᵢ = base^(-2i/D)

    Parameters
    ----------
    x : ndarray, shape (..., T, D)
        Features of T positions.
    base : float
        How many times longer the slowest turn is than the fastest, nearly.

    Returns
    -------
    out : ndarray, shape (..., T, D)
        Features that know their position.
    cache : tuple
        What :func:`sinusoidal_encoding_backward` needs.

    Raises
    ------
    ValueError
        If x has less than two axes, or base is not positive.
    TypeError
        If x is not floating-point.

    Source
    ------
    Vaswani et al., "Attention is all you need" (2017), section 3.5.

    Examples
    --------
    >>> sinusoidal_encoding_forward(np.zeros((2, 4)))[0].round(2)
    array([[0.  , 1.  , 0.  , 1.  ],
           [0.84, 0.54, 0.01, 1.  ]])
    """
    op = "sinusoidal_encoding_forward"
    x = one_float(op, x)
    _check_positions(op, x)
    _check_base(op, base)
    T, D = x.shape[-2:]
    cos, sin = turns(T, D, x.dtype, base)
    encoding = np.empty((T, D), x.dtype)
    encoding[:, 0::2] = sin
    encoding[:, 1::2] = cos[:, : D // 2]  # an odd D has a sine without its cosine
    return x + encoding, (x,)


def sinusoidal_encoding_backward(dout, cache):
    """Gradient of the sinusoidal encoding: dx = dout.

    out = x + constants that depend on the position alone: ∂outₜⱼ/∂xₜⱼ = 1.
    """
    (x,) = unpack("sinusoidal_encoding_backward", cache, ("x",))
    return upstream("sinusoidal_encoding_backward", dout, x.shape, x.dtype)


def positional_embedding_forward(x, w):
    """Add to each position a learnt vector of its own.

    outₙₜ = xₙₜ + wₜ

    Parameters
    ----------
    x : ndarray, shape (..., T, D)
        Features of T positions.
    w : ndarray, shape (C, D)
        Vectors of C positions, of which the first T are used.

    Returns
    -------
    out : ndarray, shape (..., T, D)
        Features that know their position.
    cache : tuple
        What :func:`positional_embedding_backward` needs.

    Raises
    ------
    ValueError
        If x has more positions than w, or other features.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    Gehring, Auli, Grangier, Yarats, Dauphin, "Convolutional sequence to sequence learning" (2017),
    section 3.1.

    Examples
    --------
    >>> w = np.array([[1.0], [2.0], [3.0]])
    >>> positional_embedding_forward(np.zeros((2, 2, 1)), w)[0].reshape(2, 2)
    array([[1., 2.],
           [1., 2.]])
    """
    op = "positional_embedding_forward"
    x, w = floats(op, x=x, w=w)
    _check_positions(op, x, w=w)
    T, D = x.shape[-2:]
    if w.ndim != 2 or w.shape[1] != D:
        raise complaint(
            ValueError,
            op,
            f"x has {D} features, so w must be (C, {D}), a row for each position",
            "w.T would fit" if w.ndim == 2 and w.shape[0] == D and w.shape[1] >= T else None,
            x=x,
            w=w,
        )
    if len(w) < T:
        raise complaint(
            ValueError,
            op,
            f"x has {T} positions but w has vectors for {len(w)}",
            f"x[..., -{len(w)}:, :] keeps the last {len(w)}" if len(w) else None,
            x=x,
            w=w,
        )
    return x + w[:T], (x, w)


def positional_embedding_backward(dout, cache, need_dx=True):
    """Gradients of the positional embedding: dx = dout, and dwₜ = Σₙ doutₙₜ.

    outₙₜ = xₙₜ + wₜ: ∂outₙₜ/∂xₙₜ = 1.  wₜ was added at position t of every sequence n, so its
    gradients add up over them; a position that no sequence reached gets 0.

    Returns
    -------
    dx, dw : ndarray
        Gradients, of the shapes of x and w.
    """
    op = "positional_embedding_backward"
    x, w = unpack(op, cache, ("x", "w"))
    dout = upstream(op, dout, x.shape, x.dtype)
    dw = np.zeros(w.shape, w.dtype)
    # out = x + w[:T], with w repeated along the leading axes
    dout.sum(axis=tuple(range(x.ndim - 2)), out=dw[: x.shape[-2]])
    return (dout if need_dx else None), dw


def rotary_embedding_forward(x, *, base=10000.0):
    """Rotary position embedding (RoPE): turn each pair of features by an angle t ωᵢ.

    outₜ,₂ᵢ   = xₜ,₂ᵢ cos(t ωᵢ) - xₜ,₂ᵢ₊₁ sin(t ωᵢ)
    outₜ,₂ᵢ₊₁ = xₜ,₂ᵢ sin(t ωᵢ) + xₜ,₂ᵢ₊₁ cos(t ωᵢ), with ωᵢ = base^(-2i/D)

    The product of a turned query at t and a turned key at s depends on t - s alone.

    Parameters
    ----------
    x : ndarray, shape (..., T, D)
        Queries or keys of T positions; D is even.
    base : float
        How many times longer the slowest turn is than the fastest, nearly.

    Returns
    -------
    out : ndarray, shape (..., T, D)
        Turned features: every pair keeps its length.
    cache : tuple
        What :func:`rotary_embedding_backward` needs.

    Raises
    ------
    ValueError
        If x has less than two axes or an odd number of features, or base is not positive.
    TypeError
        If x is not floating-point.

    Source
    ------
    Su et al., "RoFormer: Enhanced transformer with rotary position embedding" (2021), eqs. (14),
    (15), (34).

    Examples
    --------
    >>> rotary_embedding_forward(np.array([[1.0, 0.0], [1.0, 0.0]]))[0].round(2)
    array([[1.  , 0.  ],
           [0.54, 0.84]])
    """
    op = "rotary_embedding_forward"
    x = one_float(op, x)
    _check_positions(op, x)
    _check_base(op, base)
    T, D = x.shape[-2:]
    if D % 2:
        raise complaint(
            ValueError, op, f"{D} features are no pairs", "an even number is needed", x=x
        )
    cos, sin = turns(T, D, x.dtype, base)
    return rotate(x, cos, sin, np.empty(x.shape, x.dtype)), (x, cos, sin)


def rotary_embedding_backward(dout, cache):
    """Gradient of the rotary embedding: dout, turned back by the same angles.

    A pair is turned by the matrix R = [[cos, -sin], [sin, cos]] of its angle, out = R x, so
    dx = Rᵀ dout; and Rᵀ = [[cos, sin], [-sin, cos]] is the turn by the opposite angle.
    """
    op = "rotary_embedding_backward"
    x, cos, sin = unpack(op, cache, ("x", "cos", "sin"))
    dout = upstream(op, dout, x.shape, x.dtype)
    return rotate(dout, cos, -sin, np.empty(x.shape, x.dtype))


class SinusoidalEncoding(PairLayer):
    """Layer of :func:`sinusoidal_encoding_forward`.

    Examples
    --------
    >>> SinusoidalEncoding().forward(np.zeros((1, 2)))[0]
    array([[0., 1.]])
    """

    pair = sinusoidal_encoding_forward, sinusoidal_encoding_backward

    def __init__(self, *, base=10000.0):
        _check_base("SinusoidalEncoding", base)
        self.hold(base=float(base))


class PositionalEmbedding(PairLayer):
    """Layer of :func:`positional_embedding_forward`: a learnt vector for each position.

    Parameters
    ----------
    positions : int
        C, the longest sequence.
    features : int
        D.
    init : callable, optional
        Initializer of w, called as ``init(shape, rng=rng, dtype=dtype)``; left out, w is drawn from
        N(0, 0.02²), as in GPT-2.
    rng : int or numpy.random.Generator, optional
        Seed or generator of the vectors; None draws fresh entropy.
    dtype : dtype
        Of the vectors.

    Examples
    --------
    >>> layer = PositionalEmbedding(5, 2, rng=0)
    >>> out, cache = layer.forward(np.zeros((4, 3, 2)))
    >>> dx, dw = layer.backward(np.ones((4, 3, 2)), cache)
    >>> dw[:, 0]
    array([4., 4., 4., 0., 0.])
    """

    pair = positional_embedding_forward, positional_embedding_backward

    def __init__(self, positions, features, *, init=None, rng=None, dtype=np.float64):
        positive_int("PositionalEmbedding", positions=positions, features=features)
        init = _small_normal if init is None else init
        w = initial("PositionalEmbedding", init, (positions, features), rng, dtype)
        self.hold({"w": w})

    @classmethod
    def of(cls, w):
        """Make the layer of a copy of the vectors w, shape (C, D)."""
        (w,) = floats("PositionalEmbedding.of", w=w)
        if w.ndim != 2:
            raise complaint(ValueError, "PositionalEmbedding.of", "w must be a matrix (C, D)", w=w)
        return cls.__new__(cls).hold({"w": w.copy()})

    def __repr__(self):
        return self.form(*self.params["w"].shape)


class RotaryEmbedding(PairLayer):
    """Layer of :func:`rotary_embedding_forward`.

    Examples
    --------
    >>> RotaryEmbedding().forward(np.array([[1.0, 0.0], [1.0, 0.0]]))[0].round(2)
    array([[1.  , 0.  ],
           [0.54, 0.84]])
    """

    pair = rotary_embedding_forward, rotary_embedding_backward

    def __init__(self, *, base=10000.0):
        _check_base("RotaryEmbedding", base)
        self.hold(base=float(base))


def turns(T, D, dtype, base=10000.0):
    """Return the cosines and sines of the angles t ωᵢ, each of shape (T, pairs of D features)."""
    # base^(-2i/D) in float64: float32 angles of large t would be off by whole degrees
    angles = np.outer(np.arange(T), float(base) ** (-2.0 * np.arange((D + 1) // 2) / D))
    return np.cos(angles).astype(dtype), np.sin(angles).astype(dtype)


def rotate(x, cos, sin, out):
    """Write the pairs of features of x, turned by the angles, to out (which may be x itself)."""
    even, odd = x[..., 0::2], x[..., 1::2]
    turned_even, turned_odd = even * cos - odd * sin, even * sin + odd * cos
    out[..., 0::2], out[..., 1::2] = turned_even, turned_odd
    return out


def _small_normal(shape, *, rng, dtype):
    return (0.02 * generator(rng).standard_normal(shape)).astype(dtype, copy=False)


def _check_positions(op, x, **others):
    """Raise unless x has an axis of positions and one of features."""
    if x.ndim < 2:
        raise complaint(
            ValueError,
            op,
            f"x must be (..., positions, features), not {x.ndim}-d",
            "x[None] makes a sequence of one position" if x.ndim else None,
            x=x,
            **others,
        )


def _check_base(op, base):
    if not base > 0:
        raise complaint(ValueError, op, f"base must be a positive number, not {base!r}")
