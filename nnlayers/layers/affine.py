"""Products with a matrix: ``matmul`` (y = x w) and ``affine`` (y = x w + b, examples as rows).

Legend: N batch, D features in, M features out.
"""

import math

import numpy as np

from nnlayers.layers._products import LARGE, product, sum_of_rows
from nnlayers.layers.broadcasting import sum_to
from nnlayers.layers.checks import (
    ARRAY,
    OPTIONAL,
    bad_cache,
    complaint,
    floats,
    positive_int,
    unpack,
    upstream,
    x_w_b,
)
from nnlayers.layers.initializers import he_normal, initial
from nnlayers.layers.layer import PairLayer


def matmul_forward(x, w):
    """Matrix product of vectors, matrices or stacked batches of matrices, as ``np.matmul``.

    yₙⱼ = Σᵢ xₙᵢ wᵢⱼ

    Parameters
    ----------
    x : ndarray, shape (D,), (N, D) or (..., N, D)
        Left factor.
    w : ndarray, shape (D,), (D, M) or (..., D, M)
        Right factor; leading axes broadcast against those of x.

    Returns
    -------
    out : ndarray, shape (..., N, M)
        The product; an axis that a vector lacks is absent.
    cache : tuple
        What :func:`matmul_backward` needs.

    Raises
    ------
    ValueError
        If the inner sizes differ, a factor is a scalar, or leading axes do not broadcast.
    TypeError
        If a factor is not floating-point, or their dtypes differ.

    Source
    ------
    NumPy, ``np.matmul``.

    Examples
    --------
    >>> out, cache = matmul_forward(np.array([[0.0, 1.0], [2.0, 3.0]]), np.ones((2, 2)))
    >>> out
    array([[1., 1.],
           [5., 5.]])
    """
    x, w = floats("matmul_forward", x=x, w=w)
    if x.ndim == 0 or w.ndim == 0:
        raise complaint(
            ValueError, "matmul_forward", "a factor is a scalar", "x * w multiplies by it", x=x, w=w
        )
    inner = w.shape[-2] if w.ndim > 1 else w.shape[0]
    if x.shape[-1] != inner:
        fits = w.ndim > 1 and x.shape[-1] == w.shape[-1]
        raise complaint(
            ValueError,
            "matmul_forward",
            f"the last axis of x has {x.shape[-1]} entries but w takes {inner}",
            "w.swapaxes(-1, -2) would fit" if fits else "columns of x must match rows of w",
            x=x,
            w=w,
        )
    try:
        np.broadcast_shapes(x.shape[:-2], w.shape[:-2])
    except ValueError:
        raise complaint(
            ValueError,
            "matmul_forward",
            f"leading axes {x.shape[:-2]} and {w.shape[:-2]} do not broadcast",
            "they must be equal, or 1 where they differ",
            x=x,
            w=w,
        ) from None
    return np.matmul(x, w), (x, w)


def matmul_backward(dout, cache, need_dx=True):
    """Gradients of the matrix product: dx = dout wᵀ and dw = xᵀ dout.

    ∂L/∂xₙᵢ = Σⱼ ∂L/∂yₙⱼ ∂yₙⱼ/∂xₙᵢ = Σⱼ doutₙⱼ wᵢⱼ, which is row n of dout times row i of w,
    so dx = dout wᵀ.  Only yₙⱼ contains wᵢⱼ, once for each row n:
    ∂L/∂wᵢⱼ = Σₙ doutₙⱼ xₙᵢ, column i of x times column j of dout, so dw = xᵀ dout.
    A factor that was broadcast over a leading axis was used once for each entry of that axis:
    its gradients add up.  A vector is a matrix with one row (x) or one column (w).

    Returns
    -------
    dx, dw : ndarray
        Gradients, of the shapes of x and w.
    """
    x, w = unpack("matmul_backward", cache, ("x", "w"))
    rows = x if x.ndim > 1 else x[None, :]  # (..., N, D)
    columns = w if w.ndim > 1 else w[:, None]  # (..., D, M)
    try:
        lead = np.broadcast_shapes(rows.shape[:-2], columns.shape[:-2])
    except ValueError:
        raise bad_cache("matmul_backward", cache, ("x", "w")) from None
    if rows.shape[-1] != columns.shape[-2]:
        raise bad_cache("matmul_backward", cache, ("x", "w"))
    N, M = rows.shape[-2], columns.shape[-1]
    out_shape = lead + (N,) * (x.ndim > 1) + (M,) * (w.ndim > 1)
    dout = upstream("matmul_backward", dout, out_shape, x.dtype).reshape(*lead, N, M)
    dx = None
    if need_dx:
        # out = x @ w  ->  dx = dout @ wᵀ
        dx = sum_to(dout @ columns.swapaxes(-1, -2), rows.shape).reshape(x.shape)
    # out = x @ w  ->  dw = xᵀ @ dout
    dw = sum_to(rows.swapaxes(-1, -2) @ dout, columns.shape).reshape(w.shape)
    return dx, dw


def affine_forward(x, w, b=None):
    """Affine map of each example: its features, flattened into a row, times w, plus b.

    outₙⱼ = Σᵢ xₙᵢ wᵢⱼ + bⱼ

    Parameters
    ----------
    x : ndarray, shape (N, d1, ..., dk)
        Examples; each is flattened to D = d1 · ... · dk features.
    w : ndarray, shape (D, M)
        Weights: column j belongs to output j.
    b : ndarray, shape (M,) or (1, M), optional
        Bias.

    Returns
    -------
    out : ndarray, shape (N, M)
        Scores of the examples.
    cache : tuple
        What :func:`affine_backward` needs.

    Raises
    ------
    ValueError
        If the numbers of features or outputs disagree, or x has no batch axis.
    TypeError
        If an array is not floating-point, or the dtypes differ.

    Source
    ------
    TUM I2DL, "Multidimensional derivatives", eq. (1).

    Examples
    --------
    >>> x = np.arange(8.0).reshape(2, 2, 2)
    >>> out, cache = affine_forward(x, np.ones((4, 3)), np.array([0.0, 1.0, 2.0]))
    >>> out
    array([[ 6.,  7.,  8.],
           [22., 23., 24.]])
    """
    x, w, b = x_w_b("affine_forward", x, w, b)
    if w.ndim != 2 or x.ndim < 2:
        raise _affine_mismatch(x, w, b)
    rows = x if x.ndim == 2 else x.reshape(len(x), math.prod(x.shape[1:]))
    D, M = w.shape
    if rows.shape[1] != D or (b is not None and b.shape != (M,) and b.shape != (1, M)):
        raise _affine_mismatch(x, w, b)
    out = product(rows, w)
    if b is not None:
        out += b
    return out, (x, w, b)


def affine_backward(dout, cache, need_dx=True):
    """Gradients of the affine map: dx = dout wᵀ, dw = xᵀ dout, db = (1ᴺ)ᵀ dout.

    out = x w + 1ᴺ b, where the column 1ᴺ of N ones copies the row b to every example.
    The rule of the product (see :func:`matmul_backward`) holds for both terms:
    ∂L/∂x = dout wᵀ, ∂L/∂w = xᵀ dout, and for the product of 1ᴺ and b
    ∂L/∂b = (1ᴺ)ᵀ dout, that is ∂L/∂bⱼ = Σₙ doutₙⱼ.  dx gets back the shape that x had.

    Returns
    -------
    dx, dw, db : ndarray
        Gradients, of the shapes of x, w and b; without a bias only dx, dw.

    Source
    ------
    TUM I2DL, "Multidimensional derivatives", eqs. (20), (21) and section 3.1.
    """
    x, w, b = unpack("affine_backward", cache, ("x", "w", "b"), (ARRAY, ARRAY, OPTIONAL))
    if w.__class__ is not np.ndarray or w.ndim != 2 or x.ndim < 2:
        raise bad_cache("affine_backward", cache, ("x", "w", "b"))
    D, M = w.shape
    N = len(x)
    dout = upstream("affine_backward", dout, (N, M), x.dtype)
    if x.size != N * D or (b is not None and b.size != M):
        raise bad_cache("affine_backward", cache, ("x", "w", "b"))
    rows = x if x.ndim == 2 else x.reshape(N, D)
    # out = rows @ w + b, differentiated by each factor in turn
    dx = product(dout, w.T).reshape(x.shape) if need_dx else None
    # in memory as w is, so that what adds a multiple of dw to w passes along both
    dw = product(dout.T, rows).T if w.flags.fnc else product(rows.T, dout)
    if b is None:
        return dx, dw
    db = sum_of_rows(dout)
    return dx, dw, db if b.ndim == 1 else db.reshape(b.shape)


class MatMul(PairLayer):
    """Layer y = x w with weights w of shape (in_features, out_features).

    Parameters
    ----------
    in_features, out_features : int
        D and M.
    init : callable
        Initializer, called as ``init(shape, rng=rng, dtype=dtype)``.
    rng : int or numpy.random.Generator, optional
        Seed or generator of the weights; None draws fresh entropy.
    dtype : dtype
        Of the weights.

    Examples
    --------
    >>> layer = MatMul(3, 4, rng=0)
    >>> out, cache = layer.forward(np.ones((2, 3)))
    >>> dx, dw = layer.backward(np.ones((2, 4)), cache)
    >>> dx.shape, dw.shape
    ((2, 3), (3, 4))
    """

    pair = matmul_forward, matmul_backward

    def __init__(self, in_features, out_features, *, init=he_normal, rng=None, dtype=np.float64):
        positive_int("MatMul", in_features=in_features, out_features=out_features)
        self.hold({"w": initial("MatMul", init, (in_features, out_features), rng, dtype)})

    @classmethod
    def of(cls, w):
        """Make the layer of a copy of the weights w, shape (D, M)."""
        (w,) = floats("MatMul.of", w=w)
        if w.ndim != 2:
            raise complaint(ValueError, "MatMul.of", "w must be a matrix (D, M)", w=w)
        return cls.__new__(cls).hold({"w": w.copy()})

    def __repr__(self):
        return self.form(*self.params["w"].shape)


class Affine(PairLayer):
    """Layer out = x w + b: x (N, d1, ..., dk) is flattened to (N, in_features).

    In memory large weights lie column by column, as small batches are multiplied faster then.

    Parameters
    ----------
    in_features, out_features : int
        D and M.
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
    >>> layer = Affine(3, 2, rng=0)
    >>> layer
    Affine(3, 2)
    >>> out, cache = layer.forward(np.ones((4, 3)))
    >>> dx, dw, db = layer.backward(np.ones((4, 2)), cache)
    >>> db
    array([4., 4.])
    """

    pair = affine_forward, affine_backward

    def __init__(
        self,
        in_features,
        out_features,
        *,
        bias=True,
        init=he_normal,
        rng=None,
        dtype=np.float64,
    ):
        positive_int("Affine", in_features=in_features, out_features=out_features)
        w = initial("Affine", init, (in_features, out_features), rng, dtype)
        # where a small batch meets large weights, products with their columns are faster
        params = {"w": np.asfortranarray(w) if w.size >= LARGE else w}
        if bias:
            params["b"] = np.zeros(out_features, dtype)
        self.hold(params)

    @classmethod
    def of(cls, w, b=None):
        """Make the layer of copies of its arrays: w (D, M) and b (M,), (1, M) or None."""
        w, b = floats("Affine.of", ("b",), w=w, b=b)
        arrays = {"w": w} if b is None else {"w": w, "b": b}
        if w.ndim != 2:
            raise complaint(ValueError, "Affine.of", "w must be a matrix (D, M)", **arrays)
        if b is not None and b.shape not in ((w.shape[1],), (1, w.shape[1])):
            raise complaint(
                ValueError,
                "Affine.of",
                f"w has {w.shape[1]} outputs, so b must be ({w.shape[1]},) or (1, {w.shape[1]})",
                **arrays,
            )
        return cls.__new__(cls).hold({name: array.copy() for name, array in arrays.items()})

    def __repr__(self):
        return self.form(*self.params["w"].shape, **({} if "b" in self.params else {"bias": False}))


def _affine_mismatch(x, w, b):
    """Return the error of affine_forward whose arrays disagree, with the likeliest fix."""
    op, arrays = "affine_forward", {"x": x, "w": w} | ({} if b is None else {"b": b})
    if w.ndim != 2:
        return complaint(ValueError, op, f"w must be a matrix (D, M), not {w.ndim}-d", **arrays)
    D, M = w.shape
    if x.ndim < 2:
        return complaint(
            ValueError,
            op,
            f"x has {x.ndim} axes but a batch (N, d1, ..., dk) has at least 2",
            "x[None, :] makes a batch of one example",
            **arrays,
        )
    features = math.prod(x.shape[1:])
    if features != D:
        if x.ndim == 3 and x.shape[-1] == D:
            fix = "temporal_affine_forward(x, w, b) applies them to every step (N, T, D)"
        elif x.ndim > 3 and x.shape[-1] == D:
            fix = "matmul_forward(x, w) applies w to the last axis"
        elif features == M:
            fix = "w.T would fit"
        else:
            fix = f"w must be ({features}, M)"
        return complaint(
            ValueError, op, f"x has {features} features per example but w takes {D}", fix, **arrays
        )
    fix = f"b must be ({M},) or (1, {M})"
    return complaint(ValueError, op, f"w has {M} outputs but b has shape {b.shape}", fix, **arrays)
