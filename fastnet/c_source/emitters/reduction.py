"""Sums, means and extremes over dimensions."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastnet.c_source.constants import c_type, float_text
from fastnet.c_source.loops import collapsed, contiguous_strides, element, loops
from fastnet.c_source.names import INDICES
from fastnet.c_source.rules import emitter

if TYPE_CHECKING:
    from fastnet._core.annotations import Shape
    from fastnet.c_source.program import Code
    from fastnet.graph import Node, Value


def _kept_and_reduced(x: Value, dim: Any) -> tuple[Shape, Shape, Shape, Shape]:
    """The kept and the reduced dimensions of a value: sizes and strides of each, the fewest that reach all elements."""
    ndim = len(x.shape)
    given = dim if isinstance(dim, tuple | list) else () if dim is None else (dim,)
    dims = [d % ndim for d in given] or range(ndim)         # no dimensions stand for all
    strides = contiguous_strides(x.shape)
    parts: list[Any] = []
    for chosen in ([d for d in range(ndim) if d not in dims], sorted(dims)):
        sizes, (own,) = collapsed([x.shape[d] for d in chosen], [strides[d] for d in chosen])
        parts += [sizes, own]
    return tuple(parts)


def _emit_reduced(node: Node, code: Code, start: str, inner: str, end: str) -> None:
    """Emit a loop over the results with a loop over the elements of each in it.

    Args:
        node: the reduction.
        code: to add to.
        start, end: statements before and after the inner loop; {y} is the result, {first} the first element.
        inner: the statement for each element {x}, number {number} in a result's elements.
    """
    x = node.arguments["input"]
    kept, kept_strides, reduced, reduced_strides = _kept_and_reduced(x, node.arguments["dim"])
    depth = len(kept)
    x_element = element("$x", (*kept_strides, *reduced_strides))
    heads = "".join(f"for (int32_t {i} = 0; {i} < {n}; {i}++)\n{'    ' * (d + 1)}"
                    for d, (i, n) in enumerate(zip(INDICES[depth:], reduced)))
    number = element("", (*(0,) * depth, *contiguous_strides(reduced)))[1:-1]
    words = {"y": element("$y", contiguous_strides(kept)), "first": element("$x", kept_strides), "x": x_element,
             "number": number}
    body = "\n".join(["{", *("    " + line for part in (start, heads + inner, end)
                             for line in part.format(**words).split("\n")), "}"])
    code.emit(loops(kept, body), x=x)


@emitter("sum")
def emit_sum(node: Node, code: Code) -> None:
    """The sum over dimensions."""
    _emit_total(node, code, "")


@emitter("mean")
def emit_mean(node: Node, code: Code) -> None:
    """The mean over dimensions."""
    x = node.arguments["input"]
    count = math.prod(x.shape) / max(math.prod(code.result.shape), 1)
    _emit_total(node, code, f" / {float_text(count)}")


def _emit_total(node: Node, code: Code, end: str) -> None:
    x = node.arguments["input"]
    if x.dtype.kind != "f":
        _emit_reduced(node, code, "int32_t total = 0;", "total += {x};", "{y} = total;")
        return
    kept, kept_strides, reduced, strides = _kept_and_reduced(x, node.arguments["dim"])
    if len(reduced) <= 1:
        n, step, first = (*reduced, 1)[0], (*strides, 1)[0], element("$x", kept_strides)
        code.emit(loops(kept, f"{element('$y', contiguous_strides(kept))} = sum_of(&{first}, {n}, {step}){end};"),
                  x=x)
    else:
        _emit_reduced(node, code, "float total = 0.0f;", "total += {x};", "{y} = total" + end + ";")


@emitter("extreme")
def emit_extreme(node: Node, code: Code) -> None:
    """The largest or smallest element over dimensions."""
    sign = ">" if node.arguments["kernel"] in ("amax", "max") else "<"
    kind, wins = _winning_comparison(node, sign)
    _emit_reduced(node, code, f"{kind} best = {{first}};", f"best = {wins} ? {{x}} : best;", "{y} = best;")


@emitter("index_of_extreme")
def emit_index_of_extreme(node: Node, code: Code) -> None:
    """The place of the first of the largest or smallest elements over a dimension."""
    sign = ">" if node.arguments["kernel"] == "argmax" else "<"
    kind, wins = _winning_comparison(node, sign)
    _emit_reduced(node, code, f"{kind} best = {{first}};\n{{y}} = 0;",
                  f"if ({wins}) {{{{\n    best = {{x}};\n    {{y}} = {{number}};\n}}}}", "")


def _winning_comparison(node: Node, sign: str) -> tuple[str, str]:
    """(the C type of the elements, whether {x} replaces the best so far): the first NaN does, and stays."""
    kind = c_type(node.arguments["input"].dtype)
    return kind, f"{{x}} {sign} best || ({{x}} != {{x}} && best == best)" if kind == "float" else f"{{x}} {sign} best"
