"""What the functional update rules share: checks of a parameter, its gradient and its config."""

import numpy as np

from nnlayers.layers.checks import complaint, describe, floats, same_shape
from nnlayers.training.bounds import fraction, non_negative, positive, whole

# what each setting must be; the other keys of a config are arrays that have the shape of w
NUMBERS = {
    "learning_rate": non_negative,
    "momentum": fraction,
    "decay_rate": fraction,
    "beta1": fraction,
    "beta2": fraction,
    "epsilon": positive,
    "weight_decay": non_negative,
    "t": whole,
}


def weights(op, w, dw):
    """Return w and dw as floating-point arrays of one shape and dtype."""
    w, dw = floats(op, w=w, dw=dw)
    same_shape(op, w=w, dw=dw)
    return w, dw


def complete(op, config, w=None, **defaults):
    """Return a new config with every key of the defaults; None stands for zeros like w."""
    config = {} if config is None else config
    if not isinstance(config, dict):
        raise complaint(TypeError, op, f"config must be a dict, not {describe(config)}")
    unknown = [str(key) for key in config if key not in defaults]
    if unknown:
        raise complaint(
            ValueError,
            op,
            f"config has the unknown key{'s' * (len(unknown) > 1)} {', '.join(unknown)}",
            f"the keys are {', '.join(defaults)}",
        )
    config = defaults | config
    for key, value in config.items():
        if key in NUMBERS:
            config[key] = NUMBERS[key](op, key, value)
        elif value is None:
            config[key] = np.zeros_like(w)
        else:
            _, config[key] = floats(op, **{"w": w, key: value})
            same_shape(op, **{"w": w, key: config[key]})
    return config
