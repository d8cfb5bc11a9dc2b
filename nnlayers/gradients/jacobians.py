"""The Jacobian of a layer from its own backward pass."""

import numpy as np

from nnlayers.gradients.subject import subject_of
from nnlayers.layers.checks import complaint


def jacobian(target, *args, wrt=0, **options):
    """Jacobian of a layer or pair, from backward, one basis vector at a time.

    Jⱼᵢ = ∂outⱼ/∂xᵢ is entry i of backward(eⱼ), since backward multiplies its dout by Jᵀ

    Parameters
    ----------
    target : Layer or pair of functions
        What to differentiate.
    *args
        Arguments of forward.
    wrt : str or int
        Which argument or parameter: its name, or its position among the arguments.
    **options
        Keywords of forward.

    Returns
    -------
    jacobian : ndarray, shape out.shape + argument.shape
        In float64.

    Raises
    ------
    ValueError
        If forward has several outputs, or wrt names no floating-point array.

    Source
    ------
    TUM I2DL, "Multidimensional derivatives", eqs. (7) and (8).

    Examples
    --------
    >>> from nnlayers import square_forward, square_backward
    >>> jacobian((square_forward, square_backward), np.array([1.0, 2.0, 3.0]))
    array([[2., 0., 0.],
           [0., 4., 0.],
           [0., 0., 6.]])
    """
    subject = subject_of("jacobian", target, args, wrt=wrt, options=options)
    outs, cache = subject.forward()
    if len(outs) != 1:
        raise complaint(
            ValueError, "jacobian", f"forward has {len(outs)} outputs", "wrap one of them"
        )
    (out,), (x,) = outs, subject.arrays.values()
    rows = np.zeros((out.size, x.size))
    for j in range(out.size):
        dout = np.zeros(out.size)
        dout[j] = 1.0
        gradient = subject.backward([dout.reshape(out.shape)], cache)
        rows[j] = np.ravel(gradient[0] if isinstance(gradient, tuple) else gradient)
    return rows.reshape(out.shape + x.shape)
