"""Convolutions: any geometry, blocks and threads, conventions, and every error text."""

import math
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference.conv as naive
from nnlayers import (
    Conv1d,
    Conv2d,
    ConvTranspose2d,
    DepthwiseConv2d,
    conv1d_backward,
    conv1d_forward,
    conv2d_backward,
    conv2d_forward,
    conv_transpose2d_backward,
    conv_transpose2d_forward,
)
from nnlayers.layers import _depthwise, _products, _scratch, _windows

OPERATIONS = {
    "conv1d": (conv1d_forward, conv1d_backward, naive.conv1d),
    "conv2d": (conv2d_forward, conv2d_backward, naive.conv2d),
    "conv_transpose2d": (
        conv_transpose2d_forward,
        conv_transpose2d_backward,
        naive.conv_transpose2d,
    ),
}


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@st.composite
def geometries(draw, operation):
    """Draw arguments and settings of an operation for which at least one output is left."""
    axes = 1 if operation == "conv1d" else 2
    groups = draw(st.integers(1, 3))
    C, F = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))

    def pick(low, high):
        values = tuple(draw(st.integers(low, high)) for _ in range(axes))
        return values[0] if axes == 1 else values

    kernel, stride, dilation, pad = pick(1, 5), pick(1, 4), pick(1, 3), pick(0, 3)
    chosen = {"stride": stride, "dilation": dilation, "pad": pad}
    spans = [(k - 1) * d + 1 for k, d in zip(np.atleast_1d(kernel), np.atleast_1d(dilation))]
    if operation == "conv_transpose2d":
        extra = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation))
        least = [
            max(1, math.ceil((1 + 2 * p - span - e) / s) + 1)
            for p, span, e, s in zip(pad, spans, extra, stride)
        ]
        chosen["output_pad"] = extra
        w_shape = (C, F // groups)
    else:
        least = [max(1, span - 2 * p) for span, p in zip(spans, np.atleast_1d(pad))]
        w_shape = (F, C // groups)
    size = tuple(n + draw(st.integers(0, 4)) for n in least)
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    x = rng.standard_normal((draw(st.integers(0, 2)), C, *size))
    w = rng.standard_normal((*w_shape, *np.atleast_1d(kernel)))
    b = rng.standard_normal(F) if draw(st.booleans()) else None
    return (x, w, b), chosen | {"groups": groups, "workers": draw(st.integers(1, 3))}, rng


@pytest.mark.parametrize("operation", OPERATIONS)
@given(data=st.data())
@settings(deadline=None)
def test_any_geometry(operation, data):
    forward, backward, reference = OPERATIONS[operation]
    (x, w, b), chosen, rng = data.draw(geometries(operation))
    out, cache = forward(x, w, b, **chosen)
    np.testing.assert_allclose(out, reference(x, w, b, **chosen), atol=1e-12)
    dout = rng.standard_normal(out.shape)
    dx, dw, *db = backward(dout, cache)
    # out is linear in x and in w, so <dout, forward(u, w)> = <dx, u> for every u, and so on
    u, v = rng.standard_normal(x.shape), rng.standard_normal(w.shape)
    assert np.sum(dout * forward(u, w, **chosen)[0]) == pytest.approx(np.sum(dx * u), abs=1e-9)
    assert np.sum(dout * forward(x, v, **chosen)[0]) == pytest.approx(np.sum(dw * v), abs=1e-9)
    if b is not None:
        np.testing.assert_allclose(db[0], dout.sum(axis=(0, *range(2, x.ndim))), atol=1e-12)
    none, same, *_ = backward(dout, cache, need_dx=False)
    assert none is None
    np.testing.assert_array_equal(same, dw)


# channels in, filters, size, kernel, settings: few and many of both, for every way to lay out
# products; one row or column more than a product takes; images of several blocks and blocks of
# several images; blocks of padding alone
LARGE = [
    (3, 40, (12, 10), (3, 3), {"pad": 1}),
    (20, 20, (9, 8), (3, 3), {"pad": 1}),
    (20, 70, (6, 7), (3, 2), {}),
    (40, 128, (5, 4), (2, 3), {"pad": 1}),
    (5, 6, (11, 12), (5, 5), {"pad": 2}),
    (12, 8, (10, 13), (3, 3), {"stride": 2, "pad": 1}),
    (24, 30, (7, 6), (1, 1), {}),
    (40, 40, (3, 209), (1, 1), {}),
    (20, 13, (9, 3), (5, 1), {}),
    (70, 5, (20, 20), (5, 1), {}),
    (3, 4, (3, 4), (2, 2), {"pad": 4}),
    (130, 140, (4, 5), (2, 2), {}),
    (6, 12, (9, 11), (3, 4), {"groups": 6, "pad": 2, "dilation": 2}),
]


@pytest.mark.parametrize(("C", "F", "size", "kernel", "chosen"), LARGE)
@pytest.mark.parametrize("limits", [None, (1 << 11, 1 << 12), (1, 1)])
@pytest.mark.parametrize("workers", [1, 3])
def test_large_geometries_in_blocks_of_any_size(
    C, F, size, kernel, chosen, limits, workers, monkeypatch
):
    if limits:
        monkeypatch.setattr(_windows, "BLOCK_BYTES", limits[0])
        monkeypatch.setattr(_products, "SMALL", limits[1])
        monkeypatch.setattr(_depthwise, "BLOCK_BYTES", limits[0])
    x = drawn(5, C, *size)
    w, b = drawn(F, C // chosen.get("groups", 1), *kernel, seed=1), drawn(F, seed=2)
    out, cache = conv2d_forward(x, w, b, **chosen, workers=workers)
    expected = by_taps(x, w, b, **chosen)
    np.testing.assert_allclose(out, expected, atol=1e-11)
    dout = drawn(*out.shape, seed=3)
    dx, dw, db = conv2d_backward(dout, cache)
    u, v = drawn(*x.shape, seed=4), drawn(*w.shape, seed=5)
    assert np.sum(dx * u) == pytest.approx(np.sum(dout * by_taps(u, w, 0 * b, **chosen)))
    assert np.sum(dw * v) == pytest.approx(np.sum(dout * by_taps(x, v, 0 * b, **chosen)))
    np.testing.assert_allclose(db, dout.sum(axis=(0, 2, 3)), atol=1e-11)
    np.testing.assert_array_equal(conv2d_backward(dout, cache, need_dx=False)[1], dw)


def by_taps(x, w, b, stride=1, pad=0, dilation=1, groups=1):
    """Sum of one einsum for each tap: slower than the library, quicker than scalars."""
    (F, c, KH, KW), N = w.shape, len(x)
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    OH, OW = ((n - dilation * (k - 1) - 1) // stride + 1 for n, k in zip(x.shape[2:], (KH, KW)))
    out = np.zeros((N, groups, F // groups, OH, OW))
    for k in range(KH):
        for m in range(KW):
            seen = x[:, :, k * dilation :, m * dilation :][:, :, ::stride, ::stride][..., :OH, :OW]
            seen = seen.reshape(N, groups, c, OH, OW)
            tap = w[:, :, k, m].reshape(groups, F // groups, c)
            out += np.einsum("ngchw,gfc->ngfhw", seen, tap)
    return out.reshape(N, F, OH, OW) + b[:, None, None]


def test_published_numbers():
    # cs231n, assignment 2, ConvolutionalNetworks.ipynb
    x = np.linspace(-0.1, 0.5, num=96).reshape(2, 3, 4, 4)
    w = np.linspace(-0.2, 0.3, num=144).reshape(3, 3, 4, 4)
    out, _ = conv2d_forward(x, w, np.linspace(-0.1, 0.2, num=3), stride=2, pad=1)
    expected = [
        -0.08759809, -0.10987781, -0.18387192, -0.2109216, 0.21027089, 0.21661097,
        0.22847626, 0.23004637, 0.50813986, 0.54309974, 0.64082444, 0.67101435,
        -0.98053589, -1.03143541, -1.19128892, -1.24695841, 0.69108355, 0.66880383,
        0.59480972, 0.56776003, 2.36270298, 2.36904306, 2.38090835, 2.38247847,
    ]  # fmt: skip
    np.testing.assert_allclose(out.ravel(), expected, atol=5e-9)


def test_filters_are_not_flipped():
    x, w = np.zeros((1, 1, 3, 3)), drawn(1, 1, 3, 3)
    x[0, 0, 1, 1] = 1.0
    out, _ = conv2d_forward(x, w, pad=1)
    np.testing.assert_array_equal(out, w[:, :, ::-1, ::-1])
    np.testing.assert_array_equal(conv_transpose2d_forward(x, w, pad=1)[0], w)


def test_one_tap_is_a_product_with_a_matrix():
    x, w = drawn(3, 4, 5, 6), drawn(7, 4, 1, 1, seed=1)
    expected = np.einsum("nchw,fc->nfhw", x, w[:, :, 0, 0])
    np.testing.assert_allclose(conv2d_forward(x, w)[0], expected, atol=1e-13)


def test_output_sizes_round_down():
    x, w = drawn(1, 1, 6, 7), drawn(1, 1, 3, 3, seed=1)
    assert conv2d_forward(x, w, stride=2)[0].shape == (1, 1, 2, 3)
    assert conv2d_forward(x, w, stride=5)[0].shape == (1, 1, 1, 1)
    # the last row of 6 is seen by no window
    _, cache = conv2d_forward(x, w, stride=2)
    dx, _ = conv2d_backward(drawn(1, 1, 2, 3, seed=2), cache)
    assert not dx[:, :, 5].any()
    assert dx[:, :, :5].all()


def test_transposed_convolution_is_the_adjoint():
    x, w, y = drawn(2, 3, 9, 8), drawn(4, 3, 3, 2, seed=1), drawn(2, 4, 4, 3, seed=2)
    chosen = {"stride": (2, 3), "pad": 1, "dilation": (2, 1)}
    out, cache = conv2d_forward(x, w, **chosen)
    assert out.shape == y.shape
    back, _ = conv_transpose2d_forward(y, w, output_pad=(0, 2), **chosen)
    assert back.shape == x.shape
    np.testing.assert_allclose(back, conv2d_backward(y, cache)[0], atol=1e-12)


def test_results_lie_channels_last():
    layer = Conv2d(3, 4, 3, pad=1, rng=0)
    out, cache = layer.forward(drawn(2, 3, 5, 6))
    dx, _, _ = layer.backward(drawn(2, 4, 5, 6), cache)
    assert out.transpose(0, 2, 3, 1).flags.c_contiguous
    assert dx.transpose(0, 2, 3, 1).flags.c_contiguous
    assert np.maximum(out, 0).strides == out.strides


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_the_same_workers_give_the_same_bits(workers):
    x, w, b = drawn(7, 8, 9, 10), drawn(6, 8, 3, 3, seed=1), drawn(6, seed=2)
    runs = []
    for _ in range(5):
        out, cache = conv2d_forward(x, w, b, pad=1, workers=workers)
        runs.append((out, *conv2d_backward(drawn(*out.shape, seed=3), cache)))
    for run in runs[1:]:
        for array, first in zip(run, runs[0]):
            np.testing.assert_array_equal(array, first)
    one, cache = conv2d_forward(x, w, b, pad=1)
    np.testing.assert_allclose(one, runs[0][0], atol=1e-13)
    np.testing.assert_allclose(
        conv2d_backward(drawn(*one.shape, seed=3), cache)[1], runs[0][2], atol=1e-11
    )


def test_threads_of_different_sizes_at_once():
    shapes = [(2, 3, 4, 5), (3, 8, 20, 20), (1, 1, 3, 3), (4, 16, 6, 6)] * 2
    inputs = [(drawn(*s, seed=i), drawn(4, s[1], 3, 3, seed=9 + i)) for i, s in enumerate(shapes)]
    expected = [conv2d_forward(x, w, pad=1)[0] for x, w in inputs]
    wrong = []

    def work(i):
        for _ in range(30):
            out, _ = conv2d_forward(*inputs[i], pad=1, workers=1 + i % 2)
            if not np.allclose(out, expected[i], atol=1e-12):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_an_error_in_a_worker_reaches_the_caller(monkeypatch):
    def fail(*arguments):
        raise MemoryError("no scratch")

    monkeypatch.setattr(_windows, "_window_products", fail)
    with pytest.raises(MemoryError, match="no scratch"):
        conv2d_forward(drawn(4, 1, 3, 3), drawn(1, 1, 2, 2), workers=2)


def test_scratch_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(_scratch, "_free", [])
    monkeypatch.setattr(_scratch, "MOST_BYTES", 1 << 13)
    conv2d_forward(drawn(1, 40, 20, 20), drawn(30, 40, 3, 3))  # its filters alone are larger
    assert _scratch._free == []
    conv2d_forward(drawn(1, 1, 5, 5), drawn(1, 1, 2, 2))
    assert len(_scratch._free) == 1
    monkeypatch.setattr(_scratch, "_free", [np.empty(0, np.uint8)] * 9)
    conv2d_forward(drawn(1, 1, 5, 5), drawn(1, 1, 2, 2))
    assert len(_scratch._free) == 8


def test_what_lies_in_scratch_does_not_matter(monkeypatch):
    x, w, b = drawn(3, 4, 7, 8), drawn(5, 4, 3, 3, seed=1), drawn(5, seed=2)
    for chosen in ({"pad": 1}, {"stride": 2}, {"pad": (4, 0)}):
        clean, cache = conv2d_forward(x, w, b, **chosen)
        dout = drawn(*clean.shape, seed=3)
        expected = (clean, *conv2d_backward(dout, cache))
        monkeypatch.setattr(_scratch, "_free", [np.full(1 << 20, 255, np.uint8)])  # all NaN
        dirty, cache = conv2d_forward(x, w, b, **chosen)
        for array, wanted in zip((dirty, *conv2d_backward(dout, cache)), expected):
            np.testing.assert_array_equal(array, wanted)


def test_dtypes_beyond_single_and_double():
    x, w = drawn(2, 3, 4, 5), drawn(4, 3, 2, 2, seed=1)
    expected, _ = conv2d_forward(x, w)
    half, _ = conv2d_forward(x.astype(np.float16), w.astype(np.float16))
    assert half.dtype == np.float16
    np.testing.assert_allclose(half, expected, atol=0.05)
    long, _ = conv2d_forward(x.astype(np.longdouble), w.astype(np.longdouble))
    assert long.dtype == np.longdouble
    np.testing.assert_allclose(long.astype(float), expected, atol=1e-13)


def test_weights_have_the_variance_of_their_initializer():
    # He: 2 / fan_in, where one output has C / groups · taps terms, transposed or not
    rng = np.random.default_rng(0)
    layers = {
        Conv2d(24, 60, 5, groups=2, rng=rng): 12 * 25,
        Conv1d(24, 600, 5, groups=2, rng=rng): 12 * 5,
        DepthwiseConv2d(300, 5, multiplier=2, rng=rng): 25,
        ConvTranspose2d(24, 60, 5, groups=2, rng=rng): 12 * 25,
    }
    shapes = [(60, 12, 5, 5), (600, 12, 5), (600, 1, 5, 5), (24, 30, 5, 5)]
    for (layer, fan_in), shape in zip(layers.items(), shapes):
        w = layer.params["w"]
        assert w.shape == shape
        assert w.flags.c_contiguous
        assert w.var() == pytest.approx(2 / fan_in, rel=0.05)
        assert not layer.params["b"].any()
    assert list(Conv2d(1, 2, 3, bias=False).params) == ["w"]


def test_an_initializer_always_gets_filters_first():
    def count(shape, *, rng, dtype):
        return np.arange(math.prod(shape), dtype=dtype).reshape(shape)

    w = Conv2d(6, 4, 3, groups=2, init=count).params["w"]  # (4, 3, 3, 3)
    transposed = ConvTranspose2d(6, 4, 3, groups=2, init=count).params["w"]  # (6, 2, 3, 3)
    for group, c, f in np.ndindex(2, 3, 2):
        np.testing.assert_array_equal(transposed[3 * group + c, f], w[2 * group + f, c])


def test_dtypes_and_biases_of_drawn_parameters():
    assert list(Conv2d(1, 2, 3, bias=False).params) == ["w"]
    assert Conv2d(1, 2, 3, dtype=np.float32).params["w"].dtype == np.float32


@pytest.mark.parametrize(
    "text",
    [
        "Conv2d(3, 4, (5, 2), stride=(1, 2), pad=1, dilation=2, bias=False)",
        "Conv2d(4, 6, 3, groups=2, workers=2, dtype='float32')",
        "Conv1d(3, 4, 5, stride=2, pad=1)",
        "DepthwiseConv2d(3, (5, 4), multiplier=2, pad=2)",
        "ConvTranspose2d(6, 4, 3, stride=2, pad=1, output_pad=1, groups=2)",
    ],
)
def test_repr(text):
    assert repr(eval(text)) == text


X, W, B = np.zeros((2, 3, 5, 4)), np.zeros((4, 3, 2, 3)), np.zeros(4)
SHAPES = "got x (2, 3, 5, 4), w (4, 3, 2, 3), b (4,)"
LAST = "np.moveaxis(x, -1, 1) would fit, if the channels are last"


def zeros(*shape):
    return np.zeros(shape)


MESSAGES = [
    ((X[0], W, B), {}, "x must be (N, C, H, W), not 3-d: got x (3, 5, 4), w (4, 3, 2, 3), b (4,); "
     "x[None] makes a batch of one example"),
    ((X[0, 0], W), {}, "x must be (N, C, H, W), not 2-d: got x (5, 4), w (4, 3, 2, 3); "
     "x[None, None] makes a batch of one example with one channel"),
    ((X[..., None], W), {}, "x must be (N, C, H, W), not 5-d: got x (2, 3, 5, 4, 1), "
     "w (4, 3, 2, 3)"),
    ((X, W[0]), {}, "w must be (F, C / groups, KH, KW) and not empty: got x (2, 3, 5, 4), "
     "w (3, 2, 3)"),
    ((X, W[:, :, :0]), {}, "w must be (F, C / groups, KH, KW) and not empty: "
     "got x (2, 3, 5, 4), w (4, 3, 0, 3)"),
    ((X, W[:, :2], B), {}, "x has 3 channels but w takes 2: got x (2, 3, 5, 4), w (4, 2, 2, 3), "
     "b (4,); w must be (F, 3, KH, KW)"),
    ((zeros(2, 5, 4, 3), W, B), {}, "x has 5 channels but w takes 3: got x (2, 5, 4, 3), "
     f"w (4, 3, 2, 3), b (4,); {LAST}"),
    ((zeros(2, 4, 5, 4), W), {}, "x has 4 channels but w takes 3: got x (2, 4, 5, 4), "
     "w (4, 3, 2, 3); w.swapaxes(0, 1) would fit"),
    ((X, W, B[:3]), {}, "w has 4 filters but b has shape (3,): got x (2, 3, 5, 4), "
     "w (4, 3, 2, 3), b (3,); b must be (4,)"),
    ((X, W, B), {"groups": 3}, f"3 groups do not divide 4 filters: {SHAPES}"),
    ((X, W, B), {"groups": 2}, f"2 groups do not divide 3 channels: {SHAPES}"),
    ((zeros(2, 4, 5, 4), W, B), {"groups": 2}, "x has 4 channels but w takes 6, 3 in each of 2 "
     "groups: got x (2, 4, 5, 4), w (4, 3, 2, 3), b (4,); w must be (F, 2, KH, KW)"),
    ((X, W, B), {"groups": 0}, "groups must be at least 1, not 0"),
    ((X, W, B), {"stride": 0}, "stride must be at least 1, not 0"),
    ((X, W, B), {"stride": (1, 0)}, "stride[1] must be at least 1, not 0"),
    ((X, W, B), {"stride": (1, 1, 1)}, "stride must be an integer or a pair (for rows, for "
     "columns), not (1, 1, 1)"),
    ((X, W, B), {"pad": -1}, "pad must be at least 0, not -1"),
    ((X, W, B), {"dilation": 0}, "dilation must be at least 1, not 0"),
    ((X, W, B), {"workers": 0}, "workers must be at least 1, not 0"),
    ((zeros(2, 3, 4, 4), zeros(4, 3, 5, 5)), {}, "kernel 5 does not fit input 4 with pad 0: "
     "got x (2, 3, 4, 4), w (4, 3, 5, 5); pad=1 would do"),
    ((X, W), {"dilation": 5}, "kernel 2 with dilation 5 spans 6, which does not fit input 5 with "
     "pad 0: got x (2, 3, 5, 4), w (4, 3, 2, 3); pad=1 would do"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "chosen", "text"), MESSAGES)
def test_messages_of_conv2d(arguments, chosen, text):
    with pytest.raises(ValueError) as error:
        conv2d_forward(*arguments, **chosen)
    assert str(error.value) == f"conv2d_forward: {text}"


@pytest.mark.parametrize(
    ("chosen", "text"),
    [
        ({"groups": 1.0}, "groups must be an integer, not 1.0"),
        ({"stride": "2"}, "stride must be an integer, not '2'"),
        ({"stride": (1, 1.5)}, "stride[1] must be an integer, not 1.5"),
        ({"dilation": True}, "dilation must be an integer, not True"),
        ({"pad": None}, "pad must be an integer, not None"),
        ({"workers": 2.0}, "workers must be an integer, not 2.0"),
    ],
)
def test_kinds_of_settings(chosen, text):
    with pytest.raises(TypeError) as error:
        conv2d_forward(X, W, B, **chosen)
    assert str(error.value) == f"conv2d_forward: {text}"


@pytest.mark.parametrize(
    ("arguments", "chosen", "error", "text"),
    [
        ((zeros(3, 5), zeros(4, 3, 2)), {}, ValueError, "x must be (N, C, L), not 2-d: "
         "got x (3, 5), w (4, 3, 2); x[None] makes a batch of one example"),
        ((zeros(2, 3, 5), W), {}, ValueError, "w must be (F, C / groups, K) and not empty: "
         "got x (2, 3, 5), w (4, 3, 2, 3)"),
        ((zeros(2, 4, 5), zeros(4, 3, 2)), {}, ValueError, "x has 4 channels but w takes 3: "
         "got x (2, 4, 5), w (4, 3, 2); w.swapaxes(0, 1) would fit"),
        ((zeros(2, 3, 5), zeros(4, 3, 7)), {}, ValueError, "kernel 7 does not fit input 5 with "
         "pad 0: got x (2, 3, 5), w (4, 3, 7); pad=1 would do"),
        ((zeros(2, 3, 5), zeros(4, 3, 2)), {"stride": (1, 2)}, TypeError,
         "stride must be an integer, not (1, 2)"),
    ],
)  # fmt: skip
def test_messages_of_conv1d(arguments, chosen, error, text):
    with pytest.raises(error) as raised:
        conv1d_forward(*arguments, **chosen)
    assert str(raised.value) == f"conv1d_forward: {text}"


@pytest.mark.parametrize(
    ("x", "w", "b", "chosen", "text"),
    [
        (X, zeros(3, 4), None, {}, "w must be (C, F / groups, KH, KW) and not empty: "
         "got x (2, 3, 5, 4), w (3, 4)"),
        (X, zeros(5, 4, 2, 2), None, {}, "x has 3 channels but w takes 5: got x (2, 3, 5, 4), "
         "w (5, 4, 2, 2); w must be (3, F / groups, KH, KW)"),
        (X, zeros(2, 3, 2, 2), None, {}, "x has 3 channels but w takes 2: got x (2, 3, 5, 4), "
         "w (2, 3, 2, 2); w.swapaxes(0, 1) would fit"),
        (X, zeros(4, 3, 2, 2), None, {}, "x has 3 channels but w takes 4: got x (2, 3, 5, 4), "
         f"w (4, 3, 2, 2); {LAST}"),
        (X, zeros(3, 4, 2, 2), B[:3], {}, "w has 4 filters but b has shape (3,): "
         "got x (2, 3, 5, 4), w (3, 4, 2, 2), b (3,); b must be (4,)"),
        (X, zeros(3, 4, 2, 2), None, {"groups": 2}, "2 groups do not divide 3 channels: "
         "got x (2, 3, 5, 4), w (3, 4, 2, 2)"),
        (X, zeros(3, 4, 2, 2), None, {"output_pad": 1}, "output_pad 1 is not smaller than stride "
         "1 or dilation 1: got x (2, 3, 5, 4), w (3, 4, 2, 2); it chooses among the sizes that a "
         "convolution rounds to one"),
        (X, zeros(3, 4, 2, 2), None, {"pad": 3}, "input 5 with kernel 2, stride 1 and pad 3 has "
         "no output left: got x (2, 3, 5, 4), w (3, 4, 2, 2); a smaller pad cuts off less"),
        (X[:, :, :0], zeros(3, 4, 2, 2), None, {}, "input 0 with kernel 2, stride 1 and pad 0 has "
         "no output left: got x (2, 3, 0, 4), w (3, 4, 2, 2)"),
    ],
)  # fmt: skip
def test_messages_of_conv_transpose2d(x, w, b, chosen, text):
    with pytest.raises(ValueError) as error:
        conv_transpose2d_forward(x, w, b, **chosen)
    assert str(error.value) == f"conv_transpose2d_forward: {text}"


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Conv2d(3, 8, 0), ValueError, "Conv2d: size must be at least 1, not 0"),
        (lambda: Conv2d(3, 8, (3, 3, 3)), ValueError, "Conv2d: size must be an integer or a pair "
         "(for rows, for columns), not (3, 3, 3)"),
        (lambda: Conv2d(0, 8, 3), ValueError,
         "Conv2d: in_channels must be a positive integer, not 0"),
        (lambda: Conv2d(3, 8, 3, groups=2), ValueError,
         "Conv2d: 2 groups do not divide in_channels=3"),
        (lambda: Conv2d(4, 3, 3, groups=2), ValueError,
         "Conv2d: 2 groups do not divide out_channels=3"),
        (lambda: Conv2d(3, 8, 3, stride=0), ValueError, "Conv2d: stride must be at least 1, not 0"),
        (lambda: Conv2d.of(W[0]), ValueError, "Conv2d.of: w must be (F, C / groups, KH, KW) and "
         "not empty: got w (3, 2, 3)"),
        (lambda: Conv2d.of(W, B[:3]), ValueError, "Conv2d.of: w has 4 filters but b has shape "
         "(3,): got w (4, 3, 2, 3), b (3,); b must be (4,)"),
        (lambda: Conv2d.of(W, groups=3), ValueError,
         "Conv2d.of: 3 groups do not divide 4 filters: got w (4, 3, 2, 3)"),
        (lambda: Conv2d.of(W, pad=-1), ValueError, "Conv2d.of: pad must be at least 0, not -1"),
        (lambda: Conv2d.of(W.astype(int)), TypeError, "Conv2d.of: w must be floating-point, not "
         "int64: got w (4, 3, 2, 3) int64; w.astype(float) makes it floating-point"),
        (lambda: Conv1d(3, 8, (3, 3)), TypeError, "Conv1d: size must be an integer, not (3, 3)"),
        (lambda: Conv1d.of(W), ValueError, "Conv1d.of: w must be (F, C / groups, K) and not "
         "empty: got w (4, 3, 2, 3)"),
        (lambda: DepthwiseConv2d(3, 3, multiplier=0), ValueError,
         "DepthwiseConv2d: multiplier must be a positive integer, not 0"),
        (lambda: DepthwiseConv2d.of(W), ValueError,
         "DepthwiseConv2d.of: w must be (F, 1, KH, KW): got w (4, 3, 2, 3)"),
        (lambda: DepthwiseConv2d.of(W[:, :1], multiplier=3), ValueError,
         "DepthwiseConv2d.of: multiplier 3 does not divide 4 filters: got w (4, 1, 2, 3)"),
        (lambda: ConvTranspose2d(3, 4, 3, output_pad=-1), ValueError,
         "ConvTranspose2d: output_pad must be at least 0, not -1"),
        (lambda: ConvTranspose2d.of(W[0]), ValueError, "ConvTranspose2d.of: w must be "
         "(C, F / groups, KH, KW) and not empty: got w (3, 2, 3)"),
    ],
)  # fmt: skip
def test_messages_of_the_objects(make, error, text):
    with pytest.raises(error) as raised:
        make()
    assert str(raised.value) == text
