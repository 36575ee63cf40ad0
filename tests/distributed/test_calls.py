"""Ranks that make different calls: all of them raise the same error, over sockets and MPI."""
import numpy as np
import pytest
from mpi_tools import mpirun
from rank_tools import run_code

import fastnet.distributed as dist
from fastnet.distributed import calls

CODE = """
import sys
import fastnet, fastnet.distributed as dist
if not dist.is_initialized():
    dist.init_process_group(timeout=20)
rank, size, ones, op = dist.get_rank(), dist.get_world_size(), fastnet.ones, dist.ReduceOp
last = size - 1
for call in (
    lambda: dist.all_reduce(ones(3 if rank == last else 2)),
    lambda: dist.all_reduce(ones(2).int() if rank == last else ones(2)),
    lambda: dist.all_reduce(ones(2), op.MAX if rank == last else op.SUM),
    lambda: dist.all_reduce(ones(100_000 if rank == last else 2)),
    lambda: dist.broadcast(ones(1, 3) if rank == last else ones(3)),
    lambda: dist.broadcast(ones(100_000 + (rank == last))),
    lambda: dist.broadcast(ones(3), src=int(rank == last)),
    lambda: dist.all_gather([ones(rank + 3)] * size, ones(rank + 3)),
    lambda: dist.barrier() if rank == last else dist.broadcast(ones(3)),
):
    try:
        call()
    except dist.DistError as e:
        sys.stdout.write(f"{rank}: {e}\\n")
x = ones(2) * rank
dist.all_reduce(x)
sys.stdout.write(f"{rank}: {x.tolist()}\\n")
"""
FOUND = [
    "all_reduce(float32 (2,), op=SUM) on {}; all_reduce(float32 (3,), op=SUM) on {}",
    "all_reduce(float32 (2,), op=SUM) on {}; all_reduce(int32 (2,), op=SUM) on {}",
    "all_reduce(float32 (2,), op=SUM) on {}; all_reduce(float32 (2,), op=MAX) on {}",
    "all_reduce(float32 (2,), op=SUM) on {}; all_reduce(float32 (100000,), op=SUM) on {}",
    "broadcast(float32 (3,), src=0) on {}; broadcast(float32 (1, 3), src=0) on {}",
    "broadcast(float32 (100000,), src=0) on {}; broadcast(float32 (100001,), src=0) on {}",
    "broadcast(float32 (3,), src=0) on {}; broadcast(float32 (3,), src=1) on {}",
    None,
    "broadcast(float32 (3,), src=0) on {}; barrier() on {}",
]


def check(text, rank, size):
    """All errors name all calls, and the group works on."""
    lines = [line.partition(": ")[2] for line in text.splitlines() if line.startswith(f"{rank}: ")]
    others = "rank 0" if size == 2 else f"ranks {', '.join(map(str, range(size - 1)))}"
    gathered = "; ".join(f"all_gather(float32 ({r + 3},)) on rank {r}" for r in range(size))
    start = "expected the same call on all ranks, with tensors of one shape and dtype, got "
    total = float(sum(range(size)))
    assert lines == [*(start + (gathered if f is None else f.format(others, f"rank {size - 1}")) for f in FOUND),
                     str([total, total])]


@pytest.mark.parametrize("size", [3, 4])
def test_over_sockets(size):
    for rank, text in enumerate(run_code(size, CODE)):
        check(text, rank, size)


def test_over_mpi():
    found = mpirun(3, "-c", CODE)
    assert (found.returncode, found.stderr) == (0, "")
    for rank in range(3):
        check(found.stdout, rank, 3)


def test_many_calls_are_cut_short():
    assert calls._different_calls([f"call({i})".encode() for i in range(6)]).endswith("call(3) on rank 3; and 2 more")


LARGE = """
for n in (5, 20_000):
    x = fastnet.arange(float(n)) * (dist.get_rank() + 1)
    y, parts = x.clone(), [fastnet.zeros(n) for _ in range(3)]
    dist.all_gather(parts, x)
    dist.broadcast(y, src=2)
    dist.all_reduce(x)
    whole = fastnet.arange(float(n))
    assert x.equal(6 * whole) and y.equal(3 * whole), n
    assert all(part.equal((r + 1) * whole) for r, part in enumerate(parts)), n
"""


def test_short_and_long_tensors():
    run_code(3, LARGE)


def test_one_message_carries_digest_and_values():
    """The check of a short tensor costs no message."""
    class Twin(dist.group.Transport):
        """Another rank that makes the same calls with the same values."""
        rank, size = 0, 2

        def exchange(self, to, outgoing, source, incoming, exact=True):
            incoming[:outgoing.nbytes] = outgoing
            self.messages_sent += 1
            return outgoing.nbytes

    transport, x = Twin(), np.arange(3.0)
    calls.all_reduce(transport, "all_reduce", x, np.add)
    assert x.tolist() == [0, 2, 4] and transport.messages_sent == 1
