"""Recurrent layers: what the contract cannot say, and every error text."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import close, identical, outs
from nnlayers import (
    GRU,
    LSTM,
    RNN,
    Sequential,
    Sum,
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
from nnlayers.layers import sequences

KINDS = [
    SimpleNamespace(
        name="rnn",
        gates=1,
        states=1,
        bias=(),
        layer=RNN,
        step=(rnn_step_forward, rnn_step_backward),
        whole=(rnn_forward, rnn_backward),
    ),
    SimpleNamespace(
        name="lstm",
        gates=4,
        states=2,
        bias=(),
        layer=LSTM,
        step=(lstm_step_forward, lstm_step_backward),
        whole=(lstm_forward, lstm_backward),
    ),
    SimpleNamespace(
        name="gru",
        gates=3,
        states=1,
        bias=(2,),
        layer=GRU,
        step=(gru_step_forward, gru_step_backward),
        whole=(gru_forward, gru_backward),
    ),
]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def weights(kind, D, H, seed=0):
    G = kind.gates * H
    return drawn(D, G, seed=seed), drawn(H, G, seed=seed + 1), drawn(*kind.bias, G, seed=seed + 2)


def starts(kind, N, H, seed=10):
    return [drawn(N, H, seed=seed + i) for i in range(kind.states)]


def run(kind, x, states, ws, douts, mask=None):
    """Return the states of all steps, the last ones, and all gradients; douts are (dh, dlast)."""
    out, cache = kind.whole[0](x, *states, *ws, mask=mask)
    dout = douts[0] if kind.states == 1 else tuple(douts)
    gradients = kind.whole[1](dout, cache)
    if kind.states == 1:
        return out, [out[:, -1]], gradients
    return out[0], [out[0][:, -1], out[1]], gradients


def chain(kind, x, states, ws, douts, mask=None):
    """Do the same with the step pair, one step after the other."""
    N, T, _ = x.shape
    hs, caches, now = [], [], list(states)
    for t in range(T):
        out, cache = kind.step[0](x[:, t], *now, *ws)
        now = list(outs(out))
        hs.append(now[0])
        caches.append(cache)
    back = [np.zeros_like(now[0]), *douts[1:]][: kind.states]
    dx, sums = np.zeros_like(x), [np.zeros_like(w) for w in ws]
    for t in reversed(range(T)):
        back[0] = back[0] + douts[0][:, t]
        dx_t, *rest = kind.step[1](back[0] if kind.states == 1 else tuple(back), caches[t])
        dx[:, t] = dx_t
        back = rest[: kind.states]
        sums = [total + part for total, part in zip(sums, rest[kind.states :])]
    return np.stack(hs, 1), now, (dx, *back, *sums)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@given(st.data())
def test_sequences_equal_a_chain_of_steps(kind, data):
    N, T, D, H = (data.draw(st.integers(1, 4), label) for label in "NTDH")
    seed = data.draw(st.integers(0, 10**6), "seed")
    x, states, ws = drawn(N, T, D, seed=seed), starts(kind, N, H, seed), weights(kind, D, H, seed)
    douts = [drawn(N, T, H, seed=seed + 20), drawn(N, H, seed=seed + 21)]
    h, last, gradients = run(kind, x, states, ws, douts)
    h_chain, last_chain, gradients_chain = chain(kind, x, states, ws, douts)
    close((h, *last), (h_chain, *last_chain))
    close(gradients, gradients_chain, 1e-11)


@every_kind
def test_two_pieces_equal_the_whole(kind):
    N, T, D, H, cut = 3, 7, 4, 5, 3
    x, states, ws = drawn(N, T, D), starts(kind, N, H), weights(kind, D, H)
    douts = [drawn(N, T, H, seed=1), drawn(N, H, seed=2)]
    h, last, gradients = run(kind, x, states, ws, douts)

    out, cache = kind.whole[0](x[:, :cut], *states, *ws)
    first = outs(out)
    between = [first[0][:, -1], *first[1:]]
    h_2, last_2, gradients_2 = run(kind, x[:, cut:], between, ws, [douts[0][:, cut:], douts[1]])
    # the gradient of the second piece's start is that of the first piece's last state
    dx_2, *back = gradients_2[: 1 + kind.states]
    dh = douts[0][:, :cut].copy()
    dh[:, -1] += back[0]
    gradients_1 = kind.whole[1](dh if kind.states == 1 else (dh, back[1]), cache)
    close(np.concatenate((first[0], h_2), axis=1), h)
    close(tuple(last_2), tuple(last))
    close(np.concatenate((gradients_1[0], dx_2), axis=1), gradients[0])
    close(gradients_1[1 : 1 + kind.states], gradients[1 : 1 + kind.states])
    first_weight = 1 + kind.states
    close(
        tuple(a + b for a, b in zip(gradients_1[first_weight:], gradients_2[first_weight:])),
        gradients[first_weight:],
    )


@every_kind
def test_masked_sequences_equal_each_one_alone(kind):
    lengths, D, H = [4, 2, 5, 1], 3, 2
    N, T = len(lengths), max(lengths)
    mask = np.arange(T) < np.array(lengths)[:, None]
    x, states, ws = drawn(N, T, D), starts(kind, N, H), weights(kind, D, H)
    douts = [drawn(N, T, H, seed=1), drawn(N, H, seed=2)]
    h, last, gradients = run(kind, x, states, ws, douts, mask)
    sums = [np.zeros_like(w) for w in ws]
    for n, length in enumerate(lengths):
        # out repeats the last state where the mask is False, so its dout belongs to that state
        dh = douts[0][n : n + 1, :length].copy()
        dh[:, -1] += douts[0][n, length:].sum(axis=0)
        own = [state[n : n + 1] for state in states]
        h_n, last_n, gradients_n = run(
            kind, x[n : n + 1, :length], own, ws, [dh, douts[1][n : n + 1]]
        )
        close(h[n : n + 1, :length], h_n)
        assert (h[n, length:] == h[n, length - 1]).all()
        close(tuple(state[n : n + 1] for state in last), tuple(last_n))
        close(gradients[0][n : n + 1, :length], gradients_n[0])
        assert not gradients[0][n, length:].any()
        for mine, alone in zip(gradients[1:], gradients_n[1 : 1 + kind.states]):
            close(mine[n : n + 1], alone)
        sums = [total + part for total, part in zip(sums, gradients_n[1 + kind.states :])]
    close(gradients[1 + kind.states :], tuple(sums))


@every_kind
def test_what_stands_where_the_mask_is_false_does_not_matter(kind):
    x, states, ws = drawn(2, 5, 3), starts(kind, 2, 2), weights(kind, 3, 2)
    douts = [drawn(2, 5, 2, seed=1), drawn(2, 2, seed=2)]
    mask = np.array([[0, 0, 1, 1, 0], [1, 0, 1, 0, 1]], bool)
    expected = run(kind, x, states, ws, douts, mask)
    other = np.where(mask[:, :, None], x, 1e6)
    found = run(kind, other, states, ws, douts, mask)
    for a, b in zip(found, expected):
        identical(tuple(a), tuple(b))


@every_kind
def test_a_mask_of_numbers_or_of_nothing_left_out(kind):
    x, states, ws = drawn(2, 3, 3), starts(kind, 2, 2), weights(kind, 3, 2)
    mask = np.array([[1, 1, 0], [0, 1, 1]])
    expected, _ = kind.whole[0](x, *states, *ws, mask=mask.astype(bool))
    for numbers in (mask, mask.astype(np.float32), mask.tolist()):
        identical(kind.whole[0](x, *states, *ws, mask=numbers)[0], expected)
    identical(
        kind.whole[0](x, *states, *ws, mask=np.ones((2, 3)))[0], kind.whole[0](x, *states, *ws)[0]
    )


@every_kind
def test_the_size_of_blocks_changes_no_bit(kind, monkeypatch):
    x, states, ws = drawn(3, 9, 4), starts(kind, 3, 2), weights(kind, 4, 2)
    douts = [drawn(3, 9, 2, seed=1), drawn(3, 2, seed=2)]
    mask = np.random.default_rng(3).random((3, 9)) < 0.8
    results = []
    for size in (1, 3 * kind.gates * 3 * 2 * 8, 2**30):  # a step, three steps, all of them
        monkeypatch.setattr(sequences, "BLOCK_BYTES", size)
        results.append(run(kind, x, states, ws, douts, mask))
    for other in results[1:]:
        for a, b in zip(other, results[0]):
            close(tuple(a), tuple(b), 1e-14)


def test_blocks_cover_all_steps_in_order():
    assert sequences.blocks(0, 100) == []
    assert sequences.blocks(5, 2**40) == [slice(t, t + 1) for t in range(5)]
    assert sequences.blocks(5, 0) == [slice(0, 5)]
    assert sequences.blocks(5, sequences.BLOCK_BYTES // 2) == [
        slice(0, 2), slice(2, 4), slice(4, 5)
    ]  # fmt: skip


def test_aligned_memory_begins_at_a_cache_line():
    for shape in ((3,), (5, 7), (2, 3, 4), ()):
        for dtype in (np.float32, np.float64):
            array = sequences.aligned(shape, dtype)
            assert array.shape == shape
            assert array.dtype == dtype
            assert array.ctypes.data % 64 == 0
            assert array.flags.c_contiguous


@every_kind
@pytest.mark.parametrize("shape", [(2, 0, 3), (0, 4, 3), (0, 0, 3)])
def test_no_steps_and_no_sequences(kind, shape):
    N, T, D = shape
    states, ws = starts(kind, N, 2), weights(kind, D, 2)
    out, cache = kind.whole[0](np.zeros(shape), *states, *ws, mask=np.ones((N, T), bool))
    assert outs(out)[0].shape == (N, T, 2)
    dout = (np.zeros((N, T, 2)), drawn(N, 2, seed=5))[: kind.states]
    gradients = kind.whole[1](dout if kind.states == 2 else dout[0], cache)
    assert gradients[0].shape == shape
    if T == 0:  # the states pass through unchanged, and their gradients too
        for last, start in zip(outs(out)[1:], states[1:]):
            identical(last, start)
        for gradient, given_ in zip(gradients[2 : 1 + kind.states], dout[1:]):
            identical(gradient, given_)
    assert not any(gradient.any() for gradient in gradients[1 + kind.states :])


@every_kind
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("pair", ["step", "whole"])
def test_large_inputs_saturate_without_overflow(kind, dtype, pair):
    sign = np.array([[1.0], [-1.0]])
    x = (1e30 * sign).astype(dtype)
    x = x if pair == "step" else x[:, None].repeat(3, axis=1)
    ws = [np.abs(w).astype(dtype) for w in weights(kind, 1, 2)]
    states = [np.zeros((2, 2), dtype) for _ in range(kind.states)]
    out, cache = getattr(kind, pair)[0](x, *states, *ws)
    dout = tuple(np.ones_like(o) for o in outs(out))
    gradients = getattr(kind, pair)[1](dout if kind.states == 2 else dout[0], cache)
    for array in (*outs(out), *gradients):
        assert np.isfinite(array).all()


@every_kind
def test_sequences_that_lie_steps_first_are_not_special(kind):
    x, states, ws = drawn(3, 4, 2), starts(kind, 3, 5), weights(kind, 2, 5)
    douts = [drawn(3, 4, 5, seed=1), drawn(3, 5, seed=2)]
    expected = run(kind, x, states, ws, douts)
    turned = np.ascontiguousarray(x.swapaxes(0, 1)).swapaxes(0, 1)
    for a, b in zip(run(kind, turned, states, ws, douts), expected):
        identical(tuple(a), tuple(b))


@every_kind
def test_the_object_gives_one_gradient_for_each_input_it_got(kind):
    layer = kind.layer(3, 2, rng=0)
    x, states = drawn(4, 5, 3), starts(kind, 4, 2)
    for count in range(1 + kind.states):
        for none in range(count + 1):
            inputs = (x, *[None] * none, *states[none:count])
            out, cache = layer.forward(*inputs)
            gradients = layer.backward(np.ones_like(out), cache)
            given_ = 1 + count - none
            assert len(gradients) == given_ + 3
            dx, by_name = layer.gradients(np.ones_like(out), cache)
            assert list(by_name) == ["wx", "wh", "b"]
            identical(dx, gradients[0] if given_ == 1 else gradients[:given_])
            assert layer.gradients(np.ones_like(out), cache, need_dx=False)[0] is None


@every_kind
def test_the_object_takes_a_mask(kind):
    layer = kind.layer(3, 2, rng=0)
    x, mask = drawn(2, 4, 3), np.array([[1, 1, 0, 0], [1, 1, 1, 0]], bool)
    out, _ = layer.forward(x, mask=mask, train=True, rng=0)
    expected, _ = kind.whole[0](x, *[None] * kind.states, *layer.params.values(), mask=mask)
    identical(out, outs(expected)[0])
    identical(out[:, 3], out[[0, 1], [1, 2]])


@every_kind
def test_first_weights(kind):
    layer = kind.layer(200, 300, rng=0)
    again = kind.layer(200, 300, rng=np.random.default_rng(0))
    for a, b in zip(layer.params.values(), again.params.values()):
        identical(a, b)
    wx, wh, b = layer.params.values()
    assert np.var(wx) * 200 == pytest.approx(1, abs=0.02)
    assert np.var(wh) * 300 == pytest.approx(1, abs=0.02)
    expected = np.zeros((*kind.bias, kind.gates * 300))
    if kind.name == "lstm":
        expected[300:600] = 1.0  # nothing is forgotten at first
    identical(b, expected)
    single = kind.layer(3, 2, dtype=np.float32)
    assert {array.dtype for array in single.params.values()} == {np.dtype(np.float32)}
    assert repr(single) == f"{kind.layer.__name__}(3, 2, dtype='float32')"
    ones = kind.layer(3, 2, init=lambda shape, rng, dtype: np.ones(shape, dtype))
    assert (ones.params["wx"] == 1.0).all()
    assert (ones.params["wh"] == 1.0).all()


@every_kind
def test_in_a_chain_with_a_temporal_affine(kind):
    net = Sequential(kind.layer(3, 4, rng=0), TemporalAffine(4, 2, rng=1), Sum())
    loss, grads = net.loss(drawn(2, 5, 3))
    assert list(grads) == ["0.wx", "0.wh", "0.b", "1.w", "1.b"]
    identical(grads["1.b"], np.array([10.0, 10.0]))


def test_lstm_gives_its_last_memory_only_if_asked():
    x, states, dh, dc = (
        drawn(3, 4, 2),
        [drawn(3, 5), drawn(3, 5, seed=1)],
        drawn(3, 4, 5),
        drawn(3, 5),
    )
    alone = LSTM(2, 5, rng=0)
    both = LSTM.of(*alone.params.values(), return_state=True)
    assert repr(alone) == "LSTM(2, 5)"
    assert repr(both) == "LSTM(2, 5, return_state=True)"
    h, cache = alone.forward(x, *states)
    (h_too, c_last), cache_too = both.forward(x, *states)
    identical(h, h_too)
    assert c_last.shape == (3, 5)
    identical(alone.backward(dh, cache), both.backward((dh, None), cache_too))
    zeros = both.backward((dh, np.zeros((3, 5))), cache_too)
    identical(alone.backward(dh, cache), zeros)
    assert (both.backward((dh, dc), cache_too)[0] != zeros[0]).any()


@pytest.mark.parametrize("kind", KINDS[1:2], ids=lambda kind: kind.name)
@pytest.mark.parametrize("pair", ["step", "whole"])
def test_none_stands_for_a_zero_dout(kind, pair):
    x = drawn(3, 4, 2) if pair == "whole" else drawn(3, 2)
    forward, backward = getattr(kind, pair)
    (h, c), cache = forward(x, *starts(kind, 3, 5), *weights(kind, 2, 5))
    dh, dc = drawn(*h.shape, seed=3), drawn(*c.shape, seed=4)
    identical(backward((dh, None), cache), backward((dh, 0 * dc), cache))
    identical(backward((None, dc), cache), backward((0 * dh, dc), cache))
    identical(backward([dh, dc], cache), backward((dh, dc), cache))
    assert not any(gradient.any() for gradient in backward((None, None), cache))


def test_the_last_memory_is_no_window_into_the_cache():
    kind = KINDS[1]
    x, states, ws = drawn(3, 4, 2), starts(kind, 3, 5), weights(kind, 2, 5)
    (h, c_last), cache = lstm_forward(x, *states, *ws)
    expected = lstm_backward((h, c_last), cache)
    dout = (h.copy(), c_last.copy())
    c_last[...] = 7.0
    identical(lstm_backward(dout, cache), expected)


def test_gru_of_one_bias_has_none_on_the_state():
    x, h, (wx, wh, b) = drawn(3, 2), drawn(3, 4), weights(KINDS[2], 2, 4)
    two = np.stack((b[0], np.zeros(12)))
    for forward, backward, first in (
        (gru_step_forward, gru_step_backward, x),
        (gru_forward, gru_backward, x[:, None]),
    ):
        out, cache = forward(first, h, wx, wh, b[0])
        out_two, cache_two = forward(first, h, wx, wh, two)
        close(out, out_two)
        *rest, db = backward(out, cache)
        *rest_two, db_two = backward(out, cache_two)
        close(tuple(rest), tuple(rest_two))
        close(db, db_two[0])
        # the two rows differ in the candidate's part alone
        close(db_two[0, :8], db_two[1, :8])
        assert (np.abs(db_two[0, 8:] - db_two[1, 8:]) > 1e-6).all()


def test_temporal_affine_keeps_the_order_of_memory():
    x, w, b, dout = drawn(3, 4, 2), drawn(2, 5), drawn(5), drawn(3, 4, 5, seed=1)
    turned = np.ascontiguousarray(x.swapaxes(0, 1)).swapaxes(0, 1)
    out, cache = temporal_affine_forward(turned, w, b)
    assert out.swapaxes(0, 1).flags.c_contiguous  # not copied on the way from an LSTM
    close(out, temporal_affine_forward(x, w, b)[0])
    expected = temporal_affine_backward(dout, temporal_affine_forward(x, w, b)[1])
    close(temporal_affine_backward(dout, cache), expected)


def test_temporal_affine_objects():
    layer = TemporalAffine(3, 2, rng=0)
    assert repr(layer) == "TemporalAffine(3, 2)"
    assert repr(TemporalAffine(3, 2, bias=False)) == "TemporalAffine(3, 2, bias=False)"
    identical(layer.params["w"], TemporalAffine(3, 2, rng=np.random.default_rng(0)).params["w"])
    assert not layer.params["b"].any()
    assert TemporalAffine(3, 2, dtype=np.float32).params["w"].dtype == np.float32


def arrays(*shapes):
    return [np.zeros(shape) for shape in shapes]


def lstm_cache():
    return LSTM(3, 2).forward(np.zeros((4, 5, 3)))[1]


def rnn_cache():
    return RNN(3, 2).forward(np.zeros((4, 5, 3)))[1]


def lstm_step_cache():
    return lstm_step_forward(*arrays((4, 3), (4, 2), (4, 2), (3, 8), (2, 8), (8,)))[1]


ERRORS = [
    (
        lambda: rnn_forward(*arrays((4, 3), (4, 2), (3, 2), (2, 2), (2,))),
        "rnn_forward: x has 2 axes but sequences (N, T, D) have 3: got x (4, 3), h0 (4, 2), wx "
        "(3, 2), wh (2, 2), b (2,); rnn_step_forward takes one step",
    ),
    (
        lambda: rnn_step_forward(*arrays((4, 5, 3), (4, 2), (3, 2), (2, 2), (2,))),
        "rnn_step_forward: x has 3 axes but a step (N, D) has 2: got x (4, 5, 3), h (4, 2), wx "
        "(3, 2), wh (2, 2), b (2,); rnn_forward takes sequences",
    ),
    (
        lambda: lstm_forward(np.zeros(3), None, None, *arrays((3, 8), (2, 8), (8,))),
        "lstm_forward: x has 1 axes but sequences (N, T, D) have 3: got x (3,), wx (3, 8), wh (2,"
        " 8), b (8,)",
    ),
    (
        lambda: gru_step_forward(*arrays((4,), (4, 2), (3, 6), (2, 6), (6,))),
        "gru_step_forward: x has 1 axes but a step (N, D) has 2: got x (4,), h (4, 2), wx (3, 6),"
        " wh (2, 6), b (6,)",
    ),
    (
        lambda: rnn_forward(np.zeros((4, 5, 3)), None, *arrays((3, 2), (2, 3), (2,))),
        "rnn_forward: wh must be a matrix (H, H): got x (4, 5, 3), wx (3, 2), wh (2, 3), b (2,)",
    ),
    (
        lambda: lstm_forward(np.zeros((4, 5, 3)), None, None, *arrays((3, 8), (8, 2), (8,))),
        "lstm_forward: wh must be a matrix (H, 4 H): got x (4, 5, 3), wx (3, 8), wh (8, 2), b "
        "(8,); wh.T would fit",
    ),
    (
        lambda: gru_forward(np.zeros((4, 5, 3)), None, *arrays((3, 6), (6,), (6,))),
        "gru_forward: wh must be a matrix (H, 3 H): got x (4, 5, 3), wx (3, 6), wh (6,), b (6,)",
    ),
    (
        lambda: lstm_forward(np.zeros((4, 5, 3)), None, None, *arrays((8, 3), (2, 8), (8,))),
        "lstm_forward: wh has H = 2, so wx must be (D, 4 H) = (D, 8): got x (4, 5, 3), wx (8, 3),"
        " wh (2, 8), b (8,); wx.T would fit",
    ),
    (
        lambda: lstm_forward(np.zeros((4, 5, 3)), None, None, *arrays((3, 2), (2, 8), (8,))),
        "lstm_forward: wh has H = 2, so wx must be (D, 4 H) = (D, 8): got x (4, 5, 3), wx (3, 2),"
        " wh (2, 8), b (8,)",
    ),
    (
        lambda: rnn_step_forward(*arrays((4, 3), (4, 2), (3, 5), (2, 2), (2,))),
        "rnn_step_forward: wh has H = 2, so wx must be (D, H) = (D, 2): got x (4, 3), h (4, 2), "
        "wx (3, 5), wh (2, 2), b (2,)",
    ),
    (
        lambda: rnn_forward(np.zeros((4, 5, 3)), None, *arrays((6, 2), (2, 2), (2,))),
        "rnn_forward: x has 3 features per step but wx takes 6: got x (4, 5, 3), wx (6, 2), wh "
        "(2, 2), b (2,)",
    ),
    (
        lambda: lstm_step_forward(*arrays((4, 3), (4, 2), (4, 2), (3, 8), (2, 8), (1, 8))),
        "lstm_step_forward: wh has H = 2, so b must be (4 H,) = (8,): got x (4, 3), h (4, 2), c "
        "(4, 2), wx (3, 8), wh (2, 8), b (1, 8)",
    ),
    (
        lambda: gru_forward(np.zeros((4, 5, 3)), None, *arrays((3, 6), (2, 6), (3, 6))),
        "gru_forward: wh has H = 2, so b must be (3 H,) = (6,) or (2, 3 H) = (2, 6): got x (4, 5,"
        " 3), wx (3, 6), wh (2, 6), b (3, 6)",
    ),
    (
        lambda: rnn_forward(*arrays((4, 5, 3), (2,), (3, 2), (2, 2), (2,))),
        "rnn_forward: h0 must be (N, H) = (4, 2): got x (4, 5, 3), h0 (2,), wx (3, 2), wh (2, 2),"
        " b (2,)",
    ),
    (
        lambda: lstm_forward(np.zeros((4, 5, 3)), None, *arrays((5, 2), (3, 8), (2, 8), (8,))),
        "lstm_forward: c0 must be (N, H) = (4, 2): got x (4, 5, 3), c0 (5, 2), wx (3, 8), wh (2, "
        "8), b (8,)",
    ),
    (
        lambda: gru_step_forward(*arrays((4, 3), (4, 3), (3, 6), (2, 6), (6,))),
        "gru_step_forward: h must be (N, H) = (4, 2): got x (4, 3), h (4, 3), wx (3, 6), wh (2, "
        "6), b (6,)",
    ),
    (
        lambda: rnn_forward(
            np.zeros((4, 5, 3)), None, *arrays((3, 2), (2, 2), (2,)), mask=np.ones((4, 3))
        ),
        "rnn_forward: mask must have an entry for each step of each sequence, (4, 5): got x (4, "
        "5, 3), mask (4, 3); np.arange(T) < lengths[:, None] masks by length",
    ),
    (
        lambda: gru_forward(
            np.zeros((4, 5, 3)), None, *arrays((3, 6), (2, 6), (6,)), mask=np.full((4, 5), 0.5)
        ),
        "gru_forward: mask must be True or 1 where x has a step, and False or 0 elsewhere: got "
        "mask (4, 5); mask > 0 makes it so",
    ),
    (
        lambda: lstm_forward(
            np.zeros((4, 5, 3)), None, None, *arrays((3, 8), (2, 8), (8,)), mask=True
        ),
        "lstm_forward: mask must have an entry for each step of each sequence, (4, 5): got x (4, "
        "5, 3), mask (); np.arange(T) < lengths[:, None] masks by length",
    ),
    (
        lambda: lstm_backward(np.zeros((4, 5, 2)), lstm_cache()),
        "lstm_backward: dout must be a pair, one for each of forward's outs: got dout (4, 5, 2); "
        "None stands for zeros: (dh, None)",
    ),
    (
        lambda: lstm_backward((np.zeros((4, 5, 2)), np.zeros((4, 3))), lstm_cache()),
        "lstm_backward: dout must have the shape of forward's out, (4, 2): got dout (4, 3); pass "
        "the dout and the cache of the same forward call",
    ),
    (
        lambda: lstm_step_backward((None,), lstm_step_cache()),
        "lstm_step_backward: dout must be a pair, one for each of forward's outs: got dout "
        "(None,); None stands for zeros: (dh, None)",
    ),
    (
        lambda: rnn_backward(np.zeros((4, 5, 2)), (1, 2)),
        "rnn_backward: cache must be the RNNCache that rnn_forward returned, not a tuple (1, 2); "
        "pass the cache of the matching forward call",
    ),
    (
        lambda: rnn_step_backward(np.zeros((4, 2)), rnn_cache()),
        "rnn_step_backward: cache must be the RNNStepCache that rnn_step_forward returned, not a "
        "tuple ((4, 5, 3), None, (3, 2), (2, 2), (6, 4, 2), None); pass the cache of the matching"
        " forward call",
    ),
    (
        lambda: gru_backward(np.zeros((4, 5, 2)), None),
        "gru_backward: cache must be the GRUCache that gru_forward returned, not NoneType None; "
        "pass the cache of the matching forward call",
    ),
    (
        lambda: gru_step_backward(np.zeros((4, 2)), None),
        "gru_step_backward: cache must be the GRUStepCache that gru_step_forward returned, not "
        "NoneType None; pass the cache of the matching forward call",
    ),
    (
        lambda: lstm_step_backward(np.zeros((4, 2)), None),
        "lstm_step_backward: cache must be the LSTMStepCache that lstm_step_forward returned, not"
        " NoneType None; pass the cache of the matching forward call",
    ),
    (
        lambda: lstm_backward(np.zeros((4, 2)), lstm_step_cache()),
        "lstm_backward: cache must be the LSTMCache that lstm_forward returned, not a tuple ((4, "
        "3), (4, 2), (4, 2), (3, 8), (2, 8), (4, 4, 2), (4, 2)); pass the cache of the matching "
        "forward call",
    ),
    (
        lambda: RNN.of(*arrays((3, 2), (2, 3), (2,))),
        "RNN.of: wh must be a matrix (H, H): got wx (3, 2), wh (2, 3), b (2,)",
    ),
    (
        lambda: LSTM.of(*arrays((3, 2), (2, 8), (8,))),
        "LSTM.of: wh has H = 2, so wx must be (D, 4 H) = (D, 8): got wx (3, 2), wh (2, 8), b (8,)",
    ),
    (
        lambda: GRU.of(*arrays((3, 6), (2, 6), (2, 3))),
        "GRU.of: wh has H = 2, so b must be (3 H,) = (6,) or (2, 3 H) = (2, 6): got wx (3, 6), wh"
        " (2, 6), b (2, 3)",
    ),
    (
        lambda: LSTM(3, 0),
        "LSTM: hidden must be a positive integer, not 0",
    ),
    (
        lambda: temporal_affine_forward(*arrays((4, 3), (3, 2), (2,))),
        "temporal_affine_forward: x has 2 axes but sequences (N, T, D) have 3: got x (4, 3), w "
        "(3, 2), b (2,); affine_forward takes (N, D)",
    ),
    (
        lambda: temporal_affine_forward(*arrays((4, 5, 6, 3), (3, 2))),
        "temporal_affine_forward: x has 4 axes but sequences (N, T, D) have 3: got x (4, 5, 6, "
        "3), w (3, 2); matmul_forward(x, w) applies w to the last axis",
    ),
    (
        lambda: temporal_affine_forward(*arrays((4, 5, 2), (3, 2), (2,))),
        "temporal_affine_forward: x has 2 features per step but w takes 3: got x (4, 5, 2), w (3,"
        " 2), b (2,); w.T would fit",
    ),
    (
        lambda: temporal_affine_forward(*arrays((4, 5, 7), (3, 2))),
        "temporal_affine_forward: x has 7 features per step but w takes 3: got x (4, 5, 7), w (3,"
        " 2); w must be (7, M)",
    ),
    (
        lambda: temporal_affine_forward(*arrays((4, 5, 3), (3,))),
        "temporal_affine_forward: w must be a matrix (D, M), not 1-d: got x (4, 5, 3), w (3,)",
    ),
    (
        lambda: temporal_affine_forward(*arrays((4, 5, 3), (3, 2), (1, 2))),
        "temporal_affine_forward: w has 2 outputs but b has shape (1, 2): got x (4, 5, 3), w (3, "
        "2), b (1, 2); b must be (2,)",
    ),
    (
        lambda: temporal_affine_backward(
            np.zeros((4, 5, 2)), (np.zeros((4, 3)), np.zeros((3, 2)), None)
        ),
        "temporal_affine_backward: cache must be the tuple (x, w, b) that temporal_affine_forward"
        " returned, not a tuple ((4, 3), (3, 2), None); pass the cache of the matching forward "
        "call",
    ),
    (
        lambda: TemporalAffine.of(np.zeros(3)),
        "TemporalAffine.of: w must be a matrix (D, M), not 1-d: got w (3,)",
    ),
    (
        lambda: TemporalAffine.of(*arrays((3, 2), (3,))),
        "TemporalAffine.of: w has 2 outputs but b has shape (3,): got w (3, 2), b (3,); b must be"
        " (2,)",
    ),
    (
        lambda: TemporalAffine(3, -1),
        "TemporalAffine: out_features must be a positive integer, not -1",
    ),
]

TYPE_ERRORS = [
    (
        lambda: RNN(3, 2).forward(),
        "RNN: x is missing; call forward(x, h0)",
    ),
    (
        lambda: LSTM(3, 2).forward(1, 2, 3, 4),
        "LSTM: takes 3 inputs but got 4; call forward(x, h0, c0)",
    ),
    (
        lambda: GRU(3, 2, rng="0"),
        "GRU: rng must be an int seed, a numpy.random.Generator or None, not '0'; "
        "np.random.default_rng(0) makes a generator",
    ),
    (
        lambda: GRU(3, 2.0),
        "GRU: hidden must be a positive integer, not 2.0",
    ),
    (
        lambda: LSTM.of(np.zeros((3, 8)), np.zeros((2, 8), np.float32), np.zeros(8)),
        "LSTM.of: wh is float32 but wx is float64: got wx (3, 8) float64, wh (2, 8) float32, b "
        "(8,) float64; wh.astype(np.float64) or wx.astype(np.float32)",
    ),
]


@pytest.mark.parametrize(("call", "text"), ERRORS, ids=[text[:60] for _, text in ERRORS])
def test_value_errors(call, text):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == text


@pytest.mark.parametrize(("call", "text"), TYPE_ERRORS, ids=[text[:60] for _, text in TYPE_ERRORS])
def test_type_errors(call, text):
    with pytest.raises(TypeError) as caught:
        call()
    assert str(caught.value) == text
