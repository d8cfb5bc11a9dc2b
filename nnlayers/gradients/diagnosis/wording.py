"""How a changed line of source is shown."""

import re

LONG, SHORT = 40, 12  # characters of a line that is shown whole, and of a part that says enough


def difference(before, after):
    """Return the parts of two versions of a line that differ: whole words, brackets in pairs."""
    if max(len(before), len(after)) <= LONG:
        return before, after
    left = 0
    while left < min(len(before), len(after)) and before[left] == after[left]:
        left += 1
    right = 0
    while right < min(len(before), len(after)) - left and before[-1 - right] == after[-1 - right]:
        right += 1
    while True:
        old, new = before[left : len(before) - right], after[left : len(after) - right]
        closing, opening = map(max, zip(_unpaired(old), _unpaired(new)))
        inside = _in_word(before[left - 1 : left]) or old[:1] == "."
        if left and (closing or inside or not (old.strip() and new.strip())):
            left -= 1
        elif right and (opening or _in_word(before[-right])):
            right -= 1
        elif (left or right) and min(len(old.strip()), len(new.strip())) < SHORT:
            left, right = max(left - 1, 0), max(right - 1, 0)
        else:
            return old.strip(), new.strip()


def _in_word(character):
    return character.isalnum() or character in ("_", ".", "=")


def _unpaired(text):
    """Return how many closing and how many opening brackets have no partner."""
    closing = opening = 0
    for character in text:
        if character in "([{":
            opening += 1
        elif character in ")]}":
            closing, opening = (closing, opening - 1) if opening else (closing + 1, 0)
    return closing, opening


def tidy(text):
    """Return a changed line as one would write it."""
    text = text.replace(" + 1 - 1", "").replace(" - 1 + 1", "").replace("__now", "_now")
    text = re.sub(r"__index__\[(.*?)\](?=, )", _argument, text)
    return text.replace("__np__", "np")


def _argument(match):
    return f"({match[1]})" if "," in match[1] else match[1]
