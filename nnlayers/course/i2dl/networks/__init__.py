"""Nets, layers, losses and optimizers of I2DL's folder ``networks``."""

from nnlayers.course.i2dl.networks.base_networks import *  # noqa: F403
from nnlayers.course.i2dl.networks.classification_net import *  # noqa: F403
from nnlayers.course.i2dl.networks.classifier import *  # noqa: F403
from nnlayers.course.i2dl.networks.compute_network_size import *  # noqa: F403
from nnlayers.course.i2dl.networks.layer import *  # noqa: F403
from nnlayers.course.i2dl.networks.loss import *  # noqa: F403
from nnlayers.course.i2dl.networks.optimizer import *  # noqa: F403
from nnlayers.course.i2dl.networks.regression_net import *  # noqa: F403
from nnlayers.course.i2dl.networks.utils import *  # noqa: F403
