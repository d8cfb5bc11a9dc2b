"""The tape: gradients through graphs of any form, what they keep, and threads."""

import gc
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

import nnlayers.functions as F
from nnlayers import Function, Variable, no_grad, numerical_gradient
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


def test_a_gradient_shares_no_memory():
    x, y = variables((3, 3), (3, 3))
    dout = drawn(3, 3, seed=5)
    z = F.identity(x + y)
    z.retain_grad()
    (z + x.T).backward(dout)
    arrays = [dout, x.data, y.data, z.data, x.grad.data, y.grad.data, z.grad.data]
    for i, a in enumerate(arrays):
        assert a.flags.writeable
        assert not any(np.shares_memory(a, b) for b in arrays[:i])
    np.testing.assert_array_equal(y.grad.data, dout)

    class Odd(Function):  # its gradient is one of its inputs
        def forward(self, x):
            return 0.5 * x * x

        def backward(self, gy):
            return self.inputs[0]

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


CHAINS = """
import gc, threading
import numpy as np
from nnlayers import Function, Variable
import nnlayers.functions as F

class Two(Function):
    def forward(self, a, b):
        return a, b
    def backward(self, ga, gb):
        return ga, gb

def work():
    x = Variable(np.ones(1))
    for step in (lambda y: y + x, F.relu, lambda y: Two()(y, x)[0], lambda y: y[0:1]):
        y = x
        for _ in range(100_000):
            y = step(y)
        del y  # the whole chain goes at once
    y = x
    for _ in range(30_000):
        y = y * x
    y.backward(create_graph=True)  # x.grad refers to x: a cycle, left to the collector
    del x, y
    gc.collect()
    print("done")

gc.set_threshold(100_000)
threading.stack_size(256 * 1024)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


def test_deep_graphs_are_released_without_deep_recursion():
    done = subprocess.run([sys.executable, "-c", CHAINS], capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)


def test_memory_is_released_after_backward():
    x = Variable(drawn(5))
    h = F.tanh(x)
    y = F.relu(h)
    z = (y * y).sum()
    references = [weakref.ref(v.data) for v in (h, y)] + [weakref.ref(y.creator)]
    del h, y
    assert all(r() is not None for r in references)
    z.backward(retain_graph=True)
    assert all(r() is not None for r in references)
    z.backward()
    assert all(r() is None for r in references)  # by counting alone, before any collection
    assert x.grad is not None


def test_without_a_graph_nothing_is_kept():
    gc.disable()
    try:
        x = Variable(drawn(5))
        with no_grad():
            h = F.tanh(x)
            y = h * h
        reference = weakref.ref(h.data)
        del h
        assert reference() is None
        assert y.creator is None
        assert not y.requires_grad
    finally:
        gc.enable()


def test_retain_graph():
    x = Variable(drawn(3))
    y = (x**3).sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_allclose(x.grad.data, 6 * x.data**2)
    y = (x**3).sum()
    y.backward(create_graph=True, retain_graph=False)
    assert "was freed" in message(RuntimeError, y.backward)


def test_derivatives_of_any_order():
    x = Variable(np.array([0.5, -1.5]))
    y = F.exp(x * x)
    x2 = x.data**2
    wanted = [2 * x.data, 2 + 4 * x2, 12 * x.data + 8 * x.data**3, 12 + 48 * x2 + 16 * x2**2]
    for factor in wanted:
        x.cleargrad()
        y.backward(create_graph=True)
        y = x.grad
        np.testing.assert_allclose(y.data, factor * np.exp(x2), rtol=1e-13)


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


# ---- recording and threads


def test_no_grad_may_be_nested_and_ends_with_an_exception():
    x = Variable(drawn(3))
    with no_grad():
        with no_grad():
            assert not (x + 1.0).requires_grad
        assert not (x + 1.0).requires_grad
        assert F.relu(x).creator is None
    assert (x + 1.0).requires_grad
    with pytest.raises(ZeroDivisionError), no_grad():
        1 / 0  # noqa: B018
    assert (x + 1.0).requires_grad
    y = x * x
    with no_grad():  # what was recorded before can be differentiated within
        y.backward()
        x.cleargrad()
        (x.data * x).sum()
    assert x.grad is None


def test_backward_leaves_recording_as_it_was():
    x = Variable(drawn(3))

    class Faulty(Function):
        def forward(self, x):
            return x

        def backward(self, gy):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Faulty()(x).backward()
    assert (x + 1.0).requires_grad
    with no_grad():
        (Variable([1.0])).backward(create_graph=True)
        assert not (x + 1.0).requires_grad


def test_no_grad_is_of_its_thread_alone():
    x = Variable(drawn(3))
    inside, leave, seen = threading.Event(), threading.Event(), []

    def work():
        with no_grad():
            inside.set()
            leave.wait(10)
            seen.append((x + 1.0).requires_grad)

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait(10)
    seen.append((x + 1.0).requires_grad)
    leave.set()
    thread.join()
    assert seen == [True, False]


def test_threads_share_weights():
    w = Variable(drawn(4, 4))
    x = drawn(8, 4, seed=1)
    F.tanh(x @ w).backward()
    alone = w.grad.data
    w.cleargrad()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [
            threading.Thread(target=lambda: [F.tanh(x @ w).backward() for _ in range(50)])
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    np.testing.assert_allclose(w.grad.data, 400 * alone)
