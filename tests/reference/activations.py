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
softsign = entrywise(lambda x: x / (1 + math.fabs(x)))
hard_sigmoid = entrywise(lambda x: 0.0 if x < -3 else 1.0 if x > 3 else x / 6 + 1 / 2)
hard_tanh = entrywise(lambda x: -1.0 if x < -1 else 1.0 if x > 1 else x)

relu = entrywise(lambda x: x if x > 0 else 0.0)
leaky_relu = entrywise(lambda x, slope: x if x > 0 else slope * x)
elu = entrywise(lambda x, alpha=1.0: x if x > 0 else alpha * (math.exp(x) - 1))
selu = entrywise(
    lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * (math.exp(x) - 1))
)

softplus = entrywise(lambda x: math.log(1 + math.exp(x)))
silu = entrywise(lambda x: x / (1 + math.exp(-x)))
mish = entrywise(lambda x: x * math.tanh(math.log(1 + math.exp(x))))

identity = entrywise(lambda x: x)
square = entrywise(lambda x: x**2)
abs = entrywise(lambda x: -x if x < 0 else x)
exp = entrywise(math.exp)
log = entrywise(math.log)


@entrywise
def gelu(x, approximate="none"):
    if approximate == "none":
        return x * (1 + math.erf(x / math.sqrt(2))) / 2
    return x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2


@entrywise
def clip(x, low=None, high=None):
    if low is not None and x < low:
        return low
    return high if high is not None and x > high else x


def prelu(x, slope):
    out = np.empty(x.shape)
    for index in np.ndindex(*x.shape):
        own = slope[0 if len(slope) == 1 else index[1]]
        out[index] = x[index] if x[index] > 0 else own * x[index]
    return out


def softmax(x, axis=-1):
    out = np.empty(x.shape)
    rows, results = np.moveaxis(x, axis, -1), np.moveaxis(out, axis, -1)
    for index in np.ndindex(*rows.shape[:-1]):
        exps = [math.exp(score) for score in rows[index]]
        results[index] = [e / sum(exps) for e in exps]
    return out


def log_softmax(x, axis=-1):
    probabilities = softmax(x, axis)
    return entrywise(math.log)(probabilities)
