"""Other shapes and parts of arrays: special forms, views, objects and messages."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import nnlayers
from nnlayers import (
    Affine,
    Concatenate,
    Flatten,
    Pad,
    Reshape,
    Sequential,
    Slice,
    SoftmaxCrossEntropy,
    Transpose,
    check_gradients,
    concatenate_backward,
    concatenate_forward,
    flatten_backward,
    flatten_forward,
    pad_backward,
    pad_forward,
    reshape_backward,
    reshape_forward,
    slice_backward,
    slice_forward,
    transpose_backward,
    transpose_forward,
)

X = np.arange(24.0).reshape(2, 3, 4)


def undone(forward, backward, x, **settings):
    """Return out, and what backward makes of it: x again where every entry is used once."""
    out, cache = forward(x, **settings)
    return out, backward(out, cache)


@given(arrays.array_shapes(min_dims=0, max_dims=4, min_side=0), st.data())
def test_backward_puts_every_entry_back(shape, data):
    x = np.arange(float(np.prod(shape))).reshape(shape)
    axes = tuple(data.draw(st.permutations(range(x.ndim))))
    out, dx = undone(transpose_forward, transpose_backward, x, axes=axes)
    np.testing.assert_array_equal(out, np.transpose(x, axes))
    np.testing.assert_array_equal(dx, x)
    new = tuple(data.draw(st.permutations(shape)))
    out, dx = undone(reshape_forward, reshape_backward, x, shape=new)
    np.testing.assert_array_equal(out, x.reshape(new))
    np.testing.assert_array_equal(dx, x)
    widths = data.draw(st.lists(st.tuples(*[st.integers(0, 3)] * 2), max_size=x.ndim))
    out, dx = undone(pad_forward, pad_backward, x, pad=tuple(widths), value=-1)
    whole = [(0, 0)] * (x.ndim - len(widths)) + widths
    np.testing.assert_array_equal(out, np.pad(x, whole, constant_values=-1) if x.ndim else x)
    np.testing.assert_array_equal(dx, x)


INDICES = [
    0,
    -1,
    np.int64(1),
    np.s_[1:],
    np.s_[:, ::2],
    np.s_[:, -1],
    np.s_[..., 1],
    np.s_[..., ::-1],
    np.s_[:, None, 1:3],
    np.s_[1, 2, 3],
    np.s_[5:9],
    (),
    None,
    ...,
]


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_every_basic_index(index):
    out, cache = slice_forward(X, index=index)
    np.testing.assert_array_equal(out, X[index])
    dout = np.random.default_rng(0).standard_normal(out.shape)
    expected = np.zeros_like(X)
    expected[index] = dout
    np.testing.assert_array_equal(slice_backward(dout, cache), expected)
    pasted = eval(repr(Slice(index)), vars(nnlayers) | {"np": np})
    assert pasted.settings == {"index": index}
    for layer in (Slice(index), *copies(Slice(index)), pasted):
        np.testing.assert_array_equal(layer.forward(X)[0], out)


def copies(layer):
    return copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))


@pytest.mark.parametrize(
    ("x", "shape", "expected"),
    [
        (X, (-1,), (24,)),
        (X, (2, -1, 6), (2, 2, 6)),
        (X, (6, 4), (6, 4)),
        (X[:0], (-1, 3, 2, 2), (0, 3, 2, 2)),
        (X[:1, :1, :1], (), ()),
        (X[:0], (0,), (0,)),
    ],
)
def test_one_size_may_be_worked_out(x, shape, expected):
    out, dx = undone(reshape_forward, reshape_backward, x, shape=shape)
    assert out.shape == expected
    np.testing.assert_array_equal(dx, x)


def test_no_entry_is_copied_that_need_not_be():
    for forward, settings in (
        (flatten_forward, {}),
        (reshape_forward, {"shape": (4, 6)}),
        (transpose_forward, {"axes": (2, 0, 1)}),
        (transpose_forward, {}),
        (slice_forward, {"index": np.s_[:, 1]}),
    ):
        assert np.shares_memory(forward(X, **settings)[0], X)
    assert transpose_forward(X)[0].shape == (4, 3, 2)


def test_gradients_of_joined_arrays_share_nothing_with_each_other():
    out, cache = concatenate_forward(X, X[..., :2], X, axis=-1)
    gradients = concatenate_backward(out, cache)
    np.testing.assert_array_equal(gradients[1], X[..., :2])
    for i, a in enumerate(gradients):
        for b in gradients[:i]:
            assert not np.shares_memory(a, b)


def test_empty_parts_can_be_joined():
    out, cache = concatenate_forward(X[:, :0], X, X[:, :0], axis=1)
    np.testing.assert_array_equal(out, X)
    assert [g.shape for g in concatenate_backward(out, cache)] == [(2, 0, 4), (2, 3, 4), (2, 0, 4)]


def test_concatenate_as_a_layer_takes_any_number_of_inputs():
    layer = Concatenate(axis=1)
    for count in range(1, 5):
        out, cache = layer.forward(*[X] * count)
        assert out.shape == (2, 3 * count, 4)
        dx, grads = layer.gradients(out, cache)
        assert grads == {}
        for gradient in dx if count > 1 else (dx,):
            np.testing.assert_array_equal(gradient, X)
    assert check_gradients(layer, X, X[:, :1]).ok
    with pytest.raises(ValueError, match="^concatenate_forward: there is no array to concatenate"):
        layer.forward()


def test_they_stand_in_a_chain():
    net = Sequential(
        Reshape(-1, 1, 3, 4),
        Pad((1, 0), (2, 1), value=0.5),
        Transpose(0, 2, 3, 1),
        Slice(np.s_[:, 1:, 1:-1]),
        Flatten(),
        Affine(15, 5, rng=0),
        SoftmaxCrossEntropy(),
    )
    report = check_gradients(net, np.random.default_rng(0).standard_normal((4, 12)), [0, 4, 2, 1])
    assert report.ok, report


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (Flatten(), "Flatten()"),
        (Reshape(-1, np.int64(8)), "Reshape(-1, 8)"),
        (Transpose(0, 2, 1), "Transpose(0, 2, 1)"),
        (Slice(0), "Slice(0)"),
        (Slice(np.s_[:, 1:3]), "Slice(np.s_[:, 1:3])"),
        (Slice(np.s_[1:]), "Slice(np.s_[1:])"),
        (Slice(np.s_[np.int64(1) :, ::-1]), "Slice(np.s_[1:, ::-1])"),
        (Slice(np.s_[-3:-1:2, None]), "Slice(np.s_[-3:-1:2, None])"),
        (Slice((..., np.int32(1))), "Slice(np.s_[..., 1])"),
        (Slice((0,)), "Slice(np.s_[0,])"),
        (Slice(...), "Slice(np.s_[...])"),
        (Slice(None), "Slice(np.s_[None])"),
        (Slice(()), "Slice(np.s_[()])"),
        (Pad((1, 1), [2, 0]), "Pad((1, 1), (2, 0))"),
        (Pad((1, 1), value=2), "Pad((1, 1), value=2.0)"),
        (Concatenate(), "Concatenate()"),
        (Concatenate(axis=1), "Concatenate(axis=1)"),
    ],
    ids=repr,
)
def test_repr(layer, text):
    assert repr(layer) == text


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: flatten_forward(np.zeros(())),
            ValueError,
            "flatten_forward: x has no batch axis: got x (); x[None] adds it",
        ),
        (
            lambda: flatten_backward(X, flatten_forward(X)[1]),
            ValueError,
            "flatten_backward: dout must have the shape of forward's out, (2, 12): got dout "
            "(2, 3, 4); pass the dout and the cache of the same forward call",
        ),
        (
            lambda: reshape_forward(X, shape=(5, 5)),
            ValueError,
            "reshape_forward: x has 24 entries, which do not fill the shape (5, 5): "
            "got x (2, 3, 4); one size may be -1 and is worked out",
        ),
        (
            lambda: reshape_forward(X, shape=(-1, 5)),
            ValueError,
            "reshape_forward: x has 24 entries, which do not fill the shape (-1, 5): "
            "got x (2, 3, 4)",
        ),
        (
            lambda: reshape_forward(X, shape=(-1, -1)),
            ValueError,
            "reshape_forward: x has 24 entries, which do not fill the shape (-1, -1): "
            "got x (2, 3, 4)",
        ),
        (
            lambda: reshape_forward(X[:1, :1, :1], shape=(-1, -1)),
            ValueError,
            "reshape_forward: x has 1 entries, which do not fill the shape (-1, -1): "
            "got x (1, 1, 1)",
        ),
        (
            lambda: reshape_forward(X, shape=(-2, -12)),
            ValueError,
            "reshape_forward: x has 24 entries, which do not fill the shape (-2, -12): "
            "got x (2, 3, 4); one size may be -1 and is worked out",
        ),
        (
            lambda: reshape_forward(X[:0], shape=(-1, 0)),
            ValueError,
            "reshape_forward: x has 0 entries, which do not fill the shape (-1, 0): "
            "got x (0, 3, 4)",
        ),
        (
            lambda: reshape_forward(X, shape=24),
            TypeError,
            "reshape_forward: shape must be a tuple of integers, not 24",
        ),
        (
            lambda: Reshape(-1, 2.0),
            TypeError,
            "Reshape: shape must be a tuple of integers, not (-1, 2.0)",
        ),
        (
            lambda: transpose_forward(X, axes=(0, 1)),
            ValueError,
            "transpose_forward: axes (0, 1) must name each of the 3 axes of x once: "
            "got x (2, 3, 4)",
        ),
        (
            lambda: transpose_forward(X, axes=(0, 2, -1)),
            ValueError,
            "transpose_forward: axes (0, 2, -1) must name each of the 3 axes of x once: "
            "got x (2, 3, 4)",
        ),
        (
            lambda: Transpose((0, 1)),
            TypeError,
            "Transpose: axes must be a tuple of integers, not ((0, 1),)",
        ),
        (
            lambda: slice_forward(X, index=np.s_[:, 3]),
            ValueError,
            "slice_forward: index (slice(None, None, None), 3) does not fit x "
            "(index 3 is out of bounds for axis 1 with size 3): got x (2, 3, 4)",
        ),
        (
            lambda: slice_forward(X, index=(0, 0, 0, 0)),
            ValueError,
            "slice_forward: index (0, 0, 0, 0) does not fit x (too many indices for array: "
            "array is 3-dimensional, but 4 were indexed): got x (2, 3, 4)",
        ),
        (
            lambda: slice_forward(X, index=([0, 1], 1)),
            TypeError,
            "slice_forward: index has the part [0, 1], which is no integer, slice, ... or None; "
            "embedding_forward selects rows by an array of indices",
        ),
        (
            lambda: Slice(True),
            TypeError,
            "Slice: index has the part True, which is no integer, slice, ... or None; "
            "embedding_forward selects rows by an array of indices",
        ),
        (
            lambda: pad_forward(X, pad=((1, 1),) * 4),
            ValueError,
            "pad_forward: pad has 4 pairs but x 3 axes: got x (2, 3, 4)",
        ),
        (
            lambda: pad_forward(X, pad=((1, -1),)),
            ValueError,
            "pad_forward: pad ((1, -1),) has a negative width; slice_forward cuts",
        ),
        (
            lambda: pad_forward(X, pad=(1, 1)),
            TypeError,
            "pad_forward: pad must be pairs (before, after) of integers, not (1, 1)",
        ),
        (
            lambda: Pad((1, 1, 1)),
            TypeError,
            "Pad: pad must be pairs (before, after) of integers, not ((1, 1, 1),)",
        ),
        (
            lambda: concatenate_forward(),
            ValueError,
            "concatenate_forward: there is no array to concatenate",
        ),
        (
            lambda: concatenate_forward(X, X[:, :1]),
            ValueError,
            "concatenate_forward: the shapes must agree in all axes but axis 2: "
            "got x0 (2, 3, 4), x1 (2, 1, 4)",
        ),
        (
            lambda: concatenate_forward(X, X[0], axis=0),
            ValueError,
            "concatenate_forward: arrays of 2 and 3 axes have no common axis 0: "
            "got x0 (2, 3, 4), x1 (3, 4)",
        ),
        (
            lambda: concatenate_forward(X, X, axis=3),
            ValueError,
            "concatenate_forward: arrays of 3 axes have no common axis 3: "
            "got x0 (2, 3, 4), x1 (2, 3, 4)",
        ),
        (
            lambda: concatenate_forward(X, X.astype(np.float32)),
            TypeError,
            "concatenate_forward: x1 is float32 but x0 is float64: got x0 (2, 3, 4) float64, "
            "x1 (2, 3, 4) float32; x1.astype(np.float64) or x0.astype(np.float32)",
        ),
    ],
)
def test_messages(call, error, text):
    with pytest.raises(error) as found:
        call()
    assert str(found.value) == text
