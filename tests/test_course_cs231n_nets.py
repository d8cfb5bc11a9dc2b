"""The nets of cs231n, as its notebooks on fully connected and convolutional nets use them.

Printed numbers are those with which the notebooks compare.
"""

# ruff: noqa: NPY002 (notebooks draw from the global generator)

import numpy as np
import pytest

from nnlayers import numerical_gradient
from nnlayers.course.cs231n.classifiers import cnn, fc_net
from nnlayers.course.cs231n.classifiers.cnn import ThreeLayerConvNet
from nnlayers.course.cs231n.classifiers.fc_net import FullyConnectedNet, TwoLayerNet


def rel_error(x, y):
    """As it is pasted into every notebook."""
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))


def ramp(low, high, *shape):
    """Evenly spaced numbers, of which the notebooks make their inputs."""
    return np.linspace(low, high, num=int(np.prod(shape))).reshape(shape)


def check(model, X, y):
    """Compare all gradients with numerical ones, by a function that ignores its argument."""
    _, grads = model.loss(X, y)
    assert grads.keys() == model.params.keys()
    for name, gradient in grads.items():
        # with a step that suits each entry: 1e-5 is too long for batch norm of two examples
        numerical, error = numerical_gradient(
            lambda _: model.loss(X, y)[0], model.params[name], return_error=True
        )
        assert gradient.shape == numerical.shape
        assert (np.abs(gradient - numerical) <= 4 * error + 1e-10).all()
        assert np.abs(error).max() < 1e-3 * np.abs(numerical).max() + 1e-8


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


class TestTwoLayerNet:
    def test_cells(self, seeded):
        seeded(231)
        N, D, H, C = 3, 5, 50, 7
        X, y = np.random.randn(N, D), np.random.randint(C, size=N)
        model = TwoLayerNet(input_dim=D, hidden_dim=H, num_classes=C, weight_scale=1e-3)
        assert abs(model.params["W1"].std() - 1e-3) < 1e-4
        assert abs(model.params["W2"].std() - 1e-3) < 1e-4
        assert not model.params["b1"].any()
        assert not model.params["b2"].any()

        model.params["W1"], model.params["b1"] = ramp(-0.7, 0.3, D, H), ramp(-0.1, 0.9, H)
        model.params["W2"], model.params["b2"] = ramp(-0.3, 0.4, H, C), ramp(-0.9, 0.1, C)
        X = np.linspace(-5.5, 4.5, num=N * D).reshape(D, N).T
        correct = [
            [11.53165108, 12.2917344, 13.05181771, 13.81190102,
             14.57198434, 15.33206765, 16.09215096],
            [12.05769098, 12.74614105, 13.43459113, 14.1230412,
             14.81149128, 15.49994135, 16.18839143],
            [12.58373087, 13.20054771, 13.81736455, 14.43418138,
             15.05099822, 15.66781506, 16.2846319],
        ]  # fmt: skip
        assert np.abs(model.loss(X) - correct).sum() < 1e-6

        y = np.asarray([0, 5, 1])
        assert abs(model.loss(X, y)[0] - 3.4702243556) < 1e-10
        model.reg = 1.0
        assert abs(model.loss(X, y)[0] - 26.5948426952) < 1e-10
        for reg in (0.0, 0.7):
            model.reg = reg
            check(model, X, y)

    def test_what_weights_are_drawn_from(self, seeded):
        expected = 1e-3 * np.random.RandomState(4).randn(3072, 100)
        seeded(4)
        assert np.array_equal(TwoLayerNet().params["W1"], expected)
        assert np.array_equal(TwoLayerNet(rng=4).params["W1"], expected)
        seeded(4)
        assert np.array_equal(TwoLayerNet(rng=np.random).params["W1"], expected)
        generator = np.random.default_rng(4)
        expected = 1e-3 * np.random.default_rng(4).standard_normal((3072, 100))
        assert np.array_equal(TwoLayerNet(rng=generator).params["W1"], expected)

    def test_defaults(self):
        model = TwoLayerNet(rng=0)
        shapes = {name: array.shape for name, array in model.params.items()}
        assert shapes == {"W1": (3072, 100), "b1": (100,), "W2": (100, 10), "b2": (10,)}
        assert model.loss(np.zeros((2, 3, 32, 32))).shape == (2, 10)
        again = TwoLayerNet(rng=np.random.RandomState(0))
        assert np.array_equal(model.params["W2"], again.params["W2"])


class TestFullyConnectedNet:
    def test_initial_loss(self, seeded):
        seeded(231)
        N, D, H1, H2, C = 2, 15, 20, 30, 10
        X, y = np.random.randn(N, D), np.random.randint(C, size=(N,))
        losses = []
        for reg in [0, 3.14]:
            model = FullyConnectedNet(
                [H1, H2], input_dim=D, num_classes=C, reg=reg, weight_scale=5e-2, dtype=np.float64
            )
            losses.append(model.loss(X, y)[0])
        assert losses[0] == pytest.approx(2.3004790897684924, rel=1e-12)

    def test_batchnorm(self, seeded):
        seeded(231)
        N, D, H1, H2, C = 2, 15, 20, 30, 10
        X, y = np.random.randn(N, D), np.random.randint(C, size=(N,))
        losses = []
        for reg in [0, 3.14]:
            model = FullyConnectedNet(
                [H1, H2],
                input_dim=D,
                num_classes=C,
                reg=reg,
                weight_scale=5e-2,
                dtype=np.float64,
                normalization="batchnorm",
            )
            losses.append(model.loss(X, y)[0])
        assert losses == pytest.approx([2.2611955101340957, 6.996533220108303], rel=1e-12)
        assert [bn_param["mode"] for bn_param in model.bn_params] == ["train", "train"]
        assert model.bn_params[1]["running_mean"].shape == (H2,)
        before = model.bn_params[0]["running_mean"].copy()
        model.loss(X)
        assert model.bn_params[0]["mode"] == "test"
        assert np.array_equal(model.bn_params[0]["running_mean"], before)

    @pytest.mark.parametrize("keep", [1, 0.75])
    @pytest.mark.parametrize("normalization", [None, "batchnorm", "layernorm"])
    def test_gradients(self, course, keep, normalization):
        N, D, H1, H2, C = 4, 5, 6, 7, 3
        X, y = course.randn(N, D), course.randint(C, size=(N,))
        model = FullyConnectedNet(
            [H1, H2],
            input_dim=D,
            num_classes=C,
            weight_scale=0.5,
            dtype=np.float64,
            dropout_keep_ratio=keep,
            normalization=normalization,
            seed=123,
            reg=0.3,
            rng=0,
        )
        check(model, X, y)
        assert model.use_dropout == (keep != 1)
        assert np.array_equal(model.loss(X), model.loss(X))
        if keep != 1:
            assert model.dropout_param == {"mode": "test", "p": keep, "seed": 123}

    def test_masks_differ_without_a_seed(self, course, seeded):
        X, y = course.randn(4, 5), np.arange(4)
        model = FullyConnectedNet([20], 5, 4, dropout_keep_ratio=0.5, weight_scale=1.0, rng=0)
        seeded(0)
        assert model.loss(X, y)[0] != model.loss(X, y)[0]

    def test_names_and_types(self):
        model = FullyConnectedNet([7, 6], 5, 4, normalization="batchnorm", rng=0)
        assert list(model.params) == [
            "W1", "b1", "gamma1", "beta1", "W2", "b2", "gamma2", "beta2", "W3", "b3"
        ]  # fmt: skip
        assert model.num_layers == 3
        assert model.normalization == "batchnorm"
        loss, grads = model.loss(np.ones((3, 5)), np.arange(3))
        assert all(array.dtype == np.float32 for array in model.params.values())
        assert all(array.dtype == np.float32 for array in grads.values())
        assert loss.dtype == np.float32
        assert model.loss(np.arange(10).reshape(2, 5)).dtype == np.float32
        older = FullyConnectedNet([7], 5, 4, dropout=0.5, rng=0)
        assert older.dropout_param == {"mode": "train", "p": 0.5}

    def test_penalty_is_half(self):
        model = FullyConnectedNet([3], 2, 2, rng=0, dtype=np.float64, normalization="batchnorm")
        X, y = np.ones((2, 2)), np.arange(2)
        plain = model.loss(X, y)[0]
        model.reg = 2.0
        weights = sum((model.params[name] ** 2).sum() for name in ("W1", "W2"))
        assert model.loss(X, y)[0] - plain == pytest.approx(weights)

    def test_saved_with_its_running_statistics(self, course, tmp_path, capsys):
        X, y = course.randn(6, 5), course.randint(4, size=6)

        def built():
            return FullyConnectedNet([7], 5, 4, normalization="batchnorm", rng=course)

        model, other = built(), built()
        for _ in range(3):
            model.loss(X, y)
        path = tmp_path / "net.npy"
        model.save(path)
        assert capsys.readouterr().out == f"{path} saved.\n"
        assert other.load(path) is True
        assert capsys.readouterr().out == f"{path} loaded.\n"
        assert np.array_equal(model.loss(X), other.loss(X))
        assert other.bn_params[0].keys() == {"mode", "running_mean", "running_var"}
        fresh = built()
        fresh.save(path)  # never run: it has no statistics yet
        assert other.load(path)
        assert other.bn_params[0].keys() == {"mode"}
        capsys.readouterr()
        assert other.load(tmp_path / "none") is False
        assert capsys.readouterr().out == f"{tmp_path / 'none'} not available.\n"

    def test_files_of_other_nets(self, tmp_path):
        path = tmp_path / "net.npz"
        FullyConnectedNet([7], 5, 4, rng=0).save(path)
        other = FullyConnectedNet([8], 5, 4, rng=0)
        kept = {name: array.copy() for name, array in other.params.items()}
        with pytest.raises(ValueError) as caught:
            other.load(path)
        assert str(caught.value) == (
            f"FullyConnectedNet.load: {str(path)!r} does not fit the net: "
            "params/W1 was (5, 7) but is (5, 8); params/b1 was (7,) but is (8,); "
            "params/W2 was (7, 4) but is (8, 4); "
            "build the net as it was built then; nothing was loaded"
        )
        assert all(np.array_equal(kept[name], other.params[name]) for name in kept)
        path.write_bytes(b"PK")
        with pytest.raises(ValueError, match="^FullyConnectedNet.load: .* is no whole .npz file"):
            other.load(path)


class TestThreeLayerConvNet:
    def test_initial_loss(self, seeded):
        seeded(231)
        model = ThreeLayerConvNet()
        X, y = np.random.randn(50, 3, 32, 32), np.random.randint(10, size=50)
        loss, grads = model.loss(X, y)
        assert abs(loss - np.log(10)) < 1e-3
        assert all(array.dtype == np.float32 for array in grads.values())
        model.reg = 0.5
        larger, _ = model.loss(X, y)
        assert 0.1 < larger - loss < 0.5
        penalty = sum(float((model.params[name] ** 2).sum()) for name in ("W1", "W2", "W3"))
        assert larger - loss == pytest.approx(0.25 * penalty, rel=1e-4)

    @pytest.mark.parametrize("reg", [0.0, 0.3])
    def test_gradients(self, course, reg):
        model = ThreeLayerConvNet(
            num_filters=3,
            filter_size=3,
            input_dim=(2, 6, 4),
            hidden_dim=12,
            num_classes=4,
            dtype=np.float64,
            weight_scale=0.5,
            reg=reg,
            rng=course,
        )
        X, y = course.randn(4, 2, 6, 4), course.randint(4, size=4)
        check(model, X, y)
        assert all(gradient.any() for gradient in model.loss(X, y)[1].values())

    def test_shapes(self):
        shapes = {name: array.shape for name, array in ThreeLayerConvNet(rng=0).params.items()}
        assert shapes == {
            "W1": (32, 3, 7, 7),
            "b1": (32,),
            "W2": (8192, 100),
            "b2": (100,),
            "W3": (100, 10),
            "b3": (10,),
        }


@pytest.mark.parametrize("module", [fc_net, cnn])
def test_a_star_imports_the_layers_too(module):
    assert {"affine_relu_forward", "softmax_loss", "dropout_backward"} <= set(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)
