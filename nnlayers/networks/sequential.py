"""Sequential: a chain of layers, which is itself a layer and may end in a loss."""

import numpy as np

from nnlayers.layers.checks import bad_cache, complaint
from nnlayers.layers.initializers import generator
from nnlayers.networks.composite import Composite


class Sequential(Composite):
    """A chain of layers: each one's out is the next one's x.

    out = fₖ(... f₂(f₁(x))), and by the chain rule dx = J₁ᵀ(J₂ᵀ(... Jₖᵀ dout)): backward hands the
    gradient from the last layer to the first, each multiplying by its own Jacobian's transpose.

    Parameters
    ----------
    *layers : Layer
        The chain; only the last may be a loss.  A layer may stand in several places: it is one
        layer then, and its gradients add up.

    Raises
    ------
    ValueError
        If there is no layer, or a loss stands before the end.
    TypeError
        If an argument is no layer.

    Examples
    --------
    >>> from nnlayers import Affine, Square, Sum
    >>> net = Sequential(Affine.of(np.ones((2, 2))), Square(), Sum())
    >>> loss, cache = net.forward(np.array([[0.0, 1.0], [2.0, 3.0]]))
    >>> float(loss)
    52.0
    >>> dx, grads = net.gradients(1.0, cache)
    >>> grads["0.w"]
    array([[20., 20.],
           [32., 32.]])
    """

    def __init__(self, *layers):
        if not layers:
            raise complaint(
                ValueError, "Sequential", "an empty chain computes nothing", "name its layers"
            )
        super().__init__(layers, "Sequential")
        for i, layer in enumerate(layers[:-1]):
            if layer.is_loss:
                raise complaint(
                    ValueError,
                    "Sequential",
                    f"the loss {layer!r} is layer {i} of {len(layers)}",
                    "a loss is a scalar and can only be the last layer",
                )
        trainable = [i for i, has in enumerate(self._has_params) if has]
        # nothing below the first layer with parameters is needed when dx is not
        self._lowest = trainable[0] if trainable else len(layers)

    @property
    def is_loss(self):
        """Whether the chain ends in a loss."""
        return self.layers[-1].is_loss

    @property
    def inputs(self):
        """Names of what forward takes: the first layer's input and the last one's further ones."""
        return (self.layers[0].inputs[0], *self.layers[-1].inputs[1:])

    def forward(self, x, *extra, train=None, rng=None):
        """Return ``(out, cache)``.

        Parameters
        ----------
        x : ndarray
            Input of the first layer.
        *extra : ndarray
            Further inputs of the last layer, such as the labels y of a loss.
        train : bool, optional
            Whether this is a training step, for layers to which it matters.
        rng : int or numpy.random.Generator, optional
            Where randomness comes from; the layers draw from it in their order.
        """
        if rng is not None:
            rng = generator(
                rng, "Sequential.forward"
            )  # a seed becomes one generator for all layers
        states = [layer.state for layer in self._stateful] if self._stateful else ()
        layers, caches = self.layers, []
        try:
            for layer in layers[:-1]:
                x, cache = layer.forward(x, train=train, rng=rng)
                caches.append(cache)
            x, cache = layers[-1].forward(x, *extra, train=train, rng=rng)
        except BaseException as error:
            self._restore(states)
            error.add_note(self._place(len(caches)))
            raise
        caches.append(cache)
        return x, tuple(caches)

    def gradients(self, dout, cache, need_dx=True):
        """Return ``(dx, {name: gradient})`` with the keys of ``params``; see :class:`Layer`."""
        layers = self.layers
        if cache.__class__ is not tuple or len(cache) != len(layers):
            expected = f"the tuple of {len(layers)} caches"
            raise bad_cache("Sequential.backward", cache, expected, "Sequential.forward")
        lowest = self._lowest
        grads, more = [{}] * len(layers), ()
        stop = -1 if need_dx else lowest - 1
        i = len(layers) - 1
        try:
            for i in range(len(layers) - 1, stop, -1):
                dout, grads[i] = layers[i].gradients(dout, cache[i], need_dx or i > lowest)
                if dout.__class__ is tuple and i:  # the last layer's further inputs
                    dout, *more = dout
        except BaseException as error:
            error.add_note(self._place(i))
            raise
        dx = (dout, *more) if more else dout
        return (dx if need_dx else None), self._collect(grads)

    def loss(self, x, y=None, *, rng=None):
        """Return the loss and its gradients: the first half of a training step.

        Parameters
        ----------
        x : ndarray
            Batch.
        y : ndarray, optional
            Targets; left out for losses that take none.
        rng : int or numpy.random.Generator, optional
            For layers that need randomness in training.

        Returns
        -------
        loss : scalar
            Of this batch, in training mode.
        grads : dict of str to ndarray
            With the keys of ``params``; the gradient of x is not computed.

        Raises
        ------
        ValueError
            If the chain does not end in a loss, or its loss is not a scalar.
        """
        if not self.is_loss:
            raise complaint(
                ValueError,
                "Sequential.loss",
                f"the chain ends in {self.layers[-1]!r}, which is no loss",
                "end it in one, such as SoftmaxCrossEntropy()",
            )
        targets = () if y is None else (y,)
        out, cache = self.forward(x, *targets, train=True, rng=rng)
        if getattr(out, "ndim", 0):
            raise complaint(
                ValueError,
                "Sequential.loss",
                f"the loss has shape {np.shape(out)}, but only a scalar can be minimised",
                'use reduction="mean" or "sum"',
            )
        return out, self.gradients(1.0, cache, need_dx=False)[1]

    def scores(self, x):
        """Return what the last layer before the loss gives for x, in evaluation mode."""
        last = self.layers[-1]
        before = self.layers[:-1] if last.is_loss else self.layers
        for i, layer in enumerate(before):
            try:
                x, _ = layer.forward(x, train=False)
            except BaseException as error:
                error.add_note(self._place(i))
                raise
        return last.scores(x) if isinstance(last, Sequential) and last.is_loss else x

    def _place(self, i):
        return f"in Sequential, layer {i}: {self.layers[i]!r}"

    def __repr__(self):
        return f"Sequential({', '.join(map(repr, self.layers))})"
