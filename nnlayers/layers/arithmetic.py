"""Arithmetic of two arrays, entry by entry: add, subtract, multiply, divide and where.

The operands broadcast as in NumPy.  By the chain rule each gradient is dout times the derivative by
that operand, summed back to its shape over the axes along which it was broadcast.
"""

import numpy as np

from nnlayers.layers.broadcasting import broadcast_shape, cached_shape, sum_to
from nnlayers.layers.checks import complaint, floats, unpack, upstream
from nnlayers.layers.layer import PairLayer


def add_forward(a, b):
    """Sum of two arrays.

    out = a + b

    Parameters
    ----------
    a, b : ndarray
        Arrays whose shapes broadcast.

    Returns
    -------
    out : ndarray
        Of the shape to which they broadcast.
    cache : tuple
        What :func:`add_backward` needs.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    NumPy, ``np.add``.

    Examples
    --------
    >>> out, cache = add_forward(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([10.0, 20.0]))
    >>> out
    array([[11., 22.],
           [13., 24.]])
    >>> add_backward(np.ones((2, 2)), cache)[1]
    array([2., 2.])
    """
    a, b = _operands("add_forward", a, b)
    return a + b, (a, b)


def add_backward(dout, cache):
    """Gradients of the sum: da = dout and db = dout, summed to their shapes.

    ∂(a + b)/∂a = ∂(a + b)/∂b = 1.

    Returns
    -------
    da, db : ndarray
        Gradients, of the shapes of a and b.
    """
    a, b, dout = _unpacked("add_backward", dout, cache)
    return _own(sum_to(dout, a.shape), dout), _own(sum_to(dout, b.shape), dout)


def subtract_forward(a, b):
    """Difference of two arrays.

    out = a - b

    Parameters
    ----------
    a, b : ndarray
        Arrays whose shapes broadcast.

    Returns
    -------
    out : ndarray
        Of the shape to which they broadcast.
    cache : tuple
        What :func:`subtract_backward` needs.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    NumPy, ``np.subtract``.

    Examples
    --------
    >>> out, cache = subtract_forward(np.array([5.0, 7.0]), np.array([1.0, 2.0]))
    >>> out
    array([4., 5.])
    """
    a, b = _operands("subtract_forward", a, b)
    return a - b, (a, b)


def subtract_backward(dout, cache):
    """Gradients of the difference: da = dout and db = -dout, summed to their shapes.

    ∂(a - b)/∂a = 1 and ∂(a - b)/∂b = -1.

    Returns
    -------
    da, db : ndarray
        Gradients, of the shapes of a and b.
    """
    a, b, dout = _unpacked("subtract_backward", dout, cache)
    return _own(sum_to(dout, a.shape), dout), sum_to(-dout, b.shape)


def multiply_forward(a, b):
    """Product of two arrays, entry by entry; :func:`matmul_forward` is that of matrices.

    out = a · b

    Parameters
    ----------
    a, b : ndarray
        Arrays whose shapes broadcast.

    Returns
    -------
    out : ndarray
        Of the shape to which they broadcast.
    cache : tuple
        What :func:`multiply_backward` needs.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    NumPy, ``np.multiply``.

    Examples
    --------
    >>> out, cache = multiply_forward(np.array([5.0, 7.0]), np.array([2.0, 3.0]))
    >>> out
    array([10., 21.])
    >>> multiply_backward(np.ones(2), cache)
    (array([2., 3.]), array([5., 7.]))
    """
    a, b = _operands("multiply_forward", a, b)
    return a * b, (a, b)


def multiply_backward(dout, cache):
    """Gradients of the product: da = dout · b and db = dout · a, summed to their shapes.

    ∂(a b)/∂a = b and ∂(a b)/∂b = a.

    Returns
    -------
    da, db : ndarray
        Gradients, of the shapes of a and b.
    """
    a, b, dout = _unpacked("multiply_backward", dout, cache)
    return sum_to(dout * b, a.shape), sum_to(dout * a, b.shape)


def divide_forward(a, b):
    """Quotient of two arrays, entry by entry.

    out = a / b

    Parameters
    ----------
    a, b : ndarray
        Arrays whose shapes broadcast; b has no 0.

    Returns
    -------
    out : ndarray
        Of the shape to which they broadcast.
    cache : tuple
        What :func:`divide_backward` needs.

    Raises
    ------
    ValueError
        If the shapes do not broadcast, or an entry of b is 0.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    NumPy, ``np.divide``.

    Examples
    --------
    >>> out, cache = divide_forward(np.array([6.0, 7.0]), np.array([2.0, 4.0]))
    >>> out
    array([3.  , 1.75])
    >>> divide_backward(np.ones(2), cache)
    (array([0.5 , 0.25]), array([-1.5   , -0.4375]))
    """
    a, b = _operands("divide_forward", a, b)
    zeros = b.size - np.count_nonzero(b)
    if zeros:
        raise complaint(
            ValueError,
            "divide_forward",
            f"{zeros} of {b.size} entries of b are 0",
            "add a small number to b where it is not negative",
            a=a,
            b=b,
        )
    return a / b, (a, b)


def divide_backward(dout, cache):
    """Gradients of the quotient: da = dout / b and db = -dout · a / b², summed to their shapes.

    ∂(a/b)/∂a = 1/b, and ∂(a b⁻¹)/∂b = -a b⁻².

    Returns
    -------
    da, db : ndarray
        Gradients, of the shapes of a and b.
    """
    a, b, dout = _unpacked("divide_backward", dout, cache)
    share = dout / b
    return sum_to(share, a.shape), sum_to(-share * (a / b), b.shape)


def where_forward(condition, a, b):
    """Entries of a where a condition holds, of b elsewhere.

    out = a where condition else b

    Parameters
    ----------
    condition : ndarray of bool
        Which to take; it gets no gradient.
    a, b : ndarray
        Arrays whose shapes broadcast with each other and with the condition.

    Returns
    -------
    out : ndarray
        Of the shape to which the three broadcast.
    cache : tuple
        What :func:`where_backward` needs.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.
    TypeError
        If condition is not boolean, a or b is not floating-point, or their dtypes differ.

    Source
    ------
    NumPy, ``np.where``.

    Examples
    --------
    >>> out, cache = where_forward(np.array([True, False]), np.array([1.0, 2.0]), np.zeros(2))
    >>> out
    array([1., 0.])
    """
    op = "where_forward"
    a, b = floats(op, a=a, b=b)
    condition = np.asarray(condition)
    if condition.dtype.kind != "b":
        raise complaint(
            TypeError,
            op,
            f"condition must be boolean, not {condition.dtype}",
            "compare, as in x > 0",
            condition=condition,
            a=a,
            b=b,
        )
    broadcast_shape(op, condition=condition, a=a, b=b)
    return np.where(condition, a, b), (condition, a, b)


def where_backward(dout, cache):
    """Gradients of where: da = dout where the condition holds, else 0; db the other way round.

    out does not change with what was not taken, and is what was taken; both are summed to their
    shapes.

    Returns
    -------
    da, db : ndarray
        Gradients, of the shapes of a and b.
    """
    op, names = "where_backward", ("condition", "a", "b")
    condition, a, b = unpack(op, cache, names)
    shape = cached_shape(op, cache, names, condition, a, b)
    dout = upstream(op, dout, shape, a.dtype)
    da, db = np.where(condition, dout, 0.0), np.where(condition, 0.0, dout)
    return sum_to(da, a.shape), sum_to(db, b.shape)


class _Operation(PairLayer):
    """An operation on two arrays, as a layer of two inputs."""

    inputs = ("a", "b")


class Add(_Operation):
    """Layer of :func:`add_forward`: ``forward(a, b)``.

    Examples
    --------
    >>> Add().forward(np.ones((1, 2)), np.array([1.0, 2.0]))[0]
    array([[2., 3.]])
    """

    pair = add_forward, add_backward


class Subtract(_Operation):
    """Layer of :func:`subtract_forward`: ``forward(a, b)``.

    Examples
    --------
    >>> Subtract().forward(np.ones((1, 2)), np.array([1.0, 2.0]))[0]
    array([[ 0., -1.]])
    """

    pair = subtract_forward, subtract_backward


class Multiply(_Operation):
    """Layer of :func:`multiply_forward`: ``forward(a, b)``.

    Examples
    --------
    >>> Multiply().forward(np.full((1, 2), 3.0), np.array([1.0, 2.0]))[0]
    array([[3., 6.]])
    """

    pair = multiply_forward, multiply_backward


class Divide(_Operation):
    """Layer of :func:`divide_forward`: ``forward(a, b)``.

    Examples
    --------
    >>> Divide().forward(np.full((1, 2), 3.0), np.array([1.0, 2.0]))[0]
    array([[3. , 1.5]])
    """

    pair = divide_forward, divide_backward


class Where(PairLayer):
    """Layer of :func:`where_forward`: ``forward(condition, a, b)``.

    Examples
    --------
    >>> Where().forward(np.array([[True, False]]), np.ones((1, 2)), np.zeros((1, 2)))[0]
    array([[1., 0.]])
    """

    pair = where_forward, where_backward
    inputs = ("condition", "a", "b")


def _operands(op, a, b):
    """Return a and b as floating-point arrays that broadcast."""
    a, b = floats(op, a=a, b=b)
    if a.shape != b.shape:
        broadcast_shape(op, a=a, b=b)
    return a, b


def _unpacked(op, dout, cache):
    """Return a, b and dout, all checked."""
    a, b = unpack(op, cache, ("a", "b"))
    shape = cached_shape(op, cache, ("a", "b"), a, b)
    return a, b, upstream(op, dout, shape, a.dtype)


def _own(gradient, dout):
    """Return a gradient that shares no memory with dout, and so with no other gradient."""
    return dout.copy() if gradient is dout else gradient
