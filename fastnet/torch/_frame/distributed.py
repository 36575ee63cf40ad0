"""`torch.distributed` for a world of one process: every exchange leaves the process with its own values."""
from __future__ import annotations

import enum
import os
from typing import Any

from fastnet._core.tensor import Tensor

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
    """The name of a way to exchange values, which a world of one does not need."""

    GLOO, NCCL, MPI, UNDEFINED = "gloo", "nccl", "mpi", "undefined"


class ProcessGroup:
    """The group of the one process."""

    def rank(self) -> int:
        """The number of this process: 0."""
        return 0

    def size(self) -> int:
        """The number of processes: 1."""
        return 1


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
    """Begin a world of one process.

    Args:
        backend: kept for `get_backend`.
        world_size: the number of processes, by default that of the environment variable WORLD_SIZE, or 1.
        init_method, timeout, rank, store, group_name, pg_options, device_id: accepted and ignored.

    Raises:
        RuntimeError: more than one process.
        ValueError: a second call.
    """
    global _backend
    size = int(os.environ.get("WORLD_SIZE", 1)) if world_size is None or world_size < 0 else world_size
    if size > 1:
        raise RuntimeError(f"init_process_group: expected a world of one process, got {size}; fastnet does not train "
                           "on several processes yet")
    if _backend is not None:
        raise ValueError("init_process_group: the process group exists already")
    _backend = backend or Backend.GLOO


def destroy_process_group(group: Any = None) -> None:
    """End the world of one process."""
    global _backend
    _backend = None


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
    """The number of this process: 0."""
    _check_initialized("get_rank")
    return 0


def get_world_size(group: Any = None) -> int:
    """The number of processes: 1."""
    _check_initialized("get_world_size")
    return 1


def get_process_group_ranks(group: Any = None) -> list[int]:
    """The numbers of the processes of a group: [0]."""
    return [0]


def get_default_backend_for_device(device: Any) -> str:
    """The name of the backend for a device: "gloo"."""
    return Backend.GLOO


def is_gloo_available() -> bool:
    """Whether the backend of CPUs can be used: yes."""
    return True


def is_nccl_available() -> bool:
    """Whether another backend can be used: no."""
    return False


is_mpi_available = is_torchelastic_launched = is_nccl_available


def new_group(ranks: Any = None, *args: Any, **kwargs: Any) -> ProcessGroup:
    """A group of the one process."""
    return GroupMember.WORLD


def _done(async_op: bool) -> Work | None:
    return Work() if async_op else None


def barrier(group: Any = None, async_op: bool = False, device_ids: Any = None) -> Work | None:
    """Wait for no other process."""
    return _done(async_op)


monitored_barrier = barrier


def all_reduce(tensor: Tensor, op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False) -> Work | None:
    """Leave the tensor as the result over one process."""
    return _done(async_op)


def reduce(tensor: Tensor, dst: int | None = 0, op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False,
           group_dst: int | None = None) -> Work | None:
    """Leave the tensor as the result over one process."""
    return _done(async_op)


def broadcast(tensor: Tensor, src: int | None = 0, group: Any = None, async_op: bool = False,
              group_src: int | None = None) -> Work | None:
    """Leave the tensor as it is: this process is the source."""
    return _done(async_op)


def broadcast_object_list(object_list: list[Any], src: int | None = 0, group: Any = None, device: Any = None,
                          group_src: int | None = None) -> None:
    """Leave the list as it is: this process is the source."""


def all_gather(tensor_list: list[Tensor], tensor: Tensor, group: Any = None, async_op: bool = False) -> Work | None:
    """Copy the tensor into the one entry of the list."""
    tensor_list[0].copy_(tensor)
    return _done(async_op)


def all_gather_into_tensor(output_tensor: Tensor, input_tensor: Tensor, group: Any = None, async_op: bool = False
                           ) -> Work | None:
    """Copy the input into the output, which has one part."""
    output_tensor.copy_(input_tensor.reshape(output_tensor.shape))
    return _done(async_op)


reduce_scatter_tensor = all_to_all_single = all_gather_into_tensor


def all_gather_object(object_list: list[Any], obj: Any, group: Any = None) -> None:
    """Put the object into the one entry of the list."""
    object_list[0] = obj


def gather(tensor: Tensor, gather_list: list[Tensor] | None = None, dst: int | None = None, group: Any = None,
           async_op: bool = False, group_dst: int | None = None) -> Work | None:
    """Copy the tensor into the one entry of the list."""
    if gather_list:
        gather_list[0].copy_(tensor)
    return _done(async_op)


def gather_object(obj: Any, object_gather_list: list[Any] | None = None, dst: int | None = None, group: Any = None,
                  group_dst: int | None = None) -> None:
    """Put the object into the one entry of the list."""
    if object_gather_list:
        object_gather_list[0] = obj


def scatter(tensor: Tensor, scatter_list: list[Tensor] | None = None, src: int | None = None, group: Any = None,
            async_op: bool = False, group_src: int | None = None) -> Work | None:
    """Copy the one entry of the list into the tensor."""
    if scatter_list:
        tensor.copy_(scatter_list[0])
    return _done(async_op)


reduce_scatter = scatter


def scatter_object_list(scatter_object_output_list: list[Any], scatter_object_input_list: list[Any] | None = None,
                        src: int | None = None, group: Any = None, group_src: int | None = None) -> None:
    """Put the one object of the second list into the first."""
    if scatter_object_input_list:
        scatter_object_output_list[0] = scatter_object_input_list[0]
