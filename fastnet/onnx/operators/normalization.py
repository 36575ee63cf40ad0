"""Normalization and dropout of ONNX models."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet import dtypes
from fastnet.functional.counting import repeat_interleave
from fastnet.functional.creation import ones_like
from fastnet.functional.joining import flip
from fastnet.nn import functional as F
from fastnet.onnx.registry import Node, operator

if TYPE_CHECKING:
    from fastnet._core.tensor import Tensor

__all__: list[str] = []


@operator("BatchNormalization")
def batch_normalization(node: Node, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, var: Tensor) -> Any:
    """Batch normalization: with the running statistics; in training with those of the batch, which update them.

    The mode of the model decides, for a node with the attribute training_mode, too. With that attribute the further
    outputs of a training are the updated statistics as ONNX defines them.
    """
    momentum, eps = node.attribute("momentum", 0.9), node.attribute("epsilon", 1e-5)
    if not node.attribute("spatial", 1) and x.ndim > 2:
        raise node.refuse("spatial=0")
    scale, bias, mean, var = (t if t.dtype == x.dtype else t.to(x.dtype) for t in (scale, bias, mean, var))
    statistics = mean, var
    if node.training and node.attribute("training_mode", 0) and (node.wants(1) or node.wants(2)):
        dims = (0, *range(2, x.ndim))
        statistics = (mean * momentum + x.mean(dims) * (1 - momentum),
                      var * momentum + x.var(dims, correction=0) * (1 - momentum))
    y = F.batch_norm(x, mean, var, scale, bias, node.training, 1 - momentum, eps)
    return (y, *statistics)[:max(len(node.outputs), 1)]


@operator("InstanceNormalization")
def instance_normalization(node: Node, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """Normalization of each channel of each sample."""
    return F.instance_norm(x, None, None, scale, bias, True, 0.0, node.attribute("epsilon", 1e-5))


@operator("GroupNormalization", since=18)
def group_normalization(node: Node, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """Normalization of each group of channels of each sample; before version 21 with one scale for each group."""
    groups = node.attribute("num_groups")
    if scale.shape[0] == groups != x.shape[1]:
        scale, bias = (repeat_interleave(t, x.shape[1] // groups) for t in (scale, bias))
    return F.group_norm(x, groups, scale, bias, node.attribute("epsilon", 1e-5))


@operator("LayerNormalization", since=17)
def layer_normalization(node: Node, x: Tensor, scale: Tensor, bias: Tensor | None = None) -> Any:
    """Normalization over the last dimensions, from `axis` on; with the mean and 1 / standard deviation if wanted."""
    axis, eps = node.attribute("axis", -1) % x.ndim, node.attribute("epsilon", 1e-5)
    shape = x.shape[axis:]
    fits = scale.shape == shape and (bias is None or bias.shape == shape)
    y = F.layer_norm(x, shape, scale if fits else None, bias if fits else None, eps)
    if not fits:
        y = y * scale if bias is None else y * scale + bias
    if not (node.wants(1) or node.wants(2)):
        return y
    dims = tuple(range(axis, x.ndim))
    wide = x.to(dtypes.float32) if x.dtype == dtypes.float16 else x
    return y, wide.mean(dims, keepdim=True), (wide.var(dims, correction=0, keepdim=True) + eps).rsqrt()


@operator("RMSNormalization", since=23)
def rms_normalization(node: Node, x: Tensor, scale: Tensor) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * scale, over the last dimensions, from `axis` on."""
    axis, eps = node.attribute("axis", -1) % x.ndim, node.attribute("epsilon", 1e-5)
    shape = x.shape[axis:]
    if scale.shape == shape:
        return F.rms_norm(x, shape, scale, eps)
    return F.rms_norm(x, shape, None, eps) * scale


@operator("LRN")
def lrn(node: Node, x: Tensor) -> Tensor:
    """Local response normalization. A window of even size has its additional channel after, in PyTorch before."""
    size = node.attribute("size")
    settings = size, node.attribute("alpha", 1e-4), node.attribute("beta", 0.75), node.attribute("bias", 1.0)
    if size % 2:
        return F.local_response_norm(x, *settings)
    return flip(F.local_response_norm(flip(x, (1,)), *settings), (1,))


@operator("LpNormalization")
def lp_normalization(node: Node, x: Tensor) -> Tensor:
    """x / its p-norm along a dimension; a norm of 0 gives 0."""
    axis, p = node.attribute("axis", -1), node.attribute("p", 2)
    norm = x.norm(p, axis, keepdim=True)
    return x / norm.masked_fill(norm == 0, 1.0)


@operator("MeanVarianceNormalization")
def mean_variance_normalization(node: Node, x: Tensor) -> Tensor:
    """(x - mean) / (standard deviation + 1e-9), over `axes`."""
    axes = tuple(node.attribute("axes", (0, 2, 3)))
    mean = x.mean(axes, keepdim=True)
    deviation = x.var(axes, correction=0, keepdim=True).sqrt()
    return (x - mean) / (deviation + 1e-9)


# ---- dropout ---------------------------------------------------------------------------------------------------------

@operator("Dropout")
def dropout_by_attribute(node: Node, x: Tensor) -> Any:
    """Dropout whose ratio is an attribute; active in training."""
    return _dropped(node, x, node.attribute("ratio", 0.5))


@operator("Dropout", since=12, known=("ratio", "training_mode"))
def dropout(node: Node, x: Tensor, ratio: Any = None, training_mode: Any = None) -> Any:
    """Dropout whose ratio is an input. The mode of the model decides whether it is active, not `training_mode`."""
    return _dropped(node, x, 0.5 if ratio is None else float(ratio.item()))


def _dropped(node: Node, x: Tensor, p: float) -> Any:
    active = node.training and p > 0
    if not node.wants(1):
        return F.dropout(x, p) if active else x
    mask = ones_like(x)
    if active:
        mask = F.dropout(mask, p)
        return x * mask, mask != 0
    return x, mask.to(dtypes.bool_ if node.opset >= 10 else x.dtype)
