"""Kernel launches: checks of arrays, runs on threads, recording and replay. Every kernel runs through here."""
cimport numpy as cnp
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDED_RO, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from cython.parallel cimport prange
from libc.stdint cimport uint64_t, uintptr_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset, strcmp

from fastnet._runtime.cpu cimport selected_isa
from fastnet._runtime.memory cimport Block, Pool, allocate_block, new_block, weak_view
from fastnet._runtime.state cimport current_meters
from fastnet._runtime.threads cimport clock, note_region, threads_for, usual_share
from fastnet._runtime.tuning cimport Tuner, learn, on_trial, share_now

cnp.import_array()

cdef extern from *:
    """
    #include "src/per_thread.h"
    PER_THREAD PyObject *recording = 0;
    """
    PyObject *recording             # the LaunchList that this thread records into, an owned reference, or NULL

cdef extern from "src/float_mode.h" nogil:
    uint64_t flush_tiny_results()
    uint64_t keep_tiny_results()
    void restore_float_mode(uint64_t before)


include "arrays.pxi"


# ---- kernels --------------------------------------------------------------------------------------------------------

# No constant, so that memset is a call: for a constant size gcc emits `rep stos`, which takes four times as long.
cdef size_t _launch_bytes = sizeof(Launch)


cdef class Kernel:
    """A kernel's bodies, one for each instruction set."""

    cdef int prepare(self, Launch *launch, DType dtype) except -1:
        """Clear `launch` and set its body for arrays of this dtype."""
        if dtype != F32 and dtype != F64:
            raise UnsupportedDtype(f"{self.name}: {dtype_name(dtype)}")
        memset(launch, 0, _launch_bytes)
        cdef int isa = selected_isa()
        launch.body = self.f32[isa] if dtype == F32 else self.f64[isa]
        launch.keeps_tiny = self.keeps_tiny
        return 0


cdef class Family:
    """The kernels of one C source, looked up by name when their module is imported."""

    def __getitem__(self, str name):
        cdef Kernel kernel = Kernel.__new__(Kernel)
        cdef bytes key = name.encode()
        cdef const Entry *entry
        cdef int isa
        kernel.name = name
        for isa in range(ISA_COUNT):
            entry = self.tables[isa]
            while entry.name != NULL and strcmp(entry.name, key) != 0:
                entry += 1
            if entry.name == NULL:
                raise KeyError(f"no kernel {name!r} in the table at the end of src/<family>.c")
            kernel.f32[isa] = entry.f32
            kernel.f64[isa] = entry.f64
            kernel.keeps_tiny = entry.keeps_tiny
        return kernel


cdef Family family(const Entry *const *tables):
    cdef Family f = Family.__new__(Family)
    f.tables = tables
    return f


# ---- running --------------------------------------------------------------------------------------------------------

cdef enum:
    SHORT = 2000                    # ns of work below which releasing the GIL may cost more than it gives


cdef int run_blocks(const Launch *launch, ptrdiff_t begin, ptrdiff_t end) noexcept nogil:
    """Run some blocks of a launch on this thread and restore its floating-point mode afterwards."""
    cdef uint64_t before = keep_tiny_results() if launch.keeps_tiny else flush_tiny_results()
    cdef int failed = launch.body(launch, begin, end)
    restore_float_mode(before)
    return failed


cdef int run(const Launch *launch) noexcept nogil:
    """Run a launch on as many threads as its work is worth. Its blocks, and so its result, do not depend on them."""
    cdef int threads = threads_for(launch.work, launch.blocks, usual_share())
    return run_blocks(launch, 0, launch.blocks) if threads <= 1 else run_on(launch, threads, True)


cdef int run_on(const Launch *launch, int threads, bint noted) noexcept nogil:
    """Run a launch on `threads` threads; if `noted`, a slow region makes kernels stay on one thread for a while."""
    cdef ptrdiff_t i
    cdef int failed = 0
    cdef double start = clock() if noted else 0
    for i in prange(threads, num_threads=threads, schedule="static"):
        failed |= run_blocks(launch, launch.blocks * i // threads, launch.blocks * (i + 1) // threads)
    if noted:
        note_region(launch.work, start)
    return failed


cdef int submit(const Launch *launch) except -1:
    """Run a launch now and, if this thread is recording, keep it. Returns 1 if its input cannot be served."""
    cdef int failed = 0
    if launch.blocks <= 0:
        return 0
    if recording != NULL:
        (<LaunchList>recording).append(launch)
    if launch.work < SHORT:
        return run(launch)
    with nogil:
        failed = run(launch)
    return failed


cdef bint is_constant(const void *low, const void *high) except -1:
    """Whether this thread makes a frozen recording and the memory from `low` to `high` is the same in each replay."""
    return recording != NULL and (<LaunchList>recording).is_constant(<uintptr_t>low, <uintptr_t>high)


cdef Block submit_packing(Launch *launch, int slot, ptrdiff_t nbytes, const void *source, ptrdiff_t source_bytes):
    """Run a launch that packs `source` into a new Block, whose address is put into a slot of the launch.

    A frozen recording keeps the Block and runs the launch only once if `source` is a constant.
    """
    cdef LaunchList launches
    cdef Block block
    if not is_constant(source, <const char *>source + source_bytes):
        block = allocate_block(nbytes)
        launch.p[slot] = block.data
        submit(launch)
        return block
    launches = <LaunchList>recording
    block = new_block(<Pool>launches.constants_pool, nbytes)
    launch.p[slot] = block.data
    submit(launch)
    if launch.blocks > 0:
        launches.packings.append((launches.count - 1, <uintptr_t>source, <uintptr_t>source + source_bytes, block))
    return block


# ---- recording ------------------------------------------------------------------------------------------------------

cdef class RecordedCall:
    """A kernel call in a recording.

    Attributes:
        operation: the name of the operation that made it, or None.
        kernel: the reference kernel.
        args, attrs: of the call; arrays are views that do not keep their memory alive.
        cost: what `fastnet._core.kernel_costs.recorded_costs` notes here, at first None.
    """
    cdef ptrdiff_t last             # the index of its last launch
    cdef readonly object operation, kernel
    cdef readonly tuple args
    cdef readonly dict attrs
    cdef public object cost


cdef object form_of(a, dict views):
    """A view of an array that does not keep its memory alive, one for each array; anything else unchanged."""
    if not cnp.PyArray_Check(a):
        return a
    found = views.get(id(a))
    if found is None:
        found = views[id(a)] = weak_view(<cnp.ndarray>a)
    return found


cdef class LaunchList:
    """Recorded launches in order, replayed in one loop with the GIL released.

    Args:
        inputs: the (address, bytes) of each array that a replay may replace with another.
        constants: the (low, high) addresses of memory that is the same in each replay, a list that the caller changes.
        constants_pool: the Pool of packed constants, which no other launch may use.

    Attributes:
        calls: the RecordedCall of each kernel call.
    """
    def __cinit__(self, inputs, constants=(), constants_pool=None):
        self.inputs, self.packings, self.calls = list(inputs), [], []
        self.constants, self.constants_pool = constants if isinstance(constants, list) else [], constants_pool

    def __dealloc__(self):
        free(self.items)
        free(self.moved)
        free(self.seconds)

    def __len__(self):
        return self.count

    def record(self, kernel, tuple args, dict attrs):
        """Call a compiled kernel and keep its launches: one call in C, which no asynchronous exception can split.

        Returns:
            The seconds that the call took.
        """
        global recording
        cdef PyObject *before = recording
        cdef double start = clock()
        Py_INCREF(self)
        recording = <PyObject *>self
        try:
            kernel(*args, **attrs)
        finally:
            recording = before
            Py_DECREF(self)
        return clock() - start

    def note_call(self, operation, kernel, tuple args, dict attrs):
        """Note the kernel call that the latest launches belong to."""
        cdef RecordedCall call = RecordedCall.__new__(RecordedCall)
        cdef dict views = {}
        call.last, call.operation, call.kernel = self.count - 1, operation, kernel
        call.args = tuple([form_of(a, views) for a in args])
        call.attrs = {name: form_of(a, views) for name, a in attrs.items()}
        self.calls.append(call)

    def seconds_by_call(self):
        """The seconds of each kernel call in the last replay that meters were told of."""
        cdef ptrdiff_t i = 0
        cdef double seconds
        cdef list found = []
        cdef RecordedCall call
        for call in self.calls:
            seconds = 0
            while i <= call.last:
                seconds += self.seconds[i]
                i += 1
            found.append(seconds)
        return found

    def tuning(self):
        """(the thread level in use, whether it is settled, the seconds of a replay at each level)"""
        return self.tuner.level, bool(self.tuner.settled), [t for t in self.tuner.best]

    cdef bint is_constant(self, uintptr_t low, uintptr_t high) except -1:
        for start, stop in self.constants:
            if <uintptr_t>start <= low and high <= <uintptr_t>stop:
                return True
        return False

    def take_packings(self):
        """The launches since the last call that pack constants: (index, low, high, Block) of each; low and high are the
        addresses of the constant."""
        packings, self.packings = self.packings, []
        return packings

    def drop(self, indices):
        """Remove launches, none of which reads an input.

        Args:
            indices: of the launches, in ascending order.
        """
        cdef ptrdiff_t i, m = 0, to = 0
        cdef set dropped = set(indices)
        self.tuner.work = self.tuner.widest = 0
        for i in range(self.count):
            while m < self.moves and self.moved[m].launch == i:
                self.moved[m].launch = to
                m += 1
            if i in dropped:
                continue
            self.items[to] = self.items[i]
            self.note_work(&self.items[to])
            to += 1
        self.count = to
        self.calls = [call for call in self.calls if (<RecordedCall>call).last not in dropped]
        for call in self.calls:
            (<RecordedCall>call).last -= sum([index < (<RecordedCall>call).last for index in indices])

    def relocate(self, ptrdiff_t start, uintptr_t low, uintptr_t high, uintptr_t address):
        """Let the launches from `start` point at `address` instead of at `low`, and so on up to `high`."""
        cdef ptrdiff_t i
        cdef int slot
        for i in range(start, self.count):
            for slot in range(LAUNCH_POINTERS):
                if low <= <uintptr_t>self.items[i].p[slot] < high:
                    self.items[i].p[slot] = <void *>(<uintptr_t>self.items[i].p[slot] - low + address)

    cdef void note_work(self, const Launch *launch) noexcept:
        self.tuner.work += launch.work
        if launch.blocks > 1:
            self.tuner.widest = max(self.tuner.widest, launch.work)

    cdef int append(self, const Launch *launch) except -1:
        cdef int slot
        cdef uintptr_t address
        cdef ptrdiff_t wanted
        if self.count == self.capacity:
            wanted = 2 * self.capacity + 16
            self.items = <Launch *>grown(self.items, wanted * sizeof(Launch))
            self.capacity = wanted
        self.items[self.count] = launch[0]
        self.note_work(launch)
        for slot in range(LAUNCH_POINTERS):
            address = <uintptr_t>launch.p[slot]
            if address:
                for source, (start, nbytes) in enumerate(self.inputs):
                    if start <= address < start + nbytes:
                        self.follow(slot, source, address - start)
                        break
        self.count += 1
        return 0

    cdef int follow(self, int slot, int source, ptrdiff_t offset) except -1:
        cdef ptrdiff_t wanted
        if self.moves == self.moves_capacity:
            wanted = 2 * self.moves_capacity + 16
            self.moved = <Moved *>grown(self.moved, wanted * sizeof(Moved))
            self.moves_capacity = wanted
        self.moved[self.moves] = Moved(self.count, slot, source, offset)
        self.moves += 1
        return 0

    def replay(self, addresses):
        """Run all launches with the inputs at these addresses. Returns the index of the launch that failed, or -1."""
        cdef uintptr_t *places = <uintptr_t *>grown(NULL, (len(addresses) + 1) * sizeof(uintptr_t))
        cdef ptrdiff_t i
        try:
            for i in range(len(addresses)):
                places[i] = addresses[i]
            return self.run_at(places)
        finally:
            free(places)

    cdef ptrdiff_t run_at(self, const uintptr_t *addresses) except -2:
        """As `replay`, for callers in C."""
        cdef ptrdiff_t i
        cdef bint measured = current_meters() != NULL
        cdef Moved *m
        for i in range(self.moves):
            m = &self.moved[i]
            self.items[m.launch].p[m.slot] = <void *>(addresses[m.source] + m.offset)
        if measured and self.seconds == NULL:
            self.seconds = <double *>grown(NULL, (self.count + 1) * sizeof(double))
        with nogil:
            i = replay(self.items, self.count, &self.tuner, self.seconds if measured else NULL)
        if measured and i < 0:
            for meter in <tuple>current_meters():
                meter.note_replay(self)
        return i


cdef ptrdiff_t replay(const Launch *items, ptrdiff_t count, Tuner *tuner, double *seconds) noexcept nogil:
    """Run launches in order. This thread changes its floating-point mode once for all of them.

    Args:
        seconds: where the time of each launch is written, or NULL.
    """
    cdef ptrdiff_t i
    cdef int failed = 0, threads
    cdef const Launch *launch
    cdef bint trial = on_trial(tuner)
    cdef double share = share_now(tuner), start = clock() if trial else 0
    cdef uint64_t before = flush_tiny_results()
    for i in range(count):
        launch = &items[i]
        threads = threads_for(launch.work, launch.blocks, share)
        if seconds != NULL:
            seconds[i] = clock()
        if threads > 1:
            failed = run_on(launch, threads, not trial)
        elif launch.keeps_tiny:
            failed = run_blocks(launch, 0, launch.blocks)
        else:
            failed = launch.body(launch, 0, launch.blocks)
        if seconds != NULL:
            seconds[i] = clock() - seconds[i]
        if failed:
            break
    restore_float_mode(before)
    if trial and not failed:
        learn(tuner, clock() - start)
    return i if failed else -1


cdef void *grown(void *memory, size_t nbytes) except NULL:
    memory = realloc(memory, nbytes)
    if memory == NULL:
        raise MemoryError(f"could not allocate {nbytes} bytes for a recording")
    return memory
