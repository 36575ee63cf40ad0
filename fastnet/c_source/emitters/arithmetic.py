"""Arithmetic, comparisons and choices of arrays and numbers, which broadcast."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet.c_source.constants import c_type, float_text
from fastnet.c_source.loops import broadcast_strides, collapsed, contiguous_strides, element, loops
from fastnet.c_source.rules import EMITTERS, emitter
from fastnet.graph import Value

if TYPE_CHECKING:
    from fastnet.c_source.program import Code
    from fastnet.graph import Node

__all__ = ["emit_elements"]

_C_OPERATORS = {
    "add": "{} + {}", "add_into": "{} + {}", "sub": "{} - {}", "sub_into": "{} - {}", "mul": "{} * {}",
    "div": "{} / {}", "maximum": "fmaxf({}, {})", "minimum": "fminf({}, {})", "pow": "powf({}, {})",
    "add_multiple": "{} + {} * {}", "sub_multiple": "{} - {} * {}", "eq": "{} == {}", "ne": "{} != {}",
    "lt": "{} < {}", "le": "{} <= {}", "gt": "{} > {}", "ge": "{} >= {}", "logical_and": "{} && {}",
    "logical_or": "{} || {}", "where": "{} ? {} : {}",
}
_BOOLEAN_SUMS = "add", "add_into"
_FLOATS_ONLY = "div", "maximum", "minimum", "pow"


def emit_elements(code: Code, expression: str, *operands: Any, **constants: Any) -> None:
    """Emit a loop over the elements of the result.

    Args:
        code: to add to.
        expression: C with {} for an element of each operand.
        operands: values, which broadcast to the shape of the result, and numbers.
        constants: further operands, as $name in the expression.
    """
    y = code.result
    values: dict[str, Any] = {f"x{i}": x for i, x in enumerate(operands) if isinstance(x, Value)}
    sizes, (to, *strides) = collapsed(y.shape, contiguous_strides(y.shape),
                                      *(broadcast_strides(x.shape, y.shape) for x in values.values()))
    elements = dict(zip(values, (element(f"${name}", own) for name, own in zip(values, strides))))
    texts = [elements.get(f"x{i}") or _number_text(code, x, operands) for i, x in enumerate(operands)]
    in_place = [x for x in values.values() if x.shape == y.shape and x.dtype == y.dtype]
    code.emit(loops(sizes, f"{element('$y', to)} = {expression.format(*texts)};"), in_place=in_place, **values,
              **constants)


def _number_text(code: Code, number: Any, operands: tuple[Any, ...]) -> str:
    """A number as C, of the type of the other operands; a fraction stays one among integers."""
    floating = any(isinstance(x, Value) and x.dtype.kind == "f" for x in (*operands, code.result))
    return float_text(number) if floating or int(number) != number else code.integer(int(number))


def emit_operator(node: Node, code: Code) -> None:
    """An operator of arrays and numbers."""
    operands = list(node.arguments.values())
    if node.operation in _FLOATS_ONLY and any(isinstance(x, Value) and x.dtype.kind != "f" for x in operands):
        raise code.unsupported("has a rule for floating-point numbers only")
    if code.result.dtype.kind == "b" and node.operation in _BOOLEAN_SUMS:
        emit_elements(code, _C_OPERATORS["logical_or"], *operands)
    else:
        emit_elements(code, _C_OPERATORS[node.operation], *operands)


EMITTERS.update(dict.fromkeys(_C_OPERATORS, emit_operator))


@emitter("logical_not")
def emit_not(node: Node, code: Code) -> None:
    """Whether an element is 0."""
    emit_elements(code, "!{}", node.inputs[0])


@emitter("cast")
def emit_cast(node: Node, code: Code) -> None:
    """A conversion of the elements."""
    [x] = node.inputs
    if x.dtype == code.result.dtype:
        code.alias(code.result, x)
    elif code.result.dtype.kind == "b":
        emit_elements(code, "{} != 0", x)
    else:
        emit_elements(code, f"({c_type(code.result.dtype)}){{}}", x)
