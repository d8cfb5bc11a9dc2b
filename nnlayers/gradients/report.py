"""What a gradient check found, for people and for programs."""

from typing import NamedTuple

import numpy as np

from nnlayers.gradients.whereabouts import whereabouts, worst

SURE = {
    "proved": "proved by rerunning your code with that one change",
    "matches": "the numbers match",
    "suspected": "suspected; something else may explain it as well",
}
WIDTH = 160  # a longer line is cut; one three times as long, if it says what was raised


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
    """The verdict on one gradient, with both versions of it.

    Attributes
    ----------
    gradient : str
        Its name, such as "dw".
    verdict : {"right", "wrong", "undecided"}
        Whether it agrees with the numerical one.
    claimed : ndarray or None
        What backward returned for the first random dout; None if that is no array.
    numeric, error : ndarray or None
        The numerical gradient and the estimate of its error, NaN where it was not computed;
        None if random projections agreed, so that single entries were never looked at.
    wrong : ndarray of bool or None
        Which entries are wrong.
    share : float
        Estimated share of wrong entries.
    only_kinks : bool
        Whether it is wrong only where forward has no derivative.
    """

    gradient: str
    verdict: str
    claimed: np.ndarray | None
    numeric: np.ndarray | None = None
    error: np.ndarray | None = None
    wrong: np.ndarray | None = None
    share: float = 0.0
    only_kinks: bool = False


class Report:
    """The result of :func:`check_gradients`; printing it shows it, a notebook draws it.

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
    crash : str or None
        What forward or backward raised, and where.
    forwards : int
        How often forward was called for the verdict and the diagnosis.
    unresolved : int
        Entries so small that an error of their own size would not have shown.
    precision : float or None
        For arguments of lower precision: the largest difference of their gradients from those in
        float64, relative to each one's largest entry.
    """

    def __init__(self, subject, seed, findings=(), behaviour=(), causes=(), crash=None, point=None):
        self.subject = subject.shown
        self.shapes = dict(subject.shapes)
        self._given = subject.given.values()
        self.seed = seed
        self.findings = tuple(findings)
        self.behaviour = tuple(behaviour)
        self.crash = crash
        self.forwards = point.forwards if point else 1
        self.unresolved = int(np.count_nonzero(point.hidden)) if point else 0
        self.precision = None
        # a cause that explains a wrong shape says more than the shape itself
        forms = [d for d in behaviour if d.cause == "bad_output"]
        others = [d for d in behaviour if d.cause != "bad_output"]
        self.diagnoses = (*others, *causes, *forms)
        self._arrays = (
            {name: array.copy() for name, array in subject.arrays.items()} if causes else {}
        )

    @property
    def dtypes(self):
        """Names of the dtypes in which the arguments were handed over."""
        return tuple(sorted({str(dtype) for dtype in self._given}))

    @property
    def verdict(self):
        """The worst of what was found."""
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

    def to_dict(self):
        """Return the report as numbers, strings, lists and dicts, for programs.

        Returns
        -------
        dict
            With ``subject, verdict, wrong, diagnoses, gradients, crash, shapes, seed, forwards,
            unresolved, precision``; ``json.dumps`` takes it.
        """
        return {
            "subject": self.subject,
            "verdict": self.verdict,
            "wrong": list(self.wrong),
            "diagnoses": [dict(d._asdict(), explains=list(d.explains)) for d in self.diagnoses],
            "gradients": [self._numbers(finding) for finding in self.findings],
            "crash": self.crash,
            "shapes": {name: list(shape) for name, shape in self.shapes.items()},
            "seed": self.seed,
            "forwards": self.forwards,
            "unresolved": self.unresolved,
            "precision": self.precision,
        }

    def _numbers(self, finding):
        index = worst(finding)
        entry = {
            "gradient": finding.gradient,
            "verdict": finding.verdict,
            "where": whereabouts(finding, self._arrays),
            "share": float(finding.share),
            "only_kinks": finding.only_kinks,
            "worst": None,
        }
        if index is not None:
            entry["worst"] = {
                "index": list(index),
                "claimed": _json(finding.claimed[index]),
                "numeric": _json(finding.numeric[index]),
                "error": _json(finding.error[index]),
            }
        return entry

    def __str__(self):
        lines = [f"gradients of {self.subject}: {self.verdict.upper()}"]
        if self.crash:
            lines.append(f"  {self.crash}")
        for diagnosis in self._of_the_whole:
            lines += [f"  {diagnosis.message}", f"    fix: {diagnosis.fix}"]
        wrong = [f for f in self.findings if f.verdict == "wrong"]
        explained = []
        for i, finding in enumerate(wrong):
            lines += (
                self._first(finding, explained) if i == 0 else self._further(finding, explained)
            )
        for finding in self.findings:
            if finding.verdict == "undecided":
                lines.append(
                    f"  {finding.gradient} cannot be judged here: {_why_undecided(finding)}"
                )
        right = [f.gradient for f in self.findings if f.verdict == "right"]
        if right:
            lines.append(f"  {_listed(right)} {'is' if len(right) == 1 else 'are'} right")
        lines.append(f"  {self._footing()}")
        return "\n".join(_cut(line, 3 * WIDTH if self.crash else WIDTH) for line in lines)

    __repr__ = __str__

    @property
    def _of_the_whole(self):
        """What is wrong with the pair's behaviour; the form of wrong gradients is theirs to say."""
        return [d for d in self.behaviour if not self.wrong or d.cause != "bad_output"]

    def _first(self, finding, explained):
        """Return the lines on the first wrong gradient: where, why, what to do, how sure."""
        name = finding.gradient
        lines = [f"  {name} is WRONG: {whereabouts(finding, self._arrays) or 'see below'}"]
        causes = [d for d in self.diagnoses if name in d.explains or d.gradient == name]
        if causes[:1] and causes[0] in self._of_the_whole:
            return [f"  {name} is WRONG: see above", *_worst_line(finding)]
        for diagnosis in causes[:1]:
            explained.append(diagnosis)
            lines += [
                f"    why:   {diagnosis.cause}: {diagnosis.message}",
                f"    fix:   {diagnosis.fix}",
            ]
            if diagnosis not in self.behaviour:  # which is seen, not concluded
                lines.append(f"    sure:  {SURE[diagnosis.confidence]}")
        sure = causes and causes[0].confidence != "suspected"
        for diagnosis in () if sure else distinct(causes)[1:2]:
            lines.append(f"    or:    {diagnosis.cause}: {diagnosis.message}")
        return lines + _worst_line(finding)

    def _further(self, finding, explained):
        """Return at most two lines on a further wrong gradient."""
        name = finding.gradient
        lines = [f"  {name} is WRONG too: {whereabouts(finding, self._arrays) or 'see below'}"]
        if any(name in d.explains for d in explained):
            lines[0] += ", for the same reason"
            return lines
        for diagnosis in self.diagnoses:
            if name in diagnosis.explains or diagnosis.gradient == name:
                lines.append(f"    why:   {diagnosis.cause}: {diagnosis.message}")
                explained.append(diagnosis)
                break
        return lines[:2]

    def _footing(self):
        """Return the line that says what the verdict rests on, to reproduce it."""
        shapes = ", ".join(f"{name} {shape}" for name, shape in self.shapes.items())
        text = f"checked at {shapes} with random dout, seed={self.seed}"
        if self.unresolved and self.ok:
            many = "entries are" if self.unresolved > 1 else "entry is"
            text += f"; {self.unresolved} {many} too small to be judged alone"
        if self.precision is not None:
            text += f"; in {self.dtypes[0]} they differ from that by at most {self.precision:.0e}"
        return text

    def _repr_html_(self):
        from nnlayers.gradients.pictures import html

        return html(self)


def distinct(diagnoses):
    """Leave out those that give the evidence of an earlier one another name."""
    kept = []
    for diagnosis in diagnoses:
        if not any(diagnosis.message.endswith(earlier.message) for earlier in kept):
            kept.append(diagnosis)
    return kept


def _worst_line(finding):
    index = worst(finding)
    if index is None:
        return []
    place = f"[{', '.join(map(str, index))}]" if index else ""
    claimed, numeric = finding.claimed[index], finding.numeric[index]
    return [
        f"    worst: {finding.gradient}{place} is {claimed:.6g} but should be {numeric:.6g} "
        f"(± {finding.error[index]:.0e})"
    ]


def _why_undecided(finding):
    if finding.error is None or not np.isfinite(finding.error).any():
        return "forward gives no finite numbers around this point"
    size = max(np.nanmax(np.abs(finding.numeric)), np.nanmax(np.abs(finding.claimed)))
    return (
        f"the numerical estimate is uncertain by {np.nanmax(finding.error):.0e} where the gradient "
        f"is at most {size:.0e}; try other inputs"
    )


def _listed(names):
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _cut(line, width):
    return line if len(line) <= width else line[: width - 4].rstrip() + " ..."


def _json(number):
    return float(number) if np.isfinite(number) else str(number)
