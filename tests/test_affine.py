"""Products with a matrix: what the contract cannot say, and every error text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlayers import (
    Affine,
    MatMul,
    affine_backward,
    affine_forward,
    flatten_backward,
    flatten_forward,
    he_normal,
    matmul_backward,
    matmul_forward,
)
from reference.affine import matmul as naive_matmul

sizes = st.integers(1, 4)


@st.composite
def factors(draw):
    """Two factors that np.matmul takes: vectors, matrices, stacks that broadcast."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    n, d, m = draw(sizes), draw(sizes), draw(sizes)
    lead = draw(st.lists(sizes, max_size=2))
    x_lead = [draw(st.sampled_from([1, k])) for k in lead]
    w_lead = [k if a == 1 else draw(st.sampled_from([1, k])) for k, a in zip(lead, x_lead)]
    drop = draw(st.integers(0, len(lead)))
    x = (d,) if draw(st.booleans()) and not lead else (*x_lead, n, d)
    w = (d,) if draw(st.booleans()) and not lead else (*w_lead[drop:], d, m)
    return rng.standard_normal(x), rng.standard_normal(w), rng


@given(factors())
def test_matmul_of_any_factors(case):
    x, w, rng = case
    out, cache = matmul_forward(x, w)
    np.testing.assert_allclose(out, naive_matmul(x, w), atol=1e-12)
    dout = rng.standard_normal(np.shape(out))
    dx, dw = matmul_backward(dout, cache)
    assert dx.shape == x.shape
    assert dw.shape == w.shape
    # the product is linear in each factor, so <dout, u @ w> = <dx, u> for every u
    u, v = rng.standard_normal(x.shape), rng.standard_normal(w.shape)
    assert np.sum(dout * (u @ w)) == pytest.approx(np.sum(dx * u), abs=1e-9)
    assert np.sum(dout * (x @ v)) == pytest.approx(np.sum(dw * v), abs=1e-9)


def test_weights_are_drawn_from_the_seed():
    a, b = Affine(3, 4, rng=0), Affine(3, 4, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(a.params["w"], b.params["w"])
    np.testing.assert_array_equal(a.params["w"], he_normal((3, 4), rng=0))
    assert not a.params["b"].any()
    assert list(Affine(3, 4, bias=False).params) == ["w"]
    assert MatMul(3, 4, dtype=np.float32).params["w"].dtype == np.float32


def arrays(*shapes):
    return [np.zeros(shape) for shape in shapes]


ERRORS = [
    (
        lambda: affine_forward(*arrays((4, 10), (5, 10), (5,))),
        "affine_forward: x has 10 features per example but w takes 5: got x (4, 10), w (5, 10), "
        "b (5,); w.T would fit",
    ),
    (
        lambda: affine_forward(*arrays((4, 2, 3), (5, 7))),
        "affine_forward: x has 6 features per example but w takes 5: got x (4, 2, 3), w (5, 7); "
        "w must be (6, M)",
    ),
    (
        lambda: affine_forward(*arrays((0, 3), (5, 7))),
        "affine_forward: x has 3 features per example but w takes 5: got x (0, 3), w (5, 7); "
        "w must be (3, M)",
    ),
    (
        lambda: affine_forward(*arrays((4, 2, 5), (5, 7), (7,))),
        "affine_forward: x has 10 features per example but w takes 5: got x (4, 2, 5), w (5, 7), "
        "b (7,); temporal_affine_forward(x, w, b) applies them to every step (N, T, D)",
    ),
    (
        lambda: affine_forward(*arrays((4, 3, 2, 5), (5, 7))),
        "affine_forward: x has 30 features per example but w takes 5: got x (4, 3, 2, 5), w (5, 7)"
        "; matmul_forward(x, w) applies w to the last axis",
    ),
    (
        lambda: affine_forward(*arrays((5,), (5, 7))),
        "affine_forward: x has 1 axes but a batch (N, d1, ..., dk) has at least 2: got x (5,), "
        "w (5, 7); x[None, :] makes a batch of one example",
    ),
    (
        lambda: affine_forward(*arrays((4, 5), (5,))),
        "affine_forward: w must be a matrix (D, M), not 1-d: got x (4, 5), w (5,)",
    ),
    (
        lambda: affine_forward(*arrays((4, 5), (5, 7), (7, 1))),
        "affine_forward: w has 7 outputs but b has shape (7, 1): got x (4, 5), w (5, 7), b (7, 1); "
        "b must be (7,) or (1, 7)",
    ),
    (
        lambda: affine_backward(np.zeros((3, 7)), affine_forward(*arrays((4, 5), (5, 7)))[1]),
        "affine_backward: dout must have the shape of forward's out, (4, 7): got dout (3, 7); "
        "pass the dout and the cache of the same forward call",
    ),
    (
        lambda: affine_backward(np.zeros((4, 7)), tuple(arrays((4, 6), (5, 7), (7,)))),
        "affine_backward: cache must be the tuple (x, w, b) that affine_forward returned, not a "
        "tuple ((4, 6), (5, 7), (7,)); pass the cache of the matching forward call",
    ),
    (
        lambda: affine_backward(np.zeros((4, 7)), (*arrays((4, 5), (5,)), None)),
        "affine_backward: cache must be the tuple (x, w, b) that affine_forward returned, not a "
        "tuple ((4, 5), (5,), None); pass the cache of the matching forward call",
    ),
    (
        lambda: affine_backward(np.zeros((4, 7)), tuple(arrays((4, 5), (5, 7), (6,)))),
        "affine_backward: cache must be the tuple (x, w, b) that affine_forward returned, not a "
        "tuple ((4, 5), (5, 7), (6,)); pass the cache of the matching forward call",
    ),
    (
        lambda: affine_backward(np.zeros((4, 5)), (*arrays((4, 5)), (1, 0), "mean")),
        "affine_backward: cache must be the tuple (x, w, b) that affine_forward returned, not a "
        "tuple ((4, 5), (1, 0), 'mean'); pass the cache of the matching forward call",
    ),
    (
        lambda: matmul_forward(*arrays((4, 3), (4, 3))),
        "matmul_forward: the last axis of x has 3 entries but w takes 4: got x (4, 3), w (4, 3); "
        "w.swapaxes(-1, -2) would fit",
    ),
    (
        lambda: matmul_forward(*arrays((4, 3), (4, 5))),
        "matmul_forward: the last axis of x has 3 entries but w takes 4: got x (4, 3), w (4, 5); "
        "columns of x must match rows of w",
    ),
    (
        lambda: matmul_forward(*arrays((), (4, 5))),
        "matmul_forward: a factor is a scalar: got x (), w (4, 5); x * w multiplies by it",
    ),
    (
        lambda: matmul_forward(*arrays((2, 4, 3), (5, 3, 4))),
        "matmul_forward: leading axes (2,) and (5,) do not broadcast: got x (2, 4, 3), "
        "w (5, 3, 4); they must be equal, or 1 where they differ",
    ),
    (
        lambda: matmul_backward(np.zeros((4, 4)), tuple(arrays((2, 4, 3), (5, 3, 4)))),
        "matmul_backward: cache must be the tuple (x, w) that matmul_forward returned, not a tuple "
        "((2, 4, 3), (5, 3, 4)); pass the cache of the matching forward call",
    ),
    (
        lambda: matmul_backward(np.zeros((4, 5)), tuple(arrays((4, 3), (2, 5)))),
        "matmul_backward: cache must be the tuple (x, w) that matmul_forward returned, not a tuple "
        "((4, 3), (2, 5)); pass the cache of the matching forward call",
    ),
    (
        lambda: flatten_forward(np.zeros(())),
        "flatten_forward: x has no batch axis: got x (); x[None] adds it",
    ),
    (
        lambda: flatten_backward(np.zeros((4, 5)), flatten_forward(np.zeros((4, 2, 3)))[1]),
        "flatten_backward: dout must have the shape of forward's out, (4, 6): got dout (4, 5); "
        "pass the dout and the cache of the same forward call",
    ),
    (
        lambda: MatMul.of(np.zeros(3)),
        "MatMul.of: w must be a matrix (D, M): got w (3,)",
    ),
    (
        lambda: Affine.of(np.zeros(3)),
        "Affine.of: w must be a matrix (D, M): got w (3,)",
    ),
    (
        lambda: Affine.of(np.zeros((3, 2)), np.zeros(3)),
        "Affine.of: w has 2 outputs, so b must be (2,) or (1, 2): got w (3, 2), b (3,)",
    ),
    (
        lambda: Affine(0, 2),
        "Affine: in_features must be a positive integer, not 0",
    ),
]

TYPE_ERRORS = [
    (
        lambda: affine_forward(np.ones((2, 3), int), np.ones((3, 2))),
        "affine_forward: x must be floating-point, not int64: got x (2, 3) int64, w (3, 2) "
        "float64; x.astype(float) makes it floating-point",
    ),
    (
        lambda: affine_forward(np.ones((2, 3), np.float32), np.ones((3, 2))),
        "affine_forward: w is float64 but x is float32: got x (2, 3) float32, w (3, 2) float64; "
        "w.astype(np.float32) or x.astype(np.float64)",
    ),
    (
        lambda: affine_forward(np.ones((2, 3)), np.ones((3, 2)) * 1j),
        "affine_forward: w must be floating-point, not complex128: got x (2, 3) float64, w (3, 2) "
        "complex128; gradients here are of real functions",
    ),
    (
        lambda: affine_forward(np.ones((2, 3)), None),
        "affine_forward: w is None: got x (2, 3) float64; pass an array",
    ),
    (
        lambda: matmul_forward(np.array([["a"]]), np.ones((1, 2))),
        "matmul_forward: x must be floating-point, not <U1: got x (1, 1) <U1, w (1, 2) float64; "
        "pass an array of floats",
    ),
    (
        lambda: affine_backward("?", affine_forward(*arrays((4, 5), (5, 7)))[1]),
        "affine_backward: dout must be an array of real numbers: got dout () <U1; dout is the "
        "gradient of the loss with respect to forward's out",
    ),
    (
        lambda: Affine(2.5, 2),
        "Affine: in_features must be a positive integer, not 2.5",
    ),
    (
        lambda: Affine(True, 2),
        "Affine: in_features must be a positive integer, not True",
    ),
    (
        lambda: Affine(3, 2, rng="0"),
        "he_normal: rng must be an int seed, a numpy.random.Generator or None, not '0'; "
        "np.random.default_rng(0) makes a generator",
    ),
]


@pytest.mark.parametrize(("call", "text"), ERRORS, ids=[text[:60] for _, text in ERRORS])
def test_value_errors(call, text):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == text


@pytest.mark.parametrize(("call", "text"), TYPE_ERRORS, ids=[text[:60] for _, text in TYPE_ERRORS])
def test_type_errors(call, text):
    with pytest.raises(TypeError) as caught:
        call()
    assert str(caught.value) == text
