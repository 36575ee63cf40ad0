"""Median times, taken in turns."""
import contextlib
import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np

try:
    from threadpoolctl import threadpool_limits
except ImportError:                     # part of the `bench` extra; without it NumPy keeps its own number of threads
    threadpool_limits = None

SETTLE = 0.3            # seconds after which the idle threads of BLAS and of every OpenMP no longer spin


@dataclass
class Plan:
    """How long to measure.

    Args:
        rounds: how many turns each call gets.
        seconds: how long a turn lasts; never less than one call.
    """
    rounds: int = 11
    seconds: float = 0.02


QUICK = Plan(rounds=5, seconds=0.005)


@dataclass
class Timed:
    """Something to time.

    Args:
        run: the call.
        restore: gives the arrays that `run` changes their first values back; not timed.
        most: how many times `run` may be called before it must be restored.
    """
    run: Callable
    restore: Callable | None = None
    most: int = 1_000_000


def in_turns(timed, plan, settle=0.0):
    """The median seconds a call of each of {name: Timed}.

    Everyone has its turn in every round, in an order that rotates, so that a slow spell of the machine hits all alike.

    Args:
        settle: seconds to wait before each turn, where threads of the one before may still spin.
    """
    names = list(timed)
    times = {name: [] for name in names}
    with undisturbed():
        counts = {name: calls_a_turn(timed[name], plan.seconds) for name in names}
        for i in range(plan.rounds):
            first = i % len(names)
            for name in names[first:] + names[:first]:
                time.sleep(settle)
                times[name].append(turn(timed[name], counts[name]))
    return {name: median(values) for name, values in times.items()}


def turn(timed, count):
    """Seconds a call, over `count` calls after one that wakes threads and warms caches."""
    if timed.restore:
        timed.restore()
    run = timed.run
    run()
    start = time.perf_counter()
    for _ in range(count):
        run()
    return (time.perf_counter() - start) / count


def calls_a_turn(timed, seconds):
    """How many calls fill a turn, from 1 to what may run without being restored (less the one that warms up)."""
    turn(timed, 1)
    took = turn(timed, 3)
    return int(min(max(seconds / max(took, 1e-9), 1), timed.most - 1))


@contextlib.contextmanager
def undisturbed():
    """Without NumPy's warnings and without the garbage collector, which would strike one call or the other."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        if enabled:
            gc.enable()


@contextlib.contextmanager
def fastest_blas(timed):
    """Give NumPy's BLAS one thread or all, whichever makes `timed`, a call of NumPy's, faster."""
    if threadpool_limits is None:
        yield
        return
    with undisturbed():
        together = _least(timed)
        with threadpool_limits(1, user_api="blas"):
            alone = _least(timed)
    with threadpool_limits(1 if alone < together else None, user_api="blas"):
        yield


@contextlib.contextmanager
def fastest_torch(timed):
    """Give PyTorch one thread or all, whichever makes `timed`, a call of its, faster; None: nothing of it is timed."""
    if timed is None:
        yield
        return
    import torch
    everyone = torch.get_num_threads()
    with undisturbed():
        together = _least(timed)
        torch.set_num_threads(1)
        alone = _least(timed)
    torch.set_num_threads(1 if alone < together else everyone)
    try:
        yield
    finally:
        torch.set_num_threads(everyone)


def _least(timed):
    time.sleep(SETTLE)
    count = min(calls_a_turn(timed, 0.005), 1000)
    return min(turn(timed, count) for _ in range(3))
