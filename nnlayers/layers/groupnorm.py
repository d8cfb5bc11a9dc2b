"""Group and instance normalization: the channels of one example are normalised in groups.

Legend: N batch, C channels in G groups, S = H · W places, K = (C / G) · S numbers of a group.
Instance normalization is the case G = C: each channel of each example alone.  Nothing is shared
between examples, so training and evaluation are one.
"""

import math

import numpy as np

from nnlayers.layers.checks import complaint, floats, positive_int, unpack, upstream
from nnlayers.layers.normalization import (
    Normalization,
    blocks,
    channel_mismatch,
    positive_eps,
    scale_and_shift,
    shrinkage,
    shrunk_eps,
)


def groupnorm_forward(x, gamma, beta, *, groups, eps=1e-5):
    """Normalise each group of channels of each example.

    outₙ꜀ₛ = γ꜀ (xₙ꜀ₛ - μ) / σ + β꜀, with μ and σ = √(var + eps) taken over the K numbers of
    example n in the group of channel c, which is number ⌊c / (C/G)⌋

    Parameters
    ----------
    x : ndarray, shape (N, C) or (N, C, H, W)
        Features or images; any number of axes may follow the channels.
    gamma, beta : ndarray, shape (C,)
        Scale γ and shift β.
    groups : int
        G, a divisor of C; neighbouring channels form a group.
    eps : float
        Added to the variance.

    Returns
    -------
    out : ndarray
        Of the shape of x, in the layout of its memory.
    cache : tuple
        What :func:`groupnorm_backward` needs.

    Raises
    ------
    ValueError
        If shapes disagree, the groups do not divide the channels, a group has no numbers, or eps
        is not positive.
    TypeError
        If an array is not floating-point, the dtypes differ, or groups is no integer.

    Source
    ------
    Wu, He, "Group normalization" (2018), eqs. (1), (2), (6), (7).

    Examples
    --------
    >>> x = np.array([[1.0, 3.0, 10.0, 30.0]])
    >>> groupnorm_forward(x, np.ones(4), np.zeros(4), groups=2)[0].round(3)
    array([[-1.,  1., -1.,  1.]])
    """
    op = "groupnorm_forward"
    x, gamma, beta = floats(op, x=x, gamma=gamma, beta=beta)
    positive_int(op, groups=groups)
    if x.ndim > 1 and x.shape[1] % groups:
        raise _indivisible(op, x.shape[1], groups, x=x, gamma=gamma, beta=beta)
    return _forward(op, x, gamma, beta, groups, eps)


def groupnorm_backward(dout, cache, need_dx=True):
    """Gradients of group normalization: dγ = Σ dout · x̂, dβ = Σ dout, and dx as follows.

    out = γ x̂ + β with x̂ₖ = (xₖ - μ) / σ in each group, whose μ and σ every one of its K numbers
    moves: ∂μ/∂xᵢ = 1/K, and ∂σ/∂xᵢ = Σₖ (xₖ - μ)(δₖᵢ - 1/K) / (K σ) = x̂ᵢ / K.  Therefore
    ∂x̂ₖ/∂xᵢ = (δₖᵢ - 1/K) / σ - (xₖ - μ) / σ² · x̂ᵢ / K = (δₖᵢ - 1/K - x̂ₖ x̂ᵢ / K) / σ, and with
    dx̂ = dout · γ and means over k: dxᵢ = Σₖ dx̂ₖ ∂x̂ₖ/∂xᵢ = (dx̂ᵢ - mean(dx̂) - x̂ᵢ mean(dx̂ · x̂)) / σ.

    Returns
    -------
    dx, dgamma, dbeta : ndarray
        Gradients, of the shapes of x, gamma and beta.
    """
    return _backward("groupnorm_backward", dout, cache, need_dx)


def instancenorm_forward(x, gamma, beta, *, eps=1e-5):
    """Normalise each channel of each example over its places.

    outₙ꜀ₛ = γ꜀ (xₙ꜀ₛ - μₙ꜀) / σₙ꜀ + β꜀, with μₙ꜀ and σₙ꜀ = √(varₙ꜀ + eps) taken over s

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W)
        Images; any number of axes may follow the channels, but at least one.
    gamma, beta : ndarray, shape (C,)
        Scale γ and shift β.
    eps : float
        Added to the variance.

    Returns
    -------
    out : ndarray
        Of the shape of x, in the layout of its memory.
    cache : tuple
        What :func:`instancenorm_backward` needs.

    Raises
    ------
    ValueError
        If shapes disagree, a channel has no places, or eps is not positive.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    Ulyanov, Vedaldi, Lempitsky, "Instance normalization" (2016), section 2.

    Examples
    --------
    >>> x = np.array([[[1.0, 3.0], [10.0, 30.0]]])
    >>> instancenorm_forward(x, np.ones(2), np.array([0.0, 5.0]))[0].round(3)
    array([[[-1.,  1.],
            [ 4.,  6.]]])
    """
    op = "instancenorm_forward"
    x, gamma, beta = floats(op, x=x, gamma=gamma, beta=beta)
    if x.ndim == 2:
        problem = "x has 2 axes, so each channel of an example is one number, equal to its mean"
        fix = "layernorm_forward normalises features, batchnorm_forward each over the batch"
        raise complaint(ValueError, op, problem, fix, x=x, gamma=gamma, beta=beta)
    return _forward(op, x, gamma, beta, gamma.size, eps)


def instancenorm_backward(dout, cache, need_dx=True):
    """Gradients of instance normalization: those of group normalization with a group a channel.

    Over the K = S places of one channel of one example, as :func:`groupnorm_backward` derives:
    dγ = Σ dout · x̂, dβ = Σ dout, and with dx̂ = dout · γ
    dx = (dx̂ - mean(dx̂) - x̂ mean(dx̂ · x̂)) / σ.

    Returns
    -------
    dx, dgamma, dbeta : ndarray
        Gradients, of the shapes of x, gamma and beta.
    """
    return _backward("instancenorm_backward", dout, cache, need_dx)


class GroupNorm(Normalization):
    """Layer of :func:`groupnorm_forward`.

    Parameters
    ----------
    channels : int
        C.
    groups : int
        G, a divisor of C.
    eps : float
        Added to the variance.
    dtype : dtype
        Of gamma (ones at first) and beta (zeros).

    Examples
    --------
    >>> layer = GroupNorm(4, groups=2)
    >>> layer.forward(np.array([[1.0, 3.0, 10.0, 30.0]]))[0].round(3)
    array([[-1.,  1., -1.,  1.]])
    """

    pair = groupnorm_forward, groupnorm_backward

    def __init__(self, channels, *, groups, eps=1e-5, dtype=np.float64):
        positive_int("GroupNorm", channels=channels, groups=groups)
        self._set("GroupNorm", np.ones(channels, dtype), np.zeros(channels, dtype), groups, eps)

    @classmethod
    def of(cls, gamma, beta, *, groups, eps=1e-5):
        """Make the layer of copies of its arrays (C,)."""
        op = "GroupNorm.of"
        positive_int(op, groups=groups)
        params = scale_and_shift(op, 1, gamma=gamma, beta=beta)
        return cls.__new__(cls)._set(op, **params, groups=groups, eps=eps)

    def _set(self, op, gamma, beta, groups, eps):
        if gamma.size % groups:
            raise _indivisible(op, gamma.size, groups)
        eps = positive_eps(op, eps, gamma.dtype)
        return self.hold({"gamma": gamma, "beta": beta}, groups=groups, eps=eps)


class InstanceNorm(Normalization):
    """Layer of :func:`instancenorm_forward`.

    Parameters
    ----------
    channels : int
        C.
    eps : float
        Added to the variance.
    dtype : dtype
        Of gamma (ones at first) and beta (zeros).

    Examples
    --------
    >>> InstanceNorm(1).forward(np.array([[[1.0, 3.0]]]))[0].round(3)
    array([[[-1.,  1.]]])
    """

    pair = instancenorm_forward, instancenorm_backward

    def __init__(self, channels, *, eps=1e-5, dtype=np.float64):
        positive_int("InstanceNorm", channels=channels)
        params = {"gamma": np.ones(channels, dtype), "beta": np.zeros(channels, dtype)}
        self.hold(params, eps=positive_eps("InstanceNorm", eps, params["gamma"].dtype))

    @classmethod
    def of(cls, gamma, beta, *, eps=1e-5):
        """Make the layer of copies of its arrays (C,)."""
        params = scale_and_shift("InstanceNorm.of", 1, gamma=gamma, beta=beta)
        eps = positive_eps("InstanceNorm.of", eps, params["gamma"].dtype)
        return cls.__new__(cls).hold(params, eps=eps)


def _forward(op, x, gamma, beta, groups, eps):
    """Return (out, cache) of either normalization."""
    if x.ndim < 2 or gamma.shape != x.shape[1:2] or beta.shape != gamma.shape:
        raise channel_mismatch(op, x, gamma, beta)
    eps = positive_eps(op, eps, x.dtype)
    shape, dtype = x.shape, x.dtype
    split = _split(shape, groups)
    K = split[2] * split[3]
    if K == 0:
        problem, fix = "a group of no numbers has no mean and no variance", None
        raise complaint(ValueError, op, problem, fix, x=x, gamma=gamma, beta=beta)
    whole, x = x, x.reshape(split)  # a view for channels-last images too
    gamma, beta = gamma.reshape(split[1:3] + (1,)), beta.reshape(split[1:3] + (1,))
    xhat, out = np.empty_like(x), np.empty_like(x)
    rstd = np.empty(split[:2], dtype)
    with np.errstate(over="ignore", invalid="ignore"):  # judged below
        for part in blocks(len(x), math.prod(split[1:]) * dtype.itemsize):
            mean = _sum(x[part]) / K
            z = np.subtract(x[part], mean, out=xhat[part])
            # a mean of squares minus a squared mean would cancel; that of (x - μ)² does not
            scale = 1.0 / np.sqrt(_sum(z, z) / K + eps)
            rstd[part] = scale[:, :, 0, 0]
            z *= scale
            y = np.multiply(z, gamma, out=out[part])
            y += beta
    gamma, beta = gamma.reshape(shape[1]), beta.reshape(shape[1])
    if not (rstd > 0).all():
        shrink = shrinkage(whole)
        if shrink:  # squares overflow, but x / shrink and √eps / shrink have the same x̂
            eps = shrunk_eps(eps, shrink, dtype)
            out, (xhat, rstd, _) = _forward(op, whole / shrink, gamma, beta, groups, eps)
            return out, (xhat, rstd / shrink, gamma)
    return out.reshape(shape), (xhat.reshape(shape), rstd, gamma)


def _backward(op, dout, cache, need_dx):
    """Return (dx, dgamma, dbeta) of either normalization: derived in the public functions."""
    xhat, rstd, gamma = unpack(op, cache, ("x̂", "1 / σ", "gamma"))
    shape, dtype = xhat.shape, xhat.dtype
    dout = upstream(op, dout, shape, dtype)
    split = _split(shape, rstd.shape[1])
    K = split[2] * split[3]
    xhat, dout = xhat.reshape(split), dout.reshape(split)
    # out = γ x̂ + β, with one γ and β for all examples and places
    dgamma = np.einsum("ngcs,ngcs->gc", dout, xhat).reshape(gamma.shape)
    dbeta = np.einsum("ngcs->gc", dout).reshape(gamma.shape)
    if not need_dx:
        return None, dgamma, dbeta
    gamma, rstd = gamma.reshape(split[1:3] + (1,)), rstd[:, :, None, None]
    dx = np.empty_like(xhat)
    for part in blocks(len(xhat), math.prod(split[1:]) * dtype.itemsize):
        # dx̂ = dout · γ, and in its place (dx̂ - mean(dx̂) - x̂ mean(dx̂ · x̂)) / σ
        t, z = np.multiply(dout[part], gamma, out=dx[part]), xhat[part]
        mean, along = _sum(t) / K, _sum(t, z) / K
        t -= z * along
        t -= mean
        t *= rstd[part]
    return dx.reshape(shape), dgamma, dbeta


def _split(shape, groups):
    """Return the shape (N, G, C / G, S)."""
    N, C, *places = shape
    return N, groups, C // max(groups, 1), math.prod(places)


def _sum(a, b=None):
    """Return Σ a, or Σ a · b, over each group, without a temporary, as (N, G, 1, 1)."""
    total = np.einsum("ngcs->ng", a) if b is None else np.einsum("ngcs,ngcs->ng", a, b)
    return total[:, :, None, None]


def _indivisible(op, channels, groups, **arrays):
    """Return the error of groups that do not divide the channels."""
    divisors = ", ".join(str(g) for g in range(1, channels + 1) if channels % g == 0)
    problem = f"{channels} channels cannot be divided into {groups} groups"
    return complaint(ValueError, op, problem, f"groups may be {divisors}", **arrays)
