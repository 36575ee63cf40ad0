"""Grids, products and combinations of tensors, and sequences of numbers."""
from __future__ import annotations

import builtins
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import check_sizes, not_a_tensor, one_of, shape_text
from fastnet._core.placement import placed
from fastnet._core.tensor import Tensor
from fastnet.functional.arithmetic import pow
from fastnet.functional.creation import arange, linspace
from fastnet.functional.dims import as_shape
from fastnet.functional.expansion import expand
from fastnet.functional.joining import stack
from fastnet.functional.kernel_calls import broadcast_shapes as _broadcast_shapes
from fastnet.functional.keys import constant

if TYPE_CHECKING:
    from fastnet._core.annotations import DTypeLike, Number, Shape, Size

__all__ = ["broadcast_shapes", "broadcast_tensors", "cartesian_prod", "combinations", "logspace", "meshgrid", "range",
           "unravel_index"]


def _listed(name: str, tensors: tuple[Any, ...]) -> list[Tensor]:
    """Tensors given one by one, or as one sequence."""
    listed = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], tuple | list) else list(tensors)
    for x in listed:
        if not isinstance(x, Tensor):
            raise not_a_tensor(name, "each argument", x)
    return listed


def meshgrid(*tensors: Tensor | Sequence[Tensor], indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of a grid: for each vector, a view of its values over the grid of all.

    Args:
        tensors: vectors or 0-d tensors of one dtype, one by one or as one sequence.
        indexing: "ij", where the i-th vector varies along dimension i, or "xy", where the first two are exchanged.

    Raises:
        RuntimeError: more than 1 dimension, different dtypes, no tensors, or an unknown indexing.

    Example:
        >>> import fastnet
        >>> x, y = fastnet.meshgrid(fastnet.tensor([1, 2]), fastnet.tensor([3, 4]), indexing="ij")
        >>> x, y
        (tensor([[1, 1],
                [2, 2]]), tensor([[3, 4],
                [3, 4]]))
    """
    vectors = _listed("meshgrid", tensors)
    if indexing not in ("ij", "xy"):
        raise RuntimeError(str(one_of("indexing", indexing, ("ij", "xy"))))
    if not vectors or any(x.ndim > 1 for x in vectors) or len({x.dtype for x in vectors}) > 1:
        raise RuntimeError("meshgrid: expected vectors of one dtype, got "
                           f"{[(shape_text(x), x.dtype.name) for x in vectors]}")
    exchanged = indexing == "xy" and len(vectors) > 1
    if exchanged:
        vectors[:2] = vectors[1::-1]
    shape = tuple(x.numel() for x in vectors)
    grids = [expand(x.reshape(*(-1 if i == j else 1 for j in builtins.range(len(shape)))), shape)
             for i, x in enumerate(vectors)]
    if exchanged:
        grids[:2] = grids[1::-1]
    return tuple(grids)


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of one element of each vector, as rows.

    Args:
        tensors: vectors of one dtype.

    Raises:
        RuntimeError: a tensor that is not a vector, or no tensors.

    Example:
        >>> import fastnet
        >>> fastnet.cartesian_prod(fastnet.tensor([1, 2]), fastnet.tensor([3, 4]))
        tensor([[1, 3],
                [1, 4],
                [2, 3],
                [2, 4]])
    """
    vectors = _listed("cartesian_prod", tensors)
    if not vectors or any(x.ndim != 1 for x in vectors):
        raise RuntimeError(f"cartesian_prod: expected vectors, got shapes {[shape_text(x) for x in vectors]}")
    if len(vectors) == 1:
        return vectors[0]
    return stack([x.reshape(-1) for x in meshgrid(*vectors)], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of r elements of a vector, as rows, in the order of the vector.

    Args:
        input: a vector.
        r: the number of elements.
        with_replacement: whether an element may be chosen again.

    Raises:
        RuntimeError: not a vector, or a negative r.

    Example:
        >>> import fastnet
        >>> fastnet.combinations(fastnet.tensor([1, 2, 3]))
        tensor([[1, 2],
                [1, 3],
                [2, 3]])
    """
    check_sizes("combinations", r=r)
    if input.ndim != 1:
        raise RuntimeError(f"combinations: expected a vector, got shape {shape_text(input)}")
    if r == 0:
        return input[:0]
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    places = np.array(list(choose(builtins.range(len(input)), r)), np.int64).reshape(-1, r)
    return input[constant(places)]


def broadcast_tensors(*tensors: Tensor | Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Views of tensors in the shape that they broadcast to.

    Raises:
        RuntimeError: they do not broadcast; the shapes are named.

    Example:
        >>> import fastnet
        >>> [x.shape for x in fastnet.broadcast_tensors(fastnet.zeros(2, 1), fastnet.zeros(3))]
        [(2, 3), (2, 3)]
    """
    listed = _listed("broadcast_tensors", tensors)
    shape = broadcast_shapes(*(x.shape for x in listed))
    return tuple(expand(x, shape) for x in listed)


def broadcast_shapes(*shapes: Size) -> Shape:
    """The shape that shapes broadcast to.

    Raises:
        RuntimeError: they do not broadcast.

    Example:
        >>> import fastnet
        >>> fastnet.broadcast_shapes((2, 1), (3,))
        (2, 3)
    """
    result: Shape = ()
    for shape in shapes:
        try:
            result = _broadcast_shapes(result, as_shape((shape,)))
        except ValueError as error:
            raise RuntimeError(f"broadcast_shapes: {shapes} do not broadcast: {error}") from None
    return result


@placed
def logspace(start: Number, end: Number, steps: int, base: float = 10.0, *, dtype: DTypeLike | None = None,
             requires_grad: bool = False) -> Tensor:
    """`steps` numbers from base^start to base^end, whose logarithms are evenly spaced.

    Args:
        start, end: the first and the last exponent.
        steps: the number of numbers.
        base: the base of the powers.
        dtype: float32 by default.
        requires_grad: record gradients for it.

    Raises:
        RuntimeError: negative steps.

    Example:
        >>> import fastnet
        >>> fastnet.logspace(0, 2, 3)
        tensor([  1.,  10., 100.])
    """
    check_sizes("logspace", steps=steps)
    exponents = linspace(start, end, steps, dtype=dtypes.float64)
    wanted = dtypes.float32 if dtype is None else dtypes.as_dtype(dtype)
    result = pow(float(base), exponents).to(wanted)
    return result.requires_grad_() if requires_grad else result


@placed
def range(start: Number = 0, end: Number | None = None, step: Number = 1, *, dtype: DTypeLike | None = None,
          requires_grad: bool = False) -> Tensor:
    """The numbers start, start + step, ... up to and including end, float32 by default. `arange` excludes the end.

    Args:
        start: the first number.
        end: the last one at most.
        step: the difference.
        dtype: float32 by default.
        requires_grad: record gradients for it.

    Example:
        >>> import fastnet
        >>> fastnet.range(0, 2)
        tensor([0., 1., 2.])
    """
    first, last = (0, start) if end is None else (start, end)
    count = int((last - first) / step + 1)
    wanted = dtypes.float32 if dtype is None else dtypes.as_dtype(dtype)
    result = (arange(count, dtype=dtypes.float64) * step + first).to(wanted)
    return result.requires_grad_() if requires_grad else result


def unravel_index(indices: Tensor, shape: Size) -> tuple[Tensor, ...]:
    """The coordinates, in a tensor of this shape, of elements given by their numbers.

    Args:
        indices: integers.
        shape: a shape.

    Raises:
        RuntimeError: a number outside of the shape, or floats.

    Example:
        >>> import fastnet
        >>> fastnet.unravel_index(fastnet.tensor([5]), (2, 3))
        (tensor([1]), tensor([2]))
    """
    if not isinstance(indices, Tensor):
        raise not_a_tensor("unravel_index", "indices", indices)
    if indices.dtype.kind not in "iu":
        raise RuntimeError(f"unravel_index: expected integers, got {indices.dtype}")
    coordinates = []
    for n in reversed(as_shape((shape,))):
        coordinates.append(indices % n)
        indices = indices.div(n, rounding_mode="floor")
    return tuple(reversed(coordinates))
