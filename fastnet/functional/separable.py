"""Inverted residual blocks in one pass: a 1x1, a depthwise and another 1x1 convolution, each with batch norm."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet._core.memory import empty
from fastnet.autograd import op
from fastnet.backend import K
from fastnet.functional.conv_arrays import Geometry, as_filters
from fastnet.functional.layout import as_volume, from_volume

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape
    from fastnet._core.tensor import Tensor

__all__ = ["conv_separable", "norm_affine", "separable_pays"]

_LEAST_PIXELS = 196                     # of an image; below, a strip has too few rows


def separable_pays(input: Tensor) -> bool:
    """Whether one pass over an inverted block is not slower than three."""
    return input.shape[2] * input.shape[3] >= _LEAST_PIXELS


@op
def _norm_affine(mean: Array, var: Array, scale: Array | None, shift: Array | None, eps: float) -> Result[Array]:
    affine = empty((3, mean.size), mean.dtype)
    K.channel_affine(affine, mean, var, scale, shift, eps)
    return affine, None


def norm_affine(norm: Any) -> Tensor:
    """Centre, scale and shift, (3, C), of a batch norm in evaluation mode."""
    return _norm_affine(norm.running_mean, norm.running_var, norm.weight, norm.bias, float(norm.eps))


@op
def conv_separable(x: Array, expand: Array, expand_affine: Array, depthwise: Array, affine: Array, project: Array,
                   project_affine: Array, residual: Array | None, stride: Shape, padding: Shape, dilation: Shape,
                   sizes: Shape, activation: str) -> Result[Array]:
    """The kernel `conv_separable` over (N, C, H, W), without a gradient.

    Args:
        x: (N, C, H, W).
        expand, depthwise, project: weights of convolutions without bias, (M, C, 1, 1), (M, 1, KH, KW), (O, M, 1, 1).
        expand_affine, affine, project_affine: `norm_affine` of the batch norms.
        residual: (N, O, OH, OW), or None.
        stride, padding, dilation: pairs, of the depthwise convolution.
        sizes: (OH, OW).
        activation: of the first two convolutions.
    """
    v = as_volume(x)
    out = empty((v.shape[0], 1, *sizes, project.shape[0]), x.dtype)
    geometry = Geometry((1, *stride), (0, *padding), (1, *dilation), 1)
    K.conv_separable(out, v, _pointwise_filters(expand), expand_affine, as_filters(depthwise), affine,
                     _pointwise_filters(project), project_affine, None if residual is None else as_volume(residual),
                     *geometry.windows(), activation)
    return from_volume(out, x.ndim), None


def _pointwise_filters(weight):
    return as_filters(weight).reshape(weight.shape[:2])
