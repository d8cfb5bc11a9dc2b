"""Cases of the activations."""

import nnlayers
import reference.activations as naive
from cases.case import Case, away_from, normal
from nnlayers import (
    ELU,
    GELU,
    SELU,
    Abs,
    Clip,
    Exp,
    HardSigmoid,
    HardTanh,
    Identity,
    LeakyReLU,
    Log,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Softsign,
    Square,
    Tanh,
    prelu_backward,
    prelu_forward,
)


def _case(name, layer, torch, make=None, passes_through=False, **settings):
    """Make a case of an activation without parameters; its pair is the first word of the name."""
    pair = name.partition(" ")[0]
    return Case(
        name,
        getattr(nnlayers, f"{pair}_forward"),
        getattr(nnlayers, f"{pair}_backward"),
        make or normal(3, 4),
        getattr(naive, pair),
        lambda: layer(**settings),
        settings=settings,
        torch=torch,
        passes_through=passes_through,
    )


def _prelu(name, x, slopes):
    def make(rng, N):
        return (*away_from(0, shape=x)(rng, N), rng.uniform(0.1, 0.6, slopes))

    return Case(
        name,
        prelu_forward,
        prelu_backward,
        make,
        naive.prelu,
        PReLU.of,
        parameters=1,
        torch=lambda torch, x, slope: torch.nn.functional.prelu(x, slope),
    )


def _positive(rng, N):
    return (0.2 + rng.exponential(size=(N, 3, 4)),)


CASES = [
    _case("sigmoid", Sigmoid, lambda torch, x: torch.sigmoid(x)),
    _case("tanh", Tanh, lambda torch, x: torch.tanh(x)),
    _case("softsign", Softsign, lambda torch, x: torch.nn.functional.softsign(x)),
    _case(
        "hard_sigmoid",
        HardSigmoid,
        # hardsigmoid has 1/6 in single precision in its backward
        lambda torch, x: torch.nn.functional.relu6(x + 3) / 6,
        away_from(-3, 3),
    ),
    _case(
        "hard_tanh", HardTanh, lambda torch, x: torch.nn.functional.hardtanh(x), away_from(-1, 1)
    ),
    _case("relu", ReLU, lambda torch, x: torch.relu(x), away_from(0)),
    _case(
        "leaky_relu",
        LeakyReLU,
        lambda torch, x: torch.nn.functional.leaky_relu(x, 0.3),
        away_from(0),
        slope=0.3,
    ),
    _prelu("prelu", (3, 4), 1),
    _prelu("prelu of channels", (3,), 3),
    _prelu("prelu of channels of images", (3, 2, 4), 3),
    _case("elu", ELU, lambda torch, x: torch.nn.functional.elu(x), away_from(0)),
    _case(
        "elu to another limit",
        ELU,
        lambda torch, x: torch.nn.functional.elu(x, 0.3),
        away_from(0),
        alpha=0.3,
    ),
    _case("selu", SELU, lambda torch, x: torch.nn.functional.selu(x), away_from(0)),
    _case("softplus", Softplus, lambda torch, x: torch.nn.functional.softplus(x)),
    _case("gelu", GELU, lambda torch, x: torch.nn.functional.gelu(x)),
    _case(
        "gelu in the tanh form",
        GELU,
        lambda torch, x: torch.nn.functional.gelu(x, approximate="tanh"),
        approximate="tanh",
    ),
    _case("silu", SiLU, lambda torch, x: torch.nn.functional.silu(x)),
    _case("mish", Mish, lambda torch, x: torch.nn.functional.mish(x)),
    _case("identity", Identity, lambda torch, x: x * 1.0, passes_through=True),
    _case("square", Square, lambda torch, x: torch.square(x)),
    _case("abs", Abs, lambda torch, x: torch.abs(x), away_from(0)),
    _case("exp", Exp, lambda torch, x: torch.exp(x)),
    _case("log", Log, lambda torch, x: torch.log(x), _positive),
    _case(
        "clip",
        Clip,
        lambda torch, x: torch.clamp(x, -0.7, 1.2),
        away_from(-0.7, 1.2),
        low=-0.7,
        high=1.2,
    ),
    _case("clip from below", Clip, lambda torch, x: torch.clamp(x, 0.3), away_from(0.3), low=0.3),
    _case(
        "clip from above",
        Clip,
        lambda torch, x: torch.clamp(x, max=0.3),
        away_from(0.3),
        high=0.3,
    ),
    _case("softmax", Softmax, lambda torch, x: torch.softmax(x, -1)),
    _case("softmax along axis 1", Softmax, lambda torch, x: torch.softmax(x, 1), axis=1),
    _case("log_softmax", LogSoftmax, lambda torch, x: torch.log_softmax(x, -1)),
    _case("log_softmax along axis 1", LogSoftmax, lambda torch, x: torch.log_softmax(x, 1), axis=1),
]
