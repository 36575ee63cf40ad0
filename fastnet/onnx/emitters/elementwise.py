"""Arithmetic, functions of one number, comparisons, conditions, and conversions."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet.onnx.emitting import emits

if TYPE_CHECKING:
    from fastnet._core.annotations import DType
    from fastnet.graph import Value
    from fastnet.onnx.writer import Size, Writer

__all__: list[str] = []

# ---- arithmetic ------------------------------------------------------------------------------------------------------

_ARITHMETIC = {"add": "Add", "add_into": "Add", "plus": "Add", "sub": "Sub", "sub_into": "Sub", "mul": "Mul",
               "div": "Div", "pow": "Pow"}


@emits(*_ARITHMETIC)
def arithmetic(w: Writer, x: Any, y: Any) -> str:
    """Two operands, converted to the dtype of the result."""
    if w.output.dtype.kind == "b":                              # of bools, + is "or" and * is "and"
        return w.add("Or" if "add" in w.node.operation else "And", w.cast(x, dtypes.bool_), w.cast(y, dtypes.bool_))
    return w.add(_ARITHMETIC[w.node.operation], w.cast(x, w.output.dtype), w.cast(y, w.output.dtype))


@emits("add_multiple", "sub_multiple")
def add_multiple(w: Writer, x: Any, y: Any, factor: float) -> str:
    """x + factor * y, or x - factor * y."""
    dtype = w.output.dtype
    product = w.add("Mul", w.cast(y, dtype), w.scalar(factor, dtype))
    return w.add("Add" if w.node.operation == "add_multiple" else "Sub", w.cast(x, dtype), product)


@emits("floor_divide", "trunc_divide", "remainder", "fmod")
def integer_quotient(w: Writer, x: Any, y: Any) -> str:
    """Quotients that are integers, and remainders. ONNX divides integers towards 0, and Mod has the divisor's sign."""
    dtype, operation = w.output.dtype, w.node.operation
    x, y = w.cast(x, dtype), w.cast(y, dtype)
    if operation == "fmod":
        return w.add("Mod", x, y, fmod=1)
    if dtype.kind != "f":
        if operation == "trunc_divide":
            return w.add("Div", x, y)
        rest = w.add("Mod", x, y)
        return rest if operation == "remainder" else w.add("Div", w.add("Sub", x, rest), y)
    quotient = w.add("Div", x, y)
    if operation == "trunc_divide":
        return _truncated(w, quotient)
    floor = w.add("Floor", quotient)
    return floor if operation == "floor_divide" else w.add("Sub", x, w.add("Mul", y, floor))


def _truncated(w: Writer, x: Any) -> str:
    return w.add("Mul", w.add("Sign", x), w.add("Floor", w.add("Abs", x)))


@emits("maximum", "minimum")
def extreme_of_two(w: Writer, x: Any, y: Any) -> str:
    """The larger or smaller of two."""
    dtype = w.output.dtype
    return w.add("Max" if w.node.operation == "maximum" else "Min", w.cast(x, dtype), w.cast(y, dtype))


# ---- functions of one number -----------------------------------------------------------------------------------------

_FUNCTIONS_OF_ONE = {
    "abs": "Abs", "acos": "Acos", "acosh": "Acosh", "asin": "Asin", "asinh": "Asinh", "atan": "Atan", "atanh": "Atanh",
    "ceil": "Ceil", "cos": "Cos", "cosh": "Cosh", "erf": "Erf", "exp": "Exp", "floor": "Floor", "log": "Log",
    "neg": "Neg", "reciprocal": "Reciprocal", "round": "Round", "sign": "Sign", "sin": "Sin", "sinh": "Sinh",
    "sqrt": "Sqrt", "tan": "Tan", "relu": "Relu", "relu_into": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}
_FOR_FLOATS = frozenset(("Ceil", "Floor", "Round"))             # of integers, the identity


@emits(*_FUNCTIONS_OF_ONE)
def function_of_one(w: Writer, x: Value) -> str:
    """Functions that ONNX has, too."""
    operator = _FUNCTIONS_OF_ONE[w.node.operation]
    if operator in _FOR_FLOATS and w.output.dtype.kind != "f":
        return w.name(x)
    return w.add(operator, w.cast(x, w.output.dtype))


@emits("square")
def square(w: Writer, x: Value) -> str:
    """x * x."""
    name = w.cast(x, w.output.dtype)
    return w.add("Mul", name, name)


@emits("trunc")
def trunc(w: Writer, x: Value) -> str:
    """x without its fraction."""
    return _truncated(w, x) if x.dtype.kind == "f" else w.name(x)


@emits("expm1", "log1p", "log2", "log10", "rsqrt")
def composed_function(w: Writer, x: Value) -> str:
    """Functions that ONNX has not."""
    operation, dtype = w.node.operation, w.output.dtype
    name, one = w.cast(x, dtype), w.scalar(1, dtype)
    if operation == "expm1":
        return w.add("Sub", w.add("Exp", name), one)
    if operation == "log1p":
        return w.add("Log", w.add("Add", name, one))
    if operation == "rsqrt":
        return w.add("Reciprocal", w.add("Sqrt", name))
    return w.add("Mul", w.add("Log", name), w.scalar(1 / math.log(2 if operation == "log2" else 10), dtype))


@emits("root")
def root(w: Writer, x: Value) -> str:
    """The square root of max(x, 0)."""
    return w.add("Sqrt", w.add("Relu", x))


@emits("zeroed")
def zeroed(w: Writer, x: Value) -> str:
    """Zeros in the shape of x."""
    return w.add("Expand", w.scalar(0, x.dtype), w.ints(x.shape))


@emits("isnan", "isinf", "isfinite")
def value_test(w: Writer, x: Value) -> str:
    """Tests for NaN and infinity."""
    name = w.cast(x, dtypes.float_of(x.dtype))
    if w.node.operation == "isnan":
        return w.add("IsNaN", name)
    infinite = w.add("IsInf", name)
    if w.node.operation == "isinf":
        return infinite
    return w.add("Not", w.add("Or", w.add("IsNaN", name), infinite))


# ---- comparisons and logic -------------------------------------------------------------------------------------------

_COMPARISONS = {"eq": "Equal", "ne": "Equal", "lt": "Less", "le": "LessOrEqual", "gt": "Greater",
                "ge": "GreaterOrEqual"}


@emits(*_COMPARISONS)
def comparison(w: Writer, x: Any, y: Any) -> str:
    """Comparisons of two operands of one dtype; bools are ordered as integers."""
    dtype = w.common_dtype(x, y)
    if dtype.kind == "b" and w.node.operation not in ("eq", "ne"):
        dtype = dtypes.int32
    result = w.add(_COMPARISONS[w.node.operation], w.cast(x, dtype), w.cast(y, dtype))
    return w.add("Not", result) if w.node.operation == "ne" else result


_LOGIC = {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor", "bitwise_and": "And", "bitwise_or": "Or",
          "bitwise_xor": "Xor"}


@emits(*_LOGIC)
def logic(w: Writer, x: Any, y: Any) -> str:
    """Logical operations; bitwise ones of integers are operators since opset 18."""
    if w.node.operation.startswith("bitwise") and w.output.dtype.kind != "b":
        if w.opset < 18:
            raise w.refuse("bitwise operations on integers need opset_version 18")
        return w.add("Bitwise" + _LOGIC[w.node.operation], w.cast(x, w.output.dtype), w.cast(y, w.output.dtype))
    return w.add(_LOGIC[w.node.operation], w.cast(x, dtypes.bool_), w.cast(y, dtypes.bool_))


@emits("logical_not", "bitwise_not")
def negation(w: Writer, x: Value) -> str:
    """The negation of bools, or the complement of integers."""
    if w.node.operation == "bitwise_not" and x.dtype.kind != "b":
        if w.opset < 18:
            raise w.refuse("bitwise operations on integers need opset_version 18")
        return w.add("BitwiseNot", x)
    return w.add("Not", w.cast(x, dtypes.bool_))


@emits("where")
def where(w: Writer, condition: Value, x: Any, y: Any) -> str:
    """x where the condition is true, else y."""
    dtype = w.output.dtype
    return w.add("Where", w.cast(condition, dtypes.bool_), w.cast(x, dtype), w.cast(y, dtype))


@emits("clamp", "hardtanh", "hardtanh_into")
def clamp(w: Writer, x: Value, low: float, high: float) -> str:
    """min(max(x, low), high). An infinite limit is left out."""
    limits = [None if math.isinf(n) else w.scalar(_limit_in(n, x.dtype), x.dtype) for n in (low, high)]
    return w.add("Clip", x, *limits)


def _limit_in(number: float, dtype: DType) -> Any:
    """A limit in the range of a dtype."""
    if dtype.kind not in "iu":
        return number
    return min(max(int(number), np.iinfo(dtype).min), np.iinfo(dtype).max)


@emits("is_nonzero")
def is_nonzero(w: Writer, x: Value) -> str:
    """1 where x is not 0, else 0."""
    return w.to(w.add("Not", w.add("Equal", x, w.scalar(0, x.dtype))), x.dtype)


# ---- conversions and copies ------------------------------------------------------------------------------------------

@emits("cast")
def cast(w: Writer, x: Value, dtype: DType) -> str:
    """Another dtype."""
    return w.cast(x, dtype)


@emits("clone", "copied", "channels_last")
def copy(w: Writer, x: Value) -> str:
    """Copies, which ONNX does not need."""
    return w.name(x)


@emits("bernoulli", "dropout", "scaled_channels", "normal_around", "draws", "standard_gamma", "drawn_columns")
def random(w: Writer, *arguments: Any) -> str:
    """Random numbers, which would differ from run to run and from fastnet's."""
    raise w.refuse("it draws random numbers; remove it from what the model computes in evaluation mode")


@emits("arange")
def arange(w: Writer, start: int, end: Size, step: int, dtype: DType) -> str:
    """Numbers that forward() counts in the size of an open dimension."""
    limit = w.squeeze(w.ints([end]), 0)
    limit = limit if dtype == dtypes.int64 else w.to(limit, dtype)
    return w.add("Range", w.scalar(start, dtype), limit, w.scalar(step, dtype))
