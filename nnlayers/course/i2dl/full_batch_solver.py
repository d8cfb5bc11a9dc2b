"""The solver of exercise 4 of I2DL, which makes its steps on all examples at once."""

import numpy as np

from nnlayers.course.i2dl.conventions import better, check_model, made, refuse_unknown
from nnlayers.course.i2dl.networks.optimizer import Optimizer
from nnlayers.course.i2dl.solver import Solver
from nnlayers.layers.checks import complaint, positive_int
from nnlayers.training.bounds import whole

_ARRAYS = ("X_train", "y_train", "X_val", "y_val")


class FullBatchSolver(Solver):
    """The solver of exercise 4: see :class:`Solver`.

    Attributes
    ----------
    train_loss_history, val_loss_history : list of float
        Loss of each epoch, after its step.
    best_val_loss : float
        The best validation loss.
    best_W : ndarray
        A copy of the weights that had it.
    """

    def __init__(
        self,
        model,
        data,
        loss_func=None,
        learning_rate=None,
        is_regression=True,
        verbose=True,
        print_every=100,
        **unknown,
    ):
        op = "Solver"
        known = ("model", "data", "loss_func", "learning_rate", "is_regression", "verbose")
        refuse_unknown(op, unknown, (*known, "print_every"), ())
        if loss_func is None or learning_rate is None:
            problem = "a dict of arrays needs loss_func and learning_rate"
            fix = "nnlayers.course.cs231n.Solver does without: its models have their loss"
            raise complaint(TypeError, op, problem, fix)
        missing = [name for name in _ARRAYS if name not in data]
        if missing:
            problem = f"data lacks {', '.join(missing)}"
            raise complaint(ValueError, op, problem, f"it has {', '.join(map(str, data))}")
        check_model(model)
        positive_int(op, print_every=print_every)
        self.model, self.learning_rate = model, learning_rate
        self.loss_func = made(op, "loss_func", loss_func, "BCE()")
        self.opt = Optimizer(model, learning_rate)
        self.is_regression, self.verbose, self.print_every = is_regression, verbose, print_every
        self.X_train, self.y_train, self.X_val, self.y_val = (np.asarray(data[n]) for n in _ARRAYS)
        self._reset()

    def _reset(self):
        """Forget all losses, but not what the model has learnt."""
        self.best_val_loss = self.best_W = None
        self.train_loss_history, self.val_loss_history = [], []

    def _step(self):
        """Make a step on all examples."""
        y_pred = self.model.forward(self.X_train)
        self.opt.step(self.model.backward(self.loss_func.backward(y_pred, self.y_train)))

    def check_loss(self, validation=True):
        """Return the mean loss of the validation examples, or of those for training.

        Parameters
        ----------
        validation : bool
            Which.

        Returns
        -------
        float
            The loss.
        """
        X, y = (self.X_val, self.y_val) if validation else (self.X_train, self.y_train)
        return float(np.mean(self.loss_func.forward(self.model.forward(X), y)))

    def train(self, epochs=1000):
        """Make a step for each epoch; the model has the best weights then.

        Parameters
        ----------
        epochs : int
            Number of steps.

        Raises
        ------
        TypeError, ValueError
            If it is no integer of at least 0.
        """
        epochs = whole("Solver.train", "epochs", epochs)
        for t in range(epochs):
            self._step()
            train_loss, val_loss = self.check_loss(validation=False), self.check_loss()
            self.train_loss_history.append(train_loss)
            self.val_loss_history.append(val_loss)
            if self.verbose and t % self.print_every == 0:
                print(f"(Epoch {t} / {epochs}) train loss: {train_loss:f}; val_loss: {val_loss:f}")
            self.update_best_loss(val_loss)
        if self.best_W is not None:
            self.model.W = self.best_W.copy()

    def update_best_loss(self, val_loss):
        """Keep a copy of the weights if no validation loss was as small; NaN is never small."""
        if self.best_val_loss is None or better(val_loss, self.best_val_loss):
            self.best_val_loss, self.best_W = val_loss, self.model.W.copy()
