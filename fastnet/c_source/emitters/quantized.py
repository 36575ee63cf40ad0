"""Operations on quantised numbers, equal to those of `fastnet.functional.quantized` in every bit."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.c_source.constants import float_text
from fastnet.c_source.emitters.arithmetic import emit_elements
from fastnet.c_source.emitters.convolution import conv_shape_of
from fastnet.c_source.emitters.pooling import pool_axes
from fastnet.c_source.program import Constant, count_of
from fastnet.c_source.rules import emitter
from fastnet.functional.quantized import gate_tables, softmax_table
from fastnet.graph import Value

if TYPE_CHECKING:
    from fastnet.c_source.program import Code
    from fastnet.graph import Node


def _require_int8(node: Node, code: Code, *names: str) -> None:
    """Raise unless the result and these arguments are int8."""
    for x in (code.result, *(node.arguments[name] for name in names)):
        if x.dtype != np.int8:
            raise code.unsupported(f"computes with {x.dtype}; it has a rule for int8 only")


def _end_operands(node: Node, code: Code) -> dict[str, Any]:
    """The operands of the end of a sum of products."""
    given = node.arguments
    shift = code.constant(given["shift"].name, code.array(given["shift"]).astype(np.int8))
    end = code.struct("quantized_end", zero_x=given["zero_x"], zero_y=given["zero_out"], low=given["low"],
                      high=given["high"])
    return {"x": given["x"], "weight": given["weight"], "bias": given["bias"], "multiplier": given["multiplier"],
            "shift": shift, "end": end}


@emitter("quantized_linear")
def emit_quantized_linear(node: Node, code: Code) -> None:
    """A linear layer."""
    _require_int8(node, code, "x", "weight")
    x, (outputs, inputs) = node.arguments["x"], node.arguments["weight"].shape
    rows = count_of(x) // max(inputs, 1)
    code.emit(f"quantized_linear($y, $x, $weight, $bias, $multiplier, $shift, {rows}, {inputs}, {outputs}, &$end);",
              **_end_operands(node, code))


@emitter("quantized_conv")
def emit_quantized_conv(node: Node, code: Code) -> None:
    """A convolution."""
    _require_int8(node, code, "x", "weight")
    code.emit("quantized_conv($y, $x, $weight, $bias, $multiplier, $shift, &$shape, &$end);",
              shape=conv_shape_of(node, code), **_end_operands(node, code))


@emitter("quantized_max_pool")
def emit_quantized_max_pool(node: Node, code: Code) -> None:
    """The largest element of each window."""
    _require_int8(node, code, "x")
    code.emit("quantized_max_pool($y, $x, $planes, &$rows, &$columns);", **pool_axes(node, code))


@emitter("quantized_avg_pool")
def emit_quantized_avg_pool(node: Node, code: Code) -> None:
    """The average of each window."""
    _require_int8(node, code, "x")
    zero, padded = node.arguments["zero"], int(node.arguments["count_include_pad"])
    code.emit(f"quantized_avg_pool($y, $x, $planes, &$rows, &$columns, {zero}, {padded});", **pool_axes(node, code))


# ---- element by element ---------------------------------------------------------------------------------------------

@emitter("quantize")
def emit_quantize(node: Node, code: Code) -> None:
    """The integers of numbers."""
    if code.result.dtype != np.int8:
        raise code.unsupported(f"gives {code.result.dtype}; it has a rule for int8 only")
    scale, zero = _one_scale(node, code)
    emit_elements(code, f"quantized({{}}, {float_text(scale)}, {zero})", node.arguments["x"])


@emitter("dequantize")
def emit_dequantize(node: Node, code: Code) -> None:
    """The numbers of integers."""
    scale, zero = _one_scale(node, code)
    emit_elements(code, f"dequantized({{}}, {float_text(scale)}, {zero})", node.arguments["q"])


def _one_scale(node: Node, code: Code) -> tuple[float, int]:
    found = scale_and_zero(node)
    if found is None:
        raise code.unsupported("has a scale for each channel, which has no rule for C")
    return found


def scale_and_zero(node: Node) -> tuple[float, int] | None:
    """The scale and the zero point of a node that quantises or dequantises; None if it has several of them."""
    made = []
    for name in ("scale", "zero_point"):
        x = node.arguments[name]
        numbers = np.ravel(([] if x.data is None else x.data) if isinstance(x, Value) else x)
        if len(numbers) != 1:
            return None
        made.append(numbers[0])
    return float(np.float32(made[0])), int(made[1])


@emitter("requantize", "hidden_of")
def emit_requantize(node: Node, code: Code) -> None:
    """Another scale and zero point."""
    if node.operation == "hidden_of":
        zero, factor, result = 0, node.arguments["factor"], (node.arguments["zero_h"], -128, 127)
    else:
        (zero, *factor), result = node.arguments["source"], node.arguments["result"]
    q = node.inputs[0]
    _require_int8(node, code)
    shown = "{}" if zero == 0 else f"{{}} - {zero}" if zero > 0 else f"{{}} + {-zero}"
    emit_elements(code, f"rescaled({shown}, &$factor)", q, factor=_quantized_factor(code, factor, result))


def _quantized_factor(code: Code, factor: Any, result: Any) -> Constant:
    (multiplier, shift), (zero, low, high) = factor, result
    return code.struct("quantized_factor", multiplier=multiplier, shift=shift, zero=zero, low=low, high=high)


@emitter("quantized_add")
def emit_quantized_add(node: Node, code: Code) -> None:
    """A sum."""
    _require_int8(node, code, "a", "b")
    left, right, result = (node.arguments[name] for name in ("left", "right", "result"))
    names = ("zero_a", "multiplier_a", "shift_a", "zero_b", "multiplier_b", "shift_b", "zero", "multiplier", "shift",
             "low", "high")
    factors = code.struct("sum_factors", **dict(zip(names, (*left, *right, *result))))
    emit_elements(code, "quantized_sum({}, {}, &$factors)", node.arguments["a"], node.arguments["b"], factors=factors)


@emitter("quantized_mul")
def emit_quantized_mul(node: Node, code: Code) -> None:
    """A product."""
    _require_int8(node, code, "a", "b")
    zero_a, zero_b, (zero, multiplier, shift, low, high) = (
        node.arguments[name] for name in ("zero_a", "zero_b", "result"))
    emit_elements(code, f"rescaled(({{}} - ({zero_a})) * ({{}} - ({zero_b})), &$factor)", node.arguments["a"],
                  node.arguments["b"], factor=_quantized_factor(code, (multiplier, shift), (zero, low, high)))


@emitter("quantized_function")
def emit_quantized_function(node: Node, code: Code) -> None:
    """A function by its table."""
    _require_int8(node, code, "q")
    emit_elements(code, "$table[{} + 128]", node.arguments["q"], table=node.arguments["table"])


@emitter("quantized_softmax")
def emit_quantized_softmax(node: Node, code: Code) -> None:
    """Softmax along one dimension."""
    _require_int8(node, code, "q")
    q, dim = node.arguments["q"], node.arguments["dim"] % len(code.result.shape)
    outer, inner = int(np.prod(q.shape[:dim])), int(np.prod(q.shape[dim + 1:]))
    code.emit(f"quantized_softmax($y, $x, $table, {outer}, {q.shape[dim]}, {inner});", x=q, in_place=[q],
              table=code.constant(f"{code.result.name}_table", softmax_table(node.arguments["scale"])))


# ---- recurrent layers -----------------------------------------------------------------------------------------------

@emitter("quantized_layer")
def emit_quantized_layer(node: Node, code: Code) -> None:
    """All steps of a layer. The node's result holds the last state as bytes, then the output; C has two arrays."""
    given = node.arguments
    _require_int8(node, code, "x", "w_ih", "w_hh")
    x, cell = given["x"], given["cell"]
    steps, batch, inputs = x.shape
    units = given["w_hh"].shape[1]
    out = code.scratch((steps * batch * units), np.int8, f"{code.result.name}_output")
    kept = code.scratch(batch * units, np.int16, f"{code.result.name}_state")
    code.alias(code.result, out, -2 * batch * units)
    code.kept_states[out] = kept
    shape = code.struct("integer_layer", steps=steps, batch=batch, inputs=inputs, units=units, zero_x=given["zero_x"],
                        zero_h=given["zero_h"], multiplier=given["result"][0], shift=given["result"][1],
                        fraction=given["fraction"])
    weights = {f"w_{part}": _integer_weight(code, given, part) for part in ("ih", "hh")}
    tables = code.shared("gate_tables", gate_tables)
    operands: dict[str, Any] = {"x": x, "shape": shape, "tables": tables, **weights}
    count, first = batch * units, "NULL"
    if given["h0"] is not None:
        operands["h0"], first = given["h0"], "$h0"
    begin, end = f"for (int32_t i = 0; i < {count}; i++)\n    $kept[i] = 0;\n", ""
    if given["state"] is not None:
        operands["first"] = given["state"]
        begin = f"for (int32_t i = 0; i < {count}; i++)\n    $kept[i] = $first[i];\n"
    elif code.streaming:
        operands["kept"] = code.state(f"{code.result.name}_state", count, np.int16)
        operands["h0"] = code.state(f"{code.result.name}_hidden", count, np.int8, given["zero_h"])
        first, begin = "$h0", ""
        end = f"\nfor (int32_t i = 0; i < {count}; i++)\n    $h0[i] = $y[{(steps - 1) * count} + i];"
    writes = [kept] if operands.setdefault("kept", kept) is kept else []
    code.emit(f"{begin}quantized_{cell}($y, {first}, $kept, $x, &$w_ih, &$w_hh, $tables, &$shape);{end}", y=out,
              writes=writes, **operands)


def _integer_weight(code: Code, given: Any, part: str) -> Constant:
    """A weight with its bias and factors as a structure."""
    shift = code.constant(given[f"s_{part}"].name, code.array(given[f"s_{part}"]).astype(np.int8))
    bias = given[f"b_{part}"]
    return Constant(f"{code.result.name}_{part}", None, "integer_weight", {
        "weight": code.stored(given[f"w_{part}"]), "bias": None if bias is None else code.stored(bias),
        "multiplier": code.stored(given[f"m_{part}"]), "shift": shift})


@emitter("bytes_as_int16")
def emit_last_state(node: Node, code: Code) -> None:
    """The last state of an integer layer."""
    owner, _ = code.owner(node.inputs[0])
    if owner not in code.kept_states:
        raise code.unsupported("is not of a recurrent layer, which has no rule for C")
    if code.streaming:
        raise code.unsupported("gives the last state, which streaming=True keeps itself")
    code.alias(code.result, code.kept_states[owner])
