"""Attention: masks, symmetries, extreme scores and messages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nnlayers
import reference.attention as naive
from nnlayers import (
    Attention,
    MultiHeadAttention,
    affine_backward,
    affine_forward,
    attention_backward,
    attention_forward,
    check_gradients,
    multi_head_attention_backward,
    multi_head_attention_forward,
    rotary_embedding_backward,
    rotary_embedding_forward,
)

sizes = st.integers(1, 4)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def qkv(*lead, T=3, S=5, d=4, e=2, dtype=float):
    shapes = (*lead, T, d), (*lead, S, d), (*lead, S, e)
    return [drawn(*shape, seed=i).astype(dtype) for i, shape in enumerate(shapes)]


def maps(D=8, seed=10):
    shapes = (D, 3 * D), (3 * D,), (D, D), (D,)
    return [drawn(*shape, seed=seed + i) / 2 for i, shape in enumerate(shapes)]


@st.composite
def attentions(draw):
    """Queries, keys, values and a mask or None, of any sizes and leading axes."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    lead = draw(st.lists(sizes, max_size=2))
    T, S, d, e = draw(st.integers(0, 4)), draw(st.integers(0, 4)), draw(sizes), draw(sizes)
    causal = T == S and draw(st.booleans())
    full = (*lead, T, S)
    skipped = draw(st.integers(0, len(full)))
    shape = [draw(st.sampled_from([1, n])) for n in full[skipped:]]
    mask = rng.random(shape) < 0.6 if draw(st.booleans()) else None
    q, k, v = (rng.standard_normal((*lead, *s)) for s in ((T, d), (S, d), (S, e)))
    return q, k, v, mask, causal


@given(attentions())
def test_attention_of_any_shapes_and_masks(case):
    q, k, v, mask, causal = case
    out, cache = attention_forward(q, k, v, mask=mask, causal=causal)
    np.testing.assert_allclose(out, naive.attention(q, k, v, mask, causal), atol=1e-12)
    dq, dk, dv = attention_backward(drawn(*out.shape), cache)
    assert (dq.shape, dk.shape, dv.shape) == (q.shape, k.shape, v.shape)
    # the weights of a query sum to 1 or, where it may attend to nothing, to 0
    sums = cache.p.sum(axis=-1)
    np.testing.assert_allclose(sums, (sums > 0.5).astype(float), atol=1e-12)
    # one vector added to all keys adds one number to all scores of a query: no weight changes
    np.testing.assert_allclose(dk.sum(axis=-2), 0.0, atol=1e-12)


@pytest.mark.parametrize("block", [1, 2, 3, 7])
@pytest.mark.parametrize("settings", ["causal", "mask", "both", "neither", "keys"])
def test_blocks_of_queries_change_nothing(block, settings, monkeypatch):
    T = S = 7
    q, k, v = qkv(2, T=T, S=S)
    q[1] *= 1e3  # scores from which the largest are subtracted
    mask = np.random.default_rng(3).random((2, T, S)) < 0.6
    mask[0, 2] = mask[1, 0] = False
    mask = {"mask": mask, "both": mask, "keys": mask[:, 1:2]}.get(settings)
    causal = settings in ("causal", "both")
    results = []
    for size in (block, 64):
        monkeypatch.setattr(nnlayers.layers.attention, "BLOCK", size)
        out, cache = attention_forward(q, k, v, mask=mask, causal=causal)
        results.append((out, cache.p, *attention_backward(drawn(2, T, 2), cache)))
    for mine, whole in zip(*results, strict=True):
        np.testing.assert_allclose(mine, whole, atol=1e-12 * np.abs(whole).max())
    expected = naive.attention(q[0], k[0], v[0], None if mask is None else mask[0], causal)
    np.testing.assert_allclose(results[0][0][0], expected, atol=1e-12)


def test_long_sequences_take_more_than_one_block():
    q, k, v = qkv(T=150, S=150, d=2)
    out, cache = attention_forward(q, k, v, causal=True)
    np.testing.assert_allclose(out, naive.attention(q, k, v, causal=True), atol=1e-12)
    np.testing.assert_array_equal(cache.p == 0, ~np.tri(150, dtype=bool))
    dout = drawn(150, 2)
    masked, same = attention_forward(q, k, v, mask=np.tri(150, dtype=bool))
    np.testing.assert_allclose(out, masked, atol=1e-12)
    for mine, theirs in zip(attention_backward(dout, cache), attention_backward(dout, same)):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)


def test_true_means_that_a_query_may_attend():
    q, k, v = qkv()
    mask = np.zeros((3, 5), dtype=bool)
    mask[[0, 1, 2], [4, 0, 2]] = True
    out, cache = attention_forward(q, k, v, mask=mask)
    np.testing.assert_array_equal(out, v[[4, 0, 2]])
    np.testing.assert_array_equal(cache.p, mask.astype(float))


def test_a_query_that_may_attend_to_nothing_gets_zeros_and_gives_none():
    q, k, v = qkv()
    mask = np.ones((3, 5), dtype=bool)
    mask[1] = False
    out, cache = attention_forward(q, k, v, mask=mask)
    dq, dk, dv = attention_backward(drawn(3, 2), cache)
    assert not out[1].any()
    assert not dq[1].any()
    kept = [0, 2]
    others, cache = attention_forward(q[kept], k, v)
    np.testing.assert_allclose(out[kept], others, rtol=1e-12)
    _, dk_others, dv_others = attention_backward(drawn(3, 2)[kept], cache)
    np.testing.assert_allclose(dk, dk_others, atol=1e-12)
    np.testing.assert_allclose(dv, dv_others, atol=1e-12)


def test_no_keys_at_all():
    q, k, v = qkv(2, S=0)
    out, cache = attention_forward(q, k, v)
    assert out.shape == (2, 3, 2)
    assert not out.any()
    dq, dk, dv = attention_backward(np.ones((2, 3, 2)), cache)
    assert not dq.any()
    assert (dk.shape, dv.shape) == ((2, 0, 4), (2, 0, 2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_score_is_too_large(dtype):
    q = np.array([[1e4], [-1e4]], dtype)
    v = np.array([[1.0], [2.0]], dtype)
    out, cache = attention_forward(q, q, v)
    np.testing.assert_array_equal(out, v)
    for gradient in attention_backward(np.ones((2, 1), dtype), cache):
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("common", [-1e4, -200.0, 200.0, 1e4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_may_all_be_large_or_all_be_small(common, dtype):
    k = np.array([[0.0], [np.log(3.0)]]) + common
    v = np.array([[0.0], [4.0]], dtype)
    out, _ = attention_forward(np.ones((1, 1), dtype), k.astype(dtype), v)
    assert out[0, 0] == pytest.approx(3.0, rel=1e-3 if dtype is np.float32 else 1e-11)


@pytest.mark.parametrize("size", [1.0, 1e2, 1e4])
def test_weights_do_not_depend_on_what_all_scores_of_a_query_have_in_common(size):
    q, k, v = qkv(2)
    mask = np.random.default_rng(3).random((3, 5)) < 0.6
    mask[1] = False
    out, cache = attention_forward(q, k, v, mask=mask)
    dq, dk, dv = attention_backward(drawn(2, 3, 2), cache)
    shift = drawn(4, seed=5)
    shift *= size / np.linalg.norm(shift)
    shifted, cache = attention_forward(q, k + shift, v, mask=mask)
    np.testing.assert_allclose(shifted, out, atol=1e-14 * size + 1e-12)
    dq_shifted, dk_shifted, dv_shifted = attention_backward(drawn(2, 3, 2), cache)
    for mine, theirs in ((dq_shifted, dq), (dk_shifted, dk), (dv_shifted, dv)):
        np.testing.assert_allclose(mine, theirs, atol=1e-14 * size**2 + 1e-12)


def test_a_forbidden_key_hides_no_other_however_well_it_fits():
    q, k = np.ones((1, 1)), np.array([[1e4], [-1e4], [-1e4]])
    out, _ = attention_forward(q, k, np.array([[1.0], [2.0], [4.0]]), mask=[[False, True, True]])
    np.testing.assert_array_equal(out, [[3.0]])


def test_the_order_of_the_keys_does_not_matter():
    q, k, v = qkv(2)
    order = [3, 0, 4, 1, 2]
    out, cache = attention_forward(q, k, v)
    mixed, mixed_cache = attention_forward(q, k[:, order], v[:, order])
    np.testing.assert_allclose(mixed, out, rtol=1e-12)
    dout = drawn(2, 3, 2)
    dq, dk, dv = attention_backward(dout, cache)
    dq_mixed, dk_mixed, dv_mixed = attention_backward(dout, mixed_cache)
    np.testing.assert_allclose(dq_mixed, dq, atol=1e-12)
    np.testing.assert_allclose(dk_mixed, dk[:, order], atol=1e-12)
    np.testing.assert_allclose(dv_mixed, dv[:, order], atol=1e-12)


def test_a_causal_query_knows_nothing_of_what_follows():
    q, k, v = qkv(T=5, S=5)
    out, _ = attention_forward(q, k, v, causal=True)
    np.testing.assert_array_equal(out[0], v[0])
    for t in range(1, 5):
        now, cache = attention_forward(q[:t], k[:t], v[:t], causal=True)
        np.testing.assert_allclose(now, out[:t], rtol=1e-12)
    mask = np.tril(np.ones((5, 5), dtype=bool))
    np.testing.assert_array_equal(out, attention_forward(q, k, v, mask=mask)[0])


def test_masks_broadcast_and_combine_with_causal():
    q, k, v = qkv(2, 3, T=5, S=5)
    keys = np.array([True, False, True, True, False])
    full = np.broadcast_to(keys, (2, 3, 5, 5))
    expected, _ = attention_forward(q, k, v, mask=full)
    for mask in (keys, keys[None], keys.tolist(), full[:1, :, :1]):
        np.testing.assert_array_equal(attention_forward(q, k, v, mask=mask)[0], expected)
    both = full & np.tri(5, dtype=bool)
    np.testing.assert_array_equal(
        attention_forward(q, k, v, mask=keys, causal=True)[0],
        attention_forward(q, k, v, mask=both)[0],
    )


def test_the_object_takes_a_mask_in_each_call():
    q, k, v = qkv(T=5)
    mask = np.random.default_rng(3).random((5, 5)) < 0.5
    out, _ = Attention().forward(q, k, v, mask=mask)
    np.testing.assert_array_equal(out, attention_forward(q, k, v, mask=mask)[0])
    layer = MultiHeadAttention(8, heads=2, rng=0)
    x = drawn(2, 5, 8)
    expected, _ = multi_head_attention_forward(x, None, *layer.params.values(), heads=2, mask=mask)
    np.testing.assert_array_equal(layer.forward(x, mask=mask)[0], expected)
    assert not np.array_equal(layer.forward(x)[0], expected)


def by_parts(x, memory, wqkv, bqkv, wo, bo, heads, dout):
    """Multi-head attention and its gradients, composed of affine maps and one attention a head."""
    D = x.shape[-1]
    d = D // heads
    out, gradients = [], []
    for x_n, memory_n, dout_n in zip(x, memory, dout):
        joined, pulls = [], []
        for h in range(heads):
            columns = [slice(i * D + h * d, i * D + (h + 1) * d) for i in range(3)]
            parts = [
                affine_forward(source, wqkv[:, c], bqkv[c])
                for source, c in zip((x_n, memory_n, memory_n), columns)
            ]
            head, cache = attention_forward(*(part for part, _ in parts))
            joined.append(head)
            pulls.append((columns, [c for _, c in parts], cache))
        out_n, cache = affine_forward(np.concatenate(joined, axis=1), wo, bo)
        out.append(out_n)
        djoined, dwo, dbo = affine_backward(dout_n, cache)
        dx, dmemory = np.zeros_like(x_n), np.zeros_like(memory_n)
        dwqkv, dbqkv = np.zeros_like(wqkv), np.zeros_like(bqkv)
        for h, (columns, caches, attention_cache) in enumerate(pulls):
            dparts = attention_backward(djoined[:, h * d : (h + 1) * d], attention_cache)
            for into, dpart, c, affine_cache in zip(
                (dx, dmemory, dmemory), dparts, columns, caches
            ):
                dsource, dwqkv[:, c], dbqkv[c] = affine_backward(dpart, affine_cache)
                into += dsource
        gradients.append((dx, dmemory, dwqkv, dbqkv, dwo, dbo))
    dx, dmemory, *parameters = zip(*gradients)
    return np.array(out), [np.array(dx), np.array(dmemory), *map(sum, parameters)]


@pytest.mark.parametrize("heads", [1, 2, 4, 8])
def test_multi_head_attention_is_affine_maps_around_an_attention_a_head(heads):
    x, memory, dout = drawn(3, 5, 8), drawn(3, 7, 8, seed=1), drawn(3, 5, 8, seed=2)
    expected, gradients = by_parts(x, memory, *maps(), heads, dout)
    out, cache = multi_head_attention_forward(x, memory, *maps(), heads=heads)
    np.testing.assert_allclose(out, expected, atol=1e-12)
    for mine, theirs in zip(multi_head_attention_backward(dout, cache), gradients, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)


def test_self_attention_is_attention_to_itself_as_memory():
    x, dout = drawn(3, 5, 8), drawn(3, 5, 8, seed=2)
    out, cache = multi_head_attention_forward(x, None, *maps(), heads=2)
    same, memory_cache = multi_head_attention_forward(x, x, *maps(), heads=2)
    np.testing.assert_allclose(out, same, atol=1e-12)
    dx, *rest = multi_head_attention_backward(dout, cache)
    dx_alone, dmemory, *rest_alone = multi_head_attention_backward(dout, memory_cache)
    np.testing.assert_allclose(dx, dx_alone + dmemory, atol=1e-12)
    for mine, theirs in zip(rest, rest_alone, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)


def test_padding_of_each_sequence_is_left_out_by_a_mask():
    x, dout, lengths = drawn(3, 5, 8), drawn(3, 5, 8, seed=2), [5, 2, 3]
    mask = np.arange(5) < np.array(lengths)[:, None]  # (N, T)
    out, cache = multi_head_attention_forward(x, None, *maps(), heads=2, mask=mask[:, None])
    dout *= mask[..., None]
    dx, *rest = multi_head_attention_backward(dout, cache)
    sums = [0.0] * 4
    for n, length in enumerate(lengths):
        one, alone = multi_head_attention_forward(x[n : n + 1, :length], None, *maps(), heads=2)
        np.testing.assert_allclose(out[n, :length], one[0], atol=1e-12)
        dx_n, *rest_n = multi_head_attention_backward(dout[n : n + 1, :length], alone)
        np.testing.assert_allclose(dx[n, :length], dx_n[0], atol=1e-12)
        assert not dx[n, length:].any()
        sums = [total + gradient for total, gradient in zip(sums, rest_n)]
    for mine, theirs in zip(rest, sums):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)


def test_a_mask_may_differ_between_examples_and_heads():
    x = drawn(2, 5, 8)
    mask = np.random.default_rng(4).random((2, 2, 5, 5)) < 0.6
    out, _ = multi_head_attention_forward(x, None, *maps(), heads=2, mask=mask)
    expected = naive.multi_head_attention(x, None, *maps(), heads=2, mask=mask)
    np.testing.assert_allclose(out, expected, atol=1e-12)
    # three axes are examples, queries and keys, even where there are as many heads as examples
    out, _ = multi_head_attention_forward(x, None, *maps(), heads=2, mask=mask[:, 0])
    expected = naive.multi_head_attention(x, None, *maps(), heads=2, mask=mask[:, :1])
    np.testing.assert_allclose(out, expected, atol=1e-12)


def test_rotary_attention_turns_queries_and_keys():
    x, dout = drawn(2, 5, 8), drawn(2, 5, 8, seed=2)
    wqkv, bqkv, wo, bo = maps()
    _, cache = multi_head_attention_forward(
        x, None, wqkv, bqkv, wo, bo, heads=2, causal=True, rotary=True
    )
    plain = (x @ wqkv + bqkv).reshape(2, 5, 3, 2, 4).transpose(2, 0, 3, 1, 4)
    q, q_cache = rotary_embedding_forward(plain[0])
    k, k_cache = rotary_embedding_forward(plain[1])
    np.testing.assert_allclose(cache.q, q, atol=1e-12)
    np.testing.assert_allclose(cache.k, k, atol=1e-12)
    context, inner = attention_forward(q, k, plain[2], causal=True)
    np.testing.assert_allclose(cache.context, context.swapaxes(1, 2).reshape(2, 5, 8), atol=1e-12)
    dcontext = (dout @ wo.T).reshape(2, 5, 2, 4).swapaxes(1, 2)
    dq, dk, dv = attention_backward(dcontext, inner)
    dq = rotary_embedding_backward(dq, q_cache)
    dk = rotary_embedding_backward(dk, k_cache)
    dqkv = np.stack((dq, dk, dv)).transpose(1, 3, 0, 2, 4).reshape(2, 5, 24)
    dx, dwqkv, dbqkv, _, _ = multi_head_attention_backward(dout, cache)
    np.testing.assert_allclose(dx, dqkv @ wqkv.T, atol=1e-12)
    np.testing.assert_allclose(dwqkv, np.einsum("ntd,nte->de", x, dqkv), atol=1e-12)
    np.testing.assert_allclose(dbqkv, dqkv.sum(axis=(0, 1)), atol=1e-12)


def test_rotary_attention_depends_on_differences_of_positions_alone():
    x = drawn(1, 6, 8)
    layer = MultiHeadAttention.of(*maps(), heads=2, rotary=True)
    mask = np.zeros((6, 6), dtype=bool)
    mask[:4, :4] = True
    early, _ = layer.forward(x, mask=mask)
    late, _ = layer.forward(np.roll(x, 2, axis=1), mask=np.roll(mask, 2, axis=(0, 1)))
    np.testing.assert_allclose(late[:, 2:], early[:, :4], atol=1e-12)


def test_weights_of_multi_head_attention_are_drawn_from_the_seed():
    layer = MultiHeadAttention(64, heads=4, rng=0, dtype=np.float32)
    again = MultiHeadAttention(64, heads=4, rng=np.random.default_rng(0), dtype=np.float32)
    for name, array in layer.params.items():
        np.testing.assert_array_equal(array, again.params[name])
        assert array.dtype == np.float32
    assert list(layer.params) == ["wqkv", "bqkv", "wo", "bo"]
    assert not layer.params["bqkv"].any()
    assert not layer.params["bo"].any()
    # each of the four maps has the scale of a map of the width to the width
    wqkv, wo = layer.params["wqkv"], layer.params["wo"]
    limit = np.sqrt(6 / 128)
    for part in (wqkv[:, :64], wqkv[:, 64:128], wqkv[:, 128:], wo):
        assert 0.99 * limit < np.abs(part).max() <= limit
    assert len({part[0, 0] for part in (wqkv[:, :64], wqkv[:, 64:128], wqkv[:, 128:], wo)}) == 4


def test_settings_of_an_object_show_in_its_repr():
    layer = MultiHeadAttention(8, heads=2, causal=True, rotary=True)
    assert repr(layer) == "MultiHeadAttention(8, heads=2, causal=True, rotary=True)"
    layer = MultiHeadAttention(8, heads=4, dtype=np.float32)
    assert repr(layer) == "MultiHeadAttention(8, heads=4, dtype='float32')"
    layer = MultiHeadAttention(8, heads=4, rotary=True)
    assert repr(layer) == "MultiHeadAttention(8, heads=4, rotary=True)"
    assert repr(Attention(causal=True)) == "Attention(causal=True)"


@pytest.mark.parametrize("seed", range(3))
def test_the_checker_finds_nothing(seed):
    x, memory = drawn(2, 3, 8, seed=seed), drawn(2, 5, 8, seed=seed + 100)
    layer = MultiHeadAttention(8, heads=2, rng=seed)
    assert check_gradients(layer, x, memory).ok
    assert check_gradients(layer, x).ok
    causal = MultiHeadAttention(8, heads=2, causal=True, rotary=True, rng=seed)
    assert check_gradients(causal, x).ok


def zeros(*shapes):
    return [np.zeros(shape) for shape in shapes]


def heads_of(x, memory=None, D=6, heads=2, **settings):
    inputs = [None if shape is None else np.zeros(shape) for shape in (x, memory)]
    return multi_head_attention_forward(
        *inputs, *zeros((D, 3 * D), (3 * D,), (D, D), (D,)), heads=heads, **settings
    )


MAPS = "wqkv (6, 18), bqkv (18,), wo (6, 6), bo (6,)"

ERRORS = [
    (
        lambda: attention_forward(*zeros((3,), (3,), (3,))),
        "attention_forward: queries, keys and values have at least two axes, "
        "(..., positions, features): got q (3,), k (3,), v (3,); q[:, None] makes rows of numbers",
    ),
    (
        lambda: attention_forward(*zeros((2, 3, 4), (1, 5, 4), (5, 4))),
        "attention_forward: leading axes (2,), (1,) and () differ: got q (2, 3, 4), k (1, 5, 4), "
        "v (5, 4); np.broadcast_to makes them equal",
    ),
    (
        lambda: attention_forward(*zeros((3, 4), (5, 6), (5, 2))),
        "attention_forward: queries have 4 features but keys 6: got q (3, 4), k (5, 6), v (5, 2); "
        "their product needs equally many",
    ),
    (
        lambda: attention_forward(*zeros((3, 0), (5, 0), (5, 2))),
        "attention_forward: queries and keys have no features: got q (3, 0), k (5, 0), v (5, 2); "
        "they need at least one",
    ),
    (
        lambda: attention_forward(*zeros((3, 4), (5, 4), (6, 2))),
        "attention_forward: there are 5 keys but 6 values: got q (3, 4), k (5, 4), v (6, 2); "
        "each key needs its value",
    ),
    (
        lambda: attention_forward(*zeros((3, 4), (5, 4), (5, 2)), causal=True),
        "attention_forward: causal=True is for one sequence, not 3 queries, 5 keys: got q (3, 4), "
        "k (5, 4), v (5, 2); mask= says which query may attend to which key",
    ),
    (
        lambda: attention_forward(*zeros((3, 4), (5, 4), (5, 2)), mask=np.zeros((5, 3), bool)),
        "attention_forward: mask does not broadcast to the scores (3, 5): got mask (5, 3); "
        "its last axes are queries and keys",
    ),
    (
        lambda: attention_forward(*zeros((1, 4), (5, 4), (5, 2)), mask=np.ones((3, 5), bool)),
        "attention_forward: mask does not broadcast to the scores (1, 5): got mask (3, 5); "
        "its last axes are queries and keys",
    ),
    (
        lambda: attention_forward(*zeros((3, 4), (5, 4), (5, 2)), mask=np.ones((2, 3, 5), bool)),
        "attention_forward: mask does not broadcast to the scores (3, 5): got mask (2, 3, 5); "
        "its last axes are queries and keys",
    ),
    (
        lambda: attention_backward(
            np.zeros((3, 2)), attention_forward(*zeros((3, 4), (5, 4), (5, 7)))[1]
        ),
        "attention_backward: dout must have the shape of forward's out, (3, 7): got dout (3, 2); "
        "pass the dout and the cache of the same forward call",
    ),
    (
        lambda: attention_backward(np.zeros((3, 2)), tuple(zeros((3, 4), (5, 4), (5, 2), (3, 5)))),
        "attention_backward: cache must be the AttentionCache that attention_forward returned, "
        "not a tuple ((3, 4), (5, 4), (5, 2), (3, 5)); pass the cache of the matching forward call",
    ),
    (
        lambda: heads_of((5, 6)),
        "multi_head_attention_forward: x must be sequences (N, positions, features), not 2-d: "
        f"got x (5, 6), {MAPS}; x[None] makes a batch of one sequence",
    ),
    (
        lambda: heads_of((2, 5, 6), (2, 2, 5, 6)),
        "multi_head_attention_forward: memory must be sequences (N, positions, features), not 4-d: "
        f"got x (2, 5, 6), memory (2, 2, 5, 6), {MAPS}",
    ),
    (
        lambda: heads_of((2, 5, 6), (3, 7, 6)),
        "multi_head_attention_forward: memory must be (2, S, 6), a sequence of the same width for "
        f"each of x: got x (2, 5, 6), memory (3, 7, 6), {MAPS}",
    ),
    (
        lambda: heads_of((2, 5, 6), (2, 7, 8)),
        "multi_head_attention_forward: memory must be (2, S, 6), a sequence of the same width for "
        f"each of x: got x (2, 5, 6), memory (2, 7, 8), {MAPS}",
    ),
    (
        lambda: heads_of((2, 5, 8)),
        "multi_head_attention_forward: a width of 8 needs wqkv of shape (8, 24): "
        f"got x (2, 5, 8), {MAPS}",
    ),
    (
        lambda: multi_head_attention_forward(
            *zeros((2, 5, 6)), None, *zeros((18, 6), (18,), (6, 6), (6,)), heads=2
        ),
        "multi_head_attention_forward: a width of 6 needs wqkv of shape (6, 18): got x (2, 5, 6), "
        "wqkv (18, 6), bqkv (18,), wo (6, 6), bo (6,); wqkv.T would fit",
    ),
    (
        lambda: heads_of((2, 5, 6), heads=4),
        "multi_head_attention_forward: 4 heads do not divide the width 6: "
        f"got x (2, 5, 6), {MAPS}; heads may be 1, 2, 3, 6",
    ),
    (
        lambda: heads_of((2, 5, 6), heads=0),
        "multi_head_attention_forward: heads must be a positive integer, not 0",
    ),
    (
        lambda: heads_of((2, 5, 6), rotary=True),
        "multi_head_attention_forward: rotary=True turns pairs of features, but 2 heads of the "
        f"width 6 have 3 each: got x (2, 5, 6), {MAPS}; an even number is needed",
    ),
    (
        lambda: heads_of((2, 5, 6), (2, 5, 6), causal=True),
        "multi_head_attention_forward: causal=True relates positions of one sequence, and memory "
        f"is another one: got x (2, 5, 6), memory (2, 5, 6), {MAPS}; "
        "mask= says which position may attend to which",
    ),
    (
        lambda: heads_of((2, 5, 6), (2, 5, 6), rotary=True, heads=3),
        "multi_head_attention_forward: rotary=True relates positions of one sequence, and memory "
        f"is another one: got x (2, 5, 6), memory (2, 5, 6), {MAPS}",
    ),
    (
        lambda: heads_of((2, 5, 6), mask=np.ones((3, 5, 5), bool)),
        "multi_head_attention_forward: mask does not broadcast to the scores (2, 5, 5): "
        "got mask (3, 5, 5); its last axes are queries and keys",
    ),
    (
        lambda: heads_of((2, 5, 6), mask=np.ones((3, 1, 5, 5), bool)),
        "multi_head_attention_forward: mask does not broadcast to the scores (2, 2, 5, 5): "
        "got mask (3, 1, 5, 5); its last axes are queries and keys",
    ),
    (
        lambda: multi_head_attention_backward(np.zeros((2, 5, 6)), (np.zeros(3), None)),
        "multi_head_attention_backward: cache must be the MultiHeadCache that "
        "multi_head_attention_forward returned, not a tuple ((3,), None); "
        "pass the cache of the matching forward call",
    ),
    (
        lambda: MultiHeadAttention(6, heads=4),
        "MultiHeadAttention: 4 heads do not divide the width 6; heads may be 1, 2, 3, 6",
    ),
    (
        lambda: MultiHeadAttention(6, heads=2, rotary=True),
        "MultiHeadAttention: rotary=True turns pairs of features, but 2 heads of the width 6 "
        "have 3 each; an even number is needed",
    ),
    (
        lambda: MultiHeadAttention(0, heads=1),
        "MultiHeadAttention: width must be a positive integer, not 0",
    ),
    (
        lambda: MultiHeadAttention.of(*zeros((6, 18), (18,), (6, 6), (18,)), heads=2),
        "MultiHeadAttention.of: a width of 6 needs bo of shape (6,): got wqkv (6, 18), bqkv (18,), "
        "wo (6, 6), bo (18,)",
    ),
    (
        lambda: MultiHeadAttention.of(*zeros((6, 18), (18,), (6, 6), (6,)), heads=4),
        f"MultiHeadAttention.of: 4 heads do not divide the width 6: got {MAPS}; "
        "heads may be 1, 2, 3, 6",
    ),
    (
        lambda: MultiHeadAttention.of(*zeros((6, 18), (18,), (), (6,)), heads=1),
        "MultiHeadAttention.of: wo must be a matrix (D, D): got wqkv (6, 18), bqkv (18,), wo (), "
        "bo (6,)",
    ),
]

TYPE_ERRORS = [
    (
        lambda: attention_forward(*zeros((3, 4), (5, 4), (5, 2)), mask=np.zeros((3, 5))),
        "attention_forward: mask must be boolean, True where a query may attend to a key, not "
        "float64: got mask (3, 5) float64; mask.astype(bool) if 1 means that it may",
    ),
    (
        lambda: heads_of((2, 5, 6), mask=np.zeros((5, 5), int)),
        "multi_head_attention_forward: mask must be boolean, True where a query may attend to a "
        "key, not int64: got mask (5, 5) int64; mask.astype(bool) if 1 means that it may",
    ),
    (
        lambda: heads_of((2, 5, 6), heads=2.0),
        "multi_head_attention_forward: heads must be a positive integer, not 2.0",
    ),
]


@pytest.mark.parametrize(("call", "message"), ERRORS, ids=range(len(ERRORS)))
def test_value_errors_say_what_to_do(call, message):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == message


@pytest.mark.parametrize(("call", "message"), TYPE_ERRORS, ids=range(len(TYPE_ERRORS)))
def test_type_errors_say_what_to_do(call, message):
    with pytest.raises(TypeError) as caught:
        call()
    assert str(caught.value) == message
