"""The two-layer net of cs231n's ``neural_net.py``, of the first assignment until 2020.

It is another one than that of ``fc_net.py``: it trains itself, its arguments have other names, and
its penalty is reg · Σ W², without the factor 0.5.
"""

import numpy as np

from nnlayers.course.cs231n import layer_utils, layers
from nnlayers.course.cs231n.optim import sgd
from nnlayers.course.translation import check_keywords, source
from nnlayers.layers.checks import complaint
from nnlayers.training.penalties import L2

__all__ = ["TwoLayerNet"]

_HINTS = (
    (
        ("input_dim", "hidden_dim", "num_classes", "weight_scale", "reg"),
        "classifiers.fc_net.TwoLayerNet takes them, whose penalty is 0.5 · reg · Σ W²",
    ),
)


class TwoLayerNet:
    """Affine map, ReLU, affine map and softmax, with the penalty reg · Σ W².

    Parameters
    ----------
    input_size, hidden_size, output_size : int
        Sizes D, H and C.
    std : float
        Standard deviation of the initial weights; biases are 0.
    rng : int or generator, optional
        What the weights are drawn from: by default NumPy's global generator, as in the course.

    Attributes
    ----------
    params : dict
        ``W1`` (D, H), ``b1`` (H,), ``W2`` (H, C), ``b2`` (C,).
    """

    def __init__(
        self,
        input_size=None,
        hidden_size=None,
        output_size=None,
        std=1e-4,
        *,
        rng=None,
        **unknown,
    ):
        op = "TwoLayerNet"
        known = ("input_size", "hidden_size", "output_size", "std", "rng")
        sizes = (input_size, hidden_size, output_size)
        check_keywords(op, unknown, known, _HINTS)
        if None in sizes:
            raise complaint(TypeError, op, "input_size, hidden_size and output_size are needed")
        rng = source(rng, op)
        self.params = {}
        for i, (d, m) in enumerate(zip(sizes, sizes[1:]), start=1):
            self.params[f"W{i}"] = std * rng.standard_normal((d, m))
            self.params[f"b{i}"] = np.zeros(m)

    def loss(self, X, y=None, reg=0.0):
        """Return scores, or loss and gradients.

        Parameters
        ----------
        X : ndarray, shape (N, D)
            Examples.
        y : ndarray of int, shape (N,), optional
            Labels.
        reg : float
            Strength of the penalty reg · Σ W².

        Returns
        -------
        scores : ndarray, shape (N, C)
            Without y.
        loss, grads : scalar and dict
            With y; the gradients have the keys of ``params``.
        """
        params = self.params
        h, hidden_cache = layer_utils.affine_relu_forward(X, params["W1"], params["b1"])
        scores, cache = layers.affine_forward(h, params["W2"], params["b2"])
        if y is None:
            return scores
        grads = {}
        loss, dscores = layers.softmax_loss(scores, y)
        dh, grads["W2"], grads["b2"] = layers.affine_backward(dscores, cache)
        _, grads["W1"], grads["b1"] = layer_utils.affine_relu_backward(dh, hidden_cache)
        penalty = L2(reg, half=False)
        for name, dw in penalty.gradients(self).items():
            grads[name] = grads[name] + dw
        return loss + penalty.loss(self), grads

    def train(
        self,
        X,
        y,
        X_val,
        y_val,
        learning_rate=1e-3,
        learning_rate_decay=0.95,
        reg=5e-6,
        num_iters=100,
        batch_size=200,
        verbose=False,
        *,
        rng=None,
    ):
        """Train by stochastic gradient descent.

        Parameters
        ----------
        X, y : ndarray, shapes (N, D) and (N,)
            Training examples and labels.
        X_val, y_val : ndarray
            Validation examples and labels.
        learning_rate, learning_rate_decay : float
            Step, and the factor by which it shrinks after each epoch.
        reg : float
            Strength of the penalty.
        num_iters, batch_size : int
            Number of steps, and of examples in each, drawn with replacement.
        verbose : bool
            Whether to print the loss of every hundredth step.
        rng : int or generator, optional
            What batches are drawn from: by default NumPy's global generator, as in the course.

        Returns
        -------
        dict
            ``loss_history`` of the steps, ``train_acc_history`` (of a batch) and
            ``val_acc_history`` of the epochs.
        """
        X, y, y_val = np.asarray(X), np.asarray(y), np.asarray(y_val)
        rng = source(rng, "TwoLayerNet.train")
        epoch = max(len(X) // batch_size, 1)
        stats = {"loss_history": [], "train_acc_history": [], "val_acc_history": []}
        for step in range(num_iters):
            batch = rng.choice(len(X), batch_size)
            loss, grads = self.loss(X[batch], y[batch], reg)
            stats["loss_history"].append(float(loss))
            for name, dw in grads.items():
                config = {"learning_rate": learning_rate}
                self.params[name], _ = sgd(self.params[name], dw, config)
            if verbose and step % 100 == 0:
                print(f"iteration {step} / {num_iters}: loss {loss:f}")
            if step % epoch == 0:
                train_acc = float((self.predict(X[batch]) == y[batch]).mean())
                val_acc = float((self.predict(X_val) == y_val).mean())
                stats["train_acc_history"].append(train_acc)
                stats["val_acc_history"].append(val_acc)
                learning_rate *= learning_rate_decay
        return stats

    def predict(self, X):
        """Return the label of the highest score of each example of X (N, D)."""
        return self.loss(X).argmax(axis=1)
