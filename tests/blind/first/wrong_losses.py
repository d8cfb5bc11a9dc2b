"""Losses with faults."""

import numpy as np

from blind.shelf import Shelf

WRONG = Shelf()


def make_scores(rng):
    return 2 * rng.normal(size=(5, 3)), rng.integers(0, 3, size=5)


# ---------------------------------------------------------------- softmax cross-entropy
def softmax_loss(scores, y):
    shifted = scores - np.max(scores, axis=1, keepdims=True)
    Z = np.sum(np.exp(shifted), axis=1, keepdims=True)
    log_probs = shifted - np.log(Z)
    N = scores.shape[0]
    loss = -np.sum(log_probs[np.arange(N), y]) / N
    return loss, (np.exp(log_probs), y)


def softmax_loss_grad_sum(dloss, cache):
    probs, y = cache
    N = probs.shape[0]
    dscores = probs.copy()
    dscores[np.arange(N), y] -= 1
    return dscores * dloss


def softmax_loss_grad_classes(dloss, cache):
    probs, y = cache
    dscores = probs.copy()
    dscores[range(len(y)), y] -= 1
    dscores /= dscores.shape[1]
    return dloss * dscores


def softmax_loss_grad_no_dout(dloss, cache):
    probs, y = cache
    N = probs.shape[0]
    onehot = np.zeros_like(probs)
    onehot[np.arange(N), y] = 1
    return (probs - onehot) / N


def softmax_loss_grad_columns(dloss, cache):
    probs, y = cache
    N = probs.shape[0]
    dscores = np.array(probs)
    dscores[:, y] -= 1
    return dloss * dscores / N


def softmax_loss_grad_round(dloss, cache):
    probs, y = cache
    N = probs.shape[0]
    d = probs.copy()
    d[np.arange(N), y] -= 1
    return dloss * np.round(d, 3) / N


def softmax_loss_grad_own(dloss, cache):
    probs, y = cache
    N = probs.shape[0]
    d = np.zeros_like(probs)
    d[np.arange(N), y] = (probs[np.arange(N), y] - 1) / N
    return d * dloss


WRONG.add(
    "cross-entropy: not divided by N",
    (softmax_loss, softmax_loss_grad_sum),
    make_scores,
    "dscores",
    "batch_scale",
)
WRONG.add(
    "cross-entropy: divided by the number of classes",
    (softmax_loss, softmax_loss_grad_classes),
    make_scores,
    "dscores",
    "batch_scale",
    "constant_scale",
)
WRONG.add(
    "cross-entropy: upstream gradient unused",
    (softmax_loss, softmax_loss_grad_no_dout),
    make_scores,
    "dscores",
    "dout_ignored",
)
WRONG.add(
    "cross-entropy: one subtracted from whole columns",
    (softmax_loss, softmax_loss_grad_columns),
    make_scores,
    "dscores",
    "wrong_index",
)
WRONG.add(
    "cross-entropy: rounded to three places",
    (softmax_loss, softmax_loss_grad_round),
    make_scores,
    "dscores",
    "precision_loss",
)
WRONG.add(
    "cross-entropy: only the correct class",
    (softmax_loss, softmax_loss_grad_own),
    make_scores,
    "dscores",
    "missing_path",
    "partial_fill",
)


class CrossEntropyUnreduced:
    """One loss for each example."""

    def __init__(self, probs, y):
        self.probs = probs
        self.y = y

    @classmethod
    def forward(cls, scores, y):
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        probs = e / e.sum(axis=1, keepdims=True)
        return -np.log(probs[np.arange(len(y)), y]), cls(probs, y)

    @staticmethod
    def backward(dout, cache):
        d = cache.probs.copy()
        d[np.arange(len(cache.y)), cache.y] -= 1
        return d * dout


def make_square_scores(rng):
    return rng.normal(size=(4, 4)), rng.integers(0, 4, size=4)


WRONG.add(
    "cross-entropy: dout spread over classes",
    (CrossEntropyUnreduced.forward, CrossEntropyUnreduced.backward),
    make_square_scores,
    "dscores",
    "wrong_axis",
)


def nll_columns_forward(scores, y):
    e = np.exp(scores - scores.max())
    loss = -np.mean(np.log(e / e.sum(axis=1)[:, None])[np.arange(len(y)), y])
    return loss, (e, y)


def nll_columns_backward(dout, cache):
    e, y = cache
    p = e / e.sum(axis=0)
    p[np.arange(len(y)), y] -= 1
    return dout * p / len(y)


WRONG.add(
    "cross-entropy: probabilities normalised down the columns",
    (nll_columns_forward, nll_columns_backward),
    make_scores,
    "dscores",
    "wrong_axis",
)


def weighted_ce_forward(scores, y, *, class_weights=(1.0, 0.3, 4.0)):
    cw = np.asarray(class_weights)[y]
    s = scores - scores.max(axis=1, keepdims=True)
    logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    loss = -(cw * logp[np.arange(len(y)), y]).sum() / len(y)
    return loss, (np.exp(logp), y, cw)


def weighted_ce_backward(dout, cache):
    p, y, cw = cache
    g = p.copy()
    g[np.arange(len(y)), y] -= 1.0
    return dout * g / len(y)


def make_mixed_labels(rng):
    return rng.normal(size=(5, 3)), rng.permutation(np.array([0, 1, 2, 1, 0]))


WRONG.add(
    "cross-entropy: class weights left out",
    (weighted_ce_forward, weighted_ce_backward),
    make_mixed_labels,
    "dscores",
    "chain_factor",
)


def smooth_ce_forward(logits, labels, *, smoothing=0.2):
    n, k = logits.shape
    target = np.full((n, k), smoothing / k)
    target[np.arange(n), labels] += 1 - smoothing
    z = logits - logits.max(axis=1, keepdims=True)
    logq = z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))
    return -np.sum(target * logq) / n, dict(q=np.exp(logq), target=target, labels=labels)


def smooth_ce_backward(dout, c):
    n, k = c["q"].shape
    hard = np.eye(k)[c["labels"]]
    return dout * (c["q"] - hard) / n


WRONG.add(
    "cross-entropy: hard labels after smoothing",
    (smooth_ce_forward, smooth_ce_backward),
    make_scores,
    "dlogits",
    "wrong_tensor",
)


def temporal_softmax_loss(x, y, mask):
    N, T, V = x.shape
    xf = x.reshape(N * T, V)
    yf = y.reshape(N * T)
    mf = mask.reshape(N * T)
    p = np.exp(xf - xf.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.sum(mf * np.log(p[np.arange(N * T), yf])) / N
    return loss, (p, yf, mf, x.shape)


def temporal_softmax_backward(dout, cache):
    p, yf, mf, (N, T, V) = cache
    dx = p.copy()
    dx[np.arange(N * T), yf] -= 1
    dx /= N
    return dout * dx.reshape(N, T, V)


def masked_average_loss(x, y, mask):
    N, T, V = x.shape
    e = np.exp(x - x.max(axis=2, keepdims=True))
    p = e / e.sum(axis=2, keepdims=True)
    picked = np.take_along_axis(p, y[:, :, None], axis=2)[:, :, 0]
    return -(mask * np.log(picked)).sum() / mask.sum(), (p, y, mask)


def masked_average_backward(dout, cache):
    p, y, mask = cache
    N, T, V = p.shape
    d = p - np.eye(V)[y]
    return dout * d * mask[:, :, None] / (N * T)


def make_captions(rng):
    mask = np.array([[True, True, False, False], [True, True, True, False], [True] * 4])
    return rng.normal(size=(3, 4, 5)), rng.integers(0, 5, size=(3, 4)), mask


WRONG.add(
    "temporal cross-entropy: padding counted",
    (temporal_softmax_loss, temporal_softmax_backward),
    make_captions,
    "dx",
    "wrong_mask",
)
WRONG.add(
    "temporal cross-entropy: averaged over all tokens",
    (masked_average_loss, masked_average_backward),
    make_captions,
    "dx",
    "batch_scale",
    "constant_scale",
)


def nll_forward(log_probs, targets):
    rows = np.arange(targets.size)
    return -log_probs[rows, targets].mean(), (log_probs.shape, rows, targets)


def nll_backward(dout, cache):
    shape, rows, targets = cache
    grad = np.zeros(shape)
    grad[rows, targets] = 1.0 / targets.size
    return dout * grad


WRONG.add("nll: minus lost", (nll_forward, nll_backward), make_scores, "dlog_probs", "sign_flip")


def regularised_softmax_forward(X, W, y, *, reg=0.5):
    scores = X.dot(W)
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    data = -np.log(p[np.arange(len(y)), y]).mean()
    return data + reg * np.sum(W * W), (X, W, y, p, reg)


def regularised_softmax_backward(dout, cache):
    X, W, y, p, reg = cache
    ds = p.copy()
    ds[np.arange(len(y)), y] -= 1
    ds *= dout / len(y)
    return ds.dot(W.T), X.T.dot(ds)


def make_regularised(rng):
    return rng.normal(size=(5, 4)), rng.normal(size=(4, 3)), rng.integers(0, 3, size=5)


WRONG.add(
    "cross-entropy: penalty term missing",
    (regularised_softmax_forward, regularised_softmax_backward),
    make_regularised,
    "dW",
    "missing_path",
)


# ---------------------------------------------------------------- regression
def mse_forward(pred, target):
    diff = pred - target
    return np.mean(diff**2), (pred, target)


def mse_backward_rows(dout, cache):
    pred, target = cache
    return dout * 2.0 * (pred - target) / pred.shape[0]


def mse_backward_reversed(dout, cache):
    pred, target = cache
    return dout * 2 * (target - pred) / pred.size


def mse_backward_ones(dout, cache):
    pred, target = cache
    return np.full_like(pred, 2.0) * (pred - target) / pred.size


def half_mse_forward(y_pred, y):
    err = y_pred - y
    return 0.5 * np.sum(err**2) / len(y), err


def half_mse_backward(dout, err):
    return dout * 2 * err / len(err)


def make_regression(rng):
    return rng.normal(size=(4, 3)), rng.normal(size=(4, 3))


WRONG.add(
    "mse: divided by rows only",
    (mse_forward, mse_backward_rows),
    make_regression,
    "dpred",
    "constant_scale",
)
WRONG.add(
    "mse: residual reversed",
    (mse_forward, mse_backward_reversed),
    make_regression,
    "dpred",
    "sign_flip",
)
WRONG.add(
    "mse: upstream gradient unused",
    (mse_forward, mse_backward_ones),
    make_regression,
    "dpred",
    "dout_ignored",
)
WRONG.add(
    "mse: two in spite of the half",
    (half_mse_forward, half_mse_backward),
    make_regression,
    "dy_pred",
    "constant_scale",
)


def masked_mse_forward(pred, target, mask):
    return np.sum(mask * (pred - target) ** 2) / np.sum(mask), (pred - target, mask)


def masked_mse_backward(dout, cache):
    r, mask = cache
    return 2 * dout * r / mask.sum()


def make_masked_regression(rng):
    mask = (np.arange(5)[None, :] < np.array([5, 3, 2])[:, None]).astype(float)
    return rng.normal(size=(3, 5)), rng.normal(size=(3, 5)), mask


WRONG.add(
    "mse: padding counted",
    (masked_mse_forward, masked_mse_backward),
    make_masked_regression,
    "dpred",
    "wrong_mask",
)


def mae_forward(pred, target):
    return np.abs(pred - target).mean(axis=0).sum(), np.sign(pred - target)


def mae_backward(dout, sign):
    return dout * sign


WRONG.add(
    "l1: mean over the batch not divided",
    (mae_forward, mae_backward),
    make_regression,
    "dpred",
    "batch_scale",
)


def huber_forward(pred, target, *, delta=0.6):
    r = pred - target
    a = np.abs(r)
    loss = np.where(a <= delta, 0.5 * r * r, delta * (a - 0.5 * delta))
    return loss.sum(), (r, delta)


def huber_backward_unit(dout, cache):
    r, delta = cache
    return dout * np.where(np.abs(r) <= delta, r, np.sign(r))


def huber_backward_reversed(dout, cache):
    r, delta = cache
    g = np.zeros_like(r)
    far = np.abs(r) < delta
    g[far] = delta * np.sign(r[far])
    g[~far] = r[~far]
    return dout * g


WRONG.add(
    "huber: delta missing in the linear part",
    (huber_forward, huber_backward_unit),
    make_regression,
    "dpred",
    "wrong_formula",
    "chain_factor",
    delta=0.6,
)
WRONG.add(
    "huber: branches exchanged",
    (huber_forward, huber_backward_reversed),
    make_regression,
    "dpred",
    "wrong_mask",
    delta=1.3,
)


def gaussian_nll_forward(mu, log_var, target):
    precision = np.exp(-log_var)
    sq = (target - mu) ** 2
    return 0.5 * np.sum(log_var + sq * precision), (mu, target, precision, sq)


def gaussian_nll_backward(dout, cache):
    mu, target, precision, sq = cache
    dmu = dout * (mu - target) * precision
    dlog_var = dout * 0.5 * (1 - sq)
    return dmu, dlog_var


def make_gaussian(rng):
    return rng.normal(size=(4, 2)), rng.normal(size=(4, 2)), rng.normal(size=(4, 2))


WRONG.add(
    "gaussian nll: precision missing",
    (gaussian_nll_forward, gaussian_nll_backward),
    make_gaussian,
    "dlog_var",
    "chain_factor",
    "wrong_formula",
)


# ---------------------------------------------------------------- binary
def bce_forward(p, y):
    loss = -(y * np.log(p) + (1 - y) * np.log(1 - p))
    return loss.mean(), (p, y)


def bce_backward_positive(dout, cache):
    p, y = cache
    return -dout * (y / p) / p.size


def bce_backward_sign(dout, cache):
    p, y = cache
    return -dout * (y / p + (1 - y) / (1 - p)) / p.size


def make_probabilities(rng):
    y = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    return rng.uniform(0.1, 0.9, size=(2, 3)), y


WRONG.add(
    "bce: only the positive term",
    (bce_forward, bce_backward_positive),
    make_probabilities,
    "dp",
    "missing_path",
)
WRONG.add(
    "bce: inner derivative of 1 - p forgotten",
    (bce_forward, bce_backward_sign),
    make_probabilities,
    "dp",
    "wrong_formula",
    "sign_flip",
)


def bce_logits_forward(logits, y, *, pos_weight=1.0):
    s = 1 / (1 + np.exp(-logits))
    loss = -(pos_weight * y * np.log(s) + (1 - y) * np.log(1 - s))
    return np.sum(loss), (s, y, pos_weight)


def bce_logits_backward_twice(dout, cache):
    s, y, _ = cache
    delta = s - y
    return dout * delta * s * (1 - s)


def bce_logits_backward_weight(dout, cache):
    s, y, pos_weight = cache
    return dout * (s - y)


def make_logits(rng):
    return 1.5 * rng.normal(size=(2, 3)), np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])


WRONG.add(
    "bce with logits: sigmoid slope left in",
    (bce_logits_forward, bce_logits_backward_twice),
    make_logits,
    "dlogits",
    "chain_factor",
)
WRONG.add(
    "bce with logits: positive weight left out",
    (bce_logits_forward, bce_logits_backward_weight),
    make_logits,
    "dlogits",
    "chain_factor",
    "wrong_formula",
    pos_weight=3.0,
)


def focal_forward(logits, y, *, gamma=2.0):
    s = 1 / (1 + np.exp(-logits))
    pt = np.where(y == 1, s, 1 - s)
    return -np.sum((1 - pt) ** gamma * np.log(pt)), (s, pt, y, gamma)


def focal_backward(dout, cache):
    s, pt, y, gamma = cache
    return dout * (1 - pt) ** gamma * (s - y)


WRONG.add(
    "focal: modulating factor held constant",
    (focal_forward, focal_backward),
    make_logits,
    "dlogits",
    "missing_path",
    gamma=2.0,
)


def dice_forward(p, target):
    inter = 2 * (p * target).sum(axis=1)
    total = (p + target).sum(axis=1)
    return 1 - inter / total, (target, inter, total)


def dice_backward(dout, cache):
    target, inter, total = cache
    num = 2 * target * total[:, None] - inter[:, None]
    return -dout[:, None] * num / total[:, None]


def make_dice(rng):
    return rng.uniform(0.1, 0.9, size=(3, 5)), rng.integers(0, 2, size=(3, 5)) * 1.0


WRONG.add(
    "dice: denominator of the quotient rule not squared",
    (dice_forward, dice_backward),
    make_dice,
    "dp",
    "wrong_formula",
    "chain_factor",
)


# ---------------------------------------------------------------- margins
def svm_loss(scores, y):
    N = len(y)
    correct = scores[np.arange(N), y][:, None]
    margins = np.maximum(0, scores - correct + 1.0)
    margins[np.arange(N), y] = 0
    return margins.sum() / N, (margins, y)


def svm_grad_single(dout, cache):
    margins, y = cache
    N = len(y)
    d = (margins > 0).astype(float)
    d[np.arange(N), y] = -1.0 * (d.sum(axis=1) > 0)
    return dout * d / N


def svm_grad_others(dout, cache):
    margins, y = cache
    N, C = margins.shape
    d = np.zeros((N, C))
    for i in range(N):
        for j in range(C):
            if j != y[i] and margins[i, j] > 0:
                d[i, j] += 1
    return dout * d / N


def make_svm(rng):
    scores = 0.3 * rng.normal(size=(5, 4))
    return scores, rng.integers(0, 4, size=5)


WRONG.add(
    "svm: violations not counted",
    (svm_loss, svm_grad_single),
    make_svm,
    "dscores",
    "missing_reduction",
)
WRONG.add(
    "svm: correct class gets nothing",
    (svm_loss, svm_grad_others),
    make_svm,
    "dscores",
    "missing_path",
    "partial_fill",
)


def squared_hinge_forward(score, y):
    m = np.maximum(0, 1 - y * score)
    return (m**2).sum(), (m, y)


def squared_hinge_backward(dout, cache):
    m, y = cache
    return dout * np.where(m > 0, -y, 0)


def make_hinge(rng):
    return 0.8 * rng.normal(size=6), np.array([1.0, -1.0, 1.0, 1.0, -1.0, -1.0])


WRONG.add(
    "squared hinge: derivative of the plain one",
    (squared_hinge_forward, squared_hinge_backward),
    make_hinge,
    "dscore",
    "chain_factor",
    "wrong_formula",
)


def triplet_forward(anchor, positive, negative, *, margin=5.0):
    pos = ((anchor - positive) ** 2).sum(axis=1)
    neg = ((anchor - negative) ** 2).sum(axis=1)
    loss = np.maximum(0, pos - neg + margin)
    return loss.sum(), (anchor, positive, negative, loss > 0)


def triplet_backward(dout, cache):
    a, p, n, active = cache
    g = 2 * dout * active[:, None]
    return g * (a - p), -g * (a - p), g * (a - n)


def make_triplet(rng):
    return tuple(0.5 * rng.normal(size=(4, 3)) for _ in range(3))


WRONG.add(
    "triplet: negative ignored for the anchor",
    (triplet_forward, triplet_backward),
    make_triplet,
    "danchor",
    "missing_path",
)


def cosine_forward(a, b):
    na = np.sqrt(np.sum(a * a, axis=1))
    nb = np.sqrt(np.sum(b * b, axis=1))
    cos = np.sum(a * b, axis=1) / (na * nb)
    return cos, (a, b, na, nb, cos)


def cosine_backward(dcos, cache):
    a, b, na, nb, cos = cache
    g = dcos[:, None]
    scale = (na * nb)[:, None]
    da = g * (b / scale - cos[:, None] * a / (na**2)[:, None])
    db = g * (a / scale - cos[:, None] * b / (na**2)[:, None])
    return da, db


def make_cosine(rng):
    return rng.normal(size=(4, 3)), 2 * rng.normal(size=(4, 3))


WRONG.add(
    "cosine: norm of the other vector",
    (cosine_forward, cosine_backward),
    make_cosine,
    "db",
    "wrong_tensor",
)


# ---------------------------------------------------------------- divergences
def kl_logits_forward(logits, target):
    z = logits - logits.max(axis=1, keepdims=True)
    logq = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return np.sum(target * (np.log(target) - logq)), (np.exp(logq), target)


def kl_logits_backward(dout, cache):
    q, p = cache
    return dout * (p - q)


def kl_probs_forward(q, target):
    return np.sum(target * np.log(target / q)), (q, target)


def kl_probs_backward(dout, cache):
    q, p = cache
    return dout * -np.log(p / q)


def make_kl(rng):
    p = rng.uniform(0.2, 1, size=(3, 4))
    return rng.normal(size=(3, 4)), p / p.sum(axis=1, keepdims=True)


def make_kl_probs(rng):
    p, q = rng.uniform(0.2, 1, size=(2, 3, 4))
    return q / q.sum(axis=1, keepdims=True), p / p.sum(axis=1, keepdims=True)


WRONG.add(
    "kl: p and q exchanged",
    (kl_logits_forward, kl_logits_backward),
    make_kl,
    "dlogits",
    "sign_flip",
)
WRONG.add(
    "kl: logarithm differentiated away wrongly",
    (kl_probs_forward, kl_probs_backward),
    make_kl_probs,
    "dq",
    "wrong_formula",
)


def distillation_forward(student, target, *, T=4.0):
    z = student / T
    z = z - z.max(axis=1, keepdims=True)
    logq = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -(target * logq).sum() / len(target), (np.exp(logq), target, T)


def distillation_backward(dout, cache):
    q, p, T = cache
    return dout * (q - p) / len(p)


WRONG.add(
    "distillation: temperature forgotten",
    (distillation_forward, distillation_backward),
    make_kl,
    "dstudent",
    "constant_scale",
    "chain_factor",
    T=3.0,
)


def vae_kl_forward(mu, logvar):
    return -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar)), {"mu": mu, "logvar": logvar}


def vae_kl_backward(dout, cache):
    dmu = dout * cache["mu"]
    dlogvar = dout * 0.5 * (np.exp(cache["logvar"]) - 1)
    return dlogvar, dmu


def make_vae(rng):
    return rng.normal(size=(4, 3)), rng.normal(size=(4, 3))


WRONG.add(
    "vae kl: mean and variance returned in the wrong order",
    (vae_kl_forward, vae_kl_backward),
    make_vae,
    "dmu dlogvar",
    "swapped_outputs",
)


def sgns_forward(center, context, y):
    dot = np.sum(center * context, axis=1)
    loss = np.log1p(np.exp(-y * dot))
    return loss.mean(), (center, context, y, dot)


def sgns_backward(dout, cache):
    center, context, y, dot = cache
    g = dout * (-y / (1 + np.exp(y * dot)) / len(y))[:, None]
    return g * center, g * context


def make_sgns(rng):
    return rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), np.array([1.0, -1.0, 1.0, -1.0, -1.0])


WRONG.add(
    "skip-gram: each vector gets its own gradient back",
    (sgns_forward, sgns_backward),
    make_sgns,
    "dcenter dcontext",
    "swapped_outputs",
    "wrong_tensor",
)


def infonce_forward(za, zb, *, tau=0.5):
    sim = za @ zb.T / tau
    e = np.exp(sim - sim.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return -np.log(np.diag(p)).mean(), (za, zb, p, tau)


def infonce_backward(dout, cache):
    za, zb, p, tau = cache
    n = len(p)
    dsim = dout * (p - np.eye(n)) / n / tau
    return dsim @ zb, dsim @ za


def make_pairs(rng):
    return rng.normal(size=(5, 3)), rng.normal(size=(5, 3))


WRONG.add(
    "contrastive: similarity gradient not transposed",
    (infonce_forward, infonce_backward),
    make_pairs,
    "dzb",
    "transposed",
)


def center_loss_forward(features, centers, y):
    diff = features - centers[y]
    return 0.5 * np.sum(diff**2), (diff, centers.shape, y)


def center_loss_backward(dout, cache):
    diff, shape, y = cache
    dcenters = np.zeros(shape)
    for k in range(shape[0]):
        members = diff[y == k]
        if len(members):
            dcenters[k] = -dout * members.mean(axis=0)
    return dout * diff, dcenters


def make_center(rng):
    return rng.normal(size=(6, 3)), rng.normal(size=(3, 3)), np.array([0, 2, 0, 0, 1, 2])


WRONG.add(
    "center loss: mean over the members of a class",
    (center_loss_forward, center_loss_backward),
    make_center,
    "dcenters",
    "wrong_formula",
    "batch_scale chain_factor",
)
