"""The solvers of cs231n, as its notebooks use them: what they draw, keep, print and refuse."""

# ruff: noqa: NPY002 (notebooks draw from the global generator)

import pickle

import numpy as np
import pytest

from nnlayers.course.cs231n import optim
from nnlayers.course.cs231n.classifiers.cnn import ThreeLayerConvNet
from nnlayers.course.cs231n.classifiers.fc_net import FullyConnectedNet, TwoLayerNet
from nnlayers.course.cs231n.solver import Solver


def blobs(n=120, classes=3, features=6, spread=0.3, seed=0):
    """Examples around a center for each class, as a dict for the solver."""
    rng = np.random.RandomState(seed)
    centers = 2 * rng.randn(classes, features)
    y = rng.randint(classes, size=n + 30)
    X = centers[y] + spread * rng.randn(n + 30, features)
    return {"X_train": X[:n], "y_train": y[:n], "X_val": X[n:], "y_val": y[n:]}


@pytest.fixture
def seeded():
    """Let a test seed the global generator as a notebook does; put its state back afterwards."""
    state = np.random.get_state()
    yield np.random.seed
    np.random.set_state(state)


@pytest.mark.parametrize("rule", ["sgd", "sgd_momentum", "rmsprop", "adam"])
def test_it_learns(rule):
    model = FullyConnectedNet([20, 20], 6, 3, weight_scale=0.1, rng=0)
    solver = Solver(
        model,
        blobs(),
        update_rule=rule,
        optim_config={"learning_rate": {"sgd": 0.3, "sgd_momentum": 0.1}.get(rule, 5e-3)},
        num_epochs=15,
        batch_size=20,
        verbose=False,
        rng=0,
    )
    solver.train()
    assert solver.train_acc_history[-1] > 0.98
    assert solver.best_val_acc > 0.95
    assert solver.loss_history[-1] < 0.1 * solver.loss_history[0]
    assert all(array.dtype == np.float32 for array in model.params.values())


def test_a_convolutional_net_overfits_a_few_images():
    rng = np.random.RandomState(231)
    X, y = rng.randn(40, 3, 8, 8), rng.randint(10, size=40)
    data = {"X_train": X, "y_train": y, "X_val": X[:10], "y_val": y[:10]}
    model = ThreeLayerConvNet((3, 8, 8), 8, 3, 40, weight_scale=5e-2, rng=0)
    solver = Solver(
        model,
        data,
        num_epochs=40,
        batch_size=20,
        update_rule="adam",
        optim_config={"learning_rate": 5e-3},
        verbose=False,
        rng=0,
    )
    solver.train()
    assert solver.train_acc_history[-1] > 0.9


def test_steps_and_histories_by_hand(seeded):
    """Repeat the course's draws and steps: with replacement, from the global generator."""
    data = blobs(n=50)
    model, other = (TwoLayerNet(6, 5, 3, 0.1, reg=0.1, rng=0) for _ in range(2))
    seeded(3)
    solver = Solver(
        model,
        data,
        update_rule="sgd_momentum",
        optim_config={"learning_rate": 0.5, "momentum": 0.8},
        lr_decay=0.5,
        batch_size=16,
        num_epochs=2,
        num_train_samples=20,
        num_val_samples=10,
        verbose=False,
    )
    solver.train()
    seeded(3)
    configs = {name: {"learning_rate": 0.5, "momentum": 0.8} for name in other.params}
    losses, train, val, best, best_acc = [], [], [], None, 0

    def examine(X, y, n):
        drawn = np.random.choice(len(X), n)
        return np.mean(other.loss(X[drawn]).argmax(axis=1) == y[drawn])

    for t in range(6):  # 50 // 16 steps an epoch
        batch = np.random.choice(50, 16)
        loss, grads = other.loss(data["X_train"][batch], data["y_train"][batch])
        losses.append(loss)
        for name in other.params:
            other.params[name], _ = optim.sgd_momentum(
                other.params[name], grads[name], configs[name]
            )
        if t in (2, 5):
            for config in configs.values():
                config["learning_rate"] *= 0.5
        if t in (0, 2, 5):
            train.append(examine(data["X_train"], data["y_train"], 20))
            val.append(examine(data["X_val"], data["y_val"], 10))
            if val[-1] > best_acc:
                best_acc, best = val[-1], {n: w.copy() for n, w in other.params.items()}
    assert solver.loss_history == losses
    assert solver.train_acc_history == train
    assert solver.val_acc_history == val
    assert solver.best_val_acc == best_acc
    assert all(np.array_equal(model.params[name], best[name]) for name in best)
    assert solver.epoch == 2
    assert solver.optim_configs["W1"]["learning_rate"] == 0.125
    assert solver.optim_config == {"learning_rate": 0.5, "momentum": 0.8}


def test_what_is_printed(capsys):
    solver = Solver(
        TwoLayerNet(6, 5, 3, rng=0), blobs(n=30), num_epochs=2, batch_size=10, print_every=4, rng=0
    )
    solver.train()
    losses, train, val = solver.loss_history, solver.train_acc_history, solver.val_acc_history
    assert capsys.readouterr().out.splitlines() == [
        f"(Iteration 1 / 6) loss: {losses[0]:f}",
        f"(Epoch 0 / 2) train acc: {train[0]:f}; val_acc: {val[0]:f}",
        f"(Epoch 1 / 2) train acc: {train[1]:f}; val_acc: {val[1]:f}",
        f"(Iteration 5 / 6) loss: {losses[4]:f}",
        f"(Epoch 2 / 2) train acc: {train[2]:f}; val_acc: {val[2]:f}",
    ]
    Solver(TwoLayerNet(6, 5, 3, rng=0), blobs(n=30), num_epochs=1, verbose=False).train()
    assert capsys.readouterr().out == ""


class Scripted:
    """A model whose validation accuracy follows a script, and whose parameter counts steps."""

    def __init__(self, *accuracies):
        self.params = {"w": np.zeros(1)}
        self.bn_params = [{"mode": "train"}]
        self.accuracies = accuracies

    def loss(self, X, y=None):
        step = round(float(self.params["w"][0]))
        if y is None:
            right = round(self.accuracies[step - 1] * len(X))
            return np.eye(2)[(np.arange(len(X)) >= right).astype(int)]
        self.bn_params[0]["running_mean"] = np.full(1, step + 1.0)
        return 1.0, {"w": np.full(1, -1.0)}


def scripted(*accuracies, **settings):
    X, y = np.zeros((10, 1)), np.zeros(10, int)
    model = Scripted(*accuracies)
    data = {"X_train": X, "y_train": y, "X_val": X, "y_val": y}
    config = {"learning_rate": 1.0}
    return Solver(model, data, optim_config=config, batch_size=10, verbose=False, rng=0, **settings)


class TestBest:
    def test_the_best_is_kept_and_put_back(self):
        solver = scripted(0.2, 0.8, 0.5, 0.8, num_epochs=4)
        solver.train()
        assert solver.val_acc_history == [0.2, 0.8, 0.5, 0.8]
        assert solver.best_val_acc == 0.8
        assert solver.model.params["w"].tolist() == [2.0]  # the first of equally good ones

    def test_running_statistics_go_with_it(self):
        solver = scripted(0.2, 0.8, 0.5, num_epochs=3)
        solver.train()
        assert solver.model.bn_params[0]["running_mean"].tolist() == [2.0]

    def test_a_net_with_batchnorm_scores_as_well_as_its_best(self):
        data = blobs(n=60, spread=1.5)
        model = FullyConnectedNet([10], 6, 3, normalization="batchnorm", weight_scale=0.3, rng=0)
        solver = Solver(
            model,
            data,
            optim_config={"learning_rate": 1.0},
            num_epochs=12,
            batch_size=10,
            verbose=False,
            rng=0,
        )
        solver.train()
        assert solver.val_acc_history[-1] < solver.best_val_acc  # else this would show nothing
        assert solver.check_accuracy(data["X_val"], data["y_val"]) == solver.best_val_acc

    def test_a_model_that_is_never_right_keeps_its_parameters(self):
        solver = scripted(0.0, 0.0, num_epochs=2)
        solver.train()
        assert solver.model.params.keys() == solver.best_params.keys() == {"w"}
        assert solver.best_val_acc == 0.0

    def test_no_epochs(self):
        solver = scripted(0.0, num_epochs=0)
        solver.train()
        assert solver.model.params["w"].tolist() == [0.0]
        assert solver.loss_history == []

    def test_the_best_is_a_copy(self):
        solver = scripted(0.9, 0.1, num_epochs=2)
        seen = []
        examine = solver._examine

        def watched():
            examine()
            solver.model.params["w"] += 0.0  # in place, as a rule of one's own might
            seen.append(solver.best_params["w"] is solver.model.params["w"])

        solver._examine = watched
        solver.train()
        assert seen == [False, False]


def test_check_accuracy():
    solver = scripted(0.7, num_epochs=0)
    solver.model.params["w"][0] = 1.0
    X, y = np.zeros((10, 1)), np.zeros(10, int)
    assert solver.check_accuracy(X, y) == 0.7
    assert solver.check_accuracy(X, y, num_samples=10) == 0.7  # all: nothing is drawn
    assert solver._draws.rand() == np.random.RandomState(0).rand()
    # in batches of 4, 4 and 2, of which 3, 3 and 1 are right
    assert solver.check_accuracy(X, y, batch_size=4) == 0.7
    assert solver.check_accuracy(X, y, batch_size=3) == 0.7
    assert solver.check_accuracy(X, y, num_samples=5, batch_size=5) == pytest.approx(0.8)


def test_checkpoints(tmp_path, capsys):
    model = FullyConnectedNet([5], 6, 3, normalization="batchnorm", rng=0)
    name = str(tmp_path / "run")
    solver = Solver(
        model, blobs(n=20), num_epochs=2, batch_size=10, checkpoint_name=name, print_every=99, rng=0
    )
    solver.train()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["run_epoch_0.pkl", "run_epoch_1.pkl", "run_epoch_2.pkl"]
    with open(f"{name}_epoch_1.pkl", "rb") as f:
        checkpoint = pickle.load(f)
    assert checkpoint.keys() == {
        "model", "update_rule", "lr_decay", "optim_config", "batch_size", "num_train_samples",
        "num_val_samples", "epoch", "loss_history", "train_acc_history", "val_acc_history",
    }  # fmt: skip
    assert checkpoint["epoch"] == 1
    assert checkpoint["update_rule"] == "sgd"
    assert checkpoint["loss_history"] == solver.loss_history[:2]
    assert "running_mean" in checkpoint["model"].bn_params[0]
    assert f'Saving checkpoint to "{name}_epoch_1.pkl"' in capsys.readouterr().out
