"""Worked examples: nets that really learn, one in each file, to be read and changed.

``nnlayers train NAME`` trains them, the notebooks explain them, ``benchmarks/learning.py`` measures
them; what they are, each file alone says:

=====================  ========================================================================
``TITLE``              what the net learns, in a line
``EPOCHS``             how often its training goes through the data
``MEASURE``            of what the right answers are counted
``data(rng)``          examples to learn from, to choose the best epoch by, and for the test:
                       three pairs of arrays (x, y)
``new_net(rng)``       the net, with random weights
``new_solver(...)``    what trains it
``right(net, x, y)``   which answers are right: an array of bool
``sample(net, x, y)``  some answers, as text
=====================  ========================================================================

The test examples are for the end: nothing is learned from them, and nothing is chosen by them.
"""

import importlib

NAMES = ("mlp", "cnn", "lstm", "transformer", "gpt")


def named(name):
    """Return the module of a worked example."""
    return importlib.import_module(f"nnlayers.worked.{name}")


def prepare(example, seed=0, *, epochs=None, progress=None):
    """Make all that one training needs.

    Parameters
    ----------
    example : module
        One of this package, such as ``nnlayers.worked.mlp``.
    seed : int
        Decides on everything that is random: which examples are for the test where the example
        draws them, the first weights, and the order of the examples.
    epochs : int, optional
        Instead of the example's own number.
    progress
        See :class:`Solver`.

    Returns
    -------
    solver : Solver
        ``solver.train()`` trains ``solver.net``.
    test : tuple (x, y)
        The test examples.

    Examples
    --------
    >>> from nnlayers.worked import mlp
    >>> solver, test = prepare(mlp, seed=0, epochs=1)
    >>> history = solver.train()
    >>> bool(mlp.right(solver.net, *test).mean() > 0.5)
    True
    """
    from nnlayers.layers.initializers import generator  # the names alone are there without NumPy

    rng = generator(seed, "prepare")
    train, validation, test = example.data(rng)
    solver = example.new_solver(
        example.new_net(rng),
        train,
        validation,
        epochs=example.EPOCHS if epochs is None else epochs,
        rng=rng,
        progress=progress,
    )
    return solver, test
