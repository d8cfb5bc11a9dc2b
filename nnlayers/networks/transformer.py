"""The transformer block: attention between the positions, then a small net at each of them."""

import numpy as np

from nnlayers.layers.checks import bad_cache, choice, positive_int, upstream
from nnlayers.layers.feed_forward import FeedForward
from nnlayers.layers.initializers import generator
from nnlayers.layers.layernorm import LayerNorm
from nnlayers.layers.multi_head import MultiHeadAttention
from nnlayers.networks.composite import Composite


class TransformerBlock(Composite):
    """Self-attention and a feed-forward net, each with a norm and with x passing around it.

    norm="pre":  h = x + attention(norm1(x)), out = h + feed_forward(norm2(h));
    norm="post": h = norm1(x + attention(x)), out = norm2(h + feed_forward(h)).
    With pre-norm the gradient reaches x through sums alone, so that deep stacks train easily.

    The feed-forward net is the same at each position: affine to ``hidden`` features, GELU in its
    tanh form, and affine back.  Where x is used twice, its gradients add up.

    Parameters
    ----------
    width : int
        D: x and out are (N, T, D).
    heads : int
        Heads of the attention; divides the width.
    causal : bool
        Whether position t may attend to the positions 0 to t alone.
    norm : {"pre", "post"}
        Where the norms stand.
    hidden : int, optional
        Hidden features of the feed-forward net; 4 width if left out.
    rotary : bool
        Whether queries and keys are turned by their positions.
    rng : int or numpy.random.Generator, optional
        Seed or generator of the weights; None draws fresh entropy.
    dtype : dtype
        Of the parameters.

    Raises
    ------
    ValueError
        If a size is not positive, the heads do not divide the width, or norm is no such word.

    Source
    ------
    Vaswani et al., "Attention is all you need" (2017), section 3.1 (post-norm); Radford et al.,
    "Language models are unsupervised multitask learners" (2019), section 2.3 (pre-norm, GELU).

    Examples
    --------
    >>> block = TransformerBlock(8, heads=2, rng=0)
    >>> out, cache = block.forward(np.ones((3, 5, 8)))
    >>> dx, grads = block.gradients(np.ones((3, 5, 8)), cache)
    >>> dx.shape, grads["attention.wqkv"].shape
    ((3, 5, 8), (8, 24))
    """

    def __init__(
        self,
        width,
        *,
        heads,
        causal=True,
        norm="pre",
        hidden=None,
        rotary=False,
        rng=None,
        dtype=np.float64,
    ):
        op = "TransformerBlock"
        hidden = 4 * width if hidden is None else hidden
        positive_int(op, width=width, heads=heads, hidden=hidden)
        choice(op, "norm", norm, ("pre", "post"))
        rng = generator(rng, op)
        attention = MultiHeadAttention(
            width, heads=heads, causal=causal, rotary=rotary, rng=rng, dtype=dtype
        )
        feed_forward = FeedForward(width, hidden, rng=rng, dtype=dtype)
        norms = LayerNorm(width, dtype=dtype), LayerNorm(width, dtype=dtype)
        super().__init__((norms[0], attention, norms[1], feed_forward), op)
        self.norm = norm

    def child_name(self, i):
        """Return what child i is called in the names of its arrays."""
        return ("norm1", "attention", "norm2", "feed_forward")[i]

    def forward(self, x, *, mask=None, train=None, rng=None):
        """Return ``(out, cache)``.

        Parameters
        ----------
        x : ndarray, shape (N, T, D)
            Sequences.
        mask : ndarray of bool, optional
            True where a position may attend to another: see :func:`multi_head_attention_forward`.
        train, rng
            Make no difference here.
        """
        norm1, attention, norm2, feed_forward = self.layers
        if self.norm == "pre":
            y, c_norm1 = norm1.forward(x)
            y, c_attention = attention.forward(y, mask=mask)
            h = x + y
            y, c_norm2 = norm2.forward(h)
            y, c_feed = feed_forward.forward(y)
            out = h + y
        else:
            y, c_attention = attention.forward(x, mask=mask)
            h, c_norm1 = norm1.forward(x + y)
            y, c_feed = feed_forward.forward(h)
            out, c_norm2 = norm2.forward(h + y)
        return out, (c_norm1, c_attention, c_norm2, c_feed)

    def gradients(self, dout, cache, need_dx=True):
        """Return ``(dx, {name: gradient})`` with the keys of ``params``; see :class:`Layer`."""
        op = "TransformerBlock.backward"
        norm1, attention, norm2, feed_forward = self.layers
        if cache.__class__ is not tuple or len(cache) != 4:
            expected = "the tuple (caches of norm1, attention, norm2, feed_forward)"
            raise bad_cache(op, cache, expected, "TransformerBlock.forward")
        c_norm1, c_attention, c_norm2, c_feed = cache
        if self.norm == "pre":
            # out = h + feed_forward(norm2(h)): h gets dout, and what comes back through the net
            dy, d_feed = feed_forward.gradients(dout, c_feed)
            dh, d_norm2 = norm2.gradients(dy, c_norm2)
            dh += upstream(op, dout, dh.shape, dh.dtype)
            # h = x + attention(norm1(x))
            dy, d_attention = attention.gradients(dh, c_attention)
            dx, d_norm1 = norm1.gradients(dy, c_norm1, need_dx)
            if need_dx:
                dx += dh
        else:
            # out = norm2(h + feed_forward(h))
            dsum, d_norm2 = norm2.gradients(dout, c_norm2)
            dh, d_feed = feed_forward.gradients(dsum, c_feed)
            # h = norm1(x + attention(x))
            dh += dsum
            dsum, d_norm1 = norm1.gradients(dh, c_norm1)
            dx, d_attention = attention.gradients(dsum, c_attention, need_dx)
            if need_dx:
                dx += dsum
        return dx, self._collect((d_norm1, d_attention, d_norm2, d_feed))

    def __repr__(self):
        _, attention, _, feed_forward = self.layers
        width, hidden = feed_forward.params["w1"].shape
        words = {"heads": attention.settings["heads"]}
        if not attention.settings["causal"]:
            words["causal"] = False
        if self.norm != "pre":
            words["norm"] = self.norm
        if hidden != 4 * width:
            words["hidden"] = hidden
        if attention.settings["rotary"]:
            words["rotary"] = True
        return self.form(width, **words)
