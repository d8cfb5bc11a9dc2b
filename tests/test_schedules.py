"""Learning-rate schedules: their values, their ends, and PyTorch's for comparison."""

import copy
import math
import pickle

import numpy as np
import pytest

from nnlayers.training import (
    SGD,
    CosineDecay,
    ExponentialDecay,
    Noam,
    OneCycle,
    Plateau,
    Schedule,
    StepDecay,
)
from update_rules import RNG, classifier, random_grads

EVERY = [
    StepDecay(0.5, every=3, factor=0.25),
    StepDecay(0.5, every=[2, 7], factor=0.25),
    ExponentialDecay(0.5, factor=0.9),
    CosineDecay(0.5, steps=20, warmup=4, final=0.1),
    OneCycle(0.5, steps=20),
    Noam(width=16, warmup=5, scale=2.0),
    Plateau(0.5, factor=0.5, patience=2, threshold=0.01, cooldown=1, floor=0.01),
]
of_steps = pytest.mark.parametrize("schedule", EVERY[:-1], ids=repr)
every = pytest.mark.parametrize("schedule", EVERY, ids=repr)


def rates(schedule, count):
    return [schedule(step) for step in range(count)]


def torch_rates(make, count, lr=0.5):
    """The rates that a scheduler of PyTorch sets in so many steps."""
    torch = pytest.importorskip("torch")
    w = torch.zeros(1, requires_grad=True)
    w.grad = torch.zeros(1)
    optimizer = torch.optim.SGD([w], lr=lr)
    scheduler, found = make(torch.optim.lr_scheduler, optimizer), []
    for _ in range(count):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(found) < count:
            scheduler.step()
    return found


class TestValues:
    def test_step_decay(self):
        np.testing.assert_allclose(
            rates(EVERY[0], 7), [0.5, 0.5, 0.5, 0.125, 0.125, 0.125, 0.03125]
        )
        np.testing.assert_allclose(rates(EVERY[1], 8), [0.5] * 2 + [0.125] * 5 + [0.03125])

    def test_exponential_decay(self):
        np.testing.assert_allclose(rates(EVERY[2], 3), [0.5, 0.45, 0.405])

    def test_cosine_decay(self):
        found = rates(EVERY[3], 20)
        np.testing.assert_allclose(found[:5], [0.125, 0.25, 0.375, 0.5, 0.5])
        assert found[12] == pytest.approx(0.3)  # half-way
        expected = [0.1 + 0.2 * (1 + math.cos(math.pi * i / 16)) for i in range(16)]
        np.testing.assert_allclose(found[4:], expected)
        assert CosineDecay(0.5, 3)(0) == 0.5

    def test_one_cycle(self):
        found = rates(EVERY[4], 20)
        assert found[0] == pytest.approx(0.5 / 25)
        assert found[5] == max(found) == 0.5  # 0.3 · 20 - 1
        assert found[19] == pytest.approx(0.5 / 25 / 1e4)
        assert found[:6] == sorted(found[:6])
        assert found[5:] == sorted(found[5:], reverse=True)

    def test_noam(self):
        found = rates(EVERY[5], 20)
        np.testing.assert_allclose(found[:5], [2 / 4 * t * 5**-1.5 for t in range(1, 6)])
        np.testing.assert_allclose(found[4:], [2 / 4 / math.sqrt(t) for t in range(5, 21)])

    def test_plateau(self):
        schedule = Plateau(1.0, factor=0.5, patience=2, threshold=0.1, cooldown=1, floor=0.2)
        # epochs: best 10; 9.5 is not 10 % lower; third in a row lowers, one epoch of rest
        losses = [10.0, 9.5, 9.4, 9.3, 9.9, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0]
        expected = [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.2]
        assert [schedule(losses[: n + 1]) for n in range(len(losses))] == expected
        assert schedule([]) == 1.0
        assert schedule(np.array(losses, np.float32)) == 0.2

    def test_plateau_of_losses_that_are_negative_or_nan(self):
        schedule = Plateau(1.0, factor=0.5, patience=0, threshold=0.1)
        assert schedule([-1.0, -1.05]) == 0.5
        assert schedule([-1.0, -1.2]) == 1.0
        assert schedule([2.0, math.nan]) == 0.5
        assert schedule([math.nan, 1.0]) == 0.5

    @pytest.mark.oracle
    @pytest.mark.parametrize(
        "schedule, make",
        [
            (EVERY[0], lambda s, o: s.StepLR(o, 3, 0.25)),
            (EVERY[1], lambda s, o: s.MultiStepLR(o, [2, 7], 0.25)),
            (EVERY[2], lambda s, o: s.ExponentialLR(o, 0.9)),
            (
                CosineDecay(0.5, steps=20, final=0.1),
                lambda s, o: s.CosineAnnealingLR(o, 20, 0.1),
            ),
            (EVERY[4], lambda s, o: s.OneCycleLR(o, 0.5, 20, cycle_momentum=False)),
            (
                OneCycle(0.5, 40, rise=0.6, initial=3.0, final=7.0),
                lambda s, o: s.OneCycleLR(
                    o,
                    0.5,
                    40,
                    pct_start=0.6,
                    div_factor=3.0,
                    final_div_factor=7.0,
                    cycle_momentum=False,
                ),
            ),
        ],
        ids=lambda value: repr(value) if isinstance(value, Schedule) else "",
    )
    def test_are_those_of_pytorch(self, schedule, make):
        count = schedule.steps or 30
        np.testing.assert_allclose(rates(schedule, count), torch_rates(make, count), rtol=1e-12)

    @pytest.mark.oracle
    @pytest.mark.parametrize("seed", range(5))
    def test_plateau_is_that_of_pytorch(self, seed):
        torch = pytest.importorskip("torch")
        losses = list(np.exp(-0.05 * np.arange(80) + 0.3 * RNG(seed).normal(size=80)))
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.5)
        oracle = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=0.5, patience=2, threshold=0.01, cooldown=1, min_lr=0.01
        )
        found = []
        for n, loss in enumerate(losses):
            oracle.step(loss)
            rate = EVERY[-1](losses[: n + 1])
            assert rate == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)
            found.append(rate)
        assert len(set(found)) > 3


class TestSchedules:
    @every
    def test_can_be_pasted_back_and_copied(self, schedule):
        argument = [1.0] * 9 if isinstance(schedule, Plateau) else 9
        for new in (
            eval(repr(schedule)),
            copy.deepcopy(schedule),
            pickle.loads(pickle.dumps(schedule)),
        ):
            assert repr(new) == repr(schedule)
            assert new(argument) == schedule(argument)

    @of_steps
    def test_give_python_floats_of_any_integer(self, schedule):
        assert type(schedule(3)) is float
        assert schedule(np.int64(3)) == schedule(np.array(3)) == schedule(3)

    @of_steps
    def test_keep_float32(self, schedule):
        net = classifier(np.float32)
        opt = SGD(net, lr=0.1)
        opt.lr = schedule(2)
        opt.step(random_grads(net, 0))
        assert net.params["0.w"].dtype == np.float32

    @pytest.mark.parametrize("short", [CosineDecay(0.5, 20, warmup=3), OneCycle(0.5, 20)], ids=repr)
    def test_beyond_the_end(self, short):
        assert short(19) >= 0.0
        with pytest.raises(ValueError) as caught:
            short(20)
        assert str(caught.value) == (
            f"{type(short).__name__}: step 20 is beyond the schedule's end: its 20 steps are 0 to "
            "19; make it as long as the training"
        )

    @of_steps
    @pytest.mark.parametrize(
        "step, error, message",
        [
            (-1, ValueError, "step must be at least 0, not -1"),
            (1.0, TypeError, "step must be an integer, not 1.0"),
            (np.zeros(2), TypeError, "step must be an integer, not (2,)"),
            (True, TypeError, "step must be an integer, not True"),
            ("1", TypeError, "step must be an integer, not '1'"),
        ],
    )
    def test_of_no_step(self, schedule, step, error, message):
        with pytest.raises(error) as caught:
            schedule(step)
        assert str(caught.value) == f"{type(schedule).__name__}: {message}"

    def test_of_ones_own(self):
        class Linear(Schedule):
            settings = ("lr",)

            def __init__(self, lr):
                self.lr = lr

            def rate(self, step):
                return self.lr * (1 - step / 4)

        schedule = Linear(0.4)
        assert repr(schedule) == "Linear(lr=0.4)"
        assert rates(schedule, 5) == pytest.approx([0.4, 0.3, 0.2, 0.1, 0.0])
        with pytest.raises(ValueError) as caught:
            schedule(6)
        assert str(caught.value) == (
            "Linear: the learning rate of step 6 must be at least 0, not -0.2"
        )
        with pytest.raises(NotImplementedError, match=r"^Schedule must define rate$"):
            Schedule()(0)

    @pytest.mark.parametrize(
        "schedule", [ExponentialDecay(1.0, 2.0), StepDecay(1.0, 1, factor=2.0)], ids=repr
    )
    def test_that_grow_too_far(self, schedule):
        assert schedule(10) == 1024.0
        with pytest.raises(ValueError) as caught:
            schedule(5000)
        assert str(caught.value) == (
            f"{type(schedule).__name__}: the learning rate of step 5000 must be finite, not inf"
        )


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: StepDecay(-1.0, 3), ValueError, "StepDecay: lr must be at least 0, not -1.0"),
        (
            lambda: StepDecay(1.0, 0),
            ValueError,
            "StepDecay: every must be a positive integer, not 0",
        ),
        (
            lambda: StepDecay(1.0, [3, 2.5]),
            TypeError,
            "StepDecay: every must be a positive integer, not 2.5",
        ),
        (
            lambda: StepDecay(1.0, (3, 3)),
            ValueError,
            "StepDecay: the milestones (3, 3) must grow",
        ),
        (
            lambda: StepDecay(1.0, 3, factor=math.nan),
            ValueError,
            "StepDecay: factor must be finite, not nan",
        ),
        (
            lambda: ExponentialDecay(math.inf, 0.5),
            ValueError,
            "ExponentialDecay: lr must be finite, not inf",
        ),
        (
            lambda: ExponentialDecay(1.0, -0.5),
            ValueError,
            "ExponentialDecay: factor must be at least 0, not -0.5",
        ),
        (
            lambda: CosineDecay(1.0, 10.0),
            TypeError,
            "CosineDecay: steps must be a positive integer, not 10.0",
        ),
        (
            lambda: CosineDecay(1.0, 10, warmup=10),
            ValueError,
            "CosineDecay: warmup 10 leaves none of the 10 steps for the decay",
        ),
        (
            lambda: CosineDecay(1.0, 10, warmup=-1),
            ValueError,
            "CosineDecay: warmup must be at least 0, not -1",
        ),
        (
            lambda: CosineDecay(1.0, 10, final=-0.1),
            ValueError,
            "CosineDecay: final must be at least 0, not -0.1",
        ),
        (
            lambda: OneCycle(1.0, 3),
            ValueError,
            "OneCycle: a rise of 0.3 of 3 steps leaves no step before the highest rate; more "
            "steps, or a longer rise",
        ),
        (
            lambda: OneCycle(1.0, 10, rise=1.0),
            ValueError,
            "OneCycle: rise must be at least 0 and less than 1, not 1.0",
        ),
        (
            lambda: OneCycle(1.0, 10, initial=0),
            ValueError,
            "OneCycle: initial must be greater than 0, not 0",
        ),
        (
            lambda: OneCycle(1.0, 10, final="1e4"),
            TypeError,
            "OneCycle: final must be a number, not '1e4'",
        ),
        (lambda: Noam(0), ValueError, "Noam: width must be a positive integer, not 0"),
        (
            lambda: Noam(64, warmup=0.5),
            TypeError,
            "Noam: warmup must be a positive integer, not 0.5",
        ),
        (lambda: Noam(64, scale=-1), ValueError, "Noam: scale must be at least 0, not -1"),
        (
            lambda: Plateau(1.0, factor=1.0),
            ValueError,
            "Plateau: factor must be at least 0 and less than 1, not 1.0",
        ),
        (
            lambda: Plateau(1.0, patience=-1),
            ValueError,
            "Plateau: patience must be at least 0, not -1",
        ),
        (
            lambda: Plateau(1.0, cooldown=0.5),
            TypeError,
            "Plateau: cooldown must be an integer, not 0.5",
        ),
        (lambda: Plateau(0.1, floor=1.0), ValueError, "Plateau: the floor 1.0 lies above lr 0.1"),
        (
            lambda: Plateau(0.1)(0.5),
            TypeError,
            "Plateau: losses must be a list of numbers, not 0.5",
        ),
        (
            lambda: Plateau(0.1)([[1.0], [2.0]]),
            TypeError,
            "Plateau: losses must be a list of numbers, not [[1.0], [2.0]]",
        ),
        (
            lambda: Plateau(0.1)("abc"),
            TypeError,
            "Plateau: losses must be a list of numbers, not 'abc'",
        ),
    ],
)
def test_mistakes_in_the_settings(make, error, message):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value) == message
