"""The keys of x[key]: parsed, and applied to arrays. The operations are in indexing.py."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import EllipsisType
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeAlias

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.memory import empty
from fastnet._core.state import forbid_reading, state
from fastnet._core.tensor import Tensor
from fastnet.autograd.arrays import contiguous
from fastnet.backend import K

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Shape

__all__ = [
    "Index", "Key", "as_key", "constant", "out_of_range", "pick", "picks_rows", "put", "row_numbers",
    "selected_shape", "selection",
]

# An index: one of these, or a tuple of them.
Index: TypeAlias = "SupportsIndex | slice | EllipsisType | Tensor | Array | Sequence[Any] | None"
Key: TypeAlias = "Index | tuple[Index, ...]"

_BASIC = frozenset((int, slice, type(None)))


# ---- the parts of a key ---------------------------------------------------------------------------------------------

def as_key(x: Tensor, key: Key) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """A key of x in two parts, applied in turn: one that gives a view, then one that picks by index tensors.

    Integers are applied before index tensors, as in PyTorch: in x[0, :, i] the slice comes before the dimensions of i.
    Index tensors remain Tensors, so that the tape and a recording note them.

    Returns:
        (a tuple of integers, slices and None, or () for all of x,
         a tuple of slices, index tensors and masks, or () if there are no index tensors and masks)
    """
    key = _key_parts(key)
    if _BASIC.issuperset(map(type, key)):
        return (*key, ...), ()                              # ... keeps a single element an array
    view: list[Any] = []
    picks: list[Any] = []
    whole, tensors = True, False
    for k in _without_ellipsis(x, [_as_index(k) for k in key]):
        kind = type(k)
        if kind in (int, slice, type(None)):
            whole = whole and k == slice(None)
            view.append(k)
            if kind is not int:
                picks.append(slice(None))
            continue
        width = _width(k)
        view.extend([slice(None)] * width if width else [None])     # a bool: a mask over a new dimension
        picks.append(k if width else constant(np.array([k])) if kind is bool else k.reshape(1))
        whole, tensors = whole and width > 0, True
    if not tensors:
        return (*view, ...), ()
    return () if whole else tuple(view), tuple(picks)


def _key_parts(key: Any) -> tuple[Any, ...]:
    """A key as a tuple. As in PyTorch, a short list that holds more than numbers counts as a tuple."""
    if isinstance(key, list) and len(key) < 32:
        parts = (list, tuple, range, slice, Tensor, np.ndarray)
        return tuple(key) if any(k is None or k is Ellipsis or isinstance(k, parts) for k in key) else (key,)
    return key if isinstance(key, tuple) else (key,)


def _without_ellipsis(x: Tensor, key: Sequence[Any]) -> Sequence[Any]:
    """A key with its ... replaced by full slices."""
    gaps = [i for i, k in enumerate(key) if k is Ellipsis]
    if len(gaps) > 1:
        raise IndexError(f"expected at most one ... in an index, got {len(gaps)}")
    for gap in gaps:
        return (*key[:gap], *[slice(None)] * (x.ndim - sum(map(_width, key))), *key[gap + 1:])
    return key


def _width(k: Any) -> int:
    """The number of dimensions that a part of a key indexes; for a mask, that of its own dimensions."""
    if k is None or k is Ellipsis or isinstance(k, bool):
        return 0
    return k.ndim if isinstance(k, Tensor | np.ndarray) and k.dtype.kind == "b" else 1


def _as_index(k: Any) -> Any:
    """A part of a key as an integer, a slice, None, ..., a bool, a Tensor or an array; uint8 is a mask, as in PyTorch.

    Raises:
        IndexError: anything else.
        RuntimeError: a mask inside a compiled function.
    """
    if isinstance(k, Tensor):
        if dtypes.is_floating(k.dtype):
            raise IndexError(f"expected an integer or bool tensor as index, got {k.dtype}")
        if k.dtype.kind == "b" or k.dtype == np.uint8:
            forbid_reading("indexing with a mask, whose result's shape depends on its values,")
            k = k.bool()
    elif isinstance(k, list | tuple | range):
        k = np.asarray(k)
        k = constant(k.astype(np.int64) if k.size == 0 else k)
    elif isinstance(k, int | np.integer):
        k = k if isinstance(k, bool) else int(k)
    elif isinstance(k, np.ndarray):
        k = k.astype(np.bool_) if k.dtype == np.uint8 else k
    elif not (k is None or k is Ellipsis or isinstance(k, slice)):
        raise IndexError(f"expected an integer, a slice, None, ... or a tensor as index, got {k!r}")
    return k


def constant(array: Array) -> Array:
    """An array that a recording, if there is one, keeps as a constant."""
    return array if state.recorder is None else state.recorder.constant(array)


# ---- selection by index tensors -------------------------------------------------------------------------------------

def selection(x: Array | Tensor, picks: Sequence[Any]) -> tuple[Shape, Callable[[Array], Array] | None]:
    """The shape of x[picks], without reading x. `picks` are slices, index arrays and masks.

    PyTorch puts the dimensions of index tensors at the place of the first of them, or in front if slices come between
    them. NumPy counts a 0-d array as an index tensor, PyTorch as an integer.

    Returns:
        (the shape, None or a function that views an array of that shape with the dimensions in NumPy's order)
    """
    found = _constant_array(x)[picks]
    tensors = [i for i, k in enumerate(picks) if isinstance(k, np.ndarray)]
    wide = [i for i in tensors if picks[i].ndim]
    if len(wide) == len(tensors):
        return found.shape, None
    theirs, ours = _first_place(picks, tensors), _first_place(picks, wide)
    if ours == theirs:
        return found.shape, None
    n = max(1 if picks[i].dtype.kind == "b" else picks[i].ndim for i in tensors)
    there, here = range(theirs, theirs + n), range(ours, ours + n)
    return np.moveaxis(found, there, here).shape, lambda array: np.moveaxis(array, here, there)


def _constant_array(x: Array | Tensor) -> Array:
    """An array with the shape of x whose elements are all the same byte, for indexing without reading x."""
    return np.ndarray(x.shape, np.bool_, b"\0", strides=(0,) * x.ndim)


def _first_place(picks: Sequence[Any], tensors: list[int]) -> int:
    """The first dimension that index tensors give; `tensors` are their positions among the picks."""
    slices = [isinstance(k, slice) for k in picks]
    return 0 if not tensors or any(slices[tensors[0]:tensors[-1]]) else sum(slices[:tensors[0]])


def selected_shape(x: Tensor, view: tuple[Any, ...], picks: tuple[Any, ...]) -> Shape:
    """The shape of the selection from x by the two parts of a key.

    Raises:
        IndexError: an index out of range, or too many indices.
    """
    try:
        found = _constant_array(x)[view or ...]
        return selection(found, picks)[0] if picks else found.shape
    except IndexError as error:
        raise out_of_range(error, x) from None


def out_of_range(error: IndexError, x: Tensor) -> IndexError:
    """NumPy's error for an index of x, in fastnet's terms and with the shape of x."""
    return IndexError(f"{error} (shape {shape_text(x)})".replace(" axis ", " dimension "))


def pick(x: Array, picks: Sequence[Any]) -> Array:
    """x[picks], a copy."""
    if _selects_rows(x, picks):
        return _gathered_rows(x, picks[0])
    shape, in_order = selection(x, picks)
    out = empty(shape, x.dtype)
    K.index_get(in_order(out) if in_order else out, x, *picks)
    return out


def _selects_rows(x: Array, picks: Sequence[Any]) -> bool:
    """Whether picks select whole rows by nonnegative integers, which the embedding kernel does in half the time.

    False in a recording, whose replays may get other integers.
    """
    return (state.recorder is None and picks_rows(picks) and picks[0].ndim == 1 and x.ndim > 1
            and x.dtype.kind == "f" and x.flags.c_contiguous and _counts_from_front(picks[0], len(x)))


def picks_rows(picks: Sequence[Any]) -> bool:
    """Whether picks are one index tensor, which selects entries of the first dimension."""
    index = picks[0]
    return len(picks) == 1 and type(index) is np.ndarray and index.dtype == np.int64 and index.ndim > 0


def row_numbers(index: Array, count: int) -> Array:
    """An index that selects among `count` entries, as an array (m,) in which negative integers are replaced.

    Args:
        index: of any shape; its integers are in range.
    """
    flat = contiguous(index).reshape(-1)
    if state.recorder is None and _counts_from_front(flat, count):
        return flat
    numbers = empty(flat.shape, flat.dtype)
    K.remainder(numbers, flat, np.array(count, flat.dtype))
    return numbers


def _counts_from_front(index: Array, count: int) -> bool:
    """Whether all integers are in range, and none is negative."""
    try:
        K.check_index(index, count)
    except IndexError:
        return False
    return True


def _gathered_rows(x: Array, index: Array) -> Array:
    width = math.prod(x.shape[1:])
    out = empty((len(index), *x.shape[1:]), x.dtype)
    K.embedding(out.reshape(len(out), width), x.reshape(len(x), width), index)
    return out


def put(x: Array, value: Array, picks: Sequence[Any]) -> None:
    """x[picks] = value."""
    shape, in_order = selection(x, picks)
    if in_order and value.ndim:
        missing = len(shape) - value.ndim               # negative: the value has extra leading dimensions of length 1
        value = in_order(value.reshape((1,) * missing + value.shape[max(-missing, 0):]))
    K.index_put_(x, value, *picks)
