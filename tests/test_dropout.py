"""Dropout: how often, from which randomness, and every error text."""

import math

import numpy as np
import pytest

from nnlayers import (
    Affine,
    Dropout,
    Sequential,
    SpatialDropout,
    Sum,
    check_gradients,
    dropout_backward,
    dropout_forward,
    spatial_dropout_backward,
    spatial_dropout_forward,
)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def kept(shape, rng, **rates):
    """The mask that dropout draws."""
    return dropout_forward(np.ones(shape), train=True, rng=rng, **rates)[0] != 0


class TestHowOften:
    @pytest.mark.parametrize(
        "drop", [1e-3, 1 / 256, 0.1, 0.25, 1 / 3, 0.5, 0.77, 255 / 256, 0.9985]
    )
    def test_the_rate(self, drop):
        size = 1_000_000
        mask = kept((1000, 1000), 0, drop=drop)
        deviation = math.sqrt(size * drop * (1 - drop))
        assert abs(np.count_nonzero(~mask) - size * drop) < 4 * deviation

    @pytest.mark.parametrize("bits", ["PCG64", "PCG64DXSM", "SFC64", "Philox", "MT19937"])
    def test_every_kind_of_generator(self, bits):
        # also those whose words have 32 bits: all eight bytes of a word must be random
        rng = np.random.Generator(getattr(np.random, bits)(0))
        mask = kept((50_000, 8), rng, drop=0.3)
        deviation = math.sqrt(50_000 * 0.3 * 0.7)
        assert (np.abs(np.count_nonzero(mask, axis=0) - 35_000) < 5 * deviation).all()

    def test_entries_are_independent_of_their_neighbours(self):
        mask = kept((1_000_000,), 0, drop=0.4).astype(float) - 0.6
        for distance in (1, 2, 7, 8, 64):
            correlation = np.mean(mask[distance:] * mask[:-distance]) / 0.24
            assert abs(correlation) < 5e-3

    def test_the_expected_out_is_x(self):
        x = drawn(4, 5)
        rng = np.random.default_rng(0)
        outs = [dropout_forward(x, drop=0.3, train=True, rng=rng)[0] for _ in range(4000)]
        deviation = np.abs(x) * math.sqrt(0.3 / 0.7 / 4000)
        assert (np.abs(np.mean(outs, axis=0) - x) < 4 * deviation).all()

    def test_nothing_and_nearly_everything(self):
        assert kept((1000, 100), 0, drop=0).all()
        assert kept((1000, 100), 0, keep=1).all()
        assert not kept((1000, 10), 0, keep=1e-9).any()
        out, _ = dropout_forward(np.ones((2, 3)), drop=0.0, train=True, rng=0)
        np.testing.assert_array_equal(out, np.ones((2, 3)))

    def test_drop_and_keep_are_each_other(self):
        np.testing.assert_array_equal(kept((30, 40), 0, drop=0.25), kept((30, 40), 0, keep=0.75))
        for value in (np.float64(0.25), np.float32(0.25)):
            np.testing.assert_array_equal(
                kept((30, 40), 0, drop=0.25), kept((30, 40), 0, drop=value)
            )


class TestRandomness:
    def test_a_seed_is_a_mask(self):
        a, b = kept((30, 40), 1, drop=0.3), kept((30, 40), 2, drop=0.3)
        np.testing.assert_array_equal(a, kept((30, 40), 1, drop=0.3))
        assert (a != b).any()

    def test_a_generator_goes_on(self):
        rng = np.random.default_rng(1)
        first, second = (kept((30, 40), rng, drop=0.3) for _ in range(2))
        assert (first != second).any()
        np.testing.assert_array_equal(first, kept((30, 40), np.random.default_rng(1), drop=0.3))

    @pytest.mark.parametrize("drop", [0.3, 0.5])
    def test_neither_dtype_nor_memory_changes_the_mask(self, drop):
        x = drawn(3, 5, 2, 4)
        last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
        masks = [
            dropout_forward(array, drop=drop, train=True, rng=1)[0] == 0
            for array in (x, x.astype(np.float32), last, np.asfortranarray(x), x[:, ::-1])
        ]
        for mask in masks[1:]:
            np.testing.assert_array_equal(mask, masks[0])

    def test_in_a_net_each_layer_draws_its_own(self):
        net = Sequential(Dropout(drop=0.5), Dropout(drop=0.5))
        out, _ = net.forward(np.ones((100, 100)), train=True, rng=0)
        assert 0.2 < np.mean(out != 0) < 0.3
        again, _ = net.forward(np.ones((100, 100)), train=True, rng=0)
        np.testing.assert_array_equal(out, again)


@pytest.mark.parametrize(
    ("forward", "backward"),
    [(dropout_forward, dropout_backward), (spatial_dropout_forward, spatial_dropout_backward)],
)
def test_the_order_of_memory_is_kept(forward, backward):
    for x in (drawn(3, 5, 2, 4), drawn(3, 2, 4, 5).transpose(0, 3, 1, 2)):
        for train in (True, False):
            out, cache = forward(x, drop=0.3, train=train, rng=0)
            assert out.strides == x.strides
            assert backward(x, cache).strides == x.strides


def test_evaluation_is_the_identity_and_needs_no_rng():
    x = drawn(3, 4, 2)
    for forward in (dropout_forward, spatial_dropout_forward):
        assert forward(x, drop=0.3, train=False)[0] is x
        assert forward(x, drop=0.3, train=False, rng=0)[0] is x
        assert forward(x, drop=0.3, train=False, mask=np.zeros((3, 4, 2), bool))[0] is x


def test_spatial_dropout_drops_whole_channels():
    out, _ = spatial_dropout_forward(np.ones((200, 50, 2, 3)), drop=0.3, train=True, rng=0)
    sums = out.sum(axis=(2, 3)) * 0.7
    np.testing.assert_allclose(np.unique(sums.round(9)), [0.0, 6.0])
    dropped = np.count_nonzero(sums == 0)
    assert abs(dropped - 3000) < 4 * math.sqrt(10_000 * 0.3 * 0.7)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("layer", [Dropout(drop=0.4), SpatialDropout(keep=0.6)], ids=repr)
def test_the_gradient_checker_passes_it(layer, seed):
    x = drawn(3, 4, 2, seed=seed)
    for options in ({"train": True, "rng": seed}, {"train": False}):
        assert check_gradients(layer, x, seed=seed, **options).ok
    generator = np.random.default_rng(seed)  # which is copied for each call
    assert check_gradients(layer, x, train=True, rng=generator).ok
    assert generator.random() == np.random.default_rng(seed).random()


def test_the_checker_passes_a_fixed_mask():
    x, mask = drawn(3, 4), drawn(3, 4, seed=1) > 0
    pair = dropout_forward, dropout_backward
    assert check_gradients(pair, x, drop=0.3, train=True, mask=mask).ok


X = np.zeros((2, 3))
MASK = np.ones((2, 3), bool)
WHY = "training drops entries at random, evaluation none"
ERRORS = [
    ({}, f"train is left out, but it matters here; {WHY}"),
    ({"train": 1}, f"train must be True or False, not 1; {WHY}"),
    (
        {"train": True},
        "training draws a mask at random but rng is left out; rng=0 is a seed",
    ),
    (
        {"train": True, "rng": 0, "mask": MASK},
        "both rng and mask are given; a fixed mask needs no rng",
    ),
    (
        {"train": True, "rng": "0"},
        "rng must be an int seed, a numpy.random.Generator or None, not '0'; "
        "np.random.default_rng(0) makes a generator",
    ),
    (
        {"drop": None},
        "needs drop or keep, not neither; drop=0.2 and keep=0.8 are the same",
    ),
    (
        {"keep": 0.7},
        "needs drop or keep, not both; drop=0.2 and keep=0.8 are the same",
    ),
    (
        {"drop": 1.0},
        "0 <= drop < 1 is needed, not 1.0; drop is the probability of dropping; 1 would leave "
        "nothing",
    ),
    (
        {"drop": -0.1},
        "0 <= drop < 1 is needed, not -0.1; drop is the probability of dropping; 1 would leave "
        "nothing",
    ),
    (
        {"drop": np.nan},
        "0 <= drop < 1 is needed, not nan; drop is the probability of dropping; 1 would leave "
        "nothing",
    ),
    (
        {"drop": None, "keep": 0},
        "0 < keep <= 1 is needed, not 0; keep is the probability of keeping; 0 would leave nothing",
    ),
    (
        {"drop": None, "keep": 1e-20},
        "0 < keep <= 1 is needed, not 1e-20; keep is the probability of keeping; 0 would leave "
        "nothing",
    ),
    (
        {"drop": None, "keep": 1.5},
        "0 < keep <= 1 is needed, not 1.5; keep is the probability of keeping; 0 would leave "
        "nothing",
    ),
    ({"drop": "0.3"}, "drop must be a number, not '0.3'"),
    ({"drop": None, "keep": True}, "keep must be a number, not True"),
    (
        {"train": True, "mask": MASK.astype(float)},
        "mask must be boolean, not float64: got mask (2, 3) float64; mask.astype(bool); True "
        "keeps an entry",
    ),
    (
        {"train": True, "mask": MASK[:1]},
        "mask must have the shape (2, 3): got x (2, 3), mask (1, 3)",
    ),
    (
        {"x": np.zeros((2, 3), int), "train": False},
        "x must be floating-point, not int64: got x (2, 3) int64; x.astype(float) makes it "
        "floating-point",
    ),
]


@pytest.mark.parametrize(("changes", "message"), ERRORS)
def test_errors(changes, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        dropout_forward(**{"x": X, "drop": 0.3} | changes)
    assert str(caught.value) == f"dropout_forward: {message}"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: spatial_dropout_forward(X, drop=0.3, train=False),
            "spatial_dropout_forward: x has 2 axes but images (N, C, H, W) have more than 2: got "
            "x (2, 3); dropout_forward drops single features",
        ),
        (
            lambda: spatial_dropout_forward(
                X[..., None], drop=0.3, train=True, mask=MASK[..., None]
            ),
            "spatial_dropout_forward: mask must have the shape (2, 3): got x (2, 3, 1), "
            "mask (2, 3, 1)",
        ),
        (
            lambda: spatial_dropout_forward(X[..., None], drop=0.3, train=True),
            "spatial_dropout_forward: training draws a mask at random but rng is left out; rng=0 "
            "is a seed",
        ),
        (
            lambda: Dropout(),
            "Dropout: needs drop or keep, not neither; drop=0.2 and keep=0.8 are the same",
        ),
        (
            lambda: SpatialDropout(drop=2),
            "SpatialDropout: 0 <= drop < 1 is needed, not 2; drop is the probability of dropping; "
            "1 would leave nothing",
        ),
        (
            lambda: Dropout(drop=0.5).forward(X, X),
            "Dropout: takes 1 input but got 2; call forward(x)",
        ),
        (
            lambda: Dropout(drop=0.5).forward(X),
            f"dropout_forward: train is left out, but it matters here; {WHY}",
        ),
    ],
)
def test_errors_of_spatial_dropout_and_of_the_objects(call, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    assert str(caught.value) == message


def test_a_net_says_which_layer_lacks_an_rng():
    net = Sequential(Affine(3, 4, rng=0), Dropout(keep=0.8), Sum())
    with pytest.raises(TypeError, match="rng is left out") as caught:
        net.loss(X)
    assert caught.value.__notes__ == ["in Sequential, layer 1: Dropout(keep=0.8)"]
