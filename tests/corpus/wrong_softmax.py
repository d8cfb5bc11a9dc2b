"""Softmax and its relations, each with one fault in its backward pass."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, normal


def softmax_forward(x):
    shifted = x - x.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    p = e / e.sum(axis=1, keepdims=True)
    return p, p


def softmax_backward_diagonal(dout, cache):
    p = cache
    return dout * p * (1 - p)


def softmax_backward_summed_over_batch(dout, cache):
    p = cache
    s = np.sum(dout * p, axis=0, keepdims=True)
    return p * (dout - s)


def softmax_backward_of_log_softmax(dout, cache):
    p = cache
    return dout - p * dout.sum(axis=1, keepdims=True)


def softmax_backward_p_once(dout, cache):
    p = cache
    return p * (dout - dout.sum(axis=1, keepdims=True))


def softmax_backward_assigns_rows(dout, cache):
    probs = cache
    N, C = probs.shape
    dx = np.zeros_like(probs)
    for n in range(N):
        for i in range(C):
            for j in range(C):
                if i == j:
                    dx[n, j] = dout[n, i] * probs[n, i] * (1 - probs[n, i])
                else:
                    dx[n, j] = -dout[n, i] * probs[n, i] * probs[n, j]
    return dx


def tempered_softmax_forward(scores, T=1.7):
    z = scores / T
    z = z - np.max(z, axis=-1, keepdims=True)
    probs = np.exp(z) / np.sum(np.exp(z), axis=-1, keepdims=True)
    return probs, {"probs": probs, "T": T}


def tempered_softmax_backward_without_t(dout, cache):
    probs = cache["probs"]
    inner = np.sum(dout * probs, axis=-1, keepdims=True)
    dscores = probs * (dout - inner)
    return dscores


def log_softmax_forward(x):
    shifted = x - np.max(x, axis=1, keepdims=True)
    out = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return out, (out,)


def log_softmax_backward_own_dout(dout, cache):
    (out,) = cache
    return dout - np.exp(out) * dout


def log_softmax_backward_log_probs(dout, cache):
    (out,) = cache
    return dout - out * np.sum(dout, axis=1, keepdims=True)


def log_softmax_backward_one_hot_assumed(dout, cache):
    (out,) = cache
    return dout + np.exp(out)


def logsumexp_forward(x):
    m = x.max(axis=1)
    out = m + np.log(np.exp(x - m[:, None]).sum(axis=1))
    return out, (x, out)


def logsumexp_backward_normalised_by_column(dout, cache):
    x, out = cache
    p = np.exp(x) / np.exp(x).sum(axis=0)
    return dout[:, None] * p


WRONG = [
    Specimen(
        "softmax: diagonal of the Jacobian alone",
        softmax_forward,
        softmax_backward_diagonal,
        normal((3, 5)),
        {},
        ("dx",),
        "missing_path",
    ),
    Specimen(
        "softmax: summed over the batch",
        softmax_forward,
        softmax_backward_summed_over_batch,
        normal((3, 5)),
        {},
        ("dx",),
        "wrong_axis",
    ),
    Specimen(
        "softmax: log-softmax's formula",
        softmax_forward,
        softmax_backward_of_log_softmax,
        normal((3, 5)),
        {},
        ("dx",),
        "wrong_formula",
    ),
    Specimen(
        "softmax: p missing inside the sum",
        softmax_forward,
        softmax_backward_p_once,
        normal((3, 5)),
        {},
        ("dx",),
        "wrong_formula",
        ("chain_factor",),
    ),
    Specimen(
        "softmax, loops: last output only",
        softmax_forward,
        softmax_backward_assigns_rows,
        normal((3, 5)),
        {},
        ("dx",),
        "overwrite_not_accumulate",
    ),
    Specimen(
        "softmax: temperature left out",
        tempered_softmax_forward,
        tempered_softmax_backward_without_t,
        normal((3, 5)),
        {"T": 1.7},
        ("dscores",),
        "constant_scale",
    ),
    Specimen(
        "log-softmax: dout not summed over the classes",
        log_softmax_forward,
        log_softmax_backward_own_dout,
        normal((3, 5)),
        {},
        ("dx",),
        "missing_reduction",
    ),
    Specimen(
        "log-softmax: log p where p belongs",
        log_softmax_forward,
        log_softmax_backward_log_probs,
        normal((3, 5)),
        {},
        ("dx",),
        "wrong_tensor",
    ),
    Specimen(
        "log-softmax: takes dout for minus a one-hot row",
        log_softmax_forward,
        log_softmax_backward_one_hot_assumed,
        normal((3, 5)),
        {},
        ("dx",),
        "dout_nonlinear",
        ("wrong_formula",),
    ),
    Specimen(
        "logsumexp: normalised by column",
        logsumexp_forward,
        logsumexp_backward_normalised_by_column,
        normal((3, 5)),
        {},
        ("dx",),
        "wrong_axis",
    ),
]
