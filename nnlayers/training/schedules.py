"""Learning-rate schedules: the learning rate as a function of the step, counted from 0.

A schedule keeps nothing: ``opt.lr = schedule(step)`` before each step, in a loop of one's own as in
the :class:`Solver`, gives the same rates whenever training was stopped and resumed.
:class:`Plateau` alone is a function of the losses measured so far.
"""

import math

from nnlayers.layers.checks import complaint, describe, positive_int
from nnlayers.training.bounds import fraction, non_negative, positive, whole


class Schedule:
    """What every schedule of steps is: ``schedule(step)`` is the learning rate of that step.

    A schedule of your own derives from this class, names its ``settings``, which are attributes,
    and defines ``rate(step)``; one that ends has the attribute ``steps``.
    """

    settings = ()
    steps = None  # how many there are; None for a schedule without end

    def __call__(self, step):
        """Return the learning rate of a step.

        Parameters
        ----------
        step : int
            Number of steps made before.

        Returns
        -------
        float
            At least 0 and finite.

        Raises
        ------
        ValueError
            If the step lies before the beginning or beyond the end of the schedule, or its rate is
            negative or not finite.
        TypeError
            If step is no integer.
        """
        op = type(self).__name__
        at = whole(op, "step", step)
        if self.steps is not None and at >= self.steps:
            raise complaint(
                ValueError,
                op,
                f"step {at} is beyond the schedule's end: its {self.steps} steps are 0 to "
                f"{self.steps - 1}",
                "make it as long as the training",
            )
        try:
            lr = self.rate(at)
        except OverflowError:
            lr = math.inf
        return non_negative(op, f"the learning rate of step {at}", lr)

    def rate(self, step):
        """Return the learning rate of a step that has been checked; a schedule defines this."""
        raise NotImplementedError(f"{type(self).__name__} must define rate")

    def __repr__(self):
        words = [f"{name}={getattr(self, name)!r}" for name in self.settings]
        return f"{type(self).__name__}({', '.join(words)})"


class StepDecay(Schedule):
    """A learning rate that falls by a factor every so many steps.

    η(t) = η₀ γᵏ with k = ⌊t / every⌋, or k the number of milestones ≤ t

    Parameters
    ----------
    lr : float
        η₀.
    every : int or list of int
        After how many steps, or the milestones: the first step of each lower rate.
    factor : float
        γ.

    Raises
    ------
    ValueError, TypeError
        If a setting is out of range, or the milestones do not grow.

    Source
    ------
    He, Zhang, Ren, Sun, "Deep residual learning for image recognition" (2016), section 3.4.

    Examples
    --------
    >>> schedule = StepDecay(1.0, every=2, factor=0.5)
    >>> [schedule(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    >>> schedule = StepDecay(1.0, every=[1, 4], factor=0.5)
    >>> [schedule(step) for step in range(5)]
    [1.0, 0.5, 0.5, 0.5, 0.25]
    """

    settings = ("lr", "every", "factor")

    def __init__(self, lr, every, factor=0.1):
        op = "StepDecay"
        self.lr, self.factor = non_negative(op, "lr", lr), non_negative(op, "factor", factor)
        if isinstance(every, list | tuple):
            for milestone in every:
                positive_int(op, every=milestone)
            if any(a >= b for a, b in zip(every, every[1:])):
                raise complaint(ValueError, op, f"the milestones {describe(every)} must grow")
            self.every = [int(milestone) for milestone in every]
        else:
            positive_int(op, every=every)
            self.every = int(every)

    def rate(self, step):
        """Return η₀ γᵏ."""
        if isinstance(self.every, int):
            return self.lr * self.factor ** (step // self.every)
        return self.lr * self.factor ** sum(milestone <= step for milestone in self.every)


class ExponentialDecay(Schedule):
    """A learning rate that falls by the same factor in every step.

    η(t) = η₀ γᵗ

    Parameters
    ----------
    lr : float
        η₀.
    factor : float
        γ; for a factor F in each epoch of n steps, F^(1/n).

    Raises
    ------
    ValueError, TypeError
        If a setting is out of range.

    Source
    ------
    cs231n notes, "Annealing the learning rate".

    Examples
    --------
    >>> schedule = ExponentialDecay(0.8, 0.5)
    >>> schedule(0), schedule(3)
    (0.8, 0.1)
    """

    settings = ("lr", "factor")

    def __init__(self, lr, factor):
        self.lr = non_negative("ExponentialDecay", "lr", lr)
        self.factor = non_negative("ExponentialDecay", "factor", factor)

    def rate(self, step):
        """Return η₀ γᵗ."""
        return self.lr * self.factor**step


class CosineDecay(Schedule):
    """A learning rate that falls along half a cosine, after a warm-up along a line.

    η(t) = η₀ (t + 1) / W  for t < W,
    η(t) = f + ½ (η₀ - f) (1 + cos(π (t - W) / (T - W)))  from W to T

    Parameters
    ----------
    lr : float
        η₀, the highest.
    steps : int
        T, how many steps there are.
    warmup : int
        W, for how many of them it rises; W < T.
    final : float
        f, which it comes near in the last step.

    Raises
    ------
    ValueError, TypeError
        If a setting is out of range.

    Source
    ------
    Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017), eq. (5),
    without restarts.

    Examples
    --------
    >>> schedule = CosineDecay(1.0, steps=6, warmup=2)
    >>> [round(schedule(step), 3) for step in range(6)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146]
    """

    settings = ("lr", "steps", "warmup", "final")

    def __init__(self, lr, steps, warmup=0, final=0.0):
        op = "CosineDecay"
        self.lr, self.final = non_negative(op, "lr", lr), non_negative(op, "final", final)
        positive_int(op, steps=steps)
        self.steps, self.warmup = int(steps), whole(op, "warmup", warmup)
        if self.warmup >= self.steps:
            raise complaint(
                ValueError, op, f"warmup {warmup} leaves none of the {steps} steps for the decay"
            )

    def rate(self, step):
        """Return η(t)."""
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        return cosine(self.lr, self.final, (step - self.warmup) / (self.steps - self.warmup))


class OneCycle(Schedule):
    """A learning rate that rises to a high one and falls to almost nothing, along cosines.

    From lr / initial up to lr in the steps 0 to p = rise · T - 1, down to lr / (initial · final) in
    the last one, T - 1.

    Parameters
    ----------
    lr : float
        The highest.
    steps : int
        T, how many steps there are.
    rise : float
        Which part of them comes before the highest rate; more than 1 / T and less than 1.
    initial : float
        By how much the first rate is lower than the highest.
    final : float
        By how much the last rate is lower than the first.

    Raises
    ------
    ValueError, TypeError
        If a setting is out of range, or rise leaves no step on one side.

    Source
    ------
    Smith, Topin, "Super-convergence" (2018); in the form of PyTorch's ``OneCycleLR``, the learning
    rate alone.

    Examples
    --------
    >>> schedule = OneCycle(1.0, steps=10, rise=0.5, initial=10.0, final=100.0)
    >>> [round(schedule(step), 3) for step in (0, 2, 4, 9)]
    [0.1, 0.55, 1.0, 0.001]
    """

    settings = ("lr", "steps", "rise", "initial", "final")

    def __init__(self, lr, steps, rise=0.3, initial=25.0, final=1e4):
        op = "OneCycle"
        self.lr, self.rise = non_negative(op, "lr", lr), fraction(op, "rise", rise)
        self.initial, self.final = positive(op, "initial", initial), positive(op, "final", final)
        positive_int(op, steps=steps)
        self.steps = int(steps)
        if not 0.0 < self.rise * self.steps - 1.0 < self.steps - 1.0:
            raise complaint(
                ValueError,
                op,
                f"a rise of {rise} of {steps} steps leaves no step before the highest rate",
                "more steps, or a longer rise",
            )

    def rate(self, step):
        """Return η(t)."""
        first, peak = self.lr / self.initial, self.rise * self.steps - 1.0
        if step <= peak:
            return cosine(first, self.lr, step / peak)
        return cosine(self.lr, first / self.final, (step - peak) / (self.steps - 1.0 - peak))


class Noam(Schedule):
    """The transformer's learning rate: a warm-up along a line, then a fall as 1/√t.

    η(t) = scale · width^(-½) · min((t + 1)^(-½), (t + 1) · warmup^(-1.5))

    Parameters
    ----------
    width : int
        Of the model.
    warmup : int
        For how many steps it rises.
    scale : float
        Factor of all rates.

    Raises
    ------
    ValueError, TypeError
        If a setting is out of range.

    Source
    ------
    Vaswani et al., "Attention is all you need" (2017), eq. (3), whose first step is number 1.

    Examples
    --------
    >>> schedule = Noam(width=64, warmup=4)
    >>> [schedule(step) for step in (0, 3, 15)]
    [0.015625, 0.0625, 0.03125]
    """

    settings = ("width", "warmup", "scale")

    def __init__(self, width, warmup=4000, scale=1.0):
        positive_int("Noam", width=width, warmup=warmup)
        self.width, self.warmup = int(width), int(warmup)
        self.scale = non_negative("Noam", "scale", scale)

    def rate(self, step):
        """Return η(t)."""
        t = step + 1
        return self.scale / math.sqrt(self.width) * min(t**-0.5, t * self.warmup**-1.5)


def cosine(start, end, part):
    """Return the value between start and end at a part of the way along half a cosine."""
    return end + 0.5 * (start - end) * (1.0 + math.cos(math.pi * part))
