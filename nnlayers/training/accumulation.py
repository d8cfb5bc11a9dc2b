"""Loss and gradients of a batch that is too large for one pass: micro-batch by micro-batch."""

from nnlayers.data.batching import batches, examples
from nnlayers.layers.checks import complaint, positive_int
from nnlayers.layers.initializers import generator
from nnlayers.layers.reductions import Mean, Sum
from nnlayers.training.metrics import check_net, final_layer


def accumulate(net, x, y=None, *, micro_batch, rng=None):
    """Return what ``net.loss(x, y)`` returns, computed from a few examples at a time.

    loss = Σᵢ (nᵢ / N) lossᵢ over micro-batches of nᵢ of the N examples, and the gradients alike; a
    loss that is a sum is Σᵢ lossᵢ.

    Only the caches of one micro-batch are held at a time.  Layers that look across the batch, such
    as batch norm, see micro-batches instead.

    Parameters
    ----------
    net : Sequential
        A chain that ends in a loss.
    x : ndarray, shape (N, ...)
        Batch.
    y : ndarray, shape (N, ...), optional
        Targets; left out for losses that take none.
    micro_batch : int
        Examples at a time.
    rng : int or numpy.random.Generator, optional
        For layers that need randomness in training.

    Returns
    -------
    loss : float
        Of the batch, in training mode.
    grads : dict of str to ndarray
        With the keys of ``net.params``.

    Raises
    ------
    ValueError
        If there are no examples, x and y disagree in their number, or the losses of micro-batches
        do not add up to that of the batch.
    TypeError
        If net is no Sequential that ends in a loss.

    Examples
    --------
    >>> import numpy as np
    >>> from nnlayers import Affine, MSE, Sequential
    >>> net = Sequential(Affine.of(np.ones((1, 1))), MSE())
    >>> accumulate(net, np.array([[1.0], [2.0], [6.0]]), np.zeros((3, 1)), micro_batch=2)
    (13.666666666666666, {'0.w': array([[27.33333333]])})
    """
    op = "accumulate"
    check_net(op, net)
    x, y = examples(op, x, y)
    if len(x) == 0:
        raise complaint(ValueError, op, "the loss of no examples is undefined", x=x)
    positive_int(op, micro_batch=micro_batch)
    is_mean = check_adds_up(op, net)
    rng = rng if rng is None else generator(rng, op)
    total, sums = 0.0, {}
    for x_part, y_part in batches(x, y, micro_batch):
        loss, grads = net.loss(x_part, y_part, rng=rng)
        weight = len(x_part) / len(x) if is_mean else 1.0
        total += weight * float(loss)
        for key, dw in grads.items():
            dw = dw * weight
            if key in sums:
                dw += sums[key]
            sums[key] = dw
    return total, sums


def check_adds_up(op, net):
    """Return whether the net's loss is a mean over the examples; raise unless it is that or a sum.

    A mean over what is not masked or over class weights has another divisor in every micro-batch.
    """
    final = final_layer(net)
    settings = getattr(final, "settings", {})
    reduction = settings.get("reduction")
    uneven = [name for name in ("class_weights", "ignore_index") if settings.get(name) is not None]
    if reduction == "mean" and uneven:
        raise complaint(
            ValueError,
            op,
            f"with {uneven[0]} the mean of {final!r} is over other numbers in each micro-batch",
            'reduction="batchmean" divides by the number of examples',
        )
    if reduction in ("mean", "batchmean") or isinstance(final, Mean):
        return True
    if reduction == "sum" or isinstance(final, Sum):
        return False
    raise complaint(
        ValueError,
        op,
        f"{final!r} does not say whether it is a mean or a sum over the examples",
        'a setting reduction="mean" or "sum" says so',
    )


def objective(net, x, y, rng, penalty, micro_batch=None):
    """Return what a training step minimises, loss and penalty together, with its gradients."""
    if micro_batch is None or len(x) <= micro_batch:
        loss, grads = net.loss(x, y, rng=rng)
        loss = float(loss)
    else:
        loss, grads = accumulate(net, x, y, micro_batch=micro_batch, rng=rng)
    if penalty is not None:
        loss += penalty.loss(net)
        for key, dw in penalty.gradients(net).items():
            grads[key] = grads[key] + dw
    return loss, grads
