"""Windows of images as columns of a matrix, as in cs231n's ``im2col.py``.

The library's own convolution needs none of this; it is for convolutions that students write
themselves, as one product of matrices.
Legend: C channels, HH x WW window, H' x W' positions of it.
"""

import numpy as np

from nnlayers.layers.checks import complaint

__all__ = ["col2im_indices", "get_im2col_indices", "im2col_indices"]


def get_im2col_indices(x_shape, field_height, field_width, padding=1, stride=1):
    """Find the channel, row and column in the padded images of each entry of the matrix.

    Parameters
    ----------
    x_shape : tuple of int
        Sizes (N, C, H, W) of the images.
    field_height, field_width : int
        Sizes HH and WW of the window.
    padding, stride : int
        Zeros at each border, and step of the window.

    Returns
    -------
    k : ndarray of int, shape (C · HH · WW, 1)
        Channels.
    i, j : ndarray of int, shape (C · HH · WW, H' · W')
        Rows and columns.

    Raises
    ------
    ValueError
        If windows do not reach exactly to the border.

    Examples
    --------
    >>> k, i, j = get_im2col_indices((1, 1, 2, 3), 2, 2, padding=0)
    >>> i.tolist(), j.tolist()
    ([[0, 0], [0, 0], [1, 1], [1, 1]], [[0, 1], [1, 2], [0, 1], [1, 2]])
    """
    C, positions = _sizes("get_im2col_indices", x_shape, field_height, field_width, padding, stride)
    k, i, j = (index.reshape(-1, 1) for index in np.indices((C, field_height, field_width)))
    rows, columns = (stride * index.reshape(1, -1) for index in np.indices(positions))
    return k, i + rows, j + columns


def im2col_indices(x, field_height, field_width, padding=1, stride=1):
    """Copy each window of the images to a column: column p · N + n is window p of image n.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W)
        Images.
    field_height, field_width, padding, stride : int
        As for :func:`get_im2col_indices`.

    Returns
    -------
    ndarray, shape (C · HH · WW, H' · W' · N)
        Columns.

    Raises
    ------
    ValueError
        If windows do not reach exactly to the border.

    Examples
    --------
    >>> im2col_indices(np.arange(6.0).reshape(1, 1, 2, 3), 2, 2, padding=0).T
    array([[0., 1., 3., 4.],
           [1., 2., 4., 5.]])
    """
    x = np.asarray(x)
    C, positions = _sizes("im2col_indices", x.shape, field_height, field_width, padding, stride)
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (field_height, field_width), (2, 3))
    windows = windows[:, :, ::stride, ::stride]  # (N, C, H', W', HH, WW)
    rows, places = C * field_height * field_width, positions[0] * positions[1]
    return windows.transpose(1, 4, 5, 2, 3, 0).reshape(rows, places * len(x))


def col2im_indices(cols, x_shape, field_height=3, field_width=3, padding=1, stride=1):
    """Add the columns up where their windows lie: the backward of :func:`im2col_indices`.

    Parameters
    ----------
    cols : ndarray, shape (C · HH · WW, H' · W' · N)
        Columns.
    x_shape : tuple of int
        Sizes (N, C, H, W) of the images.
    field_height, field_width, padding, stride : int
        As for :func:`get_im2col_indices`.

    Returns
    -------
    ndarray, shape (N, C, H, W)
        For each pixel the sum of all entries that are copies of it.

    Raises
    ------
    ValueError
        If windows do not reach exactly to the border, or cols has another shape.

    Examples
    --------
    >>> col2im_indices(np.ones((4, 2)), (1, 1, 2, 3), 2, 2, padding=0)
    array([[[[1., 2., 1.],
             [1., 2., 1.]]]])
    """
    op, cols = "col2im_indices", np.asarray(cols)
    C, positions = _sizes(op, x_shape, field_height, field_width, padding, stride)
    N, _, H, W = x_shape
    expected = (C * field_height * field_width, positions[0] * positions[1] * N)
    if cols.shape != expected:
        problem = f"cols must be {expected}, of windows {field_height} x {field_width}"
        raise complaint(ValueError, op, problem, f"the images are {tuple(x_shape)}", cols=cols)
    padded = np.zeros((N, C, H + 2 * padding, W + 2 * padding), cols.dtype)
    windows = cols.reshape(C, field_height, field_width, *positions, N).transpose(5, 0, 1, 2, 3, 4)
    heights, widths = (stride * size for size in positions)
    for i in range(field_height):
        for j in range(field_width):  # windows[..., i, j, :, :] lie side by side, stride apart
            padded[:, :, i : i + heights : stride, j : j + widths : stride] += windows[:, :, i, j]
    return padded[:, :, padding : padding + H, padding : padding + W]


def _sizes(op, x_shape, field_height, field_width, padding, stride):
    """Return the number of channels, and (H', W')."""
    if len(x_shape) != 4:
        raise complaint(ValueError, op, f"images must be (N, C, H, W), not {tuple(x_shape)}")
    settings = {"field_height": field_height, "field_width": field_width, "stride": stride}
    for (name, value), least in zip([*settings.items(), ("padding", padding)], (1, 1, 1, 0)):
        if not isinstance(value, int | np.integer) or value < least:
            problem = f"{name} must be an integer of at least {least}, not {value!r}"
            raise complaint(ValueError, op, problem)
    positions = []
    for axis, size, taps in zip("HW", x_shape[2:], (field_height, field_width)):
        room = size + 2 * padding - taps
        if room < 0 or room % stride:
            problem = (
                "windows must reach exactly to the border: "
                f"{axis} + 2 padding - window must be 0 or a multiple of {stride}, not {room}"
            )
            raise complaint(ValueError, op, problem, f"the images are {tuple(x_shape)}")
        positions.append(room // stride + 1)
    return x_shape[1], tuple(positions)
