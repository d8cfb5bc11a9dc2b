"""What every optimizer shares: it acts in place on the parameters of a net.

An optimizer finds each parameter under its key in ``net.params`` at every step, so that parameters
stay where they are, in their layers.  A rule is a class with an ``update``; checks, groups, weight
decay, clipping and the way through the parameters (:mod:`nnlayers.training.pieces`) are done here.
"""

import numpy as np

from nnlayers.layers.checks import ARRAY, complaint, describe
from nnlayers.layers.layer import Layer
from nnlayers.training.bounds import keys, non_negative, positive, require_keys, whole
from nnlayers.training.clipping import factor_for
from nnlayers.training.groups import Group, checked, exceptions
from nnlayers.training.mismatches import (
    foreign_gradients,
    is_state,
    other_state,
    require_trainable,
)
from nnlayers.training.pieces import Strand


class Optimizer:
    """What every optimizer is: ``step(grads)`` improves the parameters of a net, in place.

    A rule of your own derives from this class, names its ``memory`` (what it remembers of each
    parameter, zero at first) and the ``checks`` of its settings, and defines ``update``.

    Parameters
    ----------
    net : Layer
        Whose parameters are trained.
    lr : float
        Learning rate.
    only : list of str, optional
        Keys of ``net.params`` to train; the other parameters are frozen.  None trains all.
    groups : dict of str to dict, optional
        Settings of some parameters: ``{"*.b": {"weight_decay": 0.0}, "0.*": {"lr_factor": 0.1}}``.
        ``lr_factor`` multiplies ``lr``; a parameter that matches several patterns takes the
        settings of all, of the last one where they differ.
    weight_decay : float
        λ ≥ 0 for all trained parameters, biases too: dw + λ w takes the place of dw, as an L2
        penalty ½ λ Σ w² would have it.  Where the class says ``decoupled = True``, as
        :class:`AdamW` does, w shrinks by the factor 1 - η λ before the step instead.
    clip_norm : float, optional
        If the gradients of all trained parameters together are longer than this, they are scaled
        to this length; see :func:`clip_by_norm`.
    clip_value : float, optional
        Each entry of the gradients is limited to ± this; see :func:`clip_by_value`.
    **settings
        The rule's own, which ``checks`` names.

    Attributes
    ----------
    lr : float
        Learning rate; may be changed between steps.
    t : int
        Number of steps so far.
    state : dict of str to dict of str to ndarray
        For each key, the arrays that the rule remembers; to be written into, not replaced.
    """

    memory = ()
    checks = {}  # what each of the rule's own settings must be: check(op, name, value) -> value
    decoupled = False

    def __init__(
        self,
        net,
        lr,
        *,
        only=None,
        groups=None,
        weight_decay=0.0,
        clip_norm=None,
        clip_value=None,
        **settings,
    ):
        op = type(self).__name__
        if not isinstance(net, Layer):
            raise complaint(
                TypeError,
                op,
                f"net must be a layer or net, not {type(net).__name__}",
                "pass the net itself, not its params",
            )
        unknown = [name for name in settings if name not in self.checks]
        if unknown:
            allowed = ["lr", *self.checks, *Optimizer.__init__.__kwdefaults__]
            raise complaint(
                TypeError,
                op,
                f"unknown setting {', '.join(unknown)}",
                f"there are {', '.join(allowed)}",
            )
        self.net = net
        self.lr = lr
        for name, check in self.checks.items():
            setattr(self, name, check(op, name, settings[name]))
        self.weight_decay = non_negative(op, "weight_decay", weight_decay)
        if clip_norm is not None and clip_value is not None:
            raise complaint(
                ValueError, op, "clip_norm and clip_value do not go together", "choose one of them"
            )
        for name, limit in (("clip_norm", clip_norm), ("clip_value", clip_value)):
            setattr(self, name, None if limit is None else positive(op, name, limit))
        chosen = list(net.params) if only is None else keys(op, only)
        require_keys(op, chosen, net.params)
        if not chosen:
            problem = "the net has no parameters" if only is None else "only names no parameter"
            raise complaint(ValueError, op, problem, "there is nothing to train")
        self.keys = tuple(key for key in net.params if key in chosen)
        allowed = self.checks | {"weight_decay": non_negative}
        self.groups = checked(op, groups, self.keys, allowed)
        self.t = 0
        self._known = frozenset(net.params)
        self._forms = {key: _form_of(net.params[key]) for key in self.keys}
        self._lay_out()

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
            If gradients are missing, unexpected or misshapen, all of which are listed, or not
            finite where they are to be clipped; nothing has changed then.
        TypeError
            If grads is no dict of arrays, or a gradient's dtype is not its parameter's.
        """
        if not isinstance(grads, dict) or not grads.keys() <= self._known:
            raise self._misfit(grads)
        flats, planned = [], True
        for key, (layer, name, order), before in zip(self.keys, self._owners, self._planned):
            w, dw = layer.params[name], grads.get(key)
            if not isinstance(dw, ARRAY) or dw.shape != w.shape or dw.dtype != w.dtype:
                raise self._misfit(grads)
            planned = planned and w is before and w.flags.writeable
            flats.append(dw.ravel(order))
        if not planned:
            self._plan()
        factor = None
        if self.clip_norm is not None:
            factor = factor_for(f"{type(self).__name__}.step", self.keys, flats, self.clip_norm)
        self.t += 1
        for strand in self._strands:
            at = Group(self, strand.exceptions) if strand.exceptions else self
            plain = factor is None and self.clip_value is None and not at.weight_decay
            for piece in strand.pieces:
                dw = piece.gradient(flats)
                if not plain:
                    dw = self._adjusted(at, dw, piece, factor)
                piece.add(self.update(at, dw, piece.scratch, piece.spare, *piece.memory))

    def update(self, at, dw, scratch, spare, *memory):
        """Return the change of w, and write the arrays of ``memory`` for the next step into these.

        Parameters
        ----------
        at : Optimizer or Group
            Where the settings are to be found, ``at.lr`` for one, and ``at.t``.
        dw : ndarray
            Gradient of a piece of the parameters, one after the other: a vector, not to be written.
        scratch, spare : ndarray
            For intermediate results and for the change; their content does not matter.
        *memory : ndarray
            What is remembered of this piece: the arrays that ``memory`` names.

        Returns
        -------
        ndarray
            What is to be added to w: scratch, spare or one of memory.
        """
        raise NotImplementedError(f"{type(self).__name__} must define update")

    def settings(self):
        """Return the settings with which it was made, and the present learning rate, by name."""
        only = list(self.keys) if len(self.keys) < len(self._known) else None
        return {
            "lr": self.lr,
            **{name: getattr(self, name) for name in self.checks},
            "weight_decay": self.weight_decay,
            "clip_norm": self.clip_norm,
            "clip_value": self.clip_value,
            "groups": self.groups,
            "only": only,
        }

    def state_dict(self):
        """Return all that the next step depends on, as a plain dict of copies.

        Returns
        -------
        dict
            ``rule``, ``settings``, ``t``, and ``state`` as in the attribute.
        """
        return {
            "rule": type(self).__name__,
            "settings": self.settings(),
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
        if not is_state(saved):
            raise complaint(
                TypeError,
                op,
                f"saved must be a dict that state_dict returned, not {describe(saved)}",
            )
        lr = non_negative(op, "lr", saved["settings"].get("lr"))
        t = whole(op, "t", saved["t"])
        problems = other_state(self, saved)
        if problems:
            raise complaint(
                ValueError,
                op,
                f"the saved state is another optimizer's: {'; '.join(problems)}",
                "make the optimizer as it was made then; nothing was loaded",
            )
        self.lr, self.t = lr, t
        for key, arrays in self.state.items():
            for name, array in arrays.items():
                array[...] = saved["state"][key][name]

    def __getstate__(self):
        # a copy lays out memory of its own; pieces refer to arrays that it does not share
        kept = self.__dict__.copy()
        del kept["_strands"], kept["_owners"], kept["_planned"]
        return kept

    def __setstate__(self, kept):
        self.__dict__.update(kept)
        state = self.state
        self._lay_out()
        for key, arrays in state.items():
            for name, array in arrays.items():
                self.state[key][name][...] = array

    def __repr__(self):
        usual = Optimizer.__init__.__kwdefaults__ | {"groups": {}}
        if self.decoupled:
            del usual["weight_decay"]  # which it is all about
        words = [
            f"{name}={value!r}"
            for name, value in self.settings().items()
            if name not in usual or value != usual[name]
        ]
        return f"{type(self).__name__}(net, {', '.join(words)})"

    def _lay_out(self):
        """Make the strands, parameters of the same dtype and settings, and their memory: zeros."""
        alike = {}
        for key, (shape, dtype, order) in self._forms.items():
            own = exceptions(self.groups, key)
            kind = dtype, tuple(sorted(own.items()))
            alike.setdefault(kind, {})[key] = shape, order
        self._strands = [
            Strand(forms, dtype, self.memory, dict(own)) for (dtype, own), forms in alike.items()
        ]
        views = {key: strand.views(key) for strand in self._strands for key in strand.forms}
        self.state = {key: views[key] for key in self.keys}
        # where each parameter is found (looked up in net.params, it would take twice as long), and
        # in which order its gradient is to be flattened
        places = {
            f"{path}.{name}" if path else name: (layer, name)
            for path, layer in self.net.leaves()
            for name in layer.params
        }
        self._owners = [(*places[key], self._forms[key][2]) for key in self.keys]
        self._planned = [None] * len(self.keys)  # the arrays of which there are pieces

    def _plan(self):
        """Cut the strands into pieces of the arrays that now are the net's parameters."""
        arrays = {key: self.net.params[key] for key in self.keys}
        for key, w in arrays.items():
            shape, dtype, _ = self._forms[key]
            require_trainable(f"{type(self).__name__}.step", key, w, shape, dtype)
        numbers = {key: number for number, key in enumerate(self.keys)}
        for strand in self._strands:
            strand.cut(arrays, numbers)
        self._planned = list(arrays.values())

    def _adjusted(self, at, dw, piece, factor):
        """Return the gradient of a piece, clipped, with the gradient of the weights' decay."""
        out = piece.gathered
        if factor is not None:
            dw = np.multiply(dw, factor, out=out)
        if self.clip_value is not None:
            dw = np.minimum(dw, self.clip_value, out=out)
            dw = np.maximum(dw, -self.clip_value, out=out)
        if at.weight_decay and self.decoupled:
            piece.scale(1.0 - at.lr * at.weight_decay)
        elif at.weight_decay:
            w = piece.weights()
            w *= at.weight_decay
            dw = np.add(dw, w, out=out)
        return dw

    def _misfit(self, grads):
        op = f"{type(self).__name__}.step"
        return foreign_gradients(op, self.net.params, self.keys, grads)


def _form_of(w):
    """Return the shape, the dtype, and the order of the entries in memory."""
    return w.shape, w.dtype, "F" if w.flags.fnc else "C"
