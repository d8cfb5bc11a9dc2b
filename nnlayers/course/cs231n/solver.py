"""The solver of cs231n's ``solver.py``: it trains a model by an update rule of ``optim.py``."""

import os
import pickle

import numpy as np

from nnlayers.course.cs231n import optim
from nnlayers.course.translation import check_keywords, source
from nnlayers.layers.checks import complaint, describe
from nnlayers.training.bounds import non_negative

__all__ = ["Solver"]

_KNOWN = (
    "update_rule",
    "optim_config",
    "lr_decay",
    "batch_size",
    "num_epochs",
    "num_train_samples",
    "num_val_samples",
    "checkpoint_name",
    "print_every",
    "verbose",
    "rng",
)
_HINTS = (
    (
        ("loss_func", "optimizer", "train_dataloader", "val_dataloader", "is_regression"),
        "nnlayers.course.i2dl.Solver takes them; here the model has its loss, and data is a dict",
    ),
    (("learning_rate", "momentum"), 'it belongs into optim_config={"learning_rate": ...}'),
)


def check_model(op, model, calls):
    """Raise unless the model has a dict of parameters and a loss, which is called as said."""
    if not isinstance(getattr(model, "params", None), dict) or not callable(
        getattr(model, "loss", None)
    ):
        problem = f"model must have a dict params and {calls}, not {describe(model)}"
        fix = "nnlayers.course.i2dl.Solver trains nets that have forward and backward"
        raise complaint(TypeError, op, problem, fix)


class Solver:
    """Train a model on a dict of arrays, and keep the parameters of the best validation accuracy.

    Parameters
    ----------
    model : object
        With a dict ``params`` and ``loss(X, y)``, which returns the loss and a dict of gradients,
        and scores when it is called without y.
    data : dict
        ``X_train, y_train, X_val, y_val``.
    update_rule : {"sgd", "sgd_momentum", "rmsprop", "adam"}
        Name of a rule of ``optim.py``.
    optim_config : dict
        The rule's settings, such as ``learning_rate``.
    lr_decay : float
        Factor on the learning rate after each epoch.
    batch_size, num_epochs : int
        Batches are drawn with replacement; an epoch has N // batch_size of them.
    num_train_samples, num_val_samples : int or None
        How many examples are drawn for each accuracy; None takes all.
    checkpoint_name : str, optional
        The state is pickled to ``<name>_epoch_<n>.pkl`` whenever accuracies are computed.
    print_every : int
        Number of steps between printed losses.
    verbose : bool
        Whether anything is printed.
    rng : int or generator, optional
        What batches are drawn from: by default NumPy's global generator, as in the course.

    Attributes
    ----------
    loss_history, train_acc_history, val_acc_history : list of float
        The loss of each step; accuracies after the first and the last step and each epoch.
    best_val_acc : float
        The best validation accuracy.
    best_params : dict
        Copies of the parameters that had it; :meth:`train` gives them to the model at its end,
        and with them the running statistics that batch norm had then.

    Raises
    ------
    TypeError, ValueError
        If the model has no params or loss, data lacks an array, the rule is none of the four, or a
        setting is unknown or out of range: before anything is trained.
    """

    def __init__(
        self,
        model,
        data,
        update_rule="sgd",
        optim_config=None,
        lr_decay=1.0,
        batch_size=100,
        num_epochs=10,
        num_train_samples=1000,
        num_val_samples=None,
        checkpoint_name=None,
        print_every=10,
        verbose=True,
        rng=None,
        **unknown,
    ):
        check_keywords("Solver", unknown, _KNOWN, _HINTS)
        check_model("Solver", model, "scores = loss(X) and loss, grads = loss(X, y)")
        self.model, self.num_train_samples, self.num_val_samples = (
            model,
            num_train_samples,
            num_val_samples,
        )
        self._take(data)
        self._settle(update_rule, optim_config, lr_decay, batch_size, num_epochs, rng)
        self.checkpoint_name, self.print_every, self.verbose = checkpoint_name, print_every, verbose
        self._reset()

    def _take(self, data):
        names = ("X_train", "y_train", "X_val", "y_val")
        if not isinstance(data, dict):
            problem = f"data must be a dict with {', '.join(names)}, not {describe(data)}"
            fix = "nnlayers.course.i2dl.Solver takes loaders"
            raise complaint(TypeError, "Solver", problem, fix)
        missing = [name for name in names if name not in data]
        if missing:
            problem = f"data lacks {', '.join(missing)}"
            raise complaint(ValueError, "Solver", problem, f"it has {', '.join(map(str, data))}")
        self.X_train, self.y_train, self.X_val, self.y_val = (np.asarray(data[n]) for n in names)
        for X, y, part in (
            (self.X_train, self.y_train, "train"),
            (self.X_val, self.y_val, "val"),
        ):
            if not (X.shape and y.shape and len(X) == len(y) > 0):
                problem = f"X_{part} and y_{part} must be as many, and at least one"
                raise complaint(ValueError, "Solver", problem, X=X, y=y)

    def _settle(self, update_rule, optim_config, lr_decay, batch_size, num_epochs, rng):
        op = type(self).__name__
        if update_rule not in optim.__all__:
            problem = f"update_rule must be one of {', '.join(optim.__all__)}, not {update_rule!r}"
            raise complaint(ValueError, op, problem)
        for name, value, least in (("batch_size", batch_size, 1), ("num_epochs", num_epochs, 0)):
            if not isinstance(value, int | np.integer) or value < least:
                problem = f"{name} must be an integer of at least {least}, not {value!r}"
                raise complaint(ValueError, op, problem)
        self._draws = source(rng, op)
        self.update_rule = getattr(optim, update_rule)
        self.optim_config = {} if optim_config is None else optim_config
        # the rule says now, rather than in the middle of an evening, which keys it does not know
        self.update_rule(np.zeros(1), np.zeros(1), {**self.optim_config})
        self.lr_decay = non_negative(op, "lr_decay", lr_decay)
        self.batch_size, self.num_epochs = int(batch_size), int(num_epochs)

    def _reset(self):
        """Forget all steps, but not what the model has learnt."""
        self.epoch, self.best_val_acc, self.best_params = 0, 0, {}
        self._best_statistics = []
        self.loss_history, self.train_acc_history, self.val_acc_history = [], [], []
        self.optim_configs = {name: {**self.optim_config} for name in self.model.params}

    def _step(self):
        """Make one step on a batch."""
        batch = self._draws.choice(len(self.X_train), self.batch_size)
        self._descend(*self.model.loss(self.X_train[batch], self.y_train[batch]))

    def _descend(self, loss, grads):
        """Note the loss and change all parameters along their gradients."""
        missing = [name for name in self.model.params if name not in grads]
        if missing:
            problem = f"the model's loss returned no gradient of {', '.join(missing)}"
            fix = f"it returned those of {', '.join(grads)}"
            raise complaint(ValueError, type(self).__name__, problem, fix)
        self.loss_history.append(float(loss))
        for name, w in self.model.params.items():
            config = self.optim_configs[name]
            self.model.params[name], self.optim_configs[name] = self.update_rule(
                w, grads[name], config
            )

    def check_accuracy(self, X, y, num_samples=None, batch_size=100):
        """Return the fraction of examples whose highest score is that of their label.

        Parameters
        ----------
        X : ndarray, shape (N, d1, ..., dk)
            Examples.
        y : ndarray of int, shape (N,)
            Labels.
        num_samples : int, optional
            If there are more examples, so many of them are drawn, with replacement.
        batch_size : int
            How many examples the model gets at a time.

        Returns
        -------
        float
            From 0 to 1.
        """
        if num_samples is not None and len(X) > num_samples:
            drawn = self._draws.choice(len(X), num_samples)
            X, y = X[drawn], y[drawn]
        parts = [X[i : i + batch_size] for i in range(0, len(X), batch_size)]
        labels = np.concatenate([np.argmax(self.model.loss(part), axis=1) for part in parts])
        return float(np.mean(labels == y))

    def train(self):
        """Train for all epochs; the model has the parameters of the best accuracy then, if any."""
        epoch_length = max(self._examples() // self.batch_size, 1)
        steps = self.num_epochs * epoch_length
        for t in range(steps):
            self._step()
            if self.verbose and t % self.print_every == 0:
                print(f"(Iteration {t + 1} / {steps}) loss: {self.loss_history[-1]:f}")
            epoch_end = (t + 1) % epoch_length == 0
            if epoch_end:
                self._end_epoch()
            if epoch_end or t == 0:  # the last step ends an epoch
                self._examine()
        if self.best_params:
            self.model.params = self.best_params
            for bn_param, statistics in zip(self._bn_params(), self._best_statistics):
                bn_param.update(statistics)

    def _examples(self):
        """Return of how many examples an epoch is made."""
        return len(self.X_train)

    def _end_epoch(self):
        self.epoch += 1
        for config in self.optim_configs.values():
            config["learning_rate"] *= self.lr_decay

    def _examine(self):
        """Note accuracies, and keep the parameters if there were none as good."""
        train_acc = self.check_accuracy(
            self.X_train, self.y_train, num_samples=self.num_train_samples
        )
        val_acc = self.check_accuracy(self.X_val, self.y_val, num_samples=self.num_val_samples)
        self.train_acc_history.append(train_acc)
        self.val_acc_history.append(val_acc)
        self._save_checkpoint()
        if self.verbose:
            print(
                f"(Epoch {self.epoch} / {self.num_epochs}) "
                f"train acc: {train_acc:f}; val_acc: {val_acc:f}"
            )
        if val_acc > self.best_val_acc or not self.best_params:
            self.best_val_acc = val_acc
            self.best_params = {name: w.copy() for name, w in self.model.params.items()}
            self._best_statistics = [
                {key: value for key, value in bn_param.items() if key.startswith("running_")}
                for bn_param in self._bn_params()
            ]

    def _bn_params(self):
        return getattr(self.model, "bn_params", [])

    def _save_checkpoint(self):
        """Pickle the model and the histories, if a name was given."""
        if self.checkpoint_name is None:
            return
        kept = ("model", "lr_decay", "optim_config", "batch_size", "num_train_samples",
                "num_val_samples", "epoch", "loss_history", "train_acc_history",
                "val_acc_history")  # fmt: skip
        checkpoint = {name: getattr(self, name) for name in kept}
        checkpoint["update_rule"] = self.update_rule.__name__
        filename = f"{os.fspath(self.checkpoint_name)}_epoch_{self.epoch}.pkl"
        if self.verbose:
            print(f'Saving checkpoint to "{filename}"')
        with open(filename, "wb") as f:
            pickle.dump(checkpoint, f)
