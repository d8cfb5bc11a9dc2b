"""Regression, divergence and metric losses, each with one fault in its backward pass."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, normal


def mse_forward(pred, target):
    diff = pred - target
    loss = np.mean(diff**2)
    return loss, (pred, target, diff)


def mse_backward_no_two(dout, cache):
    pred, target, diff = cache
    return dout * diff / diff.size


def mse_backward_over_examples(dout, cache):
    pred, target, diff = cache
    N = pred.shape[0]
    return dout * 2 * diff / N


def mse_backward_target_minus_pred(dout, cache):
    pred, target, diff = cache
    return dout * 2 * (target - pred) / pred.size


def mse_backward_no_dout(dout, cache):
    pred, target, diff = cache
    return 2 * diff / diff.size


def mse_backward_dout_inside(dout, cache):
    pred, target, diff = cache
    return 2 * (dout * pred - target) / pred.size


class L2:
    """Half the squared distance, averaged over examples."""

    @staticmethod
    def forward(y_hat, y):
        N = y_hat.shape[0]
        out = 0.5 * np.sum((y_hat - y) ** 2) / N
        return out, {"y_hat": y_hat, "y": y}

    @staticmethod
    def backward(dout, cache):
        return dout * (cache["y_hat"] - cache["y"])


def l1_forward(pred, target):
    return np.abs(pred - target).sum() / pred.shape[0], (pred, target)


def l1_backward_of_mse(dout, cache):
    pred, target = cache
    return dout * 2 * (pred - target) / pred.shape[0]


def l1_backward_sign_of_pred(dout, cache):
    pred, target = cache
    return dout * np.sign(pred) / pred.shape[0]


def huber_forward(pred, target, delta=0.6):
    r = pred - target
    small = np.abs(r) <= delta
    per_entry = np.where(small, 0.5 * r**2, delta * (np.abs(r) - 0.5 * delta))
    return np.mean(per_entry), (r, small, delta)


def huber_backward_branches_exchanged(dout, cache):
    r, small, delta = cache
    return dout * np.where(small, delta * np.sign(r), r) / r.size


def huber_backward_unsigned(dout, cache):
    r, small, delta = cache
    return dout * np.where(small, r, delta) / r.size


def huber_backward_delta_lost(dout, cache):
    r, small, delta = cache
    return dout * np.where(small, r, np.sign(r)) / r.size


def pinball_forward(pred, target, quantile=0.8):
    r = target - pred
    return np.maximum(quantile * r, (quantile - 1) * r).mean(), (r, quantile)


def pinball_backward_sides_exchanged(dout, cache):
    r, q = cache
    return dout * np.where(r > 0, 1 - q, -q) / r.size


def log_cosh_forward(pred, target):
    r = pred - target
    return np.mean(np.log(np.cosh(r))), r


def log_cosh_backward_squared(dout, r):
    t = np.tanh(r)
    return dout * (1 - t**2) / r.size


def gaussian_nll_forward(mu, log_var, target):
    inv = np.exp(-log_var)
    loss = 0.5 * np.sum(log_var + (target - mu) ** 2 * inv)
    return loss, (mu, log_var, target, inv)


def gaussian_nll_backward_normaliser_lost(dout, cache):
    mu, log_var, target, inv = cache
    r = target - mu
    dmu = -r * inv * dout
    dlog_var = -0.5 * r**2 * inv * dout
    return dmu, dlog_var


def kl_forward(p, q):
    # sum of p log(p / q), both given as arrays
    log_ratio = np.log(p / q)
    return np.sum(p * log_ratio), (p, q, log_ratio)


def kl_backward_without_one(dout, cache):
    p, q, log_ratio = cache
    dp = dout * log_ratio
    dq = -dout * p / q
    return dp, dq


def kl_backward_exchanged(dout, cache):
    p, q, log_ratio = cache
    dp = -dout * p / q
    dq = dout * (log_ratio + 1)
    return dp, dq


def vae_kl_forward(mu, logvar):
    N = mu.shape[0]
    kl = -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar)) / N
    return kl, (mu, logvar)


def vae_kl_backward_summed(dout, cache):
    mu, logvar = cache
    dmu = dout * mu
    dlogvar = dout * 0.5 * (np.exp(logvar) - 1)
    return dmu, dlogvar


def triplet_forward(anchor, positive, negative, margin=1.5):
    dp = np.sum((anchor - positive) ** 2, axis=1)
    dn = np.sum((anchor - negative) ** 2, axis=1)
    violation = dp - dn + margin
    active = violation > 0
    return violation[active].sum(), (anchor, positive, negative, active)


def triplet_backward_exchanged(dout, cache):
    a, p, n, active = cache
    m = dout * active[:, None]
    da = 2 * m * (n - p)
    dp = 2 * m * (p - a)
    dn = 2 * m * (a - n)
    return da, dn, dp


def triplet_backward_inactive_too(dout, cache):
    a, p, n, active = cache
    danchor = 2 * dout * (n - p)
    dpositive = -2 * dout * (a - p)
    dnegative = 2 * dout * (a - n)
    return danchor, dpositive, dnegative


def cosine_loss_forward(u, v):
    nu = np.linalg.norm(u, axis=1)
    nv = np.linalg.norm(v, axis=1)
    cos = (u * v).sum(axis=1) / (nu * nv)
    return np.sum(1 - cos), (u, v, nu, nv, cos)


def cosine_loss_backward_norm_of_u_constant(dout, cache):
    u, v, nu, nv, cos = cache
    du = -dout * v / (nu * nv)[:, None]
    dv = -dout * (u / (nu * nv)[:, None] - (cos / nv**2)[:, None] * v)
    return du, dv


def close_pairs(rng):
    target = rng.standard_normal((5, 3))
    return target + rng.uniform(-1.5, 1.5, (5, 3)), target


def gaussian_inputs(rng):
    return tuple(rng.standard_normal((3, 4)) for _ in range(3))


def two_distributions(rng):
    p = rng.uniform(0.2, 1, (3, 4))
    q = rng.uniform(0.2, 1, (3, 4))
    return p / p.sum(1, keepdims=True), q / q.sum(1, keepdims=True)


def triplets(rng):
    anchor = rng.standard_normal((5, 3))
    positive = anchor + rng.uniform(0.2, 0.8, (5, 3))
    negative = anchor + rng.uniform(0.2, 0.8, (5, 3))
    negative[1] += 3
    negative[3] -= 4
    return anchor, positive, negative


def wrong(name, forward, backward, make, gradients, cause, also=(), **options):
    return Specimen(name, forward, backward, make, options, tuple(gradients), cause, also)


WRONG = [
    wrong(
        "mse: 2 left out",
        mse_forward,
        mse_backward_no_two,
        close_pairs,
        ["dpred"],
        "constant_scale",
    ),
    wrong(
        "mse: averaged over examples, not entries",
        mse_forward,
        mse_backward_over_examples,
        close_pairs,
        ["dpred"],
        "constant_scale",
    ),
    wrong(
        "mse: target - pred",
        mse_forward,
        mse_backward_target_minus_pred,
        close_pairs,
        ["dpred"],
        "sign_flip",
    ),
    wrong(
        "mse: not multiplied by dout",
        mse_forward,
        mse_backward_no_dout,
        close_pairs,
        ["dpred"],
        "dout_ignored",
    ),
    wrong(
        "mse: dout multiplies pred alone",
        mse_forward,
        mse_backward_dout_inside,
        close_pairs,
        ["dpred"],
        "dout_nonlinear",
        ("wrong_formula",),
    ),
    wrong("l2: not averaged", L2.forward, L2.backward, close_pairs, ["dy_hat"], "batch_scale"),
    wrong(
        "l1: derivative of the square",
        l1_forward,
        l1_backward_of_mse,
        close_pairs,
        ["dpred"],
        "wrong_formula",
    ),
    wrong(
        "l1: sign of pred",
        l1_forward,
        l1_backward_sign_of_pred,
        normal((5, 3), (5, 3)),
        ["dpred"],
        "wrong_tensor",
        ("wrong_mask",),
    ),
    wrong(
        "huber: branches exchanged",
        huber_forward,
        huber_backward_branches_exchanged,
        close_pairs,
        ["dpred"],
        "wrong_mask",
        delta=0.6,
    ),
    wrong(
        "huber: sign left out on the linear branch",
        huber_forward,
        huber_backward_unsigned,
        close_pairs,
        ["dpred"],
        "wrong_formula",
        ("sign_flip",),
        delta=0.6,
    ),
    wrong(
        "huber: delta left out on the linear branch",
        huber_forward,
        huber_backward_delta_lost,
        close_pairs,
        ["dpred"],
        "chain_factor",
        ("wrong_formula",),
        delta=0.6,
    ),
    wrong(
        "pinball: quantile on the wrong side",
        pinball_forward,
        pinball_backward_sides_exchanged,
        close_pairs,
        ["dpred"],
        "wrong_mask",
        ("wrong_formula",),
        quantile=0.8,
    ),
    wrong(
        "log cosh: derivative of tanh",
        log_cosh_forward,
        log_cosh_backward_squared,
        close_pairs,
        ["dpred"],
        "wrong_formula",
    ),
    wrong(
        "gaussian nll: log variance's own term left out",
        gaussian_nll_forward,
        gaussian_nll_backward_normaliser_lost,
        gaussian_inputs,
        ["dlog_var"],
        "missing_path",
    ),
    wrong(
        "kl: + 1 left out",
        kl_forward,
        kl_backward_without_one,
        two_distributions,
        ["dp"],
        "missing_path",
        ("wrong_formula",),
    ),
    wrong(
        "kl: dp and dq exchanged",
        kl_forward,
        kl_backward_exchanged,
        two_distributions,
        ["dp", "dq"],
        "swapped_outputs",
    ),
    wrong(
        "vae kl: not averaged",
        vae_kl_forward,
        vae_kl_backward_summed,
        normal((5, 3), (5, 3)),
        ["dmu", "dlogvar"],
        "batch_scale",
    ),
    wrong(
        "triplet: positive and negative exchanged",
        triplet_forward,
        triplet_backward_exchanged,
        triplets,
        ["dpositive", "dnegative"],
        "swapped_outputs",
        margin=1.5,
    ),
    wrong(
        "triplet: satisfied triplets counted",
        triplet_forward,
        triplet_backward_inactive_too,
        triplets,
        ["danchor", "dpositive", "dnegative"],
        "wrong_mask",
        margin=1.5,
    ),
    wrong(
        "cosine loss: norm of u taken as constant",
        cosine_loss_forward,
        cosine_loss_backward_norm_of_u_constant,
        normal((5, 3), (5, 3)),
        ["du"],
        "missing_path",
    ),
]
