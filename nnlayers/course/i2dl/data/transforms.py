"""Transforms of images of I2DL's ``data/transforms.py``: callables that return a new array.

Legend: N images, H height, W width, C channels, which are last.
"""

import numpy as np

from nnlayers.course.i2dl.conventions import python_source
from nnlayers.course.translation import check_keywords
from nnlayers.layers.checks import complaint, describe

__all__ = [
    "ComposeTransform",
    "FlattenTransform",
    "NormalizeTransform",
    "RandomHorizontalFlip",
    "RescaleTransform",
    "compute_image_mean_and_std",
]


def compute_image_mean_and_std(images):
    """Mean and standard deviation of each channel.

    Parameters
    ----------
    images : ndarray, shape (N, H, W, C)
        Images.

    Returns
    -------
    mean, std : ndarray, shape (C,)
        Over all pixels of all images.

    Raises
    ------
    ValueError
        If images are not (N, H, W, C), or have no pixels.

    Examples
    --------
    >>> compute_image_mean_and_std(np.arange(4.0).reshape(1, 1, 2, 2))
    (array([1., 2.]), array([1., 1.]))
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.size == 0:
        problem = "images must be (N, H, W, C) with at least one pixel"
        raise complaint(ValueError, "compute_image_mean_and_std", problem, images=images)
    return images.mean(axis=(0, 1, 2)), images.std(axis=(0, 1, 2))


class RescaleTransform:
    """Map values linearly from one range to another.

    Parameters
    ----------
    out_range : tuple of float
        Lowest and highest value afterwards; exercises 5 and 6 call it ``range_``.
    in_range : tuple of float
        Lowest and highest value before; exercises 5 and 6 call it ``old_range``.

    Raises
    ------
    TypeError, ValueError
        If a keyword is unknown, or a range is not two numbers; in_range must not be a point.

    Examples
    --------
    >>> RescaleTransform((-1, 1))(np.array([0, 255]))
    array([-1.,  1.])
    """

    def __init__(self, out_range=(0, 1), in_range=(0, 255), **names):
        out_range, in_range = names.pop("range_", out_range), names.pop("old_range", in_range)
        check_keywords("RescaleTransform", names, ("out_range", "in_range", "range_", "old_range"))
        self.min, self.max = _bounds("out_range", out_range)
        self._data_min, self._data_max = _bounds("in_range", in_range)
        if self._data_min == self._data_max:
            problem = f"in_range must not be a point, but is {in_range}"
            raise complaint(ValueError, "RescaleTransform", problem)

    def __call__(self, images):
        """Return the images with values in the new range."""
        unit = (np.asarray(images) - self._data_min) / (self._data_max - self._data_min)
        return unit * (self.max - self.min) + self.min


class NormalizeTransform:
    """Subtract the mean and divide by the standard deviation.

    Parameters
    ----------
    mean, std : float or ndarray, shape (C,)
        Of all values, or of each channel.

    Raises
    ------
    ValueError
        If a standard deviation is not greater than 0.

    Examples
    --------
    >>> NormalizeTransform(np.array([1.0, 2.0]), 2.0)(np.array([[[1.0, 4.0]]]))
    array([[[0., 1.]]])
    """

    def __init__(self, mean, std):
        if not (np.asarray(std) > 0).all():
            problem = f"std must be greater than 0, not {np.asarray(std).min()}"
            raise complaint(ValueError, "NormalizeTransform", problem, "is a channel constant?")
        self.mean, self.std = mean, std

    def __call__(self, images):
        """Return the normalized images."""
        return (np.asarray(images) - self.mean) / self.std


class FlattenTransform:
    """Make a vector of an image.

    Examples
    --------
    >>> FlattenTransform()(np.zeros((2, 2, 3))).shape
    (12,)
    """

    def __call__(self, image):
        """Return a flat copy of the image."""
        return np.asarray(image).flatten()


class ComposeTransform:
    """Apply transforms one after the other.

    Parameters
    ----------
    transforms : list of callable
        The transforms, the first one first.

    Raises
    ------
    TypeError
        If one cannot be called.

    Examples
    --------
    >>> ComposeTransform([RescaleTransform(), FlattenTransform()])(np.full((1, 1, 2), 255))
    array([1., 1.])
    """

    def __init__(self, transforms):
        for transform in transforms:
            if not callable(transform):
                problem = f"a transform must be callable, not {describe(transform)}"
                raise complaint(TypeError, "ComposeTransform", problem)
        self.transforms = transforms

    def __call__(self, images):
        """Return what the last transform makes of the images."""
        for transform in self.transforms:
            images = transform(images)
        return images


class RandomHorizontalFlip:
    """Mirror an image from left to right at random, to enlarge the training data.

    Parameters
    ----------
    prob : float
        Probability of mirroring an image.
    rng : int or random.Random, optional
        What is drawn from: by default Python's global generator, as in the course.

    Raises
    ------
    ValueError, TypeError
        If prob is not from 0 to 1, or rng is neither.

    Examples
    --------
    >>> RandomHorizontalFlip(1)(np.array([[[1], [2]]]))[0, :, 0]
    array([2, 1])
    """

    def __init__(self, prob=0.5, *, rng=None):
        if not 0 <= prob <= 1:
            problem = f"prob must be a probability from 0 to 1, not {prob}"
            raise complaint(ValueError, "RandomHorizontalFlip", problem)
        # the global generator is a module, which could not be pickled
        self.p = prob
        self.rng = None if rng is None else python_source(rng, "RandomHorizontalFlip")

    def __call__(self, image):
        """Return the image (H, W, C), or its mirror image."""
        drawn = python_source(self.rng, "RandomHorizontalFlip").uniform(0, 1)
        return np.flip(image, 1) if drawn < self.p else image


def _bounds(name, bounds):
    """Return the two ends of a range."""
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError):
        problem = f"{name} must be two numbers, not {describe(bounds)}"
        raise complaint(ValueError, "RescaleTransform", problem, "such as (0, 255)") from None
    return low, high
