"""The plain recurrent layer: a state that every step mixes with its input.

Legend: N batch, T steps, D features in, H hidden features.  ``rnn_step`` is one step; ``rnn`` is T
of them, arranged for speed, with the same result.
"""

from typing import NamedTuple

import numpy as np

from nnlayers.layers.checks import bad_cache, upstream
from nnlayers.layers.sequences import (
    Recurrent,
    aligned,
    aligned_copy,
    check_mask,
    check_recurrent,
    states_from,
    weight_gradients,
    with_ones,
)


class RNNStepCache(NamedTuple):
    """What a step keeps for its backward."""

    x: np.ndarray
    h: np.ndarray
    wx: np.ndarray
    wh: np.ndarray
    out: np.ndarray


class RNNCache(NamedTuple):
    """What the steps keep for their backward; h are the states before and after, (T + 1, N, H)."""

    x: np.ndarray
    h0: np.ndarray | None
    wx: np.ndarray
    wh: np.ndarray
    h: np.ndarray
    idle: np.ndarray | None


def rnn_step_forward(x, h, wx, wh, b):
    """One step of a recurrent layer: the next state from the input and the state.

    out = tanh(x wx + h wh + b)

    Parameters
    ----------
    x : ndarray, shape (N, D)
        Input of this step.
    h : ndarray, shape (N, H)
        State before it.
    wx : ndarray, shape (D, H)
        Weights of the input.
    wh : ndarray, shape (H, H)
        Weights of the state.
    b : ndarray, shape (H,)
        Bias.

    Returns
    -------
    out : ndarray, shape (N, H)
        The next state, between -1 and 1.
    cache : tuple
        What :func:`rnn_step_backward` needs.

    Raises
    ------
    ValueError
        If shapes disagree.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    Elman, "Finding structure in time" (1990).

    Examples
    --------
    >>> x, h = np.array([[1.0]]), np.array([[0.5]])
    >>> w = np.array([[2.0]])
    >>> out, cache = rnn_step_forward(x, h, w, -w, np.array([0.0]))
    >>> bool(np.isclose(out[0, 0], np.tanh(2 * 1 - 2 * 0.5)))
    True
    """
    x, h, wx, wh, b = check_recurrent("rnn_step_forward", 1, False, x, {"h": h}, wx, wh, b)
    out = np.tanh(x @ wx + h @ wh + b)
    return out, RNNStepCache(x, h, wx, wh, out)


def rnn_step_backward(dout, cache, need_dx=True):
    """Gradients of a step: those of an affine map of [x h], for da = dout · (1 - out²).

    out = tanh(a) with a = x wx + h wh + b, and tanh' = 1 - tanh²: da = dout · (1 - out²).
    a is the sum of two products and of a row (see :func:`affine_backward`):
    dx = da wxᵀ, dh = da whᵀ, dwx = xᵀ da, dwh = hᵀ da, and db = Σₙ daₙ.

    Returns
    -------
    dx, dh, dwx, dwh, db : ndarray
        Gradients; without need_dx, None stands for dx and dh.
    """
    op = "rnn_step_backward"
    if not isinstance(cache, RNNStepCache):
        raise bad_cache(op, cache, "the RNNStepCache")
    x, h, wx, wh, out = cache
    da = upstream(op, dout, out.shape, out.dtype) * (1.0 - out * out)
    dx, dh = (da @ wx.T, da @ wh.T) if need_dx else (None, None)
    return dx, dh, x.T @ da, h.T @ da, da.sum(axis=0)


def rnn_forward(x, h0, wx, wh, b, *, mask=None):
    """Run a recurrent layer over sequences: the states after every step.

    hₜ = tanh(xₜ wx + hₜ₋₁ wh + b) for t = 1 to T; hₜ = hₜ₋₁ where the mask leaves step t out

    Parameters
    ----------
    x : ndarray, shape (N, T, D)
        Sequences.
    h0 : ndarray, shape (N, H), optional
        States to start from; None: zeros, which get no gradient.  The last state of one piece of a
        sequence is the h0 of the next.
    wx : ndarray, shape (D, H)
        Weights of the input.
    wh : ndarray, shape (H, H)
        Weights of the state.
    b : ndarray, shape (H,)
        Bias.
    mask : ndarray of bool, shape (N, T), optional
        False (or 0) where a sequence has no step: the state stays, and out repeats it, so that
        ``out[:, -1]`` is the last state of every sequence, of any length.

    Returns
    -------
    out : ndarray, shape (N, T, H)
        The states h₁ to h_T.
    cache : tuple
        What :func:`rnn_backward` needs.

    Raises
    ------
    ValueError
        If shapes disagree, or the mask holds another value than 0 and 1.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    Elman, "Finding structure in time" (1990).

    Examples
    --------
    >>> x = np.zeros((1, 3, 1))
    >>> x[0, 0] = 1.0  # an impulse, remembered for a while
    >>> w, b = np.array([[1.0]]), np.array([0.0])
    >>> rnn_forward(x, None, w, w, b)[0].round(2)
    array([[[0.76],
            [0.64],
            [0.57]]])
    """
    op = "rnn_forward"
    x, h0, wx, wh, b = check_recurrent(op, 1, True, x, {"h0": h0}, wx, wh, b)
    idle = check_mask(op, mask, x)
    (N, T, D), H = x.shape, len(wh)
    h = states_from(h0, T, (N, H), x.dtype)
    # what does not depend on the state is one product for all steps, put where the states will be
    rows = with_ones(x).reshape(T * N, D + 1)
    np.matmul(rows, np.concatenate((wx, b[None])), out=h[1:].reshape(T * N, H))
    w, z = aligned_copy(wh), aligned((N, H), x.dtype)
    for t in range(T):
        np.matmul(h[t], w, out=z)
        z += h[t + 1]
        np.tanh(z, out=h[t + 1])
        if idle is not None:
            np.copyto(h[t + 1], h[t], where=idle[t])
    return h[1:].swapaxes(0, 1), RNNCache(x, h0, wx, wh, h, idle)


def rnn_backward(dout, cache, need_dx=True):
    """Gradients through all steps, from the last to the first.

    hₜ is an output and the input of step t + 1: its gradient is doutₜ plus what that step hands
    back, daₜ₊₁ whᵀ.  With it, step t has daₜ = dhₜ · (1 - hₜ²) as in :func:`rnn_step_backward`.
    The weights are the same in all steps, so their gradients are sums over t: dwx = Σₜ xₜᵀ daₜ,
    dwh = Σₜ hₜ₋₁ᵀ daₜ, db = Σₜₙ daₜₙ, one product of all rows [xₜ 1 hₜ₋₁] with all daₜ.
    What is left for h₀ is dh0.  A step that is left out has daₜ = 0 and hands its dhₜ on.

    Returns
    -------
    dx, dh0, dwx, dwh, db : ndarray
        Gradients; without dh0 if h0 was None; without need_dx, None stands for dx and dh0.
    """
    op = "rnn_backward"
    if not isinstance(cache, RNNCache):
        raise bad_cache(op, cache, "the RNNCache")
    x, h0, wx, wh, h, idle = cache
    (N, T, D), H = x.shape, len(wh)
    dout = upstream(op, dout, (N, T, H), x.dtype).swapaxes(0, 1)
    da = np.multiply(h[1:], h[1:], out=aligned((T, N, H), x.dtype))
    np.subtract(1.0, da, out=da)  # 1 - hₜ², here for all steps; times dhₜ below
    if idle is not None:
        da *= ~idle
    w = aligned_copy(wh.T)
    dh = np.zeros((N, H), x.dtype)
    for t in reversed(range(T)):
        dh += dout[t]
        da[t] *= dh
        if idle is None:
            np.matmul(da[t], w, out=dh)
        else:
            dh = dh * idle[t] + da[t] @ w
    da = da.reshape(T * N, H)
    dx = (da @ wx.T).reshape(T, N, D).swapaxes(0, 1) if need_dx else None
    dh0 = () if h0 is None else (dh if need_dx else None,)
    return dx, *dh0, *weight_gradients(da, x, h)


class RNN(Recurrent):
    """Layer of :func:`rnn_forward`: ``forward(x, h0=None, mask=None)`` gives all states.

    Parameters
    ----------
    features, hidden : int
        D and H.
    init : callable
        Initializer of wx and wh, called as ``init(shape, rng=rng, dtype=dtype)``; b starts at 0.
    rng : int or numpy.random.Generator, optional
        Seed or generator of the weights; None draws fresh entropy.
    dtype : dtype
        Of the parameters.

    Examples
    --------
    >>> layer = RNN(3, 4, rng=0)
    >>> out, cache = layer.forward(np.ones((2, 5, 3)))
    >>> out.shape
    (2, 5, 4)
    >>> dx, dwx, dwh, db = layer.backward(np.ones((2, 5, 4)), cache)
    >>> out, cache = layer.forward(np.ones((2, 5, 3)), out[:, -1])  # goes on from the last states
    >>> dx, dh0, dwx, dwh, db = layer.backward(np.ones((2, 5, 4)), cache)
    """

    pair = rnn_forward, rnn_backward
