"""Time of functions that take turns, so that a change in the machine's load meets all of them."""

import math
import statistics
import time

SAMPLE = 0.005  # seconds that a sample takes at least: a function that takes less is called again
FEWEST, MOST = 9, 201  # rounds


def race(arms, seconds, clock=time.process_time):
    """Call every function in turn, round by round; return its times in all rounds.

    Parameters
    ----------
    arms : dict of str to callable
        Called without arguments, as often in a round as takes 5 ms.
    seconds : float
        How long the race should last; there are at least 9 rounds.  0 makes one call of each.
    clock : callable
        ``time.process_time`` is the processor's time: on a shared machine it does not count the
        others' turns.  Where threads share the work, it must be ``time.perf_counter``.

    Returns
    -------
    dict of str to list of float
        Seconds of a call, one number for each round.
    """
    calls, once = {}, {}
    for name, function in arms.items():
        function()  # memory is allocated, caches are filled
        once[name] = _seconds(function, 1, clock)
        if seconds:
            once[name] = min(once[name], _seconds(function, 1, clock))
        calls[name] = max(math.ceil(SAMPLE / max(once[name], 1e-9)), 1)
    if not seconds:
        return {name: [taken] for name, taken in once.items()}
    each = sum(calls[name] * once[name] for name in arms)
    rounds = min(max(round(seconds / each), FEWEST), MOST)
    times = {name: [] for name in arms}
    order = list(arms)
    for _ in range(rounds):
        for name in order:
            times[name].append(_seconds(arms[name], calls[name], clock))
        order.append(order.pop(0))  # no arm always comes after the same other one
    return times


def ratio(times, name, other):
    """Return the median over the rounds of the time of one arm divided by that of another."""
    return statistics.median(a / b for a, b in zip(times[name], times[other]))


def _seconds(function, calls, clock):
    start = clock()
    for _ in range(calls):
        function()
    return (clock() - start) / calls
