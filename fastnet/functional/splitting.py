"""Parts of tensors along a dimension, as views."""
from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from fastnet._core.errors import check_sizes, shape_text
from fastnet._core.shapes import ceil_div
from fastnet._core.tensor import Tensor, extend, method
from fastnet.functional.dims import as_dim, check_dimensions
from fastnet.functional.shape import index_view

if TYPE_CHECKING:
    from fastnet._core.annotations import Size

__all__ = ["chunk", "narrow", "select", "split", "unbind"]


@method()
def narrow(input: Tensor, dim: int, start: int | Tensor, length: int) -> Tensor:
    """A view of `length` consecutive entries along a dimension.

    Args:
        input: one dimension or more.
        dim: a dimension.
        start: the first entry, an integer or a 0-d integer tensor; negative integers count from the end.
        length: the number of entries.

    Raises:
        IndexError: a dimension or a start out of range.
        RuntimeError: a negative length, entries beyond the end, or a 0-d tensor.

    Example:
        >>> import fastnet
        >>> fastnet.narrow(fastnet.arange(5), 0, 1, 3)
        tensor([1, 2, 3])
    """
    check_dimensions("narrow", input)
    dim, start = as_dim(input, dim), _start(start)
    n = input.shape[dim]
    if not -n <= start <= n:
        raise IndexError(f"narrow: start {start} is out of range for dimension {dim} of shape {shape_text(input)}: "
                         f"expected {-n} to {n}")
    start = start + n if start < 0 else start
    if not 0 <= length <= n - start:
        raise RuntimeError(f"narrow: expected entries within dimension {dim} of shape {shape_text(input)}, got "
                           f"{length} from {start}")
    return _part(input, dim, slice(start, start + length))


def _part(input: Tensor, dim: int, entries: int | slice) -> Tensor:
    """The view of one entry or of a range of entries along a dimension counted from the front, in bounds."""
    return index_view(input, (*(slice(None),) * dim, entries, ...))


def _start(start: int | Tensor) -> int:
    """The start of a narrowed tensor as a Python integer."""
    if isinstance(start, Tensor) and (start.ndim or start.dtype.kind not in "iu"):
        raise RuntimeError(f"narrow: expected start to be a number or a 0-d integer tensor, got {start.dtype} of shape "
                           f"{shape_text(start)}")
    return operator.index(start)


@method()
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """A view of one entry along a dimension, which is removed.

    Raises:
        IndexError: an index out of range.

    Example:
        >>> import fastnet
        >>> fastnet.select(fastnet.tensor([[1, 2], [3, 4]]), 1, 0)
        tensor([1, 3])
    """
    if input.ndim == 0:
        raise IndexError("select: expected a tensor with dimensions, got a 0-d tensor")
    return input[(slice(None),) * as_dim(input, dim) + (index,)]


@method()
def split(tensor: Tensor, split_size_or_sections: Size, dim: int = 0) -> tuple[Tensor, ...]:
    """Split a tensor along a dimension into a tuple of views.

    Args:
        tensor: any shape.
        split_size_or_sections: the length of each part (the last may be shorter), or a list of lengths.
        dim: a dimension.

    Raises:
        RuntimeError: a length that is not positive, lengths that don't add up to that of the dimension, or a 0-d
            tensor.

    Example:
        >>> import fastnet
        >>> fastnet.split(fastnet.arange(5), 2)
        (tensor([0, 1]), tensor([2, 3]), tensor([4]))
        >>> fastnet.split(fastnet.arange(5), [1, 4])
        (tensor([0]), tensor([1, 2, 3, 4]))
    """
    check_dimensions("split", tensor)
    dim, sizes = as_dim(tensor, dim), _checked_lengths(split_size_or_sections)
    n = tensor.shape[dim]
    if isinstance(sizes, int):
        if sizes < 0 or (sizes == 0 and n):
            raise RuntimeError(f"split: expected a positive length, got {sizes}")
        sizes = [min(sizes, n - start) for start in range(0, n, max(sizes, 1))] or [0]
    elif sum(sizes) != n:
        raise RuntimeError(f"split: the lengths {sizes} add up to {sum(sizes)}, dimension {dim} of shape "
                           f"{shape_text(tensor)} has {n}")
    elif min(sizes, default=0) < 0:
        raise RuntimeError(f"split: expected lengths of 0 or more, got {sizes}")
    starts = itertools.accumulate(sizes, initial=0)
    return tuple([_part(tensor, dim, slice(start, start + size)) for start, size in zip(starts, sizes)])


def _checked_lengths(given: Size) -> int | list[int]:
    """The lengths of the parts that `split` makes: one for all, or a list."""
    try:
        if isinstance(given, int | np.integer):
            return int(given)
        return [operator.index(length) for length in given]         # type: ignore[union-attr]  # or a TypeError
    except TypeError:
        raise TypeError(f"split: expected a length or a sequence of lengths, got {given!r}") from None


@method()
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Split a tensor along a dimension into at most `chunks` views of equal length; the last may be shorter.

    Raises:
        RuntimeError: a number of chunks that is not positive, or a 0-d tensor.

    Example:
        >>> import fastnet
        >>> fastnet.chunk(fastnet.arange(5), 2)
        (tensor([0, 1, 2]), tensor([3, 4]))
    """
    check_dimensions("chunk", input)
    check_sizes("chunk", chunks=chunks)
    if chunks == 0:
        raise RuntimeError(f"chunk: expected a positive number of chunks, got {chunks}")
    n = input.shape[as_dim(input, dim)]
    return split(input, ceil_div(n, chunks) if n else [0] * chunks, dim)


@method()
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The entries along a dimension, a tuple of views.

    Raises:
        IndexError: a dimension out of range.

    Example:
        >>> import fastnet
        >>> fastnet.unbind(fastnet.tensor([[1, 2], [3, 4]]))
        (tensor([1, 2]), tensor([3, 4]))
    """
    if input.ndim == 0:
        raise IndexError("unbind: expected a tensor with dimensions, got a 0-d tensor")
    dim = as_dim(input, dim)
    return tuple([_part(input, dim, i) for i in range(input.shape[dim])])


def _iterate(self: Tensor) -> Iterator[Tensor]:
    if self.ndim == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(unbind(self))


extend(__iter__=_iterate)
