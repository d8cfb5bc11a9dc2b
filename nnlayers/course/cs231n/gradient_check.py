"""Numerical gradients of cs231n's ``gradient_check.py``: :func:`nnlayers.numerical_gradient`.

All perturb the array that is passed **in place** and restore it, so that a function may ignore its
argument, as ``lambda _: model.loss(X, y)[0]`` does.
"""

import numpy as np

from nnlayers.course.translation import called
from nnlayers.gradients import numerical_gradient, rel_error
from nnlayers.layers.checks import complaint

__all__ = [
    "eval_numerical_gradient",
    "eval_numerical_gradient_array",
    "eval_numerical_gradient_blobs",
    "eval_numerical_gradient_net",
    "grad_check_sparse",
]


def eval_numerical_gradient(f, x, verbose=True, h=0.00001):
    """Gradient of a number f(x), from central differences.

    Parameters
    ----------
    f : callable
        Takes x, returns a number.
    x : ndarray of floats
        Where to differentiate; float64, or the step is lost in rounding.
    verbose : bool
        Whether to print each entry's index and derivative.
    h : float
        Step.

    Returns
    -------
    ndarray, shape of x
        Gradient.

    Raises
    ------
    TypeError
        If x is not of float64, in which a step of 1e-5 is precise.

    Examples
    --------
    >>> x = np.array([1.0, 2.0])
    >>> eval_numerical_gradient(lambda _: (x**3).sum(), x, verbose=False).round(6)
    array([ 3., 12.])
    """
    _check("eval_numerical_gradient", x)
    with called("eval_numerical_gradient", "numerical_gradient"):
        gradient = numerical_gradient(f, x, h=h)
    if verbose:
        for index, derivative in np.ndenumerate(gradient):
            print(index, derivative)
    return gradient


def eval_numerical_gradient_array(f, x, df, h=1e-5):
    """Gradient of Σ df · f(x) for an array f(x), from central differences.

    Parameters
    ----------
    f : callable
        Takes x, returns an array.
    x : ndarray of floats
        Where to differentiate; float64, or the step is lost in rounding.
    df : ndarray, shape of f(x)
        Upstream gradient.
    h : float
        Step.

    Returns
    -------
    ndarray, shape of x
        Gradient.

    Raises
    ------
    TypeError
        If x is not of float64.
    ValueError
        If df has another shape than f(x).

    Examples
    --------
    >>> x = np.array([1.0, 2.0])
    >>> eval_numerical_gradient_array(lambda x: x**2, x, np.array([1.0, 10.0])).round(6)
    array([ 2., 40.])
    """
    _check("eval_numerical_gradient_array", x)
    with called("eval_numerical_gradient_array", "numerical_gradient"):
        return numerical_gradient(f, x, df, h)


def eval_numerical_gradient_blobs(f, inputs, output, h=1e-5):
    """Gradients for a function that reads blobs and writes its result into another one.

    Parameters
    ----------
    f : callable
        Called as ``f(*inputs, output)``; it writes ``output.vals``.
    inputs : tuple
        Blobs: objects with arrays ``vals`` and ``diffs``.
    output : object
        A blob, whose ``diffs`` are the upstream gradient.
    h : float
        Step.

    Returns
    -------
    list of ndarray
        The gradient of each input's vals.
    """
    inputs = tuple(inputs)

    def result(_):
        f(*inputs, output)
        return output.vals

    gradients = []
    for blob in inputs:
        _check("eval_numerical_gradient_blobs", blob.vals)
        with called("eval_numerical_gradient_blobs", "numerical_gradient"):
            gradients.append(numerical_gradient(result, blob.vals, output.diffs, h))
    return gradients


def eval_numerical_gradient_net(net, inputs, output, h=1e-5):
    """Gradients for a net whose ``forward()`` reads the input blobs and writes the output one.

    Returns
    -------
    list of ndarray
        The gradient of each input's vals.
    """
    return eval_numerical_gradient_blobs(lambda *args: net.forward(), inputs, output, h=h)


def grad_check_sparse(f, x, analytic_grad, num_checks=10, h=1e-5):
    """Compare a gradient with central differences in a few random entries, and print each.

    Parameters
    ----------
    f : callable
        Takes x, returns a number.
    x : ndarray of floats
        Where to differentiate; float64.
    analytic_grad : ndarray, shape of x
        The gradient to be checked.
    num_checks : int
        Number of entries, drawn by Python's ``random``.
    h : float
        Step.

    Raises
    ------
    TypeError
        If x is not of float64.
    ValueError
        If analytic_grad has another shape than x.
    """
    from random import randrange

    op = "grad_check_sparse"
    _check(op, x)
    if np.shape(analytic_grad) != x.shape:
        problem = "analytic_grad must have the shape of x"
        raise complaint(ValueError, op, problem, x=x, analytic_grad=np.asarray(analytic_grad))
    for _ in range(num_checks):
        index = tuple(randrange(size) for size in x.shape)
        entry = x[tuple(slice(i, i + 1) for i in index)]  # a view: f sees its perturbation in x
        numerical = float(numerical_gradient(lambda _: f(x), entry, h=h).sum())
        analytic = float(analytic_grad[index])
        error = rel_error(numerical, analytic)
        print(f"numerical: {numerical:f} analytic: {analytic:f}, relative error: {error:e}")


def _check(op, x):
    """Raise unless x is an array of float64, in which a step of 1e-5 is precise."""
    if not isinstance(x, np.ndarray) or x.dtype != np.float64:
        kind = x.dtype if isinstance(x, np.ndarray) else type(x).__name__
        raise complaint(
            TypeError,
            op,
            f"x must be an array of float64, not {kind}: a step of 1e-5 would be lost in rounding",
            "models take dtype=np.float64, arrays .astype(np.float64)",
        )
