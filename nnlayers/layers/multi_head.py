"""Multi-head attention: several small attentions side by side, between two affine maps.

Legend: N batch, T positions that ask, S positions that answer, D width, d = D / heads.
"""

from typing import NamedTuple

import numpy as np

from nnlayers.layers._products import sum_of_rows
from nnlayers.layers.attention import attend, attend_backward, score_bias
from nnlayers.layers.checks import bad_cache, complaint, floats, positive_int, upstream
from nnlayers.layers.initializers import generator, glorot_uniform, initial
from nnlayers.layers.layer import PairLayer
from nnlayers.layers.positional import rotate, turns


class MultiHeadCache(NamedTuple):
    """What multi-head attention keeps for its backward.

    ``p`` are the weights, (N, heads, T, S); q, k and v are (N, heads, T or S, d), ``context`` is
    (N, T, D): the heads' means of values, side by side.
    """

    x: np.ndarray
    memory: np.ndarray | None
    wqkv: np.ndarray
    wo: np.ndarray
    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    p: np.ndarray
    context: np.ndarray
    causal: bool
    rotary: bool


def multi_head_attention_forward(
    x, memory, wqkv, bqkv, wo, bo, *, heads, mask=None, causal=False, rotary=False
):
    """Multi-head attention: several small attentions side by side, between two affine maps.

    [q k v] = x wqkv + bqkv; head h has the h-th D / heads columns of each;
    out = [head₁ head₂ ...] wo + bo, with headₕ = softmax(qₕ kₕᵀ / √d) vₕ

    Parameters
    ----------
    x : ndarray, shape (N, T, D)
        Sequences whose positions ask.
    memory : ndarray, shape (N, S, D), optional
        Sequences that answer, from which keys and values are made (cross-attention); None: x itself
        (self-attention).
    wqkv, bqkv : ndarray, shapes (D, 3 D) and (3 D,)
        The maps to queries, keys and values side by side.
    wo, bo : ndarray, shapes (D, D) and (D,)
        The map of the joined heads.
    heads : int
        Number of heads; divides D.
    mask : ndarray of bool, optional
        True where a position may attend to another: (T, S), (N, T, S) or (N, heads, T, S), where an
        axis may be 1; (N, 1, S) leaves out the padding of each sequence.
    causal : bool
        Whether position t may attend to the positions 0 to t alone; only without memory.
    rotary : bool
        Whether queries and keys are turned by their positions first: see
        :func:`rotary_embedding_forward`; only without memory.

    Returns
    -------
    out : ndarray, shape (N, T, D)
        What the positions learnt.
    cache : MultiHeadCache
        What :func:`multi_head_attention_backward` needs.

    Raises
    ------
    ValueError
        If shapes disagree, the heads do not divide the width, or causal or rotary meets a memory.
    TypeError
        If an array is not floating-point, the dtypes differ, or the mask is not boolean.

    Source
    ------
    Vaswani et al., "Attention is all you need" (2017), section 3.2.2.

    Examples
    --------
    >>> x = np.array([[[1.0], [3.0]]])  # one sequence of two positions
    >>> wqkv = np.array([[0.0, 0.0, 1.0]])  # the scores are 0 and the values are x
    >>> one, b = np.ones((1, 1)), np.zeros(1)
    >>> out, cache = multi_head_attention_forward(x, None, wqkv, np.zeros(3), one, b, heads=1)
    >>> out.ravel()
    array([2., 2.])
    """
    op = "multi_head_attention_forward"
    x, memory, wqkv, bqkv, wo, bo = floats(
        op, ("memory",), x=x, memory=memory, wqkv=wqkv, bqkv=bqkv, wo=wo, bo=bo
    )
    arrays = {"x": x, "memory": memory, "wqkv": wqkv, "bqkv": bqkv, "wo": wo, "bo": bo}
    _check_multi_head(op, heads, causal, rotary, **arrays)
    N, T, D = x.shape
    S = T if memory is None else memory.shape[1]
    bias = _score_bias(op, mask, (N, heads, T, S), x.dtype)
    if memory is None:
        # one product for queries, keys and values; the heads are views of it, never copied
        q, k, v = _project(x, wqkv, bqkv, heads)
    else:
        (q,) = _project(x, wqkv[:, :D], bqkv[:D], heads)
        k, v = _project(memory, wqkv[:, D:], bqkv[D:], heads)
    if rotary:
        cos, sin = turns(T, D // heads, x.dtype)
        for part in (q, k):
            rotate(part, cos, sin, out=part)
    context = np.empty((N, T, D), x.dtype)
    _, p = attend(q, k, v, bias, causal, out=_heads(context, heads)[0])
    out = context.reshape(N * T, D) @ wo
    out += bo
    cache = MultiHeadCache(x, memory, wqkv, wo, q, k, v, p, context, causal, rotary)
    return out.reshape(N, T, D), cache


def multi_head_attention_backward(dout, cache, need_dx=True):
    """Gradients of multi-head attention: two affine maps, and attention between them.

    out = context wo + bo is affine: dcontext = dout woᵀ, dwo = contextᵀ dout, dbo = Σ dout over
    all positions (see :func:`affine_backward`).  Head h gets its own columns of dcontext and gives
    dq, dk, dv (see :func:`attention_backward`); rotary ones are turned back.  Side by side they are
    dqkv, and [q k v] = x wqkv + bqkv is affine: dx = dqkv wqkvᵀ, dwqkv = xᵀ dqkv, dbqkv = Σ dqkv.
    With a memory, the columns of k and v give dmemory = dkv wkvᵀ and dwkv = memoryᵀ dkv instead.

    Returns
    -------
    dx, dmemory, dwqkv, dbqkv, dwo, dbo : ndarray
        Gradients, of the shapes of forward's arguments; no dmemory without a memory.
    """
    op = "multi_head_attention_backward"
    if cache.__class__ is not MultiHeadCache:
        raise bad_cache(op, cache, "the MultiHeadCache")
    x, memory, wqkv, wo, q, k, v, p, context, causal, rotary = cache
    N, T, D = x.shape
    heads = q.shape[1]
    dout = upstream(op, dout, x.shape, x.dtype).reshape(N * T, D)
    # out = context @ wo + bo
    dcontext = (dout @ wo.T).reshape(N, T, D)
    dwo, dbo = context.reshape(N * T, D).T @ dout, sum_of_rows(dout)
    # the gradients of queries, keys and values are written where one product can take them all
    if memory is None:
        dqkv = np.empty((N, T, 3 * D), x.dtype)
        dq, dk, dv = _heads(dqkv, heads, 3)
    else:
        dqueries, dkv = np.empty((N, T, D), x.dtype), np.empty((*memory.shape[:2], 2 * D), x.dtype)
        (dq,), (dk, dv) = _heads(dqueries, heads), _heads(dkv, heads, 2)
    attend_backward(_heads(dcontext, heads)[0], q, k, v, p, causal, out=(dq, dk, dv))
    if rotary:
        cos, sin = turns(T, D // heads, x.dtype)
        for part in (dq, dk):
            rotate(part, cos, -sin, out=part)
    dwqkv, dbqkv = np.empty((D, 3 * D), x.dtype), np.empty(3 * D, x.dtype)
    if memory is None:
        dx = _project_backward(dqkv, x, wqkv, dwqkv, dbqkv, need_dx)
        return dx, dwqkv, dbqkv, dwo, dbo
    dx = _project_backward(dqueries, x, wqkv[:, :D], dwqkv[:, :D], dbqkv[:D], need_dx)
    dmemory = _project_backward(dkv, memory, wqkv[:, D:], dwqkv[:, D:], dbqkv[D:], need_dx)
    return dx, dmemory, dwqkv, dbqkv, dwo, dbo


class MultiHeadAttention(PairLayer):
    """Layer of :func:`multi_head_attention_forward`: ``forward(x, memory=None, mask=None)``.

    Parameters
    ----------
    width : int
        D.
    heads : int
        Number of heads; divides the width.
    causal : bool
        Whether position t may attend to the positions 0 to t alone.
    rotary : bool
        Whether queries and keys are turned by their positions.
    init : callable
        Initializer of the four (D, D) matrices, called as ``init(shape, rng=rng, dtype=dtype)``.
    rng : int or numpy.random.Generator, optional
        Seed or generator of the weights; None draws fresh entropy.
    dtype : dtype
        Of the parameters.

    Examples
    --------
    >>> layer = MultiHeadAttention(6, heads=2, causal=True, rng=0)
    >>> x = np.arange(36.0).reshape(2, 3, 6)
    >>> out, cache = layer.forward(x)
    >>> dx, dwqkv, dbqkv, dwo, dbo = layer.backward(np.ones((2, 3, 6)), cache)
    >>> out.shape, dwqkv.shape
    ((2, 3, 6), (6, 18))
    """

    pair = multi_head_attention_forward, multi_head_attention_backward
    inputs = ("x", "memory")

    def __init__(
        self,
        width,
        *,
        heads,
        causal=False,
        rotary=False,
        init=glorot_uniform,
        rng=None,
        dtype=np.float64,
    ):
        op = "MultiHeadAttention"
        positive_int(op, width=width)
        _check_heads(op, width, heads, rotary)
        rng = generator(rng, op)
        q, k, v, o = (initial(op, init, (width, width), rng, dtype) for _ in range(4))
        params = {
            "wqkv": np.concatenate((q, k, v), axis=1),
            "bqkv": np.zeros(3 * width, dtype),
            "wo": o,
            "bo": np.zeros(width, dtype),
        }
        self.hold(params, heads=heads, causal=causal, rotary=rotary)

    @classmethod
    def of(cls, wqkv, bqkv, wo, bo, *, heads, causal=False, rotary=False):
        """Make the layer of copies of its arrays: (D, 3 D), (3 D,), (D, D) and (D,)."""
        op, arrays = "MultiHeadAttention.of", {"wqkv": wqkv, "bqkv": bqkv, "wo": wo, "bo": bo}
        arrays = dict(zip(arrays, floats(op, **arrays)))
        if arrays["wo"].ndim != 2:
            raise complaint(ValueError, op, "wo must be a matrix (D, D)", **arrays)
        width = len(arrays["wo"])
        _check_maps(op, width, **arrays)
        _check_heads(op, width, heads, rotary, **arrays)
        params = {name: array.copy() for name, array in arrays.items()}
        return cls.__new__(cls).hold(params, heads=heads, causal=causal, rotary=rotary)

    def forward(self, x, memory=None, *, mask=None, train=None, rng=None):
        """Call the pair's forward: see there; return ``(out, cache)``."""
        return multi_head_attention_forward(
            x, memory, *self.params.values(), mask=mask, **self.settings
        )

    def __repr__(self):
        flags = {name: True for name in ("causal", "rotary") if self.settings[name]}
        return self.form(self.params["bo"].size, heads=self.settings["heads"], **flags)


def _heads(rows, heads, parts=1):
    """View rows (N, T, parts · D) as their parts and heads: (parts, N, heads, T, d)."""
    N, T, width = rows.shape
    return rows.reshape(N, T, parts, heads, width // (parts * heads)).transpose(2, 0, 3, 1, 4)


def _project(x, w, b, heads):
    """Return the parts of x w + b by heads."""
    N, T, D = x.shape
    rows = x.reshape(N * T, D) @ w
    rows += b
    return _heads(rows.reshape(N, T, w.shape[1]), heads, w.shape[1] // D)


def _project_backward(drows, x, w, dw, db, need_dx):
    """Return dx of x w + b, or None; write the gradients of w and b to dw and db."""
    N, T, D = x.shape
    drows = drows.reshape(N * T, w.shape[1])
    np.matmul(x.reshape(N * T, D).T, drows, out=dw)
    db[:] = sum_of_rows(drows)
    return (drows @ w.T).reshape(N, T, D) if need_dx else None


def _score_bias(op, mask, shape, dtype):
    """Return :func:`score_bias` of scores (N, heads, T, S); a mask (N, T, S) is for all heads."""
    if np.ndim(mask) == 3:
        return score_bias(op, mask, (shape[0], *shape[2:]), dtype)[:, None]
    return score_bias(op, mask, shape, dtype)


def _check_multi_head(op, heads, causal, rotary, x, memory, **maps):
    """Raise unless inputs, maps and settings of multi-head attention fit together."""
    arrays = {"x": x} | ({} if memory is None else {"memory": memory}) | maps
    for name, array in (("x", x), ("memory", memory)):
        if array is not None and array.ndim != 3:
            raise complaint(
                ValueError,
                op,
                f"{name} must be sequences (N, positions, features), not {array.ndim}-d",
                f"{name}[None] makes a batch of one sequence" if array.ndim == 2 else None,
                **arrays,
            )
    D = x.shape[2]
    _check_maps(op, D, x=x, memory=memory, **maps)
    _check_heads(op, D, heads, rotary, **arrays)
    if memory is None:
        return
    if len(memory) != len(x) or memory.shape[2] != D:
        raise complaint(
            ValueError,
            op,
            f"memory must be ({len(x)}, S, {D}), a sequence of the same width for each of x",
            **arrays,
        )
    for name, value in (("causal", causal), ("rotary", rotary)):
        if value:
            raise complaint(
                ValueError,
                op,
                f"{name}=True relates positions of one sequence, and memory is another one",
                "mask= says which position may attend to which" if causal else None,
                **arrays,
            )


def _check_maps(op, D, *, wqkv, bqkv, wo, bo, **inputs):
    """Raise unless the parameters are those of a width D."""
    arrays = {"wqkv": wqkv, "bqkv": bqkv, "wo": wo, "bo": bo}
    for (name, array), shape in zip(arrays.items(), ((D, 3 * D), (3 * D,), (D, D), (D,))):
        if array.shape != shape:
            given = {name: array for name, array in inputs.items() if array is not None}
            raise complaint(
                ValueError,
                op,
                f"a width of {D} needs {name} of shape {shape}",
                f"{name}.T would fit" if array.T.shape == shape else None,
                **given,
                **arrays,
            )


def _check_heads(op, width, heads, rotary, **arrays):
    """Raise unless the heads divide the width, into even parts if they are to be turned."""
    positive_int(op, heads=heads)
    if width % heads:
        divisors = ", ".join(str(n) for n in range(1, width + 1) if width % n == 0)
        raise complaint(
            ValueError,
            op,
            f"{heads} heads do not divide the width {width}",
            f"heads may be {divisors}",
            **arrays,
        )
    if rotary and width // heads % 2:
        raise complaint(
            ValueError,
            op,
            f"rotary=True turns pairs of features, but {heads} heads of the width {width} "
            f"have {width // heads} each",
            "an even number is needed",
            **arrays,
        )
