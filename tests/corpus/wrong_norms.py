"""Layer, group, instance, RMS and weight normalisation, each with one fault."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, normal


def layernorm_forward(x, gamma, beta, eps=1e-5):
    mu = x.mean(axis=-1, keepdims=True)
    var = x.var(axis=-1, keepdims=True)
    inv_std = 1 / np.sqrt(var + eps)
    x_norm = (x - mu) * inv_std
    return gamma * x_norm + beta, {"x_norm": x_norm, "gamma": gamma, "inv_std": inv_std}


def layernorm_backward_as_batchnorm(dout, cache):
    x_norm, gamma, inv_std = cache["x_norm"], cache["gamma"], cache["inv_std"]
    dbeta = dout.sum(axis=0)
    dgamma = (dout * x_norm).sum(axis=0)
    dxn = dout * gamma
    dx = inv_std * (dxn - dxn.mean(axis=0) - x_norm * (dxn * x_norm).mean(axis=0))
    return dx, dgamma, dbeta


def layernorm_backward_parameters_along_features(dout, cache):
    x_norm, gamma, inv_std = cache["x_norm"], cache["gamma"], cache["inv_std"]
    dbeta = dout.sum(axis=-1)
    dgamma = (dout * x_norm).sum(axis=-1)
    dxn = dout * gamma
    m1 = dxn.mean(axis=-1, keepdims=True)
    m2 = (dxn * x_norm).mean(axis=-1, keepdims=True)
    return inv_std * (dxn - m1 - x_norm * m2), dgamma, dbeta


def layernorm_backward_gamma_left_out(dout, cache):
    x_norm, inv_std = cache["x_norm"], cache["inv_std"]
    D = dout.shape[-1]
    dx = D * dout
    dx -= dout.sum(axis=-1, keepdims=True)
    dx -= x_norm * np.sum(dout * x_norm, axis=-1, keepdims=True)
    dx *= inv_std / D
    return dx, (dout * x_norm).sum(axis=0), dout.sum(axis=0)


def layernorm_backward_no_mean_path(dout, cache):
    x_norm, gamma, inv_std = cache["x_norm"], cache["gamma"], cache["inv_std"]
    g = dout * gamma
    dx = inv_std * (g - x_norm * np.mean(g * x_norm, axis=-1, keepdims=True))
    dgamma = np.sum(dout * x_norm, axis=0)
    dbeta = np.sum(dout, axis=0)
    return dx, dgamma, dbeta


def layernorm_backward_divided_by_n(dout, cache):
    x_norm, gamma, inv_std = cache["x_norm"], cache["gamma"], cache["inv_std"]
    N = dout.shape[0]
    g = dout * gamma
    s1 = g.sum(axis=1, keepdims=True)
    s2 = (g * x_norm).sum(axis=1, keepdims=True)
    dx = inv_std / N * (N * g - s1 - x_norm * s2)
    return dx, (dout * x_norm).sum(axis=0), dout.sum(axis=0)


def layernorm_backward_time_left(dout, cache):
    x_norm, gamma, inv_std = cache["x_norm"], cache["gamma"], cache["inv_std"]
    g = dout * gamma
    m1 = g.mean(axis=-1, keepdims=True)
    m2 = (g * x_norm).mean(axis=-1, keepdims=True)
    dx = inv_std * (g - m1 - x_norm * m2)
    return dx, np.sum(dout * x_norm, axis=0), np.sum(dout, axis=0)


def rmsnorm_forward(x, g, eps=1e-6):
    ms = np.mean(x**2, axis=1, keepdims=True)
    r = 1 / np.sqrt(ms + eps)
    n = x * r
    return g * n, (x, g, r, n)


def rmsnorm_backward_rms_constant(dout, cache):
    x, g, r, n = cache
    dg = np.sum(dout * n, axis=0)
    dx = dout * g * r
    return dx, dg


def rmsnorm_backward_summed_over_batch(dout, cache):
    x, g, r, n = cache
    dg = np.sum(dout * n, axis=0)
    dn = dout * g
    dx = r * (dn - n * np.mean(dn * n, axis=0, keepdims=True))
    return dx, dg


def rmsnorm_backward_gain_from_x(dout, cache):
    x, g, r, n = cache
    dg = np.sum(dout * x, axis=0)
    dn = dout * g
    dx = r * (dn - n * np.mean(dn * n, axis=1, keepdims=True))
    return dx, dg


def groupnorm_forward(x, gamma, beta, G=2, eps=1e-5):
    N, C, H, W = x.shape
    xg = x.reshape(N, G, -1)
    mean = xg.mean(axis=2, keepdims=True)
    std = np.sqrt(xg.var(axis=2, keepdims=True) + eps)
    xhat = ((xg - mean) / std).reshape(N, C, H, W)
    out = xhat * gamma[:, None, None] + beta[:, None, None]
    return out, (xhat, std, gamma, G)


def groupnorm_backward_batch_left(dout, cache):
    xhat, std, gamma, G = cache
    N, C, H, W = dout.shape
    dgamma = (dout * xhat).sum(axis=(2, 3))
    dbeta = dout.sum(axis=(2, 3))
    d = (dout * gamma[:, None, None]).reshape(N, G, -1)
    xh = xhat.reshape(N, G, -1)
    dx = (d - d.mean(2, keepdims=True) - xh * (d * xh).mean(2, keepdims=True)) / std
    return dx.reshape(N, C, H, W), dgamma, dbeta


def groupnorm_backward_groups_interleaved(dout, cache):
    xhat, std, gamma, G = cache
    N, C, H, W = dout.shape
    d = (dout * gamma[:, None, None]).reshape(N, G, -1)
    xh = xhat.reshape(N, G, -1)
    dx = (d - d.mean(2, keepdims=True) - xh * (d * xh).mean(2, keepdims=True)) / std
    dx = dx.reshape(N, G, C // G, H, W).swapaxes(1, 2).reshape(N, C, H, W)
    return dx, (dout * xhat).sum(axis=(0, 2, 3)), dout.sum(axis=(0, 2, 3))


def weightnorm_forward(x, v, g):
    # each column of w has the length g
    length = np.linalg.norm(v, axis=0)
    w = g * v / length
    return x @ w, (x, v, g, length, w)


def weightnorm_backward_length_constant(dout, cache):
    x, v, g, length, w = cache
    dw = x.T @ dout
    dg = np.sum(dw * v / length, axis=0)
    dv = dw * g / length
    return dout @ w.T, dv, dg


def weightnorm_backward_x_through_v(dout, cache):
    x, v, g, length, w = cache
    dw = x.T @ dout
    u = v / length
    dg = np.sum(dw * u, axis=0)
    dv = g / length * (dw - u * dg)
    dx = dout @ v.T
    return dx, dv, dg


def unit_rows_forward(x):
    norm = np.sqrt((x**2).sum(axis=1, keepdims=True))
    return x / norm, (x, norm)


def unit_rows_backward_norm_not_cubed(dout, cache):
    x, norm = cache
    inner = np.sum(dout * x, axis=1, keepdims=True)
    return dout / norm - x * inner / norm


def standardise_forward(x):
    # with the unbiased estimate of the variance
    D = x.shape[1]
    c = x - x.mean(axis=1, keepdims=True)
    s = np.sqrt((c**2).sum(axis=1, keepdims=True) / (D - 1))
    return c / s, (c / s, s)


def standardise_backward_biased(dout, cache):
    z, s = cache
    dx = dout - dout.mean(axis=1, keepdims=True) - z * (dout * z).mean(axis=1, keepdims=True)
    return dx / s


ROWS = normal((3, 5), (5,), (5,))
IMAGES = normal((3, 4, 2, 3), (4,), (4,))


def wrong(name, forward, backward, make, gradients, cause, also=()):
    return Specimen(name, forward, backward, make, {}, tuple(gradients.split()), cause, also)


WRONG = [
    wrong(
        "layernorm: means over the batch",
        layernorm_forward,
        layernorm_backward_as_batchnorm,
        ROWS,
        "dx",
        "wrong_axis",
    ),
    wrong(
        "layernorm: dgamma and dbeta summed over features (N = D)",
        layernorm_forward,
        layernorm_backward_parameters_along_features,
        normal((4, 4), (4,), (4,)),
        "dgamma dbeta",
        "wrong_axis",
    ),
    wrong(
        "layernorm: gamma left out",
        layernorm_forward,
        layernorm_backward_gamma_left_out,
        ROWS,
        "dx",
        "chain_factor",
    ),
    wrong(
        "layernorm: mean's path left out",
        layernorm_forward,
        layernorm_backward_no_mean_path,
        ROWS,
        "dx",
        "missing_path",
    ),
    wrong(
        "layernorm: N where D belongs",
        layernorm_forward,
        layernorm_backward_divided_by_n,
        ROWS,
        "dx",
        "wrong_formula",
    ),
    wrong(
        "layernorm over a sequence: parameters not summed over time",
        layernorm_forward,
        layernorm_backward_time_left,
        normal((3, 2, 5), (5,), (5,)),
        "dgamma dbeta",
        "missing_reduction",
    ),
    wrong(
        "rmsnorm: rms taken as constant",
        rmsnorm_forward,
        rmsnorm_backward_rms_constant,
        normal((3, 5), (5,)),
        "dx",
        "missing_path",
    ),
    wrong(
        "rmsnorm: inner product over the batch",
        rmsnorm_forward,
        rmsnorm_backward_summed_over_batch,
        normal((3, 5), (5,)),
        "dx",
        "wrong_axis",
    ),
    wrong(
        "rmsnorm: gain's gradient from x",
        rmsnorm_forward,
        rmsnorm_backward_gain_from_x,
        normal((3, 5), (5,)),
        "dg",
        "wrong_tensor",
    ),
    wrong(
        "groupnorm: parameters not summed over the batch",
        groupnorm_forward,
        groupnorm_backward_batch_left,
        IMAGES,
        "dgamma dbeta",
        "missing_reduction",
    ),
    wrong(
        "groupnorm: channels of the groups interleaved",
        groupnorm_forward,
        groupnorm_backward_groups_interleaved,
        IMAGES,
        "dx",
        "rearranged",
    ),
    wrong(
        "weight norm: length taken as constant",
        weightnorm_forward,
        weightnorm_backward_length_constant,
        normal((5, 4), (4, 3), (3,)),
        "dv",
        "missing_path",
    ),
    wrong(
        "weight norm: dx through v, not w",
        weightnorm_forward,
        weightnorm_backward_x_through_v,
        normal((5, 4), (4, 3), (3,)),
        "dx",
        "wrong_tensor",
        ("chain_factor",),
    ),
    wrong(
        "unit rows: norm not cubed",
        unit_rows_forward,
        unit_rows_backward_norm_not_cubed,
        normal((3, 5)),
        "dx",
        "wrong_formula",
        ("chain_factor",),
    ),
    wrong(
        "standardise: D where D - 1 belongs",
        standardise_forward,
        standardise_backward_biased,
        normal((3, 5)),
        "dx",
        "wrong_formula",
    ),
]
