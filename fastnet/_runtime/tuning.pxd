from libc.stdint cimport int64_t

cdef struct Tuner:                  # what a recording knows of how many threads help it
    double work                     # of all launches, in estimated nanoseconds
    double widest                   # of the largest one that can be shared
    int level                       # in use, or on trial
    bint settled
    int64_t again                   # replays until the next trials
    int runs                        # of this level, in these trials
    double spent, group             # seconds, of all of them and of the last few
    double cost                     # seconds of these trials
    double wait                     # seconds from the last trials to the next
    double best[3]                  # seconds of a replay, by level

cdef bint on_trial(Tuner *tuner) noexcept nogil
cdef double share_now(const Tuner *tuner) noexcept nogil
cdef void learn(Tuner *tuner, double took) noexcept nogil
