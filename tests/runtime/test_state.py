"""The state of threads, and context managers that restore state: the same cases for both implementations."""
import threading
from types import SimpleNamespace

import pytest


def test_the_gradient_mode_belongs_to_a_thread(twin):
    seen = []
    twin.state.state.grad_enabled = False
    try:
        worker = threading.Thread(target=lambda: seen.append(twin.state.state.grad_enabled))
        worker.start()
        worker.join()
        assert seen == [True] and not twin.state.state.grad_enabled
    finally:
        twin.state.state.grad_enabled = True


@pytest.mark.parametrize("fails", [True, False])
def test_a_recording_ends_with_its_function(twin, fails):
    state, recorder = twin.state.state, SimpleNamespace(pool=twin.memory.Pool())

    def run(value, *, fails):
        assert state.recorder is recorder
        state.grad_enabled = False
        with pytest.raises(RuntimeError, match="a compiled function was called inside another one"):
            twin.state.recorded(recorder, run, 1, fails=False)
        if fails:
            raise KeyError(value)
        return value
    try:
        if fails:
            with pytest.raises(KeyError):
                twin.state.recorded(recorder, run, 1, fails=True)
        else:
            assert twin.state.recorded(recorder, run, 1, fails=False) == 1
        assert state.recorder is None and state.grad_enabled == fails        # the mode is restored after an error
    finally:
        state.grad_enabled = True


@pytest.mark.parametrize("fails", [True, False])
def test_a_call_apart_leaves_the_recording_and_the_trace(twin, fails):
    state, recorder, tracer = twin.state.state, SimpleNamespace(pool=twin.memory.Pool()), SimpleNamespace()

    def inner(value):
        assert state.recorder is None and state.tracer is None
        if fails:
            raise KeyError(value)
        return value

    def outer(expected, name):
        if fails:
            with pytest.raises(KeyError):
                twin.state.apart(inner, 1)
        else:
            assert twin.state.apart(inner, 1) == 1
        assert getattr(state, name) is expected
    twin.state.recorded(recorder, outer, recorder, "recorder")
    twin.state.traced(tracer, outer, tracer, "tracer")
    assert state.recorder is None and state.tracer is None


def test_an_attribute_is_swapped_inside_a_block(twin):
    target, lock = SimpleNamespace(value=1), threading.Lock()
    with twin.state.Swapped(target, "value", 2, lock):
        assert target.value == 2 and lock.locked()
    assert target.value == 1 and not lock.locked()
    with pytest.raises(KeyError), twin.state.Swapped(target, "value", 3):
        raise KeyError
    assert target.value == 1
    assert twin.state.inside(twin.state.Swapped(target, "value", 4), lambda *a, **k: (target.value, a, k), 5, b=6) \
        == (4, (5,), {"b": 6})


def test_a_lock_knows_its_holder(twin):
    turn, seen = twin.state.Turn(threading.RLock()), []
    assert not turn.mine()
    with turn:
        assert turn.mine() and turn.holder == threading.get_ident()
        worker = threading.Thread(target=lambda: seen.append(turn.mine()))
        worker.start()
        worker.join()
    assert seen == [False] and not turn.mine()


@pytest.mark.parametrize("failed_only", [True, False])
def test_a_function_is_called_at_the_end_of_a_block(twin, failed_only):
    calls = []
    with twin.state.Finally(lambda: calls.append(1), failed_only):
        pass
    assert len(calls) == (not failed_only)
    with pytest.raises(KeyError), twin.state.Finally(lambda: calls.append(1), failed_only):
        raise KeyError
    assert len(calls) == 1 + (not failed_only)


def test_a_function_that_is_interrupted_is_called_again(twin):
    calls = []

    def tidy():
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt), twin.state.Finally(tidy):
        pass
    assert len(calls) == 2
