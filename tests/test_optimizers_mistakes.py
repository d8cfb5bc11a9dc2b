"""Optimizers: every mistake that is reported, and that nothing has changed then."""

import numpy as np
import pytest

from nnlayers import MSE, Affine, ReLU, Sequential, Variable
from nnlayers.training import SGD, Adam, AdamW
from update_rules import assert_same, classifier, random_grads, values


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
                lambda net: SGD(net, 0.1, beta1=0.9, frozen=["0.w"]),
                TypeError,
                "SGD: unknown setting beta1, frozen; there are lr, momentum, nesterov, only, "
                "groups, weight_decay, clip_norm, clip_value",
            ),
            (
                lambda net: AdamW(net, decoupled=True),
                TypeError,
                "AdamW: unknown setting decoupled; there are lr, beta1, beta2, eps, only, groups, "
                "weight_decay, clip_norm, clip_value",
            ),
            (
                lambda net: SGD(net, 0.1, 0.9, nesterov="yes"),
                TypeError,
                "SGD: nesterov must be True or False, not 'yes'",
            ),
            (
                lambda net: AdamW(net, weight_decay=-1),
                ValueError,
                "AdamW: weight_decay must be at least 0, not -1",
            ),
            (
                lambda net: Adam(net, clip_norm=0),
                ValueError,
                "Adam: clip_norm must be greater than 0, not 0",
            ),
            (
                lambda net: Adam(net, clip_value=float("inf")),
                ValueError,
                "Adam: clip_value must be finite, not inf",
            ),
            (
                lambda net: Adam(net, clip_norm=1.0, clip_value=1.0),
                ValueError,
                "Adam: clip_norm and clip_value do not go together; choose one of them",
            ),
            (
                lambda net: Adam(net, groups=[{"only": ["0.w"]}]),
                TypeError,
                "Adam: groups must be a dict of dicts, not [{'only': ['0.w']}]; such as "
                '{"*.b": {"weight_decay": 0.0}}',
            ),
            (
                lambda net: Adam(net, groups={"0.w": 0.1}),
                TypeError,
                "Adam: groups must be a dict of dicts, not {'0.w': 0.1}; such as "
                '{"*.b": {"weight_decay": 0.0}}',
            ),
            (
                lambda net: Adam(net, groups={"0.w": {"lr": 0.1, 3: 4}}),
                ValueError,
                "Adam: the group '0.w' has the unknown setting lr, 3; there are lr_factor, beta1, "
                "beta2, eps, weight_decay; lr_factor multiplies the optimizer's lr",
            ),
            (
                lambda net: Adam(net, groups={"0.w": {"beta1": 2.0}}),
                ValueError,
                "Adam group '0.w': beta1 must be at least 0 and less than 1, not 2.0",
            ),
            (
                lambda net: SGD(net, 0.1, only=["0.w"], groups={"2.*": {"lr_factor": 2.0}}),
                ValueError,
                "SGD: the group '2.*' matches no trained parameter; there are 0.w",
            ),
            (
                lambda net: SGD(net, 0.1, groups={0: {"lr_factor": 2.0}}),
                TypeError,
                "SGD: groups must be a dict of dicts, not {0: {'lr_factor': 2.0}}; such as "
                '{"*.b": {"weight_decay": 0.0}}',
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
                lambda grads: grads | {"0.b": grads["0.b"].astype(np.float32), "2.b": [0.0] * 3},
                TypeError,
                "Adam.step: the gradient of 2.b is no array but list; 0.b is float64 but its "
                "gradient float32; of a Variable, variable.grad.data is one",
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
                TypeError,
                "Adam.step: the gradient of 2.b is no array but NoneType; of a Variable, "
                "variable.grad.data is one",
            ),
            (
                lambda grads: grads | {"0.b": [0.0] * 4, "2.b": Variable(np.ones(3))},
                TypeError,
                "Adam.step: the gradient of 0.b is no array but list; the gradient of 2.b is no "
                "array but Variable; of a Variable, variable.grad.data is one",
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
        opt = SGD(net, lr=0.1, momentum=0.9)
        opt.step(random_grads(net, 0))
        before = values(net)
        net.params["2.b"].setflags(write=False)  # which views of it would not know
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
