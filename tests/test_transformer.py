"""The transformer block: equal to its parts and to PyTorch, in both places of the norms."""

import copy
import pickle

import numpy as np
import pytest

from contract import freeze
from nnlayers import (
    Sequential,
    TransformerBlock,
    check_gradients,
    gelu_forward,
    layernorm_forward,
    multi_head_attention_forward,
)

WIDTH, HEADS, HIDDEN = 8, 2, 12
NAMES = [
    *("norm1.gamma", "norm1.beta"),
    *("attention.wqkv", "attention.bqkv", "attention.wo", "attention.bo"),
    *("norm2.gamma", "norm2.beta"),
    *("feed_forward.w1", "feed_forward.b1", "feed_forward.w2", "feed_forward.b2"),
]
SETTINGS = [
    {},
    {"norm": "post"},
    {"causal": False},
    {"causal": False, "norm": "post"},
    {"rotary": True},
]


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def block_of(rng=0, dtype=np.float64, **settings):
    """Make a block none of whose parameters is 0 or 1."""
    block = TransformerBlock(WIDTH, heads=HEADS, hidden=HIDDEN, rng=rng, dtype=dtype, **settings)
    noise = np.random.default_rng(5)
    for array in block.params.values():
        array += (0.3 * noise.standard_normal(array.shape)).astype(dtype)
    return block


def by_hand(block, x, mask=None, **settings):
    """The definition, in terms of the pairs."""
    gamma1, beta1, wqkv, bqkv, wo, bo, gamma2, beta2, w1, b1, w2, b2 = block.params.values()
    causal, rotary = settings.get("causal", True), settings.get("rotary", False)

    def attention(x):
        return multi_head_attention_forward(
            x, None, wqkv, bqkv, wo, bo, heads=HEADS, mask=mask, causal=causal, rotary=rotary
        )[0]

    def feed_forward(x):
        return gelu_forward(x @ w1 + b1, approximate="tanh")[0] @ w2 + b2

    def norm1(x):
        return layernorm_forward(x, gamma1, beta1)[0]

    def norm2(x):
        return layernorm_forward(x, gamma2, beta2)[0]

    if settings.get("norm") == "post":
        h = norm1(x + attention(x))
        return norm2(h + feed_forward(h))
    h = x + attention(norm1(x))
    return h + feed_forward(norm2(h))


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_a_block_is_the_sum_of_its_parts(settings):
    block, x = block_of(**settings), drawn(3, 5, WIDTH)
    out, _ = block.forward(x)
    np.testing.assert_allclose(out, by_hand(block, x, **settings), atol=1e-12)
    mask = np.random.default_rng(2).random((3, 5, 5)) < 0.6
    out, _ = block.forward(x, mask=mask)
    np.testing.assert_allclose(out, by_hand(block, x, mask, **settings), atol=1e-12)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("seed", range(2))
def test_the_checker_finds_nothing(settings, seed):
    mask = np.random.default_rng(seed).random((4, 4)) < 0.7
    block, x = block_of(seed, **settings), drawn(2, 4, WIDTH, seed=seed)
    report = check_gradients(block, x, train=True)
    assert report.ok, str(report)
    report = check_gradients(block, x, mask=mask, train=False)
    assert report.ok, str(report)


@pytest.mark.oracle
@pytest.mark.parametrize("settings", SETTINGS[:4], ids=str)
def test_values_and_gradients_equal_pytorch(settings):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.TransformerEncoderLayer(
        WIDTH,
        HEADS,
        HIDDEN,
        dropout=0.0,
        activation=lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
        batch_first=True,
        norm_first=settings.get("norm") != "post",
        dtype=torch.float64,
    )
    block, x, dout = block_of(**settings), drawn(3, 5, WIDTH), drawn(3, 5, WIDTH, seed=1)
    ordered = {
        "norm1.gamma": theirs.norm1.weight,
        "norm1.beta": theirs.norm1.bias,
        "attention.wqkv": theirs.self_attn.in_proj_weight,
        "attention.bqkv": theirs.self_attn.in_proj_bias,
        "attention.wo": theirs.self_attn.out_proj.weight,
        "attention.bo": theirs.self_attn.out_proj.bias,
        "norm2.gamma": theirs.norm2.weight,
        "norm2.beta": theirs.norm2.bias,
        "feed_forward.w1": theirs.linear1.weight,
        "feed_forward.b1": theirs.linear1.bias,
        "feed_forward.w2": theirs.linear2.weight,
        "feed_forward.b2": theirs.linear2.bias,
    }
    with torch.no_grad():
        for name, tensor in ordered.items():
            tensor.copy_(torch.tensor(block.params[name].T))
    tensor = torch.tensor(x, requires_grad=True)
    forbidden = torch.ones(5, 5, dtype=bool).triu(1) if settings.get("causal", True) else None
    expected = theirs(tensor, src_mask=forbidden)
    expected.backward(torch.tensor(dout))
    out, cache = block.forward(x)
    np.testing.assert_allclose(out, expected.detach().numpy(), atol=1e-12)
    dx, grads = block.gradients(dout, cache)
    np.testing.assert_allclose(dx, tensor.grad.numpy(), atol=1e-12)
    for name, gradient in grads.items():
        np.testing.assert_allclose(gradient, ordered[name].grad.numpy().T, atol=1e-12)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_names_and_order_of_the_parameters(norm):
    block = TransformerBlock(WIDTH, heads=HEADS, norm=norm, rng=0)
    assert list(block.params) == NAMES
    _, cache = block.forward(drawn(3, 5, WIDTH))
    dx, grads = block.gradients(drawn(3, 5, WIDTH), cache)
    assert list(grads) == NAMES
    assert [g.shape for g in grads.values()] == [a.shape for a in block.params.values()]
    everything = block.backward(drawn(3, 5, WIDTH), cache)
    for mine, same in zip(everything, (dx, *grads.values()), strict=True):
        np.testing.assert_array_equal(mine, same)
    none, same = block.gradients(drawn(3, 5, WIDTH), cache, need_dx=False)
    assert none is None
    for name in NAMES:
        np.testing.assert_array_equal(same[name], grads[name])


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_nothing_is_written_and_gradients_are_the_callers(norm):
    block, x, dout = block_of(norm=norm), drawn(3, 5, WIDTH), drawn(3, 5, WIDTH, seed=1)
    held = freeze([x, dout, *block.params.values()])
    out, cache = block.forward(x)
    held += freeze([out, cache])
    dx, grads = block.gradients(dout, cache)
    again, same = block.gradients(dout, cache)
    np.testing.assert_array_equal(dx, again)
    found = [dx, *grads.values()]
    for i, gradient in enumerate(found):
        for other in [*held, *found[:i]]:
            assert not np.shares_memory(gradient, other)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_dtype_and_small_batches(norm):
    block, x = block_of(norm=norm), drawn(3, 5, WIDTH)
    single = block.astype(np.float32)
    out, cache = single.forward(x.astype(np.float32))
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, block.forward(x)[0], atol=1e-4)
    for dout in (drawn(3, 5, WIDTH), drawn(3, 5, WIDTH).tolist()):
        dx, grads = single.gradients(dout, cache)
        assert {dx.dtype, *(g.dtype for g in grads.values())} == {np.dtype(np.float32)}
    for N, T in ((0, 5), (1, 5), (3, 1), (3, 0)):
        out, cache = block.forward(drawn(N, T, WIDTH))
        dx, _ = block.gradients(drawn(N, T, WIDTH), cache)
        assert out.shape == dx.shape == (N, T, WIDTH)


def test_a_causal_block_knows_nothing_of_what_follows():
    x = drawn(2, 6, WIDTH)
    for settings in ({}, {"norm": "post"}, {"rotary": True}):
        block = block_of(**settings)
        out, cache = block.forward(x)
        early, _ = block.forward(x[:, :4])
        np.testing.assert_allclose(out[:, :4], early, atol=1e-12)
        dout = np.zeros(x.shape)
        dout[:, 3] = 1.0
        dx, _ = block.gradients(dout, cache)
        assert not dx[:, 4:].any()
        assert dx[:, :4].all()
    assert not np.allclose(block_of(causal=False).forward(x)[0][:, :4], early)


def test_copies_are_independent():
    block, x = block_of(), drawn(3, 5, WIDTH)
    out, _ = block.forward(x)
    for copied in (copy.deepcopy(block), pickle.loads(pickle.dumps(block))):
        np.testing.assert_array_equal(copied.forward(x)[0], out)
        copied.params["attention.wo"][...] = 0.0
        assert not np.array_equal(copied.forward(x)[0], out)
    np.testing.assert_array_equal(block.forward(x)[0], out)
    again = TransformerBlock(WIDTH, heads=HEADS, rng=3)
    same = TransformerBlock(WIDTH, heads=HEADS, rng=np.random.default_rng(3))
    np.testing.assert_array_equal(again.to_vector(), same.to_vector())


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (TransformerBlock(8, heads=2), "TransformerBlock(8, heads=2)"),
        (
            TransformerBlock(8, heads=4, causal=False, norm="post", hidden=12),
            "TransformerBlock(8, heads=4, causal=False, norm='post', hidden=12)",
        ),
        (
            TransformerBlock(8, heads=1, hidden=32, rotary=True, dtype=np.float32),
            "TransformerBlock(8, heads=1, rotary=True, dtype='float32')",
        ),
    ],
)
def test_repr_can_be_pasted_back(block, text):
    assert repr(block) == text
    again = eval(text)
    assert repr(again) == text
    assert [a.shape for a in again.params.values()] == [a.shape for a in block.params.values()]
    assert [a.dtype for a in again.params.values()] == [a.dtype for a in block.params.values()]


def test_hidden_features_are_four_times_the_width():
    assert TransformerBlock(8, heads=2).params["feed_forward.w1"].shape == (8, 32)


def test_blocks_stack():
    net = Sequential(block_of(1), block_of(2, norm="post"))
    report = check_gradients(net, drawn(2, 3, WIDTH))
    assert report.ok, str(report)
    assert list(net.params)[0] == "0.norm1.gamma"


ERRORS = [
    (
        lambda: TransformerBlock(0, heads=1),
        "TransformerBlock: width must be a positive integer, not 0",
    ),
    (
        lambda: TransformerBlock(8, heads=0),
        "TransformerBlock: heads must be a positive integer, not 0",
    ),
    (
        lambda: TransformerBlock(8, heads=2, hidden=0),
        "TransformerBlock: hidden must be a positive integer, not 0",
    ),
    (
        lambda: TransformerBlock(8, heads=2, norm="none"),
        "TransformerBlock: norm must be one of 'pre', 'post', not 'none'",
    ),
    (
        lambda: TransformerBlock(8, heads=3),
        "MultiHeadAttention: 3 heads do not divide the width 8; heads may be 1, 2, 4, 8",
    ),
    (
        lambda: block_of().gradients(drawn(3, 5, WIDTH), (np.ones(3),)),
        "TransformerBlock.backward: cache must be the tuple (caches of norm1, attention, norm2, "
        "feed_forward) that TransformerBlock.forward returned, not a tuple ((3,)); "
        "pass the cache of the matching forward call",
    ),
    (
        lambda: block_of().gradients(drawn(3, 5, 7), block_of().forward(drawn(3, 5, WIDTH))[1]),
        "feed_forward_backward: dout must have the shape of forward's out, (3, 5, 8): "
        "got dout (3, 5, 7); pass the dout and the cache of the same forward call",
    ),
]


@pytest.mark.parametrize(("call", "message"), ERRORS, ids=range(len(ERRORS)))
def test_errors_say_what_to_do(call, message):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == message


def test_a_width_that_is_no_integer():
    with pytest.raises(TypeError) as caught:
        TransformerBlock(8.0, heads=2)
    assert str(caught.value) == "TransformerBlock: width must be a positive integer, not 8.0"
