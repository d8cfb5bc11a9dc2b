"""Normalizations, number by number; every mean and variance is taken over a list."""

import math

import numpy as np


def moments(numbers):
    mean = math.fsum(numbers) / len(numbers)
    return mean, math.fsum((number - mean) ** 2 for number in numbers) / len(numbers)


def batchnorm(x, gamma, beta, train, running=None, momentum=0.9, eps=1e-5):
    out = np.empty(x.shape)
    for c in range(x.shape[1]):
        if train:
            mean, var = moments(list(x[:, c].flat))
        else:
            mean, var = (running["mean"][c], running["var"][c]) if running else (0.0, 1.0)
        for n in range(len(x)):
            for place in np.ndindex(*x.shape[2:]):
                number = x[(n, c, *place)]
                out[(n, c, *place)] = gamma[c] * (number - mean) / math.sqrt(var + eps) + beta[c]
    return out


def layernorm(x, gamma, beta, eps=1e-5):
    out = np.empty(x.shape)
    for lead in np.ndindex(*x.shape[: x.ndim - gamma.ndim]):
        mean, var = moments(list(x[lead].flat))
        for k in np.ndindex(*gamma.shape):
            out[lead + k] = gamma[k] * (x[lead + k] - mean) / math.sqrt(var + eps) + beta[k]
    return out


def rmsnorm(x, gamma, eps=1e-5):
    out = np.empty(x.shape)
    for lead in np.ndindex(*x.shape[: x.ndim - gamma.ndim]):
        square = math.fsum(number**2 for number in x[lead].flat) / gamma.size
        for k in np.ndindex(*gamma.shape):
            out[lead + k] = gamma[k] * x[lead + k] / math.sqrt(square + eps)
    return out


def groupnorm(x, gamma, beta, groups, eps=1e-5):
    out = np.empty(x.shape)
    size = x.shape[1] // groups
    for n in range(len(x)):
        for c in range(x.shape[1]):
            first = c // size * size  # the first channel of the group of c
            mean, var = moments([v for k in range(first, first + size) for v in x[n, k].flat])
            for place in np.ndindex(*x.shape[2:]):
                number = x[(n, c, *place)]
                out[(n, c, *place)] = gamma[c] * (number - mean) / math.sqrt(var + eps) + beta[c]
    return out


def instancenorm(x, gamma, beta, eps=1e-5):
    return groupnorm(x, gamma, beta, groups=x.shape[1], eps=eps)
