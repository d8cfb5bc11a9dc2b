"""Metrics of classification beyond the plain accuracy."""

import numpy as np
import pytest

from nnlayers.training import accuracy, confusion_matrix, top_k_accuracy

RNG = np.random.default_rng


def test_top_k_by_sorting():
    rng = RNG(0)
    scores, y = rng.normal(size=(200, 7)), rng.integers(0, 7, 200)
    for k in range(1, 8):
        best = np.argsort(-scores, axis=1)[:, :k]
        expected = np.mean([label in row for label, row in zip(y, best)])
        assert top_k_accuracy(scores, y, k) == expected
    assert top_k_accuracy(scores, y, 1) == accuracy(scores, y)
    assert top_k_accuracy(scores, y) == top_k_accuracy(scores, y, 5)
    assert type(top_k_accuracy(scores, y, 2)) is float
    folded = scores.reshape(10, 20, 7), y.reshape(10, 20)
    assert top_k_accuracy(*folded, k=3) == top_k_accuracy(scores, y, 3)


def test_top_k_of_equal_scores_favours_the_label():
    assert top_k_accuracy(np.zeros((2, 3)), np.array([2, 0]), k=1) == 1.0
    assert top_k_accuracy(np.array([[1.0, 1.0, 0.0]]), np.array([2]), k=2) == 0.0


def test_confusion_matrix_by_counting():
    rng = RNG(0)
    scores, y = rng.normal(size=(300, 20)).astype(np.float32), rng.integers(0, 19, 300, np.uint8)
    expected = np.zeros((20, 20), int)  # class 19 is predicted, but never true
    for row, label in zip(scores, y):
        expected[label, row.argmax()] += 1
    found = confusion_matrix(scores, y)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype.kind == "i"
    assert found.trace() / 300 == accuracy(scores, y)
    folded = scores.reshape(3, 100, 20), y.reshape(3, 100)
    np.testing.assert_array_equal(confusion_matrix(*folded), expected)
    np.testing.assert_array_equal(
        confusion_matrix(np.zeros((0, 3)), np.zeros(0, int)), np.zeros((3, 3))
    )


@pytest.mark.parametrize(
    "call, error, message",
    [
        (
            lambda: top_k_accuracy(np.zeros((2, 3)), np.array([0.0, 1.0]), 2),
            TypeError,
            "top_k_accuracy: labels y must be integers, not float64: got scores (2, 3) float64, "
            "y (2,) float64",
        ),
        (
            lambda: confusion_matrix(np.zeros((2, 3)), np.array([0, 1, 2])),
            ValueError,
            "confusion_matrix: every label needs a row of scores: got scores (2, 3), y (3,); y "
            "must have the shape (2,)",
        ),
        (
            lambda: top_k_accuracy(np.zeros((0, 3)), np.zeros(0, int), 2),
            ValueError,
            "top_k_accuracy: the accuracy of no examples is undefined: got scores (0, 3), y (0,)",
        ),
        (
            lambda: top_k_accuracy(np.zeros((2, 3)), np.array([0, 3]), 2),
            ValueError,
            "top_k_accuracy: label 3 is none of the classes 0 to 2: got scores (2, 3), y (2,)",
        ),
        (
            lambda: confusion_matrix(np.zeros((2, 3)), np.array([-1, 1])),
            ValueError,
            "confusion_matrix: label -1 is none of the classes 0 to 2: got scores (2, 3), y (2,)",
        ),
        (
            lambda: top_k_accuracy(np.zeros((2, 3)), np.array([0, 1])),
            ValueError,
            "top_k_accuracy: k = 5, but there are 3 classes: got scores (2, 3)",
        ),
        (
            lambda: top_k_accuracy(np.zeros((2, 3)), np.array([0, 1]), 0),
            ValueError,
            "top_k_accuracy: k must be a positive integer, not 0",
        ),
    ],
)
def test_mistakes(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
