"""The net for house prices of I2DL's ``networks/regression_net.py``."""

import numpy as np

from nnlayers.course.i2dl.networks.base_networks import Network
from nnlayers.course.i2dl.networks.compute_network_size import size_of
from nnlayers.course.i2dl.networks.layer import Sigmoid, affine_backward, affine_forward
from nnlayers.course.translation import source
from nnlayers.layers.checks import positive_int
from nnlayers.training.bounds import non_negative

__all__ = ["RegressionNet"]


class RegressionNet(Network):
    """Affine map, sigmoid and affine map to one number.

    Parameters
    ----------
    input_size, hidden_size : int
        Sizes D and H.
    std : float
        Standard deviation of the initial weights; biases are 0.
    rng : int or generator, optional
        What the weights are drawn from: by default the same for every net, as in the course,
        which seeds the global generator by 0; here that one is left alone.

    Attributes
    ----------
    params, grads : dict
        ``W1`` (D, H), ``b1`` (H,), ``W2`` (H, 1), ``b2`` (1,), and their gradients; 0.0 if there
        is none.
    cache : dict
        ``affine1``, ``sigmoid``, ``affine2``.
    memory, memory_forward, memory_backward : int
        Bytes of the caches and gradients of the last passes.
    num_operation : int
        Products and activations in the last pass.

    Raises
    ------
    TypeError, ValueError
        If a size is no positive integer, or std is negative.

    Examples
    --------
    >>> model = RegressionNet(input_size=2, hidden_size=3)
    >>> model.forward(np.ones((4, 2))).shape, model.num_operation
    ((4, 1), 48)
    """

    def __init__(self, input_size, hidden_size, std=1e-3, *, rng=0):
        super().__init__("regression_net")
        op = "RegressionNet"
        positive_int(op, input_size=input_size, hidden_size=hidden_size)
        std, rng = non_negative(op, "std", std), source(rng, op)
        self.input_size, self.hidden_size = input_size, hidden_size
        self.params = {
            "W1": std * rng.standard_normal((input_size, hidden_size)),
            "b1": np.zeros(hidden_size),
            "W2": std * rng.standard_normal((hidden_size, 1)),
            "b2": np.zeros(1),
        }
        self.grads = dict.fromkeys(self.params, 0.0)
        self.memory = self.memory_forward = self.memory_backward = self.num_operation = 0

    def forward(self, X):
        """Return predictions, and keep the caches.

        Parameters
        ----------
        X : ndarray, shape (N, D)
            Examples.

        Returns
        -------
        y : ndarray, shape (N, 1)
            Predictions.
        """
        params, cache = self.params, {}
        h, cache["affine1"] = affine_forward(X, params["W1"], params["b1"])
        h, cache["sigmoid"] = Sigmoid().forward(h)
        y, cache["affine2"] = affine_forward(h, params["W2"], params["b2"])
        self.cache = cache
        # each example meets D · H weights, H sigmoids and H weights
        self.num_operation = len(y) * self.hidden_size * (self.input_size + 2)
        self.memory = self.memory_forward = sum(size_of(entry) for entry in cache.values())
        return y

    def backward(self, dy):
        """Return the gradients of the parameters.

        Parameters
        ----------
        dy : ndarray, shape (N, 1)
            Upstream gradient of the predictions.

        Returns
        -------
        grads : dict
            With the keys of ``params``; ``self.grads`` is the same dict.

        Raises
        ------
        ValueError
            If there was no forward pass, or dy has another shape than the predictions.
        """
        cache = self._kept()
        dh, dW2, db2 = affine_backward(dy, cache["affine2"])
        dh = Sigmoid().backward(dh, cache["sigmoid"])
        _, dW1, db1 = affine_backward(dh, cache["affine1"])
        self.grads = {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
        # twice the products of forward: one gradient for each factor
        self.num_operation = len(dh) * self.hidden_size * (2 * self.input_size + 3)
        self.memory_backward = sum(size_of(gradient) for gradient in self.grads.values())
        self.memory = self.memory_forward + self.memory_backward
        return self.grads
