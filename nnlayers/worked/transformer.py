"""A transformer adds two-digit numbers.

It reads "12+34=" and writes the sum digit by digit, each time reading what it has written so far.
Nothing is carried from character to character: every position looks at all those before it.
"""

import numpy as np

from nnlayers import GPT, Adam, CosineDecay, Sequential, Slice, SoftmaxCrossEntropy, Solver
from nnlayers.worked import addition
from nnlayers.worked.addition import ANSWER, CHARACTERS, QUESTION, graded, split

TITLE = "A transformer adds two-digit numbers"
EPOCHS = 18
BATCH = 128
MEASURE = addition.MEASURE


def data(rng):
    """Return lines without their last digit (N, 8), and answers (N, 3), for each of the three uses.

    Each digit of the answer is to be foretold from all that comes before it.
    """
    return tuple((lines[:, :-1], lines[:, QUESTION:]) for lines in split(rng))


def new_net(rng, width=64, heads=4, blocks=2):
    """Make a language model whose scores count where the answer stands."""
    context = QUESTION + ANSWER - 1
    return Sequential(
        GPT(
            len(CHARACTERS),
            width=width,
            heads=heads,
            blocks=blocks,
            context=context,
            rng=rng,
            dtype=np.float32,
        ),
        Slice(np.s_[:, -ANSWER:]),
        SoftmaxCrossEntropy(),
    )


def new_solver(net, train, validation, *, epochs=EPOCHS, rng=None, progress=None):
    """Make a solver: Adam, with a rate that rises for a twelfth of the time and then falls to 0."""
    steps = epochs * -(-len(train[0]) // BATCH)
    return Solver(
        net,
        train,
        validation=validation,
        optimizer=Adam(net),
        schedule=CosineDecay(0.003, steps, warmup=steps // 12),
        batch_size=BATCH,
        epochs=epochs,
        rng=rng,
        progress=progress,
    )


def answers(net, x):
    """Return the three digits that the net writes after each question, the likeliest ones."""
    model = net.layers[0]
    return model.generate(x[:, :QUESTION], ANSWER, temperature=0)[:, QUESTION:]


def right(net, x, y):
    """Return for each sum whether all its digits are right."""
    return (answers(net, x) == y).all(axis=1)


def sample(net, x, y):
    """Return some sums with the net's answers."""
    return graded(x[:, :QUESTION], answers(net, x), y)
