"""Adding two-digit numbers, character by character: the task of the nets for sequences.

There are 10,000 sums such as "12+34=046".  Nothing tells a net what a digit, "+" or "=" means; it
sees nine signs and has to find out.
"""

import numpy as np

CHARACTERS = "0123456789+="
QUESTION, ANSWER = 6, 3  # characters of "12+34=" and of "046"
MEASURE = "sums that were kept out of training are exact"


def sums():
    """Return all sums as indices of characters, shape (10000, 9)."""
    a, b = np.divmod(np.arange(100 * 100), 100)
    lines = (f"{i:02d}+{j:02d}={i + j:0{ANSWER}d}" for i, j in zip(a, b))
    return np.array([[CHARACTERS.index(character) for character in line] for line in lines])


def split(rng):
    """Return the sums to learn from (8,500), to choose by (500), and for the test (1,000).

    Where a + b is kept out b + a is too, so that no answer can be looked up in its mirror image.
    """
    lines = sums()
    small, large = np.triu_indices(100, k=1)
    order = rng.permutation(len(small))
    part = np.zeros((100, 100), int)
    for number, pairs in (1, order[:250]), (2, order[250:750]):
        a, b = small[pairs], large[pairs]
        part[a, b] = part[b, a] = number
    part = part.reshape(len(lines))
    return tuple(lines[part == number] for number in (0, 1, 2))


def text(indices):
    """Return the characters of a line.

    Examples
    --------
    >>> text([1, 2, 10, 3, 4, 11])
    '12+34='
    """
    return "".join(CHARACTERS[i] for i in indices)


def graded(questions, answers, y, count=5):
    """Return some questions from all over the list, their answers, and what would have been right.

    Examples
    --------
    >>> print(graded([[1, 2, 10, 3, 4, 11]], [[0, 3, 6]], [[0, 4, 6]]))
    12+34=036  wrong: 046
    """
    lines, every = [], max(len(questions) // count, 1)
    for question, answer, truth in zip(questions[::every], answers[::every], y[::every]):
        given, wanted = text(answer), text(truth)
        verdict = "right" if given == wanted else f"wrong: {wanted}"
        lines.append(f"{text(question)}{given}  {verdict}")
    return "\n".join(lines)
