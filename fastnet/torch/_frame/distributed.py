"""`torch.distributed`, on `fastnet.distributed` for several processes.

In a world of one process every exchange leaves the process with its own values.
"""
from __future__ import annotations

import enum
import importlib.util
import json
import os
from typing import Any

import fastnet
from fastnet import distributed
from fastnet._core import world
from fastnet._core.tensor import Tensor
from fastnet.distributed.calls import same_call
from fastnet.distributed.collectives import all_gather_bytes
from fastnet.distributed.messages import packed_arrays, unpacked_arrays
from fastnet.nn.nested import pack, unpack

__all__ = [
    "Backend", "GroupMember", "ProcessGroup", "ReduceOp", "Work", "all_gather", "all_gather_into_tensor",
    "all_gather_object", "all_reduce", "all_to_all_single", "barrier", "broadcast", "broadcast_object_list",
    "destroy_process_group", "gather", "gather_object", "get_backend", "get_default_backend_for_device",
    "get_process_group_ranks", "get_rank", "get_world_size", "group", "init_process_group", "is_available",
    "is_gloo_available", "is_initialized", "is_mpi_available", "is_nccl_available", "is_torchelastic_launched",
    "monitored_barrier", "new_group", "reduce", "reduce_scatter", "reduce_scatter_tensor", "scatter",
    "scatter_object_list",
]


class ReduceOp(enum.Enum):
    """How values of several processes are combined: of one process, each gives its value."""

    SUM = "sum"
    AVG = "avg"
    PRODUCT = "product"
    MIN = "min"
    MAX = "max"
    BAND = "band"
    BOR = "bor"
    BXOR = "bxor"


class Backend(str):
    """The name of a way to exchange values: of several processes, "mpi" is MPI, and the others are sockets."""

    GLOO, NCCL, MPI, UNDEFINED = "gloo", "nccl", "mpi", "undefined"


class ProcessGroup:
    """The group of all processes."""

    def rank(self) -> int:
        """The number of this process."""
        return world.rank()

    def size(self) -> int:
        """The number of processes."""
        return world.world_size()


class Work:
    """An exchange that is complete; see `async_op`."""

    def wait(self, timeout: Any = None) -> bool:
        """Return True at once."""
        return True

    def is_completed(self) -> bool:
        """Whether the exchange is complete: yes."""
        return True


class GroupMember:
    """Names of groups: WORLD is the group of all processes."""

    WORLD = ProcessGroup()
    NON_GROUP_MEMBER = object()


group = GroupMember
_backend: str | None = None             # of the world; None before init_process_group


def init_process_group(backend: str | None = None, init_method: str | None = None, timeout: Any = None,
                       world_size: int = -1, rank: int = -1, store: Any = None, group_name: str = "",
                       pg_options: Any = None, device_id: Any = None) -> None:
    """Join the other processes, or begin a world of one.

    Args:
        backend: kept for `get_backend`. "mpi" joins by MPI, any other name by sockets.
        timeout: see `fastnet.distributed.init_process_group`.
        world_size, rank: by default those of the environment variables WORLD_SIZE and RANK, or 1 and 0.
        init_method: None or "env://".
        store, group_name, pg_options, device_id: accepted and ignored.

    Raises:
        RuntimeError: see `fastnet.distributed.init_process_group`.
        ValueError: a second call, or another way to meet.
    """
    global _backend
    if _backend is not None:
        raise ValueError("init_process_group: the process group exists already")
    if init_method not in (None, "env://"):
        raise ValueError(f"init_process_group: expected init_method to be None or 'env://', got {init_method!r}; set "
                         "MASTER_ADDR and MASTER_PORT")
    size = int(os.environ.get("WORLD_SIZE", 1)) if world_size is None or world_size < 0 else world_size
    if size > 1 or backend == Backend.MPI:
        distributed.init_process_group("mpi" if backend == Backend.MPI else "sockets", timeout=timeout,
                                       world_size=size, rank=-1 if rank is None else rank)
    _backend = backend or Backend.GLOO


def destroy_process_group(group: Any = None) -> None:
    """Leave the world."""
    global _backend
    _backend = None
    distributed.destroy_process_group()


def is_available() -> bool:
    """Whether this module can be used: yes."""
    return True


def is_initialized() -> bool:
    """Whether `init_process_group` was called."""
    return _backend is not None


def _check_initialized(name: str) -> str:
    if _backend is None:
        raise ValueError(f"{name}: call init_process_group first")
    return _backend


def get_backend(group: Any = None) -> str:
    """The name given to `init_process_group`."""
    return _check_initialized("get_backend")


def get_rank(group: Any = None) -> int:
    """The number of this process."""
    _check_initialized("get_rank")
    return world.rank()


def get_world_size(group: Any = None) -> int:
    """The number of processes."""
    _check_initialized("get_world_size")
    return world.world_size()


def get_process_group_ranks(group: Any = None) -> list[int]:
    """The numbers of the processes of a group: of all of them."""
    return list(range(world.world_size()))


def get_default_backend_for_device(device: Any) -> str:
    """The name of the backend for a device: "gloo"."""
    return Backend.GLOO


def is_gloo_available() -> bool:
    """Whether the backend of CPUs can be used: yes."""
    return True


def is_nccl_available() -> bool:
    """Whether another backend can be used: no."""
    return False


def is_mpi_available() -> bool:
    """Whether mpi4py is installed."""
    return importlib.util.find_spec("mpi4py") is not None


is_torchelastic_launched = is_nccl_available


def new_group(ranks: Any = None, *args: Any, **kwargs: Any) -> ProcessGroup:
    """The group of all processes.

    Raises:
        RuntimeError: some of the processes only.
    """
    if ranks is not None and sorted(ranks) != list(range(world.world_size())):
        raise RuntimeError(f"new_group: expected all ranks, got {list(ranks)}: fastnet has one group of all processes")
    return GroupMember.WORLD


def _done(async_op: bool) -> Work | None:
    return Work() if async_op else None


def _op(op: Any) -> distributed.ReduceOp:
    try:
        return distributed.ReduceOp[op.name]
    except (KeyError, AttributeError):
        raise RuntimeError(f"expected one of {', '.join(o.name for o in distributed.ReduceOp)} for several processes, "
                           f"got {op}") from None


def barrier(group: Any = None, async_op: bool = False, device_ids: Any = None) -> Work | None:
    """Wait for the other processes."""
    if world.current() is not None:
        distributed.barrier()
    return _done(async_op)


monitored_barrier = barrier


def all_reduce(tensor: Tensor, op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False) -> Work | None:
    """Combine the tensors of all processes, in place; see `fastnet.distributed.all_reduce`."""
    if world.current() is not None:
        distributed.all_reduce(tensor, _op(op))
    return _done(async_op)


def reduce(tensor: Tensor, dst: int | None = 0, op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False,
           group_dst: int | None = None) -> Work | None:
    """Combine the tensors of all processes, in that of the process `dst`."""
    result = tensor.detach().clone()
    all_reduce(result, op)
    if world.rank() == (dst if group_dst is None else group_dst):
        tensor.detach().copy_(result)
    return _done(async_op)


def broadcast(tensor: Tensor, src: int | None = 0, group: Any = None, async_op: bool = False,
              group_src: int | None = None) -> Work | None:
    """Copy the values of one process to the others."""
    if world.current() is not None:
        distributed.broadcast(tensor, (src if group_src is None else group_src) or 0)
    return _done(async_op)


def all_gather(tensor_list: list[Tensor], tensor: Tensor, group: Any = None, async_op: bool = False) -> Work | None:
    """Copy the tensors of all processes into the list."""
    if world.current() is not None:
        distributed.all_gather(tensor_list, tensor)
    else:
        tensor_list[0].copy_(tensor)
    return _done(async_op)


def all_gather_into_tensor(output_tensor: Tensor, input_tensor: Tensor, group: Any = None, async_op: bool = False
                           ) -> Work | None:
    """Copy the tensors of all processes into the parts of the output."""
    output_tensor.copy_(fastnet.stack(_of_all_ranks(input_tensor)).reshape(output_tensor.shape))
    return _done(async_op)


def reduce_scatter_tensor(output: Tensor, input: Tensor, op: Any = ReduceOp.SUM, group: Any = None,
                          async_op: bool = False) -> Work | None:
    """Combine the inputs of all processes, and copy this process's part of the result."""
    result = input.detach().clone()
    all_reduce(result, op)
    output.copy_(result.reshape(world.world_size(), *output.shape)[world.rank()])
    return _done(async_op)


def all_to_all_single(output: Tensor, input: Tensor, output_split_sizes: Any = None, input_split_sizes: Any = None,
                      group: Any = None, async_op: bool = False) -> Work | None:
    """Copy this process's part of each process's input; all parts have the same size."""
    if world.world_size() > 1 and (output_split_sizes or input_split_sizes):
        raise RuntimeError("all_to_all_single: expected parts of the same size, got split sizes")
    parts = [x.reshape(world.world_size(), -1)[world.rank()] for x in _of_all_ranks(input)]
    output.copy_(fastnet.stack(parts).reshape(output.shape))
    return _done(async_op)


def gather(tensor: Tensor, gather_list: list[Tensor] | None = None, dst: int | None = None, group: Any = None,
           async_op: bool = False, group_dst: int | None = None) -> Work | None:
    """Copy the tensors of all processes into the list of the process `dst`."""
    for place, found in zip(gather_list or (), _of_all_ranks(tensor)):
        place.copy_(found)
    return _done(async_op)


def scatter(tensor: Tensor, scatter_list: list[Tensor] | None = None, src: int | None = None, group: Any = None,
            async_op: bool = False, group_src: int | None = None) -> Work | None:
    """Copy this process's entry of the list of the process `src`."""
    own = [tensor.detach()] * world.world_size()
    parts = fastnet.stack(list(scatter_list or own))
    broadcast(parts, src, group_src=group_src)
    tensor.copy_(parts[world.rank()])
    return _done(async_op)


def reduce_scatter(output: Tensor, input_list: list[Tensor], op: Any = ReduceOp.SUM, group: Any = None,
                   async_op: bool = False) -> Work | None:
    """Combine the lists of all processes, and copy this process's entry of the result."""
    return reduce_scatter_tensor(output, fastnet.stack(list(input_list)), op, group, async_op)


def _of_all_ranks(tensor: Tensor) -> list[Tensor]:
    """The tensors of all processes."""
    parts = [tensor.detach().clone() for _ in range(world.world_size())]
    all_gather(parts, tensor.detach())
    return parts


# ---- objects of numbers, strings, tensors, lists and dictionaries; nothing is pickled ------------------------------

def _exchanged_objects(own: Any) -> list[Any]:
    """The objects of all processes."""
    if world.current() is None:
        return [own]
    text, arrays = pack(own, "an object of several processes")
    found, transport = [], world.current().transport
    same_call(transport, "a collective of objects")
    for data in all_gather_bytes(transport, packed_arrays(list(arrays.values()), [list(arrays), text])):
        values, (names, document) = unpacked_arrays(data)
        found.append(unpack(json.loads(document), dict(zip(names, values)), "an object of another process"))
    return found


def all_gather_object(object_list: list[Any], obj: Any, group: Any = None) -> None:
    """Put the objects of all processes into the list.

    Raises:
        TypeError: of several processes, an object that only pickle could send.
    """
    object_list[:] = _exchanged_objects(obj)


def broadcast_object_list(object_list: list[Any], src: int | None = 0, group: Any = None, device: Any = None,
                          group_src: int | None = None) -> None:
    """Put the objects of the process `src` into the list; see `all_gather_object`."""
    if world.current() is not None:
        source = (src if group_src is None else group_src) or 0
        object_list[:] = _exchanged_objects(list(object_list) if world.rank() == source else None)[source]


def gather_object(obj: Any, object_gather_list: list[Any] | None = None, dst: int | None = None, group: Any = None,
                  group_dst: int | None = None) -> None:
    """Put the objects of all processes into the list of the process `dst`; see `all_gather_object`."""
    found = _exchanged_objects(obj)
    if object_gather_list is not None:
        object_gather_list[:] = found


def scatter_object_list(scatter_object_output_list: list[Any], scatter_object_input_list: list[Any] | None = None,
                        src: int | None = None, group: Any = None, group_src: int | None = None) -> None:
    """Put this process's object of the list of the process `src` into the first; see `all_gather_object`."""
    source = (src if group_src is None else group_src) or 0
    own = list(scatter_object_input_list or []) if world.rank() == source else None
    scatter_object_output_list[0] = _exchanged_objects(own)[source][world.rank()]
