"""Calls of a compiled function that run from arguments to result in C, and the gradients after a replay.

`guards.pyx` decides whether such a call fits. The twin without a compiler is twins/replay.py.
"""
cimport cython
cimport numpy as cnp
from libc.stdint cimport uintptr_t
from libc.string cimport memcpy

from fastnet._runtime.guards cimport (
    MAX_TENSORS,
    Arguments,
    CallContext,
    FinalGradientBase,
    Guards,
)
from fastnet._runtime.launch cimport LaunchList
from fastnet._runtime.memory cimport array_of, is_channels_last
from fastnet._runtime.state cimport Turn, current_recorder, current_tracer
from fastnet._runtime.tape cimport Storage, TensorBase, referent, wrap

from fastnet._runtime.guards import arguments_of

cnp.import_array()

cdef enum:
    LARGE = 1 << 16                 # bytes of a result that are copied without the GIL


cdef class Caller:
    """The call of a compiled function: by a shortcut that fits, else by `_call(args, kwargs)`.

    It keeps two shortcuts, that of the last call and that of the last different call: the smaller batch at the end of
    an epoch and the full batch after it both have theirs.
    """
    cdef Shortcut shortcut, previous_shortcut
    cdef readonly Py_ssize_t calls  # so far

    def __call__(self, *args, **kwargs):
        cdef Shortcut shortcut, previous
        cdef list arrays = []           # held, since other threads may drop the tensors
        with cython.critical_section(self):         # without a GIL, other threads may replace the shortcuts
            self.calls += 1
            shortcut, previous = self.shortcut, self.previous_shortcut
        if shortcut is None or kwargs:
            return self._call(args, kwargs)
        if shortcut.fits(args, arrays):
            return shortcut.run(args, arrays)
        if previous is not None:
            arrays.clear()
            if previous.fits(args, arrays):
                self._keep_shortcut(previous)
                return previous.run(args, arrays)
        return self._call(args, kwargs)

    @cython.critical_section
    def _keep_shortcut(self, Shortcut shortcut):
        """Try a shortcut first, and the one that was first after it. Returns whether it was not the first already."""
        if shortcut is self.shortcut:
            return False
        self.shortcut, self.previous_shortcut = shortcut, self.shortcut
        return True

    @cython.critical_section
    def _drop_shortcuts(self):
        """Try no shortcut until another one is kept."""
        self.shortcut = self.previous_shortcut = None

    def _call(self, args, kwargs):
        """A call that no shortcut fits: defined by fastnet._replay.compiled.Compiled."""
        raise NotImplementedError


cdef class Shortcut:
    """A recording with the call that it serves."""
    cdef CallContext context
    cdef Arguments arguments
    cdef Guards guards
    cdef object owner, build, plan, fail
    cdef dict check_calls
    cdef list launches, refreshers, draws, versions, outputs
    cdef Turn turn
    cdef object floats              # the FloatArguments, or None

    cdef bint fits(self, tuple args, list arrays) except -1:
        """Whether the recording serves this call. The arrays of the tensors among `args` are appended to `arrays`."""
        return (current_recorder() == NULL and current_tracer() == NULL and self.context.is_current()
                and self.arguments.match(args, arrays) and self.guards.identical())

    cdef object run(self, tuple args, list arrays):
        cdef uintptr_t addresses[MAX_TENSORS]
        cdef Py_ssize_t i
        for i in range(len(arrays)):
            addresses[i] = <uintptr_t>cnp.PyArray_DATA(arrays[i])
        self.turn.take()
        try:
            if self.floats is not None:
                self.floats.take(args, {})
            if self.draws:
                before = [(generator, generator.counter) for generator, _, _ in self.draws]
                try:
                    self.launch(addresses, arrays)
                except BaseException:
                    for generator, counter in before:
                        generator.counter = counter
                    raise
            else:
                self.launch(addresses, arrays)
            put_back(self.guards.gradients)
            for storage, writes in self.versions:
                (<Storage>storage).version += <Py_ssize_t>writes
            return self.result(args)
        finally:
            self.turn.give()

    cdef int launch(self, uintptr_t *addresses, list arrays) except -1:
        cdef Py_ssize_t failed
        for generator, block, total in self.draws:
            block[:] = generator.advance(total)
        for refresh in self.refreshers:
            refresh()
        for launches in self.launches:
            failed = (<LaunchList>launches).run_at(addresses)
            if failed >= 0:
                self.fail(self.check_calls[launches, failed], arrays)
        return 0

    cdef object result(self, tuple args):
        cdef cnp.ndarray array, copy
        cdef void *to
        cdef const void *source
        cdef Py_ssize_t nbytes
        cdef list made = []
        for kind, value in self.outputs:
            if kind == "copied":
                array = value
                copy = array_of(array.ndim, array.shape, array.descr, is_channels_last(array))
                to, source, nbytes = cnp.PyArray_DATA(copy), cnp.PyArray_DATA(array), cnp.PyArray_NBYTES(array)
                if nbytes < LARGE:
                    memcpy(to, source, nbytes)
                else:
                    with nogil:
                        memcpy(to, source, nbytes)
                value = wrap(copy, None)
            elif kind == "argument":
                value = [a for a in args if isinstance(a, TensorBase)][value]
            made.append(value)
        return made[0] if len(made) == 1 and isinstance(self.plan, type) else self.build(self.plan, iter(made))


def shortcut(recording, tuple args, context, build, fail):
    """The Shortcut of a call that a recording has just served, or None if such calls take the path in Python.

    Args:
        recording: a fastnet._replay.recording.Recording.
        args: the arguments, which were given by position.
        context: the CallContext of the call.
        build: build(plan, tensors) puts a result together.
        fail: fail(call, arrays) raises the error of a kernel whose launch could not serve its input.
    """
    cdef Shortcut s = Shortcut.__new__(Shortcut)
    if recording.snapshot or recording.input_snapshot or recording.input_versions:
        return None
    if any(type(step) is not LaunchList for step in recording.steps):
        return None
    s.arguments = arguments_of(args, any_float=recording.floats is not None)
    if s.arguments is None:
        return None
    s.outputs = []
    for kind, value in recording.outputs:
        if kind == "copied":
            value = value.fixed
            if value is None or not cnp.PyArray_IS_C_CONTIGUOUS(value) and not is_channels_last(value, True):
                return None
        s.outputs.append((kind, value))
    # not the recording, which holds its shortcut: the cycle would keep its memory until the garbage collector runs
    s.owner, s.check_calls, s.fail = (recording.pool, recording.keep), recording.check_calls, fail
    s.context, s.guards, s.turn, s.floats = context, recording.guards, recording.turn, recording.floats
    s.build, s.plan, s.launches, s.refreshers = build, recording.plan, recording.steps, recording.refreshers
    s.draws, s.versions = recording.draws, recording.versions
    return s


cpdef int put_back(list gradients) except -1:
    """Leave every gradient as the recorded run did.

    Args:
        gradients: the FinalGradient of each leaf.
    """
    cdef FinalGradientBase final
    for final in gradients:
        leaf = referent(final.leaf)
        grad = None if leaf is None else (<TensorBase>leaf)._grad
        if grad is not None and final.place is not None and (<TensorBase>grad)._data is referent(final.array):
            (<Storage>(<TensorBase>grad)._storage).version += 1
        else:
            final.put_back()
    return 0
