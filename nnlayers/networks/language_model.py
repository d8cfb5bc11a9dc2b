"""Language models: for every position of a text, the scores of the token that follows it."""

import numpy as np

from nnlayers.layers.checks import choice, complaint, describe, positive_int
from nnlayers.layers.embedding import Embedding
from nnlayers.layers.initializers import generator
from nnlayers.layers.layernorm import LayerNorm
from nnlayers.layers.positional import PositionalEmbedding, SinusoidalEncoding
from nnlayers.layers.temporal_affine import (
    TemporalAffine,
    temporal_affine_backward,
    temporal_affine_forward,
)
from nnlayers.networks.composite import Composite
from nnlayers.networks.sequential import Sequential
from nnlayers.networks.transformer import TransformerBlock

POSITIONS = ("learned", "sinusoidal", "rotary")


class Unembedding(Composite):
    """Scores of all words: products with an embedding's own table (tied weights).

    scoresₙₜᵥ = Σⱼ xₙₜⱼ wᵥⱼ, that is x wᵀ with the table w of the embedding, which therefore gets a
    gradient from here too: dw = (xᵀ dscores)ᵀ, summed over all positions.

    Parameters
    ----------
    embedding : Embedding
        The layer whose table is used; it stays that layer's.

    Source
    ------
    Press, Wolf, "Using the output embedding to improve language models" (2017), section 2.

    Examples
    --------
    >>> head = Unembedding(Embedding.of(np.array([[1.0, 0.0], [1.0, 2.0], [0.0, 3.0]])))
    >>> head.forward(np.ones((1, 1, 2)))[0]
    array([[[1., 3., 3.]]])
    """

    def __init__(self, embedding):
        if not isinstance(embedding, Embedding):
            problem = f"the layer must be an Embedding, not {describe(embedding)}"
            raise complaint(TypeError, "Unembedding", problem)
        super().__init__((embedding,), "Unembedding")

    def forward(self, x, *, train=None, rng=None):
        """Return ``(scores, cache)`` for x of shape (N, T, D)."""
        return temporal_affine_forward(x, self.layers[0].params["w"].T)

    def gradients(self, dout, cache, need_dx=True):
        """Return ``(dx, {"0.w": gradient of the table})``."""
        dx, dw = temporal_affine_backward(dout, cache, need_dx=need_dx)
        return dx, {"0.w": dw.T}

    def __repr__(self):
        return f"Unembedding({self.layers[0]!r})"


class GPT(Sequential):
    """A causal language model: from tokens (N, T) to scores (N, T, V) of each one's successor.

    Embedding of the tokens, their positions, ``blocks`` pre-norm transformer blocks, a last norm,
    and an affine map to the scores.  Position t sees the tokens 0 to t alone, so that one pass over
    a text gives a prediction, and a loss, at every position.

    Parameters
    ----------
    vocabulary : int
        V: tokens are integers from 0 to V - 1.
    width : int
        D, the features of a position.
    heads : int
        Heads of each attention; divides the width.
    blocks : int
        Number of transformer blocks.
    context : int
        Longest sequence, in tokens.
    positions : {"learned", "sinusoidal", "rotary"}
        How positions are told apart.
    tied : bool
        Whether the scores are products with the embedding's own table.
    rng : int or numpy.random.Generator, optional
        Seed or generator of the weights; None draws fresh entropy.
    dtype : dtype
        Of the parameters.

    Raises
    ------
    ValueError
        If a size is not positive, the heads do not divide the width, or positions is no such word;
        in forward, if a sequence is longer than the context.

    Source
    ------
    Radford et al., "Language models are unsupervised multitask learners" (2019), section 2.3.

    Examples
    --------
    >>> net = GPT(10, width=8, heads=2, blocks=2, context=5, rng=0)
    >>> scores, cache = net.forward(np.array([[3, 1, 4, 1, 5]]))
    >>> scores.shape
    (1, 5, 10)
    >>> list(net.params)[:4]
    ['tokens.w', 'positions.w', 'block0.norm1.gamma', 'block0.norm1.beta']
    """

    def __init__(
        self,
        vocabulary,
        *,
        width,
        heads,
        blocks,
        context,
        positions="learned",
        tied=False,
        rng=None,
        dtype=np.float64,
    ):
        positive_int("GPT", vocabulary=vocabulary, width=width, blocks=blocks, context=context)
        choice("GPT", "positions", positions, POSITIONS)
        rng = generator(rng, "GPT")
        options = {"rng": rng, "dtype": dtype}
        # sines and cosines are about 1, and smaller vectors of tokens would be lost beside them;
        # tied ones are the head's weights too, which make large scores unless they are small
        init = None if positions == "sinusoidal" and not tied else _small_normal
        layers = {"tokens": Embedding(vocabulary, width, init=init, **options)}
        if positions == "learned":
            layers["positions"] = PositionalEmbedding(context, width, init=_small_normal, **options)
        elif positions == "sinusoidal":
            layers["positions"] = SinusoidalEncoding()
        for i in range(blocks):
            rotary = positions == "rotary"
            layers[f"block{i}"] = TransformerBlock(width, heads=heads, rotary=rotary, **options)
        layers["norm"] = LayerNorm(width, dtype=dtype)
        if tied:
            layers["head"] = Unembedding(layers["tokens"])
        else:
            layers["head"] = TemporalAffine(width, vocabulary, init=_small_normal, **options)
        self.names = tuple(layers)
        super().__init__(*layers.values())
        self.settings = {"heads": heads, "blocks": blocks, "context": context}
        self.settings |= {"positions": positions} if positions != "learned" else {}
        self.settings |= {"tied": True} if tied else {}

    def child_name(self, i):
        """Return what layer i is called in the names of its arrays."""
        return self.names[i]

    def forward(self, tokens, *extra, train=None, rng=None):
        """Return ``(scores, cache)`` for tokens of shape (N, T); see :meth:`Sequential.forward`."""
        tokens = np.asarray(tokens)
        context = self.settings["context"]
        if tokens.ndim != 2 or tokens.shape[1] > context:
            problem = f"tokens must be (N, T) with at most {context} in a sequence, the context"
            fix = f"tokens[:, -{context}:] keeps the last" if tokens.ndim == 2 else None
            raise complaint(ValueError, "GPT", problem, fix, tokens=tokens)
        return super().forward(tokens, *extra, train=train, rng=rng)

    def generate(self, tokens, count, *, temperature=1.0, rng=None):
        """Continue sequences by tokens drawn one after the other from the model's probabilities.

        Parameters
        ----------
        tokens : ndarray of int, shape (N, T)
            Beginnings, of at least one token.
        count : int
            How many tokens to add.
        temperature : float
            By which the scores are divided: the lower, the more often the likeliest token; 0 takes
            it always, and needs no rng.
        rng : int or numpy.random.Generator, optional
            Where the draws come from; None draws fresh entropy.

        Returns
        -------
        ndarray of int, shape (N, T + count)
            The sequences; only the last ``context`` tokens decide on the next one.

        Examples
        --------
        >>> net = GPT(4, width=2, heads=1, blocks=1, context=3, rng=0)
        >>> net.generate(np.array([[1, 2]]), 3, rng=0).shape
        (1, 5)
        """
        op, tokens = "GPT.generate", np.asarray(tokens)
        if tokens.ndim != 2 or tokens.shape[1] == 0:
            problem = "tokens must be (N, T) with at least one in a sequence"
            raise complaint(ValueError, op, problem, tokens=tokens)
        if not temperature >= 0:
            raise complaint(ValueError, op, f"temperature must not be negative, not {temperature}")
        rng = generator(rng, op) if temperature else None
        for _ in range(count):
            scores = self.scores(tokens[:, -self.settings["context"] :])[:, -1]  # (N, V)
            if temperature:
                # the largest of scores with Gumbel noise is a draw from their softmax
                scores = scores / temperature + rng.gumbel(size=scores.shape)
            tokens = np.concatenate((tokens, scores.argmax(axis=1)[:, None]), axis=1)
        return tokens

    def _place(self, i):
        return f"in GPT, {self.names[i]}: {self.layers[i]!r}"

    def __repr__(self):
        vocabulary, width = self.params["tokens.w"].shape
        return self.form(vocabulary, width=width, **self.settings)


def _small_normal(shape, *, rng, dtype):
    return (0.02 * rng.standard_normal(shape)).astype(dtype, copy=False)
