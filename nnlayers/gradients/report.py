"""What a gradient check found, for people and for programs."""

from typing import NamedTuple

import numpy as np


class Finding(NamedTuple):
    """The verdict on one gradient, with both versions of it."""

    gradient: str  # its name, such as "dw"
    verdict: str  # "right", "wrong" or "undecided"
    note: str | None
    claimed: np.ndarray
    numeric: np.ndarray
    error: np.ndarray  # estimate of the error of numeric
    off: np.ndarray | None = None  # which entries are wrong

    @property
    def difference(self):
        """Largest |claimed - numeric|, relative to the largest numeric entry."""
        if self.claimed.shape != self.numeric.shape:
            return float("inf")
        if not self.numeric.size:
            return 0.0
        largest = max(np.abs(self.numeric).max(), np.abs(self.claimed).max())
        return float(np.abs(self.claimed - self.numeric).max() / largest) if largest else 0.0


class Report:
    """The result of :func:`check_gradients`; printing it shows it.

    Attributes
    ----------
    verdict : {"right", "wrong", "undecided"}
        Wrong if one gradient is, else undecided if one is.
    ok : bool
        Whether the verdict is "right".
    wrong : tuple of str
        Names of the wrong gradients.
    findings : tuple of Finding
        One for each gradient.
    """

    def __init__(self, subject, findings, shapes, seed):
        self.subject = subject
        self.findings = findings
        self.shapes = shapes
        self.seed = seed

    @property
    def verdict(self):
        """The worst of the findings' verdicts."""
        verdicts = {finding.verdict for finding in self.findings}
        return next((v for v in ("wrong", "undecided") if v in verdicts), "right")

    @property
    def ok(self):
        """Whether every gradient is right."""
        return self.verdict == "right"

    @property
    def wrong(self):
        """Names of the wrong gradients."""
        return tuple(f.gradient for f in self.findings if f.verdict == "wrong")

    def __str__(self):
        lines = [f"gradients of {self.subject}: {self.verdict.upper()}"]
        for finding in self.findings:
            lines.append("  " + _line(finding))
        shapes = ", ".join(f"{name} {shape}" for name, shape in self.shapes.items())
        lines.append(f"  checked at {shapes} with a random dout, seed={self.seed}")
        return "\n".join(lines)

    __repr__ = __str__


def _line(finding):
    if finding.note:
        return f"{finding.gradient} {finding.note}"
    if finding.verdict == "right":
        return f"{finding.gradient} is right: largest relative difference {finding.difference:.1e}"
    if finding.verdict == "undecided":
        return f"{finding.gradient} cannot be judged here: the numerical estimate is too uncertain"
    with np.errstate(invalid="ignore"):
        size = np.where(finding.off, np.abs(finding.claimed - finding.numeric), -1.0)
    worst = np.unravel_index(np.nan_to_num(size, nan=np.inf).argmax(), size.shape)
    index = ", ".join(map(str, worst))
    return (
        f"{finding.gradient} is WRONG in {int(finding.off.sum())} of {finding.off.size} entries: "
        f"{finding.gradient}[{index}] is {finding.claimed[worst]:.6g} but should be "
        f"{finding.numeric[worst]:.6g}"
    )
