"""What a workload is, and the row of the table that it becomes."""

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.timing import race, ratio

OURS = "nnlayers"


class Row(NamedTuple):
    """A measured number, and what it should be at most.

    ``ours`` and ``theirs`` are medians in seconds, or in what ``unit`` says; ``others`` are further
    arms in the same unit, for information.
    """

    name: str
    what: str
    peer: str
    ours: float
    theirs: float | None
    value: float
    unit: str = "ratio"
    must: float | None = None
    aim: float | None = None
    others: dict = {}

    @property
    def verdict(self):
        """What the value says: at most the aim, at most what it must be, or missed."""
        if self.must is None:
            return "reported"
        if self.value > self.must:
            return "MISSED"
        return "must" if self.aim is not None and self.value > self.aim else "aim"


class Race(NamedTuple):
    """A workload in which the library races others.

    ``build`` makes the arms, the first of which is the library's: functions without arguments by
    name.  It raises Disagreement unless they compute the same.  ``bounds`` says for each peer what
    the ratio must be, and what is aimed at; None and None is only reported.
    """

    name: str
    what: str
    build: Callable
    bounds: dict
    clock: Callable = time.process_time

    def measure(self, seconds):
        """Let the arms race for so many seconds; return a row for each peer."""
        times = race(self.build(), seconds, self.clock)
        medians = {arm: statistics.median(taken) for arm, taken in times.items()}
        others = {arm: m for arm, m in medians.items() if arm != OURS and arm not in self.bounds}
        return [
            Row(
                self.name,
                self.what,
                peer,
                medians[OURS],
                medians[peer],
                ratio(times, OURS, peer),
                must=must,
                aim=aim,
                others=others,
            )
            for peer, (must, aim) in self.bounds.items()
        ]


class Measurement(NamedTuple):
    """A workload that is measured in its own way: ``measure(seconds)`` returns the rows."""

    name: str
    what: str
    measure: Callable
