"""Dense layers, losses, normalizations and dropout of cs231n, as its notebooks use them.

Printed numbers are those with which the notebooks compare.
"""

# ruff: noqa: NPY002 (notebooks draw from the global generator)

import pickle

import numpy as np
import pytest

from nnlayers.course.cs231n.gradient_check import (
    eval_numerical_gradient,
    eval_numerical_gradient_array,
)
from nnlayers.course.cs231n.layers import (
    affine_backward,
    affine_forward,
    batchnorm_backward,
    batchnorm_backward_alt,
    batchnorm_forward,
    dropout_backward,
    dropout_forward,
    layernorm_backward,
    layernorm_forward,
    relu_backward,
    relu_forward,
    softmax_loss,
    spatial_batchnorm_backward,
    spatial_batchnorm_forward,
    spatial_groupnorm_backward,
    spatial_groupnorm_forward,
    svm_loss,
)


def rel_error(x, y):
    """As it is pasted into every notebook."""
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))


def ramp(low, high, *shape):
    """Evenly spaced numbers, of which the notebooks make their inputs."""
    return np.linspace(low, high, num=int(np.prod(shape))).reshape(shape)


@pytest.fixture
def course():
    """Draw as a notebook does after np.random.seed(231), without touching the global generator."""
    return np.random.RandomState(231)


def test_affine_forward():
    x, w, b = ramp(-0.1, 0.5, 2, 4, 5, 6), ramp(-0.2, 0.3, 120, 3), ramp(-0.3, 0.1, 3)
    out, cache = affine_forward(x, w, b)
    correct = np.array([[1.49834967, 1.70660132, 1.91485297], [3.25553199, 3.5141327, 3.77273342]])
    assert rel_error(out, correct) < 1e-8
    assert len(cache) == 3
    assert all(kept is given for kept, given in zip(cache, (x, w, b)))


def test_affine_backward(course):
    x, w, b = course.randn(10, 2, 3), course.randn(6, 5), course.randn(5)
    dout = course.randn(10, 5)
    numerical = [
        eval_numerical_gradient_array(lambda x: affine_forward(x, w, b)[0], x, dout),
        eval_numerical_gradient_array(lambda w: affine_forward(x, w, b)[0], w, dout),
        eval_numerical_gradient_array(lambda b: affine_forward(x, w, b)[0], b, dout),
    ]
    _, cache = affine_forward(x, w, b)
    for analytic, expected in zip(affine_backward(dout, cache), numerical):
        assert rel_error(analytic, expected) < 1e-9


def test_relu():
    x = ramp(-0.5, 0.5, 3, 4)
    out, cache = relu_forward(x)
    correct = [
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.04545455, 0.13636364],
        [0.22727273, 0.31818182, 0.40909091, 0.5],
    ]
    assert rel_error(out, np.array(correct)) < 1e-7
    assert cache is x


def test_relu_backward(course):
    x, dout = course.randn(10, 10), course.randn(10, 10)
    numerical = eval_numerical_gradient_array(lambda x: relu_forward(x)[0], x, dout)
    assert rel_error(numerical, relu_backward(dout, relu_forward(x)[1])) < 1e-9
    kept = dout.copy()
    at_zero = relu_backward(dout, relu_forward(np.zeros((10, 10)))[1])
    assert not at_zero.any()
    assert np.array_equal(dout, kept)


@pytest.mark.parametrize(
    "loss_of, value", [(svm_loss, 8.999602749096233), (softmax_loss, 2.302545844500738)]
)
def test_losses(course, loss_of, value):
    x, y = 0.001 * course.randn(50, 10), course.randint(10, size=50)
    numerical = eval_numerical_gradient(lambda x: loss_of(x, y)[0], x, verbose=False)
    loss, dx = loss_of(x, y)
    assert loss == pytest.approx(value, rel=1e-13)
    assert rel_error(numerical, dx) < 1e-6
    assert np.ndim(loss) == 0


@pytest.mark.parametrize("loss_of", [svm_loss, softmax_loss])
def test_losses_refuse(loss_of):
    name = loss_of.__name__
    scores = np.zeros((2, 3))
    cases = [
        (np.eye(3)[:2], "x must be (N, C) and y the N labels: got x (2, 3), y (2, 3); "
         "y.argmax(axis=1) if it is one-hot"),
        (np.zeros((2, 1), int), "x must be (N, C) and y the N labels: got x (2, 3), y (2, 1)"),
    ]  # fmt: skip
    for y, text in cases:
        with pytest.raises(ValueError) as caught:
            loss_of(scores, y)
        assert str(caught.value) == f"{name}: {text}"
    with pytest.raises(ValueError, match=f"^{name}: .*3"):
        loss_of(scores, np.array([0, 3]))
    with pytest.raises(TypeError, match=f"^{name}: "):
        loss_of(scores, np.array([0.0, 1.0]))


class TestDropout:
    @pytest.mark.parametrize("p", [0.25, 0.4, 0.7])
    def test_p_is_the_probability_of_keeping(self, course, p):
        x = course.randn(500, 500) + 10
        out, _ = dropout_forward(x, {"mode": "train", "p": p, "seed": 0})
        out_test, _ = dropout_forward(x, {"mode": "test", "p": p})
        assert abs((out == 0).mean() - (1 - p)) < 0.005
        assert abs(out.mean() - x.mean()) < 0.1
        assert np.array_equal(out_test, x)

    def test_the_mask_of_a_seed_is_the_courses(self):
        x = np.ones((10, 10))
        uniform = np.random.RandomState(123).rand(10, 10)
        out, (param, mask) = dropout_forward(x, {"mode": "train", "p": 0.2, "seed": 123})
        assert np.allclose(out, (uniform < 0.2) / 0.2, rtol=1e-15, atol=0)
        assert np.array_equal(mask, out)
        assert param == {"mode": "train", "p": 0.2, "seed": 123}

    def test_backward(self, course):
        x, dout = course.randn(10, 10) + 10, course.randn(10, 10)
        param = {"mode": "train", "p": 0.2, "seed": 123}
        _, cache = dropout_forward(x, param)
        numerical = eval_numerical_gradient_array(lambda xx: dropout_forward(xx, param)[0], x, dout)
        dx = dropout_backward(dout, cache)
        assert rel_error(dx, numerical) < 1e-9
        param["mode"] = "test"  # the cache remembers in which mode forward was
        assert np.array_equal(dropout_backward(dout, cache), dx)
        assert np.array_equal(dropout_backward(dout, dropout_forward(x, param)[1]), dout)

    def test_a_seed_leaves_the_global_generator_alone(self):
        state = np.random.get_state()
        try:
            np.random.seed(7)
            expected = np.random.rand(3)
            np.random.seed(7)
            dropout_forward(np.ones(9), {"mode": "train", "p": 0.5, "seed": 0})
            assert np.array_equal(np.random.rand(3), expected)
            np.random.seed(7)
            uniform = np.random.rand(9)
            np.random.seed(7)  # without a seed the mask is the notebook's
            out, _ = dropout_forward(np.ones(9), {"mode": "train", "p": 0.5})
            assert np.array_equal(out, (uniform < 0.5) / 0.5)
        finally:
            np.random.set_state(state)

    def test_caches_of_ones_own(self, course):
        x, dout = course.randn(4, 4), course.randn(4, 4)
        param = {"mode": "train", "p": 0.5, "seed": 0}
        _, cache = dropout_forward(x, param)
        plain = tuple(cache)
        assert type(plain) is tuple
        assert np.array_equal(dropout_backward(dout, plain), dropout_backward(dout, cache))
        assert np.array_equal(dropout_backward(dout, (param, None)), dout)
        again = pickle.loads(pickle.dumps(cache))
        assert np.array_equal(dropout_backward(dout, again), dropout_backward(dout, cache))

    def test_refuses(self):
        def text(param, error=ValueError):
            with pytest.raises(error) as caught:
                dropout_forward(np.ones(3), param)
            return str(caught.value).removeprefix("dropout_forward: ")

        here = "p is the probability of keeping here"
        keys = f"the keys are p, mode, seed; {here}"
        assert text({"mode": "train", "p": 0}) == (
            f"0 < p <= 1 is needed, not 0; {here}; that of dropping is p in nnlayers.course.i2dl, "
            "and was in cs231n until 2017: pass 1 - p"
        )
        assert text({"mode": "train", "p": 1.5}).startswith("0 < p <= 1 is needed, not 1.5; ")
        assert text({"mode": "train", "p": "0.5"}, TypeError) == "p must be a number, not '0.5'"
        assert text({"mode": "train", "keep": 0.5}) == (
            f"dropout_param has the unknown key keep; {keys}"
        )
        assert text({"mode": "train"}) == f"dropout_param lacks p; {keys}"
        assert text({"p": 0.5}) == f"dropout_param lacks mode; {keys}"
        assert text({"mode": "training", "p": 0.5}) == (
            'dropout_param["mode"] must be "train" or "test", not \'training\''
        )
        assert text({"mode": "train", "p": 0.5, "seed": "a"}, TypeError) == (
            "seed must be a seed or a generator of NumPy, not 'a'; "
            "None draws from the global generator, which np.random.seed seeds"
        )


def test_promotion_is_numpys():
    x, w = np.ones((2, 3), np.float32), np.ones((3, 4), np.float32)
    assert affine_forward(x, w, np.zeros(4, np.float32))[0].dtype == np.float32
    assert affine_forward(x, w, np.arange(4))[0].dtype == np.float32
    assert affine_forward(x.astype(float), w, np.arange(4))[0].dtype == np.float64
    assert relu_forward(np.array([-1, 2]))[0].tolist() == [0.0, 2.0]
    with pytest.raises(TypeError, match="^affine_forward: "):
        affine_forward(np.array([["a"]]), w, np.zeros(4))


def test_nothing_that_is_passed_is_written(course):
    x, dout = course.randn(6, 4), course.randn(6, 4)
    gamma, beta = course.randn(4), course.randn(4)
    images, dimages = course.randn(2, 4, 3, 3), course.randn(2, 4, 3, 3)
    four = gamma.reshape(1, 4, 1, 1), beta.reshape(1, 4, 1, 1)
    for array in (x, dout, gamma, beta, images, dimages):
        array.flags.writeable = False
    param = {"mode": "train"}
    for forward, backward, args, upstream in [
        (relu_forward, relu_backward, (x,), dout),
        (batchnorm_forward, batchnorm_backward, (x, gamma, beta, param), dout),
        (batchnorm_forward, batchnorm_backward_alt, (x, gamma, beta, param), dout),
        (layernorm_forward, layernorm_backward, (x, gamma, beta, {}), dout),
        (dropout_forward, dropout_backward, (x, {**param, "p": 0.5}), dout),
        (spatial_batchnorm_forward, spatial_batchnorm_backward, (images, gamma, beta, {**param}),
         dimages),
        (spatial_groupnorm_forward, spatial_groupnorm_backward, (images, *four, 2, {}), dimages),
    ]:  # fmt: skip
        _, cache = forward(*args)
        once, again = backward(upstream, cache), backward(upstream, cache)
        assert all(np.array_equal(a, b) for a, b in zip(once, again))
