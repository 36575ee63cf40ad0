"""Processes that a rank starts or forks are not ranks, and the others learn when the rank itself ends."""
import os
import time

import pytest
from mpi_tools import mpirun
from rank_tools import finish, run, settings, start

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")

TRAIN = """
import numpy as np, fastnet, fastnet.distributed as dist
x = np.ones((8, 2), np.float32)
def trained_alone():
    history = fastnet.Trainer(fastnet.nn.Linear(2, 1), loss="mse").fit(x, x[:, 0], progress=False)
    return len(history) == 1 and not dist.is_initialized()
"""
STARTED = TRAIN + f"""
import subprocess, sys
from fastnet._core import world
if not dist.is_initialized():
    dist.init_process_group(timeout=20)
name = world.launched_by()
assert name is not None
program = {TRAIN!r} + "assert trained_alone()"
subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
assert world.launched_by() == name
dist.destroy_process_group()
assert world.launched_by() == name                  # this rank may join again
"""


def test_a_program_that_a_rank_starts_trains_alone():
    run(2, "-c", STARTED)


def test_a_program_that_a_rank_of_mpirun_starts_trains_alone():
    found = mpirun(2, "-c", STARTED)
    assert found.returncode == 0, found.stderr


LAUNCHING = """
import subprocess, sys, fastnet.distributed as dist
dist.init_process_group(timeout=20)
subprocess.run([sys.executable, "-m", "fastnet", "launch", "--nproc", "3", "inner.py"], check=True, timeout=90)
"""


def test_ranks_that_a_rank_launches_are_ranks(tmp_path):
    """Their variables differ from those of the rank."""
    (tmp_path / "inner.py").write_text(
        "import fastnet.distributed as dist\nassert dist.init_from_launcher() and dist.get_world_size() == 3\n")
    run(2, "-c", LAUNCHING, cwd=tmp_path)


FORKED = TRAIN + """
import os, sys
if not dist.is_initialized():
    dist.init_process_group(timeout=20)
rank, tensor = dist.get_rank(), fastnet.ones(100_000)
child = os.fork()
if child == 0:
    code = 1
    try:
        assert dist.get_rank() == rank              # as a worker that reads this rank's part of the data asks
        for call in (dist.barrier, lambda: dist.all_reduce(tensor), trained_alone):
            try:
                call()
            except dist.DistError as e:
                assert f"forked from rank {rank} and is not a rank" in str(e)
            else:
                raise AssertionError
        dist.destroy_process_group()
        assert trained_alone()
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)
assert os.waitpid(child, 0)[1] == 0
dist.all_reduce(tensor)
assert tensor.equal(fastnet.full((100_000,), 2.0))
"""


def test_a_forked_process_exchanges_nothing():
    run(2, "-c", FORKED)


KILLED = """
import os, signal, time
import fastnet.distributed as dist
dist.init_process_group(timeout=60)
if dist.get_rank() == 1:
    child = os.fork()
    if child == 0:
        time.sleep(90)
        os._exit(0)
    print(child, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
dist.barrier()
"""


def test_a_rank_that_is_killed_while_its_child_runs_is_named():
    """The child inherited its connections."""
    first, second = start(settings(2), "-c", KILLED)
    child = int(second.stdout.readline())
    try:
        begin = time.monotonic()
        first.wait(50)
        assert time.monotonic() - begin < 20
    finally:
        os.kill(child, 9)
        codes, _, errors = finish([first, second])
    assert codes == [1, -9] and "rank 1 has ended" in errors[0]
