"""Grids of images of cs231n's ``vis_utils.py``, to be shown by matplotlib's ``imshow``."""

import math

import numpy as np

from nnlayers.layers.checks import complaint

__all__ = ["vis_grid", "vis_nn", "visualize_grid"]


def visualize_grid(Xs, ubound=255.0, padding=1):
    """Lay images out in a square grid, each stretched to the range from 0 to ubound.

    Parameters
    ----------
    Xs : ndarray, shape (N, H, W, C)
        Images, or filters with their channels last.
    ubound : float
        The brightest value; an image of one value only becomes 0.
    padding : int
        Blank pixels between images.

    Returns
    -------
    ndarray, shape (G H + (G - 1) padding, G W + (G - 1) padding, C)
        The grid, of G = ⌈√N⌉ rows and columns.

    Raises
    ------
    ValueError
        If Xs is not (N, H, W, C).

    Examples
    --------
    >>> grid = visualize_grid(np.random.default_rng(0).random((5, 4, 4, 3)))
    >>> grid.shape, grid.min(), grid.max()
    ((14, 14, 3), np.float64(0.0), np.float64(255.0))
    """
    Xs = _images("visualize_grid", Xs)
    low = Xs.min(axis=(1, 2, 3), keepdims=True, initial=np.inf)
    span = Xs.max(axis=(1, 2, 3), keepdims=True, initial=-np.inf) - low
    stretched = ubound * (Xs - low) / np.where(span > 0, span, 1.0)
    side = math.ceil(math.sqrt(len(Xs)))
    return _laid_out(stretched, side, side, padding, 0.0)


def vis_grid(Xs):
    """Lay images out in a square grid, all stretched together to the range from 0 to 1.

    Parameters
    ----------
    Xs : ndarray, shape (N, H, W, C)
        Images.

    Returns
    -------
    ndarray, shape (G (H + 1), G (W + 1), C)
        The grid, of G = ⌈√N⌉ rows and columns; a blank pixel follows each image.
    """
    Xs = _images("vis_grid", Xs)
    side = math.ceil(math.sqrt(len(Xs)))
    grid = _laid_out(Xs, side, side, 1, Xs.min(initial=np.inf))
    return _unit(np.pad(grid, ((0, 1), (0, 1), (0, 0)), mode="minimum"))


def vis_nn(rows):
    """Lay a table of images out, all stretched together to the range from 0 to 1.

    Parameters
    ----------
    rows : list of list of ndarray, each (H, W, C)
        Images, as many in each row.

    Returns
    -------
    ndarray, shape (R (H + 1), K (W + 1), C)
        The table of R rows with K images each; a pixel of value 1 follows each image.
    """
    images = _images("vis_nn", [image for row in rows for image in row])
    grid = _laid_out(images, len(rows), len(rows[0]), 1, 1.0)
    return _unit(np.pad(grid, ((0, 1), (0, 1), (0, 0)), constant_values=1.0))


def _images(op, Xs):
    Xs = np.asarray(Xs, np.float64)
    if Xs.ndim != 4 or len(Xs) == 0:
        raise complaint(
            ValueError,
            op,
            "images must be (N, H, W, C) with at least one",
            "filters w (F, C, HH, WW) are w.transpose(0, 2, 3, 1)",
            Xs=Xs,
        )
    return Xs


def _laid_out(images, rows, columns, padding, blank):
    """Return the images in a table of rows and columns, padding pixels apart."""
    _, H, W, C = images.shape
    height, width = H + padding, W + padding
    grid = np.full((rows * height - padding, columns * width - padding, C), blank)
    for i, image in enumerate(images):
        y, x = i // columns * height, i % columns * width
        grid[y : y + H, x : x + W] = image
    return grid


def _unit(grid):
    """Stretch to the range from 0 to 1."""
    span = grid.max() - grid.min()
    return (grid - grid.min()) / (span if span > 0 else 1.0)
