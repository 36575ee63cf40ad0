"""Matrix products."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import not_a_tensor, shape_text
from fastnet._core.memory import empty
from fastnet._core.state import state
from fastnet._core.tensor import Tensor, method
from fastnet._runtime.native import guards, untaped as _untaped
from fastnet.autograd import RESULT, gradient, on_tensors, op, writes_out
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.inplace import write_result
from fastnet.functional.kernel_calls import check_floating
from fastnet.functional.matrix_gradients import as_matrix, bias_gradient, input_gradient, product, weight_gradient
from fastnet.functional.shape import reshape

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Number, Result, Shape

__all__ = ["addmm", "bmm", "check_one_dtype", "dot", "linear", "linear_activated", "matmul", "mm", "mv", "outer",
           "right_gradient", "rmatmul"]

_LINEAR_ARGUMENTS = "input", "weight", "bias"
_BY_RESULT = "relu", "sigmoid", "tanh"
_CONVERSIONS = {"float32": "float()", "float64": "double()"}


def _with_last_two_swapped(x: Array) -> Array:
    return x.swapaxes(-1, -2)


@op
def _mm(a: Array, b: Array) -> Result[Array]:
    """(M, K) @ (K, N), or (B, M, K) @ (B, K, N); a batch of 1 is repeated."""
    a, b = kernels.operands(a, b)
    if a.ndim == 3 and a.shape[0] != b.shape[0]:
        n = max(a.shape[0], b.shape[0]) if 0 not in (a.shape[0], b.shape[0]) else 0
        a, b = (np.broadcast_to(x, (n, *x.shape[1:])) for x in (a, b))
    return product(a, b), (gradient(_of_left, b), gradient(right_gradient, a))


@on_tensors(lambda g, b: g @ b.transpose(-1, -2), 1)
@writes_out
def _of_left(g: Array, b: Array, *, out: Array | None = None) -> Array:
    return product(g, _with_last_two_swapped(b), out)


@on_tensors(lambda g, a: a.transpose(-1, -2) @ g, 0)
@writes_out
def right_gradient(g: Array, a: Array, *, out: Array | None = None) -> Array:
    """The gradient of the right factor of a product: a.T @ g."""
    return product(_with_last_two_swapped(a), g, out)


def _mismatch(name: str, a: Tensor, b: Tensor) -> RuntimeError:
    if 0 in (a.ndim, b.ndim):
        return RuntimeError(f"{name}: expected tensors with dimensions, got a 0-d tensor")
    return RuntimeError(f"{name}: shapes {shape_text(a)} and {shape_text(b)} do not fit: the last dimension of the "
                        f"first ({a.shape[-1]}) must equal the last but one of the second ({b.shape[-min(b.ndim, 2)]})")


def check_one_dtype(name: str, arguments: tuple[str, ...], *tensors: Tensor) -> None:
    """Refuse arguments that are not tensors of one dtype, that of the second."""
    dtype = getattr(tensors[1], "dtype", None)
    for x in tensors:
        if not isinstance(x, Tensor) or x.dtype is not dtype:
            break
    else:                               # the common case
        return
    for argument, x in zip(arguments, tensors):
        if not isinstance(x, Tensor):
            raise not_a_tensor(name, argument, x)
    dtype = tensors[1].dtype
    for argument, x in zip(arguments, tensors):
        if x.dtype != dtype:
            raise RuntimeError(f"{name}: expected {argument} and {arguments[1]} of one dtype, got {argument} "
                               f"{x.dtype.name} and {arguments[1]} {dtype.name}; convert the {argument} with "
                               f".{_CONVERSIONS.get(dtype.name) or f'to(fastnet.{dtype.name})'}")


@method("__matmul__")
def matmul(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Matrix product of two tensors: out[..., i, j] = sum_k input[..., i, k] * other[..., k, j].

    As in PyTorch and NumPy, a vector is a row on the left and a column on the right, and batches broadcast.

    Args:
        input: (..., M, K) or (K,).
        other: (..., K, N) or (K,).
        out: a tensor of the shape and dtype of the result, which is written into it; the call is not on the tape.

    Raises:
        RuntimeError: shapes or dtypes that don't fit; both are named.

    Example:
        >>> import fastnet
        >>> fastnet.matmul(fastnet.tensor([[1.0, 2.0], [3.0, 4.0]]), fastnet.tensor([1.0, 10.0]))
        tensor([21., 43.])
        >>> (fastnet.ones(5, 2, 3) @ fastnet.ones(3, 4)).shape
        (5, 2, 4)
    """
    if isinstance(input, Tensor) and isinstance(other, Tensor):
        a, b = input._data, other._data
        if a.ndim == 2 == b.ndim and a.shape[1] == b.shape[0] and a.dtype == b.dtype:       # the common case
            if out is None:
                return _mm(input, other)
            fits = out.shape == (a.shape[0], b.shape[1]) and out.dtype == a.dtype
            if fits and state.tracer is None and _untaped.is_simple_write(out, (input, other)):
                K.matmul(out._data, a, b)
                out._storage.version += 1
                return out
        if (out is None and a.ndim == 3 == b.ndim and a.shape[0] == b.shape[0] and a.shape[2] == b.shape[1]
                and a.dtype == b.dtype):
            return _mm(input, other)
    check_one_dtype("matmul", ("input", "other"), input, other)
    if input.ndim == 0 or other.ndim == 0 or input.shape[-1] != other.shape[-min(other.ndim, 2)]:
        raise _mismatch("matmul", input, other)
    return _general(input, other) if out is None else _matmul_into(input, other, out)


@method("__rmatmul__")
def rmatmul(self: Tensor, other: Tensor) -> Tensor:
    """other @ self."""
    return matmul(other, self)


def _matmul_into(input: Tensor, other: Tensor, out: Tensor) -> Tensor:
    o, a, b = out._data, input._data, other._data
    fits = a.ndim == 2 == b.ndim and o.shape == (a.shape[0], b.shape[1]) and o.dtype == a.dtype
    if fits and not any(i == 0 for i, _, _ in guards.overlaps([o, a, b])):          # a and b may overlap
        write_result("matmul", out, (input, other), lambda: K.matmul(o, a, b))
    else:
        result = matmul(input.detach(), other.detach())
        if out.shape != result.shape or out.dtype != result.dtype:
            raise RuntimeError(f"matmul: out has shape {shape_text(out)} and dtype {out.dtype}, the result has "
                               f"{shape_text(result)} and {result.dtype}")
        write_result("matmul", out, (input, other), lambda: K.copy(out._data, result._data))
    return out


def _general(a: Tensor, b: Tensor) -> Tensor:
    """The product of vectors and batches, reshaped to matrices or to one batch dimension."""
    vector_a, vector_b = a.ndim == 1, b.ndim == 1
    a = a.unsqueeze(0) if vector_a else a
    b = b.unsqueeze(1) if vector_b else b
    if b.ndim == 2:                     # one matrix for all rows: no batch needed
        batch = a.shape[:-2]
        result = reshape(_mm(reshape(a, -1 if a.numel() else math.prod(a.shape[:-1]), a.shape[-1]), b),
                         *batch, a.shape[-2], b.shape[-1])
    else:
        batch = _batch(a, b)
        result = reshape(_mm(_batched(a, batch), _batched(b, batch)), *batch, a.shape[-2], b.shape[-1])
    result = result.squeeze(-2) if vector_a else result
    return result.squeeze(-1) if vector_b else result


def _batch(a: Tensor, b: Tensor) -> Shape:
    try:
        return kernels.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise RuntimeError(f"matmul: the batch dimensions of {shape_text(a)} and {shape_text(b)} do not "
                           "broadcast") from None


def _batched(x: Tensor, batch: Shape) -> Tensor:
    """x as (batch, rows, columns), repeated where the batches differ; a single matrix keeps batch 1."""
    *lead, rows, columns = x.shape
    if all(n == 1 for n in lead):
        return reshape(x, 1, rows, columns)
    x = x if tuple(lead) == batch else x.expand(*batch, rows, columns)
    return reshape(x, math.prod(batch), rows, columns)


@method()
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """Product of two matrices, (M, K) and (K, N).

    Raises:
        RuntimeError: other shapes; both are named.

    Example:
        >>> import fastnet
        >>> fastnet.mm(fastnet.tensor([[1.0, 2.0]]), fastnet.tensor([[3.0], [4.0]]))
        tensor([[11.]])
    """
    if input.ndim != 2 or mat2.ndim != 2:
        raise RuntimeError(f"mm: expected two matrices, got shapes {shape_text(input)} and {shape_text(mat2)}")
    return matmul(input, mat2)


@method()
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Products of two batches of matrices, (B, M, K) and (B, K, N).

    Raises:
        RuntimeError: other shapes; both are named.

    Example:
        >>> import fastnet
        >>> fastnet.bmm(fastnet.ones(5, 2, 3), fastnet.ones(5, 3, 4)).shape
        (5, 2, 4)
    """
    if input.ndim != 3 or mat2.ndim != 3 or input.shape[0] != mat2.shape[0]:
        raise RuntimeError(f"bmm: expected two batches of matrices, got shapes {shape_text(input)} and "
                           f"{shape_text(mat2)}")
    return matmul(input, mat2)


@method()
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Product of a matrix (M, K) and a vector (K,).

    Raises:
        RuntimeError: other shapes, or shapes that don't fit; both are named.

    Example:
        >>> import fastnet
        >>> fastnet.mv(fastnet.tensor([[1.0, 2.0], [3.0, 4.0]]), fastnet.tensor([1.0, 10.0]))
        tensor([21., 43.])
    """
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"mv: expected a matrix and a vector, got shapes {shape_text(input)} and {shape_text(vec)}")
    return matmul(input, vec)


@method()
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """Inner product of two vectors, sum_i input[i] * tensor[i].

    Raises:
        RuntimeError: other shapes; both are named.

    Example:
        >>> import fastnet
        >>> fastnet.dot(fastnet.tensor([1.0, 2.0]), fastnet.tensor([3.0, 4.0]))
        tensor(11.)
    """
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"dot: expected two vectors, got shapes {shape_text(input)} and {shape_text(tensor)}")
    return matmul(input, tensor)


@method()
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Outer product of two vectors, out[i][j] = input[i] * vec2[j].

    Raises:
        RuntimeError: an argument is not a vector.

    Example:
        >>> import fastnet
        >>> fastnet.outer(fastnet.tensor([1.0, 2.0]), fastnet.tensor([3.0, 4.0]))
        tensor([[3., 4.],
                [6., 8.]])
    """
    if input.ndim != 1 or vec2.ndim != 1:
        raise RuntimeError(f"outer: expected two vectors, got shapes {shape_text(input)} and {shape_text(vec2)}")
    return input.unsqueeze(1) * vec2.unsqueeze(0)


@method()
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2).

    Args:
        input: broadcasts to (M, N).
        mat1, mat2: (M, K) and (K, N).
        beta, alpha: numbers. A term multiplied by 0 is ignored, even if it holds NaN.

    Raises:
        RuntimeError: shapes or dtypes that don't fit (both are named), or a float factor for integers. PyTorch drops
            its fraction instead.

    Example:
        >>> import fastnet
        >>> fastnet.addmm(fastnet.ones(1), fastnet.ones(2, 3), fastnet.ones(3, 2), alpha=10)
        tensor([[31., 31.],
                [31., 31.]])
    """
    result = matmul(mat1, mat2)
    for name, factor in (("beta", beta), ("alpha", alpha)):
        if isinstance(factor, float) and not dtypes.is_floating(result.dtype):
            raise RuntimeError(f"addmm: expected {name} to be an integer for a result of dtype {result.dtype}, got "
                               f"{factor!r}")
    return _scaled_term(input.expand(result.shape), beta) + _scaled_term(result, alpha)


def _scaled_term(x: Tensor, factor: Number) -> Tensor:
    return _zeroed(x) if factor == 0 else x if factor == 1 else x * factor


@op
def _zeroed(x: Array) -> Result[Array]:
    """0 times x as in BLAS: 0 even for NaN and infinity."""
    return kernels.zeros_like(x), (kernels.zeros_like,)


def _affine(x: Array, weight: Array, bias: Array | None, activation: str = "none") -> Result[Array]:
    """activation(x @ weight.T + bias), and the gradients of x, weight and bias as functions of that of the sum."""
    rows, shape = as_matrix(x), x.shape
    out = empty((rows.shape[0], weight.shape[0]), x.dtype)
    K.matmul(out, rows, weight.T, bias, activation)
    return (out if rows is x else out.reshape(*shape[:-1], weight.shape[0]),
            (gradient(input_gradient, weight, shape), gradient(weight_gradient, rows), bias_gradient))


@op
def _linear(x: Array, weight: Array, bias: Array | None) -> Result[Array]:
    return _affine(x, weight, bias)


@op
def _activated(x: Array, weight: Array, bias: Array | None, *, activation: str) -> Result[Array]:
    y, gradients = _affine(x, weight, bias, activation)
    return y, gradient(_of_sum, y, activation).then(*gradients)


@op
def _ended(x: Array, weight: Array, bias: Array | None, *, activation: str) -> Result[Array]:
    return _affine(x, weight, bias, activation)[0], None


_SLOPES_BY_RESULT = {"relu": lambda y: (y > 0).to(y), "sigmoid": lambda y: y * (1 - y), "tanh": lambda y: 1 - y * y}


@on_tensors(lambda g, y, activation: g * _SLOPES_BY_RESULT[activation](y), RESULT)
def _of_sum(g: Array, y: Array, activation: str) -> Array:
    return kernels.call_like(activation + "_backward", y, kernels.contiguous(g))


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Affine map input @ weight.T + bias, computed by one kernel.

    Args:
        input: (..., in_features).
        weight: (out_features, in_features).
        bias: (out_features,) or None.

    Raises:
        RuntimeError: shapes or dtypes that don't fit; both are named.

    Example:
        >>> import fastnet
        >>> weight = fastnet.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> fastnet.nn.functional.linear(fastnet.tensor([[1.0, 10.0]]), weight, fastnet.tensor([0.0, 100.0]))
        tensor([[ 21., 143.]])
    """
    _check_linear(input, weight, bias)
    if not dtypes.is_floating(input.dtype):
        result = matmul(input, weight.t())
        return result if bias is None else result + bias
    return _linear(input, weight, bias)


def linear_activated(input: Tensor, weight: Tensor, bias: Tensor | None, activation: str) -> Tensor:
    """activation(linear(input, weight, bias)) in one kernel, with the same bits.

    Args:
        input, weight, bias: as of `linear`.
        activation: "relu", "sigmoid" or "tanh", whose gradients follow from their results; with another one of the
            kernel `matmul` the result has no gradient.
    """
    _check_linear(input, weight, bias)
    check_floating("linear", input)
    return (_activated if activation in _BY_RESULT else _ended)(input, weight, bias, activation=activation)


def _check_linear(input: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    if weight.ndim != 2 or input.ndim == 0 or input.shape[-1] != weight.shape[1]:
        raise RuntimeError(f"linear: an input of shape {shape_text(input)} does not fit a weight of shape "
                           f"{shape_text(weight)}: its last dimension must be {weight.shape[-1] if weight.ndim else 1}")
    if bias is not None and bias.shape != (weight.shape[0],):
        raise RuntimeError(f"linear: a bias of shape {shape_text(bias)} does not fit a weight of shape "
                           f"{shape_text(weight)}: expected ({weight.shape[0]},)")
    check_one_dtype("linear", _LINEAR_ARGUMENTS, input, weight, *(() if bias is None else (bias,)))
