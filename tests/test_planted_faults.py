"""The gradient rule can fail: five faults, planted into every case by itself, are all found."""

import numpy as np
import pytest

from cases import CASES
from contract import N, arguments_of, gradient_rule, outs


def transposed(case, gradients, dout, cache):
    return [g.T.reshape(g.shape) if g.ndim > 1 else g[::-1] if g.ndim else g for g in gradients]


def negated(case, gradients, dout, cache):
    return [-g for g in gradients]


def a_thousandth_too_large(case, gradients, dout, cache):
    return [1.001 * g for g in gradients]


def not_divided_by_n(case, gradients, dout, cache):
    return [N * g for g in gradients]


def one_example_instead_of_their_sum(case, gradients, dout, cache):
    """Give the first example's part of each gradient that is a sum over the batch."""
    only_first = []
    for d in outs(dout):
        kept = np.array(d)
        if kept.ndim:
            kept[1:] = 0.0
        only_first.append(kept)
    parts = case.gradients(tuple(only_first) if isinstance(dout, tuple) else only_first[0], cache)
    first = len(gradients) - case.parameters
    return [parts[i] if i >= first else g for i, g in enumerate(gradients)]


FAULTS = [
    transposed,
    negated,
    a_thousandth_too_large,
    not_divided_by_n,
    one_example_instead_of_their_sum,
]

# Where a fault changes nothing, because nothing of its kind is in the backward.
CANNOT_APPLY = {
    "transposed": {
        "sum": "every entry of dx is the same",
        "mean": "every entry of dx is the same",
    },
    "one_example_instead_of_their_sum": {
        "matmul of vectors": "out is a number: no gradient is a sum",
    }
    | {case.name: "no gradient is a sum over the batch" for case in CASES if not case.parameters},
}


# No choice of sizes makes these square: they stand for several square ones, side by side.
NEVER_SQUARE = {
    "multi_head_attention_backward": {"wqkv"},
    "lstm_step_backward": {"wh"},
    "lstm_backward": {"wh"},
    "gru_step_backward": {"wh"},
    "gru_backward": {"wh"},
}


def plant(case, fault):
    """Return the case's backward with one fault in it."""

    def backward(dout, cache):
        return tuple(fault(case, case.gradients(dout, cache), dout, cache))

    return backward


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_planted_fault_is_found(case, fault):
    if case.name in CANNOT_APPLY.get(fault.__name__, {}):
        gradient_rule(case, plant(case, fault))  # it changes nothing indeed
    else:
        with pytest.raises(AssertionError):
            gradient_rule(case, plant(case, fault))


def test_each_single_gradient_is_judged():
    for case in CASES:
        for i in range(len(case.differentiable(arguments_of(case)))):

            def one_wrong(case, gradients, dout, cache, i=i):
                return [1.001 * g if k == i else g for k, g in enumerate(gradients)]

            with pytest.raises(AssertionError):
                gradient_rule(case, plant(case, one_wrong))


def matrices(case):
    """Yield each weight of two or more axes: the case, which gradient is its, name and shape."""
    arguments = arguments_of(case)
    for i, position in enumerate(case.differentiable(arguments)):
        name, shape = case.names[position], arguments[position].shape
        if name.startswith("w") and len(shape) > 1:
            yield case, i, name, shape


MATRICES = [matrix for case in CASES for matrix in matrices(case)]


@pytest.mark.parametrize(
    "pair", {case.backward: None for case, *_ in MATRICES}, ids=lambda pair: pair.__name__
)
def test_a_gradient_that_is_transposed_only_where_it_is_square_is_found(pair):
    own = [matrix for matrix in MATRICES if matrix[0].backward is pair]
    squares = [(case, i, name) for case, i, name, shape in own if shape[0] == shape[1]]
    names = {name for _, _, name, _ in own} - NEVER_SQUARE.get(pair.__name__, set())
    assert names == {name for _, _, name in squares}
    for case, i, _ in squares:

        def one_transposed(case, gradients, dout, cache, i=i):
            return [g.swapaxes(0, 1) if k == i else g for k, g in enumerate(gradients)]

        with pytest.raises(AssertionError, match=" is off by "):
            gradient_rule(case, plant(case, one_transposed))


def test_the_exceptions_name_cases():
    names = {case.name for case in CASES}
    for exceptions in CANNOT_APPLY.values():
        assert set(exceptions) <= names
