"""Random graphs of wrapped pairs, against the pairs called by hand and against PyTorch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlayers
import nnlayers.functions as F
from nnlayers import Variable

N, D = 3, 4  # every value of a graph has this shape
INPUTS = ("x", "z")
PARAMS = {
    "w": (D, D),
    "b": (D,),
    "gamma": (D,),
    "beta": (D,),
    "wx": (D, 4 * D),
    "wh": (D, 4 * D),
    "bias": (4 * D,),
}
# operation: how many values it takes, which parameters, its settings
OPERATIONS = {
    "relu": (1, "", {}),
    "sigmoid": (1, "", {}),
    "tanh": (1, "", {}),
    "gelu": (1, "", {}),
    "silu": (1, "", {}),
    "leaky_relu": (1, "", {"slope": 0.2}),
    "softmax": (1, "", {}),
    "log_softmax": (1, "", {}),
    "affine": (1, "w b", {}),
    "layernorm": (1, "gamma beta", {"eps": 0.1}),
    "batchnorm": (1, "gamma beta", {"eps": 0.1, "train": True}),
    "add": (2, "", {}),
    "multiply": (2, "", {}),
    "attention": (3, "", {"causal": True}),
    "rnn_step": (2, "w w b", {}),  # one parameter in two places
    "lstm_step": (3, "wx wh bias", {}),  # of two outputs
}
LABELS = np.array([1, 0, 3])

PROGRAMS = st.lists(
    st.tuples(st.sampled_from(sorted(OPERATIONS)), *[st.integers(0, 20)] * 3),
    min_size=1,
    max_size=10,
)


def leaves_of(seed):
    rng = np.random.default_rng(seed)
    shapes = dict.fromkeys(INPUTS, (N, D)) | PARAMS
    return {name: rng.uniform(-1.0, 1.0, shape) for name, shape in shapes.items()}


def lines(program):
    """Yield for each line its operation, settings, the names of its arguments and of its outs."""
    values = list(INPUTS)
    for line, (op, *places) in enumerate(program):
        count, params, keywords = OPERATIONS[op]
        arguments = [values[place % len(values)] for place in places[:count]] + params.split()
        outs = [f"{line}.{i}" for i in range(2 if op == "lstm_step" else 1)]
        yield op, keywords, arguments, outs
        values += outs
    yield "softmax_cross_entropy", {}, [values[-1]], ["loss"]


def run(functions, leaves, program):
    """Return what the functions make of the leaves, by name, the loss last."""
    values = dict(leaves)
    for op, keywords, arguments, outs in lines(program):
        given = [values[name] for name in arguments]
        given += [LABELS] * (op == "softmax_cross_entropy")
        result = functions(op)(*given, **keywords)
        values.update(zip(outs, result if len(outs) > 1 else (result,)))
    return values


def by_hand(leaves, program):
    """Return the loss and its gradients: the pairs forward, then backward from the last."""
    caches = []

    def noted(op):
        def forward(*arguments, **keywords):
            out, cache = getattr(nnlayers, f"{op}_forward")(*arguments, **keywords)
            caches.append(cache)
            return out

        return forward

    values = run(noted, leaves, program)
    grads = {"loss": 1.0}
    for (op, _, arguments, outs), cache in reversed(list(zip(lines(program), caches))):
        douts = tuple(grads.get(name) for name in outs)
        if all(dout is None for dout in douts):
            continue  # nothing was made of it
        backward = getattr(nnlayers, f"{op}_backward")
        found = backward(douts if len(outs) > 1 else douts[0], cache)
        for name, dx in zip(arguments, found if isinstance(found, tuple) else (found,)):
            grads[name] = grads.get(name, 0.0) + dx
    return float(values["loss"]), {name: grads.get(name) for name in leaves}


def tensor_operations(torch):
    functional = torch.nn.functional

    def lstm_step(x, h, c, wx, wh, bias):
        i, f, o, g = (x @ wx + h @ wh + bias).split(D, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    return {
        "relu": torch.relu,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "gelu": functional.gelu,
        "silu": functional.silu,
        "leaky_relu": lambda x, slope: functional.leaky_relu(x, slope),
        "softmax": lambda x: torch.softmax(x, -1),
        "log_softmax": lambda x: torch.log_softmax(x, -1),
        "affine": lambda x, w, b: x @ w + b,
        "layernorm": lambda x, gamma, beta, eps: functional.layer_norm(x, (D,), gamma, beta, eps),
        "batchnorm": lambda x, gamma, beta, eps, train: functional.batch_norm(
            x, None, None, gamma, beta, training=train, eps=eps
        ),
        "add": torch.add,
        "multiply": torch.mul,
        "attention": lambda q, k, v, causal: functional.scaled_dot_product_attention(
            q, k, v, is_causal=causal
        ),
        "rnn_step": lambda x, h, wx, wh, b: torch.tanh(x @ wx + h @ wh + b),
        "lstm_step": lstm_step,
        "softmax_cross_entropy": lambda x, y: functional.cross_entropy(x, torch.tensor(y)),
    }


def on_tape(leaves, program):
    xs = {name: Variable(array) for name, array in leaves.items()}
    loss = run(lambda op: getattr(F, op), xs, program)["loss"]
    loss.backward()
    return float(loss), {name: None if x.grad is None else x.grad.data for name, x in xs.items()}


def assert_close(found, wanted):
    (loss, grads), (wanted_loss, wanted_grads) = found, wanted
    assert loss == pytest.approx(wanted_loss, rel=1e-9)
    for name, wanted in wanted_grads.items():
        assert (grads[name] is None) == (wanted is None), name
        if wanted is not None:
            scale = max(1.0, np.abs(wanted).max())
            np.testing.assert_allclose(
                grads[name], wanted, rtol=1e-8, atol=1e-10 * scale, err_msg=name
            )


@settings(max_examples=150, deadline=None)
@given(program=PROGRAMS, seed=st.integers(0, 1000))
def test_gradients_equal_those_of_the_pairs(program, seed):
    leaves = leaves_of(seed)
    assert_close(on_tape(leaves, program), by_hand(leaves, program))


@pytest.mark.oracle
@settings(max_examples=150, deadline=None)
@given(program=PROGRAMS, seed=st.integers(0, 1000))
def test_gradients_equal_those_of_pytorch(program, seed):
    torch = pytest.importorskip("torch")
    leaves = leaves_of(seed)
    tensors = {name: torch.tensor(array, requires_grad=True) for name, array in leaves.items()}
    loss = run(tensor_operations(torch).get, tensors, program)["loss"]
    loss.backward()
    wanted = {name: t.grad if t.grad is None else t.grad.numpy() for name, t in tensors.items()}
    assert_close(on_tape(leaves, program), (loss.item(), wanted))
