"""What the files of I2DL share: objects or classes of them, batches, and keywords of cs231n."""

import math
import random

import numpy as np

from nnlayers.course.translation import check_keywords
from nnlayers.layers.checks import complaint, describe

SOLVER_KEYWORDS = (
    "loss_func",
    "learning_rate",
    "optimizer",
    "optim_config",
    "lr_decay",
    "verbose",
    "print_every",
)
# keywords of cs231n, and what takes them
FOREIGN = (
    (
        ("input_dim", "hidden_dim", "hidden_dims", "weight_scale", "normalization", "dropout",
         "dropout_keep_ratio"),
        "the nets of nnlayers.course.cs231n take them, whose penalty is 0.5 · reg · Σ W²",
    ),
    (
        ("update_rule", "batch_size", "num_epochs", "num_train_samples", "num_val_samples",
         "checkpoint_name"),
        "nnlayers.course.cs231n.Solver takes them; here optimizer is a class such as Adam, a "
        "DataLoader makes the batches, and train(epochs) trains",
    ),
)  # fmt: skip
# names of a batch's examples and targets: of images, and of the housing prices
KEYS = (("image", "label"), ("features", "target"))


def refuse_unknown(op, given, known, ignored):
    """Raise if a keyword is neither known nor one of those that make no difference."""
    check_keywords(op, [name for name in given if name not in ignored], known, FOREIGN)


def made(op, name, thing, example):
    """Return an object with forward and backward; a class is called without arguments."""
    if isinstance(thing, type):
        thing = thing()
    if not (callable(getattr(thing, "forward", None)) and callable(getattr(thing, "backward", 0))):
        problem = f"{name} must be an object or class with forward and backward"
        raise complaint(TypeError, op, f"{problem}, not {describe(thing)}", f"such as {example}")
    return thing


def check_model(model):
    """Raise unless the model has a forward and a backward pass, as the nets of I2DL have."""
    if not (hasattr(model, "forward") and hasattr(model, "backward")):
        problem = f"model must be a net with forward and backward, not {describe(model)}"
        fix = "nnlayers.course.cs231n.Solver trains models with loss(X, y)"
        raise complaint(TypeError, "Solver", problem, fix)


def better(loss, best):
    """Return whether a loss is smaller than the best one; NaN counts as infinite."""
    return loss < best or (math.isnan(best) and not math.isnan(loss))


def batch_arrays(op, batch):
    """Return the examples and the targets of a batch."""
    for names in KEYS:
        if isinstance(batch, dict) and all(name in batch for name in names):
            return tuple(batch[name] for name in names)
    given = ", ".join(map(str, batch)) if isinstance(batch, dict) else describe(batch)
    raise complaint(
        ValueError,
        op,
        f"a batch must be a dict with image and label, or features and target, not {given}",
    )


def labels_and_predictions(op, model, loader):
    """Return the labels of all batches of a loader, and those that have the highest scores."""
    labels, predictions = [], []
    for batch in loader:
        X, y = batch_arrays(op, batch)
        labels.append(y)
        predictions.append(model.forward(X).argmax(axis=1))
    if not labels:
        raise no_batches(op)
    return np.concatenate(labels), np.concatenate(predictions)


def no_batches(op):
    """Return the error of a loader that gives nothing."""
    return complaint(ValueError, op, "the loader has no batches")


def python_source(rng, op):
    """Return what random numbers are drawn from: Python's global generator for None.

    A seed stands for a generator of its own, whose numbers are those of the global one after
    ``random.seed``.
    """
    if rng is None:
        return random
    if isinstance(rng, int | np.integer) and not isinstance(rng, bool):
        return random.Random(int(rng))
    if isinstance(rng, random.Random):
        return rng
    problem = f"rng must be a seed or a random.Random, not {describe(rng)}"
    fix = "None draws from the global generator, which random.seed seeds"
    raise complaint(TypeError, op, problem, fix)
