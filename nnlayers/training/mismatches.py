"""Errors of gradients, parameters and saved states that are not those of an optimizer's net."""

from nnlayers.layers.checks import ARRAY, complaint
from nnlayers.training.checkpoints import differences


def foreign_gradients(op, params, keys, grads):
    """Return the error of gradients that are not those of the trained parameters."""
    if not isinstance(grads, dict):
        return complaint(
            TypeError,
            op,
            f"grads must be a dict with the keys of net.params, not {type(grads).__name__}",
            "net.loss(x, y) and net.gradients(dout, cache) return one",
        )
    missing = [key for key in keys if key not in grads]
    unexpected = [str(key) for key in grads if key not in params]
    given = {key: grads[key] for key in keys if key in grads}
    misshapen = [
        f"{key} is {params[key].shape} but its gradient {dw.shape}"
        for key, dw in given.items()
        if isinstance(dw, ARRAY) and dw.shape != params[key].shape
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
    strange = [
        f"the gradient of {key} is no array but {type(dw).__name__}"
        for key, dw in given.items()
        if not isinstance(dw, ARRAY)
    ]
    wrong = [
        f"{key} is {params[key].dtype} but its gradient {dw.dtype}"
        for key, dw in given.items()
        if isinstance(dw, ARRAY) and dw.dtype != params[key].dtype
    ]
    fix = "a gradient has its parameter's dtype: astype helps"
    if strange:
        fix = "of a Variable, variable.grad.data is one"
    return complaint(TypeError, op, "; ".join(strange + wrong), fix)


def require_trainable(op, key, w, shape, dtype):
    """Raise unless a parameter can be written and is still of that shape and dtype."""
    if not w.flags.writeable:
        raise complaint(ValueError, op, f"{key} is read-only", "assign a copy in its layer", w=w)
    if w.shape != shape or w.dtype != dtype:
        raise complaint(
            ValueError,
            op,
            f"{key} is {w.dtype} {w.shape}, but was {dtype} {shape} when the optimizer was made",
            "make a new optimizer",
        )


def is_state(saved):
    """Return whether this has the form of what an optimizer's ``state_dict`` returns."""
    return (
        isinstance(saved, dict)
        and saved.keys() >= {"rule", "settings", "t", "state"}
        and isinstance(saved["settings"], dict)
        and isinstance(saved["state"], dict)
        and all(isinstance(memory, dict) for memory in saved["state"].values())
    )


def other_state(optimizer, saved):
    """Return in words how a saved state differs from one that this optimizer could take."""
    if saved["rule"] != type(optimizer).__name__:
        return [f"it is of {saved['rule']}, not of {type(optimizer).__name__}"]
    mine = optimizer.settings()
    problems = [
        f"{name} was {saved['settings'].get(name)!r} but is {value!r}"
        for name, value in mine.items()
        if name != "lr" and saved["settings"].get(name) != value
    ]
    arrays, theirs = (
        {f"{key}/{name}": a for key, memory in state.items() for name, a in memory.items()}
        for state in (optimizer.state, saved["state"])
    )
    return problems + differences(arrays, theirs)
