"""Training: initial weights, update rules, optimizers, penalties, the solver and its files."""

from nnlayers.layers.initializers import (
    constant,
    glorot_normal,
    glorot_truncated,
    glorot_uniform,
    he_normal,
    he_truncated,
    he_uniform,
    lecun_normal,
    lecun_truncated,
    lecun_uniform,
    orthogonal,
)
from nnlayers.training.accumulation import accumulate
from nnlayers.training.averaging import EMA
from nnlayers.training.checkpoints import load, save
from nnlayers.training.clipping import clip_by_norm, clip_by_value
from nnlayers.training.full_batch import lbfgs
from nnlayers.training.metrics import accuracy, confusion_matrix, evaluate, top_k_accuracy
from nnlayers.training.moment_optimizers import Adam, AdamW, RAdam
from nnlayers.training.moment_rules import adam, adamw, radam
from nnlayers.training.optimizer import Optimizer
from nnlayers.training.optimizers import SGD, AdaDelta, AdaGrad, RMSProp
from nnlayers.training.penalties import L2
from nnlayers.training.plateau import Plateau
from nnlayers.training.rate_range import lr_range_test
from nnlayers.training.rules import adadelta, adagrad, nesterov, rmsprop, sgd, sgd_momentum
from nnlayers.training.schedules import (
    CosineDecay,
    ExponentialDecay,
    Noam,
    OneCycle,
    Schedule,
    StepDecay,
)
from nnlayers.training.solver import Solver

__all__ = [
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "CosineDecay",
    "EMA",
    "ExponentialDecay",
    "L2",
    "Noam",
    "OneCycle",
    "Optimizer",
    "Plateau",
    "RAdam",
    "RMSProp",
    "SGD",
    "Schedule",
    "Solver",
    "StepDecay",
    "accumulate",
    "accuracy",
    "adadelta",
    "adagrad",
    "adam",
    "adamw",
    "clip_by_norm",
    "clip_by_value",
    "confusion_matrix",
    "constant",
    "evaluate",
    "glorot_normal",
    "glorot_truncated",
    "glorot_uniform",
    "he_normal",
    "he_truncated",
    "he_uniform",
    "lbfgs",
    "lecun_normal",
    "lecun_truncated",
    "lecun_uniform",
    "load",
    "lr_range_test",
    "nesterov",
    "orthogonal",
    "radam",
    "rmsprop",
    "save",
    "sgd",
    "sgd_momentum",
    "top_k_accuracy",
]
