"""The statement that an elementwise kernel computes an operation: the twin of fastnet/_runtime/pointwise.pyx."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnet._core.annotations import DType


def set_kernels(table: Any) -> None:
    """Has no effect: the operations' own functions call the kernels."""


class Pointwise:
    """The elementwise kernel that computes an operation on plain arrays of one dtype.

    Args:
        kernel: its name.
        operands: 1 or 2.
        dtype: of the result; None for that of the operands.
        numbers: the positions of operands that may be Python numbers, if the other one is an array.
        attributes: whether further arguments are attributes of the kernel (of one operand).
    """

    def __init__(self, kernel: str, operands: int = 1, dtype: DType | None = None,
                 numbers: tuple[int, ...] = (0, 1), attributes: bool = False) -> None:
        self.kernel, self.operands, self.dtype = kernel, operands, dtype
        self.numbers, self.attributes = numbers, attributes


class Along(Pointwise):
    """The kernel over rows (outer, n, inner) that computes an operation on a plain array, along a dimension or all.

    The operation takes the array, then the kernel's name if it serves several, and the dimension; a reduction also
    takes `keepdim`.

    Args:
        kernel: its name; None if the operation takes it.
        reduces: whether the result has one element for each row, else as many as the array.
        dtype: of the result; None for that of the array.
    """

    def __init__(self, kernel: str | None = None, reduces: bool = True, dtype: DType | None = None) -> None:
        super().__init__(kernel or "", dtype=dtype)
        self.reduces = reduces


class Choice(Pointwise):
    """The kernel `where`, on a mask and two operands of its shape, one of which may be a number."""

    def __init__(self) -> None:
        super().__init__("where")
