"""Pooling, interpolation, and sampling of images."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.functional.axis_weights import WEIGHTS, nearest_index
from fastnet.graph.dimension import Dim, is_open
from fastnet.graph.form import Value
from fastnet.onnx.emitting import emits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastnet._core.annotations import Array, DType, Shape
    from fastnet.onnx.writer import Writer

__all__ = ["exact_pads", "window_averages", "window_sizes"]

# ---- pooling ---------------------------------------------------------------------------------------------------------


@emits("avg_pool")
def avg_pool(w: Writer, x: Value, windows: Any, count_include_pad: bool, divisor: float | None) -> str:
    """Average pooling, also adaptive."""
    if _is_global(windows):
        return w.add("GlobalAveragePool", x)
    if windows.axes is None:
        x = _without_open_axes(w, x, windows, "ReduceMean")
        return _adaptive_averages(w, x, x.shape[2:], windows.lengths[-len(x.shape[2:]):])
    return window_averages(w, w.name(x), x.dtype, window_sizes(w, x, windows), windows, count_include_pad, divisor)


def window_averages(w: Writer, x: str, dtype: DType, spatial: Shape, windows: Any, count_include_pad: bool,
                    divisor: float | None = None) -> str:
    """The averages over windows of one size.

    Args:
        w: to add to.
        x, dtype: the name and the dtype of the input.
        spatial: the sizes of the images, as of `window_sizes`.
        windows, count_include_pad, divisor: as of `fastnet.functional.average_pooling.avg_pool`.
    """
    lengths, axes = windows.lengths[-len(spatial):], windows.axes[-len(spatial):]
    kernel, stride, _, _ = zip(*axes)
    if is_open(axes) and divisor is not None:
        raise w.refuse("ONNX has no divisor for windows of an open size; leave only the batch open")
    if is_open(axes):
        return w.add("GlobalAveragePool", x)
    pads, counts_padding = exact_pads(spatial, axes, lengths), bool(count_include_pad or divisor is not None)
    average = w.add("AveragePool", x, kernel_shape=list(kernel), strides=list(stride), pads=pads,
                    count_include_pad=int(counts_padding))
    factors = _corrections(spatial, axes, lengths, divisor) if counts_padding else None
    return average if factors is None else w.add("Mul", average, w.constant(factors.astype(dtype)))


def _is_global(windows: Any) -> bool:
    """Whether one window holds the whole image."""
    return windows.axes is None and set(windows.lengths) == {1}


def fixed_sizes(w: Writer, x: Value) -> Shape:
    """The sizes of the images of x, none of which may be open.

    Args:
        w: for the error.
        x: (N, C, ...).
    """
    spatial = x.shape[2:]
    if is_open(spatial):
        raise w.refuse("it needs a fixed size of the images; leave only the batch open")
    return spatial


def window_sizes(w: Writer, x: Value, windows: Any) -> Shape:
    """The sizes of the images of x, open ones only for windows that ONNX finds for all sizes.

    Args:
        w: for the error.
        x: (N, C, ...).
        windows: of one size.
    """
    if is_open(windows.axes):           # it must be one window that holds the whole image
        axes = windows.axes[-len(x.shape[2:]):]
        if repr([(k, p) for k, _, p, _ in axes]) == repr([(n, 0) for n in x.shape[2:]]):
            return x.shape[2:]
        raise w.refuse("its windows follow from an open size; leave only the batch open")
    if is_open(x.shape[2:]) and not windows.whole:
        raise w.refuse("engines cut the last windows of an open size in different ways; use ceil_mode=False, or leave "
                       "only the batch open")
    return x.shape[2:]


def _without_open_axes(w: Writer, x: Value, windows: Any, operator: str) -> Value:
    """The input of adaptive pooling, reduced along the open dimensions of which it keeps one element."""
    lengths = windows.lengths[-len(x.shape[2:]):]
    if any(is_open((n, m)) and m != 1 and repr(n) != repr(m) for n, m in zip(x.shape[2:], lengths)):
        raise w.refuse("ONNX has no adaptive pooling, whose windows follow from the size, except for an output of size "
                       "1; use that, or leave only the batch open")
    axes = [axis for axis, (n, m) in enumerate(zip(x.shape[2:], lengths), 2) if is_open(n) and m == 1]
    if not axes:
        return x
    shape = tuple(1 if axis in axes else n for axis, n in enumerate(x.shape))
    reduced = Value(f"{x.name}_reduced", "result", shape, x.dtype)
    w.bind(reduced, w.reduce(operator, x, axes, keepdims=True))
    return reduced


def exact_pads(spatial: Sequence[int], axes: Sequence[Shape], lengths: Sequence[int]) -> list[int]:
    """The padding with which windows fit exactly, without ONNX's ceil_mode, whose last windows engines cut apart.

    Args:
        spatial: the sizes of the images.
        axes: (kernel, stride, padding, dilation) for each size.
        lengths: the sizes of the output.

    Returns:
        The padding before each dimension, then that after each.
    """
    after = [p if is_open(n) else (m - 1) * s + d * (k - 1) + 1 - n - p
             for n, m, (k, s, p, d) in zip(spatial, lengths, axes)]
    return [*(p for _, _, p, _ in axes), *(max(n, 0) for n in after)]


def _corrections(spatial: Sequence[int], axes: Sequence[Shape], lengths: Sequence[int],
                 divisor: float | None) -> Array | None:
    """The factors from a mean over whole windows to fastnet's: by `divisor`, or without what exceeds the padding."""
    taps = math.prod(k for k, *_ in axes)
    if divisor is not None:
        return np.array(taps / divisor)
    factors = np.ones(())
    if is_open(spatial):                # whole windows
        return None
    for n, m, (k, s, p, _) in zip(spatial, lengths, axes):
        first = np.arange(m) * s - p
        factors = np.multiply.outer(factors, k / (np.minimum(first + k, n + p) - first))
    return None if (factors == 1).all() else factors


def _adaptive_averages(w: Writer, x: Value, spatial: Shape, lengths: Shape) -> str:
    if all(m and n % m == 0 for n, m in zip(spatial, lengths)):
        kernel = [n // m for n, m in zip(spatial, lengths)]
        return w.name(x) if set(kernel) == {1} else w.add("AveragePool", x, kernel_shape=kernel, strides=kernel)
    sizes = [(n, m, None) for n, m in zip(spatial, lengths)]
    return _weighted_axes(w, x, sizes, "area", False)


@emits("max_pool")
def max_pool(w: Writer, x: Value, windows: Any, taps: int, tracked: bool, indices: Any) -> str | tuple[str, ...]:
    """Maximum pooling, also adaptive, and the places of the maxima."""
    if _is_global(windows) and len(w.node.outputs) == 1:
        return w.add("GlobalMaxPool", x)
    if is_open(x.shape[2:]) and len(w.node.outputs) > 1:
        raise w.refuse("the indices of maxima need a fixed size of the images; leave only the batch open")
    x = _without_open_axes(w, x, windows, "ReduceMax") if windows.axes is None else x
    spatial = x.shape[2:] if windows.axes is None else window_sizes(w, x, windows)
    if windows.axes is not None and is_open(windows.axes):
        return w.add("GlobalMaxPool", x)
    lengths = windows.lengths[-len(spatial):]
    axes = _adaptive_axes(spatial, lengths) if windows.axes is None else windows.axes[-len(spatial):]
    if axes is None:
        if len(w.node.outputs) > 1:
            raise w.refuse("the indices of adaptive pooling over windows of several sizes cannot be written as ONNX")
        return _adaptive_maxima(w, x, spatial, lengths)
    kernel, stride, _, dilation = zip(*axes)
    options = {"kernel_shape": list(kernel), "strides": list(stride), "pads": exact_pads(spatial, axes, lengths),
               "dilations": list(dilation)}
    if len(w.node.outputs) == 1:
        return w.add("MaxPool", x, **options)
    out, places = w.add_several("MaxPool", 2, x, **options)
    return out, w.add("Mod", places, w.constant(np.array(math.prod(spatial))))      # in ONNX, places in the batch


def _adaptive_axes(spatial: Shape, lengths: Shape) -> list[Shape] | None:
    """The windows of adaptive pooling, if they have one size."""
    if not all(m and n % m == 0 for n, m in zip(spatial, lengths)):
        return None
    return [(n // m, n // m, 0, 1) for n, m in zip(spatial, lengths)]


def _adaptive_maxima(w: Writer, x: Value, spatial: Shape, lengths: Shape) -> str:
    """One axis after another: the entries of each window, some of them twice, and their maximum."""
    result = w.name(x)
    for axis, (n, m) in enumerate(zip(spatial, lengths), 2):
        if n == m:
            continue
        first = np.arange(m) * n // m
        last = -(-(np.arange(m) + 1) * n // m) - 1
        width = int((last - first).max(initial=0)) + 1
        places = np.minimum(first[:, None] + np.arange(width), last[:, None])
        windows = w.add("Gather", result, w.constant(places), axis=axis)            # (..., m, width, ...)
        result = w.reduce("ReduceMax", windows, [axis + 1])
    return result


@emits("max_unpool")
def max_unpool(w: Writer, x: Value, indices: Value, lengths: Shape, what: str) -> str:
    """Zeros with the elements at the places of the maxima."""
    if is_open(lengths):
        raise w.refuse("max_unpool needs a fixed size of the images; leave only the batch open")
    lead, plane = x.shape[:2], math.prod(lengths)
    zeros = w.add("Expand", w.scalar(0, x.dtype), w.ints((*lead, plane)))
    flat = w.add("ScatterElements", zeros, w.reshape(indices, (*lead, -1), x.shape), w.reshape(x, (*lead, -1), x.shape),
                 axis=2)
    return w.reshape(flat, w.output.shape, x.shape[:1])


# ---- interpolation ---------------------------------------------------------------------------------------------------

@emits("interpolate_nearest")
def interpolate_nearest(w: Writer, x: Value, axes: Any, exact: bool) -> str:
    """Nearest neighbours: a Resize node, or else a Gather of each dimension."""
    axes = axes[-len(x.shape[2:]):]
    if any(scale is not None for *_, scale in axes) and any(
            np.float32(_length_ratio(sizes)) != _float32_scale(sizes) for sizes in axes if not is_open(sizes)):
        return _nearest_entries(w, x, axes, exact)              # another scale would find other neighbours
    if exact:
        return _resize_node(w, x, axes, mode="nearest", coordinate_transformation_mode="half_pixel",
                        nearest_mode="round_prefer_ceil")
    return _resize_node(w, x, axes, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")


def _nearest_entries(w: Writer, x: Value, axes: Any, exact: bool) -> str:
    result = w.name(x)
    for axis, sizes in enumerate(axes, 2):
        result = w.add("Gather", result, w.constant(nearest_index(sizes, exact, x.dtype)), axis=axis)
    return result


@emits("interpolate_weighted")
def interpolate_weighted(w: Writer, x: Value, axes: Any, weights: str, align_corners: bool) -> str:
    """Weighted sums: a Resize node, or else matrix products, one axis after another."""
    if weights not in ("linear", "cubic"):
        return _weighted_axes(w, x, axes[-len(fixed_sizes(w, x)):], weights, align_corners)
    where = "align_corners" if align_corners else "half_pixel"
    cubic = {"cubic_coeff_a": -0.75} if weights == "cubic" else {}
    return _resize_node(w, x, axes, mode=weights, coordinate_transformation_mode=where, **cubic)


def _resize_node(w: Writer, x: Value, axes: Any, **options: Any) -> str:
    """A Resize node, with scales where positions follow from them, else with sizes."""
    axes = axes[-(len(x.shape) - 2):]
    by_scale = any(scale is not None for *_, scale in axes)
    if not by_scale and any(_leaves_rest(n) and is_open(m) for n, m, _ in axes):
        raise w.refuse("the size follows from windows or a scale that can leave a rest, and does not tell whether the "
                       "image or the input has it; use scale_factor, or leave only the batch open")
    if by_scale:
        scales = [1.0, 1.0, *(_open_scale(w, sizes) if is_open(sizes) else _float32_scale(sizes) for sizes in axes)]
        return w.add("Resize", x, None, w.constant(np.array(scales, np.float32)), **options)
    return w.add("Resize", x, None, None, w.ints([*x.shape[:2], *(m for _, m, _ in axes)]), **options)


def _leaves_rest(n: int) -> bool:
    """Whether a size is a fraction of open ones, which the model rounds."""
    return isinstance(n, Dim) and any(factor.denominator > 1 for factor in n.terms.values())


def _open_scale(w: Writer, sizes: Any) -> float:
    """The scale of an open size, by which engines find the length of the model for all sizes."""
    n, m, scale = sizes
    if scale is None and repr(n) == repr(m):
        return 1.0
    if scale is None or float(np.float32(scale)) != scale:
        raise w.refuse("interpolation of an open size needs a scale_factor that is a float32 number, such as 2 or 1.5, "
                       "or a size; leave only the batch open")
    return float(scale)


def _length_ratio(sizes: Any) -> float:
    n, m, scale = sizes
    return float(m / n if scale is None else scale)


def _lengths_by_scale(n: int, scale: np.float32) -> tuple[int, int]:
    """The lengths that engines find by a scale: ONNX multiplies in float64, ONNX Runtime rounds to float32."""
    product = n * float(scale)
    return math.floor(product), math.floor(float(np.float32(product)))


def _float32_scale(sizes: Any) -> float:
    """The float32 number next to a scale by which all engines find the length of the model."""
    n, m, _ = sizes
    found = np.float32(_length_ratio(sizes))
    while min(_lengths_by_scale(n, found)) < m:
        found = np.nextafter(found, np.float32(np.inf))
    while max(_lengths_by_scale(n, found)) > m:
        found = np.nextafter(found, np.float32(0))
    return float(found)


def _weighted_axes(w: Writer, x: Value, axes: Sequence[Any], weights: str, align_corners: bool) -> str:
    """Products with a matrix of weights, one axis after another."""
    result, ndim = w.name(x), len(x.shape)
    for axis, sizes in enumerate(axes, 2):
        n, m, _ = sizes
        if n == m and weights != "cubic antialias":
            continue
        rows, index, values = WEIGHTS[weights](sizes, align_corners)
        matrix = np.zeros((n, m))
        np.add.at(matrix, (index, rows), values)
        order = [d for d in range(ndim) if d != axis] + [axis]
        back = [order.index(d) for d in range(ndim)]
        product = w.add("MatMul", w.transpose(result, order), w.constant(matrix.astype(x.dtype), "weights"))
        result = w.transpose(product, back)
    return result


@emits("grid_sample")
def grid_sample(w: Writer, x: Value, grid: Value, mode: str, padding: str, align_corners: bool) -> str:
    """Images sampled at points, an operator since opset 16."""
    if w.opset < 16 or (len(x.shape) == 5 and w.opset < 20):
        raise w.refuse(f"grid_sample needs opset_version {20 if len(x.shape) == 5 else 16}")
    names = {"bilinear": "linear", "bicubic": "cubic"} if w.opset >= 20 else {}
    return w.add("GridSample", x, grid, mode=names.get(mode, mode), padding_mode=padding,
                 align_corners=int(align_corners))


@emits("spectrogram", "mel_spectrogram", "stft", "rfft", "irfft")
def spectrum(w: Writer, *arguments: Any) -> str:
    """Fourier transforms."""
    raise w.refuse("Fourier transforms are not written as ONNX; export the network and "
                   "compute its spectrograms before it")
