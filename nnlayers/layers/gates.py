"""Softplus, and activations that multiply x by a smooth gate between 0 and 1: gelu, silu, mish.

With a gate g, out = x g(x), and the product rule gives dx = dout · (g(x) + x g'(x)): each backward
here is that line with its own g'.
"""

import math

import numpy as np

from nnlayers.layers.checks import choice, one_float, unpack, upstream
from nnlayers.layers.layer import PairLayer
from nnlayers.layers.sigmoids import logistic

FORMS = ("none", "tanh")
SQRT_2_OVER_PI = math.sqrt(2.0 / math.pi)
CUBIC = 0.044715  # of x³ in the tanh form of gelu
BLOCK = 1 << 15  # entries: five such blocks of float32 fit a core's L2 cache


def softplus_forward(x):
    """Softplus of every entry: a smooth ReLU.

    out = log(1 + eˣ)

    Parameters
    ----------
    x : ndarray
        Input of any shape.

    Returns
    -------
    out : ndarray
        Not negative, of the shape of x.
    cache : tuple
        What :func:`softplus_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.

    Source
    ------
    Dugas, Bengio, Bélisle, Nadeau, Garcia, "Incorporating second-order functional knowledge for
    better option pricing" (2001).

    Examples
    --------
    >>> softplus_forward(np.array([-1000.0, np.log(3.0), 1000.0]))[0].round(4)
    array([   0.    ,    1.3863, 1000.    ])
    """
    out = log_one_plus_exp(one_float("softplus_forward", x))
    return out, (out,)


def softplus_backward(dout, cache):
    """Gradient of softplus: dx = dout · σ(x), the sigmoid, which is 1 - e^-out.

    d log(1 + eˣ)/dx = eˣ / (1 + eˣ) = σ(x), and as e^out = 1 + eˣ, this is 1 - e^-out.
    Keeping out lets go of x, and expm1(t) = eᵗ - 1 does not cancel for small t.
    """
    (out,) = unpack("softplus_backward", cache, ("out",))
    dout = upstream("softplus_backward", dout, out.shape, out.dtype)
    return dout * -np.expm1(-out)


def gelu_forward(x, *, approximate="none"):
    """Gaussian error linear unit of every entry: x times the probability of a normal one below x.

    out = x Φ(x), with Φ(x) = (1 + erf(x / √2)) / 2, or
    out = x (1 + tanh u) / 2, with u = √(2/π) (x + 0.044715 x³), which differs by less than 0.0005

    Parameters
    ----------
    x : ndarray
        Input of any shape.
    approximate : {"none", "tanh"}
        The exact form or the tanh form, which is many times faster here, and GPT-2's.

    Returns
    -------
    out : ndarray
        Of the shape of x.
    cache : tuple
        What :func:`gelu_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.
    ValueError
        If approximate is no such word.

    Source
    ------
    Hendrycks, Gimpel, "Gaussian error linear units" (2016), section 2.

    Examples
    --------
    >>> gelu_forward(np.array([-1000.0, 0.0, 1.0]))[0].round(4)
    array([-0.    ,  0.    ,  0.8413])
    >>> gelu_forward(np.array([-1000.0, 0.0, 1.0]), approximate="tanh")[0].round(4)
    array([-0.    ,  0.    ,  0.8412])
    """
    op = "gelu_forward"
    x = one_float(op, x)
    choice(op, "approximate", approximate, FORMS)
    # the slope is made here, where all that it takes is at hand: x and the gate need not be kept
    out, slope = _in_blocks(gelu_exact_steps if approximate == "none" else gelu_tanh_steps, x)
    return out, (slope,)


def gelu_backward(dout, cache):
    """Gradient of gelu: dx = dout · slope, with slope = g + x g' and g' = φ(x) for g = Φ(x).

    Exact form: Φ' = φ, the density φ(x) = e^(-x²/2) / √(2π).
    Tanh form: g = (1 + tanh u)/2 = σ(2u), so g' = g (1 - g) · 2u', as for the sigmoid, and
    u' = √(2/π) (1 + 3 · 0.044715 x²).
    """
    (slope,) = unpack("gelu_backward", cache, ("slope",))
    return upstream("gelu_backward", dout, slope.shape, slope.dtype) * slope


def silu_forward(x):
    """Sigmoid linear unit of every entry; also called swish.

    out = x σ(x) = x / (1 + e⁻ˣ)

    Parameters
    ----------
    x : ndarray
        Input of any shape.

    Returns
    -------
    out : ndarray
        Of the shape of x.
    cache : tuple
        What :func:`silu_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.

    Source
    ------
    Elfwing, Uchibe, Doya, "Sigmoid-weighted linear units for neural network function approximation
    in reinforcement learning" (2018).

    Examples
    --------
    >>> silu_forward(np.array([-1000.0, 0.0, 1000.0]))[0]
    array([  -0.,    0., 1000.])
    """
    x = one_float("silu_forward", x)
    gate = logistic(x)
    return x * gate, (x, gate)


def silu_backward(dout, cache):
    """Gradient of silu: dx = dout · (σ + x σ (1 - σ)).

    The gate is g = σ, whose derivative is σ (1 - σ): see :func:`sigmoid_backward`.
    """
    x, gate = unpack("silu_backward", cache, ("x", "gate"))
    dout = upstream("silu_backward", dout, x.shape, x.dtype)
    return dout * (gate + x * (gate * (1.0 - gate)))


def mish_forward(x):
    """Mish of every entry.

    out = x tanh(softplus(x)) = x tanh(log(1 + eˣ))

    Parameters
    ----------
    x : ndarray
        Input of any shape.

    Returns
    -------
    out : ndarray
        Of the shape of x.
    cache : tuple
        What :func:`mish_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.

    Source
    ------
    Misra, "Mish: a self regularized non-monotonic activation function" (2020).

    Examples
    --------
    >>> mish_forward(np.array([-1.0, 0.0, 1.0]))[0].round(4)
    array([-0.3034,  0.    ,  0.8651])
    """
    x = one_float("mish_forward", x)
    gate = np.tanh(log_one_plus_exp(x))
    return x * gate, (x, gate)


def mish_backward(dout, cache):
    """Gradient of mish: dx = dout · (g + x (1 - g²) σ(x)) with the gate g = tanh(softplus(x)).

    The chain rule: tanh' = 1 - tanh² (see :func:`tanh_backward`), and softplus' = σ.
    """
    x, gate = unpack("mish_backward", cache, ("x", "gate"))
    dout = upstream("mish_backward", dout, x.shape, x.dtype)
    return dout * (gate + x * ((1.0 - gate * gate) * logistic(x)))


class Softplus(PairLayer):
    """Layer of :func:`softplus_forward`.

    Examples
    --------
    >>> Softplus().forward(np.zeros((1, 2)))[0].round(4)
    array([[0.6931, 0.6931]])
    """

    pair = softplus_forward, softplus_backward


class GELU(PairLayer):
    """Layer of :func:`gelu_forward`.

    Examples
    --------
    >>> GELU(approximate="tanh").forward(np.array([[-1.0, 2.0]]))[0].round(4)
    array([[-0.1588,  1.9546]])
    """

    pair = gelu_forward, gelu_backward

    def __init__(self, *, approximate="none"):
        choice("GELU", "approximate", approximate, FORMS)
        self.hold(approximate=approximate)


class SiLU(PairLayer):
    """Layer of :func:`silu_forward`.

    Examples
    --------
    >>> SiLU().forward(np.array([[-1.0, 2.0]]))[0].round(4)
    array([[-0.2689,  1.7616]])
    """

    pair = silu_forward, silu_backward


class Mish(PairLayer):
    """Layer of :func:`mish_forward`.

    Examples
    --------
    >>> Mish().forward(np.array([[-1.0, 2.0]]))[0].round(4)
    array([[-0.3034,  1.944 ]])
    """

    pair = mish_forward, mish_backward


def log_one_plus_exp(x):
    """Return log(1 + eˣ) = max(x, 0) + log(1 + e^-|x|), which cannot overflow."""
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def _in_blocks(steps, x):
    """Return out and slope, which the steps write block by block.

    A block goes through all the steps while it is in the cache: in three scratch arrays, so that
    the memory of x, out and slope is passed over once.
    """
    out, slope = np.empty_like(x), np.empty_like(x)
    flat = [array.ravel(order="K") for array in (x, out, slope)]
    scratch = np.empty((3, min(BLOCK, x.size)), x.dtype)
    for start in range(0, x.size, BLOCK):
        block = [array[start : start + BLOCK] for array in flat]
        steps(*block, *scratch[:, : block[0].size])
    return out, slope


def gelu_exact_steps(x, out, slope, gate, z, density):
    """Write x Φ(x) and its derivative Φ + x φ to out and slope; the others are scratch."""
    from scipy.special import ndtr  # Φ, without the cancellation of 1 + erf for negative x

    ndtr(x, out=gate)
    np.multiply(x, gate, out=out)
    np.clip(x, -40.0, 40.0, out=z)  # beyond, φ is 0 in float64 too, and x² could overflow
    np.multiply(z, z, out=density)
    density *= -0.5
    np.exp(density, out=density)
    density *= 1.0 / math.sqrt(2.0 * math.pi)
    density *= z
    np.add(density, gate, out=slope)


def gelu_tanh_steps(x, out, slope, gate, square, rest):
    """Write x g to out and its derivative g + x g (1 - g) 2u' to slope, which may be x itself.

    The others are scratch.
    """
    with np.errstate(over="ignore"):
        np.multiply(x, x, out=square)
        if square.max(initial=0.0) == np.inf:
            np.minimum(square, 100.0, out=square)  # beyond |x| = 10, tanh u is ±1 in float64 too
        np.multiply(square, SQRT_2_OVER_PI * CUBIC, out=gate)
        gate += SQRT_2_OVER_PI
        gate *= x
    np.tanh(gate, out=gate)
    gate *= 0.5
    gate += 0.5
    np.multiply(x, gate, out=out)
    # x g (1 - g) is 0 for large x before it is multiplied by a large 2u'
    np.subtract(1.0, gate, out=rest)
    rest *= out
    square *= 6.0 * SQRT_2_OVER_PI * CUBIC
    square += 2.0 * SQRT_2_OVER_PI  # now 2u'
    rest *= square
    np.add(rest, gate, out=slope)
