"""Scaled dot-product attention, as products and a softmax: ONNX has an operator of attention since opset 23 only."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet.graph.dimension import is_open
from fastnet.onnx.emitting import emits

if TYPE_CHECKING:
    from fastnet._core.annotations import DType
    from fastnet.graph import Value
    from fastnet.onnx.writer import Size, Writer

__all__: list[str] = []


@emits("attention")
def attention(w: Writer, q: Value, k: Value, v: Value, mask: Value | None, scale: float, diagonal: int | None,
              dropout: float) -> str:
    """softmax(scale * q @ k.T + mask) @ v of (B, H, T, D)."""
    _refuse_dropout(w, dropout)
    heads = q.shape[1]
    keys = w.transpose(_repeated_heads(w, k, heads), (0, 1, 3, 2))
    return _attention_nodes(w, w.name(q), keys, _repeated_heads(w, v, heads), mask, scale, diagonal, q.shape[2],
                            k.shape[2], q.dtype)


@emits("self_attention")
def self_attention(w: Writer, x: Value, mask: Value | None, scale: float, diagonal: int | None, dropout: float) -> str:
    """Attention of the queries, keys and values in (B, T, 3, H, D); the result is (B, T, H, D)."""
    _refuse_dropout(w, dropout)
    parts = w.transpose(x, (2, 0, 3, 1, 4))                     # (3, B, H, T, D)
    q, k, v = (w.add("Gather", parts, w.constant(np.array(i)), axis=0) for i in range(3))
    length = x.shape[1]
    out = _attention_nodes(w, q, w.transpose(k, (0, 1, 3, 2)), v, mask, scale, diagonal, length, length, x.dtype)
    return w.transpose(out, (0, 2, 1, 3))


@emits("cached_attention")
def cached_attention(w: Writer, *arguments: Any) -> str:
    """Attention to a cache, which is written in place."""
    raise w.refuse("attention with a cache of keys and values cannot be written as ONNX; export forward(), which reads "
                   "the whole sequence")


def _refuse_dropout(w: Writer, dropout: float) -> None:
    if dropout:
        raise w.refuse("attention with dropout draws random numbers; give dropout_p=0 in evaluation mode")


def _repeated_heads(w: Writer, x: Value, heads: int) -> str:
    """(B, G, T, D) with each head of keys repeated for the heads of queries that share it."""
    batch, groups, length, width = x.shape
    if groups == heads:
        return w.name(x)
    shape = (batch, groups, heads // groups, length, width)
    return w.reshape(w.add("Expand", w.unsqueeze(x, 2), w.ints(shape)), (batch, heads, length, width), shape[:1])


def _attention_nodes(w: Writer, q: str, keys: str, v: str, mask: Value | None, scale: float, diagonal: int | None,
                     queries: Size, length: Size, dtype: DType) -> str:
    """softmax(scale * q @ keys + mask) @ v, for keys (B, H, D, T)."""
    scores = w.add("MatMul", w.add("Mul", q, w.scalar(scale, dtype)), keys)
    if mask is not None:
        scores = w.add("Add", scores, mask)
    hidden = None if diagonal is None else _causal_mask(w, queries, length, diagonal, dtype)
    if hidden is not None:
        scores = w.add("Add", scores, hidden)
    weights = w.add("Softmax", scores, axis=3)
    if _leave_out_all(mask, diagonal):                          # 0, not NaN, as in fastnet
        weights = w.add("Where", w.add("IsNaN", weights), w.scalar(0, dtype), weights)
    return w.add("MatMul", weights, v)


def _leave_out_all(mask: Value | None, diagonal: int | None) -> bool:
    """Whether the mask and the causal mask together may leave out all keys of a query."""
    if mask is None:
        return diagonal is not None and diagonal < 0
    left_out = None if mask.data is None else np.isneginf(mask.data)
    return left_out is None or bool((left_out.all(axis=-1) if diagonal is None else left_out).any())


def _causal_mask(w: Writer, queries: Size, length: Size, diagonal: int, dtype: DType) -> str:
    """0 where query i attends to key j <= i + diagonal, else -inf."""
    if not is_open((queries, length)):
        places = np.arange(length) > np.arange(queries)[:, None] + diagonal
        return w.constant(np.where(places, -np.inf, 0).astype(dtype), "causal_mask")
    rows, columns = w.counted(queries), w.counted(length)
    last = w.add("Add", w.unsqueeze(rows, 1), w.scalar(diagonal, dtypes.int64))
    return w.add("Where", w.add("Greater", columns, last), w.scalar(-np.inf, dtype), w.scalar(0, dtype))
