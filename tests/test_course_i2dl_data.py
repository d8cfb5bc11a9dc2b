"""Loaders, datasets and transforms of I2DL, and what they refuse."""

# ruff: noqa: NPY002 (notebooks draw from the global generator)

import pickle
import random
import sys
import types

import numpy as np
import pytest

from nnlayers.course import i2dl
from nnlayers.course.i2dl import data as package
from nnlayers.course.i2dl.data import (
    ComposeTransform,
    DataLoader,
    DummyDataset,
    FlattenTransform,
    ImageFolderDataset,
    MemoryImageFolderDataset,
    NormalizeTransform,
    RandomHorizontalFlip,
    RescaleTransform,
    compute_image_mean_and_std,
)
from nnlayers.course.i2dl.data.base_dataset import Dataset


def refusal(call, error=ValueError):
    with pytest.raises(error) as caught:
        call()
    return str(caught.value)


def numbers(loader):
    return [batch["data"].tolist() for batch in loader]


class TestDataLoader:
    dataset = DummyDataset(root=None, divisor=2, limit=20)

    def test_in_order(self):
        loader = DataLoader(dataset=self.dataset, batch_size=3)
        assert numbers(loader) == [[2, 4, 6], [8, 10, 12], [14, 16, 18], [20]]
        assert len(loader) == 4
        whole = DataLoader(self.dataset, batch_size=3, drop_last=True)
        assert numbers(whole) == [[2, 4, 6], [8, 10, 12], [14, 16, 18]]
        assert len(whole) == 3
        assert numbers(DataLoader(self.dataset)) == [[2 * i] for i in range(1, 11)]

    @pytest.mark.parametrize("drop_last", [False, True])
    @pytest.mark.parametrize("batch_size", [1, 2, 5, 10, 11])
    def test_lengths(self, batch_size, drop_last):
        loader = DataLoader(self.dataset, batch_size, drop_last=drop_last)
        assert len(loader) == len(numbers(loader))
        assert len(loader) == (10 // batch_size if drop_last else -(-10 // batch_size))

    def test_shuffled(self):
        state = np.random.get_state()
        try:
            np.random.seed(3)
            orders = [np.random.permutation(10) for _ in range(2)]
            np.random.seed(3)
            loader = DataLoader(self.dataset, batch_size=4, shuffle=True)
            seeded = DataLoader(self.dataset, batch_size=4, shuffle=True, rng=3)
            for order in orders:  # another one in every pass
                expected = [2 * (i + 1) for i in order]
                assert sum(numbers(loader), []) == expected
                assert sum(numbers(seeded), []) == expected
        finally:
            np.random.set_state(state)

    def test_arrays_are_stacked(self):
        examples = [{"image": np.full((2, 3), i, float), "label": i % 2} for i in range(4)]
        first, second = DataLoader(examples, batch_size=2)
        assert first["image"].shape == (2, 2, 3)
        assert second["image"][:, 0, 0].tolist() == [2.0, 3.0]
        assert second["label"].tolist() == [0, 1]
        assert second["label"].dtype.kind == "i"
        second["image"][:] = 9.0
        assert examples[2]["image"][0, 0] == 2.0

    def test_examples_are_loaded_when_needed(self):
        loaded = []

        class Lazy(DummyDataset):
            def __getitem__(self, index):
                loaded.append(index)
                return super().__getitem__(index)

        batches = iter(DataLoader(Lazy(divisor=1, limit=10), batch_size=4))
        next(batches)
        assert loaded == [0, 1, 2, 3]

    def test_it_is_pickled(self):
        for rng in (None, 4):
            loader = DataLoader(self.dataset, batch_size=4, shuffle=True, rng=rng)
            again = pickle.loads(pickle.dumps(loader))
            assert len(again) == 3
            if rng:
                assert numbers(again) == numbers(loader)

    def test_refuses(self):
        assert refusal(lambda: DataLoader(3), TypeError) == (
            "DataLoader: dataset must have a length and numbered examples, not 3"
        )
        assert refusal(lambda: DataLoader({"X_train": 1}), TypeError) == (
            "DataLoader: dataset must be a sequence of dicts, not a dict; "
            "Solver takes a dict with X_train, y_train, X_val, y_val itself"
        )
        assert refusal(lambda: DataLoader(self.dataset, 0)) == (
            "DataLoader: batch_size must be a positive integer, not 0"
        )
        assert refusal(lambda: DataLoader(self.dataset, 2, rng="0"), TypeError).startswith(
            "DataLoader: rng must be a seed or a generator of NumPy, not '0'"
        )
        assert refusal(lambda: list(DataLoader([1, 2])), TypeError) == (
            'DataLoader: an example must be a dict, not 1; such as {"image": x, "label": y}'
        )
        assert refusal(lambda: list(DataLoader([{"a": 1, "b": 2}, {}], 2))) == (
            "DataLoader: the examples of a batch must have the same keys, not a, b and none"
        )
        examples = [{"image": np.ones((2, 3))}, {"image": np.ones((2, 2))}]
        assert refusal(lambda: list(DataLoader(examples, 2))) == (
            "DataLoader: image must have one shape in all examples of a batch, "
            "not (2, 2) and (2, 3); transform them to one size"
        )


class TestDummyDataset:
    def test_values(self):
        dataset = DummyDataset(root=None, divisor=3, limit=10)
        assert [dataset[i]["data"] for i in range(len(dataset))] == [3, 6, 9]
        assert dataset[-1] == {"data": 9}

    def test_refuses(self, tmp_path):
        assert refusal(lambda: DummyDataset(0, 10)) == (
            "DummyDataset: divisor must be a positive integer, not 0"
        )
        assert refusal(lambda: DummyDataset(2, 10, force_download=True)) == (
            "DummyDataset: nothing is downloaded here; unpack the data there"
        )
        nowhere = str(tmp_path / "nowhere")
        missing = lambda: DummyDataset(2, 10, nowhere, download_url="https://x.org/a.zip")  # noqa: E731
        assert refusal(missing, FileNotFoundError) == (
            f"DummyDataset: no folder {nowhere!r}; unpack https://x.org/a.zip there"
        )
        with pytest.raises(TypeError, match="abstract"):
            Dataset(None)


@pytest.fixture
def folder(tmp_path):
    """Make a folder of ten images in two classes, saved by NumPy."""
    root = tmp_path / "cifar"
    for label, name in enumerate(("cat", "dog")):
        (root / name).mkdir(parents=True)
        for i in range(5):
            with open(root / name / f"{i:04}.png", "wb") as f:
                np.save(f, np.full((2, 2, 3), 10 * label + i, np.uint8))
    return root


class Arrays(ImageFolderDataset):
    """Images that NumPy saved."""

    @staticmethod
    def load_image_as_numpy(image_path):
        return np.load(image_path).astype(float)


def pixels(dataset):
    return [int(dataset[i]["image"].flat[0]) for i in range(len(dataset))]


class TestImageFolder:
    def test_all_in_order(self, folder):
        dataset = Arrays(root=folder)
        assert dataset.classes == ["cat", "dog"]
        assert dataset.class_to_idx == {"cat": 0, "dog": 1}
        assert len(dataset) == 10
        assert pixels(dataset) == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]
        assert [dataset[i]["label"] for i in range(10)] == [0] * 5 + [1] * 5
        assert dataset.images[5].endswith("0000.png")
        few = Arrays(folder, limit_files=3)
        assert len(few) == len(few.images) == len(few.labels) == 3

    def test_the_parts_are_the_courses(self, folder):
        every = pixels(Arrays(folder))
        order = np.random.RandomState(0).permutation(10)
        state = np.random.get_state()
        parts = [Arrays(folder, mode=mode) for mode in ("train", "val", "test")]
        assert all(np.array_equal(a, b) for a, b in zip(state, np.random.get_state()))
        assert [len(part) for part in parts] == [6, 2, 2]
        assert sum((pixels(part) for part in parts), []) == [every[i] for i in order]
        for part in parts:
            assert all(part[i]["label"] == part[i]["image"].flat[0] // 10 for i in range(2))
        split = {"train": 0.3, "val": 0.2, "test": 0.5}
        assert pixels(Arrays(folder, mode="val", split=split)) == [every[i] for i in order[3:5]]
        assert pixels(Arrays(folder, mode="test", split=split, limit_files=2)) == [
            every[i] for i in order[5:7]
        ]

    def test_transforms(self, folder):
        transform = ComposeTransform([RescaleTransform((0, 1), (0, 14)), FlattenTransform()])
        dataset = Arrays(folder, transform=transform)
        assert dataset[9]["image"].tolist() == [1.0] * 12

    def test_pillow_reads_images(self, folder, monkeypatch):
        class Opened:
            def __init__(self, path):
                self.path, self.closed = path, False
                opened.append(self)

            def __enter__(self):
                return self

            def __exit__(self, *error):
                self.closed = True

            def __array__(self, dtype=None, copy=None):
                return np.load(self.path).astype(dtype)

        opened = []
        stand_in = types.ModuleType("PIL")
        stand_in.Image = types.SimpleNamespace(open=Opened)
        monkeypatch.setitem(sys.modules, "PIL", stand_in)
        image = ImageFolderDataset(folder)[3]["image"]
        assert image.dtype == float
        assert image[0, 0, 0] == 3.0
        assert opened[0].closed
        monkeypatch.setitem(sys.modules, "PIL", None)
        assert refusal(lambda: ImageFolderDataset(folder)[0], ImportError) == (
            "ImageFolderDataset: pillow reads images, but it is not installed; pip install pillow"
        )

    def test_refuses(self, folder):
        assert refusal(lambda: Arrays(folder, mode="training")) == (
            "Arrays: mode must be one of None, 'train', 'val', 'test', not 'training'"
        )
        assert refusal(lambda: Arrays(folder, limit_files=0)) == (
            "Arrays: limit_files must be a positive integer, not 0"
        )
        assert refusal(lambda: Arrays(folder, split={"train": 1.0})) == (
            "Arrays: split must be a dict with train, val and test, not {'train': 1.0}; "
            "such as {'train': 0.6, 'val': 0.2, 'test': 0.2}"
        )
        split = {"train": 0.5, "val": 0.2, "test": 0.2}
        assert refusal(lambda: Arrays(folder, split=split)) == (
            f"Arrays: the fractions of split must sum to 1, not {split}"
        )
        split = {"train": 1.2, "val": -0.4, "test": 0.2}
        assert refusal(lambda: Arrays(folder, split=split)).endswith(f"sum to 1, not {split}")
        assert refusal(lambda: Arrays(folder / "cat")) == (
            f"Arrays: {str(folder / 'cat')!r} has no folders of classes"
        )
        assert refusal(lambda: Arrays(folder / "x"), FileNotFoundError) == (
            f"Arrays: no folder {str(folder / 'x')!r}; "
            "unpack https://i2dl.vc.in.tum.de/static/data/cifar10.zip there"
        )


class TestMemory:
    @pytest.fixture
    def root(self, tmp_path):
        (tmp_path / "cifarmemory").mkdir()
        saved = {
            "images": np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((2, 2, 3)),
            "labels": [0] * 5 + [1] * 5,
            "classes": ["cat", "dog"],
            "class_to_idx": {"cat": 0, "dog": 1},
        }
        with open(tmp_path / "cifarmemory" / "cifar10.pckl", "wb") as f:
            pickle.dump(saved, f)
        return tmp_path / "cifar"

    def test_parts(self, root):
        dataset = MemoryImageFolderDataset(root=root)
        assert dataset.classes == ["cat", "dog"]
        assert dataset.class_to_idx == {"cat": 0, "dog": 1}
        assert pixels(dataset) == list(range(10))
        order = np.random.RandomState(0).permutation(10)
        val = MemoryImageFolderDataset(f"{root}memory", mode="val", transform=FlattenTransform())
        assert pixels(val) == order[6:8].tolist()
        assert [val[i]["label"] for i in range(2)] == [int(i >= 5) for i in order[6:8]]
        assert val[0]["image"].shape == (12,)
        assert len(MemoryImageFolderDataset(root, mode="train", limit_files=4)) == 4

    def test_refuses(self, root):
        file = root.parent / "cifarmemory" / "cifar10.pckl"
        with open(file, "wb") as f:
            pickle.dump({"images": 1, "labels": 2}, f)
        assert refusal(lambda: MemoryImageFolderDataset(root)) == (
            f"MemoryImageFolderDataset: {str(file)!r} lacks classes, class_to_idx"
        )
        with open(file, "wb") as f:
            pickle.dump([1], f)
        assert refusal(lambda: MemoryImageFolderDataset(root)).endswith(
            " lacks images, labels, classes, class_to_idx"
        )
        with open(file, "wb") as f:
            pickle.dump(print, f)
        assert "it wants to call builtins.print" in refusal(lambda: MemoryImageFolderDataset(root))
        file.unlink()
        assert refusal(lambda: MemoryImageFolderDataset(root), FileNotFoundError) == (
            f"MemoryImageFolderDataset: no file {str(file)!r}; "
            "https://i2dl.vc.in.tum.de/static/data/cifar10memory.zip"
        )


@pytest.fixture
def images():
    return np.random.default_rng(2).integers(0, 256, (5, 4, 3, 3)).astype(np.uint8)


class TestTransforms:
    def test_rescale(self, images):
        kept = images.copy()
        for out_range, in_range in (((0, 1), (0, 255)), ((-1, 1), (0, 255)), ((2, 4), (10, 20))):
            low, high = out_range
            bottom, top = in_range
            expected = low + (images.astype(float) - bottom) * (high - low) / (top - bottom)
            assert np.allclose(RescaleTransform(out_range, in_range)(images), expected)
            older = RescaleTransform(range_=out_range, old_range=in_range)
            assert np.array_equal(older(images), RescaleTransform(out_range, in_range)(images))
        assert np.allclose(RescaleTransform()(images), images / 255.0)
        assert np.array_equal(images, kept)

    def test_mean_and_std(self, images):
        mean, std = compute_image_mean_and_std(images)
        assert mean.shape == std.shape == (3,)
        for channel in range(3):
            values = [int(v) for v in images[..., channel].ravel()]
            average = sum(values) / len(values)
            assert mean[channel] == pytest.approx(average)
            square = sum((v - average) ** 2 for v in values) / len(values)
            assert std[channel] == pytest.approx(square**0.5)

    def test_normalize(self, images):
        normalized = NormalizeTransform(*compute_image_mean_and_std(images))(images)
        mean, std = compute_image_mean_and_std(normalized)
        assert np.allclose(mean, 0.0, atol=1e-14)
        assert np.allclose(std, 1.0)
        assert np.array_equal(NormalizeTransform(2.0, 4.0)(images), (images - 2.0) / 4.0)

    def test_flatten_and_compose(self, images):
        image = images[0]
        flat = FlattenTransform()(image)
        assert flat.tolist() == image.ravel().tolist()
        assert not np.shares_memory(flat, image)
        compose = ComposeTransform([RescaleTransform(), NormalizeTransform(0.5, 2.0)])
        assert np.allclose(compose(image), (image / 255.0 - 0.5) / 2.0)

    def test_flip(self, images):
        image = images[0]
        assert np.array_equal(RandomHorizontalFlip(1)(image), image[:, ::-1])
        assert np.array_equal(RandomHorizontalFlip(0.0)(image), image)
        flip, draws = RandomHorizontalFlip(0.3, rng=7), random.Random(7)
        for _ in range(20):
            expected = image[:, ::-1] if draws.uniform(0, 1) < 0.3 else image
            assert np.array_equal(flip(image), expected)
        assert pickle.loads(pickle.dumps(RandomHorizontalFlip())).p == 0.5

    def test_flip_draws_from_pythons_generator(self, images):
        state = random.getstate()
        try:
            random.seed(5)
            drawn = [random.uniform(0, 1) < 0.5 for _ in range(10)]
            random.seed(5)
            flip = RandomHorizontalFlip()
            assert [not np.array_equal(flip(images[0]), images[0]) for _ in range(10)] == drawn
        finally:
            random.setstate(state)

    def test_refuses(self):
        assert refusal(lambda: RescaleTransform((0, 1), (3, 3))) == (
            "RescaleTransform: in_range must not be a point, but is (3, 3)"
        )
        assert refusal(lambda: RescaleTransform(1)) == (
            "RescaleTransform: out_range must be two numbers, not 1; such as (0, 255)"
        )
        assert refusal(lambda: RescaleTransform(old_range=(0, 1, 2))) == (
            "RescaleTransform: in_range must be two numbers, not (0, 1, 2); such as (0, 255)"
        )
        assert refusal(lambda: RescaleTransform(range=(0, 1)), TypeError) == (
            "RescaleTransform: unknown keyword range; "
            "there are out_range, in_range, range_, old_range"
        )
        assert refusal(lambda: NormalizeTransform(0.0, np.array([1.0, 0.0]))) == (
            "NormalizeTransform: std must be greater than 0, not 0.0; is a channel constant?"
        )
        assert refusal(lambda: ComposeTransform([FlattenTransform(), 3]), TypeError) == (
            "ComposeTransform: a transform must be callable, not 3"
        )
        assert refusal(lambda: RandomHorizontalFlip(2)) == (
            "RandomHorizontalFlip: prob must be a probability from 0 to 1, not 2"
        )
        assert refusal(lambda: RandomHorizontalFlip(rng="0"), TypeError) == (
            "RandomHorizontalFlip: rng must be a seed or a random.Random, not '0'; "
            "None draws from the global generator, which random.seed seeds"
        )
        assert refusal(lambda: compute_image_mean_and_std(np.ones((2, 3)))) == (
            "compute_image_mean_and_std: images must be (N, H, W, C) with at least one pixel: "
            "got images (2, 3)"
        )
        assert "at least one pixel" in refusal(
            lambda: compute_image_mean_and_std(np.ones((0, 2, 2, 3)))
        )


def test_public_names():
    for name in ("base_dataset", "dataloader", "image_folder_dataset", "transforms"):
        module = getattr(package, name)
        for public in module.__all__:
            assert getattr(module, public).__doc__
            assert getattr(i2dl, public) is getattr(package, public) is getattr(module, public)
