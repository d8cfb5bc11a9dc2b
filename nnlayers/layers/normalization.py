"""What the normalizations share: arrays as rows of memory, their range, and their objects.

A normalization makes its numbers x̂ = (x - μ) / σ of mean 0 and variance 1, and then gives every
feature a scale and a shift of its own: out = γ x̂ + β.  The kinds differ in what μ and σ are
taken over: one channel of all examples (``batchnorm``), one example (``layernorm``, ``rmsnorm``),
or a group of one example's channels (``groupnorm``, ``instancenorm``).

All of them pass over their input several times.  NumPy does that fast if the axes are taken in
the order of memory, so that nothing is copied whatever the layout; if a block of rows goes
through all the passes while it is in the cache; and if inner loops are long, because a broadcast
operand is copied piece by piece into NumPy's buffer where they are shorter than that.
"""

import math

import numpy as np

from nnlayers.layers.checks import complaint, describe, floats
from nnlayers.layers.layer import PairLayer

BLOCK = 1 << 18  # bytes of one array's block: several of them fit a core's L2 cache
BUFFER = 8192  # entries of NumPy's buffer


def memory_order(x, lead):
    """Return the axes of x in the order of its memory: the first ``lead`` ones, then the others.

    Images (N, C, H, W) that lie channels last, for example, have the order (0, 2, 3, 1).  None
    stands for the order in which the axes are, that of most arrays.
    """
    if x.flags.c_contiguous:
        return None

    def narrow(axis):
        return -abs(x.strides[axis])

    return (*sorted(range(lead), key=narrow), *sorted(range(lead, x.ndim), key=narrow))


def as_rows(array, order, count, width):
    """Return an array as a matrix of rows, with its axes in this order: a view if it is dense."""
    return (array if order is None else array.transpose(order)).reshape(count, width)


def from_rows(rows, order, shape):
    """Return the array of this shape of which these are the rows: a view."""
    if order is None:
        return rows.reshape(shape)
    inverse = sorted(range(len(order)), key=order.__getitem__)
    return rows.reshape([shape[axis] for axis in order]).transpose(inverse)


def joined(count, width):
    """Return how many rows to join into one, so that inner loops are as long as the buffer."""
    return math.gcd(count, 1 << ((BUFFER - 1) // max(width, 1)).bit_length())


def blocks(count, row_bytes, multiple=1):
    """Return slices of so many rows, a multiple of this, that a block of them fits the cache."""
    if count * row_bytes <= BLOCK:
        return (slice(None),)
    step = max(1, BLOCK // (row_bytes * multiple)) * multiple
    return [slice(start, start + step) for start in range(0, count, step)]


def direct_columns(width):
    """Let NumPy broadcast a column over rows of this width without its buffer.

    The setting ends with the ``np.errstate`` block in which this is called.
    """
    if 256 <= width < BUFFER:  # for shorter rows the buffer pays, longer ones do without
        np.setbufsize(16)


def positive_eps(op, eps, dtype):
    """Return eps as a Python float; raise unless it is positive, in this dtype too."""
    if eps.__class__ is float and 1e-7 < eps < 1.0:  # the usual case, at no cost
        return eps
    if isinstance(eps, bool) or not isinstance(eps, int | float | np.floating):
        raise complaint(TypeError, op, f"eps must be a number, not {describe(eps)}")
    # it keeps 1 / √(var + eps) finite where all entries are equal
    if not (dtype.type(eps) > 0 and math.isfinite(eps)):
        raise complaint(
            ValueError, op, f"eps must be positive in {dtype}, not {eps}", "1e-5 is usual"
        )
    return float(eps)


def shrinkage(x):
    """Return a power of two by which to divide x so that its squares do not overflow, or None.

    x and √eps divided by one number have the same x̂.  None if x is small enough or not finite.
    """
    largest = float(np.abs(x).max())
    if not 2.0 <= largest < math.inf:
        return None
    return 2.0 ** (math.frexp(largest)[1] - 1)


def shrunk_eps(eps, shrink, dtype):
    """Return eps / shrink², or the least positive number if that is 0 in this dtype."""
    return max(eps / shrink / shrink, float(np.finfo(dtype).tiny))


class Normalization(PairLayer):
    """A layer with a scale gamma, a shift beta (RMS norm has none), and settings."""

    def __repr__(self):
        defaults = type(self).__init__.__kwdefaults__
        settings = {k: v for k, v in self.settings.items() if defaults.get(k) != v}
        shape = self.params["gamma"].shape
        return self.form(shape[0] if len(shape) == 1 else shape, **settings)


def scale_and_shift(op, ndim, **arrays):
    """Check the arrays of an object and return copies: floating, of one shape with ndim axes."""
    copies = dict(zip(arrays, (array.copy() for array in floats(op, **arrays))))
    shape = copies["gamma"].shape
    if (len(shape) != ndim if ndim else not shape) or any(
        a.shape != shape for a in copies.values()
    ):
        form = "(C,)" if ndim else "the shape of the axes to normalise"
        raise complaint(ValueError, op, f"every array must have {form}", **copies)
    return copies


def channel_mismatch(op, x, gamma, beta):
    """Return the error of x (N, C, ...) and gamma, beta (C,) that disagree, with a likely fix."""
    arrays = {"x": x, "gamma": gamma, "beta": beta}
    if x.ndim < 2:
        problem = f"x has {x.ndim} axes but a batch (N, C, ...) has at least 2"
        return complaint(ValueError, op, problem, "x[None] makes a batch of one example", **arrays)
    C = x.shape[1]
    name = "gamma" if gamma.shape != (C,) else "beta"
    array = arrays[name]
    if array.size == C:
        fix = f"{name}.reshape({C})"
    elif array.shape == x.shape[-1:]:
        fix = "np.moveaxis(x, -1, 1) puts the channels first"
    else:
        fix = f"{name} must be ({C},)"
    problem = f"x has {C} channels (its axis 1) but {name} has shape {array.shape}"
    return complaint(ValueError, op, problem, fix, **arrays)
