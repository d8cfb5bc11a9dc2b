"""The causal language model: equal to its parts in PyTorch; it learns and continues texts."""

import copy
import pickle

import numpy as np
import pytest

from nnlayers import (
    GPT,
    Adam,
    Embedding,
    Sequential,
    SoftmaxCrossEntropy,
    TemporalAffine,
    Unembedding,
    check_gradients,
    embedding_forward,
    layernorm_forward,
    positional_embedding_forward,
    sinusoidal_encoding_forward,
    temporal_affine_forward,
)

V, WIDTH, HEADS, CONTEXT = 11, 8, 2, 6
OPTIONS = [{}, {"tied": True}, {"positions": "sinusoidal"}, {"positions": "rotary", "tied": True}]


def net_of(rng=0, blocks=2, **options):
    """Make a model none of whose parameters is 0 or 1."""
    net = GPT(V, width=WIDTH, heads=HEADS, blocks=blocks, context=CONTEXT, rng=rng, **options)
    noise = np.random.default_rng(5)
    for array in net.params.values():
        array += (0.3 * noise.standard_normal(array.shape)).astype(array.dtype)
    return net


def tokens_of(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, V, shape)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_scores_are_those_of_the_parts(options):
    net, tokens = net_of(**options), tokens_of(3, 5)
    x, _ = embedding_forward(tokens, net.params["tokens.w"])
    if options.get("positions") == "sinusoidal":
        x, _ = sinusoidal_encoding_forward(x)
    elif options.get("positions") != "rotary":
        x, _ = positional_embedding_forward(x, net.params["positions.w"])
    *_, first, second, _, _ = net.layers
    for block in (first, second):
        x, _ = block.forward(x)
    x, _ = layernorm_forward(x, net.params["norm.gamma"], net.params["norm.beta"])
    if options.get("tied"):
        expected = x @ net.params["tokens.w"].T
    else:
        expected, _ = temporal_affine_forward(x, net.params["head.w"], net.params["head.b"])
    scores, _ = net.forward(tokens)
    assert scores.shape == (3, 5, V)
    np.testing.assert_allclose(scores, expected, atol=1e-12)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_checker_finds_nothing(options):
    report = check_gradients(net_of(**options), tokens_of(2, 4), train=True)
    assert report.ok, str(report)
    assert check_gradients(net_of(1, blocks=1, **options), tokens_of(3, 3), train=False).ok


@pytest.mark.oracle
@pytest.mark.parametrize("tied", [False, True])
def test_values_and_gradients_equal_pytorch(tied):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    net, tokens = net_of(tied=tied), tokens_of(3, 5)
    params = {name: torch.tensor(array, requires_grad=True) for name, array in net.params.items()}
    x = functional.embedding(torch.tensor(tokens), params["tokens.w"]) + params["positions.w"][:5]
    for i in range(2):
        p = {
            name.removeprefix(f"block{i}."): tensor
            for name, tensor in params.items()
            if name.startswith(f"block{i}.")
        }
        y = functional.layer_norm(x, (WIDTH,), p["norm1.gamma"], p["norm1.beta"])
        parts = (y @ p["attention.wqkv"] + p["attention.bqkv"]).split(WIDTH, dim=2)
        q, k, v = (part.view(3, 5, HEADS, WIDTH // HEADS).transpose(1, 2) for part in parts)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + y.transpose(1, 2).flatten(2) @ p["attention.wo"] + p["attention.bo"]
        y = functional.layer_norm(x, (WIDTH,), p["norm2.gamma"], p["norm2.beta"])
        y = functional.gelu(y @ p["feed_forward.w1"] + p["feed_forward.b1"], approximate="tanh")
        x = x + y @ p["feed_forward.w2"] + p["feed_forward.b2"]
    x = functional.layer_norm(x, (WIDTH,), params["norm.gamma"], params["norm.beta"])
    expected = x @ params["tokens.w"].T if tied else x @ params["head.w"] + params["head.b"]
    scores, cache = net.forward(tokens)
    np.testing.assert_allclose(scores, expected.detach().numpy(), atol=1e-12)
    dout = np.random.default_rng(1).standard_normal(scores.shape)
    expected.backward(torch.tensor(dout))
    dx, grads = net.gradients(dout, cache)
    assert dx is None
    assert list(grads) == list(net.params)
    for name, gradient in grads.items():
        np.testing.assert_allclose(gradient, params[name].grad.numpy(), atol=1e-11)


def test_names_of_the_parameters():
    net = net_of()
    names = list(net.params)
    assert names[:3] == ["tokens.w", "positions.w", "block0.norm1.gamma"]
    assert names[-4:] == ["norm.gamma", "norm.beta", "head.w", "head.b"]
    assert len(names) == 2 + 2 * 12 + 4
    assert list(net_of(tied=True).params) == names[:-2]
    assert "positions.w" not in net_of(positions="rotary").params
    assert "positions.w" not in net_of(positions="sinusoidal").params
    for positions in ("learned", "sinusoidal", "rotary"):
        block = net_of(blocks=1, positions=positions).layers[-3]
        assert block.layers[1].settings["rotary"] == (positions == "rotary")


def test_tied_weights_stay_one_array_in_copies():
    net, tokens = net_of(tied=True), tokens_of(2, 4)
    for copied in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), net.astype(np.float64)):
        np.testing.assert_array_equal(copied.forward(tokens)[0], net.forward(tokens)[0])
        head = copied.layers[-1].layers[0]
        assert head is copied.layers[0]
        assert head is not net.layers[0]
    assert net.to_vector().size == sum(array.size for array in net.params.values())


def test_an_unembedding_by_itself():
    embedding = Embedding.of(np.random.default_rng(0).standard_normal((V, WIDTH)))
    head, x = Unembedding(embedding), np.random.default_rng(1).standard_normal((2, 3, WIDTH))
    assert check_gradients(head, x).ok
    scores, cache = head.forward(x)
    np.testing.assert_allclose(scores, x @ embedding.params["w"].T, atol=1e-12)
    dx, grads = head.gradients(np.ones(scores.shape), cache)
    assert list(grads) == list(head.params) == ["0.w"]
    assert grads["0.w"].shape == (V, WIDTH)
    assert head.gradients(np.ones(scores.shape), cache, need_dx=False)[0] is None
    assert repr(head) == f"Unembedding(Embedding({V}, {WIDTH}))"


def test_the_first_loss_is_that_of_a_guess():
    net = GPT(50, width=32, heads=4, blocks=2, context=10, rng=0)
    tokens = np.random.default_rng(0).integers(0, 50, (8, 10))
    loss, _ = Sequential(net, SoftmaxCrossEntropy()).loss(tokens, tokens)
    assert loss == pytest.approx(np.log(50), rel=0.02)


def learnt(text, steps, **options):
    """Train a small model on one text, all of whose windows are one batch; return it."""
    alphabet, codes = np.unique(list(text), return_inverse=True)
    net = GPT(
        len(alphabet), width=32, heads=4, blocks=2, context=12, rng=0, dtype=np.float32, **options
    )
    windows = np.lib.stride_tricks.sliding_window_view(codes, 13)
    trained = Sequential(net, SoftmaxCrossEntropy())
    optimizer = Adam(trained, lr=3e-3)
    for _ in range(steps):
        _, grads = trained.loss(windows[:, :-1], windows[:, 1:])
        optimizer.step(grads)
    return net, codes


@pytest.mark.parametrize("options", [OPTIONS[0], OPTIONS[3]], ids=str)
def test_two_blocks_learn_a_text_by_heart(options):
    text = "she sells sea shells by the sea shore; the shells she sells are surely sea shells."
    net, codes = learnt(text, 200, **options)
    continued = net.generate(codes[None, :12], len(text) - 12, temperature=0)
    np.testing.assert_array_equal(continued[0], codes)


def test_generated_tokens_are_drawn_from_the_probabilities():
    net = net_of()
    begin = tokens_of(1, 3)
    scores = net.scores(begin)[0, -1]
    many = np.repeat(begin, 20_000, axis=0)
    for temperature in (1.0, 0.5):
        drawn = net.generate(many, 1, temperature=temperature, rng=0)
        assert drawn.shape == (20_000, 4)
        np.testing.assert_array_equal(drawn[:, :3], many)
        p = np.exp(scores / temperature) / np.exp(scores / temperature).sum()
        counts = np.bincount(drawn[:, 3], minlength=V)
        assert np.abs(counts / 20_000 - p).max() < 5 * np.sqrt(0.25 / 20_000)
    np.testing.assert_array_equal(
        net.generate(begin, 4, rng=3), net.generate(begin, 4, rng=np.random.default_rng(3))
    )


def test_a_temperature_of_zero_takes_the_likeliest_token():
    net, tokens = net_of(), tokens_of(2, 4)
    expected = tokens
    for _ in range(5):  # runs beyond the context, whose last tokens alone are seen then
        scores = net.scores(expected[:, -CONTEXT:])
        expected = np.concatenate((expected, scores[:, -1].argmax(axis=1)[:, None]), axis=1)
    np.testing.assert_array_equal(net.generate(tokens, 5, temperature=0), expected)
    np.testing.assert_array_equal(net.generate(tokens, 0), tokens)


@pytest.mark.parametrize(
    ("net", "text"),
    [
        (
            GPT(5, width=4, heads=2, blocks=1, context=3),
            "GPT(5, width=4, heads=2, blocks=1, context=3)",
        ),
        (
            GPT(5, width=4, heads=1, blocks=2, context=3, positions="rotary", tied=True),
            "GPT(5, width=4, heads=1, blocks=2, context=3, positions='rotary', tied=True)",
        ),
        (
            GPT(5, width=4, heads=1, blocks=1, context=3, dtype=np.float32),
            "GPT(5, width=4, heads=1, blocks=1, context=3, dtype='float32')",
        ),
    ],
)
def test_repr_can_be_pasted_back(net, text):
    assert repr(net) == text
    again = eval(text)
    assert repr(again) == text
    assert [a.shape for a in again.params.values()] == [a.shape for a in net.params.values()]
    assert [a.dtype for a in again.params.values()] == [a.dtype for a in net.params.values()]


def test_weights_are_drawn_from_the_seed():
    net, again = (
        GPT(5, width=4, heads=2, blocks=1, context=3, rng=rng)
        for rng in (0, np.random.default_rng(0))
    )
    np.testing.assert_array_equal(net.to_vector(), again.to_vector())


def test_an_error_inside_says_where():
    net = net_of()
    net.layers[2].layers[1].params["wo"] = np.zeros((3, 3))
    with pytest.raises(ValueError, match="multi_head_attention_forward: ") as caught:
        net.forward(tokens_of(2, 4))
    assert caught.value.__notes__ == ["in GPT, block0: TransformerBlock(8, heads=2)"]


def test_first_tokens_are_small_unless_sines_are_added_to_them():
    def spread(**options):
        net = GPT(200, width=40, heads=2, blocks=1, context=3, rng=0, **options)
        return {name: array.std() for name, array in net.params.items()}

    for options in (*OPTIONS[:2], OPTIONS[3], {"positions": "sinusoidal", "tied": True}):
        assert spread(**options)["tokens.w"] == pytest.approx(0.02, rel=0.05)
    assert spread()["positions.w"] == pytest.approx(0.02, rel=0.2)
    assert spread()["head.w"] == pytest.approx(0.02, rel=0.05)
    assert spread(positions="sinusoidal")["tokens.w"] == pytest.approx(1.0, rel=0.05)


def small(**changes):
    return GPT(**({"vocabulary": 5, "width": 4, "heads": 2, "blocks": 1, "context": 3} | changes))


ERRORS = [
    (lambda: small(vocabulary=0), "GPT: vocabulary must be a positive integer, not 0"),
    (lambda: small(width=0), "GPT: width must be a positive integer, not 0"),
    (lambda: small(blocks=0), "GPT: blocks must be a positive integer, not 0"),
    (lambda: small(context=-1), "GPT: context must be a positive integer, not -1"),
    (
        lambda: small(heads=3),
        "MultiHeadAttention: 3 heads do not divide the width 4; heads may be 1, 2, 4",
    ),
    (
        lambda: small(positions="none"),
        "GPT: positions must be one of 'learned', 'sinusoidal', 'rotary', not 'none'",
    ),
    (
        lambda: small().forward(tokens_of(2, 4)),
        "GPT: tokens must be (N, T) with at most 3 in a sequence, the context: got tokens (2, 4); "
        "tokens[:, -3:] keeps the last",
    ),
    (
        lambda: small(positions="rotary").forward(tokens_of(3)),
        "GPT: tokens must be (N, T) with at most 3 in a sequence, the context: got tokens (3,)",
    ),
    (
        lambda: small().forward(np.array([[0, 5]])),
        "embedding_forward: idx[0, 1] = 5 is no index of 5 rows: got idx (1, 2), w (5, 4); "
        "indices count from 0 to 4",
    ),
    (
        lambda: small().generate(np.zeros((2, 0), int), 3),
        "GPT.generate: tokens must be (N, T) with at least one in a sequence: got tokens (2, 0)",
    ),
    (
        lambda: small().generate(np.zeros(2, int), 3),
        "GPT.generate: tokens must be (N, T) with at least one in a sequence: got tokens (2,)",
    ),
    (
        lambda: small().generate(np.zeros((1, 2), int), 3, temperature=-1),
        "GPT.generate: temperature must not be negative, not -1",
    ),
]


@pytest.mark.parametrize(("call", "message"), ERRORS, ids=range(len(ERRORS)))
def test_errors_say_what_to_do(call, message):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == message


def test_an_unembedding_of_something_else():
    with pytest.raises(TypeError) as caught:
        Unembedding(TemporalAffine(3, 4))
    assert str(caught.value) == (
        "Unembedding: the layer must be an Embedding, not TemporalAffine(3, 4)"
    )


def test_a_model_is_a_layer_of_a_net():
    net = Sequential(net_of(blocks=1), TemporalAffine(V, 3, rng=0))
    assert check_gradients(net, tokens_of(2, 3)).ok
    assert list(net.params)[0] == "0.tokens.w"
