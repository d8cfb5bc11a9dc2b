"""What the solver of cs231n refuses, and what it advises."""

import numpy as np
import pytest

from nnlayers.course.cs231n.captioning_solver import CaptioningSolver
from nnlayers.course.cs231n.classifiers.fc_net import TwoLayerNet
from nnlayers.course.cs231n.solver import Solver


def arrays():
    """Examples for the solver."""
    X, y = np.zeros((120, 6)), np.arange(120) % 3
    return {"X_train": X, "y_train": y, "X_val": X[:30], "y_val": y[:30]}


class TestRefusals:
    def text(self, error, data=None, model=None, **settings):
        with pytest.raises(error) as caught:
            Solver(
                model or TwoLayerNet(6, 5, 3, rng=0), arrays() if data is None else data, **settings
            )
        return str(caught.value)

    def test_the_other_courses_convention(self):
        takes = (
            "nnlayers.course.i2dl.Solver takes them; "
            "here the model has its loss, and data is a dict"
        )
        assert self.text(TypeError, loss_func=None, optimizer=None) == (
            f"Solver: unknown keywords loss_func, optimizer; {takes}"
        )
        assert self.text(TypeError, learning_rate=1e-3) == (
            "Solver: unknown keyword learning_rate; "
            'it belongs into optim_config={"learning_rate": ...}'
        )
        assert self.text(TypeError, data=[1, 2]) == (
            "Solver: data must be a dict with X_train, y_train, X_val, y_val, not [1, 2]; "
            "nnlayers.course.i2dl.Solver takes loaders"
        )

    def test_a_model_without_loss(self):
        class Net:
            params = {}

            def __repr__(self):
                return "Net()"

        fix = "nnlayers.course.i2dl.Solver trains nets that have forward and backward"
        assert self.text(TypeError, model=Net()) == (
            "Solver: model must have a dict params and scores = loss(X) and "
            f"loss, grads = loss(X, y), not Net(); {fix}"
        )
        net = Net()
        net.loss, net.params = len, None
        assert self.text(TypeError, model=net).endswith(f"not Net(); {fix}")
        with pytest.raises(TypeError) as caught:
            CaptioningSolver(Net(), {})
        assert str(caught.value) == (
            "CaptioningSolver: model must have a dict params and "
            f"loss, grads = loss(features, captions), not Net(); {fix}"
        )

    def test_keywords_and_values(self):
        assert self.text(TypeError, epochs=3) == (
            "Solver: unknown keyword epochs; there are update_rule, optim_config, lr_decay, "
            "batch_size, num_epochs, num_train_samples, num_val_samples, checkpoint_name, "
            "print_every, verbose, rng"
        )
        assert self.text(ValueError, update_rule="adagrad") == (
            "Solver: update_rule must be one of adam, rmsprop, sgd, sgd_momentum, not 'adagrad'"
        )
        assert self.text(ValueError, optim_config={"lr": 1}) == (
            "sgd: config has the unknown key lr; the keys are learning_rate"
        )
        assert self.text(ValueError, update_rule="adam", optim_config={"momentum": 0.9}).startswith(
            "adam: config has the unknown key momentum; the keys are learning_rate, beta1"
        )
        assert self.text(ValueError, batch_size=0) == (
            "Solver: batch_size must be an integer of at least 1, not 0"
        )
        assert self.text(ValueError, num_epochs=2.5) == (
            "Solver: num_epochs must be an integer of at least 0, not 2.5"
        )
        assert self.text(ValueError, lr_decay=-1) == "Solver: lr_decay must be at least 0, not -1"

    def test_data(self):
        data = arrays()
        del data["X_val"]
        assert self.text(ValueError, data=data) == (
            "Solver: data lacks X_val; it has X_train, y_train, y_val"
        )
        data = arrays()
        data["y_train"] = data["y_train"][:7]
        assert self.text(ValueError, data=data) == (
            "Solver: X_train and y_train must be as many, and at least one: got X (120, 6), y (7,)"
        )

    def test_a_gradient_that_is_missing(self):
        class Forgetful(TwoLayerNet):
            def loss(self, X, y=None):
                loss, grads = super().loss(X, y)
                del grads["b2"]
                return loss, grads

        model = Forgetful(6, 5, 3, rng=0)
        before = {name: w.copy() for name, w in model.params.items()}
        solver = Solver(model, arrays(), verbose=False)
        with pytest.raises(ValueError) as caught:
            solver.train()
        assert str(caught.value) == (
            "Solver: the model's loss returned no gradient of b2; it returned those of W2, W1, b1"
        )
        assert all(np.array_equal(before[name], w) for name, w in model.params.items())
