"""The exponential moving average of a net's weights."""

import copy

from nnlayers.layers.checks import complaint, describe
from nnlayers.layers.layer import Layer
from nnlayers.training.bounds import fraction, whole
from nnlayers.training.checkpoints import arrays_of, copies_of, differences, put
from nnlayers.training.pieces import chunks


class EMA:
    """Exponential moving average of the weights of a net, as a net of its own.

    aₜ = (1 - d) Σₖ d^(t-k) wₖ / (1 - dᵗ) over the weights wₖ after the updates k = 1 to t

    The weights of this average sum to 1, as in Adam's m̂: those that the net began with play no part
    in it.  It is computed as a ← a + (1 - d) / (1 - dᵗ) · (w - a).

    Parameters
    ----------
    net : Layer
        The net that is trained.
    decay : float
        d, at least 0 and less than 1: about 1 / (1 - d) steps are averaged.

    Attributes
    ----------
    net : Layer
        A copy of the net with the averaged weights, to be evaluated or saved; its state, such as
        running statistics, is the trained net's.
    t : int
        Number of updates so far.

    Raises
    ------
    ValueError, TypeError
        If decay is out of range, or net no layer.

    Source
    ------
    Polyak, Juditsky, "Acceleration of stochastic approximation by averaging" (1992); Tarvainen,
    Valpola, "Mean teachers are better role models" (2017), with Adam's correction of the start.

    Examples
    --------
    >>> import numpy as np
    >>> from nnlayers import Affine
    >>> layer = Affine.of(np.zeros((1, 1)))
    >>> average = EMA(layer, decay=0.5)
    >>> for w in (2.0, 5.0):
    ...     layer.params["w"][...] = w
    ...     average.update()
    >>> average.net.params["w"]
    array([[4.]])
    """

    def __init__(self, net, decay=0.999):
        if not isinstance(net, Layer):
            raise complaint(
                TypeError,
                "EMA",
                f"net must be a layer or net, not {type(net).__name__}",
                "pass the net itself, not its params",
            )
        self.decay = fraction("EMA", "decay", decay)
        self.of = net
        self.net = copy.deepcopy(net)
        self.t = 0

    def update(self):
        """Take the weights that the net now has into the average: after each step.

        Raises
        ------
        ValueError
            If the net's parameters have changed in shape or dtype; nothing has changed then.
        """
        params, averages = self.of.params, self.net.params
        for key, average in averages.items():
            w = params[key]
            if w.shape != average.shape or w.dtype != average.dtype:
                raise complaint(
                    ValueError,
                    "EMA.update",
                    f"{key} is {w.dtype} {w.shape} but its average {average.dtype} {average.shape}",
                    "make a new average",
                )
        self.t += 1
        share = (1.0 - self.decay) / (1.0 - self.decay**self.t)
        for key, average in averages.items():
            for a, w in chunks(average, params[key]):
                step = w - a
                step *= share
                a += step
        for (_, mine), (_, theirs) in zip(self.net.leaves(), self.of.leaves()):
            mine.state = theirs.state  # forward replaces it and never writes it

    def state_dict(self):
        """Return all that the next update depends on, as a plain dict of copies.

        Returns
        -------
        dict
            ``decay``, ``t`` and ``arrays``, the averaged net's parameters and state.
        """
        return {"decay": self.decay, "t": self.t, "arrays": copies_of(self.net)}

    def load_state_dict(self, saved):
        """Take over what :meth:`state_dict` returned.

        Raises
        ------
        ValueError
            If it has another decay or is of another net, all of which is listed; nothing has
            changed then.
        TypeError
            If it is something else.
        """
        op = "EMA.load_state_dict"
        if (
            not isinstance(saved, dict)
            or not saved.keys() >= {"decay", "t", "arrays"}
            or not isinstance(saved["arrays"], dict)
        ):
            raise complaint(
                TypeError,
                op,
                f"saved must be a dict that state_dict returned, not {describe(saved)}",
            )
        t = whole(op, "t", saved["t"])
        problems = differences(arrays_of(self.net), saved["arrays"])
        if saved["decay"] != self.decay:
            problems.insert(0, f"decay was {saved['decay']} but is {self.decay}")
        if problems:
            raise complaint(
                ValueError,
                op,
                f"the saved state is another average's: {'; '.join(problems)}",
                "make the average as it was made then; nothing was loaded",
            )
        self.t = t
        put(self.net, saved["arrays"])

    def __repr__(self):
        return f"EMA(net, decay={self.decay!r})"
