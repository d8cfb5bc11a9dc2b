"""Checks of what is trained and how: the arguments that the solver shares with other functions."""

from nnlayers.data.batching import examples
from nnlayers.layers.checks import complaint, describe, positive_int
from nnlayers.training.optimizer import Optimizer
from nnlayers.training.plateau import Plateau
from nnlayers.training.schedules import Schedule


def pair(op, name, data):
    """Return (x, y) as arrays of at least one example; y may be None."""
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise complaint(
            TypeError, op, f"{name} must be a pair (x, y), not {describe(data)}", f"{name}=(x, y)"
        )
    x, y = examples(f"{op} {name}", *data)
    if len(x) == 0:
        raise complaint(ValueError, op, f"{name} has no examples", x=x)
    return x, y


def check_optimizer(op, optimizer, net):
    """Raise unless the optimizer is one, and of this net."""
    if not isinstance(optimizer, Optimizer):
        raise complaint(
            TypeError,
            op,
            f"optimizer must be an optimizer, not {describe(optimizer)}",
            "SGD(net, lr=0.1) makes one",
        )
    if optimizer.net is not net:
        raise complaint(
            ValueError, op, f"{optimizer!r} is of another net", "make it of the net to train"
        )


def check_penalty(op, penalty):
    """Raise unless the penalty is one, or None."""
    if not (penalty is None or (hasattr(penalty, "loss") and hasattr(penalty, "gradients"))):
        raise complaint(
            TypeError, op, f"penalty must be a penalty, not {describe(penalty)}", "L2(1e-4)"
        )


def check_schedule(op, schedule, lr_decay, steps, epochs):
    """Raise unless the schedule is one that lasts for epochs of so many steps, or None."""
    if schedule is None:
        return
    if not isinstance(schedule, Schedule | Plateau):
        raise complaint(
            TypeError,
            op,
            f"schedule must be a schedule, not {describe(schedule)}",
            "CosineDecay(0.1, steps=1000) makes one, a class derived from Schedule another",
        )
    if lr_decay != 1.0:
        raise complaint(
            ValueError,
            op,
            f"lr_decay {lr_decay} and a schedule do not go together",
            "ExponentialDecay(lr, factor) is a schedule that falls in every step",
        )
    end = getattr(schedule, "steps", None)
    if end is not None and end < steps * epochs:
        raise complaint(
            ValueError,
            op,
            f"{schedule!r} ends before the training, {epochs} epochs of {steps} steps, does",
            f"steps={steps * epochs}",
        )


def optional_int(op, name, value):
    """Return value as an int of at least 1, or None."""
    if value is not None:
        positive_int(op, **{name: value})
        value = int(value)
    return value
