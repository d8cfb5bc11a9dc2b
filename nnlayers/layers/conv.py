"""Convolution of images with a bank of filters.

As everywhere in deep learning the filters are not flipped: the operation is a correlation.
Legend: N batch, C channels in, F filters (channels out); H and W size of the images, KH and KW
that of the kernel.  Padding adds zeros, and output sizes round down.
"""

import numpy as np

from nnlayers.layers._correlation import correlate, gradients
from nnlayers.layers.checks import (
    ARRAY,
    OPTIONAL,
    complaint,
    floats,
    one_float,
    positive_int,
    unpack,
    upstream,
)
from nnlayers.layers.filters import FilterLayer, check_filters
from nnlayers.layers.geometry import one_int, two_ints, window_axis
from nnlayers.layers.initializers import he_normal


def conv2d_forward(x, w, b=None, *, stride=1, pad=0, dilation=1, groups=1, workers=1):
    """Correlation of images with filters: each output is a window of x times a filter, summed.

    out[n,f,i,j] = b[f] + Σ x[n, c, s·i + d·k - p, s·j + d·l - p] w[f,c,k,l]  over c, k, l,
    with s stride, d dilation, p pad; beyond its border x is 0

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W)
        Images.  Results lie in memory with the channels last; it is fastest if x does, too.
    w : ndarray, shape (F, C / groups, KH, KW)
        Filters.
    b : ndarray, shape (F,), optional
        Bias.
    stride, pad, dilation : int or pair of int
        Step from window to window, zeros added at each side, step from tap to tap of a window;
        a pair is (for rows, for columns).
    groups : int
        Channels and filters are divided into so many groups; the filters of a group see its
        channels only.  With groups = C the convolution is called depthwise.
    workers : int
        Threads that share the batch; the bits of dw depend on their number.

    Returns
    -------
    out : ndarray, shape (N, F, OH, OW)
        With OH = ⌊(H + 2 p - d (KH - 1) - 1) / s⌋ + 1, and OW alike.
    cache : tuple
        What :func:`conv2d_backward` needs.

    Raises
    ------
    ValueError
        If axes, channels, groups or b disagree, a setting is out of range, or the kernel is larger
        than the padded input.
    TypeError
        If an array is not floating-point, the dtypes differ, or a setting is no integer.

    Source
    ------
    LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition"
    (1998), section II; Dumoulin, Visin, "A guide to convolution arithmetic" (2016), chapter 2.

    Examples
    --------
    >>> x = np.arange(9.0).reshape(1, 1, 3, 3)
    >>> out, cache = conv2d_forward(x, np.ones((1, 1, 2, 2)))
    >>> out
    array([[[[ 8., 12.],
             [20., 24.]]]])
    """
    op = "conv2d_forward"
    x, w, b = floats(op, ("b",), x=x, w=w, b=b)
    check_filters(op, x, w, b, groups)
    stride, pad = two_ints(op, "stride", stride, 1), two_ints(op, "pad", pad, 0)
    dilation, workers = two_ints(op, "dilation", dilation, 1), one_int(op, "workers", workers, 1)
    rows, columns = (
        window_axis(op, "kernel", size, taps, *settings, x=x, w=w)
        for size, taps, *settings in zip(x.shape[2:], w.shape[2:], stride, pad, dilation)
    )
    out, _ = correlate(x, rows, columns, groups, w, b, workers=workers)
    return out, (x, w, b, (rows, columns, groups, workers))


def conv2d_backward(dout, cache, need_dx=True):
    """Gradients of the convolution: dx and dw are correlations too, and db sums dout.

    For one image, one axis, stride 1 and no padding, out[f,i] = b[f] + Σ x[c, i + k] w[f,c,k].
    w[f,c,k] stands in every output of filter f, once, times x[c, i + k]:
    dw[f,c,k] = Σᵢ dout[f,i] x[c, i + k], the correlation of x with dout.
    x[c,p] stands in out[f,i] times w[f,c,k] where p = i + k, that is i = p - k:
    dx[c,p] = Σ dout[f, p - k] w[f,c,k] over f, k, the correlation of dout with the flipped w.
    b[f] stands in every output of filter f: db[f] = Σ dout[f,i].  Images of a batch add up in dw
    and db.  ``_correlation.adjoint`` goes on to strides, padding and dilation.

    Returns
    -------
    dx, dw, db : ndarray
        Gradients, of the shapes of x, w and b; without a bias only dx, dw.

    Source
    ------
    Dumoulin, Visin, "A guide to convolution arithmetic" (2016), chapter 4.
    """
    op = "conv2d_backward"
    x, w, b, windows = unpack(
        op, cache, ("x", "w", "b", "windows"), (ARRAY, ARRAY, OPTIONAL, tuple), 4
    )
    rows, columns, groups, workers = windows
    dout = upstream(op, dout, (len(x), len(w), rows[4], columns[4]), x.dtype)
    return gradients(x, rows, columns, groups, w, b, dout, need_dx, workers)


class Conv2d(FilterLayer):
    """Layer of :func:`conv2d_forward`, with filters of shape (F, C / groups, KH, KW).

    Parameters
    ----------
    in_channels, out_channels : int
        C and F.
    size : int or pair of int
        KH and KW.
    stride, pad, dilation, groups, workers
        As for :func:`conv2d_forward`.
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
    >>> layer = Conv2d(3, 8, 5, pad=2, rng=0)
    >>> layer
    Conv2d(3, 8, 5, pad=2)
    >>> out, cache = layer.forward(np.ones((2, 3, 6, 6)))
    >>> dx, dw, db = layer.backward(np.ones((2, 8, 6, 6)), cache)
    >>> out.shape, dw.shape
    ((2, 8, 6, 6), (8, 3, 5, 5))
    """

    pair = conv2d_forward, conv2d_backward

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
        """Make the layer of copies of its arrays: w (F, C / groups, KH, KW) and b (F,) or None."""
        return cls.__new__(cls).take(
            w, b, stride=stride, pad=pad, dilation=dilation, groups=groups, workers=workers
        )


class DepthwiseConv2d(FilterLayer):
    """Convolution of each channel with filters of its own: :func:`conv2d_forward` with groups = C.

    Parameters
    ----------
    channels : int
        C.
    size : int or pair of int
        KH and KW.
    multiplier : int
        Filters for each channel: F = multiplier · C.
    stride, pad, dilation, workers
        As for :func:`conv2d_forward`.
    bias, init, rng, dtype
        As for :class:`Conv2d`.

    Examples
    --------
    >>> layer = DepthwiseConv2d(3, 5, pad=2, rng=0)
    >>> layer
    DepthwiseConv2d(3, 5, pad=2)
    >>> layer.params["w"].shape
    (3, 1, 5, 5)
    """

    pair = conv2d_forward, conv2d_backward

    def __init__(
        self,
        channels,
        size,
        *,
        multiplier=1,
        stride=1,
        pad=0,
        dilation=1,
        workers=1,
        bias=True,
        init=he_normal,
        rng=None,
        dtype=np.float64,
    ):
        positive_int("DepthwiseConv2d", channels=channels, multiplier=multiplier)
        self.draw(
            (channels, multiplier * channels, size),
            (bias, init, rng, dtype),
            stride=stride,
            pad=pad,
            dilation=dilation,
            groups=channels,
            workers=workers,
        )

    @classmethod
    def of(cls, w, b=None, *, multiplier=1, stride=1, pad=0, dilation=1, workers=1):
        """Make the layer of copies of its arrays: w (F, 1, KH, KW) and b (F,) or None."""
        op = "DepthwiseConv2d.of"
        positive_int(op, multiplier=multiplier)
        w = one_float(op, w, "w")
        if w.ndim != 4 or w.shape[1] != 1:
            raise complaint(ValueError, op, "w must be (F, 1, KH, KW)", w=w)
        if len(w) % multiplier:
            problem = f"multiplier {multiplier} does not divide {len(w)} filters"
            raise complaint(ValueError, op, problem, w=w)
        settings = {"stride": stride, "pad": pad, "dilation": dilation, "workers": workers}
        return cls.__new__(cls).take(w, b, groups=len(w) // multiplier, **settings)

    def sizes(self):
        """Return what the constructor is called with: channels, size and perhaps multiplier."""
        (channels, filters, size), _ = super().sizes()
        multiplier = filters // channels
        return (channels, size), ({"multiplier": multiplier} if multiplier > 1 else {})
