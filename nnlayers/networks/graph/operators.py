"""The operators and methods of Variables, on the operations that can be differentiated again."""

import math

import numpy as np

from nnlayers.layers.checks import complaint, describe
from nnlayers.networks.graph.elementary import (
    Add,
    Divide,
    MatMul,
    Mean,
    Multiply,
    Reshape,
    Subtract,
    Sum,
    Transpose,
)
from nnlayers.networks.graph.primitives import Cast, Index, Negative, Power
from nnlayers.networks.graph.recording import record
from nnlayers.networks.graph.variable import Variable


def _operator(node_class):
    """Return an operator and its reflection, whose left operand is no Variable."""
    return (lambda a, b: node_class.apply(a, b)), (lambda b, a: node_class.apply(a, b))


def reshape(x, *shape):
    """Return the same entries in another shape; one size may be -1 and is worked out."""
    return Reshape.apply(x, shape=_numbers(shape))


def transpose(x, *axes):
    """Return the array with its axes in another order; without axes, in the opposite one."""
    return Transpose.apply(x, axes=_numbers(axes) or None)


def sum(x, axis=None, *, keepdims=False):
    """Return the sum of all entries, or along axes."""
    return Sum.apply(x, axis=axis, keepdims=keepdims)


def mean(x, axis=None, *, keepdims=False):
    """Return the mean of all entries, or along axes."""
    return Mean.apply(x, axis=axis, keepdims=keepdims)


def astype(x, dtype):
    """Return a copy in another floating-point dtype, which gradients pass back through."""
    return record(Cast(np.dtype(dtype)), (x,))


def _numbers(sizes):
    """Return sizes that were given one by one or as a tuple."""
    return sizes[0] if len(sizes) == 1 and not hasattr(sizes[0], "__index__") else sizes


def _negative(x):
    return record(Negative(), (x,))


def _power(x, n):
    if not isinstance(n, int | float | np.integer | np.floating) or not math.isfinite(n):
        raise complaint(
            TypeError,
            "Variable.__pow__",
            f"the exponent must be a finite number, not {describe(n)}",
            "exp(n * log(x)) of nnlayers.functions takes Variables and arrays",
            x=x.data,
        )
    return record(Power(int(n) if n == int(n) else float(n)), (x,))


def _index(x, index):
    return record(Index(index), (x,))


# here, as they need the Functions, which need Variable
Variable.__add__, Variable.__radd__ = _operator(Add)
Variable.__sub__, Variable.__rsub__ = _operator(Subtract)
Variable.__mul__, Variable.__rmul__ = _operator(Multiply)
Variable.__truediv__, Variable.__rtruediv__ = _operator(Divide)
Variable.__matmul__, Variable.__rmatmul__ = _operator(MatMul)
Variable.__neg__ = _negative
Variable.__pow__ = _power
Variable.__getitem__ = _index
Variable.T = property(transpose, doc="The array with its axes in the opposite order.")
Variable.transpose = transpose
Variable.reshape = reshape
Variable.sum = sum
Variable.mean = mean
Variable.astype = astype
