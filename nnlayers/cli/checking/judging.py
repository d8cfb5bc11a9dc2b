"""The answer on one operation of a student's file: how it is called, two rounds, one verdict."""

import inspect
from typing import NamedTuple

import numpy as np

from nnlayers.cli.checking.arguments import (
    Call,
    Missing,
    Unusable,
    call_of,
    call_with,
    parameters_of,
)
from nnlayers.cli.checking.blame import blame, cut, one_line
from nnlayers.cli.checking.calling import (
    FITS,
    NOT_FINITE,
    RAISED,
    Trial,
    attempt,
    loss_pair,
)
from nnlayers.cli.checking.inputs import ROUNDS
from nnlayers.cli.checking.objects import form_of, instance_of, prepared
from nnlayers.cli.checking.recipes import guesses, ways_of
from nnlayers.gradients import check_gradients
from nnlayers.gradients.report import SURE, Report
from nnlayers.gradients.subject import takes
from nnlayers.layers.layer import Layer

EXAMPLES = "example_inputs"
# what no other inputs would help against
NOT_THE_INPUTS = (
    NotImplementedError,
    NameError,
    ImportError,
    EOFError,
    MemoryError,
    SystemExit,
)


class Round(NamedTuple):
    """What one check, at one set of shapes, came to."""

    status: str
    trial: Trial
    report: Report | None = None

    @property
    def problem(self):
        """What was raised or makes no sense, in one line; None if the check came to a verdict."""
        return self.trial.problem or self.report.crash


class NoInputs(Exception):
    """Nothing is known to call it with; the text says what is missing."""


class Judge:
    """Checks one operation.

    Parameters
    ----------
    module : module
        The student's file.
    operation : Operation
        What to check in it.
    path : str
        Of the file.
    seed : int
        Of all numbers.
    given : dict of str to Value
        Arguments from the command line.
    named : bool
        Whether some of them were given for this very operation.
    """

    def __init__(self, module, operation, path, seed, given, named):
        self.module, self.operation, self.path = module, operation, path
        self.seed, self.given, self.named = seed, given, named
        self.source = None  # where the inputs come from, once it is known
        self.pair = self.made = None
        if operation.kind == "pair":
            self.pair = getattr(module, operation.forward), getattr(module, operation.backward)
        elif operation.kind == "loss":
            self.pair = loss_pair(getattr(module, operation.forward))
        else:
            self.made = getattr(module, operation.name)

    def judge(self, save):
        """Return the answer as a dict; ``save`` is given it as soon as something is known wrong."""
        try:
            way, trial = self._choose()
        except NoInputs as problem:
            return self._answer("no_inputs", None, problem.args[1:], problem.args[0])
        except Unusable as problem:
            return self._answer("undecided", message=str(problem))
        rounds = [self._round(trial)]
        if rounds[0].status == "wrong":
            save(self._conclude(rounds))
        for other in [] if trial.problem else self._further(way):
            rounds.append(self._round(other))
        return self._conclude(rounds)

    def crash(self, message):
        """Return the answer where the check itself came to no end."""
        return self._answer("raised", message=message)

    def _choose(self):
        """Return the way to call it and the Trial of that; the way is None for given arrays."""
        names = [p.name for p in self._parameters()]
        given = {name: value for name, value in self.given.items() if name in names}
        given = {name.lower(): value for name, value in given.items()}
        ways, _, known = ways_of(self.operation.name)
        if any(not value.literals for value in given.values()):
            self.source = "--input"
            try:
                return given, self._attempt(given, 0)
            except Missing as missing:
                if self.named or not ways:
                    said = ", ".join(name for name in names if name.lower() in given)
                    problem = f"--input says what {said} is, but not {missing}"
                    raise NoInputs(problem) from None
        # shapes that were meant for another function do not count
        given = {name: value for name, value in given.items() if value.literals}
        trial = self._by_example()
        if trial is not None:
            self.source = EXAMPLES
            return None, trial
        best = self._best("known" if known else "guessed", [way | given for way in ways])
        if best is None or (best[1].reached < NOT_FINITE and not known):
            better = self._best("guessed", [way | given for way in guesses()])
            best = max(filter(None, (better, best)), key=lambda b: b[1].reached, default=None)
        if best is None or (best[1].reached == RAISED and not known and _may_be_inputs(best[1])):
            raise NoInputs(*self._unknown(best))
        return best

    def _best(self, source, ways):
        """Return the (way, Trial) that comes farthest, or None if no way has all arguments."""
        best = None
        for way in ways:
            try:
                trial = self._attempt(way, 0)
            except Missing:
                continue
            if best is None or trial.reached > best[1].reached:
                best, self.source = (way, trial), source
            if trial.reached == FITS:
                break
        return best

    def _unknown(self, best):
        """Return lines on an operation for which no inputs are known."""
        name = self.operation.name
        asked = [p.name for p in self._parameters() if p.default is p.empty]
        lines = [f"no inputs are known for {name}: define example_inputs(op, rng) in the file"]
        if self.pair:
            asked = " ".join(f"--input {argument}=SHAPE" for argument in asked)
            lines[0] += f", or say {asked} (value:2 in place of SHAPE for a setting)"
        else:
            lines[0] += f"; it may return ({name}(...), {', '.join(asked)})"
        if best:
            lines.append(f"called with {best[1].call.shown()}, {best[1].problem}")
        return lines

    def _attempt(self, way, turn):
        """Return the Trial of one way and round."""
        if self.pair:
            call = call_with(self.pair[0], way, turn, self.seed)
            return attempt(self.pair, call, self.path, self.seed)
        try:
            target = instance_of(self.made, turn, self.seed)
        except Missing:
            raise
        except BaseException as error:
            problem = f"{self.operation.name}(...) raised {blame(error, self.path)}"
            return Trial(RAISED, None, Call((), (), {}, ()), problem, error)
        call = call_with(target.forward, way, turn, self.seed)
        return attempt(*form_of(target, call), self.path, self.seed)

    def _by_example(self):
        """Return the Trial of what example_inputs in the file says, or None."""
        examples = getattr(self.module, EXAMPLES, None)
        name = self.operation.name
        try:
            if callable(examples):
                arguments = examples(name, np.random.default_rng(self.seed))
            else:
                arguments = examples and examples.get(name)
        except BaseException as error:
            raise NoInputs(f"{EXAMPLES}({name!r}, rng) raised {blame(error, self.path)}") from None
        if arguments is None:
            return None
        options = {}
        if isinstance(arguments, dict):  # by name
            arguments, options = (), arguments
        if not isinstance(arguments, tuple | list):
            arguments = (arguments,)
        if self.pair:
            function = self.pair[0]
        else:
            if arguments and isinstance(arguments[0], self.made):
                layer, *arguments = arguments
                layer = prepared(layer, self.seed)
            else:
                layer = instance_of(self.made, 0, self.seed)
            function = layer.forward
        try:
            bound = inspect.signature(function).bind(*arguments, **options)
        except TypeError as error:
            raise NoInputs(f"what {EXAMPLES} gives does not fit {name}: {error}") from None
        call = call_of(function, bound.args, bound.kwargs)
        target, call = (self.pair, call) if self.pair else form_of(layer, call)
        return attempt(target, call, self.path, self.seed)

    def _further(self, way):
        """Yield the Trials of other shapes, and of other ways in which it may be called."""
        if way is None:
            return
        if any(value.letters for value in way.values()):
            for turn in range(1, ROUNDS):
                trial = self._attempt(way, turn)
                # sizes that were never promised to fit may be refused
                refused = isinstance(trial.error, AssertionError | NotImplementedError)
                if not (trial.reached == RAISED and (refused or self.source == "guessed")):
                    yield trial
        extra = ways_of(self.operation.name)[1] if self.pair and self.source == "known" else ()
        for other in extra:
            trial = self._attempt(other, 0)
            if trial.reached > RAISED:
                yield trial

    def _round(self, trial):
        """Check the gradients of a trial, if it has come far enough."""
        if trial.problem:
            return Round("raised" if trial.error else "bad_output", trial)
        args, options = trial.call.fresh()
        if not isinstance(trial.target, Layer):
            options["wrt"] = list(trial.call.wrt)
        if not takes(trial.target, "seed"):
            options["seed"] = self.seed
        report = check_gradients(trial.target, *args, **options)
        report.subject = self._title()
        return Round("raised" if report.crash else report.verdict, trial, report)

    def _conclude(self, rounds):
        """Return the answer from all rounds: that of the one that says most about a fault."""
        bad = [r for r in rounds if r.status not in ("right", "undecided")]
        if bad:
            chosen = min(bad, key=_vagueness)  # the first of those that say equally much
        else:
            chosen = next((r for r in rounds if r.status == "undecided"), rounds[0])
        notes = []
        for other in rounds:
            shapes = other.trial.call.shown()
            if other is not chosen and other.status == "right":
                notes.append(f"right {'too ' if chosen.status == 'right' else ''}at {shapes}")
            elif other is not chosen and other.status in ("raised", "bad_output"):
                notes.append(f"at {shapes}, {other.problem}")
        if chosen.status in ("raised", "bad_output"):
            notes.insert(0, f"called with {chosen.trial.call.shown()}")
            return self._answer(chosen.status, notes=notes, message=chosen.problem)
        settings = chosen.trial.call.settings()
        if settings:
            notes.insert(0, f"with {settings}")
        if chosen.trial.reached == NOT_FINITE:
            notes.insert(0, "what forward returns here is not finite: it is no place to check")
        return self._answer(chosen.status, chosen.report, notes)

    def _answer(self, status, report=None, notes=(), message=None):
        if report is not None:
            lines = str(report).splitlines()
            message = None if status == "right" else _message(report)
        else:
            lines = [f"gradients of {self._title()}: {status.replace('_', ' ').upper()}"]
            lines.append(f"  {message}")
        lines += [f"  {note}" for note in notes]
        if self.source == "guessed" and status != "no_inputs":
            lines.append("  these inputs were guessed: see --input and example_inputs in --help")
        return {
            "status": status,
            "message": message and cut(one_line(message)),
            "inputs": self.source,
            "report": report and report.to_dict(),
            "text": "\n".join(lines),
        }

    def _parameters(self):
        if self.pair:
            return parameters_of(self.pair[0])
        return parameters_of(self.made.forward)[1:]  # without self

    def _title(self):
        kind, forward, backward = self.operation.kind, *self.operation[3:]
        return f"{forward} / {backward}" if kind == "pair" else self.operation.name


def _may_be_inputs(trial):
    """Whether forward may have raised because of what it was called with."""
    return not isinstance(trial.error, NOT_THE_INPUTS)


def _vagueness(result):
    """Return how little a round says about what is wrong."""
    if result.problem:
        return len(SURE) + 1
    known = [d.confidence for d in result.report.diagnoses if d.cause != "unknown"]
    return min(map(list(SURE).index, known), default=len(SURE))


def _message(report):
    """Return what is wrong in one line."""
    if report.diagnoses:
        return f"{report.diagnoses[0].cause}: {report.diagnoses[0].message}"
    if report.wrong:
        return f"{', '.join(report.wrong)} wrong, for a reason that is not known"
    unsure = [f.gradient for f in report.findings if f.verdict == report.verdict]
    return f"{', '.join(unsure)} cannot be judged at these inputs"
