"""The worked examples: their data are what they say, and the nets begin to learn."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from nnlayers import SoftmaxCrossEntropy, evaluate
from nnlayers.data import alice, digits
from nnlayers.worked import NAMES, addition, gpt, lstm, mlp, named, prepare, reading, transformer

every_example = pytest.mark.parametrize("name", NAMES)


def rng(seed=0):
    return np.random.default_rng(seed)


def rows(x):
    return {row.tobytes() for row in x}


class FakeNet:
    """Gives the scores that make the answers."""

    def __init__(self, answers, classes):
        self.answers, self.classes = answers, classes

    def scores(self, x):
        return np.eye(self.classes)[self.answers]


class TestReading:
    def test_no_test_image_is_learned_or_chosen_by(self):
        train, validation, test = reading.data(rng())
        (x, y), (x_test, y_test) = digits(np.float32)
        np.testing.assert_array_equal(test[0], x_test)
        np.testing.assert_array_equal(test[1], y_test)
        assert len(validation[0]) == 144
        assert len(train[0]) == 5 * (1442 - 144)
        assert not rows(validation[0]) & rows(train[0][:1298])
        assert rows(validation[0]) | rows(train[0][:1298]) == rows(x)
        assert not rows(x_test) & (rows(train[0]) | rows(validation[0]))

    def test_labels_stay_with_their_images(self):
        label = {image.tobytes(): digit for image, digit in zip(*digits(np.float32)[0])}
        train, validation, _ = reading.data(rng(1))
        for images, labels in ((train[0][:1298], train[1][:1298]), validation):
            assert [label[image.tobytes()] for image in images] == labels.tolist()
        np.testing.assert_array_equal(train[1].reshape(5, 1298), np.tile(train[1][:1298], (5, 1)))

    def test_the_seed_decides_what_is_held_back(self):
        a, b, c = (reading.data(rng(seed))[1][0] for seed in (0, 0, 1))
        np.testing.assert_array_equal(a, b)
        assert rows(a) != rows(c)

    def test_an_image_is_shifted_by_a_pixel_to_each_side(self):
        x = rng().random((2, 1, 8, 8)).astype(np.float32)
        shifted, labels = reading.with_shifts(x, np.array([3, 7]))
        assert shifted.dtype == np.float32
        assert labels.tolist() == 5 * [3, 7]
        _, up, down, left, right = shifted.reshape(5, 2, 8, 8)
        image = x[:, 0]
        np.testing.assert_array_equal(up[:, :-1], image[:, 1:])
        np.testing.assert_array_equal(down[:, 1:], image[:, :-1])
        np.testing.assert_array_equal(left[:, :, :-1], image[:, :, 1:])
        np.testing.assert_array_equal(right[:, :, 1:], image[:, :, :-1])
        for edge in (up[:, -1], down[:, 0], left[:, :, -1], right[:, :, 0]):
            assert not edge.any()

    def test_answers_are_counted_and_a_misread_image_is_drawn(self):
        x, y = np.zeros((3, 1, 2, 2)), np.array([4, 5, 6])
        x[1] = [[1.0, 0.0], [0.5, 1.0]]
        net = FakeNet([4, 8, 6], 10)
        assert reading.right(net, x, y).tolist() == [True, False, True]
        assert reading.sample(net, x, y) == "@@\n==@@\nThis 5 is read as 8."
        assert reading.sample(FakeNet(y, 10), x, y) == "none is misread"


class TestAddition:
    def test_every_sum_is_there_once_and_right(self):
        lines = [addition.text(line) for line in addition.sums()]
        assert len(set(lines)) == len(lines) == 10_000
        for line in lines:
            question, answer = line.split("=")
            a, b = question.split("+")
            assert (len(a), len(b), len(answer)) == (2, 2, 3)
            assert int(a) + int(b) == int(answer)

    @pytest.mark.parametrize("seed", range(3))
    def test_what_is_kept_out_is_kept_out_in_both_orders(self, seed):
        parts = [{addition.text(line)[:5] for line in part} for part in addition.split(rng(seed))]
        assert [len(part) for part in parts] == [8500, 500, 1000]
        assert len(set().union(*parts)) == 10_000
        for part in parts:
            assert {f"{question[3:]}+{question[:2]}" for question in part} == part

    def test_the_seed_decides_what_is_kept_out(self):
        a, b, c = (addition.split(rng(seed))[2] for seed in (0, 0, 1))
        np.testing.assert_array_equal(a, b)
        assert rows(a) != rows(c)

    def test_the_lstm_sees_questions_alone(self):
        for (x, y), lines in zip(lstm.data(rng()), addition.split(rng())):
            assert [addition.text(row) for row in x[:50]] == [
                f"{addition.text(line)[:5]}===" for line in lines[:50]
            ]
            np.testing.assert_array_equal(y, lines[:, 6:])

    def test_the_transformer_sees_what_comes_before_each_digit(self):
        for (x, y), lines in zip(transformer.data(rng()), addition.split(rng())):
            np.testing.assert_array_equal(x, lines[:, :8])
            np.testing.assert_array_equal(y, lines[:, 6:])

    def test_the_transformer_answers_from_the_question_alone(self):
        net = transformer.new_net(rng())
        _, _, (x, _) = transformer.data(rng())
        answers = transformer.answers(net, x[:20])
        other = x[:20].copy()
        other[:, 6:] = 0
        np.testing.assert_array_equal(transformer.answers(net, other), answers)
        # each digit is the likeliest after those that it has written before
        written = np.concatenate((x[:20, :6], answers[:, :2]), axis=1)
        np.testing.assert_array_equal(net.scores(written).argmax(axis=-1), answers)

    @pytest.mark.parametrize("example", [lstm, transformer], ids=["lstm", "transformer"])
    def test_an_answer_counts_if_all_its_digits_are_right(self, example, monkeypatch):
        y = np.array([[0, 4, 6], [0, 4, 7], [1, 0, 1]])
        given = np.array([[0, 4, 6], [0, 4, 6], [0, 0, 1]])
        monkeypatch.setattr(example, "answers", lambda net, x: given)
        x = addition.sums()[[1234, 1235, 5051]]
        assert example.right(None, x, y).tolist() == [True, False, False]
        assert example.sample(None, x, y) == (
            "12+34=046  right\n12+35=046  wrong: 047\n50+51=001  wrong: 101"
        )

    def test_samples_come_from_all_over_the_list(self):
        lines = addition.sums()
        graded = addition.graded(lines[:, :6], lines[:, 6:], lines[:, 6:])
        assert [line[:6] for line in graded.splitlines()] == [f"{a}0+00=" for a in range(0, 10, 2)]
        assert graded.count("right") == 5


class TestBook:
    def test_the_characters_are_those_of_the_book(self):
        assert "".join(sorted(set(alice()))) == gpt.CHARACTERS
        assert gpt.decode(gpt.encode(alice())) == alice()

    def test_a_foreign_character_is_refused(self):
        with pytest.raises(ValueError, match="^encode: ") as caught:
            gpt.encode("Ça va?")
        assert str(caught.value) == (
            "encode: the text has 'Ç', which does not occur in the book; leave it out"
        )
        assert gpt.encode("").shape == (0,)

    def test_each_chapter_is_where_it_should_be(self):
        train, validation, test = (x for x, _ in gpt.data(rng()))
        assert gpt.decode(train[0]).startswith("CHAPTER I\n")
        assert gpt.decode(validation[0]).startswith("CHAPTER XI\n")
        assert gpt.decode(test[0]).startswith("CHAPTER XII\n")
        book = alice()
        assert len(train) == (book.index("CHAPTER XI\n") - 65) // 16 + 1
        read = "".join(map(gpt.decode, train[::4]))
        assert read == book[: len(read)]
        assert "CHAPTER XI\n" not in read
        assert "Who Stole the Tarts?" in "".join(map(gpt.decode, validation))
        assert len(test) * 64 > len(book) - book.index("CHAPTER XII\n") - 65

    def test_y_is_what_follows_x(self):
        for x, y in gpt.data(rng()):
            np.testing.assert_array_equal(x[:, 1:], y[:, :-1])
            assert x.shape == y.shape == (len(x), 64)

    def test_every_character_counts(self):
        y = np.array([[1, 2, 3]])
        assert gpt.right(FakeNet([[1, 0, 3]], 5), y, y).tolist() == [[True, False, True]]

    def test_it_writes(self):
        net = gpt.new_net(rng())
        text = gpt.sample(net, None, None, beginning="The ", count=80)
        assert text.startswith("The ")
        assert len(text) == 84
        assert text == gpt.sample(net, None, None, beginning="The ", count=80)
        assert text != gpt.sample(net, None, None, beginning="The ", count=80, rng=1)


@every_example
class TestEveryExample:
    def test_it_has_what_it_should(self, name):
        example = named(name)
        words = example.TITLE, example.EPOCHS, example.MEASURE
        assert [type(word) for word in words] == [str, int, str]
        assert example.__doc__.count("\n") > 3

    def test_the_net_is_float32_and_knows_nothing(self, name):
        example = named(name)
        net = example.new_net(rng())
        assert {w.dtype for w in net.params.values()} == {np.dtype(np.float32)}
        assert isinstance(net.layers[-1], SoftmaxCrossEntropy)
        x, y = example.data(rng())[2]
        scores = net.scores(x[:50])
        loss, _ = evaluate(net, x[:50], y[:50])
        assert 0.8 * np.log(scores.shape[-1]) < loss < 1.5 * np.log(scores.shape[-1])

    def test_the_seed_decides(self, name):
        example = named(name)
        weights = []
        for seed in (0, 0, 1):
            solver, _ = prepare(example, seed)
            solver.train(steps=2)
            weights.append(solver.net.to_vector())
        assert np.array_equal(weights[0], weights[1])
        assert not np.array_equal(weights[0], weights[2])

    def test_the_rate_is_almost_0_at_the_end(self, name):
        solver, _ = prepare(named(name), epochs=2)
        assert solver.epochs == 2
        last = 2 * -(-len(solver.x) // solver.batch_size) - 1
        assert solver.schedule.steps == last + 1
        assert solver.schedule(last) < 0.01 * max(map(solver.schedule, range(last)))


class TestLearning:
    """By chance a tenth of the digits would be right, and one sum in 200."""

    @pytest.mark.parametrize(
        ("name", "epochs", "least"),
        [("mlp", 4, 0.96), ("cnn", 1, 0.96), ("lstm", 2, 0.02), ("transformer", 2, 0.03)],
    )
    def test_it_learns(self, name, epochs, least):
        example = named(name)
        solver, test = prepare(example, epochs=epochs)
        solver.train()
        assert example.right(solver.net, *test).mean() > least

    def test_the_gpt_learns(self):
        solver, test = prepare(gpt, epochs=1)
        before, _ = evaluate(solver.net, *test)
        losses = solver.train(steps=40)["loss"]
        assert before > 4.0
        assert np.mean(losses[-5:]) < 2.9  # single characters and their frequencies give 3.0


@pytest.fixture(scope="module")
def learning():
    path = Path(__file__).parents[1] / "benchmarks" / "learning.py"
    spec = importlib.util.spec_from_file_location("learning", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TestMeasuring:
    def test_a_table_is_printed(self, learning, capsys):
        learning.main(["mlp", "--seeds", "2", "--epochs", "1"])
        head, line = capsys.readouterr().out.splitlines()
        assert head.split() == ["net", "median", "worst", "seconds", "of", "2", "seeds"]
        parts = []
        for seed in (0, 1):
            solver, test = prepare(mlp, seed, epochs=1)
            solver.train()
            parts.append(float(mlp.right(solver.net, *test).mean()))
        name, median, worst, _, *what = line.split()
        assert name == "mlp"
        assert (median, worst) == (f"{np.mean(parts):.2%}", f"{min(parts):.2%}")
        assert " ".join(what) == "test digits are read correctly"

    def test_the_median_and_the_worst(self, learning):
        assert learning.row("gpt", "are right", [(0.5, 9.0), (0.25, 1.0), (1.0, 2.0)]) == (
            "gpt            50.00%   25.00%       2.0   are right"
        )

    @pytest.mark.parametrize(
        ("words", "complaint"),
        [
            (["mpl"], "there is no 'mpl', only mlp, cnn, lstm, transformer, gpt"),
            (["--seeds", "0"], "--seeds must be at least 1, not 0"),
        ],
    )
    def test_wrong_use(self, learning, words, complaint, capsys):
        with pytest.raises(SystemExit, match="2"):
            learning.main(words)
        assert capsys.readouterr().err.endswith(f"error: {complaint}\n")
