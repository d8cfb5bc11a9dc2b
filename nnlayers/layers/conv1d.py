"""Convolution of sequences with a bank of filters: that of images which are one row high.

Legend: N batch, C channels in, F filters (channels out), L length, K taps of the kernel.
"""

import numpy as np

from nnlayers.layers._correlation import correlate, gradients
from nnlayers.layers.checks import ARRAY, OPTIONAL, bad_cache, floats, unpack, upstream
from nnlayers.layers.filters import FilterLayer, check_filters
from nnlayers.layers.geometry import one_int, window_axis
from nnlayers.layers.initializers import he_normal

ONE_ROW = (0, 1, 1, 1, 1)  # start, step, taps, spread and count of the windows' rows


def conv1d_forward(x, w, b=None, *, stride=1, pad=0, dilation=1, groups=1, workers=1):
    """Correlation of sequences with filters: that of images which are one row high.

    out[n,f,i] = b[f] + Σ x[n, c, s·i + d·k - p] w[f,c,k]  over c, k,
    with s stride, d dilation, p pad; beyond its ends x is 0

    Parameters
    ----------
    x : ndarray, shape (N, C, L)
        Sequences of C channels.
    w : ndarray, shape (F, C / groups, K)
        Filters.
    b : ndarray, shape (F,), optional
        Bias.
    stride, pad, dilation, groups, workers : int
        As for :func:`conv2d_forward`.

    Returns
    -------
    out : ndarray, shape (N, F, OL)
        With OL = ⌊(L + 2 p - d (K - 1) - 1) / s⌋ + 1.
    cache : tuple
        What :func:`conv1d_backward` needs.

    Raises
    ------
    ValueError
        If axes, channels, groups or b disagree, a setting is out of range, or the kernel is larger
        than the padded input.
    TypeError
        If an array is not floating-point, the dtypes differ, or a setting is no integer.

    Source
    ------
    Waibel, Hanazawa, Hinton, Shikano, Lang, "Phoneme recognition using time-delay neural
    networks" (1989).

    Examples
    --------
    >>> x = np.array([[[1.0, 2.0, 4.0, 8.0]]])
    >>> conv1d_forward(x, np.array([[[-1.0, 1.0]]]))[0]
    array([[[1., 2., 4.]]])
    """
    op = "conv1d_forward"
    x, w, b = floats(op, ("b",), x=x, w=w, b=b)
    check_filters(op, x, w, b, groups, "L", "K")
    stride, pad = one_int(op, "stride", stride, 1), one_int(op, "pad", pad, 0)
    dilation, workers = one_int(op, "dilation", dilation, 1), one_int(op, "workers", workers, 1)
    columns = window_axis(op, "kernel", x.shape[2], w.shape[2], stride, pad, dilation, x=x, w=w)
    out, _ = correlate(x[:, :, None], ONE_ROW, columns, groups, w[:, :, None], b, workers=workers)
    return out[:, :, 0], (x, w, b, (columns, groups, workers))


def conv1d_backward(dout, cache, need_dx=True):
    """Gradients of the convolution of sequences: those of images which are one row high.

    For stride 1 and no padding out[n,f,i] = b[f] + Σ x[n, c, i + k] w[f,c,k], and as in
    :func:`conv2d_backward` dw[f,c,k] = Σ dout[n,f,i] x[n, c, i + k] over n, i,
    dx[n,c,p] = Σ dout[n, f, p - k] w[f,c,k] over f, k, and db[f] = Σ dout[n,f,i] over n, i.

    Returns
    -------
    dx, dw, db : ndarray
        Gradients, of the shapes of x, w and b; without a bias only dx, dw.
    """
    op = "conv1d_backward"
    entries = "x", "w", "b", "windows"
    x, w, b, windows = unpack(op, cache, entries, (ARRAY, ARRAY, OPTIONAL, tuple), 3)
    if x.ndim != 3 or w.ndim != 3:
        raise bad_cache(op, cache, entries)
    columns, groups, workers = windows
    dout = upstream(op, dout, (len(x), len(w), columns[4]), x.dtype)
    x, w, y = x[:, :, None], w[:, :, None], dout[:, :, None]  # one row high
    dx, dw, *db = gradients(x, ONE_ROW, columns, groups, w, b, y, need_dx, workers)
    return (None if dx is None else dx[:, :, 0], dw[:, :, 0], *db)


class Conv1d(FilterLayer):
    """Layer of :func:`conv1d_forward`, with filters of shape (F, C / groups, K).

    Parameters
    ----------
    in_channels, out_channels : int
        C and F.
    size : int
        K.
    stride, pad, dilation, groups, workers
        As for :func:`conv1d_forward`.
    bias : bool
        Whether there is a b (zeros at first).
    init : callable
        Initializer of w, called as ``init(shape, rng=rng, dtype=dtype)``.
    rng : int or numpy.random.Generator, optional
        Seed or generator of the weights; None draws fresh entropy.
    dtype : dtype
        Of the parameters.

    Examples
    --------
    >>> layer = Conv1d(3, 8, 5, stride=2, rng=0)
    >>> layer
    Conv1d(3, 8, 5, stride=2)
    >>> layer.forward(np.ones((2, 3, 11)))[0].shape
    (2, 8, 4)
    """

    pair = conv1d_forward, conv1d_backward
    kernel = "K"

    def __init__(
        self,
        in_channels,
        out_channels,
        size,
        *,
        stride=1,
        pad=0,
        dilation=1,
        groups=1,
        workers=1,
        bias=True,
        init=he_normal,
        rng=None,
        dtype=np.float64,
    ):
        self.draw(
            (in_channels, out_channels, size),
            (bias, init, rng, dtype),
            stride=stride,
            pad=pad,
            dilation=dilation,
            groups=groups,
            workers=workers,
        )

    @classmethod
    def of(cls, w, b=None, *, stride=1, pad=0, dilation=1, groups=1, workers=1):
        """Make the layer of copies of its arrays: w (F, C / groups, K) and b (F,) or None."""
        return cls.__new__(cls).take(
            w, b, stride=stride, pad=pad, dilation=dilation, groups=groups, workers=workers
        )
