"""The thread's own values of fastnet/_kernels/state.pyx in plain Python, for installs without the extension.

A context of `contextvars` is entered and left by one call in C, so no exception from outside can leave a thread in a
recording that has ended. `Swapped` and `Finally` have no such help: one that falls on the first bytecode of their
`__exit__` prevents it.
"""
import contextvars
import threading

_recorder = contextvars.ContextVar("fastnet_recorder", default=None)


class State(threading.local):
    """The values of the thread that asks."""

    grad_enabled = True                 # whether operations are recorded on the tape

    @property
    def recorder(self):
        """The fastnet._replay.recorder.Recorder of a function being compiled, or None: see `recorded`."""
        return _recorder.get()


state = State()


def recorded(new_recorder, fn, *args, **kwargs):
    """fn(*args, **kwargs), while this thread records with `new_recorder` and allocates from its `pool`.

    However fn ends, the thread is out of the recording afterwards. If fn raises, the gradient mode is put back too.

    Raises:
        RuntimeError: the thread records already.
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


def inside(manager, fn, *args, **kwargs):
    """fn(*args, **kwargs) inside `with manager`."""
    with manager:
        return fn(*args, **kwargs)


class Swapped:
    """A context manager: an object's attribute has another value inside the block.

    Args:
        target: the object.
        name: of the attribute.
        value: what it is inside.
        lock: held inside the block, if given.
    """

    def __init__(self, target, name, value, lock=None):
        self._place, self._value, self._lock = (target, name), value, lock

    def __enter__(self):
        if self._lock is not None:
            self._lock.acquire()
        self._before = getattr(*self._place)
        setattr(*self._place, self._value)

    def __exit__(self, *error):
        setattr(*self._place, self._before)
        if self._lock is not None:
            self._lock.release()


class Turn:
    """A context manager: a lock that knows which thread holds it.

    A signal's handler runs in the midst of what it interrupts: it must not wait for its own thread, nor go in.

    Args:
        lock: a reentrant one, so that a child that the holder forks holds it too.
    """

    holder = 0

    def __init__(self, lock):
        self._lock = lock

    def mine(self):
        """Whether this thread holds it."""
        return self.holder == threading.get_ident()

    def __enter__(self):
        self._lock.acquire()
        self.holder = threading.get_ident()

    def __exit__(self, *error):
        self.holder = 0
        self._lock.release()


class Finally:
    """A context manager: call a function when the block ends.

    If an exception from outside interrupts the function, it is called once more: a second call must do no harm.

    Args:
        function: called without arguments.
        failed_only: not if the block ends without an exception.
    """

    def __init__(self, function, failed_only=False):
        self._function, self._failed_only = function, failed_only

    def __enter__(self):
        return self

    def __exit__(self, kind, *error):
        if kind is None and self._failed_only:
            return
        try:
            self._function()
        except BaseException:
            self._function()
            raise
