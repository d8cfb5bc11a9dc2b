"""Nets of I2DL: published numbers, gradients, caches, and what they refuse."""

# ruff: noqa: NPY002 (notebooks draw from the global generator)

import copy
import pickle
import sys

import numpy as np
import pytest

from nnlayers.course import i2dl
from nnlayers.course.i2dl import networks
from nnlayers.course.i2dl.gradient_check import (
    eval_numerical_gradient,
    eval_numerical_gradient_array,
)
from nnlayers.course.i2dl.networks import (
    MSE,
    ClassificationNet,
    Classifier,
    CrossEntropyFromLogits,
    GetHumanReadable,
    LeakyRelu,
    MyOwnNetwork,
    Network,
    RegressionNet,
    Relu,
    Sigmoid,
    Tanh,
    binarize,
    compute_network_pass_size,
)
from nnlayers.course.i2dl.networks.utils import test_accuracy as accuracy_of


def refusal(call, error=ValueError):
    with pytest.raises(error) as caught:
        call()
    return str(caught.value)


@pytest.fixture
def rng():
    return np.random.RandomState(8)


@pytest.fixture
def global_state():
    """Put the global generator back, which a test seeds as notebooks do."""
    state = np.random.get_state()
    yield
    np.random.set_state(state)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class TestClassifier:
    def test_forward_and_backward(self, rng):
        X, W, dout = rng.randn(5, 3), rng.randn(4, 1), rng.randn(5, 1)
        model = Classifier(num_features=3)
        model.initialize_weights(W)
        with_ones = np.concatenate([X, np.ones((5, 1))], axis=1)
        y = sigmoid(with_ones @ W)
        assert np.allclose(model.forward(X), y, rtol=1e-13)
        dW = model.backward(dout)
        assert np.allclose(dW, with_ones.T @ (dout * y * (1 - y)), rtol=1e-12)
        assert dW.shape == W.shape
        assert model.cache is not None

    def test_a_call_gives_the_output_alone(self, rng):
        model, X = Classifier(num_features=2), rng.randn(3, 2)
        for mode in (model.train, model.eval):
            mode()
            assert np.array_equal(model(X), model.forward(X))

    def test_integers_and_sigmoid(self):
        model = Classifier(num_features=2)
        X = np.array([[1, 2], [3, 4]])
        assert model.forward(X).shape == (2, 1)
        assert model.sigmoid(0) == 0.5
        assert model.sigmoid(np.array([100, 100])).tolist() == [1.0, 1.0]
        assert model.sigmoid(-1e300) == 0.0

    def test_weights_are_the_courses(self, global_state):
        np.random.seed(4)
        expected = 0.001 * np.random.randn(3, 1)
        np.random.seed(4)
        assert np.array_equal(Classifier(num_features=2).W, expected)
        assert np.array_equal(Classifier(num_features=2, rng=4).W, expected)
        model = Classifier(num_features=2)
        model.initialize_weights(rng=4)
        assert np.array_equal(model.W, expected)

    def test_given_weights_are_copied(self):
        weights = np.zeros((3, 1))
        model = Classifier(num_features=2)
        model.initialize_weights(weights)
        weights[0] = 7.0
        assert model.W.tolist() == [[0.0]] * 3

    def test_refuses(self):
        model = Classifier(num_features=2)
        assert refusal(lambda: model.initialize_weights(np.zeros((2, 1)))) == (
            "Classifier.initialize_weights: weights must be (num_features + 1, 1) = (3, 1): "
            "got weights (2, 1)"
        )
        assert refusal(lambda: model.backward(np.ones((1, 1)))) == (
            "Classifier.backward: there is no cache; call forward(X) first"
        )
        assert refusal(lambda: model.forward(np.ones((4, 3)))) == (
            "Classifier.forward: x has 3 features per example but w takes 2: "
            "got x (4, 3), w (2, 1), b (1,); w must be (3, M)"
        )
        model.forward(np.ones((4, 2)))
        assert refusal(lambda: model.backward(np.ones(4))).startswith(
            "Classifier.backward: dout must have the shape of forward's out, (4, 1)"
        )
        assert refusal(lambda: Classifier(0)) == (
            "Classifier: num_features must be a positive integer, not 0"
        )


class TestRegressionNet:
    @pytest.fixture
    def model(self):
        D, H = 5, 50
        model = RegressionNet(input_size=D, hidden_size=H)
        model.params["W1"] = np.linspace(-0.7, 0.3, num=D * H).reshape(D, H)
        model.params["b1"] = np.linspace(-0.1, 0.9, num=H)
        model.params["W2"] = np.linspace(-0.3, 0.4, num=H).reshape(H, 1)
        model.params["b2"] = np.linspace(-0.9, 0.1, num=1)
        return model

    def test_published_predictions(self, model):
        X = np.linspace(-5.5, 4.5, num=15).reshape(5, 3).T
        published = [[1.5916902], [1.59461811], [1.61232696]]
        assert np.abs(model.forward(X) - published).sum() < 1e-7

    def test_gradients(self, model):
        X, target = np.linspace(-5.5, 4.5, num=15).reshape(5, 3).T, np.array([[1.0]])
        loss = MSE()
        grads = model.backward(loss.backward(model.forward(X), target))
        assert grads is model.grads
        assert list(grads) == ["W1", "b1", "W2", "b2"]
        for name, gradient in grads.items():
            numerical = eval_numerical_gradient(
                lambda _: float(loss.forward(model.forward(X), target)),
                model.params[name],
                verbose=False,
            )
            assert np.allclose(gradient, numerical, rtol=1e-5, atol=1e-9)

    def test_weights_are_always_the_same(self, global_state):
        np.random.seed(3)
        expected = np.random.rand()
        np.random.seed(3)
        model, other = RegressionNet(4, 3, std=0.1), RegressionNet(4, 3, std=0.1)
        assert np.random.rand() == expected  # the course seeds the global generator here
        draws = np.random.RandomState(0)
        assert np.array_equal(model.params["W1"], 0.1 * draws.randn(4, 3))
        assert np.array_equal(model.params["W2"], 0.1 * draws.randn(3, 1))
        assert np.array_equal(other.params["W1"], model.params["W1"])
        assert not np.array_equal(RegressionNet(4, 3, rng=1).params["W1"], model.params["W1"])

    def test_operations_and_memory(self):
        model = RegressionNet(input_size=4, hidden_size=3)
        model.forward(np.ones((7, 4)))
        assert model.num_operation == 7 * 4 * 3 + 7 * 3 + 7 * 3
        # x, W1, b1; out of the sigmoid; its copy as input, W2, b2
        assert model.memory == model.memory_forward == 8 * (28 + 12 + 3 + 21 + 21 + 3 + 1)
        model.backward(np.ones((7, 1)))
        assert model.num_operation == 2 * 7 * 4 * 3 + 7 * 3 + 2 * 7 * 3
        assert model.memory_backward == 8 * (12 + 3 + 3 + 1)
        assert model.memory == model.memory_forward + model.memory_backward

    def test_modes(self):
        model = RegressionNet(2, 3)
        y, grads = model(np.ones((4, 2)))
        assert np.array_equal(grads["b2"], [y.sum()])
        model.eval()
        assert np.array_equal(model(np.ones((4, 2))), y)
        model.train()
        assert len(model(np.ones((4, 2)))) == 2

    def test_refuses(self):
        assert refusal(lambda: RegressionNet(2, 3).backward(np.ones((1, 1)))) == (
            "RegressionNet.backward: there is no cache; call forward(X) first"
        )
        assert refusal(lambda: RegressionNet(2, 0)) == (
            "RegressionNet: hidden_size must be a positive integer, not 0"
        )
        assert refusal(lambda: RegressionNet(2, 3, std=-1)) == (
            "RegressionNet: std must be at least 0, not -1"
        )


def small(**settings):
    sizes = {"input_size": 6, "hidden_size": 5, "num_classes": 3, "std": 0.5, "rng": 0}
    return ClassificationNet(**{**sizes, **settings})


def naive_scores(params, X, layers, activation):
    for i in range(1, layers + 1):
        X = X @ params[f"W{i}"] + params[f"b{i}"]
        if i < layers:
            X = activation(X)
    return X


class TestClassificationNet:
    @pytest.mark.parametrize("num_layer", [1, 2, 4])
    def test_scores(self, rng, num_layer):
        model, X = small(activation=Tanh(), num_layer=num_layer), rng.randn(4, 2, 3)
        for name in model.params:
            model.params[name] = rng.randn(*model.params[name].shape)
        expected = naive_scores(model.params, X.reshape(4, 6), num_layer, np.tanh)
        assert np.allclose(model.forward(X), expected, rtol=1e-12)

    @pytest.mark.parametrize("activation", [Sigmoid, Relu(), LeakyRelu(0.1), Tanh])
    def test_gradients(self, rng, activation):
        model, X = small(activation=activation, num_layer=3, reg=0.3), rng.randn(4, 6)
        y, loss = np.array([0, 1, 2, 1]), CrossEntropyFromLogits()
        for i in (1, 2, 3):  # not 0, or what is dead before a ReLU is at the next one's kink
            model.params[f"b{i}"] = 0.1 * rng.randn(*model.params[f"b{i}"].shape)

        def total(_):
            scores = model.forward(X)
            return float(loss.forward(scores, y) + sum(model.reg.values()))

        scores = model.forward(X)
        grads = model.backward(loss.backward(scores, y))
        assert list(grads) == list(model.params)
        for name, gradient in grads.items():
            numerical = eval_numerical_gradient(total, model.params[name], verbose=False)
            assert np.allclose(gradient, numerical, rtol=1e-5, atol=1e-8), name

    def test_the_penalty_has_no_half(self):
        model = small(reg=0.3)
        model.forward(np.ones((1, 6)))
        squares = {name: (model.params[name] ** 2).sum() for name in ("W1", "W2")}
        assert model.reg.keys() == squares.keys()
        for name, square in squares.items():
            assert model.reg[name] == pytest.approx(0.3 * square, rel=1e-14)
        grads = model.backward(np.zeros((1, 3)))
        assert np.allclose(grads["W1"], 2 * 0.3 * model.params["W1"], rtol=1e-14)
        assert not grads["b1"].any()
        model.reg_strength = 1.0
        model.forward(np.ones((1, 6)))
        assert model.reg["W1"] == pytest.approx(squares["W1"], rel=1e-14)

    def test_caches_and_grads(self):
        model = small(num_layer=3)
        assert model.grads == dict.fromkeys(["W1", "b1", "W2", "b2", "W3", "b3"], 0.0)
        X = np.ones((2, 6))
        model.forward(X)
        assert list(model.cache) == ["affine1", "sigmoid1", "affine2", "sigmoid2", "affine3"]
        assert model.cache["affine1"][0] is X
        assert model.cache["affine1"][1] is model.params["W1"]
        grads = model.backward(np.ones((2, 3)))
        assert grads is model.grads

    def test_weights_are_the_courses(self, global_state):
        np.random.seed(6)
        expected = [0.1 * np.random.randn(*shape) for shape in ((6, 5), (5, 5), (5, 3))]
        for build in (lambda: small(std=0.1, num_layer=3, rng=None), lambda: seeded(6)):
            np.random.seed(6)
            model = build()
            for i, W in enumerate(expected, start=1):
                assert np.array_equal(model.params[f"W{i}"], W)
                assert not model.params[f"b{i}"].any()

    def test_reset_weights(self):
        model = small()
        model.backward(model.forward(np.ones((1, 6))))
        first = model.params["W1"]
        model.reset_weights(rng=1)
        assert not np.array_equal(model.params["W1"], first)
        assert model.grads == dict.fromkeys(model.params, 0.0)
        model.reset_weights(rng=0)
        assert np.array_equal(model.params["W1"], first)

    def test_modes(self):
        model = small()
        y, grads = model(np.ones((2, 6)))
        assert np.allclose(grads["b2"], y.sum(axis=0))
        model.eval()
        assert model.cache == model.reg == {}
        assert np.array_equal(model(np.ones((2, 6))), y)

    def test_predictions_of_a_dataset(self, rng):
        model, X = small(), rng.randn(7, 6)
        y = rng.randint(3, size=7)
        loader = [{"image": X[:4], "label": y[:4]}, {"image": X[4:], "label": y[4:]}]
        labels, preds, acc = model.get_dataset_prediction(loader)
        assert np.array_equal(labels, y)
        assert np.array_equal(preds, model.forward(X).argmax(axis=1))
        assert acc == (preds == y).mean()

    def test_the_courses_defaults(self):
        model = ClassificationNet(rng=0)
        shapes = {name: array.shape for name, array in model.params.items()}
        assert shapes == {"W1": (3072, 100), "b1": (100,), "W2": (100, 10), "b2": (10,)}
        assert isinstance(model.activation, Sigmoid)
        assert model.reg_strength == 0
        assert abs(model.params["W1"].std() - 1e-3) < 1e-5

    def test_keywords_of_the_solver_make_no_difference(self):
        config = {"learning_rate": 0.1, "loss_func": MSE(), "optimizer": i2dl.SGD, "lr_decay": 0.9}
        a, b = small(**config), small()
        assert all(np.array_equal(a.params[name], b.params[name]) for name in b.params)

    def test_copies(self):
        model = small()
        model.forward(np.ones((1, 6)))
        for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert np.array_equal(other.forward(np.ones((1, 6))), model.forward(np.ones((1, 6))))

    def test_my_own_network(self):
        class Deeper(MyOwnNetwork):
            def forward(self, X):
                return 2 * super().forward(X)

        settings = {"input_size": 6, "hidden_size": 5, "num_classes": 3, "rng": 0, "std": 0.5}
        doubled = Deeper(**settings).forward(np.ones((1, 6)))
        assert np.array_equal(doubled, 2 * small().forward(np.ones((1, 6))))


def seeded(seed):
    return small(std=0.1, num_layer=3, rng=seed)


class TestRefusals:
    def test_unknown_keywords(self):
        cs231n = "the nets of nnlayers.course.cs231n take them, whose penalty is 0.5 · reg · Σ W²"
        assert refusal(lambda: ClassificationNet(hidden_dims=[5]), TypeError) == (
            f"ClassificationNet: unknown keyword hidden_dims; {cs231n}"
        )
        assert refusal(lambda: ClassificationNet(input_dim=5, weight_scale=1), TypeError) == (
            f"ClassificationNet: unknown keywords input_dim, weight_scale; {cs231n}"
        )
        assert refusal(lambda: ClassificationNet(hidden=5), TypeError) == (
            "ClassificationNet: unknown keyword hidden; there are activation, num_layer, "
            "input_size, hidden_size, std, num_classes, reg, rng"
        )
        assert "keyword hidden;" in refusal(lambda: MyOwnNetwork(hidden=5), TypeError)

    def test_values(self):
        assert refusal(lambda: small(num_layer=0)) == (
            "ClassificationNet: num_layer must be a positive integer, not 0"
        )
        assert refusal(lambda: small(hidden_size=[5]), TypeError) == (
            "ClassificationNet: hidden_size must be a positive integer, not [5]"
        )
        assert refusal(lambda: small(reg=-1)) == "ClassificationNet: reg must be at least 0, not -1"
        assert (
            refusal(lambda: small(std=np.nan)) == "ClassificationNet: std must be finite, not nan"
        )
        assert refusal(lambda: small(activation="relu"), TypeError) == (
            "ClassificationNet: activation must be an object or class with forward and backward, "
            "not 'relu'; such as Relu()"
        )
        assert refusal(lambda: small(rng="0"), TypeError) == (
            "ClassificationNet.reset_weights: rng must be a seed or a generator of NumPy, not '0'; "
            "None draws from the global generator, which np.random.seed seeds"
        )

    def test_the_order_of_passes(self):
        text = "ClassificationNet.backward: there is no cache; call forward(X) first"
        model = small()
        assert refusal(lambda: model.backward(np.ones((1, 3)))) == text
        model.forward(np.ones((1, 6)))
        model.eval()
        assert refusal(lambda: model.backward(np.ones((1, 3)))) == text

    def test_shapes(self):
        model = small()
        assert refusal(lambda: model.forward(np.ones((2, 5)))).startswith(
            "affine_forward: x has 5 features per example but w takes 6"
        )
        model.forward(np.ones((2, 6)))
        assert refusal(lambda: model.backward(np.ones((3, 2)))).startswith(
            "affine_backward: dout must have the shape of forward's out, (2, 3)"
        )

    def test_batches(self):
        name = "ClassificationNet.get_dataset_prediction"
        model = small()
        assert refusal(lambda: model.get_dataset_prediction([])) == (
            f"{name}: the loader has no batches"
        )
        text = f"{name}: a batch must be a dict with image and label, or features and target, not "
        assert refusal(lambda: model.get_dataset_prediction([{"image": 1}])) == text + "image"
        assert refusal(lambda: model.get_dataset_prediction([(1, 2)])) == text + "(1, 2)"


def test_save_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for model in (small(), Classifier(2), RegressionNet(2, 3)):
        model.save_model()
        with open(f"models/{model.model_name}.p", "rb") as f:
            (name, saved), *rest = pickle.load(f).items()
        assert (name, rest) == (model.model_name, [])
        assert type(saved) is type(model)
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [
        "cifar10_classification_net.p",
        "classifier.p",
        "regression_net.p",
    ]


def test_a_network_must_say_what_it_computes():
    with pytest.raises(TypeError, match="abstract"):
        Network()


def test_compute_network_pass_size(capsys):
    model = small(num_layer=2)
    model.forward(np.ones((4, 6)))
    caches = 8 * (24 + 30 + 5), 8 * 20, 8 * (20 + 15 + 3)
    number = sys.getsizeof(0.0)
    assert compute_network_pass_size(model) == sum(caches) + 4 * number
    assert capsys.readouterr().out.splitlines() == [
        "Adding layer caches for forward pass:",
        f"affine1 {caches[0]}",
        f"sigmoid1 {caches[1]}",
        f"affine2 {caches[2]}",
        "",
        "Adding layer gradients for backward pass:",
        *(f"{name} {number}" for name in ("W1", "b1", "W2", "b2")),
    ]
    model.backward(np.ones((4, 3)))
    assert compute_network_pass_size(model) == sum(caches) + 8 * (30 + 5 + 15 + 3)


@pytest.mark.parametrize(
    "size, text",
    [(0, "0.00B"), (1024, "1024.00B"), (1025, "1.00KB"), (3 * 2**20, "3.00MB"),
     (5.5 * 2**30, "5.50GB"), (2**52, "4096.00TB")],
)  # fmt: skip
def test_human_readable(size, text):
    assert GetHumanReadable(size) == text
    assert GetHumanReadable(1536, precision=1) == "1.5KB"


def test_accuracy():
    y = np.array([[1.0], [0.0], [1.0], [0.0]])
    assert accuracy_of(np.array([[0.5], [0.49], [0.1], [0.9]]), y) == 0.5
    assert accuracy_of(np.array([0.5, 0.49, 0.9, 0.1]), y) == 1.0
    assert refusal(lambda: accuracy_of(np.ones((2, 1)), np.ones((3, 1)))) == (
        "test_accuracy: there must be as many predictions as labels, and at least one: "
        "got y_pred (2, 1), y_true (3, 1)"
    )


def test_binarize():
    X, y = np.arange(10.0).reshape(5, 2), np.array([[3.0], [1.0], [2.0], [5.0], [4.0]])
    given = y.copy()
    kept, labels = binarize(X, y, 2.0, 4.0)
    assert np.array_equal(kept, X[[1, 2, 3, 4]])
    assert labels.tolist() == [[0.0], [0.0], [1.0], [1.0]]
    assert np.array_equal(y, given)
    assert refusal(lambda: binarize(X, y[:, 0], 2.0, 4.0)) == (
        "binarize: y must be (N, 1) for N examples: got X (5, 2), y (5,)"
    )
    assert refusal(lambda: binarize(X, y, 4, 4)) == (
        "binarize: a_percentile = 4 must be less than b_percentile = 4"
    )


def test_numerical_gradient_of_the_output(rng):
    # the arrays of params are perturbed in place, and forward sees it
    model, X, dy = small(num_layer=2), rng.randn(3, 6), rng.randn(3, 3)
    model.forward(X)
    grads = model.backward(dy)
    numerical = eval_numerical_gradient_array(lambda _: model.forward(X), model.params["W1"], dy)
    assert np.allclose(grads["W1"], numerical, rtol=1e-6, atol=1e-9)


def test_public_names():
    for name in ("base_networks", "classification_net", "classifier", "compute_network_size",
                 "regression_net", "utils"):  # fmt: skip
        module = getattr(networks, name)
        assert module.__all__ == sorted(module.__all__)
        for public in module.__all__:
            assert getattr(module, public).__doc__
            assert getattr(i2dl, public) is getattr(networks, public) is getattr(module, public)
