"""Metrics of classification: which labels count, and what is more than the plain accuracy."""

import numpy as np
import pytest

from nnlayers import NLL, Affine, LogSoftmax, Sequential, SoftmaxCrossEntropy, TemporalAffine
from nnlayers.training import SGD, Solver, accuracy, confusion_matrix, evaluate, top_k_accuracy

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


def some_left_out(ignored=-1):
    """Return scores and labels of 5 sequences of 4 positions, of which 9 of 20 do not count."""
    rng = RNG(0)
    scores, y = rng.normal(size=(5, 4, 3)), rng.integers(0, 3, (5, 4))
    kept = np.ones(20, bool)
    kept[rng.permutation(20)[:9]] = False
    kept = kept.reshape(5, 4)
    return scores, np.where(kept, y, ignored), kept


def test_labels_that_are_left_out_count_in_no_metric():
    scores, y, kept = some_left_out()
    rows, labels = scores[kept], y[kept]
    right = sum(row.argmax() == label for row, label in zip(rows, labels)) / 11
    assert 0 < right < 1
    for which in ({"ignore_index": -1}, {"mask": kept}, {"mask": kept.astype(float)}):
        assert accuracy(scores, y, **which) == right
        assert top_k_accuracy(scores, y, 2, **which) == top_k_accuracy(rows, labels, 2)
        found = confusion_matrix(scores, y, **which)
        np.testing.assert_array_equal(found, confusion_matrix(rows, labels))
    fewer = kept & (np.arange(4) > 1)
    expected = accuracy(scores[fewer], y[fewer])
    assert accuracy(scores, y, mask=np.arange(20).reshape(5, 4) % 4 > 1, ignore_index=-1) == (
        expected
    )
    # a label that is a class may be the one that does not count
    scores, y, kept = some_left_out(0)
    kept = y != 0
    assert accuracy(scores, y, ignore_index=0) == accuracy(scores[kept], y[kept])
    assert not confusion_matrix(scores, y, mask=np.zeros((5, 4))).any()


def reader(loss, features=3):
    """Return a net of 3 scores at each position."""
    before = [LogSoftmax()] if isinstance(loss, NLL) else []
    return Sequential(TemporalAffine(features, 3, rng=0), *before, loss)


@pytest.mark.parametrize(
    "loss",
    [
        SoftmaxCrossEntropy(ignore_index=-1),
        NLL(ignore_index=-1),
        SoftmaxCrossEntropy(ignore_index=-1, class_weights=(0.5, 3.0, 1.0)),
        NLL(ignore_index=-1, class_weights=(0.5, 3.0, 1.0)),
        SoftmaxCrossEntropy(ignore_index=-1, class_weights=(0.5, 3.0, 1.0), reduction="batchmean"),
        SoftmaxCrossEntropy(ignore_index=-1, reduction="batchmean"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("nested", [False, True])
def test_evaluate_leaves_out_what_the_loss_ignores(loss, nested):
    x, y, kept = some_left_out()
    y[4], kept[4] = -1, False  # the last batch of 1, of 2 and of 4 has no label that counts
    net = reader(loss)
    scores = net.scores(x)
    expected = net.forward(x, y)[0], accuracy(scores[kept], y[kept])
    assert 0 < expected[1] < 1
    net = Sequential(net) if nested else net
    for batch_size in (1, 2, 4, 5):
        found = evaluate(net, x, y, batch_size=batch_size)
        assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("probabilities", [False, True])
def test_evaluate_weighs_the_labels_as_their_classes(probabilities):
    """A mean over labels of all batches is no mean of the batches' means."""
    rng = RNG(0)
    x, y = rng.normal(size=(7, 3)), np.array([0, 0, 1, 1, 2, 0, 1])
    y = np.eye(3)[y] if probabilities else y  # whose mean is over the rows, each counting as one
    net = Sequential(Affine(3, 3, rng=0), SoftmaxCrossEntropy(class_weights=(0.0, 3.0, 1.0)))
    for batch_size in (1, 2, 3, 7):  # in the first batches of 1 and of 2 no label counts
        found = evaluate(net, x, y, batch_size=batch_size)[0]
        assert found == pytest.approx(float(net.forward(x, y)[0]), rel=1e-12)


def test_the_solver_measures_only_what_counts_in_the_loss():
    """A net that is right wherever it is asked has the accuracy 1."""
    rng = RNG(0)
    y = rng.integers(0, 3, (40, 4))
    x = np.eye(3)[y]
    y[rng.random((40, 4)) < 0.4] = -1
    net = reader(SoftmaxCrossEntropy(ignore_index=-1))
    halves = {"data": (x[:20], y[:20]), "validation": (x[20:], y[20:])}
    solver = Solver(net, **halves, optimizer=SGD(net, lr=1.0), epochs=30, rng=0, progress=None)
    history = solver.train()
    assert history["train_accuracy"][-1] == history["validation_accuracy"][-1] == 1.0


@pytest.mark.parametrize(
    "call, error, message",
    [
        (
            lambda: accuracy(np.zeros((2, 3)), np.array([0, -100])),
            ValueError,
            "accuracy: label -100 is none of the classes 0 to 2: got scores (2, 3), y (2,); "
            "ignore_index=-100 leaves it out",
        ),
        (
            lambda: accuracy(np.zeros((2, 3)), np.array([0, 3]), ignore_index=0),
            ValueError,
            "accuracy: label 3 is none of the classes 0 to 2: got scores (2, 3), y (2,)",
        ),
        (
            lambda: accuracy(np.zeros((2, 3)), np.array([-1, -1]), ignore_index=-1),
            ValueError,
            "accuracy: the accuracy of no labels that count is undefined: got scores (2, 3), "
            "y (2,)",
        ),
        (
            lambda: top_k_accuracy(np.zeros((2, 3)), np.array([0, 1]), 2, mask=[False, False]),
            ValueError,
            "top_k_accuracy: the accuracy of no labels that count is undefined: got scores (2, 3), "
            "y (2,)",
        ),
        (
            lambda: accuracy(np.zeros((2, 3)), np.array([0, 1]), mask=[True]),
            ValueError,
            "accuracy: mask must have one entry for each position, (2,): got scores (2, 3), "
            "mask (1,)",
        ),
        (
            lambda: evaluate(
                reader(SoftmaxCrossEntropy(ignore_index=-1)),
                np.zeros((2, 4, 3)),
                np.full((2, 4), -1),
            ),
            ValueError,
            "evaluate: no label counts: all are ignore_index=-1: got x (2, 4, 3), y (2, 4)",
        ),
        (
            lambda: evaluate(
                reader(NLL(class_weights=(0.0, 1.0, 1.0))),
                np.zeros((2, 4, 3)),
                np.zeros((2, 4), int),
            ),
            ValueError,
            "evaluate: no label counts: all are of classes whose weight is 0: got x (2, 4, 3), "
            "y (2, 4)",
        ),
        (
            lambda: evaluate(reader(NLL(class_weights=(1.0, 1.0, 1.0))), np.zeros((1, 2, 3))),
            TypeError,
            "NLL: y is missing; call forward(log_probs, y, mask)",
        ),
        (
            lambda: evaluate(
                reader(NLL(class_weights=(1.0, 1.0, 1.0))), np.zeros((1, 2, 3)), np.array([[0, 3]])
            ),
            ValueError,
            "nll_forward: y[0, 1] = 3 is no label of 3 classes: got log_probs (1, 2, 3), y (1, 2); "
            "labels count from 0 to 2",
        ),
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
            "confusion_matrix: label -1 is none of the classes 0 to 2: got scores (2, 3), y (2,); "
            "ignore_index=-1 leaves it out",
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
