"""Optimizers of I2DL's ``networks/optimizer.py``: rules of :mod:`nnlayers.training` as objects."""

import numpy as np

import nnlayers.training as training
from nnlayers.course.i2dl.conventions import made
from nnlayers.course.translation import as_floats, called, check_keywords
from nnlayers.layers.checks import complaint, describe
from nnlayers.training.bounds import non_negative

__all__ = ["Adam", "Optimizer", "SGD", "SGDMomentum", "sgd_momentum"]

_HINTS = (
    (
        ("momentum", "beta1", "beta2", "epsilon", "velocity", "m", "v", "t"),
        'it belongs into optim_config={"momentum": ...}',
    ),
    (("lr",), "it is learning_rate"),
)


class Optimizer:
    """Gradient descent on the weights ``W`` of a :class:`Classifier`, as in exercise 4.

    Parameters
    ----------
    model : object
        With an array ``W``.
    learning_rate : float
        Step; it may be changed in ``lr``.

    Raises
    ------
    TypeError, ValueError
        If the model has no W, or the learning rate is negative or not finite.

    Examples
    --------
    >>> from nnlayers.course.i2dl import Classifier
    >>> model = Classifier(num_features=1)
    >>> model.initialize_weights(np.array([[1.0], [2.0]]))
    >>> Optimizer(model, learning_rate=0.5).step(np.array([[1.0], [-1.0]]))
    >>> model.W
    array([[0.5],
           [2.5]])
    """

    def __init__(self, model, learning_rate=5e-5):
        if not hasattr(model, "W"):
            problem = f"model must have weights W, not {describe(model)}"
            fix = "SGD trains nets that have a dict params"
            raise complaint(TypeError, "Optimizer", problem, fix)
        self.model, self.lr = model, non_negative("Optimizer", "learning_rate", learning_rate)

    def step(self, dw):
        """Make a step against the gradient dw, of the shape of W; the old W is not written."""
        w, dw = as_floats(self.model.W, dw)
        with called("Optimizer.step", "sgd"):
            self.model.W, _ = training.sgd(w, dw, {"learning_rate": self.lr})


class _Trainer:
    """An optimizer of a net with dicts ``params`` and ``grads``: a rule for each parameter."""

    rule = None
    defaults = {}  # where they are not the rule's own

    def __init__(self, model, loss_func, learning_rate=1e-4, *, optim_config=None, **unknown):
        op = type(self).__name__
        check_keywords(op, unknown, ("learning_rate", "optim_config"), _HINTS)
        if not (isinstance(getattr(model, "params", None), dict) and hasattr(model, "backward")):
            problem = f"model must be a net with params and backward, not {describe(model)}"
            fix = "the rules of nnlayers.course.cs231n take w, dw and config"
            raise complaint(TypeError, op, problem, fix)
        self.model = model
        self.loss_func = made(op, "loss_func", loss_func, "MSE()")
        self.lr = non_negative(op, "learning_rate", learning_rate)
        self.optim_config = {} if optim_config is None else optim_config
        if isinstance(self.optim_config, dict) and "learning_rate" in self.optim_config:
            problem = "optim_config has learning_rate, which is an argument of its own"
            raise complaint(ValueError, op, problem, f"{op}(model, loss_func, learning_rate)")
        # the rule says now, rather than in the middle of an evening, which keys it does not know
        _apply(type(self), np.zeros(1), np.zeros(1), self.optim_config, self.lr)
        self._reset()

    def _reset(self):
        """Forget what is remembered of each parameter, but not the settings."""
        self.optim_configs = {name: {**self.optim_config} for name in self.model.params}

    def backward(self, y_pred, y_true):
        """Let the model compute its gradients of the loss.

        Parameters
        ----------
        y_pred : ndarray
            The model's last output.
        y_true : ndarray
            The truth.
        """
        self.model.backward(self.loss_func.backward(y_pred, y_true))

    def step(self):
        """Change all parameters along the model's gradients, which are 0.0 then.

        Raises
        ------
        ValueError
            If the model has no gradients, or none of some parameter; nothing has changed then.
        """
        params, grads = self.model.params, self.model.grads
        op = f"{type(self).__name__}.step"
        missing = [name for name in params if name not in grads]
        if missing:
            problem = f"the model has no gradient of {', '.join(missing)}"
            raise complaint(ValueError, op, problem, f"it has those of {', '.join(grads)}")
        if not any(np.ndim(dw) for dw in grads.values()):
            fix = "call backward(y_pred, y_true) before each step"
            raise complaint(ValueError, op, "the model has no gradients", fix)
        updated = {}
        for name, w in params.items():
            dw = grads[name] if np.ndim(grads[name]) else np.full_like(w, grads[name])
            updated[name] = self._next(w, dw, {**self.optim_configs[name]})
        for name, (next_w, config) in updated.items():
            params[name], self.optim_configs[name] = next_w, config
        self.model.grads = dict.fromkeys(grads, 0.0)

    def _next(self, w, dw, config):
        return self._update(w, dw, config, self.lr)


class SGD(_Trainer):
    """Stochastic gradient descent: :func:`nnlayers.training.sgd` for each parameter.

    Parameters
    ----------
    model : Network
        Net with dicts ``params`` and ``grads``.
    loss_func : object or class
        Loss, with ``backward(y_pred, y_true)``.
    learning_rate : float
        Step; it may be changed in ``lr``.

    Raises
    ------
    TypeError, ValueError
        If the model is no net, or an argument is unknown or out of range.

    Examples
    --------
    >>> from nnlayers.course.i2dl import MSE, RegressionNet
    >>> model = RegressionNet(input_size=1, hidden_size=2)
    >>> optimizer = SGD(model, MSE(), learning_rate=0.5)
    >>> optimizer.backward(model.forward(np.ones((1, 1))), np.ones((1, 1)))
    >>> optimizer.step()
    >>> model.params["b2"].round(1), model.grads["b2"]
    (array([1.]), 0.0)
    """

    rule = staticmethod(training.sgd)

    def _update(self, w, dw, lr):
        """Return the parameter after a step; w is not written."""
        return _apply(SGD, w, dw, None, lr)[0]

    def _next(self, w, dw, config):
        return self._update(w, dw, self.lr), config


class SGDMomentum(_Trainer):
    """Gradient descent with momentum: :func:`nnlayers.training.sgd_momentum`.

    Parameters
    ----------
    model : Network
        Net with dicts ``params`` and ``grads``.
    loss_func : object or class
        Loss, with ``backward(y_pred, y_true)``.
    learning_rate : float
        Step; it may be changed in ``lr``.
    optim_config : dict, optional
        ``momentum`` (0.9), perhaps ``velocity``.

    Attributes
    ----------
    optim_configs : dict of str to dict
        Settings and velocity of each parameter.

    Raises
    ------
    TypeError, ValueError
        If the model is no net, or an argument or key is unknown or out of range.
    """

    rule = staticmethod(training.sgd_momentum)

    def _update(self, w, dw, config, lr):
        """Return the parameter after a step, and the config, which is brought up to date."""
        return _brought_up_to_date(SGDMomentum, w, dw, config, lr)


class Adam(_Trainer):
    """Adam: :func:`nnlayers.training.adam`, with an epsilon of 1e-4 unless it is given.

    Parameters
    ----------
    model : Network
        Net with dicts ``params`` and ``grads``.
    loss_func : object or class
        Loss, with ``backward(y_pred, y_true)``.
    learning_rate : float
        Step; it may be changed in ``lr``.
    optim_config : dict, optional
        ``beta1`` (0.9), ``beta2`` (0.999), ``epsilon`` (1e-4), perhaps ``m``, ``v`` and ``t``.

    Attributes
    ----------
    optim_configs : dict of str to dict
        Settings and averages of each parameter.

    Raises
    ------
    TypeError, ValueError
        If the model is no net, or an argument or key is unknown or out of range.
    """

    rule = staticmethod(training.adam)
    defaults = {"epsilon": 1e-4}

    def _update(self, w, dw, config, lr):
        """Return the parameter after a step, and the config, which is brought up to date."""
        return _brought_up_to_date(Adam, w, dw, config, lr)


# its name in exercise 6 and in 2020
sgd_momentum = SGDMomentum


def _apply(kind, w, dw, config, lr):
    """Return the parameter after a step of this kind of optimizer, and the new config."""
    op = kind.__name__
    config = {} if config is None else config
    if not isinstance(config, dict):
        raise complaint(TypeError, op, f"config must be a dict, not {describe(config)}")
    if config.get("learning_rate", lr) != lr:
        problem = f"config has the learning rate {config['learning_rate']}, but lr is {lr}"
        raise complaint(ValueError, op, problem, "leave it out of the config")
    state = {key: value for key, value in config.items() if isinstance(value, np.ndarray)}
    w, dw, *arrays = as_floats(w, dw, *state.values())
    settings = {**kind.defaults, **config, **dict(zip(state, arrays)), "learning_rate": lr}
    with called(op, kind.rule.__name__):
        next_w, new = kind.rule(w, dw, settings)
    del new["learning_rate"]
    return next_w, new


def _brought_up_to_date(kind, w, dw, config, lr):
    """Return the parameter after a step, and the config that was passed, with what is new."""
    next_w, new = _apply(kind, w, dw, config, lr)
    config = {} if config is None else config
    config.update(new)
    return next_w, config
