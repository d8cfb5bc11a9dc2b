"""The captioning net of cs231n's ``rnn.py``: image features start a recurrent net over words."""

import math

import numpy as np

from nnlayers.course.cs231n import layers, rnn_layers
from nnlayers.course.cs231n.layers import *  # noqa: F403
from nnlayers.course.cs231n.rnn_layers import *  # noqa: F403
from nnlayers.course.translation import check_keywords, source
from nnlayers.layers.checks import complaint

# a notebook that imports everything from here finds the layers too
__all__ = ["CaptioningRNN", *layers.__all__, *rnn_layers.__all__]

_KNOWN = ("word_to_idx", "input_dim", "wordvec_dim", "hidden_dim", "cell_type", "dtype", "rng")


class CaptioningRNN:
    """A net that writes captions: an affine map of the features is the first hidden state.

    Parameters
    ----------
    word_to_idx : dict of str to int
        The vocabulary of V words; ``<NULL>`` fills captions up, ``<START>`` begins and ``<END>``
        ends them.
    input_dim, wordvec_dim, hidden_dim : int
        Sizes D of the image features, W of the word vectors and H of the hidden state.
    cell_type : {"rnn", "lstm"}
        The recurrent layer.
    dtype : dtype
        Of the parameters: float64 for gradient checks.
    rng : int or generator, optional
        What the weights are drawn from: by default NumPy's global generator, as in the course.

    Attributes
    ----------
    params : dict
        ``W_embed`` (V, W), ``W_proj`` (D, H), ``b_proj``, ``Wx``, ``Wh``, ``b``, ``W_vocab``
        (H, V), ``b_vocab``.
    """

    def __init__(
        self,
        word_to_idx,
        input_dim=512,
        wordvec_dim=128,
        hidden_dim=128,
        cell_type="rnn",
        dtype=np.float32,
        *,
        rng=None,
        **unknown,
    ):
        op = "CaptioningRNN"
        check_keywords(op, unknown, _KNOWN)
        if cell_type not in ("rnn", "lstm"):
            raise complaint(ValueError, op, f'cell_type must be "rnn" or "lstm", not {cell_type!r}')
        if "<NULL>" not in word_to_idx:
            problem = f"word_to_idx of {len(word_to_idx)} words lacks <NULL>"
            raise complaint(ValueError, op, problem, "it fills captions up to their length")
        self.cell_type, self.dtype = cell_type, dtype
        self.word_to_idx = word_to_idx
        self.idx_to_word = {index: word for word, index in word_to_idx.items()}
        self._null = word_to_idx["<NULL>"]
        self._start, self._end = word_to_idx.get("<START>"), word_to_idx.get("<END>")
        V, D, W, H = len(word_to_idx), input_dim, wordvec_dim, hidden_dim
        gates = {"rnn": H, "lstm": 4 * H}[cell_type]
        rng = source(rng, op)
        # in the course's order, so that a seed gives its weights
        self.params = {
            "W_embed": rng.standard_normal((V, W)) / 100,
            "W_proj": rng.standard_normal((D, H)) / math.sqrt(D),
            "b_proj": np.zeros(H),
            "Wx": rng.standard_normal((W, gates)) / math.sqrt(W),
            "Wh": rng.standard_normal((H, gates)) / math.sqrt(H),
            "b": np.zeros(gates),
            "W_vocab": rng.standard_normal((H, V)) / math.sqrt(H),
            "b_vocab": np.zeros(V),
        }
        self.params = {name: array.astype(dtype) for name, array in self.params.items()}

    def loss(self, features, captions):
        """Return loss and gradients: each word of a caption is to be told from those before it.

        Parameters
        ----------
        features : ndarray, shape (N, D)
            Image features.
        captions : ndarray of int, shape (N, T)
            Words; where the next word is ``<NULL>`` nothing is counted.

        Returns
        -------
        loss : scalar
            Cross-entropy, summed over time, averaged over the captions.
        grads : dict
            Gradients, with the keys of ``params``.
        """
        params, captions = self.params, np.asarray(captions)
        captions_in, captions_out = captions[:, :-1], captions[:, 1:]
        features = np.asarray(features).astype(self.dtype, copy=False)
        lstm = self.cell_type == "lstm"
        forward = rnn_layers.lstm_forward if lstm else rnn_layers.rnn_forward
        backward = rnn_layers.lstm_backward if lstm else rnn_layers.rnn_backward

        h0, proj_cache = layers.affine_forward(features, params["W_proj"], params["b_proj"])
        words, embed_cache = rnn_layers.word_embedding_forward(captions_in, params["W_embed"])
        h, rnn_cache = forward(words, h0, params["Wx"], params["Wh"], params["b"])
        scores, vocab_cache = rnn_layers.temporal_affine_forward(
            h, params["W_vocab"], params["b_vocab"]
        )
        mask = captions_out != self._null
        loss, dscores = rnn_layers.temporal_softmax_loss(scores, captions_out, mask)

        grads = {}
        dh, grads["W_vocab"], grads["b_vocab"] = rnn_layers.temporal_affine_backward(
            dscores, vocab_cache
        )
        dwords, dh0, grads["Wx"], grads["Wh"], grads["b"] = backward(dh, rnn_cache)
        grads["W_embed"] = rnn_layers.word_embedding_backward(dwords, embed_cache)
        _, grads["W_proj"], grads["b_proj"] = layers.affine_backward(dh0, proj_cache)
        return loss, grads

    def sample(self, features, max_length=30):
        """Write captions: at each step the word of the highest score, which is the next input.

        Parameters
        ----------
        features : ndarray, shape (N, D)
            Image features.
        max_length : int
            Number of words T, ``<END>`` and what comes after it included.

        Returns
        -------
        ndarray of int32, shape (N, T)
            Words; ``<START>`` is not among them.

        Raises
        ------
        ValueError
            If the vocabulary has no ``<START>``.
        """
        if self._start is None:
            problem = f"word_to_idx of {len(self.word_to_idx)} words lacks <START>"
            raise complaint(ValueError, "CaptioningRNN.sample", problem, "captions begin with it")
        params = self.params
        weights = params["Wx"], params["Wh"], params["b"]
        features = np.asarray(features).astype(self.dtype, copy=False)
        h, _ = layers.affine_forward(features, params["W_proj"], params["b_proj"])
        c = np.zeros_like(h)
        captions = np.full((len(features), max_length), self._null, np.int32)
        words = np.full((len(features), 1), self._start)
        for t in range(max_length):
            x = rnn_layers.word_embedding_forward(words, params["W_embed"])[0][:, 0]
            if self.cell_type == "lstm":
                h, c, _ = rnn_layers.lstm_step_forward(x, h, c, *weights)
            else:
                h, _ = rnn_layers.rnn_step_forward(x, h, *weights)
            scores, _ = layers.affine_forward(h, params["W_vocab"], params["b_vocab"])
            words = scores.argmax(axis=1)[:, None]
            captions[:, t] = words[:, 0]
        return captions
