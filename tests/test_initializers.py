"""Initial weights: their variance, their dtype, their errors."""

import functools
import inspect
import math

import numpy as np
import pytest
from scipy.stats import kstest, truncnorm

import nnlayers
from nnlayers import LSTM, Affine, Conv2d, ConvTranspose2d, ReLU, Sequential, TemporalAffine
from nnlayers.layers.fans import fans
from nnlayers.training import (
    constant,
    glorot_normal,
    glorot_truncated,
    glorot_uniform,
    he_normal,
    he_truncated,
    he_uniform,
    lecun_normal,
    lecun_truncated,
    lecun_uniform,
    orthogonal,
)

SHAPE = 400, 300
VARIANCES = {
    lecun_normal: 1 / 400,
    lecun_truncated: 1 / 400,
    lecun_uniform: 1 / 400,
    glorot_normal: 2 / 700,
    glorot_truncated: 2 / 700,
    glorot_uniform: 2 / 700,
    he_normal: 2 / 400,
    he_truncated: 2 / 400,
    he_uniform: 2 / 400,
}
every = pytest.mark.parametrize("init", VARIANCES, ids=lambda init: init.__name__)


@every
def test_variance(init):
    w = init(SHAPE, rng=0)
    count = w.size
    assert w.dtype == np.float64
    assert w.var() == pytest.approx(VARIANCES[init], rel=5 * math.sqrt(2 / count))
    assert abs(w.mean()) < 5 * math.sqrt(VARIANCES[init] / count)
    if init.__name__.endswith("uniform"):
        assert np.abs(w).max() <= math.sqrt(3 * VARIANCES[init])
    elif init.__name__.endswith("truncated"):
        # the standard deviation of a normal distribution cut off at 2 is 0.8796 (Keras's constant)
        cut = 2 * math.sqrt(VARIANCES[init]) / 0.87962566103423978
        assert 0.99 * cut < np.abs(w).max() <= cut * (1 + 1e-12)
    else:
        assert np.abs(w).max() > 3 * math.sqrt(VARIANCES[init])


@every
def test_gain_dtype_and_seed(init):
    w = init((4, 3), rng=0, gain=1.0, dtype=np.float32)
    assert w.dtype == np.float32
    np.testing.assert_allclose(init((4, 3), rng=0, gain=3.0), 3 * w, rtol=1e-6)
    np.testing.assert_array_equal(init((4, 3), rng=7), init((4, 3), rng=7))
    assert (init((4, 3)) != init((4, 3))).any()


@every
def test_filter_banks_count_their_whole_field(init):
    scheme = init.__name__.split("_")[0]
    bank = init((64, 32, 3, 3), rng=0)
    fan_in, fan_out = 32 * 9, 64 * 9
    wanted = {"lecun": 1 / fan_in, "glorot": 2 / (fan_in + fan_out), "he": 2 / fan_in}[scheme]
    assert bank.var() == pytest.approx(wanted, rel=0.05)


def test_truncated_is_normal_between_the_cuts():
    cut = truncnorm(-2, 2)
    w = lecun_truncated((100, 300), rng=0).ravel() * 10  # of variance 1
    assert kstest(w * cut.std(), cut.cdf).pvalue > 0.01


@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (8, 3), (4, 2, 3, 3), (40, 2, 3, 3), (1, 7)])
def test_orthogonal(shape):
    w = orthogonal(shape, rng=0, gain=3.0)
    assert w.shape == shape
    assert w.flags.c_contiguous
    matrix = w.reshape(shape[0], math.prod(shape[1:]))
    if len(matrix) > matrix.shape[1]:
        matrix = matrix.T
    np.testing.assert_allclose(matrix @ matrix.T, 9 * np.eye(len(matrix)), atol=1e-13)
    np.testing.assert_array_equal(w, orthogonal(shape, rng=0, gain=3.0))
    single = orthogonal(shape, rng=0, gain=3.0, dtype=np.float32)
    np.testing.assert_array_equal(single, w.astype(np.float32))


def test_orthogonal_prefers_no_direction():
    """Without the signs of R, the first entry of Q would always be negative."""
    rng = np.random.default_rng(0)
    draws = np.array([orthogonal((3, 3), rng=rng) for _ in range(2000)])
    # entries of a uniform rotation: mean 0, variance 1/3
    np.testing.assert_allclose(draws.mean(axis=0), 0, atol=5 * math.sqrt(1 / 3 / 2000))
    np.testing.assert_allclose((draws**2).mean(axis=0), 1 / 3, atol=0.05)
    assert 0.45 < (np.linalg.det(draws) > 0).mean() < 0.55


def test_constant():
    w = constant((2, 3), value=0.5, dtype=np.float32)
    assert w.dtype == np.float32
    np.testing.assert_array_equal(w, np.full((2, 3), 0.5))
    assert not constant(4, rng=0).any()
    layer = Affine(3, 2, init=functools.partial(constant, value=2.0), rng=0)
    np.testing.assert_array_equal(layer.params["w"], np.full((3, 2), 2.0))


def test_fans_are_the_terms_of_the_sums():
    """Count them: ones as weights and as input, away from the borders."""
    assert fans((5, 7)) == fans([5, 7]) == (5, 7)
    ones = functools.partial(constant, value=1.0)
    conv = Conv2d(4, 6, 3, groups=2, pad=1, init=ones)
    out, cache = conv.forward(np.ones((1, 4, 5, 5)))
    dx, _ = conv.gradients(np.ones_like(out), cache)
    fan_in, fan_out = fans(conv.params["w"].shape)
    assert (out[0, 0, 2, 2], dx[0, 0, 2, 2]) == (fan_in, fan_out / 2)  # of one group of the two
    drawn = {}

    def note(shape, *, rng, dtype):
        drawn[shape] = drawn.get(shape, 0) + 1
        return np.ones(shape, dtype)

    out, _ = ConvTranspose2d(4, 6, 3, init=note).forward(np.ones((1, 4, 5, 5)))
    assert drawn == {(6, 4, 3, 3): 1}
    assert out[0, 0, 3, 3] == fans((6, 4, 3, 3))[0]
    drawn.clear()
    LSTM(5, 3, init=note)
    assert drawn == {(5, 3): 4, (3, 3): 4}


def test_he_keeps_the_signal_through_twenty_relu_layers():
    rng = np.random.default_rng(0)
    net = Sequential(*[f for _ in range(20) for f in (Affine(256, 256, rng=rng), ReLU())])
    x = rng.standard_normal((64, 256))
    assert 0.2 < (net.scores(x) ** 2).mean() < 5
    for layer in net.layers[::2]:
        layer.params["w"] = lecun_normal((256, 256), rng=rng)
    assert (net.scores(x) ** 2).mean() < 1e-4


every_random = pytest.mark.parametrize(
    "init", [*VARIANCES, orthogonal], ids=lambda init: init.__name__
)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0), (0, 2, 3, 3), (2, 0, 3, 3)])
@every_random
def test_no_entries(init, shape):
    assert init(shape, rng=0, dtype=np.float32).shape == shape


@every_random
def test_every_initializer_names_itself_in_its_messages(init):
    for settings, error, text in [
        (
            {"shape": (3,)},
            ValueError,
            "weights of shape (3,) have no fan-in and fan-out; they need at least two axes; "
            "constants suit biases",
        ),
        (
            {"shape": (3, -1)},
            ValueError,
            "shape (3, -1) has a negative size",
        ),
        (
            {"shape": 3},
            TypeError,
            "shape must be a tuple of integers, not 3; such as (64, 10)",
        ),
        (
            {"shape": (3.0, 2)},
            TypeError,
            "shape must be a tuple of integers, not (3.0, 2); such as (64, 10)",
        ),
        (
            {"dtype": int},
            TypeError,
            "dtype must be floating-point, not int64; np.float32 and np.float64 are",
        ),
        (
            {"rng": -1},
            ValueError,
            "rng must be at least 0 if it is a seed, not -1",
        ),
        (
            {"rng": "0"},
            TypeError,
            "rng must be an int seed, a numpy.random.Generator or None, not '0'; "
            "np.random.default_rng(0) makes a generator",
        ),
        ({"gain": math.nan}, ValueError, "gain must be finite, not nan"),
        ({"gain": "relu"}, TypeError, "gain must be a number, not 'relu'"),
        ({"gain": True}, TypeError, "gain must be a number, not True"),
    ]:
        with pytest.raises(error) as caught:
            init(**({"shape": (3, 2)} | settings))
        assert str(caught.value) == f"{init.__name__}: {text}"


def test_mistakes_with_a_constant():
    for settings, error, text in [
        ({"value": "0.5"}, TypeError, "value must be a number, not '0.5'"),
        ({"value": [1.0, 2.0]}, TypeError, "value must be a number, not [1.0, 2.0]"),
        ({"value": math.inf}, ValueError, "value must be finite, not inf"),
        ({"shape": -2}, ValueError, "shape (-2,) has a negative size"),
        (
            {"shape": "ab"},
            TypeError,
            "shape must be a tuple of integers, not 'ab'; such as (64, 10)",
        ),
        (
            {"dtype": complex},
            TypeError,
            "dtype must be floating-point, not complex128; np.float32 and np.float64 are",
        ),
    ]:
        with pytest.raises(error) as caught:
            constant(**({"shape": (2, 2)} | settings))
        assert str(caught.value) == f"constant: {text}"


def test_a_layer_of_integers_is_refused():
    with pytest.raises(TypeError, match=r"^he_normal: dtype must be floating-point, not int64; "):
        Affine(3, 2, dtype=int)


TAKES_INIT = {  # every layer that takes init, and the shape of which it asks first
    "Affine": ((3, 4), (3, 4)),
    "Conv1d": ((3, 4, 5), (4, 3, 5)),
    "Conv2d": ((3, 4, 5), (4, 3, 5, 5)),
    "ConvTranspose2d": ((3, 4, 5), (4, 3, 5, 5)),
    "DepthwiseConv2d": ((3, 5), (3, 1, 5, 5)),
    "Embedding": ((3, 4), (3, 4)),
    "GRU": ((3, 4), (3, 4)),
    "LSTM": ((3, 4), (3, 4)),
    "MatMul": ((3, 4), (3, 4)),
    "MultiHeadAttention": ((4,), (4, 4)),
    "PositionalEmbedding": ((3, 4), (3, 4)),
    "RNN": ((3, 4), (3, 4)),
    "TemporalAffine": ((3, 4), (3, 4)),
}


def layer_by(name, init, **options):
    options |= {"heads": 2} if name == "MultiHeadAttention" else {}
    return getattr(nnlayers, name)(*TAKES_INIT[name][0], init=init, rng=0, **options)


def one_axis_more(shape, *, rng, dtype):
    return np.zeros((*shape, 1), dtype)


def always_float64(shape, *, rng, dtype):
    return np.zeros(shape)


def a_number(shape, *, rng, dtype):
    return 0.0


def test_no_layer_that_takes_init_is_forgotten():
    layers = {name: getattr(nnlayers, name) for name in nnlayers.__all__}
    found = {
        name
        for name, layer in layers.items()
        if isinstance(layer, type) and "init" in inspect.signature(layer).parameters
    }
    assert found == set(TAKES_INIT)


@pytest.mark.parametrize("name", TAKES_INIT)
def test_a_layer_takes_only_weights_of_its_shape_and_dtype(name):
    """Some of these would make another layer, others fail far from their cause."""
    shape = TAKES_INIT[name][1]
    due = f"init(shape, rng=rng, dtype=dtype) must return an array of shape {shape}"
    for init, options, error, text in [
        (
            "he_normal",
            {},
            TypeError,
            "init must be a function, not 'he_normal'; pass the function itself, "
            "init=nnlayers.he_normal",
        ),
        (one_axis_more, {}, ValueError, f"{due}, not {(*shape, 1)}"),
        (always_float64, {"dtype": np.float32}, TypeError, f"{due} and dtype float32, not float64"),
        (a_number, {}, TypeError, f"{due}, not 0.0"),
    ]:
        with pytest.raises(error) as caught:
            layer_by(name, init, **options)
        assert str(caught.value) == f"{name}: {text}"
    assert layer_by(name, always_float64).to_vector().dtype == np.float64


def test_a_layer_takes_only_a_function_for_init():
    for init, problem in [
        (
            "zeros",
            "init must be a function, not 'zeros'; it is called as init(shape, rng=rng, "
            "dtype=dtype)",
        ),
        (
            "generator",
            "init must be a function, not 'generator'; it is called as init(shape, rng=rng, "
            "dtype=dtype)",
        ),
        (
            np.zeros((3, 4)),
            "init must be a function, not (3, 4); TemporalAffine.of makes a layer of arrays",
        ),
        (
            None,
            "init must be a function, not None; it is called as init(shape, rng=rng, dtype=dtype)",
        ),
    ]:
        with pytest.raises(TypeError) as caught:
            TemporalAffine(3, 4, init=init)
        assert str(caught.value) == f"TemporalAffine: {problem}"
    for initializer in (*VARIANCES, orthogonal, constant):
        name = initializer.__name__
        assert getattr(nnlayers, name) is initializer
        with pytest.raises(TypeError, match=f"pass the function itself, init=nnlayers.{name}$"):
            TemporalAffine(3, 4, init=name)
    with pytest.raises(TypeError, match="dtype must be floating-point, not int64; "):
        TemporalAffine(3, 4, init=lambda shape, rng, dtype: np.zeros(shape, dtype), dtype=int)
    with pytest.raises(TypeError, match="rng") as caught:
        TemporalAffine(3, 4, init=np.zeros)
    assert caught.value.__notes__ == [
        "in TemporalAffine, which calls init(shape, rng=rng, dtype=dtype)"
    ]
