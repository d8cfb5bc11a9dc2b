"""How an optimizer goes through its parameters: in pieces that stay in the cache.

The entries of all parameters that are updated alike are counted through, from the largest parameter
to the smallest: that is a strand.  What the rule remembers of them lies in flat arrays in this
order.  A piece is a stretch of a strand: a part of a large parameter, or several small parameters,
for which one call of each NumPy function does the work of many (Adam on a net of 64-64-10 takes 0.6
of the time; to gather large gradients would cost more than it saves).
"""

import math
import operator
from itertools import accumulate

import numpy as np

# entries of a piece: the several passes of a rule over w, dw, what it remembers and its scratch
# arrays stay in the cache (32k float64 entries are 256 KiB)
PIECE = 32 * 1024


class Strand:
    """Parameters of one dtype and the same settings, and what the rule remembers of them.

    Parameters
    ----------
    forms : dict of str to (tuple of int, str)
        The parameters' shapes, and the order of their entries in memory: "C" or "F".
    dtype : dtype
        Their dtype.
    names : tuple of str
        What is remembered of each.
    exceptions : dict
        Their settings where these are not the optimizer's.
    """

    def __init__(self, forms, dtype, names, exceptions):
        self.forms, self.dtype, self.exceptions = forms, dtype, exceptions
        sizes = {key: math.prod(shape) for key, (shape, _) in forms.items()}
        keys = sorted(forms, key=sizes.get, reverse=True)  # so that the small ones come together
        stops = list(accumulate(sizes[key] for key in keys))
        self.places = {key: slice(stop - sizes[key], stop) for key, stop in zip(keys, stops)}
        self.memory = {name: np.zeros(stops[-1], dtype) for name in names}
        self.pieces = []

    def views(self, key):
        """Return what is remembered of one parameter: views of its shape into the flat arrays."""
        place, (shape, order) = self.places[key], self.forms[key]
        return {name: flat[place].reshape(shape, order=order) for name, flat in self.memory.items()}

    def cut(self, arrays, numbers):
        """Make the pieces of the arrays that now are the parameters; numbers are their places."""
        runs = [[]]  # each run becomes a piece
        for key in self.places:
            w, number = arrays[key], numbers[key]
            if self.forms[key][1] == "F":
                w = w.T  # its entries come as they lie in memory
            if not w.flags.c_contiguous:  # it has no flat view to be cut
                runs += [[(number, None, w, slice(0, w.size))], []]
            elif w.size > PIECE:
                flat = w.reshape(w.size)
                starts = range(0, w.size, PIECE)
                parts = [slice(start, min(start + PIECE, w.size)) for start in starts]
                runs += [
                    [(number, part, flat[part], slice(0, part.stop - part.start))] for part in parts
                ]
                runs.append([])
            else:
                fill = runs[-1][-1][3].stop if runs[-1] else 0
                if fill + w.size > PIECE:
                    runs.append([])
                    fill = 0
                runs[-1].append((number, None, w.reshape(w.size), slice(fill, fill + w.size)))
        runs = [run for run in runs if run]
        sizes = [run[-1][3].stop for run in runs]
        buffers = np.empty((3, max(sizes, default=0)), self.dtype)
        self.pieces = []
        for run, size, stop in zip(runs, sizes, accumulate(sizes)):
            memory = [flat[stop - size : stop] for flat in self.memory.values()]
            self.pieces.append(Piece(run, memory, buffers[:, :size]))


class Piece:
    """A stretch of a strand, with the arrays that its update needs.

    Its segments are parts of parameters: the number of the parameter, the entries in the flattened
    gradient (None for all), a view of those in the parameter, and their place in the piece.
    """

    def __init__(self, segments, memory, buffers):
        self.segments, self.memory = segments, memory
        self.among = operator.itemgetter(*(number for number, _, _, _ in segments))
        self.source = segments[0][1]  # only a part of a large parameter has one, and it is alone
        self.targets = [w for _, _, w, _ in segments]
        self.gathered, self.scratch, self.spare = buffers
        # the changes of the segments in each array that an update may return: small parameters are
        # updated in less time than it takes to cut these views
        self.changes = {id(a): self._parts(a) for a in (self.scratch, self.spare, *memory)}

    def gradient(self, flats):
        """Return the gradient of the piece, of the flattened gradients of all parameters."""
        if self.source is not None:
            return self.among(flats)[self.source]
        if len(self.segments) == 1:
            return self.among(flats)
        return np.concatenate(self.among(flats), out=self.gathered)

    def weights(self):
        """Return the piece's part of the parameters, copied into spare."""
        for _, _, w, place in self.segments:
            self.spare[place] = w if w.ndim == 1 else w.reshape(w.size)
        return self.spare

    def scale(self, factor):
        """Multiply the piece's part of the parameters."""
        for _, _, w, _ in self.segments:
            w *= factor

    def add(self, change):
        """Add to the piece's part of the parameters."""
        parts = self.changes.get(id(change)) or self._parts(change)
        for w, part in zip(self.targets, parts):
            w += part

    def _parts(self, change):
        """Return the segments' parts of an array, in their shapes."""
        return [change[place].reshape(w.shape) for _, _, w, place in self.segments]


def chunks(*arrays):
    """Yield the parts of arrays of one shape that fit into the cache together, views of each."""
    size = arrays[0].size
    if all(array.flags.fnc for array in arrays):
        arrays = [array.T for array in arrays]
    if size <= PIECE or not all(array.flags.c_contiguous for array in arrays):
        yield arrays  # what is not contiguous has no flat view to be cut
        return
    flats = [array.reshape(size) for array in arrays]
    for start in range(0, size, PIECE):
        yield [flat[start : start + PIECE] for flat in flats]
