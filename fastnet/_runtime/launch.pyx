"""From a kernel's Python arguments to a launch, and from a launch to threads: the one way in which kernels run."""
cimport numpy as cnp
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDED_RO, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from cython.parallel cimport prange
from libc.stdint cimport uint64_t, uintptr_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset, strcmp

from fastnet._runtime.cpu cimport selected_isa
from fastnet._runtime.threads cimport clock, note_region, threads_for, usual_share
from fastnet._runtime.tuning cimport Tuner, learn, on_trial, share_now

cnp.import_array()

cdef extern from *:
    """
    #ifdef _MSC_VER
    static __declspec(thread) PyObject *recording = 0;
    #else
    static __thread PyObject *recording = 0;
    #endif
    """
    PyObject *recording             # the LaunchList that this thread records into, an owned reference, or NULL


cdef extern from "src/float_mode.h" nogil:
    uint64_t flush_tiny_results()
    uint64_t keep_tiny_results()
    void restore_float_mode(uint64_t before)


class UnsupportedDtype(TypeError):
    """The compiled kernel does not take this dtype; the dispatcher hands the call to the reference."""


class NeedsPacking(ValueError):
    """The compiled kernel wants this array contiguous and aligned; the dispatcher packs it and calls again."""


# ---- arrays ---------------------------------------------------------------------------------------------------------

cdef int dtype_of(const char *format, Py_ssize_t itemsize) noexcept:
    if format != NULL and (format[0] == c"=" or format[0] == c"@"):
        format += 1                     # NumPy's mark on unaligned arrays
    if format == NULL or format[0] == 0 or format[1] != 0:
        return -2
    cdef char c = format[0]
    if c == c"f":
        return F32
    if c == c"d":
        return F64
    if c == c"q" or c == c"l":
        return I64 if itemsize == 8 else I32
    if c == c"i":
        return I32
    if c == c"B":
        return U8
    return BOOL if c == c"?" else -2


cdef DType plain_dtype(cnp.ndarray source) noexcept:
    """NONE where the dtype is none of ours, or of another byte order."""
    cdef int number = cnp.PyArray_TYPE(source)
    if not cnp.PyArray_ISNOTSWAPPED(source):
        return NONE
    if number == cnp.NPY_FLOAT32:
        return F32
    if number == cnp.NPY_FLOAT64:
        return F64
    if number == cnp.NPY_INT64:
        return I64
    if number == cnp.NPY_INT32:
        return I32
    if number == cnp.NPY_UINT8:
        return U8
    return BOOL if number == cnp.NPY_BOOL else NONE


cdef bint unpack_plain(cnp.ndarray source, Array *array, int access) noexcept:
    """Fill `array` from an ndarray; False where it needs a closer look, or copying."""
    cdef int i, wanted = cnp.NPY_ARRAY_ALIGNED
    cdef ptrdiff_t itemsize
    if access & WRITE:
        wanted |= cnp.NPY_ARRAY_WRITEABLE
    if not access & STRIDED:
        wanted |= cnp.NPY_ARRAY_C_CONTIGUOUS
    if not cnp.PyArray_CHKFLAGS(source, wanted) or source.ndim > MAX_DIMS:
        return False
    array.dtype = plain_dtype(source)
    if array.dtype == NONE:
        return False
    itemsize = cnp.PyArray_ITEMSIZE(source)
    array.data = <char *>cnp.PyArray_DATA(source)
    array.ndim = source.ndim
    array.size = 1
    for i in range(source.ndim):
        if source.strides[i] % itemsize:
            return False
        array.shape[i] = source.shape[i]
        array.strides[i] = source.strides[i] // itemsize
        array.size *= source.shape[i]
    return True


cdef int unpack(object source, Array *array, int access=READ) except -1:
    """Fill `array` from anything with the buffer protocol: the typed memoryview of any rank.

    A Cython memoryview fixes its rank and its type where it is declared; these kernels serve every rank and two types
    from one line, at a third of the cost (34 against 115 ns an array where it was measured), and what is an ndarray
    that a kernel can take as it is does without the protocol. The caller's reference to `source` keeps the memory alive
    for as long as the call lasts; a recording keeps its own.
    """
    if cnp.PyArray_CheckExact(source) and unpack_plain(source, array, access):
        return 0
    cdef Py_buffer view
    cdef int i
    cdef ptrdiff_t expected
    cdef bint contiguous = True
    if source is None and access & OPTIONAL:
        array.data = NULL
        array.dtype = NONE
        array.ndim = 0
        array.size = 0
        return 0
    PyObject_GetBuffer(source, &view, PyBUF_STRIDED_RO | PyBUF_FORMAT | (PyBUF_WRITABLE if access & WRITE else 0))
    try:
        array.dtype = <DType>dtype_of(view.format, view.itemsize)
        if array.dtype == -2:
            raise UnsupportedDtype(f"dtype {getattr(source, 'dtype', '?')}")
        if view.ndim > MAX_DIMS:
            raise ValueError(f"at most {MAX_DIMS} dimensions are supported, got {view.ndim}")
        array.data = <char *>view.buf
        array.ndim = view.ndim
        array.size = view.len // view.itemsize
        expected = view.itemsize
        contiguous = <uintptr_t>view.buf % view.itemsize == 0
        for i in range(view.ndim - 1, -1, -1):
            array.shape[i] = view.shape[i]
            if view.strides[i] % view.itemsize:
                contiguous = False
                if access & STRIDED:
                    raise NeedsPacking()
            array.strides[i] = view.strides[i] // view.itemsize
            if view.shape[i] != 1 and view.strides[i] != expected and array.size:
                contiguous = False
            expected *= view.shape[i]
        if access & STRIDED:
            contiguous = <uintptr_t>view.buf % view.itemsize == 0
        if not contiguous:
            raise NeedsPacking()
    finally:
        PyBuffer_Release(&view)
    return 0


cdef str dtype_name(DType dtype):
    return ("float32", "float64", "int64", "int32", "uint8", "bool")[<int>dtype]


cdef int expect_dtype(str kernel, const Array *array, DType dtype) except -1:
    """The array must have this dtype (an absent one passes)."""
    if array.dtype != dtype and array.dtype != NONE:
        raise TypeError(f"{kernel}: expected {dtype_name(dtype)}, got {dtype_name(array.dtype)}")
    return 0


cdef int expect_size(str kernel, str what, ptrdiff_t given, ptrdiff_t expected) except -1:
    """A kernel never reads past an array: its sizes are checked before it runs."""
    if given != expected:
        raise ValueError(f"{kernel}: {what} is {given}, expected {expected}")
    return 0


# ---- kernels --------------------------------------------------------------------------------------------------------

cdef class Kernel:
    """A kernel's bodies, one for each instruction set."""

    cdef int prepare(self, Launch *launch, DType dtype) except -1:
        """Clear `launch` and set its body for arrays of this dtype."""
        if dtype != F32 and dtype != F64:
            raise UnsupportedDtype(f"{self.name}: {dtype_name(dtype)}")
        memset(launch, 0, sizeof(Launch))
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
                raise KeyError(f"kernel {name!r} is not in its table")
            kernel.f32[isa] = entry.f32
            kernel.f64[isa] = entry.f64
            kernel.keeps_tiny = entry.keeps_tiny
        return kernel


cdef Family family(const Entry *const *tables):
    cdef Family f = Family.__new__(Family)
    f.tables = tables
    return f


# ---- running --------------------------------------------------------------------------------------------------------

cdef int run_blocks(const Launch *launch, ptrdiff_t begin, ptrdiff_t end) noexcept nogil:
    """Run some of a launch's blocks on this thread, whose floating-point mode is its own again afterwards."""
    cdef uint64_t before = keep_tiny_results() if launch.keeps_tiny else flush_tiny_results()
    cdef int failed = launch.body(launch, begin, end)
    restore_float_mode(before)
    return failed


cdef int run(const Launch *launch) noexcept nogil:
    """Run a launch on as many threads as it is worth. The cut into blocks is the shape's, so the result is too."""
    cdef int threads = threads_for(launch.work, launch.blocks, usual_share())
    return run_blocks(launch, 0, launch.blocks) if threads <= 1 else run_on(launch, threads, True)


cdef int run_on(const Launch *launch, int threads, bint noted) noexcept nogil:
    """Run a launch on so many threads; `noted`: a slow start makes a pause."""
    cdef ptrdiff_t i
    cdef int failed = 0
    cdef double start = clock() if noted else 0
    for i in prange(threads, num_threads=threads, schedule="static"):
        failed |= run_blocks(launch, launch.blocks * i // threads, launch.blocks * (i + 1) // threads)
    if noted:
        note_region(launch.work, start)
    return failed


cdef int submit(const Launch *launch) except -1:
    """Run a launch now and, while this thread records, keep it. Returns 1 if the input could not be served."""
    cdef int failed = 0
    if launch.blocks <= 0:
        return 0
    if recording != NULL:
        (<LaunchList>recording).append(launch)
    if launch.work < 2000:          # shorter than giving the GIL up and taking it back may cost
        return run(launch)
    with nogil:
        failed = run(launch)
    return failed


# ---- recording ------------------------------------------------------------------------------------------------------

cdef class LaunchList:
    """Launches in the order in which they were made, replayed in one loop with the GIL released.

    Args:
        inputs: the (address, bytes) of each array that a replay replaces with another.
    """
    def __cinit__(self, inputs):
        self.inputs = list(inputs)

    def __dealloc__(self):
        free(self.items)
        free(self.moved)

    def __len__(self):
        return self.count

    def record(self, kernel, tuple args, dict attrs):
        """Call a compiled kernel and keep its launches. It is one call in C, which no exception from outside splits."""
        global recording
        cdef PyObject *before = recording
        Py_INCREF(self)
        recording = <PyObject *>self
        try:
            kernel(*args, **attrs)
        finally:
            recording = before
            Py_DECREF(self)

    def tuning(self):
        """(the level of threads in use, whether it is settled, the seconds of a replay of each level)"""
        return self.tuner.level, bool(self.tuner.settled), [t for t in self.tuner.best]

    cdef int append(self, const Launch *launch) except -1:
        cdef int slot
        cdef uintptr_t address
        cdef ptrdiff_t wanted
        if self.count == self.capacity:
            wanted = 2 * self.capacity + 16
            self.items = <Launch *>grown(self.items, wanted * sizeof(Launch))
            self.capacity = wanted
        self.items[self.count] = launch[0]
        self.tuner.work += launch.work
        if launch.blocks > 1:
            self.tuner.widest = max(self.tuner.widest, launch.work)
        for slot in range(12):
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
        """Run all with the inputs at these addresses. Returns the index of the launch that failed, or -1."""
        cdef uintptr_t *places = <uintptr_t *>grown(NULL, (len(addresses) + 1) * sizeof(uintptr_t))
        cdef ptrdiff_t i
        try:
            for i in range(len(addresses)):
                places[i] = addresses[i]
            return self.run_at(places)
        finally:
            free(places)

    cdef ptrdiff_t run_at(self, const uintptr_t *addresses) noexcept:
        """The same in C."""
        cdef ptrdiff_t i
        cdef Moved *m
        for i in range(self.moves):
            m = &self.moved[i]
            self.items[m.launch].p[m.slot] = <void *>(addresses[m.source] + m.offset)
        with nogil:
            i = replay(self.items, self.count, &self.tuner)
        return i


cdef ptrdiff_t replay(const Launch *items, ptrdiff_t count, Tuner *tuner) noexcept nogil:
    """Run launches one after the other, with one change of the floating-point mode for all on this thread."""
    cdef ptrdiff_t i
    cdef int failed = 0, threads
    cdef const Launch *launch
    cdef bint trial = on_trial(tuner)
    cdef double share = share_now(tuner), start = clock() if trial else 0
    cdef uint64_t before = flush_tiny_results()
    for i in range(count):
        launch = &items[i]
        threads = threads_for(launch.work, launch.blocks, share)
        if threads > 1:
            failed = run_on(launch, threads, not trial)
        elif launch.keeps_tiny:
            failed = run_blocks(launch, 0, launch.blocks)
        else:
            failed = launch.body(launch, 0, launch.blocks)
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
