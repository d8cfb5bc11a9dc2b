"""The feed-forward net: equal to its maps and gelu, block by block, and its messages."""

import numpy as np
import pytest

from nnlayers import (
    FeedForward,
    affine_backward,
    affine_forward,
    check_gradients,
    feed_forward_backward,
    feed_forward_forward,
    gelu_backward,
    gelu_forward,
)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def maps(D, H, M):
    return [drawn(*s, seed=i + 1) / 2 for i, s in enumerate(((D, H), (H,), (H, M), (M,)))]


@pytest.mark.parametrize(
    ("lead", "hidden"), [((7,), 5), ((3, 5), 6), ((2, 3, 4), 1), ((3, 50), 700), ((3,), 40_000)]
)
def test_it_is_two_affine_maps_and_gelu(lead, hidden):
    # the last two take more than one block
    x, parameters = drawn(*lead, 4), maps(4, hidden, 3)
    w1, b1, w2, b2 = parameters
    rows = x.reshape(np.prod(lead), 4)
    z, first = affine_forward(rows, w1, b1)
    h, between = gelu_forward(z, approximate="tanh")
    expected, last = affine_forward(h, w2, b2)
    out, cache = feed_forward_forward(x, *parameters)
    np.testing.assert_allclose(out, expected.reshape(*lead, 3), atol=1e-10)
    dout = drawn(*lead, 3, seed=9)
    dh, dw2, db2 = affine_backward(dout.reshape(len(rows), 3), last)
    drows, dw1, db1 = affine_backward(gelu_backward(dh, between), first)
    gradients = feed_forward_backward(dout, cache)
    expected = (drows.reshape(x.shape), dw1, db1, dw2, db2)
    for mine, theirs in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-10)


def test_sizes_of_nothing():
    for D, H, M in ((0, 3, 2), (4, 0, 2), (4, 3, 0)):
        out, cache = feed_forward_forward(drawn(5, D), *maps(D, H, M))
        gradients = feed_forward_backward(np.ones((5, M)), cache)
        assert out.shape == (5, M)
        assert [g.shape for g in gradients] == [(5, D), (D, H), (H,), (H, M), (M,)]


def test_weights_are_drawn_from_the_seed():
    layer, again = FeedForward(40, 160, rng=0), FeedForward(40, 160, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(layer.to_vector(), again.to_vector())
    assert list(layer.params) == ["w1", "b1", "w2", "b2"]
    assert layer.params["w1"].std() == pytest.approx(np.sqrt(2 / 40), rel=0.05)
    assert np.abs(layer.params["w2"]).max() == pytest.approx(np.sqrt(6 / 200), rel=0.01)
    assert not layer.params["b1"].any()
    assert not layer.params["b2"].any()
    assert repr(layer) == "FeedForward(40, 160)"
    single = FeedForward(4, 5, dtype=np.float32)
    assert {array.dtype for array in single.params.values()} == {np.dtype(np.float32)}
    assert check_gradients(FeedForward(3, 5, rng=0), drawn(4, 3)).ok


def of(*shapes):
    return feed_forward_forward(*(np.zeros(shape) for shape in shapes))


ERRORS = [
    (
        lambda: of((5, 4), (4,), (8,), (8, 3), (3,)),
        "feed_forward_forward: w1 and w2 must be matrices, (D, H) and (H, M): "
        "got x (5, 4), w1 (4,), b1 (8,), w2 (8, 3), b2 (3,)",
    ),
    (
        lambda: of((5, 4), (4, 8), (8,), (8, 3), (1, 3)),
        "feed_forward_forward: w1 and w2 need b1 and b2 of shapes (8,) and (3,): "
        "got x (5, 4), w1 (4, 8), b1 (8,), w2 (8, 3), b2 (1, 3)",
    ),
    (
        lambda: of((5, 4), (4, 8), (3,), (8, 3), (3,)),
        "feed_forward_forward: w1 and w2 need b1 and b2 of shapes (8,) and (3,): "
        "got x (5, 4), w1 (4, 8), b1 (3,), w2 (8, 3), b2 (3,)",
    ),
    (
        lambda: of((5, 4), (4, 8), (8,), (3, 8), (8,)),
        "feed_forward_forward: w1 gives 8 hidden features but w2 takes 3: "
        "got x (5, 4), w1 (4, 8), b1 (8,), w2 (3, 8), b2 (8,); w2.T would fit",
    ),
    (
        lambda: of((5, 4), (4, 8), (8,), (7, 3), (3,)),
        "feed_forward_forward: w1 gives 8 hidden features but w2 takes 7: "
        "got x (5, 4), w1 (4, 8), b1 (8,), w2 (7, 3), b2 (3,)",
    ),
    (
        lambda: of((4,), (4, 8), (8,), (8, 3), (3,)),
        "feed_forward_forward: x must be (..., positions, features), not 1-d: "
        "got x (4,), w1 (4, 8), b1 (8,), w2 (8, 3), b2 (3,); "
        "x[None] makes a batch of one position",
    ),
    (
        lambda: of((), (4, 8), (8,), (8, 3), (3,)),
        "feed_forward_forward: x must be (..., positions, features), not 0-d: "
        "got x (), w1 (4, 8), b1 (8,), w2 (8, 3), b2 (3,)",
    ),
    (
        lambda: of((5, 6), (4, 8), (8,), (8, 3), (3,)),
        "feed_forward_forward: x has 6 features but w1 takes 4: "
        "got x (5, 6), w1 (4, 8), b1 (8,), w2 (8, 3), b2 (3,)",
    ),
    (
        lambda: of((5, 8), (4, 8), (8,), (8, 3), (3,)),
        "feed_forward_forward: x has 8 features but w1 takes 4: "
        "got x (5, 8), w1 (4, 8), b1 (8,), w2 (8, 3), b2 (3,); w1.T would fit",
    ),
    (
        lambda: FeedForward.of(np.zeros((4, 8)), np.zeros(8), np.zeros((7, 3)), np.zeros(3)),
        "FeedForward.of: w1 gives 8 hidden features but w2 takes 7: "
        "got w1 (4, 8), b1 (8,), w2 (7, 3), b2 (3,)",
    ),
    (
        lambda: feed_forward_backward(np.zeros((5, 3)), (np.zeros((5, 4)),)),
        "feed_forward_backward: cache must be the FeedForwardCache that feed_forward_forward "
        "returned, not a tuple ((5, 4)); pass the cache of the matching forward call",
    ),
    (
        lambda: feed_forward_backward(np.zeros((5, 4)), of((5, 4), (4, 8), (8,), (8, 3), (3,))[1]),
        "feed_forward_backward: dout must have the shape of forward's out, (5, 3): "
        "got dout (5, 4); pass the dout and the cache of the same forward call",
    ),
    (lambda: FeedForward(4, 0), "FeedForward: hidden must be a positive integer, not 0"),
    (lambda: FeedForward(0, 4), "FeedForward: width must be a positive integer, not 0"),
]


@pytest.mark.parametrize(("call", "message"), ERRORS, ids=range(len(ERRORS)))
def test_errors_say_what_to_do(call, message):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == message
