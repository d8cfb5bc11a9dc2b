"""Where the time of our arm of a workload goes, function by function."""

import cProfile
import io
import pstats
import time
from pathlib import Path

SHOWN = 10


def profile(race, seconds=2.0):
    """Return lines of our arm's functions: share of the time in the function itself, and calls.

    A product written ``a @ b`` counts as the function in which it stands.  The profiler makes
    calls slower, so that small nets look as if calls were more of their time than they are.
    """
    arm = next(iter(race.build().values()))
    arm()
    profiler = cProfile.Profile(time.process_time)
    runs, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        profiler.runcall(arm)
        runs += 1
    stats = pstats.Stats(profiler, stream=io.StringIO())
    entries = sorted(stats.stats.items(), key=lambda item: -item[1][2])
    lines = [f"{race.name}: {1e3 * stats.total_tt / runs:.3f} ms, of which"]
    for (file, _, name), (_, calls, own, _, _) in entries[:SHOWN]:
        place = "" if file == "~" else f"  ({Path(file).name})"
        lines.append(f"  {own / stats.total_tt:6.1%}  {calls / runs:7.1f} calls  {name}{place}")
    return lines
