"""Elementwise functions and softmax."""

import math

import numpy as np

from blind.shelf import note
from corpus.specimen import normal

WRONG = []


def both_signs(*shape):
    """Normal entries of which the first three are -0.9, 0.8 and -0.3."""

    def make(rng):
        x = rng.normal(size=shape)
        x.ravel()[:3] = -0.9, 0.8, -0.3
        return (x,)

    return make


# ---------------------------------------------------------------- sigmoid
def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_forward(x):
    out = sigmoid(x)
    return out, out


def sigmoid_backward_dout_in_formula(dout, cache):
    s = cache
    return s * dout * (1 - dout)


note(
    WRONG,
    "sigmoid: 1 - dout instead of 1 - out",
    sigmoid_forward,
    sigmoid_backward_dout_in_formula,
    normal((3, 4)),
    "dx",
    "dout_nonlinear",
)


def sigmoid_backward_local_only(dout, cache):
    return cache * (1 - cache)


note(
    WRONG,
    "sigmoid: local derivative only",
    sigmoid_forward,
    sigmoid_backward_local_only,
    normal((5,)),
    "dx",
    "dout_ignored",
)


class Sigmoid:
    """Keeps what it needs in a small object."""

    class Saved:
        def __init__(self, x, y):
            self.x = x
            self.y = y

    def forward(self, x):
        y = 1 / (1 + np.exp(-x))
        return y, Sigmoid.Saved(x, y)

    def backward(self, dy, saved):
        x = saved.x
        return dy * x * (1 - x)


note(
    WRONG,
    "sigmoid: x stands where out belongs",
    Sigmoid().forward,
    Sigmoid().backward,
    normal((2, 3, 4)),
    "dx",
    "wrong_tensor",
)


def sigmoid_input_cached_forward(Z):
    A = sigmoid(Z)
    cache = Z
    return A, cache


def sigmoid_twice_backward(dA, cache):
    Z = cache
    s = sigmoid(sigmoid(Z))
    return dA * s * (1 - s)


note(
    WRONG,
    "sigmoid: applied twice on the way back",
    sigmoid_input_cached_forward,
    sigmoid_twice_backward,
    normal((3, 5)),
    "dZ",
    "wrong_tensor",
    "wrong_formula",
)


# ---------------------------------------------------------------- tanh
def tanh_forward(x):
    th = np.tanh(x)
    return th, {"x": x, "th": th}


def tanh_backward_not_squared(dout, cache):
    return dout * (1 - cache["th"])


def tanh_backward_of_x(dout, cache):
    return dout * (1 - cache["x"] ** 2)


def tanh_backward_identity(dout, cache):
    return dout * 1.0


def tanh_backward_squared_twice(dout, cache):
    t = cache["th"]
    deriv = 1 - t**2
    grad = dout * deriv
    grad *= deriv
    return grad


note(
    WRONG,
    "tanh: square forgotten",
    tanh_forward,
    tanh_backward_not_squared,
    normal((4, 3)),
    "dx",
    "wrong_formula",
)
note(
    WRONG,
    "tanh: 1 - x**2",
    tanh_forward,
    tanh_backward_of_x,
    normal((4, 3)),
    "dx",
    "wrong_tensor",
)
note(
    WRONG,
    "tanh: gradient handed through",
    tanh_forward,
    tanh_backward_identity,
    normal((4, 3)),
    "dx",
    "chain_factor",
)
note(
    WRONG,
    "tanh: derivative applied twice",
    tanh_forward,
    tanh_backward_squared_twice,
    normal((2, 5)),
    "dx",
    "chain_factor",
)


# ---------------------------------------------------------------- relu and its kin
def relu_forward(x):
    out = np.maximum(0, x)
    cache = x
    return out, cache


def relu_backward_positive_gradients(dout, cache):
    dx = dout.copy()
    dx[dx <= 0] = 0
    return dx


note(
    WRONG,
    "relu: negative dout cut instead of negative x",
    relu_forward,
    relu_backward_positive_gradients,
    both_signs(4, 5),
    "dx",
    "dout_nonlinear",
    "wrong_mask",
)


def relu_backward_reversed(dout, cache):
    x = cache
    dx = np.array(dout, copy=True)
    dx[x > 0] = 0
    return dx


note(
    WRONG,
    "relu: mask the wrong way round",
    relu_forward,
    relu_backward_reversed,
    both_signs(3, 5),
    "dx",
    "wrong_mask",
)


def relu_backward_indicator(dout, cache):
    return (cache > 0).astype(np.float64)


note(
    WRONG,
    "relu: returns the indicator",
    relu_forward,
    relu_backward_indicator,
    both_signs(2, 3, 4),
    "dx",
    "dout_ignored",
)


def relu_backward_times_out(dout, cache):
    return dout * np.maximum(cache, 0)


note(
    WRONG,
    "relu: dout times out",
    relu_forward,
    relu_backward_times_out,
    both_signs(4, 3),
    "dx",
    "wrong_formula",
    "chain_factor wrong_mask wrong_tensor",
)


def leaky_forward(x, alpha=0.1):
    return np.where(x > 0, x, alpha * x), (x, alpha)


def leaky_backward_no_slope(dout, cache):
    x, alpha = cache
    return dout * (x > 0)


note(
    WRONG,
    "leaky relu: negative side gets nothing",
    leaky_forward,
    leaky_backward_no_slope,
    both_signs(4, 3),
    "dx",
    "wrong_mask",
    "wrong_formula partial_fill missing_path",
)


def leaky_backward_alpha_alone(dout, cache):
    x, alpha = cache
    dx = np.array(dout)
    dx[x <= 0] = alpha
    return dx


note(
    WRONG,
    "leaky relu: alpha instead of alpha * dout",
    leaky_forward,
    leaky_backward_alpha_alone,
    both_signs(3, 4),
    "dx",
    "dout_ignored",
    "wrong_formula dout_nonlinear",
)


def leaky_backward_both_pieces(dout, cache):
    x, alpha = cache
    right = (x >= 0) * dout
    left = (x <= 0) * dout * alpha
    return right + left


def make_zeros_among(rng):
    x = rng.normal(size=(3, 4))
    x[0, 1] = x[2, 2] = 0.0
    return (x,)


note(
    WRONG,
    "leaky relu: both pieces count at zero",
    leaky_forward,
    leaky_backward_both_pieces,
    make_zeros_among,
    "dx",
    "kink_value",
    alpha=0.2,
)


def abs_forward(x):
    return np.abs(x), x


def abs_backward_value(dout, x):
    return dout * np.abs(x)


note(
    WRONG,
    "abs: multiplied by the magnitude",
    abs_forward,
    abs_backward_value,
    both_signs(5, 2),
    "dx",
    "wrong_formula",
    "chain_factor wrong_tensor",
)


def prelu_forward(x, a):
    """One slope per channel, x (N, C, L)."""
    slope = a[None, :, None]
    positive = x > 0
    return np.where(positive, x, slope * x), (x, slope, positive)


def prelu_backward_all_of_x(dout, cache):
    x, slope, positive = cache
    dx = np.where(positive, dout, slope * dout)
    da = (dout * x).sum(axis=(0, 2))
    return dx, da


def prelu_backward_unsummed_batch(dout, cache):
    x, slope, positive = cache
    dx = dout * np.where(positive, 1, slope)
    da = np.where(positive, 0, x * dout)[0].sum(axis=-1)
    return dx, da


note(
    WRONG,
    "prelu: slope also learns from positive entries",
    prelu_forward,
    prelu_backward_all_of_x,
    normal((3, 2, 4), (2,)),
    "da",
    "wrong_mask",
)
note(
    WRONG,
    "prelu: first example only",
    prelu_forward,
    prelu_backward_unsummed_batch,
    normal((3, 2, 6), (2,)),
    "da",
    "missing_reduction",
)


def elu_forward(x, alpha=0.7):
    y = x.copy()
    neg = x < 0
    y[neg] = alpha * (np.exp(x[neg]) - 1)
    return y, (x, y, alpha)


def elu_backward_y_plus_one(dy, cache):
    x, y, alpha = cache
    dx = dy.copy()
    dx[x < 0] *= y[x < 0] + 1
    return dx


def elu_backward_no_alpha(dy, cache):
    x, _, alpha = cache
    return np.where(x < 0, dy * np.exp(x), dy)


note(
    WRONG,
    "elu: y + 1 where y + alpha belongs",
    elu_forward,
    elu_backward_y_plus_one,
    both_signs(3, 4),
    "dx",
    "wrong_formula",
)
note(
    WRONG,
    "elu: alpha dropped",
    elu_forward,
    elu_backward_no_alpha,
    both_signs(4, 2),
    "dx",
    "constant_scale",
    "wrong_formula chain_factor",
    alpha=1.7,
)


def elu_backward_closed_on_both_sides(dy, cache):
    x, y, alpha = cache
    dx = np.zeros_like(x)
    dx[x >= 0] += dy[x >= 0]
    dx[x <= 0] += dy[x <= 0] * (y[x <= 0] + alpha)
    return dx


note(
    WRONG,
    "elu: zero belongs to both sides",
    elu_forward,
    elu_backward_closed_on_both_sides,
    make_zeros_among,
    "dx",
    "kink_value",
    alpha=0.5,
)


def relu6_forward(x):
    return np.minimum(np.maximum(x, 0.0), 6.0), x


def relu6_backward(dout, x):
    return dout * (x > 0)


def make_wide(rng):
    x = rng.uniform(-4, 10, size=(4, 5))
    x[0, :3] = -2.0, 3.0, 8.5
    return (x,)


note(
    WRONG,
    "clip: relu6 open at the top",
    relu6_forward,
    relu6_backward,
    make_wide,
    "dx",
    "wrong_mask",
)


def hardtanh_forward(x, lo=-1.0, hi=1.0):
    return np.clip(x, lo, hi), (x, lo, hi)


def hardtanh_backward(dout, cache):
    x, lo, hi = cache
    dx = np.zeros_like(dout)
    inside = np.logical_or(x > lo, x < hi)
    dx[inside] = dout[inside]
    return dx


def make_spread(rng):
    x = 2 * rng.normal(size=(4, 3))
    x[0] = -2.5, 0.2, 3.0
    return (x,)


note(
    WRONG,
    "clip: or instead of and",
    hardtanh_forward,
    hardtanh_backward,
    make_spread,
    "dx",
    "wrong_mask",
)


def hard_sigmoid_forward(x):
    out = np.clip(0.2 * x + 0.5, 0, 1)
    return out, (x, out)


def hard_sigmoid_backward(dout, cache):
    x, out = cache
    active = (out > 0) & (out < 1)
    return dout * active


note(
    WRONG,
    "hard sigmoid: slope of 0.2 forgotten",
    hard_sigmoid_forward,
    hard_sigmoid_backward,
    make_wide,
    "dx",
    "constant_scale",
    "chain_factor",
)


# ---------------------------------------------------------------- smooth ones
GELU_C = math.sqrt(2 / math.pi)


def gelu_forward(x):
    inner = GELU_C * (x + 0.044715 * x**3)
    t = np.tanh(inner)
    y = 0.5 * x * (1 + t)
    return y, (x, t)


def gelu_backward_first_term(dy, cache):
    x, t = cache
    return dy * 0.5 * (1 + t)


def gelu_backward_power_rule(dy, cache):
    x, t = cache
    dinner = GELU_C * (1 + 0.044715 * x**2)
    left = 0.5 * (1 + t)
    right = 0.5 * x * (1 - t * t) * dinner
    return dy * (left + right)


note(
    WRONG,
    "gelu: product rule forgotten",
    gelu_forward,
    gelu_backward_first_term,
    normal((3, 4)),
    "dx",
    "missing_path",
    "wrong_formula",
)
note(
    WRONG,
    "gelu: 3 of the cube forgotten",
    gelu_forward,
    gelu_backward_power_rule,
    normal((4, 4)),
    "dx",
    "wrong_formula",
)


def softplus_forward(x):
    return np.logaddexp(0, x), x


def softplus_backward(dout, x):
    e = np.exp(x)
    return dout / (1 + e)


note(
    WRONG,
    "softplus: sigmoid of -x",
    softplus_forward,
    softplus_backward,
    normal((4, 3)),
    "dx",
    "wrong_formula",
    "wrong_tensor",
)


def silu_forward(x):
    s = sigmoid(x)
    return x * s, {"x": x, "s": s}


def silu_backward(dout, cache):
    x, s = cache["x"], cache["s"]
    ds = dout * x
    return ds * s * (1 - s)


note(
    WRONG,
    "silu: direct path through x lacking",
    silu_forward,
    silu_backward,
    normal((2, 6)),
    "dx",
    "missing_path",
)


def swish_forward(x, beta):
    """One learnt beta for the whole layer, shape (1,)."""
    z = beta * x
    sig = sigmoid(z)
    return x * sig, (x, beta, sig)


def swish_backward(dout, cache):
    x, beta, sig = cache
    dsig = dout * x
    dz = dsig * sig * (1 - sig)
    dx = dout * sig + dz * beta
    dbeta = dz * x
    return dx, dbeta


note(
    WRONG,
    "swish: dbeta not summed",
    swish_forward,
    swish_backward,
    normal((3, 4), (1,)),
    "dbeta",
    "missing_reduction",
    "bad_output",
)


def square_forward(x):
    return x * x, x


def square_backward(dout, x):
    return dout * x


note(
    WRONG,
    "square: 2 forgotten",
    square_forward,
    square_backward,
    normal((3, 3)),
    "dx",
    "constant_scale",
    "missing_path",
)


def reciprocal_forward(x):
    out = 1 / x
    return out, out


def reciprocal_backward(dout, out):
    return dout * out**2


def make_positive(rng):
    return (rng.uniform(0.5, 3, size=(3, 4)),)


note(
    WRONG,
    "reciprocal: minus forgotten",
    reciprocal_forward,
    reciprocal_backward,
    make_positive,
    "dx",
    "sign_flip",
)


def sqrt_forward(x):
    out = np.sqrt(x)
    return out, (x, out)


def sqrt_backward(dout, cache):
    x, out = cache
    return 0.5 * dout / x


note(
    WRONG,
    "sqrt: divides by x instead of its root",
    sqrt_forward,
    sqrt_backward,
    make_positive,
    "dx",
    "wrong_tensor",
    "wrong_formula",
)


def log_forward(x):
    return np.log(x), x


def log_backward(dout, x):
    return dout / np.log(x + 1.0)


note(
    WRONG,
    "log: divides by a logarithm",
    log_forward,
    log_backward,
    make_positive,
    "dx",
    "wrong_formula",
    "wrong_tensor",
)


def exp_forward(x):
    y = np.exp(x)
    return y, (x, y)


def exp_backward(dy, cache):
    x, y = cache
    return x * y * dy


note(
    WRONG,
    "exp: power rule (x times exp)",
    exp_forward,
    exp_backward,
    normal((3, 4)),
    "dx",
    "wrong_formula",
    "chain_factor",
)


def glu_forward(x):
    """Gated linear unit over the last axis: first half value, second half gate."""
    half = x.shape[-1] // 2
    value, gate = x[..., :half], sigmoid(x[..., half:])
    return value * gate, (value, gate)


def glu_backward(dout, cache):
    value, gate = cache
    dvalue = dout * gate
    dgate = dout * value * gate * (1 - gate)
    return np.concatenate([dgate, dvalue], axis=-1)


note(
    WRONG,
    "glu: halves put back in the wrong order",
    glu_forward,
    glu_backward,
    normal((3, 6)),
    "dx",
    "rearranged",
    "swapped_outputs",
)


def selu_forward(x):
    lam, alpha = 1.0507009873554805, 1.6732632423543772
    out = lam * np.where(x > 0, x, alpha * np.expm1(x))
    return out, (x, alpha)


def selu_backward(dout, cache):
    x, alpha = cache
    return np.where(x > 0, dout, dout * alpha * np.exp(x))


note(
    WRONG,
    "selu: lambda forgotten",
    selu_forward,
    selu_backward,
    both_signs(4, 3),
    "dx",
    "constant_scale",
    "chain_factor",
)


def maxout_forward(x):
    """x (N, M, K): the largest of K pieces."""
    out = x.max(axis=2)
    return out, (x, out)


def maxout_backward(dout, cache):
    x, out = cache
    winners = x == out[:, :, None]
    return winners * dout[:, :, None]


def make_tied_pieces(rng):
    x = rng.normal(size=(3, 2, 4))
    x[0, 0, 1] = x[0, 0, 3] = 3.0
    x[2, 1, 0] = x[2, 1, 2] = 4.0
    return (x,)


note(
    WRONG,
    "maxout: every tied piece gets the whole gradient",
    maxout_forward,
    maxout_backward,
    make_tied_pieces,
    "dx",
    "kink_value",
)


# ---------------------------------------------------------------- softmax
def softmax_forward(x):
    z = x - x.max(axis=1, keepdims=True)
    e = np.exp(z)
    s = e / e.sum(axis=1, keepdims=True)
    return s, s


def softmax_backward_diagonal(dout, s):
    return dout * s * (1 - s)


def softmax_backward_sum_over_batch(dout, s):
    g = dout * s
    return g - s * g.sum(axis=0, keepdims=True)


def softmax_backward_order_of_difference(dout, s):
    inner = np.einsum("nc,nc->n", dout, s)
    return s * (inner[:, None] - dout)


def softmax_backward_dout_squared(dout, s):
    dx = np.zeros_like(s)
    for i in range(s.shape[0]):
        weighted = dout[i] @ dout[i]
        dx[i] = s[i] * (dout[i] - weighted)
    return dx


def softmax_backward_jacobian_first_row(dout, s):
    N, C = s.shape
    for i in range(N):
        p = s[i].reshape(-1, 1)
        jac = np.diagflat(p) - p @ p.T
        dx = np.zeros((N, C))
        dx[i] = jac @ dout[i]
    return dx


def softmax_backward_outer_only(dout, s):
    dx = np.empty_like(s)
    for n, (p, g) in enumerate(zip(s, dout)):
        jac = -np.outer(p, p)
        for k in range(len(p)):
            jac[k, k] = p[k] * (1 - p[k])
        dx[n] = (jac * g).sum(axis=0)
    return dx


note(
    WRONG,
    "softmax: diagonal of the Jacobian only",
    softmax_forward,
    softmax_backward_diagonal,
    normal((3, 5)),
    "dx",
    "missing_path",
)
note(
    WRONG,
    "softmax: sum over the batch",
    softmax_forward,
    softmax_backward_sum_over_batch,
    normal((4, 3)),
    "dx",
    "wrong_axis",
)
note(
    WRONG,
    "softmax: difference the wrong way round",
    softmax_forward,
    softmax_backward_order_of_difference,
    normal((2, 5)),
    "dx",
    "sign_flip",
)
note(
    WRONG,
    "softmax: dout weighted by itself",
    softmax_forward,
    softmax_backward_dout_squared,
    normal((3, 4)),
    "dx",
    "dout_nonlinear",
)
note(
    WRONG,
    "softmax: buffer emptied for every example",
    softmax_forward,
    softmax_backward_jacobian_first_row,
    normal((3, 4)),
    "dx",
    "overwrite_not_accumulate",
    "partial_fill",
)
note(
    WRONG,
    "softmax: Jacobian times g summed along the wrong axis",
    softmax_forward,
    softmax_backward_outer_only,
    normal((2, 4)),
    "dx",
    "wrong_axis",
    "transposed wrong_formula",
)


def log_softmax_forward(x):
    shifted = x - np.max(x, axis=-1, keepdims=True)
    logsum = np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))
    out = shifted - logsum
    return out, out


def log_softmax_backward_no_probabilities(dout, out):
    return dout - np.sum(dout, axis=-1, keepdims=True)


def log_softmax_backward_elementwise(dout, out):
    p = np.exp(out)
    return dout - p * dout


def log_softmax_backward_one_hot_habit(dout, out):
    return dout - np.exp(out)


def log_softmax_backward_log_probs(dout, out):
    total = dout.sum(axis=-1, keepdims=True)
    return dout - out * total


note(
    WRONG,
    "log softmax: probabilities forgotten",
    log_softmax_forward,
    log_softmax_backward_no_probabilities,
    normal((3, 4)),
    "dx",
    "chain_factor",
    "wrong_formula",
)
note(
    WRONG,
    "log softmax: dout not summed over the classes",
    log_softmax_forward,
    log_softmax_backward_elementwise,
    normal((3, 5)),
    "dx",
    "missing_reduction",
    "missing_path",
)
note(
    WRONG,
    "log softmax: p subtracted as if dout were one-hot",
    log_softmax_forward,
    log_softmax_backward_one_hot_habit,
    normal((2, 4)),
    "dx",
    "dout_nonlinear",
    "dout_ignored missing_reduction",
)
note(
    WRONG,
    "log softmax: log-probabilities for probabilities",
    log_softmax_forward,
    log_softmax_backward_log_probs,
    normal((2, 3, 4)),
    "dx",
    "wrong_tensor",
)
