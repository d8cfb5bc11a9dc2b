"""Products with a matrix, entry by entry."""

import numpy as np


def matmul(x, w):
    if x.ndim == 1:
        return matmul(x[None], w)[..., 0, :] if w.ndim > 1 else matmul(x[None], w[:, None])[0, 0]
    if w.ndim == 1:
        return matmul(x, w[:, None])[..., 0]
    lead = np.broadcast_shapes(x.shape[:-2], w.shape[:-2])
    x = np.broadcast_to(x, lead + x.shape[-2:])
    w = np.broadcast_to(w, lead + w.shape[-2:])
    out = np.zeros((*lead, x.shape[-2], w.shape[-1]))
    for index in np.ndindex(*out.shape):
        stack, n, j = index[:-2], index[-2], index[-1]
        for i in range(x.shape[-1]):
            out[index] += x[(*stack, n, i)] * w[(*stack, i, j)]
    return out


def affine(x, w, b=None):
    out = np.zeros((len(x), w.shape[1]))
    for n in range(len(x)):
        features = list(x[n].flat)
        for j in range(w.shape[1]):
            out[n, j] = 0.0 if b is None else b.flat[j]
            for i, feature in enumerate(features):
                out[n, j] += feature * w[i, j]
    return out
