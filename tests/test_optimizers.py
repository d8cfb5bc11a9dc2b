"""Optimizers: what their steps compute, and that they can be copied, saved and resumed."""

import copy
import pickle

import numpy as np
import pytest

from nnlayers import MSE, Affine, Layer, ReLU, Sequential
from nnlayers.training import SGD, Adam, AdamW, Optimizer, RMSProp, pieces
from nnlayers.training.bounds import positive
from update_rules import RNG, assert_same, batch, classifier, each, random_grads, values


class TestSteps:
    @each("make, settings, rule, config")
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

    @each("make, settings, rule, config")
    def test_of_large_arrays_equal_the_rule(self, make, settings, rule, config):
        size = 2 * pieces.PIECE + 5
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
            of_turned.step({"w": np.asfortranarray(dw) if step else dw})
            assert len(of_turned._strands[0].pieces) >= 3  # it is cut, as it lies in memory
            expected, config = rule(expected, dw, config)
        np.testing.assert_allclose(net.params["0.w"], expected, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(turned, expected, rtol=1e-12, atol=1e-14)
        other.params["w"] = turned.copy()  # by rows, unlike what is remembered of it
        of_turned.step({"w": dw})
        expected, _ = rule(expected, dw, config)
        np.testing.assert_allclose(other.params["w"], expected, rtol=1e-12, atol=1e-14)

    @each("make, settings")
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

    @each("make, settings, rule, config")
    def test_of_parameters_of_all_sizes_and_layouts_equal_the_rule(
        self, monkeypatch, make, settings, rule, config
    ):
        monkeypatch.setattr(pieces, "PIECE", 7)
        rng = RNG(0)
        shapes = [(3,), (5, 4), (), (2, 1), (7,), (0, 2), (1, 1), (2, 4), (14,), (6,), (5,), (3, 1)]
        arrays = [rng.normal(size=shape) for shape in shapes]
        arrays += [np.asfortranarray(rng.normal(size=(3, 4))), rng.normal(size=(6, 6))[::2, ::3]]
        arrays += [rng.normal(size=12)[::4], rng.normal(size=3).astype(np.float32)]
        net = Layer(params={f"p{i}": array for i, array in enumerate(arrays)})
        opt = make(net, **settings)
        expected = values(net)
        configs = {key: dict(config) for key in net.params}
        for step in range(8):
            grads = random_grads(net, step)
            if step == 4:  # another layout of the same parameter
                net.params["p1"] = np.asfortranarray(net.params["p1"])
            opt.step(grads)
            for key in expected:
                expected[key], configs[key] = rule(expected[key], grads[key], configs[key])
        for key, w in net.params.items():
            tolerance = 1e-12 if w.dtype == np.float64 else 1e-5
            np.testing.assert_allclose(w, expected[key], rtol=tolerance, atol=tolerance / 100)
            for name, array in opt.state[key].items():
                np.testing.assert_allclose(array, configs[key][name], rtol=tolerance)
        assert all(net.params[f"p{i}"] is a for i, a in enumerate(arrays) if i != 1)

    @each("make, settings")
    def test_do_not_depend_on_how_the_parameters_are_cut(self, monkeypatch, make, settings):
        results = []
        for size in (1, 3, 11, pieces.PIECE):
            monkeypatch.setattr(pieces, "PIECE", size)
            net = classifier(np.float32)
            opt = make(net, **settings)
            for step in range(7):
                opt.step(random_grads(net, step))
            results.append(net.to_vector())
        for result in results[1:]:
            np.testing.assert_array_equal(result, results[0])

    @each("make, settings")
    def test_keep_float32(self, make, settings):
        net = classifier(np.float32)
        opt = make(net, **(settings | {"lr": np.float64(0.1)}))
        loss, grads = net.loss(*batch(np.float32))
        opt.step(grads)
        assert all(w.dtype == np.float32 for w in net.params.values())
        assert all(a.dtype == np.float32 for m in opt.state.values() for a in m.values())

    @each("make, settings")
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

    @each("make, settings")
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
            checks = {"power": positive}

            def update(self, at, dw, scratch, spare, last):
                last[...] = dw
                return np.multiply(np.sign(dw), -(at.lr**at.power), out=scratch)

        net, grads = Affine.of(np.zeros((2, 2))), {"w": np.array([[3.0, -2.0], [0.0, 1.0]])}
        opt = Sign(net, 0.5, power=2)
        assert repr(opt) == "Sign(net, lr=0.5, power=2.0)"
        opt.step(grads)
        np.testing.assert_array_equal(net.params["w"], [[-0.25, 0.25], [0.0, -0.25]])
        np.testing.assert_array_equal(opt.state["w"]["last"], grads["w"])
        with pytest.raises(NotImplementedError) as caught:
            Optimizer(net, 0.1).step(grads)
        assert str(caught.value) == "Optimizer must define update"


@pytest.mark.oracle
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-11), (np.float32, 5e-5)])
@each("make, settings, torch_name, options")
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_each_of_a_hundred_steps_equals_that_of_pytorch(
    make, settings, torch_name, options, dtype, tolerance, decay
):
    torch = pytest.importorskip("torch")
    if decay:
        settings, options = settings | {"weight_decay": decay}, options | {"weight_decay": decay}
    net = classifier(dtype)
    theirs = {key: torch.tensor(w, requires_grad=True) for key, w in net.params.items()}
    opt = make(net, **settings)
    oracle = getattr(torch.optim, torch_name)(theirs.values(), **options)
    for step in range(100):
        grads = random_grads(net, step)
        opt.step(grads)
        for key, w in theirs.items():
            w.grad = torch.tensor(grads[key])
        oracle.step()
        for key, w in net.params.items():
            expected = theirs[key].detach().numpy()
            np.testing.assert_allclose(w, expected, rtol=tolerance, atol=tolerance)


class TestCopies:
    @each("make, settings")
    @pytest.mark.parametrize("copied", [copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))])
    @pytest.mark.parametrize("piece", [pieces.PIECE, 7])
    def test_of_net_and_optimizer_stay_linked(self, monkeypatch, make, settings, copied, piece):
        monkeypatch.setattr(pieces, "PIECE", piece)
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

    def test_keep_groups_and_take_parameters_that_were_replaced(self):
        net = classifier()
        opt = Adam(net, groups={"*.b": {"lr_factor": 3.0}}, clip_norm=0.5)
        opt.step(random_grads(net, 0))
        net.layers[0].params["w"] = net.layers[0].params["w"][:2].copy()  # does not fit any more
        new = copy.deepcopy(opt)
        for each_net, each_opt in ((net, opt), (new.net, new)):
            each_net.layers[0].params["w"] = np.ones((5, 4))
            each_opt.step(random_grads(net, 1))
        assert_same(values(net), values(new.net))

    @each("make, settings")
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
    @each("make, settings")
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

    def test_of_a_rule_without_memory_says_what_it_trained(self):
        opt = SGD(classifier(), lr=0.1)
        with pytest.raises(ValueError) as caught:
            opt.load_state_dict(SGD(classifier(), lr=0.1, only=["2.b", "0.w"]).state_dict())
        assert str(caught.value) == (
            "SGD.load_state_dict: the saved state is another optimizer's: only was ['0.w', '2.b'] "
            "but is None; make the optimizer as it was made then; nothing was loaded"
        )

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

    @pytest.mark.parametrize(
        "saved, shown",
        [
            (3, "3"),
            ({"lr": 0.1}, "{'lr': 0.1}"),
            (
                {"state": np.zeros((9, 9))},
                "dict {'state': array([[0., 0., 0., 0., 0., 0., 0., 0., ...",
            ),
            (
                {"rule": "Adam", "settings": 3, "t": 0, "state": {}},
                "{'rule': 'Adam', 'settings': 3, 't': 0, 'state': {}}",
            ),
            (
                {"rule": "Adam", "settings": {}, "t": 0, "state": []},
                "{'rule': 'Adam', 'settings': {}, 't': 0, 'state': []}",
            ),
            (
                {"rule": "Adam", "settings": {}, "t": 0, "state": {"a": 1}},
                "{'rule': 'Adam', 'settings': {}, 't': 0, 'state': {'a': 1}}",
            ),
        ],
    )
    def test_is_nothing_else(self, saved, shown):
        with pytest.raises(TypeError) as caught:
            Adam(classifier()).load_state_dict(saved)
        assert str(caught.value) == (
            f"Adam.load_state_dict: saved must be a dict that state_dict returned, not {shown}"
        )

    @pytest.mark.parametrize(
        "change, error, message",
        [
            (lambda s: s | {"t": "3"}, TypeError, "t must be an integer, not '3'"),
            (lambda s: s | {"t": -3}, ValueError, "t must be at least 0, not -3"),
            (
                lambda s: s | {"settings": s["settings"] | {"lr": -1.0}},
                ValueError,
                "lr must be at least 0, not -1.0",
            ),
        ],
    )
    def test_with_numbers_out_of_range_changes_nothing(self, change, error, message):
        net = classifier()
        opt = Adam(net)
        opt.step(random_grads(net, 0))
        saved = opt.state_dict()
        opt.step(random_grads(net, 1))
        memory = copy.deepcopy(opt.state)
        with pytest.raises(error) as caught:
            opt.load_state_dict(change(saved))
        assert str(caught.value) == f"Adam.load_state_dict: {message}"
        assert (opt.t, opt.lr) == (2, 1e-3)
        for key in memory:
            assert_same(opt.state[key], memory[key])

    @pytest.mark.parametrize(
        "saved, message",
        [
            (
                Adam(classifier()),
                "SGD.load_state_dict: the saved state is another optimizer's: it is of Adam, not "
                "of SGD; make the optimizer as it was made then; nothing was loaded",
            ),
            (
                SGD(
                    classifier(),
                    lr=0.5,
                    momentum=0.9,
                    groups={"*.b": {"momentum": 0.5}},
                    clip_norm=1.0,
                    weight_decay=0.1,
                ),
                "SGD.load_state_dict: the saved state is another optimizer's: weight_decay was 0.1 "
                "but is 0.0; clip_norm was 1.0 but is None; groups was {'*.b': {'momentum': 0.5}} "
                "but is {}; make the optimizer as it was made then; nothing was loaded",
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
                "SGD.load_state_dict: the saved state is another optimizer's: only was ['0.b'] "
                "but is None; missing 0.w/velocity, 2.w/velocity, 2.b/velocity; 0.b/velocity was "
                "float32 but is float64; make the optimizer as it was made then; nothing was "
                "loaded",
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
        (
            lambda net: RMSProp(net, weight_decay=1, clip_value=2, groups={"*.b": {"eps": 1}}),
            "RMSProp(net, lr=0.01, decay_rate=0.99, eps=1e-08, weight_decay=1.0, clip_value=2.0, "
            "groups={'*.b': {'eps': 1.0}})",
        ),
        (
            lambda net: AdamW(net, weight_decay=0.0, clip_norm=1.0),
            "AdamW(net, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0.0, "
            "clip_norm=1.0)",
        ),
    ],
)
def test_repr_can_be_pasted_back(make, text):
    net = classifier()
    assert repr(make(net)) == text
    assert repr(eval(text)) == text
