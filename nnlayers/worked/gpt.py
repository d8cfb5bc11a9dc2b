"""A small GPT learns to write like a book, character by character.

It reads 64 characters of "Alice's Adventures in Wonderland" and foretells at each of them which one
comes next.  Whoever can foretell can write: draw the next character, and go on from there.
"""

import numpy as np

from nnlayers import GPT, AdamW, CosineDecay, Sequential, SoftmaxCrossEntropy, Solver
from nnlayers.data import alice
from nnlayers.layers.checks import complaint

TITLE = "A small GPT learns to write like a book"
EPOCHS = 6
BATCH = 32
CONTEXT = 64
MEASURE = "characters of the last chapter are foretold"
CHARACTERS = "\n !\"'(),-.:;?ABCDEFGHIJKLMNOPQRSTUVWXYZ`abcdefghijklmnopqrstuvwxyz"


def data(rng):
    """Return windows of the chapters 1 to 10, of chapter 11 and of chapter 12, (N, 64) each.

    x are the characters, y those that follow them.  Windows to learn from overlap, so that a word
    is seen at many positions.
    """
    book = encode(alice())
    ends = [alice().index(f"CHAPTER {number}\n") for number in ("XI", "XII")]
    chapters = np.split(book, ends)
    return tuple(windows(part, every) for part, every in zip(chapters, (CONTEXT // 4, 64, 64)))


def windows(indices, every):
    """Cut a text into pieces (N, 64) that begin every so many characters, and what follows each.

    Examples
    --------
    >>> x, y = windows(np.arange(100), 16)
    >>> x.shape, x[:, 0], y[:, -1]
    ((3, 64), array([ 0, 16, 32]), array([64, 80, 96]))
    """
    starts = np.arange(0, len(indices) - CONTEXT, every)
    pieces = indices[starts[:, None] + np.arange(CONTEXT + 1)]
    return pieces[:, :-1], pieces[:, 1:]


def encode(text):
    """Return the indices of the characters of a text, shape (len(text),).

    Raises
    ------
    ValueError
        If a character does not occur in the book.

    Examples
    --------
    >>> encode("Alice"), decode(encode("Alice"))
    (array([13, 51, 48, 42, 44]), 'Alice')
    """
    number = {character: i for i, character in enumerate(CHARACTERS)}
    foreign = sorted(set(text) - set(number))
    if foreign:
        problem = f"the text has {foreign[0]!r}, which does not occur in the book"
        raise complaint(ValueError, "encode", problem, "leave it out")
    return np.array([number[character] for character in text], dtype=np.intp)


def decode(indices):
    """Return the text of indices."""
    return "".join(CHARACTERS[i] for i in indices)


def new_net(rng, width=64, heads=4, blocks=2):
    """Make a language model of the book's characters, which tells positions by rotation."""
    model = GPT(
        len(CHARACTERS),
        width=width,
        heads=heads,
        blocks=blocks,
        context=CONTEXT,
        positions="rotary",
        rng=rng,
        dtype=np.float32,
    )
    return Sequential(model, SoftmaxCrossEntropy())


def new_solver(net, train, validation, *, epochs=EPOCHS, rng=None, progress=None):
    """Make a solver: AdamW, with a rate that rises for a twentieth of the time and falls to 0."""
    steps = epochs * -(-len(train[0]) // BATCH)
    return Solver(
        net,
        train,
        validation=validation,
        optimizer=AdamW(net),
        schedule=CosineDecay(0.003, steps, warmup=steps // 20),
        batch_size=BATCH,
        epochs=epochs,
        train_samples=len(validation[0]),
        rng=rng,
        progress=progress,
    )


def right(net, x, y):
    """Return for each character, (N, 64), whether it is the likeliest after those before it."""
    return net.scores(x).argmax(axis=-1) == y


def sample(net, x, y, *, beginning="Alice ", count=400, temperature=0.8, rng=0):
    """Let the net write: continue a beginning by so many characters."""
    model = net.layers[0]
    tokens = model.generate(encode(beginning)[None], count, temperature=temperature, rng=rng)
    return decode(tokens[0])
