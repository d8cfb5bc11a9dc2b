"""What importing the library costs: the time of a whole process, relative to importing NumPy.

``python benchmarks/import_time.py [ROUNDS]`` starts Python with each of the two imports in turn,
so that a change in the machine's load meets both, and prints the ratio of the medians.
"""

import statistics
import subprocess
import sys
import time

STATEMENTS = ("import numpy", "import nnlayers", "import nnlayers; nnlayers.Sequential")


def seconds(statement):
    """Return how long a process takes that does nothing but this."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


def main(rounds):
    """Measure and print."""
    for statement in STATEMENTS:  # so that the compiled files and the disk cache are there
        seconds(statement)
    times = {statement: [] for statement in STATEMENTS}
    for _ in range(rounds):
        for statement, measured in times.items():
            measured.append(seconds(statement))
    unit = statistics.median(times["import numpy"])
    for statement, measured in times.items():
        median = statistics.median(measured)
        print(f"{statement:40} {1000 * median:6.1f} ms  {median / unit:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 31)
