"""Convolutions of seven shapes, one of them on two cores, and the step of a convolutional net.

A convolution gets its images as they come in a chain of our layers: channels last in memory, but
for the first layer, whose images lie as they were loaded, channels first.  The arm "channels first"
shows what it costs when all do.
"""

import time

import numpy as np

from benchmarks.agreement import agree, numbers
from benchmarks.workload import OURS, Race
from nnlayers import (
    SGD,
    Affine,
    Conv2d,
    MaxPool2d,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    conv2d_backward,
    conv2d_forward,
)

# name: what, (N, C, H = W, F, size of the filters, stride, pad), must, aim
SHAPES = {
    "conv-first": ("3->32 at 32x32", (64, 3, 32, 32, 3, 1, 1), (1.35, 1.0)),
    "conv-middle": ("32->32 at 32x32", (64, 32, 32, 32, 3, 1, 1), (1.6, 1.2)),
    "conv-deep": ("32->64 at 16x16", (64, 32, 16, 64, 3, 1, 1), (1.6, 1.3)),
    "conv-deepest": ("64->128 at 8x8", (32, 64, 8, 128, 3, 1, 1), (1.5, 1.3)),
    "conv-5x5": ("5x5, 16->32 at 32x32", (64, 16, 32, 32, 5, 1, 2), (1.8, 1.3)),
    "conv-stride": ("stride 2, 32->64 at 32x32", (64, 32, 32, 64, 3, 2, 1), (1.35, 1.1)),
    "conv-1x1": ("1x1, 64->64 at 16x16", (64, 64, 16, 64, 1, 1, 0), (0.85, 0.7)),
}


def channels_last(x):
    """Return a copy of images (N, C, H, W) whose memory is (N, H, W, C)."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


class Convolution:
    """One convolution, forward and backward, and the same by PyTorch."""

    def __init__(self, N, C, size, F, taps, stride, pad):
        import torch

        rng = np.random.default_rng(0)
        self.x = rng.standard_normal((N, C, size, size), np.float32)
        self.w = rng.standard_normal((F, C, taps, taps), np.float32)
        self.b = rng.standard_normal(F, np.float32)
        self.stride, self.pad = stride, pad
        out, _ = conv2d_forward(self.x, self.w, self.b, stride=stride, pad=pad)
        self.dout = rng.standard_normal(out.shape, np.float32)
        self.leaves = [torch.tensor(a, requires_grad=True) for a in (self.x, self.w, self.b)]
        self.torch_dout = torch.tensor(self.dout)

    def ours(self, x, dout, workers=1):
        """Return a function that makes out, dx, dw and db."""
        w, b = self.w, self.b

        def arm():
            out, cache = conv2d_forward(x, w, b, stride=self.stride, pad=self.pad, workers=workers)
            return out, *conv2d_backward(dout, cache)

        return arm

    def torch(self, threads=None):
        """Return a function that makes PyTorch do the same, perhaps with so many threads."""
        import torch

        x, w, b = self.leaves

        def arm():
            if threads is not None:
                torch.set_num_threads(threads)
            x.grad = w.grad = b.grad = None
            out = torch.nn.functional.conv2d(x, w, b, stride=self.stride, padding=self.pad)
            out.backward(self.torch_dout)
            if threads is not None:
                torch.set_num_threads(1)
            return out.detach(), x.grad, w.grad, b.grad

        return arm

    def checked(self, arms):
        """Return the arms, all of which make the same arrays as the one called torch."""
        names = ("out", "dx", "dw", "db")
        theirs = numbers(dict(zip(names, arms["torch"]())))
        for name, arm in arms.items():
            if name != "torch":
                agree({key: np.asarray(a) for key, a in zip(names, arm())}, theirs)
        return arms


def convolution(shape, first=False):
    """Return a function that builds the arms of a convolution."""

    def build():
        conv = Convolution(*shape)
        last = channels_last(conv.dout)
        arms = {
            OURS: conv.ours(conv.x if first else channels_last(conv.x), last),
            "torch": conv.torch(),
            "channels first": conv.ours(conv.x, conv.dout),
        }
        return conv.checked(arms)

    return build


def two_workers():
    """Build the arms of a convolution by one and by two threads; each library has its own."""
    conv = Convolution(*SHAPES["conv-middle"][1])
    images = channels_last(conv.x), channels_last(conv.dout)
    arms = {
        OURS: conv.ours(*images, workers=2),
        "one worker": conv.ours(*images),
        "torch": conv.torch(threads=2),
        "torch, 1 thread": conv.torch(threads=1),
    }
    return conv.checked(arms)


def convolutional_net():
    """Make the net of the CNN step."""
    settings = {"rng": np.random.default_rng(0), "dtype": np.float32}
    return Sequential(
        Conv2d(3, 32, 3, pad=1, **settings),
        ReLU(),
        Conv2d(32, 32, 3, pad=1, **settings),
        ReLU(),
        MaxPool2d(2),
        Conv2d(32, 64, 3, pad=1, **settings),
        MaxPool2d(2),
        Affine(64 * 8 * 8, 10, **settings),
        SoftmaxCrossEntropy(),
    )


def images():
    """Return the batch of the CNN step."""
    rng = np.random.default_rng(1)
    return rng.standard_normal((64, 3, 32, 32), np.float32), rng.integers(0, 10, 64)


def torch_convolutional_net():
    """Make the same net in PyTorch, without the loss."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 8 * 8, 10),
    )


def torch_step(model, x, y, rate=1e-3):
    """Return a function that makes a training step of PyTorch's net."""
    import torch

    optimizer = torch.optim.SGD(model.parameters(), rate, 0.9)
    entropy = torch.nn.CrossEntropyLoss()
    x, y = torch.tensor(x), torch.tensor(y)

    def step():
        optimizer.zero_grad()
        loss = entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def cnn_step():
    """Build the arms of a step of a convolutional net: forward, backward, update."""
    import torch

    net, model = convolutional_net(), torch_convolutional_net()
    x, y = images()
    places = {0: 0, 2: 2, 5: 5, 7: 8}  # of our layers with weights in PyTorch's net
    with torch.no_grad():
        for i, place in places.items():
            w, b = net.layers[i].params.values()
            model[place].weight.copy_(torch.tensor(w.T if w.ndim == 2 else w))
            model[place].bias.copy_(torch.tensor(b))
    optimizer = SGD(net, 1e-3, 0.9)
    theirs = torch_step(model, x, y)

    def ours():
        loss, grads = net.loss(x, y)
        optimizer.step(grads)
        return {"loss": loss} | grads

    for _ in range(2):
        named = {"loss": theirs()}
        for i, place in places.items():
            dw = model[place].weight.grad
            named[f"{i}.w"] = dw.T if dw.ndim == 2 else dw
            named[f"{i}.b"] = model[place].bias.grad
        agree(ours(), numbers(named), 5e-4)  # where two inputs of a pool are nearly equal
    return {OURS: ours, "torch": theirs}


WORKLOADS = (
    Race("cnn-step", "CNN at 32x32x3, batch 64: step", cnn_step, {"torch": (1.3, 1.0)}),
    *(
        Race(
            name,
            f"convolution {what}, batch {shape[0]}",
            convolution(shape, first=name == "conv-first"),
            {"torch": bounds},
        )
        for name, (what, shape, bounds) in SHAPES.items()
    ),
    Race(
        "conv-workers",
        "convolution 32->32 at 32x32, two workers",
        two_workers,
        {"torch": (None, None), "one worker": (None, None)},
        time.perf_counter,
    ),
)
