"""Attention."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet.c_source.loops import broadcast_strides, contiguous_strides
from fastnet.c_source.rules import emitter

if TYPE_CHECKING:
    from fastnet.c_source.program import Code
    from fastnet.graph import Node


@emitter("attention")
def emit_attention(node: Node, code: Code) -> None:
    """Attention of queries, keys and values (B, H, T, D)."""
    given = node.arguments
    q, k, v = given["q"], given["k"], given["v"]
    strides: dict[str, Any] = {name: contiguous_strides(x.shape)[:3] for name, x in (("q", q), ("k", k), ("v", v))}
    strides["y"] = contiguous_strides(code.result.shape)[:3]
    _emit(node, code, {"q": q, "k": k, "v": v}, (0, 0, 0), strides,
          (*q.shape[:2], q.shape[1] // k.shape[1], q.shape[2], k.shape[2], q.shape[3], v.shape[3]))


@emitter("self_attention")
def emit_self_attention(node: Node, code: Code) -> None:
    """Attention of the queries, keys and values in (B, T, 3, H, D); the result is (B, T, H, D)."""
    x = node.arguments["x"]
    batch, length, _, heads, width = x.shape
    part = heads * width
    own = (length * 3 * part, width, 3 * part)
    strides: dict[str, Any] = {"q": own, "k": own, "v": own, "y": (length * part, width, part)}
    _emit(node, code, {"q": x, "k": x, "v": x}, (0, part, 2 * part), strides,
          (batch, heads, 1, length, length, width, width))


def _emit(node: Node, code: Code, operands: dict[str, Any], offsets: tuple[int, int, int],
          strides: dict[str, Any], sizes: tuple[int, ...]) -> None:
    given = node.arguments
    mask, diagonal = given["mask"], given["diagonal"]
    if given["dropout"]:
        raise code.unsupported("has dropout, which has no rule for C")
    batch, heads, groups, queries, keys, width, value_width = sizes
    if mask is not None:
        strides["mask"] = broadcast_strides(mask.shape, (batch, heads, queries, keys))[:3]
    weights = code.scratch(keys)
    shape = code.struct(
        "attention_shape", batch=batch, heads=heads, groups=groups, queries=queries, keys=keys, width=width,
        value_width=value_width, causal=int(diagonal is not None), diagonal=diagonal or 0, scale=float(given["scale"]),
        **strides)
    texts = [f"${name} + {offset}" if offset else f"${name}" for name, offset in zip("qkv", offsets)]
    code.emit(f"attention($y, {', '.join(texts)}, {'NULL' if mask is None else '$mask'}, $weights, &$shape);",
              weights=weights, writes=[weights], shape=shape, **operands, **({} if mask is None else {"mask": mask}))
