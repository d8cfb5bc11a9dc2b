"""The fully connected net of I2DL's ``networks/classification_net.py``."""

import numpy as np

from nnlayers.course.i2dl.conventions import (
    SOLVER_KEYWORDS,
    labels_and_predictions,
    made,
    refuse_unknown,
)
from nnlayers.course.i2dl.networks.base_networks import Network
from nnlayers.course.i2dl.networks.layer import Sigmoid, affine_backward, affine_forward
from nnlayers.course.translation import source
from nnlayers.layers.checks import positive_int
from nnlayers.training.bounds import non_negative
from nnlayers.training.penalties import L2

__all__ = ["ClassificationNet", "MyOwnNetwork"]

KEYWORDS = ("activation", "num_layer", "input_size", "hidden_size", "std", "num_classes", "reg")


class ClassificationNet(Network):
    """Affine maps with an activation between them, and the penalty reg · Σ W² (without a half).

    Parameters
    ----------
    activation : object or class
        With ``forward(x) -> (out, cache)`` and ``backward(dout, cache) -> dx``, such as
        ``Relu()``; one object serves all layers.
    num_layer : int
        Number of affine maps.
    input_size, hidden_size, num_classes : int
        Sizes D, H and C.
    std : float
        Standard deviation of the initial weights; biases are 0.
    reg : float
        Strength of the penalty.
    rng : int or generator, optional
        What the weights are drawn from: by default NumPy's global generator, as in the course.
    **config
        Keywords of the solver, such as ``learning_rate``, make no difference, so that one
        configuration may serve both; any other is an error.

    Attributes
    ----------
    params, grads : dict
        ``W1`` (D, H), ``b1`` (H,), ..., and their gradients; 0.0 if there is none.
    cache : dict
        ``affine1``, ``sigmoid1`` (whatever the activation is), ...
    reg : dict
        The penalty of each weight in the last forward pass.
    reg_strength : float
        May be set at any time.

    Raises
    ------
    TypeError, ValueError
        If an argument is unknown, of another kind or out of range.

    Examples
    --------
    >>> model = ClassificationNet(input_size=6, hidden_size=5, num_classes=3, num_layer=3, rng=0)
    >>> model.forward(np.ones((2, 6))).shape, list(model.params)
    ((2, 3), ['W1', 'b1', 'W2', 'b2', 'W3', 'b3'])
    """

    def __init__(
        self,
        activation=Sigmoid,
        num_layer=2,
        input_size=3 * 32 * 32,
        hidden_size=100,
        std=1e-3,
        num_classes=10,
        reg=0,
        *,
        rng=None,
        **config,
    ):
        super().__init__("cifar10_classification_net")
        op = type(self).__name__
        refuse_unknown(op, config, (*KEYWORDS, "rng"), SOLVER_KEYWORDS)
        sizes = {
            "num_layer": num_layer,
            "input_size": input_size,
            "hidden_size": hidden_size,
            "num_classes": num_classes,
        }
        positive_int(op, **sizes)
        self.activation = made(op, "activation", activation, "Relu()")
        self.num_layer, self.input_size = num_layer, input_size
        self.hidden_size, self.num_classes = hidden_size, num_classes
        self.std = non_negative(op, "std", std)
        self.reg_strength = non_negative(op, "reg", reg)
        self.reset_weights(rng=rng)

    def reset_weights(self, *, rng=None):
        """Draw all weights anew and forget the gradients.

        Parameters
        ----------
        rng : int or generator, optional
            What the weights are drawn from: by default NumPy's global generator.
        """
        rng = source(rng, f"{type(self).__name__}.reset_weights")
        hidden = [self.hidden_size] * (self.num_layer - 1)
        sizes = [self.input_size, *hidden, self.num_classes]
        self.params, self.reg, self.cache = {}, {}, None
        for i, (d, m) in enumerate(zip(sizes, sizes[1:]), start=1):
            self.params[f"W{i}"] = self.std * rng.standard_normal((d, m))
            self.params[f"b{i}"] = np.zeros(m)
        self.grads = dict.fromkeys(self.params, 0.0)

    def forward(self, X):
        """Return the scores, and keep the caches and the penalties.

        Parameters
        ----------
        X : ndarray, shape (N, d1, ..., dk)
            Examples.

        Returns
        -------
        y : ndarray, shape (N, C)
            Scores.
        """
        self.cache = {}
        for i in range(1, self.num_layer):
            X, self.cache[f"affine{i}"] = self._affine(X, i)
            X, self.cache[f"sigmoid{i}"] = self.activation.forward(X)
        y, self.cache[f"affine{self.num_layer}"] = self._affine(X, self.num_layer)
        self.reg = {name: self._penalty(name).loss(self) for name in self._weights()}
        return y

    def backward(self, dy):
        """Return the gradients of the parameters, those of the penalty among them.

        Parameters
        ----------
        dy : ndarray, shape (N, C)
            Upstream gradient of the scores.

        Returns
        -------
        grads : dict
            With the keys of ``params``; ``self.grads`` is the same dict.

        Raises
        ------
        ValueError
            If there was no forward pass, or dy has another shape than the scores.
        """
        cache, grads = self._kept(), {}
        for i in range(self.num_layer, 0, -1):
            if i < self.num_layer:
                dy = self.activation.backward(dy, cache[f"sigmoid{i}"])
            dy, grads[f"W{i}"], grads[f"b{i}"] = affine_backward(dy, cache[f"affine{i}"])
        for name in self._weights():
            grads[name] = grads[name] + self._penalty(name).gradients(self)[name]
        self.grads = {name: grads[name] for name in self.params}
        return self.grads

    def eval(self):
        """Let a call return scores alone, and free the caches."""
        super().eval()
        self.cache, self.reg = {}, {}

    def get_dataset_prediction(self, loader):
        """Return labels, predictions and accuracy for all batches of a loader.

        Parameters
        ----------
        loader : iterable of dict
            Batches with ``image`` and ``label``.

        Returns
        -------
        labels, preds : ndarray of int, shape (N,)
            True labels, and those of the highest scores.
        acc : float
            The fraction of equal ones.

        Raises
        ------
        ValueError
            If there is no batch, or it lacks an array.
        """
        op = f"{type(self).__name__}.get_dataset_prediction"
        labels, preds = labels_and_predictions(op, self, loader)
        return labels, preds, float((labels == preds).mean())

    def _affine(self, X, i):
        return affine_forward(X, self.params[f"W{i}"], self.params[f"b{i}"])

    def _weights(self):
        return [f"W{i}" for i in range(1, self.num_layer + 1)]

    def _penalty(self, name):
        return L2(self.reg_strength, half=False, only=[name])


class MyOwnNetwork(ClassificationNet):
    """A net of your own: derive from it and override what is to differ.

    As it stands, it is :class:`ClassificationNet`.
    """
