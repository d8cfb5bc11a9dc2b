"""Gradients in a wrong form or not finite."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, labelled, normal, positive


def relu_forward(x):
    return np.maximum(0, x), x


def affine_forward(x, w, b):
    return x.dot(w) + b, (x, w, b)


def softmax_loss_forward(x, y):
    shifted = x - x.max(axis=1, keepdims=True)
    probs = np.exp(shifted)
    probs /= probs.sum(axis=1, keepdims=True)
    N = x.shape[0]
    return -np.log(probs[np.arange(N), y]).sum() / N, (probs, y)


# ------------------------------------------------------------------------ form of the gradients


def affine_backward_forgets_db(dout, cache):
    x, w, b = cache
    return dout.dot(w.T), x.T.dot(dout)


def affine_backward_as_dict(dout, cache):
    x, w, b = cache
    return {"dx": dout.dot(w.T), "dw": x.T.dot(dout), "db": dout.sum(axis=0)}


def affine_backward_with_none(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T)
    dw = x.T.dot(dout)
    return dx, dw, None


def affine_backward_keepdims(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0, keepdims=True)


def affine_backward_db_as_list(dout, cache):
    x, w, b = cache
    db = [float(sum(row[j] for row in dout)) for j in range(w.shape[1])]
    return dout @ w.T, x.T @ dout, db


def relu_backward_lists(dout, cache):
    x = cache
    dx = []
    for n in range(x.shape[0]):
        row = []
        for d in range(x.shape[1]):
            row.append(dout[n, d] if x[n, d] > 0 else 0.0)
        dx.append(row)
    return dx


def nothing_returned(dout, cache):
    x = cache
    dx = dout * (x > 0)
    dx.sum()


def cross_entropy_backward_gradient_for_y(dout, cache):
    probs, y = cache
    N = probs.shape[0]
    dx = probs.copy()
    dx[np.arange(N), y] -= 1
    return dout * dx / N, np.zeros_like(y)


def images_affine_forward(x, w):
    flat = x.reshape(x.shape[0], -1)
    return flat @ w, (flat, w)


def images_affine_backward_flat(dout, cache):
    flat, w = cache
    return dout @ w.T, flat.T @ dout


def tanh_forward(x):
    out = np.tanh(x)
    return out, out


def tanh_backward_float16(dout, out):
    return (dout * (1 - out**2)).astype(np.float16)


def abs_forward(x):
    return np.abs(x), np.sign(x)


def abs_backward_integers(dout, sign):
    dx = np.empty(sign.shape, dtype=int)
    dx[...] = dout * sign
    return dx


def circular_forward(x, k):
    fx, fk = np.fft.fft(x), np.fft.fft(k)
    return np.fft.ifft(fx * fk).real, (fx, fk)


def circular_backward_complex(dout, cache):
    fx, fk = cache
    fd = np.fft.fft(dout)
    return np.fft.ifft(fd * np.conj(fk)), np.fft.ifft(fd * np.conj(fx))


def sqrt_forward(x):
    return np.sqrt(x), np.sqrt(x)


def sqrt_backward_objects(dout, root):
    return np.array(
        [[d / (2 * r) for d, r in zip(*rows)] for rows in zip(dout, root)], dtype=object
    )


# ----------------------------------------------------------------------- not a finite number


def distance_forward(x):
    n = np.linalg.norm(x, axis=1)
    return n**2, (x, n)


def distance_backward_through_unit_vector(dout, cache):
    x, n = cache
    with np.errstate(invalid="ignore"):
        unit = x / n[:, None]
    return 2 * dout[:, None] * n[:, None] * unit


def naive_sigmoid_forward(x):
    out = np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), 1 - 1 / (1 + np.exp(-np.abs(x))))
    return out, x


def naive_sigmoid_backward(dout, x):
    with np.errstate(over="ignore", invalid="ignore"):
        e = np.exp(-x)
        return dout * e / (1 + e) ** 2


def abs_backward_x_over_abs(dout, sign):
    with np.errstate(divide="ignore", invalid="ignore"):
        return dout * (sign / np.abs(sign))


def relu_out_forward(x):
    out = np.maximum(x, 0)
    return out, (x, out)


def relu_out_backward_ratio(dout, cache):
    x, out = cache
    return dout * out / x


def cubic_forward(x):
    return x**3, x


def cubic_backward_by_logarithm(dout, x):
    with np.errstate(invalid="ignore"):
        return dout * 3 * np.exp(2 * np.log(x))


X = normal((3, 5))


AFFINE_INPUTS = normal((5, 4), (4, 3), (3,))


def wide_batch(rng):
    x = rng.standard_normal((3, 5))
    x[1, 2], x[2, 0] = -800.0, 750.0
    return (x,)


def with_a_zero_row(rng):
    x = rng.standard_normal((4, 3))
    x[2] = 0
    return (x,)


def with_zeros(rng):
    x = rng.standard_normal((3, 5))
    x[0, 1] = x[2, 2] = 0
    return (x,)


def dirty(name, forward, backward, make, cause, wrong="", also=(), **options):
    return Specimen(name, forward, backward, make, options, tuple(wrong.split()), cause, also)


FORM = "bad_output"


DIRTY = [
    dirty("affine: db forgotten", affine_forward, affine_backward_forgets_db, AFFINE_INPUTS, FORM),
    dirty("affine: a dict", affine_forward, affine_backward_as_dict, AFFINE_INPUTS, FORM),
    dirty("affine: None for db", affine_forward, affine_backward_with_none, AFFINE_INPUTS, FORM),
    dirty(
        "affine: db with an axis too many",
        affine_forward,
        affine_backward_keepdims,
        AFFINE_INPUTS,
        FORM,
    ),
    dirty("affine: db as a list", affine_forward, affine_backward_db_as_list, AFFINE_INPUTS, FORM),
    dirty("relu: a list of lists", relu_forward, relu_backward_lists, X, FORM),
    dirty("relu: return left out", relu_forward, nothing_returned, X, FORM),
    dirty(
        "cross-entropy: a gradient for y too",
        softmax_loss_forward,
        cross_entropy_backward_gradient_for_y,
        labelled(5, 4),
        FORM,
    ),
    dirty(
        "affine of images: dx left flat",
        images_affine_forward,
        images_affine_backward_flat,
        normal((5, 2, 3), (6, 4)),
        FORM,
    ),
    dirty(
        "tanh: float16",
        tanh_forward,
        tanh_backward_float16,
        X,
        FORM,
        wrong="dx",
        also=("precision_loss",),
    ),
    dirty(
        "abs: integers",
        abs_forward,
        abs_backward_integers,
        X,
        FORM,
        wrong="dx",
        also=("precision_loss",),
    ),
    dirty(
        "circular convolution: complex",
        circular_forward,
        circular_backward_complex,
        normal((6,), (6,)),
        FORM,
    ),
    dirty("sqrt: array of objects", sqrt_forward, sqrt_backward_objects, positive((3, 5)), FORM),
    dirty(
        "squared distance: 0 / 0 at the origin",
        distance_forward,
        distance_backward_through_unit_vector,
        with_a_zero_row,
        "nonfinite",
        wrong="dx",
    ),
    dirty(
        "sigmoid: inf / inf at -800",
        naive_sigmoid_forward,
        naive_sigmoid_backward,
        wide_batch,
        "nonfinite",
        wrong="dx",
    ),
    dirty(
        "abs: 0 / 0 at 0", abs_forward, abs_backward_x_over_abs, with_zeros, "nonfinite", wrong="dx"
    ),
    dirty(
        "relu: out / x",
        relu_out_forward,
        relu_out_backward_ratio,
        with_zeros,
        "nonfinite",
        wrong="dx",
    ),
    dirty(
        "cube: logarithm of negative x",
        cubic_forward,
        cubic_backward_by_logarithm,
        X,
        "nonfinite",
        wrong="dx",
    ),
]
