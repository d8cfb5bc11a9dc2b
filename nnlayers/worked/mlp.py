"""A multi-layer perceptron reads digits.

It sees 64 pixels and does not know which of them are neighbours.  What it cannot know it is shown:
each image is also learned in its four shifts by one pixel.  The settings were chosen by
cross-validation within the images that are not for the test.
"""

import numpy as np

from nnlayers import L2, SGD, Affine, CosineDecay, ReLU, Sequential, SoftmaxCrossEntropy, Solver
from nnlayers.worked import reading

TITLE = "A multi-layer perceptron reads digits"
EPOCHS = 60
BATCH = 64
MEASURE = reading.MEASURE
data, right, sample = reading.data, reading.right, reading.sample


def new_net(rng, hidden=256):
    """Make three affine layers with ReLU between them."""
    options = {"rng": rng, "dtype": np.float32}
    return Sequential(
        Affine(64, hidden, **options),
        ReLU(),
        Affine(hidden, hidden, **options),
        ReLU(),
        Affine(hidden, 10, **options),
        SoftmaxCrossEntropy(),
    )


def new_solver(net, train, validation, *, epochs=EPOCHS, rng=None, progress=None):
    """Make a solver: SGD with momentum, a rate that falls to 0, and an average of the weights."""
    steps = epochs * -(-len(train[0]) // BATCH)
    return Solver(
        net,
        train,
        validation=validation,
        optimizer=SGD(net, lr=0.2, momentum=0.9),
        schedule=CosineDecay(0.2, steps),
        penalty=L2(1e-4),
        average=0.99,
        batch_size=BATCH,
        epochs=epochs,
        rng=rng,
        progress=progress,
    )
