"""Products with the windows of images: blocked im2col, which the convolutions are computed by.

Arrays here are (N, H, W, C), channels last: the inputs of one window are then a few long runs of
numbers.  They are copied side by side (im2col) for one block of windows at a time, small enough to
stay in the processor's second-level cache, and multiplied there by all filters at once.  Nothing
of it is kept: copying a block again takes less time than reading it back from main memory, where
all blocks together would fill KH · KW times the size of x.

An axis of windows is the tuple (start, step, taps, spacing, count): output o of count outputs sees
the inputs start + o · step + t · spacing, one for each tap t; inputs out of range are zeros.
"""

import math

import numpy as np

from nnlayers.layers._products import (
    laid_out,
    most_rows,
    sum_of_products,
    times,
    transposed_times,
)
from nnlayers.layers._scratch import borrow, give_back
from nnlayers.layers._workers import over_images

BLOCK_BYTES = 1 << 20  # the windows of a block: half of a second-level cache


def window_products(x, rows, columns, w=None, b=None, out=None, y=None, workers=1):
    """Write windows · w + b into out, and return windowsᵀ · y.

    Parameters
    ----------
    x : ndarray, shape (N, H, W, C)
        Images, in any memory layout.
    rows, columns : tuple
        Axes of the windows, with KH and KW taps, OH and OW outputs.
    w : ndarray, shape (KH, KW, C, F), optional
        Filters.
    b : ndarray, shape (F,), optional
        Bias.
    out : ndarray, shape (N, OH, OW, F), optional
        Is written; goes with w.
    y : ndarray, shape (N, OH, OW, M), optional
        Right factor of the second product.
    workers : int
        Threads that share the images, each with a run of consecutive ones.

    Returns
    -------
    product : ndarray, shape (KH, KW, C, M), or None
        For each tap, the sum of input times y over all windows.
    """
    every_pixel = (rows[:3], columns[:3], rows[4], columns[4]) == (*((0, 1, 1),) * 2, *x.shape[1:3])
    whole = out is None or out.strides[1] == out.shape[2] * out.strides[2]
    multiply = _pixel_products if every_pixel and whole else _window_products

    def work(part):
        out_part, y_part = (None if a is None else a[part] for a in (out, y))
        return multiply(x[part], rows, columns, w, b, out_part, y_part)

    products = over_images(work, len(x), workers)
    # always summed in this order: the same number of workers gives the same bits
    return None if y is None else sum(products[1:], start=products[0])


def _pixel_products(x, rows, columns, w, b, out, y):
    """Products where every pixel is a window: there is nothing to copy."""
    N, H, W, C = x.shape
    F, M = (0 if a is None else a.shape[3] for a in (w, y))
    merge = N and all(a is None or a.flags.c_contiguous for a in (x, out, y))
    stack = (1, N * H * W) if merge else (N, H * W)  # BLAS takes channels-first images as they are
    a = x.reshape(*stack, C)
    if w is not None:
        buffer, (filters,) = borrow(x.dtype, (C, F))
        filters[...] = w.reshape(C, F)
        times(a, filters, out.reshape(*stack, F))
        give_back(buffer)
        if b is not None:
            lines = out.reshape(N * H, W * F) if out.flags.c_contiguous else out
            lines += np.tile(b, lines.shape[-1] // F)
    if y is None:
        return None
    return sum_of_products(a, y.reshape(*stack, M)).reshape(1, 1, C, M)


def _window_products(x, rows, columns, w, b, out, y):
    """Products with the windows of one block after the other."""
    C, KW, OW = x.shape[3], columns[2], columns[4]
    F, M = (0 if a is None else a.shape[3] for a in (w, y))
    share = _windows_in_a_row(columns, C, M or F)
    left, step, taps, spacing, _ = columns
    columns = left, step * share, taps + share - 1, spacing, OW // share
    windows = _Windows(x, rows, columns, _size_of_blocks(rows, columns, C, share, F, M, x.itemsize))
    P, K = windows.shape
    direct = out is None or out.flags.c_contiguous
    buffer, (pixels, matrix, filters, results, factor, sums) = borrow(
        x.dtype,
        windows.pixels_shape,
        (P, K),
        (K, share * F),
        (0 if direct else P, share * F),
        (P, share * M),
        (2, K * share * M),
    )
    by_tap = (rows[2], columns[2], C, share)
    if w is not None:
        _widen(w, filters.reshape(*by_tap, F))
    if b is not None:
        line = np.tile(b, OW)  # one long addition takes less time than OW short ones
    total, part = (laid_out(flat, K, share * M) for flat in sums)
    total.fill(0.0)

    for block, a in windows.blocks(pixels, matrix):
        p = len(a)
        if w is not None:
            z = out[block].reshape(p, share * F) if direct else results[:p]
            times(a, filters, z)
            if b is not None:
                z = z.reshape(p * share // OW, OW * F)
                z += line
            if not direct:
                out[block] = z.reshape(out[block].shape)
        if y is not None:
            c = factor[:p]  # a copy, to begin at a boundary
            c.reshape(y[block].shape)[...] = y[block]
            transposed_times(a, c, part)
            total += part
    product = None if y is None else _narrow(total.reshape(*by_tap, M), KW)
    give_back(buffer)
    return product


class _Windows:
    """The windows of images as the rows of a matrix, one block after the other.

    ``shape`` is that of a block's matrix, ``pixels_shape`` that of its padded images.
    """

    def __init__(self, x, rows, columns, most):
        N, H, W, C = x.shape
        OH, OW = rows[4], columns[4]
        self.images = max(min(most // (OH * OW), N), 1)
        self.lines = OH if most >= OH * OW else -(-OH // -(-OH * OW // most))
        self.x, self.rows, self.columns = x, rows, columns
        self.shape = self.images * self.lines * OW, rows[2] * columns[2] * C
        in_runs = x.strides[3] == x.itemsize
        self.padded = not (in_runs and _inside(rows, H) and _inside(columns, W))
        self.block_rows = (*rows[:4], self.lines)
        images = self.images if self.padded else 0
        self.pixels_shape = (images, *extent(self.block_rows, columns), C)

    def blocks(self, pixels, matrix):
        """Yield ``(block, a)``: slices of images and of lines of windows, and their matrix."""
        N, OH = len(self.x), self.rows[4]
        top, left = self.rows[0], self.columns[0]
        if self.padded:
            pixels.fill(0.0)
            view = window_view(pixels, self.block_rows, self.columns)
        else:
            view = window_view(self.x[:, top:, left:], self.rows, self.columns)
        for n in range(0, N, self.images):
            for i in range(0, OH, self.lines):
                block = slice(n, min(n + self.images, N)), slice(i, min(i + self.lines, OH))
                if self.padded:
                    seen = view[: block[0].stop - n, : block[1].stop - i]
                    first = top + i * self.rows[1]
                    copy_padded(self.x[block[0]], pixels[: len(seen)], first, left)
                else:
                    seen = view[block]
                a = matrix[: math.prod(seen.shape[:3])]
                a.reshape(seen.shape)[...] = seen  # im2col
                yield block, a


def _size_of_blocks(rows, columns, C, share, F, M, itemsize):
    """Return of how many rows of the matrix a block should consist."""
    most = BLOCK_BYTES // (rows[2] * columns[2] * C * itemsize)
    if M:
        most = min(most, most_rows(share * M) or most)
    # the filters and the sums pass through the cache once a block, which many rows must be worth
    return max(most, 4 * (M or F))


def _windows_in_a_row(columns, C, width):
    """Return how many neighbouring windows become one row of the matrix: 1, or 2 where it pays.

    Two windows side by side have KW + 1 taps together.  One row for both means fewer, longer runs
    to copy and a product twice as wide, at the price of some multiplications by zero (which make
    NaN of what is infinite or NaN already, one column beside the windows that see it).
    """
    _, step, taps, spacing, count = columns
    pays = taps >= 5 or (taps >= 3 and (taps * C < 48 or width <= 16))
    return 2 if pays and step == spacing == 1 and count % 2 == 0 else 1


def _widen(w, filters):
    """Write w (KH, KW, C, F) once for each share into (KH, KW + share - 1, C, share, F)."""
    KW, share = w.shape[1], filters.shape[3]
    if share > 1:
        filters.fill(0.0)
    for k in range(share):
        filters[:, k : k + KW, :, k] = w


def _narrow(product, KW):
    """Sum (KH, KW + share - 1, C, share, M) over the shares, each where :func:`_widen` puts it."""
    narrow = product[:, :KW, :, 0].copy()
    for k in range(1, product.shape[3]):
        narrow += product[:, k : k + KW, :, k]
    return narrow


def _inside(axis, size):
    """Return whether no window leaves the inputs 0 to size - 1."""
    start, step, taps, spacing, count = axis
    return start >= 0 and start + (count - 1) * step + (taps - 1) * spacing < size


def extent(*axes):
    """Return how many inputs the windows of each axis see together."""
    return tuple((count - 1) * step + (k - 1) * spacing + 1 for _, step, k, spacing, count in axes)


def window_view(pixels, rows, columns):
    """Return all windows of pixels as a view (N, OH, OW, KH, KW, C); the first begins at (0, 0)."""
    n, h, w, c = pixels.strides
    shape = (len(pixels), rows[4], columns[4], rows[2], columns[2], pixels.shape[3])
    strides = (n, h * rows[1], w * columns[1], h * rows[3], w * columns[3], c)
    return np.lib.stride_tricks.as_strided(pixels, shape, strides)


def copy_padded(x, pixels, top, left):
    """Copy what x has at lines top, top + 1, ... and columns left, ...; other lines become zero.

    Columns that x does not have must be zero before: they are the same for all blocks of a call.
    """
    (H, W), (height, width) = x.shape[1:3], pixels.shape[1:3]
    first, last = max(top, 0), min(top + height, H)
    start, stop = max(left, 0), min(left + width, W)
    if first >= last or start >= stop:
        pixels.fill(0.0)
        return
    pixels[:, : first - top] = 0.0
    pixels[:, last - top :] = 0.0
    pixels[:, first - top : last - top, start - left : stop - left] = x[:, first:last, start:stop]


def channels_last(x):
    """Return images (N, C, H, W) as a view (N, H, W, C)."""
    return x.transpose(0, 2, 3, 1)


def channels_first(x):
    """Return images (N, H, W, C) as a view (N, C, H, W)."""
    return x.transpose(0, 3, 1, 2)
