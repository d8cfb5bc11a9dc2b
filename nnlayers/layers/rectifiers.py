"""ReLU and its variants: the identity for positive entries, something smaller for the others.

Each is element-wise, so backward is dout · f'(x), which differs from dout for the others alone.
At 0 there is a kink, and any value between the slopes of its two sides is a subgradient: that of
the negative side is taken.
"""

import numpy as np

from nnlayers.layers.checks import (
    ARRAY,
    bad_cache,
    complaint,
    floats,
    one_float,
    positive_int,
    unpack,
    upstream,
)
from nnlayers.layers.layer import PairLayer

# for which selu maps mean 0 and variance 1 to mean 0 and variance 1: Klambauer et al., eq. (14)
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


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
    # 1 where x > 0, else 0: made floats at once, as a product of floats and booleans takes longer
    dx = (out > 0).astype(out.dtype)
    dx *= dout
    return dx


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
    # one of the two terms is 0; np.where takes many times longer where signs change at random
    return np.maximum(x, 0.0) + slope * np.minimum(x, 0.0), (x, slope)


def leaky_relu_backward(dout, cache):
    """Gradient of leaky ReLU: dx = dout where x > 0, else slope · dout.

    The derivative is 1 for x > 0 and slope for x < 0.  At 0 it is the slope: any value between
    the two is a subgradient, and with slope = 0 this is the ReLU's choice.
    """
    x, slope = unpack("leaky_relu_backward", cache, ("x", "slope"), (ARRAY, float))
    dout = upstream("leaky_relu_backward", dout, x.shape, x.dtype)
    return dout * _slopes(x, x.dtype.type(slope))


def prelu_forward(x, slope):
    """Parametric ReLU: leaky ReLU with a learned slope, for all entries or for each channel.

    out = x if x > 0 else slope · x

    Parameters
    ----------
    x : ndarray, shape (N, C, ...)
        Input; any shape for a single slope.
    slope : ndarray, shape (1,) or (C,)
        Slope for negative entries, for all channels or each.

    Returns
    -------
    out : ndarray
        Of the shape of x.
    cache : tuple
        What :func:`prelu_backward` needs.

    Raises
    ------
    TypeError
        If an array is not floating-point, or the dtypes differ.
    ValueError
        If there is neither one slope nor one for each channel.

    Source
    ------
    He, Zhang, Ren, Sun, "Delving deep into rectifiers" (2015), eq. (1).

    Examples
    --------
    >>> prelu_forward(np.array([[-1.0, -1.0], [2.0, -2.0]]), np.array([0.1, 0.5]))[0]
    array([[-0.1, -0.5],
           [ 2. , -1. ]])
    """
    x, slope = floats("prelu_forward", x=x, slope=slope)
    if slope.ndim != 1 or len(slope) != 1 and (x.ndim < 2 or x.shape[1] != len(slope)):
        channels = f" or ({x.shape[1]},)" if x.ndim > 1 else ""
        raise complaint(
            ValueError,
            "prelu_forward",
            f"slope must be (1,){channels}: one for all entries, or one for each of axis 1 of x",
            x=x,
            slope=slope,
        )
    return np.maximum(x, 0.0) + _per_channel(slope, x) * np.minimum(x, 0.0), (x, slope)


def prelu_backward(dout, cache, need_dx=True):
    """Gradients of parametric ReLU: dx as for leaky ReLU, dslope = Σ x · dout over x < 0.

    Where x > 0 out is x and does not contain the slope; elsewhere out = slope · x, so
    ∂out/∂x = slope and ∂out/∂slope = x.  A slope stands in every negative entry of its channel:
    ∂L/∂slope꜀ = Σ min(x, 0) · dout over the channel.

    Returns
    -------
    dx, dslope : ndarray
        Gradients, of the shapes of x and slope.
    """
    op = "prelu_backward"
    x, slope = unpack(op, cache, ("x", "slope"))
    if slope.ndim != 1 or len(slope) not in (1, *x.shape[1:2]):
        raise bad_cache(op, cache, ("x", "slope"))
    dout = upstream(op, dout, x.shape, x.dtype)
    dx = dout * _slopes(x, _per_channel(slope, x)) if need_dx else None
    shared = tuple(axis for axis in range(x.ndim) if axis != 1 or len(slope) == 1)
    dslope = (np.minimum(x, 0.0) * dout).sum(axis=shared).reshape(slope.shape)
    return dx, dslope


def elu_forward(x, *, alpha=1.0):
    """Exponential linear unit of every entry: negative ones level off at -alpha.

    out = x if x > 0 else alpha (eˣ - 1)

    Parameters
    ----------
    x : ndarray
        Input of any shape.
    alpha : float
        Negative of the limit for x → -∞; with 1 there is no kink at 0.

    Returns
    -------
    out : ndarray
        Of the shape of x.
    cache : tuple
        What :func:`elu_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.

    Source
    ------
    Clevert, Unterthiner, Hochreiter, "Fast and accurate deep network learning by exponential linear
    units" (2016).

    Examples
    --------
    >>> elu_forward(np.array([-1000.0, -np.log(2.0), 2.0]))[0]
    array([-1. , -0.5,  2. ])
    """
    x = one_float("elu_forward", x)
    alpha = float(alpha)  # a NumPy scalar would turn float32 into float64
    # one of the two terms is 0
    return np.maximum(x, 0.0) + alpha * np.expm1(np.minimum(x, 0.0)), (x, alpha)


def elu_backward(dout, cache):
    """Gradient of ELU: dx = dout where x > 0, else dout · alpha eˣ.

    d alpha (eˣ - 1)/dx = alpha eˣ.  At 0 that is alpha, the slope of the negative side.
    """
    x, alpha = unpack("elu_backward", cache, ("x", "alpha"), (ARRAY, float))
    dout = upstream("elu_backward", dout, x.shape, x.dtype)
    # the minimum keeps large x, whose eˣ is not wanted, from overflowing
    return dout * _slopes(x, alpha * np.exp(np.minimum(x, 0.0)))


def selu_forward(x):
    """Scaled exponential linear unit of every entry, whose constants keep mean 0 and variance 1.

    out = 1.0507 x if x > 0 else 1.0507 · 1.6733 (eˣ - 1)

    Parameters
    ----------
    x : ndarray
        Input of any shape.

    Returns
    -------
    out : ndarray
        Of the shape of x.
    cache : tuple
        What :func:`selu_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.

    Source
    ------
    Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks" (2017), eq. (2).

    Examples
    --------
    >>> selu_forward(np.array([-1000.0, 0.0, 1.0]))[0].round(4)
    array([-1.7581,  0.    ,  1.0507])
    """
    out, cache = elu_forward(one_float("selu_forward", x), alpha=SELU_ALPHA)
    return SELU_SCALE * out, cache


def selu_backward(dout, cache):
    """Gradient of SELU: 1.0507 times the gradient of ELU with alpha = 1.6733.

    selu = scale · elu, and a constant factor is kept by the derivative: see :func:`elu_backward`.
    """
    x, alpha = unpack("selu_backward", cache, ("x", "alpha"), (ARRAY, float))
    dout = upstream("selu_backward", dout, x.shape, x.dtype)
    return elu_backward(SELU_SCALE * dout, cache)


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


class PReLU(PairLayer):
    """Layer of :func:`prelu_forward`, whose slope is learned.

    Parameters
    ----------
    channels : int
        Number of slopes: 1 for all entries together, or C, one for each entry of axis 1.
    slope : float
        What they start at.
    dtype : dtype
        Of the slopes.

    Examples
    --------
    >>> layer = PReLU(2)
    >>> out, cache = layer.forward(np.array([[-1.0, -2.0]]))
    >>> out
    array([[-0.25, -0.5 ]])
    >>> dx, dslope = layer.backward(np.ones((1, 2)), cache)
    >>> dslope
    array([-1., -2.])
    """

    pair = prelu_forward, prelu_backward

    def __init__(self, channels=1, *, slope=0.25, dtype=np.float64):
        positive_int("PReLU", channels=channels)
        self.hold({"slope": np.full(channels, slope, dtype)})

    @classmethod
    def of(cls, slope):
        """Make the layer of a copy of its slopes, (1,) or (C,)."""
        slope = one_float("PReLU.of", slope, "slope")
        if slope.ndim != 1 or len(slope) == 0:
            raise complaint(ValueError, "PReLU.of", "slope must be (1,) or (C,)", slope=slope)
        return cls.__new__(cls).hold({"slope": slope.copy()})

    def __repr__(self):
        return self.form(*self.params["slope"].shape)


class ELU(PairLayer):
    """Layer of :func:`elu_forward`.

    Examples
    --------
    >>> ELU(alpha=2.0).forward(np.array([[-np.log(2.0), 2.0]]))[0]
    array([[-1.,  2.]])
    """

    pair = elu_forward, elu_backward

    def __init__(self, *, alpha=1.0):
        self.hold(alpha=float(alpha))


class SELU(PairLayer):
    """Layer of :func:`selu_forward`.

    Examples
    --------
    >>> SELU().forward(np.array([[0.0, 2.0]]))[0].round(4)
    array([[0.    , 2.1014]])
    """

    pair = selu_forward, selu_backward


def _slopes(x, negative):
    """Return 1 where x > 0 and the negative side's slope elsewhere, in the dtype of that slope."""
    return (x > 0) + negative * (x <= 0)


def _per_channel(slope, x):
    """Return the slopes in a shape that broadcasts to x along axis 1."""
    return slope.reshape(()) if len(slope) == 1 else slope.reshape(len(slope), *(1,) * (x.ndim - 2))
