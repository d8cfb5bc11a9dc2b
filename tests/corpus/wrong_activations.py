"""The usual activations, each with one fault in its backward pass."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, normal


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_forward(x):
    out = sigmoid(x)
    cache = out
    return out, cache


def sigmoid_backward_half_the_product(dout, cache):
    out = cache
    dx = dout * out
    return dx


def sigmoid_backward_local_only(dout, cache):
    out = cache
    dx = out * (1 - out)
    return dx


def sigmoid_backward_of_dout(dout, cache):
    dx = dout * (1 - dout)
    return dx


def sigmoid_backward_float16(dout, cache):
    out = cache.astype(np.float16)
    dx = np.zeros_like(dout)
    dx[...] = out * (1 - out) * dout.astype(np.float16)
    return dx


def logistic_forward(z):
    a = 1.0 / (1.0 + np.exp(-z))
    return a, {"z": z, "a": a}


def logistic_backward_at_z(da, cache):
    z = cache["z"]
    return da * z * (1 - z)


def tanh_forward(x):
    out = np.tanh(x)
    return out, (x, out)


def tanh_backward_not_squared(dout, cache):
    x, out = cache
    return dout * (1 - out)


def tanh_backward_at_x(dout, cache):
    x, out = cache
    return dout * (1 - x**2)


def tanh_backward_passes_dout(dout, cache):
    x, out = cache
    dx = dout.copy()
    return dx


def tanh_backward_twice(dout, cache):
    x, out = cache
    grad = 1 - out**2
    dout = dout * grad
    return dout * grad


def relu_forward(x):
    out = np.maximum(0, x)
    cache = x
    return out, cache


def relu_backward_where_dout_is_positive(dout, cache):
    dx = np.maximum(0, dout)
    return dx


def relu_backward_negative_side(dout, cache):
    x = cache
    dx = dout * (x < 0)
    return dx


def relu_backward_integer_buffer(dout, cache):
    mask = (cache > 0).astype(int)
    dx = np.zeros_like(mask)
    dx[mask == 1] = dout[mask == 1]
    return dx + 0.0


def relu6_forward(x):
    out = np.minimum(np.maximum(x, 0), 6)
    return out, (x,)


def relu6_backward_no_upper_end(dout, cache):
    (x,) = cache
    return np.where(x > 0, dout, 0.0)


def leaky_relu_forward(x, slope=0.1):
    out = np.where(x > 0, x, slope * x)
    return out, (x, slope)


def leaky_relu_backward_sides_exchanged(dout, cache):
    x, slope = cache
    dx = dout.copy()
    dx[x > 0] *= slope
    return dx


def leaky_relu_backward_none_at_zero(dout, cache):
    x, slope = cache
    return dout * (x > 0) + slope * dout * (x < 0)


def leaky_relu_backward_both_at_zero(dout, cache):
    x, slope = cache
    dx = (x >= 0) * dout + (x <= 0) * slope * dout
    return dx


def elu_forward(x, alpha=0.4):
    out = np.where(x > 0, x, alpha * (np.exp(x) - 1))
    return out, (x, out, alpha)


def elu_backward_alpha_lost(dout, cache):
    x, out, alpha = cache
    return np.where(x > 0, dout, dout * np.exp(x))


def elu_backward_output_without_alpha(dout, cache):
    x, out, alpha = cache
    local = np.ones_like(x)
    local[x <= 0] = out[x <= 0]
    return dout * local


def elu_backward_zero_left_out(dout, cache):
    x, out, alpha = cache
    dx = np.zeros_like(x)
    dx[x > 0] = dout[x > 0]
    dx[x < 0] = (dout * (out + alpha))[x < 0]
    return dx


def selu_forward(x):
    lam, alpha = 1.0507009873554805, 1.6732632423543772
    out = lam * np.where(x > 0, x, alpha * np.expm1(x))
    return out, (x, lam, alpha)


def selu_backward_lambda_lost(dout, cache):
    x, lam, alpha = cache
    dx = dout * np.where(x > 0, 1.0, alpha * np.exp(x))
    return dx


def gelu_forward(x):
    inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    t = np.tanh(inner)
    out = 0.5 * x * (1 + t)
    return out, (x, t)


def gelu_backward_first_term(dout, cache):
    x, t = cache
    dx = dout * 0.5 * (1 + t)
    return dx


def gelu_backward_cubic_badly_derived(dout, cache):
    x, t = cache
    dinner = np.sqrt(2 / np.pi) * (1 + 0.044715 * x**2)
    dx = dout * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * dinner)
    return dx


def silu_forward(x):
    s = sigmoid(x)
    return x * s, (x, s)


def silu_backward_one_factor(dout, cache):
    x, s = cache
    return dout * s


def silu_backward_minus(dout, cache):
    x, s = cache
    return dout * (s - x * s * (1 - s))


def with_zeros(rng):
    x = rng.standard_normal((4, 5))
    x[0, 1] = x[1, 3] = x[3, 0] = 0.0
    return (x,)


def around_six(rng):
    return (rng.uniform(-3, 11, (5, 6)),)


X = normal((5, 6))


def dx_wrong(name, forward, backward, make, cause, also=(), **options):
    return Specimen(name, forward, backward, make, options, ("dx",), cause, also)


WRONG = [
    dx_wrong(
        "sigmoid: 1 - out left out",
        sigmoid_forward,
        sigmoid_backward_half_the_product,
        X,
        "chain_factor",
    ),
    dx_wrong(
        "sigmoid: not multiplied by dout",
        sigmoid_forward,
        sigmoid_backward_local_only,
        X,
        "dout_ignored",
    ),
    dx_wrong(
        "sigmoid: dout where out belongs",
        sigmoid_forward,
        sigmoid_backward_of_dout,
        X,
        "dout_nonlinear",
    ),
    dx_wrong(
        "sigmoid: through float16", sigmoid_forward, sigmoid_backward_float16, X, "precision_loss"
    ),
    Specimen(
        "logistic: z(1 - z)",
        logistic_forward,
        logistic_backward_at_z,
        X,
        {},
        ("dz",),
        "wrong_tensor",
    ),
    dx_wrong("tanh: 1 - out", tanh_forward, tanh_backward_not_squared, X, "wrong_formula"),
    dx_wrong("tanh: 1 - x**2", tanh_forward, tanh_backward_at_x, X, "wrong_tensor"),
    dx_wrong(
        "tanh: derivative left out", tanh_forward, tanh_backward_passes_dout, X, "chain_factor"
    ),
    dx_wrong("tanh: derivative twice", tanh_forward, tanh_backward_twice, X, "chain_factor"),
    dx_wrong(
        "relu: where dout is positive",
        relu_forward,
        relu_backward_where_dout_is_positive,
        X,
        "dout_nonlinear",
        ("wrong_mask",),
    ),
    dx_wrong(
        "relu: passes the negative side", relu_forward, relu_backward_negative_side, X, "wrong_mask"
    ),
    dx_wrong(
        "relu: dx collected in an integer buffer",
        relu_forward,
        relu_backward_integer_buffer,
        X,
        "precision_loss",
        ("dout_nonlinear",),
    ),
    dx_wrong(
        "relu6: passes everything above 6",
        relu6_forward,
        relu6_backward_no_upper_end,
        around_six,
        "wrong_mask",
    ),
    dx_wrong(
        "leaky relu: slope on the positive side",
        leaky_relu_forward,
        leaky_relu_backward_sides_exchanged,
        X,
        "wrong_mask",
        slope=0.1,
    ),
    dx_wrong(
        "leaky relu: 0 at 0",
        leaky_relu_forward,
        leaky_relu_backward_none_at_zero,
        with_zeros,
        "kink_value",
        slope=0.2,
    ),
    dx_wrong(
        "leaky relu: both sides counted at 0",
        leaky_relu_forward,
        leaky_relu_backward_both_at_zero,
        with_zeros,
        "kink_value",
        slope=0.3,
    ),
    dx_wrong(
        "elu: alpha left out", elu_forward, elu_backward_alpha_lost, X, "chain_factor", alpha=0.4
    ),
    dx_wrong(
        "elu: out instead of out + alpha",
        elu_forward,
        elu_backward_output_without_alpha,
        X,
        "wrong_formula",
        alpha=0.4,
    ),
    dx_wrong(
        "elu: 0 at 0", elu_forward, elu_backward_zero_left_out, with_zeros, "kink_value", alpha=0.4
    ),
    dx_wrong("selu: lambda left out", selu_forward, selu_backward_lambda_lost, X, "constant_scale"),
    dx_wrong(
        "gelu: first term of the product rule alone",
        gelu_forward,
        gelu_backward_first_term,
        X,
        "missing_path",
    ),
    dx_wrong(
        "gelu: 3 missing in the inner derivative",
        gelu_forward,
        gelu_backward_cubic_badly_derived,
        X,
        "wrong_formula",
    ),
    dx_wrong(
        "silu: one factor of the product", silu_forward, silu_backward_one_factor, X, "missing_path"
    ),
    dx_wrong("silu: second term subtracted", silu_forward, silu_backward_minus, X, "wrong_formula"),
]
