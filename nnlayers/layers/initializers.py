"""Initial weights whose scale keeps the variance of the signal as it passes through a layer.

Every initializer is called as ``init(shape, *, rng=None, dtype=np.float64)``; a gain is bound by
``functools.partial(lecun_normal, gain=2.0)``.
For an affine layer, out = Σᵢ xᵢ wᵢ over fan_in terms gives Var(out) = fan_in · Var(w) · E[x²]; and
backwards dx is a sum over fan_out terms.  Each scheme chooses Var(w) accordingly:

======  ==========================  =====================================================
scheme  Var(w)                      keeps the variance of
======  ==========================  =====================================================
LeCun   1 / fan_in                  the signal forward (linear layers, tanh near 0)
Glorot  2 / (fan_in + fan_out)      forward and backward, as a compromise (tanh, sigmoid)
He      2 / fan_in                  the signal forward through ReLU, which halves E[x²]
======  ==========================  =====================================================

Each is drawn from a normal distribution, from a uniform one, or from a normal distribution without
its tails beyond two standard deviations (``_truncated``), always with the variance of the table.
"""

import math

import numpy as np

from nnlayers.layers.checks import complaint, describe

SQRT_2 = math.sqrt(2.0)
# between -2 and 2, where its mass is M = erf(√2), a standard normal distribution has the variance
# 1 - 4 φ(2) / M, with φ(2) = e⁻² / √(2π)
TRUNCATED_STD = math.sqrt(
    1.0 - 4.0 * math.exp(-2.0) / (math.sqrt(2.0 * math.pi) * math.erf(SQRT_2))
)


def generator(rng, op="generator"):
    """Return a generator: the one given, or a new one of an int seed or of fresh entropy (None).

    Raises
    ------
    TypeError
        If rng is neither; NumPy's legacy ``RandomState`` and the global state are not used.
    """
    if rng is None or (isinstance(rng, int | np.integer) and not isinstance(rng, bool)):
        return np.random.default_rng(rng)
    if isinstance(rng, np.random.Generator):
        return rng
    raise complaint(
        TypeError,
        op,
        f"rng must be an int seed, a numpy.random.Generator or None, not {describe(rng)}",
        "np.random.default_rng(0) makes a generator",
    )


def fans(shape):
    """Return (fan_in, fan_out) of weights: (D, M), or of a filter bank (F, C, ...).

    fan_in is the number of terms in one output's sum, fan_out that in one input's gradient:

    - a matrix (D, M), x @ w: D and M;
    - filters (F, C, KH, KW) and the like: C · KH · KW and F · KH · KW, for stride 1; with groups,
      C is the number of channels that a filter sees, w.shape[1];
    - a transposed convolution: as for the filters, in their layout; its layer draws them so and
      swaps the axes after (a stride s leaves about 1 / s² of the terms, as an ordinary one does of
      fan_out, which is not counted);
    - a recurrent layer: its G gates are maps of their own, so each of wx (D, G H) is drawn as
      (D, H) and each of wh (H, G H) as (H, H): fan_out is H, not G H.

    Parameters
    ----------
    shape : tuple of int
        At least two axes.

    Returns
    -------
    fan_in, fan_out : int
        Numbers of terms.

    Raises
    ------
    ValueError
        If there are fewer axes.

    Examples
    --------
    >>> fans((64, 10)), fans((16, 3, 5, 5))
    ((64, 10), (75, 400))
    """
    if len(shape) < 2:
        raise complaint(
            ValueError,
            "fans",
            f"weights of shape {tuple(shape)} have no fan-in and fan-out",
            "they need at least two axes; constants suit biases",
        )
    if len(shape) == 2:
        return tuple(shape)
    field = math.prod(shape[2:])  # a filter bank (F, C, KH, KW) sees C · KH · KW inputs
    return shape[1] * field, shape[0] * field


def lecun_normal(shape, *, rng=None, dtype=np.float64, gain=1.0):
    """Draw from N(0, gain² / fan_in).

    Source: LeCun, Bottou, Orr, Müller, "Efficient BackProp" (1998), section 4.6.
    """
    return _normal(shape, gain**2 / fans(shape)[0], rng, dtype)


def lecun_truncated(shape, *, rng=None, dtype=np.float64, gain=1.0):
    """Draw with variance gain² / fan_in from a normal distribution without its tails.

    Source: LeCun, Bottou, Orr, Müller (1998), section 4.6; Keras, ``LecunNormal``.
    """
    return _truncated(shape, gain**2 / fans(shape)[0], rng, dtype)


def lecun_uniform(shape, *, rng=None, dtype=np.float64, gain=1.0):
    """Draw uniformly with variance gain² / fan_in.

    Source: LeCun, Bottou, Orr, Müller, "Efficient BackProp" (1998), section 4.6.
    """
    return _uniform(shape, gain**2 / fans(shape)[0], rng, dtype)


def glorot_normal(shape, *, rng=None, dtype=np.float64, gain=1.0):
    """Draw from N(0, 2 gain² / (fan_in + fan_out)); also called Xavier.

    Source: Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural
    networks" (2010), eq. (12).
    """
    return _normal(shape, 2 * gain**2 / sum(fans(shape)), rng, dtype)


def glorot_truncated(shape, *, rng=None, dtype=np.float64, gain=1.0):
    """Draw with variance 2 gain² / (fan_in + fan_out) from a normal distribution without its tails.

    Source: Glorot, Bengio (2010), eq. (12); Keras, ``GlorotNormal``.
    """
    return _truncated(shape, 2 * gain**2 / sum(fans(shape)), rng, dtype)


def glorot_uniform(shape, *, rng=None, dtype=np.float64, gain=1.0):
    """Draw uniformly with variance 2 gain² / (fan_in + fan_out); also called Xavier.

    Source: Glorot, Bengio (2010), eq. (16).
    """
    return _uniform(shape, 2 * gain**2 / sum(fans(shape)), rng, dtype)


def he_normal(shape, *, rng=None, dtype=np.float64, gain=SQRT_2):
    """Draw from N(0, gain² / fan_in), with gain² = 2 for ReLU.

    Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers" (2015), eq. (10).

    Examples
    --------
    >>> w = he_normal((200, 300), rng=0)
    >>> round(float(w.var() * 200), 2)
    2.0
    """
    return _normal(shape, gain**2 / fans(shape)[0], rng, dtype)


def he_truncated(shape, *, rng=None, dtype=np.float64, gain=SQRT_2):
    """Draw with variance gain² / fan_in (gain² = 2 for ReLU), normal but without its tails.

    Source: He, Zhang, Ren, Sun (2015), eq. (10); Keras, ``HeNormal``.
    """
    return _truncated(shape, gain**2 / fans(shape)[0], rng, dtype)


def he_uniform(shape, *, rng=None, dtype=np.float64, gain=SQRT_2):
    """Draw uniformly with variance gain² / fan_in, with gain² = 2 for ReLU.

    Source: He, Zhang, Ren, Sun (2015), eq. (10).
    """
    return _uniform(shape, gain**2 / fans(shape)[0], rng, dtype)


def orthogonal(shape, *, rng=None, dtype=np.float64, gain=1.0):
    """Draw a matrix uniformly among those with orthonormal rows or columns, times gain.

    w wᵀ = gain² I, or wᵀ w = gain² I where there are more rows than columns, so that a square w
    keeps the length of every vector: products of many neither explode nor vanish.  The Q of a
    Gaussian matrix's QR decomposition is uniformly distributed once R has a positive diagonal.

    Parameters
    ----------
    shape : tuple of int
        (D, M), or a filter bank (F, C, ...), which counts as the matrix (F, C · ...).
    rng : int or numpy.random.Generator, optional
        Where randomness comes from.
    dtype : dtype
        Of the weights.
    gain : float
        Their singular values.

    Returns
    -------
    ndarray
        Of that shape.

    Raises
    ------
    ValueError
        If there are fewer than two axes.

    Source
    ------
    Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep
    linear neural networks" (2014); Mezzadri, "How to generate random matrices from the classical
    compact groups" (2007), section 5.

    Examples
    --------
    >>> w = orthogonal((3, 5), rng=0)
    >>> np.allclose(w @ w.T, np.eye(3))
    True
    """
    fans(shape)
    rows, columns = shape[0], math.prod(shape[1:])
    tall = generator(rng).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(tall)
    q *= np.copysign(gain, r.diagonal())
    w = q if rows >= columns else q.T
    return np.ascontiguousarray(w.reshape(shape), dtype)


def constant(shape, *, value=0.0, rng=None, dtype=np.float64):
    """Fill with one value; rng is not used.

    Examples
    --------
    >>> import functools
    >>> functools.partial(constant, value=0.5)((2, 2))
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """
    return np.full(shape, value, dtype)


def _normal(shape, variance, rng, dtype):
    return (math.sqrt(variance) * generator(rng).standard_normal(shape)).astype(dtype, copy=False)


def _uniform(shape, variance, rng, dtype):
    # a uniform distribution on (-a, a) has the variance a² / 3
    limit = math.sqrt(3.0 * variance)
    return generator(rng).uniform(-limit, limit, shape).astype(dtype, copy=False)


def _truncated(shape, variance, rng, dtype):
    rng = generator(rng)
    w = rng.standard_normal(shape)
    while (outside := np.abs(w) > 2.0).any():  # 4.6 % are drawn again, then 4.6 % of these
        w[outside] = rng.standard_normal(np.count_nonzero(outside))
    return (math.sqrt(variance) / TRUNCATED_STD * w).astype(dtype, copy=False)
