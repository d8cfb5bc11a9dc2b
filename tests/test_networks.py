"""Sequential, and the layer objects that it is made of."""

import copy
import functools
import pickle

import numpy as np
import pytest
from scipy.optimize import minimize

from nnlayers import (
    MSE,
    Affine,
    Flatten,
    Layer,
    MatMul,
    Mean,
    ReLU,
    Sequential,
    Sigmoid,
    SoftmaxCrossEntropy,
    Sum,
    Tanh,
    affine_backward,
    affine_forward,
    assert_gradients,
)

RNG = np.random.default_rng


def classifier():
    return Sequential(Affine(3, 4, rng=0), ReLU(), Affine(4, 2, rng=1), SoftmaxCrossEntropy())


def data(n=5):
    return RNG(0).normal(size=(n, 3)), RNG(1).integers(0, 2, n)


class Stateful(Layer):
    """Counts its training forwards in its state."""

    def __init__(self):
        super().__init__(state={"count": np.zeros(1)})

    def forward(self, x, *, train=None, rng=None):
        if train:
            self.state = {"count": self.state["count"] + 1}
        return x, (x,)

    def backward(self, dout, cache):
        return dout


class Noise(Layer):
    """Adds noise, so that the use of rng shows."""

    def forward(self, x, *, train=None, rng=None):
        return x + rng.normal(size=x.shape), (x,)

    def backward(self, dout, cache):
        return dout


class Failing(Layer):
    def forward(self, x, *, train=None, rng=None):
        raise RuntimeError("no")


class TestForwardAndBackward:
    def test_equals_its_layers_one_after_the_other(self):
        net, (x, y) = classifier(), data()
        first, _, last, loss_layer = net.layers
        a, c0 = first.forward(x)
        b = np.maximum(a, 0)
        c, c2 = last.forward(b)
        loss, c3 = loss_layer.forward(c, y)
        out, cache = net.forward(x, y)
        assert out == loss
        db, dw2, db2 = last.backward(loss_layer.backward(1.0, c3), c2)
        dx, dw0, db0 = first.backward(db * (a > 0), c0)
        for found, wanted in zip(net.backward(1.0, cache), (dx, dw0, db0, dw2, db2), strict=True):
            np.testing.assert_array_equal(found, wanted)

    def test_gradients_are_right(self):
        assert_gradients(classifier(), *data())

    def test_without_a_loss_and_without_params(self):
        net = Sequential(Flatten(), Tanh())
        x = RNG(0).normal(size=(2, 3, 2))
        out, cache = net.forward(x)
        dx = net.backward(np.ones((2, 6)), cache)
        assert dx.shape == x.shape
        assert net.gradients(out, cache, need_dx=False) == (None, {})
        assert not net.is_loss
        assert_gradients(net, x)

    def test_nested(self):
        x, y = data()
        flat = classifier()
        nested = Sequential(
            Sequential(flat.layers[0], ReLU()), Sequential(flat.layers[2], SoftmaxCrossEntropy())
        )
        assert list(nested.params) == ["0.0.w", "0.0.b", "1.0.w", "1.0.b"]
        assert nested.is_loss
        loss, grads = nested.loss(x, y)
        flat_loss, flat_grads = flat.loss(x, y)
        assert loss == flat_loss
        for a, b in zip(grads.values(), flat_grads.values(), strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(nested.scores(x), flat.scores(x))

    def test_loss_saves_the_gradient_of_x(self):
        class Spy(Affine):
            asked = []

            def gradients(self, dout, cache, need_dx=True):
                self.asked.append(need_dx)
                return super().gradients(dout, cache, need_dx)

        net = Sequential(Flatten(), Spy(3, 3, rng=0), Tanh(), Spy(3, 2, rng=0), Sum())
        x, _ = data()
        _, grads = net.loss(x)
        assert Spy.asked == [True, False]
        full = net.gradients(1.0, net.forward(x)[1])[1]
        for key in full:
            np.testing.assert_array_equal(grads[key], full[key])

    def test_scores_stop_before_the_loss(self):
        net, (x, _) = classifier(), data()
        assert net.scores(x).shape == (5, 2)
        np.testing.assert_array_equal(Sequential(Tanh()).scores(x), np.tanh(x))

    def test_a_generator_is_drawn_from_in_layer_order(self):
        net = Sequential(Noise(), Noise())
        x = np.zeros((2, 2))
        rng = RNG(3)
        wanted = rng.normal(size=(2, 2)) + rng.normal(size=(2, 2))
        np.testing.assert_array_equal(net.forward(x, rng=3)[0], wanted)
        np.testing.assert_array_equal(net.forward(x, rng=RNG(3))[0], wanted)
        np.testing.assert_array_equal(net.forward(x, rng=np.int64(3))[0], wanted)


class TestSharedLayers:
    def test_gradients_add_up_under_the_first_key(self):
        shared = MatMul(3, 3, rng=0)
        net = Sequential(shared, Tanh(), Sequential(shared), Sum())
        x, _ = data()
        assert list(net.params) == ["0.w"]
        assert_gradients(net, x)
        dx, dw = net.backward(1.0, net.forward(x)[1])
        assert dw.shape == (3, 3)

    def test_a_nested_net_in_two_places(self):
        inner = Sequential(Affine(3, 3, rng=0), Sigmoid())
        net = Sequential(inner, inner, Mean())
        assert list(net.params) == ["0.0.w", "0.0.b"]
        assert_gradients(net, data()[0])


class TestState:
    def test_training_replaces_it_and_evaluation_does_not(self):
        net = Sequential(Stateful(), Sum())
        net.loss(np.ones((1, 1)))
        net.scores(np.ones((1, 1)))
        assert net.state["0.count"] == 1
        assert list(net.state) == ["0.count"]

    def test_a_failing_forward_leaves_the_state_as_it_was(self):
        net = Sequential(Stateful(), Failing())
        with pytest.raises(RuntimeError):
            net.forward(np.ones((1, 1)), train=True)
        assert net.state["0.count"] == 0


class TestParams:
    def test_are_the_layers_own_arrays(self):
        net = classifier()
        assert list(net.params) == ["0.w", "0.b", "2.w", "2.b"]
        assert net.params["2.w"] is net.layers[2].params["w"]
        net.params["0.w"][...] = 0
        assert not net.layers[0].params["w"].any()
        new = np.ones((3, 4))
        net.layers[0].params["w"] = new
        assert net.params["0.w"] is new
        assert "<params {'0.w': (3, 4)" in repr(net.params)

    def test_cannot_be_assigned(self):
        with pytest.raises(TypeError) as error:
            classifier().params["0.w"] = np.ones((3, 4))
        assert str(error.value) == (
            "net.params: a net's arrays belong to its layers and are not assigned here; "
            "net.params['0.w'][...] = v writes into one, layer.params[\"w\"] = v replaces it"
        )

    def test_an_unknown_key_names_the_known_ones(self):
        with pytest.raises(KeyError, match="no params '1.w'; there are 0.w, 0.b, 2.w, 2.b"):
            classifier().params["1.w"]

    def test_vectors_serve_scipy(self):
        net, (x, y) = classifier(), data()

        def loss_at(vector):
            net.from_vector(vector)
            loss, grads = net.loss(x, y)
            return loss, np.concatenate([g.ravel() for g in grads.values()])

        start = net.to_vector()
        assert start.shape == (26,)
        found = minimize(loss_at, start, jac=True, method="L-BFGS-B")
        assert found.fun < 0.01
        net.from_vector(start)
        np.testing.assert_array_equal(net.to_vector(), start)

    def test_a_vector_of_the_wrong_length_changes_nothing(self):
        net = classifier()
        before = net.to_vector()
        with pytest.raises(ValueError) as error:
            net.from_vector(np.zeros(25))
        assert str(error.value) == (
            "Sequential.from_vector: the layer has 26 parameters, so the vector must be (26,): "
            "got vector (25,)"
        )
        np.testing.assert_array_equal(net.to_vector(), before)
        assert Tanh().to_vector().shape == (0,)

    def test_astype_returns_a_new_net(self):
        net = classifier()
        single = net.astype(np.float32)
        assert {a.dtype for a in single.params.values()} == {np.dtype(np.float32)}
        assert {a.dtype for a in net.params.values()} == {np.dtype(np.float64)}
        x, y = data()
        loss, grads = single.loss(x.astype(np.float32), y)
        assert loss.dtype == np.float32
        assert {g.dtype for g in grads.values()} == {np.dtype(np.float32)}


class TestCopies:
    def test_deepcopy_and_pickle_keep_sharing_inside(self):
        shared = Affine(3, 3, rng=0)
        net, (x, y) = Sequential(shared, Tanh(), shared, SoftmaxCrossEntropy()), data()
        for new in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
            assert new.layers[0] is new.layers[2]
            assert new.params["0.w"] is new.layers[0].params["w"]
            assert new.params["0.w"] is not net.params["0.w"]
            assert new.loss(x, y)[0] == net.loss(x, y)[0]
            assert repr(new) == repr(net)


class TestFromPair:
    def test_equals_the_library_s_own_layer(self):
        w, b = RNG(0).normal(size=(3, 4)), RNG(1).normal(size=4)
        ours = Affine.of(w, b)
        theirs = Layer.from_pair(affine_forward, affine_backward, w=w, b=b)
        x, _ = data()
        out, cache = ours.forward(x)
        np.testing.assert_array_equal(theirs.forward(x)[0], out)
        dx, grads = theirs.gradients(out, cache)
        assert list(grads) == ["w", "b"]
        np.testing.assert_array_equal(dx, ours.backward(out, cache)[0])
        assert theirs.gradients(out, cache, need_dx=False)[0] is None
        assert not np.shares_memory(theirs.params["w"], w)
        assert repr(theirs) == (
            "Layer.from_pair(affine_forward, affine_backward, w=np.zeros((3, 4)), b=np.zeros((4,)))"
        )

    def test_settings_train_and_rng(self):
        def forward(x, *, scale, train, rng=None):
            return x * scale if train else x, (scale, train)

        def backward(dout, cache):
            scale, train = cache
            return dout * scale if train else dout

        layer = Layer.from_pair(forward, backward, scale=3)
        assert layer.params == {}
        x = np.ones((1, 2))
        assert layer.forward(x, train=True)[0][0, 0] == 3
        assert layer.forward(x, train=False)[0][0, 0] == 1
        assert repr(layer) == "Layer.from_pair(forward, backward, scale=3)"

    def test_a_loss_at_the_end_of_a_net(self):
        def forward(pred, target):
            return ((pred - target) ** 2).sum(), (pred, target)

        def backward(dout, cache):
            pred, target = cache
            return 2 * (pred - target) * dout

        loss = Layer.from_pair(forward, backward, loss=True)
        net = Sequential(Affine(3, 2, rng=0), loss)
        assert net.is_loss
        assert_gradients(net, data()[0], RNG(2).normal(size=(5, 2)))

    def test_gradients_in_a_list_and_indices_as_input(self):
        def forward(indices, table):
            return table[indices], (indices, table)

        def backward(dout, cache):
            indices, table = cache
            dtable = np.zeros_like(table)
            np.add.at(dtable, indices, dout)
            return [dtable]

        layer = Layer.from_pair(forward, backward, table=RNG(0).normal(size=(4, 2)))
        out, cache = layer.forward(np.array([1, 1, 3]))
        dx, grads = layer.gradients(np.ones((3, 2)), cache)
        assert dx is None
        np.testing.assert_array_equal(grads["table"][1], [2, 2])

    def test_an_argument_that_forward_does_not_take(self):
        with pytest.raises(TypeError) as error:
            Layer.from_pair(affine_forward, affine_backward, weights=np.ones((2, 2)))
        assert str(error.value) == (
            "Layer.from_pair: affine_forward takes no argument 'weights'; it takes x, w, b"
        )

    def test_parameters_before_inputs(self):
        def forward(w, x):
            return x @ w, (x, w)

        with pytest.raises(TypeError) as error:
            Layer.from_pair(forward, lambda dout, cache: None, w=np.ones((2, 2)))
        assert str(error.value) == (
            "Layer.from_pair: forward takes the parameter 'w' before its inputs; the order is "
            "inputs, parameters, settings, and backward's gradients follow it"
        )

    def test_too_few_gradients(self):
        def backward(dout, cache):
            return dout

        layer = Layer.from_pair(affine_forward, backward, w=np.ones((3, 2)), b=np.ones(2))
        out, cache = layer.forward(data()[0])
        with pytest.raises(ValueError) as error:
            layer.gradients(out, cache)
        assert str(error.value) == (
            "Layer.from_pair(affine_forward, backward).backward: returned 1 gradient, "
            "(5, 2), but x, w (3, 2), b (2,) need one each; return (dx, *gradients of the "
            "parameters)"
        )

    def test_a_layer_of_one_s_own_without_a_repr(self):
        class Twice(Layer):
            def forward(self, x, *, train=None, rng=None):
                return 2.0 * x, ()

            def backward(self, dout, cache):
                return None

        assert repr(Twice()) == "Twice(...)"
        with pytest.raises(ValueError) as error:
            Twice({"w": np.ones(2)}).gradients(np.ones(2), ())
        assert str(error.value) == (
            "Twice.backward: returned 1 gradient, None, but x, w (2,) need one each; "
            "return (dx, *gradients of the parameters)"
        )

    def test_no_gradient_of_a_parameter(self):
        """As many gradients as parameters are theirs if x are indices, but they must fit."""

        def forward(x, s):
            return x * s, (x, s)

        def backward(dout, cache):
            return dout * cache[1]

        layer = Layer.from_pair(forward, backward, s=np.ones(3))
        out, cache = layer.forward(np.ones((2, 3)))
        with pytest.raises(ValueError) as error:
            layer.gradients(out, cache)
        assert str(error.value) == (
            "Layer.from_pair(forward, backward).backward: returned 1 gradient, (2, 3), "
            "but x, s (3,) need one each; return (dx, *gradients of the parameters)"
        )

    def test_a_function_without_a_name(self):
        pair = functools.partial(affine_forward), affine_backward
        layer = Layer.from_pair(*pair, w=np.ones((3, 2)))
        assert repr(layer) == "Layer.from_pair(partial, affine_backward, w=np.zeros((3, 2)))"
        with pytest.raises(TypeError) as error:
            layer.forward()
        assert str(error.value).startswith(
            "Layer.from_pair(partial, affine_backward): x is missing"
        )

    def test_other_errors_name_the_pair(self):
        layer = Layer.from_pair(affine_forward, affine_backward, w=np.ones((3, 2)), b=np.ones(2))
        for call, text in (
            (layer.forward, ": x is missing; call forward(x)"),
            (lambda: layer.forward(1, 2), ": takes 1 input but got 2; call forward(x)"),
            (
                lambda: layer.from_vector(np.ones(9)),
                ".from_vector: the layer has 8 parameters, so the vector must be (8,): "
                "got vector (9,)",
            ),
        ):
            with pytest.raises((TypeError, ValueError)) as error:
                call()
            assert str(error.value) == f"Layer.from_pair(affine_forward, affine_backward){text}"


class TestErrors:
    def check(self, call, error, text):
        with pytest.raises(error) as caught:
            call()
        assert str(caught.value) == text
        return getattr(caught.value, "__notes__", [])

    def test_an_empty_chain(self):
        self.check(
            Sequential,
            ValueError,
            "Sequential: an empty chain computes nothing; name its layers",
        )

    def test_a_class_instead_of_a_layer(self):
        self.check(
            lambda: Sequential(Tanh(), ReLU),
            TypeError,
            "Sequential: argument 1 is type, not a layer; call its class (ReLU(), not ReLU), or "
            "make one with Layer.from_pair",
        )

    def test_a_loss_in_the_middle(self):
        text = (
            "Sequential: the loss Sum() is layer 0 of 2; a loss is a scalar and can only be the "
            "last layer"
        )
        self.check(lambda: Sequential(Sum(), Tanh()), ValueError, text)
        nested = Sequential(Tanh(), Sum())
        text = text.replace("Sum()", "Sequential(Tanh(), Sum())")
        self.check(lambda: Sequential(nested, Tanh()), ValueError, text)
        Sequential(Sum(axis=1), Tanh())  # an ordinary layer

    def test_a_target_that_is_missing_or_too_much(self):
        net, (x, y) = classifier(), data()
        notes = self.check(
            lambda: net.loss(x),
            TypeError,
            "SoftmaxCrossEntropy: y is missing; call forward(scores, y, mask)",
        )
        assert notes == ["in Sequential, layer 3: SoftmaxCrossEntropy()"]
        self.check(
            lambda: Sequential(Tanh(), Sum()).loss(x, y),
            TypeError,
            "Sum: takes 1 input but got 2; this loss needs no target: call forward(x)",
        )
        self.check(
            lambda: Tanh().forward(),
            TypeError,
            "Tanh: x is missing; call forward(x)",
        )

    def test_an_error_inside_says_in_which_layer(self):
        net, (x, y) = classifier(), data()
        notes = self.check(
            lambda: net.forward(x[:, :2], y),
            ValueError,
            "affine_forward: x has 2 features per example but w takes 3: got x (5, 2), w (3, 4), "
            "b (4,); w must be (2, M)",
        )
        assert notes == ["in Sequential, layer 0: Affine(3, 4)"]
        _, cache = net.forward(x, y)
        notes = self.check(
            lambda: net.backward(np.ones(3), cache),
            ValueError,
            "softmax_cross_entropy_backward: dout must have the shape of forward's out, (): got "
            "dout (3,); pass the dout and the cache of the same forward call",
        )
        assert notes == ["in Sequential, layer 3: SoftmaxCrossEntropy()"]
        with pytest.raises(ValueError) as caught:
            net.scores(x[:, :2])
        assert caught.value.__notes__ == ["in Sequential, layer 0: Affine(3, 4)"]

    def test_a_cache_of_another_net(self):
        self.check(
            lambda: classifier().backward(1.0, (1, 2)),
            ValueError,
            "Sequential.backward: cache must be the tuple of 4 caches that Sequential.forward "
            "returned, not a tuple (1, 2); pass the cache of the matching forward call",
        )

    def test_loss_of_a_net_without_one(self):
        self.check(
            lambda: Sequential(Tanh()).loss(np.ones((1, 1))),
            ValueError,
            "Sequential.loss: the chain ends in Tanh(), which is no loss; end it in one, such as "
            "SoftmaxCrossEntropy()",
        )

    def test_loss_that_is_not_reduced(self):
        net = Sequential(Affine(3, 2, rng=0), MSE(reduction="none"))
        self.check(
            lambda: net.loss(np.ones((1, 3)), np.ones((1, 2))),
            ValueError,
            "Sequential.loss: the loss has shape (1, 2), but only a scalar can be minimised; use "
            'reduction="mean" or "sum"',
        )

    def test_a_layer_that_defines_nothing(self):
        with pytest.raises(NotImplementedError, match="Layer must define forward"):
            Layer().forward(np.ones(1))
        with pytest.raises(NotImplementedError, match="Layer must define backward"):
            Layer().backward(np.ones(1), ())
