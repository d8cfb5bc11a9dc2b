"""Cases of the losses and of the reductions."""

import numpy as np

import nnlayers
import reference.losses as naive
from cases.case import Case, normal
from nnlayers import (
    BCE,
    L1,
    MSE,
    NLL,
    BCEWithLogits,
    Contrastive,
    CosineEmbedding,
    Hinge,
    Huber,
    KLDivergence,
    Max,
    Mean,
    SoftmaxCrossEntropy,
    Sum,
    Triplet,
    max_backward,
    max_forward,
    mean_backward,
    mean_forward,
    sum_backward,
    sum_forward,
)

REDUCTIONS = ("mean", "batchmean", "sum", "none")
SOME = ("mean", "none")  # for the further forms of a loss


def _cases(name, pair, make, layer, torch=None, *, inputs=2, reductions=REDUCTIONS, **settings):
    """Make the cases of a loss, one for each reduction."""
    for reduction in reductions:
        everything = settings | {"reduction": reduction}
        yield Case(
            f"{name}, {reduction}",
            getattr(nnlayers, f"{pair}_forward"),
            getattr(nnlayers, f"{pair}_backward"),
            make,
            getattr(naive, pair),
            lambda everything=everything: layer(**everything),
            settings=everything,
            batched=tuple(range(inputs)),
            per_example=reduction == "none",
            empty="mean" not in reduction,
            torch=_reduced(torch, reduction),
        )


def _reduced(function, reduction):
    """Give PyTorch's function its reduction; "batchmean" is its sum over N."""
    if function is None:
        return None
    if reduction == "batchmean":
        return lambda torch, *a: function(torch, *a, reduction="sum") / len(a[0])
    return lambda torch, *a: function(torch, *a, reduction=reduction)


def _cross_entropies(name, make, torch=None, **keywords):
    """Make the cases of a form of softmax_cross_entropy."""
    pair = "softmax_cross_entropy"
    return _cases(f"{pair} {name}", pair, make, SoftmaxCrossEntropy, torch, **keywords)


# ---- what the losses are given


def _labels(rng, N):
    return rng.standard_normal((N, 5)), rng.integers(0, 5, N)


def _one_hot(rng, N):
    scores, y = _labels(rng, N)
    return scores, np.eye(5)[y]


def _soft(rng, N):
    soft = rng.random((N, 5))
    return rng.standard_normal((N, 5)), soft / soft.sum(axis=1, keepdims=True)


def _many_classes(rng, N):
    return rng.standard_normal((N, 70)), rng.integers(0, 70, N)


def _sequences(rng, N):
    return rng.standard_normal((N, 4, 5)), rng.integers(0, 5, (N, 4))


def _padded(rng, N):
    """Sequences of different lengths, whose labels beyond the end are no labels."""
    scores, y = _sequences(rng, N)
    mask = np.arange(4) < np.arange(1, N + 1)[:, None] % 5
    return scores, np.where(mask, y, 99), mask


def _padded_with_a_label(rng, N):
    scores, y, mask = _padded(rng, N)
    return scores, np.where(mask, y, -100)


def _padded_soft(rng, N):
    _, y, mask = _padded(rng, N)
    soft = rng.random((N, 4, 5))
    return rng.standard_normal((N, 4, 5)), soft / soft.sum(axis=2, keepdims=True), mask


def _with_target(rng, N):
    return rng.standard_normal((N, 3, 2)), rng.standard_normal((N, 3, 2))


def _apart(rng, N):
    """Predictions at least 0.2 from their targets, so that no error is at a kink."""
    pred, target = _with_target(rng, N)
    return target + np.sign(pred) * (0.2 + np.abs(pred)), target


def _probabilities(rng, N):
    return rng.uniform(0.1, 0.9, (N, 3, 2)), rng.uniform(0.0, 1.0, (N, 3, 2))


def _logits(rng, N):
    return rng.standard_normal((N, 3, 2)), rng.uniform(0.0, 1.0, (N, 3, 2))


def _pairs(rng, N):
    return rng.standard_normal((N, 3)), rng.standard_normal((N, 3)), np.arange(N) % 2


def _triplets(rng, N):
    return tuple(rng.standard_normal((N, 3)) for _ in range(3))


# ---- what PyTorch makes of them


def _torch_cross_entropy(torch, scores, y, mask=None, *, reduction, **settings):
    """PyTorch's cross-entropy with its classes at axis 1, and with a mask as the ignored label."""
    if mask is not None:
        y = torch.where(mask, y, torch.tensor(-100))
    y = y.movedim(-1, 1) if y.ndim == scores.ndim else y
    return torch.nn.functional.cross_entropy(
        scores.movedim(-1, 1), y, reduction=reduction, **settings
    )


def _torch_masked_soft(torch, scores, y, mask, *, reduction):
    """PyTorch masks no soft rows: its losses are put to 0, or left out of the mean, afterwards."""
    losses = _torch_cross_entropy(torch, scores, y, reduction="none")
    return torch.where(mask, losses, 0.0) if reduction == "none" else losses[mask].mean()


def _torch_contrastive(torch, a, b, y, *, reduction):
    distance = torch.nn.functional.pairwise_distance(a, b, eps=0.0)
    losses = torch.where(y == 1, distance**2, torch.relu(2.5 - distance) ** 2) / 2
    return losses if reduction == "none" else getattr(losses, reduction)()


def _torch_weighted(torch, scores, y, *, reduction):
    weight = torch.tensor(WEIGHTS, dtype=scores.dtype)
    return _torch_cross_entropy(torch, scores, y, reduction=reduction, weight=weight)


def _torch_weighted_and_smooth(torch, scores, y, mask=None, *, reduction):
    weight = torch.tensor(WEIGHTS, dtype=scores.dtype)
    return _torch_cross_entropy(
        torch, scores, y, mask, reduction=reduction, weight=weight, label_smoothing=0.3
    )


def _torch_nll(torch, log_probs, y, mask=None, *, reduction, **settings):
    if mask is not None:
        y = torch.where(mask, y, torch.tensor(-100))
    return torch.nn.functional.nll_loss(
        log_probs.movedim(-1, 1), y, reduction=reduction, **settings
    )


def _torch_kl_divergence(torch, log_pred, target, *, reduction):
    # PyTorch warns that its "mean" is over the entries
    losses = torch.nn.functional.kl_div(log_pred, target, reduction="none")
    return losses if reduction == "none" else getattr(losses, reduction)()


def _torch_hinge(torch, scores, y, *, reduction):
    # PyTorch divides by the number of classes
    margin = torch.nn.functional.multi_margin_loss
    return scores.shape[1] * margin(scores, y, margin=0.7, reduction=reduction)


WEIGHTS = (0.5, 1.5, 2.0, 0.3, 0.8)

CASES = [
    Case(
        "sum",
        sum_forward,
        sum_backward,
        normal(3, 4),
        naive.total,
        Sum,
        per_example=False,
        torch=lambda torch, x: x.sum(),
    ),
    Case(
        "sum over axes",
        sum_forward,
        sum_backward,
        normal(3, 4, 2),
        naive.total,
        lambda: Sum(axis=(1, -1)),
        settings={"axis": (1, -1)},
        torch=lambda torch, x: x.sum((1, 3)),
    ),
    Case(
        "mean",
        mean_forward,
        mean_backward,
        normal(3, 4),
        naive.mean,
        Mean,
        per_example=False,
        empty=False,
        torch=lambda torch, x: x.mean(),
    ),
    Case(
        "mean over an axis, kept",
        mean_forward,
        mean_backward,
        normal(3, 4),
        naive.mean,
        lambda: Mean(axis=1, keepdims=True),
        settings={"axis": 1, "keepdims": True},
        torch=lambda torch, x: x.mean(1, keepdim=True),
    ),
    Case(
        "max",
        max_forward,
        max_backward,
        normal(3, 4),
        naive.largest,
        Max,
        per_example=False,
        empty=False,
        torch=lambda torch, x: x.max(),
    ),
    Case(
        "max over an axis, kept",
        max_forward,
        max_backward,
        normal(3, 4),
        naive.largest,
        lambda: Max(axis=1, keepdims=True),
        settings={"axis": 1, "keepdims": True},
        torch=lambda torch, x: x.amax(1, keepdim=True),
    ),
    Case(
        "max over axes",
        max_forward,
        max_backward,
        normal(3, 4, 2),
        naive.largest,
        lambda: Max(axis=(-1, 1)),
        settings={"axis": (-1, 1)},
        torch=lambda torch, x: x.amax((1, 3)),
    ),
    *_cross_entropies(
        "of labels",
        _labels,
        _torch_cross_entropy,
    ),
    *_cross_entropies(
        "of one-hot rows",
        _one_hot,
        _torch_cross_entropy,
        reductions=SOME,
    ),
    *_cross_entropies(
        "of soft rows",
        _soft,
        _torch_cross_entropy,
        reductions=SOME,
    ),
    *_cross_entropies(
        "of many classes",
        _many_classes,
        _torch_cross_entropy,
        reductions=("mean",),
    ),
    *_cross_entropies(
        "of sequences",
        _sequences,
        _torch_cross_entropy,
        reductions=SOME,
    ),
    *_cross_entropies(
        "with a mask",
        _padded,
        _torch_cross_entropy,
        inputs=3,
    ),
    *_cross_entropies(
        "of soft rows with a mask",
        _padded_soft,
        _torch_masked_soft,
        inputs=3,
        reductions=SOME,
    ),
    *_cross_entropies(
        "with an ignored label",
        _padded_with_a_label,
        _torch_cross_entropy,
        ignore_index=-100,
        reductions=SOME,
    ),
    *_cross_entropies(
        "with class weights",
        _labels,
        _torch_weighted,
        class_weights=WEIGHTS,
        reductions=SOME,
    ),
    *_cross_entropies(
        "of smoothed labels",
        _labels,
        lambda torch, scores, y, **k: _torch_cross_entropy(
            torch, scores, y, label_smoothing=0.3, **k
        ),
        reductions=SOME,
        label_smoothing=0.3,
    ),
    *_cross_entropies(
        "of weighted, smoothed sequences with a mask",
        _padded,
        _torch_weighted_and_smooth,
        inputs=3,
        class_weights=WEIGHTS,
        label_smoothing=0.3,
    ),
    *_cross_entropies(
        "of weighted, smoothed soft rows",
        _soft,
        _torch_weighted_and_smooth,
        class_weights=WEIGHTS,
        label_smoothing=0.3,
        reductions=SOME,
    ),
    *_cases("nll", "nll", _labels, NLL, _torch_nll),
    *_cases("nll with a mask", "nll", _padded, NLL, _torch_nll, inputs=3, reductions=SOME),
    *_cases(
        "nll with an ignored label",
        "nll",
        _padded_with_a_label,
        NLL,
        _torch_nll,
        ignore_index=-100,
        reductions=SOME,
    ),
    *_cases(
        "nll with class weights",
        "nll",
        _labels,
        NLL,
        lambda torch, x, y, **k: _torch_nll(
            torch, x, y, weight=torch.tensor(WEIGHTS, dtype=x.dtype), **k
        ),
        reductions=SOME,
        class_weights=WEIGHTS,
    ),
    *_cases("hinge", "hinge", _labels, Hinge, _torch_hinge, margin=0.7),
    *_cases(
        "mse",
        "mse",
        _with_target,
        MSE,
        lambda torch, pred, target, **k: torch.nn.functional.mse_loss(pred, target, **k),
    ),
    *_cases(
        "l1",
        "l1",
        _apart,
        L1,
        lambda torch, pred, target, **k: torch.nn.functional.l1_loss(pred, target, **k),
    ),
    *_cases(
        "huber",
        "huber",
        _with_target,
        Huber,
        lambda torch, pred, target, **k: torch.nn.functional.huber_loss(
            pred, target, delta=0.8, **k
        ),
        delta=0.8,
    ),
    *_cases(
        "bce",
        "bce",
        _probabilities,
        BCE,
        lambda torch, pred, target, **k: torch.nn.functional.binary_cross_entropy(
            pred, target, **k
        ),
    ),
    *_cases(
        "bce_with_logits",
        "bce_with_logits",
        _logits,
        BCEWithLogits,
        lambda torch, scores, target, **k: torch.nn.functional.binary_cross_entropy_with_logits(
            scores, target, **k
        ),
    ),
    *_cases(
        "kl_divergence",
        "kl_divergence",
        _logits,
        KLDivergence,
        _torch_kl_divergence,
    ),
    *_cases(
        "cosine_embedding",
        "cosine_embedding",
        _pairs,
        CosineEmbedding,
        lambda torch, a, b, y, **k: torch.nn.functional.cosine_embedding_loss(
            a, b, 2 * y - 1, margin=-0.2, **k
        ),
        inputs=3,
        margin=-0.2,
    ),
    *_cases(
        "contrastive",
        "contrastive",
        _pairs,
        Contrastive,
        _torch_contrastive,
        inputs=3,
        margin=2.5,
    ),
    *_cases(
        "triplet",
        "triplet",
        _triplets,
        Triplet,
        lambda torch, a, p, n, **k: torch.nn.functional.triplet_margin_loss(
            a, p, n, margin=0.7, eps=0.0, **k
        ),
        inputs=3,
        margin=0.7,
    ),
]
