"""S-shaped activations, which level off on both sides: sigmoid, tanh, softsign and piecewise forms.

An element-wise function out = f(x) has a diagonal Jacobian, so the product Jᵀ dout of the chain
rule is the element-wise product dout · f'(x): every backward here is that line.
A cache holds out where f' is simplest in terms of it, as out (1 - out) for the sigmoid.
"""

import numpy as np

from nnlayers.layers.checks import one_float, unpack, upstream
from nnlayers.layers.layer import PairLayer


def sigmoid_forward(x):
    """Logistic sigmoid of every entry.

    out = σ(x) = 1 / (1 + e⁻ˣ)

    Parameters
    ----------
    x : ndarray
        Input of any shape.

    Returns
    -------
    out : ndarray
        Between 0 and 1, of the shape of x.
    cache : tuple
        What :func:`sigmoid_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.

    Source
    ------
    TUM I2DL, "Multidimensional derivatives", section 4.

    Examples
    --------
    >>> sigmoid_forward(np.array([-1000.0, 0.0, 1000.0]))[0]
    array([0. , 0.5, 1. ])
    """
    out = logistic(one_float("sigmoid_forward", x))
    return out, (out,)


def sigmoid_backward(dout, cache):
    """Gradient of the sigmoid: dx = dout · out (1 - out).

    With s = 1 + e⁻ˣ and ds/dx = -e⁻ˣ = 1 - s, σ = 1 / s has the derivative
    dσ/dx = -(1 - s) / s² = (1/s) (1 - 1/s) = σ (1 - σ).
    """
    (out,) = unpack("sigmoid_backward", cache, ("out",))
    dout = upstream("sigmoid_backward", dout, out.shape, out.dtype)
    return dout * (out * (1.0 - out))


def tanh_forward(x):
    """Hyperbolic tangent of every entry.

    out = tanh(x) = (eˣ - e⁻ˣ) / (eˣ + e⁻ˣ)

    Parameters
    ----------
    x : ndarray
        Input of any shape.

    Returns
    -------
    out : ndarray
        Between -1 and 1, of the shape of x.
    cache : tuple
        What :func:`tanh_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.

    Source
    ------
    LeCun, Bottou, Orr, Müller, "Efficient BackProp" (1998), section 4.4.

    Examples
    --------
    >>> tanh_forward(np.array([-1000.0, 0.0, 1000.0]))[0]
    array([-1.,  0.,  1.])
    """
    out = np.tanh(one_float("tanh_forward", x))
    return out, (out,)


def tanh_backward(dout, cache):
    """Gradient of tanh: dx = dout · (1 - out²).

    tanh = sinh / cosh, and each of the two is the other's derivative, so
    d tanh/dx = (cosh² - sinh²) / cosh² = 1 - tanh².
    """
    (out,) = unpack("tanh_backward", cache, ("out",))
    dout = upstream("tanh_backward", dout, out.shape, out.dtype)
    return dout * (1.0 - out * out)


def softsign_forward(x):
    """Softsign of every entry: like tanh, but it nears ±1 as slowly as 1/x.

    out = x / (1 + |x|)

    Parameters
    ----------
    x : ndarray
        Input of any shape.

    Returns
    -------
    out : ndarray
        Between -1 and 1, of the shape of x.
    cache : tuple
        What :func:`softsign_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.

    Source
    ------
    Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural networks"
    (2010), section 2.3.

    Examples
    --------
    >>> softsign_forward(np.array([-1.0, 0.0, 3.0]))[0]
    array([-0.5 ,  0.  ,  0.75])
    """
    x = one_float("softsign_forward", x)
    share = 1.0 / (1.0 + np.abs(x))
    return x * share, (share,)


def softsign_backward(dout, cache):
    """Gradient of softsign: dx = dout / (1 + |x|)².

    For x > 0, d(x / (1 + x))/dx = ((1 + x) - x) / (1 + x)² = 1 / (1 + x)²; for x < 0 the same with
    1 - x; both are 1 at 0, so there is no kink.
    """
    (share,) = unpack("softsign_backward", cache, ("1 / (1 + |x|)",))
    dout = upstream("softsign_backward", dout, share.shape, share.dtype)
    return dout * (share * share)


def hard_sigmoid_forward(x):
    """Hard sigmoid of every entry: three straight lines in place of the sigmoid.

    out = min(max(x / 6 + 1/2, 0), 1); some libraries divide by 5 instead

    Parameters
    ----------
    x : ndarray
        Input of any shape.

    Returns
    -------
    out : ndarray
        From 0 to 1, of the shape of x.
    cache : tuple
        What :func:`hard_sigmoid_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.

    Source
    ------
    Howard et al., "Searching for MobileNetV3" (2019), section 5.2.

    Examples
    --------
    >>> hard_sigmoid_forward(np.array([-4.0, 0.0, 1.5, 4.0]))[0]
    array([0.  , 0.5 , 0.75, 1.  ])
    """
    x = one_float("hard_sigmoid_forward", x)
    return (x.clip(-3.0, 3.0) + 3.0) / 6.0, (x,)


def hard_sigmoid_backward(dout, cache):
    """Gradient of the hard sigmoid: dx = dout / 6 where -3 < x < 3, else 0.

    The middle line has the slope 1/6, the outer two are level.  At the kinks -3 and 3 it is 0.
    """
    (x,) = unpack("hard_sigmoid_backward", cache, ("x",))
    dout = upstream("hard_sigmoid_backward", dout, x.shape, x.dtype)
    return dout * (np.abs(x) < 3.0) / 6.0


def hard_tanh_forward(x):
    """Hard tanh of every entry: three straight lines in place of tanh.

    out = min(max(x, -1), 1)

    Parameters
    ----------
    x : ndarray
        Input of any shape.

    Returns
    -------
    out : ndarray
        From -1 to 1, of the shape of x.
    cache : tuple
        What :func:`hard_tanh_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.

    Source
    ------
    Collobert, "Large scale machine learning" (2004).

    Examples
    --------
    >>> hard_tanh_forward(np.array([-4.0, 0.5, 4.0]))[0]
    array([-1. ,  0.5,  1. ])
    """
    out = one_float("hard_tanh_forward", x).clip(-1.0, 1.0)
    return out, (out,)


def hard_tanh_backward(dout, cache):
    """Gradient of hard tanh: dx = dout where -1 < x < 1, else 0.

    The middle line has the slope 1, the outer two are level.  At the kinks -1 and 1 it is 0.
    |out| < 1 exactly where |x| < 1: keeping out lets go of x.
    """
    (out,) = unpack("hard_tanh_backward", cache, ("out",))
    dout = upstream("hard_tanh_backward", dout, out.shape, out.dtype)
    return dout * (np.abs(out) < 1.0)


class Sigmoid(PairLayer):
    """Layer of :func:`sigmoid_forward`.

    Examples
    --------
    >>> Sigmoid().forward(np.zeros((1, 2)))[0]
    array([[0.5, 0.5]])
    """

    pair = sigmoid_forward, sigmoid_backward


class Tanh(PairLayer):
    """Layer of :func:`tanh_forward`.

    Examples
    --------
    >>> Tanh().forward(np.zeros((1, 2)))[0]
    array([[0., 0.]])
    """

    pair = tanh_forward, tanh_backward


class Softsign(PairLayer):
    """Layer of :func:`softsign_forward`.

    Examples
    --------
    >>> Softsign().forward(np.array([[-1.0, 3.0]]))[0]
    array([[-0.5 ,  0.75]])
    """

    pair = softsign_forward, softsign_backward


class HardSigmoid(PairLayer):
    """Layer of :func:`hard_sigmoid_forward`.

    Examples
    --------
    >>> HardSigmoid().forward(np.array([[-4.0, 0.0]]))[0]
    array([[0. , 0.5]])
    """

    pair = hard_sigmoid_forward, hard_sigmoid_backward


class HardTanh(PairLayer):
    """Layer of :func:`hard_tanh_forward`.

    Examples
    --------
    >>> HardTanh().forward(np.array([[-4.0, 0.5]]))[0]
    array([[-1. ,  0.5]])
    """

    pair = hard_tanh_forward, hard_tanh_backward


def logistic(x):
    """Return 1 / (1 + e⁻ˣ)."""
    with np.errstate(over="ignore"):  # an infinite e⁻ˣ gives 0, which is right
        one_plus = np.exp(-x)
    one_plus += 1.0
    return 1.0 / one_plus
