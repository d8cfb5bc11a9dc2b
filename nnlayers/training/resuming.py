"""What a solver writes to a file, and how another one goes on from it bit for bit."""

import os

import numpy as np

from nnlayers.layers.checks import complaint
from nnlayers.training.checkpoints import arrays_of, put, read, require_fit, write


def store(op, path, solver):
    """Write everything that the next step of a solver depends on."""
    optimizer = solver.optimizer.state_dict()
    arrays = arrays_of(solver.net)
    for key, memory in optimizer.pop("state").items():
        arrays |= {f"optimizer/{key}/{name}": array for name, array in memory.items()}
    for kind, copies in (("best", solver._best), ("last", solver._last)):
        arrays |= {f"{kind}/{name}": array for name, array in (copies or {}).items()}
    arrays |= {f"history/{name}": np.array(values) for name, values in solver.history.items()}
    if solver._order is not None:
        arrays["order"] = solver._order
    average = solver.average
    if average is not None:
        arrays |= {f"average/{name}": array for name, array in arrays_of(average.net).items()}
    position = {
        "averaged": average and average.t,
        "epoch": solver.epoch,
        "step": solver.step,
        "done": solver._done,
        "best_epoch": solver.best_epoch,
        "random": solver.rng.bit_generator.state,
    }
    meta = {"settings": _settings(solver), "optimizer": optimizer, "position": position}
    write(op, path, arrays, {"kind": "solver"} | meta)


def restore(op, path, solver):
    """Put a solver where the one was that wrote the file; change nothing if it does not fit."""
    arrays, meta = read(op, path)
    if meta["kind"] != "solver":
        raise complaint(
            ValueError,
            op,
            f"{os.fspath(path)!r} holds a net alone, not its training",
            "load(path, net) reads it",
        )
    require_fit(op, path, solver.net, arrays)
    problems = [
        f"{name} was {meta['settings'].get(name)!r} but is {value!r}"
        for name, value in _settings(solver).items()
        if meta["settings"].get(name) != value
    ]
    if problems:
        raise complaint(
            ValueError,
            op,
            f"{os.fspath(path)!r} is of another training: {'; '.join(problems)}",
            "make the solver as it was made then; nothing was loaded",
        )
    memory = {}
    for name, array in _part(arrays, "optimizer").items():
        key, _, kind = name.rpartition("/")
        memory.setdefault(key, {})[kind] = array
    solver.optimizer.load_state_dict(meta["optimizer"] | {"state": memory})
    put(solver.net, arrays)
    position = meta["position"]
    if solver.average is not None:
        put(solver.average.net, _part(arrays, "average"))
        solver.average.t = position["averaged"]
    solver.rng.bit_generator.state = position["random"]
    solver.epoch, solver.step = position["epoch"], position["step"]
    solver.best_epoch, solver._done = position["best_epoch"], position["done"]
    solver._order, solver._shuffled = arrays.get("order"), None
    solver._best, solver._last = _part(arrays, "best") or None, _part(arrays, "last") or None
    solver.history = {name: a.tolist() for name, a in _part(arrays, "history").items()}


def _settings(solver):
    """Return what must be the same for the rest of the training to be the same."""
    validation = solver.validation
    return {
        "examples": len(solver.x),
        "validation examples": None if validation is None else len(validation[0]),
        "batch_size": solver.batch_size,
        "lr_decay": solver.lr_decay,
        "schedule": None if solver.schedule is None else repr(solver.schedule),
        "micro_batch": solver.micro_batch,
        "average": solver.average and solver.average.decay,
        "penalty": repr(solver.penalty),
        "train_samples": solver.train_samples,
        "generator": type(solver.rng.bit_generator).__name__,
    }


def _part(arrays, prefix):
    """Return the arrays whose names begin with the prefix, without it."""
    return {
        name.removeprefix(f"{prefix}/"): array
        for name, array in arrays.items()
        if name.startswith(f"{prefix}/")
    }
