"""Matrix products."""
import math

import numpy as np

from fastnet._core.errors import shape_text
from fastnet._core.memory import empty
from fastnet._core.tensor import Tensor, method
from fastnet._runtime.native import calls, tape as _tape
from fastnet.autograd import gradient, op, writes_out
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.inplace import write_result
from fastnet.functional.shape import reshape


def _product(a, b, out=None):
    """a @ b for (M, K) and (K, N), or with one batch dimension before; written into `out` if it has the shape."""
    shape = a.shape[:-1] + b.shape[-1:]
    if out is None or out.shape != shape:
        out = empty(shape, a.dtype)
    K.matmul(out, a, b)
    return out


def _transposed(x):
    return x.swapaxes(-1, -2)


@op
def _mm(a, b):
    """(M, K) @ (K, N), or (B, M, K) @ (B, K, N); a batch of 1 is repeated."""
    a, b = kernels.operands(a, b)
    if a.ndim == 3 and a.shape[0] != b.shape[0]:
        n = max(a.shape[0], b.shape[0]) if 0 not in (a.shape[0], b.shape[0]) else 0
        a, b = (np.broadcast_to(x, (n, *x.shape[1:])) for x in (a, b))
    return _product(a, b), (gradient(_of_left, b), gradient(_of_right, a))


@writes_out
def _of_left(g, b, *, out=None):
    return _product(g, _transposed(b), out)


@writes_out
def _of_right(g, a, *, out=None):
    return _product(_transposed(a), g, out)


def _mismatch(name, a, b):
    return RuntimeError(f"{name}: shapes {shape_text(a)} and {shape_text(b)} do not fit: the last dimension of the "
                        f"first ({a.shape[-1]}) must equal the last but one of the second ({b.shape[-min(b.ndim, 2)]})")


def _floating(name, *tensors):
    for x in tensors:
        if not isinstance(x, Tensor):
            raise TypeError(f"{name}: expected tensors, got {type(x).__name__}")
    kinds = [x.dtype for x in tensors]
    if any(d != kinds[0] for d in kinds):
        raise RuntimeError(f"{name}: expected one dtype, got {' and '.join(d.name for d in kinds)}")


@method("__matmul__")
def matmul(input, other, *, out=None):
    """The matrix product: out[..., i, j] = sum_k input[..., i, k] * other[..., k, j].

    As in PyTorch and NumPy, a vector stands for one row on the left and one column on the right, and batches broadcast.

    Args:
        input: (..., M, K) or (K,).
        other: (..., K, N) or (K,).
        out: a tensor of the result's shape and dtype to write into; not on the tape.

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
        if a.ndim == 2 == b.ndim and a.shape[1] == b.shape[0] and a.dtype == b.dtype:       # what is mostly asked for
            if out is None:
                return _mm(input, other)
            fits = out.shape == (a.shape[0], b.shape[1]) and out.dtype == a.dtype
            if fits and _tape.is_simple_write(out, (input, other)):
                K.matmul(out._data, a, b)
                out._storage.version += 1
                return out
    _floating("matmul", input, other)
    if input.ndim == 0 or other.ndim == 0 or input.shape[-1] != other.shape[-min(other.ndim, 2)]:
        raise RuntimeError("matmul: 0-d tensors have no matrix product") if 0 in (input.ndim, other.ndim) \
            else _mismatch("matmul", input, other)
    return _general(input, other) if out is None else _matmul_into(input, other, out)


@method("__rmatmul__")
def rmatmul(self, other):
    """other @ self."""
    return matmul(other, self)


def _matmul_into(input, other, out):
    o, a, b = out._data, input._data, other._data
    fits = a.ndim == 2 == b.ndim and o.shape == (a.shape[0], b.shape[1]) and o.dtype == a.dtype
    if fits and not any(i == 0 for i, _, _ in calls.overlaps([o, a, b])):           # a and b may be one
        write_result("matmul", out, (input, other), lambda: K.matmul(o, a, b))
    else:
        result = matmul(input.detach(), other.detach())
        if out.shape != result.shape or out.dtype != result.dtype:
            raise RuntimeError(f"matmul: out has shape {shape_text(out)} and dtype {out.dtype}, the result has "
                               f"{shape_text(result)} and {result.dtype}")
        write_result("matmul", out, (input, other), lambda: K.copy(out._data, result._data))
    return out


def _general(a, b):
    """Vectors and batches by way of (M, K) @ (K, N) or one batch dimension."""
    vector_a, vector_b = a.ndim == 1, b.ndim == 1
    a = a.unsqueeze(0) if vector_a else a
    b = b.unsqueeze(1) if vector_b else b
    if b.ndim == 2:                     # one matrix for all rows: no batch needed
        batch = a.shape[:-2]
        result = reshape(_mm(reshape(a, -1 if a.numel() else int(np.prod(a.shape[:-1])), a.shape[-1]), b),
                         *batch, a.shape[-2], b.shape[-1])
    else:
        batch = _batch(a, b)
        result = reshape(_mm(_batched(a, batch), _batched(b, batch)), *batch, a.shape[-2], b.shape[-1])
    result = result.squeeze(-2) if vector_a else result
    return result.squeeze(-1) if vector_b else result


def _batch(a, b):
    try:
        return kernels.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise RuntimeError(f"matmul: the batch dimensions of {shape_text(a)} and {shape_text(b)} do not "
                           "broadcast") from None


def _batched(x, batch):
    """x as (batch, rows, columns), repeated where the batches differ; a single matrix stays one."""
    if all(n == 1 for n in x.shape[:-2]):
        return reshape(x, 1, *x.shape[-2:])
    return reshape(x.expand(*batch, *x.shape[-2:]), int(np.prod(batch)), *x.shape[-2:])


@method()
def mm(input, mat2):
    """The product of two matrices, (M, K) and (K, N).

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
def bmm(input, mat2):
    """The products of two batches of matrices, (B, M, K) and (B, K, N).

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
def mv(input, vec):
    """The product of a matrix (M, K) and a vector (K,).

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
def dot(input, tensor):
    """The inner product of two vectors, sum_i input[i] * tensor[i].

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
def outer(input, vec2):
    """The outer product of two vectors, out[i][j] = input[i] * vec2[j].

    Raises:
        RuntimeError: more or fewer dimensions than one.

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
def addmm(input, mat1, mat2, *, beta=1, alpha=1):
    """beta * input + alpha * (mat1 @ mat2).

    Args:
        input: broadcasts to (M, N).
        mat1, mat2: (M, K) and (K, N).
        beta, alpha: numbers. What is multiplied by 0 is ignored, even NaN.

    Raises:
        RuntimeError: shapes or dtypes that don't fit; both are named. Or a float factor for integers, whose fraction
            PyTorch drops.

    Example:
        >>> import fastnet
        >>> fastnet.addmm(fastnet.ones(1), fastnet.ones(2, 3), fastnet.ones(3, 2), alpha=10)
        tensor([[31., 31.],
                [31., 31.]])
    """
    product = matmul(mat1, mat2)
    for name, factor in (("beta", beta), ("alpha", alpha)):
        if isinstance(factor, float) and product.dtype.kind != "f":
            raise RuntimeError(f"addmm: {name} is {factor!r}, which does not fit a result of dtype {product.dtype}: "
                               "expected an integer")
    return _times(input.expand(product.shape), beta) + _times(product, alpha)


def _times(x, factor):
    return _nothing(x) if factor == 0 else x if factor == 1 else x * factor


@op
def _nothing(x):
    """0 times x, as BLAS has it: 0 whatever x holds."""
    return kernels.zeros_like(x), (kernels.zeros_like,)


def _rows(x):
    return x if x.ndim == 2 else kernels.reshaped(x, (math.prod(x.shape[:-1]), x.shape[-1]))


def _affine(x, weight, bias, activation="none"):
    """(activation(x @ weight.T + bias), the three gradients as functions of that of the sum)"""
    rows, shape = _rows(x), x.shape
    out = empty((rows.shape[0], weight.shape[0]), x.dtype)
    K.matmul(out, rows, weight.T, bias, activation=activation)
    return (out.reshape(*shape[:-1], weight.shape[0]),
            (gradient(_of_input, weight, shape), gradient(_of_weight, rows), _of_bias))


def _of_input(g, weight, shape):
    return _product(_rows(g), weight).reshape(shape)


@writes_out
def _of_weight(g, rows, *, out=None):
    return _product(_rows(g).T, rows, out)


@writes_out
def _of_bias(g, *, out=None):
    total = empty((1, g.shape[-1]), g.dtype) if out is None else out.reshape(1, -1)
    K.sum(total, kernels.contiguous(_rows(g))[None])
    return total.reshape(-1) if out is None else out


@op
def _linear(x, weight, bias):
    return _affine(x, weight, bias)


@op
def _activated(x, weight, bias, *, activation):
    y, gradients = _affine(x, weight, bias, activation)
    return y, gradient(_of_sum, y, activation).then(*gradients)


def _of_sum(g, y, activation):
    return kernels.call_like(activation + "_backward", y, kernels.contiguous(g))


def linear(input, weight, bias=None):
    """input @ weight.T + bias, in one kernel.

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
    if input.dtype.kind != "f":
        product = matmul(input, weight.t())
        return product if bias is None else product + bias
    return _linear(input, weight, bias)


def linear_activated(input, weight, bias, activation):
    """activation(linear(input, weight, bias)) in one kernel, and the same bits.

    Args:
        activation: "relu", "sigmoid" or "tanh", whose gradients follow from their results.
    """
    _check_linear(input, weight, bias)
    if input.dtype.kind != "f":
        raise RuntimeError(f"linear: expected a floating-point input, got {input.dtype}")
    return _activated(input, weight, bias, activation=activation)


def _check_linear(input, weight, bias):
    if weight.ndim != 2 or input.ndim == 0 or input.shape[-1] != weight.shape[1]:
        raise RuntimeError(f"linear: an input of shape {shape_text(input)} does not fit a weight of shape "
                           f"{shape_text(weight)}: its last dimension must be {weight.shape[-1] if weight.ndim else 1}")
    if bias is not None and bias.shape != (weight.shape[0],):
        raise RuntimeError(f"linear: a bias of shape {shape_text(bias)} does not fit a weight of shape "
                           f"{shape_text(weight)}: expected ({weight.shape[0]},)")
    _floating("linear", input, weight, *(() if bias is None else (bias,)))
