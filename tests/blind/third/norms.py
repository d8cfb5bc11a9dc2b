"""Wrong normalisation layers and dropout."""

import numpy as np

from blind.shelf import note
from corpus.specimen import normal

WRONG = []
EPS = 1e-5


def bn_inputs(n, d):
    def make(rng):
        return (
            rng.normal(size=(n, d)) * 1.5 + 0.4,
            rng.normal(size=d) + 2,
            rng.normal(size=d),
        )

    return make


def batchnorm_forward(x, gamma, beta):
    mu = x.mean(axis=0)
    xmu = x - mu
    var = (xmu**2).mean(axis=0)
    sqrtvar = np.sqrt(var + EPS)
    ivar = 1.0 / sqrtvar
    xhat = xmu * ivar
    return gamma * xhat + beta, (xhat, gamma, xmu, ivar, sqrtvar, var)


def batchnorm_backward_frozen(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var = cache
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dx = dout * gamma * ivar
    return dx, dgamma, dbeta


def batchnorm_backward_staged_no_mean(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var = cache
    N, D = dout.shape
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    dsqrtvar = -1.0 / (sqrtvar**2) * divar
    dvar = 0.5 / np.sqrt(var + EPS) * dsqrtvar
    dsq = 1.0 / N * np.ones((N, D)) * dvar
    dxmu2 = 2 * xmu * dsq
    dx = dxmu1 + dxmu2
    return dx, dgamma, dbeta


def batchnorm_backward_staged_no_var(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var = cache
    dbeta = dout.sum(0)
    dgamma = (dout * xhat).sum(0)
    dxhat = dout * gamma
    dxmu = dxhat * ivar
    dmu = -dxmu.sum(axis=0)
    dx = dxmu + dmu / len(dout)
    return dx, dgamma, dbeta


def batchnorm_backward_staged_power(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var = cache
    m = dout.shape[0]
    dxhat = dout * gamma
    dvar = np.sum(dxhat * xmu * -0.5 * (var + EPS) ** -0.5, axis=0)
    dmu = np.sum(dxhat * -ivar, axis=0) + dvar * np.mean(-2 * xmu, axis=0)
    dx = dxhat * ivar + dvar * 2 * xmu / m + dmu / m
    return dx, np.sum(dout * xhat, axis=0), np.sum(dout, axis=0)


def batchnorm_backward_staged_no_m(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var = cache
    m = dout.shape[0]
    dxhat = dout * gamma
    dvar = np.sum(dxhat * xmu * -0.5 * ivar**3, axis=0)
    dmu = np.sum(-dxhat * ivar, axis=0)
    dx = dxhat * ivar + dvar * 2 * xmu + dmu / m
    return dx, np.sum(dout * xhat, axis=0), np.sum(dout, axis=0)


def batchnorm_backward_short_no_gamma(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var = cache
    N = len(dout)
    dbeta = dout.sum(axis=0)
    dgamma = np.einsum("nd,nd->d", dout, xhat)
    dx = ivar / N * (N * dout - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta


def batchnorm_backward_short_no_n(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var = cache
    N = len(dout)
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xhat).sum(axis=0)
    dx = gamma * ivar * (N * dout - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta


def batchnorm_backward_centred(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var = cache
    N = len(dout)
    g = dout * gamma
    dx = ivar * (g - g.mean(0) - xhat * (g * xhat).mean(0))
    dgamma = np.sum(dout * xmu, axis=0)
    dbeta = np.sum(dout, axis=0)
    return dx, dgamma, dbeta


def batchnorm_backward_rows(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var = cache
    g = dout * gamma
    dx = ivar * (g - g.mean(0) - xhat * (g * xhat).mean(0))
    return dx, np.sum(dout * xhat, axis=1), np.sum(dout, axis=1)


def batchnorm_backward_swapped(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var = cache
    g = dout * gamma
    dx = ivar * (g - g.mean(0) - xhat * (g * xhat).mean(0))
    dgamma = np.sum(dout * xhat, axis=0)
    dbeta = np.sum(dout, axis=0)
    return dx, dbeta, dgamma


for title, backward, shape, wrong, cause, also in (
    ("statistics held constant", batchnorm_backward_frozen, (5, 3), "dx", "missing_path", ""),
    ("mean path left out", batchnorm_backward_staged_no_mean, (5, 3), "dx", "missing_path", ""),
    ("variance path left out", batchnorm_backward_staged_no_var, (5, 4), "dx", "missing_path", ""),
    (
        "power of the variance",
        batchnorm_backward_staged_power,
        (6, 3),
        "dx",
        "wrong_formula",
        "chain_factor",
    ),
    (
        "variance term not divided by m",
        batchnorm_backward_staged_no_m,
        (5, 3),
        "dx",
        "batch_scale",
        "wrong_formula",
    ),
    (
        "gamma missing in the short form",
        batchnorm_backward_short_no_gamma,
        (5, 3),
        "dx",
        "chain_factor",
        "",
    ),
    ("1/N missing", batchnorm_backward_short_no_n, (5, 3), "dx", "batch_scale", ""),
    (
        "dgamma from the centred x",
        batchnorm_backward_centred,
        (5, 3),
        "dgamma",
        "wrong_tensor",
        "chain_factor",
    ),
    (
        "parameters summed over features (square)",
        batchnorm_backward_rows,
        (4, 4),
        "dgamma dbeta",
        "wrong_axis",
        "",
    ),
    (
        "dgamma and dbeta exchanged",
        batchnorm_backward_swapped,
        (5, 3),
        "dgamma dbeta",
        "swapped_outputs",
        "",
    ),
):
    note(
        WRONG,
        "batch norm: " + title,
        batchnorm_forward,
        backward,
        bn_inputs(*shape),
        wrong,
        cause,
        also,
    )


class SpatialBN:
    @staticmethod
    def forward(x, gamma, beta):
        ax = (0, 2, 3)
        mean = x.mean(ax, keepdims=True)
        std = np.sqrt(x.var(ax, keepdims=True) + EPS)
        z = (x - mean) / std
        g = gamma.reshape(1, -1, 1, 1)
        return z * g + beta.reshape(1, -1, 1, 1), dict(z=z, std=std, g=g, n=x.shape[0])

    @staticmethod
    def backward(dout, c):
        ax = (0, 2, 3)
        z = c["z"]
        dgamma = (dout * z).sum(ax)
        dbeta = dout.sum(ax)
        dz = dout * c["g"]
        s1 = dz.sum(ax, keepdims=True)
        s2 = (dz * z).sum(ax, keepdims=True)
        dx = (dz - s1 / c["n"] - z * s2 / c["n"]) / c["std"]
        return dx, dgamma, dbeta


def image_bn(rng):
    return rng.normal(size=(3, 2, 3, 4)), rng.normal(size=2) + 2, rng.normal(size=2)


note(
    WRONG,
    "spatial batch norm: pixels not counted",
    SpatialBN.forward,
    SpatialBN.backward,
    image_bn,
    "dx",
    "constant_scale",
    "wrong_formula wrong_axis",
)


def layernorm_forward(x, gamma, beta):
    mu = np.mean(x, axis=-1, keepdims=True)
    v = np.var(x, axis=-1, keepdims=True)
    inv = 1 / np.sqrt(v + EPS)
    xn = (x - mu) * inv
    return xn * gamma + beta, (xn, inv, gamma)


def layernorm_backward_batch(dout, cache):
    xn, inv, gamma = cache
    dgamma = (dout * xn).sum(0)
    dbeta = dout.sum(0)
    d = dout * gamma
    dx = inv * (d - d.mean(axis=0) - xn * (d * xn).mean(axis=0))
    return dx, dgamma, dbeta


def layernorm_backward_no_var(dout, cache):
    xn, inv, gamma = cache
    d = dout * gamma
    dx = inv * (d - d.mean(axis=-1, keepdims=True))
    return dx, (dout * xn).sum(0), dout.sum(0)


def layernorm_backward_gamma_late(dout, cache):
    xn, inv, gamma = cache
    c1 = np.mean(dout, axis=-1, keepdims=True)
    c2 = np.mean(dout * xn, axis=-1, keepdims=True)
    dx = gamma * inv * (dout - c1 - xn * c2)
    return dx, (dout * xn).sum(0), dout.sum(0)


note(
    WRONG,
    "layer norm: means over the batch",
    layernorm_forward,
    layernorm_backward_batch,
    bn_inputs(5, 4),
    "dx",
    "wrong_axis",
)
note(
    WRONG,
    "layer norm: variance path left out",
    layernorm_forward,
    layernorm_backward_no_var,
    bn_inputs(3, 5),
    "dx",
    "missing_path",
)
note(
    WRONG,
    "layer norm: gamma outside the means",
    layernorm_forward,
    layernorm_backward_gamma_late,
    bn_inputs(3, 5),
    "dx",
    "wrong_formula",
    "chain_factor",
)


def layernorm3_forward(x, gamma, beta):
    out, cache = layernorm_forward(x, gamma, beta)
    return out, cache


def layernorm3_backward(dout, cache):
    xn, inv, gamma = cache
    d = dout * gamma
    dx = inv * (d - d.mean(axis=-1, keepdims=True) - xn * (d * xn).mean(axis=-1, keepdims=True))
    dgamma = (dout * xn).sum(axis=1)
    dbeta = dout.sum(axis=1)
    return dx, dgamma, dbeta


def tokens(rng):
    return rng.normal(size=(3, 2, 5)), rng.normal(size=5) + 2, rng.normal(size=5)


note(
    WRONG,
    "layer norm: parameters not summed over the batch",
    layernorm3_forward,
    layernorm3_backward,
    tokens,
    "dgamma dbeta",
    "missing_reduction",
    "bad_output",
)


def rmsnorm(x, g):
    r = np.sqrt(np.mean(x * x, axis=1, keepdims=True) + EPS)
    return x / r * g, (x, r, g)


def rmsnorm_backward(dout, cache):
    x, r, g = cache
    dg = (dout * x / r).sum(axis=0)
    d = dout * g
    dx = d / r - x * np.sum(d * x, axis=1, keepdims=True) / r**3
    return dx, dg


note(
    WRONG,
    "rms norm: mean taken for a sum",
    rmsnorm,
    rmsnorm_backward,
    normal((3, 5), (5,)),
    "dx",
    "constant_scale",
    "missing_path wrong_formula",
)


def groupnorm_forward(x, gamma, beta, G=2):
    N, C, H, W = x.shape
    xg = x.reshape(N, G, -1)
    m = xg.mean(-1, keepdims=True)
    s = np.sqrt(xg.var(-1, keepdims=True) + EPS)
    xh = (xg - m) / s
    out = xh.reshape(N, C, H, W) * gamma[:, None, None] + beta[:, None, None]
    return out, (xh, s, gamma, G)


def groupnorm_backward(dout, cache):
    xh, s, gamma, G = cache
    N, C, H, W = dout.shape
    xn = xh.reshape(N, C, H, W)
    dgamma = (dout * xn).sum(axis=(0, 2, 3))
    dbeta = dout.sum(axis=(0, 2, 3))
    d = (dout * gamma[:, None, None]).reshape(N, C // G, G, -1).swapaxes(1, 2).reshape(N, G, -1)
    dx = (d - d.mean(-1, keepdims=True) - xh * (d * xh).mean(-1, keepdims=True)) / s
    return dx.reshape(N, C, H, W), dgamma, dbeta


def group_inputs(rng):
    return rng.normal(size=(2, 4, 2, 3)), rng.normal(size=4) + 2, rng.normal(size=4)


note(
    WRONG,
    "group norm: channels dealt out to the groups",
    groupnorm_forward,
    groupnorm_backward,
    group_inputs,
    "dx",
    "rearranged",
    "wrong_index",
)


def drop_inputs(rng):
    mask = rng.random((4, 5)) > 0.4
    mask[0, 0], mask[0, 1] = False, True
    return rng.normal(size=(4, 5)), mask


def dropout_forward(x, mask, keep=0.6):
    return x * mask / keep, (mask, keep)


def dropout_backward_no_scale(dout, cache):
    mask, keep = cache
    return dout * mask


def dropout_backward_times_keep(dout, cache):
    mask, keep = cache
    dx = dout * mask
    dx *= keep
    return dx


def dropout_backward_no_mask(dout, cache):
    mask, keep = cache
    return dout / keep


def dropout_backward_inverse(dout, cache):
    mask, keep = cache
    dx = dout / keep
    dx[mask] = 0
    return dx


for title, backward, cause, also in (
    ("not divided by keep", dropout_backward_no_scale, "constant_scale", ""),
    ("multiplied by keep", dropout_backward_times_keep, "constant_scale", ""),
    ("mask not applied", dropout_backward_no_mask, "wrong_mask", ""),
    ("kept entries set to zero", dropout_backward_inverse, "wrong_mask", ""),
):
    note(WRONG, "dropout: " + title, dropout_forward, backward, drop_inputs, "dx", cause, also)


def unit_rows(x):
    n = np.sqrt(np.sum(x**2, axis=1, keepdims=True))
    u = x / n
    return u, (u.copy(), n)


def unit_rows_backward(dout, cache):
    u, n = cache
    return dout - u * np.sum(u * dout, axis=1, keepdims=True)


note(
    WRONG,
    "l2 normalise: not divided by the norm",
    unit_rows,
    unit_rows_backward,
    normal((4, 3)),
    "dx",
    "chain_factor",
)
