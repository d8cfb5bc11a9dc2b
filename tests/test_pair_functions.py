"""Pairs as functions of Variables: Function.from_pair."""

import numpy as np
import pytest

import nnlayers.functions as F
from nnlayers import (
    Function,
    ReLU,
    Variable,
    affine_backward,
    affine_forward,
    batchnorm_running,
    mse_backward,
    mse_forward,
    no_grad,
    rnn_backward,
    rnn_forward,
)
from tape import ONCE, drawn, message, variables


def scale_forward(x, s, power=1):
    return x * s**power, (x, s, power)


def scale_backward(dout, cache):
    x, s, power = cache
    return dout * s**power, (dout * x * power * s ** (power - 1)).sum(axis=0)


def test_a_pair_in_one_line():
    scale = Function.from_pair(scale_forward, scale_backward)
    assert scale.__name__ == "scale"
    x, s = variables((3, 2), (2,))
    dout = drawn(3, 2, seed=5)
    for call, power in [
        (lambda: scale(x, s), 1),
        (lambda: scale(x, s=s), 1),
        (lambda: scale(s=s, x=x), 1),
        (lambda: scale(x, s, 2), 2),
        (lambda: scale(x, s, power=3), 3),
        (lambda: Function.from_pair(scale_forward, scale_backward, power=2)(x, s), 2),
        (lambda: Function.from_pair(scale_forward, scale_backward, power=2)(x, s, power=3), 3),
    ]:
        x.cleargrad()
        s.cleargrad()
        y = call()
        out, cache = scale_forward(x.data, s.data, power)
        np.testing.assert_array_equal(y.data, out)
        y.backward(dout)
        dx, ds = scale_backward(dout, cache)
        np.testing.assert_array_equal(x.grad.data, dx)
        np.testing.assert_array_equal(s.grad.data, ds)


def test_a_wrapped_pair_says_that_it_is_differentiable_once():
    x, s = variables((3, 2), (2,))
    y = Function.from_pair(scale_forward, scale_backward)(x, s)
    y.backward(create_graph=True)
    assert message(RuntimeError, s.grad.backward) == ONCE.format("scale")


def test_arrays_and_numbers_are_constants_for_a_pair():
    scale = Function.from_pair(scale_forward, scale_backward)
    x, s = variables((3, 2), (2,))
    scale(x, s.data).backward()
    np.testing.assert_array_equal(x.grad.data, np.broadcast_to(s.data, (3, 2)))
    scale(x.data.tolist(), s).backward()
    np.testing.assert_array_equal(s.grad.data, x.data.sum(axis=0))
    y = scale(x.data, s.data)
    assert not y.requires_grad
    with no_grad():
        assert not scale(x, s).requires_grad


def test_the_cache_of_a_pair_is_at_hand_until_backward():
    x = Variable(drawn(6, 3))
    y = F.batchnorm(x, np.ones(3), np.zeros(3), train=True)
    running = batchnorm_running(None, y.creator.cache)
    np.testing.assert_allclose(running["mean"], 0.1 * x.data.mean(axis=0))


def test_targets_get_no_gradient():
    x, t = Variable(drawn(4, 3)), drawn(4, 3, seed=1)
    for target in (t, Variable(t, requires_grad=False)):
        x.cleargrad()
        F.mse(x, target).backward()
        np.testing.assert_array_equal(x.grad.data, mse_backward(1.0, mse_forward(x.data, t)[1]))
    loss = F.mse(x, Variable(t))
    assert message(TypeError, loss.backward) == (
        "mse_forward: target gets no gradient, but it is a Variable that requires one: got target "
        "(4, 3) float64; target.data is a constant"
    )


def test_an_input_named_y_may_have_a_gradient():
    def product_forward(x, y):
        return x * y, (x, y)

    def product_backward(dout, cache):
        x, y = cache
        return dout * y, dout * x

    x, y = variables((3,), (3,))
    Function.from_pair(product_forward, product_backward)(x, y).backward()
    np.testing.assert_array_equal(y.grad.data, x.data)


def test_inputs_by_name_with_others_left_out():
    def forward(x, shift=None, s=None, *, sign=1.0):
        assert shift is None
        return sign * x * s, (x, s, sign)

    def backward(dout, cache):
        x, s, sign = cache
        return sign * dout * s, sign * dout * x

    x, s = variables((3,), (3,))
    f = Function.from_pair(forward, backward)
    f(x, s=s, sign=-1.0).backward()
    np.testing.assert_array_equal(x.grad.data, -s.data)
    np.testing.assert_array_equal(s.grad.data, -x.data)


def test_a_tuple_of_one_output_stays_a_tuple():
    def forward(x):
        return (2.0 * x,), (x,)

    def backward(dout, cache):
        (dout,) = dout
        return 2.0 * dout

    x = Variable(drawn(3))
    (y,) = Function.from_pair(forward, backward)(x)
    y.backward()
    np.testing.assert_array_equal(x.grad.data, [2.0, 2.0, 2.0])


def test_what_backward_need_not_compute():
    asked = []

    def spied(dout, cache, need_dx=True):
        asked.append(need_dx)
        return affine_backward(dout, cache, need_dx=need_dx)

    affine = Function.from_pair(affine_forward, spied)
    x, w, b = variables((4, 3), (3, 2), (2,))
    affine(x, w, b).backward()
    affine(x.data, w, b).backward()
    affine(x, w.data).backward()
    assert asked == [True, False, True]

    def rnn_spied(dout, cache, need_dx=True):
        asked.append(need_dx)
        return rnn_backward(dout, cache, need_dx=need_dx)

    x, h0, *weights = variables((4, 5, 3), (4, 2), (3, 2), (2, 2), (2,))
    rnn = Function.from_pair(rnn_forward, rnn_spied)
    del asked[:]
    rnn(x.data, None, *weights).backward()
    assert asked == [False]
    # without dx, the pair gives no dh0: it is asked again
    rnn(x.data, h0, *weights).backward()
    assert asked[1:] == [False, True]
    found = h0.grad.data
    h0.cleargrad()
    F.rnn(x, h0, *weights).backward()
    np.testing.assert_array_equal(found, h0.grad.data)


def test_mistakes_with_pairs():
    x, s = variables((3, 2), (2,))
    assert message(TypeError, Function.from_pair, scale_forward, scale_backward, slope=1) == (
        "Function.from_pair: scale_forward takes no argument 'slope'; it takes x, s, power"
    )
    assert message(TypeError, Function.from_pair, ReLU(), ReLU()) == (
        "Function.from_pair: forward must be a function, not ReLU(); from_layer takes layers"
    )
    assert message(TypeError, Function.from_pair, scale_forward, None) == (
        "Function.from_pair: backward must be a function, not None; from_layer takes layers"
    )
    only_out = Function.from_pair(lambda x: x * 2.0, scale_backward)
    assert message(TypeError, only_out, x) == (
        "<lambda>: must return the tuple (out, cache): got result (3, 2) float64"
    )
    one = Function.from_pair(scale_forward, lambda dout, cache: dout)
    assert message(ValueError, one(x, s).backward) == (
        "<lambda>: gradients returned for the 2 arrays given to scale_forward: 1: got x (3, 2), s "
        "(2,); each is to get one, in forward's order"
    )
    assert message(TypeError, F.affine, x, b=s) == (
        "affine_forward: missing a required argument: 'w'; it takes x, w, b"
    )
    assert message(TypeError, F.softmax_cross_entropy, x, [0, 1, 1], class_weights=s) == (
        "softmax_cross_entropy_forward: class_weights is a setting and gets no gradient, but it is "
        "a Variable: got class_weights (2,) float64; pass class_weights.data"
    )
    with pytest.raises(TypeError, match="unexpected keyword argument 'slop'"):
        F.leaky_relu(x, slop=0.1)
    with pytest.raises(ValueError, match="affine_forward: x has 2 features per example but w"):
        F.affine(x, np.ones((3, 4)))


def test_a_callable_without_a_name():
    class Doubled:
        def __call__(self, x):
            return x * 2.0, (x,)

        def __repr__(self):
            return "Doubled()"

    x = Variable(drawn(3))
    Function.from_pair(Doubled(), lambda dout, cache: dout * 2.0)(x).backward()
    np.testing.assert_array_equal(x.grad.data, np.full(3, 2.0))
