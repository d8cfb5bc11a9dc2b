"""Write the notebook of each lesson: ``python notebooks/generate.py``.

A lesson is a Python file whose cells begin with ``# %%``, and with ``# %% [markdown]`` where they
are text (the "percent" format, which Jupyter opens by itself where jupytext is installed).  The
notebooks hold no outputs: whoever runs them gets their own.
"""

import json
from pathlib import Path

LESSONS = sorted(Path(__file__).parent.glob("[0-9]*.py"))


def cells(lesson):
    """Return the cells of a lesson: ``(kind, text)`` with kind "code" or "markdown"."""
    found = []
    for line in lesson.splitlines():
        if line.startswith("# %%"):
            found.append(("markdown" if "[markdown]" in line else "code", []))
        elif found:  # what comes before the first cell is the header
            found[-1][1].append(line)
    return [
        (kind, "\n".join(map(_uncommented, lines) if kind == "markdown" else lines).strip("\n"))
        for kind, lines in found
    ]


def notebook(lesson):
    """Return the text of the notebook of a lesson."""
    content = {
        "cells": [_cell(i, kind, text) for i, (kind, text) in enumerate(cells(lesson))],
        "metadata": {
            "jupytext": {"formats": "ipynb,py:percent"},
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _cell(i, kind, text):
    cell = {
        "cell_type": kind,
        "id": f"cell-{i}",
        "metadata": {},
        "source": text.splitlines(keepends=True),
    }
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def _uncommented(line):
    return line.removeprefix("#").removeprefix(" ")


if __name__ == "__main__":
    for path in LESSONS:
        text = notebook(path.read_text(encoding="utf-8"))
        path.with_suffix(".ipynb").write_text(text, encoding="utf-8")
