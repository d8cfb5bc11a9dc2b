"""A subject at its inputs: outputs, random upstream gradients, and the gradients it claims."""

import functools

import numpy as np

from nnlayers.gradients.differences import differentiate, first_step
from nnlayers.gradients.numerical import typical_size

EPS = float(np.finfo(np.float64).eps)
FIRST = first_step(np.float64)


class Point:
    """What is known about a subject at one place, and how to look around it.

    Directions and offsets are vectors like ``subject.flat``.

    Attributes
    ----------
    base : ndarray
        ``subject.flat`` here.
    outs : list of ndarray
        Forward's outputs here, copied.
    center : ndarray
        All of them as one vector.
    cache : object
        Forward's cache.
    douts : list of list of ndarray
        Two random upstream gradients.
    weights : ndarray, shape (2, number of output entries)
        The same, each as one vector.
    claims : list of list of ndarray
        For each of them the gradients that backward returns; set by the probes.
    forwards : int
        How often forward was called.
    slack : float
        By how much the last comparison along a direction allowed both sides to differ.
    hidden : ndarray of bool
        Entries so small that an error of their own size would have stayed within that.
    """

    def __init__(self, subject, rng):
        self.subject = subject
        self.rng = rng
        self.forwards = 0
        self.slack = 0.0
        self.base = subject.flat.copy()
        self.hidden = np.zeros(self.base.size, bool)
        outs, self.cache = self.forward()
        self.settle(outs)
        self.weights = self.spread((2, self.center.size))
        self.douts = [split(row, self.outs) for row in self.weights]
        self.claims = []

    def settle(self, outs):
        """Take these outputs as those at this point."""
        self.outs = [np.array(out, dtype=np.float64) for out in outs]
        self.center = flatten(self.outs)

    def draw(self):
        """Return another random upstream gradient, an array for every output."""
        return split(self.spread(self.center.size), self.outs)

    def spread(self, shape):
        """Return random signs times magnitudes between 0.5 and 1.5: never ones, never near zero."""
        x = self.rng.random(shape)
        lower = x < 0.5
        x += x
        x -= 0.5
        x -= lower  # [0, 1/2) has become [-3/2, -1/2), and [1/2, 1) has become [1/2, 3/2)
        return x

    def forward(self, function=None):
        """Call forward once, or a function in its place."""
        self.forwards += 1
        return self.subject.forward(function)

    def backward(self, douts, cache=None, function=None):
        """Call backward on copies of douts; return its result as it is."""
        given = [dout.copy() if dout.ndim else np.float64(dout) for dout in douts]
        return self.subject.backward(given, self.cache if cache is None else cache, function)

    def gradients(self, douts, cache=None, function=None):
        """Return backward's gradients as a list of float64 arrays; raise if they are none."""
        result = self.backward(douts, cache, function)
        count = len(self.subject.slices)
        if count == 1 and not isinstance(result, tuple):
            result = (result,)
        if len(result) != count:
            raise TypeError("wrong number of gradients")
        return [np.array(gradient, dtype=np.float64) for gradient in result]

    def at(self, offset, function=None):
        """Return forward's outputs as one vector, all arrays moved; NaN if it refuses."""
        flat = self.subject.flat
        np.add(self.base, offset, out=flat)
        outs = self.here(function)
        flat[...] = self.base
        return outs

    def here(self, function=None):
        """Return forward's outputs as one vector for the arrays as they are; NaN if it refuses."""
        try:
            outs = flatten(self.forward(function)[0])
            if outs.size == self.center.size:
                return outs
        except Exception:
            pass  # outside its domain a forward may raise: this step then counts for nothing
        return np.full(self.center.size, np.nan)

    def nudged(self):
        """Return this point moved a little, off every kink that lies exactly here, or None."""
        try:
            moved = self.subject.moved(0.05 * self.scales * self.spread(self.base.size))
            new = Point(moved, self.rng)
            new.claims = [new.gradients(dout) for dout in new.douts]
        except Exception:
            return None
        return new

    @functools.cached_property
    def scales(self):
        """The size of a step of relative size 1 for each entry.

        An entry's own magnitude, but at least 1 % of the typical one in its array; that for a zero.
        """
        size = np.abs(self.base)
        for place in self.subject.slices:
            part = size[place]
            if part.size:
                typical = typical_size(part)
                if not part.all():
                    part[part == 0.0] = typical
                np.maximum(part, 0.01 * typical, out=part)
        return size

    @functools.cached_property
    def claimed(self):
        """All claims, a row like ``flat`` for each upstream gradient."""
        rows = np.empty((len(self.claims), self.base.size))
        for row, claim in zip(rows, self.claims):
            self._write(claim, row)
        return rows

    def as_vector(self, gradients):
        """Return a list of gradients as one vector like ``flat``; zeros for what is no gradient."""
        vector = np.empty(self.base.size)
        self._write(gradients, vector)
        return vector

    def _write(self, gradients, vector):
        for place, gradient in zip(self.subject.slices, gradients):
            fits = gradient is not None and gradient.size == place.stop - place.start
            vector[place] = gradient.ravel() if fits else 0.0

    def only(self, which, vector):
        """Return a vector like ``flat`` that is zero outside one array."""
        place = self.subject.slices[which]
        new = np.zeros(self.base.size)
        new[place] = vector[place]
        return new

    def along(self, directions, weights, rtol=1e-9, at_least=2):
        """Differentiate weights @ out along directions, whose entries are steps of relative size 1.

        Returns :class:`Derivatives` of shape (number of directions, number of weights).
        """
        at_zero = weights @ self.center
        # each entry of out is rounded: independent errors add up as their squares do
        noise = 2.0 * EPS * np.sqrt(np.square(weights) @ np.square(self.center))

        def phi(i, t):
            return weights @ self.at(t * directions[i])

        steps = np.full(len(directions), FIRST)
        return differentiate(phi, steps, at_zero, EPS, noise, rtol, at_least)


def flatten(arrays):
    """Return arrays as one new float64 vector."""
    if len(arrays) == 1:
        return arrays[0].astype(np.float64).ravel()
    return np.concatenate([array.ravel() for array in arrays], dtype=np.float64)


def split(flat, outs):
    """Return a vector over all outputs as one array for each."""
    parts, start = [], 0
    for out in outs:
        parts.append(flat[start : start + out.size].reshape(out.shape))
        start += out.size
    return parts
