"""What all normalizations share, and layer, RMS, group and instance norm: values and messages."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference.normalization as naive
from nnlayers import (
    Affine,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    RMSNorm,
    Sequential,
    Sum,
    Tanh,
    batchnorm_backward,
    batchnorm_forward,
    batchnorm_running,
    check_gradients,
    groupnorm_backward,
    groupnorm_forward,
    instancenorm_backward,
    instancenorm_forward,
    layernorm_backward,
    layernorm_forward,
    rmsnorm_backward,
    rmsnorm_forward,
)
from nnlayers.layers import normalization


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


# every normalization of images (N, 4, H, W): name -> (parameters, forward, backward, reference)
PAIRS = {
    "batch": (
        lambda shape: [shape[1:2]] * 2,
        lambda x, *p: batchnorm_forward(x, *p, train=True),
        batchnorm_backward,
        lambda x, *p: naive.batchnorm(x, *p, train=True),
    ),
    "layer": (
        lambda shape: [shape[1:]] * 2,
        layernorm_forward,
        layernorm_backward,
        naive.layernorm,
    ),
    "rms": (lambda shape: [shape[1:]], rmsnorm_forward, rmsnorm_backward, naive.rmsnorm),
    "group": (
        lambda shape: [shape[1:2]] * 2,
        lambda x, *p: groupnorm_forward(x, *p, groups=2),
        groupnorm_backward,
        lambda x, *p: naive.groupnorm(x, *p, groups=2),
    ),
    "instance": (
        lambda shape: [shape[1:2]] * 2,
        instancenorm_forward,
        instancenorm_backward,
        naive.instancenorm,
    ),
}
every_normalization = pytest.mark.parametrize("name", PAIRS)
CENTRED = [name for name in PAIRS if name != "rms"]


def of(name, shape=(6, 4, 2, 3), dtype=np.float64):
    """Return x, the parameters, dout, forward, backward and reference."""
    parameters, forward, backward, reference = PAIRS[name]
    arrays = [drawn(*s, seed=i).astype(dtype) for i, s in enumerate(parameters(shape), start=1)]
    x, dout = drawn(*shape).astype(dtype), drawn(*shape, seed=9).astype(dtype)
    return x, arrays, dout, forward, backward, reference


def channels_last(array):
    """Return an equal array whose memory has the channels last."""
    return np.ascontiguousarray(np.moveaxis(array, 1, -1)).transpose(
        0, array.ndim - 1, *range(1, array.ndim - 1)
    )


@every_normalization
def test_the_order_of_memory_is_kept(name):
    x, parameters, dout, forward, backward, _ = of(name)
    for lay in (np.ascontiguousarray, channels_last):
        for lay_dout in (np.ascontiguousarray, channels_last):
            out, cache = forward(lay(x), *parameters)
            dx, *_ = backward(lay_dout(dout), cache)
            assert out.strides == lay(x).strides
            assert dx.strides == lay(x).strides
    if name not in ("group", "instance"):  # these must copy an axis that runs backwards
        backwards, _ = forward(channels_last(x)[:, :, ::-1], *parameters)
        assert backwards.strides == channels_last(x).strides


def test_rows_are_no_copies():
    for array, lead in [
        (drawn(6, 4), 1),
        (drawn(6, 4)[::2], 1),
        (drawn(6, 4)[::-1], 1),
        (drawn(6, 4, 2, 3), 1),
        (channels_last(drawn(6, 4, 2, 3)), 1),
        (drawn(5, 6, 4).transpose(1, 0, 2), 2),  # time first in memory
        (channels_last(drawn(6, 4, 2, 3))[::3], 1),
    ]:
        order = normalization.memory_order(array, lead)
        count, width = math.prod(array.shape[:lead]), math.prod(array.shape[lead:])
        rows = normalization.as_rows(array, order, count, width)
        assert np.shares_memory(rows, array)
        back = normalization.from_rows(rows, order, array.shape)
        assert np.shares_memory(back, array)
        np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("shape", [(6, 5, 3), (5, 6, 3)])
def test_sequences_that_lie_time_first(shape):
    x, gamma, beta, dout = drawn(*shape), drawn(3, seed=1), drawn(3, seed=2), drawn(*shape, seed=3)
    time_first = np.ascontiguousarray(x.swapaxes(0, 1)).swapaxes(0, 1)
    out, cache = layernorm_forward(x, gamma, beta)
    new, new_cache = layernorm_forward(time_first, gamma, beta)
    np.testing.assert_array_equal(out, new)
    assert new.strides == time_first.strides
    for a, b in zip(layernorm_backward(dout, cache), layernorm_backward(dout, new_cache)):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@every_normalization
@settings(deadline=None)
@given(
    shape=st.tuples(st.integers(1, 9), st.sampled_from([2, 4, 6]), st.integers(2, 4)),
    block=st.sampled_from([1, 64, 200, 1 << 18]),
    buffer=st.sampled_from([1, 7, 64, 8192]),
    seed=st.integers(0, 1000),
    last=st.booleans(),
)
def test_any_shape_in_any_blocks(name, shape, block, buffer, seed, last):
    # blocks of rows and joined rows are for speed alone
    parameters, forward, backward, reference = PAIRS[name]
    x, dout = drawn(*shape, seed=seed), drawn(*shape, seed=seed + 1)
    if last:
        x = channels_last(x)
    arrays = [drawn(*s, seed=seed + 2 + i) for i, s in enumerate(parameters(shape))]
    whole, cache = forward(x, *arrays)
    expected = backward(dout, cache)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(normalization, "BLOCK", block)
        patch.setattr(normalization, "BUFFER", buffer)
        out, cache = forward(x, *arrays)
        gradients = backward(dout, cache)
    np.testing.assert_allclose(out, reference(x, *arrays), atol=1e-9)
    np.testing.assert_allclose(out, whole, atol=1e-11)
    for a, b in zip(gradients, expected):
        np.testing.assert_allclose(a, b, atol=1e-9)


@every_normalization
@pytest.mark.parametrize("shape", [(40, 4, 10, 30), (96, 64, 16)])
def test_many_rows_of_each_length(name, shape):
    # long enough that real blocks end, and that NumPy's buffer is set aside
    x, parameters, dout, forward, backward, _ = of(name, shape)
    out, cache = forward(x, *parameters)
    dx, *gradients = backward(dout, cache)
    few, few_cache = forward(x[:3], *parameters)
    if name != "batch":
        np.testing.assert_allclose(out[:3], few, atol=1e-12)
        np.testing.assert_allclose(dx[:3], backward(dout[:3], few_cache)[0], atol=1e-12)
    else:
        mean, var = x.mean(axis=(0, *range(2, x.ndim))), x.var(axis=(0, *range(2, x.ndim)))
        running = {"mean": mean, "var": var}
        again, _ = batchnorm_forward(x, *parameters, train=False, running=running)
        np.testing.assert_allclose(out, again, atol=1e-10)
    # each gradient along a random direction is the slope of the loss in that direction
    for array, gradient in zip([x, *parameters], [dx, *gradients]):
        direction, kept = drawn(*array.shape, seed=5), array.copy()
        losses = []
        for step in (1e-5, -1e-5):
            array[...] = kept + step * direction
            losses.append(np.sum(forward(x, *parameters)[0] * dout))
        array[...] = kept
        slope = (losses[0] - losses[1]) / 2e-5
        assert np.sum(gradient * direction) == pytest.approx(slope, rel=1e-6)


@every_normalization
def test_numpy_settings_are_as_before(name):
    x, parameters, dout, forward, backward, _ = of(name, (6, 4, 10, 30))
    before = np.getbufsize(), np.geterr()
    np.testing.assert_array_equal(before[0], 8192)
    out, cache = forward(x, *parameters)
    backward(dout, cache)
    assert (np.getbufsize(), np.geterr()) == before


@pytest.mark.parametrize("name", CENTRED)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_large_mean_does_not_cancel_the_variance(name, dtype):
    # E[x²] - E[x]² would leave nothing of the variance here
    x, parameters, _, forward, _, reference = of(name, dtype=dtype)
    offset = 1e4 if dtype is np.float32 else 1e8
    x = x + dtype(offset)
    out, _ = forward(x, *parameters)
    expected = reference(x.astype(np.float64), *(p.astype(np.float64) for p in parameters))
    np.testing.assert_allclose(out, expected, atol=2e-3 if dtype is np.float32 else 1e-6)


@every_normalization
@pytest.mark.parametrize(
    ("dtype", "size"),
    [(np.float32, 1e25), (np.float32, 1e37), (np.float64, 1e200), (np.float64, 1e307)],
)
def test_squares_that_overflow(name, dtype, size):
    # x and √eps a power of two larger have the same out, and gradients as much smaller
    x, parameters, dout, forward, backward, _ = of(name, dtype=dtype)
    power = 2.0 ** math.floor(math.log2(size))
    out, cache = forward(x * dtype(power), *parameters)
    dx, *gradients = backward(dout, cache)
    small, small_cache = forward(x, *parameters)
    small_dx, *small_gradients = backward(dout, small_cache)
    tolerance = {"rtol": 1e-3, "atol": 1e-4}  # eps does not matter for large x
    np.testing.assert_allclose(out, small, **tolerance)
    np.testing.assert_allclose(dx * dtype(power), small_dx, **tolerance)
    for a, b in zip(gradients, small_gradients):
        np.testing.assert_allclose(a, b, **tolerance)
    assert {a.dtype for a in (out, dx, *gradients)} == {np.dtype(dtype)}


@every_normalization
def test_eps_counts_where_squares_overflow(name):
    parameters, _, _, reference = PAIRS[name]
    x = 1e20 * drawn(6, 4, 2, 3)
    arrays = [drawn(*s, seed=i) for i, s in enumerate(parameters(x.shape), start=1)]
    single = [a.astype(np.float32) for a in (x, *arrays)]
    forward = {
        "batch": lambda x, *p, **k: batchnorm_forward(x, *p, train=True, **k),
        "layer": layernorm_forward,
        "rms": rmsnorm_forward,
        "group": lambda x, *p, **k: groupnorm_forward(x, *p, groups=2, **k),
        "instance": instancenorm_forward,
    }[name]
    expected, _ = forward(x, *arrays, eps=3e38)
    assert np.abs(expected - reference(x, *arrays)).max() > 1e-3  # it matters
    np.testing.assert_allclose(forward(*single, eps=3e38)[0], expected, atol=1e-5)


@every_normalization
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_largest_numbers(name, dtype):
    x, parameters, dout, forward, backward, _ = of(name, dtype=dtype)
    largest = np.finfo(dtype).max
    x = np.where(x > 0, largest, -largest)  # their differences and sums overflow too
    out, cache = forward(x, *parameters)
    gradients = backward(dout, cache)
    assert all(np.isfinite(a).all() for a in (out, *gradients))
    scaled, _ = forward(np.sign(x) * dtype(1e4), *parameters)
    np.testing.assert_allclose(out, scaled, rtol=1e-3, atol=1e-5)


def test_a_variance_beyond_the_dtype_is_its_largest_number():
    x = np.array([[1e25], [3e25]], np.float32)
    one = np.ones(1, np.float32)
    _, cache = batchnorm_forward(x, one, one, train=True)
    running = batchnorm_running(None, cache, momentum=0.0)
    assert running["mean"][0] == pytest.approx(2e25)
    assert running["var"][0] == np.finfo(np.float32).max


@every_normalization
def test_what_is_not_finite_stays_so(name):
    x, parameters, _, forward, _, _ = of(name)
    for value in (np.nan, np.inf):
        x[0, 0] = value
        with np.errstate(invalid="ignore"):
            out, _ = forward(x, *parameters)
        assert not np.isfinite(out[0, 0]).any()
        if name != "batch":
            assert np.isfinite(out[1:]).all()


@every_normalization
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e30])
def test_equal_numbers(name, dtype, value):
    x, parameters, dout, forward, backward, _ = of(name, dtype=dtype)
    out, cache = forward(np.full_like(x, value), *parameters)
    gradients = backward(dout, cache)
    assert all(np.isfinite(a).all() for a in (out, *gradients))
    if name != "rms" and value < 1:
        beta = parameters[1] if name == "layer" else parameters[1][:, None, None]
        np.testing.assert_allclose(out, np.broadcast_to(beta, x.shape), atol=1e-3)


@pytest.mark.parametrize("name", [n for n in CENTRED if n != "batch"])
def test_dx_of_each_example_sums_to_0(name):
    # adding a number to all of an example changes nothing
    x, parameters, dout, forward, backward, _ = of(name)
    _, cache = forward(x, *parameters)
    dx = backward(dout, cache)[0]
    np.testing.assert_allclose(dx.sum(axis=(1, 2, 3)), np.zeros(6), atol=1e-13)


def test_a_bias_before_it_has_no_gradient_along_the_ones():
    net = Sequential(Affine(3, 5, rng=0), LayerNorm(5), Tanh(), Sum())
    out, cache = net.forward(drawn(6, 3))
    _, grads = net.gradients(1.0, cache)
    assert abs(grads["0.b"].sum()) < 1e-14
    assert np.abs(grads["0.b"]).max() > 1e-3


class TestKinship:
    def test_instance_norm_is_group_norm_with_a_group_a_channel(self):
        x, (gamma, beta), dout, *_ = of("instance")
        out, cache = instancenorm_forward(x, gamma, beta)
        same, same_cache = groupnorm_forward(x, gamma, beta, groups=4)
        np.testing.assert_array_equal(out, same)
        for a, b in zip(instancenorm_backward(dout, cache), groupnorm_backward(dout, same_cache)):
            np.testing.assert_array_equal(a, b)

    def test_group_norm_with_one_group_is_layer_norm(self):
        x, (gamma, beta), dout, *_ = of("group")
        out, cache = groupnorm_forward(x, gamma, beta, groups=1)
        spread = [np.array(np.broadcast_to(p[:, None, None], (4, 2, 3))) for p in (gamma, beta)]
        same, same_cache = layernorm_forward(x, *spread)
        np.testing.assert_allclose(out, same, atol=1e-13)
        dx, dgamma, dbeta = groupnorm_backward(dout, cache)
        same_dx, same_dgamma, same_dbeta = layernorm_backward(dout, same_cache)
        np.testing.assert_allclose(dx, same_dx, atol=1e-13)
        np.testing.assert_allclose(dgamma, same_dgamma.sum(axis=(1, 2)), atol=1e-13)
        np.testing.assert_allclose(dbeta, same_dbeta.sum(axis=(1, 2)), atol=1e-13)

    def test_instance_norm_of_one_image_is_batch_norm(self):
        x, (gamma, beta), dout, *_ = of("instance", (1, 4, 2, 3))
        out, cache = instancenorm_forward(x, gamma, beta)
        same, same_cache = batchnorm_forward(x, gamma, beta, train=True)
        np.testing.assert_allclose(out, same, atol=1e-13)
        for a, b in zip(instancenorm_backward(dout, cache), batchnorm_backward(dout, same_cache)):
            np.testing.assert_allclose(a, b, atol=1e-13)

    def test_rms_norm_of_centred_examples_is_layer_norm(self):
        x, gamma = drawn(6, 5), drawn(5, seed=1)
        x -= x.mean(axis=1, keepdims=True)
        out, _ = rmsnorm_forward(x, gamma)
        same, _ = layernorm_forward(x, gamma, np.zeros(5))
        np.testing.assert_allclose(out, same, atol=1e-14)

    def test_an_example_without_a_batch(self):
        x, gamma, beta = drawn(5), drawn(5, seed=1), drawn(5, seed=2)
        out, cache = layernorm_forward(x, gamma, beta)
        batch, batch_cache = layernorm_forward(x[None], gamma, beta)
        np.testing.assert_array_equal(out, batch[0])
        dx, *_ = layernorm_backward(beta, cache)
        np.testing.assert_array_equal(dx, layernorm_backward(beta[None], batch_cache)[0][0])


@pytest.mark.parametrize("seed", range(20))
def test_the_gradient_checker_passes_them(seed):
    def parameter(*shape, at):
        return drawn(*shape, seed=1000 * at + seed)

    layers = [
        (LayerNorm.of(parameter(5, at=1), parameter(5, at=2)), (3, 2, 5)),
        (RMSNorm.of(parameter(5, at=1)), (3, 2, 5)),
        (GroupNorm.of(parameter(4, at=1), parameter(4, at=2), groups=2), (3, 4, 2)),
        (InstanceNorm.of(parameter(4, at=1), parameter(4, at=2)), (3, 4, 2, 2)),
    ]
    for layer, shape in layers:
        for train in (True, False):
            report = check_gradients(layer, parameter(*shape, at=3), train=train, seed=seed)
            assert report.ok, report


X, IMAGES, FIVE, FOUR = np.zeros((6, 5)), np.zeros((6, 4, 2, 3)), np.ones(5), np.ones(4)
LAST_AXES = "gamma must have the shape of the trailing axes that are normalised"
ERRORS = [
    (
        lambda: layernorm_forward(X, FOUR, FOUR),
        "layernorm_forward: x ends in (5,) but gamma has shape (4,): got x (6, 5), gamma (4,), "
        f"beta (4,); {LAST_AXES}",
    ),
    (
        lambda: layernorm_forward(FIVE, X, X),
        "layernorm_forward: x ends in (5,) but gamma has shape (6, 5): got x (5,), gamma (6, 5), "
        f"beta (6, 5); {LAST_AXES}",
    ),
    (
        lambda: layernorm_forward(IMAGES, FOUR, FOUR),
        "layernorm_forward: x ends in (3,) but gamma has shape (4,): got x (6, 4, 2, 3), "
        "gamma (4,), beta (4,); groupnorm_forward and batchnorm_forward take one gamma for each "
        "channel",
    ),
    (
        lambda: layernorm_forward(X, FIVE, np.ones((1, 5))),
        "layernorm_forward: gamma and beta must have the same shape, not (5,) and (1, 5): got "
        "x (6, 5), gamma (5,), beta (1, 5); beta.reshape((5,))",
    ),
    (
        lambda: layernorm_forward(X, FIVE, FOUR),
        "layernorm_forward: gamma and beta must have the same shape, not (5,) and (4,): got "
        "x (6, 5), gamma (5,), beta (4,)",
    ),
    (
        lambda: layernorm_forward(X, np.array(1.0), np.array(1.0)),
        "layernorm_forward: gamma has shape (), which leaves nothing to normalise over: got "
        "x (6, 5), gamma (), beta (); it needs the shape of the trailing axes of x that are "
        "normalised",
    ),
    (
        lambda: rmsnorm_forward(X[:, :0], FIVE[:0]),
        "rmsnorm_forward: gamma has shape (0,), which leaves nothing to normalise over: got "
        "x (6, 0), gamma (0,); it needs the shape of the trailing axes of x that are normalised",
    ),
    (
        lambda: rmsnorm_forward(X, FOUR),
        "rmsnorm_forward: x ends in (5,) but gamma has shape (4,): got x (6, 5), gamma (4,); "
        f"{LAST_AXES}",
    ),
    (
        lambda: layernorm_forward(X, FIVE, FIVE, eps=0),
        "layernorm_forward: eps must be positive in float64, not 0; 1e-5 is usual",
    ),
    (
        lambda: rmsnorm_forward(X, FIVE, eps=None),
        "rmsnorm_forward: eps must be a number, not None",
    ),
    (
        lambda: groupnorm_forward(IMAGES, FOUR, FOUR, groups=3),
        "groupnorm_forward: 4 channels cannot be divided into 3 groups: got x (6, 4, 2, 3), "
        "gamma (4,), beta (4,); groups may be 1, 2, 4",
    ),
    (
        lambda: groupnorm_forward(IMAGES, FOUR, FOUR, groups=0),
        "groupnorm_forward: groups must be a positive integer, not 0",
    ),
    (
        lambda: groupnorm_forward(IMAGES, FOUR, FOUR, groups=2.0),
        "groupnorm_forward: groups must be a positive integer, not 2.0",
    ),
    (
        lambda: groupnorm_forward(IMAGES, FOUR, FOUR, groups=2, eps=-1.0),
        "groupnorm_forward: eps must be positive in float64, not -1.0; 1e-5 is usual",
    ),
    (
        lambda: groupnorm_forward(IMAGES, np.ones((1, 4, 1, 1)), FOUR, groups=2),
        "groupnorm_forward: x has 4 channels (its axis 1) but gamma has shape (1, 4, 1, 1): got "
        "x (6, 4, 2, 3), gamma (1, 4, 1, 1), beta (4,); gamma.reshape(4)",
    ),
    (
        lambda: groupnorm_forward(FOUR, FOUR, FOUR, groups=2),
        "groupnorm_forward: x has 1 axes but a batch (N, C, ...) has at least 2: got x (4,), "
        "gamma (4,), beta (4,); x[None] makes a batch of one example",
    ),
    (
        lambda: groupnorm_forward(IMAGES[:, :, :0], FOUR, FOUR, groups=2),
        "groupnorm_forward: a group of no numbers has no mean and no variance: got "
        "x (6, 4, 0, 3), gamma (4,), beta (4,)",
    ),
    (
        lambda: instancenorm_forward(X, FIVE, FIVE),
        "instancenorm_forward: x has 2 axes, so each channel of an example is one number, equal "
        "to its mean: got x (6, 5), gamma (5,), beta (5,); layernorm_forward normalises features, "
        "batchnorm_forward each over the batch",
    ),
    (
        lambda: instancenorm_forward(IMAGES, FIVE, FIVE),
        "instancenorm_forward: x has 4 channels (its axis 1) but gamma has shape (5,): got "
        "x (6, 4, 2, 3), gamma (5,), beta (5,); gamma must be (4,)",
    ),
    (
        lambda: layernorm_backward(X, (X, FIVE, FIVE)),
        "layernorm_backward: cache must be the tuple (x, (μ, 1 / σ, dx̂/dx), gamma) that "
        "layernorm_forward returned, not a tuple ((6, 5), (5,), (5,)); pass the cache of the "
        "matching forward call",
    ),
    (lambda: LayerNorm(0), "LayerNorm: shape must be a positive integer, not 0"),
    (lambda: LayerNorm((4, 2.5)), "LayerNorm: shape must be a positive integer, not 2.5"),
    (
        lambda: LayerNorm(()),
        "LayerNorm: shape () has no axis to normalise; name its sizes",
    ),
    (
        lambda: RMSNorm(4, eps=0.0),
        "RMSNorm: eps must be positive in float64, not 0.0; 1e-5 is usual",
    ),
    (
        lambda: LayerNorm.of(FIVE, FOUR),
        "LayerNorm.of: every array must have the shape of the axes to normalise: got gamma (5,), "
        "beta (4,)",
    ),
    (
        lambda: RMSNorm.of(np.array(1.0)),
        "RMSNorm.of: every array must have the shape of the axes to normalise: got gamma ()",
    ),
    (
        lambda: LayerNorm.of(FIVE, FIVE.astype(np.float32)),
        "LayerNorm.of: beta is float32 but gamma is float64: got gamma (5,) float64, beta (5,) "
        "float32; beta.astype(np.float64) or gamma.astype(np.float32)",
    ),
    (
        lambda: GroupNorm(4, groups=3),
        "GroupNorm: 4 channels cannot be divided into 3 groups; groups may be 1, 2, 4",
    ),
    (
        lambda: GroupNorm.of(FOUR, FOUR, groups=3),
        "GroupNorm.of: 4 channels cannot be divided into 3 groups; groups may be 1, 2, 4",
    ),
    (
        lambda: GroupNorm.of(FOUR, FIVE, groups=2),
        "GroupNorm.of: every array must have (C,): got gamma (4,), beta (5,)",
    ),
    (lambda: InstanceNorm(0), "InstanceNorm: channels must be a positive integer, not 0"),
]


@pytest.mark.parametrize(("call", "message"), ERRORS, ids=[m.split(":")[0] for _, m in ERRORS])
def test_errors(call, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    assert str(caught.value) == message


def test_objects_say_what_they_are():
    assert repr(LayerNorm(5)) == "LayerNorm(5)"
    assert repr(LayerNorm((2, 3), eps=0.1)) == "LayerNorm((2, 3), eps=0.1)"
    assert repr(RMSNorm(5, dtype=np.float32)) == "RMSNorm(5, dtype='float32')"
    assert repr(GroupNorm(4, groups=2)) == "GroupNorm(4, groups=2)"
    assert repr(InstanceNorm(4, eps=1)) == "InstanceNorm(4, eps=1.0)"
