"""What backward does with one output entry at a time: its own Jacobian beside the true one.

Row j of S is backward(eⱼ).  Where S holds some of the entries of the true Jacobian J and zeros
instead of the others, terms of the chain rule's sum are lost; which ones tells how.  Where each
row of S holds the numbers of J's row at other places, they are written to the wrong index.
"""

import time

import numpy as np

from nnlayers.gradients.diagnosis.evidence import MATCH, matches

SECONDS = 0.3
MOST = 400  # output entries


def both(evidence, k):
    """Return ``(S, J)`` as arrays (outputs, entries), or None if that would take too long."""
    rows, point = evidence.rows[k], evidence.point
    M = point.center.size
    if M > MOST or M < 2:
        return None
    shape = evidence.shape(k)
    start = time.process_time()
    S = np.zeros((M, len(rows.indices)))
    for j in range(M):
        one = np.zeros(M)
        one[j] = 1.0
        try:
            gradient = point.gradients(_split(one, point.outs))[k]
        except Exception:
            return None
        if gradient.shape != shape or time.process_time() - start > SECONDS:
            return None
        S[j] = gradient.ravel()[rows.indices]
    return S, rows.value.T


def lost_terms(evidence, k):
    """Are some terms of the sum over the outputs right and the others zero."""
    found = both(evidence, k)
    if found is None:
        return
    S, J = found
    name = evidence.names[k]
    limit = MATCH * np.abs(J).max(initial=0.0)
    same = np.abs(S - J) <= limit
    zero = (np.abs(S) <= limit) & (np.abs(J) > limit)
    if not zero.any() or not (same | zero).all():
        return
    true = np.abs(J) > limit
    out = evidence.outs[0]
    lost_rows = (zero | ~true).all(axis=1) & true.any(axis=1)
    lost_columns = (zero | ~true).all(axis=0) & true.any(axis=0)
    if lost_rows.any() and not zero[~lost_rows].any() and len(evidence.outs) == 1:
        where = _slab(lost_rows.reshape(out.shape))
        if where is not None:
            axis, low, high = where
            yield matches(
                "partial_fill",
                name,
                f"{name} gets nothing from out where its index along axis {axis} is "
                + (f"{low}" if low == high else f"{low} to {high}"),
                "a loop over the outputs ends too early or starts too late",
            )
            return
    if lost_columns.any() and not zero[:, ~lost_columns].any():
        return  # entries that get nothing at all: that is not a lost term
    many = true.sum(axis=0) > 1
    kept = same & true
    if out.shape == evidence.shape(k) and kept[:, evidence.rows[k].indices].any():
        own = np.arange(len(J))[:, None] == evidence.rows[k].indices[None, :]
        if not (kept & ~own).any():
            return  # only the diagonal: see paths.diagonal_only
    if many.any() and (kept[:, many].sum(axis=0) == 1).all() and not zero[:, ~many].any():
        order = np.arange(len(J))[:, None]
        last = np.where(true, order, -1).max(axis=0)[many]
        which = kept.argmax(axis=0)[many]
        overwritten = matches(
            "overwrite_not_accumulate",
            name,
            f"of all outputs that an entry of {name} reaches, only the "
            f"{'last' if (which == last).all() else 'first'} one counts",
            f"add up: {name}[...] += ..., or np.add.at for repeated indices",
        )
        missing = matches(
            "missing_reduction",
            name,
            f"of all outputs that an entry of {name} reaches, only one counts",
            "sum over all of them",
        )
        yield from ((overwritten, missing) if (which == last).all() else (missing, overwritten))
        return
    yield matches(
        "missing_path",
        name,
        f"{int(zero.sum())} of {int(true.sum())} derivatives ∂out/∂x are zero in backward, all "
        "others are right: some ways from x to out are not followed",
        "follow every use of x in forward, and add up what comes back",
    )


def wrong_places(evidence, k):
    """Does each output hand out the right numbers, but to the wrong entries."""
    found = both(evidence, k)
    if found is None:
        return
    S, J = found
    limit = MATCH * np.abs(J).max(initial=0.0)
    bad = (np.abs(S - J) > limit).any(axis=1)
    if (
        not bad.any()
        or not np.abs(np.sort(S[bad], axis=1) - np.sort(J[bad], axis=1)).max() <= limit
    ):
        return
    name = evidence.names[k]
    yield matches(
        "wrong_index",
        name,
        f"{int(bad.sum())} of {len(J)} outputs hand the right numbers to wrong entries of {name}",
        "look at the indices: offset, stride, padding, and which axis is which",
    )


def across_steps(evidence, k):
    """Is what an output gives to the input of its own step right, and to other steps' wrong."""
    found = both(evidence, k)
    if found is None:
        return
    S, J = found
    shape, rows = evidence.shape(k), evidence.rows[k]
    out = evidence.outs[0]
    limit = MATCH * np.abs(J).max(initial=0.0)
    bad = np.abs(S - J) > limit
    for axis in range(1, min(out.ndim, len(shape))):
        if out.shape[axis] != shape[axis] or shape[axis] < 2:
            continue
        step_in = np.indices(shape)[axis].ravel()[rows.indices]
        step_out = np.indices(out.shape)[axis].ravel()
        own = step_out[:, None] == step_in[None, :]
        part = bad[: out.size]
        if part.any() and not part[own].any() and J[: out.size][own].any():
            strays = part & (np.abs(S[: out.size]) > limit)
            if strays.sum() > part.sum() / 4 and _from_own_rows(S, J, strays, limit):
                yield matches(
                    "wrong_index",
                    evidence.names[k],
                    f"{evidence.names[k]} is right for outputs of the same index along axis {axis};"
                    " what others give it are the right numbers, at wrong places",
                    "look at the indices: offset, stride, dilation, padding",
                )
                return
            yield matches(
                "missing_path",
                evidence.names[k],
                f"{evidence.names[k]} is right for outputs of the same index along axis {axis}, "
                "and wrong across: what a step passes on to another comes back wrong or not at all",
                "carry the gradient of every state to the step that it came from",
            )
            return


def _from_own_rows(S, J, strays, limit):
    """Whether the numbers of S at these places stand in the same rows of J, at other places."""
    return all(
        (np.abs(S[j, places][:, None] - J[j][None, :]).min(axis=1) <= limit).all()
        for j, places in enumerate(strays)
        if places.any()
    )


def _slab(mask):
    """Return (axis, low, high) if a mask is a range of indices along one axis, else None."""
    for axis in range(mask.ndim):
        along = mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis))
        indices = np.nonzero(along)[0]
        full = mask.take(indices, axis=axis).all()
        if full and len(indices) < mask.shape[axis] and np.ptp(indices) + 1 == len(indices):
            return axis, int(indices[0]), int(indices[-1])
    return None


def _split(flat, outs):
    parts, start = [], 0
    for out in outs:
        parts.append(flat[start : start + out.size].reshape(out.shape))
        start += out.size
    return parts
