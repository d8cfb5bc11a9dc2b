"""``assert_gradients`` in pytest: a failure shows the test's line and the report, nothing else."""

import re
import subprocess
import sys

import numpy as np
import pytest

from nnlayers import Affine, assert_gradients, check_gradients

LAYERS = """\
def scale_forward(x, s):
    return x * s, (x, s)


def scale_backward(dout, cache):
    x, s = cache
    return dout * s, -(dout * x).sum(axis=0)


def raising_backward(dout, cache):
    raise KeyError("s")
"""
TESTS = """\
import numpy as np
import pytest
from layers import raising_backward, scale_backward, scale_forward

from nnlayers import assert_gradients

x, s = np.ones((4, 3)), np.arange(1.0, 4.0)


def test_right_for_x():
    assert_gradients((scale_forward, scale_backward), x, s, wrt="x")


def test_wrong():
    assert_gradients((scale_forward, scale_backward), x, s)


def test_raises():
    assert_gradients((scale_forward, raising_backward), x, s)


def test_wrong_use():
    assert_gradients(scale_forward, x, s)
"""


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """What pytest prints about the tests above, in a process of its own."""
    folder = tmp_path_factory.mktemp("homework")
    (folder / "layers.py").write_text(LAYERS)
    (folder / "test_layers.py").write_text(TESTS)
    words = ["-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(folder), "test_layers.py"]
    done = subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.returncode == 1
    return done.stdout


def failure(output, test):
    """Return what stands under the heading of one failed test."""
    _, _, rest = output.partition(f"_ {test} _")
    assert rest
    return re.split(r"\n_{10,} test_|\n={10,}", rest.partition("\n")[2])[0]


class TestInPytest:
    def test_what_is_right_passes(self, output):
        assert "3 failed, 1 passed" in output

    def test_the_report_is_shown(self, output):
        shown = failure(output, "test_wrong")
        assert "gradients of scale_forward / scale_backward: WRONG\n" in shown
        assert re.search(r"\nE +ds is WRONG: everywhere\n", shown)
        assert re.search(r"\nE +why: +sign_flip: ", shown)
        assert re.search(r"\nE +dx is right\n", shown)

    def test_there_is_no_traceback_through_the_checker(self, output):
        shown = failure(output, "test_wrong")
        assert ">       assert_gradients((scale_forward, scale_backward), x, s)\n" in shown
        assert shown.count("test_layers.py:15: AssertionError") == 1
        assert len(re.findall(r"^\S+:\d+: ", shown, re.M)) == 1  # one place is named
        for name in ("test_wrong", "test_raises"):
            assert "nnlayers/gradients" not in failure(output, name)
            assert "__tracebackhide__" not in failure(output, name)

    def test_what_backward_raises_is_named_with_its_line(self, output):
        shown = failure(output, "test_raises")
        assert "KeyError in line 11 of raising_backward, `raise KeyError(" in shown
        assert shown.rstrip().endswith("test_layers.py:19: AssertionError")

    def test_wrong_use_is_said_in_one_line(self, output):
        shown = failure(output, "test_wrong_use")
        assert re.search(r"\nE +TypeError: check_gradients: cannot check ", shown)


class TestAsAFunction:
    def test_it_returns_nothing_if_all_is_right(self):
        x = np.random.default_rng(0).normal(size=(4, 3))
        assert assert_gradients(Affine(3, 2, rng=0), x) is None

    def test_its_message_is_the_report(self):
        def forward(x):
            return x * x, x

        def backward(dout, cache):
            return dout * cache

        x = np.random.default_rng(0).normal(size=(4, 3))
        report = check_gradients((forward, backward), x, seed=3)
        with pytest.raises(AssertionError) as caught:
            assert_gradients((forward, backward), x, seed=3)
        assert str(caught.value) == f"\n{report}"
        assert "seed=3" in str(report)
