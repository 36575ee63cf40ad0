"""Single elements by their numbers or by masks: reading, writing, membership."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet import dtypes
from fastnet._core.errors import not_a_tensor
from fastnet._core.state import state
from fastnet._core.tensor import Tensor, method
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.compare import where
from fastnet.functional.creation import full
from fastnet.functional.indexing import check_mask, nonzero
from fastnet.functional.inplace import in_place
from fastnet.functional.keys import as_key, pick, selection
from fastnet.functional.running import cumsum

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Operand, Result, Shape

__all__ = ["argwhere", "index_put", "isin", "masked_scatter", "put", "take"]


@method()
def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements of the flattened input at the given numbers.

    Args:
        input: any shape.
        index: int64, any shape; negative numbers count from the end.

    Raises:
        IndexError: a number out of range.
        RuntimeError: another dtype.

    Example:
        >>> import fastnet
        >>> fastnet.take(fastnet.tensor([[1, 2], [3, 4]]), fastnet.tensor([0, 3]))
        tensor([1, 4])
    """
    _check_numbers("take", index)
    return input.reshape(-1)[index]


def _check_numbers(name: str, index: object) -> None:
    if not isinstance(index, Tensor):
        raise not_a_tensor(name, "index", index)
    if index.dtype != dtypes.int64:
        raise RuntimeError(f"{name}: expected an int64 index, got {index.dtype}")


@method()
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """A copy of the input with the elements of `source` at the given numbers of the flattened input.

    Args:
        input: any shape.
        index: int64.
        source: as many elements as the index, in the input's dtype.
        accumulate: add the elements instead of writing them.

    Raises:
        RuntimeError: other numbers of elements, or other dtypes.
        IndexError: a number out of range.

    Example:
        >>> import fastnet
        >>> fastnet.put(fastnet.zeros(3), fastnet.tensor([2]), fastnet.tensor([5.0]))
        tensor([0., 0., 5.])
    """
    _check_numbers("put", index)
    if source.dtype != input.dtype or source.numel() != index.numel():
        raise RuntimeError(f"put: expected a source of {input.dtype} with {index.numel()} elements, got {source.dtype} "
                           f"with {source.numel()}")
    flat = index_put(input.reshape(-1), (index.reshape(-1),), source.reshape(-1), accumulate)
    return flat.reshape(input.shape)


@op
def _added(x: Array, values: Array, *picks: Any) -> Result[Array]:
    """A copy of x with values added at the places that the index tensors pick; places may occur twice."""
    out = kernels.contiguous_copy(x)
    _, in_order = selection(out, picks)
    chosen = pick(x, picks).shape
    K.index_add_(out, *(v if in_order is None else in_order(v) for v in (_broadcast_values(values, chosen),)), *picks)
    return out, (kernels.same, gradient(pick, picks), *(None for _ in picks))


def _broadcast_values(x: Array, shape: Shape) -> Array:
    if x.shape == shape:
        return x
    out = kernels.full(shape, 0, x.dtype)
    K.copy(out, x)
    return out


@method()
def index_put(input: Tensor, indices: tuple[Tensor | None, ...], values: Operand, accumulate: bool = False) -> Tensor:
    """A copy of the input with `values` at the places that index tensors pick: input[indices] = values.

    Args:
        input: any shape.
        indices: index tensors or masks, one for each leading dimension; None for a whole dimension.
        values: a tensor that broadcasts to the selection.
        accumulate: add the values instead of writing them.

    Raises:
        IndexError: an index out of range.
        RuntimeError: a shape that does not broadcast.

    Example:
        >>> import fastnet
        >>> fastnet.index_put(fastnet.zeros(3), (fastnet.tensor([0, 0]),), fastnet.ones(2), accumulate=True)
        tensor([2., 0., 0.])
    """
    key = tuple(slice(None) if i is None else i for i in indices)
    if not accumulate:
        out = input.clone()
        out[key] = values
        return out
    view, picks = as_key(input, key)
    if view or not picks:
        out = input.clone()
        out[key] = out[key] + values
        return out
    values = values if isinstance(values, Tensor) else _beside(input, values)
    return _added(input, values.to(input.dtype), *picks)


@method()
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """A copy of the input with the elements of `source`, in order, where the mask is true.

    Args:
        input: any shape.
        mask: a bool tensor that broadcasts with the input.
        source: the input's dtype, with at least as many elements as the mask has true ones.

    Raises:
        RuntimeError: another dtype, or too few elements.

    Example:
        >>> import fastnet
        >>> fastnet.masked_scatter(fastnet.zeros(3), fastnet.tensor([True, False, True]), fastnet.tensor([1.0, 2.0]))
        tensor([1., 0., 2.])
    """
    check_mask("masked_scatter", "mask", mask)
    if source.dtype != input.dtype:
        raise RuntimeError(f"masked_scatter: expected a source of dtype {input.dtype}, got {source.dtype}")
    shape = kernels.broadcast_shape(input._data, mask._data)
    input, mask = input.expand(shape), mask.expand(shape)
    order = cumsum(mask.reshape(-1), 0)
    if state.recorder is None and order.numel() and int(order[-1]) > source.numel():
        raise RuntimeError(f"masked_scatter: expected at least {int(order[-1])} elements in the source, got "
                           f"{source.numel()}")
    if source.numel() == 0:
        return input.clone()
    return where(mask, source.reshape(-1)[(order - 1).clamp(min=0)].reshape(shape), input)


def _beside(like: Tensor, value: Any) -> Tensor:
    """A number as a 0-d tensor in the dtype that it has beside a tensor."""
    dtype = dtypes.result_type(like._data, value)
    return full((), value, dtype=dtype)


@method()
def argwhere(input: Tensor) -> Tensor:
    """The coordinates of the elements that are not 0, as rows: `nonzero`.

    Example:
        >>> import fastnet
        >>> fastnet.argwhere(fastnet.tensor([[0, 1], [2, 0]]))
        tensor([[0, 1],
                [1, 0]])
    """
    return nonzero(input)


def isin(elements: Operand, test_elements: Operand, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each element occurs in `test_elements`, as bool.

    Args:
        elements: a tensor or a number.
        test_elements: a tensor or a number.
        assume_unique: ignored.
        invert: whether it does not occur.

    Raises:
        TypeError: two numbers.

    Example:
        >>> import fastnet
        >>> fastnet.isin(fastnet.tensor([1, 2, 3]), fastnet.tensor([2, 5]))
        tensor([False,  True, False])
    """
    if not isinstance(elements, Tensor):
        if not isinstance(test_elements, Tensor):
            raise TypeError("isin: expected at least one tensor, got two numbers")
        elements = _beside(test_elements, elements)
    tested = test_elements if isinstance(test_elements, Tensor) else _beside(elements, test_elements)
    found = (elements.unsqueeze(-1) == tested.reshape(-1)).any(-1)
    return ~found if invert else found


for _method in ("index_put", "masked_scatter", "put"):
    in_place(_method + "_", _method)
