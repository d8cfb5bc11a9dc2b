"""The script that teaches an LSTM to add: its data, and that it learns."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "lstm_addition.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("lstm_addition", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_sum_is_there_once_and_right(script):
    x, y = script.sums()
    assert x.shape == y.shape == (10_000, 8)
    lines = ["".join(script.CHARACTERS[i] for i in row) for row in x]
    assert len(set(lines)) == 10_000
    for line, row in zip(lines, y):
        assert line.endswith("===")
        a, b = line[:5].split("+")
        assert list(row[:5]) == [script.NO_LABEL] * 5
        assert int("".join(map(str, row[5:]))) == int(a) + int(b)


def test_what_is_kept_out_is_kept_out_in_both_orders(script):
    for seed in range(3):
        out = script.kept_out(np.random.default_rng(seed)).reshape(100, 100)
        assert out.sum() == 1000
        np.testing.assert_array_equal(out, out.T)
        assert not out.diagonal().any()
    other = script.kept_out(np.random.default_rng(0)).reshape(100, 100)
    assert (other != out).any()


def test_an_answer_counts_if_all_its_digits_are_right(script):
    x, y = script.sums()

    class Net:
        def scores(self, x):
            digits = np.maximum(y[:4], 0)
            digits[1, 5] = 9  # a wrong first digit
            digits[2, 0] = 9  # what is said while reading does not matter
            return np.eye(10)[digits]

    assert script.exact(Net(), x[:4], y[:4]) == 0.75


def test_it_learns(script):
    known, new, _ = script.train(0, epochs=3)
    assert known > 0.05  # by chance it would be one in 200
    assert new > 0.03
