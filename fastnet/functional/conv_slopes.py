"""The gradients of convolutions as operations on tensors (N, D, H, W, C), for `create_graph=True`.

A convolution and its two gradients are linear in each of their two operands, and each one's gradients are the other
two: sum(out * g) is one function of the volume, the filters and g.
"""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet._core.memory import empty
from fastnet.autograd import gradient, on_tensors, op
from fastnet.functional.conv_arrays import Geometry, as_filters, run_conv, run_conv_input, run_conv_weight
from fastnet.functional.kernel_calls import contiguous

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape

__all__ = ["convolved", "filter_slope", "volume_slope"]


def _convolve_volume(v: Array, weight: Array, shape: Shape, geometry: Geometry) -> Array:
    out = empty(shape, v.dtype)
    run_conv(out, contiguous(v), as_filters(weight), None, geometry)
    return out


def _spread_over_volume(g: Array, weight: Array, shape: Shape, geometry: Geometry) -> Array:
    out = empty(shape, g.dtype)
    run_conv_input(out, contiguous(g), as_filters(weight), None, geometry)
    return out


def _correlate(v: Array, g: Array, shape: Shape, geometry: Geometry) -> Array:
    out = empty(shape, g.dtype)
    run_conv_weight(as_filters(out), contiguous(v), contiguous(g), geometry)
    return out


@op
def convolved(v: Array, weight: Array, shape: Shape, geometry: Geometry) -> Result[Array]:
    """The convolution of a volume, in this shape."""
    return _convolve_volume(v, weight, shape, geometry), (
        gradient(_volume_of_convolved, weight, v.shape, geometry),
        gradient(_filters_of_convolved, v, weight.shape, geometry))


@op
def volume_slope(g: Array, weight: Array, shape: Shape, geometry: Geometry) -> Result[Array]:
    """The gradient of a volume of this shape: the transposed convolution."""
    return _spread_over_volume(g, weight, shape, geometry), (
        gradient(_result_of_volume_slope, weight, g.shape, geometry),
        gradient(_filters_of_volume_slope, g, weight.shape, geometry))


@op
def filter_slope(v: Array, g: Array, shape: Shape, geometry: Geometry) -> Result[Array]:
    """The gradient of filters of this shape."""
    return _correlate(v, g, shape, geometry), (
        gradient(_volume_of_filter_slope, g, v.shape, geometry),
        gradient(_result_of_filter_slope, v, g.shape, geometry))


@on_tensors(volume_slope, 1)
def _volume_of_convolved(g: Array, weight: Array, shape: Shape, geometry: Geometry) -> Array:
    return _spread_over_volume(g, weight, shape, geometry)


@on_tensors(lambda g, v, shape, geometry: filter_slope(v, g, shape, geometry), 0)
def _filters_of_convolved(g: Array, v: Array, shape: Shape, geometry: Geometry) -> Array:
    return _correlate(v, g, shape, geometry)


@on_tensors(convolved, 1)
def _result_of_volume_slope(h: Array, weight: Array, shape: Shape, geometry: Geometry) -> Array:
    return _convolve_volume(h, weight, shape, geometry)


@on_tensors(filter_slope, 0)
def _filters_of_volume_slope(h: Array, g: Array, shape: Shape, geometry: Geometry) -> Array:
    return _correlate(h, g, shape, geometry)


@on_tensors(lambda h, g, shape, geometry: volume_slope(g, h, shape, geometry), 1)
def _volume_of_filter_slope(h: Array, g: Array, shape: Shape, geometry: Geometry) -> Array:
    return _spread_over_volume(g, h, shape, geometry)


@on_tensors(lambda h, v, shape, geometry: convolved(v, h, shape, geometry), 0)
def _result_of_filter_slope(h: Array, v: Array, shape: Shape, geometry: Geometry) -> Array:
    return _convolve_volume(v, h, shape, geometry)
