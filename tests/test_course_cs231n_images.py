"""Convolution, pooling and sandwiches of cs231n, as its notebook on convolutional nets uses them.

Printed numbers are those with which the notebooks compare.
"""

import pickle

import numpy as np
import pytest

from nnlayers.course.cs231n import fast_layers, layer_utils, layers
from nnlayers.course.cs231n.gradient_check import eval_numerical_gradient_array


def rel_error(x, y):
    """As it is pasted into every notebook."""
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))


def ramp(low, high, *shape):
    """Evenly spaced numbers, of which the notebooks make their inputs."""
    return np.linspace(low, high, num=int(np.prod(shape))).reshape(shape)


def refusal(function, *args, error=ValueError):
    """Return the text of an error, without the name of the function, which must come first."""
    with pytest.raises(error) as caught:
        function(*args)
    name, text = str(caught.value).split(": ", 1)
    assert name == function.__name__
    return text


CONVOLUTIONS = [
    (layers.conv_forward_naive, layers.conv_backward_naive),
    (fast_layers.conv_forward_fast, fast_layers.conv_backward_fast),
    (fast_layers.conv_forward_strides, fast_layers.conv_backward_strides),
    (fast_layers.conv_forward_im2col, fast_layers.conv_backward_im2col),
]
POOLINGS = [
    (layers.max_pool_forward_naive, layers.max_pool_backward_naive),
    (fast_layers.max_pool_forward_fast, fast_layers.max_pool_backward_fast),
    (fast_layers.max_pool_forward_im2col, fast_layers.max_pool_backward_im2col),
    (fast_layers.max_pool_forward_reshape, fast_layers.max_pool_backward_reshape),
]


@pytest.fixture
def course():
    """Draw as a notebook does after np.random.seed(231), without touching the global generator."""
    return np.random.RandomState(231)


@pytest.mark.parametrize("forward, _", CONVOLUTIONS)
def test_conv_forward(forward, _):
    x, w = ramp(-0.1, 0.5, 2, 3, 4, 4), ramp(-0.2, 0.3, 3, 3, 4, 4)
    b, conv_param = ramp(-0.1, 0.2, 3), {"stride": 2, "pad": 1}
    out, cache = forward(x, w, b, conv_param)
    correct = np.array([
        [[[-0.08759809, -0.10987781], [-0.18387192, -0.2109216]],
         [[0.21027089, 0.21661097], [0.22847626, 0.23004637]],
         [[0.50813986, 0.54309974], [0.64082444, 0.67101435]]],
        [[[-0.98053589, -1.03143541], [-1.19128892, -1.24695841]],
         [[0.69108355, 0.66880383], [0.59480972, 0.56776003]],
         [[2.36270298, 2.36904306], [2.38090835, 2.38247847]]],
    ])  # fmt: skip
    assert rel_error(out, correct) < 1e-7
    assert len(cache) == 4
    assert all(kept is given for kept, given in zip(cache, (x, w, b, conv_param)))


@pytest.mark.parametrize("forward, backward", CONVOLUTIONS)
def test_conv_backward(course, forward, backward):
    x, w, b = course.randn(2, 3, 5, 5), course.randn(2, 3, 3, 3), course.randn(2)
    dout, conv_param = course.randn(2, 2, 5, 5), {"stride": 1, "pad": 1}
    numerical = [
        eval_numerical_gradient_array(lambda x: forward(x, w, b, conv_param)[0], x, dout),
        eval_numerical_gradient_array(lambda w: forward(x, w, b, conv_param)[0], w, dout),
        eval_numerical_gradient_array(lambda b: forward(x, w, b, conv_param)[0], b, dout),
    ]
    _, cache = forward(x, w, b, conv_param)
    kept = dout.copy()
    for caches in (cache, tuple(cache), pickle.loads(pickle.dumps(cache))):
        for analytic, expected in zip(backward(dout, caches), numerical):
            assert rel_error(analytic, expected) < 1e-8
    assert np.array_equal(dout, kept)


def test_filters_on_photographs(course):
    # a grey and an edge filter on two images from 0 to 255, with a bias of integers
    x = course.uniform(0, 255, (2, 3, 20, 20)).round()
    w = np.zeros((2, 3, 3, 3))
    w[0, :, 1, 1] = [0.3, 0.6, 0.1]
    w[1, 2] = [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]
    out, _ = layers.conv_forward_naive(x, w, np.array([0, 128]), {"stride": 1, "pad": 1})
    assert np.allclose(out[:, 0], 0.3 * x[:, 0] + 0.6 * x[:, 1] + 0.1 * x[:, 2])
    blue = x[:, 2]
    edges = sum(
        weight * (blue[:, :-2, 1 + j : 19 + j] - blue[:, 2:, 1 + j : 19 + j])
        for j, weight in ((-1, 1), (0, 2), (1, 1))
    )
    assert np.allclose(out[:, 1, 1:-1, 1:-1], edges + 128)


@pytest.mark.parametrize("forward, _", POOLINGS)
def test_max_pool_forward(forward, _):
    x = ramp(-0.3, 0.4, 2, 3, 4, 4)
    pool_param = {"pool_width": 2, "pool_height": 2, "stride": 2}
    out, cache = forward(x, pool_param)
    assert out.shape == (2, 3, 2, 2)
    first = [[-0.26315789, -0.24842105], [-0.20421053, -0.18947368]]
    last = [[0.32631579, 0.34105263], [0.38526316, 0.4]]
    assert rel_error(out[0, 0], np.array(first)) < 1e-7
    assert rel_error(out[1, 2], np.array(last)) < 1e-7
    assert len(cache) == 2
    assert cache[0] is x
    assert cache[1] is pool_param


@pytest.mark.parametrize("forward, backward", POOLINGS)
def test_max_pool_backward(course, forward, backward):
    x, dout = course.randn(3, 2, 8, 8), course.randn(3, 2, 4, 4)
    pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
    numerical = eval_numerical_gradient_array(lambda x: forward(x, pool_param)[0], x, dout)
    _, cache = forward(x, pool_param)
    for caches in (cache, tuple(cache), pickle.loads(pickle.dumps(cache))):
        assert rel_error(backward(dout, caches), numerical) < 1e-9


def test_borders():
    x, w, b = np.ones((1, 1, 6, 6)), np.ones((1, 1, 3, 3)), np.zeros(1)
    conv_param = {"stride": 2, "pad": 0}
    pool_param = {"pool_height": 3, "pool_width": 3, "stride": 2}
    assert layers.conv_forward_naive(x, w, b, conv_param)[0].shape == (1, 1, 2, 2)
    assert fast_layers.conv_forward_fast(x, w, b, conv_param)[0].shape == (1, 1, 2, 2)
    assert layers.max_pool_forward_naive(x, pool_param)[0].shape == (1, 1, 2, 2)
    text = (
        "windows must tile the images, but 1 of H = 6 are left over: got x (1, 1, 6, 6); "
        "the naive variant leaves a border out"
    )
    assert refusal(fast_layers.conv_forward_im2col, x, w, b, conv_param) == text
    assert refusal(fast_layers.max_pool_forward_fast, x, pool_param) == text
    assert refusal(fast_layers.max_pool_forward_im2col, x, pool_param) == text
    narrow = np.ones((1, 1, 5, 6))
    assert "1 of W = 6" in refusal(fast_layers.max_pool_forward_fast, narrow, pool_param)
    assert refusal(fast_layers.max_pool_forward_reshape, x, pool_param) == (
        "pool_height, pool_width and stride must be equal, not 3, 3, 2; "
        "max_pool_forward_fast takes any"
    )
    assert fast_layers.max_pool_forward_fast(x, {**pool_param, "stride": 3})[0].shape[2:] == (2, 2)
    # with its padding, an image of 4 is tiled by windows of 3, three apart
    padded, _ = fast_layers.conv_forward_im2col(x[:, :, :4, :4], w, b, {"stride": 3, "pad": 1})
    assert padded.shape == (1, 1, 2, 2)
    flat = {"pool_height": 1, "pool_width": 3, "stride": 1}
    assert layers.max_pool_forward_naive(x, flat)[0].shape == (1, 1, 6, 4)


@pytest.mark.parametrize("forward, backward", CONVOLUTIONS)
def test_convolutions_refuse(forward, backward):
    x, w, b = np.ones((1, 3, 4, 4)), np.ones((2, 3, 3, 3)), np.zeros(2)
    conv_param = {"stride": 1, "pad": 1}
    keys = "the keys are stride, pad"
    assert refusal(forward, x, w, b, {"stride": 1}) == f"conv_param lacks pad; {keys}"
    assert refusal(forward, x, w, b, {"strides": 1, "pad": 1}) == (
        f"conv_param has the unknown key strides; {keys}"
    )
    assert refusal(forward, x, w, b, 1, error=TypeError) == (
        "conv_param must be a dict with the keys stride, pad: got conv_param 1"
    )
    assert "(1, 3, 4, 4)" in refusal(forward, x, w[:, :2], b, conv_param)
    assert "(3, 4, 4)" in refusal(forward, x[0], w, b, conv_param)
    refusal(forward, x, w, b, {"stride": 0, "pad": 1})
    refusal(forward, x, w, b, {"stride": 1, "pad": "same"}, error=TypeError)
    cache = forward(x, w, b, conv_param)[1]
    assert "(1, 2, 3, 3)" in refusal(backward, np.ones((1, 2, 3, 3)), cache)
    assert refusal(backward, np.ones((1, 2, 4, 4)), (x, w)).startswith(
        f"cache must be the tuple of 4 that {forward.__name__} returned, not "
    )


@pytest.mark.parametrize("forward, backward", POOLINGS)
def test_poolings_refuse(forward, backward):
    x = np.ones((1, 3, 4, 4))
    pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
    keys = "the keys are pool_height, pool_width, stride"
    assert refusal(forward, x, {"size": 2, **pool_param}) == (
        f"pool_param has the unknown key size; {keys}"
    )
    assert refusal(forward, x, {"stride": 2}) == (
        f"pool_param lacks pool_height, pool_width; {keys}"
    )
    assert "(3, 4, 4)" in refusal(forward, x[0], pool_param)
    refusal(forward, x, dict.fromkeys(pool_param, 0))
    cache = forward(x, pool_param)[1]
    assert "(1, 3, 3, 2)" in refusal(backward, np.ones((1, 3, 3, 2)), cache)
    assert refusal(backward, np.ones((1, 3, 2, 2)), None) == (
        f"cache must be the tuple of 2 that {forward.__name__} returned, not NoneType None; "
        "pass the cache of the matching forward call"
    )


def check_sandwich(forward, backward, arrays, settings, dout, bound):
    def out(_):
        return forward(*arrays, *settings)[0]

    _, cache = forward(*arrays, *settings)
    gradients = backward(dout, cache)
    assert len(gradients) == len(arrays)
    for analytic, array in zip(gradients, arrays):
        numerical = eval_numerical_gradient_array(out, array, dout)
        assert np.abs(numerical).max() > 0.1
        assert rel_error(analytic, numerical) < bound


class TestSandwiches:
    conv_param = {"stride": 1, "pad": 1}

    def test_affine_relu(self, course):
        x, w, b = course.randn(2, 3, 4), course.randn(12, 10), course.randn(10)
        dout = course.randn(2, 10)
        forward, backward = layer_utils.affine_relu_forward, layer_utils.affine_relu_backward
        check_sandwich(forward, backward, (x, w, b), (), dout, 1e-8)

    def test_conv_relu(self, course):
        x, w, b = course.randn(2, 3, 8, 8), course.randn(3, 3, 3, 3), course.randn(3)
        dout = course.randn(2, 3, 8, 8)
        forward, backward = layer_utils.conv_relu_forward, layer_utils.conv_relu_backward
        check_sandwich(forward, backward, (x, w, b), (self.conv_param,), dout, 1e-7)

    def test_conv_bn_relu(self, course):
        x, w, b = course.randn(2, 3, 5, 5), course.randn(3, 3, 3, 3), np.zeros(3)
        gamma, beta, dout = course.randn(3), course.randn(3), course.randn(2, 3, 5, 5)
        forward, backward = layer_utils.conv_bn_relu_forward, layer_utils.conv_bn_relu_backward
        settings = (self.conv_param, {"mode": "train"})
        _, cache = forward(x, w, b, gamma, beta, *settings)
        gradients = backward(dout, cache)
        for analytic, array in zip(gradients, (x, w, b, gamma, beta)):
            numerical = eval_numerical_gradient_array(
                lambda _: forward(x, w, b, gamma, beta, *settings)[0], array, dout
            )
            # what is added to a channel makes no difference to its normalization
            bound = 1e-9 if array is b else 1e-6 * np.abs(numerical).max()
            assert np.abs(analytic - numerical).max() < bound

    def test_conv_relu_pool(self, course):
        x, w, b = course.randn(2, 3, 16, 16), course.randn(3, 3, 3, 3), course.randn(3)
        dout = course.randn(2, 3, 8, 8)
        pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
        forward, backward = layer_utils.conv_relu_pool_forward, layer_utils.conv_relu_pool_backward
        check_sandwich(forward, backward, (x, w, b), (self.conv_param, pool_param), dout, 1e-6)

    @pytest.mark.parametrize(
        "name, parts",
        [
            ("affine_relu", "fc_cache, relu_cache"),
            ("conv_relu", "conv_cache, relu_cache"),
            ("conv_bn_relu", "conv_cache, bn_cache, relu_cache"),
            ("conv_relu_pool", "conv_cache, relu_cache, pool_cache"),
        ],
    )
    def test_refuse_the_caches_of_others(self, name, parts):
        with pytest.raises(ValueError) as caught:
            getattr(layer_utils, f"{name}_backward")(np.ones(3), (np.ones(3),))
        assert str(caught.value) == (
            f"{name}_backward: cache must be the tuple ({parts}) that {name}_forward returned, "
            "not a tuple ((3,)); pass the cache of the matching forward call"
        )

    def test_caches_are_those_of_the_layers(self, course):
        x, w, b = course.randn(2, 3, 4, 4), course.randn(3, 3, 3, 3), course.randn(3)
        pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
        out, cache = layer_utils.conv_relu_pool_forward(x, w, b, self.conv_param, pool_param)
        conv_cache, relu_cache, pool_cache = cache
        a, _ = layers.conv_forward_naive(x, w, b, self.conv_param)
        assert conv_cache[0] is x
        assert np.array_equal(relu_cache, a)
        assert np.array_equal(pool_cache[0], np.maximum(a, 0))
        assert np.array_equal(out, layers.max_pool_forward_naive(pool_cache[0], pool_param)[0])


@pytest.mark.parametrize("module", [layers, layer_utils, fast_layers])
def test_public_names(module):
    assert module.__all__ == sorted(module.__all__)
    assert all(getattr(module, name).__doc__ for name in module.__all__)
