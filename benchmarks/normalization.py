"""Batch normalization, layer normalization and dropout: forward and backward, in training."""

import numpy as np

from benchmarks.agreement import Disagreement, agree, numbers
from benchmarks.workload import OURS, Race
from nnlayers import (
    batchnorm_backward,
    batchnorm_forward,
    batchnorm_running,
    dropout_backward,
    dropout_forward,
    layernorm_backward,
    layernorm_forward,
)

SHAPES = {"2d": (128, 512), "4d": (64, 32, 16, 16)}
DROP = 0.5


def drawn(*shapes):
    """Return random arrays."""
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape, np.float32) for shape in shapes]


def batchnorm(shape):
    """Return a function that builds the arms of batch norm, with its running statistics."""

    def build():
        import torch

        x, dout, gamma, beta = drawn(shape, shape, shape[1], shape[1])
        zeros, ones = np.zeros_like(gamma), np.ones_like(gamma)
        state = {"mean": zeros, "var": ones}
        leaves = tx, tgamma, tbeta = _leaves(x, gamma, beta)
        tdout, mean, var = (torch.tensor(a) for a in (dout, zeros, ones))

        def ours():
            nonlocal state
            out, cache = batchnorm_forward(x, gamma, beta, train=True)
            state = batchnorm_running(state, cache)
            return out, *batchnorm_backward(dout, cache)

        def theirs():
            tx.grad = tgamma.grad = tbeta.grad = None
            out = torch.nn.functional.batch_norm(tx, mean, var, tgamma, tbeta, True, 0.1, 1e-5)
            out.backward(tdout)
            return out

        _compare(ours(), theirs(), leaves)
        agree({"mean": state["mean"]}, numbers({"mean": mean}))
        return {OURS: ours, "torch": theirs}

    return build


def layernorm(shape):
    """Return a function that builds the arms of layer norm, over all axes but the first."""

    def build():
        import torch

        x, dout, gamma, beta = drawn(shape, shape, shape[1:], shape[1:])
        leaves = tx, tgamma, tbeta = _leaves(x, gamma, beta)
        tdout = torch.tensor(dout)

        def ours():
            out, cache = layernorm_forward(x, gamma, beta)
            return out, *layernorm_backward(dout, cache)

        def theirs():
            tx.grad = tgamma.grad = tbeta.grad = None
            out = torch.nn.functional.layer_norm(tx, shape[1:], tgamma, tbeta, 1e-5)
            out.backward(tdout)
            return out

        _compare(ours(), theirs(), leaves)
        return {OURS: ours, "torch": theirs}

    return build


def dropout(shape):
    """Return a function that builds the arms of dropout, each with its own random numbers."""

    def build():
        import torch

        x, dout = drawn(shape, shape)
        rng = np.random.default_rng(0)
        (tx,) = _leaves(x)
        tdout = torch.tensor(dout)

        def ours():
            out, cache = dropout_forward(x, drop=DROP, train=True, rng=rng)
            return out, dropout_backward(dout, cache)

        def theirs():
            tx.grad = None
            out = torch.nn.functional.dropout(tx, DROP, True)
            out.backward(tdout)
            return out

        out, dx = ours()
        torch_out = theirs()
        for name, a, da in (
            ("ours", out, dx),
            ("torch", *numbers({0: torch_out, 1: tx.grad}).values()),
        ):
            kept = a != 0
            share = kept.mean()
            if abs(share - (1 - DROP)) > 5 * (DROP * (1 - DROP) / x.size) ** 0.5:
                raise Disagreement(f"{name} keeps {share:.1%} of the entries")
            agree(
                {"out": a, "dx": da}, {"out": kept * x / (1 - DROP), "dx": kept * dout / (1 - DROP)}
            )
        return {OURS: ours, "torch": theirs}

    return build


def _leaves(*arrays):
    import torch

    return [torch.tensor(array, requires_grad=True) for array in arrays]


def _compare(ours, out, leaves):
    names = ("out", "dx", "dgamma", "dbeta")
    agree(dict(zip(names, ours)), numbers(dict(zip(names, (out, *(t.grad for t in leaves))))))


BOUNDS = {
    "batchnorm": (batchnorm, {"2d": (1.3, 1.0), "4d": (1.6, 1.2)}),
    "layernorm": (layernorm, {"2d": (2.2, 1.5), "4d": (2.3, 1.5)}),
    "dropout": (dropout, {"2d": (0.25, 0.15), "4d": (0.25, 0.15)}),
}

WORKLOADS = tuple(
    Race(f"{name}-{kind}", f"{name} {SHAPES[kind]}", build(SHAPES[kind]), {"torch": bounds[kind]})
    for name, (build, bounds) in BOUNDS.items()
    for kind in SHAPES
)
