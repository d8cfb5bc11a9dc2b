"""Optimizers: the update rules of :mod:`nnlayers.training.rules`, in place on a net."""

import numpy as np

from nnlayers.layers.checks import complaint
from nnlayers.training.bounds import fraction, positive, switch
from nnlayers.training.optimizer import Optimizer


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if asked.

    w ← w - η dw;  with momentum v ← μ v - η dw, w ← w + v;  Nesterov w ← w - η dw + μ v.
    See :func:`sgd`, :func:`sgd_momentum` and :func:`nesterov`.  η is a part of v, so that a lower
    rate takes hold over about 1 / (1 - μ) steps (in PyTorch it takes hold at once).

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
    **common
        ``only``, ``groups``, ``weight_decay``, ``clip_norm``, ``clip_value``: see
        :class:`Optimizer`.

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

    checks = {"momentum": fraction, "nesterov": switch}

    def __init__(self, net, lr, momentum=0.0, nesterov=False, **common):
        super().__init__(net, lr, momentum=momentum, nesterov=nesterov, **common)
        if self.nesterov and not self.momentum:
            raise complaint(
                ValueError, "SGD", "nesterov=True with momentum 0 does nothing", "momentum=0.9"
            )

    @property
    def memory(self):
        """The velocity, if there is momentum anywhere."""
        groups = self.groups.values()
        moves = self.momentum or any(own.get("momentum") for own in groups)
        return ("velocity",) if moves else ()

    def update(self, at, dw, scratch, spare, velocity=None):
        """Return the change of w, and write the next velocity; see :class:`Optimizer`."""
        if velocity is None:
            return np.multiply(dw, -at.lr, out=scratch)
        # v ← μ v - η dw
        step = np.multiply(dw, at.lr, out=scratch)
        velocity *= at.momentum
        velocity -= step
        if not at.nesterov:
            return velocity
        return np.subtract(np.multiply(velocity, at.momentum, out=spare), step, out=spare)


class AdaGrad(Optimizer):
    """AdaGrad: a step for each entry that shrinks with all the gradients that it has had.

    c ← c + dw²,  w ← w - η dw / (√c + ε).  See :func:`adagrad`.

    Parameters
    ----------
    net : Layer
        Whose parameters are trained.
    lr : float
        Learning rate η.
    eps : float
        ε, greater than 0.
    **common
        ``only``, ``groups``, ``weight_decay``, ``clip_norm``, ``clip_value``: see
        :class:`Optimizer`.

    Examples
    --------
    >>> from nnlayers import Affine, MSE, Sequential
    >>> net = Sequential(Affine.of(np.zeros((1, 1))), MSE())
    >>> opt = AdaGrad(net, lr=0.25)
    >>> for step in range(2):
    ...     opt.step({"0.w": np.array([[-6.0]])})
    >>> net.params["0.w"].round(4)  # 0.25 (1 + 1/√2)
    array([[0.4268]])
    """

    memory = ("cache",)
    checks = {"eps": positive}

    def __init__(self, net, lr=1e-2, eps=1e-10, **common):
        super().__init__(net, lr, eps=eps, **common)

    def update(self, at, dw, scratch, spare, cache):
        """Return the change of w, and write the next cache; see :class:`Optimizer`."""
        cache += np.multiply(dw, dw, out=scratch)
        return rooted(dw, -at.lr, cache, at.eps, scratch)


class RMSProp(Optimizer):
    """RMSProp: the gradient of each entry over the root of the mean square of its recent ones.

    c ← ρ c + (1 - ρ) dw²,  w ← w - η dw / (√c + ε).  See :func:`rmsprop`.

    Parameters
    ----------
    net : Layer
        Whose parameters are trained.
    lr : float
        Learning rate η.
    decay_rate : float
        ρ, at least 0 and less than 1.
    eps : float
        ε, greater than 0.
    **common
        ``only``, ``groups``, ``weight_decay``, ``clip_norm``, ``clip_value``: see
        :class:`Optimizer`.

    Examples
    --------
    >>> from nnlayers import Affine, MSE, Sequential
    >>> net = Sequential(Affine.of(np.zeros((1, 1))), MSE())
    >>> opt = RMSProp(net, lr=0.25, decay_rate=0.75)
    >>> opt.step({"0.w": np.array([[-6.0]])})
    >>> net.params["0.w"].round(6)  # 0.25 / √(1 - 0.75)
    array([[0.5]])
    """

    memory = ("cache",)
    checks = {"decay_rate": fraction, "eps": positive}

    def __init__(self, net, lr=1e-2, decay_rate=0.99, eps=1e-8, **common):
        super().__init__(net, lr, decay_rate=decay_rate, eps=eps, **common)

    def update(self, at, dw, scratch, spare, cache):
        """Return the change of w, and write the next cache; see :class:`Optimizer`."""
        average_square(cache, dw, at.decay_rate, scratch)
        return rooted(dw, -at.lr, cache, at.eps, scratch)


class AdaDelta(Optimizer):
    """AdaDelta: RMSProp whose step size is that of the entry's own recent changes.

    c ← ρ c + (1 - ρ) dw²,  Δ = √(d + ε) / √(c + ε) · dw,  d ← ρ d + (1 - ρ) Δ²,  w ← w - η Δ.
    See :func:`adadelta`.

    Parameters
    ----------
    net : Layer
        Whose parameters are trained.
    lr : float
        Learning rate η, by which Δ is multiplied.
    decay_rate : float
        ρ, at least 0 and less than 1.
    eps : float
        ε, greater than 0; sets the size of the first steps.
    **common
        ``only``, ``groups``, ``weight_decay``, ``clip_norm``, ``clip_value``: see
        :class:`Optimizer`.

    Examples
    --------
    >>> from nnlayers import Affine, MSE, Sequential
    >>> net = Sequential(Affine.of(np.zeros((1, 1))), MSE())
    >>> opt = AdaDelta(net, decay_rate=0.75, eps=0.01)
    >>> opt.step({"0.w": np.array([[-6.0]])})
    >>> net.params["0.w"].round(4)
    array([[0.1999]])
    """

    memory = ("cache", "delta")
    checks = {"decay_rate": fraction, "eps": positive}

    def __init__(self, net, lr=1.0, decay_rate=0.95, eps=1e-6, **common):
        super().__init__(net, lr, decay_rate=decay_rate, eps=eps, **common)

    def update(self, at, dw, scratch, spare, cache, delta):
        """Return the change of w, and write the next cache and delta; see :class:`Optimizer`."""
        average_square(cache, dw, at.decay_rate, scratch)
        change = np.add(delta, at.eps, out=spare)
        change /= np.add(cache, at.eps, out=scratch)
        np.sqrt(change, out=change)
        change *= dw
        average_square(delta, change, at.decay_rate, scratch)
        change *= -at.lr
        return change


def average_square(average, dw, keep, scratch):
    """Let dw² into its average, in place: average ← keep · average + (1 - keep) · dw²."""
    square = np.multiply(dw, dw, out=scratch)
    square *= 1.0 - keep
    average *= keep
    average += square


def rooted(dw, factor, cache, eps, out):
    """Return factor · dw / (√cache + ε), in out."""
    size = np.sqrt(cache, out=out)
    size += eps
    change = np.divide(dw, size, out=out)
    change *= factor
    return change
