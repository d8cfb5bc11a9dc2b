"""The list that collects specimens."""

from corpus.specimen import Specimen


class Shelf(list):
    """A list of specimens with a short way to add one."""

    def add(self, name, pair, make, wrong="", cause=None, also="", **options):
        forward, backward = pair
        self.append(
            Specimen(
                name,
                forward,
                backward,
                make,
                options,
                tuple(wrong.split()),
                cause,
                tuple(also.split()),
            )
        )
