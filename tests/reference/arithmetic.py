"""Arithmetic of two arrays, entry by entry."""

import numpy as np


def entrywise(f):
    """Make a function of arrays that broadcast of a function of numbers."""

    def apply(*arrays):
        rank = max(array.ndim for array in arrays)
        shapes = [(1,) * (rank - array.ndim) + array.shape for array in arrays]
        out = np.zeros(
            [sizes[0] if set(sizes) == {1} else (set(sizes) - {1}).pop() for sizes in zip(*shapes)]
        )
        for index in np.ndindex(*out.shape):
            numbers = []
            for array, shape in zip(arrays, shapes):
                place = tuple(0 if n == 1 else i for i, n in zip(index, shape))
                numbers.append(array[place[rank - array.ndim :]])
            out[index] = f(*numbers)
        return out

    return apply


add = entrywise(lambda a, b: a + b)
subtract = entrywise(lambda a, b: a - b)
multiply = entrywise(lambda a, b: a * b)
divide = entrywise(lambda a, b: a / b)
where = entrywise(lambda condition, a, b: a if condition else b)
