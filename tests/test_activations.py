"""Activations: special values, kinks, extreme inputs and messages."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import nnlayers
from cases.activations import CASES
from nnlayers import (
    ELU,
    GELU,
    Clip,
    LeakyReLU,
    LogSoftmax,
    PReLU,
    check_gradients,
    clip_forward,
    exp_forward,
    gelu_backward,
    gelu_forward,
    log_forward,
    log_softmax_forward,
    prelu_forward,
    relu_forward,
    selu_forward,
    softmax_forward,
    softplus_forward,
)


def pair(name):
    return getattr(nnlayers, f"{name}_forward"), getattr(nnlayers, f"{name}_backward")


def slope_at(name, value, **settings):
    """The derivative that backward gives at one value."""
    forward, backward = pair(name)
    out, cache = forward(np.array([value]), **settings)
    return backward(np.ones(1), cache)[0]


@pytest.mark.parametrize(
    ("name", "settings", "kink", "slope"),
    [
        ("relu", {}, 0.0, 0.0),
        ("leaky_relu", {"slope": 0.3}, 0.0, 0.3),
        ("leaky_relu", {"slope": 0}, 0.0, 0.0),
        ("elu", {"alpha": 0.3}, 0.0, 0.3),
        ("selu", {}, 0.0, 1.0507009873554805 * 1.6732632423543772),
        ("hard_sigmoid", {}, -3.0, 0.0),
        ("hard_sigmoid", {}, 3.0, 0.0),
        ("hard_tanh", {}, -1.0, 0.0),
        ("hard_tanh", {}, 1.0, 0.0),
        ("abs", {}, 0.0, 0.0),
        ("clip", {"low": -2, "high": 2}, -2.0, 1.0),
        ("clip", {"low": -2, "high": 2}, 2.0, 1.0),
    ],
)
@pytest.mark.parametrize("oracle", [False, pytest.param(True, marks=pytest.mark.oracle)])
def test_the_slope_at_a_kink(name, settings, kink, slope, oracle):
    if oracle:
        torch = pytest.importorskip("torch")
        F = torch.nn.functional
        theirs = {
            "relu": F.relu,
            "leaky_relu": lambda x, slope=0.01: F.leaky_relu(x, slope),
            "elu": F.elu,
            "selu": F.selu,
            "hard_sigmoid": F.hardsigmoid,
            "hard_tanh": F.hardtanh,
            "abs": torch.abs,
            "clip": lambda x, low, high: torch.clamp(x, low, high),
        }
        x = torch.tensor([kink], dtype=torch.float64, requires_grad=True)
        theirs[name](x, **settings).sum().backward()
        assert x.grad[0].item() == pytest.approx(slope, rel=1e-12, abs=0)
    else:
        assert slope_at(name, kink, **settings) == pytest.approx(slope, rel=1e-12, abs=0)


def test_prelu_at_zero_gives_its_slope():
    x, slope = np.zeros((1, 2)), np.array([0.3, 0.6])
    _, cache = prelu_forward(x, slope)
    dx, dslope = pair("prelu")[1](np.ones((1, 2)), cache)
    np.testing.assert_array_equal(dx, [[0.3, 0.6]])
    np.testing.assert_array_equal(dslope, [0.0, 0.0])


def test_prelu_of_a_number():
    out, cache = prelu_forward(np.array(-2.0), np.array([0.25]))
    dx, dslope = pair("prelu")[1](np.array(3.0), cache)
    assert (out.shape, dx.shape, dslope.shape) == ((), (), (1,))
    assert (out, dx, dslope[0]) == (-0.5, 0.75, -6.0)


EXTREME = [c for c in CASES if c.name not in ("exp", "log", "square") and "softmax" not in c.name]


@pytest.mark.parametrize("case", EXTREME, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_values_neither_overflow_nor_warn(case, dtype):
    """Anything finite is taken; pytest turns warnings into errors."""
    top = float(np.finfo(dtype).max) / 2  # SELU multiplies by 1.05
    values = [top, 1e30, 1000.0, 100.0, 30.0, 1e-30, float(np.finfo(dtype).tiny), 0.0]
    x = np.array([[values, [-v for v in values], values]], dtype).reshape(1, 3, 8)
    if case.name == "prelu of channels of images":
        x = x[..., None]
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        parameters = [
            np.full_like(p, 0.5, dtype) for p in case.make(np.random.default_rng(0), 1)[1:]
        ]
        out, cache = case.forward(x, *parameters, **case.settings)
        gradients = case.gradients(np.full(x.shape, 1e-3, dtype), cache)
    assert out.dtype == dtype
    assert np.isfinite(out).all()
    assert all(np.isfinite(gradients[0].ravel()))


@pytest.mark.parametrize("case", [c for c in CASES if "softmax" in c.name], ids=str)
def test_softmax_takes_scores_of_any_size(case):
    x = np.array([[[1e30, -1e30, 0.0], [1e3, 999.0, -5e3]]] * 2)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        out, cache = case.forward(x, **case.settings)
        dx = case.backward(np.random.default_rng(0).standard_normal(x.shape), cache)
    assert np.isfinite(out).all()
    assert np.isfinite(dx).all()


@given(
    arrays.arrays(np.float64, (3, 5), elements=st.floats(-700, 700)), st.sampled_from([0, 1, -1])
)
def test_softmax_sums_to_one_and_is_the_exponential_of_log_softmax(x, axis):
    out, _ = softmax_forward(x, axis=axis)
    np.testing.assert_allclose(out.sum(axis=axis), 1.0, rtol=1e-12)
    # numbers below 1e-308 have fewer digits
    exponential = np.exp(log_softmax_forward(x, axis=axis)[0])
    np.testing.assert_allclose(exponential, out, rtol=1e-9, atol=1e-310)


def test_log_softmax_keeps_what_softmax_loses():
    out, cache = log_softmax_forward(np.array([[0.0, -2000.0]]))
    np.testing.assert_array_equal(out, [[0.0, -2000.0]])
    assert softmax_forward(np.array([[0.0, -2000.0]]))[0][0, 1] == 0.0


def test_tails_keep_their_relative_precision():
    assert softplus_forward(np.array([-40.0]))[0][0] == pytest.approx(
        math.exp(-40), rel=1e-12, abs=0
    )
    assert slope_at("softplus", -40.0) == pytest.approx(math.exp(-40), rel=1e-12, abs=0)
    assert slope_at("elu", -40.0) == pytest.approx(math.exp(-40), rel=1e-12, abs=0)
    # 1 + erf would have lost every digit: Φ(-10) = erfc(10/√2) / 2
    expected = -10 * math.erfc(10 / math.sqrt(2)) / 2
    assert gelu_forward(np.array([-10.0]))[0][0] == pytest.approx(expected, rel=1e-12, abs=0)


@pytest.mark.parametrize("form", ["none", "tanh"])
def test_gelu_of_a_large_array_is_that_of_its_parts(form):
    x = np.random.default_rng(0).standard_normal((7, 30_011))
    dout = np.random.default_rng(1).standard_normal(x.shape)
    for array in (x, x.T):
        out, cache = gelu_forward(array, approximate=form)
        dx = gelu_backward(dout.reshape(array.shape), cache)
        for i in range(7):
            part, cache = gelu_forward(array[i], approximate=form)
            np.testing.assert_array_equal(out[i], part)
            expected = gelu_backward(dout.reshape(array.shape)[i], cache)
            np.testing.assert_array_equal(dx[i], expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gelu_forms_differ_by_less_than_the_documented_bound(dtype):
    x = np.linspace(-12, 12, 20_001).astype(dtype)
    exact, tanh = (gelu_forward(x, approximate=form)[0] for form in ("none", "tanh"))
    assert exact.dtype == tanh.dtype == dtype
    assert 4e-4 < np.abs(exact - tanh).max() < 5e-4
    np.testing.assert_allclose(tanh[[0, -1]], [0.0, 12.0], atol=1e-6)


def test_selu_keeps_mean_zero_and_variance_one():
    out, _ = selu_forward(np.random.default_rng(0).standard_normal(400_000))
    assert abs(out.mean()) < 0.01
    assert abs(out.var() - 1) < 0.01


def test_identity_returns_x_itself():
    x, dout = np.ones((2, 3)), np.zeros((2, 3))
    out, cache = nnlayers.identity_forward(x)
    assert out is x
    assert nnlayers.identity_backward(dout, cache) is dout


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exp_takes_everything_that_has_an_exponential(dtype):
    limit = math.log(np.finfo(dtype).max)
    near = dtype(limit)
    for value in (np.nextafter(near, dtype(0)), near, np.nextafter(near, dtype(np.inf))):
        if float(value) <= limit:
            assert np.isfinite(exp_forward(np.array([value]))[0]).all()
        else:
            with pytest.raises(ValueError, match="^exp_forward: the exponential of .* overflows"):
                exp_forward(np.array([value]))
    assert exp_forward(np.array([-np.finfo(dtype).max]))[0][0] == 0.0
    assert exp_forward(np.array([np.inf], dtype))[0][0] == np.inf
    assert np.isnan(exp_forward(np.array([np.nan], dtype))[0][0])


@pytest.mark.parametrize("case", [c for c in CASES if not c.parameters], ids=str)
def test_any_number_of_axes_is_taken(case):
    """Also none: an entry alone is treated as in an array."""
    if "axis" in case.settings:
        return
    for shape in ((), (1,), (2, 0), (2, 1, 3, 1)):
        if "softmax" in case.name and (not shape or 0 in shape):
            continue
        x = np.full(shape, 0.7)
        out, cache = case.forward(x, **case.settings)
        dx = case.backward(np.full(shape, 2.0), cache)
        assert np.shape(out) == np.shape(dx) == shape
        whole, cache = case.forward(np.full((1, 1), 0.7), **case.settings)
        if "softmax" not in case.name and x.size:
            assert np.all(out == whole[0, 0])
            assert np.all(dx == case.backward(np.full((1, 1), 2.0), cache)[0, 0])


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (LeakyReLU(slope=np.float64(0.3)), "LeakyReLU(slope=0.3)"),
        (ELU(), "ELU()"),
        (ELU(alpha=2), "ELU(alpha=2.0)"),
        (GELU(), "GELU()"),
        (GELU(approximate="tanh"), "GELU(approximate='tanh')"),
        (Clip(low=0), "Clip(low=0.0)"),
        (Clip(low=0, high=np.float32(1)), "Clip(low=0.0, high=1.0)"),
        (PReLU(), "PReLU(1)"),
        (PReLU(3, dtype=np.float32), "PReLU(3, dtype='float32')"),
        (LogSoftmax(axis=1), "LogSoftmax(axis=1)"),
    ],
    ids=repr,
)
def test_repr(layer, text):
    assert repr(layer) == text


def test_prelu_starts_as_told():
    np.testing.assert_array_equal(PReLU(3).params["slope"], [0.25] * 3)
    np.testing.assert_array_equal(PReLU(2, slope=0.1).params["slope"], [0.1] * 2)


@pytest.mark.parametrize("slope", [0.3, np.float64(0.3)])
def test_settings_leave_float32_as_it_is(slope):
    x = np.ones((2, 3), np.float32)
    for name, settings in (
        ("leaky_relu", {"slope": slope}),
        ("elu", {"alpha": slope}),
        ("clip", {"low": slope}),
    ):
        forward, backward = pair(name)
        out, cache = forward(x, **settings)
        assert out.dtype == backward(x, cache).dtype == np.float32


def test_the_checker_knows_the_kinks():
    for name in ("relu", "abs", "hard_tanh", "elu"):
        assert check_gradients(pair(name), np.array([-2.0, -1.0, 0.0, 0.5, 1.0])).ok


X = np.zeros((4, 3))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: relu_forward(np.ones((4, 3), int)),
            TypeError,
            "relu_forward: x must be floating-point, not int64: got x (4, 3) int64; "
            "x.astype(float) makes it floating-point",
        ),
        (
            lambda: gelu_forward(X, approximate=True),
            ValueError,
            "gelu_forward: approximate must be one of 'none', 'tanh', not True",
        ),
        (
            lambda: GELU(approximate="erf"),
            ValueError,
            "GELU: approximate must be one of 'none', 'tanh', not 'erf'",
        ),
        (
            lambda: prelu_forward(X, np.ones(4)),
            ValueError,
            "prelu_forward: slope must be (1,) or (3,): one for all entries, or one for each "
            "of axis 1 of x: got x (4, 3), slope (4,)",
        ),
        (
            lambda: prelu_forward(X[0], np.ones(3)),
            ValueError,
            "prelu_forward: slope must be (1,): one for all entries, or one for each "
            "of axis 1 of x: got x (3,), slope (3,)",
        ),
        (
            lambda: prelu_forward(X, np.ones((1, 3))),
            ValueError,
            "prelu_forward: slope must be (1,) or (3,): one for all entries, or one for each "
            "of axis 1 of x: got x (4, 3), slope (1, 3)",
        ),
        (
            lambda: prelu_forward(X, np.ones(1, np.float32)),
            TypeError,
            "prelu_forward: slope is float32 but x is float64: got x (4, 3) float64, "
            "slope (1,) float32; slope.astype(np.float64) or x.astype(np.float32)",
        ),
        (
            lambda: PReLU(0),
            ValueError,
            "PReLU: channels must be a positive integer, not 0",
        ),
        (
            lambda: PReLU.of(np.ones((1, 3))),
            ValueError,
            "PReLU.of: slope must be (1,) or (C,): got slope (1, 3)",
        ),
        (
            lambda: PReLU.of(np.ones(0)),
            ValueError,
            "PReLU.of: slope must be (1,) or (C,): got slope (0,)",
        ),
        (
            lambda: exp_forward(np.array([0.0, 1000.0])),
            ValueError,
            "exp_forward: the exponential of 1000, the largest entry of x, overflows float64: "
            "got x (2,); subtract the maximum first, as softmax_forward does",
        ),
        (
            lambda: log_forward(np.array([1.0, 0.0, 2.0])),
            ValueError,
            "log_forward: the logarithm of 0, the least entry of x, is no number: got x (3,); "
            "clip_forward(x, low=1e-12) keeps x positive; log_softmax_forward takes scores",
        ),
        (
            lambda: clip_forward(X),
            ValueError,
            "clip_forward: low and high are both None; identity_forward limits nothing",
        ),
        (
            lambda: Clip(),
            ValueError,
            "Clip: low and high are both None; identity_forward limits nothing",
        ),
        (
            lambda: clip_forward(X, low=1, high=-1),
            ValueError,
            "clip_forward: low = 1.0 must not be above high = -1.0",
        ),
        (
            lambda: softmax_forward(X, axis=2),
            ValueError,
            "softmax_forward: axis 2 is out of range for 2 axes: got x (4, 3); axes start at 0",
        ),
        (
            lambda: log_softmax_forward(np.zeros((4, 0))),
            ValueError,
            "log_softmax_forward: axis -1 of x is empty: got x (4, 0); it needs an entry",
        ),
        (
            lambda: log_softmax_forward(X, axis=-3),
            ValueError,
            "log_softmax_forward: axis -3 is out of range for 2 axes: got x (4, 3); "
            "axes start at 0",
        ),
    ],
)
def test_messages(call, error, text):
    with pytest.raises(error) as found:
        call()
    assert str(found.value) == text
