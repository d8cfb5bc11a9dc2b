"""nnlayers.functions: every pair of the library as a function of Variables, by its own name."""

import inspect
import pydoc
import re
from dataclasses import replace

import numpy as np
import pytest

import nnlayers
import nnlayers.functions as F
from cases import CASES
from contract import arguments_of, close, identical, outs
from nnlayers import Variable, layers
from nnlayers.networks.graph import elementary
from tape import drawn, message

PAIRS = sorted(
    name.removesuffix("_forward")
    for name in layers.__all__
    if name.endswith("_forward") and name.removesuffix("_forward") + "_backward" in layers.__all__
)
AGAIN = {
    name
    for name in PAIRS
    for node in vars(elementary).values()
    if isinstance(node, type)
    and getattr(node, "pair", None)
    and node.pair[0] is getattr(layers, f"{name}_forward")
}
NO_PAIRS = {"broadcast_to", "sum_to"}

every_case = pytest.mark.parametrize("case", CASES, ids=str)


def name_of(case):
    return case.forward.__name__.removesuffix("_forward")


def on_tape(case, arguments):
    """Return the Variables among the arguments of a case and what the function makes of them."""
    where = case.differentiable(arguments)
    given = [Variable(a) if i in where else a for i, a in enumerate(arguments)]
    on_variables = replace(case, forward=getattr(F, name_of(case)))
    return [given[i] for i in where], on_variables.call(given)


def backward(out, dout, **keywords):
    """Run backward from one output, or from all of several at once."""
    if isinstance(out, tuple):
        total = sum((o * d).sum() for o, d in zip(out, dout))
        total.backward(**keywords)
    else:
        out.backward(dout, **keywords)


@every_case
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_function_equals_its_pair_to_the_bit(case, dtype):
    arguments = arguments_of(case, dtype=dtype)
    out, dout, wanted = case.run(arguments, rng=np.random.default_rng(1))
    xs, result = on_tape(case, arguments)
    identical(tuple(r.data for r in outs(result)), out)
    assert all(r.dtype == dtype for r in outs(result))
    backward(result, dout)
    identical(tuple(x.grad.data for x in xs), wanted)


@every_case
def test_gradients_that_are_recorded_are_the_same(case):
    arguments = arguments_of(case)
    _, dout, wanted = case.run(arguments, rng=np.random.default_rng(1))
    xs, result = on_tape(case, arguments)
    backward(result, dout, create_graph=True)
    close(tuple(x.grad.data for x in xs), wanted)


@pytest.mark.parametrize("case", [case for case in CASES if name_of(case) not in AGAIN], ids=str)
def test_a_wrapped_pair_refuses_a_second_derivative(case):
    arguments = arguments_of(case)
    _, dout, _ = case.run(arguments, rng=np.random.default_rng(1))
    xs, result = on_tape(case, arguments)
    backward(result, dout, create_graph=True)
    for x in xs:
        text = message(RuntimeError, (x.grad * 2.0).sum().backward)
        assert text.startswith(
            f"Variable.backward: {name_of(case)} can be differentiated once, as its backward "
            "computes with arrays, but a second derivative goes through it; compose it of "
        )


@every_case
def test_one_gradient_at_a_time(case):
    arguments = arguments_of(case)
    _, dout, wanted = case.run(arguments, rng=np.random.default_rng(1))
    where = case.differentiable(arguments)
    for i, gradient in zip(where, wanted):
        given = [Variable(a) if i == j else a for j, a in enumerate(arguments)]
        backward(getattr(F, name_of(case))(*given, **case.settings), dout)
        close(given[i].grad.data, gradient)


def test_every_pair_has_its_function():
    assert F.__all__ == sorted({*PAIRS, *NO_PAIRS})
    assert {name_of(case) for case in CASES} == set(PAIRS)
    for name in F.__all__:
        assert getattr(F, name).__name__ == name


def test_the_module_lists_what_can_be_differentiated_again():
    listed = re.search(r"with Variables: (.*?);", F.__doc__, re.DOTALL).group(1)
    assert set(re.findall(r"\w+", listed)) == AGAIN
    for name in NO_PAIRS:
        assert name in F.__doc__


@pytest.mark.parametrize("name", PAIRS)
def test_functions_are_documented_by_their_pairs(name):
    function, forward = getattr(F, name), getattr(nnlayers, f"{name}_forward")
    assert function.__module__ == "nnlayers.functions"
    assert inspect.signature(function) == inspect.signature(forward)
    text = function.__doc__
    assert text.splitlines()[0] == forward.__doc__.splitlines()[0]
    how = "can be differentiated again" if name in AGAIN else "is differentiated once"
    assert f"The pair :func:`nnlayers.{name}_forward` on Variables; it {how}.\n" in text
    found = re.findall(r"^([A-Z]\w+)\n---", text, re.MULTILINE)
    assert [title for title in found if title != "Notes"] == [
        "Parameters",
        "Returns",
        "Raises",
        "Source",
    ]
    assert "cache :" not in text
    assert "_backward` needs" not in text
    assert pydoc.plain(pydoc.render_doc(function)).count(f"\n{name}(") == 1


def test_a_net_of_functions_learns():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (200, 2))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    weights = [Variable(rng.normal(0, 0.7, s)) for s in [(2, 16), (16,), (16, 2), (2,)]]
    w1, b1, w2, b2 = weights
    for _ in range(150):
        loss = F.softmax_cross_entropy(F.affine(F.relu(F.affine(x, w1, b1)), w2, b2), y)
        for w in weights:
            w.cleargrad()
        loss.backward()
        for w in weights:
            w.data -= 1.0 * w.grad.data
    assert float(loss) < 0.15


def test_builtins_are_shadowed_in_the_module_alone():
    x = Variable(drawn(3, 4))
    np.testing.assert_array_equal(F.sum(x, axis=0).data, x.data.sum(axis=0))
    np.testing.assert_array_equal(F.max(x).data, x.data.max())
    np.testing.assert_array_equal(F.abs(x).data, abs(x.data))
    np.testing.assert_array_equal(F.slice(x, index=0).data, x.data[0])
