"""Several threads use one net at once: each gets what it would get alone, to the last bit."""

import threading

import numpy as np
import pytest

from nnlayers import (
    LSTM,
    Affine,
    BatchNorm,
    Conv2d,
    Dropout,
    MaxPool2d,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    TemporalAffine,
    TransformerBlock,
)


def convolutional(workers):
    """A net whose parts borrow scratch memory, set buffers and draw random numbers."""
    return Sequential(
        Conv2d(3, 8, 3, pad=1, workers=workers, rng=0, dtype=np.float32),
        ReLU(),
        MaxPool2d(2),
        Conv2d(8, 8, 3, pad=1, stride=2, workers=workers, rng=1, dtype=np.float32),
        Dropout(drop=0.2),
        Affine(8 * 4 * 4, 300, rng=2, dtype=np.float32),
        ReLU(),
        Affine(300, 10, rng=3, dtype=np.float32),
        SoftmaxCrossEntropy(),
    )


def sequential(_):
    return Sequential(
        LSTM(5, 16, rng=0, dtype=np.float32),
        TransformerBlock(16, heads=2, rng=1, dtype=np.float32),
        TemporalAffine(16, 10, rng=2, dtype=np.float32),
        SoftmaxCrossEntropy(),
    )


def data(net, seed):
    rng = np.random.default_rng(seed)
    N = 4 + seed  # threads ask for scratch memory of different sizes
    if isinstance(net.layers[0], LSTM):
        return rng.standard_normal((N, 7, 5), np.float32), rng.integers(0, 10, (N, 7))
    return rng.standard_normal((N, 3, 16, 16), np.float32), rng.integers(0, 10, N)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("make", [convolutional, sequential])
def test_threads_may_share_a_net(make, workers):
    net = make(workers)
    batches = [data(net, seed) for seed in range(4)]
    alone = [net.loss(x, y, rng=0) for x, y in batches]
    scores = [net.scores(x) for x, _ in batches]
    wrong, start = [], threading.Barrier(len(batches))

    def work(i):
        x, y = batches[i]
        start.wait()
        for _ in range(10):
            loss, grads = net.loss(x, y, rng=0)
            same = loss == alone[i][0] and grads.keys() == alone[i][1].keys()
            same = same and all(np.array_equal(grads[key], alone[i][1][key]) for key in grads)
            if not (same and np.array_equal(net.scores(x), scores[i])):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_evaluation_of_one_net_while_another_thread_trains_a_copy():
    x = np.random.default_rng(0).standard_normal((8, 3, 8, 8), np.float32)
    norm = Sequential(
        Conv2d(3, 4, 3, pad=1, rng=0, dtype=np.float32), BatchNorm(4, dtype=np.float32)
    )
    other = norm.astype(np.float32)
    wanted, stop = norm.scores(x), threading.Event()

    def train():
        while not stop.is_set():
            other.forward(x, train=True)

    thread = threading.Thread(target=train)
    thread.start()
    try:
        results = [norm.scores(x) for _ in range(50)]
    finally:
        stop.set()
        thread.join()
    assert all(np.array_equal(result, wanted) for result in results)
    assert not np.array_equal(other.layers[1].state["mean"], norm.layers[1].state["mean"])
