"""The logistic regression of I2DL's ``networks/classifier.py``."""

import numpy as np

import nnlayers.layers as pairs
from nnlayers.course.i2dl.networks.base_networks import Network
from nnlayers.course.translation import as_floats, called, source
from nnlayers.layers.checks import complaint, positive_int

__all__ = ["Classifier"]


class Classifier(Network):
    """A classifier y = σ([X, 1] W): the last row of W is the bias.

    Unlike for the other nets, a call gives the output alone in training too, as exercise 4 has it.

    Parameters
    ----------
    num_features : int
        D.
    rng : int or generator, optional
        What the weights are drawn from: by default NumPy's global generator, as in the course.

    Attributes
    ----------
    W : ndarray, shape (D + 1, 1)
        Weights.

    Examples
    --------
    >>> model = Classifier(num_features=1)
    >>> model.initialize_weights(np.array([[1.0], [-2.0]]))
    >>> model(np.array([[2.0], [1000.0]]))
    array([[0.5],
           [1. ]])
    """

    def __init__(self, num_features=2, *, rng=None):
        super().__init__("classifier")
        positive_int("Classifier", num_features=num_features)
        self.num_features = num_features
        self.initialize_weights(rng=rng)

    def initialize_weights(self, weights=None, *, rng=None):
        """Draw the weights anew from N(0, 0.001²), or take a copy of these.

        Parameters
        ----------
        weights : ndarray, shape (D + 1, 1), optional
            The weights.
        rng : int or generator, optional
            What they are drawn from: by default NumPy's global generator.

        Raises
        ------
        ValueError
            If they have another shape.
        """
        op, shape = "Classifier.initialize_weights", (self.num_features + 1, 1)
        if weights is None:
            self.W = 0.001 * source(rng, op).standard_normal(shape)
            return
        (weights,) = as_floats(weights)
        if weights.shape != shape:
            problem = f"weights must be (num_features + 1, 1) = {shape}"
            raise complaint(ValueError, op, problem, weights=weights)
        self.W = weights.copy()

    def forward(self, X):
        """Return the probabilities of class 1.

        Parameters
        ----------
        X : ndarray, shape (N, D)
            Examples.

        Returns
        -------
        y : ndarray, shape (N, 1)
            Probabilities.

        Raises
        ------
        ValueError
            If X has not D features.
        """
        X, W = as_floats(X, self.W)
        # the product of [X, 1] and W is that of X and all rows but the last, and this as a bias
        with called("Classifier.forward", "affine_forward"):
            scores, affine_cache = pairs.affine_forward(X, W[:-1], W[-1])
        y, sigmoid_cache = pairs.sigmoid_forward(scores)
        self.cache = affine_cache, sigmoid_cache
        return y

    def backward(self, dout):
        """Return the gradient of the weights.

        Parameters
        ----------
        dout : ndarray, shape (N, 1)
            Upstream gradient of y.

        Returns
        -------
        dW : ndarray, shape (D + 1, 1)
            Gradient.

        Raises
        ------
        ValueError
            If there was no forward pass, or dout has another shape than y.
        """
        affine_cache, sigmoid_cache = self._kept()
        with called("Classifier.backward", "sigmoid_backward"):
            dscores = pairs.sigmoid_backward(dout, sigmoid_cache)
        _, dw, db = pairs.affine_backward(dscores, affine_cache, need_dx=False)
        return np.concatenate([dw, db[None]])

    def __call__(self, X):
        """Return the probabilities of class 1: see :meth:`forward`."""
        return self.forward(X)

    def sigmoid(self, x):
        """Return the sigmoid of every entry of x: :func:`nnlayers.sigmoid_forward`."""
        return pairs.sigmoid_forward(*as_floats(x))[0]
