"""The operators and methods of Variables: first and second derivatives, dtypes, constants."""

import operator

import numpy as np
import pytest

import nnlayers.functions as F
from nnlayers import Variable, numerical_gradient
from nnlayers.networks.graph import elementary
from tape import drawn, gradients, variables

DTYPE = np.float64

OPERATIONS = {
    "+": (lambda a, b: a + b, (3, 4), (3, 4)),
    "+ row": (lambda a, b: a + b, (3, 4), (4,)),
    "+ column": (lambda a, b: a + b, (3, 1), (2, 3, 4)),
    "-": (lambda a, b: a - b, (3, 4), (3, 4)),
    "- of both": (lambda a, b: a - b, (3, 1), (1, 4)),
    "*": (lambda a, b: a * b, (3, 4), (3, 4)),
    "* row": (lambda a, b: a * b, (3, 4), (1, 4)),
    "* scalar": (lambda a, b: a * b, (3, 4), ()),
    "/": (lambda a, b: a / (b * b + 1.0), (3, 4), (3, 4)),
    "/ column": (lambda a, b: a / (b * b + 1.0), (3, 4), (3, 1)),
    "@": (lambda a, b: a @ b, (3, 4), (4, 5)),
    "@ of vectors": (lambda a, b: a @ b, (4,), (4,)),
    "@ of vector and matrix": (lambda a, b: a @ b, (4,), (4, 5)),
    "@ of matrix and vector": (lambda a, b: a @ b, (3, 4), (4,)),
    "@ of stacks": (lambda a, b: a @ b, (2, 1, 3, 4), (3, 4, 5)),
    "@ of stack and vector": (lambda a, b: a @ b, (2, 3, 4), (4,)),
    "@ of vector and stack": (lambda a, b: a @ b, (4,), (2, 4, 5)),
    "negative": (lambda a: -a, (3, 4)),
    "a number before": (lambda a: 2.0 - 3 * a + 1.0 / (a * a + 1), (3, 4)),
    "an array before": (
        lambda a: (np.ones((2, 3, 4), DTYPE) - a) @ drawn(4, 2, dtype=DTYPE),
        (3, 4),
    ),
    "an array first in @": (lambda a: drawn(5, 3, dtype=DTYPE) @ a, (3, 4)),
    "an array first in /": (lambda a: drawn(3, 4, dtype=DTYPE) / (a * a + 1.0), (3, 4)),
    "** 3": (lambda a: a**3, (3, 4)),
    "** 1": (lambda a: a**1, (3, 4)),
    "** 0": (lambda a: a**0 + a, (3, 4)),
    "** -2": (lambda a: (a * a + 1.0) ** -2, (3, 4)),
    "** 0.5": (lambda a: (a * a + 1.0) ** 0.5, (3, 4)),
    "** NumPy number": (lambda a: (a * a + 1.0) ** np.float64(0.5), (3, 4)),
    "[row]": (lambda a: a[1], (3, 4)),
    "[slices]": (lambda a: a[:2, ::-2], (3, 4)),
    "[..., None]": (lambda a: a[..., None, 1:], (3, 4)),
    "[rows, some twice]": (lambda a: a[[0, 2, 0, 0]], (3, 4)),
    "[pairs]": (lambda a: a[np.arange(3), np.array([1, 1, 3])], (3, 4)),
    "[mask]": (lambda a: a[np.arange(12).reshape(3, 4) % 3 == 0], (3, 4)),
    "[row, columns]": (lambda a: a[1, [0, 0, 2]], (3, 4)),
    "unpacked": (lambda a: (lambda p, q, r: p * q + r)(*a), (3, 4)),
    "T": (lambda a: a.T, (2, 3, 4)),
    "transpose": (lambda a: a.transpose(2, 0, 1), (2, 3, 4)),
    "transpose of a tuple": (lambda a: a.transpose((1, -1, 0)), (2, 3, 4)),
    "transpose of nothing": (lambda a: a.transpose(), (2, 3, 4)),
    "reshape": (lambda a: a.reshape(2, -1), (3, 4)),
    "reshape to a tuple": (lambda a: a.reshape((4, 3)), (3, 4)),
    "sum": (lambda a: a.sum(), (3, 4)),
    "sum over an axis": (lambda a: a.sum(0), (3, 4)),
    "sum over axes, kept": (lambda a: a.sum(axis=(0, -1), keepdims=True), (2, 3, 4)),
    "mean": (lambda a: a.mean(), (3, 4)),
    "mean over an axis": (lambda a: a.mean(axis=1), (3, 4)),
    "mean over axes, kept": (lambda a: a.mean((0, 1), keepdims=True), (2, 3, 4)),
    "broadcast_to": (lambda a: F.broadcast_to(a, (2, 3, 4)), (3, 1)),
    "sum_to": (lambda a: F.sum_to(a, (3, 1)), (2, 3, 4)),
    "square, exp, log, tanh": (
        lambda a: F.log(F.exp(F.tanh(a)) + F.square(a)) + F.identity(a),
        (3, 4),
    ),
    "where": (lambda a, b: F.where(a > 0, a * b, b), (3, 4), (4,)),
    "where with a number": (lambda a: F.where(a > 0, a, 0.5) * a, (3, 4)),
    "concatenate": (lambda a, b: F.concatenate(a, b, a, axis=1) ** 2, (3, 4), (3, 2)),
    "slice": (lambda a: F.slice(a, index=np.s_[1:, 0]) ** 2, (3, 4)),
    "flatten": (lambda a: F.flatten(a) ** 2, (2, 3, 4)),
}
every_operation = pytest.mark.parametrize(
    ("f", "shapes"), [(o[0], o[1:]) for o in OPERATIONS.values()], ids=OPERATIONS
)


@every_operation
@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_of_operators_agree_with_differences(f, shapes, create_graph):
    xs = variables(*shapes)
    y = f(*xs)
    dout = drawn(*y.shape, seed=9)
    found = gradients(f, xs, dout, create_graph=create_graph)
    for i, x in enumerate(xs):

        def value(array, i=i):
            arrays = [Variable(array if i == j else x.data) for j, x in enumerate(xs)]
            return f(*arrays).data

        numeric = numerical_gradient(value, x.data.copy(), dout)
        np.testing.assert_allclose(found[i], numeric, rtol=1e-8, atol=1e-9)


@every_operation
def test_second_derivatives_agree_with_differences(f, shapes):
    xs = variables(*shapes)
    dout = drawn(*f(*xs).shape, seed=9)
    directions = [drawn(*x.shape, seed=20 + i) for i, x in enumerate(xs)]

    def slope(xs):
        """Derivative of sum(f² · dout) in the given directions, which can be differentiated."""
        for x in xs:
            x.cleargrad()
        y = f(*xs)
        (y * y).backward(dout, create_graph=True)
        return sum((x.grad * d).sum() for x, d in zip(xs, directions))

    s = slope(xs)
    for x in xs:
        x.cleargrad()
    s.backward()
    for i, x in enumerate(xs):

        def value(array, i=i):
            return slope([Variable(array if i == j else x.data) for j, x in enumerate(xs)]).data

        numeric = numerical_gradient(value, x.data.copy(), np.ones(()))
        np.testing.assert_allclose(x.grad.data, numeric, rtol=1e-7, atol=1e-7)


@every_operation
@pytest.mark.parametrize("create_graph", [False, True])
def test_float32_stays_float32(f, shapes, create_graph, monkeypatch):
    monkeypatch.setitem(f.__globals__, "DTYPE", np.float32)  # of the arrays that stand in f
    xs = variables(*shapes, dtype=np.float32)
    assert f(*xs).dtype == np.float32
    for gradient in gradients(f, xs, create_graph=create_graph):
        assert gradient.dtype == np.float32


@every_operation
def test_a_constant_operand_gets_no_gradient(f, shapes):
    xs = variables(*shapes)
    wanted = gradients(f, xs)
    for i in range(len(xs)):
        constants = [
            x if i == j else Variable(x.data, requires_grad=False) for j, x in enumerate(xs)
        ]
        xs[i].cleargrad()
        f(*constants).backward()
        np.testing.assert_allclose(xs[i].grad.data, wanted[i], rtol=1e-12, atol=1e-12)
        assert all(x.grad is None for x in constants if x is not xs[i])


def test_every_elementary_operation_is_among_these():
    used = set()
    for f, *shapes in OPERATIONS.values():
        waiting = [f(*variables(*shapes)).creator]
        while waiting:
            node = waiting.pop()
            used.add(type(node))
            waiting += [x.creator for x in node.inputs if getattr(x, "creator", None)]
    nodes = {
        node
        for node in vars(elementary).values()
        if isinstance(node, type) and getattr(node, "pair", None)
    }
    assert len(nodes) == 18
    assert nodes <= used


def test_powers_at_zero():
    x = Variable(np.array([0.0, 2.0]))
    for n, slope in [(0, [0.0, 0.0]), (1, [1.0, 1.0]), (2, [0.0, 4.0]), (1.5, [0.0, 1.5 * 2**0.5])]:
        x.cleargrad()
        (x**n).backward()
        np.testing.assert_allclose(x.grad.data, slope)


def test_empty_arrays():
    x, w = variables((0, 3), (3, 4))
    (x @ w + 1.0).backward()
    assert x.grad.shape == (0, 3)
    np.testing.assert_array_equal(w.grad.data, np.zeros((3, 4)))
    assert float((x**-1 + x**0.5).sum()) == 0.0
    assert x[:0].sum(axis=0).shape == (3,)


def test_comparisons_are_those_of_the_values():
    a, b = Variable(np.array([-1.0, 0.0, 1.0, 2.0])), Variable(np.array([-1.0, 1.0, 0.0, 0.0]))
    for result, wanted in [
        (a < b, a.data < b.data),
        (a <= 0, a.data <= 0),
        (a > b.data, a.data > b.data),
        (a >= b, a.data >= b.data),
        (b.data > a, b.data > a.data),
        (operator.ge(0, a), a.data <= 0),
        (a == a, np.ones(4, bool)),
        (a != b, a.data != b.data),
    ]:
        assert type(result) is np.ndarray
        np.testing.assert_array_equal(result, wanted)


def test_what_a_variable_says_of_its_array():
    x = Variable(np.arange(6.0).reshape(2, 3))
    assert (x.shape, x.ndim, x.size, x.dtype, len(x)) == ((2, 3), 2, 6, np.float64, 2)
    assert [row.shape for row in x] == [(3,), (3,)]
    assert repr(x) == "Variable(array([[0., 1., 2.],\n                [3., 4., 5.]]))"
    assert repr(Variable([1.0])) == "Variable(array([1.]))"
    assert float(Variable([2.5]).sum()) == 2.5
    assert bool(Variable(1.0))
    assert not Variable([0.0])
    array = drawn(3)
    assert Variable(array).data is array


def test_a_mixed_dtype_is_cast_on_request():
    x, w = Variable(drawn(3, dtype=np.float32)), Variable(drawn(3, seed=1))
    (x.astype(np.float64) * w).backward()
    assert x.grad.dtype == np.float32
    np.testing.assert_allclose(x.grad.data, w.data, rtol=1e-7)
    y = x.astype(np.float32)
    assert not np.shares_memory(x.data, y.data)
