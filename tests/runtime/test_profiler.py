"""fastnet.profiler: kernels by name, in eager calls and in replays."""
import threading

import pytest

import fastnet
from fastnet.profiler import profile

pytestmark = pytest.mark.usefixtures("backend")


def calls(seen):
    return {row.name: (row.calls, row.replayed) for row in seen.kernels()}


def test_eager_calls_are_counted():
    x = fastnet.ones(4, 3)
    with profile() as seen:
        for _ in range(5):
            x @ x.T
    assert calls(seen)["matmul"] == (5, 0)
    assert all(row.seconds > 0 and row.replayed_seconds == 0 for row in seen.kernels())
    assert "matmul" in str(seen)


def test_replays_are_counted_by_kernel():
    if fastnet.backend.backend() == "numpy":
        pytest.skip("launches are recorded by the compiled kernels alone")
    step = fastnet.compile(lambda x: (x @ x).exp().sum())
    x = fastnet.ones(4, 4)
    step(x)
    with profile() as seen:
        for _ in range(3):
            step(x)
    assert calls(seen)["matmul"] == (3, 3) and calls(seen)["exp"] == (3, 3)


def test_profiles_go_on_and_leave_nothing():
    seen, x = profile(), fastnet.ones(2)
    for _ in range(2):
        with seen:
            x.exp()
        x.exp()
    assert calls(seen)["exp"][0] == 2


def test_other_threads_are_not_counted():
    x = fastnet.ones(2)
    with profile() as seen:
        thread = threading.Thread(target=x.exp)
        thread.start()
        thread.join()
    assert calls(seen) == {}


def test_results_do_not_depend_on_it():
    x = fastnet.randn(50, 50)
    expected = (x @ x).tolist()
    with profile():
        assert (x @ x).tolist() == expected


def test_one_at_a_time():
    with profile() as first:
        with pytest.raises(RuntimeError, match="is profiled already"):
            profile().start()
        with pytest.raises(RuntimeError, match="has not started this profile"):
            profile().stop()
        fastnet.ones(2).exp()
    assert calls(first)["exp"][0] == 1
