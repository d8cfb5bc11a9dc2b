"""The solver: what it computes, that it can be stopped anywhere, and every error text."""

import math
import os
import re
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from nnlayers import MSE, Affine, Flatten, Layer, Mean, ReLU, Residual, Sequential
from nnlayers import SoftmaxCrossEntropy as CrossEntropy
from nnlayers.data import batching, digits
from nnlayers.training import L2, SGD, Adam, Solver, accuracy, evaluate, load, save
from nnlayers.training import progress as progress_module

RNG = np.random.default_rng
MEASURES = ["train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]


class Restless(Layer):
    """Counts its training forwards in its state, and adds noise: both must be resumed."""

    def __init__(self, size):
        super().__init__({"shift": np.zeros(size)}, {"count": np.zeros(1), "mean": np.zeros(size)})

    def forward(self, x, *, train=None, rng=None):
        if train:
            mean = 0.9 * self.state["mean"] + 0.1 * x.mean(axis=0)
            self.state = {"count": self.state["count"] + 1, "mean": mean}
            x = x + 0.1 * rng.normal(size=x.shape)
        return x + self.params["shift"] - self.state["mean"], (x,)

    def backward(self, dout, cache):
        return dout, dout.sum(axis=0)


class Seen(Layer):
    """Passes x on, and calls a function with each training batch."""

    def __init__(self, note):
        super().__init__()
        self.note = note

    def forward(self, x, *, train=None, rng=None):
        if train:
            self.note(x)
        return x, (x,)

    def backward(self, dout, cache):
        return dout


class Bad(Layer):
    """Puts a value into its out, in one training forward."""

    def __init__(self, value, at=1):
        super().__init__(state={"calls": np.zeros(1)})
        self.value, self.at = value, at

    def forward(self, x, *, train=None, rng=None):
        out = x.copy()
        if train:
            self.state = {"calls": self.state["calls"] + 1}
            if self.state["calls"] == self.at:
                out[0, 0] = self.value
        return out, (x,)

    def backward(self, dout, cache):
        return dout

    def __repr__(self):
        return "Bad()"


def blobs(n, seed=0):
    """Three classes in four dimensions that overlap a little."""
    rng = RNG(seed)
    y = rng.integers(0, 3, n)
    centres = RNG(7).normal(size=(3, 4))
    return centres[y] + rng.normal(size=(n, 4)), y


DATA, VALIDATION = blobs(50), blobs(30, seed=1)


def classifier(seed=0, restless=True):
    rng = RNG(seed)
    middle = [Restless(6)] if restless else []
    return Sequential(Affine(4, 6, rng=rng), *middle, ReLU(), Affine(6, 3, rng=rng), CrossEntropy())


def solver_of(net, optimizer=None, **settings):
    optimizer = optimizer or SGD(net, lr=0.1, momentum=0.9)
    settings = {"validation": VALIDATION, "batch_size": 8, "epochs": 4, "rng": 0} | settings
    return Solver(net, DATA, optimizer=optimizer, progress=None, **settings)


def everything(solver):
    """All that two runs may differ in, as a list that np.testing can compare."""
    net = solver.net
    memory = solver.optimizer.state_dict()
    return {
        **{f"params {key}": w.copy() for key, w in net.params.items()},
        **{f"state {key}": w.copy() for key, w in net.state.items()},
        **{f"memory {key} {n}": a for key, m in memory["state"].items() for n, a in m.items()},
        **{f"history {name}": np.array(values) for name, values in solver.history.items()},
        "counts": np.array([solver.epoch, solver.step, solver.best_epoch or 0, memory["t"]]),
        "lr": memory["settings"]["lr"],
        "random": repr(solver.rng.bit_generator.state),
    }


def assert_same(a, b):
    assert a.keys() == b.keys()
    for key in a:
        np.testing.assert_array_equal(a[key], b[key], err_msg=key)


class TestTraining:
    def test_equals_a_loop_by_hand(self):
        net, by_hand = classifier(), classifier()
        solver = solver_of(net, validation=None, epochs=3)
        history = solver.train()
        opt, rng, losses, (x, y) = SGD(by_hand, lr=0.1, momentum=0.9), RNG(0), [], DATA
        for _ in range(3):
            order = rng.permutation(50)
            for start in range(0, 50, 8):
                rows = order[start : start + 8]
                loss, grads = by_hand.loss(x[rows], y[rows], rng=rng)
                opt.step(grads)
                losses.append(float(loss))
        assert history["loss"] == losses
        assert history is solver.history
        for part in ("params", "state"):
            for key, array in getattr(net, part).items():
                np.testing.assert_array_equal(array, getattr(by_hand, part)[key])
        assert (solver.epoch, solver.step, solver.best_epoch) == (3, 21, None)
        assert solver.finished

    def test_sees_every_example_once_an_epoch(self):
        seen = []
        x = np.arange(10.0)[:, None]
        net = Sequential(Seen(lambda x: seen.append(x[:, 0].copy())), Affine(1, 1), MSE())
        Solver(
            net,
            (x, 2 * x),
            batch_size=4,
            epochs=2,
            rng=0,
            progress=None,
            optimizer=SGD(net, lr=0.0),
        ).train()
        assert [len(batch) for batch in seen] == [4, 4, 2] * 2
        first, second = np.concatenate(seen[:3]), np.concatenate(seen[3:])
        for epoch in (first, second):
            np.testing.assert_array_equal(np.sort(epoch), x[:, 0])
        assert not np.array_equal(first, second)
        assert not np.array_equal(first, x[:, 0])

    def test_of_large_data_is_the_same(self, monkeypatch):
        expected = solver_of(classifier())
        expected.train()
        monkeypatch.setattr(batching, "COPIED_WHOLE", 0)
        solver = solver_of(classifier())
        solver.train()
        assert_same(everything(solver), everything(expected))

    def test_does_not_write_the_data(self):
        data = [array.copy() for array in (*DATA, *VALIDATION)]
        for array in data:
            array.setflags(write=False)
        net = classifier()
        Solver(net, data[:2], validation=data[2:], epochs=1, rng=0, progress=None).train()

    def test_keeps_float32(self):
        net = classifier(restless=False).astype(np.float32)
        x, y = DATA
        solver = Solver(
            net,
            (x.astype(np.float32), y),
            rng=0,
            epochs=2,
            penalty=L2(0.01),
            lr_decay=0.5,
            progress=None,
        )
        solver.train()
        assert all(w.dtype == np.float32 for w in net.params.values())

    def test_measures_in_evaluation_mode_after_each_epoch(self):
        net, expected = classifier(), []

        def note(record):
            for x, y in (DATA, VALIDATION):
                scores = net.scores(x)
                expected.append(float(net.forward(x, y, train=False)[0]))
                expected.append((scores.argmax(axis=1) == y).mean())

        solver = Solver(
            net,
            DATA,
            validation=VALIDATION,
            optimizer=SGD(net, lr=0.1),
            batch_size=8,
            epochs=3,
            rng=0,
            train_samples=None,
            progress=note,
            penalty=L2(1.0),
        )
        history = solver.train()
        measured = np.array([history[name] for name in MEASURES]).T.ravel()
        np.testing.assert_allclose(measured, expected, rtol=1e-12)

    def test_measures_on_the_first_training_samples_of_the_epoch(self):
        net, (x, y) = classifier(restless=False), DATA
        solver = solver_of(net, SGD(net, lr=0.0), epochs=1, train_samples=20)
        solver.train()
        first = RNG(0).permutation(50)[:20]
        assert solver.history["train_accuracy"] == [accuracy(net.scores(x[first]), y[first])]

    def test_of_a_regression_has_no_accuracy(self):
        net, x = Sequential(Affine(4, 1, rng=0), MSE()), DATA[0]
        y = x @ np.array([[1.0], [2.0], [3.0], [4.0]]) + 5.0
        solver = Solver(
            net,
            (x, y),
            validation=(x[:9], y[:9]),
            optimizer=SGD(net, lr=0.1),
            epochs=60,
            batch_size=10,
            rng=0,
            progress=None,
        )
        history = solver.train()
        np.testing.assert_allclose(net.params["0.w"][:, 0], [1, 2, 3, 4], atol=1e-3)
        assert history["train_accuracy"] == history["validation_accuracy"] == []
        assert len(history["validation_loss"]) == 60
        assert solver.best_epoch == np.argmin(history["validation_loss"]) + 1

    def test_of_a_loss_without_target(self):
        net = Sequential(Affine(4, 1, rng=0), Mean())
        solver = Solver(
            net,
            (DATA[0], None),
            validation=(DATA[0], None),
            epochs=2,
            rng=0,
            optimizer=SGD(net, lr=0.1),
            progress=None,
        )
        history = solver.train()
        assert history["loss"][-1] < history["loss"][0]
        assert len(history["validation_loss"]) == 2

    def test_takes_adam_if_not_told(self):
        net = classifier()
        assert repr(Solver(net, DATA).optimizer) == repr(Adam(net))

    def test_with_a_penalty(self):
        net, by_hand, penalty = classifier(), classifier(), L2(0.1)
        history = solver_of(net, penalty=penalty, epochs=1, batch_size=50, validation=None).train()
        rng, (x, y) = RNG(0), DATA
        order = rng.permutation(50)
        loss, grads = by_hand.loss(x[order], y[order], rng=rng)
        w = [w for w in by_hand.params.values() if w.ndim == 2]
        assert history["loss"] == pytest.approx(
            [loss + 0.05 * sum((a**2).sum() for a in w)], rel=1e-12
        )
        for key, dw in grads.items():
            before = by_hand.params[key]
            step = dw + 0.1 * before * (before.ndim == 2)
            np.testing.assert_allclose(net.params[key], before - 0.1 * step, atol=1e-14)

    def test_lowers_the_learning_rate_after_each_epoch(self):
        records, net = [], classifier()
        Solver(
            net,
            DATA,
            optimizer=SGD(net, lr=0.4),
            epochs=3,
            lr_decay=0.5,
            rng=0,
            progress=records.append,
        ).train()
        assert [record.lr for record in records] == [0.4, 0.2, 0.1]

    def test_learns_the_digits(self):
        train, (x, y) = digits()
        rng = RNG(0)
        net = Sequential(
            Flatten(), Affine(64, 100, rng=rng), ReLU(), Affine(100, 10, rng=rng), CrossEntropy()
        )
        opt = SGD(net, lr=0.3, momentum=0.9)
        settings = {"batch_size": 32, "epochs": 60, "lr_decay": 0.95, "penalty": L2(1e-3)}
        Solver(net, train, optimizer=opt, rng=0, progress=None, **settings).train()
        assert accuracy(net.scores(x), y) >= 0.97


class TestTheBest:
    @pytest.mark.parametrize("labels", [True, False])
    def test_epoch_is_put_back_at_the_end(self, labels):
        kept, net = [], classifier()
        if not labels:
            net = Sequential(*net.layers[:-1], MSE())
        targets = (lambda y: y) if labels else (lambda y: np.eye(3)[y])

        def note(record):
            arrays = {**net.params, **net.state}
            kept.append(({key: array.copy() for key, array in arrays.items()}, record))

        (x, y), (x_val, y_val) = DATA, VALIDATION
        solver = Solver(
            net,
            (x, targets(y)),
            validation=(x_val, targets(y_val)),
            batch_size=8,
            epochs=12,
            optimizer=SGD(net, lr=0.2, momentum=0.8 if labels else 0.0),
            rng=0,
            progress=note,
        )
        history = solver.train()
        losses = history["validation_loss"]
        accuracies = history["validation_accuracy"] or [0] * 12
        best = max(range(12), key=lambda i: (accuracies[i], -losses[i]))
        assert best != 11  # or the test would show nothing
        assert solver.best_epoch == best + 1
        for key, array in {**net.params, **net.state}.items():
            np.testing.assert_array_equal(array, kept[best][0][key])
        marks = [record.is_best for _, record in kept]
        scores = list(zip(accuracies, [-loss for loss in losses]))
        assert marks == [scores[i] > max(scores[:i], default=(-1,)) for i in range(12)]

    def test_among_equal_accuracies_has_the_lowest_loss(self):
        net = Sequential(Affine.of(np.array([[1.0, 0.0], [0.0, 1.0]])), CrossEntropy())
        data = (np.eye(2), np.array([0, 1]))
        solver = Solver(
            net, data, validation=data, optimizer=SGD(net, lr=0.1), epochs=5, rng=0, progress=None
        )
        history = solver.train()
        assert history["validation_accuracy"] == [1.0] * 5
        assert solver.best_epoch == 5

    def test_is_never_an_epoch_without_a_loss(self):
        net = Sequential(Affine.of(np.eye(2)), CrossEntropy())
        data, poor = (np.eye(2), np.array([0, 1])), (np.full((2, 2), np.nan), np.array([0, 1]))
        solver = Solver(
            net,
            data,
            validation=poor,
            optimizer=SGD(net, lr=0.1),
            epochs=9,
            patience=3,
            rng=0,
            progress=None,
        )
        solver.train()
        assert solver.best_epoch is None
        assert solver.epoch == 3

    @pytest.mark.parametrize("patience", [1, 3])
    def test_not_beaten_for_long_ends_training(self, patience):
        solver = solver_of(classifier(), epochs=60, patience=patience)
        history = solver.train()
        assert solver.epoch == solver.best_epoch + patience < 60
        assert len(history["validation_loss"]) == solver.epoch
        before = everything(solver)
        solver.train()  # nothing is left to do
        assert_same(everything(solver), before)

    def test_can_be_had_before_the_end(self):
        expected = solver_of(classifier(), epochs=12)
        expected.train()
        solver = solver_of(classifier(), epochs=12)
        for _ in range(12):
            solver.train(steps=7)
            last = everything(solver)
            solver.restore_best()
            if not solver.finished and solver.best_epoch not in (None, solver.epoch):
                assert any(
                    not np.array_equal(last[f"params {key}"], w)
                    for key, w in solver.net.params.items()
                )
        assert_same(everything(solver), everything(expected))


class TestStopAndGo:
    @pytest.mark.parametrize("steps", [1, 3, 7, 10])
    def test_in_one_process(self, steps):
        expected = solver_of(classifier())
        expected.train()
        solver, rounds = solver_of(classifier()), 0
        while not solver.finished:
            solver.train(steps=steps)
            rounds += 1
        assert rounds == math.ceil(28 / steps)
        assert_same(everything(solver), everything(expected))

    def test_more_epochs_go_on_from_the_last_step_not_from_the_best(self):
        expected = solver_of(classifier(), epochs=12)
        expected.train()
        solver = solver_of(classifier(), epochs=8)
        solver.train()
        assert solver.best_epoch < 8
        solver.epochs = 12
        solver.train()
        assert_same(everything(solver), everything(expected))

    @pytest.mark.parametrize("make", [lambda n: SGD(n, 0.1, 0.9, nesterov=True), Adam])
    @pytest.mark.parametrize("steps", [0, 1, 4, 7, 9, 14, 27, 28])
    def test_through_a_file(self, tmp_path, make, steps):
        settings = {"penalty": L2(0.01), "lr_decay": 0.7, "patience": 4, "train_samples": 20}
        net = classifier()
        expected = solver_of(net, make(net), **settings)
        expected.train()
        net = classifier()
        solver = solver_of(net, make(net), **settings)
        if steps:
            solver.train(steps=steps)
        solver.save(tmp_path / "run.npz")
        before = everything(solver)
        net = classifier(seed=5)
        other = solver_of(net, make(net), **(settings | {"rng": 99}))
        assert other.load(tmp_path / "run.npz") is other
        assert_same(everything(other), before)
        other.train()
        assert_same(everything(other), everything(expected))

    def test_of_a_finished_run_through_a_file(self, tmp_path):
        expected = solver_of(classifier(), epochs=12)
        expected.train()
        solver = solver_of(classifier(), epochs=8)
        solver.train()
        assert solver.best_epoch < 8
        solver.save(tmp_path / "run.npz")
        other = solver_of(classifier(seed=5), epochs=12).load(tmp_path / "run.npz")
        other.train()
        assert_same(everything(other), everything(expected))

    def test_with_settings_that_are_numpy_integers(self, tmp_path):
        size = np.int64(8)
        solver = solver_of(classifier(), batch_size=size, patience=size, train_samples=size)
        solver.save(tmp_path / "run.npz")
        solver_of(classifier(), train_samples=8).load(tmp_path / "run.npz")

    def test_saving_after_each_epoch(self, tmp_path):
        expected = solver_of(classifier())
        expected.train()
        net = classifier()
        solver = Solver(
            net,
            DATA,
            validation=VALIDATION,
            batch_size=8,
            epochs=4,
            rng=0,
            optimizer=SGD(net, lr=0.1, momentum=0.9),
            progress=lambda record: solver.save(tmp_path / f"{record.epoch}.npz"),
        )
        solver.train()
        for epoch in range(1, 5):
            other = solver_of(classifier(seed=5)).load(tmp_path / f"{epoch}.npz")
            assert other.epoch == epoch
            other.train()
            assert_same(everything(other), everything(expected))

    @pytest.mark.parametrize("kind", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
    def test_of_every_kind_of_generator(self, tmp_path, kind):
        def rng(seed):
            new = np.random.Generator(getattr(np.random, kind)(seed))
            new.integers(0, 9, dtype=np.uint32)  # half of a 64-bit word waits in the generator
            return new

        solver = solver_of(classifier(), rng=rng(0))
        solver.train(steps=5)
        solver.save(tmp_path / "run.npz")
        other = solver_of(classifier(), rng=rng(1)).load(tmp_path / "run.npz")
        assert other.rng.integers(0, 99, 9).tolist() == solver.rng.integers(0, 99, 9).tolist()

    def test_the_net_alone_from_a_run(self, tmp_path):
        solver = solver_of(classifier())
        solver.train()
        solver.save(tmp_path / "run.npz")
        net = load(tmp_path / "run.npz", classifier(seed=5))
        for part in ("params", "state"):
            for key, array in getattr(net, part).items():
                np.testing.assert_array_equal(array, getattr(solver.net, part)[key])

    def refuses(self, path, solver, message):
        before = everything(solver)
        with pytest.raises(ValueError) as caught:
            solver.load(path)
        assert str(caught.value) == message
        assert_same(everything(solver), before)

    def test_with_other_settings(self, tmp_path):
        path = tmp_path / "run.npz"
        solver_of(classifier()).save(path)
        net, (x, y) = classifier(), DATA
        other = Solver(
            net,
            (x[:40], y[:40]),
            batch_size=10,
            lr_decay=0.5,
            penalty=L2(1.0),
            optimizer=SGD(net, 0.1, 0.9),
            rng=np.random.Generator(np.random.SFC64(0)),
        )
        self.refuses(
            path,
            other,
            f"Solver.load: {str(path)!r} is of another training: examples was 50 but is 40; "
            "validation examples was 30 but is None; batch_size was 8 but is 10; lr_decay was 1.0 "
            "but is 0.5; penalty was 'None' but is 'L2(1.0, half=True)'; train_samples was 50 but "
            "is 40; generator was 'PCG64' but is 'SFC64'; make the solver as it was made then; "
            "nothing was loaded",
        )

    def test_with_another_optimizer(self, tmp_path):
        path = tmp_path / "run.npz"
        solver_of(classifier()).save(path)
        net = classifier(seed=5)
        self.refuses(
            path,
            solver_of(net, Adam(net)),
            "Adam.load_state_dict: the saved state is another optimizer's: it is of SGD, not of "
            "Adam; make the optimizer as it was made then; nothing was loaded",
        )

    def test_with_another_net(self, tmp_path):
        path = tmp_path / "run.npz"
        solver_of(classifier()).save(path)
        self.refuses(
            path,
            solver_of(classifier(restless=False)),
            f"Solver.load: {str(path)!r} does not fit the net: missing params/2.w, params/2.b; "
            "unexpected params/1.shift, params/3.w, params/3.b, state/1.count, state/1.mean; build "
            "the net as it was built then; nothing was loaded",
        )

    def test_from_a_file_of_a_net(self, tmp_path):
        path = tmp_path / "net.npz"
        save(path, classifier())
        self.refuses(
            path,
            solver_of(classifier()),
            f"Solver.load: {str(path)!r} holds a net alone, not its training; load(path, net) "
            "reads it",
        )

    def test_from_no_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"^Solver.load: cannot read '.*no.npz'"):
            solver_of(classifier()).load(tmp_path / "no.npz")
        with pytest.raises(FileNotFoundError, match=r"^Solver.save: cannot write '.*run.npz'"):
            solver_of(classifier()).save(tmp_path / "no" / "run.npz")


class Interrupting(SGD):
    """Sends Ctrl-C in the middle of the update of a parameter, in one step."""

    def update(self, at, dw, scratch, spare, velocity):
        change = super().update(at, dw, scratch, spare, velocity)
        if self.t == 5:
            signal.raise_signal(signal.SIGINT)
        return change


@pytest.mark.usefixtures("ctrl_c")
class TestCtrlC:
    def expected(self):
        solver = solver_of(classifier())
        solver.train()
        return everything(solver)

    def test_during_the_update_waits_for_its_end(self):
        net = classifier()
        solver = solver_of(net, Interrupting(net, lr=0.1, momentum=0.9))
        with pytest.raises(KeyboardInterrupt):
            solver.train()
        assert solver.step == len(solver.history["loss"]) == 5
        untouched = solver_of(classifier())
        untouched.train(steps=5)
        assert_same(everything(solver), everything(untouched))
        solver.train()
        assert_same(everything(solver), self.expected())

    def test_while_the_order_is_drawn_waits_for_it(self):
        class Generator(np.random.Generator):
            def permutation(self, *args):
                order = super().permutation(*args)
                signal.raise_signal(signal.SIGINT)
                return order

        solver = solver_of(classifier(), rng=Generator(np.random.PCG64(0)))
        for epoch in range(4):
            with pytest.raises(KeyboardInterrupt):
                solver.train()
            assert (solver.epoch, solver.step) == (epoch, 7 * epoch)
        solver.train()
        assert_same(everything(solver), self.expected())

    @pytest.mark.parametrize("send", [lambda: signal.raise_signal(signal.SIGINT), None])
    def test_during_forward_leaves_the_step_out(self, send):
        calls = []

        def note(x):
            calls.append(x)
            if len(calls) == 9:
                if send is None:
                    raise KeyboardInterrupt  # as a handler of the program's own would
                send()

        net = classifier()
        net = Sequential(*net.layers[:2], Seen(note), *net.layers[2:])
        solver = solver_of(net)
        with pytest.raises(KeyboardInterrupt):
            solver.train()
        assert solver.step == 8
        untouched = solver_of(classifier())
        untouched.train(steps=8)
        assert list(everything(solver).values())[-1] == list(everything(untouched).values())[-1]
        solver.train()
        expected = self.expected()
        for got, wanted in zip(everything(solver).values(), expected.values()):
            np.testing.assert_array_equal(got, wanted)

    @pytest.mark.parametrize("offset", range(0, 2500, 83))
    def test_at_any_line(self, offset):
        """Ctrl-C before any line that runs: training goes on without a difference."""
        left = [offset]

        def trace(frame, event, arg):
            if os.path.join("nnlayers", "training") not in frame.f_code.co_filename:
                return None
            if event == "line":
                left[0] -= 1
                if left[0] == -1:
                    sys.settrace(None)
                    signal.raise_signal(signal.SIGINT)
            return trace

        solver = solver_of(classifier())
        previous = sys.gettrace()
        sys.settrace(trace)
        try:
            with pytest.raises(KeyboardInterrupt):
                solver.train()
        finally:
            sys.settrace(previous)
        assert solver.step == len(solver.history["loss"])
        solver.train()
        assert_same(everything(solver), self.expected())

    def test_the_usual_handler_comes_back(self):
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        inside = []
        net = classifier()
        Solver(
            net,
            DATA,
            epochs=1,
            rng=0,
            progress=lambda _: inside.append(signal.getsignal(signal.SIGINT)),
        ).train()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert inside != [signal.default_int_handler]

    def test_in_a_solver_inside_another(self):
        inner_net = classifier()
        inner = solver_of(inner_net, Interrupting(inner_net, lr=0.1, momentum=0.9))
        net = classifier()
        outer = Solver(net, DATA, epochs=1, rng=0, progress=lambda _: inner.train())
        with pytest.raises(KeyboardInterrupt):
            outer.train()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert (inner.step, inner.optimizer.t) == (5, 5)
        inner.train()
        assert_same(everything(inner), self.expected())

    def test_a_handler_of_the_program_stays(self):
        caught, inside = [], []
        before = signal.signal(signal.SIGINT, lambda *_: caught.append(1))
        try:
            mine = signal.getsignal(signal.SIGINT)
            net = classifier()
            Solver(
                net,
                DATA,
                epochs=1,
                rng=0,
                progress=lambda _: inside.append(signal.getsignal(signal.SIGINT)),
            ).train()
        finally:
            signal.signal(signal.SIGINT, before)
        assert inside == [mine]

    def test_another_thread_trains_too(self):
        solver = solver_of(classifier())
        thread = threading.Thread(target=solver.train)
        thread.start()
        thread.join()
        assert_same(everything(solver), self.expected())


class TestDivergence:
    def stops(self, solver, message):
        before = everything(solver)
        with pytest.raises(FloatingPointError) as caught:
            solver.train()
        assert str(caught.value) == message
        return before

    def test_names_step_learning_rate_and_layer(self):
        net = Sequential(
            Affine(4, 4, rng=0),
            Sequential(ReLU(), Bad(np.nan, at=9)),
            Affine(4, 3),
            CrossEntropy(),
        )
        solver = solver_of(net, SGD(net, lr=0.125), validation=None)
        untouched = solver_of(net, SGD(net, lr=0.125), validation=None)
        with pytest.raises(FloatingPointError) as caught:
            solver.train()
        assert str(caught.value) == (
            "Solver.train: the loss is nan in step 9 (epoch 2, learning rate 0.125); the first "
            "layer whose output is not finite is 1.1: Bad(); a lower learning rate may help; the "
            "net is as it was before this step"
        )
        assert untouched.step == 0

    def test_leaves_everything_as_before_the_step(self):
        net = classifier()
        solver = solver_of(net)
        solver.train(steps=9)
        before = everything(solver)
        w = net.params["3.w"].copy()
        net.params["3.w"][0, 0] = np.inf
        with pytest.raises(FloatingPointError) as caught:
            solver.train()
        assert str(caught.value) == (
            "Solver.train: the loss is nan in step 10 (epoch 2, learning rate 0.1); the first "
            "layer whose output is not finite is 3: Affine(6, 3), whose w was not finite before; a "
            "lower learning rate may help; the net is as it was before this step"
        )
        net.params["3.w"][...] = w
        assert not any("forward" in vars(layer) for layer in net.layers)
        assert_same(everything(solver), before)
        solver.train()
        expected = solver_of(classifier())
        expected.train()
        assert_same(everything(solver), everything(expected))

    def test_of_a_real_run(self):
        net = Sequential(Affine(4, 8, rng=0), ReLU(), Affine(8, 1, rng=1), MSE())
        x = DATA[0]
        solver = Solver(
            net,
            (x, x[:, :1]),
            optimizer=SGD(net, lr=30.0),
            rng=0,
            batch_size=8,
            epochs=50,
            progress=None,
        )
        with pytest.raises(FloatingPointError, match=r"^Solver.train: the loss is (inf|nan) in"):
            solver.train()
        assert all(np.isfinite(loss) for loss in solver.history["loss"])

    def test_inside_a_residual(self):
        net = Sequential(Residual(Affine(4, 4, rng=0), Bad(np.inf)), Affine(4, 3), CrossEntropy())
        solver = solver_of(net, validation=None)
        self.stops(
            solver,
            "Solver.train: the loss is nan in step 1 (epoch 1, learning rate 0.1); the first layer "
            "whose output is not finite is 0.1: Bad(); a lower learning rate may help; the net is "
            "as it was before this step",
        )

    def test_from_the_data(self):
        x, y = DATA
        x = x.copy()
        x[3, 1] = np.nan
        net = classifier(restless=False)
        solver = Solver(net, (x, y), optimizer=SGD(net, lr=0.1), batch_size=50, rng=0)
        self.stops(
            solver,
            "Solver.train: the loss is nan in step 1 (epoch 1, learning rate 0.1); the batch x "
            "itself is not finite: clean the data; a lower learning rate may help; the net is as "
            "it was before this step",
        )

    def test_from_the_penalty(self):
        net = classifier()
        net.layers[0].params["w"][0, 0] = 1e200
        net.layers[0].params["w"][:, 0] = 0.0
        net.layers[3].params["w"][0, 0] = 1e200
        x, y = DATA
        net.layers[1].params["shift"][0] = -1e300
        solver = Solver(net, (x, y), penalty=L2(0.5), optimizer=SGD(net, lr=0.1), rng=0)
        self.stops(
            solver,
            "Solver.train: the loss is inf in step 1 (epoch 1, learning rate 0.1); the penalty "
            "L2(0.5, half=True) is not finite; a lower learning rate may help; the net is as it "
            "was before this step",
        )

    def test_of_a_custom_loss_is_told_plainly(self):
        class Moody(MSE):
            calls = 0

            def forward(self, *inputs, train=None, rng=None):
                out, cache = super().forward(*inputs)
                Moody.calls += 1
                return (out * np.nan if Moody.calls == 1 else out), cache

        net = Sequential(Affine(4, 1, rng=0), Moody())
        x = DATA[0]
        solver = Solver(net, (x, x[:, :1]), optimizer=SGD(net, lr=0.1), rng=0)
        self.stops(
            solver,
            "Solver.train: the loss is nan in step 1 (epoch 1, learning rate 0.1); no layer shows "
            "why; a lower learning rate may help; the net is as it was before this step",
        )


def test_an_error_in_a_layer_leaves_everything_as_before_the_step():
    calls = []

    def note(x):
        calls.append(x)
        if len(calls) == 4:
            raise RuntimeError("no")

    net = classifier()
    net = Sequential(*net.layers[:2], Seen(note), *net.layers[2:])
    solver = solver_of(net)
    solver.train(steps=3)
    before = everything(solver)
    with pytest.raises(RuntimeError, match="^no"):
        solver.train()
    assert_same(everything(solver), before)


class TestProgress:
    def run(self, **settings):
        net = classifier()
        Solver(net, DATA, optimizer=SGD(net, lr=0.1), batch_size=8, rng=0, **settings).train()

    def test_is_one_line_an_epoch(self, capsys):
        self.run(validation=VALIDATION, epochs=10, lr_decay=0.5)
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 10
        assert re.fullmatch(
            r"epoch  2/10  step 14  lr 0\.05  train loss \d\.\d+ accuracy 0\.\d{4}  "
            r"validation loss \d\.\d+ accuracy 0\.\d{4}",
            lines[1],
        )

    def test_without_validation(self, capsys):
        self.run(epochs=1)
        assert re.fullmatch(
            r"epoch 1/1  step 7  lr 0\.1  train loss \d\.\d+ accuracy 0\.\d{4}\n",
            capsys.readouterr().out,
        )

    def test_may_be_none(self, capsys):
        self.run(progress=None)
        assert capsys.readouterr() == ("", "")

    def test_a_function_gets_records(self):
        records = []
        self.run(validation=VALIDATION, epochs=3, progress=records.append)
        for number, record in enumerate(records, start=1):
            assert (record.epoch, record.epochs, record.step) == (number, 3, 7 * number)
            assert set(vars(record)) == {"epoch", "epochs", "step", "lr", "is_best", *MEASURES}
        self.run(epochs=1, progress=records.append)
        assert records[-1].validation_loss is None
        assert records[-1].is_best is False

    def test_a_bar(self, capsys):
        pytest.importorskip("tqdm")
        self.run(validation=VALIDATION, epochs=3, progress="tqdm")
        shown = capsys.readouterr().err
        assert "3/3" in shown
        assert re.search(r"train loss \d\.\d+ accuracy 0\.\d{4}  validation loss", shown)

    def test_a_bar_without_tqdm(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "tqdm", None)
        with pytest.raises(ImportError) as caught:
            self.run(progress="tqdm")
        assert str(caught.value) == (
            "Solver: progress='tqdm' needs tqdm, which is not installed; "
            "pip install 'nnlayers[notebook]', or progress='line'"
        )

    def test_tqdm_is_imported_only_when_asked(self):
        code = (
            "import sys, nnlayers.training, nnlayers.data\n"
            "sys.exit(bool({'tqdm', 'scipy'} & set(sys.modules)))"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

    def test_measures_that_are_missing_leave_no_gap(self):
        record = SimpleNamespace(epoch=1, epochs=1, step=2, lr=0.1, **dict.fromkeys(MEASURES))
        record.validation_loss = 0.5
        assert progress_module.line(record) == "epoch 1/1  step 2  lr 0.1  validation loss 0.5"


class TestMetrics:
    def test_accuracy_of_sequences(self):
        scores = np.zeros((2, 3, 4))
        scores[..., 1] = 1.0
        assert accuracy(scores, np.array([[1, 1, 0], [1, 3, 1]])) == pytest.approx(4 / 6)

    def test_evaluate_batch_by_batch(self):
        net, (x, y) = classifier(), DATA
        loss, right = evaluate(net, x, y, batch_size=7)
        assert loss == pytest.approx(net.forward(x, y, train=False)[0], rel=1e-12)
        assert right == accuracy(net.scores(x), y)
        nested = Sequential(net)
        assert evaluate(nested, x, y) == pytest.approx((loss, right))

    @pytest.mark.parametrize(
        "call, error, message",
        [
            (
                lambda: accuracy(np.zeros((2, 3)), np.zeros(2)),
                TypeError,
                "accuracy: labels y must be integers, not float64: got scores (2, 3) float64, y "
                "(2,) float64",
            ),
            (
                lambda: accuracy(np.zeros((2, 3)), np.zeros((2, 1), int)),
                ValueError,
                "accuracy: every label needs a row of scores: got scores (2, 3), y (2, 1); y must "
                "have the shape (2,)",
            ),
            (
                lambda: accuracy(1.0, 1),
                ValueError,
                "accuracy: every label needs a row of scores: got scores (), y ()",
            ),
            (
                lambda: accuracy(np.zeros((0, 3)), np.zeros(0, int)),
                ValueError,
                "accuracy: the accuracy of no examples is undefined: got scores (0, 3), y (0,)",
            ),
            (
                lambda: evaluate(Affine(2, 2), np.zeros((3, 2))),
                TypeError,
                "evaluate: net must be a Sequential that ends in a loss, not Affine(2, 2); its "
                "last layer may be SoftmaxCrossEntropy() or MSE()",
            ),
            (
                lambda: evaluate(classifier(), np.zeros((0, 4)), np.zeros(0, int)),
                ValueError,
                "evaluate: the loss of no examples is undefined: got x (0, 4)",
            ),
            (
                lambda: evaluate(classifier(), np.zeros((2, 4)), np.zeros(3, int)),
                ValueError,
                "evaluate: x has 2 examples but y has 3: got x (2, 4), y (3,); one y per x",
            ),
        ],
    )
    def test_mistakes(self, call, error, message):
        with pytest.raises(error) as caught:
            call()
        assert str(caught.value) == message


ALLOWED = (
    "validation, optimizer, batch_size, epochs, rng, penalty, lr_decay, schedule, micro_batch, "
    "average, patience, train_samples, progress"
)


@pytest.mark.parametrize(
    "settings, error, message",
    [
        (
            {"learning_rate": 0.1, "num_epochs": 3},
            TypeError,
            f"Solver: unknown keyword learning_rate, num_epochs; there are {ALLOWED}",
        ),
        (
            {"data": DATA[0]},
            TypeError,
            "Solver: data must be a pair (x, y), not (50, 4); data=(x, y)",
        ),
        (
            {"data": (DATA[0], DATA[1][:40])},
            ValueError,
            "Solver data: x has 50 examples but y has 40: got x (50, 4), y (40,); one y per x",
        ),
        (
            {"data": (np.zeros((0, 4)), np.zeros(0, int))},
            ValueError,
            "Solver: data has no examples: got x (0, 4)",
        ),
        (
            {"validation": (DATA[0], 3)},
            ValueError,
            "Solver validation: y is a scalar, not an array of examples: got x (50, 4), y ()",
        ),
        (
            {"validation": (DATA[0], None)},
            ValueError,
            "Solver: only one of data and validation has targets y",
        ),
        (
            {"net": Sequential(Affine(2, 2))},
            TypeError,
            "Solver: net must be a Sequential that ends in a loss, not Sequential(Affine(2, 2)); "
            "its last layer may be SoftmaxCrossEntropy() or MSE()",
        ),
        (
            {"optimizer": SGD},
            TypeError,
            "Solver: optimizer must be an optimizer, not <class "
            "'nnlayers.training.optimizers.SGD'>; SGD(net, lr=0.1) makes one",
        ),
        (
            {"optimizer": SGD(classifier(), lr=0.1)},
            ValueError,
            "Solver: SGD(net, lr=0.1, momentum=0.0, nesterov=False) is of another net; make it of "
            "the net to train",
        ),
        (
            {"batch_size": 0},
            ValueError,
            "Solver: batch_size must be a positive integer, not 0",
        ),
        (
            {"epochs": 1.5},
            TypeError,
            "Solver: epochs must be a positive integer, not 1.5",
        ),
        (
            {"patience": 0, "validation": VALIDATION},
            ValueError,
            "Solver: patience must be a positive integer, not 0",
        ),
        (
            {"patience": 2},
            ValueError,
            "Solver: patience needs validation data; validation=(x, y)",
        ),
        (
            {"train_samples": -1},
            ValueError,
            "Solver: train_samples must be a positive integer, not -1",
        ),
        (
            {"lr_decay": 0.0},
            ValueError,
            "Solver: lr_decay must be greater than 0, not 0.0",
        ),
        (
            {"penalty": 1e-4},
            TypeError,
            "Solver: penalty must be a penalty, not 0.0001; L2(1e-4)",
        ),
        (
            {"progress": "bar"},
            ValueError,
            "Solver: progress must be 'line', 'tqdm', None or a function, not 'bar'",
        ),
        (
            {"rng": 0.5},
            TypeError,
            "Solver: rng must be an int seed, a numpy.random.Generator or None, not 0.5; "
            "np.random.default_rng(0) makes a generator",
        ),
    ],
)
def test_wrong_settings(settings, error, message):
    arguments = {"net": classifier(), "data": DATA} | settings
    with pytest.raises(error) as caught:
        Solver(**arguments)
    assert str(caught.value) == message


def test_a_wrong_number_of_steps():
    with pytest.raises(ValueError) as caught:
        solver_of(classifier()).train(steps=0)
    assert str(caught.value) == "Solver.train: steps must be a positive integer, not 0"
