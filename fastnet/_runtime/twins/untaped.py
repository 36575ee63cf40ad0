"""Writes into tensors and joins of tensors that nothing has to follow: the twin of fastnet/_runtime/untaped.pyx."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnet._runtime.twins.tape import TensorBase


def is_simple_write(out: TensorBase, inputs: tuple[TensorBase, ...]) -> bool:
    """Always False: fastnet/functional/inplace.py handles every write."""
    return False


def write_pointwise(kernel: str, x: TensorBase, others: tuple[Any, ...], factor: float | None = None) -> bool:
    """Always False, as `is_simple_write`."""
    return False


def joined(tensors: object, dim: object, stacks: bool) -> Any:
    """None: the operations' own functions call the kernels."""
