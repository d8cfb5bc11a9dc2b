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
from nnlayers.training.checkpoints import load, save
from nnlayers.training.metrics import accuracy, evaluate
from nnlayers.training.optimizer import Optimizer
from nnlayers.training.optimizers import SGD, Adam
from nnlayers.training.penalties import L2
from nnlayers.training.rules import adam, nesterov, sgd, sgd_momentum
from nnlayers.training.solver import Solver

__all__ = [
    "Adam",
    "L2",
    "Optimizer",
    "SGD",
    "Solver",
    "accuracy",
    "adam",
    "constant",
    "evaluate",
    "glorot_normal",
    "glorot_truncated",
    "glorot_uniform",
    "he_normal",
    "he_truncated",
    "he_uniform",
    "lecun_normal",
    "lecun_truncated",
    "lecun_uniform",
    "load",
    "nesterov",
    "orthogonal",
    "save",
    "sgd",
    "sgd_momentum",
]
