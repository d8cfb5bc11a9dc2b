"""The verdict on a backward pass: does it agree with numerical derivatives of its forward pass.

The upstream gradient is random, never ones: with ones, whatever sums to a constant (softmax,
batch normalization) has a zero gradient and hides every mistake.
"""

import numpy as np

from nnlayers.gradients.numerical import perturb_each
from nnlayers.gradients.report import Finding, Report
from nnlayers.gradients.subject import subject_of
from nnlayers.layers.checks import complaint
from nnlayers.layers.initializers import generator

# A gradient's entry is right if it differs from the numerical one by no more than
#   20 x the error estimate + 1e-7 x |entry| + 1e-11 x the largest entry,
# the last for the rounding of backward itself.  There is no absolute constant.
ESTIMATES, OF_ENTRY, OF_LARGEST = 20.0, 1e-7, 1e-11
# no verdict where the estimate is worse than this part of the largest entry
UNDECIDED = 1e-3


def check_gradients(target, *args, gradient=None, wrt=None, seed=0, **options):
    """Compare a backward pass with numerical derivatives, and report what is wrong.

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
    seed : int
        Seed of the random upstream gradient.
    **options
        Keywords of forward, such as ``train=True`` or ``rng=0``; a generator is copied for each
        call, so that every call draws the same numbers.

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
    cs231n notes, "Gradient checks".

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
    op = "check_gradients"
    subject = subject_of(op, target, args, gradient, wrt, options)
    if not subject.arrays:
        raise complaint(
            ValueError, op, "there is no floating-point array to differentiate", "see wrt"
        )
    rng = generator(seed)
    outs, cache = subject.forward()
    outs = [np.array(out, dtype=np.float64) for out in outs]
    douts = [rng.standard_normal(out.shape) for out in outs]
    weight = sum(
        float(np.abs(out).ravel() @ np.abs(dout).ravel()) for out, dout in zip(outs, douts)
    )
    grads = subject.backward([dout.copy() for dout in douts], cache)
    findings = []
    for x, label, claimed in zip(subject.arrays.values(), subject.gradients, grads):

        def phi(i, t):
            new, _ = subject.forward()
            return np.array([_dot(new, douts)])

        at_zero = np.array([_dot(outs, douts)])
        found = perturb_each(phi, x, at_zero, outs[0], extra=weight)
        numeric, error = (part[:, 0].reshape(x.shape) for part in found[:2])
        findings.append(_judge(label, claimed, numeric, error, found.left, found.right))
    shapes = {name: array.shape for name, array in subject.arrays.items()}
    return Report(subject.shown, tuple(findings), shapes, seed)


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


def _dot(outs, douts):
    return sum(float(np.dot(np.ravel(out), dout.ravel())) for out, dout in zip(outs, douts))


def _judge(label, claimed, numeric, error, left, right):
    """Return the finding on one gradient."""
    claimed = np.asarray(claimed, dtype=np.float64)
    if claimed.shape != numeric.shape:
        return Finding(
            label, "wrong", f"has shape {claimed.shape} but must have {numeric.shape}", claimed,
            numeric, error,
        )  # fmt: skip
    largest = np.abs(numeric).max(initial=0.0)
    tolerance = ESTIMATES * error + OF_ENTRY * np.abs(numeric) + OF_LARGEST * largest
    # at a kink any value between the one-sided derivatives is a subgradient
    kink = np.isfinite(left).reshape(numeric.shape)
    gap = np.abs(right - left).reshape(numeric.shape) / 2
    tolerance = np.where(kink, gap * (1 + OF_ENTRY) + ESTIMATES * (error - gap), tolerance)
    with np.errstate(invalid="ignore"):
        off = ~(np.abs(claimed - numeric) <= tolerance)  # NaN is off too
    if off.any():
        return Finding(label, "wrong", None, claimed, numeric, error, off)
    noise = np.where(kink, 0.0, error).max(initial=0.0)
    size = max(largest, np.abs(claimed).max(initial=0.0))
    if noise > UNDECIDED * size and size > ESTIMATES * noise * 1e-3 and size > 0:
        zero = (np.abs(numeric) <= ESTIMATES * error).all()
        if not (zero and np.abs(claimed).max(initial=0.0) <= noise):
            return Finding(label, "undecided", None, claimed, numeric, error)
    return Finding(label, "right", None, claimed, numeric, error)
