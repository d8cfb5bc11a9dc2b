"""Penalties: terms that are added to the loss to keep parameters small."""

import numpy as np

from nnlayers.training.bounds import keys, non_negative, require_keys


class L2:
    """Penalty on the squares of the weights, in one of its two usual forms.

    0.5 · strength · Σ w² with half=True (cs231n), whose gradient is strength · w;
    strength · Σ w² with half=False (I2DL), whose gradient is 2 · strength · w.

    By default it acts on weights alone: the parameters with two axes or more, not on biases or on
    scales and shifts, which are vectors (a bias of shape (1, M) has two axes: leave it out by
    ``only``).

    Parameters
    ----------
    strength : float
        At least 0.
    half : bool
        Whether the factor 0.5 is in the penalty.
    only : list of str, optional
        Keys of ``net.params`` on which it acts, whatever their shapes.

    Raises
    ------
    ValueError, TypeError
        If strength is negative or not a finite number; at a call, if the net has no key of only.

    Source
    ------
    cs231n notes, "Linear classification: regularization"; TUM I2DL, exercise 6.

    Examples
    --------
    >>> from nnlayers import Affine
    >>> net = Affine.of(np.array([[3.0]]), np.array([7.0]))
    >>> L2(0.1).loss(net), L2(0.1, half=False).loss(net)
    (0.45, 0.9)
    >>> L2(0.1).gradients(net)
    {'w': array([[0.3]])}
    """

    def __init__(self, strength, half=True, only=None):
        self.strength = non_negative("L2", "strength", strength)
        self.half = bool(half)
        self.only = keys("L2", only)

    def loss(self, net):
        """Return the penalty of the net's parameters: 0.5 · strength · Σ w², or without 0.5."""
        squares = sum(float(np.vdot(w, w)) for w in self._weights(net).values())
        return (0.5 if self.half else 1.0) * self.strength * squares

    def gradients(self, net):
        """Return the penalty's gradients, a dict with the keys on which it acts.

        ∂/∂wᵢ ½ s Σⱼ wⱼ² = s wᵢ, and without the ½ twice that.
        """
        factor = (1.0 if self.half else 2.0) * self.strength
        return {key: factor * w for key, w in self._weights(net).items()}

    def _weights(self, net):
        params = net.params
        if self.only is None:
            return {key: w for key, w in params.items() if w.ndim >= 2}
        require_keys("L2", self.only, params)
        return {key: params[key] for key in self.only}

    def __repr__(self):
        words = [f"{self.strength!r}", f"half={self.half}"]
        if self.only is not None:
            words.append(f"only={self.only!r}")
        return f"L2({', '.join(words)})"
