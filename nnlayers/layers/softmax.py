"""Softmax and its logarithm, which couple the entries along an axis."""

import numpy as np

from nnlayers.layers.checks import ARRAY, INT, complaint, one_float, unpack, upstream
from nnlayers.layers.layer import PairLayer


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
    out, axis = unpack("softmax_backward", cache, ("out", "axis"), (ARRAY, INT))
    dout = upstream("softmax_backward", dout, out.shape, out.dtype)
    return out * (dout - (dout * out).sum(axis=axis, keepdims=True))


def log_softmax_forward(x, *, axis=-1):
    """Logarithm of softmax, without forming probabilities that could be 0.

    outᵢ = log(eˣⁱ / Σⱼ eˣʲ) = xᵢ - log Σⱼ eˣʲ

    Parameters
    ----------
    x : ndarray
        Scores; usually (N, C).
    axis : int
        The axis of the classes.

    Returns
    -------
    out : ndarray
        Log-probabilities in nats, of the shape of x.
    cache : tuple
        What :func:`log_softmax_backward` needs.

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
    >>> log_softmax_forward(np.array([[0.0, np.log(3.0)], [-1000.0, 0.0]]))[0].round(1).tolist()
    [[-1.4, -0.3], [-1000.0, 0.0]]
    """
    x = one_float("log_softmax_forward", x)
    check_axis("log_softmax_forward", x, axis)
    # adding a constant to all scores changes nothing; with the maximum at 0 no eˣ overflows
    out = x - x.max(axis=axis, keepdims=True)
    out -= np.log(np.exp(out).sum(axis=axis, keepdims=True))
    return out, (out, axis)


def log_softmax_backward(dout, cache):
    """Gradient of log-softmax: dx = dout - softmax(x) Σⱼ doutⱼ.

    ∂outⱼ/∂xᵢ = δᵢⱼ - ∂/∂xᵢ log Σₖ eˣᵏ = δᵢⱼ - pᵢ, with p = softmax(x) = e^out.
    dxᵢ = Σⱼ doutⱼ (δᵢⱼ - pᵢ) = doutᵢ - pᵢ Σⱼ doutⱼ.
    """
    out, axis = unpack("log_softmax_backward", cache, ("out", "axis"), (ARRAY, INT))
    dout = upstream("log_softmax_backward", dout, out.shape, out.dtype)
    return dout - np.exp(out) * dout.sum(axis=axis, keepdims=True)


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


class LogSoftmax(PairLayer):
    """Layer of :func:`log_softmax_forward`.

    Examples
    --------
    >>> LogSoftmax().forward(np.zeros((1, 2)))[0].round(4)
    array([[-0.6931, -0.6931]])
    """

    pair = log_softmax_forward, log_softmax_backward

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
