"""The shipped digits and text, and mini-batches."""

import re
import zlib

import numpy as np
import pytest

from nnlayers.data import alice, batches, batching, digits

MESSAGES = [
    (
        lambda: batches(np.zeros((3, 2)), np.zeros(4), 2),
        ValueError,
        "batches: x has 3 examples but y has 4: got x (3, 2), y (4,); one y per x",
    ),
    (
        lambda: batches(np.float64(3.0), None, 2),
        ValueError,
        "batches: x is a scalar, not an array of examples: got x ()",
    ),
    (
        lambda: batches(np.zeros(3), np.int64(1), 2),
        ValueError,
        "batches: y is a scalar, not an array of examples: got x (3,), y ()",
    ),
    (
        lambda: batches(np.zeros(3), None, 0),
        ValueError,
        "batches: batch_size must be a positive integer, not 0",
    ),
    (
        lambda: batches(np.zeros(3), None, 2.0),
        TypeError,
        "batches: batch_size must be a positive integer, not 2.0",
    ),
    (
        lambda: batches(np.zeros(3), None, 2, rng="seed"),
        TypeError,
        "batches: rng must be an int seed, a numpy.random.Generator or None, not 'seed'; "
        "np.random.default_rng(0) makes a generator",
    ),
    (
        lambda: digits(int),
        TypeError,
        "digits: images must be floating-point, not int64",
    ),
]


@pytest.mark.parametrize("call, error, message", MESSAGES)
def test_a_mistake_is_reported_at_the_call(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_digits_have_the_documented_form(dtype):
    (x, y), (x_test, y_test) = digits(dtype)
    assert x.shape == (1442, 1, 8, 8)
    assert x_test.shape == (355, 1, 8, 8)
    for images, labels in ((x, y), (x_test, y_test)):
        assert images.dtype == dtype
        assert labels.dtype == np.int64
        assert len(labels) == len(images)
        assert images.min() == 0.0
        assert images.max() == 1.0
        assert np.array_equal(images * 16, np.round(images * 16))
        assert sorted(set(labels.tolist())) == list(range(10))


def test_a_fifth_of_each_digit_is_for_tests():
    (_, y), (_, y_test) = digits()
    counts, of_test = np.bincount(y) + np.bincount(y_test), np.bincount(y_test)
    assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert of_test.tolist() == [count // 5 for count in counts]


def test_digits_are_the_published_ones():
    parts = digits()
    sums = [
        zlib.crc32((part * scale).astype(np.uint8).tobytes())
        for pair in parts
        for part, scale in zip(pair, (16, 1))
    ]
    assert sums == [1782571662, 414700131, 25872012, 3749388432]


def test_digits_equal_the_copy_of_scikit_learn():
    datasets = pytest.importorskip("sklearn.datasets")
    original = datasets.load_digits()
    places = [np.flatnonzero(original.target == digit) for digit in range(10)]
    test = np.sort(np.concatenate([place[4::5] for place in places]))
    train = np.setdiff1d(np.arange(len(original.target)), test)
    for chosen, (x, y) in zip((train, test), digits()):
        assert np.array_equal(x[:, 0] * 16, original.images[chosen])
        assert np.array_equal(y, original.target[chosen])


def test_digits_belong_to_the_caller():
    (x, y), _ = digits()
    x[:], y[:] = 7.0, 7
    (again, labels), _ = digits()
    assert again.max() == 1.0
    assert labels[0] == 0


def test_the_text_is_the_whole_book():
    text = alice()
    assert re.findall(r"^CHAPTER ([IVX]+)\n\n\S", text, re.M) == (
        ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"]
    )
    assert text.endswith("child-life, and the happy summer days.\n")
    assert text.isascii()
    assert not set(text) & set("\r\t*[]_0123456789")
    assert zlib.crc32(text.encode()) == 1462861340


def test_batches_without_rng_keep_the_order():
    x, y = np.arange(14.0).reshape(7, 2), np.arange(7)
    got = list(batches(x, y, 3))
    assert [len(part) for part, _ in got] == [3, 3, 1]
    assert np.array_equal(np.concatenate([part for part, _ in got]), x)
    assert np.array_equal(np.concatenate([part for _, part in got]), y)
    assert np.shares_memory(got[0][0], x)


def test_batches_can_drop_a_smaller_last_one():
    x = np.arange(7)
    assert [len(part) for part, _ in batches(x, x, 3, drop_last=True)] == [3, 3]
    assert [len(part) for part, _ in batches(x, x, 7, drop_last=True)] == [7]
    assert list(batches(x, x, 8, drop_last=True)) == []
    assert [len(part) for part, _ in batches(x, x, 3, rng=0, drop_last=True)] == [3, 3]


@pytest.mark.parametrize("limit", [batching.COPIED_WHOLE, 0])
def test_shuffled_batches_have_every_example_once(monkeypatch, limit):
    monkeypatch.setattr(batching, "COPIED_WHOLE", limit)
    x = np.arange(200.0).reshape(100, 2)
    y = np.arange(100)
    got = list(batches(x, y, 7, rng=3))
    order = np.concatenate([part for _, part in got])
    assert np.array_equal(np.sort(order), y)
    assert not np.array_equal(order, y)
    assert np.array_equal(np.concatenate([part for part, _ in got]), x[order])
    assert np.array_equal(order, np.random.default_rng(3).permutation(100))


def test_a_generator_goes_on_from_epoch_to_epoch():
    rng, y = np.random.default_rng(0), np.arange(50)
    first, second = (np.concatenate([b for _, b in batches(y, y, 8, rng=rng)]) for _ in range(2))
    assert not np.array_equal(first, second)


def test_y_may_be_none():
    got = list(batches([1.0, 2.0, 3.0], None, 2, rng=0))
    assert [y for _, y in got] == [None, None]
    assert sorted(np.concatenate([x for x, _ in got])) == [1.0, 2.0, 3.0]


def test_there_are_no_batches_of_nothing():
    assert list(batches(np.zeros((0, 3)), np.zeros(0), 4)) == []
    assert list(batches(np.zeros((0, 3)), np.zeros(0), 4, rng=0)) == []
