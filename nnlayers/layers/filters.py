"""What the convolutions share: checks of a bank of filters, and the objects that hold one."""

import numpy as np

from nnlayers.layers.checks import complaint, floats, positive_int
from nnlayers.layers.geometry import has_axes, one_int, two_ints
from nnlayers.layers.initializers import initial
from nnlayers.layers.layer import PairLayer

LEAST = {"stride": 1, "pad": 0, "dilation": 1, "output_pad": 0, "groups": 1, "workers": 1}


def check_filters(op, x, w, b, groups, axes="H, W", kernel="KH, KW", transposed=False):
    """Raise unless x (N, C, axes), w and b (F,) fit together.

    w is (F, C / groups, kernel), or (C, F / groups, kernel) for a transposed convolution.
    """
    arrays = {"w": w} | ({} if b is None else {"b": b})
    has_axes(op, f"N, C, {axes}", x, **arrays)
    check_bank(op, w, b, groups, kernel, transposed, x=x)
    C, takes = x.shape[1], len(w) if transposed else w.shape[1] * groups
    if C % groups:
        problem = f"{groups} groups do not divide {C} channels"
        raise complaint(ValueError, op, problem, x=x, **arrays)
    if takes != C:
        fix = f"w must be ({C}, F / groups, {kernel})"
        if not transposed:
            fix = f"w must be (F, {C // groups}, {kernel})"
        if x.shape[-1] == takes:
            fix = "np.moveaxis(x, -1, 1) would fit, if the channels are last"
        elif groups == 1 and (w.shape[1] if transposed else len(w)) == C:
            fix = "w.swapaxes(0, 1) would fit"
        each = f", {w.shape[1]} in each of {groups} groups" if groups > 1 and not transposed else ""
        problem = f"x has {C} channels but w takes {takes}{each}"
        raise complaint(ValueError, op, problem, fix, x=x, **arrays)


def check_bank(op, w, b, groups, kernel, transposed, **others):
    """Raise unless w and b (F,) are the filters of so many groups."""
    arrays = others | {"w": w} | ({} if b is None else {"b": b})
    first, second = ("C", "F") if transposed else ("F", "C")
    if w.ndim != kernel.count(",") + 3 or w.size == 0:
        problem = f"w must be ({first}, {second} / groups, {kernel}) and not empty"
        raise complaint(ValueError, op, problem, **arrays)
    if len(w) % one_int(op, "groups", groups, 1):
        problem = (
            f"{groups} groups do not divide {len(w)} {'channels' if transposed else 'filters'}"
        )
        raise complaint(ValueError, op, problem, **arrays)
    F = w.shape[1] * groups if transposed else len(w)
    if b is not None and b.shape != (F,):
        problem = f"w has {F} filters but b has shape {b.shape}"
        raise complaint(ValueError, op, problem, f"b must be ({F},)", **arrays)


class FilterLayer(PairLayer):
    """A layer with filters w and perhaps a bias b; the settings are those of its pair.

    A subclass says its ``kernel`` axes, and whether it is ``transposed``: w is then
    (C, F / groups, kernel) instead of (F, C / groups, kernel).
    """

    kernel = "KH, KW"
    transposed = False

    def draw(self, sizes, weights, **settings):
        """Take settings, filters from the initializer and zeros as bias; return self.

        ``sizes`` are channels in, channels out and size of the kernel; ``weights`` are bias, init,
        rng and dtype, as the constructors of the layers take them.
        """
        (C, F, size), (bias, init, rng, dtype) = sizes, weights
        op = type(self).__name__
        self.check_settings(op, **settings)
        positive_int(op, in_channels=C, out_channels=F)
        groups = settings["groups"]
        for name, channels in (("in_channels", C), ("out_channels", F)):
            if channels % groups:
                raise complaint(ValueError, op, f"{groups} groups do not divide {name}={channels}")
        taps = (
            two_ints(op, "size", size, 1) if "," in self.kernel else (one_int(op, "size", size, 1),)
        )
        # fan_in is C / groups · taps, the number of terms of one output, in both layouts
        w = initial(op, init, (F, C // groups, *taps), rng, dtype)
        if self.transposed:
            grouped = w.reshape(groups, F // groups, C // groups, *taps)
            w = grouped.swapaxes(1, 2).reshape(C, F // groups, *taps)
        return self.hold({"w": w} | ({"b": np.zeros(F, dtype)} if bias else {}), **settings)

    def take(self, w, b, **settings):
        """Take settings and copies of the arrays; return self."""
        op = f"{type(self).__name__}.of"
        self.check_settings(op, **settings)
        w, b = floats(op, ("b",), w=w, b=b)
        check_bank(op, w, b, settings["groups"], self.kernel, self.transposed)
        return self.hold({"w": w.copy()} | ({} if b is None else {"b": b.copy()}), **settings)

    def check_settings(self, op, **settings):
        """Raise unless every setting is in range: now, not at the first forward."""
        for name, value in settings.items():
            single = name in ("groups", "workers") or "," not in self.kernel
            (one_int if single else two_ints)(op, name, value, LEAST[name])

    def sizes(self):
        """Return the arguments of the constructor that its arrays tell, and those by keyword."""
        first, second, *taps = self.params["w"].shape
        second *= self.settings["groups"]
        channels = (first, second) if self.transposed else (second, first)
        return (*channels, taps[0] if len(set(taps)) == 1 else tuple(taps)), {}

    def __repr__(self):
        defaults = type(self).__init__.__kwdefaults__
        changed = {k: v for k, v in self.settings.items() if defaults.get(k, v) != v}
        positions, words = self.sizes()
        return self.form(
            *positions, **words, **changed, **({} if "b" in self.params else {"bias": False})
        )
