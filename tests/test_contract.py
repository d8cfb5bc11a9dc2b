"""Every rule of the contract, run over every case of the table."""

import importlib
import inspect
import pkgutil
import re
import threading

import numpy as np
import pytest

import nnlayers
from cases import CASES
from contract import N, arguments_of, close, copies, freeze, gradient_rule, identical, outs
from nnlayers import layers
from nnlayers.layers.layer import PairLayer


def cases_where(condition):
    """Run a test over the cases to which its rule applies."""
    return pytest.mark.parametrize("case", [c for c in CASES if condition(c)], ids=str)


every_case = cases_where(lambda case: True)
with_object = cases_where(lambda case: case.layer)
with_parameters = cases_where(lambda case: case.parameters)


def run(case, seed=0, batch=N, dtype=np.float64):
    arguments = arguments_of(case, seed, batch, dtype)
    return arguments, *case.run(arguments, rng=np.random.default_rng(seed + 1))


@every_case
@pytest.mark.parametrize("seed", range(3))
def test_gradients_agree_with_differences(case, seed):
    gradient_rule(case, seed=seed)


@every_case
def test_out_equals_the_naive_reference(case):
    arguments = arguments_of(case)
    out, _ = case.forward(*arguments, **case.settings)
    close(out, case.reference(*arguments, **case.settings))


@cases_where(lambda case: case.torch)
@pytest.mark.oracle
def test_values_and_gradients_equal_pytorch(case):
    torch = pytest.importorskip("torch")
    arguments, out, dout, gradients = run(case)
    where = case.differentiable(arguments)
    tensors = [
        torch.tensor(a, requires_grad=i in where) if isinstance(a, np.ndarray) else a
        for i, a in enumerate(arguments)
    ]
    theirs = outs(case.torch(torch, *tensors))
    close(out, tuple(t.detach().numpy() for t in theirs))
    torch.autograd.backward(theirs, [torch.tensor(d) for d in outs(dout)])
    close(gradients, tuple(tensors[i].grad.numpy() for i in where))


@every_case
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_and_shapes_are_kept(case, dtype):
    arguments, out, _, gradients = run(case, dtype=dtype)
    assert all(o.dtype == dtype for o in outs(out))
    where = case.differentiable(arguments)
    assert [g.shape for g in gradients] == [arguments[i].shape for i in where]
    assert all(g.dtype == dtype for g in gradients)


@every_case
def test_float32_agrees_with_float64(case):
    _, out, dout, gradients = run(case)
    single = arguments_of(case, dtype=np.float32)
    new, _, new_gradients = case.run(single, dout)
    close(new, out, 1e-4)
    close(new_gradients, gradients, 1e-3)


@every_case
def test_nothing_is_written_to(case):
    arguments = arguments_of(case)
    before = [np.copy(a) for a in arguments]
    freeze(arguments)
    out, cache = case.forward(*arguments, **case.settings)
    dout = case.draw(out, np.random.default_rng(1))
    held = freeze([cache, dout])
    kept = [np.copy(array) for array in held]
    case.backward(dout, cache)
    identical(tuple(map(np.asarray, arguments)), tuple(before))
    identical(tuple(held), tuple(kept))


@every_case
def test_results_belong_to_the_caller(case):
    arguments = arguments_of(case)
    out, cache = case.forward(*arguments, **case.settings)
    dout = case.draw(out, np.random.default_rng(1))
    gradients = case.gradients(dout, cache)
    inputs = [a for a in arguments if isinstance(a, np.ndarray)]
    for i, gradient in enumerate(gradients):
        others = [*inputs, *gradients[:i], *outs(out)]
        if not case.passes_through:
            others += outs(dout)
        for other in others:
            assert not np.shares_memory(gradient, other)


@every_case
def test_the_same_call_gives_the_same_bits(case):
    arguments = arguments_of(case)
    out, cache = case.forward(*arguments, **case.settings)
    again, cache_again = case.forward(*arguments, **case.settings)
    identical(out, again)
    dout = case.draw(out, np.random.default_rng(1))
    first = case.gradients(dout, cache)
    identical(first, case.gradients(dout, cache))
    identical(first, case.gradients(dout, cache_again))


@every_case
def test_two_forwards_may_run_before_a_backward(case):
    a, b = arguments_of(case, 0), arguments_of(case, 7)
    out, cache_a = case.forward(*a, **case.settings)
    dout = case.draw(out, np.random.default_rng(1))
    alone = case.gradients(dout, cache_a)
    _, cache_a = case.forward(*a, **case.settings)
    _, cache_b = case.forward(*b, **case.settings)
    case.gradients(dout, cache_b)
    identical(alone, case.gradients(dout, cache_a))


@every_case
def test_threads_may_share_a_pair(case):
    all_arguments = [arguments_of(case, seed) for seed in range(4)]
    expected = [case.run(a, rng=np.random.default_rng(0)) for a in all_arguments]
    results = [None] * 4

    def work(i):
        for _ in range(20):
            results[i] = case.run(all_arguments[i], rng=np.random.default_rng(0))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result, wanted in zip(results, expected):
        identical(result[0], wanted[0])
        identical(result[2], wanted[2])


@every_case
def test_the_global_random_state_is_not_touched(case):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    run(case)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@every_case
@pytest.mark.parametrize("batch", [0, 1])
def test_small_batches(case, batch):
    case = case.of_rows(slice(batch))
    arguments = arguments_of(case, batch=batch)
    if batch == 0 and not case.empty:
        with pytest.raises(ValueError, match=f"^{case.forward.__name__}: "):
            case.forward(*arguments, **case.settings)
        return
    out, _, gradients = case.run(arguments, rng=np.random.default_rng(1))
    expected = case.reference(*arguments, **case.settings)
    assert [np.shape(o) for o in outs(out)] == [np.shape(e) for e in outs(expected)]
    where = case.differentiable(arguments)
    assert [g.shape for g in gradients] == [arguments[i].shape for i in where]
    assert all(np.isfinite(g).all() for g in gradients)


@cases_where(lambda case: case.per_example)
def test_a_batch_equals_its_examples_one_by_one(case):
    arguments, out, dout, gradients = run(case)
    where = case.differentiable(arguments)
    sums = [np.zeros_like(g) for g in gradients]
    for n in range(N):
        one = [a[n : n + 1] if i in case.batched else a for i, a in enumerate(arguments)]
        dout_n = tuple(d[n : n + 1] for d in outs(dout))
        dout_n = dout_n if isinstance(dout, tuple) else dout_n[0]
        out_n, _, gradients_n = case.of_rows(slice(n, n + 1)).run(one, dout_n)
        close(out_n, tuple(o[n : n + 1] for o in outs(out)))
        for k, i in enumerate(where):
            if i in case.batched:
                sums[k][n : n + 1] = gradients_n[k]
            else:
                sums[k] += gradients_n[k]
    close(gradients, tuple(sums))


def strided(array):
    """Return an equal array whose entries do not lie side by side."""
    wide = np.empty([2 * n for n in array.shape], array.dtype)
    view = wide[tuple(slice(None, None, 2) for _ in array.shape)]
    view[...] = array
    return view


LAYOUTS = {
    "strided": strided,
    "Fortran": np.asfortranarray,
    "reversed": lambda a: a[::-1].copy()[::-1],
    "channels last": lambda a: (
        np.ascontiguousarray(np.moveaxis(a, 1, -1)).transpose(0, a.ndim - 1, *range(1, a.ndim - 1))
        if a.ndim > 2
        else a
    ),
}


@every_case
@pytest.mark.parametrize("layout", LAYOUTS)
def test_memory_layout_does_not_matter(case, layout):
    arguments, out, dout, gradients = run(case)
    lay = LAYOUTS[layout]
    arranged = [lay(a) if isinstance(a, np.ndarray) and a.ndim else a for a in arguments]
    freeze(arranged)
    arranged_dout = tuple(lay(d) if np.ndim(d) else d for d in outs(dout))
    new, _, new_gradients = case.run(
        arranged, arranged_dout if isinstance(dout, tuple) else arranged_dout[0]
    )
    close(new, out)
    close(new_gradients, gradients)


@with_object
def test_the_object_equals_the_pair_to_the_bit(case):
    arguments, out, dout, gradients = run(case)
    inputs, parameters = split(case, arguments)
    layer = case.layer(*parameters)
    new, cache = layer.forward(*inputs, **layer_modes(case))
    identical(new, out)
    found = layer.backward(dout, cache)
    identical(found, gradients if len(gradients) > 1 else gradients[0])
    dx, by_name = layer.gradients(dout, cache)
    assert list(by_name) == list(layer.params)
    identical((*outs(dx), *by_name.values()) if dx is not None else (*by_name.values(),), gradients)
    none, same = layer.gradients(dout, cache, need_dx=False)
    assert none is None
    if by_name:
        identical(tuple(same.values()), tuple(by_name.values()))
    for copied in copies(layer):
        identical(copied.forward(*inputs, **layer_modes(case))[0], out)


def split(case, arguments):
    """Split forward's arguments into the inputs and the parameters of the layer object."""
    count = len(arguments) - case.parameters
    return arguments[:count], arguments[count:]


def layer_modes(case):
    return {k: v for k, v in case.settings.items() if k in ("train", "rng", "mask")}


@cases_where(lambda case: case.layer and case.parameters)
def test_parameters_of_an_object_are_copies(case):
    _, parameters = split(case, arguments_of(case))
    layer = case.layer(*parameters)
    for own, given in zip(layer.params.values(), parameters):
        identical(own, given)
        assert not np.shares_memory(own, given)


@with_object
def test_repr_can_be_pasted_back(case):
    layer = case.layer(*split(case, arguments_of(case))[1])
    names = vars(layers) | {"Sequential": nnlayers.Sequential, "np": np}
    again = eval(repr(layer), names)
    assert repr(again) == repr(layer)
    assert type(again) is type(layer)
    single = layer.astype(np.float32)
    again = eval(repr(single), names)
    assert [a.dtype for a in again.params.values()] == [a.dtype for a in single.params.values()]


@with_parameters
def test_need_dx_false_saves_dx_alone(case):
    arguments, _, dout, gradients = run(case)
    _, cache = case.forward(*arguments, **case.settings)
    rest = case.gradients(dout, cache, need_dx=False)
    inputs = len(gradients) - case.parameters
    assert all(gradient is None for gradient in rest[:inputs])
    identical(rest[inputs:], gradients[inputs:])


@every_case
def test_integers_are_refused(case):
    arguments = list(arguments_of(case))
    for i in case.differentiable(arguments):
        wrong = [a.astype(int) if j == i else a for j, a in enumerate(arguments)]
        with pytest.raises(TypeError, match=f"^{case.forward.__name__}: .*floating-point"):
            case.forward(*wrong, **case.settings)


@every_case
def test_mixed_dtypes_are_refused(case):
    arguments = list(arguments_of(case))
    where = case.differentiable(arguments)
    for i in where[1:]:
        wrong = [a.astype(np.float32) if j == i else a for j, a in enumerate(arguments)]
        with pytest.raises(TypeError, match=f"^{case.forward.__name__}: .*astype"):
            case.forward(*wrong, **case.settings)


@every_case
def test_dout_is_cast_to_the_dtype_of_out(case):
    arguments = arguments_of(case, dtype=np.float32)
    out, cache = case.call(arguments)
    dout = case.draw(out, np.random.default_rng(1))
    wider = tuple(np.asarray(d, np.float64) for d in outs(dout))
    identical(
        case.gradients(wider if isinstance(dout, tuple) else wider[0], cache),
        case.gradients(dout, cache),
    )
    lists = tuple(np.asarray(d).tolist() for d in outs(dout))
    identical(
        case.gradients(lists if isinstance(dout, tuple) else lists[0], cache),
        case.gradients(dout, cache),
    )


@every_case
def test_a_dout_of_the_wrong_shape_is_refused(case):
    arguments = arguments_of(case)
    out, cache = case.forward(*arguments, **case.settings)
    op = case.backward.__name__
    wrong = tuple(np.ones((*np.shape(o), 3)) for o in outs(out))
    with pytest.raises(ValueError, match=f"^{op}: dout must have the shape of forward's out"):
        case.backward(wrong if isinstance(out, tuple) else wrong[0], cache)
    with pytest.raises(TypeError, match=f"^{op}: dout must be an array of real numbers"):
        case.backward(tuple("?" for _ in wrong) if isinstance(out, tuple) else "?", cache)


@every_case
def test_a_foreign_cache_is_refused(case):
    arguments = arguments_of(case)
    out, cache = case.forward(*arguments, **case.settings)
    op, dout = case.backward.__name__, case.draw(out, np.random.default_rng(1))
    for foreign in (None, (), list(cache), (*cache, np.ones(3)), ("a",) * len(cache)):
        with pytest.raises(ValueError, match=f"^{op}: cache must be "):
            case.backward(dout, foreign)


@pytest.fixture(scope="module")
def one_cache_of_each_pair():
    first = {case.backward: case for case in reversed(CASES)}
    return {
        backward: case.forward(*arguments_of(case), **case.settings)[1]
        for backward, case in first.items()
    }


def form(cache):
    """Return of what kinds the entries of a cache are."""
    if isinstance(cache, tuple):
        return (type(cache), *map(form, cache))
    return "array" if isinstance(cache, np.ndarray | np.generic) else type(cache)


@every_case
def test_the_cache_of_another_pair_is_refused(case, one_cache_of_each_pair):
    """Unless it might be the pair's own: as many entries of the same kinds, of fitting shapes."""
    arguments = arguments_of(case)
    out, cache = case.forward(*arguments, **case.settings)
    dout = case.draw(out, np.random.default_rng(1))
    for backward, foreign in one_cache_of_each_pair.items():
        try:
            with np.errstate(all="ignore"):
                case.backward(dout, foreign)
        except ValueError as error:
            assert re.match(f"{case.backward.__name__}: (cache|dout) must ", str(error))
        else:
            assert form(foreign)[1:2] == form(cache)[1:2], backward.__name__
            assert len(foreign) == len(cache), backward.__name__


@every_case
def test_an_array_that_is_none_is_refused(case):
    arguments = list(arguments_of(case))
    for i in case.differentiable(arguments):
        if case.names[i] in ("b", "memory", "h0", "c0") and "step" not in case.name:
            continue  # these may be left out
        wrong = [None if j == i else a for j, a in enumerate(arguments)]
        with pytest.raises((TypeError, ValueError), match=f"^{case.forward.__name__}: "):
            case.forward(*wrong, **case.settings)


@every_case
def test_docstrings_say_what_they_must(case):
    for section in ("Parameters", "Returns", "Raises", "Source", "Examples"):
        assert f"{section}\n    ---" in inspect.getsource(case.forward), section
    assert case.backward.__doc__
    assert len(case.backward.__doc__.strip().splitlines()) >= 3


def test_the_table_is_complete():
    exported = {name for name in layers.__all__ if name.endswith(("_forward", "_backward"))}
    covered = {f.__name__ for case in CASES for f in (case.forward, case.backward)}
    assert exported == covered, sorted(exported ^ covered)
    classes = {
        name
        for name in layers.__all__
        if isinstance(getattr(layers, name), type) and issubclass(getattr(layers, name), PairLayer)
    }
    built = set()
    for case in CASES:
        if case.layer is not None:
            built.add(type(case.layer(*split(case, arguments_of(case))[1])).__name__)
    assert classes == built, sorted(classes ^ built)


def test_every_pair_is_exported():
    """Every pair in the modules of the layers; one that is not would not be missed in the table."""
    written = set()
    for module in pkgutil.iter_modules(layers.__path__, "nnlayers.layers."):
        functions = vars(importlib.import_module(module.name)).items()
        written |= {
            name.removesuffix("_forward")
            for name, function in functions
            if name.endswith("_forward") and not name.startswith("_") and callable(function)
        }
    exported = {name for name in layers.__all__ if name.endswith(("_forward", "_backward"))}
    assert exported == {f"{op}_{half}" for op in written for half in ("forward", "backward")}


def test_names_of_cases_are_distinct():
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
