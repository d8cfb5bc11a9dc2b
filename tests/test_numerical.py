"""Numerical derivatives: accuracy, honest errors, restored arguments, kinks, refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlayers import Tanh, jacobian, numerical_gradient, numerical_jacobian, rel_error
from nnlayers.gradients.differences import differentiate

RNG = np.random.default_rng

# f and its derivative
SMOOTH = {
    "exp": (np.exp, np.exp),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "cube": (lambda x: x**3, lambda x: 3 * x**2),
    "log": (lambda x: np.log(np.abs(x)), lambda x: 1 / x),
    "sqrt": (lambda x: np.sqrt(np.abs(x)), lambda x: np.sign(x) / (2 * np.sqrt(np.abs(x)))),
    "a wave of short length": (lambda x: np.sin(100 * x), lambda x: 100 * np.cos(100 * x)),
    "linear": (lambda x: 3 * x, lambda x: 3 + 0 * x),
    "constant": (lambda x: 0 * x + 7, lambda x: 0 * x),
    "x|x|, smooth once": (lambda x: x * np.abs(x), lambda x: 2 * np.abs(x)),
}


def check(f, derivative, x, dout, limit=1e-9):
    gradient, error = numerical_gradient(f, x, dout, return_error=True)
    truth = dout * derivative(x)
    assert (np.abs(gradient - truth) <= 20 * error).all()
    assert np.abs(gradient - truth).max() <= limit * max(np.abs(truth).max(), np.abs(dout).max())
    return gradient, error


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("seed", range(5))
def test_smooth_functions(name, seed):
    rng = RNG(seed)
    f, derivative = SMOOTH[name]
    check(f, derivative, rng.standard_normal((4, 5)), rng.standard_normal((4, 5)))


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("scale", [1e-12, 1e-5, 1e5, 1e12])
def test_scaling_f_or_x_changes_nothing_relative(name, scale):
    rng = RNG(0)
    f, derivative = SMOOTH[name]
    x, dout = rng.standard_normal((2, 4, 5))
    for g, dg, at in (
        (lambda x: scale * f(x), lambda x: scale * derivative(x), x),
        (lambda x: f(x / scale), lambda x: derivative(x / scale) / scale, x * scale),
    ):
        gradient, error = numerical_gradient(g, at, dout, return_error=True)
        truth = dout * dg(at)
        assert (np.abs(gradient - truth) <= 20 * error).all()
        size = np.abs(truth).max() or abs(scale)
        assert np.abs(gradient - truth).max() <= 1e-9 * size or name == "constant"


@given(st.integers(0, 10**6), st.floats(-12, 12), st.floats(-12, 12))
def test_errors_are_honest_for_compositions(seed, log_a, log_b):
    a, b = 10.0 ** (log_a / 4), 10.0 ** (log_b / 4)
    rng = RNG(seed)
    x, dout = rng.standard_normal((2, 6))
    x *= a
    check(
        lambda x: b * np.tanh(x / a) * np.exp(-((x / a) ** 2)),
        lambda x: (
            b * np.exp(-((x / a) ** 2)) * (1 - np.tanh(x / a) ** 2 - 2 * x / a * np.tanh(x / a)) / a
        ),
        x,
        dout,
        1e-7 * max(1, b / a),
    )


def test_a_kink_nearby_is_stepped_over():
    x = np.array([1e-3, -1e-3, 1e-6, -1e-6, 1e-9, 1.0, -2.0])
    gradient, error = numerical_gradient(lambda x: np.maximum(x, 0).sum(), x, return_error=True)
    assert (np.abs(gradient - (x > 0)) <= 20 * error).all()
    # a step inside 1e-9 leaves rounding of 2e-16 / 1e-9
    assert (error < np.where(np.abs(x) < 1e-8, 1e-4, 1e-7)).all()


def test_at_a_kink_the_error_is_half_the_gap():
    x = np.array([0.0, 1.0, -1.0])
    gradient, error = numerical_gradient(
        lambda x: (3 * np.maximum(x, 0) + np.minimum(x, 0)).sum(), x, return_error=True
    )
    np.testing.assert_allclose(gradient, [2.0, 3.0, 1.0], atol=1e-9)
    np.testing.assert_allclose(error, [1.0, 0.0, 0.0], atol=1e-9)


def test_a_cusp_has_no_derivative():
    _, error = numerical_gradient(
        lambda x: np.sqrt(np.abs(x)).sum(), np.zeros(1), return_error=True
    )
    assert error[0] > 10


def test_one_sided_derivatives_are_found():
    found = differentiate(
        lambda i, t: np.array([max(t, 0) * 2 - min(t, 0), math.exp(t)]),
        np.array([0.01]),
        np.array([0.0, 1.0]),
        2e-16,
    )
    assert found.left[0, 0] == pytest.approx(-1)
    assert found.right[0, 0] == pytest.approx(2)
    assert np.isnan(found.left[0, 1])
    assert found.value[0, 1] == pytest.approx(1, abs=1e-10)


def test_noise_shows_in_the_error():
    rng = RNG(0)
    x = rng.standard_normal(5)
    gradient, error = numerical_gradient(
        lambda x: np.sin(x).sum() + 1e-6 * rng.standard_normal(), x, return_error=True
    )
    assert (np.abs(gradient - np.cos(x)) <= 20 * error).all()
    assert (error > 1e-6).all()


@pytest.mark.parametrize(("near", "rtol"), [(1e-6, 1e-6), (1e-9, 1e-4)])
def test_a_domain_that_ends_nearby(near, rtol):
    x = np.array([near, 1.0, 2.0])
    gradient, error = numerical_gradient(lambda x: np.log(x).sum(), x, return_error=True)
    np.testing.assert_allclose(gradient, 1 / x, rtol=rtol)
    assert (np.abs(gradient - 1 / x) <= error).all()


class TestRestoring:
    def test_x_is_perturbed_in_place_and_restored(self):
        x = RNG(0).standard_normal((3, 2))
        kept = x.copy()
        gradient = numerical_gradient(lambda _: (x**2).sum(), x)
        np.testing.assert_allclose(gradient, 2 * kept)
        np.testing.assert_array_equal(x, kept)
        np.testing.assert_allclose(numerical_gradient(lambda _: (x**2).sum(), x, h=1e-5), 2 * kept)
        np.testing.assert_array_equal(x, kept)

    @pytest.mark.parametrize("options", [{}, {"h": 1e-5}])
    @pytest.mark.parametrize("zero", [False, True])
    def test_restored_when_f_raises(self, options, zero):
        x = np.zeros(3) if zero else RNG(0).standard_normal(3)
        kept = x.copy()
        calls = []

        def f(x):
            calls.append(1)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return x.sum()

        with pytest.raises(KeyboardInterrupt):
            numerical_gradient(f, x, **options)
        np.testing.assert_array_equal(x, kept)
        with pytest.raises(ZeroDivisionError):
            numerical_jacobian(lambda x: 1 // 0 if (x != kept).any() else x, x)
        np.testing.assert_array_equal(x, kept)

    @pytest.mark.parametrize("dtype", ["f4", "f8", ">f8", "g"])
    @pytest.mark.parametrize(
        "turn", [np.ascontiguousarray, np.asfortranarray, lambda a: a[::2, 1:]]
    )
    def test_one_step_in_every_dtype_and_layout(self, dtype, turn):
        x = turn(np.random.default_rng(0).normal(size=(4, 3)).astype(dtype))
        kept, h = x.copy(), 1e-2
        found = numerical_gradient(lambda _: np.float64((x**3).sum()), x, h=h)
        # ((x + h)³ - (x - h)³) / 2h = 3x² + h²
        tolerance = 1e-4 if dtype == "f4" else 1e-10
        np.testing.assert_allclose(found, 3 * kept**2 + h**2, atol=tolerance)
        assert (x == kept).all()

    def test_strided_and_zero_dimensional_arrays(self):
        wide = RNG(0).standard_normal((4, 6))
        view = wide[::2, ::3].T
        np.testing.assert_allclose(
            numerical_gradient(lambda _: (wide**2).sum(), view), 2 * view, rtol=1e-9
        )
        point = np.array(3.0)
        gradient = numerical_gradient(lambda x: x**2, point)
        assert gradient.shape == ()
        assert gradient == pytest.approx(6.0)

    def test_an_empty_array_has_an_empty_gradient(self):
        assert numerical_gradient(lambda x: x.sum(), np.zeros((0, 3))).shape == (0, 3)
        assert numerical_gradient(lambda x: x.sum(), np.zeros((0, 3)), h=1e-5).shape == (0, 3)
        assert numerical_jacobian(lambda x: x, np.zeros(0)).shape == (0, 0)


class TestFixedStep:
    def test_is_the_plain_central_difference(self):
        x = RNG(0).standard_normal(4)
        found = numerical_gradient(lambda x: np.exp(x).sum(), x, h=0.5)
        np.testing.assert_allclose(found, np.exp(x) * np.sinh(0.5) / 0.5)

    def test_two_evaluations_an_entry(self):
        calls = []

        def f(x):
            calls.append(1)
            return x * x

        x, dout = RNG(0).standard_normal((2, 5))
        np.testing.assert_allclose(numerical_gradient(f, x, dout, h=1e-5), 2 * x * dout, rtol=1e-8)
        assert len(calls) == 10

    def test_a_result_that_is_overwritten_by_the_next_call(self):
        buffer = np.empty(3)

        def f(x):
            np.multiply(x, x, out=buffer)
            return buffer

        x = RNG(0).standard_normal(3)
        np.testing.assert_allclose(numerical_gradient(f, x, np.ones(3), h=1e-5), 2 * x, rtol=1e-8)
        np.testing.assert_allclose(numerical_gradient(f, x, np.ones(3)), 2 * x, rtol=1e-8)
        np.testing.assert_allclose(numerical_jacobian(f, x), np.diag(2 * x), atol=1e-9)


class TestJacobian:
    def test_both_ways_agree(self):
        x = RNG(0).standard_normal((2, 3))
        numeric, error = numerical_jacobian(np.tanh, x, return_error=True)
        assert numeric.shape == error.shape == (2, 3, 2, 3)
        exact = jacobian(Tanh(), x)
        assert (np.abs(numeric - exact) <= 20 * error).all()
        assert np.abs(numeric - exact).max() < 1e-10

    def test_of_a_number(self):
        assert numerical_jacobian(lambda x: x.sum(), np.zeros((2, 3))).shape == (2, 3)

    def test_several_outputs_are_refused(self):
        def forward(x):
            return (x, x), x

        with pytest.raises(ValueError) as error:
            jacobian((forward, lambda dout, cache: dout), np.ones(2))
        assert str(error.value) == "jacobian: forward has 2 outputs; wrap one of them"


class TestRelError:
    def test_as_the_courses_define_it(self):
        assert rel_error([1.0, 2.0], [1.0, 2.2]) == pytest.approx(0.2 / 4.2)
        assert rel_error([1e-10], [0.0]) == pytest.approx(1e-2)
        assert rel_error([0.0], [0.0]) == 0
        assert rel_error(np.zeros((0, 2)), np.zeros((0, 2))) == 0
        assert math.isnan(rel_error([np.nan], [1.0]))

    def test_shapes_must_agree(self):
        with pytest.raises(ValueError) as error:
            rel_error(np.zeros((3, 1)), np.zeros(3))
        assert str(error.value) == (
            "rel_error: a and b must have the same shape: got a (3, 1), b (3,); compare like with "
            "like"
        )


def frozen(x):
    x.flags.writeable = False
    return x


ERRORS = [
    (
        lambda: numerical_gradient(np.sum, np.arange(3)),
        TypeError,
        "numerical_gradient: x must be a floating-point array, or a small step would be lost: got "
        "x (3,) int64; x.astype(float)",
    ),
    (
        lambda: numerical_jacobian(np.sum, [1.0]),
        TypeError,
        "numerical_jacobian: x must be a floating-point array, or a small step would be lost: got "
        "x [1.0]; np.array(x, dtype=float)",
    ),
    (
        lambda: numerical_gradient(np.sum, frozen(np.ones(3))),
        ValueError,
        "numerical_gradient: x is read-only but is perturbed in place: got x (3,); pass x.copy()",
    ),
    (
        lambda: numerical_gradient(np.exp, np.ones(3)),
        ValueError,
        "numerical_gradient: f returns an array of shape (3,), so dout is needed; pass dout of "
        "that shape, or let f return a number",
    ),
    (
        lambda: numerical_gradient(np.exp, np.ones(3), h=1e-5),
        ValueError,
        "numerical_gradient: f returns an array of shape (3,), so dout is needed; pass dout of "
        "that shape, or let f return a number",
    ),
    (
        lambda: numerical_gradient(np.exp, np.ones(3), np.ones(4)),
        ValueError,
        "numerical_gradient: dout must have the shape of f(x), (3,): got dout (4,)",
    ),
    (
        lambda: numerical_gradient(lambda x: (x, x), np.ones(3)),
        TypeError,
        "numerical_gradient: f returned a tuple of 2, not a number or an array; a forward function "
        "returns (out, cache): pass lambda x: forward(x)[0]",
    ),
    (
        lambda: numerical_gradient(lambda x: "a", np.ones(3)),
        TypeError,
        "numerical_gradient: f must return real numbers, not <U1",
    ),
    (
        lambda: numerical_gradient(np.sum, np.ones(3), h=-1.0),
        ValueError,
        "numerical_gradient: h must be a positive step, not -1.0; 1e-5 is usual",
    ),
    (
        lambda: numerical_gradient(np.sum, np.ones(3), h=1e-5, return_error=True),
        ValueError,
        "numerical_gradient: one fixed step h has no error estimate: got h 1e-05; leave h out",
    ),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text[:70] for *_, text in ERRORS])
def test_refusals(call, error, text):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text
