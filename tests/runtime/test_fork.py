"""Forks while other threads hold the package's locks: the child has those locks anew."""
import os
import threading

import pytest
from processes import output

from fastnet._core.locks import new_lock

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

FORK = """if True:
    import os, signal, sys, threading, time, warnings
    warnings.simplefilter("ignore", DeprecationWarning)         # Python's, on forks while there are threads
    import fastnet

    def forked(work):
        "What a forked child does with `work`: 77, or the signal that ended it because it hung."
        child = os.fork()
        if not child:
            signal.alarm(20)
            work()
            os._exit(77)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def forked_while_held(lock, work):
        taken, done = threading.Event(), threading.Event()
        def hold():
            with lock:
                taken.set()
                done.wait()
        thread = threading.Thread(target=hold)
        thread.start()
        taken.wait()
        try:
            return forked(work)
        finally:
            done.set()
            thread.join()
"""


@pytest.mark.parametrize("backend", ["compiled", "numpy"])
@pytest.mark.parametrize("compute", ["x @ x", "(x @ x, [x + 1])"])     # served by a shortcut, and through Python
def test_a_fork_while_another_thread_replays(backend, compute):
    """The other thread is in a product of a tenth of a second, with the recording's lock, when the process forks."""
    assert output(FORK + f"""
    if {backend!r} in (fastnet.backend.backend(), "numpy"):
        fastnet.backend.set_backend({backend!r})
    compiled = fastnet.compile(lambda x: {compute})
    x, small = fastnet.rand(1500, 1500), fastnet.rand(2, 2)
    compiled(x), compiled(x), compiled(x)
    [recording] = compiled.recordings
    end = False
    def replay():
        while not end:
            compiled(x)
    thread = threading.Thread(target=replay)
    thread.start()
    codes = set()
    for _ in range(2):
        while not recording.turn.holder:
            time.sleep(0.001)
        codes.add(forked(lambda: compiled(x)))
    end = True
    thread.join()
    print(codes)
    """, OMP_NUM_THREADS="1") == "{77}\n"


@pytest.mark.parametrize("lock, work", [
    ("fastnet.random._lock", "fastnet.rand(2)"),
    ("compiled._cache._lock", "compiled(fastnet.ones(3))"),
    ("fastnet._core.memory._arenas[fastnet.float32]._lock", "fastnet.nn.Linear(2, 3)"),
])
def test_a_fork_while_another_thread_holds(lock, work):
    assert output(FORK + f"""
    compiled = fastnet.compile(lambda x: x + 1)
    layer = fastnet.nn.Linear(2, 3)
    print(forked_while_held({lock}, lambda: {work}))
    """) == "77\n"


def test_a_fork_while_another_thread_fits_an_estimator():
    pytest.importorskip("sklearn")
    assert output(FORK + """
    from fastnet.sklearn import MLPRegressor, solvers
    fit = lambda: MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, solver="lbfgs", max_fun=3, tol=1e9).fit(
        [[0.], [1.], [2.]], [0., 1., 2.])
    warnings.simplefilter("ignore")
    print(forked_while_held(solvers._seed_lock, fit))
    """) == "77\n"


def test_a_reentrant_lock_stays_the_forking_threads():
    assert output(FORK + """
    from fastnet._core.locks import new_lock
    lock = new_lock(reentrant=True)
    def work():
        lock.release()
        assert lock.acquire(blocking=False)
    with lock:
        print(forked(work))
    """) == "77\n"


def test_locks_are_forgotten_with_their_owners():
    from fastnet._core import locks as _locks
    before = len(_locks._locks)
    lock = new_lock()
    assert len(_locks._locks) == before + 1 and type(lock) is type(threading.Lock())
    del lock
    assert len(_locks._locks) == before
