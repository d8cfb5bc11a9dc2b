"""Cases of the products with a matrix."""

import reference.affine as naive
from cases.case import Case, normal
from nnlayers import (
    Affine,
    MatMul,
    affine_backward,
    affine_forward,
    matmul_backward,
    matmul_forward,
)


def _matmul(name, x, w, **keywords):
    """Case of matmul with factors of fixed shapes; None in x stands for N."""
    return Case(
        name,
        matmul_forward,
        matmul_backward,
        lambda rng, N: (
            rng.standard_normal([N if size is None else size for size in x]),
            rng.standard_normal(w),
        ),
        naive.matmul,
        MatMul.of if len(w) == 2 else None,
        parameters=1,
        torch=lambda torch, x, w: torch.matmul(x, w),
        **keywords,
    )


CASES = [
    _matmul("matmul", (None, 3), (3, 4)),
    _matmul("matmul, square", (None, 6), (6, 6)),
    _matmul("matmul of a stack", (None, 2, 3), (3, 4)),
    _matmul("matmul of stacks", (None, 5, 2, 3), (5, 3, 4)),
    _matmul("matmul of broadcast stacks", (None, 1, 2, 3), (5, 3, 4)),
    _matmul("matmul by a vector", (None, 3), (3,)),
    _matmul("matmul of a vector", (3,), (3, 4), batched=(), per_example=False),
    _matmul("matmul of vectors", (3,), (3,), batched=(), per_example=False),
    Case(
        "affine",
        affine_forward,
        affine_backward,
        normal(3, parameters=[(3, 4), (4,)]),
        naive.affine,
        Affine.of,
        parameters=2,
        torch=lambda torch, x, w, b: torch.nn.functional.linear(x, w.T, b),
    ),
    Case(
        "affine, square",
        affine_forward,
        affine_backward,
        normal(6, parameters=[(6, 6), (6,)]),
        naive.affine,
        Affine.of,
        parameters=2,
        torch=lambda torch, x, w, b: torch.nn.functional.linear(x, w.T, b),
    ),
    Case(
        "affine without bias",
        affine_forward,
        affine_backward,
        normal(3, parameters=[(3, 4)]),
        naive.affine,
        Affine.of,
        parameters=1,
        torch=lambda torch, x, w: torch.nn.functional.linear(x, w.T),
    ),
    Case(
        "affine of images, b a row",
        affine_forward,
        affine_backward,
        normal(2, 3, 2, parameters=[(12, 5), (1, 5)]),
        naive.affine,
        Affine.of,
        parameters=2,
        torch=lambda torch, x, w, b: x.flatten(1) @ w + b,
    ),
]
