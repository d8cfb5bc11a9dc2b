"""Right backward passes with unusual arguments: empty, strided, shared, without axes."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, normal


def affine_forward(x, w, b):
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def relu_forward(x):
    return x * (x > 0), x


def relu_backward(dout, x):
    return dout * (x > 0)


def strided_inputs(rng):
    x = rng.standard_normal((5, 8))[:, ::2]
    w = rng.standard_normal((3, 4)).T
    return x, w, rng.standard_normal(6)[::-2]


def fortran_inputs(rng):
    x = np.asfortranarray(rng.standard_normal((5, 4)))
    return x, np.asfortranarray(rng.standard_normal((4, 3))), rng.standard_normal(3)


def read_only_inputs(rng):
    arrays = rng.standard_normal((5, 4)), rng.standard_normal((4, 3)), rng.standard_normal(3)
    for array in arrays:
        array.flags.writeable = False
    return arrays


def broadcast_inputs(rng):
    x = np.broadcast_to(rng.standard_normal(4), (5, 4))
    return x, rng.standard_normal((4, 3)), rng.standard_normal(3)


def no_images(rng):
    return (np.zeros((0, 3, 2, 2)),)


# a word list of no words


def embedding_forward(idx, w):
    return w[idx], {"idx": idx, "V": w.shape[0]}


def embedding_backward(dout, cache):
    dw = np.zeros((cache["V"], dout.shape[-1]), dtype=dout.dtype)
    np.add.at(dw, cache["idx"], dout)
    return dw


def no_words(rng):
    return np.zeros((0, 4), dtype=np.int64), rng.standard_normal((5, 3))


def few_words(rng):
    return np.array([[1, 1, 4], [4, 1, 2]]), rng.standard_normal((6, 3))


def bytes_as_words(rng):
    return rng.integers(0, 6, 4).astype(np.uint8), rng.standard_normal((6, 3))


# arrays without axes


def square_forward(x):
    return x * x, x


def square_backward(dout, x):
    return np.asarray(2 * x * dout)


def a_number(rng):
    return (np.array(rng.standard_normal()),)


def scale_forward(x, s):
    return x * s, (x, s)


def scale_backward(dout, cache):
    x, s = cache
    return dout * s, np.asarray(np.sum(dout * x))


def array_and_number(rng):
    return rng.standard_normal((3, 4)), np.array(rng.uniform(0.5, 2))


class Context:
    """A place for anything that backward needs."""

    def save(self, **things):
        self.__dict__.update(things)
        return self


def bilinear_forward(a, b):
    ctx = Context().save(a=a, b=b, note=None, kind="product")
    return a * b, ctx


def bilinear_backward(dout, ctx):
    return dout * ctx.b, dout * ctx.a


# arguments that share memory


def attention_forward(q, k, v):
    s = q @ k.T / np.sqrt(q.shape[1])
    p = np.exp(s - s.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return p @ v, (q, k, v, p)


def attention_backward(dout, cache):
    q, k, v, p = cache
    dp = dout @ v.T
    ds = p * (dp - (dp * p).sum(axis=1, keepdims=True)) / np.sqrt(q.shape[1])
    return ds @ k, ds.T @ q, p.T @ dout


def one_sequence_three_times(rng):
    x = rng.standard_normal((4, 3))
    return x, x, x


def rows_of_one_buffer(rng):
    buffer = rng.standard_normal((3, 4, 5))
    return buffer[0], buffer[1], buffer[2]


def overlapping_views(rng):
    line = rng.standard_normal((3, 6))
    return line[:, :4], line[:, 2:]


# masks, seeds, switches


def masked_mean_forward(x, mask):
    count = mask.sum(axis=1, keepdims=True)
    return (x * mask).sum(axis=1) / count[:, 0], (mask, count)


def masked_mean_backward(dout, cache):
    mask, count = cache
    return dout[:, None] * mask / count


def rows_and_float_mask(rng):
    mask = (rng.random((4, 5)) > 0.4).astype(float)
    mask[:, 0] = 1
    return rng.standard_normal((4, 5)), mask


def dropout_forward(x, *, drop=0.5, seed=None, train=True):
    if not train:
        return x.copy(), None
    mask = np.random.default_rng(seed).random(x.shape) >= drop
    return x * mask / (1 - drop), (mask, 1 - drop)


def dropout_backward(dout, cache):
    if cache is None:
        return dout
    mask, keep = cache
    return dout * mask / keep


def crop_forward(x, unused):
    return x[1:3].copy(), (x.shape, unused.shape)


def crop_backward(dout, cache):
    shape, other = cache
    dx = np.zeros(shape)
    dx[1:3] = dout
    return dx, np.zeros(other)


def quadratic_form_forward(x, w):
    return np.einsum("ni,ij,nj->n", x, w, x), (x, w)


def quadratic_form_backward(dout, cache):
    x, w = cache
    return dout[:, None] * (x @ (w + w.T)), (x * dout[:, None]).T @ x


def symmetric_matrix(rng):
    w = rng.standard_normal((4, 4))
    return rng.standard_normal((5, 4)), w + w.T


def right(name, forward, backward, make, **options):
    return Specimen(name, forward, backward, make, options)


RIGHT = [
    right("affine of strided arrays", affine_forward, affine_backward, strided_inputs),
    right("affine of Fortran-ordered arrays", affine_forward, affine_backward, fortran_inputs),
    right("affine of read-only arrays", affine_forward, affine_backward, read_only_inputs),
    right("affine of a broadcast row", affine_forward, affine_backward, broadcast_inputs),
    right("affine, N = 0", affine_forward, affine_backward, normal((0, 4), (4, 3), (3,))),
    right("affine, N = 1", affine_forward, affine_backward, normal((1, 4), (4, 3), (3,))),
    right("affine, all sizes 1", affine_forward, affine_backward, normal((1, 1), (1, 1), (1,))),
    right("relu, N = 0", relu_forward, relu_backward, no_images),
    right("embedding, N = 0", embedding_forward, embedding_backward, no_words),
    right("embedding with unused rows", embedding_forward, embedding_backward, few_words),
    right("embedding with uint8 indices", embedding_forward, embedding_backward, bytes_as_words),
    right("square of a number", square_forward, square_backward, a_number),
    right("array times a number", scale_forward, scale_backward, array_and_number),
    right(
        "self-attention: one array three times",
        attention_forward,
        attention_backward,
        one_sequence_three_times,
    ),
    right(
        "attention: parts of one buffer", attention_forward, attention_backward, rows_of_one_buffer
    ),
    right("product of overlapping views", bilinear_forward, bilinear_backward, overlapping_views),
    right(
        "mean under a float mask", masked_mean_forward, masked_mean_backward, rows_and_float_mask
    ),
    right(
        "dropout with a seed", dropout_forward, dropout_backward, normal((3, 5)), drop=0.4, seed=3
    ),
    right("dropout in evaluation", dropout_forward, dropout_backward, normal((3, 5)), train=False),
    right("argument without influence", crop_forward, crop_backward, normal((5, 3), (2, 3))),
    right(
        "quadratic form, symmetric matrix",
        quadratic_form_forward,
        quadratic_form_backward,
        symmetric_matrix,
    ),
]
