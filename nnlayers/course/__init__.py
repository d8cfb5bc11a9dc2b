"""Names of courses: their functions, classes and conventions, translated into the library's own.

``nnlayers.course.cs231n`` and ``nnlayers.course.i2dl`` have one module for each file of the course,
so that a notebook runs when only its imports change; every name is on the course's package too.
A translation has no mathematics of its own: it renames arguments, converts conventions, and calls
a pair, rule or penalty of the library.  The conventions in which the two courses differ:

=====================  ===================================  =====================================
convention             cs231n                               I2DL
=====================  ===================================  =====================================
p of dropout           probability of keeping               probability of dropping
L2 penalty             0.5 · reg · Σ W² (linear             reg · Σ W²
                       classifiers: reg · Σ W²)
loss                   ``(loss, dx)`` from one function     object with forward and backward
epsilon of Adam        1e-8                                 1e-4
update rule            ``rule(w, dw, config)``              object with ``step()``
batches                drawn with replacement               each example once an epoch
=====================  ===================================  =====================================

Weights and batches are drawn from NumPy's global generator, as the courses do, so that the
``np.random.seed`` of a notebook gives the numbers printed in it; whatever draws takes ``rng=``
instead.  I2DL's random search and its flips draw from Python's ``random``, as the course does.
Nothing ever seeds a global generator.
"""
