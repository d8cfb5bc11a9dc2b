"""Causes that show in the numbers alone: how the claimed gradient is related to the true one."""

import itertools
import math
from fractions import Fraction

import numpy as np

from nnlayers.gradients.diagnosis.evidence import close
from nnlayers.gradients.entries import Rows
from nnlayers.gradients.locating import sample
from nnlayers.gradients.probes import leaves_of
from nnlayers.gradients.report import Diagnosis

# relative differences below this may come from rounding on the way
ROUNDED = 0.02
KEEP = "keep float64 buffers: np.zeros_like(x) instead of a dtype, no astype, / instead of //"


def matches(cause, name, message, fix):
    """Return a diagnosis that rests on equal numbers."""
    return Diagnosis(cause, name, message, fix, "matches", (name,))


def _apart(evidence, k, values):
    """Say how far values are from the true gradient: evidence that they are the same."""
    found = values.reshape(len(values), -1)[:, evidence.rows[k].indices]
    return f", largest difference {np.abs(found - evidence.true[k]).max(initial=0.0):.0e}"


def dependence_on_dout(evidence, k):
    """Is backward linear in dout, as Jᵀ dout is, or does it not look at dout at all."""
    name, claimed = evidence.names[k], evidence.claimed(k)
    if claimed.shape[1:] != evidence.shape(k):
        return
    size = np.abs(claimed).max(initial=0.0)
    if size <= 1e-9 * np.abs(evidence.true[k]).max(initial=0.0):
        return
    if close(claimed[0], claimed[1]) and close(claimed[0], claimed[2]):
        yield matches(
            "dout_ignored",
            name,
            f"{name} is the same for different dout: backward does not use its upstream gradient",
            "multiply the local derivative by dout (chain rule)",
        )
        return
    try:
        nothing = [np.zeros_like(d) for d in evidence.douts[0]]
        offset = evidence.point.gradients(nothing)[k]
        together = [a + b for a, b in zip(evidence.douts[0], evidence.douts[1])]
        joint = evidence.point.gradients(together)[k]
    except Exception:
        return
    expected = claimed[0] + claimed[1]
    if joint.shape != expected.shape or close(joint, expected, 1e-5):
        return
    extra = matches(
        "wrong_formula",
        name,
        f"{name} has a term that does not depend on dout: for dout = 0 it is not 0",
        "leave that term out: what is no part of forward has no part in backward",
    )
    if np.isfinite(offset).all() and evidence.is_true(k, claimed - offset):
        yield extra
    off = np.abs(joint - expected).max() / np.abs(expected).max()
    if off < ROUNDED and evidence.is_true(k, claimed, limit=ROUNDED):
        yield matches(
            "precision_loss",
            name,
            f"{name} differs from the true gradient by less than {100 * ROUNDED:.0f} %, and is not "
            "quite linear in dout, as if something had been rounded on the way",
            KEEP,
        )
    if off > 1e-3:
        yield matches(
            "dout_nonlinear",
            name,
            f"{name} is not linear in dout: for the sum of two dout it differs by "
            f"{100 * off:.2g} % from the sum of both results",
            "dout must enter every term once, as a factor: look where it stands for another "
            "tensor, or where a term lacks it",
        )


def precision(evidence, k):
    """Is the claimed gradient the true one, rounded."""
    name, claimed = evidence.names[k], evidence.claimed(k)
    if claimed.shape[1:] != evidence.shape(k) or not claimed.size:
        return
    found = claimed.reshape(len(claimed), -1)[:, evidence.rows[k].indices]
    true = evidence.true[k]
    scale = np.abs(true).max(initial=0.0)
    with np.errstate(all="ignore"):
        off = np.abs(found - true)
        decimals = _decimals(found, off)
        if decimals is not None:
            kind = f"{decimals} decimals" if decimals else "integers"
            limit = 10.0**-decimals
        elif (found == found.astype(np.float16)).all() and off.max() <= 4e-3 * scale:
            kind, limit = "numbers of 3 digits (float16)", 4e-3
        elif (found == found.astype(np.float32)).all() and off.max() <= 1e-5 * scale:
            kind, limit = "numbers of 7 digits (float32)", 1e-5
        elif 0 < off.max() <= 2e-3 * scale and (
            _looks_rounded(found, true) or _has_half_precision(evidence)
        ):
            kind, limit = "numbers of fewer digits", 0.0
        elif _is_whole(found, off):
            kind, limit = "integers, on the way too", 1.0
        else:
            return
    yield matches(
        "precision_loss",
        name,
        f"{name} is the true gradient rounded to {kind}: the largest difference is {off.max():.1e}"
        if limit
        else f"{name} differs from the true gradient by {off.max() / scale:.0e} of its size, "
        "without any pattern, as if it had been rounded on the way",
        KEEP,
    )


def _decimals(found, off):
    """Return the number of decimals to which values are rounded or cut off, or None."""
    for decimals in range(5):
        unit = 10.0**-decimals
        if (
            found.any()
            and np.abs(found).max() > 0.1 * unit
            and np.abs(found - np.round(found, decimals)).max() < 1e-9 * unit
        ):
            return decimals if 1e-6 * unit < off.max() < unit * (1 + 1e-6) else None
    return None


def _is_whole(found, off):
    """Whether values are sums of integers where the true ones are not."""
    return (
        (found == np.round(found)).all()
        and np.abs(found).max() > 1
        and 1e-6 < off.max() < 3.0
        and not np.array_equal(found[0], found[1])
    )


def _has_half_precision(evidence):
    """Whether something in the cache has fewer digits than all arguments."""
    leaves = [leaf for _, leaf in leaves_of(evidence.point.cache) if leaf.dtype.kind == "f"]
    return any(leaf.dtype.itemsize < 4 for leaf in leaves)


def _looks_rounded(found, true):
    """Whether differences have random signs and no trend, as rounding has."""
    with np.errstate(all="ignore"):
        relative = ((found - true) / true)[np.abs(true) > 1e-3 * np.abs(true).max()]
    relative = relative[np.isfinite(relative)]
    if len(relative) < 8 or np.abs(relative).max() > 2e-3:
        return False
    positive = (relative > 0).mean()
    return 0.2 < positive < 0.8 and np.abs(relative.mean()) < 0.5 * relative.std()


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
            f"{name} is minus the true gradient{_apart(evidence, k, -evidence.claimed(k))}",
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
        + _apart(evidence, k, evidence.claimed(k) / c),
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


def swapped(evidence):
    """Are the gradients right but in another order."""
    if len(evidence.names) < 2:
        return
    wrong = evidence.wrong
    for i, j in itertools.combinations(wrong, 2):
        a, b = evidence.claimed(i), evidence.claimed(j)
        if evidence.is_true(i, b) and evidence.is_true(j, a):
            names = evidence.names[i], evidence.names[j]
            yield matches(
                "swapped_outputs",
                names[0],
                f"{names[0]} and {names[1]} stand in each other's place",
                f"return ({', '.join(evidence.names)}), in forward's order",
            )
            return
    if 2 < len(wrong) <= 6:
        for order in itertools.permutations(wrong):
            if all(evidence.is_true(k, evidence.claimed(j)) for k, j in zip(wrong, order)):
                given = [evidence.names[k] for k in order]
                yield matches(
                    "swapped_outputs",
                    evidence.names[wrong[0]],
                    "all gradients are right but stand in another order: where "
                    f"{', '.join(evidence.names[k] for k in wrong)} belong, there are "
                    f"{', '.join(given)}",
                    f"return ({', '.join(evidence.names)}), in forward's order",
                )
                return
    # one gradient may be another one's, while that one is lost
    for i in wrong:
        for j in range(len(evidence.names)):
            if i != j and j not in wrong and evidence.is_true(i, evidence.claimed(j)):
                yield matches(
                    "swapped_outputs",
                    evidence.names[i],
                    f"{evidence.names[i]} equals {evidence.names[j]}",
                    f"return {evidence.names[i]} itself in its place",
                )


def shape_of_result(evidence, k):
    """Is a gradient of the wrong shape the true one, summed too little or laid out differently."""
    name, claimed, shape = evidence.names[k], evidence.claimed(k), evidence.shape(k)
    if claimed.shape[1:] == shape:
        return
    axes = range(1, claimed.ndim)
    if claimed.ndim == 3 and evidence.is_true(k, claimed.swapaxes(1, 2)):
        yield matches(
            "transposed",
            name,
            f"{name} is the transpose of the true gradient"
            + _apart(evidence, k, claimed.swapaxes(1, 2)),
            f"return {name}.T, or swap the factors of the product and transpose both",
        )
    for count in range(1, claimed.ndim):
        for over in itertools.combinations(axes, count):
            summed = claimed.sum(axis=over)
            if summed.size == math.prod((len(claimed), *shape)) and any(
                claimed.shape[axis] > 1 for axis in over
            ):
                summed = summed.reshape(len(claimed), *shape)
                if evidence.is_true(k, summed):
                    numbers = ", ".join(str(axis - 1) for axis in over)
                    yield matches(
                        "missing_reduction",
                        name,
                        f"{name} has shape {claimed.shape[1:]}; summed over axis {numbers} it is "
                        "the true gradient",
                        f"{name}.sum(axis={numbers if count == 1 else f'({numbers})'}): an argument"
                        " that is used several times gets the sum of all its gradients",
                    )
                    return
    if claimed[0].size == math.prod(shape):
        for order in ("C", "F"):
            laid = np.array([c.ravel(order).reshape(shape) for c in claimed])
            if evidence.is_true(k, laid):
                return  # right values: what is wrong is the shape, which is said already
    else:
        true = evidence.full(k)
        if true is None:
            return
        for count in range(1, true.ndim):
            for over in itertools.combinations(range(1, true.ndim), count):
                less = true.sum(axis=over)
                if less.size == claimed.size and close(less.reshape(claimed.shape), claimed):
                    yield matches(
                        "wrong_axis",
                        name,
                        f"{name} has shape {claimed.shape[1:]}: it is summed over axis "
                        f"{', '.join(str(a - 1) for a in over)} of the gradient, which must stay",
                        "sum over the axes along which the argument was broadcast, and no others",
                    )
                    return


def layout(evidence, k):
    """Are the right numbers in the wrong places."""
    name, claimed, shape = evidence.names[k], evidence.claimed(k), evidence.shape(k)
    if claimed.shape[1:] != shape or claimed[0].size < 2:
        return
    axes = range(1, claimed.ndim)
    for a, b in itertools.combinations(axes, 2):
        if evidence.is_true(k, claimed.swapaxes(a, b)):
            last = (a, b) == (claimed.ndim - 2, claimed.ndim - 1) and claimed.ndim < 5
            yield matches(
                "transposed" if last else "rearranged",
                name,
                f"{name} is the true gradient with axes {a - 1} and {b - 1} swapped"
                if claimed.ndim > 3
                else f"{name} equals the transpose of the true gradient"
                + _apart(evidence, k, claimed.swapaxes(a, b)),
                f"swap the axes of {name} back, or transpose the factors of its product",
            )
            return
    for count in range(1, len(axes) + 1):
        for which in itertools.combinations(axes, count):
            if evidence.is_true(k, np.flip(claimed, which)):
                yield matches(
                    "rearranged",
                    name,
                    f"{name} is the true gradient, reversed along axis "
                    f"{', '.join(str(a - 1) for a in which)}",
                    "leave out (or add) the reversal [::-1]",
                )
                return
    for order in itertools.permutations(axes):
        moved = claimed.transpose(0, *order)
        if order != tuple(axes):
            for candidate in (moved.reshape(claimed.shape), _unraveled(claimed, order)):
                if evidence.is_true(k, candidate):
                    yield matches(
                        "rearranged",
                        name,
                        f"{name} holds the true numbers in another order of its axes, as a reshape "
                        "where a transpose belongs",
                        "reshape only what lies in the order of the new axes; transpose first",
                    )
                    return
    for axis in axes:
        for blocks in (2, 3, 4):
            if claimed.shape[axis] % blocks == 0 and claimed.shape[axis] > blocks:
                parts = np.split(claimed, blocks, axis)
                for order in itertools.permutations(range(blocks)):
                    if order != tuple(range(blocks)) and evidence.is_true(
                        k, np.concatenate([parts[i] for i in order], axis)
                    ):
                        yield matches(
                            "rearranged",
                            name,
                            f"the {blocks} blocks of {name} along axis {axis - 1} stand in another "
                            f"order, {order}",
                            "keep the order of the blocks (gates) that forward has",
                        )
                        return


def other_places(evidence, k):
    """Are the right numbers in other places, in no order that has a name."""
    name, claimed, shape = evidence.names[k], evidence.claimed(k), evidence.shape(k)
    if claimed.shape[1:] != shape or claimed[0].size < 2:
        return
    axes = range(1, claimed.ndim)
    for axis in axes:
        for shift in range(1, claimed.shape[axis]):
            if evidence.is_true(k, np.roll(claimed, shift, axis)):
                yield matches(
                    "rearranged",
                    name,
                    f"{name} is the true gradient, rolled by {-shift} along axis {axis - 1}",
                    f"roll {name} back",
                )
                return
    true = evidence.full(k)
    if true is not None and _same_numbers(claimed, true):
        sparse = (true == 0).any()
        for cause in ("wrong_index", "rearranged") if sparse else ("rearranged", "wrong_index"):
            yield matches(
                cause,
                name,
                f"{name} holds exactly the true numbers, but in other places",
                "look at the indices, and at the order of reshape and transpose",
            )


def _unraveled(claimed, order):
    """Undo a reshape that took axes in another order."""
    shape = claimed.shape
    moved_shape = tuple(shape[axis] for axis in order)
    back = np.argsort([axis - 1 for axis in order])
    return claimed.reshape(len(claimed), *moved_shape).transpose(0, *(1 + back))


def _same_numbers(a, b):
    """Whether the columns of a, one number for each dout, are a permutation of those of b."""
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    weights = np.array([1.0, math.pi, math.e])[: len(a), None]
    left, right = np.sort((weights * a).sum(axis=0)), np.sort((weights * b).sum(axis=0))
    distinct = np.ptp(right) > 0
    return distinct and close(left, right)


def contributions(evidence, k):
    """Does the claimed gradient lack the sum over the outputs, or keep only one of its terms."""
    name, claimed, shape = evidence.names[k], evidence.claimed(k), evidence.shape(k)
    if claimed.shape[1:] != shape or len(evidence.outs) > 3:
        return
    rows = evidence.rows[k]
    for which, out in enumerate(evidence.outs):
        for axis in range(out.ndim):
            if out.shape[axis] < 2 or out.shape[axis] > 64:
                continue
            index = np.indices(out.shape)[axis].ravel()
            offset = sum(o.size for o in evidence.outs[:which])
            for i in range(out.shape[axis]):
                keep = np.zeros(evidence.weights.shape[1])
                keep[offset : offset + out.size] = index == i
                part = rows.pulled(evidence.weights * keep)[0]
                if np.abs(part).any() and evidence.is_true(k, claimed, part):
                    yield from _one_term(evidence, k, axis, i, out)
                    return
    for which, out in enumerate(evidence.outs):
        equal = [
            (a, b)
            for a, b in itertools.combinations(range(out.ndim), 2)
            if out.shape[a] == out.shape[b]
        ]
        for a, b in equal:
            swapped_weights = np.array(
                [
                    np.concatenate(
                        [
                            np.ravel(d.swapaxes(a, b) if o == which else d)
                            for o, d in enumerate(dout)
                        ]
                    )
                    for dout in evidence.douts
                ]
            )
            if evidence.is_true(k, claimed, rows.pulled(swapped_weights)[0]):
                yield matches(
                    "wrong_axis",
                    name,
                    f"{name} is what a dout with axes {a} and {b} swapped would give: a sum or a "
                    "product runs along the wrong axis",
                    f"exchange axis {a} and axis {b} in the reduction",
                )
                return


def _one_term(evidence, k, axis, i, out):
    """Name the reason why only one term of a sum over the outputs is left."""
    name, last = evidence.names[k], out.shape[axis] - 1
    time = axis == 1 and out.ndim > 2
    overwritten = i == (0 if time else last)
    what = f"only the term of index {i} along axis {axis} of dout, not the sum over all of them"
    lost = matches(
        "overwrite_not_accumulate",
        name,
        f"{name} holds {what}, as if every step of a loop overwrote the last",
        f"add up: {name} += ..., starting from zeros",
    )
    missing = matches(
        "missing_reduction",
        name,
        f"{name} holds {what}",
        f"sum over axis {axis}",
    )
    yield from (lost, missing) if overwritten else (missing, lost)
