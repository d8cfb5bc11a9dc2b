"""Transposed convolution: what a convolution does to gradients, as a forward.

Legend: N batch, C channels in, F channels out; H and W size of the images, KH and KW that of the
kernel.
"""

import numpy as np

from nnlayers.layers._correlation import adjoint, channel_sums, correlate
from nnlayers.layers.checks import ARRAY, OPTIONAL, complaint, floats, unpack, upstream
from nnlayers.layers.filters import FilterLayer, check_filters
from nnlayers.layers.geometry import one_int, two_ints
from nnlayers.layers.initializers import he_normal


def conv_transpose2d_forward(
    x, w, b=None, *, stride=1, pad=0, output_pad=0, dilation=1, groups=1, workers=1
):
    """Transposed convolution: each input spreads one filter over the output, and these add up.

    out[n, f, s·i + d·k - p, s·j + d·l - p] = b[f] + Σ x[n,c,i,j] w[c,f,k,l] over all c, i, j, k, l
    that give this place, with s stride, d dilation, p pad.  It is the linear map that sends dout
    to dx in a convolution from F to C channels, hence the order of the axes of w.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W)
        Images.  Results lie in memory with the channels last; it is fastest if x does, too.
    w : ndarray, shape (C, F / groups, KH, KW)
        Filters.
    b : ndarray, shape (F,), optional
        Bias.
    stride, pad, dilation : int or pair of int
        Step of the outputs from input to input, lines cut off the output at each side, step of the
        outputs from tap to tap; a pair is (for rows, for columns).
    output_pad : int or pair of int
        Lines added to the output below and at the right: a convolution rounds its size down, so
        several sizes lead to one, and this says which is meant.
    groups : int
        Channels in and out are divided into so many groups that do not see each other.
    workers : int
        Threads that share the batch; the bits of dw depend on their number.

    Returns
    -------
    out : ndarray, shape (N, F, OH, OW)
        With OH = (H - 1) s - 2 p + d (KH - 1) + 1 + output_pad, and OW alike.
    cache : tuple
        What :func:`conv_transpose2d_backward` needs.

    Raises
    ------
    ValueError
        If axes, channels, groups or b disagree, a setting is out of range, or no output is left.
    TypeError
        If an array is not floating-point, the dtypes differ, or a setting is no integer.

    Source
    ------
    Zeiler, Krishnan, Taylor, Fergus, "Deconvolutional networks" (2010); Dumoulin, Visin, "A guide
    to convolution arithmetic" (2016), chapter 4.

    Examples
    --------
    >>> x = np.array([[[[1.0, 2.0]]]])
    >>> conv_transpose2d_forward(x, np.array([[[[1.0, 10.0, 100.0]]]]), stride=2)[0]
    array([[[[  1.,  10., 102.,  20., 200.]]]])
    """
    op = "conv_transpose2d_forward"
    x, w, b = floats(op, ("b",), x=x, w=w, b=b)
    check_filters(op, x, w, b, groups, transposed=True)
    stride, pad = two_ints(op, "stride", stride, 1), two_ints(op, "pad", pad, 0)
    dilation, workers = two_ints(op, "dilation", dilation, 1), one_int(op, "workers", workers, 1)
    output_pad = two_ints(op, "output_pad", output_pad, 0)
    # the windows of the convolution whose outputs are x
    rows, columns = (
        (-pad[k], stride[k], w.shape[k + 2], dilation[k], x.shape[k + 2]) for k in (0, 1)
    )
    shape = tuple(_size(op, *axis, extra, x, w) for axis, extra in zip((rows, columns), output_pad))
    out, _ = adjoint(x, rows, columns, groups, w, shape, b=b, workers=workers)
    return out, (x, w, b, (rows, columns, groups, shape, workers))


def conv_transpose2d_backward(dout, cache, need_dx=True):
    """Gradients of the transposed convolution: dx is the convolution of dout with w.

    For one image, one axis, stride 1 and no padding, out[f, i + k] = b[f] + Σ x[c,i] w[c,f,k].
    x[c,i] stands in out[f, i + k] times w[c,f,k], for every f and k:
    dx[c,i] = Σ dout[f, i + k] w[c,f,k] over f, k, which is the correlation of dout with w.
    w[c,f,k] stands in out[f, i + k] times x[c,i], for every i:
    dw[c,f,k] = Σᵢ dout[f, i + k] x[c,i], that of dout with x; and db[f] = Σ dout[f,p] over p.
    Images of a batch add up in dw and db.

    Returns
    -------
    dx, dw, db : ndarray
        Gradients, of the shapes of x, w and b; without a bias only dx, dw.
    """
    op = "conv_transpose2d_backward"
    x, w, b, windows = unpack(
        op, cache, ("x", "w", "b", "windows"), (ARRAY, ARRAY, OPTIONAL, tuple), 5
    )
    rows, columns, groups, shape, workers = windows
    dout = upstream(op, dout, (len(x), w.shape[1] * groups, *shape), x.dtype)
    dx, dw = correlate(
        dout, rows, columns, groups, w if need_dx else None, y=x, workers=workers
    )  # one copy of the windows of dout serves both
    return (dx, dw) if b is None else (dx, dw, channel_sums(dout))


class ConvTranspose2d(FilterLayer):
    """Layer of :func:`conv_transpose2d_forward`, with filters of shape (C, F / groups, KH, KW).

    Parameters
    ----------
    in_channels, out_channels : int
        C and F.
    size : int or pair of int
        KH and KW.
    stride, pad, output_pad, dilation, groups, workers
        As for :func:`conv_transpose2d_forward`.
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
    >>> layer = ConvTranspose2d(8, 3, 4, stride=2, pad=1, rng=0)
    >>> layer
    ConvTranspose2d(8, 3, 4, stride=2, pad=1)
    >>> layer.forward(np.ones((2, 8, 5, 5)))[0].shape
    (2, 3, 10, 10)
    """

    pair = conv_transpose2d_forward, conv_transpose2d_backward
    transposed = True

    def __init__(
        self,
        in_channels,
        out_channels,
        size,
        *,
        stride=1,
        pad=0,
        output_pad=0,
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
            output_pad=output_pad,
            dilation=dilation,
            groups=groups,
            workers=workers,
        )

    @classmethod
    def of(cls, w, b=None, *, stride=1, pad=0, output_pad=0, dilation=1, groups=1, workers=1):
        """Make the layer of copies of its arrays: w (C, F / groups, KH, KW) and b (F,) or None."""
        return cls.__new__(cls).take(
            w,
            b,
            stride=stride,
            pad=pad,
            output_pad=output_pad,
            dilation=dilation,
            groups=groups,
            workers=workers,
        )


def _size(op, start, stride, taps, dilation, size, extra, x, w):
    """Return how many outputs one axis has."""
    if extra >= max(stride, dilation):
        raise complaint(
            ValueError,
            op,
            f"output_pad {extra} is not smaller than stride {stride} or dilation {dilation}",
            "it chooses among the sizes that a convolution rounds to one",
            x=x,
            w=w,
        )
    outputs = (size - 1) * stride + 2 * start + dilation * (taps - 1) + 1 + extra
    if outputs < 1 or size < 1:
        raise complaint(
            ValueError,
            op,
            f"input {size} with kernel {taps}, stride {stride} and pad {-start} has no output left",
            "a smaller pad cuts off less" if size else None,
            x=x,
            w=w,
        )
    return outputs
