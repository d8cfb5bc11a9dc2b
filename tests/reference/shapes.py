"""Other shapes, and parts of arrays, entry by entry."""

import math

import numpy as np


def reshape(x, shape):
    known = math.prod(size for size in shape if size != -1)
    out = np.zeros([x.size // known if size == -1 else size for size in shape])
    entries = iter(x.flat)
    for index in np.ndindex(*out.shape):
        out[index] = next(entries)
    return out


def flatten(x):
    return reshape(x, (len(x), math.prod(x.shape[1:])))


def transpose(x, axes=None):
    axes = [axis % x.ndim for axis in (range(x.ndim)[::-1] if axes is None else axes)]
    out = np.zeros([x.shape[axis] for axis in axes])
    for index in np.ndindex(*out.shape):
        place = [0] * x.ndim
        for axis, i in zip(axes, index):
            place[axis] = i
        out[index] = x[tuple(place)]
    return out


def pick(x, index):
    """Slice with an index of one integer or slice for each of the first axes."""
    chosen = [[i] if isinstance(i, int) else range(size)[i] for i, size in zip(index, x.shape)]
    chosen += [range(size) for size in x.shape[len(index) :]]
    out = np.zeros([len(places) for places in chosen])
    for at in np.ndindex(*out.shape):
        out[at] = x[tuple(places[i] for places, i in zip(chosen, at))]
    kept = [n for n, i in zip(out.shape, (*index, *[None] * x.ndim)) if not isinstance(i, int)]
    return reshape(out, kept)


def pad(x, pad, value=0.0):
    pad = [(0, 0)] * (x.ndim - len(pad)) + list(pad)
    out = np.full([b + n + a for n, (b, a) in zip(x.shape, pad)], value)
    for index in np.ndindex(*x.shape):
        out[tuple(i + b for i, (b, _) in zip(index, pad))] = x[index]
    return out


def concatenate(*arrays, axis=-1):
    axis %= arrays[0].ndim
    shape = list(arrays[0].shape)
    shape[axis] = sum(array.shape[axis] for array in arrays)
    out, start = np.zeros(shape), 0
    for array in arrays:
        for index in np.ndindex(*array.shape):
            out[(*index[:axis], start + index[axis], *index[axis + 1 :])] = array[index]
        start += array.shape[axis]
    return out
