"""Where a loss that is NaN or infinite comes from."""

import copy

import numpy as np


def origin(net, x, y, rng, penalty):
    """Say in words what comes first, in a training step, that is not finite.

    A copy of the net runs once more, with a copy of the generator, each of its layers watched.
    """
    if not _finite(x):
        return "the batch x itself is not finite: clean the data"
    probe, found = copy.deepcopy(net), []
    for place, layer in probe.leaves():
        layer.forward = _watched(layer.forward, place, found)
    targets = () if y is None else (y,)
    probe.forward(x, *targets, train=True, rng=copy.deepcopy(rng))
    if not found:
        return f"the penalty {penalty!r} is not finite" if penalty else "no layer shows why"
    place, layer = next(pair for pair in net.leaves() if pair[0] == found[0])
    text = f"the first layer whose output is not finite is {place}: {layer!r}"
    bad = [name for name, w in layer.params.items() if not _finite(w)]
    return text + (f", whose {' and '.join(bad)} was not finite before" if bad else "")


def _watched(forward, place, found):
    """Return a forward that notes its place if its out is not finite."""

    def watched(*args, **kwargs):
        out, cache = forward(*args, **kwargs)
        if not _finite(out):
            found.append(place)
        return out, cache

    return watched


def _finite(out):
    outs = out if isinstance(out, tuple) else (out,)
    return all(bool(np.isfinite(each).all()) for each in outs)
