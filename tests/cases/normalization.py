"""Cases of the normalizations."""

import numpy as np

import reference.normalization as naive
from cases.case import Case
from nnlayers import (
    BatchNorm,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    RMSNorm,
    batchnorm_backward,
    batchnorm_forward,
    groupnorm_backward,
    groupnorm_forward,
    instancenorm_backward,
    instancenorm_forward,
    layernorm_backward,
    layernorm_forward,
    rmsnorm_backward,
    rmsnorm_forward,
)

RUNNING = {"mean": np.array([0.3, -0.7, 1.1, 0.2]), "var": np.array([0.5, 2.5, 1.5, 0.25])}


def _away_from_0_and_1(shape, parameters):
    """Make x (N, *shape) with a scale and a mean for each entry, gammas and betas."""

    def make(rng, N):
        x = 1.7 * rng.standard_normal((N, *shape)) + rng.standard_normal(shape)
        return x, *(rng.choice([-1.0, 1.0], s) * rng.uniform(0.3, 2.5, s) for s in parameters)

    return make


def _batchnorm(name, shape, *, train, running=None, eps=1e-5):
    settings = {"train": train, "eps": eps} | ({} if running is None else {"running": running})

    def torch(torch, x, gamma, beta):
        mean, var = torch.zeros(4, dtype=x.dtype), torch.ones(4, dtype=x.dtype)
        if running is not None:
            mean, var = torch.tensor(running["mean"]), torch.tensor(running["var"])
        return torch.nn.functional.batch_norm(x, mean, var, gamma, beta, training=train, eps=eps)

    return Case(
        f"batchnorm {name}",
        batchnorm_forward,
        batchnorm_backward,
        _away_from_0_and_1(shape, [(4,), (4,)]),
        naive.batchnorm,
        lambda gamma, beta: BatchNorm.of(gamma, beta, running=running, eps=eps),
        settings=settings,
        parameters=2,
        per_example=not train,
        empty=not train,
        torch=torch,
    )


def _layernorm(name, shape, gamma, eps=1e-5):
    return Case(
        f"layernorm {name}",
        layernorm_forward,
        layernorm_backward,
        _away_from_0_and_1(shape, [gamma, gamma]),
        naive.layernorm,
        lambda gamma, beta: LayerNorm.of(gamma, beta, eps=eps),
        settings={"eps": eps},
        parameters=2,
        torch=lambda torch, x, g, b: torch.nn.functional.layer_norm(x, g.shape, g, b, eps),
    )


def _rmsnorm(name, shape, gamma, eps=1e-5):
    return Case(
        f"rmsnorm {name}",
        rmsnorm_forward,
        rmsnorm_backward,
        _away_from_0_and_1(shape, [gamma]),
        naive.rmsnorm,
        lambda gamma: RMSNorm.of(gamma, eps=eps),
        settings={"eps": eps},
        parameters=1,
        torch=lambda torch, x, g: torch.nn.functional.rms_norm(x, g.shape, g, eps),
    )


def _groupnorm(name, shape, groups, eps=1e-5):
    return Case(
        f"groupnorm {name}",
        groupnorm_forward,
        groupnorm_backward,
        _away_from_0_and_1(shape, [(8,), (8,)]),
        naive.groupnorm,
        lambda gamma, beta: GroupNorm.of(gamma, beta, groups=groups, eps=eps),
        settings={"groups": groups, "eps": eps},
        parameters=2,
        torch=lambda torch, x, g, b: torch.nn.functional.group_norm(x, groups, g, b, eps),
    )


def _instancenorm(name, shape, eps=1e-5):
    return Case(
        f"instancenorm {name}",
        instancenorm_forward,
        instancenorm_backward,
        _away_from_0_and_1(shape, [(4,), (4,)]),
        naive.instancenorm,
        lambda gamma, beta: InstanceNorm.of(gamma, beta, eps=eps),
        settings={"eps": eps},
        parameters=2,
        torch=lambda torch, x, g, b: torch.nn.functional.instance_norm(
            x, weight=g, bias=b, eps=eps
        ),
    )


CASES = [
    _batchnorm("of features, training", (4,), train=True),
    _batchnorm("of features, evaluation", (4,), train=False, running=RUNNING),
    _batchnorm("of features, evaluation before training", (4,), train=False),
    _batchnorm("of images, training", (4, 2, 3), train=True, eps=0.1),
    _batchnorm("of images, evaluation", (4, 2, 3), train=False, running=RUNNING, eps=0.1),
    _batchnorm("of sequences, training", (4, 5), train=True),
    _layernorm("of features", (5,), (5,)),
    _layernorm("of sequences", (2, 5), (5,), eps=0.1),
    _layernorm("of images", (4, 2, 3), (4, 2, 3)),
    _layernorm("of rows of images", (4, 2, 3), (2, 3)),
    _rmsnorm("of features", (5,), (5,)),
    _rmsnorm("of images", (4, 2, 3), (4, 2, 3), eps=0.1),
    _rmsnorm("of rows of images", (4, 2, 3), (2, 3)),
    _groupnorm("of features", (8,), 2),
    _groupnorm("of images", (8, 2, 3), 4, eps=0.1),
    _groupnorm("of sequences, one group", (8, 5), 1),
    _instancenorm("of images", (4, 2, 3)),
    _instancenorm("of sequences", (4, 5), eps=0.1),
]
