"""Tensors of up to 64 dimensions in all layouts give the results of the same elements in few dimensions."""
from functools import partial

import numpy as np
import pytest

import fastnet
import fastnet.nn.functional as F
from fastnet import backend


def alternating(n):
    """n dimensions of 2 and 1, the same from both ends, 12 of them 2."""
    half = [2 if i % 2 == 0 and i < 12 else 1 for i in range(n // 2)]
    return (*half, *half[::-1])


def layouts(n):
    """Arrays of n dimensions of which few can be merged."""
    rng = np.random.default_rng(n)
    shape = (2,) * n if n <= 12 else alternating(n)
    dense = rng.standard_normal(shape).astype(np.float32)
    yield "dense", dense
    yield "reversed", np.ascontiguousarray(dense.transpose()).transpose()
    order = rng.permutation(n)
    yield "shuffled", np.ascontiguousarray(dense.transpose(order)).transpose(np.argsort(order))
    yield "sliced", rng.standard_normal([2 * s for s in shape] if n <= 9 else [4, *shape[1:]]).astype(np.float32)[
        tuple(slice(None, None, 2) for _ in shape) if n <= 9 else slice(None, None, 2)]
    yield "broadcast", np.broadcast_to(dense[(slice(1),) * (n // 2)], shape)


ARRAYS = [pytest.param(a, id=f"{n}-{name}") for n in (9, 12, 64) for name, a in layouts(n)
          if n == 9 or name == "shuffled" or (n, name) == (64, "broadcast")]

REDUCTIONS = ("sum", "mean", "amax", "amin", "argmax", "argmin", "any", "all", "var", "std", "norm", "prod")
UNARY = {
    **{name: getattr(fastnet, name) for name in (
        "abs", "neg", "exp", "sqrt", "square", "sigmoid", "tanh", "relu", "sign", "sin", "floor", "isnan",
        "logical_not", *REDUCTIONS)},
    **{f"{name} along": partial(getattr(fastnet, name), dim=2) for name in (
        *REDUCTIONS, "cumsum", "argsort", "logsumexp")},
    "softmax": lambda x: F.softmax(x, 2), "log_softmax": lambda x: F.log_softmax(x, -1), "gelu": F.gelu,
    "sum of several": lambda x: x.sum((0, 2, 4)), "clamp": lambda x: x.clamp(-0.5, 0.5),
    "max": lambda x: x.max(2).values, "sort": lambda x: x.sort(0).values, "clone": lambda x: x.clone(),
    "contiguous": lambda x: x.contiguous(),
    "reshape": lambda x: x.reshape(-1), "flatten": lambda x: x.flatten(1), "double": lambda x: x.double(),
    "int": lambda x: (10 * x).long(), "transpose": lambda x: x.transpose(0, 2) + 1, "flip": lambda x: x.flip(0),
    "permute": lambda x: x.permute(*reversed(range(x.ndim))).contiguous(), "cat": lambda x: fastnet.cat((x, x), 2),
    "index": lambda x: x[:, 0, ..., 0], "mask": lambda x: x[x > 0], "masked_fill": lambda x: x.masked_fill(x > 0, 7),
    "add_": lambda x: x.clone().add_(x), "fill": lambda x: x.clone().fill_(3), "zeros_like": fastnet.zeros_like,
    "slice written": lambda x: _written(x), "matmul": lambda x: x @ x.transpose(-1, -2),
    "mse_loss": lambda x: F.mse_loss(x, x * 2), "layer_norm": lambda x: F.layer_norm(x, x.shape[-3:]),
    "dropout": lambda x: F.dropout(x, 0.0), "linear": lambda x: F.linear(x, fastnet.ones(3, x.shape[-1])),
}
BINARY = {name: getattr(fastnet, name) for name in (
    "add", "sub", "mul", "div", "maximum", "minimum", "eq", "lt", "ge", "pow", "atan2")}


def _written(x):
    y = x.clone()
    y[::2] = x[::2] * 2
    y[..., :1] += 1
    return y


def compare(function, *arrays):
    """Eager, recorded and NumPy's result agree."""
    with np.errstate(all="ignore"):
        tensors = [fastnet.from_numpy(a) for a in arrays]
        eager = function(*tensors).numpy()
        with backend.use_backend("numpy"):
            expected = function(*tensors).numpy()
        np.testing.assert_allclose(eager, expected, rtol=1e-5, atol=1e-5)
        return tensors, eager


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("array", ARRAYS)
def test_one_tensor(name, array):
    function = UNARY[name]
    tensors, eager = compare(function, array)
    if name not in ("mask",):           # its size depends on values
        compiled = fastnet.compile(function)
        for _ in range(2):
            assert compiled(*tensors).numpy().tobytes() == eager.tobytes()


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("array", ARRAYS)
def test_two_tensors(name, array):
    array = np.abs(array)
    for other in (array, array.transpose(), array[..., ::-1, :], array[:1], np.float32(0.5).reshape((1,) * array.ndim)):
        compare(BINARY[name], array, other)
        compare(BINARY[name], other, array)
    compare(lambda x, y: fastnet.where(x < y, x, y), array, array.transpose())


@pytest.mark.parametrize("array", ARRAYS)
def test_gradients(array):
    def gradient(a):
        x = fastnet.from_numpy(a).requires_grad_()
        ((x * x.transpose(0, 2)).sum(0).exp() + x.amax(2, keepdim=True)[0] + x.std(1, keepdim=True)[0]).sum().backward()
        return x.grad.numpy()

    with backend.use_backend("numpy"):
        expected = gradient(array)
    np.testing.assert_allclose(gradient(array), expected, rtol=1e-4, atol=1e-5)


def test_compiled_kernels_take_every_layout():
    """None of them falls back to NumPy or raises."""
    if backend.backend() != "compiled":
        pytest.skip("the compiled kernels")
    from fastnet._kernels import elementwise
    for n in (9, 12, 64):
        for _, a in layouts(n):
            out = np.empty(a.shape, np.float32)
            elementwise.copy(out, a)
            assert (out == a).all()
            elementwise.copy(out.transpose(), a.transpose())
            assert (out == a).all()
            elementwise.add(out, a, a)
            assert (out == a + a).all()
            elementwise.add(out, a, np.ascontiguousarray(a.transpose()).transpose())
            assert (out == a + a).all()


def test_a_write_into_a_view_whose_dimensions_cannot_be_merged():
    a = fastnet.zeros(*(4,) * 9)
    view = a[(slice(None, None, 2),) * 9]
    view += 1
    assert a.sum().item() == 2**9 and view.sum().item() == 2**9


def test_nested_lists_and_constructors():
    shape = (1,) * 63 + (3,)
    x = fastnet.zeros(shape)
    assert x.shape == shape and fastnet.tensor(x.tolist()).shape == shape
    assert (x + fastnet.ones(3)).sum().item() == 3
