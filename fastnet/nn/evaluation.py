"""Evaluation mode for the duration of a block, and the time of a call."""
from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from fastnet.nn.module import Module

__all__ = ["evaluating", "median_seconds"]

_TIMED_RUNS, _TIMED_SECONDS = 20, 0.5


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Context in which a model is in evaluation mode; at its end each module has the mode that it had.

    Args:
        model: the model.

    Example:
        >>> from fastnet import nn
        >>> from fastnet.nn.evaluation import evaluating
        >>> model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2).eval())
        >>> with evaluating(model):
        ...     print(model[0].training)
        False
        >>> model[0].training, model[1].training
        (True, False)
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def median_seconds(run: Callable[..., Any], inputs: Sequence[Any]) -> float:
    """The median time of a call, of 20 calls or those of half a second, after two that are not timed.

    Args:
        run: such as a compiled model.
        inputs: its arguments.

    Example:
        >>> from fastnet.nn.evaluation import median_seconds
        >>> 0 < median_seconds(sorted, [[2, 1]]) < 1
        True
    """
    for _ in range(2):
        run(*inputs)
    times: list[float] = []
    for _ in itertools.takewhile(lambda i: i < _TIMED_RUNS and sum(times) < _TIMED_SECONDS, itertools.count()):
        start = time.perf_counter()
        run(*inputs)
        times.append(time.perf_counter() - start)
    return statistics.median(times)
