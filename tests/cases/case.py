"""What a case says about a pair, so that every rule of the contract can be run over it."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from nnlayers.gradients.subject import NOT_DIFFERENTIATED


@dataclass(frozen=True, eq=False)  # each is itself alone, so that it can be a key
class Case:
    """One pair, with one choice of settings.

    ``make(rng, N)`` returns the positional arguments of forward for a batch of N, in float64 and
    away from kinks.  All sizes are distinct, so that a transposed or permuted result cannot pass;
    in the cases named square they are equal, so that none can hide behind a look at the shapes.
    """

    name: str
    forward: Callable
    backward: Callable
    make: Callable  # (rng, N) -> tuple of positional arguments
    reference: Callable  # naive and independent: (*arguments, **settings) -> out
    layer: Callable  # (*parameters) -> the layer object with these very values
    settings: dict = field(default_factory=dict)
    parameters: int = 0  # how many of the last differentiable arguments are parameters
    batched: tuple = (0,)  # positions of the arguments that have a batch axis first
    batched_settings: tuple = ()  # names of the settings that have one
    per_example: bool = True  # out[n] depends on example n alone
    empty: bool = True  # N = 0 works; else it must raise
    passes_through: bool = False  # dx may be a view of dout
    torch: Callable | None = None  # (torch, *tensors) -> out

    def __str__(self):
        return self.name

    @property
    def names(self):
        """Names of forward's arguments, where ``*arrays`` stands for ``arrays[0]`` and so on."""
        names = []
        for name, parameter in inspect.signature(self.forward).parameters.items():
            several = parameter.kind is parameter.VAR_POSITIONAL
            names += [f"{name}[{i}]" for i in range(9)] if several else [name]
        return names

    def differentiable(self, arguments):
        """Positions of the arguments that get a gradient."""
        return [
            i
            for i, argument in enumerate(arguments)
            if isinstance(argument, np.ndarray)
            and argument.dtype.kind == "f"
            and self.names[i] not in NOT_DIFFERENTIATED
        ]

    def of_rows(self, rows):
        """Return the case of some examples: settings that have a batch axis keep these rows."""
        kept = {name: self.settings[name][rows] for name in self.batched_settings}
        return replace(self, settings=self.settings | kept) if kept else self

    def call(self, arguments):
        """Call forward, with running statistics in the dtype of its first argument."""
        settings = self.settings
        if "running" in settings:
            running = {k: v.astype(arguments[0].dtype) for k, v in settings["running"].items()}
            settings = settings | {"running": running}
        return self.forward(*arguments, **settings)

    def run(self, arguments, dout=None, rng=None):
        """Return out, dout and the gradients as a tuple; dout is drawn from rng if not given."""
        out, cache = self.call(arguments)
        if dout is None:
            dout = self.draw(out, rng)
        return out, dout, self.gradients(dout, cache)

    def gradients(self, dout, cache, **options):
        """Return backward's gradients as a tuple."""
        gradients = self.backward(dout, cache, **options)
        return gradients if isinstance(gradients, tuple) else (gradients,)

    @staticmethod
    def draw(out, rng):
        """Draw a random dout in the form of out."""
        if isinstance(out, tuple):
            return tuple(Case.draw(part, rng) for part in out)
        return rng.standard_normal(np.shape(out)).astype(out.dtype)


def normal(*shape, parameters=()):
    """Make arguments: x of shape (N, *shape) and parameters of the given shapes."""

    def make(rng, N):
        return tuple(rng.standard_normal(s) for s in ((N, *shape), *parameters))

    return make


def away_from(*kinks, shape=(3, 4)):
    """Make an x of shape (N, *shape) whose entries keep 0.1 away from the kinks."""

    def make(rng, N):
        x = 2.0 * rng.standard_normal((N, *shape))
        for kink in kinks:
            x = np.where(np.abs(x - kink) < 0.1, kink + 0.1 + np.abs(x - kink), x)
        return (x,)

    return make
