"""The rules that every pair keeps, as functions of a case; a rule raises AssertionError."""

import copy
import functools
import pickle

import numpy as np

from nnlayers import numerical_gradient

N = 6  # a batch size that no other size in the cases equals


def arguments_of(case, seed=0, batch=N, dtype=np.float64):
    """Return forward's arguments with the floating ones in this dtype."""
    made = case.make(np.random.default_rng(seed), batch)
    return tuple(_cast(argument, dtype) for argument in made)


def _cast(argument, dtype):
    floating = isinstance(argument, np.ndarray) and argument.dtype.kind == "f"
    return argument.astype(dtype) if floating else argument


def outs(out):
    """Return out as a tuple, whether it is one or not."""
    return out if isinstance(out, tuple) else (out,)


def gradient_rule(case, backward=None, seed=0):
    """Every gradient agrees with differences, for a random dout.

    Within 1e-9 of its largest entry, and every entry within 20 x its own error estimate.
    """
    arguments = arguments_of(case, seed)
    out, cache = case.forward(*arguments, **case.settings)
    gradients = (backward or case.backward)(_dout(case, out, seed), cache)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    expected = differences(case, seed)
    assert len(gradients) == len(expected)
    for gradient, (name, numeric, error) in zip(gradients, expected):
        largest = np.abs(numeric).max(initial=0.0)
        difference = np.abs(gradient - numeric)
        assert gradient.shape == numeric.shape, f"d{name} has shape {gradient.shape}"
        assert (difference <= 1e-9 * largest).all(), f"d{name} is off by {difference.max()}"
        assert (difference <= 20 * error + 1e-12 * largest).all(), f"d{name} is beyond its error"


@functools.cache  # many backwards are compared with the same differences
def differences(case, seed):
    """Return ``(name, numerical gradient, its error)`` of each differentiable argument."""
    arguments = arguments_of(case, seed)
    dout = _dout(case, case.forward(*arguments, **case.settings)[0], seed)
    found = []
    for i in case.differentiable(arguments):
        working = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]

        def loss(_, working=working):
            new = case.forward(*working, **case.settings)[0]
            return sum(np.sum(a * b) for a, b in zip(outs(new), outs(dout)))

        numeric, error = numerical_gradient(loss, working[i], return_error=True)
        freeze([numeric, error])
        found.append((case.names[i], numeric, error))
    return found


def _dout(case, out, seed):
    return case.draw(out, np.random.default_rng(seed + 1))


def identical(a, b):
    """Assert that two results are equal to the last bit, NaN and all."""
    for left, right in zip(outs(a), outs(b), strict=True):
        left, right = np.asarray(left), np.asarray(right)
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)


def close(a, b, tolerance=1e-12):
    """Assert that two results agree relative to their largest entry."""
    for left, right in zip(outs(a), outs(b), strict=True):
        assert np.shape(left) == np.shape(right)
        scale = max(np.abs(right).max(initial=0.0), 1e-300)
        assert np.abs(left - right).max(initial=0.0) <= tolerance * scale


def freeze(value):
    """Make every array in a value read-only; return the arrays."""
    arrays = []
    if isinstance(value, np.ndarray):
        arrays.append(value)
        value.flags.writeable = False
    elif isinstance(value, tuple | list):
        arrays += [array for item in value for array in freeze(item)]
    elif isinstance(value, dict):
        arrays += freeze(list(value.values()))
    return arrays


def copies(layer):
    """Return a deep copy and a pickled copy."""
    return copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))
