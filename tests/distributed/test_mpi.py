"""Ranks of mpirun: when one of them ends, the others do within seconds, and name it."""
import time

import pytest
from mpi_tools import mpirun

HEAD = """
import sys, time
import fastnet, fastnet.distributed as dist
dist.init_process_group(timeout=30)
rank, x = dist.get_rank(), fastnet.ones(3)
dist.all_reduce(x)
"""


def ended(code, ranks=2):
    """(exit code, outputs, errors) of ranks that end early."""
    begin = time.monotonic()
    found = mpirun(ranks, "-c", HEAD + code, timeout=30)
    assert time.monotonic() - begin < 20        # seconds on a busy machine
    return found.returncode, found.stdout, found.stderr


@pytest.mark.parametrize("end, call", [
    ("sys.exit(1)", "dist.all_reduce(x)"),
    ("sys.exit(0)", "dist.broadcast(fastnet.ones(100_000), src=1)"),
])
def test_a_rank_that_exits_is_named(end, call):
    code, _, errors = ended(f"{end} if rank == 1 else {call}")
    assert code != 0
    assert "DistNetworkError: rank 1 has ended (left the group, or its program ended)" in errors


def test_all_ranks_name_the_one_that_ended():
    """Also those that do not exchange with it."""
    code, output, _ = ended("""
if rank != 2:
    try:
        dist.barrier()
    except dist.DistNetworkError as e:
        sys.stdout.write(f"{e}\\n")
""", ranks=3)
    assert code == 0 and output.count("rank 2 has ended") == 2


def test_an_exception_ends_all_ranks():
    code, _, errors = ended("if rank == 1: raise ValueError('no such file')\ntime.sleep(60)")
    assert code != 0
    assert "ValueError: no such file" in errors
    assert "fastnet: rank 1 ends all ranks after ValueError: no such file" in errors


def test_a_rank_that_does_not_answer():
    code, _, errors = ended("""
dist.destroy_process_group()
dist.init_process_group(timeout=0.5)
time.sleep(3) if rank == 1 else dist.all_reduce(x)
""")
    assert code != 0 and "rank 1 did not answer rank 0 within 0.5 s" in errors


@pytest.mark.parametrize("end", ["sys.exit(0)", "time.sleep(1.5 * rank)"])
def test_a_common_end_is_clean(end):
    assert ended(end) == (0, "", "")


def test_a_group_may_be_left_and_joined_again():
    code, output, errors = ended("""
for _ in range(3):
    dist.destroy_process_group()
    dist.init_process_group()
    dist.all_reduce(x)
sys.stdout.write(f"{x.tolist()}\\n")
""")
    assert (code, output, errors) == (0, "[16.0, 16.0, 16.0]\n" * 2, "")


def test_messages_of_other_lengths_are_refused():
    """By the transport, also where no digest is compared; on both ranks, in the words of the sockets."""
    code, output, _ = ended("""
from fastnet._core import world
from fastnet.distributed.collectives import all_reduce_array
try:
    all_reduce_array(world.current().transport, fastnet.ones(2 + rank).numpy())
except dist.DistError as e:
    sys.stdout.write(f"{e}\\n")
""")
    assert code == 0
    assert "rank 1 sent more bytes where 8 were expected: all ranks must make the same calls" in output
    assert "rank 0 sent 8 bytes where 12 were expected: all ranks must make the same calls" in output
