"""The verdict of check_gradients: right, wrong, undecided; its cost, and what it leaves alone."""

import warnings

import numpy as np
import pytest

from nnlayers import (
    Affine,
    BatchNorm,
    Dropout,
    Layer,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    Sum,
    Tanh,
    affine_backward,
    affine_forward,
    assert_gradients,
    check_gradients,
    relu_backward,
    relu_forward,
    softmax_backward,
    softmax_forward,
    tanh_backward,
    tanh_forward,
)

RNG = np.random.default_rng


def affine_arrays(n=5, d=3, m=4):
    rng = RNG(0)
    return rng.normal(size=(n, d)), rng.normal(size=(d, m)), rng.normal(size=m)


def with_fault(backward, fault):
    """Return a backward whose gradients pass through a fault."""

    def faulty(dout, cache):
        gradients = backward(dout, cache)
        return fault(*gradients) if isinstance(gradients, tuple) else fault(gradients)

    return faulty


class TestTargets:
    def test_a_pair(self):
        report = check_gradients((affine_forward, affine_backward), *affine_arrays())
        assert report.verdict == "right"
        assert report.ok
        assert report.wrong == ()
        assert [f.gradient for f in report.findings] == ["dx", "dw", "db"]

    def test_a_layer_and_a_net(self):
        x, _, _ = affine_arrays()
        assert check_gradients(Affine(3, 4, rng=0), x).ok
        net = Sequential(Affine(3, 4, rng=0), Tanh(), Affine(4, 2, rng=1), SoftmaxCrossEntropy())
        report = check_gradients(net, x, np.array([0, 1, 1, 0, 1]))
        assert report.ok
        assert [f.gradient for f in report.findings] == ["dx", "0.dw", "0.db", "2.dw", "2.db"]

    def test_a_net_with_a_wrong_layer_names_its_gradient(self):
        wrong = with_fault(affine_backward, lambda dx, dw, db: (dx, dw, 2 * db))
        _, w, b = affine_arrays()
        net = Sequential(Tanh(), Layer.from_pair(affine_forward, wrong, w=w, b=b), Sum())
        report = check_gradients(net, affine_arrays()[0])
        assert report.wrong == ("1.db",)
        assert report.diagnoses[0].cause == "constant_scale"

    def test_a_function_with_a_claimed_gradient(self):
        x = RNG(0).normal(size=(3, 2))
        assert check_gradients(lambda x: (x**2).sum(), x, gradient=2 * x).ok
        report = check_gradients(lambda x: (x**2).sum(), x, gradient=-2 * x)
        assert report.wrong == ("dx",)
        assert report.diagnoses[0].cause == "sign_flip"
        two = check_gradients(lambda x, w: (x * w).sum(), x, x + 1, gradient=(x + 1, x))
        assert two.ok

    def test_train_and_rng_are_passed_on(self):
        x = RNG(0).normal(size=(6, 4))
        assert check_gradients(BatchNorm(4), x, train=True).ok
        assert check_gradients(BatchNorm(4), x, train=False).ok
        assert check_gradients(Dropout(drop=0.4), x, train=True, rng=0).ok
        generator = RNG(3)
        state = generator.bit_generator.state
        assert check_gradients(Dropout(drop=0.4), x, train=True, rng=generator).ok
        assert generator.bit_generator.state == state

    def test_several_outputs(self):
        def forward(x):
            return (np.sin(x), x.sum(axis=1)), x

        def backward(dout, x):
            return dout[0] * np.cos(x) + dout[1][:, None]

        assert check_gradients((forward, backward), RNG(0).normal(size=(3, 4))).ok

        def forgetful(dout, x):
            return dout[0] * np.cos(x)

        report = check_gradients((forward, forgetful), RNG(0).normal(size=(3, 4)))
        assert report.wrong == ("dx",)
        assert report.diagnoses[0].cause == "missing_path"

    @pytest.mark.parametrize("wrt", ["w", 1, ["w"], -2])
    def test_wrt_chooses(self, wrt):
        wrong = with_fault(affine_backward, lambda dx, dw, db: (-dx, dw, db))
        report = check_gradients((affine_forward, wrong), *affine_arrays(), wrt=wrt)
        assert report.ok
        assert [f.gradient for f in report.findings] == ["dw"]

    def test_targets_and_integers_are_not_differentiated(self):
        def forward(x, idx, y):
            return ((x[idx] - y) ** 2).sum(), (x, idx, y)

        def backward(dout, cache):
            x, idx, y = cache
            dx = np.zeros_like(x)
            np.add.at(dx, idx, 2 * dout * (x[idx] - y))
            return dx

        rng = RNG(0)
        report = check_gradients(
            (forward, backward), rng.normal(size=5), np.array([0, 0, 3]), rng.normal(size=3)
        )
        assert report.ok
        assert [f.gradient for f in report.findings] == ["dx"]

    def test_unnamed_arguments(self):
        def forward(*arrays):
            return arrays[0] * arrays[1], arrays

        report = check_gradients(
            (forward, lambda dout, cache: (dout * cache[1], dout)), np.full(3, 3.0), np.ones(3)
        )
        assert report.wrong == ("darg1",)

    def test_a_forward_with_a_seed_of_its_own(self):
        def forward(x, *, seed):
            mask = RNG(seed).random(x.shape) < 0.5
            return x * mask, mask

        def backward(dout, mask):
            return dout * mask

        assert check_gradients((forward, backward), np.ones((4, 5)), seed=7).ok
        report = check_gradients((tanh_forward, tanh_backward), np.ones(3), seed=7)
        assert report.seed == 7


class TestScale:
    """Neither the unit of f nor that of its arguments matters: there is no absolute constant."""

    @pytest.mark.parametrize("unit", [1e-12, 1e-6, 1e6, 1e12])
    @pytest.mark.parametrize("factor", [1.0, 1.001, 1.000001])
    def test_of_f(self, unit, factor):
        def forward(x, w):
            return unit * np.tanh(x @ w), (x, w)

        def backward(dout, cache):
            x, w = cache
            d = unit * dout * (1 - np.tanh(x @ w) ** 2)
            return d @ w.T, factor * (x.T @ d)

        x, w, _ = affine_arrays()
        report = check_gradients((forward, backward), x, w)
        assert report.wrong == (() if factor == 1.0 else ("dw",))

    @pytest.mark.parametrize("unit", [1e-12, 1e-6, 1e6, 1e12])
    @pytest.mark.parametrize("factor", [1.0, 1.001, 1.000001])
    def test_of_the_arguments(self, unit, factor):
        def forward(x, b):
            return np.tanh(x / unit + b / unit), (x, b)

        def backward(dout, cache):
            x, b = cache
            d = dout * (1 - np.tanh(x / unit + b / unit) ** 2) / unit
            return d, factor * d.sum(axis=0)

        x, _, b = affine_arrays(d=4)
        report = check_gradients((forward, backward), x * unit, b * unit)
        assert report.wrong == (() if factor == 1.0 else ("db",))

    def test_a_small_gradient_beside_large_ones(self):
        def forward(x, b):
            return x + unit * np.sin(b), (x, b)

        def backward(dout, cache):
            return dout, unit * np.cos(cache[1]) * dout.sum(axis=0) * 1.01

        x, _, b = affine_arrays(d=4)
        unit = 1e-6
        assert check_gradients((forward, backward), 1e3 * x, b).wrong == ("db",)
        unit = 1e-8  # beside 1e3 the rounding of forward nearly hides it: no silent pass
        assert check_gradients((forward, backward), 1e3 * x, b).verdict == "undecided"
        unit = 1e-11  # it does hide it, so that nothing speaks against a true zero
        report = check_gradients((forward, backward), 1e3 * x, b)
        assert (report.verdict, report.unresolved) == ("right", 4)

    def test_columns_of_very_different_size(self):
        x, w, b = affine_arrays()
        x[:, 0] *= 1e8
        pair = affine_forward, affine_backward
        assert check_gradients(pair, x, w, b).ok

        def small_rows_wrong(dx, dw, db):
            dw = dw.copy()
            dw[1] *= 1.01
            return dx, dw, db

        wrong = with_fault(affine_backward, small_rows_wrong)
        report = check_gradients((affine_forward, wrong), x, w, b)
        assert report.wrong == ("dw",)
        assert report.findings[1].wrong.any(axis=1).tolist() == [False, True, False]


class TestZeroAndNoise:
    def test_a_true_zero_against_noise_passes(self):
        net = Sequential(Affine(3, 4, rng=0), BatchNorm(4), Tanh())
        report = check_gradients(net, affine_arrays()[0], train=True)  # db of the affine is 0
        assert report.ok

    def test_a_claim_where_there_is_none_is_wrong(self):
        report = check_gradients((lambda x: (0 * x, ()), lambda d, c: d), np.ones(3))
        assert report.wrong == ("dx",)

    def test_zeros_where_there_is_a_gradient_are_wrong(self):
        report = check_gradients((tanh_forward, lambda d, c: 0 * d), np.ones((2, 3)))
        assert report.wrong == ("dx",)

    def test_nothing_can_be_concluded_in_noise(self):
        noise = RNG(1).normal(size=10_000)

        def forward(x):  # the same for the same x, but rough on the smallest scale
            rough = noise[(np.abs(x * 1e15) % 9973).astype(int)]
            return np.sin(x) + 1e-4 * rough, x

        report = check_gradients((forward, lambda d, x: d * np.cos(x)), RNG(0).normal(size=(3, 4)))
        assert report.verdict == "undecided"
        assert not report.ok
        assert "cannot be judged here" in str(report)
        with pytest.raises(AssertionError):
            assert_gradients((forward, lambda d, x: d * np.cos(x)), RNG(0).normal(size=(3, 4)))

    def test_entries_too_small_to_judge_are_counted(self):
        def forward(x):
            return (x[0] + 1e-20 * x[1]).reshape(1), x

        report = check_gradients(
            (forward, lambda d, x: np.array([1.0, 1e-20]) * d), np.array([1.0, 1.0])
        )
        assert report.ok
        assert report.unresolved == 1
        assert "1 entry is too small to be judged alone" in str(report)

    def test_a_loss_that_has_come_to_zero(self):
        scores = np.array([[50.0, 0.0, 1.0], [2.0, 60.0, -1.0]])
        net = Sequential(SoftmaxCrossEntropy())
        assert check_gradients(net, scores, np.array([0, 1])).ok


class TestKinks:
    X = np.array([[0.0, 1.0, -2.0], [3.0, 0.0, -1.0]])

    @pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
    def test_any_subgradient_of_relu_is_right(self, value):
        def backward(dout, cache):
            (out,) = cache
            return dout * np.where(self.X == 0, value, out > 0)

        for scale in (1.0, 1e-12):
            assert check_gradients((relu_forward, backward), scale * self.X).ok

    @pytest.mark.parametrize("value", [-0.5, 1.5])
    def test_other_values_are_not(self, value):
        def backward(dout, cache):
            (out,) = cache
            return dout * np.where(self.X == 0, value, out > 0)

        report = check_gradients((relu_forward, backward), self.X)
        assert report.wrong == ("dx",)
        assert report.diagnoses[0].cause == "kink_value"
        assert "only at kinks" in str(report)

    def test_a_wrong_value_elsewhere_is_not_excused(self):
        report = check_gradients(
            (relu_forward, with_fault(relu_backward, lambda dx: 1.001 * dx)), self.X
        )
        assert report.wrong == ("dx",)
        assert report.diagnoses[0].cause == "constant_scale"

    def test_ties_of_a_maximum_are_judged_jointly(self):
        def forward(a, b):
            return np.maximum(a, b), (a, b)

        def share(to_a, to_b):
            def backward(dout, cache):
                a, b = cache
                tie = a == b
                return (
                    dout * np.where(tie, to_a, a > b),
                    dout * np.where(tie, to_b, b > a),
                )

            return backward

        a, b = np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 4.0])
        for parts in ((1, 0), (0, 1), (0.5, 0.5)):
            assert check_gradients((forward, share(*parts)), a, b).ok
        for parts in ((1, 1), (0, 0)):
            report = check_gradients((forward, share(*parts)), a, b)
            assert report.wrong == ("da", "db")
            assert report.diagnoses[0].cause == "kink_value"

    def test_a_large_array_full_of_kinks(self):
        x = RNG(0).normal(size=(300, 400))
        x[RNG(1).random(x.shape) < 0.5] = 0.0
        assert check_gradients((relu_forward, relu_backward), x).ok


class TestForms:
    @pytest.mark.parametrize("n", [0, 1])
    def test_small_batches(self, n):
        x, w, b = affine_arrays(n)
        assert check_gradients((affine_forward, affine_backward), x, w, b).ok
        wrong = with_fault(affine_backward, lambda dx, dw, db: (dx, dw))
        report = check_gradients((affine_forward, wrong), x, w, b)
        assert report.diagnoses[0].cause == "bad_output"

    def test_the_form_is_judged_for_an_empty_batch(self):
        x, w, b = affine_arrays(0)
        wrong = with_fault(affine_backward, lambda dx, dw, db: (dx, dw.T, db))
        report = check_gradients((affine_forward, wrong), x, w, b)
        assert report.verdict == "wrong"
        assert "dw has shape (4, 3) but its argument has (3, 4)" in str(report)

    def test_numbers(self):
        report = check_gradients((lambda x: (x**3, x), lambda d, x: 3 * x**2 * d), np.array(2.0))
        assert report.ok

    def test_right_values_in_the_wrong_shape(self):
        wrong = with_fault(affine_backward, lambda dx, dw, db: (dx, dw, db[None]))
        report = check_gradients((affine_forward, wrong), *affine_arrays())
        assert report.verdict == "wrong"
        assert report.wrong == ()
        assert [d.cause for d in report.diagnoses] == ["bad_output"]

    def test_layout_of_memory(self):
        x, w, b = affine_arrays()
        wide = np.repeat(np.repeat(x, 2, 0), 2, 1)
        for array in (wide[::2, ::2], np.asfortranarray(x), x[::-1]):
            array.flags.writeable = False
            assert check_gradients((affine_forward, affine_backward), array, w, b).ok

    def test_float32_is_judged_in_float64_and_its_precision_apart(self):
        x, w, b = (a.astype(np.float32) for a in affine_arrays())
        report = check_gradients((affine_forward, affine_backward), x, w, b)
        assert report.ok
        assert 0 < report.precision < 1e-6
        assert "in float32 they differ" in str(report)
        net = Sequential(Affine(3, 2, rng=0), Tanh()).astype(np.float32)
        assert check_gradients(net, x).ok


class TestBehaviour:
    def cause(self, forward, backward, *arguments):
        report = check_gradients((forward, backward), *arguments)
        assert report.verdict == "wrong"
        return report.diagnoses[0].cause

    def test_dout_is_changed(self):
        def backward(dout, cache):
            dout *= cache[0] > 0
            return dout

        x = RNG(0).normal(size=(3, 4))
        assert self.cause(relu_forward, backward, x) == "mutates_or_aliases"

    def test_x_is_changed_by_forward(self):
        def forward(x):
            x[x < 0] = 0
            return x.copy(), (x.copy(),)

        x = RNG(0).normal(size=(3, 4))
        kept = x.copy()
        assert self.cause(forward, relu_backward, x) == "mutates_or_aliases"
        np.testing.assert_array_equal(x, kept)

    def test_the_cache_is_changed(self):
        def backward(dout, cache):
            (out,) = cache
            out **= 2
            return dout * (1 - out)

        x = RNG(0).normal(size=(3, 4))
        assert self.cause(tanh_forward, backward, x) == "mutates_or_aliases"

        def emptied(dout, cache):
            return dout * (1 - cache.pop() ** 2)

        def forward(x):
            return np.tanh(x), [np.tanh(x)]

        assert self.cause(forward, emptied, x) == "mutates_or_aliases"

    def test_a_gradient_lies_in_the_cache(self):
        def forward(x, w):
            return (x * w).sum(), (x, w)

        def backward(dout, cache):
            x, w = cache
            return w if dout == 1 else dout * w, x

        x, w = RNG(0).normal(size=(2, 3))
        report = check_gradients((forward, backward), x, w)
        assert "it shares its memory with x" in report.diagnoses[0].message

    def test_a_view_of_dout_is_no_fault(self):
        assert check_gradients((lambda x: (x.T, ()), lambda d, c: d.T), np.ones((2, 3))).ok

    def test_random_numbers(self):
        def forward(x):
            return x * RNG().random(x.shape), x

        assert self.cause(forward, lambda d, x: d, np.ones(3)) == "nondeterministic"

        def backward(dout, cache):
            return tanh_backward(dout, cache) + RNG().random(3)

        assert self.cause(tanh_forward, backward, np.ones(3)) == "nondeterministic"

    def test_state_beside_the_cache(self):
        class Remembering:
            def forward(self, x):
                self.out = np.tanh(x)
                return self.out, ()

            def backward(self, dout, cache):
                return dout * (1 - self.out**2)

        layer = Remembering()
        x = RNG(0).normal(size=(3, 4))
        assert self.cause(layer.forward, layer.backward, x) == "stale_cache"

    @pytest.mark.parametrize("cleared", [False, True])
    def test_gradients_that_add_up_from_call_to_call(self, cleared):
        class AddingUp:
            total = 0.0

            def forward(self, x):
                if cleared:
                    self.total = 0.0
                return np.tanh(x), np.tanh(x)

            def backward(self, dout, cache):
                self.total = self.total + dout * (1 - cache**2)
                return self.total.copy()

        layer = AddingUp()
        x = RNG(0).normal(size=(3, 4))
        report = check_gradients((layer.forward, layer.backward), x)
        assert "stale_cache" in [d.cause for d in report.behaviour]
        said = "each call of backward adds its gradients to those of the calls before"
        assert said in str(report)

    def test_one_array_for_two_gradients(self):
        def backward(dout, cache):
            both = 1.0 * dout
            return both, both

        pair = lambda a, b: (a + b, ()), backward  # noqa: E731
        a, b = RNG(0).normal(size=(2, 3, 2))
        assert self.cause(*pair, a, b) == "mutates_or_aliases"
        assert check_gradients((pair[0], lambda dout, cache: (dout, dout)), a, b).ok

    @pytest.mark.parametrize(
        ("result", "text"),
        [
            (None, "dx is None, not an array"),
            ([1.0, 2.0, 3.0], "backward returned a list of 3"),
            ({"dx": 1}, "dx is {'dx': 1}, not an array"),
            ((np.ones(3), np.ones(3)), "backward returned 2 gradients"),
            (np.ones(3) * 1j, "dx is complex128"),
            (np.array(["a"] * 3), "dx is <U1"),
            (np.ones(3, np.float32), "dx is float32"),
        ],
    )
    def test_results_of_the_wrong_kind(self, result, text):
        report = check_gradients((tanh_forward, lambda d, c: result), np.ones(3))
        assert report.verdict == "wrong"
        assert any(d.cause == "bad_output" and text in d.message for d in report.diagnoses)

    @pytest.mark.parametrize("other", [None, [1.0], 1.0, np.ones(7), np.ones(3) * np.nan])
    def test_another_gradient_of_the_wrong_kind_hides_no_cause(self, other):
        def forward(x, w, b):
            return x @ w + b, (x, w)

        def backward(dout, cache):
            x, w = cache
            return dout @ w, x.T @ dout, other

        x, w, b = (np.random.default_rng(0).normal(size=s) for s in ((4, 3), (3, 3), 3))
        report = check_gradients((forward, backward), x, w, b)
        assert report.wrong == ("dx", "db")
        assert next(d.cause for d in report.diagnoses if d.gradient == "dx") == "transposed"
        assert "dout @ w.T" in str(report)

    def test_nan(self):
        wrong = with_fault(tanh_backward, lambda dx: dx * np.nan)
        report = check_gradients((tanh_forward, wrong), np.ones(3))
        assert report.diagnoses[0].cause == "nonfinite"
        assert report.wrong == ("dx",)

    def test_a_crash_shows_the_user_s_own_line(self):
        def backward(dout, cache):
            return dout @ np.ones((7, 7))  # this line

        report = check_gradients((tanh_forward, backward), np.ones((2, 3)))
        assert report.verdict == "wrong"
        assert "backward raised ValueError in line" in report.crash
        assert "# this line" in report.crash

        def forward(x):
            raise ZeroDivisionError("why not")

        report = check_gradients((forward, tanh_backward), np.ones((2, 3)))
        assert report.crash.startswith("forward raised ZeroDivisionError")


class TestSecondOrder:
    def test_right_pairs(self):
        x, w, b = affine_arrays()
        assert check_gradients((affine_forward, affine_backward), x, w, b, order=2).ok
        assert check_gradients((softmax_forward, softmax_backward), x, order=2).ok
        net = Sequential(Affine(3, 4, rng=0), Tanh(), SoftmaxCrossEntropy())
        assert check_gradients(net, x, np.array([0, 1, 2, 3, 0]), order=2).ok

    def test_a_backward_that_is_right_only_here(self):
        x = RNG(0).normal(size=(3, 4))

        def backward(dout, cache):
            (out,) = cache
            twisted = np.roll(out - np.tanh(x), 1, axis=1)  # zero at x itself
            return tanh_backward(dout, cache) + dout * twisted

        assert check_gradients((tanh_forward, backward), x).ok
        report = check_gradients((tanh_forward, backward), x, order=2)
        assert report.wrong == ("∂(backward)/∂x",)

    def test_order_must_be_one_or_two(self):
        with pytest.raises(ValueError, match="^check_gradients: order must be 1 or 2, not 3$"):
            check_gradients((tanh_forward, tanh_backward), np.ones(3), order=3)


class TestCost:
    """Forward calls: random projections first, then halves."""

    def test_a_right_layer_of_a_million_entries(self):
        x, w = RNG(0).normal(size=(2, 1000)), RNG(1).normal(size=(1000, 1000))
        assert check_gradients((affine_forward, affine_backward), x, w).forwards <= 60
        assert check_gradients((tanh_forward, tanh_backward), w).forwards <= 60
        assert check_gradients((relu_forward, relu_backward), w).forwards <= 60

    def test_one_wrong_entry_in_a_million(self, monkeypatch):
        # how often the search for its cause calls forward depends on the source of the pair
        monkeypatch.setattr("nnlayers.gradients.checking.diagnose", lambda *args: [])
        x, w = RNG(0).normal(size=(2, 1000)), RNG(1).normal(size=(1000, 1000))

        def one_wrong(dx, dw):
            dw = dw.copy()
            dw[123, 456] *= 1.01
            return dx, dw

        wrong = with_fault(affine_backward, one_wrong)
        report = check_gradients((affine_forward, wrong), x, w)
        assert report.wrong == ("dw",)
        assert np.argwhere(report.findings[1].wrong).tolist() == [[123, 456]]
        assert report.forwards <= 360

    def test_a_homework_layer(self):
        assert check_gradients((affine_forward, affine_backward), *affine_arrays()).forwards <= 10


class TestLeftAlone:
    def test_arrays_layers_state_and_random_numbers(self):
        x, w, b = affine_arrays()
        kept = [a.copy() for a in (x, w, b)]
        random = np.random.get_state()[1].copy()  # noqa: NPY002

        def careless(x, w, b):
            np.random.seed(0)  # noqa: NPY002
            np.random.random(3)  # noqa: NPY002
            return affine_forward(x, w, b)

        with warnings.catch_warnings():
            filters = list(warnings.filters)
            check_gradients((careless, affine_backward), x, w, b)
            assert warnings.filters == filters
        for a, c in zip((x, w, b), kept):
            np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(np.random.get_state()[1], random)  # noqa: NPY002
        layer = BatchNorm(3)
        state, params = layer.state, dict(layer.params)
        check_gradients(layer, x, train=True)
        assert layer.state is state
        assert all(layer.params[name] is params[name] for name in params)

    def test_read_only_arguments_and_warnings_as_errors(self):
        x = np.array([1e-3, 2.0])
        x.flags.writeable = False
        with np.errstate(all="raise"):
            report = check_gradients((lambda x: (np.log(x), x), lambda d, x: d / x), x)
        assert report.ok


class TestRefusals:
    @pytest.mark.parametrize(
        ("call", "error", "text"),
        [
            (
                lambda: check_gradients("affine", np.ones(3)),
                TypeError,
                "check_gradients: cannot check 'affine'; pass a layer, a pair (forward, backward), "
                "or a function with gradient=",
            ),
            (
                lambda: check_gradients((tanh_forward, tanh_backward), np.arange(3)),
                ValueError,
                "check_gradients: there is no floating-point array to differentiate; see wrt",
            ),
            (
                lambda: check_gradients((tanh_forward, tanh_backward), np.ones(3), wrt="w"),
                ValueError,
                "check_gradients: wrt names 'w', which is no floating-point array among the "
                "arguments; there are x",
            ),
            (
                lambda: check_gradients(np.sum, np.ones(3), gradient=(1, 2)),
                ValueError,
                "check_gradients: 2 gradients are claimed for 1 differentiable arguments; pass one "
                "for each",
            ),
        ],
    )
    def test_texts(self, call, error, text):
        with pytest.raises(error) as caught:
            call()
        assert str(caught.value) == text

    def test_a_function_that_is_no_number(self):
        report = check_gradients(np.exp, np.ones(3), gradient=np.ones(3))
        assert "a gradient is of a number" in report.crash

    def test_a_forward_without_a_cache(self):
        report = check_gradients((np.tanh, tanh_backward), np.ones(3))
        assert "forward must return (out, cache)" in report.crash


def test_relu_net_on_many_seeds():
    for seed in range(20):
        x = RNG(seed).normal(size=(4, 3))
        net = Sequential(Affine(3, 5, rng=seed), ReLU(), Affine(5, 2, rng=seed), Sum())
        assert_gradients(net, x, seed=seed)
