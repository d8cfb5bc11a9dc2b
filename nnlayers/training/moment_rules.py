"""Update rules of the Adam family, which average gradients and their squares: see ``rules``."""

import math

import numpy as np

from nnlayers.training.rule_configs import complete, weights


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
    w, dw = weights("adam", w, dw)
    config = complete("adam", config, w, **_DEFAULTS)
    beta1, beta2, t = config["beta1"], config["beta2"], config["t"] + 1
    m = beta1 * config["m"] + (1.0 - beta1) * dw
    v = beta2 * config["v"] + (1.0 - beta2) * (dw * dw)
    m_hat = m / (1.0 - beta1**t)
    v_hat = v / (1.0 - beta2**t)
    next_w = w - config["learning_rate"] * m_hat / (np.sqrt(v_hat) + config["epsilon"])
    return next_w, config | {"m": m, "v": v, "t": t}


def adamw(w, dw, config=None):
    """Adam with decoupled weight decay: w shrinks on its own, whatever size its gradients have.

    w ← (1 - η λ) w,  then a step of :func:`adam`

    As an L2 penalty, λ w would be a part of dw and be divided by √v̂: weights with large gradients
    would decay less.

    Parameters
    ----------
    w, dw : ndarray
        A parameter and its gradient, of one shape.
    config : dict, optional
        As for :func:`adam`, and ``weight_decay`` λ (0.01).

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
    Loshchilov, Hutter, "Decoupled weight decay regularization" (2019), algorithm 2, with the decay
    in proportion to η as PyTorch has it.

    Examples
    --------
    >>> config = {"learning_rate": 0.1, "weight_decay": 0.5}
    >>> adamw(np.array([1.0]), np.array([0.0]), config)[0]
    array([0.95])
    """
    w, dw = weights("adamw", w, dw)
    config = complete("adamw", config, w, **_DEFAULTS, weight_decay=1e-2)
    decay = config.pop("weight_decay")
    next_w, config = adam((1.0 - config["learning_rate"] * decay) * w, dw, config)
    return next_w, config | {"weight_decay": decay}


def radam(w, dw, config=None):
    """Rectified Adam: Adam that begins carefully, while v̂ has seen too few gradients.

    m̂ and v as in :func:`adam`,  ρ = 2 / (1 - β₂) - 1,  ρₜ = ρ - 2 t β₂ᵗ / (1 - β₂ᵗ),
    w ← w - η m̂  while ρₜ ≤ 5,  then  w ← w - η r m̂ √(1 - β₂ᵗ) / (√v + ε)  with
    r² = (ρₜ - 4) (ρₜ - 2) ρ / ((ρ - 4) (ρ - 2) ρₜ)

    ρₜ is how many squares the average v is worth, ρ its limit; r grows to 1 as the variance of
    1/√v̂ falls to what it stays at, and takes the place of a warm-up of the learning rate.

    Parameters
    ----------
    w, dw : ndarray
        A parameter and its gradient, of one shape.
    config : dict, optional
        As for :func:`adam`.

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
    Liu et al., "On the variance of the adaptive learning rate and beyond" (2020), algorithm 2; with
    ε and the bound 5 (4 in the paper) of its authors' code, as PyTorch has them.

    Examples
    --------
    >>> next_w, config = radam(np.array([1.0]), np.array([3.0]), {"learning_rate": 0.1})
    >>> next_w.round(6)  # not rectified yet: a plain step along the mean gradient
    array([0.7])
    """
    w, dw = weights("radam", w, dw)
    config = complete("radam", config, w, **_DEFAULTS)
    beta1, beta2, t = config["beta1"], config["beta2"], config["t"] + 1
    m = beta1 * config["m"] + (1.0 - beta1) * dw
    v = beta2 * config["v"] + (1.0 - beta2) * (dw * dw)
    m_hat = m / (1.0 - beta1**t)
    r = rectification(beta2, t)
    if r:
        m_hat *= r * math.sqrt(1.0 - beta2**t) / (np.sqrt(v) + config["epsilon"])
    return w - config["learning_rate"] * m_hat, config | {"m": m, "v": v, "t": t}


def rectification(beta2, t):
    """Return r of :func:`radam` in step t, counted from 1; 0 while there is none.

    Examples
    --------
    >>> rectification(0.999, 5), round(rectification(0.999, 6), 4)
    (0.0, 0.0258)
    """
    limit = 2.0 / (1.0 - beta2) - 1.0
    length = limit - 2.0 * t * beta2**t / (1.0 - beta2**t)
    if length <= 5.0:
        return 0.0
    least, most = ((x - 4.0) * (x - 2.0) / x for x in (length, limit))
    return math.sqrt(least / most)


_DEFAULTS = {
    "learning_rate": 1e-3,
    "beta1": 0.9,
    "beta2": 0.999,
    "epsilon": 1e-8,
    "m": None,
    "v": None,
    "t": 0,
}
