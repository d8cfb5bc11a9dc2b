"""Correlation of each channel with filters of its own: there is no product of matrices in it.

Each tap of the windows is an element-wise product of whole lines, with the channels last.
"""

import numpy as np

from nnlayers.layers._products import sum_of_rows
from nnlayers.layers._windows import (
    channels_first,
    channels_last,
    copy_padded,
    extent,
    window_view,
)
from nnlayers.layers._workers import over_images

BLOCK_BYTES = 1 << 18  # of the images that go through all taps while they are in the cache


def correlate_each(x, rows, columns, w=None, b=None, y=None, workers=1):
    """Return ``(out, dw)`` as :func:`._correlation.correlate` with C groups.

    With c the channel that filter f belongs to, out[n,f,i,j] = b[f] + Σ x[n,c,(ik),(jl)] w[f,0,k,l]
    over k, l, and dw[f,0,k,l] = Σ x[n,c,(ik),(jl)] y[n,f,i,j] over n, i, j.
    """
    F = len(w) if y is None else y.shape[1]
    x = _repeated(channels_last(x), F // x.shape[1])
    N, OH, OW = len(x), rows[4], columns[4]
    nbytes = F * x.itemsize * max(x.shape[1] * x.shape[2], OH * OW)
    out = None if w is None else np.empty((N, OH, OW, F), x.dtype)
    lines = None if w is None else _lines(w, OW)
    y = None if y is None else channels_last(y)

    def work(part):
        dw = None if y is None else np.zeros((F, 1, rows[2], columns[2]), x.dtype)
        for block in _blocks(part, nbytes):
            n = block.stop - block.start
            pixels = np.zeros((n, *extent(rows, columns), F), x.dtype)
            copy_padded(x[block], pixels, rows[0], columns[0])
            windows = window_view(pixels, rows, columns)  # (n, OH, OW, KH, KW, F)
            term = np.empty((n, OH, OW, F), x.dtype)
            if w is not None:
                out[block] = 0.0 if b is None else b
            for k, m in np.ndindex(rows[2], columns[2]):
                tap = windows[:, :, :, k, m]
                if w is not None:
                    out[block] += np.multiply(tap, lines[k, m], out=term)
                if y is not None:
                    np.multiply(tap, y[block], out=term)
                    sums = sum_of_rows(term.reshape(n * OH, OW * F))
                    dw[:, 0, k, m] += sums.reshape(OW, F).sum(axis=0)
        return dw

    products = over_images(work, N, workers)
    dw = None if y is None else sum(products[1:], start=products[0])
    return None if out is None else channels_first(out), dw


def adjoint_each(y, rows, columns, w, shape, C, b=None, workers=1):
    """Return dx: each product y[n,f,i,j] w[f,0,k,l] goes back to the x[n,c,(ik),(jl)] it is of."""
    y = channels_last(y)
    N, OH, OW, F = y.shape
    lines = _lines(w, OW)
    dx = np.zeros((N, *shape, C), y.dtype)

    def work(part):
        for block in _blocks(part, F * y.itemsize * max(OH * OW, shape[0] * shape[1])):
            pixels = np.zeros((block.stop - block.start, *extent(rows, columns), F), y.dtype)
            windows = window_view(pixels, rows, columns)
            term = np.empty((len(pixels), OH, OW, F), y.dtype)
            for k, m in np.ndindex(rows[2], columns[2]):
                windows[:, :, :, k, m] += np.multiply(y[block], lines[k, m], out=term)
            # channel c has F / C filters, whose gradients add up
            sums = pixels.reshape(*pixels.shape[:3], C, F // C).sum(axis=4) if F > C else pixels
            copy_padded(sums, dx[block], -rows[0], -columns[0])
            if b is not None:
                dx[block] += b

    over_images(work, N, workers)
    return channels_first(dx)


def _repeated(x, times):
    """Return x (N, H, W, C) with each channel so many times, side by side."""
    return np.repeat(x, times, axis=3) if times > 1 else x


def _lines(w, OW):
    """Return w (F, 1, KH, KW) as lines (KH, KW, OW, F): one for each window makes long loops."""
    return np.repeat(w[:, 0].transpose(1, 2, 0)[:, :, None], OW, axis=2)


def _blocks(part, nbytes):
    """Yield slices of a few images each, of so many bytes an image."""
    step = max(1, BLOCK_BYTES // nbytes)
    for start in range(part.start, part.stop, step):
        yield slice(start, min(start + step, part.stop))
