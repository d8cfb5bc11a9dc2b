"""The loader of CIFAR-10 of cs231n: from a folder, and by an unpickler that runs nothing."""

import io
import os
import pickle

import numpy as np
import pytest

from nnlayers.course.cs231n.data_utils import (
    get_CIFAR10_data,
    load_CIFAR10,
    load_CIFAR_batch,
    load_pickle,
)


class Harmful:
    def __reduce__(self):
        return os.mkdir, ("harm",)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder like cifar-10-batches-py, with 20 images a file, and the current folder above it."""
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "cs231n" / "datasets" / "cifar-10-batches-py"
    place.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in [*(f"data_batch_{b}" for b in range(1, 6)), "test_batch"]:
        batch = {
            "batch_label": name,
            "data": rng.integers(0, 256, (20, 3072), np.uint8),
            "labels": rng.integers(0, 10, 20).tolist(),
        }
        (place / name).write_bytes(pickle.dumps(batch, protocol=2))
    return place


class TestDataUtils:
    def test_load(self, folder):
        X, Y = load_CIFAR_batch(folder / "data_batch_2")
        stored = pickle.loads((folder / "data_batch_2").read_bytes())
        assert X.shape == (20, 32, 32, 3)
        assert X.dtype == np.float64
        assert Y.tolist() == stored["labels"]
        assert X[3, 4, 5].tolist() == stored["data"][3].reshape(3, 32, 32)[:, 4, 5].tolist()
        Xtr, Ytr, Xte, Yte = load_CIFAR10(str(folder))
        assert Xtr.shape == (100, 32, 32, 3)
        assert np.array_equal(Xtr[20:40], X)
        assert np.array_equal(Ytr[20:40], Y)
        assert Xte.shape == (20, 32, 32, 3)
        assert Yte.shape == (20,)

    def test_get_CIFAR10_data(self, folder):
        data = get_CIFAR10_data(num_training=70, num_validation=30, num_test=10)
        assert {name: array.shape for name, array in data.items()} == {
            "X_train": (70, 3, 32, 32),
            "y_train": (70,),
            "X_val": (30, 3, 32, 32),
            "y_val": (30,),
            "X_test": (10, 3, 32, 32),
            "y_test": (10,),
        }
        Xtr, ytr, Xte, _ = load_CIFAR10(folder)
        mean = Xtr[:70].mean(axis=0)
        assert np.allclose(data["X_train"].mean(axis=0), 0)
        assert np.allclose(data["X_val"][2], (Xtr[72] - mean).transpose(2, 0, 1))
        assert np.allclose(data["X_test"][2], (Xte[2] - mean).transpose(2, 0, 1))
        assert data["y_val"].tolist() == ytr[70:].tolist()
        raw = get_CIFAR10_data(70, 30, 10, subtract_mean=False, root=folder)
        assert np.array_equal(raw["X_train"][0], Xtr[0].transpose(2, 0, 1))

    def test_a_pickle_of_python_2(self):
        # what NumPy wrote under Python 2, protocol 2: bytes are strings
        data = (
            b"\x80\x02}q\x01U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\n"
            b"q\x04K\x00\x85U\x01b\x87Rq\x05(K\x01K\x02\x85cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87R"
            b"q\x07(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x02\x07\xfftbs."
        )
        assert load_pickle(io.BytesIO(data))["data"].tolist() == [7, 255]

    def test_a_pickle_cannot_do_harm(self, folder):
        with pytest.raises(ValueError) as caught:
            load_pickle(io.BytesIO(pickle.dumps({"data": Harmful()})))
        called = f"{os.mkdir.__module__}.mkdir"
        assert str(caught.value) == (
            "load_pickle: 'the file' is no pickle of plain data and arrays "
            f"(it wants to call {called}); it is damaged, or something else"
        )
        assert not os.path.exists("harm")
        (folder / "test_batch").write_bytes(pickle.dumps(Harmful()))
        with pytest.raises(ValueError, match="^load_pickle: '.*test_batch' is no pickle of plain"):
            load_CIFAR10(folder)
        assert not os.path.exists("harm")

    def test_refuses(self, folder, monkeypatch):
        whole = (folder / "data_batch_1").read_bytes()
        (folder / "data_batch_1").write_bytes(whole[:-500])
        with pytest.raises(ValueError, match="^load_pickle: .*it is damaged, or something else$"):
            load_CIFAR10(folder)
        (folder / "data_batch_1").write_bytes(pickle.dumps({"data": [1, 2]}))
        origin = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz holds it, 163 MB"
        with pytest.raises(ValueError) as caught:
            load_CIFAR_batch("cs231n/datasets/cifar-10-batches-py/data_batch_1")
        assert str(caught.value) == (
            "load_CIFAR_batch: 'cs231n/datasets/cifar-10-batches-py/data_batch_1' is no file of "
            f"CIFAR-10: it needs data (N, 3072) and N labels; {origin}"
        )
        (folder / "data_batch_1").write_bytes(whole)
        with pytest.raises(ValueError) as caught:
            get_CIFAR10_data(90, 20, 10)
        assert str(caught.value) == "get_CIFAR10_data: 110 images are wanted but there are 100"
        with pytest.raises(ValueError) as caught:
            get_CIFAR10_data(70, 20, 21)
        assert str(caught.value) == "get_CIFAR10_data: 21 images are wanted but there are 20"
        (folder / "data_batch_3").unlink()
        (folder / "test_batch").unlink()
        with pytest.raises(FileNotFoundError) as caught:
            load_CIFAR10("cs231n/datasets/cifar-10-batches-py")
        assert str(caught.value) == (
            "load_CIFAR10: 'cs231n/datasets/cifar-10-batches-py' lacks data_batch_3, test_batch; "
            + origin
        )
        monkeypatch.chdir(folder)
        with pytest.raises(FileNotFoundError) as caught:
            get_CIFAR10_data()
        assert str(caught.value) == (
            "get_CIFAR10_data: no folder cs231n/datasets/cifar-10-batches-py, "
            f"datasets/cifar-10-batches-py, cifar-10-batches-py below {os.getcwd()!r}; {origin}"
        )
