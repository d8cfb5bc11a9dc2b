"""Images in folders, one for each class: I2DL's ``data/image_folder_dataset.py``.

Nothing is downloaded; the folders are those of the course's archives.
"""

import math
import os

import numpy as np

from nnlayers.course.cs231n.data_utils import load_pickle
from nnlayers.course.i2dl.data.base_dataset import Dataset
from nnlayers.course.i2dl.data.transforms import *  # noqa: F403
from nnlayers.course.i2dl.data.transforms import __all__ as _transforms
from nnlayers.layers.checks import choice, complaint, positive_int

# in exercises 5 and 6 this file has the transforms too
__all__ = ["ImageFolderDataset", "MemoryImageFolderDataset", *_transforms]

PARTS = ("train", "val", "test")
SPLIT = {"train": 0.6, "val": 0.2, "test": 0.2}
URL = "https://i2dl.vc.in.tum.de/static/data/"


class ImageFolderDataset(Dataset):
    """Images of a folder that has a folder for each class; they are loaded when asked for.

    Parameters
    ----------
    root : str or path
        The folder.
    transform : callable, optional
        Applied to each image.
    mode : {None, "train", "val", "test"}
        Which part of the images; None is all of them, in the order of classes and names.
    limit_files : int, optional
        So many of them, the first ones.
    split : dict of str to float
        Fractions of the parts train, val and test, which are drawn at random, but always alike;
        the global generator is left alone.
    download_url : str, optional
        Where the data can be had, for the error that says so.
    **kwargs
        As for :class:`Dataset`.

    Attributes
    ----------
    classes : list of str
        Names of the classes, in alphabetical order.
    class_to_idx : dict of str to int
        Their labels.
    images, labels : list
        Paths of the images, and labels.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If the mode is no part, the fractions do not sum to 1, or there are no classes.
    """

    def __init__(
        self,
        root,
        *,
        transform=None,
        mode=None,
        limit_files=None,
        split=None,
        download_url=URL + "cifar10.zip",
        **kwargs,
    ):
        super().__init__(root, download_url, **kwargs)
        op = type(self).__name__
        choice(op, "mode", mode, (None, *PARTS))
        if limit_files is not None:
            positive_int(op, limit_files=limit_files)
        self.split, self.limit_files, self.transform = _fractions(op, split), limit_files, transform
        self.classes, self.class_to_idx = self._find_classes(root)
        images, labels = self.make_dataset(root, self.class_to_idx)
        if mode is not None:
            images, labels = self.select_split(images, labels, mode)
        self.images, self.labels = images[:limit_files], labels[:limit_files]

    @classmethod
    def _find_classes(cls, directory):
        """Return the names of the class folders, and the label of each."""
        classes = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
        if not classes:
            problem = f"{os.fspath(directory)!r} has no folders of classes"
            raise complaint(ValueError, cls.__name__, problem)
        return classes, {name: label for label, name in enumerate(classes)}

    @staticmethod
    def make_dataset(directory, class_to_idx):
        """Return the paths of all images, and their labels.

        Parameters
        ----------
        directory : str or path
            The folder.
        class_to_idx : dict of str to int
            Labels of the class folders.

        Returns
        -------
        images : list of str
            Paths, in the order of classes and names.
        labels : list of int
            The label of each.
        """
        images, labels = [], []
        for name in sorted(class_to_idx):
            for folder, _, files in sorted(os.walk(os.path.join(directory, name))):
                images += [os.path.join(folder, file) for file in sorted(files)]
            labels += [class_to_idx[name]] * (len(images) - len(labels))
        return images, labels

    def select_split(self, images, labels, mode):
        """Return the images and labels of a part.

        Parameters
        ----------
        images, labels : list or ndarray
            All of them.
        mode : {"train", "val", "test"}
            The part.

        Returns
        -------
        images, labels : list or ndarray, list
            Those of the part.
        """
        n = len(images)
        # a private generator gives the course's parts: it seeds the global one by 0
        order = np.random.RandomState(0).permutation(n)
        first = int(n * self.split["train"])
        second = first + int(n * self.split["val"])
        start, stop = {"train": (0, first), "val": (first, second), "test": (second, n)}[mode]
        chosen = order[start:stop]
        if isinstance(images, list):
            return [images[i] for i in chosen], [labels[i] for i in chosen]
        return images[chosen], [labels[i] for i in chosen]

    @staticmethod
    def load_image_as_numpy(image_path):
        """Return the image of a file as an array of floats, (H, W, C)."""
        try:
            from PIL import Image
        except ImportError:
            op, problem = "ImageFolderDataset", "pillow reads images, but it is not installed"
            raise complaint(ImportError, op, problem, "pip install pillow") from None
        with Image.open(image_path) as image:
            return np.asarray(image, dtype=float)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.load_image_as_numpy(self.images[index])
        if self.transform is not None:
            image = self.transform(image)
        return {"image": image, "label": self.labels[index]}


class MemoryImageFolderDataset(ImageFolderDataset):
    """All images in memory, from the file ``cifar10.pckl`` of a folder ``<root>memory``.

    The file is a pickle, which is read as plain data and arrays: nothing of it is run.

    Parameters
    ----------
    root : str or path
        The folder, with or without the ending ``memory``.
    **settings
        As for :class:`ImageFolderDataset`.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or file.
    ValueError
        If the file is damaged or lacks something, or as from :class:`ImageFolderDataset`.
    """

    def __init__(self, root, *, download_url=URL + "cifar10memory.zip", **settings):
        root = os.fspath(root)
        if not root.endswith("memory"):
            root += "memory"
        super().__init__(root, download_url=download_url, **settings)

    @classmethod
    def _find_classes(cls, directory):
        saved = _saved(directory)
        return saved["classes"], saved["class_to_idx"]

    @staticmethod
    def make_dataset(directory, class_to_idx):
        """Return the images (N, H, W, C) and the list of their labels."""
        saved = _saved(directory)
        return saved["images"], list(saved["labels"])

    @staticmethod
    def load_image_as_numpy(image_path):
        """Return what is an image already."""
        return image_path


def _saved(directory):
    """Return what the file of all images holds."""
    op, name = "MemoryImageFolderDataset", os.path.join(directory, "cifar10.pckl")
    if not os.path.isfile(name):
        raise complaint(FileNotFoundError, op, f"no file {name!r}", f"{URL}cifar10memory.zip")
    with open(name, "rb") as f:
        saved = load_pickle(f)
    missing = [
        key
        for key in ("images", "labels", "classes", "class_to_idx")
        if not isinstance(saved, dict) or key not in saved
    ]
    if missing:
        raise complaint(ValueError, op, f"{name!r} lacks {', '.join(missing)}")
    return saved


def _fractions(op, split):
    """Return the fractions of the parts."""
    split = SPLIT if split is None else split
    if not isinstance(split, dict) or set(split) != set(PARTS):
        problem = f"split must be a dict with train, val and test, not {split}"
        raise complaint(ValueError, op, problem, f"such as {SPLIT}")
    if not (math.isclose(sum(split.values()), 1.0) and min(split.values()) >= 0):
        raise complaint(ValueError, op, f"the fractions of split must sum to 1, not {split}")
    return split
