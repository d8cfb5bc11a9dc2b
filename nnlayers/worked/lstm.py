"""An LSTM adds two-digit numbers.

It reads "12+34===" one character at a time and gives the digits 0, 4, 6 of the sum at the three
"=".  All that it knows of the numbers then is what its state has kept of them.
"""

import numpy as np

from nnlayers import (
    LSTM,
    Adam,
    CosineDecay,
    Embedding,
    Sequential,
    Slice,
    SoftmaxCrossEntropy,
    Solver,
    TemporalAffine,
)
from nnlayers.worked import addition
from nnlayers.worked.addition import ANSWER, CHARACTERS, QUESTION, graded, split

TITLE = "An LSTM adds two-digit numbers"
EPOCHS = 25
BATCH = 100
MEASURE = addition.MEASURE


def data(rng):
    """Return questions (N, 8) and answers (N, 3): to learn from, to choose by, and for the test."""
    return tuple((asked(lines[:, :QUESTION]), lines[:, QUESTION:]) for lines in split(rng))


def asked(questions):
    """Return "12+34=" as "12+34===": an "=" for each digit of the answer."""
    return np.concatenate((questions, *[questions[:, -1:]] * (ANSWER - 1)), axis=1)


def new_net(rng, hidden=128, features=16):
    """Make an embedding of the characters, an LSTM, and ten scores for each of its last states."""
    options = {"rng": rng, "dtype": np.float32}
    return Sequential(
        Embedding(len(CHARACTERS), features, **options),
        LSTM(features, hidden, **options),
        Slice(np.s_[:, -ANSWER:]),
        TemporalAffine(hidden, 10, **options),
        SoftmaxCrossEntropy(),
    )


def new_solver(net, train, validation, *, epochs=EPOCHS, rng=None, progress=None):
    """Make a solver: Adam, with a rate that falls to 0."""
    steps = epochs * -(-len(train[0]) // BATCH)
    return Solver(
        net,
        train,
        validation=validation,
        optimizer=Adam(net),
        schedule=CosineDecay(0.005, steps),
        batch_size=BATCH,
        epochs=epochs,
        rng=rng,
        progress=progress,
    )


def answers(net, x):
    """Return the digits with the highest scores, (N, 3)."""
    return net.scores(x).argmax(axis=-1)


def right(net, x, y):
    """Return for each sum whether all its digits are right."""
    return (answers(net, x) == y).all(axis=1)


def sample(net, x, y):
    """Return some sums with the net's answers."""
    return graded(x[:, :QUESTION], answers(net, x), y)
