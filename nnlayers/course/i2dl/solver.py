"""The solver of I2DL's ``solver.py``; that of exercise 4 is in ``full_batch_solver``."""

import numpy as np

from nnlayers.course.i2dl.conventions import (
    SOLVER_KEYWORDS,
    batch_arrays,
    better,
    check_model,
    labels_and_predictions,
    made,
    no_batches,
    refuse_unknown,
)
from nnlayers.course.i2dl.networks.classification_net import KEYWORDS as NET_KEYWORDS
from nnlayers.course.i2dl.networks.loss import CrossEntropyFromLogits
from nnlayers.course.i2dl.networks.optimizer import Adam
from nnlayers.layers.checks import complaint, describe, positive_int
from nnlayers.training.bounds import non_negative, whole

__all__ = ["Solver"]


class Solver:
    """Train a model on the batches of a loader, and keep the parameters of the best epoch.

    The first epoch only measures: nothing is learnt in it, as in the course, so that the histories
    begin with the loss before training.  Losses contain the penalties of ``model.reg``.

    With a dict of arrays in place of the loaders it is the solver of exercise 4:
    ``Solver(model, data, loss_func, learning_rate, is_regression=True, verbose=True,
    print_every=100)`` with ``X_train, y_train, X_val, y_val``.  That one trains the weights ``W``
    of a :class:`Classifier` on all examples at once, one step an epoch; ``is_regression`` makes no
    difference.

    Parameters
    ----------
    model : Network
        Net with dicts ``params`` and ``grads``, forward and backward.
    train_dataloader, val_dataloader : DataLoader
        Their batches have ``image`` and ``label``, or ``features`` and ``target``.
    loss_func : object or class
        Loss.
    learning_rate : float
        Step.
    optimizer : class
        Such as :class:`SGD` or :class:`Adam`.
    verbose : bool
        Whether anything is printed.
    print_every : int
        Number of epochs between printed losses.
    lr_decay : float
        Factor on the learning rate after each epoch.
    optim_config : dict, optional
        Further settings of the optimizer.
    **config
        Keywords of :class:`ClassificationNet` make no difference, so that one configuration may
        serve both; any other is an error.

    Attributes
    ----------
    train_loss_history, val_loss_history : list of float
        Mean loss of each epoch.
    train_batch_loss, val_batch_loss : list of float
        Loss of each batch.
    best_model_stats : dict
        ``val_loss`` and ``train_loss`` of the best epoch.
    best_params : dict
        Copies of the parameters that it had; :meth:`train` gives them to the model at its end.
    current_patience : int
        Number of epochs since.

    Raises
    ------
    TypeError, ValueError
        If an argument is missing, unknown, of another kind or out of range: before anything is
        trained.
    """

    def __new__(cls, model=None, train_dataloader=None, *args, data=None, **settings):
        """Return a solver of the kind that the data ask for."""
        if cls is Solver and isinstance(train_dataloader if data is None else data, dict):
            from nnlayers.course.i2dl.full_batch_solver import FullBatchSolver as cls
        return object.__new__(cls)

    def __init__(
        self,
        model,
        train_dataloader,
        val_dataloader,
        loss_func=CrossEntropyFromLogits,
        learning_rate=1e-3,
        optimizer=Adam,
        verbose=True,
        print_every=1,
        lr_decay=1.0,
        *,
        optim_config=None,
        **config,
    ):
        op = "Solver"
        refuse_unknown(op, config, SOLVER_KEYWORDS, NET_KEYWORDS)
        check_model(model)
        for name, loader in (("train", train_dataloader), ("val", val_dataloader)):
            if not (hasattr(loader, "__iter__") and hasattr(loader, "__len__")):
                problem = f"{name}_dataloader must be a DataLoader, not {describe(loader)}"
                raise complaint(TypeError, op, problem)
            if isinstance(loader, np.ndarray):
                problem, fix = f"{name}_dataloader is an array", "DataLoader makes batches"
                raise complaint(ValueError, op, problem, fix)
            if len(loader) == 0:
                problem = f"{name}_dataloader has no batches"
                fix = "a batch_size of at most the number of examples, or drop_last=False"
                raise complaint(ValueError, op, problem, fix)
        if not isinstance(optimizer, type):
            problem = f"optimizer must be a class such as Adam, not {describe(optimizer)}"
            fix = "nnlayers.course.cs231n.Solver takes names of update rules"
            raise complaint(TypeError, op, problem, fix)
        positive_int(op, print_every=print_every)
        self.model, self.learning_rate = model, learning_rate
        self.lr_decay = non_negative(op, "lr_decay", lr_decay)
        self.loss_func = made(op, "loss_func", loss_func, "CrossEntropyFromLogits()")
        extra = {} if optim_config is None else {"optim_config": optim_config}
        self.opt = optimizer(model, self.loss_func, learning_rate, **extra)
        self.verbose, self.print_every = verbose, print_every
        self.train_dataloader, self.val_dataloader = train_dataloader, val_dataloader
        self._reset()

    def _reset(self):
        """Forget all losses, but not what the model has learnt."""
        self.best_model_stats = self.best_params = None
        self.train_loss_history, self.val_loss_history = [], []
        self.train_batch_loss, self.val_batch_loss = [], []
        self.current_patience = self.num_operation = 0

    def _step(self, X, y, validation=False):
        """Return the loss of a batch; unless it is for validation, make a step."""
        y_pred = self.model.forward(X)
        loss = float(np.mean(self.loss_func.forward(y_pred, y)))
        loss += float(sum(getattr(self.model, "reg", {}).values()))
        self.num_operation += getattr(self.model, "num_operation", 0)
        if not validation:
            self.opt.backward(y_pred, y)
            self.opt.step()
            self.num_operation += getattr(self.model, "num_operation", 0)
        return loss

    def train(self, epochs=100, patience=None):
        """Train for some epochs; the model has the best parameters then.

        Parameters
        ----------
        epochs : int
            Number of epochs, the first of which only measures.
        patience : int, optional
            Stop when the validation loss has not become better for so many epochs.

        Raises
        ------
        TypeError, ValueError
            If a number is out of range.
        """
        epochs = whole("Solver.train", "epochs", epochs)
        patience = patience and whole("Solver.train", "patience", patience)
        for t in range(epochs):
            train_loss = self._epoch(self.train_dataloader, self.train_batch_loss, t == 0)
            self.opt.lr *= self.lr_decay
            val_loss = self._epoch(self.val_dataloader, self.val_batch_loss, True)
            self.train_loss_history.append(train_loss)
            self.val_loss_history.append(val_loss)
            if self.verbose and t % self.print_every == 0:
                print(
                    f"(Epoch {t + 1} / {epochs}) train loss: {train_loss:f}; val loss: {val_loss:f}"
                )
            self.update_best_loss(val_loss, train_loss)
            if patience and self.current_patience >= patience:
                if self.verbose:
                    print(f"Stopping early at epoch {t}!")
                break
        if self.best_params is not None:
            self.model.params = {name: w.copy() for name, w in self.best_params.items()}

    def _epoch(self, loader, losses, validation):
        """Return the mean loss of a loader's batches, which are added to the losses."""
        batches = [self._step(*batch_arrays("Solver", batch), validation) for batch in loader]
        losses += batches
        return sum(batches) / len(batches)

    def get_dataset_accuracy(self, loader):
        """Return the fraction of examples whose highest score is that of their label.

        Parameters
        ----------
        loader : DataLoader
            Batches with ``image`` and ``label``.

        Returns
        -------
        float
            From 0 to 1.

        Raises
        ------
        ValueError
            If there is no batch.
        """
        op = "Solver.get_dataset_accuracy"
        labels, predictions = labels_and_predictions(op, self.model, loader)
        return float((labels == predictions).mean())

    def get_dataset_prediction(self, loader):
        """Return the model's output for all batches of a loader.

        Parameters
        ----------
        loader : DataLoader
            Batches with ``features`` and ``target``, or ``image`` and ``label``.

        Returns
        -------
        ndarray, shape (N, ...)
            Output for all examples.

        Raises
        ------
        ValueError
            If there is no batch.
        """
        op = "Solver.get_dataset_prediction"
        outputs = [self.model.forward(batch_arrays(op, batch)[0]) for batch in loader]
        if not outputs:
            raise no_batches(op)
        return np.concatenate(outputs)

    def update_best_loss(self, val_loss, train_loss):
        """Keep copies of the parameters if no validation loss was as small; NaN is never small."""
        stats = self.best_model_stats
        if stats is None or better(val_loss, stats["val_loss"]):
            self.best_model_stats = {"val_loss": val_loss, "train_loss": train_loss}
            self.best_params = {name: w.copy() for name, w in self.model.params.items()}
            self.current_patience = 0
        else:
            self.current_patience += 1
