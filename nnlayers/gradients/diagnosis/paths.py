"""Causes that show in what is missing: a factor of every entry, a term of the total derivative."""

import itertools

import numpy as np

from nnlayers.gradients.diagnosis import changes
from nnlayers.gradients.diagnosis.evidence import close
from nnlayers.gradients.diagnosis.relations import matches
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


def diagonal_only(evidence, k):
    """Is only the diagonal of the Jacobian used."""
    rows, name = evidence.rows[k], evidence.names[k]
    claimed, shape = evidence.claimed(k), evidence.shape(k)
    if len(evidence.outs) != 1 or evidence.outs[0].shape != shape or claimed.shape[1:] != shape:
        return
    own = rows.value[np.arange(len(rows.indices)), rows.indices]
    found = claimed.reshape(len(claimed), -1)[:, rows.indices]
    if close(found, evidence.weights[:, rows.indices] * own) and own.any():
        yield matches(
            "missing_path",
            name,
            f"{name} uses only the diagonal ∂out[i]/∂x[i] of the Jacobian, but out[j] depends on "
            "x[i] too",
            "add the terms with j != i: sum dout[j] ∂out[j]/∂x[i] over all j",
        )
        return
    # with time: only the same step counts
    if len(shape) > 1:
        for axis in range(1, len(shape)):
            step = np.indices(shape)[axis].ravel()
            same = step[rows.indices][:, None] == step[None, :]
            local = evidence.weights @ (rows.value * same).T
            if not close(local, evidence.true[k]) and close(found, local):
                yield _recurrent(name, axis)
                return


def _recurrent(name, axis):
    return matches(
        "missing_path",
        name,
        f"{name} counts only what index t along axis {axis} does to output t: what it does to the "
        "other ones through the state is missing",
        "carry the gradient of the state to the next step: add it to the dout of that step",
    )


def local_in_time(evidence, k):
    """Does an input of each time step get only what it does to the output of the same step."""
    rows, name = evidence.rows[k], evidence.names[k]
    claimed, shape = evidence.claimed(k), evidence.shape(k)
    out = evidence.outs[0]
    if claimed.shape[1:] != shape or out.ndim < 2 or len(shape) < 2 or out.shape == shape:
        return
    found = claimed.reshape(len(claimed), -1)[:, rows.indices]
    for axis in range(min(out.ndim, len(shape))):
        if out.shape[axis] != shape[axis] or shape[axis] < 2 or axis == 0:
            continue
        step_in = np.indices(shape)[axis].ravel()[rows.indices]
        step_out = np.concatenate(
            [
                np.indices(o.shape)[axis].ravel()
                if o.ndim > axis and o.shape[axis] == shape[axis]
                else np.full(o.size, shape[axis] - 1)
                for o in evidence.outs
            ]
        )
        same = step_in[:, None] == step_out[None, :]
        local = evidence.weights @ (rows.value * same).T
        if not close(local, evidence.true[k]) and close(found, local):
            yield _recurrent(name, axis)
            return


def output_ignored(evidence, k):
    """Is the gradient that comes through one of several outputs left out."""
    if len(evidence.outs) < 2:
        return
    name, start = evidence.names[k], 0
    for which, out in enumerate(evidence.outs):
        weights = evidence.weights.copy()
        weights[:, start : start + out.size] = 0.0
        start += out.size
        part = evidence.rows[k].pulled(weights)[0]
        if not close(part, evidence.true[k]) and evidence.is_true(k, evidence.claimed(k), part):
            yield matches(
                "missing_path",
                name,
                f"{name} ignores what comes back through output {which}",
                f"add the part with dout[{which}]",
            )


def branch(evidence, k):
    """Is the difference to the true gradient dout itself, or dout times an array at hand."""
    name, claimed, true = evidence.names[k], evidence.claimed(k), evidence.full(k)
    if true is None or claimed.shape != true.shape:
        return
    missing = true - claimed
    for which, out in enumerate(evidence.outs):
        if out.shape != true.shape[1:] or out.ndim == 0:
            continue
        dout = np.array([d[which] for d in evidence.douts])
        if close(missing, dout):
            yield matches(
                "missing_path",
                name,
                f"{name} lacks exactly dout: the branch that passes its input on unchanged",
                f"add dout to {name}",
            )
            return
        if close(missing, -dout):
            yield matches(
                "missing_path",
                name,
                f"{name} is too large by exactly dout",
                f"subtract dout from {name}: a branch is counted that is not there",
            )
            return
        for change in changes.factors(out.shape, surroundings(evidence)):
            if "} *" in change.text and close(missing, change.apply(dout)):
                yield matches(
                    "missing_path",
                    name,
                    f"{name} lacks the term {change.text.format(v='dout')}",
                    f"add it to {name}",
                )
                return


def statistics(evidence, k):
    """Is what is missing constant along axes, or like x there: a mean or a variance held fixed."""
    name, claimed, true = evidence.names[k], evidence.claimed(k), evidence.full(k)
    if true is None or claimed.shape != true.shape or claimed.ndim < 2:
        return
    missing = true - claimed
    x = evidence.array(k)
    for count in range(1, x.ndim + 1):
        for axes in itertools.combinations(range(x.ndim), count):
            if np.prod([x.shape[a] for a in axes]) < 3:
                continue
            mean, slope = _fit(missing, x, axes)
            if mean is None:
                continue
            along = f"axis {axes[0]}" if count == 1 else f"axes {', '.join(map(str, axes))}"
            size = np.abs(missing).max()
            rows = evidence.rows[k]
            if _is_diagonal(rows, evidence.outs):
                yield matches(
                    "wrong_formula",
                    name,
                    f"{name} has terms along {along} that do not belong there: every out depends "
                    "on its own x alone",
                    "leave out the gradient through statistics that are constants here",
                )
                return
            if np.abs(slope).max() <= 1e-6 * size:
                path, through = "the mean", "a constant"
            elif np.abs(mean).max() <= 1e-6 * size:
                path, through = "the variance", "a multiple of x - mean"
            else:
                path, through = "the mean and the variance", "a constant plus a multiple of x"
            yield matches(
                "missing_path",
                name,
                f"what {name} lacks is {through} along {along}: the gradient through {path} over "
                f"{along} is missing or wrong",
                f"{path} depend{'s' if path.count('and') == 0 else ''} on every entry of x: add "
                "that term of the total derivative",
            )
            return


def _is_diagonal(rows, outs):
    """Whether each output depends on the entry of the same index alone."""
    if len(outs) != 1 or rows.value.shape[1] != outs[0].size:
        return False
    others = np.abs(rows.value)
    own = others[np.arange(len(others)), np.minimum(rows.indices, others.shape[1] - 1)]
    return bool((others.sum(axis=1) - own <= 1e-9 * others.sum(axis=1)).all())


def _fit(missing, x, axes):
    """Fit missing = mean + slope · (x - mean of x) along axes; (None, None) if it does not fit."""
    moved = tuple(a + 1 for a in axes)
    centred = x - x.mean(axis=axes, keepdims=True)
    square = (centred * centred).sum(axis=axes, keepdims=True)
    if (square == 0).any():
        return None, None
    mean = missing.mean(axis=moved, keepdims=True)
    slope = (missing * centred).sum(axis=moved, keepdims=True) / square
    count = int(np.prod([x.shape[a] for a in axes]))
    if count < 3:
        return None, None
    fitted = mean + slope * centred
    if not close(fitted, missing, 1e-5):
        return None, None
    return mean, slope * np.sqrt(square / count)


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
