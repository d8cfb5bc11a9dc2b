"""Dropout: in training some entries, or whole channels, are set to 0 at random.

This is *inverted* dropout: what is kept is divided by the probability of keeping it, so that the
expected out is x, and evaluation leaves x as it is.
"""

import math

import numpy as np

from nnlayers.layers.checks import complaint, describe, one_float, said, unpack, upstream
from nnlayers.layers.initializers import generator
from nnlayers.layers.layer import PairLayer


def dropout_forward(x, *, drop=None, keep=None, train=None, rng=None, mask=None):
    """Set entries to 0, each with the probability drop, and divide the others by 1 - drop.

    outᵢ = mᵢ xᵢ / keep in training, with mᵢ = 1 with the probability keep, else 0; out = x in
    evaluation

    Parameters
    ----------
    x : ndarray
        Input of any shape.
    drop, keep : float
        Probability of dropping an entry, 0 <= drop < 1, or of keeping it, 0 < keep <= 1: one of
        the two.
    train : bool
        Whether this is a training step; it must be said.
    rng : int or numpy.random.Generator
        Where the mask comes from; needed in training, unless there is a mask.  The same seed
        gives the same mask, whatever the dtype and the memory layout of x.
    mask : ndarray of bool, shape of x, optional
        A fixed m, True where an entry is kept, to check gradients by.

    Returns
    -------
    out : ndarray
        Of the shape of x; x itself in evaluation.
    cache : tuple
        What :func:`dropout_backward` needs.

    Raises
    ------
    ValueError
        If drop or keep is out of range, or the mask has another shape.
    TypeError
        If train or, in training, rng is left out, both or neither of drop and keep are given, the
        mask is not boolean, or x is not floating-point.

    Notes
    -----
    An entry costs one random byte: it is dropped if the byte is less than ⌊256 drop⌋, kept if it
    is greater, and where the two are equal, once in 256, a uniform number from the same generator
    decides.  So the probability is drop to the resolution of that number, 2⁻⁵³ / 256.

    Source
    ------
    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout" (2014), sections 4, 10.

    Examples
    --------
    >>> mask = np.array([[True, False, True]])
    >>> dropout_forward(np.array([[1.0, 2.0, 3.0]]), drop=0.5, train=True, mask=mask)[0]
    array([[2., 0., 6.]])
    >>> out, cache = dropout_forward(np.ones((100, 100)), drop=0.3, train=True, rng=0)
    >>> round(float(out.mean()), 2)
    1.0
    """
    op = "dropout_forward"
    x, drop = _checked(op, x, drop, keep, train, rng, mask)
    if not train:
        return x, (_ones_like(x),)
    kept = _kept(op, x.shape, drop, rng) if mask is None else _fixed(op, mask, x.shape, x)
    factor = np.empty_like(x)  # in the order of x's memory, which out and dx then have too
    np.multiply(kept, 1.0 / (1.0 - drop), out=factor, dtype=x.dtype)
    return x * factor, (factor,)


def dropout_backward(dout, cache):
    """Gradient of dropout: dx = dout · m / keep in training, dx = dout in evaluation.

    Once the mask is drawn, outᵢ = xᵢ fᵢ with a constant factor fᵢ = mᵢ / keep (1 in evaluation):
    the Jacobian is diagonal, ∂outᵢ/∂xᵢ = fᵢ.
    """
    (factor,) = unpack("dropout_backward", cache, ("factor",))
    return upstream("dropout_backward", dout, factor.shape, factor.dtype) * factor


def spatial_dropout_forward(x, *, drop=None, keep=None, train=None, rng=None, mask=None):
    """Set whole channels of examples to 0, each with the probability drop, and scale the others.

    outₙ꜀ₛ = mₙ꜀ xₙ꜀ₛ / keep in training, with mₙ꜀ = 1 with the probability keep, else 0; out = x
    in evaluation.  Neighbouring places of an image say much the same, so dropping single ones
    takes little away.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W)
        Images; any number of axes may follow the channels, but at least one.
    drop, keep : float
        Probability of dropping a channel, 0 <= drop < 1, or of keeping it, 0 < keep <= 1: one of
        the two.
    train : bool
        Whether this is a training step; it must be said.
    rng : int or numpy.random.Generator
        Where the mask comes from; needed in training, unless there is a mask.
    mask : ndarray of bool, shape (N, C), optional
        A fixed m, True where a channel is kept, to check gradients by.

    Returns
    -------
    out : ndarray
        Of the shape of x; x itself in evaluation.
    cache : tuple
        What :func:`spatial_dropout_backward` needs.

    Raises
    ------
    ValueError
        If x has no axis after its channels, drop or keep is out of range, or the mask has another
        shape.
    TypeError
        If train or, in training, rng is left out, both or neither of drop and keep are given, the
        mask is not boolean, or x is not floating-point.

    Source
    ------
    Tompson, Goroshin, Jain, LeCun, Bregler, "Efficient object localization using convolutional
    networks" (2015), section 3.2.

    Examples
    --------
    >>> x = np.ones((1, 2, 3))
    >>> spatial_dropout_forward(x, drop=0.5, train=True, mask=np.array([[True, False]]))[0]
    array([[[2., 2., 2.],
            [0., 0., 0.]]])
    """
    op = "spatial_dropout_forward"
    x, drop = _checked(op, x, drop, keep, train, rng, mask)
    if x.ndim < 3:
        raise complaint(
            ValueError,
            op,
            f"x has {x.ndim} axes but images (N, C, H, W) have more than 2",
            "dropout_forward drops single features",
            x=x,
        )
    if not train:
        return x, (_ones_like(x),)
    shape = x.shape[:2]
    kept = _kept(op, shape, drop, rng) if mask is None else _fixed(op, mask, shape, x)
    factor = np.multiply(kept, 1.0 / (1.0 - drop), dtype=x.dtype)
    factor = np.broadcast_to(factor.reshape(shape + (1,) * (x.ndim - 2)), x.shape)
    return x * factor, (factor,)


def spatial_dropout_backward(dout, cache):
    """Gradient of spatial dropout: dx = dout · m / keep in training, dx = dout in evaluation.

    Once the mask is drawn, outₙ꜀ₛ = xₙ꜀ₛ fₙ꜀ with a constant factor fₙ꜀ = mₙ꜀ / keep (1 in
    evaluation): the Jacobian is diagonal, ∂outₙ꜀ₛ/∂xₙ꜀ₛ = fₙ꜀.
    """
    (factor,) = unpack("spatial_dropout_backward", cache, ("factor",))
    return upstream("spatial_dropout_backward", dout, factor.shape, factor.dtype) * factor


class Dropout(PairLayer):
    """Layer of :func:`dropout_forward`.

    Parameters
    ----------
    drop, keep : float
        Probability of dropping an entry, or of keeping it: one of the two.

    Examples
    --------
    >>> layer = Dropout(drop=0.25)
    >>> layer.forward(np.ones((1, 4)), train=False)[0]
    array([[1., 1., 1., 1.]])
    >>> layer.forward(np.ones((1, 4)), train=True, rng=1)[0].round(3)
    array([[1.333, 1.333, 0.   , 1.333]])
    """

    pair = dropout_forward, dropout_backward

    def __init__(self, *, drop=None, keep=None):
        _drop(type(self).__name__, drop, keep)
        self.hold(drop=drop, keep=keep)

    def forward(self, *inputs, train=None, rng=None):
        """Call the pair's forward: see there; return ``(out, cache)``."""
        self.check_inputs(inputs)
        return self.pair[0](*inputs, **self.settings, train=train, rng=rng)


class SpatialDropout(Dropout):
    """Layer of :func:`spatial_dropout_forward`.

    Parameters
    ----------
    drop, keep : float
        Probability of dropping a channel, or of keeping it: one of the two.

    Examples
    --------
    >>> layer = SpatialDropout(drop=0.5)
    >>> layer.forward(np.ones((1, 2, 3)), train=True, rng=0)[0]
    array([[[0., 0., 0.],
            [2., 2., 2.]]])
    """

    pair = spatial_dropout_forward, spatial_dropout_backward


def _checked(op, x, drop, keep, train, rng, mask):
    """Return x and drop, checked with all the other arguments but the mask's shape."""
    x = one_float(op, x)
    drop = _drop(op, drop, keep)
    said(op, train, "training drops entries at random, evaluation none")
    if train and (rng is None) == (mask is None):
        if rng is None:
            problem, fix = "training draws a mask at random but rng is left out", "rng=0 is a seed"
        else:
            problem, fix = "both rng and mask are given", "a fixed mask needs no rng"
        raise complaint(TypeError, op, problem, fix)
    return x, drop


def _drop(op, drop, keep):
    """Return the probability of dropping, whichever of the two was given."""
    if (drop is None) == (keep is None):
        problem = f"needs drop or keep, not {'both' if keep is not None else 'neither'}"
        fix = "drop=0.2 and keep=0.8 are the same"
        raise complaint(TypeError, op, problem, fix)
    name, value = ("drop", drop) if keep is None else ("keep", keep)
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating):
        raise complaint(TypeError, op, f"{name} must be a number, not {describe(value)}")
    if name == "drop" and not 0 <= value < 1:
        fix = "drop is the probability of dropping; 1 would leave nothing"
        raise complaint(ValueError, op, f"0 <= drop < 1 is needed, not {value}", fix)
    if name == "keep" and not (0 < value <= 1 and 1.0 - value < 1):  # not 1e-20 either
        fix = "keep is the probability of keeping; 0 would leave nothing"
        raise complaint(ValueError, op, f"0 < keep <= 1 is needed, not {value}", fix)
    return float(value) if keep is None else 1.0 - float(value)


def _kept(op, shape, drop, rng):
    """Draw a boolean mask of this shape that is False with the probability drop.

    A random byte decides an entry: 64-bit words give eight at a time, several times as fast as
    drawing uniform numbers.
    """
    rng = generator(rng, op)
    size = math.prod(shape)
    words = rng.integers(0, 2**64 - 1, -(-size // 8), np.uint64, endpoint=True)
    byte = words.view(np.uint8)[:size]
    threshold, rest = divmod(256.0 * drop, 1.0)
    kept = byte >= int(threshold)
    if rest:
        # P(byte < threshold) = threshold / 256; what is missing comes from the equal ones
        equal = np.flatnonzero(byte == int(threshold))
        kept[equal] = rng.random(len(equal)) >= rest
    return kept.reshape(shape)


def _fixed(op, mask, shape, x):
    """Return a mask that was given, checked."""
    mask = np.asarray(mask)
    if mask.dtype != bool:
        fix = "mask.astype(bool); True keeps an entry"
        raise complaint(TypeError, op, f"mask must be boolean, not {mask.dtype}", fix, mask=mask)
    if mask.shape != shape:
        raise complaint(ValueError, op, f"mask must have the shape {shape}", x=x, mask=mask)
    return mask


def _ones_like(x):
    """Return the factor of evaluation: a 1 for every entry of x, without memory for them."""
    return np.broadcast_to(np.ones((), x.dtype), x.shape)
