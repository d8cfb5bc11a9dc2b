"""Operations that no pair of the library offers; they can be differentiated again and again."""

import numpy as np

from nnlayers.layers import broadcasting
from nnlayers.layers.checks import INT, complaint, describe, floats
from nnlayers.networks.graph.function import Function
from nnlayers.networks.graph.recording import record
from nnlayers.networks.graph.variable import Variable, computed


def broadcast_to(x, shape):
    """Broadcast: the entries of x repeated along axes of size 1 and new ones before.

    outᵢⱼ = xⱼ or xᵢ₁, as in NumPy; the gradient of an entry is the sum over its copies.

    Parameters
    ----------
    x : Variable or ndarray
        Input.
    shape : tuple of int
        Shape of out.

    Returns
    -------
    out : Variable
        Of that shape.

    Raises
    ------
    ValueError
        If x does not broadcast to the shape.
    TypeError
        If x is not floating-point, or the shape no tuple of integers.

    Examples
    --------
    >>> from nnlayers import Variable
    >>> x = Variable(np.array([1.0, 2.0]))
    >>> broadcast_to(x, (3, 2)).backward()
    >>> x.grad
    Variable(array([3., 3.]))
    """
    return _same_or("broadcast_to", BroadcastTo, x, shape)


def sum_to(x, shape):
    """Sum to a shape: the entries of x added up along the axes along which it was broadcast.

    The backward of broadcasting, for Functions whose operands broadcast.

    Parameters
    ----------
    x : Variable or ndarray
        Input, such as a gradient.
    shape : tuple of int
        Shape of out, which broadcasts to that of x.

    Returns
    -------
    out : Variable
        Of that shape.

    Raises
    ------
    ValueError
        If the shape does not broadcast to that of x.
    TypeError
        If x is not floating-point, or the shape no tuple of integers.

    Examples
    --------
    >>> sum_to(np.ones((3, 2)), (1, 2))
    Variable(array([[3., 3.]]))
    """
    return _same_or("sum_to", SumTo, x, shape)


def put(x, index, shape):
    """Put x where an index points, into zeros: the backward of indexing."""
    return record(_Put(index, shape), (x,))


class BroadcastTo(Function):
    """Node of :func:`broadcast_to`."""

    def __init__(self, shape):
        self.shape = shape

    def forward(self, x):
        """Repeat the entries."""
        return np.broadcast_to(x, self.shape)

    def backward(self, gy):
        """Gradient dx = gy, summed over the copies of each entry."""
        return sum_to(gy, self.inputs[0].shape)


class SumTo(Function):
    """Node of :func:`sum_to`."""

    def __init__(self, shape):
        self.shape = shape

    def forward(self, x):
        """Add up along the axes."""
        return broadcasting.sum_to(x, self.shape)

    def backward(self, gy):
        """Gradient dx = gy, the same for all terms of a sum."""
        return broadcast_to(gy, self.inputs[0].shape)


class Cast(Function):
    """Node of x in another dtype, and of a copy in the same."""

    def __init__(self, dtype):
        self.dtype = dtype

    def forward(self, x):
        """Convert the entries."""
        return x.astype(self.dtype)

    def backward(self, gy):
        """Gradient dx = gy in the dtype of x."""
        return gy.astype(self.inputs[0].dtype)


class Negative(Function):
    """Node of -x."""

    def forward(self, x):
        """Change the sign."""
        return -x

    def backward(self, gy):
        """Gradient dx = -gy."""
        return -gy


class Power(Function):
    """Node of xⁿ with a number n."""

    def __init__(self, exponent):
        self.exponent = exponent

    def forward(self, x):
        """Raise to the power, where that is a finite number."""
        n, op = self.exponent, "Variable.__pow__"
        if n < 0 and np.count_nonzero(x) < x.size:
            zeros = x.size - np.count_nonzero(x)
            problem = f"{zeros} of {x.size} entries of x are 0, of which the power {n} is infinite"
            raise complaint(ValueError, op, problem, "keep x away from 0", x=x)
        if n != int(n) and x.min(initial=0.0) < 0:
            problem = f"the least entry of x is {x.min():.6g}, of which the power {n} is no number"
            raise complaint(ValueError, op, problem, "only whole powers take negative x", x=x)
        return x**n

    def backward(self, gy):
        """Gradient dx = gy · n xⁿ⁻¹."""
        (x,), n = self.inputs, self.exponent
        if n == 0:  # x⁻¹ does not exist everywhere
            return gy * 0.0
        return gy * (n * x ** (n - 1))


class Index(Function):
    """Node of x[index]."""

    def __init__(self, index):
        self.index = index

    def forward(self, x):
        """Select entries."""
        try:
            return x[self.index]
        except IndexError as error:
            shown = describe(self.index)
            problem = f"index {shown} does not fit x ({error})"
            raise complaint(ValueError, "Variable.__getitem__", problem, x=x) from None

    def backward(self, gy):
        """Gradient dx[index] = gy, added up where an entry was selected twice."""
        return put(gy, self.index, self.inputs[0].shape)


class _Put(Function):
    """Node of :func:`put`."""

    def __init__(self, index, shape):
        self.index, self.shape = index, shape

    def forward(self, x):
        out = np.zeros(self.shape, x.dtype)
        if _is_basic(self.index):
            out[self.index] = x
        else:
            np.add.at(out, self.index, x)  # an entry that was selected twice gets both
        return out

    def backward(self, gy):
        return gy[self.index]


def _same_or(op, node_class, x, shape):
    """Return x itself if it has that shape, else record the node, if the shapes broadcast."""
    if not isinstance(x, Variable):
        x = computed(floats(op, x=x)[0])
    if not isinstance(shape, tuple | list) or not all(isinstance(size, INT) for size in shape):
        problem = f"shape must be a tuple of integers, not {describe(shape)}"
        raise complaint(TypeError, op, problem, x=x.data)
    shape = tuple(shape)
    small, large = (x.shape, shape) if node_class is BroadcastTo else (shape, x.shape)
    if small == large:
        return x
    try:
        fits = np.broadcast_shapes(small, large) == large
    except ValueError:
        fits = False
    if not fits:
        raise complaint(
            ValueError,
            op,
            f"{small} does not broadcast to {large}",
            "axes, counted from the last, must be equal or 1 in the smaller shape",
            x=x.data,
        )
    return record(node_class(shape), (x,))


def _is_basic(index):
    """Return whether an index selects every entry at most once: no arrays or lists in it."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        part is None or part is Ellipsis or isinstance(part, slice | int | np.integer)
        for part in parts
    )
