"""Update rules of cs231n's ``optim.py``: those of :mod:`nnlayers.training`, with a dict to update.

The library's rules are pure; here the config that is passed is brought up to date, as notebooks
read ``config["velocity"]`` from the dict they passed.  w is not written.
"""

import numpy as np

import nnlayers.training as training
from nnlayers.course.translation import as_floats

__all__ = ["adam", "rmsprop", "sgd", "sgd_momentum"]


def sgd(w, dw, config=None):
    """Stochastic gradient descent: see :func:`nnlayers.training.sgd`.

    Parameters
    ----------
    w, dw : ndarray
        A parameter and its gradient.
    config : dict, optional
        ``learning_rate`` (0.01); defaults are put into it.

    Returns
    -------
    next_w : ndarray
        The parameter after the step.
    config : dict
        The one that was passed, for the next step.

    Examples
    --------
    >>> sgd(np.array([1.0]), np.array([10.0]))
    (array([0.9]), {'learning_rate': 0.01})
    """
    return _apply(training.sgd, w, dw, config)


def sgd_momentum(w, dw, config=None):
    """Gradient descent with momentum: see :func:`nnlayers.training.sgd_momentum`.

    Parameters
    ----------
    w, dw : ndarray
        A parameter and its gradient.
    config : dict, optional
        ``learning_rate`` (0.01), ``momentum`` (0.9), ``velocity`` (zeros); the new velocity and
        defaults are put into it.

    Returns
    -------
    next_w : ndarray
        The parameter after the step.
    config : dict
        The one that was passed, for the next step.

    Examples
    --------
    >>> config = {"learning_rate": 0.5, "velocity": np.array([1.0])}
    >>> next_w, _ = sgd_momentum(np.array([1.0]), np.array([1.0]), config)
    >>> next_w, config["velocity"]
    (array([1.4]), array([0.4]))
    """
    return _apply(training.sgd_momentum, w, dw, config)


def rmsprop(w, dw, config=None):
    """RMSProp: see :func:`nnlayers.training.rmsprop`.

    Parameters
    ----------
    w, dw : ndarray
        A parameter and its gradient.
    config : dict, optional
        ``learning_rate`` (0.01), ``decay_rate`` (0.99), ``epsilon`` (1e-8), ``cache`` (zeros); the
        new cache and defaults are put into it.

    Returns
    -------
    next_w : ndarray
        The parameter after the step.
    config : dict
        The one that was passed, for the next step.
    """
    return _apply(training.rmsprop, w, dw, config)


def adam(w, dw, config=None):
    """Adam: see :func:`nnlayers.training.adam`.

    Parameters
    ----------
    w, dw : ndarray
        A parameter and its gradient.
    config : dict, optional
        ``learning_rate`` (0.001), ``beta1`` (0.9), ``beta2`` (0.999), ``epsilon`` (1e-8), ``m`` and
        ``v`` (zeros), ``t`` (0, the number of steps so far); the new m, v, t and defaults are put
        into it.

    Returns
    -------
    next_w : ndarray
        The parameter after the step.
    config : dict
        The one that was passed, for the next step.
    """
    return _apply(training.adam, w, dw, config)


def _apply(rule, w, dw, config):
    if config is None:
        config = {}
    if isinstance(config, dict):  # else the rule complains
        state = {key: value for key, value in config.items() if isinstance(value, np.ndarray)}
        w, dw, *arrays = as_floats(w, dw, *state.values())
        settings = config | dict(zip(state, arrays))
    else:
        settings = config
    next_w, new = rule(w, dw, settings)
    config.update(new)
    return next_w, config
