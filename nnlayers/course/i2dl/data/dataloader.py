"""Mini-batches of a dataset, as I2DL's ``data/dataloader.py`` makes them."""

import numpy as np

from nnlayers.course.translation import source
from nnlayers.layers.checks import complaint, describe, positive_int

__all__ = ["DataLoader"]


class DataLoader:
    """Go through the examples of a dataset in mini-batches, each example once.

    Parameters
    ----------
    dataset : sequence of dict
        With ``len(dataset)`` and ``dataset[i]``, a dict such as ``{"image": ..., "label": ...}``.
    batch_size : int
        Examples per batch.
    shuffle : bool
        Whether the order is drawn anew for every pass.
    drop_last : bool
        Whether a last batch that is smaller is left out.
    rng : int or generator, optional
        What orders are drawn from: by default NumPy's global generator, as in the course.

    Raises
    ------
    TypeError, ValueError
        If the dataset has no length or numbered examples, or batch_size is not positive; in a
        pass, if an example is no dict, or its keys or shapes are not those of the others.

    Examples
    --------
    >>> dataset = [{"data": 2 * i} for i in range(5)]
    >>> loader = DataLoader(dataset, batch_size=2)
    >>> len(loader), list(loader)[2]
    (3, {'data': array([8])})
    """

    def __init__(self, dataset, batch_size=1, shuffle=False, drop_last=False, *, rng=None):
        op = "DataLoader"
        if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
            problem = f"dataset must have a length and numbered examples, not {describe(dataset)}"
            raise complaint(TypeError, op, problem)
        if isinstance(dataset, dict):
            problem = "dataset must be a sequence of dicts, not a dict"
            fix = "Solver takes a dict with X_train, y_train, X_val, y_val itself"
            raise complaint(TypeError, op, problem, fix)
        positive_int(op, batch_size=batch_size)
        self.dataset, self.batch_size = dataset, batch_size
        self.shuffle, self.drop_last = shuffle, drop_last
        # the global generator is a module, which could not be pickled
        self.rng = None if rng is None else source(rng, op)

    def __iter__(self):
        """Yield a dict of arrays for each batch; examples are loaded when they are needed."""
        n = len(self.dataset)
        order = source(self.rng, "DataLoader").permutation(n) if self.shuffle else range(n)
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            numbers = order[start : start + self.batch_size]
            yield _stacked([self.dataset[int(i)] for i in numbers])

    def __len__(self):
        """Return the number of batches of a pass."""
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole if self.drop_last else whole + (rest > 0)


def _stacked(examples):
    """Return a dict of arrays in place of a list of dicts."""
    first = examples[0]
    for example in examples:
        if not isinstance(example, dict):
            problem = f"an example must be a dict, not {describe(example)}"
            raise complaint(TypeError, "DataLoader", problem, 'such as {"image": x, "label": y}')
        if example.keys() != first.keys():
            given = " and ".join(", ".join(map(str, e)) or "none" for e in (first, example))
            problem = f"the examples of a batch must have the same keys, not {given}"
            raise complaint(ValueError, "DataLoader", problem)
    batch = {}
    for key in first:
        arrays = [np.asarray(example[key]) for example in examples]
        shapes = {array.shape for array in arrays}
        if len(shapes) > 1:
            found = " and ".join(str(shape) for shape in sorted(shapes)[:2])
            problem = f"{key} must have one shape in all examples of a batch, not {found}"
            raise complaint(ValueError, "DataLoader", problem, "transform them to one size")
        batch[key] = np.stack(arrays)
    return batch
