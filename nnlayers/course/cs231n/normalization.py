"""The normalizations of cs231n's ``layers.py``: pairs of the library, with dicts of settings."""

import numpy as np

import nnlayers.layers as pairs
from nnlayers.course.translation import as_floats, called, check_settings, mode_of
from nnlayers.layers.checks import complaint


def batchnorm_forward(x, gamma, beta, bn_param):
    """Batch normalization of features; bn_param is updated in training.

    Parameters
    ----------
    x : ndarray, shape (N, D)
        Features.
    gamma, beta : ndarray, shape (D,)
        Scale and shift.
    bn_param : dict
        ``mode``, "train" or "test"; perhaps ``eps`` (1e-5), ``momentum`` (0.9, the weight of the
        OLD running value), ``running_mean`` and ``running_var`` (zeros).  The last two are put
        into it by every call; in training they are new arrays.

    Returns
    -------
    out : ndarray, shape (N, D)
        Normalised features.
    cache : tuple
        For :func:`batchnorm_backward` and :func:`batchnorm_backward_alt`.

    Raises
    ------
    ValueError
        If shapes disagree, the mode is no mode, or a key is missing or unknown; bn_param is
        unchanged then.

    Examples
    --------
    >>> bn_param = {"mode": "train"}
    >>> x = np.array([[1.0, 10.0], [3.0, 30.0]])
    >>> batchnorm_forward(x, np.ones(2), np.zeros(2), bn_param)[0].round(3)
    array([[-1., -1.],
           [ 1.,  1.]])
    >>> bn_param["running_mean"], bn_param["running_var"]
    (array([0.2, 2. ]), array([ 0.1, 10. ]))
    """
    op = "batchnorm_forward"
    if np.ndim(x) != 2:
        fix = "spatial_batchnorm_forward takes images (N, C, H, W)" if np.ndim(x) == 4 else None
        raise complaint(ValueError, op, "x must be (N, D)", fix, x=np.asarray(x))
    return _batchnorm(op, x, gamma, beta, bn_param)


def batchnorm_backward(dout, cache):
    """Gradients of batch normalization: :func:`nnlayers.batchnorm_backward`.

    Returns
    -------
    dx, dgamma, dbeta : ndarray
        Gradients, of the shapes of x, gamma and beta.
    """
    return pairs.batchnorm_backward(dout, cache)


def batchnorm_backward_alt(dout, cache):
    """Gradients of batch normalization in closed form, which is the only form of the library.

    Returns
    -------
    dx, dgamma, dbeta : ndarray
        As from :func:`batchnorm_backward`.
    """
    return pairs.batchnorm_backward(dout, cache)


def layernorm_forward(x, gamma, beta, ln_param):
    """Layer normalization of features: :func:`nnlayers.layernorm_forward`.

    Parameters
    ----------
    x : ndarray, shape (N, D)
        Features.
    gamma, beta : ndarray, shape (D,)
        Scale and shift.
    ln_param : dict
        Perhaps ``eps`` (1e-5); a ``mode`` makes no difference.

    Returns
    -------
    out : ndarray, shape (N, D)
        Normalised features.
    cache : tuple
        For :func:`layernorm_backward`.

    Raises
    ------
    ValueError
        If shapes disagree, or ln_param has an unknown key.
    """
    check_settings("layernorm_forward", "ln_param", ln_param, (), ("eps", "mode"))
    return pairs.layernorm_forward(*as_floats(x, gamma, beta), eps=ln_param.get("eps", 1e-5))


def layernorm_backward(dout, cache):
    """Gradients of layer normalization: :func:`nnlayers.layernorm_backward`.

    Returns
    -------
    dx, dgamma, dbeta : ndarray
        Gradients, of the shapes of x, gamma and beta.
    """
    return pairs.layernorm_backward(dout, cache)


def spatial_batchnorm_forward(x, gamma, beta, bn_param):
    """Batch normalization of images, channel by channel; bn_param is updated in training.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W)
        Images.
    gamma, beta : ndarray, shape (C,)
        Scale and shift.
    bn_param : dict
        As for :func:`batchnorm_forward`.

    Returns
    -------
    out : ndarray, shape (N, C, H, W)
        Normalised images.
    cache : tuple
        For :func:`spatial_batchnorm_backward`.

    Raises
    ------
    ValueError
        As from :func:`batchnorm_forward`.
    """
    op = "spatial_batchnorm_forward"
    if np.ndim(x) != 4:
        fix = "batchnorm_forward takes features (N, D)" if np.ndim(x) == 2 else None
        raise complaint(ValueError, op, "x must be (N, C, H, W)", fix, x=np.asarray(x))
    return _batchnorm(op, x, gamma, beta, bn_param)


def spatial_batchnorm_backward(dout, cache):
    """Gradients of batch normalization of images: :func:`nnlayers.batchnorm_backward`.

    Returns
    -------
    dx, dgamma, dbeta : ndarray
        Gradients, of the shapes of x, gamma and beta.
    """
    with called("spatial_batchnorm_backward", "batchnorm_backward"):
        return pairs.batchnorm_backward(dout, cache)


def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
    """Group normalization of images: :func:`nnlayers.groupnorm_forward`.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W)
        Images.
    gamma, beta : ndarray, shape (1, C, 1, 1)
        Scale and shift.
    G : int
        Number of groups, a divisor of C.
    gn_param : dict
        Perhaps ``eps`` (1e-5); a ``mode`` makes no difference.

    Returns
    -------
    out : ndarray, shape (N, C, H, W)
        Normalised images.
    cache : tuple
        For :func:`spatial_groupnorm_backward`.

    Raises
    ------
    ValueError
        If shapes disagree, G does not divide C, or gn_param has an unknown key.
    """
    op = "spatial_groupnorm_forward"
    check_settings(op, "gn_param", gn_param, (), ("eps", "mode"))
    x, gamma, beta = as_floats(x, gamma, beta)
    if x.ndim != 4:
        raise complaint(ValueError, op, "x must be (N, C, H, W)", x=x)
    C = x.shape[1]
    for name, array in (("gamma", gamma), ("beta", beta)):
        if array.shape != (1, C, 1, 1):
            fix = f"{name}.reshape(1, {C}, 1, 1)" if array.size == C else None
            problem = f"{name} must be (1, {C}, 1, 1) here, unlike for the other normalizations"
            raise complaint(ValueError, op, problem, fix, x=x, gamma=gamma, beta=beta)
    with called(op, "groupnorm_forward"):
        return pairs.groupnorm_forward(
            x, gamma.reshape(C), beta.reshape(C), groups=G, eps=gn_param.get("eps", 1e-5)
        )


def spatial_groupnorm_backward(dout, cache):
    """Gradients of group normalization: :func:`nnlayers.groupnorm_backward`.

    Returns
    -------
    dx : ndarray, shape (N, C, H, W)
        Gradient of the images.
    dgamma, dbeta : ndarray, shape (1, C, 1, 1)
        Gradients of scale and shift.
    """
    with called("spatial_groupnorm_backward", "groupnorm_backward"):
        dx, dgamma, dbeta = pairs.groupnorm_backward(dout, cache)
    C = dgamma.size
    return dx, dgamma.reshape(1, C, 1, 1), dbeta.reshape(1, C, 1, 1)


def _batchnorm(op, x, gamma, beta, bn_param):
    check_settings(
        op,
        "bn_param",
        bn_param,
        ("mode",),
        ("eps", "momentum", "running_mean", "running_var"),
    )
    x, gamma, beta = as_floats(x, gamma, beta)
    train = mode_of(op, "bn_param", bn_param)
    # the course's statistics start at 0, both of them
    running = {
        name: np.asarray(bn_param.get(f"running_{name}", np.zeros(x.shape[1]))).astype(x.dtype)
        for name in ("mean", "var")
    }
    for name, array in running.items():
        if array.shape != gamma.shape:
            problem = f'bn_param["running_{name}"] must have the shape of gamma'
            raise complaint(ValueError, op, problem, **{f"running_{name}": array}, gamma=gamma)
    settings = {"eps": bn_param.get("eps", 1e-5), "momentum": bn_param.get("momentum", 0.9)}
    with called(op, "batchnorm_forward"):
        out, cache = pairs.batchnorm_forward(
            x, gamma, beta, train=train, running=None if train else running, **settings
        )
    if train:
        with called(op, "batchnorm_running"):
            running = pairs.batchnorm_running(running, cache)
    bn_param["running_mean"], bn_param["running_var"] = running["mean"], running["var"]
    return out, cache
