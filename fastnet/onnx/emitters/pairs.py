"""Functions of two numbers that ONNX does not have."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastnet.onnx.emitting import emits

if TYPE_CHECKING:
    from fastnet.graph import Value
    from fastnet.onnx.writer import Writer

__all__: list[str] = []


@emits("hypot")
def hypot(w: Writer, x: Value, y: Value) -> str:
    """sqrt(x^2 + y^2)."""
    squares = [w.add("Mul", a, a) for a in (w.cast(x, w.output.dtype), w.cast(y, w.output.dtype))]
    return w.add("Sqrt", w.add("Add", *squares))


@emits("logaddexp")
def logaddexp(w: Writer, x: Value, y: Value) -> str:
    """log(exp(x) + exp(y)): the larger one, and softplus of minus the distance."""
    a, b = w.cast(x, w.output.dtype), w.cast(y, w.output.dtype)
    return w.add("Add", w.add("Max", a, b), w.add("Softplus", w.add("Neg", w.add("Abs", w.add("Sub", a, b)))))


@emits("heaviside")
def heaviside(w: Writer, x: Value, values: Value) -> str:
    """0 below 0, 1 above it, and the given value at 0."""
    dtype = w.output.dtype
    zero = w.scalar(0, x.dtype)
    return w.add("Where", w.add("Equal", x, zero), w.cast(values, dtype), w.to(w.add("Greater", x, zero), dtype))


@emits("signbit")
def signbit(w: Writer, x: Value) -> str:
    """Whether a number is below 0; unlike in fastnet, -0.0 is not."""
    return w.add("Less", x, w.scalar(0, x.dtype))


@emits("copysign")
def copysign(w: Writer, x: Value, y: Any) -> str:
    """|x| with the sign of y."""
    dtype = w.output.dtype
    size = w.add("Abs", w.cast(x, dtype))
    return w.add("Where", w.add("Less", w.cast(y, dtype), w.scalar(0, dtype)), w.add("Neg", size), size)


@emits("atan2")
def atan2(w: Writer, y: Value, x: Value) -> str:
    """The angle of the point (x, y): atan(y / x), half a turn further where x is below 0, and 0 at the origin."""
    dtype = w.output.dtype
    a, b, zero = w.cast(y, dtype), w.cast(x, dtype), w.scalar(0, dtype)
    below = w.add("Less", a, zero)
    half = w.add("Where", below, w.scalar(-math.pi, dtype), w.scalar(math.pi, dtype))
    angle = w.add("Atan", w.add("Div", a, b))
    angle = w.add("Where", w.add("Less", b, zero), w.add("Add", angle, half), angle)
    at_origin = w.add("And", w.add("Equal", a, zero), w.add("Equal", b, zero))
    return w.add("Where", at_origin, zero, angle)
