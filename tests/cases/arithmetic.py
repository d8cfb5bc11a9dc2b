"""Cases of the arithmetic of two arrays."""

import numpy as np

import nnlayers
import reference.arithmetic as naive
from cases.case import Case
from nnlayers import Add, Divide, Multiply, Subtract, Where, where_backward, where_forward

SHAPES = {
    "of one shape": (None, 3, 4),
    "with a row": (4,),
    "with a column": (None, 3, 1),
    "with a stack": (3, 4),
}


def _cases(name, layer):
    """Make the cases of an operation, one for each way in which b broadcasts; b is away from 0."""
    for way, shape in SHAPES.items():

        def make(rng, N, shape=shape):
            shape = [N if n is None else n for n in shape]
            signs = rng.choice([-1.0, 1.0], shape)
            return rng.standard_normal((N, 3, 4)), signs * rng.uniform(0.5, 2.0, shape)

        yield Case(
            f"{name} {way}",
            getattr(nnlayers, f"{name}_forward"),
            getattr(nnlayers, f"{name}_backward"),
            make,
            getattr(naive, name),
            layer,
            batched=(0, 1) if None in shape else (0,),
            torch=lambda torch, a, b: getattr(torch, name)(a, b),
        )


def _both_broadcast(rng, N):
    return rng.standard_normal((N, 1, 4)), rng.uniform(0.5, 2.0, (3, 1))


def _choices(rng, N):
    return rng.random((N, 3, 4)) < 0.4, rng.standard_normal((N, 3, 4)), rng.standard_normal((3, 4))


CASES = [
    *_cases("add", Add),
    *_cases("subtract", Subtract),
    *_cases("multiply", Multiply),
    *_cases("divide", Divide),
    Case(
        "divide where both broadcast",
        nnlayers.divide_forward,
        nnlayers.divide_backward,
        _both_broadcast,
        naive.divide,
        Divide,
        torch=lambda torch, a, b: a / b,
    ),
    Case(
        "where",
        where_forward,
        where_backward,
        _choices,
        naive.where,
        Where,
        batched=(0, 1),
        torch=lambda torch, condition, a, b: torch.where(torch.as_tensor(condition), a, b),
    ),
    Case(
        "where of a row",
        where_forward,
        where_backward,
        lambda rng, N: (np.arange(4) > 1, *_choices(rng, N)[1:]),
        naive.where,
        Where,
        batched=(1,),
        torch=lambda torch, condition, a, b: torch.where(torch.as_tensor(condition), a, b),
    ),
]
