"""Attention, single and with several heads, each with one fault in its backward pass."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, normal


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attention_forward(q, k, v):
    # q (N, Tq, d), k (N, Tk, d), v (N, Tk, m)
    scale = 1 / np.sqrt(q.shape[-1])
    scores = scale * q @ k.swapaxes(1, 2)
    p = softmax(scores)
    return p @ v, (q, k, v, p, scores, scale)


def attention_backward_scale_left_out(dout, cache):
    q, k, v, p, scores, scale = cache
    dv = p.swapaxes(1, 2) @ dout
    dp = dout @ v.swapaxes(1, 2)
    ds = p * (dp - np.sum(dp * p, axis=-1, keepdims=True))
    return ds @ k, ds.swapaxes(1, 2) @ q, dv


def attention_backward_diagonal(dout, cache):
    q, k, v, p, scores, scale = cache
    dv = p.swapaxes(1, 2) @ dout
    dp = dout @ v.swapaxes(1, 2)
    ds = p * (1 - p) * dp * scale
    return ds @ k, ds.swapaxes(1, 2) @ q, dv


def attention_backward_ds_as_is(dout, cache):
    q, k, v, p, scores, scale = cache
    dv = p.swapaxes(1, 2) @ dout
    dp = dout @ v.swapaxes(1, 2)
    ds = p * (dp - np.sum(dp * p, axis=-1, keepdims=True)) * scale
    return ds @ k, ds @ q, dv


def attention_backward_k_first(dout, cache):
    q, k, v, p, scores, scale = cache
    dv = p.swapaxes(1, 2) @ dout
    dp = dout @ v.swapaxes(1, 2)
    ds = p * (dp - np.sum(dp * p, axis=-1, keepdims=True)) * scale
    dk = ds.swapaxes(1, 2) @ q
    dq = ds @ k
    return dk, dq, dv


def attention_backward_values_by_scores(dout, cache):
    q, k, v, p, scores, scale = cache
    dv = scores.swapaxes(1, 2) @ dout
    dp = dout @ v.swapaxes(1, 2)
    ds = p * (dp - np.sum(dp * p, axis=-1, keepdims=True)) * scale
    return ds @ k, ds.swapaxes(1, 2) @ q, dv


def attention_backward_softmax_over_queries(dout, cache):
    q, k, v, p, scores, scale = cache
    dv = p.swapaxes(1, 2) @ dout
    dp = dout @ v.swapaxes(1, 2)
    ds = p * (dp - np.sum(dp * p, axis=1, keepdims=True)) * scale
    return ds @ k, ds.swapaxes(1, 2) @ q, dv


def attention_backward_queries_from_queries(dout, cache):
    q, k, v, p, scores, scale = cache
    dv = p.swapaxes(1, 2) @ dout
    dp = dout @ v.swapaxes(1, 2)
    ds = p * (dp - np.sum(dp * p, axis=-1, keepdims=True)) * scale
    return ds @ q, ds.swapaxes(1, 2) @ q, dv


def causal_attention_forward(q, k, v):
    T, d = q.shape
    allowed = np.tril(np.ones((T, T), dtype=bool))
    s = q @ k.T / np.sqrt(d)
    s[~allowed] = -1e9
    p = softmax(s)
    return p @ v, {"q": q, "k": k, "v": v, "p": p, "allowed": allowed}


def causal_attention_backward_mask_turned(dout, cache):
    q, k, v, p = (cache[name] for name in "qkvp")
    dp = dout @ v.T
    ds = p * (dp - (dp * p).sum(1, keepdims=True))
    ds[np.tril_indices_from(ds, -1)] = 0
    ds /= np.sqrt(q.shape[1])
    return ds @ k, ds.T @ q, p.T @ dout


# several heads, one sequence


def mha_forward(x, Wq, Wk, Wv, Wo, heads=2):
    T, D = x.shape
    d = D // heads

    def split(z):
        return z.reshape(T, heads, d).transpose(1, 0, 2)

    q, k, v = split(x @ Wq), split(x @ Wk), split(x @ Wv)
    p = softmax(q @ k.transpose(0, 2, 1) / np.sqrt(d))
    o = (p @ v).transpose(1, 0, 2).reshape(T, D)
    return o @ Wo, (x, Wq, Wk, Wv, Wo, heads, q, k, v, p, o)


def merge(z):
    heads, T, d = z.shape
    return z.transpose(1, 0, 2).reshape(T, heads * d)


def mha_backward_values_only(dout, cache):
    x, Wq, Wk, Wv, Wo, heads, q, k, v, p, o = cache
    T, D = x.shape
    d = D // heads
    dWo = o.T @ dout
    do = (dout @ Wo.T).reshape(T, heads, d).transpose(1, 0, 2)
    dv = merge(p.transpose(0, 2, 1) @ do)
    dp = do @ v.transpose(0, 2, 1)
    ds = p * (dp - (dp * p).sum(-1, keepdims=True)) / np.sqrt(d)
    dq, dk = merge(ds @ k), merge(ds.transpose(0, 2, 1) @ q)
    dx = dv @ Wv.T
    return dx, x.T @ dq, x.T @ dk, x.T @ dv, dWo


def mha_backward_full_width_in_scale(dout, cache):
    x, Wq, Wk, Wv, Wo, heads, q, k, v, p, o = cache
    T, D = x.shape
    dWo = o.T @ dout
    do = (dout @ Wo.T).reshape(T, heads, D // heads).transpose(1, 0, 2)
    dv = merge(p.transpose(0, 2, 1) @ do)
    dp = do @ v.transpose(0, 2, 1)
    ds = p * (dp - (dp * p).sum(-1, keepdims=True)) / np.sqrt(D)
    dq, dk = merge(ds @ k), merge(ds.transpose(0, 2, 1) @ q)
    dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T
    return dx, x.T @ dq, x.T @ dk, x.T @ dv, dWo


def mha_backward_heads_not_moved(dout, cache):
    x, Wq, Wk, Wv, Wo, heads, q, k, v, p, o = cache
    T, D = x.shape
    d = D // heads
    dWo = o.T @ dout
    do = (dout @ Wo.T).reshape(heads, T, d)
    dv = merge(p.transpose(0, 2, 1) @ do)
    dp = do @ v.transpose(0, 2, 1)
    ds = p * (dp - (dp * p).sum(-1, keepdims=True)) / np.sqrt(d)
    dq, dk = merge(ds @ k), merge(ds.transpose(0, 2, 1) @ q)
    dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T
    return dx, x.T @ dq, x.T @ dk, x.T @ dv, dWo


def mha_backward_output_weights_from_x(dout, cache):
    x, Wq, Wk, Wv, Wo, heads, q, k, v, p, o = cache
    T, D = x.shape
    d = D // heads
    dWo = x.T @ dout
    do = (dout @ Wo.T).reshape(T, heads, d).transpose(1, 0, 2)
    dv = merge(p.transpose(0, 2, 1) @ do)
    dp = do @ v.transpose(0, 2, 1)
    ds = p * (dp - (dp * p).sum(-1, keepdims=True)) / np.sqrt(d)
    dq, dk = merge(ds @ k), merge(ds.transpose(0, 2, 1) @ q)
    dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T
    return dx, x.T @ dq, x.T @ dk, x.T @ dv, dWo


def mha_backward_dx_of_last_head(dout, cache):
    x, Wq, Wk, Wv, Wo, heads, q, k, v, p, o = cache
    T, D = x.shape
    d = D // heads
    do = dout @ Wo.T
    dWq, dWk, dWv = np.zeros_like(Wq), np.zeros_like(Wk), np.zeros_like(Wv)
    for h in range(heads):
        cols = slice(h * d, (h + 1) * d)
        dv = p[h].T @ do[:, cols]
        dp = do[:, cols] @ v[h].T
        ds = p[h] * (dp - (dp * p[h]).sum(-1, keepdims=True)) / np.sqrt(d)
        dq, dk = ds @ k[h], ds.T @ q[h]
        dWq[:, cols], dWk[:, cols], dWv[:, cols] = x.T @ dq, x.T @ dk, x.T @ dv
        dx = dq @ Wq[:, cols].T + dk @ Wk[:, cols].T + dv @ Wv[:, cols].T
    return dx, dWq, dWk, dWv, o.T @ dout


# additive attention with one query


def additive_forward(query, keys, W, v):
    # query (H,), keys (T, H)
    t = np.tanh(keys @ W + query)
    a = softmax(t @ v)
    return a @ keys, (query, keys, W, v, t, a)


def additive_backward_tanh_left_out(dout, cache):
    query, keys, W, v, t, a = cache
    da = keys @ dout
    de = a * (da - da @ a)
    dv = t.T @ de
    dpre = np.outer(de, v)
    dkeys = np.outer(a, dout) + dpre @ W.T
    return dpre.sum(axis=0), dkeys, keys.T @ dpre, dv


def additive_backward_keys_as_values_only(dout, cache):
    query, keys, W, v, t, a = cache
    da = keys @ dout
    de = a * (da - da @ a)
    dv = t.T @ de
    dpre = np.outer(de, v) * (1 - t**2)
    dkeys = np.outer(a, dout)
    return dpre.sum(axis=0), dkeys, keys.T @ dpre, dv


def additive_backward_query_per_key(dout, cache):
    query, keys, W, v, t, a = cache
    da = keys @ dout
    de = a * (da - da @ a)
    dv = t.T @ de
    dpre = np.outer(de, v) * (1 - t**2)
    dkeys = np.outer(a, dout) + dpre @ W.T
    return dpre, dkeys, keys.T @ dpre, dv


CROSS = normal((2, 3, 5), (2, 4, 5), (2, 4, 6))
SELF = normal((2, 4, 5), (2, 4, 5), (2, 4, 3))
HEADS = normal((3, 6), (6, 6), (6, 6), (6, 6), (6, 6))
ADDITIVE = normal((4,), (5, 4), (4, 4), (4,))


def wrong(name, forward, backward, make, gradients, cause, also=(), **options):
    return Specimen(name, forward, backward, make, options, tuple(gradients.split()), cause, also)


WRONG = [
    wrong(
        "attention: 1 / sqrt(d) left out",
        attention_forward,
        attention_backward_scale_left_out,
        CROSS,
        "dq dk",
        "constant_scale",
    ),
    wrong(
        "attention: softmax's diagonal alone",
        attention_forward,
        attention_backward_diagonal,
        CROSS,
        "dq dk",
        "missing_path",
    ),
    wrong(
        "attention: dk with dscores not transposed (Tq = Tk)",
        attention_forward,
        attention_backward_ds_as_is,
        SELF,
        "dk",
        "transposed",
    ),
    wrong(
        "attention: dq and dk exchanged",
        attention_forward,
        attention_backward_k_first,
        SELF,
        "dq dk",
        "swapped_outputs",
    ),
    wrong(
        "attention: dv from scores, not probabilities",
        attention_forward,
        attention_backward_values_by_scores,
        CROSS,
        "dv",
        "wrong_tensor",
    ),
    wrong(
        "attention: softmax summed over the queries",
        attention_forward,
        attention_backward_softmax_over_queries,
        CROSS,
        "dq dk",
        "wrong_axis",
    ),
    wrong(
        "attention: dq from q, not k",
        attention_forward,
        attention_backward_queries_from_queries,
        SELF,
        "dq",
        "wrong_tensor",
    ),
    wrong(
        "causal attention: the past masked in backward",
        causal_attention_forward,
        causal_attention_backward_mask_turned,
        normal((5, 4), (5, 4), (5, 3)),
        "dq dk",
        "wrong_mask",
    ),
    wrong(
        "multi-head attention: dx through the values only",
        mha_forward,
        mha_backward_values_only,
        HEADS,
        "dx",
        "missing_path",
        heads=2,
    ),
    wrong(
        "multi-head attention: sqrt(D) where sqrt(D / heads) belongs",
        mha_forward,
        mha_backward_full_width_in_scale,
        HEADS,
        "dx dWq dWk",
        "constant_scale",
        heads=3,
    ),
    wrong(
        "multi-head attention: dout split into heads without transposing",
        mha_forward,
        mha_backward_heads_not_moved,
        HEADS,
        "dx dWq dWk dWv",
        "rearranged",
        heads=2,
    ),
    wrong(
        "multi-head attention: dWo from x",
        mha_forward,
        mha_backward_output_weights_from_x,
        HEADS,
        "dWo",
        "wrong_tensor",
        heads=2,
    ),
    wrong(
        "multi-head attention: dx of the last head",
        mha_forward,
        mha_backward_dx_of_last_head,
        HEADS,
        "dx",
        "overwrite_not_accumulate",
        ("missing_path", "missing_reduction"),
        heads=3,
    ),
    wrong(
        "additive attention: derivative of tanh left out",
        additive_forward,
        additive_backward_tanh_left_out,
        ADDITIVE,
        "dquery dkeys dW",
        "chain_factor",
    ),
    wrong(
        "additive attention: keys as values only",
        additive_forward,
        additive_backward_keys_as_values_only,
        ADDITIVE,
        "dkeys",
        "missing_path",
    ),
    wrong(
        "additive attention: query's gradient not summed over the keys",
        additive_forward,
        additive_backward_query_per_key,
        ADDITIVE,
        "dquery",
        "missing_reduction",
    ),
]
