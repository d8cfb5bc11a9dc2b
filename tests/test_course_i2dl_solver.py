"""The solvers of I2DL: histories against a loop written out, the best parameters, refusals."""

import math
import pickle

import numpy as np
import pytest

from nnlayers.course import cs231n
from nnlayers.course.i2dl import (
    BCE,
    MSE,
    SGD,
    Adam,
    ClassificationNet,
    Classifier,
    CrossEntropyFromLogits,
    DataLoader,
    RegressionNet,
    Relu,
    SGDMomentum,
    Solver,
)


def refusal(call, error=TypeError):
    with pytest.raises(error) as caught:
        call()
    return str(caught.value)


def blobs(n=20, seed=0):
    """Make a dataset of images in three clusters."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    X = np.eye(3, 6)[y] + 0.3 * rng.normal(size=(n, 6))
    return [{"image": x, "label": int(label)} for x, label in zip(X, y)]


def net(**settings):
    sizes = {"input_size": 6, "hidden_size": 5, "num_classes": 3, "std": 0.5, "rng": 0}
    return ClassificationNet(**{**sizes, **settings})


def loaders(batch_size=6, **settings):
    return (
        DataLoader(blobs(), batch_size=batch_size, **settings),
        DataLoader(blobs(8, seed=1), batch_size=batch_size),
    )


def quiet(model, *args, **settings):
    return Solver(model, *args, verbose=False, **settings)


@pytest.mark.parametrize("optimizer", [SGD, SGDMomentum, Adam])
def test_histories(optimizer):
    model, other = net(reg=0.1), net(reg=0.1)
    train, val = loaders(shuffle=True, rng=5)
    solver = quiet(model, train, val, learning_rate=0.3, optimizer=optimizer, lr_decay=0.5)
    solver.train(epochs=4)

    train, val = loaders(shuffle=True, rng=5)
    loss, configs = CrossEntropyFromLogits(), {name: {} for name in other.params}
    lr, train_batches, val_batches, epochs = 0.3, [], [], []
    for t in range(4):
        sums = []
        for part, batches in ((train, train_batches), (val, val_batches)):
            losses = []
            for batch in part:
                X, y = batch["image"], batch["label"]
                scores = other.forward(X)
                penalty = 0.1 * sum((other.params[name] ** 2).sum() for name in ("W1", "W2"))
                losses.append(loss.forward(scores, y) + penalty)
                if t > 0 and part is train:
                    grads = other.backward(loss.backward(scores, y))
                    for name, w in other.params.items():
                        if optimizer is SGD:
                            other.params[name] = w - lr * grads[name]
                        else:
                            other.params[name], configs[name] = optimizer._update(
                                None, w, grads[name], configs[name], lr
                            )
            if part is train:
                lr *= 0.5
            batches += losses
            sums.append(np.mean(losses))
        epochs.append(sums)
    assert np.allclose(solver.train_batch_loss, train_batches, rtol=1e-12)
    assert np.allclose(solver.val_batch_loss, val_batches, rtol=1e-12)
    assert np.allclose(solver.train_loss_history, [a for a, _ in epochs], rtol=1e-12)
    assert np.allclose(solver.val_loss_history, [b for _, b in epochs], rtol=1e-12)
    assert solver.train_loss_history[0] != solver.train_loss_history[1]
    assert solver.opt.lr == 0.3 / 16


def test_the_first_epoch_only_measures():
    model = net()
    before = {name: w.copy() for name, w in model.params.items()}
    solver = quiet(model, *loaders())
    solver.train(epochs=1)
    assert all(np.array_equal(model.params[name], w) for name, w in before.items())
    assert len(solver.train_loss_history) == len(solver.val_loss_history) == 1


def test_what_is_printed(capsys):
    solver = Solver(net(), *loaders(), print_every=2, learning_rate=0.0)
    solver.train(epochs=3, patience=2)
    train, val = solver.train_loss_history, solver.val_loss_history
    assert capsys.readouterr().out.splitlines() == [
        f"(Epoch 1 / 3) train loss: {train[0]:f}; val loss: {val[0]:f}",
        f"(Epoch 3 / 3) train loss: {train[2]:f}; val loss: {val[2]:f}",
        "Stopping early at epoch 2!",
    ]
    quiet(net(), *loaders(), learning_rate=0.0).train(epochs=3, patience=1)
    assert capsys.readouterr().out == ""


class Counting:
    """A net whose parameter counts the epochs in which it learnt, of one step each."""

    def __init__(self):
        self.params, self.grads = {"w": np.zeros(1)}, {"w": 0.0}

    def forward(self, X):
        return np.zeros((len(X), 1))

    def backward(self, dy):
        self.grads = {"w": np.full(1, -1.0)}
        return self.grads


class Script(MSE):
    """A loss that depends on how much the net has learnt."""

    def __init__(self, model, losses):
        self.model, self.losses = model, losses

    def forward(self, y_out, y_truth):
        return self.losses[int(self.model.params["w"][0])]


def scripted(*losses):
    model = Counting()
    loader = DataLoader([{"features": np.zeros(1), "target": np.zeros(1)}])
    script = Script(model, losses)
    return quiet(model, loader, loader, script, learning_rate=1.0, optimizer=SGD)


class TestBest:
    def test_copies_are_kept_and_put_back(self):
        solver = scripted(5.0, 2.0, 3.0, 2.0)
        solver.train(epochs=4)
        assert solver.val_loss_history == [5.0, 2.0, 3.0, 2.0]
        assert solver.best_model_stats == {"val_loss": 2.0, "train_loss": 5.0}
        assert solver.model.params["w"].tolist() == [1.0]  # the first of equally good ones
        assert solver.current_patience == 2
        solver.model.params["w"][0] = 7.0
        assert solver.best_params["w"].tolist() == [1.0]

    def test_a_loss_of_0_counts(self):
        solver = scripted(1.0, 0.0, 0.5, 0.7)
        solver.train(epochs=4)
        assert solver.best_model_stats["val_loss"] == 0.0
        assert solver.model.params["w"].tolist() == [1.0]

    def test_nan_is_never_the_best(self):
        solver = scripted(math.nan, 4.0, math.nan, 5.0)
        solver.train(epochs=4)
        assert solver.best_model_stats["val_loss"] == 4.0
        assert solver.model.params["w"].tolist() == [1.0]

    def test_patience(self):
        solver = scripted(5.0, 4.0, 6.0, 6.0, 3.0, 3.0)
        solver.train(epochs=6, patience=2)
        assert solver.val_loss_history == [5.0, 4.0, 6.0, 6.0]
        patient = scripted(5.0, 4.0, 6.0, 6.0, 3.0, 3.0)
        patient.train(epochs=6, patience=3)
        assert len(patient.val_loss_history) == 6
        anew = scripted(5.0, 6.0, 4.0, 6.0, 6.0, 3.0)  # it begins anew with each improvement
        anew.train(epochs=6, patience=2)
        assert anew.val_loss_history == [5.0, 6.0, 4.0, 6.0, 6.0]

    def test_no_epochs(self):
        solver = scripted(1.0)
        solver.train(epochs=0)
        assert solver.model.params["w"].tolist() == [0.0]


class TestAccuracy:
    def test_of_a_dataset(self):
        model, (train, _) = net(), loaders()
        solver = quiet(model, *loaders())
        X = np.stack([example["image"] for example in blobs()])
        y = np.array([example["label"] for example in blobs()])
        expected = (model.forward(X).argmax(axis=1) == y).mean()
        assert 0 < expected < 1
        assert solver.get_dataset_accuracy(train) == expected
        assert np.allclose(solver.get_dataset_prediction(train), model.forward(X), rtol=1e-13)

    def test_it_learns(self):
        model = net(activation=Relu())
        solver = quiet(model, *loaders(shuffle=True, rng=0), learning_rate=0.02)
        solver.train(epochs=40)
        assert solver.get_dataset_accuracy(solver.train_dataloader) == 1.0
        assert solver.train_loss_history[-1] < 0.1 * solver.train_loss_history[0]


def test_regression_of_house_prices():
    area = np.random.default_rng(0).uniform(0, 1, (40, 1))
    houses = [{"features": x, "target": 0.2 + 0.5 * x} for x in area]
    loader = DataLoader(houses, batch_size=10, shuffle=True, rng=0)
    model = RegressionNet(input_size=1, hidden_size=4, std=0.5)
    solver = quiet(model, loader, loader, MSE(), 0.05, Adam)
    solver.train(epochs=60)
    assert solver.train_loss_history[-1] < 1e-3 < solver.train_loss_history[0]
    assert solver.get_dataset_prediction(loader).shape == (40, 1)
    per_batch = 10 * 4 * (1 + 2), 10 * 4 * (2 + 3)
    assert solver.num_operation == 4 * (60 * 2 * per_batch[0] + 59 * per_batch[1])


def test_settings_of_the_optimizer_and_classes():
    solver = quiet(
        net(), *loaders(), MSE, 0.1, SGDMomentum, optim_config={"momentum": 0.5}, std=0.1, reg=3
    )
    assert isinstance(solver.loss_func, MSE)
    assert solver.opt.optim_configs["W1"] == {"momentum": 0.5}
    assert solver.opt.lr == solver.learning_rate == 0.1


class TestRefusals:
    def test_cs231n(self):
        words = (
            "nnlayers.course.cs231n.Solver takes them; here optimizer is a class such as Adam, "
            "a DataLoader makes the batches, and train(epochs) trains"
        )
        assert refusal(lambda: Solver(net(), *loaders(), num_epochs=3)) == (
            f"Solver: unknown keyword num_epochs; {words}"
        )
        assert refusal(lambda: Solver(net(), {}, update_rule="sgd", batch_size=5)) == (
            f"Solver: unknown keywords update_rule, batch_size; {words}"
        )
        assert refusal(lambda: Solver(net(), {})) == (
            "Solver: a dict of arrays needs loss_func and learning_rate; "
            "nnlayers.course.cs231n.Solver does without: its models have their loss"
        )
        assert refusal(lambda: Solver(net(), *loaders(), optimizer="adam")) == (
            "Solver: optimizer must be a class such as Adam, not 'adam'; "
            "nnlayers.course.cs231n.Solver takes names of update rules"
        )
        model = cs231n.TwoLayerNet(6, 5, 3, rng=0)
        assert refusal(lambda: Solver(model, *loaders())).endswith(
            "; nnlayers.course.cs231n.Solver trains models with loss(X, y)"
        )

    def test_arguments(self):
        train, val = loaders()
        assert refusal(lambda: Solver("net", train, val)) == (
            "Solver: model must be a net with forward and backward, not 'net'; "
            "nnlayers.course.cs231n.Solver trains models with loss(X, y)"
        )
        assert refusal(lambda: Solver(net(), train, val, lr=0.1)) == (
            "Solver: unknown keyword lr; there are loss_func, learning_rate, optimizer, "
            "optim_config, lr_decay, verbose, print_every"
        )
        assert refusal(lambda: Solver(net(), 3, val)) == (
            "Solver: train_dataloader must be a DataLoader, not 3"
        )
        assert refusal(lambda: Solver(net(), train, None)) == (
            "Solver: val_dataloader must be a DataLoader, not None"
        )
        assert refusal(lambda: Solver(net(), train, np.ones((2, 3))), ValueError) == (
            "Solver: val_dataloader is an array; DataLoader makes batches"
        )
        empty = DataLoader(blobs(5), batch_size=6, drop_last=True)
        assert refusal(lambda: Solver(net(), empty, val), ValueError) == (
            "Solver: train_dataloader has no batches; "
            "a batch_size of at most the number of examples, or drop_last=False"
        )
        assert refusal(lambda: Solver(net(), train, val, "mse")) == (
            "Solver: loss_func must be an object or class with forward and backward, not 'mse'; "
            "such as CrossEntropyFromLogits()"
        )
        assert refusal(lambda: Solver(net(), train, val, print_every=0), ValueError) == (
            "Solver: print_every must be a positive integer, not 0"
        )
        assert refusal(lambda: Solver(net(), train, val, lr_decay=-1), ValueError) == (
            "Solver: lr_decay must be at least 0, not -1"
        )
        assert refusal(lambda: Solver(net(), train, val, learning_rate=-1), ValueError) == (
            "Adam: learning_rate must be at least 0, not -1"
        )

    def test_training(self):
        solver = quiet(net(), *loaders())
        assert refusal(lambda: solver.train(2.5)) == (
            "Solver.train: epochs must be an integer, not 2.5"
        )
        assert refusal(lambda: solver.train(2, patience=-1), ValueError) == (
            "Solver.train: patience must be at least 0, not -1"
        )
        wrong = DataLoader([{"data": 1}])
        assert refusal(lambda: quiet(net(), wrong, wrong).train(1), ValueError) == (
            "Solver: a batch must be a dict with image and label, or features and target, not data"
        )
        for name in ("get_dataset_accuracy", "get_dataset_prediction"):
            assert refusal(lambda name=name: getattr(solver, name)([]), ValueError) == (
                f"Solver.{name}: the loader has no batches"
            )


def houses(n=30, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(0, 1, (n, 1))
    return X, (X + 0.05 * rng.normal(size=(n, 1)) > 0.5).astype(float)


def full_batch(learning_rate=0.5, rng=0, **settings):
    X_train, y_train = houses()
    X_val, y_val = houses(10, seed=1)
    data = {"X_train": X_train, "y_train": y_train, "X_val": X_val, "y_val": y_val}
    model = Classifier(num_features=1, rng=rng)
    return Solver(model, data, BCE(), learning_rate, **{"verbose": False, **settings})


class TestExercise4:
    def test_a_step(self):
        solver = full_batch()
        solver.model.initialize_weights(np.array([[0.1], [0.1]]))
        solver._step()
        X = np.concatenate([solver.X_train, np.ones((30, 1))], axis=1)
        p = 1 / (1 + np.exp(-X @ np.full((2, 1), 0.1)))
        expected = 0.1 - 0.5 * X.T @ (p - solver.y_train) / 30
        assert np.allclose(solver.model.W, expected, rtol=1e-12)

    def test_training(self, capsys):
        solver = full_batch(learning_rate=2.0, verbose=True, print_every=100)
        before = solver.check_loss(validation=False)
        solver.train(epochs=250)
        train, val = solver.train_loss_history, solver.val_loss_history
        assert len(train) == len(val) == 250
        assert train[-1] < 0.5 * before
        assert capsys.readouterr().out.splitlines() == [
            f"(Epoch {t} / 250) train loss: {train[t]:f}; val_loss: {val[t]:f}"
            for t in (0, 100, 200)
        ]
        assert solver.best_val_loss == min(val)
        assert solver.check_loss() == solver.best_val_loss  # the best weights are put back
        X, y = houses(40, seed=2)
        assert ((solver.model(X) >= 0.5) == y).mean() > 0.85

    def test_the_best_weights_are_copies(self):
        solver = full_batch()
        solver.best_val_loss = None
        kept = solver.model.W.copy()
        solver.update_best_loss(0.0)
        solver.model.W[0] = 9.0
        solver.update_best_loss(0.5)  # not better than 0, which counts
        solver.update_best_loss(math.nan)
        assert solver.best_val_loss == 0.0
        assert np.array_equal(solver.best_W, kept)
        unlucky = full_batch()
        unlucky.update_best_loss(math.nan)
        unlucky.update_best_loss(2.0)
        assert unlucky.best_val_loss == 2.0

    def test_the_best_weights_are_put_back(self):
        solver = full_batch(learning_rate=2.0)
        losses = iter([9.0, 3.0, 9.0, 1.0, 9.0, 2.0])  # of training and validation, in turn
        weights = []
        solver.check_loss = lambda validation=True: weights.append(solver.model.W) or next(losses)
        solver.train(epochs=3)
        assert solver.train_loss_history == [9.0] * 3
        assert solver.val_loss_history == [3.0, 1.0, 2.0]
        assert np.array_equal(solver.model.W, weights[3])
        assert not np.array_equal(solver.model.W, weights[5])
        solver.model.W[0] = 7.0
        assert np.array_equal(solver.best_W, weights[3])

    def test_check_loss(self):
        solver = full_batch()
        for validation, X, y in (
            (True, solver.X_val, solver.y_val),
            (False, solver.X_train, solver.y_train),
        ):
            p = solver.model(X)
            expected = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
            assert solver.check_loss(validation) == pytest.approx(expected, rel=1e-12)
        assert solver.check_loss() == solver.check_loss(validation=True)

    def test_it_is_a_solver(self):
        solver = full_batch(is_regression=False)
        assert isinstance(solver, Solver)
        assert pickle.loads(pickle.dumps(solver)).check_loss() == solver.check_loss()
        data = {name: getattr(solver, name) for name in ("X_train", "y_train", "X_val", "y_val")}
        model = Classifier(num_features=1, rng=0)
        by_name = Solver(model=model, data=data, loss_func=BCE, learning_rate=0.5)
        assert by_name.check_loss() == solver.check_loss()
        loaders_solver = quiet(net(), *loaders())
        assert pickle.loads(pickle.dumps(loaders_solver)).lr_decay == 1.0

    def test_zero_epochs(self):
        solver = full_batch()
        W = solver.model.W
        solver.train(epochs=0)
        assert solver.model.W is W

    def test_refuses(self):
        model = Classifier(num_features=1)
        X = np.ones((2, 1))
        assert refusal(lambda: Solver(model, {"X_train": X}, BCE(), 0.1), ValueError) == (
            "Solver: data lacks y_train, X_val, y_val; it has X_train"
        )
        data = dict.fromkeys(("X_train", "y_train", "X_val", "y_val"), X)
        assert refusal(lambda: Solver(model, data, BCE(), 0.1, patience=2)) == (
            "Solver: unknown keyword patience; there are model, data, loss_func, learning_rate, "
            "is_regression, verbose, print_every"
        )
        assert refusal(lambda: Solver(net(), data, BCE(), 0.1)).startswith(
            "Optimizer: model must have weights W, not "
        )
        assert refusal(lambda: Solver(model, data, "bce", 0.1)) == (
            "Solver: loss_func must be an object or class with forward and backward, not 'bce'; "
            "such as BCE()"
        )
        assert refusal(lambda: Solver(model, data, BCE(), -0.1), ValueError) == (
            "Optimizer: learning_rate must be at least 0, not -0.1"
        )
        assert refusal(lambda: Solver(model, data, BCE(), 0.1, print_every=0), ValueError) == (
            "Solver: print_every must be a positive integer, not 0"
        )
        assert refusal(lambda: Solver(3, data, BCE(), 0.1)).startswith(
            "Solver: model must be a net"
        )
        assert refusal(lambda: full_batch().train(-1), ValueError) == (
            "Solver.train: epochs must be at least 0, not -1"
        )
