"""Derivatives from differences, each with an estimate of its own error.

One number is asked for: φ'(0) of a function φ(t) that can only be evaluated.  The central
difference D(h) = (φ(h) - φ(-h)) / 2h is wrong by a truncation error that shrinks with h (as
a₂h² + a₄h⁴ + ...) and by rounding that grows with 1/h, so no single step is right for every
function.  Here D is taken on a ladder of steps; Richardson extrapolation removes a₂, then a₄; and
of all the resulting values the one is kept on which neighbouring rungs agree best.  How well they
agree, plus the rounding of φ, is its error estimate.

At a kink neighbouring rungs agree on a value that is no derivative.  It shows in the second
difference (φ(h) - 2φ(0) + φ(-h)) / h, which curvature shrinks with h and a kink does not.
"""

from typing import NamedTuple

import numpy as np

# the rungs, as fractions of the first step: close together where smooth functions converge, far
# apart below, where only a kink nearby, noise or a wild function sends the search
RUNGS = 2.0 ** -np.array([0, 2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28])


class Derivatives(NamedTuple):
    """Derivatives of n functions with m components each, as arrays of shape (n, m)."""

    value: np.ndarray
    error: np.ndarray  # estimate of |value - truth|; half the gap at a kink
    left: np.ndarray  # one-sided derivatives at a kink, NaN elsewhere
    right: np.ndarray


def first_step(dtype):
    """Return the first step for a variable of size 1, where both errors of order 6 are alike."""
    return 2.0 * float(np.finfo(dtype).eps) ** (1 / 7)


def differentiate(phi, steps, at_zero, eps, extra_noise=0.0, rtol=1e-9, at_least=3):
    """Differentiate n functions at 0, each with m components.

    D(h) = (φ(h) - φ(-h)) / 2h = φ'(0) + a₂ h² + a₄ h⁴ + ...

    Parameters
    ----------
    phi : callable
        ``phi(i, t)`` is function i at t, an array (m,).
    steps : ndarray, shape (n,)
        The first and largest step of each function.
    at_zero : ndarray, shape (m,)
        φ(0), which all functions share.
    eps : float
        Relative rounding error of φ.
    extra_noise : float or ndarray
        Rounding of φ beyond ``eps * abs(φ)``, such as that of a sum with cancellation.
    rtol : float
        A relative error at which the search stops.
    at_least : int
        Rungs that are always taken; two that agree by accident make too small an error estimate.

    Returns
    -------
    Derivatives
        Value, error estimate and, at kinks, the one-sided derivatives.

    Source
    ------
    Ridders, "Accurate computation of F'(x) and F'(x) F''(x)" (1982); the kink rule is our own.
    """
    n, m = len(steps), len(at_zero)
    h = np.asarray(steps)[None, :, None] * RUNGS[:, None, None]
    plus, minus = np.full((2, len(RUNGS), n, m), np.nan)
    active = np.arange(n)
    for level in range(len(RUNGS)):
        for i in active:
            step = h[level, i, 0]
            plus[level, i] = phi(i, step)
            minus[level, i] = phi(i, -step)
        if level + 1 < at_least:
            continue
        every = len(active) == n
        rungs = slice(level + 1), slice(None) if every else active
        found, floor = _extrapolate(h[rungs], plus[rungs], minus[rungs], at_zero, eps, extra_noise)
        if every:
            best = found
        else:
            for target, result in zip(best, found):
                target[active] = result
        size = np.abs(found.value)
        scale = 1e-3 * np.fmax.reduce(size, axis=None) if size.size else 0.0
        good = (found.error <= rtol * np.maximum(size, scale)) | (found.error <= 4.0 * floor)
        active = active[~(good & np.isnan(found.left)).all(axis=1)]
        if not len(active):
            break
    return best


def _extrapolate(h, plus, minus, at_zero, eps, extra_noise):
    """Return the derivatives from the rungs so far, and the rounding floor of their values."""
    with np.errstate(all="ignore"):  # a rung outside the domain is not finite: it is passed over
        size = np.fmax(np.fmax(np.abs(plus), np.abs(minus)), np.abs(at_zero))
        noise = (eps * size + extra_noise) / h
        central = (plus - minus) / (2.0 * h)
        if len(h) == len(RUNGS):
            # rounding rules on the last rungs: there D(h) changes by about as much as φ's noise / h
            changes = np.abs(np.diff(central[-4:], axis=0)) * h[-3:]
            noise = np.fmax(noise, np.sort(changes, axis=0)[1] / h)
        value, error, floor = _neville(central, h * h, noise)
        left, right = np.full((2, *value.shape), np.nan)
        # the second difference: φ''h for a smooth function, the jump of the slope at a kink
        gap = np.abs(plus - 2.0 * at_zero + minus) / h
        # curvature alone divides it by the ratio of the steps, a kink leaves it as it is
        ratio = h[-2] / h[-1]
        kink = (gap[-1] > 50.0 * noise[-1]) & (gap[-1] > gap[-2] / np.sqrt(ratio))
        if kink.any():
            forward, forward_error, _ = _neville((plus - at_zero) / h, h, noise)
            backward, backward_error, _ = _neville((at_zero - minus) / h, h, noise)
            jump = np.abs(forward - backward)
            real = kink & (jump > 20.0 * (forward_error + backward_error))
            left, right = np.where(real, backward, left), np.where(real, forward, right)
            # no derivative lies nearer than half the jump; a cusp's one-sided slopes never settle,
            # and their gap is large on every rung (that of mere noise only on the lowest)
            cusp = np.where(kink, np.fmin.reduce(gap), 0.0)
            error = np.where(real, error + jump / 2, error + cusp)
    return Derivatives(value, error, left, right), floor


def _neville(first, power, noise):
    """Extrapolate values taken at steps to step 0: the best value, its error, and its rounding."""
    value = np.zeros(first.shape[1:])
    error = np.full(first.shape[1:], np.inf)
    floor = np.zeros(first.shape[1:])
    row = [first[0]]
    for i in range(1, len(first)):
        new = [first[i]]
        for j in range(1, min(i, 2) + 1):
            ratio = power[i - j] / power[i]
            new.append(new[j - 1] + (new[j - 1] - row[j - 1]) / (ratio - 1.0))
        for j, candidate in enumerate(new):
            # agreement with the rung above, and with the lower order on this rung
            spread = np.abs(candidate - row[max(j - 1, 0)])
            if j:
                spread = np.maximum(spread, np.abs(candidate - new[j - 1]))
            spread = spread + noise[i]
            better = spread < error
            value = np.where(better, candidate, value)
            error = np.where(better, spread, error)
            floor = np.where(better, noise[i], floor)
        row = new
    return value, error, floor
