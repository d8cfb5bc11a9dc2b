"""Products of matrices with a narrow side, such as the channels of an image, as many small ones.

OpenBLAS rearranges both factors of a product, unless it is small; where one side is 16 to 128 wide
that takes a third of the time, and with 8 rows three quarters.  NumPy makes stacks of small
products in one call.
"""

import functools

import numpy as np

SMALL = 100**3  # M · N · K of products that OpenBLAS makes without rearranging
WIDE = 64  # entries of a row from which on vector operations should run along it
FEW = 64  # examples of a small batch
LARGE = 1 << 16  # entries of weights whose products with a small batch are made in parts
VECTOR = 64  # bytes that the processor computes at once
PAGE = 4096  # bytes of a page of memory
KEPT = 4096  # most ones that are kept from one call to the next


def product(a, b):
    """Return a (P, K) @ b (K, N): in small parts, if P or K is a small batch and the rest large.

    To rearrange a large matrix takes longer than to multiply it by a few examples: with 784 x 512
    weights in float32, whose columns lie one after the other, 8 examples take 0.4 of the time in
    parts, 32 take 0.6 and 64 take 0.8; if it is their rows that do, 0.5, 0.85 and 1.  The bounds
    are where two forms took as long: batches of 1 to 256, sides of 100 to 4096, both dtypes.
    """
    N = b.shape[1]
    size = a.size * N
    if size <= SMALL:
        if size > 100_000 and b.flags.fnc:  # the one form that OpenBLAS would rearrange
            return np.asfortranarray(a).dot(b) if len(a) >= 16 else _by_tiles(a, b)
        # a @ b takes 0.6 to 1.2 µs longer, a third to half of a small product; below it is sooner
        # done, for dot writes zeros into the result first
        return a.dot(b)
    P, K = a.shape
    if K <= FEW:
        k = min(SMALL // (K * N), 48) // 24 * 24
        return _by_rows(a, b, k) if 0 < k <= P else a @ b
    if 1 < P <= 1.5 * FEW and P * K * 8 <= SMALL and b.flags.fnc:
        return _by_tiles(a, b)
    if 1 < P <= 16 or (P <= 32 and N >= 256):
        if 128 <= K <= 512 and N * a.itemsize < PAGE:  # else a column reaches too far
            out = np.empty((P, N), a.dtype)
            return _by_columns(_alternating(a), b, 64 if P * K * 64 <= SMALL else 32, out)
        k = min(SMALL // (P * N), 128) // 8 * 8
        if 2 * k <= K and k >= 0.375 * a.itemsize * P:  # else adding them up takes too long
            return _by_terms(_alternating(a), b, k)
    return a @ b


def _alternating(a):
    """Return a, in memory column by column if OpenBLAS's small products are faster then."""
    return np.asfortranarray(a) if len(a) > 16 else a


def _by_rows(a, b, k):
    """Return a @ b, made for k rows of a at a time."""
    out = np.empty((len(a), b.shape[1]), a.dtype)
    head = len(a) // k * k
    np.matmul(_split(a[:head], k), b, out=_split(out[:head], k))
    np.matmul(a[head:], b, out=out[head:])
    return out


def _by_tiles(a, b):
    """Return a @ b, by columns: first for the rows of a that fill vectors, then for the rest."""
    P, K = a.shape
    out = np.empty((P, b.shape[1]), a.dtype)
    # so many rows fill vectors, if the entries of different rows alternate
    full = P // (VECTOR // a.itemsize) * (VECTOR // a.itemsize)
    for rows, part in ((np.asfortranarray(a[:full]), out[:full]), (a[full:], out[full:])):
        if len(rows):
            _by_columns(rows, b, min(SMALL // (len(rows) * K), 32) // 8 * 8, part)
    return out


def _by_columns(a, b, k, out):
    """Write a @ b, made for k columns of b at a time, into out, and return that."""
    head = b.shape[1] // k * k
    np.matmul(a, _split_columns(b[:, :head], k), out=_split_columns(out[:, :head], k))
    np.matmul(a, b[:, head:], out=out[:, head:])
    return out


def _by_terms(a, b, k):
    """Return a @ b, the sum of products of k columns of a and k rows of b."""
    P, K = a.shape
    N, head = b.shape[1], K // k * k
    parts = np.matmul(_split_columns(a[:, :head], k), _split(b[:head], k))  # (K / k, P, N)
    out = sum_of_rows(parts.reshape(len(parts), P * N)).reshape(P, N)
    if head < K:
        out += a[:, head:] @ b[head:]
    return out


def sum_of_rows(a):
    """Return (1ᴾ)ᵀ a for a (P, N): BLAS sums twice as fast as a.sum(axis=0)."""
    return ones(len(a), a.dtype).dot(a)


def ones(count, dtype):
    """Return so many ones, read-only: to make them anew takes as long as a small product."""
    return _kept_ones(count, dtype) if count <= KEPT else np.ones(count, dtype)


@functools.lru_cache(64)
def _kept_ones(count, dtype):
    array = np.ones(count, dtype)
    array.flags.writeable = False
    return array


def times(a, w, out):
    """Write a (..., P, K) @ w (K, N) into out."""
    P, K = a.shape[-2:]
    N = w.shape[1]
    fits = SMALL // (K * N) // 12 * 12  # rows; OpenBLAS computes 6 or 12 at a time
    if not fits and N % WIDE == 0 and SMALL // (K * WIDE) >= 12:
        for k in range(0, N, WIDE):
            times(a, w[:, k : k + WIDE], out[..., k : k + WIDE])
        return
    p = min(fits, 48) or P
    head = P // p * p
    if head:
        np.matmul(_split(a[..., :head, :], p), w, out=_split(out[..., :head, :], p))
    if head < P:
        np.matmul(a[..., head:, :], w, out=out[..., head:, :])


def transposed_times(a, c, out):
    """Write a.T (K, P) @ c (P, N) into out, which is from :func:`laid_out`."""
    P, K = a.shape
    N = c.shape[1]
    if N >= WIDE:
        k = min(SMALL // (P * N) // 24 * 24, K) or K
        head = K // k * k
        np.matmul(_split(a.T[:head], k), c, out=_split(out[:head], k))
    else:
        k = min(WIDE if P * N * WIDE <= SMALL else 32, K)
        head = K // k * k
        by_k = a[:, :head].reshape(P, head // k, k).swapaxes(0, 1)
        np.matmul(c.T, by_k, out=out.T[:, :head].reshape(N, head // k, k).swapaxes(0, 1))
    if head < K:
        np.matmul(c.T, a[:, head:], out=out.T[:, head:])


def laid_out(flat, K, N):
    """Return memory for a product (K, N) whose longer side is contiguous."""
    return flat.reshape(K, N) if N >= WIDE else flat.reshape(N, K).T


def most_rows(N):
    """Return up to how many rows P :func:`transposed_times` makes small products, or None."""
    return SMALL // (24 * N) if N <= 2 * WIDE else None  # wider ones do not need it


def sum_of_products(a, c):
    """Return Σₙ a[n].T @ c[n] for stacks (n, P, K) and (n, P, N)."""
    P, K = a.shape[1:]
    N = c.shape[2]
    fits = SMALL // (K * N)
    # parts of equal size; with few rows each, summing their products would take the time
    p = -(-P // -(-P // fits)) if fits >= 64 else P
    head = P // p * p
    total = (_split(a[:, :head], p).swapaxes(-1, -2) @ _split(c[:, :head], p)).sum(axis=(0, 1))
    if head < P:
        total += (a[:, head:].swapaxes(-1, -2) @ c[:, head:]).sum(axis=0)
    return total


def _split(a, p):
    """Return a (..., P, K) as a view (..., P / p, p, K)."""
    return a.reshape(*a.shape[:-2], a.shape[-2] // p, p, a.shape[-1])


def _split_columns(a, k):
    """Return a (P, N) as a view (N / k, P, k)."""
    P, N = a.shape
    return a.reshape(P, N // k, k).swapaxes(0, 1)
