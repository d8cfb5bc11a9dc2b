"""Cases of dropout."""

import numpy as np

import reference.dropout as naive
from cases.case import Case, normal
from contract import N
from nnlayers import (
    Dropout,
    SpatialDropout,
    dropout_backward,
    dropout_forward,
    spatial_dropout_backward,
    spatial_dropout_forward,
)


def _mask(*shape):
    return np.random.default_rng(9).random((N, *shape)) < 0.6


def _dropout(name, shape, rates, *, layer=Dropout, per_example=False, **settings):
    """Make a case of dropout, or of spatial dropout if that is the layer."""
    spatial = layer is SpatialDropout
    return Case(
        f"{'spatial_' * spatial}dropout {name}",
        spatial_dropout_forward if spatial else dropout_forward,
        spatial_dropout_backward if spatial else dropout_backward,
        normal(*shape),
        naive.spatial_dropout if spatial else naive.dropout,
        None if "mask" in settings else lambda: layer(**rates),
        settings=rates | settings,
        batched_settings=("mask",) if "mask" in settings else (),
        per_example=per_example,
        torch=None if settings["train"] else lambda torch, x: torch.dropout(x, 0.3, False),
    )


def _spatial(name, shape, rates, **settings):
    return _dropout(name, shape, rates, layer=SpatialDropout, **settings)


CASES = [
    _dropout("in training", (3, 4), {"drop": 0.3}, train=True, rng=0),
    _dropout("in training, keep", (3, 4), {"keep": 0.5}, train=True, rng=0),
    _dropout("with a mask", (3, 4), {"drop": 0.3}, train=True, mask=_mask(3, 4), per_example=True),
    _dropout("in evaluation", (3, 4), {"drop": 0.3}, train=False, per_example=True),
    _spatial("in training", (4, 2, 3), {"drop": 0.3}, train=True, rng=0),
    _spatial("in training, keep", (4, 5), {"keep": 0.5}, train=True, rng=0),
    _spatial("with a mask", (4, 2, 3), {"drop": 0.3}, train=True, mask=_mask(4), per_example=True),
    _spatial("in evaluation", (4, 2, 3), {"drop": 0.3}, train=False, per_example=True),
]
