"""Plain recurrent networks, one step and whole sequences, each with one fault."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, normal


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(prev_h.dot(Wh) + x.dot(Wx) + b)
    cache = (x, prev_h, Wx, Wh, next_h)
    return next_h, cache


def rnn_step_backward_tanh_left_out(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    dx = dnext_h.dot(Wx.T)
    dprev_h = dnext_h.dot(Wh.T)
    dWx = x.T.dot(dnext_h)
    dWh = prev_h.T.dot(dnext_h)
    db = dnext_h.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db


def rnn_step_backward_tanh_of_previous(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - prev_h**2)
    dx = da.dot(Wx.T)
    dprev_h = da.dot(Wh.T)
    dWx = x.T.dot(da)
    dWh = prev_h.T.dot(da)
    db = da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db


def rnn_step_backward_wh_as_is(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    dx = da.dot(Wx.T)
    dprev_h = da.dot(Wh)
    dWx = x.T.dot(da)
    dWh = prev_h.T.dot(da)
    db = da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db


def rnn_step_backward_wh_from_next(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    return da @ Wx.T, da @ Wh.T, x.T @ da, next_h.T @ da, da.sum(0)


def rnn_step_backward_dout_squared(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - dnext_h**2)
    return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(0)


def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    hs = np.zeros((N, T + 1, h0.shape[1]))
    hs[:, 0] = h0
    for t in range(T):
        hs[:, t + 1] = np.tanh(x[:, t] @ Wx + hs[:, t] @ Wh + b)
    return hs[:, 1:].copy(), (x, hs, Wx, Wh)


def rnn_backward_steps_apart(dh, cache):
    x, hs, Wx, Wh = cache
    dx = np.zeros_like(x)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(Wh.shape[0])
    for t in reversed(range(x.shape[1])):
        da = dh[:, t] * (1 - hs[:, t + 1] ** 2)
        dx[:, t] = da @ Wx.T
        dWx += x[:, t].T @ da
        dWh += hs[:, t].T @ da
        db += da.sum(axis=0)
        dh0 = da @ Wh.T
    return dx, dh0, dWx, dWh, db


def rnn_backward_wx_of_first_step(dh, cache):
    x, hs, Wx, Wh = cache
    dx = np.zeros_like(x)
    dWh, db = np.zeros_like(Wh), np.zeros(Wh.shape[0])
    dprev = np.zeros_like(hs[:, 0])
    for t in reversed(range(x.shape[1])):
        da = (dh[:, t] + dprev) * (1 - hs[:, t + 1] ** 2)
        dx[:, t] = da @ Wx.T
        dprev = da @ Wh.T
        dWx = x[:, t].T @ da
        dWh += hs[:, t].T @ da
        db += da.sum(axis=0)
    return dx, dprev, dWx, dWh, db


def rnn_backward_first_step_left(dh, cache):
    x, hs, Wx, Wh = cache
    dx = np.zeros_like(x)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(Wh.shape[0])
    carry = np.zeros_like(hs[:, 0])
    for t in range(x.shape[1] - 1, 0, -1):
        da = (dh[:, t] + carry) * (1 - hs[:, t + 1] ** 2)
        dx[:, t] = da @ Wx.T
        carry = da @ Wh.T
        dWx += x[:, t].T @ da
        dWh += hs[:, t].T @ da
        db += da.sum(axis=0)
    return dx, carry, dWx, dWh, db


def rnn_backward_states_shifted(dh, cache):
    x, hs, Wx, Wh = cache
    dx = np.zeros_like(x)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(Wh.shape[0])
    dprev = np.zeros_like(hs[:, 0])
    for t in reversed(range(x.shape[1])):
        da = (dh[:, t] + dprev) * (1 - hs[:, t + 1] ** 2)
        dx[:, t] = da @ Wx.T
        dprev = da @ Wh.T
        dWx += x[:, t].T @ da
        dWh += hs[:, t + 1].T @ da
        db += da.sum(axis=0)
    return dx, dprev, dWx, dWh, db


def rnn_backward_bias_by_step(dh, cache):
    x, hs, Wx, Wh = cache
    N, T, D = x.shape
    das = np.zeros_like(dh)
    dprev = 0
    for t in range(T)[::-1]:
        das[:, t] = (dh[:, t] + dprev) * (1 - hs[:, t + 1] ** 2)
        dprev = das[:, t] @ Wh.T
    dx = das @ Wx.T
    dWx = np.einsum("ntd,nth->dh", x, das)
    dWh = np.einsum("nth,ntk->hk", hs[:, :-1], das)
    db = das.sum(axis=0)
    return dx, dprev, dWx, dWh, db


def rnn_backward_first_state_without_wh(dh, cache):
    x, hs, Wx, Wh = cache
    dx = np.zeros_like(x)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(Wh.shape[0])
    dprev = 0
    for t in reversed(range(x.shape[1])):
        da = (dh[:, t] + dprev) * (1 - hs[:, t + 1] ** 2)
        dx[:, t] = da @ Wx.T
        dprev = da @ Wh.T
        dWx += x[:, t].T @ da
        dWh += hs[:, t].T @ da
        db += da.sum(axis=0)
    dh0 = da
    return dx, dh0, dWx, dWh, db


# one way and back, side by side; the second direction reads the sequence from its end


def two_ways_forward(x, U, V):
    T, D = x.shape
    f, g = np.zeros((T + 1, D)), np.zeros((T + 1, D))
    for t in range(T):
        f[t + 1] = np.tanh(U * f[t] + x[t])
        g[t + 1] = np.tanh(V * g[t] + x[T - 1 - t])
    return np.hstack([f[1:], g[1:][::-1]]), (x, U, V, f, g)


def two_ways_backward_second_not_reversed(dout, cache):
    x, U, V, f, g = cache
    T, D = x.shape
    df, dg = dout[:, :D], dout[:, D:][::-1]
    dx, dU, dV = np.zeros_like(x), np.zeros_like(U), np.zeros_like(V)
    pf, pg = np.zeros(D), np.zeros(D)
    for t in reversed(range(T)):
        af = (df[t] + pf) * (1 - f[t + 1] ** 2)
        ag = (dg[t] + pg) * (1 - g[t + 1] ** 2)
        dU += af * f[t]
        dV += ag * g[t]
        dx[t] += af + ag
        pf, pg = U * af, V * ag
    return dx, dU, dV


STEP = normal((3, 5), (3, 4), (5, 4), (4, 4), (4,))
SEQUENCE = normal((3, 4, 2), (3, 5), (2, 5), (5, 5), (5,))
ALL_OF_STEP = "dx dprev_h dWx dWh db"
ALL = "dx dh0 dWx dWh db"


def wrong(name, forward, backward, make, gradients, cause, also=()):
    return Specimen(name, forward, backward, make, {}, tuple(gradients.split()), cause, also)


WRONG = [
    wrong(
        "rnn step: derivative of tanh left out",
        rnn_step_forward,
        rnn_step_backward_tanh_left_out,
        STEP,
        ALL_OF_STEP,
        "chain_factor",
    ),
    wrong(
        "rnn step: 1 - prev_h**2",
        rnn_step_forward,
        rnn_step_backward_tanh_of_previous,
        STEP,
        ALL_OF_STEP,
        "wrong_tensor",
    ),
    wrong(
        "rnn step: Wh not transposed",
        rnn_step_forward,
        rnn_step_backward_wh_as_is,
        STEP,
        "dprev_h",
        "transposed",
    ),
    wrong(
        "rnn step: dWh from next_h",
        rnn_step_forward,
        rnn_step_backward_wh_from_next,
        STEP,
        "dWh",
        "wrong_tensor",
    ),
    wrong(
        "rnn step: 1 - dnext_h**2",
        rnn_step_forward,
        rnn_step_backward_dout_squared,
        STEP,
        ALL_OF_STEP,
        "dout_nonlinear",
    ),
    wrong(
        "rnn: no gradient from step to step",
        rnn_forward,
        rnn_backward_steps_apart,
        SEQUENCE,
        ALL,
        "missing_path",
    ),
    wrong(
        "rnn: dWx of one step only",
        rnn_forward,
        rnn_backward_wx_of_first_step,
        SEQUENCE,
        "dWx",
        "overwrite_not_accumulate",
        ("missing_reduction",),
    ),
    wrong(
        "rnn: step 0 left out",
        rnn_forward,
        rnn_backward_first_step_left,
        SEQUENCE,
        ALL,
        "partial_fill",
        ("wrong_index",),
    ),
    wrong(
        "rnn: dWh from the state after the step",
        rnn_forward,
        rnn_backward_states_shifted,
        SEQUENCE,
        "dWh",
        "wrong_index",
        ("wrong_tensor",),
    ),
    wrong(
        "rnn: db for each step",
        rnn_forward,
        rnn_backward_bias_by_step,
        SEQUENCE,
        "db",
        "missing_reduction",
    ),
    wrong(
        "rnn: dh0 without Wh",
        rnn_forward,
        rnn_backward_first_state_without_wh,
        SEQUENCE,
        "dh0",
        "chain_factor",
        ("wrong_tensor",),
    ),
    wrong(
        "two-way rnn: dx of the way back not reversed",
        two_ways_forward,
        two_ways_backward_second_not_reversed,
        normal((5, 3), (3,), (3,)),
        "dx",
        "rearranged",
        ("wrong_index",),
    ),
]
