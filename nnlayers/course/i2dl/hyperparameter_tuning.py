"""Grid search and random search of I2DL's ``hyperparameter_tuning.py``."""

import inspect
import itertools
import math

from nnlayers.course.i2dl.conventions import SOLVER_KEYWORDS, better, python_source
from nnlayers.course.i2dl.networks.classification_net import ClassificationNet
from nnlayers.course.i2dl.networks.layer import Relu, Sigmoid
from nnlayers.course.i2dl.solver import Solver
from nnlayers.layers.checks import complaint, describe, positive_int

__all__ = [
    "ALLOWED_RANDOM_SEARCH_PARAMS",
    "findBestConfig",
    "grid_search",
    "random_search",
    "random_search_spaces_to_config",
]

ALLOWED_RANDOM_SEARCH_PARAMS = ["log", "int", "float", "item"]


def grid_search(
    train_loader,
    val_loader,
    grid_search_spaces=None,
    model_class=ClassificationNet,
    epochs=20,
    patience=5,
):
    """Train a model for each combination of values, and return the best one.

    Parameters
    ----------
    train_loader, val_loader : DataLoader
        Batches for training and for validation.
    grid_search_spaces : dict of str to list, optional
        The values of each keyword of the model or the solver; by default
        ``{"learning_rate": [0.0001, 0.001, 0.01, 0.1], "reg": [1e-4, 1e-5, 1e-6]}``.
    model_class : type
        Class of the models.
    epochs, patience : int
        See :meth:`Solver.train`.

    Returns
    -------
    best_model : object
        The model with the smallest validation loss, with its best parameters.
    best_config : dict
        Its keywords.
    results : list of (dict, dict)
        The keywords of each model, and ``val_loss`` and ``train_loss`` of its best epoch.

    Raises
    ------
    ValueError, TypeError
        If a keyword is neither the model's nor the solver's, or has no values.
    """
    if grid_search_spaces is None:
        grid_search_spaces = {
            "learning_rate": [0.0001, 0.001, 0.01, 0.1],
            "reg": [1e-4, 1e-5, 1e-6],
        }
    for name, values in grid_search_spaces.items():
        if not isinstance(values, list | tuple) or not values:
            problem = f"{name} must have a list of values, not {describe(values)}"
            raise complaint(ValueError, "grid_search", problem)
        mode = values[-1]
        if isinstance(mode, str) and mode in ALLOWED_RANDOM_SEARCH_PARAMS:
            problem = f"{name} has a range and a mode, {describe(values)}"
            fix = "grid_search takes lists of values, random_search takes ranges"
            raise complaint(ValueError, "grid_search", problem, fix)
    configs = [
        dict(zip(grid_search_spaces, values))
        for values in itertools.product(*grid_search_spaces.values())
    ]
    return findBestConfig(train_loader, val_loader, configs, epochs, patience, model_class)


def random_search(
    train_loader,
    val_loader,
    random_search_spaces=None,
    model_class=ClassificationNet,
    num_search=20,
    epochs=20,
    patience=5,
    *,
    rng=None,
):
    """Train models with values that are drawn at random, and return the best one.

    Parameters
    ----------
    train_loader, val_loader : DataLoader
        Batches for training and for validation.
    random_search_spaces : dict of str to (list, str), optional
        For each keyword of the model or the solver what it is drawn from: see
        :func:`random_search_spaces_to_config`.  By default learning_rate, hidden_size and
        activation.
    model_class : type
        Class of the models.
    num_search : int
        Number of models.
    epochs, patience : int
        See :meth:`Solver.train`.
    rng : int or random.Random, optional
        What is drawn from: by default Python's global generator, as in the course.

    Returns
    -------
    best_model, best_config, results
        As from :func:`grid_search`.

    Raises
    ------
    ValueError, TypeError
        If a keyword is neither the model's nor the solver's, or its range or mode is wrong.
    """
    positive_int("random_search", num_search=num_search)
    if random_search_spaces is None:
        random_search_spaces = {
            "learning_rate": ([0.0001, 0.1], "log"),
            "hidden_size": ([100, 400], "int"),
            "activation": ([Sigmoid(), Relu()], "item"),
        }
    draws = python_source(rng, "random_search")
    configs = [_drawn("random_search", random_search_spaces, draws) for _ in range(num_search)]
    return findBestConfig(train_loader, val_loader, configs, epochs, patience, model_class)


def findBestConfig(train_loader, val_loader, configs, EPOCHS, PATIENCE, model_class):
    """Train a model for each configuration, and return the best one.

    Parameters
    ----------
    train_loader, val_loader : DataLoader
        Batches for training and for validation.
    configs : list of dict
        Keywords of the model and the solver.
    EPOCHS, PATIENCE : int
        See :meth:`Solver.train`.
    model_class : type
        Class of the models.

    Returns
    -------
    best_model, best_config, results
        As from :func:`grid_search`.

    Raises
    ------
    TypeError, ValueError
        If there is no configuration, or a keyword is neither the model's nor the solver's: before
        anything is trained.
    """
    if not configs:
        raise complaint(ValueError, "findBestConfig", "there is no configuration to try")
    shares = [_shares(config, model_class) for config in configs]
    best = None
    results = []
    for i, (config, (of_model, of_solver)) in enumerate(zip(configs, shares), start=1):
        print(f"\nEvaluating Config #{i} [of {len(configs)}]:\n", config)
        model = model_class(**of_model)
        solver = Solver(model, train_loader, val_loader, **of_solver)
        solver.train(epochs=EPOCHS, patience=PATIENCE)
        results.append(solver.best_model_stats)
        val_loss = solver.best_model_stats["val_loss"]
        if best is None or better(val_loss, best[0]):
            best = val_loss, model, config
    print(f"\nSearch done. Best Val Loss = {best[0]}")
    print("Best Config:", best[2])
    return best[1], best[2], list(zip(configs, results))


def random_search_spaces_to_config(random_search_spaces, *, rng=None):
    """Draw a value for each keyword.

    Parameters
    ----------
    random_search_spaces : dict of str to (list, str)
        What to draw from, and how: ``([low, high], "log")`` uniformly in the logarithm,
        ``([low, high], "float")`` uniformly, ``([low, high], "int")`` an integer, both ends
        included, ``([a, b, ...], "item")`` one of these.
    rng : int or random.Random, optional
        What is drawn from: by default Python's global generator, as in the course.

    Returns
    -------
    dict
        A value for each keyword.

    Raises
    ------
    ValueError
        If a space has another form or mode, or a range for "log" is not positive.

    Examples
    --------
    >>> spaces = {"hidden_size": ([8, 8], "int"), "reg": ([0.5], "item")}
    >>> random_search_spaces_to_config(spaces)
    {'hidden_size': 8, 'reg': 0.5}
    """
    op = "random_search_spaces_to_config"
    return _drawn(op, random_search_spaces, python_source(rng, op))


def _drawn(op, spaces, draws):
    return {name: _one_drawn(op, name, space, draws) for name, space in spaces.items()}


def _one_drawn(op, name, space, draws):
    """Draw a value of one keyword."""
    if not (isinstance(space, tuple | list) and len(space) == 2 and isinstance(space[0], list)):
        problem = f"the space of {name} must be a list and a mode, not {describe(space)}"
        raise complaint(ValueError, op, problem, 'such as ([0.0001, 0.1], "log")')
    values, mode = space
    if mode not in ALLOWED_RANDOM_SEARCH_PARAMS:
        words = ", ".join(ALLOWED_RANDOM_SEARCH_PARAMS)
        raise complaint(ValueError, op, f"the mode of {name} must be one of {words}, not {mode!r}")
    if not values:
        raise complaint(ValueError, op, f"the list of {name} is empty")
    low, high = values[0], values[-1]
    if mode == "item":
        return draws.choice(values)
    if mode == "int":
        low, high = min(low, high), max(low, high)
        return draws.randint(low, high)
    if mode == "float":
        return draws.uniform(low, high)
    if low <= 0 or high <= 0:
        problem = f"the range of {name} must be positive for log, not {values}"
        raise complaint(ValueError, op, problem)
    return 10 ** draws.uniform(math.log10(low), math.log10(high))


def _shares(config, model_class):
    """Return the keywords of the model, and those of the solver."""
    accepted = inspect.signature(model_class).parameters
    named = [name for name, p in accepted.items() if p.kind is not p.VAR_KEYWORD]
    # a class of the caller's own may do with other keywords what it likes
    others = len(named) < len(accepted) and model_class.__init__ is not ClassificationNet.__init__
    unknown = [n for n in config if not (others or n in named or n in SOLVER_KEYWORDS)]
    if unknown:
        words = f"keyword{'s' * (len(unknown) > 1)} {', '.join(unknown)}"
        problem = f"neither {model_class.__name__} nor Solver knows the {words}"
        fix = f"there are {', '.join([*named, *SOLVER_KEYWORDS])}"
        raise complaint(TypeError, "findBestConfig", problem, fix)
    of_model = {n: v for n, v in config.items() if others or n in named}
    return of_model, {n: v for n, v in config.items() if n in SOLVER_KEYWORDS}
