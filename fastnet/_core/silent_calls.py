"""Calls of NumPy's kernels: without floating-point warnings, and timed where a thread is profiled."""
from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

# thread -> function that takes the name and the seconds of each NumPy kernel
profiled_threads: dict[int, Callable[[str, float], None]] = {}
_quiet_context = contextvars.Context()
_quiet_context.run(np.seterr, all="ignore")


def call_silently(kernel: Callable[..., None], args: Sequence[Any], attrs: Mapping[str, Any]) -> None:
    """Call a NumPy kernel without floating-point warnings: as in the compiled kernels, 1/0 is inf and 0/0 is NaN.

    A context is entered and left in C, so an interrupt cannot leave the caller's NumPy with its warnings off.
    """
    if not profiled_threads or (note := profiled_threads.get(threading.get_ident())) is None:
        _quiet_context.copy().run(kernel, *args, **attrs)
        return
    start = time.perf_counter()
    _quiet_context.copy().run(kernel, *args, **attrs)
    note(kernel.__name__, time.perf_counter() - start)
