"""Initial weights whose scale keeps the variance of the signal as it passes through a layer.

Every initializer is called as ``init(shape, *, rng=None, dtype=np.float64, gain=...)``.
For an affine layer, out = Σᵢ xᵢ wᵢ over fan_in terms gives Var(out) = fan_in · Var(w) · E[x²]; and
backwards dx is a sum over fan_out terms.  Each scheme chooses Var(w) accordingly:

======  ==========================  =====================================================
scheme  Var(w)                      keeps the variance of
======  ==========================  =====================================================
LeCun   1 / fan_in                  the signal forward (linear layers, tanh near 0)
Glorot  2 / (fan_in + fan_out)      forward and backward, as a compromise (tanh, sigmoid)
He      2 / fan_in                  the signal forward through ReLU, which halves E[x²]
======  ==========================  =====================================================
"""

import math

import numpy as np

from nnlayers.layers.checks import complaint, describe

SQRT_2 = math.sqrt(2.0)


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

    fan_in is the number of terms in one output's sum, fan_out that in one input's gradient.

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
        return shape
    field = math.prod(shape[2:])  # a filter bank (F, C, KH, KW) sees C · KH · KW inputs
    return shape[1] * field, shape[0] * field


def lecun_normal(shape, *, rng=None, dtype=np.float64, gain=1.0):
    """Draw from N(0, gain² / fan_in).

    Source: LeCun, Bottou, Orr, Müller, "Efficient BackProp" (1998), section 4.6.
    """
    return _normal(shape, gain**2 / fans(shape)[0], rng, dtype)


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


def he_uniform(shape, *, rng=None, dtype=np.float64, gain=SQRT_2):
    """Draw uniformly with variance gain² / fan_in, with gain² = 2 for ReLU.

    Source: He, Zhang, Ren, Sun (2015), eq. (10).
    """
    return _uniform(shape, gain**2 / fans(shape)[0], rng, dtype)


def _normal(shape, variance, rng, dtype):
    return (math.sqrt(variance) * generator(rng).standard_normal(shape)).astype(dtype, copy=False)


def _uniform(shape, variance, rng, dtype):
    # a uniform distribution on (-a, a) has the variance a² / 3
    limit = math.sqrt(3.0 * variance)
    return generator(rng).uniform(-limit, limit, shape).astype(dtype, copy=False)
