"""Timing of calls that take turns; medians."""
import contextlib
import gc
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy as np

try:
    from threadpoolctl import threadpool_limits
except ImportError:                     # part of the `bench` extra; without it NumPy keeps its default
    threadpool_limits = None

SETTLE = 0.3            # seconds after which idle threads of BLAS and OpenMP have stopped spinning


@dataclass
class Plan:
    """The length of a measurement.

    Args:
        rounds: the number of turns of each call.
        seconds: the length of a turn, which has at least one call.
        settle: seconds to wait before the turn of another process.
    """
    rounds: int = 11
    seconds: float = 0.02
    settle: float = SETTLE


QUICK = Plan(rounds=5, seconds=0.005)


@dataclass
class Timed:
    """A call to time.

    Args:
        run: the call.
        restore: restores the arrays that `run` changes; not timed.
        most: the number of times that `run` may be called before `restore`.
    """
    run: Callable
    restore: Callable | None = None
    most: int = 1_000_000


def in_turns(timed, plan, settle=0.0):
    """The median seconds per call of each of {name: Timed}; `settle` as for `rounds`."""
    return {name: median(times) for name, times in every_turn(timed, plan, settle).items()}


def every_turn(timed, plan, settle=0.0):
    """The seconds per call of each of {name: Timed}, in each of its turns."""
    with undisturbed():
        turns = {name: partial(turn, t, calls_a_turn(t, plan.seconds)) for name, t in timed.items()}
        return rounds(turns, plan.rounds, settle)


def rounds(turns, count, settle=0.0):
    """The results of each of {name: function} in `count` rounds, as {name: list}.

    Each function has a turn in every round, in an order that rotates, so a slow phase of the machine affects all alike.

    Args:
        settle: seconds to wait before each turn, until threads of the previous one have stopped spinning.
    """
    names = list(turns)
    results = {name: [] for name in names}
    for i in range(count):
        first = i % len(names)
        for name in names[first:] + names[:first]:
            time.sleep(settle)
            results[name].append(turns[name]())
    return results


def turn(timed, count):
    """Seconds per call, over `count` calls after one warm-up call."""
    if timed.restore:
        timed.restore()
    run = timed.run
    run()
    start = time.perf_counter()
    for _ in range(count):
        run()
    return (time.perf_counter() - start) / count


def calls_a_turn(timed, seconds):
    """The number of calls that fill a turn: at least 1, and at most `timed.most` with the warm-up call."""
    took = turn(timed, 1)
    if took < seconds:                  # else one call is enough
        took = turn(timed, 3)
    return int(min(max(seconds / max(took, 1e-9), 1), timed.most - 1))


@contextlib.contextmanager
def undisturbed():
    """Switch off NumPy's warnings and the garbage collector, which would interrupt some of the calls."""
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
    """Set NumPy's BLAS to one thread or all, whichever makes `timed` faster."""
    if threadpool_limits is None:
        yield
        return
    with undisturbed():
        together = least(timed)
        with threadpool_limits(1, user_api="blas"):
            alone = least(timed)
    with threadpool_limits(1 if alone < together else None, user_api="blas"):
        yield


def least(timed):
    """The least seconds per call of a few short turns."""
    time.sleep(SETTLE)
    count = min(calls_a_turn(timed, 0.005), 1000)
    return min(turn(timed, count) for _ in range(3))


def busy():
    """A warning line if the machine is busy, else an empty text."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0
    return f"The machine is busy (load {load:.1f}): the times below are not reliable.\n" if load > 0.7 else ""
