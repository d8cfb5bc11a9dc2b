"""A learning curve: a picture where matplotlib is installed, characters otherwise."""

import math
import os

MARKS = "ox+"  # of the curves in a chart, in their order; later ones lie on top


def write_curve(folder, title, panels):
    """Write learning_curve.png, or learning_curve.txt without matplotlib; return its path.

    Parameters
    ----------
    folder : str
        Where to.
    title : str
        What is shown.
    panels : dict of str to dict of str to list of float
        For each quantity its curves by name: the values after each epoch.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        path = os.path.join(folder, "learning_curve.txt")
        charts = [chart(name, curves) for name, curves in panels.items()]
        with open(path, "w", encoding="ascii") as file:
            file.write("\n\n".join((title, *charts)) + "\n")
        return path
    path = os.path.join(folder, "learning_curve.png")
    figure = Figure(figsize=(9, 3.6), layout="constrained")  # not pyplot: no window is wanted
    figure.suptitle(title)
    for axes, (name, curves) in zip(figure.subplots(1, len(panels)), panels.items()):
        for label, values in curves.items():
            axes.plot(range(1, len(values) + 1), values, label=label)
        axes.set_yscale("log" if spans_decades(curves) else "linear")
        axes.set(xlabel="epoch", ylabel=name)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=120)
    return path


def chart(name, curves, width=60, height=12):
    """Draw curves with characters.

    Parameters
    ----------
    name : str
        What is shown on the vertical axis.
    curves : dict of str to list of float
        Values after each epoch; all curves have as many, at least one.
    width, height : int
        Of the field, in characters.

    Returns
    -------
    str
        Lines of ASCII.

    Examples
    --------
    >>> print(chart("loss", {"train": [100.0, 10.0, 1.0]}, width=9, height=3))
    loss, logarithmic: o train
            100 |o
             10 |    o
              1 |        o
                +---------
                 1       3   epoch
    """
    scale, back = (math.log, math.exp) if spans_decades(curves) else (float, float)
    heights = {label: [scale(value) for value in values] for label, values in curves.items()}
    low = min(map(min, heights.values()))
    high = max(map(max, heights.values()))
    step = (high - low) / (height - 1) or 1.0
    field = [[" "] * width for _ in range(height)]
    for mark, values in zip(MARKS, heights.values()):
        for epoch, value in enumerate(values):
            column = round(epoch * (width - 1) / max(len(values) - 1, 1))
            field[round((high - value) / step)][column] = mark
    ticks = {row: f"{back(high - row * step):.3g}" for row in (0, height // 2, height - 1)}
    rows = [f"{ticks.get(row, ''):>11} |{''.join(line)}".rstrip() for row, line in enumerate(field)]
    legend = "  ".join(f"{mark} {label}" for mark, label in zip(MARKS, curves))
    epochs = len(next(iter(curves.values())))
    return "\n".join(
        (
            f"{name}{', logarithmic' * (scale is math.log)}: {legend}",
            *rows,
            f"{'':>11} +{'-' * width}",
            f"{'':>12} 1{epochs:>{width - 1}}   epoch",
        )
    )


def spans_decades(curves):
    """Return whether a logarithmic axis shows the curves better."""
    values = [value for curve in curves.values() for value in curve]
    return min(values) > 0 and max(values) > 30 * min(values)
