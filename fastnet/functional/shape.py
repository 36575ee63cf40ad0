"""Changes of shape: views where the memory layout allows, else copies."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.memory import is_channels_last
from fastnet._core.tensor import Tensor, extend, method
from fastnet._core.torch_types import TorchDtype
from fastnet.autograd import gradient, op, transposes
from fastnet.autograd.regions import fills_region
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.dims import as_dim, as_dims, as_shape, asked_shape, check_dimensions, filled_in
from fastnet.functional.layout import has_view

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Result, Shape, Size

__all__ = [
    "copied", "flatten", "index_view", "moveaxis", "movedim", "permute", "reshape", "reshape_as", "squeeze", "t",
    "transpose", "unflatten", "unsqueeze", "view", "view_as",
]

_DTYPE_FORMS = (np.dtype, TorchDtype, type(dtypes.bfloat16))


@op(view=True)
def _view(x: Array, shape: Shape) -> Result[Array]:
    before = x.shape
    try:
        return x.reshape(shape), (gradient(kernels.reshaped, before), None)
    except ValueError:
        filled_in(before, shape)        # raises an error that explains the shape
        raise


@op
def copied(x: Array) -> Result[Array]:
    """A contiguous copy of a tensor."""
    return kernels.contiguous_copy(x), (kernels.same,)


@op
def _reshaped_copy(x: Array, shape: Shape) -> Result[Array]:
    """A read-only contiguous copy in another shape, where a view of a channels-last tensor is asked for."""
    out = kernels.contiguous_copy(x).reshape(shape)
    out.flags.writeable = False
    return out, (gradient(kernels.reshaped, x.shape), None)


@op(view=True)
def _transposed(x: Array, order: Shape) -> Result[Array]:
    return x.transpose(order), (gradient(_transposed_back, order), None)


def _transposed_back(g: Array, order: Shape) -> Array:
    return g.transpose(np.argsort(order))


transposes(_transposed_back, lambda v, order: v.transpose(order))


@op(view=True)
def _bits_as(x: Array, dtype: DType) -> Result[Array]:
    """The memory of x read as another dtype."""
    try:
        return x.view(dtype), None
    except ValueError as error:
        raise RuntimeError(f"view: a tensor of {x.dtype} with shape {x.shape} cannot be read as {dtype}: "
                           f"{error}") from None


@op(view=True)
def index_view(x: Array, key: tuple[Any, ...]) -> Result[Array]:
    """The view x[key] for a key of integers and slices."""
    return x[key], (gradient(_scattered, x.shape, key), None)


@fills_region
def _scattered(g: Array, shape: Shape, key: tuple[Any, ...]) -> Array:
    out = kernels.zeros(shape, g)
    K.copy(out[key], g)
    return out


transposes(_scattered, lambda v, shape, key: v[key])


@method()
def view(input: Tensor, *shape: Size) -> Tensor:
    """A view of the tensor in another shape, or of its memory as another dtype.

    A channels-last tensor, such as the output of a convolution, is copied if its memory order does not allow a view.
    The copy is read-only: a write in place would not reach the tensor, and raises an error.

    Args:
        input: any shape.
        shape: integers or one tuple; one length may be -1. Or a dtype, as which the bits are read, without a gradient;
            where its elements have another size, the last dimension changes its length.

    Raises:
        RuntimeError: the number of elements differs, or the layout of a tensor that is not channels-last does not allow
            a view (use `reshape`), or the last dimension does not consist of elements of the dtype.

    Example:
        >>> import fastnet
        >>> fastnet.arange(6).view(2, -1)
        tensor([[0, 1, 2],
                [3, 4, 5]])
        >>> fastnet.tensor([1.0, -2.0]).view(fastnet.int32)
        tensor([ 1065353216, -1073741824], dtype=int32)
    """
    if len(shape) == 1 and not isinstance(shape[0], int | tuple | list):
        if not isinstance(shape[0], _DTYPE_FORMS):
            raise TypeError(f"view: expected a shape or a dtype, got {shape[0]!r}")
        return _bits_as(input, dtypes.as_dtype(shape[0]))
    shape = asked_shape(input, shape)
    if not has_view(input._data, shape):
        if is_channels_last(input._data):
            return _reshaped_copy(input, shape)
        raise RuntimeError(f"view: a tensor of shape {shape_text(input)} and strides {input.stride()} has no view of "
                           f"shape {shape_text(shape)}; use reshape")
    return _view(input, shape)


@method()
def reshape(input: Tensor, *shape: Size) -> Tensor:
    """The tensor in another shape: a view where possible, else a copy.

    Args:
        input: any shape.
        shape: integers or one tuple; one length may be -1.

    Raises:
        RuntimeError: the number of elements differs; both shapes are named.

    Example:
        >>> import fastnet
        >>> fastnet.reshape(fastnet.arange(6), 2, -1)
        tensor([[0, 1, 2],
                [3, 4, 5]])
    """
    shape = asked_shape(input, shape)
    return _view(input if has_view(input._data, shape) else copied(input), shape)


@method()
def view_as(input: Tensor, other: Tensor) -> Tensor:
    """`view` in the shape of `other`.

    Example:
        >>> import fastnet
        >>> fastnet.arange(4).view_as(fastnet.zeros(2, 2)).shape
        (2, 2)
    """
    return view(input, other.shape)


@method()
def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """`reshape` to the shape of `other`.

    Example:
        >>> import fastnet
        >>> fastnet.arange(4).reshape_as(fastnet.zeros(2, 2)).shape
        (2, 2)
    """
    return reshape(input, other.shape)


@method("ravel")
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Merge the dimensions from start_dim to end_dim into one; a view where possible.

    Raises:
        IndexError: a dimension out of range.
        RuntimeError: start_dim comes after end_dim.

    Example:
        >>> import fastnet
        >>> fastnet.flatten(fastnet.zeros(2, 3, 4), 1).shape
        (2, 12)
    """
    first, last = as_dim(input, start_dim), as_dim(input, end_dim)
    if input.ndim == 0:
        return reshape(input, 1)
    if first > last:
        raise RuntimeError(f"flatten: expected start_dim not to come after end_dim, got {start_dim} and {end_dim}")
    return reshape(input, *input.shape[:first], math.prod(input.shape[first:last + 1]), *input.shape[last + 1:])


@method()
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Split one dimension into several.

    Args:
        input: any shape.
        dim: a dimension.
        sizes: a tuple of lengths; one may be -1.

    Raises:
        IndexError: a dimension out of range.
        RuntimeError: the lengths don't fit, or a 0-d tensor.

    Example:
        >>> import fastnet
        >>> fastnet.unflatten(fastnet.zeros(2, 12), 1, (3, -1)).shape
        (2, 3, 4)
    """
    dim = as_dim(input, dim)
    check_dimensions("unflatten", input)
    return reshape(input, *input.shape[:dim], *filled_in((input.shape[dim],), tuple(sizes)),
                   *input.shape[dim + 1:])


@method("swapaxes", "swapdims")
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """A view with two dimensions exchanged.

    Example:
        >>> import fastnet
        >>> fastnet.transpose(fastnet.zeros(2, 3, 4), 0, 2).shape
        (4, 3, 2)
    """
    a, b = as_dim(input, dim0), as_dim(input, dim1)
    if input.ndim == 0:
        return input
    order = list(range(input.ndim))
    order[a], order[b] = b, a
    return _transposed(input, tuple(order))


@method()
def t(input: Tensor) -> Tensor:
    """The transpose of a matrix, a view. A vector is returned unchanged.

    Raises:
        RuntimeError: more than two dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.t(fastnet.zeros(2, 3)).shape
        (3, 2)
    """
    if input.ndim > 2:
        raise RuntimeError(f"t: expected at most 2 dimensions, got shape {shape_text(input)}")
    return transpose(input, 0, 1) if input.ndim == 2 else input


@method()
def permute(input: Tensor, *dims: Size) -> Tensor:
    """A view with the dimensions in another order.

    Args:
        input: any shape.
        dims: every dimension once, as integers or one tuple.

    Raises:
        RuntimeError: a dimension is missing or occurs twice.

    Example:
        >>> import fastnet
        >>> fastnet.permute(fastnet.zeros(2, 3, 4), (2, 0, 1)).shape
        (4, 2, 3)
    """
    order = as_shape(dims)
    if len(order) == input.ndim:
        order = tuple(as_dim(input, d) for d in order)
    if sorted(order) != list(range(input.ndim)):
        raise RuntimeError(f"permute: expected each of the {input.ndim} dimensions of shape {shape_text(input)} once, "
                           f"got {order}")
    return _transposed(input, order)


@method("moveaxis")
def movedim(input: Tensor, source: Size, destination: Size) -> Tensor:
    """A view with dimensions moved to new positions; the others keep their order.

    Args:
        input: any shape.
        source, destination: a dimension and its new position, or tuples of equal length.

    Raises:
        IndexError: a dimension out of range.
        RuntimeError: a dimension that occurs twice, or tuples of different lengths.

    Example:
        >>> import fastnet
        >>> fastnet.movedim(fastnet.zeros(2, 3, 4), 0, -1).shape
        (3, 4, 2)
    """
    sources, places = as_dims("movedim", input, source), as_dims("movedim", input, destination)
    if len(sources) != len(places):
        raise RuntimeError(f"movedim: expected as many destinations as sources, got {source} and {destination}")
    order = [i for i in range(input.ndim) if i not in sources]
    for place, moved in sorted(zip(places, sources)):
        order.insert(place, moved)
    return _transposed(input, tuple(order[:input.ndim]))


moveaxis = movedim


@method()
def squeeze(input: Tensor, dim: Size | None = None) -> Tensor:
    """A view without the dimensions of length 1, or only without those among `dim` (an integer or a tuple).

    Example:
        >>> import fastnet
        >>> fastnet.squeeze(fastnet.zeros(1, 2, 1)).shape, fastnet.squeeze(fastnet.zeros(1, 2, 1), 0).shape
        ((2,), (2, 1))
    """
    dims = range(input.ndim) if dim is None else as_dims("squeeze", input, dim)
    return _view(input, tuple(n for i, n in enumerate(input.shape) if n != 1 or i not in dims))


@method()
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """A view with a dimension of length 1 inserted at `dim`.

    Example:
        >>> import fastnet
        >>> fastnet.unsqueeze(fastnet.zeros(2), 1).shape
        (2, 1)
    """
    dim = as_dim(input, dim, extra=1)
    return _view(input, (*input.shape[:dim], 1, *input.shape[dim:]))


def _all_reversed(input: Tensor) -> Tensor:
    """All dimensions reversed."""
    return permute(input, *reversed(range(input.ndim)))


def _matrices_transposed(input: Tensor) -> Tensor:
    """The last two dimensions exchanged."""
    if input.ndim == 1:
        raise RuntimeError(f"mT: expected matrices, (..., rows, columns), got shape {shape_text(input)}")
    return transpose(input, -2, -1) if input.ndim else input


extend(T=property(_all_reversed), mT=property(_matrices_transposed))
