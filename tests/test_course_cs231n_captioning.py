"""The captioning net of cs231n, as its notebooks use it.

Printed numbers are those with which the notebooks compare.
"""

# ruff: noqa: NPY002 (notebooks draw from the global generator)

import numpy as np
import pytest

from nnlayers import numerical_gradient
from nnlayers.course.cs231n.classifiers import rnn
from nnlayers.course.cs231n.classifiers.rnn import CaptioningRNN

VOCABULARY = {"<NULL>": 0, "cat": 2, "dog": 3}


def ramp(low, high, *shape):
    """Evenly spaced numbers, of which the notebooks make their inputs."""
    return np.linspace(low, high, num=int(np.prod(shape))).reshape(shape)


@pytest.mark.parametrize(
    "cell_type, low, high, expected",
    [("rnn", -1.5, 0.3, 9.83235591003), ("lstm", -0.5, 1.7, 9.82445935443)],
)
def test_loss(cell_type, low, high, expected):
    N, D, W, H, T = 10, 20, 30, 40, 13
    model = CaptioningRNN(
        VOCABULARY,
        input_dim=D,
        wordvec_dim=W,
        hidden_dim=H,
        cell_type=cell_type,
        dtype=np.float64,
        rng=0,
    )
    for name, array in model.params.items():
        model.params[name] = ramp(-1.4, 1.3, *array.shape)
    captions = (np.arange(N * T) % 3).reshape(N, T)
    loss, grads = model.loss(ramp(low, high, N, D), captions)
    assert abs(loss - expected) < 1e-10
    assert grads.keys() == model.params.keys()


@pytest.mark.parametrize("cell_type", ["rnn", "lstm"])
def test_gradients(cell_type):
    course = np.random.RandomState(231)
    batch_size, timesteps, input_dim, wordvec_dim, hidden_dim = 2, 3, 4, 5, 6
    vocabulary = {"<NULL>": 0, "cat": 1, "dog": 2, "red": 3}
    captions = course.randint(4, size=(batch_size, timesteps))
    features = course.randn(batch_size, input_dim)
    model = CaptioningRNN(
        vocabulary, input_dim, wordvec_dim, hidden_dim, cell_type, np.float64, rng=course
    )
    loss, grads = model.loss(features, captions)
    for name, gradient in grads.items():
        numerical, error = numerical_gradient(
            lambda _: model.loss(features, captions)[0], model.params[name], return_error=True
        )
        assert (np.abs(gradient - numerical) <= 4 * error + 1e-10).all()
        assert np.abs(gradient).max() > 1e-4


def test_padding_is_not_counted():
    model = CaptioningRNN(VOCABULARY, 3, 4, 5, dtype=np.float64, rng=0)
    features = ramp(-1, 1, 1, 3)
    short = model.loss(features, [[2, 2, 0]])[0]
    assert model.loss(features, [[2, 2, 0, 0, 0]])[0] == pytest.approx(short, rel=1e-12)
    assert model.loss(features, [[2, 2, 2]])[0] > short


@pytest.mark.parametrize("cell_type", ["rnn", "lstm"])
def test_it_learns_captions_and_says_them(cell_type):
    """Overfit a few captions, as the notebook does, and sample them."""
    words = ["<NULL>", "<START>", "<END>", "a", "cat", "dog", "sleeps", "runs"]
    vocabulary = {word: i for i, word in enumerate(words)}
    captions = np.array([[1, 3, 4, 6, 2, 0], [1, 3, 5, 7, 2, 0], [1, 5, 6, 2, 0, 0]])
    features = np.eye(3, 7, dtype=np.float32)
    model = CaptioningRNN(vocabulary, 7, 16, 24, cell_type, rng=0)
    assert all(array.dtype == np.float32 for array in model.params.values())
    for _ in range(250):
        loss, grads = model.loss(features, captions)
        for name, gradient in grads.items():
            assert gradient.dtype == np.float32
            model.params[name] -= 0.3 * gradient
    assert loss < 0.1
    said = model.sample(features, max_length=5)
    assert said.dtype == np.int32
    for row, caption in zip(said, captions):
        length = list(caption).index(2)  # <END>
        assert row[:length].tolist() == caption[1 : length + 1].tolist()
    assert model.sample(features).shape == (3, 30)
    assert model.sample(features[:0]).shape == (0, 30)


@pytest.mark.parametrize("cell_type", ["rnn", "lstm"])
def test_each_word_is_the_likeliest_after_those_before_it(cell_type):
    words = ["<NULL>", "<START>", "<END>", *"abcdefgh"]
    vocabulary = {word: i for i, word in enumerate(words)}
    model = CaptioningRNN(vocabulary, 3, 4, 12, cell_type, np.float64, rng=1)
    for name in ("W_embed", "Wh", "W_vocab"):
        model.params[name] = 3 * model.params[name] / model.params[name].std()
    features, params = np.random.default_rng(0).standard_normal((5, 3)), model.params
    said = model.sample(features, max_length=8)
    assert len({tuple(row) for row in said}) > 1
    inputs = np.concatenate([np.ones((5, 1), int), said[:, :-1]], axis=1)  # from <START> on
    run = rnn.lstm_forward if cell_type == "lstm" else rnn.rnn_forward
    h0 = features @ params["W_proj"] + params["b_proj"]
    h, _ = run(params["W_embed"][inputs], h0, params["Wx"], params["Wh"], params["b"])
    scores = h @ params["W_vocab"] + params["b_vocab"]
    assert np.array_equal(said, scores.argmax(axis=2))


def test_weights_of_a_seed():
    state = np.random.get_state()
    try:
        np.random.seed(231)
        model = CaptioningRNN(VOCABULARY, 3, 4, 5, "lstm", dtype=np.float64)
    finally:
        np.random.set_state(state)
    draws = np.random.RandomState(231)  # in the order of the course's constructor
    assert np.array_equal(model.params["W_embed"], draws.randn(3, 4) / 100)
    assert np.array_equal(model.params["W_proj"], draws.randn(3, 5) / np.sqrt(3))
    assert np.array_equal(model.params["Wx"], draws.randn(4, 20) / np.sqrt(4))
    assert np.array_equal(model.params["Wh"], draws.randn(5, 20) / np.sqrt(5))
    assert np.array_equal(model.params["W_vocab"], draws.randn(5, 3) / np.sqrt(5))
    assert {name for name, array in model.params.items() if not array.any()} == {
        "b_proj",
        "b",
        "b_vocab",
    }
    assert model.idx_to_word == {0: "<NULL>", 2: "cat", 3: "dog"}
    assert (model._null, model._start, model._end) == (0, None, None)


def test_refuses():
    def text(error, *args, **settings):
        with pytest.raises(error) as caught:
            CaptioningRNN(*args, **settings)
        return str(caught.value)

    assert text(ValueError, VOCABULARY, cell_type="gru") == (
        'CaptioningRNN: cell_type must be "rnn" or "lstm", not \'gru\''
    )
    assert text(ValueError, {"cat": 0}) == (
        "CaptioningRNN: word_to_idx of 1 words lacks <NULL>; it fills captions up to their length"
    )
    assert text(TypeError, VOCABULARY, cell="rnn") == (
        "CaptioningRNN: unknown keyword cell; there are word_to_idx, input_dim, wordvec_dim, "
        "hidden_dim, cell_type, dtype, rng"
    )
    model = CaptioningRNN(VOCABULARY, 3, 4, 5, rng=0)
    with pytest.raises(ValueError) as caught:
        model.sample(np.zeros((1, 3)))
    assert str(caught.value) == (
        "CaptioningRNN.sample: word_to_idx of 3 words lacks <START>; captions begin with it"
    )
    with pytest.raises(ValueError, match="^affine_forward: "):
        model.loss(np.zeros((1, 4)), np.zeros((1, 3), int))


def test_a_star_imports_the_layers_too():
    assert {"rnn_forward", "affine_forward", "CaptioningRNN"} <= set(rnn.__all__)
    assert all(hasattr(rnn, name) for name in rnn.__all__)
