"""I2DL's notebooks, cell by cell in our own words, at small sizes.

Each import is the course's with ``nnlayers.course.i2dl`` in the place of ``exercise_code``; images
and houses are made up.
"""

# ruff: noqa: F403, F405, NPY002 (notebooks draw from the global generator, and import everything)

import os
import pickle
import sys

import numpy as np
import pytest

from nnlayers.course.i2dl.networks.utils import *  # noqa: I001


@pytest.fixture(autouse=True)
def seeded():
    """Seed the global generator for a notebook, and put it back afterwards."""
    state = np.random.get_state()
    np.random.seed(0)
    yield
    np.random.set_state(state)


@pytest.fixture
def cifar_root(tmp_path):
    """Make a folder with a pickle of 60 small images of three classes, as the course's archive."""
    rng = np.random.default_rng(1)
    labels = [i % 3 for i in range(60)]
    images = rng.integers(0, 100, (60, 4, 4, 3)).astype(np.uint8)
    for image, label in zip(images, labels):
        image[..., label] += 120  # the class is a colour
    names = ["plane", "car", "bird"]
    saved = {
        "images": images,
        "labels": labels,
        "classes": names,
        "class_to_idx": {name: i for i, name in enumerate(names)},
    }
    folder = tmp_path / "cifar10memory"
    folder.mkdir()
    with open(folder / "cifar10.pckl", "wb") as f:
        pickle.dump(saved, f)
    return os.path.join(tmp_path, "cifar10")


def test_exercise_3_image_dataset(cifar_root):
    from nnlayers.course.i2dl.data import (
        ComposeTransform,
        MemoryImageFolderDataset,
        NormalizeTransform,
        RescaleTransform,
        compute_image_mean_and_std,
    )

    dataset = MemoryImageFolderDataset(root=cifar_root, force_download=False, verbose=True)
    assert len(dataset) == 60
    sample = dataset[0]
    assert sample["image"].shape == (4, 4, 3)
    assert sample["label"] == 0

    num_samples = 0
    for i, _ in enumerate(dataset[j] for j in range(len(dataset))):
        if i >= 10:
            break
        num_samples += 1
    assert num_samples == 10

    rescale_transform = RescaleTransform()
    rescaled = MemoryImageFolderDataset(root=cifar_root, transform=rescale_transform)
    images = np.stack([rescaled[i]["image"] for i in range(len(rescaled))], axis=0)
    assert 0 <= images.min() < images.max() <= 1
    cifar_mean, cifar_std = compute_image_mean_and_std(images)
    assert cifar_mean.shape == cifar_std.shape == (3,)

    compose = ComposeTransform([rescale_transform, NormalizeTransform(cifar_mean, cifar_std)])
    final = MemoryImageFolderDataset(root=cifar_root, transform=compose)
    images = np.stack([final[i]["image"] for i in range(len(final))])
    assert np.allclose(images.mean(axis=(0, 1, 2)), 0.0, atol=1e-12)
    assert np.allclose(images.std(axis=(0, 1, 2)), 1.0)


def test_exercise_3_dataloader():
    from nnlayers.course.i2dl.data.base_dataset import DummyDataset
    from nnlayers.course.i2dl.data.dataloader import DataLoader

    dataset = DummyDataset(root=None, divisor=2, limit=100)
    assert (len(dataset), dataset[0], dataset[-1]) == (50, {"data": 2}, {"data": 100})

    dataloader = DataLoader(dataset=dataset, batch_size=3, shuffle=True)
    assert len(dataloader) == 17
    batches = list(dataloader)
    assert [len(batch["data"]) for batch in batches] == [3] * 16 + [2]
    seen = np.concatenate([batch["data"] for batch in batches])
    assert sorted(seen) == list(range(2, 101, 2))
    assert list(seen) != sorted(seen)

    dataloader = DataLoader(dataset=dataset, batch_size=3, shuffle=True, drop_last=True)
    assert len(dataloader) == len(list(dataloader)) == 16
    pickle.loads(pickle.dumps({"dataset": dataset, "dataloader": dataloader}))


@pytest.fixture
def houses():
    """Make areas of houses, from 0 to 1, and whether they are expensive."""
    rng = np.random.default_rng(3)
    parts = []
    for n in (120, 40, 40):
        area = rng.uniform(0, 1, (n, 1))
        price = area + 0.1 * rng.normal(size=(n, 1))
        parts += binarize(area, price, np.percentile(price, 30), np.percentile(price, 70))
    return parts


class TestExercise4:
    def test_loss(self):
        from nnlayers.course.i2dl.networks.loss import BCE

        bce_loss = BCE()
        y_out, y_truth = np.array([0.7, 0.2]), np.array([3.0, 4.0])
        truth = -y_truth * np.log(y_out) - (1 - y_truth) * np.log(1 - y_out)
        assert np.allclose(bce_loss.forward(y_out, y_truth, individual_losses=True), truth)
        assert np.isclose(bce_loss(y_out, y_truth), truth.mean())

    def test_training_step_by_step(self, houses):
        from nnlayers.course.i2dl.networks.classifier import Classifier
        from nnlayers.course.i2dl.networks.loss import BCE
        from nnlayers.course.i2dl.networks.optimizer import Optimizer

        X_train, y_train, _, _, X_test, y_test = houses
        num_features = X_train.shape[1]
        model = Classifier(num_features=num_features)
        model.initialize_weights()
        y_out = model(X_train)
        assert y_out.shape == y_train.shape
        assert np.allclose(y_out, 0.5, atol=0.01)

        loss_func = BCE()
        opt = Optimizer(model, 5e-1)
        loss_history = []
        for _ in range(400):
            model.train()
            model_forward = model.forward(X_train)
            loss = loss_func(model_forward, y_train)  # a number, with which exercise 4 goes on
            loss_grad = loss_func.backward(model_forward, y_train)
            grad = model.backward(loss_grad)
            opt.step(grad)
            loss_history.append(loss)
        assert loss_history[0] == pytest.approx(np.log(2), abs=0.01)
        assert loss_history[-1] < 0.7 * loss_history[0]
        assert np.all(np.diff(loss_history) < 0)

        model.eval()
        assert test_accuracy(model(X_test), y_test) > 0.85

    def test_solver(self, houses):
        from nnlayers.course.i2dl.networks.classifier import Classifier
        from nnlayers.course.i2dl.networks.loss import BCE
        from nnlayers.course.i2dl.solver import Solver

        X_train, y_train, X_val, y_val, X_test, y_test = houses
        data = {"X_train": X_train, "y_train": y_train, "X_val": X_val, "y_val": y_val}
        model = Classifier(num_features=1)
        model.initialize_weights(np.array([[0.1], [0.1]]))
        solver = Solver(model, data, BCE(), 5e-1, verbose=True)
        solver._step()
        assert not np.array_equal(model.W, [[0.1], [0.1]])

        model = Classifier(num_features=X_train.shape[1])
        model.initialize_weights()
        solver = Solver(model, data, BCE(), 1.0, verbose=True, print_every=1000)
        solver.train(2000)
        assert len(solver.train_loss_history) == len(solver.val_loss_history) == 2000
        assert solver.val_loss_history[-1] < 0.5 * solver.val_loss_history[0]
        y_out = model(X_test)
        assert test_accuracy(y_out, y_test) > 0.85
        inds = X_test.argsort(0).flatten()
        assert np.all(np.diff(y_out[inds], axis=0) >= 0)


@pytest.fixture
def images(cifar_root):
    """Make the dataset and the settings that exercises 5 and 6 begin with."""
    from nnlayers.course.i2dl.data import (
        ComposeTransform,
        FlattenTransform,
        MemoryImageFolderDataset,
        NormalizeTransform,
        RescaleTransform,
    )

    compose_transform = ComposeTransform(
        [
            RescaleTransform(),
            NormalizeTransform(mean=np.array([0.35, 0.35, 0.35]), std=np.array([0.3, 0.3, 0.3])),
            FlattenTransform(),
        ]
    )

    def dataset(mode, **settings):
        return MemoryImageFolderDataset(
            mode=mode, root=cifar_root, transform=compose_transform, **settings
        )

    return dataset


class TestExercise5:
    def test_network_and_memory(self, images, capsys):
        from nnlayers.course.i2dl.data import DataLoader
        from nnlayers.course.i2dl.networks import ClassificationNet, CrossEntropyFromLogits
        from nnlayers.course.i2dl.networks.compute_network_size import (
            GetHumanReadable,
            compute_network_pass_size,
        )
        from nnlayers.course.i2dl.networks.layer import Relu

        test_model = ClassificationNet(
            input_size=10, hidden_size=128, activation=Relu(), num_layer=2, num_classes=3
        )
        assert test_model.forward(np.random.randn(1, 10)).shape == (1, 3)

        dataset = images("train", split={"train": 0.4, "val": 0.2, "test": 0.4})
        dataloader = DataLoader(dataset=dataset, batch_size=8, shuffle=True, drop_last=True)
        assert (len(dataset), len(dataloader)) == (24, 3)
        for item in dataloader:
            assert item["image"].shape == (8, 48)

        model = ClassificationNet(
            input_size=48, hidden_size=16, activation=Relu(), num_layer=2, num_classes=10
        )
        loss_func = CrossEntropyFromLogits()
        sample = dataset[5]
        model_output = model.forward(np.expand_dims(sample["image"], 0))
        computed_loss, _ = loss_func(model_output, np.expand_dims(sample["label"], 0))
        assert computed_loss == pytest.approx(-np.log(0.1), abs=0.01)

        batch = iter(dataloader).__next__()
        model_output = model.forward(batch["image"])
        forward_size = compute_network_pass_size(model)
        _ = loss_func.forward(model_output, batch["label"])
        dout = loss_func.backward(model_output, batch["label"])
        _ = model.backward(dout)
        both = compute_network_pass_size(model)
        weights = sum(w.nbytes for w in model.params.values())
        assert both - forward_size == weights - 4 * sys.getsizeof(0.0)
        assert GetHumanReadable(both).endswith("KB")
        assert "Adding layer gradients for backward pass:" in capsys.readouterr().out

    def test_optimizers(self, images, capsys):
        from nnlayers.course.i2dl.data import DataLoader
        from nnlayers.course.i2dl.networks import ClassificationNet, CrossEntropyFromLogits
        from nnlayers.course.i2dl.networks.layer import Relu
        from nnlayers.course.i2dl.networks.optimizer import SGD, Adam, SGDMomentum
        from nnlayers.course.i2dl.solver import Solver

        dataloader = DataLoader(images("train"), batch_size=8, shuffle=True, drop_last=True)
        loss_func = CrossEntropyFromLogits()
        loss_histories = {}
        for name, optimizer in zip(["SGD", "SGD+Momentum", "Adam"], [SGD, SGDMomentum, Adam]):
            model = ClassificationNet(
                input_size=48,
                hidden_size=32,
                activation=Relu(),
                num_layer=2,
                num_classes=10,
                std=1e-1,
            )
            solver = Solver(
                model,
                dataloader,
                dataloader,
                learning_rate=1e-2,
                loss_func=loss_func,
                optimizer=optimizer,
            )
            solver.train(epochs=20)
            loss_histories[name] = solver.train_loss_history
        lasts = {name: history[-1] for name, history in loss_histories.items()}
        assert lasts["Adam"] < lasts["SGD+Momentum"] < lasts["SGD"]
        assert all(last < loss_histories[name][0] for name, last in lasts.items())
        assert capsys.readouterr().out.count("(Epoch 20 / 20) train loss: ") == 3

    def test_what_is_handed_in(self):
        from nnlayers.course.i2dl.networks.layer import (
            Relu,
            Sigmoid,
            affine_backward,
            affine_forward,
        )
        from nnlayers.course.i2dl.networks.optimizer import SGDMomentum

        data = {
            "SGD_Momentum_update": SGDMomentum._update,
            "AffineForward": affine_forward,
            "AffineBackward": affine_backward,
            "Sigmoid": Sigmoid,
            "Relu": Relu,
        }
        assert pickle.loads(pickle.dumps(data)) == data


class TestExercise6:
    def test_debugging_a_network(self, images, capsys):
        from nnlayers.course.i2dl.data import DataLoader
        from nnlayers.course.i2dl.networks import ClassificationNet, CrossEntropyFromLogits
        from nnlayers.course.i2dl.networks.optimizer import Adam
        from nnlayers.course.i2dl.solver import Solver

        dataloaders = {}
        for name, mode, files, drop_last in (
            ("train_overfit_single_image", "train", 1, False),
            ("train_overfit_10samples", "train", 10, False),
            ("val_500files", "val", 8, True),
        ):
            dataloaders[name] = DataLoader(
                dataset=images(mode, limit_files=files),
                batch_size=4,
                shuffle=True,
                drop_last=drop_last,
            )
        for name, epochs in (("train_overfit_single_image", 20), ("train_overfit_10samples", 60)):
            model = ClassificationNet(num_layer=2, reg=0.1, input_size=48)
            solver = Solver(
                model,
                dataloaders[name],
                dataloaders["val_500files"],
                learning_rate=1e-2,
                loss_func=CrossEntropyFromLogits(),
                optimizer=Adam,
            )
            solver.train(epochs=epochs)
            assert len(solver.train_loss_history) == len(solver.val_loss_history) == epochs
            assert solver.train_loss_history[-1] < solver.train_loss_history[0]
            if files_of(dataloaders[name]) == 1:
                assert solver.get_dataset_accuracy(dataloaders[name]) == 1.0
        assert solver.get_dataset_accuracy(dataloaders["val_500files"]) >= 0.0
        assert "val loss" in capsys.readouterr().out

    def test_horizontal_flip(self, cifar_root):
        from nnlayers.course.i2dl.data import MemoryImageFolderDataset
        from nnlayers.course.i2dl.data.image_folder_dataset import RandomHorizontalFlip

        image = MemoryImageFolderDataset(root=cifar_root, mode="train")[1]["image"]
        flipped = RandomHorizontalFlip(1)(image)
        assert np.array_equal(flipped[:, 0], image[:, -1])

    def test_hyperparameters(self, images, capsys, tmp_path, monkeypatch):
        from nnlayers.course.i2dl import hyperparameter_tuning
        from nnlayers.course.i2dl.data import DataLoader
        from nnlayers.course.i2dl.hyperparameter_tuning import random_search
        from nnlayers.course.i2dl.networks import (
            ClassificationNet,
            CrossEntropyFromLogits,
            MyOwnNetwork,
        )
        from nnlayers.course.i2dl.networks.layer import LeakyRelu, Relu

        loaders = {
            mode: DataLoader(dataset=images(mode), batch_size=6, shuffle=True, drop_last=True)
            for mode in ("train", "val", "test")
        }
        spaces = {"learning_rate": [1e-2, 1e-3], "reg": [1e-4], "input_size": [48]}
        for model_class in (ClassificationNet, MyOwnNetwork):
            best_model, best_config, results = hyperparameter_tuning.grid_search(
                loaders["train"],
                loaders["val"],
                grid_search_spaces=spaces,
                model_class=model_class,
                epochs=6,
                patience=5,
            )
            assert type(best_model) is model_class
            assert best_config == {"learning_rate": 1e-2, "reg": 1e-4, "input_size": 48}
            assert len(results) == 2

        best_model, best_config, results = random_search(
            loaders["train"],
            loaders["val"],
            random_search_spaces={
                "learning_rate": ([3e-2, 1e-2], "log"),
                "reg": ([1e-5, 1e-7], "log"),
                "hidden_size": ([20, 40], "int"),
                "activation": ([Relu(), LeakyRelu()], "item"),
                "loss_func": ([CrossEntropyFromLogits()], "item"),
                "input_size": ([48], "item"),
                "std": ([0.05], "item"),
            },
            model_class=ClassificationNet,
            num_search=2,
            epochs=15,
            patience=5,
            rng=0,
        )
        assert best_model.reg_strength == best_config["reg"]
        labels, pred, acc = best_model.get_dataset_prediction(loaders["train"])
        assert acc > 0.9
        assert acc == (labels == pred).mean()
        labels, pred, acc = best_model.get_dataset_prediction(loaders["test"])
        assert acc > 0.7

        monkeypatch.chdir(tmp_path)
        best_model.eval()
        best_model.save_model()
        with open("models/cifar10_classification_net.p", "rb") as f:
            saved = pickle.load(f)["cifar10_classification_net"]
        assert saved.get_dataset_prediction(loaders["test"])[2] >= 0
        assert "Search done. Best Val Loss = " in capsys.readouterr().out


def files_of(loader):
    return len(loader.dataset)


def test_exercise_8_batchnorm_and_dropout():
    from nnlayers.course.i2dl.layers import (
        batchnorm_backward,
        batchnorm_forward,
        dropout_backward,
        dropout_forward,
    )

    N, D1, D2, D3 = 200, 50, 60, 3
    X, W1, W2 = np.random.randn(N, D1), np.random.randn(D1, D2), np.random.randn(D2, D3)
    a = np.maximum(0, X.dot(W1)).dot(W2)
    gamma, beta = np.asarray([1.0, 2.0, 3.0]), np.asarray([11.0, 12.0, 13.0])
    a_norm, cache = batchnorm_forward(a, gamma, beta, {"mode": "train"})
    assert np.allclose(a_norm.mean(axis=0), beta)
    assert np.allclose(a_norm.std(axis=0), gamma, atol=1e-6)
    assert [g.shape for g in batchnorm_backward(a, cache)] == [(N, D3), (D3,), (D3,)]

    bn_param = {"mode": "train"}
    for _ in range(50):
        X = np.random.randn(N, D1)
        batchnorm_forward(np.maximum(0, X.dot(W1)).dot(W2), gamma, beta, bn_param)
    bn_param["mode"] = "test"
    a_norm, _ = batchnorm_forward(a, gamma, beta, bn_param)
    assert np.allclose(a_norm.mean(axis=0), beta, atol=0.6)
    assert np.allclose(a_norm.std(axis=0), gamma, rtol=0.2)

    x = np.random.randn(500, 500) + 10
    for p in [0.3, 0.6, 0.75]:
        out, _ = dropout_forward(x, {"mode": "train", "p": p})
        out_test, _ = dropout_forward(x, {"mode": "test", "p": p})
        assert abs(out.mean() - 10) < 0.1
        assert abs((out == 0).mean() - p) < 0.01  # p is dropped
        assert np.array_equal(out_test, x)
    dropout_param = {"mode": "train", "p": 0.8, "seed": 123}
    out, cache = dropout_forward(x, dropout_param)
    assert np.allclose(dropout_backward(np.ones_like(x), cache), out / x)


def test_exercise_9_spatial_batchnorm():
    from nnlayers.course.i2dl.layers import spatial_batchnorm_forward

    x = 4 * np.random.randn(2, 3, 4, 5) + 10
    out, _ = spatial_batchnorm_forward(
        x, np.asarray([3.0, 4.0, 5.0]), np.asarray([6.0, 7.0, 8.0]), {"mode": "train"}
    )
    assert out.shape == x.shape
    assert np.allclose(out.mean(axis=(0, 2, 3)), [6, 7, 8])
    assert np.allclose(out.std(axis=(0, 2, 3)), [3, 4, 5], atol=1e-4)


class TestExercise5Of2020:
    def loader(self, n=48, batch_size=8, **settings):
        from nnlayers.course.i2dl.data.dataloader import DataLoader

        rng = np.random.default_rng(4)
        areas = rng.uniform(0, 1, (n, 2))
        prices = 0.1 + 0.5 * areas[:, :1] + 0.3 * areas[:, 1:]
        houses = [{"features": x, "target": y} for x, y in zip(areas, prices)]
        return DataLoader(houses, batch_size=batch_size, **settings)

    def test_memory_and_operations(self):
        from nnlayers.course.i2dl.networks.loss import MSE
        from nnlayers.course.i2dl.networks.optimizer import SGD
        from nnlayers.course.i2dl.networks.regression_net import RegressionNet
        from nnlayers.course.i2dl.solver import Solver

        memory, operations = [], []
        for batch_size in (1, 48):
            loader = self.loader(batch_size=batch_size)
            data = next(iter(loader))
            model = RegressionNet(input_size=2, hidden_size=4, std=0.1)
            solver = Solver(
                model, loader, loader, learning_rate=5e-3, loss_func=MSE(), optimizer=SGD
            )
            solver._step(data["features"], data["target"], validation=False)
            memory.append(model.memory)
            operations.append(model.num_operation)
        assert operations[1] == 48 * operations[0]
        assert memory[1] > 10 * memory[0]

    def test_batch_sizes_and_optimizers(self, capsys):
        from nnlayers.course.i2dl.networks.loss import L1, MSE
        from nnlayers.course.i2dl.networks.optimizer import SGD, Adam, sgd_momentum
        from nnlayers.course.i2dl.networks.regression_net import RegressionNet
        from nnlayers.course.i2dl.solver import Solver

        solvers = {}
        for batch_size in (1, 8, 48):
            loader = self.loader(batch_size=batch_size, shuffle=True)
            model = RegressionNet(input_size=2, hidden_size=4, std=0.1)
            solver = Solver(
                model, loader, loader, learning_rate=5e-3, loss_func=MSE(), optimizer=SGD
            )
            solver.train(epochs=10)
            solvers[batch_size] = solver
        assert [len(s.train_batch_loss) for s in solvers.values()] == [480, 60, 10]
        assert len(solvers[8].val_batch_loss) == 60
        lasts = [s.val_loss_history[-1] for s in solvers.values()]
        assert lasts == sorted(lasts)  # more steps, less loss
        assert solvers[1].num_operation == solvers[48].num_operation

        for optimizer in (SGD, sgd_momentum, Adam):
            for loss in (MSE(), L1()):
                loader = self.loader(shuffle=True)
                model = RegressionNet(input_size=2, hidden_size=4, std=0.1)
                solver = Solver(
                    model, loader, loader, learning_rate=5e-3, loss_func=loss, optimizer=optimizer
                )
                solver.train(epochs=20)
                assert solver.train_loss_history[-1] < 0.7 * solver.train_loss_history[0]
                assert solver.get_dataset_prediction(loader).shape == (48, 1)
        assert capsys.readouterr().out.count("(Epoch 1 / 10)") == 3
