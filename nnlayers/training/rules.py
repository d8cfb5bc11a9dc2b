"""Update rules as pure functions ``rule(w, dw, config) -> (next_w, config)``.

``config`` holds the settings and what the rule remembers from step to step, such as ``velocity``;
what is left out takes its default.  Nothing is written: ``next_w`` and the returned config are new.
The optimizers compute the same in place.  Adam and its kin are in
:mod:`nnlayers.training.moment_rules`.
"""

import numpy as np

from nnlayers.training.rule_configs import complete, weights


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
    w, dw = weights("sgd", w, dw)
    config = complete("sgd", config, learning_rate=1e-2)
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
    w, dw = weights("sgd_momentum", w, dw)
    config = complete("sgd_momentum", config, w, learning_rate=1e-2, momentum=0.9, velocity=None)
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
    w, dw = weights("nesterov", w, dw)
    config = complete("nesterov", config, w, learning_rate=1e-2, momentum=0.9, velocity=None)
    step = config["learning_rate"] * dw
    v = config["momentum"] * config["velocity"] - step
    return w - step + config["momentum"] * v, config | {"velocity": v}


def adagrad(w, dw, config=None):
    """AdaGrad: a step for each entry that shrinks with all the gradients that it has had.

    c ← c + dw²,  w ← w - η dw / (√c + ε)

    Parameters
    ----------
    w, dw : ndarray
        A parameter and its gradient, of one shape.
    config : dict, optional
        ``learning_rate`` η (0.01), ``epsilon`` ε (1e-10), ``cache`` c (zeros).

    Returns
    -------
    next_w : ndarray
        The parameter after the step.
    config : dict
        For the next step, with the new ``cache``.

    Raises
    ------
    ValueError
        If the shapes differ, a setting is out of range, or config has an unknown key.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    Duchi, Hazan, Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization" (2011), fig. 1 with a diagonal matrix; in the form of the cs231n notes.

    Examples
    --------
    >>> next_w, config = adagrad(np.array([1.0]), np.array([3.0]), {"cache": np.array([16.0])})
    >>> next_w, config["cache"]
    (array([0.994]), array([25.]))
    """
    w, dw = weights("adagrad", w, dw)
    config = complete("adagrad", config, w, learning_rate=1e-2, epsilon=1e-10, cache=None)
    cache = config["cache"] + dw * dw
    step = config["learning_rate"] * dw / (np.sqrt(cache) + config["epsilon"])
    return w - step, config | {"cache": cache}


def rmsprop(w, dw, config=None):
    """RMSProp: the gradient of each entry over the root of the mean square of its recent ones.

    c ← ρ c + (1 - ρ) dw²,  w ← w - η dw / (√c + ε)

    c starts at 0 and is not corrected for it: the first step is η / √(1 - ρ), about 10 η.

    Parameters
    ----------
    w, dw : ndarray
        A parameter and its gradient, of one shape.
    config : dict, optional
        ``learning_rate`` η (0.01), ``decay_rate`` ρ (0.99), ``epsilon`` ε (1e-8), ``cache`` c
        (zeros).

    Returns
    -------
    next_w : ndarray
        The parameter after the step.
    config : dict
        For the next step, with the new ``cache``.

    Raises
    ------
    ValueError
        If the shapes differ, a setting is out of range, or config has an unknown key.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    Hinton, "Neural networks for machine learning" (2012), lecture 6e; in the form of the cs231n
    notes.

    Examples
    --------
    >>> config = {"decay_rate": 0.5, "cache": np.array([14.0])}
    >>> next_w, config = rmsprop(np.array([1.0]), np.array([2.0]), config)
    >>> next_w.round(6), config["cache"]
    (array([0.993333]), array([9.]))
    """
    w, dw = weights("rmsprop", w, dw)
    defaults = {"learning_rate": 1e-2, "decay_rate": 0.99, "epsilon": 1e-8, "cache": None}
    config = complete("rmsprop", config, w, **defaults)
    keep = config["decay_rate"]
    cache = keep * config["cache"] + (1.0 - keep) * (dw * dw)
    step = config["learning_rate"] * dw / (np.sqrt(cache) + config["epsilon"])
    return w - step, config | {"cache": cache}


def adadelta(w, dw, config=None):
    """AdaDelta: RMSProp whose step size is that of the entry's own recent changes.

    c ← ρ c + (1 - ρ) dw²,  Δ = √(d + ε) / √(c + ε) · dw,  d ← ρ d + (1 - ρ) Δ²,  w ← w - η Δ

    Δ has the units of w, as a Newton step has, so η = 1 needs no tuning; ε sets the first steps.

    Parameters
    ----------
    w, dw : ndarray
        A parameter and its gradient, of one shape.
    config : dict, optional
        ``learning_rate`` η (1.0), ``decay_rate`` ρ (0.95), ``epsilon`` ε (1e-6), ``cache`` c
        (zeros), ``delta`` d (zeros).

    Returns
    -------
    next_w : ndarray
        The parameter after the step.
    config : dict
        For the next step, with the new ``cache`` and ``delta``.

    Raises
    ------
    ValueError
        If the shapes differ, a setting is out of range, or config has an unknown key.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    Zeiler, "ADADELTA: an adaptive learning rate method" (2012), algorithm 1.

    Examples
    --------
    >>> next_w, config = adadelta(np.array([1.0]), np.array([3.0]), {"decay_rate": 0.75})
    >>> next_w.round(6), config["cache"]
    (array([0.998]), array([2.25]))
    """
    w, dw = weights("adadelta", w, dw)
    defaults = {"learning_rate": 1.0, "decay_rate": 0.95, "epsilon": 1e-6}
    config = complete("adadelta", config, w, **defaults, cache=None, delta=None)
    keep, epsilon = config["decay_rate"], config["epsilon"]
    cache = keep * config["cache"] + (1.0 - keep) * (dw * dw)
    change = np.sqrt((config["delta"] + epsilon) / (cache + epsilon)) * dw
    delta = keep * config["delta"] + (1.0 - keep) * (change * change)
    return w - config["learning_rate"] * change, config | {"cache": cache, "delta": delta}
