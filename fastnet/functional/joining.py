"""Joining, flipping, rotating and repeating tensors along a dimension."""
from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from fastnet import dtypes
from fastnet._core.errors import check_sizes, not_a_tensor, shape_text
from fastnet._core.memory import empty, empty_channels_last, is_channels_last
from fastnet._core.state import state
from fastnet._core.tensor import Tensor, method
from fastnet._runtime.native import untaped as _untaped
from fastnet.autograd import gradient, on_tensors, op, transposes, writes_out
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.dims import as_dim, as_dims, as_shape, check_dimensions
from fastnet.functional.expansion import expand
from fastnet.functional.shape import copied, reshape, unsqueeze
from fastnet.functional.splitting import narrow

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape, Size

__all__ = ["cat", "concat", "concatenate", "flip", "repeat", "roll", "stack"]


def _tensor_list(name: str, tensors: Iterable[Tensor], error: type[Exception] = RuntimeError) -> Sequence[Tensor]:
    if type(tensors) is not list and type(tensors) is not tuple:
        tensors = _any_tensor_list(name, tensors)
    if not tensors:
        raise error(f"{name}: expected at least one tensor")
    for i, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            raise not_a_tensor(name, f"element {i}", x)
    return tensors


def _any_tensor_list(name: str, tensors: Any) -> list[Any]:
    if isinstance(tensors, Tensor):
        raise TypeError(f"{name}: expected a sequence of tensors, got one tensor of shape {shape_text(tensors)}")
    if not isinstance(tensors, Iterable):
        raise TypeError(f"{name}: expected a sequence of tensors, got {type(tensors).__name__}")
    return list(tensors)


def _of_parts_on_tape(g: Tensor, needs: Sequence[bool], dim: int, ends: Shape, shapes: tuple[Shape, ...]) -> list[Any]:
    starts = (0, *ends)
    return [narrow(g, dim, start, end - start).reshape(shape) if need else None
            for need, start, end, shape in zip(needs, starts, ends, shapes)]


@on_tensors(_of_parts_on_tape)
def _of_parts(g: Array, needs: Sequence[bool], dim: int, ends: Shape, shapes: tuple[Shape, ...]) -> list[Array | None]:
    """The gradients of joined arrays of these shapes, which end at these places along a dimension."""
    key, starts = (slice(None),) * dim, (0, *ends)
    return [g[(*key, slice(start, end))].reshape(shape) if need else None
            for need, start, end, shape in zip(needs, starts, ends, shapes)]


def _join_parts(parts: tuple[Array, ...], whole: Shape, dim: int, sizes: list[int]) -> Result[Array]:
    """An array of the shape `whole` that holds arrays one after the other along a dimension, of these sizes in it."""
    dtype = parts[0].dtype
    for part in parts:
        if part.dtype is not dtype:
            dtype = dtypes.result_type(*parts)
            break
    last = len(whole) > 2 and any(p.ndim == len(whole) and is_channels_last(p) for p in parts)
    out = (empty_channels_last if last else empty)(whole, dtype)
    K.join(out, dim, *parts)
    return out, gradient(_of_parts, dim, tuple(itertools.accumulate(sizes)), tuple([part.shape for part in parts]))


@op
def _cat(*parts: Array, shape: Shape, dim: int) -> Result[Array]:
    """Concatenate arrays; `shape` is that of the first that does not have the shape (0,)."""
    sizes = [p.shape[dim] if p.ndim == len(shape) else 0 for p in parts]
    return _join_parts(parts, (*shape[:dim], sum(sizes), *shape[dim + 1:]), dim, sizes)


@op
def _stack_entries(*parts: Array, dim: int) -> Result[Array]:
    shape = parts[0].shape
    return _join_parts(parts, (*shape[:dim], len(parts), *shape[dim:]), dim, [1] * len(parts))


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
    made = _untaped.joined(tensors, dim, False)          # the common case
    if made is not None:
        return made
    tensors = _tensor_list("cat", tensors, ValueError)
    shape = tensors[0].shape
    if len(shape) > 0 and shape != (0,) and {x.shape for x in tensors} == {shape}:          # the common case
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
    made = _untaped.joined(tensors, dim, True)           # the common case
    if made is not None:
        return made
    tensors = _tensor_list("stack", tensors)
    shape = tensors[0].shape
    for i, x in enumerate(tensors):
        if x.shape != shape:
            raise RuntimeError(f"stack: tensor {i} has shape {shape_text(x)}, tensor 0 {shape_text(tensors[0])}; they "
                               "must agree")
    if state.tracer is not None:        # a graph has one operation for both
        return cat([unsqueeze(x, dim) for x in tensors], as_dim(tensors[0], dim, extra=1))
    return _stack_entries(*tensors, dim=as_dim(tensors[0], dim, extra=1))


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
