"""The data that comes with the library."""

import numpy as np

from nnlayers.layers.checks import complaint


def digits(dtype=np.float64):
    """Load 1,797 handwritten digits of 8 x 8 pixels: 1,442 for training and 355 for tests.

    Parameters
    ----------
    dtype : dtype
        Of the images: a floating-point one.

    Returns
    -------
    train, test : tuple of (x, y)
        Images x, shape (N, 1, 8, 8), from 0 (paper) to 1 (ink), each value being the fraction of
        the pixels of a 4 x 4 block that were inked; labels y, shape (N,), integers from 0 to 9.
        Every fifth image of each digit is a test example.  The arrays are the caller's own.

    Raises
    ------
    TypeError
        If dtype is not floating-point.

    Source
    ------
    Alpaydin, Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository
    (1998), doi:10.24432/C50P49, CC BY 4.0; see ``digits.md`` beside the data.

    Examples
    --------
    >>> (x, y), (x_test, y_test) = digits()
    >>> x.shape, x_test.shape, y[:10]
    ((1442, 1, 8, 8), (355, 1, 8, 8), array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
    """
    from importlib.resources import files

    if np.dtype(dtype).kind != "f":
        raise complaint(
            TypeError, "digits", f"images must be floating-point, not {np.dtype(dtype)}"
        )
    with files("nnlayers.data").joinpath("digits.npz").open("rb") as stream:
        stored = np.load(stream, allow_pickle=False)
        images, labels, is_test = stored["images"], stored["labels"], stored["is_test"]
    x = images[:, None].astype(dtype)  # (N, 1, 8, 8), counts of inked pixels out of 16
    x /= 16.0
    y = labels.astype(np.int64)
    return (x[~is_test], y[~is_test]), (x[is_test], y[is_test])


def alice():
    """Load the text of "Alice's Adventures in Wonderland" by Lewis Carroll (1865).

    Returns
    -------
    str
        Twelve chapters, 145,854 characters of which 66 are different; lines end in a newline.

    Source
    ------
    Project Gutenberg's "Millennium Fulcrum Edition 2.9", public domain; see ``alice.md`` beside the
    text.

    Examples
    --------
    >>> text = alice()
    >>> text[:31].split()
    ['CHAPTER', 'I', 'Down', 'the', 'Rabbit-Hole']
    >>> len(text), len(set(text))
    (145854, 66)
    """
    from importlib.resources import files

    return files("nnlayers.data").joinpath("alice.txt").read_text(encoding="ascii")
