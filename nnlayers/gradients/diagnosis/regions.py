"""Where a gradient is wrong, as evidence: slices, ranges of indices, ranges of values."""

import numpy as np

from nnlayers.gradients.diagnosis import changes
from nnlayers.gradients.diagnosis.evidence import close, matches
from nnlayers.gradients.diagnosis.surgery import surroundings
from nnlayers.gradients.whereabouts import threshold


def factor_field(evidence, k):
    """Is every entry off by a factor of its own, the same for every dout, that can be named."""
    name, claimed, true = evidence.names[k], evidence.claimed(k), evidence.full(k)
    if true is None or claimed.shape != true.shape or claimed[0].size < 2:
        return
    context = surroundings(evidence)
    shape = true.shape[1:]
    for change in changes.factors(shape, context):
        if evidence.is_true(k, change.apply(claimed)):
            written = change.text.format(v=name)
            twice = "} / " in change.text
            yield matches(
                "chain_factor",
                name,
                f"{name} becomes right as {written}: that factor "
                + ("stands there twice" if twice else "is missing"),
                "leave one such factor out" if twice else f"multiply as in {written}",
            )
            return
    for axis in range(1, true.ndim):
        yield from _per_slice(evidence, k, claimed, true, axis)


def _per_slice(evidence, k, claimed, true, axis):
    """Is the factor one number for each index along an axis."""
    moved, right = np.moveaxis(claimed, axis, 0), np.moveaxis(true, axis, 0)
    if len(moved) < 2 or moved[0].size <= len(claimed):
        return
    square = (right * right).reshape(len(right), -1).sum(axis=1)
    if (square == 0).any():
        return
    c = (moved * right).reshape(len(right), -1).sum(axis=1) / square
    if (np.abs(c) < 1e-9).any():
        return
    fitted = c.reshape(-1, *[1] * (right.ndim - 1)) * right
    if close(moved, fitted) and np.ptp(c) > 1e-6 * np.abs(c).max():
        name = evidence.names[k]
        numbers = ", ".join(f"{value:.4g}" for value in c[:5])
        yield matches(
            "chain_factor",
            name,
            f"each slice of {name} along axis {axis - 1} is the true one times {numbers}"
            + ("..." if len(c) > 5 else ""),
            "a factor with one number per index of that axis is missing or stands there twice",
        )


def unfilled(evidence, k):
    """Is the claimed gradient zero in a block of indices where it should not be."""
    name, claimed, true = evidence.names[k], evidence.claimed(k), evidence.full(k)
    if true is None or claimed.shape != true.shape:
        return
    size = np.abs(true).max(initial=0.0)
    wrong = (np.abs(claimed - true) > 1e-6 * size).any(axis=0)
    empty = (claimed == 0).all(axis=0)
    if not wrong.any() or not empty[wrong].all():
        return
    if wrong.all() or (empty == wrong).all() and not claimed.any():
        yield matches(
            "partial_fill",
            name,
            f"{name} is zero everywhere",
            f"{name} is made but never filled: compute it, and return that array",
        )
        return
    box = [np.unique(indices) for indices in np.nonzero(wrong)]
    inside = np.zeros(wrong.shape, bool)
    inside[np.ix_(*box)] = True
    touched = inside & (np.abs(true) > 1e-9 * size).any(axis=0)
    regular = all(np.ptp(b) + 1 == len(b) or len(b) == n for b, n in zip(box, wrong.shape))
    if (touched == (wrong & touched)).all() and regular and not inside.all():
        where = ", ".join(
            ":" if len(b) == n else f"{b[0]}:{b[-1] + 1}" for b, n in zip(box, wrong.shape)
        )
        yield matches(
            "partial_fill",
            name,
            f"{name}[{where}] stays zero, everything else is right",
            "a loop or a slice ends too early (or starts too late)",
        )


def region(evidence, k):
    """Is the error confined to entries where an array at hand is above or below a threshold."""
    name, claimed, true = evidence.names[k], evidence.claimed(k), evidence.full(k)
    if true is None or claimed.shape != true.shape or claimed[0].size < 4:
        return
    size = np.abs(true).max(initial=0.0)
    wrong = (np.abs(claimed - true) > 1e-6 * size).any(axis=0)
    if wrong.all() or not wrong.any():
        return
    switched = ((claimed == 0) != (true == 0))[:, wrong].all()
    where = threshold(wrong, surroundings(evidence))
    if where:
        c = _one_ratio(claimed[:, wrong], true[:, wrong])
        if c is not None:
            yield matches(
                "wrong_formula" if abs(c + 1) < 1e-6 else "chain_factor",
                name,
                f"{name} is {c:.4g} times the true gradient where {where}, and right elsewhere",
                "a constant factor is missing in the branch that holds there",
            )
            return
        yield matches(
            "wrong_mask" if switched else "wrong_formula",
            name,
            f"{name} is wrong only where {where}"
            + (", and there a zero stands for a number or the reverse" if switched else ""),
            "look at the comparison that selects these entries"
            if switched
            else "look at the branch of the formula that holds there",
        )
        return
    if switched and (claimed == 0)[:, wrong].all() and _is_grid(~wrong):
        yield matches(
            "partial_fill",
            name,
            f"{name} is filled at regular places only, the other {int(wrong.sum())} entries are 0",
            "every entry that forward reads needs its gradient: look at the slice on the left",
        )
    elif switched:
        yield matches(
            "wrong_mask",
            name,
            f"{name} is wrong only where a zero stands for a number or the reverse",
            "look at the mask, or at the indices that select these entries",
        )


def _is_grid(mask):
    """Whether a mask holds exactly where a choice of indices along each axis meet."""
    grid = np.ones(mask.shape, bool)
    for axis in range(mask.ndim):
        others = tuple(a for a in range(mask.ndim) if a != axis)
        grid &= mask.any(axis=others, keepdims=True)
    return mask.ndim > 1 and bool((grid == mask).all())


def _one_ratio(found, true):
    """Return c if found = c · true with a number c other than 0, else None."""
    square = (true * true).sum()
    c = (found * true).sum() / square if square else 0.0
    return float(c) if c and close(found, c * true) and true.size > len(true) else None


def misplaced(evidence, k):
    """Are the wrong entries few numbers that stand at the wrong index."""
    name, claimed, true = evidence.names[k], evidence.claimed(k), evidence.full(k)
    if true is None or claimed.shape != true.shape or claimed.ndim < 2:
        return
    size = np.abs(true).max(initial=0.0)
    for axis in range(1, claimed.ndim):
        length = claimed.shape[axis]
        for shift in (1, -1, 2, -2):
            if abs(shift) >= length:
                continue
            source = slice(max(-shift, 0), length - max(shift, 0))
            target = slice(max(shift, 0), length - max(-shift, 0))
            here = [slice(None)] * claimed.ndim
            there = [slice(None)] * claimed.ndim
            here[axis], there[axis] = target, source
            if close(claimed[tuple(here)], true[tuple(there)]) and true[tuple(there)].any():
                yield matches(
                    "wrong_index",
                    name,
                    f"{name}[i] is the true gradient at i - ({shift}) along axis {axis - 1}",
                    "an index, a slice or a padding is off by that much",
                )
                return
    difference = claimed - true
    for axis in range(1, claimed.ndim):
        off = (np.abs(difference) > 1e-6 * size).any(axis=0)
        count = off.sum(axis=axis - 1)
        where = off.argmax(axis=axis - 1)
        if claimed.shape[axis] > 2 and (count == 1).all() and np.ptp(where) > 0:
            for cause in ("missing_path", "wrong_formula"):
                yield matches(
                    cause,
                    name,
                    f"along axis {axis - 1} exactly one entry of {name} is wrong, each time: a "
                    "term of one index alone, as that of the label, is missing or wrong",
                    "look at how that entry enters forward on its own",
                )
            return
        moved = np.moveaxis(difference, axis, -1)
        balanced = np.abs(moved.sum(axis=-1)) <= 1e-6 * size
        count = (np.abs(moved) > 1e-6 * size).sum(axis=-1)
        if balanced.all() and set(np.unique(count)) <= {0, 2} and (count == 2).any():
            yield matches(
                "wrong_index",
                name,
                f"along axis {axis - 1} two entries of {name} are wrong, by opposite amounts: "
                "something is added or subtracted at the wrong index",
                "look at the index of that entry (off by one, or counted from 1)",
            )
            return
