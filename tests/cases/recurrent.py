"""Cases of the recurrent layers and of temporal affine."""

from itertools import product

import numpy as np

import reference.recurrent as naive
from cases.case import Case, normal
from nnlayers import (
    GRU,
    LSTM,
    RNN,
    TemporalAffine,
    gru_backward,
    gru_forward,
    gru_step_backward,
    gru_step_forward,
    lstm_backward,
    lstm_forward,
    lstm_step_backward,
    lstm_step_forward,
    rnn_backward,
    rnn_forward,
    rnn_step_backward,
    rnn_step_forward,
    temporal_affine_backward,
    temporal_affine_forward,
)

T, D, H = 5, 3, 4  # N is 6, so every size is another
# sequences of the lengths 5, 3, 1 and 0, one with a gap, and one that begins late
MASK = np.array(
    [
        [1, 1, 1, 1, 1],
        [1, 1, 1, 0, 0],
        [1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [1, 0, 1, 1, 0],
        [0, 0, 1, 1, 1],
    ],
    bool,
)


def _weights(rng, gates, bias, D, H):
    """Draw wx, wh and b for so many gates."""
    return (
        rng.standard_normal((D, gates * H)),
        rng.standard_normal((H, gates * H)),
        rng.standard_normal((*bias, gates * H)),
    )


def _lstm_rows(torch, w):
    """Turn columns of the gates i, f, o, g into PyTorch's rows i, f, g, o."""
    i, f, o, g = w.T.chunk(4)
    return torch.cat((i, f, g, o))


def _torch_weights(torch, gates, wx, wh, b):
    """Return the weights as PyTorch takes them: rows, and two biases."""
    if gates == 4:
        wx, wh, b = _lstm_rows(torch, wx), _lstm_rows(torch, wh), _lstm_rows(torch, b[None]).ravel()
    else:
        wx, wh = wx.T, wh.T
    b0, b1 = b if b.ndim == 2 else (b, torch.zeros_like(b))
    return wx, wh, b0, b1


def _torch_start(torch, x, start):
    return x.new_zeros(len(x), H) if start is None else start


def _torch_sequence(function, gates):
    """Run one of PyTorch's own recurrent functions, ``torch.lstm`` and so on."""

    def run(torch, x, *arguments):
        starts, weights = arguments[:-3], _torch_weights(torch, gates, *arguments[-3:])
        starts = tuple(_torch_start(torch, x, start)[None] for start in starts)
        out, *last = getattr(torch, function)(
            x, starts if len(starts) > 1 else starts[0], weights, True, 1, 0.0, False, False, True
        )
        return (out, last[1][0]) if gates == 4 else out

    return run


def _torch_steps(function, gates):
    """Run PyTorch's cell step by step, keeping the states where MASK is False."""

    def run(torch, x, *arguments):
        weights = _torch_weights(torch, gates, *arguments[-3:])
        states = [_torch_start(torch, x, start) for start in arguments[:-3]]
        outs = []
        for t in range(T):
            after = getattr(torch, function)(
                x[:, t], states if len(states) > 1 else states[0], *weights
            )
            after = after if isinstance(after, tuple) else (after,)
            here = torch.tensor(MASK[:, t, None])
            states = [torch.where(here, new, old) for new, old in zip(after, states)]
            outs.append(states[0])
        out = torch.stack(outs, 1)
        return (out, states[1]) if gates == 4 else out

    return run


def _torch_cell(function, gates):
    def run(torch, x, *arguments):
        states, weights = arguments[:-3], _torch_weights(torch, gates, *arguments[-3:])
        return getattr(torch, function)(x, states if len(states) > 1 else states[0], *weights)

    return run


def _cases(name, step, whole, references, layer, gates, states, torch, bias=()):
    """Make the cases of a kind of recurrent layer: a step, sequences, a start, a mask."""
    cell, function = torch
    width = max(6 // gates, 2)
    square = gates * width, width  # D and H; wx is square then

    def sequence(title, *starts, torch, sizes=(D, H), **keywords):
        return Case(
            f"{name} {title}".strip(),
            *whole,
            lambda rng, N: (
                rng.standard_normal((N, T, sizes[0])),
                *(rng.standard_normal((N, sizes[1])) if given else None for given in starts),
                *_weights(rng, gates, bias, *sizes),
            ),
            references[1],
            layer,
            parameters=3,
            batched=(0, *(i + 1 for i, given in enumerate(starts) if given)),
            torch=torch,
            **keywords,
        )

    def one_step(title, sizes):
        return Case(
            f"{name}_step {title}".strip(),
            *step,
            lambda rng, N: (
                rng.standard_normal((N, sizes[0])),
                *(rng.standard_normal((N, sizes[1])) for _ in range(states)),
                *_weights(rng, gates, bias, *sizes),
            ),
            references[0],
            None,
            parameters=3,
            batched=range(1 + states),
            torch=_torch_cell(cell, gates),
        )

    yield one_step("", (D, H))
    yield one_step("square", square)
    yield sequence(
        "square", *(True,) * states, torch=_torch_sequence(function, gates), sizes=square
    )
    for given in product((True, False), repeat=states):
        missing = [start for start, is_given in zip(("h0", "c0"), given) if not is_given]
        title = f"without {' and '.join(missing)}" if missing else ""
        yield sequence(title, *given, torch=_torch_sequence(function, gates))
    yield sequence(
        "masked",
        *(True,) * states,
        torch=_torch_steps(cell, gates),
        settings={"mask": MASK},
        batched_settings=("mask",),
    )


CASES = [
    *_cases(
        "rnn",
        (rnn_step_forward, rnn_step_backward),
        (rnn_forward, rnn_backward),
        (naive.rnn_step, naive.rnn),
        RNN.of,
        1,
        1,
        ("rnn_tanh_cell", "rnn_tanh"),
    ),
    *_cases(
        "lstm",
        (lstm_step_forward, lstm_step_backward),
        (lstm_forward, lstm_backward),
        (naive.lstm_step, naive.lstm),
        lambda *weights: LSTM.of(*weights, return_state=True),
        4,
        2,
        ("lstm_cell", "lstm"),
    ),
    *(
        case
        for name, bias in (("gru", (2,)), ("gru of one bias", ()))
        for case in _cases(
            name,
            (gru_step_forward, gru_step_backward),
            (gru_forward, gru_backward),
            (naive.gru_step, naive.gru),
            GRU.of,
            3,
            1,
            ("gru_cell", "gru"),
            bias,
        )
    ),
    Case(
        "temporal_affine",
        temporal_affine_forward,
        temporal_affine_backward,
        normal(T, D, parameters=[(D, 4), (4,)]),
        naive.temporal_affine,
        TemporalAffine.of,
        parameters=2,
        torch=lambda torch, x, w, b: torch.nn.functional.linear(x, w.T, b),
    ),
    Case(
        "temporal_affine, square",
        temporal_affine_forward,
        temporal_affine_backward,
        normal(6, 6, parameters=[(6, 6), (6,)]),
        naive.temporal_affine,
        TemporalAffine.of,
        parameters=2,
        torch=lambda torch, x, w, b: torch.nn.functional.linear(x, w.T, b),
    ),
    Case(
        "temporal_affine without bias",
        temporal_affine_forward,
        temporal_affine_backward,
        normal(T, D, parameters=[(D, 4)]),
        naive.temporal_affine,
        TemporalAffine.of,
        parameters=1,
        torch=lambda torch, x, w: torch.nn.functional.linear(x, w.T),
    ),
]
