"""The embedding: what the contract cannot say, and every error text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlayers import (
    Affine,
    Embedding,
    Flatten,
    Sequential,
    Sum,
    embedding_backward,
    embedding_forward,
)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@given(
    st.lists(st.integers(0, 6), max_size=40),
    st.sampled_from([None, 0, 3]),
    st.integers(0, 10**6),
)
def test_repeated_indices_add_up(words, padding, seed):
    idx = np.array(words, int)
    w, dout = drawn(7, 2, seed=seed), drawn(len(words), 2, seed=seed + 1)
    _, cache = embedding_forward(idx, w, padding=padding)
    expected = np.zeros((7, 2))
    for word, row in zip(words, dout):
        if word != padding:
            expected[word] += row
    np.testing.assert_allclose(embedding_backward(dout, cache), expected, atol=1e-12)


def test_every_shape_of_indices():
    w = drawn(5, 3)
    for shape in ((), (4,), (2, 3), (2, 3, 2), (0, 3), (3, 0)):
        idx = np.random.default_rng(1).integers(0, 5, shape)
        out, cache = embedding_forward(idx, w)
        np.testing.assert_array_equal(out, w[idx])
        assert not np.shares_memory(out, w)
        assert embedding_backward(drawn(*shape, 3), cache).shape == w.shape


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64])
def test_every_kind_of_integer(dtype):
    idx = np.array([[1, 0, 1]], dtype)
    out, cache = embedding_forward(idx, np.eye(2))
    np.testing.assert_array_equal(out, [[[0, 1], [1, 0], [0, 1]]])
    np.testing.assert_array_equal(embedding_backward(np.ones((1, 3, 2)), cache), [[1, 1], [2, 2]])


def test_a_long_sum_in_float32_does_not_drift():
    idx = np.zeros(2**17, int)
    _, cache = embedding_forward(idx, np.zeros((2, 1), np.float32))
    dw = embedding_backward(np.full((2**17, 1), 0.1, np.float32), cache)
    np.testing.assert_allclose(dw[0], 0.1 * 2**17, rtol=1e-6)


def test_padding_gives_zeros_whatever_its_row_holds():
    idx, w = np.array([[2, 0, 1]]), drawn(3, 2)
    out, cache = embedding_forward(idx, w, padding=0)
    np.testing.assert_array_equal(out, [[w[2], [0, 0], w[1]]])
    dw = embedding_backward(drawn(1, 3, 2), cache)
    assert not dw[0].any()
    assert dw[1:].all()


def test_the_row_of_padding_starts_at_zero():
    layer = Embedding(4, 3, padding=2, rng=0)
    assert not layer.params["w"][2].any()
    assert layer.params["w"][[0, 1, 3]].all()
    assert repr(layer) == "Embedding(4, 3, padding=2)"
    w = drawn(4, 3)
    np.testing.assert_array_equal(Embedding.of(w, padding=2).params["w"], w)


def test_the_table_is_drawn_from_the_seed():
    a, b = Embedding(300, 200, rng=3), Embedding(300, 200, rng=np.random.default_rng(3))
    np.testing.assert_array_equal(a.params["w"], b.params["w"])
    assert np.var(a.params["w"]) == pytest.approx(1.0, abs=0.02)
    assert Embedding(3, 2, dtype=np.float32).params["w"].dtype == np.float32
    constant = Embedding(3, 2, init=lambda shape, rng, dtype: np.full(shape, 7.0, dtype))
    assert (constant.params["w"] == 7.0).all()


def test_it_begins_a_net():
    net = Sequential(Embedding(5, 2, rng=0), Flatten(), Affine(6, 1, rng=1), Sum())
    loss, grads = net.loss(np.array([[0, 3, 3]]))
    w = net.params["2.w"].reshape(3, 2)
    expected = np.zeros((5, 2))
    expected[0], expected[3] = w[0], w[1] + w[2]
    np.testing.assert_allclose(grads["0.w"], expected)
    dx, _ = net.gradients(1.0, net.forward(np.array([[0, 3, 3]]))[1])
    assert dx is None


W = np.zeros((10, 4))

ERRORS = [
    (
        lambda: embedding_forward(np.array([[1, 10]]), W),
        "embedding_forward: idx[0, 1] = 10 is no index of 10 rows: got idx (1, 2), w (10, 4); "
        "indices count from 0 to 9",
    ),
    (
        lambda: embedding_forward(np.array([3, -1, 12]), W),
        "embedding_forward: idx[1] = -1 is no index of 10 rows: got idx (3,), w (10, 4); "
        "indices count from 0 to 9",
    ),
    (
        lambda: embedding_forward(np.array(10), W),
        "embedding_forward: idx = 10 is no index of 10 rows: got idx (), w (10, 4); "
        "indices count from 0 to 9",
    ),
    (
        lambda: embedding_forward(np.array([1]), np.zeros(10)),
        "embedding_forward: w must be a matrix (V, D), not 1-d: got idx (1,), w (10,)",
    ),
    (
        lambda: embedding_forward(np.array([1]), W, padding=-1),
        "embedding_forward: padding -1 is no index of 10 rows; indices count from 0 to 9",
    ),
    (
        lambda: embedding_backward(np.zeros((2, 4)), (np.zeros(2), W, None)),
        "embedding_backward: cache must be the tuple (idx, w, padding) that embedding_forward "
        "returned, not a tuple ((2,), (10, 4), None); pass the cache of the matching forward call",
    ),
    (
        lambda: Embedding(3, 2, padding=3),
        "Embedding: padding 3 is no index of 3 rows; indices count from 0 to 2",
    ),
    (
        lambda: Embedding.of(np.zeros((3, 2)), padding=3),
        "Embedding.of: padding 3 is no index of 3 rows; indices count from 0 to 2",
    ),
    (
        lambda: Embedding.of(np.zeros(3)),
        "Embedding.of: w must be a matrix (V, D): got w (3,)",
    ),
    (
        lambda: Embedding(0, 2),
        "Embedding: words must be a positive integer, not 0",
    ),
]

TYPE_ERRORS = [
    (
        lambda: embedding_forward(np.array([1.0, 2.0]), W),
        "embedding_forward: idx must be integers, not float64: got idx (2,) float64, w (10, 4) "
        "float64; idx.astype(int) if they count rows from 0",
    ),
    (
        lambda: embedding_forward(np.array([True, False]), W),
        "embedding_forward: idx must be integers, not bool: got idx (2,) bool, w (10, 4) float64; "
        "idx.astype(int) if they count rows from 0",
    ),
    (
        lambda: embedding_forward(np.array([1]), W.astype(int)),
        "embedding_forward: w must be floating-point, not int64: got w (10, 4) int64; "
        "w.astype(float) makes it floating-point",
    ),
    (
        lambda: embedding_forward(np.array([1]), W, padding=1.0),
        "embedding_forward: padding must be an index or None, not 1.0",
    ),
    (
        lambda: Embedding(3, 2, padding=True),
        "Embedding: padding must be an index or None, not True",
    ),
    (
        lambda: Embedding(3, 2, rng="0"),
        "Embedding: rng must be an int seed, a numpy.random.Generator or None, not '0'; "
        "np.random.default_rng(0) makes a generator",
    ),
]


@pytest.mark.parametrize(("call", "text"), ERRORS, ids=[text[:60] for _, text in ERRORS])
def test_value_errors(call, text):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == text


@pytest.mark.parametrize(("call", "text"), TYPE_ERRORS, ids=[text[:60] for _, text in TYPE_ERRORS])
def test_type_errors(call, text):
    with pytest.raises(TypeError) as caught:
        call()
    assert str(caught.value) == text
