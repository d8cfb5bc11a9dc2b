"""Elementary functions of every entry: identity, square, abs, exp, log and clip.

Each is element-wise, so backward is dout · f'(x).
"""

import math

import numpy as np

from nnlayers.layers.checks import ARRAY, complaint, one_float, unpack, upstream
from nnlayers.layers.layer import PairLayer

LIMIT = (float, type(None))


def identity_forward(x):
    """Identity: x as it is.

    out = x

    Parameters
    ----------
    x : ndarray
        Input of any shape.

    Returns
    -------
    out : ndarray
        x itself.
    cache : tuple
        What :func:`identity_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.

    Source
    ------
    He, Zhang, Ren, Sun, "Identity mappings in deep residual networks" (2016), eq. (1).

    Examples
    --------
    >>> identity_forward(np.array([1.0, 5.0]))[0]
    array([1., 5.])
    """
    x = one_float("identity_forward", x)
    return x, (x,)


def identity_backward(dout, cache):
    """Gradient of the identity: dx = dout.

    dx/dx = 1.
    """
    (x,) = unpack("identity_backward", cache, ("x",))
    return upstream("identity_backward", dout, x.shape, x.dtype)


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


def abs_forward(x):
    """Absolute value of every entry.

    out = |x|

    Parameters
    ----------
    x : ndarray
        Input of any shape.

    Returns
    -------
    out : ndarray
        Of the shape of x.
    cache : tuple
        What :func:`abs_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.

    Source
    ------
    NumPy, ``np.abs``.

    Examples
    --------
    >>> abs_forward(np.array([-1.0, 5.0]))[0]
    array([1., 5.])
    """
    x = one_float("abs_forward", x)
    return np.abs(x), (x,)


def abs_backward(dout, cache):
    """Gradient of the absolute value: dx = dout · sign(x).

    |x| = x with the slope 1 for x > 0, and -x with the slope -1 for x < 0.  At 0 every value of
    [-1, 1] is a subgradient, and sign(0) = 0 is the usual choice.
    """
    (x,) = unpack("abs_backward", cache, ("x",))
    dout = upstream("abs_backward", dout, x.shape, x.dtype)
    return dout * np.sign(x)


def exp_forward(x):
    """Exponential of every entry.

    out = eˣ

    Parameters
    ----------
    x : ndarray
        Input of any shape.

    Returns
    -------
    out : ndarray
        Of the shape of x.
    cache : tuple
        What :func:`exp_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.
    ValueError
        If eˣ is larger than the dtype's largest number (x > 88.7 for float32, 709.7 for float64).

    Source
    ------
    NumPy, ``np.exp``.

    Examples
    --------
    >>> exp_forward(np.array([0.0, np.log(2.0)]))[0]
    array([1., 2.])
    """
    op = "exp_forward"
    x = one_float(op, x)
    largest = float(x.max(initial=-math.inf))
    if math.isfinite(largest) and largest > math.log(np.finfo(x.dtype).max):
        raise complaint(
            ValueError,
            op,
            f"the exponential of {largest:.6g}, the largest entry of x, overflows {x.dtype}",
            "subtract the maximum first, as softmax_forward does",
            x=x,
        )
    out = np.exp(x)
    return out, (out,)


def exp_backward(dout, cache):
    """Gradient of the exponential: dx = dout · out.

    deˣ/dx = eˣ.
    """
    (out,) = unpack("exp_backward", cache, ("out",))
    dout = upstream("exp_backward", dout, out.shape, out.dtype)
    return dout * out


def log_forward(x):
    """Natural logarithm of every entry.

    out = log x

    Parameters
    ----------
    x : ndarray
        Positive input of any shape.

    Returns
    -------
    out : ndarray
        Of the shape of x.
    cache : tuple
        What :func:`log_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.
    ValueError
        If an entry is 0 or negative.

    Source
    ------
    NumPy, ``np.log``.

    Examples
    --------
    >>> log_forward(np.array([1.0, np.e]))[0]
    array([0., 1.])
    """
    op = "log_forward"
    x = one_float(op, x)
    least = float(x.min(initial=math.inf))
    if least <= 0:
        raise complaint(
            ValueError,
            op,
            f"the logarithm of {least:.6g}, the least entry of x, is no number",
            "clip_forward(x, low=1e-12) keeps x positive; log_softmax_forward takes scores",
            x=x,
        )
    return np.log(x), (x,)


def log_backward(dout, cache):
    """Gradient of the logarithm: dx = dout / x.

    log is the inverse of exp: differentiating e^(log x) = x gives x · d log x/dx = 1.
    """
    (x,) = unpack("log_backward", cache, ("x",))
    return upstream("log_backward", dout, x.shape, x.dtype) / x


def clip_forward(x, *, low=None, high=None):
    """Limit every entry to an interval.

    out = min(max(x, low), high)

    Parameters
    ----------
    x : ndarray
        Input of any shape.
    low, high : float, optional
        Ends of the interval; None is no limit.

    Returns
    -------
    out : ndarray
        Of the shape of x.
    cache : tuple
        What :func:`clip_backward` needs.

    Raises
    ------
    TypeError
        If x is not floating-point.
    ValueError
        If low and high are both None, or low > high.

    Source
    ------
    NumPy, ``np.clip``.

    Examples
    --------
    >>> clip_forward(np.array([-4.0, 0.5, 4.0]), low=0.0, high=2.0)[0]
    array([0. , 0.5, 2. ])
    """
    x = one_float("clip_forward", x)
    low, high = _interval("clip_forward", low, high)
    return x.clip(low, high), (x, low, high)


def clip_backward(dout, cache):
    """Gradient of clipping: dx = dout where low <= x <= high, else 0.

    Inside, out = x has the slope 1; outside, out is constant.  At the ends 0 and 1 are both
    subgradients, and 1 lets an entry that was set to a limit leave it.
    """
    x, low, high = unpack("clip_backward", cache, ("x", "low", "high"), (ARRAY, LIMIT, LIMIT))
    dout = upstream("clip_backward", dout, x.shape, x.dtype)
    return dout * (x == x.clip(low, high))


class Identity(PairLayer):
    """Layer of :func:`identity_forward`.

    Examples
    --------
    >>> Identity().forward(np.array([[-1.0, 2.0]]))[0]
    array([[-1.,  2.]])
    """

    pair = identity_forward, identity_backward


class Square(PairLayer):
    """Layer of :func:`square_forward`.

    Examples
    --------
    >>> Square().forward(np.array([[-1.0, 2.0]]))[0]
    array([[1., 4.]])
    """

    pair = square_forward, square_backward


class Abs(PairLayer):
    """Layer of :func:`abs_forward`.

    Examples
    --------
    >>> Abs().forward(np.array([[-1.0, 2.0]]))[0]
    array([[1., 2.]])
    """

    pair = abs_forward, abs_backward


class Exp(PairLayer):
    """Layer of :func:`exp_forward`.

    Examples
    --------
    >>> Exp().forward(np.zeros((1, 2)))[0]
    array([[1., 1.]])
    """

    pair = exp_forward, exp_backward


class Log(PairLayer):
    """Layer of :func:`log_forward`.

    Examples
    --------
    >>> Log().forward(np.ones((1, 2)))[0]
    array([[0., 0.]])
    """

    pair = log_forward, log_backward


class Clip(PairLayer):
    """Layer of :func:`clip_forward`.

    Examples
    --------
    >>> Clip(low=0.0).forward(np.array([[-1.0, 2.0]]))[0]
    array([[0., 2.]])
    """

    pair = clip_forward, clip_backward

    def __init__(self, *, low=None, high=None):
        low, high = _interval("Clip", low, high)
        self.hold(low=low, high=high)


def _interval(op, low, high):
    """Return the ends as Python floats, which leave float32 as it is."""
    low, high = (None if end is None else float(end) for end in (low, high))
    if low is None and high is None:
        raise complaint(
            ValueError, op, "low and high are both None", "identity_forward limits nothing"
        )
    if low is not None and high is not None and not low <= high:
        raise complaint(ValueError, op, f"low = {low} must not be above high = {high}")
    return low, high
