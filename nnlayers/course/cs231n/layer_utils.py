"""Sandwiches of cs231n's ``layer_utils.py``: two or three layers as one.

Gradients come in the order of the inputs.
"""

from nnlayers.course.cs231n.fast_layers import (
    conv_backward_fast,
    conv_forward_fast,
    max_pool_backward_fast,
    max_pool_forward_fast,
)
from nnlayers.course.cs231n.layers import (
    affine_backward,
    affine_forward,
    relu_backward,
    relu_forward,
    spatial_batchnorm_backward,
    spatial_batchnorm_forward,
)
from nnlayers.layers.checks import bad_cache

__all__ = [
    "affine_relu_backward",
    "affine_relu_forward",
    "conv_bn_relu_backward",
    "conv_bn_relu_forward",
    "conv_relu_backward",
    "conv_relu_forward",
    "conv_relu_pool_backward",
    "conv_relu_pool_forward",
]


def affine_relu_forward(x, w, b):
    """Affine map and ReLU; return out and the cache ``(fc_cache, relu_cache)``."""
    a, fc_cache = affine_forward(x, w, b)
    out, relu_cache = relu_forward(a)
    return out, (fc_cache, relu_cache)


def affine_relu_backward(dout, cache):
    """Gradients dx, dw, db of affine map and ReLU."""
    fc_cache, relu_cache = _parts("affine_relu_backward", cache, "fc", "relu")
    return affine_backward(relu_backward(dout, relu_cache), fc_cache)


def conv_relu_forward(x, w, b, conv_param):
    """Convolution and ReLU; return out and the cache ``(conv_cache, relu_cache)``."""
    a, conv_cache = conv_forward_fast(x, w, b, conv_param)
    out, relu_cache = relu_forward(a)
    return out, (conv_cache, relu_cache)


def conv_relu_backward(dout, cache):
    """Gradients dx, dw, db of convolution and ReLU."""
    conv_cache, relu_cache = _parts("conv_relu_backward", cache, "conv", "relu")
    return conv_backward_fast(relu_backward(dout, relu_cache), conv_cache)


def conv_bn_relu_forward(x, w, b, gamma, beta, conv_param, bn_param):
    """Convolution, batch norm and ReLU; the cache is ``(conv_cache, bn_cache, relu_cache)``."""
    a, conv_cache = conv_forward_fast(x, w, b, conv_param)
    normed, bn_cache = spatial_batchnorm_forward(a, gamma, beta, bn_param)
    out, relu_cache = relu_forward(normed)
    return out, (conv_cache, bn_cache, relu_cache)


def conv_bn_relu_backward(dout, cache):
    """Gradients dx, dw, db, dgamma, dbeta of convolution, batch norm and ReLU."""
    conv_cache, bn_cache, relu_cache = _parts("conv_bn_relu_backward", cache, "conv", "bn", "relu")
    dnormed = relu_backward(dout, relu_cache)
    da, dgamma, dbeta = spatial_batchnorm_backward(dnormed, bn_cache)
    dx, dw, db = conv_backward_fast(da, conv_cache)
    return dx, dw, db, dgamma, dbeta


def conv_relu_pool_forward(x, w, b, conv_param, pool_param):
    """Convolution, ReLU and max pooling; the cache is ``(conv_cache, relu_cache, pool_cache)``."""
    a, conv_cache = conv_forward_fast(x, w, b, conv_param)
    s, relu_cache = relu_forward(a)
    out, pool_cache = max_pool_forward_fast(s, pool_param)
    return out, (conv_cache, relu_cache, pool_cache)


def conv_relu_pool_backward(dout, cache):
    """Gradients dx, dw, db of convolution, ReLU and max pooling."""
    conv_cache, relu_cache, pool_cache = _parts(
        "conv_relu_pool_backward", cache, "conv", "relu", "pool"
    )
    ds = max_pool_backward_fast(dout, pool_cache)
    return conv_backward_fast(relu_backward(ds, relu_cache), conv_cache)


def _parts(op, cache, *layers):
    """Return the caches of the layers of a sandwich."""
    if not isinstance(cache, tuple | list) or len(cache) != len(layers):
        names = ", ".join(f"{layer}_cache" for layer in layers)
        raise bad_cache(op, cache, f"the tuple ({names})")
    return cache
