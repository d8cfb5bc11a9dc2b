"""Activations with parameters or two inputs: PReLU, GLU, products, quotients, maxima."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, normal, positive


def prelu_forward(x, alpha):
    # one slope for each feature
    out = np.where(x > 0, x, alpha * x)
    return out, (x, alpha)


def prelu_backward_slope_from_positive_side(dout, cache):
    x, alpha = cache
    dx = np.where(x > 0, dout, alpha * dout)
    dalpha = np.sum(dout * x * (x > 0), axis=0)
    return dx, dalpha


def prelu_backward_slope_per_example(dout, cache):
    x, alpha = cache
    dx = np.where(x > 0, dout, alpha * dout)
    dalpha = np.minimum(x, 0) * dout
    return dx, dalpha


class GLU:
    """Gated linear unit: the second half of the features gates the first."""

    @staticmethod
    def forward(x):
        half = x.shape[1] // 2
        a, b = x[:, :half], x[:, half:]
        gate = 1 / (1 + np.exp(-b))
        return a * gate, (a, gate)

    @staticmethod
    def backward_halves_exchanged(dout, cache):
        a, gate = cache
        da = dout * gate
        db = dout * a * gate * (1 - gate)
        return np.concatenate([db, da], axis=1)

    @staticmethod
    def backward_gate_not_derived(dout, cache):
        a, gate = cache
        return np.hstack((dout * gate, dout * a))

    @staticmethod
    def backward_value_half_only(dout, cache):
        a, gate = cache
        dx = np.zeros((dout.shape[0], 2 * dout.shape[1]))
        dx[:, : dout.shape[1]] = dout * gate
        return dx


def mul_forward(a, b):
    return a * b, (a, b)


def mul_backward_own_factor(dout, cache):
    a, b = cache
    da = dout * a
    db = dout * b
    return da, db


def div_forward(a, b):
    out = a / b
    return out, (a, b, out)


def div_backward_plus(dout, cache):
    a, b, out = cache
    da = dout / b
    db = dout * a / b**2
    return da, db


def div_backward_not_squared(dout, cache):
    a, b, out = cache
    da = dout / b
    db = -dout * a / b
    return da, db


def max_forward(a, b):
    out = np.maximum(a, b)
    return out, (a, b)


def max_backward_loser_takes_all(dout, cache):
    a, b = cache
    mask = a > b
    return dout * ~mask, dout * mask


def max_backward_both_at_ties(dout, cache):
    a, b = cache
    da = dout * (a >= b)
    db = dout * (b >= a)
    return da, db


def sub_forward(a, b):
    return a - b, None


def sub_backward(dout, cache):
    return dout.copy(), dout.copy()


def swiglu_forward(u, v, beta):
    # beta is a single learned number
    s = 1 / (1 + np.exp(-beta * u))
    out = u * s * v
    return out, dict(u=u, v=v, s=s, beta=beta)  # noqa: C408


def swiglu_backward_beta_not_summed(dout, cache):
    u, v, s, beta = cache["u"], cache["v"], cache["s"], cache["beta"]
    dv = dout * u * s
    du = dout * v * (s + u * beta * s * (1 - s))
    dbeta = np.sum(dout * v * u**2 * s * (1 - s), axis=0)
    return du, dv, dbeta


def equal_in_places(rng):
    a = rng.standard_normal((4, 5))
    b = rng.standard_normal((4, 5))
    b[0, 2] = a[0, 2]
    b[2, :2] = a[2, :2]
    return a, b


WRONG = [
    Specimen(
        "prelu: slope's gradient from the positive side",
        prelu_forward,
        prelu_backward_slope_from_positive_side,
        normal((5, 3), (3,)),
        {},
        ("dalpha",),
        "wrong_mask",
    ),
    Specimen(
        "prelu: slope's gradient not summed",
        prelu_forward,
        prelu_backward_slope_per_example,
        normal((5, 3), (3,)),
        {},
        ("dalpha",),
        "missing_reduction",
    ),
    Specimen(
        "glu: halves joined in the wrong order",
        GLU.forward,
        GLU.backward_halves_exchanged,
        normal((5, 6)),
        {},
        ("dx",),
        "rearranged",
        ("swapped_outputs",),
    ),
    Specimen(
        "glu: gate's sigmoid not derived",
        GLU.forward,
        GLU.backward_gate_not_derived,
        normal((5, 6)),
        {},
        ("dx",),
        "chain_factor",
    ),
    Specimen(
        "glu: nothing for the gate",
        GLU.forward,
        GLU.backward_value_half_only,
        normal((5, 6)),
        {},
        ("dx",),
        "missing_path",
        ("partial_fill",),
    ),
    Specimen(
        "product: each factor times itself",
        mul_forward,
        mul_backward_own_factor,
        normal((3, 5), (3, 5)),
        {},
        ("da", "db"),
        "swapped_outputs",
        ("wrong_tensor",),
    ),
    Specimen(
        "quotient: minus left out",
        div_forward,
        div_backward_plus,
        positive((3, 5), (3, 5)),
        {},
        ("db",),
        "sign_flip",
    ),
    Specimen(
        "quotient: denominator not squared",
        div_forward,
        div_backward_not_squared,
        positive((3, 5), (3, 5)),
        {},
        ("db",),
        "chain_factor",
        ("wrong_formula",),
    ),
    Specimen(
        "maximum: gradient to the smaller",
        max_forward,
        max_backward_loser_takes_all,
        normal((3, 5), (3, 5)),
        {},
        ("da", "db"),
        "wrong_mask",
        ("swapped_outputs",),
    ),
    Specimen(
        "maximum: all of dout to both at a tie",
        max_forward,
        max_backward_both_at_ties,
        equal_in_places,
        {},
        ("da", "db"),
        "kink_value",
    ),
    Specimen(
        "difference: both positive",
        sub_forward,
        sub_backward,
        normal((3, 5), (3, 5)),
        {},
        ("db",),
        "sign_flip",
    ),
    Specimen(
        "swiglu: gradient of the one beta not summed over features",
        swiglu_forward,
        swiglu_backward_beta_not_summed,
        normal((3, 5), (3, 5), (1,)),
        {},
        ("dbeta",),
        "missing_reduction",
    ),
]
