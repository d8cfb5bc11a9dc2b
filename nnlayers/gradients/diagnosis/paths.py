"""Causes that show in what is missing: a factor of every entry, a term of the total derivative."""

import itertools

import numpy as np

from nnlayers.gradients.diagnosis import changes
from nnlayers.gradients.diagnosis.evidence import close, matches
from nnlayers.gradients.diagnosis.surgery import surroundings


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
