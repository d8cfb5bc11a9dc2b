"""Functions that are written by hand, as forward and backward."""

from dataclasses import dataclass

import numpy as np
import pytest

import nnlayers.functions as F
from nnlayers import (
    Function,
    Variable,
)
from tape import ONCE, drawn, message, variables


class Scale(Function):
    """x · factor, where the factor is a number or a Variable; keeps what it is given."""

    def __init__(self, more=1.0):
        self.more = more

    def forward(self, x, factor):
        self.product = x * factor * self.more
        return self.product

    def backward(self, gy):
        x, factor = self.inputs
        gy = gy * self.more
        dfactor = F.sum_to(gy * x, factor.shape) if isinstance(factor, Variable) else None
        return F.sum_to(gy * factor, x.shape), dfactor


def test_inputs_may_be_numbers_arrays_and_variables():
    x, s = variables((3, 4), (4,))
    for factor in (2.0, 3, s.data, s):
        x.cleargrad()
        y = Scale(0.5)(x, factor)
        values = factor.data if isinstance(factor, Variable) else factor
        np.testing.assert_array_equal(y.data, x.data * values * 0.5)
        assert isinstance(y.creator.inputs[1], int | float | Variable)
        y.backward()
        np.testing.assert_array_equal(x.grad.data, np.broadcast_to(0.5 * values, (3, 4)))
    np.testing.assert_allclose(s.grad.data, 0.5 * x.data.sum(axis=0))


def test_an_instance_may_be_called_many_times():
    scale = Scale(2.0)
    x = Variable(np.array([1.0, 3.0]))
    a, b = scale(x, 2.0), scale(x * x, 5.0)
    assert not hasattr(scale, "product")  # each call is a node of its own
    assert scale.inputs is None
    assert a.creator is not b.creator
    (a + b).backward()  # 4 x + 10 x²
    np.testing.assert_array_equal(x.grad.data, 4 + 20 * x.data)
    a = scale(x, 2.0)
    a.retain_grad()
    again = a.creator(x, 3.0)  # a node may be called as well, and is copied
    x.cleargrad()
    again.backward()
    np.testing.assert_array_equal(x.grad.data, [6.0, 6.0])
    assert a.grad is None


class Roots(Function):
    """Both real roots of t² + p t + q, as a Function of two outputs."""

    def forward(self, p, q):
        root = np.sqrt(p * p / 4 - q)
        return -p / 2 - root, -p / 2 + root

    def backward(self, g_low, g_high):
        p, q = self.inputs
        low, high = self.outputs
        gap = high - low  # dt/dp = -t / (2 t + p), dt/dq = -1 / (2 t + p), and 2 t + p = ∓ gap
        return (g_low * low - g_high * high) / gap, (g_low - g_high) / gap


def test_several_outputs():
    p, q = Variable(np.array([-3.0, 1.0])), Variable(np.array([2.0, -6.0]))
    low, high = Roots()(p, q)
    np.testing.assert_allclose(low.data, [1.0, -3.0])
    np.testing.assert_allclose(high.data, [2.0, 2.0])
    ((low + high) * 3.0 + low * high).backward()  # -3 p + q
    np.testing.assert_allclose(p.grad.data, [-3.0, -3.0])
    np.testing.assert_allclose(q.grad.data, [1.0, 1.0])
    p.cleargrad()
    Roots()(p, q)[1].backward(create_graph=True)  # the other one gets zeros
    np.testing.assert_allclose(p.grad.data, -high.data / (high.data - low.data))
    dp = p.grad
    p.cleargrad()
    dp.backward()
    gap = high.data - low.data
    slope = p.data / gap  # of the gap, by p
    np.testing.assert_allclose(p.grad.data, (high.data / gap + high.data * slope / gap) / gap)


def test_retain_grad_of_one_of_several_outputs():
    p, q = Variable(np.array([-3.0])), Variable(np.array([2.0]))
    low, high = Roots()(p, q)
    low.retain_grad()
    high.retain_grad()
    (low * 5.0).backward()
    assert low.grad.data.tolist() == [5.0]
    assert high.grad.data.tolist() == [0.0]


def test_settings_may_be_those_of_a_dataclass():
    @dataclass
    class Shifted(Function):  # nodes of equal settings are equal, and have no hash
        by: float

        def forward(self, x):
            return (x + self.by) ** 2

        def backward(self, gy):
            return 2.0 * gy * (self.inputs[0] + self.by)

    x = Variable(np.array([1.0, 2.0]))
    shift = Shifted(3.0)
    (shift(x) + shift(shift(x))).backward()
    once = (x.data + 3.0) ** 2
    slope = 2 * (x.data + 3.0)
    np.testing.assert_array_equal(x.grad.data, slope + 2 * (once + 3.0) * slope)


def test_a_gradient_of_none_passes_nothing_on():
    class Detached(Function):
        def forward(self, x, w):
            return x * w

        def backward(self, gy):
            return None, gy * self.inputs[0]

    x, w = variables((3,), (3,))
    h = x * 2.0
    (Detached()(h, w) + w).backward()
    assert x.grad is None
    np.testing.assert_array_equal(w.grad.data, 2 * x.data + 1.0)


class Cube(Function):
    """x³, whose backward computes with arrays."""

    def forward(self, x):
        return x**3

    def backward(self, gy):
        return 3.0 * self.inputs[0].data ** 2 * gy.data


def test_a_backward_of_arrays_is_differentiable_once():
    x = Variable(drawn(3))
    y = Cube()(x) + x * x
    y.backward(create_graph=True)
    np.testing.assert_allclose(x.grad.data, 3 * x.data**2 + 2 * x.data)
    dx = x.grad
    x.cleargrad()
    assert message(RuntimeError, dx.backward) == ONCE.format("Cube")
    assert message(RuntimeError, (dx * dx).sum().backward) == ONCE.format("Cube")
    assert x.grad is None


def test_a_new_variable_from_backward_counts_as_an_array():
    class Wrapped(Cube):
        def backward(self, gy):
            return Variable(super().backward(gy))

    x = Variable(drawn(3))
    Wrapped()(x).backward(create_graph=True)
    assert message(RuntimeError, x.grad.backward) == ONCE.format("Wrapped")
    x.cleargrad()
    Wrapped()(x).backward()
    assert not x.grad.requires_grad


def test_a_constant_gradient_cannot_be_differentiated():
    x = Variable(drawn(3))
    (x * 2.0).backward(create_graph=True)
    assert "needs no gradient" in message(RuntimeError, x.grad.backward)


def faulty(result):
    class Faulty(Function):
        def forward(self, x, w):
            return x * w

        def backward(self, gy):
            return result(gy)

    return Faulty()


def test_gradients_of_the_wrong_form():
    x, w = variables((2, 3), (3,))

    def text(error, result):
        y = faulty(result)(x, w)
        found = message(error, y.backward)
        assert x.grad is None
        assert w.grad is None
        return found

    assert text(ValueError, lambda gy: (gy, gy)) == (
        "Faulty.backward: the gradient of input 1 must have its shape, (3,): got input (3,), "
        "gradient (2, 3); F.sum_to(gradient, x.shape) sums over the axes along which x was "
        "broadcast"
    )
    assert text(TypeError, lambda gy: (gy.astype(np.float32), None)) == (
        "Faulty.backward: the gradient of input 0 must have its dtype, float64: got input (2, 3) "
        "float64, gradient (2, 3) float32; gradient.astype(np.float64)"
    )
    assert text(TypeError, lambda gy: [np.zeros((2, 3), int), None]).endswith(
        "gradient (2, 3) int64; gradient.astype(np.float64)"
    )
    assert text(ValueError, lambda gy: gy) == (
        "Faulty.backward: gradients returned for 2 inputs: 1; return one for each argument of "
        "forward, None for what has none"
    )


def test_a_backward_that_failed_may_be_repeated():
    right = []

    def result(gy):
        return (gy, gy) if right else gy

    x, w = variables((3,), (3,))
    y = faulty(result)(x * 1.0, w) + w
    with pytest.raises(ValueError, match="gradients returned for 2 inputs: 1"):
        y.backward()
    assert w.grad is None
    right.append(True)
    y.backward()
    np.testing.assert_array_equal(w.grad.data, [2.0, 2.0, 2.0])


def test_forward_of_the_wrong_form():
    class Labels(Function):
        def forward(self, x):
            return x.argmax(axis=-1)

    x, w = Variable(drawn(2, 3)), Variable(drawn(3, 4, dtype=np.float32))
    assert message(TypeError, Labels(), x) == (
        "Labels.forward: must return floating-point arrays, not (2,) int64; what has no gradient, "
        "such as labels, is computed from x.data"
    )

    class Product(Function):
        def forward(self, a, W):
            return a @ W

    assert message(TypeError, Product(), x, w) == (
        "Product: W is float32 but a is float64: got a (2, 3) float64, W (3, 4) float32; "
        "W.astype(np.float64) or a.astype(np.float32)"
    )
    assert message(NotImplementedError, Function(), x) == "Function must define forward"
    y = Product()(x, drawn(3, 4))
    assert message(NotImplementedError, y.backward) == "Product must define backward"
