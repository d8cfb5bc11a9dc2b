"""The operations that can be differentiated again and again: their backward uses Variables.

Forward is that of a pair.  The mathematics of backward is the pair's, too (its docstring derives
it), written with operations that are themselves of this kind.
"""

import math

import numpy as np

from nnlayers import layers
from nnlayers.networks.graph.pairs import PairFunction
from nnlayers.networks.graph.primitives import broadcast_to, put, sum_to
from nnlayers.networks.graph.recording import constant, is_recording, record
from nnlayers.networks.graph.variable import Variable, computed


class Elementary(PairFunction):
    """A pair whose backward is written with Variables; numbers may stand for its arrays."""

    copies = False  # whether the pair's backward copies dout, which again need not

    @classmethod
    def apply(cls, *inputs, **settings):
        """Return what the pair's forward makes of the inputs."""
        node = cls(settings)
        return record(node, node.accept(inputs))

    def accept(self, inputs):
        """Return the inputs as Variables; a number takes the dtype of the first array."""
        for x in inputs:
            if x.__class__ is not Variable:
                return _with_constants(inputs)
        return inputs

    def backward(self, *gys):
        """Call the pair's backward, or its form with Variables where that is needed.

        That is so if the gradients are to be differentiated; and it leaves out the gradients of
        constants.
        """
        if self.copies or is_recording():
            return self.again(*gys)
        for x in self.inputs:
            if x.__class__ is Variable and not x.requires_grad:
                return self.again(*gys)
        return PairFunction.backward(self, *gys)

    def again(self, *gys):
        """Return the gradients, computed with Variables, so that they can be differentiated."""
        raise NotImplementedError(f"{type(self).__name__} must define again")


class Add(Elementary):
    """Node of a + b."""

    pair = layers.add_forward, layers.add_backward
    copies = True

    def again(self, gy):
        """Gradients da = gy and db = gy, each summed to its shape."""
        a, b = self.inputs
        return sum_to(gy, a.shape), sum_to(gy, b.shape)


class Subtract(Elementary):
    """Node of a - b."""

    pair = layers.subtract_forward, layers.subtract_backward
    copies = True

    def again(self, gy):
        """Gradients da = gy and db = -gy, each summed to its shape."""
        a, b = self.inputs
        return sum_to(gy, a.shape), sum_to(-gy, b.shape) if b.requires_grad else None


class Multiply(Elementary):
    """Node of a · b."""

    pair = layers.multiply_forward, layers.multiply_backward

    def again(self, gy):
        """Gradients da = gy · b and db = gy · a, each summed to its shape."""
        a, b = self.inputs
        da = sum_to(gy * b, a.shape) if a.requires_grad else None
        return da, sum_to(gy * a, b.shape) if b.requires_grad else None


class Divide(Elementary):
    """Node of a / b."""

    pair = layers.divide_forward, layers.divide_backward

    def again(self, gy):
        """Gradients da = gy / b and db = -gy / b · a / b, each summed to its shape."""
        a, b = self.inputs
        share = gy / b
        db = sum_to(-share * (a / b), b.shape) if b.requires_grad else None
        return sum_to(share, a.shape), db


class MatMul(Elementary):
    """Node of x @ w."""

    pair = layers.matmul_forward, layers.matmul_backward

    def again(self, gy):
        """Gradients dx = gy wᵀ and dw = xᵀ gy; vectors are one row (x) or one column (w)."""
        x, w = self.inputs
        rows = x if x.ndim > 1 else x.reshape(1, x.size)  # (..., N, D)
        columns = w if w.ndim > 1 else w.reshape(w.size, 1)  # (..., D, M)
        if x.ndim != 2 or w.ndim != 2:
            lead = np.broadcast_shapes(rows.shape[:-2], columns.shape[:-2])
            gy = gy.reshape(*lead, rows.shape[-2], columns.shape[-1])
        dx = dw = None
        if x.requires_grad:
            dx = sum_to(gy @ _transposed(columns), rows.shape).reshape(x.shape)
        if w.requires_grad:
            dw = sum_to(_transposed(rows) @ gy, columns.shape).reshape(w.shape)
        return dx, dw


class Sum(Elementary):
    """Node of the sum over axes."""

    pair = layers.sum_forward, layers.sum_backward

    def again(self, gy):
        """Gradient dx = gy, the same for all terms of a sum."""
        x, axes, _ = self.cache
        return broadcast_to(gy.reshape(_kept(x.shape, axes)), x.shape)


class Mean(Elementary):
    """Node of the mean over axes."""

    pair = layers.mean_forward, layers.mean_backward

    def again(self, gy):
        """Gradient dx = gy / n, the same for all n terms."""
        x, axes, _ = self.cache
        count = math.prod([x.shape[axis] for axis in axes])
        return broadcast_to((gy / count).reshape(_kept(x.shape, axes)), x.shape)


class Identity(Elementary):
    """Node of x as it is."""

    pair = layers.identity_forward, layers.identity_backward

    def again(self, gy):
        """Gradient dx = gy."""
        return gy


class Reshape(Elementary):
    """Node of the same entries in another shape."""

    pair = layers.reshape_forward, layers.reshape_backward

    def again(self, gy):
        """Gradient dx = gy in the shape of x."""
        return gy.reshape(self.inputs[0].shape)


class Flatten(Reshape):
    """Node of examples as rows."""

    pair = layers.flatten_forward, layers.flatten_backward


class Transpose(Elementary):
    """Node of axes in another order."""

    pair = layers.transpose_forward, layers.transpose_backward

    def again(self, gy):
        """Gradient dx = gy with its axes put back, by the inverse permutation."""
        axes = self.cache[1]
        return gy.transpose(*sorted(range(len(axes)), key=axes.__getitem__))


class Slice(Elementary):
    """Node of the entries that a basic index selects."""

    pair = layers.slice_forward, layers.slice_backward

    def again(self, gy):
        """Gradient dx[index] = gy, and 0 elsewhere."""
        x, index = self.cache
        return put(gy, index, x.shape)


class Concatenate(Elementary):
    """Node of arrays one after the other."""

    pair = layers.concatenate_forward, layers.concatenate_backward

    def again(self, gy):
        """Each array gets its part of gy."""
        _, sizes, axis = self.cache
        before, start, parts = (slice(None),) * axis, 0, []
        for size in sizes:
            parts.append(gy[(*before, slice(start, start + size))])
            start += size
        return tuple(parts)


class Where(Elementary):
    """Node of a where a condition holds, of b elsewhere."""

    pair = layers.where_forward, layers.where_backward

    def again(self, gy):
        """Gradients da = gy where the condition holds, else 0; db the other way round."""
        condition, a, b = self.inputs
        da, db = Where.apply(condition, gy, 0.0), Where.apply(condition, 0.0, gy)
        return None, sum_to(da, a.shape), sum_to(db, b.shape)


class Square(Elementary):
    """Node of x²."""

    pair = layers.square_forward, layers.square_backward

    def again(self, gy):
        """Gradient dx = gy · 2 x."""
        return gy * (2.0 * self.inputs[0])


class Exp(Elementary):
    """Node of eˣ."""

    pair = layers.exp_forward, layers.exp_backward

    def again(self, gy):
        """Gradient dx = gy · eˣ."""
        return gy * self.outputs[0]


class Log(Elementary):
    """Node of log x."""

    pair = layers.log_forward, layers.log_backward

    def again(self, gy):
        """Gradient dx = gy / x."""
        return gy / self.inputs[0]


class Tanh(Elementary):
    """Node of tanh x."""

    pair = layers.tanh_forward, layers.tanh_backward

    def again(self, gy):
        """Gradient dx = gy · (1 - y²)."""
        (y,) = self.outputs
        return gy * (1.0 - y * y)


def _with_constants(inputs):
    """Return inputs with numbers and floating-point arrays among them as constant Variables."""
    inputs = [x if x.__class__ is Variable else constant(x) for x in inputs]
    dtype = np.float64
    for x in inputs:
        if x.__class__ is Variable:
            dtype = x._data.dtype
            break
    for i, x in enumerate(inputs):
        if isinstance(x, int | float | np.floating) and not isinstance(x, bool):
            inputs[i] = computed(np.asarray(x, dtype))
    return tuple(inputs)


def _kept(shape, axes):
    """Return the shape with one entry along the axes that were reduced."""
    return tuple([1 if axis in axes else size for axis, size in enumerate(shape)])


def _transposed(matrices):
    """Return matrices (..., A, B) as (..., B, A)."""
    first = range(matrices.ndim - 2)
    return matrices.transpose(*first, matrices.ndim - 1, matrices.ndim - 2)
