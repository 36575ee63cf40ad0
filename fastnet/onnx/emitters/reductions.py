"""Sums, means, extremes, norms, running sums, and orders along dimensions."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet.graph.dimension import is_open
from fastnet.onnx.emitting import emits

if TYPE_CHECKING:
    from fastnet.graph import Value
    from fastnet.onnx.writer import Writer

__all__: list[str] = []


def _axes_of(x: Value, dim: Any) -> list[int]:
    """The dimensions that `dim` names: an integer, a tuple, or None or () for all."""
    n = len(x.shape)
    dims = range(n) if dim is None or dim == () else (dim,) if isinstance(dim, int) else dim
    return sorted(d % n for d in dims) if n else []


@emits("sum", "mean", "prod")
def total(w: Writer, x: Value, dim: Any, keepdim: bool, dtype: Any) -> str:
    """Sums, means and products, in the dtype of the result."""
    operator = {"sum": "ReduceSum", "mean": "ReduceMean", "prod": "ReduceProd"}[w.node.operation]
    return w.reduce(operator, w.cast(x, w.output.dtype), _axes_of(x, dim), keepdim)


@emits("var", "std")
def variance(w: Writer, x: Value, dim: Any, keepdim: bool, ddof: float) -> str:
    """The variance, or its root."""
    axes = _axes_of(x, dim)
    sizes = [x.shape[d] for d in axes]
    if is_open(sizes) and ddof > 1:
        raise w.refuse("a correction of more than 1 needs a fixed size of the dimensions that it reduces")
    centred = w.add("Sub", x, w.reduce("ReduceMean", x, axes, keepdims=True))
    squares = w.reduce("ReduceSum", w.add("Mul", centred, centred), axes, keepdim)
    if is_open(sizes):                  # of one element, it is 0 / 0, which is NaN
        lengths = w.add("Gather", w.add("Shape", x), w.constant(np.array(axes)), axis=0)
        divisor = w.add("Sub", w.to(w.reduce("ReduceProd", lengths, [0]), x.dtype), w.scalar(ddof, x.dtype))
    else:
        count = math.prod(sizes)
        divisor = w.scalar(count - ddof if count > ddof else math.nan, x.dtype)
    result = w.add("Div", squares, divisor)
    return w.add("Sqrt", result) if w.node.operation == "std" else result


@emits("any", "all")
def truth(w: Writer, x: Value, dim: Any, keepdim: bool) -> str:
    """Whether any element is true, or all are."""
    numbers = w.to(w.cast(x, dtypes.bool_), dtypes.int32)
    return w.to(w.reduce("ReduceMax" if w.node.operation == "any" else "ReduceMin", numbers, _axes_of(x, dim), keepdim),
                dtypes.bool_)


@emits("extreme")
def extreme(w: Writer, x: Value, kernel: str, dim: Any, keepdim: bool) -> str:
    """The largest or smallest element."""
    operator = "ReduceMax" if kernel == "amax" else "ReduceMin"
    if x.dtype.kind == "b":
        return w.to(w.reduce(operator, w.to(x, dtypes.int32), _axes_of(x, dim), keepdim), x.dtype)
    return w.reduce(operator, x, _axes_of(x, dim), keepdim)


@emits("index_of_extreme")
def index_of_extreme(w: Writer, x: Value, kernel: str, dim: int | None, keepdim: bool) -> str:
    """The place of the largest or smallest element."""
    operator = "ArgMax" if kernel == "argmax" else "ArgMin"
    name = w.cast(x, dtypes.int32) if x.dtype.kind == "b" else w.name(x)
    if dim is not None and x.shape:
        return w.add(operator, name, axis=dim % len(x.shape), keepdims=int(keepdim))
    found = w.add(operator, w.reshape(name, [-1]), axis=0, keepdims=0)
    return w.reshape(found, [1] * len(x.shape)) if keepdim else found


@emits("log_sum")
def log_sum(w: Writer, x: Value, dim: Any, keepdim: bool) -> str:
    """log(sum(exp(x)))."""
    return w.reduce("ReduceLogSumExp", x, _axes_of(x, dim), keepdim)


@emits("euclidean")
def euclidean(w: Writer, x: Value, dim: Any, keepdim: bool) -> str:
    """The root of the sum of squares."""
    return w.reduce("ReduceL2", x, _axes_of(x, dim), keepdim) if x.shape else w.add("Abs", x)


@emits("p_norm")
def p_norm(w: Writer, x: Value, p: float, dim: Any, keepdim: bool) -> str:
    """sum(|x|^p)^(1/p)."""
    powers = w.add("Pow", w.add("Abs", x), w.scalar(p, x.dtype))
    return w.add("Pow", w.reduce("ReduceSum", powers, _axes_of(x, dim), keepdim), w.scalar(1 / p, x.dtype))


@emits("cumsum")
def cumsum(w: Writer, x: Value, dim: int, dtype: Any) -> str:
    """Running sums."""
    return w.add("CumSum", w.cast(x, w.output.dtype), w.constant(np.array(dim % max(len(x.shape), 1))))


@emits("row_order")
def row_order(w: Writer, x: Value, kernel: str, dim: int, count: int, attributes: tuple[Any, ...]) -> str:
    """The places of the largest or smallest elements in order, or of the k-th smallest."""
    largest = kernel != "kth" and bool(attributes and attributes[0])
    number = attributes[0] + 1 if kernel == "kth" else count
    _, places = w.add_several("TopK", 2, x, w.ints([number]), axis=dim, largest=int(largest), sorted=1)
    return w.slice(places, dim, number - 1, number) if kernel == "kth" else places


@emits("cumprod", "logcumsumexp")
def running(w: Writer, x: Value, dim: int, dtype: Any = None) -> str:
    """Running products, or logarithms of sums: reductions of all entries up to each one."""
    axis = dim % max(len(x.shape), 1)
    if not x.shape or is_open(x.shape[axis]):
        raise w.refuse("running products and logarithms of sums need a fixed size of their dimension")
    n, behind = x.shape[axis], len(x.shape) - axis - 1
    until = np.tri(n, dtype=bool).reshape(n, n, *[1] * behind)
    operator, neutral = ("ReduceProd", 1) if w.node.operation == "cumprod" else ("ReduceLogSumExp", -np.inf)
    entries = w.unsqueeze(w.cast(x, w.output.dtype), axis)
    return w.reduce(operator, w.add("Where", w.constant(until), entries, w.scalar(neutral, w.output.dtype)), [axis + 1])


@emits("searched")
def searched(w: Writer, x: Value, values: Value, dtype: Any, right: bool) -> str:
    """The places of numbers in sorted ones: how many of these are smaller."""
    common = w.common_dtype(x, values)
    numbers = w.unsqueeze(w.cast(values, common), len(values.shape))
    entries = w.cast(x, common) if len(x.shape) == 1 else w.unsqueeze(w.cast(x, common), len(x.shape) - 1)
    smaller = w.add("LessOrEqual" if right else "Less", entries, numbers)
    return w.to(w.reduce("ReduceSum", w.to(smaller, dtypes.int64), [len(values.shape)]), dtype)
