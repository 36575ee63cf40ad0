"""The only file that sees OpenMP's runtime: how many threads a launch is given."""

cdef extern from *:
    """
    #ifdef _OPENMP
    #include <omp.h>
    #define FASTNET_OPENMP 1
    #else
    #define FASTNET_OPENMP 0
    #define omp_get_max_threads() 1
    #define omp_in_parallel() 0
    #define omp_get_wtime() 0.0
    #endif
    #ifdef _MSC_VER
    static __declspec(thread) int chosen = 0;
    #else
    static __thread int chosen = 0;
    #endif
    """
    int FASTNET_OPENMP
    int omp_get_max_threads() nogil
    int omp_in_parallel() nogil
    double omp_get_wtime() nogil
    int chosen                      # this thread's own set_num_threads; 0: none, the default holds

# Estimated nanoseconds of work that each thread must get. An empty parallel region takes 1 to 2 us, but the second core
# also fetches its half of the data from the first one's cache: where this was measured, a training step of 45 us became
# one of 80 to 290 us with kernels of 30 us on two threads, and steps of milliseconds were as fast with 60 us as with 6.
cdef double SHARE = 40000.0
cdef bint _forced = False

cdef int _default = 1
cdef bint _forked = False
cdef int _omp_at_start = omp_get_max_threads()


cdef int limit() noexcept nogil:
    if _forked or not FASTNET_OPENMP:
        return 1
    # threadpoolctl lowers OpenMP's own maximum: a lowered one binds, an untouched one does not cap a larger choice
    cdef int threads = chosen if chosen else _default
    cdef int omp = omp_get_max_threads()
    return omp if omp < _omp_at_start and omp < threads else threads


cdef double usual_share() noexcept nogil:
    return SHARE


cdef bint share_is_forced() noexcept nogil:
    return _forced


cdef int threads_for(double work, ptrdiff_t blocks, double share) noexcept nogil:
    """How many threads a launch is given, if each is to have at least a share of its work."""
    if work < 2 * share or blocks < 2 or not FASTNET_OPENMP or omp_in_parallel():
        return 1
    cdef int threads = limit()
    if pausing():
        return 1
    if threads > blocks:
        threads = <int>blocks
    return <int>(work / share) if threads > work / share else threads


# A team waits for its last thread. Where another process holds that thread's core, it waits for milliseconds: then go
# on alone for a while, longer each time it happens again. Results do not depend on the number of threads.
cdef enum:
    SLOW = 4                        # times the estimate for one thread, and
cdef double STALL = 300e-6          # this many seconds more, make a stall
cdef double FIRST_PAUSE = 0.02, LAST_PAUSE = 1.0
cdef double _alone_until = 0, _pause = FIRST_PAUSE


cdef bint pausing() noexcept nogil:
    """Whether kernels stay on one thread for a while."""
    return _alone_until != 0 and omp_get_wtime() < _alone_until


cdef double clock() noexcept nogil:
    return omp_get_wtime()


cdef void note_region(double work, double start) noexcept nogil:
    """Learn from a parallel region that began at `start`. Threads may race here: the worst is a pause too few."""
    global _alone_until, _pause
    cdef double now = omp_get_wtime()
    if now - start > SLOW * work * 1e-9 + STALL:
        _alone_until = now + _pause
        _pause = 2 * _pause if _pause < LAST_PAUSE else LAST_PAUSE
    elif _pause > FIRST_PAUSE and now - _alone_until > _pause:
        _pause = FIRST_PAUSE


def has_openmp():
    """Whether this build runs kernels on several threads."""
    return bool(FASTNET_OPENMP)


def get_num_threads():
    """The most threads that a kernel launched from this Python thread may use."""
    return limit()


def set_num_threads(int n):
    """Let kernels that this Python thread launches use up to `n` threads."""
    global chosen
    chosen = n


def set_default_threads(int n):
    """Set how many threads a Python thread may use that has not chosen for itself."""
    global _default
    _default = n


def set_share(double nanoseconds):
    """Give every thread at least this much estimated work; returns what it was before.

    Tests set 0: the smallest kernels are threaded, come what may.
    """
    global SHARE, STALL, _alone_until, _forced
    cdef double before = SHARE
    SHARE = nanoseconds if nanoseconds > 0 else 1e-9
    STALL = 300e-6 if nanoseconds > 0 else 1e9
    _forced = nanoseconds <= 0
    _alone_until = 0
    return before


def after_fork():
    """Called in a forked child, which stays on one thread: OpenMP would wait for those that the fork left behind."""
    global _forked
    _forked = True


def forked():
    """Whether this process was forked from one that had imported fastnet."""
    return _forked
