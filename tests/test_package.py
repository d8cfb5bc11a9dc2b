"""The package as a whole: its public names, and what importing it costs."""

import subprocess
import sys

import pytest

import nnlayers


def in_a_new_process(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_public_names_are_sorted_and_real():
    assert nnlayers.__all__ == sorted(set(nnlayers.__all__))
    assert dir(nnlayers) == nnlayers.__all__
    for name in nnlayers.__all__:
        assert getattr(nnlayers, name).__doc__, name


def test_every_part_lists_its_names_in_order():
    for part in (
        nnlayers.layers,
        nnlayers.networks,
        nnlayers.gradients,
        nnlayers.training,
        nnlayers.data,
    ):
        assert part.__all__ == sorted(part.__all__)


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="module 'nnlayers' has no attribute 'Afine'"):
        nnlayers.Afine  # noqa: B018


@pytest.mark.parametrize(
    "statement", ["import nnlayers", "import nnlayers; nnlayers.Affine; nnlayers.Sequential"]
)
def test_imports_are_light(statement):
    heavy = [
        "scipy",
        "numpy.random",
        "importlib.metadata",
        "threading",
        "multiprocessing",
        "socket",
    ]
    code = f"import sys; import numpy; before = set(sys.modules); {statement}\n"
    code += f"print(*(m for m in {heavy} if m in set(sys.modules) - before))"
    assert in_a_new_process(code) == []
