"""Cases of pooling and upsampling."""

import numpy as np

import reference.pooling as naive
from cases.case import Case, normal
from nnlayers import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    GlobalAvgPool2d,
    MaxPool2d,
    UpsampleNearest2d,
    adaptive_avg_pool2d_backward,
    adaptive_avg_pool2d_forward,
    avg_pool2d_backward,
    avg_pool2d_forward,
    global_avg_pool2d_backward,
    global_avg_pool2d_forward,
    max_pool2d_backward,
    max_pool2d_forward,
    upsample_nearest2d_backward,
    upsample_nearest2d_forward,
)


def _apart(*shape):
    """Make x of shape (N, *shape) with no two entries nearer than 0.1: ties are kinks."""

    def make(rng, N):
        count = N * int(np.prod(shape))
        return (0.1 * (rng.permutation(count) - count / 2).reshape(N, *shape),)

    return make


def _pool(kind, shape, torch_name, **settings):
    forward, backward, reference, layer, make = {
        "max": (max_pool2d_forward, max_pool2d_backward, naive.max_pool2d, MaxPool2d, _apart),
        "avg": (avg_pool2d_forward, avg_pool2d_backward, naive.avg_pool2d, AvgPool2d, normal),
    }[kind]
    size, stride, pad = (settings.get(k) for k in ("size", "stride", "pad"))
    words = ", ".join(f"{k} {v}" for k, v in settings.items())
    return Case(
        f"{kind}_pool2d, {words}",
        forward,
        backward,
        make(*shape),
        reference,
        lambda: layer(**settings),
        settings=settings,
        torch=lambda torch, x: getattr(torch.nn.functional, torch_name)(x, size, stride, pad or 0),
    )


def _pools(kind, torch_name):
    yield _pool(kind, (2, 4, 6), torch_name, size=2)
    yield _pool(kind, (2, 5, 7), torch_name, size=(2, 3))
    yield _pool(kind, (2, 5, 4), torch_name, size=3, stride=2, pad=1)
    yield _pool(kind, (2, 4, 5), torch_name, size=(4, 2), stride=(1, 3), pad=(2, 1))


def _adaptive(name, shape, size):
    return Case(
        name,
        adaptive_avg_pool2d_forward,
        adaptive_avg_pool2d_backward,
        normal(*shape),
        naive.adaptive_avg_pool2d,
        lambda: AdaptiveAvgPool2d(size),
        settings={"size": size},
        torch=lambda torch, x: torch.nn.functional.adaptive_avg_pool2d(x, size),
    )


def _upsample(name, scale):
    return Case(
        name,
        upsample_nearest2d_forward,
        upsample_nearest2d_backward,
        normal(2, 3, 4),
        naive.upsample_nearest2d,
        lambda: UpsampleNearest2d(scale),
        settings={"scale": scale},
        torch=lambda torch, x: torch.nn.functional.interpolate(x, scale_factor=scale),
    )


CASES = [
    *_pools("max", "max_pool2d"),
    *_pools("avg", "avg_pool2d"),
    Case(
        "global_avg_pool2d",
        global_avg_pool2d_forward,
        global_avg_pool2d_backward,
        normal(2, 3, 4),
        naive.global_avg_pool2d,
        GlobalAvgPool2d,
        torch=lambda torch, x: x.mean((2, 3)),
    ),
    _adaptive("adaptive_avg_pool2d", (2, 4, 6), (2, 3)),
    _adaptive("adaptive_avg_pool2d, windows that overlap", (2, 5, 7), 3),
    _adaptive("adaptive_avg_pool2d, more outputs than inputs", (2, 3, 4), (5, 2)),
    _upsample("upsample_nearest2d", 2),
    _upsample("upsample_nearest2d, a pair", (2, 3)),
]
