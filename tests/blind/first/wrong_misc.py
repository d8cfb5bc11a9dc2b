"""Embeddings, small networks and composites, with faults."""

import numpy as np

from blind.shelf import Shelf

WRONG = Shelf()


# ---------------------------------------------------------------- embeddings
def embedding_forward(idx, W):
    return W[idx], (idx, W.shape)


def embedding_backward_plus(dout, cache):
    idx, shape = cache
    dW = np.zeros(shape)
    dW[idx] += dout
    return dW


def embedding_backward_loop(dout, cache):
    idx, shape = cache
    dW = np.zeros(shape)
    N, T = idx.shape
    for n in range(N):
        for t in range(T):
            dW[idx[n, t]] = dout[n, t]
    return dW


def embedding_backward_ids(dout, cache):
    idx, shape = cache
    flat = idx.ravel()
    grads = dout.reshape(-1, shape[1])
    dW = np.zeros(shape)
    for word in range(1, shape[0]):
        dW[word] = grads[flat == word].sum(axis=0)
    return dW


def embedding_backward_frequency(dout, cache):
    idx, shape = cache
    dW = np.zeros(shape)
    np.add.at(dW, idx, dout)
    counts = np.bincount(idx.ravel(), minlength=shape[0])
    return dW / np.maximum(counts, 1)[:, None]


def make_tokens(rng):
    idx = np.array([[0, 3, 3], [5, 0, 3]])
    return idx, rng.normal(size=(6, 4))


WRONG.add(
    "embedding: fancy index adds once",
    (embedding_forward, embedding_backward_plus),
    make_tokens,
    "dW",
    "overwrite_not_accumulate",
)
WRONG.add(
    "embedding: last occurrence wins",
    (embedding_forward, embedding_backward_loop),
    make_tokens,
    "dW",
    "overwrite_not_accumulate",
)
WRONG.add(
    "embedding: word zero skipped",
    (embedding_forward, embedding_backward_ids),
    make_tokens,
    "dW",
    "partial_fill",
    "wrong_index",
)
WRONG.add(
    "embedding: averaged over occurrences",
    (embedding_forward, embedding_backward_frequency),
    make_tokens,
    "dW",
    "wrong_formula",
    "constant_scale batch_scale",
)


def offset_embedding_forward(tokens, table, *, reserved=2):
    return table[tokens + reserved], (tokens, table)


def offset_embedding_backward(dout, cache):
    tokens, table = cache
    dtable = np.zeros_like(table)
    np.add.at(dtable, tokens, dout)
    return dtable


def padded_embedding_forward(tokens, table, *, padding=0):
    out = table[tokens].copy()
    out[tokens == padding] = 0.0
    return out, (tokens, table.shape, padding)


def padded_embedding_backward(dout, cache):
    tokens, shape, padding = cache
    dtable = np.zeros(shape)
    np.add.at(dtable, tokens, dout)
    return dtable


def scaled_embedding_forward(tokens, table):
    scale = np.sqrt(table.shape[1])
    return scale * table[tokens], (tokens, table)


def scaled_embedding_backward(dout, cache):
    tokens, table = cache
    onehot = np.eye(table.shape[0])[tokens.ravel()]
    return onehot.T @ dout.reshape(-1, table.shape[1])


def make_table(rng):
    return np.array([[0, 2, 1, 0], [3, 3, 0, 2]]), rng.normal(size=(7, 3))


WRONG.add(
    "embedding: reserved rows forgotten",
    (offset_embedding_forward, offset_embedding_backward),
    make_table,
    "dtable",
    "wrong_index",
    reserved=2,
)
WRONG.add(
    "embedding: padding learns",
    (padded_embedding_forward, padded_embedding_backward),
    make_table,
    "dtable",
    "wrong_mask",
    padding=0,
)
WRONG.add(
    "embedding: square root of the width left out",
    (scaled_embedding_forward, scaled_embedding_backward),
    make_table,
    "dtable",
    "constant_scale",
)


def positional_forward(tokens, table, positions):
    return table[tokens] + positions, (tokens, table, positions)


def positional_backward(dout, cache):
    tokens, table, positions = cache
    dtable = np.zeros_like(table)
    np.add.at(dtable, tokens, dout)
    dpositions = dout[0] + 0.0
    return dtable, dpositions


def make_positions(rng):
    return (
        np.array([[0, 2, 1, 0], [3, 3, 0, 2], [1, 1, 4, 0]]),
        rng.normal(size=(5, 3)),
        rng.normal(size=(4, 3)),
    )


WRONG.add(
    "embedding: positions from the first sequence",
    (positional_forward, positional_backward),
    make_positions,
    "dpositions",
    "missing_reduction",
    "wrong_index",
)


def bag_forward(words, table):
    return table[words].mean(axis=1), (words, table.shape)


def bag_backward(dout, cache):
    words, shape = cache
    dtable = np.zeros(shape)
    for bag, g in zip(words, dout):
        for word in bag:
            dtable[word] += g
    return dtable


def make_bags(rng):
    return np.array([[0, 1, 1], [4, 2, 0]]), rng.normal(size=(5, 4))


WRONG.add(
    "embedding bag: sum for the mean",
    (bag_forward, bag_backward),
    make_bags,
    "dtable",
    "constant_scale",
)


# ---------------------------------------------------------------- two-layer nets
def two_layer_forward(X, W1, b1, W2, b2):
    z1 = X @ W1 + b1
    h1 = np.maximum(0, z1)
    scores = h1 @ W2 + b2
    return scores, {"X": X, "W1": W1, "W2": W2, "z1": z1, "h1": h1}


def two_layer_backward_no_relu(dscores, cache):
    dW2 = cache["h1"].T @ dscores
    db2 = dscores.sum(axis=0)
    dh1 = dscores @ cache["W2"].T
    dW1 = cache["X"].T @ dh1
    db1 = dh1.sum(axis=0)
    dX = dh1 @ cache["W1"].T
    return dX, dW1, db1, dW2, db2


def two_layer_backward_late(dscores, cache):
    dW2 = cache["h1"].T @ dscores
    db2 = dscores.sum(axis=0)
    dh1 = dscores @ cache["W2"].T
    dW1 = cache["X"].T @ dh1
    dz1 = dh1 * (cache["z1"] > 0)
    db1 = dz1.sum(axis=0)
    dX = dz1 @ cache["W1"].T
    return dX, dW1, db1, dW2, db2


def two_layer_backward_pre(dscores, cache):
    dz1 = (dscores @ cache["W2"].T) * (cache["z1"] > 0)
    dW2 = cache["z1"].T @ dscores
    db2 = dscores.sum(axis=0)
    return dz1 @ cache["W1"].T, cache["X"].T @ dz1, dz1.sum(axis=0), dW2, db2


def two_layer_backward_biases(dscores, cache):
    dz1 = (dscores @ cache["W2"].T) * (cache["z1"] > 0)
    db1, db2 = dz1.sum(axis=0), dscores.sum(axis=0)
    dW1, dW2 = cache["X"].T @ dz1, cache["h1"].T @ dscores
    return dz1 @ cache["W1"].T, dW1, db2, dW2, db1


def make_two_layer(rng):
    return (
        rng.normal(size=(6, 4)),
        rng.normal(size=(4, 5)),
        rng.normal(size=5),
        rng.normal(size=(5, 3)),
        rng.normal(size=3),
    )


def make_two_layer_equal(rng):
    return (
        rng.normal(size=(6, 2)),
        rng.normal(size=(2, 3)),
        rng.normal(size=3),
        rng.normal(size=(3, 3)),
        rng.normal(size=3),
    )


WRONG.add(
    "two-layer net: relu not differentiated",
    (two_layer_forward, two_layer_backward_no_relu),
    make_two_layer,
    "dX dW1 db1",
    "chain_factor",
    "wrong_mask",
)
WRONG.add(
    "two-layer net: first weights before the relu mask",
    (two_layer_forward, two_layer_backward_late),
    make_two_layer,
    "dW1",
    "chain_factor",
    "wrong_mask wrong_tensor",
)
WRONG.add(
    "two-layer net: pre-activation for the hidden layer",
    (two_layer_forward, two_layer_backward_pre),
    make_two_layer,
    "dW2",
    "wrong_tensor",
)
WRONG.add(
    "two-layer net: biases exchanged",
    (two_layer_forward, two_layer_backward_biases),
    make_two_layer_equal,
    "db1 db2",
    "swapped_outputs",
)


def sigmoid_net_forward(x, w1, w2, y):
    h = 1 / (1 + np.exp(-x @ w1))
    p = h @ w2
    return 0.5 * np.sum((p - y) ** 2) / len(x), (x, h, p, w1, w2, y)


def sigmoid_net_backward(dloss, cache):
    x, h, p, w1, w2, y = cache
    delta2 = dloss * (p - y) / len(x)
    dw2 = h.T @ delta2
    delta1 = (delta2 @ w2.T) * h * (1 - h)
    dw1 = x.T @ delta1
    return delta1 @ w1.T, dw1 / len(x), dw2 / len(x)


def make_sigmoid_net(rng):
    return (
        rng.normal(size=(5, 3)),
        rng.normal(size=(3, 4)),
        rng.normal(size=(4, 2)),
        rng.normal(size=(5, 2)),
    )


WRONG.add(
    "sigmoid net: averaged twice",
    (sigmoid_net_forward, sigmoid_net_backward),
    make_sigmoid_net,
    "dw1 dw2",
    "batch_scale",
)


def affine_relu_forward(x, w, b):
    a = x @ w + b
    return a * (a > 0), (x, w, a)


def affine_relu_backward(dout, cache):
    x, w, a = cache
    da = np.where(x > 0, dout, 0)
    return da @ w.T, x.T @ da, da.sum(axis=0)


def make_affine_relu(rng):
    return rng.normal(size=(6, 4)), rng.normal(size=(4, 4)), rng.normal(size=4)


WRONG.add(
    "affine-relu: mask of the layer's input",
    (affine_relu_forward, affine_relu_backward),
    make_affine_relu,
    "dx dw db",
    "wrong_mask",
    "wrong_tensor",
)


# ---------------------------------------------------------------- skips, gates and branches
class ResidualBlock:
    @staticmethod
    def forward(x, W, V):
        h = np.tanh(x @ W)
        return x + h @ V, (x, W, V, h)

    @staticmethod
    def backward(dout, cache):
        x, W, V, h = cache
        dV = h.T @ dout
        dh = (dout @ V.T) * (1 - h**2)
        dW = x.T @ dh
        dx = dh @ W.T
        return dx, dW, dV


def make_residual(rng):
    return rng.normal(size=(4, 3)), rng.normal(size=(3, 5)), rng.normal(size=(5, 3))


WRONG.add(
    "residual block: skip forgotten",
    (ResidualBlock.forward, ResidualBlock.backward),
    make_residual,
    "dx",
    "missing_path",
)


def highway_forward(x, Wt, Wh):
    t = 1 / (1 + np.exp(-(x @ Wt)))
    h = np.tanh(x @ Wh)
    return t * h + (1 - t) * x, (x, Wt, Wh, t, h)


def highway_backward_sign(dout, cache):
    x, Wt, Wh, t, h = cache
    dt = dout * (x - h) * t * (1 - t)
    dh = dout * t * (1 - h**2)
    dx = dout * (1 - t) - dt @ Wt.T + dh @ Wh.T
    return dx, x.T @ dt, x.T @ dh


def highway_backward_carry(dout, cache):
    x, Wt, Wh, t, h = cache
    dt = dout * (h - x) * t * (1 - t)
    dh = dout * t * (1 - h**2)
    dx = dout * t + dt @ Wt.T + dh @ Wh.T
    return dx, x.T @ dt, x.T @ dh


def make_highway(rng):
    return rng.normal(size=(5, 3)), rng.normal(size=(3, 3)), rng.normal(size=(3, 3))


WRONG.add(
    "highway: gate difference reversed",
    (highway_forward, highway_backward_sign),
    make_highway,
    "dWt",
    "sign_flip",
)
WRONG.add(
    "highway: transform gate on the carry path",
    (highway_forward, highway_backward_carry),
    make_highway,
    "dx",
    "wrong_tensor",
    "wrong_formula",
)


def squeeze_excite_forward(x, w):
    s = x.mean(axis=(2, 3))
    g = 1 / (1 + np.exp(-(s @ w)))
    return x * g[:, :, None, None], (x, s, g, w)


def squeeze_excite_backward(dout, cache):
    x, s, g, w = cache
    dg = (dout * x).sum(axis=(2, 3))
    da = dg * g * (1 - g)
    dw = s.T @ da
    dx = dout * g[:, :, None, None]
    return dx, dw


def make_squeeze(rng):
    return rng.normal(size=(2, 3, 4, 2)) + 0.5, rng.normal(size=(3, 3))


WRONG.add(
    "squeeze-excite: path through the gate missing",
    (squeeze_excite_forward, squeeze_excite_backward),
    make_squeeze,
    "dx",
    "missing_path",
)


def mixture_forward(x, gates, experts):
    e = np.exp(gates - gates.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    y = np.einsum("nd,kdm->nkm", x, experts)
    return np.einsum("nk,nkm->nm", p, y), (x, p, y, experts)


def mixture_backward(dout, cache):
    x, p, y, experts = cache
    dp = np.einsum("nm,nkm->nk", dout, y)
    dgates = p * dp
    dy = p[:, :, None] * dout[:, None, :]
    dx = np.einsum("nkm,kdm->nd", dy, experts)
    dexperts = np.einsum("nd,nkm->kdm", x, dy)
    return dx, dgates, dexperts


def make_mixture(rng):
    return rng.normal(size=(5, 3)), rng.normal(size=(5, 4)), rng.normal(size=(4, 3, 2))


WRONG.add(
    "mixture of experts: gates without their normaliser",
    (mixture_forward, mixture_backward),
    make_mixture,
    "dgates",
    "missing_path",
)


def concat_forward(a, b):
    return np.concatenate((a, b), axis=1), (a.shape[1], b.shape[1])


def concat_backward(dout, cache):
    na, nb = cache
    return dout[:, nb:], dout[:, :nb]


def make_concat(rng):
    return rng.normal(size=(4, 2)), rng.normal(size=(4, 5))


WRONG.add(
    "concatenation: cut at the wrong place",
    (concat_forward, concat_backward),
    make_concat,
    "da db",
    "wrong_index",
    "rearranged swapped_outputs",
)


def broadcast_add_forward(x, shift):
    return np.tanh(x + shift), np.tanh(x + shift)


def broadcast_add_backward(dout, out):
    d = dout * (1 - out**2)
    return d, d.mean(axis=(0, 1))


def make_broadcast(rng):
    return rng.normal(size=(3, 4, 2)), rng.normal(size=2)


WRONG.add(
    "shift: averaged over tokens",
    (broadcast_add_forward, broadcast_add_backward),
    make_broadcast,
    "dshift",
    "batch_scale",
    "constant_scale",
)


def weighted_sum_forward(x, weights):
    return (x * weights).sum(axis=1), (x, weights)


def weighted_sum_backward(dout, cache):
    x, weights = cache
    dx = weights * np.ones_like(x)
    dweights = x.sum(axis=0)
    return dx, dweights


def make_weighted(rng):
    return rng.normal(size=(4, 3)), rng.normal(size=3)


WRONG.add(
    "weighted sum: upstream gradient unused",
    (weighted_sum_forward, weighted_sum_backward),
    make_weighted,
    "dx dweights",
    "dout_ignored",
)


def counting_forward(x):
    total = x.sum(axis=0)
    return total**2, (x.shape, total)


def counting_backward(dout, cache):
    shape, total = cache
    buffer = np.zeros(shape, dtype=np.int64)
    buffer[:] = (2 * total * dout).astype(np.int64)
    return buffer.astype(np.float64)


def make_counting(rng):
    return (3 * rng.normal(size=(4, 3)),)


WRONG.add(
    "squared sum: integer buffer",
    (counting_forward, counting_backward),
    make_counting,
    "dx",
    "precision_loss",
)


# ---------------------------------------------------------------- faults that nobody can name
def spline_forward(x, w):
    t = np.tanh(x)
    return (t[:, :, None] * np.array([1.0, 0.5, 0.25]) * w).sum(axis=2), (x, t, w)


def spline_backward(dout, cache):
    x, t, w = cache
    dw = np.cos(3.7 * w) + 0.31 * w * w
    k = np.array([1.0, 0.5, 0.25])
    dx = dout * (1 - t**2) * (k * w).sum(axis=1)
    return dx, dw * dout.sum()


def make_spline(rng):
    return rng.normal(size=(4, 3)), rng.normal(size=(3, 3))


def attention_pool_forward(x, u):
    s = x @ u
    a = np.exp(s - s.max(axis=1, keepdims=True))
    a = a / a.sum(axis=1, keepdims=True)
    return np.einsum("nt,ntd->nd", a, x), (x, u, a)


def attention_pool_backward(dout, cache):
    x, u, a = cache
    da = np.einsum("nd,ntd->nt", dout, x)
    ds = a * (da - (a * da).sum(axis=1, keepdims=True))
    dx = a[:, :, None] * dout[:, None, :] + ds[:, :, None] * u
    du = np.sqrt(np.abs(np.einsum("nt,ntd->d", a, x))) * dout.sum(axis=0) * np.sin(u)
    return dx, du


def make_attention_pool(rng):
    return rng.normal(size=(3, 4, 2)), rng.normal(size=2)


def lookup_blend_forward(x, knots):
    d = np.exp(-((x[:, None] - np.linspace(-1, 1, knots.size)) ** 2))
    return d @ knots, (x, d, knots)


def lookup_blend_backward(dout, cache):
    x, d, knots = cache
    grid = np.linspace(-1, 1, knots.size)
    dknots = d.T @ dout
    dx = dout * np.log1p((d @ np.abs(knots)) ** 2) * np.arctan(x) - 0.2 * dout * grid.size
    return dx, dknots


def make_blend(rng):
    return rng.normal(size=5), rng.normal(size=4)


WRONG.add(
    "spline layer: unrelated expression",
    (spline_forward, spline_backward),
    make_spline,
    "dw",
    "unknown",
    "wrong_formula",
)
WRONG.add(
    "attention pool: unrelated expression",
    (attention_pool_forward, attention_pool_backward),
    make_attention_pool,
    "du",
    "unknown",
    "wrong_formula",
)
WRONG.add(
    "lookup blend: unrelated expression",
    (lookup_blend_forward, lookup_blend_backward),
    make_blend,
    "dx",
    "unknown",
    "wrong_formula",
)
