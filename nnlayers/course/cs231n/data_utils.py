"""CIFAR-10 from a local folder, as cs231n's ``data_utils.py`` loads it; nothing is downloaded.

The files are pickles.  They are read by an unpickler that makes arrays, strings and numbers, and
refuses everything else, so that a file can do no harm.
"""

import os
import pickle

import numpy as np

from nnlayers.layers.checks import complaint

__all__ = ["get_CIFAR10_data", "load_CIFAR10", "load_CIFAR_batch", "load_pickle"]

FOLDER = "cifar-10-batches-py"
PLACES = (f"cs231n/datasets/{FOLDER}", f"datasets/{FOLDER}", FOLDER)
ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz holds it, 163 MB"

# what arrays are pickled with, in the names of old and new versions of NumPy
_ALLOWED = {
    ("_codecs", "encode"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
}


class _Unpickler(pickle.Unpickler):
    """An unpickler that knows arrays and nothing else."""

    def find_class(self, module, name):
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it wants to call {module}.{name}")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def load_pickle(f):
    """Read plain data and arrays from a pickle file, an old one of Python 2 too.

    Parameters
    ----------
    f : file
        Open for reading bytes.

    Returns
    -------
    object
        What was pickled.

    Raises
    ------
    ValueError
        If the file is damaged, or holds anything but arrays, strings, numbers and containers of
        them; nothing of it is run.

    Examples
    --------
    >>> import io, pickle
    >>> load_pickle(io.BytesIO(pickle.dumps({"labels": [6, 9]})))
    {'labels': [6, 9]}
    """
    name = getattr(f, "name", "the file")
    try:
        return _Unpickler(f, encoding="latin1").load()
    except Exception as error:  # a damaged pickle may raise nearly anything
        raise complaint(
            ValueError,
            "load_pickle",
            f"{name!r} is no pickle of plain data and arrays ({' '.join(str(error).split())})",
            "it is damaged, or something else",
        ) from None


def load_CIFAR_batch(filename):
    """Load one file of CIFAR-10.

    Parameters
    ----------
    filename : str or path
        Such as ``data_batch_1``.

    Returns
    -------
    X : ndarray, shape (N, 32, 32, 3)
        Images, float64 from 0 to 255.
    Y : ndarray of int, shape (N,)
        Labels from 0 to 9.

    Raises
    ------
    ValueError
        If the file is damaged or is no such file.
    OSError
        If it cannot be read.
    """
    with open(filename, "rb") as f:
        batch = load_pickle(f)
    try:
        data, labels = np.asarray(batch["data"]), np.asarray(batch["labels"])
        X = data.reshape(len(labels), 3, 32, 32)
    except (KeyError, TypeError, ValueError):
        raise complaint(
            ValueError,
            "load_CIFAR_batch",
            f"{os.fspath(filename)!r} is no file of CIFAR-10: it needs data (N, 3072) and N labels",
            ORIGIN,
        ) from None
    return X.transpose(0, 2, 3, 1).astype(np.float64), labels


def load_CIFAR10(ROOT):
    """Load all of CIFAR-10 from its folder.

    Parameters
    ----------
    ROOT : str or path
        The folder ``cifar-10-batches-py``.

    Returns
    -------
    Xtr, Ytr, Xte, Yte : ndarray
        50,000 training and 10,000 test images, as from :func:`load_CIFAR_batch`, and labels.

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    ValueError
        If a file is damaged.
    """
    names = [f"data_batch_{b}" for b in range(1, 6)]
    _require("load_CIFAR10", ROOT, [*names, "test_batch"])
    batches = [load_CIFAR_batch(os.path.join(ROOT, name)) for name in names]
    xs, ys = zip(*batches)
    return (
        np.concatenate(xs),
        np.concatenate(ys),
        *load_CIFAR_batch(os.path.join(ROOT, "test_batch")),
    )


def get_CIFAR10_data(
    num_training=49000, num_validation=1000, num_test=1000, subtract_mean=True, *, root=None
):
    """Load CIFAR-10, split it, subtract the mean image, and put the channels first.

    Parameters
    ----------
    num_training, num_validation : int
        The first training images, and so many after these.
    num_test : int
        The first test images.
    subtract_mean : bool
        Whether the mean of the training images is subtracted from all.
    root : str or path, optional
        The folder ``cifar-10-batches-py``; by default it is looked for below the current folder,
        where the course keeps it.

    Returns
    -------
    dict of str to ndarray
        ``X_train, y_train, X_val, y_val, X_test, y_test``; images are (N, 3, 32, 32).

    Raises
    ------
    FileNotFoundError
        If the folder is not there.
    ValueError
        If there are fewer images than asked for, or a file is damaged.
    """
    op = "get_CIFAR10_data"
    if root is None:
        root = next((place for place in PLACES if os.path.isdir(place)), None)
        if root is None:
            raise complaint(
                FileNotFoundError,
                op,
                f"no folder {', '.join(PLACES)} below {os.getcwd()!r}",
                ORIGIN,
            )
    Xtr, ytr, Xte, yte = load_CIFAR10(root)
    for wanted, there in ((num_training + num_validation, Xtr), (num_test, Xte)):
        if wanted > len(there):
            raise complaint(
                ValueError, op, f"{wanted} images are wanted but there are {len(there)}"
            )
    parts = {
        "train": (Xtr[:num_training], ytr[:num_training]),
        "val": tuple(a[num_training : num_training + num_validation] for a in (Xtr, ytr)),
        "test": (Xte[:num_test], yte[:num_test]),
    }
    mean = parts["train"][0].mean(axis=0) if subtract_mean else 0.0
    data = {}
    for name, (X, y) in parts.items():
        data[f"X_{name}"] = np.ascontiguousarray((X - mean).transpose(0, 3, 1, 2))
        data[f"y_{name}"] = y
    return data


def _require(op, root, names):
    missing = [name for name in names if not os.path.isfile(os.path.join(root, name))]
    if missing:
        raise complaint(
            FileNotFoundError, op, f"{os.fspath(root)!r} lacks {', '.join(missing)}", ORIGIN
        )
