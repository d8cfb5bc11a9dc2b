"""The learning-rate range test."""

import numpy as np
import pytest

from nnlayers import MSE, Affine, Dropout, ReLU, Sequential, SoftmaxCrossEntropy
from nnlayers.data import batches, digits
from nnlayers.training import L2, SGD, Adam, Solver, lr_range_test
from update_rules import RNG, assert_same, values

X = RNG(0).normal(size=(50, 5))
DATA = X, X @ RNG(1).normal(size=(5, 3))


def net_of():
    return Sequential(Affine(5, 8, rng=0), ReLU(), Dropout(drop=0.1), Affine(8, 3, rng=1), MSE())


def test_equals_a_loop_by_hand():
    net, penalty = net_of(), L2(0.1)
    settings = {"low": 1e-4, "high": 0.1, "steps": 20, "batch_size": 16, "penalty": penalty}
    found = lr_range_test(net, DATA, optimizer=SGD(net, lr=5.0, momentum=0.5), rng=3, **settings)
    np.testing.assert_allclose(found.rates, np.geomspace(1e-4, 0.1, 20), rtol=1e-12)
    by_hand, rng, losses = net_of(), RNG(3), []
    opt = SGD(by_hand, lr=1.0, momentum=0.5)
    while len(losses) < 20:
        for x, y in batches(*DATA, 16, rng=rng):
            if len(losses) < 20:
                loss, grads = by_hand.loss(x, y, rng=rng)
                for key, dw in penalty.gradients(by_hand).items():
                    grads[key] = grads[key] + dw
                losses.append(float(loss) + penalty.loss(by_hand))
                opt.lr = found.rates[len(losses) - 1]
                opt.step(grads)
    np.testing.assert_allclose(found.losses, losses, rtol=1e-9)
    for n in range(1, 21):
        weights = 0.9 ** np.arange(n - 1, -1, -1)
        assert found.smoothed[n - 1] == pytest.approx(np.average(losses[:n], weights=weights))
    assert found.suggestion == pytest.approx(found.rates[found.smoothed.argmin()] / 10)


def test_changes_neither_net_nor_optimizer():
    net = net_of()
    opt = Adam(net)
    before, saved = values(net), opt.state_dict()
    first = lr_range_test(net, DATA, optimizer=opt, rng=0, high=0.1)
    assert_same(values(net), before)
    assert (opt.lr, opt.t) == (1e-3, 0)
    for key, memory in saved["state"].items():
        assert_same(opt.state[key], memory)
    again = lr_range_test(net, DATA, rng=0, high=0.1)  # Adam is what None means
    np.testing.assert_array_equal(first.losses, again.losses)


def test_ends_when_the_loss_has_grown_and_warns_of_nothing():
    net = Sequential(Affine(5, 3, rng=0), MSE())
    x, y = DATA
    # gradient descent on this loss is stable for rates up to 2 over the largest curvature
    limit = 2 / np.linalg.eigvalsh(2 / 3 * np.cov(x.T, bias=True)).max()
    found = lr_range_test(net, DATA, optimizer=SGD(net, lr=1.0), batch_size=50, rng=0, high=1e6)
    assert len(found.rates) < 100
    assert limit < found.rates[-1] < 100 * limit
    assert found.suggestion < limit
    assert found.smoothed[-1] > 4 * found.smoothed.min()
    assert (found.smoothed[:-1] <= 4 * np.minimum.accumulate(found.smoothed[:-1])).all()
    assert len(found.losses) == len(found.smoothed) == len(found.rates)


def test_stops_before_a_loss_that_is_not_finite():
    x, y = DATA
    net = Sequential(Affine(5, 3, rng=0), MSE())
    found = lr_range_test(
        net, (x * 1e150, y), optimizer=SGD(net, lr=1.0), low=1e-3, rng=0, steps=10
    )
    assert np.isfinite(found.losses).all()
    assert len(found.rates) < 10
    assert found.suggestion is None
    found = lr_range_test(net, (x * np.nan, y), rng=0)
    assert (len(found.rates), found.suggestion) == (0, None)


def test_what_it_suggests_trains_well():
    train, test = digits()
    for make in (SGD, Adam):
        net = Sequential(
            Affine(64, 32, rng=0), ReLU(), Affine(32, 10, rng=1), SoftmaxCrossEntropy()
        )
        found = lr_range_test(net, train, optimizer=make(net, lr=1.0), rng=0)
        opt = make(net, lr=found.suggestion)
        solver = Solver(net, train, validation=test, optimizer=opt, epochs=15, rng=0, progress=None)
        assert max(solver.train()["validation_accuracy"]) > 0.9


@pytest.mark.parametrize(
    "settings, error, message",
    [
        (
            {"net": Affine(5, 3)},
            TypeError,
            "lr_range_test: net must be a Sequential that ends in a loss, not Affine(5, 3); its "
            "last layer may be SoftmaxCrossEntropy() or MSE()",
        ),
        (
            {"data": X},
            TypeError,
            "lr_range_test: data must be a pair (x, y), not (50, 5); data=(x, y)",
        ),
        (
            {"optimizer": SGD(net_of(), lr=0.1)},
            ValueError,
            "lr_range_test: SGD(net, lr=0.1, momentum=0.0, nesterov=False) is of another net; make "
            "it of the net to train",
        ),
        (
            {"optimizer": 0.1},
            TypeError,
            "lr_range_test: optimizer must be an optimizer, not 0.1; SGD(net, lr=0.1) makes one",
        ),
        (
            {"penalty": 0.1},
            TypeError,
            "lr_range_test: penalty must be a penalty, not 0.1; L2(1e-4)",
        ),
        ({"low": 0.0}, ValueError, "lr_range_test: low must be greater than 0, not 0.0"),
        ({"high": np.inf}, ValueError, "lr_range_test: high must be finite, not inf"),
        (
            {"low": 1.0, "high": 1.0},
            ValueError,
            "lr_range_test: low 1.0 must be less than high 1.0",
        ),
        ({"steps": 1}, ValueError, "lr_range_test: steps must be at least 2, not 1"),
        (
            {"batch_size": 0},
            ValueError,
            "lr_range_test: batch_size must be a positive integer, not 0",
        ),
        (
            {"rng": "0"},
            TypeError,
            "lr_range_test: rng must be an int seed, a numpy.random.Generator or None, not '0'; "
            "np.random.default_rng(0) makes a generator",
        ),
    ],
)
def test_mistakes(settings, error, message):
    with pytest.raises(error) as caught:
        lr_range_test(**({"net": net_of(), "data": DATA} | settings))
    assert str(caught.value) == message
