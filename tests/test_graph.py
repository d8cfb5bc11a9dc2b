"""The tape: gradients through graphs of any form, what they keep, and threads."""

import numpy as np
import pytest

import nnlayers.functions as F
from nnlayers import Function, Variable, numerical_gradient
from tape import drawn, message, variables

# the two code cells of "Backpropagation of matrix multiplication", but for the imports
CELLS = (
    """
from nnlayers import Function

class MatMul(Function):
    def forward(self, x, W):
        y = x.dot(W)
        return y
    
    def backward(self, gy):
        x, W = self.inputs
        gx = matmul(gy, W.T)
        gW = matmul(x.T, gy)
        return gx, gW
    
def matmul(x, W):
    return MatMul()(x, W)
""",
    """
from nnlayers import Variable
import nnlayers.functions as F

x = Variable(np.random.randn(2, 3))
W = Variable(np.random.randn(3, 4))
y = F.matmul(x, W)
y.backward()

print(x.grad.shape)
print(W.grad.shape)
""",
)


def test_the_cells_of_the_seed_document(capsys, monkeypatch):
    rng = np.random.RandomState(0)
    monkeypatch.setattr(np.random, "randn", rng.randn)  # the global state is left alone
    names = {"np": np}
    for cell in CELLS:
        exec(cell, names)
    assert capsys.readouterr().out == "(2, 3)\n(3, 4)\n"
    x, W = names["x"], names["W"]
    np.testing.assert_array_equal(x.grad.data, np.ones((2, 4)) @ W.data.T)
    np.testing.assert_array_equal(W.grad.data, x.data.T @ np.ones((2, 4)))
    # the Function of the first cell gives the same gradients
    by_library = x.grad.data, W.grad.data
    x.cleargrad()
    W.cleargrad()
    names["matmul"](x, W).backward()
    np.testing.assert_array_equal(x.grad.data, by_library[0])
    np.testing.assert_array_equal(W.grad.data, by_library[1])


def test_a_diamond():
    a = Variable(np.array([1.0, -2.0]))
    b = a + a
    c = b * b
    c.backward()
    np.testing.assert_array_equal(a.grad.data, 8 * a.data)


def test_a_value_that_is_used_at_several_depths():
    x = Variable(np.array(2.0))
    y = x * x
    z = y * x + y / x + x  # x³ + 2 x
    z.backward()
    assert float(x.grad) == 14.0


def test_gradients_add_up_until_they_are_cleared():
    x = Variable(np.array([1.0, 2.0]))
    for times in (1, 2, 3):
        (x * x).backward()
        np.testing.assert_array_equal(x.grad.data, times * 2 * x.data)
    x.cleargrad()
    assert x.grad is None


def test_backward_starts_with_ones_or_with_what_is_given():
    x, y = variables((2, 3), (2, 3))
    (x * y).backward()
    np.testing.assert_array_equal(x.grad.data, y.data)
    dout = drawn(2, 3, seed=5)
    for given in (dout, Variable(dout), dout.tolist(), np.asfortranarray(dout)):
        x.cleargrad()
        (x * y).backward(given)
        np.testing.assert_array_equal(x.grad.data, y.data * dout)
    x.cleargrad()
    (x * y).backward(np.arange(6).reshape(2, 3))
    np.testing.assert_array_equal(x.grad.data, y.data * np.arange(6).reshape(2, 3))
    leaf = Variable(np.array([1.0, 2.0]))
    leaf.backward([3.0, 4.0])
    np.testing.assert_array_equal(leaf.grad.data, [3.0, 4.0])


def test_dout_is_cast_to_the_dtype_of_the_variable():
    x = Variable(np.ones(3, np.float32))
    for dout in (np.full(3, 0.5), Variable(np.full(3, 0.5))):
        x.cleargrad()
        (x * 2.0).backward(dout)
        assert x.grad.dtype == np.float32
        np.testing.assert_array_equal(x.grad.data, np.ones(3))


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_gradient_shares_no_memory(create_graph):
    x, y, u, v, p, q, w = variables(*[(3, 3)] * 6, (3,))
    dout = drawn(3, 3, seed=5)
    z = F.identity(x + y)
    z.retain_grad()
    result = F.identity(z + x.T + u + 1.0) + F.broadcast_to(w, (3, 3))
    result = F.identity(result) - F.identity(v).reshape(9).reshape(3, 3) + 2.0 * (p + q)
    result.backward(dout, create_graph=create_graph)
    arrays = [dout, *(a.data for a in (x, y, z, u, v, p, q, w))]
    arrays += [a.grad.data for a in (x, y, z, u, v, p, q, w)]
    for i, a in enumerate(arrays):
        assert a.flags.writeable
        assert not any(np.shares_memory(a, b) for b in arrays[:i])
    np.testing.assert_array_equal(u.grad.data, dout)
    for leaf in (x, w):
        leaf.cleargrad()
    F.identity(x).backward(dout, create_graph=create_graph)
    assert not np.shares_memory(x.grad.data, dout)
    w.sum().backward(create_graph=create_graph)
    assert w.grad.data.flags.writeable


def test_a_gradient_is_never_an_input():
    class Odd(Function):  # its gradient is one of its inputs
        def forward(self, x):
            return 0.5 * x * x

        def backward(self, gy):
            return self.inputs[0]

    x = Variable(drawn(3))
    for create_graph in (False, True):
        x.cleargrad()
        Odd()(x).backward(create_graph=create_graph)
        assert x.grad is not x
        assert not np.shares_memory(x.grad.data, x.data)
        np.testing.assert_array_equal(x.grad.data, x.data)
    x.grad.sum().backward()
    np.testing.assert_array_equal(x.grad.data, x.data + 1.0)


def test_retain_grad_shows_the_gradient_of_a_result():
    x = Variable(np.array([1.0, 2.0]))
    h = x * x
    h.retain_grad()
    unseen = h * 3.0
    (h * unseen).backward()  # 3 h²
    np.testing.assert_array_equal(h.grad.data, 6.0 * h.data)
    assert unseen.grad is None
    x.retain_grad()  # it gets one anyway
    np.testing.assert_array_equal(x.grad.data, 12.0 * x.data**3)


def test_a_chain_of_ten_thousand():
    x = Variable(np.array([1.0, 2.0]))
    y = x
    for _ in range(10_000):
        y = y + x * 1e-4
    y.backward(create_graph=True)
    np.testing.assert_allclose(x.grad.data, [2.0, 2.0])


def test_second_derivatives_through_a_chain_of_ten_thousand():
    x = Variable(np.array(1.0))
    y = x
    for _ in range(10_000):
        y = y * (x * 1e-4 + 1.0)  # y = x (1 + x/n)ⁿ, nearly x eˣ
    y.backward(create_graph=True)
    dx = x.grad
    x.cleargrad()
    dx.backward()
    assert float(dx) == pytest.approx(2 * np.e, rel=1e-3)
    assert float(x.grad) == pytest.approx(3 * np.e, rel=1e-3)


def test_retain_graph():
    x = Variable(drawn(3))
    y = (x**3).sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_allclose(x.grad.data, 6 * x.data**2)
    y = (x**3).sum()
    y.backward(create_graph=True, retain_graph=False)
    assert "was freed" in message(RuntimeError, y.backward)


ROUND_TRIPS = {
    "nothing": lambda x: x,
    "slices": lambda x: x[::-1][::-1],
    "rows": lambda x: x[[1, 0]][np.array([1, 0])],
    "F.slice and concatenate": lambda x: F.concatenate(x[:1], F.slice(x, index=np.s_[1:])),
    "shapes": lambda x: F.flatten(x.reshape(1, 2).T.reshape(1, 2)).reshape(2),
    "broadcasting": lambda x: F.sum_to(F.broadcast_to(x, (4, 2)), (2,)) / 4,
    "reductions": lambda x: F.broadcast_to(x, (4, 2)).mean(axis=0, keepdims=True).sum(axis=0),
    "where": lambda x: F.where(x > 0, x, 0.0) + F.where(x > 0, np.zeros(2), x),
    "arithmetic": lambda x: -(1.0 - F.identity(x)) * 2.0 / 2.0 + 1.0,
    "matrices": lambda x: np.eye(2) @ x @ np.eye(2),
    "logarithms": lambda x: F.log(F.exp(x)),
    "powers": lambda x: ((x + 3.0) ** 2) ** 0.5 - 3.0,
    "dtypes": lambda x: x.astype(np.longdouble).astype(np.float64),
}


@pytest.mark.parametrize("round_trip", ROUND_TRIPS.values(), ids=ROUND_TRIPS)
def test_derivatives_of_any_order(round_trip):
    x = Variable(np.array([0.5, -1.5]))
    z = round_trip(x)
    np.testing.assert_allclose(z.data, x.data)
    y = F.exp(z * z)
    x2 = x.data**2
    wanted = [2 * x.data, 2 + 4 * x2, 12 * x.data + 8 * x.data**3, 12 + 48 * x2 + 16 * x2**2]
    for factor in wanted:
        x.cleargrad()
        y.backward(create_graph=True)
        y = x.grad
        np.testing.assert_allclose(y.data, factor * np.exp(x2), rtol=1e-11)


@pytest.mark.parametrize("round_trip", ROUND_TRIPS.values(), ids=ROUND_TRIPS)
def test_functions_of_gradients_are_differentiated_twice(round_trip):
    x = Variable(np.array([0.5, -1.5]))
    z = round_trip(x)
    F.exp(z * z).backward(create_graph=True)
    s = x.grad**2  # (f')²
    x.cleargrad()
    s.backward(create_graph=True)
    ds = x.grad * 1.0
    x.cleargrad()
    ds.backward()
    x1, x2, f = x.data, x.data**2, np.exp(x.data**2)
    f1, f2, f3 = 2 * x1 * f, (2 + 4 * x2) * f, (12 * x1 + 8 * x1**3) * f
    np.testing.assert_allclose(ds.data, 2 * f1 * f2, rtol=1e-11)
    np.testing.assert_allclose(x.grad.data, 2 * (f2**2 + f1 * f3), rtol=1e-11)


def test_gradients_reach_the_upstream_gradient():
    x, dout = variables((3,), (3,))
    (x * x).backward(dout, create_graph=True)
    dx = x.grad  # 2 x dout
    x.cleargrad()
    dx.backward()
    np.testing.assert_array_equal(dout.grad.data, 2 * x.data)
    np.testing.assert_array_equal(x.grad.data, 2 * dout.data)


def test_a_gradient_penalty():
    x, w = variables((5, 3), (3, 1))
    F.tanh(x @ w).backward(create_graph=True)
    penalty = ((x.grad * x.grad).sum(axis=1) - 1.0) ** 2
    w.cleargrad()
    penalty.mean().backward()

    def value(w):
        h = np.tanh(x.data @ w)
        dx = (1 - h * h) @ w.T
        return np.mean(((dx * dx).sum(axis=1) - 1.0) ** 2)

    np.testing.assert_allclose(w.grad.data, numerical_gradient(value, w.data.copy()), rtol=1e-7)
