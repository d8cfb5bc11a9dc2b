"""Update rules and the optimizers that apply them in place."""

import copy
import pickle

import numpy as np
import pytest

from nnlayers import MSE, Affine, Layer, ReLU, Sequential, SoftmaxCrossEntropy
from nnlayers.training import SGD, Adam, Optimizer, adam, nesterov, optimizer, sgd, sgd_momentum

RNG = np.random.default_rng
PLAIN, MOMENTUM, AHEAD = (
    {"lr": 0.05},
    {"lr": 0.05, "momentum": 0.8},
    {"lr": 0.05, "momentum": 0.8, "nesterov": True},
)
ADAM = {"lr": 0.05, "beta1": 0.8, "beta2": 0.95, "eps": 1e-6}
# an optimizer, its rule, and the rule's config with the same settings
PAIRS = [
    (SGD, PLAIN, sgd, {"learning_rate": 0.05}),
    (SGD, MOMENTUM, sgd_momentum, {"learning_rate": 0.05, "momentum": 0.8}),
    (SGD, AHEAD, nesterov, {"learning_rate": 0.05, "momentum": 0.8}),
    (Adam, ADAM, adam, {"learning_rate": 0.05, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-6}),
]
IDS = ["sgd", "momentum", "nesterov", "adam"]
every_pair = pytest.mark.parametrize("make, settings, rule, config", PAIRS, ids=IDS)
every_optimizer = pytest.mark.parametrize("make, settings", [pair[:2] for pair in PAIRS], ids=IDS)


def classifier(dtype=np.float64, seed=0):
    rng = RNG(seed)
    return Sequential(
        Affine(5, 4, rng=rng, dtype=dtype),
        ReLU(),
        Affine(4, 3, rng=rng, dtype=dtype),
        SoftmaxCrossEntropy(),
    )


def batch(dtype=np.float64, seed=1):
    return RNG(seed).normal(size=(8, 5)).astype(dtype), RNG(seed).integers(0, 3, 8)


def random_grads(net, seed):
    rng = RNG(seed)
    return {key: rng.normal(size=w.shape).astype(w.dtype) for key, w in net.params.items()}


def values(net):
    return {key: w.copy() for key, w in net.params.items()}


def assert_same(a, b):
    assert list(a) == list(b)
    for key in a:
        np.testing.assert_array_equal(a[key], b[key])


class TestRules:
    def test_sgd_by_hand(self):
        next_w, config = sgd(np.array([1.0, 2.0]), np.array([10.0, -10.0]))
        np.testing.assert_allclose(next_w, [0.9, 2.1])
        assert config == {"learning_rate": 0.01}

    def test_momentum_by_hand(self):
        w, config = np.array([1.0]), {"learning_rate": 0.1, "momentum": 0.5}
        for _ in range(2):
            w, config = sgd_momentum(w, np.array([2.0]), config)
        # v: -0.2, -0.3
        np.testing.assert_allclose(w, [0.5])
        np.testing.assert_allclose(config["velocity"], [-0.3])

    def test_nesterov_is_momentum_with_the_gradient_taken_ahead(self):
        # L(u) = u^4 / 4: momentum on u with the gradient at u + mu v, and w = u + mu v throughout
        u, v, lr, mu = 1.0, 0.0, 0.1, 0.9
        w, config = np.array([u]), {"learning_rate": lr, "momentum": mu}
        for _ in range(20):
            v = mu * v - lr * (u + mu * v) ** 3
            u += v
            w, config = nesterov(w, w**3, config)
            np.testing.assert_allclose(w, u + mu * v, rtol=1e-13)

    def test_adam_by_the_averages_it_is_defined_by(self):
        grads = RNG(0).normal(size=(10, 4))
        w, config = np.zeros(4), {"learning_rate": 0.1, "beta1": 0.7, "beta2": 0.8}
        expected = np.zeros(4)
        for t in range(1, 11):
            ages = np.arange(t - 1, -1, -1)[:, None]
            mean = np.average(grads[:t], axis=0, weights=(0.7**ages)[:, 0])
            square = np.average(grads[:t] ** 2, axis=0, weights=(0.8**ages)[:, 0])
            expected -= 0.1 * mean / (np.sqrt(square) + 1e-8)
            w, config = adam(w, grads[t - 1], config)
            assert config["t"] == t
            np.testing.assert_allclose(w, expected, rtol=1e-12)

    @every_pair
    def test_are_pure(self, make, settings, rule, config):
        w, dw = RNG(0).normal(size=(2, 3, 4))
        config = dict(config)
        _, config = rule(w, dw, config)
        before = copy.deepcopy((w, dw, config))
        for array in (w, dw, *config.values()):
            if isinstance(array, np.ndarray):
                array.setflags(write=False)
        next_w, after = rule(w, dw, config)
        again, _ = rule(w, dw, config)
        np.testing.assert_array_equal(next_w, again)
        np.testing.assert_array_equal(w, before[0])
        np.testing.assert_array_equal(dw, before[1])
        assert config.keys() == before[2].keys()
        for key, value in before[2].items():
            np.testing.assert_array_equal(config[key], value)
        arrays = [a for a in after.values() if isinstance(a, np.ndarray)]
        for i, array in enumerate([next_w, *arrays]):
            assert not any(np.shares_memory(array, other) for other in (w, dw))
            assert not any(np.shares_memory(array, other) for other in arrays[i:])

    @every_pair
    def test_keep_float32(self, make, settings, rule, config):
        w, dw = RNG(0).normal(size=(2, 3)).astype(np.float32)
        # settings that come from NumPy must not promote
        config = {key: np.float64(value) for key, value in config.items()}
        for _ in range(2):
            w, config = rule(w, dw, config)
            assert w.dtype == np.float32
            arrays = [value for value in config.values() if isinstance(value, np.ndarray)]
            assert all(array.dtype == np.float32 for array in arrays)

    @pytest.mark.parametrize(
        "rule, config, error, message",
        [
            (
                adam,
                {"lr": 0.1, "decay_rate": 0.9},
                ValueError,
                "adam: config has the unknown keys lr, decay_rate; the keys are learning_rate, "
                "beta1, beta2, epsilon, m, v, t",
            ),
            (
                sgd,
                {"momentum": 0.9},
                ValueError,
                "sgd: config has the unknown key momentum; the keys are learning_rate",
            ),
            (
                sgd,
                {"learning_rate": -1.0},
                ValueError,
                "sgd: learning_rate must be at least 0, not -1.0",
            ),
            (
                nesterov,
                {"momentum": 1.0},
                ValueError,
                "nesterov: momentum must be at least 0 and less than 1, not 1.0",
            ),
            (
                adam,
                {"epsilon": 0.0},
                ValueError,
                "adam: epsilon must be greater than 0, not 0.0",
            ),
            (
                adam,
                {"t": -1},
                ValueError,
                "adam: t must be at least 0, not -1",
            ),
            (
                sgd_momentum,
                {"velocity": np.zeros(2)},
                ValueError,
                "sgd_momentum: w and velocity must have the same shape: got w (3,), velocity (2,); "
                "every entry of w needs one of velocity",
            ),
            (
                sgd_momentum,
                {"velocity": np.zeros(3, np.float32)},
                TypeError,
                "sgd_momentum: velocity is float32 but w is float64: got w (3,) float64, velocity "
                "(3,) float32; velocity.astype(np.float64) or w.astype(np.float32)",
            ),
        ],
    )
    def test_refuse_a_wrong_config(self, rule, config, error, message):
        with pytest.raises(error) as caught:
            rule(np.ones(3), np.ones(3), config)
        assert str(caught.value) == message

    def test_refuse_a_gradient_that_would_broadcast(self):
        with pytest.raises(ValueError) as caught:
            sgd(np.ones(4), np.ones((4, 4)))
        assert str(caught.value) == (
            "sgd: w and dw must have the same shape: got w (4,), dw (4, 4); every entry of w needs "
            "one of dw"
        )


class TestSteps:
    @every_pair
    def test_equal_the_rule(self, make, settings, rule, config):
        net = classifier()
        opt = make(net, **settings)
        expected, configs = values(net), {key: dict(config) for key in net.params}
        arrays = dict(net.params)
        for step in range(30):
            grads = random_grads(net, step)
            opt.step(grads)
            for key in expected:
                expected[key], configs[key] = rule(expected[key], grads[key], configs[key])
        for key in expected:
            np.testing.assert_allclose(net.params[key], expected[key], rtol=1e-12, atol=1e-14)
            assert net.params[key] is arrays[key]  # in place
        assert opt.t == 30

    @every_pair
    def test_of_large_arrays_equal_the_rule(self, make, settings, rule, config):
        size = 2 * optimizer.PIECE + 5
        w = RNG(0).normal(size=(5, size // 5 + 1))
        turned = np.asfortranarray(w)
        net = Sequential(Affine.of(w), Affine.of(w.T[:, :2].copy()), MSE())
        net.layers[0].params["w"] = w.copy()
        other = Affine.of(w)
        other.params["w"] = turned
        opt, of_turned = make(net, **settings), make(other, **settings)
        expected, config = w, dict(config)
        for step in range(3):
            dw = RNG(step + 1).normal(size=w.shape)
            opt.step({"0.w": dw, "1.w": np.zeros_like(net.params["1.w"])})
            of_turned.step({"w": np.asfortranarray(dw)})
            expected, config = rule(expected, dw, config)
        np.testing.assert_allclose(net.params["0.w"], expected, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(turned, expected, rtol=1e-12, atol=1e-14)

    @every_optimizer
    def test_write_neither_gradients_nor_frozen_parameters(self, make, settings):
        net = classifier()
        grads = random_grads(net, 0)
        for dw in grads.values():
            dw.setflags(write=False)
        before = values(net)
        opt = make(net, only=iter(["2.b", "0.w"]), **settings)
        for _ in range(2):
            opt.step(grads)
        changed = [key for key in before if not np.array_equal(before[key], net.params[key])]
        assert changed == ["0.w", "2.b"]
        assert list(opt.state) == ["0.w", "2.b"]
        opt.step({key: grads[key] for key in changed})  # those of frozen ones may be left out

    @every_optimizer
    def test_keep_float32(self, make, settings):
        net = classifier(np.float32)
        opt = make(net, **(settings | {"lr": np.float64(0.1)}))
        loss, grads = net.loss(*batch(np.float32))
        opt.step(grads)
        assert all(w.dtype == np.float32 for w in net.params.values())
        assert all(a.dtype == np.float32 for m in opt.state.values() for a in m.values())

    @every_optimizer
    def test_take_gradients_of_any_layout_and_shape(self, make, settings):
        net, other = classifier(), classifier()
        opt, same = make(net, **settings), make(other, **settings)
        for step in range(2):
            grads = random_grads(net, step)
            opt.step(grads)
            same.step({key: np.asfortranarray(dw)[::1] for key, dw in grads.items()})
        assert_same(values(net), values(other))
        scalar = Layer(params={"s": np.array(2.0), "none": np.zeros((0, 3))})
        make(scalar, **settings).step({"s": np.float64(1.0), "none": np.zeros((0, 3))})
        assert scalar.params["s"] < 2.0

    @every_optimizer
    def test_reduce_the_loss(self, make, settings):
        net = classifier()
        opt, (x, y) = make(net, **settings), batch()
        first, _ = net.loss(x, y)
        for _ in range(500):
            opt.step(net.loss(x, y)[1])
        assert net.loss(x, y)[0] < 0.25 * first

    def test_follow_a_parameter_that_its_layer_replaced(self):
        net = classifier()
        opt = SGD(net, lr=1.0)
        opt.step(random_grads(net, 0))
        new = net.layers[0].params["w"] = np.zeros((5, 4))
        grads = random_grads(net, 1)
        opt.step(grads)
        np.testing.assert_array_equal(new, -grads["0.w"])

    def test_train_a_shared_layer_once(self):
        shared = Affine(4, 4, rng=0)
        net = Sequential(shared, shared, MSE())
        before = shared.params["w"].copy()
        SGD(net, lr=1.0).step({"0.w": np.ones((4, 4)), "0.b": np.ones(4)})
        np.testing.assert_array_equal(shared.params["w"], before - 1.0)

    def test_of_the_learning_rate_zero_change_nothing(self):
        net = classifier()
        before = values(net)
        SGD(net, lr=0.0, momentum=0.9).step(random_grads(net, 0))
        assert_same(values(net), before)

    def test_use_a_learning_rate_that_was_changed(self):
        net = classifier()
        opt = SGD(net, lr=0.0)
        opt.lr = 2
        before, grads = values(net), random_grads(net, 0)
        opt.step(grads)
        for key, w in before.items():
            np.testing.assert_array_equal(net.params[key], w - 2 * grads[key])

    def test_of_a_rule_of_ones_own(self):
        class Sign(Optimizer):
            memory = ("last",)

            def update(self, w, dw, scratch, last):
                w -= np.multiply(np.sign(dw), self.lr, out=scratch)
                last[...] = dw

        net, grads = Affine.of(np.zeros((2, 2))), {"w": np.array([[3.0, -2.0], [0.0, 1.0]])}
        opt = Sign(net, 0.5)
        opt.step(grads)
        np.testing.assert_array_equal(net.params["w"], [[-0.5, 0.5], [0.0, -0.5]])
        np.testing.assert_array_equal(opt.state["w"]["last"], grads["w"])
        with pytest.raises(NotImplementedError) as caught:
            Optimizer(net, 0.1).step(grads)
        assert str(caught.value) == "Optimizer must define update"


@pytest.mark.oracle
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-12), (np.float32, 2e-5)])
@pytest.mark.parametrize(
    "make, settings, name, options",
    [
        (SGD, PLAIN, "SGD", {"lr": 0.05}),
        (SGD, MOMENTUM, "SGD", {"lr": 0.05, "momentum": 0.8}),
        (SGD, AHEAD, "SGD", {"lr": 0.05, "momentum": 0.8, "nesterov": True}),
        (Adam, ADAM, "Adam", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-6}),
    ],
    ids=IDS,
)
def test_a_hundred_steps_equal_those_of_pytorch(make, settings, name, options, dtype, tolerance):
    torch = pytest.importorskip("torch")
    net = classifier(dtype)
    theirs = {key: torch.tensor(w, requires_grad=True) for key, w in net.params.items()}
    opt = make(net, **settings)
    oracle = getattr(torch.optim, name)(theirs.values(), **options)
    for step in range(100):
        grads = random_grads(net, step)
        opt.step(grads)
        for key, w in theirs.items():
            w.grad = torch.tensor(grads[key])
        oracle.step()
    for key, w in net.params.items():
        np.testing.assert_allclose(w, theirs[key].detach().numpy(), rtol=tolerance, atol=tolerance)


class TestCopies:
    @every_optimizer
    @pytest.mark.parametrize("copied", [copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))])
    @pytest.mark.parametrize("piece", [optimizer.PIECE, 7])
    def test_of_net_and_optimizer_stay_linked(self, monkeypatch, make, settings, copied, piece):
        monkeypatch.setattr(optimizer, "PIECE", piece)
        net = classifier()
        opt = make(net, **settings)
        opt.step(random_grads(net, 0))
        new_net, new_opt = copied((net, opt))
        assert new_opt.net is new_net
        frozen = values(net)
        for step in (1, 2):
            new_opt.step(random_grads(net, step))
        assert_same(values(net), frozen)
        for step in (1, 2):
            opt.step(random_grads(net, step))
        assert_same(values(net), values(new_net))

    @every_optimizer
    @pytest.mark.parametrize("copied", [copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))])
    def test_of_the_optimizer_alone_bring_their_own_net(self, make, settings, copied):
        net = classifier()
        opt = make(net, **settings)
        opt.step(random_grads(net, 0))
        new = copied(opt)
        assert new.net is not net
        opt.step(random_grads(net, 1))
        new.step(random_grads(net, 1))
        assert_same(values(net), values(new.net))


class TestStateDict:
    @every_optimizer
    def test_carries_training_on(self, make, settings):
        net, other = classifier(), classifier()
        opt, new = make(net, **settings), make(other, **(settings | {"lr": 99.0}))
        for step in range(3):
            opt.step(random_grads(net, step))
        opt.lr = 0.01
        saved = opt.state_dict()
        other.from_vector(net.to_vector())
        new.load_state_dict(saved)
        assert new.lr == 0.01
        for step in range(3, 6):
            opt.step(random_grads(net, step))
            new.step(random_grads(net, step))
        assert_same(values(net), values(other))
        assert saved["t"] == 3

    def test_is_a_copy(self):
        net = classifier()
        opt = SGD(net, lr=0.1, momentum=0.9)
        saved = opt.state_dict()
        opt.step(random_grads(net, 0))
        assert not saved["state"]["0.w"]["velocity"].any()
        opt.load_state_dict(saved)
        assert not opt.state["0.w"]["velocity"].any()
        opt.state["0.w"]["velocity"][...] = 1.0
        assert not saved["state"]["0.w"]["velocity"].any()

    @pytest.mark.parametrize("saved", [3, {"lr": 0.1}])
    def test_is_nothing_else(self, saved):
        with pytest.raises(TypeError) as caught:
            Adam(classifier()).load_state_dict(saved)
        assert str(caught.value) == (
            f"Adam.load_state_dict: saved must be a dict that state_dict returned, not {saved!r}"
        )

    @pytest.mark.parametrize(
        "saved, message",
        [
            (
                Adam(classifier()),
                "SGD.load_state_dict: the saved state is another optimizer's: it is of Adam, not "
                "of SGD; make the optimizer as it was made then; nothing was loaded",
            ),
            (
                SGD(classifier(), lr=0.5),
                "SGD.load_state_dict: the saved state is another optimizer's: momentum was 0.0 but "
                "is 0.9; missing 0.w/velocity, 0.b/velocity, 2.w/velocity, 2.b/velocity; make the "
                "optimizer as it was made then; nothing was loaded",
            ),
            (
                SGD(
                    Sequential(Affine(5, 3), ReLU(), Affine(3, 3, bias=False), Affine(1, 1)),
                    lr=0.5,
                    momentum=0.9,
                ),
                "SGD.load_state_dict: the saved state is another optimizer's: missing "
                "2.b/velocity; unexpected 3.w/velocity, 3.b/velocity; 0.w/velocity was (5, 3) but "
                "is (5, 4); 0.b/velocity was (3,) but is (4,); 2.w/velocity was (3, 3) but is "
                "(4, 3); make the optimizer as it was made then; nothing was loaded",
            ),
            (
                SGD(classifier(np.float32), lr=0.5, momentum=0.9, only=["0.b"]),
                "SGD.load_state_dict: the saved state is another optimizer's: missing "
                "0.w/velocity, 2.w/velocity, 2.b/velocity; 0.b/velocity was float32 but is "
                "float64; make the optimizer as it was made then; nothing was loaded",
            ),
        ],
    )
    def test_of_another_optimizer_is_refused(self, saved, message):
        opt = SGD(classifier(), lr=0.1, momentum=0.9)
        opt.step(random_grads(opt.net, 0))
        before = opt.state_dict()
        with pytest.raises(ValueError) as caught:
            opt.load_state_dict(saved.state_dict())
        assert str(caught.value) == message
        assert opt.lr == 0.1
        assert opt.t == 1
        for key, memory in before["state"].items():
            assert_same(opt.state[key], memory)


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda net: SGD(net, 0.1), "SGD(net, lr=0.1, momentum=0.0, nesterov=False)"),
        (
            lambda net: Adam(net, only=("2.w", "0.b")),
            "Adam(net, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-08, only=['0.b', '2.w'])",
        ),
    ],
)
def test_repr_can_be_pasted_back(make, text):
    net = classifier()
    assert repr(make(net)) == text
    assert repr(eval(text)) == text


class TestMistakes:
    @pytest.mark.parametrize(
        "call, error, message",
        [
            (
                lambda net: SGD(net.params, lr=0.1),
                TypeError,
                "SGD: net must be a layer or net, not Arrays; pass the net itself, not its params",
            ),
            (
                lambda net: SGD(ReLU(), lr=0.1),
                ValueError,
                "SGD: the net has no parameters; there is nothing to train",
            ),
            (
                lambda net: SGD(net, lr=-0.1),
                ValueError,
                "SGD: lr must be at least 0, not -0.1",
            ),
            (
                lambda net: Adam(net, lr=float("nan")),
                ValueError,
                "Adam: lr must be finite, not nan",
            ),
            (
                lambda net: SGD(net, lr=float("inf")),
                ValueError,
                "SGD: lr must be finite, not inf",
            ),
            (
                lambda net: SGD(net, lr="0.1"),
                TypeError,
                "SGD: lr must be a number, not '0.1'",
            ),
            (
                lambda net: SGD(net, lr=True),
                TypeError,
                "SGD: lr must be a number, not True",
            ),
            (
                lambda net: SGD(net, 0.1, momentum=1.0),
                ValueError,
                "SGD: momentum must be at least 0 and less than 1, not 1.0",
            ),
            (
                lambda net: SGD(net, 0.1, momentum=-0.5),
                ValueError,
                "SGD: momentum must be at least 0 and less than 1, not -0.5",
            ),
            (
                lambda net: SGD(net, 0.1, nesterov=True),
                ValueError,
                "SGD: nesterov=True with momentum 0 does nothing; momentum=0.9",
            ),
            (
                lambda net: Adam(net, beta1=1.0),
                ValueError,
                "Adam: beta1 must be at least 0 and less than 1, not 1.0",
            ),
            (
                lambda net: Adam(net, beta2=2),
                ValueError,
                "Adam: beta2 must be at least 0 and less than 1, not 2",
            ),
            (
                lambda net: Adam(net, eps=0),
                ValueError,
                "Adam: eps must be greater than 0, not 0",
            ),
            (
                lambda net: SGD(net, 0.1, only=["0.w", "1.w", "nine"]),
                ValueError,
                "SGD: the net has no parameter '1.w', 'nine'; there are 0.w, 0.b, 2.w, 2.b",
            ),
            (
                lambda net: SGD(net, 0.1, only=[]),
                ValueError,
                "SGD: only names no parameter; there is nothing to train",
            ),
            (
                lambda net: SGD(net, 0.1, only="0.w"),
                TypeError,
                "SGD: only must be a list of keys, not '0.w'",
            ),
            (
                lambda net: SGD(net, 0.1, only=2),
                TypeError,
                "SGD: only must be a list of keys, not 2",
            ),
            (
                lambda net: SGD(net, 0.1, only=[0, 2]),
                TypeError,
                "SGD: only must be a list of keys, not [0, 2]",
            ),
        ],
    )
    def test_in_the_settings(self, call, error, message):
        with pytest.raises(error) as caught:
            call(classifier())
        assert str(caught.value) == message

    def test_in_a_learning_rate_that_is_set_later(self):
        opt = SGD(classifier(), lr=0.1)
        with pytest.raises(ValueError) as caught:
            opt.lr = -1
        assert str(caught.value) == "SGD: lr must be at least 0, not -1"
        assert opt.lr == 0.1

    @pytest.mark.parametrize(
        "change, error, message",
        [
            (
                lambda grads: tuple(grads.values()),
                TypeError,
                "Adam.step: grads must be a dict with the keys of net.params, not tuple; "
                "net.loss(x, y) and net.gradients(dout, cache) return one",
            ),
            (
                lambda grads: {"0.w": grads["0.w"], "2.b": grads["2.b"]},
                ValueError,
                "Adam.step: these are not the gradients of this net: missing 0.b, 2.w; pass what "
                "loss or gradients of the optimizer's own net returned",
            ),
            (
                lambda grads: grads | {"4.w": np.zeros(3), 7: np.zeros(3)},
                ValueError,
                "Adam.step: these are not the gradients of this net: unexpected 4.w, 7; pass what "
                "loss or gradients of the optimizer's own net returned",
            ),
            (
                lambda grads: {
                    "0.w": grads["0.w"].T,
                    "0.b": grads["0.b"],
                    "2.w": np.zeros(()),
                    "1.b": grads["2.b"],
                },
                ValueError,
                "Adam.step: these are not the gradients of this net: missing 2.b; unexpected 1.b; "
                "0.w is (5, 4) but its gradient (4, 5); 2.w is (4, 3) but its gradient (); pass "
                "what loss or gradients of the optimizer's own net returned",
            ),
            (
                lambda grads: (
                    grads | {"0.b": grads["0.b"].astype(np.float32), "2.b": grads["2.b"].tolist()}
                ),
                TypeError,
                "Adam.step: 0.b is float64 but its gradient float32; 2.b is float64 but its "
                "gradient list; a gradient has its parameter's dtype: astype helps",
            ),
            (
                lambda grads: {key: dw.astype(np.float32) for key, dw in grads.items()},
                TypeError,
                "Adam.step: 0.w is float64 but its gradient float32; 0.b is float64 but its "
                "gradient float32; 2.w is float64 but its gradient float32; 2.b is float64 but its "
                "gradient float32; a gradient has its parameter's dtype: astype helps",
            ),
            (
                lambda grads: grads | {"2.b": None},
                ValueError,
                "Adam.step: these are not the gradients of this net: 2.b is (3,) but its gradient "
                "(); pass what loss or gradients of the optimizer's own net returned",
            ),
        ],
    )
    def test_in_the_gradients_change_nothing(self, change, error, message):
        net = classifier()
        opt = Adam(net)
        opt.step(random_grads(net, 0))
        before, saved = values(net), opt.state_dict()
        with pytest.raises(error) as caught:
            opt.step(change(random_grads(net, 1)))
        assert str(caught.value) == message
        assert_same(values(net), before)
        assert opt.t == 1
        for key, memory in saved["state"].items():
            assert_same(opt.state[key], memory)

    def test_gradients_of_another_net(self):
        opt = SGD(Sequential(Affine(5, 4), MSE()), lr=0.1)
        with pytest.raises(ValueError) as caught:
            opt.step(random_grads(classifier(), 0))
        assert str(caught.value) == (
            "SGD.step: these are not the gradients of this net: unexpected 2.w, 2.b; pass what "
            "loss or gradients of the optimizer's own net returned"
        )

    def test_a_parameter_that_cannot_be_updated(self):
        net = classifier()
        opt, before = SGD(net, lr=0.1, momentum=0.9), values(net)
        net.params["2.b"].setflags(write=False)
        with pytest.raises(ValueError) as caught:
            opt.step(random_grads(net, 0))
        assert str(caught.value) == (
            "SGD.step: 2.b is read-only: got w (3,); assign a copy in its layer"
        )
        net.layers[2].params["b"] = np.zeros(3, np.float32)
        grads = random_grads(net, 0)
        with pytest.raises(ValueError) as caught:
            opt.step(grads)
        assert str(caught.value) == (
            "SGD.step: 2.b is float32 (3,), but was float64 (3,) when the optimizer was made; make "
            "a new optimizer"
        )
        assert_same(
            {key: w for key, w in values(net).items() if key != "2.b"},
            {key: w for key, w in before.items() if key != "2.b"},
        )
