"""Sums of products: they are computed in the dtype of the result, not in that of the factors."""
import itertools

import numpy as np
import pytest

import fastnet

pytestmark = pytest.mark.usefixtures("backend")
DTYPES = ("bool", "uint8", "int32", "int64", "float32", "float64")
VALUES = np.array([1, 200, 3.3])


def _made(f, dtype, dims):
    array = (VALUES if dims else VALUES[1]).astype(dtype)
    return f.tensor(array.tolist(), dtype=getattr(f, dtype))


def _result(call):
    """(the dtype's name, the values), or the type of the error."""
    try:
        out = call()
    except RuntimeError as error:
        return type(error), None
    return str(out.dtype).removeprefix("torch."), np.asarray(out)


def _compare(call):
    torch = pytest.importorskip("torch")
    (kind, ours), (expected, theirs) = _result(lambda: call(fastnet)), _result(lambda: call(torch))
    assert kind == expected
    if theirs is not None:
        np.testing.assert_allclose(ours, theirs, rtol=1e-15 if kind == "float64" else 1e-7)


@pytest.mark.parametrize("left", DTYPES)
@pytest.mark.parametrize("right", DTYPES)
@pytest.mark.parametrize("name", ["add", "sub"])
def test_alpha(name, left, right):
    if name == "sub" and "bool" in (left, right):
        pytest.skip("a difference of bools")
    for dims, alpha in itertools.product(((1, 1), (1, 0), (0, 1), (0, 0)), (5, -1, 2.5, True)):
        _compare(lambda f, dims=dims, alpha=alpha: getattr(f, name)(
            _made(f, left, dims[0]), _made(f, right, dims[1]), alpha=alpha))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("number", [3, 2.5])
def test_alpha_with_a_number(dtype, number):
    for alpha in (5, 2.5):
        _compare(lambda f, alpha=alpha: f.add(_made(f, dtype, 1), number, alpha=alpha))


@pytest.mark.parametrize("dtypes", list(itertools.product(DTYPES, DTYPES, DTYPES)), ids="-".join)
@pytest.mark.parametrize("name", ["addcmul", "addcdiv"])
def test_three_operands(name, dtypes):
    if set(dtypes) == {"bool"}:
        pytest.skip("PyTorch has no kernel for bools")
    for value in (1, 5) if not {"float32", "float64"} & set(dtypes) else (1, 5, 2.5):
        _compare(lambda f, value=value: getattr(f, name)(*(_made(f, d, 1) for d in dtypes), value=value))


def test_products_beyond_the_factors_dtype():
    eight_bits, wide = fastnet.tensor([200], dtype=fastnet.uint8), fastnet.tensor([0])
    assert fastnet.add(wide, eight_bits, alpha=5).tolist() == [1000]
    assert fastnet.sub(wide, eight_bits, alpha=5).tolist() == [-1000]
    assert fastnet.addcmul(wide, eight_bits, eight_bits).tolist() == [40000]
    third = fastnet.tensor([1.0]) / 3
    for f in (fastnet.addcmul, fastnet.addcdiv):
        out = f(fastnet.tensor([0.0], dtype=fastnet.float64), third, fastnet.tensor([3.0]))
        expected = third.double() * 3 if f is fastnet.addcmul else third.double() / 3
        assert out.item() == expected.item()


def test_gradients_have_the_operands_dtypes():
    x, y = fastnet.ones(2, dtype=fastnet.float64, requires_grad=True), fastnet.ones(2, requires_grad=True)
    fastnet.add(x, y, alpha=3).sum().backward()
    fastnet.sub(x, y, alpha=5).sum().backward()
    assert (x.grad.dtype, y.grad.dtype) == (fastnet.float64, fastnet.float32)
    assert x.grad.tolist() == [2.0, 2.0] and y.grad.tolist() == [-2.0, -2.0]


@pytest.mark.parametrize("call, words", [
    (lambda x: fastnet.add(x, x, alpha=0.5), "add: expected alpha to be an integer for .* int64, got 0.5"),
    (lambda x: fastnet.sub(x, x, alpha=0.5), "sub: expected alpha to be an integer .*, got 0.5"),
    (lambda x: fastnet.add(x, x, alpha=True), "add: expected alpha to be an integer .*, got True"),
    (lambda x: fastnet.addcmul(x, x, x, value=0.5), "addcmul: expected value to be an integer .*, got 0.5"),
    (lambda x: fastnet.addcdiv(x, x, x), "addcdiv: expected a floating-point tensor1 or tensor2, got int64 and int64"),
])
def test_factors_that_do_not_fit_are_named(call, words):
    with pytest.raises(RuntimeError, match=words):
        call(fastnet.tensor([1, 2]))
