"""Minimising the loss on all examples at once, by L-BFGS."""

import math
from types import SimpleNamespace

import numpy as np

from nnlayers.layers.checks import complaint, positive_int
from nnlayers.training.accumulation import objective
from nnlayers.training.arguments import check_penalty, optional_int, pair
from nnlayers.training.bounds import keys, positive, require_keys
from nnlayers.training.divergence import origin
from nnlayers.training.metrics import check_net


def lbfgs(
    net,
    data,
    *,
    penalty=None,
    only=None,
    steps=100,
    memory=10,
    tolerance=1e-5,
    micro_batch=None,
):
    """Minimise the loss on all examples by L-BFGS, a quasi-Newton method with line search.

    It approximates second derivatives from the last ``memory`` steps: for small data and smooth
    losses it needs no learning rate and few steps, to a precision that SGD does not come near.
    The work is done by ``scipy.optimize.minimize``, in float64; a float32 net is evaluated in
    float32, which limits the precision.

    The parameters are written in place.  After an error or Ctrl-C they are those of the last
    complete step; a further call goes on from there, with an empty memory.

    Parameters
    ----------
    net : Sequential
        A chain that ends in a loss.  Its loss must not be random: there is no rng to draw from.
        Layers with running statistics see every evaluation of the loss.
    data : tuple (x, y)
        Training examples and targets; y is None where the loss needs no target.
    penalty : L2, optional
        Added to the loss.
    only : list of str, optional
        Keys of ``net.params`` to train; None trains all.
    steps : int
        At most so many.
    memory : int
        How many steps are remembered.
    tolerance : float
        Training has converged when no entry of the gradient is larger; it ends too where the loss
        cannot become lower in floating-point numbers.
    micro_batch : int, optional
        How many examples are evaluated at a time; None means all.

    Returns
    -------
    SimpleNamespace
        ``losses``, before the first and after each step; ``steps`` and ``evaluations``, their
        numbers; ``gradient``, the largest entry of the last one; ``converged``; ``message``, why
        it ended.

    Raises
    ------
    FloatingPointError
        If the loss is NaN or infinite.
    ValueError, TypeError
        If an argument is not as described.

    Source
    ------
    Liu, Nocedal, "On the limited memory BFGS method for large scale optimization" (1989).

    Examples
    --------
    >>> from nnlayers import Affine, MSE, Sequential
    >>> net = Sequential(Affine(1, 1, rng=0), MSE())
    >>> x = np.linspace(-1.0, 1.0, 32)[:, None]
    >>> result = lbfgs(net, (x, 3.0 * x + 1.0))
    >>> result.converged, net.params["0.w"].round(4), net.params["0.b"].round(4)
    (True, array([[3.]]), array([1.]))
    """
    op = "lbfgs"
    check_net(op, net)
    x, y = pair(op, "data", data)
    check_penalty(op, penalty)
    positive_int(op, steps=steps, memory=memory)
    tolerance = positive(op, "tolerance", tolerance)
    micro_batch = optional_int(op, "micro_batch", micro_batch)
    chosen = list(net.params) if only is None else keys(op, only)
    require_keys(op, chosen, net.params)
    if not chosen:
        problem = "the net has no parameters" if only is None else "only names no parameter"
        raise complaint(ValueError, op, problem, "there is nothing to train")
    from scipy.optimize import minimize

    params = [net.params[key] for key in chosen]
    accepted, losses = _vector(params), []

    def evaluate(vector):
        _write(params, vector)
        with np.errstate(over="ignore", invalid="ignore"):
            loss, grads = objective(net, x, y, None, penalty, micro_batch)
        if not math.isfinite(loss):
            with np.errstate(all="ignore"):
                why = origin(net, x, y, None, penalty)
            raise complaint(
                FloatingPointError,
                op,
                f"the loss is {loss} in step {max(len(losses), 1)}; {why}",
                "the net is as it was before this step",
            )
        if not losses:
            losses.append(loss)
        return loss, _vector([grads[key] for key in chosen])

    def accept(intermediate_result):
        nonlocal accepted
        accepted = intermediate_result.x.copy()
        losses.append(float(intermediate_result.fun))

    limits = {"maxiter": int(steps), "maxcor": int(memory), "gtol": tolerance}
    limits |= {"ftol": 0.0, "maxls": 20, "maxfun": 21 * int(steps) + 1}
    try:
        result = minimize(
            evaluate, accepted, jac=True, method="L-BFGS-B", callback=accept, options=limits
        )
    finally:
        _write(params, accepted)
    largest = float(np.abs(result.jac).max(initial=0.0))
    return SimpleNamespace(
        losses=losses,
        steps=int(result.nit),
        evaluations=int(result.nfev),
        gradient=largest,
        converged=largest <= tolerance,
        message=str(result.message),
    )


def _vector(arrays):
    return np.concatenate([array.ravel() for array in arrays]).astype(np.float64)


def _write(params, vector):
    start = 0
    for w in params:
        w[...] = vector[start : start + w.size].reshape(w.shape)
        start += w.size
