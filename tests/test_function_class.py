"""Functions: written by hand, made of a pair, made of a layer."""

import numpy as np
import pytest

import nnlayers.functions as F
from nnlayers import (
    GRU,
    LSTM,
    MSE,
    SGD,
    Affine,
    BatchNorm,
    Dropout,
    Embedding,
    Function,
    MultiHeadAttention,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    Tanh,
    Variable,
    affine_backward,
    affine_forward,
    batchnorm_running,
    mse_backward,
    mse_forward,
    no_grad,
    rnn_backward,
    rnn_forward,
)
from tape import drawn, message, variables

# ---- written by hand


class Scale(Function):
    """x · factor, where the factor is a number or a Variable; keeps what it is given."""

    def __init__(self, more=1.0):
        self.more = more

    def forward(self, x, factor):
        self.product = x * factor * self.more
        return self.product

    def backward(self, gy):
        x, factor = self.inputs
        gy = gy * self.more
        dfactor = F.sum_to(gy * x, factor.shape) if isinstance(factor, Variable) else None
        return F.sum_to(gy * factor, x.shape), dfactor


def test_inputs_may_be_numbers_arrays_and_variables():
    x, s = variables((3, 4), (4,))
    for factor in (2.0, 3, s.data, s):
        x.cleargrad()
        y = Scale(0.5)(x, factor)
        values = factor.data if isinstance(factor, Variable) else factor
        np.testing.assert_array_equal(y.data, x.data * values * 0.5)
        assert isinstance(y.creator.inputs[1], int | float | Variable)
        y.backward()
        np.testing.assert_array_equal(x.grad.data, np.broadcast_to(0.5 * values, (3, 4)))
    np.testing.assert_allclose(s.grad.data, 0.5 * x.data.sum(axis=0))


def test_an_instance_may_be_called_many_times():
    scale = Scale(2.0)
    x = Variable(np.array([1.0, 3.0]))
    a, b = scale(x, 2.0), scale(x * x, 5.0)
    assert not hasattr(scale, "product")  # each call is a node of its own
    assert scale.inputs is None
    assert a.creator is not b.creator
    (a + b).backward()  # 4 x + 10 x²
    np.testing.assert_array_equal(x.grad.data, 4 + 20 * x.data)
    a = scale(x, 2.0)
    a.retain_grad()
    again = a.creator(x, 3.0)  # a node may be called as well, and is copied
    x.cleargrad()
    again.backward()
    np.testing.assert_array_equal(x.grad.data, [6.0, 6.0])
    assert a.grad is None


class Roots(Function):
    """Both real roots of t² + p t + q, as a Function of two outputs."""

    def forward(self, p, q):
        root = np.sqrt(p * p / 4 - q)
        return -p / 2 - root, -p / 2 + root

    def backward(self, g_low, g_high):
        p, q = self.inputs
        low, high = self.outputs
        gap = high - low  # dt/dp = -t / (2 t + p), dt/dq = -1 / (2 t + p), and 2 t + p = ∓ gap
        return (g_low * low - g_high * high) / gap, (g_low - g_high) / gap


def test_several_outputs():
    p, q = Variable(np.array([-3.0, 1.0])), Variable(np.array([2.0, -6.0]))
    low, high = Roots()(p, q)
    np.testing.assert_allclose(low.data, [1.0, -3.0])
    np.testing.assert_allclose(high.data, [2.0, 2.0])
    ((low + high) * 3.0 + low * high).backward()  # -3 p + q
    np.testing.assert_allclose(p.grad.data, [-3.0, -3.0])
    np.testing.assert_allclose(q.grad.data, [1.0, 1.0])
    p.cleargrad()
    Roots()(p, q)[1].backward(create_graph=True)  # the other one gets zeros
    np.testing.assert_allclose(p.grad.data, -high.data / (high.data - low.data))
    dp = p.grad
    p.cleargrad()
    dp.backward()
    gap = high.data - low.data
    slope = p.data / gap  # of the gap, by p
    np.testing.assert_allclose(p.grad.data, (high.data / gap + high.data * slope / gap) / gap)


def test_retain_grad_of_one_of_several_outputs():
    p, q = Variable(np.array([-3.0])), Variable(np.array([2.0]))
    low, high = Roots()(p, q)
    low.retain_grad()
    high.retain_grad()
    (low * 5.0).backward()
    assert low.grad.data.tolist() == [5.0]
    assert high.grad.data.tolist() == [0.0]


def test_a_gradient_of_none_passes_nothing_on():
    class Detached(Function):
        def forward(self, x, w):
            return x * w

        def backward(self, gy):
            return None, gy * self.inputs[0]

    x, w = variables((3,), (3,))
    h = x * 2.0
    (Detached()(h, w) + w).backward()
    assert x.grad is None
    np.testing.assert_array_equal(w.grad.data, 2 * x.data + 1.0)


class Cube(Function):
    """x³, whose backward computes with arrays."""

    def forward(self, x):
        return x**3

    def backward(self, gy):
        return 3.0 * self.inputs[0].data ** 2 * gy.data


ONCE = (
    "Variable.backward: {} can be differentiated once, as its backward computes with arrays, but a "
    "second derivative goes through it; compose it of operators and functions that can be "
    "differentiated again (help(nnlayers.functions)), or write a Function whose backward computes "
    "with Variables"
)


def test_a_backward_of_arrays_is_differentiable_once():
    x = Variable(drawn(3))
    y = Cube()(x) + x * x
    y.backward(create_graph=True)
    np.testing.assert_allclose(x.grad.data, 3 * x.data**2 + 2 * x.data)
    dx = x.grad
    x.cleargrad()
    assert message(RuntimeError, dx.backward) == ONCE.format("Cube")
    assert message(RuntimeError, (dx * dx).sum().backward) == ONCE.format("Cube")
    assert x.grad is None


def test_a_new_variable_from_backward_counts_as_an_array():
    class Wrapped(Cube):
        def backward(self, gy):
            return Variable(super().backward(gy))

    x = Variable(drawn(3))
    Wrapped()(x).backward(create_graph=True)
    assert message(RuntimeError, x.grad.backward) == ONCE.format("Wrapped")
    x.cleargrad()
    Wrapped()(x).backward()
    assert not x.grad.requires_grad


def test_a_constant_gradient_cannot_be_differentiated():
    x = Variable(drawn(3))
    (x * 2.0).backward(create_graph=True)
    assert "needs no gradient" in message(RuntimeError, x.grad.backward)


def faulty(result):
    class Faulty(Function):
        def forward(self, x, w):
            return x * w

        def backward(self, gy):
            return result(gy)

    return Faulty()


def test_gradients_of_the_wrong_form():
    x, w = variables((2, 3), (3,))

    def text(error, result):
        y = faulty(result)(x, w)
        found = message(error, y.backward)
        assert x.grad is None
        assert w.grad is None
        return found

    assert text(ValueError, lambda gy: (gy, gy)) == (
        "Faulty.backward: the gradient of input 1 must have its shape, (3,): got input (3,), "
        "gradient (2, 3); F.sum_to(gradient, x.shape) sums over the axes along which x was "
        "broadcast"
    )
    assert text(TypeError, lambda gy: (gy.astype(np.float32), None)) == (
        "Faulty.backward: the gradient of input 0 must have its dtype, float64: got input (2, 3) "
        "float64, gradient (2, 3) float32; gradient.astype(np.float64)"
    )
    assert text(TypeError, lambda gy: [np.zeros((2, 3), int), None]).endswith(
        "gradient (2, 3) int64; gradient.astype(np.float64)"
    )
    assert text(ValueError, lambda gy: gy) == (
        "Faulty.backward: returned 1 gradients for 2 inputs; return one for each argument of "
        "forward, None for what has none"
    )


def test_forward_of_the_wrong_form():
    class Labels(Function):
        def forward(self, x):
            return x.argmax(axis=-1)

    x, w = Variable(drawn(2, 3)), Variable(drawn(3, 4, dtype=np.float32))
    assert message(TypeError, Labels(), x) == (
        "Labels.forward: must return floating-point arrays, not (2,) int64; what has no gradient, "
        "such as labels, is computed from x.data"
    )

    class Product(Function):
        def forward(self, a, W):
            return a @ W

    assert message(TypeError, Product(), x, w) == (
        "Product: W is float32 but a is float64: got a (2, 3) float64, W (3, 4) float32; "
        "W.astype(np.float64) or a.astype(np.float32)"
    )
    assert message(NotImplementedError, Function(), x) == "Function must define forward"
    y = Product()(x, drawn(3, 4))
    assert message(NotImplementedError, y.backward) == "Product must define backward"


# ---- made of a pair


def scale_forward(x, s, power=1):
    return x * s**power, (x, s, power)


def scale_backward(dout, cache):
    x, s, power = cache
    return dout * s**power, (dout * x * power * s ** (power - 1)).sum(axis=0)


def test_a_pair_in_one_line():
    scale = Function.from_pair(scale_forward, scale_backward)
    assert scale.__name__ == "scale"
    x, s = variables((3, 2), (2,))
    dout = drawn(3, 2, seed=5)
    for call, power in [
        (lambda: scale(x, s), 1),
        (lambda: scale(x, s=s), 1),
        (lambda: scale(s=s, x=x), 1),
        (lambda: scale(x, s, 2), 2),
        (lambda: scale(x, s, power=3), 3),
        (lambda: Function.from_pair(scale_forward, scale_backward, power=2)(x, s), 2),
        (lambda: Function.from_pair(scale_forward, scale_backward, power=2)(x, s, power=3), 3),
    ]:
        x.cleargrad()
        s.cleargrad()
        y = call()
        out, cache = scale_forward(x.data, s.data, power)
        np.testing.assert_array_equal(y.data, out)
        y.backward(dout)
        dx, ds = scale_backward(dout, cache)
        np.testing.assert_array_equal(x.grad.data, dx)
        np.testing.assert_array_equal(s.grad.data, ds)


def test_a_wrapped_pair_says_that_it_is_differentiable_once():
    x, s = variables((3, 2), (2,))
    y = Function.from_pair(scale_forward, scale_backward)(x, s)
    y.backward(create_graph=True)
    assert message(RuntimeError, s.grad.backward) == ONCE.format("scale")


def test_arrays_and_numbers_are_constants_for_a_pair():
    scale = Function.from_pair(scale_forward, scale_backward)
    x, s = variables((3, 2), (2,))
    scale(x, s.data).backward()
    np.testing.assert_array_equal(x.grad.data, np.broadcast_to(s.data, (3, 2)))
    scale(x.data.tolist(), s).backward()
    np.testing.assert_array_equal(s.grad.data, x.data.sum(axis=0))
    y = scale(x.data, s.data)
    assert not y.requires_grad
    with no_grad():
        assert not scale(x, s).requires_grad


def test_the_cache_of_a_pair_is_at_hand_until_backward():
    x = Variable(drawn(6, 3))
    y = F.batchnorm(x, np.ones(3), np.zeros(3), train=True)
    running = batchnorm_running(None, y.creator.cache)
    np.testing.assert_allclose(running["mean"], 0.1 * x.data.mean(axis=0))


def test_targets_get_no_gradient():
    x, t = Variable(drawn(4, 3)), drawn(4, 3, seed=1)
    for target in (t, Variable(t, requires_grad=False)):
        x.cleargrad()
        F.mse(x, target).backward()
        np.testing.assert_array_equal(x.grad.data, mse_backward(1.0, mse_forward(x.data, t)[1]))
    loss = F.mse(x, Variable(t))
    assert message(TypeError, loss.backward) == (
        "mse_forward: target gets no gradient, but it is a Variable that requires one: got target "
        "(4, 3) float64; target.data is a constant"
    )


def test_an_input_named_y_may_have_a_gradient():
    def product_forward(x, y):
        return x * y, (x, y)

    def product_backward(dout, cache):
        x, y = cache
        return dout * y, dout * x

    x, y = variables((3,), (3,))
    Function.from_pair(product_forward, product_backward)(x, y).backward()
    np.testing.assert_array_equal(y.grad.data, x.data)


def test_what_backward_need_not_compute():
    asked = []

    def spied(dout, cache, need_dx=True):
        asked.append(need_dx)
        return affine_backward(dout, cache, need_dx=need_dx)

    affine = Function.from_pair(affine_forward, spied)
    x, w, b = variables((4, 3), (3, 2), (2,))
    affine(x, w, b).backward()
    affine(x.data, w, b).backward()
    affine(x, w.data).backward()
    assert asked == [True, False, True]

    def rnn_spied(dout, cache, need_dx=True):
        asked.append(need_dx)
        return rnn_backward(dout, cache, need_dx=need_dx)

    x, h0, *weights = variables((4, 5, 3), (4, 2), (3, 2), (2, 2), (2,))
    rnn = Function.from_pair(rnn_forward, rnn_spied)
    del asked[:]
    rnn(x.data, None, *weights).backward()
    assert asked == [False]
    # without dx, the pair gives no dh0: it is asked again
    rnn(x.data, h0, *weights).backward()
    assert asked[1:] == [False, True]
    found = h0.grad.data
    h0.cleargrad()
    F.rnn(x, h0, *weights).backward()
    np.testing.assert_array_equal(found, h0.grad.data)


def test_mistakes_with_pairs():
    x, s = variables((3, 2), (2,))
    assert message(TypeError, Function.from_pair, scale_forward, scale_backward, slope=1) == (
        "Function.from_pair: scale_forward takes no argument 'slope'; it takes x, s, power"
    )
    only_out = Function.from_pair(lambda x: x * 2.0, scale_backward)
    assert message(TypeError, only_out, x) == (
        "<lambda>: must return the tuple (out, cache): got result (3, 2) float64"
    )
    one = Function.from_pair(scale_forward, lambda dout, cache: dout)
    assert message(ValueError, one(x, s).backward) == (
        "<lambda>: returned 1 gradients, but scale_forward was given 2 arrays: got x (3, 2), s "
        "(2,); each is to get one, in forward's order"
    )
    assert message(TypeError, F.affine, x, b=s) == (
        "affine_forward: missing a required argument: 'w'; it takes x, w, b"
    )
    assert message(TypeError, F.softmax_cross_entropy, x, [0, 1, 1], class_weights=s) == (
        "softmax_cross_entropy_forward: class_weights is a setting and gets no gradient, but it is "
        "a Variable: got class_weights (2,) float64; pass class_weights.data"
    )
    with pytest.raises(TypeError, match="unexpected keyword argument 'slop'"):
        F.leaky_relu(x, slop=0.1)
    with pytest.raises(ValueError, match="affine_forward: x has 2 features per example but w"):
        F.affine(x, np.ones((3, 4)))


def test_a_callable_without_a_name():
    class Doubled:
        def __call__(self, x):
            return x * 2.0, (x,)

        def __repr__(self):
            return "Doubled()"

    x = Variable(drawn(3))
    Function.from_pair(Doubled(), lambda dout, cache: dout * 2.0)(x).backward()
    np.testing.assert_array_equal(x.grad.data, np.full(3, 2.0))


# ---- made of a layer


def by_layer(layer, *inputs, dout, **settings):
    """Return out and the gradients of a layer by its own methods."""
    out, cache = layer.forward(*inputs, **settings)
    return out, *layer.gradients(dout, cache)


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (lambda: Affine(3, 2, rng=0), [(4, 3)]),
        (lambda: ReLU(), [(4, 3)]),
        (lambda: Sequential(Affine(3, 5, rng=0), ReLU(), Affine(5, 2, rng=1)), [(4, 3)]),
        (lambda: GRU(3, 2, rng=0), [(4, 5, 3)]),
        (lambda: GRU(3, 2, rng=0), [(4, 5, 3), (4, 2)]),
        (lambda: MultiHeadAttention(4, heads=2, rng=0), [(2, 5, 4), (2, 3, 4)]),
        (lambda: MSE(reduction="none"), [(4, 3), (4, 3)]),
    ],
)
def test_a_layer_as_a_function(layer, inputs):
    layer = layer()
    f = Function.from_layer(layer)
    xs = variables(*inputs)
    given = [xs[0], xs[1].data] if isinstance(layer, MSE) else xs
    y = f(*given)
    dout = drawn(*y.shape, seed=9)
    out, dx, grads = by_layer(layer, *(x.data for x in xs), dout=dout)
    np.testing.assert_array_equal(y.data, out)
    y.backward(dout)
    for x, d in zip(xs, dx if isinstance(dx, tuple) else (dx,)):
        np.testing.assert_array_equal(x.grad.data, d)
    assert list(f.params) == list(grads)
    for name, variable in f.params.items():
        assert variable.data is layer.params[name]
        np.testing.assert_array_equal(variable.grad.data, grads[name])


def test_a_layer_of_several_outputs():
    layer = LSTM(3, 2, rng=0, return_state=True)
    f = Function.from_layer(layer)
    x = Variable(drawn(4, 5, 3))
    h, c = f(x)
    douts = drawn(4, 5, 2, seed=1), drawn(4, 2, seed=2)
    _, dx, grads = by_layer(layer, x.data, dout=douts)
    ((h * douts[0]).sum() + (c * douts[1]).sum()).backward()
    np.testing.assert_array_equal(x.grad.data, dx)
    np.testing.assert_array_equal(f.params["wh"].grad.data, grads["wh"])


def test_a_layer_of_indices():
    f = Function.from_layer(Embedding.of(drawn(5, 3)))
    idx = np.array([[1, 1], [4, 0]])
    f(idx).backward()
    np.testing.assert_array_equal(f.params["w"].grad.data[:, 0], [1.0, 2.0, 0.0, 0.0, 1.0])


def test_a_layer_that_is_used_twice():
    layer = Affine(3, 3, rng=0)
    f = Function.from_layer(layer)
    x = Variable(drawn(4, 3))
    f(F.tanh(f(x))).sum().backward()
    net = Sequential(layer, Tanh(), layer)
    _, cache = net.forward(x.data)
    dx, grads = net.gradients(np.ones((4, 3)), cache)
    np.testing.assert_allclose(x.grad.data, dx, rtol=1e-14)
    np.testing.assert_allclose(f.params["w"].grad.data, grads["0.w"], rtol=1e-14)


def test_settings_and_state_of_a_layer():
    layer = BatchNorm(3)
    f = Function.from_layer(Sequential(layer, Dropout(drop=0.5)))
    x = Variable(drawn(6, 3))
    y = f(x, train=True, rng=0)
    assert (y.data == 0).any()
    assert layer.state["mean"].any()
    y.backward()
    with pytest.raises(TypeError, match="train is left out"):
        f(x)


def test_an_optimizer_trains_what_a_function_of_a_layer_uses():
    net = Sequential(Affine(2, 8, rng=0), ReLU(), Affine(8, 2, rng=1))
    f = Function.from_layer(net)
    x, y = drawn(64, 2), (drawn(64, 2).prod(axis=1) > 0).astype(int)
    optimizer = SGD(net, lr=0.5, momentum=0.9)
    losses = []
    for _ in range(100):
        loss = F.softmax_cross_entropy(f(x), y)
        for variable in f.params.values():
            variable.cleargrad()
        loss.backward()
        optimizer.step({name: variable.grad.data for name, variable in f.params.items()})
        losses.append(float(loss))
    assert losses[-1] < 0.1 * losses[0]


def test_replaced_parameters_of_a_layer_are_seen():
    layer = Affine(3, 2, rng=0)
    f = Function.from_layer(layer)
    x = Variable(drawn(4, 3))
    y = f(x)
    layer.params["w"] = drawn(3, 2, seed=3)
    z = f(x)
    np.testing.assert_array_equal(z.data, x.data @ layer.params["w"] + layer.params["b"])
    assert f.params["w"].data is layer.params["w"]
    z.backward()
    assert "assigned to" in message(RuntimeError, y.backward)


def test_mistakes_with_layers():
    assert message(TypeError, Function.from_layer, ReLU) == (
        "Function.from_layer: takes a layer, not <class 'nnlayers.layers.rectifiers.ReLU'>; "
        "from_pair takes pairs"
    )
    x, t = variables((4, 3), (4, 3))
    f = Function.from_layer(MSE())
    assert repr(f) == "Function.from_layer(MSE())"
    assert message(TypeError, f(x, t).backward) == (
        "MSE(): target gets no gradient, but it is a Variable that requires one: got target (4, 3) "
        "float64; target.data is a constant"
    )
    f = Function.from_layer(Dropout(drop=0.5))
    assert message(TypeError, f, x, train=True, mask=t).startswith(
        "Dropout(drop=0.5): mask is a setting and gets no gradient, but it is a Variable"
    )
    f = Function.from_layer(SoftmaxCrossEntropy())
    f(x, np.array([0, 1, 2, 0])).backward(create_graph=True)
    assert message(RuntimeError, x.grad.backward) == ONCE.format("SoftmaxCrossEntropy()")
    loss = f(x, np.array([0, 1, 2, 0]))
    loss.backward()
    assert "the graph was freed at a layer by" in message(RuntimeError, loss.backward)
