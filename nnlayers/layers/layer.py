"""The protocol of a layer object, and the objects that are a pair of functions plus parameters."""

import copy

import numpy as np

from nnlayers.layers.checks import complaint, describe, name_of


class Layer:
    """What every layer is: ``forward``, ``backward``, named parameters and named state.

    A layer of your own derives from this class and defines ``forward`` and ``backward``;
    everything else (gradients by name, vectors, dtypes, copies) follows from them.
    :meth:`from_pair` makes a layer of a pair of functions without a class.

    Attributes
    ----------
    params : dict of str to ndarray
        Trainable arrays, in the order in which backward returns their gradients.
    state : dict of str to ndarray
        Arrays that are not trainable, such as running statistics.
    is_loss : bool
        Whether ``out`` is a loss, so that backward usually starts with dout = 1.0 here.
    inputs : tuple of str
        Names of the inputs of forward.
    """

    is_loss = False
    inputs = ("x",)

    def __init__(self, params=None, state=None):
        self.params = {} if params is None else params
        self.state = {} if state is None else state

    def forward(self, x, *, train=None, rng=None):
        """Return ``(out, cache)``.

        Parameters
        ----------
        x : ndarray
            Input; a layer of several inputs takes them one after the other.
        train : bool, optional
            Whether this is a training step; must be said where it matters (dropout, batch norm).
        rng : int or numpy.random.Generator, optional
            Where randomness comes from, for layers that need it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define forward")

    def backward(self, dout, cache):
        """Return dx if there are no params, else ``(dx, *gradients of params)``."""
        raise NotImplementedError(f"{type(self).__name__} must define backward")

    def gradients(self, dout, cache, need_dx=True):
        """Return ``(dx, {name: gradient})``: the same form for every layer, for generic code.

        Parameters
        ----------
        dout : array_like
            Upstream gradient, of the shape of out.
        cache : tuple
            From :meth:`forward`.
        need_dx : bool
            With False, dx is None; layers that can save its computation do.

        Returns
        -------
        dx : ndarray, tuple of ndarray or None
            Gradient of the input; a tuple for several inputs; None where x are indices.
        grads : dict of str to ndarray
            Gradients with the keys of ``params``.
        """
        dx, grads = self._by_name(self.backward(dout, cache))
        return (dx if need_dx else None), grads

    def leaves(self):
        """Yield ``(path, layer)`` for each layer that holds arrays: here only this one, at ''."""
        yield "", self

    def to_vector(self):
        """Return all parameters as one vector, in the order of ``params``.

        Examples
        --------
        >>> from nnlayers import Affine
        >>> Affine.of(np.eye(2), np.zeros(2)).to_vector()
        array([1., 0., 0., 1., 0., 0.])
        """
        arrays = [array.ravel() for array in self.params.values()]
        return np.concatenate(arrays) if arrays else np.zeros(0)

    def from_vector(self, vector):
        """Write a vector made by :meth:`to_vector` into the parameters, in place.

        Raises
        ------
        ValueError
            If the vector's length is not the number of parameters; nothing is written then.
        """
        vector = np.asarray(vector)
        size = sum(array.size for array in self.params.values())
        if vector.shape != (size,):
            raise complaint(
                ValueError,
                f"{self._kind}.from_vector",
                f"the layer has {size} parameters, so the vector must be ({size},)",
                vector=vector,
            )
        start = 0
        for array in self.params.values():
            array[...] = vector[start : start + array.size].reshape(array.shape)
            start += array.size

    def astype(self, dtype):
        """Return a copy of the layer whose parameters and floating state have this dtype."""
        new = copy.deepcopy(self)
        for _, layer in new.leaves():
            for arrays in (layer.params, layer.state):
                for name, array in arrays.items():
                    if array.dtype.kind == "f":
                        arrays[name] = array.astype(dtype)
        return new

    def form(self, *args, **kwargs):
        """Return the expression that makes such a layer, with its dtype unless that is float64."""
        dtypes = {str(array.dtype) for array in self.params.values()} - {"float64"}
        if dtypes:
            kwargs["dtype"] = dtypes.pop()
        words = [repr(arg) for arg in args] + [f"{name}={v!r}" for name, v in kwargs.items()]
        return f"{type(self).__name__}({', '.join(words)})"

    def __repr__(self):
        return f"{type(self).__name__}(...)"  # of a class that does not say how it was made

    def _by_name(self, grads):
        """Split what backward returned into dx and the parameters' gradients by name."""
        if not self.params:
            return grads, {}
        if grads.__class__ is not tuple:
            grads = tuple(grads) if isinstance(grads, tuple | list) else (grads,)
        inputs = len(grads) - len(self.params)
        if inputs < 0 or (inputs == 0 and not self._fit(grads)):
            count = f"{len(grads)} gradient{'s' * (len(grads) != 1)}"
            shapes = ", ".join(map(describe, grads))
            owners = [self.inputs[0], *(f"{name} {w.shape}" for name, w in self.params.items())]
            raise complaint(
                ValueError,
                f"{self._kind}.backward",
                f"returned {count}, {shapes}, but {', '.join(owners)} need one each",
                "return (dx, *gradients of the parameters)",
            )
        # inputs that are indices have no gradient: then the parameters' gradients come alone
        dx = grads[0] if inputs == 1 else grads[:inputs] if inputs else None
        return dx, dict(zip(self.params, grads[inputs:]))

    def _fit(self, grads):
        """Whether gradients have the shapes of the parameters."""
        arrays = self.params.values()
        return all(np.shape(dw) == w.shape for dw, w in zip(grads, arrays, strict=True))

    @property
    def _kind(self):
        """What errors call the layer."""
        return type(self).__name__

    @staticmethod
    def from_pair(forward, backward, /, *, loss=False, **arguments):
        """Make a layer of any pair of functions ``forward -> (out, cache)`` and ``backward``.

        Parameters
        ----------
        forward, backward : callable
            The pair; backward returns one gradient for each input and parameter, in forward's
            order.  ``train`` and ``rng`` are passed on if forward takes them.
        loss : bool
            Whether out is a loss.
        **arguments
            Arguments of forward: float arrays become parameters (the layer keeps copies), anything
            else is a setting that is passed at each call.

        Returns
        -------
        Layer
            Works everywhere the library's own layers do.

        Raises
        ------
        TypeError
            If forward does not take one of the arguments.

        Examples
        --------
        >>> def scale_forward(x, s):
        ...     return x * s, (x, s)
        >>> def scale_backward(dout, cache):
        ...     x, s = cache
        ...     return dout * s, (dout * x).sum(axis=0)
        >>> layer = Layer.from_pair(scale_forward, scale_backward, s=np.array([1.0, 2.0]))
        >>> out, cache = layer.forward(np.ones((3, 2)))
        >>> dx, grads = layer.gradients(np.ones((3, 2)), cache)
        >>> grads
        {'s': array([3., 3.])}
        """
        return _FunctionLayer(forward, backward, loss, arguments)


class PairLayer(Layer):
    """A pair of functions plus parameters and settings: there is no mathematics in the object.

    A subclass names its ``pair`` and its ``inputs``; ``forward`` passes inputs, parameters (in
    order) and settings on to the first function, ``backward`` passes dout and cache to the second.
    """

    pair = None
    optional = 0  # how many of the last inputs may be left out

    def __init__(self):
        self.hold()

    def hold(self, params=None, state=None, /, **settings):
        """Take these very arrays as params and state, and the settings that forward is called with.

        Every constructor ends here, whether it drew initial arrays or was given some; returns self.
        """
        super().__init__(params, state)
        self.settings = settings
        return self

    def forward(self, *inputs, train=None, rng=None):
        """Call the pair's forward: see there; return ``(out, cache)``."""
        if len(inputs) != len(self.inputs):
            self.check_inputs(inputs)
        if self.params:
            inputs += tuple(self.params.values())
        if self.settings:
            return self.pair[0](*inputs, **self.settings)
        return self.pair[0](*inputs)  # to pass on no keywords takes half of the call's time

    def backward(self, dout, cache):
        """Call the pair's backward: dx, or ``(dx, *gradients of params)``."""
        return self.pair[1](dout, cache)

    def gradients(self, dout, cache, need_dx=True):
        """Return ``(dx, {name: gradient})``; see :meth:`Layer.gradients`."""
        if self.params:
            grads = self.pair[1](dout, cache, need_dx=need_dx)
            if grads.__class__ is tuple and len(grads) == 1 + len(self.params):  # the usual case
                return (grads[0] if need_dx else None), dict(zip(self.params, grads[1:]))
            dx, grads = self._by_name(grads)
            return (dx if need_dx else None), grads  # one None for several inputs
        return (self.pair[1](dout, cache) if need_dx else None), {}

    def check_inputs(self, inputs):
        """Raise if the number of inputs is not one that the layer takes."""
        most = len(self.inputs)
        if most - self.optional <= len(inputs) <= most:
            return
        if len(inputs) > most:
            problem = f"takes {most} input{'s' * (most > 1)} but got {len(inputs)}"
            fix = "this loss needs no target" if self.is_loss and most == 1 else None
        else:
            missing = " and ".join(self.inputs[len(inputs) : most - self.optional])
            problem, fix = f"{missing} is missing", None
        usage = f"call forward({', '.join(self.inputs)})"
        raise complaint(TypeError, self._kind, problem, f"{fix}: {usage}" if fix else usage)

    def __repr__(self):
        defaults = type(self).__init__.__kwdefaults__ or {}
        return self.form(**{k: v for k, v in self.settings.items() if defaults.get(k) != v})


class _FunctionLayer(PairLayer):
    """The layer that :meth:`Layer.from_pair` makes of two functions."""

    def __init__(self, forward, backward, loss, arguments):
        import inspect

        accepted = inspect.signature(forward).parameters
        for name in arguments:
            if name not in accepted:
                raise complaint(
                    TypeError,
                    "Layer.from_pair",
                    f"{name_of(forward)} takes no argument {name!r}",
                    f"it takes {', '.join(accepted)}",
                )
        arrays = [n for n in accepted if _is_float_array(arguments.get(n))]
        settings = {name: value for name, value in arguments.items() if name not in arrays}
        order = [name for name in accepted if name in arrays or name not in arguments]
        if arrays and order[-len(arrays) :] != arrays and set(order[: len(arrays)]) & set(arrays):
            raise complaint(
                TypeError,
                "Layer.from_pair",
                f"{name_of(forward)} takes the parameter {order[0]!r} before its inputs",
                "the order is inputs, parameters, settings, and backward's gradients follow it",
            )
        self.hold({name: arguments[name].copy() for name in arrays}, **settings)
        self.pair = forward, backward
        self.is_loss = loss
        free = [
            p
            for n, p in accepted.items()
            if n not in arguments and p.kind <= p.POSITIONAL_OR_KEYWORD
        ]
        self.inputs = tuple(p.name for p in free if p.name not in ("train", "rng"))
        self.optional = sum(p.default is not p.empty for p in free if p.name in self.inputs)
        self._modes = [
            name for name in ("train", "rng") if name in accepted and name not in arguments
        ]
        self._skips_dx = "need_dx" in inspect.signature(backward).parameters

    def forward(self, *inputs, train=None, rng=None):
        self.check_inputs(inputs)
        said = {"train": train, "rng": rng}
        modes = {name: said[name] for name in self._modes}
        return self.pair[0](*inputs, **self.params, **self.settings, **modes)

    def gradients(self, dout, cache, need_dx=True):
        if self._skips_dx:
            dx, grads = self._by_name(self.pair[1](dout, cache, need_dx=need_dx))
            return (dx if need_dx else None), grads
        return Layer.gradients(self, dout, cache, need_dx)

    @property
    def _kind(self):
        return f"Layer.from_pair({', '.join(map(name_of, self.pair))})"

    def __repr__(self):
        arrays = {name: f"np.zeros({array.shape})" for name, array in self.params.items()}
        settings = {name: describe(value) for name, value in self.settings.items()}
        words = [*map(name_of, self.pair)] + ["loss=True"] * self.is_loss
        words += [f"{name}={text}" for name, text in (arrays | settings).items()]
        return f"Layer.from_pair({', '.join(words)})"


def _is_float_array(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"
