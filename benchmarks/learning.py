"""Train the worked examples with several seeds; print how much they have learned, and the time.

    python benchmarks/learning.py [NAME ...] [--seeds N]

What is counted are right answers on examples that no net has learned from, and that nothing was
chosen by.  The time is that of the training, its measurements after each epoch included.  The
matrices are too small to be worth two threads: OPENBLAS_NUM_THREADS=1 makes it faster.
"""

import argparse
import statistics
import time

from nnlayers.worked import NAMES, named, prepare


def measure(example, seed, epochs=None):
    """Train one net; return which part of its answers is right, and the seconds."""
    solver, test = prepare(example, seed, epochs=epochs)
    start = time.perf_counter()
    solver.train()
    seconds = time.perf_counter() - start
    return float(example.right(solver.net, *test).mean()), seconds


def row(name, what, results):
    """Return a line of the table: of the seeds the median and the worst, and the time."""
    parts, seconds = zip(*results)
    return (
        f"{name:12} {statistics.median(parts):8.2%} {min(parts):8.2%} "
        f"{statistics.median(seconds):9.1f}   {what}"
    )


def main(argv=None):
    """Print a line for each net, as soon as it is trained."""
    parser = argparse.ArgumentParser(description="Measure how much the worked examples learn.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)} (default: all)"
    )
    parser.add_argument("--seeds", type=int, default=3, help="how many nets of each (default: 3)")
    parser.add_argument("--epochs", type=int, help="instead of each net's own number")
    options = parser.parse_args(argv)
    for name in options.names:
        if name not in NAMES:
            parser.error(f"there is no {name!r}, only {', '.join(NAMES)}")
    if options.seeds < 1:
        parser.error(f"--seeds must be at least 1, not {options.seeds}")
    print(f"{'net':12} {'median':>8} {'worst':>8} {'seconds':>9}   of {options.seeds} seeds")
    for name in options.names or NAMES:
        example = named(name)
        results = [measure(example, seed, options.epochs) for seed in range(options.seeds)]
        print(row(name, example.MEASURE, results), flush=True)


if __name__ == "__main__":
    main()
