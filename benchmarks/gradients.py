"""Gradient checks of an affine layer, 64 to 32 features, 16 examples, in float64.

PyTorch's gradcheck takes every entry by two evaluations in its slow mode, and one random direction
in its fast mode.
"""

import numpy as np

from benchmarks.agreement import Disagreement, agree
from benchmarks.workload import OURS, Race
from nnlayers import affine_backward, affine_forward, check_gradients, numerical_gradient

STEP = 1e-5


class Layer:
    """The layer at random points, here and in PyTorch."""

    def __init__(self):
        import torch

        rng = np.random.default_rng(0)
        self.arrays = rng.normal(size=(16, 64)), rng.normal(size=(64, 32)), rng.normal(size=32)
        self.dout = rng.normal(size=(16, 32))
        x, w, b = self.arrays
        self.tensors = [torch.tensor(a, requires_grad=True) for a in (x, w.T.copy(), b)]

    def forward(self, _=None):
        """Return out; the argument is one of the arrays, which lie where they are."""
        return affine_forward(*self.arrays)[0]

    def numerical(self, **settings):
        """Return a function that makes the gradients of all entries by differences."""

        def arm():
            return [
                numerical_gradient(self.forward, array, self.dout, **settings)
                for array in self.arrays
            ]

        return arm

    def gradcheck(self, fast):
        """Return a function that makes PyTorch check the layer."""
        import torch

        def arm():
            return torch.autograd.gradcheck(
                torch.nn.functional.linear, self.tensors, fast_mode=fast
            )

        return arm

    def compared(self, arms):
        """Return the arms after showing that every numerical gradient is right."""
        _, cache = affine_forward(*self.arrays)
        wanted = dict(zip(("dx", "dw", "db"), affine_backward(self.dout, cache)))
        for name, arm in arms.items():
            result = arm()
            if isinstance(result, list):
                agree(dict(zip(wanted, result)), wanted, 1e-7)
            elif not result:
                raise Disagreement(f"{name} finds the layer wrong")
        return arms


def every_entry():
    """Build the arms that take every entry by two evaluations."""
    layer = Layer()
    return layer.compared(
        {
            OURS: layer.numerical(h=STEP),
            "gradcheck": layer.gradcheck(fast=False),
        }
    )


def estimated():
    """Build the arms of numerical gradients whose error is estimated."""
    layer = Layer()
    return layer.compared({OURS: layer.numerical(), "gradcheck": layer.gradcheck(fast=False)})


def verdict():
    """Build the arms that only say whether the layer is right."""
    layer = Layer()

    def ours():
        return check_gradients((affine_forward, affine_backward), *layer.arrays).ok

    return layer.compared({OURS: ours, "gradcheck fast": layer.gradcheck(fast=True)})


WORKLOADS = (
    Race(
        "gradient-entries",
        "numerical gradient, h = 1e-5, every entry",
        every_entry,
        {"gradcheck": (0.10, 0.08)},
    ),
    Race(
        "gradient-errors",
        "numerical gradient with error estimates",
        estimated,
        {"gradcheck": (None, None)},
    ),
    Race(
        "gradient-check",
        "check_gradients of a right layer",
        verdict,
        {"gradcheck fast": (0.6, 0.3)},
    ),
)
