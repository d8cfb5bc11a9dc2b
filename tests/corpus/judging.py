"""What the checker says of a specimen, compared with what is true of it."""

from typing import NamedTuple

import numpy as np

from nnlayers import check_gradients


class Outcome(NamedTuple):
    """One specimen, checked with one seed."""

    specimen: object
    seed: int
    report: object

    @property
    def named(self):
        """The causes that were named, best first."""
        return [diagnosis.cause for diagnosis in self.report.diagnoses]

    @property
    def exact(self):
        """Whether the wrong gradients were named, and no other."""
        return set(self.report.wrong) == set(self.specimen.wrong)

    def has_cause(self, places, fair=False):
        """Whether the true cause is among the first ones; ``fair`` counts those in ``also``."""
        causes = {self.specimen.cause, *(self.specimen.also if fair else ())}
        return not causes.isdisjoint(self.named[:places])

    @property
    def confidently_wrong(self):
        """Whether the first cause is none that could fairly be named, and is said to be sure."""
        found = self.report.diagnoses
        return bool(found) and found[0].confidence != "suspected" and not self.has_cause(1, True)

    def __str__(self):
        true = (self.specimen.cause, *self.specimen.also)
        return (
            f"{self.specimen.name} (seed {self.seed}): {self.report.verdict}, wrong "
            f"{self.report.wrong} for {self.specimen.wrong}, named {self.named[:3]} for {true}"
        )


def judge(specimen, seed):
    """Check a specimen on the arguments and the upstream gradients of one seed."""
    args = specimen.make(np.random.default_rng(seed))
    options = dict(specimen.options)
    if specimen.wrt is not None:
        options["wrt"] = specimen.wrt
    pair = specimen.forward, specimen.backward
    return Outcome(specimen, seed, check_gradients(pair, *args, **({"seed": seed} | options)))
