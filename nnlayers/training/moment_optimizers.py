"""Optimizers of the Adam family: the rules of :mod:`nnlayers.training.moment_rules`, in place."""

import math

import numpy as np

from nnlayers.training.bounds import fraction, positive
from nnlayers.training.moment_rules import rectification
from nnlayers.training.optimizer import Optimizer
from nnlayers.training.optimizers import average_square, rooted


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
    **common
        ``only``, ``groups``, ``weight_decay``, ``clip_norm``, ``clip_value``: see
        :class:`Optimizer`.

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
    checks = {"beta1": fraction, "beta2": fraction, "eps": positive}

    def __init__(self, net, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, **common):
        super().__init__(net, lr, beta1=beta1, beta2=beta2, eps=eps, **common)

    def update(self, at, dw, scratch, spare, m, v):
        """Return the change of w, and write the next m and v; see :class:`Optimizer`."""
        _average(at, dw, scratch, m, v)
        # m̂ / (√v̂ + ε) = m/(1 - β₁ᵗ) · r / (√v + ε r) with r = √(1 - β₂ᵗ): one pass less
        r = math.sqrt(1.0 - at.beta2**at.t)
        return rooted(m, -at.lr * r / (1.0 - at.beta1**at.t), v, at.eps * r, scratch)


class AdamW(Adam):
    """Adam with decoupled weight decay: w shrinks on its own, whatever size its gradients have.

    w ← (1 - η λ) w,  then a step of :class:`Adam`.  See :func:`adamw`.

    Parameters
    ----------
    net : Layer
        Whose parameters are trained.
    lr : float
        Learning rate η.
    beta1, beta2 : float
        How much of its past each average keeps; at least 0 and less than 1.
    eps : float
        ε, greater than 0.
    weight_decay : float
        λ, at least 0, of all trained parameters; ``groups={"*.b": {"weight_decay": 0.0}}`` spares
        the biases.
    **common
        ``only``, ``groups``, ``clip_norm``, ``clip_value``: see :class:`Optimizer`.

    Examples
    --------
    >>> from nnlayers import Affine
    >>> layer = Affine.of(np.array([[2.0]]), np.array([1.0]))
    >>> opt = AdamW(layer, lr=0.1, weight_decay=0.5, groups={"b": {"weight_decay": 0.0}})
    >>> opt.step({"w": np.array([[0.0]]), "b": np.array([0.0])})
    >>> layer.params
    {'w': array([[1.9]]), 'b': array([1.])}
    """

    decoupled = True

    def __init__(self, net, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2, **common):
        super().__init__(net, lr, beta1, beta2, eps, weight_decay=weight_decay, **common)


class RAdam(Adam):
    """Rectified Adam: Adam that begins carefully, while v̂ has seen too few gradients.

    w ← w - η m̂ in the first steps, then w ← w - η r m̂ √(1 - β₂ᵗ) / (√v + ε) with a factor r that
    grows to 1.  See :func:`radam`.

    Parameters
    ----------
    net : Layer
        Whose parameters are trained.
    lr : float
        Learning rate η.
    beta1, beta2 : float
        How much of its past each average keeps; at least 0 and less than 1.
    eps : float
        ε, greater than 0.
    **common
        ``only``, ``groups``, ``weight_decay``, ``clip_norm``, ``clip_value``: see
        :class:`Optimizer`.

    Examples
    --------
    >>> from nnlayers import Affine
    >>> layer = Affine.of(np.zeros((1, 1)))
    >>> opt = RAdam(layer, lr=0.25)
    >>> opt.step({"w": np.array([[-6.0]])})
    >>> layer.params["w"].round(6)  # not rectified yet
    array([[1.5]])
    """

    def update(self, at, dw, scratch, spare, m, v):
        """Return the change of w, and write the next m and v; see :class:`Optimizer`."""
        _average(at, dw, scratch, m, v)
        factor, r = -at.lr / (1.0 - at.beta1**at.t), rectification(at.beta2, at.t)
        if not r:
            return np.multiply(m, factor, out=scratch)
        return rooted(m, factor * r * math.sqrt(1.0 - at.beta2**at.t), v, at.eps, scratch)


def _average(at, dw, scratch, m, v):
    """Let dw and its square into their averages m and v, in place."""
    m *= at.beta1
    m += np.multiply(dw, 1.0 - at.beta1, out=scratch)
    average_square(v, dw, at.beta2, scratch)
