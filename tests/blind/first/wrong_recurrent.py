"""Recurrent steps and sequences, with faults."""

import numpy as np

from blind.shelf import Shelf

WRONG = Shelf()


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


# ---------------------------------------------------------------- rnn step
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    a = x.dot(Wx) + prev_h.dot(Wh) + b
    next_h = np.tanh(a)
    return next_h, (x, prev_h, Wx, Wh, a, next_h)


def rnn_step_backward_linear(dnext_h, cache):
    x, prev_h, Wx, Wh, a, next_h = cache
    da = dnext_h
    return da.dot(Wx.T), da.dot(Wh.T), x.T.dot(da), prev_h.T.dot(da), da.sum(axis=0)


def rnn_step_backward_pre(dnext_h, cache):
    x, prev_h, Wx, Wh, a, next_h = cache
    da = dnext_h * (1 - a**2)
    return da.dot(Wx.T), da.dot(Wh.T), x.T.dot(da), prev_h.T.dot(da), np.sum(da, axis=0)


def rnn_step_backward_bias(dnext_h, cache):
    x, prev_h, Wx, Wh, a, next_h = cache
    da = (1 - next_h**2) * dnext_h
    return da.dot(Wx.T), da.dot(Wh.T), x.T.dot(da), prev_h.T.dot(da), dnext_h.sum(axis=0)


def rnn_step_backward_new_state(dnext_h, cache):
    x, prev_h, Wx, Wh, a, next_h = cache
    da = (1 - next_h**2) * dnext_h
    dWh = next_h.T.dot(da)
    return da.dot(Wx.T), da.dot(Wh.T), x.T.dot(da), dWh, da.sum(axis=0)


def rnn_step_backward_same(dnext_h, cache):
    x, prev_h, Wx, Wh, a, next_h = cache
    da = (1 - next_h**2) * dnext_h
    return da.dot(Wx.T), da.dot(Wh), x.T.dot(da), prev_h.T.dot(da), da.sum(axis=0)


def make_step(rng):
    N, D, H = 3, 4, 5
    return (
        rng.normal(size=(N, D)),
        rng.normal(size=(N, H)),
        0.5 * rng.normal(size=(D, H)),
        0.5 * rng.normal(size=(H, H)),
        rng.normal(size=H),
    )


WRONG.add(
    "rnn step: tanh not differentiated",
    (rnn_step_forward, rnn_step_backward_linear),
    make_step,
    "dx dprev_h dWx dWh db",
    "chain_factor",
)
WRONG.add(
    "rnn step: slope from the pre-activation",
    (rnn_step_forward, rnn_step_backward_pre),
    make_step,
    "dx dprev_h dWx dWh db",
    "wrong_tensor",
)
WRONG.add(
    "rnn step: bias before the tanh slope",
    (rnn_step_forward, rnn_step_backward_bias),
    make_step,
    "db",
    "chain_factor",
    "wrong_tensor",
)
WRONG.add(
    "rnn step: new state in dWh",
    (rnn_step_forward, rnn_step_backward_new_state),
    make_step,
    "dWh",
    "wrong_tensor",
)
WRONG.add(
    "rnn step: recurrent matrix not transposed",
    (rnn_step_forward, rnn_step_backward_same),
    make_step,
    "dprev_h",
    "transposed",
)


# ---------------------------------------------------------------- rnn over a sequence
def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    h = np.zeros((N, T, h0.shape[1]))
    prev = h0
    for t in range(T):
        prev = np.tanh(x[:, t] @ Wx + prev @ Wh + b)
        h[:, t] = prev
    return h, (x, h0, Wx, Wh, b, h)


def rnn_backward_no_carry(dh, cache):
    x, h0, Wx, Wh, b, h = cache
    N, T, D = x.shape
    dx = np.zeros_like(x)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    dprev = np.zeros_like(h0)
    for t in reversed(range(T)):
        da = dh[:, t] * (1 - h[:, t] ** 2)
        before = h[:, t - 1] if t > 0 else h0
        dx[:, t] = da @ Wx.T
        dWx += x[:, t].T @ da
        dWh += before.T @ da
        db += da.sum(axis=0)
        dprev = da @ Wh.T
    return dx, dprev, dWx, dWh, db


def rnn_backward_assign(dh, cache):
    x, h0, Wx, Wh, b, h = cache
    N, T, D = x.shape
    dx = np.zeros_like(x)
    dcarry = np.zeros_like(h0)
    for t in range(T - 1, -1, -1):
        da = (dh[:, t] + dcarry) * (1 - h[:, t] ** 2)
        before = h0 if t == 0 else h[:, t - 1]
        dx[:, t] = da @ Wx.T
        dWx = x[:, t].T @ da
        dWh = before.T @ da
        db = da.sum(axis=0)
        dcarry = da @ Wh.T
    return dx, dcarry, dWx, dWh, db


def rnn_backward_same_time(dh, cache):
    x, h0, Wx, Wh, b, h = cache
    T = x.shape[1]
    dx = np.zeros_like(x)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    dcarry = 0
    for t in reversed(range(T)):
        da = (dh[:, t] + dcarry) * (1 - h[:, t] ** 2)
        dx[:, t] = da @ Wx.T
        dWx += x[:, t].T @ da
        dWh += h[:, t].T @ da
        db += da.sum(axis=0)
        dcarry = da @ Wh.T
    return dx, dcarry, dWx, dWh, db


def rnn_backward_first_step(dh, cache):
    x, h0, Wx, Wh, b, h = cache
    T = x.shape[1]
    dx = np.zeros_like(x)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    dcarry = np.zeros_like(h0)
    for t in range(T - 1, 0, -1):
        da = (dh[:, t] + dcarry) * (1 - h[:, t] ** 2)
        dx[:, t] = da @ Wx.T
        dWx += x[:, t].T @ da
        dWh += h[:, t - 1].T @ da
        db += da.sum(axis=0)
        dcarry = da @ Wh.T
    return dx, dcarry, dWx, dWh, db


def rnn_backward_append(dh, cache):
    x, h0, Wx, Wh, b, h = cache
    T = x.shape[1]
    dxs = []
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    dcarry = np.zeros_like(h0)
    for t in reversed(range(T)):
        da = (dh[:, t] + dcarry) * (1 - h[:, t] ** 2)
        dxs.append(da @ Wx.T)
        dWx += x[:, t].T @ da
        dWh += (h[:, t - 1] if t else h0).T @ da
        db += da.sum(axis=0)
        dcarry = da @ Wh.T
    return np.stack(dxs, axis=1), dcarry, dWx, dWh, db


def rnn_backward_clip(dh, cache):
    x, h0, Wx, Wh, b, h = cache
    T = x.shape[1]
    dx = np.zeros_like(x)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    dhnext = np.zeros_like(h0)
    for t in reversed(range(T)):
        draw = (1 - h[:, t] * h[:, t]) * (dh[:, t] + dhnext)
        db += draw.sum(axis=0)
        dWx += x[:, t].T @ draw
        dWh += (h0 if t == 0 else h[:, t - 1]).T @ draw
        dx[:, t] = draw @ Wx.T
        dhnext = draw @ Wh.T
    for dparam in [dWx, dWh]:
        np.clip(dparam, -1, 1, out=dparam)
    return dx, dhnext, dWx, dWh, db


def make_rnn(rng):
    N, T, D, H = 3, 4, 2, 5
    return (
        rng.normal(size=(N, T, D)),
        rng.normal(size=(N, H)),
        rng.normal(size=(D, H)),
        0.5 * rng.normal(size=(H, H)),
        0.3 * rng.normal(size=H),
    )


def make_rnn_large(rng):
    N, T, D, H = 6, 5, 3, 4
    return (
        4 * rng.normal(size=(N, T, D)),
        rng.normal(size=(N, H)),
        0.1 * rng.normal(size=(D, H)),
        0.3 * rng.normal(size=(H, H)),
        0.1 * rng.normal(size=H),
    )


WRONG.add(
    "rnn: gradient not carried back in time",
    (rnn_forward, rnn_backward_no_carry),
    make_rnn,
    "dx dh0 dWx dWh db",
    "missing_path",
)
WRONG.add(
    "rnn: parameters keep the first step only",
    (rnn_forward, rnn_backward_assign),
    make_rnn,
    "dWx dWh db",
    "overwrite_not_accumulate",
    "missing_reduction",
)
WRONG.add(
    "rnn: state of the same step in dWh",
    (rnn_forward, rnn_backward_same_time),
    make_rnn,
    "dWh",
    "wrong_index",
    "wrong_tensor",
)
WRONG.add(
    "rnn: loop stops before step zero",
    (rnn_forward, rnn_backward_first_step),
    make_rnn,
    "dx dh0 dWx dWh db",
    "partial_fill",
    "wrong_index",
)
WRONG.add(
    "rnn: time left reversed", (rnn_forward, rnn_backward_append), make_rnn, "dx", "rearranged"
)
WRONG.add(
    "rnn: gradients clipped inside backward",
    (rnn_forward, rnn_backward_clip),
    make_rnn_large,
    "dWx dWh",
    "dout_nonlinear",
)


# ---------------------------------------------------------------- last state and bidirectional
def rnn_last_forward(x, U, V):
    N, T, D = x.shape
    states = [np.zeros((N, V.shape[0]))]
    for t in range(T):
        states.append(np.tanh(x[:, t] @ U + states[-1] @ V))
    return states[-1], (x, U, V, states)


def rnn_last_backward(dout, cache):
    x, U, V, states = cache
    dx = np.zeros_like(x)
    dU = np.zeros_like(U)
    dV = np.zeros_like(V)
    delta = dout
    for t in reversed(range(x.shape[1])):
        delta = delta * (1 - states[t + 1] ** 2)
        dU += x[:, t].T @ delta
        dV += states[t].T @ delta
        dx[:, t] = delta @ U.T
        delta = dout @ V.T
    return dx, dU, dV


def make_last(rng):
    return rng.normal(size=(3, 4, 2)), rng.normal(size=(2, 5)), 0.6 * rng.normal(size=(5, 5))


WRONG.add(
    "rnn: each step restarts from dout",
    (rnn_last_forward, rnn_last_backward),
    make_last,
    "dx dU dV",
    "wrong_tensor",
    "missing_path chain_factor",
)


def run_direction(x, U, V):
    h = np.zeros((x.shape[0], V.shape[0]))
    hs = []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ U + h @ V)
        hs.append(h)
    return np.stack(hs, axis=1)


def run_direction_back(dh, x, U, V, hs):
    dx, dU, dV = np.zeros_like(x), np.zeros_like(U), np.zeros_like(V)
    carry = 0
    for t in range(x.shape[1] - 1, -1, -1):
        da = (dh[:, t] + carry) * (1 - hs[:, t] ** 2)
        dx[:, t] = da @ U.T
        dU += x[:, t].T @ da
        if t > 0:
            dV += hs[:, t - 1].T @ da
        carry = da @ V.T
    return dx, dU, dV


def birnn_forward(x, Uf, Vf, Ub, Vb):
    hf = run_direction(x, Uf, Vf)
    hb = run_direction(x[:, ::-1], Ub, Vb)
    out = np.concatenate([hf, hb[:, ::-1]], axis=2)
    return out, (x, Uf, Vf, Ub, Vb, hf, hb)


def birnn_backward(dout, cache):
    x, Uf, Vf, Ub, Vb, hf, hb = cache
    H = hf.shape[2]
    dxf, dUf, dVf = run_direction_back(dout[:, :, :H], x, Uf, Vf, hf)
    dxb, dUb, dVb = run_direction_back(dout[:, ::-1, H:], x[:, ::-1], Ub, Vb, hb)
    return dxf + dxb, dUf, dVf, dUb, dVb


def make_birnn(rng):
    return (
        rng.normal(size=(2, 4, 3)),
        rng.normal(size=(3, 2)),
        rng.normal(size=(2, 2)),
        rng.normal(size=(3, 2)),
        rng.normal(size=(2, 2)),
    )


WRONG.add(
    "bidirectional rnn: dx of the backward pass not turned round",
    (birnn_forward, birnn_backward),
    make_birnn,
    "dx",
    "rearranged",
    "wrong_index",
)


# ---------------------------------------------------------------- lstm step
def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    H = prev_h.shape[1]
    a = x @ Wx + prev_h @ Wh + b
    i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    cache = (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)
    return (next_h, next_c), cache


def lstm_finish(da, x, prev_h, Wx, Wh):
    return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def lstm_step_backward_cell_path(dout, cache):
    dnext_h, dnext_c = dout
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    do = dnext_h * np.tanh(next_c)
    dc = dnext_c
    di, df, dg = dc * g, dc * prev_c, dc * i
    da = np.hstack((di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g * g)))
    dx, dprev_h, dWx, dWh, db = lstm_finish(da, x, prev_h, Wx, Wh)
    return dx, dprev_h, dc * f, dWx, dWh, db


def lstm_step_backward_forget(dout, cache):
    dnext_h, dnext_c = dout
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    t = np.tanh(next_c)
    dc = dnext_c + dnext_h * o * (1 - t**2)
    da_i = dc * g * i * (1 - i)
    da_f = dc * next_c * f * (1 - f)
    da_o = dnext_h * t * o * (1 - o)
    da_g = dc * i * (1 - g**2)
    da = np.concatenate([da_i, da_f, da_o, da_g], axis=1)
    dx, dprev_h, dWx, dWh, db = lstm_finish(da, x, prev_h, Wx, Wh)
    return dx, dprev_h, dc * f, dWx, dWh, db


def lstm_step_backward_gate_order(dout, cache):
    dnext_h, dnext_c = dout
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    t = np.tanh(next_c)
    dc = dnext_c + dnext_h * o * (1 - t**2)
    da_f = dc * prev_c * f * (1 - f)
    da_i = dc * g * i * (1 - i)
    da_g = dc * i * (1 - g**2)
    da_o = dnext_h * t * o * (1 - o)
    da = np.concatenate([da_f, da_i, da_o, da_g], axis=1)
    dx, dprev_h, dWx, dWh, db = lstm_finish(da, x, prev_h, Wx, Wh)
    return dx, dprev_h, dc * f, dWx, dWh, db


def lstm_step_backward_candidate(dout, cache):
    dnext_h, dnext_c = dout
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    t = np.tanh(next_c)
    dc = dnext_c + dnext_h * o * (1 - t**2)
    grads = {"i": dc * g, "f": dc * prev_c, "o": dnext_h * t, "g": dc * i}
    gates = {"i": i, "f": f, "o": o, "g": g}
    da = np.hstack([grads[k] * gates[k] * (1 - gates[k]) for k in "ifog"])
    dx, dprev_h, dWx, dWh, db = lstm_finish(da, x, prev_h, Wx, Wh)
    return dx, dprev_h, dc * f, dWx, dWh, db


def lstm_step_backward_swap(dout, cache):
    dnext_h, dnext_c = dout
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    t = np.tanh(next_c)
    dc = dnext_c + dnext_h * o * (1 - t**2)
    da = np.hstack(
        [
            dc * g * i * (1 - i),
            dc * prev_c * f * (1 - f),
            dnext_h * t * o * (1 - o),
            dc * i * (1 - g**2),
        ]
    )
    dprev_c = dc * f
    dx, dprev_h, dWx, dWh, db = lstm_finish(da, x, prev_h, Wx, Wh)
    return dx, dprev_c, dprev_h, dWx, dWh, db


def lstm_step_backward_output_gate(dout, cache):
    dnext_h, dnext_c = dout
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    t = np.tanh(next_c)
    dc = dnext_c + dnext_h * (1 - t**2)
    da = np.hstack(
        [
            dc * g * i * (1 - i),
            dc * prev_c * f * (1 - f),
            dnext_h * t * o * (1 - o),
            dc * i * (1 - g**2),
        ]
    )
    dx, dprev_h, dWx, dWh, db = lstm_finish(da, x, prev_h, Wx, Wh)
    return dx, dprev_h, dc * f, dWx, dWh, db


def make_lstm_step(rng):
    N, D, H = 3, 4, 2
    return (
        rng.normal(size=(N, D)),
        rng.normal(size=(N, H)),
        rng.normal(size=(N, H)),
        rng.normal(size=(D, 4 * H)),
        rng.normal(size=(H, 4 * H)),
        rng.normal(size=4 * H),
    )


EVERY = "dx dprev_h dWx dWh db"
WRONG.add(
    "lstm step: cell ignores the gradient of the state",
    (lstm_step_forward, lstm_step_backward_cell_path),
    make_lstm_step,
    "dx dprev_h dprev_c dWx dWh db",
    "missing_path",
)
WRONG.add(
    "lstm step: new cell in the forget gate",
    (lstm_step_forward, lstm_step_backward_forget),
    make_lstm_step,
    EVERY,
    "wrong_tensor",
)
WRONG.add(
    "lstm step: gates joined in another order",
    (lstm_step_forward, lstm_step_backward_gate_order),
    make_lstm_step,
    EVERY,
    "rearranged",
)
WRONG.add(
    "lstm step: sigmoid slope for the candidate",
    (lstm_step_forward, lstm_step_backward_candidate),
    make_lstm_step,
    EVERY,
    "wrong_formula",
)
WRONG.add(
    "lstm step: state and cell returned the wrong way round",
    (lstm_step_forward, lstm_step_backward_swap),
    make_lstm_step,
    "dprev_h dprev_c",
    "swapped_outputs",
)
WRONG.add(
    "lstm step: output gate missing on the way to the cell",
    (lstm_step_forward, lstm_step_backward_output_gate),
    make_lstm_step,
    "dx dprev_h dprev_c dWx dWh db",
    "chain_factor",
)


# ---------------------------------------------------------------- lstm over a sequence
def lstm_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    h, c = h0, np.zeros_like(h0)
    hs, steps = [], []
    for t in range(T):
        (h, c), step = lstm_step_forward(x[:, t], h, c, Wx, Wh, b)
        hs.append(h)
        steps.append(step)
    return np.stack(hs, axis=1), {"steps": steps, "shapes": (x.shape, Wx.shape, Wh.shape)}


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    t = np.tanh(next_c)
    dc = dnext_c + dnext_h * o * (1 - t**2)
    da = np.hstack(
        [
            dc * g * i * (1 - i),
            dc * prev_c * f * (1 - f),
            dnext_h * t * o * (1 - o),
            dc * i * (1 - g**2),
        ]
    )
    dx, dprev_h, dWx, dWh, db = lstm_finish(da, x, prev_h, Wx, Wh)
    return dx, dprev_h, dc * f, dWx, dWh, db


def lstm_backward_no_cell(dh, cache):
    xs, wxs, whs = cache["shapes"]
    dx = np.zeros(xs)
    dWx, dWh, db = np.zeros(wxs), np.zeros(whs), np.zeros(wxs[1])
    dprev_h = np.zeros_like(dh[:, 0])
    for t in reversed(range(xs[1])):
        dc = np.zeros_like(dprev_h)
        dxt, dprev_h, dprev_c, dwx, dwh, dbt = lstm_step_backward(
            dh[:, t] + dprev_h, dc, cache["steps"][t]
        )
        dx[:, t] = dxt
        dWx += dwx
        dWh += dwh
        db += dbt
    return dx, dprev_h, dWx, dWh, db


def make_lstm(rng):
    N, T, D, H = 2, 3, 4, 2
    return (
        rng.normal(size=(N, T, D)),
        rng.normal(size=(N, H)),
        rng.normal(size=(D, 4 * H)),
        rng.normal(size=(H, 4 * H)),
        rng.normal(size=4 * H),
    )


WRONG.add(
    "lstm: cell gradient reset at every step",
    (lstm_forward, lstm_backward_no_cell),
    make_lstm,
    "dx dh0 dWx dWh db",
    "missing_path",
)


# ---------------------------------------------------------------- gru and leaky units
def gru_cell(x, h, Wz, Wr, Wn):
    xh = np.concatenate([x, h], axis=1)
    z = sigmoid(xh @ Wz)
    r = sigmoid(xh @ Wr)
    xrh = np.concatenate([x, r * h], axis=1)
    n = np.tanh(xrh @ Wn)
    return (1 - z) * n + z * h, dict(x=x, h=h, xh=xh, xrh=xrh, z=z, r=r, n=n, W=(Wz, Wr, Wn))


def gru_grad_direct(dout, c):
    Wz, Wr, Wn = c["W"]
    D = c["x"].shape[1]
    dn = dout * (1 - c["z"]) * (1 - c["n"] ** 2)
    dz = dout * (c["h"] - c["n"]) * c["z"] * (1 - c["z"])
    dxrh = dn @ Wn.T
    dr = dxrh[:, D:] * c["h"] * c["r"] * (1 - c["r"])
    dxh = dz @ Wz.T + dr @ Wr.T
    dx = dxh[:, :D] + dxrh[:, :D]
    dh = dxh[:, D:] + dxrh[:, D:] * c["r"]
    return dx, dh, c["xh"].T @ dz, c["xh"].T @ dr, c["xrh"].T @ dn


def gru_grad_reset(dout, c):
    Wz, Wr, Wn = c["W"]
    D = c["x"].shape[1]
    dn = dout * (1 - c["z"]) * (1 - c["n"] ** 2)
    dz = dout * (c["h"] - c["n"]) * c["z"] * (1 - c["z"])
    dxrh = dn @ Wn.T
    dr = dxrh[:, D:] * c["h"] * c["r"] * (1 - c["r"])
    dxh = dz @ Wz.T + dr @ Wr.T
    dx = dxh[:, :D] + dxrh[:, :D]
    dh = dout * c["z"] + dxh[:, D:] + dxrh[:, D:]
    return dx, dh, c["xh"].T @ dz, c["xh"].T @ dr, c["xrh"].T @ dn


def gru_grad_update(dout, c):
    Wz, Wr, Wn = c["W"]
    D = c["x"].shape[1]
    dn = dout * (1 - c["z"]) * (1 - c["n"] ** 2)
    dz = dout * c["h"] * c["z"] * (1 - c["z"])
    dxrh = dn @ Wn.T
    dr = dxrh[:, D:] * c["h"] * c["r"] * (1 - c["r"])
    dxh = dz @ Wz.T + dr @ Wr.T
    dx = dxh[:, :D] + dxrh[:, :D]
    dh = dout * c["z"] + dxh[:, D:] + dxrh[:, D:] * c["r"]
    return dx, dh, c["xh"].T @ dz, c["xh"].T @ dr, c["xrh"].T @ dn


def gru_grad_candidate_input(dout, c):
    Wz, Wr, Wn = c["W"]
    D = c["x"].shape[1]
    dn = dout * (1 - c["z"]) * (1 - c["n"] ** 2)
    dz = dout * (c["h"] - c["n"]) * c["z"] * (1 - c["z"])
    dxrh = dn @ Wn.T
    dr = dxrh[:, D:] * c["h"] * c["r"] * (1 - c["r"])
    dxh = dz @ Wz.T + dr @ Wr.T
    dx = dxh[:, :D] + dxrh[:, :D]
    dh = dout * c["z"] + dxh[:, D:] + dxrh[:, D:] * c["r"]
    dWz, dWr, dWn = (c["xh"].T @ d for d in (dz, dr, dn))
    return dx, dh, dWz, dWr, dWn


def make_gru(rng):
    N, D, H = 4, 2, 3
    return (
        rng.normal(size=(N, D)),
        rng.normal(size=(N, H)),
        rng.normal(size=(D + H, H)),
        rng.normal(size=(D + H, H)),
        rng.normal(size=(D + H, H)),
    )


WRONG.add(
    "gru: direct path to the old state missing",
    (gru_cell, gru_grad_direct),
    make_gru,
    "dh",
    "missing_path",
)
WRONG.add(
    "gru: reset gate missing on the way to the state",
    (gru_cell, gru_grad_reset),
    make_gru,
    "dh",
    "chain_factor",
)
WRONG.add(
    "gru: update gate sees the old state only",
    (gru_cell, gru_grad_update),
    make_gru,
    "dx dh dWz",
    "missing_path",
)
WRONG.add(
    "gru: candidate weights from the ungated input",
    (gru_cell, gru_grad_candidate_input),
    make_gru,
    "dWn",
    "wrong_tensor",
)


class LeakyUnit:
    """h' = (1 - a) h + a tanh(x U + h V)."""

    rate = 0.3

    @classmethod
    def forward(cls, x, h, U, V):
        y = np.tanh(x @ U + h @ V)
        return (1 - cls.rate) * h + cls.rate * y, (x, h, U, V, y)

    @classmethod
    def backward(cls, dout, cache):
        x, h, U, V, y = cache
        d = dout * (1 - y * y)
        dh = (1 - cls.rate) * dout + cls.rate * d @ V.T
        return cls.rate * d @ U.T, dh, x.T @ d, h.T @ d


def make_leaky(rng):
    return (
        rng.normal(size=(3, 2)),
        rng.normal(size=(3, 4)),
        rng.normal(size=(2, 4)),
        rng.normal(size=(4, 4)),
    )


WRONG.add(
    "leaky unit: rate missing for the weights",
    (LeakyUnit.forward, LeakyUnit.backward),
    make_leaky,
    "dU dV",
    "constant_scale",
    "chain_factor",
)


def scan_forward(x, *, decay=0.8):
    y = np.zeros_like(x)
    acc = np.zeros(x.shape[0])
    for t in range(x.shape[1]):
        acc = decay * acc + x[:, t]
        y[:, t] = acc
    return y, decay


def scan_backward(dy, decay):
    dx = np.zeros_like(dy)
    T = dy.shape[1]
    for t in range(T - 1, -1, -1):
        dx[:, t] = dy[:, t]
        if t + 1 < T:
            dx[:, t] += decay * dy[:, t + 1]
    return dx


def make_scan(rng):
    return (rng.normal(size=(3, 5)),)


WRONG.add(
    "moving average: gradient goes back one step only",
    (scan_forward, scan_backward),
    make_scan,
    "dx",
    "missing_path",
    decay=0.8,
)
