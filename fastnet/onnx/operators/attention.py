"""Attention and rotary embeddings of ONNX models."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastnet import dtypes
from fastnet.functional.activation import softmax
from fastnet.functional.attention import additive_mask, attend
from fastnet.functional.compare import where
from fastnet.functional.counting import repeat_interleave
from fastnet.functional.creation import arange
from fastnet.functional.joining import cat, stack
from fastnet.functional.linear import matmul
from fastnet.nn import functional as F
from fastnet.onnx.registry import Node, operator
from fastnet.onnx.tensors import dtype_of

if TYPE_CHECKING:
    from fastnet._core.tensor import Tensor

__all__: list[str] = []


@operator("Attention", since=23)
def attention(node: Node, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None,
              past_key: Tensor | None = None, past_value: Tensor | None = None,
              lengths: Tensor | None = None) -> tuple[Any, ...]:
    """softmax(scale * Q @ K.T + mask) @ V for each head; keys and values with those of the cache; the scores."""
    flat = query.ndim == 3
    if flat:
        groups = node.attribute("kv_num_heads")
        query = _split_heads(query, node.attribute("q_num_heads"))
        key, value = _split_heads(key, groups), _split_heads(value, groups)
    offset: Any = 0
    if past_key is not None and past_value is not None:
        offset = past_key.shape[2]
        key, value = cat([past_key, key], 2), cat([past_value, value], 2)
    elif lengths is not None:
        offset = lengths.reshape(-1, 1, 1, 1) - query.shape[2]
    scale = node.attribute("scale") or 1 / math.sqrt(query.shape[3])
    softcap = node.attribute("softcap", 0.0)
    simple = not softcap and not node.wants(3) and not _has_window(node)
    causal = bool(node.attribute("is_causal", 0))
    diagonal = offset if causal and simple and isinstance(offset, int) else None
    bias = _bias(node, query, key, mask, lengths, None if diagonal is not None or not causal else offset, offset)
    if simple:
        y, scores = attend(query, key, value, bias, 0.0, diagonal, scale), None
    else:
        y, scores = _attended(node, query, key, value, bias, scale)
    if flat:
        y = y.transpose(1, 2).reshape(y.shape[0], y.shape[2], -1)
    return (y, key, value, scores)[:max(len(node.outputs), 1)]


def _split_heads(x: Tensor, heads: int) -> Tensor:
    """(B, T, H * D) as (B, H, T, D)."""
    return x.reshape(*x.shape[:2], heads, -1).transpose(1, 2)


def _has_window(node: Node) -> bool:
    return max(node.attribute(f"{side}_window_size", -1) for side in ("left", "right")) >= 0


def _bias(node: Node, query: Tensor, key: Tensor, mask: Tensor | None, lengths: Tensor | None, causal: Any,
          offset: Any) -> Tensor | None:
    """The numbers to add to the scores: the mask, and -inf for keys that a query does not see; None for nothing.

    `offset` is the position of the first query among the keys, `causal` the same if later keys are not seen.
    """
    keys = key.shape[2]
    total = None if mask is None else additive_mask(mask, query)
    if total is not None and total.shape[-1] < keys:
        total = F.pad(total, (0, keys - total.shape[-1]), value=-math.inf)
    for seen in _seen(node, query, keys, lengths, causal, offset):
        part = where(seen, 0.0, -math.inf).to(query.dtype)
        total = part if total is None else total + part
    return total


def _seen(node: Node, query: Tensor, keys: int, lengths: Tensor | None, causal: Any, offset: Any) -> list[Tensor]:
    """Masks that are True for the keys that a query sees."""
    masks = []
    place = arange(query.shape[2]).reshape(-1, 1) + offset
    behind = place - arange(keys)
    if causal is not None:
        masks.append(behind >= 0)
    left, right = (node.attribute(f"{side}_window_size", -1) for side in ("left", "right"))
    if left >= 0:
        masks.append(behind <= left)
    if right >= 0:
        masks.append(behind >= -right)
    if lengths is not None:
        masks.append(arange(keys) < lengths.reshape(-1, 1, 1, 1))
    return masks


def _attended(node: Node, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None,
              scale: float) -> tuple[Tensor, Tensor]:
    """The result, and the scores at the stage that the node asks for."""
    repeats = query.shape[1] // key.shape[1]
    if repeats > 1:
        key, value = (repeat_interleave(x, repeats, 1) for x in (key, value))
    mode, softcap = node.attribute("qk_matmul_output_mode", 0), node.attribute("softcap", 0.0)
    stages = [matmul(query * math.sqrt(scale), key.transpose(2, 3) * math.sqrt(scale))]
    stages.append((stages[0] / softcap).tanh() * softcap if softcap else stages[0])
    stages.append(stages[1] if bias is None else stages[1] + bias)
    precision = node.attribute("softmax_precision", 0)
    last = stages[2].to(dtype_of(precision, "softmax_precision")) if precision else stages[2]
    probabilities = softmax(last, -1).to(query.dtype)
    if bias is not None:
        hidden = bias.amax(-1, keepdim=True) == -math.inf
        probabilities = where(hidden, 0.0, probabilities).to(query.dtype)
    return matmul(probabilities, value), [*stages, probabilities][mode]


@operator("RotaryEmbedding", since=23)
def rotary_embedding(node: Node, x: Tensor, cos: Tensor, sin: Tensor, places: Tensor | None = None) -> Tensor:
    """Pairs of features of each head, rotated by angles that depend on the position."""
    heads = node.attribute("num_heads", 0)
    v = x.transpose(1, 2) if x.ndim == 4 else x.reshape(*x.shape[:2], heads, -1)        # (B, T, H, D)
    width = node.attribute("rotary_embedding_dim", 0) or v.shape[3]
    turned, rest = v[..., :width], v[..., width:]
    if places is not None:
        cos, sin = F.embedding(places.to(dtypes.int64), cos), F.embedding(places.to(dtypes.int64), sin)
    cos, sin = cos.unsqueeze(2), sin.unsqueeze(2)
    if node.attribute("interleaved", 0):
        a, b = turned[..., 0::2], turned[..., 1::2]
    else:
        a, b = turned[..., :width // 2], turned[..., width // 2:]
    real, imaginary = cos * a - sin * b, sin * a + cos * b
    if node.attribute("interleaved", 0):
        out = stack([real, imaginary], -1).reshape(*turned.shape)
    else:
        out = cat([real, imaginary], -1)
    if rest.shape[3]:
        out = cat([out, rest], -1)
    return out.transpose(1, 2) if x.ndim == 4 else out.reshape(*x.shape)
