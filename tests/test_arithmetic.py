"""Arithmetic of two arrays: broadcasting, memory, special values and messages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import nnlayers
from nnlayers import (
    Add,
    Multiply,
    add_backward,
    add_forward,
    check_gradients,
    divide_forward,
    multiply_backward,
    multiply_forward,
    subtract_backward,
    subtract_forward,
    where_backward,
    where_forward,
)

X = np.arange(12.0).reshape(4, 3)


def pair(name):
    return getattr(nnlayers, f"{name}_forward"), getattr(nnlayers, f"{name}_backward")


@given(arrays.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, min_side=0), st.data())
def test_every_way_to_broadcast(shapes, data):
    """An array that is broadcast has the gradient of its copies, added up."""
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    a, b = (rng.uniform(0.5, 2.0, shape) for shape in shapes.input_shapes)
    copied = [np.broadcast_to(x, shapes.result_shape).copy() for x in (a, b)]
    dout = rng.standard_normal(shapes.result_shape)
    for name in ("add", "subtract", "multiply", "divide"):
        forward, backward = pair(name)
        out, cache = forward(a, b)
        whole, cache_of_copies = forward(*copied)
        np.testing.assert_array_equal(out, whole)
        for x, gradient, of_copies in zip(
            (a, b), backward(dout, cache), backward(dout, cache_of_copies), strict=True
        ):
            assert gradient.shape == x.shape
            expected = np.zeros(x.shape)
            for index in np.ndindex(*dout.shape):
                place = index[len(index) - x.ndim :]
                expected[tuple(0 if n == 1 else i for i, n in zip(place, x.shape))] += of_copies[
                    index
                ]
            np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("b", [X, X[0], X[:, :1], X[0, 0]], ids=np.shape)
def test_gradients_share_no_memory(b):
    b = np.asarray(b) + 1.0
    for name in ("add", "subtract", "multiply", "divide"):
        forward, backward = pair(name)
        out, cache = forward(X, b)
        dout = np.ones(out.shape)
        da, db = backward(dout, cache)
        for gradient, other in ((da, db), (da, dout), (db, dout), (da, X), (db, b)):
            assert not np.shares_memory(gradient, other)


def test_one_array_may_be_both_operands():
    """Its gradient is then the sum of the two."""
    for name, expected in (("add", 2.0), ("subtract", 0.0), ("multiply", 2 * X)):
        forward, backward = pair(name)
        out, cache = forward(X, X)
        np.testing.assert_array_equal(sum(backward(np.ones(X.shape), cache)), expected + 0 * X)


def test_numbers_without_axes():
    a, b = np.array(3.0), np.array(2.0)
    for name, out, gradients in (
        ("add", 5.0, (1.0, 1.0)),
        ("subtract", 1.0, (1.0, -1.0)),
        ("multiply", 6.0, (2.0, 3.0)),
        ("divide", 1.5, (0.5, -0.75)),
    ):
        forward, backward = pair(name)
        value, cache = forward(a, b)
        assert value == out
        assert backward(1.0, cache) == gradients


def test_what_was_not_taken_gets_no_gradient():
    condition = np.array([True, False, True])
    out, cache = where_forward(condition, X, np.array([[10.0], [20.0], [30.0], [40.0]]))
    np.testing.assert_array_equal(out[:2], [[0, 10, 2], [3, 20, 5]])
    da, db = where_backward(np.ones((4, 3)), cache)
    np.testing.assert_array_equal(da, np.tile([1.0, 0.0, 1.0], (4, 1)))
    np.testing.assert_array_equal(db, np.ones((4, 1)))


def test_a_where_that_guards_a_spoilt_value():
    """A NaN that was not taken spoils nothing."""
    x = np.array([1.0, np.nan])
    out, cache = where_forward(np.isfinite(x), x, np.zeros(2))
    np.testing.assert_array_equal(out, [1.0, 0.0])
    np.testing.assert_array_equal(where_backward(np.ones(2), cache)[0], [1.0, 0.0])


def test_check_gradients_takes_two_inputs():
    rng = np.random.default_rng(0)
    for layer in (Add(), Multiply()):
        report = check_gradients(layer, rng.standard_normal((4, 3)), rng.standard_normal(3))
        assert report.ok, report


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: add_forward(X, X[:, :2]),
            ValueError,
            "add_forward: a and b do not broadcast: got a (4, 3), b (4, 2); "
            "axes, counted from the last, must be equal or 1",
        ),
        (
            lambda: divide_forward(X, X[:, 0]),
            ValueError,
            "divide_forward: a and b do not broadcast: got a (4, 3), b (4,); "
            "axes, counted from the last, must be equal or 1",
        ),
        (
            lambda: where_forward(np.ones(4, bool), X, X),
            ValueError,
            "where_forward: condition and a and b do not broadcast: got condition (4,), "
            "a (4, 3), b (4, 3); axes, counted from the last, must be equal or 1",
        ),
        (
            lambda: divide_forward(X, X[0]),
            ValueError,
            "divide_forward: 1 of 3 entries of b are 0: got a (4, 3), b (3,); "
            "add a small number to b where it is not negative",
        ),
        (
            lambda: where_forward(X, X, X),
            TypeError,
            "where_forward: condition must be boolean, not float64: got condition (4, 3) float64, "
            "a (4, 3) float64, b (4, 3) float64; compare, as in x > 0",
        ),
        (
            lambda: multiply_forward(X, 2),
            TypeError,
            "multiply_forward: b must be floating-point, not int64: got a (4, 3) float64, "
            "b () int64; b.astype(float) makes it floating-point",
        ),
        (
            lambda: subtract_forward(X, X.astype(np.float32)),
            TypeError,
            "subtract_forward: b is float32 but a is float64: got a (4, 3) float64, "
            "b (4, 3) float32; b.astype(np.float64) or a.astype(np.float32)",
        ),
        (
            lambda: Add().forward(X),
            TypeError,
            "Add: b is missing; call forward(a, b)",
        ),
        (
            lambda: add_backward(X, (X, "b")),
            ValueError,
            "add_backward: cache must be the tuple (a, b) that add_forward returned, not a tuple "
            "((4, 3), 'b'); pass the cache of the matching forward call",
        ),
        (
            lambda: multiply_backward(X, (X, X[:, :2])),
            ValueError,
            "multiply_backward: cache must be the tuple (a, b) that multiply_forward returned, not "
            "a tuple ((4, 3), (4, 2)); pass the cache of the matching forward call",
        ),
        (
            lambda: where_backward(X, (X > 0, X, None)),
            ValueError,
            "where_backward: cache must be the tuple (condition, a, b) that where_forward "
            "returned, not a tuple ((4, 3), (4, 3), None); "
            "pass the cache of the matching forward call",
        ),
        (
            lambda: subtract_backward(X[:1], subtract_forward(X[:1], X)[1]),
            ValueError,
            "subtract_backward: dout must have the shape of forward's out, (4, 3): got dout "
            "(1, 3); pass the dout and the cache of the same forward call",
        ),
    ],
)
def test_messages(call, error, text):
    with pytest.raises(error) as found:
        call()
    assert str(found.value) == text
