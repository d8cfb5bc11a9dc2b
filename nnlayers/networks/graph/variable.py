"""Variable: an array that remembers how it was computed.

Each operation on Variables leaves a node (a :class:`Function` that was called), which knows its
inputs, and a Variable knows the node that computed it: together they are the graph.
"""

import numpy as np

from nnlayers.layers.checks import complaint


class Variable:
    """An array that remembers how it was computed, so that gradients flow back to what it came of.

    Operators and the functions of ``nnlayers.functions`` compute with Variables; arrays and numbers
    among their operands are constants (so ``x.data`` in a formula stands for x without its
    history).  An operand that is broadcast gets the sum of its gradients, and one that is used
    several times too.

    Parameters
    ----------
    data : array_like
        Floating-point; the array itself is held, not a copy.
    requires_grad : bool
        Whether backward gives it a gradient.

    Attributes
    ----------
    data : ndarray
        The values.  Assign to it (``w.data -= lr * w.grad.data`` too) after backward only: a
        backward that would need the old values raises.  Writes into a part of it,
        ``x.data[0] = 1.0``, are not noticed.
    grad : Variable or None
        Sum of the gradients that backward gave since the last :meth:`cleargrad`, for Variables
        that were not computed; :meth:`retain_grad` asks for one of those that were.
    creator : Function or None
        The node that computed it.
    requires_grad : bool
        Whether backward gives it a gradient, or passes one on through it.

    Raises
    ------
    TypeError
        If data is not floating-point.

    Notes
    -----
    Comparisons give arrays of bool and have no gradient; compare identity with ``is``.  Copies and
    pickles keep the values alone.

    Examples
    --------
    >>> x = Variable(np.array([1.0, 2.0]))
    >>> b = x + x
    >>> c = (b * b).sum()
    >>> c.backward()
    >>> x.grad
    Variable(array([ 8., 16.]))
    """

    __slots__ = ("_data", "_place", "_version", "creator", "grad", "requires_grad")
    __array_ufunc__ = None  # array + Variable is Variable.__radd__, not an array of objects

    def __init__(self, data, *, requires_grad=True):
        if data.__class__ is not np.ndarray:
            if isinstance(data, Variable):
                raise complaint(TypeError, "Variable", "data is a Variable already", "pass x.data")
            data = np.asarray(data)
        if data.dtype.kind != "f":
            fix = "data.astype(float) makes it floating-point"
            if data.dtype.kind in "iu":
                fix += "; labels and indices are passed to functions as arrays"
            problem = f"data must be floating-point, not {data.dtype}"
            raise complaint(TypeError, "Variable", problem, fix, data=data)
        self._data = data
        self._version = self._place = 0
        self.creator = self.grad = None
        self.requires_grad = requires_grad

    @property
    def data(self):
        """The values, an array."""
        return self._data

    @data.setter
    def data(self, data):
        if data.__class__ is not np.ndarray:
            data = np.asarray(data)
        if data.shape != self._data.shape or data.dtype != self._data.dtype:
            raise complaint(
                TypeError if data.dtype != self._data.dtype else ValueError,
                "Variable.data",
                "new data must have the shape and dtype of the old",
                "make another Variable of it",
                old=self._data,
                new=data,
            )
        self._data = data
        self._version += 1  # what was computed from the old values can no longer be differentiated
        if self.creator is not None:
            self.creator._written = True

    @property
    def shape(self):
        """Shape of the array."""
        return self._data.shape

    @property
    def ndim(self):
        """Number of axes."""
        return self._data.ndim

    @property
    def size(self):
        """Number of entries."""
        return self._data.size

    @property
    def dtype(self):
        """Type of the entries."""
        return self._data.dtype

    def backward(self, dout=None, *, retain_graph=None, create_graph=False):
        """Add the gradient of this Variable, times dout, to ``grad`` of all that it came of.

        ∂L/∂x = Σₖ ∂L/∂yₖ ∂yₖ/∂x over the results yₖ of all operations in which x stands, from the
        last operation to the first.  Without dout, L is the sum of the entries.

        Parameters
        ----------
        dout : array_like or Variable, optional
            ∂L/∂(this Variable), of its shape; left out, it is all ones.
        retain_graph : bool, optional
            Whether to keep the nodes, so that backward may run through them again; otherwise their
            memory is released.  By default they are kept if create_graph is True.
        create_graph : bool
            Whether the computation of the gradients is recorded, so that they can be differentiated
            in turn; call ``cleargrad`` between the two backwards.

        Raises
        ------
        RuntimeError
            If this Variable needs no gradient; if an earlier backward freed the graph; if data that
            it needs were written meanwhile; or if a gradient of a wrapped pair, which is
            differentiable once, would be differentiated.  Nothing is changed then.
        ValueError
            If dout has another shape, or a Function's backward gives a gradient of another shape
            or another number of them.  Nothing is changed then either.
        TypeError
            If dout holds no real numbers, or a Function's backward gives another dtype.

        Examples
        --------
        >>> x = Variable(np.array([1.0, 2.0]))
        >>> y = (x ** 3).sum()
        >>> y.backward(create_graph=True)
        >>> dx = x.grad  # 3 x²
        >>> x.cleargrad()
        >>> dx.backward()
        >>> dx, x.grad  # 6 x
        (Variable(array([ 3., 12.])), Variable(array([ 6., 12.])))
        """
        from nnlayers.networks.graph.backpropagation import backpropagate  # it needs Variables

        backpropagate(self, dout, retain_graph, create_graph)

    def cleargrad(self):
        """Forget the gradient: the next backward starts from nothing."""
        self.grad = None

    def retain_grad(self):
        """Have backward set ``grad`` of this Variable although it was computed.

        Examples
        --------
        >>> x = Variable(np.array([1.0, 2.0]))
        >>> h = x * x
        >>> h.retain_grad()
        >>> (3.0 * h).sum().backward()
        >>> h.grad
        Variable(array([3., 3.]))
        """
        if self.creator is not None:
            self.creator._kept = {**self.creator._kept, self._place: self}

    def __len__(self):
        return len(self._data)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __float__(self):
        return float(self._data)

    def __bool__(self):
        return bool(self._data)

    def __lt__(self, other):
        return self._data < _values(other)

    def __le__(self, other):
        return self._data <= _values(other)

    def __gt__(self, other):
        return self._data > _values(other)

    def __ge__(self, other):
        return self._data >= _values(other)

    def __eq__(self, other):
        return self._data == _values(other)

    def __ne__(self, other):
        return self._data != _values(other)

    __hash__ = object.__hash__

    def __array__(self, dtype=None, copy=None):
        raise complaint(
            TypeError,
            "Variable",
            "NumPy and the pairs compute with arrays and would lose the gradient",
            "nnlayers.functions has functions of Variables; x.data is the array",
            x=self._data,
        )

    def __reduce__(self):
        return _restored, (self._data, self.requires_grad)

    def __repr__(self):
        text = repr(self._data).replace("\n", "\n" + " " * len("Variable("))
        return f"Variable({text})"


def computed(data, creator=None, place=0):
    """Return a Variable that a node computed as its output of that place; or a constant."""
    variable = Variable.__new__(Variable)
    variable._data = data
    variable._version = 0
    variable._place = place
    variable.creator = creator
    variable.grad = None
    variable.requires_grad = creator is not None
    return variable


def _values(other):
    return other._data if isinstance(other, Variable) else other


def _restored(data, requires_grad):
    return Variable(data, requires_grad=requires_grad)
