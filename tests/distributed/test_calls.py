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


STEP = """
import sys
import fastnet, fastnet.distributed as dist
from fastnet import nn
from fastnet.distributed import buckets
if not dist.is_initialized():
    dist.init_process_group(timeout=20)
first = dist.get_rank() == 0
others = [dist.barrier, lambda: dist.all_reduce(fastnet.ones(3)), lambda: dist.broadcast(fastnet.ones(100_000)),
          lambda: dist.DistributedDataParallel(nn.Linear(2, 2))]
x = fastnet.ones(3, 4)
for width, buckets.BUCKET_BYTES in ((2, 1 << 20), (150, 1 << 20), (150, 1)):    # 1: several buckets
    replica = dist.DistributedDataParallel(nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2), nn.Linear(2, width),
                                                         nn.Linear(width, width)))
    replica(x).sum().backward()
    for call in others:
        loss = replica(x).sum()
        for mine in (loss.backward, lambda: replica(x)):
            try:
                mine() if first else call()
            except dist.DistError as e:
                sys.stdout.write(f"{dist.get_rank()}: {e}\\n")
        replica(x).sum().backward()
"""
BYTES = [104, 92456, 92456]             # of gradients
OTHERS = ["barrier()", "all_reduce(float32 (3,), op=SUM)", "broadcast(float32 (100000,), src=0)",
          "DistributedDataParallel"]


def check_steps(text, rank, others):
    """Errors name the step and the other call, and steps work afterwards."""
    mine = [[f"the gradients of backward(), {count} bytes", "the buffers of rank 0"] for count in BYTES]
    assert [line.partition("got ")[2] for line in text.splitlines() if line.startswith(f"{rank}: ")] == [
        f"DistributedDataParallel: {call} on rank 0; {other} on {others}"
        for calls_of_step in mine for other in OTHERS for call in calls_of_step]


def test_a_step_that_meets_another_call_over_sockets():
    for rank, text in enumerate(run_code(3, STEP)):
        check_steps(text, rank, "ranks 1, 2")


def test_a_step_that_meets_another_call_over_mpi():
    found = mpirun(2, "-c", STEP)
    assert (found.returncode, found.stderr) == (0, "")
    for rank in range(2):
        check_steps(found.stdout, rank, "rank 1")


TRAINING = """
class Alone(fastnet.callbacks.Callback):
    def on_batch_end(self, trainer):
        if dist.get_rank() == 0:
            dist.barrier()
try:
    fastnet.Trainer(fastnet.nn.Linear(2, 1), loss="mse").fit(
        np.ones((8, 2), np.float32), np.ones(8, np.float32), batch_size=4, progress=False, callbacks=[Alone()])
except dist.DistError as e:
    print(str(e).partition("got ")[2])
"""


def test_a_batch_of_the_trainer_that_meets_another_call():
    assert set(run_code(2, TRAINING)) == {"barrier() on rank 0; Trainer.fit: the gradients of a batch on rank 1\n"}


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
