"""Recurrent layers of cs231n, as its notebooks on captioning use them.

Printed numbers are those with which the notebooks compare.
"""

import numpy as np
import pytest

from nnlayers.course.cs231n import rnn_layers
from nnlayers.course.cs231n.gradient_check import (
    eval_numerical_gradient,
    eval_numerical_gradient_array,
)
from nnlayers.course.cs231n.rnn_layers import (
    lstm_backward,
    lstm_forward,
    lstm_step_backward,
    lstm_step_forward,
    rnn_backward,
    rnn_forward,
    rnn_step_backward,
    rnn_step_forward,
    sigmoid,
    temporal_affine_backward,
    temporal_affine_forward,
    temporal_softmax_loss,
    word_embedding_backward,
    word_embedding_forward,
)


def rel_error(x, y):
    """As it is pasted into every notebook."""
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))


def ramp(low, high, *shape):
    """Evenly spaced numbers, of which the notebooks make their inputs."""
    return np.linspace(low, high, num=int(np.prod(shape))).reshape(shape)


def check(gradients, arrays, out, dout, bound):
    assert len(gradients) == len(arrays)
    for analytic, array in zip(gradients, arrays):
        numerical = eval_numerical_gradient_array(lambda _: out(), array, dout)
        assert rel_error(analytic, numerical) < bound


@pytest.fixture
def course():
    """Draw as a notebook does after np.random.seed(231), without touching the global generator."""
    return np.random.RandomState(231)


def test_rnn_step():
    N, D, H = 3, 10, 4
    x, prev_h = ramp(-0.4, 0.7, N, D), ramp(-0.2, 0.5, N, H)
    Wx, Wh, b = ramp(-0.1, 0.9, D, H), ramp(-0.3, 0.7, H, H), ramp(-0.2, 0.4, H)
    next_h, _ = rnn_step_forward(x, prev_h, Wx, Wh, b)
    expected = [
        [-0.58172089, -0.50182032, -0.41232771, -0.31410098],
        [0.66854692, 0.79562378, 0.87755553, 0.92795967],
        [0.97934501, 0.99144213, 0.99646691, 0.99854353],
    ]
    assert rel_error(next_h, np.array(expected)) < 1e-8


def test_rnn_step_backward(course):
    N, D, H = 4, 5, 6
    x, h, Wx, Wh, b = (
        course.randn(*shape) for shape in [(N, D), (N, H), (D, H), (H, H), (H,)]
    )  # fmt: skip
    out, cache = rnn_step_forward(x, h, Wx, Wh, b)
    dnext_h = course.randn(*out.shape)
    check(
        rnn_step_backward(dnext_h, cache),
        (x, h, Wx, Wh, b),
        lambda: rnn_step_forward(x, h, Wx, Wh, b)[0],
        dnext_h,
        1e-7,
    )


def test_rnn():
    N, T, D, H = 2, 3, 4, 5
    x, h0 = ramp(-0.1, 0.3, N, T, D), ramp(-0.3, 0.1, N, H)
    Wx, Wh, b = ramp(-0.2, 0.4, D, H), ramp(-0.4, 0.1, H, H), ramp(-0.7, 0.1, H)
    h, _ = rnn_forward(x, h0, Wx, Wh, b)
    first = [-0.42070749, -0.27279261, -0.11074945, 0.05740409, 0.22236251]
    last = [-0.51014825, -0.30524429, -0.06755202, 0.17806392, 0.40333043]
    assert h.shape == (N, T, H)
    assert rel_error(h[0, 0], np.array(first)) < 1e-7
    assert rel_error(h[1, 2], np.array(last)) < 1e-7


def test_rnn_backward(course):
    N, D, T, H = 2, 3, 10, 5
    x, h0, Wx, Wh, b = (
        course.randn(*shape) for shape in [(N, T, D), (N, H), (D, H), (H, H), (H,)]
    )  # fmt: skip
    out, cache = rnn_forward(x, h0, Wx, Wh, b)
    dout = course.randn(*out.shape)
    check(
        rnn_backward(dout, cache),
        (x, h0, Wx, Wh, b),
        lambda: rnn_forward(x, h0, Wx, Wh, b)[0],
        dout,
        1e-5,
    )


def test_word_embedding(course):
    x, W = np.asarray([[0, 3, 1, 2], [2, 1, 0, 3]]), ramp(0, 1, 5, 3)
    out, _ = word_embedding_forward(x, W)
    assert np.array_equal(out, W[x])
    assert rel_error(out[0, 1], np.array([0.64285714, 0.71428571, 0.78571429])) < 1e-8
    x, W = course.randint(5, size=(50, 3)), course.randn(5, 6)  # each word many times
    out, cache = word_embedding_forward(x, W)
    dout = course.randn(*out.shape)
    numerical = eval_numerical_gradient_array(lambda W: word_embedding_forward(x, W)[0], W, dout)
    assert rel_error(word_embedding_backward(dout, cache), numerical) < 1e-9


def test_lstm_step():
    N, D, H = 3, 4, 5
    x, prev_h, prev_c = ramp(-0.4, 1.2, N, D), ramp(-0.3, 0.7, N, H), ramp(-0.4, 0.9, N, H)
    Wx, Wh, b = ramp(-2.1, 1.3, D, 4 * H), ramp(-0.7, 2.2, H, 4 * H), ramp(0.3, 0.7, 4 * H)
    next_h, next_c, _ = lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b)
    expected_h = [0.24635157, 0.28610883, 0.32240467, 0.35525807, 0.38474904]
    expected_c = [0.32986176, 0.39145139, 0.451556, 0.51014116, 0.56717407]
    assert rel_error(next_h[0], np.array(expected_h)) < 1e-7
    assert rel_error(next_c[0], np.array(expected_c)) < 1e-7


def test_lstm_step_backward(course):
    N, D, H = 4, 5, 6
    arrays = [
        course.randn(*shape) for shape in [(N, D), (N, H), (N, H), (D, 4 * H), (H, 4 * H), (4 * H,)]
    ]
    next_h, next_c, cache = lstm_step_forward(*arrays)
    dnext_h, dnext_c = course.randn(*next_h.shape), course.randn(*next_c.shape)
    gradients = lstm_step_backward(dnext_h, dnext_c, cache)
    assert len(gradients) == 6
    for analytic, array in zip(gradients, arrays):
        numerical = eval_numerical_gradient_array(
            lambda _: lstm_step_forward(*arrays)[0], array, dnext_h
        ) + eval_numerical_gradient_array(lambda _: lstm_step_forward(*arrays)[1], array, dnext_c)
        assert rel_error(analytic, numerical) < 1e-6


def test_lstm():
    N, D, H, T = 2, 5, 4, 3
    x, h0 = ramp(-0.4, 0.6, N, T, D), ramp(-0.4, 0.8, N, H)
    Wx, Wh, b = ramp(-0.2, 0.9, D, 4 * H), ramp(-0.3, 0.6, H, 4 * H), ramp(0.2, 0.7, 4 * H)
    h, cache = lstm_forward(x, h0, Wx, Wh, b)
    first = [0.01764008, 0.01823233, 0.01882671, 0.0194232]
    last = [0.81733511, 0.83677871, 0.85403753, 0.86935314]
    assert rel_error(h[0, 0], np.array(first)) < 1e-7
    assert rel_error(h[1, 2], np.array(last)) < 1e-7


def test_lstm_backward(course):
    N, D, T, H = 2, 3, 10, 6
    x, h0, Wx, Wh, b = (
        course.randn(*shape) for shape in [(N, T, D), (N, H), (D, 4 * H), (H, 4 * H), (4 * H,)]
    )
    out, cache = lstm_forward(x, h0, Wx, Wh, b)
    dout = course.randn(*out.shape)
    gradients = lstm_backward(dout, cache)
    assert len(gradients) == 5
    check(
        gradients, (x, h0, Wx, Wh, b), lambda: lstm_forward(x, h0, Wx, Wh, b)[0], dout, 1e-5
    )  # fmt: skip


def test_temporal_affine(course):
    N, T, D, M = 2, 3, 4, 5
    x, w, b = course.randn(N, T, D), course.randn(D, M), course.randn(M)
    out, cache = temporal_affine_forward(x, w, b)
    dout = course.randn(*out.shape)
    assert out.shape == (N, T, M)
    check(
        temporal_affine_backward(dout, cache),
        (x, w, b),
        lambda: temporal_affine_forward(x, w, b)[0],
        dout,
        1e-9,
    )


class TestTemporalSoftmaxLoss:
    @pytest.mark.parametrize(
        "N, T, p, low, high", [(100, 1, 1.0, 2.29, 2.31), (100, 10, 1.0, 22.9, 23.1),
                               (5000, 10, 0.1, 2.2, 2.4)]
    )  # fmt: skip
    def test_sanity(self, course, N, T, p, low, high):
        x, y = 0.001 * course.randn(N, T, 10), course.randint(10, size=(N, T))
        mask = course.rand(N, T) <= p
        loss, _ = temporal_softmax_loss(x, y, mask)
        assert low < loss < high

    def test_gradient(self, course):
        N, T, V = 7, 8, 9
        x, y = course.randn(N, T, V), course.randint(V, size=(N, T))
        mask = course.rand(N, T) > 0.5
        _, dx = temporal_softmax_loss(x, y, mask, verbose=False)
        numerical = eval_numerical_gradient(
            lambda x: temporal_softmax_loss(x, y, mask)[0], x, verbose=False
        )
        assert rel_error(dx, numerical) < 1e-6

    def test_verbose(self, capsys):
        temporal_softmax_loss(
            np.zeros((2, 3, 4)), np.zeros((2, 3), int), np.ones((2, 3), bool), True
        )
        assert capsys.readouterr().out == "dx: (2, 3, 4)\n"

    def test_refuses(self):
        scores, mask = np.zeros((2, 3, 4)), np.ones((2, 3), bool)
        with pytest.raises(ValueError, match="^temporal_softmax_loss: .*4"):
            temporal_softmax_loss(scores, np.full((2, 3), 4), mask)
        with pytest.raises(ValueError, match="^temporal_softmax_loss: "):
            temporal_softmax_loss(scores, np.zeros((2, 3), int), mask[:, :2])


def test_sigmoid():
    assert sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist() == [0.0, 0.5, 1.0]
    assert sigmoid(np.array([0])).tolist() == [0.5]


def test_refuses():
    N, D, H = 2, 3, 4
    x, h, Wx, Wh, b = np.ones((N, D)), np.ones((N, H)), np.ones((D, H)), np.ones((H, H)), np.ones(H)
    with pytest.raises(ValueError, match="^rnn_step_forward: "):
        rnn_step_forward(x, h, Wx.T, Wh, b)
    with pytest.raises(ValueError, match="^rnn_forward: "):
        rnn_forward(x, h, Wx, Wh, b)
    with pytest.raises(ValueError, match="^lstm_forward: "):
        lstm_forward(x[:, None], h, Wx, Wh, b)  # weights of an RNN
    with pytest.raises(ValueError, match="^word_embedding_forward: .*5"):
        word_embedding_forward(np.array([[5]]), np.ones((5, 2)))
    with pytest.raises(TypeError, match="^word_embedding_forward: "):
        word_embedding_forward(np.array([[1.0]]), np.ones((5, 2)))
    with pytest.raises(ValueError, match="^word_embedding_backward: "):
        word_embedding_backward(
            np.ones((1, 2)), word_embedding_forward(np.array([[1]]), np.ones((5, 2)))[1]
        )


def test_public_names():
    assert rnn_layers.__all__ == sorted(rnn_layers.__all__)
    assert all(getattr(rnn_layers, name).__doc__ for name in rnn_layers.__all__)
