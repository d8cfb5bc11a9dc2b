"""Wrong embeddings, recurrent networks and attention."""

import numpy as np

from blind.shelf import note
from corpus.specimen import normal

WRONG = []


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def word_embedding_forward(idx, W):
    return W[idx], (idx, W.shape)


def word_embedding_backward_assign(dout, cache):
    idx, shape = cache
    dW = np.zeros(shape)
    dW[idx] += dout
    return dW


def word_embedding_backward_rows(dout, cache):
    idx, (V, D) = cache
    dW = np.zeros((V, D))
    for n in range(idx.shape[0]):
        dW[idx[n, 0]] += dout[n, 0]
    return dW


def word_embedding_backward_next(dout, cache):
    idx, shape = cache
    dW = np.zeros(shape)
    np.add.at(dW, idx - 1, dout)
    return dW


def word_embedding_backward_counts(dout, cache):
    idx, shape = cache
    dW = np.zeros(shape)
    np.add.at(dW, idx, dout)
    counts = np.bincount(idx.ravel(), minlength=shape[0])
    return dW / np.maximum(counts, 1)[:, None]


def words(rng):
    return np.array([[1, 3, 1], [0, 3, 4]]), rng.normal(size=(6, 4))


note(
    WRONG,
    "embedding: repeated words overwrite",
    word_embedding_forward,
    word_embedding_backward_assign,
    words,
    "dW",
    "overwrite_not_accumulate",
)
note(
    WRONG,
    "embedding: only the first word of each line",
    word_embedding_forward,
    word_embedding_backward_rows,
    words,
    "dW",
    "partial_fill",
)
note(
    WRONG,
    "embedding: indices counted from one",
    word_embedding_forward,
    word_embedding_backward_next,
    words,
    "dW",
    "wrong_index",
)


note(
    WRONG,
    "embedding: averaged over occurrences",
    word_embedding_forward,
    word_embedding_backward_counts,
    words,
    "dW",
    "constant_scale",
    "wrong_formula",
)


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h, (x, prev_h, Wx, Wh, next_h.copy())


def rnn_step_backward_no_tanh(dout, cache):
    x, prev_h, Wx, Wh, h = cache
    return dout @ Wx.T, dout @ Wh.T, x.T @ dout, prev_h.T @ dout, dout.sum(0)


def rnn_step_backward_wh(dout, cache):
    x, prev_h, Wx, Wh, h = cache
    da = dout * (1 - h**2)
    dx = da @ Wx.T
    dprev_h = da @ Wh
    return dx, dprev_h, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def rnn_step_backward_next(dout, cache):
    x, prev_h, Wx, Wh, h = cache
    da = dout * (1 - h * h)
    dWh = h.T @ da
    return da @ Wx.T, da @ Wh.T, x.T @ da, dWh, da.sum(axis=0)


step_shapes = normal((4, 3), (4, 5), (3, 5), (5, 5), (5,))
note(
    WRONG,
    "rnn step: tanh derivative missing",
    rnn_step_forward,
    rnn_step_backward_no_tanh,
    step_shapes,
    "dx dprev_h dWx dWh db",
    "chain_factor",
)
note(
    WRONG,
    "rnn step: Wh not transposed",
    rnn_step_forward,
    rnn_step_backward_wh,
    step_shapes,
    "dprev_h",
    "transposed",
)
note(
    WRONG,
    "rnn step: next state for the previous one",
    rnn_step_forward,
    rnn_step_backward_next,
    step_shapes,
    "dWh",
    "wrong_tensor",
)


def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    h = np.zeros((N, T, h0.shape[1]))
    caches, prev = [], h0
    for t in range(T):
        prev, c = rnn_step_forward(x[:, t], prev, Wx, Wh, b)
        h[:, t] = prev
        caches.append(c)
    return h, caches


def step_back(d, cache):
    x, prev_h, Wx, Wh, h = cache
    da = d * (1 - h**2)
    return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def zeros_like_rnn(dout, caches):
    x, _, Wx, Wh, _ = caches[0]
    N, T, H = dout.shape
    return np.zeros((N, T, x.shape[1])), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(H)


def rnn_backward_no_time(dout, caches):
    dx, dWx, dWh, db = zeros_like_rnn(dout, caches)
    for t in reversed(range(dout.shape[1])):
        dx[:, t], dprev, a, b, c = step_back(dout[:, t], caches[t])
        dWx += a
        dWh += b
        db += c
    return dx, dprev, dWx, dWh, db


def rnn_backward_last_weights(dout, caches):
    dx, dWx, dWh, db = zeros_like_rnn(dout, caches)
    dprev = 0
    for t in range(dout.shape[1] - 1, -1, -1):
        dx[:, t], dprev, dWx, dWh, dbt = step_back(dout[:, t] + dprev, caches[t])
        db += dbt
    return dx, dprev, dWx, dWh, db


def rnn_backward_stops(dout, caches):
    dx, dWx, dWh, db = zeros_like_rnn(dout, caches)
    dprev = np.zeros_like(dout[:, 0])
    for t in range(dout.shape[1] - 1, 0, -1):
        dx[:, t], dprev, a, b, c = step_back(dout[:, t] + dprev, caches[t])
        dWx, dWh, db = dWx + a, dWh + b, db + c
    return dx, dprev, dWx, dWh, db


def rnn_backward_last_only(dout, caches):
    dx, dWx, dWh, db = zeros_like_rnn(dout, caches)
    dh = dout[:, -1]
    for t in reversed(range(dout.shape[1])):
        dx[:, t], dh, a, b, c = step_back(dh, caches[t])
        dWx += a
        dWh += b
        db += c
    return dx, dh, dWx, dWh, db


def rnn_backward_wrong_step(dout, caches):
    dx, dWx, dWh, db = zeros_like_rnn(dout, caches)
    T = dout.shape[1]
    dprev = 0
    for i in range(T):
        t = T - 1 - i
        dxt, dprev, a, b, c = step_back(dout[:, t] + dprev, caches[t])
        dx[:, i] = dxt
        dWx += a
        dWh += b
        db += c
    return dx, dprev, dWx, dWh, db


for title, backward, wrong, cause, also in (
    (
        "nothing flows back through time",
        rnn_backward_no_time,
        "dx dh0 dWx dWh db",
        "missing_path",
        "",
    ),
    (
        "weights of the first step only",
        rnn_backward_last_weights,
        "dWx dWh",
        "overwrite_not_accumulate",
        "",
    ),
    (
        "first step never reached",
        rnn_backward_stops,
        "dx dh0 dWx dWh db",
        "partial_fill",
        "wrong_index missing_path",
    ),
    (
        "only the last output counts",
        rnn_backward_last_only,
        "dx dh0 dWx dWh db",
        "missing_path",
        "partial_fill",
    ),
    ("dx in reversed time", rnn_backward_wrong_step, "dx", "rearranged", "wrong_index"),
):
    note(
        WRONG,
        "rnn: " + title,
        rnn_forward,
        backward,
        normal((2, 4, 3), (2, 5), (3, 5), (5, 5), (5,)),
        wrong,
        cause,
        also,
    )


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    H = prev_h.shape[1]
    a = x @ Wx + prev_h @ Wh + b
    i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    tc = np.tanh(next_c)
    return (o * tc, next_c), (x, prev_h, prev_c, Wx, Wh, i, f, o, g, tc)


def finish(da, cache):
    x, prev_h, prev_c, Wx, Wh = cache[:5]
    return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def lstm_step_backward_no_h(dout, cache):
    dh, dc = dout
    i, f, o, g, tc = cache[5:]
    prev_c = cache[2]
    do = dh * tc
    df, di, dg = dc * prev_c, dc * g, dc * i
    da = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)])
    dx, dph, dWx, dWh, db = finish(da, cache)
    return dx, dph, dc * f, dWx, dWh, db


def lstm_step_backward_order(dout, cache):
    dh, dc = dout
    i, f, o, g, tc = cache[5:]
    prev_c = cache[2]
    dct = dc + dh * o * (1 - tc**2)
    do = dh * tc
    df, di, dg = dct * prev_c, dct * g, dct * i
    da = np.hstack([df * f * (1 - f), di * i * (1 - i), do * o * (1 - o), dg * (1 - g**2)])
    dx, dph, dWx, dWh, db = finish(da, cache)
    return dx, dph, dct * f, dWx, dWh, db


def lstm_step_backward_g(dout, cache):
    dh, dc = dout
    i, f, o, g, tc = cache[5:]
    prev_c = cache[2]
    dct = dc + dh * o * (1 - tc**2)
    da = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * prev_c * f * (1 - f),
            dh * tc * o * (1 - o),
            dct * i * g * (1 - g),
        ]
    )
    dx, dph, dWx, dWh, db = finish(da, cache)
    return dx, dph, f * dct, dWx, dWh, db


def lstm_step_backward_cell(dout, cache):
    dh, dc = dout
    i, f, o, g, tc = cache[5:]
    prev_c = cache[2]
    dct = dc + dh * o * (1 - tc**2)
    da = np.hstack(
        [
            dct * g * i * (1 - i),
            dct * prev_c * f * (1 - f),
            dh * tc * o * (1 - o),
            dct * i * (1 - g * g),
        ]
    )
    dx, dph, dWx, dWh, db = finish(da, cache)
    return dx, dph, i * dct, dWx, dWh, db


lstm_shapes = normal((3, 4), (3, 2), (3, 2), (4, 8), (2, 8), (8,))
note(
    WRONG,
    "lstm step: h does not reach the cell",
    lstm_step_forward,
    lstm_step_backward_no_h,
    lstm_shapes,
    "dx dprev_h dprev_c dWx dWh db",
    "missing_path",
)
note(
    WRONG,
    "lstm step: input and forget gates stacked the other way",
    lstm_step_forward,
    lstm_step_backward_order,
    lstm_shapes,
    "dx dprev_h dWx dWh db",
    "rearranged",
    "wrong_index",
)
note(
    WRONG,
    "lstm step: sigmoid derivative for the candidate",
    lstm_step_forward,
    lstm_step_backward_g,
    lstm_shapes,
    "dx dprev_h dWx dWh db",
    "wrong_formula",
    "chain_factor",
)
note(
    WRONG,
    "lstm step: input gate for the forget gate",
    lstm_step_forward,
    lstm_step_backward_cell,
    lstm_shapes,
    "dprev_c",
    "wrong_tensor",
)


def gru_step(x, h, Wz, Wr, Wc):
    xh = np.concatenate([x, h], axis=1)
    z, r = sigmoid(xh @ Wz), sigmoid(xh @ Wr)
    xrh = np.concatenate([x, r * h], axis=1)
    c = np.tanh(xrh @ Wc)
    return (1 - z) * h + z * c, dict(x=x, h=h, Wz=Wz, Wr=Wr, Wc=Wc, z=z, r=r, c=c, xh=xh, xrh=xrh)


def gru_parts(dout, k):
    D = k["x"].shape[1]
    dc = dout * k["z"] * (1 - k["c"] ** 2)
    dWc = k["xrh"].T @ dc
    dxrh = dc @ k["Wc"].T
    return D, dWc, dxrh


def gru_step_backward_direct(dout, k):
    D, dWc, dxrh = gru_parts(dout, k)
    dz = dout * (k["c"] - k["h"]) * k["z"] * (1 - k["z"])
    dr = dxrh[:, D:] * k["h"] * k["r"] * (1 - k["r"])
    dxh = dz @ k["Wz"].T + dr @ k["Wr"].T
    dx = dxh[:, :D] + dxrh[:, :D]
    dh = dxh[:, D:] + dxrh[:, D:] * k["r"]
    return dx, dh, k["xh"].T @ dz, k["xh"].T @ dr, dWc


def gru_step_backward_sign(dout, k):
    D, dWc, dxrh = gru_parts(dout, k)
    dz = dout * (k["h"] - k["c"]) * k["z"] * (1 - k["z"])
    dr = dxrh[:, D:] * k["h"] * k["r"] * (1 - k["r"])
    dxh = dz @ k["Wz"].T + dr @ k["Wr"].T
    dx = dxh[:, :D] + dxrh[:, :D]
    dh = dxh[:, D:] + dxrh[:, D:] * k["r"] + dout * (1 - k["z"])
    return dx, dh, k["xh"].T @ dz, k["xh"].T @ dr, dWc


gru_shapes = normal((3, 2), (3, 4), (6, 4), (6, 4), (6, 4))
note(
    WRONG,
    "gru step: direct path to the old state missing",
    gru_step,
    gru_step_backward_direct,
    gru_shapes,
    "dh",
    "missing_path",
)
note(
    WRONG,
    "gru step: update gate with the opposite sign",
    gru_step,
    gru_step_backward_sign,
    gru_shapes,
    "dx dh dWz",
    "sign_flip",
    "wrong_formula",
)


def attention(q, k, v):
    s = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
    a = softmax(s)
    return a @ v, (q, k, v, a)


def attention_core(dout, cache):
    q, k, v, a = cache
    dv = a.transpose(0, 2, 1) @ dout
    da = dout @ v.transpose(0, 2, 1)
    ds = a * (da - (da * a).sum(axis=-1, keepdims=True))
    return ds, dv


def attention_backward_no_root(dout, cache):
    q, k, v, a = cache
    ds, dv = attention_core(dout, cache)
    return ds @ k, ds.transpose(0, 2, 1) @ q, dv


def attention_backward_a(dout, cache):
    q, k, v, a = cache
    ds, _ = attention_core(dout, cache)
    ds /= np.sqrt(q.shape[-1])
    return ds @ k, ds.transpose(0, 2, 1) @ q, a @ dout


def attention_backward_exchanged(dout, cache):
    q, k, v, a = cache
    ds, dv = attention_core(dout, cache)
    ds /= q.shape[-1] ** 0.5
    dk = np.einsum("bij,bid->bjd", ds, q)
    dq = np.einsum("bij,bjd->bid", ds, k)
    return dk, dq, dv


def attention_backward_diag(dout, cache):
    q, k, v, a = cache
    dv = np.einsum("bij,bid->bjd", a, dout)
    da = np.einsum("bid,bjd->bij", dout, v)
    ds = da * a * (1 - a) / np.sqrt(q.shape[2])
    return ds @ k, np.swapaxes(ds, 1, 2) @ q, dv


def attention_backward_own(dout, cache):
    q, k, v, a = cache
    ds, dv = attention_core(dout, cache)
    ds = ds / np.sqrt(q.shape[-1])
    return ds @ k, ds.transpose(0, 2, 1) @ k, dv


square = normal((2, 4, 3), (2, 4, 3), (2, 4, 3))
for title, backward, make, wrong, cause, also in (
    (
        "root of d missing",
        attention_backward_no_root,
        normal((2, 3, 5), (2, 4, 5), (2, 4, 2)),
        "dq dk",
        "constant_scale",
        "chain_factor",
    ),
    ("weights not transposed in dv", attention_backward_a, square, "dv", "transposed", ""),
    ("dq and dk exchanged", attention_backward_exchanged, square, "dq dk", "swapped_outputs", ""),
    (
        "softmax diagonal only",
        attention_backward_diag,
        normal((2, 3, 5), (2, 4, 5), (2, 4, 2)),
        "dq dk",
        "missing_path",
        "",
    ),
    ("k for q in dk", attention_backward_own, square, "dk", "wrong_tensor", ""),
):
    note(WRONG, "attention: " + title, attention, backward, make, wrong, cause, also)


def split(x, h):
    N, T, D = x.shape
    return x.reshape(N, T, h, D // h).transpose(0, 2, 1, 3)


def merge(x):
    N, h, T, d = x.shape
    return x.transpose(0, 2, 1, 3).reshape(N, T, h * d)


def mha_forward(x, Wq, Wk, Wv, Wo, heads=2):
    q, k, v = (split(x @ W, heads) for W in (Wq, Wk, Wv))
    d = q.shape[-1]
    a = softmax(np.einsum("nhid,nhjd->nhij", q, k) / np.sqrt(d))
    o = merge(a @ v)
    return o @ Wo, (x, Wq, Wk, Wv, Wo, q, k, v, a, o)


def mha_common(dout, cache):
    x, Wq, Wk, Wv, Wo, q, k, v, a, o = cache
    dWo = np.einsum("nti,ntj->ij", o, dout)
    do = split(dout @ Wo.T, q.shape[1])
    dv = np.swapaxes(a, 2, 3) @ do
    da = do @ np.swapaxes(v, 2, 3)
    ds = a * (da - np.sum(da * a, axis=-1, keepdims=True)) / np.sqrt(q.shape[-1])
    return dWo, ds @ k, np.swapaxes(ds, 2, 3) @ q, dv


def mha_backward_merge(dout, cache):
    x, Wq, Wk, Wv, Wo, q, k, v, a, o = cache
    dWo, dq, dk, dv = mha_common(dout, cache)
    dq, dk, dv = merge(dq), merge(dk), dv.reshape(x.shape)
    dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T
    dW = [np.einsum("nti,ntj->ij", x, d) for d in (dq, dk, dv)]
    return dx, *dW, dWo


def mha_backward_branch(dout, cache):
    x, Wq, Wk, Wv, Wo, q, k, v, a, o = cache
    dWo, dq, dk, dv = mha_common(dout, cache)
    dq, dk, dv = merge(dq), merge(dk), merge(dv)
    dx = dq @ Wq.T
    dx = dk @ Wk.T
    dx = dx + dv @ Wv.T
    dW = [np.einsum("nti,ntj->ij", x, d) for d in (dq, dk, dv)]
    return dx, *dW, dWo


heads_shapes = normal((2, 3, 4), (4, 4), (4, 4), (4, 4), (4, 4))
note(
    WRONG,
    "multi-head attention: heads not moved back",
    mha_forward,
    mha_backward_merge,
    heads_shapes,
    "dx dWv",
    "rearranged",
)
note(
    WRONG,
    "multi-head attention: query branch overwritten",
    mha_forward,
    mha_backward_branch,
    heads_shapes,
    "dx",
    "overwrite_not_accumulate",
    "missing_path",
)


def causal_forward(q, k, v):
    T = q.shape[0]
    s = q @ k.T
    keep = np.tril(np.ones((T, T), bool))
    a = softmax(np.where(keep, s, -1e30))
    return a @ v, (q, k, v, a, keep)


def causal_backward(dout, cache):
    q, k, v, a, keep = cache
    dv = a.T @ dout
    da = np.where(keep.T, dout @ v.T, 0)
    ds = a * (da - (a * da).sum(axis=1, keepdims=True))
    return ds @ k, ds.T @ q, dv


note(
    WRONG,
    "causal attention: mask from the other triangle",
    causal_forward,
    causal_backward,
    normal((4, 3), (4, 3), (4, 3)),
    "dq dk",
    "wrong_mask",
)


def temporal_affine(x, w, b):
    return x @ w + b, (x, w)


def temporal_affine_backward(dout, cache):
    x, w = cache
    dx = dout @ w.T
    dw = x[:, -1].T @ dout[:, -1]
    db = dout.sum(axis=(0, 1))
    return dx, dw, db


def temporal_affine_backward_bias(dout, cache):
    x, w = cache
    dw = np.tensordot(x, dout, axes=([0, 1], [0, 1]))
    return dout @ w.T, dw, dout.sum(axis=1)


note(
    WRONG,
    "temporal affine: dw of the last step only",
    temporal_affine,
    temporal_affine_backward,
    normal((3, 4, 2), (2, 5), (5,)),
    "dw",
    "missing_reduction",
    "partial_fill overwrite_not_accumulate",
)
note(
    WRONG,
    "temporal affine: db summed over time only",
    temporal_affine,
    temporal_affine_backward_bias,
    normal((3, 4, 2), (2, 5), (5,)),
    "db",
    "missing_reduction",
    "bad_output",
)
