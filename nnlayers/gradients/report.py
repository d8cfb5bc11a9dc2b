"""What a gradient check found, for people and for programs."""

from typing import NamedTuple

import numpy as np


class Diagnosis(NamedTuple):
    """One answer to "why".

    Attributes
    ----------
    cause : str
        A label of a closed vocabulary, such as "transposed".
    gradient : str or None
        The gradient that it explains; None for the behaviour of the whole pair.
    message : str
        The evidence, in one sentence.
    fix : str
        What to change.
    confidence : {"proved", "matches", "suspected"}
        Proved by rerunning the code with that one change (or by plain observation), a match of
        numbers, or a suspicion.
    explains : tuple of str
        All gradients that it explains.
    """

    cause: str
    gradient: str | None
    message: str
    fix: str
    confidence: str
    explains: tuple = ()


class Finding(NamedTuple):
    """The verdict on one gradient, with both versions of it."""

    gradient: str  # its name, such as "dw"
    verdict: str  # "right", "wrong" or "undecided"
    claimed: np.ndarray | None
    numeric: np.ndarray | None = None  # NaN where it was not looked at
    error: np.ndarray | None = None  # estimate of the error of numeric
    wrong: np.ndarray | None = None  # which entries are wrong
    share: float = 0.0  # estimated share of wrong entries
    only_kinks: bool = False


class Report:
    """The result of :func:`check_gradients`; printing it shows it.

    Attributes
    ----------
    verdict : {"right", "wrong", "undecided"}
        Wrong if a gradient or the behaviour is, else undecided if one gradient is.
    ok : bool
        Whether the verdict is "right".
    wrong : tuple of str
        Names of the wrong gradients.
    diagnoses : tuple of Diagnosis
        Why, best first.
    findings : tuple of Finding
        One for each gradient.
    """

    def __init__(self, subject, seed, findings=(), behaviour=(), causes=(), crash=None, forwards=1):
        self.subject = subject.shown
        self.shapes = dict(subject.shapes)
        self.forwards = forwards
        self.seed = seed
        self.findings = tuple(findings)
        self.behaviour = tuple(behaviour)
        self.crash = crash
        # a cause that explains a wrong shape says more than the shape itself
        forms = [d for d in behaviour if d.cause == "bad_output"]
        others = [d for d in behaviour if d.cause != "bad_output"]
        self.diagnoses = (*others, *causes, *forms) if causes else (*others, *forms)

    @property
    def verdict(self):
        """The worst of the findings' verdicts."""
        if self.crash or self.behaviour:
            return "wrong"
        verdicts = {finding.verdict for finding in self.findings}
        return next((v for v in ("wrong", "undecided") if v in verdicts), "right")

    @property
    def ok(self):
        """Whether everything is right."""
        return self.verdict == "right"

    @property
    def wrong(self):
        """Names of the wrong gradients."""
        return tuple(f.gradient for f in self.findings if f.verdict == "wrong")

    def __str__(self):
        lines = [f"gradients of {self.subject}: {self.verdict.upper()}"]
        lines += [f"  {d.cause}: {d.message}; {d.fix}" for d in self.diagnoses]
        for finding in self.findings:
            lines.append("  " + _line(finding))
        shapes = ", ".join(f"{name} {shape}" for name, shape in self.shapes.items())
        lines.append(f"  checked at {shapes} with a random dout, seed={self.seed}")
        return "\n".join(lines)

    __repr__ = __str__


def _line(finding):
    if finding.verdict == "right":
        return f"{finding.gradient} is right"
    if finding.verdict == "undecided":
        return f"{finding.gradient} cannot be judged here: the numerical estimate is too uncertain"
    if finding.wrong is None:
        return f"{finding.gradient} is WRONG"
    with np.errstate(invalid="ignore"):
        size = np.where(finding.wrong, np.abs(finding.claimed - finding.numeric), -1.0)
    worst = np.unravel_index(np.nan_to_num(size, nan=np.inf).argmax(), size.shape)
    index = ", ".join(map(str, worst))
    return (
        f"{finding.gradient} is WRONG in {int(finding.wrong.sum())} of {finding.wrong.size}: "
        f"{finding.gradient}[{index}] is {finding.claimed[worst]:.6g} but should be "
        f"{finding.numeric[worst]:.6g}"
    )
