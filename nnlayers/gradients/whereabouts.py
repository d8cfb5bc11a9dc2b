"""Where a gradient is wrong, in words: which entries, how many, and what they have in common."""

import numpy as np


def whereabouts(finding, arrays):
    """Return a phrase such as ``dw[0:2, :], 6 of 12 entries, only where x > 6``.

    Parameters
    ----------
    finding : Finding
        On a wrong gradient.
    arrays : dict of str to ndarray
        The arguments, by name; those of the gradient's shape may tell the wrong entries apart.
    """
    wrong = finding.wrong
    if wrong is None or not wrong.any():
        return ""
    looked_at = int(np.isfinite(finding.numeric).sum())
    count = int(wrong.sum())
    if looked_at < wrong.size:
        share = finding.share * wrong.size
        text = f"about {share:.0f}" if share > 2 * count else f"{count}"
        text += f" of {wrong.size} entries ({looked_at} were looked at)"
    elif count == wrong.size:
        text = "everywhere" if count > 1 else "its only entry"
    else:
        text = f"{count} of {wrong.size} entries"
    box = _box(finding.gradient, wrong)
    if box:
        text = f"{box}, {text}"
    if finding.only_kinks:
        return f"{text}, only at kinks"
    if looked_at == wrong.size and 0 < count < wrong.size:
        region = threshold(wrong, arrays)
        if region:
            text += f", only where {region}"
    return text


def worst(finding):
    """Return the index of the entry that is farthest from the truth, or None."""
    if finding.wrong is None or not finding.wrong.any():
        return None
    distance = np.where(finding.wrong, np.abs(finding.claimed - finding.numeric), -1.0)
    distance = np.where(finding.wrong & np.isnan(distance), np.inf, distance)
    return tuple(int(i) for i in np.unravel_index(distance.argmax(), distance.shape))


def threshold(wrong, arrays):
    """Return a comparison that tells wrong entries from right ones, such as ``x > 6``, or ''."""
    for name, array in arrays.items():
        if array.shape != wrong.shape or array.dtype.kind != "f":
            continue
        inside, outside = array[wrong], array[~wrong]
        if inside.min() > outside.max():
            return f"{name} > {_between(outside.max(), inside.min())}"
        if inside.max() < outside.min():
            return f"{name} < {_between(inside.max(), outside.min())}"
        if min(len(inside), len(outside)) < 3:
            continue  # a range can be drawn around any two
        if not ((outside >= inside.min()) & (outside <= inside.max())).any():
            return f"{inside.min():.3g} <= {name} <= {inside.max():.3g}"
        if not ((inside >= outside.min()) & (inside <= outside.max())).any():
            return f"{name} lies outside {outside.min():.3g} ... {outside.max():.3g}"
    return ""


def _between(low, high):
    """Return the roundest number between two, as it is written."""
    for digits in range(1, 17):
        for number in (f"{low:.{digits}g}", f"{high:.{digits}g}"):
            if low <= float(number) <= high:
                return number
    return f"{low:.17g}"


def _box(gradient, wrong):
    """Return the smallest box of indices around the wrong entries, unless that is everything."""
    if not wrong.ndim:
        return ""
    parts, whole = [], True
    for indices, size in zip(np.nonzero(wrong), wrong.shape):
        low, high = int(indices.min()), int(indices.max())
        if low == 0 and high == size - 1:
            parts.append(":")
        else:
            whole = False
            parts.append(str(low) if low == high else f"{low}:{high + 1}")
    return "" if whole else f"{gradient}[{', '.join(parts)}]"
