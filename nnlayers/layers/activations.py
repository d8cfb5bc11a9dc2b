"""Activations: functions applied to every entry alone, and softmax, which couples a row's entries.

An element-wise function out = f(x) has a diagonal Jacobian, so the product Jᵀ dout of the chain
rule is the element-wise product dout · f'(x): every backward here but softmax's is that line.
A cache holds out where f' is simplest in terms of it, as out (1 - out) for the sigmoid.
"""

import numpy as np

from nnlayers.layers.checks import complaint, one_float, unpack, upstream
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
    x = one_float("sigmoid_forward", x)
    # e^-|x| cannot overflow:  1 / (1 + e⁻ˣ) where x >= 0,  eˣ / (1 + eˣ) where x < 0
    small = np.exp(-np.abs(x))
    out = np.where(x >= 0, 1.0, small)
    out /= 1.0 + small
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


def relu_forward(x):
    """Rectified linear unit of every entry.

    out = max(x, 0)

    Parameters
    ----------
    x : ndarray
        Input of any shape.

    Returns
    -------
    out : ndarray
        Not negative, of the shape of x.
    cache : tuple
        What :func:`relu_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.

    Source
    ------
    Nair, Hinton, "Rectified linear units improve restricted Boltzmann machines" (2010).

    Examples
    --------
    >>> relu_forward(np.array([-1.0, 0.0, 2.0]))[0]
    array([0., 0., 2.])
    """
    out = np.maximum(one_float("relu_forward", x), 0)
    # out > 0 exactly where x > 0: keeping out lets go of x, which no other layer holds
    return out, (out,)


def relu_backward(dout, cache):
    """Gradient of ReLU: dx = dout where x > 0, else 0.

    The derivative of max(x, 0) is 1 for x > 0 and 0 for x < 0.  At 0 there is none; every value
    of [0, 1] is a subgradient, and 0 is the usual choice.
    """
    (out,) = unpack("relu_backward", cache, ("out",))
    dout = upstream("relu_backward", dout, out.shape, out.dtype)
    return dout * (out > 0)


def leaky_relu_forward(x, *, slope=0.01):
    """Leaky ReLU of every entry: a small slope instead of 0 for negative ones.

    out = x if x > 0 else slope · x

    Parameters
    ----------
    x : ndarray
        Input of any shape.
    slope : float
        Slope for negative entries.

    Returns
    -------
    out : ndarray
        Of the shape of x.
    cache : tuple
        What :func:`leaky_relu_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.

    Source
    ------
    Maas, Hannun, Ng, "Rectifier nonlinearities improve neural network acoustic models" (2013).

    Examples
    --------
    >>> leaky_relu_forward(np.array([-1.0, 0.0, 2.0]), slope=0.1)[0]
    array([-0.1,  0. ,  2. ])
    """
    x = one_float("leaky_relu_forward", x)
    slope = float(slope)  # a NumPy scalar would turn float32 into float64
    return np.where(x > 0, x, x * slope), (x, slope)


def leaky_relu_backward(dout, cache):
    """Gradient of leaky ReLU: dx = dout where x > 0, else slope · dout.

    The derivative is 1 for x > 0 and slope for x < 0.  At 0 it is the slope: any value between
    the two is a subgradient, and with slope = 0 this is the ReLU's choice.
    """
    x, slope = unpack("leaky_relu_backward", cache, ("x", "slope"))
    dout = upstream("leaky_relu_backward", dout, x.shape, x.dtype)
    return np.where(x > 0, dout, dout * slope)


def square_forward(x):
    """Square of every entry.

    out = x²

    Parameters
    ----------
    x : ndarray
        Input of any shape.

    Returns
    -------
    out : ndarray
        Of the shape of x.
    cache : tuple
        What :func:`square_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.

    Source
    ------
    TUM I2DL, "Multidimensional derivatives", section 4.

    Examples
    --------
    >>> square_forward(np.array([1.0, 5.0]))[0]
    array([ 1., 25.])
    """
    x = one_float("square_forward", x)
    return x * x, (x,)


def square_backward(dout, cache):
    """Gradient of the square: dx = dout · 2 x.

    x² = x · x, and the product rule gives 1 · x + x · 1.
    """
    (x,) = unpack("square_backward", cache, ("x",))
    dout = upstream("square_backward", dout, x.shape, x.dtype)
    return dout * (2.0 * x)


def softmax_forward(x, *, axis=-1):
    """Softmax: the entries along an axis as positive numbers that sum to 1.

    outᵢ = eˣⁱ / Σⱼ eˣʲ

    Parameters
    ----------
    x : ndarray
        Scores; usually (N, C).
    axis : int
        The axis of the classes.

    Returns
    -------
    out : ndarray
        Probabilities, of the shape of x.
    cache : tuple
        What :func:`softmax_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.
    ValueError
        If x has no such axis, or the axis is empty.

    Source
    ------
    Bridle, "Probabilistic interpretation of feedforward classification network outputs" (1990).

    Examples
    --------
    >>> softmax_forward(np.array([[1000.0, 1000.0], [0.0, np.log(3.0)]]))[0]
    array([[0.5 , 0.5 ],
           [0.25, 0.75]])
    """
    x = one_float("softmax_forward", x)
    check_axis("softmax_forward", x, axis)
    # adding a constant to all scores changes nothing; with the maximum at 0 no eˣ overflows
    out = np.exp(x - x.max(axis=axis, keepdims=True))
    out /= out.sum(axis=axis, keepdims=True)
    return out, (out, axis)


def softmax_backward(dout, cache):
    """Gradient of softmax: dx = out · (dout - Σⱼ doutⱼ outⱼ).

    log outⱼ = xⱼ - log Σₖ eˣᵏ, so ∂outⱼ/∂xᵢ = outⱼ (δᵢⱼ - outᵢ): the Jacobian is not diagonal.
    dxᵢ = Σⱼ doutⱼ outⱼ (δᵢⱼ - outᵢ) = outᵢ (doutᵢ - Σⱼ doutⱼ outⱼ), without forming it.
    """
    out, axis = unpack("softmax_backward", cache, ("out", "axis"))
    dout = upstream("softmax_backward", dout, out.shape, out.dtype)
    return out * (dout - (dout * out).sum(axis=axis, keepdims=True))


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


class ReLU(PairLayer):
    """Layer of :func:`relu_forward`.

    Examples
    --------
    >>> ReLU().forward(np.array([[-1.0, 2.0]]))[0]
    array([[0., 2.]])
    """

    pair = relu_forward, relu_backward


class LeakyReLU(PairLayer):
    """Layer of :func:`leaky_relu_forward`.

    Examples
    --------
    >>> LeakyReLU(slope=0.5).forward(np.array([[-1.0, 2.0]]))[0]
    array([[-0.5,  2. ]])
    """

    pair = leaky_relu_forward, leaky_relu_backward

    def __init__(self, *, slope=0.01):
        self.hold(slope=float(slope))


class Square(PairLayer):
    """Layer of :func:`square_forward`.

    Examples
    --------
    >>> Square().forward(np.array([[-1.0, 2.0]]))[0]
    array([[1., 4.]])
    """

    pair = square_forward, square_backward


class Softmax(PairLayer):
    """Layer of :func:`softmax_forward`.

    Examples
    --------
    >>> Softmax().forward(np.zeros((1, 2)))[0]
    array([[0.5, 0.5]])
    """

    pair = softmax_forward, softmax_backward

    def __init__(self, *, axis=-1):
        self.hold(axis=axis)


def check_axis(op, x, axis):
    """Raise unless x has that axis and it is not empty."""
    if not -x.ndim <= axis < x.ndim:
        raise complaint(
            ValueError, op, f"axis {axis} is out of range for {x.ndim} axes", "axes start at 0", x=x
        )
    if x.shape[axis] == 0:
        raise complaint(ValueError, op, f"axis {axis} of x is empty", "it needs an entry", x=x)
