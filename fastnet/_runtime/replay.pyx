"""A call of a compiled function that is like one before: from its arguments to its result without Python's price.

The twin without a compiler is twins/replay.py. What a recording is, and what makes it fit, is said in
_replay/compiled.py; here stands no rule of its own, only the quick way to the same answers.
"""
cimport numpy as cnp
from libc.stdint cimport uintptr_t
from libc.string cimport memcpy

from fastnet._runtime.calls cimport put_back, undisturbed
from fastnet._runtime.cpu cimport selected_isa
from fastnet._runtime.launch cimport MAX_DIMS, LaunchList
from fastnet._runtime.memory cimport array_of
from fastnet._runtime.state cimport Turn, current_recorder, gradients_recorded
from fastnet._runtime.tape cimport Storage, TensorBase, wrap
from fastnet._runtime.threads cimport limit
from fastnet._runtime.watch cimport Places

from fastnet._runtime.calls import overlaps

cnp.import_array()

cdef enum:
    MAX_TENSORS = 16                # among the arguments
    LARGE = 1 << 16                 # bytes of a result that other Python threads need not wait for


cdef class Caller:
    """What is called: by a shortcut where the arguments are as before, else by `_call(args, kwargs)`.

    There are two of them, of the last call and of the last one that was unlike it: so the short batch at an epoch's end,
    and the whole one after it, have theirs.
    """
    cdef public Shortcut _shortcut, _other
    cdef readonly Py_ssize_t calls  # made so far

    def __call__(self, *args, **kwargs):
        cdef Shortcut shortcut = self._shortcut
        cdef list arrays = []           # held, whatever becomes of the tensors meanwhile
        self.calls += 1
        if shortcut is None or kwargs:
            return self._call(args, kwargs)
        if shortcut.fits(args, arrays):
            return shortcut.run(args, arrays)
        shortcut = self._other
        if shortcut is not None:
            arrays.clear()
            if shortcut.fits(args, arrays):
                self._shortcut, self._other = shortcut, self._shortcut
                return shortcut.run(args, arrays)
        return self._call(args, kwargs)


cdef class Layout:
    """What a recording depends on of a tensor among the arguments."""
    cdef cnp.dtype dtype
    cdef int flags, ndim
    cdef Py_ssize_t shape[MAX_DIMS]
    cdef Py_ssize_t strides[MAX_DIMS]

    cdef bint fits(self, cnp.ndarray array) noexcept:
        cdef int i
        if array.descr is not self.dtype or array.ndim != self.ndim or flags_of(array) != self.flags:
            return False
        for i in range(self.ndim):
            if array.shape[i] != self.shape[i] or array.strides[i] != self.strides[i]:
                return False
        return True


cdef int flags_of(cnp.ndarray array) noexcept:
    return cnp.PyArray_FLAGS(array) & (cnp.NPY_ARRAY_C_CONTIGUOUS | cnp.NPY_ARRAY_ALIGNED | cnp.NPY_ARRAY_WRITEABLE)


cdef Layout layout_of(array):
    """None where a closer look is needed: no plain array, or one with gaps, which overlaps are not told of by its ends.
    """
    cdef Layout layout = Layout.__new__(Layout)
    cdef cnp.ndarray a
    cdef int i
    if not cnp.PyArray_CheckExact(array) or (<cnp.ndarray>array).ndim > MAX_DIMS:
        return None
    a = array
    layout.dtype, layout.flags, layout.ndim = a.descr, flags_of(a), a.ndim
    if not layout.flags & cnp.NPY_ARRAY_C_CONTIGUOUS:
        return None
    for i in range(a.ndim):
        layout.shape[i], layout.strides[i] = a.shape[i], a.strides[i]
    return layout


cdef class Shortcut:
    """A recording with the call that it serves."""
    cdef object owner, table, backend, build, plan, fail
    cdef dict explain
    cdef list arguments             # the Layout of a tensor; `float` for any float; else that very object
    cdef list launches, guards, refreshers, tensors, gradients, draws, versions, outputs
    cdef Places places
    cdef Turn turn
    cdef object numbers             # what stands for float arguments, or None
    cdef bint gradients_are_recorded
    cdef int threads, isa

    cdef bint fits(self, tuple args, list arrays) except -1:
        """Whether a call is the one that the recording serves, and would do what the recording does.

        The arrays of the tensors among the arguments are appended to `arrays`.
        """
        cdef Py_ssize_t i, j, n = 0
        cdef uintptr_t low[MAX_TENSORS]
        cdef uintptr_t high[MAX_TENSORS]
        cdef TensorBase t
        if (len(args) != len(self.arguments) or current_recorder() != NULL or limit() != self.threads
                or gradients_recorded() != self.gradients_are_recorded or selected_isa() != self.isa
                or self.table.name is not self.backend or self.turn.is_mine()):
            return False
        for i in range(len(args)):
            expected = self.arguments[i]
            if type(expected) is not Layout:
                if args[i] is not expected and (expected is not float or type(args[i]) is not float):
                    return False
                continue
            if not isinstance(args[i], TensorBase):
                return False
            t = args[i]
            if t._requires_grad or not cnp.PyArray_CheckExact(t._data) or not (<Layout>expected).fits(t._data):
                return False
            arrays.append(t._data)
            low[n] = <uintptr_t>cnp.PyArray_DATA(t._data)
            high[n] = low[n] + cnp.PyArray_NBYTES(t._data)
            for j in range(n):
                if low[j] < high[n] and low[n] < high[j]:
                    return False
            n += 1
        if not self.places.unchanged():
            return False
        for guard in self.guards:
            if not guard():
                return False
        return undisturbed(self.tensors, self.gradients)

    cdef object run(self, tuple args, list arrays):
        cdef uintptr_t addresses[MAX_TENSORS]
        cdef Py_ssize_t i
        for i in range(len(arrays)):
            addresses[i] = <uintptr_t>cnp.PyArray_DATA(arrays[i])
        self.turn.take()
        try:
            if self.numbers is not None:
                self.numbers.take(args, {})
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
            put_back(self.gradients)
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
                self.fail(self.explain[launches, failed], arrays)
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
                copy = array_of(array.ndim, array.shape, array.descr)
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


def shortcut(recording, tuple args, table, build, fail):
    """The Shortcut of a call that a recording has just served, or None: then each call is looked at in Python.

    Args:
        recording: a fastnet._replay.recording.Recording.
        args: the arguments, which were given by position.
        table: the kernels; its `name` is the backend's.
        build: build(plan, tensors) puts a result together.
        fail: fail(call, arrays) raises what the NumPy form of a kernel says of an input that could not be served.
    """
    cdef Shortcut s = Shortcut.__new__(Shortcut)
    cdef int tensors = 0
    if recording.snapshot or recording.input_snapshot or recording.input_versions:
        return None
    if any(type(step) is not LaunchList for step in recording.steps):
        return None
    if overlaps([(<TensorBase>a)._data for a in args if isinstance(a, TensorBase)]):
        return None                     # what was recorded for one array must not serve two
    s.arguments = []
    for a in args:
        if isinstance(a, TensorBase):
            tensors += 1
            a = layout_of((<TensorBase>a)._data)
            if a is None or tensors > MAX_TENSORS:
                return None
        elif a is not None and type(a) not in (bool, int, float, str):
            return None
        elif type(a) is float and recording.numbers is not None:
            a = float                   # any will do
        s.arguments.append(a)
    s.outputs = []
    for kind, value in recording.outputs:
        if kind == "copied":
            value = value.fixed
            if value is None or not cnp.PyArray_IS_C_CONTIGUOUS(value):
                return None
        s.outputs.append((kind, value))
    # not the recording, which holds its shortcut: a cycle would keep its memory until the garbage collector comes by
    s.owner, s.explain, s.fail = (recording.pool, recording.keep), recording.explain, fail
    s.places, s.numbers = recording.places, recording.numbers
    s.turn, s.table, s.backend = recording.turn, table, table.name
    s.build, s.plan, s.launches, s.guards = build, recording.plan, recording.steps, recording.guards
    s.refreshers, s.tensors, s.gradients = recording.refreshers, recording.tensors, recording.gradients
    s.draws, s.versions = recording.draws, recording.versions
    s.gradients_are_recorded, s.threads, s.isa = gradients_recorded(), limit(), selected_isa()
    return s
