"""Losses and reductions: conventions, special values and messages."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import nnlayers
from nnlayers import (
    BCE,
    L1,
    MSE,
    NLL,
    Hinge,
    Huber,
    Max,
    Mean,
    Sequential,
    SoftmaxCrossEntropy,
    Sum,
    Triplet,
    bce_backward,
    bce_forward,
    bce_with_logits_backward,
    bce_with_logits_forward,
    check_gradients,
    contrastive_backward,
    contrastive_forward,
    cosine_embedding_backward,
    cosine_embedding_forward,
    hinge_backward,
    hinge_forward,
    huber_forward,
    kl_divergence_forward,
    l1_backward,
    l1_forward,
    log_softmax_forward,
    max_backward,
    max_forward,
    mean_forward,
    mse_forward,
    nll_backward,
    nll_forward,
    softmax_cross_entropy_backward,
    softmax_cross_entropy_forward,
    sum_forward,
    triplet_backward,
    triplet_forward,
)

RNG = np.random.default_rng(0)
SCORES, Y = RNG.standard_normal((4, 5)), np.array([0, 4, 2, 2])
SEQUENCES, LABELS = RNG.standard_normal((3, 4, 5)), RNG.integers(0, 5, (3, 4))
MASK = np.array([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]], bool)


def cross_entropy(*arguments, **settings):
    """Return the loss and dscores."""
    out, cache = softmax_cross_entropy_forward(*arguments, **settings)
    return out, softmax_cross_entropy_backward(np.ones(np.shape(out)), cache)


# ---- cross-entropy


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64, ">i4", ">i8", "<i2"])
def test_labels_of_any_integer_dtype_are_taken(dtype):
    loss, dscores = cross_entropy(SCORES, Y)
    other, dother = cross_entropy(SCORES, Y.astype(dtype))
    assert loss == other
    np.testing.assert_array_equal(dscores, dother)


def test_labels_may_be_strided_or_a_list():
    loss, dscores = cross_entropy(SCORES, Y)
    for y in (np.repeat(Y, 2)[::2], Y.tolist(), np.stack([Y, Y], axis=1)[:, 1]):
        other, dother = cross_entropy(SCORES, y)
        assert loss == other
        np.testing.assert_array_equal(dscores, dother)


@pytest.mark.parametrize("bad", [-1, 5, -(2**62), 2**62])
def test_every_label_out_of_range_is_found(bad):
    for at in range(4):
        y = Y.copy()
        y[at] = bad
        with pytest.raises(ValueError, match=rf"y\[{at}\] = {bad} is no label of 5 classes"):
            cross_entropy(SCORES, y)


def test_captioning_sums_over_time_and_averages_over_the_batch():
    """Losses of a sequence add up; what is masked does not count."""
    loss, dscores = cross_entropy(SEQUENCES, LABELS, MASK, reduction="batchmean")
    expected, dexpected = 0.0, np.zeros((3, 4, 5))
    for n in range(3):
        for t in range(4):
            if MASK[n, t]:
                p = np.exp(SEQUENCES[n, t]) / np.exp(SEQUENCES[n, t]).sum()
                expected -= math.log(p[LABELS[n, t]]) / 3
                dexpected[n, t] = (p - np.eye(5)[LABELS[n, t]]) / 3
    assert loss == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(dscores, dexpected, rtol=1e-12, atol=1e-15)


def test_the_mean_is_over_the_positions_that_count():
    total, dtotal = cross_entropy(SEQUENCES, LABELS, MASK, reduction="sum")
    loss, dscores = cross_entropy(SEQUENCES, LABELS, MASK)
    assert loss == pytest.approx(total / 4, rel=1e-12)
    np.testing.assert_allclose(dscores, dtotal / 4, rtol=1e-12)
    assert cross_entropy(SEQUENCES, LABELS)[0] == pytest.approx(
        cross_entropy(SEQUENCES, LABELS, reduction="sum")[0] / 12, rel=1e-12
    )


@pytest.mark.parametrize("form", [bool, int, float])
def test_a_mask_may_be_of_truths_or_of_ones_and_zeros(form):
    expected = cross_entropy(SEQUENCES, LABELS, MASK)
    for mask in (MASK.astype(form), MASK.astype(form).tolist()):
        loss, dscores = cross_entropy(SEQUENCES, LABELS, mask=mask)
        assert loss == expected[0]
        np.testing.assert_array_equal(dscores, expected[1])


@pytest.mark.parametrize("reduction", ["mean", "batchmean", "sum", "none"])
@pytest.mark.parametrize("settings", [{}, {"class_weights": [1, 2, 0, 4, 5]}])
def test_an_ignored_label_is_a_mask(reduction, settings):
    y = np.where(MASK, LABELS, -7)
    settings = {**settings, "reduction": reduction}
    for forward, backward in (
        (softmax_cross_entropy_forward, softmax_cross_entropy_backward),
        (nll_forward, nll_backward),
    ):
        a, cache_a = forward(SEQUENCES, y, MASK, **settings)
        b, cache_b = forward(SEQUENCES, y, ignore_index=-7, **settings)
        np.testing.assert_array_equal(a, b)
        dout = RNG.standard_normal(np.shape(a))
        np.testing.assert_array_equal(backward(dout, cache_a), backward(dout, cache_b))
    both, _ = cross_entropy(SCORES, Y, [1.0, 1.0, 1.0, 0.0], ignore_index=0)
    one, _ = cross_entropy(SCORES, Y, [False, True, True, False])
    assert both == one


def test_rows_that_do_not_count_may_be_anything():
    soft = np.full((4, 5), 0.2)
    spoilt = soft.copy()
    spoilt[1:3] = [[np.nan], [7.0]]
    mask = np.array([1.0, 0.0, 0.0, 1.0])
    for a, b in zip(cross_entropy(SCORES, spoilt, mask), cross_entropy(SCORES, soft, mask)):
        np.testing.assert_array_equal(a, b)


def test_an_ignored_label_may_be_a_class():
    loss, dscores = cross_entropy(SCORES, Y, ignore_index=2)
    assert loss == pytest.approx(cross_entropy(SCORES[:2], Y[:2])[0], rel=1e-12)
    assert not dscores[2:].any()


def test_where_nothing_counts_the_sum_is_zero():
    nothing = np.zeros(4, bool)
    for reduction in ("sum", "batchmean"):
        loss, dscores = cross_entropy(SCORES, Y, nothing, reduction=reduction)
        assert loss == 0
        assert not dscores.any()
    for forward in (softmax_cross_entropy_forward, nll_forward):
        with pytest.raises(ValueError, match="the mean of no losses is undefined"):
            forward(SCORES, Y, nothing)
        with pytest.raises(ValueError, match="the mean of no losses is undefined"):
            forward(SCORES, Y, class_weights=[0, 1, 0, 1, 0])


def test_class_weights_count_in_the_mean():
    v = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    none, _ = cross_entropy(SCORES, Y, reduction="none")
    for forward, logits in (
        (softmax_cross_entropy_forward, SCORES),
        (nll_forward, log_softmax_forward(SCORES)[0]),
    ):
        loss, _ = forward(logits, Y, class_weights=v)
        assert loss == pytest.approx((v[Y] * none).sum() / v[Y].sum(), rel=1e-12)


def test_label_smoothing_is_a_soft_target():
    soft = 0.8 * np.eye(5)[Y] + 0.2 / 5
    smooth = cross_entropy(SCORES, Y, label_smoothing=0.2)
    for a, b in zip(smooth, cross_entropy(SCORES, soft)):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    np.testing.assert_array_equal(
        cross_entropy(SCORES, np.eye(5)[Y], label_smoothing=0.2)[1], smooth[1]
    )


def test_one_hot_integers_and_truths_are_rows_of_probabilities():
    expected = cross_entropy(SCORES, Y)
    for kind in (bool, np.uint8, float):
        loss, dscores = cross_entropy(SCORES, np.eye(5)[Y].astype(kind))
        assert loss == pytest.approx(expected[0], rel=1e-12)
        np.testing.assert_allclose(dscores, expected[1], rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("C", [3, 100])
def test_scores_of_any_size(dtype, C):
    scores = np.zeros((2, C), dtype)
    scores[0, 0], scores[1, 0] = 1e30, -1e30
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        none, _ = cross_entropy(scores, np.array([1, 0]), reduction="none")
        _, dscores = cross_entropy(scores, np.array([0, 1]))
    np.testing.assert_array_equal(none, np.array([1e30, 1e30], dtype))
    assert np.isfinite(dscores).all()
    assert none.dtype == dscores.dtype == dtype


@given(arrays.arrays(np.float64, (3, 4), elements=st.floats(-50, 50)), st.integers(0, 3))
def test_nll_of_log_softmax_is_cross_entropy(scores, label):
    y = np.full(3, label)
    two_steps, _ = nll_forward(log_softmax_forward(scores)[0], y, reduction="none")
    one_step, dscores = cross_entropy(scores, y, reduction="none")
    np.testing.assert_allclose(two_steps, one_step, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(dscores.sum(axis=1), 0.0, atol=1e-12)


def test_a_mask_passes_through_a_chain():
    net = Sequential(nnlayers.MatMul(3, 5, rng=0), SoftmaxCrossEntropy(reduction="batchmean"))
    x = RNG.standard_normal((3, 4, 3))
    report = check_gradients(net, x, np.where(MASK, LABELS, 99), MASK)
    assert report.ok, report


def test_settings_leave_float32_as_it_is():
    scores, mask = SCORES.astype(np.float32), np.array([1, 1, 1, 0])
    for settings in (
        {"label_smoothing": np.float64(0.1)},
        {"class_weights": np.arange(1.0, 6.0)},
        {"class_weights": np.arange(1.0, 6.0), "label_smoothing": 0.1},
    ):
        for y in (Y, np.eye(5)[Y]):
            for reduction in ("mean", "batchmean", "sum", "none"):
                loss, dscores = cross_entropy(scores, y, mask, reduction=reduction, **settings)
                assert loss.dtype == dscores.dtype == np.float32


@pytest.mark.parametrize("reduction", ["mean", "batchmean", "sum", "none"])
def test_margins_leave_float32_as_it_is(reduction):
    x, z = np.ones((2, 2, 3), np.float32)
    y, setting = np.array([0, 1]), np.float64(0.7)
    for name, arguments, settings in (
        ("hinge", (x, y), {"margin": setting}),
        ("huber", (x, z), {"delta": setting}),
        ("cosine_embedding", (x, z, y), {"margin": setting}),
        ("contrastive", (x, z, y), {"margin": setting}),
        ("triplet", (x, z, 2 * x), {"margin": setting}),
    ):
        forward = getattr(nnlayers, f"{name}_forward")
        out, cache = forward(*arguments, reduction=reduction, **settings)
        gradients = getattr(nnlayers, f"{name}_backward")(np.ones(np.shape(out)), cache)
        gradients = gradients if isinstance(gradients, tuple) else (gradients,)
        assert {a.dtype for a in (out, *gradients)} == {np.dtype(np.float32)}


# ---- the other losses


COMPARING = (
    mse_forward,
    l1_forward,
    huber_forward,
    bce_forward,
    bce_with_logits_forward,
    kl_divergence_forward,
)


@pytest.mark.parametrize("forward", COMPARING)
def test_what_would_broadcast_is_refused(forward):
    with pytest.raises(ValueError, match=f"^{forward.__name__}: .* must have the same shape"):
        forward(np.full((4, 3), 0.5), np.full((4, 1), 0.5))
    with pytest.raises(ValueError, match=f"^{forward.__name__}: .* must have the same shape"):
        forward(np.full((1, 3), 0.5), np.full((4, 3), 0.5))


@pytest.mark.parametrize("forward", COMPARING)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_target_that_is_not_finite_is_refused(forward, bad):
    target = np.full((4, 3), 0.5)
    target[1, 2] = bad
    with pytest.raises(ValueError, match=f"^{forward.__name__}: .*target"):
        forward(np.full((4, 3), 0.5), target)


def at_two_values(forward, backward, a, b, **settings):
    """Return the losses and gradients of single entries."""
    out, cache = forward(np.array(a), np.array(b), reduction="none", **settings)
    return out, backward(np.ones(out.shape), cache)


def test_batchmean_divides_by_the_number_of_examples():
    pred, target = RNG.uniform(0.1, 0.9, (3, 4, 2)), RNG.uniform(0.1, 0.9, (3, 4, 2))
    for forward in (mse_forward, l1_forward, huber_forward, bce_forward, kl_divergence_forward):
        total, _ = forward(pred, target, reduction="sum")
        assert forward(pred, target, reduction="batchmean")[0] == pytest.approx(total / 3)
        assert forward(pred, target, reduction="mean")[0] == pytest.approx(total / 24)


def test_a_loss_of_numbers_without_axes():
    for reduction in ("mean", "batchmean", "sum", "none"):
        out, cache = mse_forward(np.array(3.0), np.array(1.0), reduction=reduction)
        assert out == 4.0
        assert nnlayers.mse_backward(1.0, cache) == 4.0


def test_binary_cross_entropy_at_zero_and_one():
    out, dpred = at_two_values(
        bce_forward, bce_backward, [0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0]
    )
    np.testing.assert_array_equal(out, [0.0, 0.0, 100.0, 100.0])
    np.testing.assert_allclose(dpred, [0.0, 0.0, -1e12, 1e12], rtol=1e-12)


@pytest.mark.oracle
def test_binary_cross_entropy_at_the_ends_equals_pytorch():
    torch = pytest.importorskip("torch")
    p, t = np.meshgrid([0.0, 1e-300, 1e-13, 0.3, 1 - 1e-13, 1.0], [0.0, 0.3, 1.0])
    out, dpred = at_two_values(bce_forward, bce_backward, p, t)
    pred = torch.tensor(p, requires_grad=True)
    theirs = torch.nn.functional.binary_cross_entropy(pred, torch.tensor(t), reduction="none")
    theirs.sum().backward()
    np.testing.assert_allclose(out, theirs.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(dpred, pred.grad.numpy(), rtol=1e-8)  # its 1e-12 is in float32


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_binary_cross_entropy_of_scores_of_any_size(dtype):
    scores = np.array([1e30, -1e30, 1000, -1000, 40, 0], dtype)
    for target in (0.0, 0.5, 1.0):
        t = np.full_like(scores, target)
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            out, cache = bce_with_logits_forward(scores, t, reduction="none")
            dscores = bce_with_logits_backward(np.ones(6), cache)
        expected = np.where(scores > 0, scores * (1 - t), -scores * t)
        np.testing.assert_allclose(out[:4], expected[:4], rtol=1e-6)
        np.testing.assert_allclose(dscores[:2], np.array([1, 0]) - t[:2])
    # what is right by far still costs something
    tail, _ = bce_with_logits_forward(np.array([40.0]), np.array([1.0]), reduction="sum")
    assert tail == pytest.approx(math.exp(-40), rel=1e-12, abs=0)


@given(st.floats(-20, 20), st.floats(0, 1))
def test_binary_cross_entropy_in_one_step_or_two(score, target):
    s, t = np.array([score]), np.array([target])
    probability = nnlayers.sigmoid_forward(s)[0]
    two_steps, _ = bce_forward(probability, t)
    assert bce_with_logits_forward(s, t)[0] == pytest.approx(two_steps, rel=1e-6, abs=1e-12)


def test_divergence_of_a_target_with_zeros():
    target = np.array([[1.0, 0.0], [0.5, 0.5]])
    log_pred = np.log(np.array([[0.25, 0.75], [0.5, 0.5]]))
    out, _ = kl_divergence_forward(log_pred, target, reduction="none")
    np.testing.assert_allclose(out, [[math.log(4), 0.0], [0.0, 0.0]], atol=1e-15)


def test_l1_has_no_slope_where_the_prediction_is_right():
    out, dpred = at_two_values(l1_forward, l1_backward, [1.0, 2.0, 0.0], [1.0, 1.0, 1.0])
    np.testing.assert_array_equal(out, [0.0, 1.0, 1.0])
    np.testing.assert_array_equal(dpred, [0.0, 1.0, -1.0])


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
@pytest.mark.oracle
def test_huber_divided_by_delta_is_smooth_l1(beta):
    torch = pytest.importorskip("torch")
    pred, target = RNG.standard_normal((3, 4)), RNG.standard_normal((3, 4))
    theirs = torch.nn.functional.smooth_l1_loss(torch.tensor(pred), torch.tensor(target), beta=beta)
    ours, _ = huber_forward(pred, target, delta=beta)
    assert ours / beta == pytest.approx(theirs.item(), rel=1e-12)


def test_hinge_of_the_course_notes():
    scores = np.array([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]])
    out, _ = hinge_forward(scores, np.array([0, 1, 2]), reduction="none")
    np.testing.assert_allclose(out, [2.9, 0.0, 12.9])


def test_at_the_margin_there_is_no_gradient():
    out, dscores = at_two_values(
        hinge_forward, hinge_backward, [[2.0, 1.0, 0.5], [2.0, 1.5, 0.5]], [0, 0], margin=1
    )
    np.testing.assert_array_equal(out, [0.0, 0.5])
    np.testing.assert_array_equal(dscores, [[0, 0, 0], [-1, 1, 0]])
    a = np.array([[1.0, 0.0]])
    _, cache = cosine_embedding_forward(a, np.array([[0.0, 1.0]]), [0], reduction="sum")
    assert not np.any(cosine_embedding_backward(1.0, cache))
    _, cache = contrastive_forward(a, np.array([[0.0, 0.0]]), [0], margin=1.0)
    assert not np.any(contrastive_backward(1.0, cache))
    _, cache = triplet_forward(a, np.zeros((1, 2)), 3 * a, margin=1.0)
    assert not np.any(triplet_backward(1.0, cache))


def test_vectors_that_coincide_or_are_zero():
    zero, x = np.zeros((2, 3)), np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 1.0]])
    for y in ([1, 1], [0, 0], [True, False]):
        out, cache = contrastive_forward(x, x, y, reduction="none")
        np.testing.assert_array_equal(out, np.where(y, 0.0, 0.5))
        assert not np.any(contrastive_backward(np.ones(2), cache))
        for a, b in ((zero, x), (x, zero), (zero, zero)):
            out, cache = cosine_embedding_forward(a, b, y, margin=-0.5, reduction="none")
            np.testing.assert_array_equal(out, np.where(y, 1.0, 0.5))
            assert np.isfinite(cosine_embedding_backward(np.ones(2), cache)).all()
    out, cache = triplet_forward(x, x, x)
    assert out == 1.0
    assert not np.any(triplet_backward(1.0, cache))


@given(arrays.arrays(np.float64, (2, 3), elements=st.floats(0.1, 10)), st.floats(0.5, 20))
def test_the_cosine_does_not_see_lengths(a, factor):
    b = np.array([[1.0, 2.0, 3.0], [3.0, -2.0, 1.0]])
    plain, _ = cosine_embedding_forward(a, b, [1, 1])
    assert cosine_embedding_forward(factor * a, b, [1, 1])[0] == pytest.approx(plain, abs=1e-9)


# ---- reductions


def test_the_first_of_equal_entries_gets_the_gradient_of_the_maximum():
    x = np.array([[1.0, 5.0, 5.0], [5.0, 0.0, 5.0]])
    for axis, expected in (
        (None, [[0, 1, 0], [0, 0, 0]]),
        (1, [[0, 1, 0], [1, 0, 0]]),
        (0, [[0, 1, 1], [1, 0, 0]]),
        ((0, 1), [[0, 1, 0], [0, 0, 0]]),
        ((1, 0), [[0, 1, 0], [0, 0, 0]]),
        ((), [[1, 1, 1], [1, 1, 1]]),
    ):
        out, cache = max_forward(x, axis=axis)
        np.testing.assert_array_equal(max_backward(np.ones(np.shape(out)), cache), expected)


@given(
    arrays.arrays(
        np.float64, arrays.array_shapes(min_dims=1, max_dims=4), elements=st.floats(-9, 9)
    ),
    st.data(),
)
def test_reductions_over_any_axes(x, data):
    axis = tuple(data.draw(st.sets(st.integers(0, x.ndim - 1), min_size=1)))
    keepdims = data.draw(st.booleans())
    for name in ("sum", "mean", "max"):
        forward = getattr(nnlayers, f"{name}_forward")
        backward = getattr(nnlayers, f"{name}_backward")
        out, cache = forward(x, axis=axis, keepdims=keepdims)
        np.testing.assert_array_equal(out, getattr(np, name)(x, axis=axis, keepdims=keepdims))
        dout = np.arange(1.0, np.size(out) + 1).reshape(np.shape(out))
        dx = backward(dout, cache)
        assert dx.shape == x.shape
        # every reduced slice hands on what it got: all of it, 1/n to each of n, or all to one
        whole = dout if keepdims else np.expand_dims(dout, axis)
        n = x.size // np.size(out)
        expected = whole * n if name == "sum" else whole
        np.testing.assert_allclose(dx.sum(axis=axis, keepdims=True), expected, rtol=1e-12)
        if name == "max":
            assert np.count_nonzero(dx) == np.size(out)
            assert np.array_equal(
                x[dx != 0], np.broadcast_to(np.max(x, axis, keepdims=True), x.shape)[dx != 0]
            )


def test_reductions_over_everything_are_losses():
    for kind in (Sum, Mean, Max):
        assert kind().is_loss
        assert not kind(axis=0).is_loss
        assert (
            repr(kind(axis=(1, 2), keepdims=True)) == f"{kind.__name__}(axis=(1, 2), keepdims=True)"
        )


# ---- objects and messages


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (SoftmaxCrossEntropy(), "SoftmaxCrossEntropy()"),
        (
            SoftmaxCrossEntropy(class_weights=np.array([1, 2]), label_smoothing=0, ignore_index=-1),
            "SoftmaxCrossEntropy(class_weights=(1.0, 2.0), ignore_index=-1)",
        ),
        (
            SoftmaxCrossEntropy(label_smoothing=np.float64(0.1), reduction="sum"),
            "SoftmaxCrossEntropy(reduction='sum', label_smoothing=0.1)",
        ),
        (NLL(class_weights=[1, 2]), "NLL(class_weights=(1.0, 2.0))"),
        (Hinge(margin=2), "Hinge(margin=2.0)"),
        (Huber(delta=2, reduction="none"), "Huber(reduction='none', delta=2.0)"),
        (Triplet(), "Triplet()"),
        (MSE(reduction="batchmean"), "MSE(reduction='batchmean')"),
    ],
    ids=repr,
)
def test_repr(loss, text):
    assert repr(loss) == text
    assert loss.is_loss


X = np.zeros((4, 3))
NAN = np.array([[0.0, np.nan], [np.inf, 1.0]])
SOFT = np.full((4, 5), 0.2)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        # scores and labels
        (
            lambda: cross_entropy(SCORES[0], Y),
            ValueError,
            "softmax_cross_entropy_forward: scores must be (N, C) or (N, T, C) with at least one "
            "class: got scores (5,), y (4,)",
        ),
        (
            lambda: nll_forward(np.zeros((4, 0)), Y),
            ValueError,
            "nll_forward: log_probs must be (N, C) or (N, T, C) with at least one "
            "class: got log_probs (4, 0), y (4,)",
        ),
        (
            lambda: cross_entropy(SCORES, Y[:3]),
            ValueError,
            "softmax_cross_entropy_forward: y must be labels (4,) or probabilities (4, 5): "
            "got scores (4, 5), y (3,)",
        ),
        (
            lambda: cross_entropy(SCORES, Y[:, None]),
            ValueError,
            "softmax_cross_entropy_forward: y must be labels (4,) or probabilities (4, 5): "
            "got scores (4, 5), y (4, 1); y.reshape(4,) if it has the labels",
        ),
        (
            lambda: nll_forward(SEQUENCES, LABELS.ravel()),
            ValueError,
            "nll_forward: y must be labels (3, 4) or probabilities (3, 4, 5): "
            "got log_probs (3, 4, 5), y (12,); y.reshape(3, 4) if it has the labels",
        ),
        (
            lambda: nll_forward(SCORES, SOFT),
            ValueError,
            "nll_forward: y must be labels (4,): got log_probs (4, 5), y (4, 5)",
        ),
        (
            lambda: hinge_forward(SCORES, SOFT),
            ValueError,
            "hinge_forward: y must be labels (4,): got scores (4, 5), y (4, 5)",
        ),
        (
            lambda: cross_entropy(SCORES, Y.astype(float)),
            TypeError,
            "softmax_cross_entropy_forward: labels y must be integers, not float64: "
            "got scores (4, 5) float64, y (4,) float64; y.astype(int) if they count classes from 0",
        ),
        (
            lambda: hinge_forward(SCORES, Y == 0),
            TypeError,
            "hinge_forward: labels y must be integers, not bool: "
            "got scores (4, 5) float64, y (4,) bool; y.astype(int) if they count classes from 0",
        ),
        (
            lambda: hinge_forward(SCORES, Y + 1),
            ValueError,
            "hinge_forward: y[1] = 5 is no label of 5 classes: got scores (4, 5), y (4,); "
            "labels count from 0 to 4",
        ),
        (
            lambda: cross_entropy(SEQUENCES, np.where(MASK, LABELS, -1)),
            ValueError,
            "softmax_cross_entropy_forward: y[0, 3] = -1 is no label of 5 classes: "
            "got scores (3, 4, 5), y (3, 4); labels count from 0 to 4",
        ),
        (
            lambda: cross_entropy(SCORES, np.full((4, 5), "a")),
            TypeError,
            "softmax_cross_entropy_forward: y must be real numbers, not <U1: "
            "got scores (4, 5) float64, y (4, 5) <U1",
        ),
        (
            lambda: cross_entropy(SCORES, SOFT / 2),
            ValueError,
            "softmax_cross_entropy_forward: y[0] is no row of probabilities: it sums to 0.5, "
            "its least entry is 0.1: got scores (4, 5), y (4, 5); divide each row by its sum",
        ),
        (
            lambda: cross_entropy(
                SEQUENCES[:1, :2], np.array([[[1, 0, 0, 0, 0], [2, -1, 0, 0, 0]]])
            ),
            ValueError,
            "softmax_cross_entropy_forward: y[0, 1] is no row of probabilities: it sums to 1, its "
            "least entry is -1: got scores (1, 2, 5), y (1, 2, 5); divide each row by its sum",
        ),
        (
            lambda: cross_entropy(SCORES, np.where(np.eye(4, 5) > 0, np.nan, SOFT)),
            ValueError,
            "softmax_cross_entropy_forward: 4 of 20 entries of y are NaN or infinite: "
            "got y (4, 5); a loss would be NaN too: clean the data",
        ),
        # masks, weights, smoothing
        (
            lambda: cross_entropy(SEQUENCES, LABELS, MASK[:, :3]),
            ValueError,
            "softmax_cross_entropy_forward: mask must have one entry for each position, (3, 4): "
            "got scores (3, 4, 5), mask (3, 3)",
        ),
        (
            lambda: cross_entropy(SCORES, Y, np.array([0.5, 1, 1, 1])),
            ValueError,
            "softmax_cross_entropy_forward: mask must be True or False, or 1 or 0, everywhere: "
            "got mask (4,)",
        ),
        (
            lambda: cross_entropy(SCORES, SOFT, ignore_index=3),
            ValueError,
            "softmax_cross_entropy_forward: ignore_index=3 needs labels, but y are probabilities: "
            "got scores (4, 5), y (4, 5); mask says which positions count",
        ),
        (
            lambda: cross_entropy(SCORES, Y, class_weights=[1, 2]),
            ValueError,
            "softmax_cross_entropy_forward: class_weights must be 5 numbers that are not negative, "
            "one for each class: got scores (4, 5), class_weights [1, 2]",
        ),
        (
            lambda: nll_forward(SCORES, Y, class_weights=np.array([1, 2, 3, 4, -5])),
            ValueError,
            "nll_forward: class_weights must be 5 numbers that are not negative, "
            "one for each class: got log_probs (4, 5), class_weights (5,)",
        ),
        (
            lambda: nll_forward(SCORES, Y, class_weights=np.array([1, 2, 3, 4, np.inf])),
            ValueError,
            "nll_forward: class_weights must be 5 numbers that are not negative, "
            "one for each class: got log_probs (4, 5), class_weights (5,)",
        ),
        (
            lambda: cross_entropy(SCORES, Y, label_smoothing=1.5),
            ValueError,
            "softmax_cross_entropy_forward: label_smoothing must lie from 0 to 1, not 1.5",
        ),
        (
            lambda: SoftmaxCrossEntropy(label_smoothing=-0.1),
            ValueError,
            "SoftmaxCrossEntropy: label_smoothing must lie from 0 to 1, not -0.1",
        ),
        # reductions
        (
            lambda: cross_entropy(SCORES, Y, reduction="average"),
            ValueError,
            "softmax_cross_entropy_forward: reduction must be one of 'mean', 'batchmean', 'sum', "
            "'none', not 'average'",
        ),
        (
            lambda: L1(reduction=None),
            ValueError,
            "L1: reduction must be one of 'mean', 'batchmean', 'sum', 'none', not None",
        ),
        (
            lambda: mse_forward(X[:0], X[:0]),
            ValueError,
            'mse_forward: the mean of no losses is undefined (reduction="mean"); '
            'reduction="sum" gives 0',
        ),
        (
            lambda: cross_entropy(SEQUENCES[:0], LABELS[:0], reduction="batchmean"),
            ValueError,
            "softmax_cross_entropy_forward: the mean of no losses is undefined "
            '(reduction="batchmean"); reduction="sum" gives 0',
        ),
        (
            lambda: sum_forward(X, axis=2),
            ValueError,
            "sum_forward: axis 2 does not fit x with 2 axes: got x (4, 3)",
        ),
        (
            lambda: max_forward(X, axis=(0, 0)),
            ValueError,
            "max_forward: axis (0, 0) does not fit x with 2 axes: got x (4, 3)",
        ),
        (
            lambda: mean_forward(X[:0], axis=0),
            ValueError,
            "mean_forward: the mean of no entries is undefined: got x (0, 3); sum gives 0",
        ),
        (
            lambda: max_forward(X[:0]),
            ValueError,
            "max_forward: there is no entry to be the largest: got x (0, 3)",
        ),
        # predictions and targets
        (
            lambda: mse_forward(X, X[:, :1]),
            ValueError,
            "mse_forward: pred and target must have the same shape: got pred (4, 3), "
            "target (4, 1); every entry of pred needs one of target",
        ),
        (
            lambda: l1_forward(X, X.ravel()),
            ValueError,
            "l1_forward: pred and target must have the same shape: got pred (4, 3), "
            "target (12,); target.reshape(pred.shape) if the entries correspond",
        ),
        (
            lambda: huber_forward(X[:2, :2], NAN),
            ValueError,
            "huber_forward: 2 of 4 entries of target are NaN or infinite: got target (2, 2); "
            "a loss would be NaN too: clean the data",
        ),
        (
            lambda: huber_forward(X, X, delta=0),
            ValueError,
            "huber_forward: delta must be positive, not 0.0",
        ),
        (
            lambda: Huber(delta=float("nan")),
            ValueError,
            "Huber: delta must be positive, not nan",
        ),
        (
            lambda: l1_forward(X, X.astype(int)),
            TypeError,
            "l1_forward: target must be floating-point, not int64: got pred (4, 3) float64, "
            "target (4, 3) int64; target.astype(float) makes it floating-point",
        ),
        (
            lambda: bce_forward(X - 0.5, X),
            ValueError,
            "bce_forward: pred must lie between 0 and 1 but reaches from -0.5 to 0: "
            "got pred (4, 3); bce_with_logits_forward takes scores of any size",
        ),
        (
            lambda: bce_forward(X, X + 4),
            ValueError,
            "bce_forward: target must lie between 0 and 1 but reaches from 0 to 4: "
            "got target (4, 3); targets are probabilities, mostly 0 and 1",
        ),
        (
            lambda: bce_with_logits_forward(X, X - 1),
            ValueError,
            "bce_with_logits_forward: target must lie between 0 and 1 but reaches from -1 to 0: "
            "got target (4, 3); targets are probabilities, mostly 0 and 1",
        ),
        (
            lambda: bce_forward(NAN, X[:2, :2]),
            ValueError,
            "bce_forward: 2 of 4 entries of pred are NaN or infinite: got pred (2, 2); "
            "a loss would be NaN too: clean the data",
        ),
        (
            lambda: kl_divergence_forward(X, X - 1.5),
            ValueError,
            "kl_divergence_forward: target must lie between 0 and 1 but reaches from -1.5 to 0: "
            "got target (4, 3); a target is probabilities, not their logarithms",
        ),
        (
            lambda: BCE().forward(X),
            TypeError,
            "BCE: target is missing; call forward(pred, target)",
        ),
        # pairs and triplets
        (
            lambda: contrastive_forward(X[0], X[0], np.ones(4, int)),
            ValueError,
            "contrastive_forward: a must be vectors (N, D): got a (3,), b (3,)",
        ),
        (
            lambda: contrastive_forward(X, X[:1], np.ones(4, int)),
            ValueError,
            "contrastive_forward: a and b must have the same shape: got a (4, 3), b (1, 3); "
            "every entry of a needs one of b",
        ),
        (
            lambda: cosine_embedding_forward(X, X, np.ones(4)),
            TypeError,
            "cosine_embedding_forward: y must be integers, not float64: got a (4, 3) float64, "
            "y (4,) float64; y.astype(int)",
        ),
        (
            lambda: cosine_embedding_forward(X, X, [1, 0]),
            ValueError,
            "cosine_embedding_forward: y must have one entry for each pair, (4,): got a (4, 3), "
            "y (2,)",
        ),
        (
            lambda: cosine_embedding_forward(X, X, [1, 0, -1, 1]),
            ValueError,
            "cosine_embedding_forward: y[2] = -1 is neither 1 (the pair belongs together) nor 0: "
            "got y (4,); (y == 1).astype(int) if other values stand for 0",
        ),
        (
            lambda: triplet_forward(X, X, X[:, :1]),
            ValueError,
            "triplet_forward: anchor and negative must have the same shape: got anchor (4, 3), "
            "negative (4, 1); every entry of anchor needs one of negative",
        ),
        (
            lambda: triplet_forward(X, X[:1], X),
            ValueError,
            "triplet_forward: anchor and positive must have the same shape: got anchor (4, 3), "
            "positive (1, 3); every entry of anchor needs one of positive",
        ),
    ],
)
def test_messages(call, error, text):
    with pytest.raises(error) as found:
        call()
    assert str(found.value) == text
