"""What the nets of I2DL share, as its ``networks/base_networks.py`` has it."""

import os
import pickle
from abc import ABC, abstractmethod

from nnlayers.layers.checks import complaint

__all__ = ["Network"]


class Network(ABC):
    """A net with a forward and a backward pass; the caches are kept in the net.

    Parameters
    ----------
    modelname : str
        Name of the file in which :meth:`save_model` writes the net.

    Attributes
    ----------
    model_name : str
        That name.
    return_grad : bool
        Whether a call returns gradients too; :meth:`train` and :meth:`eval` set it.
    cache : dict or None
        What backward needs of the last forward pass.
    """

    def __init__(self, modelname="model_name"):
        self.model_name, self.return_grad, self.cache = modelname, True, None

    @abstractmethod
    def forward(self, X):
        """Return the net's output for examples X."""

    @abstractmethod
    def backward(self, dy):
        """Return the gradients of the parameters, given the upstream gradient of the output."""

    def _kept(self):
        """Return the cache of the last forward pass; raise if there is none."""
        if not self.cache:
            op = f"{type(self).__name__}.backward"
            raise complaint(ValueError, op, "there is no cache", "call forward(X) first")
        return self.cache

    def __call__(self, X):
        """Return the output for examples X.

        Parameters
        ----------
        X : ndarray
            Examples.

        Returns
        -------
        y : ndarray
            The output, in evaluation.
        (y, grads) : tuple
            In training: with the output as its own upstream gradient, which is that of ½ Σ y².
        """
        y = self.forward(X)
        return (y, self.backward(y)) if self.return_grad else y

    def train(self):
        """Let a call return gradients too."""
        self.return_grad = True

    def eval(self):
        """Let a call return the output alone."""
        self.return_grad = False

    def save_model(self, data=None):
        """Pickle ``{model_name: net}`` to the file ``models/<model_name>.p``.

        Parameters
        ----------
        data : object, optional
            Makes no difference; nets of your own may save it.
        """
        os.makedirs("models", exist_ok=True)
        with open(os.path.join("models", f"{self.model_name}.p"), "wb") as f:
            pickle.dump({self.model_name: self}, f)
