"""Normalizations of cs231n, as its notebooks use them.

Printed numbers are those with which the notebooks compare.
"""

import numpy as np
import pytest

from nnlayers.course.cs231n.gradient_check import (
    eval_numerical_gradient_array,
)
from nnlayers.course.cs231n.layers import (
    batchnorm_backward,
    batchnorm_backward_alt,
    batchnorm_forward,
    layernorm_backward,
    layernorm_forward,
    spatial_batchnorm_backward,
    spatial_batchnorm_forward,
    spatial_groupnorm_backward,
    spatial_groupnorm_forward,
)


def rel_error(x, y):
    """As it is pasted into every notebook."""
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))


@pytest.fixture
def course():
    """Draw as a notebook does after np.random.seed(231), without touching the global generator."""
    return np.random.RandomState(231)


class TestBatchNorm:
    def test_means_and_deviations(self, course):
        N, D1, D2, D3 = 200, 50, 60, 3
        X, W1, W2 = course.randn(N, D1), course.randn(D1, D2), course.randn(D2, D3)
        a = np.maximum(0, X.dot(W1)).dot(W2)
        assert np.allclose(a.mean(axis=0), [-2.3814598, -13.18038246, 1.91780462])
        gamma, beta = np.ones((D3,)), np.zeros((D3,))
        normed, _ = batchnorm_forward(a, gamma, beta, {"mode": "train"})
        assert np.abs(normed.mean(axis=0)).max() < 1e-14
        assert np.abs(normed.std(axis=0) - 1).max() < 1e-6
        gamma, beta = np.asarray([1.0, 2.0, 3.0]), np.asarray([11.0, 12.0, 13.0])
        normed, _ = batchnorm_forward(a, gamma, beta, {"mode": "train"})
        assert np.allclose(normed.mean(axis=0), beta)
        assert np.allclose(normed.std(axis=0), gamma)

    def test_running_averages(self, course):
        N, D1, D2, D3 = 200, 50, 60, 3
        W1, W2 = course.randn(D1, D2), course.randn(D2, D3)
        bn_param = {"mode": "train"}
        gamma, beta = np.ones(D3), np.zeros(D3)
        for _ in range(50):
            a = np.maximum(0, course.randn(N, D1).dot(W1)).dot(W2)
            batchnorm_forward(a, gamma, beta, bn_param)
        bn_param["mode"] = "test"
        a = np.maximum(0, course.randn(N, D1).dot(W1)).dot(W2)
        normed, _ = batchnorm_forward(a, gamma, beta, bn_param)
        means, deviations = normed.mean(axis=0), normed.std(axis=0)
        assert np.allclose(means, [-0.03927354, -0.04349152, -0.10452688])
        assert np.allclose(deviations, [1.01531428, 1.01238373, 0.97819988])

    def test_backward(self, course):
        N, D = 4, 5
        x, gamma, beta = 5 * course.randn(N, D) + 12, course.randn(D), course.randn(D)
        dout = course.randn(N, D)
        bn_param = {"mode": "train"}
        numerical = [
            eval_numerical_gradient_array(
                lambda x: batchnorm_forward(x, gamma, beta, bn_param)[0], x, dout
            ),
            eval_numerical_gradient_array(
                lambda a: batchnorm_forward(x, a, beta, bn_param)[0], gamma.copy(), dout
            ),
            eval_numerical_gradient_array(
                lambda b: batchnorm_forward(x, gamma, b, bn_param)[0], beta.copy(), dout
            ),
        ]
        _, cache = batchnorm_forward(x, gamma, beta, bn_param)
        for analytic, expected in zip(batchnorm_backward(dout, cache), numerical):
            assert rel_error(analytic, expected) < 1e-8
        for one, other in zip(batchnorm_backward(dout, cache), batchnorm_backward_alt(dout, cache)):
            assert np.array_equal(one, other)

    def test_what_is_put_into_the_dict(self):
        x = np.array([[1.0, 10.0], [3.0, 30.0]])
        first = {"mode": "train", "momentum": 0.5, "eps": 1e-3}
        batchnorm_forward(x, np.ones(2), np.zeros(2), first)
        assert first["running_mean"].tolist() == [1.0, 10.0]
        assert first["running_var"].tolist() == [0.5, 50.0]  # biased, from zeros
        kept = first["running_mean"]
        batchnorm_forward(x, np.ones(2), np.zeros(2), first)
        assert first["running_mean"].tolist() == [1.5, 15.0]
        assert kept.tolist() == [1.0, 10.0]  # a new array each time
        first["mode"] = "test"
        before = {name: np.copy(value) for name, value in first.items()}
        batchnorm_forward(7 * x, np.ones(2), np.zeros(2), first)
        assert all(np.array_equal(before[name], first[name]) for name in first)
        assert set(first) == {"mode", "momentum", "eps", "running_mean", "running_var"}
        fresh = {"mode": "test"}
        out, _ = batchnorm_forward(x, np.ones(2), np.zeros(2), fresh)
        assert np.allclose(out, x / np.sqrt(1e-5))
        assert fresh["running_var"].tolist() == [0.0, 0.0]

    def test_backward_in_testing(self, course):
        x, gamma, beta, dout = (course.randn(4, 3) for _ in range(4))
        gamma, beta = gamma[0], beta[0]
        param = {"mode": "test", "running_mean": np.arange(3.0), "running_var": np.arange(1.0, 4.0)}
        numerical = eval_numerical_gradient_array(
            lambda x: batchnorm_forward(x, gamma, beta, param)[0], x, dout
        )
        _, cache = batchnorm_forward(x, gamma, beta, param)
        assert rel_error(batchnorm_backward(dout, cache)[0], numerical) < 1e-8

    def test_spatial(self, course):
        N, C, H, W = 2, 3, 4, 5
        x = 4 * course.randn(N, C, H, W) + 10
        # lists of integers, as the notebook has them
        gamma, beta = np.asarray([3, 4, 5]), np.asarray([6, 7, 8])
        out, _ = spatial_batchnorm_forward(x, gamma, beta, {"mode": "train"})
        assert out.shape == x.shape
        assert np.allclose(out.mean(axis=(0, 2, 3)), beta)
        assert np.allclose(out.std(axis=(0, 2, 3)), gamma)

    def test_spatial_backward(self, course):
        N, C, H, W = 2, 3, 4, 5
        x, gamma, beta = 5 * course.randn(N, C, H, W) + 12, course.randn(C), course.randn(C)
        dout = course.randn(N, C, H, W)

        # the functions ignore their argument: the checker perturbs in place
        def out(_):
            return spatial_batchnorm_forward(x, gamma, beta, {"mode": "train"})[0]

        _, cache = spatial_batchnorm_forward(x, gamma, beta, {"mode": "train"})
        gradients = spatial_batchnorm_backward(dout, cache)
        for analytic, array in zip(gradients, (x, gamma, beta)):
            numerical = eval_numerical_gradient_array(out, array, dout)
            assert np.abs(numerical).max() > 0.1
            assert rel_error(analytic, numerical) < 1e-6

    @pytest.mark.parametrize("forward, shape", [
        (batchnorm_forward, (4, 3)),
        (spatial_batchnorm_forward, (2, 3, 2, 2)),
    ])  # fmt: skip
    def test_refuses(self, forward, shape):
        x, ones = np.ones(shape), np.ones(3)
        keys = "the keys are mode, eps, momentum, running_mean, running_var"
        wrong = "running_mean (2,), gamma (3,)"
        cases = [
            ({}, f"bn_param lacks mode; {keys}"),
            ({"mode": "eval"}, 'bn_param["mode"] must be "train" or "test", not \'eval\''),
            (
                {"mode": "train", "epsilon": 1},
                f"bn_param has the unknown key epsilon; {keys}",
            ),
            (
                {"mode": "train", "running_mean": np.zeros(2)},
                f'bn_param["running_mean"] must have the shape of gamma: got {wrong}',
            ),
        ]
        for param, text in cases:
            before = dict(param)
            with pytest.raises(ValueError) as caught:
                forward(x, ones, ones, param)
            assert str(caught.value) == f"{forward.__name__}: {text}"
            assert param.keys() == before.keys()
        with pytest.raises(TypeError) as caught:
            forward(x, ones, ones, "train")
        assert str(caught.value).startswith(
            f"{forward.__name__}: bn_param must be a dict with the keys mode, "
        )
        param = {"mode": "train"}
        with pytest.raises(ValueError, match=f"^{forward.__name__}: "):
            forward(x, np.ones(2), ones, param)
        assert param == {"mode": "train"}

    def test_refuses_the_other_ones_input(self):
        ones, param = np.ones(3), {"mode": "train"}
        with pytest.raises(ValueError) as caught:
            batchnorm_forward(np.ones((2, 3, 4, 4)), ones, ones, param)
        assert str(caught.value) == (
            "batchnorm_forward: x must be (N, D): got x (2, 3, 4, 4); "
            "spatial_batchnorm_forward takes images (N, C, H, W)"
        )
        with pytest.raises(ValueError) as caught:
            spatial_batchnorm_forward(np.ones((2, 3)), ones, ones, param)
        assert str(caught.value) == (
            "spatial_batchnorm_forward: x must be (N, C, H, W): got x (2, 3); "
            "batchnorm_forward takes features (N, D)"
        )
        with pytest.raises(ValueError, match="^spatial_batchnorm_backward: "):
            cache = spatial_batchnorm_forward(np.ones((2, 3, 4, 4)), ones, ones, param)[1]
            spatial_batchnorm_backward(np.ones((2, 3)), cache)


class TestLayerNorm:
    def test_means_and_deviations(self, course):
        N, D1, D2, D3 = 4, 50, 60, 3
        X, W1, W2 = course.randn(N, D1), course.randn(D1, D2), course.randn(D2, D3)
        a = np.maximum(0, X.dot(W1)).dot(W2)
        normed, _ = layernorm_forward(a, np.ones(D3), np.zeros(D3), {})
        assert np.abs(normed.mean(axis=1)).max() < 1e-14
        assert np.abs(normed.std(axis=1) - 1).max() < 1e-6
        gamma, beta = np.asarray([3.0, 3.0, 3.0]), np.asarray([5.0, 5.0, 5.0])
        normed, _ = layernorm_forward(a, gamma, beta, {"mode": "train"})
        assert np.allclose(normed.mean(axis=1), 5)
        assert np.allclose(normed.std(axis=1), 3)

    def test_backward(self, course):
        N, D = 4, 5
        x, gamma, beta = 5 * course.randn(N, D) + 12, course.randn(D), course.randn(D)
        dout = course.randn(N, D)
        _, cache = layernorm_forward(x, gamma, beta, {"eps": 1e-4})
        gradients = layernorm_backward(dout, cache)
        for analytic, array in zip(gradients, (x, gamma, beta)):
            numerical = eval_numerical_gradient_array(
                lambda _: layernorm_forward(x, gamma, beta, {"eps": 1e-4})[0], array, dout
            )
            assert rel_error(analytic, numerical) < 1e-7

    def test_refuses(self):
        with pytest.raises(ValueError) as caught:
            layernorm_forward(np.ones((2, 3)), np.ones(3), np.ones(3), {"momentum": 0.9})
        assert str(caught.value) == (
            "layernorm_forward: ln_param has the unknown key momentum; the keys are eps, mode"
        )


class TestGroupNorm:
    def test_means_and_deviations(self, course):
        N, C, H, W, G = 2, 6, 4, 5, 2
        x = 4 * course.randn(N, C, H, W) + 10
        gamma, beta = np.ones((1, C, 1, 1)), np.zeros((1, C, 1, 1))
        out, _ = spatial_groupnorm_forward(x, gamma, beta, G, {"mode": "train"})
        groups = out.reshape((N * G, -1))
        assert out.shape == x.shape
        assert np.abs(groups.mean(axis=1)).max() < 1e-14
        assert np.abs(groups.std(axis=1) - 1).max() < 1e-6

    def test_backward(self, course):
        N, C, H, W, G = 2, 6, 4, 5, 2
        x = 5 * course.randn(N, C, H, W) + 12
        gamma, beta = course.randn(1, C, 1, 1), course.randn(1, C, 1, 1)
        dout = course.randn(N, C, H, W)
        _, cache = spatial_groupnorm_forward(x, gamma, beta, G, {})
        gradients = spatial_groupnorm_backward(dout, cache)
        for analytic, array in zip(gradients, (x, gamma, beta)):
            numerical = eval_numerical_gradient_array(
                lambda _: spatial_groupnorm_forward(x, gamma, beta, G, {})[0], array, dout
            )
            assert analytic.shape == array.shape
            assert rel_error(analytic, numerical) < 1e-6

    def test_refuses(self):
        x, ones = np.ones((2, 6, 4, 4)), np.ones((1, 6, 1, 1))

        def text(*args, error=ValueError):
            with pytest.raises(error) as caught:
                spatial_groupnorm_forward(*args)
            return str(caught.value).removeprefix("spatial_groupnorm_forward: ")

        shapes = "got x (2, 6, 4, 4), gamma (6,), beta (1, 6, 1, 1); gamma.reshape(1, 6, 1, 1)"
        assert text(x, np.ones(6), ones, 2, {}) == (
            f"gamma must be (1, 6, 1, 1) here, unlike for the other normalizations: {shapes}"
        )
        assert text(x, ones, ones[:, :5], 2, {}) == (
            "beta must be (1, 6, 1, 1) here, unlike for the other normalizations: "
            "got x (2, 6, 4, 4), gamma (1, 6, 1, 1), beta (1, 5, 1, 1)"
        )
        assert text(x[0], ones, ones, 2, {}) == "x must be (N, C, H, W): got x (6, 4, 4)"
        assert text(x, ones, ones, 2, {"G": 2}) == (
            "gn_param has the unknown key G; the keys are eps, mode"
        )
        assert "6" in text(x, ones, ones, 4, {})


def test_eps():
    x, ones, zeros = np.array([[-1.0, 1.0], [1.0, -1.0]]), np.ones(2), np.zeros(2)
    expected = x / np.sqrt(1 + 0.25)
    for forward in (batchnorm_forward, layernorm_forward):
        out, _ = forward(x, ones, zeros, {"mode": "train", "eps": 0.25})
        assert np.allclose(out, expected)
    images, four = x.reshape(2, 2, 1, 1), (1, 2, 1, 1)
    out, _ = spatial_groupnorm_forward(
        images, ones.reshape(four), zeros.reshape(four), 1, {"eps": 0.25}
    )
    assert np.allclose(out.reshape(2, 2), expected)
    out, _ = spatial_batchnorm_forward(images, ones, zeros, {"mode": "train", "eps": 0.25})
    assert np.allclose(out.reshape(2, 2), expected)
