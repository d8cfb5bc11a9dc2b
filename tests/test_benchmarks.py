"""The benchmarks: every workload runs and computes the right thing; nothing is timed here."""

import json
import math
import re
import sys
from types import ModuleType

import numpy as np
import pytest

from benchmarks import growth, limits, overhead, table, timing
from benchmarks.__main__ import main
from benchmarks.agreement import Disagreement, agree
from benchmarks.workload import Race, Row
from benchmarks.workloads import WORKLOADS

RACES = [workload for workload in WORKLOADS if isinstance(workload, Race)]
ROW = Row("mlp-32", "MLP", "torch", 0.5e-3, 1e-3, 0.5, must=0.85, aim=0.75)


@pytest.mark.oracle
@pytest.mark.parametrize("workload", RACES, ids=[race.name for race in RACES])
def test_the_arms_of_a_workload_compute_the_same(workload):
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    arms = workload.build()  # which compares them
    assert list(arms)[0] == "nnlayers"
    assert set(workload.bounds) < set(arms)
    for arm in arms.values():
        arm()


@pytest.mark.oracle
@pytest.mark.parametrize("grown", growth.GROWTHS, ids=lambda grown: grown.name)
def test_the_smallest_size_of_every_growth(grown):
    pytest.importorskip("torch")
    times = grown._replace(sizes=grown.sizes[:2]).measure(seconds=0)
    assert set(times) == {"nnlayers", "torch"}
    assert all(len(taken) == 2 and min(taken) > 0 for taken in times.values())
    lines = growth.shown(grown._replace(sizes=grown.sizes[:2]), times)
    assert lines[0] == f"{grown.what} {grown.sizes[0]} to {grown.sizes[1]}"
    assert "exponent" in lines[2]


@pytest.mark.oracle
def test_the_command(tmp_path, capsys):
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    saved, picture = tmp_path / "results.json", tmp_path / "ratios.png"
    command = ["--only", "digits-step", "--seconds", "0", "--markdown"]
    status = main([*command, "--json", str(saved), "--picture", str(picture)])
    out = capsys.readouterr().out
    assert "digits 64-64-10, batch 64: step" in out
    assert "PyTorch" in out and "NumPy" in out
    found = json.loads(saved.read_text(encoding="utf-8"))
    (row,) = found["rows"]
    assert row["value"] == pytest.approx(row["ours"] / row["theirs"])
    assert status == int(row["value"] > row["must"]) == int(row["verdict"] == "MISSED")
    assert found["versions"]["NumPy"] == np.__version__
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.oracle
def test_a_wrong_name_gets_one_line(capsys):
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    assert main(["--only", "mlp-32", "mlp-33"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("no workload 'mlp-33'; there are mlp-32, mlp-128, ")
    assert err.count("\n") == 1


@pytest.mark.oracle
def test_the_limits(capsys):
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    limits.main(seconds=0)  # which compares the bare steps with the library's
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == list(limits.cases())
    arms = [line.split("  ")[1] for line in lines if line.startswith(" ")]
    assert arms.count("bare") == len(limits.cases())
    assert arms.count("torch's products") == len(limits.cases()) - 1
    assert all(re.search(r"\d ms +\d+\.\d\d of torch", line) for line in lines if line[0] == " ")


@pytest.mark.oracle
def test_the_limits_notice_a_bare_step_that_is_wrong(monkeypatch):
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    monkeypatch.setattr(limits, "product", lambda a, b: (a @ b) * np.float32(1.01))
    with pytest.raises(Disagreement, match="differs by"):
        limits.cases()["digits 64-64-10, batch 64"]()


@pytest.mark.oracle
def test_a_profile_names_functions(capsys):
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    assert main(["--only", "digits-step", "--profile", "--seconds", "0.2"]) == 0
    # which of them take the most time is not the same each time
    assert re.search(r"%.* \w+_(for|back)ward  \(\w+\.py\)", capsys.readouterr().out)


@pytest.mark.parametrize("missing", ["sklearn", "torch"])
def test_without_the_others_one_line_says_what_to_install(missing, monkeypatch, capsys):
    for name in ("sklearn", "torch"):
        module = None if name == missing else ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
    assert main([]) == 2
    assert capsys.readouterr().err == f"{missing} is missing: pip install '.[bench]'\n"


@pytest.mark.parametrize("name", ["sequential", "memory", "import"])
def test_what_needs_no_other_library(name):
    (workload,) = (workload for workload in WORKLOADS if workload.name == name)
    rows = workload.measure(seconds=0)
    assert all(row.name == name and row.value > 0 for row in rows)


def test_a_chain_of_nothing_computes_nothing():
    net = overhead.Sequential(*(overhead.Nothing() for _ in range(3)))
    x = np.ones(2)
    out, cache = net.forward(x)
    assert out is x
    assert net.gradients(x, cache)[0] is x


def test_all_names_differ():
    names = [item.name for item in (*WORKLOADS, *growth.GROWTHS)]
    assert len(set(names)) == len(names)


class TestAgreement:
    def test_equal_up_to_rounding(self):
        agree({"dx": [1.0, 1e-9]}, {"dx": [1.0 + 1e-6, 0.0]})

    @pytest.mark.parametrize(
        ("theirs", "message"),
        [
            ({"dx": [1.0, 1e-3]}, r"dx differs by 1\.0e-03 of its largest entry"),
            ({"dx": [1.0, math.nan]}, "dx differs by nan"),
            ({"dx": [[1.0, 0.0]]}, r"dx is \(2,\) here and \(1, 2\) there"),
            ({"dw": [1.0, 0.0]}, "one has dx, the other dw"),
        ],
    )
    def test_what_differs_is_said(self, theirs, message):
        with pytest.raises(Disagreement, match=message):
            agree({"dx": [1.0, 0.0]}, theirs)


class Clock:
    """A clock that stands still but when a function of it is called."""

    def __init__(self):
        self.now, self.called = 0.0, []

    def __call__(self):
        return self.now

    def taking(self, name, seconds):
        def function():
            self.called.append(name)
            self.now += seconds

        return function


class TestTiming:
    def test_arms_take_turns_and_times_are_those_of_a_call(self):
        clock = Clock()
        arms = {"slow": clock.taking("slow", 0.02), "fast": clock.taking("fast", 0.001)}
        times = timing.race(arms, seconds=0.25, clock=clock)
        assert len(times["slow"]) == len(times["fast"]) == 10  # 20 ms and 5 times 1 ms, 10 times
        assert times["slow"] == pytest.approx([0.02] * 10)
        assert times["fast"] == pytest.approx([0.001] * 10)
        rounds = clock.called[-60:]
        assert rounds[:12] == ["slow", *["fast"] * 5, *["fast"] * 5, "slow"]
        assert timing.ratio(times, "slow", "fast") == pytest.approx(20)

    def test_no_time_is_one_call(self):
        clock = Clock()
        times = timing.race({"a": clock.taking("a", 2.0)}, seconds=0, clock=clock)
        assert times == {"a": [2.0]}

    def test_a_ratio_is_the_median_of_the_rounds(self):
        times = {"a": [1.0, 2.0, 9.0], "b": [2.0, 2.0, 1.0]}
        assert timing.ratio(times, "a", "b") == 1.0  # of the medians it would be 0.5 or 2


class TestTable:
    @pytest.mark.parametrize(
        ("value", "must", "aim", "verdict"),
        [
            (0.75, 0.85, 0.75, "aim"),
            (0.76, 0.85, 0.75, "must"),
            (0.85, 0.85, 0.75, "must"),
            (0.86, 0.85, 0.75, "MISSED"),
            (0.86, None, None, "reported"),
            (0.5, 1.0, None, "aim"),
        ],
    )
    def test_verdicts(self, value, must, aim, verdict):
        assert ROW._replace(value=value, must=must, aim=aim).verdict == verdict

    def test_a_line(self):
        row = ROW._replace(others={"jax": 3e-6})
        line = table.Table(4).row(row)
        assert line.split() == (
            ["MLP", "500", "µs", "1", "ms", "0.50", "0.85", "0.75", "aim", "(jax", "3", "µs)"]
        )

    def test_markdown(self):
        lines = table.markdown([ROW, ROW._replace(peer="MLPClassifier")]).split("\n")
        assert len({line.count("|") for line in lines}) == 1
        assert lines[2] == "| MLP | 500 µs | 1 ms | 0.50 | 0.85 | 0.75 | aim |"
        assert lines[3].startswith("| MLP, to MLPClassifier |")

    def test_units(self):
        row = ROW._replace(unit="MiB", ours=99.5, theirs=None, value=99.5, must=130, aim=100)
        cells = table.cells(row._replace(peer=""))
        assert cells == ("MLP", "99.5 MiB", "", "99.5 MiB", "130", "100", "aim")


class TestGrowth:
    def test_exponents(self):
        sizes = growth.doublings(8, 64)
        assert sizes == (8, 16, 32, 64)
        assert growth.exponent(sizes, [n**1.5 for n in sizes]) == pytest.approx(1.5)
        assert growth.last_doubling(sizes, [1.0, 1.0, 1.0, 4.0]) == pytest.approx(2.0)
        assert growth.exponent(sizes, [1.0, 1.0, 1.0, 4.0]) == pytest.approx(0.6)

    def test_they_reach_as_far_as_they_should(self):
        reach = {grown.name: (grown.sizes[0], grown.sizes[-1]) for grown in growth.GROWTHS}
        assert reach == {
            "growth-batch": (8, 4096),
            "growth-width": (32, 2048),
            "growth-lstm": (8, 512),
            "growth-transformer": (8, 512),
        }
