"""Positional encodings: what positions they tell apart, special values, and messages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference.attention as naive
from nnlayers import (
    PositionalEmbedding,
    RotaryEmbedding,
    SinusoidalEncoding,
    positional_embedding_backward,
    positional_embedding_forward,
    rotary_embedding_backward,
    rotary_embedding_forward,
    sinusoidal_encoding_forward,
)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


leads = st.lists(st.integers(1, 3), max_size=2)
bases = st.floats(2.0, 1e6)


@given(leads, st.integers(0, 5), st.integers(1, 7), bases)
def test_sinusoidal_encoding_of_any_shape(lead, T, D, base):
    x = drawn(*lead, T, D)
    out, _ = sinusoidal_encoding_forward(x, base=base)
    np.testing.assert_allclose(out, naive.sinusoidal_encoding(x, base), atol=1e-12)


def test_sinusoidal_encoding_is_the_published_one():
    # d = 512, as in the paper: PE(t, 2i) = sin(t / 10000^(2i/d)), PE(t, 2i + 1) = cos of the same
    encoding, _ = sinusoidal_encoding_forward(np.zeros((100, 512)))
    assert encoding[7, 0] == pytest.approx(np.sin(7.0))
    assert encoding[7, 1] == pytest.approx(np.cos(7.0))
    assert encoding[99, 256] == pytest.approx(np.sin(0.99))
    assert encoding[99, 511] == pytest.approx(np.cos(99 / 10000 ** (510 / 512)))
    # every pair of features lies on a circle, and a step of k positions is the same turn everywhere
    np.testing.assert_allclose((encoding**2).sum(axis=1), 256.0)
    products = encoding @ encoding.T
    np.testing.assert_allclose(products[10:, 10:], products[:-10, :-10], rtol=1e-10)


@given(leads, st.integers(0, 5), st.integers(1, 3), bases)
def test_rotary_embedding_of_any_shape(lead, T, pairs, base):
    x = drawn(*lead, T, 2 * pairs)
    out, cache = rotary_embedding_forward(x, base=base)
    np.testing.assert_allclose(out, naive.rotary_embedding(x, base), atol=1e-12)
    # turning the turned features back gives x, and no length changes
    np.testing.assert_allclose(rotary_embedding_backward(out, cache), x, atol=1e-12)
    np.testing.assert_allclose((out**2).sum(axis=-1), (x**2).sum(axis=-1), rtol=1e-12)


def test_products_of_turned_features_depend_on_the_distance_alone():
    q, k = drawn(6), drawn(6, seed=1)
    turned_q, _ = rotary_embedding_forward(np.tile(q, (9, 1)))
    turned_k, _ = rotary_embedding_forward(np.tile(k, (9, 1)))
    products = turned_q @ turned_k.T
    np.testing.assert_allclose(products[2:, 2:], products[:-2, :-2], rtol=1e-10)
    assert products[0, 0] == pytest.approx(q @ k)
    assert len(set(products[0].round(6))) == 9


@pytest.mark.parametrize("forward", [sinusoidal_encoding_forward, rotary_embedding_forward])
def test_float32_is_right_at_late_positions_too(forward):
    x = np.ones((20_000, 4))
    single, _ = forward(x.astype(np.float32))
    assert np.abs(single - forward(x)[0])[-100:].max() < 1e-6


def test_positional_embedding_adds_up_over_the_sequences():
    w = drawn(7, 3)
    out, cache = positional_embedding_forward(np.zeros((2, 4, 5, 3)), w)
    np.testing.assert_array_equal(out, np.broadcast_to(w[:5], (2, 4, 5, 3)))
    dout = drawn(2, 4, 5, 3, seed=1)
    dx, dw = positional_embedding_backward(dout, cache)
    np.testing.assert_array_equal(dx, dout)
    np.testing.assert_allclose(dw[:5], dout.reshape(8, 5, 3).sum(axis=0), atol=1e-12)
    assert not dw[5:].any()
    assert positional_embedding_backward(dout, cache, need_dx=False)[0] is None


def test_positional_embedding_of_one_sequence():
    w = drawn(5, 3)
    _, cache = positional_embedding_forward(np.zeros((5, 3)), w)
    dout = drawn(5, 3, seed=1)
    dx, dw = positional_embedding_backward(dout, cache)
    np.testing.assert_array_equal(dw, dout)
    assert not np.shares_memory(dx, dw)


def test_vectors_are_drawn_from_the_seed():
    layer = PositionalEmbedding(400, 50, rng=0)
    again = PositionalEmbedding(400, 50, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(layer.params["w"], again.params["w"])
    assert layer.params["w"].std() == pytest.approx(0.02, rel=0.02)
    assert PositionalEmbedding(4, 5, dtype=np.float32).params["w"].dtype == np.float32
    ones = PositionalEmbedding(4, 5, init=lambda shape, rng, dtype: np.ones(shape, dtype))
    assert (ones.params["w"] == 1).all()


def test_settings_show_in_the_repr():
    assert repr(SinusoidalEncoding()) == "SinusoidalEncoding()"
    assert repr(SinusoidalEncoding(base=100)) == "SinusoidalEncoding(base=100.0)"
    assert repr(RotaryEmbedding(base=500)) == "RotaryEmbedding(base=500.0)"
    assert repr(PositionalEmbedding(4, 5)) == "PositionalEmbedding(4, 5)"


def zeros(*shapes):
    return [np.zeros(shape) for shape in shapes]


ERRORS = [
    (
        lambda: sinusoidal_encoding_forward(np.zeros(3)),
        "sinusoidal_encoding_forward: x must be (..., positions, features), not 1-d: got x (3,); "
        "x[None] makes a sequence of one position",
    ),
    (
        lambda: rotary_embedding_forward(np.zeros(())),
        "rotary_embedding_forward: x must be (..., positions, features), not 0-d: got x ()",
    ),
    (
        lambda: positional_embedding_forward(*zeros((3,), (4, 3))),
        "positional_embedding_forward: x must be (..., positions, features), not 1-d: got x (3,), "
        "w (4, 3); x[None] makes a sequence of one position",
    ),
    (
        lambda: rotary_embedding_forward(np.zeros((4, 3))),
        "rotary_embedding_forward: 3 features are no pairs: got x (4, 3); an even number is needed",
    ),
    (
        lambda: rotary_embedding_forward(np.zeros((4, 2)), base=0),
        "rotary_embedding_forward: base must be a positive number, not 0",
    ),
    (
        lambda: sinusoidal_encoding_forward(np.zeros((4, 2)), base=-1.0),
        "sinusoidal_encoding_forward: base must be a positive number, not -1.0",
    ),
    (
        lambda: SinusoidalEncoding(base=0.0),
        "SinusoidalEncoding: base must be a positive number, not 0.0",
    ),
    (
        lambda: RotaryEmbedding(base=float("nan")),
        "RotaryEmbedding: base must be a positive number, not nan",
    ),
    (
        lambda: positional_embedding_forward(*zeros((2, 5, 4), (7, 3))),
        "positional_embedding_forward: x has 4 features, so w must be (C, 4), a row for each "
        "position: got x (2, 5, 4), w (7, 3)",
    ),
    (
        lambda: positional_embedding_forward(*zeros((2, 5, 4), (4, 7))),
        "positional_embedding_forward: x has 4 features, so w must be (C, 4), a row for each "
        "position: got x (2, 5, 4), w (4, 7); w.T would fit",
    ),
    (
        lambda: positional_embedding_forward(*zeros((2, 5, 4), (4,))),
        "positional_embedding_forward: x has 4 features, so w must be (C, 4), a row for each "
        "position: got x (2, 5, 4), w (4,)",
    ),
    (
        lambda: positional_embedding_forward(*zeros((2, 5, 4), (3, 4))),
        "positional_embedding_forward: x has 5 positions but w has vectors for 3: got x (2, 5, 4), "
        "w (3, 4); x[..., -3:, :] keeps the last 3",
    ),
    (
        lambda: positional_embedding_forward(*zeros((2, 5, 4), (0, 4))),
        "positional_embedding_forward: x has 5 positions but w has vectors for 0: got x (2, 5, 4), "
        "w (0, 4)",
    ),
    (
        lambda: PositionalEmbedding(0, 4),
        "PositionalEmbedding: positions must be a positive integer, not 0",
    ),
    (
        lambda: PositionalEmbedding.of(np.zeros(4)),
        "PositionalEmbedding.of: w must be a matrix (C, D): got w (4,)",
    ),
]


@pytest.mark.parametrize(("call", "message"), ERRORS, ids=range(len(ERRORS)))
def test_errors_say_what_to_do(call, message):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == message


def test_a_size_that_is_no_integer():
    with pytest.raises(TypeError) as caught:
        PositionalEmbedding(4.0, 4)
    assert str(caught.value) == "PositionalEmbedding: positions must be a positive integer, not 4.0"
