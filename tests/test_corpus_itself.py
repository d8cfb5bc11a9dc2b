"""Every specimen of the corpus is what it says, by plain central differences."""

import collections
import copy
import inspect

import numpy as np
import pytest

from corpus import DIRTY, RIGHT, WRONG
from corpus.specimen import CAUSES

BEHAVIOUR = ("mutates_or_aliases", "nondeterministic", "stale_cache", "bad_output", "nonfinite")
NO_GRADIENT = ("y", "target", "targets", "label", "labels", "mask")
OTHER_SHAPE = ("transposed", "missing_reduction", "wrong_axis")


# ------------------------------------------------------------------------------- running a pair


class Run:
    """One specimen with the arguments of one seed."""

    def __init__(self, specimen, seed):
        self.specimen, self.seed = specimen, seed
        self.args = specimen.make(np.random.default_rng(seed))
        self.options = specimen.options
        bound = inspect.signature(specimen.forward).bind(*self.args, **self.options)
        names = list(bound.arguments)
        self.places = [
            i
            for i, arg in enumerate(self.args)
            if isinstance(arg, np.ndarray)
            and np.issubdtype(arg.dtype, np.floating)
            and names[i] not in NO_GRADIENT
        ]
        self.names = ["d" + names[i] for i in self.places]

    def given(self):
        return list(self.specimen.make(np.random.default_rng(self.seed)))

    def fresh(self, dtype=None):
        args = [copy.deepcopy(arg) for arg in self.args]
        for i in self.places:
            args[i] = np.array(self.args[i], dtype=dtype or self.args[i].dtype)
        return args

    def out(self, args):
        return self.specimen.forward(*args, **copy.deepcopy(self.options))[0]

    def gradients(self, dout, args=None):
        args = self.fresh(np.float64) if args is None else args
        _, cache = self.specimen.forward(*args, **copy.deepcopy(self.options))
        return self.listed(self.specimen.backward(copy.deepcopy(dout), cache))

    def listed(self, gradients):
        return [gradients] if len(self.places) == 1 else list(gradients)

    def dout(self, rng):
        out = self.out(self.fresh())
        if isinstance(out, tuple):
            return tuple(rng.standard_normal(np.shape(o)).astype(np.asarray(o).dtype) for o in out)
        value = rng.standard_normal(np.shape(out))
        return value.astype(np.asarray(out).dtype) if np.ndim(value) else float(value)


def flat(out):
    parts = out if isinstance(out, tuple) else (out,)
    return np.concatenate([np.ravel(np.asarray(part, dtype=np.float64)) for part in parts])


def one_hot_douts(out):
    parts = out if isinstance(out, tuple) else (out,)
    for p, part in enumerate(parts):
        for j in range(np.size(part)):
            hots = [np.zeros(np.shape(other)) for other in parts]
            hots[p].reshape(-1)[j] = 1.0
            yield tuple(hots) if isinstance(out, tuple) else hots[0]


def step(array):
    scale = np.max(np.abs(array), initial=0.0) or 1.0
    return 1e-5 * (np.abs(array) + 0.1 * scale)


def moved(run, directions, t):
    args = run.fresh(np.float64)
    for i, direction in zip(run.places, directions):
        args[i] = args[i] + t * direction
    return flat(run.out(args))


def one_sided(run, weights, factor=1):
    """Slopes of sum(weights * out) to the left and right of every entry, and their rounding."""
    sides = []
    values = weights * flat(run.out(run.fresh(np.float64)))
    for i in run.places:
        left, right = np.zeros(run.args[i].shape), np.zeros(run.args[i].shape)
        steps = factor * step(run.args[i])
        for index in np.ndindex(run.args[i].shape):
            for slopes, h in ((right, steps[index]), (left, -steps[index])):
                args = run.fresh(np.float64)
                at = args[i][index]
                args[i][index] = at + h
                h = args[i][index] - at
                slopes[index] = np.sum(weights * flat(run.out(args)) - values) / h
        rounding = 1e-15 * np.max(np.abs(values), initial=0.0) / steps
        sides.append((left, right, rounding))
    return sides


# ------------------------------------------------------------------------------------- verdicts


def judged(run, tolerance, careful=False):
    """Names of the gradients that differ from the differences, kinks taken into account.

    Where `careful`, differences are trusted only as far as a ten times longer step agrees.
    """
    dout = run.dout(np.random.default_rng(99))
    with np.errstate(all="ignore"):
        claimed = run.gradients(dout)
    weights = flat(dout)
    near = one_sided(run, weights)
    far = one_sided(run, weights, 10) if careful else near
    wrong, kinks = set(), []
    for p, (gradient, (left, right, rounding), (left10, right10, _)) in enumerate(
        zip(claimed, near, far)
    ):
        name, arg = run.names[p], run.args[run.places[p]]
        centre = (left + right) / 2
        gradient = np.asarray(gradient, dtype=np.float64)
        if gradient.shape != centre.shape:
            wrong.add(name)
            kinks.append(np.zeros(centre.shape, dtype=bool))
            continue
        scale = np.max(np.abs(centre), initial=0.0) or np.max(np.abs(gradient), initial=0.0)
        kink = np.abs(right - left) > 1e-2 * scale + 10 * rounding
        kinks.append(kink)
        allowed = tolerance * scale
        if careful:
            change = np.abs(left10 + right10 - left - right)[~kink]
            allowed = allowed + rounding + 5 * np.max(change, initial=0.0)
            if not centre.any():  # slopes too small to show beside numbers of ordinary size
                allowed = allowed + 1e-15 / (np.max(np.abs(arg), initial=0.0) or 1.0)
        if np.any((np.abs(gradient - centre) > allowed)[~kink]):
            wrong.add(name)
    if any(kink.any() for kink in kinks):
        wrong |= wrong_at_kinks(run, kinks)
    return wrong


def wrong_at_kinks(run, kinks):
    """Gradients outside the interval of one-sided derivatives, alone and along directions."""
    args = run.fresh(np.float64)
    out = run.out(args)
    jacobian = [run.gradients(hot) for hot in one_hot_douts(out)]
    rng = np.random.default_rng(7)
    zero = [np.zeros(run.args[i].shape) for i in run.places]
    t = 1e-7

    def fails(directions):
        centre = flat(out)
        right = (moved(run, directions, t) - centre) / t
        left = (centre - moved(run, directions, -t)) / t
        claimed = np.array(
            [sum(np.sum(g * d) for g, d in zip(row, directions)) for row in jacobian]
        )
        low, high = np.minimum(left, right), np.maximum(left, right)
        slack = 1e-4 * max(1.0, np.max(np.abs(high)), np.max(np.abs(low)))
        return bool(np.any((claimed < low - slack) | (claimed > high + slack)))

    wrong = set()
    for p, kink in enumerate(kinks):
        for index in np.argwhere(kink):
            direction = [z.copy() for z in zero]
            direction[p][tuple(index)] = 1
            if fails(direction):
                wrong.add(run.names[p])
        for _ in range(20):
            direction = [z.copy() for z in zero]
            direction[p] = kink * rng.standard_normal(kink.shape)
            if fails(direction):
                wrong.add(run.names[p])
    if not wrong:
        for _ in range(20):
            direction = [kink * rng.standard_normal(kink.shape) for kink in kinks]
            if fails(direction):
                wrong.update(name for name, kink in zip(run.names, kinks) if kink.any())
    return wrong


# ------------------------------------------------------------------------------------ behaviour


def content(thing):
    """All that can be changed in a cache or in arguments, as something to compare."""
    if isinstance(thing, np.ndarray):
        data = thing.tolist() if thing.dtype == object else thing.tobytes()
        return thing.shape, str(thing.dtype), data
    if isinstance(thing, (list, tuple)):
        return tuple(content(part) for part in thing)
    if isinstance(thing, dict):
        return tuple((repr(key), content(part)) for key, part in thing.items())
    if hasattr(thing, "__dict__") and not callable(thing):
        return content(vars(thing))
    return repr(thing)


def arrays_in(thing):
    if isinstance(thing, np.ndarray):
        return [thing]
    if isinstance(thing, dict):
        thing = list(thing.values())
    elif hasattr(thing, "__dict__") and not callable(thing):
        thing = list(vars(thing).values())
    if isinstance(thing, (list, tuple)):
        return [array for part in thing for array in arrays_in(part)]
    return []


def same(a, b):
    return content(a) == content(b)


def faults_of_behaviour(run):
    """Causes among BEHAVIOUR that the specimen shows, by the plainest test of each."""
    specimen, found = run.specimen, set()
    dout = run.dout(np.random.default_rng(5))

    def forward(args):
        return specimen.forward(*args, **copy.deepcopy(run.options))

    def backward(dout, cache):
        with np.errstate(all="ignore"):
            return specimen.backward(dout, cache)

    # the same call on fresh arguments, twice
    first_out, cache = forward(run.given())
    first = copy.deepcopy(backward(copy.deepcopy(dout), cache))
    again_out, cache = forward(run.given())
    again = backward(copy.deepcopy(dout), cache)
    if not (same(first_out, again_out) and same(first, again)):
        found.add("nondeterministic")

    # nothing that was given may change, or be given back
    args, given = run.given(), copy.deepcopy(dout)
    before = content(args)
    out, cache = forward(args)
    changed = content(args) != before
    before = content([args, given, cache])
    gradients = backward(given, cache)
    changed |= content([args, given, cache]) != before
    memory = [a for a in arrays_in([args, cache]) if a.size]
    mine = arrays_in(gradients)
    if changed or any(np.shares_memory(g, a) for g in mine for a in memory):
        found.add("mutates_or_aliases")

    # another forward in between
    args = run.given()
    _, cache = forward(args)
    other = Run(specimen, 1234).given()
    forward(other)
    try:
        unchanged = same(backward(copy.deepcopy(dout), cache), first)
    except (AttributeError, IndexError, KeyError, ValueError):
        unchanged = False
    if not unchanged and "nondeterministic" not in found:
        found.add("stale_cache")

    # form
    single = len(run.places) == 1
    listed = [first] if single else first
    if not single and (not isinstance(first, tuple) or len(first) != len(run.places)):
        found.add("bad_output")
    else:
        for gradient, i in zip(listed, run.places):
            arg = run.args[i]
            if (
                not isinstance(gradient, (np.ndarray, np.floating))
                or gradient.shape != arg.shape
                or gradient.dtype != arg.dtype
            ):
                found.add("bad_output")
            elif not np.isfinite(gradient).all():
                found.add("nonfinite")
    return found


# ---------------------------------------------------------------------------------------- tests


def check_wrong(specimen, seed):
    run = Run(specimen, seed)
    slight = specimen.cause == "precision_loss"
    assert judged(run, 1e-5 if slight else 1e-3) == set(specimen.wrong)
    assert judged(run, 1e-6) == set(specimen.wrong)
    faults = faults_of_behaviour(run)
    if specimen.cause in OTHER_SHAPE:
        faults.discard("bad_output")
    assert not faults


def check_right(specimen, seed):
    run = Run(specimen, seed)
    assert judged(run, 1e-6, careful=True) == set()
    assert faults_of_behaviour(run) == set()
    if any(run.args[i].dtype == np.float32 for i in run.places):
        dout = run.dout(np.random.default_rng(3))
        for single, double in zip(run.gradients(dout, run.fresh()), run.gradients(dout)):
            np.testing.assert_allclose(single, double, atol=1e-4 * np.abs(double).max())


def check_dirty(specimen, seed):
    run = Run(specimen, seed)
    faults = faults_of_behaviour(run)
    assert specimen.cause in faults
    assert faults <= {specimen.cause, *specimen.also}
    if not {"bad_output", "nondeterministic", "nonfinite"} & faults:
        assert judged(run, 1e-6, careful=True) == set(specimen.wrong)


@pytest.mark.parametrize("specimen", WRONG, ids=lambda s: s.name)
def test_a_wrong_specimen_is_wrong_in_the_gradients_it_lists(specimen):
    check_wrong(specimen, 0)


@pytest.mark.parametrize("specimen", RIGHT, ids=lambda s: s.name)
def test_a_right_specimen_is_right(specimen):
    check_right(specimen, 0)


# one does what NumPy 2.5 begins to call out of date
@pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")
@pytest.mark.parametrize("specimen", DIRTY, ids=lambda s: s.name)
def test_a_dirty_specimen_shows_its_fault_and_no_other(specimen):
    check_dirty(specimen, 0)


def test_names_are_unique():
    names = [s.name for s in WRONG + RIGHT + DIRTY]
    assert len(names) == len(set(names))


def test_every_cause_is_there_and_none_is_invented():
    counts = collections.Counter(s.cause for s in WRONG + DIRTY)
    assert set(counts) == set(CAUSES)
    assert min(counts.values()) >= 3
    assert all(set(s.also) <= set(CAUSES) - {s.cause} for s in WRONG + DIRTY)
    assert all(s.cause not in BEHAVIOUR and s.wrong for s in WRONG)
    assert all(s.cause in BEHAVIOUR for s in DIRTY)
    assert all(s.cause is None and not s.wrong and not s.also for s in RIGHT)


def test_the_corpus_is_large_enough():
    assert len(WRONG) >= 150
    assert len(RIGHT) >= 55
    assert len(DIRTY) >= 28
