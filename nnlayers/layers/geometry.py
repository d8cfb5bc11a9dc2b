"""Windows that move over images: their settings, and where they lie.

An axis of windows is the tuple (start, step, taps, spacing, count): output o of count outputs sees
the inputs start + o · step + t · spacing, one for each tap t; inputs out of range are zeros.
"""

import numpy as np

from nnlayers.layers.checks import complaint, describe


def one_int(op, name, value, least):
    """Return a setting as an int of at least this."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise complaint(TypeError, op, f"{name} must be an integer, not {describe(value)}")
    if value < least:
        raise complaint(ValueError, op, f"{name} must be at least {least}, not {value}")
    return int(value)


def two_ints(op, name, value, least):
    """Return a setting as (for rows, for columns), each at least this; an int stands for both."""
    if value.__class__ is int and value >= least:
        return value, value
    if not isinstance(value, tuple | list):
        return (one_int(op, name, value, least),) * 2
    if len(value) != 2:
        problem = f"{name} must be an integer or a pair (for rows, for columns), not {value!r}"
        raise complaint(ValueError, op, problem)
    return one_int(op, f"{name}[0]", value[0], least), one_int(op, f"{name}[1]", value[1], least)


def has_axes(op, axes, x, **others):
    """Raise unless x has these axes, such as "N, C, H, W"; the message shows others too."""
    missing = axes.count(",") + 1 - x.ndim
    if missing:
        fix = {
            1: "x[None] makes a batch of one example",
            2: "x[None, None] makes a batch of one example with one channel",
        }
        problem = f"x must be ({axes}), not {x.ndim}-d"
        raise complaint(ValueError, op, problem, fix.get(missing), x=x, **others)


def window_axis(op, what, size, taps, stride, pad, dilation=1, **arrays):
    """Return the axis of all windows that fit into ``size`` inputs and ``pad`` zeros at each end.

    Their number is rounded down; raises ValueError if there is not even one.
    """
    span = (taps - 1) * dilation + 1
    room = size + 2 * pad - span
    if room < 0:
        spans = f" with dilation {dilation} spans {span}, which" if dilation > 1 else ""
        raise complaint(
            ValueError,
            op,
            f"{what} {taps}{spans} does not fit input {size} with pad {pad}",
            f"pad={(span - size + 1) // 2} would do",
            **arrays,
        )
    return -pad, stride, taps, dilation, room // stride + 1
