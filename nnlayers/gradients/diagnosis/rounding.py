"""Is a gradient linear in dout, and is it the true one but for rounding."""

import numpy as np

from nnlayers.gradients.diagnosis.evidence import close, matches
from nnlayers.gradients.sharing import leaves_of

# relative differences below this may come from rounding on the way
ROUNDED = 0.02
KEEP = "keep float64 buffers: np.zeros_like(x) instead of a dtype, no astype, / instead of //"


def dependence_on_dout(evidence, k):
    """Is backward linear in dout, as Jᵀ dout is, or does it not look at dout at all."""
    name, claimed = evidence.names[k], evidence.claimed(k)
    if claimed.shape[1:] != evidence.shape(k):
        return
    size = np.abs(claimed).max(initial=0.0)
    if size <= 1e-9 * np.abs(evidence.true[k]).max(initial=0.0):
        return
    if close(claimed[0], claimed[1]) and close(claimed[0], claimed[2]):
        yield matches(
            "dout_ignored",
            name,
            f"{name} is the same for different dout: backward does not use its upstream gradient",
            "multiply the local derivative by dout (chain rule)",
        )
        return
    try:
        nothing = [np.zeros_like(d) for d in evidence.douts[0]]
        offset = evidence.point.gradients(nothing)[k]
        together = [a + b for a, b in zip(evidence.douts[0], evidence.douts[1])]
        joint = evidence.point.gradients(together)[k]
    except Exception:
        return
    expected = claimed[0] + claimed[1]
    if joint.shape != expected.shape or close(joint, expected, 1e-5):
        return
    extra = matches(
        "wrong_formula",
        name,
        f"{name} has a term that does not depend on dout: for dout = 0 it is not 0",
        "leave that term out: what is no part of forward has no part in backward",
    )
    if np.isfinite(offset).all() and evidence.is_true(k, claimed - offset):
        yield extra
    off = np.abs(joint - expected).max() / np.abs(expected).max()
    if off < ROUNDED and evidence.is_true(k, claimed, limit=ROUNDED):
        yield matches(
            "precision_loss",
            name,
            f"{name} differs from the true gradient by less than {100 * ROUNDED:.0f} %, and is not "
            "quite linear in dout, as if something had been rounded on the way",
            KEEP,
        )
    if off > 1e-3:
        yield matches(
            "dout_nonlinear",
            name,
            f"{name} is not linear in dout: for the sum of two dout it differs by "
            f"{100 * off:.2g} % from the sum of both results",
            "dout must enter every term once, as a factor: look where it stands for another "
            "tensor, or where a term lacks it",
        )


def precision(evidence, k):
    """Is the claimed gradient the true one, rounded."""
    name, claimed = evidence.names[k], evidence.claimed(k)
    if claimed.shape[1:] != evidence.shape(k) or not claimed.size:
        return
    found = claimed.reshape(len(claimed), -1)[:, evidence.rows[k].indices]
    true = evidence.true[k]
    scale = np.abs(true).max(initial=0.0)
    with np.errstate(all="ignore"):
        off = np.abs(found - true)
        decimals = _decimals(found, off)
        if decimals is not None:
            kind = f"{decimals} decimals" if decimals else "integers"
            limit = 10.0**-decimals
        elif (found == found.astype(np.float16)).all() and off.max() <= 4e-3 * scale:
            kind, limit = "numbers of 3 digits (float16)", 4e-3
        elif (found == found.astype(np.float32)).all() and off.max() <= 1e-5 * scale:
            kind, limit = "numbers of 7 digits (float32)", 1e-5
        elif 0 < off.max() <= 2e-3 * scale and (
            _looks_rounded(found, true) or _has_half_precision(evidence)
        ):
            kind, limit = "numbers of fewer digits", 0.0
        elif _is_whole(found, off):
            kind, limit = "fewer decimals, more than once", 1.0
        else:
            return
    yield matches(
        "precision_loss",
        name,
        f"{name} is the true gradient rounded to {kind}: the largest difference is {off.max():.1e}"
        if limit
        else f"{name} differs from the true gradient by {off.max() / scale:.0e} of its size, "
        "without any pattern, as if it had been rounded on the way",
        KEEP,
    )


def _decimals(found, off):
    """Return the number of decimals to which values are rounded or cut off, or None."""
    for decimals in range(5):
        unit = 10.0**-decimals
        if (
            found.any()
            and np.abs(found).max() > 0.1 * unit
            and np.abs(found - np.round(found, decimals)).max() < 1e-9 * unit
        ):
            return decimals if 1e-6 * unit < off.max() < unit * (1 + 1e-6) else None
    return None


def _is_whole(found, off):
    """Whether values are sums of rounded numbers, or of integers, where the true ones are not."""
    return not np.array_equal(found[0], found[1]) and any(
        np.abs(found - np.round(found, decimals)).max() < 1e-9 * unit
        and np.abs(found).max() > unit
        and 1e-6 * unit < off.max() < 8.0 * unit
        for decimals, unit in enumerate((1.0, 0.1, 0.01, 0.001))
    )


def _has_half_precision(evidence):
    """Whether something in the cache has fewer digits than all arguments."""
    leaves = [leaf for _, leaf in leaves_of(evidence.point.cache) if leaf.dtype.kind == "f"]
    return any(leaf.dtype.itemsize < 4 for leaf in leaves)


def _looks_rounded(found, true):
    """Whether differences have random signs and no trend, as rounding has."""
    with np.errstate(all="ignore"):
        relative = ((found - true) / true)[np.abs(true) > 1e-3 * np.abs(true).max()]
    relative = relative[np.isfinite(relative)]
    if len(relative) < 8 or np.abs(relative).max() > 2e-3:
        return False
    positive = (relative > 0).mean()
    return 0.2 < positive < 0.8 and np.abs(relative.mean()) < 0.5 * relative.std()
