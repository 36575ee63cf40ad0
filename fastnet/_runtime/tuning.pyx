"""The number of threads of a recording, found by trial.

Whether a second thread helps depends on more than the amount of work: a core must fetch the data that another wrote.
Measured: with some kernels on two threads and some on one, a step of 150 us took 450 us. With all of them on two, each
thread keeps its part of the weights in its own cache, and a step of 20 us took 12 us. So the first replays of a
recording run with different shares of work for each thread. The recording keeps the fastest and repeats the trials from
time to time. Results do not depend on the number of threads, so they do not depend on the trials.
"""
from fastnet._runtime.threads cimport limit, pausing, share_is_forced, usual_share

cdef enum:
    LEVELS = 3
    COMPARED_REPLAYS = 4            # replays whose mean time is compared
cdef double ALONE = 1e30            # share of the first level: every launch runs on one thread
cdef double FINE = 20               # in the last level the usual share is divided by this
cdef double LARGE = 5e6             # ns: recordings of more work use all threads and are too slow for trials
cdef double COLD = 2e-3             # first seconds of a level, not counted: threads wake, data moves
cdef double LONG = 4e-3             # least seconds of a level
cdef double CLEAR = 0.97            # more threads must take less than this fraction of the time
# A replay that takes this many times as long as on one thread, and this many seconds more, ends the trials: another
# process holds the other core. Waking threads takes less.
cdef double HOPELESS = 10, STUCK = 5e-3
# Seconds until the next trials: few at first, since a machine may need a while to give a new thread its own core, and
# twice as many each time. Each limit is the larger of a number of seconds and a multiple of the trials' duration.
cdef double FIRST_WAIT = 0.1, FIRST_RATIO = 10
cdef double LAST_WAIT = 5.0, LAST_RATIO = 100


cdef double share_now(const Tuner *tuner) noexcept nogil:
    """The least nanoseconds of work of each thread in the next replay."""
    return usual_share() if share_is_forced() or limit() < 2 else share_of(tuner.level)


cdef double share_of(int level) noexcept nogil:
    return ALONE if level == 0 else usual_share() if level == 1 else usual_share() / FINE


cdef bint on_trial(Tuner *tuner) noexcept nogil:
    """Set the level for the next replay. Returns whether `learn` must be told how long the replay took."""
    if share_is_forced() or limit() < 2:
        return False
    if tuner.work > LARGE:
        tuner.level = 1
        return False
    if tuner.widest < 2 * share_of(LEVELS - 1):
        tuner.level = 0
        return False
    if tuner.settled:
        tuner.again -= 1
        if tuner.again > 0:
            return False
        tuner.settled = False
        tuner.cost = 0
        begin(tuner, 0)
    return not pausing()


cdef void begin(Tuner *tuner, int level) noexcept nogil:
    tuner.level = level
    tuner.runs = 0
    tuner.spent = tuner.group = 0
    tuner.best[level] = 1e30


cdef void learn(Tuner *tuner, double took) noexcept nogil:
    """Count a replay of `took` seconds. After enough of them try the next level; after the last level choose one."""
    cdef int level = tuner.level
    cdef bint cold = tuner.runs < 2 or tuner.spent < COLD
    if tuner.best[level] == 0:      # the first replay of the recording
        begin(tuner, level)
    tuner.cost += took
    if level > 0 and took > HOPELESS * tuner.best[0] + STUCK:
        tuner.best[level] = took
        settle(tuner, level)
        return
    if tuner.runs > 0:              # the first replay of a level may wake threads, which takes milliseconds
        tuner.spent += took
    if cold:
        tuner.runs = min(tuner.runs + 1, 2)
        return
    tuner.runs += 1
    tuner.group += took
    if (tuner.runs - 2) % COMPARED_REPLAYS == 0:
        tuner.best[level] = min(tuner.best[level], tuner.group / COMPARED_REPLAYS)
        tuner.group = 0
        if tuner.spent >= LONG:
            if level + 1 < LEVELS:
                begin(tuner, level + 1)
            else:
                settle(tuner, level)


cdef void settle(Tuner *tuner, int tried) noexcept nogil:
    """Choose the fastest of the levels up to `tried`, and the time of the next trials."""
    cdef int level
    tuner.level = 0
    for level in range(1, tried + 1):
        if tuner.best[level] < CLEAR * tuner.best[tuner.level]:
            tuner.level = level
    tuner.settled = True
    tuner.wait = max(2 * tuner.wait, FIRST_WAIT, FIRST_RATIO * tuner.cost)
    tuner.wait = min(tuner.wait, max(LAST_WAIT, LAST_RATIO * tuner.cost))
    tuner.again = 1 + <int64_t>(tuner.wait / (tuner.best[tuner.level] + 1e-5))
