"""Losses of I2DL: values, gradients, both forms of a called loss, and what they refuse."""

import copy
import math
import pickle

import numpy as np
import pytest

from nnlayers.course.i2dl.gradient_check import eval_numerical_gradient
from nnlayers.course.i2dl.networks import loss as module
from nnlayers.course.i2dl.networks.loss import BCE, L1, MSE, CrossEntropyFromLogits, Loss

ELEMENTWISE = {
    L1: lambda p, t: abs(p - t),
    MSE: lambda p, t: (p - t) ** 2,
    BCE: lambda p, t: -t * math.log(p) - (1 - t) * math.log(1 - p),
}


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def refusal(call, error=ValueError):
    with pytest.raises(error) as caught:
        call()
    return str(caught.value)


def data_for(kind, rng, shape=(6, 1)):
    p = rng.uniform(0.1, 0.9, shape)
    return p, (rng.integers(0, 2, shape) if kind is BCE else rng.normal(size=shape))


def naive(kind, p, t):
    losses = [ELEMENTWISE[kind](a, b) for a, b in zip(p.ravel().tolist(), t.ravel().tolist())]
    return np.array(losses).reshape(p.shape)


@pytest.mark.parametrize("kind", ELEMENTWISE)
class TestElementwise:
    @pytest.mark.parametrize("shape", [(6,), (6, 1), (3, 4)])
    def test_values(self, kind, rng, shape):
        p, t = data_for(kind, rng, shape)
        losses = naive(kind, p, t)
        loss = kind()
        assert loss.forward(p, t) == pytest.approx(losses.mean(), rel=1e-13)
        assert loss.forward(p, t, reduction="mean") == loss.forward(p, t)
        assert loss.forward(p, t, reduction="sum") == pytest.approx(losses.sum(), rel=1e-13)
        assert np.allclose(loss.forward(p, t, "none"), losses, rtol=1e-13)
        assert np.allclose(loss.forward(p, t, individual_losses=True), losses, rtol=1e-13)
        assert np.allclose(loss.forward(p, t, True), losses, rtol=1e-13)  # as in exercise 4
        assert loss.forward(p, t, False) == loss.forward(p, t)

    @pytest.mark.parametrize("reduction", ["mean", "sum"])
    @pytest.mark.parametrize("shape", [(6,), (3, 4)])
    def test_gradient_is_that_of_forward(self, kind, rng, shape, reduction):
        p, t = data_for(kind, rng, shape)
        loss = kind()
        numerical = eval_numerical_gradient(
            lambda p: loss.forward(p, t, reduction), p, verbose=False
        )
        gradient = loss.backward(p, t, reduction)
        assert np.allclose(gradient, numerical, rtol=1e-6, atol=1e-9)
        each = loss.backward(p, t, reduction="none")
        assert np.allclose(each, gradient * (p.size if reduction == "mean" else 1), rtol=1e-13)

    def test_nothing_is_written_and_float32_stays(self, kind, rng):
        p, t = data_for(kind, rng)
        p, t = p.astype(np.float32), t.astype(np.float32)
        for array in (p, t):
            array.flags.writeable = False
        loss = kind()
        first = loss.backward(p, t)
        assert np.array_equal(first, loss.backward(p, t))
        assert first.dtype == loss.forward(p, t).dtype == np.float32

    def test_a_truth_that_is_repeated(self, kind, rng):
        p, t = data_for(kind, rng, (3, 1))
        one = t[:1]
        assert loss_close(kind, p, one, np.repeat(one, 3, axis=0))
        assert loss_close(kind, p, one[0, 0], np.repeat(one, 3, axis=0))

    def test_refuses(self, kind, rng):
        p, t = data_for(kind, rng, (3, 1))
        name = kind.__name__
        assert refusal(lambda: kind().forward(p, t[:, 0])) == (
            f"{name}.forward: y_out and y_truth must have the same shape: "
            "got y_out (3, 1), y_truth (3,); y_truth.reshape(y_out.shape) if the entries correspond"
        )
        assert refusal(lambda: kind().backward(p[:1], t)) == (
            f"{name}.backward: y_out and y_truth must have the same shape: "
            "got y_out (1, 1), y_truth (3, 1); every entry of y_out needs one of y_truth"
        )
        assert refusal(lambda: kind().forward(p, t, "average")) == (
            f"{name}.forward: reduction must be one of 'mean', 'sum', 'none', not 'average'"
        )
        assert refusal(lambda: kind().backward(p, t, "average")).startswith(f"{name}.backward: ")
        assert refusal(lambda: kind().forward(p, t + np.nan)).startswith(
            f"{name}.forward: 3 of 3 entries of "
        )
        assert refusal(lambda: kind().forward(p[:0], t[:0])) == (
            f'{name}.forward: the mean of no losses is undefined (reduction="mean"); '
            'reduction="sum" gives 0'
        )


def loss_close(kind, p, t, repeated):
    same = np.isclose(kind().forward(p, t), kind().forward(p, repeated), rtol=1e-14)
    return same and np.allclose(kind().backward(p, t), kind().backward(p, repeated), rtol=1e-14)


class TestBCE:
    def test_targets_of_the_courses_own_tests(self):
        p, t = np.array([0.7, 0.2]), np.array([3.0, 4.0])
        losses = [
            -3 * math.log(0.7) + 2 * math.log(0.3),
            -4 * math.log(0.2) + 3 * math.log(0.8),
        ]
        assert np.allclose(BCE().forward(p, t, "none"), losses, rtol=1e-13)
        p, t = np.array([0.5, 0.3]), np.array([2.0, 4.0])
        expected = [-2 / 0.5 - 1 / 0.5, -4 / 0.3 - 3 / 0.7]
        assert np.allclose(BCE().backward(p, t, "none"), expected, rtol=1e-13)
        assert np.allclose(BCE().backward(p, t), np.array(expected) / 2, rtol=1e-13)

    def test_certain_predictions(self):
        p, t = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0, 0.0])
        assert BCE().forward(p, t, "none").tolist() == [0.0, 0.0, 100.0, 100.0]
        gradient = BCE().backward(p, t, "none")
        assert np.isfinite(gradient).all()
        assert gradient[2] < -1e11
        assert gradient[3] > 1e11

    def test_predictions_must_be_probabilities(self):
        text = refusal(lambda: BCE()(np.array([0.5, 2.0]), np.array([0.0, 1.0])))
        assert text == (
            "BCE.forward: pred must lie between 0 and 1 but reaches from 0 to 2: got pred (2,); "
            "bce_with_logits_forward takes scores of any size"
        )


def test_l1_at_equality():
    assert L1().backward(np.ones(2), np.ones(2)).tolist() == [0.0, 0.0]


class TestCrossEntropy:
    def test_values_and_gradient(self, rng):
        scores, y = rng.normal(size=(5, 4)), rng.integers(0, 4, 5)
        losses = [
            -math.log(math.exp(row[label]) / sum(math.exp(s) for s in row))
            for row, label in zip(scores.tolist(), y.tolist())
        ]
        loss = CrossEntropyFromLogits()
        assert loss.forward(scores, y) == pytest.approx(np.mean(losses), rel=1e-13)
        assert loss.forward(scores, y, reduction="sum") == pytest.approx(sum(losses), rel=1e-13)
        assert np.allclose(loss.forward(scores, y, individual_losses=True), losses, rtol=1e-13)
        numerical = eval_numerical_gradient(lambda s: loss.forward(s, y), scores, verbose=False)
        assert np.allclose(loss.backward(scores, y), numerical, rtol=1e-6, atol=1e-9)
        each = loss.backward(scores, y, reduction="none")
        assert np.allclose(each, 5 * loss.backward(scores, y), rtol=1e-13)

    def test_backward_needs_no_forward_and_may_be_repeated(self, rng):
        scores, y = rng.normal(size=(5, 4)), rng.integers(0, 4, 5)
        loss = CrossEntropyFromLogits()
        first = loss.backward(scores, y)
        loss.forward(scores + 1, y)
        assert np.array_equal(loss.backward(scores, y), first)
        assert np.array_equal(loss.backward(scores, y), first)
        assert vars(loss) == {}

    def test_large_scores(self):
        loss, gradient = CrossEntropyFromLogits()(np.array([[1e300, 0.0]]), np.array([1]))
        assert loss == 1e300
        assert gradient.tolist() == [[1.0, -1.0]]

    def test_refuses(self):
        loss, scores = CrossEntropyFromLogits(), np.zeros((2, 3))
        text = (
            "CrossEntropyFromLogits.forward: y_out must be scores (N, C) and y_truth the N labels: "
        )
        assert refusal(lambda: loss.forward(scores, np.eye(3)[:2])) == (
            text + "got y_out (2, 3), y_truth (2, 3); y_truth.argmax(axis=1) if it is one-hot"
        )
        assert refusal(lambda: loss.forward(scores, np.zeros((2, 1), int))) == (
            text + "got y_out (2, 3), y_truth (2, 1)"
        )
        assert refusal(lambda: loss.backward(scores, np.array([0, 3]))).startswith(
            "CrossEntropyFromLogits.backward: y[1] = 3 is no label of 3 classes"
        )
        assert refusal(lambda: loss(scores, np.array([0.0, 1.0])), TypeError).startswith(
            "CrossEntropyFromLogits.forward: labels y must be integers, not float64"
        )


class TestCalled:
    def test_a_number_as_in_exercise_4(self, rng):
        p, t = data_for(BCE, rng)
        result = BCE()(p, t)
        expected = BCE().forward(p, t)
        assert result == expected
        assert float(result) == result.mean() == np.mean(result) == expected
        assert np.array_equal(np.array([result, result]), [expected, expected])
        assert f"{result:.6f}" == f"{expected:.6f}"
        assert result + 1 == expected + 1
        losses = BCE()(p, t, individual_losses=True)
        assert np.array_equal(losses, BCE().forward(p, t, "none"))

    def test_a_pair_as_in_exercises_5_and_6(self, rng):
        p, t = data_for(MSE, rng)
        result = MSE()(p, t)
        loss, gradient = result
        assert loss == MSE().forward(p, t)
        assert np.array_equal(gradient, MSE().backward(p, t))
        assert result[0] == loss
        assert result[1] is gradient is result[-1]
        assert len(result) == 2

    def test_it_is_copied_and_pickled_whole(self, rng):
        result = MSE()(*data_for(MSE, rng))
        for other in (copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
            assert other == result
            assert np.array_equal(other[1], result[1])

    def test_a_loss_of_ones_own(self, rng):
        class Cubic(Loss):
            def forward(self, y_out, y_truth, reduction="mean", individual_losses=False):
                losses = (y_out - y_truth) ** 3
                return losses if individual_losses else losses.mean()

            def backward(self, y_out, y_truth):
                return 3 * (y_out - y_truth) ** 2 / y_out.size

        p, t = data_for(MSE, rng)
        loss, gradient = Cubic()(p, t)
        assert loss == ((p - t) ** 3).mean()
        assert gradient.shape == p.shape

    def test_nothing_to_call(self):
        with pytest.raises(NotImplementedError, match="^Loss must define forward$"):
            Loss()(np.ones(1), np.ones(1))
        with pytest.raises(NotImplementedError, match="^Loss must define backward$"):
            Loss().backward(np.ones(1), np.ones(1))


def test_public_names():
    assert module.__all__ == sorted(module.__all__)
    assert all(getattr(module, name).__doc__ for name in module.__all__)
