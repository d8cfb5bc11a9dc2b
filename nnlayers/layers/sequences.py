"""What the recurrent layers share: checks of their arrays, memory, masks, and the layer object.

Legend: N batch, T steps, D features in, H hidden features, G gates (1 for the plain RNN).  The
functions take and give (N, T, ...), but steps come first in memory: each step then reads and writes
one block, and a view with the axes exchanged costs nothing.
"""

import math

import numpy as np

from nnlayers.layers.checks import complaint, floats, positive_int, upstream
from nnlayers.layers.initializers import generator, initial, lecun_normal
from nnlayers.layers.layer import PairLayer

BLOCK_BYTES = 2**19  # what one block of steps may take for its gates: a part of the L2 cache
LINE = 64  # bytes of a cache line


def check_recurrent(op, gates, sequence, x, states, wx, wh, b):
    """Return x, the states, wx, wh and b as arrays of one dtype whose shapes agree.

    Parameters
    ----------
    op : str
        The function that was called.
    gates : int
        G: wx is (D, G H), wh is (H, G H), b is (G H,).
    sequence : bool
        Whether x is (N, T, D), or one step (N, D).
    x, wx, wh, b : ndarray
        Arguments of that function.
    states : dict of str to ndarray
        Its states (N, H) by name; None where one may be left out and was.

    Raises
    ------
    TypeError, ValueError
        If they disagree.
    """
    names = ("x", *states, "wx", "wh", "b")
    arrays = floats(
        op, states if sequence else (), **dict(zip(names, (x, *states.values(), wx, wh, b)))
    )
    x, wx, wh, b = arrays[0], *arrays[-3:]
    states = arrays[1:-3]
    if (
        x.ndim == 2 + sequence
        and wx.ndim == wh.ndim == 2
        and wx.shape[0] == x.shape[-1]
        and wx.shape[1] == wh.shape[1] == gates * wh.shape[0]
        and _is_bias(gates, b, wh)
        and all(state is None or state.shape == (len(x), len(wh)) for state in states)
    ):
        return arrays
    raise _mismatch(op, gates, sequence, dict(zip(names, arrays)))


def check_mask(op, mask, x):
    """Return the steps that a mask (N, T) leaves out, booleans (T, N, 1); None if there are none.

    Raises
    ------
    ValueError
        If the mask has not the shape (N, T), or another value than 0 and 1.
    """
    if mask is None:
        return None
    mask = np.asarray(mask)
    if mask.shape != x.shape[:2]:
        raise complaint(
            ValueError,
            op,
            f"mask must have an entry for each step of each sequence, {x.shape[:2]}",
            "np.arange(T) < lengths[:, None] masks by length",
            x=x,
            mask=mask,
        )
    idle = mask == 0
    if mask.dtype != bool and not (idle | (mask == 1)).all():
        raise complaint(
            ValueError,
            op,
            "mask must be True or 1 where x has a step, and False or 0 elsewhere",
            "mask > 0 makes it so",
            mask=mask,
        )
    return idle.T[:, :, None] if idle.any() else None


def check_of(op, gates, wx, wh, b):
    """Return wx, wh and b as arrays of one dtype that make a layer."""
    wx, wh, b = floats(op, wx=wx, wh=wh, b=b)
    if not (
        wx.ndim == wh.ndim == 2
        and wx.shape[1] == wh.shape[1] == gates * wh.shape[0]
        and _is_bias(gates, b, wh)
    ):
        raise _mismatch(op, gates, True, {"wx": wx, "wh": wh, "b": b})
    return wx, wh, b


def upstream_pair(op, dout, shapes, dtype):
    """Return the upstream gradients of two outs; None, which stands for zeros, stays None."""
    if not isinstance(dout, tuple | list) or len(dout) != 2:
        raise complaint(
            ValueError,
            op,
            "dout must be a pair, one for each of forward's outs",
            "None stands for zeros: (dh, None)",
            dout=dout,
        )
    return [None if d is None else upstream(op, d, s, dtype) for d, s in zip(dout, shapes)]


def aligned(shape, dtype):
    """Return a new array, not initialised, that begins at a cache line.

    BLAS multiplies small matrices as they lie, without packing them into blocks first, and takes a
    third longer when every read touches two lines; NumPy begins its arrays anywhere.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + LINE, np.uint8)
    start = -memory.__array_interface__["data"][0] % LINE
    return memory[start : start + size].view(dtype).reshape(shape)


def aligned_copy(array):
    """Return a C-ordered copy that begins at a cache line; see :func:`aligned`."""
    copied = aligned(array.shape, array.dtype)
    copied[...] = array
    return copied


def by_gate(w, gates):
    """Return w (D, G H) as one matrix for each gate, (G, D, H): a view."""
    return w.reshape(len(w), gates, w.shape[1] // gates).swapaxes(0, 1)


def with_ones(x, h=None):
    """Return the rows [xₜ 1], or [xₜ 1 hₜ₋₁], of all steps, time first: (T, N, D + 1 + H).

    The bias is the weight of the constant feature 1: one product adds it, and its gradient is a
    row of that product's.
    """
    N, T, _ = x.shape
    parts = (x.swapaxes(0, 1), np.ones((T, N, 1), x.dtype))
    return np.concatenate(parts if h is None else (*parts, h[:-1]), axis=2)


def weight_gradients(da, x, h):
    """Return dwx, dwh and db of a = x wx + h wh + b, for da of all steps, (T N, G H).

    One product with the rows [xₜ 1 hₜ₋₁] gives all three, one below the other.
    """
    N, T, D = x.shape
    dw = with_ones(x, h).reshape(T * N, D + 1 + h.shape[2]).T @ da
    return dw[:D], dw[D + 1 :], dw[D]


def states_from(start, steps, shape, dtype):
    """Return memory for the states before and after all steps, (T + 1, N, H), the first one set."""
    states = aligned((steps + 1, *shape), dtype)
    states[0] = 0.0 if start is None else start
    return states


def blocks(steps, step_bytes):
    """Return slices of consecutive steps whose arrays stay in the cache together."""
    size = max(1, BLOCK_BYTES // max(1, step_bytes))
    return [slice(start, min(start + size, steps)) for start in range(0, steps, size)]


class Recurrent(PairLayer):
    """A recurrent layer: ``forward(x)``, or with the state to start from ``forward(x, h0)``.

    Subclasses name their pair, the number of their gates and how their bias begins.
    """

    inputs = ("x", "h0")
    optional = 1
    gates = 1

    def __init__(self, features, hidden, *, init=lecun_normal, rng=None, dtype=np.float64):
        op = type(self).__name__
        positive_int(op, features=features, hidden=hidden)
        rng = generator(rng, op)
        # every gate is a map of its own: the variance depends on D and on H, not on G
        wx, wh = (
            [initial(op, init, (size, hidden), rng, dtype) for _ in range(self.gates)]
            for size in (features, hidden)
        )
        bias = self.first_bias(hidden).astype(dtype, copy=False)
        self.hold({"wx": np.concatenate(wx, axis=1), "wh": np.concatenate(wh, axis=1), "b": bias})

    def first_bias(self, hidden):
        """Return the b that training starts with."""
        return np.zeros(self.gates * hidden)

    @classmethod
    def of(cls, wx, wh, b):
        """Make the layer of copies of wx (D, G H), wh (H, G H), b (G H,) or a GRU's (2, 3 H)."""
        wx, wh, b = check_of(f"{cls.__name__}.of", cls.gates, wx, wh, b)
        return cls.__new__(cls).hold({"wx": wx.copy(), "wh": wh.copy(), "b": b.copy()})

    def forward(self, *inputs, mask=None, train=None, rng=None):
        """Call the pair's forward: see there; return ``(out, cache)``."""
        self.check_inputs(inputs)
        states = (*inputs[1:], *(None,) * (len(self.inputs) - len(inputs)))
        return self.pair[0](inputs[0], *states, *self.params.values(), mask=mask)

    def __repr__(self):
        return self.form(len(self.params["wx"]), len(self.params["wh"]))


def _is_bias(gates, b, wh):
    """Whether b is (G H,), or for a GRU (2, 3 H)."""
    return b.shape == (wh.shape[1],) or (gates == 3 and b.shape == (2, wh.shape[1]))


def _mismatch(op, gates, sequence, arrays):
    """Return the error of arrays that disagree, with the likeliest fix."""
    given = {name: array for name, array in arrays.items() if array is not None}
    wx, wh, b = (arrays[name] for name in ("wx", "wh", "b"))
    times = "" if gates == 1 else f"{gates} "  # 4 H columns, or H
    x = arrays.get("x")

    def wrong(problem, fix=None):
        return complaint(ValueError, op, problem, fix, **given)

    if x is not None and x.ndim != 2 + sequence:
        form = "sequences (N, T, D) have 3" if sequence else "a step (N, D) has 2"
        fix = None
        if {x.ndim, 2 + sequence} == {2, 3}:
            other = op.replace("_forward", "_step_forward") if sequence else op.replace("_step", "")
            fix = f"{other} takes {'one step' if sequence else 'sequences'}"
        return wrong(f"x has {x.ndim} axes but {form}", fix)
    if wh.ndim != 2 or wh.shape[1] != gates * wh.shape[0]:
        fix = None
        if wh.ndim == 2 and wh.shape[0] == gates * wh.shape[1]:
            fix = "wh.T would fit"
        return wrong(f"wh must be a matrix (H, {times}H)", fix)
    H = wh.shape[0]
    if wx.ndim != 2 or wx.shape[1] != gates * H:
        fix = "wx.T would fit" if wx.ndim == 2 and wx.shape[0] == gates * H else None
        return wrong(f"wh has H = {H}, so wx must be (D, {times}H) = (D, {gates * H})", fix)
    if x is not None and x.shape[-1] != wx.shape[0]:
        return wrong(f"x has {x.shape[-1]} features per step but wx takes {wx.shape[0]}")
    if not _is_bias(gates, b, wh):
        forms = f"({times}H,) = ({gates * H},)"
        if gates == 3:
            forms += f" or (2, {times}H) = (2, {gates * H})"
        return wrong(f"wh has H = {H}, so b must be {forms}")
    name = next(
        name
        for name, array in given.items()
        if name not in ("x", "wx", "wh", "b") and array.shape != (len(x), H)
    )
    return wrong(f"{name} must be (N, H) = ({len(x)}, {H})")
