"""Elementwise functions, softmax, reductions and rearrangements, with faults."""

import numpy as np

from blind.shelf import Shelf

WRONG = Shelf()


def make_x(rng):
    return (rng.normal(size=(4, 5)),)


def make_wide(rng):
    return (3.0 * rng.normal(size=(5, 6)),)


def make_positive(rng):
    return (rng.uniform(0.3, 3.0, size=(4, 3)),)


def make_with_zeros(rng):
    x = rng.normal(size=(4, 5))
    x[0, 1] = x[2, 3] = x[3, 0] = 0.0
    return (x,)


# ---------------------------------------------------------------- sigmoid and tanh
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_forward(x):
    out = sigmoid(x)
    return out, out


def sigmoid_forward_x(x):
    return sigmoid(x), x


def sigmoid_backward_x(dout, x):
    return dout * x * (1 - x)


def sigmoid_backward_again(dout, out):
    s = sigmoid(out)
    return dout * s * (1 - s)


def sigmoid_prime(s):
    return s * (1.0 - s)


def sigmoid_backward_twice(dout, out):
    delta = dout * sigmoid_prime(out)
    dx = delta * sigmoid_prime(out)
    return dx


def sigmoid_backward_plus(dout, out):
    return dout * out * (1 + out)


WRONG.add(
    "sigmoid: formula in x", (sigmoid_forward_x, sigmoid_backward_x), make_x, "dx", "wrong_tensor"
)
WRONG.add(
    "sigmoid: applied again to the output",
    (sigmoid_forward, sigmoid_backward_again),
    make_x,
    "dx",
    "wrong_tensor",
)
WRONG.add(
    "sigmoid: slope applied twice",
    (sigmoid_forward, sigmoid_backward_twice),
    make_x,
    "dx",
    "chain_factor",
)
WRONG.add(
    "sigmoid: plus for minus",
    (sigmoid_forward, sigmoid_backward_plus),
    make_x,
    "dx",
    "wrong_formula",
)


class Tanh:
    def __init__(self):
        self.y = None

    @staticmethod
    def forward(x):
        node = Tanh()
        node.y = np.tanh(x)
        node.x = x
        return node.y, node

    @staticmethod
    def backward(dy, node):
        return dy * (1 - node.y)

    @staticmethod
    def backward_x(dy, node):
        return (1 - node.x**2) * dy


WRONG.add("tanh: square forgotten", (Tanh.forward, Tanh.backward), make_x, "dx", "wrong_formula")
WRONG.add("tanh: formula in x", (Tanh.forward, Tanh.backward_x), make_x, "dx", "wrong_tensor")


# ---------------------------------------------------------------- relu family
def relu_forward(x):
    return np.maximum(0, x), x


def relu_backward_dout(dout, x):
    dx = dout.copy()
    dx[dout <= 0] = 0
    return dx


def relu_backward_ones(dout, x):
    dx = np.zeros_like(x)
    dx[x > 0] = 1
    return dx


def relu_backward_any(dout, x):
    active = (x > 0).any(axis=0)
    return dout * active


WRONG.add(
    "relu: mask from the upstream gradient",
    (relu_forward, relu_backward_dout),
    make_x,
    "dx",
    "dout_nonlinear",
    "wrong_mask",
)
WRONG.add(
    "relu: derivative without dout",
    (relu_forward, relu_backward_ones),
    make_x,
    "dx",
    "dout_ignored",
)
WRONG.add(
    "relu: mask per column",
    (relu_forward, relu_backward_any),
    make_x,
    "dx",
    "wrong_mask",
    "wrong_axis",
)


def leaky_relu_forward(x, *, slope=0.3):
    return np.where(x > 0, x, slope * x), (x, slope)


def leaky_relu_backward_threshold(dout, cache):
    x, slope = cache
    return np.where(x > slope, dout, slope * dout)


def leaky_relu_backward_zero(dout, cache):
    x, slope = cache
    return dout * (x > 0) + slope * dout * (x < 0)


def leaky_relu_backward_both(dout, cache):
    x, slope = cache
    dx = np.zeros_like(x)
    dx[x >= 0] += dout[x >= 0]
    dx[x <= 0] += slope * dout[x <= 0]
    return dx


WRONG.add(
    "leaky relu: threshold at the slope",
    (leaky_relu_forward, leaky_relu_backward_threshold),
    make_wide,
    "dx",
    "wrong_mask",
    slope=0.9,
)
WRONG.add(
    "leaky relu: nothing at zero",
    (leaky_relu_forward, leaky_relu_backward_zero),
    make_with_zeros,
    "dx",
    "kink_value",
    slope=0.2,
)
WRONG.add(
    "leaky relu: both branches at zero",
    (leaky_relu_forward, leaky_relu_backward_both),
    make_with_zeros,
    "dx",
    "kink_value",
    slope=0.1,
)


def relu6_forward(x):
    return np.minimum(np.maximum(x, 0.0), 6.0), {"x": x}


def relu6_backward(dout, cache):
    return dout * (cache["x"] > 0)


def make_relu6(rng):
    return (rng.uniform(-6, 12, size=(5, 6)),)


WRONG.add(
    "relu6: upper limit forgotten", (relu6_forward, relu6_backward), make_relu6, "dx", "wrong_mask"
)


def hardtanh_forward(x, *, low=-1.0, high=1.0):
    return np.clip(x, low, high), (x, low, high)


def hardtanh_backward(dout, cache):
    x, low, high = cache
    inside = (x > low) | (x < high)
    return dout * inside


WRONG.add("clip: or for and", (hardtanh_forward, hardtanh_backward), make_wide, "dx", "wrong_mask")


def prelu_forward(x, alpha):
    return np.where(x > 0, x, alpha * x), (x, alpha)


def prelu_backward(dout, cache):
    x, alpha = cache
    pos = x > 0
    dx = np.where(pos, dout, alpha * dout)
    dalpha = np.sum(dout * x * pos, axis=0)
    return dx, dalpha


def make_prelu(rng):
    return rng.normal(size=(6, 4)), rng.uniform(0.1, 0.5, size=4)


WRONG.add(
    "prelu: slope learns from the positive side",
    (prelu_forward, prelu_backward),
    make_prelu,
    "dalpha",
    "wrong_mask",
)


def channel_prelu_forward(x, alpha):
    a = alpha[None, :, None, None]
    return np.maximum(x, 0) + a * np.minimum(x, 0), (x, a)


def channel_prelu_backward(dout, cache):
    x, a = cache
    dx = dout * np.where(x > 0, 1.0, a)
    dalpha = (dout * np.minimum(x, 0)).sum(axis=(0, 1, 3))
    return dx, dalpha


def make_channel_prelu(rng):
    return rng.normal(size=(2, 3, 3, 4)), rng.uniform(0.1, 0.5, size=3)


WRONG.add(
    "prelu: summed over channels instead of rows",
    (channel_prelu_forward, channel_prelu_backward),
    make_channel_prelu,
    "dalpha",
    "wrong_axis",
)


# ---------------------------------------------------------------- elu, selu, softplus
def elu_forward(x, *, alpha=1.0):
    out = np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0)) - 1))
    return out, (x, out, alpha)


def elu_backward_one(dout, cache):
    x, out, alpha = cache
    return dout * np.where(x > 0, 1, out + 1)


def elu_backward_zero(dout, cache):
    x, out, alpha = cache
    dx = np.zeros_like(x)
    pos, neg = x > 0, x < 0
    dx[pos] = dout[pos]
    dx[neg] = dout[neg] * (out[neg] + alpha)
    return dx


WRONG.add(
    "elu: alpha taken as one",
    (elu_forward, elu_backward_one),
    make_x,
    "dx",
    "wrong_formula",
    alpha=0.4,
)
WRONG.add(
    "elu: nothing at zero",
    (elu_forward, elu_backward_zero),
    make_with_zeros,
    "dx",
    "kink_value",
    alpha=0.5,
)

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def selu_forward(x):
    y = SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(np.minimum(x, 0)))
    return y, x


def selu_backward(dy, x):
    return dy * np.where(x > 0, 1.0, SELU_ALPHA * np.exp(np.minimum(x, 0)))


WRONG.add(
    "selu: outer scale forgotten", (selu_forward, selu_backward), make_x, "dx", "constant_scale"
)


def softplus_forward(x, *, beta=1.0):
    return np.log1p(np.exp(beta * x)) / beta, (x, beta)


def softplus_backward(dout, cache):
    x, beta = cache
    return dout * beta / (1 + np.exp(-beta * x))


def softplus_backward_mirror(dout, cache):
    x, beta = cache
    e = np.exp(beta * x)
    return dout / (1 + e)


WRONG.add(
    "softplus: inner factor not cancelled",
    (softplus_forward, softplus_backward),
    make_x,
    "dx",
    "constant_scale",
    "chain_factor",
    beta=3.0,
)
WRONG.add(
    "softplus: sigmoid of minus x",
    (softplus_forward, softplus_backward_mirror),
    make_x,
    "dx",
    "wrong_formula",
    beta=1.5,
)


# ---------------------------------------------------------------- gelu, silu, mish
def gelu_forward(x):
    c = np.sqrt(2 / np.pi)
    u = c * (x + 0.044715 * x**3)
    t = np.tanh(u)
    return 0.5 * x * (1 + t), (x, t)


def gelu_backward_gate_only(dout, cache):
    x, t = cache
    return dout * 0.5 * (1 + t)


def gelu_backward_no_inner(dout, cache):
    x, t = cache
    return dout * (0.5 * (1 + t) + 0.5 * x * (1 - t**2))


def gelu_backward_power(dout, cache):
    x, t = cache
    du = np.sqrt(2 / np.pi) * (1 + 0.044715 * x**2)
    return dout * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * du)


WRONG.add(
    "gelu: gate held constant",
    (gelu_forward, gelu_backward_gate_only),
    make_x,
    "dx",
    "missing_path",
)
WRONG.add(
    "gelu: inner derivative missing",
    (gelu_forward, gelu_backward_no_inner),
    make_x,
    "dx",
    "chain_factor",
    "wrong_formula",
)
WRONG.add(
    "gelu: three of the cube missing",
    (gelu_forward, gelu_backward_power),
    make_wide,
    "dx",
    "wrong_formula",
)


def silu_forward(x):
    gate = 1.0 / (1.0 + np.exp(-x))
    return x * gate, {"x": x, "gate": gate}


def silu_backward(dout, ctx):
    gate = ctx["gate"]
    dgate = dout * ctx["x"]
    return dgate * gate * (1 - gate)


WRONG.add(
    "silu: direct branch missing", (silu_forward, silu_backward), make_x, "dx", "missing_path"
)


def swish_forward(x, beta):
    s = sigmoid(beta * x)
    return x * s, (x, beta, s)


def swish_backward(dout, cache):
    x, beta, s = cache
    ds = dout * x * s * (1 - s)
    dx = dout * s + beta * ds
    dbeta = (ds * x).sum(axis=0)
    return dx, dbeta


def make_swish(rng):
    return rng.normal(size=(4, 3)), np.array(rng.uniform(0.5, 2.0))


WRONG.add(
    "swish: shared beta summed over the batch only",
    (swish_forward, swish_backward),
    make_swish,
    "dbeta",
    "missing_reduction",
    "bad_output",
)


def mish_forward(x):
    sp = np.logaddexp(0, x)
    t = np.tanh(sp)
    return x * t, (x, t)


def mish_backward(dout, cache):
    x, t = cache
    return dout * (t + x * (1 - t**2))


WRONG.add(
    "mish: softplus derivative missing",
    (mish_forward, mish_backward),
    make_x,
    "dx",
    "chain_factor",
    "wrong_formula",
)


# ---------------------------------------------------------------- powers, roots, periodic
def softsign_forward(x):
    d = 1 + np.abs(x)
    return x / d, d


def softsign_backward(dout, d):
    return dout / d


WRONG.add(
    "softsign: denominator not squared",
    (softsign_forward, softsign_backward),
    make_x,
    "dx",
    "wrong_formula",
    "chain_factor",
)


def square_forward(x):
    return x * x, x


def square_backward(dout, x):
    return 2 * x


def cube_forward(x):
    return x**3, (x,)


def cube_backward(dout, cache):
    (x,) = cache
    return 3 * x * dout


def sqrt_forward(x):
    root = np.sqrt(x)
    return root, (x, root)


def sqrt_backward(dout, cache):
    x, root = cache
    return 0.5 * dout / x


def log_forward(x):
    y = np.log(x)
    return y, (x, y)


def log_backward(dy, cache):
    x, y = cache
    return dy / np.exp(x)


WRONG.add(
    "square: upstream gradient unused",
    (square_forward, square_backward),
    make_x,
    "dx",
    "dout_ignored",
)
WRONG.add(
    "cube: power not lowered rightly", (cube_forward, cube_backward), make_x, "dx", "wrong_formula"
)
WRONG.add(
    "sqrt: x for its root", (sqrt_forward, sqrt_backward), make_positive, "dx", "wrong_tensor"
)
WRONG.add(
    "log: exponential of x",
    (log_forward, log_backward),
    make_positive,
    "dx",
    "wrong_tensor",
    "wrong_formula",
)


def abs_forward(x):
    return np.abs(x), x


def abs_backward(dout, x):
    return np.sign(dout) * dout


WRONG.add(
    "abs: sign of the upstream gradient",
    (abs_forward, abs_backward),
    make_x,
    "dx",
    "dout_nonlinear",
)


def fourier_forward(x, omega, phase):
    arg = x * omega + phase
    return np.sin(arg), (x, omega, arg)


def fourier_backward(dout, cache):
    x, omega, arg = cache
    darg = dout * np.cos(arg)
    dx = darg
    domega = (darg * x).sum(axis=0)
    dphase = darg.sum(axis=0)
    return dx, domega, dphase


def make_fourier(rng):
    return rng.normal(size=(5, 3)), rng.uniform(1.2, 3, size=3), rng.normal(size=3)


WRONG.add(
    "sine layer: frequency missing in dx",
    (fourier_forward, fourier_backward),
    make_fourier,
    "dx",
    "chain_factor",
)


def boltzmann_forward(energy, *, temperature=2.5):
    p = np.exp(-energy / temperature)
    return p, (p, temperature)


def boltzmann_backward(dp, cache):
    p, temperature = cache
    return -dp * p


WRONG.add(
    "exp: temperature forgotten",
    (boltzmann_forward, boltzmann_backward),
    make_x,
    "denergy",
    "constant_scale",
    "chain_factor",
)


# ---------------------------------------------------------------- gated and maxout units
def glu_forward(x):
    a, b = np.split(x, 2, axis=1)
    s = sigmoid(b)
    return a * s, (a, s)


def glu_backward_order(dout, cache):
    a, s = cache
    da = dout * s
    db = dout * a * s * (1 - s)
    return np.hstack((db, da))


def glu_backward_factor(dout, cache):
    a, s = cache
    dx = np.empty((a.shape[0], 2 * a.shape[1]))
    dx[:, : a.shape[1]] = dout * s
    dx[:, a.shape[1] :] = dout * s * (1 - s)
    return dx


def make_even(rng):
    return (rng.normal(size=(5, 6)),)


WRONG.add(
    "glu: halves joined in the wrong order",
    (glu_forward, glu_backward_order),
    make_even,
    "dx",
    "rearranged",
    "swapped_outputs",
)
WRONG.add(
    "glu: value missing in the gate's gradient",
    (glu_forward, glu_backward_factor),
    make_even,
    "dx",
    "chain_factor",
)


def maxout_forward(x, *, pieces=2):
    N, D = x.shape
    z = x.reshape(N, pieces, D // pieces)
    winner = z.argmax(axis=1)
    return z.max(axis=1), (x.shape, pieces, winner)


def maxout_backward(dout, cache):
    (N, D), pieces, winner = cache
    dz = np.zeros((N, D // pieces, pieces))
    for n in range(N):
        for j in range(D // pieces):
            dz[n, j, winner[n, j]] = dout[n, j]
    return dz.reshape(N, D)


WRONG.add(
    "maxout: pieces interleaved on the way back",
    (maxout_forward, maxout_backward),
    make_even,
    "dx",
    "rearranged",
    "wrong_index",
    pieces=2,
)


# ---------------------------------------------------------------- reductions
def row_max_forward(x):
    m = x.max(axis=1, keepdims=True)
    return m[:, 0], (x, m)


def row_max_backward(dout, cache):
    x, m = cache
    return dout[:, None] * (x == m)


def make_ties(rng):
    x = rng.integers(0, 5, size=(4, 5)).astype(float)
    x[0, 1] = x[0, 3] = 7.0
    x[2, 0] = x[2, 2] = x[2, 4] = 6.0
    return (x,)


WRONG.add(
    "max: full gradient to every tie",
    (row_max_forward, row_max_backward),
    make_ties,
    "dx",
    "kink_value",
)


def column_mean_forward(x):
    return x.mean(axis=0), x.shape


def column_mean_backward(dout, shape):
    return np.ones(shape) * dout


def row_mean_forward(x):
    return x.mean(axis=1), x


def row_mean_backward(dout, x):
    dx = np.zeros_like(x)
    for i in range(x.shape[0]):
        dx[i] = dout[i]
    return dx


WRONG.add(
    "mean over the batch: not divided",
    (column_mean_forward, column_mean_backward),
    make_x,
    "dx",
    "batch_scale",
)
WRONG.add(
    "mean over features: not divided",
    (row_mean_forward, row_mean_backward),
    make_even,
    "dx",
    "constant_scale",
)


def variance_forward(x):
    mu = x.mean(axis=1, keepdims=True)
    return x.var(axis=1), x - mu


def variance_backward(dout, centred):
    d = centred.shape[1]
    return 2.0 / (d - 1) * centred * dout[:, np.newaxis]


def std_forward(x):
    s = x.std(axis=1, keepdims=True)
    return s.squeeze(1), (x, s)


def std_backward(dout, cache):
    x, s = cache
    return dout[:, None] * (x - x.mean(1, keepdims=True)) / x.shape[1]


WRONG.add(
    "variance: divided by d - 1",
    (variance_forward, variance_backward),
    make_even,
    "dx",
    "constant_scale",
)
WRONG.add(
    "standard deviation: root not differentiated",
    (std_forward, std_backward),
    make_even,
    "dx",
    "chain_factor",
)


def unit_rows_forward(x):
    n = np.linalg.norm(x, axis=1, keepdims=True)
    u = x / n
    return u, (x, n, u)


def unit_rows_backward_divide(du, cache):
    x, n, u = cache
    return du / n


def unit_rows_backward_x(du, cache):
    x, n, u = cache
    return (du - x * np.sum(x * du, axis=1, keepdims=True)) / n


WRONG.add(
    "l2 normalise: only divided by the norm",
    (unit_rows_forward, unit_rows_backward_divide),
    make_x,
    "dx",
    "missing_path",
)
WRONG.add(
    "l2 normalise: projection on x itself",
    (unit_rows_forward, unit_rows_backward_x),
    make_wide,
    "dx",
    "wrong_tensor",
)


# ---------------------------------------------------------------- softmax
def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_forward(z):
    p = softmax(z)
    return p, p


def softmax_backward_diag(dp, p):
    return dp * p * (1 - p)


def softmax_backward_all(dp, p):
    return p * (dp - np.sum(dp * p))


def softmax_backward_first(dp, p):
    dz = np.empty_like(p)
    for i in range(len(p)):
        jac = np.diag(p[0]) - np.outer(p[0], p[0])
        dz[i] = jac @ dp[i]
    return dz


def softmax_backward_unweighted(dp, p):
    return p * (dp - dp.sum(axis=1, keepdims=True))


def make_z(rng):
    return (rng.normal(size=(3, 4)),)


WRONG.add(
    "softmax: diagonal of the jacobian only",
    (softmax_forward, softmax_backward_diag),
    make_z,
    "dz",
    "missing_path",
)
WRONG.add(
    "softmax: sum over all rows",
    (softmax_forward, softmax_backward_all),
    make_z,
    "dz",
    "wrong_axis",
)
WRONG.add(
    "softmax: first row's jacobian for all",
    (softmax_forward, softmax_backward_first),
    make_z,
    "dz",
    "wrong_index",
    "wrong_tensor",
)
WRONG.add(
    "softmax: plain sum in place of the weighted one",
    (softmax_forward, softmax_backward_unweighted),
    make_z,
    "dz",
    "wrong_formula",
    "chain_factor",
)


def log_softmax_forward(z, *, temperature=1.0):
    s = z / temperature
    s = s - s.max(axis=1, keepdims=True)
    logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    return logp, (logp, temperature)


def log_softmax_backward_minus_p(dlogp, cache):
    logp, temperature = cache
    return (dlogp - np.exp(logp)) / temperature


def log_softmax_backward_diag(dlogp, cache):
    logp, temperature = cache
    return dlogp * (1 - np.exp(logp)) / temperature


def log_softmax_backward_temperature(dlogp, cache):
    logp, _ = cache
    return dlogp - np.exp(logp) * dlogp.sum(axis=1, keepdims=True)


WRONG.add(
    "log-softmax: p not weighted by the sum of dout",
    (log_softmax_forward, log_softmax_backward_minus_p),
    make_z,
    "dz",
    "dout_nonlinear",
    "dout_ignored chain_factor",
)
WRONG.add(
    "log-softmax: own entry only",
    (log_softmax_forward, log_softmax_backward_diag),
    make_z,
    "dz",
    "missing_path",
)
WRONG.add(
    "log-softmax: temperature forgotten",
    (log_softmax_forward, log_softmax_backward_temperature),
    make_z,
    "dz",
    "constant_scale",
    "chain_factor",
    temperature=3.0,
)


# ---------------------------------------------------------------- moving entries about
def shift_forward(x):
    return np.roll(x, 1, axis=1), None


def shift_backward(dout, cache):
    return np.roll(dout, 1, axis=1)


def difference_forward(x):
    return x[:, 1:] - x[:, :-1], x.shape


def difference_backward(dout, shape):
    dx = np.zeros(shape)
    dx[:, 1:] = dout
    dx[:, :-1] = -dout
    return dx


def pad_forward(x, *, left=1, right=2):
    return np.pad(x, ((0, 0), (left, right))), (left, right)


def pad_backward(dout, cache):
    left, right = cache
    return dout[:, right : dout.shape[1] - left]


PERMUTATION = [2, 0, 3, 4, 1]


def permute_forward(x):
    return x[:, PERMUTATION], None


def permute_backward(dout, _):
    return dout[:, PERMUTATION]


def shuffle_channels_forward(x, *, groups=2):
    N, C, L = x.shape
    y = x.reshape(N, groups, C // groups, L).transpose(0, 2, 1, 3).reshape(N, C, L)
    return y, groups


def shuffle_channels_backward(dy, groups):
    N, C, L = dy.shape
    d = dy.reshape(N, groups, C // groups, L).transpose(0, 2, 1, 3)
    return d.reshape(N, C, L)


def make_channels(rng):
    return (rng.normal(size=(2, 6, 3)),)


WRONG.add(
    "roll: rolled on instead of back",
    (shift_forward, shift_backward),
    make_x,
    "dx",
    "rearranged",
    "wrong_index",
)
WRONG.add(
    "difference: second slice overwrites the first",
    (difference_forward, difference_backward),
    make_x,
    "dx",
    "overwrite_not_accumulate",
)
WRONG.add(
    "pad: cropped from the wrong end", (pad_forward, pad_backward), make_x, "dx", "wrong_index"
)
WRONG.add(
    "permutation: not inverted",
    (permute_forward, permute_backward),
    make_x,
    "dx",
    "rearranged",
    "wrong_index",
)
WRONG.add(
    "channel shuffle: same groups both ways",
    (shuffle_channels_forward, shuffle_channels_backward),
    make_channels,
    "dx",
    "rearranged",
    groups=2,
)


def gather_forward(x, idx):
    return x[:, idx], (x.shape, idx)


def gather_backward(dout, cache):
    shape, idx = cache
    dx = np.zeros(shape)
    dx[:, idx] += dout
    return dx


def make_gather(rng):
    return rng.normal(size=(3, 5)), np.array([0, 2, 2, 4, 0, 1])


WRONG.add(
    "gather: repeated columns",
    (gather_forward, gather_backward),
    make_gather,
    "dx",
    "overwrite_not_accumulate",
)


def circular_conv_forward(x, k):
    fx, fk = np.fft.rfft(x, axis=1), np.fft.rfft(k)
    return np.fft.irfft(fx * fk, n=x.shape[1], axis=1), (fx, fk)


def circular_conv_backward(dout, cache):
    fx, fk = cache
    n = dout.shape[1]
    fd = np.fft.rfft(dout, axis=1)
    dx = np.fft.irfft(fd * fk, n=n, axis=1)
    dk = np.fft.irfft((fd * np.conj(fx)).sum(axis=0), n=n)
    return dx, dk


def make_circular(rng):
    return rng.normal(size=(3, 7)), rng.normal(size=7)


WRONG.add(
    "circular convolution: conjugate missing",
    (circular_conv_forward, circular_conv_backward),
    make_circular,
    "dx",
    "rearranged",
    "transposed wrong_formula",
)
