"""Changes of shape, parts of tensors, concatenation, padding, and rearrangements of pixels and windows."""
from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet.graph.dimension import is_open
from fastnet.onnx.emitting import emits
from fastnet.onnx.writer import same_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastnet._core.annotations import Array, Shape
    from fastnet.graph import Value
    from fastnet.onnx.writer import Writer

__all__: list[str] = []

_END = np.iinfo(np.int64).max           # of a Slice that extends to the end
_START = np.iinfo(np.int64).min         # of a Slice backwards that extends to the start

# ---- shapes ----------------------------------------------------------------------------------------------------------


@emits("view", "reshaped_copy")
def view(w: Writer, x: Value, shape: Shape) -> str:
    """Another shape."""
    parts = w.parts_of(x)
    if parts is not None and len(parts) == 1:
        return w.reshape(parts[0], w.output.shape)
    if same_shape(x.shape, w.output.shape):
        return w.name(x)
    return w.reshape(x, w.output.shape, x.shape)


@emits("transposed")
def transposed(w: Writer, x: Value, order: Shape) -> str:
    """Dimensions in another order."""
    return w.transpose(x, order)


@emits("expanded")
def expanded(w: Writer, x: Value, shape: Shape) -> str:
    """Dimensions of length 1 repeated."""
    same = same_shape(x.shape, w.output.shape)
    return w.name(x) if same else w.add("Expand", x, w.ints(w.output.shape))


@emits("index_view")
def index_view(w: Writer, x: Value, key: tuple[Any, ...]) -> str | None:
    """x[key] for integers, slices, None and ... ."""
    parts = w.parts_of(x)
    if parts is not None and len(key) == 2:
        chosen = _chosen_part(parts, key[0])
        if chosen is not None:
            w.bind_parts(w.output, (chosen,))
            return None
    full = _full_key(key, len(x.shape))
    taken = [k for k in full if k is not None]
    result = _sliced(w, x, taken)
    result = w.squeeze(result, *(axis for axis, k in enumerate(taken) if not isinstance(k, slice)))
    left = [k for k in full if k is None or isinstance(k, slice)]
    return w.unsqueeze(result, *(axis for axis, k in enumerate(left) if k is None))


def _chosen_part(parts: tuple[str, ...], part: Any) -> str | None:
    """The part of a recurrent layer's result that a slice selects: the output, the last states, or the cells."""
    if not isinstance(part, slice) or len(parts) == 1:
        return None
    return parts[0] if part.start is None else parts[1] if part.stop is not None else parts[2]


def _full_key(key: tuple[Any, ...], ndim: int) -> list[Any]:
    """A key with a part for each dimension, and None for each new one."""
    gap = ndim - sum(k is not None and k is not Ellipsis for k in key)
    full: list[Any] = []
    for k in (*key, *(() if Ellipsis in key else (Ellipsis,))):
        full += [slice(None)] * gap if k is Ellipsis else [k]
    return full


def _sliced(w: Writer, x: Value, key: Sequence[Any]) -> str:
    """x[key] for a key of integers and slices, with length 1 for the dimensions of integers."""
    parts = [(axis, *_slice_bounds(k)) for axis, k in enumerate(key) if k != slice(None)]
    if not parts:
        return w.name(x)
    axes, starts, stops, steps = zip(*parts)
    return w.add("Slice", x, w.ints(starts), w.ints(stops), w.ints(axes),
                 None if set(steps) == {1} else w.ints(steps))


def _slice_bounds(k: Any) -> tuple[Any, Any, int]:
    """(start, stop, step) of an integer or a slice."""
    if not isinstance(k, slice):
        if is_open(k):
            return k, type(k).of_terms(k + 1, k.terms, k.offset + 1), 1
        return k, (_END if k == -1 else k + 1), 1
    step = 1 if k.step is None else k.step
    start, stop = (0, _END) if step > 0 else (_END, _START)
    return start if k.start is None else k.start, stop if k.stop is None else k.stop, step


# ---- joined and moved ------------------------------------------------------------------------------------------------

@emits("cat")
def cat(w: Writer, parts: tuple[Value, ...], shape: Shape, dim: int) -> str:
    """Concatenation; tensors of shape (0,) are left out."""
    kept = [p for p in parts if len(p.shape) == len(shape) and p.shape[dim] != 0] or list(parts[:1])
    if len(kept) == 1:
        return w.cast(kept[0], w.output.dtype)
    return w.add("Concat", *(w.cast(p, w.output.dtype) for p in kept), axis=dim)


@emits("join_entries")
def join_entries(w: Writer, parts: tuple[Value, ...]) -> str:
    """Tensors joined along a new first dimension."""
    return w.add("Concat", *(w.unsqueeze(p, 0) for p in parts), axis=0)


@emits("flipped")
def flipped(w: Writer, x: Value, dims: Shape) -> str:
    """Dimensions in reverse order."""
    return _sliced(w, x, [slice(None, None, -1) if i in dims else slice(None) for i in range(len(x.shape))])


@emits("rolled")
def rolled(w: Writer, x: Value, shifts: Shape) -> str:
    """Dimensions rotated: the end, then the beginning."""
    result = w.name(x)
    for axis, shift in enumerate(shifts):
        n = x.shape[axis]
        if is_open(n):                                          # it may be shorter than the shift
            begin = w.add("Mod", w.ints([-shift]), w.ints([n])) if shift else None
        else:
            begin = w.ints([-shift % n]) if n and shift % n else None
        if begin is not None:
            axes = w.ints([axis])
            result = w.add("Concat", w.add("Slice", result, begin, w.ints([_END]), axes),
                           w.add("Slice", result, w.ints([0]), begin, axes), axis=axis)
    return result


@emits("triangle")
def triangle(w: Writer, x: Value, name: str, diagonal: int) -> str:
    """The upper or lower triangle of matrices, an operator since opset 14."""
    if w.opset < 14:
        raise w.refuse("tril and triu need opset_version 14")
    if x.dtype.kind == "b":                                     # ONNX Runtime has no Trilu of bools
        return w.to(w.add("Trilu", w.to(x, dtypes.int64), w.constant(np.array(diagonal)), upper=int(name == "triu")),
                    x.dtype)
    return w.add("Trilu", x, w.constant(np.array(diagonal)), upper=int(name == "triu"))


# ---- padding ---------------------------------------------------------------------------------------------------------

_ONNX_PAD_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}
_NUMPY_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@emits("pad")
def pad(w: Writer, x: Value, pads: tuple[tuple[int, int], ...], mode: str, value: float) -> str:
    """Padding; ONNX 18 has no circular padding, which is a Gather, as are other modes that crop, too."""
    lead = len(x.shape) - len(pads)
    if mode == "constant" or (mode != "circular" and min(itertools.chain.from_iterable(pads)) >= 0):
        sizes = [0] * lead + [p for p, _ in pads] + [0] * lead + [p for _, p in pads]
        fill = w.scalar(value, x.dtype) if mode == "constant" and value else None
        if x.dtype.kind == "b":
            return w.to(w.add("Pad", w.to(x, dtypes.int32), w.ints(sizes), None if not value else
                              w.scalar(1, dtypes.int32)), x.dtype)
        return w.add("Pad", x, w.ints(sizes), fill, mode=_ONNX_PAD_MODES[mode])
    result = w.name(x)
    for axis, both in enumerate(pads, lead):
        if any(both):
            result = w.add("Gather", result, w.constant(_padded_places(w, x.shape[axis], both, mode)), axis=axis)
    return result


def _padded_places(w: Writer, n: Any, pads: tuple[int, int], mode: str) -> Array:
    """The entry of a dimension that each entry of the padded one copies."""
    if is_open(n):
        raise w.refuse(f"padding with mode {mode!r} needs a fixed size of the padded dimensions")
    before, after = pads
    if mode == "circular":
        left = np.arange(n)[max(-before, 0):n + min(after, 0)]
        return np.pad(left, (max(before, 0), max(after, 0)), "wrap")
    places = np.pad(np.arange(n), (max(before, 0), max(after, 0)), _NUMPY_MODES[mode])     # type: ignore[call-overload]
    cropped: Array = places[max(-before, 0):places.size + min(after, 0)]
    return cropped


# ---- pixels and windows ----------------------------------------------------------------------------------------------

@emits("pixel_shuffle")
def pixel_shuffle(w: Writer, x: Value, r: int) -> str:
    """(..., C*r*r, H, W) to (..., C, H*r, W*r)."""
    if len(x.shape) == 4:
        return w.add("DepthToSpace", x, blocksize=r, mode="CRD")
    images = w.add("DepthToSpace", w.reshape(x, (-1, *x.shape[-3:])), blocksize=r, mode="CRD")
    return w.reshape(images, w.output.shape)


@emits("pixel_unshuffle")
def pixel_unshuffle(w: Writer, x: Value, r: int) -> str:
    """(..., C, H*r, W*r) to (..., C*r*r, H, W); ONNX's SpaceToDepth orders channels in another way."""
    blocks = w.reshape(x, (-1, x.shape[-3], w.output.shape[-2], r, w.output.shape[-1], r))
    return w.reshape(w.transpose(blocks, (0, 1, 3, 5, 2, 4)), w.output.shape)


@emits("channel_shuffle")
def channel_shuffle(w: Writer, x: Value, groups: int) -> str:
    """The channels of all groups in turns."""
    _, c, *spatial = x.shape
    split = (*x.shape[:1], groups, c // groups, *spatial)
    return w.reshape(w.transpose(w.reshape(x, split, x.shape), (0, 2, 1, *range(3, len(split)))), x.shape)


def _window_filters(channels: int, kernel: Sequence[int], dtype: Any) -> Array:
    """Filters (C*kh*kw, 1, kh, kw), each of which picks one element of the windows of one channel."""
    taps = math.prod(kernel)
    return np.tile(np.eye(taps, dtype=dtype).reshape(taps, 1, *kernel), (channels, 1, 1, 1))


@emits("unfold")
def unfold(w: Writer, x: Value, windows: Shape, steps: tuple[Shape, Shape, Shape]) -> str:
    """Sliding windows as columns: a convolution whose filters pick one element each."""
    stride, padding, dilation = steps
    channels, kernel = x.shape[1], windows[:2]
    columns = w.add("Conv", x, w.constant(_window_filters(channels, kernel, x.dtype), "windows"), group=channels,
                    kernel_shape=list(kernel), strides=list(stride), pads=[*padding, *padding],
                    dilations=list(dilation))
    return w.reshape(columns, w.output.shape)


@emits("fold")
def fold(w: Writer, x: Value, image: Shape, windows: Shape, steps: tuple[Shape, Shape, Shape]) -> str:
    """The images that windows add up to: a transposed convolution whose filters place one element each."""
    stride, padding, dilation = steps
    kernel, places = windows[:2], windows[2:]
    channels = x.shape[1] // math.prod(kernel)
    covered = [(n - 1) * s - 2 * p + d * (k - 1) + 1
               for n, s, p, d, k in zip(places, stride, padding, dilation, kernel)]
    columns = w.reshape(x, (*x.shape[:2], *places), x.shape)
    images = w.add("ConvTranspose", columns, w.constant(_window_filters(channels, kernel, x.dtype), "windows"),
                   group=channels, kernel_shape=list(kernel), strides=list(stride), pads=[*padding, *padding],
                   dilations=list(dilation))
    rest = [n - m for n, m in zip(image, covered)]
    if not any(rest):
        return images
    return w.add("Pad", images, w.ints([0, 0, 0, 0, 0, 0, *rest]))
