"""Causes that show in the numbers alone: how the claimed gradient is related to the true one."""

import itertools
import math

import numpy as np

from nnlayers.gradients.diagnosis.evidence import apart, close, matches


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
            + apart(evidence, k, claimed.swapaxes(1, 2)),
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
                + apart(evidence, k, claimed.swapaxes(a, b)),
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
    # the numbers alone cannot tell which of them it is
    order = (lost, missing) if overwritten else (missing, lost)
    yield from (diagnosis._replace(confidence="suspected") for diagnosis in order)
