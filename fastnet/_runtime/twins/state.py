"""The state of each thread in plain Python: the twin of fastnet/_runtime/state.pyx.

An asynchronous exception (Ctrl-C, a signal handler) cannot leave a thread in a finished recording, because one call in
C enters and leaves a context of `contextvars`. It can split `Swapped` and `Finally`: if it arrives at the first
bytecode of their `__exit__`, nothing is restored.
"""
from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

_T = TypeVar("_T")
_recorder: contextvars.ContextVar[Any] = contextvars.ContextVar("fastnet_recorder", default=None)
_tracer: contextvars.ContextVar[Any] = contextvars.ContextVar("fastnet_tracer", default=None)


class State(threading.local):
    """The state of the calling thread."""

    grad_enabled: bool = True           # whether operations are recorded on the tape
    meters: tuple[Any, ...] = ()        # what measures kernels and operations: see fastnet._core.meters

    @property
    def recorder(self) -> Any:
        """The fastnet._replay.recorder.Recorder of the recording in progress, or None. `recorded` sets it."""
        return _recorder.get()

    @property
    def tracer(self) -> Any:
        """What notes the calls of operations (see fastnet.graph.trace), or None. `traced` sets it."""
        return _tracer.get()

    @property
    def listeners(self) -> tuple[Any, ...]:
        """The meters, and the recorder if there is one: what is told of the operations of this thread."""
        return self.meters if self.recorder is None else (*self.meters, self.recorder)


state = State()


def recorded(new_recorder: Any, fn: Callable[..., _T], *args: Any, **kwargs: Any) -> _T:
    """fn(*args, **kwargs), while this thread records with `new_recorder` and allocates from its `pool`.

    The recording ends with the call, whether fn returns or raises. If it raises, the gradient mode is restored, too.

    Raises:
        RuntimeError: a recording is in progress.
    """
    if state.recorder is not None:
        raise RuntimeError("a compiled function was called inside another one; compile the outer function only")
    mode, context = state.grad_enabled, contextvars.copy_context()
    context.run(_recorder.set, new_recorder)
    try:
        return context.run(fn, *args, **kwargs)
    except BaseException:
        state.grad_enabled = mode
        raise


def traced(new_tracer: Any, fn: Callable[..., _T], *args: Any, **kwargs: Any) -> _T:
    """fn(*args, **kwargs), while new_tracer.note_call(function, name, args, attributes, result) is called after each
    operation of this thread.

    The trace ends with the call, whether fn returns or raises.

    Raises:
        RuntimeError: another trace or a recording is in progress.
    """
    if state.tracer is not None or state.recorder is not None:
        raise RuntimeError("a trace cannot start inside another one or inside a compiled function")
    context = contextvars.copy_context()
    context.run(_tracer.set, new_tracer)
    return context.run(fn, *args, **kwargs)


def apart(fn: Callable[..., _T], *args: Any, **kwargs: Any) -> _T:
    """fn(*args, **kwargs), outside of the recording and of the trace that are in progress in this thread.

    Neither notes the call, so its results are constants in them; the results must not be views of what they know.
    """
    context = contextvars.copy_context()
    context.run(_recorder.set, None)
    context.run(_tracer.set, None)
    return context.run(fn, *args, **kwargs)


def inside(manager: Any, fn: Callable[..., _T], *args: Any, **kwargs: Any) -> _T:
    """fn(*args, **kwargs) inside `with manager`."""
    with manager:
        return fn(*args, **kwargs)


class Swapped:
    """A context manager that gives an object's attribute another value inside the block.

    Args:
        target: the object.
        name: the attribute's name.
        value: its value inside the block.
        lock: a lock to hold inside the block, or None.
    """

    def __init__(self, target: object, name: str, value: object, lock: Any = None) -> None:
        self._place, self._value, self._lock = (target, name), value, lock

    def __enter__(self) -> None:
        if self._lock is not None:
            self._lock.acquire()
        self._before = getattr(*self._place)
        setattr(*self._place, self._value)

    def __exit__(self, *error: object) -> None:
        setattr(*self._place, self._before)
        if self._lock is not None:
            self._lock.release()


class Turn:
    """A context manager for a lock that knows which thread holds it.

    A signal handler runs inside the code that it interrupts. It asks `mine` first: it must neither wait for its own
    thread nor enter the block.

    Args:
        lock: a reentrant lock. If its holder forks, the child holds it, too.
    """

    holder: int = 0

    def __init__(self, lock: Any) -> None:
        self._lock = lock

    def mine(self) -> bool:
        """Whether this thread holds the lock."""
        return self.holder == threading.get_ident()

    def __enter__(self) -> None:
        self._lock.acquire()
        self.holder = threading.get_ident()

    def __exit__(self, *error: object) -> None:
        self.holder = 0
        self._lock.release()


class Finally:
    """A context manager that calls a function when the block ends.

    If an exception interrupts the function, it is called once more, so a second call must do no harm.

    Args:
        function: called without arguments.
        failed_only: call it only if the block raises.
    """

    def __init__(self, function: Callable[[], object], failed_only: bool = False) -> None:
        self._function, self._failed_only = function, failed_only

    def __enter__(self) -> Finally:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: BaseException | TracebackType | None) -> None:
        if kind is None and self._failed_only:
            return
        try:
            self._function()
        except BaseException:
            self._function()
            raise
