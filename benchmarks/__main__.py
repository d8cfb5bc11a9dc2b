"""Races the library against PyTorch: ``python -m benchmarks --help``."""

import argparse
import fnmatch
import os
import sys


def main(arguments=None):
    """Measure and print; return the exit status: 1 where a ratio is not what it must be."""
    options = _options(arguments)
    try:
        import sklearn  # noqa: F401
        import torch
    except ImportError as error:
        print(f"{error.name} is missing: pip install '.[bench]'", file=sys.stderr)
        return 2
    torch.set_num_threads(1)

    from benchmarks.growth import GROWTHS, shown
    from benchmarks.profiling import profile
    from benchmarks.table import Table, draw, machine, markdown, save
    from benchmarks.workload import Race
    from benchmarks.workloads import WORKLOADS

    names = [item.name for item in (*WORKLOADS, *GROWTHS)]
    chosen = _chosen(options.only, names)
    if isinstance(chosen, str):
        print(chosen, file=sys.stderr)
        return 2
    workloads = [workload for workload in WORKLOADS if workload.name in chosen]
    if options.profile:
        for workload in workloads:
            if isinstance(workload, Race):
                print("\n".join(profile(workload)), flush=True)
        return 0

    for key, value in machine().items():
        if isinstance(value, dict):
            value = ", ".join(f"{name} {version}" for name, version in value.items())
        print(f"{key}: {value}")
    table, rows, growths = Table(56), [], {}
    print(f"\n{table.head()}")
    for workload in workloads:
        for row in workload.measure(options.seconds):
            rows.append(row)
            print(table.row(row), flush=True)
    for growth in GROWTHS:
        if growth.name in chosen:
            times = growth.measure(options.seconds / 6)
            growths[growth.name] = {"sizes": growth.sizes, "seconds": times}
            print("\n" + "\n".join(shown(growth, times)), flush=True)
    if options.markdown:
        print("\n" + markdown(rows))
    if options.json:
        save(options.json, rows, growths)
    if options.picture:
        draw(options.picture, rows)
    return int(any(row.verdict == "MISSED" for row in rows))


def _options(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Race the library against PyTorch on one core. A ratio is a median over "
        "rounds, in each of which all take their turns; below 1 the library is faster.",
    )
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="these workloads; 'conv-*' is a pattern"
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="how long a race lasts")
    parser.add_argument("--json", metavar="FILE", help="save all numbers")
    parser.add_argument(
        "--picture",
        metavar="FILE",
        nargs="?",
        const="benchmarks.png",
        help="draw the ratios (to %(const)s)",
    )
    parser.add_argument("--markdown", action="store_true", help="print the table in Markdown too")
    parser.add_argument(
        "--profile", action="store_true", help="show where the time goes, instead of racing"
    )
    return parser.parse_args(arguments)


def _chosen(patterns, names):
    """Return the names that were meant, or a line that says which one there is not."""
    if patterns is None:
        return set(names)
    chosen = set()
    for pattern in patterns:
        found = fnmatch.filter(names, pattern)
        if not found:
            return f"no workload {pattern!r}; there are {', '.join(names)}"
        chosen.update(found)
    return chosen


if __name__ == "__main__":
    # before main imports NumPy: everything is measured on one core
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    sys.exit(main())
