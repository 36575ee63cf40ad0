"""Functions whose results no guard can predict: clocks, files, random generators."""
from __future__ import annotations

import builtins
import datetime
import os
import pickle
import random
import time
from typing import Any

import numpy as np

SYSTEM_RANDOM = os.urandom
FUNCTIONS = (SYSTEM_RANDOM, builtins.open, builtins.input, datetime.datetime.now, datetime.datetime.utcnow,
             datetime.date.today, datetime.datetime.today,
             *(getattr(time, name) for name in ("time", "time_ns", "perf_counter", "perf_counter_ns", "monotonic",
                                                "monotonic_ns", "process_time", "localtime", "gmtime")))
GENERATORS = (random.Random, np.random.RandomState, np.random.Generator, np.random.BitGenerator)


def generator_state(generator: Any) -> bytes:
    """The state of a random generator, to be compared with its later state.

    Args:
        generator: one of `GENERATORS`.
    """
    if isinstance(generator, random.SystemRandom):
        return b""                              # no state: its draws call SYSTEM_RANDOM
    return pickle.dumps(_generator_state(generator))


def _generator_state(generator):
    if isinstance(generator, random.Random):
        return generator.getstate()
    if isinstance(generator, np.random.RandomState):
        return generator.get_state(legacy=False)
    return getattr(generator, "bit_generator", generator).state
