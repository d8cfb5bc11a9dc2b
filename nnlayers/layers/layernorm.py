"""Layer and RMS normalization: each example is normalised over its own trailing axes.

The axes are those that gamma has: (D,) normalises the features of x (N, D) or x (N, T, D),
(C, H, W) whole images.  Nothing is shared between examples, so training and evaluation are one.
"""

import math

import numpy as np

from nnlayers.layers._products import ones, sum_of_rows
from nnlayers.layers.checks import (
    ARRAY,
    complaint,
    floats,
    positive_int,
    unpack,
    upstream,
)
from nnlayers.layers.normalization import (
    Normalization,
    as_rows,
    blocks,
    direct_columns,
    from_rows,
    joined,
    memory_order,
    positive_eps,
    scale_and_shift,
    shrinkage,
    shrunk_eps,
)


def layernorm_forward(x, gamma, beta, *, eps=1e-5):
    """Normalise each example over the trailing axes that gamma has.

    outₙₖ = γₖ (xₙₖ - μₙ) / σₙ + βₖ, with k over the K entries of the trailing axes,
    μₙ = (1/K) Σₖ xₙₖ and σₙ = √((1/K) Σₖ (xₙₖ - μₙ)² + eps)

    Parameters
    ----------
    x : ndarray, shape (..., d1, ..., dk)
        Examples; any number of axes may come first, such as N or (N, T).
    gamma, beta : ndarray, shape (d1, ..., dk)
        Scale γ and shift β.
    eps : float
        Added to the variance.

    Returns
    -------
    out : ndarray
        Of the shape of x, in the layout of its memory.
    cache : tuple
        What :func:`layernorm_backward` needs.

    Raises
    ------
    ValueError
        If x does not end in the shape of gamma, beta has another, they are empty, or eps is not
        positive.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    Ba, Kiros, Hinton, "Layer normalization" (2016), eqs. (3), (4).

    Examples
    --------
    >>> x = np.array([[1.0, 3.0], [10.0, 30.0]])
    >>> layernorm_forward(x, np.array([1.0, 2.0]), np.array([0.0, 5.0]))[0].round(3)
    array([[-1.,  7.],
           [-1.,  7.]])
    """
    op = "layernorm_forward"
    x, gamma, beta = floats(op, x=x, gamma=gamma, beta=beta)
    if gamma.shape != beta.shape or not _ends_in(x, gamma):
        raise _mismatch(op, x=x, gamma=gamma, beta=beta)
    return _forward(x, gamma, beta, positive_eps(op, eps, x.dtype))


def layernorm_backward(dout, cache, need_dx=True):
    """Gradients of layer normalization: dγ = Σₙ dout · x̂, dβ = Σₙ dout, and dx as follows.

    out = γ x̂ + β with x̂ₖ = (xₖ - μ) / σ in each example, whose μ and σ every one of its K entries
    moves: ∂μ/∂xᵢ = 1/K, and ∂σ/∂xᵢ = Σₖ (xₖ - μ)(δₖᵢ - 1/K) / (K σ) = x̂ᵢ / K.  Therefore
    ∂x̂ₖ/∂xᵢ = (δₖᵢ - 1/K) / σ - (xₖ - μ) / σ² · x̂ᵢ / K = (δₖᵢ - 1/K - x̂ₖ x̂ᵢ / K) / σ, and with
    dx̂ = dout · γ and means over k: dxᵢ = Σₖ dx̂ₖ ∂x̂ₖ/∂xᵢ = (dx̂ᵢ - mean(dx̂) - x̂ᵢ mean(dx̂ · x̂)) / σ.

    Returns
    -------
    dx, dgamma, dbeta : ndarray
        Gradients, of the shapes of x, gamma and beta.

    Source
    ------
    Ba, Kiros, Hinton, "Layer normalization" (2016), eqs. (3), (4), differentiated.
    """
    return _backward("layernorm_backward", dout, cache, need_dx)


def rmsnorm_forward(x, gamma, *, eps=1e-5):
    """Divide each example by its root mean square over the trailing axes that gamma has.

    outₙₖ = γₖ xₙₖ / ρₙ, with ρₙ = √((1/K) Σₖ xₙₖ² + eps) over the K entries of the trailing axes

    Parameters
    ----------
    x : ndarray, shape (..., d1, ..., dk)
        Examples; any number of axes may come first, such as N or (N, T).
    gamma : ndarray, shape (d1, ..., dk)
        Scale γ.
    eps : float
        Added to the mean square.

    Returns
    -------
    out : ndarray
        Of the shape of x, in the layout of its memory.
    cache : tuple
        What :func:`rmsnorm_backward` needs.

    Raises
    ------
    ValueError
        If x does not end in the shape of gamma, that is empty, or eps is not positive.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    Zhang, Sennrich, "Root mean square layer normalization" (2019), eq. (4).

    Examples
    --------
    >>> rmsnorm_forward(np.array([[3.0, -3.0]]), np.array([1.0, 2.0]))[0].round(3)
    array([[ 1., -2.]])
    """
    op = "rmsnorm_forward"
    x, gamma = floats(op, x=x, gamma=gamma)
    if not _ends_in(x, gamma):
        raise _mismatch(op, x=x, gamma=gamma)
    return _forward(x, gamma, None, positive_eps(op, eps, x.dtype))


def rmsnorm_backward(dout, cache, need_dx=True):
    """Gradients of RMS normalization: dγ = Σₙ dout · x̂, and dx as follows.

    out = γ x̂ with x̂ₖ = xₖ / ρ in each example, and ∂ρ/∂xᵢ = xᵢ / (K ρ) = x̂ᵢ / K.  Therefore
    ∂x̂ₖ/∂xᵢ = δₖᵢ / ρ - xₖ / ρ² · x̂ᵢ / K = (δₖᵢ - x̂ₖ x̂ᵢ / K) / ρ, and with dx̂ = dout · γ and the
    mean over k: dxᵢ = Σₖ dx̂ₖ ∂x̂ₖ/∂xᵢ = (dx̂ᵢ - x̂ᵢ mean(dx̂ · x̂)) / ρ.

    Returns
    -------
    dx, dgamma : ndarray
        Gradients, of the shapes of x and gamma.
    """
    return _backward("rmsnorm_backward", dout, cache, need_dx)


class LayerNorm(Normalization):
    """Layer of :func:`layernorm_forward`.

    Parameters
    ----------
    shape : int or tuple of int
        Sizes of the trailing axes to normalise.
    eps : float
        Added to the variance.
    dtype : dtype
        Of gamma (ones at first) and beta (zeros).

    Examples
    --------
    >>> layer = LayerNorm(2)
    >>> layer.forward(np.array([[1.0, 3.0]]))[0].round(3)
    array([[-1.,  1.]])
    """

    pair = layernorm_forward, layernorm_backward

    def __init__(self, shape, *, eps=1e-5, dtype=np.float64):
        shape = _sizes("LayerNorm", shape)
        params = {"gamma": np.ones(shape, dtype), "beta": np.zeros(shape, dtype)}
        self.hold(params, eps=positive_eps("LayerNorm", eps, params["gamma"].dtype))

    @classmethod
    def of(cls, gamma, beta, *, eps=1e-5):
        """Make the layer of copies of its arrays, of the shape of the axes to normalise."""
        params = scale_and_shift("LayerNorm.of", None, gamma=gamma, beta=beta)
        eps = positive_eps("LayerNorm.of", eps, params["gamma"].dtype)
        return cls.__new__(cls).hold(params, eps=eps)


class RMSNorm(Normalization):
    """Layer of :func:`rmsnorm_forward`.

    Parameters
    ----------
    shape : int or tuple of int
        Sizes of the trailing axes to normalise.
    eps : float
        Added to the mean square.
    dtype : dtype
        Of gamma (ones at first).

    Examples
    --------
    >>> RMSNorm(2).forward(np.array([[3.0, -3.0]]))[0].round(3)
    array([[ 1., -1.]])
    """

    pair = rmsnorm_forward, rmsnorm_backward

    def __init__(self, shape, *, eps=1e-5, dtype=np.float64):
        params = {"gamma": np.ones(_sizes("RMSNorm", shape), dtype)}
        self.hold(params, eps=positive_eps("RMSNorm", eps, params["gamma"].dtype))

    @classmethod
    def of(cls, gamma, *, eps=1e-5):
        """Make the layer of a copy of gamma, of the shape of the axes to normalise."""
        params = scale_and_shift("RMSNorm.of", None, gamma=gamma)
        eps = positive_eps("RMSNorm.of", eps, params["gamma"].dtype)
        return cls.__new__(cls).hold(params, eps=eps)


def _forward(x, gamma, beta, eps):
    """Return (out, cache) of layer norm; without beta of RMS norm, which does not centre."""
    dtype, lead, K = x.dtype, x.ndim - gamma.ndim, gamma.size
    R = math.prod(x.shape[:lead])  # rows of K numbers
    order = memory_order(x, lead)
    rows, r = as_rows(x, order, R, K), joined(R, K)
    gamma_row, beta_row = _repeat(gamma, order, r), _repeat(beta, order, r)
    mean = None if beta is None else np.empty(R, dtype)
    out, rstd = np.empty((R, K), dtype), np.empty(R, dtype)
    with np.errstate(over="ignore", invalid="ignore"):  # judged below
        direct_columns(K)
        for part in blocks(R, K * dtype.itemsize, r):
            z, y, scale = rows[part], out[part], rstd[part]
            if beta is not None:
                np.divide(z.dot(ones(K, dtype)), K, out=mean[part])
                z = np.subtract(z, mean[part, None], out=y)
            # a mean of squares minus a squared mean would cancel; that of (x - μ)² does not
            np.vecdot(z, z, out=scale)
            scale /= K
            scale += eps
            np.divide(1.0, np.sqrt(scale, out=scale), out=scale)
            y = _join(np.multiply(z, scale[:, None], out=y), r)
            y *= gamma_row
            if beta is not None:
                y += beta_row
    if not (rstd > 0).all():
        shrink = shrinkage(x)
        if shrink:  # squares overflow, but x / shrink and √eps / shrink have the same x̂
            eps = shrunk_eps(eps, shrink, dtype)
            out, (x, (mean, rstd, _), _) = _forward(x / shrink, gamma, beta, eps)
            return out, (x, (mean, rstd, rstd / shrink), gamma)
    # x̂ is computed again in backward: writing it to memory and reading it takes longer
    return from_rows(out, order, x.shape), (x, (mean, rstd, rstd), gamma)


def _backward(op, dout, cache, need_dx):
    """Return (dx, dgamma) and, if there is a mean, dbeta: derived in the public functions."""
    entries = "x", "(μ, 1 / σ, dx̂/dx)", "gamma"
    x, moments, gamma = unpack(op, cache, entries, (ARRAY, tuple, ARRAY))
    mean, rstd, per_x = moments
    dout = upstream(op, dout, x.shape, x.dtype)
    shape, dtype, R, K = x.shape, x.dtype, len(rstd), gamma.size
    order = memory_order(x, x.ndim - gamma.ndim)
    rows, dout, r = as_rows(x, order, R, K), as_rows(dout, order, R, K), joined(R, K)
    gamma_row, average = _repeat(gamma, order, r), _repeat(gamma, order, 1) / K
    dx = np.empty((R, K), dtype) if need_dx else None
    dgamma, dbeta = np.zeros(K, dtype), np.zeros(K, dtype)
    with np.errstate():
        direct_columns(K)
        for part in blocks(R, K * dtype.itemsize, r):
            d, z, scale = dout[part], rows[part], rstd[part]
            if mean is not None:
                z = z - mean[part, None]
                # out = γ x̂ + β, with one β for all rows
                dbeta += sum_of_rows(d)
            # dout · x̂ = dout · z / σ: summed over the rows dγ, averaged with γ mean(dx̂ · x̂)
            t = np.multiply(d, z, out=dx[part]) if need_dx else d * z
            dgamma += scale.dot(t)
            if need_dx:
                along = t.dot(average)
                along *= scale
                along *= scale
                # dx̂ = dout · γ, and in its place (dx̂ - mean(dx̂) - x̂ mean(dx̂ · x̂)) / σ
                np.multiply(_join(d, r), gamma_row, out=_join(t, r))
                if mean is None:
                    t -= z * along[:, None]
                else:
                    z *= along[:, None]
                    t -= z
                    t -= d.dot(average)[:, None]
                t *= per_x[part, None]
    if need_dx:
        dx = from_rows(dx, order, shape)
    inside = _inside(order, gamma)
    dgamma = from_rows(dgamma, inside, gamma.shape)
    return (dx, dgamma) if mean is None else (dx, dgamma, from_rows(dbeta, inside, gamma.shape))


def _inside(order, gamma):
    """Return the axes of gamma in the order that those of x have in memory."""
    if order is None:
        return None
    lead = len(order) - gamma.ndim
    return tuple(axis - lead for axis in order[lead:])


def _repeat(parameter, order, r):
    """Return a parameter as a row, in the order of memory, r times; None stays None."""
    if parameter is None:
        return None
    row = as_rows(parameter, _inside(order, parameter), 1, parameter.size)
    if r == 1:
        return row[0]
    repeated = np.empty((r, parameter.size), parameter.dtype)
    repeated[...] = row
    return repeated.reshape(r * parameter.size)


def _join(rows, r):
    """Return rows of which each is r of these."""
    return rows.reshape(len(rows) // r, r * rows.shape[1])


def _ends_in(x, gamma):
    return gamma.ndim > 0 and gamma.size > 0 and x.shape[-gamma.ndim :] == gamma.shape


def _sizes(op, shape):
    """Return the constructor's shape as a tuple of positive integers."""
    shape = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    if not shape:
        raise complaint(ValueError, op, "shape () has no axis to normalise", "name its sizes")
    for size in shape:
        positive_int(op, shape=size)
    return shape


def _mismatch(op, **arrays):
    """Return the error of arrays that disagree, with the likeliest fix."""
    x, gamma, beta = arrays["x"], arrays["gamma"], arrays.get("beta")
    if gamma.ndim == 0 or gamma.size == 0:
        problem = f"gamma has shape {gamma.shape}, which leaves nothing to normalise over"
        fix = "it needs the shape of the trailing axes of x that are normalised"
    elif x.shape[-gamma.ndim :] != gamma.shape:
        problem = f"x ends in {x.shape[-gamma.ndim :]} but gamma has shape {gamma.shape}"
        if gamma.shape == x.shape[1:2]:
            fix = "groupnorm_forward and batchnorm_forward take one gamma for each channel"
        else:
            fix = "gamma must have the shape of the trailing axes that are normalised"
    else:
        problem = f"gamma and beta must have the same shape, not {gamma.shape} and {beta.shape}"
        fix = f"beta.reshape({gamma.shape})" if beta.size == gamma.size else None
    return complaint(ValueError, op, problem, fix, **arrays)
