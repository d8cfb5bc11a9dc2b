"""Why a gradient is wrong: hypotheses, each tested on the user's own numbers or code."""

import time

from nnlayers.gradients.diagnosis import (
    freezing,
    onehot,
    paths,
    regions,
    relations,
    rewriting,
    rounding,
    scales,
    surgery,
)
from nnlayers.gradients.diagnosis.evidence import Evidence
from nnlayers.gradients.entries import Rows
from nnlayers.gradients.report import Diagnosis


def diagnose(point, wrong, rows, only_kinks):
    """Return diagnoses of the wrong gradients, best first.

    Parameters
    ----------
    point : Point
        Where the gradients were compared.
    wrong : list of int
        Positions of the wrong gradients.
    rows : dict of int to Rows
        What is known of the true ones.
    only_kinks : set of int
        Those that are wrong only at kinks.
    """
    names = point.subject.gradients
    found = [_at_kinks(names[k]) for k in wrong if k in only_kinks]
    rest = [k for k in wrong if k not in only_kinks]
    if not rest:
        return found
    if any(rows[k].kinks.any() for k in rest):
        nudged = point.nudged()
        if nudged is not None:
            point = nudged
            rows = {k: Rows(point, k, rows[k].indices) for k in rest}
    try:
        evidence = Evidence(point, rest, rows)
    except Exception:
        return found
    certain = list(relations.swapped(evidence))
    certain += [d for k in rest for d in _by_numbers(evidence, k)]
    explained = {name for d in certain for name in d.explains}
    found += certain
    if explained >= {names[k] for k in rest} and certain[0].cause != "rearranged":
        return _other_words(found)
    return _other_words(found + _ranked(evidence))


def _by_numbers(evidence, k):
    """Relations between the claimed and the true gradient that leave little doubt."""
    for relation in (
        rounding.precision,
        rounding.dependence_on_dout,
        scales.scale,
        relations.shape_of_result,
    ):
        found = list(relation(evidence, k))
        if found:
            return found
    return []


def _by_edits(evidence):
    for k in evidence.wrong:
        yield from ((0.5, d) for d in relations.layout(evidence, k))
    for telling, d in rewriting.edited(evidence):
        yield (1.8 if telling else RANK_EDIT.get(d.cause, 5.0)), d


def _by_paths(evidence):
    yield from ((3.0, d) for d in freezing.frozen(evidence))
    yield from ((3.1, d) for d in freezing.one_way_only(evidence))
    for k in evidence.wrong:
        for d in relations.contributions(evidence, k):
            yield (5.2 if d.cause == "wrong_axis" else 4.0), d
        yield from ((4.1, d) for d in onehot.lost_terms(evidence, k))


def _by_values(evidence):
    yield from ((RANK_VALUE.get(d.cause, 6.0), d) for d in rewriting.revalued(evidence))
    yield from ((6.5, d) for d in surgery.on_dout(evidence))
    yield from ((6.6, d) for d in surgery.on_cache(evidence))


def _by_structure(evidence):
    for k in evidence.wrong:
        for rank, relation in enumerate(STRUCTURE):
            for d in relation(evidence, k):
                yield 7 + rank / 100, d._replace(confidence="suspected")


# edits that can hardly repair anything by accident come first, changed numbers last
RANK_EDIT = {
    "transposed": 1.0,
    "wrong_axis": 1.1,
    "overwrite_not_accumulate": 1.2,
    "precision_loss": 1.3,
    "partial_fill": 1.35,
    "wrong_index": 1.4,
    "wrong_mask": 1.5,
    "rearranged": 1.6,
    "sign_flip": 1.7,
    "missing_path": 4.5,
    "wrong_tensor": 4.55,
    "chain_factor": 4.6,
    "batch_scale": 5.1,
    "constant_scale": 5.2,
    "wrong_formula": 5.3,
}
RANK_VALUE = {
    "sign_flip": 4.4,
    "transposed": 4.45,
    "wrong_mask": 4.5,
    "wrong_tensor": 4.62,
    "chain_factor": 4.65,
    "wrong_formula": 4.66,
    "missing_path": 4.85,
    "rearranged": 4.9,
    "wrong_index": 5.0,
    "missing_reduction": 5.05,
    "batch_scale": 5.4,
    "constant_scale": 5.5,
}
TELLING, LONG = 2.0, 0.7  # ranks below this end a search that has taken so many seconds
SCALES = ("constant_scale", "batch_scale")
ALIKE = 0.6  # ranks that differ by less are no reason to prefer one cause
STRUCTURE = (
    relations.other_places,
    paths.diagonal_only,
    paths.local_in_time,
    paths.output_ignored,
    paths.branch,
    regions.factor_field,
    regions.unfilled,
    regions.misplaced,
    paths.statistics,
    onehot.across_steps,
    regions.region,
    onehot.wrong_places,
)


def _ranked(evidence):
    """Return the diagnoses, best first, one for each cause.

    Every kind of evidence gives ``(rank, diagnosis)`` pairs: the lower the rank, the more a find of
    that kind says.
    """
    pairs, count, start = [], len(evidence.wrong), time.process_time()
    for kind in (_by_edits, _by_paths, _by_values, _by_structure):
        pairs += kind(evidence)
        telling = any(rank < TELLING and len(d.explains) == count for rank, d in pairs)
        if telling and time.process_time() - start > LONG:
            break  # nothing that follows is likely to come before it
    unfilled = any(d.cause == "partial_fill" for _, d in pairs)

    def key(pair):
        rank, diagnosis = pair
        return (rank + 2.0 * (len(diagnosis.explains) < count and rank > 4), rank)

    pairs.sort(key=key)
    found = {}
    for rank, diagnosis in pairs:
        causes = [diagnosis.cause]
        if unfilled and diagnosis.cause == "wrong_index":
            causes = ["partial_fill"]  # what an index edit repairs was a loop that ended too early
        elif diagnosis.confidence == "proved" and diagnosis.cause in SCALES:
            # a number inside a formula is no scale of the whole gradient, which was tested before
            causes = ["wrong_formula", diagnosis.cause]
        for cause in causes:
            found.setdefault(cause, (rank, diagnosis._replace(cause=cause)))
    kept = list(found.values())
    if len(kept) > 1 and kept[1][0] - kept[0][0] < ALIKE and kept[0][1].confidence == "proved":
        # two changes of different kinds repair it: which of them was meant cannot be told
        kept[0] = (kept[0][0], kept[0][1]._replace(confidence="suspected"))
    kept = [diagnosis for _, diagnosis in kept]
    return kept or _unknown(evidence, evidence.wrong[0])


def _other_words(found):
    """Return a diagnosis together with the more general one, if it stands alone."""
    first = found[0]
    if len(found) > 1 or first.cause not in ALSO_CALLED:
        return found
    cause, reason = ALSO_CALLED[first.cause]
    return [first, first._replace(cause=cause, message=f"{reason}: {first.message}")]


# what else the same fault may be called, if there is no second explanation
ALSO_CALLED = {
    "chain_factor": ("wrong_formula", "seen as a whole, the formula is another one"),
    "missing_path": ("wrong_formula", "seen as a whole, the formula is another one"),
    "wrong_tensor": ("wrong_formula", "seen as a whole, the formula is another one"),
    "wrong_mask": ("wrong_formula", "seen as a whole, the formula is another one"),
    "wrong_index": ("rearranged", "seen as a whole, entries lie elsewhere"),
    "rearranged": ("wrong_index", "seen entry by entry, the index is another one"),
    "constant_scale": ("chain_factor", "the factor may be that of one link of the chain"),
    "batch_scale": ("constant_scale", "at this size, the factor is a constant"),
    "dout_nonlinear": ("wrong_formula", "seen as a whole, the formula is another one"),
}


def _at_kinks(name):
    return Diagnosis(
        "kink_value",
        name,
        f"{name} is wrong only at kinks, where its value lies outside the one-sided derivatives",
        "choose a subgradient: 0 for ReLU at 0, the whole dout for exactly one of tied maxima",
        "matches",
    )


def _unknown(evidence, k):
    """Return what is left to say when no hypothesis fits."""
    name = evidence.names[k]
    fix = "derive it again for one entry: ∂L/∂x[i] = Σ dout[j] ∂out[j]/∂x[i]"
    return [
        Diagnosis(
            "wrong_formula", name, f"no single change explains {name}", fix, "suspected", (name,)
        ),
        Diagnosis("unknown", name, f"no single change explains {name}", fix, "suspected", (name,)),
    ]
