"""Properties that hold for any input, by hypothesis: NumPy's results, exact gradients, bounds, round trips."""
import math

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from hypothesis.extra import numpy as hnp
from property_tools import REAL, SEEDS, equal, numbers, searched, shapes

import fastnet
from fastnet import nn
from fastnet.backend import K

pytestmark = pytest.mark.usefixtures("backend")


# ---- broadcasting ---------------------------------------------------------------------------------------------------

BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "maximum": np.maximum,
    "minimum": np.minimum, "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
    "ge": np.greater_equal}


@searched
@given(data=st.data(), fits=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=5, min_side=0, max_side=5),
       name=st.sampled_from(sorted(BINARY)), dtype=st.sampled_from([np.float32, np.float64, np.int64, np.int32]))
def test_binary_operations_broadcast_as_numpys(data, fits, name, dtype):
    assume(not (name == "div" and dtype in (np.int64, np.int32)))
    a, b = (data.draw(numbers(shape, dtype)) for shape in fits.input_shapes)
    with np.errstate(all="ignore"):
        expected = BINARY[name](a, b)
    equal(getattr(fastnet, name)(fastnet.from_numpy(a), fastnet.from_numpy(b)), np.asarray(expected))


@searched
@given(data=st.data(), fits=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, min_side=0, max_side=4))
def test_gradients_of_broadcasting_are_sums(data, fits):
    """Each operand's gradient is its own shape's: integers, so that the order of the sums does not matter."""
    a, b = (fastnet.tensor(np.round(data.draw(numbers(s, np.float64)) * 4), requires_grad=True)
            for s in fits.input_shapes)
    (a * b).backward(fastnet.ones(*fits.result_shape, dtype="float64") * 3)
    for x, y in ((a, b), (b, a)):
        full = np.broadcast_to(3 * y.detach().numpy(), fits.result_shape)
        extra = len(fits.result_shape) - x.ndim
        axes = (*range(extra), *(extra + i for i, n in enumerate(x.shape) if n == 1))
        equal(x.grad, full.sum(axes, keepdims=True).reshape(x.shape))


@searched
@given(data=st.data(), dtype=REAL,
       fits=hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=4, min_side=0, max_side=4))
def test_where_broadcasts_as_numpys(data, fits, dtype):
    condition, a, b = (data.draw(numbers(s, d)) for s, d in zip(fits.input_shapes, (np.bool_, dtype, dtype)))
    equal(fastnet.where(*map(fastnet.from_numpy, (condition, a, b))), np.where(condition, a, b))


@searched
@given(a=shapes(max_dims=3), b=shapes(max_dims=3))
def test_shapes_that_do_not_broadcast_are_named(a, b):
    try:
        shape = np.broadcast_shapes(a, b)
    except ValueError:
        with pytest.raises((RuntimeError, ValueError)) as error:
            fastnet.zeros(*a) + fastnet.zeros(*b)
        assert str(a) in str(error.value) and str(b) in str(error.value)
    else:
        assert (fastnet.zeros(*a) + fastnet.zeros(*b)).shape == shape


# ---- reductions -----------------------------------------------------------------------------------------------------

@st.composite
def dims_of(draw, ndim):
    """Some dimensions, counted from either end, in any order; or None for all."""
    if ndim == 0:
        return None
    chosen = draw(st.lists(st.integers(0, ndim - 1), unique=True, max_size=ndim))
    return tuple(d - draw(st.sampled_from([0, ndim])) for d in chosen) or None


REDUCTIONS = {
    "sum": np.sum, "mean": np.mean, "amax": np.max, "amin": np.min, "var": lambda x, **kw: np.var(x, ddof=1, **kw),
    "std": lambda x, **kw: np.std(x, ddof=1, **kw), "logsumexp": lambda x, **kw: np.log(np.sum(np.exp(x), **kw)),
    "norm": lambda x, **kw: np.sqrt(np.sum(x * x, **kw))}


@searched
@given(data=st.data(), shape=shapes(), name=st.sampled_from(sorted(REDUCTIONS)), keepdim=st.booleans())
def test_reductions_are_numpys(data, shape, name, keepdim):
    x = data.draw(numbers(shape, np.float64))
    dim = data.draw(dims_of(len(shape)))
    if dim is None and name == "logsumexp":
        dim = tuple(range(len(shape)))
        assume(dim)
    count = math.prod(shape if dim is None else [shape[d] for d in dim])
    assume(count > 1 or name not in ("var", "std"))         # of one value there is no variance
    expected = np.asarray(REDUCTIONS[name](x, axis=dim, keepdims=keepdim))
    got = getattr(fastnet, name)(fastnet.from_numpy(x), dim=dim, keepdim=keepdim)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12, atol=1e-13)


@searched
@given(data=st.data(), shape=shapes(min_side=0, max_side=4), keepdim=st.booleans())
def test_reductions_of_any_size_and_dtype(data, shape, keepdim):
    """Sums of nothing are 0, products 1; integers and booleans add up to int64."""
    dim = data.draw(dims_of(len(shape)))
    for dtype in (np.float64, np.int64, np.bool_, np.uint8):
        x = data.draw(numbers(shape, dtype))
        expected = np.asarray(np.sum(x, axis=dim, keepdims=keepdim, dtype=None if dtype == np.float64 else np.int64))
        got = fastnet.sum(fastnet.from_numpy(x), dim=dim, keepdim=keepdim)
        assert got.shape == expected.shape and got.dtype == expected.dtype
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-13, atol=1e-13)
        one = dim[0] if dim else None
        for name, f in (("any", np.any), ("all", np.all)):
            equal(getattr(fastnet, name)(fastnet.from_numpy(x), dim=one, keepdim=keepdim and one is not None),
                  np.asarray(f(x, axis=one, keepdims=keepdim and one is not None)))


@searched
@given(data=st.data(), shape=shapes(min_dims=1), keepdim=st.booleans(), dtype=REAL)
def test_argmax_and_softmax_are_numpys(data, shape, keepdim, dtype):
    x = data.draw(numbers(shape, dtype))
    if data.draw(st.booleans()):
        x = np.round(x)                                     # with equals, of which the first counts
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    t = fastnet.from_numpy(x)
    for name, f in (("argmax", np.argmax), ("argmin", np.argmin)):
        equal(getattr(fastnet, name)(t, dim=dim, keepdim=keepdim), f(x, axis=dim, keepdims=keepdim))
    values, indices = fastnet.max(t, dim, keepdim)
    equal(values, x.max(axis=dim, keepdims=keepdim))
    equal(indices, x.argmax(axis=dim, keepdims=keepdim))
    shifted = np.exp(x.astype(np.float64) - x.max(axis=dim, keepdims=True))
    expected = shifted / shifted.sum(axis=dim, keepdims=True)
    np.testing.assert_allclose(fastnet.softmax(t, dim).numpy(), expected, rtol=1e-5 if dtype == np.float32 else 1e-13)
    np.testing.assert_allclose(fastnet.log_softmax(t, dim).numpy(), np.log(expected),
                               rtol=1e-5 if dtype == np.float32 else 1e-12, atol=1e-6 if dtype == np.float32 else 1e-13)


@searched
@given(data=st.data(), shape=shapes())
def test_gradients_of_sums_and_maxima(data, shape):
    x = fastnet.tensor(data.draw(numbers(shape, np.float64)), requires_grad=True)
    dim = data.draw(dims_of(len(shape)))
    total = x.sum(dim=dim, keepdim=True)
    g = np.arange(1.0, total.numel() + 1).reshape(total.shape)
    total.backward(fastnet.tensor(g))
    equal(x.grad, np.broadcast_to(g, shape))
    x.grad = None
    top = x.amax(dim=dim, keepdim=True) if dim is not None else x.amax()
    top.sum().backward()
    mask = x.detach().numpy() == top.detach().numpy()
    equal(x.grad, mask.astype(np.float64))                  # normal numbers have no equals, so no gradient is shared


# ---- matmul ---------------------------------------------------------------------------------------------------------

@searched
@given(data=st.data(), m=st.integers(0, 40), k=st.integers(0, 40), n=st.integers(0, 40))
def test_matmul_is_numpys(data, m, k, n):
    """Any sizes and layouts, with the gradients of the textbook."""
    def operand(rows, columns):
        x = data.draw(numbers((rows, columns), np.float64))
        return data.draw(numbers((columns, rows), np.float64)).T if data.draw(st.booleans()) else x
    a, b = operand(m, k), operand(k, n)
    ours = [fastnet.from_numpy(x).requires_grad_() for x in (a, b)]
    result = ours[0] @ ours[1]
    np.testing.assert_allclose(result.detach().numpy(), a @ b, rtol=1e-12, atol=1e-12)
    assert result.shape == (m, n)
    g = np.random.default_rng(0).standard_normal((m, n))
    result.backward(fastnet.tensor(g))
    np.testing.assert_allclose(ours[0].grad.numpy(), g @ b.T, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(ours[1].grad.numpy(), a.T @ g, rtol=1e-12, atol=1e-12)


@searched
@given(data=st.data(),
       fits=hnp.mutually_broadcastable_shapes(signature="(m?,k),(k,n?)->(m?,n?)", max_dims=3, max_side=5))
def test_matmul_of_batches_and_vectors_is_numpys(data, fits):
    a, b = (data.draw(numbers(s, np.float64)) for s in fits.input_shapes)
    expected = np.asarray(np.matmul(a, b))
    x, y = (fastnet.from_numpy(v).requires_grad_() for v in (a, b))
    got = fastnet.matmul(x, y)
    assert got.shape == expected.shape == fits.result_shape
    np.testing.assert_allclose(got.detach().numpy(), expected, rtol=1e-12, atol=1e-13)
    got.sum().backward()
    moved = np.random.default_rng(1).standard_normal(a.shape)           # the sum is linear in each operand
    np.testing.assert_allclose((x.grad.numpy() * moved).sum(), np.matmul(moved, b).sum(), rtol=1e-11, atol=1e-11)
    moved = np.random.default_rng(2).standard_normal(b.shape)
    np.testing.assert_allclose((y.grad.numpy() * moved).sum(), np.matmul(a, moved).sum(), rtol=1e-11, atol=1e-11)


# ---- random draws ---------------------------------------------------------------------------------------------------

@searched
@given(dtype=REAL, seed=st.integers(0, 2**64 - 1), counter=st.integers(0, 2**64 - 1), n=st.integers(1, 300),
       a=st.floats(-2.0**100, 2.0**100, width=32), b=st.floats(-2.0**100, 2.0**100, width=32), close=st.booleans())
def test_uniform_draws_stay_within_their_bounds(dtype, seed, counter, n, a, b, close):
    """Also where low and high are neighbours and rounding would reach high."""
    low, high = sorted(map(dtype, (a, b)))
    if close:
        high = dtype(np.nextafter(np.nextafter(low, np.inf, dtype=dtype), np.inf, dtype=dtype))
    assume(low < high)
    out = np.full(n, np.nan, dtype)
    K.random_uniform(out, np.array([seed, counter], np.uint64), 0, float(low), float(high))
    assert (out >= low).all()
    assert (out < high).all()


@searched
@given(seed=st.integers(0, 2**63 - 1), shape=shapes(), low=st.integers(-2**62, 2**62), span=st.integers(1, 2**62))
def test_draws_follow_the_seed_and_its_state(seed, shape, low, span):
    def drawn():
        return [fastnet.rand(*shape).numpy(), fastnet.randint(low, low + span, shape).numpy(),
                fastnet.randn(*shape, dtype="float64").numpy()]
    fastnet.manual_seed(seed)
    drawn()
    state = fastnet.get_rng_state()
    first = drawn()
    fastnet.set_rng_state(state)
    for a, b in zip(first, drawn(), strict=True):
        assert a.shape == b.shape == shape and a.tobytes() == b.tobytes()
    assert (first[0] >= 0).all() and (first[0] < 1).all()
    assert (first[1] >= low).all() and (first[1] < low + span).all()
    assert np.isfinite(first[2]).all()


@searched
@given(n=st.integers(0, 200), seed=SEEDS)
def test_randperm_is_a_permutation(n, seed):
    fastnet.manual_seed(seed)
    assert sorted(fastnet.randperm(n).tolist()) == list(range(n))


# ---- models ---------------------------------------------------------------------------------------------------------

@st.composite
def models(draw):
    """(a function that makes a model of some layers, the width of its input)."""
    width = first = draw(st.integers(1, 6))
    plan = []
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["linear", "linear_without_bias", "batch_norm", "layer_norm", "relu", "nested"]))
        after = draw(st.integers(1, 6)) if kind.startswith(("linear", "nested")) else width
        plan.append((kind, width, after))
        width = after

    def layer(kind, m, n):
        if kind == "nested":
            return nn.ModuleDict({"a": nn.Sequential(nn.Linear(m, n), nn.BatchNorm1d(n))})["a"]
        return {"linear": lambda: nn.Linear(m, n), "linear_without_bias": lambda: nn.Linear(m, n, bias=False),
                "batch_norm": lambda: nn.BatchNorm1d(m), "layer_norm": lambda: nn.LayerNorm(m), "relu": nn.ReLU}[kind]()
    return (lambda: nn.Sequential(*(layer(*step) for step in plan))), first


@searched
@given(made=models(), seed=SEEDS, through=st.sampled_from(["tensors", "arrays"]))
def test_state_dicts_round_trip(made, seed, through):
    """A model that loads another's state is the other, in every bit; and none of its memory."""
    make, width = made
    fastnet.manual_seed(seed)
    one, other = make(), make()
    one(fastnet.randn(8, width))                            # moves the statistics of batch norm
    state = one.state_dict()
    if through == "arrays":
        state = {k: v.numpy().copy() for k, v in state.items()}
    missing, unexpected = other.load_state_dict(state)
    assert not missing and not unexpected
    again = other.state_dict()
    assert list(again) == list(state)
    for k, v in state.items():
        assert again[k].shape == v.shape and again[k].dtype == v.dtype
        assert again[k].numpy().tobytes() == np.asarray(v).tobytes()
        assert not np.shares_memory(again[k].numpy(), np.asarray(v)) or again[k].numel() == 0
    x = fastnet.randn(5, width)
    for mode in (False, True):
        assert one.train(mode)(x).detach().numpy().tobytes() == other.train(mode)(x).detach().numpy().tobytes()


# ---- cross-entropy --------------------------------------------------------------------------------------------------

@searched
@given(data=st.data(), n=st.integers(1, 12), c=st.integers(1, 9), weighted=st.booleans(), some_ignored=st.booleans(),
       smoothing=st.sampled_from([0.0, 0.1, 0.7, 1.0]), reduction=st.sampled_from(["mean", "sum", "none"]))
def test_cross_entropy_is_its_formula(data, n, c, weighted, some_ignored, smoothing, reduction):
    rng = np.random.default_rng(data.draw(SEEDS))
    x = data.draw(numbers((n, c), np.float64)) * data.draw(st.sampled_from([1.0, 30.0, 500.0]))
    y = rng.integers(0, c, n)
    weight = rng.random(c) + 0.1 if weighted else np.ones(c)
    counted = np.ones(n, bool)
    if some_ignored:
        counted = rng.random(n) < 0.7
        y = np.where(counted, y, -100)
    top = x.max(1, keepdims=True)
    log_p = x - top - np.log(np.exp(x - top).sum(1, keepdims=True))
    own = np.where(counted, y, 0)
    losses = -((1 - smoothing) * weight[own] * log_p[np.arange(n), own] + smoothing / c * (log_p * weight).sum(1))
    losses = np.where(counted, losses, 0)
    total = weight[own][counted].sum()
    with np.errstate(invalid="ignore"):
        expected = {"none": losses, "sum": losses.sum(), "mean": losses.sum() / np.float64(total)}[reduction]
    t = fastnet.tensor(x, requires_grad=True)
    got = nn.functional.cross_entropy(t, fastnet.tensor(y), weight=fastnet.tensor(weight) if weighted else None,
                                      label_smoothing=smoothing, reduction=reduction)
    np.testing.assert_allclose(got.detach().numpy(), expected, rtol=1e-11, atol=1e-11)
    if reduction != "mean" or total:
        got.sum().backward()
        target = np.full((n, c), smoothing / c) * weight
        target[np.arange(n), own] += (1 - smoothing) * weight[own]
        gradient = (np.exp(log_p) * target.sum(1, keepdims=True) - target) * counted[:, None]
        gradient /= total if reduction == "mean" else 1
        np.testing.assert_allclose(t.grad.numpy(), gradient, rtol=1e-10, atol=1e-12)


@searched
@given(n=st.integers(1, 8), c=st.integers(1, 8), seed=SEEDS)
def test_cross_entropy_of_indices_is_that_of_their_probabilities(n, c, seed):
    rng = np.random.default_rng(seed)
    x, y = fastnet.tensor(rng.standard_normal((n, c))), rng.integers(0, c, n)
    one_hot = np.zeros((n, c))
    one_hot[np.arange(n), y] = 1
    a = nn.functional.cross_entropy(x, fastnet.tensor(y), label_smoothing=0.2)
    b = nn.functional.cross_entropy(x, fastnet.tensor(one_hot), label_smoothing=0.2)
    np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)
