"""Residual and Parallel: branches that meet again, as layers like any other."""

import copy
import pickle

import numpy as np
import pytest

import nnlayers
from nnlayers import (
    Affine,
    Flatten,
    Layer,
    MatMul,
    Parallel,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    SoftmaxCrossEntropy,
    Square,
    Sum,
    Tanh,
    check_gradients,
)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


class Count(Layer):
    """Passes x on and counts the training forwards; fails on demand."""

    def __init__(self, fail=False):
        super().__init__(state={"calls": np.zeros(1)})
        self.fail = fail

    def forward(self, x, *, train=None, rng=None):
        if train:
            self.state = {"calls": self.state["calls"] + 1}
        if self.fail:
            raise RuntimeError("on demand")
        return x, (x,)

    def backward(self, dout, cache):
        if self.fail:
            raise RuntimeError("on demand")
        return dout


class Noise(Layer):
    """Multiplies by random numbers."""

    def forward(self, x, *, train=None, rng=None):
        factor = rng.standard_normal(x.shape)
        return x * factor, (factor,)

    def backward(self, dout, cache):
        return dout * cache[0]


# one of each form, with the plain functions of the children's outs that they must equal
def residual():
    return Residual(Affine(3, 5, rng=0), Tanh(), Affine(5, 3, rng=1))


def projected():
    return Residual(Affine(3, 5, rng=0), Tanh(), shortcut=MatMul(3, 5, rng=1))


def summed():
    return Parallel(
        Affine(3, 5, rng=0), MatMul(3, 5, rng=1), Sequential(MatMul(3, 5, rng=2), Tanh())
    )


def concatenated():
    return Parallel(MatMul(3, 4, rng=0), Tanh(), Affine(3, 2, rng=1), join="concatenate")


def along_axis_0():
    return Parallel(MatMul(3, 4, rng=0), MatMul(3, 4, rng=1), join="concatenate", axis=0)


def nested():
    inner = Residual(Affine(3, 3, rng=0), Tanh())
    return Residual(Parallel(inner, Sigmoid()), Affine(3, 3, rng=1))


def shared():
    layer = Affine(3, 3, rng=0)
    return Residual(layer, Tanh(), Parallel(layer, Square()), shortcut=layer)


NETS = [residual, projected, summed, concatenated, along_axis_0, nested, shared]
every_net = pytest.mark.parametrize("make", NETS, ids=lambda make: make.__name__)


@every_net
@pytest.mark.parametrize("train", [True, False])
def test_gradients_agree_with_differences(make, train):
    for seed in range(3):
        report = check_gradients(make(), drawn(4, 3, seed=seed), seed=seed, train=train)
        assert report.ok, report


def plain(layer, x):
    return layer.forward(x)[0]


def test_residual_adds_x():
    net, x = residual(), drawn(4, 3)
    f = plain(Sequential(*net.layers), x)
    np.testing.assert_array_equal(plain(net, x), f + x)


def test_a_shortcut_replaces_x():
    net, x = projected(), drawn(4, 3)
    f = plain(Sequential(*net.layers[:2]), x)
    np.testing.assert_array_equal(plain(net, x), f + plain(net.shortcut, x))


def test_parallel_sums_the_outs():
    net, x = summed(), drawn(4, 3)
    a, b, c = (plain(layer, x) for layer in net.layers)
    np.testing.assert_array_equal(plain(net, x), a + b + c)


@pytest.mark.parametrize(("make", "axis"), [(concatenated, 1), (along_axis_0, 0)])
def test_parallel_joins_the_outs_end_to_end(make, axis):
    net, x = make(), drawn(4, 3)
    outs = [plain(layer, x) for layer in net.layers]
    np.testing.assert_array_equal(plain(net, x), np.concatenate(outs, axis))


def test_a_branch_that_passes_x_on_leaves_it_as_it_was():
    x = drawn(4, 3)
    before = x.copy()
    for net in (Parallel(Flatten(), Flatten()), Residual(Flatten())):
        np.testing.assert_array_equal(plain(net, x), 2 * before)
        np.testing.assert_array_equal(x, before)


def test_one_branch_is_that_layer():
    x, layer = drawn(4, 3), Affine(3, 2, rng=0)
    for join in ("sum", "concatenate"):
        np.testing.assert_array_equal(plain(Parallel(layer, join=join), x), plain(layer, x))


def test_names_of_parameters():
    assert list(residual().params) == ["0.w", "0.b", "2.w", "2.b"]
    assert list(projected().params) == ["0.w", "0.b", "2.w"]
    assert list(summed().params) == ["0.w", "0.b", "1.w", "2.0.w"]
    assert list(nested().params) == ["0.0.0.w", "0.0.0.b", "1.w", "1.b"]
    assert list(shared().params) == ["0.w", "0.b"]


@every_net
def test_backward_follows_params(make):
    net = make()
    out, cache = net.forward(drawn(4, 3))
    dout = drawn(*out.shape, seed=1)
    dx, grads = net.gradients(dout, cache)
    assert list(grads) == list(net.params)
    for a, b in zip(net.backward(dout, cache), (dx, *grads.values()), strict=True):
        np.testing.assert_array_equal(a, b)
    for key, gradient in grads.items():
        assert gradient.shape == net.params[key].shape
    none, same = net.gradients(dout, cache, need_dx=False)
    assert none is None
    for key in grads:
        np.testing.assert_array_equal(grads[key], same[key])


@every_net
def test_nothing_is_written_to_and_results_belong_to_the_caller(make):
    net, x = make(), drawn(4, 3)
    x.flags.writeable = False
    for array in net.params.values():
        array.flags.writeable = False
    out, cache = net.forward(x)
    dout = drawn(*out.shape, seed=1)
    dout.flags.writeable = False
    gradients = net.backward(dout, cache)
    for i, gradient in enumerate(gradients):
        for other in (x, dout, out, *net.params.values(), *gradients[:i]):
            assert not np.shares_memory(gradient, other)


@every_net
def test_float32_stays_float32(make):
    net = make().astype(np.float32)
    out, cache = net.forward(drawn(4, 3).astype(np.float32))
    assert out.dtype == np.float32
    for gradient in net.backward(drawn(*out.shape, seed=1), cache):
        assert gradient.dtype == np.float32


@every_net
@pytest.mark.parametrize("N", [0, 1])
def test_small_batches(make, N):
    net = make()
    out, cache = net.forward(np.zeros((N, 3)))
    dx, *grads = net.backward(np.ones(out.shape), cache)
    assert dx.shape == (N, 3)
    assert [g.shape for g in grads] == [p.shape for p in net.params.values()]


@every_net
def test_copies_and_vectors(make):
    net, x = make(), drawn(4, 3)
    out = plain(net, x)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(plain(other, x), out)
        other.from_vector(np.zeros(other.to_vector().size))
        assert not np.array_equal(plain(other, x), out)  # it computes with its own arrays
    np.testing.assert_array_equal(plain(net, x), out)


@every_net
def test_repr_can_be_pasted_back(make):
    net = make()
    assert repr(eval(repr(net), {n: getattr(nnlayers, n) for n in nnlayers.__all__})) == repr(net)


def test_repr_shows_what_is_not_the_default():
    assert repr(projected()) == "Residual(Affine(3, 5), Tanh(), shortcut=MatMul(3, 5))"
    assert repr(Parallel(ReLU(), Tanh())) == "Parallel(ReLU(), Tanh())"
    joined = Parallel(ReLU(), Tanh(), join="concatenate", axis=0)
    assert repr(joined) == "Parallel(ReLU(), Tanh(), join='concatenate', axis=0)"


def test_a_dout_of_integers_or_lists_is_taken():
    for make in NETS:
        net = make()
        out, cache = net.forward(drawn(4, 3))
        dout = np.arange(out.size).reshape(out.shape)
        expected = net.backward(dout.astype(float), cache)
        for form in (dout, dout.tolist()):
            for a, b in zip(net.backward(form, cache), expected, strict=True):
                np.testing.assert_array_equal(a, b)


def test_they_stand_in_a_chain_with_a_loss():
    net = Sequential(residual(), concatenated(), SoftmaxCrossEntropy())
    x, y = drawn(4, 3), np.array([0, 8, 2, 4])
    assert check_gradients(net, x, y).ok
    loss, grads = net.loss(x, y)
    assert list(grads) == list(net.params)


def test_without_parameters():
    net, x = Residual(Square()), drawn(4, 3)
    out, cache = net.forward(x)
    np.testing.assert_array_equal(net.backward(np.ones((4, 3)), cache), 2 * x + 1)
    assert net.gradients(np.ones((4, 3)), cache, need_dx=False) == (None, {})


def test_randomness_is_drawn_in_the_order_of_the_layers():
    x = drawn(4, 3)
    rng = np.random.default_rng(5)
    a, b = (rng.standard_normal(x.shape) for _ in range(2))
    for net, out in (
        (Residual(Noise(), shortcut=Noise()), x * a + x * b),
        (Parallel(Noise(), Noise()), x * a + x * b),
        (Residual(Noise(), Noise()), x * a * b + x),
    ):
        np.testing.assert_array_equal(net.forward(x, rng=5)[0], out)
        np.testing.assert_array_equal(net.forward(x, rng=np.random.default_rng(5))[0], out)


def test_the_mode_reaches_every_layer():
    x = drawn(4, 3)
    for net in (Residual(Count(), Count(), shortcut=Count()), Parallel(Count(), Count(), Count())):
        net.forward(x, train=False)
        net.forward(x, train=True)
        assert list(net.state) == ["0.calls", "1.calls", "2.calls"]
        assert all(array == 1 for array in net.state.values())


@pytest.mark.parametrize(
    ("net", "error"),
    [
        (Residual(Count(), Count(fail=True)), RuntimeError),
        (Residual(Count(), shortcut=Count(fail=True)), RuntimeError),
        (Residual(Count(), MatMul(3, 2, rng=0)), ValueError),
        (Parallel(Count(), Count(fail=True)), RuntimeError),
        (Parallel(Count(), MatMul(3, 2, rng=0)), ValueError),
    ],
    ids=repr,
)
def test_a_failed_forward_leaves_the_state(net, error):
    with pytest.raises(error):
        net.forward(drawn(4, 3), train=True)
    assert all(array == 0 for array in net.state.values())


def notes(error):
    return getattr(error.value, "__notes__", [])


@pytest.mark.parametrize(
    ("net", "place"),
    [
        (Residual(ReLU(), Affine(2, 3, rng=0)), "in Residual, layer 1: Affine(2, 3)"),
        (Residual(ReLU(), shortcut=MatMul(2, 3, rng=0)), "in Residual, shortcut: MatMul(2, 3)"),
        (Parallel(ReLU(), Affine(2, 3, rng=0)), "in Parallel, layer 1: Affine(2, 3)"),
    ],
    ids=repr,
)
def test_an_error_says_where(net, place):
    with pytest.raises(ValueError, match="features|last axis") as error:
        net.forward(drawn(4, 3))
    assert notes(error) == [place]
    with pytest.raises(ValueError, match="features|last axis") as error:
        Sequential(Tanh(), net).forward(drawn(4, 3))
    assert notes(error) == [place, f"in Sequential, layer 1: {net!r}"]


@pytest.mark.parametrize(
    ("make", "place"),
    [
        (lambda c: Residual(Tanh(), c), "in Residual, layer 1: "),
        (lambda c: Residual(Tanh(), shortcut=c), "in Residual, shortcut: "),
        (lambda c: Parallel(Tanh(), c), "in Parallel, layer 1: "),
    ],
)
def test_an_error_of_backward_says_where(make, place):
    layer = Count()
    net = make(layer)
    out, cache = net.forward(drawn(4, 3))
    layer.fail = True
    with pytest.raises(RuntimeError) as error:
        net.backward(np.ones((4, 3)), cache)
    assert notes(error) == [place + repr(layer)]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: Residual(),
            ValueError,
            "Residual: there is nothing to add to x; name the layers of f",
        ),
        (lambda: Parallel(), ValueError, "Parallel: there is no branch; name the layers"),
        (
            lambda: Residual(ReLU(), Tanh),
            TypeError,
            "Residual: argument 1 is type, not a layer; "
            "call its class (ReLU(), not ReLU), or make one with Layer.from_pair",
        ),
        (
            lambda: Parallel(np.tanh),
            TypeError,
            "Parallel: argument 0 is ufunc, not a layer; "
            "call its class (ReLU(), not ReLU), or make one with Layer.from_pair",
        ),
        (
            lambda: Residual(ReLU(), Sum()),
            ValueError,
            "Residual: layer 1, Sum(), is a loss; "
            "a loss stands last in a Sequential, after the Residual",
        ),
        (
            lambda: Parallel(Sequential(ReLU(), Sum())),
            ValueError,
            "Parallel: layer 0, Sequential(ReLU(), Sum()), is a loss; "
            "a loss stands last in a Sequential, after the Parallel",
        ),
        (
            lambda: Parallel(ReLU(), join="mean"),
            ValueError,
            "Parallel: join must be one of 'sum', 'concatenate', not 'mean'",
        ),
        (
            lambda: Residual(MatMul(3, 1, rng=0)).forward(drawn(4, 3)),
            ValueError,
            "Residual: the layers give (4, 1), which does not add to x: got x (4, 3); "
            "shortcut= takes a layer that gives x the shape (4, 1)",
        ),
        (
            lambda: Residual(Tanh(), shortcut=MatMul(3, 1, rng=0)).forward(drawn(4, 3)),
            ValueError,
            "Residual: the layers give (4, 3) but the shortcut gives (4, 1): got x (4, 3)",
        ),
        (
            lambda: Parallel(ReLU(), MatMul(3, 1, rng=0)).forward(drawn(4, 3)),
            ValueError,
            "Parallel: the branches give (4, 3), (4, 1): got x (4, 3); "
            "only outs of one shape are summed",
        ),
        (
            lambda: Parallel(ReLU(), MatMul(3, 2, rng=0), join="concatenate", axis=0).forward(
                drawn(4, 3)
            ),
            ValueError,
            "Parallel: the branches give (4, 3), (4, 2): got x (4, 3); "
            "they may differ along axis 0 alone",
        ),
        (
            lambda: Parallel(ReLU(), Flatten(), join="concatenate").forward(drawn(4, 3, 2)),
            ValueError,
            "Parallel: the branches give (4, 3, 2), (4, 6): got x (4, 3, 2); "
            "they may differ along axis -1 alone",
        ),
        (
            lambda: Parallel(ReLU(), join="concatenate", axis=2).forward(drawn(4, 3)),
            ValueError,
            "Parallel: the branches give (4, 3): got x (4, 3); they may differ along axis 2 alone",
        ),
        (
            lambda: Residual(ReLU()).backward(np.ones((4, 3)), (np.ones(3),)),
            ValueError,
            "Residual.backward: cache must be the tuple (caches of the chain, cache of the "
            "shortcut) that Residual.forward returned, not a tuple ((3,)); "
            "pass the cache of the matching forward call",
        ),
        (
            lambda: Parallel(ReLU(), Tanh()).backward(np.ones((4, 3)), None),
            ValueError,
            "Parallel.backward: cache must be the tuple (shapes, caches) of 2 branches "
            "that Parallel.forward returned, not NoneType None; "
            "pass the cache of the matching forward call",
        ),
        (
            lambda: concatenated().backward(
                np.ones((4, 8)), concatenated().forward(drawn(4, 3))[1]
            ),
            ValueError,
            "Parallel.backward: dout must have the shape of forward's out, (4, 9): "
            "got dout (4, 8); pass the dout and the cache of the same forward call",
        ),
    ],
)
def test_messages(call, error, text):
    with pytest.raises(error) as found:
        call()
    assert str(found.value) == text


@pytest.mark.parametrize(
    "foreign", [(), (None, None), ((), ()), [((), None)], (((1,), (2,)), None, None)]
)
def test_a_foreign_cache_is_refused(foreign):
    with pytest.raises(ValueError, match="^Residual.backward: cache must be "):
        residual().backward(np.ones((4, 3)), foreign)
    with pytest.raises(ValueError, match="^Parallel.backward: cache must be "):
        summed().backward(np.ones((4, 5)), foreign)


def test_a_dout_of_the_wrong_shape_is_refused():
    for make in NETS:
        net = make()
        out, cache = net.forward(drawn(4, 3))
        with pytest.raises(ValueError, match="dout must have the shape of forward's out"):
            net.backward(np.ones((1, 1)), cache)


def test_dout_is_checked_where_the_layers_do_not():
    """A student's layer may take any dout; Residual then still refuses to broadcast."""
    cut = Layer.from_pair(lambda x: (x, (x,)), lambda dout, cache: cache[0])
    _, cache = Residual(cut).forward(drawn(4, 3))
    with pytest.raises(
        ValueError, match=r"^Residual.backward: dout must have the shape .* \(4, 3\)"
    ):
        Residual(cut).backward(np.ones((1, 3)), cache)
