"""The notebooks of cs231n's first assignment from the first cell to the last, at small sizes.

Everything is imported as the course does, from modules of the course's names, and called with its
arguments; what a notebook asks to be looked at is asserted.
"""

# ruff: noqa: E731, F403, F405, NPY002 (as notebooks are written)

import numpy as np
import pytest

from cifar import write_folder
from nnlayers.course.cs231n.classifiers.fc_net import *
from nnlayers.course.cs231n.data_utils import get_CIFAR10_data, load_CIFAR10
from nnlayers.course.cs231n.gradient_check import eval_numerical_gradient, grad_check_sparse
from nnlayers.course.cs231n.solver import Solver
from nnlayers.course.cs231n.vis_utils import visualize_grid

cifar10_dir = "cs231n/datasets/cifar-10-batches-py"


def rel_error(x, y):
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))


@pytest.fixture(autouse=True)
def notebook(tmp_path, monkeypatch):
    """Run seeded, in a folder with the data; put the global generator's state back afterwards."""
    write_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    state = np.random.get_state()
    np.random.seed(231)
    yield
    np.random.set_state(state)


def rows_with_a_one(num_training=160, num_validation=40, num_dev=30):
    """Prepare images as the notebooks on linear classifiers do: as rows without mean, and a 1."""
    X, y, X_test, y_test = load_CIFAR10(cifar10_dir)
    X, X_test = X.reshape(X.shape[0], -1), X_test.reshape(X_test.shape[0], -1)
    mean_image = np.mean(X[:num_training], axis=0)
    X = np.hstack([X - mean_image, np.ones((X.shape[0], 1))])
    X_test = np.hstack([X_test - mean_image, np.ones((X_test.shape[0], 1))])
    mask = np.random.choice(num_training, num_dev, replace=False)
    val = slice(num_training, num_training + num_validation)
    return X[:num_training], y[:num_training], X[val], y[val], X_test, y_test, X[mask], y[mask]


def test_knn():
    X_train, y_train, X_test, y_test = load_CIFAR10(cifar10_dir)
    mask = list(range(150))
    X_train, y_train = X_train[mask], y_train[mask]
    X_train = np.reshape(X_train, (X_train.shape[0], -1))
    X_test = np.reshape(X_test, (X_test.shape[0], -1))
    assert X_train.shape == (150, 3072)

    from nnlayers.course.cs231n.classifiers import KNearestNeighbor

    classifier = KNearestNeighbor()
    classifier.train(X_train, y_train)
    dists = classifier.compute_distances_two_loops(X_test)
    assert dists.shape == (40, 150)
    for k in (1, 5):
        y_test_pred = classifier.predict_labels(dists, k=k)
        assert float(np.sum(y_test_pred == y_test)) / 40 > 0.9
    dists_one = classifier.compute_distances_one_loop(X_test)
    assert np.linalg.norm(dists - dists_one, ord="fro") < 0.001
    dists_two = classifier.compute_distances_no_loops(X_test)
    assert np.linalg.norm(dists - dists_two, ord="fro") < 0.001

    num_folds, k_to_accuracies = 5, {}
    X_train_folds = np.array_split(X_train, num_folds)
    y_train_folds = np.array_split(y_train, num_folds)
    for k in [1, 3, 100]:
        for i in range(num_folds):
            X = np.concatenate(X_train_folds[:i] + X_train_folds[i + 1 :])
            y = np.concatenate(y_train_folds[:i] + y_train_folds[i + 1 :])
            classifier = KNearestNeighbor()
            classifier.train(X, y)
            y_pred = classifier.predict(X_train_folds[i], k=k, num_loops=0)
            k_to_accuracies.setdefault(k, []).append(np.mean(y_pred == y_train_folds[i]))
    assert np.mean(k_to_accuracies[3]) > 0.9 > np.mean(k_to_accuracies[100])


def linear_classifier(naive, vectorized, initial, make, rate, reg, capsys):
    """The cells that the notebooks on the SVM and on softmax have in common."""
    X_train, y_train, X_val, y_val, X_test, y_test, X_dev, y_dev = rows_with_a_one()
    W = np.random.randn(3073, 10) * 0.0001
    loss, grad = naive(W, X_dev, y_dev, 0.000005)
    assert abs(loss - initial) < 0.35 * initial
    for strength in (0.0, 5e1):
        loss, grad = naive(W, X_dev, y_dev, strength)
        f = lambda w, strength=strength: naive(w, X_dev, y_dev, strength)[0]
        grad_check_sparse(f, W, grad, 5)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 10
    assert all(float(line.rpartition(" ")[2]) < 1e-3 for line in printed)
    loss_vectorized, grad_vectorized = vectorized(W, X_dev, y_dev, 5e1)
    assert abs(loss - loss_vectorized) < 1e-10
    assert np.linalg.norm(grad - grad_vectorized, ord="fro") < 1e-10

    results, best_val, best = {}, -1, None
    for learning_rate in (1e-12, rate):
        classifier = make()
        loss_hist = classifier.train(
            X_train, y_train, learning_rate=learning_rate, reg=reg, num_iters=120, verbose=True
        )
        assert len(loss_hist) == 120
        train_accuracy = np.mean(y_train == classifier.predict(X_train))
        val_accuracy = np.mean(y_val == classifier.predict(X_val))
        results[(learning_rate, reg)] = train_accuracy, val_accuracy
        if val_accuracy > best_val:
            best_val, best = val_accuracy, classifier
    assert capsys.readouterr().out.startswith("iteration 0 / 120: loss ")
    assert best is classifier  # of the rate that is no mere nothing
    assert np.mean(y_test == best.predict(X_test)) > 0.8
    w = best.W[:-1, :].reshape(32, 32, 3, 10)
    w_min, w_max = np.min(w), np.max(w)
    wimg = 255.0 * (w[:, :, :, 0].squeeze() - w_min) / (w_max - w_min)
    assert wimg.shape == (32, 32, 3)
    return best, X_test


def test_svm(capsys):
    from nnlayers.course.cs231n.classifiers import LinearSVM
    from nnlayers.course.cs231n.classifiers.linear_svm import svm_loss_naive, svm_loss_vectorized

    linear_classifier(
        svm_loss_naive, svm_loss_vectorized, 9.0, LinearSVM, 1e-7, 1e3, capsys
    )  # fmt: skip


def test_softmax(capsys):
    from nnlayers.course.cs231n.classifiers import Softmax
    from nnlayers.course.cs231n.classifiers.softmax import (
        softmax_loss_naive,
        softmax_loss_vectorized,
    )

    best_softmax, X_test = linear_classifier(
        softmax_loss_naive, softmax_loss_vectorized, -np.log(0.1), Softmax, 1e-6, 1e2, capsys
    )  # fmt: skip
    best_softmax.save("best_softmax.npy")
    again = Softmax()
    again.load("best_softmax.npy")
    assert np.array_equal(again.predict(X_test), best_softmax.predict(X_test))


def test_two_layer_net(capsys):
    from nnlayers.course.cs231n.layer_utils import affine_relu_forward

    data = get_CIFAR10_data(num_training=160, num_validation=40, num_test=40)
    assert [data[name].shape for name in ("X_train", "X_val", "X_test")] == [
        (160, 3, 32, 32),
        (40, 3, 32, 32),
        (40, 3, 32, 32),
    ]
    np.random.seed(231)
    x, w, b = np.random.randn(2, 3, 4), np.random.randn(12, 10), np.random.randn(10)
    out, _ = affine_relu_forward(x, w, b)
    a, _ = affine_forward(x, w, b)  # the layers came with the star
    assert np.array_equal(out, relu_forward(a)[0])
    x, y = 0.001 * np.random.randn(50, 10), np.random.randint(10, size=50)
    for loss_of, about in ((svm_loss, 9), (softmax_loss, 2.3)):
        f = lambda x, loss_of=loss_of: loss_of(x, y)[0]
        dx_num = eval_numerical_gradient(f, x, verbose=False)
        loss, dx = loss_of(x, y)
        assert abs(loss - about) < 0.1
        assert rel_error(dx_num, dx) < 1e-7

    model = TwoLayerNet(input_dim=5, hidden_dim=50, num_classes=7, weight_scale=0.1)
    X, y = np.random.randn(3, 5), np.asarray([0, 5, 1])
    for model.reg in (0.0, 0.7):
        loss, grads = model.loss(X, y)
        for name in sorted(grads):
            f = lambda _: model.loss(X, y)[0]
            grad_num = eval_numerical_gradient(f, model.params[name], verbose=False)
            assert rel_error(grad_num, grads[name]) < 1e-5

    model = TwoLayerNet(32 * 32 * 3, 20, 10)
    solver = Solver(
        model,
        data,
        update_rule="sgd",
        optim_config={"learning_rate": 1e-3},
        lr_decay=0.95,
        num_epochs=8,
        batch_size=20,
        print_every=32,
    )
    solver.train()
    assert "(Epoch 8 / 8) train acc: " in capsys.readouterr().out
    assert len(solver.loss_history) == 64
    assert len(solver.train_acc_history) == len(solver.val_acc_history) == 9
    assert solver.best_val_acc > 0.7
    W1 = model.params["W1"].reshape(3, 32, 32, -1).transpose(3, 1, 2, 0)
    assert visualize_grid(W1, padding=3).astype("uint8").shape == (172, 172, 3)
    y_test_pred = np.argmax(model.loss(data["X_test"]), axis=1)
    assert (y_test_pred == data["y_test"]).mean() > 0.7
    model.save("best_two_layer_net.npy")
    again = TwoLayerNet(32 * 32 * 3, 20, 10)
    again.load("best_two_layer_net.npy")
    assert np.array_equal(again.loss(data["X_test"]), model.loss(data["X_test"]))


def test_features(capsys):
    from nnlayers.course.cs231n.classifiers.linear_classifier import LinearSVM
    from nnlayers.course.cs231n.features import color_histogram_hsv, extract_features, hog_feature

    X, y, X_test, y_test = load_CIFAR10(cifar10_dir)
    X_train, y_train, X_val, y_val = X[:160], y[:160], X[160:], y[160:]
    num_color_bins = 10
    feature_fns = [hog_feature, lambda img: color_histogram_hsv(img, nbin=num_color_bins)]
    X_train_feats = extract_features(X_train, feature_fns, verbose=True)
    X_val_feats = extract_features(X_val, feature_fns)
    X_test_feats = extract_features(X_test, feature_fns)
    mean_feat = np.mean(X_train_feats, axis=0, keepdims=True)
    std_feat = np.std(X_train_feats, axis=0, keepdims=True)
    X_train_feats, X_val_feats, X_test_feats = (
        np.hstack([(feats - mean_feat) / std_feat, np.ones((len(feats), 1))])
        for feats in (X_train_feats, X_val_feats, X_test_feats)
    )
    assert X_train_feats.shape == (160, 155)
    svm = LinearSVM()
    svm.train(X_train_feats, y_train, learning_rate=1e-2, reg=1e-2, num_iters=200)
    assert np.mean(y_val == svm.predict(X_val_feats)) > 0.9
    assert np.mean(y_test == svm.predict(X_test_feats)) > 0.9

    # preprocessing: the net has biases of its own
    X_train_feats, X_val_feats = X_train_feats[:, :-1], X_val_feats[:, :-1]
    net = TwoLayerNet(X_train_feats.shape[1], 40, 10)
    feats = {"X_train": X_train_feats, "y_train": y_train, "X_val": X_val_feats, "y_val": y_val}
    solver = Solver(
        net, feats, optim_config={"learning_rate": 0.5}, num_epochs=20, batch_size=40, verbose=False
    )
    solver.train()
    y_test_pred = np.argmax(net.loss(X_test_feats[:, :-1]), axis=1)
    assert np.mean(y_test_pred == y_test) > 0.9
