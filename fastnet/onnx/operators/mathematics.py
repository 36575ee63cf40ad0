"""Elementary functions, element by element."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import fastnet
from fastnet import Tensor
from fastnet.onnx.registry import Node, operator


def define_unary(name: str, function: Callable[[Tensor], Tensor]) -> None:
    """Register an operator on one operand without attributes.

    Args:
        name: of the operator.
        function: computes it.
    """
    @operator(name)
    def compute(node: Node, x: Tensor) -> Tensor:
        return function(x)


for _name, _function in (
        ("Acos", fastnet.acos), ("Acosh", fastnet.acosh), ("Asin", fastnet.asin), ("Asinh", fastnet.asinh),
        ("Atan", fastnet.atan), ("Atanh", fastnet.atanh), ("Ceil", fastnet.ceil), ("Cos", fastnet.cos),
        ("Cosh", fastnet.cosh), ("Det", fastnet.linalg.det), ("Erf", fastnet.erf), ("Exp", fastnet.exp),
        ("Floor", fastnet.floor), ("IsNaN", fastnet.isnan), ("Log", fastnet.log), ("Neg", fastnet.neg),
        ("Not", fastnet.logical_not), ("Reciprocal", fastnet.reciprocal), ("Round", fastnet.round),
        ("Sin", fastnet.sin), ("Sinh", fastnet.sinh), ("Sqrt", fastnet.sqrt), ("Tan", fastnet.tan)):
    define_unary(_name, _function)


# arrays have a dtype that tensors do not have

@operator("Abs")
def absolute(node: Node, x: Any) -> Any:
    """|x|"""
    return np.abs(x) if isinstance(x, np.ndarray) else fastnet.abs(x)


@operator("Sign")
def sign(node: Node, x: Any) -> Any:
    """-1, 0 or 1."""
    return np.sign(x) if isinstance(x, np.ndarray) else fastnet.sign(x)


@operator("BitwiseNot")
def bitwise_not(node: Node, x: Any) -> Any:
    """The complement of all bits."""
    return np.bitwise_not(x) if isinstance(x, np.ndarray) else fastnet.bitwise_not(x)


@operator("IsInf")
def is_inf(node: Node, x: Tensor) -> Tensor:
    """Whether an element is infinite, of the signs that the attributes name."""
    negative, positive = node.attribute("detect_negative", 1), node.attribute("detect_positive", 1)
    if negative and positive:
        return fastnet.isinf(x)
    return fastnet.isneginf(x) if negative else fastnet.isposinf(x) if positive else fastnet.zeros_like(x).bool()
