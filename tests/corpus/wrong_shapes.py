"""Broadcasting, reductions and rearrangements, each with one fault, and hopeless cases."""
# ruff: noqa: RET504

import numpy as np

from corpus.specimen import Specimen, normal


def outer_sum_forward(a, b):
    # a (N, 1), b (M,)
    return a + b, (a.shape, b.shape)


def outer_sum_backward_column_left(dout, cache):
    return dout.copy(), dout.sum(axis=0)


def scale_forward(x, s):
    # one number for each row
    return x * s[:, None], (x, s)


def scale_backward_by_column(dout, cache):
    x, s = cache
    ds = np.sum(dout * x, axis=0)
    return dout * s[:, None], ds


def batched_matmul_forward(a, m):
    # a (B, N, K), m (K, M)
    return a @ m, (a, m)


def batched_matmul_backward_batch_left(dout, cache):
    a, m = cache
    da = dout @ m.T
    dm = a.transpose(0, 2, 1) @ dout
    return da, dm


def sum_forward(x):
    return x.sum(axis=1), x.shape


def sum_backward_of_ones(dout, shape):
    return np.ones(shape)


def row_mean_forward(x):
    return x.mean(axis=1), x.shape


def row_mean_backward_summed(dout, shape):
    return dout[:, None] * np.ones(shape)


def variance_forward(x):
    c = x - x.mean(axis=1, keepdims=True)
    return (c**2).mean(axis=1), c


def variance_backward_negative(dout, c):
    D = c.shape[1]
    return -2 / D * c * dout[:, None]


def norm_forward(x):
    n = np.sqrt(np.sum(x * x, axis=1))
    return n, (x, n)


def norm_backward_of_square(dout, cache):
    x, n = cache
    return 2 * x * dout[:, None]


def permute_forward(x, axes=(2, 0, 1)):
    return np.ascontiguousarray(x.transpose(axes)), axes


def permute_backward_same_axes(dout, axes):
    return np.ascontiguousarray(dout.transpose(axes))


def roll_forward(x, shift=2):
    return np.roll(x, shift, axis=1), shift


def roll_backward_same_way(dout, shift):
    return np.roll(dout, shift, axis=1)


def sort_forward(x):
    order = np.argsort(x, axis=1)
    return np.take_along_axis(x, order, axis=1), order


def sort_backward_order_not_inverted(dout, order):
    return np.take_along_axis(dout, order, axis=1)


def concat_forward(a, b):
    return np.concatenate([a, b], axis=1), (a.shape[1], b.shape[1])


def concat_backward_cut_early(dout, cache):
    n, m = cache
    return dout[:, :n].copy(), dout[:, n - 1 : n + m - 1].copy()


def concat_backward_b_first(dout, cache):
    n, m = cache
    db, da = np.split(dout, [m], axis=1)
    return da.copy(), db.copy()


def crop_forward(x, top=1, left=2):
    return x[:, top:, left:].copy(), (x.shape, top, left)


def crop_backward_to_the_corner(dout, cache):
    shape, top, left = cache
    dx = np.zeros(shape)
    dx[:, :-top, :-left] = dout
    return dx


def gather_forward(x, idx=(0, 3, 3, 1, 0)):
    idx = np.array(idx)
    return x[:, idx], (x.shape, idx)


def gather_backward_assigned(dout, cache):
    shape, idx = cache
    dx = np.zeros(shape)
    dx[:, idx] = dout
    return dx


def interpolate_forward(x):
    # between neighbours: T values become 2 T - 1
    N, T = x.shape
    out = np.zeros((N, 2 * T - 1))
    out[:, ::2] = x
    out[:, 1::2] = (x[:, :-1] + x[:, 1:]) / 2
    return out, x.shape


def interpolate_backward_left_neighbour(dout, shape):
    dx = dout[:, ::2].copy()
    dx[:, :-1] += dout[:, 1::2] / 2
    return dx


def mean_centre_forward(x):
    return x - x.mean(axis=0), x.shape[0]


def mean_centre_backward_identity(dout, N):
    return dout - 0.0


def quantise_scale_forward(x, s):
    # s is a single number
    return np.tanh(x * s), (x, s, np.tanh(x * s))


def quantise_scale_backward_rounded(dout, cache):
    x, s, t = cache
    g = dout * (1 - t**2)
    dx = np.round(g * s, 3)
    return dx, np.array([np.sum(g * x)])


# nothing that has one name


def rational_forward(x, w):
    z = x @ w
    return z / (1 + z**2), (x, w, z)


def rational_backward_beyond_repair(dout, cache):
    x, w, z = cache
    local = np.exp(-np.abs(z)) - 0.3 * np.cos(2 * z)
    dz = local * (dout + 0.4 * np.roll(dout, 1, axis=1))
    return dz @ w.T, x.T @ dz


def mixing_forward(x, a, b):
    return np.tanh(x @ a) * np.sin(x @ b), (x, a, b)


def mixing_backward_guessed(dout, cache):
    x, a, b = cache
    s = np.arange(1, dout.size + 1).reshape(dout.shape) % 3 - 0.7
    da = x.T @ (dout * s) - 0.2 * b
    db = (x**2).T @ (s * dout[::-1]) + a
    dx = (dout * s) @ (a - b).T
    return dx, da, db


def energy_forward(x, w):
    return 0.5 * np.sum((x @ w) * x, axis=1) + np.sum(np.cos(x), axis=1), (x, w)


def energy_backward_two_faults(dout, cache):
    x, w = cache
    d = dout[:, None]
    dw = x.T @ (d * x) / 2
    # w seen from one side only, and the sine with the wrong argument
    dx = d * (np.flip(x, axis=1) @ w.T) - np.sin(x.sum(axis=1, keepdims=True)) * d
    return dx, dw


def wrong(name, forward, backward, make, gradients, cause, also=(), **options):
    return Specimen(name, forward, backward, make, options, tuple(gradients.split()), cause, also)


WRONG = [
    wrong(
        "column plus row: column's gradient not summed",
        outer_sum_forward,
        outer_sum_backward_column_left,
        normal((5, 1), (3,)),
        "da",
        "missing_reduction",
    ),
    wrong(
        "row scale: summed over the rows (square)",
        scale_forward,
        scale_backward_by_column,
        normal((4, 4), (4,)),
        "ds",
        "wrong_axis",
    ),
    wrong(
        "batched product: shared matrix not summed over the batch",
        batched_matmul_forward,
        batched_matmul_backward_batch_left,
        normal((3, 2, 4), (4, 5)),
        "dm",
        "missing_reduction",
    ),
    wrong(
        "sum over features: ones, whatever dout",
        sum_forward,
        sum_backward_of_ones,
        normal((3, 5)),
        "dx",
        "dout_ignored",
    ),
    wrong(
        "mean over features: 1 / D left out",
        row_mean_forward,
        row_mean_backward_summed,
        normal((3, 5)),
        "dx",
        "constant_scale",
    ),
    wrong(
        "variance: mean - x",
        variance_forward,
        variance_backward_negative,
        normal((3, 5)),
        "dx",
        "sign_flip",
    ),
    wrong(
        "norm: derivative of the squared norm",
        norm_forward,
        norm_backward_of_square,
        normal((3, 5)),
        "dx",
        "wrong_formula",
        ("chain_factor",),
    ),
    wrong(
        "permute: same permutation again",
        permute_forward,
        permute_backward_same_axes,
        normal((3, 3, 3)),
        "dx",
        "rearranged",
        axes=(2, 0, 1),
    ),
    wrong(
        "roll: same way again",
        roll_forward,
        roll_backward_same_way,
        normal((3, 5)),
        "dx",
        "rearranged",
        ("wrong_index",),
        shift=2,
    ),
    wrong(
        "sort: order not inverted",
        sort_forward,
        sort_backward_order_not_inverted,
        normal((3, 6)),
        "dx",
        "rearranged",
        ("wrong_index",),
    ),
    wrong(
        "concatenate: second part cut one column early",
        concat_forward,
        concat_backward_cut_early,
        normal((3, 4), (3, 2)),
        "db",
        "wrong_index",
    ),
    wrong(
        "concatenate: parts exchanged (same width)",
        concat_forward,
        concat_backward_b_first,
        normal((3, 4), (3, 4)),
        "da db",
        "swapped_outputs",
    ),
    wrong(
        "crop: put back into the other corner",
        crop_forward,
        crop_backward_to_the_corner,
        normal((2, 3, 5)),
        "dx",
        "wrong_index",
        ("rearranged",),
        top=1,
        left=2,
    ),
    wrong(
        "gather: assigned to columns taken twice",
        gather_forward,
        gather_backward_assigned,
        normal((3, 5)),
        "dx",
        "overwrite_not_accumulate",
        idx=(0, 3, 3, 1, 0),
    ),
    wrong(
        "interpolate: left neighbour only",
        interpolate_forward,
        interpolate_backward_left_neighbour,
        normal((3, 5)),
        "dx",
        "missing_path",
    ),
    wrong(
        "centring: mean taken as constant",
        mean_centre_forward,
        mean_centre_backward_identity,
        normal((5, 3)),
        "dx",
        "missing_path",
    ),
    wrong(
        "tanh of scaled x: rounded to three decimals",
        quantise_scale_forward,
        quantise_scale_backward_rounded,
        normal((3, 5), (1,)),
        "dx",
        "precision_loss",
        ("dout_nonlinear",),
    ),
    wrong(
        "rational layer: neither formula nor place is right",
        rational_forward,
        rational_backward_beyond_repair,
        normal((3, 4), (4, 5)),
        "dx dw",
        "unknown",
        ("wrong_formula",),
    ),
    wrong(
        "mixing layer: made up",
        mixing_forward,
        mixing_backward_guessed,
        normal((3, 4), (4, 5), (4, 5)),
        "dx da db",
        "unknown",
        ("wrong_formula", "dout_nonlinear"),
    ),
    wrong(
        "energy: two faults in dx",
        energy_forward,
        energy_backward_two_faults,
        normal((3, 4), (4, 4)),
        "dx",
        "unknown",
        ("wrong_formula",),
    ),
]
