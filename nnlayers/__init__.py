"""Neural-network layers as pairs of pure functions, and a gradient checker that says where and why.

A layer is ``forward(x, ...) -> (out, cache)`` and ``backward(dout, cache) -> (dx, dw, db)``;
everything else is built on such pairs.  Names are found when first used, so that importing the
package costs next to nothing on top of NumPy.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what an editor or a type checker sees
    from nnlayers.gradients import *  # noqa: F403
    from nnlayers.layers import *  # noqa: F403
    from nnlayers.networks import *  # noqa: F403

__version__ = "0.1.0"

_HOMES = {
    "layers": """
        Affine Flatten Layer LeakyReLU MSE MatMul Mean ReLU Sigmoid Softmax SoftmaxCrossEntropy
        Square Sum Tanh affine_backward affine_forward flatten_backward flatten_forward
        glorot_normal glorot_uniform he_normal he_uniform leaky_relu_backward leaky_relu_forward
        lecun_normal lecun_uniform matmul_backward matmul_forward mean_backward mean_forward
        mse_backward mse_forward relu_backward relu_forward sigmoid_backward sigmoid_forward
        softmax_backward softmax_cross_entropy_backward softmax_cross_entropy_forward
        softmax_forward square_backward square_forward sum_backward sum_forward tanh_backward
        tanh_forward""",
    "networks": "Sequential",
    "gradients": """
        assert_gradients check_gradients jacobian numerical_gradient numerical_jacobian
        rel_error""",
}
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME)


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module 'nnlayers' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"nnlayers.{_HOME[name]}"), name)
    globals()[name] = value  # found once: the next use is a plain look-up
    return value


def __dir__():
    return __all__
