"""Shapes and indices against NumPy's, on random examples: views, copies, chains of both, and assignment."""
import math

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from hypothesis.extra import numpy as hnp
from property_tools import REAL, SEEDS, equal, numbers, searched, shapes

import fastnet

pytestmark = pytest.mark.usefixtures("backend")


@st.composite
def shape_steps(draw, shape, masks):
    """One step of a chain: (a function of NumPy and of fastnet alike, how it reads)."""
    n = len(shape)
    size = math.prod(shape)
    dims = st.integers(0, n - 1)
    choices = ["reshape", "unsqueeze", "ravel"]
    if n:
        choices += ["permute", "basic", "squeeze", "flip"] + (["advanced"] if shape[0] else [])
        choices += ["mask"] * (masks and size > 0) + ["both"] * (n > 1 and 0 not in shape[:2])
    if n > 1:
        choices += ["transpose", "flatten"]
    if 1 in shape:
        choices += ["expand"]
    kind = draw(st.sampled_from(choices))
    if kind == "reshape":
        factors = draw(st.permutations([f for m in shape for f in _factors(m)])) if size else [*shape[::-1], 1]
        new = tuple(-1 if size and i == 0 and draw(st.booleans()) else f for i, f in enumerate(factors))
        return lambda x: x.reshape(new)
    if kind == "ravel":
        return lambda x: x.reshape(-1) if size else x.reshape(0)
    if kind == "unsqueeze":
        key = (slice(None),) * draw(st.integers(0, n)) + (None,)
        return lambda x: x[key] if n else x[None]
    if kind == "squeeze":
        ones = tuple(i for i, m in enumerate(shape) if m == 1)
        return lambda x: x.squeeze() if ones else x
    if kind == "permute":
        order = tuple(draw(st.permutations(range(n))))
        return lambda x: x.permute(*order) if isinstance(x, fastnet.Tensor) else x.transpose(order)
    if kind == "transpose":
        a, b = draw(dims), draw(dims)
        return lambda x: x.transpose(a, b) if isinstance(x, fastnet.Tensor) else x.swapaxes(a, b)
    if kind == "flatten":
        a, b = sorted((draw(dims), draw(dims)))
        new = (*shape[:a], math.prod(shape[a:b + 1]), *shape[b + 1:])
        return lambda x: x.flatten(a, b) if isinstance(x, fastnet.Tensor) else x.reshape(new)
    if kind == "expand":
        new = tuple(draw(st.integers(1, 3)) if m == 1 else m for m in shape)
        return lambda x: x.expand(*new) if isinstance(x, fastnet.Tensor) else np.broadcast_to(x, new)
    if kind == "flip":
        axes = tuple(draw(st.lists(dims, unique=True, min_size=1)))
        return lambda x: fastnet.flip(x, axes) if isinstance(x, fastnet.Tensor) else np.flip(x, axes)
    if kind == "basic":
        key = draw(hnp.basic_indices(shape, allow_newaxis=True, max_dims=6))
        parts = key if isinstance(key, tuple) else (key,)
        assume(all(not isinstance(k, slice) or k.step is None or k.step > 0 for k in parts))
        return lambda x: x[key]
    if kind == "mask":
        key = (np.random.default_rng(draw(SEEDS)).random(shape[:draw(st.integers(1, n))]) < 0.6,)
    else:
        key = (np.array(draw(st.lists(st.integers(-shape[0], shape[0] - 1), max_size=5)), np.int64),)
        if kind == "both":
            key += (np.array(draw(st.integers(-shape[1], shape[1] - 1)), np.int64),)
    tensors = tuple(map(fastnet.tensor, key))
    return lambda x: x[tensors if isinstance(x, fastnet.Tensor) else key]


def _factors(n):
    return next(([f, *_factors(n // f)] for f in range(2, n) if n % f == 0), [n])


@st.composite
def chains(draw, max_steps=5, masks=True):
    """(a shape, steps that can be made from it one after the other)."""
    shape = draw(shapes(max_side=4))
    probe = np.zeros(shape)
    steps = []
    for _ in range(draw(st.integers(1, max_steps))):
        step = draw(shape_steps(probe.shape, masks))
        probe = np.asarray(step(probe))
        if probe.ndim > 6 or probe.size > 2000:
            break
        steps.append(step)
    return shape, steps


def along(steps, x):
    for step in steps:
        x = step(x) if isinstance(x, fastnet.Tensor) else np.asarray(step(x))
    return x


@searched
@given(chain=chains(), dtype=REAL)
def test_chains_of_shapes_and_indices_are_numpys(chain, dtype):
    """The values are NumPy's; the gradient scatters the result's back to where each element came from."""
    shape, steps = chain
    source = np.arange(math.prod(shape)).reshape(shape)
    x = fastnet.tensor(source.astype(dtype), requires_grad=True)
    result, places = along(steps, x), along(steps, source)
    equal(result, places.astype(dtype))
    if not steps:
        return
    for g in (np.ones(result.shape, dtype), np.arange(result.numel(), dtype=dtype).reshape(result.shape)):
        x.grad = None
        result.backward(fastnet.tensor(g), retain_graph=True)
        expected = np.zeros(source.size, dtype)
        np.add.at(expected, places.reshape(-1), g.reshape(-1))
        equal(x.grad, expected.reshape(shape))


@searched
@given(chain=chains(masks=False))               # the values of a mask decide on a shape: that is not recorded
def test_recorded_chains_give_the_bits_of_eager_ones(chain):
    shape, steps = chain
    f = fastnet.compile(lambda x: along(steps, x * 2) + 1)
    for seed in range(3):
        x = fastnet.tensor(np.random.default_rng(seed).standard_normal(shape))
        equal(f(x), (along(steps, x * 2) + 1).numpy())
    assert len(f) == 1


@searched
@given(data=st.data(), shape=shapes(min_dims=1), dtype=REAL)
def test_split_and_cat_are_inverse(data, shape, dtype):
    x = data.draw(numbers(shape, dtype))
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    cuts = sorted(data.draw(st.lists(st.integers(0, shape[dim]), max_size=3)))
    sizes = [b - a for a, b in zip([0, *cuts], [*cuts, shape[dim]])]
    parts = fastnet.from_numpy(x).split(sizes, dim)
    for part, expected in zip(parts, np.split(x, cuts, dim), strict=True):
        equal(part, expected)
    equal(fastnet.cat(parts, dim), x)
    pieces = fastnet.from_numpy(x).unbind(dim)
    equal(fastnet.stack(pieces, dim), x)


@searched
@given(data=st.data(), shape=shapes(min_dims=1, min_side=2))
def test_assignment_by_index_is_numpys(data, shape):
    x = np.arange(math.prod(shape), dtype=np.float64).reshape(shape)
    key = data.draw(hnp.basic_indices(shape))
    parts = key if isinstance(key, tuple) else (key,)
    assume(all(not isinstance(k, slice) or k.step is None or k.step > 0 for k in parts))
    value = -1 - np.arange(x[key].size, dtype=np.float64).reshape(np.shape(x[key]))
    t = fastnet.tensor(x)
    t[key] = fastnet.tensor(value)
    x[key] = value
    equal(t, x)
