"""Arguments in a few characters, such as ``x=N,D`` or ``y=labels:C:N``.

One language serves ``--input`` on the command line and the table of known operations::

    VALUE  = [@] [KIND:] SHAPE | labels:SIZE:SHAPE | value:LITERAL
    SHAPE  = SIZE,SIZE,... | scalar
    SIZE   = a number, a capital letter, or both: 4M is four times M

A letter is one size wherever it stands.  Every operation is checked twice: with sizes that are all
distinct, so that no cause can be taken for another, and with another batch where matrices are
square, so that transposed ones fit.  An @ says that no gradient is expected for this argument.
"""

import ast
import math
import re
from typing import NamedTuple

import numpy as np

# the size that a letter stands for in the first and in the second round
SIZES = {
    "N": (5, 8),  # examples
    "B": (3, 5),  # images: fewer, for loops over all of their pixels are slow
    "T": (6, 7),  # steps
    "K": (9, 5),  # keys
    "D": (7, 6),  # features in
    "M": (3, 6),  # features out
    "C": (8, 6),  # channels, classes
    "F": (6, 6),  # filters
    "H": (5, 5),  # height
    "W": (9, 9),  # width
    "V": (11, 9),  # vocabulary
}
ROUNDS = 2
LIMIT = 1_000_000  # entries of an argument: a check of more takes too long
SIZE = re.compile(r"(\d*)([A-Z]?)")


def _spread(shape, rng):
    """Return numbers at equal distances from -7 to 7, shuffled: every branch gets some."""
    count = math.prod(shape)
    values = np.linspace(-7.0, 7.0, count) + rng.uniform(-0.05, 0.05, count)
    return rng.permutation(values).reshape(shape)


def _onehot(shape, rng):
    rows = np.eye(shape[-1])
    return rows[rng.integers(shape[-1], size=shape[:-1])]


KINDS = {
    "normal": lambda shape, rng: rng.standard_normal(shape),
    "positive": lambda shape, rng: rng.uniform(0.4, 2.4, shape),
    "unit": lambda shape, rng: rng.uniform(0.1, 0.9, shape),
    "shares": lambda shape, rng: rng.dirichlet(np.ones(shape[-1]), shape[:-1]),
    "spread": _spread,
    "onehot": _onehot,
    "bits": lambda shape, rng: rng.integers(2, size=shape).astype(float),
    "signs": lambda shape, rng: 2.0 * rng.integers(2, size=shape) - 1.0,
    "mask": lambda shape, rng: rng.random(shape) < 0.7,
}


class Value(NamedTuple):
    """How an argument is made."""

    kind: str
    shape: tuple = ()  # of (factor, letter) pairs
    fixed: bool = False  # whether no gradient is expected for it
    classes: tuple = ()  # of labels: one (factor, letter)
    literals: tuple = ()  # one for each round, or a single one

    def make(self, turn, rng):
        """Return the argument for a round, 0 or 1."""
        if self.literals:
            return self.literals[turn % len(self.literals)]
        shape = tuple(_number(size, turn) for size in self.shape)
        if self.kind == "labels":
            return rng.integers(_number(self.classes, turn), size=shape)
        return np.asarray(KINDS[self.kind](shape, rng))

    @property
    def letters(self):
        """Whether the two rounds differ."""
        return len(self.literals) > 1 or any(letter for _, letter in self.shape)


def parse(text):
    """Return the Value that a text describes.

    Raises
    ------
    ValueError
        With a line about what is wrong with the text.

    Examples
    --------
    >>> parse("4,3").make(0, np.random.default_rng(0)).shape
    (4, 3)
    >>> parse("labels:10:N").make(0, np.random.default_rng(0)).shape
    (5,)
    """
    fixed = text.startswith("@")
    kind, colon, rest = text.removeprefix("@").partition(":")
    if not colon:
        kind, rest = "normal", kind
    if kind == "value":
        return Value(kind, literals=(_literal(rest),))
    if kind == "values":  # one for each round
        return Value(kind, literals=tuple(map(_literal, rest.split("|"))))
    if kind == "labels":
        classes, colon, rest = rest.partition(":")
        if not colon:
            raise ValueError("labels need how many classes there are, and a shape: labels:10:5")
        count = _size(classes)
        if _number(count, 0) < 1:
            raise ValueError("there must be at least one class")
        return Value(kind, _shape(rest), classes=count)
    if kind not in KINDS:
        known = ", ".join([*KINDS, "labels", "value"])
        raise ValueError(f"there is no kind {kind!r}: the kinds are {known}")
    shape = _shape(rest)
    if kind in ("shares", "onehot") and not shape:
        raise ValueError(f"{kind} need a shape with at least one axis")
    return Value(kind, shape, fixed)


def parse_all(text):
    """Return ``{name: Value}`` for a row of the table of operations: ``x=N,D w=D,M``."""
    return {name: parse(value) for name, value in (word.split("=", 1) for word in text.split())}


def parse_option(text):
    """Return ``(operation or "", argument, text)`` for a word after ``--input``, once it is valid.

    Raises
    ------
    ValueError
        With a line about what is wrong with the text.
    """
    name, equals, value = text.partition("=")
    operation, _, argument = name.rpartition(".")
    if not equals or not argument.isidentifier() or (operation and not operation.isidentifier()):
        raise ValueError(f"{text!r} is not NAME=SHAPE, such as x=4,3")
    try:
        parse(value)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None
    return operation, argument, value


def _shape(text):
    if text == "scalar":
        return ()
    shape = tuple(map(_size, text.split(",")))
    if math.prod(_number(size, 0) for size in shape) > LIMIT:
        raise ValueError(f"that is more than {LIMIT:,} numbers")
    return shape


def _size(text):
    match = SIZE.fullmatch(text)
    if not match or not text or len(match[1]) > 9:
        raise ValueError(
            f"a shape is made of numbers and capital letters with commas between, such as 4,3 "
            f"or N,D; {text!r} is neither"
        )
    if match[2] and match[2] not in SIZES:
        raise ValueError(f"no size is called {match[2]}: there are {', '.join(SIZES)}")
    return int(match[1] or 1), match[2]


def _number(size, turn):
    factor, letter = size
    return factor * SIZES[letter][turn] if letter else factor


def _literal(text):
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise ValueError(f"{text!r} is no Python value, such as 2, 'train' or [1, 2]") from None
