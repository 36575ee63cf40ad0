"""Operators that carry a state from one part of a sequence to the next."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

import fastnet
from fastnet import Tensor
from fastnet.nn import functional as F
from fastnet.onnx.registry import Node, operator

_FLOAT32 = np.dtype(np.float32)


@operator("CausalConvWithState")
def causal_conv_with_state(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None,
                           past: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """A depthwise convolution (N, C, T) that sees no later steps, and the last steps, which the next part needs."""
    n, channels, _ = x.shape
    before = weight.shape[2] - 1
    past = fastnet.zeros(n, channels, before, dtype=x.dtype) if past is None else past
    padded = fastnet.cat([past, x], 2)
    y = F.conv1d(padded, weight, bias, groups=channels)
    activation = node.attribute("activation", "none")
    if activation not in ("none", "silu", "swish"):
        raise node.refuse(f"the activation {activation!r}")
    return (y if activation == "none" else F.silu(y)), fastnet.narrow(padded, 2, padded.shape[2] - before, before)


def by_head(x: Tensor, heads: int) -> Tensor:
    """(N, T, heads * D) as (N, heads, T, D), in float32.

    Args:
        x: the tensor.
        heads: their number.
    """
    return x.to(_FLOAT32).reshape(x.shape[0], x.shape[1], heads, -1).permute(0, 2, 1, 3)


@operator("LinearAttention")
def linear_attention(node: Node, query: Tensor, key: Tensor, value: Tensor, past: Tensor | None = None,
                     decay: Tensor | None = None, beta: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Attention by a state (N, heads, K, V) to which each step adds the outer product of its key and value.

    The state first decays, and the value is first corrected by what the state gives for the key, if the rule says so.
    """
    heads, groups = node.attribute("q_num_heads"), node.attribute("kv_num_heads")
    rule = node.attribute("update_rule", "gated_delta")
    gated, corrected = rule in ("gated", "gated_delta"), rule in ("delta", "gated_delta")
    if rule not in ("linear", "gated", "delta", "gated_delta"):
        raise node.refuse(f"the rule {rule!r}")
    if gated != (decay is not None) or corrected != (beta is not None):
        raise ValueError(f"the rule {rule!r} does not fit the given inputs decay and beta")
    q, k, v = by_head(query, heads), by_head(key, groups), by_head(value, groups)
    factors = None if decay is None else fastnet.exp(by_head(decay, groups))
    rates = None if beta is None else by_head(beta, beta.shape[-1])
    size, dtype = (*k.shape[:2], k.shape[3], v.shape[3]), query.dtype
    state = fastnet.zeros(size, dtype=_FLOAT32) if past is None else past.to(_FLOAT32)
    outputs: list[Any] = []
    for t in range(q.shape[2]):
        row, new = k[:, :, t].unsqueeze(-2), v[:, :, t].unsqueeze(-2)           # (N, heads, 1, ...)
        if factors is not None:
            state = state * factors[:, :, t].unsqueeze(-1)
        if rates is not None:
            new = rates[:, :, t].unsqueeze(-1) * (new - row @ state)
        state = state + row.transpose(-1, -2) @ new
        read = state if heads == groups else fastnet.repeat_interleave(state, heads // groups, 1)
        outputs.append(q[:, :, t].unsqueeze(-2) @ read)
    scale = node.attribute("scale", 0.0) or 1 / math.sqrt(k.shape[3])
    joined = fastnet.cat(outputs, 2) * scale                                    # (N, heads, T, V)
    y = joined.permute(0, 2, 1, 3).reshape(query.shape[0], query.shape[1], -1)
    return y.to(dtype), state.to(dtype if past is None else past.dtype)
