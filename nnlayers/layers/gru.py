"""Gated recurrent unit: a recurrent layer that mixes its state with a candidate for the next one.

Legend: N batch, T steps, D features in, H hidden features; the gates stand side by side in the 3 H
columns of wx, wh and b, in the order r (reset), z (update), n (candidate).  ``gru_step`` is one
step; ``gru`` is T of them, arranged for speed, with the same result.

There are two variants.  Here r multiplies the product with wh (as in cuDNN, PyTorch and, with
``reset_after``, Keras), not the state before it (as in Cho et al.): all products with the state are
then one.  Inside r · (h wh + b) a bias is not the same as outside: b may be (2, 3 H), with
the row b[0] added to x wx and b[1] to h wh, or (3 H,), which stands for b[1] = 0.

As in :mod:`nnlayers.layers.lstm`, σ(z) = (1 + tanh(z/2)) / 2.
"""

from typing import NamedTuple

import numpy as np

from nnlayers.layers.checks import bad_cache, upstream
from nnlayers.layers.sequences import (
    Recurrent,
    aligned,
    aligned_copy,
    blocks,
    by_gate,
    check_mask,
    check_recurrent,
    states_from,
    with_ones,
)


class GRUStepCache(NamedTuple):
    """What a step keeps for its backward; u is the candidate's part of h wh, before the reset."""

    x: np.ndarray
    h: np.ndarray
    wx: np.ndarray
    wh: np.ndarray
    b: np.ndarray
    r: np.ndarray
    z: np.ndarray
    n: np.ndarray
    u: np.ndarray


class GRUCache(NamedTuple):
    """What the steps keep for their backward.

    h are the states before and after, (T + 1, N, H); gates are r, z, n, (T, 3, N, H); u is the
    candidate's part of h wh before the reset, (T, N, H); idle (T, N, 1) are the steps left out.
    """

    x: np.ndarray
    h0: np.ndarray | None
    wx: np.ndarray
    wh: np.ndarray
    b: np.ndarray
    h: np.ndarray
    gates: np.ndarray
    u: np.ndarray
    idle: np.ndarray | None


def gru_step_forward(x, h, wx, wh, b):
    """One step of a GRU: the next state, between the state and a candidate.

    [aᵣ a_z aₙ] = x wx + b₀ and [uᵣ u_z uₙ] = h wh + b₁;  r = σ(aᵣ + uᵣ);  z = σ(a_z + u_z);
    n = tanh(aₙ + r uₙ);  h' = (1 - z) n + z h

    Parameters
    ----------
    x : ndarray, shape (N, D)
        Input of this step.
    h : ndarray, shape (N, H)
        State before it.
    wx : ndarray, shape (D, 3 H)
        Weights of the input: r, z, n side by side.
    wh : ndarray, shape (H, 3 H)
        Weights of the state.
    b : ndarray, shape (2, 3 H) or (3 H,)
        Biases: b₀ of the input's part and b₁ of the state's; or b₀ alone, with b₁ = 0.

    Returns
    -------
    out : ndarray, shape (N, H)
        The next state h'.
    cache : tuple
        What :func:`gru_step_backward` needs.

    Raises
    ------
    ValueError
        If shapes disagree.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    Cho et al., "Learning phrase representations using RNN encoder-decoder" (2014); the reset after
    the product: PyTorch, ``nn.GRU``.

    Examples
    --------
    >>> x, h = np.array([[1.0]]), np.array([[0.5]])
    >>> w, b = np.array([[0.0, 0.0, 1.0]]), np.array([0.0, 99.0, 0.0])
    >>> float(gru_step_forward(x, h, w, w, b)[0][0, 0])  # z = 1 keeps the state
    0.5
    >>> out, cache = gru_step_forward(x, h, w, w, -b)  # z = 0 takes the candidate, r = σ(0) = 1/2
    >>> bool(np.isclose(out[0, 0], np.tanh(1 + 0.5 * 0.5)))
    True
    """
    op = "gru_step_forward"
    x, h, wx, wh, b = check_recurrent(op, 3, False, x, {"h": h}, wx, wh, b)
    H = len(wh)
    b0, b1 = _biases(b)
    a, u = x @ wx + b0, h @ wh + b1
    r, z = (0.5 * (1.0 + np.tanh(0.5 * (a + u)[:, : 2 * H]))).reshape(len(x), 2, H).swapaxes(0, 1)
    u = u[:, 2 * H :]
    n = np.tanh(a[:, 2 * H :] + r * u)
    return n + z * (h - n), GRUStepCache(x, h, wx, wh, b, r, z, n, u)


def gru_step_backward(dout, cache, need_dx=True):
    """Gradients of a step.

    h' = n + z (h - n): dz = dout (h - n), dn = dout (1 - z), and h gets dout z.
    n = tanh(aₙ + r uₙ): daₙ = dn (1 - n²), dr = daₙ uₙ, duₙ = daₙ r.
    σ' = σ (1 - σ), and each of r and z has the sum a + u: daᵣ = duᵣ = dr r (1 - r) and
    da_z = du_z = dz z (1 - z).  a = x wx + b₀ and u = h wh + b₁ are affine: dx = da wxᵀ,
    dh = dout z + du whᵀ, dwx = xᵀ da, dwh = hᵀ du, db₀ = Σₙ daₙ, db₁ = Σₙ duₙ.

    Returns
    -------
    dx, dh, dwx, dwh, db : ndarray
        Gradients, db in the shape of b; without need_dx, None stands for dx and dh.
    """
    op = "gru_step_backward"
    if not isinstance(cache, GRUStepCache):
        raise bad_cache(op, cache, "the GRUStepCache")
    x, h, wx, wh, b, r, z, n, u = cache
    dout = upstream(op, dout, h.shape, x.dtype)
    # h' = n + z (h - n)  and  n = tanh(aₙ + r uₙ)
    dan = dout * (1.0 - z) * (1.0 - n * n)
    dar = dan * u * r * (1.0 - r)
    daz = dout * (h - n) * z * (1.0 - z)
    da, du = np.hstack((dar, daz, dan)), np.hstack((dar, daz, dan * r))
    dx, dh = (da @ wx.T, dout * z + du @ wh.T) if need_dx else (None, None)
    db = da.sum(axis=0) if b.ndim == 1 else np.stack((da.sum(axis=0), du.sum(axis=0)))
    return dx, dh, x.T @ da, h.T @ du, db


def gru_forward(x, h0, wx, wh, b, *, mask=None):
    """Run a GRU over sequences: the states after every step.

    hₜ = one step (see :func:`gru_step_forward`) from xₜ and hₜ₋₁, for t = 1 to T; hₜ = hₜ₋₁ where
    the mask leaves step t out

    Parameters
    ----------
    x : ndarray, shape (N, T, D)
        Sequences.
    h0 : ndarray, shape (N, H), optional
        States to start from; None: zeros, which get no gradient.  The last state of one piece of a
        sequence is the h0 of the next.
    wx : ndarray, shape (D, 3 H)
        Weights of the input: r, z, n side by side.
    wh : ndarray, shape (H, 3 H)
        Weights of the state.
    b : ndarray, shape (2, 3 H) or (3 H,)
        Biases: b₀ of the input's part and b₁ of the state's; or b₀ alone, with b₁ = 0.
    mask : ndarray of bool, shape (N, T), optional
        False (or 0) where a sequence has no step: the state stays, and out repeats it, so that
        ``out[:, -1]`` is the last state of every sequence, of any length.

    Returns
    -------
    out : ndarray, shape (N, T, H)
        The states h₁ to h_T.
    cache : tuple
        What :func:`gru_backward` needs.

    Raises
    ------
    ValueError
        If shapes disagree, or the mask holds another value than 0 and 1.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    Cho et al. (2014); the reset after the product: PyTorch, ``nn.GRU``.

    Examples
    --------
    >>> x = np.array([[[1.0], [0.0], [0.0]]])
    >>> w, b = np.array([[0.0, 0.0, 1.0]]), np.zeros(3)  # r = z = 1/2
    >>> gru_forward(x, None, w, 0 * w, b)[0].ravel().round(3)
    array([0.381, 0.19 , 0.095])
    """
    op = "gru_forward"
    x, h0, wx, wh, b = check_recurrent(op, 3, True, x, {"h0": h0}, wx, wh, b)
    idle = check_mask(op, mask, x)
    (N, T, D), H = x.shape, len(wh)
    b0, b1 = _biases(b)
    # r and z see the sum of both biases; only n's part of b₁ stands apart, inside the reset
    outer = np.concatenate(((b0 + b1)[: 2 * H], b0[2 * H :]))
    inner = b1[2 * H :]
    rows = with_ones(x)  # (T, N, D + 1)
    # one matrix for each gate, halved where σ comes of tanh(z/2)
    w_in, w = (aligned_copy(by_gate(m, 3)) for m in (np.concatenate((wx, outer[None])), wh))
    w_in[:2] *= 0.5
    w[:2] *= 0.5
    h = states_from(h0, T, (N, H), x.dtype)
    gates, us = aligned((T, 3, N, H), x.dtype), aligned((T, N, H), x.dtype)
    hw, kept = aligned((3, N, H), x.dtype), aligned((N, H), x.dtype)
    for steps in blocks(T, hw.nbytes):
        # x wx + b₀ of all steps of the block in one product for each gate
        count = steps.stop - steps.start
        a = np.matmul(rows[steps].reshape(count * N, D + 1), w_in).reshape(3, count, N, H)
        for t in range(steps.start, steps.stop):
            at = a[:, t - steps.start]
            np.matmul(h[t], w, out=hw)
            hw[:2] += at[:2]
            sigmoids = np.tanh(hw[:2], out=gates[t, :2])
            sigmoids *= 0.5
            sigmoids += 0.5
            r, z, n = gates[t]
            u = np.add(hw[2], inner, out=us[t])
            np.multiply(r, u, out=n)
            n += at[2]
            np.tanh(n, out=n)
            # h' = n + z (h - n)
            np.subtract(h[t], n, out=kept)
            kept *= z
            np.add(n, kept, out=h[t + 1])
            if idle is not None:
                np.copyto(h[t + 1], h[t], where=idle[t])
    return h[1:].swapaxes(0, 1), GRUCache(x, h0, wx, wh, b, h, gates, us, idle)


def gru_backward(dout, cache, need_dx=True):
    """Gradients through all steps, from the last to the first.

    hₜ is an output and the input of step t + 1: its gradient is doutₜ plus what that step hands
    back.  Each step is that of :func:`gru_step_backward`; all its factors but dh are known before:
    daₙ = dh · (1 - z) (1 - n²), da_z = dh · (h - n) z (1 - z), daᵣ = daₙ · uₙ r (1 - r), and
    dhₜ₋₁ = dhₜ z + du whᵀ with duₙ = daₙ r.  The weights are the same in all steps, so their
    gradients are sums over t, one product for [wx b₀] and one for [b₁ wh].  What is left for h₀ is
    dh0.  A step that is left out has da = du = 0 and z = 1.

    Returns
    -------
    dx, dh0, dwx, dwh, db : ndarray
        Gradients, db in the shape of b; without dh0 if h0 was None; without need_dx, None stands
        for dx and dh0.
    """
    op = "gru_backward"
    if not isinstance(cache, GRUCache):
        raise bad_cache(op, cache, "the GRUCache")
    x, h0, wx, wh, b, h, gates, u, idle = cache
    (N, T, D), H = x.shape, len(wh)
    dout = upstream(op, dout, (N, T, H), x.dtype)
    w = aligned_copy(by_gate(wh, 3).swapaxes(1, 2))  # (3, H, H), one transpose for each gate
    # da and du differ in n alone, so with [daₙ daᵣ da_z duₙ] side by side each is a slice
    rows = aligned((T, N, 4 * H), x.dtype)
    rows_by_gate = rows.reshape(T, N, 4, H).swapaxes(1, 2)
    du, parts = aligned((3, N, H), x.dtype), aligned((3, N, H), x.dtype)
    dh = aligned((N, H), x.dtype)
    dh[...] = 0.0
    for steps in reversed(blocks(T, du.nbytes)):
        of_n, of_z, of_r, keep = _factors(
            gates[steps], h[steps], u[steps], None if idle is None else idle[steps]
        )
        for t in range(steps.stop - 1, steps.start - 1, -1):
            k = t - steps.start
            dh += dout[:, t]
            dan = dh * of_n[k]
            np.multiply(dan, of_r[k], out=du[0])
            np.multiply(dh, of_z[k], out=du[1])
            np.multiply(dan, gates[t, 0], out=du[2])
            rows_by_gate[t, 0] = dan
            rows_by_gate[t, 1:] = du
            # hₜ₋₁ is in h' itself and in all three gates: its gradients add up
            dh *= keep[k]
            np.matmul(du, w, out=parts)
            dh += np.add.reduce(parts, axis=0)
    rows = rows.reshape(T * N, 4 * H)
    da, du = rows[:, : 3 * H], rows[:, H:]  # in the orders n, r, z and r, z, n
    dx = None
    if need_dx:
        dx = (da @ np.roll(wx, H, axis=1).T).reshape(T, N, D).swapaxes(0, 1)
    dh0 = () if h0 is None else (dh if need_dx else None,)
    # [x 1] @ [wx; b₀]  ->  [dwx; db₀] = [x 1]ᵀ @ da
    dw = np.roll(with_ones(x).reshape(T * N, D + 1).T @ da, -H, axis=1)
    dwh = h[:-1].reshape(T * N, H).T @ du
    db = dw[D] if b.ndim == 1 else np.stack((dw[D], du.sum(axis=0)))
    return dx, *dh0, dw[:D], dwh, db


class GRU(Recurrent):
    """Layer of :func:`gru_forward`: ``forward(x, h0=None, mask=None)`` gives all states.

    Parameters
    ----------
    features, hidden : int
        D and H.
    init : callable
        Initializer of each gate's part of wx and wh, called as ``init(shape, rng=rng,
        dtype=dtype)``; b, of shape (2, 3 H), starts at 0.
    rng : int or numpy.random.Generator, optional
        Seed or generator of the weights; None draws fresh entropy.
    dtype : dtype
        Of the parameters.

    Examples
    --------
    >>> layer = GRU(3, 4, rng=0)
    >>> out, cache = layer.forward(np.ones((2, 5, 3)))
    >>> out.shape
    (2, 5, 4)
    >>> dx, dwx, dwh, db = layer.backward(np.ones((2, 5, 4)), cache)
    >>> out, cache = layer.forward(np.ones((2, 5, 3)), out[:, -1])  # goes on from the last states
    >>> dx, dh0, dwx, dwh, db = layer.backward(np.ones((2, 5, 4)), cache)
    """

    pair = gru_forward, gru_backward
    gates = 3

    def first_bias(self, hidden):
        """Return the b that training starts with: zeros."""
        return np.zeros((2, 3 * hidden))


def _biases(b):
    """Return b₀ and b₁."""
    return (b, np.zeros_like(b)) if b.ndim == 1 else b


def _factors(gates, h, u, idle):
    """Return what multiplies dh in daₙ and in da_z, daₙ in daᵣ, and dh in dhₜ₋₁, for a block."""
    r, z, n = gates.swapaxes(0, 1)
    of_n = (1.0 - z) * (1.0 - n * n)
    of_z = (h - n) * (z - z * z)
    of_r = u * (r - r * r)
    if idle is None:
        return of_n, of_z, of_r, z
    of_n *= ~idle
    of_z *= ~idle
    return of_n, of_z, of_r, np.where(idle, 1.0, z)
