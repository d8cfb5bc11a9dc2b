"""Optimizers: the update rules of :mod:`nnlayers.training.rules`, in place on a net."""

import math

import numpy as np

from nnlayers.layers.checks import complaint
from nnlayers.training.bounds import fraction, positive
from nnlayers.training.optimizer import Optimizer


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if asked.

    w ← w - η dw;  with momentum v ← μ v - η dw, w ← w + v;  Nesterov w ← w - η dw + μ v.
    See :func:`sgd`, :func:`sgd_momentum` and :func:`nesterov`.

    Parameters
    ----------
    net : Layer
        Whose parameters are trained.
    lr : float
        Learning rate η.
    momentum : float
        μ, at least 0 and less than 1.
    nesterov : bool
        Whether the gradient counts as taken ahead, where the momentum carries w.
    only : list of str, optional
        Keys of ``net.params`` to train; None trains all.

    Examples
    --------
    >>> from nnlayers import Affine, MSE, Sequential
    >>> net = Sequential(Affine.of(np.zeros((1, 1))), MSE())
    >>> opt = SGD(net, lr=0.25)
    >>> loss, grads = net.loss(np.array([[1.0]]), np.array([[3.0]]))
    >>> opt.step(grads)
    >>> net.params["0.w"]
    array([[1.5]])
    """

    settings = ("lr", "momentum", "nesterov")

    def __init__(self, net, lr, momentum=0.0, nesterov=False, only=None):
        self.momentum = fraction("SGD", "momentum", momentum)
        self.nesterov = bool(nesterov)
        if self.nesterov and not self.momentum:
            raise complaint(
                ValueError, "SGD", "nesterov=True with momentum 0 does nothing", "momentum=0.9"
            )
        self.memory = ("velocity",) if self.momentum else ()
        super().__init__(net, lr, only)

    def update(self, w, dw, scratch, velocity=None):
        """Write the next w and velocity; see :class:`Optimizer`."""
        step = np.multiply(dw, self.lr, out=scratch)
        if velocity is None:
            w -= step
            return
        # v ← μ v - η dw
        velocity *= self.momentum
        velocity -= step
        if self.nesterov:
            w -= step
            w += np.multiply(velocity, self.momentum, out=scratch)
        else:
            w += velocity


class Adam(Optimizer):
    """Adam: a step for each entry in proportion to its mean gradient over its typical size.

    m ← β₁ m + (1 - β₁) dw,  v ← β₂ v + (1 - β₂) dw²,
    w ← w - η m̂ / (√v̂ + ε) with m̂ = m / (1 - β₁ᵗ) and v̂ = v / (1 - β₂ᵗ).  See :func:`adam`.

    Parameters
    ----------
    net : Layer
        Whose parameters are trained.
    lr : float
        Learning rate η, about the change of an entry in one step.
    beta1, beta2 : float
        How much of its past each average keeps; at least 0 and less than 1.
    eps : float
        ε, greater than 0.
    only : list of str, optional
        Keys of ``net.params`` to train; None trains all.

    Examples
    --------
    >>> from nnlayers import Affine, MSE, Sequential
    >>> net = Sequential(Affine.of(np.zeros((1, 1))), MSE())
    >>> opt = Adam(net, lr=0.25)
    >>> loss, grads = net.loss(np.array([[1.0]]), np.array([[3.0]]))
    >>> opt.step(grads)
    >>> net.params["0.w"].round(6)
    array([[0.25]])
    """

    memory = ("m", "v")
    settings = ("lr", "beta1", "beta2", "eps")

    def __init__(self, net, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, only=None):
        self.beta1 = fraction("Adam", "beta1", beta1)
        self.beta2 = fraction("Adam", "beta2", beta2)
        self.eps = positive("Adam", "eps", eps)
        super().__init__(net, lr, only)

    def update(self, w, dw, scratch, m, v):
        """Write the next w, m and v; see :class:`Optimizer`."""
        m *= self.beta1
        m += np.multiply(dw, 1.0 - self.beta1, out=scratch)
        v *= self.beta2
        square = np.multiply(dw, dw, out=scratch)
        square *= 1.0 - self.beta2
        v += square
        # m̂ / (√v̂ + ε) = m/(1 - β₁ᵗ) · r / (√v + ε r) with r = √(1 - β₂ᵗ): one pass less over w
        r = math.sqrt(1.0 - self.beta2**self.t)
        size = np.sqrt(v, out=scratch)
        size += self.eps * r
        step = np.divide(m, size, out=scratch)
        step *= self.lr * r / (1.0 - self.beta1**self.t)
        w -= step
