"""Losses: the output is a scalar (or one number per example)."""

import numpy as np

from blind.shelf import note
from corpus.specimen import normal

WRONG = []


def scores_and_labels(N, C):
    def make(rng):
        return rng.normal(size=(N, C)), rng.integers(0, C, size=N)

    return make


# ---------------------------------------------------------------- cross-entropy
def softmax_loss_forward(x, y):
    shifted = x - np.max(x, axis=1, keepdims=True)
    Z = np.sum(np.exp(shifted), axis=1, keepdims=True)
    log_probs = shifted - np.log(Z)
    probs = np.exp(log_probs)
    N = x.shape[0]
    loss = -np.sum(log_probs[np.arange(N), y]) / N
    return loss, (probs, y)


def softmax_loss_backward_no_mean(dout, cache):
    probs, y = cache
    N = probs.shape[0]
    dx = probs.copy()
    dx[np.arange(N), y] -= 1
    return dx * dout


def softmax_loss_backward_probs_only(dout, cache):
    probs, y = cache
    N = len(y)
    return dout * probs / N


def softmax_loss_backward_all_columns(dout, cache):
    probs, y = cache
    N = probs.shape[0]
    dx = probs.copy()
    for i in range(N):
        dx[:, y[i]] -= 1
    dx /= N
    return dout * dx


def softmax_loss_backward_no_dout(dout, cache):
    probs, y = cache
    N = probs.shape[0]
    dx = probs.copy()
    dx[np.arange(N), y] -= 1
    dx /= N
    return dx


def softmax_loss_backward_adds_one(dout, cache):
    probs, y = cache
    onehot = np.eye(probs.shape[1])[y]
    return dout * (onehot - probs) / len(y)


def softmax_loss_backward_mean_over_entries(dout, cache):
    probs, y = cache
    g = probs.copy()
    g[range(len(y)), y] -= 1.0
    return dout * g / g.size


note(
    WRONG,
    "cross-entropy: 1/N forgotten",
    softmax_loss_forward,
    softmax_loss_backward_no_mean,
    scores_and_labels(5, 3),
    "dx",
    "batch_scale",
)
note(
    WRONG,
    "cross-entropy: 1 not subtracted at the label",
    softmax_loss_forward,
    softmax_loss_backward_probs_only,
    scores_and_labels(4, 3),
    "dx",
    "missing_path",
    "wrong_formula",
)
note(
    WRONG,
    "cross-entropy: 1 subtracted in whole columns",
    softmax_loss_forward,
    softmax_loss_backward_all_columns,
    scores_and_labels(4, 5),
    "dx",
    "wrong_index",
    "wrong_formula",
)
note(
    WRONG,
    "cross-entropy: upstream gradient left out",
    softmax_loss_forward,
    softmax_loss_backward_no_dout,
    scores_and_labels(3, 4),
    "dx",
    "dout_ignored",
)
note(
    WRONG,
    "cross-entropy: onehot minus probs",
    softmax_loss_forward,
    softmax_loss_backward_adds_one,
    scores_and_labels(5, 4),
    "dx",
    "sign_flip",
)
note(
    WRONG,
    "cross-entropy: mean over all entries",
    softmax_loss_forward,
    softmax_loss_backward_mean_over_entries,
    scores_and_labels(5, 3),
    "dx",
    "constant_scale",
)


class CrossEntropyFromLogits:
    """Course style: an object called like a function; sums over the batch are means."""

    def forward(self, y_out, y_truth):
        N, C = y_out.shape
        y_truth_one_hot = np.zeros_like(y_out)
        y_truth_one_hot[np.arange(N), y_truth] = 1
        y_out_exp = np.exp(y_out - np.max(y_out, axis=1, keepdims=True))
        y_out_probs = y_out_exp / np.sum(y_out_exp, axis=1, keepdims=True)
        loss = -y_truth_one_hot * np.log(y_out_probs)
        loss = loss.sum(axis=1).mean()
        cache = {"probs": y_out_probs, "one_hot": y_truth_one_hot}
        return loss, cache

    def backward(self, dout, cache):
        probs, one_hot = cache["probs"], cache["one_hot"]
        N = probs.shape[0]
        gradient = -one_hot / probs  # d loss / d probs
        gradient = gradient * probs * (1 - probs)
        return dout * gradient / N


def make_ce_object(rng):
    return rng.normal(size=(4, 3)), rng.integers(0, 3, size=4)


note(
    WRONG,
    "cross-entropy: softmax treated entry by entry",
    CrossEntropyFromLogits().forward,
    CrossEntropyFromLogits().backward,
    make_ce_object,
    "dy_out",
    "missing_path",
    "partial_fill",
)


def temporal_softmax_forward(x, y, mask):
    N, T, V = x.shape
    x_flat = x.reshape(N * T, V)
    y_flat = y.reshape(N * T)
    mask_flat = mask.reshape(N * T)
    probs = np.exp(x_flat - np.max(x_flat, axis=1, keepdims=True))
    probs /= np.sum(probs, axis=1, keepdims=True)
    loss = -np.sum(mask_flat * np.log(probs[np.arange(N * T), y_flat])) / N
    return loss, (probs, y_flat, mask_flat, x.shape)


def temporal_softmax_backward(dout, cache):
    probs, y_flat, mask_flat, (N, T, V) = cache
    dx_flat = probs.copy()
    dx_flat[np.arange(N * T), y_flat] -= 1
    dx_flat /= N
    return dx_flat.reshape(N, T, V) * dout


def make_captions(rng):
    mask = np.ones((2, 4), dtype=bool)
    mask[0, 2:] = False
    mask[1, 3:] = False
    return rng.normal(size=(2, 4, 5)), rng.integers(0, 5, size=(2, 4)), mask


note(
    WRONG,
    "cross-entropy: padded words not masked",
    temporal_softmax_forward,
    temporal_softmax_backward,
    make_captions,
    "dx",
    "wrong_mask",
    "chain_factor",
)


def smoothed_forward(scores, labels, smoothing=0.2):
    N, C = scores.shape
    soft = np.full((N, C), smoothing / C)
    soft[np.arange(N), labels] += 1 - smoothing
    m = scores.max(1, keepdims=True)
    logp = scores - m - np.log(np.exp(scores - m).sum(1, keepdims=True))
    return -(soft * logp).sum() / N, (np.exp(logp), labels, soft)


def smoothed_backward(dout, cache):
    p, labels, soft = cache
    N, C = p.shape
    hard = np.zeros((N, C))
    hard[np.arange(N), labels] = 1
    return dout * (p - hard) / N


note(
    WRONG,
    "cross-entropy: hard labels although smoothed",
    smoothed_forward,
    smoothed_backward,
    scores_and_labels(4, 5),
    "dscores",
    "wrong_tensor",
)


def weighted_ce_forward(logits, labels, class_weights=(1.0, 4.0, 0.5)):
    cw = np.asarray(class_weights)
    z = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(z)
    p = p / p.sum(axis=1, keepdims=True)
    wi = cw[labels]
    losses = -wi * np.log(p[np.arange(len(labels)), labels])
    return losses.sum() / wi.sum(), (p, labels, wi)


def weighted_ce_backward(dout, cache):
    p, labels, wi = cache
    d = p.copy()
    d[np.arange(len(labels)), labels] -= 1
    return dout * d / len(labels)


def make_weighted(rng):
    return rng.normal(size=(6, 3)), rng.permutation([0, 0, 1, 1, 2, 2])


note(
    WRONG,
    "cross-entropy: class weights forgotten",
    weighted_ce_forward,
    weighted_ce_backward,
    make_weighted,
    "dlogits",
    "chain_factor",
    "wrong_formula",
)


def perplexity_forward(x, y):
    ce, cache = softmax_loss_forward(x, y)
    perplexity = np.exp(ce)
    return perplexity, (perplexity, cache)


def perplexity_backward(dout, cache):
    perplexity, (probs, y) = cache
    d = probs.copy()
    d[np.arange(len(y)), y] -= 1
    return dout * d / len(y)


note(
    WRONG,
    "cross-entropy: perplexity without the derivative of exp",
    perplexity_forward,
    perplexity_backward,
    scores_and_labels(4, 3),
    "dx",
    "chain_factor",
    "constant_scale",
)


def softmax_regression_forward(X, W, y, reg=0.3):
    scores = X.dot(W)
    scores = scores - scores.max(axis=1)[:, np.newaxis]
    e = np.exp(scores)
    P = e / e.sum(axis=1)[:, np.newaxis]
    num_train = X.shape[0]
    loss = -np.log(P[range(num_train), list(y)]).mean()
    loss += 0.5 * reg * np.sum(W * W)
    return loss, (X, W, y, P, reg)


def softmax_regression_backward_no_reg(dout, cache):
    X, W, y, P, reg = cache
    num_train = X.shape[0]
    dS = P.copy()
    dS[range(num_train), list(y)] -= 1
    dS *= dout / num_train
    dW = X.T.dot(dS)
    return dS.dot(W.T), dW


def softmax_regression_backward_reg_not_scaled(dout, cache):
    X, W, y, P, reg = cache
    num_train = X.shape[0]
    dW = np.zeros_like(W)
    dX = np.zeros_like(X)
    for i in range(num_train):
        for j in range(W.shape[1]):
            coef = P[i, j] - (j == y[i])
            dW[:, j] += coef * X[i]
            dX[i] += coef * W[:, j]
    dW += reg * W
    dW /= num_train
    dX /= num_train
    return dX * dout, dW * dout


def make_regression(rng):
    return rng.normal(size=(5, 3)), rng.normal(size=(3, 4)), rng.integers(0, 4, size=5)


note(
    WRONG,
    "softmax regression: penalty has no gradient",
    softmax_regression_forward,
    softmax_regression_backward_no_reg,
    make_regression,
    "dW",
    "missing_path",
)
note(
    WRONG,
    "softmax regression: penalty divided by N as well",
    softmax_regression_forward,
    softmax_regression_backward_reg_not_scaled,
    make_regression,
    "dW",
    "wrong_formula",
    "batch_scale missing_path",
)


# ---------------------------------------------------------------- nll, kl, bce
def nll_forward(probs, targets):
    N = probs.shape[0]
    picked = probs[np.arange(N), targets]
    return -np.log(picked).mean(), (probs, targets)


def nll_backward(dout, cache):
    probs, targets = cache
    N = probs.shape[0]
    dprobs = np.zeros_like(probs)
    dprobs[np.arange(N), targets] = 1.0 / (N * probs[np.arange(N), targets])
    return dout * dprobs


def make_probs(rng):
    p = rng.dirichlet(np.ones(4) * 3, size=5)
    return p, rng.integers(0, 4, size=5)


note(
    WRONG,
    "nll: minus of the logarithm forgotten",
    nll_forward,
    nll_backward,
    make_probs,
    "dprobs",
    "sign_flip",
)


def nll_backward_neighbour(dout, cache):
    probs, targets = cache
    N, C = probs.shape
    dprobs = np.zeros((N, C))
    for i in range(N):
        j = targets[i] - 1  # labels start at 1
        dprobs[i, j] = -dout / (N * probs[i, j])
    return dprobs


note(
    WRONG,
    "nll: labels believed to start at one",
    nll_forward,
    nll_backward_neighbour,
    make_probs,
    "dprobs",
    "wrong_index",
)


def kl_forward(p, q):
    ratio = p / q
    return np.sum(p * np.log(ratio)), (p, q, ratio)


def kl_backward_no_inner(dout, cache):
    p, q, ratio = cache
    dp = dout * np.log(ratio)
    dq = -dout * ratio
    return dp, dq


def kl_backward_ratio_upside_down(dout, cache):
    p, q, ratio = cache
    dp = dout * (np.log(ratio) + 1)
    dq = -dout * q / p
    return dp, dq


def make_two_distributions(rng):
    return rng.dirichlet(np.full(4, 2.0), size=3), rng.dirichlet(np.full(4, 2.0), size=3)


note(
    WRONG,
    "kl: p inside the logarithm forgotten",
    kl_forward,
    kl_backward_no_inner,
    make_two_distributions,
    "dp",
    "missing_path",
    "wrong_formula",
)
note(
    WRONG,
    "kl: dq with the ratio upside down",
    kl_forward,
    kl_backward_ratio_upside_down,
    make_two_distributions,
    "dq",
    "wrong_formula",
    "wrong_tensor",
)


def bce_forward(p, y):
    loss = -(y * np.log(p) + (1 - y) * np.log(1 - p))
    return loss.mean(), (p, y)


def bce_backward_one_side(dout, cache):
    p, y = cache
    return -dout * (y / p) / p.size


def bce_backward_plus(dout, cache):
    p, y = cache
    grad = -(y / p + (1 - y) / (1 - p))
    return grad / p.size * dout


def make_bce(rng):
    y = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    return rng.uniform(0.1, 0.9, size=5), rng.permutation(y)


note(
    WRONG,
    "bce: term of the negatives lacking",
    bce_forward,
    bce_backward_one_side,
    make_bce,
    "dp",
    "missing_path",
    "wrong_mask",
)
note(
    WRONG,
    "bce: inner minus of 1 - p forgotten",
    bce_forward,
    bce_backward_plus,
    make_bce,
    "dp",
    "wrong_formula",
    "sign_flip wrong_mask",
)


def bce_logits_forward(z, y):
    loss = np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
    return np.mean(loss), (z, y)


def bce_logits_backward_extra(dout, cache):
    z, y = cache
    a = 1 / (1 + np.exp(-z))
    dz = (a - y) * a * (1 - a)
    return dout * dz / z.shape[0]


def bce_logits_backward_raw(dout, cache):
    z, y = cache
    return dout * (z - y) / z.shape[0]


note(
    WRONG,
    "bce with logits: derivative of the sigmoid once too often",
    bce_logits_forward,
    bce_logits_backward_extra,
    make_bce,
    "dz",
    "chain_factor",
)
note(
    WRONG,
    "bce with logits: logits where probabilities belong",
    bce_logits_forward,
    bce_logits_backward_raw,
    make_bce,
    "dz",
    "wrong_tensor",
)


def logistic_cost_forward(w, b, X, y):
    """X (n_x, m): one column per example; w (n_x, 1), b (1,)."""
    A = 1 / (1 + np.exp(-(w.T.dot(X) + b)))
    cost = -np.mean(y * np.log(A) + (1 - y) * np.log(1 - A))
    return cost, (w, X, y, A)


def logistic_cost_backward(dcost, cache):
    w, X, y, A = cache
    m = X.shape[1]
    dZ = dcost * (A - y)
    dw = 1 / m * np.dot(X, dZ.T)
    db = np.array([np.sum(dZ)])
    dX = np.dot(w, dZ) / m
    return dw, db, dX


def make_logistic(rng):
    return (
        rng.normal(size=(3, 1)),
        rng.normal(size=(1,)),
        rng.normal(size=(3, 5)),
        rng.permutation([0.0, 1.0, 1.0, 0.0, 1.0])[None, :],
    )


note(
    WRONG,
    "logistic regression: db without 1/m",
    logistic_cost_forward,
    logistic_cost_backward,
    make_logistic,
    "db",
    "batch_scale",
)


# ---------------------------------------------------------------- regression losses
def pred_and_target(*shape):
    return normal(shape, shape)


def mse_forward(pred, target):
    diff = pred - target
    return np.mean(diff**2), diff


def mse_backward_no_two(dout, diff):
    return dout * diff / diff.size


def mse_backward_rows(dout, diff):
    return dout * 2 * diff / diff.shape[0]


def mse_backward_other_difference(dout, diff):
    n = diff.size
    dpred = -2.0 / n * diff
    return dpred * dout


def mse_backward_no_dout(dout, diff):
    return 2 * diff / diff.size


note(
    WRONG,
    "mse: 2 forgotten",
    mse_forward,
    mse_backward_no_two,
    pred_and_target(5, 3),
    "dpred",
    "constant_scale",
)
note(
    WRONG,
    "mse: divided by rows, not by entries",
    mse_forward,
    mse_backward_rows,
    pred_and_target(4, 3),
    "dpred",
    "constant_scale",
)
note(
    WRONG,
    "mse: sign of the difference",
    mse_forward,
    mse_backward_other_difference,
    pred_and_target(4, 2),
    "dpred",
    "sign_flip",
)
note(
    WRONG,
    "mse: as if the loss were always the last node",
    mse_forward,
    mse_backward_no_dout,
    pred_and_target(3, 5),
    "dpred",
    "dout_ignored",
)


def half_sse_forward(y_hat, y):
    e = y_hat - y
    return 0.5 * np.einsum("ij,ij->", e, e) / len(y), (e,)


def half_sse_backward(dout, cache):
    (e,) = cache
    return dout * e


note(
    WRONG,
    "mse: half squared error, batch not averaged",
    half_sse_forward,
    half_sse_backward,
    pred_and_target(5, 2),
    "dy_hat",
    "batch_scale",
)


def rmse_forward(pred, target):
    err = pred - target
    rmse = np.sqrt(np.mean(err * err))
    return rmse, (err, rmse)


def rmse_backward(dout, cache):
    err, rmse = cache
    return dout * 2 * err / err.size


note(
    WRONG,
    "rmse: derivative of the root lacking",
    rmse_forward,
    rmse_backward,
    pred_and_target(4, 3),
    "dpred",
    "chain_factor",
    "constant_scale",
)


def l1_forward(pred, target):
    return np.abs(pred - target).mean(), (pred, target)


def l1_backward(dout, cache):
    pred, target = cache
    return dout * (pred - target) / pred.size


note(
    WRONG,
    "l1: difference instead of its sign",
    l1_forward,
    l1_backward,
    pred_and_target(4, 3),
    "dpred",
    "wrong_formula",
    "chain_factor",
)


def huber_forward(pred, target, delta=0.6):
    r = pred - target
    small = np.abs(r) <= delta
    loss = np.where(small, 0.5 * r**2, delta * (np.abs(r) - 0.5 * delta))
    return loss.sum(), (r, small, delta)


def huber_backward_unit_slope(dout, cache):
    r, small, delta = cache
    d = np.empty_like(r)
    d[small] = r[small]
    d[~small] = np.sign(r[~small])
    return d * dout


def huber_backward_no_clip(dout, cache):
    r, small, delta = cache
    return dout * r


def make_residuals(rng):
    target = rng.normal(size=(3, 4))
    r = rng.uniform(-2, 2, size=(3, 4))
    r[0] = 0.2, -0.3, 1.7, -1.4
    return target + r, target


note(
    WRONG,
    "huber: slope 1 instead of delta outside",
    huber_forward,
    huber_backward_unit_slope,
    make_residuals,
    "dpred",
    "constant_scale",
    "wrong_formula chain_factor",
)
note(
    WRONG,
    "huber: quadratic everywhere",
    huber_forward,
    huber_backward_no_clip,
    make_residuals,
    "dpred",
    "wrong_mask",
    "wrong_formula",
)


def log_cosh_forward(pred, target):
    d = pred - target
    return np.mean(np.log(np.cosh(d))), d


def log_cosh_backward(dout, d):
    return dout * np.sinh(d) / d.size


note(
    WRONG,
    "log-cosh: derivative of cosh only",
    log_cosh_forward,
    log_cosh_backward,
    pred_and_target(3, 4),
    "dpred",
    "chain_factor",
    "wrong_formula",
)


# ---------------------------------------------------------------- margins
def svm_loss_forward(x, y):
    N = x.shape[0]
    correct = x[np.arange(N), y]
    margins = np.maximum(0, x - correct[:, np.newaxis] + 1.0)
    margins[np.arange(N), y] = 0
    return np.sum(margins) / N, (x, y, margins)


def svm_loss_backward_no_correct(dout, cache):
    x, y, margins = cache
    dx = np.zeros_like(x)
    dx[margins > 0] = 1
    return dout * dx / x.shape[0]


def svm_loss_backward_correct_once(dout, cache):
    x, y, margins = cache
    N = x.shape[0]
    dx = (margins > 0).astype(x.dtype)
    dx[np.arange(N), y] = -1
    dx /= N
    return dx * dout


def svm_loss_backward_sum(dout, cache):
    x, y, margins = cache
    num_pos = np.sum(margins > 0, axis=1)
    dx = np.zeros_like(x)
    dx[margins > 0] = 1
    dx[np.arange(x.shape[0]), y] -= num_pos
    return dx * dout


def svm_loss_backward_values(dout, cache):
    x, y, margins = cache
    N = x.shape[0]
    d = margins.copy()
    d[np.arange(N), y] = -margins.sum(axis=1)
    return dout * d / N


def make_svm(rng):
    x = rng.normal(size=(5, 4))
    y = rng.integers(0, 4, size=5)
    x[0] = 0.3, 0.1, 0.45, -0.2  # three margins are violated whatever the label is
    return x, y


note(
    WRONG,
    "hinge: correct class gets nothing",
    svm_loss_forward,
    svm_loss_backward_no_correct,
    make_svm,
    "dx",
    "missing_path",
    "partial_fill",
)
note(
    WRONG,
    "hinge: correct class counted once",
    svm_loss_forward,
    svm_loss_backward_correct_once,
    make_svm,
    "dx",
    "wrong_formula",
    "overwrite_not_accumulate missing_reduction missing_path",
)
note(
    WRONG,
    "hinge: not divided by N",
    svm_loss_forward,
    svm_loss_backward_sum,
    make_svm,
    "dx",
    "batch_scale",
)
note(
    WRONG,
    "hinge: margins instead of their indicators",
    svm_loss_forward,
    svm_loss_backward_values,
    make_svm,
    "dx",
    "wrong_formula",
    "wrong_tensor chain_factor",
)


def binary_hinge_forward(f, y):
    m = y * f
    return np.maximum(0, 1 - m).mean(), (f, y, m)


def binary_hinge_backward(dout, cache):
    f, y, m = cache
    active = m > 1
    return dout * np.where(active, -y, 0.0) / len(f)


def make_binary_hinge(rng):
    y = rng.permutation([-1.0, 1.0, 1.0, -1.0, 1.0, -1.0])
    m = rng.uniform(-1, 3, size=6)
    m[0], m[1] = 0.3, 2.2
    return m * y, y


note(
    WRONG,
    "hinge: binary, active where the margin is kept",
    binary_hinge_forward,
    binary_hinge_backward,
    make_binary_hinge,
    "df",
    "wrong_mask",
)


def triplet_forward(anchor, positive, negative, margin=5.0):
    dp = np.sum((anchor - positive) ** 2, axis=1)
    dn = np.sum((anchor - negative) ** 2, axis=1)
    loss = np.maximum(dp - dn + margin, 0)
    return loss.sum(), (anchor, positive, negative, loss > 0)


def triplet_backward(dout, cache):
    a, p, n, active = cache
    g = dout * active[:, None]
    danchor = 2 * g * (a - p) - 2 * g * (a - n)
    dpositive = -2 * g * (a - p)
    dnegative = -2 * g * (a - n)
    return danchor, dpositive, dnegative


def triplet_backward_anchor_half(dout, cache):
    a, p, n, active = cache
    g = 2 * dout * active[:, None]
    dpos = -g * (a - p)
    dneg = g * (a - n)
    danchor = -dpos
    return danchor, dpos, dneg


note(
    WRONG,
    "triplet: sign of the negative",
    triplet_forward,
    triplet_backward,
    normal((4, 3), (4, 3), (4, 3)),
    "dnegative",
    "sign_flip",
)
note(
    WRONG,
    "triplet: anchor learns from the positive only",
    triplet_forward,
    triplet_backward_anchor_half,
    normal((4, 3), (4, 3), (4, 3)),
    "danchor",
    "missing_path",
)


def dice_forward(p, y):
    inter = np.sum(p * y)
    total = np.sum(p) + np.sum(y)
    return 1 - 2 * inter / total, (y, inter, total)


def dice_backward(dout, cache):
    y, inter, total = cache
    return -dout * 2 * y / total


def make_dice(rng):
    return rng.uniform(0.1, 0.9, size=(3, 4)), (rng.uniform(size=(3, 4)) > 0.5).astype(float)


note(
    WRONG,
    "dice: denominator taken as constant",
    dice_forward,
    dice_backward,
    make_dice,
    "dp",
    "missing_path",
)


def focal_forward(z, y, gamma=2.0):
    p = 1 / (1 + np.exp(-z))
    pt = np.where(y == 1, p, 1 - p)
    return -np.mean((1 - pt) ** gamma * np.log(pt)), (p, y, pt, gamma)


def focal_backward(dout, cache):
    p, y, pt, gamma = cache
    dpt = -((1 - pt) ** gamma) / pt
    dz = dpt * np.where(y == 1, 1, -1) * p * (1 - p)
    return dout * dz / len(y)


def make_focal(rng):
    return rng.normal(size=6), rng.permutation([0, 1, 1, 0, 1, 0])


note(
    WRONG,
    "focal: modulating factor taken as constant",
    focal_forward,
    focal_backward,
    make_focal,
    "dz",
    "missing_path",
)


def cosine_loss_forward(u, v):
    nu = np.linalg.norm(u, axis=1)
    nv = np.linalg.norm(v, axis=1)
    cos = (u * v).sum(axis=1) / (nu * nv)
    return 1 - cos, (u, v, nu, nv, cos)


def cosine_loss_backward(dout, cache):
    u, v, nu, nv, cos = cache
    g = -dout[:, None]
    scale = (nu * nv)[:, None]
    du = g * (v / scale - cos[:, None] * u / nu[:, None] ** 2)
    dv = g * (u / scale - cos[:, None] * v / nu[:, None] ** 2)
    return du, dv


note(
    WRONG,
    "cosine: norm of u used for v",
    cosine_loss_forward,
    cosine_loss_backward,
    normal((3, 4), (3, 4)),
    "dv",
    "wrong_tensor",
)
