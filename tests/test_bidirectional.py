"""Bidirectional: two layers that read the same sequences in both directions."""

import copy
import pickle

import numpy as np
import pytest

import nnlayers
from contract import close, identical
from nnlayers import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Layer,
    MatMul,
    ReLU,
    Sequential,
    Sum,
    TemporalAffine,
    check_gradients,
)

MASK = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 1, 1, 0]], bool)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def pairs():
    return [
        Bidirectional(RNN(3, 2, rng=0), RNN(3, 5, rng=1)),
        Bidirectional(LSTM(3, 2, rng=0), GRU(3, 2, rng=1)),
        Bidirectional(Sequential(TemporalAffine(3, 2, rng=0), RNN(2, 2, rng=1)), LSTM(3, 4, rng=2)),
    ]


@pytest.mark.parametrize("layer", pairs(), ids=repr)
def test_each_direction_alone_gives_its_half(layer):
    x, dout = drawn(3, 4, 3), None
    out, cache = layer.forward(x)
    ahead, back = layer.layers
    first, cache_1 = ahead.forward(x)
    second, cache_2 = back.forward(np.flip(x, 1))
    identical(out, np.concatenate((first, np.flip(second, 1)), axis=2))
    dout = drawn(*out.shape, seed=1)
    H = first.shape[2]
    dx, grads = layer.gradients(dout, cache)
    dx_1, grads_1 = ahead.gradients(dout[:, :, :H], cache_1)
    dx_2, grads_2 = back.gradients(np.flip(dout[:, :, H:], 1), cache_2)
    identical(dx, dx_1 + np.flip(dx_2, 1))
    assert list(grads) == list(layer.params)
    close(tuple(grads.values()), (*grads_1.values(), *grads_2.values()), 1e-14)
    identical(layer.backward(dout, cache), (dx, *grads.values()))
    none, same = layer.gradients(dout, cache, need_dx=False)
    assert none is None
    identical(tuple(same.values()), tuple(grads.values()))


@pytest.mark.parametrize("layer", pairs()[:2], ids=repr)
@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
def test_gradients_agree_with_differences(layer, mask):
    options = {} if mask is None else {"mask": mask}
    report = check_gradients(layer, drawn(3, 4, 3), **options)
    assert report.ok, str(report)


def test_masked_sequences_equal_each_one_alone():
    layer = pairs()[1]
    x, mask = drawn(3, 4, 3), np.arange(4) < np.array([[4], [2], [1]])
    out, _ = layer.forward(x, mask=mask)
    for n, length in enumerate((4, 2, 1)):
        alone, _ = layer.forward(x[n : n + 1, :length])
        close(out[n : n + 1, :length], alone)
        # the last states of both directions
        close(out[n, -1, :2], alone[0, -1, :2])
        close(out[n, 0, 2:], alone[0, 0, 2:])


def test_one_layer_in_both_directions_has_one_gradient():
    shared = RNN(3, 2, rng=0)
    layer = Bidirectional(shared, shared)
    assert list(layer.params) == ["0.wx", "0.wh", "0.b"]
    assert check_gradients(layer, drawn(2, 4, 3)).ok


@pytest.mark.oracle
def test_it_equals_pytorch():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.GRU(3, 4, batch_first=True, bidirectional=True, dtype=torch.float64)
    halves = []
    for suffix in ("", "_reverse"):
        arrays = {
            name: getattr(theirs, f"{name}_l0{suffix}").detach().numpy()
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        }
        halves.append(
            GRU.of(
                arrays["weight_ih"].T,
                arrays["weight_hh"].T,
                np.stack((arrays["bias_ih"], arrays["bias_hh"])),
            )
        )
    x, dout = drawn(2, 5, 3), drawn(2, 5, 8, seed=1)
    layer = Bidirectional(*halves)
    out, cache = layer.forward(x)
    dx, grads = layer.gradients(dout, cache)
    tensor = torch.tensor(x, requires_grad=True)
    expected = theirs(tensor)[0]
    expected.backward(torch.tensor(dout))
    close(out, expected.detach().numpy())
    close(dx, tensor.grad.numpy())
    close(grads["1.wh"], theirs.weight_hh_l0_reverse.grad.numpy().T)
    close(grads["0.b"][1], theirs.bias_hh_l0.grad.numpy())


def test_it_is_a_layer_like_any_other():
    layer = pairs()[0]
    again = eval(repr(layer), vars(nnlayers.layers) | {"Bidirectional": Bidirectional})
    assert repr(again) == repr(layer)
    x = drawn(2, 4, 3)
    out = layer.forward(x)[0]
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        identical(copied.forward(x)[0], out)
    assert layer.astype(np.float32).forward(x.astype(np.float32))[0].dtype == np.float32
    net = Sequential(layer, TemporalAffine(7, 1, rng=2), Sum())
    loss, grads = net.loss(x)
    assert list(grads)[0] == "0.0.wx"
    assert layer.to_vector().shape == ((3 + 2 + 1) * 2 + (3 + 5 + 1) * 5,)


class Drawing(Layer):
    """Adds random numbers, and counts its training forwards."""

    def __init__(self, fail=False):
        super().__init__(state={"calls": np.zeros(1)})
        self.fail = fail

    def forward(self, x, *, train=None, rng=None):
        if train:
            self.state = {"calls": self.state["calls"] + 1}
        if self.fail:
            raise RuntimeError("on demand")
        return x + rng.standard_normal(x.shape), ()

    def backward(self, dout, cache):
        return dout


def test_train_and_rng_reach_both_in_order():
    layer = Bidirectional(Drawing(), Drawing())
    x = np.zeros((1, 3, 1))
    out, _ = layer.forward(x, train=True, rng=5)
    rng = np.random.default_rng(5)
    expected = rng.standard_normal(3), rng.standard_normal(3)[::-1]
    identical(out[0], np.stack(expected, axis=1))
    assert [child.state["calls"][0] for child in layer.layers] == [1, 1]


def test_a_failure_leaves_no_state_behind_and_says_where():
    layer = Bidirectional(Drawing(), Drawing(fail=True))
    with pytest.raises(RuntimeError) as caught:
        layer.forward(np.zeros((1, 3, 1)), train=True, rng=5)
    assert layer.layers[0].state["calls"][0] == 0
    assert caught.value.__notes__[0].startswith("in Bidirectional, layer 1: ")
    layer = Bidirectional(RNN(3, 2), RNN(4, 2))
    with pytest.raises(ValueError) as caught:
        layer.forward(np.zeros((1, 3, 3)))
    assert caught.value.__notes__ == ["in Bidirectional, layer 1: RNN(4, 2)"]
    layer = Bidirectional(RNN(3, 2), GRU(3, 2))
    shapes, caches = layer.forward(np.zeros((1, 3, 3)))[1]
    with pytest.raises(ValueError) as caught:
        layer.backward(np.zeros((1, 3, 4)), (shapes, caches[:1] * 2))
    assert caught.value.__notes__ == ["in Bidirectional, layer 1: GRU(3, 2)"]


X = np.zeros((2, 4, 3))

ERRORS = [
    (
        lambda: Bidirectional(RNN(3, 2), LSTM(3, 2, return_state=True)).forward(X),
        "Bidirectional: layer 1 must give (N, T, H), not a tuple: got x (2, 4, 3); "
        "return_state=False gives the states alone",
    ),
    (
        lambda: Bidirectional(Sum(), RNN(3, 2)).forward(X),
        "Bidirectional: layer 0 must give (N, T, H), not np.float64(0.0): got x (2, 4, 3)",
    ),
    (
        lambda: Bidirectional(MatMul(3, 2), MatMul(3, 2)).forward(np.zeros((2, 3))),
        "Bidirectional: layer 0 must give (N, T, H), not (2, 2): got x (2, 3)",
    ),
    (
        lambda: Bidirectional(RNN(3, 2), RNN(3, 2)).backward(np.zeros((2, 4, 4)), (1, 2)),
        "Bidirectional.backward: cache must be the tuple (shapes, caches) of two directions that "
        "Bidirectional.forward returned, not a tuple (1, 2); pass the cache of the matching "
        "forward call",
    ),
    (
        lambda: Bidirectional(ReLU(), ReLU()).backward(
            np.zeros((2, 4, 3)), Bidirectional(ReLU(), ReLU()).forward(X)[1]
        ),
        "Bidirectional.backward: dout must have the shape of forward's out, (2, 4, 6): got dout "
        "(2, 4, 3); pass the dout and the cache of the same forward call",
    ),
    (
        lambda: Bidirectional(RNN(3, 2), RNN(3, 2)).forward(X, mask=np.ones(4)),
        "rnn_forward: mask must have an entry for each step of each sequence, (2, 4): got x "
        "(2, 4, 3), mask (4,); np.arange(T) < lengths[:, None] masks by length",
    ),
]


@pytest.mark.parametrize(("call", "text"), ERRORS, ids=[text[:60] for _, text in ERRORS])
def test_value_errors(call, text):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == text


def test_only_layers_are_taken():
    with pytest.raises(TypeError) as caught:
        Bidirectional(RNN(3, 2), RNN)
    assert str(caught.value) == (
        "Bidirectional: argument 1 is type, not a layer; call its class (ReLU(), not ReLU), or "
        "make one with Layer.from_pair"
    )
