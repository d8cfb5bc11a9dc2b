"""Numerical derivatives of functions of arrays: gradients, Jacobians, and their errors."""

import numpy as np

from nnlayers.gradients.differences import differentiate, first_step
from nnlayers.layers.checks import complaint


def numerical_gradient(f, x, dout=None, h=None, *, return_error=False):
    """Gradient of f at x from differences, entry by entry.

    gᵢ = ∂/∂xᵢ Σⱼ doutⱼ fⱼ(x); with h it is Σⱼ doutⱼ (fⱼ(x + h eᵢ) - fⱼ(x - h eᵢ)) / 2h

    Parameters
    ----------
    f : callable
        Takes x, returns a number or an array.  x is perturbed **in place** and restored, also when
        f raises, so f may as well ignore its argument and read x where it lies:
        ``numerical_gradient(lambda _: net.loss(x, y)[0], net.params["0.w"])``.
    x : ndarray of floats
        Where to differentiate; writeable.
    dout : array_like, shape of f(x), optional
        Upstream gradient; needed when f returns an array.
    h : float, optional
        With it, plain central differences with this step, two evaluations an entry.  Without, the
        step is chosen for each entry, relative to the size of x, and the error is estimated.
    return_error : bool
        Return ``(gradient, error)``; the error of an entry at a kink is half the gap between its
        one-sided derivatives.

    Returns
    -------
    gradient : ndarray, shape of x
        In float64.

    Raises
    ------
    TypeError
        If x is not a floating-point array: a step would be lost in integers.
    ValueError
        If x is read-only, dout is missing or misshapen, or h is given with return_error.

    Source
    ------
    cs231n notes, "Gradient checks"; Ridders (1982) for the error estimate.

    Examples
    --------
    >>> x = np.array([1.0, 2.0])
    >>> gradient, error = numerical_gradient(lambda x: np.exp(x).sum(), x, return_error=True)
    >>> bool((abs(gradient - np.exp(x)) <= error).all())
    True
    """
    op = "numerical_gradient"
    check_point(op, x)
    if h is not None:
        if return_error:
            raise complaint(
                ValueError, op, "one fixed step h has no error estimate", "leave h out", h=h
            )
        if not 0 < h < np.inf:
            raise complaint(ValueError, op, f"h must be a positive step, not {h}", "1e-5 is usual")
        return _with_step(f, x, dout, h)
    center = evaluate(op, f, x)
    weights = None if dout is None and center.size == 1 else upstream_of(op, dout, center)

    def phi(i, t):
        value = evaluate(op, f, x)
        return _contract(value, weights)

    weighted = np.abs(center).sum() if weights is None else np.abs(center.ravel()) @ np.abs(weights)
    found = perturb_each(phi, x, _contract(center, weights), center, extra=weighted)
    gradient = found.value[:, 0].reshape(x.shape)
    return (gradient, found.error[:, 0].reshape(x.shape)) if return_error else gradient


def numerical_jacobian(f, x, *, return_error=False):
    """Jacobian of f at x from differences.

    Jⱼᵢ = ∂fⱼ/∂xᵢ, where j and i stand for all indices of f(x) and of x

    Parameters
    ----------
    f : callable
        Takes x, returns an array or a number; see :func:`numerical_gradient`.
    x : ndarray of floats
        Where to differentiate; perturbed in place and restored.
    return_error : bool
        Return ``(jacobian, error)``.

    Returns
    -------
    jacobian : ndarray, shape f(x).shape + x.shape
        In float64.

    Raises
    ------
    TypeError
        If x is not a floating-point array.
    ValueError
        If x is read-only.

    Source
    ------
    TUM I2DL, "Multidimensional derivatives", eqs. (7) and (8).

    Examples
    --------
    >>> x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> numerical_jacobian(lambda x: x.sum(axis=1), x).shape
    (2, 2, 3)
    """
    op = "numerical_jacobian"
    check_point(op, x)
    center = evaluate(op, f, x)
    found = perturb_each(lambda i, t: evaluate(op, f, x).ravel(), x, center.ravel(), center)
    shape = center.shape + x.shape
    jacobian = np.ascontiguousarray(found.value.T).reshape(shape)
    return (
        (jacobian, np.ascontiguousarray(found.error.T).reshape(shape)) if return_error else jacobian
    )


def rel_error(a, b):
    """Largest relative error between two arrays, as cs231n and I2DL define it.

    max |a - b| / max(1e-8, |a| + |b|)

    Parameters
    ----------
    a, b : array_like
        Of one shape; the result for empty ones is 0.

    Returns
    -------
    float
        Between 0 and 1 (NaN if an entry is NaN); equal entries count 0, two zeros too.

    Raises
    ------
    ValueError
        If the shapes differ: broadcasting would hide a wrong shape.

    Source
    ------
    cs231n, the notebooks of assignment 1.

    Examples
    --------
    >>> round(rel_error([1.0, 2.0], [1.0, 2.2]), 4)
    0.0476
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise complaint(
            ValueError, "rel_error", "a and b must have the same shape", "compare like with like",
            a=a, b=b,
        )  # fmt: skip
    if not a.size:
        return 0.0
    return float(np.max(np.abs(a - b) / np.maximum(1e-8, np.abs(a) + np.abs(b))))


def perturb_each(phi, x, at_zero, center, extra=None, indices=None):
    """Differentiate phi by entries of x, which is perturbed in place and restored.

    ``indices`` are positions in the flattened x; by default all of them.
    """
    eps = float(max(np.finfo(x.dtype).eps, np.finfo(center.dtype).eps))
    scales = entry_scales(x)
    if not x.any() and x.size:
        scales[:] = _scale_around_zero(phi, x, at_zero)
    indices = np.arange(x.size) if indices is None else indices
    noise = 0.0 if extra is None else eps * extra

    def at(i, t):
        i = indices[i]
        before = flat[i]
        try:
            flat[i] = before + t
            with np.errstate(all="ignore"):
                # x + t is rounded: what matters is the step that was really made
                made = float(flat[i]) - float(before)
                return at_zero + (phi(i, t) - at_zero) * (t / made) if made else at_zero
        finally:
            flat[i] = before

    flat = x.flat
    steps = scales[indices] * first_step(_coarser(x, center))
    return differentiate(at, steps, at_zero, eps, noise)


def entry_scales(x):
    """Return the size of a step of relative size 1 for each entry, flattened.

    An entry's own magnitude, but at least 1 % of a typical one: a tiny entry among large ones
    would drown in rounding; a zero takes the typical size; 1 where all are zero.
    """
    size = np.abs(x.ravel()).astype(np.float64)
    typical = typical_size(size)
    return np.where(size > 0, np.maximum(size, 0.01 * typical), typical)


def typical_size(size):
    """Return a typical one of the magnitudes that are not zero: mean or median; 1 of none."""
    total, largest = float(np.add.reduce(size)), float(np.maximum.reduce(size, initial=0.0))
    if 0.0 < largest < np.inf:
        mean = total / np.count_nonzero(size)
        if largest <= 30.0 * mean:
            return mean
    # a few large ones do not make the others large
    nonzero = size[(size > 0) & np.isfinite(size)]
    return float(np.median(nonzero)) if len(nonzero) else 1.0


def check_point(op, x):
    """Raise unless x is an array in which a step can be made."""
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
        raise complaint(
            TypeError,
            op,
            "x must be a floating-point array, or a small step would be lost",
            "x.astype(float)" if isinstance(x, np.ndarray) else "np.array(x, dtype=float)",
            x=x,
        )
    if not x.flags.writeable:
        raise complaint(
            ValueError, op, "x is read-only but is perturbed in place", "pass x.copy()", x=x
        )


def evaluate(op, f, x):
    """Return f(x) as a floating-point array."""
    value = f(x)
    if value.__class__ is np.ndarray and value.dtype.kind == "f":
        return value
    if isinstance(value, tuple):
        raise complaint(
            TypeError,
            op,
            f"f returned a tuple of {len(value)}, not a number or an array",
            "a forward function returns (out, cache): pass lambda x: forward(x)[0]",
        )
    value = np.asarray(value)
    if value.dtype.kind not in "fiub":
        raise complaint(TypeError, op, f"f must return real numbers, not {value.dtype}")
    return value if value.dtype.kind == "f" else value.astype(np.float64)


def upstream_of(op, dout, center):
    """Return dout, flat and in float64, for an f whose value is center."""
    if dout is None:
        raise complaint(
            ValueError,
            op,
            f"f returns an array of shape {center.shape}, so dout is needed",
            "pass dout of that shape, or let f return a number",
        )
    dout = np.asarray(dout, np.float64)
    if dout.shape != center.shape:
        raise complaint(
            ValueError, op, f"dout must have the shape of f(x), {center.shape}", dout=dout
        )
    return dout.ravel()


def _contract(value, weights):
    """Return Σⱼ doutⱼ fⱼ as an array of one entry."""
    flat = value.ravel().astype(np.float64, copy=False)
    return flat if weights is None else np.dot(flat, weights)[None]


def _with_step(f, x, dout, h):
    op = "numerical_gradient"
    gradient = np.zeros(x.shape)
    weights, out = dout, gradient.reshape(-1)
    # a memoryview reads and writes entries in half the time, but not of every dtype and layout
    plain = x.flags.c_contiguous and x.dtype in (np.float32, np.float64)
    flat = x.reshape(-1).data if plain else x.flat
    for i in range(x.size):
        before = flat[i]
        try:
            flat[i] = before + h
            upper = evaluate(op, f, x).flatten()  # a copy, which f cannot overwrite
            flat[i] = before - h
            lower = evaluate(op, f, x)
        finally:
            flat[i] = before
        if i == 0 and not (dout is None and lower.size == 1):
            weights = upstream_of(op, dout, lower)
        upper -= lower.ravel()
        out[i] = (upper[0] if weights is None else upper.dot(weights)) / (2.0 * h)
    return gradient


def _scale_around_zero(phi, x, at_zero):
    """Return the size of an all-zero x that changes phi by about its own size, or 1."""
    kept = x.copy()
    try:
        x[...] = 1.0
        with np.errstate(all="ignore"):
            change = np.abs(phi(0, 1.0) - at_zero).max()
    finally:
        x[...] = kept
    size = np.abs(at_zero).max()
    return float(size / change) if 0 < size < change < np.inf else 1.0


def _coarser(x, center):
    return x.dtype if np.finfo(x.dtype).eps >= np.finfo(center.dtype).eps else center.dtype
