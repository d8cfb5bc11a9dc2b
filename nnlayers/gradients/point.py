"""A subject at its inputs: outputs, random upstream gradients, and the gradients it claims."""

import numpy as np

from nnlayers.gradients.differences import differentiate, first_step
from nnlayers.gradients.numerical import entry_scales

EPS = float(np.finfo(np.float64).eps)


class Point:
    """What is known about a subject at one place, and how to look around it.

    Attributes
    ----------
    outs : list of ndarray
        Forward's outputs here, copied.
    cache : object
        Forward's cache.
    douts : list of list of ndarray
        Random upstream gradients, two of them.
    claims : list of list of ndarray
        For each of them, the gradients that backward returns; set by the probes.
    forwards : int
        How often forward was called.
    """

    def __init__(self, subject, rng):
        self.subject = subject
        self.rng = rng
        self.forwards = 0
        self.base = [array.copy() for array in subject.arrays.values()]
        outs, self.cache = self.forward()
        self.outs = [np.array(out, dtype=np.float64) for out in outs]
        self.douts = [self.draw(), self.draw()]
        self.claims = []

    @property
    def size(self):
        """Number of output entries."""
        return sum(out.size for out in self.outs)

    def draw(self):
        """Return a random upstream gradient for every output: never ones, never near zero."""
        return [self.spread(out.shape) for out in self.outs]

    def copied(self):
        """Return a copy of the first upstream gradients, which backward may do with as it likes."""
        return [dout.copy() if dout.ndim else np.float64(dout) for dout in self.douts[0]]

    def spread(self, shape):
        """Return random signs times magnitudes between 0.5 and 1.5."""
        x = self.rng.uniform(-1.0, 1.0, shape)
        return x + np.copysign(0.5, x)

    def forward(self, function=None):
        """Call forward once, or a function in its place."""
        self.forwards += 1
        with np.errstate(all="ignore"):
            return self.subject.forward(function)

    def backward(self, douts, cache=None, function=None):
        """Call backward on copies of douts; return its result as it is."""
        given = [dout.copy() if dout.ndim else np.float64(dout) for dout in douts]
        with np.errstate(all="ignore"):
            return self.subject.backward(given, self.cache if cache is None else cache, function)

    def at(self, moves, function=None):
        """Return forward's outputs, flat, with each array moved by an offset; NaN if it refuses.

        ``moves`` is a list with an offset, or None, for each array.
        """
        arrays = self.subject.arrays.values()
        try:
            for array, base, move in zip(arrays, self.base, moves):
                if move is not None:
                    np.add(base, move, out=array)
            return self.here(function)
        finally:
            self.restore()

    def here(self, function=None):
        """Return forward's outputs, flat, for the arrays as they are now; NaN if it refuses."""
        try:
            outs, _ = self.forward(function)
            flat = outs[0].ravel() if len(outs) == 1 else np.concatenate([o.ravel() for o in outs])
            if flat.size == self.size:
                return flat.astype(np.float64)
        except Exception:
            pass  # outside its domain a forward may raise: this step then counts for nothing
        return np.full(self.size, np.nan)

    def gradients(self, douts, cache=None, function=None):
        """Return backward's gradients as a list of float64 arrays; Crash or TypeError if it fails."""
        result = self.backward(douts, cache, function)
        if len(self.base) == 1 and not isinstance(result, tuple):
            result = (result,)
        if len(result) != len(self.base):
            raise TypeError("wrong number of gradients")
        return [np.array(gradient, dtype=np.float64) for gradient in result]

    def nudged(self):
        """Return this point moved a little, off every kink that lies exactly here; None if it fails."""
        moves = [0.05 * s * self.spread(s.shape) for s in self.scales()]
        subject = self.subject.moved(moves)
        try:
            new = Point(subject, self.rng)
            new.claims = [new.gradients(dout) for dout in new.douts]
        except Exception:
            return None
        return new

    def restore(self):
        """Put every array back to where it was."""
        for array, base in zip(self.subject.arrays.values(), self.base):
            array[...] = base

    def weights(self, douts=None):
        """Return upstream gradients as the rows of a matrix (m, number of output entries)."""
        douts = self.douts if douts is None else douts
        return np.array([np.concatenate([np.ravel(d) for d in dout]) for dout in douts])

    def flat_outs(self):
        """Return all outputs as one vector."""
        return np.concatenate([out.ravel() for out in self.outs])

    def scales(self):
        """Return for each array the size of a step of relative size 1, in its shape."""
        return [entry_scales(base).reshape(base.shape) for base in self.base]

    def along(self, directions, weights, rtol=1e-9):
        """Differentiate weights @ out along directions, each a list of an offset per array.

        Offsets are steps of relative size 1.  Returns :class:`Derivatives` of shape
        (number of directions, number of weights).
        """
        center = self.flat_outs()
        # each entry of out, and of x + t u, is rounded: random errors add up as their squares do
        noise = 4.0 * EPS * np.sqrt((weights * center) ** 2 @ np.ones(center.size))

        def phi(i, t):
            moved = [None if u is None else t * u for u in directions[i]]
            return weights @ self.at(moved)

        steps = np.full(len(directions), first_step(np.float64))
        return differentiate(phi, steps, weights @ center, EPS, noise, rtol)
