"""The gradients of normalisations as operations on tensors, for `create_graph=True`."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet.functional.padding import pad

if TYPE_CHECKING:
    from fastnet._core.annotations import Shape
    from fastnet._core.tensor import Tensor

__all__ = ["of_batch_norm", "of_group_norm", "of_layer_norm", "of_local_response_norm", "of_rms_norm"]


def _deviations(x: Tensor, dims: Shape, eps: float, centered: bool = True) -> tuple[Tensor, Tensor]:
    """x in standard form over dimensions, and the reciprocal of its deviation."""
    difference = x - x.mean(dims, keepdim=True) if centered else x
    rstd = ((difference * difference).mean(dims, keepdim=True) + eps).rsqrt()
    return difference * rstd, rstd


def _through(h: Tensor, standard: Tensor, rstd: Tensor, dims: Shape, centered: bool = True) -> Tensor:
    """The gradient of x from that of its standard form."""
    rest = h - standard * (h * standard).mean(dims, keepdim=True)
    return rstd * (rest - h.mean(dims, keepdim=True) if centered else rest)


def _weighted_by(h: Tensor, weight: Tensor | None) -> Tensor:
    return h if weight is None else h * weight


def of_layer_norm(g: Tensor, needs: Sequence[bool], rows: Tensor, weight: Tensor | None, mean: Tensor, rstd: Tensor,
                  eps: float) -> list[Any]:
    """The gradients of the input, the weight and the bias of `layer_norm`."""
    h = g.reshape(rows.shape)
    standard, scale = _deviations(rows, (1,), eps)
    return [_through(_weighted_by(h, weight), standard, scale, (1,)).reshape(g.shape), (h * standard).sum(0), h.sum(0)]


def of_rms_norm(g: Tensor, needs: Sequence[bool], rows: Tensor, weight: Tensor | None, rstd: Tensor,
                eps: float) -> list[Any]:
    """The gradients of the input and the weight of `rms_norm`."""
    h = g.reshape(rows.shape)
    standard, scale = _deviations(rows, (1,), eps, centered=False)
    return [_through(_weighted_by(h, weight), standard, scale, (1,), centered=False).reshape(g.shape),
            (h * standard).sum(0)]


def of_batch_norm(g: Tensor, needs: Sequence[bool], rows: Tensor, out: Tensor | None, mean: Tensor, var: Tensor,
                  weight: Tensor | None, bias: Tensor | None, eps: float, training: bool,
                  activation: str) -> list[Any]:
    """The gradients of the arguments of `batch_norm`, with or without residual and ReLU."""
    h = g.movedim(1, -1).reshape(rows.shape)
    if training:
        standard, scale = _deviations(rows, (0,), eps)
    else:
        scale = (var + eps).rsqrt()
        standard = (rows - mean.to(rows.dtype)) * scale
    if activation != "none":
        result = out if out is not None else _weighted_by(standard, weight) + (0.0 if bias is None else bias)
        h = h * (result > 0).to(h.dtype)
    dx = _through(_weighted_by(h, weight), standard, scale, (0,)) if training else _weighted_by(h, weight) * scale
    return [_as_images(dx, g.shape), (h * standard).sum(0), h.sum(0), None, None, None, _as_images(h, g.shape)]


def _as_images(rows: Tensor, shape: Shape) -> Tensor:
    return rows.reshape(shape[0], *shape[2:], shape[1]).movedim(-1, 1)


def of_group_norm(g: Tensor, needs: Sequence[bool], samples: Tensor, mean: Tensor, var: Tensor, weight: Tensor | None,
                  eps: float) -> list[Any]:
    """The gradients of the input, the weight and the bias of `group_norm`."""
    n, positions, channels = samples.shape
    groups = n, positions, var.shape[1], channels // var.shape[1]
    h = g.movedim(1, -1).reshape(samples.shape)
    standard, scale = _deviations(samples.reshape(groups), (1, 3), eps)
    dx = _through(_weighted_by(h, weight).reshape(groups), standard, scale, (1, 3))
    return [_as_images(dx, g.shape), (h * standard.reshape(samples.shape)).sum((0, 1)), h.sum((0, 1))]


def of_local_response_norm(g: Tensor, rows: Tensor, scale: Tensor, size: int, alpha: float, beta: float,
                           k: float) -> Tensor:
    """The gradient of the input of `local_response_norm`; see the kernel `local_response_norm_backward`."""
    h = g.movedim(1, -1).reshape(rows.shape)
    scale = k + alpha / size * _neighbour_sums(rows * rows, size // 2, (size - 1) // 2)
    direct = h * scale**-beta
    sums = _neighbour_sums(direct * rows / scale, (size - 1) // 2, size // 2)
    return _as_images(direct - 2 * alpha * beta / size * rows * sums, g.shape)


def _neighbour_sums(rows: Tensor, before: int, after: int) -> Tensor:
    """The sums over the channels c - before to c + after."""
    channels = rows.shape[1]
    before, after = min(before, channels), min(after, channels)
    padded = pad(rows, (before, after))
    total = padded[:, :channels]
    for start in range(1, before + after + 1):
        total = total + padded[:, start:start + channels]
    return total
