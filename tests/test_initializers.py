"""Initial weights: their variance, their dtype, their errors."""

import math

import numpy as np
import pytest

from nnlayers import (
    Affine,
    ReLU,
    Sequential,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    lecun_normal,
    lecun_uniform,
)

SHAPE = 400, 300
VARIANCES = {
    lecun_normal: 1 / 400,
    lecun_uniform: 1 / 400,
    glorot_normal: 2 / 700,
    glorot_uniform: 2 / 700,
    he_normal: 2 / 400,
    he_uniform: 2 / 400,
}
every = pytest.mark.parametrize("init", VARIANCES, ids=lambda init: init.__name__)


@every
def test_variance(init):
    w = init(SHAPE, rng=0)
    count = w.size
    assert w.dtype == np.float64
    assert w.var() == pytest.approx(VARIANCES[init], rel=5 * math.sqrt(2 / count))
    assert abs(w.mean()) < 5 * math.sqrt(VARIANCES[init] / count)
    if init.__name__.endswith("uniform"):
        assert np.abs(w).max() <= math.sqrt(3 * VARIANCES[init])
    else:
        assert np.abs(w).max() > 3 * math.sqrt(VARIANCES[init])


@every
def test_gain_dtype_and_seed(init):
    w = init((4, 3), rng=0, gain=1.0, dtype=np.float32)
    assert w.dtype == np.float32
    np.testing.assert_allclose(init((4, 3), rng=0, gain=3.0), 3 * w, rtol=1e-6)
    np.testing.assert_array_equal(init((4, 3), rng=7), init((4, 3), rng=7))
    assert (init((4, 3)) != init((4, 3))).any()


@every
def test_filter_banks_count_their_whole_field(init):
    scheme = init.__name__.split("_")[0]
    bank = init((64, 32, 3, 3), rng=0)
    fan_in, fan_out = 32 * 9, 64 * 9
    wanted = {"lecun": 1 / fan_in, "glorot": 2 / (fan_in + fan_out), "he": 2 / fan_in}[scheme]
    assert bank.var() == pytest.approx(wanted, rel=0.05)


def test_he_keeps_the_signal_through_twenty_relu_layers():
    rng = np.random.default_rng(0)
    net = Sequential(*[f for _ in range(20) for f in (Affine(256, 256, rng=rng), ReLU())])
    x = rng.standard_normal((64, 256))
    assert 0.2 < (net.scores(x) ** 2).mean() < 5
    for layer in net.layers[::2]:
        layer.params["w"] = lecun_normal((256, 256), rng=rng)
    assert (net.scores(x) ** 2).mean() < 1e-4


def test_vectors_have_no_fans():
    with pytest.raises(ValueError) as error:
        he_normal((3,))
    assert str(error.value) == (
        "fans: weights of shape (3,) have no fan-in and fan-out; they need at least two axes; "
        "constants suit biases"
    )
