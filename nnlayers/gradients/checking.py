"""The verdict on a backward pass: does it agree with numerical derivatives of its forward pass.

First the whole is compared at once: all arrays are moved together along random directions, and
the derivative of <dout, out> must be <backward(dout), direction>.  That costs some twenty forward
calls however large the arrays are, and a right layer is done.  Only after a disagreement are the
arrays moved apart, then single entries.

The upstream gradient is random, never ones: with ones, whatever sums to a constant (softmax,
batch normalization) has a zero gradient and hides every mistake.
"""

import time

import numpy as np

from nnlayers.gradients.diagnosis import diagnose
from nnlayers.gradients.entries import ESTIMATES, Rows, judge_kinks, judge_rows, tolerance
from nnlayers.gradients.locating import (
    agrees,
    compare,
    is_kinked,
    sample,
    search,
    size_of,
)
from nnlayers.gradients.point import Point
from nnlayers.gradients.probes import Crash, lower_precision, probe, probe_again, where
from nnlayers.gradients.report import Finding, Report
from nnlayers.gradients.results import all_finite
from nnlayers.gradients.second_order import second_order_findings
from nnlayers.gradients.subject import subject_of, takes
from nnlayers.layers.checks import complaint
from nnlayers.layers.initializers import generator

# no verdict where the numerical estimate is worse than this part of the largest entry, for more
# than this part of all entries
UNDECIDED, MANY_POOR = 1e-3, 0.5
# a projection settles the matter if errors of this part of a typical entry would show
SETTLED = 1e-3
# gradients smaller than this part of others' are taken for zero but for rounding
ROUNDING = 1e-13
# what looking at every single entry of a gradient may cost: seconds, and numbers held
SECONDS, NUMBERS = 1.0, 4e6


def check_gradients(target, *args, gradient=None, wrt=None, order=1, **options):
    """Compare a backward pass with numerical derivatives, and report what is wrong, where and why.

    <dout, J u> = <backward(dout), u> for random dout and u; then entry by entry
    |gᵢ - nᵢ| ≤ 20 eᵢ + 10⁻⁷ |nᵢ| + 10⁻¹¹ maxₖ |nₖ|, with g the gradient from backward, n the
    numerical one and e the estimate of its error

    Parameters
    ----------
    target : Layer, pair of functions, or function
        A layer or net (its input and every parameter are checked), a pair ``(forward, backward)``,
        or a function that returns a number, with ``gradient=``.
    *args
        Arguments of forward.
    gradient : ndarray or tuple of ndarray, optional
        The gradient that is claimed for a function.
    wrt : str, int or list of these, optional
        Names or positions of the arguments to check; by default every floating-point array that is
        not named y, target(s), label(s) or mask.
    order : {1, 2}
        With 2, backward's own derivatives are judged too: Jᵀ in dout, symmetric in x.
    **options
        Keywords of forward, such as ``train=True`` or ``rng=0``; a generator is copied for each
        call, so that every call draws the same numbers.  ``seed=`` (0 by default) seeds the random
        upstream gradients, unless forward itself takes a seed.

    Returns
    -------
    Report
        ``report.verdict`` is "right", "wrong" or "undecided"; printing it says the rest.

    Raises
    ------
    TypeError, ValueError
        If the target or the arguments cannot be checked.

    Source
    ------
    cs231n notes, "Gradient checks"; Ridders (1982) for the error estimate.

    Examples
    --------
    >>> from nnlayers import affine_forward, affine_backward
    >>> rng = np.random.default_rng(0)
    >>> x, w, b = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)
    >>> check_gradients((affine_forward, affine_backward), x, w, b).verdict
    'right'
    >>> def wrong_backward(dout, cache):
    ...     dx, dw, db = affine_backward(dout, cache)
    ...     return dx, -dw, db
    >>> check_gradients((affine_forward, wrong_backward), x, w, b).wrong
    ('dw',)
    """
    seed = 0 if takes(target, "seed") else options.pop("seed", 0)
    subject = subject_of("check_gradients", target, args, gradient, wrt, options)
    if order not in (1, 2):
        raise complaint(ValueError, "check_gradients", f"order must be 1 or 2, not {order!r}")
    if not subject.arrays:
        raise complaint(
            ValueError, "check_gradients", "there is no floating-point array to differentiate",
            "see wrt",
        )  # fmt: skip
    if subject.trusted:  # the library's own pairs do not touch the global random state
        return _examine(subject, seed, order)
    state = np.random.get_state()  # noqa: NPY002
    try:
        return _examine(subject, seed, order)
    finally:
        np.random.set_state(state)  # noqa: NPY002


def assert_gradients(target, *args, **keywords):
    """Raise AssertionError with the report unless :func:`check_gradients` says "right".

    Parameters
    ----------
    target, *args, **keywords
        As for :func:`check_gradients`.

    Raises
    ------
    AssertionError
        With the report as its text.

    Examples
    --------
    >>> from nnlayers import Affine
    >>> assert_gradients(Affine(3, 2, rng=0), np.random.default_rng(0).normal(size=(4, 3)))
    """
    __tracebackhide__ = True  # pytest then shows the line of the test
    report = check_gradients(target, *args, **keywords)
    if not report.ok:
        raise AssertionError(f"\n{report}")


def _examine(subject, seed, order):
    """Run the probes and the comparisons, and make the report."""
    with np.errstate(all="ignore"):  # steps may leave the domain; what comes of it is judged here
        try:
            point = Point(subject, generator(seed))
        except Exception as error:
            return Report(subject, seed, crash=f"forward raised {where(error)}")
        try:
            behaviour = probe(point)
        except Crash as crash:
            return Report(subject, seed, crash=str(crash))
        random = any(d.cause == "nondeterministic" for d in behaviour)
        missing = all(gradient is None for gradient in point.claims[0])
        if random or missing:  # nothing to compare, or nothing to compare with
            return Report(subject, seed, behaviour=behaviour, point=point)
        findings, rows = _findings(point)
        try:
            probe_again(point, behaviour)
        except Exception as error:
            return Report(subject, seed, crash=f"a second backward raised {where(error)}")
        wrong = [k for k, f in enumerate(findings) if f.verdict == "wrong" and k in rows]
        causes = []
        if wrong:
            kinks = {k for k in wrong if findings[k].only_kinks}
            causes = diagnose(point, wrong, {k: rows[k] for k in wrong}, kinks)
        elif order == 2 and all(f.verdict == "right" for f in findings):
            findings += second_order_findings(point)
        report = Report(subject, seed, findings, behaviour, causes, point=point)
        report.precision = lower_precision(point)
    return report


def _findings(point):
    """Return the finding on every gradient, and what is known of the ones that were looked into."""
    names, claims = point.subject.gradients, point.claims[0]
    findings = [Finding(name, "wrong", gradient) for name, gradient in zip(names, claims)]
    arrays = point.subject.arrays.values()
    comparable = [k for k, (g, a) in enumerate(zip(claims, arrays)) if _is_comparable(g, a)]
    rows = {}
    if comparable:
        found, rows = _compare_all(point, comparable)
        for k, finding in found.items():
            findings[k] = finding
    for k, gradient in enumerate(claims):
        if k not in comparable and gradient is not None and all_finite(gradient):
            rows[k] = _look_closely(point, k, judged=False)[1]
            if _same_in_another_shape(gradient, rows[k], point):
                findings[k] = Finding(names[k], "right", gradient)
    return findings, rows


def _same_in_another_shape(gradient, rows, point):
    """Whether a gradient of the wrong shape holds the true numbers: only its form is wrong."""
    if gradient.size != len(rows.indices):
        return False
    truth, error = rows.pulled(point.weights[:1])
    largest = np.abs(truth).max(initial=0.0)
    off = np.abs(gradient.ravel() - truth[0]) > tolerance(truth[0], error[0], largest)
    return not off.any()


def _is_comparable(gradient, array):
    return gradient is not None and gradient.shape == array.shape and all_finite(gradient)


def _compare_all(point, which):
    """Return findings on the gradients at these positions, and rows of what was looked at."""
    names = point.subject.gradients
    steps = point.scales
    direction = steps * point.spread(steps.size)
    # each entry is moved so that all weigh alike: a small wrong gradient would drown among large
    weight = np.abs(point.claimed[0] * steps)
    sizes = [_small_size(weight[place]) for place in point.subject.slices]
    most = max(size if size < np.inf else 0.0 for size in sizes)
    # a gradient that is zero but for rounding (a bias before a normalization) sets no measure
    typical = min((size for size in sizes if size > ROUNDING * most), default=np.inf)
    if np.isfinite(typical):
        direction *= np.maximum(typical / np.maximum(weight, typical), 1e-8)
    else:
        typical = 0.0  # every gradient is claimed to be zero
    if len(which) < len(names):
        for k, place in enumerate(point.subject.slices):
            if k not in which:
                direction[place] = 0.0
    agreed = compare(point, [direction], at_least=2).all()
    # it settles the matter if an error of a thousandth in one typical entry would have shown
    blunt = typical > 0.0 and point.slack > SETTLED * typical
    findings = {k: Finding(names[k], "right", point.claims[0][k]) for k in which}
    if agreed and not blunt:
        return findings, {}
    hidden = point.hidden
    blunt = blunt and _is_affordable(point, point.base.size)
    suspects = [
        k for k in which if blunt or (not agreed and not (agrees(point, k) and agrees(point, k)))
    ]
    point.hidden = hidden
    found = [_look_closely(point, k) for k in suspects]
    kinked = [rows for _, rows, _, _ in found if rows.kinks.any()]
    at_kinks = dict(zip(map(id, kinked), judge_kinks(point, kinked))) if kinked else {}
    for k, (place, rows, off, share) in zip(suspects, found):
        wrong_at_kinks = at_kinks.get(id(rows), np.zeros(len(off), bool))
        findings[k] = _finding(place, k, rows, off, wrong_at_kinks, share)
    return findings, {k: rows for k, (_, rows, _, _) in zip(suspects, found)}


def _small_size(weight):
    """Return the size of the smaller ones among magnitudes; zeros do not count."""
    positive = weight > 0.0
    if not positive.any():
        return np.inf
    nonzero = weight if positive.all() else weight[positive]
    rank = nonzero.size // 10
    return float(np.partition(nonzero, rank)[rank])


def _look_closely(point, k, judged=True):
    """Return where it was looked at, numerical rows, which entries are wrong, and their share."""
    size = size_of(point, k)
    if _is_affordable(point, size):
        rows = Rows(point, k, np.arange(size))
        off = judge_rows(point, rows) if judged else np.ones(size, bool)
        return point, rows, off, off.mean() if size else 0.0
    if not judged:
        rows = Rows(point, k, sample(point, k))
        return point, rows, np.ones(len(rows.indices), bool), 1.0
    if is_kinked(point, k):
        nudged = point.nudged()
        if nudged is not None and agrees(nudged, k):
            # right a little away from here: only entries at kinks can be wrong
            rows = Rows(point, k, sample(point, k))
            return point, rows, judge_rows(point, rows), 0.0
        point = nudged or point
    return point, *search(point, k)


def _is_affordable(point, size):
    """Whether so many single entries can be looked at."""
    if size * point.center.size > NUMBERS:
        return False
    start = time.perf_counter()
    point.here()
    return size * 6 * (time.perf_counter() - start) <= SECONDS


def _finding(point, k, rows, off, wrong_at_kinks, share):
    """Return the finding on one gradient from its entries."""
    claimed = point.claims[0][k]
    numeric = np.full(claimed.size, np.nan)
    error = np.full(claimed.size, np.nan)
    wrong = np.zeros(claimed.size, bool)
    truth, estimate = rows.pulled(point.weights[:1])
    numeric[rows.indices], error[rows.indices] = truth[0], estimate[0]
    wrong[rows.indices] = off | wrong_at_kinks
    numeric, error, wrong = (part.reshape(claimed.shape) for part in (numeric, error, wrong))
    only_kinks = bool(wrong_at_kinks.any() and not off.any())
    verdict = "wrong" if wrong.any() else "right"
    if verdict == "right":
        smooth = ~rows.kinks.any(axis=1)
        largest = max(np.abs(truth).max(initial=0.0), np.abs(claimed).max(initial=0.0))
        poor = estimate[0][smooth] > UNDECIDED * largest
        noise = estimate[0][smooth].max(initial=0.0)
        zero = (np.abs(truth[0]) <= ESTIMATES * estimate[0]).all()
        if poor.sum() > MANY_POOR * poor.size and not (zero and np.abs(claimed).max() <= noise):
            verdict = "undecided"
        looked = np.abs(claimed.ravel()[rows.indices])
        hidden = (looked > 0.0) & (looked < tolerance(truth[0], estimate[0], largest))
        point.hidden[point.subject.slices[k]][rows.indices] = hidden
    return Finding(
        point.subject.gradients[k], verdict, claimed, numeric, error, wrong, share, only_kinks
    )
