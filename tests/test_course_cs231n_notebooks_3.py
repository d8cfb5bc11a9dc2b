"""The notebooks of cs231n on captions, RNN and LSTM, from the first cell to the last.

Everything is imported as the course does, from modules of the course's names, and called with its
arguments; what a notebook asks to be looked at is asserted.
"""

# ruff: noqa: F403, F405, NPY002 (as notebooks are written)

import numpy as np
import pytest

from nnlayers.course.cs231n.captioning_solver import CaptioningSolver
from nnlayers.course.cs231n.classifiers.rnn import CaptioningRNN
from nnlayers.course.cs231n.coco_utils import decode_captions, sample_coco_minibatch
from nnlayers.course.cs231n.gradient_check import (
    eval_numerical_gradient,
    eval_numerical_gradient_array,
)
from nnlayers.course.cs231n.image_utils import image_from_url
from nnlayers.course.cs231n.rnn_layers import *

WORDS = ["<NULL>", "<START>", "<END>", "<UNK>", "a", "cat", "dog", "sits", "runs", "on", "grass"]


def rel_error(x, y):
    return np.max(np.abs(x - y) / (np.maximum(1e-8, np.abs(x) + np.abs(y))))


@pytest.fixture(autouse=True)
def notebook():
    """Run seeded; put the global generator's state back afterwards."""
    state = np.random.get_state()
    np.random.seed(231)
    yield
    np.random.set_state(state)


@pytest.fixture
def small_data():
    """The dict that load_coco_data(max_train=...) returns, of which its own test is elsewhere."""
    sentences = [
        [4, 5, 7, 9, 10], [4, 6, 8], [4, 5, 8, 9, 4, 10], [4, 6, 7], [5, 8], [6, 7, 9, 3],
    ]  # fmt: skip
    captions = np.zeros((len(sentences), 9), np.int32)
    for row, sentence in zip(captions, sentences):
        row[: len(sentence) + 2] = [1, *sentence, 2]
    data = {"idx_to_word": WORDS, "word_to_idx": {word: i for i, word in enumerate(WORDS)}}
    for split in ("train", "val"):
        data[f"{split}_captions"] = captions
        data[f"{split}_image_idxs"] = np.arange(len(captions))[::-1]
        data[f"{split}_features"] = np.random.randn(len(captions), 16).astype(np.float32)
        data[f"{split}_urls"] = np.array([f"http://127.0.0.1:1/{i}.jpg" for i in range(6)])
    return data


def check_layer(forward, backward, names, arrays):
    """Compare the gradients of a layer over time with numerical ones."""
    out, cache = forward(*arrays)
    dout = np.random.randn(*out.shape)
    for name, array, gradient in zip(names, arrays, backward(dout, cache)):
        numerical = eval_numerical_gradient_array(lambda _: forward(*arrays)[0], array, dout)
        assert rel_error(numerical, gradient) < 1e-6, name


def check_loss(N, T, V, p):
    """Return the loss of scores that say nothing, where a share p of the words counts."""
    x, y = 0.001 * np.random.randn(N, T, V), np.random.randint(V, size=(N, T))
    mask = np.random.rand(N, T) <= p
    return temporal_softmax_loss(x, y, mask)[0]


def check_captions(cell_type, data):
    """The last cells of both notebooks: a net's gradients, its training and its captions."""
    batch_size, timesteps, input_dim, wordvec_dim, hidden_dim = 2, 3, 4, 5, 6
    captions = np.random.randint(4, size=(batch_size, timesteps))
    features = np.random.randn(batch_size, input_dim)
    model = CaptioningRNN(
        {"<NULL>": 0, "cat": 1, "dog": 2, "rat": 3},
        input_dim=input_dim,
        wordvec_dim=wordvec_dim,
        hidden_dim=hidden_dim,
        cell_type=cell_type,
        dtype=np.float64,
    )
    loss, grads = model.loss(features, captions)
    for param_name in sorted(grads):
        numerical = eval_numerical_gradient(
            lambda _: model.loss(features, captions)[0],
            model.params[param_name],
            verbose=False,
            h=1e-6,
        )
        assert rel_error(numerical, grads[param_name]) < 1e-3

    model = CaptioningRNN(
        cell_type=cell_type,
        word_to_idx=data["word_to_idx"],
        input_dim=data["train_features"].shape[1],
        hidden_dim=48,
        wordvec_dim=24,
    )
    solver = CaptioningSolver(
        model,
        data,
        update_rule="adam",
        num_epochs=120,
        batch_size=6,
        optim_config={"learning_rate": 1e-2},
        lr_decay=0.995,
        verbose=False,
        print_every=10,
    )
    solver.train()
    assert len(solver.loss_history) == 120
    assert solver.loss_history[-1] < 0.1 < 5 < solver.loss_history[0]
    said = {}
    for split in ["train", "val"]:
        gt_captions, features, _ = sample_coco_minibatch(data, split=split, batch_size=20)
        gt_captions = decode_captions(gt_captions, data["idx_to_word"])
        sample_captions = model.sample(features)
        assert sample_captions.shape == (20, 30)
        sample_captions = decode_captions(sample_captions, data["idx_to_word"])
        said[split] = [
            f"<START> {sample}" == truth for truth, sample in zip(gt_captions, sample_captions)
        ]
    assert all(said["train"])
    assert not all(said["val"])  # of images that it has never seen


def test_rnn_captioning(small_data):
    for k, v in small_data.items():
        print(k, type(v), v.shape if isinstance(v, np.ndarray) else len(v))
    captions, features, _ = sample_coco_minibatch(small_data, batch_size=3)
    for caption in captions:
        caption_str = decode_captions(caption, small_data["idx_to_word"])
        assert caption_str.startswith("<START> ")
        assert caption_str.endswith(" <END>")
    assert features.shape == (3, 16)

    N, D, H = 4, 5, 6
    x, prev_h = np.random.randn(N, D), np.random.randn(N, H)
    Wx, Wh, b = np.random.randn(D, H), np.random.randn(H, H), np.random.randn(H)
    next_h, cache = rnn_step_forward(x, prev_h, Wx, Wh, b)
    assert rel_error(np.tanh(x.dot(Wx) + prev_h.dot(Wh) + b), next_h) < 1e-8
    names = ("dx", "dprev_h", "dWx", "dWh", "db")
    check_layer(rnn_step_forward, rnn_step_backward, names, (x, prev_h, Wx, Wh, b))
    x, h0 = np.random.randn(2, 10, D), np.random.randn(2, H)
    check_layer(rnn_forward, rnn_backward, names, (x, h0, Wx, Wh, b))

    x, W = np.random.randint(5, size=(50, 3)), np.random.randn(5, 6)
    out, cache = word_embedding_forward(x, W)
    dout = np.random.randn(*out.shape)
    dW = word_embedding_backward(dout, cache)
    dW_num = eval_numerical_gradient_array(lambda W: word_embedding_forward(x, W)[0], W, dout)
    assert rel_error(dW, dW_num) < 1e-8
    x, w, b = np.random.randn(2, 3, 4), np.random.randn(4, 5), np.random.randn(5)
    check_layer(temporal_affine_forward, temporal_affine_backward, ("dx", "dw", "db"), (x, w, b))

    assert abs(check_loss(1000, 1, 10, 1.0) - 2.3) < 0.05
    assert abs(check_loss(1000, 10, 10, 1.0) - 23) < 0.3
    assert abs(check_loss(5000, 10, 10, 0.1) - 2.3) < 0.2
    N, T, V = 7, 8, 9
    x, y = np.random.randn(N, T, V), np.random.randint(V, size=(N, T))
    mask = np.random.rand(N, T) > 0.5
    loss, dx = temporal_softmax_loss(x, y, mask, verbose=False)
    dx_num = eval_numerical_gradient(
        lambda x: temporal_softmax_loss(x, y, mask)[0], x, verbose=False
    )
    assert rel_error(dx, dx_num) < 1e-7

    check_captions("rnn", small_data)


def test_lstm_captioning(small_data):
    N, D, H = 4, 5, 6
    x, prev_h, prev_c = np.random.randn(N, D), np.random.randn(N, H), np.random.randn(N, H)
    Wx, Wh, b = np.random.randn(D, 4 * H), np.random.randn(H, 4 * H), np.random.randn(4 * H)
    arrays = (x, prev_h, prev_c, Wx, Wh, b)
    next_h, next_c, cache = lstm_step_forward(*arrays)
    dnext_h, dnext_c = np.random.randn(*next_h.shape), np.random.randn(*next_c.shape)
    gradients = lstm_step_backward(dnext_h, dnext_c, cache)
    assert len(gradients) == 6
    for array, gradient in zip(arrays, gradients):
        numerical = eval_numerical_gradient_array(
            lambda _: lstm_step_forward(*arrays)[0], array, dnext_h
        ) + eval_numerical_gradient_array(lambda _: lstm_step_forward(*arrays)[1], array, dnext_c)
        assert rel_error(numerical, gradient) < 1e-6
    x, h0 = np.random.randn(2, 10, D), np.random.randn(2, H)
    names = ("dx", "dh0", "dWx", "dWh", "db")
    check_layer(lstm_forward, lstm_backward, names, (x, h0, Wx, Wh, b))
    check_captions("lstm", small_data)


def test_images_that_are_gone_are_left_out(small_data, capsys):
    pytest.importorskip("PIL")
    _, _, urls = sample_coco_minibatch(small_data, split="val", batch_size=2)
    for url in urls:
        assert image_from_url(url) is None
    lines = capsys.readouterr().out.splitlines()
    assert [line.startswith(f"image_from_url: {u}: ") for u, line in zip(urls, lines)] == [True] * 2
