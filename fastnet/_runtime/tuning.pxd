from libc.stdint cimport int64_t

cdef struct Tuner:                  # the trials of a recording
    double work                     # of all launches, in estimated nanoseconds
    double widest                   # of the largest launch of several blocks
    int level                       # in use or on trial
    bint settled
    int64_t again                   # replays until the next trials
    int runs                        # of this level in these trials
    double spent, group             # seconds of all these runs, and of the last few
    double cost                     # seconds of these trials
    double wait                     # seconds from the last trials to the next
    double best[3]                  # seconds of a replay at each level

cdef bint on_trial(Tuner *tuner) noexcept nogil
cdef double share_now(const Tuner *tuner) noexcept nogil
cdef void learn(Tuner *tuner, double took) noexcept nogil
