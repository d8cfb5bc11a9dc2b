"""Layers of sequences: an LSTM over 32 steps, and a causal transformer block with its update."""

import numpy as np

from benchmarks.agreement import agree, numbers
from benchmarks.workload import OURS, Race
from nnlayers import SGD, TransformerBlock, lstm_backward, lstm_forward

HEADS, WIDTH = 4, 128
STILL = 1e-9  # learning rate of a step that is made thousands of times against the same dout


def lstm(N=32, T=32, D=128, H=128):
    """Build the arms of an LSTM, forward and backward."""
    import torch

    module = torch.nn.LSTM(D, H, batch_first=True)
    wx, wh = (_our_gates(w).T for w in (module.weight_ih_l0, module.weight_hh_l0))
    wx, wh = np.ascontiguousarray(wx), np.ascontiguousarray(wh)
    b = _our_gates(module.bias_ih_l0) + _our_gates(module.bias_hh_l0)
    rng = np.random.default_rng(0)
    x, dout = (rng.standard_normal((N, T, size), np.float32) for size in (D, H))
    tx, tdout = torch.tensor(x, requires_grad=True), torch.tensor(dout)

    def ours():
        (h, _), cache = lstm_forward(x, None, None, wx, wh, b)
        return h, *lstm_backward((dout, None), cache)

    def theirs():
        tx.grad = None
        module.zero_grad()
        h, _ = module(tx)
        h.backward(tdout)
        return h

    h = theirs()
    wanted = numbers({"h": h, "dx": tx.grad}) | {
        "dwx": _our_gates(module.weight_ih_l0.grad).T,
        "dwh": _our_gates(module.weight_hh_l0.grad).T,
        "db": _our_gates(module.bias_ih_l0.grad),
    }
    agree(dict(zip(wanted, ours())), wanted)
    return {OURS: ours, "torch": theirs}


def _our_gates(weights):
    """Return PyTorch's rows for the gates i, f, g, o in the order i, f, o, g."""
    i, f, g, o = np.split(weights.detach().numpy(), 4)
    return np.concatenate((i, f, o, g))


def transformer_block(N=8, T=64):
    """Build the arms of a causal pre-norm block with GELU: forward, backward, update."""
    import torch

    block = TransformerBlock(WIDTH, heads=HEADS, rng=0, dtype=np.float32)
    rng = np.random.default_rng(1)
    x, dout = (rng.standard_normal((N, T, WIDTH), np.float32) for _ in range(2))
    optimizer = SGD(block, STILL, 0.9)
    weights = _torch_weights(block)
    torch_optimizer = torch.optim.SGD(weights.values(), STILL, 0.9)
    tx, tdout = torch.tensor(x, requires_grad=True), torch.tensor(dout)

    def ours():
        out, cache = block.forward(x)
        dx, grads = block.gradients(dout, cache)
        optimizer.step(grads)
        return {"out": out, "dx": dx} | grads

    def theirs():
        torch_optimizer.zero_grad()
        tx.grad = None
        out = _torch_block(tx, weights)
        out.backward(tdout)
        torch_optimizer.step()
        return out

    for _ in range(2):
        named = {"out": theirs(), "dx": tx.grad}
        for key, weight in weights.items():
            named[key] = weight.grad.T if weight.ndim == 2 else weight.grad
        agree(ours(), numbers(named))
    return {OURS: ours, "torch": theirs}


def _torch_weights(block):
    """Return the block's weights as PyTorch's, matrices as its linear layers keep them."""
    import torch

    return {
        key: torch.tensor(np.ascontiguousarray(w.T), requires_grad=True)
        for key, w in block.params.items()
    }


def _torch_block(x, weights):
    """Pre-norm transformer block of PyTorch's fastest functions."""
    from torch.nn import functional

    (N, T, D) = x.shape
    w = weights
    y = functional.layer_norm(x, (D,), w["norm1.gamma"], w["norm1.beta"], 1e-5)
    qkv = functional.linear(y, w["attention.wqkv"], w["attention.bqkv"])
    q, k, v = (a.view(N, T, HEADS, D // HEADS).transpose(1, 2) for a in qkv.split(D, 2))
    y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    y = y.transpose(1, 2).reshape(N, T, D)
    h = x + functional.linear(y, w["attention.wo"], w["attention.bo"])
    y = functional.layer_norm(h, (D,), w["norm2.gamma"], w["norm2.beta"], 1e-5)
    y = functional.linear(y, w["feed_forward.w1"], w["feed_forward.b1"])
    y = functional.gelu(y, approximate="tanh")
    return h + functional.linear(y, w["feed_forward.w2"], w["feed_forward.b2"])


WORKLOADS = (
    Race(
        "lstm",
        "LSTM T = 32, N = 32, D = H = 128",
        lstm,
        {"torch": (1.5, 1.0)},
    ),
    Race(
        "transformer",
        "GPT block, batch 8, T = 64, d = 128, 4 heads: step",
        transformer_block,
        {"torch": (1.05, 0.85)},
    ),
)
