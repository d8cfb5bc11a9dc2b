"""Every optimizer with its rule, the same settings for both, and PyTorch's counterpart."""

import numpy as np
import pytest

from nnlayers import Affine, ReLU, Sequential, SoftmaxCrossEntropy
from nnlayers import training as t

RNG = np.random.default_rng

ADAM = {"lr": 0.05, "beta1": 0.8, "beta2": 0.95, "eps": 1e-6}
ADAM_CONFIG = {"learning_rate": 0.05, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-6}
TORCH_ADAM = {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-6}
RMS = {"lr": 0.02, "decay_rate": 0.8, "eps": 1e-6}
RMS_CONFIG = {"learning_rate": 0.02, "decay_rate": 0.8, "epsilon": 1e-6}
DELTA = {"lr": 2.0, "decay_rate": 0.8, "eps": 1e-4}
DELTA_CONFIG = {"learning_rate": 2.0, "decay_rate": 0.8, "epsilon": 1e-4}
# name: optimizer, settings, rule, config, name in torch.optim, options there
TABLE = {
    "sgd": (t.SGD, {"lr": 0.05}, t.sgd, {"learning_rate": 0.05}, "SGD", {"lr": 0.05}),
    "momentum": (
        t.SGD,
        {"lr": 0.05, "momentum": 0.8},
        t.sgd_momentum,
        {"learning_rate": 0.05, "momentum": 0.8},
        "SGD",
        {"lr": 0.05, "momentum": 0.8},
    ),
    "nesterov": (
        t.SGD,
        {"lr": 0.05, "momentum": 0.8, "nesterov": True},
        t.nesterov,
        {"learning_rate": 0.05, "momentum": 0.8},
        "SGD",
        {"lr": 0.05, "momentum": 0.8, "nesterov": True},
    ),
    "adagrad": (
        t.AdaGrad,
        {"lr": 0.05, "eps": 1e-6},
        t.adagrad,
        {"learning_rate": 0.05, "epsilon": 1e-6},
        "Adagrad",
        {"lr": 0.05, "eps": 1e-6},
    ),
    "rmsprop": (
        t.RMSProp,
        RMS,
        t.rmsprop,
        RMS_CONFIG,
        "RMSprop",
        {"lr": 0.02, "alpha": 0.8, "eps": 1e-6},
    ),
    "adadelta": (
        t.AdaDelta,
        DELTA,
        t.adadelta,
        DELTA_CONFIG,
        "Adadelta",
        {"lr": 2.0, "rho": 0.8, "eps": 1e-4},
    ),
    "adam": (t.Adam, ADAM, t.adam, ADAM_CONFIG, "Adam", TORCH_ADAM),
    "adamw": (
        t.AdamW,
        ADAM | {"weight_decay": 0.3},
        t.adamw,
        ADAM_CONFIG | {"weight_decay": 0.3},
        "AdamW",
        TORCH_ADAM | {"weight_decay": 0.3},
    ),
    "radam": (t.RAdam, ADAM, t.radam, ADAM_CONFIG, "RAdam", TORCH_ADAM),
}


def each(columns, without=None):
    """Parametrize a test by these columns of the table, without one of its rows."""
    names = ["make", "settings", "rule", "config", "torch_name", "options"]
    chosen = [names.index(name) for name in columns.split(", ")]
    rows = {name: tuple(r[i] for i in chosen) for name, r in TABLE.items() if name != without}
    return pytest.mark.parametrize(columns, list(rows.values()), ids=list(rows))


def classifier(dtype=np.float64, seed=0):
    rng = RNG(seed)
    return Sequential(
        Affine(5, 4, rng=rng, dtype=dtype),
        ReLU(),
        Affine(4, 3, rng=rng, dtype=dtype),
        SoftmaxCrossEntropy(),
    )


def batch(dtype=np.float64, seed=1):
    return RNG(seed).normal(size=(8, 5)).astype(dtype), RNG(seed).integers(0, 3, 8)


def random_grads(net, seed):
    rng = RNG(seed)
    return {key: rng.normal(size=w.shape).astype(w.dtype) for key, w in net.params.items()}


def values(net):
    return {key: w.copy() for key, w in net.params.items()}


def assert_same(a, b):
    assert list(a) == list(b)
    for key in a:
        np.testing.assert_array_equal(a[key], b[key])
