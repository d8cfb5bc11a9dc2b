"""Training: initial weights, update rules, optimizers, penalties, the solver and its files."""

from nnlayers.layers.initializers import (
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    lecun_normal,
    lecun_uniform,
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
    "evaluate",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "load",
    "nesterov",
    "save",
    "sgd",
    "sgd_momentum",
]
