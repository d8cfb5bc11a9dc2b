"""Convolution and max pooling of cs231n: pairs of the library, with dicts of settings.

All of the course's variants (naive, fast, im2col, strides, reshape) are these: there is nothing to
compile, and nothing that is slow.
"""

import numpy as np

import nnlayers.layers as pairs
from nnlayers.course.translation import as_floats, cache_of, called, check_settings
from nnlayers.layers.checks import bad_cache, complaint


def conv_forward_naive(x, w, b, conv_param):
    """Correlation of images with filters: :func:`nnlayers.conv2d_forward`.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W)
        Images.
    w : ndarray, shape (F, C, HH, WW)
        Filters.
    b : ndarray, shape (F,)
        Bias.
    conv_param : dict
        ``stride`` and ``pad``, one int each.

    Returns
    -------
    out : ndarray, shape (N, F, H', W')
        With H' = 1 + ⌊(H + 2 pad - HH) / stride⌋, and W' alike.
    cache : tuple
        ``(x, w, b, conv_param)``.

    Raises
    ------
    ValueError
        If shapes disagree, or a key is missing or unknown.

    Examples
    --------
    >>> x = np.arange(9.0).reshape(1, 1, 3, 3)
    >>> conv_param = {"stride": 1, "pad": 0}
    >>> conv_forward_naive(x, np.ones((1, 1, 2, 2)), np.array([0]), conv_param)[0]
    array([[[[ 8., 12.],
             [20., 24.]]]])
    """
    return conv_forward("conv_forward_naive", x, w, b, conv_param)


def conv_backward_naive(dout, cache):
    """Gradients of the convolution: :func:`nnlayers.conv2d_backward`.

    Returns
    -------
    dx, dw, db : ndarray
        Gradients, of the shapes of x, w and b.
    """
    return conv_backward("conv_backward_naive", dout, cache)


def max_pool_forward_naive(x, pool_param):
    """Largest entry of each window: :func:`nnlayers.max_pool2d_forward`.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W)
        Images.
    pool_param : dict
        ``pool_height``, ``pool_width`` and ``stride``.

    Returns
    -------
    out : ndarray, shape (N, C, H', W')
        With H' = 1 + ⌊(H - pool_height) / stride⌋, and W' alike.
    cache : tuple
        ``(x, pool_param)``.

    Raises
    ------
    ValueError
        If not one window fits, or a key is missing or unknown.
    """
    return max_pool_forward("max_pool_forward_naive", x, pool_param)


def max_pool_backward_naive(dout, cache):
    """Gradient of max pooling: to the first of the largest entries of each window.

    Returns
    -------
    dx : ndarray, shape (N, C, H, W)
        Gradient of the images.
    """
    return max_pool_backward("max_pool_backward_naive", dout, cache)


def conv_forward(op, x, w, b, conv_param, tiled=False):
    """Return out and the course's cache; op is the name under which the user called it."""
    check_settings(op, "conv_param", conv_param, ("stride", "pad"))
    x, w, b = as_floats(x, w, b)
    if tiled and x.ndim == 4 and w.ndim == 4:
        _must_tile(op, x, w.shape[2:], conv_param["stride"], conv_param["pad"])
    with called(op, "conv2d_forward"):
        out, own = pairs.conv2d_forward(x, w, b, **conv_param)
    return out, cache_of((x, w, b, conv_param), own)


def conv_backward(op, dout, cache):
    """Return the gradients for a cache of :func:`conv_forward`, or one of the same entries."""
    own = _own(op, cache, 4, lambda x, w, b, conv_param: conv_forward(op, x, w, b, conv_param))
    with called(op, "conv2d_backward"):
        return pairs.conv2d_backward(dout, own)


def max_pool_forward(op, x, pool_param, tiled=False):
    """Return out and the course's cache; op is the name under which the user called it."""
    check_settings(op, "pool_param", pool_param, ("pool_height", "pool_width", "stride"))
    (x,) = as_floats(x)
    size, stride = (pool_param["pool_height"], pool_param["pool_width"]), pool_param["stride"]
    if tiled and x.ndim == 4:
        _must_tile(op, x, size, stride, 0)
    with called(op, "max_pool2d_forward"):
        out, own = pairs.max_pool2d_forward(x, size=size, stride=stride)
    return out, cache_of((x, pool_param), own)


def max_pool_backward(op, dout, cache):
    """Return the gradient for a cache of :func:`max_pool_forward`, or one of the same entries."""
    own = _own(op, cache, 2, lambda x, pool_param: max_pool_forward(op, x, pool_param))
    with called(op, "max_pool2d_backward"):
        return pairs.max_pool2d_backward(dout, own)


def _own(op, cache, entries, forward):
    """Return the pair's cache: kept in the course's, or found again from its entries."""
    own = getattr(cache, "own", None)
    if own is not None:
        return own
    if not isinstance(cache, tuple | list) or len(cache) != entries:
        raise bad_cache(op, cache, f"the tuple of {entries}")
    return forward(*cache)[1].own


def _must_tile(op, x, window, stride, pad):
    """Raise unless windows reach exactly to the border, as this variant requires."""
    for axis, size, taps in zip(("H", "W"), x.shape[2:], window):
        # what is no number, or no size, is left to the pair to complain about
        whole = all(isinstance(n, int | np.integer) for n in (taps, stride, pad))
        if whole and taps > 0 and stride > 0 and pad >= 0:
            rest = (size + 2 * pad - taps) % stride
            if rest:
                raise complaint(
                    ValueError,
                    op,
                    f"windows must tile the images, but {rest} of {axis} = {size} are left over",
                    "the naive variant leaves a border out",
                    x=x,
                )


def check_side_by_side(op, pool_param):
    """Raise unless height, width and stride of the windows are equal."""
    names = ("pool_height", "pool_width", "stride")
    check_settings(op, "pool_param", pool_param, names)
    sizes = [pool_param[name] for name in names]
    if not sizes[0] == sizes[1] == sizes[2]:
        raise complaint(
            ValueError,
            op,
            "pool_height, pool_width and stride must be equal, not "
            + ", ".join(str(size) for size in sizes),
            "max_pool_forward_fast takes any",
        )
