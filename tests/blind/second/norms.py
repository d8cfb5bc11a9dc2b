"""Normalisation layers and dropout."""

import numpy as np

from blind.shelf import note
from corpus.specimen import normal

WRONG = []


def data_gamma_beta(*shape, axis=-1):
    """Data with an offset, gamma about 1.5, beta about 0.5."""

    def make(rng):
        n = shape[axis]
        x = 2 * rng.normal(size=shape) + 1
        return x, 1.5 + 0.3 * rng.normal(size=n), 0.5 + 0.3 * rng.normal(size=n)

    return make


# ---------------------------------------------------------------- staged batch norm
def batchnorm_forward(x, gamma, beta, eps=1e-5):
    N, D = x.shape
    # step 1: mean
    mu = 1.0 / N * np.sum(x, axis=0)
    # step 2: subtract
    xmu = x - mu
    # step 3: squares
    sq = xmu**2
    # step 4: variance
    var = 1.0 / N * np.sum(sq, axis=0)
    # step 5: root
    sqrtvar = np.sqrt(var + eps)
    # step 6: invert
    ivar = 1.0 / sqrtvar
    # step 7: normalise
    xhat = xmu * ivar
    # step 8 and 9: scale and shift
    gammax = gamma * xhat
    out = gammax + beta
    cache = (xhat, gamma, xmu, ivar, sqrtvar, var, eps, x)
    return out, cache


def batchnorm_backward_no_mean_step(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps, x = cache
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


def batchnorm_backward_no_variance_step(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps, x = cache
    N, D = dout.shape
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    dxmu = dxhat * ivar
    dx1 = dxmu
    dmu = -1 * np.sum(dxmu, axis=0)
    dx2 = 1.0 / N * np.ones((N, D)) * dmu
    return dx1 + dx2, dgamma, dbeta


def batchnorm_backward_no_invert_square(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps, x = cache
    N, D = dout.shape
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    dsqrtvar = -1.0 / sqrtvar * divar
    dvar = 0.5 / np.sqrt(var + eps) * dsqrtvar
    dsq = np.ones((N, D)) / N * dvar
    dxmu2 = 2 * xmu * dsq
    dx1 = dxmu1 + dxmu2
    dmu = -np.sum(dx1, axis=0)
    dx2 = np.ones((N, D)) / N * dmu
    return dx1 + dx2, dgamma, dbeta


def batchnorm_backward_sum_not_mean(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps, x = cache
    N, D = dout.shape
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dsqrtvar = -divar / sqrtvar**2
    dvar = dsqrtvar * 0.5 / sqrtvar
    dxmu = dxhat * ivar + 2 * xmu * dvar / N
    dmu = -dxmu.sum(axis=0)
    dx = dxmu + dmu  # every row has its part in the mean
    return dx, dgamma, dbeta


def batchnorm_backward_gamma_of_x(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps, x = cache
    N = dout.shape[0]
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xmu).sum(axis=0)
    dxhat = dout * gamma
    dx = ivar / N * (N * dxhat - dxhat.sum(axis=0) - xhat * (dxhat * xhat).sum(axis=0))
    return dx, dgamma, dbeta


def batchnorm_backward_other_return_order(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps, x = cache
    m = len(dout)
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    t = m * dout - dbeta - xhat * dgamma
    return gamma * ivar / m * t, dbeta, dgamma


def batchnorm_backward_gamma_forgotten(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps, x = cache
    N = dout.shape[0]
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dx = (1.0 / N) * ivar * (N * dout - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta


def batchnorm_backward_square_axes(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps, x = cache
    N = dout.shape[0]
    dbeta = np.sum(dout, axis=1)
    dgamma = np.sum(dout * xhat, axis=1)
    dxhat = dout * gamma
    dx = ivar / N * (N * dxhat - dxhat.sum(0) - xhat * (dxhat * xhat).sum(0))
    return dx, dgamma, dbeta


def batchnorm_backward_means(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps, x = cache
    dxhat = dout * gamma
    dx = ivar * (dxhat - dxhat.mean(0) - xhat * (dxhat * xhat).mean(0))
    dgamma = (dout * xhat).mean(0)
    dbeta = dout.mean(0)
    return dx, dgamma, dbeta


def batchnorm_backward_plus_variance(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps, x = cache
    N = dout.shape[0]
    dxhat = dout * gamma
    dvar = 0.5 * np.sum(dxhat * xmu, axis=0) * ivar**3
    dmu = -np.sum(dxhat * ivar, axis=0)
    dx = dxhat * ivar + dvar * 2 * xmu / N + dmu / N
    return dx, np.sum(dout * xhat, axis=0), np.sum(dout, axis=0)


def batchnorm_backward_divided_twice(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps, x = cache
    dxhat = dout * gamma
    core = dxhat - dxhat.mean(axis=0) - xhat * np.mean(dxhat * xhat, axis=0)
    dx = core * ivar / sqrtvar
    return dx, np.einsum("nd,nd->d", dout, xhat), np.einsum("nd->d", dout)


for title, backward, wrong, cause, also, shape in (
    ("mean not differentiated", batchnorm_backward_no_mean_step, "dx", "missing_path", "", (4, 3)),
    (
        "variance not differentiated",
        batchnorm_backward_no_variance_step,
        "dx",
        "missing_path",
        "",
        (5, 3),
    ),
    (
        "1/r differentiated to -1/r",
        batchnorm_backward_no_invert_square,
        "dx",
        "wrong_formula",
        "chain_factor",
        (4, 3),
    ),
    (
        "path through the mean summed, not averaged",
        batchnorm_backward_sum_not_mean,
        "dx",
        "wrong_formula",
        "batch_scale",
        (5, 3),
    ),
    (
        "dgamma from the centred data",
        batchnorm_backward_gamma_of_x,
        "dgamma",
        "wrong_tensor",
        "chain_factor",
        (5, 4),
    ),
    (
        "dgamma and dbeta exchanged",
        batchnorm_backward_other_return_order,
        "dgamma dbeta",
        "swapped_outputs",
        "",
        (5, 3),
    ),
    ("gamma lacking in dx", batchnorm_backward_gamma_forgotten, "dx", "chain_factor", "", (6, 3)),
    (
        "sums along the features, N = D",
        batchnorm_backward_square_axes,
        "dgamma dbeta",
        "wrong_axis",
        "",
        (4, 4),
    ),
    (
        "dgamma and dbeta averaged",
        batchnorm_backward_means,
        "dgamma dbeta",
        "batch_scale",
        "",
        (5, 3),
    ),
    (
        "sign of the path through the variance",
        batchnorm_backward_plus_variance,
        "dx",
        "wrong_formula",
        "sign_flip missing_path",
        (5, 3),
    ),
    (
        "divided by the deviation twice",
        batchnorm_backward_divided_twice,
        "dx",
        "chain_factor",
        "",
        (5, 2),
    ),
):
    note(
        WRONG,
        "batch norm: " + title,
        batchnorm_forward,
        backward,
        data_gamma_beta(*shape),
        wrong,
        cause,
        also,
    )


# ---------------------------------------------------------------- evaluation mode
def bn_eval_forward(x, gamma, beta, running_mean=(0.5, -1.0, 2.0), running_var=(2.0, 0.6, 4.0)):
    mean, var = np.array(running_mean), np.array(running_var)
    std = np.sqrt(var + 1e-5)
    x_hat = (x - mean) / std
    return gamma * x_hat + beta, {"x_hat": x_hat, "gamma": gamma, "std": std, "var": var}


def bn_eval_backward_training_formula(dout, cache):
    x_hat, gamma, std = cache["x_hat"], cache["gamma"], cache["std"]
    N = dout.shape[0]
    dbeta = dout.sum(0)
    dgamma = (dout * x_hat).sum(0)
    dx = gamma / (N * std) * (N * dout - dbeta - x_hat * dgamma)
    return dx, dgamma, dbeta


def bn_eval_backward_variance(dout, cache):
    dbeta = dout.sum(0)
    dgamma = (dout * cache["x_hat"]).sum(0)
    dx = dout * cache["gamma"] / cache["var"]
    return dx, dgamma, dbeta


note(
    WRONG,
    "batch norm: training formula in evaluation mode",
    bn_eval_forward,
    bn_eval_backward_training_formula,
    data_gamma_beta(4, 3),
    "dx",
    "wrong_formula",
)
note(
    WRONG,
    "batch norm: evaluation mode, variance instead of deviation",
    bn_eval_forward,
    bn_eval_backward_variance,
    data_gamma_beta(5, 3),
    "dx",
    "wrong_tensor",
    "wrong_formula chain_factor",
)


# ---------------------------------------------------------------- images
def spatial_bn_forward(x, gamma, beta):
    N, C, H, W = x.shape
    mean = x.mean(axis=(0, 2, 3), keepdims=True)
    var = x.var(axis=(0, 2, 3), keepdims=True)
    inv = 1 / np.sqrt(var + 1e-5)
    xn = (x - mean) * inv
    out = xn * gamma.reshape(1, C, 1, 1) + beta.reshape(1, C, 1, 1)
    return out, (xn, gamma, inv)


def spatial_bn_backward_wrong_count(dout, cache):
    xn, gamma, inv = cache
    N, C, H, W = dout.shape
    dgamma = np.sum(dout * xn, axis=(0, 2, 3))
    dbeta = np.sum(dout, axis=(0, 2, 3))
    g = dout * gamma[None, :, None, None]
    s1 = g.sum(axis=(0, 2, 3), keepdims=True)
    s2 = (g * xn).sum(axis=(0, 2, 3), keepdims=True)
    dx = inv / N * (N * g - s1 - xn * s2)
    return dx, dgamma, dbeta


def spatial_bn_backward_wrong_sum(dout, cache):
    xn, gamma, inv = cache
    dgamma = np.sum(dout * xn, axis=(0, 1, 2))
    dbeta = np.sum(dout, axis=(0, 1, 2))
    g = dout * gamma.reshape(1, -1, 1, 1)
    ax = (0, 2, 3)
    dx = inv * (g - g.mean(ax, keepdims=True) - xn * (g * xn).mean(ax, keepdims=True))
    return dx, dgamma, dbeta


note(
    WRONG,
    "batch norm: images, N in place of N H W",
    spatial_bn_forward,
    spatial_bn_backward_wrong_count,
    data_gamma_beta(2, 3, 2, 4, axis=1),
    "dx",
    "wrong_formula",
    "constant_scale batch_scale missing_reduction",
)
note(
    WRONG,
    "batch norm: images, channels taken as last, C = W",
    spatial_bn_forward,
    spatial_bn_backward_wrong_sum,
    data_gamma_beta(2, 3, 4, 3, axis=1),
    "dgamma dbeta",
    "wrong_axis",
)


def spatial_bn_by_reshape_forward(x, gamma, beta):
    N, C, H, W = x.shape
    flat = x.transpose(0, 2, 3, 1).reshape(-1, C)
    out, cache = batchnorm_forward(flat, gamma, beta)
    return out.reshape(N, H, W, C).transpose(0, 3, 1, 2), cache


def spatial_bn_by_reshape_backward(dout, cache):
    xhat, gamma, xmu, ivar = cache[:4]
    N, C, H, W = dout.shape
    d = dout.transpose(0, 2, 3, 1).reshape(-1, C)
    M = d.shape[0]
    dgamma, dbeta = (d * xhat).sum(axis=0), d.sum(axis=0)
    dflat = gamma * ivar / M * (M * d - dbeta - xhat * dgamma)
    dx = dflat.reshape(N, C, H, W)
    return dx, dgamma, dbeta


note(
    WRONG,
    "batch norm: images, not transposed back",
    spatial_bn_by_reshape_forward,
    spatial_bn_by_reshape_backward,
    data_gamma_beta(2, 3, 2, 4, axis=1),
    "dx",
    "rearranged",
)


# ---------------------------------------------------------------- layer norm and relatives
def layernorm_forward(x, gamma, beta, eps=1e-5):
    mean = np.mean(x, axis=1, keepdims=True)
    var = np.var(x, axis=1, keepdims=True)
    std = np.sqrt(var + eps)
    x_norm = (x - mean) / std
    return gamma * x_norm + beta, (x_norm, std, gamma)


def layernorm_backward_copied(dout, cache):
    """Taken over from batch norm; the axes stayed."""
    x_norm, std, gamma = cache
    N, D = dout.shape
    dgamma = np.sum(dout * x_norm, axis=0)
    dbeta = np.sum(dout, axis=0)
    dxn = dout * gamma
    dx = 1 / (N * std) * (N * dxn - np.sum(dxn, axis=0) - x_norm * np.sum(dxn * x_norm, axis=0))
    return dx, dgamma, dbeta


def layernorm_backward_row_count(dout, cache):
    x_norm, std, gamma = cache
    N, D = dout.shape
    dgamma = np.sum(dout * x_norm, axis=0)
    dbeta = np.sum(dout, axis=0)
    g = dout * gamma
    a = g.sum(axis=1, keepdims=True)
    b = (g * x_norm).sum(axis=1, keepdims=True)
    dx = (N * g - a - x_norm * b) / (N * std)
    return dx, dgamma, dbeta


def layernorm_backward_gamma_after(dout, cache):
    x_norm, std, gamma = cache
    dgamma = np.sum(dout * x_norm, axis=0)
    dbeta = np.sum(dout, axis=0)
    m1 = dout.mean(axis=-1, keepdims=True)
    m2 = (dout * x_norm).mean(axis=-1, keepdims=True)
    dx = gamma * (dout - m1 - x_norm * m2) / std
    return dx, dgamma, dbeta


def layernorm_backward_no_projection(dout, cache):
    x_norm, std, gamma = cache
    dxhat = dout * gamma
    dx = (dxhat - np.mean(dxhat, axis=-1, keepdims=True)) / std
    return dx, (dout * x_norm).sum(axis=0), dout.sum(axis=0)


note(
    WRONG,
    "layer norm: axes of batch norm",
    layernorm_forward,
    layernorm_backward_copied,
    data_gamma_beta(4, 5),
    "dx",
    "wrong_axis",
)
note(
    WRONG,
    "layer norm: N in place of D",
    layernorm_forward,
    layernorm_backward_row_count,
    data_gamma_beta(3, 5),
    "dx",
    "wrong_formula",
    "batch_scale constant_scale wrong_axis",
)
note(
    WRONG,
    "layer norm: gamma multiplied at the end",
    layernorm_forward,
    layernorm_backward_gamma_after,
    data_gamma_beta(3, 4),
    "dx",
    "wrong_formula",
    "chain_factor",
)
note(
    WRONG,
    "layer norm: variance not differentiated",
    layernorm_forward,
    layernorm_backward_no_projection,
    data_gamma_beta(2, 5),
    "dx",
    "missing_path",
)


def layernorm_time_forward(x, g, b):
    """x (N, T, D), normalised over D."""
    m = x.mean(-1, keepdims=True)
    r = 1 / np.sqrt(((x - m) ** 2).mean(-1, keepdims=True) + 1e-6)
    xh = (x - m) * r
    return xh * g + b, (xh, r, g)


def layernorm_time_backward(dout, cache):
    xh, r, g = cache
    dg = (dout * xh).sum(axis=1)[0]
    db = dout.sum(axis=(0, 1))
    d = dout * g
    dx = r * (d - d.mean(-1, keepdims=True) - xh * (d * xh).mean(-1, keepdims=True))
    return dx, dg, db


note(
    WRONG,
    "layer norm: sequence, dg of the first sequence only",
    layernorm_time_forward,
    layernorm_time_backward,
    data_gamma_beta(3, 2, 4),
    "dg",
    "missing_reduction",
    "wrong_index",
)


def rmsnorm_forward(x, weight):
    ms = (x * x).mean(axis=-1, keepdims=True)
    rrms = (ms + 1e-6) ** -0.5
    xn = x * rrms
    return weight * xn, (x, weight, rrms, xn)


def rmsnorm_backward_direct(dout, cache):
    x, weight, rrms, xn = cache
    dweight = np.sum(dout * xn, axis=0)
    dx = dout * weight * rrms
    return dx, dweight


def rmsnorm_backward_power(dout, cache):
    x, weight, rrms, xn = cache
    D = x.shape[-1]
    dweight = np.sum(dout * xn, axis=0)
    g = dout * weight
    drrms = np.sum(g * x, axis=-1, keepdims=True)
    dms = drrms * -0.5 * rrms
    dx = g * rrms + dms * 2 * x / D
    return dx, dweight


note(
    WRONG,
    "rms norm: scale taken as constant",
    rmsnorm_forward,
    rmsnorm_backward_direct,
    normal((3, 5), (5,)),
    "dx",
    "missing_path",
)
note(
    WRONG,
    "rms norm: power of the inner derivative",
    rmsnorm_forward,
    rmsnorm_backward_power,
    normal((4, 3), (3,)),
    "dx",
    "wrong_formula",
    "chain_factor",
)


def groupnorm_forward(x, gamma, beta, G=2):
    N, C, H, W = x.shape
    xg = x.reshape(N, G, -1)
    mu = xg.mean(axis=2, keepdims=True)
    sd = np.sqrt(xg.var(axis=2, keepdims=True) + 1e-5)
    xn = ((xg - mu) / sd).reshape(N, C, H, W)
    out = xn * gamma[:, None, None] + beta[:, None, None]
    return out, {"xn": xn, "sd": sd, "gamma": gamma, "G": G}


def groupnorm_backward_whole_image(dout, cache):
    xn, sd, gamma, G = (cache[k] for k in ("xn", "sd", "gamma", "G"))
    N, C, H, W = dout.shape
    dgamma = (dout * xn).sum(axis=(0, 2, 3))
    dbeta = dout.sum(axis=(0, 2, 3))
    dxn = dout * gamma[:, None, None]
    m1 = dxn.mean(axis=(1, 2, 3), keepdims=True)
    m2 = (dxn * xn).mean(axis=(1, 2, 3), keepdims=True)
    core = dxn - m1 - xn * m2
    dx = (core.reshape(N, G, -1) / sd).reshape(N, C, H, W)
    return dx, dgamma, dbeta


def groupnorm_backward_one_group(dout, cache):
    xn, sd, gamma, G = cache["xn"], cache["sd"], cache["gamma"], cache["G"]
    N, C, H, W = dout.shape
    per = C // G
    dgamma = np.zeros(C)
    dbeta = np.zeros(C)
    dx = np.zeros_like(dout)
    for n in range(N):
        for g in range(G):
            ch = slice(g * per, g * per + per)
            dgamma[ch] = (dout[n, ch] * xn[n, ch]).sum(axis=(1, 2))
            dbeta[ch] += dout[n, ch].sum(axis=(1, 2))
            d = dout[n, ch] * gamma[ch, None, None]
            h = xn[n, ch]
            dx[n, ch] = (d - d.mean() - h * (d * h).mean()) / sd[n, g, 0]
    return dx, dgamma, dbeta


note(
    WRONG,
    "group norm: means over all groups together",
    groupnorm_forward,
    groupnorm_backward_whole_image,
    data_gamma_beta(2, 4, 2, 3, axis=1),
    "dx",
    "wrong_axis",
    "wrong_formula",
)
note(
    WRONG,
    "group norm: dgamma of the last image",
    groupnorm_forward,
    groupnorm_backward_one_group,
    data_gamma_beta(3, 4, 2, 2, axis=1),
    "dgamma",
    "overwrite_not_accumulate",
)


def l2_normalize_forward(v):
    n = np.sqrt((v**2).sum(axis=1, keepdims=True))
    return v / n, (v, n)


def l2_normalize_backward(dout, cache):
    v, n = cache
    return dout / n


def l2_normalize_backward_power(dout, cache):
    v, n = cache
    dot = (dout * v).sum(axis=1, keepdims=True)
    return dout / n - v * dot / n


note(
    WRONG,
    "l2 norm: length taken as constant",
    l2_normalize_forward,
    l2_normalize_backward,
    normal((4, 3)),
    "dv",
    "missing_path",
)
note(
    WRONG,
    "l2 norm: n instead of its cube",
    l2_normalize_forward,
    l2_normalize_backward_power,
    normal((3, 4)),
    "dv",
    "wrong_formula",
    "chain_factor",
)


def weight_norm_forward(x, v, g):
    length = np.linalg.norm(v, axis=0)
    w = g * v / length
    return x @ w, (x, v, g, length, w)


def weight_norm_backward(dout, cache):
    x, v, g, length, w = cache
    dx = dout @ w.T
    dw = x.T @ dout
    dg = np.sum(dw * v / length, axis=0)
    dv = dw * g / length
    return dx, dv, dg


note(
    WRONG,
    "weight norm: length of v taken as constant",
    weight_norm_forward,
    weight_norm_backward,
    normal((3, 4), (4, 2), (2,)),
    "dv",
    "missing_path",
)


def standardise_forward(x):
    """Columns to mean zero; the deviation is left alone."""
    return x - x.mean(axis=0), x.shape


def standardise_backward(dout, shape):
    return dout - dout.mean(axis=1, keepdims=True)


note(
    WRONG,
    "centring: mean along the rows",
    standardise_forward,
    standardise_backward,
    normal((4, 3)),
    "dx",
    "wrong_axis",
)


# ---------------------------------------------------------------- dropout
def dropout_forward(x, p=0.4, seed=7):
    """Inverted dropout with a seed, as the gradient check of the course wants it."""
    rng = np.random.default_rng(seed)
    mask = rng.random(x.shape) > p
    return x * mask / (1 - p), (mask, p)


def dropout_backward_no_rescale(dout, cache):
    mask, p = cache
    return dout * mask


def dropout_backward_everything(dout, cache):
    mask, p = cache
    return dout / (1 - p)


def dropout_backward_complement(dout, cache):
    mask, p = cache
    return np.where(mask, 0, dout) / (1 - p)


def dropout_backward_keeps_p(dout, cache):
    mask, p = cache
    dx = dout.copy()
    dx[~mask] = 0
    dx /= p
    return dx


note(
    WRONG,
    "dropout: not scaled up again",
    dropout_forward,
    dropout_backward_no_rescale,
    normal((4, 5)),
    "dx",
    "constant_scale",
)
note(
    WRONG,
    "dropout: mask forgotten",
    dropout_forward,
    dropout_backward_everything,
    normal((3, 5)),
    "dx",
    "wrong_mask",
    "chain_factor",
)
note(
    WRONG,
    "dropout: mask complemented",
    dropout_forward,
    dropout_backward_complement,
    normal((4, 4)),
    "dx",
    "wrong_mask",
)
note(
    WRONG,
    "dropout: divided by p instead of 1 - p",
    dropout_forward,
    dropout_backward_keeps_p,
    normal((2, 3, 4)),
    "dx",
    "constant_scale",
)


def scaled_mask_forward(x, keep=0.7, seed=3):
    mask = (np.random.default_rng(seed).random(x.shape) < keep) / keep
    return x * mask, {"mask": mask, "keep": keep}


def scaled_mask_backward(dout, cache):
    return dout * cache["mask"] / cache["keep"]


note(
    WRONG,
    "dropout: scaled by 1/keep twice",
    scaled_mask_forward,
    scaled_mask_backward,
    normal((5, 4)),
    "dx",
    "constant_scale",
    "chain_factor",
)


def spatial_dropout_forward(x, drop=0.5, seed=1):
    N, C = x.shape[:2]
    keep = (np.random.default_rng(seed).random((N, C)) >= drop).astype(x.dtype)
    keep[0, 0], keep[0, 1] = 0, 1
    return x * keep[:, :, None] / (1 - drop), (keep, drop)


def spatial_dropout_backward(dout, cache):
    keep, drop = cache
    return dout * keep.T[:, :, None] / (1 - drop)


note(
    WRONG,
    "dropout: mask of channels transposed, N = C",
    spatial_dropout_forward,
    spatial_dropout_backward,
    normal((3, 3, 4)),
    "dx",
    "wrong_mask",
    "transposed wrong_axis wrong_index",
)
