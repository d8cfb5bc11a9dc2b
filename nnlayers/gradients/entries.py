"""The verdict on single entries of a gradient, kinks included.

At a kink a function has no derivative, only one-sided ones, and every value between them (every
subgradient) is a legitimate choice.  It is judged for each output entry alone, since a sum of
outputs with mixed signs hides the bounds; and along joint directions too: handing the whole dout
to each of two tied inputs of a maximum passes along either coordinate, but along both together
the maximum is smooth, and the sum of the two is twice its derivative.
"""

import numpy as np

from nnlayers.gradients.numerical import entry_scales, perturb_each
from nnlayers.gradients.point import EPS, FIRST, split

# An entry is right if it differs from the numerical one by no more than
#   20 x the error estimate + 1e-7 x |entry| + 1e-11 x the largest entry,
# the last for the rounding of backward itself (and the first no more than a thousandth of the
# largest, or 3 x the estimate).  There is no absolute constant.
ESTIMATES, OF_ENTRY, OF_LARGEST = 20.0, 1e-7, 1e-11
NAN = float("nan")
WIDE = 10_000  # number of outputs from which on only those that move are looked at
KINKED_OUTS = 8  # output entries at a kink that are judged one by one


class Rows:
    """Rows of the Jacobian for some entries of one array.

    Attributes
    ----------
    which : int
        Position of the array among the subject's.
    indices : ndarray
        Positions of the entries in the flattened array.
    value, error, left, right : ndarray, shape (entries, outputs)
        ∂out/∂entry, its error estimate, and one-sided derivatives (NaN where there is no kink).
    """

    def __init__(self, point, which, indices):
        self.which, self.indices = which, indices
        x = list(point.subject.arrays.values())[which]
        center = point.center
        seen = _affected(point, x, indices) if center.size > WIDE else slice(None)
        near = center[seen]
        found = perturb_each(
            lambda i, t: point.here()[seen], x, near, near, 2.0 * np.abs(near), indices
        )
        if near.size < center.size:  # the other outputs do not move: their derivative is 0
            whole = [np.full((len(indices), center.size), fill) for fill in (0.0, 0.0, NAN, NAN)]
            for part, columns in zip(whole, found):
                part[:, seen] = columns
            found = whole
        self.value, self.error, self.left, self.right = found

    @property
    def kinks(self):
        """Where a derivative does not exist."""
        return np.isfinite(self.left)

    def pulled(self, weights):
        """Return Jᵀ dout for these entries, and its error: arrays (number of douts, entries)."""
        truth = weights @ self.value.T
        error = np.sqrt(weights**2 @ (self.error**2).T)
        return truth, error

    def claimed(self, gradients):
        """Return these entries of a list of gradients, as backward returned it."""
        return np.ravel(gradients[self.which])[self.indices]


def _affected(point, x, indices):
    """Return the positions of the outputs that any of these entries moves."""
    center, scales = point.here(), entry_scales(x)
    moves = np.zeros(center.size, bool)
    for i in indices:
        before = x.flat[i]
        for step in (0.1 * scales[i], -0.1 * scales[i]):
            x.flat[i] = before + step
            moves |= point.here() != center
        x.flat[i] = before
    return np.nonzero(moves)[0]


def tolerance(truth, error, largest):
    """Return by how much an entry may differ from the numerical one.

    A poor estimate is trusted more closely: it must not excuse an error that would be seen.
    """
    excused = np.minimum(ESTIMATES * error, np.maximum(3.0 * error, 1e-3 * largest))
    return excused + OF_ENTRY * np.abs(truth) + OF_LARGEST * largest


def judge_rows(point, rows):
    """Return which entries are wrong: a boolean array, ignoring outputs at a kink."""
    free = ~rows.kinks.any(axis=0)
    if free.all():
        weights, claims = point.weights, point.claims
    else:
        weights = point.weights[:1] * free
        claims = [point.gradients(split(weights[0], point.outs))]
    truth, error = rows.pulled(weights)
    claimed = np.array([rows.claimed(claim) for claim in claims])
    largest = np.abs(truth).max(axis=1, initial=0.0)[:, None]
    with np.errstate(invalid="ignore"):
        off = ~(np.abs(claimed - truth) <= tolerance(truth, error, largest))
    off = off.any(axis=0)
    still = off & (truth == 0).all(axis=0) & (error == 0).all(axis=0)
    if still.any():
        off[still] = np.abs(claimed[:, still]).max(axis=0) > _absorbed(point, rows, still)
    return off


def _absorbed(point, rows, still):
    """Return how large a derivative may be that forward's own rounding hides, where nothing moves.

    A loss of exactly 0 stays 0 for small steps: e**-40 is lost beside 1.  A step as large as the
    largest entry of x shows on what scale the output moves at all; eps times that is hidden.
    """
    x = list(point.subject.arrays.values())[rows.which]
    scales, center = entry_scales(x), point.here()
    far = 2.0 * np.abs(x).max()
    hidden = []
    for i in rows.indices[still]:
        before, change = x.flat[i], 0.0
        for step in (-far, far):
            x.flat[i] = before + step
            change = np.fmax(change, np.nanmax(np.abs(point.here() - center), initial=0.0))
        x.flat[i] = before
        hidden.append(ESTIMATES * EPS * change / (FIRST * scales[i]))
    return np.array(hidden)


def judge_kinks(point, all_rows):
    """Return for each of several rows which entries are wrong at kinks: boolean arrays.

    A one-hot dout picks one output entry j; backward's gradients must then lie between the
    one-sided derivatives of out[j], along each coordinate and along joint directions.
    """
    wrong = [np.zeros(len(rows.indices), bool) for rows in all_rows]
    kinked = np.unique(np.concatenate([np.nonzero(rows.kinks.any(axis=0))[0] for rows in all_rows]))
    if len(kinked) > KINKED_OUTS:
        kinked = point.rng.choice(kinked, KINKED_OUTS, replace=False)
    for j in kinked:
        one_hot = np.zeros(point.center.size)
        one_hot[j] = 1.0
        gradients = point.gradients(split(one_hot, point.outs))
        claimed = [rows.claimed(gradients) for rows in all_rows]
        for bad, rows, claim in zip(wrong, all_rows, claimed):
            kink = rows.kinks[:, j]
            low = np.where(kink, np.fmin(rows.left[:, j], rows.right[:, j]), rows.value[:, j])
            high = np.where(kink, np.fmax(rows.left[:, j], rows.right[:, j]), rows.value[:, j])
            half = np.where(kink, (high - low) / 2, 0.0)
            slack = np.maximum(rows.error[:, j] - half, 0.0)
            largest = np.abs(rows.value[:, j]).max(initial=0.0) + half.max(initial=0.0)
            slack = tolerance(np.maximum(np.abs(low), np.abs(high)), slack, largest)
            bad |= ~((low - slack <= claim) & (claim <= high + slack))
        if not any(bad.any() for bad in wrong):
            _judge_jointly(point, all_rows, one_hot, claimed, wrong)
    return wrong


def _judge_jointly(point, all_rows, one_hot, claimed, wrong):
    """Mark all kinked entries of one output if no subgradient fits along a joint direction."""
    j = int(one_hot.argmax())
    tied = [rows.kinks[:, j] for rows in all_rows]
    if sum(map(np.sum, tied)) < 2:
        return
    scales = point.scales
    for attempt in range(3):
        move, slope = np.zeros(point.base.size), 0.0
        for rows, kink, claim in zip(all_rows, tied, claimed):
            sign = np.ones(kink.sum())
            if attempt:
                sign = point.rng.choice((-1.0, 1.0), kink.sum())
            place = point.subject.slices[rows.which]
            # equal steps: a tie then stays a tie
            steps = sign * np.median(scales[place])
            move[place.start + rows.indices[kink]] = steps
            slope += float(claim[kink] @ steps)
        found = point.along([move], one_hot[None])
        value, error, left, right = (part[0, 0] for part in found)
        low, high = (value, value) if np.isnan(left) else (min(left, right), max(left, right))
        slack = tolerance(max(abs(low), abs(high)), max(error - (high - low) / 2, 0.0), abs(slope))
        if not low - slack <= slope <= high + slack:
            for bad, kink in zip(wrong, tied):
                bad |= kink
            return
