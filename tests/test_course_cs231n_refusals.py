"""Keywords and values that the nets of cs231n refuse, and what they advise."""

# ruff: noqa: NPY002 (notebooks draw from the global generator)

import numpy as np
import pytest

from nnlayers.course.cs231n.classifiers import neural_net
from nnlayers.course.cs231n.classifiers.cnn import ThreeLayerConvNet
from nnlayers.course.cs231n.classifiers.fc_net import FullyConnectedNet, TwoLayerNet


def refusal(build, error=TypeError):
    with pytest.raises(error) as caught:
        build()
    return str(caught.value)


class TestRefusals:
    def test_other_conventions(self):
        i2dl = (
            "nnlayers.course.i2dl.ClassificationNet takes them, "
            "whose penalty is reg · Σ W², not half"
        )
        assert refusal(lambda: FullyConnectedNet(num_layer=2, activation=None)) == (
            f"FullyConnectedNet: unknown keywords num_layer, activation; {i2dl}"
        )
        assert refusal(lambda: FullyConnectedNet([5], use_batchnorm=True)) == (
            'FullyConnectedNet: unknown keyword use_batchnorm; it is normalization="batchnorm"'
        )
        sizes = (
            "classifiers.neural_net.TwoLayerNet of cs231n and ClassificationNet of I2DL take them"
        )
        assert refusal(lambda: TwoLayerNet(input_size=4)) == (
            f"TwoLayerNet: unknown keyword input_size; {sizes}"
        )
        assert refusal(lambda: ThreeLayerConvNet(std=1)) == (
            f"ThreeLayerConvNet: unknown keyword std; {sizes}"
        )
        assert refusal(lambda: neural_net.TwoLayerNet(input_dim=4)) == (
            "TwoLayerNet: unknown keyword input_dim; "
            "classifiers.fc_net.TwoLayerNet takes them, whose penalty is 0.5 · reg · Σ W²"
        )
        assert refusal(lambda: ThreeLayerConvNet(filters=3)) == (
            "ThreeLayerConvNet: unknown keyword filters; there are input_dim, num_filters, "
            "filter_size, hidden_dim, num_classes, weight_scale, reg, dtype, rng"
        )

    def test_values(self):
        assert refusal(lambda: FullyConnectedNet(100)) == (
            "FullyConnectedNet: hidden_dims must be a list of sizes, not 100; "
            "[100] is one hidden layer"
        )
        assert refusal(lambda: FullyConnectedNet([5], dropout_keep_ratio=0), ValueError) == (
            "FullyConnectedNet: 0 < dropout_keep_ratio <= 1 is needed, not 0; "
            "it is the probability of keeping: 1 drops none"
        )
        assert refusal(lambda: FullyConnectedNet([5], normalization="batch"), ValueError) == (
            "FullyConnectedNet: normalization must be None, "
            '"batchnorm" or "layernorm", not \'batch\''
        )
        assert refusal(lambda: TwoLayerNet(reg=-1), ValueError) == (
            "TwoLayerNet: reg must be at least 0, not -1"
        )
        assert refusal(lambda: ThreeLayerConvNet(filter_size=4), ValueError) == (
            "ThreeLayerConvNet: filter_size must be odd, not 4; "
            "filters of even size shift the image"
        )
        assert refusal(lambda: ThreeLayerConvNet((3, 7, 8)), ValueError) == (
            "ThreeLayerConvNet: H and W must be even, not 7 and 8; windows of 2 x 2 are pooled"
        )
        assert "not 8 and 7" in refusal(lambda: ThreeLayerConvNet((3, 8, 7)), ValueError)
        assert refusal(lambda: ThreeLayerConvNet(3072), ValueError) == (
            "ThreeLayerConvNet: input_dim must be the sizes (C, H, W) of images, not 3072"
        )
        assert refusal(lambda: neural_net.TwoLayerNet(4)) == (
            "TwoLayerNet: input_size, hidden_size and output_size are needed"
        )
        assert refusal(lambda: TwoLayerNet(rng="0")) == (
            "TwoLayerNet: rng must be a seed or a generator of NumPy, not '0'; "
            "None draws from the global generator, which np.random.seed seeds"
        )

    def test_wrong_examples(self):
        model = FullyConnectedNet([5], 4, 3, rng=0)
        with pytest.raises(ValueError, match="^affine_forward: "):
            model.loss(np.ones((2, 3)))
        with pytest.raises(ValueError, match="^softmax_loss: .*; y.argmax"):
            model.loss(np.ones((2, 4)), np.eye(3)[:2])
