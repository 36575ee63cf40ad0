"""Every public operation takes each tensor by position and by PyTorch's keyword, with the same result."""
import inspect
import pickle

import numpy as np
import pytest
from calls import ALL, CALLS, OF_NETWORKS, X, Y, made

import fastnet

RANDOM = {"bernoulli", "empty_like", "gumbel_softmax", "multinomial", "rand_like", "randint_like", "randn_like"}
# they take no tensors, or collect them, or give no tensor
NO_TENSORS = {"arange", "block_diag", "broadcast_shapes", "broadcast_tensors", "cartesian_prod", "chain_matmul",
              "einsum", "empty", "eye", "full", "linspace", "logspace", "meshgrid", "normal", "ones", "rand", "randint",
              "randn", "randperm", "range", "result_type", "sparse_coo_tensor", "tril_indices", "triu_indices",
              "zeros"}
BY_NUMBERS = {"atleast_1d", "atleast_2d", "atleast_3d", "flip", "permute", "reshape"}       # these collect: *dims
# PyTorch's parser wants other names than its documentation has, or none, or one more argument; its `conj` is lazy.
OTHER_THERE = {"broadcast_to", "conj", "dropout", "dsplit", "hsplit", "is_tensor", "one_hot", "swapaxes",
               "tensor_split", "vsplit"}


def _values(result):
    if isinstance(result, tuple | list):
        return [value for part in result for value in _values(part)]
    return [np.asarray(result)]


def _named(function, given):
    names = list(inspect.signature(function).parameters)[:len(given)]
    return dict(zip(names, given))


@pytest.mark.parametrize("place, name", ALL, ids=lambda v: v)
def test_tensors_by_position_and_by_keyword(place, name):
    ours = getattr(fastnet.nn.functional if place else fastnet, name)
    given = [made(fastnet, x) for x in (OF_NETWORKS if place else CALLS)[name]]
    named = _named(ours, given)
    tensors = {key: value for key, value in named.items() if isinstance(value, fastnet.Tensor | list)}
    assert tensors, "no tensor among the arguments"
    if name in BY_NUMBERS:
        pytest.skip("takes numbers without names")
    for result in (ours(**named), ours(**dict(reversed(named.items())))):
        for a, b in zip(_values(result), _values(ours(*given)), strict=True):
            assert a.dtype == b.dtype and a.shape == b.shape
            if name not in RANDOM:
                np.testing.assert_array_equal(a, b)


@pytest.mark.filterwarnings("ignore:reduction:UserWarning")     # of kl_div's mean
@pytest.mark.parametrize("place, name", ALL, ids=lambda v: v)
def test_keywords_are_pytorchs(place, name):
    torch = pytest.importorskip("torch")
    ours, theirs = (getattr(f.nn.functional if place else f, name, None) for f in (fastnet, torch))
    if theirs is None or name in BY_NUMBERS | OTHER_THERE:
        pytest.skip("PyTorch has no such function, or takes other names")
    given = (OF_NETWORKS if place else CALLS)[name]
    result = theirs(**_named(ours, [made(torch, x) for x in given]))
    mine = ours(**_named(ours, [made(fastnet, x) for x in given]))
    if name not in RANDOM:
        for a, b in zip(_values(mine), _values(result), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_the_table_has_every_operation():
    assert set(fastnet.functional.__all__) - set(CALLS) == NO_TENSORS
    public = {name for name in dir(fastnet.nn.functional)
              if callable(getattr(fastnet.nn.functional, name)) and not name.startswith("_")}
    assert public == set(OF_NETWORKS) == set(fastnet.nn.functional.__all__)


def test_numbers_beyond_float32_by_keyword():
    assert fastnet.eq(fastnet.tensor([2**24 + 1]), other=fastnet.tensor([2**24])).tolist() == [False]


def test_gradients_flow_to_keyword_arguments():
    x, y = (fastnet.tensor(a, requires_grad=True) for a in (X, Y))
    fastnet.sum(input=fastnet.logaddexp(x, other=y), keepdim=True).backward(fastnet.ones(1, 1))
    by_name = x.grad.tolist(), y.grad.tolist()
    x.grad = y.grad = None
    fastnet.sum(fastnet.logaddexp(x, y)).backward()
    assert (x.grad.tolist(), y.grad.tolist()) == by_name


@pytest.mark.parametrize("f", [fastnet.max, fastnet.min])
def test_the_second_tensor_of_max_by_name(f):
    x, y = fastnet.tensor(X), fastnet.tensor(Y)
    assert f(x, other=y).tolist() == f(x, y).tolist()
    with pytest.raises(TypeError, match="expected dim or other, got both"):
        f(x, 0, other=y)


def test_keywords_of_a_custom_operation():
    @fastnet.autograd.op
    def scaled(x, scale=2.0, *, shift=0.0):
        return x * scale + shift, (fastnet.autograd.gradient(np.multiply, scale), None)
    x = fastnet.tensor([1.0], requires_grad=True)
    y = scaled(shift=1.0, x=x)
    y.backward()
    assert y.item() == 3.0 and x.grad.item() == 2.0
    with pytest.raises(TypeError, match="scaled: expected shift not to be a tensor; only positional arguments"):
        scaled(x, shift=x)


@pytest.mark.parametrize("call, words", [
    (lambda x: fastnet.eq(other=x), "eq: missing a required argument: 'input'"),
    (lambda x: fastnet.eq(x, x, other=x), "eq: multiple values for argument 'other'"),
    (lambda x: fastnet.eq(input=x, other=None), "eq: expected other to be a tensor, got NoneType"),
    (lambda x: fastnet.gather(x, axis=0, index=None), "gather: expected index to be a tensor, got NoneType"),
    (lambda x: x.gather(axis=0, index=None), "gather: expected index to be a tensor, got NoneType"),
])
def test_errors_of_calls_by_keyword(call, words):
    with pytest.raises(TypeError, match=words):
        call(fastnet.ones(2))


@pytest.mark.parametrize("namespace", [fastnet.functional, fastnet.nn.functional], ids=lambda n: n.__name__)
def test_public_functions_survive_a_pickle(namespace):
    for name in namespace.__all__:
        function = getattr(namespace, name)
        assert not callable(function) or pickle.loads(pickle.dumps(function)) is function
