"""Dropout, entry by entry; a random mask is made of bytes as the documentation says."""

import math

import numpy as np


def drawn(shape, drop, seed):
    """Draw a mask: eight entries from each 64-bit word, the lowest byte first."""
    rng = np.random.default_rng(seed)
    size = math.prod(shape)
    words = rng.integers(0, 2**64 - 1, math.ceil(size / 8), np.uint64, endpoint=True)
    threshold = math.floor(256 * drop)
    kept, equal = [], []
    for i in range(size):
        byte = int(words[i // 8]) >> 8 * (i % 8) & 255
        kept.append(byte > threshold)
        if byte == threshold:
            equal.append(i)
    for i in equal:
        kept[i] = 256 * drop == threshold or rng.random() >= 256 * drop - threshold
    return np.array(kept, dtype=bool).reshape(shape)


def dropout(x, train, drop=None, keep=None, rng=None, mask=None):
    drop = 1 - keep if drop is None else drop
    if train and mask is None:
        mask = drawn(x.shape, drop, rng)
    out = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        if not train:
            out[index] = x[index]
        elif mask[index]:
            out[index] = x[index] / (1 - drop)
    return out


def spatial_dropout(x, train, drop=None, keep=None, rng=None, mask=None):
    drop = 1 - keep if drop is None else drop
    if train and mask is None:
        mask = drawn(x.shape[:2], drop, rng)
    out = np.zeros(x.shape)
    for n, c in np.ndindex(*x.shape[:2]):
        if not train:
            out[n, c] = x[n, c]
        elif mask[n, c]:
            out[n, c] = x[n, c] / (1 - drop)
    return out
