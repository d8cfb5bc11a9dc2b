"""An example of every public layer and loss: what to call it with, at a point worth checking.

The table names each class once.  Sizes differ where they may, so that a transposed gradient does
not fit; arguments keep away from kinks, where there is no derivative; parameters are drawn anew,
since initial ones are often all zeros or ones.
"""

from typing import NamedTuple

import numpy as np

import nnlayers as nn

MASK = np.arange(20).reshape(4, 5) % 7 > 0  # of 4 sequences of 5 steps


class Example(NamedTuple):
    """A layer and what its forward is called with."""

    layer: nn.Layer
    inputs: tuple
    options: dict


def examples(seed=0):
    """Yield ``(name, Example)`` for each public layer and loss, and for each step of a recurrence.

    The numbers come from the seed, and from the name: a new example leaves the others as they are.
    """
    for name, make in TABLE.items():
        draw = Draw(np.random.default_rng([seed, *name.encode()]))
        layer, *inputs = make(draw)
        options = inputs.pop() if isinstance(inputs[-1], dict) else {}
        for parameter in layer.params.values():
            parameter[...] = 0.7 * draw.rng.standard_normal(parameter.shape)
        yield name, Example(layer, tuple(inputs), options)


class Draw:
    """Random arguments."""

    def __init__(self, rng):
        self.rng = rng

    def __call__(self, *shape):
        """Return numbers from N(0, 1)."""
        return self.rng.standard_normal(shape)

    def beside(self, kinks, *shape):
        """Return numbers from N(0, 4) of which none is nearer than 0.1 to a kink."""
        x = 2.0 * self(*shape)
        for kink in kinks:
            x = np.where(np.abs(x - kink) < 0.1, kink + 0.1 + np.abs(x - kink), x)
        return x

    def between(self, low, high, *shape):
        """Return numbers that are uniform between two bounds."""
        return self.rng.uniform(low, high, shape)

    def apart(self, *shape):
        """Return numbers any two of which differ by 0.1 at least, so that a maximum is unique."""
        x = 0.1 * np.arange(float(np.prod(shape)))
        return self.rng.permutation(x - x.mean()).reshape(shape)

    def labels(self, classes, *shape):
        """Return integers from 0 to classes - 1."""
        return self.rng.integers(classes, size=shape)

    def shares(self, *shape):
        """Return positive numbers whose sum along the last axis is 1."""
        return self.rng.dirichlet(np.ones(shape[-1]), shape[:-1])

    def pairings(self, *shape):
        """Return integers 0 and 1, half of the entries each."""
        return self.rng.permutation(np.resize([0, 1], shape))


def pair(name):
    """Return a pair that has no object of its own as a layer whose arguments are all inputs."""
    return nn.Layer.from_pair(getattr(nn, f"{name}_forward"), getattr(nn, f"{name}_backward"))


TRAIN = {"train": True}
DROPS = {"train": True, "rng": 0}  # every call drops the same

TABLE = {
    # products
    "MatMul": lambda r: (nn.MatMul(4, 3), r(5, 4)),
    "Affine": lambda r: (nn.Affine(12, 3), r(5, 1, 3, 4)),
    "TemporalAffine": lambda r: (nn.TemporalAffine(4, 3), r(2, 5, 4)),
    "Flatten": lambda r: (nn.Flatten(), r(5, 2, 3)),
    "Embedding": lambda r: (nn.Embedding(7, 3), r.labels(7, 2, 5)),
    # activations
    "Identity": lambda r: (nn.Identity(), r(5, 4)),
    "Square": lambda r: (nn.Square(), r(5, 4)),
    "Abs": lambda r: (nn.Abs(), r.beside([0], 5, 4)),
    "Exp": lambda r: (nn.Exp(), r(5, 4)),
    "Log": lambda r: (nn.Log(), r.between(0.2, 3, 5, 4)),
    "Clip": lambda r: (nn.Clip(low=-1.0, high=2.0), r.beside([-1, 2], 5, 4)),
    "Sigmoid": lambda r: (nn.Sigmoid(), r(5, 4)),
    "Tanh": lambda r: (nn.Tanh(), r(5, 4)),
    "Softsign": lambda r: (nn.Softsign(), r.beside([0], 5, 4)),
    "HardSigmoid": lambda r: (nn.HardSigmoid(), r.beside([-3, 3], 5, 4)),
    "HardTanh": lambda r: (nn.HardTanh(), r.beside([-1, 1], 5, 4)),
    "ReLU": lambda r: (nn.ReLU(), r.beside([0], 5, 4)),
    "LeakyReLU": lambda r: (nn.LeakyReLU(slope=0.1), r.beside([0], 5, 4)),
    "PReLU": lambda r: (nn.PReLU(4), r.beside([0], 5, 4)),
    "ELU": lambda r: (nn.ELU(alpha=1.5), r.beside([0], 5, 4)),
    "SELU": lambda r: (nn.SELU(), r.beside([0], 5, 4)),
    "Softplus": lambda r: (nn.Softplus(), r(5, 4)),
    "GELU": lambda r: (nn.GELU(), r(5, 4)),
    "SiLU": lambda r: (nn.SiLU(), r(5, 4)),
    "Mish": lambda r: (nn.Mish(), r(5, 4)),
    "Softmax": lambda r: (nn.Softmax(), r(5, 4)),
    "LogSoftmax": lambda r: (nn.LogSoftmax(), r(5, 4)),
    # arithmetic and rearrangement
    "Add": lambda r: (nn.Add(), r(5, 4), r(4)),
    "Subtract": lambda r: (nn.Subtract(), r(5, 4), r(5, 1)),
    "Multiply": lambda r: (nn.Multiply(), r(5, 4), r(4)),
    "Divide": lambda r: (nn.Divide(), r(5, 4), r.between(0.5, 2, 4)),
    "Where": lambda r: (nn.Where(), r(5, 4) > 0, r(5, 4), r(4)),
    "Reshape": lambda r: (nn.Reshape(5, 2, 3), r(5, 6)),
    "Transpose": lambda r: (nn.Transpose(0, 2, 1), r(5, 2, 3)),
    "Slice": lambda r: (nn.Slice((slice(None), slice(1, 3))), r(5, 4)),
    "Concatenate": lambda r: (nn.Concatenate(), r(5, 4), r(5, 2)),
    "Pad": lambda r: (nn.Pad((0, 0), (1, 2)), r(5, 4)),
    # normalization and dropout
    "BatchNorm": lambda r: (nn.BatchNorm(3), r(4, 3, 2, 2), TRAIN),
    "LayerNorm": lambda r: (nn.LayerNorm(4), r(2, 3, 4)),
    "RMSNorm": lambda r: (nn.RMSNorm(4), r(2, 3, 4)),
    "GroupNorm": lambda r: (nn.GroupNorm(4, groups=2), r(2, 4, 3, 2)),
    "InstanceNorm": lambda r: (nn.InstanceNorm(3), r(2, 3, 4, 2)),
    "Dropout": lambda r: (nn.Dropout(drop=0.4), r(5, 4), DROPS),
    "SpatialDropout": lambda r: (nn.SpatialDropout(drop=0.4), r(3, 4, 2, 2), DROPS),
    # images
    "Conv1d": lambda r: (nn.Conv1d(2, 3, 3, pad=1), r(2, 2, 6)),
    "Conv2d": lambda r: (nn.Conv2d(2, 3, 3, stride=2, pad=1), r(2, 2, 5, 6)),
    "DepthwiseConv2d": lambda r: (nn.DepthwiseConv2d(2, 3, multiplier=2), r(2, 2, 5, 4)),
    "ConvTranspose2d": lambda r: (nn.ConvTranspose2d(2, 3, 3, stride=2), r(2, 2, 3, 2)),
    "MaxPool2d": lambda r: (nn.MaxPool2d(2), r.apart(2, 3, 4, 6)),
    "AvgPool2d": lambda r: (nn.AvgPool2d(2), r(2, 3, 4, 6)),
    "AdaptiveAvgPool2d": lambda r: (nn.AdaptiveAvgPool2d((2, 3)), r(2, 3, 5, 4)),
    "GlobalAvgPool2d": lambda r: (nn.GlobalAvgPool2d(), r(2, 3, 5, 4)),
    "UpsampleNearest2d": lambda r: (nn.UpsampleNearest2d(2), r(2, 3, 2, 4)),
    # sequences
    "rnn_step": lambda r: (pair("rnn_step"), r(4, 3), r(4, 5), r(3, 5), r(5, 5), r(5)),
    "RNN": lambda r: (nn.RNN(3, 2), r(4, 5, 3), r(4, 2)),
    "lstm_step": lambda r: (
        pair("lstm_step"),
        r(4, 3),
        r(4, 2),
        r(4, 2),
        r(3, 8),
        r(2, 8),
        r(8),
    ),  # fmt: skip
    "LSTM": lambda r: (nn.LSTM(3, 2, return_state=True), r(4, 5, 3), r(4, 2), r(4, 2)),
    "gru_step": lambda r: (pair("gru_step"), r(4, 3), r(4, 2), r(3, 6), r(2, 6), r(6)),
    "GRU": lambda r: (nn.GRU(3, 2), r(4, 5, 3), r(4, 2), {"mask": MASK}),
    "Bidirectional": lambda r: (nn.Bidirectional(nn.RNN(3, 3), nn.RNN(3, 2)), r(4, 5, 3)),
    "Attention": lambda r: (nn.Attention(), r(2, 3, 4), r(2, 5, 4), r(2, 5, 6)),
    "MultiHeadAttention": lambda r: (
        nn.MultiHeadAttention(4, heads=2, causal=True),
        r(2, 5, 4),
    ),  # fmt: skip
    "PositionalEmbedding": lambda r: (nn.PositionalEmbedding(6, 4), r(2, 5, 4)),
    "SinusoidalEncoding": lambda r: (nn.SinusoidalEncoding(), r(2, 5, 4)),
    "RotaryEmbedding": lambda r: (nn.RotaryEmbedding(), r(2, 5, 4)),
    # reductions and losses
    "Sum": lambda r: (nn.Sum(), r(5, 4)),
    "Mean": lambda r: (nn.Mean(), r(5, 4)),
    "Max": lambda r: (nn.Max(axis=1), r.apart(5, 4)),
    "MSE": lambda r: (nn.MSE(), r(5, 4), r(5, 4)),
    "L1": lambda r: (nn.L1(), r.beside([0], 5, 4), np.zeros((5, 4))),
    "Huber": lambda r: (nn.Huber(), r.beside([-1, 1], 5, 4), np.zeros((5, 4))),
    "BCE": lambda r: (nn.BCE(), r.between(0.1, 0.9, 5, 4), r.between(0, 1, 5, 4)),
    "BCEWithLogits": lambda r: (nn.BCEWithLogits(), r(5, 4), r.between(0, 1, 5, 4)),
    "KLDivergence": lambda r: (nn.KLDivergence(), np.log(r.shares(5, 4)), r.shares(5, 4)),
    "SoftmaxCrossEntropy": lambda r: (nn.SoftmaxCrossEntropy(), r(5, 4), r.labels(4, 5)),
    "NLL": lambda r: (nn.NLL(), np.log(r.shares(5, 4)), r.labels(4, 5)),
    # differences of scores are multiples of 0.1, so that none is the margin
    "Hinge": lambda r: (nn.Hinge(margin=0.95), r.apart(5, 4), r.labels(4, 5)),
    # angles below 90 degrees, and distances that keep within the margin
    "CosineEmbedding": lambda r: (
        nn.CosineEmbedding(),
        r.between(0.2, 1, 6, 4),
        r.between(0.2, 1, 6, 4),
        r.pairings(6),
    ),  # fmt: skip
    "Contrastive": lambda r: (
        nn.Contrastive(margin=5.0),
        r.between(0, 1, 6, 4),
        r.between(0, 1, 6, 4),
        r.pairings(6),
    ),  # fmt: skip
    "Triplet": lambda r: (
        nn.Triplet(margin=5.0),
        *(r.between(0, 1, 6, 4) for _ in range(3)),
    ),  # fmt: skip
    # nets
    "Sequential": lambda r: (
        nn.Sequential(nn.Affine(4, 6), nn.Tanh(), nn.Affine(6, 3), nn.SoftmaxCrossEntropy()),
        r(5, 4),
        r.labels(3, 5),
    ),
    "FeedForward": lambda r: (nn.FeedForward(4, 6), r(2, 3, 4)),
    "TransformerBlock": lambda r: (
        nn.TransformerBlock(4, heads=2, hidden=6),
        r(2, 3, 4),
    ),  # fmt: skip
    "Unembedding": lambda r: (nn.Unembedding(nn.Embedding(7, 4)), r(2, 3, 4)),
    "GPT": lambda r: (
        nn.GPT(7, width=4, heads=2, blocks=1, context=5),
        r.labels(7, 2, 5),
    ),  # fmt: skip
    "Residual": lambda r: (nn.Residual(nn.Affine(4, 4), nn.Tanh()), r(5, 4)),
    "Parallel": lambda r: (nn.Parallel(nn.Tanh(), nn.Square(), join="concatenate"), r(5, 4)),
}
