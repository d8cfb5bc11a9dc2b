"""Batch normalisation in several forms, each with one fault in its backward pass."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, normal


def batchnorm_forward(x, gamma, beta, eps=1e-5):
    mu = np.mean(x, axis=0)
    xmu = x - mu
    var = np.mean(xmu**2, axis=0)
    sqrtvar = np.sqrt(var + eps)
    ivar = 1.0 / sqrtvar
    xhat = xmu * ivar
    out = gamma * xhat + beta
    cache = (x, xhat, gamma, xmu, ivar, sqrtvar)
    return out, cache


def batchnorm_backward_statistics_constant(dout, cache):
    x, xhat, gamma, xmu, ivar, sqrtvar = cache
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dx = dout * gamma * ivar
    return dx, dgamma, dbeta


def batchnorm_backward_no_variance_path(dout, cache):
    x, xhat, gamma, xmu, ivar, sqrtvar = cache
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    dxmu = dxhat * ivar
    dmu = -np.sum(dxmu, axis=0)
    dx = dxmu + dmu / x.shape[0]
    return dx, dgamma, dbeta


def batchnorm_backward_no_mean_path(dout, cache):
    x, xhat, gamma, xmu, ivar, sqrtvar = cache
    N, D = dout.shape
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    # multiplication by 1 / sqrt
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    dsqrtvar = -1.0 / sqrtvar**2 * divar
    dvar = 0.5 / sqrtvar * dsqrtvar
    dsq = np.ones((N, D)) / N * dvar
    dxmu2 = 2 * xmu * dsq
    dx = dxmu1 + dxmu2
    return dx, dgamma, dbeta


def batchnorm_backward_half_lost(dout, cache):
    x, xhat, gamma, xmu, ivar, sqrtvar = cache
    N = dout.shape[0]
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    dvar = np.sum(dxhat * xmu, axis=0) * -(ivar**3)
    dmu = np.sum(dxhat * -ivar, axis=0)
    dx = dxhat * ivar + dvar * 2 * xmu / N + dmu / N
    return dx, dgamma, dbeta


def batchnorm_backward_gamma_from_x(dout, cache):
    x, xhat, gamma, xmu, ivar, sqrtvar = cache
    N = dout.shape[0]
    dbeta = dout.sum(axis=0)
    dgamma = (dout * x).sum(axis=0)
    dxhat = dout * gamma
    dx = ivar / N * (N * dxhat - dxhat.sum(axis=0) - xhat * (dxhat * xhat).sum(axis=0))
    return dx, dgamma, dbeta


def batchnorm_backward_beta_not_summed(dout, cache):
    x, xhat, gamma, xmu, ivar, sqrtvar = cache
    N = dout.shape[0]
    dbeta = dout * 1.0
    dgamma = (dout * xhat).sum(axis=0)
    dxhat = dout * gamma
    dx = ivar / N * (N * dxhat - dxhat.sum(axis=0) - xhat * (dxhat * xhat).sum(axis=0))
    return dx, dgamma, dbeta


def batchnorm_backward_gamma_along_features(dout, cache):
    x, xhat, gamma, xmu, ivar, sqrtvar = cache
    N = dout.shape[0]
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xhat).sum(axis=1)
    dxhat = dout * gamma
    dx = ivar / N * (N * dxhat - dxhat.sum(axis=0) - xhat * (dxhat * xhat).sum(axis=0))
    return dx, dgamma, dbeta


def batchnorm_backward_means(dout, cache):
    x, xhat, gamma, xmu, ivar, sqrtvar = cache
    dbeta = np.mean(dout, axis=0)
    dgamma = np.mean(dout * xhat, axis=0)
    dx = gamma * ivar * (dout - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta


def batchnorm_backward_gamma_left_out(dout, cache):
    x, xhat, gamma, xmu, ivar, sqrtvar = cache
    N = dout.shape[0]
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xhat).sum(axis=0)
    dx = ivar / N * (N * dout - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta


def batchnorm_backward_returns_beta_first(dout, cache):
    x, xhat, gamma, xmu, ivar, sqrtvar = cache
    N = dout.shape[0]
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xhat).sum(axis=0)
    dx = gamma * ivar / N * (N * dout - dbeta - xhat * dgamma)
    return dx, dbeta, dgamma


def batchnorm_backward_divided_by_variance(dout, cache):
    x, xhat, gamma, xmu, ivar, sqrtvar = cache
    N = dout.shape[0]
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xhat).sum(axis=0)
    dx = gamma / sqrtvar**2 / N * (N * dout - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta


def batchnorm_backward_float32(dout, cache):
    x, xhat, gamma, xmu, ivar, sqrtvar = (np.asarray(a, dtype=np.float32) for a in cache)
    g = dout.astype(np.float32)
    N = g.shape[0]
    dbeta = dout.sum(axis=0)
    dgamma = (dout * cache[1]).sum(axis=0)
    # centred here once more, from single precision
    xhat = (x - x.mean(axis=0)) / sqrtvar
    dx = gamma / sqrtvar / N * (N * g - g.sum(axis=0) - xhat * (g * xhat).sum(axis=0))
    return dx.astype(np.float64), dgamma, dbeta


# fixed statistics, as in evaluation


def batchnorm_eval_forward(x, gamma, beta, running_mean=None, running_var=None):
    std = np.sqrt(running_var + 1e-5)
    xhat = (x - running_mean) / std
    return gamma * xhat + beta, (xhat, gamma, std)


def batchnorm_eval_backward_as_in_training(dout, cache):
    xhat, gamma, std = cache
    N = dout.shape[0]
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xhat).sum(axis=0)
    dx = gamma / std / N * (N * dout - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta


# over images, channel by channel


def spatial_batchnorm_forward(x, gamma, beta, eps=1e-5):
    N, C, H, W = x.shape
    flat = x.transpose(0, 2, 3, 1).reshape(-1, C)
    mean, var = flat.mean(axis=0), flat.var(axis=0)
    std = np.sqrt(var + eps)
    xhat = (flat - mean) / std
    out = gamma * xhat + beta
    out = out.reshape(N, H, W, C).transpose(0, 3, 1, 2)
    return out, (xhat, gamma, std, x.shape)


def spatial_batchnorm_backward_shape_without_transpose(dout, cache):
    xhat, gamma, std, (N, C, H, W) = cache
    dflat = dout.transpose(0, 2, 3, 1).reshape(-1, C)
    dbeta = dflat.sum(axis=0)
    dgamma = (dflat * xhat).sum(axis=0)
    M = dflat.shape[0]
    dx = gamma / std / M * (M * dflat - dbeta - xhat * dgamma)
    dx = dx.reshape(N, C, H, W)
    return dx, dgamma, dbeta


def spatial_batchnorm_backward_count_of_images(dout, cache):
    xhat, gamma, std, (N, C, H, W) = cache
    dflat = dout.transpose(0, 2, 3, 1).reshape(-1, C)
    dbeta = dflat.sum(axis=0)
    dgamma = (dflat * xhat).sum(axis=0)
    dx = gamma / std / N * (N * dflat - dbeta - xhat * dgamma)
    dx = dx.reshape(N, H, W, C).transpose(0, 3, 1, 2)
    return dx, dgamma, dbeta


def spatial_batchnorm_backward_scale_per_pixel(dout, cache):
    xhat, gamma, std, (N, C, H, W) = cache
    dflat = dout.transpose(0, 2, 3, 1).reshape(-1, C)
    M = dflat.shape[0]
    total = dflat.sum(axis=0)
    weighted = (dflat * xhat).sum(axis=0)
    dx = gamma / std / M * (M * dflat - total - xhat * weighted)
    dx = dx.reshape(N, H, W, C).transpose(0, 3, 1, 2)
    dbeta = dout.sum(axis=0)
    return dx, weighted, dbeta


def offset_batch(rng):
    x = rng.standard_normal((6, 4)) + 3000.0
    return x, rng.standard_normal(4), rng.standard_normal(4)


FROZEN = {
    "running_mean": np.array([0.3, -0.2, 0.5, 0.1]),
    "running_var": np.array([1.4, 0.6, 2.1, 0.9]),
}
BATCH = normal((6, 4), (4,), (4,))
IMAGES = normal((2, 3, 2, 4), (3,), (3,))


def wrong(name, backward, gradient, cause, also=(), make=BATCH):
    gradients = gradient if isinstance(gradient, tuple) else (gradient,)
    return Specimen(name, batchnorm_forward, backward, make, {}, gradients, cause, also)


def wrong_spatial(name, backward, gradient, cause, also=()):
    forward = spatial_batchnorm_forward
    return Specimen(name, forward, backward, IMAGES, {}, (gradient,), cause, also)


WRONG = [
    wrong(
        "batchnorm: mean and variance taken as constants",
        batchnorm_backward_statistics_constant,
        "dx",
        "missing_path",
    ),
    wrong(
        "batchnorm: variance's path left out",
        batchnorm_backward_no_variance_path,
        "dx",
        "missing_path",
    ),
    wrong("batchnorm: mean's path left out", batchnorm_backward_no_mean_path, "dx", "missing_path"),
    wrong(
        "batchnorm: 1/2 of the square root left out",
        batchnorm_backward_half_lost,
        "dx",
        "wrong_formula",
        ("missing_path",),
    ),
    wrong("batchnorm: dgamma from x", batchnorm_backward_gamma_from_x, "dgamma", "wrong_tensor"),
    wrong(
        "batchnorm: dbeta not summed",
        batchnorm_backward_beta_not_summed,
        "dbeta",
        "missing_reduction",
    ),
    wrong(
        "batchnorm: dgamma summed over features (N = D)",
        batchnorm_backward_gamma_along_features,
        "dgamma",
        "wrong_axis",
        make=normal((4, 4), (4,), (4,)),
    ),
    wrong(
        "batchnorm: dgamma and dbeta averaged",
        batchnorm_backward_means,
        ("dgamma", "dbeta"),
        "batch_scale",
    ),
    wrong("batchnorm: gamma left out", batchnorm_backward_gamma_left_out, "dx", "chain_factor"),
    wrong(
        "batchnorm: dgamma and dbeta exchanged",
        batchnorm_backward_returns_beta_first,
        ("dgamma", "dbeta"),
        "swapped_outputs",
    ),
    wrong(
        "batchnorm: divided by the variance",
        batchnorm_backward_divided_by_variance,
        "dx",
        "chain_factor",
        ("wrong_formula",),
    ),
    wrong(
        "batchnorm: centred again in float32",
        batchnorm_backward_float32,
        "dx",
        "precision_loss",
        make=offset_batch,
    ),
    Specimen(
        "batchnorm, fixed statistics: training's formula",
        batchnorm_eval_forward,
        batchnorm_eval_backward_as_in_training,
        BATCH,
        FROZEN,
        ("dx",),
        "wrong_formula",
    ),
    wrong_spatial(
        "spatial batchnorm: reshaped without transposing back",
        spatial_batchnorm_backward_shape_without_transpose,
        "dx",
        "rearranged",
    ),
    wrong_spatial(
        "spatial batchnorm: N where N * H * W belongs",
        spatial_batchnorm_backward_count_of_images,
        "dx",
        "wrong_formula",
    ),
    wrong_spatial(
        "spatial batchnorm: dbeta for each pixel",
        spatial_batchnorm_backward_scale_per_pixel,
        "dbeta",
        "missing_reduction",
    ),
]
