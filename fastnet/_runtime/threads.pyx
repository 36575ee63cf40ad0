"""The number of threads of a launch. No other file uses OpenMP's runtime library."""

cdef extern from *:
    """
    #ifdef _OPENMP
    #include <omp.h>
    #define FASTNET_OPENMP 1
    #else
    #define FASTNET_OPENMP 0
    #define omp_get_max_threads() 1
    #define omp_in_parallel() 0
    #include <time.h>
    /* seconds since the first call: a double cannot tell the nanoseconds of today's date apart */
    static double omp_get_wtime(void) {
        static time_t origin = 0;
        struct timespec now;
        timespec_get(&now, TIME_UTC);
        if (origin == 0)
            origin = now.tv_sec;
        return (double)(now.tv_sec - origin) + 1e-9 * (double)now.tv_nsec;
    }
    #endif
    #include "src/per_thread.h"
    PER_THREAD int chosen = 0;
    """
    int FASTNET_OPENMP
    int omp_get_max_threads() nogil
    int omp_in_parallel() nogil
    double omp_get_wtime() nogil
    int chosen                      # by set_num_threads on this thread; 0: the default holds

# The least estimated nanoseconds of work for each thread. An empty parallel region takes 1 to 2 us, but the second core
# also fetches its half of the data from the first one's cache. Measured: with kernels of 30 us on two threads, a
# training step of 45 us took 80 to 290 us; steps of milliseconds were as fast with a share of 60 us as of 6 us.
cdef double THREAD_SHARE = 40000.0
cdef bint _forced = False

cdef int _default = 1
cdef bint _forked = False
cdef int _omp_at_start = omp_get_max_threads()


cdef int limit() noexcept nogil:
    if _forked or not FASTNET_OPENMP:
        return 1
    # threadpoolctl lowers OpenMP's maximum. A lowered maximum binds; an unchanged one does not cap a larger choice.
    cdef int threads = chosen if chosen else _default
    cdef int omp = omp_get_max_threads()
    return omp if omp < _omp_at_start and omp < threads else threads


cdef double usual_share() noexcept nogil:
    return THREAD_SHARE


cdef bint share_is_forced() noexcept nogil:
    return _forced


cdef int threads_for(double work, ptrdiff_t blocks, double share) noexcept nogil:
    """The number of threads of a launch if each gets at least `share` nanoseconds of its work."""
    if work < 2 * share or blocks < 2 or not FASTNET_OPENMP or omp_in_parallel():
        return 1
    cdef int threads = limit()
    if pausing():
        return 1
    if threads > blocks:
        threads = <int>blocks
    return <int>(work / share) if threads > work / share else threads


# A parallel region ends with its slowest thread. If another process holds that thread's core, the region takes
# milliseconds. Kernels then stay on one thread for a while, longer after each further stall. Results do not depend on
# the number of threads.
cdef enum:
    SLOW = 4                        # a stall takes this many times the estimate for one thread
cdef double STALL = 300e-6          # and this many seconds more
cdef double FIRST_PAUSE = 0.02, LAST_PAUSE = 1.0
cdef double _alone_until = 0, _pause = FIRST_PAUSE


cdef bint pausing() noexcept nogil:
    """Whether kernels stay on one thread for a while."""
    return _alone_until != 0 and omp_get_wtime() < _alone_until


cdef double clock() noexcept nogil:
    return omp_get_wtime()


cdef void note_region(double work, double start) noexcept nogil:
    """Measure a parallel region that began at `start`. Threads may race here; at worst, one pause is missed."""
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
    """Set the number of threads for Python threads that have not called set_num_threads."""
    global _default
    _default = n


def set_share(double nanoseconds):
    """Set the least estimated work of each thread and return the previous value.

    Tests set 0, so that even the smallest kernels use several threads.
    """
    global THREAD_SHARE, STALL, _alone_until, _forced
    cdef double before = THREAD_SHARE
    THREAD_SHARE = nanoseconds if nanoseconds > 0 else 1e-9
    STALL = 300e-6 if nanoseconds > 0 else 1e9
    _forced = nanoseconds <= 0
    _alone_until = 0
    return before


def after_fork():
    """Keep a forked child on one thread: OpenMP would wait for threads that do not exist after a fork."""
    global _forked
    _forked = True


def forked():
    """Whether this process was forked from one that had imported fastnet."""
    return _forked
