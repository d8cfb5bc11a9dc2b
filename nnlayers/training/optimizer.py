"""What every optimizer shares: it acts in place on the parameters of a net.

An optimizer finds each parameter under its key in ``net.params`` at every step, so that parameters
stay where they are, in their layers.  What it remembers of a parameter is kept by key as well.
A rule is a class with an ``update``; checking, finding and cutting into pieces is done here.
"""

import numpy as np

from nnlayers.layers.checks import complaint
from nnlayers.layers.layer import Layer
from nnlayers.training.bounds import keys, non_negative, require_keys
from nnlayers.training.checkpoints import differences

# entries of a large array that are updated at a time, so that the several passes of a rule over
# w, dw, its state and the scratch array stay in the cache (32k float64 entries are 256 KiB)
PIECE = 32 * 1024


class Optimizer:
    """What every optimizer is: ``step(grads)`` improves the parameters of a net, in place.

    A rule of your own derives from this class, names its ``memory`` (arrays like the parameter, at
    first zero) and its ``settings``, and defines ``update``.

    Parameters
    ----------
    net : Layer
        Whose parameters are trained.
    lr : float
        Learning rate.
    only : list of str, optional
        Keys of ``net.params`` to train; the other parameters are frozen.  None trains all.

    Attributes
    ----------
    lr : float
        Learning rate; may be changed between steps.
    t : int
        Number of steps so far.
    state : dict of str to dict of str to ndarray
        For each key, the arrays that the rule remembers.
    """

    memory = ()
    settings = ("lr",)  # names of the attributes with which it was made

    def __init__(self, net, lr, only=None):
        op = type(self).__name__
        if not isinstance(net, Layer):
            raise complaint(
                TypeError,
                op,
                f"net must be a layer or net, not {type(net).__name__}",
                "pass the net itself, not its params",
            )
        self.net = net
        self.lr = lr
        chosen = list(net.params) if only is None else keys(op, only)
        require_keys(op, chosen, net.params)
        if not chosen:
            problem = "the net has no parameters" if only is None else "only names no parameter"
            raise complaint(ValueError, op, problem, "there is nothing to train")
        self.keys = tuple(key for key in net.params if key in chosen)
        self.t = 0
        self.state = {
            key: {name: np.zeros_like(net.params[key]) for name in self.memory} for key in self.keys
        }
        self._known = frozenset(net.params)
        self._plans, self._scratch = {}, {}

    @property
    def lr(self):
        """Learning rate: finite and at least 0."""
        return self._lr

    @lr.setter
    def lr(self, value):
        self._lr = non_negative(type(self).__name__, "lr", value)

    def step(self, grads):
        """Update every trained parameter in place.

        Parameters
        ----------
        grads : dict of str to ndarray
            Gradients with the keys of ``net.params``; those of frozen parameters may be left out.

        Raises
        ------
        ValueError
            If gradients are missing, unexpected or misshapen, all of which are listed; nothing has
            changed then.
        TypeError
            If grads is no dict, or a gradient's dtype is not its parameter's.
        """
        if not isinstance(grads, dict) or not grads.keys() <= self._known:
            raise self._misfit(grads)
        params, work = self.net.params, []
        for key in self.keys:
            w, dw = params[key], grads.get(key)
            try:
                if dw.shape != w.shape or dw.dtype != w.dtype:
                    raise self._misfit(grads)
            except AttributeError:  # dw is no array
                raise self._misfit(grads) from None
            plan = self._plans.get(key)
            if plan is None or plan[0] is not w:  # not planned yet, or replaced in its layer
                plan = self._plans[key] = self._plan(key, w)
            work.append((dw, plan[1]))
        self.t += 1
        for dw, pieces in work:
            if len(pieces) == 1:
                _, w, scratch, state = pieces[0]
                self.update(w, dw, scratch, *state)
            else:
                dw = dw.reshape(dw.size)
                for piece, w, scratch, state in pieces:
                    self.update(w, dw[piece], scratch, *state)

    def update(self, w, dw, scratch, *memory):
        """Write the next w into w, and the arrays of ``memory`` for the next step into these.

        Parameters
        ----------
        w, dw : ndarray
            A parameter and its gradient, or a piece of each; dw is not written.
        scratch : ndarray
            For intermediate results; its content does not matter.
        *memory : ndarray
            The arrays that ``memory`` names, of the shape of w.
        """
        raise NotImplementedError(f"{type(self).__name__} must define update")

    def state_dict(self):
        """Return all that the next step depends on, as a plain dict of copies.

        Returns
        -------
        dict
            ``rule``, ``settings``, ``t``, and ``state`` as in the attribute.
        """
        return {
            "rule": type(self).__name__,
            "settings": {name: getattr(self, name) for name in self.settings},
            "t": self.t,
            "state": {
                key: {name: array.copy() for name, array in arrays.items()}
                for key, arrays in self.state.items()
            },
        }

    def load_state_dict(self, saved):
        """Take over what :meth:`state_dict` returned: the learning rate, t and all arrays.

        Raises
        ------
        ValueError
            If it comes from another rule, other settings than these (the learning rate excepted)
            or other parameters, all of which is listed; nothing has changed then.
        TypeError
            If it is something else.
        """
        op = f"{type(self).__name__}.load_state_dict"
        if not isinstance(saved, dict) or not saved.keys() >= {"rule", "settings", "t", "state"}:
            raise complaint(
                TypeError, op, f"saved must be a dict that state_dict returned, not {saved!r}"
            )
        problems = self._differences(saved)
        if problems:
            raise complaint(
                ValueError,
                op,
                f"the saved state is another optimizer's: {'; '.join(problems)}",
                "make the optimizer as it was made then; nothing was loaded",
            )
        self.lr = saved["settings"]["lr"]
        self.t = saved["t"]
        for key, arrays in self.state.items():
            for name, array in arrays.items():
                array[...] = saved["state"][key][name]

    def __getstate__(self):
        # plans and scratch refer to arrays that a copy does not share: it makes its own
        return self.__dict__ | {"_plans": {}, "_scratch": {}}

    def __repr__(self):
        words = [f"{name}={getattr(self, name)!r}" for name in self.settings]
        if len(self.keys) < len(self._known):
            words.append(f"only={list(self.keys)!r}")
        return f"{type(self).__name__}(net, {', '.join(words)})"

    def _plan(self, key, w):
        """Return (w, its pieces): each where it lies, its part of w, of the scratch, of the state.

        Large arrays are cut; those that are not contiguous stay whole, having no flat view.
        """
        op, state = f"{type(self).__name__}.step", tuple(self.state[key].values())
        if not w.flags.writeable:
            raise complaint(
                ValueError, op, f"{key} is read-only", "assign a copy in its layer", w=w
            )
        if any(array.shape != w.shape or array.dtype != w.dtype for array in state):
            raise complaint(
                ValueError,
                op,
                f"{key} is {w.dtype} {w.shape}, but was {state[0].dtype} {state[0].shape} when "
                "the optimizer was made",
                "make a new optimizer",
            )
        if w.size <= PIECE or not w.flags.c_contiguous:
            return w, [(None, w, self._buffer(w.dtype, w.size).reshape(w.shape), state)]
        flat = [array.reshape(w.size) for array in (w, *state)]
        pieces = []
        for start in range(0, w.size, PIECE):
            piece = slice(start, min(start + PIECE, w.size))
            w_piece, *state_pieces = (array[piece] for array in flat)
            scratch = self._buffer(w.dtype, w_piece.size)
            pieces.append((piece, w_piece, scratch, tuple(state_pieces)))
        return w, pieces

    def _buffer(self, dtype, size):
        """Return scratch of this size, which all parameters of a dtype share."""
        buffer = self._scratch.get(dtype)
        if buffer is None or buffer.size < size:
            buffer = self._scratch[dtype] = np.empty(size, dtype)
        return buffer[:size]

    def _misfit(self, grads):
        """Return the error of gradients that are not those of the trained parameters."""
        op, params = f"{type(self).__name__}.step", self.net.params
        if not isinstance(grads, dict):
            return complaint(
                TypeError,
                op,
                f"grads must be a dict with the keys of net.params, not {type(grads).__name__}",
                "net.loss(x, y) and net.gradients(dout, cache) return one",
            )
        missing = [key for key in self.keys if key not in grads]
        unexpected = [str(key) for key in grads if key not in params]
        given = {key: grads[key] for key in self.keys if key in grads}
        misshapen = [
            f"{key} is {params[key].shape} but its gradient {np.shape(dw)}"
            for key, dw in given.items()
            if np.shape(dw) != params[key].shape
        ]
        if missing or unexpected or misshapen:
            problems = [f"missing {', '.join(missing)}"] * bool(missing)
            problems += [f"unexpected {', '.join(unexpected)}"] * bool(unexpected)
            return complaint(
                ValueError,
                op,
                f"these are not the gradients of this net: {'; '.join(problems + misshapen)}",
                "pass what loss or gradients of the optimizer's own net returned",
            )
        kinds = {key: getattr(dw, "dtype", type(dw).__name__) for key, dw in given.items()}
        wrong = [
            f"{key} is {params[key].dtype} but its gradient {kind}"
            for key, kind in kinds.items()
            if kind != params[key].dtype
        ]
        return complaint(
            TypeError, op, "; ".join(wrong), "a gradient has its parameter's dtype: astype helps"
        )

    def _differences(self, saved):
        """Return in words how a saved state differs from one that this optimizer could take."""
        if saved["rule"] != type(self).__name__:
            return [f"it is of {saved['rule']}, not of {type(self).__name__}"]
        problems = [
            f"{name} was {saved['settings'].get(name)!r} but is {getattr(self, name)!r}"
            for name in self.settings
            if name != "lr" and saved["settings"].get(name) != getattr(self, name)
        ]
        mine, theirs = (
            {f"{key}/{name}": a for key, arrays in state.items() for name, a in arrays.items()}
            for state in (self.state, saved["state"])
        )
        return problems + differences(mine, theirs)
