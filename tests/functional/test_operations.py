"""Every operation on tensors: its values and gradients against PyTorch, its gradient in float64, its errors."""
import operator
import pickle

import numpy as np
import pytest
from gradcheck import gradcheck
from operations import DATA_DEPENDENT, GRID, INDEX, NOT_SMOOTH, OPERATIONS, ROW, A, data
from plain_operations import PLAIN

import fastnet

pytestmark = pytest.mark.usefixtures("backend")
ROUNDED_IN_TORCH = {"hardsigmoid"}         # its gradient has a factor in float32, for float64, too


def t(x):
    return fastnet.tensor(x)


@pytest.mark.parametrize("name", OPERATIONS)
def test_gradient(name):
    fn, *inputs = OPERATIONS[name]
    if name in NOT_SMOOTH:
        pytest.skip("its gradient is not the derivative, by design")
    gradcheck(lambda *xs: fn(fastnet, *xs), *map(t, inputs))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_against_torch(name, dtype):
    torch = pytest.importorskip("torch")
    fn, *inputs = OPERATIONS[name]
    arrays = [x.astype(dtype) if x.dtype.kind == "f" else x for x in inputs]
    if name == "cast" and dtype == "float32":
        arrays = inputs
    ours = [fastnet.tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]
    theirs = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]
    a = fn(fastnet, *ours)
    try:
        b = fn(torch, *theirs)
    except AttributeError as error:
        pytest.skip(f"PyTorch lacks it: {error}")
    exact = dtype == "float64" and name not in ROUNDED_IN_TORCH
    tolerance = {"rtol": 1e-12, "atol": 1e-13} if exact else {"rtol": 1e-5, "atol": 2e-6}
    assert a.shape == tuple(b.shape)
    assert str(a.dtype) == str(b.dtype).removeprefix("torch.")
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), **tolerance)
    g = np.random.default_rng(5).standard_normal(a.shape).astype(a.dtype)
    a.backward(fastnet.tensor(g))
    b.backward(torch.tensor(g))
    for x, y in zip(ours, theirs):
        if y.grad is not None:
            np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), **tolerance)


@pytest.mark.parametrize("name", OPERATIONS)
def test_recorded(name):
    """A replay on other values gives the bits of eager code, forward and backward."""
    if name in DATA_DEPENDENT:
        pytest.skip("its result's shape depends on values: it raises inside a compiled function")
    fn, *inputs = OPERATIONS[name]

    def both(*xs):
        xs = [x.detach().clone().requires_grad_() if x.is_floating_point() else x for x in xs]
        out = fn(fastnet, *xs)
        (out * out).sum().backward()
        return out.detach(), [x.grad for x in xs if x.requires_grad]
    recorded = fastnet.compile(both)
    for scale in (1.0, 0.5, 0.75):
        tensors = [t(x.astype("float32") * np.float32(scale)) if x.dtype.kind == "f" else t(x) for x in inputs]
        for a, b in zip(_flat(recorded(*tensors)), _flat(both(*tensors)), strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert len(recorded) == 1


def _flat(result):
    return [result[0], *result[1]]




@pytest.mark.parametrize("name", PLAIN)
def test_without_gradient_against_torch(name):
    torch = pytest.importorskip("torch")
    ours, theirs = (PLAIN[name](f, f.tensor(A.astype("float32")), f.tensor(INDEX)) for f in (fastnet, torch))
    assert ours.shape == tuple(theirs.shape)
    assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
    np.testing.assert_allclose(np.asarray(ours), theirs.numpy(), rtol=2e-6)


def test_properties_and_conversions_of_a_tensor():
    x = t(A)
    assert fastnet.numel(x) == 12 and fastnet.is_floating_point(x) and not fastnet.is_floating_point(t(INDEX))
    for like in (fastnet.zeros_like, fastnet.ones_like, fastnet.empty_like):
        assert like(x, requires_grad=True).requires_grad
    assert fastnet.full_like(x, 2, requires_grad=True).requires_grad
    with fastnet.inference_mode():
        assert not (fastnet.ones(1, requires_grad=True) * 2).requires_grad
    for drawn in (fastnet.randint(high=1, size=(3,)), fastnet.randint(1, size=(3,)), fastnet.randint(1, (3,))):
        assert drawn.tolist() == [0, 0, 0]
    assert fastnet.randint(3, high=4, size=(2,)).tolist() == [3, 3]
    with pytest.raises(RuntimeError, match="masked_select: expected a bool tensor as mask"):
        x.masked_select(t(INDEX))
    with pytest.raises(RuntimeError, match="positive: expected numbers, got bool"):
        operator.pos(x > 0)


@pytest.mark.parametrize("left", ["bool", "uint8", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("right", ["bool", "uint8", "int32", "int64", "float32", "float64", True, 2, 2.5])
def test_promotion_is_pytorchs(left, right):
    torch = pytest.importorskip("torch")

    def results(f):
        a = f.ones(2, dtype=getattr(f, left))
        if not isinstance(right, str):
            return a * right, a / right, a == right
        b = f.ones(2, dtype=getattr(f, right))
        return a * b, a * b[0], a[0] * b, a / b, a < b
    for ours, theirs in zip(results(fastnet), results(torch)):
        assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")


@pytest.mark.parametrize("call, error, words", [
    (lambda: t(A) + t(data(5)), RuntimeError, r"\(3, 4\) and \(5,\)"),
    (lambda: t(A) @ t(A), RuntimeError, r"\(3, 4\) and \(3, 4\)"),
    (lambda: fastnet.nn.functional.linear(t(A), t(data(5, 3))), RuntimeError, r"\(3, 4\).*\(5, 3\)"),
    (lambda: t(A).reshape(5, 2), RuntimeError, r"\(5, 2\).*\(3, 4\)"),
    (lambda: t(A).t().view(-1), RuntimeError, "use reshape"),
    (lambda: t(A).sum(2), IndexError, r"dimension 2 is out of range for shape \(3, 4\)"),
    (lambda: t(A)[3], IndexError, r"\(3, 4\)"),
    (lambda: t(A).expand(3, 5), RuntimeError, r"\(3, 4\).*\(3, 5\): dimension 1 has length 4, and only"),
    (lambda: t(A).expand(4), RuntimeError, "expected at least 2 dimensions, got 1"),
    (lambda: bool(t(A)), RuntimeError, r"bool\(\) or `if`: expected a tensor of one element, got shape \(3, 4\)"),
    (lambda: fastnet.cat([t(A), t(ROW)]), RuntimeError, r"\(4,\).*\(3, 4\)"),
    (lambda: fastnet.stack([t(A), t(ROW)]), RuntimeError, r"\(4,\).*\(3, 4\)"),
    (lambda: fastnet.cat([]), ValueError, "at least one"),
    (lambda: t(INDEX).mean(), RuntimeError, "int64"),
    (lambda: fastnet.nn.functional.gelu(t(INDEX)), RuntimeError, "int64"),
    (lambda: t(A).gather(1, t(np.array([[4]]))), IndexError, "4"),
    (lambda: t(A).gather(1, t(np.array([4]))), RuntimeError, r"\(1,\)"),
    (lambda: fastnet.nn.functional.embedding(t(np.array([3])), t(A)), IndexError, "3"),
    (lambda: t(A) @ t(A.astype("float32")).t(), RuntimeError, "float64 and other float32"),
    (lambda: fastnet.tensor([1, 2], dtype="uint16"), TypeError, "uint16"),
    (lambda: fastnet.tensor([[1, 2], [3]]), ValueError, "rectangular"),
    (lambda: fastnet.from_numpy([1.0]), TypeError, "list"),
    (lambda: t(A).item(), RuntimeError, r"\(3, 4\)"),
    (lambda: t(INDEX).requires_grad_(), RuntimeError, "int64"),
    (lambda: fastnet.where(t(A), t(A), t(A)), RuntimeError, "bool"),
    (lambda: t(A).clamp(), RuntimeError, "min and max"),
    (lambda: fastnet.arange(3, 0), RuntimeError, "arange"),
    (lambda: fastnet.nn.functional.dropout(t(A), 1.5), ValueError, "1.5"),
    (lambda: fastnet.nn.functional.gelu(t(A), approximate="fast"), RuntimeError, "'fast'"),
    *((call, RuntimeError, words + " not to be negative, got " + given) for call, words, given in [
        (lambda: fastnet.zeros(-1), "zeros: expected size", r"\(-1,\)"),
        (lambda: fastnet.full((2, -3), 1), "full: expected size", r"\(2, -3\)"),
        (lambda: fastnet.randn(2, -1), "randn: expected size", r"\(2, -1\)"),
        (lambda: fastnet.randperm(-2), "randperm: expected n", "-2"),
        (lambda: fastnet.eye(2, -1), "eye: expected m", "-1"),
        (lambda: fastnet.linspace(0, 1, -1), "linspace: expected steps", "-1"),
        (lambda: fastnet.nn.functional.one_hot(t(INDEX), -3), "one_hot: expected num_classes", "-3"),
        (lambda: fastnet.nn.Linear(-1, 2), "Linear: expected in_features", "-1"),
        (lambda: fastnet.nn.Linear(1, -2), "Linear: expected out_features", "-2"),
        (lambda: fastnet.nn.Embedding(-1, 3), "Embedding: expected num_embeddings", "-1"),
        (lambda: fastnet.nn.LayerNorm((2, -1)), "LayerNorm: expected normalized_shape", r"\(2, -1\)"),
        (lambda: fastnet.nn.BatchNorm1d(-1), "BatchNorm1d: expected num_features", "-1"),
    ]),
])
def test_bad_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize("call, words", [
    (lambda f: f.relu(None), "relu: expected input"), (lambda f: f.linear(None, t(A)), "linear: expected input"),
    (lambda f: f.linear(t(A), None), "linear: expected weight"), (lambda f: f.softmax(None, 0), "softmax: expected in"),
    (lambda f: f.cross_entropy(None, t(INDEX)), "cross_entropy: expected input"),
    (lambda f: f.cross_entropy(t(A), None), "cross_entropy: expected target"),
    (lambda f: f.logsigmoid(input=None), "logsigmoid: expected input"),
    (lambda f: f.batch_norm(None, None, None), "batch_norm: expected input"),
    (lambda f: fastnet.add(None, t(A)), "add: expected input"),
    (lambda f: fastnet.matmul(t(A), None), "matmul: expected other"),
    (lambda f: fastnet.sum(None), "sum: expected input"),
    *((lambda f, module=module: module(None), f"{name}: expected input") for module, name in [
        (fastnet.nn.Linear(2, 2), "linear"), (fastnet.nn.ReLU(), "relu"), (fastnet.nn.Embedding(2, 2), "embedding"),
        (fastnet.nn.LayerNorm(2), "layer_norm"), (fastnet.nn.BatchNorm1d(2), "BatchNorm.forward"),
        (fastnet.nn.Flatten(), "Flatten.forward"), (fastnet.nn.Sequential(fastnet.nn.Linear(2, 2)), "linear")]),
])
def test_none_is_named(call, words):
    with pytest.raises(TypeError, match=words + ".* to be a tensor, got NoneType"):
        call(fastnet.nn.functional)


@pytest.mark.parametrize("call, words", [
    (lambda: fastnet.transpose(t(A), None, 1), "got None"),             # None in place of a tensor or an integer
    (lambda: fastnet.nn.functional.batch_norm(t(GRID), None, None, training=True), "int64|float"),
])
def test_other_errors_are_left_alone(call, words):
    with pytest.raises((TypeError, RuntimeError, ValueError), match=words) as e:
        call()
    assert "to be a tensor" not in str(e.value)


@pytest.mark.parametrize("call, words", [
    (lambda f: f.linear([[1.0]], fastnet.ones(1, 1)), "linear: expected input to be a tensor, got list; convert it"),
    (lambda f: f.linear(np.ones((1, 1)), fastnet.ones(1, 1)), "linear: expected input .*, got ndarray; convert it"),
    (lambda f: f.leaky_relu(t(A), "a"), "leaky_relu: expected negative_slope to be a number, got 'a'"),
    (lambda f: f.softmax([1.0]), "softmax: expected input to be a tensor, got list"),
    (lambda f: fastnet.arange("3"), "arange: expected start to be a number, got '3'"),
    (lambda f: fastnet.where(t(A) > 0, t(A)), "where: expected other to be a tensor or a number, got None"),
])
def test_wrong_argument_is_named(call, words):
    with pytest.raises(TypeError, match=words):
        call(fastnet.nn.functional)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 2), (2, 3, 2, 2)])
def test_a_softmax_without_dim_takes_the_dimension_that_pytorch_takes(shape):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal(shape).astype("float32")
    for name in ("softmax", "log_softmax", "softmin"):
        with pytest.warns(UserWarning, match="dim"):
            expected = getattr(torch.nn.functional, name)(torch.tensor(x))
        with pytest.warns(UserWarning, match="softmax: dim is missing, and dimension . is taken") as seen:
            found = getattr(fastnet.nn.functional, name)(t(x))
        assert seen[0].filename == __file__             # the line of the user, not one of fastnet
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-5)
    with pytest.warns(UserWarning, match="log_softmax: dim is missing"):
        fastnet.nn.LogSoftmax()(t(x))


def test_dtypes_of_a_product_are_named():
    with pytest.raises(RuntimeError, match="input float64 and weight float32; convert the input with"):
        fastnet.nn.Linear(2, 1)(fastnet.from_numpy(np.ones((1, 2))))


@pytest.mark.parametrize("seed, error", [("a", ValueError), (None, TypeError)])
def test_a_seed_is_an_integer(seed, error):
    with pytest.raises(error, match="manual_seed: expected seed to be an integer, got"):
        fastnet.manual_seed(seed)


def test_public_functions_can_be_pickled():
    for function in (fastnet.relu, fastnet.matmul, fastnet.nn.functional.relu, fastnet.nn.functional.linear):
        assert pickle.loads(pickle.dumps(function)) is function
