"""Correlation of images with a bank of filters, and its adjoint: what convolutions are made of.

Along an axis, output i sees the input (ik) = start + i · step + k · spacing with its tap k; inputs
out of range are zeros.  Images x with C channels and filters w give

    out[n,f,i,j] = Σ x[n, c, (ik), (jl)] w[f,c,k,l]  over c, k, l

which :func:`correlate` computes; :func:`adjoint` sends gradients back through it.  An axis is the
tuple (start, step, taps, spacing, count), see ``geometry``.

Arrays have the shape (N, C, H, W) here, and results lie in memory as (N, H, W, C), which is faster.
Element-wise NumPy operations keep that order, so a chain of layers stays in it by itself.
"""

import math

import numpy as np

from nnlayers.layers._depthwise import adjoint_each, correlate_each
from nnlayers.layers._products import sum_of_rows
from nnlayers.layers._windows import channels_first, channels_last, window_products


def correlate(x, rows, columns, groups, w=None, b=None, y=None, workers=1):
    """Return ``(out, dw)``: the correlation of x with w, and its gradient for w where dout is y.

    From out[n,f,i,j] = Σ x[n, c, (ik), (jl)] w[f,c,k,l] follows
    dw[f,c,k,l] = Σ x[n, c, (ik), (jl)] y[n,f,i,j] over n, i, j.  With each window as a row of a
    matrix, out = windows · w and dw = windowsᵀ · y: two products with the same matrix.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W)
        Images in any memory layout.
    rows, columns : tuple
        Axes of the windows.
    groups : int
        Channels and filters are divided into so many groups that do not see each other.
    w : ndarray, shape (F, C / groups, KH, KW), optional
        Filters; without them out is None.
    b : ndarray, shape (F,), optional
        Bias, added to out.
    y : ndarray, shape (N, F, OH, OW), optional
        Upstream gradient; without it dw is None.
    workers : int
        Threads that share the images.
    """
    N, C = x.shape[:2]
    F = len(w) if y is None else y.shape[1]
    if groups == C > 1:
        return correlate_each(x, rows, columns, w, b, y, workers)
    out = None if w is None else np.empty((N, rows[4], columns[4], F), x.dtype)
    dw = None if y is None else np.empty((F, C // groups, rows[2], columns[2]), x.dtype)
    for c, f in _groups(C, F, groups):
        product = window_products(
            channels_last(x[:, c]),
            rows,
            columns,
            w=None if w is None else w[f].transpose(2, 3, 1, 0),  # (KH, KW, C / groups, F / groups)
            b=None if b is None else b[f],
            out=None if w is None else out[..., f],
            y=None if y is None else channels_last(y[:, f]),
            workers=workers,
        )
        if y is not None:
            dw[f] = product.transpose(3, 2, 0, 1)
    return out if out is None else channels_first(out), dw


def adjoint(y, rows, columns, groups, w, shape, b=None, x=None, need_dx=True, workers=1):
    """Return ``(dx, dw)``: the gradients of the correlation of x with w where dout is y.

    One axis of it is out[f,i] = Σ x[c, start + i · step + k · spacing] w[f,c,k], so x[c,p] meets
    w[f,c,k] in the output i = (p - start - k · spacing) / step, if that is an integer:
    dx[c,p] = Σ y[f, (p - start - k · spacing) / step] w[f,c,k] over f and these k.
    They are the same for all p with one remainder modulo step, and each is a fixed number of
    outputs before the last: for each remainder, dx is a correlation of y with the flipped filters.
    The same windows of y give dw[f,c,k] = Σ y[f,i] x[c,p] over p.

    Parameters
    ----------
    y : ndarray, shape (N, F, OH, OW)
        Upstream gradient, in any memory layout.
    rows, columns, groups, w, workers
        As for :func:`correlate`.
    shape : tuple
        (H, W) of dx.
    b : ndarray, shape (C,), optional
        Added to dx, which is the out of a transposed convolution.
    x : ndarray, shape (N, C, H, W), optional
        Images; without them dw is None.
    need_dx : bool
        With False, dx is None.
    """
    N, F = y.shape[:2]
    C = w.shape[1] * groups
    if groups == C > 1:
        dx = adjoint_each(y, rows, columns, w, shape, C, b, workers) if need_dx else None
        return dx, None if x is None else correlate_each(x, rows, columns, y=y, workers=workers)[1]
    dx = np.empty((N, *shape, C), y.dtype) if need_dx else None
    dw = None if x is None else np.zeros(w.shape, y.dtype)
    for c, f in _groups(C, F, groups):
        for p, taps_i, axis_i in _remainders(rows, shape[0]):
            for q, taps_j, axis_j in _remainders(columns, shape[1]):
                if not axis_i[2] or not axis_j[2]:  # no tap meets these inputs
                    if need_dx:
                        dx[:, p, q, c] = 0.0 if b is None else b[c]
                    continue
                flipped = w[f, :, taps_i, taps_j].transpose(2, 3, 0, 1)  # (k, l, f, c)
                product = window_products(
                    channels_last(y[:, f]),
                    axis_i,
                    axis_j,
                    w=flipped if need_dx else None,
                    b=None if b is None else b[c],
                    out=dx[:, p, q, c] if need_dx else None,
                    y=None if x is None else channels_last(x[:, c, p, q]),
                    workers=workers,
                )
                if x is not None:
                    dw[f, :, taps_i, taps_j] = product.transpose(2, 3, 0, 1)
    return channels_first(dx) if need_dx else None, dw


def gradients(x, rows, columns, groups, w, b, y, need_dx=True, workers=1):
    """Return ``(dx, dw)`` or ``(dx, dw, db)`` of the correlation of x with w where dout is y.

    Either dw comes from the windows of y, which dx needs too, or from the windows of x: there is
    less of them where channels are few, as in a first layer, or windows hardly overlap.  The
    choice does not depend on need_dx, so that dw has the same bits.
    """
    if rows[1] == columns[1] == 1 and 4 * x.shape[1] > y.shape[1]:
        dx, dw = adjoint(y, rows, columns, groups, w, x.shape[2:], None, x, need_dx, workers)
    else:
        y = channels_first(np.ascontiguousarray(channels_last(y)))  # it is read several times
        _, dw = correlate(x, rows, columns, groups, y=y, workers=workers)
        dx = None
        if need_dx:
            dx, _ = adjoint(y, rows, columns, groups, w, x.shape[2:], workers=workers)
    return (dx, dw) if b is None else (dx, dw, channel_sums(y))


def channel_sums(y):
    """Return the sum of every channel of y (N, C, H, W): b was copied to all entries of its own."""
    pixels = channels_last(y)
    if not pixels.flags.c_contiguous:
        return y.sum(axis=(0, 2, 3))
    C = pixels.shape[3]
    return sum_of_rows(pixels.reshape(pixels.size // C, C))


def _remainders(axis, size):
    """Yield ``(inputs, taps, axis)`` for the inputs below size of each remainder modulo step.

    Both slices are: inputs p, p + step, ..., and the taps that meet them, backwards.  The axis is
    that of the windows of y: input p + m · step meets output m + (p - start - k · spacing) / step.
    """
    start, step, taps, spacing, _ = axis
    common = math.gcd(step, spacing)
    every = step // common  # from one tap that meets an input to the next
    for p in range(min(step, size)):
        count = -(-(size - p) // step)
        first = next((k for k in range(every) if (p - start - k * spacing) % step == 0), taps)
        met = max(-(-(taps - first) // every), 0)
        last = first + (met - 1) * every  # this tap meets the first of the outputs
        backwards = slice(last, first - every if first >= every else None, -every)
        begin = (p - start - last * spacing) // step if met else 0
        yield slice(p, None, step), backwards, (begin, 1, met, spacing // common, count)


def _groups(C, F, groups):
    """Yield the slices of channels and of filters that belong together."""
    for g in range(groups):
        yield (
            slice(g * C // groups, (g + 1) * C // groups),
            slice(g * F // groups, (g + 1) * F // groups),
        )
