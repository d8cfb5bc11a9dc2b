"""Second derivatives: backward itself, as a function of x and dout.

The gradient of <dout, out(x)> with respect to x is b(dout; x) = Jᵀ dout.  As a function of dout it
is linear, with the same Jᵀ as its derivative.  As a function of x it is the gradient of a number,
so its own derivative is a matrix of second derivatives, and that is symmetric:
<∂b/∂x u₁, u₂> = <∂b/∂x u₂, u₁> for all directions.
"""

import numpy as np

from nnlayers.gradients.differences import differentiate
from nnlayers.gradients.point import EPS, FIRST, split
from nnlayers.gradients.report import Finding

TESTS = 3  # random directions


def second_order_findings(point):
    """Return two findings: on backward's derivative by dout, and on that by x.

    Parameters
    ----------
    point : Point
        Where; its first-order gradients should be right.
    """
    return _by_dout(point), _by_x(point)


def _by_dout(point):
    """Backward's derivative in dout must be Jᵀ: <b(v + t q), u> must grow with t as <q, J u>."""
    claimed, numeric, error = [], [], []
    for _ in range(TESTS):
        u = point.scales * point.spread(point.base.size)
        v, q = point.spread((2, point.center.size))

        def along(i, t, u=u, v=v, q=q):
            return np.array([u @ _pulled(point, v + t * q)])

        found = differentiate(along, np.array([FIRST]), along(0, 0.0), EPS)
        truth = point.along([u], q[None])
        claimed.append(found.value[0, 0])
        numeric.append(truth.value[0, 0])
        error.append(found.error[0, 0] + truth.error[0, 0])
    return _finding("∂(backward)/∂dout", claimed, numeric, error)


def _by_x(point):
    """Backward's derivative in x must be symmetric."""
    left, right, error = [], [], []
    for _ in range(TESTS):
        u, w = point.scales * point.spread((2, point.base.size))
        v = point.spread(point.center.size)
        sides = []
        for move, test in ((u, w), (w, u)):

            def along(i, t, move=move, test=test, v=v):
                return np.array([test @ _pulled_at(point, t * move, v)])

            sides.append(differentiate(along, np.array([FIRST]), along(0, 0.0), EPS))
        left.append(sides[0].value[0, 0])
        right.append(sides[1].value[0, 0])
        error.append(sides[0].error[0, 0] + sides[1].error[0, 0])
    return _finding("∂(backward)/∂x", left, right, error)


def _pulled(point, v):
    """Return backward's gradients for the dout v, as one vector."""
    return point.as_vector(point.gradients(split(v, point.outs)))


def _pulled_at(point, offset, v):
    """Return the same at another place."""
    flat = point.subject.flat
    np.add(point.base, offset, out=flat)
    try:
        _, cache = point.forward()
        return point.as_vector(point.gradients(split(v, point.outs), cache))
    finally:
        flat[...] = point.base


def _finding(name, claimed, numeric, error):
    claimed, numeric, error = (np.array(part) for part in (claimed, numeric, error))
    size = max(np.abs(numeric).max(), np.abs(claimed).max())
    wrong = ~(np.abs(claimed - numeric) <= 20.0 * error + 1e-7 * size)
    if wrong.any():
        verdict = "wrong"
    else:
        verdict = "undecided" if error.max() > 1e-3 * size > 0.0 else "right"
    return Finding(name, verdict, claimed, numeric, error, wrong, float(wrong.mean()))
