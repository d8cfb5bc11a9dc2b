"""What a dataset is, as I2DL's ``data/base_dataset.py`` has it; nothing is downloaded."""

import os
from abc import ABC, abstractmethod

from nnlayers.layers.checks import complaint, positive_int

__all__ = ["Dataset", "DummyDataset"]


class Dataset(ABC):
    """Examples that are got by number, each a dict.

    Parameters
    ----------
    root : str, path or None
        The folder with the data; None for data that need none.
    download_url : str, optional
        Where the data can be had, for the error that says so.
    force_download : bool
        Only False is possible.
    verbose : bool
        Makes no difference.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If force_download is True.
    """

    def __init__(self, root, download_url=None, force_download=False, verbose=False):
        op = type(self).__name__
        where = "unpack the data there"
        if download_url is not None:
            where = f"unpack {download_url} there"
        if force_download:
            raise complaint(ValueError, op, "nothing is downloaded here", where)
        if root is not None and not os.path.isdir(root):
            raise complaint(FileNotFoundError, op, f"no folder {os.fspath(root)!r}", where)
        self.root_path = root

    @abstractmethod
    def __getitem__(self, index):
        """Return the example of this number."""

    @abstractmethod
    def __len__(self):
        """Return the number of examples."""


class DummyDataset(Dataset):
    """The numbers from 1 to a limit that are divisible by a divisor.

    Parameters
    ----------
    divisor, limit : int
        Both positive.
    **kwargs
        As for :class:`Dataset`.

    Examples
    --------
    >>> dataset = DummyDataset(divisor=2, limit=100, root=None)
    >>> len(dataset), dataset[0], dataset[-1]
    (50, {'data': 2}, {'data': 100})
    """

    def __init__(self, divisor, limit, root=None, **kwargs):
        super().__init__(root, **kwargs)
        positive_int("DummyDataset", divisor=divisor, limit=limit)
        self.data = list(range(divisor, limit + 1, divisor))

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        return {"data": self.data[index]}
