"""LSTM and GRU, each with one fault in its backward pass."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, normal


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    H = prev_h.shape[1]
    a = x @ Wx + prev_h @ Wh + b
    i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    return (next_h, next_c), (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)


def lstm_step_backward_cell_not_through_h(dout, cache):
    dnext_h, dnext_c = dout
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    do = dnext_h * np.tanh(next_c)
    dc = dnext_c
    di, df, dg, dprev_c = dc * g, dc * prev_c, dc * i, dc * f
    da = np.hstack((di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)))
    return da @ Wx.T, da @ Wh.T, dprev_c, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def lstm_step_backward_next_c_ignored(dout, cache):
    dnext_h, dnext_c = dout
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    t = np.tanh(next_c)
    do = dnext_h * t
    dc = dnext_h * o * (1 - t**2)
    di, df, dg, dprev_c = dc * g, dc * prev_c, dc * i, dc * f
    da = np.hstack((di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)))
    return da @ Wx.T, da @ Wh.T, dprev_c, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def lstm_step_backward_forget_from_next_c(dout, cache):
    dnext_h, dnext_c = dout
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    t = np.tanh(next_c)
    do = dnext_h * t
    dc = dnext_c + dnext_h * o * (1 - t**2)
    di, df, dg, dprev_c = dc * g, dc * next_c, dc * i, dc * f
    da = np.hstack((di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)))
    return da @ Wx.T, da @ Wh.T, dprev_c, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def lstm_step_backward_prev_c_without_f(dout, cache):
    dnext_h, dnext_c = dout
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    t = np.tanh(next_c)
    do = dnext_h * t
    dc = dnext_c + dnext_h * o * (1 - t**2)
    di, df, dg = dc * g, dc * prev_c, dc * i
    dprev_c = dc
    da = np.hstack((di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)))
    return da @ Wx.T, da @ Wh.T, dprev_c, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def lstm_step_backward_output_gate_by_its_gradient(dout, cache):
    dnext_h, dnext_c = dout
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    t = np.tanh(next_c)
    do = dnext_h * t
    dc = dnext_c + dnext_h * o * (1 - t**2)
    di, df, dg, dprev_c = dc * g, dc * prev_c, dc * i, dc * f
    da = np.hstack((di * i * (1 - i), df * f * (1 - f), do * (1 - do), dg * (1 - g**2)))
    return da @ Wx.T, da @ Wh.T, dprev_c, x.T @ da, prev_h.T @ da, da.sum(axis=0)


# a whole sequence; only the hidden states come out


def lstm_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    H = h0.shape[1]
    h, c = h0, np.zeros_like(h0)
    hs, steps = [], []
    for t in range(T):
        a = x[:, t] @ Wx + h @ Wh + b
        i, f, o, g = np.split(a, 4, axis=1)
        i, f, o, g = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)
        new_c = f * c + i * g
        steps.append({"x": x[:, t], "h": h, "c": c, "i": i, "f": f, "o": o, "g": g, "new": new_c})
        c = new_c
        h = o * np.tanh(c)
        hs.append(h)
    return np.stack(hs, axis=1), {"steps": steps, "Wx": Wx, "Wh": Wh, "D": D, "H": H}


def lstm_backward_cell_forgotten(dh, cache):
    Wx, Wh, steps = cache["Wx"], cache["Wh"], cache["steps"]
    N, T, H = dh.shape
    dx = np.zeros((N, T, cache["D"]))
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(4 * H)
    dprev_h = np.zeros((N, H))
    for t in reversed(range(T)):
        s = steps[t]
        tc = np.tanh(s["new"])
        dht = dh[:, t] + dprev_h
        dc = dht * s["o"] * (1 - tc**2)
        ai = dc * s["g"] * s["i"] * (1 - s["i"])
        af = dc * s["c"] * s["f"] * (1 - s["f"])
        ao = dht * tc * s["o"] * (1 - s["o"])
        ag = dc * s["i"] * (1 - s["g"] ** 2)
        da = np.concatenate([ai, af, ao, ag], axis=1)
        dx[:, t] = da @ Wx.T
        dprev_h = da @ Wh.T
        dWx += s["x"].T @ da
        dWh += s["h"].T @ da
        db += da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db


def lstm_backward_gates_in_other_order(dh, cache):
    Wx, Wh, steps = cache["Wx"], cache["Wh"], cache["steps"]
    N, T, H = dh.shape
    dx = np.zeros((N, T, cache["D"]))
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(4 * H)
    dprev_h, dprev_c = np.zeros((N, H)), np.zeros((N, H))
    for t in reversed(range(T)):
        s = steps[t]
        tc = np.tanh(s["new"])
        dht = dh[:, t] + dprev_h
        dc = dprev_c + dht * s["o"] * (1 - tc**2)
        ai = dc * s["g"] * s["i"] * (1 - s["i"])
        af = dc * s["c"] * s["f"] * (1 - s["f"])
        ao = dht * tc * s["o"] * (1 - s["o"])
        ag = dc * s["i"] * (1 - s["g"] ** 2)
        da = np.concatenate([ai, af, ao, ag], axis=1)
        dx[:, t] = da @ Wx.T
        dprev_h = da @ Wh.T
        dprev_c = dc * s["f"]
        by_gate = np.concatenate([ai, af, ag, ao], axis=1)
        dWx += s["x"].T @ by_gate
        dWh += s["h"].T @ by_gate
        db += by_gate.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db


def lstm_backward_candidate_as_sigmoid(dh, cache):
    Wx, Wh, steps = cache["Wx"], cache["Wh"], cache["steps"]
    N, T, H = dh.shape
    dx = np.zeros((N, T, cache["D"]))
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(4 * H)
    dprev_h, dprev_c = np.zeros((N, H)), np.zeros((N, H))
    for t in reversed(range(T)):
        s = steps[t]
        tc = np.tanh(s["new"])
        dht = dh[:, t] + dprev_h
        dc = dprev_c + dht * s["o"] * (1 - tc**2)
        ai = dc * s["g"] * s["i"] * (1 - s["i"])
        af = dc * s["c"] * s["f"] * (1 - s["f"])
        ao = dht * tc * s["o"] * (1 - s["o"])
        ag = dc * s["i"] * s["g"] * (1 - s["g"])
        da = np.concatenate([ai, af, ao, ag], axis=1)
        dx[:, t] = da @ Wx.T
        dprev_h = da @ Wh.T
        dprev_c = dc * s["f"]
        dWx += s["x"].T @ da
        dWh += s["h"].T @ da
        db += da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db


# gated recurrent unit, one matrix for each gate: h = (1 - z) n + z prev


def gru_step_forward(x, prev, Wz, Uz, Wr, Ur, Wn, Un):
    z = sigmoid(x @ Wz + prev @ Uz)
    r = sigmoid(x @ Wr + prev @ Ur)
    n = np.tanh(x @ Wn + (r * prev) @ Un)
    return (1 - z) * n + z * prev, (x, prev, z, r, n, (Wz, Uz, Wr, Ur, Wn, Un))


def gru_step_backward_update_gate_reversed(dh, cache):
    x, prev, z, r, n, (Wz, Uz, Wr, Ur, Wn, Un) = cache
    daz = dh * (n - prev) * z * (1 - z)
    dan = dh * (1 - z) * (1 - n**2)
    drp = dan @ Un.T
    dar = drp * prev * r * (1 - r)
    dx = daz @ Wz.T + dar @ Wr.T + dan @ Wn.T
    dprev = dh * z + drp * r + daz @ Uz.T + dar @ Ur.T
    grads = x.T @ daz, prev.T @ daz, x.T @ dar, prev.T @ dar, x.T @ dan, (r * prev).T @ dan
    return dx, dprev, *grads


def gru_step_backward_no_direct_path(dh, cache):
    x, prev, z, r, n, (Wz, Uz, Wr, Ur, Wn, Un) = cache
    daz = dh * (prev - n) * z * (1 - z)
    dan = dh * (1 - z) * (1 - n**2)
    drp = dan @ Un.T
    dar = drp * prev * r * (1 - r)
    dx = daz @ Wz.T + dar @ Wr.T + dan @ Wn.T
    dprev = drp * r + daz @ Uz.T + dar @ Ur.T
    grads = x.T @ daz, prev.T @ daz, x.T @ dar, prev.T @ dar, x.T @ dan, (r * prev).T @ dan
    return dx, dprev, *grads


def gru_step_backward_reset_left_out_of_un(dh, cache):
    x, prev, z, r, n, (Wz, Uz, Wr, Ur, Wn, Un) = cache
    daz = dh * (prev - n) * z * (1 - z)
    dan = dh * (1 - z) * (1 - n**2)
    drp = dan @ Un.T
    dar = drp * prev * r * (1 - r)
    dx = daz @ Wz.T + dar @ Wr.T + dan @ Wn.T
    dprev = dh * z + drp * r + daz @ Uz.T + dar @ Ur.T
    return (dx, dprev, x.T @ daz, prev.T @ daz, x.T @ dar, prev.T @ dar, x.T @ dan, prev.T @ dan)


def gru_step_backward_reset_gate_not_derived(dh, cache):
    x, prev, z, r, n, (Wz, Uz, Wr, Ur, Wn, Un) = cache
    daz = dh * (prev - n) * z * (1 - z)
    dan = dh * (1 - z) * (1 - n**2)
    drp = dan @ Un.T
    dar = drp * prev
    dx = daz @ Wz.T + dar @ Wr.T + dan @ Wn.T
    dprev = dh * z + drp * r + daz @ Uz.T + dar @ Ur.T
    grads = x.T @ daz, prev.T @ daz, x.T @ dar, prev.T @ dar, x.T @ dan, (r * prev).T @ dan
    return dx, dprev, *grads


def gru_step_backward_two_matrices_exchanged(dh, cache):
    x, prev, z, r, n, (Wz, Uz, Wr, Ur, Wn, Un) = cache
    daz = dh * (prev - n) * z * (1 - z)
    dan = dh * (1 - z) * (1 - n**2)
    drp = dan @ Un.T
    dar = drp * prev * r * (1 - r)
    dx = daz @ Wz.T + dar @ Wr.T + dan @ Wn.T
    dprev = dh * z + drp * r + daz @ Uz.T + dar @ Ur.T
    dWz, dWr, dWn = x.T @ daz, x.T @ dar, x.T @ dan
    dUz, dUr, dUn = prev.T @ daz, prev.T @ dar, (r * prev).T @ dan
    return dx, dprev, dWr, dUr, dWz, dUz, dWn, dUn


LSTM_STEP = normal((3, 5), (3, 4), (3, 4), (5, 16), (4, 16), (16,))
LSTM = normal((2, 3, 5), (2, 4), (5, 16), (4, 16), (16,))
GRU_STEP = normal((3, 5), (3, 4), (5, 4), (4, 4), (5, 4), (4, 4), (5, 4), (4, 4))


def wrong_step(name, backward, gradients, cause, also=()):
    gradients = tuple(gradients.split())
    return Specimen(name, lstm_step_forward, backward, LSTM_STEP, {}, gradients, cause, also)


def wrong_lstm(name, backward, gradients, cause, also=()):
    return Specimen(name, lstm_forward, backward, LSTM, {}, tuple(gradients.split()), cause, also)


def wrong_gru(name, backward, gradients, cause, also=()):
    gradients = tuple(gradients.split())
    return Specimen(name, gru_step_forward, backward, GRU_STEP, {}, gradients, cause, also)


WRONG = [
    wrong_step(
        "lstm step: cell's path through next_h left out",
        lstm_step_backward_cell_not_through_h,
        "dx dprev_h dprev_c dWx dWh db",
        "missing_path",
    ),
    wrong_step(
        "lstm step: dnext_c not used",
        lstm_step_backward_next_c_ignored,
        "dx dprev_h dprev_c dWx dWh db",
        "missing_path",
        ("dout_ignored",),
    ),
    wrong_step(
        "lstm step: forget gate from next_c",
        lstm_step_backward_forget_from_next_c,
        "dx dprev_h dWx dWh db",
        "wrong_tensor",
    ),
    wrong_step(
        "lstm step: dprev_c without f",
        lstm_step_backward_prev_c_without_f,
        "dprev_c",
        "chain_factor",
    ),
    wrong_step(
        "lstm step: do (1 - do) where o (1 - o) belongs",
        lstm_step_backward_output_gate_by_its_gradient,
        "dx dprev_h dWx dWh db",
        "dout_nonlinear",
    ),
    wrong_lstm(
        "lstm: cell's gradient not carried",
        lstm_backward_cell_forgotten,
        "dx dh0 dWx dWh db",
        "missing_path",
    ),
    wrong_lstm(
        "lstm: parameters' gates joined in another order",
        lstm_backward_gates_in_other_order,
        "dWx dWh db",
        "rearranged",
    ),
    wrong_lstm(
        "lstm: candidate derived as a sigmoid",
        lstm_backward_candidate_as_sigmoid,
        "dx dh0 dWx dWh db",
        "wrong_formula",
    ),
    wrong_gru(
        "gru step: n - prev",
        gru_step_backward_update_gate_reversed,
        "dx dprev dWz dUz",
        "sign_flip",
        ("wrong_formula",),
    ),
    wrong_gru(
        "gru step: direct path z * prev left out",
        gru_step_backward_no_direct_path,
        "dprev",
        "missing_path",
    ),
    wrong_gru(
        "gru step: dUn from prev without r",
        gru_step_backward_reset_left_out_of_un,
        "dUn",
        "wrong_tensor",
        ("chain_factor",),
    ),
    wrong_gru(
        "gru step: reset gate's sigmoid not derived",
        gru_step_backward_reset_gate_not_derived,
        "dx dprev dWr dUr",
        "chain_factor",
    ),
    wrong_gru(
        "gru step: gradients of gates z and r exchanged",
        gru_step_backward_two_matrices_exchanged,
        "dWz dUz dWr dUr",
        "swapped_outputs",
    ),
]
