"""Where the blind corpora put their specimens."""

from corpus.specimen import Specimen


def note(shelf, name, forward, backward, make, wrong="", cause=None, also="", **options):
    """Put a specimen on a shelf; names of gradients and causes are separated by blanks."""
    wrong, also = tuple(wrong.split()), tuple(also.split())
    shelf.append(Specimen(name, forward, backward, make, options, wrong, cause, also))


class Shelf(list):
    """A list of specimens whose pairs are given as one argument."""

    def add(self, name, pair, make, wrong="", cause=None, also="", **options):
        note(self, name, *pair, make, wrong, cause, also, **options)
