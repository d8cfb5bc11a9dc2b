"""``nnlayers check``: what a student reads, what a grader gets, and what no file can break."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nnlayers.cli import main
from nnlayers.cli.checking.inputs import SIZES, parse
from nnlayers.cli.checking.recipes import known, ways_of

STUDENTS = Path(__file__).parent / "students"
FIELDS = ["name", "kind", "line", "forward", "backward"]  # of a check
FIELDS += ["status", "message", "inputs", "printed", "report", "text"]


def start(*words, **options):
    """Start ``python -m nnlayers check`` with these words."""
    return subprocess.Popen(
        [sys.executable, "-m", "nnlayers", "check", *map(str, words)],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options,
    )


def check(*words, **options):
    """Return the exit status and what ``--json`` prints."""
    process = start("--json", *words, **options)
    out, err = process.communicate()
    assert err == b""
    assert out.count(b"\n") > 1

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return process.returncode, json.loads(out, parse_constant=refuse)


def written(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def submissions(tmp_path_factory):
    """Two hundred submissions in small: the results by name of file, and then by operation."""
    folder = tmp_path_factory.mktemp("submissions")
    package = folder / "exercise_code"
    package.mkdir()
    written(package, "__init__.py", "")
    written(package, "helpers.py", "def double(x):\n    return 2 * x\n")
    files = [STUDENTS / f"{name}.py" for name in ("all_right", "parameters", "classes", "trouble")]
    files += [
        written(folder, "syntax.py", "x = 1\ndef relu_forward(x:\n"),
        written(folder, "missing.py", "import numpy\nimport no_such_library\n"),
        written(folder, "leaves.py", "import os\nos._exit(4)\n"),
        written(folder, "quits.py", "quit = 'no'\nraise KeyboardInterrupt\n"),
        written(folder, "empty.py", "def forward(x):\n    return x\n"),
        written(
            folder,
            "nnlayers.py",
            "from nnlayers import Layer, exp_forward as e\ndef exp_forward(x):\n    return e(x)\n",
        ),
        written(
            package,
            "layers.py",
            "import os\nfrom .helpers import double\nclosed = os.close(1)\n"
            "def twice_forward(x):\n    return double(x), ()\n"
            "def twice_backward(dout, cache):\n    return double(dout)\n",
        ),
    ]
    status, found = check(*files)
    assert status == 1
    assert [entry["file"] for entry in found["files"]] == list(map(str, files))
    return {
        Path(entry["file"]).stem: entry
        | {"by": {check["name"]: check for check in entry["checks"]}}
        for entry in found["files"]
    } | {"": found}


@pytest.fixture(scope="module")
def late(tmp_path_factory):
    folder = tmp_path_factory.mktemp("late")
    hangs = "def relu_backward(dout, cache):\n    while True:\n        pass\n"
    files = [
        written(folder, "hangs.py", f"def relu_forward(x):\n    return x, x\n{hangs}"),
        written(folder, "slow.py", "import time\ntime.sleep(60)\n"),
        written(
            folder,
            "stubborn.py",
            "import faulthandler, time\nfaulthandler.cancel_dump_traceback_later()\n"
            "time.sleep(60)\n",
        ),
    ]
    status, found = check("--timeout", "5", *files)
    assert status == 1
    return found["files"]


class TestVerdicts:
    def test_all_right(self, submissions):
        result = submissions["all_right"]
        assert result["status"] == "right"
        assert list(result["by"]) == ["affine", "relu", "softmax_loss"]
        for one in result["checks"]:
            assert (one["status"], one["message"], one["inputs"]) == ("right", None, "known")
            assert one["report"]["verdict"] == "right"

    def test_dictionaries_of_parameters(self, submissions):
        found = submissions["parameters"]["by"]
        assert {name: one["status"] for name, one in found.items()} == {
            "batchnorm": "wrong",
            "batchnorm_alt": "right",
            "dropout": "right",
            "conv_naive": "right",
            "max_pool_naive": "right",
            "lstm_step": "right",
            "svm_loss": "wrong",
        }
        assert all(one["inputs"] == "known" for one in found.values())
        assert found["batchnorm"]["report"]["wrong"] == ["dx"]
        assert found["batchnorm"]["message"].startswith("missing_path: dx ")
        assert found["svm_loss"]["message"].startswith("batch_scale: dx is 5 = N ")
        assert found["batchnorm_alt"]["forward"] == "batchnorm_forward"
        assert found["lstm_step"]["report"]["shapes"]["Wx"] == [7, 12]

    def test_other_shapes_and_settings_are_checked_too(self, submissions):
        text = submissions["parameters"]["by"]["conv_naive"]["text"]
        assert "\n  with conv_param {'stride': 1, 'pad': 1}\n" in text
        assert text.endswith(
            "right too at x (5, 6, 5, 9), w (6, 6, 3, 5), b (6,), "
            "conv_param {'stride': 2, 'pad': 1}"
        )

    def test_classes(self, submissions):
        found = submissions["classes"]["by"]
        assert {name: (one["kind"], one["status"]) for name, one in found.items()} == {
            "Scale": ("class", "wrong"),
            "Sigmoid": ("class", "right"),
            "BCE": ("class", "right"),
            "Linear": ("class", "wrong"),
            "MSE": ("class", "right"),
            "Forgetful": ("class", "undecided"),
        }
        assert found["Scale"]["report"]["wrong"] == ["ds"]
        assert found["Linear"]["report"]["wrong"] == ["db"]
        assert [g["gradient"] for g in found["Linear"]["report"]["gradients"]] == ["dx", "dW", "db"]
        assert found["Forgetful"]["message"] == (
            "Forgetful keeps W, but backward neither returns a gradient of it nor keeps one as "
            "self.dW, self.grad_W or self.W_grad"
        )

    def test_a_file_may_import_its_neighbours(self, submissions):
        assert submissions["layers"]["status"] == "right"


class TestTrouble:
    @pytest.mark.parametrize(
        ("name", "status", "message"),
        [
            (
                "exits",
                "died",
                "ended the whole process, with exit status 3, in line 17 of exits_backward, "
                "`os._exit(3)`",
            ),
            (
                "quits",
                "raised",
                'quits_forward raised SystemExit in line 21 of quits_forward, `sys.exit("bye")`: '
                "bye",
            ),
            (
                "crashes",
                "died",
                "crashed the whole process (SIGSEGV) in line 29 of crashes_forward, "
                "`ctypes.string_at(0)`",
            ),
            (
                "relu",
                "raised",
                "relu_backward raised NameError in line 50 of relu_backward, `return dout * (mask "
                "> 0) # noqa: F821`: name 'mask' is not defined",
            ),
            ("tanh", "bad_output", "tanh_backward returned None: is it finished?"),
            ("sigmoid", "wrong", "bad_output: dx is 'dx', not an array"),
            (
                "elu",
                "bad_output",
                "elu_forward returned an array of shape (5, 7), not (out, cache)",
            ),
            (
                "layernorm",
                "bad_output",
                "layernorm_forward returned None in place of out: is it finished?",
            ),
            (
                "todo",
                "raised",
                "todo_forward raised NotImplementedError in line 87 of todo_forward, "
                "`raise NotImplementedError`",
            ),
            (
                "asks",
                "raised",
                "asks_forward raised EOFError in line 95 of asks_forward, "
                "`return x * float(input()), x`: EOF when reading a line",
            ),
            ("half", "incomplete", "half_forward has no backward: half_backward is not defined"),
            ("other", "incomplete", "other_backward has no forward: other_forward is not defined"),
        ],
    )
    def test_a_clear_line(self, submissions, name, status, message):
        one = submissions["trouble"]["by"][name]
        assert (one["status"], one["message"]) == (status, message)
        assert message.removeprefix("bad_output: ") in one["text"]

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory cannot be limited")
    def test_memory_is_limited(self, submissions):
        one = submissions["trouble"]["by"]["greedy"]
        assert one["status"] == "raised"
        assert "MemoryError in line 37 of greedy_forward" in one["message"]

    def test_unknown_inputs(self, submissions):
        one = submissions["trouble"]["by"]["hypot"]
        assert one["status"] == "no_inputs"
        assert one["message"] == (
            "no inputs are known for hypot: define example_inputs(op, rng) in the file, or say "
            "--input near=SHAPE --input far=SHAPE --input power=SHAPE "
            "(value:2 in place of SHAPE for a setting)"
        )
        assert "AssertionError in line 111 of hypot_forward" in one["text"]

    def test_inputs_at_which_nothing_can_be_said(self, submissions):
        one = submissions["trouble"]["by"]["elsewhere"]
        assert one["inputs"] == "example_inputs"
        assert one["status"] != "right"
        assert "what forward returns here is not finite" in one["text"]

    def test_the_rest_still_runs(self, submissions):
        assert submissions["trouble"]["by"]["cube"]["status"] == "right"

    def test_what_is_printed_is_said(self, submissions):
        found = submissions["trouble"]["by"]
        assert found["relu"]["printed"]["first"] == "x is (5, 7)"
        assert re.search(
            r"it printed \d+ lines meanwhile, first `x is \(5, 7\)`", found["relu"]["text"]
        )
        assert found["cube"]["printed"] is None

    @pytest.mark.parametrize(
        ("name", "status", "message"),
        [
            (
                "syntax",
                "import_error",
                "cannot be imported: SyntaxError in line 2, `def relu_forward(x:`: "
                "'(' was never closed",
            ),
            (
                "missing",
                "import_error",
                "cannot be imported: ModuleNotFoundError in line 2, `import no_such_library`: "
                "No module named 'no_such_library'",
            ),
            (
                "leaves",
                "died",
                "while it was imported, it ended the whole process, with exit status 4, in line 2, "
                "`os._exit(4)`",
            ),
            (
                "quits",
                "import_error",
                "cannot be imported: KeyboardInterrupt in line 2, `raise KeyboardInterrupt`",
            ),
            (
                "empty",
                "empty",
                "there is nothing to check: no <op>_forward, <op>_backward, or class with both",
            ),
        ],
    )
    def test_files_that_give_nothing(self, submissions, name, status, message):
        result = submissions[name]
        assert (result["status"], result["message"], result["checks"]) == (status, message, [])

    def test_the_name_of_a_library_is_no_obstacle(self, submissions):
        (one,) = submissions["nnlayers"]["checks"]
        assert one["message"] == "exp_forward has no backward: exp_backward is not defined"


class TestJson:
    def test_the_structure(self, submissions):
        document = submissions[""]
        assert list(document) == ["format", "nnlayers", "seed", "timeout", "ok", "files"]
        assert (document["format"], document["seed"], document["ok"]) == (1, 0, False)
        for result in document["files"]:
            assert list(result) == ["file", "status", "message", "checks"]
            for one in result["checks"]:
                assert list(one) == FIELDS
                assert one["text"].startswith("gradients of ")
                report = one["report"]
                assert report is None or report["verdict"] == one["status"]

    def test_every_status_is_described(self, submissions):
        from nnlayers.cli.check import document

        for result in submissions[""]["files"]:
            assert f'"{result["status"]}"' in document.__doc__
            for one in result["checks"]:
                assert f'"{one["status"]}"' in document.__doc__


class TestTime:
    def test_a_function_that_hangs(self, late):
        (one,) = late[0]["checks"]
        assert one["status"] == "timeout"
        assert re.fullmatch(
            r"did not finish in 5 s; it was in line [45] of relu_backward, `(while True:|pass)`",
            one["message"],
        )

    def test_a_file_that_hangs(self, late):
        assert late[1]["status"] == "timeout"
        assert late[1]["message"] == (
            "while it was imported, it did not finish in 5 s; it was in line 2, `time.sleep(60)`"
        )

    def test_a_file_that_stops_its_clock(self, late):
        assert late[2]["status"] == "timeout"
        assert late[2]["message"] == "while it was imported, it did not finish in 5 s"

    @pytest.mark.usefixtures("ctrl_c")
    @pytest.mark.skipif(not hasattr(os, "killpg"), reason="there are no such processes")
    def test_ctrl_c_ends_what_was_started(self, tmp_path):
        sign = tmp_path / "pid"
        path = written(
            tmp_path,
            "endless.py",
            f"import os, time\nwith open({str(sign)!r} + '.new', 'w') as file:\n"
            f"    file.write(str(os.getpid()))\nos.replace(file.name, {str(sign)!r})\n"
            "time.sleep(60)\n",
        )
        process = start(path)
        while not sign.exists():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
        assert err == b"python -m nnlayers check: interrupted\n"
        assert process.returncode == 130
        with pytest.raises(ProcessLookupError):
            os.kill(int(sign.read_text()), 0)


class TestInputs:
    HYPOT = (
        "import numpy as np\n"
        "def hypot_forward(near, far, power):\n"
        "    assert near.shape == (3, 5) and power == 2\n"
        "    return np.sqrt(near**power + far**power), (near, far)\n"
        "def hypot_backward(dout, cache):\n"
        "    near, far = cache\n"
        "    out = np.sqrt(near**2 + far**2)\n"
        "    return dout * near / out, dout * far / out\n"
    )

    def test_from_the_command_line(self, tmp_path, capsys):
        path = written(tmp_path, "layers.py", self.HYPOT)
        words = [
            "near=3,5",
            "hypot.far=positive:3,5",
            "far=9",
            "power=value:2",
            "other.far=7",
            "zeta=4",
        ]
        assert main(["check", str(path), *(f"--input={word}" for word in words)]) == 0
        out = capsys.readouterr().out
        assert "\n  checked at near (3, 5), far (3, 5) with random dout, seed=0\n" in out
        assert "\n  with power 2\n" in out
        assert "guessed" not in out

    def test_an_argument_that_was_forgotten(self, tmp_path, capsys):
        path = written(tmp_path, "layers.py", self.HYPOT)
        assert main(["check", str(path), "--input", "near=3,5", "--input", "far=3,5"]) == 1
        assert "  --input says what near, far is, but not power\n" in capsys.readouterr().out

    def test_an_argument_of_one_function_does_not_disturb_another(self, tmp_path, capsys):
        path = written(tmp_path, "layers.py", (STUDENTS / "all_right.py").read_text())
        assert main(["check", str(path), "--input", "x=4,9"]) == 0
        out = capsys.readouterr().out
        assert "checked at x (4, 9) with random dout" in out  # relu
        assert "checked at x (5, 7), w (7, 3), b (3,)" in out  # affine, which needs w and b too

    @pytest.mark.parametrize(
        "given",
        [
            "return rng.normal(size=(3, 5)), rng.normal(size=(3, 5)), 2",
            "return dict(far=rng.normal(size=(3, 5)), near=rng.normal(size=(3, 5)), power=2)",
        ],
    )
    def test_from_the_file(self, tmp_path, capsys, given):
        text = f"{self.HYPOT}def example_inputs(op, rng):\n    assert op == 'hypot'\n    {given}\n"
        path = written(tmp_path, "layers.py", text)
        assert main(["check", "--seed", "5", str(path)]) == 0
        assert "far (3, 5) with random dout, seed=5\n" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            (
                "return rng.normal(size=(3, 5))",
                "what example_inputs gives does not fit hypot: missing a required argument: 'far'",
            ),
            (
                "return sizes",
                "example_inputs('hypot', rng) raised NameError in line 10 of example_inputs, "
                "`return sizes`: name 'sizes' is not defined",
            ),
        ],
    )
    def test_what_the_file_gives_must_fit(self, tmp_path, capsys, given, message):
        text = f"{self.HYPOT}def example_inputs(op, rng):\n    {given}\n"
        assert main(["check", str(written(tmp_path, "layers.py", text))]) == 1
        assert f": NO INPUTS\n  {message}\n" in capsys.readouterr().out

    def test_an_object_from_the_file(self, tmp_path, capsys):
        text = (
            "import numpy as np\n"
            "class Poly:\n"
            "    def __init__(self, exponents, note):\n"
            "        self.exponents = exponents\n"
            "    def forward(self, x):\n"
            "        return x ** self.exponents.mean(), x\n"
            "    def backward(self, dout, cache):\n"
            "        p = self.exponents.mean()\n"
            "        dp = (dout * cache**p * np.log(cache)).sum()\n"
            "        return dout * p * cache ** (p - 1), np.full(2, dp / 2)\n"
        )
        path = written(tmp_path, "layers.py", text)
        assert main(["check", str(path)]) == 1
        assert (
            "no inputs are known for Poly: define example_inputs(op, rng) in the file; it may "
            "return (Poly(...), x)\n"
        ) in capsys.readouterr().out
        path.write_text(
            f"{text}def example_inputs(op, rng):\n"
            "    return Poly(np.ones(2), 'note'), rng.uniform(1, 2, (4, 3))\n"
        )
        assert main(["check", str(path)]) == 0
        assert "dx and dexponents are right" in capsys.readouterr().out


class TestTheLanguageOfInputs:
    @pytest.mark.parametrize(
        ("text", "shape"),
        [("4,3", (4, 3)), ("scalar", ()), ("N,D", (5, 7)), ("positive:2", (2,)), ("4M", (12,))],
    )
    def test_shapes(self, text, shape):
        assert parse(text).make(0, np.random.default_rng(0)).shape == shape

    def test_kinds(self):
        rng = np.random.default_rng(0)
        assert (parse("positive:99").make(0, rng) > 0).all()
        unit = parse("unit:99").make(0, rng)
        assert (unit > 0).all() and (unit < 1).all()
        labels = parse("labels:4:99").make(0, rng)
        assert set(labels) == {0, 1, 2, 3}
        assert np.allclose(parse("shares:9,4").make(0, rng).sum(axis=1), 1)
        assert parse("onehot:9,4").make(0, rng).sum() == 9
        assert set(parse("bits:99").make(0, rng)) == {0.0, 1.0}
        assert set(parse("signs:99").make(0, rng)) == {-1.0, 1.0}
        assert parse("mask:99").make(0, rng).dtype == bool
        assert np.ptp(parse("spread:99").make(0, rng)) > 13
        assert parse("value:[1, 'a']").make(0, rng) == [1, "a"]

    def test_the_second_round_has_another_batch_and_square_matrices(self):
        rng = np.random.default_rng(0)
        assert parse("N,D").make(1, rng).shape == (8, 6)
        assert parse("D,M").make(1, rng).shape == (6, 6)
        first = [sizes[0] for letter, sizes in SIZES.items() if letter in "NDMTKCV"]
        assert len(set(first)) == len(first)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("x", "'x' is not NAME=SHAPE, such as x=4,3"),
            ("=4,3", "'=4,3' is not NAME=SHAPE, such as x=4,3"),
            (
                "x=4,a",
                "'x=4,a': a shape is made of numbers and capital letters with commas between, "
                "such as 4,3 or N,D; 'a' is neither",
            ),
            ("x=Q", f"'x=Q': no size is called Q: there are {', '.join(SIZES)}"),
            ("x=2000,2000", "'x=2000,2000': that is more than 1,000,000 numbers"),
            (
                "x=odd:3",
                "'x=odd:3': there is no kind 'odd': the kinds are normal, positive, unit, shares, "
                "spread, onehot, bits, signs, mask, labels, value",
            ),
            (
                "y=labels:4",
                "'y=labels:4': labels need how many classes there are, and a shape: labels:10:5",
            ),
            ("y=labels:0:4", "'y=labels:0:4': there must be at least one class"),
            ("y=onehot:scalar", "'y=onehot:scalar': onehot need a shape with at least one axis"),
            (
                "p=value:2+x",
                "'p=value:2+x': '2+x' is no Python value, such as 2, 'train' or [1, 2]",
            ),
        ],
    )
    def test_mistakes(self, capsys, text, message):
        assert main(["check", "layers.py", "--input", text]) == 2
        err = capsys.readouterr().err
        assert f" argument --input: {message} (see " in err
        assert err.count("\n") == 1

    def test_every_row_of_the_table_can_be_read(self):
        for name in known():
            ways, _, exact = ways_of(name)
            assert ways and exact

    def test_names(self):
        assert ways_of("my_affine_naive")[2]
        assert ways_of("LeakyReLU")[2]
        assert ways_of("affine_relu")[0] and not ways_of("affine_relu")[2]
        assert ways_of("frobnicate") == ([], [], False)


class TestUse:
    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ([], "the following arguments are required: FILE"),
            (["nowhere.py"], "cannot check 'nowhere.py': there is no such file"),
            ([str(STUDENTS)], f"cannot check {str(STUDENTS)!r}: it is a folder"),
            (["--timeout", "0", "x.py"], "must be a number of seconds above 0, not '0'"),
            (["--timeout", "soon", "x.py"], "must be a number of seconds above 0, not 'soon'"),
            (["--seed", "-1", "x.py"], "must be a whole number from 0, not '-1'"),
        ],
    )
    def test_wrong_use(self, capsys, words, message):
        assert main(["check", *words]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert message in err
        assert err.count("\n") == 1

    def test_several_files_end_in_a_summary(self, tmp_path, capsys):
        right = str(STUDENTS / "all_right.py")
        wrong = str(
            written(
                tmp_path,
                "wrong.py",
                "def square_forward(x):\n    return x * x, x\n"
                "def square_backward(dout, cache):\n    return dout * cache\n",
            )
        )
        assert main(["check", right, wrong]) == 1
        out = capsys.readouterr().out
        assert f"== {right}: 3 of 3 right\n\ngradients of affine_forward" in out
        assert f"== {wrong}: 0 of 1 right\n\ngradients of square_forward" in out
        width = max(len(right), len(wrong))
        assert out.endswith(
            f"== summary\n{right:{width}}  3 of 3 right\n"
            f"{wrong:{width}}  0 of 1 right: square dx constant_scale\n1 of 2 files are right\n"
        )

    def test_the_folder_of_the_file_is_left_as_it_was(self, tmp_path):
        path = written(tmp_path, "all_right.py", (STUDENTS / "all_right.py").read_text())
        assert check(path)[0] == 0
        assert os.listdir(tmp_path) == ["all_right.py"]

    def test_the_same_seed_gives_the_same(self, tmp_path):
        path = written(
            tmp_path,
            "wrong.py",
            "def square_forward(x):\n    return x * x, x\n"
            "def square_backward(dout, cache):\n    return dout * cache\n",
        )
        first, again, other = (check(path, "--seed", seed)[1]["files"] for seed in "112")
        assert first == again
        worst = [
            found[0]["checks"][0]["report"]["gradients"][0]["worst"] for found in (first, other)
        ]
        assert worst[0] != worst[1]
