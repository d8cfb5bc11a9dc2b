"""Branches that meet again: ``Residual`` (x and what layers make of it) and ``Parallel``.

Where a signal is used twice its gradients add up: dx of a branching is the sum of the branches' dx.
Where branches are summed, each gets the whole dout; where they are joined end to end, each gets
the part of dout that belongs to it.
"""

import numpy as np

from nnlayers.layers.checks import bad_cache, choice, complaint, upstream
from nnlayers.layers.initializers import generator
from nnlayers.networks.composite import Composite
from nnlayers.networks.sequential import Sequential


class Residual(Composite):
    """A chain of layers around which x passes unchanged: what the chain gives is added to x.

    out = f(x) + x, or f(x) + s(x) with a shortcut s.  By the sum rule dx = J_fᵀ dout + dout (with
    a shortcut J_fᵀ dout + J_sᵀ dout): the gradient reaches x even where f lets nothing through.

    Parameters
    ----------
    *layers : Layer
        The chain f, as in :class:`Sequential`.
    shortcut : Layer, optional
        Projection s, where f(x) has not the shape of x; it stands last in ``layers``.

    Raises
    ------
    ValueError
        If there is no layer or one is a loss; in forward, if f(x) and the shortcut differ in shape.
    TypeError
        If an argument is no layer.

    Source
    ------
    He, Zhang, Ren, Sun, "Deep residual learning for image recognition" (2016), eqs. (1), (2).

    Examples
    --------
    >>> from nnlayers import Affine, ReLU
    >>> block = Residual(Affine.of(np.eye(2)), ReLU())
    >>> out, cache = block.forward(np.array([[-1.0, 2.0]]))
    >>> out
    array([[-1.,  4.]])
    >>> dx, grads = block.gradients(np.ones((1, 2)), cache)
    >>> dx
    array([[1., 2.]])
    """

    def __init__(self, *layers, shortcut=None):
        if not layers:
            raise complaint(
                ValueError, "Residual", "there is nothing to add to x", "name the layers of f"
            )
        super().__init__(layers if shortcut is None else (*layers, shortcut), "Residual")
        _refuse_losses("Residual", self.layers)
        self.shortcut = shortcut
        self._chain = _Chain(*layers)

    def forward(self, x, *, train=None, rng=None):
        """Return ``(out, cache)``; see :meth:`Sequential.forward`.

        The shortcut draws from rng after the chain.
        """
        if rng.__class__ is int:
            rng = generator(rng)
        states = [layer.state for layer in self._stateful]
        try:
            out, inside = self._chain.forward(x, train=train, rng=rng)
            passed, past = self._pass(x, train, rng)
            if out.shape != passed.shape:
                raise self._mismatch(x, out, passed)
        except BaseException:
            self._restore(states)
            raise
        return out + passed, (inside, past)

    def gradients(self, dout, cache, need_dx=True):
        """Return ``(dx, {name: gradient})`` with the keys of ``params``; see :class:`Layer`."""
        if not (
            cache.__class__ is tuple
            and len(cache) == 2
            and cache[0].__class__ is tuple
            and len(cache[0]) == len(self._chain.layers)
        ):
            expected = "the tuple (caches of the chain, cache of the shortcut)"
            raise bad_cache("Residual.backward", cache, expected, "Residual.forward")
        inside, past = cache
        # out = f(x) + s(x): both terms get the whole dout, and their gradients of x add up
        dx, grads = self._chain.gradients(dout, inside, need_dx)
        if self.shortcut is None:
            if need_dx:
                dx = dx + upstream("Residual.backward", dout, dx.shape, dx.dtype)
            return dx, grads
        try:
            ds, of_shortcut = self.shortcut.gradients(dout, past, need_dx)
        except BaseException as error:
            error.add_note(self._place())
            raise
        for name, gradient in of_shortcut.items():
            key = self._keys[-1][name]
            grads[key] = grads[key] + gradient if key in grads else gradient
        return (dx + ds if need_dx else None), grads

    def _pass(self, x, train, rng):
        if self.shortcut is None:
            return np.asarray(x), None
        try:
            return self.shortcut.forward(x, train=train, rng=rng)
        except BaseException as error:
            error.add_note(self._place())
            raise

    def _place(self):
        return f"in Residual, shortcut: {self.shortcut!r}"

    def _mismatch(self, x, out, passed):
        if self.shortcut is None:
            fix = f"shortcut= takes a layer that gives x the shape {out.shape}"
            problem = f"the layers give {out.shape}, which does not add to x"
        else:
            fix = None
            problem = f"the layers give {out.shape} but the shortcut gives {passed.shape}"
        return complaint(ValueError, "Residual", problem, fix, x=np.asarray(x))

    def __repr__(self):
        chain = ", ".join(map(repr, self._chain.layers))
        return (
            f"Residual({chain}{'' if self.shortcut is None else f', shortcut={self.shortcut!r}'})"
        )


class _Chain(Sequential):
    """The chain inside a Residual, by whose name its errors go."""

    def _place(self, i):
        return f"in Residual, layer {i}: {self.layers[i]!r}"


class Parallel(Composite):
    """Layers that all get the same x, and whose outs are summed or joined end to end.

    out = Σᵢ fᵢ(x), or out = [f₁(x), f₂(x), ...] along an axis.  dx = Σᵢ J_iᵀ doutᵢ, where doutᵢ is
    the whole dout for a sum, and branch i's part of it for a concatenation.

    Parameters
    ----------
    *layers : Layer
        The branches.
    join : {"sum", "concatenate"}
        What becomes of their outs.
    axis : int
        Axis along which they are concatenated; the outs agree in all other axes.

    Raises
    ------
    ValueError
        If there is no layer, or one is a loss; in forward, if the outs do not fit together.
    TypeError
        If an argument is no layer.

    Source
    ------
    Szegedy et al., "Going deeper with convolutions" (2015), figure 2.

    Examples
    --------
    >>> from nnlayers import ReLU, Square
    >>> both = Parallel(ReLU(), Square(), join="concatenate")
    >>> out, cache = both.forward(np.array([[-1.0, 2.0]]))
    >>> out
    array([[0., 2., 1., 4.]])
    >>> both.backward(np.ones((1, 4)), cache)
    array([[-2.,  5.]])
    """

    def __init__(self, *layers, join="sum", axis=-1):
        if not layers:
            raise complaint(ValueError, "Parallel", "there is no branch", "name the layers")
        super().__init__(layers, "Parallel")
        _refuse_losses("Parallel", layers)
        choice("Parallel", "join", join, ("sum", "concatenate"))
        self.join, self.axis = join, axis

    def forward(self, x, *, train=None, rng=None):
        """Return ``(out, cache)``; see :meth:`Sequential.forward`.

        The branches draw from rng in their order.
        """
        if rng.__class__ is int:
            rng = generator(rng)
        states = [layer.state for layer in self._stateful]
        outs, caches = [], []
        try:
            for layer in self.layers:
                out, cache = layer.forward(x, train=train, rng=rng)
                outs.append(out)
                caches.append(cache)
        except BaseException as error:
            self._restore(states)
            error.add_note(self._place(len(outs)))
            raise
        shapes = tuple(out.shape for out in outs)
        if not self._fit(shapes):
            self._restore(states)
            raise self._mismatch(x, shapes)
        if self.join == "concatenate":
            return np.concatenate(outs, self.axis), (shapes, tuple(caches))
        total = outs[0]
        for out in outs[1:]:
            total = total + out
        return total, (shapes, tuple(caches))

    def gradients(self, dout, cache, need_dx=True):
        """Return ``(dx, {name: gradient})`` with the keys of ``params``; see :class:`Layer`."""
        branches = len(self.layers)
        if not (
            cache.__class__ is tuple
            and len(cache) == 2
            and all(part.__class__ is tuple and len(part) == branches for part in cache)
        ):
            expected = f"the tuple (shapes, caches) of {branches} branches"
            raise bad_cache("Parallel.backward", cache, expected, "Parallel.forward")
        shapes, caches = cache
        dx, grads = None, []
        for i, part in enumerate(self._parts(dout, shapes)):
            try:
                di, of_branch = self.layers[i].gradients(part, caches[i], need_dx)
            except BaseException as error:
                error.add_note(self._place(i))
                raise
            grads.append(of_branch)
            # every branch got the same x: the gradients of x add up
            dx = di if dx is None else dx + di
        return dx, self._collect(grads)

    def _fit(self, shapes):
        """Whether outs of these shapes can be joined."""
        if self.join == "sum":
            return len(set(shapes)) == 1
        ranks = {len(shape) for shape in shapes}
        if len(ranks) > 1 or not -min(ranks) <= self.axis < min(ranks):
            return False
        axis = self.axis % min(ranks)
        return len({shape[:axis] + shape[axis + 1 :] for shape in shapes}) == 1

    def _parts(self, dout, shapes):
        """Return each branch's part of dout."""
        if self.join == "sum":
            return [dout] * len(shapes)
        sizes = [shape[self.axis] for shape in shapes]
        whole = list(shapes[0])
        whole[self.axis] = sum(sizes)
        dout = np.asarray(dout)
        if dout.shape != tuple(whole):
            dout = upstream("Parallel.backward", dout, tuple(whole), dout.dtype)
        return np.split(dout, np.cumsum(sizes)[:-1], self.axis)

    def _mismatch(self, x, shapes):
        problem = f"the branches give {', '.join(map(str, shapes))}"
        if self.join == "sum":
            fix = "only outs of one shape are summed"
        else:
            fix = f"they may differ along axis {self.axis} alone"
        return complaint(ValueError, "Parallel", problem, fix, x=np.asarray(x))

    def _place(self, i):
        return f"in Parallel, layer {i}: {self.layers[i]!r}"

    def __repr__(self):
        words = list(map(repr, self.layers))
        words += [f"join={self.join!r}"] * (self.join != "sum")
        words += [f"axis={self.axis!r}"] * (self.axis != -1)
        return f"Parallel({', '.join(words)})"


def _refuse_losses(op, layers):
    for i, layer in enumerate(layers):
        if layer.is_loss:
            raise complaint(
                ValueError,
                op,
                f"layer {i}, {layer!r}, is a loss",
                f"a loss stands last in a Sequential, after the {op}",
            )
