"""Splitting, joining, flipping, rotating and repeating tensors along a dimension."""
from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import check_sizes, not_a_tensor, shape_text
from fastnet._core.memory import empty, empty_channels_last, is_channels_last
from fastnet._core.shapes import ceil_div
from fastnet._core.tensor import Tensor, extend, method
from fastnet.autograd import gradient, op, transposes, writes_out
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.dims import as_dim, as_dims, as_shape, check_dimensions
from fastnet.functional.shape import copied, expand, reshape, unsqueeze

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape, Size

__all__ = ["cat", "chunk", "concat", "concatenate", "flip", "narrow", "repeat", "roll", "select", "split", "stack",
           "unbind"]


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
    return input[(slice(None),) * dim + (slice(start, start + length),)]


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
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return tuple(narrow(tensor, dim, start, size) for start, size in zip(starts, sizes))


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
    dim = as_dim(input, dim)
    return tuple(select(input, dim, i) for i in range(input.shape[dim]))


def _iterate(self: Tensor) -> Iterator[Tensor]:
    if self.ndim == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(unbind(self))


extend(__iter__=_iterate)


def _tensor_list(name: str, tensors: Iterable[Tensor], error: type[Exception] = RuntimeError) -> list[Tensor]:
    if isinstance(tensors, Tensor):
        raise TypeError(f"{name}: expected a sequence of tensors, got one tensor of shape {shape_text(tensors)}")
    if not isinstance(tensors, Iterable):
        raise TypeError(f"{name}: expected a sequence of tensors, got {type(tensors).__name__}")
    tensors = list(tensors)
    if not tensors:
        raise error(f"{name}: expected at least one tensor")
    for i, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            raise not_a_tensor(name, f"element {i}", x)
    return tensors


def _part(g: Array, place: tuple[slice, ...], shape: Shape, whole: Shape) -> Array:
    return g[place].reshape(shape)


def _in_place_of_part(v: Array, place: tuple[slice, ...], shape: Shape, whole: Shape) -> Array:
    out = kernels.zeros(whole, v)
    if v.size:
        K.copy(out[place], v)
    return out


transposes(_part, _in_place_of_part)


@op
def _cat(*parts: Array, shape: Shape, dim: int) -> Result[Array]:
    """Concatenate arrays; `shape` is that of the first that does not have the shape (0,)."""
    sizes = [0 if p.size == 0 and p.ndim != len(shape) else p.shape[dim] for p in parts]
    dtype = dtypes.result_type(*parts)
    last = any(p.ndim == len(shape) and is_channels_last(p) for p in parts)
    out, start, places = (empty_channels_last if last else empty)(
        (*shape[:dim], sum(sizes), *shape[dim + 1:]), dtype), 0, []
    for p, size in zip(parts, sizes):
        place = (slice(None),) * dim + (slice(start, start + size),)
        if p.size:
            K.copy(out[place], p)
        places.append(gradient(_part, place, p.shape, out.shape))
        start += size
    return out, tuple(places)


def cat(tensors: Iterable[Tensor], dim: int = 0) -> Tensor:
    """Concatenate tensors along a dimension.

    Args:
        tensors: of the same shape in all other dimensions; dtypes are promoted. Tensors of shape (0,) are ignored.
        dim: a dimension.

    Raises:
        ValueError: no tensors.
        RuntimeError: shapes that don't fit (both are named).
        TypeError: an element is not a tensor.

    Example:
        >>> import fastnet
        >>> fastnet.cat([fastnet.tensor([[1, 2]]), fastnet.tensor([[3, 4]])])
        tensor([[1, 2],
                [3, 4]])
    """
    tensors = _tensor_list("cat", tensors, ValueError)
    shape = tensors[0].shape
    if len(shape) > 0 and shape != (0,) and all(x.shape == shape for x in tensors):       # the common case
        return _cat(*tensors, shape=shape, dim=as_dim(tensors[0], dim))
    shaped = [i for i, x in enumerate(tensors) if x.shape != (0,)] or [0]
    first = tensors[shaped[0]]
    check_dimensions("cat", first)
    dim = as_dim(first, dim) if first.shape != (0,) else 0
    for i in shaped:
        x = tensors[i]
        differ = [d for d, (a, b) in enumerate(zip(x.shape, first.shape)) if a != b and d != dim]
        if x.ndim != first.ndim or differ:
            raise RuntimeError(f"cat: tensor {i} has shape {shape_text(x)}, tensor {shaped[0]} {shape_text(first)}; "
                               f"they may differ only in dimension {dim}")
    return _cat(*tensors, shape=first.shape, dim=dim)


concat = cat
concatenate = cat


def stack(tensors: Iterable[Tensor], dim: int = 0) -> Tensor:
    """Join tensors of one shape along a new dimension.

    Args:
        tensors: tensors of one shape.
        dim: the position of the new dimension.

    Raises:
        RuntimeError: no tensors, or different shapes (both are named).
        TypeError: an element is not a tensor.

    Example:
        >>> import fastnet
        >>> fastnet.stack([fastnet.tensor([1, 2]), fastnet.tensor([3, 4])], 1)
        tensor([[1, 3],
                [2, 4]])
    """
    tensors = _tensor_list("stack", tensors)
    shape = tensors[0].shape
    for i, x in enumerate(tensors):
        if x.shape != shape:
            raise RuntimeError(f"stack: tensor {i} has shape {shape_text(x)}, tensor 0 {shape_text(tensors[0])}; they "
                               "must agree")
    return cat([unsqueeze(x, dim) for x in tensors], as_dim(tensors[0], dim, extra=1))


@method()
def flip(input: Tensor, dims: Size, *more: int) -> Tensor:
    """Reverse the order of elements along dimensions, given as integers or one tuple; a copy.

    Raises:
        IndexError: a dimension out of range.
        RuntimeError: a dimension that occurs twice.

    Example:
        >>> import fastnet
        >>> fastnet.flip(fastnet.tensor([[1, 2], [3, 4]]), (0, 1))
        tensor([[4, 3],
                [2, 1]])
    """
    return _flipped(input, tuple(as_dims("flip", input, as_shape((dims, *more)))))


@op
def _flipped(x: Array, dims: Shape) -> Result[Array]:
    return _reversed(x, dims), (gradient(_reversed, dims), None)


@writes_out
def _reversed(x: Array, dims: Shape, *, out: Array | None = None) -> Array:
    result = kernels.memory_for(x.shape, x.dtype, out)
    key = [slice(None, None, -1 if i in dims else None) for i in range(x.ndim)]
    K.copy(result, x[(*key, ...)])                          # with ..., a single element remains an array
    return result


transposes(_reversed)


@method()
def roll(input: Tensor, shifts: Size, dims: Size | None = None) -> Tensor:
    """Rotate a tensor along dimensions: an entry moves by `shifts` places, past the end to the front; a copy.

    Args:
        input: any shape.
        shifts: the number of places, or a tuple with one for each dimension; negative ones move to the front.
        dims: the dimensions; None rotates the flattened tensor.

    Raises:
        RuntimeError: another number of shifts than of dimensions.
        IndexError: a dimension out of range.

    Example:
        >>> import fastnet
        >>> fastnet.roll(fastnet.tensor([1, 2, 3, 4]), 1)
        tensor([4, 1, 2, 3])
    """
    places = as_shape((shifts,))
    if dims is None or dims == ():
        if len(places) != 1:
            raise RuntimeError(f"roll: expected one shift without dims, got {places}")
        return reshape(_rolled(reshape(input, -1), places), input.shape)
    axes = [as_dim(input, d) for d in as_shape((dims,))]
    if len(axes) != len(places):
        raise RuntimeError(f"roll: expected one shift for each dimension, got {len(places)} shifts and {len(axes)} "
                           "dimensions")
    if input.ndim == 0:
        raise IndexError(f"roll: dimension {axes[0]} is out of range for a 0-d tensor")
    total = [0] * input.ndim
    for shift, axis in zip(places, axes):
        total[axis] += shift
    return _rolled(input, tuple(total))


@op
def _rolled(x: Array, shifts: Shape) -> Result[Array]:
    return _rotated(x, shifts), (gradient(_rotated, tuple(-shift for shift in shifts)), None)


@writes_out
def _rotated(x: Array, shifts: Shape, *, out: Array | None = None) -> Array:
    """x, moved by a number of places along each dimension: one copy for each pair of parts that stay contiguous."""
    result = kernels.memory_for(x.shape, x.dtype, out)
    for parts in itertools.product(*map(_moved_parts, x.shape, shifts)):
        to, start = zip(*parts)
        K.copy(result[to], x[start])
    return result


transposes(_rotated, lambda v, shifts: _rotated(v, tuple(-shift for shift in shifts)))


def _moved_parts(n: int, shift: int) -> list[tuple[slice, slice]]:
    """(place in the result, place in the input) of the parts of a rotated dimension."""
    shift = shift % n if n else 0
    parts = [(slice(shift, n), slice(0, n - shift)), (slice(0, shift), slice(n - shift, n))]
    return parts if shift else parts[:1]


@method()
def repeat(input: Tensor, *repeats: Size) -> Tensor:
    """Tile the tensor repeats[i] times along dimension i; additional dimensions come first.

    Raises:
        RuntimeError: fewer numbers than dimensions, or a negative one.

    Example:
        >>> import fastnet
        >>> fastnet.tensor([1, 2]).repeat(2, 2)
        tensor([[1, 2, 1, 2],
                [1, 2, 1, 2]])
    """
    counts = as_shape(repeats)
    extra = len(counts) - input.ndim
    if extra < 0:
        raise RuntimeError(f"repeat: expected at least {input.ndim} numbers for shape {shape_text(input)}, got "
                           f"{counts}")
    check_sizes("repeat", repeats=counts)
    shape = (1,) * extra + input.shape
    tiled = expand(reshape(input, *[n for size in shape for n in (1, size)]),
                   *[n for count, size in zip(counts, shape) for n in (count, size)])
    return reshape(copied(tiled), *[count * size for count, size in zip(counts, shape)])
