"""A small convolutional net learns to read the digits that come with the library.

    python benchmarks/convnet_digits.py

It trains on 1,442 images of 8 x 8 pixels and is tested on 355 others.  The settings were chosen by
cross-validation within the training images; the test images are looked at once, after training.
The matrices are too small to be worth two threads: OPENBLAS_NUM_THREADS=1 makes it faster.
"""

import argparse
import statistics
import time

import numpy as np

from nnlayers import Affine, BatchNorm, Conv2d, MaxPool2d, ReLU, Sequential, SoftmaxCrossEntropy
from nnlayers.data import batches, digits
from nnlayers.training import Adam


def convolutional_net(rng, width=32):
    """Make three convolutions of 3 x 3 with batch norm, two poolings and an affine layer."""
    settings = {"rng": rng, "dtype": np.float32}
    return Sequential(
        Conv2d(1, width, 3, pad=1, **settings),
        BatchNorm(width, dtype=np.float32),
        ReLU(),
        Conv2d(width, width, 3, pad=1, **settings),
        BatchNorm(width, dtype=np.float32),
        ReLU(),
        MaxPool2d(2),  # 4 x 4 pixels are left
        Conv2d(width, 2 * width, 3, pad=1, **settings),
        BatchNorm(2 * width, dtype=np.float32),
        ReLU(),
        MaxPool2d(2),  # 2 x 2 pixels are left
        Affine(2 * width * 2 * 2, 10, **settings),
        SoftmaxCrossEntropy(),
    )


def train(seed, *, epochs, batch_size=64, lr=0.003):
    """Train one net; return its accuracy on training and on test images, and the seconds."""
    rng = np.random.default_rng(seed)
    (x, y), (x_test, y_test) = digits(np.float32)
    net = convolutional_net(rng)
    optimizer = Adam(net, lr=lr)
    steps = epochs * (len(x) // batch_size)
    start = time.perf_counter()
    for _ in range(epochs):
        for x_batch, y_batch in batches(x, y, batch_size, rng=rng, drop_last=True):
            _, grads = net.loss(x_batch, y_batch)
            optimizer.step(grads)
            optimizer.lr = lr * (1 - optimizer.t / steps)  # to 0, in equal steps
    seconds = time.perf_counter() - start
    return accuracy(net, x, y), accuracy(net, x_test, y_test), seconds


def accuracy(net, x, y):
    """Fraction of the images whose label has the highest score."""
    return float((net.scores(x).argmax(axis=1) == y).mean())


def main():
    """Train with several seeds and print accuracy and time of each, and their medians."""
    parser = argparse.ArgumentParser(description="Learn to read digits with a convolutional net.")
    parser.add_argument("--seeds", type=int, default=3, help="how many nets to train")
    parser.add_argument("--epochs", type=int, default=30, help="passes through the 1,442 images")
    options = parser.parse_args()
    results = []
    for seed in range(options.seeds):
        known, new, seconds = train(seed, epochs=options.epochs)
        results.append((new, seconds))
        print(
            f"seed {seed}: {new:.2%} of 355 test images right, {known:.2%} of 1,442 trained ones, "
            f"{seconds:.1f} s",
            flush=True,
        )
    new, seconds = (statistics.median(column) for column in zip(*results))
    print(f"median: {new:.2%} right, {seconds:.1f} s")


if __name__ == "__main__":
    main()
