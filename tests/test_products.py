"""Products in small parts: the same as NumPy's for every form, layout and number of examples."""

import itertools

import numpy as np
import pytest

from nnlayers import Affine, affine_backward, affine_forward
from nnlayers.layers import _products

LAYOUTS = [np.ascontiguousarray, np.asfortranarray, lambda a: np.repeat(a, 2, axis=1)[:, ::2]]


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize(
    ("P", "K", "N"),
    [
        (8, 403, 403),  # columns or terms, with a few left over
        (403, 8, 400),  # rows
        (2, 1024, 600),  # terms with none left over
        (18, 128, 500),  # columns of 64 that begin in every row
        (32, 500, 300),  # columns of 32
        (32, 200, 250),
        (60, 320, 90),
        (64, 1000, 1000),  # too large for parts
        (1, 1100, 1000),
        (1100, 1, 1000),
        (97, 100, 300),  # no small batch
        (20, 300, 300),  # columns for 16 rows and for 4, or 8 and 12
        (96, 200, 301),
        (16, 128, 101),  # small, but with columns of b OpenBLAS would rearrange it
        (3, 128, 512),
        (4, 5, 6),  # nothing to part
        (0, 5, 6),
        (5, 0, 6),
    ],
)
@pytest.mark.parametrize("layouts", list(itertools.product(range(3), repeat=2)))
def test_parts_make_up_the_product(P, K, N, layouts):
    a, b = (LAYOUTS[i](m) for i, m in zip(layouts, (drawn(P, K), drawn(K, N, seed=1))))
    product = _products.product(a, b)
    assert product.shape == (P, N)
    np.testing.assert_allclose(product, a @ b, rtol=1e-10, atol=1e-11)


def test_parts_are_made_of_small_products(monkeypatch):
    sizes = []
    matmul = np.matmul

    def watched(a, b, out=None):
        sizes.append(a.shape[-2] * a.shape[-1] * b.shape[-1])
        return matmul(a, b, out=out)

    monkeypatch.setattr(_products.np, "matmul", watched)
    for P, K, N in [(8, 512, 500), (500, 8, 512), (16, 600, 250)]:
        _products.product(drawn(P, K), drawn(K, N))
        _products.product(drawn(P, K), drawn(N, K).T)
    assert len(sizes) == 11  # two calls for each, and one where terms are made
    assert max(sizes) <= _products.SMALL


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("N", [1, 16, 33, 64, 65])
def test_an_affine_layer_of_any_batch(N, dtype):
    shapes = (N, 300), (300, 217), (217,), (N, 217)
    x, w, b, dout = (drawn(*shape, seed=i).astype(dtype) for i, shape in enumerate(shapes))
    out, cache = affine_forward(x, w, b)
    exact = [a.astype(float) for a in (x, w, b, dout)]
    tolerance = 1e-4 if dtype == np.float32 else 1e-11
    np.testing.assert_allclose(out, exact[0] @ exact[1] + exact[2], atol=tolerance)
    dx, dw, db = affine_backward(dout, cache)
    np.testing.assert_allclose(dx, exact[3] @ exact[1].T, atol=tolerance)
    np.testing.assert_allclose(dw, exact[0].T @ exact[3], atol=tolerance)
    np.testing.assert_allclose(db, exact[3].sum(axis=0), atol=tolerance)
    assert all(a.dtype == dtype for a in (out, dx, dw, db))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("N", [0, 1, 3, 20, 64, 130])
def test_large_weights_lie_by_columns_and_so_do_their_gradients(N, dtype):
    layer, small = Affine(300, 219, rng=0, dtype=dtype), Affine(300, 218, rng=0, dtype=dtype)
    assert layer.params["w"].flags.fnc
    assert not small.params["w"].flags.fnc
    by_rows = Affine.of(**layer.params)
    assert not by_rows.params["w"].flags.fnc
    x, dout = (drawn(N, size).astype(dtype) for size in (300, 219))
    (out, cache), (same, other) = layer.forward(x), by_rows.forward(x)
    grads, rows = layer.backward(dout, cache), by_rows.backward(dout, other)
    assert grads[1].flags.fnc
    assert not rows[1].flags.fnc
    tolerance = 1e-4 if dtype == np.float32 else 1e-11
    for a, b in zip((out, *grads), (same, *rows)):
        assert a.dtype == dtype
        np.testing.assert_allclose(a, b, atol=tolerance)


@pytest.mark.parametrize("count", [0, 3, _products.KEPT, _products.KEPT + 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ones_are_kept_only_if_they_are_few_and_then_read_only(count, dtype):
    first, again = (_products.ones(count, np.dtype(dtype)) for _ in range(2))
    assert first.shape == (count,)
    assert first.dtype == dtype
    assert (first == 1.0).all()
    assert (first is again) == (count <= _products.KEPT)
    assert first.flags.writeable == (count > _products.KEPT)


@pytest.mark.parametrize("P", [0, 1, 5, _products.KEPT + 1])
def test_rows_are_summed_in_any_layout(P):
    for layout in LAYOUTS:
        a = layout(drawn(P, 3))
        np.testing.assert_allclose(_products.sum_of_rows(a), a.sum(axis=0), rtol=1e-9, atol=1e-9)
