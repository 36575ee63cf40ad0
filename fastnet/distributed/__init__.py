"""Training on several processes and machines, with the same bits on any number of ranks; PyTorch's names."""
from fastnet.data.samples import DistributedSampler
from fastnet.distributed.errors import DistError, DistNetworkError
from fastnet.distributed.group import (
    ProcessGroup,
    destroy_process_group,
    get_backend,
    get_rank,
    get_world_size,
    init_from_launcher,
    init_process_group,
    is_available,
    is_initialized,
)
from fastnet.distributed.operations import ReduceOp, all_gather, all_reduce, barrier, broadcast
from fastnet.distributed.parallel import DistributedDataParallel

__all__ = [
    "DistError", "DistNetworkError", "DistributedDataParallel", "DistributedSampler", "ProcessGroup", "ReduceOp",
    "all_gather", "all_reduce", "barrier", "broadcast", "destroy_process_group", "get_backend", "get_rank",
    "get_world_size", "init_from_launcher", "init_process_group", "is_available", "is_initialized",
]
