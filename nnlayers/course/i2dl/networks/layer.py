"""Layers of I2DL's ``networks/layer.py``: pairs of the library under the course's names.

Activations are objects without state: forward returns the cache, so that one object may serve
several layers.  Legend: N batch, D features in, M features out, C classes.
"""

import numpy as np

import nnlayers.layers as pairs
from nnlayers.course.cs231n.layers import affine_backward, affine_forward
from nnlayers.course.translation import as_floats, called
from nnlayers.layers.checks import complaint, describe
from nnlayers.training.bounds import non_negative

__all__ = ["LeakyRelu", "Relu", "Sigmoid", "Softmax", "Tanh", "affine_backward", "affine_forward"]


class _Activation:
    """An activation: a pair of the library, and which array the course calls its cache."""

    pair = None
    keeps_x = False

    def forward(self, x):
        """Apply the activation to every entry.

        Parameters
        ----------
        x : array_like
            Input of any shape; integers are taken as floats.

        Returns
        -------
        out : ndarray
            Output, of the shape of x.
        cache : ndarray
            For :meth:`backward`, of the shape of x.
        """
        (x,) = as_floats(x)
        with called(f"{type(self).__name__}.forward", self.pair[0].__name__):
            out, _ = self.pair[0](x, **self._settings())
        return out, (x if self.keeps_x else out)

    def backward(self, dout, cache):
        """Return the gradient dx of the input; neither dout nor the cache is written.

        Parameters
        ----------
        dout : array_like
            Upstream gradient, of the shape of out.
        cache : ndarray
            From :meth:`forward`.

        Returns
        -------
        dx : ndarray
            Gradient, of the shape of x.

        Raises
        ------
        ValueError
            If the cache is no array, or dout has another shape.
        """
        op = f"{type(self).__name__}.backward"
        if not isinstance(cache, np.ndarray | np.generic):
            problem = f"cache must be the array that forward returned, not {describe(cache)}"
            raise complaint(ValueError, op, problem, "pass the cache of the matching forward call")
        with called(op, self.pair[1].__name__):
            return self.pair[1](dout, self._own(cache))

    def _settings(self):
        return {}

    def _own(self, cache):
        """Return the cache of the pair."""
        return (cache,)

    def __repr__(self):
        words = ", ".join(f"{name}={value!r}" for name, value in self._settings().items())
        return f"{type(self).__name__}({words})"


class Sigmoid(_Activation):
    """Logistic sigmoid, :func:`nnlayers.sigmoid_forward`; its cache is out.

    Examples
    --------
    >>> Sigmoid().forward(np.array([-1000, 0]))[0]
    array([0. , 0.5])
    """

    pair = pairs.sigmoid_forward, pairs.sigmoid_backward


class Relu(_Activation):
    """Rectified linear unit, :func:`nnlayers.relu_forward`; its cache is x.

    The derivative at 0 is 0.

    Examples
    --------
    >>> out, cache = Relu().forward(np.array([-1.0, 0.0, 2.0]))
    >>> Relu().backward(np.ones(3), cache)
    array([0., 0., 1.])
    """

    # the pair keeps out, of which it asks out > 0 alone: that is where x > 0
    pair, keeps_x = (pairs.relu_forward, pairs.relu_backward), True


class LeakyRelu(_Activation):
    """Leaky ReLU, :func:`nnlayers.leaky_relu_forward`; its cache is x.

    Parameters
    ----------
    slope : float
        Slope for negative entries, and the derivative at 0.

    Examples
    --------
    >>> LeakyRelu(slope=0.1).forward(np.array([-1.0, 2.0]))[0]
    array([-0.1,  2. ])
    """

    pair, keeps_x = (pairs.leaky_relu_forward, pairs.leaky_relu_backward), True

    def __init__(self, slope=0.01):
        self.slope = non_negative("LeakyRelu", "slope", slope)

    def _settings(self):
        return {"slope": self.slope}

    def _own(self, cache):
        return cache, self.slope


class Tanh(_Activation):
    """Hyperbolic tangent, :func:`nnlayers.tanh_forward`; its cache is out.

    Examples
    --------
    >>> Tanh().forward(np.array([-1000.0, 0.0]))[0]
    array([-1.,  0.])
    """

    pair = pairs.tanh_forward, pairs.tanh_backward


class Softmax(_Activation):
    """Softmax of each row, :func:`nnlayers.softmax_forward`; its cache is out.

    Rows of (N, C) are normalized one by one, not the whole array.

    Examples
    --------
    >>> Softmax().forward(np.array([[0.0, 0.0], [0.0, 1000.0]]))[0]
    array([[0.5, 0.5],
           [0. , 1. ]])
    """

    pair = pairs.softmax_forward, pairs.softmax_backward

    def _own(self, cache):
        return cache, -1
