"""Averages of weights over steps, and sums of gradients over micro-batches."""

import copy
import pickle

import numpy as np
import pytest

from nnlayers import (
    MSE,
    Affine,
    BatchNorm,
    Dropout,
    Layer,
    Mean,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    Sum,
)
from nnlayers.training import EMA, SGD, accumulate, evaluate, pieces
from update_rules import RNG, assert_same, batch, classifier, random_grads, values


def averaged(net, steps, decay, average=None):
    """Weights of a net after each step, and their average."""
    average = EMA(net, decay) if average is None else average
    opt, seen = SGD(net, lr=0.1), []
    for step in steps:
        opt.step(random_grads(net, step))
        average.update()
        seen.append(values(net))
    return average, seen


class TestEMA:
    @pytest.mark.parametrize("decay", [0.0, 0.5, 0.999])
    @pytest.mark.parametrize("piece", [7, pieces.PIECE])
    def test_is_the_average_that_it_is_defined_as(self, monkeypatch, decay, piece):
        monkeypatch.setattr(pieces, "PIECE", piece)
        net = classifier()
        net.layers[2].params["w"] = np.asfortranarray(net.layers[2].params["w"])
        average, seen = averaged(net, range(20), decay)
        weights = decay ** np.arange(19, -1, -1.0)
        for key, a in average.net.params.items():
            expected = np.average([w[key] for w in seen], axis=0, weights=weights)
            np.testing.assert_allclose(a, expected, rtol=1e-11)
        assert average.t == 20

    def test_touches_no_trained_weight(self):
        net, alone = classifier(), classifier()
        averaged(net, range(5), 0.9)
        opt = SGD(alone, lr=0.1)
        for step in range(5):
            opt.step(random_grads(alone, step))
        assert_same(values(net), values(alone))

    def test_keeps_float32(self):
        average, seen = averaged(classifier(np.float32), range(3), np.float64(0.5))
        assert all(a.dtype == np.float32 for a in average.net.params.values())

    def test_is_a_net_with_the_state_of_the_trained_one(self):
        net = Sequential(Affine(5, 4, rng=0), BatchNorm(4), Affine(4, 3, rng=1), MSE())
        average = EMA(net, 0.5)
        x, y = RNG(0).normal(size=(8, 5)), RNG(1).normal(size=(8, 3))
        net.loss(x, y)
        average.update()
        # after one update the average is the net
        assert evaluate(average.net, x, y) == evaluate(net, x, y)
        net.loss(x, y)
        assert evaluate(average.net, x, y) != evaluate(net, x, y)
        average.update()
        assert_same(dict(average.net.state), dict(net.state))

    @pytest.mark.oracle
    def test_is_that_of_pytorch_once_its_start_is_forgotten(self):
        """PyTorch begins with the first weights instead, which 0.5^60 has then removed."""
        torch = pytest.importorskip("torch")
        module = torch.nn.Linear(3, 2).double()
        oracle = torch.optim.swa_utils.AveragedModel(
            module, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.5)
        )
        net = Affine.of(module.weight.detach().numpy().T)
        average = EMA(net, 0.5)
        for step in range(60):
            w = RNG(step).normal(size=(3, 2))
            net.params["w"][...] = w
            with torch.no_grad():
                module.weight.copy_(torch.tensor(w.T))
            average.update()
            oracle.update_parameters(module)
        expected = oracle.module.weight.detach().numpy().T
        np.testing.assert_allclose(average.net.params["w"], expected, rtol=1e-12)

    @pytest.mark.parametrize("copied", [copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))])
    def test_copies_go_on_alike(self, copied):
        net = classifier()
        average, _ = averaged(net, range(3), 0.9)
        new_net, new = copied((net, average))
        assert new.of is new_net
        averaged(net, range(3, 6), 0.9, average)
        averaged(new_net, range(3, 6), 0.9, new)
        assert_same(values(average.net), values(new.net))
        assert repr(new) == "EMA(net, decay=0.9)"

    def test_a_saved_state_goes_on_alike(self):
        net, other = classifier(), classifier()
        average, _ = averaged(net, range(3), 0.9)
        saved = average.state_dict()
        averaged(net, range(3, 6), 0.9, average)
        averaged(other, range(3), 0.0)
        new = EMA(other, 0.9)
        new.load_state_dict(saved)
        assert new.t == 3
        averaged(other, range(3, 6), 0.9, new)
        assert_same(values(average.net), values(new.net))

    def test_mistakes(self):
        net = classifier()
        average = EMA(net, 0.9)
        for call, error, message in [
            (
                lambda: EMA(net.params),
                TypeError,
                "EMA: net must be a layer or net, not Arrays; pass the net itself, not its params",
            ),
            (
                lambda: EMA(net, 1.0),
                ValueError,
                "EMA: decay must be at least 0 and less than 1, not 1.0",
            ),
            (
                lambda: average.load_state_dict({"t": 3}),
                TypeError,
                "EMA.load_state_dict: saved must be a dict that state_dict returned, not {'t': 3}",
            ),
            (
                lambda: average.load_state_dict(np.zeros(3)),
                TypeError,
                "EMA.load_state_dict: saved must be a dict that state_dict returned, not (3,)",
            ),
            (
                lambda: average.load_state_dict({"decay": 0.9, "t": 0, "arrays": 3}),
                TypeError,
                "EMA.load_state_dict: saved must be a dict that state_dict returned, not {'decay': "
                "0.9, 't': 0, 'arrays': 3}",
            ),
            (
                lambda: average.load_state_dict(average.state_dict() | {"t": 1.5}),
                TypeError,
                "EMA.load_state_dict: t must be an integer, not 1.5",
            ),
            (
                lambda: average.load_state_dict(EMA(Affine(5, 4), 0.5).state_dict()),
                ValueError,
                "EMA.load_state_dict: the saved state is another average's: decay was 0.5 but is "
                "0.9; missing params/0.w, params/0.b, params/2.w, params/2.b; unexpected "
                "params/w, params/b; make the average as it was made then; nothing was loaded",
            ),
        ]:
            with pytest.raises(error) as caught:
                call()
            assert str(caught.value) == message
        before = values(average.net)
        net.layers[2].params["w"] = np.zeros((4, 2))
        with pytest.raises(ValueError) as caught:
            average.update()
        assert str(caught.value) == (
            "EMA.update: 2.w is float64 (4, 2) but its average float64 (4, 3); make a new average"
        )
        assert average.t == 0
        assert_same(values(average.net), before)


class TestAccumulation:
    @pytest.mark.parametrize("reduction", ["mean", "batchmean", "sum"])
    @pytest.mark.parametrize("micro_batch", [1, 3, 8, 100])
    def test_equals_the_whole_batch(self, reduction, micro_batch):
        net = Sequential(Affine(5, 4, rng=0), ReLU(), Affine(4, 3, rng=1), MSE(reduction=reduction))
        x, y = RNG(0).normal(size=(8, 5)), RNG(1).normal(size=(8, 3))
        loss, grads = net.loss(x, y)
        ours, our_grads = accumulate(net, x, y, micro_batch=micro_batch)
        assert type(ours) is float
        assert ours == pytest.approx(float(loss), rel=1e-13)
        assert list(our_grads) == list(grads)
        for key, dw in grads.items():
            np.testing.assert_allclose(our_grads[key], dw, rtol=1e-12, atol=1e-15)

    @pytest.mark.parametrize("final", [Sum(), Mean(), Sequential(ReLU(), Mean())], ids=repr)
    def test_of_losses_without_a_target(self, final):
        net, x = Sequential(Affine(5, 4, rng=0), final), RNG(0).normal(size=(8, 5))
        loss, grads = net.loss(x)
        ours, our_grads = accumulate(net, x, micro_batch=3)
        assert ours == pytest.approx(float(loss), rel=1e-13)
        np.testing.assert_allclose(our_grads["0.w"], grads["0.w"], rtol=1e-12)

    def test_of_labels_that_are_ignored(self):
        x, y = batch()
        y[:5] = -1
        loss = SoftmaxCrossEntropy(reduction="batchmean", ignore_index=-1)
        net = Sequential(Affine(5, 3, rng=0), loss)
        whole, parts = net.loss(x, y), accumulate(net, x, y, micro_batch=3)
        assert parts[0] == pytest.approx(float(whole[0]), rel=1e-13)
        np.testing.assert_allclose(parts[1]["0.w"], whole[1]["0.w"], rtol=1e-12)

    def test_keeps_float32_and_writes_nothing(self):
        net, (x, y) = classifier(np.float32), batch(np.float32)
        before = values(net)
        x.setflags(write=False)
        _, grads = accumulate(net, x, y, micro_batch=3)
        assert all(dw.dtype == np.float32 for dw in grads.values())
        SGD(net, lr=0.0).step(grads)
        assert_same(values(net), before)

    def test_a_seed_is_one_generator_for_all_micro_batches(self):
        net = Sequential(Affine(5, 4, rng=0), Dropout(drop=0.5), Affine(4, 3, rng=1), MSE())
        x, y = RNG(0).normal(size=(4, 5)), RNG(1).normal(size=(4, 3))
        x[2:], y[2:] = x[:2], y[:2]
        rng = RNG(5)
        losses = [net.loss(x[:2], y[:2], rng=rng)[0] for _ in range(2)]
        assert losses[0] != losses[1]
        assert accumulate(net, x, y, micro_batch=2, rng=5)[0] == pytest.approx(np.mean(losses))

    @pytest.mark.parametrize(
        "call, error, message",
        [
            (
                lambda x, y: accumulate(Affine(5, 4), x, y, micro_batch=2),
                TypeError,
                "accumulate: net must be a Sequential that ends in a loss, not Affine(5, 4); its "
                "last layer may be SoftmaxCrossEntropy() or MSE()",
            ),
            (
                lambda x, y: accumulate(classifier(), x, y[:5], micro_batch=2),
                ValueError,
                "accumulate: x has 8 examples but y has 5: got x (8, 5), y (5,); one y per x",
            ),
            (
                lambda x, y: accumulate(classifier(), x[:0], y[:0], micro_batch=2),
                ValueError,
                "accumulate: the loss of no examples is undefined: got x (0, 5)",
            ),
            (
                lambda x, y: accumulate(classifier(), x, y, micro_batch=0),
                ValueError,
                "accumulate: micro_batch must be a positive integer, not 0",
            ),
            (
                lambda x, y: accumulate(
                    Sequential(Affine(5, 3), SoftmaxCrossEntropy(ignore_index=-1)),
                    x,
                    y,
                    micro_batch=2,
                ),
                ValueError,
                "accumulate: with ignore_index the mean of SoftmaxCrossEntropy(ignore_index=-1) is "
                'over other numbers in each micro-batch; reduction="batchmean" divides by the '
                "number of examples",
            ),
            (
                lambda x, y: accumulate(Sequential(Affine(5, 3), Own()), x, micro_batch=2),
                ValueError,
                "accumulate: Own() does not say whether it is a mean or a sum over the examples; "
                'a setting reduction="mean" or "sum" says so',
            ),
        ],
    )
    def test_mistakes(self, call, error, message):
        with pytest.raises(error) as caught:
            call(*batch())
        assert str(caught.value) == message


class Own(Layer):
    """A loss of one's own, which says nothing about itself."""

    is_loss = True

    def __repr__(self):
        return "Own()"
