"""Files of parameters: whole or not at all, and never a pickle."""

import builtins
import errno
import os
import re
import signal
import stat
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from nnlayers import Affine, Layer, ReLU, Sequential, SoftmaxCrossEntropy
from nnlayers.training import load, save

RNG = np.random.default_rng


class Normalizer(Layer):
    """Scales by a parameter; counts and averages in its state."""

    def __init__(self, size=4):
        params = {"gamma": np.ones(size)}
        super().__init__(params, {"mean": np.zeros(size), "count": np.zeros((), np.int64)})

    def forward(self, x, *, train=None, rng=None):
        if train:
            mean = 0.9 * self.state["mean"] + 0.1 * x.mean(axis=0)
            self.state = {"mean": mean, "count": self.state["count"] + 1}
        return x * self.params["gamma"], (x,)

    def backward(self, dout, cache):
        return dout * self.params["gamma"], (dout * cache[0]).sum(axis=0)


def build(seed, hidden=4):
    rng = RNG(seed)
    return Sequential(
        Affine(3, hidden, rng=rng),
        Sequential(Normalizer(hidden), ReLU()),
        Affine(hidden, 2, rng=rng, bias=False),
        SoftmaxCrossEntropy(),
    )


def trained(seed):
    net = build(seed)
    net.loss(RNG(seed).normal(size=(6, 3)), np.zeros(6, int))
    return net


def arrays(net):
    return {k: v.copy() for part in (net.params, net.state) for k, v in part.items()}


def assert_same(a, b):
    assert a.keys() == b.keys()
    for key in a:
        np.testing.assert_array_equal(a[key], b[key])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.npz"


class TestRoundTrip:
    def test_parameters_and_state(self, path):
        net, other = trained(0), build(1)
        own, views = other.params["0.w"], other.layers[1].layers[0].state
        save(path, net)
        assert load(path, other) is other
        assert_same(arrays(net), arrays(other))
        assert other.params["0.w"] is own  # written in place
        assert not views["mean"].any()  # while state is replaced
        assert os.listdir(path.parent) == ["net.npz"]

    def test_of_one_layer(self, path):
        layer = Affine(2, 3, rng=0)
        save(path, layer)
        assert_same(arrays(load(path, Affine(2, 3, rng=1))), arrays(layer))

    def test_values_that_are_easily_lost(self, path):
        w = np.array([[np.nan, -np.inf, -0.0], [5e-324, 1.0 + 2**-52, 1e308]])
        save(path, Layer(params={"w": np.asfortranarray(w), "none": np.zeros((0, 2))}))
        new = load(path, Layer(params={"w": np.zeros((2, 3)), "none": np.zeros((0, 2))}))
        assert new.params["w"].tobytes() == w.tobytes()

    def test_any_numpy_reads_it(self, path):
        net = trained(0)
        save(path, net)
        with np.load(path, allow_pickle=False) as file:
            names = {f"params/{key}" for key in net.params} | {f"state/{key}" for key in net.state}
            assert set(file.files) == names | {"meta"}
            np.testing.assert_array_equal(file["params/0.w"], net.params["0.w"])
            np.testing.assert_array_equal(file["state/1.0.mean"], net.state["1.0.mean"])

    @pytest.mark.parametrize("kind", [str, os.fsencode, lambda p: p])
    def test_the_name_is_used_as_it_is(self, tmp_path, kind):
        name = tmp_path / "weights"
        save(kind(name), Affine(1, 1))
        load(kind(name), Affine(1, 1))
        assert os.listdir(tmp_path) == ["weights"]

    def test_equal_nets_give_equal_files(self, tmp_path):
        for name in "ab":
            save(tmp_path / name, trained(0))
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
        with zipfile.ZipFile(tmp_path / "a") as archive:  # which no clock has touched
            assert {member.date_time[0] for member in archive.infolist()} == {1980}

    def test_parameters_with_awkward_names(self, path):
        names = ["file", "w.npy", "meta", "größe", "a/b", "params/0.w"]
        layer = Layer(params={name: np.full(2, i * 1.0) for i, name in enumerate(names)})
        save(path, layer)
        new = load(path, Layer(params={name: np.zeros(2) for name in names}))
        assert_same(arrays(new), arrays(layer))

    def test_a_link_stays_a_link(self, tmp_path):
        (tmp_path / "link").symlink_to(tmp_path / "file")
        save(tmp_path / "link", Affine(1, 1))
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "file").is_file()

    @pytest.mark.skipif(os.name != "posix", reason="permission bits are POSIX")
    def test_permissions_are_those_of_any_new_file(self, tmp_path):
        save(tmp_path / "a", Affine(1, 1))
        (tmp_path / "b").touch()
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == stat.S_IMODE(
            (tmp_path / "b").stat().st_mode
        )


class TestAFileThatDoesNotFit:
    @pytest.mark.parametrize(
        "net, problems",
        [
            (
                build(0, hidden=5),
                "params/0.w was (3, 4) but is (3, 5); params/0.b was (4,) but is (5,); "
                "params/1.0.gamma was (4,) but is (5,); params/2.w was (4, 2) but is (5, 2); "
                "state/1.0.mean was (4,) but is (5,)",
            ),
            (
                Sequential(Affine(3, 4, dtype=np.float32), Affine(1, 1)),
                "missing params/1.w, params/1.b; unexpected params/1.0.gamma, params/2.w, "
                "state/1.0.mean, state/1.0.count; params/0.w was float64 but is float32; "
                "params/0.b was float64 but is float32",
            ),
        ],
    )
    def test_everything_is_listed_and_nothing_loaded(self, path, net, problems):
        save(path, trained(1))
        before = arrays(net)
        with pytest.raises(ValueError) as caught:
            load(path, net)
        assert str(caught.value) == (
            f"load: {str(path)!r} does not fit the net: {problems}; build the net as it was built "
            "then; nothing was loaded"
        )
        assert_same(arrays(net), before)


class TestAFileThatIsNone:
    def fails(self, path, error, message):
        net = build(0)
        before = arrays(net)
        with pytest.raises(error) as caught:
            load(path, net)
        assert "\n" not in str(caught.value)
        assert str(caught.value) == f"load: {message}"
        assert_same(arrays(net), before)
        return caught.value

    def test_truncated_anywhere(self, path):
        save(path, trained(0))
        whole = path.read_bytes()
        for length in {0, 1, 21, 22, 100, *range(200, len(whole), 97), len(whole) - 1}:
            path.write_bytes(whole[:length])
            with pytest.raises(ValueError) as caught:
                load(path, build(0))
            assert str(caught.value) == (
                f"load: {str(path)!r} is no whole .npz file (File is not a zip file); it is "
                "damaged, or something else"
            )

    def test_damaged_anywhere(self, path):
        """Every flipped bit is found, or lies where nothing depends on it."""
        net = trained(0)
        save(path, net)
        whole, found = path.read_bytes(), 0
        for place in range(0, len(whole), 3):
            for bit in (1, 128):
                damaged = bytearray(whole)
                damaged[place] ^= bit
                path.write_bytes(damaged)
                new = build(1)
                before = arrays(new)
                try:
                    load(path, new)
                except ValueError as error:
                    found += 1
                    assert re.match(r"load: '.*' (is|was|does|has) .*; .*$", str(error))
                    assert_same(arrays(new), before)
                else:
                    assert_same(arrays(new), arrays(net))
        assert found > len(whole) // 4

    def test_text(self, path):
        path.write_text("weights")
        self.fails(
            path,
            ValueError,
            f"{str(path)!r} is no whole .npz file (File is not a zip file); it is damaged, or "
            "something else",
        )

    def test_a_pickle(self, path):
        np.savez(path, w=np.array([{}]))
        self.fails(
            path,
            ValueError,
            f"{str(path)!r} is no whole .npz file (Object arrays cannot be loaded when "
            "allow_pickle=False); it is damaged, or something else",
        )

    def test_another_archive(self, path):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("letter.txt", "hello")
        self.fails(
            path,
            ValueError,
            f"{str(path)!r} is no whole .npz file (EOF: reading magic string, expected 8 bytes got "
            "5); it is damaged, or something else",
        )

    @pytest.mark.parametrize(
        "meta",
        [
            {},
            {"meta": np.zeros(3)},
            {"meta": np.frombuffer(b'{"format": "x"}', np.uint8)},
            {"meta": np.frombuffer(b'{"format": "nnlayers"}', np.uint8)},
            {"meta": np.frombuffer(b"[1]", np.uint8)},
        ],
    )
    def test_arrays_of_another_program(self, path, meta):
        np.savez(path, w=np.zeros((3, 4)), **meta)
        self.fails(
            path,
            ValueError,
            f"{str(path)!r} was not written by nnlayers: it has no record named meta; np.load "
            "reads it",
        )

    def test_a_later_format(self, path):
        meta = b'{"format": "nnlayers", "version": 2, "kind": "net"}'
        np.savez(path, meta=np.frombuffer(meta, np.uint8))
        self.fails(
            path,
            ValueError,
            f"{str(path)!r} has format 2, but this nnlayers reads up to 1; a newer nnlayers is "
            "needed",
        )

    def test_missing(self, path):
        error = self.fails(
            path, FileNotFoundError, f"cannot read {str(path)!r}: {os.strerror(errno.ENOENT)}"
        )
        assert error.errno == errno.ENOENT

    def test_a_folder(self, tmp_path):
        self.fails(
            tmp_path,
            IsADirectoryError,
            f"cannot read {str(tmp_path)!r}: {os.strerror(errno.EISDIR)}",
        )

    def test_forbidden(self, path, monkeypatch):
        def refuse(*args, **kwargs):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        monkeypatch.setattr(builtins, "open", refuse)
        self.fails(path, PermissionError, f"cannot read {str(path)!r}: Permission denied")


class TestAWriteThatFails:
    def fails(self, path, error, message):
        with pytest.raises(error) as caught:
            save(path, build(0))
        assert str(caught.value) == f"save: {message}"

    def test_no_such_folder(self, tmp_path):
        path = tmp_path / "no" / "net.npz"
        self.fails(
            path,
            FileNotFoundError,
            f"cannot write {str(path)!r}: No such file or directory; make its folder first",
        )

    def test_a_folder(self, tmp_path):
        self.fails(tmp_path, IsADirectoryError, f"cannot write {str(tmp_path)!r}: it is a folder")
        assert os.listdir(tmp_path) == []

    @pytest.mark.skipif(not os.path.exists(os.devnull), reason="there is no null device")
    def test_a_device(self):
        self.fails(os.devnull, OSError, f"cannot write '{os.devnull}': it is no regular file")

    @pytest.mark.parametrize(
        "error, shown",
        [
            (OSError(errno.ENOSPC, "No space left on device"), OSError),
            (PermissionError(errno.EACCES, "Permission denied"), PermissionError),
            (KeyboardInterrupt(), KeyboardInterrupt),
        ],
    )
    def test_in_the_middle_leaves_the_old_file_whole(self, path, monkeypatch, error, shown):
        save(path, trained(0))
        before, write, written = path.read_bytes(), np.lib.format.write_array, []

        def fail_later(stream, array, **kwargs):
            if len(written) == 3:
                raise error
            written.append(array)
            write(stream, array, **kwargs)

        monkeypatch.setattr(np.lib.format, "write_array", fail_later)
        with pytest.raises(shown) as caught:
            save(path, trained(1))
        if isinstance(error, OSError):
            assert str(caught.value) == f"save: cannot write {str(path)!r}: {error.strerror}"
            assert caught.value.errno == error.errno
        assert path.read_bytes() == before
        assert os.listdir(path.parent) == ["net.npz"]

    @pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
    def test_by_a_crash_leaves_the_old_file_whole(self, path):
        save(path, trained(0))
        before = path.read_bytes()
        program = (
            "import os, signal, sys\n"
            "import numpy as np\n"
            "from nnlayers import Affine\n"
            "from nnlayers.training import save\n"
            "os.fsync = lambda number: os.kill(os.getpid(), signal.SIGKILL)\n"
            "save(sys.argv[1], Affine(100, 100, rng=0))\n"
        )
        done = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
        assert done.returncode == -signal.SIGKILL
        assert path.read_bytes() == before
        assert_same(arrays(load(path, build(5))), arrays(trained(0)))

    def test_is_on_the_disk_before_it_gets_its_name(self, path, monkeypatch):
        calls = []
        replace, fsync = os.replace, os.fsync
        monkeypatch.setattr(os, "fsync", lambda n: (calls.append("fsync"), fsync(n)))
        monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("replace"), replace(a, b)))
        for _ in range(2):  # the second time there is an old file
            save(path, Affine(1, 1))
        assert calls == ["fsync", "replace"] * 2


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda path: save(build(0), path),
            "save: net must be a layer or net, not PosixPath; call save(path, net)",
        ),
        (
            lambda path: load(path, build(0).params),
            "load: net must be a layer or net, not Arrays; call load(path, net)",
        ),
        (
            lambda path: save(3, build(0)),
            "save: path must be a str or path, not int; call save(path, net)",
        ),
        (
            lambda path: load(None, build(0)),
            "load: path must be a str or path, not NoneType; call load(path, net)",
        ),
    ],
)
def test_arguments_of_a_wrong_kind(path, call, message):
    with pytest.raises(TypeError) as caught:
        call(path)
    assert str(caught.value).replace("WindowsPath", "PosixPath") == message
