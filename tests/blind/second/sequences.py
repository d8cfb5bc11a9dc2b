"""Embedding, recurrent networks and attention."""

import numpy as np

from blind.shelf import note
from corpus.specimen import normal

WRONG = []


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# ---------------------------------------------------------------- embedding
def word_embedding_forward(x, W):
    return W[x, :], (x, W)


def word_embedding_backward_assign(dout, cache):
    x, W = cache
    dW = np.zeros_like(W)
    dW[x] = dout
    return dW


def word_embedding_backward_buffered(dout, cache):
    x, W = cache
    V, D = W.shape
    dW = np.zeros((V, D))
    dW[x] += dout
    return dW


def word_embedding_backward_mean(dout, cache):
    x, W = cache
    dW = np.zeros_like(W)
    count = np.zeros(W.shape[0])
    for n in range(x.shape[0]):
        for t in range(x.shape[1]):
            dW[x[n, t]] += dout[n, t]
            count[x[n, t]] += 1
    dW /= np.maximum(count, 1)[:, None]
    return dW


def word_embedding_backward_no_pad(dout, cache):
    x, W = cache
    dW = np.zeros_like(W)
    for v in range(1, W.shape[0]):
        dW[v] = dout[x == v].sum(axis=0)
    return dW


def word_embedding_backward_shifted(dout, cache):
    x, W = cache
    dW = np.zeros_like(W)
    np.add.at(dW, x - 1, dout)
    return dW


def make_words(rng):
    x = np.array([[0, 2, 2], [4, 0, 3]])
    return x, rng.normal(size=(5, 4))


note(
    WRONG,
    "embedding: rows of repeated words assigned",
    word_embedding_forward,
    word_embedding_backward_assign,
    make_words,
    "dW",
    "overwrite_not_accumulate",
)
note(
    WRONG,
    "embedding: += with repeated indices",
    word_embedding_forward,
    word_embedding_backward_buffered,
    make_words,
    "dW",
    "overwrite_not_accumulate",
)
note(
    WRONG,
    "embedding: divided by the number of occurrences",
    word_embedding_forward,
    word_embedding_backward_mean,
    make_words,
    "dW",
    "wrong_formula",
    "constant_scale chain_factor",
)
note(
    WRONG,
    "embedding: word 0 taken as padding",
    word_embedding_forward,
    word_embedding_backward_no_pad,
    make_words,
    "dW",
    "partial_fill",
    "wrong_mask wrong_index",
)
note(
    WRONG,
    "embedding: index shifted by one",
    word_embedding_forward,
    word_embedding_backward_shifted,
    make_words,
    "dW",
    "wrong_index",
    "rearranged",
)


def token_and_place_forward(tokens, E, P):
    T = tokens.shape[1]
    scale = np.sqrt(E.shape[1])
    return E[tokens] * scale + P[:T], (tokens, E.shape, P.shape, scale)


def token_and_place_backward_no_scale(dout, cache):
    tokens, e_shape, p_shape, scale = cache
    dE = np.zeros(e_shape)
    np.add.at(dE, tokens.ravel(), dout.reshape(-1, e_shape[1]))
    dP = np.zeros(p_shape)
    dP[: tokens.shape[1]] = dout.sum(axis=0)
    return dE, dP


def token_and_place_backward_one_sentence(dout, cache):
    tokens, e_shape, p_shape, scale = cache
    dE, dP = np.zeros(e_shape), np.zeros(p_shape)
    for n, sentence in enumerate(tokens):
        for t, token in enumerate(sentence):
            dE[token] += scale * dout[n, t]
            dP[t] = dout[n, t]
    return dE, dP


def make_sentences(rng):
    tokens = np.array([[1, 3, 1, 0], [2, 2, 4, 1]])
    return tokens, rng.normal(size=(6, 3)), rng.normal(size=(5, 3))


note(
    WRONG,
    "embedding: sqrt(D) of the tokens forgotten",
    token_and_place_forward,
    token_and_place_backward_no_scale,
    make_sentences,
    "dE",
    "constant_scale",
)
note(
    WRONG,
    "embedding: places learn from the last sentence",
    token_and_place_forward,
    token_and_place_backward_one_sentence,
    make_sentences,
    "dP",
    "overwrite_not_accumulate",
    "missing_reduction",
)


def bag_forward(idx, W):
    return W[idx].mean(axis=1), (idx, W.shape)


def bag_backward(dout, cache):
    idx, shape = cache
    dW = np.zeros(shape)
    for i in range(idx.shape[0]):
        for j in range(idx.shape[1]):
            dW[idx[i, j]] += dout[i]
    return dW


note(
    WRONG,
    "embedding: bag of words, mean forgotten",
    bag_forward,
    bag_backward,
    make_words,
    "dW",
    "constant_scale",
)


# ---------------------------------------------------------------- one step of an RNN
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x.dot(Wx) + prev_h.dot(Wh) + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


def rnn_step_backward_no_tanh(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    dx = dnext_h.dot(Wx.T)
    dprev_h = dnext_h.dot(Wh.T)
    dWx = x.T.dot(dnext_h)
    dWh = prev_h.T.dot(dnext_h)
    db = dnext_h.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db


def rnn_step_backward_next_h(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    return da @ Wx.T, da @ Wh.T, x.T @ da, next_h.T @ da, da.sum(0)


def rnn_step_backward_wh_not_turned(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    dtanh = (1 - next_h * next_h) * dnext_h
    db = np.sum(dtanh, axis=0)
    dWh = np.dot(prev_h.T, dtanh)
    dprev_h = np.dot(dtanh, Wh)
    dWx = np.dot(x.T, dtanh)
    dx = np.dot(dtanh, Wx.T)
    return dx, dprev_h, dWx, dWh, db


def rnn_step_backward_clipped(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    draw = (1 - next_h * next_h) * dnext_h
    dbh = draw.sum(axis=0)
    dWxh = np.dot(x.T, draw)
    dWhh = np.dot(prev_h.T, draw)
    for dparam in [dWxh, dWhh]:
        np.clip(dparam, -0.1, 0.1, out=dparam)  # against exploding gradients
    return np.dot(draw, Wx.T), np.dot(draw, Wh.T), dWxh, dWhh, dbh


step = normal((3, 5), (3, 4), (5, 4), (4, 4), (4,))
note(
    WRONG,
    "rnn step: tanh not differentiated",
    rnn_step_forward,
    rnn_step_backward_no_tanh,
    step,
    "dx dprev_h dWx dWh db",
    "chain_factor",
)
note(
    WRONG,
    "rnn step: dWh from the new state",
    rnn_step_forward,
    rnn_step_backward_next_h,
    step,
    "dWh",
    "wrong_tensor",
)
note(
    WRONG,
    "rnn step: Wh not transposed",
    rnn_step_forward,
    rnn_step_backward_wh_not_turned,
    step,
    "dprev_h",
    "transposed",
)
note(
    WRONG,
    "rnn step: gradients clipped in backward",
    rnn_step_forward,
    rnn_step_backward_clipped,
    step,
    "dWx dWh",
    "dout_nonlinear",
    "wrong_formula",
)


# ---------------------------------------------------------------- a whole RNN
def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    h = np.zeros((N, T, h0.shape[1]))
    prev = h0
    caches = []
    for t in range(T):
        prev, c = rnn_step_forward(x[:, t], prev, Wx, Wh, b)
        h[:, t] = prev
        caches.append(c)
    return h, caches


def step_back(dnext_h, c):
    x, prev_h, Wx, Wh, next_h = c
    da = dnext_h * (1 - next_h**2)
    return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def rnn_backward_no_carry(dh, caches):
    N, T, H = dh.shape
    D = caches[0][0].shape[1]
    dx = np.zeros((N, T, D))
    dWx, dWh, db = np.zeros((D, H)), np.zeros((H, H)), np.zeros(H)
    for t in reversed(range(T)):
        dx[:, t], dh0, dwx, dwh, dbt = step_back(dh[:, t], caches[t])
        dWx += dwx
        dWh += dwh
        db += dbt
    return dx, dh0, dWx, dWh, db


def rnn_backward_weights_of_first_step(dh, caches):
    N, T, H = dh.shape
    dx = np.zeros((N, T, caches[0][0].shape[1]))
    dprev_h = np.zeros((N, H))
    for i in range(T):
        t = T - 1 - i
        dx[:, t], dprev_h, dWx, dWh, db = step_back(dh[:, t] + dprev_h, caches[t])
    return dx, dprev_h, dWx, dWh, db


def rnn_backward_order_of_appending(dh, caches):
    N, T, H = dh.shape
    dxs = []
    dprev = np.zeros((N, H))
    grads = [0, 0, 0]
    for t in range(T - 1, -1, -1):
        dxt, dprev, *rest = step_back(dh[:, t] + dprev, caches[t])
        dxs.append(dxt)
        grads = [g + r for g, r in zip(grads, rest)]
    dx = np.stack(dxs, axis=1)
    return (dx, dprev, *grads)


def rnn_backward_stops_early(dh, caches):
    N, T, H = dh.shape
    D = caches[0][0].shape[1]
    dx, dWx, dWh, db = np.zeros((N, T, D)), np.zeros((D, H)), np.zeros((H, H)), np.zeros(H)
    dnext = np.zeros((N, H))
    for t in range(T - 1, 0, -1):
        x, prev_h, Wx, Wh, h = caches[t]
        draw = (1 - h * h) * (dh[:, t] + dnext)
        dx[:, t] = draw @ Wx.T
        dWx += x.T @ draw
        dWh += prev_h.T @ draw
        db += draw.sum(axis=0)
        dnext = draw @ Wh.T
    return dx, dnext, dWx, dWh, db


def rnn_backward_carry_before_tanh(dh, caches):
    N, T, H = dh.shape
    D = caches[0][0].shape[1]
    dx, dWx, dWh, db = np.zeros((N, T, D)), np.zeros((D, H)), np.zeros((H, H)), np.zeros(H)
    dnext = np.zeros((N, H))
    for t in reversed(range(T)):
        x, prev_h, Wx, Wh, h = caches[t]
        draw = (1 - h * h) * dh[:, t] + dnext
        dx[:, t] = draw @ Wx.T
        dWx += x.T @ draw
        dWh += prev_h.T @ draw
        db += draw.sum(axis=0)
        dnext = draw @ Wh.T
    return dx, dnext, dWx, dWh, db


sequence = normal((2, 3, 4), (2, 5), (4, 5), (5, 5), (5,))
note(
    WRONG,
    "rnn: nothing carried from step to step",
    rnn_forward,
    rnn_backward_no_carry,
    sequence,
    "dx dh0 dWx dWh db",
    "missing_path",
)
note(
    WRONG,
    "rnn: weights not added up over time",
    rnn_forward,
    rnn_backward_weights_of_first_step,
    sequence,
    "dWx dWh db",
    "overwrite_not_accumulate",
    "missing_reduction",
)
note(
    WRONG,
    "rnn: dx left in the order of appending",
    rnn_forward,
    rnn_backward_order_of_appending,
    sequence,
    "dx",
    "rearranged",
)
note(
    WRONG,
    "rnn: loop ends before the first step",
    rnn_forward,
    rnn_backward_stops_early,
    sequence,
    "dx dh0 dWx dWh db",
    "partial_fill",
    "missing_path wrong_index",
)
note(
    WRONG,
    "rnn: carried gradient goes round the tanh",
    rnn_forward,
    rnn_backward_carry_before_tanh,
    sequence,
    "dx dh0 dWx dWh db",
    "chain_factor",
    "wrong_formula",
)


def bidirectional_forward(x, Wf, Wb):
    """Two running sums, one from each side: h[t] = 0.5 h[t-1] + x[t] W."""
    T = x.shape[1]
    f, r = x @ Wf, (x @ Wb)[:, ::-1]
    for t in range(1, T):
        f[:, t] += 0.5 * f[:, t - 1]
        r[:, t] += 0.5 * r[:, t - 1]
    return np.concatenate([f, r[:, ::-1]], axis=2), (x, Wf, Wb)


def bidirectional_backward(dout, cache):
    x, Wf, Wb = cache
    H = Wf.shape[1]
    df, dr = dout[..., :H].copy(), dout[..., H:].copy()
    for t in reversed(range(x.shape[1] - 1)):
        df[:, t] += 0.5 * df[:, t + 1]
        dr[:, t] += 0.5 * dr[:, t + 1]
    dWf = np.einsum("ntd,nth->dh", x, df)
    dWb = np.einsum("ntd,nth->dh", x, dr)
    dx = df @ Wf.T + dr @ Wb.T
    return dx, dWf, dWb


note(
    WRONG,
    "rnn: bidirectional, backward half not turned round",
    bidirectional_forward,
    bidirectional_backward,
    normal((2, 4, 3), (3, 2), (3, 2)),
    "dx dWb",
    "rearranged",
    "wrong_index wrong_axis wrong_formula",
)


def last_state_forward(x, w, u):
    """Many to one: only the last state is used; x (N, T), scalars w and u as (1,) arrays."""
    N, T = x.shape
    hs = [np.zeros(N)]
    for t in range(T):
        hs.append(np.tanh(w * x[:, t] + u * hs[-1]))
    return hs[-1], (x, w, u, hs)


def last_state_backward(dh, cache):
    x, w, u, hs = cache
    dw, du = np.zeros(1), np.zeros(1)
    dx = np.zeros_like(x)
    for t in range(x.shape[1] - 1, -1, -1):
        da = dh * (1 - hs[t + 1] ** 2)
        dw += da @ x[:, t]
        du += da @ hs[t + 1]
        dx[:, t] = da * w
        dh = da * u
    return dx, dw, du


note(
    WRONG,
    "rnn: many to one, state of the wrong step in du",
    last_state_forward,
    last_state_backward,
    normal((4, 3), (1,), (1,)),
    "du",
    "wrong_tensor",
    "wrong_index",
)


# ---------------------------------------------------------------- LSTM
def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    H = prev_h.shape[1]
    a = x @ Wx + prev_h @ Wh + b
    i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    return (next_h, next_c), (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)


def lstm_step_backward_no_output_path(dout, cache):
    dnext_h, dnext_c = dout
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    dc = dnext_c
    do = dnext_h * np.tanh(next_c)
    di, dg, df = dc * g, dc * i, dc * prev_c
    da = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)])
    return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def lstm_step_backward_order_of_gates(dout, cache):
    dnext_h, dnext_c = dout
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    t = np.tanh(next_c)
    dc = dnext_c + dnext_h * o * (1 - t**2)
    dai = dc * g * i * (1 - i)
    daf = dc * prev_c * f * (1 - f)
    dao = dnext_h * t * o * (1 - o)
    dag = dc * i * (1 - g * g)
    da = np.concatenate((dai, daf, dag, dao), axis=1)
    return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def lstm_step_backward_next_c_for_forget(dout, cache):
    dnext_h, dnext_c = dout
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    tanh_c = np.tanh(next_c)
    dc = dnext_c + dnext_h * o * (1 - tanh_c**2)
    df = dc * next_c
    parts = [
        dc * g * i * (1 - i),
        df * f * (1 - f),
        dnext_h * tanh_c * o * (1 - o),
        dc * i * (1 - g**2),
    ]
    da = np.concatenate(parts, axis=1)
    dprev_c = f * dc
    return da @ Wx.T, da @ Wh.T, dprev_c, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def lstm_step_backward_c_handed_on(dout, cache):
    dnext_h, dnext_c = dout
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    tc = np.tanh(next_c)
    dc = dnext_c + dnext_h * o * (1 - tc * tc)
    dprev_c = dc.copy()
    dgates = np.zeros((len(x), Wx.shape[1]))
    H = prev_h.shape[1]
    dgates[:, :H] = dc * g * i * (1 - i)
    dgates[:, H : 2 * H] = dc * prev_c * f * (1 - f)
    dgates[:, 2 * H : 3 * H] = dnext_h * tc * o * (1 - o)
    dgates[:, 3 * H :] = dc * i * (1 - g**2)
    dWx, dWh, db = x.T @ dgates, prev_h.T @ dgates, dgates.sum(axis=0)
    return dgates @ Wx.T, dgates @ Wh.T, dprev_c, dWx, dWh, db


def lstm_step_backward_g_as_sigmoid(dout, cache):
    dnext_h, dnext_c = dout
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    tc = np.tanh(next_c)
    dc = dnext_c + dnext_h * o * (1 - tc**2)
    d = [dc * g, dc * prev_c, dnext_h * tc, dc * i]
    da = np.concatenate([dk * k * (1 - k) for dk, k in zip(d, (i, f, o, g))], axis=1)
    return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def lstm_step_backward_c_in_tanh(dout, cache):
    dnext_h, dnext_c = dout
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    dc = dnext_c + dnext_h * o * (1 - next_c**2)
    do = dnext_h * np.tanh(next_c)
    da = np.concatenate(
        [dc * g * i * (1 - i), dc * prev_c * f * (1 - f), do * o * (1 - o), dc * i * (1 - g**2)],
        axis=1,
    )
    return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, prev_h.T @ da, da.sum(axis=0)


cell = normal((2, 3), (2, 4), (2, 4), (3, 16), (4, 16), (16,))
note(
    WRONG,
    "lstm step: dc without the part through h",
    lstm_step_forward,
    lstm_step_backward_no_output_path,
    cell,
    "dx dprev_h dprev_c dWx dWh db",
    "missing_path",
)
note(
    WRONG,
    "lstm step: gates put together in another order",
    lstm_step_forward,
    lstm_step_backward_order_of_gates,
    cell,
    "dx dprev_h dWx dWh db",
    "rearranged",
    "wrong_index wrong_tensor",
)
note(
    WRONG,
    "lstm step: next_c in the forget gate",
    lstm_step_forward,
    lstm_step_backward_next_c_for_forget,
    cell,
    "dx dprev_h dWx dWh db",
    "wrong_tensor",
)
note(
    WRONG,
    "lstm step: dprev_c not multiplied by f",
    lstm_step_forward,
    lstm_step_backward_c_handed_on,
    cell,
    "dprev_c",
    "chain_factor",
)
note(
    WRONG,
    "lstm step: g differentiated like a sigmoid",
    lstm_step_forward,
    lstm_step_backward_g_as_sigmoid,
    cell,
    "dx dprev_h dWx dWh db",
    "wrong_formula",
)
note(
    WRONG,
    "lstm step: 1 - c**2 without the tanh",
    lstm_step_forward,
    lstm_step_backward_c_in_tanh,
    cell,
    "dx dprev_h dprev_c dWx dWh db",
    "wrong_tensor",
    "wrong_formula",
)


def lstm_forward(x, h0, Wx, Wh, b):
    """All hidden states; the cell starts at zero and stays inside."""
    N, T, _ = x.shape
    h, c = h0, np.zeros_like(h0)
    states, caches = [], []
    for t in range(T):
        (h, c), cache = lstm_step_forward(x[:, t], h, c, Wx, Wh, b)
        states.append(h)
        caches.append(cache)
    return np.stack(states, axis=1), caches


def lstm_cell_back(dh, dc, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    tc = np.tanh(next_c)
    dc = dc + dh * o * (1 - tc**2)
    da = np.concatenate(
        [
            dc * g * i * (1 - i),
            dc * prev_c * f * (1 - f),
            dh * tc * o * (1 - o),
            dc * i * (1 - g**2),
        ],
        axis=1,
    )
    return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def lstm_backward_c_lost(dh, caches):
    N, T, H = dh.shape
    dx = []
    dprev_h, zero = np.zeros((N, H)), np.zeros((N, H))
    dWx = dWh = db = 0
    for t in range(T)[::-1]:
        out = lstm_cell_back(dh[:, t] + dprev_h, zero, caches[t])
        dxt, dprev_h, _, dwx, dwh, dbt = out
        dx.insert(0, dxt)
        dWx, dWh, db = dWx + dwx, dWh + dwh, db + dbt
    return np.stack(dx, axis=1), dprev_h, dWx, dWh, db


def lstm_backward_h_lost(dh, caches):
    N, T, H = dh.shape
    dx = [None] * T
    dc = np.zeros((N, H))
    dWx, dWh, db = 0.0, 0.0, 0.0
    for t in range(T - 1, -1, -1):
        dx[t], dh_prev, dc, dwx, dwh, dbt = lstm_cell_back(dh[:, t], dc, caches[t])
        dWx = dWx + dwx
        dWh = dWh + dwh
        db = db + dbt
    return np.stack(dx, axis=1), dh_prev, dWx, dWh, db


lstm_inputs = normal((2, 3, 4), (2, 3), (4, 12), (3, 12), (12,))
note(
    WRONG,
    "lstm: cell gradient not carried on",
    lstm_forward,
    lstm_backward_c_lost,
    lstm_inputs,
    "dx dh0 dWx dWh db",
    "missing_path",
)
note(
    WRONG,
    "lstm: hidden gradient not carried on",
    lstm_forward,
    lstm_backward_h_lost,
    lstm_inputs,
    "dx dh0 dWx dWh db",
    "missing_path",
)


# ---------------------------------------------------------------- GRU
def gru_step_forward(x, h, Wz, Wr, Wn):
    """[x, h] concatenated; each weight (D + H, H)."""
    xh = np.hstack([x, h])
    z = sigmoid(xh @ Wz)
    r = sigmoid(xh @ Wr)
    xrh = np.hstack([x, r * h])
    n = np.tanh(xrh @ Wn)
    h_next = (1 - z) * n + z * h
    return h_next, {
        "x": x,
        "h": h,
        "Wz": Wz,
        "Wr": Wr,
        "Wn": Wn,
        "xh": xh,
        "z": z,
        "r": r,
        "xrh": xrh,
        "n": n,
    }


def gru_step_backward_no_direct_path(dh_next, c):
    D = c["x"].shape[1]
    z, r, n, h = c["z"], c["r"], c["n"], c["h"]
    dz = dh_next * (h - n) * z * (1 - z)
    dn = dh_next * (1 - z) * (1 - n**2)
    dxrh = dn @ c["Wn"].T
    drh = dxrh[:, D:]
    dr = drh * h * r * (1 - r)
    dxh = dz @ c["Wz"].T + dr @ c["Wr"].T
    dx = dxh[:, :D] + dxrh[:, :D]
    dh = dxh[:, D:] + drh * r
    return dx, dh, c["xh"].T @ dz, c["xh"].T @ dr, c["xrh"].T @ dn


def gru_step_backward_sign_of_z(dh_next, c):
    D = c["x"].shape[1]
    z, r, n, h = c["z"], c["r"], c["n"], c["h"]
    daz = dh_next * (n - h) * z * (1 - z)
    dan = dh_next * (1 - z) * (1 - n**2)
    dxrh = dan @ c["Wn"].T
    dar = dxrh[:, D:] * h * r * (1 - r)
    dWz, dWr, dWn = c["xh"].T @ daz, c["xh"].T @ dar, c["xrh"].T @ dan
    from_n = dxrh.copy()
    from_n[:, D:] *= r
    both = -daz @ c["Wz"].T + dar @ c["Wr"].T + from_n
    return both[:, :D].copy(), both[:, D:] + dh_next * z, dWz, dWr, dWn


def gru_step_backward_reset_forgotten(dh_next, c):
    D = c["x"].shape[1]
    z, r, n, h = c["z"], c["r"], c["n"], c["h"]
    daz = dh_next * (h - n) * z * (1 - z)
    dan = dh_next * (1 - z) * (1 - n**2)
    d_cand = dan @ c["Wn"].T
    dar = d_cand[:, D:] * h * r * (1 - r)
    d_gates = daz @ c["Wz"].T + dar @ c["Wr"].T
    dx = d_cand[:, :D] + d_gates[:, :D]
    dh = z * dh_next + d_cand[:, D:] + d_gates[:, D:]
    return dx, dh, c["xh"].T @ daz, c["xh"].T @ dar, c["xrh"].T @ dan


def gru_step_backward_xh_for_candidate(dh_next, c):
    D = c["x"].shape[1]
    z, r, n, h = c["z"], c["r"], c["n"], c["h"]
    daz = dh_next * (h - n) * z * (1 - z)
    dan = dh_next * (1 - z) * (1 - n**2)
    d_cand = dan @ c["Wn"].T
    dar = d_cand[:, D:] * h * r * (1 - r)
    d_gates = daz @ c["Wz"].T + dar @ c["Wr"].T
    dx = d_cand[:, :D] + d_gates[:, :D]
    dh = z * dh_next + r * d_cand[:, D:] + d_gates[:, D:]
    xh = c["xh"]
    return dx, dh, xh.T @ daz, xh.T @ dar, xh.T @ dan


def gru_step_backward_weights_exchanged(dh_next, c):
    D = c["x"].shape[1]
    z, r, n, h = c["z"], c["r"], c["n"], c["h"]
    daz = dh_next * (h - n) * z * (1 - z)
    dan = dh_next * (1 - z) * (1 - n**2)
    d_cand = dan @ c["Wn"].T
    dar = d_cand[:, D:] * h * r * (1 - r)
    d_gates = daz @ c["Wz"].T + dar @ c["Wr"].T
    dx = d_cand[:, :D] + d_gates[:, :D]
    dh = z * dh_next + r * d_cand[:, D:] + d_gates[:, D:]
    return dx, dh, c["xh"].T @ dar, c["xh"].T @ daz, c["xrh"].T @ dan


gru = normal((3, 2), (3, 4), (6, 4), (6, 4), (6, 4))
note(
    WRONG,
    "gru step: direct path z * h lacking",
    gru_step_forward,
    gru_step_backward_no_direct_path,
    gru,
    "dh",
    "missing_path",
)
note(
    WRONG,
    "gru step: dWz with n - h",
    gru_step_forward,
    gru_step_backward_sign_of_z,
    gru,
    "dWz",
    "sign_flip",
)
note(
    WRONG,
    "gru step: reset gate lacking on the way to h",
    gru_step_forward,
    gru_step_backward_reset_forgotten,
    gru,
    "dh",
    "chain_factor",
)
note(
    WRONG,
    "gru step: dWn from h instead of r * h",
    gru_step_forward,
    gru_step_backward_xh_for_candidate,
    gru,
    "dWn",
    "wrong_tensor",
)
note(
    WRONG,
    "gru step: dWz and dWr exchanged",
    gru_step_forward,
    gru_step_backward_weights_exchanged,
    gru,
    "dWz dWr",
    "swapped_outputs",
)


# ---------------------------------------------------------------- attention
def softmax_last(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attention_forward(q, k, v):
    d = q.shape[-1]
    scores = q @ k.transpose(0, 2, 1) / np.sqrt(d)
    attn = softmax_last(scores)
    return attn @ v, (q, k, v, attn)


def attention_backward_no_scale(dout, cache):
    q, k, v, attn = cache
    dv = attn.transpose(0, 2, 1) @ dout
    da = dout @ v.transpose(0, 2, 1)
    ds = attn * (da - (da * attn).sum(axis=-1, keepdims=True))
    dq = ds @ k
    dk = ds.transpose(0, 2, 1) @ q
    return dq, dk, dv


def attention_backward_scale_squared(dout, cache):
    q, k, v, attn = cache
    d = q.shape[-1]
    dv = np.einsum("nqk,nqd->nkd", attn, dout)
    da = np.einsum("nqd,nkd->nqk", dout, v)
    ds = attn * (da - np.einsum("nqk,nqk->nq", da, attn)[..., None])
    dq = np.einsum("nqk,nkd->nqd", ds, k) / d
    dk = np.einsum("nqk,nqd->nkd", ds, q) / d
    return dq, dk, dv


def attention_backward_attn_not_turned(dout, cache):
    q, k, v, attn = cache
    s = 1 / np.sqrt(q.shape[-1])
    dv = np.matmul(attn, dout)
    da = np.matmul(dout, np.swapaxes(v, 1, 2))
    ds = s * attn * (da - np.sum(da * attn, axis=2, keepdims=True))
    return np.matmul(ds, k), np.matmul(np.swapaxes(ds, 1, 2), q), dv


def attention_backward_ds_not_turned(dout, cache):
    q, k, v, attn = cache
    dv = np.einsum("bij,bid->bjd", attn, dout)
    da = np.einsum("bid,bjd->bij", dout, v)
    ds = attn * (da - (da * attn).sum(-1, keepdims=True)) / np.sqrt(q.shape[-1])
    dq = np.einsum("bij,bjd->bid", ds, k)
    dk = np.einsum("bij,bjd->bid", ds, q)
    return dq, dk, dv


def attention_backward_softmax_elementwise(dout, cache):
    q, k, v, attn = cache
    root = np.sqrt(q.shape[2])
    dv = attn.transpose(0, 2, 1) @ dout
    dattn = dout @ v.transpose(0, 2, 1)
    dscores = dattn * attn * (1 - attn)
    dq = dscores @ k / root
    dk = dscores.transpose(0, 2, 1) @ q / root
    return dq, dk, dv


def attention_backward_softmax_axis(dout, cache):
    q, k, v, attn = cache
    root = np.sqrt(q.shape[2])
    dv = attn.transpose(0, 2, 1) @ dout
    dattn = dout @ v.transpose(0, 2, 1)
    dscores = attn * (dattn - np.sum(dattn * attn, axis=1, keepdims=True))
    return dscores @ k / root, dscores.transpose(0, 2, 1) @ q / root, dv


def attention_backward_kv_exchanged(dout, cache):
    q, k, v, attn = cache
    root = np.sqrt(q.shape[-1])
    dvalue = attn.transpose(0, 2, 1) @ dout
    dw = dout @ v.transpose(0, 2, 1)
    ds = attn * (dw - (dw * attn).sum(axis=-1)[..., None]) / root
    dquery = ds @ k
    dkey = ds.transpose(0, 2, 1) @ q
    return dquery, dvalue, dkey


def attention_backward_q_for_k(dout, cache):
    q, k, v, attn = cache
    dv = attn.transpose(0, 2, 1) @ dout
    dw = dout @ v.transpose(0, 2, 1)
    ds = attn * (dw - (dw * attn).sum(axis=-1)[..., None]) / np.sqrt(q.shape[-1])
    return ds @ q, ds.transpose(0, 2, 1) @ q, dv


def attention_backward_softmax_forgotten(dout, cache):
    q, k, v, attn = cache
    dv = attn.transpose(0, 2, 1) @ dout
    ds = dout @ v.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
    return ds @ k, ds.transpose(0, 2, 1) @ q, dv


square = normal((2, 4, 3), (2, 4, 3), (2, 4, 3))
oblong = normal((2, 3, 5), (2, 4, 5), (2, 4, 2))
note(
    WRONG,
    "attention: 1/sqrt(d) forgotten",
    attention_forward,
    attention_backward_no_scale,
    oblong,
    "dq dk",
    "constant_scale",
)
note(
    WRONG,
    "attention: scale without its root",
    attention_forward,
    attention_backward_scale_squared,
    oblong,
    "dq dk",
    "constant_scale",
    "chain_factor",
)
note(
    WRONG,
    "attention: dv without the transpose",
    attention_forward,
    attention_backward_attn_not_turned,
    square,
    "dv",
    "transposed",
)
note(
    WRONG,
    "attention: dk from ds not transposed",
    attention_forward,
    attention_backward_ds_not_turned,
    square,
    "dk",
    "transposed",
)
note(
    WRONG,
    "attention: softmax differentiated entry by entry",
    attention_forward,
    attention_backward_softmax_elementwise,
    oblong,
    "dq dk",
    "missing_path",
)
note(
    WRONG,
    "attention: softmax sum along the queries",
    attention_forward,
    attention_backward_softmax_axis,
    oblong,
    "dq dk",
    "wrong_axis",
)
note(
    WRONG,
    "attention: dk and dv exchanged",
    attention_forward,
    attention_backward_kv_exchanged,
    square,
    "dk dv",
    "swapped_outputs",
)
note(
    WRONG,
    "attention: dq from the queries",
    attention_forward,
    attention_backward_q_for_k,
    square,
    "dq",
    "wrong_tensor",
)
note(
    WRONG,
    "attention: softmax not differentiated",
    attention_forward,
    attention_backward_softmax_forgotten,
    oblong,
    "dq dk",
    "chain_factor",
    "missing_path",
)


# ---------------------------------------------------------------- self-attention with heads
def split_heads(a, h):
    N, T, D = a.shape
    return a.reshape(N, T, h, D // h).transpose(0, 2, 1, 3)


def merge_heads(a):
    N, h, T, d = a.shape
    return a.transpose(0, 2, 1, 3).reshape(N, T, h * d)


def mha_forward(x, Wq, Wk, Wv, Wo, heads=2):
    Q, K, V = (split_heads(x @ W, heads) for W in (Wq, Wk, Wv))
    scale = Q.shape[-1] ** -0.5
    A = softmax_last(Q @ K.swapaxes(-1, -2) * scale)
    Y = merge_heads(A @ V)
    return Y @ Wo, (x, Wq, Wk, Wv, Wo, Q, K, V, A, Y, scale, heads)


def mha_inner(dY, cache):
    x, Wq, Wk, Wv, Wo, Q, K, V, A, Y, scale, heads = cache
    dH = split_heads(dY, heads)
    dV = A.swapaxes(-1, -2) @ dH
    dA = dH @ V.swapaxes(-1, -2)
    dS = A * (dA - np.sum(dA * A, axis=-1, keepdims=True)) * scale
    return dS @ K, dS.swapaxes(-1, -2) @ Q, dV


def flat(a):
    return a.reshape(-1, a.shape[-1])


def mha_backward_plain_reshape(dout, cache):
    x, Wq, Wk, Wv, Wo, Q, K, V, A, Y, scale, heads = cache
    dWo = flat(Y).T @ flat(dout)
    dQ, dK, dV = (g.reshape(x.shape[0], x.shape[1], -1) for g in mha_inner(dout @ Wo.T, cache))
    dWq, dWk, dWv = (flat(x).T @ flat(g) for g in (dQ, dK, dV))
    dx = dQ @ Wq.T + dK @ Wk.T + dV @ Wv.T
    return dx, dWq, dWk, dWv, dWo


def mha_backward_query_path_only(dout, cache):
    x, Wq, Wk, Wv, Wo, Q, K, V, A, Y, scale, heads = cache
    dWo = flat(Y).T @ flat(dout)
    dQ, dK, dV = map(merge_heads, mha_inner(dout @ Wo.T, cache))
    dWq, dWk, dWv = (flat(x).T @ flat(g) for g in (dQ, dK, dV))
    dx = dQ @ Wq.T
    return dx, dWq, dWk, dWv, dWo


def mha_backward_dx_overwritten(dout, cache):
    x, Wq, Wk, Wv, Wo, Q, K, V, A, Y, scale, heads = cache
    dWo = flat(Y).T @ flat(dout)
    weights = {"q": Wq, "k": Wk, "v": Wv}
    grads = {}
    dx = np.zeros_like(x)
    for name, g in zip("qkv", mha_inner(dout @ Wo.T, cache)):
        g = merge_heads(g)
        grads[name] = np.einsum("ntd,nte->de", x, g)
        dx = g @ weights[name].T
    return dx, grads["q"], grads["k"], grads["v"], dWo


def mha_backward_wo_not_passed(dout, cache):
    x, Wq, Wk, Wv, Wo, Q, K, V, A, Y, scale, heads = cache
    dWo = flat(Y).T @ flat(dout)
    dQ, dK, dV = map(merge_heads, mha_inner(dout, cache))
    dWq, dWk, dWv = (flat(x).T @ flat(g) for g in (dQ, dK, dV))
    dx = dQ @ Wq.T + dK @ Wk.T + dV @ Wv.T
    return dx, dWq, dWk, dWv, dWo


def mha_backward_width_for_scale(dout, cache):
    x, Wq, Wk, Wv, Wo, Q, K, V, A, Y, scale, heads = cache
    N, T, D = x.shape
    dWo = np.tensordot(Y, dout, axes=([0, 1], [0, 1]))
    dH = split_heads(dout @ Wo.T, heads)
    dV = merge_heads(np.einsum("nhqk,nhqd->nhkd", A, dH))
    dA = np.einsum("nhqd,nhkd->nhqk", dH, V)
    dS = A * (dA - (dA * A).sum(-1, keepdims=True)) / np.sqrt(D)
    dQ = merge_heads(dS @ K)
    dK = merge_heads(dS.transpose(0, 1, 3, 2) @ Q)
    dWq, dWk, dWv = (np.tensordot(x, g, axes=([0, 1], [0, 1])) for g in (dQ, dK, dV))
    return dQ @ Wq.T + dK @ Wk.T + dV @ Wv.T, dWq, dWk, dWv, dWo


def mha_backward_dwo_of_values(dout, cache):
    x, Wq, Wk, Wv, Wo, Q, K, V, A, Y, scale, heads = cache
    dWo = flat(merge_heads(V)).T @ flat(dout)
    dQ, dK, dV = map(merge_heads, mha_inner(dout @ Wo.T, cache))
    dWq, dWk, dWv = (flat(x).T @ flat(g) for g in (dQ, dK, dV))
    dx = dQ @ Wq.T + dK @ Wk.T + dV @ Wv.T
    return dx, dWq, dWk, dWv, dWo


heads = normal((2, 3, 4), (4, 4), (4, 4), (4, 4), (4, 4))
note(
    WRONG,
    "multi-head attention: heads merged by reshape alone",
    mha_forward,
    mha_backward_plain_reshape,
    heads,
    "dx dWq dWk dWv",
    "rearranged",
)
note(
    WRONG,
    "multi-head attention: dx through the queries only",
    mha_forward,
    mha_backward_query_path_only,
    heads,
    "dx",
    "missing_path",
)
note(
    WRONG,
    "multi-head attention: dx assigned for q, k and v in turn",
    mha_forward,
    mha_backward_dx_overwritten,
    heads,
    "dx",
    "overwrite_not_accumulate",
    "missing_path",
)
note(
    WRONG,
    "multi-head attention: dout not taken through Wo",
    mha_forward,
    mha_backward_wo_not_passed,
    heads,
    "dx dWq dWk dWv",
    "chain_factor",
    "missing_path",
)
note(
    WRONG,
    "multi-head attention: width instead of width per head",
    mha_forward,
    mha_backward_width_for_scale,
    heads,
    "dx dWq dWk",
    "constant_scale",
)
note(
    WRONG,
    "multi-head attention: dWo from the values",
    mha_forward,
    mha_backward_dwo_of_values,
    heads,
    "dWo",
    "wrong_tensor",
)


def multi_query_forward(q, k, v):
    """q (H, T, d); one k (S, d) and one v (S, d) for all heads."""
    A = softmax_last(np.einsum("htd,sd->hts", q, k) / np.sqrt(q.shape[-1]))
    return np.einsum("hts,sd->htd", A, v), (q, k, v, A)


def multi_query_backward(dout, cache):
    q, k, v, A = cache
    dv = np.einsum("hts,htd->sd", A, dout)
    dA = np.einsum("htd,sd->hts", dout, v)
    dS = A * (dA - (dA * A).sum(axis=-1, keepdims=True)) / np.sqrt(q.shape[-1])
    dq = dS @ k
    dk = np.zeros_like(k)
    for h in range(q.shape[0]):
        dk = dS[h].T @ q[h]
    return dq, dk, dv


note(
    WRONG,
    "attention: shared keys, last head only",
    multi_query_forward,
    multi_query_backward,
    normal((3, 2, 4), (5, 4), (5, 4)),
    "dk",
    "overwrite_not_accumulate",
    "missing_reduction",
)


def causal_forward(q, k, v):
    T, d = q.shape
    hidden = np.triu(np.ones((T, T), dtype=bool), 1)
    s = np.where(hidden, -np.inf, q @ k.T / np.sqrt(d))
    A = softmax_last(s)
    return A @ v, (q, k, v, A, hidden)


def causal_backward(dout, cache):
    q, k, v, A, hidden = cache
    d = q.shape[1]
    dv = A.T @ dout
    dA = dout @ v.T
    dS = A * (dA - (dA * A).sum(axis=1, keepdims=True))
    dS = np.where(hidden.T, 0.0, dS) / np.sqrt(d)
    return dS @ k, dS.T @ q, dv


note(
    WRONG,
    "attention: causal mask transposed on the way back",
    causal_forward,
    causal_backward,
    normal((4, 3), (4, 3), (4, 3)),
    "dq dk",
    "wrong_mask",
    "transposed",
)


def additive_attention_forward(q, k, w):
    """score[i, j] = w . tanh(q[i] + k[j])."""
    t = np.tanh(q[:, None, :] + k[None, :, :])
    return t @ w, (t, w)


def additive_attention_backward(dout, cache):
    t, w = cache
    dt = dout[:, :, None] * w
    dz = dt * (1 - t**2)
    dq = dz.sum(axis=1)
    dk = dz.sum(axis=1)
    dw = np.tensordot(dout, t, axes=2)
    return dq, dk, dw


note(
    WRONG,
    "attention: additive, keys summed along the wrong axis",
    additive_attention_forward,
    additive_attention_backward,
    normal((4, 3), (4, 3), (3,)),
    "dk",
    "wrong_axis",
    "swapped_outputs",
)
