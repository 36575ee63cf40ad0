"""Operators on two or more operands, element by element: arithmetic, comparisons, logic and bits."""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

import fastnet
from fastnet.onnx.registry import Node, operator

Binary = Callable[[Any, Any], Any]
_BROADCAST_FREELY = 7           # since this version, operands broadcast as in NumPy


def has_array(*operands: Any) -> bool:
    """Whether an operand is an array, of a dtype that tensors do not have.

    Args:
        operands: tensors and arrays.
    """
    return any(isinstance(x, np.ndarray) for x in operands)


def aligned(node: Node, x: Any, y: Any) -> Any:
    """The second operand in the shape that broadcasts as the attributes `axis` and `broadcast` of old versions say.

    Args:
        node: of the operator.
        x, y: its operands.
    """
    axis = node.attribute("axis")
    if node.opset >= _BROADCAST_FREELY or not node.attribute("broadcast", 0) or axis is None:
        return y
    axis += x.ndim if axis < 0 else 0
    return y.reshape(*y.shape, *(1,) * (x.ndim - axis - y.ndim))


def define_binary(name: str, on_tensors: Binary, on_arrays: Binary) -> None:
    """Register an operator on two operands.

    Args:
        name: of the operator.
        on_tensors: computes it.
        on_arrays: computes it on arrays of a dtype that tensors do not have.
    """
    @operator(name)
    def compute(node: Node, x: Any, y: Any) -> Any:
        y = aligned(node, x, y)
        return np.asarray(on_arrays(x, y)) if has_array(x, y) else on_tensors(x, y)


def quotient(x: Any, y: Any) -> Any:
    """x / y; integers round toward zero.

    Args:
        x, y: tensors.
    """
    return fastnet.div(x, y) if x.dtype.kind == "f" else fastnet.div(x, y, rounding_mode="trunc")


define_binary("Add", fastnet.add, np.add)
define_binary("Sub", fastnet.sub, np.subtract)
define_binary("Mul", fastnet.mul, np.multiply)
define_binary("Div", quotient, np.floor_divide)         # such arrays are unsigned
define_binary("Equal", fastnet.eq, np.equal)
define_binary("Greater", fastnet.gt, np.greater)
define_binary("GreaterOrEqual", fastnet.ge, np.greater_equal)
define_binary("Less", fastnet.lt, np.less)
define_binary("LessOrEqual", fastnet.le, np.less_equal)
define_binary("And", fastnet.logical_and, np.logical_and)
define_binary("Or", fastnet.logical_or, np.logical_or)
define_binary("Xor", fastnet.logical_xor, np.logical_xor)
define_binary("BitwiseAnd", fastnet.bitwise_and, np.bitwise_and)
define_binary("BitwiseOr", fastnet.bitwise_or, np.bitwise_or)
define_binary("BitwiseXor", fastnet.bitwise_xor, np.bitwise_xor)


@operator("BitShift")
def bit_shift(node: Node, x: Any, y: Any) -> Any:
    """x shifted by y bits, to the left or right."""
    left = node.attribute("direction") == "LEFT"
    if has_array(x, y):
        return np.asarray((np.left_shift if left else np.right_shift)(x, y))
    return (fastnet.bitwise_left_shift if left else fastnet.bitwise_right_shift)(x, y)


@operator("Mod")
def mod(node: Node, x: Any, y: Any) -> Any:
    """The remainder of x / y, with the sign of y, or of x if the attribute fmod says so."""
    truncated = node.attribute("fmod", 0)
    if has_array(x, y):
        return np.asarray((np.fmod if truncated else np.mod)(x, y))
    return (fastnet.fmod if truncated else fastnet.remainder)(x, y)


@operator("Pow")
def power(node: Node, x: Any, y: Any) -> Any:
    """x ** y in the dtype of x."""
    y = aligned(node, x, y)
    if has_array(x, y):
        return np.asarray(np.power(np.asarray(x), np.asarray(y))).astype(x.dtype)
    return fastnet.pow(x, y).to(x.dtype)


# ---- any number of operands ------------------------------------------------------------------------------------------

def folded(operands: tuple[Any, ...], on_tensors: Binary, on_arrays: Binary) -> Any:
    """All operands combined in order, two at a time.

    Args:
        operands: at least one.
        on_tensors, on_arrays: see `define_binary`.
    """
    return functools.reduce(on_arrays if has_array(*operands) else on_tensors, operands)


@operator("Sum")
def total(node: Node, *operands: Any) -> Any:
    """The sum of all operands."""
    return folded(operands, fastnet.add, np.add)


@operator("Mean")
def mean(node: Node, *operands: Any) -> Any:
    """The mean of all operands."""
    return folded(operands, fastnet.add, np.add) / len(operands)


@operator("Max")
def greatest(node: Node, *operands: Any) -> Any:
    """The greatest of all operands."""
    return folded(operands, fastnet.maximum, np.maximum)


@operator("Min")
def least(node: Node, *operands: Any) -> Any:
    """The least of all operands."""
    return folded(operands, fastnet.minimum, np.minimum)


@operator("Where")
def where(node: Node, condition: Any, x: Any, y: Any) -> Any:
    """x where the condition holds, else y."""
    if has_array(x, y):
        return np.where(np.asarray(condition), x, y)
    return fastnet.where(condition, x, y)


# ---- limits ----------------------------------------------------------------------------------------------------------

@operator("Clip")
def clip_by_attributes(node: Node, x: Any) -> Any:
    """min(max(x, min), max), with attributes as limits."""
    return clipped(x, node.attribute("min"), node.attribute("max"))


@operator("Clip", since=11, known=("low", "high"))
def clip(node: Node, x: Any, low: Any = None, high: Any = None) -> Any:
    """min(max(x, low), high)"""
    return clipped(x, *(None if limit is None or limit.size == 0 else np.ravel(limit)[0].item()
                        for limit in (low, high)))


def clipped(x: Any, low: Any, high: Any) -> Any:
    """min(max(x, low), high)

    Args:
        x: a tensor, or an array of a dtype that tensors do not have.
        low, high: numbers; None for no limit.
    """
    if low is None and high is None:
        return x
    if isinstance(x, np.ndarray):
        return np.clip(x, low, high)
    return fastnet.clamp(x, low, high)
