"""One backward pass to be judged, and what is true of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Specimen:
    """A pair of functions, inputs for it, and the verdict that a checker must reach.

    `make(rng)` returns fresh positional arguments of `forward`; `options` are its keywords.
    `backward(dout, cache)` claims one gradient for each floating-point array among the
    arguments, in forward's order, except those named y, target(s), label(s) or mask.

    `wrong` holds the gradients whose values are wrong ("dw",). A gradient that is missing, or
    right but in the wrong container, shape or type, is a matter of `cause` alone.
    `cause` is what a careful teaching assistant would name first, None if all is well;
    `also` holds causes that would be a fair description too.
    """

    name: str
    forward: Callable
    backward: Callable
    make: Callable
    options: dict = field(default_factory=dict)
    wrong: tuple = ()
    cause: str | None = None
    also: tuple = ()
    wrt: object = None


CAUSES = (
    "sign_flip",
    "constant_scale",
    "batch_scale",
    "transposed",
    "rearranged",
    "swapped_outputs",
    "missing_reduction",
    "wrong_axis",
    "dout_ignored",
    "dout_nonlinear",
    "chain_factor",
    "missing_path",
    "wrong_tensor",
    "wrong_mask",
    "kink_value",
    "overwrite_not_accumulate",
    "wrong_index",
    "partial_fill",
    "wrong_formula",
    "precision_loss",
    "mutates_or_aliases",
    "nondeterministic",
    "stale_cache",
    "bad_output",
    "nonfinite",
    "unknown",
)


def normal(*shapes):
    """Inputs: one standard normal array for each shape."""

    def make(rng):
        return tuple(rng.standard_normal(shape) for shape in shapes)

    return make


def positive(*shapes):
    """Inputs: one array for each shape, uniform between 0.4 and 2.4."""

    def make(rng):
        return tuple(rng.uniform(0.4, 2.4, shape) for shape in shapes)

    return make


def labelled(n, classes):
    """Inputs: scores (n, classes) and one label for each row, first and last class among them."""

    def make(rng):
        y = rng.integers(0, classes, n)
        y[0], y[-1] = 0, classes - 1
        return rng.standard_normal((n, classes)), y

    return make
