"""Grid search and random search of I2DL, and what they refuse."""

import math
import random

import numpy as np
import pytest

from nnlayers.course import i2dl
from nnlayers.course.i2dl import hyperparameter_tuning as module
from nnlayers.course.i2dl.hyperparameter_tuning import (
    findBestConfig,
    grid_search,
    random_search,
    random_search_spaces_to_config,
)


def refusal(call, error=ValueError):
    with pytest.raises(error) as caught:
        call()
    return str(caught.value)


class Small(i2dl.ClassificationNet):
    """A net for the images of these tests; its weights are always the same."""

    def __init__(self, **settings):
        sizes = {"input_size": 4, "hidden_size": 3, "num_classes": 2, "std": 0.5, "rng": 0}
        super().__init__(**{**sizes, **settings})


@pytest.fixture
def loader():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 12)
    X = np.eye(2, 4)[y] + 0.1 * rng.normal(size=(12, 4))
    return i2dl.DataLoader([{"image": x, "label": int(n)} for x, n in zip(X, y)], batch_size=4)


def trained(loader, epochs, **config):
    model = Small(**config)
    solver = i2dl.Solver(model, loader, loader, verbose=False, **config)
    solver.train(epochs=epochs, patience=5)
    return model, solver.best_model_stats


class TestGridSearch:
    def test_every_combination(self, loader, capsys):
        spaces = {
            "learning_rate": [1e-3, 0.1],
            "reg": [1e-4, 0.1],
            "verbose": [False],
        }
        best_model, best_config, results = grid_search(
            loader, loader, spaces, model_class=Small, epochs=6, patience=5
        )
        configs = [
            {"learning_rate": lr, "reg": reg, "verbose": False}
            for lr in (1e-3, 0.1)
            for reg in (1e-4, 0.1)
        ]
        assert [config for config, _ in results] == configs
        references = [
            trained(loader, 6, learning_rate=c["learning_rate"], reg=c["reg"]) for c in configs
        ]
        assert [stats for _, stats in results] == [stats for _, stats in references]
        best = min(range(4), key=lambda i: results[i][1]["val_loss"])
        assert best_config == configs[best] == {"learning_rate": 0.1, "reg": 1e-4, "verbose": False}
        assert np.array_equal(best_model.params["W1"], references[best][0].params["W1"])
        lines = capsys.readouterr().out.splitlines()
        assert [line for line in lines if line.startswith("Evaluating")] == [
            f"Evaluating Config #{i} [of 4]:" for i in (1, 2, 3, 4)
        ]
        assert lines[2] == f" {configs[0]}"
        assert lines[-2:] == [
            f"Search done. Best Val Loss = {results[best][1]['val_loss']}",
            f"Best Config: {configs[best]}",
        ]

    def test_settings_reach_model_and_solver(self, loader):
        spaces = {
            "activation": [i2dl.Relu()],
            "hidden_size": [7],
            "optimizer": [i2dl.SGDMomentum],
            "optim_config": [{"momentum": 0.5}],
            "loss_func": [i2dl.CrossEntropyFromLogits],
            "verbose": [False],
        }
        model, _, _ = grid_search(loader, loader, spaces, Small, epochs=1)
        assert isinstance(model.activation, i2dl.Relu)
        assert model.params["W1"].shape == (4, 7)

    def test_defaults(self, monkeypatch):
        seen = []
        monkeypatch.setattr(module, "findBestConfig", lambda *args: seen.append(args))
        grid_search("train", "val")
        train, val, configs, epochs, patience, model_class = seen[0]
        assert (train, val, epochs, patience) == ("train", "val", 20, 5)
        assert model_class is i2dl.ClassificationNet
        assert len(configs) == 12
        assert configs[1] == {"learning_rate": 0.0001, "reg": 1e-5}

    def test_refuses(self, loader):
        def text(**spaces):
            return refusal(lambda: grid_search(loader, loader, spaces, Small))

        assert text(reg=0.1) == "grid_search: reg must have a list of values, not 0.1"
        assert text(reg=[]) == "grid_search: reg must have a list of values, not []"
        assert text(reg=([0.1, 0.2], "log")) == (
            "grid_search: reg has a range and a mode, ([0.1, 0.2], 'log'); "
            "grid_search takes lists of values, random_search takes ranges"
        )


class TestRandomSearch:
    def test_values_are_drawn_as_in_the_course(self):
        spaces = {
            "learning_rate": ([1e-2, 1e-6], "log"),
            "hidden_size": ([100, 400], "int"),
            "std": ([0.1, 0.5], "float"),
            "activation": (["a", "b", "c"], "item"),
        }
        state = random.getstate()
        try:
            random.seed(11)
            expected = {
                "learning_rate": 10 ** random.uniform(math.log10(1e-2), math.log10(1e-6)),
                "hidden_size": random.randint(100, 400),
                "std": random.uniform(0.1, 0.5),
                "activation": random.choice(["a", "b", "c"]),
            }
            random.seed(11)
            assert random_search_spaces_to_config(spaces) == expected
        finally:
            random.setstate(state)
        assert random_search_spaces_to_config(spaces, rng=11) == expected
        assert random_search_spaces_to_config(spaces, rng=random.Random(11)) == expected
        assert list(expected) == list(spaces)

    def test_ranges(self):
        draws = random.Random(0)
        spaces = {"a": ([3, 1], "int"), "b": ([1e-4, 1e-1], "log"), "c": ([2.0, 3.0], "float")}
        configs = [random_search_spaces_to_config(spaces, rng=draws) for _ in range(300)]
        assert {config["a"] for config in configs} == {1, 2, 3}
        assert all(1e-4 <= config["b"] <= 1e-1 for config in configs)
        assert 0.25 < sum(config["b"] < 1e-3 for config in configs) / 300 < 0.42
        assert all(2 <= config["c"] <= 3 for config in configs)

    def test_search(self, loader, capsys):
        spaces = {"learning_rate": ([1e-4, 0.1], "log"), "verbose": ([False], "item")}
        model, config, results = random_search(
            loader, loader, spaces, Small, num_search=3, epochs=4, rng=2
        )
        draws = random.Random(2)
        for tried, stats in results:
            expected = random_search_spaces_to_config(spaces, rng=draws)
            assert tried == expected
            assert stats == trained(loader, 4, learning_rate=tried["learning_rate"])[1]
        assert config == min(results, key=lambda result: result[1]["val_loss"])[0]
        assert "Evaluating Config #3 [of 3]:" in capsys.readouterr().out

    def test_defaults(self, monkeypatch):
        seen = []
        monkeypatch.setattr(module, "findBestConfig", lambda *args: seen.append(args))
        random_search("train", "val", rng=0)
        configs = seen[0][2]
        assert len(configs) == 20
        assert configs[0].keys() == {"learning_rate", "hidden_size", "activation"}
        assert {type(c["activation"]) for c in configs} == {i2dl.Sigmoid, i2dl.Relu}

    def test_refuses(self):
        def text(space):
            return refusal(lambda: random_search_spaces_to_config({"reg": space}))

        op = "random_search_spaces_to_config"
        such = 'such as ([0.0001, 0.1], "log")'
        assert text([0.1, 0.2]) == (
            f"{op}: the space of reg must be a list and a mode, not [0.1, 0.2]; {such}"
        )
        assert text(0.1) == f"{op}: the space of reg must be a list and a mode, not 0.1; {such}"
        assert text(([0.1, 0.2], "uniform")) == (
            f"{op}: the mode of reg must be one of log, int, float, item, not 'uniform'"
        )
        assert text(([], "item")) == f"{op}: the list of reg is empty"
        assert text(([0, 1], "log")) == (
            f"{op}: the range of reg must be positive for log, not [0, 1]"
        )
        assert "must be positive" in text(([1, -1], "log"))
        assert refusal(lambda: random_search(1, 2, {"reg": 3})).startswith(
            "random_search: the space of reg must be"
        )
        assert refusal(lambda: random_search(1, 2, num_search=0)) == (
            "random_search: num_search must be a positive integer, not 0"
        )
        assert refusal(lambda: random_search(1, 2, rng="0"), TypeError).startswith(
            "random_search: rng must be a seed or a random.Random, not '0'"
        )


class TestBestConfig:
    def test_a_loss_of_0_and_nan(self, loader, monkeypatch, capsys):
        losses = iter([math.nan, 1.0, 0.0, 2.0, math.nan])

        class Solved:
            def __init__(self, model, train, val, **settings):
                self.best_model_stats = {"val_loss": next(losses)}

            def train(self, epochs, patience):
                pass

        monkeypatch.setattr(module, "Solver", Solved)
        configs = [{"reg": float(i)} for i in range(5)]
        model, config, _ = findBestConfig(loader, loader, configs, 1, None, Small)
        assert config == {"reg": 2.0}
        assert model.reg_strength == 2.0
        assert "Best Val Loss = 0.0" in capsys.readouterr().out

    def test_unknown_keywords(self, loader, capsys):
        net = i2dl.ClassificationNet
        assert refusal(
            lambda: findBestConfig(1, 2, [{"reg": 1}, {"regs": 2}], 1, 1, net), TypeError
        ) == (
            "findBestConfig: neither ClassificationNet nor Solver knows the keyword regs; "
            "there are activation, num_layer, input_size, hidden_size, std, num_classes, reg, rng, "
            "loss_func, learning_rate, optimizer, optim_config, lr_decay, verbose, print_every"
        )
        assert "knows the keywords a, b;" in refusal(
            lambda: findBestConfig(1, 2, [{"a": 1, "b": 2}], 1, 1, i2dl.MyOwnNetwork), TypeError
        )
        assert refusal(lambda: findBestConfig(1, 2, [], 1, 1, net)) == (
            "findBestConfig: there is no configuration to try"
        )
        # a class of one's own with **settings says itself what it does not know
        assert refusal(
            lambda: findBestConfig(loader, loader, [{"regs": 2}], 1, 1, Small), TypeError
        ).startswith("Small: unknown keyword regs")
        assert "#1" in capsys.readouterr().out

    def test_a_model_without_settings_of_the_solver(self, loader, capsys):
        class Strict(i2dl.ClassificationNet):
            def __init__(self, reg):
                super().__init__(input_size=4, num_classes=2, reg=reg, rng=0)

        config = {"reg": 0.5, "learning_rate": 0.1, "verbose": False}
        model, _, _ = findBestConfig(loader, loader, [config], 1, None, Strict)
        assert model.reg_strength == 0.5
        assert "Evaluating" in capsys.readouterr().out


def test_public_names():
    assert sorted(module.__all__) == module.__all__
    assert all(getattr(i2dl, name) is getattr(module, name) for name in module.__all__)
    functions = [name for name in module.__all__ if name != "ALLOWED_RANDOM_SEARCH_PARAMS"]
    assert all(getattr(module, name).__doc__ for name in functions)
