"""Attention with faults."""

import numpy as np

from blind.shelf import Shelf

WRONG = Shelf()


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# ---------------------------------------------------------------- single head
def attention_forward(q, k, v):
    d = q.shape[-1]
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(d)
    A = softmax(scores)
    return A @ v, (q, k, v, scores, A)


def attention_backward_scale(dout, cache):
    q, k, v, scores, A = cache
    dv = A.swapaxes(-1, -2) @ dout
    dA = dout @ v.swapaxes(-1, -2)
    dS = A * (dA - np.sum(dA * A, axis=-1, keepdims=True))
    return dS @ k, dS.swapaxes(-1, -2) @ q, dv


def attention_backward_diag(dout, cache):
    q, k, v, scores, A = cache
    dA = dout @ v.swapaxes(-1, -2)
    dS = dA * A * (1 - A) / np.sqrt(q.shape[-1])
    return dS @ k, dS.swapaxes(-1, -2) @ q, A.swapaxes(-1, -2) @ dout


def attention_backward_axis(dout, cache):
    q, k, v, scores, A = cache
    dA = dout @ v.transpose(0, 2, 1)
    dS = A * (dA - np.sum(dA * A, axis=-2, keepdims=True)) / np.sqrt(q.shape[-1])
    return dS @ k, dS.transpose(0, 2, 1) @ q, A.transpose(0, 2, 1) @ dout


def attention_backward_dk(dout, cache):
    q, k, v, scores, A = cache
    dA = np.einsum("nid,njd->nij", dout, v)
    dS = A * (dA - (dA * A).sum(-1, keepdims=True)) / np.sqrt(q.shape[-1])
    dq = np.einsum("nij,njd->nid", dS, k)
    dk = np.einsum("nij,njd->nid", dS, q)
    dv = np.einsum("nij,nid->njd", A, dout)
    return dq, dk, dv


def attention_backward_dv(dout, cache):
    q, k, v, scores, A = cache
    dA = np.einsum("nid,njd->nij", dout, v)
    dS = A * (dA - (dA * A).sum(-1, keepdims=True)) / np.sqrt(q.shape[-1])
    return dS @ k, dS.swapaxes(1, 2) @ q, A @ dout


def attention_backward_order(dout, cache):
    q, k, v, scores, A = cache
    dA = dout @ v.swapaxes(-1, -2)
    dS = A * (dA - np.sum(dA * A, axis=-1, keepdims=True)) / np.sqrt(q.shape[-1])
    dk = dS.swapaxes(-1, -2) @ q
    dq = dS @ k
    dv = A.swapaxes(-1, -2) @ dout
    return dk, dq, dv


def attention_backward_reuse(dout, cache):
    q, k, v, scores, A = cache
    dv = A.swapaxes(-1, -2) @ dout
    dA = dout @ v.swapaxes(-1, -2)
    dS = A * (dA - np.sum(dA * A, axis=-1, keepdims=True)) / np.sqrt(q.shape[-1])
    dk = dS.swapaxes(-1, -2) @ q
    dq = dS @ dk
    return dq, dk, dv


def attention_backward_scores(dout, cache):
    q, k, v, scores, A = cache
    dA = dout @ v.swapaxes(-1, -2)
    dS = A * (dA - np.sum(dA * A, axis=-1, keepdims=True)) / np.sqrt(q.shape[-1])
    dv = scores.swapaxes(-1, -2) @ dout
    return dS @ k, dS.swapaxes(-1, -2) @ q, dv


def attention_backward_skip_softmax(dout, cache):
    q, k, v, scores, A = cache
    dS = dout @ v.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    return dS @ k, dS.swapaxes(-1, -2) @ q, A.swapaxes(-1, -2) @ dout


def make_attention(rng):
    return rng.normal(size=(2, 3, 5)), rng.normal(size=(2, 4, 5)), rng.normal(size=(2, 4, 6))


def make_square_attention(rng):
    return tuple(rng.normal(size=(2, 4, 3)) for _ in range(3))


WRONG.add(
    "attention: scores' scale forgotten",
    (attention_forward, attention_backward_scale),
    make_attention,
    "dq dk",
    "constant_scale",
)
WRONG.add(
    "attention: diagonal of the softmax",
    (attention_forward, attention_backward_diag),
    make_attention,
    "dq dk",
    "missing_path",
)
WRONG.add(
    "attention: softmax sum over queries",
    (attention_forward, attention_backward_axis),
    make_attention,
    "dq dk",
    "wrong_axis",
)
WRONG.add(
    "attention: dk without the transpose",
    (attention_forward, attention_backward_dk),
    make_square_attention,
    "dk",
    "transposed",
)
WRONG.add(
    "attention: dv without the transpose",
    (attention_forward, attention_backward_dv),
    make_square_attention,
    "dv",
    "transposed",
)
WRONG.add(
    "attention: queries and keys in the wrong order",
    (attention_forward, attention_backward_order),
    make_square_attention,
    "dq dk",
    "swapped_outputs",
)
WRONG.add(
    "attention: gradient of keys used as keys",
    (attention_forward, attention_backward_reuse),
    make_square_attention,
    "dq",
    "dout_nonlinear",
    "wrong_tensor",
)
WRONG.add(
    "attention: values weighted with raw scores",
    (attention_forward, attention_backward_scores),
    make_attention,
    "dv",
    "wrong_tensor",
)
WRONG.add(
    "attention: softmax passed through unchanged",
    (attention_forward, attention_backward_skip_softmax),
    make_attention,
    "dq dk",
    "chain_factor",
    "missing_path wrong_formula",
)


def attention_half_forward(q, k, v):
    A = softmax(q @ k.T / np.sqrt(q.shape[1]))
    return A @ v, {"q": q, "k": k, "v": v, "A": A.astype(np.float16)}


def attention_half_backward(dout, c):
    A = c["A"].astype(np.float64)
    dA = dout @ c["v"].T
    dS = A * (dA - np.sum(dA * A, axis=1, keepdims=True)) / np.sqrt(c["q"].shape[1])
    return dS @ c["k"], dS.T @ c["q"], A.T @ dout


def make_flat_attention(rng):
    return rng.normal(size=(3, 4)), rng.normal(size=(5, 4)), rng.normal(size=(5, 2))


WRONG.add(
    "attention: weights kept in half precision",
    (attention_half_forward, attention_half_backward),
    make_flat_attention,
    "dq dk dv",
    "precision_loss",
)


# ---------------------------------------------------------------- loops over queries
def attend_each_forward(q, keys, values):
    out = np.zeros((q.shape[0], values.shape[1]))
    weights = []
    for i, query in enumerate(q):
        w = softmax(keys @ query)
        weights.append(w)
        out[i] = w @ values
    return out, (q, keys, values, weights)


def attend_each_backward(dout, cache):
    q, keys, values, weights = cache
    dq = np.zeros_like(q)
    dkeys = np.zeros_like(keys)
    dvalues = np.zeros_like(values)
    for i, w in enumerate(weights):
        dw = values @ dout[i]
        ds = w * (dw - dw @ w)
        dq[i] = ds @ keys
        dkeys = np.outer(ds, q[i])
        dvalues += np.outer(w, dout[i])
    return dq, dkeys, dvalues


WRONG.add(
    "attention: keys overwritten by every query",
    (attend_each_forward, attend_each_backward),
    make_flat_attention,
    "dkeys",
    "overwrite_not_accumulate",
)


# ---------------------------------------------------------------- additive attention
def bahdanau_forward(query, memory, W, u):
    hidden = np.tanh((query @ W)[:, None, :] + memory)
    score = hidden @ u
    a = softmax(score)
    context = np.einsum("nt,nth->nh", a, memory)
    return context, (query, memory, W, u, hidden, a)


def bahdanau_backward_tanh(dcontext, cache):
    query, memory, W, u, hidden, a = cache
    da = np.einsum("nh,nth->nt", dcontext, memory)
    ds = a * (da - (da * a).sum(axis=1, keepdims=True))
    du = np.einsum("nt,nth->h", ds, hidden)
    dpre = ds[:, :, None] * u
    dmemory = a[:, :, None] * dcontext[:, None, :] + dpre
    dproj = dpre.sum(axis=1)
    return dproj @ W.T, dmemory, query.T @ dproj, du


def bahdanau_backward_memory(dcontext, cache):
    query, memory, W, u, hidden, a = cache
    da = np.einsum("nh,nth->nt", dcontext, memory)
    ds = a * (da - (da * a).sum(axis=1, keepdims=True))
    du = np.einsum("nt,nth->h", ds, hidden)
    dpre = ds[:, :, None] * u * (1 - hidden**2)
    dmemory = a[:, :, None] * dcontext[:, None, :]
    dproj = dpre.sum(axis=1)
    return dproj @ W.T, dmemory, query.T @ dproj, du


def make_bahdanau(rng):
    return (
        rng.normal(size=(2, 5)),
        rng.normal(size=(2, 4, 3)),
        rng.normal(size=(5, 3)),
        2 * rng.normal(size=3),
    )


WRONG.add(
    "additive attention: tanh slope missing",
    (bahdanau_forward, bahdanau_backward_tanh),
    make_bahdanau,
    "dquery dmemory dW",
    "chain_factor",
)
WRONG.add(
    "additive attention: memory as values only",
    (bahdanau_forward, bahdanau_backward_memory),
    make_bahdanau,
    "dmemory",
    "missing_path",
)


# ---------------------------------------------------------------- several heads
def split_heads(t, heads):
    T, M = t.shape
    return t.reshape(T, heads, M // heads).transpose(1, 0, 2)


def merge_heads(t):
    heads, T, d = t.shape
    return t.transpose(1, 0, 2).reshape(T, heads * d)


def mha_forward(x, Wq, Wk, Wv, Wo, *, heads=2):
    q, k, v = (split_heads(x @ W, heads) for W in (Wq, Wk, Wv))
    A = softmax(q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1]))
    joined = merge_heads(A @ v)
    return joined @ Wo, dict(x=x, W=(Wq, Wk, Wv, Wo), q=q, k=k, v=v, A=A, joined=joined)


def mha_core_backward(djoined_heads, c, scale):
    A, q, k, v = c["A"], c["q"], c["k"], c["v"]
    dv = A.transpose(0, 2, 1) @ djoined_heads
    dA = djoined_heads @ v.transpose(0, 2, 1)
    dS = A * (dA - (dA * A).sum(axis=-1, keepdims=True)) * scale
    return dS @ k, dS.transpose(0, 2, 1) @ q, dv


def mha_backward_reshape(dout, c):
    x, (Wq, Wk, Wv, Wo) = c["x"], c["W"]
    heads, T, d = c["q"].shape
    dWo = c["joined"].T @ dout
    dheads = (dout @ Wo.T).reshape(heads, T, d)
    dq, dk, dv = (merge_heads(g) for g in mha_core_backward(dheads, c, 1 / np.sqrt(d)))
    dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T
    return dx, x.T @ dq, x.T @ dk, x.T @ dv, dWo


def mha_backward_query_only(dout, c):
    x, (Wq, Wk, Wv, Wo) = c["x"], c["W"]
    heads, T, d = c["q"].shape
    dheads = split_heads(dout @ Wo.T, heads)
    dq, dk, dv = (merge_heads(g) for g in mha_core_backward(dheads, c, 1 / np.sqrt(d)))
    return dq @ Wq.T, x.T @ dq, x.T @ dk, x.T @ dv, c["joined"].T @ dout


def mha_backward_width(dout, c):
    x, (Wq, Wk, Wv, Wo) = c["x"], c["W"]
    heads, T, d = c["q"].shape
    dheads = split_heads(dout @ Wo.T, heads)
    scale = 1 / np.sqrt(Wq.shape[1])
    dq, dk, dv = (merge_heads(g) for g in mha_core_backward(dheads, c, scale))
    dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T
    return dx, x.T @ dq, x.T @ dk, x.T @ dv, c["joined"].T @ dout


def mha_backward_copy_paste(dout, c):
    x, (Wq, Wk, Wv, Wo) = c["x"], c["W"]
    heads, T, d = c["q"].shape
    dheads = split_heads(dout @ Wo.T, heads)
    dq, dk, dv = (merge_heads(g) for g in mha_core_backward(dheads, c, 1 / np.sqrt(d)))
    dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T
    dWq = x.T @ dq
    dWk = x.T @ dq
    dWv = x.T @ dv
    return dx, dWq, dWk, dWv, c["joined"].T @ dout


def mha_backward_from_one(dout, c):
    x, (Wq, Wk, Wv, Wo) = c["x"], c["W"]
    heads, T, d = c["q"].shape
    dheads = split_heads(dout @ Wo.T, heads)
    gq, gk, gv = mha_core_backward(dheads, c, 1 / np.sqrt(d))
    dq, dk, dv = np.zeros((T, heads * d)), np.zeros((T, heads * d)), np.zeros((T, heads * d))
    for h in range(1, heads):
        cols = slice(h * d, (h + 1) * d)
        dq[:, cols], dk[:, cols], dv[:, cols] = gq[h], gk[h], gv[h]
    dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T
    return dx, x.T @ dq, x.T @ dk, x.T @ dv, c["joined"].T @ dout


def mha_backward_input_for_joined(dout, c):
    x, (Wq, Wk, Wv, Wo) = c["x"], c["W"]
    heads, T, d = c["q"].shape
    dheads = split_heads(dout @ Wo.T, heads)
    dq, dk, dv = (merge_heads(g) for g in mha_core_backward(dheads, c, 1 / np.sqrt(d)))
    dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T
    return dx, x.T @ dq, x.T @ dk, x.T @ dv, x.T @ dout


def make_mha(rng):
    return (rng.normal(size=(4, 6)), *(0.6 * rng.normal(size=(4, 6, 6))))


WRONG.add(
    "multi-head: heads split without moving axes",
    (mha_forward, mha_backward_reshape),
    make_mha,
    "dx dWq dWk dWv",
    "rearranged",
    heads=2,
)
WRONG.add(
    "multi-head: input gradient through the queries only",
    (mha_forward, mha_backward_query_only),
    make_mha,
    "dx",
    "missing_path",
    heads=2,
)
WRONG.add(
    "multi-head: scale of the full width",
    (mha_forward, mha_backward_width),
    make_mha,
    "dx dWq dWk",
    "constant_scale",
    heads=3,
)
WRONG.add(
    "multi-head: query gradient copied for the keys",
    (mha_forward, mha_backward_copy_paste),
    make_mha,
    "dWk",
    "wrong_tensor",
    heads=3,
)
WRONG.add(
    "multi-head: first head skipped",
    (mha_forward, mha_backward_from_one),
    make_mha,
    "dx dWq dWk dWv",
    "partial_fill",
    heads=3,
)
WRONG.add(
    "multi-head: input in place of the joined heads",
    (mha_forward, mha_backward_input_for_joined),
    make_mha,
    "dWo",
    "wrong_tensor",
    heads=2,
)


# ---------------------------------------------------------------- positions
def rotate_forward(x):
    T, d = x.shape
    angle = np.arange(T)[:, None] * 10.0 ** (-np.arange(d // 2))[None, :]
    c, s = np.cos(angle), np.sin(angle)
    even, odd = x[:, 0::2], x[:, 1::2]
    out = np.empty_like(x)
    out[:, 0::2] = even * c - odd * s
    out[:, 1::2] = even * s + odd * c
    return out, (c, s)


def rotate_backward(dout, cache):
    c, s = cache
    dx = np.empty_like(dout)
    dx[:, 0::2] = dout[:, 0::2] * c - dout[:, 1::2] * s
    dx[:, 1::2] = dout[:, 0::2] * s + dout[:, 1::2] * c
    return dx


def make_rotate(rng):
    return (rng.normal(size=(5, 4)),)


WRONG.add(
    "rotary positions: rotated on instead of back",
    (rotate_forward, rotate_backward),
    make_rotate,
    "dx",
    "transposed",
    "wrong_formula sign_flip",
)


def relative_bias_forward(scores, table):
    T = scores.shape[-1]
    offset = np.arange(T)[:, None] - np.arange(T)[None, :] + T - 1
    return scores + table[offset], (offset, table.shape)


def relative_bias_backward(dout, cache):
    offset, shape = cache
    dtable = np.zeros(shape)
    np.add.at(dtable, offset.T, dout.sum(axis=0))
    return dout, dtable


def make_relative(rng):
    return rng.normal(size=(3, 4, 4)), rng.normal(size=7)


WRONG.add(
    "relative positions: offsets of the opposite sign",
    (relative_bias_forward, relative_bias_backward),
    make_relative,
    "dtable",
    "rearranged",
    "wrong_index transposed",
)
