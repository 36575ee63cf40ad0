"""Padding: zeros, a constant, reflection, replication and circular padding of the last dimensions."""
from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastnet._core.errors import one_of, shape_text
from fastnet._core.memory import empty
from fastnet._core.tensor import Tensor
from fastnet.autograd import gradient, op, transposes
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.axis_tables import Lists, cached_table, constant, inverse_lists
from fastnet.functional.kernel_calls import contiguous
from fastnet.functional.layout import channels_first, channels_last

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape

__all__ = ["pad"]

_PAD_MODES = ("constant", "reflect", "replicate", "circular")
_MOST_SPATIAL = 3                       # spatial dimensions of a volume, and of the largest image
_Pads = tuple[tuple[int, int], ...]     # (before, after) of the last dimensions, in the order of the shape


# ---- which element of the input each one of the output copies --------------------------------------------------------

@cached_table
def _padding_sources(n: int, before: int, after: int, mode: str) -> Array:
    """The index that each position of a padded dimension copies from n elements; -1 for the constant."""
    i = np.arange(n + before + after) - before
    if mode == "constant":
        i[(i < 0) | (i >= n)] = -1
    elif mode == "replicate":
        i = i.clip(0, n - 1)
    elif mode == "reflect":
        i = (n - 1) - abs((n - 1) - abs(i))
    else:                               # elements that a negative number removes are not repeated
        first, last = max(-before, 0), n - max(-after, 0)
        i = first + (i - first) % max(last - first, 1)
    return constant(i)


@cached_table
def _padding_copies(n: int, before: int, after: int, mode: str) -> Lists:
    """The positions of a padded dimension that copy each of its n elements."""
    return inverse_lists(_padding_sources(n, before, after, mode), n)


# ---- the operation ---------------------------------------------------------------------------------------------------

def _is_channels_last(x: Array) -> bool:
    """Whether an array (N, C, *spatial) has the memory of a contiguous (N, *spatial, C), and no other."""
    return (3 <= x.ndim <= 2 + _MOST_SPATIAL and not x.flags.c_contiguous
            and x.transpose(0, *range(2, x.ndim), 1).flags.c_contiguous)


def _as_outer_volume(x: Array, spatial: int, last: bool) -> Array:
    """x as (outer, D, H, W, inner): its channels are the inner dimension if `last`, else among the outer ones."""
    x = channels_last(x) if last else contiguous(x)
    first = 1 if last else x.ndim - spatial
    return x.reshape((math.prod(x.shape[:first]), *(1,) * (_MOST_SPATIAL - spatial), *x.shape[first:first + spatial],
                      math.prod(x.shape[first + spatial:])))


def _from_outer_volume(out: Array, shape: Shape, last: bool) -> Array:
    """The inverse: a volume as an array of this shape."""
    return channels_first(out.reshape(shape[0], *shape[2:], shape[1])) if last else out.reshape(shape)


def _padded_shape(shape: Shape, pads: _Pads) -> Shape:
    first = len(shape) - len(pads)
    return shape[:first] + tuple(n + before + after for n, (before, after) in zip(shape[first:], pads))


def _volume_pads(pads: _Pads) -> _Pads:
    """The pads of the three spatial dimensions of a volume."""
    return ((0, 0),) * (_MOST_SPATIAL - len(pads)) + pads


def _pad_array(x: Array, pads: _Pads, mode: str, value: float) -> Array:
    if len(pads) > _MOST_SPATIAL:
        return _padded_by_copy(x, pads, value)
    last = _is_channels_last(x) and len(pads) <= x.ndim - 2
    volume = _as_outer_volume(x, x.ndim - 2 if last else len(pads), last)
    tables = [_padding_sources(n, *both, mode) for n, both in zip(volume.shape[1:], _volume_pads(pads))]
    out = empty((volume.shape[0], *(table.size for table in tables), volume.shape[-1]), x.dtype)
    K.take_volume(out, volume, *tables, value)
    return _from_outer_volume(out, _padded_shape(x.shape, pads), last)


def _padded_by_copy(x: Array, pads: _Pads, value: float) -> Array:
    """Constant padding of any number of dimensions, which fills the result and copies into it."""
    out = kernels.full(_padded_shape(x.shape, pads), value, x.dtype)
    pads = ((0, 0),) * (x.ndim - len(pads)) + pads
    target = [slice(max(before, 0), max(n + before + min(after, 0), 0)) for (before, after), n in zip(pads, x.shape)]
    source = [slice(max(-before, 0), max(n + min(after, 0), 0)) for (before, after), n in zip(pads, x.shape)]
    K.copy(out[tuple(target)], x[tuple(source)])
    return out


def _padding_gradient(g: Array, shape: Shape, pads: _Pads, mode: str) -> Array:
    if mode == "constant":
        return _pad_array(g, tuple((-before, -after) for before, after in pads), mode, 0.0)
    last = _is_channels_last(g) and len(pads) == len(shape) - 2
    dy = _as_outer_volume(g, len(shape) - 2 if last else len(pads), last)
    both = _volume_pads(pads)
    spatial = [n - before - after for n, (before, after) in zip(dy.shape[1:], both)]
    dx = empty((dy.shape[0], *spatial, dy.shape[-1]), g.dtype)
    tables = [_padding_copies(n, *pair, mode) for n, pair in zip(spatial, both)]
    K.take_volume_backward(dx, dy, *(array for table in tables for array in table))
    return _from_outer_volume(dx, shape, last)


transposes(_padding_gradient, lambda v, shape, pads, mode: _pad_array(v, pads, mode, 0.0))


@op
def _pad(x: Array, pads: _Pads, mode: str, value: float) -> Result[Array]:
    return _pad_array(x, pads, mode, value), (gradient(_padding_gradient, x.shape, pads, mode), None, None, None)


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Pad the last dimensions of a tensor; negative sizes crop them.

    The memory of the result is in the order of the input's, channels-last or not.

    Args:
        input: any shape for mode "constant"; for the other modes (C, L), (N, C, L), (C, H, W), (N, C, H, W),
            (C, D, H, W) or (N, C, D, H, W) with all spatial dimensions padded.
        pad: sizes before and after the last dimension, then before and after the second to last, and so on.
        mode: "constant"; "reflect" mirrors the input without repeating its edge; "replicate" repeats the edge;
            "circular" continues with the opposite side.
        value: the constant, 0 by default; only for mode "constant".

    Raises:
        TypeError: sizes that are not integers.
        RuntimeError: an odd number of sizes, more than the dimensions have, a result of negative length, or padding
            that is too large for the mode: "reflect" takes less than the length, "circular" up to the length.
        NotImplementedError: an unknown mode, or sizes that do not fit the dimensions of the input in this mode.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([[1.0, 2.0, 3.0]])
        >>> fastnet.nn.functional.pad(x, (1, 2))
        tensor([[0., 1., 2., 3., 0., 0.]])
        >>> fastnet.nn.functional.pad(x, (1, 2), mode="reflect")
        tensor([[2., 1., 2., 3., 2., 1.]])
    """
    if mode not in _PAD_MODES:
        raise NotImplementedError(f"pad: {one_of('mode', mode, _PAD_MODES)}")
    pads = _as_pads(input, pad)
    if mode != "constant":
        if value is not None:
            raise RuntimeError(f"pad: mode {mode!r} takes no value, got {value}")
        _check_images(input, pads, mode)
        _check_fit(input, pads, mode)
    if min(_padded_shape(input.shape, pads), default=0) < 0:
        raise RuntimeError(f"pad: {tuple(pad)} removes more than shape {shape_text(input)} has")
    return _pad(input, pads, mode, 0.0 if value is None else value)


def _as_pads(input: Tensor, pad: Sequence[int]) -> _Pads:
    """The sizes as (before, after) of the last dimensions, in the order of the shape."""
    try:
        sizes = [operator.index(size) for size in pad]
    except TypeError:
        raise TypeError(f"pad: expected a sequence of integers, got {pad!r}") from None
    if len(sizes) % 2 or len(sizes) > 2 * input.ndim:
        raise RuntimeError(f"pad: expected two sizes for each dimension to pad of shape {shape_text(input)}, got "
                           f"{len(sizes)}: {tuple(sizes)}")
    return tuple(zip(sizes[::2], sizes[1::2]))[::-1]


def _check_images(input: Tensor, pads: _Pads, mode: str) -> None:
    """Refuse dimensions for which a mode other than "constant" is not defined."""
    k = len(pads)
    if not 1 <= k <= _MOST_SPATIAL or input.ndim not in (k + 1, k + 2):
        raise NotImplementedError(
            f"pad: mode {mode!r} pads all spatial dimensions of an input (N, C, L), (N, C, H, W) or (N, C, D, H, W), "
            f"or of one without N: expected 2, 4 or 6 sizes that fit it, got {2 * k} for shape {shape_text(input)}")


def _check_fit(input: Tensor, pads: _Pads, mode: str) -> None:
    """Refuse padding that is too large for its mode, and images without elements, which have nothing to repeat."""
    for n, (before, after) in zip(input.shape[-len(pads):], pads):
        left = n + min(before, 0) + min(after, 0)           # the elements that negative sizes leave
        most = {"reflect": n - 1, "circular": left}.get(mode, max(before, after))
        if max(before, after, 0) > max(most, 0):
            raise RuntimeError(f"pad: mode {mode!r} takes at most {max(most, 0)} for a dimension of length {n} of "
                               f"shape {shape_text(input)}, got {(before, after)}")
    if mode != "circular" and not math.prod(input.shape[-len(pads) - 1:]):
        raise RuntimeError(f"pad: mode {mode!r} expects images with elements, got shape {shape_text(input)}")
