"""Long short-term memory: a recurrent layer whose memory is changed by gates, not by a product.

Legend: N batch, T steps, D features in, H hidden features; the gates stand side by side in the 4 H
columns of wx, wh and b, in the order i (input), f (forget), o (output), g (what is to be written).
``lstm_step`` is one step; ``lstm`` is T of them, arranged for speed, with the same result.

σ(z) = 1 / (1 + e⁻ᶻ) = (1 + tanh(z/2)) / 2, so one tanh makes all four gates of (zᵢ/2, z_f/2,
zₒ/2, z_g), and nothing overflows.
"""

from typing import NamedTuple

import numpy as np

from nnlayers.layers.checks import bad_cache
from nnlayers.layers.initializers import lecun_normal
from nnlayers.layers.sequences import (
    Recurrent,
    aligned,
    aligned_copy,
    blocks,
    by_gate,
    check_mask,
    check_recurrent,
    states_from,
    upstream_pair,
    weight_gradients,
    with_ones,
)


class LSTMStepCache(NamedTuple):
    """What a step keeps for its backward; gates are (4, N, H)."""

    x: np.ndarray
    h: np.ndarray
    c: np.ndarray
    wx: np.ndarray
    wh: np.ndarray
    gates: np.ndarray
    tanh_c: np.ndarray


class LSTMCache(NamedTuple):
    """What the steps keep for their backward.

    h and c are the states before and after, (T + 1, N, H); gates are (T, 4, N, H), tanh_c are
    (T, N, H), idle (T, N, 1) are the steps that a mask left out.
    """

    x: np.ndarray
    h0: np.ndarray | None
    c0: np.ndarray | None
    wx: np.ndarray
    wh: np.ndarray
    h: np.ndarray
    c: np.ndarray
    gates: np.ndarray
    tanh_c: np.ndarray
    idle: np.ndarray | None


def lstm_step_forward(x, h, c, wx, wh, b):
    """One step of an LSTM: the next state and the next memory.

    [zᵢ z_f zₒ z_g] = x wx + h wh + b;  i, f, o = σ(zᵢ), σ(z_f), σ(zₒ);  g = tanh(z_g);
    c' = f c + i g;  h' = o tanh(c')

    Parameters
    ----------
    x : ndarray, shape (N, D)
        Input of this step.
    h, c : ndarray, shape (N, H)
        State and memory before it.
    wx : ndarray, shape (D, 4 H)
        Weights of the input: the gates i, f, o, g side by side.
    wh : ndarray, shape (H, 4 H)
        Weights of the state.
    b : ndarray, shape (4 H,)
        Bias.

    Returns
    -------
    out : tuple of ndarray, each (N, H)
        ``(h', c')``: the next state, between -1 and 1, and the next memory.
    cache : tuple
        What :func:`lstm_step_backward` needs.

    Raises
    ------
    ValueError
        If shapes disagree.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    Hochreiter, Schmidhuber, "Long short-term memory" (1997); the forget gate: Gers, Schmidhuber,
    Cummins, "Learning to forget" (2000).

    Examples
    --------
    >>> x, state, memory = np.zeros((1, 1)), np.zeros((1, 1)), np.array([[2.0]])
    >>> b = np.array([-99.0, 99.0, 99.0, 0.0])  # nothing is written, nothing forgotten, all shown
    >>> (h, c), cache = lstm_step_forward(x, state, memory, np.zeros((1, 4)), np.zeros((1, 4)), b)
    >>> bool(c[0, 0] == 2.0 and h[0, 0] == np.tanh(2.0))
    True
    """
    op = "lstm_step_forward"
    x, h, c, wx, wh, b = check_recurrent(op, 4, False, x, {"h": h, "c": c}, wx, wh, b)
    gates = by_gate(x @ wx + h @ wh + b, 4).copy()  # (4, N, H)
    gates[:3] *= 0.5
    np.tanh(gates, out=gates)
    gates[:3] = 0.5 * (1.0 + gates[:3])  # σ(z) = (1 + tanh(z/2)) / 2
    i, f, o, g = gates
    c_next = f * c + i * g
    tanh_c = np.tanh(c_next)
    return (o * tanh_c, c_next), LSTMStepCache(x, h, c, wx, wh, gates, tanh_c)


def lstm_step_backward(dout, cache, need_dx=True):
    """Gradients of a step, from those of both outs, dout = (dh', dc'); None stands for zeros.

    h' = o tanh(c') reaches c' as well: dc' + dh' o (1 - tanh²c') is all that comes to c'; call it
    e.  c' = f c + i g: di = e g, df = e c, dg = e i, dc = e f; and do = dh' tanh(c').
    Through σ' = σ (1 - σ) and tanh' = 1 - tanh²: dzᵢ = e g i (1 - i), dz_f = e c f (1 - f),
    dzₒ = dh' tanh(c') o (1 - o), dz_g = e i (1 - g²).  z = x wx + h wh + b is affine, so that
    dx = dz wxᵀ, dh = dz whᵀ, dwx = xᵀ dz, dwh = hᵀ dz, db = Σₙ dzₙ.

    Returns
    -------
    dx, dh, dc, dwx, dwh, db : ndarray
        Gradients; without need_dx, None stands for dx, dh and dc.
    """
    op = "lstm_step_backward"
    if not isinstance(cache, LSTMStepCache):
        raise bad_cache(op, cache, "the LSTMStepCache")
    x, h, c, wx, wh, gates, tanh_c = cache
    dh_next, dc_next = upstream_pair(op, dout, (h.shape, h.shape), x.dtype)
    i, f, o, g = gates
    # both outs: h' = o tanh(c'), and c' itself
    if dh_next is None:
        dh_next = np.zeros_like(h)
    e = dh_next * o * (1.0 - tanh_c * tanh_c)
    if dc_next is not None:
        e += dc_next
    # c' = f c + i g, each gate through its own derivative
    dz = np.stack(
        (
            e * g * i * (1.0 - i),
            e * c * f * (1.0 - f),
            dh_next * tanh_c * o * (1.0 - o),
            e * i * (1.0 - g * g),
        ),
        axis=1,
    ).reshape(len(x), 4 * len(wh))
    inputs = (dz @ wx.T, dz @ wh.T, e * f) if need_dx else (None, None, None)
    return *inputs, x.T @ dz, h.T @ dz, dz.sum(axis=0)


def lstm_forward(x, h0, c0, wx, wh, b, *, mask=None):
    """Run an LSTM over sequences: the states after every step, and the last memory.

    (hₜ, cₜ) = one step (see :func:`lstm_step_forward`) from xₜ, hₜ₋₁, cₜ₋₁, for t = 1 to T;
    (hₜ, cₜ) = (hₜ₋₁, cₜ₋₁) where the mask leaves step t out

    Parameters
    ----------
    x : ndarray, shape (N, T, D)
        Sequences.
    h0, c0 : ndarray, shape (N, H), optional
        States and memories to start from; None: zeros, which get no gradient.  The last ones of one
        piece of a sequence are those to start the next piece from.
    wx : ndarray, shape (D, 4 H)
        Weights of the input: the gates i, f, o, g side by side.
    wh : ndarray, shape (H, 4 H)
        Weights of the state.
    b : ndarray, shape (4 H,)
        Bias.
    mask : ndarray of bool, shape (N, T), optional
        False (or 0) where a sequence has no step: state and memory stay, and out repeats the
        state, so that ``h[:, -1]`` is the last state of every sequence, of any length.

    Returns
    -------
    out : tuple
        ``(h, c_last)``: the states h₁ to h_T, shape (N, T, H), and c_T, shape (N, H).
    cache : tuple
        What :func:`lstm_backward` needs.

    Raises
    ------
    ValueError
        If shapes disagree, or the mask holds another value than 0 and 1.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    Hochreiter, Schmidhuber (1997); Gers, Schmidhuber, Cummins (2000).

    Examples
    --------
    >>> x = np.zeros((1, 3, 1))
    >>> wx, wh = np.array([[0.0, 0.0, 0.0, 1.0]]), np.zeros((1, 4))
    >>> x[0, 0] = 1.0  # written once and then kept, as b lets nothing be forgotten
    >>> b = np.array([99.0, 99.0, 99.0, 0.0])
    >>> (h, c_last), cache = lstm_forward(x, None, None, wx, wh, b)
    >>> h.round(2).ravel(), c_last.round(2).ravel()
    (array([0.64, 0.64, 0.64]), array([0.76]))
    """
    op = "lstm_forward"
    x, h0, c0, wx, wh, b = check_recurrent(op, 4, True, x, {"h0": h0, "c0": c0}, wx, wh, b)
    idle = check_mask(op, mask, x)
    (N, T, D), H = x.shape, len(wh)
    rows = with_ones(x)  # (T, N, D + 1)
    # one matrix for each gate, halved where σ comes of tanh(z/2)
    w_in, w = (aligned_copy(by_gate(m, 4)) for m in (np.concatenate((wx, b[None])), wh))
    w_in[:3] *= 0.5
    w[:3] *= 0.5
    h, c = (states_from(start, T, (N, H), x.dtype) for start in (h0, c0))
    gates, tanh_c = aligned((T, 4, N, H), x.dtype), aligned((T, N, H), x.dtype)
    z, written = aligned((4, N, H), x.dtype), aligned((N, H), x.dtype)
    for steps in blocks(T, z.nbytes):
        # x wx + b of all steps of the block in one product for each gate
        count = steps.stop - steps.start
        zx = np.matmul(rows[steps].reshape(count * N, D + 1), w_in).reshape(4, count, N, H)
        for t in range(steps.start, steps.stop):
            np.matmul(h[t], w, out=z)
            z += zx[:, t - steps.start]
            np.tanh(z, out=gates[t])
            sigmoids = gates[t, :3]
            sigmoids *= 0.5
            sigmoids += 0.5
            i, f, o, g = gates[t]
            c_next = np.multiply(f, c[t], out=c[t + 1])
            c_next += np.multiply(i, g, out=written)
            np.multiply(o, np.tanh(c_next, out=tanh_c[t]), out=h[t + 1])
            if idle is not None:
                np.copyto(h[t + 1], h[t], where=idle[t])
                np.copyto(c[t + 1], c[t], where=idle[t])
    out = h[1:].swapaxes(0, 1), c[T].copy()
    return out, LSTMCache(x, h0, c0, wx, wh, h, c, gates, tanh_c, idle)


def lstm_backward(dout, cache, need_dx=True):
    """Gradients through all steps, from the last to the first, for dout = (dh, dc_last).

    hₜ is an output and the input of step t + 1, cₜ the memory of step t + 1: what step t + 1
    hands back for h (dzₜ₊₁ whᵀ) is added to dhₜ, and what it hands back for c (e f) is its dc'.
    Each step is that of :func:`lstm_step_backward`; all its factors but dh and e are known before:
    dz = e · (g i (1 - i), c f (1 - f), -, i (1 - g²)) and dzₒ = dh · tanh(c') o (1 - o).
    The weights are the same in all steps: dwx = Σₜ xₜᵀ dzₜ, dwh = Σₜ hₜ₋₁ᵀ dzₜ, db = Σₜₙ dzₜₙ, one
    product.  What is left in the end is dh0 and dc0.  A step that is left out has dz = 0 and f = 1.

    Returns
    -------
    dx, dh0, dc0, dwx, dwh, db : ndarray
        Gradients; without those of h0 and c0 that were None; without need_dx, None stands for dx,
        dh0 and dc0.
    """
    op = "lstm_backward"
    if not isinstance(cache, LSTMCache):
        raise bad_cache(op, cache, "the LSTMCache")
    x, h0, c0, wx, wh, h, c, gates, tanh_c, idle = cache
    (N, T, D), H = x.shape, len(wh)
    dout, dc_last = upstream_pair(op, dout, ((N, T, H), (N, H)), x.dtype)
    w = aligned_copy(by_gate(wh, 4).swapaxes(1, 2))  # (4, H, H), one transpose for each gate
    dz_rows = aligned((T, N, 4 * H), x.dtype)  # as the products after the loop take them
    dz_by_gate = dz_rows.reshape(T, N, 4, H).swapaxes(1, 2)
    dz, parts = aligned((4, N, H), x.dtype), aligned((4, N, H), x.dtype)
    dh, e, product = (aligned((N, H), x.dtype) for _ in range(3))
    dh[...] = 0.0
    e[...] = 0.0 if dc_last is None else dc_last
    for steps in reversed(blocks(T, dz.nbytes)):
        factors, through_h, forget = _factors(
            gates[steps], c[steps], tanh_c[steps], None if idle is None else idle[steps]
        )
        for t in range(steps.stop - 1, steps.start - 1, -1):
            k = t - steps.start
            if dout is not None:
                dh += dout[:, t]
            # hₜ = o tanh(cₜ): e is all that comes to cₜ
            e += np.multiply(dh, through_h[k], out=product)
            # cₜ = f cₜ₋₁ + i g gives i, f and g their gradients, hₜ gives o its own
            np.multiply(factors[k], e, out=dz)
            np.multiply(factors[k, 2], dh, out=dz[2])
            dz_by_gate[t] = dz
            e *= forget[k]  # dcₜ₋₁
            # hₜ₋₁ is in all four gates: its gradients add up
            np.matmul(dz, w, out=parts)
            if idle is None:
                np.add.reduce(parts, axis=0, out=dh)
            else:
                dh = dh * idle[t] + np.add.reduce(parts, axis=0)
    dz_rows = dz_rows.reshape(T * N, 4 * H)
    dx = (dz_rows @ wx.T).reshape(T, N, D).swapaxes(0, 1) if need_dx else None
    starts = ((h0, dh), (c0, e))
    starts = [d if need_dx else None for start, d in starts if start is not None]
    return dx, *starts, *weight_gradients(dz_rows, x, h)


class LSTM(Recurrent):
    """Layer of :func:`lstm_forward`: ``forward(x, h0=None, c0=None, mask=None)`` gives all states.

    Parameters
    ----------
    features, hidden : int
        D and H.
    return_state : bool
        Whether out is ``(h, c_last)``, and dout alike, instead of h alone: then the last state and
        memory, ``h[:, -1]`` and ``c_last``, can start another forward.
    init : callable
        Initializer of each gate's part of wx and wh, called as ``init(shape, rng=rng,
        dtype=dtype)``; b starts at 0, and at 1 for the forget gate, so that memories last at first
        (Jozefowicz, Zaremba, Sutskever, 2015).
    rng : int or numpy.random.Generator, optional
        Seed or generator of the weights; None draws fresh entropy.
    dtype : dtype
        Of the parameters.

    Examples
    --------
    >>> layer = LSTM(3, 4, rng=0)
    >>> h, cache = layer.forward(np.ones((2, 5, 3)))
    >>> h.shape
    (2, 5, 4)
    >>> dx, dwx, dwh, db = layer.backward(np.ones((2, 5, 4)), cache)
    >>> layer = LSTM(3, 4, return_state=True, rng=0)
    >>> (h, c), cache = layer.forward(np.ones((2, 5, 3)))
    >>> (h, c), cache = layer.forward(np.ones((2, 5, 3)), h[:, -1], c)  # goes on from there
    """

    pair = lstm_forward, lstm_backward
    inputs = ("x", "h0", "c0")
    optional = 2
    gates = 4

    def __init__(
        self,
        features,
        hidden,
        *,
        return_state=False,
        init=lecun_normal,
        rng=None,
        dtype=np.float64,
    ):
        super().__init__(features, hidden, init=init, rng=rng, dtype=dtype)
        self.return_state = bool(return_state)

    @classmethod
    def of(cls, wx, wh, b, *, return_state=False):
        """Make the layer of copies of its arrays: wx (D, 4 H), wh (H, 4 H) and b (4 H,)."""
        layer = super().of(wx, wh, b)
        layer.return_state = bool(return_state)
        return layer

    def first_bias(self, hidden):
        """Return the b that training starts with: 1 for the forget gate."""
        return np.repeat([0.0, 1.0, 0.0, 0.0], hidden)

    def forward(self, *inputs, mask=None, train=None, rng=None):
        """Call :func:`lstm_forward`: see there; return ``(out, cache)``."""
        out, cache = super().forward(*inputs, mask=mask)
        return (out if self.return_state else out[0]), cache

    def backward(self, dout, cache):
        """Call :func:`lstm_backward`: ``(dx, dwx, dwh, db)``, after dx also dh0, dc0 if given."""
        return super().backward(dout if self.return_state else (dout, None), cache)

    def gradients(self, dout, cache, need_dx=True):
        """Return ``(dx, {name: gradient})``; see :meth:`Layer.gradients`."""
        return super().gradients(dout if self.return_state else (dout, None), cache, need_dx)

    def __repr__(self):
        shown = {"return_state": True} if self.return_state else {}
        return self.form(len(self.params["wx"]), len(self.params["wh"]), **shown)


def _factors(gates, c, tanh_c, idle):
    """Return what of dz is known before e and dh are, for the steps of a block.

    The factors of e (of dh for the gate o) in dz, (steps, 4, N, H); the factor of dh in e; and f.
    """
    i, _, o, g = gates.swapaxes(0, 1)
    factors = gates * gates
    np.subtract(gates[:, :3], factors[:, :3], out=factors[:, :3])  # σ' = σ - σ²
    np.subtract(1.0, factors[:, 3], out=factors[:, 3])  # tanh' = 1 - tanh²
    for k, other in enumerate((g, c, tanh_c, i)):
        factors[:, k] *= other
    through_h = tanh_c * tanh_c
    np.subtract(1.0, through_h, out=through_h)
    through_h *= o
    if idle is None:
        return factors, through_h, gates[:, 1]
    live = ~idle
    factors *= live[:, None]
    through_h *= live
    return factors, through_h, np.where(idle, 1.0, gates[:, 1])
