"""The checker on the corpora: no wrong backward passes, no right one fails, causes are named."""

import functools

import pytest

import corpus
from blind import first, second, third
from corpus.judging import judge

BLIND = {"first": first, "second": second, "third": third}
SEEDS = (0, 1, 2)


@functools.cache
def outcomes(kind, seed):
    """Return the outcomes over one kind of specimens, WRONG, RIGHT or DIRTY."""
    return [judge(specimen, seed) for specimen in getattr(corpus, kind)]


def listed(outcomes):
    return "\n".join(map(str, outcomes))


def share(count, found):
    return sum(map(count, found)) / len(found)


@pytest.mark.parametrize("seed", SEEDS)
class TestCorpus:
    def test_no_wrong_backward_is_accepted_and_exactly_the_wrong_gradients_are_named(self, seed):
        failed = [o for o in outcomes("WRONG", seed) if o.report.verdict != "wrong" or not o.exact]
        assert not failed, listed(failed)

    def test_no_right_backward_is_rejected(self, seed):
        failed = [o for o in outcomes("RIGHT", seed) if o.report.verdict != "right"]
        assert not failed, listed(failed)

    def test_every_dirty_backward_is_named(self, seed):
        failed = [o for o in outcomes("DIRTY", seed) if not o.has_cause(2)]
        assert not failed, listed(failed)

    def test_causes_are_named(self, seed):
        found = outcomes("WRONG", seed)
        assert share(lambda o: o.has_cause(1), found) >= 0.90
        assert share(lambda o: o.has_cause(2), found) >= 0.95
        assert share(lambda o: o.confidently_wrong, found) <= 0.02

    def test_reports_are_short(self, seed):
        for kind in ("WRONG", "RIGHT", "DIRTY"):
            for outcome in outcomes(kind, seed):
                lines, wrong = str(outcome.report).splitlines(), outcome.report.wrong
                assert len(lines) <= 12 + 2 * max(len(wrong) - 1, 0)
                assert max(map(len, lines)) <= 160


@pytest.mark.parametrize("name", BLIND)
def test_verdicts_on_backward_passes_written_without_knowledge_of_the_checker(name, monkeypatch):
    # the search for causes, which takes most of the time, has no say in the verdict
    monkeypatch.setattr("nnlayers.gradients.checking.diagnose", lambda *args: [])
    blind = BLIND[name]
    wrong = [judge(specimen, 0) for specimen in blind.WRONG]
    failed = [o for o in wrong if o.report.verdict != "wrong" or not o.exact]
    failed += [o for s in blind.RIGHT if (o := judge(s, 0)).report.verdict != "right"]
    failed += [o for s in blind.DIRTY if (o := judge(s, 0)).report.verdict != "wrong"]
    assert not failed, listed(failed)
