"""How well the checker judges, beside two rules in use: ``python -m benchmarks.gradient_doctor``.

Every specimen of a corpus (wrong, right, and dirty backward passes, in ``tests``) is checked with
every seed by ``check_gradients``, by the rule of the courses (one step of 1e-5, relative error
1e-6) and by PyTorch's (1e-6, atol 1e-5, rtol 1e-3, over the whole Jacobian).
"""

import argparse
import collections
import concurrent.futures
import copy
import importlib
import inspect
import os
import statistics
import sys
import time
import warnings
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from corpus.judging import judge

CORPORA = {
    "corpus": "corpus",
    "first": "blind.first",
    "second": "blind.second",
    "third": "blind.third",
}
KINDS = ("WRONG", "RIGHT", "DIRTY")


def measure(task):
    """Judge all specimens of one kind with one seed; return ``{column: counts and lists}``."""
    module, kind, seed = task
    specimens = getattr(importlib.import_module(module), kind)
    warnings.simplefilter("ignore")  # of the specimens, which the rules in use run as they are
    columns = {name: collections.Counter() for name in RULES}
    seconds, forwards, confusion = [], [], collections.Counter()
    for specimen in specimens:
        start = time.perf_counter()
        outcome = judge(specimen, seed)
        seconds.append(time.perf_counter() - start)
        forwards.append(outcome.report.forwards)
        _count(columns["check_gradients"], kind, outcome.report.verdict, outcome.exact)
        if kind == "WRONG":
            columns["check_gradients"].update(
                first=outcome.has_cause(1),
                first_fair=outcome.has_cause(1, fair=True),
                two=outcome.has_cause(2),
                two_fair=outcome.has_cause(2, fair=True),
                confident=outcome.confidently_wrong,
            )
            confusion[specimen.cause, (outcome.named or ["-"])[0]] += 1
        elif kind == "DIRTY":
            columns["check_gradients"].update(named=outcome.has_cause(2))
        for name, rule in RULES.items():
            if rule:
                wrong = rule(specimen, seed)
                verdict = "wrong" if wrong else "right"
                _count(columns[name], kind, verdict, wrong == set(specimen.wrong))
    return kind, columns, seconds, forwards, confusion


def _count(column, kind, verdict, exact):
    column.update({kind: 1, f"{kind} {verdict}": 1, f"{kind} exact": exact})


# ------------------------------------------------------------------------------ the rules in use


def course_rule(specimen, seed):
    """Return the gradients that ``|a - n| / max(1e-8, |a| + |n|) < 1e-6`` would call wrong."""
    return _by_rule(specimen, seed, _pulled(1e-5), _relative)


def pytorch_rule(specimen, seed):
    """Return the gradients that ``|a - n| <= 1e-5 + 1e-3 |n|`` would call wrong, entry by entry."""
    return _by_rule(specimen, seed, _whole(1e-6), _absolute)


def _relative(a, n):
    return (np.abs(a - n) / np.maximum(1e-8, np.abs(a) + np.abs(n)) < 1e-6).all()


def _absolute(a, n):
    return (np.abs(a - n) <= 1e-5 + 1e-3 * np.abs(n)).all()


def _by_rule(specimen, seed, derivatives, agrees):
    """Apply a rule; a backward that raises or returns no arrays is wrong in all gradients."""
    rng = np.random.default_rng(seed)
    args = list(specimen.make(rng))
    options = copy.deepcopy(specimen.options)
    names = list(inspect.signature(specimen.forward).parameters)
    places = [i for i, a in enumerate(args) if _is_graded(names[i], a)]
    every = {f"d{names[i]}" for i in places}
    for i in places:
        args[i] = np.array(args[i], dtype=np.float64)
    try:
        pairs = derivatives(specimen, args, options, places, rng)
        agreed = [np.shape(a) == np.shape(n) and agrees(a, n) for a, n in zip(*pairs, strict=True)]
    except Exception:
        return every
    return {f"d{names[i]}" for i, right in zip(places, agreed, strict=True) if not right}


def _is_graded(name, value):
    labels = ("y", "target", "targets", "label", "labels", "mask")
    return isinstance(value, np.ndarray) and value.dtype.kind == "f" and name not in labels


def _pulled(h):
    """Compare backward(dout) with differences of ⟨dout, out⟩, for one random dout."""

    def derivatives(specimen, args, options, places, rng):
        dout = rng.standard_normal(np.shape(_out(specimen, args, options)))
        claimed = _claimed(specimen, args, options, places, dout)
        numeric = [
            np.tensordot(dout, column, axes=dout.ndim)
            for column in _columns(specimen, args, options, places, h)
        ]
        return claimed, numeric

    return derivatives


def _whole(h):
    """Compare the whole Jacobian, row by row from backward, column by column from differences."""

    def derivatives(specimen, args, options, places, rng):
        shape = np.shape(_out(specimen, args, options))
        rows = []
        for row in np.eye(int(np.prod(shape))).reshape(-1, *shape):
            rows.append(_claimed(specimen, args, options, places, row))
        claimed = [np.array(part).reshape(shape + np.shape(part[0])) for part in zip(*rows)]
        return claimed, list(_columns(specimen, args, options, places, h))

    return derivatives


def _out(specimen, args, options):
    out = specimen.forward(*args, **copy.deepcopy(options))[0]
    return np.array(out if not isinstance(out, tuple | list) else out[0], dtype=np.float64)


def _claimed(specimen, args, options, places, dout):
    cache = specimen.forward(*args, **copy.deepcopy(options))[1]
    claimed = specimen.backward(dout.copy() if dout.ndim else np.float64(dout), cache)
    claimed = [claimed] if len(places) == 1 else list(claimed)
    return [np.array(part, dtype=np.float64) for part in claimed]


def _columns(specimen, args, options, places, h):
    """Yield the Jacobian of out in each argument by central differences: (*out, *argument)."""
    for i in places:
        x = args[i]
        columns = []
        for index in np.ndindex(x.shape):
            kept = x[index]
            x[index] = kept + h
            plus = _out(specimen, args, options)
            x[index] = kept - h
            minus = _out(specimen, args, options)
            x[index] = kept
            columns.append((plus - minus) / (2 * h))
        shape = np.shape(_out(specimen, args, options))
        yield np.moveaxis(np.array(columns).reshape(x.shape + shape), range(x.ndim), _last(x.ndim))


def _last(n):
    return range(-n, 0)


# ------------------------------------------------------------------------------------- the table


def table(columns, seconds, forwards):
    """Return the table in Markdown."""
    total = {kind: columns["check_gradients"][kind] for kind in KINDS}
    lines = ["| | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]

    def line(title, value):
        lines.append(f"| {title} | " + " | ".join(value(c) for c in columns.values()) + " |")

    def part(key, of):
        return lambda c: f"{100 * c[key] / total[of]:.1f} %" if key in c else "-"

    line(f"wrong accepted, of {total['WRONG']}", lambda c: str(total["WRONG"] - c["WRONG wrong"]))
    line(f"right rejected, of {total['RIGHT']}", lambda c: str(c["RIGHT wrong"]))
    line("right left undecided", lambda c: str(c["RIGHT undecided"]))
    line(f"dirty accepted, of {total['DIRTY']}", lambda c: str(c["DIRTY right"]))
    line("dirty named", part("named", "DIRTY"))
    line("exactly the wrong gradients named", part("WRONG exact", "WRONG"))
    line("cause right at the first place", part("first", "WRONG"))
    line("... or another fair description", part("first_fair", "WRONG"))
    line("cause right in the first two", part("two", "WRONG"))
    line("... or another fair description", part("two_fair", "WRONG"))
    line("confidently wrong", part("confident", "WRONG"))
    lines.append("")
    for kind in KINDS:
        lines.append(
            f"{kind.lower()}: median {1e3 * statistics.median(seconds[kind]):.0f} ms, "
            f"{statistics.median(forwards[kind]):.0f} forward calls; at most "
            f"{max(seconds[kind]):.1f} s, {max(forwards[kind])} calls"
        )
    return "\n".join(lines)


def matrix(confusion):
    """Return the confusion matrix: a row for each true cause, what was named first, how often."""
    lines = ["true cause, and what was named first:"]
    for cause in sorted({true for true, _ in confusion}):
        row = collections.Counter({n: c for (true, n), c in confusion.items() if true == cause})
        named = ", ".join(f"{name} {count}" for name, count in row.most_common())
        lines.append(f"  {cause:25}{100 * row[cause] / row.total():4.0f} %   {named}")
    return "\n".join(lines)


def main(arguments=None):
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gradient_doctor")
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds (%(default)s)")
    parser.add_argument("--corpus", choices=CORPORA, default="corpus")
    parser.add_argument("--processes", type=int, default=2, help="at once (%(default)s)")
    options = parser.parse_args(arguments)
    module = CORPORA[options.corpus]
    tasks = [(module, kind, seed) for seed in range(options.seeds) for kind in KINDS]
    columns = {name: collections.Counter() for name in RULES}
    seconds, forwards = collections.defaultdict(list), collections.defaultdict(list)
    confusion = collections.Counter()
    with concurrent.futures.ProcessPoolExecutor(options.processes) as pool:
        for kind, counts, took, called, confused in pool.map(measure, tasks):
            for name, count in counts.items():
                columns[name].update(count)
            seconds[kind] += took
            forwards[kind] += called
            confusion.update(confused)
    print(f"{options.corpus}, {options.seeds} seeds\n")
    print(table(columns, seconds, forwards) + "\n\n" + matrix(confusion))


RULES = {"check_gradients": None, "courses": course_rule, "PyTorch": pytorch_rule}

if __name__ == "__main__":
    main()
