"""Dropout as the courses call it: a dict with p, mode and seed, and a mask drawn as they do."""

import numpy as np

import nnlayers.layers as pairs
from nnlayers.course.translation import as_floats, cache_of, check_settings, mode_of, source
from nnlayers.layers.checks import complaint, describe

# what p means, and in which functions it means the other thing
MEANING = {
    "keep": (
        "p is the probability of keeping here",
        "that of dropping is p in nnlayers.course.i2dl, and was in cs231n until 2017: pass 1 - p",
    ),
    "drop": (
        "p is the probability of dropping here",
        "that of keeping is p in nnlayers.course.cs231n: pass 1 - p",
    ),
}


def dropout_forward_with(meaning, x, dropout_param):
    """Return out and the cache ``(dropout_param, mask)``; p means "keep" or "drop"."""
    op = "dropout_forward"
    here, there = MEANING[meaning]
    check_settings(
        op,
        "dropout_param",
        dropout_param,
        ("p", "mode"),
        ("seed",),
        f"the keys are p, mode, seed; {here}",
    )
    (x,) = as_floats(x)
    p, train = dropout_param["p"], mode_of(op, "dropout_param", dropout_param)
    if isinstance(p, bool) or not isinstance(p, int | float | np.number):
        raise complaint(TypeError, op, f"p must be a number, not {describe(p)}")
    if not (0 < p <= 1 if meaning == "keep" else 0 <= p < 1):
        allowed = "0 < p <= 1" if meaning == "keep" else "0 <= p < 1"
        raise complaint(ValueError, op, f"{allowed} is needed, not {p}", f"{here}; {there}")
    p = float(p)
    if not train:
        out, own = pairs.dropout_forward(x, **{meaning: p}, train=False)
        return out, cache_of((dropout_param, None), own)
    # the numbers that np.random.seed(seed) and np.random.rand would give
    uniform = source(dropout_param.get("seed"), op, "seed").random(x.shape)
    kept = np.asarray(uniform < p if meaning == "keep" else uniform >= p)
    out, own = pairs.dropout_forward(x, **{meaning: p}, train=True, mask=kept)
    return out, cache_of((dropout_param, own[0]), own)


def dropout_backward(dout, cache):
    """Gradient of dropout: dout · mask in training, dout in testing.

    Parameters
    ----------
    dout : ndarray
        Upstream gradient.
    cache : tuple
        ``(dropout_param, mask)`` from forward, which says what mode that was in: the mode of
        dropout_param may have been changed since.

    Returns
    -------
    dx : ndarray
        Gradient, of the shape of x.
    """
    own = getattr(cache, "own", None)
    if own is not None:
        return pairs.dropout_backward(dout, own)
    _, mask = cache  # made by a forward function of the caller's own
    if mask is None:
        return np.asarray(dout)
    return pairs.dropout_backward(dout, (np.asarray(mask),))
