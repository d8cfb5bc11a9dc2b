"""Layers as classes: the library's own form, and those that keep things in the object."""

import numpy as np

from nnlayers import Layer


class Scale(Layer):
    """The library's form, with a mean where a sum should be."""

    def __init__(self, n):
        super().__init__({"s": np.ones(n)})

    def forward(self, x, *, train=None, rng=None):
        return x * self.params["s"], x

    def backward(self, dout, cache):
        return dout * self.params["s"], (dout * cache).mean(axis=0)


class Sigmoid:
    """The cache is returned."""

    def forward(self, x):
        out = 1 / (1 + np.exp(-x))
        return out, out

    def backward(self, dout, cache):
        return dout * cache * (1 - cache)


class BCE:
    """A loss whose backward takes what forward takes."""

    def forward(self, y_out, y_truth):
        return -np.mean(y_truth * np.log(y_out) + (1 - y_truth) * np.log(1 - y_out))

    def backward(self, y_out, y_truth):
        return ((1 - y_truth) / (1 - y_out) - y_truth / y_out) / y_out.size


class Linear:
    """The input, the parameters and their gradients are kept in the object."""

    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)  # noqa: NPY002
        self.b = np.zeros(n_out)
        self.velocity = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.mean(axis=0)
        return dout @ self.W.T


class MSE:
    """A loss whose backward takes nothing."""

    def forward(self, pred, target):
        self.difference = pred - target
        return (self.difference**2).mean()

    def backward(self):
        return 2 * self.difference / self.difference.size


class Forgetful:
    """It keeps parameters, but no gradients of them."""

    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)  # noqa: NPY002

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout):
        return dout @ self.W.T
