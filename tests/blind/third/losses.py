"""Wrong softmax layers and losses."""

import numpy as np

from blind.shelf import note
from corpus.specimen import normal

WRONG = []


def softmax(z):
    z = z - z.max(axis=-1, keepdims=True)
    e = np.exp(z)
    return e / e.sum(axis=-1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def scores_labels(n, c):
    def make(rng):
        y = rng.integers(0, c, size=n)
        y[:2] = (0, c - 1)
        return 2 * rng.normal(size=(n, c)), y

    return make


def softmax_loss(x, y):
    p = softmax(x)
    N = x.shape[0]
    loss = -np.mean(np.log(p[np.arange(N), y]))
    return loss, (p, y)


def softmax_loss_backward_sum(dout, cache):
    p, y = cache
    dx = p.copy()
    dx[np.arange(len(y)), y] -= 1
    return dx * dout


def softmax_loss_backward_no_dout(dout, cache):
    probs, y = cache
    N = probs.shape[0]
    dx = probs.copy()
    dx[range(N), y] -= 1
    dx /= N
    return dx


def softmax_loss_backward_columns(dout, cache):
    p, y = cache
    N = len(y)
    dx = p.copy()
    dx[:, y] -= 1
    return dout * dx / N


def softmax_loss_backward_target_only(dout, cache):
    p, y = cache
    n, c = p.shape
    grad = np.zeros((n, c))
    for i in range(n):
        grad[i, y[i]] = (p[i, y[i]] - 1) / n
    return dout * grad


def softmax_loss_backward_plus(dout, cache):
    p, y = cache
    onehot = np.eye(p.shape[1])[y]
    return dout * (onehot - p) / len(y)


def softmax_loss_backward_classes(dout, cache):
    p, y = cache
    d = p - np.eye(p.shape[1])[y]
    return dout * d / p.shape[1]


for title, backward, cause, also in (
    ("not divided by N", softmax_loss_backward_sum, "batch_scale", ""),
    ("dout unused", softmax_loss_backward_no_dout, "dout_ignored", ""),
    ("one taken from whole columns", softmax_loss_backward_columns, "wrong_index", ""),
    (
        "only the label's entry",
        softmax_loss_backward_target_only,
        "missing_path",
        "partial_fill",
    ),
    ("onehot - p", softmax_loss_backward_plus, "sign_flip", ""),
    (
        "divided by the classes",
        softmax_loss_backward_classes,
        "batch_scale",
        "constant_scale wrong_axis",
    ),
):
    note(
        WRONG,
        "cross-entropy: " + title,
        softmax_loss,
        backward,
        scores_labels(5, 3),
        "dx",
        cause,
        also,
    )


def softmax_layer(z):
    s = softmax(z)
    return s, s.copy()


def softmax_layer_backward_diag(dout, s):
    return dout * s * (1 - s)


def softmax_layer_backward_axis0(dout, s):
    dot = np.sum(dout * s, axis=0, keepdims=True)
    return s * (dout - dot)


def softmax_layer_backward_plus(dout, s):
    dz = np.empty_like(s)
    for k, (p, g) in enumerate(zip(s, dout)):
        jac = np.diag(p) + np.outer(p, p)
        dz[k] = jac @ g
    return dz


def softmax_layer_backward_unweighted(dout, s):
    return s * (dout - dout.sum(axis=1, keepdims=True))


note(
    WRONG,
    "softmax: diagonal only",
    softmax_layer,
    softmax_layer_backward_diag,
    normal((3, 5)),
    "dz",
    "missing_path",
)
note(
    WRONG,
    "softmax: sum over the batch",
    softmax_layer,
    softmax_layer_backward_axis0,
    normal((4, 5)),
    "dz",
    "wrong_axis",
)
note(
    WRONG,
    "softmax: plus the outer product",
    softmax_layer,
    softmax_layer_backward_plus,
    normal((3, 4)),
    "dz",
    "wrong_formula",
    "sign_flip",
)
note(
    WRONG,
    "softmax: weights missing in the sum",
    softmax_layer,
    softmax_layer_backward_unweighted,
    normal((3, 4)),
    "dz",
    "chain_factor",
    "wrong_formula",
)


def log_softmax(x):
    m = x.max(1, keepdims=True)
    lse = m + np.log(np.exp(x - m).sum(1, keepdims=True))
    logp = x - lse
    return logp, {"logp": logp.copy()}


def log_softmax_backward_nosum(dout, cache):
    return dout - np.exp(cache["logp"]) * dout


def log_softmax_backward_logp(dout, cache):
    return dout - cache["logp"] * dout.sum(axis=1, keepdims=True)


note(
    WRONG,
    "log softmax: dout not summed over classes",
    log_softmax,
    log_softmax_backward_nosum,
    normal((4, 3)),
    "dx",
    "missing_reduction",
    "missing_path",
)
note(
    WRONG,
    "log softmax: exp of logp forgotten",
    log_softmax,
    log_softmax_backward_logp,
    normal((4, 3)),
    "dx",
    "wrong_tensor",
)


def mse_forward(pred, goal):
    diff = pred - goal
    return (diff**2).mean(), diff


def mse_backward_rows(dout, diff):
    g = dout * 2 * diff / diff.shape[0]
    return g, -g


def mse_backward_no_two(dout, diff):
    g = dout * diff / diff.size
    return g, -g


def mse_backward_same(dout, diff):
    g = 2 * dout * diff / diff.size
    return g, g.copy()


def mse_backward_exchanged(dout, diff):
    dpred = 2 * dout * diff / diff.size
    dgoal = -dpred
    return dgoal, dpred


note(
    WRONG,
    "mse: divided by rows only",
    mse_forward,
    mse_backward_rows,
    normal((5, 3), (5, 3)),
    "dpred dgoal",
    "constant_scale",
)
note(
    WRONG,
    "mse: two missing",
    mse_forward,
    mse_backward_no_two,
    normal((5, 3), (5, 3)),
    "dpred dgoal",
    "constant_scale",
)
note(
    WRONG,
    "mse: same sign for both",
    mse_forward,
    mse_backward_same,
    normal((5, 3), (5, 3)),
    "dgoal",
    "sign_flip",
)
note(
    WRONG,
    "mse: gradients returned in the wrong order",
    mse_forward,
    mse_backward_exchanged,
    normal((5, 3), (5, 3)),
    "dpred dgoal",
    "swapped_outputs",
    "sign_flip",
)


def regression(n, d):
    def make(rng):
        x = rng.normal(size=(n, d)) * 2
        x[0, 0], x[-1, -1] = 4.0, -4.0
        return x, rng.normal(size=(n, d)) * 0.1

    return make


def l1_forward(x, target):
    d = x - target
    return np.abs(d).sum() / len(x), (d, len(x))


def l1_backward(dout, cache):
    d, n = cache
    return dout * d / n


note(
    WRONG,
    "l1: difference for its sign",
    l1_forward,
    l1_backward,
    regression(4, 3),
    "dx",
    "wrong_formula",
)


def smooth_l1(x, target, delta=0.7):
    d = x - target
    a = np.abs(d)
    small = a <= delta
    per = np.where(small, 0.5 * d * d, delta * (a - 0.5 * delta))
    return per.sum(), (d, small, delta)


def smooth_l1_backward_mask(dout, cache):
    d, small, delta = cache
    g = np.where(d <= delta, d, delta * np.sign(d))
    return g * dout


def smooth_l1_backward_unit(dout, cache):
    d, small, delta = cache
    g = d.copy()
    g[~small] = np.sign(d[~small])
    return g * dout


note(
    WRONG,
    "huber: absolute value missing in the test",
    smooth_l1,
    smooth_l1_backward_mask,
    regression(4, 4),
    "dx",
    "wrong_mask",
)
note(
    WRONG,
    "huber: delta missing outside",
    smooth_l1,
    smooth_l1_backward_unit,
    regression(4, 4),
    "dx",
    "chain_factor",
    "wrong_formula",
)


def bce_inputs(rng):
    return rng.uniform(0.1, 0.9, size=(6, 1)), rng.integers(0, 2, size=(6, 1)).astype(float)


def bce_mixed(rng):
    p, t = bce_inputs(rng)
    t[0], t[1] = 0, 1
    return p, t


def bce_forward(p, y):
    n = y.shape[0]
    cost = -(np.dot(y.T, np.log(p)) + np.dot((1 - y).T, np.log(1 - p))).item() / n
    return cost, (p, y, n)


def bce_backward_sign(dout, cache):
    p, y, n = cache
    dp = -(np.divide(y, p) + np.divide(1 - y, 1 - p)) / n
    return dp * dout


def bce_backward_logit_form(dout, cache):
    p, y, n = cache
    return dout * (p - y) / n


note(
    WRONG,
    "bce: both terms with the same sign",
    bce_forward,
    bce_backward_sign,
    bce_mixed,
    "dp",
    "sign_flip",
    "wrong_formula",
)
note(
    WRONG,
    "bce: formula of the logits",
    bce_forward,
    bce_backward_logit_form,
    bce_mixed,
    "dp",
    "chain_factor",
    "wrong_formula",
)


def bce_logits_forward(s, y):
    loss = np.maximum(s, 0) - s * y + np.log1p(np.exp(-np.abs(s)))
    return loss.mean(), (s, y)


def bce_logits_backward_raw(dout, cache):
    s, y = cache
    return dout * (s - y) / s.size


def bce_logits_backward_none(dout, cache):
    s, y = cache
    return dout * (sigmoid(s) - y)


def logit_inputs(rng):
    y = rng.integers(0, 2, size=7).astype(float)
    y[:2] = 0, 1
    return rng.normal(size=7), y


note(
    WRONG,
    "bce logits: sigmoid forgotten",
    bce_logits_forward,
    bce_logits_backward_raw,
    logit_inputs,
    "ds",
    "wrong_tensor",
)
note(
    WRONG,
    "bce logits: mean forgotten",
    bce_logits_forward,
    bce_logits_backward_none,
    logit_inputs,
    "ds",
    "batch_scale",
)


def svm_loss(x, y):
    N = x.shape[0]
    correct = x[np.arange(N), y]
    margins = np.maximum(0, x - correct[:, None] + 1.0)
    margins[np.arange(N), y] = 0
    return np.sum(margins) / N, (margins, y)


def svm_backward_no_correct(dout, cache):
    margins, y = cache
    dx = np.zeros_like(margins)
    dx[margins > 0] = 1
    return dout * dx / len(y)


def svm_backward_one(dout, cache):
    margins, y = cache
    N = len(y)
    dx = (margins > 0).astype(float)
    dx[np.arange(N), y] = -1
    dx *= dout / N
    return dx


def svm_backward_rowmix(dout, cache):
    margins, y = cache
    N = len(y)
    dx = (margins > 0).astype(float)
    dx[np.arange(N), y] -= dx.sum(axis=0)[y]
    return dx * dout / N


note(
    WRONG,
    "hinge: correct class gets nothing",
    svm_loss,
    svm_backward_no_correct,
    scores_labels(5, 4),
    "dx",
    "missing_path",
    "partial_fill",
)


def crowded(rng):
    y = rng.integers(0, 5, size=4)
    return rng.normal(size=(4, 5)) * 0.2, y


note(
    WRONG,
    "hinge: correct class gets minus one",
    svm_loss,
    svm_backward_one,
    crowded,
    "dx",
    "missing_reduction",
    "overwrite_not_accumulate wrong_formula",
)
note(
    WRONG,
    "hinge: margins counted down the batch",
    svm_loss,
    svm_backward_rowmix,
    crowded,
    "dx",
    "wrong_axis",
)


def svm2_loss(x, y):
    """Binary squared hinge with labels +-1."""
    m = np.maximum(0, 1 - y * x)
    return np.mean(m**2), (m, y)


def svm2_backward(dout, cache):
    m, y = cache
    return -2 * y * (m > 0) * dout / m.size


def plus_minus(rng):
    y = np.where(rng.random(6) > 0.5, 1.0, -1.0)
    x = rng.normal(size=6)
    x[0] = -2.0 * y[0]
    return x, y


note(
    WRONG,
    "squared hinge: margin itself missing",
    svm2_loss,
    svm2_backward,
    plus_minus,
    "dx",
    "chain_factor",
)


def nll_forward(logp, y):
    n = len(y)
    return -sum(logp[i, y[i]] for i in range(n)) / n, (logp.shape, y)


def nll_backward(dout, cache):
    shape, y = cache
    n = shape[0]
    g = np.zeros(shape)
    g[y, np.arange(n)] = -dout / n
    return g


def not_symmetric(rng):
    return np.log(softmax(rng.normal(size=(4, 4)))), np.array([1, 2, 0, 1])


note(
    WRONG,
    "nll: row and column indices exchanged (square)",
    nll_forward,
    nll_backward,
    not_symmetric,
    "dlogp",
    "wrong_index",
    "transposed",
)


def kl_forward(p, q):
    return np.sum(p * (np.log(p) - np.log(q))), (p, q)


def kl_backward_no_one(dout, cache):
    p, q = cache
    dp = dout * (np.log(p) - np.log(q))
    dq = -dout * p / q
    return dp, dq


def distributions(rng):
    return softmax(rng.normal(size=(3, 4))), softmax(rng.normal(size=(3, 4)))


note(
    WRONG,
    "kl: product rule's one missing",
    kl_forward,
    kl_backward_no_one,
    distributions,
    "dp",
    "missing_path",
    "wrong_formula",
)


def weighted_ce(x, y, weights=(0.5, 2.0, 3.0)):
    w = np.asarray(weights)[y]
    p = softmax(x)
    n = np.arange(len(y))
    return -(w * np.log(p[n, y])).sum() / w.sum(), (p, y, w)


def weighted_ce_backward(dout, cache):
    p, y, w = cache
    d = p.copy()
    d[np.arange(len(y)), y] -= 1
    return dout * d / len(y)


note(
    WRONG,
    "weighted cross-entropy: weights forgotten",
    weighted_ce,
    weighted_ce_backward,
    scores_labels(6, 3),
    "dx",
    "chain_factor",
)


def masked_ce(scores, y, mask):
    N, T, V = scores.shape
    flat, yf, mf = scores.reshape(-1, V), y.reshape(-1), mask.reshape(-1)
    p = softmax(flat)
    loss = -np.sum(mf * np.log(p[np.arange(N * T), yf])) / N
    return loss, (p, yf, mf, scores.shape)


def masked_ce_backward(dout, cache):
    p, yf, mf, (N, T, V) = cache
    d = p.copy()
    d[np.arange(N * T), yf] -= 1
    d /= N
    return dout * d.reshape(N, T, V)


def captions(rng):
    mask = np.ones((2, 4))
    mask[0, 2:] = 0
    mask[1, 3] = 0
    return rng.normal(size=(2, 4, 5)), rng.integers(0, 5, size=(2, 4)), mask


note(
    WRONG,
    "sequence cross-entropy: mask left out",
    masked_ce,
    masked_ce_backward,
    captions,
    "dscores",
    "wrong_mask",
    "chain_factor",
)


def cosine(a, b):
    na = np.linalg.norm(a, axis=1)
    nb = np.linalg.norm(b, axis=1)
    dot = np.einsum("ij,ij->i", a, b)
    return dot / (na * nb), (a, b, na, nb, dot)


def cosine_backward(dout, cache):
    a, b, na, nb, dot = cache
    c = (dout / (na * nb))[:, None]
    da = c * b
    db = c * a - (dout * dot / (na * nb**3))[:, None] * b
    return da, db


note(
    WRONG,
    "cosine: norm of a held constant",
    cosine,
    cosine_backward,
    normal((4, 3), (4, 3)),
    "da",
    "missing_path",
)


def triplet(anchor, pos, neg, margin=5.0):
    dp = ((anchor - pos) ** 2).sum(1)
    dn = ((anchor - neg) ** 2).sum(1)
    v = dp - dn + margin
    return np.maximum(v, 0).sum(), (anchor, pos, neg, v > 0)


def triplet_backward(dout, cache):
    anchor, pos, neg, on = cache
    on = dout * on[:, None]
    danchor = 2 * (anchor - pos) * on
    dpos = -2 * (anchor - pos) * on
    dneg = 2 * (anchor - neg) * on
    return danchor, dpos, dneg


note(
    WRONG,
    "triplet: negative pair missing for the anchor",
    triplet,
    triplet_backward,
    normal((4, 2), (4, 2), (4, 2)),
    "danchor",
    "missing_path",
)


def poisson_nll(log_rate, y):
    return np.mean(np.exp(log_rate) - y * log_rate), (log_rate, y)


def poisson_nll_backward(dout, cache):
    log_rate, y = cache
    grad = np.exp(log_rate) - y
    return np.round(dout * grad / y.size, 3)


def counts(rng):
    return rng.normal(size=(5,)), rng.poisson(2.0, size=5)


note(
    WRONG,
    "poisson: rounded to three digits",
    poisson_nll,
    poisson_nll_backward,
    counts,
    "dlog_rate",
    "precision_loss",
)
