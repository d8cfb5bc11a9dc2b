"""Captions of images as cs231n's ``coco_utils.py`` loads, draws and decodes them."""

import json
import os

import numpy as np

from nnlayers.course.translation import source
from nnlayers.layers.checks import complaint

__all__ = ["decode_captions", "load_coco_data", "sample_coco_minibatch"]

PLACES = ("cs231n/datasets/coco_captioning", "datasets/coco_captioning", "coco_captioning")
ORIGIN = "http://cs231n.stanford.edu/coco_captioning.zip holds it, 1 GB"


def load_coco_data(base_dir=None, max_train=None, pca_features=True, *, rng=None):
    """Load captions, features and URLs of images from a folder; nothing is downloaded.

    Parameters
    ----------
    base_dir : str or path, optional
        The folder ``coco_captioning``; by default it is looked for below the current folder,
        where the course keeps it.
    max_train : int, optional
        Draw so many training captions, with replacement.
    pca_features : bool
        Whether to load features of size 512 rather than of 4096.
    rng : int or generator, optional
        What they are drawn from: by default NumPy's global generator, as in the course.

    Returns
    -------
    dict
        Arrays ``train_captions``, ``train_image_idxs``, ``train_features``, ``train_urls``, the
        same for ``val``, and the vocabulary ``idx_to_word`` and ``word_to_idx``.

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    ImportError
        If h5py, which reads the files, is not installed.
    """
    op = "load_coco_data"
    if base_dir is None:
        base_dir = next((place for place in PLACES if os.path.isdir(place)), None)
        if base_dir is None:
            problem = f"no folder {', '.join(PLACES)} below {os.getcwd()!r}"
            raise complaint(FileNotFoundError, op, problem, ORIGIN)
    kind = "_pca" if pca_features else ""
    features = {part: f"{part}2014_vgg16_fc7{kind}.h5" for part in ("train", "val")}
    urls = {part: f"{part}2014_urls.txt" for part in ("train", "val")}
    captions, vocabulary = "coco2014_captions.h5", "coco2014_vocab.json"
    names = [captions, *features.values(), vocabulary, *urls.values()]
    missing = [name for name in names if not os.path.isfile(os.path.join(base_dir, name))]
    if missing:
        problem = f"{os.fspath(base_dir)!r} lacks {', '.join(missing)}"
        raise complaint(FileNotFoundError, op, problem, ORIGIN)
    try:
        import h5py
    except ImportError:
        raise complaint(ImportError, op, "the files are read by h5py", "pip install h5py") from None

    data = {}
    with h5py.File(os.path.join(base_dir, captions), "r") as f:
        data |= {name: np.asarray(values) for name, values in f.items()}
    for part in ("train", "val"):
        with h5py.File(os.path.join(base_dir, features[part]), "r") as f:
            data[f"{part}_features"] = np.asarray(f["features"])
        with open(os.path.join(base_dir, urls[part]), encoding="utf-8") as f:
            data[f"{part}_urls"] = np.asarray([line.strip() for line in f])
    with open(os.path.join(base_dir, vocabulary), encoding="utf-8") as f:
        data |= json.load(f)
    if max_train is not None:
        drawn = source(rng, op).choice(len(data["train_captions"]), max_train)
        data["train_captions"] = data["train_captions"][drawn]
        data["train_image_idxs"] = data["train_image_idxs"][drawn]
    return data


def decode_captions(captions, idx_to_word):
    """Turn captions into text.

    Parameters
    ----------
    captions : ndarray of int, shape (N, T) or (T,)
        Words; ``<NULL>`` is left out, and what follows ``<END>``.
    idx_to_word : list or dict
        The vocabulary.

    Returns
    -------
    list of str, or str for one caption
        Texts.

    Examples
    --------
    >>> words = ["<NULL>", "<START>", "<END>", "a", "cat"]
    >>> decode_captions(np.array([[1, 3, 4, 2, 0]]), words)
    ['<START> a cat <END>']
    """
    captions = np.asarray(captions)
    texts = []
    for caption in captions[None] if captions.ndim == 1 else captions:
        words = [idx_to_word[index] for index in caption]
        if "<END>" in words:
            words = words[: words.index("<END>") + 1]
        texts.append(" ".join(word for word in words if word != "<NULL>"))
    return texts[0] if captions.ndim == 1 else texts


def sample_coco_minibatch(data, batch_size=100, split="train", *, rng=None):
    """Draw captions with replacement, and the features and URLs of their images.

    Parameters
    ----------
    data : dict
        From :func:`load_coco_data`.
    batch_size : int
        Number of captions N.
    split : {"train", "val"}
        Which of them.
    rng : int or generator, optional
        What they are drawn from: by default NumPy's global generator, as in the course.

    Returns
    -------
    captions : ndarray of int, shape (N, T)
        Words.
    image_features : ndarray, shape (N, D)
        Features.
    urls : ndarray of str, shape (N,)
        URLs.

    Raises
    ------
    ValueError
        If the data has no such split.
    """
    op = "sample_coco_minibatch"
    if f"{split}_captions" not in data:
        raise complaint(ValueError, op, f'split must be "train" or "val", not {split!r}')
    drawn = source(rng, op).choice(len(data[f"{split}_captions"]), batch_size)
    images = data[f"{split}_image_idxs"][drawn]
    return (
        data[f"{split}_captions"][drawn],
        data[f"{split}_features"][images],
        data[f"{split}_urls"][images],
    )
