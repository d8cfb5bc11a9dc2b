"""Cases of the losses and of the reductions."""

import numpy as np

import reference.losses as naive
from cases.case import Case, normal
from nnlayers import (
    MSE,
    Mean,
    SoftmaxCrossEntropy,
    Sum,
    mean_backward,
    mean_forward,
    mse_backward,
    mse_forward,
    softmax_cross_entropy_backward,
    softmax_cross_entropy_forward,
    sum_backward,
    sum_forward,
)


def _labels(rng, N):
    return rng.standard_normal((N, 5)), rng.integers(0, 5, N)


def _one_hot(rng, N):
    scores, y = _labels(rng, N)
    return scores, np.eye(5)[y]


def _soft(rng, N):
    soft = rng.random((N, 5))
    return rng.standard_normal((N, 5)), soft / soft.sum(axis=1, keepdims=True)


def _with_target(rng, N):
    return rng.standard_normal((N, 3, 2)), rng.standard_normal((N, 3, 2))


def _reduced(name, forward, backward, make, reference, layer, torch):
    """Make the three cases of a loss with a target, one for each reduction."""
    for reduction in ("mean", "sum", "none"):
        yield Case(
            f"{name}, {reduction}",
            forward,
            backward,
            make,
            reference,
            lambda reduction=reduction: layer(reduction=reduction),
            settings={"reduction": reduction},
            batched=(0, 1),
            per_example=reduction == "none",
            empty=reduction != "mean",
            torch=lambda t, x, y, reduction=reduction: torch(t, x, y, reduction=reduction),
        )


def _cross_entropy(name, make):
    return _reduced(
        name,
        softmax_cross_entropy_forward,
        softmax_cross_entropy_backward,
        make,
        naive.softmax_cross_entropy,
        SoftmaxCrossEntropy,
        lambda torch, scores, y, **k: torch.nn.functional.cross_entropy(scores, y, **k),
    )


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
    *_cross_entropy("softmax_cross_entropy of labels", _labels),
    *_cross_entropy("softmax_cross_entropy of one-hot rows", _one_hot),
    *_cross_entropy("softmax_cross_entropy of soft rows", _soft),
    *_reduced(
        "mse",
        mse_forward,
        mse_backward,
        _with_target,
        naive.mse,
        MSE,
        lambda torch, pred, target, **k: torch.nn.functional.mse_loss(pred, target, **k),
    ),
]
