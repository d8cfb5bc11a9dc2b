"""The notebooks of cs231n's second assignment from the first cell to the last, at small sizes.

Everything is imported as the course does, from modules of the course's names, and called with its
arguments; what a notebook asks to be looked at is asserted.
"""

# ruff: noqa: B023, E731, F403, F405, NPY002 (as notebooks are written)

from time import time

import numpy as np
import pytest

from cifar import write_folder
from nnlayers.course.cs231n.classifiers.cnn import *
from nnlayers.course.cs231n.classifiers.fc_net import *
from nnlayers.course.cs231n.data_utils import get_CIFAR10_data
from nnlayers.course.cs231n.fast_layers import *
from nnlayers.course.cs231n.gradient_check import (
    eval_numerical_gradient,
    eval_numerical_gradient_array,
)
from nnlayers.course.cs231n.layer_utils import *
from nnlayers.course.cs231n.layers import *
from nnlayers.course.cs231n.solver import Solver
from nnlayers.course.cs231n.vis_utils import visualize_grid


def rel_error(x, y):
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))


@pytest.fixture(autouse=True)
def notebook():
    """Run seeded; put the global generator's state back afterwards."""
    state = np.random.get_state()
    np.random.seed(231)
    yield
    np.random.set_state(state)


@pytest.fixture
def data(tmp_path, monkeypatch):
    """The data of the first cells, found in the folder where the course keeps it."""
    write_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    data = get_CIFAR10_data(num_training=160, num_validation=40, num_test=40)
    for k in data:
        assert data[k].shape == (len(data[k]), *((3, 32, 32) if k[0] == "X" else ()))
    return data


def some(data, num_train):
    """Training data of which nets are to be overfitted."""
    return {
        "X_train": data["X_train"][:num_train],
        "y_train": data["y_train"][:num_train],
        "X_val": data["X_val"],
        "y_val": data["y_val"],
    }


def check_net(model, X, y, bound):
    """Compare the gradients of a net with numerical ones."""
    loss, grads = model.loss(X, y)
    for name in sorted(grads):
        f = lambda _: model.loss(X, y)[0]
        grad_num = eval_numerical_gradient(f, model.params[name], verbose=False, h=1e-5)
        error = np.abs(grad_num - grads[name]).max()
        assert error < 1e-8 or rel_error(grad_num, grads[name]) < bound, name
    return loss


def test_fully_connected_nets(data):
    N, D, H1, H2, C = 2, 8, 10, 12, 10
    X, y = np.random.randn(N, D), np.random.randint(C, size=(N,))
    losses = []
    for reg in [0, 3.14]:
        model = FullyConnectedNet(
            [H1, H2], input_dim=D, num_classes=C, reg=reg, weight_scale=5e-2, dtype=np.float64
        )
        losses.append(check_net(model, X, y, 1e-5))
    assert abs(losses[0] - np.log(10)) < 0.1 < losses[1] - losses[0]

    for hidden, weight_scale in (([100, 100], 3e-2), ([100, 100, 100, 100], 6e-2)):
        model = FullyConnectedNet(hidden, weight_scale=weight_scale, dtype=np.float64)
        solver = Solver(
            model,
            some(data, 50),
            print_every=10,
            num_epochs=20,
            batch_size=25,
            update_rule="sgd",
            optim_config={"learning_rate": 1e-3},
            verbose=False,
        )
        solver.train()
        assert solver.train_acc_history[-1] == 1.0
        assert len(solver.loss_history) == 40

    solvers = {}
    learning_rates = {"sgd": 5e-3, "sgd_momentum": 5e-3, "rmsprop": 1e-4, "adam": 1e-3}
    for update_rule, learning_rate in learning_rates.items():
        model = FullyConnectedNet([50, 50], weight_scale=5e-2)
        solvers[update_rule] = Solver(
            model,
            data,
            num_epochs=3,
            batch_size=20,
            update_rule=update_rule,
            optim_config={"learning_rate": learning_rate},
            verbose=False,
        )
        solvers[update_rule].train()
        assert len(solvers[update_rule].val_acc_history) == 4
    best_model = solvers["adam"].model
    y_val_pred = np.argmax(best_model.loss(data["X_val"]), axis=1)
    assert (y_val_pred == data["y_val"]).mean() == solvers["adam"].best_val_acc > 0.8


def test_batch_normalization(data):
    for forward, param, axis in (
        (batchnorm_forward, {"mode": "train"}, 0),
        (layernorm_forward, {}, 1),
    ):
        X, W1, W2 = np.random.randn(200, 50), np.random.randn(50, 60), np.random.randn(60, 3)
        a = np.maximum(0, X.dot(W1)).dot(W2)
        a_norm, _ = forward(a, np.ones(3), np.zeros(3), param)
        assert np.abs(a_norm.mean(axis=axis)).max() < 1e-12
        assert np.abs(a_norm.std(axis=axis) - 1).max() < 1e-5

    N, D = 4, 5
    x, gamma, beta = 5 * np.random.randn(N, D) + 12, np.random.randn(D), np.random.randn(D)
    dout, bn_param = np.random.randn(N, D), {"mode": "train"}
    fx = lambda x: batchnorm_forward(x, gamma, beta, bn_param)[0]
    fg = lambda a: batchnorm_forward(x, a, beta, bn_param)[0]
    fb = lambda b: batchnorm_forward(x, gamma, b, bn_param)[0]
    _, cache = batchnorm_forward(x, gamma, beta, bn_param)
    numerical = [
        eval_numerical_gradient_array(f, array.copy(), dout)
        for f, array in ((fx, x), (fg, gamma), (fb, beta))
    ]
    for backward in (batchnorm_backward, batchnorm_backward_alt):
        for gradient, expected in zip(backward(dout, cache), numerical):
            assert rel_error(expected, gradient) < 1e-7

    X, y = np.random.randn(2, 8), np.random.randint(10, size=(2,))
    for normalization in ("batchnorm", "layernorm"):
        model = FullyConnectedNet(
            [10, 12], 8, 10, reg=3.14, weight_scale=5e-2, dtype=np.float64,
            normalization=normalization,
        )  # fmt: skip
        assert 2.2 < check_net(model, X, y, 1e-2) < 9

    solvers = {}
    for normalization in ("batchnorm", None):
        model = FullyConnectedNet([30] * 5, weight_scale=2e-2, normalization=normalization)
        solvers[normalization] = Solver(
            model,
            data,
            num_epochs=5,
            batch_size=40,
            update_rule="adam",
            optim_config={"learning_rate": 1e-3},
            verbose=False,
        )
        solvers[normalization].train()
    with_batchnorm, without = solvers["batchnorm"], solvers[None]
    assert max(with_batchnorm.train_acc_history) > max(without.train_acc_history)
    for weight_scale in np.logspace(-4, 0, num=3):
        model = FullyConnectedNet([20] * 3, weight_scale=weight_scale, normalization="batchnorm")
        solver = Solver(
            model,
            some(data, 40),
            num_epochs=4,
            batch_size=20,
            update_rule="adam",
            optim_config={"learning_rate": 3e-3},
            verbose=False,
        )
        solver.train()
        assert solver.loss_history[-1] < solver.loss_history[0]


def test_dropout(data):
    x = np.random.randn(300, 300) + 10
    for p in [0.25, 0.4, 0.7]:
        out, _ = dropout_forward(x, {"mode": "train", "p": p})
        out_test, _ = dropout_forward(x, {"mode": "test", "p": p})
        assert abs(out.mean() - x.mean()) < 0.15
        assert abs(out_test.mean() - x.mean()) < 1e-12
        assert abs((out == 0).mean() - (1 - p)) < 0.01
        assert (out_test == 0).mean() == 0
    x, dout = np.random.randn(10, 10) + 10, np.random.randn(10, 10)
    dropout_param = {"mode": "train", "p": 0.2, "seed": 123}
    out, cache = dropout_forward(x, dropout_param)
    dx = dropout_backward(dout, cache)
    f = lambda xx: dropout_forward(xx, dropout_param)[0]
    assert rel_error(dx, eval_numerical_gradient_array(f, x, dout)) < 1e-9

    X, y = np.random.randn(2, 8), np.random.randint(10, size=(2,))
    for dropout_keep_ratio in [1, 0.75, 0.5]:
        model = FullyConnectedNet(
            [10, 12], input_dim=8, num_classes=10, weight_scale=5e-2, dtype=np.float64,
            dropout_keep_ratio=dropout_keep_ratio, seed=123,
        )  # fmt: skip
        check_net(model, X, y, 1e-4)

    final = {}
    for dropout_keep_ratio in [1, 0.25]:
        model = FullyConnectedNet([100], dropout_keep_ratio=dropout_keep_ratio)
        solver = Solver(
            model,
            some(data, 100),
            num_epochs=5,
            batch_size=20,
            update_rule="adam",
            optim_config={"learning_rate": 5e-4},
            verbose=False,
        )
        solver.train()
        final[dropout_keep_ratio] = solver
        assert solver.train_acc_history[-1] > 0.6
    assert final[0.25].loss_history[-1] > final[1].loss_history[-1]  # it is harder to fit


def test_convolutional_networks(data):
    x, dout = np.random.randn(4, 3, 5, 5), np.random.randn(4, 2, 5, 5)
    w, b, conv_param = np.random.randn(2, 3, 3, 3), np.random.randn(2), {"stride": 1, "pad": 1}
    out, cache = conv_forward_naive(x, w, b, conv_param)
    dx, dw, db = conv_backward_naive(dout, cache)
    for array, gradient in ((x, dx), (w, dw), (b, db)):
        f = lambda _: conv_forward_naive(x, w, b, conv_param)[0]
        assert rel_error(eval_numerical_gradient_array(f, array, dout), gradient) < 1e-6

    x, dout = np.random.randn(10, 3, 31, 31), np.random.randn(10, 25, 16, 16)
    w, b, conv_param = np.random.randn(25, 3, 3, 3), np.random.randn(25), {"stride": 2, "pad": 1}
    t0 = time()
    out_naive, cache_naive = conv_forward_naive(x, w, b, conv_param)
    t1 = time()
    out_fast, cache_fast = conv_forward_fast(x, w, b, conv_param)
    t2 = time()
    print(f"Speedup: {(t1 - t0) / max(t2 - t1, 1e-9):f}x")
    assert rel_error(out_naive, out_fast) < 1e-9
    for naive, fast in zip(
        conv_backward_naive(dout, cache_naive), conv_backward_fast(dout, cache_fast)
    ):
        assert rel_error(naive, fast) < 1e-9
    x, dout = np.random.randn(10, 3, 32, 32), np.random.randn(10, 3, 16, 16)
    pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
    out_naive, cache_naive = max_pool_forward_naive(x, pool_param)
    out_fast, cache_fast = max_pool_forward_fast(x, pool_param)
    assert np.array_equal(out_naive, out_fast)
    assert np.array_equal(
        max_pool_backward_naive(dout, cache_naive), max_pool_backward_fast(dout, cache_fast)
    )

    model = ThreeLayerConvNet(num_filters=4)
    X, y = np.random.randn(10, 3, 32, 32), np.random.randint(10, size=10)
    loss, _ = model.loss(X, y)
    model.reg = 0.5
    assert abs(loss - np.log(10)) < 0.02
    assert loss < model.loss(X, y)[0]
    model = ThreeLayerConvNet(
        input_dim=(3, 6, 6), num_filters=3, filter_size=3, hidden_dim=7, weight_scale=5e-2,
        dtype=np.float64,
    )  # fmt: skip
    check_net(model, np.random.randn(2, 3, 6, 6), np.random.randint(10, size=2), 1e-2)

    model = ThreeLayerConvNet(num_filters=4, hidden_dim=30, weight_scale=1e-2)
    solver = Solver(
        model,
        some(data, 60),
        num_epochs=8,
        batch_size=20,
        update_rule="adam",
        optim_config={"learning_rate": 1e-3},
        verbose=False,
    )
    solver.train()
    assert solver.check_accuracy(data["X_train"][:60], data["y_train"][:60]) > 0.8
    grid = visualize_grid(model.params["W1"].transpose(0, 2, 3, 1))
    assert grid.astype("uint8").shape == (15, 15, 3)

    N, C, H, W = 2, 6, 4, 5
    x = 4 * np.random.randn(N, C, H, W) + 10
    bn_param = {"mode": "train"}
    for _ in range(50):
        out, _ = spatial_batchnorm_forward(x, np.ones(C), np.zeros(C), bn_param)
    assert np.abs(out.mean(axis=(0, 2, 3))).max() < 1e-12
    bn_param["mode"] = "test"
    out, _ = spatial_batchnorm_forward(x, np.ones(C), np.zeros(C), bn_param)
    assert np.abs(out.std(axis=(0, 2, 3)) - 1).max() < 0.1
    gamma, beta = np.ones((1, C, 1, 1)), np.zeros((1, C, 1, 1))
    out, cache = spatial_groupnorm_forward(x, gamma, beta, 2, {})
    assert np.abs(out.reshape(N * 2, -1).mean(axis=1)).max() < 1e-12
    dx, dgamma, dbeta = spatial_groupnorm_backward(np.random.randn(N, C, H, W), cache)
    assert [d.shape for d in (dx, dgamma, dbeta)] == [x.shape, gamma.shape, beta.shape]
