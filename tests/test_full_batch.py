"""L-BFGS on all examples: it reaches the minimum, and leaves a net as it should be."""

import numpy as np
import pytest
from scipy.optimize import minimize

from nnlayers import MSE, Affine, Dropout, Layer, ReLU, Sequential, SoftmaxCrossEntropy
from nnlayers.training import L2, lbfgs
from update_rules import RNG, assert_same, classifier, values

X = RNG(0).normal(size=(40, 5))
Y = RNG(1).integers(0, 3, 40)
TARGETS = RNG(2).normal(size=(40, 3))


def regression(dtype=np.float64):
    return Sequential(Affine(5, 3, rng=0, dtype=dtype), MSE())


def test_solves_least_squares():
    net = regression()
    result = lbfgs(net, (X, TARGETS), tolerance=1e-9)
    ones = np.hstack([X, np.ones((40, 1))])
    expected = np.linalg.lstsq(ones, TARGETS)[0]
    np.testing.assert_allclose(net.params["0.w"], expected[:5], atol=1e-8)
    np.testing.assert_allclose(net.params["0.b"], expected[5], atol=1e-8)
    assert result.converged
    assert result.gradient <= 1e-9
    assert result.steps == len(result.losses) - 1 < result.evaluations + 1
    assert result.losses == sorted(result.losses, reverse=True)
    loss, _ = net.loss(X, TARGETS)
    assert result.losses[-1] == float(loss)
    assert "CONVERGENCE" in result.message


def test_reaches_the_minimum_of_a_penalised_classifier():
    net = Sequential(Affine(5, 3, rng=0), SoftmaxCrossEntropy())
    penalty = L2(0.1)
    result = lbfgs(net, (X, Y), penalty=penalty, tolerance=1e-8)

    def written_out(v):
        w, b = v[:15].reshape(5, 3), v[15:]
        scores = X @ w + b
        losses = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(40), Y]
        return losses.mean() + 0.05 * (w**2).sum()

    oracle = minimize(written_out, np.zeros(18), method="BFGS", options={"gtol": 1e-7})
    assert result.losses[-1] == pytest.approx(oracle.fun, abs=1e-12)
    np.testing.assert_allclose(net.params["0.w"].ravel(), oracle.x[:15], atol=1e-5)


def test_trains_only_what_it_is_told_to():
    net = regression()
    before = values(net)
    lbfgs(net, (X, TARGETS), only=["0.b"])
    np.testing.assert_array_equal(net.params["0.w"], before["0.w"])
    expected = (TARGETS - X @ before["0.w"]).mean(axis=0)
    np.testing.assert_allclose(net.params["0.b"], expected, atol=1e-6)


def test_keeps_float32_and_the_arrays():
    net = regression(np.float32)
    arrays = dict(net.params)
    result = lbfgs(net, (X.astype(np.float32), TARGETS.astype(np.float32)), tolerance=1e-3)
    assert result.converged
    for key, w in net.params.items():
        assert w is arrays[key]
        assert w.dtype == np.float32


def test_in_micro_batches_takes_the_same_way():
    whole, parts = regression(), regression()
    lbfgs(whole, (X, TARGETS), tolerance=1e-9)
    lbfgs(parts, (X, TARGETS), tolerance=1e-9, micro_batch=7)
    np.testing.assert_allclose(parts.to_vector(), whole.to_vector(), atol=1e-8)


def test_stops_after_so_many_steps_and_goes_on():
    net = classifier()
    first = lbfgs(net, (X, Y), steps=3)
    assert (first.steps, len(first.losses), first.converged) == (3, 4, False)
    second = lbfgs(net, (X, Y), steps=3)
    assert second.losses[0] == first.losses[-1]
    assert second.losses[-1] < first.losses[-1]


def test_is_deterministic_and_writes_no_data():
    x, y = X.copy(), Y.copy()
    x.setflags(write=False)
    y.setflags(write=False)
    nets = [classifier(), classifier()]
    results = [lbfgs(net, (x, y), steps=10) for net in nets]
    assert results[0].losses == results[1].losses
    assert_same(*map(values, nets))


class Failing(Layer):
    """Raises at one of its calls, or gives NaN there."""

    def __init__(self, at, error=None):
        super().__init__()
        self.at, self.error, self.calls = at, error, 0

    def forward(self, x, *, train=None, rng=None):
        self.calls += 1
        if self.calls == self.at and self.error:
            raise self.error
        return x * (np.nan if self.calls == self.at else 1.0), (x,)

    def backward(self, dout, cache):
        return dout

    def __repr__(self):
        return "Failing()"


@pytest.mark.parametrize("at", [1, 2, 9])
def test_an_interruption_leaves_the_last_complete_step(at):
    net = Sequential(Affine(5, 3, rng=0), Failing(at, KeyboardInterrupt()), MSE())
    with pytest.raises(KeyboardInterrupt):
        lbfgs(net, (X, TARGETS))
    assert net.layers[1].calls == at
    # each evaluation of this well-behaved loss is a step after the first
    expected = regression()
    if at > 2:
        lbfgs(expected, (X, TARGETS), steps=at - 2)
    loss, same = net.loss(X, TARGETS)[0], expected.loss(X, TARGETS)[0]
    assert loss == pytest.approx(float(same), rel=1e-12)


def test_a_loss_that_is_not_finite_says_why():
    net = Sequential(Affine(5, 3, rng=0), Failing(1), MSE())
    before = values(net)
    with pytest.raises(FloatingPointError) as caught:
        lbfgs(net, (X, TARGETS))
    assert str(caught.value) == (
        "lbfgs: the loss is nan in step 1; no layer shows why; the net is as it was before this "
        "step"
    )
    assert_same(values(net), before)
    net = regression()
    net.params["0.b"][1] = np.inf
    with pytest.raises(FloatingPointError) as caught:
        lbfgs(net, (X, TARGETS))
    assert str(caught.value) == (
        "lbfgs: the loss is inf in step 1; the first layer whose output is not finite is 0: "
        "Affine(5, 3), whose b was not finite before; the net is as it was before this step"
    )


@pytest.mark.parametrize(
    "call, error, message",
    [
        (
            lambda: lbfgs(Affine(5, 3), (X, TARGETS)),
            TypeError,
            "lbfgs: net must be a Sequential that ends in a loss, not Affine(5, 3); its last layer "
            "may be SoftmaxCrossEntropy() or MSE()",
        ),
        (
            lambda: lbfgs(regression(), X),
            TypeError,
            "lbfgs: data must be a pair (x, y), not (40, 5); data=(x, y)",
        ),
        (
            lambda: lbfgs(regression(), (X[:0], TARGETS[:0])),
            ValueError,
            "lbfgs: data has no examples: got x (0, 5)",
        ),
        (
            lambda: lbfgs(regression(), (X, TARGETS), penalty=0.1),
            TypeError,
            "lbfgs: penalty must be a penalty, not 0.1; L2(1e-4)",
        ),
        (
            lambda: lbfgs(regression(), (X, TARGETS), only=["1.w"]),
            ValueError,
            "lbfgs: the net has no parameter '1.w'; there are 0.w, 0.b",
        ),
        (
            lambda: lbfgs(regression(), (X, TARGETS), only=[]),
            ValueError,
            "lbfgs: only names no parameter; there is nothing to train",
        ),
        (
            lambda: lbfgs(Sequential(ReLU(), MSE()), (X, X)),
            ValueError,
            "lbfgs: the net has no parameters; there is nothing to train",
        ),
        (
            lambda: lbfgs(regression(), (X, TARGETS), steps=0),
            ValueError,
            "lbfgs: steps must be a positive integer, not 0",
        ),
        (
            lambda: lbfgs(regression(), (X, TARGETS), memory=1.5),
            TypeError,
            "lbfgs: memory must be a positive integer, not 1.5",
        ),
        (
            lambda: lbfgs(regression(), (X, TARGETS), tolerance=0),
            ValueError,
            "lbfgs: tolerance must be greater than 0, not 0",
        ),
        (
            lambda: lbfgs(regression(), (X, TARGETS), micro_batch=-1),
            ValueError,
            "lbfgs: micro_batch must be a positive integer, not -1",
        ),
    ],
)
def test_mistakes(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message


def test_a_random_loss_asks_for_a_generator():
    net = Sequential(Affine(5, 3, rng=0), Dropout(drop=0.5), MSE())
    before = values(net)
    with pytest.raises((TypeError, ValueError), match="rng"):
        lbfgs(net, (X, TARGETS))
    assert_same(values(net), before)
