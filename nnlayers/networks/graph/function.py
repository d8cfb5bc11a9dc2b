"""Function: an operation on Variables, written as forward and backward or made of a pair."""

import numpy as np

from nnlayers.layers.checks import complaint, describe, floats
from nnlayers.networks.graph.recording import constant, is_recording, record
from nnlayers.networks.graph.variable import Variable, computed


class Function:
    """An operation on Variables: forward computes with arrays, backward with Variables.

    A subclass defines ``forward(self, *arrays)``, which returns an array or a tuple of arrays, and
    ``backward(self, *gys)``, which takes a gradient for each of them and returns one for each input
    (None for an input that has none).  What depends on the inputs is to be taken from
    ``self.inputs`` and ``self.outputs`` in backward: computed with Variables, the gradients can be
    differentiated in turn.  Where backward returns an array, they cannot, and say so.

    Every call is a node of its own, a copy of the instance: an instance may be called many times.

    Attributes
    ----------
    inputs : tuple
        What the node was called with: Variables, constant ones where arrays were given; anything
        but floating-point arrays (numbers, labels, None) as it is.
    outputs : tuple of Variable
        What forward made of them.

    Examples
    --------
    >>> import nnlayers.functions as F
    >>> class MatMul(Function):
    ...     def forward(self, x, W):
    ...         return x.dot(W)
    ...
    ...     def backward(self, gy):
    ...         x, W = self.inputs
    ...         return F.matmul(gy, W.T), F.matmul(x.T, gy)
    >>> x, W = Variable(np.ones((2, 3))), Variable(np.ones((3, 4)))
    >>> y = MatMul()(x, W)
    >>> y.backward()
    >>> x.grad.shape, W.grad.shape
    ((2, 3), (3, 4))
    """

    inputs = None  # before a call, and after backward released the node
    _outs = ()
    _several = False  # whether forward returned a tuple
    _generation = 0  # greater than that of every node before it
    _version = 0  # of the inputs together, when forward read them
    _written = False  # whether data that forward made were assigned to since
    _kept = {}  # {place of an output: Variable that keeps its gradient}; replaced, not written to

    def __call__(self, *inputs):
        """Return the Variable, or the tuple of Variables, that forward makes of the inputs."""
        node = object.__new__(type(self))
        vars(node).update(vars(self), _kept={}, _written=False)
        inputs = tuple(map(constant, inputs))
        self._check_dtypes(inputs)
        return record(node, inputs)

    def forward(self, *arrays):
        """Return an array or a tuple of arrays."""
        raise NotImplementedError(f"{type(self).__name__} must define forward")

    def backward(self, *gys):
        """Return one gradient for each input."""
        raise NotImplementedError(f"{type(self).__name__} must define backward")

    @property
    def outputs(self):
        """What forward made of the inputs, as Variables."""
        return tuple(computed(out, self, place) for place, out in enumerate(self._outs))

    @property
    def _name(self):
        """What messages call the node."""
        return type(self).__name__

    def _check(self):
        """Raise unless backward can run: its inputs are there, and as forward read them."""
        if self.inputs is None:
            raise complaint(
                RuntimeError,
                "Variable.backward",
                f"the graph was freed at {self._name} by an earlier backward",
                "run forward again, or call the earlier backward with retain_graph=True",
            )
        version = 0
        for x in self.inputs:
            if isinstance(x, Variable):
                version += x._version
        if self._written or version != self._version:
            raise complaint(
                RuntimeError,
                "Variable.backward",
                f"the data of a Variable were assigned to after {self._name} had read or made them",
                "call backward before data change, or run forward again",
            )

    def _pull(self, gys):
        """Return backward's gradients, checked, each a Variable or None where none is needed."""
        results = self.backward(*gys)
        if not isinstance(results, tuple | list):
            results = (results,)
        if len(results) != len(self.inputs):
            raise complaint(
                ValueError,
                f"{self._name}.backward",
                f"gradients returned for {len(self.inputs)} inputs: {len(results)}",
                "return one for each argument of forward, None for what has none",
            )
        checked = []
        for x, gradient in zip(self.inputs, results):
            if gradient is not None:
                needed = isinstance(x, Variable) and x.requires_grad
                gradient = self._checked(len(checked), x, gradient, gys) if needed else None
            checked.append(gradient)
        return checked

    def _free(self):
        """Release all that the call left in the node."""
        vars(self).clear()

    def _checked(self, i, x, gradient, gys):
        """Return a gradient of input i as a Variable of its shape and dtype."""
        if not isinstance(gradient, Variable):
            gradient = self._differentiated_once(np.asarray(gradient))
        elif gradient.creator is None and gradient.requires_grad:  # no result of an operation
            if any(gradient is known for known in (*self.inputs, *gys)):
                gradient = gradient.astype(gradient.dtype)
            else:
                gradient = self._differentiated_once(gradient._data)
        given, wanted = gradient._data, x._data
        if given.shape == wanted.shape and given.dtype == wanted.dtype:
            return gradient
        op = f"{self._name}.backward"
        if given.shape != wanted.shape:
            problem = f"the gradient of input {i} must have its shape, {wanted.shape}"
            fix = "F.sum_to(gradient, x.shape) sums over the axes along which x was broadcast"
            raise complaint(ValueError, op, problem, fix, input=wanted, gradient=given)
        problem = f"the gradient of input {i} must have its dtype, {wanted.dtype}"
        fix = f"gradient.astype(np.{wanted.dtype})"
        raise complaint(TypeError, op, problem, fix, input=wanted, gradient=given)

    def _differentiated_once(self, array):
        """Return a gradient that was computed with arrays as a Variable."""
        if not is_recording():
            return computed(array)
        node = _Once(self._name)
        node._outs, node._generation = (array,), self._generation + 1
        return computed(array, node)

    def _check_dtypes(self, inputs):
        """Raise unless the Variables among the inputs have one dtype."""
        if len({x._data.dtype for x in inputs if isinstance(x, Variable)}) < 2:
            return
        import inspect

        names = [*inspect.signature(self.forward).parameters, *(f"x{i}" for i in range(99))]
        given = {n: x._data for n, x in zip(names, inputs) if isinstance(x, Variable)}
        floats(type(self).__name__, **given)

    @staticmethod
    def from_pair(forward, backward, /, **settings):
        """Make a function of Variables of any pair ``forward -> (out, cache)`` and ``backward``.

        The pair's backward returns a gradient for each Variable and floating-point array that the
        function is given, in the order of forward's signature; it may leave out those of arguments
        named y, target(s), label(s) and mask.  Anything else is passed on to forward as it is.
        As backward computes with arrays, the gradients cannot be differentiated again.

        Parameters
        ----------
        forward, backward : callable
            The pair.
        **settings
            Arguments of forward for each call, which a call may replace.

        Returns
        -------
        callable
            Takes the arguments of forward, Variables among them; returns out as a Variable, or a
            tuple of them.  The cache is ``creator.cache`` of the Variable, until backward.

        Raises
        ------
        TypeError
            If these are no functions, or forward does not take one of the settings.

        Examples
        --------
        >>> def scale_forward(x, s):
        ...     return x * s, (x, s)
        >>> def scale_backward(dout, cache):
        ...     x, s = cache
        ...     return dout * s, (dout * x).sum(axis=0)
        >>> scale = Function.from_pair(scale_forward, scale_backward)
        >>> x, s = Variable(np.ones((3, 2))), Variable(np.array([1.0, 2.0]))
        >>> scale(x, s).backward()
        >>> s.grad
        Variable(array([3., 3.]))
        """
        from nnlayers.networks.graph import pairs  # which need Function

        for what, function in (("forward", forward), ("backward", backward)):
            if not callable(function):
                problem = f"{what} must be a function, not {describe(function)}"
                raise complaint(TypeError, "Function.from_pair", problem, "from_layer takes layers")
        name = pairs.name_of(forward).removesuffix("_forward")
        node_class = type(name, (pairs.PairFunction,), {"pair": (forward, backward)})
        return pairs.function_of(node_class, settings)

    @staticmethod
    def from_layer(layer):
        """Make a function of Variables of a layer or a whole net.

        Its ``params`` are Variables that hold the layer's own arrays, under the layer's names:
        backward sets their ``grad``, and an optimizer's step on the layer changes both.

        Parameters
        ----------
        layer : Layer
            Any; it stays the caller's.

        Returns
        -------
        callable
            Takes the arguments of the layer's forward, Variables among them, and returns out as a
            Variable or a tuple of them.  The gradients cannot be differentiated again.

        Examples
        --------
        >>> from nnlayers import Affine
        >>> f = Function.from_layer(Affine.of(np.eye(2), np.zeros(2)))
        >>> x = Variable(np.array([[1.0, 2.0]]))
        >>> (f(x) * f(f(x))).sum().backward()
        >>> f.params["b"].grad
        Variable(array([3., 6.]))
        """
        from nnlayers.networks.graph import pairs  # which need Function

        return pairs.LayerFunction(layer)


class _Once(Function):
    """The node of a gradient that was computed with arrays: its derivative is not known."""

    inputs = ()

    def __init__(self, source):
        self.source = source

    def _check(self):
        raise complaint(
            RuntimeError,
            "Variable.backward",
            f"{self.source} can be differentiated once, as its backward computes with arrays, but "
            "a second derivative goes through it",
            "compose it of operators and functions that can be differentiated again "
            "(help(nnlayers.functions)), or write a Function whose backward computes with "
            "Variables",
        )
