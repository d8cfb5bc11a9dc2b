"""Where a large gradient is wrong: halves are tested by projection until single entries remain.

One test of a set of entries is one directional derivative along random steps of just these
entries, whatever their number.  A single wrong entry among a million is found in about forty
tests; if wrong entries are everywhere, a random sample of them says so.
"""

import numpy as np

from nnlayers.gradients.entries import ESTIMATES, OF_ENTRY, OF_LARGEST, Rows, judge_rows

OTHERS = 4  # entries beside the wrong ones
SAMPLE = 16  # entries that are looked at one by one where many are wrong
NUMBERS = 4e6  # numbers of a Jacobian that are held at once
TESTS = 44  # directional derivatives that a search may cost
MANY = 4  # wrong parts at one level of the search that mean "everywhere"


def agrees(point, which, mask=None):
    """Whether a gradient agrees with the numerical one along random steps of the masked entries.

    ``mask`` is a vector over the entries of that array.
    """
    return compare(point, [_step(point, which, mask)]).all()


def is_kinked(point, which):
    """Whether there is a kink exactly here, along random steps of one array."""
    found = point.along([_step(point, which)], point.weights)
    return not np.isnan(found.left).all()


def _step(point, which, mask=None):
    step = point.only(which, point.scales * point.spread(point.base.size))
    if mask is not None:
        step[point.subject.slices[which]] *= mask
    return step


def compare(point, directions, rtol=1e-9, at_least=3):
    """Compare claimed with numerical directional derivatives: boolean (directions, douts).

    <dout, J u> must equal <backward(dout), u> within the error estimate.  NaN, a kink, and an
    estimate that is worse than a thousandth of the expected size count as disagreement.  Sets
    ``point.slack``, by how much they may have differed, and ``point.hidden``.
    """
    found = point.along(directions, point.weights, rtol, at_least)
    moves = np.array(directions)
    claims = point.claimed
    claimed = moves @ claims.T
    size = np.sqrt((moves * moves) @ (claims * claims).T)
    value = np.abs(found.value)
    slack = ESTIMATES * found.error + OF_ENTRY * value + OF_LARGEST * size
    sure = found.error <= 1e-3 * np.maximum(size, value)
    zero = (size == 0.0) & (value <= ESTIMATES * found.error)
    # an error of their own size would have stayed within the slack
    point.slack = float(slack[-1].min())
    point.hidden = (np.abs(moves[-1] * claims[0]) < point.slack) & (claims[0] != 0.0)
    return (np.abs(claimed - found.value) <= slack) & (sure | zero) & np.isnan(found.left)


def search(point, which):
    """Find wrong entries of a large gradient.

    Returns ``(rows, off, share)``: the numerical rows of the entries looked at, which of these
    are wrong, and the estimated share of wrong entries in the whole gradient.
    """
    place = point.subject.slices[which]
    size = place.stop - place.start
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
                if not agrees(point, which, mask):
                    halves.append(part)
                elif len(parts) == 1 and part[0] == start:
                    halves.append((middle, stop))  # the whole is wrong, so the other half is
                    break
        parts = halves
        if len(parts) >= MANY or tests > TESTS:
            return _sample(point, which, parts)
    # some others beside them, so that a relation between both gradients is not read into one entry
    indices = np.array([start for start, _ in parts], dtype=int)
    indices = np.union1d(indices, sample(point, which)[:OTHERS])
    rows = Rows(point, which, indices)
    off = judge_rows(point, rows)
    return rows, off, off.sum() / size


def _sample(point, which, parts):
    """Look at random entries of the parts that are wrong."""
    inside = np.concatenate([np.arange(start, stop) for start, stop in parts[:64]])
    rows = Rows(point, which, sample(point, which, inside))
    off = judge_rows(point, rows)
    return rows, off, off.mean() * len(inside) / size_of(point, which)


def sample(point, which, among=None):
    """Return the positions of some random entries, in order."""
    size = size_of(point, which) if among is None else len(among)
    count = min(SAMPLE, size, max(1, int(NUMBERS / max(point.center.size, 1))))
    chosen = np.sort(point.rng.choice(size, count, replace=False))
    return chosen if among is None else among[chosen]


def size_of(point, which):
    """Return the number of entries of one array."""
    place = point.subject.slices[which]
    return place.stop - place.start
