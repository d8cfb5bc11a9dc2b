"""An LSTM learns to add two-digit numbers, reading and writing them character by character.

    python benchmarks/lstm_addition.py

It reads "12+34===" and gives the digits 0, 4, 6 of the sum at the three "=".  There are 10,000 such
sums; 1,000 are kept out of training, both a + b and b + a, so that no answer can be looked up in
its mirror image.  An answer counts only if all its digits are right.  The matrices are too small to
be worth two threads: OPENBLAS_NUM_THREADS=1 makes it faster.
"""

import argparse
import statistics
import time

import numpy as np

from nnlayers import LSTM, Embedding, Sequential, SoftmaxCrossEntropy, TemporalAffine
from nnlayers.data import batches
from nnlayers.training import Adam

CHARACTERS = "0123456789+="
ANSWER = 3  # digits of a sum, from 000 to 198
NO_LABEL = -1


def sums():
    """All sums: questions (10000, 8) as indices of characters, answers (10000, 8) as digits.

    Where a question is still being read, the answer is NO_LABEL.
    """
    a, b = np.divmod(np.arange(100 * 100), 100)
    text = [f"{i:02d}+{j:02d}{'=' * ANSWER}" for i, j in zip(a, b)]
    x = np.array([[CHARACTERS.index(character) for character in line] for line in text])
    y = np.full_like(x, NO_LABEL)
    y[:, -ANSWER:] = [[int(digit) for digit in f"{total:0{ANSWER}d}"] for total in a + b]
    return x, y


def kept_out(rng, count=1000):
    """Choose which sums are kept out of training, (10000,) of bool: half a + b, half b + a."""
    small, large = np.triu_indices(100, k=1)
    chosen = rng.permutation(len(small))[: count // 2]
    out = np.zeros((100, 100), bool)
    out[small[chosen], large[chosen]] = out[large[chosen], small[chosen]] = True
    return out.ravel()


def exact(net, x, y):
    """Fraction of the answers with all digits right."""
    digits = net.scores(x)[:, -ANSWER:].argmax(axis=-1)
    return float((digits == y[:, -ANSWER:]).all(axis=1).mean())


def train(seed, *, epochs, hidden=128, features=16, batch_size=100, lr=0.005):
    """Train one net; return its exact answers among known and among new sums, and the seconds."""
    rng = np.random.default_rng(seed)
    x, y = sums()
    new = kept_out(rng)
    net = Sequential(
        Embedding(len(CHARACTERS), features, rng=rng, dtype=np.float32),
        LSTM(features, hidden, rng=rng, dtype=np.float32),
        TemporalAffine(hidden, 10, rng=rng, dtype=np.float32),
        SoftmaxCrossEntropy(ignore_index=NO_LABEL),
    )
    optimizer = Adam(net, lr=lr)
    steps = epochs * (np.count_nonzero(~new) // batch_size)
    start = time.perf_counter()
    for _ in range(epochs):
        for x_batch, y_batch in batches(x[~new], y[~new], batch_size, rng=rng, drop_last=True):
            _, grads = net.loss(x_batch, y_batch)
            optimizer.step(grads)
            optimizer.lr = lr * (1 - optimizer.t / steps)  # to 0, in equal steps
    seconds = time.perf_counter() - start
    return exact(net, x[~new], y[~new]), exact(net, x[new], y[new]), seconds


def main():
    """Train with several seeds and print accuracy and time of each, and their medians."""
    parser = argparse.ArgumentParser(description="Learn to add two-digit numbers with an LSTM.")
    parser.add_argument("--seeds", type=int, default=3, help="how many nets to train")
    parser.add_argument("--epochs", type=int, default=25, help="passes through the 9,000 sums")
    options = parser.parse_args()
    results = []
    for seed in range(options.seeds):
        known, new, seconds = train(seed, epochs=options.epochs)
        results.append((new, seconds))
        print(
            f"seed {seed}: {new:.1%} of 1,000 new sums exact, {known:.1%} of 9,000 trained ones, "
            f"{seconds:.0f} s",
            flush=True,
        )
    new, seconds = (statistics.median(column) for column in zip(*results))
    print(f"median: {new:.1%} exact, {seconds:.0f} s")


if __name__ == "__main__":
    main()
