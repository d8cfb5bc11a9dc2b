"""Dropout and embeddings, each with one fault in its backward pass."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, normal


def dropout_forward(x, p=0.3, seed=0):
    # p is the probability to drop; kept entries are divided by 1 - p
    rng = np.random.default_rng(seed)
    mask = rng.random(x.shape) >= p
    out = x * mask / (1 - p)
    cache = ({"p": p, "seed": seed}, mask)
    return out, cache


def dropout_backward_not_rescaled(dout, cache):
    param, mask = cache
    dx = dout * mask
    return dx


def dropout_backward_without_mask(dout, cache):
    param, mask = cache
    return dout / (1 - param["p"])


def dropout_backward_fresh_mask(dout, cache):
    param, mask = cache
    rng = np.random.default_rng(param["seed"] + 1)
    mask = rng.random(dout.shape) >= param["p"]
    return dout * mask / (1 - param["p"])


def dropout_backward_dropped_entries(dout, cache):
    param, mask = cache
    dx = dout / (1 - param["p"])
    dx[mask] = 0
    return dx


def dropout_backward_divided_by_p(dout, cache):
    param, mask = cache
    return dout * mask / param["p"]


def inverted_dropout_forward(x, keep=0.6, seed=0):
    mask = (np.random.default_rng(seed).random(x.shape) < keep) / keep
    return x * mask, mask


def inverted_dropout_backward_mask_twice(dout, mask):
    dout = dout * mask
    dx = dout * mask
    return dx


def channel_dropout_forward(x, keep=0.6, seed=3):
    # whole channels are dropped, the same for all pixels
    N, C, H, W = x.shape
    rng = np.random.default_rng(seed)
    mask = (rng.random((N, C)) < keep) / keep
    return x * mask[:, :, None, None], mask


def channel_dropout_backward_mask_on_pixels(dout, mask):
    return dout * mask[None, None, :, :]


# embeddings


def embedding_forward(idx, W):
    out = W[idx]
    return out, (idx, W.shape)


def embedding_backward_fancy_plus(dout, cache):
    idx, shape = cache
    dW = np.zeros(shape)
    dW[idx] += dout
    return dW


def embedding_backward_row_before(dout, cache):
    idx, (V, D) = cache
    dW = np.zeros((V, D))
    N, T = idx.shape
    for n in range(N):
        for t in range(T):
            dW[idx[n, t] - 1] += dout[n, t]
    return dW


def embedding_backward_half_buffer(dout, cache):
    idx, shape = cache
    dW = np.zeros(shape, dtype=np.float16)
    np.add.at(dW, idx, dout.astype(np.float16))
    return dW.astype(dout.dtype)


def scaled_embedding_forward(tokens, table):
    d = table.shape[1]
    return table[tokens] * np.sqrt(d), (tokens, table)


def scaled_embedding_backward_unscaled(dout, cache):
    tokens, table = cache
    dtable = np.zeros_like(table)
    np.add.at(dtable, tokens, dout)
    return dtable


def padded_embedding_forward(tokens, table, pad=0):
    out = table[tokens]
    out[tokens == pad] = 0
    return out, {"tokens": tokens, "table": table, "pad": pad}


def padded_embedding_backward_pad_counted(dout, cache):
    tokens = cache["tokens"]
    dtable = np.zeros_like(cache["table"])
    np.add.at(dtable, tokens.ravel(), dout.reshape(-1, dout.shape[-1]))
    return dtable


def bag_forward(tokens, table):
    # mean of the words of each sentence
    return table[tokens].mean(axis=1), (tokens, table)


def bag_backward_as_sum(dout, cache):
    tokens, table = cache
    dtable = np.zeros_like(table)
    for n, sentence in enumerate(tokens):
        for token in sentence:
            dtable[token] += dout[n]
    return dtable


def positions_forward(x, pos):
    # a learned vector for each position
    T = x.shape[1]
    return x + pos[:T], (T, pos.shape)


def positions_backward_batch_left(dout, cache):
    T, shape = cache
    dpos = dout.copy()
    return dout.copy(), dpos


def positions_backward_time_collapsed(dout, cache):
    T, shape = cache
    dpos = np.zeros(shape)
    dpos[:T] = dout.sum(axis=1)[:T]
    return dout.copy(), dpos


def tokens_with_repeats(rng):
    idx = rng.integers(0, 6, (3, 4))
    idx[0, 0] = idx[1, 2] = idx[2, 3]
    idx[1, 1] = (idx[0, 0] + 1) % 6
    return idx, rng.standard_normal((6, 5))


def tokens_with_padding(rng):
    idx = rng.integers(1, 6, (3, 4))
    idx[1, 2:] = 0
    idx[2, 3:] = 0
    return idx, rng.standard_normal((6, 5))


X = normal((5, 6))


def wrong(name, forward, backward, make, gradient, cause, also=(), **options):
    return Specimen(name, forward, backward, make, options, (gradient,), cause, also)


WRONG = [
    wrong(
        "dropout: 1 / (1 - p) left out",
        dropout_forward,
        dropout_backward_not_rescaled,
        X,
        "dx",
        "constant_scale",
        p=0.3,
        seed=5,
    ),
    wrong(
        "dropout: mask left out",
        dropout_forward,
        dropout_backward_without_mask,
        X,
        "dx",
        "wrong_mask",
        p=0.4,
        seed=5,
    ),
    wrong(
        "dropout: another mask",
        dropout_forward,
        dropout_backward_fresh_mask,
        X,
        "dx",
        "wrong_mask",
        p=0.4,
        seed=6,
    ),
    wrong(
        "dropout: dropped entries pass, kept ones do not",
        dropout_forward,
        dropout_backward_dropped_entries,
        X,
        "dx",
        "wrong_mask",
        p=0.4,
        seed=7,
    ),
    wrong(
        "dropout: divided by p",
        dropout_forward,
        dropout_backward_divided_by_p,
        X,
        "dx",
        "constant_scale",
        p=0.3,
        seed=8,
    ),
    wrong(
        "dropout: scaled mask applied twice",
        inverted_dropout_forward,
        inverted_dropout_backward_mask_twice,
        X,
        "dx",
        "constant_scale",
        ("chain_factor",),
        keep=0.6,
        seed=9,
    ),
    wrong(
        "channel dropout: mask laid over the pixels (N, C = H, W)",
        channel_dropout_forward,
        channel_dropout_backward_mask_on_pixels,
        normal((3, 4, 3, 4)),
        "dx",
        "wrong_axis",
        ("wrong_mask",),
        keep=0.6,
        seed=3,
    ),
    wrong(
        "embedding: dW[idx] += dout with repeated words",
        embedding_forward,
        embedding_backward_fancy_plus,
        tokens_with_repeats,
        "dW",
        "overwrite_not_accumulate",
    ),
    wrong(
        "embedding: row before the word's",
        embedding_forward,
        embedding_backward_row_before,
        tokens_with_repeats,
        "dW",
        "wrong_index",
        ("rearranged",),
    ),
    wrong(
        "embedding: sums kept in float16",
        embedding_forward,
        embedding_backward_half_buffer,
        tokens_with_repeats,
        "dW",
        "precision_loss",
    ),
    wrong(
        "embedding: sqrt(d) left out",
        scaled_embedding_forward,
        scaled_embedding_backward_unscaled,
        tokens_with_repeats,
        "dtable",
        "constant_scale",
    ),
    wrong(
        "embedding: padding gets a gradient",
        padded_embedding_forward,
        padded_embedding_backward_pad_counted,
        tokens_with_padding,
        "dtable",
        "wrong_mask",
        pad=0,
    ),
    wrong(
        "bag of words: 1 / T left out",
        bag_forward,
        bag_backward_as_sum,
        tokens_with_repeats,
        "dtable",
        "constant_scale",
    ),
    wrong(
        "positions: not summed over the batch",
        positions_forward,
        positions_backward_batch_left,
        normal((3, 4, 2), (4, 2)),
        "dpos",
        "missing_reduction",
    ),
    wrong(
        "positions: summed over time (N = T)",
        positions_forward,
        positions_backward_time_collapsed,
        normal((4, 4, 2), (4, 2)),
        "dpos",
        "wrong_axis",
    ),
]
