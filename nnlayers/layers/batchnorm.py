"""Batch normalization: each channel is normalised over all examples of the batch.

Legend: N batch, C channels, n = N · H · W numbers of one channel in the batch.
The pair is pure: the running statistics for evaluation come in as ``running`` and go out of
:func:`batchnorm_running`; only the layer object keeps them, as its ``state``.
"""

import math

import numpy as np

from nnlayers.layers._products import sum_of_rows
from nnlayers.layers.checks import (
    ARRAY,
    bad_cache,
    complaint,
    describe,
    floats,
    positive_int,
    said,
    unpack,
    upstream,
)
from nnlayers.layers.normalization import (
    Normalization,
    as_rows,
    blocks,
    channel_mismatch,
    from_rows,
    joined,
    memory_order,
    positive_eps,
    scale_and_shift,
    shrinkage,
    shrunk_eps,
)

CACHE = ("x - μ", "1 / σ", "γ / σ", "batch")
KINDS = (ARRAY, ARRAY, ARRAY, (tuple, type(None)))  # the batch's statistics, if they were used


def batchnorm_forward(x, gamma, beta, *, train=None, running=None, momentum=0.9, eps=1e-5):
    """Normalise each channel by the batch's mean and variance, or by running ones.

    out = γ (x - μ) / σ + β  with  σ = √(var + eps), for each channel alone.  In training
    μ = (1/n) Σ x and var = (1/n) Σ (x - μ)² over the n numbers of the channel (N of them for
    x (N, C), N · H · W for images); in evaluation μ and var are the running statistics.

    Parameters
    ----------
    x : ndarray, shape (N, C) or (N, C, H, W)
        Features or images; any number of axes may follow the channels.
    gamma, beta : ndarray, shape (C,)
        Scale γ and shift β.
    train : bool
        Whether this is a training step; it must be said.
    running : dict of str to ndarray, shape (C,), optional
        Running ``"mean"`` and ``"var"``, used in evaluation only; None is mean 0 and variance 1,
        where they start.
    momentum : float
        Weight of the OLD value when :func:`batchnorm_running` updates the running statistics
        with this batch (PyTorch's momentum is 1 - this one).
    eps : float
        Added to the variance.

    Returns
    -------
    out : ndarray
        Of the shape of x, in the layout of its memory.
    cache : tuple
        What :func:`batchnorm_backward` and :func:`batchnorm_running` need.

    Raises
    ------
    ValueError
        If shapes disagree, eps or momentum is out of range, a running variance is negative, or a
        training batch has no numbers.
    TypeError
        If train is left out, an array is not floating-point, or the dtypes differ.

    Source
    ------
    Ioffe, Szegedy, "Batch normalization" (2015), algorithm 1.

    Examples
    --------
    >>> x = np.array([[1.0, 10.0], [3.0, 30.0]])
    >>> gamma, beta = np.array([1.0, 2.0]), np.array([0.0, 5.0])
    >>> out, cache = batchnorm_forward(x, gamma, beta, train=True)
    >>> out.round(3)
    array([[-1.,  3.],
           [ 1.,  7.]])
    >>> batchnorm_running(None, cache)
    {'mean': array([0.2, 2. ]), 'var': array([ 1. , 10.9])}
    """
    op = "batchnorm_forward"
    said(
        op,
        train,
        "train=True normalises by the batch's own statistics, train=False by the running ones",
    )
    x, gamma, beta = floats(op, x=x, gamma=gamma, beta=beta)
    if x.ndim < 2 or gamma.shape != x.shape[1:2] or beta.shape != gamma.shape:
        raise channel_mismatch(op, x, gamma, beta)
    eps, momentum = positive_eps(op, eps, x.dtype), _fraction(op, momentum)
    N, C = x.shape[:2]
    K = math.prod(x.shape[1:])  # numbers of an example, a row of memory
    n = N * math.prod(x.shape[2:])
    if not train:
        mean, var = _usable_statistics(op, running, x, gamma)
    elif n == 0:
        raise complaint(
            ValueError,
            op,
            "a batch of no numbers has no mean and no variance",
            "train=False uses the running statistics",
            x=x,
        )
    order = memory_order(x, 1)
    before, after = _around(order, x.shape)
    row = as_rows(x, order, N, K)  # an example a row
    r = joined(N, K)
    wide = row.reshape(N // r, r * K)  # r examples a row, as NumPy is slow on short ones
    with np.errstate(over="ignore", invalid="ignore"):  # judged below
        if train:
            mean = _gather(sum_of_rows(row), before, C, after) / n
        (shift,) = _spread((mean,), r * before, after)
        centred = wide - shift
        if train:
            # a mean of squares minus a squared mean would cancel; that of (x - μ)² does not
            z = centred.reshape(N, K)
            var = _gather(np.einsum("nk,nk->k", z, z), before, C, after) / n
        rstd = 1.0 / np.sqrt(var + eps)
    if train and not (rstd > 0).all():
        shrink = shrinkage(x)
        if shrink:
            return _forward_of_huge(x, gamma, beta, momentum, eps, shrink)
    slope = gamma * rstd
    scale, shift = _spread((slope, beta), r * before, after)
    out = centred * scale
    out += shift
    centred = from_rows(centred, order, x.shape)
    # x̂ = centred · rstd is not kept: that would be one more pass over memory
    cache = centred, rstd, slope, (mean, var, momentum) if train else None
    return from_rows(out, order, x.shape), cache


def batchnorm_backward(dout, cache, need_dx=True):
    """Gradients of batch normalization: dγ = Σ dout · x̂, dβ = Σ dout, and dx as follows.

    out = γ x̂ + β with x̂ = (x - μ) / σ.  In evaluation μ and σ are constants: dx = dout · γ / σ.
    In training every x of the channel moves both: ∂μ/∂xₘ = 1/n, and, because Σₖ (xₖ - μ) = 0,
    ∂σ/∂xₘ = Σₖ (xₖ - μ)(δₖₘ - 1/n) / (n σ) = x̂ₘ / n.  By the quotient rule
    ∂x̂ₖ/∂xₘ = (δₖₘ - 1/n) / σ - (xₖ - μ) / σ² · x̂ₘ / n = (δₖₘ - 1/n - x̂ₖ x̂ₘ / n) / σ, so
    dxₘ = Σₖ doutₖ γ ∂x̂ₖ/∂xₘ = γ/σ · (doutₘ - Σₖ doutₖ / n - x̂ₘ Σₖ doutₖ x̂ₖ / n)
    = γ/σ · (doutₘ - dβ / n - x̂ₘ dγ / n).

    Returns
    -------
    dx, dgamma, dbeta : ndarray
        Gradients, of the shapes of x, gamma and beta.

    Source
    ------
    Ioffe, Szegedy, "Batch normalization" (2015), section 3.
    """
    op = "batchnorm_backward"
    centred, rstd, slope, batch = unpack(op, cache, CACHE, KINDS)
    shape, dtype = centred.shape, centred.dtype
    if rstd.shape != shape[1:2]:
        raise bad_cache(op, cache, CACHE)
    dout = upstream(op, dout, shape, dtype)
    N, C, K = *shape[:2], math.prod(shape[1:])
    n = N * K // max(C, 1)
    order = memory_order(centred, 1)
    before, after = _around(order, shape)
    centred, dout = as_rows(centred, order, N, K), as_rows(dout, order, N, K)
    # out = γ x̂ + β with x̂ = centred · rstd, and dγ and dβ are sums over the whole channel
    dbeta = _gather(sum_of_rows(dout), before, C, after)
    dgamma = _gather(np.einsum("nk,nk->k", dout, centred), before, C, after) * rstd
    if not need_dx:
        return None, dgamma, dbeta
    r = joined(N, K)
    centred, dout = centred.reshape(N // r, r * K), dout.reshape(N // r, r * K)
    dx = np.empty(centred.shape, dtype)
    if batch is None:
        (scale,) = _spread((slope,), r * before, after)
        np.multiply(dout, scale, out=dx)
    else:
        # γ/σ · (dout - dβ/n - x̂ dγ/n), from its end
        per_channel = dgamma * rstd / -n, dbeta / n, slope
        along, mean, scale = _spread(per_channel, r * before, after)
        for part in blocks(N // r, r * K * dtype.itemsize):
            d = np.multiply(centred[part], along, out=dx[part])
            d += dout[part]
            d -= mean
            d *= scale
    return from_rows(dx, order, shape), dgamma, dbeta


def batchnorm_running(running, cache, momentum=None):
    """Update the running statistics with those of a training batch.

    new = momentum · old + (1 - momentum) · batch, for the mean and for the variance

    Parameters
    ----------
    running : dict of str to ndarray, shape (C,), or None
        The old ``"mean"`` and ``"var"``; None is mean 0 and variance 1, where they start.
    cache : tuple
        From :func:`batchnorm_forward` with train=True.
    momentum : float, optional
        Weight of the old value, from 0 to 1; by default the one that forward was given.

    Returns
    -------
    dict of str to ndarray
        New arrays.  The variance is the biased one, (1/n) Σ (x - μ)², by which the batch was
        normalised (PyTorch keeps the unbiased one, n / (n - 1) times as large).

    Raises
    ------
    ValueError
        If the cache is one of an evaluation, shapes disagree, or momentum is out of range.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    cs231n, assignment 2, batch normalization; Ioffe, Szegedy (2015), section 3.1.

    Examples
    --------
    >>> x = np.array([[0.0], [2.0]])
    >>> out, cache = batchnorm_forward(x, np.ones(1), np.zeros(1), train=True)
    >>> batchnorm_running({"mean": np.array([5.0]), "var": np.array([3.0])}, cache, momentum=0.5)
    {'mean': array([3.]), 'var': array([2.])}
    """
    op = "batchnorm_running"
    if cache.__class__ is not tuple or len(cache) != len(CACHE):
        raise bad_cache(op, cache, CACHE, "batchnorm_forward")
    centred, _, slope, batch = cache
    if batch is None:
        raise complaint(
            ValueError,
            op,
            "the cache is of an evaluation, which takes no statistics of its batch",
            "pass the cache of a forward with train=True",
        )
    mean, var, own = batch
    momentum = own if momentum is None else _fraction(op, momentum)
    old_mean, old_var = _statistics(op, running, centred, slope)
    new = 1.0 - momentum
    return {"mean": momentum * old_mean + new * mean, "var": momentum * old_var + new * var}


class BatchNorm(Normalization):
    """Layer of :func:`batchnorm_forward` that keeps the running statistics in its ``state``.

    A training forward replaces ``state`` by the new statistics; evaluation uses them.

    Parameters
    ----------
    channels : int
        C.
    momentum : float
        Weight of the old running statistics in an update.
    eps : float
        Added to the variance.
    dtype : dtype
        Of gamma (ones at first), beta (zeros) and the running mean (zeros) and variance (ones).

    Examples
    --------
    >>> layer = BatchNorm(2, momentum=0.5)
    >>> out, cache = layer.forward(np.array([[1.0, 10.0], [3.0, 30.0]]), train=True)
    >>> layer.state
    {'mean': array([ 1., 10.]), 'var': array([ 1. , 50.5])}
    >>> layer
    BatchNorm(2, momentum=0.5)
    """

    pair = batchnorm_forward, batchnorm_backward

    def __init__(self, channels, *, momentum=0.9, eps=1e-5, dtype=np.float64):
        positive_int("BatchNorm", channels=channels)
        dtype = np.dtype(dtype)
        params = {"gamma": np.ones(channels, dtype), "beta": np.zeros(channels, dtype)}
        state = {"mean": np.zeros(channels, dtype), "var": np.ones(channels, dtype)}
        self._set(params, state, momentum, eps, dtype)

    @classmethod
    def of(cls, gamma, beta, *, running=None, momentum=0.9, eps=1e-5):
        """Make the layer of copies of its arrays (C,), and of its running statistics."""
        params = scale_and_shift("BatchNorm.of", 1, gamma=gamma, beta=beta)
        gamma = params["gamma"]
        mean, var = _usable_statistics("BatchNorm.of", running, gamma, gamma)
        state = {"mean": mean.copy(), "var": var.copy()}
        return cls.__new__(cls)._set(params, state, momentum, eps, mean.dtype)

    def _set(self, params, state, momentum, eps, dtype):
        eps, momentum = positive_eps("BatchNorm", eps, dtype), _fraction("BatchNorm", momentum)
        return self.hold(params, state, momentum=momentum, eps=eps)

    def forward(self, *inputs, train=None, rng=None):
        """Call the pair's forward with ``state`` as running; a training step then renews it."""
        self.check_inputs(inputs)
        out, cache = batchnorm_forward(
            *inputs, **self.params, train=train, running=self.state, **self.settings
        )
        if train:
            self.state = batchnorm_running(self.state, cache)
        return out, cache


def _around(order, shape):
    """Return how many numbers of a row lie before and after its channels: (1, H · W) or (H · W, 1).

    A row of memory is an array (before, C, after).
    """
    if order is None:
        return 1, math.prod(shape[2:])
    place = order.index(1)
    return (
        math.prod([shape[axis] for axis in order[1:place]]),
        math.prod([shape[axis] for axis in order[place + 1 :]]),
    )


def _spread(vectors, before, after):
    """Make each vector (C,) a row (before, C, after): every entry gets its channel's number."""
    C = len(vectors[0])
    spread = np.empty((len(vectors), before, C, after), vectors[0].dtype)
    for target, vector in zip(spread, vectors):
        target[...] = vector[:, None]
    return spread.reshape(len(vectors), before * C * after)


def _gather(row, before, C, after):
    """Add up what a row (before, C, after) has for each channel: the transpose of spreading."""
    if before == after == 1:
        return row
    return row.reshape(before, C, after).sum(axis=(0, 2))


def _forward_of_huge(x, gamma, beta, momentum, eps, shrink):
    """Normalise x whose sums of squares overflow: x / shrink and √eps / shrink have the same x̂."""
    eps = shrunk_eps(eps, shrink, x.dtype)
    out, (centred, rstd, slope, (mean, var, _)) = batchnorm_forward(
        x / shrink, gamma, beta, train=True, eps=eps
    )
    with np.errstate(over="ignore"):  # a variance too large for the dtype is its largest number
        var = np.minimum(var * shrink * shrink, np.finfo(x.dtype).max)
    # x̂ = centred · rstd has no unit, but slope = ∂out/∂x and the statistics have one
    return out, (centred, rstd, slope / shrink, (mean * shrink, var, momentum))


def _fraction(op, momentum):
    """Return momentum as a Python float; raise unless it is between 0 and 1."""
    if momentum.__class__ is float and 0.0 <= momentum <= 1.0:
        return momentum
    if isinstance(momentum, bool) or not isinstance(momentum, int | float | np.floating):
        raise complaint(TypeError, op, f"momentum must be a number, not {describe(momentum)}")
    if not 0 <= momentum <= 1:
        raise complaint(
            ValueError,
            op,
            f"momentum must be from 0 to 1, not {momentum}",
            "it is the weight of the old running statistics; 0.9 is usual",
        )
    return float(momentum)


def _statistics(op, running, x, gamma):
    """Return the running mean and variance, checked: as many as gamma, of the dtype of x."""
    if running is None:
        return np.zeros(gamma.shape, x.dtype), np.ones(gamma.shape, x.dtype)
    if not isinstance(running, dict) or not {"mean", "var"} <= running.keys():
        kind = f"with {list(running)}" if isinstance(running, dict) else type(running).__name__
        raise complaint(
            TypeError,
            op,
            f'running must be a dict with "mean" and "var", not {kind}',
            "None starts with mean 0 and variance 1",
        )
    _, mean, var = floats(
        op, **{"x": x, 'running["mean"]': running["mean"], 'running["var"]': running["var"]}
    )
    for name, array in ("mean", mean), ("var", var):
        if array.shape != gamma.shape:
            raise complaint(
                ValueError,
                op,
                f'running["{name}"] must be {gamma.shape}: a number for each channel',
                **{f'running["{name}"]': array},
            )
    return mean, var


def _usable_statistics(op, running, x, gamma):
    """Return the running mean and variance, checked to be ones that x can be normalised by."""
    mean, var = _statistics(op, running, x, gamma)
    if (var < 0).any():
        c = int((var < 0).argmax())
        raise complaint(ValueError, op, f'running["var"][{c}] = {var[c]} is no variance')
    return mean, var
