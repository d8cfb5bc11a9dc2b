"""The solver with schedules, micro-batches and averaged weights: its steps, and resuming them."""

import numpy as np
import pytest

from nnlayers import MSE, Affine, BatchNorm, Dropout, ReLU, Sequential, SoftmaxCrossEntropy
from nnlayers.training import (
    EMA,
    L2,
    SGD,
    Adam,
    CosineDecay,
    ExponentialDecay,
    Noam,
    OneCycle,
    Plateau,
    Schedule,
    Solver,
    StepDecay,
    accumulate,
    evaluate,
    load,
)
from update_rules import RNG, assert_same, each, values

X = RNG(0).normal(size=(50, 5))
Y = (X @ RNG(1).normal(size=(5, 3)) + RNG(2).normal(size=(50, 3))).argmax(axis=1)
DATA, VALIDATION = (X[:30], Y[:30]), (X[30:], Y[30:])
STEPS = 4 * 5  # 4 epochs of 5 batches, the last of which is smaller
SCHEDULES = [
    StepDecay(0.2, every=[3, 8], factor=0.5),
    ExponentialDecay(0.2, factor=0.9),
    CosineDecay(0.2, steps=STEPS, warmup=3),
    OneCycle(0.2, steps=STEPS),
    Noam(width=4, warmup=5),
    Plateau(0.2, factor=0.5, patience=0, threshold=0.05),
]
every_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)


def net_of(seed=0):
    rng = RNG(seed)
    return Sequential(
        Affine(5, 8, rng=rng),
        BatchNorm(8),
        ReLU(),
        Dropout(drop=0.2),
        Affine(8, 3, rng=rng),
        SoftmaxCrossEntropy(),
    )


def solver_of(make=SGD, optimizer=None, **settings):
    net = net_of()
    optimizer = make(net, **(optimizer or {"lr": 0.1, "momentum": 0.9}))
    settings = {"validation": VALIDATION, "batch_size": 7, "epochs": 4, "rng": 0} | settings
    return Solver(net, DATA, optimizer=optimizer, progress=None, **settings)


def everything(solver):
    """All that two runs may differ in."""
    net, memory = solver.net, solver.optimizer.state_dict()
    found = {
        **{f"params {key}": w.copy() for key, w in net.params.items()},
        **{f"state {key}": w.copy() for key, w in net.state.items()},
        **{f"memory {key} {n}": a for key, m in memory["state"].items() for n, a in m.items()},
        **{f"history {name}": np.array(v) for name, v in solver.history.items()},
        "counts": np.array([solver.epoch, solver.step, solver.best_epoch or 0, memory["t"]]),
        "lr": np.array(memory["settings"]["lr"]),
        "random": np.array(repr(solver.rng.bit_generator.state)),
    }
    if solver.average is not None:
        saved = solver.average.state_dict()
        found |= {f"average {name}": array for name, array in saved["arrays"].items()}
        found["averaged"] = np.array(saved["t"])
    return found


class Noting(SGD):
    """Writes down the learning rate of each step."""

    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.rates = []

    def step(self, grads):
        self.rates.append(self.lr)
        super().step(grads)


class TestSchedule:
    @pytest.mark.parametrize("schedule", SCHEDULES[:-1], ids=lambda s: type(s).__name__)
    def test_sets_the_rate_of_every_step(self, schedule):
        solver = solver_of(Noting, schedule=schedule)
        solver.train()
        assert solver.optimizer.rates == [schedule(step) for step in range(STEPS)]

    @pytest.mark.parametrize("validation", [VALIDATION, None])
    def test_of_a_plateau_sees_the_losses_of_all_epochs(self, validation):
        plateau = SCHEDULES[-1]
        solver = solver_of(Noting, schedule=plateau, validation=validation)
        solver.train()
        kind = "train" if validation is None else "validation"
        losses = solver.history[f"{kind}_loss"]
        expected = [plateau(losses[:epoch]) for epoch in range(4)]
        assert solver.optimizer.rates == [rate for rate in expected for _ in range(5)]
        assert len(set(expected)) > 1

    def test_equals_a_loop_by_hand(self):
        schedule = SCHEDULES[2]
        solver = solver_of(schedule=schedule, validation=None, average=0.8)
        solver.train()
        net, rng = net_of(), RNG(0)
        opt, average, step = SGD(net, lr=5.0, momentum=0.9), EMA(net, 0.8), 0
        for _ in range(4):
            order = rng.permutation(30)
            for start in range(0, 30, 7):
                rows = order[start : start + 7]
                _, grads = net.loss(X[rows], Y[rows], rng=rng)
                opt.lr = schedule(step)
                opt.step(grads)
                average.update()
                step += 1
        assert_same(values(solver.net), values(average.net))
        assert_same(values(solver.average.net), values(average.net))

    def test_reports_the_rate(self):
        rates = []
        solver = solver_of(schedule=SCHEDULES[1], epochs=2)
        solver.progress = lambda record: rates.append(record.lr)
        solver.train()
        assert rates == [SCHEDULES[1](4), SCHEDULES[1](9)]

    def test_does_not_change_the_rate_of_a_step_that_fails(self):
        x = X[:30].copy()
        net = Sequential(Affine(5, 3, rng=0), SoftmaxCrossEntropy())
        settings = {"batch_size": 7, "epochs": 4, "rng": 0, "progress": None}
        solver = Solver(net, (x, Y[:30]), schedule=SCHEDULES[2], **settings)
        solver.train(steps=5)
        before = solver.optimizer.lr
        solver.x[...] = np.nan
        with pytest.raises(FloatingPointError, match="the loss is nan in step 6"):
            solver.train()
        assert solver.optimizer.lr == before == SCHEDULES[2](4)

    @pytest.mark.parametrize(
        "settings, error, message",
        [
            (
                {"schedule": 0.5},
                TypeError,
                "Solver: schedule must be a schedule, not 0.5; CosineDecay(0.1, steps=1000) makes "
                "one, a class derived from Schedule another",
            ),
            (
                {"schedule": SCHEDULES[1], "lr_decay": 0.9},
                ValueError,
                "Solver: lr_decay 0.9 and a schedule do not go together; ExponentialDecay(lr, "
                "factor) is a schedule that falls in every step",
            ),
            (
                {"schedule": CosineDecay(0.1, steps=19)},
                ValueError,
                "Solver: CosineDecay(lr=0.1, steps=19, warmup=0, final=0.0) ends before the "
                "training, 4 epochs of 5 steps, does; steps=20",
            ),
            (
                {"micro_batch": 0},
                ValueError,
                "Solver: micro_batch must be a positive integer, not 0",
            ),
            (
                {"average": 1.0},
                ValueError,
                "EMA: decay must be at least 0 and less than 1, not 1.0",
            ),
        ],
    )
    def test_mistakes(self, settings, error, message):
        with pytest.raises(error) as caught:
            solver_of(**settings)
        assert str(caught.value) == message

    def test_that_gives_a_wrong_rate_stops_before_the_step(self):
        class Falling(Schedule):
            def rate(self, step):
                return 0.1 * (3 - step)

        solver, other = solver_of(schedule=Falling()), solver_of(schedule=Falling())
        with pytest.raises(ValueError) as caught:
            solver.train()
        assert str(caught.value) == (
            "Falling: the learning rate of step 4 must be at least 0, not -0.1"
        )
        other.train(steps=4)
        assert_same(everything(solver), everything(other))


class TestMicroBatches:
    def test_of_a_step_equal_its_batch(self):
        def train(**settings):
            net = Sequential(Affine(5, 8, rng=0), ReLU(), Affine(8, 3, rng=1), MSE())
            data = X, RNG(3).normal(size=(50, 3))
            opt = SGD(net, lr=0.1, momentum=0.9)
            settings |= {"penalty": L2(0.01), "batch_size": 8, "epochs": 2, "rng": 0}
            return Solver(net, data, optimizer=opt, progress=None, **settings).train(), net

        history, net = train()
        for micro_batch in (3, 8, 100):
            ours, other = train(micro_batch=micro_batch)
            np.testing.assert_allclose(ours["loss"], history["loss"], rtol=1e-12)
            np.testing.assert_allclose(other.to_vector(), net.to_vector(), rtol=1e-11)

    def test_draw_from_the_one_generator(self):
        solver = solver_of(micro_batch=3, validation=None, epochs=1)
        history = solver.train()
        net, rng = net_of(), RNG(0)
        opt, order = SGD(net, lr=0.1, momentum=0.9), rng.permutation(30)
        losses = []
        for start in range(0, 30, 7):
            rows = order[start : start + 7]
            if len(rows) > 3:
                loss, grads = accumulate(net, X[rows], Y[rows], micro_batch=3, rng=rng)
            else:
                loss, grads = net.loss(X[rows], Y[rows], rng=rng)
            opt.step(grads)
            losses.append(float(loss))
        assert history["loss"] == losses
        assert_same(values(net), values(solver.net))

    def test_of_a_loss_whose_mean_does_not_add_up(self):
        net = Sequential(Affine(5, 3), SoftmaxCrossEntropy(class_weights=[1.0, 2.0, 3.0]))
        with pytest.raises(ValueError, match=r"^Solver: with class_weights the mean of Softmax"):
            Solver(net, DATA, micro_batch=3)


class TestAverage:
    def test_is_what_is_measured_and_kept(self):
        measured = []
        solver = solver_of(average=0.9, epochs=6, optimizer={"lr": 0.5})
        solver.progress = lambda record: measured.append(
            evaluate(solver.average.net, *VALIDATION, batch_size=7)
            == (record.validation_loss, record.validation_accuracy)
        )
        history = solver.train()
        assert measured == [True] * 6
        loss, accuracy = evaluate(solver.net, *VALIDATION, batch_size=7)
        assert accuracy == max(history["validation_accuracy"])
        assert loss == history["validation_loss"][solver.best_epoch - 1]
        last = solver_of(optimizer={"lr": 0.5}, epochs=6, validation=None)
        last.train()
        assert history["loss"] == last.history["loss"]  # training itself is as without it

    def test_goes_on_from_the_weights_that_were_trained(self):
        whole = solver_of(average=0.9, validation=None)
        whole.train()
        parts = solver_of(average=0.9, validation=None, epochs=2)
        parts.train()
        assert_same(values(parts.net), values(parts.average.net))
        parts.epochs = 4
        parts.train()
        assert_same(everything(parts), everything(whole))

    def test_after_a_stop_too_can_be_put_into_the_net(self):
        solver = solver_of(average=0.9, validation=None)
        solver.restore_best()  # there is none yet
        solver.train(steps=7)
        assert (solver.net.params["0.w"] != solver.average.net.params["0.w"]).any()
        solver.restore_best()
        assert_same(values(solver.net), values(solver.average.net))


class TestResuming:
    """Bit for bit: at the start, in the middle and at the end of an epoch, and at the very end."""

    def check(self, tmp_path, stops, **settings):
        whole = solver_of(**settings)
        whole.train()
        for stop in stops:
            first = solver_of(**settings)
            first.train(steps=stop)
            first.save(tmp_path / "run.npz")
            second = solver_of(**settings)
            second.train(steps=2)  # of which nothing must remain
            second.load(tmp_path / "run.npz")
            assert_same(everything(second), everything(first))
            second.train()
            assert_same(everything(second), everything(whole))
            first.train()
            assert_same(everything(first), everything(whole))

    @every_schedule
    def test_of_every_schedule(self, tmp_path, schedule):
        self.check(tmp_path, (1, 5, 8, 10, 20), schedule=schedule)

    @each("make, settings")
    def test_of_every_optimizer(self, tmp_path, make, settings):
        optimizer = settings | {"clip_norm": 0.5, "groups": {"*.b": {"lr_factor": 2.0}}}
        self.check(tmp_path, (3, 10), make=make, optimizer=optimizer, schedule=SCHEDULES[2])

    @each("make, settings")
    def test_of_every_optimizer_with_all_the_rest(self, tmp_path, make, settings):
        optimizer = settings | {"clip_value": 0.5, "weight_decay": 0.01, "only": ["0.w", "4.w"]}
        self.check(
            tmp_path,
            (6,),
            make=make,
            optimizer=optimizer,
            schedule=SCHEDULES[-1],
            average=0.9,
            micro_batch=3,
            penalty=L2(0.01),
            patience=2,
        )

    @pytest.mark.parametrize("validation", [VALIDATION, None])
    def test_of_averaged_weights(self, tmp_path, validation):
        self.check(tmp_path, (2, 5, 20), average=0.9, validation=validation)

    def test_the_saved_net_is_the_averaged_one_after_training(self, tmp_path):
        solver = solver_of(average=0.9, validation=None)
        solver.train()
        solver.save(tmp_path / "run.npz")
        assert_same(values(load(tmp_path / "run.npz", net_of(1))), values(solver.average.net))

    def test_with_other_settings_is_refused(self, tmp_path):
        solver_of(schedule=SCHEDULES[1], average=0.9, micro_batch=3).save(tmp_path / "run.npz")
        other = solver_of(schedule=ExponentialDecay(0.1, 0.9))
        before = everything(other)
        with pytest.raises(ValueError) as caught:
            other.load(tmp_path / "run.npz")
        assert str(caught.value) == (
            f"Solver.load: {str(tmp_path / 'run.npz')!r} is of another training: schedule was "
            "'ExponentialDecay(lr=0.2, factor=0.9)' but is 'ExponentialDecay(lr=0.1, factor=0.9)'; "
            "micro_batch was 3 but is None; average was 0.9 but is None; make the solver as it was "
            "made then; nothing was loaded"
        )
        assert_same(everything(other), before)


def test_adam_is_the_optimizer_that_a_schedule_steers_by_default():
    net = net_of()
    solver = Solver(net, DATA, schedule=SCHEDULES[3], epochs=2, batch_size=7, progress=None, rng=0)
    assert isinstance(solver.optimizer, Adam)
    solver.train()
    assert solver.optimizer.lr == SCHEDULES[3](9)
