# Part of launch.pyx: the time that launches take, by kernel.

cdef enum:
    MOST_BODIES = 8192              # a power of two, above the number of bodies of all kernels

cdef struct Spent:                  # what one body has taken
    Body body
    ptrdiff_t calls, replayed
    double seconds, replayed_seconds


cdef int run_timed(const Launch *launch, int threads, bint in_replay) noexcept nogil:
    """Run a launch and add its time to the entry of its body."""
    cdef Spent *spent = <Spent *>spending
    cdef size_t i = (<uintptr_t>launch.body >> 4) % MOST_BODIES
    cdef double start = clock()
    cdef int failed = run_blocks(launch, 0, launch.blocks) if threads <= 1 else run_on(launch, threads, False)
    cdef double seconds = clock() - start
    while spent[i].body != NULL and spent[i].body != launch.body:
        i = (i + 1) % MOST_BODIES
    spent[i].body = launch.body
    spent[i].calls += 1
    spent[i].seconds += seconds
    if in_replay:
        spent[i].replayed += 1
        spent[i].replayed_seconds += seconds
    return failed


cdef class Profile:
    """Counts and times the launches of this thread between `start` and `stop`. One is active at a time."""

    cdef Spent *spent

    def __cinit__(self):
        self.spent = <Spent *>grown(NULL, MOST_BODIES * sizeof(Spent))
        memset(self.spent, 0, MOST_BODIES * sizeof(Spent))

    def __dealloc__(self):
        global spending
        if spending == self.spent:
            spending = NULL
        free(self.spent)

    def start(self):
        global spending
        if spending != NULL:
            raise RuntimeError("this thread is profiled already")
        spending = self.spent

    def stop(self):
        global spending
        if spending != self.spent:
            raise RuntimeError("this thread is not profiled by this profile")
        spending = NULL

    def result(self):
        """{name of a kernel: (calls, seconds, calls in replays, seconds in replays)}"""
        cdef Kernel kernel
        cdef dict names = {}, found = {}
        cdef Py_ssize_t i
        cdef int isa
        for kernel in all_kernels:
            for isa in range(ISA_COUNT):
                names.setdefault(<uintptr_t>kernel.f32[isa], kernel.name)
                names.setdefault(<uintptr_t>kernel.f64[isa], kernel.name)
        for i in range(MOST_BODIES):
            if self.spent[i].body != NULL:
                name = names[<uintptr_t>self.spent[i].body]
                row = (self.spent[i].calls, self.spent[i].seconds, self.spent[i].replayed, self.spent[i].replayed_seconds)
                found[name] = tuple([a + b for a, b in zip(found.get(name, (0, 0.0, 0, 0.0)), row)])
        return found
