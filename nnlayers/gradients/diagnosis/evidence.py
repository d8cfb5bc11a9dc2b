"""What a diagnosis works with: claimed and true gradients for several upstream gradients."""

import functools
import time

import numpy as np

from nnlayers.gradients.entries import Rows
from nnlayers.gradients.locating import sample, size_of
from nnlayers.gradients.point import Point, flatten
from nnlayers.gradients.report import Diagnosis
from nnlayers.gradients.results import all_finite
from nnlayers.gradients.sharing import leaves_of

MATCH = 1e-6  # relative to the largest entry: numbers that agree so well are called equal
DOUTS = 3
SLOW = 4e-4  # seconds


class Evidence:
    """Claimed and true gradients at one point, for several random upstream gradients.

    Attributes
    ----------
    point : Point
        Where; never exactly at a kink, unless only kinks are wrong.
    wrong : list of int
        Positions of the wrong gradients.
    rows : dict of int to Rows
        Jacobian rows of the entries of a wrong gradient that were looked at.
    claims : list of list of ndarray
        What backward returned, for each upstream gradient; of whatever shape.
    names : tuple of str
        Names of all gradients.
    """

    def __init__(self, point, wrong, rows):
        self.point = point
        self.names = point.subject.gradients
        self.wrong = wrong
        self.rows = rows
        self.douts = [*point.douts, point.draw()][:DOUTS]
        self.claims = [*point.claims, point.gradients(self.douts[-1])]
        # gradients that are missing or not finite: there is nothing to repair, or to break
        first = enumerate(point.claims[0])
        self.void = {k for k, g in first if g is None or not all_finite(g)} - set(self.wrong)
        self.weights = np.array([flatten(douts) for douts in self.douts])
        self.true = {k: rows[k].pulled(self.weights)[0] for k in wrong}
        arrays = [array for _, array in leaves_of(point.cache)]
        self._cached = [array for array in arrays if array.flags.writeable]

    @property
    def outs(self):
        """Forward's outputs."""
        return self.point.outs

    def shape(self, k):
        """Return the shape of array k, which its gradient must have."""
        return self.array(k).shape

    def array(self, k):
        """Return array k itself."""
        return list(self.point.subject.arrays.values())[k]

    def claimed(self, k):
        """Return gradient k for every upstream gradient: array (number of douts, *its shape)."""
        return np.array([claim[k] for claim in self.claims])

    def full(self, k):
        """Return the true gradient k in its shape, or None if only some entries are known."""
        shape = self.shape(k)
        if len(self.rows[k].indices) != size_of(self.point, k):
            return None
        return self.true[k].reshape(len(self.douts), *shape)

    def is_true(self, k, values, true=None, limit=MATCH):
        """Whether values (number of douts, *shape of the array) equal the true gradient k."""
        shape = self.shape(k)
        if values.shape != (len(self.douts), *shape) or values.dtype.kind not in "fiu":
            return False
        found = values.reshape(len(self.douts), -1)[:, self.rows[k].indices]
        return close(found, self.true[k] if true is None else true, limit)

    def repaired(self, results, strict=True):
        """Return the names of the wrong gradients that results make right.

        ``results`` holds a list of gradients for each upstream gradient.  If they break a right
        one, that counts as no repair when ``strict``.
        """
        fixed = []
        for k, name in enumerate(self.names):
            if k in self.void:
                continue
            values = [result[k] for result in results]
            if any(value.shape != self.shape(k) for value in values):
                if k not in self.wrong:
                    return []
                continue
            values = np.array(values)
            if k in self.wrong:
                if self.is_true(k, values):
                    fixed.append(name)
            elif strict and not close(values, self.claimed(k)):
                return []
        return fixed

    def run(self, change_douts=None, cache=None, function=None):
        """Call backward for every upstream gradient, with changes; None if it fails.

        The cache is read-only meanwhile: a changed backward must not spoil it for the next one.
        """
        results = []
        for array in self._cached:
            array.flags.writeable = False
        try:
            for douts in self.douts:
                given = douts if change_douts is None else change_douts(douts)
                results.append(self.point.gradients(given, cache, function))
                if len(results) == 1 and not self._plausible(results[0]):
                    return None
        except Exception:
            return None
        finally:
            for array in self._cached:
                array.flags.writeable = True
        return results

    def _plausible(self, first):
        """Whether the first result repairs something: most changes are dismissed by this."""
        for k in self.wrong:
            if first[k].shape == self.shape(k):
                found = first[k].ravel()[self.rows[k].indices]
                if close(found, self.true[k][0]):
                    return True
        return False

    @functools.cached_property
    def quick(self):
        """The same evidence on two examples if backward is slow, as it is with loops over them."""
        start = time.perf_counter()
        self.point.gradients(self.douts[0])
        if time.perf_counter() - start < SLOW:
            return self
        small = self.at_batch(2)
        if small is None or any(small.is_true(k, small.claimed(k)) for k in self.wrong):
            return self
        return small

    def at_batch(self, count):
        """Return the evidence for the first examples alone, or None if that is impossible."""
        try:
            subject = self.point.subject.resized(count)
            if subject is None:
                return None
            point = Point(subject, self.point.rng)
            if any(not np.isfinite(out).all() for out in point.outs):
                return None
            point.claims = [point.gradients(dout) for dout in point.douts]
            rows = {k: Rows(point, k, sample(point, k)) for k in self.wrong}
            return Evidence(point, self.wrong, rows)
        except Exception:
            return None


def close(a, b, limit=MATCH):
    """Whether two arrays agree, relative to the largest entry of the second."""
    if a.shape != b.shape:
        return False
    with np.errstate(all="ignore"):
        return bool(np.abs(a - b).max(initial=0.0) <= limit * np.abs(b).max(initial=0.0))


def apart(evidence, k, values):
    """Say how far values are from the true gradient: evidence that they are the same."""
    found = values.reshape(len(values), -1)[:, evidence.rows[k].indices]
    return f", largest difference {np.abs(found - evidence.true[k]).max(initial=0.0):.0e}"


def matches(cause, name, message, fix):
    """Return a diagnosis that rests on equal numbers."""
    return Diagnosis(cause, name, message, fix, "matches", (name,))
