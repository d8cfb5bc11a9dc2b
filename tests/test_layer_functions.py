"""Layers as functions of Variables: Function.from_layer."""

import numpy as np
import pytest

import nnlayers.functions as F
from nnlayers import (
    GRU,
    LSTM,
    MSE,
    SGD,
    Affine,
    BatchNorm,
    Dropout,
    Embedding,
    Function,
    MultiHeadAttention,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    Tanh,
    Variable,
)
from tape import ONCE, drawn, message, variables


def by_layer(layer, *inputs, dout, **settings):
    """Return out and the gradients of a layer by its own methods."""
    out, cache = layer.forward(*inputs, **settings)
    return out, *layer.gradients(dout, cache)


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (lambda: Affine(3, 2, rng=0), [(4, 3)]),
        (lambda: ReLU(), [(4, 3)]),
        (lambda: Sequential(Affine(3, 5, rng=0), ReLU(), Affine(5, 2, rng=1)), [(4, 3)]),
        (lambda: GRU(3, 2, rng=0), [(4, 5, 3)]),
        (lambda: GRU(3, 2, rng=0), [(4, 5, 3), (4, 2)]),
        (lambda: MultiHeadAttention(4, heads=2, rng=0), [(2, 5, 4), (2, 3, 4)]),
        (lambda: MSE(reduction="none"), [(4, 3), (4, 3)]),
    ],
)
def test_a_layer_as_a_function(layer, inputs):
    layer = layer()
    f = Function.from_layer(layer)
    xs = variables(*inputs)
    given = [xs[0], xs[1].data] if isinstance(layer, MSE) else xs
    y = f(*given)
    dout = drawn(*y.shape, seed=9)
    out, dx, grads = by_layer(layer, *(x.data for x in xs), dout=dout)
    np.testing.assert_array_equal(y.data, out)
    y.backward(dout)
    for x, d in zip(xs, dx if isinstance(dx, tuple) else (dx,)):
        np.testing.assert_array_equal(x.grad.data, d)
    assert list(f.params) == list(grads)
    for name, variable in f.params.items():
        assert variable.data is layer.params[name]
        np.testing.assert_array_equal(variable.grad.data, grads[name])


def test_a_layer_of_several_outputs():
    layer = LSTM(3, 2, rng=0, return_state=True)
    f = Function.from_layer(layer)
    x = Variable(drawn(4, 5, 3))
    h, c = f(x)
    douts = drawn(4, 5, 2, seed=1), drawn(4, 2, seed=2)
    _, dx, grads = by_layer(layer, x.data, dout=douts)
    ((h * douts[0]).sum() + (c * douts[1]).sum()).backward()
    np.testing.assert_array_equal(x.grad.data, dx)
    np.testing.assert_array_equal(f.params["wh"].grad.data, grads["wh"])


def test_a_layer_of_indices():
    f = Function.from_layer(Embedding.of(drawn(5, 3)))
    idx = np.array([[1, 1], [4, 0]])
    f(idx).backward()
    np.testing.assert_array_equal(f.params["w"].grad.data[:, 0], [1.0, 2.0, 0.0, 0.0, 1.0])


def test_a_layer_that_is_used_twice():
    layer = Affine(3, 3, rng=0)
    f = Function.from_layer(layer)
    x = Variable(drawn(4, 3))
    f(F.tanh(f(x))).sum().backward()
    net = Sequential(layer, Tanh(), layer)
    _, cache = net.forward(x.data)
    dx, grads = net.gradients(np.ones((4, 3)), cache)
    np.testing.assert_allclose(x.grad.data, dx, rtol=1e-14)
    np.testing.assert_allclose(f.params["w"].grad.data, grads["0.w"], rtol=1e-14)


def test_settings_and_state_of_a_layer():
    layer = BatchNorm(3)
    f = Function.from_layer(Sequential(layer, Dropout(drop=0.5)))
    x = Variable(drawn(6, 3))
    y = f(x, train=True, rng=0)
    assert (y.data == 0).any()
    assert layer.state["mean"].any()
    y.backward()
    with pytest.raises(TypeError, match="train is left out"):
        f(x)


def test_an_optimizer_trains_what_a_function_of_a_layer_uses():
    net = Sequential(Affine(2, 8, rng=0), ReLU(), Affine(8, 2, rng=1))
    f = Function.from_layer(net)
    x, y = drawn(64, 2), (drawn(64, 2).prod(axis=1) > 0).astype(int)
    optimizer = SGD(net, lr=0.5, momentum=0.9)
    losses = []
    for _ in range(100):
        loss = F.softmax_cross_entropy(f(x), y)
        for variable in f.params.values():
            variable.cleargrad()
        loss.backward()
        optimizer.step({name: variable.grad.data for name, variable in f.params.items()})
        losses.append(float(loss))
    assert losses[-1] < 0.1 * losses[0]


def test_replaced_parameters_of_a_layer_are_seen():
    layer = Affine(3, 2, rng=0)
    f = Function.from_layer(layer)
    x = Variable(drawn(4, 3))
    y = f(x)
    layer.params["w"] = drawn(3, 2, seed=3)
    z = f(x)
    np.testing.assert_array_equal(z.data, x.data @ layer.params["w"] + layer.params["b"])
    assert f.params["w"].data is layer.params["w"]
    z.backward()
    assert "assigned to" in message(RuntimeError, y.backward)


def test_a_layer_is_asked_for_dx_where_it_is_needed():
    asked = []

    class Spied(Affine):
        def gradients(self, dout, cache, need_dx=True):
            asked.append(need_dx)
            return super().gradients(dout, cache, need_dx)

    x = Variable(drawn(4, 3))
    f = Function.from_layer(Spied(3, 2, rng=0))
    f(x).backward()
    f(x.data).backward()
    assert asked == [True, False]


def test_mistakes_with_layers():
    assert message(TypeError, Function.from_layer, ReLU) == (
        "Function.from_layer: takes a layer, not <class 'nnlayers.layers.rectifiers.ReLU'>; "
        "from_pair takes pairs"
    )
    x, t = variables((4, 3), (4, 3))
    f = Function.from_layer(MSE())
    assert repr(f) == "Function.from_layer(MSE())"
    assert message(TypeError, f(x, t).backward) == (
        "MSE(): target gets no gradient, but it is a Variable that requires one: got target (4, 3) "
        "float64; target.data is a constant"
    )
    f = Function.from_layer(Dropout(drop=0.5))
    assert message(TypeError, f, x, train=True, mask=t).startswith(
        "Dropout(drop=0.5): mask is a setting and gets no gradient, but it is a Variable"
    )
    f = Function.from_layer(SoftmaxCrossEntropy())
    f(x, np.array([0, 1, 2, 0])).backward(create_graph=True)
    assert message(RuntimeError, x.grad.backward) == ONCE.format("SoftmaxCrossEntropy()")
    loss = f(x, np.array([0, 1, 2, 0]))
    loss.backward()
    assert "the graph was freed at a layer by" in message(RuntimeError, loss.backward)
