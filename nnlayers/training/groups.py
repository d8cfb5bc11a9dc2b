"""Settings of an optimizer for some of its parameters."""

from fnmatch import fnmatchcase

from nnlayers.layers.checks import complaint, describe
from nnlayers.training.bounds import non_negative


class Group:
    """The settings of some parameters in one step: the optimizer's own, with exceptions."""

    def __init__(self, optimizer, exceptions):
        self.__dict__.update(exceptions)
        self.optimizer = optimizer
        self.lr = optimizer.lr * exceptions.get("lr_factor", 1.0)

    def __getattr__(self, name):  # what is no exception
        return getattr(self.optimizer, name)


def checked(op, groups, keys, checks):
    """Return the groups with checked settings.

    Parameters
    ----------
    op : str
        The function that the user called.
    groups : dict of str to dict, or None
        For each pattern of keys, such as ``"*.b"``, the settings of the parameters that match it.
    keys : iterable of str
        The parameters to be trained.
    checks : dict of str to callable
        What each setting that may differ must be.
    """
    if groups is None:
        return {}
    if not isinstance(groups, dict) or not all(
        isinstance(pattern, str) and isinstance(own, dict) for pattern, own in groups.items()
    ):
        raise complaint(
            TypeError,
            op,
            f"groups must be a dict of dicts, not {describe(groups)}",
            'such as {"*.b": {"weight_decay": 0.0}}',
        )
    checks = {"lr_factor": non_negative} | checks
    result = {}
    for pattern, own in groups.items():
        unknown = [str(name) for name in own if name not in checks]
        if unknown:
            raise complaint(
                ValueError,
                op,
                f"the group {pattern!r} has the unknown setting {', '.join(unknown)}",
                f"there are {', '.join(checks)}; lr_factor multiplies the optimizer's lr",
            )
        if not any(fnmatchcase(key, pattern) for key in keys):
            raise complaint(
                ValueError,
                op,
                f"the group {pattern!r} matches no trained parameter",
                f"there are {', '.join(keys)}",
            )
        result[pattern] = {
            name: checks[name](f"{op} group {pattern!r}", name, value)
            for name, value in own.items()
        }
    return result


def exceptions(groups, key):
    """Return the settings of one parameter: of all patterns that match, the last where they differ.

    Examples
    --------
    >>> groups = {"0.*": {"lr_factor": 0.1}, "*.b": {"weight_decay": 0.0, "lr_factor": 2.0}}
    >>> exceptions(groups, "0.w"), exceptions(groups, "0.b"), exceptions(groups, "2.w")
    ({'lr_factor': 0.1}, {'lr_factor': 2.0, 'weight_decay': 0.0}, {})
    """
    found = {}
    for pattern, own in groups.items():
        if fnmatchcase(key, pattern):
            found |= own
    return found
