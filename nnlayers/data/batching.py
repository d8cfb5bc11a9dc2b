"""Mini-batches of arrays."""

import numpy as np

from nnlayers.layers.checks import complaint, positive_int
from nnlayers.layers.initializers import generator

# up to this many bytes a shuffled copy of an array is made at once: slicing it is faster than
# collecting scattered rows for each batch
COPIED_WHOLE = 256 * 2**20


def batches(x, y, batch_size, *, rng=None, drop_last=False):
    """Go once through the examples in mini-batches.

    Parameters
    ----------
    x : ndarray, shape (N, ...)
        Examples.
    y : ndarray, shape (N, ...), or None
        Targets; with None each batch comes with None too.
    batch_size : int
        Examples per batch; the last batch has what is left.
    rng : int or numpy.random.Generator, optional
        Where the order comes from: every example comes once.  None keeps the order of x (the
        batches are views of x and y then).
    drop_last : bool
        Whether a last batch that is smaller is left out.

    Returns
    -------
    iterator of (ndarray, ndarray or None)
        Batches of x and y.

    Raises
    ------
    ValueError
        If x and y have not the same number of examples, or batch_size is less than 1.
    TypeError
        If batch_size is no integer, or rng no seed or generator.

    Examples
    --------
    >>> for x, y in batches(np.arange(5.0), np.arange(5), 2):
    ...     print(x, y)
    [0. 1.] [0 1]
    [2. 3.] [2 3]
    [4.] [4]
    """
    op = "batches"
    x, y = examples(op, x, y)
    positive_int(op, batch_size=batch_size)
    if rng is not None:
        order = generator(rng, op).permutation(len(x))
        x, y = in_order(x, order), None if y is None else in_order(y, order)
        count = len(order)
    else:
        count = len(x)
    return _slices(x, y, count - count % batch_size if drop_last else count, batch_size)


def examples(op, x, y):
    """Return x and y as arrays of as many examples; y may be None."""
    x = np.asarray(x)
    y = None if y is None else np.asarray(y)
    arrays = {"x": x} if y is None else {"x": x, "y": y}
    for name, array in arrays.items():
        if array.ndim == 0:
            raise complaint(
                ValueError, op, f"{name} is a scalar, not an array of examples", **arrays
            )
    if y is not None and len(x) != len(y):
        raise complaint(
            ValueError, op, f"x has {len(x)} examples but y has {len(y)}", "one y per x", **arrays
        )
    return x, y


def in_order(array, order):
    """Return ``array[order]``, to be sliced: copied at once if that takes no more than 256 MiB."""
    return array[order] if array.nbytes <= COPIED_WHOLE else _Ordered(array, order)


class _Ordered:
    """``array[order]`` of which only the slices that are asked for are ever made."""

    def __init__(self, array, order):
        self.array = array
        self.order = order

    def __getitem__(self, part):
        return self.array[self.order[part]]


def _slices(x, y, count, batch_size):
    for start in range(0, count, batch_size):
        batch = slice(start, min(start + batch_size, count))
        yield x[batch], None if y is None else y[batch]
