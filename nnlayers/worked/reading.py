"""Reading digits: the task of the nets for images."""

import numpy as np

from nnlayers.data import digits

MEASURE = "test digits are read correctly"
SHADES = " .:-=+*#%@"


def data(rng):
    """Return images to learn from with their shifts, images to choose by, and test images.

    A tenth of the images that are not for the test is held back to choose by.
    """
    (x, y), test = digits(np.float32)
    order = rng.permutation(len(y))
    held_back, rest = order[: len(y) // 10], order[len(y) // 10 :]
    return with_shifts(x[rest], y[rest]), (x[held_back], y[held_back]), test


def with_shifts(x, y):
    """Add to each image its four shifts by one pixel, which are the same digits.

    Parameters
    ----------
    x : ndarray, shape (N, 1, 8, 8)
        Images; what is shifted over the edge is lost, and paper comes in.
    y : ndarray of int, shape (N,)
        Labels.

    Returns
    -------
    x : ndarray, shape (5 N, 1, 8, 8)
    y : ndarray of int, shape (5 N,)

    Examples
    --------
    >>> x, y = with_shifts(np.arange(1.0, 65.0).reshape(1, 1, 8, 8), np.array([3]))
    >>> x[:, 0, 1, 1], y  # as it was, then from below, above, the right, the left
    (array([10., 18.,  2., 11.,  9.]), array([3, 3, 3, 3, 3]))
    """
    H, W = x.shape[2:]
    border = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    corners = (1, 1), (2, 1), (0, 1), (1, 2), (1, 0)
    shifts = [border[:, :, i : i + H, j : j + W] for i, j in corners]
    return np.concatenate(shifts), np.tile(y, len(corners))


def right(net, x, y):
    """Return for each image whether the digit with the highest score is the right one."""
    return net.scores(x).argmax(axis=1) == y


def sample(net, x, y):
    """Draw the first image that is misread."""
    answers = net.scores(x).argmax(axis=1)
    misread = np.flatnonzero(answers != y)
    if len(misread) == 0:
        return "none is misread"
    i = misread[0]
    return f"{drawing(x[i])}\nThis {y[i]} is read as {answers[i]}."


def drawing(image):
    """Return an image of shape (1, H, W) as lines of characters, two for each pixel.

    Examples
    --------
    >>> print(drawing(np.array([[[1.0, 0.5], [0.0, 1.0]]])))
    @@==
      @@
    """
    lines = ("".join(2 * SHADES[round(9 * float(pixel))] for pixel in line) for line in image[0])
    return "\n".join(line.rstrip() for line in lines)
