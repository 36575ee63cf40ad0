"""Calls of NumPy's kernels: without floating-point warnings, and told to the meters of the thread."""
from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from fastnet._core.state import state

_quiet_context = contextvars.Context()
_quiet_context.run(np.seterr, all="ignore")


def call_silently(kernel: Callable[..., None], args: Sequence[Any], attrs: Mapping[str, Any]) -> None:
    """Call a NumPy kernel without floating-point warnings: as in the compiled kernels, 1/0 is inf and 0/0 is NaN.

    A context is entered and left in C, so an interrupt cannot leave the caller's NumPy with its warnings off.
    """
    start = time.perf_counter()
    _quiet_context.copy().run(kernel, *args, **attrs)
    for meter in state.meters:
        meter.note_kernel(kernel, args, attrs, time.perf_counter() - start)
