"""Checks of the arguments of linear algebra."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet import dtypes
from fastnet._core.errors import not_a_tensor, shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.kernel_calls import broadcast_shapes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastnet._core.annotations import Shape

__all__ = ["check_matrices", "check_real", "check_square", "common_batch"]

_REAL = dtypes.float32, dtypes.float64


def check_real(name: str, *tensors: Tensor) -> None:
    """Refuse what is no tensor, and dtypes other than float32 and float64, or two different ones."""
    for x in tensors:
        if not isinstance(x, Tensor):
            raise not_a_tensor(f"linalg.{name}", "input", x)
        if x._data.dtype not in _REAL:
            raise RuntimeError(f"linalg.{name}: expected float32 or float64, got {x.dtype}; convert it with .float()")
        if x.dtype != tensors[0].dtype:
            raise RuntimeError(f"linalg.{name}: expected tensors of one dtype, got {tensors[0].dtype} and {x.dtype}")


def check_matrices(name: str, *tensors: Tensor) -> None:
    """Refuse tensors of fewer than two dimensions or of another dtype than float32 and float64."""
    check_real(name, *tensors)
    for x in tensors:
        if x.ndim < 2:
            raise RuntimeError(f"linalg.{name}: expected matrices of at least two dimensions, got shape "
                               f"{shape_text(x)}")


def check_square(name: str, x: Tensor) -> None:
    """Refuse a tensor that does not hold square matrices."""
    check_matrices(name, x)
    if x.shape[-1] != x.shape[-2]:
        raise RuntimeError(f"linalg.{name}: expected square matrices in the last two dimensions, got shape "
                           f"{shape_text(x)}")


def common_batch(name: str, shapes: Sequence[Shape]) -> Shape:
    """The shape that batches broadcast to; RuntimeError if they do not."""
    first, *others = shapes
    for shape in others:
        try:
            first = broadcast_shapes(first, shape)
        except ValueError as error:
            raise RuntimeError(f"linalg.{name}: batches {first} and {shape} do not broadcast: {error}") from None
    return first
