"""What the tape keeps and for how long: no_grad, threads, memory, deep graphs."""

import gc
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

import nnlayers.functions as F
from nnlayers import Function, Variable, no_grad
from tape import drawn

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
        for _ in range(50_000):
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
work()
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


def test_deep_graphs_are_released_without_deep_recursion():
    done = subprocess.run([sys.executable, "-c", CHAINS], capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("done\ndone\n", "", 0)


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
    w = Variable(drawn(500, 500))  # so large that threads take turns while it is added to
    factors = [np.full((500, 500), float(i)) for i in range(8)]

    def work(factor):
        for _ in range(20):
            (w * factor).backward()

    threads = [threading.Thread(target=work, args=(factor,)) for factor in factors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(w.grad.data, np.full((500, 500), 20.0 * 28))
