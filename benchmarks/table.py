"""The results as a table, as a file and as a picture."""

import datetime
import json
import os
import platform
from pathlib import Path

HEAD = ("workload", "ours", "theirs", "ratio", "must", "aim", "verdict")
RIGHT = slice(1, 6)  # columns of numbers


def machine():
    """Return the processor and the versions of everything that was measured."""
    import numpy as np
    import scipy
    import sklearn
    import torch

    import nnlayers

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "date": datetime.date.today().isoformat(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {
            "Python": platform.python_version(),
            "nnlayers": nnlayers.__version__,
            "NumPy": np.__version__,
            blas["name"]: blas["version"],
            "SciPy": scipy.__version__,
            "PyTorch": torch.__version__,
            "scikit-learn": sklearn.__version__,
        },
    }


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    named = dict(line.split(":", 1) for line in lines if ":" in line)
    values = {key.strip(): value.strip() for key, value in named.items()}
    wide = [flag for flag in ("avx512f", "avx2") if flag in values.get("flags", "").split()]
    return ", ".join([values.get("model name", platform.processor()), *wide[:1]])


def cells(row):
    """Return what a row of the table says, column by column."""
    name = row.what if row.peer in ("", "torch") else f"{row.what}, to {row.peer}"
    value = f"{row.value:.2f}" if row.unit == "ratio" else f"{row.value:.3g} {row.unit}"
    theirs = "" if row.theirs is None else measured(row, row.theirs)
    bounds = ("" if bound is None else f"{bound:g}" for bound in (row.must, row.aim))
    return (name, measured(row, row.ours), theirs, value, *bounds, row.verdict)


def measured(row, number):
    """Return a measured number with its unit."""
    if row.unit != "ratio":
        return f"{number:.3g} {row.unit}"
    for factor, unit in ((1, "s"), (1e3, "ms")):
        if number * factor >= 1:
            return f"{number * factor:.3g} {unit}"
    return f"{number * 1e6:.3g} µs"


class Table:
    """Lines of the table, one by one as they are measured: the first column's width is known."""

    def __init__(self, width):
        self.widths = (width, 8, 8, 8, 5, 5, 8)

    def line(self, columns, others=""):
        """Return one line, numbers to the right."""
        padded = [f"{text:<{width}}" for text, width in zip(columns, self.widths)]
        padded[RIGHT] = [f"{text:>{w}}" for text, w in zip(columns[RIGHT], self.widths[RIGHT])]
        return "  ".join([*padded, others]).rstrip()

    def head(self):
        """Return the line above the table."""
        return self.line(HEAD)

    def row(self, row):
        """Return the line of a result."""
        others = ", ".join(f"{arm} {measured(row, number)}" for arm, number in row.others.items())
        return self.line(cells(row), f"({others})" if others else "")


def markdown(rows):
    """Return the table as Markdown has it."""
    lines = [HEAD, ("---", *("---:",) * 5, "---"), *map(cells, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def save(path, rows, growths):
    """Write all that was measured, with the machine and the versions, as JSON."""
    found = {
        **machine(),
        "rows": [row._asdict() | {"verdict": row.verdict} for row in rows],
        "growth": growths,
    }
    Path(path).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def draw(path, rows):
    """Draw the ratios, each with what it must be and what is aimed at."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    rows = [row for row in rows if row.unit == "ratio"][::-1]
    places = range(len(rows))
    figure, axes = plt.subplots(figsize=(9, 1 + 0.27 * len(rows)), layout="constrained")
    colors = ["tab:red" if row.verdict == "MISSED" else "tab:blue" for row in rows]
    axes.barh(places, [row.value for row in rows], color=colors, height=0.6)
    for name, mark in (("must", "k"), ("aim", "0.6")):
        known = [(getattr(row, name), place) for place, row in zip(places, rows)]
        known = [(bound, place) for bound, place in known if bound is not None]
        if known:
            axes.scatter(*zip(*known), marker="|", s=90, c=mark, label=name, zorder=3)
            axes.legend()
    axes.axvline(1.0, color="k", linewidth=0.8, linestyle=":")
    axes.set_yticks(places, [cells(row)[0] for row in rows], fontsize=8)
    axes.set_xlabel("time, relative to PyTorch (or to the one named) on one core")
    figure.savefig(path, dpi=120)
    plt.close(figure)
