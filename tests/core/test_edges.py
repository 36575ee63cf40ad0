"""Where a function has no derivative, where infinities meet and where integers leave their range: as in PyTorch.

Every row holds the numbers that PyTorch gives; where it is installed, it is asked too.
"""
import math
import operator

import numpy as np
import pytest

import fastnet

pytestmark = pytest.mark.usefixtures("backend")

INF, NAN = float("inf"), float("nan")


def functional(name, *args):
    return lambda f, x: getattr(f.nn.functional, name)(x, *args)


def product(beta, alpha):
    return lambda f, c, a, b: f.addmm(c, a, b, beta=beta, alpha=alpha)


MATRIX = [[1.0, 2.0], [3.0, 4.0]]
# name -> (function of the namespace and its tensors, inputs, result, gradients of the result's sum)
GRADIENTS = {
    "hardtanh": (functional("hardtanh"), [[-2.0, -1.0, 0.0, 1.0, 2.0, NAN]],
                 [-1.0, -1.0, 0.0, 1.0, 1.0, NAN], [[0.0, 0.0, 1.0, 0.0, 0.0, 1.0]]),
    "hardtanh-limits": (functional("hardtanh", -2.0, 3.0), [[-2.0, 3.0, 2.0]], [-2.0, 3.0, 2.0], [[0.0, 0.0, 1.0]]),
    "relu6": (functional("relu6"), [[-1.0, 0.0, 3.0, 6.0, 7.0, INF]],
              [0.0, 0.0, 3.0, 6.0, 6.0, 6.0], [[0.0, 0.0, 1.0, 0.0, 0.0, 0.0]]),
    "clamp": (lambda f, x: x.clamp(-1, 1), [[-2.0, -1.0, 0.0, 1.0, 2.0, NAN]],
              [-1.0, -1.0, 0.0, 1.0, 1.0, NAN], [[0.0, 1.0, 1.0, 1.0, 0.0, 0.0]]),
    "clamp-tensors": (lambda f, x, low, high: x.clamp(low, high), [[-2.0, -1.0, 0.0, 2.0, NAN], [-1.0] * 5, [1.0] * 5],
                      [-1.0, -1.0, 0.0, 1.0, NAN],
                      [[0.0, 1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0]]),
    "std-equal": (lambda f, x: x.std(), [[2.0, 2.0, 2.0]], 0.0, [[0.0, 0.0, 0.0]]),
    "std-rows": (lambda f, x: x.std(1), [[[2.0, 2.0], [0.0, 2.0]]],
                 [0.0, 2 ** 0.5], [[[0.0, 0.0], [-(0.5 ** 0.5), 0.5 ** 0.5]]]),
    "std-one": (lambda f, x: x.std(unbiased=False), [[2.0]], 0.0, [[0.0]]),
    "std-nan": (lambda f, x: x.std(), [[2.0, NAN]], NAN, [[NAN, NAN]]),
    "sqrt": (lambda f, x: x.sqrt(), [[0.0]], [0.0], [[INF]]),
    **{f"norm-{p}-zero": (lambda f, x, p=p: x.norm(p), [[0.0, 0.0]], 0.0, [[0.0, 0.0]]) for p in (2, 3, 1.5, 0.5)},
    "norm-3": (lambda f, x: x.norm(3, 1), [[[0.0, -2.0], [0.0, 0.0]]], [2.0, 0.0], [[[0.0, -1.0], [0.0, 0.0]]]),
    "atan2": (lambda f, y, x: f.atan2(y, x), [[0.0, 0.0, 1.0, NAN], [0.0, 1.0, 0.0, 0.0]],
              [0.0, 0.0, np.pi / 2, NAN], [[0.0, 1.0, 0.0, NAN], [0.0, 0.0, -1.0, NAN]]),
    "tril": (lambda f, x: f.tril(x), [[[1.0, NAN], [NAN, INF]]],
             [[1.0, 0.0], [NAN, INF]], [[[1.0, 0.0], [1.0, 1.0]]]),
    "triu": (lambda f, x: f.triu(x, 1), [[[NAN, 2.0], [INF, NAN]]],
             [[0.0, 2.0], [0.0, 0.0]], [[[0.0, 1.0], [0.0, 0.0]]]),
    "addmm-beta": (product(0, 1), [[[NAN, INF]], [[1.0, 2.0]], MATRIX],
                   [[7.0, 10.0]], [[[0.0, 0.0]], [[3.0, 7.0]], [[1.0, 1.0], [2.0, 2.0]]]),
    "addmm-alpha": (product(1, 0), [[1.0, 1.0], [[NAN, 2.0]], MATRIX],
                    [[1.0, 1.0]], [[1.0, 1.0], [[0.0, 0.0]], [[NAN, NAN], [0.0, 0.0]]]),
    "logaddexp": (lambda f, x, y: f.logaddexp(x, y),
                  [[INF, -INF, INF, -INF, INF, -INF, NAN, 0.0], [INF, -INF, -INF, INF, 1.0, 1.0, 1.0, 0.0]],
                  [INF, -INF, INF, INF, INF, 1.0, NAN, np.log(2.0)],
                  [[NAN, NAN, 1.0, 0.0, 1.0, 0.0, NAN, 0.5], [NAN, NAN, 0.0, 1.0, 0.0, 1.0, NAN, 0.5]]),
}


def backward(f, fn, inputs):
    """(result, gradients) of the sum, as arrays."""
    xs = [f.tensor(x, dtype=f.float64, requires_grad=True) for x in inputs]
    out = fn(f, *xs)
    out.sum().backward()
    return out.detach().numpy(), [x.grad.numpy() for x in xs]


def check(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradient(name):
    fn, inputs, result, gradients = GRADIENTS[name]
    out, grads = backward(fastnet, fn, inputs)
    check(out, result)
    for actual, expected in zip(grads, gradients, strict=True):
        check(actual, expected)
    torch = pytest.importorskip("torch")
    theirs, their_grads = backward(torch, fn, inputs)
    check(out, theirs)
    for actual, expected in zip(grads, their_grads, strict=True):
        check(actual, expected)


def test_a_masked_gradient_is_zero_even_for_nan():
    x = fastnet.ones(2, 2, requires_grad=True)
    fastnet.tril(x).backward(fastnet.tensor([[1.0, NAN], [2.0, 3.0]]))
    assert x.grad.tolist() == [[1.0, 0.0], [2.0, 3.0]]


def test_triangles_keep_the_dtype():
    for dtype in (fastnet.bool, fastnet.uint8, fastnet.int64):
        assert fastnet.tril(fastnet.ones(2, 2, dtype=dtype)).dtype == dtype


def test_a_list_of_lists_is_an_index_for_each_dimension():
    x = fastnet.arange(6).reshape(2, 3)
    assert x[[[0, 1], [1, 2]]].tolist() == [1, 5] and x[[1, slice(0, 2)]].tolist() == [3, 4]
    assert x[[1, 0]].tolist() == [[3, 4, 5], [0, 1, 2]]
    x[[[0, 1], [1, 2]]] = 0
    assert x.tolist() == [[0, 0, 2], [3, 4, 0]]


@pytest.mark.parametrize("rows", [[2, 0, 2], [-1, 0], [], [1], [[2, 0], [1, 1]]])
@pytest.mark.parametrize("shape", [(3, 5), (3, 40), (3, 2, 7), (3, 0), (3,)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_rows_by_an_index_tensor(dtype, shape, rows):
    """Whole rows have a way of their own, which serves what is contiguous and counted from the start."""
    values, index = np.arange(math.prod(shape), dtype=dtype).reshape(shape), np.array(rows, np.int64)
    for array in (values, np.asfortranarray(values), np.repeat(values, 2, axis=0)[::2]):
        x = fastnet.from_numpy(array)
        np.testing.assert_array_equal(x[fastnet.from_numpy(index)].numpy(), values[index], strict=True)
        replayed = fastnet.compile(lambda x, i: x[i])
        for _ in range(2):
            np.testing.assert_array_equal(replayed(x, fastnet.from_numpy(index)).numpy(), values[index], strict=True)
    for wrong in (3, -4):
        with pytest.raises(IndexError, match=str(wrong)):
            x[fastnet.tensor([0, wrong])]


# ---- integers of two dtypes -----------------------------------------------------------------------------------------

def byte(f):
    return f.tensor([1, 2], dtype=f.uint8)


# name -> (function of the namespace, result, its dtype)
INTEGERS = {
    "div": (lambda f: f.tensor(300) / byte(f), [300.0, 150.0], "float32"),
    "div-by": (lambda f: byte(f) / f.tensor(300), [np.float32(1 / 300), np.float32(2 / 300)], "float32"),
    "div-int32": (lambda f: f.tensor(2 ** 40) / f.tensor([1, 2], dtype=f.int32), [2.0 ** 40, 2.0 ** 39], "float32"),
    "div-number": (lambda f: 300 / byte(f), [300.0, 150.0], "float32"),
    "div-bool": (lambda f: f.tensor([True, False]) / f.tensor(4), [0.25, 0.0], "float32"),
    "div-trunc": (lambda f: f.div(f.tensor(300), byte(f), rounding_mode="trunc"), [44, 22], "uint8"),
    "div-trunc-exact": (lambda f: f.div(f.tensor([2 ** 60 + 1, -7]), f.tensor([1, 2]), rounding_mode="trunc"),
                        [2 ** 60 + 1, -3], "int64"),
    "div-floor": (lambda f: f.div(f.tensor(300), byte(f), rounding_mode="floor"), [44, 22], "uint8"),
    "addcdiv": (lambda f: f.addcdiv(f.zeros(2), f.tensor(300).float(), byte(f)), [300.0, 150.0], "float32"),
    "atan2": (lambda f: f.atan2(f.tensor(300), byte(f)), np.arctan2(300, [1, 2]), "float32"),
    "atan2-by": (lambda f: f.atan2(byte(f), f.tensor(300)), np.arctan2([1, 2], 300), "float32"),
    **{f"{op.__name__}-{n}": (lambda f, op=op, n=n: op(byte(f), n), result, dtype)
       for op, n, result, dtype in [
           (operator.add, 300, [45, 46], "uint8"), (operator.add, -1, [0, 1], "uint8"),
           (operator.sub, 2 ** 40 + 1, [0, 1], "uint8"), (operator.mul, -1, [255, 254], "uint8"),
           (operator.mul, 2 ** 64 - 1, [255, 254], "uint8"), (operator.floordiv, 258, [0, 1], "uint8"),
           (operator.mod, 258, [1, 0], "uint8"), (operator.and_, -2, [0, 2], "uint8"),
           (operator.or_, 300, [45, 46], "uint8"), (operator.lt, 300, [True, True], "bool"),
           (operator.eq, 257, [True, False], "bool"), (operator.truediv, -1, [-1.0, -2.0], "float32")]},
    "rsub": (lambda f: 300 - byte(f), [43, 42], "uint8"), "rpow": (lambda f: 300 ** byte(f), [44, 144], "uint8"),
    "int32": (lambda f: f.tensor([1, 2], dtype=f.int32) + 2 ** 40, [1, 2], "int32"),
    "int64": (lambda f: f.tensor([1, 2]) + 2 ** 63, [1 - 2 ** 63, 2 - 2 ** 63], "int64"),
    "in-place": (lambda f: byte(f).add_(300), [45, 46], "uint8"),
    "fill": (lambda f: byte(f).fill_(-1), [255, 255], "uint8"),
    "masked_fill": (lambda f: byte(f).masked_fill(f.tensor([True, False]), -1), [255, 2], "uint8"),
}


@pytest.mark.parametrize("name", INTEGERS)
def test_integers(name):
    fn, result, dtype = INTEGERS[name]
    ours = fn(fastnet)
    assert str(ours.dtype) == dtype
    np.testing.assert_allclose(ours.numpy(), result, rtol=1e-6)
    torch = pytest.importorskip("torch")
    theirs = fn(torch)
    assert str(theirs.dtype) == f"torch.{dtype}"
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)


def put(x, key):
    x[key] = 300


@pytest.mark.parametrize("call", [
    lambda x, mask: x.masked_fill(mask, 300), lambda x, mask: fastnet.where(mask, x, 300), lambda x, mask: x.fill_(300),
    lambda x, mask: fastnet.full((2,), 300, dtype=fastnet.uint8), lambda x, mask: fastnet.full_like(x, 300),
    lambda x, mask: x.clamp(0, 300), lambda x, mask: x ** 300, lambda x, mask: put(x, 0), lambda x, mask: put(x, mask),
])
def test_stored_numbers_must_fit_the_dtype(call):
    with pytest.raises(RuntimeError, match="300 does not fit uint8: expected 0 to 255"):
        call(byte(fastnet), fastnet.tensor([True, False]))


def test_a_number_must_have_at_most_64_bits():
    with pytest.raises(RuntimeError, match=f"{2 ** 64} does not fit uint8: expected at most 64 bits"):
        byte(fastnet) + 2 ** 64
    with pytest.raises(RuntimeError, match="an exponent of 0 or more for an integer base, got -"):
        byte(fastnet) ** -1


@pytest.mark.parametrize("call, error, words", [
    (lambda f: f.hardtanh(fastnet.zeros(2), 1.0, -1.0), ValueError, "hardtanh: expected min_val <= max_val"),
    (lambda f: f.relu6(fastnet.tensor([True])), RuntimeError, "bool"),
])
def test_errors_name_the_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call(fastnet.nn.functional)


def whole(f):
    return f.tensor([2, -1])


def bools(f):
    return f.tensor([True, False])


REDUCTIONS = {
    "logsumexp-uint8": lambda f: f.tensor([1, 2, 3], dtype=f.uint8).logsumexp(0),
    "logsumexp-bool": lambda f: f.tensor([True, False]).logsumexp(0),
    "square-of-integers": lambda f: f.arange(3) ** 2.0,
    "square-by-an-integer": lambda f: f.arange(3) ** 2,
    "var-unbiased": lambda f: f.tensor([[1.0, 2.0], [4.0, 8.0]]).var(False),
    "std-unbiased": lambda f: f.tensor([[1.0, 2.0], [4.0, 8.0]]).std(True),
    "clamp-nan": lambda f: f.tensor([1.0, 2.0]).clamp(NAN),
    "clamp-tensor": lambda f: f.tensor([1.0, 5.0, NAN]).clamp(f.tensor([2.0, 2.0, 2.0]), f.tensor([3.0, 3.0, 3.0])),
    "clamp-to-nan": lambda f: f.tensor([1.0, 5.0]).clamp(min=f.tensor([NAN, 6.0])),
    "clamp-integers": lambda f: f.tensor([1, 5]).clamp(2, 3),
    "pow-below-0": lambda f: f.tensor([0, 1, 2, -1, -1, 3]) ** f.tensor([-1, -2, -1, -3, -2, 2]),
    "pow-bool": lambda f: f.tensor([True, False]) ** 2, "square-bool": lambda f: f.tensor([True, False]).square(),
    "sign-bool": lambda f: f.tensor([True, False]).sign(), "round-int": lambda f: f.tensor([1, -2]).round(),
    "floor-uint8": lambda f: byte(f).floor(), "isclose-bool": lambda f: bools(f).isclose(~bools(f)),
    "isclose-uint8": lambda f: byte(f).isclose(byte(f) + 1, atol=1.5),
    **{f"{name}-{kind.__name__}": lambda f, name=name, kind=kind: getattr(kind(f), name)()
       for name in ("sigmoid", "tanh") for kind in (byte, whole, bools)},
    "relu-uint8": lambda f: byte(f).relu(), "relu-int": lambda f: whole(f).relu(),
    "topk-of-one": lambda f: f.tensor(3.0).topk(1).values, "topk-index": lambda f: f.tensor(3.0).topk(1).indices,
}


@pytest.mark.parametrize("name", REDUCTIONS)
def test_as_pytorch(name):
    torch = pytest.importorskip("torch")
    ours, theirs = REDUCTIONS[name](fastnet), REDUCTIONS[name](torch)
    assert f"torch.{ours.dtype}" == str(theirs.dtype) and ours.shape == tuple(theirs.shape)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)


def test_an_element_at_a_limit_that_is_a_tensor_keeps_its_gradient():
    x = fastnet.tensor([1.0, 2.0, 3.0], requires_grad=True)
    low = fastnet.tensor([2.0, 2.0, 2.0], requires_grad=True)
    x.clamp(low).sum().backward()
    assert x.grad.tolist() == [0, 1, 1] and low.grad.tolist() == [1, 0, 0]


@pytest.mark.parametrize("divide", [
    lambda x, y: x // y, lambda x, y: x % y, fastnet.fmod, lambda x, y: fastnet.div(x, y, rounding_mode="trunc"),
    lambda x, y: fastnet.div(x, y, rounding_mode="floor")])
def test_integers_are_not_divided_by_zero(divide):
    x = fastnet.arange(3)
    for y in (0, fastnet.tensor([1, 0, 2])):
        with pytest.raises(RuntimeError, match="cannot be divided by 0"):
            divide(x, y)
    assert divide(x.float(), fastnet.ones(3)).shape == (3,)
    step = fastnet.compile(divide)
    step(x, x + 1)
    with pytest.raises(RuntimeError, match="cannot be divided by 0"):
        step(x, x)


@pytest.mark.parametrize("name", ["sum", "mean", "std", "var", "max", "amin", "argmax", "all", "logsumexp", "norm"])
def test_a_dimension_is_a_numpy_integer(name):
    x = fastnet.arange(6.0).reshape(2, 3) > 2 if name == "all" else fastnet.arange(6.0).reshape(2, 3)
    found, expected = getattr(x, name)(dim=np.int64(1)), getattr(x, name)(dim=1)
    for a, b in zip(found, expected) if isinstance(found, tuple) else [(found, expected)]:
        assert a.shape == b.shape == (2,) and fastnet.equal(a, b)


def test_none_and_text_are_refused_as_data():
    x = fastnet.ones(2)
    assert x != None and x != "a"        # noqa: E711
    assert (x == None) is False and (x == "a") is False       # noqa: E711
    assert (x == [1]) is False and x not in (None, "a") and (x == 1).all()
    for other in (None, "a", [1]):
        with pytest.raises(TypeError, match="not supported between instances"):
            operator.lt(x, other)
    assert {x: 1}[x] == 1


@pytest.mark.parametrize("call, error, words", [
    *((lambda f=f: f(bools(fastnet), bools(fastnet)), RuntimeError, f"{name}: expected numbers, got") for name, f in [
        ("sub", operator.sub), ("pow", operator.pow), ("floor_divide", operator.floordiv), ("fmod", fastnet.fmod),
        ("remainder", operator.mod), ("neg", lambda x, y: -x), ("round", lambda x, y: x.round()),
        ("floor", lambda x, y: x.floor()), ("relu", lambda x, y: x.relu())]),
    (lambda: whole(fastnet).norm(), RuntimeError, "norm: expected a floating-point input, got int64"),
    (lambda: fastnet.ones(2).norm("nuc"), RuntimeError, "norm: expected a number or 'fro' as p, got 'nuc'"),
    (lambda: fastnet.ones(2).isclose(2), TypeError, "isclose: expected other to be a tensor, got int"),
    (lambda: fastnet.ones(2).equal(2), TypeError, "equal: expected other to be a tensor, got int"),
    *((f, TypeError, f"{name}: expected {argument} to be a tensor, got int") for name, argument, f in [
        ("dot", "tensor", lambda: fastnet.dot(fastnet.ones(2), 3)), ("dot", "tensor", lambda: fastnet.ones(2).dot(3)),
        ("mv", "vec", lambda: fastnet.ones(2, 2).mv(3)), ("outer", "vec2", lambda: fastnet.ones(2).outer(3)),
        ("bmm", "mat2", lambda: fastnet.ones(2, 2, 2).bmm(3)), ("type_as", "other", lambda: fastnet.ones(2).type_as(3)),
        ("relu", "input", lambda: fastnet.nn.ReLU()(3)), ("softmax", "input", lambda: fastnet.nn.Softmax(0)(3))]),
    (lambda: fastnet.zeros(2.5), TypeError, "expected integers, or one tuple of them, got 2.5"),
    (lambda: fastnet.ones(4).reshape(2, 2.0), TypeError, r"integers, or one tuple of them, got \(2, 2.0\)"),
    (lambda: fastnet.ones(2).chunk("a"), TypeError, "chunk: expected chunks to be an integer, got 'a'"),
    (lambda: fastnet.ones(2, 3)[5], IndexError, r"index 5 is out of bounds for dimension 0 .*\(shape \(2, 3\)\)"),
    (lambda: fastnet.ones(2, 3)[fastnet.tensor([5])], IndexError, "5 is out of .* dimension 0"),
    (lambda: fastnet.randint(5), TypeError, r"randint: expected \(high, size\) or \(low, high, size\), got no size"),
    (lambda: fastnet.ones(2).fill_("a"), TypeError, "fill: expected a number, got 'a'"),
    (lambda: fastnet.ones(2).clamp("a"), TypeError, "clamp: expected min and max to be .*, got 'a' and None"),
    (lambda: fastnet.ones(2).clamp(np.ones(2)), TypeError, "clamp: expected min and max to be numbers or tensors"),
    (lambda: fastnet.ones(2).topk("a"), TypeError, "topk: expected k to be an integer, got 'a'"),
    (lambda: fastnet.stack(3), TypeError, "stack: expected a sequence of tensors, got int"),
    (lambda: fastnet.cat(None), TypeError, "cat: expected a sequence of tensors, got NoneType"),
    (lambda: fastnet.nn.init.normal_(3), TypeError, "normal_: expected tensor to be a tensor, got int"),
    (lambda: fastnet.nn.init.xavier_uniform_(3), TypeError, "xavier_uniform_: expected tensor to be a tensor, got int"),
    (lambda: fastnet.data.Subset(3, [1]), TypeError, r"Subset: expected a dataset with len\(\) .*, got int"),
    (lambda: fastnet.data.Compose(3), TypeError, "Compose: expected a sequence of transforms, got int"),
    (lambda: fastnet.ones(2).split("a"), TypeError, "split: expected a length or a sequence of lengths, got 'a'"),
    (lambda: fastnet.ones(2).chunk(0), RuntimeError, "chunk: expected a positive number of chunks, got 0"),
    (lambda: fastnet.cat([fastnet.ones(2), 3]), TypeError, "cat: expected element 1 to be a tensor, got int"),
    (lambda: fastnet.stack([3]), TypeError, "stack: expected element 0 to be a tensor, got int"),
    (lambda: fastnet.tensor(3.0).topk(2), RuntimeError, r"expected k from 0 to 1.*dimension -1 of shape \(\), got 2"),
    (lambda: fastnet.ones(2).topk(1, 2), IndexError, "dimension 2 is out of range"),
    (lambda: whole(fastnet).bernoulli(), RuntimeError, "bernoulli: expected a floating-point input"),
    (lambda: fastnet.ones(2).to("cuda"), RuntimeError, "to: expected device to be 'cpu', got 'cuda'"),
    (lambda: fastnet.nn.Dropout("a"), TypeError, "Dropout: expected a probability between 0 and 1, got 'a'"),
    (lambda: fastnet.nn.functional.dropout(fastnet.ones(2), None), TypeError, "dropout: expected a probability"),
])
def test_errors_name_the_given_value(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_reflected_operators_have_no_names():
    assert not any(hasattr(fastnet.Tensor, name) for name in ("rsub", "rdiv", "rpow", "rmod", "rfloordiv"))
