"""Functions of one array, element by element."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet.c_source.constants import float_text
from fastnet.c_source.emitters.arithmetic import emit_elements
from fastnet.c_source.rules import EMITTERS, emitter

if TYPE_CHECKING:
    from fastnet.c_source.program import Code
    from fastnet.graph import Node

_EXPRESSIONS = {
    "relu": "relu({})", "relu_into": "relu({})", "sigmoid": "sigmoid({})", "tanh": "tanhf({})", "silu": "silu({})",
    "hardswish": "hardswish({})", "hardsigmoid": "hardsigmoid({})", "selu": "selu({})", "gelu": "gelu({})",
    "gelu_tanh": "gelu_tanh({})", "leaky_relu": "leaky_relu({}, {})", "elu": "elu({}, {})",
    "softplus": "softplus({}, {}, {})", "hardtanh": "clamp({}, {}, {})", "hardtanh_into": "clamp({}, {}, {})",
    "clamp": "clamp({}, {}, {})", "neg": "-{}", "sign": "sign({})", "exp": "expf({})",
    "expm1": "expm1f({})", "log": "logf({})", "log2": "log2f({})", "log10": "log10f({})", "log1p": "log1pf({})",
    "sqrt": "sqrtf({})", "rsqrt": "1.0f / sqrtf({})", "reciprocal": "1.0f / {}", "sin": "sinf({})", "cos": "cosf({})",
    "tan": "tanf({})", "asin": "asinf({})", "acos": "acosf({})", "atan": "atanf({})", "sinh": "sinhf({})",
    "cosh": "coshf({})", "erf": "erff({})", "floor": "floorf({})", "ceil": "ceilf({})", "trunc": "truncf({})",
}


def emit_function(node: Node, code: Code) -> None:
    """A function of one array with numbers as attributes."""
    x, *given = node.arguments.values()
    numbers = [number for entry in given for number in (entry if isinstance(entry, tuple) else (entry,))]
    expression = _EXPRESSIONS[node.operation].format("{}", *map(float_text, numbers))
    emit_elements(code, expression, x)


EMITTERS.update(dict.fromkeys(_EXPRESSIONS, emit_function))


@emitter("abs")
def emit_abs(node: Node, code: Code) -> None:
    """The magnitude."""
    [x] = node.inputs
    if x.dtype.kind == "f":
        emit_elements(code, "fabsf({})", x)
    elif x.dtype.kind == "u":
        code.alias(code.result, x)
    else:
        emit_elements(code, "{} < 0 ? -{} : {}", x, x, x)


@emitter("square")
def emit_square(node: Node, code: Code) -> None:
    """x * x."""
    [x] = node.inputs
    emit_elements(code, "{} * {}", x, x)


@emitter("softmax")
def emit_softmax(node: Node, code: Code) -> None:
    """softmax or log_softmax, along one dimension."""
    x, dim = node.inputs[0], node.arguments["dim"]
    dim %= max(len(x.shape), 1)
    outer, inner = 1, 1
    for i, n in enumerate(x.shape):
        outer, inner = outer * (n if i < dim else 1), inner * (n if i > dim else 1)
    n = x.shape[dim] if x.shape else 1
    code.emit(f"{node.arguments['kernel']}($y, $x, {outer}, {n}, {inner});", x=x, in_place=[x])
