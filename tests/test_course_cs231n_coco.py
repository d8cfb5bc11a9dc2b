"""The captioning solver of cs231n and the captions that it draws."""

import contextlib
import json
import os
import sys
import types

import numpy as np
import pytest

from nnlayers.course.cs231n.captioning_solver import CaptioningSolver
from nnlayers.course.cs231n.classifiers.rnn import CaptioningRNN
from nnlayers.course.cs231n.coco_utils import (
    decode_captions,
    load_coco_data,
    sample_coco_minibatch,
)


@pytest.fixture
def data():
    """A dict like that of load_coco_data: 7 captions of 4 images."""
    words = ["<NULL>", "<START>", "<END>", "a", "cat", "dog"]
    captions = [[1, 3, 4, 2], [1, 3, 5, 2], [1, 4, 2, 0], [1, 5, 2, 0]]
    data = {"idx_to_word": words, "word_to_idx": {word: i for i, word in enumerate(words)}}
    for part in ("train", "val"):
        data |= {
            f"{part}_captions": np.array(captions)[[0, 1, 2, 3, 0, 1, 2]],
            f"{part}_image_idxs": np.array([3, 1, 2, 0, 3, 1, 2]),
            f"{part}_features": np.eye(4, 6) * (1.0 if part == "train" else 2.0),
            f"{part}_urls": np.array([f"http://{part}/{i}" for i in range(4)]),
        }
    return data


class TestCaptioningSolver:
    @pytest.mark.parametrize("cell_type", ["rnn", "lstm"])
    def test_it_learns(self, data, capsys, cell_type):
        model = CaptioningRNN(data["word_to_idx"], 6, 16, 24, cell_type, rng=0)
        train = {name: value for name, value in data.items() if not name.startswith("val")}
        solver = CaptioningSolver(
            model,
            train,
            update_rule="adam",
            num_epochs=60,
            batch_size=5,
            optim_config={"learning_rate": 2e-2},
            lr_decay=0.995,
            verbose=True,
            print_every=30,
            rng=0,
        )
        solver.train()
        assert len(solver.loss_history) == 60
        assert solver.loss_history[-1] < 0.1
        lines = capsys.readouterr().out.splitlines()
        assert lines == [
            f"(Iteration {i + 1} / 60) loss: {solver.loss_history[i]:f}" for i in (0, 30)
        ]
        assert solver.optim_configs["b"]["learning_rate"] == pytest.approx(2e-2 * 0.995**60)
        captions, features, _ = sample_coco_minibatch(data, split="train", batch_size=2, rng=0)
        said = decode_captions(model.sample(features), data["idx_to_word"])
        truth = decode_captions(captions, data["idx_to_word"])
        assert [f"<START> {text}" for text in said] == truth

    def test_an_epoch_has_as_many_steps_as_there_are_whole_batches(self, data):
        count = len(data["train_captions"])
        model = CaptioningRNN(data["word_to_idx"], 6, 4, 5, rng=0)
        config = {"learning_rate": 1e-3}
        solver = CaptioningSolver(
            model, data, "adam", config, 0.5, count // 2, num_epochs=3, verbose=False, rng=0
        )
        solver.train()
        assert len(solver.loss_history) == 2 * 3
        assert solver.optim_configs["b"]["learning_rate"] == 1e-3 / 8
        assert (solver.train_acc_history, solver.best_params) == ([], {})

    def test_refuses(self, data):
        model = CaptioningRNN(data["word_to_idx"], 6, 4, 5, rng=0)
        with pytest.raises(TypeError) as caught:
            CaptioningSolver(model, data, num_train_samples=3)
        assert str(caught.value) == (
            "CaptioningSolver: unknown keyword num_train_samples; there are update_rule, "
            "optim_config, lr_decay, batch_size, num_epochs, print_every, verbose, rng"
        )
        with pytest.raises(TypeError) as caught:
            CaptioningSolver(model, {"X_train": 1})
        assert str(caught.value) == (
            "CaptioningSolver: data must be the dict of load_coco_data, not {'X_train': 1}"
        )
        with pytest.raises(ValueError, match="^CaptioningSolver: update_rule must be one of"):
            CaptioningSolver(model, data, update_rule="adagrad")


class TestCoco:
    def test_decoding(self):
        words = ["<NULL>", "<START>", "<END>", "a", "cat"]
        captions = np.array([[1, 3, 4, 2, 3], [3, 0, 4, 0, 0]])
        texts = ["<START> a cat <END>", "a cat"]
        assert decode_captions(captions, words) == texts
        assert decode_captions(captions[1], dict(enumerate(words))) == texts[1]

    def test_minibatches(self, data):
        for part in ("train", "val"):
            drawn = np.random.RandomState(4).choice(7, 9)
            captions, features, urls = sample_coco_minibatch(data, 9, part, rng=4)
            images = data[f"{part}_image_idxs"][drawn]
            assert np.array_equal(captions, data[f"{part}_captions"][drawn])
            assert np.array_equal(features, data[f"{part}_features"][images])
            assert urls.tolist() == [f"http://{part}/{i}" for i in images]
        with pytest.raises(ValueError) as caught:
            sample_coco_minibatch(data, split="test")
        assert str(caught.value) == (
            'sample_coco_minibatch: split must be "train" or "val", not \'test\''
        )

    @pytest.fixture
    def folder(self, data, tmp_path, monkeypatch):
        """Files as the course has them, and a stand-in for the package that reads them."""
        monkeypatch.chdir(tmp_path)
        place = tmp_path / "cs231n" / "datasets" / "coco_captioning"
        place.mkdir(parents=True)
        arrays = {name: data[name] for name in data if name.endswith(("captions", "idxs"))}
        contents = {"coco2014_captions.h5": arrays}
        for part in ("train", "val"):
            features = data[f"{part}_features"]
            contents[f"{part}2014_vgg16_fc7_pca.h5"] = {"features": features}
            contents[f"{part}2014_vgg16_fc7.h5"] = {"features": 3 * features}
            (place / f"{part}2014_urls.txt").write_text("\n".join(data[f"{part}_urls"]) + "\n")
        vocabulary = {name: data[name] for name in ("idx_to_word", "word_to_idx")}
        (place / "coco2014_vocab.json").write_text(json.dumps(vocabulary))
        for name in contents:
            (place / name).touch()
        opened = contextlib.nullcontext
        stand_in = types.SimpleNamespace(
            File=lambda path, mode: opened(contents[os.path.basename(path)])
        )
        monkeypatch.setitem(sys.modules, "h5py", stand_in)
        return place

    def test_loading(self, data, folder):
        found = load_coco_data()
        assert found.keys() == data.keys()
        for name, value in data.items():
            assert np.array_equal(found[name], value) if name[0] in "tv" else found[name] == value
        assert np.array_equal(
            load_coco_data(folder, pca_features=False)["val_features"], 3 * data["val_features"]
        )
        few = load_coco_data(str(folder), max_train=3, rng=1)
        drawn = np.random.RandomState(1).randint(7, size=3)
        assert np.array_equal(few["train_captions"], data["train_captions"][drawn])
        assert np.array_equal(few["train_image_idxs"], data["train_image_idxs"][drawn])
        assert len(few["train_features"]) == 4

    def test_files_that_are_missing(self, folder, monkeypatch):
        origin = "http://cs231n.stanford.edu/coco_captioning.zip holds it, 1 GB"
        monkeypatch.setitem(sys.modules, "h5py", None)
        with pytest.raises(ImportError) as caught:
            load_coco_data()
        assert str(caught.value) == ("load_coco_data: the files are read by h5py; pip install h5py")
        (folder / "val2014_urls.txt").unlink()
        with pytest.raises(FileNotFoundError) as caught:
            load_coco_data(str(folder))
        assert (
            str(caught.value) == f"load_coco_data: {str(folder)!r} lacks val2014_urls.txt; {origin}"
        )
        monkeypatch.chdir(folder)
        with pytest.raises(FileNotFoundError) as caught:
            load_coco_data()
        assert str(caught.value) == (
            "load_coco_data: no folder cs231n/datasets/coco_captioning, "
            f"datasets/coco_captioning, coco_captioning below {os.getcwd()!r}; {origin}"
        )
