"""Recurrent layers of cs231n's ``rnn_layers.py``: pairs of the library under the course's names.

Legend: N batch, T time, D features, H hidden, M outputs, V words.
"""

import numpy as np

import nnlayers.layers as pairs
from nnlayers.course.translation import as_floats, called

__all__ = [
    "lstm_backward",
    "lstm_forward",
    "lstm_step_backward",
    "lstm_step_forward",
    "rnn_backward",
    "rnn_forward",
    "rnn_step_backward",
    "rnn_step_forward",
    "sigmoid",
    "temporal_affine_backward",
    "temporal_affine_forward",
    "temporal_softmax_loss",
    "word_embedding_backward",
    "word_embedding_forward",
]


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    """One step of a recurrent layer: :func:`nnlayers.rnn_step_forward`.

    Parameters
    ----------
    x : ndarray, shape (N, D)
        Input of this step.
    prev_h : ndarray, shape (N, H)
        State before it.
    Wx, Wh, b : ndarray, shapes (D, H), (H, H), (H,)
        Weights of input and state, and bias.

    Returns
    -------
    next_h : ndarray, shape (N, H)
        The next state.
    cache : tuple
        For :func:`rnn_step_backward`.
    """
    return pairs.rnn_step_forward(*as_floats(x, prev_h, Wx, Wh, b))


def rnn_step_backward(dnext_h, cache):
    """Gradients dx, dprev_h, dWx, dWh, db of a step: :func:`nnlayers.rnn_step_backward`."""
    return pairs.rnn_step_backward(dnext_h, cache)


def rnn_forward(x, h0, Wx, Wh, b):
    """Run a recurrent layer over sequences: :func:`nnlayers.rnn_forward`.

    Parameters
    ----------
    x : ndarray, shape (N, T, D)
        Sequences.
    h0 : ndarray, shape (N, H)
        States to start from.
    Wx, Wh, b : ndarray, shapes (D, H), (H, H), (H,)
        Weights of input and state, and bias.

    Returns
    -------
    h : ndarray, shape (N, T, H)
        The states of all steps.
    cache : tuple
        For :func:`rnn_backward`.
    """
    return pairs.rnn_forward(*as_floats(x, h0, Wx, Wh, b))


def rnn_backward(dh, cache):
    """Gradients dx, dh0, dWx, dWh, db of all steps: :func:`nnlayers.rnn_backward`."""
    return pairs.rnn_backward(dh, cache)


def word_embedding_forward(x, W):
    """Look up the vectors of words: :func:`nnlayers.embedding_forward`.

    Parameters
    ----------
    x : ndarray of int, shape (N, T)
        Words.
    W : ndarray, shape (V, D)
        The vector of each word.

    Returns
    -------
    out : ndarray, shape (N, T, D)
        Vectors.
    cache : tuple
        For :func:`word_embedding_backward`.
    """
    (W,) = as_floats(W)
    with called("word_embedding_forward", "embedding_forward"):
        return pairs.embedding_forward(x, W)


def word_embedding_backward(dout, cache):
    """Gradient dW (V, D) of the look-up; words that occur often add up."""
    with called("word_embedding_backward", "embedding_backward"):
        return pairs.embedding_backward(dout, cache)


def sigmoid(x):
    """Logistic function, 1 / (1 + e⁻ˣ), which never overflows."""
    return pairs.sigmoid_forward(as_floats(x)[0])[0]


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    """One step of an LSTM: :func:`nnlayers.lstm_step_forward`.

    Parameters
    ----------
    x : ndarray, shape (N, D)
        Input of this step.
    prev_h, prev_c : ndarray, shape (N, H)
        State and memory before it.
    Wx, Wh, b : ndarray, shapes (D, 4 H), (H, 4 H), (4 H,)
        Weights and bias: the gates i, f, o, g side by side.

    Returns
    -------
    next_h, next_c : ndarray, shape (N, H)
        The next state and memory.
    cache : tuple
        For :func:`lstm_step_backward`.
    """
    (next_h, next_c), cache = pairs.lstm_step_forward(*as_floats(x, prev_h, prev_c, Wx, Wh, b))
    return next_h, next_c, cache


def lstm_step_backward(dnext_h, dnext_c, cache):
    """Gradients dx, dprev_h, dprev_c, dWx, dWh, db of a step."""
    return pairs.lstm_step_backward((dnext_h, dnext_c), cache)


def lstm_forward(x, h0, Wx, Wh, b):
    """Run an LSTM over sequences, from a memory of zeros: :func:`nnlayers.lstm_forward`.

    Parameters
    ----------
    x : ndarray, shape (N, T, D)
        Sequences.
    h0 : ndarray, shape (N, H)
        States to start from.
    Wx, Wh, b : ndarray, shapes (D, 4 H), (H, 4 H), (4 H,)
        Weights and bias: the gates i, f, o, g side by side.

    Returns
    -------
    h : ndarray, shape (N, T, H)
        The states of all steps.
    cache : tuple
        For :func:`lstm_backward`.
    """
    x, h0, Wx, Wh, b = as_floats(x, h0, Wx, Wh, b)
    (h, _), cache = pairs.lstm_forward(x, h0, None, Wx, Wh, b)
    return h, cache


def lstm_backward(dh, cache):
    """Gradients dx, dh0, dWx, dWh, db of all steps: :func:`nnlayers.lstm_backward`."""
    return pairs.lstm_backward((dh, None), cache)


def temporal_affine_forward(x, w, b):
    """Affine map of every step: :func:`nnlayers.temporal_affine_forward`.

    Returns
    -------
    out : ndarray, shape (N, T, M)
        Scores of the steps.
    cache : tuple
        For :func:`temporal_affine_backward`.
    """
    return pairs.temporal_affine_forward(*as_floats(x, w, b))


def temporal_affine_backward(dout, cache):
    """Gradients dx, dw, db of the affine map of every step."""
    return pairs.temporal_affine_backward(dout, cache)


def temporal_softmax_loss(x, y, mask, verbose=False):
    """Cross-entropy of words, summed over time and averaged over the batch, and its gradient.

    Parameters
    ----------
    x : ndarray, shape (N, T, V)
        Scores of the words at every step.
    y : ndarray of int, shape (N, T)
        True words.
    mask : ndarray of bool, shape (N, T)
        Which steps count.
    verbose : bool
        Whether to print the shape of the gradient.

    Returns
    -------
    loss : scalar
        Loss, in nats for each sequence.
    dx : ndarray, shape (N, T, V)
        Gradient of the loss.

    Examples
    --------
    >>> y, mask = np.zeros((2, 3), int), np.ones((2, 3), bool)
    >>> loss, dx = temporal_softmax_loss(np.zeros((2, 3, 4)), y, mask)
    >>> bool(np.isclose(loss, 3 * np.log(4)))
    True
    """
    (x,) = as_floats(x)
    with called("temporal_softmax_loss", "softmax_cross_entropy_forward"):
        loss, cache = pairs.softmax_cross_entropy_forward(
            x, np.asarray(y), mask, reduction="batchmean"
        )
    dx = pairs.softmax_cross_entropy_backward(1.0, cache)
    if verbose:
        print("dx:", dx.shape)
    return loss, dx
