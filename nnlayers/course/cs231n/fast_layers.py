"""The fast layers of cs231n, which here are the layers of ``layers.py`` under their other names.

The course compiles an extension for them; here nothing is to be compiled.
"""

from nnlayers.course.cs231n import conv_layers as variants

__all__ = [
    "conv_backward_fast",
    "conv_backward_im2col",
    "conv_backward_strides",
    "conv_forward_fast",
    "conv_forward_im2col",
    "conv_forward_strides",
    "max_pool_backward_fast",
    "max_pool_backward_im2col",
    "max_pool_backward_reshape",
    "max_pool_forward_fast",
    "max_pool_forward_im2col",
    "max_pool_forward_reshape",
]


def conv_forward_fast(x, w, b, conv_param):
    """Convolution: see ``conv_forward_naive``."""
    return variants.conv_forward("conv_forward_fast", x, w, b, conv_param)


def conv_backward_fast(dout, cache):
    """Gradients of the convolution: see ``conv_backward_naive``."""
    return variants.conv_backward("conv_backward_fast", dout, cache)


def conv_forward_strides(x, w, b, conv_param):
    """Convolution: see ``conv_forward_naive``."""
    return variants.conv_forward("conv_forward_strides", x, w, b, conv_param)


def conv_backward_strides(dout, cache):
    """Gradients of the convolution: see ``conv_backward_naive``."""
    return variants.conv_backward("conv_backward_strides", dout, cache)


def conv_forward_im2col(x, w, b, conv_param):
    """Convolution whose windows must tile the images: see ``conv_forward_naive``."""
    return variants.conv_forward("conv_forward_im2col", x, w, b, conv_param, tiled=True)


def conv_backward_im2col(dout, cache):
    """Gradients of the convolution: see ``conv_backward_naive``."""
    return variants.conv_backward("conv_backward_im2col", dout, cache)


def max_pool_forward_fast(x, pool_param):
    """Max pooling whose windows must tile the images: see ``max_pool_forward_naive``."""
    return variants.max_pool_forward("max_pool_forward_fast", x, pool_param, tiled=True)


def max_pool_backward_fast(dout, cache):
    """Gradient of max pooling: see ``max_pool_backward_naive``."""
    return variants.max_pool_backward("max_pool_backward_fast", dout, cache)


def max_pool_forward_im2col(x, pool_param):
    """Max pooling whose windows must tile the images: see ``max_pool_forward_naive``."""
    return variants.max_pool_forward("max_pool_forward_im2col", x, pool_param, tiled=True)


def max_pool_backward_im2col(dout, cache):
    """Gradient of max pooling: see ``max_pool_backward_naive``."""
    return variants.max_pool_backward("max_pool_backward_im2col", dout, cache)


def max_pool_forward_reshape(x, pool_param):
    """Max pooling whose windows lie side by side: see ``max_pool_forward_naive``.

    Raises
    ------
    ValueError
        If the windows are not square, side by side, and tile the images.
    """
    op = "max_pool_forward_reshape"
    variants.check_side_by_side(op, pool_param)
    return variants.max_pool_forward(op, x, pool_param, tiled=True)


def max_pool_backward_reshape(dout, cache):
    """Gradient of max pooling: see ``max_pool_backward_naive``."""
    return variants.max_pool_backward("max_pool_backward_reshape", dout, cache)
