"""Gradients checked: numerical derivatives with error estimates, and the verdict on a backward."""

from nnlayers.gradients.checking import assert_gradients, check_gradients
from nnlayers.gradients.jacobians import jacobian
from nnlayers.gradients.numerical import numerical_gradient, numerical_jacobian, rel_error

__all__ = [
    "assert_gradients",
    "check_gradients",
    "jacobian",
    "numerical_gradient",
    "numerical_jacobian",
    "rel_error",
]
