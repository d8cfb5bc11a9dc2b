"""Optimizers of I2DL: published steps, naive references, and what they refuse."""

import copy
import math
import pickle

import numpy as np
import pytest

from nnlayers.course import i2dl
from nnlayers.course.i2dl.networks import optimizer as module
from nnlayers.course.i2dl.networks.classification_net import ClassificationNet
from nnlayers.course.i2dl.networks.classifier import Classifier
from nnlayers.course.i2dl.networks.loss import MSE, CrossEntropyFromLogits
from nnlayers.course.i2dl.networks.optimizer import (
    SGD,
    Adam,
    Optimizer,
    SGDMomentum,
    sgd_momentum,
)

KINDS = [SGD, SGDMomentum, Adam]


def refusal(call, error=ValueError):
    with pytest.raises(error) as caught:
        call()
    return str(caught.value)


def net(**settings):
    return ClassificationNet(input_size=4, hidden_size=3, num_classes=2, std=0.5, rng=0, **settings)


class TestExercise4:
    def test_step(self):
        model = Classifier(num_features=2, rng=0)
        start, gradient = model.W, np.array([[1], [2], [3]])
        kept = start.copy()
        optimizer = Optimizer(model)
        optimizer.step(gradient)
        assert np.allclose(model.W, kept - 5e-5 * gradient, rtol=1e-15)
        assert np.array_equal(start, kept)
        optimizer.lr = 0.5
        optimizer.step(gradient)
        assert np.allclose(model.W, kept - 0.50005 * gradient, rtol=1e-14)

    def test_refuses(self):
        assert refusal(lambda: Optimizer(net()), TypeError).startswith(
            "Optimizer: model must have weights W, not "
        )
        assert refusal(lambda: Optimizer({}), TypeError) == (
            "Optimizer: model must have weights W, not {}; SGD trains nets that have a dict params"
        )
        assert refusal(lambda: Optimizer(Classifier(2), -1)) == (
            "Optimizer: learning_rate must be at least 0, not -1"
        )
        assert refusal(lambda: Optimizer(Classifier(2)).step(np.ones(3))).startswith(
            "Optimizer.step: w and dw must have the same shape: got w (3, 1), dw (3,)"
        )


def ramps(*ends):
    return [np.linspace(low, high, num=20).reshape(4, 5) for low, high in ends]


class TestUpdates:
    def test_sgd(self):
        w, dw = ramps((-0.4, 0.6), (-0.6, 0.4))
        kept = w.copy()
        assert np.allclose(SGD._update(None, w, dw, 0.1), w - 0.1 * dw, rtol=1e-15)
        assert np.array_equal(w, kept)

    def test_published_momentum(self):
        w, dw, v = ramps((-0.4, 0.6), (-0.6, 0.4), (0.6, 0.9))
        config = {"learning_rate": 1e-3, "velocity": v}
        next_w, returned = SGDMomentum._update(None, w, dw, config=config, lr=1e-3)
        first = [0.1406, 0.20738947, 0.27417895, 0.34096842, 0.40775789]
        last = [1.14244211, 1.20923158, 1.27602105, 1.34281053, 1.4096]
        assert np.allclose(next_w[[0, 3]], [first, last], rtol=0, atol=1e-8)
        first = [0.5406, 0.55475789, 0.56891579, 0.58307368, 0.59723158]
        last = [0.75296842, 0.76712632, 0.78128421, 0.79544211, 0.8096]
        assert returned is config  # the dict that was passed is brought up to date
        assert np.allclose(config["velocity"][[0, 3]], [first, last], rtol=0, atol=1e-8)
        assert config["momentum"] == 0.9

    def test_adam(self):
        w, dw, m, v = ramps((-0.4, 0.6), (-0.6, 0.4), (0.6, 0.9), (0.7, 0.5))
        config = {"m": m, "v": v, "t": 5}
        next_w, _ = Adam._update(None, w, dw, config, 1e-2)
        for i in np.ndindex(w.shape):
            mean = 0.9 * m[i] + 0.1 * dw[i]
            square = 0.999 * v[i] + 0.001 * dw[i] ** 2
            step = mean / (1 - 0.9**6) / (math.sqrt(square / (1 - 0.999**6)) + 1e-4)
            assert next_w[i] == pytest.approx(w[i] - 1e-2 * step, rel=1e-12)
            assert config["m"][i] == pytest.approx(mean, rel=1e-12)
            assert config["v"][i] == pytest.approx(square, rel=1e-12)
        assert config["t"] == 6
        assert config["epsilon"] == 1e-4
        assert "learning_rate" not in config

    def test_adams_epsilon_is_not_that_of_cs231n(self):
        w, dw = np.zeros(1), np.full(1, 1e-4)
        assert Adam._update(None, w, dw, {}, 1.0)[0][0] == pytest.approx(-0.5)
        config = {"epsilon": 1e-8}
        assert Adam._update(None, w, dw, config, 1.0)[0][0] == pytest.approx(-1, abs=1e-3)

    def test_no_config(self):
        w, dw = np.zeros(2), np.ones(2)
        next_w, config = SGDMomentum._update(None, w, dw, None, 0.1)
        assert np.allclose(next_w, -0.1)
        assert np.allclose(config["velocity"], -0.1)

    def test_a_name_of_exercise_6(self):
        assert sgd_momentum is SGDMomentum is i2dl.sgd_momentum

    @pytest.mark.parametrize("kind", [SGDMomentum, Adam])
    def test_refuses(self, kind):
        w, name = np.zeros(2), kind.__name__
        assert refusal(lambda: kind._update(None, w, w, [1], 0.1), TypeError) == (
            f"{name}: config must be a dict, not [1]"
        )
        assert refusal(lambda: kind._update(None, w, w, {"learning_rate": 0.2}, 0.1)) == (
            f"{name}: config has the learning rate 0.2, but lr is 0.1; leave it out of the config"
        )
        assert refusal(lambda: kind._update(None, w, w, {"mu": 0.2}, 0.1)).startswith(
            f"{name}: config has the unknown key mu; the keys are learning_rate, "
        )
        assert refusal(lambda: kind._update(None, w, w[:1], {}, 0.1)).startswith(
            f"{name}: w and dw must have the same shape"
        )


@pytest.mark.parametrize("kind", KINDS)
class TestSteps:
    def test_as_the_rules_say(self, kind):
        X, y = np.random.default_rng(1).normal(size=(5, 4)), np.array([0, 1, 1, 0, 1])
        model, other, loss = net(reg=0.1), net(reg=0.1), CrossEntropyFromLogits()
        optimizer = kind(model, loss, learning_rate=0.1)
        configs = {name: {} for name in other.params}
        for _ in range(4):
            optimizer.backward(model.forward(X), y)
            optimizer.step()
            grads = other.backward(loss.backward(other.forward(X), y))
            for name in other.params:
                w, dw = other.params[name], grads[name]
                if kind is SGD:
                    other.params[name] = w - 0.1 * dw
                else:
                    other.params[name], configs[name] = kind._update(
                        None, w, dw, configs[name], 0.1
                    )
        assert all(np.array_equal(model.params[n], other.params[n]) for n in other.params)
        assert model.grads == dict.fromkeys(model.params, 0.0)

    def test_old_weights_and_gradients_are_not_written(self, kind):
        model = net()
        optimizer = kind(model, MSE, learning_rate=0.1)
        before = {name: (w, w.copy()) for name, w in model.params.items()}
        optimizer.backward(model.forward(np.ones((2, 4))), np.ones((2, 2)))
        grads = model.grads
        optimizer.step()
        assert all(np.array_equal(w, kept) for w, kept in before.values())
        assert all(isinstance(dw, np.ndarray) for dw in grads.values())
        assert not np.array_equal(model.params["W2"], before["W2"][0])

    def test_the_learning_rate_may_change(self, kind):
        model = net()
        optimizer = kind(model, MSE(), learning_rate=0.1)
        optimizer.lr = 0.0
        before = copy.deepcopy(model.params)
        optimizer.backward(model.forward(np.ones((2, 4))), np.ones((2, 2)))
        optimizer.step()
        assert all(np.array_equal(model.params[n], before[n]) for n in before)

    def test_copies_go_on_alike(self, kind):
        optimizer = kind(net(), MSE(), learning_rate=0.1)
        others = [optimizer]
        for make in (copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))):
            advance(optimizer)
            others.append(make(optimizer))
            for one in others:
                advance(one)
        params = [one.model.params for one in others]
        assert np.array_equal(params[2]["W1"], params[0]["W1"])

    def test_a_gradient_that_is_a_number(self, kind):
        model = net()
        optimizer = kind(model, MSE(), learning_rate=0.1)
        optimizer.backward(model.forward(np.ones((2, 4))), np.ones((2, 2)))
        model.grads["W1"] = 0.0  # of a parameter that a net of one's own does not train
        before = model.params["W1"].copy()
        optimizer.step()
        assert np.array_equal(model.params["W1"], before)

    def test_refuses_a_step_without_gradients(self, kind):
        model = net()
        optimizer = kind(model, MSE())
        name = kind.__name__
        assert refusal(optimizer.step) == (
            f"{name}.step: the model has no gradients; "
            "call backward(y_pred, y_true) before each step"
        )
        optimizer.backward(model.forward(np.ones((2, 4))), np.ones((2, 2)))
        del model.grads["b1"], model.grads["W1"]
        before = copy.deepcopy(model.params)
        assert refusal(optimizer.step) == (
            f"{name}.step: the model has no gradient of W1, b1; it has those of W2, b2"
        )
        model.grads |= {"W1": np.ones((4, 3)), "b1": np.ones(4)}
        assert refusal(optimizer.step).startswith(f"{name}: w and dw must have the same shape")
        assert optimizer.optim_configs["W1"] == {}
        assert all(np.array_equal(model.params[n], before[n]) for n in before)

    def test_refuses_what_it_is_not_made_for(self, kind):
        name = kind.__name__
        assert refusal(lambda: kind(np.ones(2), np.ones(2), {}), TypeError) == (
            f"{name}: model must be a net with params and backward, not (2,); "
            "the rules of nnlayers.course.cs231n take w, dw and config"
        )
        assert refusal(lambda: kind(net(), "mse"), TypeError) == (
            f"{name}: loss_func must be an object or class with forward and backward, not 'mse'; "
            "such as MSE()"
        )
        assert refusal(lambda: kind(net(), MSE(), -1.0)) == (
            f"{name}: learning_rate must be at least 0, not -1.0"
        )
        assert refusal(lambda: kind(net(), MSE(), lr=0.1), TypeError) == (
            f"{name}: unknown keyword lr; it is learning_rate"
        )
        assert refusal(lambda: kind(net(), MSE(), momentum=0.1), TypeError) == (
            f'{name}: unknown keyword momentum; it belongs into optim_config={{"momentum": ...}}'
        )
        assert refusal(lambda: kind(net(), MSE(), nesterov=True), TypeError) == (
            f"{name}: unknown keyword nesterov; there are learning_rate, optim_config"
        )
        assert refusal(lambda: kind(net(), MSE(), optim_config={"learning_rate": 1.0})) == (
            f"{name}: optim_config has learning_rate, which is an argument of its own; "
            f"{name}(model, loss_func, learning_rate)"
        )
        assert refusal(lambda: kind(net(), MSE(), optim_config={"mu": 1.0})).startswith(
            f"{name}: config has the unknown key mu; the keys are learning_rate"
        )
        assert refusal(lambda: kind(net(), MSE(), optim_config=[1.0]), TypeError) == (
            f"{name}: config must be a dict, not [1.0]"
        )


def advance(optimizer):
    optimizer.backward(optimizer.model.forward(np.ones((2, 4))), np.ones((2, 2)))
    optimizer.step()


class TestSettings:
    def test_they_are_not_ignored(self):
        slow = SGDMomentum(net(), MSE(), 0.1, optim_config={"momentum": 0.0})
        fast = SGDMomentum(net(), MSE(), 0.1)
        plain = SGD(net(), MSE(), 0.1)
        for optimizer in (slow, fast, plain):
            advance(optimizer)
            advance(optimizer)
        assert np.allclose(slow.model.params["W1"], plain.model.params["W1"], rtol=1e-14)
        assert not np.allclose(fast.model.params["W1"], plain.model.params["W1"])

    def test_each_parameter_has_its_own(self):
        settings = {"beta1": 0.5}
        optimizer = Adam(net(), MSE(), optim_config=settings)
        advance(optimizer)
        assert settings == {"beta1": 0.5}
        configs = optimizer.optim_configs
        assert configs.keys() == optimizer.model.params.keys()
        assert all(config["beta1"] == 0.5 and config["t"] == 1 for config in configs.values())
        assert configs["W1"]["m"].shape == (4, 3)
        optimizer._reset()
        assert all(config == {"beta1": 0.5} for config in optimizer.optim_configs.values())
        assert len({id(config) for config in optimizer.optim_configs.values()}) == 4


def test_public_names():
    assert sorted(module.__all__) == module.__all__
    assert all(getattr(i2dl, name) is getattr(module, name) for name in module.__all__)
    assert all(getattr(module, name).__doc__ for name in module.__all__)
