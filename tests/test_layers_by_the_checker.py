"""The gradient checker finds every pair, layer, loss and net right, in training and evaluation.

``python -m pytest tests/test_layers_by_the_checker.py --seeds 20`` tries more arguments of each.
"""

import numpy as np
import pytest

import nnlayers
from cases import CASES
from contract import arguments_of
from nnlayers import (
    GPT,
    GRU,
    LSTM,
    Affine,
    BatchNorm,
    Bidirectional,
    Conv2d,
    Dropout,
    Embedding,
    Flatten,
    GlobalAvgPool2d,
    Layer,
    LayerNorm,
    MatMul,
    MaxPool2d,
    Parallel,
    ReLU,
    Residual,
    Sequential,
    SoftmaxCrossEntropy,
    Square,
    Sum,
    Tanh,
    TransformerBlock,
    Unembedding,
    check_gradients,
)
from nnlayers.layers.layer import PairLayer

in_both_modes = pytest.mark.parametrize("train", [True, False], ids=["training", "evaluation"])


def judge(target, inputs, seed, options):
    """Fail with the report unless the verdict is "right"."""
    report = check_gradients(target, *inputs, seed=seed, **options)
    assert report.ok, f"with seed {seed}: {report}"


def mode(train, seed):
    """Return what forward is told of the mode; only training draws random numbers."""
    return {"train": True, "rng": seed} if train else {"train": False}


@in_both_modes
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_layer_is_right(case, train, seeds):
    masks = {name: value for name, value in case.settings.items() if name == "mask"}
    for seed in range(seeds):
        arguments = arguments_of(case, seed)
        if case.layer is None:  # the pair alone, which may know no training
            settings = case.settings | ({"train": train} if "train" in case.settings else {})
            judge((case.forward, case.backward), arguments, seed, settings)
        else:
            count = len(arguments) - case.parameters
            layer = case.layer(*arguments[count:])
            judge(layer, arguments[:count], seed, mode(train, seed) | masks)


def drawn(*shape):
    return lambda rng: (rng.standard_normal(shape),)


def with_labels(x, classes, *shape):
    return lambda rng: (*x(rng), rng.integers(0, classes, shape))


def tokens(*shape):
    return lambda rng: (rng.integers(0, 7, shape),)


def convolutional(rng):
    return Sequential(
        Conv2d(2, 3, 3, pad=1, rng=rng),
        BatchNorm(3),
        ReLU(),
        MaxPool2d(2),
        Residual(Conv2d(3, 3, 1, rng=rng), Tanh(), Dropout(drop=0.3)),
        GlobalAvgPool2d(),
        Affine(3, 5, rng=rng),
        SoftmaxCrossEntropy(label_smoothing=0.1),
    )


def shared(rng):
    """A layer in two places, one of them in a chain inside the chain."""
    layer = Affine(3, 3, rng=rng)
    return Sequential(layer, Tanh(), Sequential(layer, Square()), Sum())


# name: what makes a net of an rng, and its inputs
NETS = {
    "Sequential": (convolutional, with_labels(drawn(6, 2, 4, 4), 5, 6)),
    "Sequential of chains, with a shared layer": (shared, drawn(5, 3)),
    "Residual": (
        lambda rng: Residual(Affine(3, 4, rng=rng), Tanh(), MatMul(4, 3, rng=rng)),
        drawn(5, 3),
    ),
    "Residual with a shortcut": (
        lambda rng: Residual(
            Conv2d(2, 4, 3, stride=2, pad=1, rng=rng),
            BatchNorm(4),
            shortcut=Conv2d(2, 4, 1, stride=2, rng=rng),
        ),
        drawn(5, 2, 3, 4),
    ),
    "Parallel": (
        lambda rng: Parallel(Affine(3, 4, rng=rng), Sequential(MatMul(3, 4, rng=rng), Tanh())),
        drawn(5, 3),
    ),
    "Parallel, joined": (
        lambda rng: Parallel(Flatten(), MatMul(3, 4, rng=rng), LayerNorm(3), join="concatenate"),
        drawn(5, 3),
    ),
    "Bidirectional": (
        lambda rng: Bidirectional(LSTM(3, 4, rng=rng), GRU(3, 2, rng=rng)),
        drawn(2, 5, 3),
    ),
    "TransformerBlock": (lambda rng: TransformerBlock(4, heads=2, rng=rng), drawn(2, 5, 4)),
    "TransformerBlock, normalised after": (
        lambda rng: TransformerBlock(4, heads=2, norm="post", causal=False, rng=rng),
        drawn(2, 5, 4),
    ),
    "GPT": (
        lambda rng: GPT(7, width=4, heads=2, blocks=1, context=3, rng=rng),
        tokens(2, 3),
    ),
    "GPT, tied": (
        lambda rng: GPT(
            7, width=4, heads=2, blocks=1, context=3, positions="rotary", tied=True, rng=rng
        ),
        tokens(2, 3),
    ),
    "Unembedding": (lambda rng: Unembedding(Embedding(7, 4, rng=rng)), drawn(2, 5, 4)),
}


def net_of(name, seed):
    """Make a net and its inputs; none of its parameters is 0 or 1."""
    make, inputs = NETS[name]
    rng = np.random.default_rng(seed)
    net = make(rng)
    for array in net.params.values():
        array += 0.3 * rng.standard_normal(array.shape)
    return net, inputs(rng)


@in_both_modes
@pytest.mark.parametrize("name", NETS)
def test_a_net_is_right(name, train, seeds):
    for seed in range(seeds):
        net, inputs = net_of(name, seed)
        judge(net, inputs, seed, mode(train, seed))


def test_every_kind_of_net_is_among_them():
    exported = {getattr(nnlayers, name) for name in nnlayers.__all__}
    layers = {kind for kind in exported if isinstance(kind, type) and issubclass(kind, Layer)}
    nets = {kind for kind in layers if not issubclass(kind, PairLayer)} - {Layer}
    assert nets == {type(net_of(name, 0)[0]) for name in NETS}
