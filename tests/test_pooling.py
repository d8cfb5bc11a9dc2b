"""Pooling and upsampling: any geometry, ties, NaN, memory layouts, and every error text."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference.pooling as naive
from nnlayers import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    MaxPool2d,
    UpsampleNearest2d,
    adaptive_avg_pool2d_backward,
    adaptive_avg_pool2d_forward,
    avg_pool2d_backward,
    avg_pool2d_forward,
    global_avg_pool2d_forward,
    max_pool2d_backward,
    max_pool2d_forward,
    upsample_nearest2d_backward,
    upsample_nearest2d_forward,
)
from nnlayers.layers import window_sums


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def channels_last(x):
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


@st.composite
def geometries(draw):
    """Draw images and the settings of a pooling into which at least one window fits."""
    size = tuple(draw(st.integers(1, 4)) for _ in range(2))
    stride = draw(st.none() | st.tuples(st.integers(1, 5), st.integers(1, 5)))
    pad = tuple(draw(st.integers(0, s - 1)) for s in size)
    shape = [max(1, s - 2 * p) + draw(st.integers(0, 6)) for s, p in zip(size, pad)]
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    # few different values, so that ties are common
    x = rng.integers(-2, 3, (draw(st.integers(0, 2)), 2, *shape)).astype(float)
    return draw(st.sampled_from([x, channels_last(x)])), size, stride, pad, rng


@given(geometries())
@settings(deadline=None)
def test_max_pooling_of_any_geometry(case):
    x, size, stride, pad, rng = case
    out, cache = max_pool2d_forward(x, size=size, stride=stride, pad=pad)
    np.testing.assert_array_equal(out, naive.max_pool2d(x, size, stride, pad))
    dout = rng.standard_normal(out.shape)
    np.testing.assert_allclose(
        max_pool2d_backward(dout, cache), to_first(x, dout, size, stride or size, pad), atol=1e-14
    )


def to_first(x, dout, size, stride, pad):
    """Return dx: each dout goes to the first of the largest entries of its window, row by row."""
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*dout.shape):
        best, place = None, None
        for k, m in np.ndindex(*size):
            row, column = stride[0] * i + k - pad[0], stride[1] * j + m - pad[1]
            inside = 0 <= row < x.shape[2] and 0 <= column < x.shape[3]
            if inside and (place is None or beats(x[n, c, row, column], best)):
                best, place = x[n, c, row, column], (n, c, row, column)
        dx[place] += dout[n, c, i, j]
    return dx


def beats(new, best):
    return not math.isnan(best) and (math.isnan(new) or new > best)


@pytest.mark.parametrize("size", [2, 3])
def test_blocks_of_few_images_give_the_same(size, monkeypatch):
    x = channels_last(drawn(7, 3, 6, 8))
    x[2, 1, 3, 3] = np.nan  # only its block takes the way of NaN
    out, cache = max_pool2d_forward(x, size=size, stride=2, pad=1)
    dout = channels_last(drawn(*out.shape, seed=1))
    dx = max_pool2d_backward(dout, cache)
    monkeypatch.setattr(window_sums, "BLOCK_BYTES", 2 * x[0].nbytes)
    in_blocks, cache = max_pool2d_forward(x, size=size, stride=2, pad=1)
    np.testing.assert_array_equal(in_blocks, out)
    assert in_blocks.strides == out.strides
    for laid_out in (dout, dout.copy()):
        in_blocks = max_pool2d_backward(laid_out, cache)
        np.testing.assert_array_equal(in_blocks, dx)
        assert abs(in_blocks.strides[1]) == x.itemsize


@given(geometries())
@settings(deadline=None)
def test_average_pooling_of_any_geometry(case):
    x, size, stride, pad, rng = case
    out, cache = avg_pool2d_forward(x, size=size, stride=stride, pad=pad)
    np.testing.assert_allclose(out, naive.avg_pool2d(x, size, stride, pad), atol=1e-14)
    dout, u = rng.standard_normal(out.shape), rng.standard_normal(x.shape)
    # out is linear in x, so <dout, forward(u)> = <dx, u> for every u
    forward_of_u, _ = avg_pool2d_forward(u, size=size, stride=stride, pad=pad)
    assert np.sum(dout * forward_of_u) == pytest.approx(
        np.sum(avg_pool2d_backward(dout, cache) * u), abs=1e-12
    )


@given(st.tuples(*[st.integers(1, 7)] * 4), st.integers(0, 10**6))
@settings(deadline=None)
def test_adaptive_pooling_of_any_sizes(sizes, seed):
    H, W, OH, OW = sizes
    x, dout, u = drawn(2, 3, H, W, seed=seed), drawn(2, 3, OH, OW), drawn(2, 3, H, W, seed=1)
    out, cache = adaptive_avg_pool2d_forward(x, size=(OH, OW))
    np.testing.assert_allclose(out, naive.adaptive_avg_pool2d(x, (OH, OW)), atol=1e-14)
    forward_of_u, _ = adaptive_avg_pool2d_forward(u, size=(OH, OW))
    assert np.sum(dout * forward_of_u) == pytest.approx(
        np.sum(adaptive_avg_pool2d_backward(dout, cache) * u), abs=1e-12
    )


def test_published_numbers():
    # cs231n, assignment 2, ConvolutionalNetworks.ipynb
    x = np.linspace(-0.3, 0.4, num=96).reshape(2, 3, 4, 4)
    out, _ = max_pool2d_forward(x, size=2)
    expected = [
        -0.26315789, -0.24842105, -0.20421053, -0.18947368, -0.14526316, -0.13052632,
        -0.08631579, -0.07157895, -0.02736842, -0.01263158, 0.03157895, 0.04631579,
        0.09052632, 0.10526316, 0.14947368, 0.16421053, 0.20842105, 0.22315789,
        0.26736842, 0.28210526, 0.32631579, 0.34105263, 0.38526316, 0.4,
    ]  # fmt: skip
    np.testing.assert_allclose(out.ravel(), expected, atol=5e-9)


def test_a_tie_goes_to_the_first_row_by_row():
    # the largest entries are at (1, 0) and (0, 1): the latter comes first
    x = np.array([[[[0.0, 5.0, 1.0], [5.0, 1.0, 5.0]]]])
    _, cache = max_pool2d_forward(x, size=(2, 3))
    dx = max_pool2d_backward(np.array([[[[7.0]]]]), cache)
    np.testing.assert_array_equal(dx, [[[[0.0, 7.0, 0.0], [0.0, 0.0, 0.0]]]])


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("pad", [0, 1])
def test_nan_is_the_largest_and_the_first_one_counts(size, pad):
    x = drawn(2, 3, 7, 8)
    x[np.random.default_rng(1).random(x.shape) < 0.2] = np.nan
    x[0, 0, 0] = -np.inf
    out, cache = max_pool2d_forward(x, size=size, stride=2, pad=pad)
    dout = drawn(*out.shape, seed=2)
    dx = max_pool2d_backward(dout, cache)
    expected = to_first(x, dout, (size, size), (2, 2), (pad, pad))
    np.testing.assert_allclose(dx, expected, atol=1e-14)
    np.testing.assert_array_equal(
        np.isnan(out), naive.max_pool2d(np.isnan(x).astype(float), size, 2, pad)
    )


def test_padding_is_never_the_largest():
    x = np.full((1, 1, 2, 2), -np.inf)
    x[0, 0, 1, 1] = -5.0
    out, cache = max_pool2d_forward(x, size=2, stride=1, pad=1)
    expected = [[-np.inf, -np.inf, -np.inf], [-np.inf, -5.0, -5.0], [-np.inf, -5.0, -5.0]]
    np.testing.assert_array_equal(out[0, 0], expected)
    dx = max_pool2d_backward(np.ones((1, 1, 3, 3)), cache)
    np.testing.assert_array_equal(dx[0, 0], [[3.0, 1.0], [1.0, 4.0]])


def test_padding_counts_in_an_average():
    out, _ = avg_pool2d_forward(np.ones((1, 1, 2, 2)), size=2, pad=1)
    np.testing.assert_array_equal(out[0, 0], [[0.25, 0.25], [0.25, 0.25]])


def test_windows_of_many_taps():
    x = np.random.default_rng(0).permutation(600).astype(float)[None, None, None]
    for size in (256, 257, 600):
        out, cache = max_pool2d_forward(x, size=(1, size), stride=(1, 1))
        dout = drawn(*out.shape)
        expected = np.zeros(600)
        for i in range(601 - size):
            assert out[0, 0, 0, i] == x[0, 0, 0, i : i + size].max()
            expected[i + x[0, 0, 0, i : i + size].argmax()] += dout[0, 0, 0, i]
        np.testing.assert_allclose(max_pool2d_backward(dout, cache)[0, 0, 0], expected, atol=1e-12)


def test_global_pooling_is_adaptive_pooling_to_one_pixel():
    x = drawn(2, 3, 5, 4)
    one, _ = adaptive_avg_pool2d_forward(x, size=1)
    np.testing.assert_allclose(global_avg_pool2d_forward(x)[0], one[:, :, 0, 0], atol=1e-15)


def test_upsampling_is_undone_by_pooling():
    x = drawn(2, 3, 4, 5)
    wide, cache = upsample_nearest2d_forward(x, scale=(2, 3))
    np.testing.assert_array_equal(max_pool2d_forward(wide, size=(2, 3))[0], x)
    np.testing.assert_array_equal(upsample_nearest2d_backward(wide, cache), 6 * x)


FORWARDS = {
    "max": lambda x: max_pool2d_forward(x, size=2),
    "max, padded": lambda x: max_pool2d_forward(x, size=3, stride=2, pad=1),
    "avg": lambda x: avg_pool2d_forward(x, size=2),
    "adaptive": lambda x: adaptive_avg_pool2d_forward(x, size=3),
    "upsample": lambda x: upsample_nearest2d_forward(x, scale=2),
}


@pytest.mark.parametrize("forward", FORWARDS)
def test_the_memory_layout_is_kept(forward):
    x = drawn(2, 3, 4, 6)
    assert FORWARDS[forward](x)[0].flags.c_contiguous
    out = FORWARDS[forward](channels_last(x))[0]
    assert out.transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize(
    "text",
    [
        "MaxPool2d(2)",
        "MaxPool2d((2, 3), stride=1, pad=(0, 1))",
        "AvgPool2d(3, stride=2, pad=1)",
        "AdaptiveAvgPool2d((2, 3))",
        "UpsampleNearest2d((2, 3))",
    ],
)
def test_repr(text):
    assert repr(eval(text)) == text


X = np.zeros((2, 3, 5, 4))
BATCH = "x[None] makes a batch of one example"


@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize(
    ("x", "chosen", "error", "text"),
    [
        (X[0], {"size": 2}, ValueError,
         f"x must be (N, C, H, W), not 3-d: got x (3, 5, 4); {BATCH}"),
        (X, {"size": 0}, ValueError, "size must be at least 1, not 0"),
        (X, {"size": (1, 2, 3)}, ValueError, "size must be an integer or a pair (for rows, for "
         "columns), not (1, 2, 3)"),
        (X, {"size": 2.0}, TypeError, "size must be an integer, not 2.0"),
        (X, {"size": 2, "stride": 0}, ValueError, "stride must be at least 1, not 0"),
        (X, {"size": 2, "pad": -1}, ValueError, "pad must be at least 0, not -1"),
        (X, {"size": (3, 2), "pad": 2}, ValueError, "pad 2 is not smaller than size 2; a window "
         "must see an entry of x"),
        (X, {"size": 6}, ValueError, "window 6 does not fit input 5 with pad 0: "
         "got x (2, 3, 5, 4); pad=1 would do"),
    ],
)  # fmt: skip
def test_messages_of_pooling(kind, x, chosen, error, text):
    forward = {"max": max_pool2d_forward, "avg": avg_pool2d_forward}[kind]
    with pytest.raises(error) as raised:
        forward(x, **chosen)
    assert str(raised.value) == f"{kind}_pool2d_forward: {text}"


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: MaxPool2d(2, pad=2), ValueError,
         "MaxPool2d: pad 2 is not smaller than size 2; a window must see an entry of x"),
        (lambda: AvgPool2d(2, stride=0), ValueError, "AvgPool2d: stride must be at least 1, not 0"),
        (lambda: AdaptiveAvgPool2d(0), ValueError,
         "AdaptiveAvgPool2d: size must be at least 1, not 0"),
        (lambda: UpsampleNearest2d(1.5), TypeError,
         "UpsampleNearest2d: scale must be an integer, not 1.5"),
        (lambda: global_avg_pool2d_forward(X[0]), ValueError, "global_avg_pool2d_forward: "
         f"x must be (N, C, H, W), not 3-d: got x (3, 5, 4); {BATCH}"),
        (lambda: global_avg_pool2d_forward(X[:, :, :0]), ValueError, "global_avg_pool2d_forward: "
         "the mean of no pixels is undefined: got x (2, 3, 0, 4)"),
        (lambda: adaptive_avg_pool2d_forward(X[0], size=1), ValueError,
         "adaptive_avg_pool2d_forward: x must be (N, C, H, W), not 3-d: got x (3, 5, 4); " + BATCH),
        (lambda: adaptive_avg_pool2d_forward(X[:, :, :, :0], size=1), ValueError,
         "adaptive_avg_pool2d_forward: the mean of no pixels is undefined: got x (2, 3, 5, 0)"),
        (lambda: adaptive_avg_pool2d_forward(X, size=(1, 0)), ValueError,
         "adaptive_avg_pool2d_forward: size[1] must be at least 1, not 0"),
        (lambda: upsample_nearest2d_forward(X[0], scale=2), ValueError,
         "upsample_nearest2d_forward: x must be (N, C, H, W), not 3-d: got x (3, 5, 4); " + BATCH),
        (lambda: upsample_nearest2d_forward(X, scale=0), ValueError,
         "upsample_nearest2d_forward: scale must be at least 1, not 0"),
    ],
)  # fmt: skip
def test_other_messages(make, error, text):
    with pytest.raises(error) as raised:
        make()
    assert str(raised.value) == text
