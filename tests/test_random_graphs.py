"""Random graphs of operations, differentiated once and twice, against PyTorch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlayers.functions as F
from nnlayers import Variable

pytestmark = pytest.mark.oracle

# each operation for Variables and for tensors; an operand is first brought into [-1, 1] by tanh
# where it must be, so that the values of deep graphs stay in range
SHARED = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "negative": lambda a: -a,
    "affine of numbers": lambda a: 0.5 - 2 * a,
    "square": lambda a: a**2,
    "reciprocal": lambda a: 1.0 / (a * a + 1.0),
    "root": lambda a: (a * a + 1.0) ** 0.5,
    "first row": lambda a: a[0] if a.ndim else a,
    "last column, kept": lambda a: a[..., -1:] if a.ndim else a,
    "rows, some twice": lambda a: a[[0, -1, 0]] if a.ndim else a,
    "new axis": lambda a: a[None] if a.ndim < 3 else a,
    "mean": lambda a: a.mean(),
    "as a row": lambda a: a.reshape(1, -1),
}
OURS = SHARED | {
    "tanh": F.tanh,
    "divide": lambda a, b: a / F.exp(F.tanh(b)),
    "log": lambda a: F.log(F.exp(F.tanh(a)) + 1.0),
    "sum over the first": lambda a: a.sum(axis=0) if a.ndim else a,
    "mean over the last, kept": lambda a: a.mean(axis=-1, keepdims=True) if a.ndim else a,
    "transpose": lambda a: a.T,
    "matmul": lambda a, b: a @ b if fits(a, b) else F.broadcast_to(a, (2, *a.shape))[1],
    "where": lambda a, b: F.where(a > b, a, b * 2.0),
    "concatenate": lambda a: F.concatenate(a, a * 2.0, axis=0) if 0 < a.ndim < 3 else a,
}


def tensor_operations(torch):
    return SHARED | {
        "tanh": torch.tanh,
        "divide": lambda a, b: a / torch.exp(torch.tanh(b)),
        "log": lambda a: torch.log(torch.exp(torch.tanh(a)) + 1.0),
        "sum over the first": lambda a: a.sum(dim=0) if a.ndim else a,
        "mean over the last, kept": lambda a: a.mean(dim=-1, keepdim=True) if a.ndim else a,
        "transpose": lambda a: a.permute(tuple(reversed(range(a.ndim)))),
        "matmul": lambda a, b: a @ b if fits(a, b) else a.expand(2, *a.shape)[1],
        "where": lambda a, b: torch.where(a > b, a, b * 2.0),
        "concatenate": lambda a: torch.cat((a, a * 2.0), dim=0) if 0 < a.ndim < 3 else a,
    }


BINARY = ("add", "subtract", "multiply", "divide", "matmul", "where")
LEAVES = ((3, 4), (4,), (4, 3), (1, 4), ())


def fits(a, b):
    inner = 0 if b.ndim < 2 else b.ndim - 2
    return a.ndim > 0 and b.ndim > 0 and a.ndim + b.ndim < 5 and a.shape[-1] == b.shape[inner]


def broadcasts(a, b):
    try:
        return len(np.broadcast_shapes(tuple(a.shape), tuple(b.shape))) < 4
    except ValueError:
        return False


def run(operations, leaves, program, squash):
    """Return the results of a program: each line is an operation and which results it takes."""
    values = list(leaves)
    for name, i, j in program:
        a, b = values[i % len(values)], values[j % len(values)]
        if name not in BINARY:
            values.append(operations[name](squash(a)))
        elif name == "matmul" or broadcasts(a, b):
            values.append(operations[name](squash(a), squash(b)))
        else:
            values.append(squash(a))
    return values[len(leaves) :]


PROGRAMS = st.lists(
    st.tuples(st.sampled_from(sorted(OURS)), st.integers(0, 30), st.integers(0, 30)),
    min_size=1,
    max_size=12,
)


def directions(shapes, seed):
    return [np.random.default_rng((seed, i)).standard_normal(s) for i, s in enumerate(shapes)]


def close(found, wanted):
    scale = max(1.0, np.abs(wanted).max(initial=0.0))
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-10 * scale)


@settings(max_examples=200, deadline=None)
@given(program=PROGRAMS, seed=st.integers(0, 1000))
def test_first_and_second_derivatives_equal_pytorch(program, seed):
    torch = pytest.importorskip("torch")
    arrays = directions(LEAVES, seed)
    ours = [Variable(a) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    results = run(OURS, ours, program, F.tanh)
    wanted = run(tensor_operations(torch), theirs, program, torch.tanh)
    shapes = [r.shape for r in results]
    assert shapes == [tuple(r.shape) for r in wanted]
    for result, value in zip(results, wanted):
        close(result.data, value.detach().numpy())
    # a sum of all results, so that every value is used, some of them often
    douts = directions(shapes, seed + 1)
    our_sum = sum((r * d).sum() for r, d in zip(results, douts))
    their_sum = sum((r * torch.tensor(d)).sum() for r, d in zip(wanted, douts))
    plain = gradients(our_sum, ours, retain_graph=True)
    dxs = gradients(our_sum, ours, create_graph=True)
    their_dxs = torch.autograd.grad(their_sum, theirs, create_graph=True, allow_unused=True)
    for dx, again, their_dx in zip(plain, dxs, their_dxs):
        assert (dx is None) == (again is None) == (their_dx is None)
        if dx is not None:
            close(dx.data, their_dx.detach().numpy())
            close(again.data, their_dx.detach().numpy())
    # the derivative of the gradient in random directions
    ways = directions(LEAVES, seed + 2)
    slope = sum((dx * d).sum() for dx, d in zip(dxs, ways) if dx is not None)
    their_slope = sum((g * torch.tensor(d)).sum() for g, d in zip(their_dxs, ways) if g is not None)
    if not their_slope.requires_grad:  # all gradients are constants
        assert not slope.requires_grad
        return
    second = gradients(slope, ours)
    their_second = torch.autograd.grad(their_slope, theirs, allow_unused=True)
    for ddx, their_ddx in zip(second, their_second):
        found = 0.0 if ddx is None else ddx.data  # what is 0 may be left out by either
        close(found, 0.0 if their_ddx is None else their_ddx.numpy())


def gradients(y, xs, **keywords):
    for x in xs:
        x.cleargrad()
    y.backward(**keywords)
    return [x.grad for x in xs]
