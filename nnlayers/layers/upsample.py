"""Upsampling: images are made larger by copying pixels.

Legend: N batch, C channels, H and W size of the images.
"""

from nnlayers.layers.checks import ARRAY, one_float, unpack, upstream
from nnlayers.layers.geometry import has_axes, two_ints
from nnlayers.layers.layer import PairLayer
from nnlayers.layers.window_sums import spread, sum_windows


def upsample_nearest2d_forward(x, *, scale):
    """Every pixel becomes a block of equal ones.

    out[n,c,i,j] = x[n, c, ⌊i / s⌋, ⌊j / t⌋]  with the scale (s, t)

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W)
        Images.
    scale : int or pair of int
        Rows and columns of a block.

    Returns
    -------
    out : ndarray, shape (N, C, s H, t W)
        Larger images.
    cache : tuple
        What :func:`upsample_nearest2d_backward` needs.

    Raises
    ------
    ValueError
        If x is not (N, C, H, W), or scale is not positive.
    TypeError
        If x is not floating-point, or scale is no integer.

    Source
    ------
    Odena, Dumoulin, Olah, "Deconvolution and checkerboard artifacts" (2016).

    Examples
    --------
    >>> upsample_nearest2d_forward([[[[1.0, 2.0]]]], scale=2)[0]
    array([[[[1., 1., 2., 2.],
             [1., 1., 2., 2.]]]])
    """
    op = "upsample_nearest2d_forward"
    x = one_float(op, x)
    has_axes(op, "N, C, H, W", x)
    # the blocks are windows side by side: (start, step, taps, spacing, count)
    rows, columns = (
        (0, s, s, 1, size) for s, size in zip(two_ints(op, "scale", scale, 1), x.shape[2:])
    )
    wide = spread(lambda _: x, x, 3, columns, columns[1] * columns[4])
    out = spread(lambda _: wide, wide, 2, rows, rows[1] * rows[4])
    return out, (out, (rows, columns))


def upsample_nearest2d_backward(dout, cache):
    """Gradient of upsampling: dx is the sum of dout over the block of the pixel.

    x[n,c,k,l] stands in out[n,c,i,j] for all i, j with ⌊i / s⌋ = k and ⌊j / t⌋ = l, each time
    once, so dx[n,c,k,l] = Σ dout[n,c,i,j] over that block.
    """
    op = "upsample_nearest2d_backward"
    out, (rows, columns) = unpack(op, cache, ("out", "blocks"), (ARRAY, tuple), 2)
    dout = upstream(op, dout, out.shape, out.dtype)
    return sum_windows(sum_windows(dout, 2, rows), 3, columns)


class UpsampleNearest2d(PairLayer):
    """Layer of :func:`upsample_nearest2d_forward`.

    Parameters
    ----------
    scale : int or pair of int
        Rows and columns of the block that each pixel becomes.

    Examples
    --------
    >>> UpsampleNearest2d(2)
    UpsampleNearest2d(2)
    >>> UpsampleNearest2d((2, 3)).forward([[[[5.0]]]])[0].shape
    (1, 1, 2, 3)
    """

    pair = upsample_nearest2d_forward, upsample_nearest2d_backward

    def __init__(self, scale):
        two_ints("UpsampleNearest2d", "scale", scale, 1)
        self.hold(scale=scale)

    def __repr__(self):
        return self.form(self.settings["scale"])
