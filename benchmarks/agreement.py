"""Whether the arms of a workload compute the same: nothing is timed that does not."""

import numpy as np


class Disagreement(AssertionError):
    """Two arms do not compute the same."""


def agree(ours, theirs, tolerance=5e-5):
    """Raise unless both have the same arrays, up to rounding.

    Parameters
    ----------
    ours, theirs : dict of str to array_like
        Values and gradients by name, the same names in both.
    tolerance : float
        Largest difference of two entries, relative to the largest entry of the array.
    """
    if ours.keys() != theirs.keys():
        raise Disagreement(f"one has {', '.join(ours)}, the other {', '.join(theirs)}")
    for name in ours:
        a, b = np.asarray(ours[name]), np.asarray(theirs[name])
        if a.shape != b.shape:
            raise Disagreement(f"{name} is {a.shape} here and {b.shape} there")
        difference = float(abs(a - b).max() / max(abs(b).max(), 1e-30))
        if not difference <= tolerance:  # NaN is a difference too
            raise Disagreement(f"{name} differs by {difference:.1e} of its largest entry")


def numbers(named):
    """Return PyTorch's tensors as arrays, by name."""
    return {name: tensor.detach().numpy() for name, tensor in named.items()}
