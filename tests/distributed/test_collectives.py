"""Collectives over sockets: values, bits and bytes, on two to four ranks."""
import ast

import numpy as np
import pytest
from rank_tools import run_code

import fastnet
import fastnet.distributed as dist
from fastnet.distributed import collectives
from fastnet.distributed.messages import packed_arrays, unpacked_arrays

OPERATIONS = """
rank, size = dist.get_rank(), dist.get_world_size()
def reduced(op, x):
    dist.all_reduce(x, op=op)
    return x.tolist()
op = dist.ReduceOp
x = [1.5 * (rank + 1), -float(rank)]
for which in (op.SUM, op.AVG, op.PRODUCT, op.MIN, op.MAX):
    print(reduced(which, fastnet.tensor(x)))
print(reduced(op.SUM, fastnet.tensor([rank, 2])))
parts = [fastnet.zeros(2) for _ in range(size)]
dist.all_gather(parts, fastnet.tensor(x))
print([part.tolist() for part in parts])
for src in range(size):
    y = fastnet.tensor(x)
    dist.broadcast(y, src=src)
    print(y.tolist())
strided = fastnet.arange(6.0).reshape(2, 3).T * (rank + 1)
dist.all_reduce(strided)
print(strided.tolist())
empty = fastnet.zeros(0, 3)
dist.all_reduce(empty)
print(empty.tolist())
dist.barrier()
"""


@pytest.mark.parametrize("size", [2, 3, 4])
def test_values(size):
    rows = np.array([[1.5 * (rank + 1), -float(rank)] for rank in range(size)])
    expected = [rows.sum(0), rows.mean(0), rows.prod(0), rows.min(0), rows.max(0), [sum(range(size)), 2 * size], rows,
                *rows, np.arange(6.0).reshape(2, 3).T * sum(range(1, size + 1)), []]
    for text in run_code(size, OPERATIONS):
        for line, values in zip(text.splitlines(), expected, strict=True):
            assert np.allclose(ast.literal_eval(line), values)


BITS = """
x = fastnet.from_numpy(np.random.default_rng(dist.get_rank()).standard_normal(300_000).astype(np.float32))
dist.all_reduce(x)
from fastnet.data.arrays import fingerprint
from fastnet._core import world
print(fingerprint(x), world.current().transport.bytes_sent)
"""


@pytest.mark.parametrize("size", [2, 4])
def test_all_ranks_get_the_bits_of_the_tree_and_send_what_theory_says(size):
    parts = [np.random.default_rng(rank).standard_normal(300_000).astype(np.float32) for rank in range(size)]
    while len(parts) > 1:
        parts = [a + b for a, b in zip(parts[::2], parts[1::2])]
    sent = collectives.sent_by_all_reduce(parts[0].nbytes, size)
    for text in run_code(size, BITS):
        fingerprint, total = map(int, text.split())
        assert fingerprint == fastnet.data.arrays.fingerprint(parts[0])
        assert sent <= total <= sent + 2000             # and the agreement on versions


def test_one_rank_exchanges_nothing():
    dist.init_process_group(world_size=1, rank=0)
    try:
        x, parts = fastnet.ones(2), [fastnet.zeros(2)]
        dist.all_reduce(x)
        dist.broadcast(x)
        dist.all_gather(parts, x)
        dist.barrier()
        assert parts[0].tolist() == x.tolist() == [1, 1] and dist.get_backend() == "sockets"
        with pytest.raises(RuntimeError, match="exists already"):
            dist.init_process_group(world_size=1, rank=0)
    finally:
        dist.destroy_process_group()
    assert not dist.is_initialized()


@pytest.fixture
def alone():
    dist.init_process_group(world_size=1, rank=0)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("alone")
def test_wrong_arguments():
    with pytest.raises(TypeError, match="ReduceOp, got 'sum'"):
        dist.all_reduce(fastnet.ones(1), op="sum")
    with pytest.raises(TypeError, match=r"floating-point numbers for ReduceOp\.AVG, got int64"):
        dist.all_reduce(fastnet.tensor([1]), op=dist.ReduceOp.AVG)
    with pytest.raises(ValueError, match="from 0 to 0, got 1"):
        dist.broadcast(fastnet.ones(1), src=1)
    with pytest.raises(ValueError, match="list of 1 tensors, one for each rank, got 2"):
        dist.all_gather([fastnet.ones(1)] * 2, fastnet.ones(1))
    with pytest.raises(ValueError, match=r"shape \(1,\) and dtype float32, got \(2,\)"):
        dist.all_gather([fastnet.ones(2)], fastnet.ones(1))
    with pytest.raises(TypeError, match="expected a tensor, got list"):
        dist.all_reduce([1.0])
    with pytest.raises(TypeError, match=r"real numbers for ReduceOp\.MAX, got complex64"):
        dist.all_reduce(fastnet.tensor([1j]), op=dist.ReduceOp.MAX)
    for call in (dist.all_reduce, dist.broadcast, lambda x: dist.all_gather([x], fastnet.ones(2))):
        with pytest.raises(RuntimeError, match="repeats its elements"):
            call(fastnet.ones(1).expand(2))
    with pytest.raises(RuntimeError, match="inside a compiled function"):
        fastnet.compile(lambda x: dist.all_reduce(x))(fastnet.ones(1))


def test_without_a_group():
    for call in (dist.get_rank, dist.get_world_size, dist.get_backend, dist.barrier,
                 lambda: dist.all_reduce(fastnet.ones(1)),
                 lambda: dist.DistributedDataParallel(fastnet.nn.Linear(1, 1))):
        with pytest.raises(RuntimeError, match=r"call fastnet\.distributed\.init_process_group first"):
            call()
    dist.destroy_process_group()


def test_messages_hold_numbers_only():
    arrays = [np.arange(3), np.float32(1.5), np.zeros((0, 2)), np.array([True])]
    found, about = unpacked_arrays(packed_arrays(arrays, {"a": [1, None]}))
    assert about == {"a": [1, None]}
    assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(arrays, found, strict=True))
    with pytest.raises(dist.DistError, match="expected arrays"):
        unpacked_arrays(b"\x03\x00\x00\x00abc")
    with pytest.raises(dist.DistError, match="dtype of numbers"):
        unpacked_arrays(packed_arrays([np.array(["text"])]))
    with pytest.raises(dist.DistError, match="expected arrays"):
        unpacked_arrays(packed_arrays([np.arange(3)])[:-1])
