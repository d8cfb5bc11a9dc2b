"""Backward passes to judge a gradient checker by: wrong ones, right ones, dirty ones."""

from corpus import (
    wrong_activations,
    wrong_affine,
    wrong_attention,
    wrong_batchnorm,
    wrong_conv,
    wrong_conv_loops,
    wrong_dropout,
    wrong_elementwise,
    wrong_gated,
    wrong_gates,
    wrong_linear,
    wrong_losses,
    wrong_margins,
    wrong_networks,
    wrong_norms,
    wrong_pooling,
    wrong_regression,
    wrong_rnn,
    wrong_shapes,
    wrong_softmax,
)
from corpus.dirty import DIRTY
from corpus.right import RIGHT

FAMILIES = {
    "affine": wrong_affine.WRONG + wrong_linear.WRONG,
    "activation": wrong_activations.WRONG + wrong_elementwise.WRONG + wrong_gates.WRONG,
    "softmax": wrong_softmax.WRONG,
    "classification loss": wrong_losses.WRONG + wrong_margins.WRONG,
    "regression loss": wrong_regression.WRONG,
    "batch norm": wrong_batchnorm.WRONG,
    "other norms": wrong_norms.WRONG,
    "dropout and embedding": wrong_dropout.WRONG,
    "convolution": wrong_conv.WRONG + wrong_conv_loops.WRONG,
    "pooling": wrong_pooling.WRONG,
    "rnn": wrong_rnn.WRONG,
    "lstm and gru": wrong_gated.WRONG,
    "attention": wrong_attention.WRONG,
    "networks": wrong_networks.WRONG,
    "shapes": wrong_shapes.WRONG,
}

WRONG = [specimen for family in FAMILIES.values() for specimen in family]

__all__ = ["DIRTY", "FAMILIES", "RIGHT", "WRONG"]
