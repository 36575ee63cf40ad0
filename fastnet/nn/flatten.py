"""Layers that only change the shape."""
from __future__ import annotations

from collections.abc import Sequence

from fastnet._core.errors import naming_none
from fastnet._core.tensor import Tensor
from fastnet.nn.module import Module

__all__ = ["Flatten", "Unflatten"]


class Flatten(Module):
    """Flatten the dimensions from start_dim to end_dim into one; by default all except the batch dimension.

    Args:
        start_dim: the first dimension to flatten.
        end_dim: the last dimension to flatten.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Flatten()(fastnet.ones(5, 2, 3)).shape
        (5, 6)
    """

    start_dim: int
    end_dim: int

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    @naming_none
    def forward(self, input: Tensor) -> Tensor:
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Split one dimension into several.

    Args:
        dim: the dimension.
        unflattened_size: the new lengths; one may be -1.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Unflatten(1, (2, -1))(fastnet.ones(5, 6)).shape
        (5, 2, 3)
    """

    dim: int
    unflattened_size: tuple[int, ...]

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    @naming_none
    def forward(self, input: Tensor) -> Tensor:
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
