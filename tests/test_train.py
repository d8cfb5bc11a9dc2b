"""``nnlayers train``: what it prints and writes, and that stopping leaves no trace."""

import functools
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from nnlayers.cli import main, train
from nnlayers.training import SGD, Solver, load, save
from nnlayers.worked import NAMES, gpt, mlp, named

HELP = "(see nnlayers train --help)"


@pytest.fixture(autouse=True)
def called_nnlayers(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/nnlayers"])


@pytest.fixture
def small(monkeypatch):
    """Leave the examples two epochs of two steps each, few answers to count, and short samples."""
    for name in NAMES:
        example = named(name)
        enough = 3 * example.BATCH // 2

        def data(rng, whole=example.data, enough=enough):
            parts = zip(whole(rng), (enough, 20, 10))
            return tuple((x[:count], y[:count]) for (x, y), count in parts)

        monkeypatch.setattr(example, "data", data)
        monkeypatch.setattr(example, "EPOCHS", 2)
    monkeypatch.setattr(gpt, "sample", functools.partial(gpt.sample, count=20))


def content(path):
    """Return all that is in a file of a training."""
    with np.load(path) as stored:
        return {name: (stored[name].dtype, stored[name].tobytes()) for name in stored.files}


def without_times(text):
    return re.sub(r"\d+\.\d s", "... s", text)


def result(text):
    """Return the part of the output that says what the net has learned."""
    return without_times(text).split("validation: ")[-1].split("Written")[0]


@pytest.mark.parametrize("name", NAMES)
class TestStopping:
    """A stopped training goes on without a difference: all that is stored is the same."""

    @pytest.mark.parametrize("stop", [["--steps", "1"], ["--steps", "3"], ["--epochs", "1"]])
    def test_by_an_option(self, name, stop, small, capsys, tmp_path):
        whole, parts = str(tmp_path / "whole"), str(tmp_path / "parts")
        assert main(["train", name, "--seed", "3", "--out", whole]) == 0
        at_once = capsys.readouterr().out
        assert main(["train", name, "--seed", "3", "--out", parts, *stop]) == 0
        step = 2 if "--epochs" in stop else int(stop[1])
        out = capsys.readouterr().out
        assert out.endswith(
            f"\n   stopped after step {step}; go on with nnlayers train {name} --resume "
            f"--seed 3 --out {parts}\n"
        )
        file = f"{name}-seed3.npz"
        assert content(f"{parts}/{file}") != content(f"{whole}/{file}")
        assert main(["train", name, "--seed", "3", "--out", parts, "--resume"]) == 0
        out = capsys.readouterr().out
        assert f"\n   goes on after step {step}\n" in out
        assert content(f"{parts}/{file}") == content(f"{whole}/{file}")
        assert result(out) == result(at_once)

    def test_by_ctrl_c(self, name, small, capsys, tmp_path, monkeypatch):
        assert main(["train", name, "--out", str(tmp_path / "whole")]) == 0
        capsys.readouterr()
        calls, objective = [], sys.modules["nnlayers.training.solver"].objective

        def interrupted(*arguments):
            calls.append(None)
            if len(calls) == 4:
                raise KeyboardInterrupt
            return objective(*arguments)

        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setattr("nnlayers.training.solver.objective", interrupted)
            assert main(["train", name]) == 130
            out, err = capsys.readouterr()
            assert err == "nnlayers train: interrupted\n"
            assert out.endswith(
                f"\n   stopped after step 3; go on with nnlayers train {name} --resume\n"
            )
            assert main(["train", name, "--resume"]) == 0
        file = f"{name}-seed0.npz"
        assert content(tmp_path / f"nnlayers-{name}" / file) == content(tmp_path / "whole" / file)


@pytest.mark.usefixtures("ctrl_c")
class TestSignal:
    def test_a_real_ctrl_c(self, tmp_path):
        words = [sys.executable, "-m", "nnlayers", "train", "mlp", "--out", str(tmp_path / "a")]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            while b"epoch  6/60" not in process.stdout.readline():  # it is at work
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            out, err = process.communicate()
        assert err == b"python -m nnlayers train: interrupted\n"
        assert process.returncode == 130
        (step,) = re.findall(rb"\n   stopped after step (\d+); go on with ", b"\n" + out)
        assert int(step) >= 6 * 102
        # it goes on as if nothing had happened
        until, parts, whole = str(int(step) + 10), str(tmp_path / "a"), str(tmp_path / "b")
        assert main(["train", "mlp", "--out", parts, "--steps", until, "--resume"]) == 0
        assert main(["train", "mlp", "--out", whole, "--steps", until]) == 0
        assert content(f"{parts}/mlp-seed0.npz") == content(f"{whole}/mlp-seed0.npz")


class TestOutput:
    def test_all_of_it(self, small, capsys, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
        monkeypatch.chdir(tmp_path)
        assert main(["train", "transformer"]) == 0
        out = without_times(capsys.readouterr().out)
        assert re.fullmatch(
            r"A transformer adds two-digit numbers\n\n"
            r"   GPT\(12, width=64, heads=4, blocks=2, context=8, dtype='float32'\)\n"
            r"   Slice\(np\.s_\[:, -3:\]\)\n"
            r"   SoftmaxCrossEntropy\(\)\n\n"
            r"   102,156 parameters, seed 0; 192 examples to learn from,\n"
            r"   20 to choose the best epoch by, 10 for the test\n\n"
            r"(   epoch \d/2  train: loss \d\.\d{4} accuracy \d\.\d{4}"
            r"  validation: loss \d\.\d{4} accuracy \d\.\d{4}\n){2}\n"
            r"   \d of 10 sums that were kept out of training are exact:\n"
            r"   \d+\.00%, after \.\.\. s of training\n\n"
            r"(      \d\d\+\d\d=.{3}  wrong: \d{3}\n){5}\n"
            r"   Written\n\n"
            r"   nnlayers-transformer/transformer-seed0\.npz\n"
            r"   nnlayers-transformer/learning_curve\.txt\n",
            out,
        )
        curve = (tmp_path / "nnlayers-transformer" / "learning_curve.txt").read_text()
        assert curve.startswith("A transformer adds two-digit numbers\n\nloss")
        assert "o train  x validation" in curve
        assert "accuracy" in curve

    def test_there_is_no_curve_before_the_first_epoch_ends(self, small, capsys, tmp_path):
        assert main(["train", "mlp", "--out", str(tmp_path), "--steps", "1"]) == 0
        assert os.listdir(tmp_path) == ["mlp-seed0.npz"]
        assert "learning_curve" not in capsys.readouterr().out

    def test_the_picture(self, small, capsys, tmp_path):
        pytest.importorskip("matplotlib")
        assert main(["train", "mlp", "--out", str(tmp_path)]) == 0
        assert f"   {tmp_path}/learning_curve.png\n" in capsys.readouterr().out
        assert (tmp_path / "learning_curve.png").read_bytes().startswith(b"\x89PNG")

    def test_what_is_counted_is_the_best_epoch_of_the_file(self, small, capsys, tmp_path):
        assert main(["train", "mlp", "--out", str(tmp_path), "--steps", "3"]) == 0
        out = capsys.readouterr().out
        rng = np.random.default_rng(0)
        train, validation, test = mlp.data(rng)
        net = mlp.new_net(rng)
        solver = mlp.new_solver(net, train, validation, epochs=2, rng=rng)
        solver.load(tmp_path / "mlp-seed0.npz").restore_best()
        right = mlp.right(net, *test)
        assert f"   {right.sum()} of 10 {mlp.MEASURE}:\n   {right.mean():.2%}, after" in out

    def test_the_file_holds_the_net(self, small, tmp_path):
        assert main(["train", "lstm", "--out", str(tmp_path)]) == 0
        net = named("lstm").new_net(rng=1)
        before = net.to_vector()
        load(tmp_path / "lstm-seed0.npz", net)
        assert not np.array_equal(net.to_vector(), before)

    def test_another_seed_gives_something_else(self, small, tmp_path):
        for seed in ("0", "1"):
            assert main(["train", "mlp", "--out", str(tmp_path), "--seed", seed]) == 0
        assert content(tmp_path / "mlp-seed0.npz") != content(tmp_path / "mlp-seed1.npz")

    def test_a_training_that_is_finished_is_shown_again(self, small, capsys, tmp_path):
        words = ["train", "cnn", "--out", str(tmp_path)]
        assert main(words) == 0
        first, before = capsys.readouterr().out, content(tmp_path / "cnn-seed0.npz")
        assert main([*words, "--resume"]) == 0
        again = capsys.readouterr().out
        assert "   goes on after step 4\n" in again
        assert "of 10 test digits" in again
        assert (
            without_times(again).split("of 10 test")[1]
            == (without_times(first).split("of 10 test")[1])
        )
        assert content(tmp_path / "cnn-seed0.npz") == before

    def test_a_training_that_is_finished_is_done_again(self, small, capsys, tmp_path):
        words = ["train", "mlp", "--out", str(tmp_path)]
        assert main(words) == 0
        first, before = capsys.readouterr().out, content(tmp_path / "mlp-seed0.npz")
        assert main(words) == 0
        assert without_times(capsys.readouterr().out) == without_times(first)
        assert content(tmp_path / "mlp-seed0.npz") == before

    def test_a_stop_beyond_the_end_changes_nothing(self, small, capsys, tmp_path):
        assert main(["train", "mlp", "--out", str(tmp_path), "--epochs", "99"]) == 0
        assert "stopped" not in capsys.readouterr().out

    def test_the_help_reads_well(self, capsys, monkeypatch):
        monkeypatch.setenv("COLUMNS", "80")
        assert main(["train", "--help"]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        assert all(len(line) <= 80 and line.isascii() for line in out.splitlines())
        for name in NAMES:
            assert f"\n  {name} " in out

    def test_numpy_is_not_needed_for_help(self):
        code = "import sys; from nnlayers.cli import main; main(['train', '--help']);"
        code += "sys.exit('numpy' in sys.modules)"
        assert (
            subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL).returncode == 0
        )


class TestComplaints:
    """One line on stderr, exit status 2."""

    @pytest.mark.parametrize(
        ("words", "complaint"),
        [
            ([], f"nnlayers: the following arguments are required: NAME {HELP}"),
            (["mlp", "cnn"], f"nnlayers: unrecognized arguments: cnn {HELP}"),
            (["mlp", "--loud"], f"nnlayers: unrecognized arguments: --loud {HELP}"),
            (["mlp", "--out"], f"nnlayers: argument --out: expected one argument {HELP}"),
            *(
                (
                    ["mlp", f"--{name}", value],
                    f"nnlayers: argument --{name}: must be a whole number from {least}, "
                    f"not '{value}' {HELP}",
                )
                for name, value, least in (
                    ("seed", "-1", 0),
                    ("seed", "x", 0),
                    ("epochs", "0", 1),
                    ("steps", "0", 1),
                    ("steps", "1.5", 1),
                )
            ),
            (
                ["mlp", "--resume", "--seed", "7", "--out", "no/where"],
                "nnlayers train: there is no training to go on with: no file "
                "'no/where/mlp-seed7.npz'; leave out --resume",
            ),
        ],
    )
    def test_wrong_use(self, words, complaint, capsys, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert main(["train", *words]) == 2
        assert capsys.readouterr() == ("", f"{complaint}\n")
        assert os.listdir(tmp_path) == []

    def test_an_unknown_net(self, capsys):
        assert main(["train", "rnn"]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert "argument NAME: invalid choice: 'rnn' (choose from" in err

    def test_a_stop_that_lies_behind(self, small, capsys, tmp_path):
        words = ["train", "mlp", "--out", str(tmp_path)]
        assert main([*words, "--steps", "3"]) == 0
        before = content(tmp_path / "mlp-seed0.npz")
        for stop, step in ((["--steps", "1"], 1), (["--epochs", "1"], 2)):
            capsys.readouterr()
            assert main([*words, "--resume", *stop]) == 2
            assert capsys.readouterr() == (
                "",
                f"nnlayers train: the training cannot stop after step {step}: it has made 3 "
                "(2 are an epoch)\n",
            )
        assert content(tmp_path / "mlp-seed0.npz") == before

    @pytest.mark.parametrize("stop", [["--steps", "1"], ["--steps", "3"], ["--epochs", "1"]])
    @pytest.mark.parametrize("again", [[], ["--steps", "4"]])
    def test_a_stopped_training_is_not_overwritten(self, stop, again, small, capsys, tmp_path):
        out, path = str(tmp_path / "a b"), tmp_path / "a b" / "mlp-seed2.npz"
        words = ["train", "mlp", "--seed", "2", "--out", out]
        assert main([*words, *stop]) == 0
        before = path.read_bytes()
        capsys.readouterr()
        assert main([*words, *again]) == 2
        step = 2 if "--epochs" in stop else int(stop[1])
        assert capsys.readouterr() == (
            "",
            f"nnlayers train: {str(path)!r} is a training that was stopped after step {step}; go "
            f"on with nnlayers train mlp --resume --seed 2 --out '{out}', or choose another folder "
            "with --out\n",
        )
        assert path.read_bytes() == before
        # both ways out lead on
        assert main([*words, "--resume"]) == 0
        assert main([*words[:-1], str(tmp_path / "c")]) == 0
        assert content(path) == content(tmp_path / "c" / path.name)

    def test_a_training_stopped_by_ctrl_c_is_not_overwritten(
        self, small, capsys, tmp_path, monkeypatch
    ):
        def interrupt(*_):
            raise KeyboardInterrupt

        words = ["train", "mlp", "--out", str(tmp_path)]
        with monkeypatch.context() as patch:
            patch.setattr(SGD, "step", interrupt)
            assert main(words) == 130
        capsys.readouterr()
        assert main(words) == 2
        assert " is a training that was stopped after step 0; " in capsys.readouterr().err

    @pytest.mark.parametrize("kind", ["damaged", "another", "a net", "a folder"])
    def test_what_is_no_training_is_not_overwritten(self, kind, small, capsys, tmp_path):
        path = tmp_path / "mlp-seed0.npz"
        if kind == "damaged":
            path.write_bytes(b"PK\x03\x04 half of it")
        elif kind == "another":
            np.savez(path, x=np.zeros(3))
        elif kind == "a net":
            save(path, mlp.new_net(rng=0))
        else:
            path.mkdir()
        before = None if kind == "a folder" else path.read_bytes()
        assert main(["train", "mlp", "--out", str(tmp_path)]) == 2
        assert capsys.readouterr() == (
            "",
            f"nnlayers train: {str(path)!r} is there, but is no training; remove it, or choose "
            "another folder with --out\n",
        )
        assert before is None or path.read_bytes() == before

    def test_a_file_in_place_of_the_folder(self, capsys, tmp_path):
        path = tmp_path / "file"
        path.write_text("kept")
        assert main(["train", "mlp", "--out", str(path)]) == 2
        assert capsys.readouterr() == (
            "",
            f"nnlayers train: cannot write to the folder {str(path)!r}: it is a file\n",
        )
        assert path.read_text() == "kept"

    def test_a_damaged_file(self, small, capsys, tmp_path):
        path = tmp_path / "mlp-seed0.npz"
        path.write_bytes(b"PK\x03\x04 half of it")
        assert main(["train", "mlp", "--out", str(tmp_path), "--resume"]) == 2
        assert capsys.readouterr() == (
            "",
            f"nnlayers train: Solver.load: {str(path)!r} is no whole .npz file (File is not a zip "
            "file); it is damaged, or something else\n",
        )

    def test_the_training_of_another_net(self, small, capsys, tmp_path):
        assert main(["train", "cnn", "--out", str(tmp_path), "--steps", "1"]) == 0
        path = tmp_path / "mlp-seed0.npz"
        os.rename(tmp_path / "cnn-seed0.npz", path)
        capsys.readouterr()
        assert main(["train", "mlp", "--out", str(tmp_path), "--resume"]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(f"nnlayers train: Solver.load: {str(path)!r} does not fit the net: ")
        assert err.count("\n") == 1

    def test_a_file_that_cannot_be_read(self, small, capsys, tmp_path):
        path = tmp_path / "mlp-seed0.npz"
        path.mkdir()
        assert main(["train", "mlp", "--out", str(tmp_path), "--resume"]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err == (f"nnlayers train: Solver.load: cannot read {str(path)!r}: Is a directory\n")

    @pytest.mark.parametrize("stop", [[], ["interrupted"]])
    def test_a_training_that_cannot_be_written(self, stop, small, capsys, tmp_path, monkeypatch):
        def interrupt(*_):
            raise KeyboardInterrupt

        if stop:
            monkeypatch.setattr(SGD, "step", interrupt)
        path = tmp_path / "mlp-seed0.npz"
        monkeypatch.setattr(train, "show_task", lambda *_: path.mkdir())
        assert main(["train", "mlp", "--out", str(tmp_path)]) == 2
        assert capsys.readouterr().err == (
            f"nnlayers train: Solver.save: cannot write {str(path)!r}: it is a folder\n"
        )

    def test_a_curve_that_cannot_be_written(self, small, capsys, tmp_path):
        for name in ("learning_curve.png", "learning_curve.txt"):
            (tmp_path / name).mkdir()
        assert main(["train", "mlp", "--out", str(tmp_path)]) == 2
        err = capsys.readouterr().err
        assert err.startswith("nnlayers train: ")
        assert "learning_curve." in err
        assert err.count("\n") == 1

    def test_a_fault_of_the_program_is_not_hidden(self, small, tmp_path, monkeypatch):
        monkeypatch.setattr(Solver, "train", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            main(["train", "mlp", "--out", str(tmp_path)])
