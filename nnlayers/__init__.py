"""Neural-network layers as pairs of pure functions, and a gradient checker that says where and why.

A layer is ``forward(x, ...) -> (out, cache)`` and ``backward(dout, cache) -> (dx, dw, db)``;
everything else is built on such pairs.  A part is imported when one of its names is first used,
so that importing the package costs next to nothing on top of NumPy.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what an editor or a type checker sees
    from nnlayers.data import *  # noqa: F403
    from nnlayers.gradients import *  # noqa: F403
    from nnlayers.layers import *  # noqa: F403
    from nnlayers.networks import *  # noqa: F403
    from nnlayers.training import *  # noqa: F403

__version__ = "0.1.0"

_PARTS = ("layers", "networks", "gradients", "training", "data")


def __getattr__(name):
    parts = (importlib.import_module(f"nnlayers.{part}") for part in _PARTS)
    if name == "__all__":
        return sorted({public for part in parts for public in part.__all__})
    if not name.startswith("_"):
        for part in parts:
            if name in part.__all__:
                value = globals()[name] = getattr(part, name)  # the next use is a plain look-up
                return value
    raise AttributeError(f"module 'nnlayers' has no attribute {name!r}")


def __dir__():
    return __getattr__("__all__")
