"""The convolutional net of cs231n's ``cnn.py``: layers of the course, one after the other."""

import numpy as np

from nnlayers.course.cs231n import fast_layers, layer_utils, layers
from nnlayers.course.cs231n.classifiers.model import Model
from nnlayers.course.cs231n.fast_layers import *  # noqa: F403
from nnlayers.course.cs231n.layer_utils import *  # noqa: F403
from nnlayers.course.cs231n.layers import *  # noqa: F403
from nnlayers.course.translation import source
from nnlayers.layers.checks import complaint

# a notebook that imports everything from here finds the layers too
__all__ = ["ThreeLayerConvNet", *fast_layers.__all__, *layer_utils.__all__, *layers.__all__]

_KNOWN = (
    "input_dim",
    "num_filters",
    "filter_size",
    "hidden_dim",
    "num_classes",
    "weight_scale",
    "reg",
    "dtype",
    "rng",
)


class ThreeLayerConvNet(Model):
    """Convolution, ReLU, 2 x 2 max pooling; affine map, ReLU; affine map and softmax.

    The penalty is 0.5 · reg · Σ W², of the filters too.

    Parameters
    ----------
    input_dim : tuple of int
        Sizes (C, H, W) of the images; H and W even.
    num_filters, filter_size : int
        Number of filters, and their height and width, an odd number: images keep their size.
    hidden_dim, num_classes : int
        Sizes of the affine maps.
    weight_scale : float
        Standard deviation of the initial weights; biases are 0.
    reg : float
        Strength of the penalty.
    dtype : dtype
        Of parameters, and to which X is cast: float64 for gradient checks.
    rng : int or generator, optional
        What the weights are drawn from: by default NumPy's global generator, as in the course.

    Attributes
    ----------
    params : dict
        ``W1`` (F, C, K, K), ``b1`` (F,), ``W2``, ``b2``, ``W3``, ``b3``.
    reg : float
        May be set at any time.
    """

    def __init__(
        self,
        input_dim=(3, 32, 32),
        num_filters=32,
        filter_size=7,
        hidden_dim=100,
        num_classes=10,
        weight_scale=1e-3,
        reg=0.0,
        dtype=np.float32,
        *,
        rng=None,
        **unknown,
    ):
        op = "ThreeLayerConvNet"
        self._start(reg, _KNOWN, unknown)
        if not isinstance(input_dim, tuple | list) or len(input_dim) != 3:
            problem = f"input_dim must be the sizes (C, H, W) of images, not {input_dim!r}"
            raise complaint(ValueError, op, problem)
        C, H, W = input_dim
        if filter_size % 2 == 0:
            problem = f"filter_size must be odd, not {filter_size}"
            raise complaint(ValueError, op, problem, "filters of even size shift the image")
        if H % 2 or W % 2:
            problem = f"H and W must be even, not {H} and {W}"
            raise complaint(ValueError, op, problem, "windows of 2 x 2 are pooled")
        rng = source(rng, op)
        shapes = (
            (num_filters, C, filter_size, filter_size),
            (num_filters * (H // 2) * (W // 2), hidden_dim),
            (hidden_dim, num_classes),
        )
        for i, (shape, size) in enumerate(zip(shapes, (num_filters, hidden_dim, num_classes)), 1):
            weights = weight_scale * rng.standard_normal(shape)
            self.params[f"W{i}"] = weights.astype(dtype)
            self.params[f"b{i}"] = np.zeros(size, dtype)
        self.dtype = dtype

    def loss(self, X, y=None):
        """Return scores, or loss and gradients.

        Parameters
        ----------
        X : ndarray, shape (N, C, H, W)
            Images.
        y : ndarray of int, shape (N,), optional
            Labels.

        Returns
        -------
        scores : ndarray, shape (N, num_classes)
            Without y.
        loss, grads : scalar and dict
            With y; the gradients have the keys of ``params``.
        """
        W1, b1, W2, b2, W3, b3 = (self.params[f"{name}{i}"] for i in (1, 2, 3) for name in "Wb")
        conv_param = {"stride": 1, "pad": (W1.shape[2] - 1) // 2}
        pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
        X = np.asarray(X).astype(self.dtype, copy=False)
        maps, conv_cache = layer_utils.conv_relu_pool_forward(X, W1, b1, conv_param, pool_param)
        h, hidden_cache = layer_utils.affine_relu_forward(maps, W2, b2)
        scores, cache = layers.affine_forward(h, W3, b3)
        if y is None:
            return scores
        grads = {}
        loss, dscores = layers.softmax_loss(scores, y)
        dh, grads["W3"], grads["b3"] = layers.affine_backward(dscores, cache)
        dmaps, grads["W2"], grads["b2"] = layer_utils.affine_relu_backward(dh, hidden_cache)
        _, grads["W1"], grads["b1"] = layer_utils.conv_relu_pool_backward(dmaps, conv_cache)
        return self._penalised(loss, grads)
