"""Reductions over axes, the positions of extremes, and running sums."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import fastnet
from fastnet import Tensor
from fastnet.onnx.registry import Node, operator

Axes = tuple[int, ...]
Reduce = Callable[[Tensor, Axes, bool], Tensor]


def axes_of(node: Node, x: Any, axes: Any) -> Axes:
    """The axes that a node reduces, which are an attribute in old versions and an input in new ones; all if none is
    given, unless `noop_with_empty_axes` says none.

    Args:
        node: of a reduction.
        x: its first input.
        axes: its second input, or None.
    """
    given = node.attribute("axes") if axes is None else axes
    if given is None or len(given) == 0:
        return () if node.attribute("noop_with_empty_axes", 0) else tuple(range(x.ndim))
    found = tuple(sorted({int(axis) % x.ndim if -x.ndim <= axis < x.ndim else int(axis) for axis in np.ravel(given)}))
    if not all(0 <= axis < x.ndim for axis in found):
        raise ValueError(f"expected axes of an input with {x.ndim} dimensions, got {tuple(np.ravel(given).tolist())}")
    return found


def define_reduction(name: str, function: Reduce, empty: Callable[[np.dtype[Any]], Any]) -> None:
    """Register a reduction.

    Args:
        name: of the operator.
        function: computes it over at least one axis.
        empty: the result over no elements, for a dtype.
    """
    @operator(name, known=("axes",))
    def compute(node: Node, x: Any, axes: Any = None) -> Any:
        reduced, keep = axes_of(node, x, axes), bool(node.attribute("keepdims", 1))
        if not reduced:
            x, reduced, keep = x.unsqueeze(0), (0,), False
        if not x.numel() and any(x.shape[axis] == 0 for axis in reduced):
            shape = [1 if axis in reduced else n for axis, n in enumerate(x.shape) if keep or axis not in reduced]
            return fastnet.full(tuple(shape), empty(x.dtype), dtype=x.dtype)
        result = function(x, reduced, keep)
        return result if result.dtype == x.dtype else result.to(x.dtype)


def product(x: Tensor, axes: Axes, keep: bool) -> Tensor:
    """The product over axes.

    Args:
        x: any shape.
        axes: in ascending order.
        keep: keep them with length 1.
    """
    for axis in reversed(axes):
        x = fastnet.prod(x, axis, keep)
    return x


def extreme(of_numbers: Reduce, of_bools: Reduce) -> Reduce:
    """A maximum or minimum, which is any or all of bools."""
    def reduce(x: Tensor, axes: Axes, keep: bool) -> Tensor:
        return of_bools(x, axes, keep) if x.dtype.kind == "b" else of_numbers(x, axes, keep)
    return reduce


def floating(x: Tensor) -> Tensor:
    """x in a floating-point dtype."""
    return x if x.dtype.kind == "f" else x.to(np.dtype(np.float64))


def limit(dtype: np.dtype[Any], sign: int) -> Any:
    """The greatest value of a dtype, or the least if the sign is negative; bools count as numbers."""
    if dtype.kind == "f":
        return sign * float("inf")
    if dtype.kind == "b":
        return sign > 0
    return int(np.iinfo(dtype).max if sign > 0 else np.iinfo(dtype).min)


def zero(dtype: np.dtype[Any]) -> int:
    """0, in any dtype."""
    return 0


define_reduction("ReduceSum", fastnet.sum, zero)
define_reduction("ReduceMean", lambda x, axes, keep: fastnet.mean(floating(x), axes, keep), lambda dtype: float("nan"))
define_reduction("ReduceProd", product, lambda dtype: 1)
define_reduction("ReduceMax", extreme(fastnet.amax, fastnet.any), lambda dtype: limit(dtype, -1))
define_reduction("ReduceMin", extreme(fastnet.amin, fastnet.all), lambda dtype: limit(dtype, 1))
define_reduction("ReduceL1", lambda x, axes, keep: fastnet.sum(fastnet.abs(x), axes, keep), zero)
define_reduction("ReduceL2", lambda x, axes, keep: fastnet.sqrt(fastnet.sum(fastnet.square(floating(x)), axes, keep)),
                 zero)
define_reduction("ReduceSumSquare", lambda x, axes, keep: fastnet.sum(fastnet.square(x), axes, keep), zero)
define_reduction("ReduceLogSum", lambda x, axes, keep: fastnet.log(floating(fastnet.sum(x, axes, keep))),
                 lambda dtype: limit(dtype, -1))
define_reduction("ReduceLogSumExp", lambda x, axes, keep: fastnet.logsumexp(floating(x), axes, keep),
                 lambda dtype: limit(dtype, -1))


# ---- positions of extremes -------------------------------------------------------------------------------------------

def define_position(name: str, function: Callable[..., Tensor]) -> None:
    """Register an operator that finds the position of an extreme along an axis.

    Args:
        name: of the operator.
        function: gives the first of equal extremes.
    """
    @operator(name)
    def compute(node: Node, x: Tensor) -> Tensor:
        axis, keep = node.attribute("axis", 0), bool(node.attribute("keepdims", 1))
        if not node.attribute("select_last_index", 0):
            return function(x, axis, keep)
        return x.shape[axis] - 1 - function(fastnet.flip(x, (axis,)), axis, keep)


define_position("ArgMax", fastnet.argmax)
define_position("ArgMin", fastnet.argmin)


# ---- running sums and products ---------------------------------------------------------------------------------------

def define_running(name: str, function: Callable[..., Tensor], start: int) -> None:
    """Register a running sum or product.

    Args:
        name: of the operator.
        function: computes it along a dimension.
        start: the result over no elements.
    """
    @operator(name, known=("axis",))
    def compute(node: Node, x: Tensor, axis: Any) -> Tensor:
        dim, dtype = int(axis.item()), x.dtype
        if node.attribute("reverse", 0):
            x = fastnet.flip(x, (dim,))
        if node.attribute("exclusive", 0) and x.shape[dim]:
            first = fastnet.full_like(fastnet.narrow(x, dim, 0, 1), start)
            x = fastnet.cat([first, fastnet.narrow(x, dim, 0, x.shape[dim] - 1)], dim)
        x = function(x, dim).to(dtype)
        return fastnet.flip(x, (dim,)) if node.attribute("reverse", 0) else x


define_running("CumSum", fastnet.cumsum, 0)
define_running("CumProd", fastnet.cumprod, 1)
