"""The lessons run, show what they say, and their notebooks are generated from them."""

import contextlib
import io
import json
import os
import runpy
from pathlib import Path
from types import SimpleNamespace

import generate
import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
LESSONS = sorted(FOLDER.glob("[0-9]*.py"))
every_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


@pytest.fixture(scope="class")
def lesson(request, tmp_path_factory):
    """Run the lesson that the test class names; give its variables, and what it printed."""
    path = FOLDER / f"{request.cls.LESSON}.py"
    folder, printed = tmp_path_factory.mktemp(path.stem), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        variables = runpy.run_path(str(path))
    return SimpleNamespace(**variables, printed=printed.getvalue(), folder=folder)


class TestMatrixMultiplication:
    LESSON = "01_matrix_multiplication"

    def test_it_shows_what_it_says(self, lesson):
        assert "1·4 + 2·5 + 3·6 = 32.0\n[[19. 22.]\n [43. 50.]]\n" in lesson.printed
        assert lesson.complaint.startswith("matmul_forward: the last axis of x has 3 entries but")
        assert "dx (2, 3)  dW (3, 4)\n" in lesson.printed
        np.testing.assert_allclose(lesson.dW, lesson.one_by_one, rtol=1e-12)
        shown, by_product = (
            line.split("[[")[1] for line in lesson.printed.splitlines() if "[[ 0.6371" in line
        )
        assert shown == by_product
        assert "False" not in lesson.printed

    def test_the_checker_finds_what_shapes_do_not_show(self, lesson):
        assert lesson.report.wrong == ("dx",)
        assert "transposed" in {diagnosis.cause for diagnosis in lesson.report.diagnoses}

    def test_the_exercise_waits_for_its_answer(self, lesson):
        assert lesson.exercise.wrong == ("dx", "dw")
        assert lesson.printed.endswith("wrong\n")


class TestGradientsAndJacobians:
    LESSON = "02_gradients_and_jacobians"

    def test_each_kind_of_derivative(self, lesson):
        assert lesson.slope == pytest.approx(6.0)
        np.testing.assert_allclose(lesson.gradient, np.full((2, 3), 2.0), rtol=1e-9)
        assert "[[ 3.  2.  0.]\n [ 0.  1. 10.]]\n" in lesson.printed
        assert lesson.ugly.shape == (3, 3, 2)
        np.testing.assert_allclose(lesson.ugly[1], [[0, 0], [6, 8], [0, 0]], atol=1e-9)
        assert "Jacobian 13,153,337,344 numbers, 105 GB\n" in lesson.printed
        assert "gradient 401,408 numbers, 3.2 MB\n" in lesson.printed
        assert "True\nTrue\n" in lesson.printed

    def test_the_element_wise_product(self, lesson):
        first, second, third = (
            line.split("[[")[1] for line in lesson.printed.splitlines() if "[[-0.2487" in line
        )
        assert first == second == third
        assert np.abs(lesson.correct - lesson.shortcut).max() > 0.05

    def test_three_ways_to_the_gradient_of_the_input(self, lesson):
        np.testing.assert_allclose(lesson.by_formula, lesson.by_jacobians, rtol=1e-9)
        np.testing.assert_allclose(lesson.by_backward, lesson.by_formula, rtol=1e-12)
        assert np.abs(lesson.by_backward).max() > 0.01


class TestTheExercise:
    LESSON = "03_the_exercise"

    def test_the_answers_are_those_of_the_notes(self, lesson):
        assert (
            "(a)  L = 52.0\n"
            "(b)  dL/df = [[1.0, 1.0], [1.0, 1.0]]\n"
            "(c)  dL/dY = [[2.0, 2.0], [10.0, 10.0]]\n"
            "(d)  dL/dX = [[4.0, 4.0], [20.0, 20.0]]\n"
            "(e)  dL/dW = [[20.0, 20.0], [32.0, 32.0]]\n"
            "52.0 [[4.0, 4.0], [20.0, 20.0]] [[20.0, 20.0], [32.0, 32.0]]\n"
        ) in lesson.printed

    def test_all_that_should_be_equal_is(self, lesson):
        assert "(2, 1, 8, 8) -> (2, 64)\nTrue\n" in lesson.printed
        assert "True True True\nTrue\nright\n" in lesson.printed
        assert "False" not in lesson.printed
        sums = [line.strip("[]") for line in lesson.printed.splitlines() if "[-1.018" in line]
        assert len(sums) == 3
        assert len(set(sums)) == 1

    def test_the_mistake_is_found(self, lesson):
        assert lesson.report.wrong == ("dx",)
        assert "constant_scale" in {diagnosis.cause for diagnosis in lesson.report.diagnoses}


class TestTrainingOnDigits:
    LESSON = "04_training_on_digits"

    def test_it_trains(self, lesson):
        assert "(1442, 1, 8, 8) (1442,) (355, 1, 8, 8) (355,)\n" in lesson.printed
        assert lesson.loss_before > np.log(10)
        assert lesson.check.ok
        assert np.mean(lesson.losses[-5:]) < 0.03
        assert 0.95 < lesson.result < 1.0
        assert f"{lesson.result:.2%} of the test digits are read correctly\n" in lesson.printed
        assert len(lesson.history["validation_accuracy"]) == 40
        assert lesson.gap > 0.01

    def test_the_misread_digit_is_one(self, lesson):
        assert len(lesson.wrong) == round(355 * (1 - lesson.result))
        assert lesson.p.argmax() != lesson.y_test[lesson.i]
        assert f"This one is a {lesson.y_test[lesson.i]}:\n" in lesson.printed

    def test_the_weights_are_kept(self, lesson):
        assert os.listdir(lesson.folder) == ["digits.npz"]
        assert lesson.printed.endswith("True\n")


class TestABetterReader:
    LESSON = "05_a_better_reader"

    def test_shifted_images_are_read_by_who_has_seen_such(self, lesson):
        assert 0.94 < lesson.plain < 1.0
        assert lesson.plain_moved < 0.7
        assert lesson.shown > 0.965
        assert lesson.shown_moved > 0.96
        assert f"moved by one pixel {lesson.plain_moved:.2%}\n" in lesson.printed
        assert "1298 images, 6490 with their shifts\n" in lesson.printed
        assert "6490 144 355\n" in lesson.printed

    def test_it_is_moved_to_the_right(self, lesson):
        np.testing.assert_array_equal(lesson.moved[4, :, 0, :, 1:], lesson.x_test[:, 0, :, :-1])
        assert "moved to the right:\n      ****##::\n" in lesson.printed


class TestConvolution:
    LESSON = "06_convolution"

    def test_it_shows_what_it_says(self, lesson):
        assert "..--==**++++::\nTrue\n" in lesson.printed
        np.testing.assert_allclose(lesson.dw[0, 0, 1, 1], lesson.by_hand, rtol=1e-5)
        assert abs(lesson.by_hand) > 0.1
        assert "288 weights where an affine layer has 131,072\n" in lesson.printed

    def test_it_learns(self, lesson):
        assert lesson.result > 0.97
        assert lesson.loss < 0.15
        assert f"{lesson.result:.2%} of the test digits are read correctly\n" in lesson.printed


class TestAMemory:
    LESSON = "07_a_memory"

    def test_the_sequence_is_one_step_after_the_other(self, lesson):
        assert "(2, 8, 4) True\n" in lesson.printed

    def test_the_ones_are_learned_last(self, lesson):
        hundreds, tens, ones = lesson.places
        assert hundreds > tens > ones
        assert f"hundreds {hundreds:.1%}, tens {tens:.1%}, ones {ones:.1%}\n" in lesson.printed

    def test_it_learns(self, lesson):
        assert lesson.right.mean() > 0.6
        assert f"{lesson.right.sum()} of 1,000 sums that it has never seen" in lesson.printed


class TestAttention:
    LESSON = "08_attention"

    def test_it_shows_what_it_says(self, lesson):
        assert "\nTrue\nTrue False\n" in lesson.printed
        shown = lesson.addition.text(lesson.question[0])
        first, second, third = [
            line for line in lesson.printed.splitlines() if line.startswith(shown)
        ][:3]
        assert (first, second) == (third[:7], third[:8])
        assert len(third) == 9

    def test_it_learns(self, lesson):
        assert lesson.right.mean() > 0.9
        assert f"{lesson.right.sum()} of 1,000 sums that it has never seen" in lesson.printed


class TestWriting:
    LESSON = "09_writing"

    def test_it_learns_more_than_frequencies(self, lesson):
        assert "nothing 4.19, frequencies 3.15\n" in lesson.printed
        assert lesson.before > 4.1
        assert lesson.after < 2.4
        assert lesson.foretold > 0.35
        assert f"6.04 bits before, {lesson.after / np.log(2):.2f} bits now\n" in lesson.printed

    def test_what_it_expects_are_probabilities(self, lesson):
        assert lesson.p.sum() == pytest.approx(1.0, rel=1e-5)
        assert len(lesson.written_before) == 66

    def test_it_writes_at_three_temperatures(self, lesson):
        _, *texts = lesson.printed.split("--- temperature ")
        words = [text.split("\n", 1) for text in texts]
        assert [temperature for temperature, _ in words] == ["0", "0.7", "1.3"]
        assert all(text.startswith("Alice ") for _, text in words)
        different = [len(set(text)) for _, text in words]
        assert different == sorted(different)


@every_lesson
def test_the_notebook_is_up_to_date(path):
    committed = path.with_suffix(".ipynb").read_text(encoding="utf-8")
    wanted = generate.notebook(path.read_text(encoding="utf-8"))
    assert committed == wanted, "python notebooks/generate.py writes the notebooks anew"


@every_lesson
def test_jupytext_makes_the_same_cells(path):
    jupytext = pytest.importorskip("jupytext")
    theirs = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent").cells
    ours = json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"]
    assert [(cell.cell_type, cell.source) for cell in theirs] == [
        (cell["cell_type"], "".join(cell["source"])) for cell in ours
    ]


@every_lesson
def test_the_notebook_is_valid(path):
    nbformat = pytest.importorskip("nbformat")
    nbformat.validate(nbformat.read(path.with_suffix(".ipynb"), as_version=4))


def test_every_lesson_has_its_test_and_no_notebook_is_left_over():
    tested = {value.LESSON for value in globals().values() if hasattr(value, "LESSON")}
    assert tested == {path.stem for path in LESSONS}
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == tested


def test_cells_are_told_apart():
    lesson = "# header\n\n# %% [markdown]\n# # A title\n#\n# Text.\n\n# %%\nx = 1\n\n# why\ny = 2\n"
    assert generate.cells(lesson) == [
        ("markdown", "# A title\n\nText."),
        ("code", "x = 1\n\n# why\ny = 2"),
    ]
