"""Cases of attention, of the feed-forward net and of the positional encodings."""

import numpy as np

import reference.attention as naive
from cases.case import Case, normal
from nnlayers import (
    Attention,
    FeedForward,
    MultiHeadAttention,
    PositionalEmbedding,
    RotaryEmbedding,
    SinusoidalEncoding,
    attention_backward,
    attention_forward,
    feed_forward_backward,
    feed_forward_forward,
    multi_head_attention_backward,
    multi_head_attention_forward,
    positional_embedding_backward,
    positional_embedding_forward,
    rotary_embedding_backward,
    rotary_embedding_forward,
    sinusoidal_encoding_backward,
    sinusoidal_encoding_forward,
)

HEADS, WIDTH = 2, 8
# 5 queries and 7 keys; the query 2 may attend to nothing
MASK = np.random.default_rng(0).random((5, 7)) < 0.6
MASK[2] = False
# the same in a sequence of 5, where the query 0 may attend to nothing when it is causal
SQUARE = np.random.default_rng(1).random((5, 5)) < 0.7
SQUARE[0] = [False, True, True, True, True]
# sequences of 1 to 5 positions, filled up to 5
PADDED = (np.arange(5) < np.array([5, 2, 1, 4, 3, 5])[:, None])[:, None]


def _attention(name, keys, layer=None, **settings):
    def torch(torch, q, k, v):
        mask = settings.get("mask")
        may = torch.ones(5, keys, dtype=bool) if mask is None else torch.tensor(mask)
        if settings.get("causal"):
            may = may & torch.ones(5, keys, dtype=bool).tril()
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=may)

    return Case(
        name,
        attention_forward,
        attention_backward,
        lambda rng, N: (
            rng.standard_normal((N, 2, 5, 3)),
            rng.standard_normal((N, 2, keys, 3)),
            rng.standard_normal((N, 2, keys, 4)),
        ),
        naive.attention,
        layer,
        settings=settings,
        batched=(0, 1, 2),
        torch=torch,
    )


def _torch_multi_head(torch, x, source, wqkv, bqkv, wo, bo, may, rotary):
    """PyTorch's own; its masks are True where ours are False, its positions come first."""
    x, source = x.transpose(0, 1), source.transpose(0, 1)
    if may.ndim == 3:  # one for each head of each sequence
        may = may.expand(-1, len(x), -1).repeat_interleave(HEADS, 0)
    arrays = (wqkv.T, bqkv, None, None, False, 0.0, wo.T, bo)
    out, _ = torch.nn.functional.multi_head_attention_forward(
        x, source, source, WIDTH, HEADS, *arrays, attn_mask=~may, need_weights=False
    )
    return out.transpose(0, 1)


def _torch_heads(torch, x, source, wqkv, bqkv, wo, bo, may, rotary):
    """Of PyTorch's parts: its own turns nothing, and is NaN where a query may attend to nothing."""
    q, k, v = (
        (a @ w + b).unflatten(2, (HEADS, -1)).transpose(1, 2)
        for a, w, b in zip((x, source, source), wqkv.chunk(3, 1), bqkv.chunk(3))
    )
    if rotary:
        q, k = _rotary(torch, q), _rotary(torch, k)
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=may)
    return out.transpose(1, 2).flatten(2) @ wo + bo


def _multi_head(name, memory=None, torch=_torch_multi_head, batched_settings=(), **settings):
    """Case with a memory of so many positions, or of self-attention."""
    settings = {"heads": HEADS} | settings

    def oracle(module, x, *others):
        *memories, wqkv, bqkv, wo, bo = (o for o in others if o is not None)
        T, S = x.shape[1], memory or x.shape[1]
        may = module.tensor(settings.get("mask", np.ones((T, S), dtype=bool)))
        if settings.get("causal"):
            may = may & module.ones(T, S, dtype=bool).tril()
        source, rotary = memories[0] if memories else x, settings.get("rotary")
        return torch(module, x, source, wqkv, bqkv, wo, bo, may, rotary)

    def make(rng, N):
        return (
            rng.standard_normal((N, 5, WIDTH)),
            None if memory is None else rng.standard_normal((N, memory, WIDTH)),
            rng.standard_normal((WIDTH, 3 * WIDTH)) / 2,
            rng.standard_normal(3 * WIDTH),
            rng.standard_normal((WIDTH, WIDTH)),
            rng.standard_normal(WIDTH),
        )

    def layer(*parameters):
        own = {name: value for name, value in settings.items() if name != "mask"}
        return MultiHeadAttention.of(*parameters, **own)

    return Case(
        name,
        multi_head_attention_forward,
        multi_head_attention_backward,
        make,
        naive.multi_head_attention,
        layer,
        settings=settings,
        parameters=4,
        batched=(0,) if memory is None else (0, 1),
        batched_settings=batched_settings,
        torch=oracle,
    )


def _positional_embedding(name, x, w):
    return Case(
        name,
        positional_embedding_forward,
        positional_embedding_backward,
        normal(*x, parameters=[w]),
        naive.positional_embedding,
        PositionalEmbedding.of,
        parameters=1,
        passes_through=True,
        torch=lambda torch, x, w: x + torch.nn.functional.embedding(torch.arange(x.shape[-2]), w),
    )


def _feed_forward(torch, x, w1, b1, w2, b2):
    return torch.nn.functional.gelu(x @ w1 + b1, approximate="tanh") @ w2 + b2


def _rotary(torch, x):
    T, D = x.shape[-2:]
    angles = torch.outer(torch.arange(T), 10000.0 ** (-2 * torch.arange(D // 2).double() / D))
    turns = torch.polar(torch.ones_like(angles), angles)
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], D // 2, 2))
    return torch.view_as_real(pairs * turns).flatten(-2)


CASES = [
    _attention("attention", 7, Attention),
    _attention("causal attention", 5, lambda: Attention(causal=True), causal=True),
    _attention("masked attention", 7, Attention, mask=MASK),
    _attention(
        "masked causal attention", 5, lambda: Attention(causal=True), mask=SQUARE, causal=True
    ),
    _multi_head("multi_head_attention"),
    _multi_head("causal multi_head_attention", causal=True),
    _multi_head("masked causal multi_head_attention", mask=SQUARE, causal=True, torch=_torch_heads),
    _multi_head("rotary multi_head_attention", rotary=True, torch=_torch_heads),
    _multi_head("multi_head_attention to a memory", memory=7),
    _multi_head("masked multi_head_attention to a memory", memory=7, mask=MASK, torch=_torch_heads),
    _multi_head(
        "multi_head_attention of padded sequences",
        mask=PADDED,
        batched_settings=("mask",),
    ),
    Case(
        "feed_forward",
        feed_forward_forward,
        feed_forward_backward,
        normal(5, 4, parameters=[(4, 8), (8,), (8, 3), (3,)]),
        naive.feed_forward,
        FeedForward.of,
        parameters=4,
        torch=_feed_forward,
    ),
    Case(
        "feed_forward, square",
        feed_forward_forward,
        feed_forward_backward,
        normal(6, 6, parameters=[(6, 6), (6,), (6, 6), (6,)]),
        naive.feed_forward,
        FeedForward.of,
        parameters=4,
        torch=_feed_forward,
    ),
    Case(
        "sinusoidal_encoding",
        sinusoidal_encoding_forward,
        sinusoidal_encoding_backward,
        normal(5, 4),
        naive.sinusoidal_encoding,
        SinusoidalEncoding,
        passes_through=True,
    ),
    Case(
        "sinusoidal_encoding of an odd width",
        sinusoidal_encoding_forward,
        sinusoidal_encoding_backward,
        normal(2, 5, 3),
        naive.sinusoidal_encoding,
        lambda: SinusoidalEncoding(base=100.0),
        settings={"base": 100.0},
        passes_through=True,
    ),
    _positional_embedding("positional_embedding", (5, 4), (7, 4)),
    _positional_embedding("positional_embedding, square", (6, 6), (6, 6)),
    Case(
        "rotary_embedding",
        rotary_embedding_forward,
        rotary_embedding_backward,
        normal(2, 5, 4),
        naive.rotary_embedding,
        RotaryEmbedding,
        torch=_rotary,
    ),
]
