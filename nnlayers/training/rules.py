"""Update rules as pure functions ``rule(w, dw, config) -> (next_w, config)``.

``config`` holds the settings and what the rule remembers from step to step (``velocity``, or
``m``, ``v`` and ``t``); what is left out takes its default.  Nothing is written: ``next_w`` and the
returned config are new.  The optimizers compute the same in place.
"""

import math

import numpy as np

from nnlayers.layers.checks import complaint, floats, same_shape
from nnlayers.training.bounds import fraction, non_negative, positive


def sgd(w, dw, config=None):
    """Stochastic gradient descent: a step against the gradient.

    w ← w - η dw

    Parameters
    ----------
    w, dw : ndarray
        A parameter and its gradient, of one shape.
    config : dict, optional
        ``learning_rate`` η (default 0.01).

    Returns
    -------
    next_w : ndarray
        The parameter after the step.
    config : dict
        For the next step.

    Raises
    ------
    ValueError
        If the shapes differ, a setting is out of range, or config has an unknown key.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    Robbins, Monro, "A stochastic approximation method" (1951).

    Examples
    --------
    >>> next_w, config = sgd(np.array([1.0, 2.0]), np.array([1.0, -1.0]), {"learning_rate": 0.5})
    >>> next_w
    array([0.5, 2.5])
    """
    w, dw = _arrays("sgd", w, dw)
    config = _complete("sgd", config, learning_rate=1e-2)
    return w - config["learning_rate"] * dw, config


def sgd_momentum(w, dw, config=None):
    """Gradient descent with momentum: w moves like a ball that the slope accelerates.

    v ← μ v - η dw,  w ← w + v

    Parameters
    ----------
    w, dw : ndarray
        A parameter and its gradient, of one shape.
    config : dict, optional
        ``learning_rate`` η (0.01), ``momentum`` μ (0.9), ``velocity`` v (zeros).

    Returns
    -------
    next_w : ndarray
        The parameter after the step.
    config : dict
        For the next step, with the new ``velocity``.

    Raises
    ------
    ValueError
        If the shapes differ, a setting is out of range, or config has an unknown key.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    Polyak, "Some methods of speeding up the convergence of iteration methods" (1964); in the form
    of the cs231n notes, "SGD and bells and whistles".

    Examples
    --------
    >>> config = {"learning_rate": 0.5, "momentum": 0.5, "velocity": np.array([1.0])}
    >>> next_w, config = sgd_momentum(np.array([1.0]), np.array([1.0]), config)
    >>> next_w, config["velocity"]
    (array([1.]), array([0.]))
    """
    w, dw = _arrays("sgd_momentum", w, dw)
    config = _complete("sgd_momentum", config, w, learning_rate=1e-2, momentum=0.9, velocity=None)
    v = config["momentum"] * config["velocity"] - config["learning_rate"] * dw
    return w + v, config | {"velocity": v}


def nesterov(w, dw, config=None):
    """Nesterov momentum: the gradient is taken where the momentum is about to carry w.

    v ← μ v - η dw,  w ← w - η dw + μ v

    With u the parameter itself, momentum would step v' = μ v - η ∇L(u + μ v) and u' = u + v'.
    What is kept as w is the point ahead, w = u + μ v, where the gradient is known; it becomes
    w' = u' + μ v' = w - μ v + v' + μ v' = w - η dw + μ v'.

    Parameters
    ----------
    w, dw : ndarray
        A parameter and its gradient, of one shape.
    config : dict, optional
        ``learning_rate`` η (0.01), ``momentum`` μ (0.9), ``velocity`` v (zeros).

    Returns
    -------
    next_w : ndarray
        The parameter after the step.
    config : dict
        For the next step, with the new ``velocity``.

    Raises
    ------
    ValueError
        If the shapes differ, a setting is out of range, or config has an unknown key.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    Nesterov (1983); Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and
    momentum in deep learning" (2013), eqs. (3), (4), at the point ahead as in the cs231n notes.

    Examples
    --------
    >>> config = {"learning_rate": 0.5, "momentum": 0.5, "velocity": np.array([2.0])}
    >>> next_w, config = nesterov(np.array([1.0]), np.array([1.0]), config)
    >>> next_w, config["velocity"]
    (array([0.75]), array([0.5]))
    """
    w, dw = _arrays("nesterov", w, dw)
    config = _complete("nesterov", config, w, learning_rate=1e-2, momentum=0.9, velocity=None)
    step = config["learning_rate"] * dw
    v = config["momentum"] * config["velocity"] - step
    return w - step + config["momentum"] * v, config | {"velocity": v}


def adam(w, dw, config=None):
    """Adam: a step for each entry in proportion to its mean gradient over its typical size.

    t ← t + 1,  m ← β₁ m + (1 - β₁) dw,  v ← β₂ v + (1 - β₂) dw²,
    w ← w - η m̂ / (√v̂ + ε) with m̂ = m / (1 - β₁ᵗ) and v̂ = v / (1 - β₂ᵗ)

    m and v start at 0.  After t steps the weights (1 - β) βᵏ of their averages sum to 1 - βᵗ only,
    so dividing by it makes them true averages.

    Parameters
    ----------
    w, dw : ndarray
        A parameter and its gradient, of one shape.
    config : dict, optional
        ``learning_rate`` η (0.001), ``beta1`` (0.9), ``beta2`` (0.999), ``epsilon`` ε (1e-8),
        ``m`` and ``v`` (zeros), ``t`` (0): the number of steps so far.

    Returns
    -------
    next_w : ndarray
        The parameter after the step.
    config : dict
        For the next step, with the new ``m``, ``v`` and ``t``.

    Raises
    ------
    ValueError
        If the shapes differ, a setting is out of range, or config has an unknown key.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    Kingma, Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1.

    Examples
    --------
    >>> next_w, config = adam(np.array([1.0, 1.0]), np.array([0.01, -100.0]))
    >>> next_w.round(6), config["t"]
    (array([0.999, 1.001]), 1)
    """
    w, dw = _arrays("adam", w, dw)
    defaults = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "m": None, "v": None, "t": 0}
    config = _complete("adam", config, w, learning_rate=1e-3, **defaults)
    beta1, beta2, t = config["beta1"], config["beta2"], config["t"] + 1
    m = beta1 * config["m"] + (1.0 - beta1) * dw
    v = beta2 * config["v"] + (1.0 - beta2) * (dw * dw)
    m_hat = m / (1.0 - beta1**t)
    v_hat = v / (1.0 - beta2**t)
    next_w = w - config["learning_rate"] * m_hat / (np.sqrt(v_hat) + config["epsilon"])
    return next_w, config | {"m": m, "v": v, "t": t}


# what each setting must be; the other keys of a config are arrays that have the shape of w
_NUMBERS = {
    "learning_rate": non_negative,
    "momentum": fraction,
    "beta1": fraction,
    "beta2": fraction,
    "epsilon": positive,
    "t": non_negative,
}


def _arrays(op, w, dw):
    w, dw = floats(op, w=w, dw=dw)
    same_shape(op, w=w, dw=dw)
    return w, dw


def _complete(op, config, w=None, **defaults):
    """Return a new config with every key of the defaults; None stands for zeros like w."""
    config = {} if config is None else config
    unknown = [str(key) for key in config if key not in defaults]
    if unknown:
        raise complaint(
            ValueError,
            op,
            f"config has the unknown key{'s' * (len(unknown) > 1)} {', '.join(unknown)}",
            f"the keys are {', '.join(defaults)}",
        )
    config = defaults | config
    for key, value in config.items():
        if key == "t":
            config[key] = math.floor(non_negative(op, key, value))
        elif key in _NUMBERS:
            config[key] = _NUMBERS[key](op, key, value)
        elif value is None:
            config[key] = np.zeros_like(w)
        else:
            _, config[key] = floats(op, **{"w": w, key: value})
            same_shape(op, **{"w": w, key: config[key]})
    return config
