"""Features of images of cs231n's ``features.py``: oriented gradients and a histogram of hues."""

import numpy as np

from nnlayers.layers.checks import complaint

__all__ = ["color_histogram_hsv", "extract_features", "hog_feature", "rgb2gray"]

CELL, ORIENTATIONS = 8, 9


def extract_features(imgs, feature_fns, verbose=False):
    """Apply feature functions to all images, and put their results side by side.

    Parameters
    ----------
    imgs : ndarray, shape (N, H, W, C)
        Images.
    feature_fns : list of callable
        Each takes an image and returns a vector.
    verbose : bool
        Whether to print how far it is, every thousand images.

    Returns
    -------
    ndarray, shape (N, F1 + ... + Fk)
        A row of features for each image.

    Raises
    ------
    ValueError
        If a function returns anything but a vector.

    Examples
    --------
    >>> images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(float)
    >>> extract_features(images, [hog_feature, color_histogram_hsv]).shape
    (2, 154)
    """
    if len(imgs) == 0:
        return np.array([])
    rows = []
    for i, image in enumerate(imgs):
        found = [np.asarray(function(image.squeeze())) for function in feature_fns]
        for function, vector in zip(feature_fns, found):
            if vector.ndim != 1:
                name = getattr(function, "__name__", "a feature function")
                problem = f"{name} must return a vector"
                raise complaint(ValueError, "extract_features", problem, features=vector)
        rows.append(np.concatenate(found))
        if verbose and i % 1000 == 999:
            print(f"Done extracting features for {i + 1} / {len(imgs)} images")
    return np.array(rows)


def rgb2gray(rgb):
    """Return the brightness of an image (..., 3), with the weights that the course uses.

    They are 0.299, 0.587 and 0.144; the usual weight of blue is 0.114.
    """
    return np.asarray(rgb)[..., :3] @ np.array([0.299, 0.587, 0.144])


def hog_feature(im):
    """Histogram of oriented gradients: how much brightness changes in 9 directions, cell by cell.

    Parameters
    ----------
    im : ndarray, shape (H, W, 3) or (H, W)
        Image.

    Returns
    -------
    ndarray, shape (⌊W / 8⌋ · ⌊H / 8⌋ · 9,)
        The mean magnitude of the gradients of each direction (of 20 degrees, from -90 to 90) in
        each cell of 8 x 8 pixels; cells in columns, from left to right.

    Source
    ------
    Dalal, Triggs, "Histograms of oriented gradients for human detection" (2005), without blocks.
    """
    im = np.asarray(im, np.float64)
    image = rgb2gray(im) if im.ndim == 3 else im
    gx, gy = np.zeros(image.shape), np.zeros(image.shape)
    gx[:, :-1], gy[:-1] = np.diff(image, axis=1), np.diff(image, axis=0)
    size = np.hypot(gx, gy)
    angle = np.degrees(np.arctan2(gy, gx + 1e-15)) + 90.0
    rows, columns = (n // CELL for n in image.shape)
    histogram = np.zeros((columns, rows, ORIENTATIONS))
    width = 180.0 / ORIENTATIONS
    for i in range(ORIENTATIONS):
        inside = (angle >= width * i) & (angle < width * (i + 1)) & (angle > 0)
        pixels = np.where(inside, size, 0.0)[: rows * CELL, : columns * CELL]
        cells = pixels.reshape(rows, CELL, columns, CELL).mean(axis=(1, 3))
        histogram[:, :, i] = cells.T
    return histogram.ravel()


def color_histogram_hsv(im, nbin=10, xmin=0, xmax=255, normalized=True):
    """Histogram of the hues of an image.

    Parameters
    ----------
    im : ndarray, shape (H, W, 3)
        Image with values from 0 to xmax.
    nbin : int
        Number of bins.
    xmin, xmax : float
        The range of hues: red is 0, and the full circle xmax.
    normalized : bool
        Whether the histogram sums to 1; else it is the number of pixels times the width of a bin.

    Returns
    -------
    ndarray, shape (nbin,)
        Histogram.
    """
    hues = xmax * _hue(np.asarray(im, np.float64))
    counts, edges = np.histogram(hues, bins=np.linspace(xmin, xmax, nbin + 1))
    # hues outside xmin to xmax are in no bin and do not count
    return counts / max(1, counts.sum()) if normalized else counts * np.diff(edges)


def _hue(rgb):
    """Return the hue of each pixel as a fraction of the circle; 0 for grey."""
    brightest = rgb.max(axis=-1)
    span = brightest - rgb.min(axis=-1)
    r, g, b = np.moveaxis(rgb, -1, 0)
    divisor = np.where(span > 0, span, 1.0)
    sextant = np.select(
        [span == 0, r == brightest, g == brightest],
        [0.0, (g - b) / divisor, 2.0 + (b - r) / divisor],
        4.0 + (r - g) / divisor,
    )
    return np.mod(sextant / 6.0, 1.0)
