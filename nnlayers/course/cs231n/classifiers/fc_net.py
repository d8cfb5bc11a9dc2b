"""Fully connected nets of cs231n's ``fc_net.py``: layers of the course, one after the other."""

import numpy as np

from nnlayers.course.cs231n import layer_utils, layers
from nnlayers.course.cs231n.classifiers.model import Model
from nnlayers.course.cs231n.layer_utils import *  # noqa: F403
from nnlayers.course.cs231n.layers import *  # noqa: F403
from nnlayers.course.translation import source
from nnlayers.layers.checks import complaint

# a notebook that imports everything from here finds the layers too
__all__ = ["FullyConnectedNet", "TwoLayerNet", *layer_utils.__all__, *layers.__all__]

_KNOWN = (
    "hidden_dims",
    "input_dim",
    "num_classes",
    "dropout_keep_ratio",
    "normalization",
    "reg",
    "weight_scale",
    "dtype",
    "seed",
    "rng",
)


class TwoLayerNet(Model):
    """Affine map, ReLU, affine map and softmax, with the penalty 0.5 · reg · Σ W².

    Parameters
    ----------
    input_dim, hidden_dim, num_classes : int
        Sizes D, H and C.
    weight_scale : float
        Standard deviation of the initial weights; biases are 0.
    reg : float
        Strength of the penalty.
    rng : int or generator, optional
        What the weights are drawn from: by default NumPy's global generator, as in the course.

    Attributes
    ----------
    params : dict
        ``W1`` (D, H), ``b1`` (H,), ``W2`` (H, C), ``b2`` (C,).
    reg : float
        May be set at any time.
    """

    def __init__(
        self,
        input_dim=3 * 32 * 32,
        hidden_dim=100,
        num_classes=10,
        weight_scale=1e-3,
        reg=0.0,
        *,
        rng=None,
        **unknown,
    ):
        known = ("input_dim", "hidden_dim", "num_classes", "weight_scale", "reg", "rng")
        self._start(reg, known, unknown)
        rng = source(rng, "TwoLayerNet")
        sizes = (input_dim, hidden_dim, num_classes)
        for i, (d, m) in enumerate(zip(sizes, sizes[1:]), start=1):
            self.params[f"W{i}"] = weight_scale * rng.standard_normal((d, m))
            self.params[f"b{i}"] = np.zeros(m)

    def loss(self, X, y=None):
        """Return scores, or loss and gradients.

        Parameters
        ----------
        X : ndarray, shape (N, d1, ..., dk)
            Examples.
        y : ndarray of int, shape (N,), optional
            Labels.

        Returns
        -------
        scores : ndarray, shape (N, C)
            Without y.
        loss, grads : scalar and dict
            With y; the gradients have the keys of ``params``.
        """
        params = self.params
        h, hidden_cache = layer_utils.affine_relu_forward(X, params["W1"], params["b1"])
        scores, cache = layers.affine_forward(h, params["W2"], params["b2"])
        if y is None:
            return scores
        grads = {}
        loss, dscores = layers.softmax_loss(scores, y)
        dh, grads["W2"], grads["b2"] = layers.affine_backward(dscores, cache)
        _, grads["W1"], grads["b1"] = layer_utils.affine_relu_backward(dh, hidden_cache)
        return self._penalised(loss, grads)


class FullyConnectedNet(Model):
    """Hidden layers of affine map, normalization, ReLU and dropout; then affine map and softmax.

    The penalty is 0.5 · reg · Σ W²; scales and shifts are not in it.

    Parameters
    ----------
    hidden_dims : list of int
        Sizes of the hidden layers.
    input_dim, num_classes : int
        Sizes D and C.
    dropout_keep_ratio : float
        Probability of KEEPING a hidden unit; 1 is no dropout.  ``dropout`` is the name that it had
        in 2020.
    normalization : {None, "batchnorm", "layernorm"}
        Normalization of the hidden layers.
    reg : float
        Strength of the penalty.
    weight_scale : float
        Standard deviation of the initial weights; biases and shifts are 0, scales 1.
    dtype : dtype
        Of parameters, and to which X is cast: float64 for gradient checks.
    seed : int, optional
        Makes all dropout masks alike, as gradient checks need.
    rng : int or generator, optional
        What the weights are drawn from: by default NumPy's global generator, as in the course.

    Attributes
    ----------
    params : dict
        ``W1, b1, gamma1, beta1, W2, ...``.
    bn_params : list of dict
        Settings and running statistics of the normalizations.
    dropout_param : dict
        Settings of dropout.
    """

    def __init__(
        self,
        hidden_dims=None,
        input_dim=3 * 32 * 32,
        num_classes=10,
        dropout_keep_ratio=1,
        normalization=None,
        reg=0.0,
        weight_scale=1e-2,
        dtype=np.float32,
        seed=None,
        *,
        rng=None,
        **older,
    ):
        op = "FullyConnectedNet"
        keep = older.pop("dropout", dropout_keep_ratio)
        self._start(reg, _KNOWN, older)
        if not isinstance(hidden_dims, list | tuple | np.ndarray):
            problem = f"hidden_dims must be a list of sizes, not {hidden_dims!r}"
            raise complaint(TypeError, op, problem, "[100] is one hidden layer")
        if normalization not in (None, "batchnorm", "layernorm"):
            problem = (
                f'normalization must be None, "batchnorm" or "layernorm", not {normalization!r}'
            )
            raise complaint(ValueError, op, problem)
        if not 0 < keep <= 1:
            problem = f"0 < dropout_keep_ratio <= 1 is needed, not {keep}"
            raise complaint(
                ValueError, op, problem, "it is the probability of keeping: 1 drops none"
            )
        rng = source(rng, op)
        self.normalization, self.use_dropout, self.dtype = normalization, keep != 1, dtype
        self.num_layers = 1 + len(hidden_dims)
        sizes = (input_dim, *hidden_dims, num_classes)
        for i, (d, m) in enumerate(zip(sizes, sizes[1:]), start=1):
            self.params[f"W{i}"] = weight_scale * rng.standard_normal((d, m))
            self.params[f"b{i}"] = np.zeros(m)
            if normalization and i < self.num_layers:
                self.params[f"gamma{i}"], self.params[f"beta{i}"] = np.ones(m), np.zeros(m)
        self.params = {name: array.astype(dtype) for name, array in self.params.items()}
        self.dropout_param = {}
        if self.use_dropout:
            self.dropout_param = {"mode": "train", "p": keep}
            if seed is not None:
                self.dropout_param["seed"] = seed
        if normalization == "batchnorm":
            self.bn_params = [{"mode": "train"} for _ in hidden_dims]
        elif normalization == "layernorm":
            self.bn_params = [{} for _ in hidden_dims]

    def loss(self, X, y=None):
        """Return scores in testing, or loss and gradients in training.

        Parameters
        ----------
        X : ndarray, shape (N, d1, ..., dk)
            Examples.
        y : ndarray of int, shape (N,), optional
            Labels.

        Returns
        -------
        scores : ndarray, shape (N, C)
            Without y: batch norm and dropout are in testing then.
        loss, grads : scalar and dict
            With y; the gradients have the keys of ``params``.
        """
        mode = "test" if y is None else "train"
        if self.use_dropout:
            self.dropout_param["mode"] = mode
        if self.normalization == "batchnorm":
            for bn_param in self.bn_params:
                bn_param["mode"] = mode
        out, caches = np.asarray(X).astype(self.dtype, copy=False), []
        for i in range(1, self.num_layers):
            out, cache = self._hidden_forward(out, i)
            caches.append(cache)
        last = self.num_layers
        scores, cache = layers.affine_forward(out, self.params[f"W{last}"], self.params[f"b{last}"])
        if y is None:
            return scores
        grads = {}
        loss, dscores = layers.softmax_loss(scores, y)
        dout, grads[f"W{last}"], grads[f"b{last}"] = layers.affine_backward(dscores, cache)
        for i in range(self.num_layers - 1, 0, -1):
            dout = self._hidden_backward(dout, caches.pop(), i, grads)
        return self._penalised(loss, grads)

    def _hidden_forward(self, x, i):
        params = self.params
        a, affine_cache = layers.affine_forward(x, params[f"W{i}"], params[f"b{i}"])
        norm_cache = dropout_cache = None
        if self.normalization:
            norm = (
                layers.batchnorm_forward
                if self.normalization == "batchnorm"
                else layers.layernorm_forward
            )
            scale, shift = params[f"gamma{i}"], params[f"beta{i}"]
            a, norm_cache = norm(a, scale, shift, self.bn_params[i - 1])
        out, relu_cache = layers.relu_forward(a)
        if self.use_dropout:
            out, dropout_cache = layers.dropout_forward(out, self.dropout_param)
        return out, (affine_cache, norm_cache, relu_cache, dropout_cache)

    def _hidden_backward(self, dout, caches, i, grads):
        affine_cache, norm_cache, relu_cache, dropout_cache = caches
        if self.use_dropout:
            dout = layers.dropout_backward(dout, dropout_cache)
        da = layers.relu_backward(dout, relu_cache)
        if self.normalization:
            norm = (
                layers.batchnorm_backward
                if self.normalization == "batchnorm"
                else layers.layernorm_backward
            )
            da, grads[f"gamma{i}"], grads[f"beta{i}"] = norm(da, norm_cache)
        dx, grads[f"W{i}"], grads[f"b{i}"] = layers.affine_backward(da, affine_cache)
        return dx
