"""What the tests of the tape share."""

import numpy as np
import pytest

from nnlayers import Variable


def drawn(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def variables(*shapes, seed=0, dtype=np.float64):
    return [Variable(drawn(*shape, seed=seed + i, dtype=dtype)) for i, shape in enumerate(shapes)]


def gradients(f, xs, dout=None, **keywords):
    """Return the arrays of df/dx for each x."""
    for x in xs:
        x.cleargrad()
    f(*xs).backward(dout, **keywords)
    return [x.grad.data for x in xs]


def message(error, function, *arguments, **keywords):
    """Return the text of the error that a call raises."""
    with pytest.raises(error) as caught:
        function(*arguments, **keywords)
    assert type(caught.value) is error
    return str(caught.value)


# of an operation whose backward computes with arrays, asked for a second derivative
ONCE = (
    "Variable.backward: {} can be differentiated once, as its backward computes with arrays, but a "
    "second derivative goes through it; compose it of operators and functions that can be "
    "differentiated again (help(nnlayers.functions)), or write a Function whose backward computes "
    "with Variables"
)
