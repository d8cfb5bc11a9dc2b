"""Update rules, numerical gradients and grids of images of cs231n.

Printed numbers are those with which the notebooks compare.
"""

import random

import numpy as np
import pytest

from nnlayers.course.cs231n import gradient_check, optim, vis_utils
from nnlayers.course.cs231n.gradient_check import (
    eval_numerical_gradient,
    eval_numerical_gradient_array,
    eval_numerical_gradient_blobs,
    eval_numerical_gradient_net,
    grad_check_sparse,
)
from nnlayers.course.cs231n.optim import adam, rmsprop, sgd, sgd_momentum
from nnlayers.course.cs231n.vis_utils import vis_grid, vis_nn, visualize_grid


def rel_error(x, y):
    """As it is pasted into every notebook."""
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))


def ramp(low, high, *shape):
    """Evenly spaced numbers, of which the notebooks make their inputs."""
    return np.linspace(low, high, num=int(np.prod(shape))).reshape(shape)


class TestOptim:
    w, dw = ramp(-0.4, 0.6, 4, 5), ramp(-0.6, 0.4, 4, 5)

    def test_sgd(self):
        next_w, config = sgd(self.w, self.dw)
        assert np.array_equal(next_w, self.w - 0.01 * self.dw)
        assert config == {"learning_rate": 0.01}

    def test_sgd_momentum(self):
        config = {"learning_rate": 1e-3, "velocity": ramp(0.6, 0.9, 4, 5)}
        next_w, _ = sgd_momentum(self.w, self.dw, config=config)
        assert rel_error(next_w.ravel()[[0, 1, -1]], np.array([0.1406, 0.20738947, 1.4096])) < 1e-7
        # the notebook reads it from the dict that it passed
        velocity = config["velocity"].ravel()
        assert rel_error(velocity[[0, -1]], np.array([0.5406, 0.8096])) < 1e-8

    def test_rmsprop(self):
        config = {"learning_rate": 1e-2, "cache": ramp(0.6, 0.9, 4, 5)}
        next_w, _ = rmsprop(self.w, self.dw, config=config)
        ends = next_w.ravel()[[0, -1]]
        assert rel_error(ends, np.array([-0.39223849, 0.59576619])) < 1e-7
        assert rel_error(config["cache"].ravel()[[0, -1]], np.array([0.5976, 0.8926])) < 1e-8

    def test_adam(self):
        m, v = ramp(0.6, 0.9, 4, 5), ramp(0.7, 0.5, 4, 5)
        config = {"learning_rate": 1e-2, "m": m, "v": v, "t": 5}
        next_w, _ = adam(self.w, self.dw, config=config)
        ends = next_w.ravel()[[0, -1]]
        assert rel_error(ends, np.array([-0.40094747, 0.59801459])) < 1e-7
        assert rel_error(config["v"].ravel()[[0, -1]], np.array([0.69966, 0.49966])) < 1e-7
        assert rel_error(config["m"].ravel()[[0, -1]], np.array([0.48, 0.85])) < 1e-8
        assert config["t"] == 6

    @pytest.mark.parametrize("rule, defaults", [
        (sgd, {"learning_rate": 1e-2}),
        (sgd_momentum, {"learning_rate": 1e-2, "momentum": 0.9}),
        (rmsprop, {"learning_rate": 1e-2, "decay_rate": 0.99, "epsilon": 1e-8}),
        (adam, {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "t": 1}),
    ])  # fmt: skip
    def test_defaults_and_state(self, rule, defaults):
        w, dw = self.w.copy(), self.dw.copy()
        next_w, config = rule(w, dw)
        assert defaults.items() <= {k: v for k, v in config.items() if np.ndim(v) == 0}.items()
        assert np.array_equal(w, self.w)
        assert np.array_equal(dw, self.dw)
        held = {}
        _, returned = rule(w, dw, held)
        assert returned is held
        single, _ = rule(w.astype(np.float32), dw.astype(np.float32), {})
        assert single.dtype == np.float32
        mixed, config = rule(w.astype(np.float32), dw, {})
        assert mixed.dtype == np.float64  # NumPy's promotion, as in the course
        rule(mixed, dw.astype(np.float32), config)

    @pytest.mark.parametrize("rule", [sgd, sgd_momentum, rmsprop, adam])
    def test_refuses(self, rule):
        name = rule.__name__
        config = {"learning_rate": 0.1, "lr": 0.1}
        with pytest.raises(ValueError, match=f"^{name}: config has the unknown key lr; the keys "):
            rule(self.w, self.dw, config)
        assert config == {"learning_rate": 0.1, "lr": 0.1}
        with pytest.raises(ValueError, match=f"^{name}: learning_rate "):
            rule(self.w, self.dw, {"learning_rate": -1})
        with pytest.raises(ValueError, match=f"^{name}: w and dw "):
            rule(self.w, self.dw[0], {})
        with pytest.raises(TypeError, match=f"^{name}: config must be a dict, not 0.1"):
            rule(self.w, self.dw, 0.1)


class Blob:
    def __init__(self, vals, diffs):
        self.vals, self.diffs = vals, diffs


class TestGradientCheck:
    def test_functions_that_ignore_their_argument(self):
        x = ramp(-1, 1, 2, 3)
        numerical = eval_numerical_gradient(lambda _: (x**3).sum(), x, verbose=False)
        assert rel_error(numerical, 3 * x**2) < 1e-6
        df = ramp(1, 2, 2, 3)
        assert rel_error(eval_numerical_gradient_array(lambda _: x**3, x, df), 3 * x**2 * df) < 1e-6
        assert np.array_equal(x, ramp(-1, 1, 2, 3))

    def test_verbose(self, capsys):
        x = np.array([[1.0, 2.0]])
        eval_numerical_gradient(lambda x: (2 * x).sum(), x, True, 0.5)
        assert capsys.readouterr().out == "(0, 0) 2.0\n(0, 1) 2.0\n"

    def test_blobs_and_nets(self):
        a, b = Blob(ramp(1, 2, 2, 2), None), Blob(ramp(3, 4, 2, 2), None)
        c = Blob(np.zeros((2, 2)), ramp(-1, 1, 2, 2))

        def f(a, b, c):
            c.vals = a.vals * b.vals**2

        class Net:
            def forward(self):
                f(a, b, c)

        expected = [c.diffs * b.vals**2, c.diffs * 2 * a.vals * b.vals]
        for found in (
            eval_numerical_gradient_blobs(f, (a, b), c),
            eval_numerical_gradient_net(Net(), (a, b), c),
        ):
            assert all(rel_error(one, other) < 1e-8 for one, other in zip(found, expected))

    def test_the_step_is_used_as_it_is(self, capsys):
        x, h = np.array([1.0]), 0.125  # ((x + h)³ - (x - h)³) / 2h = 3x² + h²
        a, b = Blob(x, None), Blob(np.zeros(1), np.ones(1))

        def f(a, b):
            b.vals = a.vals**3

        for gradient in (
            eval_numerical_gradient(lambda x: (x**3).sum(), x, verbose=False, h=h),
            eval_numerical_gradient_array(lambda x: x**3, x, np.ones(1), h=h),
            *eval_numerical_gradient_blobs(f, (a,), b, h=h),
        ):
            assert gradient.tolist() == [3.015625]
        grad_check_sparse(lambda x: (x**3).sum(), x, np.array([3.015625]), 1, h=h)
        assert "relative error: 0.000000e+00" in capsys.readouterr().out

    def test_sparse(self, capsys):
        x = ramp(1, 2, 3, 4)
        state = random.getstate()
        grad_check_sparse(lambda x: (x**2).sum(), x, 2 * x, 5)
        random.setstate(state)
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 5
        for line in lines:
            numerical, analytic, error = (
                float(text)
                for text in line.removeprefix("numerical: ")
                .replace(" analytic: ", ",")
                .replace(", relative error: ", ",")
                .split(",")
            )
            assert numerical == analytic
            assert error < 1e-8
        grad_check_sparse(lambda _: (x**2).sum(), x, 3 * x, 1)
        assert "relative error: 2.000000e-01" in capsys.readouterr().out

    def test_refuses(self):
        single = np.zeros(3, np.float32)
        for function, args in [
            (eval_numerical_gradient, ()),
            (eval_numerical_gradient_array, (single,)),
            (grad_check_sparse, (single,)),
        ]:
            with pytest.raises(TypeError) as caught:
                function(lambda x: x.sum(), single, *args)
            assert str(caught.value) == (
                f"{function.__name__}: x must be an array of float64, not float32: a step of 1e-5 "
                "would be lost in rounding; models take dtype=np.float64, "
                "arrays .astype(np.float64)"
            )
        with pytest.raises(TypeError, match="^eval_numerical_gradient: .*, not list: "):
            eval_numerical_gradient(sum, [1.0])
        with pytest.raises(TypeError, match="^eval_numerical_gradient_blobs: .*, not float32: "):
            eval_numerical_gradient_blobs(None, (Blob(single, None),), None)
        with pytest.raises(ValueError) as caught:
            grad_check_sparse(np.sum, np.zeros(3), np.zeros(2))
        assert str(caught.value) == (
            "grad_check_sparse: analytic_grad must have the shape of x: "
            "got x (3,), analytic_grad (2,)"
        )
        with pytest.raises(ValueError, match="^eval_numerical_gradient: .* returns an array"):
            eval_numerical_gradient(lambda x: 2 * x, np.zeros(3))
        with pytest.raises(ValueError, match="^eval_numerical_gradient_array: dout must have the "):
            eval_numerical_gradient_array(lambda x: 2 * x, np.zeros(3), np.zeros(2))


class TestVisUtils:
    def test_visualize_grid(self):
        images = np.random.default_rng(0).standard_normal((5, 4, 3, 3))
        images[4] = 7.0
        grid = visualize_grid(images, padding=3)
        assert grid.shape == (18, 15, 3)
        one = images[1]
        stretched = 255.0 * (one - one.min()) / (one.max() - one.min())
        assert np.allclose(grid[:4, 6:9], stretched)
        assert not grid[7:11, 6:9].any()  # of one value
        assert not grid[4:7].any()
        assert visualize_grid(images, ubound=1.0).max() == 1.0

    def test_vis_grid(self):
        images = np.random.default_rng(0).standard_normal((3, 4, 3, 1))
        grid = vis_grid(images)
        assert grid.shape == (10, 8, 1)
        low, high = images.min(), images.max()
        assert np.allclose(grid[5:9, :3], (images[2] - low) / (high - low))
        assert not grid[4].any()
        assert not grid[9].any()
        assert not grid[5:9, 4:].any()

    def test_vis_nn(self):
        images = np.random.default_rng(0).random((6, 4, 3, 2))
        grid = vis_nn([list(images[:3]), list(images[3:])])
        low = images.min()
        assert grid.shape == (10, 12, 2)
        assert np.allclose(grid[5:9, 8:11], (images[5] - low) / (1 - low))
        assert (grid[4] == 1).all()
        assert (grid[:, 11] == 1).all()

    def test_refuses(self):
        with pytest.raises(ValueError) as caught:
            visualize_grid(np.zeros((3, 4, 4)))
        assert str(caught.value) == (
            "visualize_grid: images must be (N, H, W, C) with at least one: got Xs (3, 4, 4); "
            "filters w (F, C, HH, WW) are w.transpose(0, 2, 3, 1)"
        )
        with pytest.raises(ValueError, match="^vis_grid: .*got Xs \\(0, 2, 2, 3\\)"):
            vis_grid(np.zeros((0, 2, 2, 3)))
        with pytest.raises(ValueError, match="^vis_nn: "):
            vis_nn([[]])


@pytest.mark.parametrize("module", [optim, gradient_check, vis_utils])
def test_public_names(module):
    assert module.__all__ == sorted(module.__all__)
    assert all(getattr(module, name).__doc__ for name in module.__all__)
