"""Cases of other shapes, and of parts of arrays."""

import numpy as np

import nnlayers
import reference.shapes as naive
from cases.case import Case, normal
from nnlayers import (
    Concatenate,
    Flatten,
    Pad,
    Reshape,
    Slice,
    Transpose,
    concatenate_backward,
    concatenate_forward,
)


def _case(name, layer, torch, shape, reference=None, **keywords):
    """Make a case of x (N, *shape); its pair is the first word of the name."""
    pair = name.partition(" ")[0]
    keywords = {"passes_through": True} | keywords
    return Case(
        name,
        getattr(nnlayers, f"{pair}_forward"),
        getattr(nnlayers, f"{pair}_backward"),
        normal(*shape),
        reference or getattr(naive, pair),
        layer,
        torch=torch,
        **keywords,
    )


def _concatenate(name, axis, *shapes, **keywords):
    def make(rng, N):
        return tuple(rng.standard_normal([N if n is None else n for n in s]) for s in shapes)

    return Case(
        name,
        concatenate_forward,
        concatenate_backward,
        make,
        naive.concatenate,
        lambda: Concatenate(axis=axis),
        settings={"axis": axis},
        batched=tuple(range(len(shapes))),
        passes_through=True,
        torch=lambda torch, *arrays: torch.cat(arrays, axis),
        **keywords,
    )


PART = np.s_[:, 1, 4:0:-2]

CASES = [
    _case("flatten", Flatten, lambda torch, x: x.flatten(1), (2, 3, 4)),
    _case(
        "reshape",
        lambda: Reshape(-1, 4, 3),
        lambda torch, x: x.reshape(-1, 4, 3),
        (2, 3, 2),
        settings={"shape": (-1, 4, 3)},
    ),
    _case(
        "transpose",
        lambda: Transpose(0, -1, 1, 2),
        lambda torch, x: x.permute(0, 3, 1, 2),
        (2, 3, 4),
        settings={"axes": (0, -1, 1, 2)},
    ),
    _case(
        "slice",
        lambda: Slice(PART),
        lambda torch, x: x[:, 1, [4, 2]],
        (3, 5, 2),
        naive.pick,
        settings={"index": PART},
        passes_through=False,
    ),
    _case(
        "pad",
        lambda: Pad((1, 0), (2, 3), value=0.5),
        lambda torch, x: torch.nn.functional.pad(x, (2, 3, 1, 0), value=0.5),
        (3, 2, 4),
        settings={"pad": ((1, 0), (2, 3)), "value": 0.5},
    ),
    _concatenate("concatenate", -1, (None, 2), (None, 3), (None, 4)),
    _concatenate("concatenate along axis 1", 1, (None, 2, 3), (None, 4, 3)),
    _concatenate("concatenate one array", -1, (None, 2)),
    _concatenate("concatenate along the batch", 0, (None, 3), (None, 3), per_example=False),
]
