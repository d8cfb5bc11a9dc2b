"""Bidirectional: one layer reads the sequence from its beginning, another one from its end."""

import numpy as np

from nnlayers.layers.checks import bad_cache, complaint, describe, upstream
from nnlayers.layers.initializers import generator
from nnlayers.networks.composite import Composite


class Bidirectional(Composite):
    """Two layers over the same sequences, in both directions, with their outs side by side.

    out = [f(x), R g(R x)], where R reverses the order of the steps.  R is its own transpose, so
    dx = J_fᵀ dout₁ + R J_gᵀ R dout₂ for the two parts of dout.

    Parameters
    ----------
    ahead, back : Layer
        f and g, from (N, T, D) to (N, T, H₁) and (N, T, H₂), such as :class:`nnlayers.LSTM`.

    Raises
    ------
    TypeError
        If an argument is no layer.
    ValueError
        In forward, if an out is not (N, T, H).

    Source
    ------
    Schuster, Paliwal, "Bidirectional recurrent neural networks" (1997).

    Examples
    --------
    >>> from nnlayers import RNN
    >>> layer = Bidirectional(RNN(3, 4, rng=0), RNN(3, 2, rng=1))
    >>> out, cache = layer.forward(np.ones((2, 5, 3)))
    >>> out.shape
    (2, 5, 6)
    >>> dx, grads = layer.gradients(np.ones((2, 5, 6)), cache)
    >>> list(grads)
    ['0.wx', '0.wh', '0.b', '1.wx', '1.wh', '1.b']
    """

    def __init__(self, ahead, back):
        super().__init__((ahead, back), "Bidirectional")

    def forward(self, x, *, mask=None, train=None, rng=None):
        """Return ``(out, cache)``, with out (N, T, H₁ + H₂).

        Parameters
        ----------
        x : ndarray, shape (N, T, D)
            Sequences.
        mask : ndarray of bool, shape (N, T), optional
            False (or 0) where a sequence has no step, for layers that take it.  The one that reads
            from the end then begins at the last step there is: the last states of the two are
            ``out[:, -1, :H₁]`` and ``out[:, 0, H₁:]``.
        train, rng : optional
            As in :meth:`Sequential.forward`; f draws from rng before g.
        """
        if rng.__class__ is int:
            rng = generator(rng)
        states = [layer.state for layer in self._stateful]
        outs, caches = [], []
        try:
            for i, layer in enumerate(self.layers):
                if i == 1:  # backwards; the first layer has checked x and mask
                    x = np.asarray(x)[:, ::-1]
                    mask = None if mask is None else np.asarray(mask)[:, ::-1]
                masks = {} if mask is None else {"mask": mask}
                out, cache = layer.forward(x, **masks, train=train, rng=rng)
                self._check_out(i, x, out)
                outs.append(out if i == 0 else out[:, ::-1])
                caches.append(cache)
        except BaseException as error:
            self._restore(states)
            error.add_note(self._place(len(caches)))
            raise
        shapes = tuple(out.shape for out in outs)
        return np.concatenate(outs, axis=2), (shapes, tuple(caches))

    def gradients(self, dout, cache, need_dx=True):
        """Return ``(dx, {name: gradient})`` with the keys of ``params``; see :class:`Layer`."""
        if not (
            cache.__class__ is tuple
            and len(cache) == 2
            and all(part.__class__ is tuple and len(part) == 2 for part in cache)
        ):
            expected = "the tuple (shapes, caches) of two directions"
            raise bad_cache("Bidirectional.backward", cache, expected, "Bidirectional.forward")
        ((N, T, H), (_, _, back)), caches = cache
        dout = np.asarray(dout)
        if dout.shape != (N, T, H + back):
            dout = upstream("Bidirectional.backward", dout, (N, T, H + back), dout.dtype)
        parts = dout[:, :, :H], dout[:, ::-1, H:]
        found = []
        try:
            for layer, part, own in zip(self.layers, parts, caches):
                found.append(layer.gradients(part, own, need_dx))
        except BaseException as error:
            error.add_note(self._place(len(found)))
            raise
        # both directions got x, one of them reversed: the gradients of x add up
        dx = found[0][0] + found[1][0][:, ::-1] if need_dx else None
        return dx, self._collect(grads for _, grads in found)

    def _check_out(self, i, x, out):
        if not isinstance(out, np.ndarray) or out.ndim != 3 or out.shape[:2] != np.shape(x)[:2]:
            pair = isinstance(out, tuple)
            raise complaint(
                ValueError,
                "Bidirectional",
                f"layer {i} must give (N, T, H), not {'a tuple' if pair else describe(out)}",
                "return_state=False gives the states alone" if pair else None,
                x=np.asarray(x),
            )

    def _place(self, i):
        return f"in Bidirectional, layer {i}: {self.layers[i]!r}"

    def __repr__(self):
        return f"Bidirectional({', '.join(map(repr, self.layers))})"
