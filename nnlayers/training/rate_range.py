"""The learning-rate range test: which learning rates make the loss fall."""

import copy
import math
from itertools import chain, repeat
from types import SimpleNamespace

import numpy as np

from nnlayers.data.batching import batches
from nnlayers.layers.checks import complaint, positive_int
from nnlayers.layers.initializers import generator
from nnlayers.training.accumulation import objective
from nnlayers.training.arguments import check_optimizer, check_penalty, pair
from nnlayers.training.bounds import positive
from nnlayers.training.metrics import check_net
from nnlayers.training.moment_optimizers import Adam

KEEP = 0.9  # of the average of the losses, in each step


def lr_range_test(
    net,
    data,
    *,
    optimizer=None,
    low=1e-6,
    high=10.0,
    steps=100,
    batch_size=64,
    rng=None,
    penalty=None,
):
    """Train a copy of the net with a learning rate that grows in each step, and watch the loss.

    ηₜ = low · (high / low)^(t / (steps - 1)) for t = 0 to steps - 1.  The test ends early when the
    averaged loss is four times its lowest value, or the loss is not finite.

    Parameters
    ----------
    net : Sequential
        A chain that ends in a loss; it is not changed.
    data : tuple (x, y)
        Training examples and targets; y is None where the loss needs no target.
    optimizer : Optimizer, optional
        Of this net; a copy of it makes the steps.  None means ``Adam(net)``.
    low, high : float
        The first and the last learning rate.
    steps : int
        How many learning rates; at least 2.
    batch_size : int
        Examples per step.
    rng : int or numpy.random.Generator, optional
        Where the order of the examples and the net's randomness come from.
    penalty : L2, optional
        Added to the loss.

    Returns
    -------
    SimpleNamespace
        ``rates`` and ``losses``, an array each: the learning rate of each step and the loss before
        it; ``smoothed``, the exponential moving average of the losses; ``suggestion``, a tenth of
        the rate at which smoothed is lowest, None if it never fell.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Source
    ------
    Smith, "Cyclical learning rates for training neural networks" (2017), section 3.3.

    Examples
    --------
    >>> from nnlayers import Affine, MSE, Sequential
    >>> from nnlayers.training import SGD
    >>> net = Sequential(Affine(1, 1, rng=0), MSE())
    >>> x = np.linspace(-1.0, 1.0, 64)[:, None]
    >>> test = lr_range_test(net, (x, 3.0 * x + 1.0), optimizer=SGD(net, lr=0.1), rng=0)
    >>> 0.1 < test.suggestion < 1.0  # from 1.0 on the steps would grow without end
    True
    """
    op = "lr_range_test"
    check_net(op, net)
    x, y = pair(op, "data", data)
    optimizer = Adam(net) if optimizer is None else optimizer
    check_optimizer(op, optimizer, net)
    check_penalty(op, penalty)
    low, high = positive(op, "low", low), positive(op, "high", high)
    if low >= high:
        raise complaint(ValueError, op, f"low {low} must be less than high {high}")
    positive_int(op, steps=steps, batch_size=batch_size)
    if steps < 2:
        raise complaint(ValueError, op, "steps must be at least 2, not 1")
    rng = generator(rng, op)
    net, optimizer = copy.deepcopy((net, optimizer))
    epochs = (batches(x, y, batch_size, rng=rng) for _ in repeat(None))
    rates, losses, smoothed, average = [], [], [], 0.0
    for step, (x_batch, y_batch) in zip(range(steps), chain.from_iterable(epochs)):
        optimizer.lr = low * (high / low) ** (step / (steps - 1))
        with np.errstate(over="ignore", invalid="ignore"):
            loss, grads = objective(net, x_batch, y_batch, rng, penalty)
        if not math.isfinite(loss):
            break
        average = KEEP * average + (1.0 - KEEP) * loss
        rates.append(optimizer.lr)
        losses.append(loss)
        smoothed.append(average / (1.0 - KEEP ** (step + 1)))
        lowest = min(smoothed)
        if smoothed[-1] > lowest + 3.0 * abs(lowest):
            break
        with np.errstate(over="ignore", invalid="ignore"):
            optimizer.step(grads)
    rates, losses, smoothed = np.array(rates), np.array(losses), np.array(smoothed)
    best = int(smoothed.argmin()) if len(smoothed) else 0
    suggestion = float(rates[best]) / 10.0 if best else None
    return SimpleNamespace(rates=rates, losses=losses, smoothed=smoothed, suggestion=suggestion)
