"""A line search that finds a step with the strong Wolfe conditions."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["Point", "strong_wolfe"]

_DECREASE, _CURVATURE, _MOST = 1e-4, 0.9, 25       # c1 and c2 of the conditions, and the number of evaluations


class Point(NamedTuple):
    """A point on the line: its place, the loss, the gradient and the slope along the line.

    Example:
        >>> Point(0.0, 1.0, None, -1.0).slope
        -1.0
    """

    t: float
    loss: float
    gradient: Array
    slope: float


def _cubic_minimum(a: Point, b: Point, low: float | None = None, high: float | None = None) -> float:
    """The minimum of the cubic through two points with their slopes, limited to [low, high]."""
    limits = (min(a.t, b.t), max(a.t, b.t)) if low is None or high is None else (low, high)
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 ** 2 - a.slope * b.slope
    if not square >= 0:
        return (limits[0] + limits[1]) / 2
    d2 = math.sqrt(square)
    if a.t <= b.t:
        t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    else:
        t = a.t - (a.t - b.t) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2 * d2))
    return min(max(t, limits[0]), limits[1])


def strong_wolfe(at: Callable[[float], tuple[float, Array]], t: float, loss: float, gradient: Array, slope: float,
                 direction: Array, tolerance_change: float) -> tuple[float, Array, float, int]:
    """A step along a direction that decreases the loss and its slope enough.

    Nocedal and Wright 2006, Numerical Optimization, algorithms 3.5 and 3.6.

    Args:
        at: (loss, gradient) at a step length.
        t: the first length to try.
        loss, gradient, slope: at length 0.
        direction: the direction.
        tolerance_change: stop where the bracket is shorter.

    Returns:
        (loss, gradient, length, number of evaluations)
    """
    start = Point(0.0, loss, gradient, slope)
    calls = 0

    def tried(length: float) -> Point:
        nonlocal calls
        calls += 1
        value, g = at(length)
        return Point(length, value, g.copy(), float(g @ direction))

    def too_high(point: Point) -> bool:
        return point.loss > loss + _DECREASE * point.t * slope

    def flat(point: Point) -> bool:
        return abs(point.slope) <= -_CURVATURE * slope
    before, point, rounds = start, tried(t), 0
    bracket: list[Point] | None = None
    while rounds < _MOST:
        if too_high(point) or (rounds > 1 and point.loss >= before.loss):
            bracket = [before, point]
            break
        if flat(point):
            return point.loss, point.gradient, point.t, calls
        if point.slope >= 0:
            bracket = [before, point]
            break
        t = _cubic_minimum(before, point, point.t + 0.01 * (point.t - before.t), point.t * 10)
        before, point = point, tried(t)
        rounds += 1
    if bracket is None:
        bracket = [start, point]
    best = _narrowed(bracket, rounds, tried, too_high, flat, float(np.abs(direction).max()) or 1.0, tolerance_change)
    return best.loss, best.gradient, best.t, calls


def _narrowed(bracket: list[Point], rounds: int, tried: Callable[[float], Point], too_high: Callable[[Point], bool],
              flat: Callable[[Point], bool], largest: float, tolerance_change: float) -> Point:
    """Narrow a bracket that holds a step with the conditions; returns the best point."""
    low, high = (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)
    stalled = False
    while rounds < _MOST:
        width = abs(bracket[1].t - bracket[0].t)
        if width * largest < tolerance_change:
            break
        t = _cubic_minimum(bracket[0], bracket[1])
        left, right = min(bracket[0].t, bracket[1].t), max(bracket[0].t, bracket[1].t)
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:           # close to an end
            if stalled or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                stalled = False
            else:
                stalled = True
        else:
            stalled = False
        point = tried(t)
        rounds += 1
        if too_high(point) or point.loss >= bracket[low].loss:
            bracket[high] = point
            low, high = (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)
            continue
        if flat(point):
            bracket[low] = point
            break
        if point.slope * (bracket[high].t - bracket[low].t) >= 0:
            bracket[high] = bracket[low]
        bracket[low] = point
    return bracket[low]
