"""The L2 penalty in both forms."""

import numpy as np
import pytest

from nnlayers import MSE, Affine, Layer, Sequential, numerical_gradient
from nnlayers.training import L2

RNG = np.random.default_rng


def net():
    rng = RNG(0)
    return Sequential(
        Affine.of(rng.normal(size=(3, 4)), rng.normal(size=4)),
        Affine.of(rng.normal(size=(4, 2)), rng.normal(size=(1, 2))),
        MSE(),
    )


def sum_of_squares(*arrays):
    return sum(value**2 for array in arrays for value in array.ravel().tolist())


@pytest.mark.parametrize("half, factor", [(True, 0.5), (False, 1.0)])
def test_the_two_forms(half, factor):
    model = net()
    w = [array for array in model.params.values() if array.ndim == 2]
    expected = factor * 0.3 * sum_of_squares(*w)
    assert L2(0.3, half=half).loss(model) == pytest.approx(expected, rel=1e-13)


def test_half_is_the_default():
    model = net()
    assert L2(0.3).loss(model) == L2(0.3, half=True).loss(model)


@pytest.mark.parametrize("half", [True, False])
@pytest.mark.parametrize("only", [None, ["0.b", "1.w"]])
def test_gradients_are_those_of_the_loss(half, only):
    model, penalty = net(), L2(0.3, half, only)
    grads = penalty.gradients(model)
    for key, w in model.params.items():
        expected = numerical_gradient(lambda _: penalty.loss(model), w)
        np.testing.assert_allclose(grads.get(key, np.zeros_like(w)), expected, atol=1e-9)


def test_acts_on_matrices_unless_told():
    assert list(L2(0.1).gradients(net())) == ["0.w", "1.w", "1.b"]
    assert list(L2(0.1, only=["1.w", "0.b"]).gradients(net())) == ["1.w", "0.b"]
    filters = Layer(params={"w": np.ones((2, 3, 3, 3)), "b": np.ones(2)})
    assert L2(2.0).loss(filters) == 54.0


def test_keeps_float32_and_the_net():
    model = net().astype(np.float32)
    before = model.to_vector()
    grads = L2(np.float64(0.1)).gradients(model)
    assert all(dw.dtype == np.float32 for dw in grads.values())
    assert not any(np.shares_memory(dw, model.params[key]) for key, dw in grads.items())
    np.testing.assert_array_equal(model.to_vector(), before)


@pytest.mark.parametrize(
    "penalty, text",
    [
        (L2(0.1), "L2(0.1, half=True)"),
        (L2(1, half=False, only=("0.w",)), "L2(1.0, half=False, only=['0.w'])"),
    ],
)
def test_repr_names_the_form(penalty, text):
    assert repr(penalty) == text
    assert repr(eval(text)) == text


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: L2(-0.1), ValueError, "L2: strength must be at least 0, not -0.1"),
        (lambda: L2(float("inf")), ValueError, "L2: strength must be finite, not inf"),
        (lambda: L2("1"), TypeError, "L2: strength must be a number, not '1'"),
        (lambda: L2(1, only="0.w"), TypeError, "L2: only must be a list of keys, not '0.w'"),
        (lambda: L2(1, only=3), TypeError, "L2: only must be a list of keys, not 3"),
        (
            lambda: L2(1, only=["0.w", "7.w"]).loss(net()),
            ValueError,
            "L2: the net has no parameter '7.w'; there are 0.w, 0.b, 1.w, 1.b",
        ),
    ],
)
def test_mistakes(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
