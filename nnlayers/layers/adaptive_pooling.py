"""Average pooling to a size of the output that is chosen, whatever the size of the images.

Legend: N batch, C channels, H and W size of the images, OH and OW that of the output.
"""

import numpy as np

from nnlayers.layers.checks import ARRAY, complaint, one_float, unpack, upstream
from nnlayers.layers.geometry import has_axes, two_ints
from nnlayers.layers.layer import PairLayer
from nnlayers.layers.window_sums import laid_out_as


def global_avg_pool2d_forward(x):
    """Mean of each channel over the whole image.

    out[n,c] = 1 / (H W) Σ x[n,c,i,j]  over i, j

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W)
        Images.

    Returns
    -------
    out : ndarray, shape (N, C)
        One row for each image, as affine takes it.
    cache : tuple
        What :func:`global_avg_pool2d_backward` needs.

    Raises
    ------
    ValueError
        If x is not (N, C, H, W), or its images are empty.
    TypeError
        If x is not floating-point.

    Source
    ------
    Lin, Chen, Yan, "Network in network" (2014), section 3.2.

    Examples
    --------
    >>> global_avg_pool2d_forward(np.arange(8.0).reshape(1, 2, 2, 2))[0]
    array([[1.5, 5.5]])
    """
    op = "global_avg_pool2d_forward"
    x = one_float(op, x)
    _check_images(op, x)
    out = x.mean(axis=(2, 3))
    return out, (out, x.shape)


def global_avg_pool2d_backward(dout, cache):
    """Gradient of global average pooling: every pixel of a channel gets dout / (H W).

    out[n,c] = Σ x[n,c,i,j] / (H W), so ∂out[n,c]/∂x[n,c,i,j] = 1 / (H W) for all i, j.
    """
    op = "global_avg_pool2d_backward"
    out, shape = unpack(op, cache, ("out", "shape"), (ARRAY, tuple), 4)
    dout = upstream(op, dout, out.shape, out.dtype) * (1.0 / (shape[2] * shape[3]))
    N, C, H, W = shape
    dx = np.empty((N, H, W, C), out.dtype)  # channels last in memory, as convolutions work
    dx[...] = dout[:, None, None]
    return dx.transpose(0, 3, 1, 2)


def adaptive_avg_pool2d_forward(x, *, size):
    """Mean of each window, where windows are chosen so that there are OH x OW of them.

    out[n,c,i,j] = mean of x[n,c,k,l]  over ⌊i H / OH⌋ ≤ k < ⌈(i + 1) H / OH⌉ and
    ⌊j W / OW⌋ ≤ l < ⌈(j + 1) W / OW⌉

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W)
        Images.
    size : int or pair of int
        OH and OW.  Where they do not divide H and W, neighbouring windows overlap.

    Returns
    -------
    out : ndarray, shape (N, C, OH, OW)
        Means.
    cache : tuple
        What :func:`adaptive_avg_pool2d_backward` needs.

    Raises
    ------
    ValueError
        If x is not (N, C, H, W), its images are empty, or size is not positive.
    TypeError
        If x is not floating-point, or size is no integer.

    Source
    ------
    He, Zhang, Ren, Sun, "Spatial pyramid pooling in deep convolutional networks" (2014); PyTorch,
    ``AdaptiveAvgPool2d``.

    Examples
    --------
    >>> adaptive_avg_pool2d_forward(np.array([[[[1.0, 3.0, 5.0, 7.0]]]]), size=(1, 3))[0]
    array([[[[2., 4., 6.]]]])
    """
    op = "adaptive_avg_pool2d_forward"
    x = one_float(op, x)
    _check_images(op, x)
    OH, OW = two_ints(op, "size", size, 1)
    out = _means(_means(x, 2, OH), 3, OW)
    return out, (out, x.shape)


def adaptive_avg_pool2d_backward(dout, cache):
    """Gradient of adaptive average pooling: each entry of a window of n entries gets dout / n.

    out = Σ x / n over the window, so ∂out/∂x = 1 / n for each of its entries.
    An entry of several windows gets the sum of their gradients.
    """
    op = "adaptive_avg_pool2d_backward"
    out, shape = unpack(op, cache, ("out", "shape"), (ARRAY, tuple), 4)
    dout = laid_out_as(out, upstream(op, dout, out.shape, out.dtype))
    return _back_from_means(_back_from_means(dout, 3, shape[3]), 2, shape[2])


class GlobalAvgPool2d(PairLayer):
    """Layer of :func:`global_avg_pool2d_forward`.

    Examples
    --------
    >>> GlobalAvgPool2d().forward(np.ones((2, 3, 4, 4)))[0].shape
    (2, 3)
    """

    pair = global_avg_pool2d_forward, global_avg_pool2d_backward


class AdaptiveAvgPool2d(PairLayer):
    """Layer of :func:`adaptive_avg_pool2d_forward`.

    Parameters
    ----------
    size : int or pair of int
        OH and OW.

    Examples
    --------
    >>> AdaptiveAvgPool2d(2)
    AdaptiveAvgPool2d(2)
    >>> AdaptiveAvgPool2d(2).forward(np.ones((1, 3, 5, 7)))[0].shape
    (1, 3, 2, 2)
    """

    pair = adaptive_avg_pool2d_forward, adaptive_avg_pool2d_backward

    def __init__(self, size):
        two_ints("AdaptiveAvgPool2d", "size", size, 1)
        self.hold(size=size)

    def __repr__(self):
        return self.form(self.settings["size"])


def _check_images(op, x):
    """Raise unless x are images with at least one pixel."""
    has_axes(op, "N, C, H, W", x)
    if 0 in x.shape[2:]:
        raise complaint(ValueError, op, "the mean of no pixels is undefined", x=x)


def _bins(size, count):
    """Yield (i, slice) for count bins of size entries."""
    for i in range(count):
        yield i, slice(i * size // count, -(-(i + 1) * size // count))


def _means(x, axis, count):
    """Return the means of x over so many bins along an axis."""
    lead = (slice(None),) * axis
    out = np.empty_like(x, shape=(*x.shape[:axis], count, *x.shape[axis + 1 :]))
    for i, part in _bins(x.shape[axis], count):
        x[(*lead, part)].mean(axis=axis, out=out[(*lead, i)])
    return out


def _back_from_means(out, axis, size):
    """Return the gradient of what :func:`_means` was given, for the upstream gradient out."""
    lead = (slice(None),) * axis
    x = np.zeros_like(out, shape=(*out.shape[:axis], size, *out.shape[axis + 1 :]))
    for i, part in _bins(size, out.shape[axis]):
        x[(*lead, part)] += out[(*lead, slice(i, i + 1))] * (1.0 / (part.stop - part.start))
    return x
