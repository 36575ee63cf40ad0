"""How many threads a recording is worth: it tries.

Whether a second thread helps is more than a matter of work. What one core has written the other must fetch: with some
kernels on two threads and some on one, a step of 150 us was seen to take 450; with all of them on two, each thread has
its part of the weights in a cache of its own, and a step of 20 us became one of 12. So the first replays of a recording
run with different shares of work for each thread. It keeps to the fastest, and tries again from time to time. Results
never depend on the number of threads, so they do not depend on this.
"""
from fastnet._runtime.threads cimport limit, pausing, share_is_forced, usual_share

cdef enum:
    LEVELS = 3
    GROUP = 4                       # replays whose mean counts
cdef double ALONE = 1e30            # share of the first level: no launch has work for two threads
cdef double FINE = 20               # in the last level a thread is woken for this part of the usual share
cdef double LARGE = 20e6            # ns: recordings of more work are worth all threads, and too slow to try one
cdef double COLD = 2e-3             # seconds of a level that are not counted: threads wake, data moves
cdef double LONG = 4e-3             # seconds of a level at the least
cdef double CLEAR = 0.97            # more threads must take less than this part of the time
# A replay that takes so many times as long as on one thread, and so many seconds more, ends the trials: another process
# has the other core. To wake threads takes less.
cdef double HOPELESS = 10, STUCK = 5e-3
# Seconds after which to try again: soon at first, for a machine may take a while to give a new thread a core of its
# own; then twice as many each time. Each pair is of seconds, and of times the duration of the trials: the larger one.
cdef double FIRST_WAIT = 0.1, FIRST_RATIO = 10
cdef double LAST_WAIT = 5.0, LAST_RATIO = 100


cdef double share_now(const Tuner *tuner) noexcept nogil:
    """The least nanoseconds of work for each thread in the next replay."""
    return usual_share() if share_is_forced() or limit() < 2 else share_of(tuner.level)


cdef double share_of(int level) noexcept nogil:
    return ALONE if level == 0 else usual_share() if level == 1 else usual_share() / FINE


cdef bint on_trial(Tuner *tuner) noexcept nogil:
    """Set the level for the next replay; whether `learn` is to hear how long it took."""
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
    """Count a replay of `took` seconds; after enough of them go on to the next level, after the last one decide."""
    cdef int level = tuner.level
    cdef bint cold = tuner.runs < 2 or tuner.spent < COLD
    if tuner.best[level] == 0:      # the first trials of all
        begin(tuner, level)
    tuner.cost += took
    if level > 0 and took > HOPELESS * tuner.best[0] + STUCK:
        tuner.best[level] = took
        settle(tuner, level)
        return
    if tuner.runs > 0:              # the first one of a level may have to wake threads, which takes milliseconds
        tuner.spent += took
    if cold:
        tuner.runs = min(tuner.runs + 1, 2)
        return
    tuner.runs += 1
    tuner.group += took
    if (tuner.runs - 2) % GROUP == 0:
        tuner.best[level] = min(tuner.best[level], tuner.group / GROUP)
        tuner.group = 0
        if tuner.spent >= LONG:
            if level + 1 < LEVELS:
                begin(tuner, level + 1)
            else:
                settle(tuner, level)


cdef void settle(Tuner *tuner, int tried) noexcept nogil:
    """Keep to the fastest of the levels up to `tried`, until it is time for the next trials."""
    cdef int level
    tuner.level = 0
    for level in range(1, tried + 1):
        if tuner.best[level] < CLEAR * tuner.best[tuner.level]:
            tuner.level = level
    tuner.settled = True
    tuner.wait = max(2 * tuner.wait, FIRST_WAIT, FIRST_RATIO * tuner.cost)
    tuner.wait = min(tuner.wait, max(LAST_WAIT, LAST_RATIO * tuner.cost))
    tuner.again = 1 + <int64_t>(tuner.wait / (tuner.best[tuner.level] + 1e-5))
