"""Collectives on tensors, under PyTorch's names."""
from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.errors import shape_text, whole_number
from fastnet._core.state import forbid_in_recording
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.distributed import calls
from fastnet.distributed.group import ProcessGroup, process_group
from fastnet.functional.inplace import writable

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Shape

__all__ = ["ReduceOp", "all_gather", "all_reduce", "barrier", "broadcast"]


class ReduceOp(enum.Enum):
    """How `all_reduce` combines the values of the ranks.

    Example:
        >>> import fastnet
        >>> [op.name for op in fastnet.distributed.ReduceOp]
        ['SUM', 'AVG', 'PRODUCT', 'MIN', 'MAX']
    """

    SUM = "sum"
    AVG = "avg"
    PRODUCT = "product"
    MIN = "min"
    MAX = "max"


_UFUNCS: dict[ReduceOp, Callable[..., Any]] = {
    ReduceOp.SUM: np.add, ReduceOp.AVG: np.add, ReduceOp.PRODUCT: np.multiply, ReduceOp.MIN: np.minimum,
    ReduceOp.MAX: np.maximum}


def all_reduce(tensor: Tensor, op: ReduceOp = ReduceOp.SUM) -> None:
    """Combine the tensors of all ranks, in place; all ranks end with the same bits, which each run repeats.

    Values are combined in one binary tree of the ranks: (0 + 1) + (2 + 3).

    Args:
        tensor: of the same shape and dtype on all ranks.
        op: SUM, AVG (the sum divided by the number of ranks), PRODUCT, MIN or MAX.

    Raises:
        TypeError: `op` is not a ReduceOp; AVG of integers, or MIN or MAX of complex numbers.
        RuntimeError: there is no process group; the tensor repeats its elements, as after `expand`; or (DistError) a
            rank has ended, or ranks differ in their call, a shape or a dtype: all ranks then raise the same error,
            which tells what each of them gave, and no tensor changes.

    Example:
        >>> import fastnet
        >>> import fastnet.distributed as dist
        >>> dist.init_process_group(world_size=1, rank=0)
        >>> x = fastnet.ones(2)
        >>> dist.all_reduce(x, op=dist.ReduceOp.SUM)
        >>> x
        tensor([1., 1.])
        >>> dist.destroy_process_group()
    """
    group = _group("all_reduce", tensor)
    if not isinstance(op, ReduceOp):
        raise TypeError(f"all_reduce: expected op to be a fastnet.distributed.ReduceOp, got {op!r}")
    if op in (ReduceOp.MIN, ReduceOp.MAX) and tensor.is_complex():
        raise TypeError(f"all_reduce: expected real numbers for ReduceOp.{op.name}, got {tensor.dtype}")
    if op is ReduceOp.AVG and not tensor.is_floating_point():
        raise TypeError(f"all_reduce: expected floating-point numbers for ReduceOp.AVG, got {tensor.dtype}")
    with _contiguous("all_reduce", tensor) as array:
        with np.errstate(all="ignore"):
            calls.all_reduce(group.transport, _call("all_reduce", tensor, f"op={op.name}"), array, _UFUNCS[op])
            if op is ReduceOp.AVG:
                np.divide(array, array.dtype.type(group.size), out=array)


def broadcast(tensor: Tensor, src: int = 0) -> None:
    """Copy the values of one rank to all others, in place.

    Args:
        tensor: of the same shape and dtype on all ranks.
        src: the rank whose values are copied.

    Raises:
        TypeError: `src` is not a whole number.
        ValueError: there is no such rank.
        RuntimeError: see `all_reduce`.

    Example:
        >>> import fastnet
        >>> import fastnet.distributed as dist
        >>> dist.init_process_group(world_size=1, rank=0)
        >>> x = fastnet.ones(2)
        >>> dist.broadcast(x, src=0)
        >>> x
        tensor([1., 1.])
        >>> dist.destroy_process_group()
    """
    group = _group("broadcast", tensor)
    if not 0 <= whole_number("src", src, None) < group.size:
        raise ValueError(f"broadcast: expected src to be a rank from 0 to {group.size - 1}, got {src}")
    with _contiguous("broadcast", tensor) as array:
        calls.broadcast(group.transport, _call("broadcast", tensor, f"src={src}"), array, src)


def all_gather(tensor_list: Sequence[Tensor], tensor: Tensor) -> None:
    """Copy the tensors of all ranks into a list, by rank.

    Args:
        tensor_list: one tensor for each rank, of the shape and dtype of `tensor`; written in place.
        tensor: of the same shape and dtype on all ranks.

    Raises:
        ValueError: the list has another length, or a tensor of another shape or dtype.
        RuntimeError: see `all_reduce`.

    Example:
        >>> import fastnet
        >>> import fastnet.distributed as dist
        >>> dist.init_process_group(world_size=1, rank=0)
        >>> parts = [fastnet.zeros(2) for _ in range(dist.get_world_size())]
        >>> dist.all_gather(parts, fastnet.ones(2))
        >>> parts
        [tensor([1., 1.])]
        >>> dist.destroy_process_group()
    """
    group = _group("all_gather", tensor)
    if len(tensor_list) != group.size:
        raise ValueError(f"all_gather: expected a list of {group.size} tensors, one for each rank, got "
                         f"{len(tensor_list)}")
    for place in tensor_list:
        _require_writable("all_gather", place)
        if place.shape != tensor.shape or place.dtype != tensor.dtype:
            raise ValueError(f"all_gather: expected tensors of shape {shape_text(tensor)} and dtype {tensor.dtype}, "
                             f"got {shape_text(place)} and {place.dtype}")
    found = calls.all_gather(group.transport, _call("all_gather", tensor), np.array(tensor._data, order="C"))
    for place, array in zip(tensor_list, found):
        np.copyto(place._data, array)
        place._storage.version += 1


def barrier() -> None:
    """Wait until all ranks have called this.

    Raises:
        RuntimeError: there is no process group; or (DistError) a rank has ended, or made another call.

    Example:
        >>> import fastnet.distributed as dist
        >>> dist.init_process_group(world_size=1, rank=0)
        >>> dist.barrier()
        >>> dist.destroy_process_group()
    """
    calls.same_call(process_group("barrier").transport, "barrier()")


def _call(name: str, tensor: Tensor, *details: str) -> str:
    """A call with what must be the same on all ranks."""
    return _call_text(name, tensor.dtype, tuple(tensor.shape), *details)


@functools.lru_cache(256)               # the name of a dtype alone takes several microseconds
def _call_text(name: str, dtype: DType, shape: Shape, *details: str) -> str:
    return f"{name}({', '.join([f'{dtype} {shape_text(shape)}', *details])})"


def _group(name: str, tensor: Tensor) -> ProcessGroup:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name}: expected a tensor, got {type(tensor).__name__}")
    forbid_in_recording(f"{name}()")
    return process_group(name)


@no_grad()
def _require_writable(name: str, tensor: Tensor) -> None:
    """Refuse repeated elements and read-only memory; a leaf that requires a gradient may be written."""
    writable(name, tensor)


@contextmanager
def _contiguous(name: str, tensor: Tensor) -> Iterator[Array]:
    """The memory of a tensor to write to; a copy, which is written back, if the tensor is not contiguous."""
    _require_writable(name, tensor)
    data = tensor._data
    array = data if data.flags.c_contiguous else np.ascontiguousarray(data)
    yield array
    if array is not data:
        np.copyto(data, array)
    tensor._storage.version += 1
