"""Activations, affine map, batch norm and dropout of I2DL, as its notebooks use them."""

# ruff: noqa: NPY002 (notebooks draw from the global generator)

import pickle

import numpy as np
import pytest

from nnlayers.course import cs231n, i2dl
from nnlayers.course.i2dl import layers
from nnlayers.course.i2dl.gradient_check import eval_numerical_gradient_array
from nnlayers.course.i2dl.networks import layer
from nnlayers.course.i2dl.networks.layer import (
    LeakyRelu,
    Relu,
    Sigmoid,
    Softmax,
    Tanh,
    affine_backward,
    affine_forward,
)

ACTIVATIONS = [Sigmoid(), Relu(), LeakyRelu(), LeakyRelu(0.3), Tanh(), Softmax()]


def softmax_of_rows(x):
    return np.array([[np.exp(a) / sum(np.exp(b) for b in row) for a in row] for row in x])


NAIVE = {
    "Sigmoid": np.vectorize(lambda a: 1 / (1 + np.exp(-a))),
    "Relu": np.vectorize(lambda a: max(a, 0.0)),
    "Tanh": np.vectorize(lambda a: (np.exp(a) - np.exp(-a)) / (np.exp(a) + np.exp(-a))),
    "Softmax": softmax_of_rows,
}


def rel_error(x, y):
    """As it is pasted into every notebook."""
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))


@pytest.fixture
def rng():
    return np.random.RandomState(5)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
class TestActivations:
    def test_values(self, activation, rng):
        x = rng.randn(4, 5)
        out, cache = activation.forward(x)
        if isinstance(activation, LeakyRelu):
            expected = np.array([[a if a > 0 else activation.slope * a for a in row] for row in x])
        else:
            expected = NAIVE[type(activation).__name__](x)
        assert rel_error(out, expected) < 1e-13
        assert cache.shape == x.shape

    def test_backward(self, activation, rng):
        x, dout = rng.randn(4, 5), rng.randn(4, 5)
        numerical = eval_numerical_gradient_array(lambda x: activation.forward(x)[0], x, dout)
        for array in (x, dout):
            array.flags.writeable = False
        _, cache = activation.forward(x)
        dx = activation.backward(dout, cache)
        assert rel_error(dx, numerical) < 1e-8
        assert np.array_equal(activation.backward(dout, cache), dx)

    def test_one_object_serves_several_layers(self, activation, rng):
        x, y, dout = rng.randn(4, 5), rng.randn(4, 5), rng.randn(4, 5)
        _, first = activation.forward(x)
        activation.forward(y)
        alone = activation.forward(x)[1]
        assert np.array_equal(activation.backward(dout, first), activation.backward(dout, alone))

    def test_float32_and_integers(self, activation):
        x = np.array([[-1, 0, 2]])
        out, cache = activation.forward(x)
        assert np.array_equal(out, activation.forward(x.astype(float))[0])
        small, cache = activation.forward(x.astype(np.float32))
        assert small.dtype == np.float32
        assert activation.backward(np.ones((1, 3), np.float32), cache).dtype == np.float32

    def test_extremes(self, activation):
        x = np.array([[-1e300, 0.0, 1e300]])
        out, cache = activation.forward(x)
        assert np.isfinite(out).all()
        assert np.isfinite(activation.backward(np.ones((1, 3)), cache)).all()

    def test_refuses(self, activation):
        name = type(activation).__name__
        with pytest.raises(ValueError) as caught:
            activation.backward(np.ones((1, 3)), ("x",))
        assert str(caught.value) == (
            f"{name}.backward: cache must be the array that forward returned, not ('x',); "
            "pass the cache of the matching forward call"
        )
        _, cache = activation.forward(np.ones((2, 3)))
        with pytest.raises(ValueError) as caught:
            activation.backward(np.ones((3, 2)), cache)
        assert str(caught.value) == (
            f"{name}.backward: dout must have the shape of forward's out, (2, 3): "
            "got dout (3, 2); pass the dout and the cache of the same forward call"
        )
        with pytest.raises(TypeError, match=f"^{name}.forward: x must be floating-point, not <U1"):
            activation.forward(np.array([["a"]]))

    def test_repr_and_pickle(self, activation):
        assert repr(eval(repr(activation), vars(layer))) == repr(activation)
        assert repr(pickle.loads(pickle.dumps(activation))) == repr(activation)


def test_at_zero():
    zeros, ones = np.zeros(3), np.ones(3)
    assert Relu().backward(ones, Relu().forward(zeros)[1]).tolist() == [0.0] * 3
    leaky = LeakyRelu(0.2)
    assert leaky.backward(ones, leaky.forward(zeros)[1]).tolist() == [0.2] * 3


def test_softmax_normalizes_each_row(rng):
    out, _ = Softmax().forward(rng.randn(4, 5))
    assert np.allclose(out.sum(axis=1), 1.0, rtol=1e-15)


def test_slope_is_checked():
    with pytest.raises(ValueError) as caught:
        LeakyRelu(-1)
    assert str(caught.value) == "LeakyRelu: slope must be at least 0, not -1"


def test_affine(rng):
    x = np.linspace(-0.1, 0.5, num=240).reshape(2, 4, 5, 6)
    w, b = np.linspace(-0.2, 0.3, num=360).reshape(120, 3), np.linspace(-0.3, 0.1, num=3)
    out, cache = affine_forward(x, w, b)
    published = [[1.49834967, 1.70660132, 1.91485297], [3.25553199, 3.5141327, 3.77273342]]
    assert rel_error(out, np.array(published)) < 1e-8
    dout = rng.randn(2, 3)
    for gradient, array in zip(affine_backward(dout, cache), (x, w, b)):
        numerical = eval_numerical_gradient_array(lambda _: affine_forward(x, w, b)[0], array, dout)
        assert rel_error(gradient, numerical) < 1e-7


class TestDropout:
    @pytest.mark.parametrize("p", [0.25, 0.4, 0.7])
    def test_p_is_the_probability_of_dropping(self, rng, p):
        x = rng.randn(500, 500) + 10
        out, _ = layers.dropout_forward(x, {"mode": "train", "p": p, "seed": 0})
        assert abs((out == 0).mean() - p) < 0.005
        assert abs(out.mean() - x.mean()) < 0.1
        assert np.array_equal(layers.dropout_forward(x, {"mode": "test", "p": p})[0], x)

    def test_the_mask_of_a_seed(self):
        uniform = np.random.RandomState(123).rand(10, 10)
        param = {"mode": "train", "p": 0.2, "seed": 123}
        out, (kept_param, mask) = layers.dropout_forward(np.ones((10, 10)), param)
        assert np.allclose(out, (uniform >= 0.2) / 0.8, rtol=1e-15, atol=0)
        assert np.array_equal(mask, out)
        assert kept_param is param

    def test_backward(self, rng):
        x, dout = rng.randn(10, 10) + 10, rng.randn(10, 10)
        param = {"mode": "train", "p": 0.2, "seed": 123}
        _, cache = layers.dropout_forward(x, param)
        numerical = eval_numerical_gradient_array(
            lambda x: layers.dropout_forward(x, param)[0], x, dout
        )
        assert rel_error(layers.dropout_backward(dout, cache), numerical) < 1e-9

    def test_the_other_courses_p(self):
        with pytest.raises(ValueError) as caught:
            layers.dropout_forward(np.ones(3), {"mode": "train", "p": 1})
        assert str(caught.value) == (
            "dropout_forward: 0 <= p < 1 is needed, not 1; p is the probability of dropping here; "
            "that of keeping is p in nnlayers.course.cs231n: pass 1 - p"
        )
        with pytest.raises(ValueError) as caught:
            layers.dropout_forward(np.ones(3), {"mode": "train", "keep": 0.5})
        assert str(caught.value) == (
            "dropout_forward: dropout_param has the unknown key keep; "
            "the keys are p, mode, seed; p is the probability of dropping here"
        )

    def test_what_one_course_keeps_the_other_drops(self):
        x, param = np.ones((20, 20)), {"mode": "train", "p": 0.3, "seed": 1}
        kept, _ = cs231n.dropout_forward(x, param)
        dropped, _ = i2dl.dropout_forward(x, param)
        assert np.array_equal(kept == 0, dropped != 0)


def test_batchnorm_uses_eps_in_testing(rng):
    x, gamma, beta = rng.randn(6, 4), rng.randn(4), rng.randn(4)
    bn_param = {"mode": "train", "eps": 0.1}
    layers.batchnorm_forward(x, gamma, beta, bn_param)
    bn_param["mode"] = "test"
    mean, var = bn_param["running_mean"], bn_param["running_var"]
    assert np.allclose(mean, 0.1 * x.mean(axis=0))
    assert np.allclose(var, 0.1 * x.var(axis=0))
    out, _ = layers.batchnorm_forward(x, gamma, beta, bn_param)
    expected = gamma * (x - mean) / np.sqrt(var + 0.1) + beta
    assert rel_error(out, expected) < 1e-12


@pytest.mark.parametrize("shape", [(6, 4), (2, 4, 3, 3)])
def test_batchnorm_backward(rng, shape):
    spatial = len(shape) == 4
    forward = layers.spatial_batchnorm_forward if spatial else layers.batchnorm_forward
    backwards = [layers.batchnorm_backward, layers.batchnorm_backward_alt]
    if spatial:
        backwards = [layers.spatial_batchnorm_backward]
    x, dout, gamma, beta = rng.randn(*shape), rng.randn(*shape), rng.randn(4), rng.randn(4)
    _, cache = forward(x, gamma, beta, {"mode": "train"})
    for backward in backwards:
        for gradient, array in zip(backward(dout, cache), (x, gamma, beta)):
            numerical = eval_numerical_gradient_array(
                lambda _: forward(x, gamma, beta, {"mode": "train"})[0], array, dout
            )
            assert np.abs(gradient - numerical).max() < 1e-7


@pytest.mark.parametrize("module", [layer, layers, i2dl.gradient_check])
def test_public_names(module):
    assert module.__all__ == sorted(module.__all__)
    assert all(getattr(module, name).__doc__ for name in module.__all__)
    assert all(getattr(i2dl, name) is getattr(module, name) for name in module.__all__)
