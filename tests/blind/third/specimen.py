"""One forward/backward pair with its label, and a few helpers to draw inputs."""

from corpus.specimen import Specimen


def note(shelf, name, forward, backward, make, wrong="", cause=None, also="", **options):
    """Put a specimen on a shelf; names of gradients and causes are separated by blanks."""
    shelf.append(
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


def normal(*shapes):
    """A maker of standard normal arrays."""

    def make(rng):
        return tuple(rng.normal(size=shape) for shape in shapes)

    return make
