"""Elementwise functions, each with one fault in its backward pass."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, normal, positive


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus_forward(x, beta=2.5):
    out = np.logaddexp(0, beta * x) / beta
    return out, (x, beta)


def softplus_backward_beta_too_many(dout, cache):
    x, beta = cache
    dx = dout * beta * sigmoid(beta * x)
    return dx


def softplus_backward_other_side(dout, cache):
    x, beta = cache
    e = np.exp(-beta * x)
    return dout * e / (1 + e)


def softsign_forward(x):
    d = 1 + np.abs(x)
    return x / d, d


def softsign_backward_once(dout, d):
    return dout / d


def hard_sigmoid_forward(x):
    out = np.clip(0.2 * x + 0.5, 0, 1)
    return out, out


def hard_sigmoid_backward_slope_lost(dout, out):
    inside = (out > 0) & (out < 1)
    return dout * inside


def clip_forward(x, lo=-0.5, hi=0.7):
    return np.clip(x, lo, hi), (x, lo, hi)


def clip_backward_one_end(dout, cache):
    x, lo, hi = cache
    dx = dout.copy()
    dx[x < lo] = 0
    return dx


def square_forward(x):
    return x**2, x


def square_backward(dout, x):
    return dout * x


def abs_forward(x):
    return np.abs(x), x


def abs_backward_of_abs_dout(dout, x):
    return np.sign(x) * np.abs(dout)


def exp_forward(x):
    out = np.exp(x)
    return out, (x, out)


def exp_backward_at_x(dout, cache):
    x, out = cache
    return dout * x


def log_forward(x):
    out = np.log(x)
    return out, (x, out)


def log_backward_over_out(dout, cache):
    x, out = cache
    return dout / out


def sqrt_forward(x):
    out = np.sqrt(x)
    return out, out


def sqrt_backward(dout, out):
    return dout / out


def power_forward(x, p=2.5):
    return x**p, (x, p)


def power_backward_exponent_kept(dout, cache):
    x, p = cache
    return dout * p * x**p


def reciprocal_forward(x):
    out = 1 / x
    return out, out


def reciprocal_backward(dout, out):
    return dout * out**2


def cos_forward(x):
    return np.cos(x), x


def cos_backward(dout, x):
    return dout * np.sin(x)


def across_the_slope(rng):
    return (rng.uniform(-5, 5, (5, 6)),)


X = normal((5, 6))


POSITIVE = positive((3, 5))


def dx_wrong(name, forward, backward, make, cause, also=(), **options):
    return Specimen(name, forward, backward, make, options, ("dx",), cause, also)


WRONG = [
    dx_wrong(
        "softplus: beta once too often",
        softplus_forward,
        softplus_backward_beta_too_many,
        X,
        "constant_scale",
        beta=2.5,
    ),
    dx_wrong(
        "softplus: sigmoid(-x)",
        softplus_forward,
        softplus_backward_other_side,
        X,
        "wrong_formula",
        beta=1.0,
    ),
    dx_wrong(
        "softsign: denominator not squared",
        softsign_forward,
        softsign_backward_once,
        X,
        "chain_factor",
        ("wrong_formula",),
    ),
    dx_wrong(
        "hard sigmoid: slope 0.2 left out",
        hard_sigmoid_forward,
        hard_sigmoid_backward_slope_lost,
        across_the_slope,
        "constant_scale",
    ),
    dx_wrong(
        "clip: upper end passes",
        clip_forward,
        clip_backward_one_end,
        X,
        "wrong_mask",
        lo=-0.5,
        hi=0.7,
    ),
    dx_wrong("square: 2 left out", square_forward, square_backward, X, "constant_scale"),
    dx_wrong(
        "abs: |dout| in place of dout", abs_forward, abs_backward_of_abs_dout, X, "dout_nonlinear"
    ),
    dx_wrong("exp: dout * x", exp_forward, exp_backward_at_x, X, "wrong_tensor"),
    dx_wrong("log: dout / out", log_forward, log_backward_over_out, POSITIVE, "wrong_tensor"),
    dx_wrong("sqrt: 1/2 left out", sqrt_forward, sqrt_backward, POSITIVE, "constant_scale"),
    dx_wrong(
        "power: exponent not lowered",
        power_forward,
        power_backward_exponent_kept,
        POSITIVE,
        "wrong_formula",
        p=2.5,
    ),
    dx_wrong(
        "reciprocal: minus left out", reciprocal_forward, reciprocal_backward, POSITIVE, "sign_flip"
    ),
    dx_wrong("cos: minus left out", cos_forward, cos_backward, X, "sign_flip"),
]
