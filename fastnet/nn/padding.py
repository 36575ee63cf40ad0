"""Padding layers: constants, zeros, reflection, replication and circular padding of spatial dimensions."""
from __future__ import annotations

from collections.abc import Sequence

from fastnet._core.errors import naming_none, shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.dims import as_tuple
from fastnet.nn import functional as F
from fastnet.nn.module import Module

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d",
    "ReplicationPad3d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]


class _Pad(Module):
    """Padding of the last dimensions.

    Attributes:
        spatial: the number of padded dimensions; each subclass sets it.
        mode, value: of `fastnet.nn.functional.pad`.
    """

    spatial: int
    mode = "constant"
    value: float | None = None
    padding: tuple[int, ...]

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__()
        self.padding = as_tuple(type(self).__name__, "padding", padding, 2 * self.spatial)

    @naming_none
    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ZeroPad(_Pad):
    """Padding with zeros."""

    value = 0.0


class _CircularPad(_Pad):
    """Padding with the opposite side, of images only."""

    mode = "circular"

    @naming_none
    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (self.spatial + 1, self.spatial + 2):
            raise ValueError(f"{type(self).__name__}: expected an input of {self.spatial + 1} dimensions, or of "
                             f"{self.spatial + 2} with a batch, got shape {shape_text(input)}")
        return super().forward(input)


class _ConstantPad(_Pad):
    """Padding with a constant."""

    value: float

    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """Pad the last dimension with a constant.

    Args:
        padding: one size for all sides, or (left, right); negative sizes crop.
        value: the constant.

    Shape:
        (N, C, L) or (C, L) to the same with other spatial lengths.

    Raises:
        RuntimeError: another number of sizes.

    Example:
        >>> import fastnet
        >>> fastnet.nn.ConstantPad1d(1, 9.0)(fastnet.tensor([[1.0, 2.0, 3.0]]))
        tensor([[9., 1., 2., 3., 9.]])
    """

    spatial = 1


class ConstantPad2d(_ConstantPad):
    """Pad the last two dimensions with a constant.

    Args:
        padding: one size for all sides, or (left, right, top, bottom); negative sizes crop.
        value: the constant.

    Shape:
        (N, C, H, W) or (C, H, W) to the same with other spatial lengths.

    Raises:
        RuntimeError: another number of sizes.

    Example:
        >>> import fastnet
        >>> fastnet.nn.ConstantPad2d(1, 9.0)(fastnet.ones(1, 2, 2)).shape
        (1, 4, 4)
    """

    spatial = 2


class ConstantPad3d(_ConstantPad):
    """Pad the last three dimensions with a constant.

    Args:
        padding: one size for all sides, or (left, right, top, bottom, front, back); negative sizes crop.
        value: the constant.

    Shape:
        (N, C, D, H, W) or (C, D, H, W) to the same with other spatial lengths.

    Raises:
        RuntimeError: another number of sizes.

    Example:
        >>> import fastnet
        >>> fastnet.nn.ConstantPad3d(1, 9.0)(fastnet.ones(1, 2, 2, 2)).shape
        (1, 4, 4, 4)
    """

    spatial = 3


class ZeroPad1d(_ZeroPad):
    """Pad the last dimension with zeros.

    Args:
        padding: one size for all sides, or (left, right); negative sizes crop.

    Shape:
        (N, C, L) or (C, L) to the same with other spatial lengths.

    Raises:
        RuntimeError: another number of sizes.

    Example:
        >>> import fastnet
        >>> fastnet.nn.ZeroPad1d(1)(fastnet.tensor([[1.0, 2.0, 3.0]]))
        tensor([[0., 1., 2., 3., 0.]])
    """

    spatial = 1


class ZeroPad2d(_ZeroPad):
    """Pad the last two dimensions with zeros.

    Args:
        padding: one size for all sides, or (left, right, top, bottom); negative sizes crop.

    Shape:
        (N, C, H, W) or (C, H, W) to the same with other spatial lengths.

    Raises:
        RuntimeError: another number of sizes.

    Example:
        >>> import fastnet
        >>> fastnet.nn.ZeroPad2d(1)(fastnet.ones(1, 2, 2)).shape
        (1, 4, 4)
    """

    spatial = 2


class ZeroPad3d(_ZeroPad):
    """Pad the last three dimensions with zeros.

    Args:
        padding: one size for all sides, or (left, right, top, bottom, front, back); negative sizes crop.

    Shape:
        (N, C, D, H, W) or (C, D, H, W) to the same with other spatial lengths.

    Raises:
        RuntimeError: another number of sizes.

    Example:
        >>> import fastnet
        >>> fastnet.nn.ZeroPad3d(1)(fastnet.ones(1, 2, 2, 2)).shape
        (1, 4, 4, 4)
    """

    spatial = 3


class ReflectionPad1d(_Pad):
    """Pad the last dimension with a reflection of the input, which does not repeat its edge.

    Args:
        padding: one size for all sides, or (left, right); negative sizes crop.

    Shape:
        (N, C, L) or (C, L) to the same with other spatial lengths.

    Raises:
        RuntimeError: another number of sizes; when called, if a size is not less than the length of its dimension.

    Example:
        >>> import fastnet
        >>> fastnet.nn.ReflectionPad1d(1)(fastnet.tensor([[1.0, 2.0, 3.0]]))
        tensor([[2., 1., 2., 3., 2.]])
    """

    spatial = 1
    mode = "reflect"


class ReflectionPad2d(_Pad):
    """Pad the last two dimensions with a reflection of the input, which does not repeat its edge.

    Args:
        padding: one size for all sides, or (left, right, top, bottom); negative sizes crop.

    Shape:
        (N, C, H, W) or (C, H, W) to the same with other spatial lengths.

    Raises:
        RuntimeError: another number of sizes; when called, if a size is not less than the length of its dimension.

    Example:
        >>> import fastnet
        >>> fastnet.nn.ReflectionPad2d(1)(fastnet.ones(1, 2, 2)).shape
        (1, 4, 4)
    """

    spatial = 2
    mode = "reflect"


class ReflectionPad3d(_Pad):
    """Pad the last three dimensions with a reflection of the input, which does not repeat its edge.

    Args:
        padding: one size for all sides, or (left, right, top, bottom, front, back); negative sizes crop.

    Shape:
        (N, C, D, H, W) or (C, D, H, W) to the same with other spatial lengths.

    Raises:
        RuntimeError: another number of sizes; when called, if a size is not less than the length of its dimension.

    Example:
        >>> import fastnet
        >>> fastnet.nn.ReflectionPad3d(1)(fastnet.ones(1, 2, 2, 2)).shape
        (1, 4, 4, 4)
    """

    spatial = 3
    mode = "reflect"


class ReplicationPad1d(_Pad):
    """Pad the last dimension with copies of the edge.

    Args:
        padding: one size for all sides, or (left, right); negative sizes crop.

    Shape:
        (N, C, L) or (C, L) to the same with other spatial lengths.

    Raises:
        RuntimeError: another number of sizes.

    Example:
        >>> import fastnet
        >>> fastnet.nn.ReplicationPad1d(1)(fastnet.tensor([[1.0, 2.0, 3.0]]))
        tensor([[1., 1., 2., 3., 3.]])
    """

    spatial = 1
    mode = "replicate"


class ReplicationPad2d(_Pad):
    """Pad the last two dimensions with copies of the edge.

    Args:
        padding: one size for all sides, or (left, right, top, bottom); negative sizes crop.

    Shape:
        (N, C, H, W) or (C, H, W) to the same with other spatial lengths.

    Raises:
        RuntimeError: another number of sizes.

    Example:
        >>> import fastnet
        >>> fastnet.nn.ReplicationPad2d(1)(fastnet.ones(1, 2, 2)).shape
        (1, 4, 4)
    """

    spatial = 2
    mode = "replicate"


class ReplicationPad3d(_Pad):
    """Pad the last three dimensions with copies of the edge.

    Args:
        padding: one size for all sides, or (left, right, top, bottom, front, back); negative sizes crop.

    Shape:
        (N, C, D, H, W) or (C, D, H, W) to the same with other spatial lengths.

    Raises:
        RuntimeError: another number of sizes.

    Example:
        >>> import fastnet
        >>> fastnet.nn.ReplicationPad3d(1)(fastnet.ones(1, 2, 2, 2)).shape
        (1, 4, 4, 4)
    """

    spatial = 3
    mode = "replicate"


class CircularPad1d(_CircularPad):
    """Pad the last dimension with the opposite side of the input.

    Args:
        padding: one size for all sides, or (left, right); negative sizes crop.

    Shape:
        (N, C, L) or (C, L) to the same with other spatial lengths.

    Raises:
        RuntimeError: another number of sizes; when called, if a size is larger than the length of its dimension.
        ValueError: when called with another number of dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.nn.CircularPad1d(1)(fastnet.tensor([[1.0, 2.0, 3.0]]))
        tensor([[3., 1., 2., 3., 1.]])
    """

    spatial = 1


class CircularPad2d(_CircularPad):
    """Pad the last two dimensions with the opposite side of the input.

    Args:
        padding: one size for all sides, or (left, right, top, bottom); negative sizes crop.

    Shape:
        (N, C, H, W) or (C, H, W) to the same with other spatial lengths.

    Raises:
        RuntimeError: another number of sizes; when called, if a size is larger than the length of its dimension.
        ValueError: when called with another number of dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.nn.CircularPad2d(1)(fastnet.ones(1, 2, 2)).shape
        (1, 4, 4)
    """

    spatial = 2


class CircularPad3d(_CircularPad):
    """Pad the last three dimensions with the opposite side of the input.

    Args:
        padding: one size for all sides, or (left, right, top, bottom, front, back); negative sizes crop.

    Shape:
        (N, C, D, H, W) or (C, D, H, W) to the same with other spatial lengths.

    Raises:
        RuntimeError: another number of sizes; when called, if a size is larger than the length of its dimension.
        ValueError: when called with another number of dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.nn.CircularPad3d(1)(fastnet.ones(1, 2, 2, 2)).shape
        (1, 4, 4, 4)
    """

    spatial = 3
