"""Memory whose content never matters, kept between calls: new memory is slow to touch first."""

import math

import numpy as np

LINE = 64  # bytes: a vector load that crosses such a boundary takes twice as long
MOST_BYTES = 8 << 20  # of a buffer that is kept
MOST_BUFFERS = 8

_free = []  # append and pop are atomic, so that threads may share it; a buffer has one user


def borrow(dtype, *shapes):
    """Return a buffer, to be given back, and arrays of these shapes in it, each at a boundary."""
    starts, size = [], 0
    for shape in shapes:
        starts.append(size)
        size += -(-math.prod(shape) * dtype.itemsize // LINE) * LINE
    try:
        buffer = _free.pop()
    except IndexError:
        buffer = np.empty(0, np.uint8)
    if len(buffer) < size:
        memory = np.empty(size + LINE, np.uint8)
        offset = -memory.ctypes.data % LINE
        buffer = memory[offset : offset + size]
    return buffer, [
        buffer[start : start + math.prod(shape) * dtype.itemsize].view(dtype).reshape(shape)
        for start, shape in zip(starts, shapes)
    ]


def give_back(buffer):
    """Keep a buffer for the next call, unless there are many or it is very large."""
    if len(buffer) <= MOST_BYTES and len(_free) < MOST_BUFFERS:
        _free.append(buffer)
