"""Nearest neighbours, linear classifiers and the net that trains itself, of assignment 1."""

# ruff: noqa: NPY002 (notebooks draw from the global generator)

import numpy as np
import pytest

from nnlayers.course.cs231n.classifiers import (
    KNearestNeighbor,
    LinearClassifier,
    LinearSVM,
    Softmax,
    neural_net,
    softmax_loss_naive,
    softmax_loss_vectorized,
    svm_loss_naive,
    svm_loss_vectorized,
)
from nnlayers.course.cs231n.gradient_check import eval_numerical_gradient, grad_check_sparse
from nnlayers.training import checkpoints


def rel_error(x, y):
    """As it is pasted into every notebook."""
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))


@pytest.fixture
def course():
    """Draw as a notebook does after np.random.seed(231), without touching the global generator."""
    return np.random.RandomState(231)


@pytest.fixture
def seeded():
    """Let a test seed the global generator as a notebook does; put its state back afterwards."""
    state = np.random.get_state()
    yield np.random.seed
    np.random.set_state(state)


class TestNeuralNet:
    """The net of the first assignment until 2020, which trains itself."""

    @pytest.fixture
    def toy(self, seeded):
        seeded(0)
        net = neural_net.TwoLayerNet(4, 10, 3, std=1e-1)
        seeded(1)
        return net, 10 * np.random.randn(5, 4), np.array([0, 1, 2, 2, 1])

    def test_cells(self, toy):
        net, X, y = toy
        correct = [
            [-0.81233741, -1.27654624, -0.70335995],
            [-0.17129677, -1.18803311, -0.47310444],
            [-0.51590475, -1.01354314, -0.8504215],
            [-0.15419291, -0.48629638, -0.52901952],
            [-0.00618733, -0.12435261, -0.15226949],
        ]
        assert np.abs(net.loss(X) - correct).sum() < 1e-7
        loss, grads = net.loss(X, y, reg=0.05)
        assert abs(loss - 1.30378789133) < 1e-11
        for name, gradient in grads.items():
            numerical = eval_numerical_gradient(
                lambda _: net.loss(X, y, reg=0.05)[0], net.params[name], verbose=False
            )
            assert rel_error(numerical, gradient) < 1e-7

    def test_training(self, toy, capsys):
        net, X, y = toy
        stats = net.train(
            X, y, X, y, learning_rate=1e-1, reg=5e-6, num_iters=101, verbose=True
        )  # fmt: skip
        assert stats["loss_history"][-1] < 0.02
        assert len(stats["loss_history"]) == 101
        assert len(stats["train_acc_history"]) == len(stats["val_acc_history"]) == 101
        assert stats["val_acc_history"][-1] == 1.0
        assert net.predict(X).tolist() == y.tolist()
        lines = capsys.readouterr().out.splitlines()
        assert [line[: line.index(":")] for line in lines] == [
            "iteration 0 / 101",
            "iteration 100 / 101",
        ]

    def test_the_learning_rate_decays_after_each_epoch(self, course):
        X, y = course.randn(6, 4), course.randint(3, size=6)
        net = neural_net.TwoLayerNet(4, 5, 3, std=0.1, rng=0)
        by_hand = neural_net.TwoLayerNet(4, 5, 3, std=0.1, rng=0)
        arguments = {"learning_rate": 0.5, "learning_rate_decay": 0.5, "batch_size": 3, "reg": 0.0}
        net.train(X, y, X, y, num_iters=4, rng=7, **arguments)
        draws, rate = np.random.RandomState(7), 0.5
        for step in range(4):
            batch = draws.choice(6, 3)
            _, grads = by_hand.loss(X[batch], y[batch])
            for name in grads:
                by_hand.params[name] -= rate * grads[name]
            rate *= 0.5 if step % 2 == 0 else 1.0
        for name in net.params:
            assert np.allclose(net.params[name], by_hand.params[name], rtol=1e-12)


class TestKNearestNeighbor:
    @pytest.fixture
    def knn(self, course):
        classifier = KNearestNeighbor()
        X, y = course.randn(60, 5), course.randint(4, size=60)
        classifier.train(X, y)
        return classifier, X, y, course.randn(9, 5)

    def test_distances(self, knn):
        classifier, X, _, test = knn
        by_hand = np.array([[np.sqrt(np.sum((a - b) ** 2)) for b in X] for a in test])
        for compute in (
            classifier.compute_distances_two_loops,
            classifier.compute_distances_one_loop,
            classifier.compute_distances_no_loops,
        ):
            assert np.linalg.norm(by_hand - compute(test), ord="fro") < 1e-3

    @pytest.mark.parametrize("k", [1, 5, 60])
    def test_labels(self, knn, k):
        classifier, X, y, test = knn
        dists = classifier.compute_distances_no_loops(test)
        found = classifier.predict_labels(dists, k=k)
        for row, label in zip(dists, found):
            nearest = y[np.argsort(row)[:k]].tolist()
            assert label == min(set(nearest), key=lambda c: (-nearest.count(c), c))
        assert all(
            np.array_equal(classifier.predict(test, k=k, num_loops=loops), found)
            for loops in (0, 1, 2)
        )

    def test_ties_and_other_labels(self):
        classifier = KNearestNeighbor()
        classifier.train(np.array([[0], [0], [0], [9]]), np.array([-7, 3, 3, 900]))
        assert classifier.predict(np.array([[0]])).tolist() == [-7]  # the first of equally near
        assert classifier.predict(np.array([[9]]), k=2).tolist() == [-7]  # the smaller of 900, -7
        assert classifier.predict(np.array([[1]]), k=3).tolist() == [3]
        assert classifier.predict_labels([[1.0, 0.0, 1.0, 9.0]]).tolist() == [3]  # k is 1
        assert classifier.predict(np.zeros((0, 1))).tolist() == []
        classifier.train(np.arange(500)[:, None] % 2, np.arange(500)[::-1])
        assert classifier.predict([[1]], k=3).tolist() == [494]  # of 498, 496 and 494

    def test_refuses(self, knn):
        classifier, X, y, test = knn

        def text(function, *args, **settings):
            with pytest.raises(ValueError) as caught:
                function(*args, **settings)
            return str(caught.value)

        assert text(classifier.predict, test, num_loops=3) == (
            "KNearestNeighbor.predict: num_loops must be 0, 1 or 2, not 3"
        )
        assert text(classifier.predict, test, k=61) == (
            "KNearestNeighbor.predict_labels: k must be from 1 to the 60 training examples, not 61"
        )
        assert text(classifier.predict, test[:, :4]) == (
            "KNearestNeighbor: test examples X must be (M, D) with the D of training: "
            "got X (9, 4), X_train (60, 5)"
        )
        assert text(classifier.predict_labels, np.zeros((60, 9))) == (
            "KNearestNeighbor.predict_labels: dists must be (M, N) with the N = 60 of training: "
            "got dists (60, 9); rows are test examples"
        )
        for function in (KNearestNeighbor().predict, KNearestNeighbor().predict_labels):
            assert text(function, test) == (
                "KNearestNeighbor: there are no training examples yet; train first"
            )
        assert text(classifier.train, np.zeros((3, 2, 2)), y[:3]) == (
            "KNearestNeighbor.train: X must be (N, D) and y the N labels: "
            "got X (3, 2, 2), y (3,); X.reshape(len(X), -1) flattens images"
        )


LOSSES = [
    (svm_loss_naive, svm_loss_vectorized, LinearSVM, 9.0),
    (softmax_loss_naive, softmax_loss_vectorized, Softmax, 2.302585),
]


class TestLinearClassifiers:
    @pytest.mark.parametrize("naive, vectorized, _, initial", LOSSES)
    def test_losses(self, course, capsys, naive, vectorized, _, initial):
        X, y = course.randn(50, 6), course.randint(10, size=50)
        W = course.randn(6, 10) * 0.0001
        assert naive(W, X, y, 0.0)[0] == pytest.approx(initial, rel=1e-3)
        W = course.randn(6, 10)
        for reg in (0.0, 5.0):
            loss, gradient = naive(W, X, y, reg)
            numerical = eval_numerical_gradient(
                lambda W, reg=reg: naive(W, X, y, reg)[0], W, verbose=False
            )
            assert rel_error(gradient, numerical) < 1e-4
            grad_check_sparse(lambda w, reg=reg: naive(w, X, y, reg)[0], W, gradient, 3)
            other, same = vectorized(W, X, y, reg)
            assert other == loss
            assert np.array_equal(gradient, same)
        without, _ = naive(W, X, y, 0.0)
        assert loss - without == pytest.approx(5.0 * np.sum(W * W))  # no factor 0.5
        assert capsys.readouterr().out.count("relative error") == 6

    @pytest.mark.parametrize("kind", [LinearSVM, Softmax])
    def test_training(self, course, capsys, tmp_path, kind):
        centers = 3 * course.randn(4, 6)
        y = course.randint(4, size=200)
        X = centers[y] + 0.3 * course.randn(200, 6)
        classifier = kind()
        history = classifier.train(
            X, y, learning_rate=1e-1, reg=1e-4, num_iters=201, batch_size=50, verbose=True, rng=0
        )
        assert len(history) == 201
        assert history[0] == pytest.approx(3 if kind is LinearSVM else np.log(4), rel=0.1)
        assert history[-1] < 0.1 * history[0]
        assert (classifier.predict(X) == y).mean() > 0.98
        assert classifier.W.shape == (6, 4)
        lines = capsys.readouterr().out.splitlines()
        assert [line.split(": ")[0] for line in lines] == [
            f"iteration {i} / 201" for i in (0, 100, 200)
        ]
        assert lines[1].endswith(f"loss {history[100]:f}")
        path = tmp_path / "best.npy"
        classifier.save(path)
        other = kind()
        assert other.load(path) is True
        assert np.array_equal(other.W, classifier.W)
        assert other.load(tmp_path / "none") is False
        assert capsys.readouterr().out == (
            f"{path} saved.\n{path} loaded.\n{tmp_path / 'none'} not available.\n"
        )
        before = classifier.W.copy()
        classifier.train(X, y, num_iters=1, rng=0)  # it goes on
        assert 0 < np.abs(classifier.W - before).max() < 0.1

    def test_draws_as_the_course_does(self, seeded, course):
        X, y = course.randn(8, 3), np.arange(8) % 3
        one, other = Softmax(), Softmax()
        seeded(5)
        one.train(X, y, num_iters=3, batch_size=4)
        other.train(X, y, num_iters=3, batch_size=4, rng=5)
        assert np.array_equal(one.W, other.W)
        draws = np.random.RandomState(5)
        W = 0.001 * draws.randn(3, 3)
        for _ in range(3):
            batch = draws.choice(8, 4)
            W = W - 1e-3 * softmax_loss_naive(W, X[batch], y[batch], 1e-5)[1]
        assert np.allclose(W, one.W, rtol=1e-12)

    def test_refuses(self, tmp_path):
        W, X, y = np.ones((3, 4)), np.ones((2, 3)), np.array([0, 3])
        for naive, vectorized, kind, _ in LOSSES:
            for loss in (naive, vectorized):
                with pytest.raises(ValueError) as caught:
                    loss(W.T, X.T, y, 0.0)
                assert str(caught.value) == (
                    f"{loss.__name__}: X must be (N, D) and W (D, C): "
                    "got W (4, 3), X (3, 2); W.T and X.T"
                )
                with pytest.raises(ValueError, match=f"^{loss.__name__}: .*one-hot"):
                    loss(W, X, np.ones((2, 4)), 0.0)
                with pytest.raises(ValueError, match=f"^{loss.__name__}: "):
                    loss(W, X, np.array([0, 4]), 0.0)
            classifier = kind()
            with pytest.raises(ValueError) as caught:
                classifier.predict(X)
            assert str(caught.value) == (
                f"{kind.__name__}.predict: there are no weights yet; train or load first"
            )
            classifier.W = W
            with pytest.raises(ValueError) as caught:
                classifier.predict(X[:, 1:])
            assert str(caught.value) == (
                f"{kind.__name__}.predict: X must be (N, D) and W (D, C): got X (2, 2), W (3, 4); "
                "X.reshape(len(X), -1) flattens images; training may have appended a 1 to each"
            )
            path = tmp_path / "other.npz"
            checkpoints.write("test", path, {"V": W}, {})
            with pytest.raises(ValueError) as caught:
                kind().load(path)
            assert str(caught.value) == (
                f"{kind.__name__}.load: {str(path)!r} is of no linear classifier"
            )
        with pytest.raises(NotImplementedError) as caught:
            LinearClassifier().loss(X, y, 0.0)
        assert str(caught.value) == "LinearClassifier has no loss; LinearSVM and Softmax have"
