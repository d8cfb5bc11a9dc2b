"""Linear classifiers of cs231n's ``linear_classifier.py``, trained by gradient descent."""

import os

import numpy as np

from nnlayers.course.cs231n.classifiers.linear_svm import svm_loss_vectorized
from nnlayers.course.cs231n.classifiers.softmax import softmax_loss_vectorized
from nnlayers.course.cs231n.optim import sgd
from nnlayers.course.translation import source
from nnlayers.layers.checks import complaint
from nnlayers.training.checkpoints import read, write

__all__ = ["LinearClassifier", "LinearSVM", "Softmax"]


class LinearClassifier:
    """A classifier whose scores are X W; its kinds are :class:`LinearSVM` and :class:`Softmax`.

    Attributes
    ----------
    W : ndarray, shape (D, C), or None
        Weights; they are drawn when training begins.
    """

    def __init__(self):
        self.W = None

    def train(
        self,
        X,
        y,
        learning_rate=1e-3,
        reg=1e-5,
        num_iters=100,
        batch_size=200,
        verbose=False,
        *,
        rng=None,
    ):
        """Train by stochastic gradient descent, or go on training.

        Parameters
        ----------
        X : ndarray, shape (N, D)
            Examples.
        y : ndarray of int, shape (N,)
            Labels from 0 to C - 1.
        learning_rate, reg : float
            Step and strength of the penalty reg · Σ W².
        num_iters, batch_size : int
            Number of steps, and of examples in each, drawn with replacement.
        verbose : bool
            Whether to print the loss of every hundredth step.
        rng : int or generator, optional
            What weights and batches are drawn from: by default NumPy's global generator, as in the
            course.

        Returns
        -------
        list of float
            The loss of each step.
        """
        X, y = np.asarray(X), np.asarray(y)
        rng = source(rng, f"{type(self).__name__}.train")
        if self.W is None:
            self.W = 0.001 * rng.standard_normal((X.shape[1], int(y.max()) + 1))
        history = []
        for step in range(num_iters):
            batch = rng.choice(len(X), batch_size)
            loss, dW = self.loss(X[batch], y[batch], reg)
            history.append(float(loss))
            self.W, _ = sgd(self.W, dW, {"learning_rate": learning_rate})
            if verbose and step % 100 == 0:
                print(f"iteration {step} / {num_iters}: loss {loss:f}")
        return history

    def predict(self, X):
        """Return the label of the highest score of each example of X (N, D)."""
        op, X = f"{type(self).__name__}.predict", np.asarray(X)
        if self.W is None:
            raise complaint(ValueError, op, "there are no weights yet", "train or load first")
        if X.ndim != 2 or X.shape[1] != len(self.W):
            fix = "X.reshape(len(X), -1) flattens images; training may have appended a 1 to each"
            raise complaint(ValueError, op, "X must be (N, D) and W (D, C)", fix, X=X, W=self.W)
        return X.dot(self.W).argmax(axis=1)

    def loss(self, X_batch, y_batch, reg):
        """Return loss and gradient of W; the kinds of classifiers say which loss it is."""
        raise NotImplementedError(f"{type(self).__name__} has no loss; LinearSVM and Softmax have")

    def save(self, fname):
        """Write W to a file, ``.npz`` whatever its name ends in, and say so."""
        write(f"{type(self).__name__}.save", fname, {"W": self.W}, {"kind": "cs231n"})
        print(f"{os.fspath(fname)} saved.")

    def load(self, fname):
        """Read W from a file of :meth:`save` and return True, or return False if there is none."""
        if not os.path.isfile(fname):
            print(f"{os.fspath(fname)} not available.")
            return False
        op = f"{type(self).__name__}.load"
        arrays, _ = read(op, fname)
        if "W" not in arrays:
            raise complaint(ValueError, op, f"{os.fspath(fname)!r} is of no linear classifier")
        self.W = arrays["W"]
        print(f"{os.fspath(fname)} loaded.")
        return True


class LinearSVM(LinearClassifier):
    """Linear classifier with the hinge loss."""

    def loss(self, X_batch, y_batch, reg):
        """Return loss and gradient of W, as :func:`svm_loss_vectorized` does."""
        return svm_loss_vectorized(self.W, X_batch, y_batch, reg)


class Softmax(LinearClassifier):
    """Linear classifier with the cross-entropy of the softmax."""

    def loss(self, X_batch, y_batch, reg):
        """Return loss and gradient of W, as :func:`softmax_loss_vectorized` does."""
        return softmax_loss_vectorized(self.W, X_batch, y_batch, reg)
