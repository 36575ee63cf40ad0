"""Batches prepared by a thread: the same batches and errors, and the thread always ends."""
import gc
import os
import threading

import numpy as np
import pytest
from processes import output

from fastnet.data import DataLoader, TensorDataset
from fastnet.data.prefetch import Prefetched

N = 40


def loader(**options):
    data = TensorDataset(np.arange(2 * N, dtype=np.float32).reshape(N, 2), np.arange(N))
    return DataLoader(data, **{"batch_size": 8, "shuffle": True, "prefetch": 2} | options)


def threads():
    return [t for t in threading.enumerate() if t.name == "fastnet-prefetch"]


@pytest.fixture(autouse=True)
def _no_thread_stays():
    gc.collect()
    assert threads() == []
    yield
    gc.collect()
    assert threads() == []


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("ahead", [1, 2, 100])
def test_the_same_batches(ahead):
    plain, prefetched = loader(prefetch=0), loader(prefetch=ahead)
    for _ in range(2):
        for a, b in zip(plain, prefetched, strict=True):
            assert [t.tolist() for t in a] == [t.tolist() for t in b]
    assert threads() == []


def test_nothing_follows_the_end():
    items = iter(loader())
    assert len(list(items)) == 5
    assert list(items) == []
    assert next(items, None) is None


def test_no_more_batches_ahead_than_requested():
    begun = threading.Semaphore(0)
    made = []

    def items():
        for i in range(100):
            made.append(i)
            begun.release()
            yield i
    ahead = Prefetched(items(), 3)
    for _ in range(3):
        begun.acquire()
    assert made == [0, 1, 2]                    # the thread waits for a ticket
    assert next(ahead) == 0
    begun.acquire()
    assert made == [0, 1, 2, 3]
    ahead.close()
    assert list(ahead) == []


def test_closed_while_another_thread_waits():
    gate, waits = threading.Event(), threading.Event()

    def items():
        waits.set()
        gate.wait()
        yield 1
    ahead, found = Prefetched(items(), 1), []
    reader = threading.Thread(target=lambda: found.extend(ahead))
    reader.start()
    waits.wait()
    closer = threading.Thread(target=ahead.close)
    closer.start()
    gate.set()
    reader.join(60)
    closer.join(60)
    assert not reader.is_alive()
    assert found in ([], [1])


def test_errors_are_raised_in_place_of_their_batch():
    def transform(x, y):
        if 3 in y:
            raise FloatingPointError("of the transform's own")
        return x, y
    items = iter(loader(shuffle=False, batch_size=1, transform=transform))
    assert [next(items)[1].item() for _ in range(3)] == [0, 1, 2]
    with pytest.raises(FloatingPointError, match="of the transform's own") as e:
        next(items)
    assert "transform" in [entry.name for entry in e.traceback]
    assert list(items) == []


def test_errors_of_the_dataset():
    class Broken(TensorDataset):
        def take(self, rows):
            raise OSError("the disk is gone")
    with pytest.raises(OSError, match="the disk is gone"):
        next(iter(DataLoader(Broken(np.arange(3)), prefetch=1)))


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_abandoned(taken):
    items = iter(loader())
    for _ in range(taken):
        next(items)
    assert len(threads()) <= 1
    del items
    gc.collect()
    assert threads() == []


def test_left_by_break_and_by_an_error():
    for _ in loader():
        break
    with pytest.raises(TypeError):
        sum(loader())


def test_abandoned_in_a_cycle():
    items = iter(loader())
    items.itself = items
    next(items)
    del items
    gc.collect()
    assert threads() == []


def test_exit_does_not_hang():
    assert output("""
        import numpy as np
        from fastnet.data import DataLoader, TensorDataset
        items = iter(DataLoader(TensorDataset(np.arange(1000)), 10, prefetch=3))
        next(items)
        print("done")
    """.replace("\n        ", "\n")) == "done\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_after_a_fork():
    """A child's loader has a thread of its own; an iteration that began in the parent is refused, not waited for."""
    assert output("""
        import os, sys, warnings
        import numpy as np
        from fastnet.data import DataLoader, TensorDataset
        warnings.simplefilter("ignore", DeprecationWarning)         # Python's, on forks while there are threads
        loader = DataLoader(TensorDataset(np.arange(1000)), 10, shuffle=True, prefetch=3)
        items = iter(loader)
        next(items)
        child = os.fork()
        if not child:
            try:
                next(items)
            except RuntimeError as e:
                print("before the process was forked" in str(e), sum(len(x) for x, in loader), flush=True)
            sys.exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), 10 + sum(len(x) for x, in items))
    """.replace("\n        ", "\n")) == "True 1000\n0 1000\n"
