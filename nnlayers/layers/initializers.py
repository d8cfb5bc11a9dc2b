"""Initial weights whose scale keeps the variance of the signal as it passes through a layer.

Every initializer is called as ``init(shape, *, rng=None, dtype=np.float64)`` and returns a new
array of that shape and dtype; a gain is bound by ``functools.partial(lecun_normal, gain=2.0)``.
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

from nnlayers.layers.checks import INT, complaint, describe
from nnlayers.layers.fans import fans, sizes

SCHEMES = ("constant", "glorot", "he", "lecun", "orthogonal")  # how the names below begin
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
    ValueError
        If the seed is negative.
    TypeError
        If rng is none of these; NumPy's legacy ``RandomState`` and the global state are not used.
    """
    if rng is None:
        return np.random.default_rng()
    if isinstance(rng, INT) and not isinstance(rng, bool):
        if rng < 0:
            raise complaint(ValueError, op, f"rng must be at least 0 if it is a seed, not {rng}")
        return np.random.default_rng(rng)
    if isinstance(rng, np.random.Generator):
        return rng
    raise complaint(
        TypeError,
        op,
        f"rng must be an int seed, a numpy.random.Generator or None, not {describe(rng)}",
        "np.random.default_rng(0) makes a generator",
    )


def initial(op, init, shape, rng, dtype):
    """Return the weights that an initializer makes for a layer, after checking what it returned.

    Raises
    ------
    ValueError
        If they have another shape.
    TypeError
        If init is no function, or returns no array, or one of another dtype.
    """
    call = "init(shape, rng=rng, dtype=dtype)"
    if not callable(init):
        fix = f"it is called as {call}"
        if isinstance(init, str) and init in globals() and init.split("_")[0] in SCHEMES:
            fix = f"pass the function itself, init=nnlayers.{init}"
        elif isinstance(init, np.ndarray):
            fix = f"{op}.of makes a layer of arrays"
        raise complaint(TypeError, op, f"init must be a function, not {describe(init)}", fix)
    try:
        w = init(shape, rng=rng, dtype=dtype)
    except TypeError as error:
        error.add_note(f"in {op}, which calls {call}")
        raise
    dtype, due = _floating(op, dtype), f"{call} must return an array of shape {shape}"
    if not isinstance(w, np.ndarray):
        raise complaint(TypeError, op, f"{due}, not {describe(w)}")
    if w.shape != shape:
        raise complaint(ValueError, op, f"{due}, not {w.shape}")
    if w.dtype != dtype:
        raise complaint(TypeError, op, f"{due} and dtype {dtype}, not {w.dtype}")
    return w


def lecun_normal(shape, *, rng=None, dtype=np.float64, gain=1.0):
    """Draw from N(0, gain² / fan_in).

    Arguments, result and errors are as for :func:`he_normal`.
    Source: LeCun, Bottou, Orr, Müller, "Efficient BackProp" (1998), section 4.6.
    """
    fan = fans(shape, "lecun_normal")[0]
    return _draw("lecun_normal", _normal, shape, gain, fan, rng, dtype)


def lecun_truncated(shape, *, rng=None, dtype=np.float64, gain=1.0):
    """Draw with variance gain² / fan_in from a normal distribution without its tails.

    Arguments, result and errors are as for :func:`he_normal`.
    Source: LeCun, Bottou, Orr, Müller (1998), section 4.6; Keras, ``LecunNormal``.
    """
    fan = fans(shape, "lecun_truncated")[0]
    return _draw("lecun_truncated", _truncated, shape, gain, fan, rng, dtype)


def lecun_uniform(shape, *, rng=None, dtype=np.float64, gain=1.0):
    """Draw uniformly with variance gain² / fan_in.

    Arguments, result and errors are as for :func:`he_normal`.
    Source: LeCun, Bottou, Orr, Müller, "Efficient BackProp" (1998), section 4.6.
    """
    fan = fans(shape, "lecun_uniform")[0]
    return _draw("lecun_uniform", _uniform, shape, gain, fan, rng, dtype)


def glorot_normal(shape, *, rng=None, dtype=np.float64, gain=1.0):
    """Draw from N(0, 2 gain² / (fan_in + fan_out)); also called Xavier.

    Arguments, result and errors are as for :func:`he_normal`.
    Source: Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural
    networks" (2010), eq. (12).
    """
    fan = sum(fans(shape, "glorot_normal")) / 2
    return _draw("glorot_normal", _normal, shape, gain, fan, rng, dtype)


def glorot_truncated(shape, *, rng=None, dtype=np.float64, gain=1.0):
    """Draw with variance 2 gain² / (fan_in + fan_out) from a normal distribution without its tails.

    Arguments, result and errors are as for :func:`he_normal`.
    Source: Glorot, Bengio (2010), eq. (12); Keras, ``GlorotNormal``.
    """
    fan = sum(fans(shape, "glorot_truncated")) / 2
    return _draw("glorot_truncated", _truncated, shape, gain, fan, rng, dtype)


def glorot_uniform(shape, *, rng=None, dtype=np.float64, gain=1.0):
    """Draw uniformly with variance 2 gain² / (fan_in + fan_out); also called Xavier.

    Arguments, result and errors are as for :func:`he_normal`.
    Source: Glorot, Bengio (2010), eq. (16).
    """
    fan = sum(fans(shape, "glorot_uniform")) / 2
    return _draw("glorot_uniform", _uniform, shape, gain, fan, rng, dtype)


def he_normal(shape, *, rng=None, dtype=np.float64, gain=SQRT_2):
    """Draw from N(0, gain² / fan_in), with gain² = 2 for ReLU.

    Parameters
    ----------
    shape : tuple of int
        At least two axes, as :func:`fans` describes them.
    rng : int or numpy.random.Generator, optional
        Where randomness comes from.
    dtype : dtype
        Floating-point.
    gain : float
        Standard deviation times the root of the fan; finite.

    Returns
    -------
    ndarray
        Of that shape and dtype.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Source
    ------
    He, Zhang, Ren, Sun, "Delving deep into rectifiers" (2015), eq. (10).

    Examples
    --------
    >>> w = he_normal((200, 300), rng=0)
    >>> round(float(w.var() * 200), 2)
    2.0
    """
    fan = fans(shape, "he_normal")[0]
    return _draw("he_normal", _normal, shape, gain, fan, rng, dtype)


def he_truncated(shape, *, rng=None, dtype=np.float64, gain=SQRT_2):
    """Draw with variance gain² / fan_in (gain² = 2 for ReLU), normal but without its tails.

    Arguments, result and errors are as for :func:`he_normal`.
    Source: He, Zhang, Ren, Sun (2015), eq. (10); Keras, ``HeNormal``.
    """
    fan = fans(shape, "he_truncated")[0]
    return _draw("he_truncated", _truncated, shape, gain, fan, rng, dtype)


def he_uniform(shape, *, rng=None, dtype=np.float64, gain=SQRT_2):
    """Draw uniformly with variance gain² / fan_in, with gain² = 2 for ReLU.

    Arguments, result and errors are as for :func:`he_normal`.
    Source: He, Zhang, Ren, Sun (2015), eq. (10).
    """
    fan = fans(shape, "he_uniform")[0]
    return _draw("he_uniform", _uniform, shape, gain, fan, rng, dtype)


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
    fans(shape, "orthogonal")
    rng, dtype, gain = _checked("orthogonal", rng, dtype, gain)
    rows, columns = shape[0], math.prod(shape[1:])
    tall = rng.standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(tall)
    q *= np.copysign(gain, r.diagonal())
    w = q if rows >= columns else q.T
    return np.ascontiguousarray(w.reshape(shape), dtype)


def constant(shape, *, value=0.0, rng=None, dtype=np.float64):
    """Fill with one value; rng is not used.

    Parameters
    ----------
    shape : tuple of int or int
        Any.
    value : float
        Finite.
    rng : object
        Accepted as every initializer is called with it.
    dtype : dtype
        Floating-point.

    Returns
    -------
    ndarray
        Of that shape and dtype.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Examples
    --------
    >>> import functools
    >>> functools.partial(constant, value=0.5)((2, 2))
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """
    shape = sizes("constant", (shape,) if isinstance(shape, INT) else shape)
    return np.full(shape, _finite("constant", "value", value), _floating("constant", dtype))


def _draw(op, distribution, shape, gain, fan, rng, dtype):
    """Return weights of the variance gain² / fan."""
    rng, dtype, gain = _checked(op, rng, dtype, gain)
    variance = gain**2 / fan if fan else 0.0  # sums without terms have no weights
    return distribution(rng, shape, variance).astype(dtype, copy=False)


def _normal(rng, shape, variance):
    return math.sqrt(variance) * rng.standard_normal(shape)


def _uniform(rng, shape, variance):
    # a uniform distribution on (-a, a) has the variance a² / 3
    limit = math.sqrt(3.0 * variance)
    return rng.uniform(-limit, limit, shape)


def _truncated(rng, shape, variance):
    w = rng.standard_normal(shape)
    while (outside := np.abs(w) > 2.0).any():  # 4.6 % are drawn again, then 4.6 % of these
        w[outside] = rng.standard_normal(np.count_nonzero(outside))
    return math.sqrt(variance) / TRUNCATED_STD * w


def _checked(op, rng, dtype, gain):
    return generator(rng, op), _floating(op, dtype), _finite(op, "gain", gain)


def _floating(op, dtype):
    """Return a floating-point dtype."""
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        problem = f"dtype must be floating-point, not {dtype}"
        raise complaint(TypeError, op, problem, "np.float32 and np.float64 are")
    return dtype


def _finite(op, name, value):
    """Return a finite number as a float."""
    if isinstance(value, bool) or not isinstance(value, (float, np.floating, *INT)):
        raise complaint(TypeError, op, f"{name} must be a number, not {describe(value)}")
    if not math.isfinite(value):
        raise complaint(ValueError, op, f"{name} must be finite, not {value}")
    return float(value)
