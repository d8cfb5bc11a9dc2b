"""Sums over windows along one axis, and their adjoint; for averages, and for copies (upsampling).

An axis of windows is (start, step, taps, spacing, count), see ``geometry``.  All arrays keep the
memory layout of what they are made of, be the channels first or last.
"""

import numpy as np

BLOCK_BYTES = 1 << 18


def tap(x, axis, window, t):
    """Return what all windows along this axis see with their tap t: a view of x."""
    start, step, _, spacing, count = window
    first = start + t * spacing
    return x[(slice(None),) * axis + (slice(first, first + (count - 1) * step + 1, step),)]


def by_blocks(function, *arrays):
    """Return function(*arrays), a tuple of arrays, for a few examples at a time.

    All steps of the function then work on what is still in the cache.
    """
    N = len(arrays[0])
    examples = max(1, BLOCK_BYTES // max(sum(a[:1].nbytes for a in arrays), 1))
    if examples >= N:
        return function(*arrays)
    results = None
    for start in range(0, N, examples):
        block = slice(start, start + examples)
        parts = function(*(a[block] for a in arrays))
        if results is None:
            results = tuple(np.empty_like(part, shape=(N, *part.shape[1:])) for part in parts)
        for result, part in zip(results, parts):
            result[block] = part
    return results


def laid_out_as(model, x):
    """Return x in the memory layout of model: mixed layouts make every operation slow."""
    if x.flags.c_contiguous == model.flags.c_contiguous:
        return x
    same = np.empty_like(model, dtype=x.dtype)
    same[...] = x
    return same


def resized(x, axis, size):
    """Return the shape of x with another size along this axis."""
    return (*x.shape[:axis], size, *x.shape[axis + 1 :])


def padded(x, axis, window, fill):
    """Return ``(x, window)``, with so many entries ``fill`` at the ends that no window leaves x."""
    start, step, taps, spacing, count = window
    size = x.shape[axis]
    beyond = max(start + (count - 1) * step + (taps - 1) * spacing + 1 - size, 0)
    if start == 0 == beyond:
        return x, window
    wide = np.full_like(x, fill, shape=resized(x, axis, size - start + beyond))
    tap(wide, axis, (-start, 1, 1, 1, size), 0)[...] = x
    return wide, (0, step, taps, spacing, count)


def sum_windows(x, axis, window):
    """Return out[i] = Σ x[start + i · step + t · spacing] over taps t; beyond its ends x is 0."""
    x, window = padded(x, axis, window, 0.0)
    out = tap(x, axis, window, 0).copy("K")
    for t in range(1, window[2]):
        out += tap(x, axis, window, t)
    return out


def spread(part, out, axis, window, size):
    """Return x of this size, to which part(t) is added at every place that the taps t read.

    With part(t) = out for all t it is the adjoint of :func:`sum_windows`, and without overlap of
    the windows a copy of each out[i] to all that it stands for.
    """
    start, step, taps, spacing, count = window
    reach = (count - 1) * step + (taps - 1) * spacing + 1
    width = max(size - start, reach)
    covered = step == taps and spacing == 1 and width == reach  # side by side, and nothing else
    make = np.empty_like if covered else np.zeros_like
    wide = make(out, shape=resized(out, axis, width))
    for t in range(taps):
        target = tap(wide, axis, (0, *window[1:]), t)
        if covered:
            target[...] = part(t)
        else:
            target += part(t)
    return wide if width == size else tap(wide, axis, (-start, 1, 1, 1, size), 0)
