"""What all optimizers have in common: groups, weight decay and clipping."""

import numpy as np
import pytest

from nnlayers import Layer
from nnlayers.training import SGD, Adam, AdamW, clip_by_norm, clip_by_value
from update_rules import assert_same, classifier, each, random_grads, values

GROUPS = {"0.*": {"lr_factor": 0.1, "weight_decay": 0.5}, "*.b": {"weight_decay": 0.0}}


class TestGroups:
    @each("make, settings")
    def test_equal_an_optimizer_for_each(self, make, settings):
        net, apart = classifier(), classifier()
        settings = settings | {"weight_decay": 0.2}
        opt = make(net, groups=GROUPS, **settings)
        tenth = settings | {"lr": settings["lr"] * 0.1}
        several = [
            make(apart, only=["0.w"], **(tenth | {"weight_decay": 0.5})),
            make(apart, only=["0.b"], **(tenth | {"weight_decay": 0.0})),
            make(apart, only=["2.w"], **settings),
            make(apart, only=["2.b"], **(settings | {"weight_decay": 0.0})),
        ]
        for step in range(20):
            if step == 10:  # the learning rate of all groups changes in proportion
                for each_opt in (opt, *several):
                    each_opt.lr *= 0.5
            grads = random_grads(net, step)
            opt.step(grads)
            for each_opt in several:
                each_opt.step(grads)
        for key, w in net.params.items():
            np.testing.assert_allclose(w, apart.params[key], rtol=1e-13)

    def test_of_every_setting_of_the_rule(self):
        net, apart = classifier(), classifier()
        one = {"beta1": 0.5, "beta2": 0.6, "eps": 0.1}
        opt = Adam(net, groups={"?.w": one})
        several = Adam(apart, only=["0.w", "2.w"], **one), Adam(apart, only=["0.b", "2.b"])
        for step in range(5):
            grads = random_grads(net, step)
            opt.step(grads)
            for each_opt in several:
                each_opt.step(grads)
        assert_same(values(net), values(apart))

    @pytest.mark.parametrize("base, own", [(0.0, 0.9), (0.9, 0.0)])
    def test_with_momentum_beside_some_without(self, base, own):
        net, apart = classifier(), classifier()
        opt = SGD(net, 0.1, momentum=base, groups={"0.w": {"momentum": own}})
        several = (
            SGD(apart, 0.1, momentum=own, only=["0.w"]),
            SGD(apart, 0.1, momentum=base, only=["0.b", "2.w", "2.b"]),
        )
        for step in range(5):
            grads = random_grads(net, step)
            opt.step(grads)
            for each_opt in several:
                each_opt.step(grads)
        for key, w in net.params.items():
            np.testing.assert_allclose(w, apart.params[key], rtol=1e-14)

    @pytest.mark.oracle
    def test_equal_those_of_pytorch(self):
        torch = pytest.importorskip("torch")
        net = classifier()
        opt = AdamW(net, lr=0.01, groups=GROUPS, weight_decay=0.2)
        theirs = {key: torch.tensor(w, requires_grad=True) for key, w in net.params.items()}
        oracle = torch.optim.AdamW(
            [
                {"params": [theirs["0.w"]], "lr": 0.001, "weight_decay": 0.5},
                {"params": [theirs["0.b"]], "lr": 0.001, "weight_decay": 0.0},
                {"params": [theirs["2.w"]], "weight_decay": 0.2},
                {"params": [theirs["2.b"]], "weight_decay": 0.0},
            ],
            lr=0.01,
        )
        for step in range(100):
            grads = random_grads(net, step)
            opt.step(grads)
            for key, w in theirs.items():
                w.grad = torch.tensor(grads[key])
            oracle.step()
        for key, w in net.params.items():
            np.testing.assert_allclose(w, theirs[key].detach().numpy(), rtol=1e-11)


class TestWeightDecay:
    @each("make, settings, rule, config", without="adamw")
    def test_adds_to_the_gradient(self, make, settings, rule, config):
        net = classifier()
        opt, expected = make(net, weight_decay=0.3, **settings), values(net)
        configs = {key: dict(config) for key in expected}
        for step in range(10):
            grads = random_grads(net, step)
            opt.step(grads)
            for key, w in expected.items():
                expected[key], configs[key] = rule(w, grads[key] + 0.3 * w, configs[key])
        for key, w in net.params.items():
            np.testing.assert_allclose(w, expected[key], rtol=1e-12, atol=1e-14)

    def test_decoupled_shrinks_the_weights_before_the_step(self):
        class SGDW(SGD):
            decoupled = True

        net, plain = classifier(), classifier()
        opt, other = SGDW(net, 0.1, 0.9, weight_decay=0.3), SGD(plain, 0.1, 0.9)
        for step in range(5):
            grads = random_grads(net, step)
            opt.step(grads)
            for w in plain.params.values():
                w *= 1 - 0.1 * 0.3
            other.step(grads)
        for key, w in net.params.items():
            np.testing.assert_allclose(w, plain.params[key], rtol=1e-14)

    def test_of_a_parameter_that_is_not_contiguous(self):
        net, other = classifier(), classifier()
        net.layers[0].params["w"] = np.asfortranarray(net.layers[0].params["w"])
        for each_net in (net, other):
            opt = SGD(each_net, 0.1, weight_decay=0.3)
            opt.step(random_grads(other, 0))
            AdamW(each_net, 0.1, weight_decay=0.3).step(random_grads(other, 1))
        assert_same(values(net), values(other))


class TestClipping:
    @each("make, settings")
    def test_by_norm_equals_a_step_with_clipped_gradients(self, make, settings):
        net, other = classifier(), classifier()
        opt, plain = make(net, clip_norm=4.0, **settings), make(other, **settings)
        clipped = []
        for step in range(20):
            grads = random_grads(net, step)
            grads = {key: dw * 0.1 * step for key, dw in grads.items()}
            opt.step(grads)
            grads, norm = clip_by_norm(grads, 4.0)
            plain.step(grads)
            clipped.append(norm > 4.0)
        assert {True, False} <= set(clipped)
        for key, w in net.params.items():
            np.testing.assert_allclose(w, other.params[key], rtol=1e-12)

    @each("make, settings")
    def test_by_value_equals_a_step_with_clipped_gradients(self, make, settings):
        net, other = classifier(), classifier()
        opt, plain = make(net, clip_value=0.5, **settings), make(other, **settings)
        for step in range(5):
            grads = random_grads(net, step)
            for dw in grads.values():
                dw.setflags(write=False)
            opt.step(grads)
            plain.step(clip_by_value(grads, 0.5))
        assert_same(values(net), values(other))

    def test_comes_before_weight_decay_and_counts_trained_parameters_alone(self):
        net = classifier()
        grads, before = random_grads(net, 0), values(net)
        grads["2.w"] *= 1e6
        opt = SGD(net, 1.0, only=["0.w", "0.b"], clip_norm=1.0, weight_decay=100.0)
        opt.step(grads)
        norm = np.sqrt((grads["0.w"] ** 2).sum() + (grads["0.b"] ** 2).sum())
        for key in opt.keys:
            expected = before[key] - (grads[key] / norm + 100.0 * before[key])
            np.testing.assert_allclose(net.params[key], expected, rtol=1e-12)

    @pytest.mark.parametrize(
        "scale, dtype",
        [
            (1e300, np.float64),
            (1e-161, np.float64),
            (1e-300, np.float64),
            (1e35, np.float32),
            (1e-22, np.float32),
            (1e-35, np.float32),
        ],
    )
    def test_by_norm_neither_overflows_nor_warns(self, scale, dtype):
        grads = {"a": np.array([3.0, 0.0], dtype) * dtype(scale), "b": np.array(4.0 * scale, dtype)}
        clipped, norm = clip_by_norm(grads, 0.5 * scale)
        assert norm == pytest.approx(5 * scale, rel=1e-6, abs=0.0)
        np.testing.assert_allclose(clipped["a"], np.array([0.3, 0.0]) * scale, rtol=1e-6)
        assert clipped["b"].dtype == dtype
        net = Layer(params={"a": np.zeros(2, dtype), "b": np.zeros((), dtype)})
        SGD(net, lr=1.0, clip_norm=0.5 * scale).step(grads)
        np.testing.assert_array_equal(net.params["b"], -clipped["b"])

    def test_functions_write_nothing(self):
        grads = random_grads(classifier(), 0)
        before = {key: dw.copy() for key, dw in grads.items()}
        assert clip_by_norm({}, 1.0) == ({}, 0.0)
        assert clip_by_norm({"w": np.zeros((0, 3)), "b": np.zeros(2)}, 1.0)[1] == 0.0
        clipped, norm = clip_by_norm(grads, 0.1)
        assert norm == pytest.approx(np.sqrt(sum((dw**2).sum() for dw in grads.values())))
        assert clip_by_norm(clipped, 0.1001)[0]["0.w"] is clipped["0.w"]
        np.testing.assert_allclose(clipped["2.w"] * norm / 0.1, grads["2.w"])
        assert np.abs(clip_by_value(grads, 0.5)["0.w"]).max() == 0.5
        assert_same(grads, before)

    @pytest.mark.oracle
    @pytest.mark.parametrize("limit", [0.5, 100.0])
    def test_equals_that_of_pytorch(self, limit):
        torch = pytest.importorskip("torch")
        grads = random_grads(classifier(), 0)
        params = {key: torch.zeros(dw.shape) for key, dw in grads.items()}
        for key, param in params.items():
            param.grad = torch.tensor(grads[key], dtype=torch.float32)
        norm = torch.nn.utils.clip_grad_norm_(params.values(), limit)
        ours, our_norm = clip_by_norm(grads, limit)
        assert our_norm == pytest.approx(float(norm), rel=1e-6)
        for key, dw in ours.items():  # PyTorch divides by norm + 1e-6
            np.testing.assert_allclose(dw, params[key].grad.numpy(), rtol=3e-6)
        torch.nn.utils.clip_grad_value_(params.values(), 0.01)
        for key, dw in clip_by_value(ours, 0.01).items():
            np.testing.assert_allclose(dw, params[key].grad.numpy(), rtol=3e-6)

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_of_gradients_that_are_not_finite(self, bad):
        net = classifier()
        opt, before, grads = Adam(net, clip_norm=1.0), values(net), random_grads(net, 0)
        grads["0.b"][1] = grads["2.w"][0, 0] = bad
        with pytest.raises(ValueError) as caught:
            opt.step(grads)
        assert str(caught.value) == (
            "Adam.step: the gradient of 0.b, 2.w has entries that are NaN or infinite; it has no "
            "length to be limited: nothing was changed"
        )
        assert_same(values(net), before)
        assert opt.t == 0
        with pytest.raises(ValueError, match=r"^clip_by_norm: the gradient of 0.b, 2.w has"):
            clip_by_norm(grads, 1.0)

    @pytest.mark.parametrize("clip", [clip_by_norm, clip_by_value])
    @pytest.mark.parametrize(
        "grads, limit, error, message",
        [
            (
                [np.ones(2)],
                1.0,
                TypeError,
                "grads must be a dict of floating-point arrays, not [array([1., 1.])]",
            ),
            (
                {"w": [1.0]},
                1.0,
                TypeError,
                "grads must be a dict of floating-point arrays, not {'w': [1.0]}",
            ),
            (
                {"w": np.ones(2, int)},
                1.0,
                TypeError,
                "grads must be a dict of floating-point arrays, not {'w': array([1, 1])}",
            ),
            ({}, 0.0, ValueError, "limit must be greater than 0, not 0.0"),
            ({}, "1", TypeError, "limit must be a number, not '1'"),
        ],
    )
    def test_of_something_else(self, clip, grads, limit, error, message):
        with pytest.raises(error) as caught:
            clip(grads, limit)
        assert str(caught.value) == f"{clip.__name__}: {message}"


def test_settings_of_numpy_do_not_promote():
    net = classifier(np.float32)
    opt = AdamW(
        net,
        lr=np.float64(0.1),
        weight_decay=np.float64(0.1),
        clip_norm=np.float64(0.1),
        groups={"*.b": {"lr_factor": np.float64(2.0), "beta1": np.float32(0.5)}},
    )
    for step in range(2):
        opt.step({key: dw * 100 for key, dw in random_grads(net, step).items()})
    assert all(w.dtype == np.float32 for w in net.params.values())
    assert all(a.dtype == np.float32 for m in opt.state.values() for a in m.values())
    assert all(type(v) is float for own in opt.groups.values() for v in own.values())
