"""Normalisation layers and dropout, with faults."""

import numpy as np

from blind.shelf import Shelf

WRONG = Shelf()


def make_bn(rng):
    x = rng.normal(size=(5, 4)) * np.array([1.0, 2.0, 0.5, 1.5]) + 1
    return x, rng.uniform(0.5, 2.0, size=4), rng.normal(size=4)


def make_bn_square(rng):
    return rng.normal(size=(4, 4)), rng.uniform(0.5, 2.0, size=4), rng.normal(size=4)


# ---------------------------------------------------------------- batch norm in stages
def bn_forward(x, gamma, beta, *, eps=1e-5):
    N, D = x.shape
    mu = 1.0 / N * np.sum(x, axis=0)
    xmu = x - mu
    sq = xmu**2
    var = 1.0 / N * np.sum(sq, axis=0)
    sqrtvar = np.sqrt(var + eps)
    ivar = 1.0 / sqrtvar
    xhat = xmu * ivar
    gammax = gamma * xhat
    out = gammax + beta
    cache = (xhat, gamma, xmu, ivar, sqrtvar, var, eps)
    return out, cache


def bn_backward_no_mean(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    N, D = dout.shape
    dbeta = np.sum(dout, axis=0)
    dgammax = dout
    dgamma = np.sum(dgammax * xhat, axis=0)
    dxhat = dgammax * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    dsqrtvar = -1.0 / (sqrtvar**2) * divar
    dvar = 0.5 * 1.0 / np.sqrt(var + eps) * dsqrtvar
    dsq = 1.0 / N * np.ones((N, D)) * dvar
    dxmu2 = 2 * xmu * dsq
    dx = dxmu1 + dxmu2
    return dx, dgamma, dbeta


def bn_backward_power(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    N, D = dout.shape
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xhat).sum(axis=0)
    dxhat = dout * gamma
    dvar = np.sum(dxhat * xmu * -0.5 * (var + eps) ** (-0.5), axis=0)
    dmu = np.sum(-dxhat * ivar, axis=0) + dvar * np.mean(-2.0 * xmu, axis=0)
    dx = dxhat * ivar + dvar * 2 * xmu / N + dmu / N
    return dx, dgamma, dbeta


def bn_backward_x_not_hat(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    N = dout.shape[0]
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xmu, axis=0)
    dx = (gamma * ivar / N) * (N * dout - dbeta - xhat * np.sum(dout * xhat, axis=0))
    return dx, dgamma, dbeta


def bn_backward_sums(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    dbeta = dout.sum(0)
    dgamma = (dout * xhat).sum(0)
    dxhat = gamma * dout
    dx = ivar * (dxhat - dxhat.sum(0) - xhat * (dxhat * xhat).sum(0))
    return dx, dgamma, dbeta


def bn_backward_no_gamma(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    N = dout.shape[0]
    dbeta = dout.sum(0)
    dgamma = (xhat * dout).sum(0)
    dx = ivar / N * (N * dout - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta


def bn_backward_rows(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    N = dout.shape[0]
    dbeta = dout.sum(axis=1)
    dgamma = (xhat * dout).sum(axis=1)
    dxhat = dout * gamma
    dx = ivar * (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0))
    return dx, dgamma, dbeta


def bn_backward_order(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    N = dout.shape[0]
    db = np.sum(dout, axis=0)
    dg = np.sum(dout * xhat, axis=0)
    dx = gamma * ivar / N * (N * dout - xhat * dg - db)
    return dx, db, dg


WRONG.add(
    "batch norm: mean path missing",
    (bn_forward, bn_backward_no_mean),
    make_bn,
    "dx",
    "missing_path",
)
WRONG.add(
    "batch norm: power of the variance",
    (bn_forward, bn_backward_power),
    make_bn,
    "dx",
    "wrong_formula",
    eps=1e-3,
)
WRONG.add(
    "batch norm: dgamma from the centred input",
    (bn_forward, bn_backward_x_not_hat),
    make_bn,
    "dgamma",
    "wrong_tensor",
    "chain_factor",
)
WRONG.add(
    "batch norm: sums where means belong",
    (bn_forward, bn_backward_sums),
    make_bn,
    "dx",
    "wrong_formula",
    "batch_scale",
)
WRONG.add(
    "batch norm: gamma missing in dx",
    (bn_forward, bn_backward_no_gamma),
    make_bn,
    "dx",
    "chain_factor",
)
WRONG.add(
    "batch norm: parameters summed over features",
    (bn_forward, bn_backward_rows),
    make_bn_square,
    "dgamma dbeta",
    "wrong_axis",
)
WRONG.add(
    "batch norm: shift and scale exchanged",
    (bn_forward, bn_backward_order),
    make_bn,
    "dgamma dbeta",
    "swapped_outputs",
)


# ---------------------------------------------------------------- batch norm, object cache
class BatchNormCache:
    def __init__(self, **entries):
        self.__dict__.update(entries)


def batchnorm(x, gamma, beta, *, eps=1e-5, train=True, running=None):
    if train:
        mean, var = x.mean(axis=0), x.var(axis=0)
    else:
        mean, var = np.asarray(running[0]), np.asarray(running[1])
    std = np.sqrt(var + eps)
    z = (x - mean) / std
    return gamma * z + beta, BatchNormCache(z=z, std=std, gamma=gamma, train=train)


def batchnorm_grad_var(dout, c):
    dz = dout * c.gamma
    dx = (dz - dz.mean(axis=0)) / c.std
    return dx, np.sum(dout * c.z, axis=0), np.sum(dout, axis=0)


def batchnorm_grad_always_train(dout, c):
    m = len(dout)
    dz = dout * c.gamma
    dx = (m * dz - dz.sum(axis=0) - c.z * (dz * c.z).sum(axis=0)) / (m * c.std)
    return dx, np.sum(dout * c.z, axis=0), np.sum(dout, axis=0)


def batchnorm_half(x, gamma, beta, *, eps=1e-5):
    std = np.sqrt(x.var(axis=0) + eps)
    z = (x - x.mean(axis=0)) / std
    return gamma * z + beta, (z.astype(np.float16), std, gamma)


def batchnorm_half_grad(dout, cache):
    z, std, gamma = cache
    z = z.astype(dout.dtype)
    dz = dout * gamma
    dx = (dz - dz.mean(axis=0) - z * (dz * z).mean(axis=0)) / std
    return dx, (dout * z).sum(axis=0), dout.sum(axis=0)


WRONG.add(
    "batch norm: variance path missing",
    (batchnorm, batchnorm_grad_var),
    make_bn,
    "dx",
    "missing_path",
)
WRONG.add(
    "batch norm: training gradient in evaluation",
    (batchnorm, batchnorm_grad_always_train),
    make_bn,
    "dx",
    "wrong_formula",
    train=False,
    running=[[0.5, 1.0, 0.0, -0.5], [1.5, 2.0, 0.7, 1.1]],
)
WRONG.add(
    "batch norm: normalised input kept in half precision",
    (batchnorm_half, batchnorm_half_grad),
    make_bn,
    "dx dgamma",
    "precision_loss",
)


# ---------------------------------------------------------------- spatial batch norm
def spatial_bn_forward(x, gamma, beta, *, eps=1e-5):
    N, C, H, W = x.shape
    flat = x.transpose(0, 2, 3, 1).reshape(-1, C)
    mu, var = flat.mean(axis=0), flat.var(axis=0)
    xhat = (flat - mu) / np.sqrt(var + eps)
    out = (gamma * xhat + beta).reshape(N, H, W, C).transpose(0, 3, 1, 2)
    return out, (xhat, gamma, var + eps)


def spatial_bn_backward_reshape(dout, cache):
    xhat, gamma, v = cache
    N, C, H, W = dout.shape
    d = dout.reshape(-1, C)
    dbeta = d.sum(axis=0)
    dgamma = (d * xhat).sum(axis=0)
    dxhat = d * gamma
    dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / np.sqrt(v)
    return dx.reshape(N, H, W, C).transpose(0, 3, 1, 2), dgamma, dbeta


def spatial_bn_backward_pixel_mean(dout, cache):
    xhat, gamma, v = cache
    N, C, H, W = dout.shape
    d = dout.transpose(0, 2, 3, 1).reshape(-1, C)
    dxhat = d * gamma
    dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / np.sqrt(v)
    xh = xhat.reshape(N, H, W, C).transpose(0, 3, 1, 2)
    dgamma = (dout * xh).mean(axis=(2, 3)).sum(axis=0)
    dbeta = dout.mean(axis=(2, 3)).sum(axis=0)
    return dx.reshape(N, H, W, C).transpose(0, 3, 1, 2), dgamma, dbeta


def make_spatial(rng):
    x = rng.normal(size=(2, 3, 2, 5))
    return x, rng.uniform(0.5, 2.0, size=3), rng.normal(size=3)


WRONG.add(
    "spatial batch norm: reshape without moving channels",
    (spatial_bn_forward, spatial_bn_backward_reshape),
    make_spatial,
    "dx dgamma dbeta",
    "rearranged",
)
WRONG.add(
    "spatial batch norm: pixels averaged",
    (spatial_bn_forward, spatial_bn_backward_pixel_mean),
    make_spatial,
    "dgamma dbeta",
    "constant_scale",
)


# ---------------------------------------------------------------- layer norm
def layernorm_forward(x, gamma, beta, *, eps=1e-5):
    mean = x.mean(axis=-1, keepdims=True)
    var = x.var(axis=-1, keepdims=True)
    inv = (var + eps) ** -0.5
    xn = (x - mean) * inv
    return xn * gamma + beta, (xn, gamma, inv)


def layernorm_backward_axis(dout, cache):
    xn, gamma, inv = cache
    dxn = dout * gamma
    dx = inv * (dxn - dxn.mean(axis=0, keepdims=True) - xn * (dxn * xn).mean(axis=0, keepdims=True))
    return dx, np.sum(dout * xn, axis=0), np.sum(dout, axis=0)


def layernorm_backward_plain(dout, cache):
    xn, gamma, inv = cache
    return dout * gamma * inv, (dout * xn).sum(axis=0), dout.sum(axis=0)


def layernorm_backward_time(dout, cache):
    xn, gamma, inv = cache
    dxn = dout * gamma
    dx = inv * (dxn - dxn.mean(-1, keepdims=True) - xn * (dxn * xn).mean(-1, keepdims=True))
    return dx, (dout * xn).sum(axis=0), dout.sum(axis=0)


def layernorm_backward_gamma_late(dout, cache):
    xn, gamma, inv = cache
    m1 = dout.mean(axis=-1, keepdims=True)
    m2 = (dout * xn).mean(axis=-1, keepdims=True)
    dx = gamma * inv * (dout - m1 - xn * m2)
    return dx, (dout * xn).sum(axis=0), dout.sum(axis=0)


def make_ln(rng):
    return rng.normal(size=(3, 5)), rng.uniform(0.3, 2.0, size=5), rng.normal(size=5)


def make_ln_tokens(rng):
    return rng.normal(size=(2, 3, 5)), rng.uniform(0.3, 2.0, size=5), rng.normal(size=5)


WRONG.add(
    "layer norm: means over the batch",
    (layernorm_forward, layernorm_backward_axis),
    make_ln,
    "dx",
    "wrong_axis",
)
WRONG.add(
    "layer norm: statistics held constant",
    (layernorm_forward, layernorm_backward_plain),
    make_ln,
    "dx",
    "missing_path",
)
WRONG.add(
    "layer norm: parameters not summed over time",
    (layernorm_forward, layernorm_backward_time),
    make_ln_tokens,
    "dgamma dbeta",
    "missing_reduction",
    "bad_output",
)
WRONG.add(
    "layer norm: gamma taken out of the means",
    (layernorm_forward, layernorm_backward_gamma_late),
    make_ln,
    "dx",
    "wrong_formula",
    "chain_factor",
)


def std_eps_norm_forward(x, a, b, *, eps=0.05):
    mean = x.mean(-1, keepdims=True)
    std = x.std(-1, keepdims=True)
    return a * (x - mean) / (std + eps) + b, (x, mean, std, a, eps)


def std_eps_norm_backward(dout, cache):
    x, mean, std, a, eps = cache
    s = np.sqrt(std**2 + eps)
    xhat = (x - mean) / s
    g = dout * a
    dx = (g - g.mean(-1, keepdims=True) - xhat * (g * xhat).mean(-1, keepdims=True)) / s
    da = (dout * (x - mean) / (std + eps)).sum(axis=0)
    return dx, da, dout.sum(axis=0)


def single_norm_forward(x, gamma, beta):
    mean = x.mean(axis=1, keepdims=True)
    inv = 1 / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    return gamma * (x - mean) * inv + beta, (x, gamma)


def single_norm_backward(dout, cache):
    x = cache[0].astype(np.float32)
    gamma = cache[1].astype(np.float32)
    d = dout.astype(np.float32)
    mean = x.mean(axis=1, keepdims=True)
    inv = 1 / np.sqrt(x.var(axis=1, keepdims=True) + np.float32(1e-5))
    xn = (x - mean) * inv
    g = d * gamma
    dx = inv * (g - g.mean(1, keepdims=True) - xn * (g * xn).mean(1, keepdims=True))
    return dx.astype(float), (d * xn).sum(axis=0).astype(float), dout.sum(axis=0)


def make_ln_offset(rng):
    return 300 + rng.normal(size=(3, 5)), rng.uniform(0.3, 2.0, size=5), rng.normal(size=5)


WRONG.add(
    "layer norm: eps inside the root in backward only",
    (std_eps_norm_forward, std_eps_norm_backward),
    make_ln,
    "dx",
    "wrong_formula",
)
WRONG.add(
    "layer norm: single precision with an offset",
    (single_norm_forward, single_norm_backward),
    make_ln_offset,
    "dx dgamma",
    "precision_loss",
)


# ---------------------------------------------------------------- group, instance, rms
def groupnorm_forward(x, gamma, beta, *, groups=2, eps=1e-5):
    N, C, H, W = x.shape
    xg = x.reshape(N, groups, C // groups, H, W)
    mu = xg.mean(axis=(2, 3, 4), keepdims=True)
    std = np.sqrt(xg.var(axis=(2, 3, 4), keepdims=True) + eps)
    xhat = (xg - mu) / std
    out = xhat.reshape(x.shape) * gamma[:, None, None] + beta[:, None, None]
    return out, (xhat, std, gamma)


def groupnorm_backward(dout, cache):
    xhat, std, gamma = cache
    dxhat = (dout * gamma[:, None, None]).reshape(xhat.shape)
    m1 = dxhat.mean(axis=(3, 4), keepdims=True)
    m2 = (dxhat * xhat).mean(axis=(3, 4), keepdims=True)
    dx = ((dxhat - m1 - xhat * m2) / std).reshape(dout.shape)
    dgamma = (dout * xhat.reshape(dout.shape)).sum(axis=(0, 2, 3))
    return dx, dgamma, dout.sum(axis=(0, 2, 3))


def make_group(rng):
    return rng.normal(size=(2, 4, 3, 2)), rng.uniform(0.5, 2, size=4), rng.normal(size=4)


WRONG.add(
    "group norm: means per channel",
    (groupnorm_forward, groupnorm_backward),
    make_group,
    "dx",
    "wrong_axis",
    "missing_reduction",
)


def instancenorm_forward(x, gamma):
    mu = x.mean(axis=2, keepdims=True)
    std = x.std(axis=2, keepdims=True) + 1e-6
    xhat = (x - mu) / std
    return xhat * gamma[None, :, None], (xhat, std, gamma)


def instancenorm_backward(dout, cache):
    xhat, std, gamma = cache
    N, C, L = dout.shape
    dgamma = np.zeros(C)
    dx = np.zeros_like(dout)
    raw = std - 1e-6
    for n in range(N):
        for c in range(C):
            dgamma[c] += np.dot(dout[n, c], xhat[n, 0])
            d = dout[n, c] * gamma[c]
            z = xhat[n, c]
            dx[n, c] = (d - d.mean() - z * (d * z).mean() * std[n, c] / raw[n, c]) / std[n, c]
    return dx, dgamma


def make_instance(rng):
    return rng.normal(size=(2, 3, 6)), rng.uniform(0.5, 2, size=3)


WRONG.add(
    "instance norm: channel zero read for every dgamma",
    (instancenorm_forward, instancenorm_backward),
    make_instance,
    "dgamma",
    "wrong_index",
)


def rmsnorm_forward(x, g, *, eps=1e-6):
    rms = np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + eps)
    xn = x / rms
    return g * xn, (xn, rms, g)


def rmsnorm_backward_gain(dout, cache):
    xn, rms, g = cache
    dx = (g * dout - xn * np.mean(dout * xn, axis=-1, keepdims=True)) / rms
    return dx, np.sum(dout * xn, axis=0)


def rmsnorm_backward_sum(dout, cache):
    xn, rms, g = cache
    d = g * dout
    dx = d / rms - xn * np.mean(d * xn, axis=-1, keepdims=True)
    return dx, np.sum(dout * xn, axis=0)


def make_rms(rng):
    return 2 * rng.normal(size=(4, 6)), rng.uniform(0.5, 3, size=6)


WRONG.add(
    "rms norm: gain missing in the projection",
    (rmsnorm_forward, rmsnorm_backward_gain),
    make_rms,
    "dx",
    "chain_factor",
    "wrong_formula",
)
WRONG.add(
    "rms norm: projection not divided",
    (rmsnorm_forward, rmsnorm_backward_sum),
    make_rms,
    "dx",
    "chain_factor",
    "wrong_formula",
)


# ---------------------------------------------------------------- dropout
def dropout_forward(x, *, keep=0.6, train=True, seed_value=7):
    if not train:
        return x * 1.0, {"train": False, "keep": keep}
    draw = np.random.default_rng(seed_value)
    mask = draw.random(x.shape) < keep
    return x * mask / keep, {"train": True, "mask": mask, "keep": keep}


def dropout_backward_scale(dout, cache):
    if not cache["train"]:
        return dout.copy()
    return dout * cache["mask"]


def dropout_backward_inverse(dout, cache):
    keep = cache["keep"]
    return dout * ~cache["mask"] / keep


def dropout_backward_ignored(dout, cache):
    return cache["mask"] / cache["keep"]


def dropout_backward_eval(dout, cache):
    if cache["train"]:
        return dout * cache["mask"] / cache["keep"]
    return dout * cache["keep"]


def make_dropout(rng):
    return (rng.normal(size=(4, 6)),)


WRONG.add(
    "dropout: keep probability forgotten",
    (dropout_forward, dropout_backward_scale),
    make_dropout,
    "dx",
    "constant_scale",
)
WRONG.add(
    "dropout: dropped units get the gradient",
    (dropout_forward, dropout_backward_inverse),
    make_dropout,
    "dx",
    "wrong_mask",
    keep=0.5,
)
WRONG.add(
    "dropout: only the mask returned",
    (dropout_forward, dropout_backward_ignored),
    make_dropout,
    "dx",
    "dout_ignored",
    keep=0.75,
)
WRONG.add(
    "dropout: scaled in evaluation",
    (dropout_forward, dropout_backward_eval),
    make_dropout,
    "dx",
    "constant_scale",
    train=False,
    keep=0.7,
)


def dropconnect_forward(x, w, *, keep=0.5):
    mask = np.random.default_rng(3).random(w.shape) < keep
    wm = w * mask / keep
    return x @ wm, (x, wm, mask, keep)


def dropconnect_backward(dout, cache):
    x, wm, mask, keep = cache
    return dout @ wm.T, x.T @ dout / keep


def make_dropconnect(rng):
    return rng.normal(size=(3, 5)), rng.normal(size=(5, 4))


WRONG.add(
    "dropconnect: weight gradient not masked",
    (dropconnect_forward, dropconnect_backward),
    make_dropconnect,
    "dw",
    "wrong_mask",
)


def shared_dropout_forward(x, *, keep=0.5):
    n, t, d = x.shape
    mask = (np.random.default_rng(11).random((n, 1, d)) < keep) / keep
    return x * mask, mask


def shared_dropout_backward(dout, mask):
    return dout * mask.transpose(1, 0, 2)


def make_shared_dropout(rng):
    return (rng.normal(size=(3, 3, 5)),)


WRONG.add(
    "dropout: mask of a sequence applied along time",
    (shared_dropout_forward, shared_dropout_backward),
    make_shared_dropout,
    "dx",
    "wrong_axis",
    "wrong_mask transposed",
)
