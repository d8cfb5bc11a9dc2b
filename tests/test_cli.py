"""The command line: what a newcomer sees first, and what happens when something goes wrong."""

import io
import os
import re
import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import nnlayers
from nnlayers import Affine, Layer, ReLU, Sequential, SoftmaxCrossEntropy, affine_forward
from nnlayers.cli import curves, examples, main
from nnlayers.cli.progress import progress
from nnlayers.cli.verifying import compare, verify
from nnlayers.data import digits
from nnlayers.layers.layer import PairLayer
from nnlayers.training import evaluate, load


def start(*words, **options):
    """Start ``python -m nnlayers`` with these words."""
    return subprocess.Popen(
        [sys.executable, "-m", "nnlayers", *map(str, words)],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options,
    )


def without_times(text):
    return re.sub(r"\d+\.\d s", "... s", text)


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory):
    """One whole run: into a folder with a foreign name, on a stdout that knows ASCII alone."""
    folder = tmp_path_factory.mktemp("out") / "défi"
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    process = start("demo", "--out", folder, env=ascii_only)
    out, err = process.communicate()
    return SimpleNamespace(
        folder=folder, out=out.decode("ascii"), err=err.decode(), status=process.returncode
    )


class TestDemo:
    def test_it_succeeds_quietly(self, demonstration):
        assert demonstration.err == ""
        assert demonstration.status == 0

    def test_every_layer_and_loss_has_its_row(self, demonstration):
        rows = re.findall(r"^   (\w+) +(\d+)   (\d\.\de-\d\d)  (\w+)$", demonstration.out, re.M)
        assert [row[0] for row in rows] == list(examples.TABLE)
        assert all(float(error) < 1e-9 for _, _, error, _ in rows)
        assert {verdict for *_, verdict in rows} == {"right"}
        count, entries = len(rows), sum(int(row[1]) for row in rows)
        assert f"   {count} of {count} are right, {entries:,} entries.\n" in demonstration.out

    def test_the_answers_are_those_of_the_notes(self, demonstration):
        s = 1 / (1 + np.exp(-np.array([[1.0, 1.0], [5.0, 5.0]])))
        assert f"       dL/dY    {(s * (1 - s)).round(6).tolist()}\n" in demonstration.out
        assert (
            "   (a) L        52\n"
            "   (b) dL/df    [[1, 1], [1, 1]]\n"
            "   (c) dL/dY    [[2, 2], [10, 10]]\n"
            "   (d) dL/dX    [[4, 4], [20, 20]]\n"
            "   (e) dL/dW    [[20, 20], [32, 32]]\n"
        ) in demonstration.out

    def test_the_net_reads_97_percent_of_the_test_digits(self, demonstration):
        right, percent = re.search(
            r"(\d+) of 355 test digits are read correctly: (\d\d\.\d\d) %", demonstration.out
        ).groups()
        assert float(percent) >= 97.0
        assert f"{100 * int(right) / 355:.2f}" == percent

    def test_the_weights_are_those_of_the_net(self, demonstration):
        net = Sequential(Affine(64, 100), ReLU(), Affine(100, 10), SoftmaxCrossEntropy())
        load(demonstration.folder / "digits.npz", net)
        _, accuracy = evaluate(net, *digits()[1])
        assert f"{100 * accuracy:.2f} %" in demonstration.out

    def test_it_says_where_the_files_are(self, demonstration):
        curve = {"learning_curve.png", "learning_curve.txt"} & set(os.listdir(demonstration.folder))
        for name in ("digits.npz", *curve):
            path = str(demonstration.folder / name).encode("ascii", "backslashreplace").decode()
            assert f"\n   {path}" in demonstration.out
        assert len(curve) == 1
        assert len(os.listdir(demonstration.folder)) == 2

    def test_progress_is_plain_lines_where_there_is_no_terminal(self, demonstration):
        epochs = re.findall(r"^   epoch (\d+)/60  loss ", demonstration.out, re.M)
        assert epochs == ["10", "20", "30", "40", "50", "60"]
        assert "\r" not in demonstration.out.replace(os.linesep, "\n")

    def test_the_same_seed_gives_the_same(self, demonstration, tmp_path, capsys):
        assert main(["demo", "--out", str(tmp_path), "--seed", "0"]) == 0
        out = capsys.readouterr().out
        before, after = (
            without_times(text).split("4. Written")[0] for text in (demonstration.out, out)
        )
        assert before == after
        with (
            np.load(demonstration.folder / "digits.npz") as theirs,
            np.load(tmp_path / "digits.npz") as mine,
        ):
            assert all(np.array_equal(theirs[name], mine[name]) for name in mine.files)

    def test_another_seed_gives_something_else(self):
        (_, a), (_, b) = next(examples.examples(0)), next(examples.examples(1))
        assert not np.array_equal(a.inputs[0], b.inputs[0])
        assert not np.array_equal(a.layer.params["w"], b.layer.params["w"])

    def test_a_wrong_gradient_is_reported(self, monkeypatch, capsys, tmp_path):
        def wrong_backward(dout, cache):
            x, w, _ = cache
            return dout @ w.T, -(x.T @ dout)

        def wrong(r):
            w = r(4, 3)
            return Layer.from_pair(affine_forward, wrong_backward, w=w), r(5, 4)

        monkeypatch.setattr(examples, "TABLE", {"Wrong": wrong})
        monkeypatch.setattr("nnlayers.cli.demo.EPOCHS", 1)
        assert main(["demo", "--out", str(tmp_path)]) == 1
        out = capsys.readouterr().out
        assert "   Wrong                       32   2.0e+00  wrong\n" in out
        assert "   0 of 1 are right" in out


class TestExamples:
    def test_there_is_one_of_every_layer_loss_and_net(self):
        public = {name: getattr(nnlayers, name) for name in nnlayers.__all__}
        classes = {
            name
            for name, value in public.items()
            if isinstance(value, type) and issubclass(value, Layer) and value is not Layer
        }
        missing = classes - set(examples.TABLE)
        assert not missing, f"nnlayers/cli/examples.py has no example of {sorted(missing)}"
        pairs = {name.removesuffix("_forward") for name in public if name.endswith("_forward")}
        covered = {
            public[name].pair[0].__name__.removesuffix("_forward")
            for name in classes
            if issubclass(public[name], PairLayer)
        }
        steps = set(examples.TABLE) - classes
        assert steps == pairs - covered

    def test_each_is_what_its_name_says(self):
        for name, example in examples.examples():
            kind = type(example.layer).__name__
            assert kind == (name if name in nnlayers.__all__ else "_FunctionLayer")

    def test_none_is_at_a_place_where_nothing_happens(self):
        for name, example in examples.examples():
            out, _ = example.layer.forward(*example.inputs, **example.options)
            out = out[0] if isinstance(out, tuple) else out
            assert np.any(out != 0), name
            assert np.isfinite(out).all(), name


class TestVerifying:
    def test_an_error_of_one_entry_shows_in_its_size(self):
        def backward(dout, cache):
            dx = dout.copy()
            dx[2, 1] *= 1.001
            return dx

        layer = Layer.from_pair(lambda x: (1.0 * x, (x,)), backward)
        x = np.arange(12.0).reshape(4, 3)
        entries, error = compare(examples.Example(layer, (x,), {}), seed=3)
        dout = np.random.default_rng(3).standard_normal((4, 3))
        assert entries == 12
        assert error == pytest.approx(0.001 * abs(dout[2, 1]) / abs(dout).max(), rel=1e-6)

    def test_every_gradient_is_looked_at(self):
        # a fault in any one of lstm_step's six gradients is seen
        good = dict(examples.examples())["lstm_step"]
        forward, backward = good.layer.pair
        for k in range(6):

            def faulty(dout, cache, k=k):
                grads = list(backward(dout, cache))
                grads[k] = 1.01 * grads[k]
                return tuple(grads)

            bad = examples.Example(Layer.from_pair(forward, faulty), good.inputs, {})
            assert compare(bad)[1] == pytest.approx(0.01, rel=0.01)
        assert compare(good)[1] < 1e-9

    def test_parameters_are_looked_at(self):
        layer, inputs, options = dict(examples.examples())["Affine"]
        forward, backward = layer.pair
        for k in (1, 2):

            def faulty(dout, cache, k=k):
                grads = list(backward(dout, cache))
                grads[k] = 1.01 * grads[k]
                return tuple(grads)

            bad = Layer.from_pair(forward, faulty, **layer.params)
            assert compare(examples.Example(bad, inputs, {}))[1] == pytest.approx(0.01, rel=0.01)

    def test_rows_count_all_entries(self, monkeypatch):
        monkeypatch.setattr(examples, "TABLE", {"Affine": examples.TABLE["Affine"]})
        (row,) = verify()
        assert (row.name, row.entries, row.verdict) == ("Affine", 5 * 12 + 12 * 3 + 3, "right")


USAGE = "nnlayers demo --help"


class TestComplaints:
    """One line on stderr, nothing on stdout, exit status 2."""

    @pytest.mark.parametrize(
        ("words", "complaint"),
        [
            ([], "the following arguments are required: COMMAND (see nnlayers --help)"),
            (["--loud"], "the following arguments are required: COMMAND (see nnlayers --help)"),
            (["demo", "--loud"], f"unrecognized arguments: --loud (see {USAGE})"),
            (["demo", "--see", "1"], f"unrecognized arguments: --see 1 (see {USAGE})"),
            (["demo", "a\nb"], f"unrecognized arguments: a b (see {USAGE})"),
            (["demo", "--out"], f"argument --out: expected one argument (see {USAGE})"),
            (
                ["demo", "--seed", "-1"],
                f"argument --seed: must be a whole number from 0, not '-1' (see {USAGE})",
            ),
            (
                ["demo", "--seed", "1.5"],
                f"argument --seed: must be a whole number from 0, not '1.5' (see {USAGE})",
            ),
        ],
    )
    def test_wrong_use(self, words, complaint, capsys, monkeypatch):
        monkeypatch.setattr(sys, "argv", ["/somewhere/bin/nnlayers"])
        assert main(words) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err == f"nnlayers: {complaint}\n"

    def test_an_unknown_command(self, capsys):
        assert main(["dmeo"]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert "invalid choice: 'dmeo'" in err

    def test_a_file_in_place_of_the_folder(self, capsys, tmp_path, monkeypatch):
        monkeypatch.setattr(sys, "argv", ["nnlayers"])
        path = tmp_path / "file"
        path.write_text("kept")
        assert main(["demo", "--out", str(path)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err == f"nnlayers demo: cannot write to the folder {str(path)!r}: it is a file\n"
        assert path.read_text() == "kept"

    @pytest.mark.parametrize("name", ["", "file/below", 300 * "x"])
    def test_a_folder_that_cannot_be(self, name, capsys, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "file").write_text("")
        assert main(["demo", "--out", name]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert f"demo: cannot write to the folder {name!r}: " in err
        assert err.count("\n") == 1

    def test_a_folder_that_may_not_be_written_to(self, capsys, tmp_path, monkeypatch):
        def refuse(dir):
            raise PermissionError(13, "Permission denied", dir)

        monkeypatch.setattr("tempfile.TemporaryFile", refuse)
        assert main(["demo", "--out", str(tmp_path)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.endswith(
            f"demo: cannot write to the folder {str(tmp_path)!r}: Permission denied\n"
        )

    def test_a_result_that_cannot_be_written(self, capsys, tmp_path, monkeypatch):
        monkeypatch.setattr(examples, "TABLE", {"Square": examples.TABLE["Square"]})
        monkeypatch.setattr("nnlayers.cli.demo.EPOCHS", 1)
        (tmp_path / "digits.npz").mkdir()
        assert main(["demo", "--out", str(tmp_path)]) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert "cannot write" in err
        assert "it is a folder" in err

    def test_a_fault_of_the_program_is_not_hidden(self, monkeypatch, tmp_path):
        monkeypatch.setattr(examples, "TABLE", {"Bug": lambda r: 1 / 0})
        with pytest.raises(ZeroDivisionError):
            main(["demo", "--out", str(tmp_path)])


class TestHelp:
    @pytest.mark.parametrize("words", [["--help"], ["demo", "--help"]])
    def test_it_reads_well(self, words, capsys, monkeypatch):
        monkeypatch.setattr(sys, "argv", ["/lib/nnlayers/__main__.py"])
        monkeypatch.setenv("COLUMNS", "80")
        assert main(words) == 0
        out, err = capsys.readouterr()
        assert err == ""
        assert out.startswith("usage: python -m nnlayers ")
        assert all(len(line) <= 80 and line.isascii() for line in out.splitlines())
        assert "exit status: 0 all is well" in out

    def test_it_lists_the_commands(self, capsys):
        main(["--help"])
        assert "    demo      verify every layer" in capsys.readouterr().out

    def test_version(self, capsys):
        assert main(["--version"]) == 0
        assert capsys.readouterr().out == f"nnlayers {nnlayers.__version__}\n"


class TestInterruptions:
    @pytest.mark.usefixtures("ctrl_c")
    def test_ctrl_c(self, tmp_path):
        process = start("demo", "--out", tmp_path)
        while b"right" not in process.stdout.readline():  # it is at work
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
        assert err == b"python -m nnlayers demo: interrupted\n"
        assert process.returncode == 130

    def test_a_closed_pipe(self, tmp_path):
        process = start("demo", "--out", tmp_path)
        assert process.stdout.readline().startswith(b"1. Every layer")
        process.stdout.close()
        assert process.stderr.read() == b""
        process.stderr.close()
        assert process.wait() == 141

    def test_help_into_a_closed_pipe(self):
        reading, writing = os.pipe()
        os.close(reading)
        process = start("--help", stdout=writing)
        os.close(writing)
        assert process.communicate()[1] == b""

    def test_an_output_that_cannot_be_written(self, tmp_path):
        with open(os.devnull) as unwritable:
            process = start("demo", "--out", tmp_path, stdout=unwritable)
            _, err = process.communicate()
        assert err.decode().startswith("python -m nnlayers demo: cannot write the output: ")
        assert err.count(b"\n") == 1
        assert process.returncode == 2


class TestProgress:
    def test_in_a_terminal_a_line_is_overwritten(self, monkeypatch):
        terminal = io.StringIO()
        terminal.isatty = lambda: True
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setenv("COLUMNS", "30")
        with progress(every=10) as show:
            show("one", 1, 4)
            show("a text that is much too long for it", 4, 4)
        first, second = "one  [##........]", "a text that is much too long f"
        assert terminal.getvalue() == f"\r{first:<29}\r{second[:29]}\n"

    def test_elsewhere_a_line_comes_now_and_then(self, capsys):
        with progress(every=2) as show:
            for done in range(1, 6):
                show(f"epoch {done}", done, 5)
        assert capsys.readouterr().out == "epoch 2\nepoch 4\nepoch 5\n"

    def test_the_line_is_ended_when_something_fails(self, monkeypatch):
        terminal = io.StringIO()
        terminal.isatty = lambda: True
        monkeypatch.setattr(sys, "stdout", terminal)
        with pytest.raises(KeyboardInterrupt), progress(every=2) as show:
            show("epoch 1", 1, 5)
            raise KeyboardInterrupt
        assert terminal.getvalue().endswith("\n")


class TestCurves:
    PANELS = {"loss": {"train": [3.0, 0.3, 0.03], "test": [3.0, 1.0, 0.9]}}

    def test_a_chart(self):
        assert curves.chart("loss", self.PANELS["loss"], width=5, height=5).splitlines() == [
            "loss, logarithmic: o train  x test",
            "          3 |x",
            "            |  x x",
            "        0.3 |  o",
            "            |",
            "       0.03 |    o",
            "            +-----",
            "             1   3   epoch",
        ]

    def test_a_constant_curve_and_a_single_epoch(self):
        lines = curves.chart("accuracy", {"train": [0.5]}, width=4, height=3).splitlines()
        assert lines[1] == "        0.5 |o"

    def test_the_text_is_written_where_matplotlib_is_missing(self, monkeypatch, tmp_path):
        monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
        path = curves.write_curve(tmp_path, "A title", self.PANELS)
        assert os.listdir(tmp_path) == ["learning_curve.txt"]
        with open(path) as file:
            assert file.read() == f"A title\n\n{curves.chart('loss', self.PANELS['loss'])}\n"

    def test_the_picture(self, tmp_path):
        pytest.importorskip("matplotlib")
        path = curves.write_curve(tmp_path, "A title", self.PANELS | {"b": {"train": [1.0, 2.0]}})
        assert os.path.basename(path) == "learning_curve.png"
        with open(path, "rb") as file:
            content = file.read()
        assert content.startswith(b"\x89PNG")
        assert len(content) > 10_000
