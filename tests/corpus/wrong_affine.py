"""The affine layer x w + b, each time with one fault in its backward pass."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, normal


def affine_forward(x, w, b):
    N = x.shape[0]
    out = x.reshape(N, -1).dot(w) + b
    cache = (x, w, b)
    return out, cache


def affine_backward_w_as_is(dout, cache):
    x, w, b = cache
    dx = dout.dot(w).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dw, db


def affine_backward_dw_turned(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = dout.T.dot(x.reshape(x.shape[0], -1))
    db = np.sum(dout, axis=0)
    return dx, dw, db


def affine_backward_db_is_dout(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = dout.copy()
    return dx, dw, db


def affine_backward_db_axis_1(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = np.sum(dout, axis=1)
    return dx, dw, db


def affine_backward_dw_over_n(dout, cache):
    x, w, b = cache
    N = x.shape[0]
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(N, -1).T.dot(dout) / N
    db = np.sum(dout, axis=0)
    return dx, dw, db


def affine_backward_flattened_by_columns(dout, cache):
    x, w, b = cache
    dx = np.reshape(dout.dot(w.T), x.shape, order="F")
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dw, db


def affine_backward_returned_in_other_order(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T)
    dw = x.T.dot(dout)
    db = np.sum(dout, axis=0)
    return dw, dx, db


def affine_backward_dx_of_ones(dout, cache):
    x, w, b = cache
    dx = np.ones_like(dout).dot(w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dw, db


def affine_backward_weight_decay_slipped_in(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    dw += 0.1 * w
    db = np.sum(dout, axis=0)
    return dx, dw, db


def affine_backward_half_precision(dout, cache):
    x, w, b = cache
    x16 = x.reshape(x.shape[0], -1).astype(np.float16)
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x16.T.dot(dout.astype(np.float16)).astype(w.dtype)
    db = np.sum(dout, axis=0)
    return dx, dw, db


SQUARE = normal((3, 4), (4, 4), (4,))


OBLONG = normal((5, 4), (4, 3), (3,))


IMAGES = normal((5, 2, 3), (6, 4), (4,))


def wrong(name, forward, backward, make, gradients, cause, also=(), **options):
    return Specimen(name, forward, backward, make, options, tuple(gradients.split()), cause, also)


WRONG = [
    wrong(
        "affine: dx with w not transposed (square)",
        affine_forward,
        affine_backward_w_as_is,
        SQUARE,
        "dx",
        "transposed",
    ),
    wrong(
        "affine: dw transposed (shape differs)",
        affine_forward,
        affine_backward_dw_turned,
        OBLONG,
        "dw",
        "transposed",
        ("bad_output",),
    ),
    wrong(
        "affine: db not summed over the batch",
        affine_forward,
        affine_backward_db_is_dout,
        IMAGES,
        "db",
        "missing_reduction",
    ),
    wrong(
        "affine: db summed over features (N = M)",
        affine_forward,
        affine_backward_db_axis_1,
        normal((4, 3), (3, 4), (4,)),
        "db",
        "wrong_axis",
    ),
    wrong(
        "affine: dw averaged over the batch",
        affine_forward,
        affine_backward_dw_over_n,
        IMAGES,
        "dw",
        "batch_scale",
    ),
    wrong(
        "affine: dx of dout = ones",
        affine_forward,
        affine_backward_dx_of_ones,
        IMAGES,
        "dx",
        "dout_ignored",
    ),
    wrong(
        "affine: returned as dw, dx, db (N = D = M)",
        affine_forward,
        affine_backward_returned_in_other_order,
        normal((4, 4), (4, 4), (4,)),
        "dx dw",
        "swapped_outputs",
    ),
    wrong(
        "affine: dx given its shape in Fortran order",
        affine_forward,
        affine_backward_flattened_by_columns,
        IMAGES,
        "dx",
        "rearranged",
    ),
    wrong(
        "affine: dw with a weight decay that forward has not",
        affine_forward,
        affine_backward_weight_decay_slipped_in,
        OBLONG,
        "dw",
        "wrong_formula",
        ("dout_nonlinear",),
    ),
    wrong(
        "affine: dw through float16",
        affine_forward,
        affine_backward_half_precision,
        OBLONG,
        "dw",
        "precision_loss",
    ),
]
