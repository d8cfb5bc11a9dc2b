"""A convolutional net reads digits.

The same small filters look at every place of the image, so that a stroke is found wherever it is;
pooling keeps that it was there, and forgets where exactly.  The settings were chosen by
cross-validation within the images that are not for the test.
"""

import numpy as np

from nnlayers import (
    Adam,
    Affine,
    BatchNorm,
    Conv2d,
    CosineDecay,
    MaxPool2d,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    Solver,
)
from nnlayers.worked import reading

TITLE = "A convolutional net reads digits"
EPOCHS = 8
BATCH = 64
MEASURE = reading.MEASURE
data, right, sample = reading.data, reading.right, reading.sample


def new_net(rng, width=32):
    """Make three convolutions of 3 x 3 with batch norm, two poolings and an affine layer."""
    options = {"rng": rng, "dtype": np.float32}
    return Sequential(
        Conv2d(1, width, 3, pad=1, **options),
        BatchNorm(width, dtype=np.float32),
        ReLU(),
        Conv2d(width, width, 3, pad=1, **options),
        BatchNorm(width, dtype=np.float32),
        ReLU(),
        MaxPool2d(2),  # 4 x 4 pixels are left
        Conv2d(width, 2 * width, 3, pad=1, **options),
        BatchNorm(2 * width, dtype=np.float32),
        ReLU(),
        MaxPool2d(2),  # 2 x 2 pixels are left
        Affine(2 * width * 2 * 2, 10, **options),
        SoftmaxCrossEntropy(),
    )


def new_solver(net, train, validation, *, epochs=EPOCHS, rng=None, progress=None):
    """Make a solver: Adam, with a rate that falls to 0."""
    steps = epochs * -(-len(train[0]) // BATCH)
    return Solver(
        net,
        train,
        validation=validation,
        optimizer=Adam(net),
        schedule=CosineDecay(0.003, steps),
        batch_size=BATCH,
        epochs=epochs,
        rng=rng,
        progress=progress,
    )
