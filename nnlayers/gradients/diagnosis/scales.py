"""Is a gradient a multiple of the true one, and what is the factor made of."""

import math
from fractions import Fraction

import numpy as np

from nnlayers.gradients.diagnosis.evidence import apart, close, matches
from nnlayers.gradients.entries import Rows
from nnlayers.gradients.locating import sample


def scale(evidence, k):
    """Is the claimed gradient a multiple of the true one."""
    name = evidence.names[k]
    c = ratio(evidence, k)
    if c is None or abs(c - 1.0) < 1e-6:
        return
    if abs(c + 1.0) < 1e-6:
        yield matches(
            "sign_flip",
            name,
            f"{name} is minus the true gradient{apart(evidence, k, -evidence.claimed(k))}",
            f"change the sign of {name}",
        )
        return
    N = batch_size(evidence)
    batch, said = None, False
    if N > 1 and _first_axis(evidence) == N:
        for count in (N - 1, N - 2):
            other = evidence.at_batch(count) if count >= 1 else None
            if other is not None:
                c_other = ratio(other, k)
                if c_other is not None:
                    said = True
                    batch = abs(c_other - c) > 1e-4 * abs(c)
                    if batch and not _counted(c, c_other, N, count):
                        yield _factor_of_data(name, c, c_other)
                    break
    constant = _constant(evidence, k, c)
    for count in {N, _first_axis(evidence)} - {0, 1}:
        if not batch and (not said or count != N) and _power(abs(c), count):
            N, batch, said = count, True, False
    if batch:
        power = _power(c, N)
        amount = f"{c:.6g}" + (f" = {power} with N = {N}" if power else "")
        yield matches(
            "batch_scale",
            name,
            f"{name} is {amount} times the true gradient, and that factor changes with the batch "
            "size",
            "multiply by N" if abs(c) < 1 else "divide by N: the loss is a mean over the batch",
        )
        if not said:
            yield constant
    else:
        yield constant
        if ".shape" in constant.message:
            yield constant._replace(
                cause="batch_scale", message=f"{constant.message}: is that axis the batch?"
            )


def _counted(c, c_other, N, count):
    """Whether a factor changes as a number of examples does."""
    ratios = [(count / N) ** power for power in (-2, -1, 1, 2)]
    if any(abs(c_other / c - value) < 1e-6 for value in ratios):
        return True
    number = Fraction(c).limit_denominator(100)
    return abs(float(number) - c) < 1e-8 * abs(c)


def _factor_of_data(name, c, c_other):
    return matches(
        "chain_factor",
        name,
        f"{name} is {c:.6g} times the true gradient, but {c_other:.6g} times for other data: a "
        "factor that depends on the data is missing, or too much",
        "look for the derivative of what is done last in forward: a root, a power, an exponential",
    )


def ratio(evidence, k):
    """Return c if the claimed gradient is c times the true one, else None."""
    claimed = evidence.claimed(k)
    if claimed.shape[1:] != evidence.shape(k):
        return None
    found = claimed.reshape(len(claimed), -1)[:, evidence.rows[k].indices]
    true = evidence.true[k]
    square = float((true * true).sum())
    if square == 0.0 or not np.isfinite(found).all():
        return None
    c = float((found * true).sum()) / square
    return c if c and close(found, c * true) else None


def _first_axis(evidence):
    arrays = [evidence.point.subject.arguments[n] for n in evidence.point.subject.inputs]
    return next((len(a) for a in arrays if isinstance(a, np.ndarray) and a.ndim), 0)


def batch_size(evidence):
    """Return N: the size of the axis along which examples do not influence each other.

    Usually the first; the last where examples are columns.
    """
    first = _first_axis(evidence)
    out, x = evidence.outs[0], evidence.array(0)
    if not out.ndim or not x.ndim or out.shape[0] == x.shape[0]:
        return first
    if out.shape[-1] != x.shape[-1]:
        return first
    rows = Rows(evidence.point, 0, sample(evidence.point, 0))
    own = np.unravel_index(rows.indices, x.shape)[-1]
    reached = np.indices(out.shape)[-1].ravel()
    moved = np.abs(rows.value[:, : out.size]) > 0
    alone = (own[:, None] == reached[None, :]) | ~moved
    return x.shape[-1] if alone.all() else first


def _power(c, N):
    for text, value in (("N", N), ("1/N", 1 / N), ("N²", N * N), ("1/N²", 1 / N**2)):
        if abs(c - value) < 1e-6 * abs(c):
            return text
    return ""


def _constant(evidence, k, c):
    name = evidence.names[k]
    known = named_number(evidence, c)
    return matches(
        "constant_scale",
        name,
        f"{name} is {c:.6g} times the true gradient"
        + (f" ({known})" if known else "")
        + apart(evidence, k, evidence.claimed(k) / c),
        f"{'divide' if abs(c) > 1 else 'multiply'} {name} by {max(abs(c), 1 / abs(c)):.6g}"
        + (" and change its sign" if c < 0 else ""),
    )


def named_number(evidence, c):
    """Return how a number may have come about, from sizes and scalar settings; '' if unknown."""
    sizes = {}
    for name, value in evidence.point.subject.arguments.items():
        if isinstance(value, np.ndarray):
            for axis, size in enumerate(value.shape):
                sizes.setdefault(size, f"{name}.shape[{axis}]")
            sizes.setdefault(value.size, f"{name}.size")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            sizes.setdefault(value, name)
            if 0 < value < 1:
                sizes.setdefault(1 - value, f"1 - {name}")
    for out in evidence.outs:
        sizes.setdefault(out.size, "out.size")
    for value, text in sizes.items():
        if value in (0, 1):
            continue
        forms = {f"{text} = {value:g}": value, f"1 / {text}": 1 / value}
        if value > 0:
            forms |= {f"sqrt({text})": math.sqrt(value), f"1 / sqrt({text})": value**-0.5}
        for form, number in forms.items():
            if abs(abs(c) - number) < 1e-6 * abs(c):
                return form
    return ""
