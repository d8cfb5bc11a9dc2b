"""Group and instance normalization: the channels of one example are normalised in groups.

Legend: N batch, C channels in G groups, S = H · W places, K = (C / G) · S numbers of a group.
Instance normalization is the case G = C: each channel of each example alone.  Nothing is shared
between examples, so training and evaluation are one.
"""

import math

import numpy as np

from nnlayers.layers.checks import ARRAY, complaint, floats, positive_int, unpack, upstream
from nnlayers.layers.normalization import (
    Normalization,
    blocks,
    channel_mismatch,
    direct_columns,
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
    N, C, S = shape[0], shape[1], math.prod(shape[2:])
    if C * S == 0:
        problem = "a group of no numbers has no mean and no variance"
        raise complaint(ValueError, op, problem, x=x, gamma=gamma, beta=beta)
    K = C // groups * S
    whole, x = x, x.reshape(N, C, S)  # a view for channels-last images too
    centred, out = np.empty_like(x), np.empty_like(x)
    rstd = np.empty((N, groups), dtype)
    with np.errstate(over="ignore", invalid="ignore"):  # judged below
        _choose_buffer(x)
        for part in blocks(N, C * S * dtype.itemsize):
            mean = _of_groups(np.einsum("ncs->nc", x[part]), groups) / K
            z = np.subtract(x[part], _of_channels(mean, C)[:, :, None], out=centred[part])
            # a mean of squares minus a squared mean would cancel; that of (x - μ)² does not
            var = _of_groups(np.einsum("ncs,ncs->nc", z, z), groups) / K
            rstd[part] = scale = 1.0 / np.sqrt(var + eps)
            # γ (x - μ) / σ + β, with γ / σ formed first: one number for a channel of an example
            scale = gamma * _of_channels(scale, C)
            y = np.multiply(z, scale[:, :, None], out=out[part])
            y += beta[:, None]
    if not (rstd > 0).all():
        shrink = shrinkage(whole)
        if shrink:  # squares overflow, but x / shrink and √eps / shrink have the same x̂
            eps = shrunk_eps(eps, shrink, dtype)
            out, (centred, rstd, _, _) = _forward(op, whole / shrink, gamma, beta, groups, eps)
            return out, (centred, rstd, rstd / shrink, gamma)
    return out.reshape(shape), (centred.reshape(shape), rstd, rstd, gamma)


def _backward(op, dout, cache, need_dx):
    """Return (dx, dgamma, dbeta) of either normalization: derived in the public functions."""
    centred, rstd, per_x, gamma = unpack(
        op, cache, ("x - μ", "1 / σ", "dx̂/dx", "gamma"), (ARRAY,) * 4
    )
    shape, dtype, groups = centred.shape, centred.dtype, rstd.shape[1]
    dout = upstream(op, dout, shape, dtype)
    N, C, S = shape[0], shape[1], math.prod(shape[2:])
    K = C // groups * S
    centred, dout = centred.reshape(N, C, S), dout.reshape(N, C, S)
    dx = np.empty_like(centred) if need_dx else None
    dgamma, dbeta = np.zeros(C, dtype), np.zeros(C, dtype)
    with np.errstate():
        _choose_buffer(centred)
        for part in blocks(N, C * S * dtype.itemsize):
            d, z, scale = dout[part], centred[part], rstd[part]
            # the sums over the places of a channel: what remains is done with these (N, C)
            sums, along = np.einsum("ncs->nc", d), np.einsum("ncs,ncs->nc", d, z)
            # out = γ x̂ + β with x̂ = z / σ, and one γ and β for all examples and places
            dgamma += (along * _of_channels(scale, C)).sum(axis=0)
            dbeta += sums.sum(axis=0)
            if need_dx:
                # dx̂ = dout · γ, and (dx̂ - mean(dx̂) - z / σ mean(dx̂ · x̂)) / σ term by term
                slope = per_x[part]
                mean = slope * _of_groups(gamma * sums, groups) / K
                along = slope * scale * scale * _of_groups(gamma * along, groups) / K
                slope = gamma * _of_channels(slope, C)
                t = np.multiply(d, slope[:, :, None], out=dx[part])
                t -= z * _of_channels(along, C)[:, :, None]
                t -= _of_channels(mean, C)[:, :, None]
    return (dx.reshape(shape) if need_dx else None), dgamma, dbeta


def _of_groups(sums, groups):
    """Add up the sums (N, C) of the channels of each group: (N, G)."""
    N, C = sums.shape
    return sums.reshape(N, groups, C // groups).sum(axis=2)


def _of_channels(numbers, C):
    """Give each channel the number (N, G) of its group: (N, C)."""
    return numbers.repeat(C // numbers.shape[1], axis=1)


def _choose_buffer(x):
    """Set NumPy's buffer aside where the places of a channel lie side by side in a long row."""
    if x.flags.c_contiguous:
        direct_columns(x.shape[2])


def _indivisible(op, channels, groups, **arrays):
    """Return the error of groups that do not divide the channels."""
    divisors = ", ".join(str(g) for g in range(1, channels + 1) if channels % g == 0)
    problem = f"{channels} channels cannot be divided into {groups} groups"
    return complaint(ValueError, op, problem, f"groups may be {divisors}", **arrays)
