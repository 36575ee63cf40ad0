"""Joining and splitting along the dimensions that NumPy's hstack, vstack and dstack name; tiling and turning."""
from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from fastnet._core.errors import check_sizes, shape_text
from fastnet._core.tensor import Tensor, method
from fastnet.functional.dims import as_dim, as_dims, as_shape
from fastnet.functional.joining import cat, flip, repeat
from fastnet.functional.shape import transpose
from fastnet.functional.splitting import narrow, split

if TYPE_CHECKING:
    from fastnet._core.annotations import Size

__all__ = ["atleast_1d", "atleast_2d", "atleast_3d", "column_stack", "dsplit", "dstack", "fliplr", "flipud", "hsplit",
           "hstack", "rot90", "row_stack", "split_with_sizes", "tensor_split", "tile", "vsplit", "vstack"]


def _each(function: Callable[[Tensor], Tensor], tensors: tuple[Any, ...]) -> Any:
    """The function of one tensor, or of each of several."""
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        return function(tensors[0])
    listed = tensors[0] if len(tensors) == 1 else tensors
    return tuple(function(x) for x in listed)


def atleast_1d(*tensors: Tensor | Sequence[Tensor]) -> Any:
    """A tensor with at least 1 dimension, or a tuple of such for several.

    Example:
        >>> import fastnet
        >>> fastnet.atleast_1d(fastnet.tensor(3.0))
        tensor([3.])
    """
    return _each(lambda x: x if x.ndim else x.reshape(1), tensors)


def atleast_2d(*tensors: Tensor | Sequence[Tensor]) -> Any:
    """A tensor with at least 2 dimensions, or a tuple of such for several: vectors become rows.

    Example:
        >>> import fastnet
        >>> fastnet.atleast_2d(fastnet.tensor([1, 2]))
        tensor([[1, 2]])
    """
    return _each(lambda x: x if x.ndim >= 2 else x.reshape(1, -1), tensors)


def atleast_3d(*tensors: Tensor | Sequence[Tensor]) -> Any:
    """A tensor with at least 3 dimensions, or a tuple of such for several: (n,) becomes (1, n, 1).

    Example:
        >>> import fastnet
        >>> fastnet.atleast_3d(fastnet.zeros(2, 3)).shape
        (2, 3, 1)
    """
    return _each(lambda x: x if x.ndim >= 3 else x.unsqueeze(-1) if x.ndim == 2 else x.reshape(1, -1, 1), tensors)


def _joinable(name: str, tensors: Sequence[Tensor], prepare: Callable[..., Any]) -> Any:
    """Tensors with the number of dimensions that the function `name` joins."""
    if not len(tensors):
        raise RuntimeError(f"{name}: expected at least one tensor")
    return prepare(list(tensors))


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors along dimension 1; vectors along their only one.

    Example:
        >>> import fastnet
        >>> fastnet.hstack([fastnet.tensor([1]), fastnet.tensor([2, 3])])
        tensor([1, 2, 3])
    """
    parts = _joinable("hstack", tensors, atleast_1d)
    return cat(parts, 0 if parts and parts[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors along dimension 0; vectors count as rows.

    Example:
        >>> import fastnet
        >>> fastnet.vstack([fastnet.tensor([1, 2]), fastnet.tensor([3, 4])])
        tensor([[1, 2],
                [3, 4]])
    """
    return cat(_joinable("vstack", tensors, atleast_2d), 0)


row_stack = vstack


def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors along dimension 2, after `atleast_3d`.

    Example:
        >>> import fastnet
        >>> fastnet.dstack([fastnet.tensor([1, 2]), fastnet.tensor([3, 4])])
        tensor([[[1, 3],
                 [2, 4]]])
    """
    return cat(_joinable("dstack", tensors, atleast_3d), 2)


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors along dimension 1; vectors count as columns.

    Example:
        >>> import fastnet
        >>> fastnet.column_stack([fastnet.tensor([1, 2]), fastnet.tensor([3, 4])])
        tensor([[1, 3],
                [2, 4]])
    """
    return cat([x if x.ndim >= 2 else x.reshape(-1, 1) for x in tensors], 1)


# ---- splitting ------------------------------------------------------------------------------------------------------

@method()
def tensor_split(input: Tensor, indices_or_sections: int | Sequence[int] | Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Split a tensor into n views of nearly equal length, or before the given indices.

    Args:
        input: 1 dimension or more.
        indices_or_sections: the number of parts, or the indices at which parts start.
        dim: a dimension.

    Raises:
        RuntimeError: a number of parts that is not positive, or a 0-d tensor.

    Example:
        >>> import fastnet
        >>> fastnet.tensor_split(fastnet.arange(5), 2), fastnet.tensor_split(fastnet.arange(5), (1, 3))
        ((tensor([0, 1, 2]), tensor([3, 4])), (tensor([0]), tensor([1, 2]), tensor([3, 4])))
    """
    if input.ndim == 0:
        raise RuntimeError("tensor_split: expected a tensor with dimensions, got a 0-d tensor")
    n = input.shape[as_dim(input, dim)]
    given = indices_or_sections.tolist() if isinstance(indices_or_sections, Tensor) else indices_or_sections
    if isinstance(given, int):
        if given < 1:
            raise RuntimeError(f"tensor_split: expected a positive number of parts, got {given}")
        bounds = [i * (n // given) + min(i, n % given) for i in range(given + 1)]
    else:
        bounds = [0, *(max(0, min(n, i + n if i < 0 else i)) for i in given), n]
    return tuple(narrow(input, dim, start, max(end - start, 0)) for start, end in itertools.pairwise(bounds))


def _split_along(name: str, input: Tensor, given: Any, dim: int, least: int) -> tuple[Tensor, ...]:
    if input.ndim < least:
        raise RuntimeError(f"{name}: expected at least {least} dimensions, got shape {shape_text(input)}")
    if isinstance(given, int) and (given < 1 or input.shape[dim] % given):
        raise RuntimeError(f"{name}: expected a number of parts that divides {input.shape[dim]}, the length of "
                           f"dimension {dim} of shape {shape_text(input)}, got {given}")
    return tensor_split(input, given, dim)


@method()
def hsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Split along dimension 1, a vector along its only one: into equal parts, or before the given indices.

    Raises:
        RuntimeError: a 0-d tensor, or a number of parts that does not divide the dimension.

    Example:
        >>> import fastnet
        >>> fastnet.hsplit(fastnet.arange(4), 2)
        (tensor([0, 1]), tensor([2, 3]))
    """
    return _split_along("hsplit", input, indices_or_sections, 0 if input.ndim == 1 else 1, 1)


@method()
def vsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Split a tensor of 2 dimensions or more along dimension 0. Arguments and errors are those of `hsplit`.

    Example:
        >>> import fastnet
        >>> fastnet.vsplit(fastnet.tensor([[1, 2], [3, 4]]), 2)
        (tensor([[1, 2]]), tensor([[3, 4]]))
    """
    return _split_along("vsplit", input, indices_or_sections, 0, 2)


@method()
def dsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Split a tensor of 3 dimensions or more along dimension 2. Arguments and errors are those of `hsplit`.

    Example:
        >>> import fastnet
        >>> [part.shape for part in fastnet.dsplit(fastnet.zeros(1, 2, 4), 2)]
        [(1, 2, 2), (1, 2, 2)]
    """
    return _split_along("dsplit", input, indices_or_sections, 2, 3)


@method()
def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Split a tensor along a dimension into views of the given lengths: see `split`.

    Example:
        >>> import fastnet
        >>> fastnet.split_with_sizes(fastnet.arange(3), [1, 2])
        (tensor([0]), tensor([1, 2]))
    """
    return split(input, list(split_sizes), dim)


# ---- tiling and turning ---------------------------------------------------------------------------------------------

@method()
def tile(input: Tensor, *dims: Size) -> Tensor:
    """Repeat a tensor dims[i] times along dimension i, counted from the last.

    Raises:
        RuntimeError: a negative number.

    Example:
        >>> import fastnet
        >>> fastnet.tile(fastnet.tensor([1, 2]), (2,))
        tensor([1, 2, 1, 2])
    """
    counts = as_shape(dims)
    check_sizes("tile", dims=counts)
    return repeat(input, (1,) * (input.ndim - len(counts)) + counts)


@method()
def fliplr(input: Tensor) -> Tensor:
    """Reverse the order along dimension 1; a copy.

    Raises:
        RuntimeError: fewer than 2 dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.fliplr(fastnet.tensor([[1, 2]]))
        tensor([[2, 1]])
    """
    if input.ndim < 2:
        raise RuntimeError(f"fliplr: expected at least 2 dimensions, got shape {shape_text(input)}")
    return flip(input, 1)


@method()
def flipud(input: Tensor) -> Tensor:
    """Reverse the order along dimension 0; a copy.

    Raises:
        RuntimeError: a 0-d tensor.

    Example:
        >>> import fastnet
        >>> fastnet.flipud(fastnet.tensor([1, 2]))
        tensor([2, 1])
    """
    if input.ndim < 1:
        raise RuntimeError("flipud: expected at least 1 dimension, got a 0-d tensor")
    return flip(input, 0)


@method()
def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Turn a tensor k times by 90 degrees, from the first of two dimensions towards the second; a copy.

    Args:
        input: 2 dimensions or more.
        k: the number of turns; negative ones turn back.
        dims: the two dimensions.

    Raises:
        RuntimeError: other than two different dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.rot90(fastnet.tensor([[1, 2], [3, 4]]))
        tensor([[2, 4],
                [1, 3]])
    """
    if len(dims) != 2 or input.ndim < 2:
        raise RuntimeError(f"rot90: expected 2 dimensions of a tensor with 2 or more, got {tuple(dims)} for shape "
                           f"{shape_text(input)}")
    first, second = as_dims("rot90", input, cast(Any, tuple(dims)))
    turns = k % 4
    if turns == 0:
        return input.clone()
    if turns == 2:
        return flip(input, (first, second))
    if turns == 1:
        return flip(transpose(input, first, second), first)
    return flip(transpose(input, first, second), second)
