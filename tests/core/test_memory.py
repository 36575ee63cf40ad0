"""Memory: arrays over a pool's blocks, and that changing batch sizes do not let the pool grow."""
import gc
import os
import random
from types import SimpleNamespace

import numpy as np
import pytest
from processes import output_with_tests
from program_tools import trainer

import fastnet
from fastnet import nn
from fastnet._core import memory
from fastnet._core.state import recorded

# ---- arrays ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("shape", [(), (3,), (5, 7), (0,), (2, 0, 3)])
def test_new_arrays(shape):
    for dtype in map(np.dtype, ("float32", "float64", "int64", "uint8", "bool")):
        for a in (memory.empty(shape, dtype), memory.empty_like(np.ones(shape, dtype).T.T),
                  memory.persistent(shape, dtype), memory.parameter_memory(shape, dtype)[0]):
            assert a.shape == shape and a.dtype == dtype and a.flags.c_contiguous and a.flags.writeable
            assert a.__array_interface__["data"][0] % 64 == 0
            assert isinstance(memory.root(a), memory.Block) and memory.root(a[..., None].T) is memory.root(a)
        assert not memory.persistent(shape, dtype).any() and not memory.parameter_memory(shape, dtype)[0].any()
    assert memory.root(np.ones(3)) is None


def test_empty_like_of_a_strided_array():
    x = np.ones((6, 8), np.float32)
    for a in (x.T, x[::2, ::-1], np.broadcast_to(x[:1], (6, 8))):
        assert memory.empty_like(a).shape == a.shape and memory.empty_like(a).flags.c_contiguous


def test_persistent_memory_is_zeroed_again():
    for _ in range(3):
        a = memory.persistent((1000,), np.dtype(np.float32))
        assert not a.any()
        a[:] = 1
        del a


def test_persistent_memory_is_not_from_a_recordings_pool():
    pool = memory.Pool()
    shape, dtype = (3,), np.dtype(np.float32)
    inside = recorded(SimpleNamespace(pool=pool), memory.empty, shape, dtype)
    outside = recorded(SimpleNamespace(pool=pool), memory.persistent, shape, dtype)
    parameter, _ = recorded(SimpleNamespace(pool=pool), memory.parameter_memory, shape, dtype)
    assert memory.root(inside).pool is pool
    assert memory.root(outside).pool is memory.root(parameter).pool is memory.shared


def test_a_tensor_too_large_for_memory():
    for shape in ((1 << 25, 1 << 25), (1 << 30, 1 << 30), (1 << 31, 1 << 31), (1 << 40, 1 << 40)):
        with pytest.raises(MemoryError):
            fastnet.zeros(*shape)
        with pytest.raises(MemoryError):
            memory.persistent(shape, np.dtype(np.float32))
    assert fastnet.ones(2).tolist() == [1, 1]


# ---- no growth ------------------------------------------------------------------------------------------------------

def training(compile):
    """A step of training on (x, y) of any batch size."""
    fastnet.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 50), nn.ReLU(), nn.Dropout(0.1), nn.Linear(50, 3))
    return compile(trainer(model, fastnet.optim.AdamW(model.parameters())))


def rss():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run(step, sizes):
    for n in sizes:
        assert np.isfinite(float(step(fastnet.randn(n, 20), fastnet.zeros(n, dtype="int64"))))


def held(step):
    """The bytes that the shared pool and the recordings of a function hold."""
    recordings = getattr(step, "recordings", ())
    return memory.shared.held + sum(r.pool.held for r in recordings)


@pytest.mark.filterwarnings("ignore:fastnet.compile recorded")
@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("compile", [lambda fn: fn, lambda fn: fastnet.compile(fn, max_recordings=4)],
                         ids=["eager", "compiled"])
def test_changing_batch_sizes_do_not_let_memory_grow(compile):
    rng = random.Random(0)
    step = training(compile)
    memory.shared.trim()
    run(step, range(400, 0, -9))                # each size class once
    run(step, range(400, 200, -50))             # the recordings that are kept: the largest
    gc.collect()
    before = held(step), memory.shared.live, rss() if os.path.exists("/proc/self/statm") else 0
    run(step, [rng.randrange(1, 401) for _ in range(300)])
    gc.collect()
    assert held(step) <= before[0] * 1.1
    assert memory.shared.live <= before[1] + 10
    if before[2]:
        assert rss() <= before[2] + (8 << 20)


@pytest.mark.usefixtures("backend")
def test_a_dropped_recording_returns_its_memory():
    step = training(fastnet.compile)
    run(step, [300])
    [recording] = step.recordings
    pool = recording.pool
    assert pool.held > 300 * 50 * 4 and pool.live == 0
    live = memory.shared.live
    run(step, [300] * 20)                       # replays take nothing but their results
    assert [r.pool.held for r in step.recordings] == [pool.held]
    gc.collect()
    assert memory.shared.live <= live
    step.clear()
    del recording
    gc.collect()
    assert memory.shared.live <= live


@pytest.mark.usefixtures("backend")
def test_an_eager_step_takes_no_new_memory():
    step = training(lambda fn: fn)
    run(step, [64] * 3)
    before = memory.shared.held, memory.shared.live
    run(step, [64] * 20)
    assert (memory.shared.held, memory.shared.live) == before


@pytest.mark.usefixtures("backend")
def test_recordings_and_replays_leave_no_work_to_the_garbage_collector():
    """A cycle would hold a recording's memory until the collector comes by."""
    step = training(fastnet.compile)
    gc.collect()
    gc.disable()
    try:
        run(step, [300, 300, 200])
        step.clear()
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="this system does not tell a process's memory")
@pytest.mark.parametrize("keep, steps", [(64, 10_000), (8, 1000)], ids=["kept", "evicted"])
def test_the_process_does_not_grow(keep, steps):
    """Batches of 50 sizes in random order, in a process of its own; if not all are kept, most are recorded anew."""
    first, last = map(int, output_with_tests(f"""if True:
    from test_memory import *
    step = fastnet.compile(training(lambda fn: fn), max_recordings={keep})
    rng = random.Random(0)
    batches = [(fastnet.randn(n, 20), fastnet.zeros(n, dtype="int64")) for n in rng.sample(range(1, 401), 50)]
    for x, y in batches:
        step(x, y)
    print(rss())
    for _ in range({steps}):
        step(*rng.choice(batches))
    print(rss())
    """).split())
    assert last < first * 1.05
