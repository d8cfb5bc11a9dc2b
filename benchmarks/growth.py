"""How the time of a training step grows with the batch, the width and the number of time steps.

The exponent e of time ~ size^e is the slope of a straight line through the logarithms.  At the
small end calls cost more than arithmetic; the last doubling shows what growth tends to.
"""

import math
import statistics
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.dense import mlp, steps
from benchmarks.sequences import lstm, transformer_block
from benchmarks.timing import race
from benchmarks.workload import OURS


class Growth(NamedTuple):
    """A workload of growing size: ``build(size)`` makes the arms."""

    name: str
    what: str
    sizes: tuple
    build: Callable

    def measure(self, seconds):
        """Return the seconds of every arm at every size: ``{arm: [...]}``."""
        times = {}
        for size in self.sizes:
            for arm, taken in race(self.build(size), seconds).items():
                times.setdefault(arm, []).append(statistics.median(taken))
        return times


def exponent(sizes, times):
    """Return the slope of the logarithm of the times over that of the sizes, by least squares."""
    x, y = np.log(sizes), np.log(times)
    x = x - x.mean()
    return float(x @ y / (x @ x))


def last_doubling(sizes, times):
    """Return the exponent of the largest size alone, against the one before."""
    return math.log(times[-1] / times[-2]) / math.log(sizes[-1] / sizes[-2])


def doublings(first, last):
    """Return first, 2 first, ... up to last."""
    return tuple(first << k for k in range((last // first).bit_length()))


def step(batch, width):
    """Build the arms of a step of an MLP of three layers."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((batch, width), np.float32)
    return steps(mlp((width, width, width, 10)), x, rng.integers(0, 10, batch))


GROWTHS = (
    Growth("growth-batch", "MLP 256-256-256-10: batch", doublings(8, 4096), lambda n: step(n, 256)),
    Growth("growth-width", "MLP, batch 64: width", doublings(32, 2048), lambda n: step(64, n)),
    Growth("growth-lstm", "LSTM, D = H = 128, N = 32: T", doublings(8, 512), lambda n: lstm(T=n)),
    Growth(
        "growth-transformer",
        "GPT block, d = 128, N = 8: T",
        doublings(8, 512),
        lambda n: transformer_block(T=n),
    ),
)


def shown(growth, times):
    """Return the lines that show the times and the exponents."""
    head = f"{growth.what} {growth.sizes[0]} to {growth.sizes[-1]}"
    lines = [head, "  " + " ".join(f"{size:>9}" for size in ("", *growth.sizes))]
    for arm, taken in times.items():
        cells = " ".join(f"{1000 * seconds:9.3f}" for seconds in taken)
        e, last = exponent(growth.sizes, taken), last_doubling(growth.sizes, taken)
        lines.append(f"  {arm:>9} {cells} ms   exponent {e:.2f}, last doubling {last:.2f}")
    ratios = (a / b for a, b in zip(times[OURS], times["torch"]))
    lines.append(f"  {'ratio':>9} " + " ".join(f"{value:9.2f}" for value in ratios))
    return lines
