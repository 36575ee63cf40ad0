"""Median times, taken in turns."""
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
    """The median seconds a call of each of {name: Timed}; `settle` as for `rounds`."""
    return {name: median(times) for name, times in every_turn(timed, plan, settle).items()}


def every_turn(timed, plan, settle=0.0):
    """The seconds a call of each of {name: Timed} in each of its turns."""
    with undisturbed():
        turns = {name: partial(turn, t, calls_a_turn(t, plan.seconds)) for name, t in timed.items()}
        return rounds(turns, plan.rounds, settle)


def rounds(turns, count, settle=0.0):
    """What each of {name: function} returns in `count` rounds, as {name: list}.

    Everyone has its turn in every round, in an order that rotates, so that a slow spell of the machine hits all alike.

    Args:
        settle: seconds to wait before each turn, where threads of the one before may still spin.
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
        together = least(timed)
        with threadpool_limits(1, user_api="blas"):
            alone = least(timed)
    with threadpool_limits(1 if alone < together else None, user_api="blas"):
        yield


def least(timed):
    """The least seconds a call of a few short turns."""
    time.sleep(SETTLE)
    count = min(calls_a_turn(timed, 0.005), 1000)
    return min(turn(timed, count) for _ in range(3))


def busy():
    """A line that says so if the machine has other work; else empty."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0
    return f"The machine is at other work (load {load:.1f}): close it, or believe no ratio.\n" if load > 0.7 else ""
