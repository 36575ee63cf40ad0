"""Quantised tensors element by element: other scales, sums, products, functions by table, and softmax."""
from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.errors import shape_text
from fastnet._core.memory import empty_like
from fastnet._core.tensor import Tensor
from fastnet.autograd import op
from fastnet.backend import K
from fastnet.functional.dims import as_dim
from fastnet.functional.joining import cat
from fastnet.functional.kernel_calls import broadcast_shape, contiguous, copy
from fastnet.functional.keys import constant
from fastnet.functional.quantized_numbers import factor_of, softmax_table
from fastnet.functional.quantized_products import check_bytes

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result

__all__ = ["quantized_add", "quantized_concat", "quantized_function", "quantized_mul", "quantized_softmax",
           "requantize"]

_SUM_BITS = 20


@op
def _requantize(q: Array, source: tuple[int, ...], result: tuple[int, ...]) -> Result[Array]:
    out = empty_like(q)
    K.requantize(out, q, source, result)
    return out, None


def requantize(input: Tensor, scale: float, zero_point: int, scale_out: float, zero_out: int, low: int = -128,
               high: int = 127) -> Tensor:
    """A quantised tensor with another scale and zero point; the input itself if they are the same.

    Args:
        input: any shape, int8 or uint8.
        scale, zero_point: of the input.
        scale_out, zero_out: of the result.
        low, high: limits of the result.

    Example:
        >>> import fastnet
        >>> requantize(fastnet.tensor([-10, 0, 11], dtype=fastnet.int8), 0.5, 0, 1.0, 5)
        tensor([ 0,  5, 11], dtype=int8)
    """
    check_bytes("requantize", "input", input)
    if (scale, zero_point, low, high) == (scale_out, zero_out, -128, 127):
        return input
    return _requantize(input, (zero_point, *factor_of(scale / scale_out)), (zero_out, low, high))


@op
def _quantized_add(a: Array, b: Array, left: tuple[int, ...], right: tuple[int, ...],
                   result: tuple[int, ...]) -> Result[Array]:
    a, b = _of_one_shape(a, b)
    out = empty_like(a)
    K.quantized_add(out, a, b, left, right, result)
    return out, None


def _of_one_shape(a: Array, b: Array) -> tuple[Array, Array]:
    """Two arrays of one shape and memory order."""
    if a.shape == b.shape and a.strides == b.strides:
        return a, b
    shape = broadcast_shape(a, b)
    wide = [contiguous(x) if x.shape == shape else _broadcast_copy(x, shape) for x in (a, b)]
    return wide[0], wide[1]


def _broadcast_copy(x: Array, shape: tuple[int, ...]) -> Array:
    return copy(np.broadcast_to(x, shape))


def quantized_add(a: Tensor, b: Tensor, scale_a: float, zero_a: int, scale_b: float, zero_b: int, scale_out: float,
                  zero_out: int, low: int = -128, high: int = 127) -> Tensor:
    """Sum of two quantised tensors, in integers as TensorFlow Lite's.

    Args:
        a, b: int8 or uint8, of shapes that broadcast.
        scale_a, zero_a, scale_b, zero_b: of the arguments.
        scale_out, zero_out: of the result.
        low, high: limits of the result. A low of zero_out is a ReLU.

    Example:
        >>> import fastnet
        >>> a, b = fastnet.tensor([10, -20], dtype=fastnet.int8), fastnet.tensor([5, 5], dtype=fastnet.int8)
        >>> quantized_add(a, b, 0.5, 0, 1.0, 0, 1.0, 0)
        tensor([10, -5], dtype=int8)
    """
    check_bytes("quantized_add", "a", a)
    check_bytes("quantized_add", "b", b)
    wide = 2 * max(scale_a, scale_b)
    result = zero_out, *factor_of(wide / (scale_out * 2.0 ** _SUM_BITS)), low, high
    return _quantized_add(a, b, (zero_a, *factor_of(scale_a / wide)), (zero_b, *factor_of(scale_b / wide)), result)


@op
def _quantized_mul(a: Array, b: Array, zero_a: int, zero_b: int, result: tuple[int, ...]) -> Result[Array]:
    a, b = _of_one_shape(a, b)
    out = empty_like(a)
    K.quantized_mul(out, a, b, zero_a, zero_b, result)
    return out, None


def quantized_mul(a: Tensor, b: Tensor, scale_a: float, zero_a: int, scale_b: float, zero_b: int, scale_out: float,
                  zero_out: int, low: int = -128, high: int = 127) -> Tensor:
    """Product of two quantised tensors, element by element, in integers.

    Args:
        a, b: int8 or uint8, of shapes that broadcast.
        scale_a, zero_a, scale_b, zero_b: of the arguments.
        scale_out, zero_out: of the result.
        low, high: limits of the result.

    Example:
        >>> import fastnet
        >>> a, b = fastnet.tensor([10, -20], dtype=fastnet.int8), fastnet.tensor([4, 4], dtype=fastnet.int8)
        >>> quantized_mul(a, b, 0.5, 0, 1.0, 0, 1.0, 0)
        tensor([ 20, -40], dtype=int8)
    """
    check_bytes("quantized_mul", "a", a)
    check_bytes("quantized_mul", "b", b)
    return _quantized_mul(a, b, zero_a, zero_b, (zero_out, *factor_of(scale_a * scale_b / scale_out), low, high))


def quantized_concat(tensors: Sequence[Tensor], scales: Sequence[float], zero_points: Sequence[int], scale_out: float,
                     zero_out: int, dim: int = 0) -> Tensor:
    """Concatenate quantised tensors, each requantised to the scale of the result unless it has that scale.

    Args:
        tensors: int8 or uint8, of the same shape in all other dimensions.
        scales, zero_points: one for each tensor.
        scale_out, zero_out: of the result.
        dim: a dimension.

    Example:
        >>> import fastnet
        >>> a, b = fastnet.tensor([10], dtype=fastnet.int8), fastnet.tensor([3], dtype=fastnet.int8)
        >>> quantized_concat([a, b], [0.5, 1.0], [0, 0], 1.0, 0)
        tensor([5, 3], dtype=int8)
    """
    return cat([requantize(x, scale, zero, scale_out, zero_out)
                for x, scale, zero in zip(tensors, scales, zero_points, strict=True)], dim)


@op
def _quantized_function(q: Array, table: Any) -> Result[Array]:
    out = empty_like(q)
    K.byte_table(out, q, table)
    return out, None


def quantized_function(input: Tensor, table: Tensor) -> Tensor:
    """table[input + 128], or table[input] for uint8: any function of a quantised tensor, element by element.

    Args:
        input: any shape, int8 or uint8.
        table: (256,), of the input's dtype; `quantized_numbers.function_table` makes it.

    Raises:
        RuntimeError: another dtype or shape.

    Example:
        >>> import fastnet
        >>> from fastnet.functional.quantized_numbers import function_table
        >>> relu = fastnet.tensor(function_table(lambda x: max(x, 0.0), 0.5, 0, 0.5, 0))
        >>> quantized_function(fastnet.tensor([-3, 4], dtype=fastnet.int8), relu)
        tensor([0, 4], dtype=int8)
    """
    check_bytes("quantized_function", "input", input)
    if table.shape != (256,) or table.dtype != input.dtype:
        raise RuntimeError(f"quantized_function: expected a table (256,) of dtype {input.dtype}, got shape "
                           f"{shape_text(table)} of {table.dtype}")
    return _quantized_function(input, table)


_softmax_table = functools.lru_cache(softmax_table)


@op
def _quantized_softmax(q: Array, scale: float, dim: int) -> Result[Array]:
    rows = contiguous(q.swapaxes(dim, -1))
    out = empty_like(rows)
    flat = (rows.size // rows.shape[-1] if rows.size else 0, rows.shape[-1])
    K.quantized_softmax(out.reshape(flat), rows.reshape(flat), constant(_softmax_table(scale)))
    return out.swapaxes(dim, -1), None


def quantized_softmax(input: Tensor, scale: float, dim: int = -1) -> Tensor:
    """Softmax of a quantised tensor in integers. The result has the scale 1/256 and its lowest number as zero point.

    Args:
        input: any shape, int8 or uint8.
        scale: of the input.
        dim: the dimension along which the results add up to 1.

    Example:
        >>> import fastnet
        >>> quantized_softmax(fastnet.tensor([0, 0, -100], dtype=fastnet.int8), 0.1)
        tensor([   0,    0, -128], dtype=int8)
    """
    check_bytes("quantized_softmax", "input", input)
    return _quantized_softmax(input, scale, as_dim(input, dim))
