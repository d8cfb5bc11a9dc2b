"""Datasets, loaders and transforms of I2DL's folder ``data``."""

from nnlayers.course.i2dl.data.base_dataset import *  # noqa: F403
from nnlayers.course.i2dl.data.dataloader import *  # noqa: F403
from nnlayers.course.i2dl.data.image_folder_dataset import *  # noqa: F403
from nnlayers.course.i2dl.data.transforms import *  # noqa: F403
