"""Update rules as pure functions."""

import copy

import numpy as np
import pytest

from nnlayers.training import (
    adadelta,
    adagrad,
    adam,
    adamw,
    nesterov,
    radam,
    rmsprop,
    sgd,
    sgd_momentum,
)
from nnlayers.training.moment_rules import rectification
from update_rules import RNG, each


def test_sgd_by_hand():
    next_w, config = sgd(np.array([1.0, 2.0]), np.array([10.0, -10.0]))
    np.testing.assert_allclose(next_w, [0.9, 2.1])
    assert config == {"learning_rate": 0.01}


def test_momentum_by_hand():
    w, config = np.array([1.0]), {"learning_rate": 0.1, "momentum": 0.5}
    for _ in range(2):
        w, config = sgd_momentum(w, np.array([2.0]), config)
    # v: -0.2, -0.3
    np.testing.assert_allclose(w, [0.5])
    np.testing.assert_allclose(config["velocity"], [-0.3])


def test_nesterov_is_momentum_with_the_gradient_taken_ahead():
    # L(u) = u^4 / 4: momentum on u with the gradient at u + mu v, and w = u + mu v throughout
    u, v, lr, mu = 1.0, 0.0, 0.1, 0.9
    w, config = np.array([u]), {"learning_rate": lr, "momentum": mu}
    for _ in range(20):
        v = mu * v - lr * (u + mu * v) ** 3
        u += v
        w, config = nesterov(w, w**3, config)
        np.testing.assert_allclose(w, u + mu * v, rtol=1e-13)


def test_adam_by_the_averages_it_is_defined_by():
    grads = RNG(0).normal(size=(10, 4))
    w, config = np.zeros(4), {"learning_rate": 0.1, "beta1": 0.7, "beta2": 0.8}
    expected = np.zeros(4)
    for t in range(1, 11):
        ages = np.arange(t - 1, -1, -1)[:, None]
        mean = np.average(grads[:t], axis=0, weights=(0.7**ages)[:, 0])
        square = np.average(grads[:t] ** 2, axis=0, weights=(0.8**ages)[:, 0])
        expected -= 0.1 * mean / (np.sqrt(square) + 1e-8)
        w, config = adam(w, grads[t - 1], config)
        assert config["t"] == t
        np.testing.assert_allclose(w, expected, rtol=1e-12)


def test_adagrad_by_the_sum_it_is_defined_by():
    grads = RNG(0).normal(size=(10, 4))
    w, config, expected = np.ones(4), {"learning_rate": 0.1, "epsilon": 0.5}, np.ones(4)
    for t in range(10):
        expected -= 0.1 * grads[t] / (np.sqrt((grads[: t + 1] ** 2).sum(axis=0)) + 0.5)
        w, config = adagrad(w, grads[t], config)
        np.testing.assert_allclose(w, expected, rtol=1e-12)


def test_rmsprop_by_the_average_it_is_defined_by():
    grads = RNG(0).normal(size=(10, 4))
    w, expected = np.ones(4), np.ones(4)
    config = {"learning_rate": 0.1, "decay_rate": 0.7, "epsilon": 0.5}
    for t in range(10):
        weights = 0.3 * 0.7 ** np.arange(t, -1, -1)[:, None]
        expected -= 0.1 * grads[t] / (np.sqrt((weights * grads[: t + 1] ** 2).sum(axis=0)) + 0.5)
        w, config = rmsprop(w, grads[t], config)
        np.testing.assert_allclose(w, expected, rtol=1e-12)


def test_adadelta_by_the_averages_it_is_defined_by():
    grads, changes = RNG(0).normal(size=(10, 4)), np.zeros((10, 4))
    w, expected = np.ones(4), np.ones(4)
    config = {"learning_rate": 0.5, "decay_rate": 0.7, "epsilon": 0.01}
    for t in range(10):
        weights = 0.3 * 0.7 ** np.arange(t, -1, -1)[:, None]
        of_grads = (weights * grads[: t + 1] ** 2).sum(axis=0)
        of_changes = (weights[1:] * changes[:t] ** 2).sum(axis=0)
        changes[t] = np.sqrt(of_changes + 0.01) / np.sqrt(of_grads + 0.01) * grads[t]
        expected -= 0.5 * changes[t]
        w, config = adadelta(w, grads[t], config)
        np.testing.assert_allclose(w, expected, rtol=1e-12)


def test_adadelta_does_not_depend_on_the_scale_of_the_gradient():
    """As long as ε is small beside it, which the course of 20 steps shows."""
    ways = []
    for scale in (1.0, 1000.0):
        w, config = np.array([3.0]), {"epsilon": 1e-12}
        for _ in range(20):
            w, config = adadelta(w, scale * w, config)
        ways.append(w)
    np.testing.assert_allclose(*ways, rtol=1e-6)


def test_adamw_is_adam_on_weights_that_shrank():
    w, config, config_w = RNG(0).normal(size=4), {}, {"weight_decay": 0.5}
    expected = w
    for step in range(5):
        dw = RNG(step).normal(size=4)
        expected, config = adam(expected * (1 - 1e-3 * 0.5), dw, config)
        w, config_w = adamw(w, dw, config_w)
        np.testing.assert_allclose(w, expected, rtol=1e-14)
    assert config_w["weight_decay"] == 0.5
    assert adamw(np.ones(2), np.zeros(2), {"learning_rate": 0.5})[0].tolist() == [0.995, 0.995]


def test_radam_by_the_formulas_of_its_paper():
    beta1, beta2, lr, eps = 0.9, 0.99, 0.1, 1e-3
    grads = RNG(0).normal(size=(40, 4))
    w, config, expected = (
        np.zeros(4),
        {"learning_rate": lr, "beta2": beta2, "epsilon": eps},
        np.zeros(4),
    )
    m, v, longest, rectified = np.zeros(4), np.zeros(4), 2 / (1 - beta2) - 1, []
    for t in range(1, 41):
        m = beta1 * m + (1 - beta1) * grads[t - 1]
        v = beta2 * v + (1 - beta2) * grads[t - 1] ** 2
        length = longest - 2 * t * beta2**t / (1 - beta2**t)
        change = m / (1 - beta1**t)
        rectified.append(length > 5)
        if length > 5:
            r = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            change = np.sqrt(r) * change * np.sqrt(1 - beta2**t) / (np.sqrt(v) + eps)
        expected = expected - lr * change
        w, config = radam(w, grads[t - 1], config)
        np.testing.assert_allclose(w, expected, rtol=1e-11)
    assert rectified[:7] == [False] * 5 + [True] * 2


def test_the_rectification_grows_to_one():
    grown = [rectification(0.99, t) for t in range(1, 3000)]
    assert grown == sorted(grown)
    assert grown[0] == 0.0
    assert 0.999 < grown[-1] <= 1.0
    assert rectification(0.5, 10**6) == 0.0  # so short an average is never worth 5 squares


@each("rule, config")
def test_rules_are_pure(rule, config):
    w, dw = RNG(0).normal(size=(2, 3, 4))
    config = dict(config)
    _, config = rule(w, dw, config)
    before = copy.deepcopy((w, dw, config))
    for array in (w, dw, *config.values()):
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
    next_w, after = rule(w, dw, config)
    again, _ = rule(w, dw, config)
    np.testing.assert_array_equal(next_w, again)
    np.testing.assert_array_equal(w, before[0])
    np.testing.assert_array_equal(dw, before[1])
    assert config.keys() == before[2].keys()
    for key, value in before[2].items():
        np.testing.assert_array_equal(config[key], value)
    arrays = [a for a in after.values() if isinstance(a, np.ndarray)]
    for i, array in enumerate([next_w, *arrays]):
        assert not any(np.shares_memory(array, other) for other in (w, dw))
        assert not any(np.shares_memory(array, other) for other in arrays[i:])


@each("rule, config")
def test_rules_keep_float32(rule, config):
    w, dw = RNG(0).normal(size=(2, 3)).astype(np.float32)
    # settings that come from NumPy must not promote
    config = {key: np.float64(value) for key, value in config.items()}
    for _ in range(2):
        w, config = rule(w, dw, config)
        assert w.dtype == np.float32
        arrays = [value for value in config.values() if isinstance(value, np.ndarray)]
        assert all(array.dtype == np.float32 for array in arrays)


@pytest.mark.parametrize(
    "rule, config, error, message",
    [
        (
            rmsprop,
            {"decay_rate": 1.0},
            ValueError,
            "rmsprop: decay_rate must be at least 0 and less than 1, not 1.0",
        ),
        (
            adagrad,
            {"decay_rate": 0.9, "cache": None},
            ValueError,
            "adagrad: config has the unknown key decay_rate; the keys are learning_rate, epsilon, "
            "cache",
        ),
        (
            adadelta,
            {"momentum": 0.9, 3: 4},
            ValueError,
            "adadelta: config has the unknown keys momentum, 3; the keys are learning_rate, "
            "decay_rate, epsilon, cache, delta",
        ),
        (
            adamw,
            {"weight_decay": -0.1},
            ValueError,
            "adamw: weight_decay must be at least 0, not -0.1",
        ),
        (
            radam,
            {"t": 2.5},
            TypeError,
            "radam: t must be an integer, not 2.5",
        ),
        (
            sgd,
            {"learning_rate": float("inf")},
            ValueError,
            "sgd: learning_rate must be finite, not inf",
        ),
        (
            sgd,
            {"learning_rate": None},
            TypeError,
            "sgd: learning_rate must be a number, not None",
        ),
        (
            sgd,
            [0.1],
            TypeError,
            "sgd: config must be a dict, not [0.1]",
        ),
        (
            adadelta,
            {"delta": np.zeros((3, 1))},
            ValueError,
            "adadelta: w and delta must have the same shape: got w (3,), delta (3, 1); "
            "delta.reshape(w.shape) if the entries correspond",
        ),
        (
            adam,
            {"lr": 0.1, "decay_rate": 0.9},
            ValueError,
            "adam: config has the unknown keys lr, decay_rate; the keys are learning_rate, "
            "beta1, beta2, epsilon, m, v, t",
        ),
        (
            sgd,
            {"momentum": 0.9},
            ValueError,
            "sgd: config has the unknown key momentum; the keys are learning_rate",
        ),
        (
            sgd,
            {"learning_rate": -1.0},
            ValueError,
            "sgd: learning_rate must be at least 0, not -1.0",
        ),
        (
            nesterov,
            {"momentum": 1.0},
            ValueError,
            "nesterov: momentum must be at least 0 and less than 1, not 1.0",
        ),
        (
            adam,
            {"epsilon": 0.0},
            ValueError,
            "adam: epsilon must be greater than 0, not 0.0",
        ),
        (
            adam,
            {"t": -1},
            ValueError,
            "adam: t must be at least 0, not -1",
        ),
        (
            sgd_momentum,
            {"velocity": np.zeros(2)},
            ValueError,
            "sgd_momentum: w and velocity must have the same shape: got w (3,), velocity (2,); "
            "every entry of w needs one of velocity",
        ),
        (
            sgd_momentum,
            {"velocity": np.zeros(3, np.float32)},
            TypeError,
            "sgd_momentum: velocity is float32 but w is float64: got w (3,) float64, velocity "
            "(3,) float32; velocity.astype(np.float64) or w.astype(np.float32)",
        ),
    ],
)
def test_rules_refuse_a_wrong_config(rule, config, error, message):
    with pytest.raises(error) as caught:
        rule(np.ones(3), np.ones(3), config)
    assert str(caught.value) == message


def test_rules_refuse_a_gradient_that_would_broadcast():
    with pytest.raises(ValueError) as caught:
        sgd(np.ones(4), np.ones((4, 4)))
    assert str(caught.value) == (
        "sgd: w and dw must have the same shape: got w (4,), dw (4, 4); every entry of w needs "
        "one of dw"
    )
