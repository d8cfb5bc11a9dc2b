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

from nnlayers.layers._workers import over_images

BLOCK_BYTES = 1 << 20  # the windows of a block: half of a second-level cache
# OpenBLAS multiplies matrices with M · N · K up to this without rearranging them first: 1.2 to 1.5
# times as fast where a factor is as narrow as a number of channels
SMALL_PRODUCT = 100**3
WIDE = 64  # entries in a row of a factor from which on vector operations should run along the row
LINE = 64  # bytes: a vector load that crosses such a boundary takes twice as long

_free = []  # scratch between calls; append and pop are atomic, so threads may share it


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
        buffer, (filters,) = _borrow(x.dtype, (C, F))
        filters[...] = w.reshape(C, F)
        times(a, filters, out.reshape(*stack, F))
        _give_back(buffer)
        if b is not None:
            lines = out.reshape(N * H, W * F) if out.flags.c_contiguous else out
            lines += np.tile(b, lines.shape[-1] // F)
    if y is None:
        return None
    return _sum_of_products(a, y.reshape(*stack, M)).reshape(1, 1, C, M)


def _window_products(x, rows, columns, w, b, out, y):
    """Products with the windows of one block after the other."""
    N, H, W, C = x.shape
    KW, OH, OW = columns[2], rows[4], columns[4]
    F, M = (0 if a is None else a.shape[3] for a in (w, y))
    share = _windows_in_a_row(columns, C, M or F)
    left, step, taps, spacing, _ = columns
    columns = left, step * share, taps + share - 1, spacing, OW // share
    taps = rows[2], columns[2]
    K = math.prod(taps) * C
    most = BLOCK_BYTES // (K * x.itemsize)
    if y is not None:
        most = min(most, SMALL_PRODUCT // (24 * M * share))
    images, lines = _block(N, OH, columns[4], max(most, 1))
    P = images * lines * columns[4]

    padded = not (_inside(rows, H) and _inside(columns, W) and x.strides[3] == x.itemsize)
    direct = out is None or out.flags.c_contiguous
    part_rows = (*rows[:4], lines)
    buffer, (pixels, matrix, filters, results, factor, sums) = _borrow(
        x.dtype,
        (images if padded else 0, *extent(part_rows, columns), C),
        (P, K),
        (K, share * F),
        (0 if direct else P, share * F),
        (P, share * M),
        (2, K * share * M),
    )
    if padded:
        pixels.fill(0.0)
        windows = window_view(pixels, part_rows, columns)
    else:
        windows = window_view(x[:, rows[0] :, left:], rows, columns)
    if w is not None:
        _widen(w, filters.reshape(*taps, C, share, F))
    bias = (
        None if b is None else np.tile(b, OW)
    )  # a line at once: a long addition, not OW short ones
    total, part = (_product(flat, K, share * M) for flat in sums)
    total.fill(0.0)

    for n in range(0, N, images):
        for i in range(0, OH, lines):
            block = slice(n, min(n + images, N)), slice(i, min(i + lines, OH))
            if padded:
                seen = windows[: min(images, N - n), : min(lines, OH - i)]
                copy_padded(x[block[0]], pixels[: len(seen)], rows[0] + i * rows[1], left)
            else:
                seen = windows[block]
            p = math.prod(seen.shape[:3])
            a = matrix[:p]
            a.reshape(seen.shape)[...] = seen  # im2col
            if w is not None:
                z = out[block].reshape(p, share * F) if direct else results[:p]
                times(a, filters, z)
                if b is not None:
                    z = z.reshape(p // columns[4], OW * F)
                    z += bias
                if not direct:
                    out[block] = z.reshape(out[block].shape)
            if y is not None:
                c = factor[:p]  # a copy, to begin at a boundary
                c.reshape(y[block].shape)[...] = y[block]
                transposed_times(a, c, part)
                total += part
    product = None if y is None else _narrow(total.reshape(*taps, C, share, M), KW)
    _give_back(buffer)
    return product


def _windows_in_a_row(columns, C, width):
    """Return how many neighbouring windows become one row of the matrix: 1, or 2 where it pays.

    Two windows side by side have KW + 1 taps together.  One row for both means fewer, longer runs
    to copy and a product twice as wide, at the price of some multiplications by zero.
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


def _block(N, OH, OW, most):
    """Return how many images, and lines of each, make a block of at most ``most`` windows."""
    if most >= OH * OW:
        return max(min(most // (OH * OW), N), 1), OH
    parts = -(-OH * OW // most)
    return 1, -(-OH // parts)


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


def times(a, w, out):
    """Write a (..., P, K) @ w (K, N) into out, as many small products."""
    P, K = a.shape[-2:]
    N = w.shape[1]
    fits = SMALL_PRODUCT // (K * N) // 12 * 12  # rows; OpenBLAS computes 6 or 12 at a time
    if not fits and N % 64 == 0 and SMALL_PRODUCT // (K * 64) >= 12:
        for k in range(0, N, 64):
            times(a, w[:, k : k + 64], out[..., k : k + 64])
        return
    p = min(fits, 48) or P
    head = P // p * p
    if head:
        np.matmul(_split(a[..., :head, :], p), w, out=_split(out[..., :head, :], p))
    if head < P:
        np.matmul(a[..., head:, :], w, out=out[..., head:, :])


def transposed_times(a, c, out):
    """Write a.T (K, P) @ c (P, N) into out (K, N) from :func:`_product`, as small products."""
    P, K = a.shape
    N = c.shape[1]
    if N >= WIDE:
        k = min(SMALL_PRODUCT // (P * N) // 24 * 24, K) or K
        head = K // k * k
        np.matmul(_split(a.T[:head], k), c, out=_split(out[:head], k))
    else:
        k = min(64 if 64 * P * N <= SMALL_PRODUCT else 32, K)
        head = K // k * k
        by_k = a[:, :head].reshape(P, head // k, k).swapaxes(0, 1)
        np.matmul(c.T, by_k, out=out.T[:, :head].reshape(N, head // k, k).swapaxes(0, 1))
    if head < K:
        np.matmul(c.T, a[:, head:], out=out.T[:, head:])


def _sum_of_products(a, c):
    """Return the sum over n of a[n].T @ c[n], for stacks (n, P, K) and (n, P, N)."""
    P, K = a.shape[1:]
    fits = max(SMALL_PRODUCT // (K * c.shape[2]), 1)
    p = -(-P // -(-P // fits)) if fits >= 64 and P else P  # fewer rows would make the sum dear
    head = P // p * p if p else 0
    total = np.zeros((K, c.shape[2]), a.dtype)
    if head:
        total += (_split(a[:, :head], p).swapaxes(-1, -2) @ _split(c[:, :head], p)).sum((0, 1))
    if head < P:
        total += (a[:, head:].swapaxes(-1, -2) @ c[:, head:]).sum(0)
    return total


def channels_last(x):
    """Return images (N, C, H, W) as a view (N, H, W, C)."""
    return x.transpose(0, 2, 3, 1)


def channels_first(x):
    """Return images (N, H, W, C) as a view (N, C, H, W)."""
    return x.transpose(0, 3, 1, 2)


def _product(flat, K, N):
    """Return memory for a product (K, N), the longer side of which is the contiguous one."""
    return flat.reshape(K, N) if N >= WIDE else flat.reshape(N, K).T


def _split(a, p):
    """Return a (..., P, K) as a view (..., P / p, p, K)."""
    return a.reshape(*a.shape[:-2], a.shape[-2] // p, p, a.shape[-1])


def _borrow(dtype, *shapes):
    """Return scratch memory, and arrays of these shapes in it that begin at boundaries."""
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


def _give_back(buffer):
    """Keep scratch memory for the next call, unless it is a great deal."""
    if len(buffer) <= 8 * BLOCK_BYTES and len(_free) < 8:
        _free.append(buffer)
