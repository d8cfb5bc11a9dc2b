"""The solver: a net, data and an optimizer, brought together in epochs of mini-batches."""

import math
from types import SimpleNamespace

import numpy as np

from nnlayers.data.batching import in_order
from nnlayers.layers.checks import complaint, positive_int
from nnlayers.layers.initializers import generator
from nnlayers.training.accumulation import check_adds_up, objective
from nnlayers.training.arguments import (
    check_optimizer,
    check_penalty,
    check_schedule,
    optional_int,
    pair,
)
from nnlayers.training.averaging import EMA
from nnlayers.training.bounds import positive
from nnlayers.training.checkpoints import copies_of, put
from nnlayers.training.divergence import origin
from nnlayers.training.interrupts import Held
from nnlayers.training.metrics import check_net, evaluate
from nnlayers.training.moment_optimizers import Adam
from nnlayers.training.plateau import Plateau
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
        Factor of the learning rate after each epoch; 1 where there is a schedule.
    schedule : Schedule or Plateau, optional
        Sets the optimizer's learning rate before each step, whatever it was: to
        ``schedule(self.step)``, or before each epoch to what a :class:`Plateau` makes of the
        validation losses so far (without validation data the training losses).
    patience : int, optional
        Training ends after this many epochs in a row that are no new best.
    micro_batch : int, optional
        Examples per pass through the net: a step's gradients are added up over its micro-batches,
        which saves memory; see :func:`accumulate`.  None passes a batch at once.
    average : float, optional
        Decay of an exponential moving average of the weights, see :class:`EMA`: the averaged
        weights are then those that are measured, compared, and put into the net when training ends.
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
    average : EMA or None
        The averaged weights.

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
        schedule=None,
        micro_batch=None,
        average=None,
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
        self.x, self.y = pair(op, "data", data)
        self.validation = None if validation is None else pair(op, "validation", validation)
        if validation is not None and (self.y is None) != (self.validation[1] is None):
            raise complaint(ValueError, op, "only one of data and validation has targets y")
        positive_int(op, batch_size=batch_size, epochs=epochs)
        train_samples = optional_int(op, "train_samples", train_samples)
        if patience is not None and validation is None:
            raise complaint(ValueError, op, "patience needs validation data", "validation=(x, y)")
        check_penalty(op, penalty)
        check_progress(op, progress)
        self.net = net
        self.optimizer = Adam(net) if optimizer is None else optimizer
        check_optimizer(op, self.optimizer, net)
        self.batch_size, self.epochs = int(batch_size), int(epochs)
        self.patience = optional_int(op, "patience", patience)
        self.micro_batch = optional_int(op, "micro_batch", micro_batch)
        if micro_batch is not None:
            check_adds_up(op, net)
        self.rng = generator(rng, op)
        self.penalty = penalty
        self.lr_decay = positive(op, "lr_decay", lr_decay)
        self.schedule = schedule
        check_schedule(op, schedule, lr_decay, -(-len(self.x) // self.batch_size), self.epochs)
        self.average = None if average is None else EMA(net, average)
        self.train_samples = min(train_samples or len(self.x), len(self.x))
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
        """Put the best epoch's parameters and state into the net; where there is none, the average.

        :meth:`train` does so when it is finished; after Ctrl-C it may be wanted too.  Training that
        goes on does so from the last step all the same.
        """
        best = self._best
        if best is None and self.average is not None:
            best = copies_of(self.average.net)
        if best is not None and self._last is None:
            last = copies_of(self.net)
            with self._held.listening(), self._held:
                put(self.net, best)
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
        if self.schedule is not None:
            self._set_rate()
        try:
            # an overflow ends in the error below, which says more than a warning
            with np.errstate(over="ignore", invalid="ignore"):
                loss, grads = objective(self.net, x, y, self.rng, self.penalty, self.micro_batch)
            if not math.isfinite(loss):
                undo()
                raise self._diverged(loss, x, y)
            with self._held:
                self.optimizer.step(grads)
                if self.average is not None:
                    self.average.update()
                self.history["loss"].append(loss)
                self._done = end
                self.step += 1
        except BaseException:
            with self._held:
                if self.step == before:
                    undo()
            raise

    def _undo(self):
        """Return a function that takes back what a forward changes, and the learning rate."""
        random, lr = self.rng.bit_generator.state, self.optimizer.lr
        states = [layer.state for layer in self._stateful]

        def undo():
            self.rng.bit_generator.state, self.optimizer.lr = random, lr
            for layer, state in zip(self._stateful, states):
                layer.state = state

        return undo

    def _set_rate(self):
        """Set the learning rate of the next step."""
        if not isinstance(self.schedule, Plateau):
            self.optimizer.lr = self.schedule(self.step)
        elif self._done == 0:
            losses = self.history["validation_loss"] or self.history["train_loss"]
            self.optimizer.lr = self.schedule(losses)

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
        net = self.net if self.average is None else self.average.net
        measured = evaluate(net, *train, batch_size=self.batch_size)
        if self.validation is not None:
            measured += evaluate(net, *self.validation, batch_size=self.batch_size)
        with self._held:
            for name, value in zip(MEASURES, measured):
                if value is not None:
                    self.history[name].append(value)
            self.epoch += 1
            lr = self.optimizer.lr
            self.optimizer.lr *= self.lr_decay
            self._order = self._shuffled = None
            if self.validation is not None and self._is_best():
                self.best_epoch, self._best = self.epoch, copies_of(net)
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
