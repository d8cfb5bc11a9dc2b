"""The operations on Variables by name: ``import nnlayers.functions as F``.

Every pair ``<op>_forward, <op>_backward`` of the library is here as ``F.<op>``: it takes the
arguments of the pair's forward, Variables among them, and returns out as a Variable (several as a
tuple).  Arrays and numbers are constants; labels, indices and masks are passed as arrays.

These can be differentiated again and again, as their backward computes with Variables: add,
subtract, multiply, divide, matmul, sum, mean, reshape, flatten, transpose, slice, concatenate,
where, identity, square, exp, log, tanh; all operators of Variables; and broadcast_to and sum_to,
which are no pairs.  Every other one wraps its pair and is differentiated once: a second derivative
through it raises an error.

Examples
--------
>>> import numpy as np
>>> import nnlayers.functions as F
>>> from nnlayers import Variable
>>> x, w = Variable(np.array([[1.0, 2.0]])), Variable(np.array([[1.0, -1.0], [0.0, 1.0]]))
>>> loss = F.softmax_cross_entropy(F.relu(F.affine(x, w)), np.array([0]))
>>> loss.backward()
>>> w.grad.data.round(4).tolist()
[[-0.5, 0.5], [-1.0, 1.0]]
"""

from nnlayers.networks.graph.named import named

_functions = named()
__all__ = sorted(_functions)
globals().update(_functions)  # sum, max, abs and slice are these from here on
