"""Arrays that ranks of one machine swap through memory: values, bits, lengths, and ranks that end."""
import os
import time
from pathlib import Path

import numpy as np
import pytest
from mpi_tools import mpirun
from rank_tools import finish, run_code, settings, start

from fastnet.distributed import shared_memory
from fastnet.distributed.slots import SLOT_BYTES, Slots

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="needs memfd_create")

HEAD = """
import sys
import fastnet, numpy as np, fastnet.distributed as dist
if not dist.is_initialized():
    dist.init_process_group(timeout=20)
from fastnet._core import world
from fastnet.data.arrays import fingerprint
transport, rank, size = world.current().transport, dist.get_rank(), dist.get_world_size()
x = fastnet.from_numpy(np.random.default_rng(rank).standard_normal(300_000).astype(np.float32))
"""
BITS = HEAD + """
found = []
partners, slots = sorted(transport.slots), transport.slots
for transport.slots in ({}, slots):
    y = x.clone()
    before = transport.bytes_sent, transport.messages_sent
    dist.all_reduce(y)
    found.append((fingerprint(y), transport.messages_sent - before[1]))
    assert abs(transport.bytes_sent - before[0] - SENT) < 100
(bits, messages), other = found
assert other == (bits, messages)
sys.stdout.write(f"{rank} {partners} {bits}\\n")
"""
PARTNERS = {2: [[1], [0]], 3: [[1], [0], []], 4: [[1, 2], [0, 3], [0, 3], [1, 2]]}


def check_bits(text, size):
    lines = sorted(text.splitlines())
    assert [line.rpartition(" ")[0] for line in lines] == [f"{r} {found}" for r, found in enumerate(PARTNERS[size])]
    assert len({line.rpartition(" ")[2] for line in lines}) == 1


def sent(size):
    """Bytes that a rank sends; of three ranks, each sends its values once."""
    return f"SENT = {1_200_000 * (size // 2) if size != 3 else '1_200_000 * (1 + (dist.get_rank() == 0))'}\n"


@pytest.mark.parametrize("size", [2, 3, 4])
def test_the_bits_and_bytes_of_messages_over_sockets(size):
    check_bits("".join(run_code(size, sent(size) + BITS)), size)


def test_the_bits_and_bytes_of_messages_over_mpi():
    found = mpirun(2, "-c", sent(2) + BITS)
    assert found.returncode == 0, found.stderr
    check_bits(found.stdout, 2)


UNREACHABLE = """
import os, json
from fastnet.distributed import shared_memory
import fastnet, fastnet.distributed as dist
if os.environ["RANK"] == "1":
    shared_memory.{} = lambda *args: None
dist.init_process_group(timeout=20)
from fastnet._core import world
x = fastnet.ones(100_000)
dist.all_reduce(x)
assert x.equal(4 * fastnet.ones(100_000))
print(sorted(world.current().transport.slots))
"""


@pytest.mark.parametrize("function", ["_opened", "_new_file"])
def test_a_rank_that_cannot_open_or_make_memory_sends_messages(function):
    """As one on another machine; the other ranks still share theirs."""
    codes, outputs, errors = finish(start(settings(4), "-c", UNREACHABLE.format(function)))
    assert codes == [0] * 4, errors
    assert outputs == ["[2]\n", "[]\n", "[0, 3]\n", "[2]\n"]


LENGTHS = HEAD + """
from fastnet.distributed.collectives import all_reduce_array
try:
    all_reduce_array(transport, np.ones(LENGTH, np.float32))
except dist.DistError as e:
    sys.stdout.write(f"{rank}: {e}\\n")
"""


@pytest.mark.parametrize("length", [20_000, 100, 300_000])
def test_other_lengths_are_refused(length):
    code = LENGTHS.replace("LENGTH", f"{length} if rank else 50_000")
    for text in ("".join(run_code(2, code)), mpirun(2, "-c", code).stdout):
        assert text.count("all ranks must make the same calls in the same order") == 2, text


KILLED = HEAD + """
print("started", flush=True)
while True:
    dist.all_reduce(x)
"""


def test_a_killed_rank_ends_the_others_and_leaves_nothing():
    ranks = start(settings(4), "-c", KILLED)
    try:
        for rank in ranks:
            assert rank.stdout.readline() == "started\n"
            mapped = Path(f"/proc/{rank.pid}/maps").read_text()         # memory that has no name in a folder
            assert mapped.count("/memfd:fastnet-") >= 3 and "/dev/shm" not in mapped
        time.sleep(0.3)                         # all wait for each other's arrays
    finally:
        ranks[2].kill()
        begin = time.monotonic()
        codes, _, errors = finish(ranks)
    assert time.monotonic() - begin < 5
    assert codes == [1, 1, -9, 1]
    assert all("rank 2 has ended" in errors[rank] for rank in (0, 1, 3)), errors


def test_slots_are_used_in_turns():
    """What a rank has received stays until the next swap has begun, also if the partner is one swap ahead."""
    memory = np.zeros((2, 2, SLOT_BYTES), np.uint8)
    first, second = Slots(memory[0], memory[1]), Slots(memory[1], memory[0])
    a, b = np.arange(10_000.0), np.arange(20_000, dtype=np.int64)
    assert Slots.fit(a) and not Slots.fit(a[:100]) and not Slots.fit(np.zeros(SLOT_BYTES + 8, np.uint8))
    received = first.begin(a)
    assert second.begin(2 * a).tolist() == a.tolist()
    second.begin(b)
    assert received.tolist() == (2 * a).tolist()
    assert first.begin(-b).tolist() == b.tolist()


def test_no_other_file_is_opened():
    """Another machine or container may have another process of this number, and another file."""
    shape = (1, 2, SLOT_BYTES)
    file = shared_memory._new_file("of-tests", shape)
    try:
        assert shared_memory._opened([os.getpid(), file, "of-tests"], shape).shape == shape
        assert shared_memory._opened([os.getpid(), file, "of-others"], shape) is None
        assert shared_memory._opened([1 << 30, file, "of-tests"], shape) is None
        assert shared_memory._opened(None, shape) is None
    finally:
        os.close(file)
    with open(os.devnull) as other:
        assert shared_memory._opened([os.getpid(), other.fileno(), "of-tests"], shape) is None
