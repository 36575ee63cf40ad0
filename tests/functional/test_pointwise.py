"""Elementwise operations whose gradient is not needed call their kernel directly: the same results, the same errors."""
import operator

import numpy as np
import pytest

import fastnet
from fastnet import nn

F = nn.functional
X = np.random.default_rng(0).standard_normal((3, 4))
BINARY = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv, "pow": operator.pow,
          "lt": operator.lt, "ge": operator.ge, "eq": operator.eq}
UNARY = {
    "exp": fastnet.exp, "abs": fastnet.abs, "neg": operator.neg, "floor": fastnet.floor, "sign": fastnet.sign,
    "square": fastnet.square, "isnan": fastnet.isnan, "relu": fastnet.relu, "tanh": fastnet.tanh, "gelu": F.gelu,
    "elu": lambda x: F.elu(x, 0.5), "leaky_relu": F.leaky_relu, "softplus": F.softplus,
    "clamp": lambda x: x.clamp(-0.5, 0.5), "silu": F.silu, "log2": fastnet.log2}


def short_and_long(function, *arrays):
    """The results of a call without gradients, and of one whose first tensor needs a gradient."""
    tensors = [fastnet.tensor(a) if isinstance(a, np.ndarray) else a for a in arrays]
    followed = [t.detach().requires_grad_() if isinstance(t, fastnet.Tensor) and t.is_floating_point() else t
                for t in tensors]
    return function(*tensors), function(*followed).detach()


def assert_same(short, long):
    assert short.dtype == long.dtype and short.shape == long.shape
    assert np.array_equal(short.numpy(), long.numpy(), equal_nan=True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", UNARY)
def test_one_operand(name, dtype):
    for x in (X.astype(dtype), np.zeros((0, 2), dtype), np.array(2.0, dtype), X.astype(dtype).T):
        assert_same(*short_and_long(UNARY[name], x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", BINARY)
def test_two_operands(name, dtype):
    x, function = np.abs(X).astype(dtype), BINARY[name]
    for y in (x[::-1].copy(), x[0], x[:, :1].copy(), np.array(1.5, dtype), 2, -0.5, 10**20, float("inf"),
              x.astype("float64"), np.arange(4), np.array(2), x[:, ::-1]):
        assert_same(*short_and_long(function, x, y))
        assert_same(*short_and_long(lambda a, b: function(b, a), x, y))


def test_other_dtypes_take_the_long_way():
    integers = fastnet.tensor([1, 2, 3])
    assert (integers + 1).dtype == fastnet.int64 and (integers + 0.5).dtype == fastnet.float32
    assert (integers / 2).tolist() == [0.5, 1.0, 1.5] and (integers > 1).tolist() == [False, True, True]
    assert (fastnet.ones(2, dtype="float16") + 1).dtype == fastnet.float16
    assert (fastnet.ones(2) + 1j).dtype == fastnet.complex64


def test_errors_are_those_of_the_operation():
    x = fastnet.ones(2, 3)
    with pytest.raises(RuntimeError, match=r"shapes \(2, 3\) and \(2,\) do not broadcast"):
        x + fastnet.ones(2)
    for call in (lambda: fastnet.gt(2.0, x), lambda: fastnet.maximum(x, 2.0), lambda: x + "a", lambda: x.exp(3),
                 lambda: fastnet.relu(x, x)):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(OverflowError):
        x + 10**400


def test_a_channels_last_operand_keeps_its_layout():
    x = fastnet.ones(2, 3, 4, 5).contiguous(memory_format=fastnet.channels_last)
    for y in (x.relu(), x + x, x * 2):
        assert y.is_contiguous(fastnet.channels_last)


@pytest.mark.parametrize("backend", ["compiled", "numpy"])
def test_the_backend_in_use_computes(backend):
    if backend == "compiled" and not fastnet.backend.compiled_available:
        pytest.skip("the kernels are not built")
    with fastnet.use_backend(backend):
        assert (fastnet.ones(2) + 1).exp().tolist() == pytest.approx([np.exp(2)] * 2, rel=1e-6)


# ---- in place -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, other", [
    ("add_", X[0]), ("sub_", 2.0), ("mul_", X), ("div_", 3), ("exp_", None), ("relu_", None), ("add_", X.T.copy().T)])
def test_writes_in_place_have_the_bits_of_the_plain_form(name, other):
    given = () if other is None else (fastnet.tensor(other) if isinstance(other, np.ndarray) else other,)
    x = fastnet.tensor(X)
    view, version = x.view(-1), x._version
    expected = getattr(x, name[:-1])(*given)
    assert getattr(x, name)(*given) is x and fastnet.equal(x, expected) and fastnet.equal(view, expected.view(-1))
    assert x._version == version + 1


def test_multiples_are_added_in_place():
    x, y = fastnet.tensor(X), fastnet.ones(4, dtype="float64")
    assert fastnet.equal(x.clone().add_(y, alpha=-2), x - 2) and fastnet.equal(x.clone().sub_(y, alpha=0.5), x - 0.5)
    w = fastnet.ones(3, requires_grad=True)
    total = fastnet.zeros(3).add_(w, alpha=3.0)
    total.sum().backward()
    assert w.grad.tolist() == [3.0, 3.0, 3.0]
    with pytest.raises(RuntimeError, match="alpha"):
        fastnet.ones(2, dtype=fastnet.int64).add_(fastnet.ones(2, dtype=fastnet.int64), alpha=0.5)


def test_a_parameter_is_written_without_gradients_only():
    w = fastnet.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        w.add_(1.0)
    with fastnet.no_grad():
        w.add_(1.0).mul_(w.detach())
    assert w.tolist() == [4.0, 4.0, 4.0]


def test_a_write_of_a_saved_value_is_noticed():
    x = fastnet.ones(3)
    w = fastnet.ones(3, requires_grad=True)
    loss = (w * x).sum()
    x.mul_(2.0)
    with pytest.raises(RuntimeError, match="in place"):
        loss.backward()


def test_writes_of_overlapping_memory():
    x = fastnet.arange(6.0)
    x[1:].add_(x[:-1])
    assert x.tolist() == [0.0, 1.0, 3.0, 5.0, 7.0, 9.0]
    x.add_(x)
    assert x.tolist() == [0.0, 2.0, 6.0, 10.0, 14.0, 18.0]


# ---- choices and joins ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_choices(dtype):
    x = X.astype(dtype)
    for mask in (x > 0, x[0] > 0, np.array(True), (x > 0)[:, ::-1]):
        for y in (-x, x[0], 2, np.array(1.5, dtype), x.astype("float64"), x.T.copy().T):
            assert_same(*short_and_long(lambda a, m, b: fastnet.where(m, a, b), x, mask, y))
            assert_same(*short_and_long(lambda a, m, b: fastnet.where(m, b, a), x, mask, y))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_joins(dtype):
    x = X.astype(dtype)
    for others in ((-x,), (x, 2 * x), (x.astype("float64"),), (np.arange(12).reshape(3, 4),), (x.T.copy().T,), ()):
        for dim in (0, 1, -1, -2):
            assert_same(*short_and_long(lambda *a, d=dim: fastnet.cat(a, d), x, *others))
            assert_same(*short_and_long(lambda *a, d=dim: fastnet.stack(list(a), d), x, *others))
        assert_same(*short_and_long(lambda *a: fastnet.stack(a, 2), x, *others))
    assert fastnet.cat([fastnet.zeros(0), fastnet.ones(2)]).tolist() == [1, 1]
    assert fastnet.stack((fastnet.tensor(1.0), fastnet.tensor(2.0))).tolist() == [1, 2]
    for call, error in ((lambda t: fastnet.cat([t, t], 2), IndexError), (lambda t: fastnet.stack([t], 3), IndexError),
                        (lambda t: fastnet.cat([t, 1]), TypeError), (lambda t: fastnet.cat([t[0, 0]]), RuntimeError)):
        with pytest.raises(error):
            call(fastnet.tensor(x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("index", [[0, 2, 0], [-1, 2, 0], [[1, 1], [-3, 2]], []])
def test_gradients_of_rows_have_the_same_bits_in_replays(dtype, index):
    """Subnormal numbers among them."""
    tiny = float(np.finfo(dtype).smallest_normal) / 4
    index = fastnet.tensor(index, dtype=fastnet.int64)
    slope = fastnet.tensor(np.random.default_rng(1).standard_normal((*index.shape, 4)).astype(dtype))
    slope[..., 0] = tiny

    def gradient(x, index):
        return fastnet.autograd.grad((x[index] * slope).sum(), [x])[0]
    x = fastnet.tensor(X.astype(dtype), requires_grad=True)
    eager, step = gradient(x, index), fastnet.compile(gradient)
    for _ in range(2):
        assert_same(step(x, index), eager)
    expected = np.zeros((3, 4))
    np.add.at(expected, index.numpy(), slope.double().numpy())
    np.testing.assert_allclose(eager.numpy(), expected, rtol=1e-6, atol=2 * tiny)
