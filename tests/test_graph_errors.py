"""Every message of the tape, and that nothing is changed by what fails."""

import copy
import pickle

import numpy as np
import pytest

import nnlayers.functions as F
from nnlayers import Function, Variable, no_grad, relu_backward, relu_forward
from tape import drawn, message, variables

# ---- data that change


def test_weights_are_updated_in_place_after_backward():
    array = drawn(3)
    w = Variable(array)
    for _ in range(100):
        w.cleargrad()
        (w * w).sum().backward()
        w.data -= 0.1 * w.grad.data
    assert w.data is array
    assert np.abs(array).max() < 1e-8


WRITTEN = (
    "Variable.backward: the data of a Variable were assigned to after Multiply had read or made "
    "them; call backward before data change, or run forward again"
)


def test_data_assigned_after_use_are_noticed():
    x, y = variables((3,), (3,))
    z = x * y
    x.data -= 1.0
    assert message(RuntimeError, z.backward) == WRITTEN
    assert x.grad is None
    assert y.grad is None
    z = x * y
    y.data = drawn(3, seed=7)
    assert message(RuntimeError, z.backward) == WRITTEN
    z = x * y
    z.data *= 2.0  # a result
    assert message(RuntimeError, z.backward) == WRITTEN
    z = x * y
    loss = z.sum()
    z.data *= 2.0
    assert message(RuntimeError, loss.backward) in (WRITTEN, WRITTEN.replace("Multiply", "Sum"))
    z = x * y
    z.backward()
    assert x.grad is not None


def test_new_data_must_be_like_the_old():
    x = Variable(drawn(3))
    with pytest.raises(ValueError) as caught:
        x.data = np.zeros(4)
    assert str(caught.value) == (
        "Variable.data: new data must have the shape and dtype of the old: got old (3,), new (4,); "
        "make another Variable of it"
    )
    with pytest.raises(TypeError) as caught:
        x.data = np.zeros(3, np.float32)
    assert str(caught.value) == (
        "Variable.data: new data must have the shape and dtype of the old: got old (3,) float64, "
        "new (3,) float32; make another Variable of it"
    )
    x.data = [1.0, 2.0, 3.0]
    assert x.data.tolist() == [1.0, 2.0, 3.0]


def test_copies_keep_the_values_alone():
    x = Variable(drawn(3))
    y = x
    for _ in range(5000):
        y = y * 1.0
    for kept in (copy.deepcopy(y), pickle.loads(pickle.dumps(y))):
        np.testing.assert_array_equal(kept.data, y.data)
        assert not np.shares_memory(kept.data, y.data)
        assert kept.creator is None
        assert kept.requires_grad
    assert not copy.copy(Variable(drawn(3), requires_grad=False)).requires_grad


# ---- errors


def test_integers_are_refused():
    assert message(TypeError, Variable, np.array([1, 2])) == (
        "Variable: data must be floating-point, not int64: got data (2,) int64; data.astype(float) "
        "makes it floating-point; labels and indices are passed to functions as arrays"
    )
    assert message(TypeError, Variable, np.array([True])) == (
        "Variable: data must be floating-point, not bool: got data (1,) bool; data.astype(float) "
        "makes it floating-point"
    )
    x = Variable(drawn(2))
    assert message(TypeError, lambda: x * np.array([1, 2])) == (
        "multiply_forward: b must be floating-point, not int64: got a (2,) float64, b (2,) int64; "
        "b.astype(float) makes it floating-point"
    )
    assert "b must be floating-point, not bool" in message(TypeError, lambda: x * True)
    assert message(TypeError, x.astype, int) == (
        "Cast.forward: must return floating-point arrays, not (2,) int64; what has no gradient, "
        "such as labels, is computed from x.data"
    )


def test_a_variable_of_a_variable_is_refused():
    assert message(TypeError, Variable, Variable([1.0])) == (
        "Variable: data is a Variable already; pass x.data"
    )


def test_mixed_dtypes_are_refused():
    x, w = Variable(np.ones((2, 3))), Variable(np.ones((3, 4), np.float32))
    assert message(TypeError, lambda: x @ w) == (
        "matmul_forward: w is float32 but x is float64: got x (2, 3) float64, w (3, 4) float32; "
        "w.astype(np.float64) or x.astype(np.float32)"
    )
    assert message(TypeError, lambda: np.ones(3) * w.T[0]).startswith("multiply_forward: b is")


def test_numpy_does_not_take_variables():
    x = Variable(drawn(2))
    wanted = (
        "Variable: NumPy and the pairs compute with arrays and would lose the gradient: got x (2,) "
        "float64; nnlayers.functions has functions of Variables; x.data is the array"
    )
    assert message(TypeError, np.asarray, x) == wanted
    assert message(TypeError, np.array, [x]) == wanted
    from nnlayers import relu_forward

    assert message(TypeError, relu_forward, x) == wanted
    with pytest.raises(TypeError, match="does not support ufuncs"):
        np.exp(x)
    with pytest.raises(TypeError):
        drawn(2).__iadd__(x)


def test_backward_on_what_needs_no_gradient():
    x = Variable(drawn(3))
    with no_grad():
        y = x * x
    constant = Variable(drawn(3), requires_grad=False)
    (x * x).backward()
    wanted = (
        "Variable.backward: the Variable needs no gradient: got variable (3,); it was computed "
        "from constants alone, within no_grad(), or by a backward without create_graph=True; or "
        "made with requires_grad=False"
    )
    for v in (y, constant, constant * 2.0, F.relu(constant), x.grad):
        assert message(RuntimeError, v.backward) == wanted


def test_a_graph_that_was_freed():
    x = Variable(drawn(3))
    h = F.relu(x)
    y = h * 2.0
    y.backward()
    before = x.grad
    wanted = (
        "Variable.backward: the graph was freed at {} by an earlier backward; run forward again, "
        "or call the earlier backward with retain_graph=True"
    )
    assert message(RuntimeError, y.backward) == wanted.format("Multiply")
    assert message(RuntimeError, (h + x).backward) == wanted.format("relu")
    assert x.grad is before


def test_dout_of_the_wrong_shape_or_kind():
    y = Variable(drawn(2, 3)) * 2.0
    assert message(ValueError, y.backward, np.ones(3)) == (
        "Variable.backward: dout must have the shape of the Variable, (2, 3): got dout (3,); dout "
        "is the gradient of the loss with respect to it; left out, it is all ones"
    )
    assert message(TypeError, y.backward, "no") == (
        "Variable.backward: dout must be real numbers, not <U2: got variable (2, 3) float64"
    )
    assert message(TypeError, y.backward, 1j * np.ones((2, 3))) == (
        "Variable.backward: dout must be real numbers, not complex128: got variable (2, 3) float64"
    )
    y.backward(np.ones((2, 3)))  # it was not freed


def test_powers_that_are_no_numbers():
    x = Variable(np.array([4.0, 0.0, -1.0]))
    assert message(ValueError, lambda: x**-1) == (
        "Variable.__pow__: 1 of 3 entries of x are 0, of which the power -1 is infinite: got x "
        "(3,); keep x away from 0"
    )
    assert message(ValueError, lambda: x**0.5) == (
        "Variable.__pow__: the least entry of x is -1, of which the power 0.5 is no number: got x "
        "(3,); only whole powers take negative x"
    )
    root = Variable(np.array([4.0, 0.0])) ** 0.5  # its slope at 0 is infinite
    assert message(ValueError, root.backward).startswith("Variable.__pow__: 1 of 2 entries of x")
    for exponent in (x, np.inf, "2", None):
        text = message(TypeError, lambda exponent=exponent: x**exponent)
        assert text.startswith("Variable.__pow__: the exponent must be a finite number, not ")
        assert text.endswith(
            ": got x (3,) float64; exp(n * log(x)) of nnlayers.functions takes Variables and arrays"
        )
    with pytest.raises(TypeError, match="unsupported operand"):
        2**x  # noqa: B018


def test_an_index_that_does_not_fit():
    x = Variable(drawn(2, 3))
    assert message(ValueError, lambda: x[5]) == (
        "Variable.__getitem__: index 5 does not fit x (index 5 is out of bounds for axis 0 with "
        "size 2): got x (2, 3)"
    )
    with pytest.raises(TypeError, match="does not support item assignment"):
        x[0] = 1.0


def test_shapes_that_do_not_fit():
    x = Variable(drawn(2, 3))
    assert message(ValueError, lambda: x + np.ones(4)) == (
        "add_forward: a and b do not broadcast: got a (2, 3), b (4,); axes, counted from the last, "
        "must be equal or 1"
    )
    assert message(ValueError, F.broadcast_to, x, (3, 2)) == (
        "broadcast_to: (2, 3) does not broadcast to (3, 2): got x (2, 3); axes, counted from the "
        "last, must be equal or 1 in the smaller shape"
    )
    assert message(ValueError, F.sum_to, x, (2, 2)) == (
        "sum_to: (2, 2) does not broadcast to (2, 3): got x (2, 3); axes, counted from the last, "
        "must be equal or 1 in the smaller shape"
    )
    assert message(ValueError, F.broadcast_to, Variable([1.0]), ()).startswith("broadcast_to: (1,)")


@pytest.mark.parametrize("name", ["broadcast_to", "sum_to"])
def test_broadcasting_of_something_else(name):
    f = getattr(F, name)
    assert f(2.0, ()).data == 2.0
    for shape in (5, (2.0,), "ab", None):
        assert message(TypeError, f, Variable(drawn(5)), shape) == (
            f"{name}: shape must be a tuple of integers, not {shape!r}: got x (5,) float64"
        )
    assert message(TypeError, f, None, (2,)) == f"{name}: x is None; pass an array"
    assert message(TypeError, f, np.ones(2, int), (2,)) == (
        f"{name}: x must be floating-point, not int64: got x (2,) int64; x.astype(float) makes it "
        "floating-point"
    )


def test_a_list_of_variables_is_refused():
    xs = variables((2, 3), (2, 3))
    for given in (xs, tuple(xs)):
        for f in (F.concatenate, F.relu, Function.from_pair(relu_forward, relu_backward)):
            assert message(TypeError, f, given) == (
                f"Variable: a {type(given).__name__} of Variables is no operand, as no gradient "
                "would reach them; pass them one after the other, as in F.concatenate(*variables)"
            )
    F.concatenate(*xs, axis=0).backward()
    np.testing.assert_array_equal(xs[1].grad.data, np.ones((2, 3)))
