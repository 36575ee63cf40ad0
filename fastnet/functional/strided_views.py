"""Views by strides: diagonals, sliding windows, arbitrary strides; and copies with a part of them replaced."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.errors import not_a_tensor, shape_text
from fastnet._core.state import state
from fastnet._core.tensor import Tensor, method
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.dims import as_dim
from fastnet.functional.shape import copied
from fastnet.functional.splitting import narrow

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape

__all__ = ["as_strided", "diagonal", "diagonal_scatter", "narrow_copy", "select_scatter",
           "slice_scatter", "unfold"]


@op(view=True)
def _strided_view(x: Array, how: Callable[..., Array], *arguments: Any) -> Result[Array]:
    """The view how(x, *arguments), each of whose elements is one of x."""
    out = how(x, *arguments)
    return out, (gradient(_onto_elements, x.shape, how, *arguments), None, *(None for _ in arguments))


def _onto_elements(g: Array, shape: Shape, how: Callable[..., Array], *arguments: Any) -> Array:
    """The gradient of each element: the sum of those of its copies in the view."""
    total = kernels.full((int(np.prod(shape)),), 0, g.dtype)
    places = np.ascontiguousarray(how(np.arange(total.size).reshape(shape), *arguments)).reshape(-1)
    if state.recorder is not None:
        state.recorder.constant(places)
    K.index_add_(total, kernels.reshaped(g, places.shape), places)
    return total.reshape(shape)


def _with_strides(x: Array, shape: Shape, strides: Shape) -> Array:
    return np.lib.stride_tricks.as_strided(x, shape, strides, writeable=x.flags.writeable)


def _diagonal_of(x: Array, offset: int, dim1: int, dim2: int) -> Array:
    out = np.diagonal(x, offset, dim1, dim2)
    first = [slice(None)] * x.ndim
    first[dim1], first[dim2] = slice(max(-offset, 0), None), slice(max(offset, 0), None)
    return _with_strides(x[tuple(first)], out.shape, out.strides)


@method()
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A view of the diagonals of the matrices in two dimensions; they become the last dimension.

    Args:
        input: 2 dimensions or more.
        offset: the number of places above the main diagonal; negative ones are below.
        dim1, dim2: the dimensions of the matrices.

    Raises:
        IndexError: a dimension out of range.
        RuntimeError: equal dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.diagonal(fastnet.tensor([[1, 2], [3, 4]]))
        tensor([1, 4])
    """
    first, second = as_dim(input, dim1), as_dim(input, dim2)
    if first == second:
        raise RuntimeError(f"diagonal: expected two different dimensions, got {dim1} and {dim2}")
    return _strided_view(input, _diagonal_of, int(offset), first, second)


def _windows_of(x: Array, dim: int, size: int, step: int) -> Array:
    count = (x.shape[dim] - size) // step + 1
    shape = (*x.shape[:dim], count, *x.shape[dim + 1:], size)
    strides = (*x.strides[:dim], x.strides[dim] * step, *x.strides[dim + 1:], x.strides[dim])
    return _with_strides(x, shape, strides)


def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """A view of sliding windows along a dimension; the elements of a window become the last dimension.

    Args:
        input: any shape.
        dimension: the dimension along which windows slide.
        size: the length of a window.
        step: the distance between the starts of windows.

    Raises:
        RuntimeError: a window longer than the dimension, a negative size, or a step that is not positive.

    Example:
        >>> import fastnet
        >>> fastnet.arange(5).unfold(0, 3, 2)
        tensor([[0, 1, 2],
                [2, 3, 4]])
    """
    dim = as_dim(input, dimension)
    if input.ndim == 0:
        return unfold(input.reshape(1), 0, size, step).squeeze(0)
    if not 0 <= size <= input.shape[dim] or step < 1:
        raise RuntimeError(f"unfold: expected windows of 0 to {input.shape[dim]} elements and a positive step for "
                           f"shape {shape_text(input)}, got size {size} and step {step}")
    return _strided_view(input, _windows_of, dim, int(size), int(step))


method()(unfold)


def _by_strides(x: Array, size: Shape, stride: Shape, offset: int) -> Array:
    return _with_strides(x.reshape(-1)[offset:], size, tuple(s * x.itemsize for s in stride))


@method()
def as_strided(input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Tensor:
    """A view of the elements of a contiguous tensor with any shape and strides.

    Args:
        input: a contiguous tensor.
        size: the shape of the view.
        stride: the distance between neighbours in each dimension, in elements, not negative.
        storage_offset: the number of the first element.

    Raises:
        RuntimeError: a tensor that is not contiguous, or elements beyond its end.

    Example:
        >>> import fastnet
        >>> fastnet.as_strided(fastnet.arange(5), (2, 3), (1, 1))
        tensor([[0, 1, 2],
                [1, 2, 3]])
    """
    offset, size, stride = int(storage_offset or 0), tuple(size), tuple(stride)
    if len(size) != len(stride) or min((*size, *stride, offset), default=0) < 0:
        raise RuntimeError(f"as_strided: expected as many strides as lengths, none negative, got size {size}, stride "
                           f"{stride} and storage_offset {offset}")
    if not input.is_contiguous():
        raise RuntimeError("as_strided: expected a contiguous tensor; call contiguous() first")
    last = offset + sum((n - 1) * s for n, s in zip(size, stride))
    if 0 not in size and last >= input.numel():
        raise RuntimeError(f"as_strided: expected elements within the {input.numel()} of shape {shape_text(input)}, "
                           f"got one at {last}")
    return _strided_view(input, _by_strides, size, stride, offset if 0 not in size else 0)


@method()
def narrow_copy(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """`narrow` as a copy.

    Example:
        >>> import fastnet
        >>> fastnet.narrow_copy(fastnet.arange(5), 0, 1, 3)
        tensor([1, 2, 3])
    """
    return narrow(input, dim, start, length).clone()


# ---- copies with a part replaced ------------------------------------------------------------------------------------

def _with_part(name: str, input: Tensor, src: Tensor, part: Callable[[Tensor], Tensor]) -> Tensor:
    """A copy of the input whose view part(copy) is replaced by `src`."""
    if not isinstance(src, Tensor):
        raise not_a_tensor(name, "src", src)
    out = copied(input)                 # contiguous, so that its views take gradients
    target = part(out)
    if target.shape != src.shape:
        raise RuntimeError(f"{name}: expected src of shape {shape_text(target)}, got {shape_text(src)}")
    target.copy_(src)
    return out


@method()
def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy of the input with `src` in its diagonals: see `diagonal`.

    Raises:
        RuntimeError: src has another shape than the diagonals.

    Example:
        >>> import fastnet
        >>> fastnet.diagonal_scatter(fastnet.zeros(2, 2), fastnet.ones(2))
        tensor([[1., 0.],
                [0., 1.]])
    """
    return _with_part("diagonal_scatter", input, src, lambda out: diagonal(out, offset, dim1, dim2))


@method()
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy of the input with `src` in one entry along a dimension: see `select`.

    Raises:
        RuntimeError: src has another shape than the entry.
        IndexError: a dimension or an index out of range.

    Example:
        >>> import fastnet
        >>> fastnet.select_scatter(fastnet.zeros(2, 2), fastnet.ones(2), 0, 1)
        tensor([[0., 0.],
                [1., 1.]])
    """
    return _with_part("select_scatter", input, src, lambda out: out.select(dim, index))


@method()
def slice_scatter(input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None,
                  step: int = 1) -> Tensor:
    """A copy of the input with `src` in the entries start, start + step, ... below end along a dimension.

    Raises:
        RuntimeError: src has another shape than these entries.

    Example:
        >>> import fastnet
        >>> fastnet.slice_scatter(fastnet.zeros(4), fastnet.ones(2), 0, 1, 3)
        tensor([0., 1., 1., 0.])
    """
    key = (*(slice(None),) * as_dim(input, dim), slice(start, end, step))
    return _with_part("slice_scatter", input, src, lambda out: out[key])
