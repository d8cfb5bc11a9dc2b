"""Where a large gradient is wrong: halves of it are tested by projection until single entries remain.

One test of a set of entries is one directional derivative along random steps of just these
entries, whatever their number.  A single wrong entry among a million is found in about forty
tests; if wrong entries are everywhere, a random sample of them says so.
"""

import numpy as np

from nnlayers.gradients.entries import ESTIMATES, Rows, judge_rows

SAMPLE = 16  # entries that are looked at one by one where many are wrong
NUMBERS = 4e6  # numbers of a Jacobian that are held at once
TESTS = 44  # directional derivatives that a search may cost
MANY = 4  # wrong parts at one level of the search that mean "everywhere"


def agrees(point, which, mask=None):
    """Whether a gradient agrees with the numerical one along random steps of the masked entries."""
    direction = [None] * len(point.base)
    step = point.scales()[which] * point.spread(point.base[which].shape)
    direction[which] = step if mask is None else np.where(mask, step, 0.0)
    return compare(point, [direction]).all()


def is_kinked(point, which):
    """Whether there is a kink exactly here, along random steps of one array."""
    direction = [None] * len(point.base)
    direction[which] = point.scales()[which] * point.spread(point.base[which].shape)
    return not np.isnan(point.along([direction], point.weights()).left).all()


def compare(point, directions, rtol=1e-9):
    """Compare claimed with numerical directional derivatives: boolean (directions, douts).

    <dout, J u> must equal <backward(dout), u> within the error estimate.  NaN, a kink, and an
    estimate that is worse than a thousandth of the expected size count as disagreement.
    """
    found = point.along(directions, point.weights(), rtol)
    claimed = np.empty(found.value.shape)
    size = np.empty(found.value.shape)
    for i, direction in enumerate(directions):
        for j, claim in enumerate(point.claims):
            products = [g * u for g, u in zip(claim, direction) if u is not None]
            claimed[i, j] = sum(float(p.sum()) for p in products)
            size[i, j] = np.sqrt(sum(float((p * p).sum()) for p in products))
    with np.errstate(invalid="ignore"):
        close = np.abs(claimed - found.value) <= (
            ESTIMATES * found.error + 1e-7 * np.abs(found.value) + 1e-11 * size
        )
        sure = found.error <= 1e-3 * np.maximum(size, np.abs(found.value))
    smooth = np.isnan(found.left)
    zero = (size == 0) & (np.abs(found.value) <= ESTIMATES * found.error)
    return close & (sure | zero) & smooth


def search(point, which):
    """Find wrong entries of a large gradient.

    Returns ``(rows, off, share)``: the numerical rows of the entries looked at, which of these
    are wrong, and the estimated share of wrong entries in the whole gradient.
    """
    shape = point.base[which].shape
    size = point.base[which].size
    parts = [(0, size)]
    tests = 0
    while parts and parts[0][1] - parts[0][0] > 1:
        halves = []
        for start, stop in parts:
            middle = (start + stop) // 2
            for part in ((start, middle), (middle, stop)):
                mask = np.zeros(size, bool)
                mask[slice(*part)] = True
                tests += 1
                if not agrees(point, which, mask.reshape(shape)):
                    halves.append(part)
                elif len(parts) == 1 and part[0] == start:
                    halves.append((middle, stop))  # the whole is wrong, so the other half is
                    break
        parts = halves
        if len(parts) >= MANY or tests > TESTS:
            return _sample(point, which, parts)
    indices = np.array([start for start, _ in parts], dtype=int)
    rows = Rows(point, which, indices)
    off = judge_rows(point, rows)
    return rows, off, off.sum() / size


def _sample(point, which, parts):
    """Look at random entries of the parts that are wrong."""
    inside = np.concatenate([np.arange(start, stop) for start, stop in parts[:64]])
    rows = Rows(point, which, sample(point, which, inside))
    off = judge_rows(point, rows)
    return rows, off, off.mean() * len(inside) / point.base[which].size


def sample(point, which, among=None):
    """Return the positions of some random entries, in order."""
    size = point.base[which].size if among is None else len(among)
    count = min(SAMPLE, size, max(1, int(NUMBERS / max(point.size, 1))))
    chosen = np.sort(point.rng.choice(size, count, replace=False))
    return chosen if among is None else among[chosen]
