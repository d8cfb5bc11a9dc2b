"""The classifiers of cs231n: one module for each file of the course's folder ``classifiers``."""

from nnlayers.course.cs231n.classifiers.cnn import ThreeLayerConvNet
from nnlayers.course.cs231n.classifiers.fc_net import FullyConnectedNet, TwoLayerNet
from nnlayers.course.cs231n.classifiers.k_nearest_neighbor import KNearestNeighbor
from nnlayers.course.cs231n.classifiers.linear_classifier import (
    LinearClassifier,
    LinearSVM,
    Softmax,
)
from nnlayers.course.cs231n.classifiers.linear_svm import svm_loss_naive, svm_loss_vectorized
from nnlayers.course.cs231n.classifiers.rnn import CaptioningRNN
from nnlayers.course.cs231n.classifiers.softmax import (
    softmax_loss_naive,
    softmax_loss_vectorized,
)

__all__ = [
    "CaptioningRNN",
    "FullyConnectedNet",
    "KNearestNeighbor",
    "LinearClassifier",
    "LinearSVM",
    "Softmax",
    "ThreeLayerConvNet",
    "TwoLayerNet",
    "softmax_loss_naive",
    "softmax_loss_vectorized",
    "svm_loss_naive",
    "svm_loss_vectorized",
]
