"""How much memory a pass through a net takes, as I2DL's ``networks/compute_network_size.py`` does.

Arrays are counted by their data, views of other arrays too.
"""

import sys

import numpy as np

__all__ = ["GetHumanReadable", "compute_network_pass_size"]


def GetHumanReadable(size, precision=2):
    """Write a number of bytes with a unit.

    Parameters
    ----------
    size : float
        Number of bytes.
    precision : int
        Decimals.

    Returns
    -------
    str
        In units of 1024ⁿ bytes, up to TB.

    Examples
    --------
    >>> GetHumanReadable(3 * 1024**2 / 2)
    '1.50MB'
    """
    for unit in ("B", "KB", "MB", "GB"):
        if size <= 1024:
            return f"{size:.{precision}f}{unit}"
        size /= 1024
    return f"{size:.{precision}f}TB"


def compute_network_pass_size(model):
    """Add up the bytes of a net's caches and gradients, and print each.

    Parameters
    ----------
    model : Network
        A net with dicts ``cache`` and ``grads``; the cache is filled by a forward pass, the
        gradients by a backward pass.

    Returns
    -------
    int
        Number of bytes.
    """
    total = 0
    for title, arrays in (
        ("Adding layer caches for forward pass:", model.cache or {}),
        ("\nAdding layer gradients for backward pass:", model.grads),
    ):
        print(title)
        for name, value in arrays.items():
            size = size_of(value)
            print(name, size)
            total += size
    return total


def size_of(value):
    """Return the bytes of an array, of a tuple's entries together, or of a number."""
    if isinstance(value, tuple | list):
        return sum(size_of(entry) for entry in value)
    return value.nbytes if isinstance(value, np.ndarray) else sys.getsizeof(value)
