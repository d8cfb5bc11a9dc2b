"""How fast NumPy can be at all: the steps of ``dense.py``, written down bare.

    python -m benchmarks.limits

races the library's step and PyTorch's against the NumPy calls of the same step alone, without
layers, checks, dictionaries or an optimizer, and against its matrix products alone.  What lies
between "nnlayers" and "bare" is the price of the library; "bare" is the least that we know how to
make NumPy take.
"""

import os
import statistics
import sys

if __name__ == "__main__":  # before NumPy is imported: everything is measured on one core
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

from benchmarks.agreement import agree
from benchmarks.dense import (
    BATCH,
    EPOCHS,
    MOMENTUM,
    RATE,
    STILL,
    digits_epochs,
    mlp,
    must_read,
    pixels,
    steps,
)
from benchmarks.timing import race, ratio
from benchmarks.workload import OURS
from nnlayers.layers._products import product  # the fastest way that we know to each product
from nnlayers.training.pieces import chunks

BARE, PRODUCTS, THEIRS = "bare", "bare products", "torch's products"


class Bare:
    """A net of affine layers and ReLU with cross-entropy, trained by SGD with momentum.

    Nothing is checked, and arrays are written to where the library may not.
    """

    def __init__(self, net, rate):
        parameters = [layer.params for layer in net.layers if layer.params]
        # K: the weights stay as they lie in memory
        self.weights = [np.array(p["w"], order="K") for p in parameters]
        self.biases = [p["b"].copy() for p in parameters]
        self.velocities = [np.zeros_like(a) for a in self.weights + self.biases]
        self.rate = rate
        self.classes = np.ones(len(self.biases[-1]), np.float32)

    def step(self, x, y):
        """Make a step, and return the loss and the gradients: those of the weights come first."""
        N = len(x)
        inputs, last = [], len(self.weights) - 1
        for k, (w, b) in enumerate(zip(self.weights, self.biases)):
            inputs.append(x)
            x = product(x, w)
            x += b
            if k < last:
                np.maximum(x, 0.0, out=x)
        places = np.arange(0, x.size, x.shape[1])
        places += y
        x -= np.maximum.reduce(x.T.copy())[:, None]
        right = x.ravel()[places]
        np.exp(x, out=x)
        total = x.dot(self.classes)
        loss = (np.log(total).sum() - right.sum()) / N
        x /= (total * N)[:, None]
        x.ravel()[places] -= np.float32(1.0 / N)
        examples = np.ones(N, np.float32)
        dweights, dbiases = [], []
        for k in range(last, -1, -1):
            w, rows = self.weights[k], inputs[k]
            dweights.append(product(x.T, rows).T if w.flags.fnc else product(rows.T, x))
            dbiases.append(examples.dot(x))
            if k:
                x = product(x, w.T)
                x *= (rows > 0).astype(np.float32)
        gradients = dweights[::-1] + dbiases[::-1]
        for w, v, dw in zip(self.weights + self.biases, self.velocities, gradients):
            for part, velocity, gradient in chunks(w, v, dw):
                velocity *= MOMENTUM
                velocity -= self.rate * gradient
                part += velocity
        return loss, gradients

    def scores(self, x):
        """Return the scores of examples."""
        for k, (w, b) in enumerate(zip(self.weights, self.biases)):
            x = product(x, w) + b
            if k < len(self.weights) - 1:
                np.maximum(x, 0.0, out=x)
        return x


def step(sizes, x, y):
    """Return the arms of one step, and how many operations its products have."""
    import torch

    net = mlp(sizes)
    bare = Bare(net, STILL)
    arms = steps(net, x, y)
    loss, gradients = Bare(net, STILL).step(x, y)
    names = [f"{2 * k}.{name}" for name in "wb" for k in range(len(sizes) - 1)]
    agree({"loss": loss} | dict(zip(names, gradients)), arms[OURS](), 2e-4)

    rng = np.random.default_rng(2)
    features = [x, *(rng.standard_normal((len(x), size), np.float32) for size in sizes[1:])]
    tensors = [torch.tensor(a) for a in features]
    weights = [torch.tensor(np.ascontiguousarray(w.T)) for w in bare.weights]  # as Linear's

    def products():
        for k, w in enumerate(bare.weights):
            product(features[k], w)
            dout = features[k + 1]
            product(dout.T, features[k]) if w.flags.fnc else product(features[k].T, dout)
            if k:
                product(dout, w.T)

    def torch_products():
        for k, w in enumerate(weights):
            tensors[k] @ w.T
            tensors[k + 1].T @ tensors[k]
            if k:
                tensors[k + 1] @ w

    arms |= {BARE: lambda: bare.step(x, y), PRODUCTS: products, THEIRS: torch_products}
    pairs = list(zip(sizes, sizes[1:]))
    multiplications = len(x) * sum((3 if k else 2) * a * b for k, (a, b) in enumerate(pairs))
    return arms, 2 * multiplications


def epochs():
    """Return the arms of 20 epochs of the digits."""
    x, y = pixels()

    def bare():
        rng = np.random.default_rng(0)
        net = Bare(mlp((64, 64, 10), rng), RATE)
        for _ in range(EPOCHS):
            order = rng.permutation(len(x))
            for start in range(0, len(x), BATCH):
                chosen = order[start : start + BATCH]
                net.step(x[chosen], y[chosen])
        return net.scores(x)

    must_read({BARE: bare}, y)
    return digits_epochs() | {BARE: bare}, None


def cases():
    """Return the functions that make the arms, by name."""
    rng = np.random.default_rng(1)
    mnist = {
        f"MLP 784-512-256-10, batch {batch}": (
            (784, 512, 256, 10),
            rng.standard_normal((batch, 784), np.float32),
            rng.integers(0, 10, batch),
        )
        for batch in (32, 128, 1024)
    }
    x, y = pixels()
    small = {"digits 64-64-10, batch 64": ((64, 64, 10), x[:BATCH], y[:BATCH])}
    made = {name: lambda case=case: step(*case) for name, case in (mnist | small).items()}
    return made | {"digits 64-64-10, 20 epochs": epochs}


def main(seconds=2.0):
    """Race each arm against PyTorch's step, in pairs as in the table, and print the times."""
    import torch

    torch.set_num_threads(1)
    for name, make in cases().items():
        arms, operations = make()
        theirs = arms.pop("torch")
        print(name)
        for arm, function in arms.items():
            times = race({arm: function, "torch": theirs}, seconds)
            taken = statistics.median(times[arm])
            speed = ""
            if arm in (PRODUCTS, THEIRS):
                speed = f"  {operations / taken / 1e9:4.0f} Gflop/s"
            against = ratio(times, arm, "torch")
            print(f"  {arm:18} {1e3 * taken:9.3f} ms  {against:5.2f} of torch{speed}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
