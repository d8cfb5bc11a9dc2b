"""Batch normalization: running statistics, the object's state, special batches and messages."""

import copy
import pickle

import numpy as np
import pytest

from nnlayers import (
    Affine,
    BatchNorm,
    MatMul,
    ReLU,
    Sequential,
    Softmax,
    Square,
    Sum,
    batchnorm_backward,
    batchnorm_forward,
    batchnorm_running,
    check_gradients,
)
from reference.normalization import moments


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


ONES, ZEROS = np.ones(4), np.zeros(4)


class TestRunningStatistics:
    def test_momentum_is_the_weight_of_the_old_value(self):
        x = drawn(6, 4)
        running = {"mean": drawn(4, seed=1), "var": drawn(4, seed=2) ** 2}
        _, cache = batchnorm_forward(x, ONES, ZEROS, train=True, momentum=0.7)
        new = batchnorm_running(running, cache)
        assert list(new) == ["mean", "var"]
        for c in range(4):
            mean, var = moments(list(x[:, c]))  # the biased variance: over n, not n - 1
            assert new["mean"][c] == pytest.approx(0.7 * running["mean"][c] + 0.3 * mean)
            assert new["var"][c] == pytest.approx(0.7 * running["var"][c] + 0.3 * var)

    def test_they_start_at_0_and_1(self):
        _, cache = batchnorm_forward(drawn(6, 4, 2, 3), ONES, ZEROS, train=True)
        start = {"mean": np.zeros(4), "var": np.ones(4)}
        for old in (None, start):
            new = batchnorm_running(old, cache)
            for c in range(4):
                mean, var = moments(list(drawn(6, 4, 2, 3)[:, c].flat))
                assert new["mean"][c] == pytest.approx(0.1 * mean)
                assert new["var"][c] == pytest.approx(0.9 + 0.1 * var)

    def test_momentum_may_be_said_at_the_update_instead(self):
        _, cache = batchnorm_forward(drawn(6, 4), ONES, ZEROS, train=True, momentum=0.9)
        kept = batchnorm_running(None, cache, 1)
        np.testing.assert_array_equal(kept["mean"], ZEROS)
        np.testing.assert_array_equal(kept["var"], ONES)
        replaced = batchnorm_running(None, cache, momentum=0.0)
        np.testing.assert_allclose(replaced["mean"], drawn(6, 4).mean(axis=0))
        np.testing.assert_allclose(replaced["var"], drawn(6, 4).var(axis=0))

    def test_nothing_is_written_and_nothing_shared(self):
        running = {"mean": drawn(4), "var": np.ones(4)}
        for array in running.values():
            array.flags.writeable = False
        _, cache = batchnorm_forward(drawn(6, 4), ONES, ZEROS, train=True)
        first, second = batchnorm_running(running, cache), batchnorm_running(running, cache)
        for name in running:
            assert not np.shares_memory(first[name], running[name])
            assert not np.shares_memory(first[name], second[name])
            np.testing.assert_array_equal(first[name], second[name])

    def test_float32_stays(self):
        x, ones = drawn(6, 4).astype(np.float32), np.ones(4, np.float32)
        _, cache = batchnorm_forward(x, ones, ones, train=True)
        new = batchnorm_running(None, cache, np.float64(0.5))
        assert {array.dtype for array in new.values()} == {np.dtype(np.float32)}

    @pytest.mark.oracle
    def test_against_pytorch_whose_conventions_differ(self):
        torch = pytest.importorskip("torch")
        mean, var = torch.zeros(4, dtype=torch.float64), torch.ones(4, dtype=torch.float64)
        running = None
        for seed in range(3):
            x = drawn(6, 4, 2, 3, seed=seed)
            torch.nn.functional.batch_norm(torch.tensor(x), mean, var, training=True, momentum=0.2)
            _, cache = batchnorm_forward(x, ONES, ZEROS, train=True, momentum=0.8)
            running = batchnorm_running(running, cache)
        np.testing.assert_allclose(running["mean"], mean.numpy(), rtol=1e-12)
        n = 36  # they keep the unbiased variance; the start value 1 is the same in both
        ours = (running["var"] - 0.8**3) * n / (n - 1) + 0.8**3
        np.testing.assert_allclose(ours, var.numpy(), rtol=1e-12)


class TestTheObject:
    def test_a_training_forward_replaces_the_state(self):
        layer = BatchNorm(4, momentum=0.6)
        before = layer.state
        kept = copy.deepcopy(before)
        expected = None
        for seed in range(3):
            x = drawn(6, 4, seed=seed)
            layer.forward(x, train=True)
            _, cache = batchnorm_forward(x, ONES, ZEROS, train=True, momentum=0.6)
            expected = batchnorm_running(expected, cache)
        for name in ("mean", "var"):
            np.testing.assert_array_equal(layer.state[name], expected[name])
            np.testing.assert_array_equal(before[name], kept[name])  # replaced, not written

    def test_evaluation_uses_the_state_and_leaves_it(self):
        layer = BatchNorm(4)
        layer.forward(drawn(6, 4) + 3, train=True)
        state = layer.state
        out, _ = layer.forward(drawn(5, 4), train=False)
        assert layer.state is state
        again, _ = batchnorm_forward(drawn(5, 4), ONES, ZEROS, train=False, running=state)
        np.testing.assert_array_equal(out, again)
        one, _ = layer.forward(drawn(5, 4)[:1], train=False)  # no example depends on another
        np.testing.assert_allclose(out[:1], one)

    def test_the_state_survives_copies_and_dtypes(self):
        layer = BatchNorm(4)
        layer.forward(drawn(6, 4) + 3, train=True)
        for new in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            np.testing.assert_array_equal(new.state["mean"], layer.state["mean"])
        single = layer.astype(np.float32)
        assert single.state["var"].dtype == np.float32
        out, _ = single.forward(drawn(6, 4).astype(np.float32), train=False)
        assert out.dtype == np.float32
        assert BatchNorm(4, dtype=np.float32).state["mean"].dtype == np.float32

    def test_a_given_state_is_copied(self):
        running = {"mean": drawn(4), "var": np.ones(4)}
        layer = BatchNorm.of(ONES, ZEROS, running=running)
        running["mean"][:] = 7.0
        np.testing.assert_array_equal(layer.state["mean"], drawn(4))

    def test_a_failing_step_leaves_the_state(self):
        net = Sequential(Affine(3, 4, rng=0), BatchNorm(4), MatMul(5, 2))
        before = net.layers[1].state
        with pytest.raises(ValueError, match="matmul_forward"):
            net.forward(drawn(6, 3), train=True)
        assert net.layers[1].state is before
        np.testing.assert_array_equal(net.state["1.mean"], ZEROS)

    def test_a_net_trains_and_evaluates(self):
        net = Sequential(Affine(3, 4, rng=0), BatchNorm(4), ReLU(), Sum())
        net.loss(drawn(6, 3))
        assert net.state["1.mean"].any()
        state = net.layers[1].state
        net.scores(drawn(6, 3))
        assert net.layers[1].state is state


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("train", [True, False])
def test_the_gradient_checker_passes_it(seed, train):
    running = {"mean": drawn(4, seed=seed), "var": drawn(4, seed=seed) ** 2 + 0.1}
    gamma, beta = drawn(2, 4, seed=seed + 50)
    layer = BatchNorm.of(gamma, beta, running=running)
    for shape in ((5, 4), (3, 4, 2, 2)):
        report = check_gradients(layer, drawn(*shape, seed=seed + 100), train=train, seed=seed)
        assert report.ok, report
    assert layer.state["mean"] == pytest.approx(running["mean"])


def test_a_bias_before_it_has_no_gradient():
    # the mean takes any bias away: what is left is rounding, which a checker must not judge
    net = Sequential(Affine(3, 4, rng=0), BatchNorm(4), Softmax(), Square(), Sum())
    x = drawn(6, 3)
    out, cache = net.forward(x, train=True)
    _, grads = net.gradients(1.0, cache)
    assert np.abs(grads["0.b"]).max() < 1e-15
    assert np.abs(grads["0.w"]).max() > 1e-3
    assert check_gradients(net, x, train=True).ok


def test_dx_has_no_mean_and_no_part_along_xhat():
    # adding to a channel, or stretching it, changes nothing (but for eps)
    x, dout = drawn(6, 4, 2, 3), drawn(6, 4, 2, 3, seed=1)
    out, cache = batchnorm_forward(x, ONES, ZEROS, train=True, eps=1e-12)
    dx, _, _ = batchnorm_backward(dout, cache)
    np.testing.assert_allclose(dx.sum(axis=(0, 2, 3)), ZEROS, atol=1e-13)
    np.testing.assert_allclose((dx * out).sum(axis=(0, 2, 3)), ZEROS, atol=1e-10)


def test_a_batch_of_one_example():
    x, dout = drawn(1, 4), drawn(1, 4, seed=1)
    out, cache = batchnorm_forward(x, ONES, np.arange(4.0), train=True)
    np.testing.assert_array_equal(out[0], np.arange(4.0))
    dx, dgamma, dbeta = batchnorm_backward(dout, cache)
    np.testing.assert_array_equal(dx, np.zeros((1, 4)))
    np.testing.assert_array_equal(dgamma, ZEROS)
    np.testing.assert_array_equal(dbeta, dout[0])


@pytest.mark.parametrize("shape", [(0, 4, 2, 3), (6, 4, 0, 3)])
def test_nothing_in_evaluation(shape):
    x = np.zeros(shape)
    out, cache = batchnorm_forward(x, ONES, ZEROS, train=False)
    assert out.shape == x.shape
    dx, dgamma, dbeta = batchnorm_backward(out, cache)
    assert dx.shape == x.shape
    np.testing.assert_array_equal([dgamma, dbeta], np.zeros((2, 4)))


@pytest.mark.parametrize("shape", [(0, 4), (0, 4, 2, 3), (6, 4, 0, 3)])
def test_statistics_of_nothing(shape):
    message = (
        "batchnorm_forward: a batch of no numbers has no mean and no variance: got x {}; "
        "train=False uses the running statistics"
    )
    with pytest.raises(ValueError) as caught:
        batchnorm_forward(np.zeros(shape), ONES, ZEROS, train=True)
    assert str(caught.value) == message.format(shape)


def running(**changes):
    return {"mean": np.zeros(4), "var": np.ones(4)} | changes


X = np.zeros((6, 4))
FORWARD_ERRORS = [
    (
        {"train": None},
        "train is left out, but it matters here; train=True normalises by the batch's own "
        "statistics, train=False by the running ones",
    ),
    (
        {"train": "yes"},
        "train must be True or False, not 'yes'; train=True normalises by the batch's own "
        "statistics, train=False by the running ones",
    ),
    (
        {"x": np.zeros(4)},
        "x has 1 axes but a batch (N, C, ...) has at least 2: got x (4,), gamma (4,), beta (4,); "
        "x[None] makes a batch of one example",
    ),
    (
        {"gamma": np.ones((1, 4, 1, 1))},
        "x has 4 channels (its axis 1) but gamma has shape (1, 4, 1, 1): got x (6, 4), "
        "gamma (1, 4, 1, 1), beta (4,); gamma.reshape(4)",
    ),
    (
        {"beta": np.zeros(3)},
        "x has 4 channels (its axis 1) but beta has shape (3,): got x (6, 4), gamma (4,), "
        "beta (3,); beta must be (4,)",
    ),
    (
        {"x": np.zeros((6, 2, 3, 4))},
        "x has 2 channels (its axis 1) but gamma has shape (4,): got x (6, 2, 3, 4), gamma (4,), "
        "beta (4,); np.moveaxis(x, -1, 1) puts the channels first",
    ),
    ({"eps": 0.0}, "eps must be positive in float64, not 0.0; 1e-5 is usual"),
    ({"eps": -1}, "eps must be positive in float64, not -1; 1e-5 is usual"),
    ({"eps": np.inf}, "eps must be positive in float64, not inf; 1e-5 is usual"),
    ({"eps": np.nan}, "eps must be positive in float64, not nan; 1e-5 is usual"),
    ({"eps": "a"}, "eps must be a number, not 'a'"),
    ({"eps": True}, "eps must be a number, not True"),
    (
        {"momentum": 1.1},
        "momentum must be from 0 to 1, not 1.1; it is the weight of the old running statistics; "
        "0.9 is usual",
    ),
    (
        {"momentum": np.nan},
        "momentum must be from 0 to 1, not nan; it is the weight of the old running statistics; "
        "0.9 is usual",
    ),
    ({"momentum": None}, "momentum must be a number, not None"),
    (
        {"train": False, "running": (np.zeros(4), np.ones(4))},
        'running must be a dict with "mean" and "var", not tuple; None starts with mean 0 and '
        "variance 1",
    ),
    (
        {"train": False, "running": {"running_mean": np.zeros(4), "var": np.ones(4)}},
        "running must be a dict with \"mean\" and \"var\", not with ['running_mean', 'var']; "
        "None starts with mean 0 and variance 1",
    ),
    (
        {"train": False, "running": running(mean=np.zeros(3))},
        'running["mean"] must be (4,): a number for each channel: got running["mean"] (3,)',
    ),
    (
        {"train": False, "running": running(var=np.ones((1, 4)))},
        'running["var"] must be (4,): a number for each channel: got running["var"] (1, 4)',
    ),
    (
        {"train": False, "running": running(var=np.array([1.0, -2.0, 1.0, -3.0]))},
        'running["var"][1] = -2.0 is no variance',
    ),
    (
        {"train": False, "running": running(mean=np.zeros(4, np.float32))},
        'running["mean"] is float32 but x is float64: got x (6, 4) float64, running["mean"] (4,) '
        'float32, running["var"] (4,) float64; running["mean"].astype(np.float64) or '
        "x.astype(np.float32)",
    ),
    (
        {"train": False, "running": running(var=np.ones(4, int))},
        'running["var"] must be floating-point, not int64: got x (6, 4) float64, running["mean"] '
        '(4,) float64, running["var"] (4,) int64; running["var"].astype(float) makes it '
        "floating-point",
    ),
]


@pytest.mark.parametrize(("changes", "message"), FORWARD_ERRORS)
def test_errors_of_the_forward(changes, message):
    arguments = {"x": X, "gamma": ONES, "beta": ZEROS, "train": True} | changes
    with pytest.raises((TypeError, ValueError)) as caught:
        batchnorm_forward(**arguments)
    assert str(caught.value) == f"batchnorm_forward: {message}"


def test_eps_must_be_positive_in_the_dtype_of_x():
    single = np.zeros((6, 4), np.float32)
    with pytest.raises(ValueError, match="eps must be positive in float32, not 1e-60"):
        batchnorm_forward(single, single[0], single[0], train=True, eps=1e-60)
    batchnorm_forward(X, ONES, ZEROS, train=True, eps=1e-60)


def test_errors_of_the_update():
    _, cache = batchnorm_forward(X, ONES, ZEROS, train=True)
    _, evaluated = batchnorm_forward(X, ONES, ZEROS, train=False)
    errors = [
        (
            (None, evaluated),
            "the cache is of an evaluation, which takes no statistics of its batch; pass the "
            "cache of a forward with train=True",
        ),
        (
            (None, cache[:2]),
            "cache must be the tuple (x - μ, 1 / σ, γ / σ, batch) that batchnorm_forward "
            "returned, not a tuple ((6, 4), (4,)); pass the cache of the matching forward call",
        ),
        (
            (running(mean=np.zeros(5)), cache),
            'running["mean"] must be (4,): a number for each channel: got running["mean"] (5,)',
        ),
        (
            (None, cache, -0.1),
            "momentum must be from 0 to 1, not -0.1; it is the weight of the old running "
            "statistics; 0.9 is usual",
        ),
    ]
    for arguments, message in errors:
        with pytest.raises(ValueError) as caught:
            batchnorm_running(*arguments)
        assert str(caught.value) == f"batchnorm_running: {message}"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BatchNorm(0), "BatchNorm: channels must be a positive integer, not 0"),
        (lambda: BatchNorm(2.0), "BatchNorm: channels must be a positive integer, not 2.0"),
        (
            lambda: BatchNorm(4, eps=0.0),
            "BatchNorm: eps must be positive in float64, not 0.0; 1e-5 is usual",
        ),
        (
            lambda: BatchNorm(4, momentum=2),
            "BatchNorm: momentum must be from 0 to 1, not 2; it is the weight of the old running "
            "statistics; 0.9 is usual",
        ),
        (
            lambda: BatchNorm.of(ONES, np.zeros(3)),
            "BatchNorm.of: every array must have (C,): got gamma (4,), beta (3,)",
        ),
        (
            lambda: BatchNorm.of(np.ones((1, 4)), np.zeros((1, 4))),
            "BatchNorm.of: every array must have (C,): got gamma (1, 4), beta (1, 4)",
        ),
        (
            lambda: BatchNorm.of(ONES, ZEROS, running=running(var=-ONES)),
            'BatchNorm.of: running["var"][0] = -1.0 is no variance',
        ),
        (
            lambda: BatchNorm(4).forward(X),
            "batchnorm_forward: train is left out, but it matters here; train=True normalises by "
            "the batch's own statistics, train=False by the running ones",
        ),
        (lambda: BatchNorm(4).forward(), "BatchNorm: x is missing; call forward(x)"),
        (
            lambda: BatchNorm(4).forward(X, X),
            "BatchNorm: takes 1 input but got 2; call forward(x)",
        ),
    ],
)
def test_errors_of_the_object(make, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        make()
    assert str(caught.value) == message


def test_a_net_that_contains_one_must_be_told_too():
    net = Sequential(Affine(3, 4, rng=0), BatchNorm(4))
    with pytest.raises(TypeError, match="train is left out") as caught:
        net.forward(drawn(6, 3))
    assert caught.value.__notes__ == ["in Sequential, layer 1: BatchNorm(4)"]
