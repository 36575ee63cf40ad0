"""Operators of ONNX Runtime's own set, com.microsoft, that its optimizer writes into files."""
from __future__ import annotations

import fastnet
import fastnet.nn.functional as F
from fastnet import Tensor
from fastnet.onnx.registry import Node, operator

_DOMAIN = "com.microsoft"


@operator("FusedMatMul", domain=_DOMAIN)
def fused_matmul(node: Node, x: Tensor, y: Tensor) -> Tensor:
    """alpha * x @ y, of which each may be transposed."""
    x = x.transpose(-1, -2) if node.attribute("transA", 0) else x
    y = y.transpose(-1, -2) if node.attribute("transB", 0) else y
    if node.attribute("transBatchA", 0) or node.attribute("transBatchB", 0):
        raise node.refuse("transBatchA and transBatchB")
    alpha, product = node.attribute("alpha", 1.0), fastnet.matmul(x, y)
    return product if alpha == 1 else product * alpha


@operator("Gelu", domain=_DOMAIN)
def gelu(node: Node, x: Tensor) -> Tensor:
    """The exact gelu."""
    return F.gelu(x)


@operator("BiasGelu", domain=_DOMAIN)
def bias_gelu(node: Node, x: Tensor, bias: Tensor) -> Tensor:
    """gelu(x + bias)"""
    return F.gelu(x + bias)


@operator("FastGelu", domain=_DOMAIN)
def fast_gelu(node: Node, x: Tensor, bias: Tensor | None = None) -> Tensor:
    """gelu(x + bias), approximated by tanh."""
    return F.gelu(x if bias is None else x + bias, "tanh")


@operator("QuickGelu", domain=_DOMAIN)
def quick_gelu(node: Node, x: Tensor) -> Tensor:
    """x * sigmoid(alpha * x)"""
    return x * F.sigmoid(x * node.attribute("alpha", 1.702))


@operator("SkipLayerNormalization", domain=_DOMAIN)
def skip_layer_normalization(node: Node, x: Tensor, skip: Tensor, weight: Tensor, bias: Tensor | None = None,
                             added: Tensor | None = None) -> tuple[Tensor | None, ...]:
    """Layer normalization of a sum, and the sum if it is wanted."""
    total = x + skip if added is None else x + skip + added
    normed = F.layer_norm(total, total.shape[-1:], weight, bias, node.attribute("epsilon", 1e-12))
    return (normed, None, None, total) if node.wants(3) else (normed,)
