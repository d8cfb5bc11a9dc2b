"""The solver: a net, data and an optimizer, brought together in epochs of mini-batches."""

import math
from types import SimpleNamespace

import numpy as np

from nnlayers.data.batching import examples, in_order
from nnlayers.layers.checks import complaint, describe, positive_int
from nnlayers.layers.initializers import generator
from nnlayers.training.bounds import positive
from nnlayers.training.checkpoints import copies_of, put
from nnlayers.training.divergence import origin
from nnlayers.training.interrupts import Held
from nnlayers.training.metrics import check_net, evaluate
from nnlayers.training.moment_optimizers import Adam
from nnlayers.training.optimizer import Optimizer
from nnlayers.training.progress import check_progress, reports
from nnlayers.training.resuming import restore, store

MEASURES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")


class Solver:
    """Trains a net: epochs of mini-batches without replacement, and the best epoch's parameters.

    Each step takes the gradients of the loss on a mini-batch, plus those of the penalty.  After
    each epoch loss and accuracy are measured in evaluation mode on training and validation data;
    the best epoch is the one of the highest validation accuracy, of the lowest validation loss
    among equals or where there are no class labels.  Its parameters and running state are put
    into the net when training ends; without validation data the last ones stay.

    Training can be stopped after any step, by ``train(steps=...)`` or by Ctrl-C (a step that is
    under way is completed or left out), and goes on bit for bit as if it had not been: in the same
    process by another call of :meth:`train`, in another one by :meth:`save` and :meth:`load`.

    Parameters
    ----------
    net : Sequential
        A chain that ends in a loss.
    data : tuple (x, y)
        Training examples and targets, arrays of the same length; y is None where the loss needs no
        target.
    validation : tuple (x, y), optional
        Examples that are not trained on.
    optimizer : Optimizer, optional
        Of this net; None means ``Adam(net)``.
    batch_size : int
        Examples per step; an epoch's last step takes what is left.
    epochs : int
        How often training goes through the data.
    rng : int or numpy.random.Generator, optional
        Where the order of the examples and the net's randomness come from.
    penalty : L2, optional
        Added to the loss that is minimised, not to the losses measured after each epoch.
    lr_decay : float
        Factor of the learning rate after each epoch.
    patience : int, optional
        Training ends after this many epochs in a row that are no new best.
    train_samples : int, optional
        On how many training examples, the first of each epoch's order, loss and accuracy are
        measured; None means all.
    progress : "line", "tqdm", None or callable
        What reports each epoch: a printed line, a bar, nothing, or a function of one record with
        ``epoch, epochs, step, lr, train_loss, train_accuracy, validation_loss,
        validation_accuracy, is_best``.

    Attributes
    ----------
    history : dict of str to list of float
        ``loss`` for each step; ``train_loss``, ``train_accuracy``, ``validation_loss`` and
        ``validation_accuracy`` for each epoch, empty where they are not measured.
    epoch, step : int
        How many are complete.
    best_epoch : int or None
        Counted from 1.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or a keyword is unknown.

    Examples
    --------
    >>> from nnlayers import Affine, MSE, Sequential
    >>> from nnlayers.training import SGD
    >>> net = Sequential(Affine(1, 1, rng=0), MSE())
    >>> x = np.linspace(-1.0, 1.0, 32)[:, None]
    >>> solver = Solver(net, (x, 3.0 * x + 1.0), optimizer=SGD(net, lr=0.3), batch_size=8,
    ...                 epochs=20, rng=0, progress=None)
    >>> history = solver.train()
    >>> len(history["loss"]), net.params["0.w"].round(3), net.params["0.b"].round(3)
    (80, array([[3.]]), array([1.]))
    """

    def __init__(
        self,
        net,
        data,
        *,
        validation=None,
        optimizer=None,
        batch_size=64,
        epochs=10,
        rng=None,
        penalty=None,
        lr_decay=1.0,
        patience=None,
        train_samples=1000,
        progress="line",
        **unknown,
    ):
        op = "Solver"
        if unknown:
            allowed = ", ".join(Solver.__init__.__kwdefaults__)
            words = ", ".join(unknown)
            raise complaint(TypeError, op, f"unknown keyword {words}", f"there are {allowed}")
        check_net(op, net)
        self.x, self.y = _pair(op, "data", data)
        self.validation = None if validation is None else _pair(op, "validation", validation)
        if validation is not None and (self.y is None) != (self.validation[1] is None):
            raise complaint(ValueError, op, "only one of data and validation has targets y")
        positive_int(op, batch_size=batch_size, epochs=epochs)
        for name, number in (("patience", patience), ("train_samples", train_samples)):
            if number is not None:
                positive_int(op, **{name: number})
        if patience is not None and validation is None:
            raise complaint(ValueError, op, "patience needs validation data", "validation=(x, y)")
        if not (penalty is None or (hasattr(penalty, "loss") and hasattr(penalty, "gradients"))):
            raise complaint(
                TypeError, op, f"penalty must be a penalty, not {describe(penalty)}", "L2(1e-4)"
            )
        check_progress(op, progress)
        self.net = net
        self.optimizer = Adam(net) if optimizer is None else optimizer
        _check_optimizer(op, self.optimizer, net)
        self.batch_size, self.epochs = int(batch_size), int(epochs)
        self.patience = patience
        self.rng = generator(rng, op)
        self.penalty = penalty
        self.lr_decay = positive(op, "lr_decay", lr_decay)
        self.train_samples = min(int(train_samples or len(self.x)), len(self.x))
        self.progress = progress
        self.history = {name: [] for name in ("loss", *MEASURES)}
        self.epoch = self.step = 0
        self.best_epoch = None
        # the epoch that is under way: its order of the examples, and how many of them are done
        self._order, self._done = None, 0
        self._shuffled = None  # the data in that order
        self._best = None  # copies of the best epoch's arrays
        self._last = None  # copies of the last step's arrays while the best are in the net
        self._held = Held()
        self._stateful = [layer for _, layer in net.leaves() if layer.state]

    @property
    def finished(self):
        """Whether all epochs are done, or patience has run out."""
        waited = self.epoch - (self.best_epoch or 0)
        out_of_patience = self.patience is not None and waited >= self.patience
        return self.epoch >= self.epochs or out_of_patience

    def train(self, steps=None):
        """Train until finished, or for so many further steps.

        Parameters
        ----------
        steps : int, optional
            Stop after this many steps; None goes on to the end.

        Returns
        -------
        dict of str to list of float
            ``history``.

        Raises
        ------
        FloatingPointError
            If the loss is NaN or infinite; the error names the step, the learning rate and the
            first layer whose output is not finite.  Everything is as it was before that step.
        """
        if steps is not None:
            positive_int("Solver.train", steps=steps)
        left = math.inf if steps is None else steps
        with (
            self._held.listening(),
            reports(self.progress, self.epoch, self.epochs) as report,
        ):
            while not self.finished:
                self._take_up_last()
                if self._order is not None and self._done == len(self.x):
                    report(self._end_epoch())
                elif left:
                    self._make_step()
                    left -= 1
                else:
                    return self.history
        self.restore_best()
        return self.history

    def restore_best(self):
        """Put the best epoch's parameters and state into the net.

        :meth:`train` does so when it is finished; after Ctrl-C it may be wanted too.  Training that
        goes on does so from the last step all the same.
        """
        if self._best is not None and self._last is None:
            last = copies_of(self.net)
            with self._held.listening(), self._held:
                put(self.net, self._best)
                self._last = last

    def save(self, path):
        """Write everything that the next step depends on to a ``.npz`` file.

        The net alone can be read from it too, by :func:`load`.

        Parameters
        ----------
        path : str or path
            File name, used as it is.

        Raises
        ------
        OSError
            If the file cannot be written; an old one is unchanged then.
        """
        store("Solver.save", path, self)

    def load(self, path):
        """Take up the training that :meth:`save` wrote where it was.

        The solver must be made as the saved one was: of the same data, the same kind of net and
        optimizer and the same settings; only ``epochs``, ``patience`` and ``progress`` may differ.

        Parameters
        ----------
        path : str or path
            File name.

        Returns
        -------
        Solver
            This one, so that ``Solver(...).load(path).train()`` goes on.

        Raises
        ------
        ValueError
            If the file is damaged, foreign, or does not fit this solver; nothing has changed then.
        OSError
            If the file cannot be read.
        """
        restore("Solver.load", path, self)
        return self

    def _make_step(self):
        """Make one step, of which either all happens or nothing."""
        if self._order is None:
            with self._held:
                self._order, self._done = self.rng.permutation(len(self.x)), 0
        end = min(self._done + self.batch_size, len(self.x))
        x, y = (a if a is None else a[self._done : end] for a in self._shuffled_data())
        before, undo = self.step, self._undo()
        try:
            # an overflow ends in the error below, which says more than a warning
            with np.errstate(over="ignore", invalid="ignore"):
                loss, grads = self._objective(x, y)
            if not math.isfinite(loss):
                undo()
                raise self._diverged(loss, x, y)
            with self._held:
                self.optimizer.step(grads)
                self.history["loss"].append(loss)
                self._done = end
                self.step += 1
        except BaseException:
            with self._held:
                if self.step == before:
                    undo()
            raise

    def _undo(self):
        """Return a function that takes back what a forward changes: the generator and the state."""
        random = self.rng.bit_generator.state
        states = [layer.state for layer in self._stateful]

        def undo():
            self.rng.bit_generator.state = random
            for layer, state in zip(self._stateful, states):
                layer.state = state

        return undo

    def _objective(self, x, y):
        """Return what is minimised, the loss and the penalty, with its gradients."""
        loss, grads = self.net.loss(x, y, rng=self.rng)
        loss = float(loss)
        if self.penalty is not None:
            loss += self.penalty.loss(self.net)
            for key, dw in self.penalty.gradients(self.net).items():
                grads[key] = grads[key] + dw
        return loss, grads

    def _diverged(self, loss, x, y):
        """Return the error of a loss that is not finite."""
        with np.errstate(all="ignore"):
            why = origin(self.net, x, y, self.rng, self.penalty)
        return complaint(
            FloatingPointError,
            "Solver.train",
            f"the loss is {loss} in step {self.step + 1} (epoch {self.epoch + 1}, learning rate "
            f"{self.optimizer.lr:.4g}); {why}",
            "a lower learning rate may help; the net is as it was before this step",
        )

    def _end_epoch(self):
        """Measure, keep the best, lower the learning rate; return the record of the epoch."""
        train, size = (self.x, self.y), self.train_samples
        if size < len(self.x):
            train = (a if a is None else a[:size] for a in self._shuffled_data())
        measured = evaluate(self.net, *train, batch_size=self.batch_size)
        if self.validation is not None:
            measured += evaluate(self.net, *self.validation, batch_size=self.batch_size)
        with self._held:
            for name, value in zip(MEASURES, measured):
                if value is not None:
                    self.history[name].append(value)
            self.epoch += 1
            lr = self.optimizer.lr
            self.optimizer.lr *= self.lr_decay
            self._order = self._shuffled = None
            if self.validation is not None and self._is_best():
                self.best_epoch, self._best = self.epoch, copies_of(self.net)
        measures = dict.fromkeys(MEASURES) | dict(zip(MEASURES, measured))
        return SimpleNamespace(
            epoch=self.epoch,
            epochs=self.epochs,
            step=self.step,
            lr=lr,
            is_best=self.best_epoch == self.epoch,
            **measures,
        )

    def _is_best(self):
        """Whether the last epoch is better than the best one so far."""
        losses = self.history["validation_loss"]
        accuracies = self.history["validation_accuracy"] or [0.0] * len(losses)
        if self.best_epoch is None:
            return not math.isnan(losses[-1])
        best = self.best_epoch - 1
        return (accuracies[-1], -losses[-1]) > (accuracies[best], -losses[best])

    def _shuffled_data(self):
        """Return x and y in the order of this epoch, to be sliced."""
        if self._shuffled is None:
            self._shuffled = [
                a if a is None else in_order(a, self._order) for a in (self.x, self.y)
            ]
        return self._shuffled

    def _take_up_last(self):
        """Put the last step's parameters back if the best epoch's are in the net."""
        if self._last is not None:
            with self._held:
                put(self.net, self._last)
                self._last = None


def _pair(op, name, data):
    """Return (x, y) as arrays."""
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise complaint(
            TypeError, op, f"{name} must be a pair (x, y), not {describe(data)}", f"{name}=(x, y)"
        )
    x, y = examples(f"{op} {name}", *data)
    if len(x) == 0:
        raise complaint(ValueError, op, f"{name} has no examples", x=x)
    return x, y


def _check_optimizer(op, optimizer, net):
    if not isinstance(optimizer, Optimizer):
        raise complaint(
            TypeError,
            op,
            f"optimizer must be an optimizer, not {describe(optimizer)}",
            "SGD(net, lr=0.1) makes one",
        )
    if optimizer.net is not net:
        raise complaint(
            ValueError, op, f"{optimizer!r} is of another net", "make it of the net to train"
        )
