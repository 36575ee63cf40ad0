"""The state of each Python thread (recording, trace, pool, gradient mode), and context managers that restore state.

An asynchronous exception (Ctrl-C, a signal handler, PyThreadState_SetAsyncExc, a debugger) can arrive at nearly any
bytecode, but not between two statements of compiled code. So it cannot split `inside`, `Swapped` and `Finally`.

The twin in plain Python is twins/state.py.
"""
from cpython.pythread cimport PyThread_get_thread_ident
from cpython.ref cimport Py_XDECREF, Py_XINCREF, PyObject

cdef extern from *:
    """
    #include "src/per_thread.h"
    PER_THREAD PyObject *recorder = 0;
    PER_THREAD PyObject *pool = 0;
    PER_THREAD PyObject *tracer = 0;
    PER_THREAD PyObject *meters = 0;
    PER_THREAD int no_grad = 0;
    """
    PyObject *recorder              # the recording in progress, or NULL; all four are owned references
    PyObject *pool                  # the pool that it allocates from, or NULL
    PyObject *tracer                # what notes the calls of operations, or NULL
    PyObject *meters                # a tuple of fastnet._core.meters.Meter, or NULL
    int no_grad


cdef PyObject *current_recorder() noexcept:
    return recorder


cdef PyObject *current_pool() noexcept:
    return pool


cdef PyObject *current_tracer() noexcept:
    return tracer


cdef PyObject *current_meters() noexcept:
    return meters


cdef tuple listeners():
    found = () if meters == NULL else <tuple>meters
    return found if recorder == NULL else (*found, <object>recorder)


cdef bint gradients_recorded() noexcept:
    return not no_grad


cdef class State:
    """The state of the calling thread."""

    @property
    def recorder(self):
        """The fastnet._replay.recorder.Recorder of the recording in progress, or None. `recorded` sets it."""
        return None if recorder == NULL else <object>recorder

    @property
    def tracer(self):
        """What notes the calls of operations (see fastnet.graph.trace), or None. `traced` sets it."""
        return None if tracer == NULL else <object>tracer

    @property
    def meters(self):
        """The tuple of what measures the kernels and operations of this thread: see fastnet._core.meters."""
        return () if meters == NULL else <object>meters

    @meters.setter
    def meters(self, tuple value not None):
        global meters
        cdef PyObject *old = meters
        meters = <PyObject *>value if len(value) > 0 else NULL
        Py_XINCREF(meters)
        Py_XDECREF(old)

    @property
    def listeners(self):
        """The meters, and the recorder if there is one: what is told of the operations of this thread."""
        return listeners()

    @property
    def grad_enabled(self):
        """Whether operations are recorded on the tape."""
        return not no_grad

    @grad_enabled.setter
    def grad_enabled(self, bint value):
        global no_grad
        no_grad = not value


state = State()


cdef void record_by(PyObject *new_recorder, PyObject *new_pool) noexcept:
    """Start a recording in this thread, or end it (NULL). Destructors of the old objects may run code: they come last.
    """
    global recorder, pool
    cdef PyObject *old_recorder = recorder
    cdef PyObject *old_pool = pool
    Py_XINCREF(new_recorder)
    Py_XINCREF(new_pool)
    recorder, pool = new_recorder, new_pool
    Py_XDECREF(old_recorder)
    Py_XDECREF(old_pool)


def recorded(new_recorder, fn, *args, **kwargs):
    """fn(*args, **kwargs), while this thread records with `new_recorder` and allocates from its `pool`.

    The recording ends with the call, whether fn returns or raises. If it raises, the gradient mode is restored, too.

    Raises:
        RuntimeError: a recording is in progress.
    """
    global no_grad
    cdef int mode = no_grad
    if recorder != NULL:
        raise RuntimeError("a compiled function was called inside another one; compile the outer function only")
    new_pool = new_recorder.pool
    record_by(<PyObject *>new_recorder, <PyObject *>new_pool)
    try:
        return fn(*args, **kwargs)
    except BaseException:
        no_grad = mode
        raise
    finally:
        record_by(NULL, NULL)


def traced(new_tracer, fn, *args, **kwargs):
    """fn(*args, **kwargs), while new_tracer.note_call(function, name, args, attributes, result) is called after each
    operation of this thread.

    The trace ends with the call, whether fn returns or raises.

    Raises:
        RuntimeError: another trace or a recording is in progress.
    """
    global tracer
    if tracer != NULL or recorder != NULL:
        raise RuntimeError("a trace cannot start inside another one or inside a compiled function")
    Py_XINCREF(<PyObject *>new_tracer)
    tracer = <PyObject *>new_tracer
    try:
        return fn(*args, **kwargs)
    finally:
        tracer = NULL
        Py_XDECREF(<PyObject *>new_tracer)


def apart(fn, *args, **kwargs):
    """fn(*args, **kwargs), outside of the recording and of the trace that are in progress in this thread.

    Neither notes the call, so its results are constants in them; the results must not be views of what they know.
    """
    global recorder, pool, tracer
    cdef PyObject *outer_recorder = recorder
    cdef PyObject *outer_pool = pool
    cdef PyObject *outer_tracer = tracer
    recorder = pool = tracer = NULL
    try:
        return fn(*args, **kwargs)
    finally:
        recorder, pool, tracer = outer_recorder, outer_pool, outer_tracer


def inside(manager, fn, *args, **kwargs):
    """fn(*args, **kwargs) inside `with manager`, a compiled context manager: a lock, a `Swapped` or a `Finally`."""
    with manager:
        return fn(*args, **kwargs)


cdef class Swapped:
    """A context manager that gives an object's attribute another value inside the block.

    Args:
        target: the object.
        name: the attribute's name.
        value: its value inside the block.
        lock: a lock to hold inside the block, or None.
    """
    cdef object target, name, value, lock, before

    def __init__(self, target, name, value, lock=None):
        self.target, self.name, self.value, self.lock = target, name, value, lock

    def __enter__(self):
        if self.lock is not None:
            self.lock.acquire()
        self.before = getattr(self.target, self.name)
        setattr(self.target, self.name, self.value)

    def __exit__(self, *error):
        setattr(self.target, self.name, self.before)
        if self.lock is not None:
            self.lock.release()


cdef class Turn:
    """A context manager for a lock that knows which thread holds it.

    A signal handler runs inside the code that it interrupts. It asks `mine` first: it must neither wait for its own
    thread nor enter the block.

    Args:
        lock: a reentrant lock. If its holder forks, the child holds it, too.
    """

    def __init__(self, lock):
        self.acquire, self.release = lock.acquire, lock.release

    cdef bint is_mine(self) noexcept:
        return self.holder == <unsigned long>PyThread_get_thread_ident()

    def mine(self):
        """Whether this thread holds the lock."""
        return self.is_mine()

    cdef int take(self) except -1:
        self.acquire()
        self.holder = <unsigned long>PyThread_get_thread_ident()
        return 0

    cdef int give(self) except -1:
        self.holder = 0
        self.release()
        return 0

    def __enter__(self):
        self.take()

    def __exit__(self, *error):
        self.give()


cdef class Finally:
    """A context manager that calls a function when the block ends.

    If an exception interrupts the function, it is called once more, so a second call must do no harm.

    Args:
        function: called without arguments.
        failed_only: call it only if the block raises.
    """
    cdef object function
    cdef bint failed_only

    def __init__(self, function, failed_only=False):
        self.function, self.failed_only = function, failed_only

    def __enter__(self):
        return self

    def __exit__(self, kind, *error):
        if kind is None and self.failed_only:
            return
        try:
            self.function()
        except BaseException:
            self.function()
            raise
