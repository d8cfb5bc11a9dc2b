"""Activations, entry by entry."""

import math

import numpy as np


def entrywise(f):
    """Make a function of arrays of a function of one number."""

    def apply(x, **settings):
        out = np.empty(x.shape)
        for index in np.ndindex(*x.shape):
            out[index] = f(float(x[index]), **settings)
        return out

    return apply


sigmoid = entrywise(lambda x: 1 / (1 + math.exp(-x)))
tanh = entrywise(lambda x: (math.exp(x) - math.exp(-x)) / (math.exp(x) + math.exp(-x)))
relu = entrywise(lambda x: x if x > 0 else 0.0)
leaky_relu = entrywise(lambda x, slope: x if x > 0 else slope * x)
square = entrywise(lambda x: x**2)


def softmax(x, axis=-1):
    out = np.empty(x.shape)
    rows, results = np.moveaxis(x, axis, -1), np.moveaxis(out, axis, -1)
    for index in np.ndindex(*rows.shape[:-1]):
        exps = [math.exp(score) for score in rows[index]]
        results[index] = [e / sum(exps) for e in exps]
    return out
