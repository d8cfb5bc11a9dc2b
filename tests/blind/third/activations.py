"""Wrong elementwise functions."""

import numpy as np

from blind.shelf import note
from corpus.specimen import normal

WRONG = []


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_forward(x):
    return sigmoid(x), x


def sigmoid_backward_plain_x(dout, x):
    dx = dout * x * (1 - x)
    return dx


def sigmoid_backward_local(dout, x):
    s = sigmoid(x)
    return s * (1 - s)


def sigmoid_backward_upstream(dout, x):
    s = sigmoid(x)
    return s * dout * (1 - dout)


note(
    WRONG,
    "sigmoid: x(1-x)",
    sigmoid_forward,
    sigmoid_backward_plain_x,
    normal((3, 4)),
    "dx",
    "wrong_tensor",
)
note(
    WRONG,
    "sigmoid: only the local derivative",
    sigmoid_forward,
    sigmoid_backward_local,
    normal((3, 4)),
    "dx",
    "dout_ignored",
)
note(
    WRONG,
    "sigmoid: dout(1-dout)",
    sigmoid_forward,
    sigmoid_backward_upstream,
    normal((2, 5)),
    "dx",
    "dout_nonlinear",
)


class Tanh:
    def __init__(self):
        self.a = None

    @staticmethod
    def forward(x):
        layer = Tanh()
        layer.a = np.tanh(x)
        return layer.a.copy(), layer

    @staticmethod
    def backward_unsquared(dout, layer):
        return dout * (1 - layer.a)

    @staticmethod
    def backward_again(dout, layer):
        return dout * (1 - np.tanh(layer.a) ** 2)

    @staticmethod
    def backward_squared_dout(dout, layer):
        return (1 - layer.a**2) * dout * np.abs(dout)

    @staticmethod
    def backward_sign(dout, layer):
        return dout * (layer.a**2 - 1)


note(
    WRONG,
    "tanh: square forgotten",
    Tanh.forward,
    Tanh.backward_unsquared,
    normal((4, 3)),
    "dx",
    "wrong_formula",
)
note(
    WRONG,
    "tanh: tanh taken of the output",
    Tanh.forward,
    Tanh.backward_again,
    normal((4, 3)),
    "dx",
    "wrong_tensor",
)
note(
    WRONG,
    "tanh: dout enters twice",
    Tanh.forward,
    Tanh.backward_squared_dout,
    normal((4, 3)),
    "dx",
    "dout_nonlinear",
)
note(
    WRONG,
    "tanh: out**2 - 1",
    Tanh.forward,
    Tanh.backward_sign,
    normal((4, 3)),
    "dx",
    "sign_flip",
)


def relu_forward(x):
    out = np.maximum(0, x)
    return out, x


def relu_backward_dout_mask(dout, cache):
    dx = np.array(dout, copy=True)
    dx[dout <= 0] = 0
    return dx


def relu_backward_identity(dout, cache):
    x = cache
    mask = x < 0
    return np.where(mask, dout, 0)


note(
    WRONG,
    "relu: mask from dout",
    relu_forward,
    relu_backward_dout_mask,
    normal((4, 5)),
    "dx",
    "dout_nonlinear",
    "wrong_mask",
)
note(
    WRONG,
    "relu: mask turned round",
    relu_forward,
    relu_backward_identity,
    normal((4, 5)),
    "dx",
    "wrong_mask",
)


def relu6_forward(x):
    return np.minimum(np.maximum(x, 0.0), 6.0), (x,)


def relu6_backward(dout, cache):
    (x,) = cache
    dx = dout.copy()
    dx[x < 0] = 0
    return dx


def wide(rng):
    x = rng.normal(size=(4, 5)) * 5
    x[0, 0], x[1, 1] = 7.5, -3.2
    return (x,)


note(WRONG, "relu6: upper bound ignored", relu6_forward, relu6_backward, wide, "dx", "wrong_mask")


def lrelu_forward(x, alpha=0.1):
    return np.where(x > 0, x, alpha * x), (x, alpha)


def lrelu_backward_both(dout, cache):
    x, alpha = cache
    dx = dout * (x >= 0)
    dx += alpha * dout * (x <= 0)
    return dx


def lrelu_backward_opposite(dout, cache):
    x, alpha = cache
    slope = np.ones_like(x)
    slope[x > 0] = alpha
    return dout * slope


def with_zeros(rng):
    x = rng.normal(size=(3, 5))
    x[0, 1] = x[2, 3] = x[1, 0] = 0.0
    return (x,)


note(
    WRONG,
    "leaky relu: both sides counted at zero",
    lrelu_forward,
    lrelu_backward_both,
    with_zeros,
    "dx",
    "kink_value",
)
note(
    WRONG,
    "leaky relu: slope on the positive side",
    lrelu_forward,
    lrelu_backward_opposite,
    normal((3, 6)),
    "dx",
    "wrong_mask",
)


def elu(x, a=1.5):
    neg = a * (np.exp(np.minimum(x, 0)) - 1)
    out = np.where(x >= 0, x, neg)
    return out, {"x": x, "out": out, "a": a}


def elu_grad(dout, c):
    return np.where(c["x"] >= 0, 1, c["out"]) * dout


note(WRONG, "elu: alpha not added back", elu, elu_grad, normal((4, 4)), "dx", "wrong_formula")

C0 = np.sqrt(2 / np.pi)
C1 = 0.044715


def gelu_forward(x):
    t = np.tanh(C0 * (x + C1 * x**3))
    return 0.5 * x * (1 + t), (x, t)


def gelu_backward_half_rule(dout, cache):
    x, t = cache
    return dout * 0.5 * (1 + t)


def gelu_backward_inner(dout, cache):
    x, t = cache
    sech2 = 1 - t * t
    inner = C0 * (1 + C1 * x**2)
    return dout * (0.5 * (1 + t) + 0.5 * x * sech2 * inner)


note(
    WRONG,
    "gelu: product rule half done",
    gelu_forward,
    gelu_backward_half_rule,
    normal((3, 5)),
    "dx",
    "missing_path",
)
note(
    WRONG,
    "gelu: three missing in the cubic",
    gelu_forward,
    gelu_backward_inner,
    normal((3, 5)),
    "dx",
    "wrong_formula",
)


def swish_forward(x, beta):
    s = sigmoid(beta * x)
    return x * s, (x, s, beta)


def swish_backward(dout, cache):
    x, s, beta = cache
    dx = dout * (s + x * s * (1 - s))
    dbeta = np.sum(dout * x * x * s * (1 - s))
    return dx, np.asarray(dbeta)


def swish_inputs(rng):
    return rng.normal(size=(3, 4)), np.array(1.7)


note(
    WRONG,
    "swish: beta missing in dx",
    swish_forward,
    swish_backward,
    swish_inputs,
    "dx",
    "chain_factor",
    "wrong_formula",
)


def softplus_forward(x):
    return np.logaddexp(0, x), x


def softplus_backward(dout, x):
    return dout * sigmoid(-x)


note(
    WRONG,
    "softplus: sigmoid of minus x",
    softplus_forward,
    softplus_backward,
    normal((5, 3)),
    "dx",
    "wrong_formula",
    "sign_flip wrong_tensor",
)


def square_forward(x):
    return np.power(x, 2), x


def square_backward(dout, x):
    return x * dout


note(
    WRONG,
    "square: two forgotten",
    square_forward,
    square_backward,
    normal((3, 4)),
    "dx",
    "constant_scale",
)


def exp_forward(x):
    e = np.exp(x)
    return e, (x, e)


def exp_backward(dout, cache):
    x, _ = cache
    return dout * x


note(WRONG, "exp: x for exp(x)", exp_forward, exp_backward, normal((2, 6)), "dx", "wrong_tensor")


def divide(a, b):
    return a / b, (a, b)


def divide_backward_plus(dout, cache):
    a, b = cache
    return dout / b, dout * a / b**2


def divide_backward_once(dout, cache):
    a, b = cache
    return dout / b, -dout * a / b


def ratio_inputs(rng):
    return rng.normal(size=(3, 4)), rng.uniform(1.5, 3, size=(3, 4))


note(
    WRONG,
    "division: minus forgotten",
    divide,
    divide_backward_plus,
    ratio_inputs,
    "db",
    "sign_flip",
)
note(
    WRONG,
    "division: b not squared",
    divide,
    divide_backward_once,
    ratio_inputs,
    "db",
    "wrong_formula",
    "chain_factor",
)


def root_forward(x):
    r = np.sqrt(x)
    return r, r.copy()


def root_backward(dout, r):
    return 0.5 * r * dout


def positive(rng):
    return (rng.uniform(0.3, 4, size=(4, 3)),)


note(
    WRONG,
    "sqrt: multiplied by the root",
    root_forward,
    root_backward,
    positive,
    "dx",
    "wrong_formula",
)


def prelu_forward(x, a):
    neg = np.minimum(x, 0)
    return np.maximum(x, 0) + a[None, :, None] * neg, (x, a, neg)


def prelu_backward_positive(dout, cache):
    x, a, neg = cache
    dx = np.where(x > 0, dout, a[None, :, None] * dout)
    da = (dout * np.maximum(x, 0)).sum(axis=(0, 2))
    return dx, da


def prelu_backward_axis(dout, cache):
    x, a, neg = cache
    dx = np.where(x > 0, dout, a[None, :, None] * dout)
    da = (dout * neg).sum(axis=(0, 1))
    return dx, da


note(
    WRONG,
    "prelu: slope gradient from the positive side",
    prelu_forward,
    prelu_backward_positive,
    normal((3, 4, 5), (4,)),
    "da",
    "wrong_mask",
    "wrong_tensor",
)
note(
    WRONG,
    "prelu: slope gradient summed over channels (square)",
    prelu_forward,
    prelu_backward_axis,
    normal((3, 4, 4), (4,)),
    "da",
    "wrong_axis",
)


def glu_forward(x):
    half = x.shape[1] // 2
    a, g = x[:, :half], sigmoid(x[:, half:])
    return a * g, (a, g)


def glu_backward(dout, cache):
    a, g = cache
    da = dout * g
    dg = dout * a * g * (1 - g)
    return np.concatenate([dg, da], axis=1)


note(
    WRONG,
    "glu: halves joined in the wrong order",
    glu_forward,
    glu_backward,
    normal((3, 8)),
    "dx",
    "rearranged",
    "wrong_index",
)


def hardclip_forward(x, lo=-0.5, hi=0.5):
    return np.clip(x, lo, hi), (x, lo, hi)


def hardclip_backward(dout, cache):
    return 1.0 * dout


note(
    WRONG,
    "clip: gradient let through outside",
    hardclip_forward,
    hardclip_backward,
    normal((4, 6)),
    "dx",
    "wrong_mask",
)


def silu_forward(x):
    s = sigmoid(x)
    return x * s, (x, s)


def silu_backward(dout, cache):
    x, s = cache
    dx = dout * s + x * s * (1 - s)
    return dx


note(
    WRONG,
    "silu: dout on one term only",
    silu_forward,
    silu_backward,
    normal((4, 3)),
    "dx",
    "dout_ignored",
    "dout_nonlinear",
)


def rowmax_forward(x):
    m = x.max(axis=1)
    return m, (x, m)


def rowmax_backward(dout, cache):
    x, m = cache
    return (x == m[:, None]) * dout[:, None]


def tied_rows(rng):
    x = rng.normal(size=(4, 5))
    x[0, 1] = x[0, 3] = 4.0
    x[2, 0] = x[2, 4] = x[2, 2] = 5.0
    return (x,)


note(
    WRONG,
    "row maximum: every tied entry gets all",
    rowmax_forward,
    rowmax_backward,
    tied_rows,
    "dx",
    "kink_value",
)
